// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * VLAN tags at XDP. Other ports of the router stand in for VLAN devices: an entry of `vlans` says that
 * IN's frames with those tags are SMALL's, one of `ports` that what the FIB sends to OUT or SMALL
 * leaves by another device with tags. What comes out is compared byte for byte.
 */
#include <arpa/inet.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "prog.h"

#define X(stage, cause) WEIR_EXIT_##stage##_##cause

/* A tag as in a frame: ethertype, priority and id, host order. */
#define Q(id)  (0x81000000U | (id))
#define AD(id) (0x88a80000U | (id))

enum { AT_TAG = 12, TAG = 4 };

struct tags {
	__u32 at[3]; /* outer first, 0 = none */
};

static const struct tags none, q5 = {{Q(5)}}, q6 = {{Q(6)}}, ad7q5 = {{AD(7), Q(5)}},
				q7q5 = {{Q(7), Q(5)}}, ad9q8 = {{AD(9), Q(8)}};

static struct prog virtual, physical, generic;
static struct prog *const progs[] = {&virtual, &physical, &generic};

static __u32 tags_len(const struct tags *t)
{
	return t->at[2] ? 3 * TAG : t->at[1] ? 2 * TAG : t->at[0] ? TAG : 0;
}

static void tag_frame(struct frame *f, const struct tags *t)
{
	__u32 len = tags_len(t), i;

	memmove(f->data + AT_TAG + len, f->data + AT_TAG, f->len - AT_TAG);
	for (i = 0; i < len / TAG; i++)
		put32(f, AT_TAG + i * TAG, t->at[i]);
	f->len += len;
}

static void in_order(__u32 to[WEIR_TAGS_MAX], const struct tags *t)
{
	__u32 i;

	for (i = 0; i < WEIR_TAGS_MAX; i++)
		to[i] = __builtin_bswap32(t->at[i]);
}

/* IN's frames with these tags are @port's, whose address they are sent to. */
static void own_tags(const struct prog *p, const struct tags *t, enum port port, __u8 rp_filter)
{
	struct weir_vlan_key key = {.ifindex = net_ifindex(PORT_IN)};
	struct weir_vlan v = {.ifindex = net_ifindex(port), .rp_filter = rp_filter};

	in_order(key.tags, t);
	net_mac(PORT_IN, v.mac); /* as a VLAN device has it unless it is told otherwise */
	prog_put(p, "vlans", &key, &v);
}

/* What is routed to @port leaves by @dev with these tags. */
static void leave_by(const struct prog *p, enum port port, enum port dev, const struct tags *t)
{
	struct weir_port v = {.reachable_ms = 3600 * 1000, .dev = net_ifindex(dev)};
	__u32 key = net_ifindex(port);

	in_order(v.tags, t);
	prog_put(p, "ports", &key, &v);
}

static void forget_vlans(const struct prog *p)
{
	int fd = bpf_object__find_map_fd_by_name(p->obj, "vlans");
	struct weir_vlan_key key;

	while (!bpf_map_get_next_key(fd, NULL, &key))
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
}

static void reset(struct prog *p)
{
	prog_reset(p);
	forget_vlans(p);
}

/* @plain comes in with tags and must go out by @port's next hop with others, as @whole. */
static void assert_tagged(struct prog *p, const struct frame *plain, const struct frame *whole,
	const struct tags *from, const struct tags *to, enum port port)
{
	static struct frame f, want;
	static struct ran ran;

	f = *plain;
	tag_frame(&f, from);
	frame_forwarded(&want, whole, port);
	tag_frame(&want, to);
	assert_exit(prog_exit(p, &f, &ran), X(xmit, NONE));
	assert_only_exit(p, X(xmit, NONE), false, f.len);
	assert_int_equal(ran.verdict, prog_verdict(p, WEIR_KIND_OUT, false));
	assert_int_equal(ran.inflight, 1);
	assert_frame(&ran.out, &want, "bytes", f.len);
}

