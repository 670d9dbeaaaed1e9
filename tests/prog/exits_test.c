// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every way out of the fast plane, as a table: a frame, and the exit it must take. Each row asserts
 * the verdict, that its one counter and no other moved, and the frame that comes out byte for byte;
 * with and without `punt drop`, timed and not. A last test asserts that no exit is without a row.
 */
#include <string.h>
#include <linux/bpf.h>

#include "model/tables.h"
#include "prog.h"

/* Bytes to write into the frame, big-endian. */
struct set {
	__u16 at;
	__u16 width;
	__u32 value;
};

struct fixture {
	const char *name;
	enum weir_exit exit;
	bool by_small;	    /* it leaves by SMALL, else by OUT */
	bool back;	    /* it leaves by IN again */
	const char *dst;    /* FAR unless said */
	const char *src;    /* HOST unless said */
	__u8 proto;	    /* UDP unless said */
	bool as_is;	    /* the checksums stay those from before `set` */
	bool unconfirmed;   /* nothing is known of next hops */
	bool no_forwarding; /* it comes in where forwarding is off */
	bool fib_refuses;
	bool own_source; /* the source is one of this host's addresses */
	bool needs_lwt, needs_split;
	__u16 l4_len; /* 26 unless said, which makes 60 bytes */
	__u16 cut;    /* the frame ends here */
	__u16 pad;    /* the frame goes on to here */
	__u16 linear; /* so much is in the first buffer */
	struct set set[3];
};

#define E(stage, cause) .exit = WEIR_EXIT_##stage##_##cause
enum { DF = 0x4000, MF = 0x2000 };

/* clang-format off */
#define SET8(at, v)	{at, 1, v}
#define SET16(at, v)	{at, 2, v}
#define SET32(at, v)	{at, 4, v}

