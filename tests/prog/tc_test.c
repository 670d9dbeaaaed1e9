// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What TC does otherwise than XDP: superframes, checksums that the kernel completes, packets that
 * XDP has judged before, and the egress hook, which counts and stops nothing. What both do is in
 * exits_test.c and parse_test.c.
 */
#include <string.h>

#include "prog.h"

#define X(stage, cause) WEIR_EXIT_##stage##_##cause
enum { DF = 0x4000, MTU = 1500 };

static struct prog xdp, in, out; /* IN's hooks */

/* A frame that stands for segments of @payload bytes each, @l4_len bytes long itself. */
static void make_super(struct frame *f, unsigned int proto, const char *dst, __u32 payload)
{
	frame_make(f, proto, dst, 3000);
	put16(f, AT_IP_FRAG, DF);
	frame_seal(f);
	in.gso_size = out.gso_size = payload;
	in.gso_segs = out.gso_segs = 3000 / payload + 1;
}

static void fresh_run(const struct frame *f, enum weir_exit exit, enum port port)
{
	__u32 size = in.gso_size, segs = in.gso_segs;
	unsigned int way;

	for (way = 0; way < 4; way++) {
		prog_reset(&in);
		in.gso_size = size;
		in.gso_segs = segs;
		in.conf->punt = way & 1 ? WEIR_PUNT_DROP : WEIR_PUNT_KERNEL;
		in.ctl->sample_every = way >> 1;
		assert_way(&in, f, exit, port);
	}
}

/* --- superframes --- */

/* It is longer than every MTU; its segments are what counts. */
static void superframes_within_the_mtu_go_out_whole(void **state)
{
	static struct frame f;

	(void)state;
	make_super(&f, PROTO_TCP, SMALL_HOP, SMALL_MTU - 40);
	fresh_run(&f, X(xmit, NONE), PORT_SMALL);
	make_super(&f, PROTO_UDP, SMALL_HOP, SMALL_MTU - 28);
	fresh_run(&f, X(xmit, NONE), PORT_SMALL);
	make_super(&f, PROTO_UDP, SMALL_HOP, 1);
	fresh_run(&f, X(xmit, NONE), PORT_SMALL);
}

static void superframes_with_a_byte_too_much_are_punted(void **state)
{
	static const struct {
		unsigned int proto;
		__u32 payload;
	} over[] = {{PROTO_TCP, SMALL_MTU - 39}, {PROTO_UDP, SMALL_MTU - 27}, {PROTO_TCP, 2000}};
	static struct frame f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(over); i++) {
		make_super(&f, over[i].proto, SMALL_HOP, over[i].payload);
		fresh_run(&f, X(ip_forward, PKT_TOO_BIG), PORT_SMALL);
		put16(&f, AT_IP_FRAG, 0);
		frame_seal_ip(&f);
		fresh_run(&f, X(ip_forward, IP_FRAGMENT), PORT_SMALL);
	}
}

static void tcp_options_are_part_of_each_segment(void **state)
{
	static struct frame f;
	__u32 words;

	(void)state;
	for (words = 5; words <= 15; words++) {
		make_super(&f, PROTO_TCP, SMALL_HOP, SMALL_MTU - 20 - words * 4);
		put8(&f, AT_L4 + 12, words << 4);
		frame_seal(&f);
		fresh_run(&f, X(xmit, NONE), PORT_SMALL);
		in.gso_size++;
		fresh_run(&f, X(ip_forward, PKT_TOO_BIG), PORT_SMALL);
	}
}

static void superframes_of_other_protocols_are_the_kernels(void **state)
{
	static const unsigned int protos[] = {
		PROTO_ICMP, PROTO_IPIP, PROTO_GRE, PROTO_SCTP, PROTO_UDPLITE, PROTO_IPV6, 253};
	static struct frame f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(protos); i++) {
		make_super(&f, protos[i], FAR, 1000);
		fresh_run(&f, X(ip_forward, GSO_UNKNOWN), PORT_OUT);
	}
	make_super(&f, PROTO_GRE, FAR, 1000);
	put8(&f, AT_IP_TTL, 1);
	frame_seal_ip(&f);
	fresh_run(&f, X(ip_forward, IP_TTL), PORT_OUT);
}

