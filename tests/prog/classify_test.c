// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The classifier and the filter against an evaluator that asks one box after the other: verdict,
 * rule, what it depends on, and counters. Rules and packets by chance, packets near the boxes'
 * borders.
 * This file is longer than others, since all its cases share one loaded program and one way of drawing rules.
 */
#include "prog.h"

#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "boxes.h"
#include "reference.h"
#include "ruleset.h"

#define RULES	2000
#define PACKETS 50000

static struct classify_bpf *skel;
static struct weir_box boxes[RULES * 2];
static struct weir_rule_rec recs[RULES];
static __u32 nr_boxes, nr_rules;
static struct weir_rule_count want[RULES];

/* --- the reference --- */

/* Limits never hold anything here. */
static struct weir_judged reference(const struct weir_fields *f)
{
	struct weir_judged j = {.rule = WEIR_NO_RULE, .verdict = WEIR_VERDICT_COUNT};
	__u32 i, passed = WEIR_NO_RULE;

	for (i = 0; i < nr_boxes; i++) {
		const struct weir_box *b = &boxes[i];
		const struct weir_rule_rec *rec = &recs[b->rule];

		if (b->rule == passed || !box_ranges(b, f))
			continue;
		j.checks |= b->checks;
		if (!box_tests(b, f))
			continue;
		j.checks |= (rec->log ? WEIR_LOG : 0) | (rec->limit_ns ? WEIR_CHECK_LIMIT : 0);
		want[rec->slot].packets++;
		want[rec->slot].bytes += f->len;
		if (rec->log && !j.log_id)
			j.log_id = rec->id;
		if (rec->verdict != WEIR_count) {
			j.rule = b->rule;
			j.id = rec->id;
			j.slot = rec->slot;
			j.verdict = rec->verdict;
			break;
		}
		j.checks |= WEIR_COUNTS;
		passed = b->rule;
	}
	return j;
}

/* --- running --- */

static void run(const struct bpf_program *prog, const struct weir_fields *f, void *out, size_t len)
{
	__u8 data[128] = {0}, back[128];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = sizeof(data),
		.data_out = back, .data_size_out = sizeof(back));

	memcpy(data, f, sizeof(*f));
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	assert_int_equal(opts.retval, 0);
	memcpy(out, back + sizeof(*f), len);
}

static struct weir_judged judged(const struct weir_fields *f)
{
	struct weir_judged j;

	run(skel->progs.judge, f, &j, sizeof(j));
	return j;
}

/* Of all CPUs. */
static struct weir_rule_count counted(__u32 slot)
{
	struct weir_rule_count c, sum = {0};
	__u32 cpus = (__u32)libbpf_num_possible_cpus(), cpu, i;

	for (cpu = 0; cpu < cpus; cpu++) {
		i = cpu * RULES + slot;
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.counts), &i, &c), 0);
		sum.packets += c.packets;
		sum.bytes += c.bytes;
	}
	return sum;
}

static void put_rules(void)
{
	assert_int_equal(
		ruleset_make(skel, WEIR_RULESET_filter, boxes, nr_boxes, recs, nr_rules), 0);
}

/* As so many trees, though fewer may be cheaper. */
static void put_trees(__u32 trees)
{
	struct weir_rules_in in = {.boxes = boxes,
		.nr_boxes = nr_boxes,
		.recs = recs,
		.rules = nr_rules,
		.trees = trees};
	struct weir_pages pages;

	assert_int_equal(weir_rules_compile(&in, &pages, NULL), 0);
	assert_int_equal(pages.page->head.trees, trees);
	assert_int_equal(ruleset_put(skel, WEIR_RULESET_filter, &pages), 0);
	weir_pages_free(&pages);
}

/* Rule @i of the list in the making; accept, its id one more than its place. */
static struct weir_box *rule_add(void)
{
	struct weir_box *b = &boxes[nr_boxes++];
	__u32 i = nr_rules++;

	box_any(b, i);
	/* slots in another order than rules */
	recs[i] = (struct weir_rule_rec){.id = i + 1, .slot = RULES - 1 - i};
	return b;
}

