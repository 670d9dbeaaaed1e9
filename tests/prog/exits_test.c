// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every way out of the fast plane, as a table: a frame, and the exit it must take, at XDP and at TC
 * ingress. Each row asserts the verdict, that its one counter and no other moved, and the frame
 * that comes out byte for byte; with and without `punt drop`, timed and not. A last test of each
 * hook asserts that no exit is without a row.
 */
#include <stdio.h>
#include <string.h>

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
	enum port by;	    /* it leaves by OUT unless said */
	bool back;	    /* it leaves by IN again */
	const char *dst;    /* FAR unless said */
	const char *src;    /* HOST unless said */
	__u8 proto;	    /* UDP unless said */
	bool as_is;	    /* the checksums stay those from before `set` */
	bool unconfirmed;   /* nothing is known of next hops */
	bool no_forwarding; /* it comes in where forwarding is off */
	bool fib_refuses;
	bool own_source; /* the source is one of this host's addresses */
	bool bare;	 /* BARE is not even attached */
	bool needs_lwt, needs_split;
	bool ipsec;    /* a policy speaks of it */
	bool xdp_only; /* TC does it otherwise, or is given no such frame: tc_test.c */
	__u16 l4_len;  /* 26 unless said, which makes 60 bytes */
	__u16 cut;     /* the frame ends here */
	__u16 pad;     /* the frame goes on to here */
	__u16 linear;  /* so much is in the first buffer */
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
	{"jumbo_goes_out", E(xmit, NONE), .l4_len = 8980, .xdp_only = true},
	{"mtu_is_met_exactly", E(xmit, NONE), .by = PORT_SMALL, .dst = SMALL_HOP,
		.l4_len = SMALL_MTU - 20, .set = {SET16(AT_IP_FRAG, DF)}},
	{"padding_is_not_held_against_mtu", E(xmit, NONE), .by = PORT_SMALL, .dst = SMALL_HOP,
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
	{"no_ip_header", E(ip_rcv, IP_INHDR), .cut = 14, .xdp_only = true},
	{"ip_header_cut_by_a_byte", E(ip_rcv, IP_INHDR), .cut = 33, .xdp_only = true},
	{"version_5", E(ip_rcv, IP_INHDR), .set = {SET8(AT_IP_START, 0x55)}},
	{"version_6_in_ipv4_frame", E(ip_rcv, IP_INHDR), .set = {SET8(AT_IP_START, 0x65)}},
	{"ihl_4", E(ip_rcv, IP_INHDR), .set = {SET8(AT_IP_START, 0x44)}},
	{"ihl_0", E(ip_rcv, IP_INHDR), .set = {SET8(AT_IP_START, 0x40)}},
	{"total_length_19", E(ip_rcv, IP_INHDR), .set = {SET16(AT_IP_LEN, 19)}},
	{"total_length_0", E(ip_rcv, IP_INHDR), .set = {SET16(AT_IP_LEN, 0)}},
	{"total_length_a_byte_too_long", E(ip_rcv, PKT_TOO_SMALL), .set = {SET16(AT_IP_LEN, 47)}},
	{"total_length_65535", E(ip_rcv, PKT_TOO_SMALL), .set = {SET16(AT_IP_LEN, 65535)}},
	{"jumbo_cut_by_a_byte", E(ip_rcv, PKT_TOO_SMALL), .l4_len = 8980, .cut = 9013,
		.xdp_only = true},
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

	{"ipsec", E(ip_forward, XFRM_POLICY), .ipsec = true},
	{"ipsec_comes_before_ttl", E(ip_forward, XFRM_POLICY), .ipsec = true,
		.set = {SET8(AT_IP_TTL, 1)}},
	{"blackhole_comes_before_ipsec", E(route_in, BLACKHOLE), .dst = BLACK, .ipsec = true},
	{"unresolved_with_ipsec", E(neigh, NEIGH_UNRESOLVED), .dst = HOP_LOST, .ipsec = true},

	/* next hop and hand-off */
	{"neighbour_unresolved", E(neigh, NEIGH_UNRESOLVED), .dst = HOP_LOST},
	{"gateway_unresolved", E(neigh, NEIGH_UNRESOLVED), .dst = FAR_LOST, .unconfirmed = true},
	{"neighbour_unconfirmed", E(neigh, NEIGH_CONFIRM), .unconfirmed = true},
	{"egress_not_attached", E(xmit, EGRESS_NOT_ATTACHED), .dst = BARE_HOP, .bare = true},
	{"egress_takes_no_frames", E(xmit, EGRESS_NOT_ATTACHED), .dst = BARE_HOP, .xdp_only = true},
	{"open_checksum_out_of_sight", E(xmit, CSUM_UNKNOWN), .proto = PROTO_IPIP,
		.xdp_only = true},
};
/* clang-format on */