/* No room for a TCP header: no saying how long segments are. */
static void superframes_without_a_whole_tcp_header_are_the_kernels(void **state)
{
	static struct frame f;
	__u32 len;

	(void)state;
	for (len = 0; len < 20; len++) {
		make_super(&f, PROTO_TCP, FAR, 1000);
		put16(&f, AT_IP_LEN, 20 + len);
		frame_seal_ip(&f);
		f.len = AT_L4 + len;
		fresh_run(&f, X(ip_forward, GSO_UNKNOWN), PORT_OUT);
	}
}

/* BIG TCP: over 64 kB there is no total length. */
static void total_length_0_of_a_superframe_is_all_there_is(void **state)
{
	static struct frame f;

	(void)state;
	make_super(&f, PROTO_TCP, FAR, 1000);
	put16(&f, AT_IP_LEN, 0);
	frame_seal_ip(&f);
	fresh_run(&f, X(xmit, NONE), PORT_OUT);
	in.gso_size = in.gso_segs = 0;
	fresh_run(&f, X(ip_rcv, IP_INHDR), PORT_OUT);
}

static void the_mtu_that_is_kept_is_asked_of_the_segments_too(void **state)
{
	static struct frame f, one;
	static struct ran ran;

	(void)state;
	frame_make(&one, PROTO_TCP, SMALL_HOP, SMALL_MTU - 20);
	assert_exit(prog_exit_at(&in, &one, &ran, 0), X(xmit, NONE));
	make_super(&f, PROTO_TCP, SMALL_HOP, SMALL_MTU - 40);
	assert_exit(prog_exit_at(&in, &f, &ran, 0), X(xmit, NONE));
	in.gso_size++;
	assert_exit(prog_exit_at(&in, &f, &ran, 0), X(ip_forward, PKT_TOO_BIG));
	assert_int_equal(prog_kept(&in), 1);
}

/* The route's MTU is smaller than the device's: a superframe of which nothing can be said must not
 * leave the device's with those that come after it. */
static void unknown_superframes_spoil_no_kept_mtu(void **state)
{
	static struct frame f;
	static struct ran ran;

	(void)state;
	assert_int_equal(net_ip("route add 198.18.20.0/24 via " HOP " mtu lock 1000"), 0);
	make_super(&f, PROTO_GRE, "198.18.20.9", 1000);
	assert_exit(prog_exit_at(&in, &f, &ran, 0), X(ip_forward, GSO_UNKNOWN));
	assert_int_equal(prog_kept(&in), 1);
	in.gso_size = in.gso_segs = 0;
	frame_make(&f, PROTO_UDP, "198.18.20.9", 980);
	assert_exit(prog_exit_at(&in, &f, &ran, 0), X(xmit, NONE));
	frame_make(&f, PROTO_UDP, "198.18.20.9", 981);
	assert_exit(prog_exit_at(&in, &f, &ran, 0), X(ip_forward, IP_FRAGMENT));
	assert_int_equal(net_ip("route del 198.18.20.0/24"), 0);
}

/* `gso_frames` are of `in`, whatever becomes of them. */
static void superframes_are_counted_wherever_they_leave(void **state)
{
	static const struct {
		unsigned int ethertype, first;
		const char *dst;
		enum weir_exit exit;
	} ways[] = {
		{0x0800, 0x45, BLACK, X(route_in, BLACKHOLE)},
		{0x0800, 0x45, "224.0.0.1", X(ip_rcv, IP_MULTICAST)},
		{0x0800, 0x46, FAR, X(ip_rcv, IP_OPTIONS)},
		{0x86dd, 0x60, FAR, X(tc_ingress, IPV6)},
		{0x8847, 0x45, FAR, X(tc_ingress, UNHANDLED_PROTO)},
	};
	static struct frame f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		make_super(&f, PROTO_TCP, ways[i].dst, 1000);
		put16(&f, AT_ETH_TYPE, ways[i].ethertype);
		put8(&f, AT_IP_START, ways[i].first);
		frame_seal_ip(&f);
		fresh_run(&f, ways[i].exit, PORT_OUT);
	}
	make_super(&f, PROTO_TCP, FAR, 1000);
	prog_zero(&in);
	in.conf->punt = WEIR_PUNT_KERNEL;
	in.conf->unmarked = 1;
	assert_way(&in, &f, X(tc_ingress, XDP_JUDGED), PORT_OUT);
}