static int fresh(void **state)
{
	(void)state;
	nr_boxes = nr_rules = elems.nr = 0;
	memset(want, 0, sizeof(want));
	skel = ruleset_open(RULES);
	return skel ? 0 : -1;
}

static int done(void **state)
{
	(void)state;
	classify_bpf__destroy(skel);
	skel = NULL;
	return 0;
}

static void elem_add(__u32 set, __u32 bits, __u32 value, __u32 len)
{
	struct weir_elem_key key = {.set = (__u16)set, .len = (__u16)len, .value = value};
	struct weir_set_info info = {0};
	struct weir_elem elem = {0};

	bpf_map_lookup_elem(bpf_map__fd(skel->maps.set_info), &set, &info);
	info.bits = (__u16)bits;
	info.lens |= 1ULL << len;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(skel->maps.sets), &key, &elem, 0), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(skel->maps.set_info), &set, &info, 0), 0);
	elems.key[elems.nr++] = key;
}

/* --- rules by chance --- */

static void random_tests(struct weir_box *b)
{
	b->checks = (__u16)(1 << rnd_below(5));
	b->tcp_mask = (__u8)rnd_below(64);
	b->tcp_flags = b->tcp_mask & (__u8)rnd();
	b->icmp_type = (__u8)rnd_below(4);
	b->icmp_code = (__u8)rnd_below(3);
	b->states = (__u8)(1 + rnd_below(15));
	b->frag = (__u8)rnd_below(3);
	if (b->checks & WEIR_CHECK_TCP)
		b->proto[0] = b->proto[1] = PROTO_TCP;
}

static void random_sets(struct weir_box *b)
{
	switch (rnd_below(4)) {
	case 0:
		b->src_set = 1;
		break;
	case 1:
		b->dst_set = 1;
		break;
	case 2:
		b->sport_set = 2;
		break;
	default:
		b->dport_set = 2;
	}
}

static void random_rules(enum box_kind kind)
{
	__u32 i, more;

	for (i = 0; i < RULES; i++) {
		struct weir_box *b = rule_add();
		struct weir_rule_rec *rec = &recs[i];

		rec->verdict = (__u8)rnd_below(WEIR_VERDICT_COUNT);
		rec->log = !rnd_below(16);
		if (!rnd_below(16)) {
			rec->limit_ns = 1;
			rec->limit_burst = 1000;
		}
		/* one alternative, or two */
		for (more = rnd_below(8) ? 1 : 2; more; more--, b = more ? &boxes[nr_boxes++] : b) {
			box_make(b, kind, i, RULES);
			if (!rnd_below(4))
				random_tests(b);
			if (!rnd_below(8))
				random_sets(b);
			if (!rnd_below(16))
				b->oif = 1 + rnd_below(4);
		}
	}
}

static void compare(const struct weir_fields *f, __u32 nr)
{
	struct weir_judged ref = reference(f), got = judged(f);

	if (got.rule != ref.rule || got.id != ref.id || got.slot != ref.slot ||
		got.verdict != ref.verdict || got.log_id != ref.log_id ||
		(got.checks & ref.checks) != ref.checks)
		fail_msg("packet %u: rule %d verdict %u checks %x log %u, not %d %u %x %u", nr,
			(int)got.rule, got.verdict, got.checks, got.log_id, (int)ref.rule,
			ref.verdict, ref.checks, ref.log_id);
}

/* @trees: 0, as many as are cheapest. */
static void compare_all(enum box_kind kind, __u32 packets, __u32 trees)
{
	struct weir_fields f;
	__u32 i;

	for (i = 0; i < 16; i++) {
		elem_add(1, 32, rnd_addr(RULES / 20 + 4) & 0xffffff00, 24);
		elem_add(1, 32, rnd_addr(RULES / 20 + 4) & 0xffff0000, 16);
		elem_add(2, 16, rnd_below(1024), 16);
	}
	elem_add(2, 16, 0x8000, 2);
	random_rules(kind);
	if (trees)
		put_trees(trees);
	else
		put_rules();
	for (i = 0; i < packets; i++) {
		fields_near(&f, &boxes[rnd_below(nr_boxes)]);
		compare(&f, i);
	}
	for (i = 0; i < RULES; i++) {
		struct weir_rule_count c = counted(i);

		if (c.packets != want[i].packets || c.bytes != want[i].bytes)
			fail_msg("slot %u: %llu packets, not %llu", i, c.packets, want[i].packets);
	}
}

