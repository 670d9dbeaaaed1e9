// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Confirming next hops: one packet for each, and one again when it is due, goes to the kernel. It
 * is asked when the FIB is, so tests that want it asked make the program forget its routes.
 */
#include <string.h>
#include <time.h>

#include "prog.h"

#define X(stage, cause) WEIR_EXIT_##stage##_##cause

static struct prog prog, pair, full;

static enum weir_exit way_of(const struct frame *f)
{
	static struct ran ran;

	return prog_exit(&prog, f, &ran);
}

static enum weir_exit way_to(const char *dst)
{
	static struct frame f;

	frame_make(&f, PROTO_UDP, dst, 26);
	return way_of(&f);
}

static __u64 coarse_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (__u64)t.tv_sec * 1000000000ULL + (__u64)t.tv_nsec;
}

static void wait_ms(__u64 ms)
{
	__u64 end = coarse_ns() + ms * 1000000;
	const struct timespec t = {.tv_nsec = 1000000};

	while (coarse_ns() < end)
		nanosleep(&t, NULL);
}

static void first_packet_is_the_kernels_the_next_go_out(void **state)
{
	int i;

	(void)state;
	assert_exit(way_to(FAR), X(neigh, NEIGH_CONFIRM));
	for (i = 0; i < 100; i++)
		assert_exit(way_to(FAR), X(xmit, NONE));
}

/* It is the next hop that is confirmed: all routes by it share one packet. */
static void routes_share_their_next_hop(void **state)
{
	(void)state;
	assert_exit(way_to(FAR), X(neigh, NEIGH_CONFIRM));
	assert_exit(way_to(HOP), X(xmit, NONE));
	assert_exit(way_to(RULED), X(xmit, NONE));
}

/* And all flows, however many: one packet for each interval, whosoever it is. */
static void flows_share_their_next_hop(void **state)
{
	static struct frame f;
	unsigned int i, round, confirmed;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 26);
	for (round = 0; round < 3; round++) {
		confirmed = 0;
		for (i = 0; i < 300; i++) {
			put32(&f, AT_IP_SRC, 0xc6120000U + i * 7 + round);
			frame_seal(&f);
			confirmed += way_of(&f) == X(neigh, NEIGH_CONFIRM);
		}
		assert_int_equal(confirmed, 1);
		prog_forget(&prog); /* as if all was due */
	}
}

static void again_when_due(void **state)
{
	int i;

	(void)state;
	prog_reachable(&prog, PORT_OUT, 5);
	for (i = 0; i < 5; i++) {
		assert_exit(way_to(FAR), X(neigh, NEIGH_CONFIRM));
		prog_forget_flows(&prog);
		wait_ms(6);
	}
	prog_reachable(&prog, PORT_OUT, 3600 * 1000);
	assert_exit(way_to(FAR), X(neigh, NEIGH_CONFIRM));
	for (i = 0; i < 5; i++) {
		prog_forget_flows(&prog);
		wait_ms(1);
		assert_exit(way_to(FAR), X(xmit, NONE));
	}
}

/* A kept route's next hop is looked at when the route is asked for again. */
static void asked_with_the_fib(void **state)
{
	static struct frame f;
	static struct ran ran;
	__u32 age;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 26);
	assert_exit(way_of(&f), X(neigh, NEIGH_CONFIRM));
	prog_forget_hops(&prog);
	for (age = 0; age < 2; age++)
		assert_exit(prog_exit_at(&prog, &f, &ran, age), X(xmit, NONE));
	prog_flow_age(prog_flow(&prog, &f));
	assert_exit(way_of(&f), X(neigh, NEIGH_CONFIRM));
	assert_exit(way_of(&f), X(xmit, NONE));
}

/* A flow that the table of flows has no room for asks each time, and is confirmed no more often.
 */
static void flows_without_a_kept_route_too(void **state)
{
	static struct frame f;
	int i;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 26);
	prog_forget(&pair);
	assert_exit(prog_exit(&pair, &f, &(struct ran){0}), X(neigh, NEIGH_CONFIRM));
	for (i = 0; i < 50; i++) {
		put32(&f, AT_IP_SRC, 0xc6120000U + (__u32)i % 10);
		frame_seal(&f);
		assert_exit(prog_exit(&pair, &f, &(struct ran){0}), X(xmit, NONE));
	}
}

