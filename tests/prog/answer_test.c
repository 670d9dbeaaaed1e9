// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the sender of a refused packet is told (bpf/lib/answer.h), byte for byte, at each hook: what is
 * expected is written here once more, from the RFCs. That hosts understand it: answer_wire_test.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/libbpf.h>

#include "answer.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, MF = 0x2000 };

static struct prog progs[WEIR_HOOK_COUNT];

/* --- loading and running --- */

static int setup(void **state)
{
	unsigned int hook;

	(void)state;
	if (net_up_plain())
		return -1;
	for (hook = 0; hook < WEIR_HOOK_COUNT; hook++)
		answer_load(&progs[hook], hook, net_ifindex(PORT_IN), false, false);
	return 0;
}

static int teardown(void **state)
{
	unsigned int hook;

	(void)state;
	for (hook = 0; hook < WEIR_HOOK_COUNT; hook++)
		answer_unload(&progs[hook]);
	return 0;
}

/* The bucket is full again at @full_ns. */
static void set_bucket(const struct prog *p, __u64 full_ns)
{
	__u64 each[1024] = {};
	__u32 zero = 0, i;

	for (i = 0; i < p->cpus && i < ARRAY_SIZE(each); i++)
		each[i] = full_ns;
	prog_put(p, "answers", &zero, each);
}

struct told {
	__u64 answers, limited;
};

static struct told told(const struct prog *p)
{
	struct told t = {};
	__u32 i;

	for (i = 0; i < p->nr_rows; i++) {
		t.answers += p->rows[i].answers;
		t.limited += p->rows[i].answers_limited;
	}
	return t;
}

static const __u32 answer_code[] = {XDP_TX, TC_ACT_REDIRECT, TC_ACT_REDIRECT};
static const __u32 drop_code[] = {XDP_DROP, TC_ACT_SHOT, TC_ACT_SHOT};

/* One run with tokens there; @want NULL: no answer. False where the kernel cannot split the frame so. */
static bool check(struct prog *p, const struct frame *in, const struct frame *want, const char *what)
{
	static struct ran ran;
	struct told before = told(p), after;
	int rc;

	set_bucket(p, 0);
	rc = prog_try(p, in, &ran);
	if (rc == -EINVAL && p->linear)
		return false;
	assert_int_equal(rc, 0);
	after = told(p);
	if (ran.verdict != (want ? answer_code : drop_code)[p->hook])
		fail_msg("%s: hook %d says %u", what, p->hook, ran.verdict);
	if (want)
		assert_frame(&ran.out, want, what, p->hook);
	assert_int_equal(after.answers - before.answers, want ? 1 : 0);
	assert_int_equal(after.limited, before.limited);
	return true;
}

/* --- what is expected: @l3 is where IP begins, @len how long the refused packet is --- */

static void put_head(struct frame *w, const struct frame *in, unsigned int l3, unsigned int len,
	unsigned int tos, unsigned int proto)
{
	memset(w->data, 0, 2048);
	w->len = l3 + len;
	memcpy(w->data, in->data, l3);
	memcpy(w->data + AT_ETH_DST, in->data + AT_ETH_SRC, 6);
	memcpy(w->data + AT_ETH_SRC, in->data + AT_ETH_DST, 6);
	put8(w, l3, 0x45);
	put8(w, l3 + 1, tos);
	put16(w, l3 + 2, len);
	put16(w, l3 + 4, get16(in, l3 + 4));
	put8(w, l3 + 8, 64);
	put8(w, l3 + 9, proto);
	memcpy(w->data + l3 + 16, in->data + l3 + 12, 4);
}

static void seal_at(struct frame *w, unsigned int check, unsigned int from, __u32 len, __u32 sum)
{
	put16(w, check, 0);
	put16(w, check, ~sum16(w->data + from, len, sum) & 0xffff);
}

static void want_error(struct frame *w, const struct frame *in, unsigned int l3, unsigned int len,
	const char *from)
{
	unsigned int quote = len < 548 ? len : 548;

	put_head(w, in, l3, 28 + quote, (in->data[l3 + 1] & 0x1cU) | 0xc0U, PROTO_ICMP);
	if (from)
		put_addr(w, l3 + 12, from);
	else /* at egress */
		memcpy(w->data + l3 + 12, in->data + l3 + 16, 4);
	put8(w, l3 + 20, 3);
	put8(w, l3 + 21, 13);
	memcpy(w->data + l3 + 28, in->data + l3, quote);
	if (get16(w, l3 + 30) != len) { /* of a superframe its first segment is quoted */
		put16(w, l3 + 30, len);
		seal_at(w, l3 + 38, l3 + 28, 20, 0);
		if (w->data[l3 + 37] == PROTO_UDP)
			put16(w, l3 + 52, len - 20);
	}
	seal_at(w, l3 + 22, l3 + 20, 8 + quote, 0);
	seal_at(w, l3 + 10, l3, 20, 0);
}