static void random_rules_equal_the_reference(void **state)
{
	(void)state;
	compare_all(BOX_fw, PACKETS, 0);
}

static void more_trees_equal_the_reference(void **state)
{
	(void)state;
	for (__u32 trees = 2; trees <= 3; trees++) {
		compare_all(BOX_fw, PACKETS / 10, trees);
		done(NULL);
		fresh(NULL);
	}
}

static void prefixes_equal_the_reference(void **state)
{
	(void)state;
	compare_all(BOX_acl, PACKETS / 5, 0);
}

static void wide_rules_equal_the_reference(void **state)
{
	(void)state;
	compare_all(BOX_mixed, PACKETS / 5, 0);
}

static void nested_rules_equal_the_reference(void **state)
{
	(void)state;
	compare_all(BOX_nested, PACKETS / 10, 0);
}

static void equal_rules_equal_the_reference(void **state)
{
	(void)state;
	compare_all(BOX_wild, PACKETS / 50, 0);
}

/* Leaves of more boxes than a reference counts, wherever they lie in a page. */
static void long_leaves_equal_the_reference(void **state)
{
	struct weir_fields f = {.len = 60};
	__u32 net, i;

	(void)state;
	for (net = 0; net < 60; net++)
		for (i = 0; i < WEIR_LEAF_MAX + 1 + net % 30; i++) {
			struct weir_box *b = rule_add();

			b->dst[0] = net << 8;
			b->dst[1] = b->dst[0] | 255;
			recs[nr_rules - 1].verdict =
				i < WEIR_LEAF_MAX + net % 30 ? WEIR_count : WEIR_drop;
		}
	put_rules();
	for (net = 0; net < 60; net++) {
		f.dim[WEIR_DIM_dst] = net << 8 | net;
		compare(&f, net);
	}
}

/* --- one thing at a time --- */

static struct weir_fields udp(void)
{
	struct weir_fields f = {
		.dim = {0xc0000201, 0xc6336401, 5000, 53, PROTO_UDP, 1, 2}, .len = 100};

	return f;
}

static void no_rules_decide_nothing(void **state)
{
	struct weir_fields f = udp();
	struct weir_judged j = judged(&f);

	(void)state;
	assert_int_equal(j.verdict, WEIR_VERDICT_COUNT);
	put_rules();
	j = judged(&f);
	assert_int_equal(j.verdict, WEIR_VERDICT_COUNT);
	assert_int_equal(j.rule, WEIR_NO_RULE);
	assert_int_equal(j.checks, 0);
}

static void later_fragments_match_no_ports(void **state)
{
	struct weir_fields f = udp();

	(void)state;
	rule_add()->dport[1] = 65535;
	put_rules();
	assert_int_equal(judged(&f).rule, 0);
	f.frag = WEIR_FRAG_LATER;
	f.dim[WEIR_DIM_sport] = f.dim[WEIR_DIM_dport] = WEIR_NO_PORT;
	assert_int_equal(judged(&f).rule, WEIR_NO_RULE);
}

static void sets_of_ports_hold_no_packet_without(void **state)
{
	struct weir_fields f = udp();

	(void)state;
	rule_add()->dport_set = 3;
	elem_add(3, 16, 0, 0);
	put_rules();
	assert_int_equal(judged(&f).rule, 0);
	f.dim[WEIR_DIM_dport] = WEIR_NO_PORT;
	assert_int_equal(judged(&f).rule, WEIR_NO_RULE);
}

