// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/kernel_coverage.h"
#include "model/kernel_stage.h"
#include "test.h"

#define K(id) WEIR_KCOUNTER_##id
#define S(id) WEIR_STAGE_##id

/* What was counted, as of a difference. */
struct counted {
	enum weir_kcounter counter;
	__u32 scope;
	__u64 value;
};

static struct weir_kreading delta;
static struct weir_kstages stages;

static void count(const struct counted *list, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		weir_kreading_add(&delta, list[i].counter, 0, list[i].scope, list[i].value);
	weir_kreading_sort(&delta);
	assert_int_equal(weir_kstages_init(&stages, &delta), 0);
}

#define COUNT(...)                                                                                 \
	count((const struct counted[]){__VA_ARGS__},                                               \
		sizeof((const struct counted[]){__VA_ARGS__}) / sizeof(struct counted))

static int empty(void **state)
{
	(void)state;
	weir_kreading_done(&delta);
	weir_kstages_done(&stages);
	return 0;
}

static void expect(const struct weir_knumber *n, __u64 count, enum weir_kseen seen)
{
	assert_int_equal(n->count, count);
	assert_int_equal(n->seen, seen);
}

static void without_counters_nothing_is_known(void **state)
{
	(void)state;
	assert_int_equal(weir_kstages_init(&stages, &delta), 0);
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++) {
		expect(&stages.ns[i].packets, 0, WEIR_KSEEN_no);
		expect(&stages.ns[i].drops, 0, WEIR_KSEEN_no);
		expect(&stages.machine[i].packets, 0, WEIR_KSEEN_no);
	}
}

static void devices_are_apart_and_together(void **state)
{
	(void)state;
	weir_kreading_add_dev(&delta, 2, "a");
	weir_kreading_add_dev(&delta, 5, "b");
	COUNT({K(rx_packets), 2, 10}, {K(rx_packets), 5, 3}, {K(tx_packets), 5, 7},
		{K(rx_missed), 5, 2}, {K(softnet_processed), 0, 4}, {K(softnet_processed), 1, 5},
		{K(ip_receives), 0, 13});
	assert_int_equal(stages.nr_devs, 2);
	expect(&stages.ns[S(nic_rx)].packets, 13, WEIR_KSEEN_exact);
	expect(&stages.dev[0].stage[S(nic_rx)].packets, 10, WEIR_KSEEN_exact);
	expect(&stages.dev[1].stage[S(nic_rx)].packets, 3, WEIR_KSEEN_exact);
	expect(&stages.dev[0].stage[S(xmit)].packets, 0, WEIR_KSEEN_no);
	expect(&stages.dev[1].stage[S(xmit)].packets, 7, WEIR_KSEEN_exact);
	expect(&stages.dev[1].stage[S(nic_rx)].drops, 2, WEIR_KSEEN_least);
	expect(&stages.dev[0].stage[S(nic_rx)].drops, 0, WEIR_KSEEN_no);
	expect(&stages.ns[S(nic_rx)].drops, 2, WEIR_KSEEN_least);
	/* a namespace has no share in what is the machine's */
	expect(&stages.ns[S(core)].packets, 0, WEIR_KSEEN_no);
	expect(&stages.machine[S(core)].packets, 9, WEIR_KSEEN_exact);
	expect(&stages.dev[0].stage[S(ip_rcv)].packets, 0, WEIR_KSEEN_no);
	assert_string_equal(stages.dev[1].name, "b");
}

static void kernels_count_what_they_send_in_two_ways(void **state)
{
	(void)state;
	/* 6.1: 30 of its own, 20 forwarded */
	COUNT({K(ip_out_requests), 0, 50}, {K(ip_forwards), 0, 20});
	expect(&stages.ns[S(ip_local_out)].packets, 30, WEIR_KSEEN_least);
	expect(&stages.ns[S(ip_output)].packets, 50, WEIR_KSEEN_exact);
	expect(&stages.ns[S(neigh)].packets, 0, WEIR_KSEEN_no);
	empty(NULL);
	/* since 6.7; 5 of its own were cut into 15 */
	COUNT({K(ip_out_requests), 0, 30}, {K(ip_forwards), 0, 20}, {K(ip_out_transmits), 0, 60},
		{K(ip_frag_oks), 0, 5}, {K(ip_frag_fails), 0, 0}, {K(ip_frag_creates), 0, 15});
	expect(&stages.ns[S(ip_local_out)].packets, 30, WEIR_KSEEN_exact);
	expect(&stages.ns[S(ip_output)].packets, 50, WEIR_KSEEN_least);
	expect(&stages.ns[S(neigh)].packets, 60, WEIR_KSEEN_exact);
	expect(&stages.ns[S(ip_fragment)].packets, 5, WEIR_KSEEN_exact);
	expect(&stages.ns[S(ip_fragment)].made, 15, WEIR_KSEEN_exact);
}