/* --- what the kernel finishes --- */

static void open_checksums_stay_open(void **state)
{
	static struct frame f;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 26);
	frame_open(&f);
	fresh_run(&f, X(xmit, NONE), PORT_OUT);
	frame_make(&f, PROTO_TCP, FAR, 26);
	frame_open(&f);
	fresh_run(&f, X(xmit, NONE), PORT_OUT);
	frame_make(&f, PROTO_IPIP, FAR, 26);
	fresh_run(&f, X(xmit, NONE), PORT_OUT);
}

/* Only XDP asks that of a driver. */
static void a_driver_that_takes_no_redirected_frames_is_sent_to(void **state)
{
	static struct frame f;

	(void)state;
	frame_make(&f, PROTO_UDP, BARE_HOP, 26);
	fresh_run(&f, X(xmit, NONE), PORT_BARE);
}

/* --- judged before --- */

static void what_xdp_has_judged_is_passed_on(void **state)
{
	static const char *const to[] = {FAR, BLACK, UNREACHED, ROUTER, "224.0.0.1"};
	static struct frame f;
	size_t i, way;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(to); i++)
		for (way = 0; way < 2; way++) {
			prog_reset(&in);
			in.conf->unmarked = 1; /* no test can put a mark before an skb's frame */
			in.conf->punt = way ? WEIR_PUNT_DROP : WEIR_PUNT_KERNEL;
			frame_make(&f, PROTO_UDP, to[i], 26);
			assert_way(&in, &f, X(tc_ingress, XDP_JUDGED), PORT_OUT);
		}
}

static const struct {
	const char *dst;
	enum weir_exit exit;
} by_xdp[] = {
	{FAR, X(xmit, NONE)},
	{BLACK, X(route_in, BLACKHOLE)},
	{UNREACHED, X(route_in, UNREACHABLE)},
	{ROUTER, X(route_in, NOT_FORWARDED)},
	{"224.0.0.1", X(ip_rcv, IP_MULTICAST)},
	{HOP_LOST, X(neigh, NEIGH_UNRESOLVED)},
};

/* Runs each through XDP; those it passes must be marked, or must not. */
static void assert_marks(bool marked)
{
	struct weir_mark want = {net_ifindex(PORT_IN), WEIR_MAGIC ^ 0x12345678};
	static struct frame f;
	static struct ran ran;
	size_t i;

	xdp.ctl->netns_cookie = 0xabcd12345678;
	for (i = 0; i < 2 * ARRAY_SIZE(by_xdp); i++) {
		enum weir_exit exit = by_xdp[i / 2].exit;
		enum weir_kind kind = exit_kind(exit);
		bool passed;

		xdp.conf->punt = i % 2 ? WEIR_PUNT_DROP : WEIR_PUNT_KERNEL;
		passed = kind == WEIR_KIND_PASS || (kind == WEIR_KIND_PUNT && !(i % 2));
		frame_make(&f, PROTO_UDP, by_xdp[i / 2].dst, 26);
		prog_zero(&xdp);
		prog_run(&xdp, &f, &ran);
		assert_int_equal(prog_exits(&xdp, exit) + (kind == WEIR_KIND_PUNT && i % 2), 1);
		assert_int_equal(ran.meta_len, marked && passed ? sizeof(want) : 0);
		assert_memory_equal(ran.meta, &want, ran.meta_len);
		if (passed)
			assert_frame(&ran.out, &f, by_xdp[i / 2].dst, 0);
	}
	assert_int_equal(xdp.conf->unmarked, 0);
}

