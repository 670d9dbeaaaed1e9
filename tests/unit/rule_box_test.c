// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "rule_ref.h"
#include "rule_text.h"

static __u32 ifindex_of(void *ctx, const char *name)
{
	(void)ctx;
	return !strcmp(name, "eth0") ? 5 : !strcmp(name, "eth1") ? 6 : 0;
}

static int set_of(void *ctx, const char *name, unsigned int bits)
{
	(void)ctx;
	if (!strcmp(name, "bad"))
		return bits == 32 ? 1 : -1;
	return !strcmp(name, "ports") ? (bits == 16 ? 2 : -1) : 0;
}

/* Addresses that end with 7; ports that do with 3. */
static bool set_has(void *ctx, const char *name, __u32 value)
{
	(void)ctx;
	return !strcmp(name, "bad") ? (value & 15) == 7 : (value & 15) == 3;
}

static const struct weir_resolve by = {.ifindex_of = ifindex_of, .set_of = set_of};

static int boxes_of(const char *typed, enum weir_rule_kind kind, struct weir_boxes *boxes, struct weir_rule_rec *rec, struct weir_err *err)
{
	struct weir_rule rule;
	int ret;

	must_parse(&rule, kind, typed);
	ret = weir_rule_boxes(&rule, 9, &by, boxes, rec, err);
	weir_rule_done(&rule);
	return ret;
}

static void boxes_are_the_product_of_lists_that_touch(void **state)
{
	struct weir_boxes boxes = {0};
	struct weir_rule_rec rec;
	struct weir_err err;

	(void)state;
	assert_int_equal(boxes_of("id 4 in dev eth0 proto udp src 10.0.0.0/9,10.128.0.0/9,@bad "
				  "dport 5,7,6,@ports,@ports limit 2/s accept log",
				 WEIR_RULE_FILTER, &boxes, &rec, &err),
		0);
	assert_int_equal(boxes.nr, 4);
	assert_int_equal(boxes.list[0].src[0], 0x0a000000);
	assert_int_equal(boxes.list[0].src[1], 0x0affffff);
	assert_int_equal(boxes.list[1].src_set, 1);
	assert_int_equal(boxes.list[0].dport[0], 5);
	assert_int_equal(boxes.list[0].dport[1], 7);
	assert_int_equal(boxes.list[2].dport_set, 2);
	assert_int_equal(boxes.list[2].dport[1], 65535);
	assert_int_equal(boxes.list[3].sport[1], ~0u);
	assert_int_equal(boxes.list[3].iif, 5);
	assert_int_equal(boxes.list[3].oif, 0);
	assert_int_equal(boxes.list[3].rule, 9);
	assert_int_equal(rec.id, 4);
	assert_int_equal(rec.checks, WEIR_CHECK_LIMIT | WEIR_LOG);
	assert_int_equal(rec.limit_ns, 500000000);
	assert_int_equal(rec.limit_burst, 5);
	weir_boxes_done(&boxes);
}

static void boxes_of_map_go_both_ways(void **state)
{
	struct weir_boxes boxes = {0};
	struct weir_rule_rec rec;
	struct weir_err err;

	(void)state;
	assert_int_equal(boxes_of("map 10.0.0.0/30 to 192.0.2.0/30 dev eth1", WEIR_RULE_NAT,
				 &boxes, &rec, &err),
		0);
	assert_int_equal(boxes.nr, 3);
	assert_int_equal(boxes.list[0].src[0], 0x0a000000);
	assert_int_equal(boxes.list[0].dst[1], ~0u);
	assert_int_equal(boxes.list[0].oif, 6);
	assert_int_equal(boxes.list[1].src[1], ~0u);
	assert_int_equal(boxes.list[1].dst[1], 0xc0000203);
	assert_int_equal(boxes.list[1].iif, 6);
	assert_int_equal(boxes.list[1].oif, WEIR_DEV_DNAT);
	assert_int_equal(boxes.list[2].dst[1], 0xc0000203);
	assert_int_equal(boxes.list[2].iif, WEIR_DEV_INSIDE);
	assert_int_equal(boxes.list[2].oif, WEIR_DEV_DNAT);
	assert_int_equal(rec.to[1], 0xc0000203);
	assert_int_equal(rec.inside[0], 0x0a000000);
	assert_int_equal(rec.dev, 6);
	weir_boxes_done(&boxes);
}