/* One fixture at one hook. */
struct turn {
	const struct fixture *x;
	enum weir_hook hook;
};

static struct prog normal[WEIR_HOOK_COUNT], refused[WEIR_HOOK_COUNT];
static bool reached[WEIR_HOOK_COUNT][WEIR_EXIT_COUNT], skipped[WEIR_HOOK_COUNT][WEIR_EXIT_COUNT];

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
	const struct turn *t = *state;
	const struct fixture *x = t->x;
	struct prog *p = x->fib_refuses ? &refused[t->hook] : &normal[t->hook];
	enum port port = x->back ? PORT_IN : x->by ? x->by : PORT_OUT;
	enum weir_exit exit = exit_at(t->hook, x->exit);
	static struct frame f;
	unsigned int way;

	prog_reset(p);
	if ((x->needs_lwt && !net_has_lwt()) || (x->ipsec && !net_has_xfrm()) ||
		(x->needs_split && !can_split(p))) {
		skipped[t->hook][exit] = true;
		skip_because("%s", x->needs_lwt ? "this kernel has no lightweight tunnels"
				   : x->ipsec	? "this kernel has no IPsec policies"
						: "this kernel fills the first buffer always");
	}
	if (x->ipsec)
		assert_int_equal(net_ip("xfrm policy add src " HOST " dir fwd"), 0);
	build(x, &f);
	for (way = 0; way < 4; way++) {
		prog_reset(p);
		if (x->unconfirmed)
			prog_forget(p);
		if (x->own_source)
			prog_local(p, x->src, true);
		if (x->bare)
			prog_port_remove(p, PORT_BARE);
		p->conf->punt = way & 1 ? WEIR_PUNT_DROP : WEIR_PUNT_KERNEL;
		p->ctl->sample_every = way >> 1; /* timed packets take a copy of the code */
		p->linear = x->linear;
		p->ingress = x->no_forwarding ? PORT_NOFWD : PORT_IN;
		assert_way(p, &f, exit, port);
	}
	reached[t->hook][exit] = true;
}

static int no_ipsec(void **state)
{
	const struct turn *t = *state;

	if (t->x->ipsec && net_has_xfrm())
		net_ip("xfrm policy flush 2>/dev/null");
	return 0;
}

/* What another file takes: without VLANs XDP does not, and nor does TC without superframes or a
 * judge before it. */
static bool is_elsewhere(enum weir_hook hook, enum weir_exit e)
{
	static const enum weir_exit vlan_test[] = {
		WEIR_EXIT_xdp_UNTAGGED,
		WEIR_EXIT_xmit_NO_HEADROOM,
	};
	static const enum weir_exit tc_test[] = {
		WEIR_EXIT_ip_forward_GSO_UNKNOWN,
		WEIR_EXIT_tc_ingress_XDP_JUDGED,
	};
	static const enum weir_exit filter_test[] = {
		WEIR_EXIT_nf_prerouting_FILTER,
		WEIR_EXIT_nf_prerouting_FILTER_REJECT,
		WEIR_EXIT_nf_forward_FILTER,
		WEIR_EXIT_nf_forward_FILTER_REJECT,
		WEIR_EXIT_nf_forward_FILTER_PUNT,
	};
	static const enum weir_exit nat_tests[] = {
		WEIR_EXIT_nf_prerouting_NAT_FILTERED,	   /* nat_mapping_test.c */
		WEIR_EXIT_nf_postrouting_NAT_NO_MAPPING,   /* there, too */
		WEIR_EXIT_nf_postrouting_NAT_EXHAUSTED,	   /* nat_full_test.c */
		WEIR_EXIT_nf_postrouting_NAT_CLASH,	   /* there, too */
		WEIR_EXIT_nf_postrouting_NAT_FULL,	   /* there, too */
		WEIR_EXIT_nf_postrouting_NAT_NO_SESSION,   /* nat_icmp_test.c */
		WEIR_EXIT_nf_postrouting_NAT_FRAGMENT,	   /* nat_fragment_test.c */
		WEIR_EXIT_nf_forward_IP_REASSEMBLE,	   /* there, too */
		WEIR_EXIT_nf_postrouting_NAT_UNTRANSLATED, /* nat_road_test.c */
		WEIR_EXIT_nf_postrouting_ICMP_CSUM,	   /* nat_error_test.c */
	};
	const enum weir_exit *there = hook == WEIR_HOOK_xdp ? vlan_test : tc_test;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(filter_test); i++)
		if (filter_test[i] == e)
			return true;
	for (i = 0; i < ARRAY_SIZE(nat_tests); i++)
		if (nat_tests[i] == e)
			return true;
	for (i = 0; i < ARRAY_SIZE(tc_test); i++)
		if (there[i] == e)
			return true;
	return false;
}

