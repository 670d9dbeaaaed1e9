// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Changes of routes and neighbours: what goes out may go by the old answer for two epochs and not a
 * packet longer; what does not go out is asked for each time, so the next packet knows.
 */
#include <string.h>
#include <time.h>

#include "prog.h"

#define NEW_MAC	   0x0109
#define TO	   "198.18.20.9"
#define TO_NET	   "198.18.20.0/24"
#define FROM_FAR   "198.18.77.5"
#define GOOD_ROUTE "route replace " TO_NET " via " HOP
#define NO_COMMAND "link show lo >/dev/null"

static struct prog prog;

/* What `ip` does not change. */
static void forwarding(bool on)
{
	net_sysctl("conf/in0/forwarding", on ? "1" : "0");
}

static void own_address(bool on)
{
	prog_local(&prog, HOST, !on);
}

struct change {
	const char *name;
	const char *dst; /* TO unless said */
	const char *src;
	const char *prepare, *make, *undo; /* words for `ip` */
	void (*set)(bool on);		   /* with and after them: true at first, false changes */
	struct way before, after;
	__u16 l4_len;
	__u8 proto;
	__u8 rp_filter;
	bool ipsec; /* needs it */
};

static void ip(const char *words)
{
	if (words)
		assert_int_equal(net_ip("%s", words), 0);
}

static void make_frame(const struct change *c, struct frame *f)
{
	frame_make(f, c->proto ? c->proto : PROTO_UDP, c->dst ? c->dst : TO,
		c->l4_len ? c->l4_len : 26);
	if (c->src)
		put_addr(f, AT_IP_SRC, c->src);
	frame_seal(f);
	prog.conf->rp_filter = c->rp_filter;
}

static void need_ipsec(const struct change *c)
{
	if (c->ipsec && !net_has_xfrm())
		skip_because("this kernel has no IPsec policies");
}

static void make(const struct change *c)
{
	ip(c->make);
	if (c->set)
		c->set(false);
}

static void undo(const struct change *c)
{
	if (c->set && c->set != own_address)
		c->set(true);
	ip(c->undo);
}

/* clang-format off */
#define BY_HOP	OUT_BY(HOP_MAC)
#define BY_SMALL OUT_BY(SMALL_HOP_MAC)

