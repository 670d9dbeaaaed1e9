// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Verdicts of the fast plane join the packets that they are of, and no others:
 *
 *	ns 1: c0 ──── ns 2: r0, r1 ──── ns 3: s0
 */
#include <stdlib.h>

#include "made_trace.h"
#include "model/trace_ident.h"
#include "test.h"

#define MS 1000000ull
#define T0 (5000 * MS)

enum { C0 = 1, R0 = 10, R1 = 11, S0 = 20 };

static struct weir_traces *traces;
static struct seen {
	char road[512]; /* "1/c0 xmit enter, ..." */
	enum weir_trace_end end;
	__u64 number, link[WEIR_TRACE_LINKS];
	unsigned int nr_links;
} seen[32];
static unsigned int nr;

static int on_packet(void *ctx, const struct weir_traced *p)
{
	struct seen *s = &seen[nr++];
	unsigned int at;
	size_t used = 0;

	(void)ctx;
	assert_true(nr < 32);
	*s = (struct seen){
		.end = weir_traced_end(p, &at), .number = p->number, .nr_links = p->nr_links};
	memcpy(s->link, p->link, sizeof(s->link));
	for (unsigned int i = 0; i < p->nr; i++)
		used += (size_t)snprintf(s->road + used, sizeof(s->road) - used, "%s%s %s",
			i ? ", " : "", p->event[i].dev, weir_trace_what_name[p->event[i].what]);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	nr = 0;
	traces = weir_traces_new(on_packet, NULL);
	if (!traces)
		return -1;
	weir_traces_join_fast(traces, 1000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	weir_traces_free(traces);
	return 0;
}

/* --- what is seen of packets --- */

static __u16 sport, ip_id;
static __u8 data; /* the last byte of it */

static void put_frame(struct weir_trace_event *e)
{
	made_head(e, sport, false);
	e->head[18] = (__u8)(ip_id >> 8);
	e->head[19] = (__u8)ip_id;
	e->head[e->head_len - 1] = data;
}

static void place(struct weir_trace_event *e, __u32 ifindex)
{
	e->netns = ifindex < R0 ? 1 : ifindex < S0 ? 2 : 3;
	e->ifindex = ifindex;
	snprintf(e->dev, sizeof(e->dev), "%s",
		ifindex == C0	? "c0"
		: ifindex == R0 ? "r0"
		: ifindex == R1 ? "r1"
				: "s0");
}

static struct weir_trace_event kernel(__u64 id, __u64 time_ns, __u32 ifindex,
	enum weir_trace_point point, enum weir_stage stage, enum weir_trace_what what)
{
	struct weir_trace_event e = made_event(id, time_ns, "x", point, stage, what);

	place(&e, ifindex);
	put_frame(&e);
	return e;
}

/* At r0, from c0 and, if forwarded, to s0 by r1. */
static struct weir_trace_event verdict(
	__u64 time_ns, enum weir_hook hook, enum weir_trace_what what)
{
	struct weir_trace_event e =
		made_event(0, time_ns, "x", (enum weir_trace_point)WEIR_TRACE_FAST,
			hook == WEIR_HOOK_xdp ? WEIR_STAGE_xdp : WEIR_STAGE_tc_ingress, what);

	place(&e, R0);
	put_frame(&e);
	e.flags = WEIR_TRACE_BEGINS;
	e.verdict.hook = (__u8)hook;
	e.verdict.from_netns = 1;
	e.verdict.from_ifindex = C0;
	if (what == WEIR_TRACE_WHAT_forward) {
		e.verdict.oif = R1;
		e.verdict.to_netns = 3;
		e.verdict.to_ifindex = S0;
	}
	return e;
}

static void add(struct weir_trace_event e)
{
	assert_int_equal(weir_traces_add(traces, &e), 0);
}

static void sent(__u64 id, __u64 time_ns)
{
	add(kernel(id, time_ns, C0, WEIR_TRACE_start_xmit, WEIR_STAGE_xmit, WEIR_TRACE_WHAT_enter));
}

static void received(__u64 id, __u64 time_ns, __u32 ifindex)
{
	add(kernel(
		id, time_ns, ifindex, WEIR_TRACE_gro_enter, WEIR_STAGE_gro, WEIR_TRACE_WHAT_enter));
}

static void judged(__u64 time_ns, enum weir_trace_what what)
{
	add(verdict(time_ns, WEIR_HOOK_xdp, what));
}

static void end(void)
{
	assert_int_equal(weir_traces_pass(traces, 0, true), 0);
}

static void assert_roads(const char *const *roads)
{
	unsigned int n = 0;

	while (roads[n])
		n++;
	for (unsigned int i = 0; i < nr && i < n; i++)
		assert_string_equal(seen[i].road, roads[i]);
	assert_int_equal(nr, n);
}

#define ROADS(...) assert_roads((const char *const[]){__VA_ARGS__, NULL})

#define PASS	WEIR_TRACE_WHAT_pass
#define PUNT	WEIR_TRACE_WHAT_punt
#define FORWARD WEIR_TRACE_WHAT_forward
#define DROP	WEIR_TRACE_WHAT_drop

/* --- one packet --- */

static void what_xdp_passes_is_one_packet(void **state)
{
	(void)state;
	sent(1, T0);
	judged(T0 + 10, PASS);
	received(2, T0 + 20, R0);
	end();
	ROADS("c0 enter, r0 pass, r0 enter");
}

/* The rings are read one after the other; each may be behind. */
static void the_order_in_which_rings_are_read_does_not_matter(void **state)
{
	(void)state;
	received(2, T0 + 20, R0);
	judged(T0 + 10, PUNT);
	sent(1, T0);
	ip_id = 2;
	judged(T0 + 90, PUNT);
	ip_id = 1;
	end();
	ROADS("c0 enter, r0 punt, r0 enter", "r0 punt");
}

static void what_is_dropped_ends_with_the_verdict(void **state)
{
	(void)state;
	sent(1, T0);
	add(kernel(1, T0 + 5, R0, WEIR_TRACE_consume, WEIR_STAGE_tx_complete,
		WEIR_TRACE_WHAT_done)); /* what XDP is given is a copy */
	judged(T0 + 10, DROP);
	add(kernel(2, T0 + 20, R0, WEIR_TRACE_kfree, WEIR_STAGE_core, DROP));
	end();
	ROADS("c0 enter, r0 done, r0 drop, r0 drop");
	assert_int_equal(seen[0].end, WEIR_TRACE_END_dropped);
}

static void a_verdict_alone_is_a_packet(void **state)
{
	(void)state;
	judged(T0, DROP);
	judged(T0 + 100 * MS, FORWARD);
	end();
	ROADS("r0 drop", "r0 forward");
	assert_int_equal(seen[0].end, WEIR_TRACE_END_dropped);
	assert_int_equal(seen[1].end, WEIR_TRACE_END_forwarded);
}

static void what_nat_has_changed_is_known_behind_it(void **state)
{
	(void)state;
	sport = 4000;
	sent(1, T0);
	judged(T0 + 10, FORWARD);
	sport = 61234;
	received(2, T0 + 20, S0);
	end();
	sport = 4000;
	ROADS("c0 enter, r0 forward, s0 enter");
}

static void tc_is_in_the_midst_of_a_packet(void **state)
{
	(void)state;
	sent(1, T0);
	add(kernel(
		1, T0 + 10, R0, WEIR_TRACE_netif_receive, WEIR_STAGE_core, WEIR_TRACE_WHAT_enter));
	add(verdict(T0 + 20, WEIR_HOOK_tc_ingress, DROP));
	add(kernel(1, T0 + 30, R0, WEIR_TRACE_kfree, WEIR_STAGE_core, DROP));
	end();
	ROADS("c0 enter, r0 enter, r0 drop, r0 drop");
	assert_int_equal(seen[0].end, WEIR_TRACE_END_dropped);
}

/* Events go on to come by the id of what was joined. */
static void what_comes_later_is_the_same_packets(void **state)
{
	(void)state;
	sent(1, T0);
	judged(T0 + 10, PASS);
	received(2, T0 + 20, R0);
	assert_int_equal(weir_traces_pass(traces, T0 + 400 * MS, false), 0);
	assert_int_equal(nr, 0);
	add(kernel(2, T0 + 450 * MS, R0, WEIR_TRACE_copy_out, WEIR_STAGE_sock_recv,
		WEIR_TRACE_WHAT_read));
	end();
	ROADS("c0 enter, r0 pass, r0 enter, r0 read");
	assert_int_equal(seen[0].number, 1);
}

/* --- none that is not --- */

static void other_packets_are_not_joined(void **state)
{
	struct weir_trace_event e;

	(void)state;
	sent(1, T0);
	ip_id = 2;
	judged(T0 + 10, PASS);
	ip_id = 1;
	data = 4;
	judged(T0 + 20, PASS);
	data = 3;
	sport = 4001;
	judged(T0 + 30, PASS);
	sport = 4000;
	judged(T0 + 51 * MS, PASS); /* too late */
	e = verdict(T0 + 40, WEIR_HOOK_xdp, PASS);
	e.verdict.from_ifindex = 2; /* another wire */
	add(e);
	end();
	assert_int_equal(nr, 6);
	for (unsigned int i = 0; i < nr; i++) {
		assert_null(strchr(seen[i].road, ','));
		assert_int_equal(seen[i].nr_links, 0);
	}
}

static void what_begins_elsewhere_is_not_joined(void **state)
{
	struct weir_trace_event e;

	(void)state;
	judged(T0, FORWARD);
	received(1, T0 + 10, R0);
	judged(T0 + 100 * MS, PASS);
	received(2, T0 + 100 * MS + 10, S0);
	judged(T0 + 200 * MS, PASS);
	e = kernel(3, T0 + 200 * MS + 10, R0, WEIR_TRACE_gro_enter, WEIR_STAGE_gro,
		WEIR_TRACE_WHAT_enter);
	e.cpu = 1;
	add(e);
	end();
	ROADS("r0 forward", "r0 enter", "r0 pass", "s0 enter", "r0 pass", "r0 enter");
}

static void what_comes_too_late_is_not_joined(void **state)
{
	(void)state;
	judged(T0, FORWARD);
	received(1, T0 + 51 * MS, S0);
	end();
	ROADS("r0 forward", "s0 enter");
}

/* It was sent on by the kernel meanwhile. */
static void what_has_gone_elsewhere_is_not_joined(void **state)
{
	(void)state;
	sent(1, T0);
	add(kernel(
		1, T0 + 10, S0, WEIR_TRACE_netif_receive, WEIR_STAGE_core, WEIR_TRACE_WHAT_enter));
	judged(T0 + 5, PASS);
	end();
	ROADS("c0 enter, s0 enter", "r0 pass");
}

static bool is_linked(unsigned int a, unsigned int b)
{
	for (unsigned int i = 0; i < seen[a].nr_links; i++)
		if (seen[a].link[i] == seen[b].number)
			return true;
	return false;
}

static void of_two_before_it_neither_is_joined(void **state)
{
	(void)state;
	sent(1, T0);
	sent(2, T0 + 5);
	judged(T0 + 10, DROP);
	judged(T0 + 20, DROP);
	end();
	ROADS("c0 enter", "c0 enter", "r0 drop", "r0 drop");
	assert_true(is_linked(2, 0) && is_linked(2, 1) && is_linked(0, 2) && is_linked(1, 2));
}

/* One of them is of a packet that was not followed. */
static void of_two_verdicts_neither_is_joined(void **state)
{
	(void)state;
	sent(1, T0);
	judged(T0 + 10, DROP);
	judged(T0 + 20, DROP);
	end();
	ROADS("c0 enter", "r0 drop", "r0 drop");
	assert_true(is_linked(0, 1) && is_linked(1, 0));
}

static void of_two_behind_it_neither_is_joined(void **state)
{
	(void)state;
	judged(T0, FORWARD);
	received(1, T0 + 10, S0);
	received(2, T0 + 20, S0);
	end();
	ROADS("r0 forward", "s0 enter", "s0 enter");
	assert_true(is_linked(0, 1) && is_linked(0, 2) && is_linked(1, 0));
}

static void of_two_verdicts_before_two_packets_none_is_joined(void **state)
{
	(void)state;
	judged(T0, FORWARD);
	judged(T0 + 5, FORWARD);
	received(1, T0 + 10, S0);
	received(2, T0 + 20, S0);
	end();
	ROADS("r0 forward", "r0 forward", "s0 enter", "s0 enter");
}

static void of_two_verdicts_before_one_packet_neither_is_joined(void **state)
{
	(void)state;
	judged(T0, FORWARD);
	judged(T0 + 5, FORWARD);
	received(1, T0 + 10, S0);
	end();
	ROADS("r0 forward", "r0 forward", "s0 enter");
}

static void another_cpu_has_another_packet_in_hand(void **state)
{
	struct weir_trace_event e = verdict(T0 + 20, WEIR_HOOK_tc_ingress, DROP);

	(void)state;
	e.cpu = 1;
	add(kernel(1, T0, R0, WEIR_TRACE_netif_receive, WEIR_STAGE_core, WEIR_TRACE_WHAT_enter));
	add(e);
	end();
	ROADS("r0 enter", "r0 drop");
}

/* Once by XDP and once by TC, and by neither a second time. */
static void each_hook_judges_once(void **state)
{
	(void)state;
	judged(T0, PASS);
	add(kernel(
		1, T0 + 10, R0, WEIR_TRACE_netif_receive, WEIR_STAGE_core, WEIR_TRACE_WHAT_enter));
	add(verdict(T0 + 20, WEIR_HOOK_tc_ingress, PASS));
	add(kernel(1, T0 + 30, R0, WEIR_TRACE_nf_first, WEIR_STAGE_nf_prerouting,
		WEIR_TRACE_WHAT_enter));
	end();
	ROADS("r0 pass, r0 enter, r0 pass, r0 enter");
	nr = 0;
	add(kernel(2, T0, R0, WEIR_TRACE_netif_receive, WEIR_STAGE_core, WEIR_TRACE_WHAT_enter));
	add(verdict(T0 + 20, WEIR_HOOK_tc_ingress, PASS));
	add(verdict(T0 + 40, WEIR_HOOK_tc_ingress, DROP));
	end();
	ROADS("r0 enter", "r0 pass", "r0 drop");
}

static void twins_one_after_the_other_are_each_its_own(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		sent(2 * i + 1, T0 + i * MS);
		judged(T0 + i * MS + 10, FORWARD);
		received(2 * i + 2, T0 + i * MS + 20, S0);
		add(kernel(
			2 * i + 2, T0 + i * MS + 30, S0, WEIR_TRACE_kfree, WEIR_STAGE_core, DROP));
	}
	end();
	assert_int_equal(nr, 5);
	for (unsigned int i = 0; i < nr; i++) {
		assert_string_equal(seen[i].road, "c0 enter, r0 forward, s0 enter, s0 drop");
		assert_int_equal(seen[i].nr_links, 0);
	}
}