/* What an earlier rule of another tree decides does not depend on a later one's test. */
static void later_rules_make_nothing_dependent(void **state)
{
	struct weir_fields f = udp();
	__u32 i;

	(void)state;
	for (i = 0; i < 100; i++) {
		struct weir_box *b = rule_add();

		b->dst[0] = b->dst[1] = 0xc6336400 + i;
	}
	boxes[1].checks = WEIR_CHECK_STATE;
	boxes[1].states = WEIR_STATE_new;
	box_any(&boxes[0], 0);
	boxes[0].dport[0] = boxes[0].dport[1] = 53;
	put_trees(2);
	assert_int_equal(judged(&f).rule, 0);
	assert_int_equal(judged(&f).checks, 0);
	f.dim[WEIR_DIM_dport] = 54;
	assert_int_equal(judged(&f).rule, WEIR_NO_RULE);
	assert_int_equal(judged(&f).checks, WEIR_CHECK_STATE);
}

static void nat_rules_are_found(void **state)
{
	struct weir_fields f = udp();
	__u32 got[2];

	(void)state;
	rule_add()->oif = 3;
	rule_add()->oif = 2;
	assert_int_equal(ruleset_make(skel, WEIR_RULESET_nat, boxes, nr_boxes, recs, nr_rules), 0);
	run(skel->progs.find, &f, got, sizeof(got));
	assert_int_equal(got[0], 1);
	assert_int_equal(got[1], 2);
	f.dim[WEIR_DIM_oif] = 4;
	run(skel->progs.find, &f, got, sizeof(got));
	assert_int_equal(got[0], WEIR_NO_RULE);
}

/* --- limits --- */

static __u32 passed(const struct weir_fields *f, __u32 packets)
{
	__u32 n = 0;

	while (packets--)
		n += judged(f).rule == 0;
	return n;
}

/* Rule 0 accepts @burst packets a day and a token each @ns, rule 1 drops. */
static void limited(__u32 burst, __u64 ns, enum weir_limit_per per)
{
	rule_add();
	recs[0].limit_ns = ns;
	recs[0].limit_burst = burst;
	recs[0].limit_per = (__u8)per;
	rule_add();
	recs[1].verdict = WEIR_drop;
	put_rules();
}

#define DAY_NS 86400000000000ULL

static void a_burst_passes_exactly(void **state)
{
	struct weir_fields f = udp();

	(void)state;
	limited(100, DAY_NS, WEIR_PER_RULE);
	assert_int_equal(passed(&f, 300), 100);
	assert_int_equal(counted(recs[0].slot).packets, 100);
	assert_int_equal(counted(recs[1].slot).packets, 200);
	assert_true(judged(&f).checks & WEIR_CHECK_LIMIT);
	assert_int_equal(skel->data_limits->limits.full, 0);
}

static void limits_are_per_value(void **state)
{
	struct weir_fields f = udp(), g = udp();

	(void)state;
	g.dim[WEIR_DIM_dst]++;
	g.flow++;
	limited(10, DAY_NS, WEIR_PER_SRC);
	assert_int_equal(passed(&f, 20) + passed(&g, 20), 10);
	done(NULL);
	fresh(NULL);
	limited(10, DAY_NS, WEIR_PER_DST);
	assert_int_equal(passed(&f, 20) + passed(&g, 20), 20);
	done(NULL);
	fresh(NULL);
	limited(10, DAY_NS, WEIR_PER_FLOW);
	assert_int_equal(passed(&f, 20) + passed(&g, 20), 20);
}

static void tokens_come_back(void **state)
{
	struct weir_fields f = udp();
	struct timespec ms = {0, 50000000};

	(void)state;
	limited(2, 1000000, WEIR_PER_RULE);
	passed(&f, 2);
	nanosleep(&ms, NULL);
	assert_int_equal(passed(&f, 2), 2);
}

static void pin(size_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void a_burst_is_exact_under_two_cpus(void **state)
{
	struct weir_fields f = udp();
	__u8 data[128] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = sizeof(data),
		.repeat = 200000);
	int status, fd = bpf_program__fd(skel->progs.judge);
	pid_t child;

	(void)state;
	memcpy(data, &f, sizeof(f));
	limited(150000, DAY_NS / 24, WEIR_PER_RULE);
	child = fork();
	assert_true(child >= 0);
	pin(child ? 0 : 1);
	status = bpf_prog_test_run_opts(fd, &opts);
	if (!child)
		_exit(status != 0);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(counted(recs[0].slot).packets, 150000);
	assert_int_equal(counted(recs[1].slot).packets, 250000);
}