static void want_rst(struct frame *w, const struct frame *in, unsigned int l3, unsigned int len)
{
	unsigned int ihl = (in->data[l3] & 15U) * 4, l4 = l3 + ihl, flags = in->data[l4 + 13];
	__u32 seq;

	put_head(w, in, l3, 40, in->data[l3 + 1] & 0xfcU, PROTO_TCP);
	memcpy(w->data + l3 + 12, in->data + l3 + 16, 4);
	put16(w, l3 + 20, get16(in, l4 + 2));
	put16(w, l3 + 22, get16(in, l4));
	if (flags & ACK) {
		memcpy(w->data + l3 + 24, in->data + l4 + 8, 4);
	} else {
		memcpy(&seq, in->data + l4 + 4, 4);
		put32(w, l3 + 28, ntohl(seq) + len - ihl - (in->data[l4 + 12] >> 4) * 4U +
					  !!(flags & SYN) + !!(flags & FIN));
	}
	put8(w, l3 + 32, 0x50);
	put8(w, l3 + 33, flags & ACK ? RST : RST | ACK);
	seal_at(w, l3 + 36, l3 + 20, 20, sum16(w->data + l3 + 12, 8, PROTO_TCP + 20));
	seal_at(w, l3 + 10, l3, 20, 0);
}

/* The kernel makes no skb of more than a page for a test. */
static unsigned int hooks_for(const struct frame *in)
{
	return in->len < 3000 ? WEIR_HOOK_COUNT : WEIR_HOOK_xdp + 1;
}

static void is_told(const struct frame *in, const char *what)
{
	static struct frame want;
	unsigned int hook, len = get16(in, AT_IP_LEN);

	for (hook = 0; hook < hooks_for(in); hook++) {
		if (in->data[AT_IP_PROTO] == PROTO_TCP)
			want_rst(&want, in, 14, len);
		else
			want_error(&want, in, 14, len, hook == WEIR_HOOK_tc_egress ? NULL : ROUTER);
		check(&progs[hook], in, &want, what);
	}
}

static void is_not_told(const struct frame *in, const char *what)
{
	unsigned int hook;

	for (hook = 0; hook < hooks_for(in); hook++)
		check(&progs[hook], in, NULL, what);
}

/* --- tests --- */

static void make_segment(struct frame *f, unsigned int flags, __u32 payload)
{
	frame_make(f, PROTO_TCP, FAR, 20 + payload);
	put32(f, AT_L4 + 4, 0xfffffff0);
	put32(f, AT_L4 + 8, 0x89abcdef);
	put16(f, AT_L4 + 12, 0x5000 | flags);
	frame_seal(f);
}

static void every_length_is_quoted(void **state)
{
	static const unsigned int protos[] = {PROTO_UDP, PROTO_GRE, PROTO_SCTP};
	static struct frame f;
	size_t i;
	__u32 len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(protos); i++)
		for (len = 0; len < 1480; len += len < 40 || (len > 520 && len < 535) ? 1 : 37) {
			frame_make(&f, protos[i], FAR, len);
			is_told(&f, "length");
		}
	frame_make(&f, PROTO_UDP, FAR, 9000);
	is_told(&f, "long");
	frame_make(&f, PROTO_UDP, FAR, 9);
	frame_pad(&f, 60);
	is_told(&f, "padded");
}

static void tos_keeps_its_own_bits_and_no_ecn(void **state)
{
	static struct frame f;
	unsigned int tos;

	(void)state;
	for (tos = 0; tos < 256; tos++) {
		frame_make(&f, PROTO_UDP, FAR, 20);
		put8(&f, AT_IP_TOS, tos);
		frame_seal(&f);
		is_told(&f, "udp, TOS");
		make_segment(&f, SYN, 0);
		put8(&f, AT_IP_TOS, tos);
		frame_seal(&f);
		is_told(&f, "tcp, TOS");
	}
}

