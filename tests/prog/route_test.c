// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the FIB is asked: as the kernel would ask it, of the packet and of nothing else. */
#include <string.h>

#include "prog.h"

#define X(stage, cause) WEIR_EXIT_##stage##_##cause

enum { DF = 0x4000, MF = 0x2000 };

static struct prog prog, generic, physical;

static enum weir_exit way_of(const struct frame *f)
{
	static struct ran ran;

	return prog_exit(&prog, f, &ran);
}

static void ruled(struct frame *f, unsigned int proto, unsigned int frag)
{
	frame_make(f, proto, RULED, 64);
	put16(f, AT_L4_DPORT, RULED_PORT);
	put16(f, AT_IP_FRAG, frag);
	frame_seal(f);
}

static void rule_by_port_is_followed(void **state)
{
	static struct frame f;

	(void)state;
	ruled(&f, PROTO_UDP, 0);
	assert_exit(way_of(&f), X(route_in, BLACKHOLE));
	ruled(&f, PROTO_TCP, 0);
	assert_exit(way_of(&f), X(route_in, BLACKHOLE));
	ruled(&f, PROTO_UDP, DF);
	assert_exit(way_of(&f), X(route_in, BLACKHOLE));
	put16(&f, AT_L4_DPORT, RULED_PORT + 1);
	frame_seal(&f);
	assert_exit(way_of(&f), X(xmit, NONE));
	/* the port at the source is another question */
	put16(&f, AT_L4, RULED_PORT);
	frame_seal(&f);
	assert_exit(way_of(&f), X(xmit, NONE));
}

static void later_fragment_has_no_ports(void **state)
{
	static struct frame f;
	unsigned int offset;

	(void)state;
	for (offset = 1; offset <= 0x1fff; offset++) {
		ruled(&f, PROTO_UDP, MF | offset);
		assert_exit(way_of(&f), X(xmit, NONE));
		ruled(&f, PROTO_TCP, offset);
		assert_exit(way_of(&f), X(xmit, NONE));
	}
}

/* As in the kernel, whose flow dissector does not read them either, so that all go one way. */
static void first_fragment_has_no_ports(void **state)
{
	static struct frame f;

	(void)state;
	ruled(&f, PROTO_UDP, MF);
	assert_exit(way_of(&f), X(xmit, NONE));
	ruled(&f, PROTO_TCP, MF);
	assert_exit(way_of(&f), X(xmit, NONE));
}

/* Whatever the kernel's flow dissector takes for ports: measured by rules on raw packets. */
static void protocols_with_ports(void **state)
{
	static const unsigned int with[] = {
		PROTO_TCP, PROTO_UDP, PROTO_DCCP, PROTO_ESP, PROTO_SCTP, PROTO_UDPLITE};
	static const unsigned int without[] = {PROTO_ICMP, PROTO_GRE, 253, 0};
	static struct frame f;
	size_t i;

	(void)state;
	assert_int_equal(net_ip("rule add dport %u lookup 100 pref 900", RULED_PORT), 0);
	for (i = 0; i < ARRAY_SIZE(with); i++) {
		ruled(&f, with[i], 0);
		assert_exit(way_of(&f), X(route_in, BLACKHOLE));
		ruled(&f, with[i], MF);
		assert_exit(prog_exit(&physical, &f, &(struct ran){0}), X(xmit, NONE));
	}
	for (i = 0; i < ARRAY_SIZE(without); i++) {
		ruled(&f, without[i], 0);
		assert_exit(prog_exit(&physical, &f, &(struct ran){0}), X(xmit, NONE));
	}
	assert_int_equal(net_ip("rule del pref 900"), 0);
}

/* Padding may look like ports; the packet ends before it. */
static void padding_has_no_ports(void **state)
{
	static struct frame f;
	__u32 len;

	(void)state;
	for (len = 0; len <= 4; len++) {
		frame_make(&f, PROTO_UDP, RULED, len);
		frame_pad(&f, 60);
		put16(&f, AT_L4_DPORT, RULED_PORT);
		assert_exit(way_of(&f), len < 4 ? X(xmit, NONE) : X(route_in, BLACKHOLE));
	}
}

static void rule_by_tos_is_followed(void **state)
{
	static struct frame f;

	(void)state;
	frame_make(&f, PROTO_UDP, TOS_RULED, 26);
	assert_exit(way_of(&f), X(xmit, NONE));
	put8(&f, AT_IP_TOS, 0x10);
	frame_seal(&f);
	assert_exit(way_of(&f), X(route_in, BLACKHOLE));
}

static void rule_by_source_is_followed(void **state)
{
	static struct frame f;

	(void)state;
	assert_int_equal(net_ip("rule add from 192.0.2.77 lookup 100"), 0);
	frame_make(&f, PROTO_UDP, RULED, 26);
	assert_exit(way_of(&f), X(xmit, NONE));
	put_addr(&f, AT_IP_SRC, "192.0.2.77");
	frame_seal(&f);
	assert_exit(way_of(&f), X(route_in, BLACKHOLE));
	assert_int_equal(net_ip("rule del from 192.0.2.77"), 0);
}

static void rule_by_device_is_followed(void **state)
{
	static struct frame f;

	(void)state;
	assert_int_equal(net_ip("rule add iif in0 to %s lookup 100", RULED), 0);
	frame_make(&f, PROTO_UDP, RULED, 26);
	assert_exit(way_of(&f), X(route_in, BLACKHOLE));
	prog.ingress = PORT_OUT;
	assert_exit(way_of(&f), X(xmit, NONE));
	assert_int_equal(net_ip("rule del iif in0 to %s", RULED), 0);
}