static void superframes_are_packets_and_segments(void **state)
{
	(void)state;
	COUNT({K(ip_receives), 0, 191}, {K(ip_no_ect), 0, 7000}, {K(ip_ect0), 0, 259},
		{K(ip_ect1), 0, 0}, {K(ip_ce), 0, 0});
	expect(&stages.ns[S(ip_rcv)].packets, 191, WEIR_KSEEN_exact);
	expect(&stages.ns[S(ip_rcv)].segments, 7259, WEIR_KSEEN_least);
}

static void nothing_goes_below_zero(void **state)
{
	(void)state;
	/* read at different moments */
	COUNT({K(ip_out_requests), 0, 5}, {K(ip_forwards), 0, 6});
	expect(&stages.ns[S(ip_local_out)].packets, 0, WEIR_KSEEN_least);
}

static void a_reset_makes_less_of_it_known(void **state)
{
	(void)state;
	weir_kreading_add_dev(&delta, 2, "a");
	weir_kreading_add(&delta, K(rx_packets), 0, 2, 0);
	delta.value[0].reset = true;
	COUNT({K(rx_packets), 5, 3});
	expect(&stages.ns[S(nic_rx)].packets, 3, WEIR_KSEEN_least);
	assert_true(stages.ns[S(nic_rx)].reset);
	assert_true(stages.dev[0].stage[S(nic_rx)].reset);
}

static void a_part_is_not_counted_twice(void **state)
{
	unsigned int at = 0;
	struct weir_kcounted drop;

	(void)state;
	COUNT({K(udp_in_errors), 0, 10}, {K(udp_rcvbuf), 0, 6}, {K(udp_csum), 0, 4},
		{K(udp_mem), 0, 0}, {K(tcp_listen_drops), 0, 7}, {K(tcp_listen_overflows), 0, 5});
	expect(&stages.ns[S(sock_queue)].drops, 6, WEIR_KSEEN_least);
	expect(&stages.ns[S(udp_rcv)].drops, 4, WEIR_KSEEN_least);
	expect(&stages.ns[S(tcp_rcv)].drops, 7, WEIR_KSEEN_least);

	/* all of UdpInErrors have another name, two of ListenDrops have not */
	assert_true(weir_kcounted_next(&delta, &at, &drop));
	assert_int_equal(drop.counter, K(udp_rcvbuf));
	assert_int_equal(drop.packets, 6);
	assert_int_equal(weir_kcounted_silent(&drop, 0), 0);
	assert_true(weir_kcounted_next(&delta, &at, &drop));
	assert_int_equal(drop.counter, K(udp_csum));
	assert_true(weir_kcounted_next(&delta, &at, &drop));
	assert_int_equal(drop.counter, K(tcp_listen_drops));
	assert_int_equal(drop.packets, 2);
	assert_int_equal(weir_kcounted_silent(&drop, 1), 1);
	assert_int_equal(weir_kcounted_silent(&drop, 9), 0);
	assert_true(weir_kcounted_next(&delta, &at, &drop));
	assert_int_equal(drop.counter, K(tcp_listen_overflows));
	assert_int_equal(weir_kcounted_silent(&drop, 9), 5);
	assert_false(weir_kcounted_next(&delta, &at, &drop));
}

static void what_another_stage_has_is_not_counted_again(void **state)
{
	(void)state;
	/* a full qdisc, of a local sender: three counters for each packet */
	COUNT({K(qdisc_drops), 2, 13}, {K(udp_sndbuf), 0, 13}, {K(ip_out_discards), 0, 13});
	expect(&stages.ns[S(qdisc)].drops, 13, WEIR_KSEEN_least);
	expect(&stages.ns[S(make_skb)].drops, 0, WEIR_KSEEN_no);
}

static void drops_are_told_for_each_device(void **state)
{
	unsigned int at = 0;
	struct weir_kcounted drop;

	(void)state;
	/* CPUs and queues together, devices apart */
	COUNT({K(rx_missed), 2, 1}, {K(rx_missed), 3, 2}, {K(rx_missed), 4, 0},
		{K(softnet_dropped), 0, 3}, {K(softnet_dropped), 1, 4});
	assert_true(weir_kcounted_next(&delta, &at, &drop));
	assert_int_equal(drop.counter, K(softnet_dropped));
	assert_int_equal(drop.packets, 7);
	assert_int_equal(drop.ifindex, 0);
	for (unsigned int i = 2; i <= 3; i++) {
		assert_true(weir_kcounted_next(&delta, &at, &drop));
		assert_int_equal(drop.ifindex, i);
		assert_int_equal(drop.packets, i - 1);
		assert_int_equal(weir_kcounted_silent(&drop, 0), i - 1);
	}
	assert_false(weir_kcounted_next(&delta, &at, &drop));
}