/* It is not forwarded, and not touched. */
static void assert_whole(
	struct prog *p, const struct frame *plain, const struct tags *t, enum weir_exit exit)
{
	static struct frame f;

	f = *plain;
	tag_frame(&f, t);
	prog_zero(p);
	assert_way(p, &f, exit, PORT_OUT);
}

/* --- through --- */

static void from_any_tags_to_any(void **state)
{
	static const struct tags *const all[] = {&none, &q5, &q6, &ad7q5, &q7q5, &ad9q8};
	static const unsigned int protos[] = {PROTO_UDP, PROTO_TCP, PROTO_ICMP};
	static struct frame f;
	size_t from, to, i, way;

	(void)state;
	for (way = 0; way < 2 * ARRAY_SIZE(progs); way++) {
		struct prog *p = progs[way / 2];

		for (from = 0; from < ARRAY_SIZE(all); from++)
			for (to = 0; to < ARRAY_SIZE(all); to++) {
				reset(p);
				p->ctl->sample_every = way & 1; /* timed: another copy */
				if (from)
					own_tags(p, all[from], PORT_SMALL, 0);
				leave_by(p, PORT_OUT, PORT_SMALL, all[to]);
				for (i = 0; i < ARRAY_SIZE(protos); i++) {
					frame_make(&f, protos[i], FAR, 26 + (__u32)i);
					assert_tagged(p, &f, &f, all[from], all[to], PORT_OUT);
				}
			}
	}
}

static void every_length_keeps_its_bytes(void **state)
{
	static struct frame f;
	__u32 len;

	(void)state;
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	for (len = 0; len <= 1480; len++) {
		frame_make(&f, PROTO_ICMP, FAR, len);
		leave_by(&virtual, PORT_OUT, PORT_SMALL, &ad9q8);
		prog_forget_flows(&virtual);
		assert_tagged(&virtual, &f, &f, &q5, &ad9q8, PORT_OUT);
		leave_by(&virtual, PORT_OUT, PORT_SMALL, &none);
		prog_forget_flows(&virtual);
		assert_tagged(&virtual, &f, &f, &q5, &none, PORT_OUT);
	}
}

/* They say how urgent a frame is, and not whose. What goes out has none. */
static void priority_bits_are_not_looked_at(void **state)
{
	static struct frame f;
	__u32 bits;

	(void)state;
	own_tags(&virtual, &ad7q5, PORT_SMALL, 0);
	own_tags(&virtual, &q6, PORT_SMALL, 0);
	leave_by(&virtual, PORT_OUT, PORT_SMALL, &q6);
	frame_make(&f, PROTO_UDP, FAR, 26);
	for (bits = 0; bits < 256; bits++) {
		struct tags two = {{AD(7) | bits >> 4 << 12, Q(5) | (bits & 15) << 12}};
		struct tags one = {{Q(6) | (bits & 15) << 12}};

		assert_tagged(&virtual, &f, &f, &two, &q6, PORT_OUT);
		assert_tagged(&virtual, &f, &f, &one, &q6, PORT_OUT);
	}
}

/* IEEE 802.1Q, 6.9: id 0 is a priority and no VLAN. */
static void a_priority_tag_is_no_vlan(void **state)
{
	static const struct tags priority = {{Q(0xe000)}}, before = {{Q(0x2000), Q(0x4005)}};
	static struct frame f;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 26);
	assert_tagged(&virtual, &f, &f, &priority, &none, PORT_OUT);
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	assert_tagged(&virtual, &f, &f, &before, &none, PORT_OUT);
	frame_make(&f, PROTO_UDP, BLACK, 26);
	assert_whole(&virtual, &f, &priority, X(route_in, BLACKHOLE));
}

static void every_vlan_id_is_told_apart(void **state)
{
	static struct frame f;
	__u32 id;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 26);
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	for (id = 1; id <= 0xfff; id++) {
		struct tags t = {{Q(id)}}, other = {{AD(id)}};

		if (id == 5)
			assert_tagged(&virtual, &f, &f, &t, &none, PORT_OUT);
		else
			assert_whole(&virtual, &f, &t, X(xdp, VLAN));
		assert_whole(&virtual, &f, &other, X(xdp, VLAN));
	}
}