/* ip_route_input_slow(): no host is in 0.0.0.0/8, whatever the default route says. */
static void destination_in_net_0_is_never_forwarded(void **state)
{
	static const char *const to[] = {"0.0.0.0", "0.0.0.1", "0.255.255.255"};
	enum weir_exit exit[ARRAY_SIZE(to)], next_net;
	static struct frame f;
	size_t i;

	(void)state;
	assert_int_equal(net_ip("route add default via " HOP), 0);
	for (i = 0; i < ARRAY_SIZE(to); i++) {
		frame_make(&f, PROTO_UDP, to[i], 26);
		exit[i] = way_of(&f);
	}
	frame_make(&f, PROTO_UDP, "1.0.0.0", 26);
	next_net = way_of(&f);
	assert_int_equal(net_ip("route del default"), 0);
	for (i = 0; i < ARRAY_SIZE(to); i++)
		assert_exit(exit[i], X(route_in, NOT_FORWARDED));
	assert_exit(next_net, X(xmit, NONE));
}

static void every_length_about_the_mtu(void **state)
{
	static struct frame f;
	__u32 len;

	(void)state;
	for (len = SMALL_MTU - 60; len <= SMALL_MTU + 60; len++) {
		bool fits = len <= SMALL_MTU;

		frame_make(&f, PROTO_UDP, SMALL_HOP, len - 20);
		assert_exit(way_of(&f), fits ? X(xmit, NONE) : X(ip_forward, IP_FRAGMENT));
		put16(&f, AT_IP_FRAG, DF);
		frame_seal(&f);
		assert_exit(way_of(&f), fits ? X(xmit, NONE) : X(ip_forward, PKT_TOO_BIG));
	}
}

/* A route's own MTU counts, where the device would take more, and it is locked: of others
 * bpf_fib_lookup() does not tell. */
static void locked_mtu_of_a_route_is_kept(void **state)
{
	static struct frame f;

	(void)state;
	assert_int_equal(net_ip("route add 198.18.20.0/24 via " HOP " mtu lock 1000"), 0);
	frame_make(&f, PROTO_UDP, "198.18.20.9", 980);
	assert_exit(way_of(&f), X(xmit, NONE));
	frame_make(&f, PROTO_UDP, "198.18.20.9", 981);
	assert_exit(way_of(&f), X(ip_forward, IP_FRAGMENT));
	assert_int_equal(net_ip("route del 198.18.20.0/24"), 0);
}

/* All packets of a flow, and all fragments of a packet, take one of several next hops. */
static void multipath_keeps_a_flow_together(void **state)
{
	static struct frame f;
	static struct ran ran;
	__u8 mac[6];
	unsigned int i;

	(void)state;
	assert_int_equal(
		net_ip("route add 198.18.21.0/24 nexthop via " HOP " nexthop via " SMALL_HOP), 0);
	frame_make(&f, PROTO_UDP, "198.18.21.9", 26);
	assert_exit(prog_exit(&prog, &f, &ran), X(xmit, NONE));
	memcpy(mac, ran.out.data, 6);
	for (i = 0; i < 64; i++) {
		put16(&f, AT_IP_ID, i);
		put16(&f, AT_IP_FRAG, i ? MF | i : MF);
		put16(&f, AT_L4, i * 1000);
		frame_seal_ip(&f);
		assert_exit(prog_exit(&prog, &f, &ran), X(xmit, NONE));
		assert_memory_equal(ran.out.data, mac, 6);
	}
	assert_int_equal(net_ip("route del 198.18.21.0/24"), 0);
}

/* Native XDP goes where drivers take frames, generic XDP wherever weir is attached. */
static void generic_and_native_ports_are_apart(void **state)
{
	static struct frame f;

	(void)state;
	frame_make(&f, PROTO_UDP, BARE_HOP, 26);
	assert_way(&prog, &f, X(xmit, EGRESS_NOT_ATTACHED), PORT_BARE);
	assert_way(&generic, &f, X(xmit, NONE), PORT_BARE);
	frame_make(&f, PROTO_UDP, "198.18.253.9", 26);
	assert_int_equal(net_ip("neigh add 198.18.253.9 lladdr 02:00:00:00:04:01 dev nofwd0"), 0);
	prog_reset(&generic);
	prog_exit(&generic, &f, &(struct ran){0}); /* confirms */
	prog_zero(&generic);
	assert_way(&generic, &f, X(xmit, EGRESS_NOT_ATTACHED), PORT_NOFWD);
	assert_int_equal(net_ip("neigh del 198.18.253.9 dev nofwd0"), 0);
}

static int up(void **state)
{
	(void)state;
	if (net_up())
		return -1;
	prog_load(&prog, &(struct prog_opts){0});
	prog_load(&generic, &(struct prog_opts){.generic = true});
	prog_load(&physical, &(struct prog_opts){.physical = true});
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, prog_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rule_by_port_is_followed),
		TEST(later_fragment_has_no_ports),
		TEST(first_fragment_has_no_ports),
		TEST(protocols_with_ports),
		TEST(padding_has_no_ports),
		TEST(rule_by_tos_is_followed),
		TEST(rule_by_source_is_followed),
		TEST(rule_by_device_is_followed),
		TEST(destination_in_net_0_is_never_forwarded),
		TEST(every_length_about_the_mtu),
		TEST(locked_mtu_of_a_route_is_kept),
		TEST(multipath_keeps_a_flow_together),
		TEST(generic_and_native_ports_are_apart),
	};

	return net_allowed() ? cmocka_run_group_tests_name("route", tests, up, prog_down) : 0;
}