/* --- time and rate --- */

static void a_verdict_waits_for_the_other_ring(void **state)
{
	(void)state;
	judged(T0, FORWARD);
	received(2, T0 + 20, S0);
	add(kernel(2, T0 + 30, S0, WEIR_TRACE_kfree, WEIR_STAGE_core, DROP)); /* an end */
	assert_int_equal(weir_traces_pass(traces, T0 + 200 * MS, false), 0);
	assert_int_equal(nr, 0);
	sent(1, T0 - 10);
	assert_int_equal(weir_traces_pass(traces, T0 + 400 * MS, false), 0);
	ROADS("c0 enter, r0 forward, s0 enter, s0 drop");
}

static void packets_that_begin_with_verdicts_have_a_rate(void **state)
{
	struct weir_trace_event unmatched = verdict(T0, WEIR_HOOK_xdp, DROP);

	(void)state;
	weir_traces_join_fast(traces, 2);
	unmatched.flags = 0;
	for (unsigned int i = 0; i < 5; i++) {
		ip_id = (__u16)(100 + i);
		judged(T0 + i, DROP);
		add(unmatched);
	}
	ip_id = 1;
	end();
	assert_int_equal(nr, 2);
	assert_int_equal(weir_traces_limited(traces), 3);
	/* joined to a packet that is followed, it is not asked whether it matches */
	sent(1, T0 - 10);
	add(unmatched);
	end();
	assert_string_equal(seen[2].road, "c0 enter, r0 drop");
}