/* --- not ours --- */

static void tags_of_no_attached_vlan_are_the_kernels(void **state)
{
	static const struct tags strange[] = {{{Q(6)}}, {{AD(5)}}, {{Q(5), Q(5)}}, {{Q(7), Q(5)}},
		{{AD(7)}}, {{AD(7), Q(6)}}, {{AD(7), AD(5)}}, {{Q(5), Q(7)}}, {{Q(5), Q(0)}},
		{{AD(0)}}, {{AD(0), Q(5)}}, {{Q(0), Q(6)}}, {{AD(7), Q(5), Q(1)}},
		{{Q(0), Q(0), Q(5)}}, {{Q(0), Q(5), Q(5)}}};
	static struct frame f;
	size_t i;

	(void)state;
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	own_tags(&virtual, &ad7q5, PORT_SMALL, 0);
	frame_make(&f, PROTO_UDP, FAR, 26);
	for (i = 0; i < ARRAY_SIZE(strange); i++)
		assert_whole(&virtual, &f, &strange[i], X(xdp, VLAN));
}

static void untagged_frames_where_only_vlans_are_attached(void **state)
{
	static const struct tags priority = {{Q(0)}};
	static const unsigned int types[] = {0x0800, 0x0806, 0x86dd, 0x8847};
	static struct frame f;
	size_t i;

	(void)state;
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	virtual.conf->vlans_only = 1;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		frame_make(&f, PROTO_UDP, FAR, 26);
		put16(&f, AT_ETH_TYPE, types[i]);
		assert_whole(&virtual, &f, &none, X(xdp, UNTAGGED));
		assert_whole(&virtual, &f, &priority, X(xdp, UNTAGGED));
	}
	frame_make(&f, PROTO_UDP, FAR, 26);
	assert_whole(&virtual, &f, &q6, X(xdp, VLAN));
	assert_tagged(&virtual, &f, &f, &q5, &none, PORT_OUT);
}

static void what_is_no_ipv4_in_a_vlan_is_the_kernels(void **state)
{
	static const struct {
		unsigned int type;
		enum weir_exit exit;
	} types[] = {{0x0806, X(xdp, ARP)}, {0x86dd, X(xdp, IPV6)}, {0x8847, X(xdp, UNHANDLED_PROTO)},
		{46, X(xdp, UNHANDLED_PROTO)}};
	static struct frame f;
	size_t i;

	(void)state;
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	own_tags(&virtual, &ad7q5, PORT_SMALL, 0);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		frame_make(&f, PROTO_UDP, FAR, 26);
		put16(&f, AT_ETH_TYPE, types[i].type);
		assert_whole(&virtual, &f, &q5, types[i].exit);
		assert_whole(&virtual, &f, &ad7q5, types[i].exit);
	}
}

static void a_vlan_device_has_an_address_of_its_own(void **state)
{
	struct weir_vlan_key key = {.ifindex = net_ifindex(PORT_IN), .tags = {htonl(Q(5))}};
	struct weir_vlan v = {.ifindex = net_ifindex(PORT_SMALL), .mac = {2, 1, 2, 3, 4, 5}};
	static struct frame f;
	unsigned int i;

	(void)state;
	prog_put(&virtual, "vlans", &key, &v);
	frame_make(&f, PROTO_UDP, FAR, 26);
	assert_whole(&virtual, &f, &q5, X(xdp, OTHERHOST)); /* IN's own */
	memcpy(f.data, v.mac, 6);
	assert_tagged(&virtual, &f, &f, &q5, &none, PORT_OUT);
	assert_whole(&virtual, &f, &none, X(xdp, OTHERHOST));
	for (i = 0; i < 6; i++) {
		memcpy(f.data, v.mac, 6);
		f.data[i] ^= 0x40;
		assert_whole(&virtual, &f, &q5, X(xdp, OTHERHOST));
	}
	memset(f.data, 0xff, 6);
	assert_whole(&virtual, &f, &q5, X(xdp, L2_MULTICAST));
}

