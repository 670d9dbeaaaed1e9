// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events become packets: in order, complete when they are, with their end and its stage. */
#include <errno.h>

#include "made_trace.h"
#include "model/tables.h"
#include "test.h"

static struct weir_traces *traces;
static unsigned int nr;
static __u64 ids[64], times[64];
static unsigned int events, more;
static enum weir_trace_end end;
static enum weir_stage stage;
static bool lost;
static char dev[16], cause[WEIR_KERNEL_CAUSE_MAX];
static const char *reason, *location;

static int on_packet(void *ctx, const struct weir_traced *p)
{
	unsigned int at;

	(void)ctx;
	ids[nr++ % 64] = p->id;
	events = p->nr;
	more = p->more;
	for (unsigned int i = 0; i < p->nr; i++)
		times[i] = p->event[i].time_ns;
	end = weir_traced_end(p, &at);
	stage = weir_traced_stage(p, at);
	if (p->event[at].what == WEIR_TRACE_WHAT_drop) {
		struct weir_kernel_drop drop = {.key = p->event[at].drop};

		snprintf(drop.reason, sizeof(drop.reason), "%s", reason);
		snprintf(drop.location, sizeof(drop.location), "%s", location);
		lost = weir_traced_drop(p, at, &drop);
		stage = drop.stage;
		snprintf(cause, sizeof(cause), "%s", drop.cause);
	}
	snprintf(dev, sizeof(dev), "%s", weir_traced_dev(p, at));
	return nr == 60 ? -5 : 0;
}

static int setup(void **state)
{
	(void)state;
	nr = 0;
	reason = "NOT_SPECIFIED";
	location = "somewhere+0x1";
	traces = weir_traces_new(on_packet, NULL);
	return traces ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	weir_traces_free(traces);
	return 0;
}