static const struct fixture fixtures[] = {
	/* through */
	{"udp_goes_out", E(xmit, NONE)},
	{"tcp_goes_out", E(xmit, NONE), .proto = PROTO_TCP},
	{"icmp_goes_out", E(xmit, NONE), .proto = PROTO_ICMP},
	{"sctp_goes_out", E(xmit, NONE), .proto = PROTO_SCTP},
	{"unknown_protocol_goes_out", E(xmit, NONE), .proto = 253},
	{"no_payload_goes_out", E(xmit, NONE), .l4_len = 8, .pad = 60},
	{"ethernet_padding_is_kept", E(xmit, NONE), .l4_len = 8, .pad = 64},
	{"padding_beyond_minimum_is_kept", E(xmit, NONE), .l4_len = 9, .pad = 1514},
	{"first_fragment_goes_out", E(xmit, NONE), .l4_len = 64, .set = {SET16(AT_IP_FRAG, MF)}},
	{"middle_fragment_goes_out", E(xmit, NONE), .proto = PROTO_ICMP,
		.set = {SET16(AT_IP_FRAG, MF | 64)}},
	{"last_fragment_goes_out", E(xmit, NONE), .proto = PROTO_ICMP,
		.set = {SET16(AT_IP_FRAG, 65)}},
	{"reserved_flag_goes_out", E(xmit, NONE), .set = {SET16(AT_IP_FRAG, 0x8000)}},
	{"ttl_2_goes_out", E(xmit, NONE), .set = {SET8(AT_IP_TTL, 2)}},
	{"ttl_255_goes_out", E(xmit, NONE), .set = {SET8(AT_IP_TTL, 255)}},
	{"tos_goes_out", E(xmit, NONE), .set = {SET8(AT_IP_TOS, 0xbb)}},
	{"jumbo_goes_out", E(xmit, NONE), .l4_len = 8980},
	{"mtu_is_met_exactly", E(xmit, NONE), .by_small = true, .dst = SMALL_HOP,
		.l4_len = SMALL_MTU - 20, .set = {SET16(AT_IP_FRAG, DF)}},
	{"padding_is_not_held_against_mtu", E(xmit, NONE), .by_small = true, .dst = SMALL_HOP,
		.l4_len = SMALL_MTU - 20, .pad = SMALL_MTU + 100},
	{"back_where_it_came_from", E(xmit, NONE), .back = true, .dst = HOST},
	{"buffers_split_behind_ip_header", E(xmit, NONE), .proto = PROTO_ICMP, .linear = AT_L4,
		.needs_split = true, .l4_len = 1000},

	/* link layer */
	{"no_ethernet_header_in_reach", E(xdp, PKT_TOO_SMALL), .linear = 13, .needs_split = true},
	{"no_byte_in_reach", E(xdp, PKT_TOO_SMALL), .linear = 1, .needs_split = true},
	{"other_host_by_first_bytes", E(xdp, OTHERHOST), .set = {SET8(AT_ETH_DST, 6)}},
	{"other_host_by_fourth_byte", E(xdp, OTHERHOST), .set = {SET8(AT_ETH_DST + 3, 1)}},
	{"other_host_by_fifth_byte", E(xdp, OTHERHOST), .set = {SET8(AT_ETH_DST + 4, 1)}},
	{"other_host_by_last_byte", E(xdp, OTHERHOST), .set = {SET8(AT_ETH_DST + 5, 0xfd)}},
	{"link_broadcast", E(xdp, L2_MULTICAST),
		.set = {SET32(AT_ETH_DST, 0xffffffff), SET16(AT_ETH_DST + 4, 0xffff)}},
	{"link_multicast", E(xdp, L2_MULTICAST), .dst = "224.0.0.5",
		.set = {SET32(AT_ETH_DST, 0x01005e00), SET16(AT_ETH_DST + 4, 5)}},
	{"arp", E(xdp, ARP), .set = {SET16(AT_ETH_TYPE, 0x0806)}},
	{"arp_broadcast", E(xdp, ARP), .set = {SET16(AT_ETH_TYPE, 0x0806),
		SET32(AT_ETH_DST, 0xffffffff), SET16(AT_ETH_DST + 4, 0xffff)}},
	{"arp_of_14_bytes", E(xdp, ARP), .cut = 14, .set = {SET16(AT_ETH_TYPE, 0x0806)}},
	{"ipv6", E(xdp, IPV6), .set = {SET16(AT_ETH_TYPE, 0x86dd), SET8(AT_IP_START, 0x60)}},
	{"vlan", E(xdp, VLAN), .set = {SET16(AT_ETH_TYPE, 0x8100)}},
	{"vlan_of_provider", E(xdp, VLAN), .set = {SET16(AT_ETH_TYPE, 0x88a8)}},
	{"length_frame_802_3", E(xdp, UNHANDLED_PROTO), .set = {SET16(AT_ETH_TYPE, 46)}},
	{"length_frame_of_0", E(xdp, UNHANDLED_PROTO), .set = {SET16(AT_ETH_TYPE, 0)}},
	{"mpls", E(xdp, UNHANDLED_PROTO), .set = {SET16(AT_ETH_TYPE, 0x8847)}},
	{"ethertype_next_to_ip", E(xdp, UNHANDLED_PROTO), .set = {SET16(AT_ETH_TYPE, 0x0801)}},

	/* the IP header */
	{"no_ip_header", E(ip_rcv, IP_INHDR), .cut = 14},
	{"ip_header_cut_by_a_byte", E(ip_rcv, IP_INHDR), .cut = 33},
	{"version_5", E(ip_rcv, IP_INHDR), .set = {SET8(AT_IP_START, 0x55)}},
	{"version_6_in_ipv4_frame", E(ip_rcv, IP_INHDR), .set = {SET8(AT_IP_START, 0x65)}},
	{"ihl_4", E(ip_rcv, IP_INHDR), .set = {SET8(AT_IP_START, 0x44)}},
	{"ihl_0", E(ip_rcv, IP_INHDR), .set = {SET8(AT_IP_START, 0x40)}},
	{"total_length_19", E(ip_rcv, IP_INHDR), .set = {SET16(AT_IP_LEN, 19)}},
	{"total_length_0", E(ip_rcv, IP_INHDR), .set = {SET16(AT_IP_LEN, 0)}},
	{"total_length_a_byte_too_long", E(ip_rcv, PKT_TOO_SMALL), .set = {SET16(AT_IP_LEN, 47)}},
	{"total_length_65535", E(ip_rcv, PKT_TOO_SMALL), .set = {SET16(AT_IP_LEN, 65535)}},
	{"jumbo_cut_by_a_byte", E(ip_rcv, PKT_TOO_SMALL), .l4_len = 8980, .cut = 9013},
	{"header_checksum_off_by_one", E(ip_rcv, IP_CSUM), .as_is = true,
		.set = {SET8(AT_IP_TTL, 63)}},
	{"header_checksum_0", E(ip_rcv, IP_CSUM), .as_is = true, .set = {SET16(AT_IP_CHECK, 0)}},
	{"header_checksum_ffff", E(ip_rcv, IP_CSUM), .as_is = true,
		.set = {SET16(AT_IP_CHECK, 0xffff)}},
	{"source_0_0_0_0", E(ip_rcv, IP_INVALID_SOURCE), .src = "0.0.0.0"},
	{"source_in_net_0", E(ip_rcv, IP_INVALID_SOURCE), .src = "0.255.255.255"},
	{"source_multicast", E(ip_rcv, IP_INVALID_SOURCE), .src = "224.0.0.1"},
	{"source_last_multicast", E(ip_rcv, IP_INVALID_SOURCE), .src = "239.255.255.255"},
	{"source_limited_broadcast", E(ip_rcv, IP_INVALID_SOURCE), .src = "255.255.255.255"},
	{"source_class_e_goes_out", E(xmit, NONE), .src = "240.0.0.1"},
	{"source_net_1_goes_out", E(xmit, NONE), .src = "1.0.0.0"},
	{"multicast", E(ip_rcv, IP_MULTICAST), .dst = "224.0.0.5"},
	{"last_multicast", E(ip_rcv, IP_MULTICAST), .dst = "239.255.255.255"},
	{"limited_broadcast", E(ip_rcv, IP_BROADCAST), .dst = "255.255.255.255"},
	{"dhcp_discover", E(ip_rcv, IP_BROADCAST), .src = "0.0.0.0", .dst = "255.255.255.255"},
	{"source_loopback", E(ip_rcv, IP_LOCALNET), .src = "127.0.0.1"},
	{"destination_loopback", E(ip_rcv, IP_LOCALNET), .dst = "127.255.0.1"},
	{"options", E(ip_rcv, IP_OPTIONS), .set = {SET8(AT_IP_START, 0x46)}},
	{"options_of_40_bytes", E(ip_rcv, IP_OPTIONS),
		.set = {SET8(AT_IP_START, 0x4f)}, .l4_len = 48},
	{"ip_header_split_off", E(ip_rcv, HEADER_APART), .linear = 14, .needs_split = true},
	{"ip_header_split_by_a_byte", E(ip_rcv, HEADER_APART), .linear = 33, .needs_split = true},
	{"ip_header_split_and_alone", E(ip_rcv, HEADER_APART), .linear = 33, .cut = 34,
		.needs_split = true},
	{"ip_header_split_and_cut", E(ip_rcv, IP_INHDR), .linear = 20, .cut = 33,
		.needs_split = true},
	{"options_cut_by_frame", E(ip_rcv, IP_OPTIONS),
		.set = {SET8(AT_IP_START, 0x4f)}, .cut = 34},

	/* routes */
	{"blackhole", E(route_in, BLACKHOLE), .dst = BLACK},
	{"blackhole_with_ttl_1", E(route_in, BLACKHOLE), .dst = BLACK, .set = {SET8(AT_IP_TTL, 1)}},
	{"unreachable", E(route_in, UNREACHABLE), .dst = UNREACHED},
	{"prohibit", E(route_in, PROHIBIT), .dst = PROHIBITED},
	{"own_address", E(route_in, NOT_FORWARDED), .dst = ROUTER},
	{"own_address_with_ttl_1", E(route_in, NOT_FORWARDED), .dst = ROUTER,
		.set = {SET8(AT_IP_TTL, 1)}},
	{"own_address_elsewhere", E(route_in, NOT_FORWARDED), .dst = "198.51.100.254"},
	{"subnet_broadcast_here", E(route_in, NOT_FORWARDED), .dst = "192.0.2.255"},
	{"subnet_broadcast_elsewhere", E(route_in, NOT_FORWARDED), .dst = "198.51.100.255"},
	{"no_route", E(route_in, NOT_FORWARDED), .dst = NO_ROUTE},
	{"class_e_is_not_broadcast", E(route_in, NOT_FORWARDED), .dst = "240.0.0.1"},
	{"forwarding_off", E(route_in, FWD_DISABLED), .no_forwarding = true},
	{"source_is_our_own", E(route_in, SOURCE_CHECK), .src = ROUTER, .own_source = true},
	{"source_is_our_own_with_ttl_1", E(route_in, SOURCE_CHECK), .src = ROUTER,
		.own_source = true, .set = {SET8(AT_IP_TTL, 1)}},
	{"blackhole_from_our_own", E(route_in, BLACKHOLE), .src = ROUTER, .own_source = true,
		.dst = BLACK},
	{"lightweight_tunnel", E(route_in, LWTUNNEL), .dst = TUNNELED, .needs_lwt = true},
	{"fib_refuses", E(route_in, FIB_ERROR), .fib_refuses = true},

	/* forwarding */
	{"ttl_1", E(ip_forward, IP_TTL), .set = {SET8(AT_IP_TTL, 1)}},
	{"ttl_0", E(ip_forward, IP_TTL), .set = {SET8(AT_IP_TTL, 0)}},
	{"ttl_1_comes_before_mtu", E(ip_forward, IP_TTL), .dst = SMALL_HOP, .l4_len = SMALL_MTU,
		.set = {SET8(AT_IP_TTL, 1)}},
	{"over_mtu_with_df", E(ip_forward, PKT_TOO_BIG), .dst = SMALL_HOP,
		.l4_len = SMALL_MTU - 19, .set = {SET16(AT_IP_FRAG, DF)}},
	{"over_mtu_without_df", E(ip_forward, IP_FRAGMENT), .dst = SMALL_HOP,
		.l4_len = SMALL_MTU - 19},
	{"fragment_over_mtu", E(ip_forward, IP_FRAGMENT), .dst = SMALL_HOP, .l4_len = SMALL_MTU,
		.set = {SET16(AT_IP_FRAG, MF)}},

	/* next hop and hand-off */
	{"neighbour_unresolved", E(neigh, NEIGH_UNRESOLVED), .dst = HOP_LOST},
	{"gateway_unresolved", E(neigh, NEIGH_UNRESOLVED), .dst = FAR_LOST, .unconfirmed = true},
	{"neighbour_unconfirmed", E(neigh, NEIGH_CONFIRM), .unconfirmed = true},
	{"egress_not_attached", E(xmit, EGRESS_NOT_ATTACHED), .dst = BARE_HOP},
	{"open_checksum_out_of_sight", E(xmit, CSUM_UNKNOWN), .proto = PROTO_IPIP},
};
/* clang-format on */