static void dnat_is_asked_before_there_is_a_way_out(void **state)
{
	struct weir_boxes boxes = {0};
	struct weir_rule_rec rec;
	struct weir_err err;

	(void)state;
	assert_int_equal(boxes_of("dnat in dev eth1 proto udp dport 53 to 10.0.0.2",
				 WEIR_RULE_NAT, &boxes, &rec, &err),
		0);
	assert_int_equal(boxes.nr, 2);
	assert_int_equal(boxes.list[1].iif, WEIR_DEV_INSIDE);
	assert_int_equal(boxes.list[0].iif, 6);
	assert_int_equal(boxes.list[0].oif, WEIR_DEV_DNAT);
	assert_int_equal(rec.dev, 6);
	weir_boxes_done(&boxes);
}

static void boxes_refuse_what_cannot_be_resolved(void **state)
{
	static const struct {
		const char *typed, *what;
	} bad[] = {
		{"in dev eth7 drop", "there is no device 'eth7'"},
		{"src @none drop", "there is no set 'none'"},
		{"src @ports drop", "set 'ports' holds ports, not addresses"},
		{"proto udp dport @bad drop", "set 'bad' holds addresses, not ports"},
	};
	struct weir_boxes boxes = {0};
	struct weir_rule_rec rec = {.id = 42};
	struct weir_err err = {0};
	char line[4096] = "proto udp drop sport 1", *p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_not_equal(boxes_of(bad[i].typed, WEIR_RULE_FILTER,
					     &boxes, &rec, &err),
			0);
		assert_string_equal(err.what, bad[i].what);
	}
	p = line + strlen(line);
	for (int i = 1; i < 257; i++)
		p += sprintf(p, ",%d", i * 2 + 1);
	p += sprintf(p, " dport 1");
	for (int i = 1; i < 256; i++)
		p += sprintf(p, ",%d", i * 2 + 1);
	assert_int_not_equal(
		boxes_of(line, WEIR_RULE_FILTER, &boxes, &rec, &err), 0);
	assert_string_equal(err.what, "its lists make 65792 combinations: 65536 at most");
	assert_string_equal(
		err.remedy, "put the longest into a set: weir set add NAME ..., then sport @NAME");
	assert_int_equal(boxes.nr, 0);
	assert_int_equal(rec.id, 42);
}

/* What a box means, of what trees do not cut by. */
static bool box_matches(const struct weir_box *b, const struct weir_fields *f)
{
	const __u32 *d = f->dim;
	bool header = f->frag != WEIR_FRAG_LATER;

	if (d[0] < b->src[0] || d[0] > b->src[1] || d[1] < b->dst[0] || d[1] > b->dst[1] ||
		d[2] < b->sport[0] || d[2] > b->sport[1] || d[3] < b->dport[0] ||
		d[3] > b->dport[1] || d[4] < b->proto[0] || d[4] > b->proto[1] ||
		(b->iif && d[5] != b->iif) || (b->oif && d[6] != b->oif))
		return false;
	if ((b->src_set && !set_has(NULL, "bad", d[0])) ||
		(b->dport_set && !set_has(NULL, "ports", d[3])))
		return false;
	if (b->checks & WEIR_CHECK_TCP && (!header || (f->tcp_flags & b->tcp_mask) != b->tcp_flags))
		return false;
	if (b->checks & WEIR_CHECK_ICMP_TYPE && (!header || f->icmp_type != b->icmp_type))
		return false;
	if (b->checks & WEIR_CHECK_ICMP_CODE && f->icmp_code != b->icmp_code)
		return false;
	if (b->checks & WEIR_CHECK_STATE && !(b->states & f->state))
		return false;
	return !(b->checks & WEIR_CHECK_FRAG) ||
	       (b->frag ? f->frag == b->frag : f->frag != WEIR_FRAG_NONE);
}

static void random_fields(struct weir_fields *f)
{
	static const __u8 protos[] = {1, 6, 17, 47};

	memset(f, 0, sizeof(*f));
	f->dim[WEIR_DIM_src] = 0x0a000000u + (__u32)(rand() % 64);
	f->dim[WEIR_DIM_dst] = 0xc0000200u + (__u32)(rand() % 64);
	f->dim[WEIR_DIM_proto] = protos[rand() % 4];
	f->dim[WEIR_DIM_iif] = (__u32)(4 + rand() % 3);
	f->frag = (__u8)(rand() % 3);
	f->tcp_flags = (__u8)(rand() % 32);
	f->icmp_type = (__u8)(rand() % 2 * 8);
	f->state = (__u8)(1 << rand() % 4);
	for (int i = WEIR_DIM_sport; i <= WEIR_DIM_dport; i++)
		f->dim[i] = f->frag == WEIR_FRAG_LATER || f->dim[WEIR_DIM_proto] == 1
				    ? WEIR_NO_PORT
				    : (__u32)(rand() % 32);
}