static void xdp_marks_what_it_passes_while_tc_is_attached(void **state)
{
	(void)state;
	assert_marks(false);
	xdp.ctl->tc = 1;
	assert_marks(true);
	xdp.ctl->tc = 0;
	assert_marks(false);
}

/* A packet of a VLAN device is marked for that device's TC, where it comes by next. */
static void the_mark_names_the_vlan_device(void **state)
{
	struct weir_vlan_key key = {
		.ifindex = net_ifindex(PORT_IN), .tags = {__builtin_bswap32(0x81000005)}};
	struct weir_vlan vlan = {.ifindex = net_ifindex(PORT_SMALL)};
	struct weir_mark mark;
	static struct frame f;
	static struct ran ran;

	(void)state;
	net_mac(PORT_IN, vlan.mac);
	prog_put(&xdp, "vlans", &key, &vlan);
	xdp.ctl->tc = 1;
	frame_make(&f, PROTO_UDP, ROUTER, 26);
	memmove(f.data + 16, f.data + 12, f.len - 12);
	put32(&f, 12, 0x81000005);
	f.len += 4;
	prog_run(&xdp, &f, &ran);
	assert_int_equal(ran.meta_len, sizeof(mark));
	memcpy(&mark, ran.meta, sizeof(mark));
	assert_int_equal(mark.ifindex, vlan.ifindex);
	assert_frame(&ran.out, &f, "tagged", 0);
	put16(&f, 14, 6); /* no attached VLAN: nobody has judged it */
	prog_run(&xdp, &f, &ran);
	memcpy(&mark, ran.meta, sizeof(mark));
	assert_int_equal(mark.ifindex, 0);
	frame_make(&f, PROTO_UDP, ROUTER, 26);
	xdp.conf->vlans_only = 1; /* nor this: XDP is there for the VLANs */
	prog_run(&xdp, &f, &ran);
	memcpy(&mark, ran.meta, sizeof(mark));
	assert_int_equal(mark.ifindex, 0);
}

/* Then TC is told to take all for judged. */
static void without_room_for_a_mark_tc_is_told_once_and_for_all(void **state)
{
	static struct frame f;
	static struct ran ran;

	(void)state;
	xdp.ctl->tc = 1;
	xdp.meta = 256 - 40;
	frame_make(&f, PROTO_UDP, ROUTER, 26);
	if (prog_try(&xdp, &f, &ran))
		skip_because("this kernel lets a test take no more than 32 bytes before a frame");
	assert_int_equal(ran.verdict, prog_verdict(&xdp, WEIR_KIND_PASS, false));
	assert_frame(&ran.out, &f, "unmarked", 0);
	assert_int_equal(xdp.conf->unmarked, 1);
}

/* --- the egress hook --- */

static void egress_sends_whatever_it_is(void **state)
{
	static const unsigned int types[] = {0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x8847, 46};
	static struct frame f;
	size_t i;
	__u32 way;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(types); i++)
		for (way = 0; way < 4; way++) {
			prog_reset(&out);
			out.conf->punt = way & 1 ? WEIR_PUNT_DROP : WEIR_PUNT_KERNEL;
			out.ctl->sample_every = way >> 1;
			frame_make(&f, PROTO_UDP, BLACK, 26);
			put16(&f, AT_ETH_TYPE, types[i]);
			put16(&f, AT_IP_CHECK, 0xbad);
			assert_way(&out, &f, X(xmit, NONE), PORT_OUT);
		}
}

static void egress_counts_superframes(void **state)
{
	static struct frame f;

	(void)state;
	make_super(&f, PROTO_TCP, FAR, 1000);
	assert_way(&out, &f, X(xmit, NONE), PORT_OUT);
}

/* --- cursors, cuts, latencies --- */

static void go(struct prog *p, const char *dst)
{
	static struct frame f;
	static struct ran ran;

	frame_make(&f, PROTO_UDP, dst, 26);
	prog_run(p, &f, &ran);
	assert_int_equal(ran.inflight, 0);
}