static struct prog normal, refused;
static bool reached[WEIR_EXIT_COUNT], skipped[WEIR_EXIT_COUNT];

static void build(const struct fixture *x, struct frame *f)
{
	size_t i;

	frame_make(f, x->proto ? x->proto : PROTO_UDP, x->dst ? x->dst : FAR,
		x->l4_len ? x->l4_len : 26);
	if (x->src)
		put_addr(f, AT_IP_SRC, x->src);
	if (!x->as_is)
		frame_seal(f);
	for (i = 0; i < ARRAY_SIZE(x->set); i++) {
		if (x->set[i].width == 1)
			put8(f, x->set[i].at, x->set[i].value);
		else if (x->set[i].width == 2)
			put16(f, x->set[i].at, x->set[i].value);
		else if (x->set[i].width == 4)
			put32(f, x->set[i].at, x->set[i].value);
	}
	if (!x->as_is)
		frame_seal_ip(f);
	if (x->cut)
		f->len = x->cut;
	if (x->pad)
		frame_pad(f, x->pad);
}

/* Whether this kernel lets a test say how much is in the first buffer (6.18 does). */
static bool can_split(struct prog *p)
{
	static struct frame f;
	static struct ran ran;
	struct weir_row sum;
	bool can;

	frame_make(&f, PROTO_UDP, FAR, 26);
	p->linear = 1;
	can = !prog_try(p, &f, &ran);
	prog_sum(p, &sum);
	can = can && sum.exit[WEIR_EXIT_xdp_PKT_TOO_SMALL].packets == 1;
	prog_reset(p);
	return can;
}