/* All flags; its numbers turn over 2^32. */
static void segments_are_reset(void **state)
{
	static const __u32 payload[] = {0, 1, 2, 15, 16, 17, 1000, 1460, 8000};
	static struct frame f;
	unsigned int flags;
	size_t i;

	(void)state;
	for (flags = 0; flags < 64; flags++)
		for (i = 0; i < ARRAY_SIZE(payload); i++) {
			make_segment(&f, flags, payload[i]);
			if (flags & RST)
				is_not_told(&f, "RST");
			else
				is_told(&f, "segment");
		}
	for (i = 5; i <= 15; i++) {
		make_segment(&f, SYN, 100);
		put8(&f, AT_L4 + 12, (unsigned int)i << 4);
		frame_seal(&f);
		is_told(&f, "TCP options");
	}
}

static void broken_segments_are_not_answered(void **state)
{
	static struct frame f;
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		frame_make(&f, PROTO_TCP, FAR, i);
		is_not_told(&f, "cut");
	}
	for (i = 0; i < 16; i++) {
		make_segment(&f, SYN, 19);
		put8(&f, AT_L4 + 12, i << 4);
		if (i < 5 || i > 9)
			is_not_told(&f, "data offset");
		else
			is_told(&f, "data offset");
	}
}

/* RFC 1122, 3.2.2: of ICMP only queries and replies. */
static void errors_are_never_answered(void **state)
{
	static const unsigned int queries[] = {0, 8, 13, 14, 15, 16, 17, 18};
	static struct frame f;
	unsigned int type, i;

	(void)state;
	for (type = 0; type < 256; type++) {
		frame_make(&f, PROTO_ICMP, FAR, 36);
		put16(&f, AT_L4, type << 8);
		for (i = 0; i < ARRAY_SIZE(queries) && queries[i] != type; i++)
			;
		if (i < ARRAY_SIZE(queries))
			is_told(&f, "ICMP type");
		else
			is_not_told(&f, "ICMP type");
	}
	frame_make(&f, PROTO_ICMP, FAR, 0);
	is_not_told(&f, "ICMP without a type");
}

static void fragments_are_answered_if_first(void **state)
{
	static const unsigned int first[] = {MF, 0x4000, 0x8000}, later[] = {1, MF | 1, 0x1fff};
	static struct frame f;
	unsigned int proto;
	size_t i;

	(void)state;
	for (proto = PROTO_TCP; proto <= PROTO_UDP; proto += PROTO_UDP - PROTO_TCP)
		for (i = 0; i < 3; i++) {
			frame_make(&f, proto, FAR, 64);
			put16(&f, AT_IP_FRAG, first[i]);
			frame_seal_ip(&f);
			is_told(&f, "first");
			put16(&f, AT_IP_FRAG, later[i]);
			frame_seal_ip(&f);
			is_not_told(&f, "later");
		}
}

static void set_addr(struct frame *f, unsigned int at, const char *addr)
{
	put_addr(f, at, addr);
	frame_seal(f);
}

static void put_local(const char *addr, __u32 type)
{
	struct weir_local l = {.type = type};
	unsigned int hook;
	__u32 key;

	assert_int_equal(inet_pton(AF_INET, addr, &key), 1);
	for (hook = 0; hook < WEIR_HOOK_COUNT; hook++)
		prog_put(&progs[hook], "local", &key, &l);
}

static void only_single_hosts_are_told(void **state)
{
	static const char *const nobody[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1",
		"239.1.2.3", "240.0.0.1", "255.255.255.255", "192.0.2.255"};
	static const unsigned int protos[] = {PROTO_TCP, PROTO_UDP};
	static struct frame f, want;
	size_t i, j;

	(void)state;
	put_local("192.0.2.255", 3);
	put_local("198.51.100.77", 2);
	for (j = 0; j < ARRAY_SIZE(protos); j++) {
		for (i = 0; i < ARRAY_SIZE(nobody); i++) {
			frame_make(&f, protos[j], FAR, 30);
			set_addr(&f, AT_IP_SRC, nobody[i]);
			is_not_told(&f, nobody[i]);
			frame_make(&f, protos[j], nobody[i], 30);
			is_not_told(&f, nobody[i]);
		}
		frame_make(&f, protos[j], FAR, 30);
		put8(&f, AT_ETH_DST, 3);
		is_not_told(&f, "a group's MAC address");
		frame_make(&f, protos[j], "198.51.100.77", 30);
		is_told(&f, "to us");
	}
	/* from our own address: a local sender, or one who lies */
	make_segment(&f, SYN, 0);
	set_addr(&f, AT_IP_SRC, "198.51.100.77");
	check(&progs[WEIR_HOOK_xdp], &f, NULL, "ours, from outside");
	check(&progs[WEIR_HOOK_tc_ingress], &f, NULL, "ours, from outside");
	want_rst(&want, &f, 14, 40);
	check(&progs[WEIR_HOOK_tc_egress], &f, &want, "ours, by ourselves");
}