static void checks_find_lost_events(void **state)
{
	static const struct weir_kevent_count events[] = {
		{"NO_SOCKET", "__udp4_lib_rcv", 7},
		{"NO_SOCKET", "__udp4_lib_rcv", 2},
		{"NO_SOCKET", "tcp_v4_rcv", 100},
		{"NO_SOCKET", "", 100},
		{"IP_INHDR", "ip_forward", 3},
		{"IP_CSUM", "ip_rcv_core", 4},
		{"IP_INHDR", "ip6_rcv_core", 100},
		{"IP_INHDR_", "ip_forward", 100},
		{"IP", "ip_forward", 100},
		{"CPU_BACKLOG", "anywhere", 5},
	};
	struct weir_kcheck_result result;

	(void)state;
	COUNT({K(udp_no_ports), 0, 10}, {K(ip_hdr_errors), 0, 7}, {K(softnet_dropped), 0, 2},
		{K(softnet_dropped), 1, 3});
	weir_kcheck_run(&delta, WEIR_KCHECK_udp_no_port, events, 10, &result);
	assert_true(result.known);
	assert_int_equal(result.counted, 10);
	assert_int_equal(result.told, 9);
	assert_int_equal(weir_kcheck_untold(&delta, K(udp_no_ports), events, 10), 1);
	assert_int_equal(weir_kcheck_untold(&delta, K(ip_hdr_errors), events, 10), 0);
	assert_int_equal(weir_kcheck_untold(&delta, K(softnet_dropped), events, 6), 0);
	weir_kcheck_run(&delta, WEIR_KCHECK_ip_header, events, 10, &result);
	assert_int_equal(result.counted, 7);
	assert_int_equal(result.told, 7);
	weir_kcheck_run(&delta, WEIR_KCHECK_backlog, events, 10, &result);
	assert_int_equal(result.counted, 5);
	assert_int_equal(result.told, 5);
	weir_kcheck_run(&delta, WEIR_KCHECK_tcp_checksum, events, 10, &result);
	assert_false(result.known);
	/* each is of a counter that events tell the same of */
	for (unsigned int i = 0; i < WEIR_KCHECK_COUNT; i++)
		assert_int_equal(
			weir_kcounter_info[weir_kcheck_info[i].counter].event, WEIR_KEVENT_same);
}

static void coverage_says_what_there_is(void **state)
{
	struct weir_kfeatures have = {};
	char text[400];

	(void)state;
	have.trace[WEIR_KTRACE_netif_receive_skb] = true;
	have.counter[K(softnet_processed)] = true;
	assert_string_equal(weir_kcoverage(S(core), &have, text, sizeof(text)),
		"tracepoint netif_receive_skb; counter softnet_stat processed (machine)");
	assert_string_equal(
		weir_kcoverage(S(autobind), &have, text, sizeof(text)), "not seen: needs fentry");
	assert_false(weir_kcovered(S(autobind), &have));
	have.hook[WEIR_KHOOK_fentry] = true;
	assert_string_equal(
		weir_kcoverage(S(autobind), &have, text, sizeof(text)), "fentry inet_autobind");
	assert_string_equal(weir_kcoverage(S(route_out), &have, text, sizeof(text)),
		"fentry ip_route_output_flow");
	assert_string_equal(weir_kcoverage(S(sock_wake), &have, text, sizeof(text)),
		"not seen: needs tracepoint sk_data_ready (Linux 6.3)");
	assert_string_equal(weir_kcoverage(S(nf_forward), &have, text, sizeof(text)),
		"not seen: needs netfilter links (Linux 6.4)");
	have.hook[WEIR_KHOOK_clsact] = true;
	assert_string_equal(
		weir_kcoverage(S(tc_egress), &have, text, sizeof(text)), "clsact filter");
	have.hook[WEIR_KHOOK_tcx] = true;
	assert_string_equal(weir_kcoverage(S(tc_egress), &have, text, sizeof(text)),
		"tcx programs, first and last");
	assert_string_equal(weir_kcoverage(S(core), &have, text, 12), "tracepoint ");
	assert_string_equal(weir_kcoverage(S(core), &have, text, 1), "");
}

static void every_stage_has_a_way_that_fits(void **state)
{
	struct weir_kfeatures all, none = {};
	char text[400];

	(void)state;
	memset(&all, 1, sizeof(all));
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++) {
		assert_true(weir_kcovered(i, &all));
		assert_true(strlen(weir_kcoverage(i, &all, text, sizeof(text))) < sizeof(text) - 1);
		assert_false(weir_kcovered(i, &none));
		assert_int_equal(strncmp(weir_kcoverage(i, &none, text, sizeof(text)),
					 "not seen: needs ", 16),
			0);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_counters_nothing_is_known),
		TEST(devices_are_apart_and_together),
		TEST(kernels_count_what_they_send_in_two_ways),
		TEST(superframes_are_packets_and_segments),
		TEST(nothing_goes_below_zero),
		TEST(a_reset_makes_less_of_it_known),
		TEST(a_part_is_not_counted_twice),
		TEST(what_another_stage_has_is_not_counted_again),
		TEST(drops_are_told_for_each_device),
		TEST(checks_find_lost_events),
		TEST(coverage_says_what_there_is),
		TEST(every_stage_has_a_way_that_fits),
	};

	return WEIR_RUN(tests);
}