static const struct change kept[] = {
	{"nothing_changes", .make = NO_COMMAND, .before = BY_HOP, .after = BY_HOP},
	{"new_mac", .make = "neigh replace " HOP " lladdr 02:00:00:00:01:09 dev out0",
		.undo = "neigh replace " HOP " lladdr 02:00:00:00:01:01 dev out0",
		.before = BY_HOP, .after = OUT_BY(NEW_MAC)},
	{"neighbour_gone", .make = "neigh del " HOP " dev out0",
		.undo = "neigh replace " HOP " lladdr 02:00:00:00:01:01 dev out0",
		.before = BY_HOP, .after = LEFT(neigh, NEIGH_UNRESOLVED)},
	{"route_deleted", .make = "route del " TO_NET, .undo = GOOD_ROUTE,
		.before = BY_HOP, .after = LEFT(route_in, NOT_FORWARDED)},
	{"blackhole_added", .make = "route add blackhole " TO, .undo = "route del " TO,
		.before = BY_HOP, .after = LEFT(route_in, BLACKHOLE)},
	{"unreachable_added", .make = "route add unreachable " TO, .undo = "route del " TO,
		.before = BY_HOP, .after = LEFT(route_in, UNREACHABLE)},
	{"prohibit_added", .make = "route add prohibit " TO, .undo = "route del " TO,
		.before = BY_HOP, .after = LEFT(route_in, PROHIBIT)},
	{"other_next_hop", .make = "route replace " TO_NET " via " SMALL_HOP, .undo = GOOD_ROUTE,
		.before = BY_HOP, .after = BY_SMALL},
	{"next_hop_not_attached", .make = "route replace " TO_NET " via " BARE_HOP,
		.undo = GOOD_ROUTE, .before = BY_HOP, .after = LEFT(xmit, EGRESS_NOT_ATTACHED)},
	{"now_our_own_address", .make = "addr add " TO "/32 dev in0",
		.undo = "addr del " TO "/32 dev in0",
		.before = BY_HOP, .after = LEFT(route_in, NOT_FORWARDED)},
	{"mtu_of_route_shrinks", .l4_len = 400, .make = GOOD_ROUTE " mtu lock 300",
		.undo = GOOD_ROUTE, .before = BY_HOP, .after = LEFT(ip_forward, IP_FRAGMENT)},
	{"mtu_of_device_shrinks", .l4_len = 400, .make = "link set out0 mtu 300",
		.undo = "link set out0 mtu 16000",
		.before = BY_HOP, .after = LEFT(ip_forward, IP_FRAGMENT)},
	{"device_goes_down", .dst = SMALL_HOP, .make = "link set small0 down",
		.undo = "link set small0 up && ip neigh add " SMALL_HOP
			" lladdr 02:00:00:00:02:01 dev small0",
		.before = BY_SMALL, .after = LEFT(route_in, NOT_FORWARDED)},
	{"forwarding_goes_off", .set = forwarding, .before = BY_HOP,
		.after = LEFT(route_in, FWD_DISABLED)},
	{"source_is_now_our_own", .set = own_address, .before = BY_HOP,
		.after = LEFT(route_in, SOURCE_CHECK)},
	{"way_back_deleted", .rp_filter = 1, .src = FROM_FAR,
		.prepare = "route add 198.18.77.0/24 dev in0", .make = "route del 198.18.77.0/24",
		.before = BY_HOP, .after = LEFT(route_in, SOURCE_CHECK)},
	{"ipsec_policy_added", .ipsec = true,
		.make = "xfrm policy add src " HOST " dst " TO " dir out",
		.undo = "xfrm policy flush", .before = BY_HOP,
		.after = LEFT(ip_forward, XFRM_POLICY)},
	{"another_ipsec_policy_added", .ipsec = true,
		.prepare = "xfrm policy add src " FROM_FAR " dir out",
		.make = "xfrm policy add dst " TO " dir fwd", .undo = "xfrm policy flush",
		.before = BY_HOP, .after = LEFT(ip_forward, XFRM_POLICY)},
	{"ipsec_policy_replaced", .ipsec = true,
		.prepare = "xfrm policy add dst " TO " dir in",
		.make = "xfrm policy update dst " TO " dir fwd", .undo = "xfrm policy flush",
		.before = BY_HOP, .after = LEFT(ip_forward, XFRM_POLICY)},
	{"forwarding_needs_ipsec", .ipsec = true, .make = "xfrm policy setdefault fwd block",
		.undo = "xfrm policy setdefault fwd accept", .before = BY_HOP,
		.after = LEFT(ip_forward, XFRM_POLICY)},
	{"ipsec_policy_deleted", .ipsec = true,
		.prepare = "xfrm policy add dst " TO " dir out",
		.make = "xfrm policy delete dst " TO " dir out",
		.before = LEFT(ip_forward, XFRM_POLICY), .after = BY_HOP},
	{"one_of_two_ipsec_policies_deleted", .ipsec = true,
		.prepare = "xfrm policy add dst " TO " dir out && "
			   "ip xfrm policy add src " FROM_FAR " dir fwd",
		.make = "xfrm policy delete dst " TO " dir out", .undo = "xfrm policy flush",
		.before = LEFT(ip_forward, XFRM_POLICY), .after = BY_HOP},
	{"way_back_elsewhere", .rp_filter = 1, .src = FROM_FAR,
		.prepare = "route add 198.18.77.0/24 dev in0",
		.make = "route replace 198.18.77.0/24 dev out0", .undo = "route del 198.18.77.0/24",
		.before = BY_HOP, .after = LEFT(route_in, SOURCE_CHECK)},
};