/* A verdict that is not shown is nobody's twin to be read of. */
static void what_is_not_shown_is_not_linked(void **state)
{
	struct weir_trace_event unmatched = verdict(T0 + 10, WEIR_HOOK_xdp, DROP);

	(void)state;
	unmatched.flags = 0;
	sent(1, T0);
	sent(2, T0 + 5);
	add(unmatched);
	end();
	ROADS("c0 enter", "c0 enter");
	assert_int_equal(seen[0].nr_links, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_xdp_passes_is_one_packet),
		TEST(the_order_in_which_rings_are_read_does_not_matter),
		TEST(what_is_dropped_ends_with_the_verdict),
		TEST(a_verdict_alone_is_a_packet),
		TEST(what_nat_has_changed_is_known_behind_it),
		TEST(tc_is_in_the_midst_of_a_packet),
		TEST(what_comes_later_is_the_same_packets),
		TEST(other_packets_are_not_joined),
		TEST(what_begins_elsewhere_is_not_joined),
		TEST(what_comes_too_late_is_not_joined),
		TEST(what_has_gone_elsewhere_is_not_joined),
		TEST(of_two_before_it_neither_is_joined),
		TEST(of_two_verdicts_neither_is_joined),
		TEST(of_two_behind_it_neither_is_joined),
		TEST(of_two_verdicts_before_two_packets_none_is_joined),
		TEST(of_two_verdicts_before_one_packet_neither_is_joined),
		TEST(another_cpu_has_another_packet_in_hand),
		TEST(each_hook_judges_once),
		TEST(twins_one_after_the_other_are_each_its_own),
		TEST(a_verdict_waits_for_the_other_ring),
		TEST(packets_that_begin_with_verdicts_have_a_rate),
		TEST(what_is_not_shown_is_not_linked),
	};

	ip_id = 1;
	sport = 4000;
	data = 3;
	return WEIR_RUN(tests);
}