static void takes_its_exit(void **state)
{
	const struct fixture *x = *state;
	struct prog *p = x->fib_refuses ? &refused : &normal;
	enum port port = x->back ? PORT_IN : x->by_small ? PORT_SMALL : PORT_OUT;
	static struct frame f;
	unsigned int way;

	prog_reset(p);
	if ((x->needs_lwt && !net_has_lwt()) || (x->needs_split && !can_split(p))) {
		skipped[x->exit] = true;
		skip_because("%s", x->needs_lwt ? "this kernel has no lightweight tunnels"
						: "this kernel fills the first buffer always");
	}
	build(x, &f);
	for (way = 0; way < 4; way++) {
		prog_reset(p);
		if (x->unconfirmed)
			prog_forget(p);
		if (x->own_source)
			prog_local(p, x->src, true);
		p->conf->punt = way & 1 ? WEIR_PUNT_DROP : WEIR_PUNT_KERNEL;
		p->ctl->sample_every = way >> 1; /* timed packets take a copy of the code */
		p->linear = x->linear;
		p->ingress = x->no_forwarding ? PORT_NOFWD : PORT_IN;
		assert_way(p, &f, x->exit, port);
	}
	reached[x->exit] = true;
}

/* XDP does not take them, or not without VLANs: vlan_test.c, tc_test.c. */
static bool is_elsewhere(enum weir_exit e)
{
	return !weir_hook_crosses(WEIR_HOOK_xdp, weir_exit_info[e].fast) ||
	       e == WEIR_EXIT_ip_forward_GSO_UNKNOWN || e == WEIR_EXIT_xdp_UNTAGGED ||
	       e == WEIR_EXIT_xmit_NO_HEADROOM;
}