static void boxes_match_what_the_reference_does(void **state)
{
	static const char *const rules[] = {
		"drop",
		"in dev eth0 src 10.0.0.3-10.0.0.40 drop",
		"src @bad,10.0.0.1,10.0.0.8/29 dst 192.0.2.0/27 drop",
		"proto udp dport 3-9,20,@ports drop",
		"proto tcp sport 0-65535 drop",
		"proto tcp tcp-flags syn/syn,ack dport 1-20 drop",
		"icmp echo-request drop",
		"icmp 0/0 drop",
		"frag any drop",
		"frag first proto udp drop",
		"frag later drop",
		"state new,invalid src 10.0.0.0/27 drop",
		"dst 0.0.0.0/0 drop",
	};
	const struct rule_ref ref = {.ifindex_of = ifindex_of, .set_has = set_has};

	(void)state;
	for (size_t r = 0; r < sizeof(rules) / sizeof(*rules); r++) {
		struct weir_boxes boxes = {0};
		struct weir_rule_rec rec;
		struct weir_fields fields;
		struct weir_rule rule;
		unsigned int hits = 0;

		must_parse(&rule, WEIR_RULE_FILTER, rules[r]);
		assert_int_equal(
			weir_rule_boxes(&rule, 0, &by, &boxes, &rec, NULL), 0);
		for (int i = 0; i < 20000; i++) {
			bool any = false;

			random_fields(&fields);
			for (size_t b = 0; b < boxes.nr && !any; b++)
				any = box_matches(&boxes.list[b], &fields);
			hits += any;
			if (any != rule_ref_matches(&rule, &fields, &ref))
				fail_msg("'%s': boxes say %d", rules[r], any);
		}
		assert_int_not_equal(hits, 0);
		weir_boxes_done(&boxes);
		weir_rule_done(&rule);
	}
}

static void the_first_rule_decides_and_count_goes_on(void **state)
{
	static const char *const lines[] = {"count", "proto udp count", "proto tcp drop", "accept"};
	const struct rule_ref ref = {.ifindex_of = ifindex_of, .set_has = set_has};
	struct weir_fields udp = {.dim = {[WEIR_DIM_proto] = 17}, .len = 60}, tcp = udp;
	struct weir_rule_count counts[4] = {0};
	struct weir_rule rules[4];

	(void)state;
	tcp.dim[WEIR_DIM_proto] = 6;
	for (int i = 0; i < 4; i++)
		must_parse(&rules[i], WEIR_RULE_FILTER, lines[i]);
	assert_int_equal(rule_ref_decide(rules, 4, &udp, &ref, counts), 3);
	assert_int_equal(rule_ref_decide(rules, 4, &tcp, &ref, counts), 2);
	assert_int_equal(rule_ref_decide(rules, 3, &udp, &ref, NULL), -1);
	assert_int_equal(counts[0].packets, 2);
	assert_int_equal(counts[0].bytes, 120);
	assert_int_equal(counts[1].packets, 1);
	assert_int_equal(counts[3].packets, 1);
}

static void prefixes_are_the_span_and_no_more(void **state)
{
	static const struct weir_span spans[] = {{0, ~0u}, {1, ~0u - 1}, {5, 5}, {0, 0}, {~0u, ~0u},
		{7, 300}, {0x0a000000, 0x0affffff}};
	struct weir_prefix p[WEIR_PREFIXES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
		unsigned int nr = weir_span_prefixes(spans[i], 32, p);
		__u64 next = spans[i].lo;

		for (unsigned int k = 0; k < nr; k++) {
			__u64 size = 1ull << (32 - p[k].len);

			assert_int_equal(p[k].value, next);
			assert_int_equal(p[k].value % size, 0);
			next += size;
		}
		assert_int_equal(next, (__u64)spans[i].hi + 1);
	}
	assert_int_equal(weir_span_prefixes(spans[0], 32, p), 1);
	assert_int_equal(weir_span_prefixes(spans[1], 32, p), 62);
	assert_int_equal(weir_span_prefixes((struct weir_span){0, 65535}, 16, p), 1);
	assert_int_equal(p[0].len, 0);
	assert_int_equal(weir_span_prefixes((struct weir_span){53, 53}, 16, p), 1);
	assert_int_equal(p[0].len, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boxes_are_the_product_of_lists_that_touch),
		cmocka_unit_test(boxes_of_map_go_both_ways),
		cmocka_unit_test(dnat_is_asked_before_there_is_a_way_out),
		cmocka_unit_test(boxes_refuse_what_cannot_be_resolved),
		cmocka_unit_test(boxes_match_what_the_reference_does),
		cmocka_unit_test(the_first_rule_decides_and_count_goes_on),
		cmocka_unit_test(prefixes_are_the_span_and_no_more),
	};

	return WEIR_RUN(tests);
}