static void what_is_dropped_or_punted_goes_whole(void **state)
{
	static const struct {
		const char *dst;
		enum weir_exit exit;
	} ways[] = {{BLACK, X(route_in, BLACKHOLE)}, {UNREACHED, X(route_in, UNREACHABLE)},
		{ROUTER, X(route_in, NOT_FORWARDED)}, {HOP_LOST, X(neigh, NEIGH_UNRESOLVED)},
		{BARE_HOP, X(xmit, EGRESS_NOT_ATTACHED)}};
	static struct frame f;
	size_t i;

	(void)state;
	own_tags(&virtual, &ad7q5, PORT_SMALL, 0);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		frame_make(&f, PROTO_UDP, ways[i].dst, 26);
		virtual.conf->punt = WEIR_PUNT_KERNEL;
		assert_whole(&virtual, &f, &ad7q5, ways[i].exit);
		virtual.conf->punt = WEIR_PUNT_DROP;
		assert_whole(&virtual, &f, &ad7q5, ways[i].exit);
	}
}

/* --- cut --- */

static void frames_cut_within_their_tags(void **state)
{
	static const struct tags *const all[] = {&q5, &ad7q5};
	static struct frame f;
	static struct ran ran;
	__u32 i, len;

	(void)state;
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	own_tags(&virtual, &ad7q5, PORT_SMALL, 0);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		__u32 tags = tags_len(all[i]);

		for (len = 14; len < 34 + tags + 26; len++) {
			enum weir_exit want = len < 14 + tags + 2    ? X(xdp, VLAN)
					      : len < 34 + tags	     ? X(ip_rcv, IP_INHDR)
					      : len < 34 + tags + 26 ? X(ip_rcv, PKT_TOO_SMALL)
								     : X(xmit, NONE);

			frame_make(&f, PROTO_UDP, FAR, 26);
			tag_frame(&f, all[i]);
			f.len = len;
			assert_exit(prog_exit(&virtual, &f, &ran), want);
			assert_frame(&ran.out, &f, "cut at", len);
		}
	}
}

/* --- what the FIB is asked --- */

static void the_route_is_asked_for_the_vlan_device(void **state)
{
	static struct frame f;
	static struct ran ran;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 26);
	own_tags(&virtual, &q5, PORT_NOFWD, 0);
	assert_whole(&virtual, &f, &q5, X(route_in, FWD_DISABLED));
	assert_int_equal(net_ip("rule add iif small0 to 198.18.1.0/24 blackhole"), 0);
	own_tags(&virtual, &q6, PORT_SMALL, 0);
	assert_whole(&virtual, &f, &q6, X(route_in, BLACKHOLE));
	assert_whole(&virtual, &f, &none, X(xmit, NONE)); /* from IN */
	tag_frame(&f, &q6);
	assert_exit(prog_exit(&virtual, &f, &ran), X(route_in, BLACKHOLE)); /* from what is kept */
	assert_int_equal(net_ip("rule del iif small0 to 198.18.1.0/24 blackhole"), 0);
}

static void what_is_kept_is_kept_for_each_device(void **state)
{
	static struct frame f, tagged;
	static struct ran ran;

	(void)state;
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	frame_make(&f, PROTO_UDP, FAR, 26);
	tagged = f;
	tag_frame(&tagged, &q5);
	assert_exit(prog_exit(&virtual, &f, &ran), X(xmit, NONE));
	assert_exit(prog_exit(&virtual, &tagged, &ran), X(xmit, NONE));
	assert_int_equal(prog_kept(&virtual), 2);
}