#define E(id, time, dev, point, stage, what)                                                       \
	made_event(id, time, dev, WEIR_TRACE_##point, WEIR_STAGE_##stage, WEIR_TRACE_WHAT_##what)

static void add(struct weir_trace_event e)
{
	assert_int_equal(weir_traces_add(traces, &e), 0);
}

static void pass_all(void)
{
	assert_int_equal(weir_traces_pass(traces, 0, true), 0);
}

static void events_are_put_in_the_order_of_time(void **state)
{
	(void)state;
	add(E(1, 30, "r0", xmit, xmit, leave));
	add(E(1, 10, "r0", dev_queue, tc_egress, leave));
	add(E(1, 20, "r0", start_xmit, xmit, enter));
	pass_all();
	assert_int_equal(events, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(times[i], 10 * (i + 1));
	assert_int_equal(end, WEIR_TRACE_END_sent);
}

static void a_packet_waits_until_it_has_rested(void **state)
{
	const __u64 t = 5000000000;

	(void)state;
	add(E(1, t, "r0", netif_receive, core, enter));
	add(E(2, t, "r0", netif_receive, core, enter));
	add(E(2, t + 1, "r0", kfree, core, drop));
	assert_int_equal(weir_traces_pass(traces, t - 5, false), 0); /* a clock of another CPU */
	assert_int_equal(weir_traces_pass(traces, t + WEIR_TRACE_REST_NS, false), 0);
	assert_int_equal(nr, 0);
	assert_int_equal(weir_traces_pass(traces, t + 1 + WEIR_TRACE_REST_NS, false), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(ids[0], 2);
	assert_int_equal(weir_traces_pass(traces, t + WEIR_TRACE_IDLE_NS - 1, false), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(weir_traces_pass(traces, t + WEIR_TRACE_IDLE_NS, false), 0);
	assert_int_equal(nr, 2);
	pass_all();
	assert_int_equal(nr, 2); /* once */
}

/* As the kernel asks for a neighbour that does not answer: a copy of the packet for each question. */
static void a_packet_that_waits_for_its_neighbour_stays_one(void **state)
{
	const __u64 t = 5000000000, s = 1000000000;

	(void)state;
	reason = "NEIGH_FAILED";
	add(E(1, t, "r1", nf_last, nf_postrouting, leave));
	assert_int_equal(weir_traces_pass(traces, t + s + s / 50, false), 0);
	for (unsigned int i = 1; i < 3; i++) {
		struct weir_trace_event copy = E(1, t + i * s, "r1", consume, tx_complete, done);

		copy.flags = WEIR_TRACE_COPY;
		add(copy);
		assert_int_equal(weir_traces_pass(traces, t + (i + 1) * s - 1, false), 0);
	}
	assert_int_equal(nr, 0);
	add(E(1, t + 3 * s, "r1", kfree, core, drop));
	pass_all();
	assert_int_equal(nr, 1);
	assert_int_equal(events, 4);
	assert_int_equal(end, WEIR_TRACE_END_dropped);
	assert_string_equal(cause, "NEIGH_FAILED");
}

static void a_packet_that_waits_is_given_up_in_the_end(void **state)
{
	const __u64 t = 5000000000;

	(void)state;
	add(E(1, t, "r1", qdisc_enqueue, qdisc, enter));
	assert_int_equal(weir_traces_pass(traces, t + WEIR_TRACE_WAIT_NS - 1, false), 0);
	assert_int_equal(nr, 0);
	assert_int_equal(weir_traces_pass(traces, t + WEIR_TRACE_WAIT_NS, false), 0);
	assert_int_equal(nr, 1);
}

static void what_the_callers_function_says_is_handed_on(void **state)
{
	(void)state;
	nr = 59;
	add(E(5, 1, "r0", netif_receive, core, enter));
	add(E(6, 1, "r0", netif_receive, core, enter));
	assert_int_equal(weir_traces_pass(traces, 0, true), -5);
	assert_int_equal(nr, 60);
}

static void packets_come_in_the_order_they_began(void **state)
{
	(void)state;
	for (__u64 id = 3000; id > 2990; id--)
		add(E(id, 1, "r0", netif_receive, core, enter));
	pass_all();
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(ids[i], 2991 + i);
}

static void events_beyond_room_are_counted(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < WEIR_TRACED_MAX + 3; i++)
		add(E(1, i, "r0", netif_receive, core, enter));
	pass_all();
	assert_int_equal(events, WEIR_TRACED_MAX);
	assert_int_equal(more, 3);
}

static void a_copys_fate_is_not_the_packets(void **state)
{
	struct weir_trace_event copy = E(1, 3, "r0", kfree, core, drop);

	(void)state;
	copy.flags = WEIR_TRACE_COPY;
	add(E(1, 1, "r0", netif_receive, core, enter));
	add(E(1, 2, "r0", data_ready, sock_wake, deliver));
	add(copy);
	assert_int_equal(weir_traces_pass(traces, 4 + WEIR_TRACE_REST_NS, false), 0);
	assert_int_equal(nr, 0); /* not ended by that */
	pass_all();
	assert_int_equal(end, WEIR_TRACE_END_delivered);
	assert_int_equal(stage, WEIR_STAGE_sock_wake);
}

static void a_drop_is_where_it_happened(void **state)
{
	static const struct {
		const char *location;
		enum weir_stage stage;
	} all[] = {
		{"__udp4_lib_rcv+0x1", WEIR_STAGE_udp_rcv},
		{"ip_forward+0x1", WEIR_STAGE_ip_forward},
		{"udp_queue_rcv_one_skb+0x9", WEIR_STAGE_udp_rcv},
		{"tcp_v4_rcv+0x1", WEIR_STAGE_tcp_rcv}, {"ip_rcv_core+0x1", WEIR_STAGE_ip_rcv},
		{"ip_rcv_finish_core.isra.0+0x1", WEIR_STAGE_route_in},
		{"__dev_queue_xmit+0x1", WEIR_STAGE_xmit},
		{"neigh_resolve_output+0", WEIR_STAGE_neigh},
		{"0xffffffff81000000", WEIR_STAGE_nf_prerouting}, /* unknown: where it was before */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		location = all[i].location;
		add(E(i + 1, 1, "r0", nf_first, nf_prerouting, enter));
		add(E(i + 1, 2, "r0", nf_last, nf_prerouting, leave));
		add(E(i + 1, 3, "", kfree, core, drop));
		pass_all();
		assert_int_equal(end, WEIR_TRACE_END_dropped);
		assert_true(lost);
		assert_int_equal(stage, all[i].stage);
		assert_string_equal(dev, "r0"); /* by which it came */
	}
}

static void within_a_hook_it_is_netfilters_drop(void **state)
{
	struct weir_trace_event tap = E(1, 4, "r0", consume, tx_complete, done);

	(void)state;
	tap.flags = WEIR_TRACE_COPY;
	reason = "NETFILTER_DROP";
	location = "nft_do_chain+0x3";
	add(E(1, 1, "r0", nf_first, nf_prerouting, enter));
	add(E(1, 2, "r0", nf_last, nf_prerouting, leave));
	add(E(1, 3, "r0", nf_first, nf_forward, enter));
	add(tap);
	add(E(1, 5, "r0", kfree, core, drop));
	pass_all();
	assert_int_equal(stage, WEIR_STAGE_nf_forward);
	assert_string_equal(cause, "NETFILTER_DROP/forward");
}

/* Without netfilter's links, by what the packet itself has shown. */
static void without_hooks_it_is_what_the_event_says(void **state)
{
	struct weir_trace_event drop = E(1, 2, "r0", kfree, core, drop);

	(void)state;
	reason = "NETFILTER_DROP";
	location = "nft_do_chain+0x3";
	drop.drop.hook = WEIR_KHOOK_AT_local_in;
	add(E(1, 1, "r0", netif_receive, core, enter));
	add(drop);
	pass_all();
	assert_int_equal(stage, WEIR_STAGE_nf_local_in);
	assert_string_equal(cause, "NETFILTER_DROP/input");
	drop.drop.hook = 0;
	add(E(1, 1, "r0", netif_receive, core, enter));
	add(drop);
	pass_all();
	assert_int_equal(stage, WEIR_STAGE_core); /* where it was seen last */
	assert_string_equal(cause, "NETFILTER_DROP");
}

static void a_route_has_its_own_reason(void **state)
{
	struct weir_trace_event drop = E(1, 2, "r0", kfree, core, drop);

	(void)state;
	location = "ip_error+0x1";
	drop.drop.error = -EINVAL;
	add(drop);
	pass_all();
	assert_true(lost);
	assert_int_equal(stage, WEIR_STAGE_route_in);
	assert_string_equal(cause, "BLACKHOLE");
}

static void what_has_done_its_work_is_not_lost(void **state)
{
	(void)state;
	reason = "NO_SOCKET";
	location = "icmp_rcv+0x1";
	add(E(1, 2, "r0", kfree, core, drop));
	pass_all();
	assert_false(lost);
	assert_int_equal(stage, WEIR_STAGE_ip_local_deliver);
}

static void what_ends_in_peace(void **state)
{
	(void)state;
	add(E(1, 1, "r0", start_xmit, xmit, enter));
	add(E(1, 2, "r0", xmit, xmit, leave));
	add(E(1, 3, "", consume, tx_complete, done));
	pass_all();
	assert_int_equal(end, WEIR_TRACE_END_sent);
	assert_int_equal(stage, WEIR_STAGE_tx_complete);
	add(E(2, 1, "r0", nf_last, nf_local_in, leave));
	add(E(2, 3, "", consume, tx_complete, done));
	pass_all();
	assert_int_equal(end, WEIR_TRACE_END_consumed);
	assert_int_equal(stage, WEIR_STAGE_nf_local_in);
	add(E(3, 1, "r0", gro_enter, gro, enter));
	add(E(3, 2, "r0", gro_leave, gro, merge));
	pass_all();
	assert_int_equal(end, WEIR_TRACE_END_merged);
	add(E(4, 1, "r0", qdisc_enqueue, qdisc, enter));
	pass_all();
	assert_int_equal(end, WEIR_TRACE_END_seen);
}

static void a_device_is_the_same_ones_name(void **state)
{
	struct weir_trace_event nameless = E(1, 3, "", data_ready, sock_wake, deliver);

	(void)state;
	add(E(1, 1, "r0", netif_receive, core, enter));
	add(E(1, 2, "r1", netif_receive, core, enter));
	nameless.ifindex = '0'; /* r0's, by made_event() */
	add(nameless);
	pass_all();
	assert_string_equal(dev, "r0");
}

static void stages_are_those_of_the_points(void **state)
{
	char text[512];

	(void)state;
	weir_trace_stages(1U << WEIR_TRACE_netif_receive | 1U << WEIR_TRACE_start_xmit, true, text,
		sizeof(text));
	assert_string_equal(text, "core xmit");
	weir_trace_stages(~(1U << WEIR_TRACE_nf_first), false, text, sizeof(text));
	assert_string_equal(
		text, "nf_prerouting nf_forward nf_local_in nf_local_out nf_postrouting");
	weir_trace_stages(~0U, false, text, sizeof(text));
	assert_string_equal(text, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_are_put_in_the_order_of_time),
		TEST(a_packet_waits_until_it_has_rested),
		TEST(a_packet_that_waits_for_its_neighbour_stays_one),
		TEST(a_packet_that_waits_is_given_up_in_the_end),
		TEST(what_the_callers_function_says_is_handed_on),
		TEST(packets_come_in_the_order_they_began),
		TEST(events_beyond_room_are_counted),
		TEST(a_copys_fate_is_not_the_packets),
		TEST(a_drop_is_where_it_happened),
		TEST(within_a_hook_it_is_netfilters_drop),
		TEST(without_hooks_it_is_what_the_event_says),
		TEST(a_route_has_its_own_reason),
		TEST(what_has_done_its_work_is_not_lost),
		TEST(what_ends_in_peace),
		TEST(a_device_is_the_same_ones_name),
		TEST(stages_are_those_of_the_points),
	};

	return WEIR_RUN(tests);
}
