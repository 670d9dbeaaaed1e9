// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The key of kept routes: which packets share an entry, and which must not. */
#include <arpa/inet.h>
#include <string.h>

#include "prog.h"

enum { DF = 0x4000, MF = 0x2000 };

/* `prog` has a table like the real one. In `pair` all flows meet in one pair of slots for each CPU;
 * `elsewhere` is loaded for NOFWD and shares them. */
static struct prog prog, pair, elsewhere;

/* Where they are loaded: a namespace without rules, or one with. */
static enum { NOWHERE, PLAIN, RULED_WORLD } world;

static void flow(struct frame *f, const char *dst)
{
	frame_make(f, PROTO_UDP, dst, 26);
}

/* Both are kept, and each keeps its own, whichever came first. */
static void assert_apart(struct prog *p, const struct frame *a, struct way to_a,
	const struct frame *b, struct way to_b)
{
	int turn;

	for (turn = 0; turn < 2; turn++) {
		bool swap = turn;

		prog_forget_flows(p);
		assert_way_is(p, swap ? b : a, swap ? to_b : to_a);
		assert_kept_way(p, swap ? a : b, swap ? to_a : to_b);
		assert_int_equal(prog_kept(p), 2);
		assert_kept_way(p, a, to_a);
		assert_kept_way(p, b, to_b);
		assert_int_equal(prog_kept(p), 2);
	}
}

/* Both are answered by one entry. */
static void assert_together(struct prog *p, const struct frame *a, const struct frame *b)
{
	prog_forget_flows(p);
	assert_way_is(p, a, OUT_BY(HOP_MAC));
	prog_forge(p, a);
	assert_kept_way(p, b, OUT_BY(FORGED));
	assert_int_equal(prog_kept(p), 1);
}

static void destinations_are_apart(void **state)
{
	static struct frame a, b;

	(void)state;
	flow(&a, FAR);
	flow(&b, SMALL_HOP);
	assert_apart(&pair, &a, OUT_BY(HOP_MAC), &b, OUT_BY(SMALL_HOP_MAC));
	assert_apart(&prog, &a, OUT_BY(HOP_MAC), &b, OUT_BY(SMALL_HOP_MAC));
	flow(&b, "198.18.1.8"); /* one bit */
	assert_apart(&pair, &a, OUT_BY(HOP_MAC), &b, OUT_BY(HOP_MAC));
}

static void sources_are_apart(void **state)
{
	static struct frame a, b;

	(void)state;
	prog_local(&pair, "192.0.2.3", true);
	flow(&a, FAR);
	flow(&b, FAR);
	put_addr(&b, AT_IP_SRC, "192.0.2.3");
	frame_seal(&b);
	assert_way_is(&pair, &a, OUT_BY(HOP_MAC));
	assert_kept_way(&pair, &b, LEFT(route_in, SOURCE_CHECK));
	assert_int_equal(prog_kept(&pair), 1);
	prog_local(&pair, "192.0.2.3", false);
	assert_apart(&pair, &a, OUT_BY(HOP_MAC), &b, OUT_BY(HOP_MAC));
}

static void addresses_are_not_interchangeable(void **state)
{
	static struct frame a, b;

	(void)state;
	flow(&a, FAR);
	flow(&b, HOST);
	put_addr(&b, AT_IP_SRC, FAR);
	frame_seal(&b);
	assert_apart(&pair, &a, OUT_BY(HOP_MAC), &b, OUT_BY(0x0001));
}

static void tos_are_apart(void **state)
{
	static struct frame a, b;
	unsigned int bit;

	(void)state;
	assert_int_equal(net_ip("route add 198.18.1.0/24 tos 0x10 via " SMALL_HOP), 0);
	flow(&a, FAR);
	flow(&b, FAR);
	put8(&b, AT_IP_TOS, 0x10);
	frame_seal(&b);
	assert_apart(&pair, &a, OUT_BY(HOP_MAC), &b, OUT_BY(SMALL_HOP_MAC));
	assert_int_equal(net_ip("route del 198.18.1.0/24 tos 0x10"), 0);
	for (bit = 2; bit < 8; bit++) { /* all that a route or rule can look at; not ECN */
		put8(&b, AT_IP_TOS, 1U << bit);
		frame_seal(&b);
		assert_apart(&pair, &a, OUT_BY(HOP_MAC), &b, OUT_BY(HOP_MAC));
	}
}