/*
 * What no frame can provoke at a hook that counts it nevertheless: XDP's superframes, which it is
 * never given; TC's checksums and tags, which the kernel finishes; at TC a frame without an
 * Ethernet header, and one whose headers cannot be gathered, unless memory runs out.
 */
static bool is_impossible(enum weir_hook hook, enum weir_exit e)
{
	if (hook == WEIR_HOOK_xdp)
		return e == WEIR_EXIT_ip_forward_GSO_UNKNOWN;
	return e == WEIR_EXIT_xmit_CSUM_UNKNOWN || e == WEIR_EXIT_xmit_NO_HEADROOM ||
	       e == WEIR_EXIT_tc_ingress_PKT_TOO_SMALL || e == WEIR_EXIT_ip_rcv_HEADER_APART;
}

/* Late drops and undone passes are told by tracepoints, after the verdict. */
static void every_exit_has_a_fixture(void **state)
{
	enum weir_hook hook = ((const struct turn *)*state)->hook;
	__u32 e;

	for (e = 0; e < WEIR_EXIT_COUNT; e++) {
		enum weir_kind kind = exit_kind(e);

		if (kind == WEIR_KIND_LATE || kind == WEIR_KIND_UNDO ||
			!weir_hook_crosses(hook, weir_exit_info[e].fast))
			continue;
		if (is_impossible(hook, e) || is_elsewhere(hook, e))
			assert_false(reached[hook][e]);
		else if (!reached[hook][e] && !skipped[hook][e])
			fail_msg("no fixture takes the exit %s at %s", exit_name(e),
				weir_hook_info[hook].name);
	}
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load_ingress(normal, (struct prog_opts){0});
	prog_load_ingress(refused, (struct prog_opts){.fib_refuses = true});
	return 0;
}

/* Adds a hook's tests, the last of them after all others; returns how many there are now. */
static size_t add_hook(enum weir_hook hook, struct CMUnitTest *tests, size_t nr)
{
	static struct turn turns[WEIR_HOOK_COUNT][ARRAY_SIZE(fixtures) + 1];
	static char names[WEIR_HOOK_COUNT][ARRAY_SIZE(fixtures) + 1][64];
	size_t i;

	for (i = 0; i <= ARRAY_SIZE(fixtures); i++) {
		bool last = i == ARRAY_SIZE(fixtures);
		const struct fixture *x = last ? NULL : &fixtures[i];

		if (x && hook != WEIR_HOOK_xdp && (x->xdp_only || x->needs_split))
			continue;
		turns[hook][i] = (struct turn){x, hook};
		snprintf(names[hook][i], sizeof(names[hook][i]), "%s:%s", weir_hook_info[hook].name,
			last ? "every_exit_has_a_fixture" : x->name);
		tests[nr++] = (struct CMUnitTest){.name = names[hook][i],
			.test_func = last ? every_exit_has_a_fixture : takes_its_exit,
			.teardown_func = last ? NULL : no_ipsec,
			.initial_state = &turns[hook][i]};
	}
	return nr;
}

int main(void)
{
	static struct CMUnitTest tests[2 * (ARRAY_SIZE(fixtures) + 1)];
	size_t nr;

	if (!net_allowed())
		return 0;
	nr = add_hook(WEIR_HOOK_xdp, tests, 0);
	nr = add_hook(WEIR_HOOK_tc_ingress, tests, nr);
	return _cmocka_run_group_tests("exits", tests, nr, up, prog_down);
}
