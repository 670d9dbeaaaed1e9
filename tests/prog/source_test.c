// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sources, judged as fib_validate_source() does: our own addresses and broadcasts are left to the
 * kernel, and with rp_filter so is what has no way back, or not by the device it came in by.
 */
#include <arpa/inet.h>
#include <string.h>

#include "ctl/priv.h"
#include "prog.h"

#define WAY_BACK_IN  "198.18.77.9" /* routed by IN, without a gateway: no neighbour is known */
#define WAY_BACK_OUT "198.18.1.77"
#define NO_WAY_BACK  "198.51.101.1"

static struct prog prog;

static struct way from_to(const char *src, const char *dst)
{
	static struct frame f;

	frame_make(&f, PROTO_UDP, dst, 26);
	put_addr(&f, AT_IP_SRC, src);
	frame_seal(&f);
	return prog_way(&prog, &f);
}

struct locals {
	char addr[64][16];
	unsigned int count;
};

static void on_local(void *ctx, __u32 addr, __u32 type)
{
	struct locals *l = ctx;

	(void)type;
	assert_true(l->count < ARRAY_SIZE(l->addr));
	assert_non_null(inet_ntop(AF_INET, &addr, l->addr[l->count++], 16));
}

/* The kernel's own local table, as `dev attach` copies it. */
static void no_own_address_or_broadcast_is_forwarded(void **state)
{
	static struct locals l;
	unsigned int i, others = 0;

	(void)state;
	l.count = 0;
	assert_int_equal(weir_each_local(on_local, &l), 0);
	assert_in_range(l.count, 2 * PORT_COUNT, 64); /* an address and a broadcast for each */
	for (i = 0; i < l.count; i++)
		prog_local(&prog, l.addr[i], true);
	for (i = 0; i < l.count; i++) {
		struct way got = from_to(l.addr[i], FAR);

		if (!strncmp(l.addr[i], "127.", 4)) {
			assert_same_way(got, LEFT(ip_rcv, IP_LOCALNET), l.addr[i]);
			continue;
		}
		assert_same_way(got, LEFT(route_in, SOURCE_CHECK), l.addr[i]);
		assert_same_way(from_to(l.addr[i], FAR), LEFT(route_in, SOURCE_CHECK), "again");
		others++;
	}
	assert_int_equal(others, 2 * PORT_COUNT);
	assert_int_equal(prog_kept(&prog), 0);
	assert_same_way(from_to("192.0.2.253", FAR), OUT_BY(HOP_MAC), "a neighbour of it");
	assert_same_way(from_to(HOST, FAR), OUT_BY(HOP_MAC), "a host");
}

/* It is the source that is compared. */
static void local_destinations_are_the_fibs(void **state)
{
	(void)state;
	prog_local(&prog, FAR, true);
	assert_same_way(from_to(HOST, FAR), OUT_BY(HOP_MAC), "to an address in `local`");
	assert_same_way(from_to(FAR, HOP), LEFT(route_in, SOURCE_CHECK), "from it");
}

/* The source is not looked at where the packet has no way on. */
static void a_route_comes_first(void **state)
{
	(void)state;
	prog_local(&prog, "192.0.2.3", true);
	prog.conf->rp_filter = 1;
	assert_same_way(from_to("192.0.2.3", BLACK), LEFT(route_in, BLACKHOLE), "blackhole");
	assert_same_way(
		from_to(NO_WAY_BACK, UNREACHED), LEFT(route_in, UNREACHABLE), "unreachable");
	assert_same_way(
		from_to("192.0.2.3", HOP_LOST), LEFT(neigh, NEIGH_UNRESOLVED), "unresolved");
	assert_same_way(from_to("192.0.2.3", NO_ROUTE), LEFT(route_in, NOT_FORWARDED), "no route");
	assert_same_way(from_to("192.0.2.3", HOP), LEFT(route_in, SOURCE_CHECK), "a way on");
}

struct rp_case {
	const char *name, *src;
	bool passes[3]; /* with rp_filter off, strict, loose */
};

static const struct rp_case rp_cases[] = {
	{"source_is_a_host_here", HOST, {true, true, true}},
	{"source_is_an_unknown_host_here", "192.0.2.99", {true, true, true}},
	{"source_is_behind_this_device", WAY_BACK_IN, {true, true, true}},
	{"source_is_a_host_elsewhere", HOP, {true, false, true}},
	{"source_is_an_unknown_host_elsewhere", HOP_LOST, {true, false, true}},
	{"source_is_behind_another_device", WAY_BACK_OUT, {true, false, true}},
	{"source_is_behind_a_device_not_attached", BARE_HOP, {true, false, true}},
	{"source_has_no_route", NO_WAY_BACK, {true, false, false}},
	{"source_is_class_e", "240.0.0.1", {true, false, false}},
	{"source_is_blackholed", BLACK, {true, false, false}},
	{"source_is_unreachable", UNREACHED, {true, false, false}},
	{"source_is_prohibited", PROHIBITED, {true, false, false}},
	{"source_is_ours_though_the_table_forgot", "198.51.100.254", {true, false, false}},
};