/* Buckets that say nothing are removed, others stay; without room a packet is over its limit. */
static void buckets_are_bounded(void **state)
{
	struct weir_fields f = udp();
	__u32 i;

	(void)state;
	limited(1, DAY_NS, WEIR_PER_SRC);
	for (i = 0; i < WEIR_BUCKETS_MAX; i++) {
		f.dim[WEIR_DIM_src] = i;
		assert_int_equal(judged(&f).rule, 0);
	}
	f.dim[WEIR_DIM_src] = i;
	assert_int_equal(judged(&f).rule, 1);
	assert_int_equal(skel->data_limits->limits.full, 1);
	run(skel->progs.sweep, &f, &i, sizeof(i));
	assert_int_equal(skel->data_limits->limits.removed, 0);
	done(NULL);
	fresh(NULL);
	limited(1, 1000, WEIR_PER_SRC);
	for (i = 0; i < 1000; i++) {
		f.dim[WEIR_DIM_src] = i;
		assert_int_equal(judged(&f).rule, 0);
	}
	usleep(1000);
	run(skel->progs.sweep, &f, &i, sizeof(i));
	assert_int_equal(skel->data_limits->limits.removed, 1000);
}

/* --- many --- */

static void many(enum box_kind kind, __u32 nr, bool count)
{
	struct weir_box *b = aligned_alloc(64, nr * sizeof(*b));
	struct weir_rule_rec *r = aligned_alloc(64, nr * sizeof(*r));
	struct weir_fields f;
	__u32 i, k, rule;

	assert_non_null(b);
	assert_non_null(r);
	memset(r, 0, nr * sizeof(*r));
	for (i = 0; i < nr; i++) {
		box_make(&b[i], kind, i, nr);
		r[i].id = i + 1;
		r[i].slot = i % RULES;
		r[i].verdict = count ? WEIR_count : WEIR_drop;
	}
	assert_int_equal(ruleset_make(skel, WEIR_RULESET_filter, b, nr, r, nr), 0);
	for (k = 0; k < 200 && !count; k++) {
		fields_near(&f, &b[rnd_below(nr)]);
		for (rule = 0; rule < nr && !box_ranges(&b[rule], &f); rule++)
			;
		assert_int_equal(judged(&f).rule, rule < nr ? rule : WEIR_NO_RULE);
	}
	free(b);
	free(r);
}

static void a_hundred_thousand_rules_of_any_kind(void **state)
{
	(void)state;
	for (int kind = 0; kind < BOX_KIND_COUNT; kind++)
		many((enum box_kind)kind, 100000, false);
	many(BOX_acl, WEIR_RULES_MAX, false);
}

static void a_hundred_thousand_rules_that_count(void **state)
{
	struct weir_fields f = udp();
	struct weir_judged j;

	(void)state;
	many(BOX_wild, 100000, true);
	j = judged(&f);
	assert_int_equal(j.rule, WEIR_NO_RULE);
	assert_int_equal(j.checks, WEIR_COUNTS);
	assert_int_equal(counted(0).packets, 50);
	assert_int_equal(counted(RULES - 1).bytes, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)
		TEST(no_rules_decide_nothing),
		TEST(later_fragments_match_no_ports),
		TEST(sets_of_ports_hold_no_packet_without),
		TEST(later_rules_make_nothing_dependent),
		TEST(nat_rules_are_found),
		TEST(a_burst_passes_exactly),
		TEST(limits_are_per_value),
		TEST(tokens_come_back),
		TEST(a_burst_is_exact_under_two_cpus),
		TEST(buckets_are_bounded),
		TEST(random_rules_equal_the_reference),
		TEST(more_trees_equal_the_reference),
		TEST(prefixes_equal_the_reference),
		TEST(wide_rules_equal_the_reference),
		TEST(nested_rules_equal_the_reference),
		TEST(equal_rules_equal_the_reference),
		TEST(long_leaves_equal_the_reference),
		TEST(a_hundred_thousand_rules_of_any_kind),
		TEST(a_hundred_thousand_rules_that_count),
	};

	if (!net_allowed())
		return 0;
	return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