/* @n bytes of @with at @at. */
static void insert(struct frame *f, unsigned int at, const void *with, unsigned int n)
{
	memmove(f->data + at + n, f->data + at, f->len - at);
	memcpy(f->data + at, with, n);
	f->len += n;
}

static void options_are_quoted_and_go(void **state)
{
	static const __u8 nops[40] = {1, 1, 1, 1};
	static struct frame f;
	unsigned int words, proto;

	(void)state;
	for (words = 1; words <= 10; words++)
		for (proto = PROTO_TCP; proto <= PROTO_UDP; proto += PROTO_UDP - PROTO_TCP) {
			frame_make(&f, proto, FAR, 24 + words);
			insert(&f, AT_L4, nops, words * 4);
			put8(&f, AT_IP_START, 0x45 + words);
			put16(&f, AT_IP_LEN, f.len - 14);
			put16(&f, AT_IP_CHECK, 0);
			put16(&f, AT_IP_CHECK, ~sum16(f.data + 14, 20 + words * 4, 0) & 0xffff);
			is_told(&f, "options");
		}
}

static void broken_headers_are_not_answered(void **state)
{
	static struct frame f;
	unsigned int i;

	(void)state;
	for (i = 0; i < 256; i++) {
		frame_make(&f, PROTO_UDP, FAR, 60);
		put8(&f, AT_IP_START, i);
		if (i >> 4 != 4 || (i & 15) < 5)
			is_not_told(&f, "version and length");
	}
	frame_make(&f, PROTO_UDP, FAR, 60);
	put16(&f, AT_IP_LEN, 81);
	is_not_told(&f, "longer than it is");
	put16(&f, AT_IP_LEN, 19);
	is_not_told(&f, "shorter than its header");
}

/* Tags are kept, and the error is from the VLAN device that they name. */
static void tagged_frames(void **state)
{
	static const __u8 tags[] = {0x88, 0xa8, 0x60, 7, 0x81, 0, 0xa0, 5};
	struct weir_vlan vlan = {.ifindex = net_ifindex(PORT_OUT)};
	struct weir_vlan_key one = {.ifindex = net_ifindex(PORT_IN)}, two = one;
	struct prog *xdp = &progs[WEIR_HOOK_xdp];
	static struct frame f, want;

	(void)state;
	one.tags[0] = htonl(0x81000005);
	two.tags[0] = htonl(0x88a80007);
	two.tags[1] = one.tags[0];
	prog_put(xdp, "vlans", &one, &vlan);
	prog_put(xdp, "vlans", &two, &vlan);
	frame_make(&f, PROTO_UDP, FAR, 700);
	insert(&f, 12, tags + 4, 4);
	want_error(&want, &f, 18, 720, "198.51.100.254");
	check(xdp, &f, &want, "a tag");
	insert(&f, 12, tags, 4);
	want_error(&want, &f, 22, 720, "198.51.100.254");
	check(xdp, &f, &want, "two tags");
	make_segment(&f, SYN, 3);
	insert(&f, 12, tags, 8);
	want_rst(&want, &f, 22, 43);
	check(xdp, &f, &want, "two tags, tcp");
}

static void frames_of_several_buffers(void **state)
{
	static const __u32 l4_len[] = {20, 40, 600, 1400, 5000, 9000};
	struct prog *xdp = &progs[WEIR_HOOK_xdp];
	static struct frame f, want;
	unsigned int ran = 0;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(l4_len); i++)
		for (xdp->linear = 14; xdp->linear < 14 + 20 + l4_len[i] && xdp->linear < 3000;
			xdp->linear += xdp->linear < 80 ? 1 : 111) {
			frame_make(&f, PROTO_UDP, FAR, l4_len[i]);
			want_error(&want, &f, 14, 20 + l4_len[i], ROUTER);
			ran += check(xdp, &f, &want, "udp");
			make_segment(&f, SYN, l4_len[i] - 20);
			want_rst(&want, &f, 14, 20 + l4_len[i]);
			ran += check(xdp, &f, &want, "tcp");
		}
	xdp->linear = 0;
	if (!ran)
		skip_because("this kernel runs no program on a frame of several buffers");
}