static void assert_due_in(__u64 ms)
{
	__u64 before = coarse_ns(), after, due = 0;

	prog_forget(&prog);
	assert_exit(way_to(HOP), X(neigh, NEIGH_CONFIRM));
	after = coarse_ns();
	assert_int_equal(prog_neigh_due(&prog, PORT_OUT, HOP, &due), 0);
	assert_in_range(due, before + ms * 1000000, after + ms * 1000000);
}

static void due_after_the_devices_reachable_time(void **state)
{
	(void)state;
	assert_due_in(3600000);
	prog_reachable(&prog, PORT_OUT, 12345);
	assert_due_in(12345);
}

/* All packets to a device that is not attached are the kernel's: it needs none to confirm. */
static void not_towards_a_device_that_is_not_attached(void **state)
{
	__u64 due;

	(void)state;
	prog_port_remove(&prog, PORT_OUT);
	prog_port_remove(&prog, PORT_BARE);
	assert_exit(way_to(HOP), X(xmit, EGRESS_NOT_ATTACHED));
	assert_exit(way_to(BARE_HOP), X(xmit, EGRESS_NOT_ATTACHED));
	assert_int_not_equal(prog_neigh_due(&prog, PORT_OUT, HOP, &due), 0);
	assert_int_not_equal(prog_neigh_due(&prog, PORT_BARE, BARE_HOP, &due), 0);
	prog_reachable(&prog, PORT_OUT, 3600 * 1000);
	prog_reachable(&prog, PORT_BARE, 3600 * 1000);
	assert_exit(way_to(FAR), X(neigh, NEIGH_CONFIRM));
	prog_forget_flows(&prog);
	assert_exit(way_to(BARE_HOP), X(neigh, NEIGH_CONFIRM));
	assert_exit(way_to(BARE_HOP), X(xmit, EGRESS_NOT_ATTACHED));
}

static void each_next_hop_has_its_own(void **state)
{
	(void)state;
	assert_exit(way_to(HOP), X(neigh, NEIGH_CONFIRM));
	assert_exit(way_to(SMALL_HOP), X(neigh, NEIGH_CONFIRM));
	assert_exit(way_to(HOST), X(neigh, NEIGH_CONFIRM));
	assert_exit(way_to(HOP), X(xmit, NONE));
	assert_exit(way_to(SMALL_HOP), X(xmit, NONE));
	assert_exit(way_to(HOST), X(xmit, NONE));
}

/* The same address behind another device is another next hop. */
static void a_next_hop_belongs_to_its_device(void **state)
{
	__u32 twin = net_ifindex(PORT_OUT) + 64;
	enum weir_exit way[4];

	(void)state;
	assert_int_equal(net_ip("link add twin0 index %u type veth peer name twin0p", twin), 0);
	assert_int_equal(net_ip("link set twin0p up"), 0);
	assert_int_equal(net_ip("link set twin0 up"), 0);
	assert_int_equal(net_ip("neigh add " HOP " lladdr 02:00:00:00:05:01 dev twin0"), 0);
	assert_int_equal(net_ip("route add 198.18.22.0/24 via " HOP " dev twin0 onlink"), 0);
	prog_port_add(&prog, twin, 3600 * 1000);
	way[0] = way_to(FAR);
	way[1] = way_to("198.18.22.9");
	way[2] = way_to(FAR);
	way[3] = way_to("198.18.22.9");
	assert_int_equal(net_ip("link del twin0"), 0);
	assert_exit(way[0], X(neigh, NEIGH_CONFIRM));
	assert_exit(way[1], X(neigh, NEIGH_CONFIRM));
	assert_exit(way[2], X(xmit, NONE));
	assert_exit(way[3], X(xmit, EGRESS_NOT_ATTACHED));
}

static void many_next_hops(void **state)
{
	char addr[16];
	unsigned int i, round;

	(void)state;
	for (round = 0; round < 4; round++) {
		for (i = 0; i < MANY_HOPS; i++) {
			net_many_hop(round & 1 ? MANY_HOPS - 1 - i : i, addr);
			assert_exit(way_to(addr), round ? X(xmit, NONE) : X(neigh, NEIGH_CONFIRM));
		}
		prog_forget_flows(&prog);
	}
}