/* The table is the namespace's: a route from here is none from a device that does not forward. */
static void devices_are_apart(void **state)
{
	static struct frame here, there;

	(void)state;
	flow(&here, FAR);
	flow(&there, FAR);
	net_mac(PORT_NOFWD, there.data);
	assert_way_is(&pair, &here, OUT_BY(HOP_MAC));
	assert_kept_way(&elsewhere, &there, LEFT(route_in, FWD_DISABLED));
	assert_int_equal(prog_kept(&pair), 1);
	net_sysctl("conf/nofwd0/forwarding", "1");
	assert_kept_way(&elsewhere, &there, OUT_BY(HOP_MAC));
	assert_kept_way(&pair, &here, OUT_BY(HOP_MAC));
	assert_int_equal(prog_kept(&pair), 2);
	prog_forge(&pair, &here); /* either of the two */
	assert_true(same_way(prog_way_at(&pair, &here, 0), OUT_BY(FORGED)) !=
		    same_way(prog_way_at(&elsewhere, &there, 0), OUT_BY(FORGED)));
	net_sysctl("conf/nofwd0/forwarding", "0");
}

/* Without rules no route depends on what is behind the addresses. */
static void the_rest_shares_an_entry(void **state)
{
	static const struct {
		unsigned int at, width, value;
	} set[] = {
		{AT_L4, 2, 77},
		{AT_L4_DPORT, 2, RULED_PORT},
		{AT_IP_PROTO, 1, PROTO_SCTP},
		{AT_IP_PROTO, 1, 0},
		{AT_IP_ID, 2, 7},
		{AT_IP_TTL, 1, 3},
		{AT_IP_FRAG, 2, DF},
		{AT_IP_FRAG, 2, MF},
		{AT_IP_FRAG, 2, 100},
	};
	static struct frame a, b;
	size_t i;

	(void)state;
	flow(&a, FAR);
	for (i = 0; i < ARRAY_SIZE(set); i++) {
		flow(&b, FAR);
		if (set[i].width == 1)
			put8(&b, set[i].at, set[i].value);
		else
			put16(&b, set[i].at, set[i].value);
		frame_seal(&b);
		assert_together(&pair, &a, &b);
		assert_together(&prog, &a, &b);
	}
	frame_make(&b, PROTO_TCP, FAR, 1400);
	assert_together(&prog, &a, &b);
}

/* --- ports and protocols, where routes depend on them --- */

static void ported(struct frame *f, unsigned int proto, unsigned int sport, unsigned int dport)
{
	frame_make(f, proto, RULED, 64);
	put16(f, AT_L4, sport);
	put16(f, AT_L4_DPORT, dport);
	frame_seal(f);
}

static void assert_rule_tells_apart(const char *rule, const struct frame *a, const struct frame *b)
{
	assert_int_equal(net_ip("rule add pref 900 to " RULED " %s lookup 101", rule), 0);
	assert_apart(&pair, a, OUT_BY(HOP_MAC), b, OUT_BY(SMALL_HOP_MAC));
	assert_apart(&prog, a, OUT_BY(HOP_MAC), b, OUT_BY(SMALL_HOP_MAC));
	assert_int_equal(net_ip("rule del pref 900"), 0);
}

static void rules_tell_ports_and_protocols_apart(void **state)
{
	static struct frame a, b;

	(void)state;
	ported(&a, PROTO_UDP, 1000, 2000);
	ported(&b, PROTO_UDP, 1000, 2001);
	assert_rule_tells_apart("ipproto udp dport 2001", &a, &b);
	ported(&b, PROTO_UDP, 1001, 2000);
	assert_rule_tells_apart("ipproto udp sport 1001", &a, &b);
	ported(&b, PROTO_TCP, 1000, 2000);
	assert_rule_tells_apart("ipproto tcp", &a, &b);
	ported(&a, PROTO_ICMP, 1000, 2000);
	ported(&b, PROTO_SCTP, 1000, 2000);
	assert_rule_tells_apart("ipproto sctp", &a, &b);
}

/* With any rule there is, those flows too that it is not about. */
static void with_rules_each_flow_has_its_own(void **state)
{
	static struct frame a, b;

	(void)state;
	ported(&a, PROTO_UDP, 1000, 2000);
	ported(&b, PROTO_UDP, 1000, 2001);
	assert_apart(&pair, &a, OUT_BY(HOP_MAC), &b, OUT_BY(HOP_MAC));
	ported(&b, PROTO_UDP, 2000, 1000);
	assert_apart(&pair, &a, OUT_BY(HOP_MAC), &b, OUT_BY(HOP_MAC));
	ported(&b, PROTO_TCP, 1000, 2000);
	assert_apart(&pair, &a, OUT_BY(HOP_MAC), &b, OUT_BY(HOP_MAC));
	ported(&b, PROTO_UDP, 1000, 2000);
	put16(&b, AT_IP_FRAG, DF);
	frame_seal(&b);
	assert_together(&pair, &a, &b);
}

/* All fragments of a packet share an entry, apart from whole packets; what looks like ports is
 * none. */