static void rp_filter_judges(void **state)
{
	const struct rp_case *c = *state;
	struct way pass = OUT_BY(SMALL_HOP_MAC), fail = LEFT(route_in, SOURCE_CHECK);
	__u8 filter;

	for (filter = 0; filter < 3; filter++) {
		for (prog.ctl->sample_every = 0; prog.ctl->sample_every < 2;
			prog.ctl->sample_every++) {
			prog_forget_flows(&prog);
			prog.conf->rp_filter = filter;
			assert_same_way(from_to(c->src, SMALL_HOP), c->passes[filter] ? pass : fail,
				filter ? filter == 1 ? "strict" : "loose" : "off");
			assert_int_equal(prog_kept(&prog), c->passes[filter]);
		}
	}
}

/* The way back is a question of its own: with the packet's addresses turned around, and its TOS. */
static void the_way_back_is_asked_as_the_kernel_asks(void **state)
{
	static struct frame f;
	struct way plain, tos;

	(void)state;
	prog.conf->rp_filter = 1;
	assert_int_equal(net_ip("route add 198.18.77.9/32 tos 0x10 dev out0"), 0);
	frame_make(&f, PROTO_UDP, SMALL_HOP, 26);
	put_addr(&f, AT_IP_SRC, WAY_BACK_IN);
	frame_seal(&f);
	plain = prog_way(&prog, &f);
	put8(&f, AT_IP_TOS, 0x10);
	frame_seal(&f);
	tos = prog_way(&prog, &f);
	assert_int_equal(net_ip("route del 198.18.77.9/32 tos 0x10"), 0);
	assert_same_way(plain, OUT_BY(SMALL_HOP_MAC), "without");
	assert_same_way(tos, LEFT(route_in, SOURCE_CHECK), "with the TOS");
}

/* A large packet has a way back too: its length is compared with the MTU ahead alone. */
static void mtu_of_the_way_back_does_not_matter(void **state)
{
	static struct frame f;

	(void)state;
	prog.conf->rp_filter = 2;
	frame_make(&f, PROTO_UDP, FAR, 1400);
	put_addr(&f, AT_IP_SRC, SMALL_HOP);
	frame_seal(&f);
	assert_same_way(prog_way(&prog, &f), OUT_BY(HOP_MAC), "large");
}

/* Rules see the way back as an answer to the packet would: from where it goes, in by its way out.
 * Measured on the kernel by rules with `iif`. */
static void rules_see_the_answers_way(void **state)
{
	static const struct {
		const char *rule;
		bool matches;
	} rules[] = {
		{"from " SMALL_HOP " to " WAY_BACK_IN, true},
		{"from " WAY_BACK_IN " to " WAY_BACK_IN, false},
		{"iif small0 to " WAY_BACK_IN, true},
		{"iif in0 to " WAY_BACK_IN, false},
		{"iif lo to " WAY_BACK_IN, false},
	};
	struct way got, other;
	size_t i;

	(void)state;
	prog.conf->rp_filter = 1;
	assert_int_equal(net_ip("route add " WAY_BACK_IN " dev out0 table 103"), 0);
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		assert_int_equal(net_ip("rule add pref 900 %s lookup 103", rules[i].rule), 0);
		prog_forget_flows(&prog);
		got = from_to(WAY_BACK_IN, SMALL_HOP);
		other = from_to(WAY_BACK_IN, HOST);
		assert_int_equal(net_ip("rule del pref 900"), 0);
		assert_same_way(got,
			rules[i].matches ? LEFT(route_in, SOURCE_CHECK) : OUT_BY(SMALL_HOP_MAC),
			rules[i].rule);
		if (i < 3)
			assert_same_way(other, OUT_BY(0x0001), "on another way");
	}
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain() || net_ip("route add 198.18.77.0/24 dev in0"))
		return -1;
	prog_load(&prog, &(struct prog_opts){0});
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, prog_fresh)

int main(void)
{
	static const struct CMUnitTest others[] = {
		TEST(no_own_address_or_broadcast_is_forwarded),
		TEST(local_destinations_are_the_fibs),
		TEST(a_route_comes_first),
		TEST(the_way_back_is_asked_as_the_kernel_asks),
		TEST(mtu_of_the_way_back_does_not_matter),
	};
	static struct CMUnitTest tests[ARRAY_SIZE(others) + ARRAY_SIZE(rp_cases) + 1];
	size_t i, n = ARRAY_SIZE(others);

	memcpy(tests, others, sizeof(others));
	for (i = 0; i < ARRAY_SIZE(rp_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = rp_cases[i].name,
			.test_func = rp_filter_judges,
			.setup_func = prog_fresh,
			.initial_state = (void *)(uintptr_t)&rp_cases[i]};
	/* last: the namespace will have had rules */
	tests[n] = (struct CMUnitTest)TEST(rules_see_the_answers_way);
	return net_allowed() ? cmocka_run_group_tests_name("source", tests, up, prog_down) : 0;
}