/* The tracepoints look for the packet that was redirected last, and for no other. */
static void the_cursor_names_what_was_redirected(void **state)
{
	(void)state;
	go(&in, FAR);
	assert_true(prog_cursor(&in)->skb != 0);
	assert_int_equal(prog_cursor(&in)->skb_oif, net_ifindex(PORT_OUT));
	assert_int_equal(prog_cursor(&in)->ifindex, net_ifindex(PORT_IN));
	go(&in, BLACK);
	assert_int_equal(prog_cursor(&in)->skb, 0);
	go(&out, FAR);
	assert_int_equal(prog_cursor(&out)->skb, 0);
}

/* Nothing is in flight between two packets, so a cut is followed at once. */
static void cuts_are_followed_at_once(void **state)
{
	struct prog *p[] = {&in, &out};
	__u32 seq, i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(p); i++)
		for (seq = 0; seq < 8; seq++) {
			struct weir_row *row = &p[i]->rows[prog_cpu() * 2 + (seq & 1)];

			prog_zero(p[i]);
			p[i]->ctl->seq = seq;
			go(p[i], FAR);
			assert_int_equal(prog_cursor(p[i])->seq, seq);
			assert_int_equal(row->in.packets, 1);
			assert_int_equal(row->sent, 1);
			assert_int_equal(row->lost, 0);
		}
}

static void assert_timed(const struct prog *p, enum weir_fast_stage s, __u64 samples)
{
	const struct weir_lat *l = &p->lat[prog_cpu()];

	if (l->stage[s].samples != samples)
		fail_msg("stage %u: %llu samples, not %llu", s, l->stage[s].samples, samples);
}

static void one_packet_in_n_is_timed_from_tc_on(void **state)
{
	enum weir_fast_stage s;

	(void)state;
	in.ctl->sample_every = out.ctl->sample_every = 3;
	for (s = 0; s < 30; s++) {
		go(&in, FAR);
		go(&out, FAR);
	}
	for (s = 0; s < WEIR_FAST_STAGE_COUNT; s++) {
		bool crossed = s >= WEIR_FAST_tc_ingress && s < WEIR_FAST_tc_egress;
		bool left = s == WEIR_FAST_tc_egress || s == WEIR_FAST_xmit;

		assert_timed(&in, s, crossed ? 10 : 0); /* xmit is the tracepoint's */
		assert_timed(&out, s, left ? 10 : 0);
	}
	assert_int_equal(prog_cursor(&in)->timed, 1);
	assert_int_equal(prog_cursor(&out)->timed, 0);
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&xdp, &(struct prog_opts){.hook = WEIR_HOOK_xdp});
	prog_load(&in, &(struct prog_opts){.hook = WEIR_HOOK_tc_ingress});
	prog_load(&out, &(struct prog_opts){.hook = WEIR_HOOK_tc_egress});
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, prog_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(superframes_within_the_mtu_go_out_whole),
		TEST(superframes_with_a_byte_too_much_are_punted),
		TEST(tcp_options_are_part_of_each_segment),
		TEST(superframes_of_other_protocols_are_the_kernels),
		TEST(superframes_without_a_whole_tcp_header_are_the_kernels),
		TEST(total_length_0_of_a_superframe_is_all_there_is),
		TEST(the_mtu_that_is_kept_is_asked_of_the_segments_too),
		TEST(unknown_superframes_spoil_no_kept_mtu),
		TEST(superframes_are_counted_wherever_they_leave),
		TEST(open_checksums_stay_open),
		TEST(a_driver_that_takes_no_redirected_frames_is_sent_to),
		TEST(what_xdp_has_judged_is_passed_on),
		TEST(xdp_marks_what_it_passes_while_tc_is_attached),
		TEST(the_mark_names_the_vlan_device),
		TEST(without_room_for_a_mark_tc_is_told_once_and_for_all),
		TEST(egress_sends_whatever_it_is),
		TEST(egress_counts_superframes),
		TEST(the_cursor_names_what_was_redirected),
		TEST(cuts_are_followed_at_once),
		TEST(one_packet_in_n_is_timed_from_tc_on),
	};

	return net_allowed() ? cmocka_run_group_tests_name("tc", tests, up, prog_down) : 0;
}
