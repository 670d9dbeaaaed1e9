// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The parser against every length and against an oracle (oracle.c), at XDP and at TC ingress. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/tables.h"
#include "prog.h"

#define X(stage, cause) WEIR_EXIT_##stage##_##cause

static struct prog prog; /* of the hook in hand */

/* Newer kernels run no TC program on an IP packet without a whole header: tc.bats sends those. */
static bool is_refused(const struct frame *f)
{
	unsigned int type = get16(f, AT_ETH_TYPE);
	static struct ran ran;

	return prog.hook != WEIR_HOOK_xdp &&
	       ((type == 0x0800 && f->len < 34) || (type == 0x86dd && f->len < 54)) &&
	       prog_try(&prog, f, &ran) == -EINVAL;
}

static void assert_agrees(const struct frame *f, const char *what, unsigned int nr)
{
	static struct ran ran;
	enum weir_exit got, want = oracle(f, prog.conf->mac, prog.hook);

	if (is_refused(f))
		return;
	got = oracle_part(prog_exit(&prog, f, &ran));
	if (got != want)
		fail_msg("%s %u: %s, not %s", what, nr, got == ONWARD ? "on" : exit_name(got),
			want == ONWARD ? "on" : exit_name(want));
}

static const struct {
	const char *name;
	__u8 proto;
	__u16 ethertype, frag;
	__u8 start;
} forms[] = {
	{"udp", PROTO_UDP, 0x0800, 0, 0x45},
	{"tcp", PROTO_TCP, 0x0800, 0, 0x45},
	{"sctp", PROTO_SCTP, 0x0800, 0, 0x45},
	{"icmp", PROTO_ICMP, 0x0800, 0, 0x45},
	{"ipip", PROTO_IPIP, 0x0800, 0, 0x45},
	{"gre", PROTO_GRE, 0x0800, 0, 0x45},
	{"protocol 253", 253, 0x0800, 0, 0x45},
	{"first fragment", PROTO_UDP, 0x0800, 0x2000, 0x45},
	{"last fragment", PROTO_UDP, 0x0800, 0x0010, 0x45},
	{"options", PROTO_UDP, 0x0800, 0, 0x4f},
	{"version 6", PROTO_UDP, 0x0800, 0, 0x65},
	{"arp", 0, 0x0806, 0, 0},
	{"ipv6", 0, 0x86dd, 0, 0x60},
	{"vlan", 0, 0x8100, 0, 0},
	{"802.3", 0, 0x0026, 0, 0},
};

static void make_form(struct frame *f, size_t form, __u32 l4_len)
{
	frame_make(f, forms[form].proto, FAR, l4_len);
	put16(f, AT_ETH_TYPE, forms[form].ethertype);
	put8(f, AT_IP_START, forms[form].start);
	put16(f, AT_IP_FRAG, forms[form].frag);
	frame_seal_ip(f);
}

/* The kernel itself refuses to run a frame without a whole Ethernet header. */
static void frames_below_14_bytes_are_refused_by_the_kernel(void **state)
{
	static struct frame f;
	static struct ran ran;
	struct weir_row sum;

	(void)state;
	prog_reset(&prog);
	make_form(&f, 0, 30);
	for (f.len = 0; f.len < 14; f.len++)
		assert_int_equal(prog_try(&prog, &f, &ran), -EINVAL);
	prog_sum(&prog, &sum);
	assert_int_equal(sum.in.packets, 0);
}

static void every_form_cut_at_every_length(void **state)
{
	static struct frame f;
	__u32 len;
	size_t i;

	(void)state;
	prog_reset(&prog);
	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		make_form(&f, i, 30);
		for (len = 14; len <= 64; len++) {
			f.len = len;
			assert_agrees(&f, forms[i].name, len);
		}
	}
}

/* The IP packet is whole, what it carries is not: that is the receiver's to refuse. */
static void every_form_with_a_short_l4_header(void **state)
{
	static struct frame f;
	__u32 len;
	size_t i;

	(void)state;
	prog_reset(&prog);
	for (i = 0; i < ARRAY_SIZE(forms); i++)
		for (len = 0; len <= 64; len++) {
			make_form(&f, i, len);
			assert_agrees(&f, forms[i].name, len);
			frame_pad(&f, 114);
			assert_agrees(&f, forms[i].name, len);
		}
}

static void every_ethertype(void **state)
{
	static struct frame f;
	unsigned int type;

	(void)state;
	prog_reset(&prog);
	frame_make(&f, PROTO_UDP, FAR, 26);
	for (type = 0; type <= 0xffff; type++) {
		put16(&f, AT_ETH_TYPE, type);
		assert_agrees(&f, "ethertype", type);
	}
}

static void every_version_and_header_length(void **state)
{
	static struct frame f;
	unsigned int start;

	(void)state;
	prog_reset(&prog);
	frame_make(&f, PROTO_UDP, FAR, 64);
	for (start = 0; start <= 0xff; start++) {
		put8(&f, AT_IP_START, start);
		frame_seal_ip(&f);
		assert_agrees(&f, "version and ihl", start);
	}
}