static void fragments_have_no_ports(void **state)
{
	static struct frame whole, first, later;

	(void)state;
	ported(&whole, PROTO_UDP, 1000, 2000);
	ported(&first, PROTO_UDP, 1000, 2000);
	put16(&first, AT_IP_FRAG, MF);
	frame_seal(&first);
	assert_apart(&pair, &whole, OUT_BY(HOP_MAC), &first, OUT_BY(HOP_MAC));
	ported(&later, PROTO_UDP, 1000, RULED_PORT);
	put16(&later, AT_IP_FRAG, MF | 100);
	frame_seal(&later);
	assert_together(&pair, &first, &later);
	ported(&later, PROTO_UDP, 7, 8);
	put16(&later, AT_IP_FRAG, 200);
	frame_seal(&later);
	assert_together(&pair, &first, &later);
	ported(&whole, PROTO_UDP, 1000, RULED_PORT);
	assert_way_is(&pair, &whole, LEFT(route_in, BLACKHOLE));
	assert_together(&pair, &first, &later);
}

static void protocols_without_ports_have_none(void **state)
{
	static struct frame a, b;

	(void)state;
	ported(&a, PROTO_ICMP, 1000, 2000);
	ported(&b, PROTO_ICMP, 7, 8);
	assert_together(&pair, &a, &b);
}

/* The answers are those that the FIB gives without a table, and not all the same. */
static void multipath_by_ports(void **state)
{
	static struct frame f;
	static struct way asked[64];
	unsigned int i, by_small = 0;

	(void)state;
	prog_hash_ports(&prog, true);
	assert_int_equal(
		net_ip("route add 198.18.21.0/24 nexthop via " HOP " nexthop via " SMALL_HOP), 0);
	flow(&f, "198.18.21.9");
	for (i = 0; i < 64; i++) {
		prog_forget_flows(&prog);
		put16(&f, AT_L4, i * 1001);
		frame_seal(&f);
		asked[i] = prog_way(&prog, &f);
		by_small += asked[i].hop == SMALL_HOP_MAC;
	}
	assert_in_range(by_small, 8, 56);
	for (i = 0; i < 256; i++) {
		put16(&f, AT_L4, i % 64 * 1001);
		frame_seal(&f);
		assert_kept_way(&prog, &f, asked[i % 64]);
	}
	assert_in_range(prog_kept(&prog), 50, 64);
	prog_hash_ports(&prog, false);
	for (i = 0; i < 64; i++) {
		put16(&f, AT_L4, i * 1001);
		frame_seal(&f);
		prog_way(&prog, &f);
	}
	assert_int_equal(prog_kept(&prog), 1);
	assert_int_equal(net_ip("route del 198.18.21.0/24"), 0);
}

static void unload(void)
{
	prog_unload(&elsewhere);
	prog_unload(&prog);
	prog_unload(&pair);
	world = NOWHERE;
}

static int enter(bool ruled)
{
	unload();
	if (ruled ? net_up() : net_up_plain())
		return -1;
	if (net_ip("route add " RULED " via " SMALL_HOP " table 101"))
		return -1;
	prog_load(&prog, &(struct prog_opts){0});
	prog_load(&pair, &(struct prog_opts){.one_pair = true});
	prog_load(&elsewhere,
		&(struct prog_opts){.one_pair = true, .port = PORT_NOFWD, .share = &pair});
	world = ruled ? RULED_WORLD : PLAIN;
	return 0;
}

static int fresh(void)
{
	prog_reset(&prog);
	prog_reset(&pair);
	prog_reset(&elsewhere);
	return 0;
}

static int plain(void **state)
{
	(void)state;
	return world == PLAIN || !enter(false) ? fresh() : -1;
}

static int ruled(void **state)
{
	(void)state;
	return world == RULED_WORLD || !enter(true) ? fresh() : -1;
}

static int down(void **state)
{
	(void)state;
	unload();
	return 0;
}

#define TEST(name)	 cmocka_unit_test_setup(name, plain)
#define RULED_TEST(name) cmocka_unit_test_setup(name, ruled)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(destinations_are_apart),
		TEST(sources_are_apart),
		TEST(addresses_are_not_interchangeable),
		TEST(tos_are_apart),
		TEST(devices_are_apart),
		TEST(the_rest_shares_an_entry),
		TEST(multipath_by_ports),
		RULED_TEST(rules_tell_ports_and_protocols_apart),
		RULED_TEST(with_rules_each_flow_has_its_own),
		RULED_TEST(fragments_have_no_ports),
		RULED_TEST(protocols_without_ports_have_none),
	};

	return net_allowed() ? cmocka_run_group_tests_name("key", tests, NULL, down) : 0;
}