static const struct change asked[] = {
	{"route_added", .dst = NO_ROUTE, .make = "route add " NO_ROUTE " via " HOP,
		.undo = "route del " NO_ROUTE,
		.before = LEFT(route_in, NOT_FORWARDED), .after = BY_HOP},
	{"blackhole_replaced", .prepare = "route add blackhole " TO, .make = "route del " TO,
		.before = LEFT(route_in, BLACKHOLE), .after = BY_HOP},
	{"unreachable_replaced", .prepare = "route add unreachable " TO,
		.make = "route replace " TO " via " SMALL_HOP, .undo = "route del " TO,
		.before = LEFT(route_in, UNREACHABLE), .after = BY_SMALL},
	{"unreachable_turns_blackhole", .prepare = "route add unreachable " TO,
		.make = "route replace blackhole " TO, .undo = "route del " TO,
		.before = LEFT(route_in, UNREACHABLE), .after = LEFT(route_in, BLACKHOLE)},
	{"prohibit_replaced", .prepare = "route add prohibit " TO, .make = "route del " TO,
		.before = LEFT(route_in, PROHIBIT), .after = BY_HOP},
	{"own_address_gone", .prepare = "addr add " TO "/32 dev in0",
		.make = "addr del " TO "/32 dev in0",
		.before = LEFT(route_in, NOT_FORWARDED), .after = BY_HOP},
	{"neighbour_resolved", .prepare = "neigh del " HOP " dev out0",
		.make = "neigh add " HOP " lladdr 02:00:00:00:01:01 dev out0",
		.before = LEFT(neigh, NEIGH_UNRESOLVED), .after = BY_HOP},
	{"mtu_of_route_grows", .l4_len = 400, .prepare = GOOD_ROUTE " mtu lock 300",
		.make = GOOD_ROUTE, .before = LEFT(ip_forward, IP_FRAGMENT), .after = BY_HOP},
	{"device_comes_up", .dst = SMALL_HOP, .prepare = "link set small0 down",
		.make = "link set small0 up && ip neigh add " SMALL_HOP
			" lladdr 02:00:00:00:02:01 dev small0",
		.before = LEFT(route_in, NOT_FORWARDED), .after = BY_SMALL},
	{"way_back_added", .rp_filter = 2, .src = FROM_FAR,
		.make = "route add 198.18.77.0/24 dev out0", .undo = "route del 198.18.77.0/24",
		.before = LEFT(route_in, SOURCE_CHECK), .after = BY_HOP},
};
/* clang-format on */

/*
 * At once or later, but once and for all: within two epochs of the change, by the program's own
 * count, which routes_test compares with the clock.
 */
static void honoured_within_two_epochs(void **state)
{
	const struct change *c = *state;
	const struct timespec ms = {.tv_nsec = 1000000};
	struct way first, got = c->before, wrong = c->before;
	__u32 since, now, begun = clock_epoch(0);
	bool honoured = false, back = false;
	static struct frame f;

	need_ipsec(c);
	make_frame(c, &f);
	ip(c->prepare);
	first = prog_way(&prog, &f);
	assert_int_equal(prog_kept(&prog), 1);
	make(c);
	since = clock_epoch(0);
	do {
		got = prog_way(&prog, &f);
		now = prog_epoch(&prog);
		back |= honoured && !same_way(got, c->after);
		honoured |= same_way(got, c->after);
		if (!honoured)
			wrong = got;
		nanosleep(&ms, NULL);
	} while ((!honoured || now - since < 3) && (__s32)(now - since) < 3 &&
		 clock_epoch(0) - begun < 1000);
	undo(c);
	assert_same_way(first, c->before, "at first");
	assert_same_way(wrong, c->before, "before it is honoured");
	assert_same_way(got, c->after, "after two epochs");
	assert_false(back);
}

/* What the kernel counts as a change of its routes is honoured within a tick: net_ip() waits for one. */
static void routes_are_honoured_within_a_tick(void **state)
{
	static struct frame f;
	struct way old, new;

	(void)state;
	frame_make(&f, PROTO_UDP, TO, 26);
	assert_way_is(&prog, &f, BY_HOP);
	ip("route replace " TO_NET " via " SMALL_HOP);
	old = prog_way_at(&prog, &f, 0);
	ip(GOOD_ROUTE);
	new = prog_way_at(&prog, &f, 0);
	assert_same_way(old, BY_SMALL, "after the change");
	assert_same_way(new, BY_HOP, "after the second");
}

/* Nor does what was kept before come back: the slot still holds the flow's old entry. */
static void honoured_by_the_next_packet(void **state)
{
	const struct change *c = *state;
	struct way before[3], after;
	static struct frame f;
	__u32 kept_before;
	int i;

	make_frame(c, &f);
	ip(c->prepare);
	for (i = 0; i < 3; i++)
		before[i] = prog_way(&prog, &f);
	kept_before = prog_kept(&prog);
	make(c);
	after = prog_way(&prog, &f);
	undo(c);
	for (i = 0; i < 3; i++)
		assert_same_way(before[i], c->before, "before");
	assert_int_equal(kept_before, 0);
	assert_same_way(after, c->after, "the next packet");
}