/* Without room a next hop is not confirmed, rather than by each packet; and that is counted. */
static void full_table_sends_nothing_to_the_kernel(void **state)
{
	static struct frame f;
	struct weir_row sum;
	char addr[16];
	int i;

	(void)state;
	prog_reset(&full);
	net_many_hop(7, addr);
	frame_make(&f, PROTO_UDP, addr, 26);
	for (i = 0; i < 3; i++) {
		prog_forget_flows(&full);
		assert_exit(prog_exit(&full, &f, &(struct ran){0}), X(xmit, NONE));
		prog_sum(&full, &sum);
		assert_int_equal(sum.neigh_full, 1);
	}
	frame_make(&f, PROTO_UDP, HOP, 26);
	assert_exit(prog_exit(&full, &f, &(struct ran){0}), X(xmit, NONE));
	prog_sum(&full, &sum);
	assert_int_equal(sum.neigh_full, 0);
}

static void one_cpu_confirms_for_all(void **state)
{
	enum weir_exit other;

	(void)state;
	assert_exit(way_to(HOP), X(neigh, NEIGH_CONFIRM));
	if (!prog_on_cpu(1))
		skip_because("one CPU only");
	other = way_to(HOP);
	prog_on_cpu(0);
	assert_exit(other, X(xmit, NONE));
}

static void unresolved_is_not_confirmed(void **state)
{
	__u64 due;

	(void)state;
	assert_exit(way_to(HOP_LOST), X(neigh, NEIGH_UNRESOLVED));
	assert_int_not_equal(prog_neigh_due(&prog, PORT_OUT, HOP_LOST, &due), 0);
	assert_int_equal(net_ip("neigh add " HOP_LOST " lladdr 02:00:00:00:01:01 dev out0"), 0);
	assert_exit(way_to(HOP_LOST), X(neigh, NEIGH_CONFIRM));
	assert_exit(way_to(FAR_LOST), X(xmit, NONE));
	assert_int_equal(net_ip("neigh del " HOP_LOST " dev out0"), 0);
	prog_forget_flows(&prog);
	assert_exit(way_to(FAR_LOST), X(neigh, NEIGH_UNRESOLVED));
}

/* RFC 5549: an IPv4 route by an IPv6 next hop. */
static void ipv6_next_hop(void **state)
{
	static struct frame f;

	(void)state;
	if (!net_has_ipv6())
		skip_because("this kernel has no IPv6 next hops for IPv4 routes");
	frame_make(&f, PROTO_UDP, FAR6, 26);
	assert_way(&prog, &f, X(neigh, NEIGH_CONFIRM), PORT_OUT);
	prog_zero(&prog);
	assert_way(&prog, &f, X(xmit, NONE), PORT_OUT);
	assert_exit(way_to(FAR), X(neigh, NEIGH_CONFIRM)); /* another hop, though the same MAC */
}

/* What the kernel takes over, it decrements itself. */
static void confirming_packet_is_whole(void **state)
{
	static struct frame f;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 26);
	frame_open(&f);
	prog_zero(&prog);
	assert_way(&prog, &f, X(neigh, NEIGH_CONFIRM), PORT_OUT);
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&prog, &(struct prog_opts){0});
	prog_load(&pair, &(struct prog_opts){.one_pair = true});
	prog_load(&full, &(struct prog_opts){.neigh_full = true});
	return 0;
}

static int forgotten(void **state)
{
	prog_fresh(state);
	prog_forget(&prog);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, forgotten)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_packet_is_the_kernels_the_next_go_out),
		TEST(routes_share_their_next_hop),
		TEST(flows_share_their_next_hop),
		TEST(again_when_due),
		TEST(asked_with_the_fib),
		TEST(flows_without_a_kept_route_too),
		TEST(due_after_the_devices_reachable_time),
		TEST(not_towards_a_device_that_is_not_attached),
		TEST(each_next_hop_has_its_own),
		TEST(a_next_hop_belongs_to_its_device),
		TEST(many_next_hops),
		TEST(full_table_sends_nothing_to_the_kernel),
		TEST(one_cpu_confirms_for_all),
		TEST(unresolved_is_not_confirmed),
		TEST(ipv6_next_hop),
		TEST(confirming_packet_is_whole),
	};

	return net_allowed() ? cmocka_run_group_tests_name("neigh", tests, up, prog_down) : 0;
}