/* Late drops and undone passes are told by tracepoints, after the verdict. */
static void every_exit_has_a_fixture(void **state)
{
	__u32 e;

	(void)state;
	for (e = 0; e < WEIR_EXIT_COUNT; e++) {
		enum weir_kind kind = exit_kind(e);

		if (kind != WEIR_KIND_LATE && kind != WEIR_KIND_UNDO && !is_elsewhere(e) &&
			!reached[e] && !skipped[e])
			fail_msg("no fixture takes the exit %s", exit_name(e));
	}
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&normal, &(struct prog_opts){0});
	prog_load(&refused, &(struct prog_opts){.fib_refuses = true});
	return 0;
}

static int down(void **state)
{
	(void)state;
	prog_unload(&normal);
	prog_unload(&refused);
	return 0;
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(fixtures) + 1];
	size_t i;

	if (!net_allowed())
		return 0;
	for (i = 0; i < ARRAY_SIZE(fixtures); i++)
		tests[i] = (struct CMUnitTest){.name = fixtures[i].name,
			.test_func = takes_its_exit,
			.initial_state = (void *)(uintptr_t)&fixtures[i]};
	tests[i] = (struct CMUnitTest)cmocka_unit_test(every_exit_has_a_fixture);
	return cmocka_run_group_tests_name("exits", tests, up, down);
}