/* A stale entry whose route has gone stays stale, however often the FIB says so. */
static void stale_entry_never_comes_back(void **state)
{
	struct way got[4];
	static struct frame f;
	__u32 i;

	(void)state;
	frame_make(&f, PROTO_UDP, TO, 26);
	assert_same_way(prog_way(&prog, &f), BY_HOP, "at first");
	prog_flow_age(prog_flow(&prog, &f));
	ip("route add unreachable " TO);
	for (i = 0; i < 2; i++)
		got[i] = prog_way(&prog, &f);
	ip("route replace " TO " via " HOP_LOST);
	got[2] = prog_way(&prog, &f);
	ip("route del " TO);
	prog_local(&prog, HOST, true);
	got[3] = prog_way(&prog, &f);
	for (i = 0; i < 2; i++)
		assert_same_way(got[i], LEFT(route_in, UNREACHABLE), "unreachable");
	assert_same_way(got[2], LEFT(neigh, NEIGH_UNRESOLVED), "unresolved");
	assert_same_way(got[3], LEFT(route_in, SOURCE_CHECK), "own source");
	assert_int_equal(prog_flow(&prog, &f)->epoch, 1);
}

/* A rule by port makes ports part of the key, and those that are kept without go stale. */
static void rule_by_port_is_honoured(void **state)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	__u32 since, begun = clock_epoch(0), narrow_before;
	struct way a, b, to_port[2];
	static struct frame f[2];

	(void)state;
	frame_make(&f[0], PROTO_UDP, TO, 26);
	frame_make(&f[1], PROTO_UDP, TO, 26);
	put16(&f[1], AT_L4_DPORT, 6001);
	frame_seal(&f[1]);
	assert_same_way(prog_way(&prog, &f[0]), BY_HOP, "before");
	assert_same_way(prog_way_at(&prog, &f[1], 0), BY_HOP, "before");
	assert_int_equal(prog_kept(&prog), 1);
	narrow_before = prog_cursor(&prog)->narrow;
	ip("route add default via " SMALL_HOP " table 102");
	ip("rule add ipproto udp dport 6001 lookup 102");
	since = prog_epoch(&prog);
	do { /* either answer, for as long as the old one may be kept */
		a = prog_way(&prog, &f[0]);
		b = prog_way(&prog, &f[1]);
		assert_same_way(a, BY_HOP, "the other port");
		if (!same_way(b, BY_SMALL))
			assert_same_way(b, BY_HOP, "before it is honoured");
		nanosleep(&ms, NULL);
		assert_true(clock_epoch(0) - begun < 1000);
	} while (prog_epoch(&prog) - since < 2);
	to_port[0] = prog_way(&prog, &f[0]);
	to_port[1] = prog_way(&prog, &f[1]);
	assert_int_equal(narrow_before, 0);
	assert_int_equal(prog_cursor(&prog)->narrow, 1);
	assert_same_way(to_port[0], BY_HOP, "the other port");
	assert_same_way(to_port[1], BY_SMALL, "the port");
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain() || net_ip(GOOD_ROUTE))
		return -1;
	prog_load(&prog, &(struct prog_opts){0});
	return 0;
}

static struct CMUnitTest test(const char *name, CMUnitTestFunction run, const struct change *c)
{
	return (struct CMUnitTest){.name = name,
		.test_func = run,
		.setup_func = prog_fresh,
		.initial_state = (void *)(uintptr_t)c};
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(kept) + ARRAY_SIZE(asked) + 3];
	size_t i, n = 0;

	if (!net_allowed())
		return 0;
	for (i = 0; i < ARRAY_SIZE(kept); i++)
		tests[n++] = test(kept[i].name, honoured_within_two_epochs, &kept[i]);
	for (i = 0; i < ARRAY_SIZE(asked); i++)
		tests[n++] = test(asked[i].name, honoured_by_the_next_packet, &asked[i]);
	tests[n++] = test("stale_entry_never_comes_back", stale_entry_never_comes_back, NULL);
	tests[n++] = test("routes_are_honoured_within_a_tick", routes_are_honoured_within_a_tick, NULL);
	/* last: the namespace will have had a rule */
	tests[n++] = test("rule_by_port_is_honoured", rule_by_port_is_honoured, NULL);
	return cmocka_run_group_tests_name("changes", tests, up, prog_down);
}