static void superframes_as_their_first_segment(void **state)
{
	static struct frame f, want;
	unsigned int hook;

	(void)state;
	for (hook = WEIR_HOOK_tc_ingress; hook <= WEIR_HOOK_tc_egress; hook++) {
		progs[hook].gso_size = 100;
		progs[hook].gso_segs = 20;
		frame_make(&f, PROTO_UDP, FAR, 2008);
		want_error(&want, &f, 14, 128, hook == WEIR_HOOK_tc_egress ? NULL : ROUTER);
		check(&progs[hook], &f, &want, "udp");
		make_segment(&f, PSH, 2000);
		want_rst(&want, &f, 14, 140);
		check(&progs[hook], &f, &want, "tcp");
		make_segment(&f, ACK, 50); /* the only one */
		want_rst(&want, &f, 14, 90);
		check(&progs[hook], &f, &want, "a short one");
		progs[hook].gso_size = progs[hook].gso_segs = 0;
	}
}

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (__u64)t.tv_sec * 1000000000 + (__u64)t.tv_nsec;
}

static void answers_are_limited(void **state)
{
	static struct frame f;
	static struct ran ran;
	unsigned int hook, i;

	(void)state;
	make_segment(&f, SYN, 0);
	for (hook = 0; hook < WEIR_HOOK_COUNT; hook++) {
		struct prog *p = &progs[hook];
		__u64 begun = now_ns(), most;
		struct told t = told(p), u;

		set_bucket(p, 0);
		for (i = 0; i < WEIR_ANSWERS_BURST; i++)
			prog_run(p, &f, &ran);
		u = told(p);
		assert_int_equal(u.answers - t.answers, WEIR_ANSWERS_BURST);
		assert_int_equal(u.limited, t.limited);
		for (i = 0; i < 1000; i++)
			prog_run(p, &f, &ran);
		u = told(p);
		most = WEIR_ANSWERS_BURST + 1 + (now_ns() - begun) * WEIR_ANSWERS_PER_S / 1000000000;
		assert_in_range(u.answers - t.answers, WEIR_ANSWERS_BURST, most);
		assert_int_equal(
			u.answers - t.answers + u.limited - t.limited, WEIR_ANSWERS_BURST + 1000);

		set_bucket(p, now_ns() + 3600000000000ULL);
		t = told(p);
		prog_run(p, &f, &ran);
		u = told(p);
		assert_int_equal(ran.verdict, drop_code[hook]);
		assert_int_equal(u.answers, t.answers);
		assert_int_equal(u.limited, t.limited + 1);
		assert_frame(&ran.out, &f, "limited", hook);
	}
}

static void without_an_address_there_is_no_error_but_a_reset(void **state)
{
	static struct frame f, want;

	(void)state;
	assert_int_equal(net_ip("addr flush dev in0"), 0);
	frame_make(&f, PROTO_UDP, FAR, 30);
	check(&progs[WEIR_HOOK_xdp], &f, NULL, "udp");
	check(&progs[WEIR_HOOK_tc_ingress], &f, NULL, "udp");
	make_segment(&f, SYN, 0);
	want_rst(&want, &f, 14, 40);
	check(&progs[WEIR_HOOK_xdp], &f, &want, "tcp");
	check(&progs[WEIR_HOOK_tc_ingress], &f, &want, "tcp");
	assert_int_equal(net_ip("addr add " ROUTER "/24 dev in0"), 0);
	frame_make(&f, PROTO_UDP, FAR, 30);
	is_told(&f, "it has one again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_is_quoted),
		cmocka_unit_test(tos_keeps_its_own_bits_and_no_ecn),
		cmocka_unit_test(segments_are_reset),
		cmocka_unit_test(broken_segments_are_not_answered),
		cmocka_unit_test(errors_are_never_answered),
		cmocka_unit_test(fragments_are_answered_if_first),
		cmocka_unit_test(only_single_hosts_are_told),
		cmocka_unit_test(options_are_quoted_and_go),
		cmocka_unit_test(broken_headers_are_not_answered),
		cmocka_unit_test(tagged_frames),
		cmocka_unit_test(frames_of_several_buffers),
		cmocka_unit_test(superframes_as_their_first_segment),
		cmocka_unit_test(answers_are_limited),
		cmocka_unit_test(without_an_address_there_is_no_error_but_a_reset),
	};

	if (!net_allowed())
		return 0;
	return cmocka_run_group_tests_name("answer", tests, setup, teardown);
}