/* HOST is behind IN: from SMALL, a packet of it has come the wrong way. */
static void the_source_is_asked_of_the_vlan_device(void **state)
{
	static struct frame f;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 26);
	own_tags(&virtual, &q5, PORT_SMALL, 1);
	assert_whole(&virtual, &f, &q5, X(route_in, SOURCE_CHECK));
	own_tags(&virtual, &q5, PORT_SMALL, 2);
	assert_tagged(&virtual, &f, &f, &q5, &none, PORT_OUT);
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	virtual.conf->rp_filter = 1; /* of IN: that is another device */
	prog_forget_flows(&virtual);
	assert_tagged(&virtual, &f, &f, &q5, &none, PORT_OUT);
	own_tags(&virtual, &q5, PORT_SMALL, 1);
	put_addr(&f, AT_IP_SRC, SMALL_HOP);
	frame_seal(&f);
	assert_tagged(&virtual, &f, &f, &q5, &none, PORT_OUT);
	assert_whole(&virtual, &f, &none, X(route_in, SOURCE_CHECK));
}

static void the_mtu_is_that_of_the_packet_without_tags(void **state)
{
	static struct frame f;

	(void)state;
	own_tags(&virtual, &ad7q5, PORT_OUT, 0);
	leave_by(&virtual, PORT_SMALL, PORT_OUT, &ad9q8);
	frame_make(&f, PROTO_UDP, SMALL_HOP, SMALL_MTU - 20);
	assert_tagged(&virtual, &f, &f, &ad7q5, &ad9q8, PORT_SMALL);
	assert_tagged(&virtual, &f, &f, &none, &ad9q8, PORT_SMALL);
	frame_make(&f, PROTO_UDP, SMALL_HOP, SMALL_MTU - 19);
	assert_whole(&virtual, &f, &ad7q5, X(ip_forward, IP_FRAGMENT));
	assert_whole(&virtual, &f, &none, X(ip_forward, IP_FRAGMENT));
	put16(&f, AT_IP_FRAG, 0x4000);
	frame_seal_ip(&f);
	assert_whole(&virtual, &f, &ad7q5, X(ip_forward, PKT_TOO_BIG));
}

/* The device below is the one that must take frames. */
static void a_vlan_on_a_device_that_takes_no_frames(void **state)
{
	static struct frame f;

	(void)state;
	leave_by(&virtual, PORT_OUT, PORT_BARE, &q5);
	frame_make(&f, PROTO_UDP, FAR, 26);
	assert_whole(&virtual, &f, &none, X(xmit, EGRESS_NOT_ATTACHED));
	own_tags(&virtual, &ad7q5, PORT_SMALL, 0);
	assert_whole(&virtual, &f, &ad7q5, X(xmit, EGRESS_NOT_ATTACHED));
}

/* --- checksums --- */

static void open_checksums_are_completed_across_tags(void **state)
{
	static const struct tags *const all[] = {&none, &q5, &ad7q5};
	static const __u32 lens[] = {20, 21, 26, 33, 511, 512, 513, 1480, 3000, 8980};
	static const unsigned int protos[] = {PROTO_UDP, PROTO_TCP};
	static struct frame open, whole;
	size_t from, to, i, n;

	(void)state;
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	own_tags(&virtual, &ad7q5, PORT_SMALL, 0);
	for (from = 0; from < ARRAY_SIZE(all); from++)
		for (to = 0; to < ARRAY_SIZE(all); to++) {
			leave_by(&virtual, PORT_OUT, PORT_SMALL, all[to]);
			prog_forget_flows(&virtual);
			for (n = 0; n < ARRAY_SIZE(lens) * ARRAY_SIZE(protos); n++) {
				i = n / ARRAY_SIZE(protos);
				frame_make(&whole, protos[n % ARRAY_SIZE(protos)], FAR, lens[i]);
				open = whole;
				frame_open(&open);
				assert_tagged(
					&virtual, &open, &whole, all[from], all[to], PORT_OUT);
			}
		}
}