static void every_total_length(void **state)
{
	static struct frame f;
	unsigned int len;

	(void)state;
	prog_reset(&prog);
	frame_make(&f, PROTO_ICMP, FAR, 100);
	for (len = 0; len <= 0xffff; len++) {
		put16(&f, AT_IP_LEN, len);
		frame_seal_ip(&f);
		assert_agrees(&f, "total length", len);
	}
}

static void every_wrong_header_checksum(void **state)
{
	static struct frame f;
	unsigned int check;

	(void)state;
	prog_reset(&prog);
	frame_make(&f, PROTO_ICMP, FAR, 26);
	for (check = 0; check <= 0xffff; check++) {
		put16(&f, AT_IP_CHECK, check);
		assert_agrees(&f, "header checksum", check);
	}
}

/* A sum of 0 has two representations; the kernel takes both, and so does the program. */
static void header_checksum_0_and_ffff_are_the_same(void **state)
{
	static struct frame f;

	(void)state;
	prog_reset(&prog);
	frame_make(&f, PROTO_ICMP, FAR, 26);
	put16(&f, AT_IP_ID, 0);
	frame_seal_ip(&f);
	put16(&f, AT_IP_ID, get16(&f, AT_IP_CHECK)); /* so that the sum without it is 0xffff */
	put16(&f, AT_IP_CHECK, 0);
	assert_int_equal(sum16(f.data + AT_IP_START, 20, 0), 0xffff);
	assert_way(&prog, &f, X(xmit, NONE), PORT_OUT);
	put16(&f, AT_IP_CHECK, 0xffff);
	prog_reset(&prog);
	assert_way(&prog, &f, X(xmit, NONE), PORT_OUT);
}

static void every_first_octet_of_source_and_destination(void **state)
{
	static struct frame f;
	unsigned int octet;

	(void)state;
	prog_reset(&prog);
	for (octet = 0; octet <= 0xff; octet++) {
		frame_make(&f, PROTO_ICMP, FAR, 26);
		put8(&f, AT_IP_SRC, octet);
		frame_seal_ip(&f);
		assert_agrees(&f, "source", octet);
		frame_make(&f, PROTO_ICMP, FAR, 26);
		put8(&f, AT_IP_DST, octet);
		frame_seal_ip(&f);
		assert_agrees(&f, "destination", octet);
	}
}

/* One number after the other, the same in every run (xorshift64). */
static __u64 next(__u64 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void frames_with_random_faults(void **state)
{
	static const __u8 edges[] = {
		0, 1, 4, 5, 0x40, 0x45, 0x46, 0x7f, 0x80, 0xe0, 0xef, 0xf0, 0xff};
	static struct frame f;
	__u64 seed = 0x9e3779b97f4a7c15ULL, r;
	unsigned int i, faults;

	(void)state;
	prog_reset(&prog);
	for (i = 0; i < 200000; i++) {
		r = next(&seed);
		make_form(&f, r % ARRAY_SIZE(forms), r >> 8 & 63);
		for (faults = r >> 16 & 3; faults; faults--) {
			__u64 n = next(&seed);
			unsigned int v = n >> 16 & 1 ? edges[(n >> 17) % ARRAY_SIZE(edges)]
						     : (unsigned int)(n >> 24 & 0xff);

			put8(&f, (unsigned int)(n & 0xffff) % AT_L4, v);
		}
		if (r >> 20 & 3)
			frame_seal_ip(&f);
		if (!(r >> 24 & 7))
			f.len = 14 + (__u32)((r >> 32) % (f.len - 13));
		assert_agrees(&f, "frame", i);
	}
}

static int up(enum weir_hook hook)
{
	if (net_up())
		return -1;
	prog_load(&prog, &(struct prog_opts){.hook = hook});
	return 0;
}

static int up_xdp(void **state)
{
	(void)state;
	return up(WEIR_HOOK_xdp);
}

static int up_tc(void **state)
{
	(void)state;
	return up(WEIR_HOOK_tc_ingress);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_below_14_bytes_are_refused_by_the_kernel),
		cmocka_unit_test(every_form_cut_at_every_length),
		cmocka_unit_test(every_form_with_a_short_l4_header),
		cmocka_unit_test(every_ethertype),
		cmocka_unit_test(every_version_and_header_length),
		cmocka_unit_test(every_total_length),
		cmocka_unit_test(every_wrong_header_checksum),
		cmocka_unit_test(header_checksum_0_and_ffff_are_the_same),
		cmocka_unit_test(every_first_octet_of_source_and_destination),
		cmocka_unit_test(frames_with_random_faults),
	};

	if (!net_allowed())
		return 0;
	return cmocka_run_group_tests_name("parse at xdp", tests, up_xdp, prog_down) +
	       cmocka_run_group_tests_name("parse at tc_ingress", tests, up_tc, prog_down);
}