/* The tags are off and on again by then: too long a segment, whose sum is left open. */
static void what_cannot_be_completed_is_put_back(void **state)
{
	static const struct tags *const all[] = {&none, &q5, &ad7q5};
	static struct frame f;
	size_t from, to;

	(void)state;
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	own_tags(&virtual, &ad7q5, PORT_SMALL, 0);
	frame_make(&f, PROTO_UDP, FAR, 10000);
	frame_open(&f);
	for (from = 0; from < ARRAY_SIZE(all); from++)
		for (to = 0; to < ARRAY_SIZE(all); to++) {
			leave_by(&virtual, PORT_OUT, PORT_SMALL, all[to]);
			prog_forget_flows(&virtual);
			assert_whole(&virtual, &f, all[from], X(xmit, CSUM_UNKNOWN));
		}
}

static void tunnels_in_a_vlan_are_the_kernels(void **state)
{
	static struct frame f;

	(void)state;
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	own_tags(&physical, &q5, PORT_SMALL, 0);
	frame_make(&f, PROTO_IPIP, FAR, 26);
	assert_whole(&virtual, &f, &q5, X(xmit, CSUM_UNKNOWN));
	assert_tagged(&physical, &f, &f, &q5, &none, PORT_OUT);
}

/* --- room before the frame --- */

/* XDP keeps 40 of the 256 bytes there for itself. What lies before a frame takes of the rest. */
static void without_room_for_its_tags_a_frame_goes_whole(void **state)
{
	static const struct tags *const all[] = {&none, &q5, &ad7q5};
	static struct frame f;
	static struct ran ran;
	size_t from, to;
	unsigned int way;

	(void)state;
	own_tags(&virtual, &q5, PORT_SMALL, 0);
	own_tags(&virtual, &ad7q5, PORT_SMALL, 0);
	frame_make(&f, PROTO_UDP, FAR, 26);
	virtual.meta = 256 - 40;
	if (prog_try(&virtual, &f, &ran))
		skip_because("this kernel lets a test take no more than 32 bytes before a frame");
	for (from = 0; from < ARRAY_SIZE(all); from++)
		for (to = 0; to < ARRAY_SIZE(all); to++)
			for (way = 0; way < 2; way++) {
				leave_by(&virtual, PORT_OUT, PORT_SMALL, all[to]);
				prog_forget_flows(&virtual);
				virtual.conf->punt = way ? WEIR_PUNT_DROP : WEIR_PUNT_KERNEL;
				if (to > from)
					assert_whole(
						&virtual, &f, all[from], X(xmit, NO_HEADROOM));
				else
					assert_tagged(
						&virtual, &f, &f, all[from], all[to], PORT_OUT);
			}
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&virtual, &(struct prog_opts){0});
	prog_load(&physical, &(struct prog_opts){.physical = true});
	prog_load(&generic, &(struct prog_opts){.generic = true});
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	reset(&virtual);
	reset(&physical);
	reset(&generic);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_any_tags_to_any),
		TEST(every_length_keeps_its_bytes),
		TEST(priority_bits_are_not_looked_at),
		TEST(a_priority_tag_is_no_vlan),
		TEST(every_vlan_id_is_told_apart),
		TEST(tags_of_no_attached_vlan_are_the_kernels),
		TEST(untagged_frames_where_only_vlans_are_attached),
		TEST(what_is_no_ipv4_in_a_vlan_is_the_kernels),
		TEST(a_vlan_device_has_an_address_of_its_own),
		TEST(what_is_dropped_or_punted_goes_whole),
		TEST(frames_cut_within_their_tags),
		TEST(the_route_is_asked_for_the_vlan_device),
		TEST(what_is_kept_is_kept_for_each_device),
		TEST(the_source_is_asked_of_the_vlan_device),
		TEST(the_mtu_is_that_of_the_packet_without_tags),
		TEST(a_vlan_on_a_device_that_takes_no_frames),
		TEST(open_checksums_are_completed_across_tags),
		TEST(what_cannot_be_completed_is_put_back),
		TEST(tunnels_in_a_vlan_are_the_kernels),
		TEST(without_room_for_its_tags_a_frame_goes_whole),
	};

	return net_allowed() ? cmocka_run_group_tests_name("vlan", tests, up, prog_down) : 0;
}
