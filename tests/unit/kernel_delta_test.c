// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Differences of two readings of the kernel plane, its drops over time, and what is wrong. */
#include "made_kernel.h"
#include "model/kernel_trouble.h"

#define SECOND 1000000000ull

enum { WALL = 1700000000 };

static struct {
	struct made_kernel made;
	struct weir_kernel_snapshot before, now;
	struct weir_kernel_delta delta;
	struct weir_kernel_seen_list drops;
	struct weir_kernel_trouble trouble;
	__u64 wall_s;
	bool first;
} t;

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	memset(&t, 0, sizeof(t));
	t.wall_s = WALL;
	t.first = true;
	made_kernel_init(&t.made, WEIR_KLEVEL_full);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	weir_kernel_delta_done(&t.delta);
	weir_kernel_seen_done(&t.drops);
	weir_kernel_snapshot_done(&t.before);
	weir_kernel_snapshot_done(&t.now);
	return 0;
}

static void look_after(__u64 ns)
{
	weir_kernel_delta_done(&t.delta);
	weir_kernel_snapshot_done(&t.before);
	t.before = t.now;
	t.now = made_kernel_read(&t.made, ns);
	t.wall_s += ns / SECOND;
	assert_int_equal(
		weir_kernel_delta_init(&t.delta, t.before.time_ns ? &t.before : NULL, &t.now), 0);
	assert_int_equal(
		weir_kernel_seen_follow(&t.drops, &t.now, t.delta.interval_ns, t.wall_s), 0);
	if (!t.delta.interval_ns)
		return;
	weir_kernel_trouble_follow(&t.trouble, &t.delta, &t.drops, t.wall_s, t.first);
	t.first = false;
}

static void look(void)
{
	look_after(SECOND);
}

static const struct weir_kernel_part *part(const char *name)
{
	for (unsigned int i = 0; i < t.delta.nr_parts; i++)
		if (!strcmp(t.delta.parts[i].name, name))
			return &t.delta.parts[i];
	fail_msg("no part '%s'", name);
	return NULL;
}

static void observers_win_where_they_see_every_packet(void **state)
{
	const struct weir_kernel_flow *flow;

	(void)state;
	made_kernel_observed(&t.made, 1, WEIR_STAGE_ip_rcv, 10, 100);
	made_kernel_counted(&t.made, 1, WEIR_STAGE_ip_rcv, 1000);
	look();
	made_kernel_observed(&t.made, 1, WEIR_STAGE_ip_rcv, 30, 100);
	made_kernel_observed(&t.made, 2, WEIR_STAGE_ip_rcv, 5, 100);
	made_kernel_counted(&t.made, 1, WEIR_STAGE_ip_rcv, 7000);
	made_kernel_counted(&t.made, 1, WEIR_STAGE_nic_rx, 50);
	look_after(2 * SECOND);
	flow = part("")->stage;
	assert_int_equal(flow[WEIR_STAGE_ip_rcv].packets, 35);
	assert_int_equal(flow[WEIR_STAGE_ip_rcv].bytes, 3500);
	assert_true(flow[WEIR_STAGE_ip_rcv].observed);
	assert_int_equal(part("r0")->stage[WEIR_STAGE_ip_rcv].packets, 30);
	assert_int_equal(part("r1")->stage[WEIR_STAGE_ip_rcv].packets, 5);
	/* nobody observes there: the kernel's counter it is */
	assert_int_equal(flow[WEIR_STAGE_nic_rx].packets, 50);
	assert_false(flow[WEIR_STAGE_nic_rx].observed);
	assert_true(weir_kernel_rate(&t.delta, 50) == 25);
	/* nobody tells: not 0, but unknown */
	assert_int_equal(flow[WEIR_STAGE_tcp_rcv].seen, WEIR_KSEEN_no);
}

static void counters_tell_where_observers_see_a_part_of_the_time(void **state)
{
	(void)state;
	t.made.snap.watch.share = 10000;
	for (int i = 0; i < 2; i++) {
		made_kernel_observed(&t.made, 1, WEIR_STAGE_ip_rcv, 10, 100);
		made_kernel_counted(&t.made, 1, WEIR_STAGE_ip_rcv, 1000);
		look();
	}
	assert_int_equal(part("")->stage[WEIR_STAGE_ip_rcv].packets, 1000);
	assert_int_equal(part("")->lat.stage[WEIR_STAGE_ip_rcv].samples, 10);
	/* whoever observed is gone, and with him what he saw from now on */
	t.made.snap.watch.share = 1000000;
	t.made.snap.cycling = false;
	made_kernel_counted(&t.made, 1, WEIR_STAGE_ip_rcv, 500);
	look();
	assert_int_equal(part("")->stage[WEIR_STAGE_ip_rcv].packets, 500);
	assert_int_equal(t.trouble.kind, WEIR_KERNEL_TROUBLE_BLIND);
}

static void the_machines_counters_are_said_to_be_its(void **state)
{
	const struct weir_kernel_flow *flow;

	(void)state;
	look();
	t.made.stages.machine[WEIR_STAGE_softirq].packets =
		(struct weir_knumber){9, WEIR_KSEEN_exact};
	t.made.stages.machine[WEIR_STAGE_napi_poll].runs =
		(struct weir_knumber){4, WEIR_KSEEN_exact};
	t.made.stages.machine[WEIR_STAGE_tcp_send].runs =
		(struct weir_knumber){5, WEIR_KSEEN_exact};
	look();
	/* turns, where there are no packets to be counted; what was sent once more is no turn */
	assert_int_equal(part("")->stage[WEIR_STAGE_tcp_send].seen, WEIR_KSEEN_no);
	assert_int_equal(part("")->stage[WEIR_STAGE_napi_poll].packets, 4);
	flow = &part("")->stage[WEIR_STAGE_softirq];
	assert_true(flow->machine);
	assert_int_equal(flow->packets, 9);
	assert_int_equal(part("r0")->stage[WEIR_STAGE_softirq].seen, WEIR_KSEEN_no);
}

static void what_goes_back_or_begins_anew_is_no_rate(void **state)
{
	(void)state;
	made_kernel_counted(&t.made, 1, WEIR_STAGE_nic_rx, 1000);
	look();
	assert_int_equal(t.delta.interval_ns, 0);
	t.made.stages.ns[WEIR_STAGE_nic_rx].packets.count = 5;
	look();
	assert_int_equal(part("")->stage[WEIR_STAGE_nic_rx].packets, 0);
	assert_int_equal(part("")->stage[WEIR_STAGE_nic_rx].seen, WEIR_KSEEN_no);
	/* watched anew: counts began at 0 */
	t.made.snap.watch.since_ns++;
	made_kernel_counted(&t.made, 1, WEIR_STAGE_nic_rx, 5000);
	look();
	assert_int_equal(t.delta.interval_ns, 0);
	t.made.snap.on = false;
	look();
	assert_int_equal(t.delta.nr_parts, 0);
}

static void latency_is_of_the_interval(void **state)
{
	(void)state;
	made_kernel_observed(&t.made, 1, WEIR_STAGE_qdisc, 1000, 50000);
	look();
	made_kernel_observed(&t.made, 1, WEIR_STAGE_qdisc, 10, 70);
	look();
	assert_int_equal(part("")->lat.stage[WEIR_STAGE_qdisc].samples, 10);
	assert_int_equal(part("")->lat.stage[WEIR_STAGE_qdisc].bucket[weir_hist_bucket(70)], 10);
	assert_int_equal(part("")->lat.stage[WEIR_STAGE_qdisc].bucket[weir_hist_bucket(50000)], 0);
	look();
	assert_int_equal(part("")->lat.stage[WEIR_STAGE_qdisc].samples, 0);
}

static void kinds_of_one_cause_are_one_drop_with_its_times(void **state)
{
	struct weir_kernel_drop *a, *b;

	(void)state;
	a = made_kernel_drop(&t.made, 1, WEIR_STAGE_udp_rcv, "NO_SOCKET");
	b = made_kernel_drop(&t.made, 1, WEIR_STAGE_udp_rcv, "NO_SOCKET");
	made_kernel_dropped(&t.made, a, 10);
	look(); /* the first is 1 s old */
	t.made.snap.time_ns += 3 * SECOND;
	t.wall_s += 3;
	made_kernel_dropped(&t.made, b, 5);
	b->count.sport = htons(6);
	look_after(SECOND);
	assert_int_equal(t.drops.nr, 1);
	assert_int_equal(t.drops.seen[0].total, 15);
	assert_int_equal(t.drops.seen[0].rate_count, 5);
	/* observers know when it was, whenever we began to look */
	assert_int_equal(t.drops.seen[0].first_s, t.wall_s - 5);
	assert_int_equal(t.drops.seen[0].last_s, t.wall_s - 1);
	assert_false(t.drops.seen[0].began_unseen);
	assert_int_equal(t.drops.seen[0].drop->count.sport, htons(6));
	assert_int_equal(part("r0")->stage[WEIR_STAGE_udp_rcv].drops, 5);
	assert_int_equal(part("r1")->stage[WEIR_STAGE_udp_rcv].drops, 0);
	assert_int_equal(part("")->drops, 5);
}

static void a_counters_drops_have_the_times_of_our_looks(void **state)
{
	struct weir_kernel_drop *d;

	(void)state;
	d = made_kernel_drop(&t.made, 0, WEIR_STAGE_tcp_rcv, "LISTEN_OVERFLOW");
	d->witness = WEIR_KERNEL_COUNTER;
	d->count.packets = 7;
	look();
	assert_true(t.drops.seen[0].began_unseen);
	assert_int_equal(t.drops.seen[0].first_s, t.wall_s);
	assert_int_equal(t.drops.seen[0].last_s, 0);
	d->count.packets = 9;
	look();
	assert_int_equal(t.drops.seen[0].first_s, t.wall_s - 1);
	assert_int_equal(t.drops.seen[0].last_s, t.wall_s);
	assert_int_equal(t.drops.seen[0].rate_count, 2);
}

static void the_worst_is_told_first_and_since_when(void **state)
{
	struct weir_kernel_drop *a, *b;
	struct weir_told told;

	(void)state;
	a = made_kernel_drop(&t.made, 1, WEIR_STAGE_udp_rcv, "NO_SOCKET");
	b = made_kernel_drop(&t.made, 2, WEIR_STAGE_route_in, "BLACKHOLE");
	look();
	for (int i = 0; i < 3; i++) {
		made_kernel_dropped(&t.made, a, 10);
		made_kernel_dropped(&t.made, b, 20);
		look();
	}
	assert_int_equal(t.trouble.kind, WEIR_KERNEL_TROUBLE_DROPS);
	assert_false(weir_kernel_trouble_is_none(&t.trouble));
	weir_kernel_trouble_tell(&t.trouble, &t.delta, &t.drops, " -n x", &told);
	assert_string_equal(
		told.text, "route_in drops 20/s for BLACKHOLE on r1: it is dropped by a test.");
	assert_string_equal(told.remedy, "weir drop explain BLACKHOLE");
	assert_int_equal(t.trouble.since_s, t.wall_s - 3);
	made_kernel_dropped(&t.made, a, 10);
	look();
	weir_kernel_trouble_tell(&t.trouble, &t.delta, &t.drops, " -n x", &told);
	assert_non_null(strstr(told.text, "NO_SOCKET on r0"));
	assert_int_equal(t.trouble.since_s, t.wall_s);
	look();
	assert_int_equal(t.trouble.kind, WEIR_KERNEL_TROUBLE_NONE);
}

static void a_rule_that_gets_a_name_drops_nothing_anew(void **state)
{
	struct weir_kernel_drop *a, *b;

	(void)state;
	a = made_kernel_drop(&t.made, 1, WEIR_STAGE_nf_forward, "NETFILTER_DROP/forward");
	b = made_kernel_drop(&t.made, 1, WEIR_STAGE_nf_forward, "NETFILTER_DROP/forward");
	a->key.protocol = 0x800;
	b->key.protocol = 0x86dd;
	made_kernel_dropped(&t.made, a, 30);
	look();
	made_kernel_dropped(&t.made, a, 3);
	snprintf(a->cause, sizeof(a->cause), "NETFILTER_DROP/forward/nft:edge/forw");
	look();
	assert_int_equal(t.drops.nr, 2); /* what of IPv6 was dropped is not of that rule */
	assert_string_equal(t.drops.seen[0].drop->cause, "NETFILTER_DROP/forward/nft:edge/forw");
	assert_int_equal(t.drops.seen[0].rate_count, 3);
}

static void own_losses_and_an_unwatched_plane_are_told(void **state)
{
	struct weir_told told;

	(void)state;
	look();
	t.made.snap.lost.times_lost += 5; /* makes no number wrong */
	look();
	assert_int_equal(t.trouble.kind, WEIR_KERNEL_TROUBLE_NONE);
	t.made.snap.lost.drops_full += 5;
	look();
	assert_int_equal(t.trouble.kind, WEIR_KERNEL_TROUBLE_LOST);
	weir_kernel_trouble_tell(&t.trouble, &t.delta, &t.drops, "", &told);
	assert_non_null(strstr(told.text, "weir itself lost 5/s: drops not told apart"));
	t.made.snap.on = false;
	look();
	weir_kernel_trouble_follow(&t.trouble, &t.delta, &t.drops, t.wall_s, false);
	assert_int_equal(t.trouble.kind, WEIR_KERNEL_TROUBLE_OFF);
	weir_kernel_trouble_tell(&t.trouble, &t.delta, &t.drops, " -n x", &told);
	assert_string_equal(told.remedy, "weir -n x watch on drops");
}

static void a_diagnosis_says_all_that_is_known(void **state)
{
	struct weir_kernel_diagnosis d;
	struct weir_kernel_drop *a;

	(void)state;
	a = made_kernel_drop(&t.made, 1, WEIR_STAGE_nf_forward, "NETFILTER_DROP/forward");
	look();
	made_kernel_dropped(&t.made, a, 30);
	look();
	weir_kernel_diagnose(&t.drops.seen[0], &t.delta, &d);
	assert_non_null(strstr(d.what, "30/s is lost at nf_forward (filter of what is forwarded) "
				       "on r0 for NETFILTER_DROP/forward: it is dropped"));
	assert_non_null(strstr(d.when, "30 in all"));
	assert_string_equal(d.who, "the kernel in a_function+0x1");
	snprintf(a->candidates, sizeof(a->candidates), "ip raw/PREROUTING\niptables:filter");
	look();
	look();
	weir_kernel_diagnose(&t.drops.seen[0], &t.delta, &d);
	assert_string_equal(d.who, "one of ip raw/PREROUTING, iptables:filter: the kernel in "
				   "a_function+0x1");
	assert_string_equal(d.example, "udp 192.0.2.1:5 > 198.51.100.9:9");
	/* whole words alone are filled in */
	assert_string_equal(
		d.remedy, "ip route get 198.51.100.9 from 192.0.2.1 iif r0; DEVICE is no r0");
	/* a rule by its name, a namespace, a cgroup */
	snprintf(a->cause, sizeof(a->cause), "NETFILTER_DROP/forward/nft:edge/forw");
	snprintf(t.made.dev[1].netns, sizeof(t.made.dev[1].netns), "blue");
	a->count.cgroup = 42;
	look();
	look();
	weir_kernel_diagnose(&t.drops.seen[0], &t.delta, &d);
	assert_string_equal(d.who, "nft:edge/forw, by a_function+0x1; its socket is of cgroup 42; "
				   "in namespace blue");
	assert_non_null(strstr(d.what, "none now; it was at nf_forward"));
	assert_non_null(strstr(d.what, "on r0 in blue"));
	a->witness = WEIR_KERNEL_COUNTER;
	a->count.version = 0;
	look();
	weir_kernel_diagnose(&t.drops.seen[0], &t.delta, &d);
	assert_non_null(strstr(d.who, "no single packet was seen"));
	assert_string_equal(d.example, "");
	assert_non_null(strstr(d.remedy, "ip route get ADDR from SRC iif r0"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(observers_win_where_they_see_every_packet),
		TEST(counters_tell_where_observers_see_a_part_of_the_time),
		TEST(the_machines_counters_are_said_to_be_its),
		TEST(what_goes_back_or_begins_anew_is_no_rate),
		TEST(latency_is_of_the_interval),
		TEST(kinds_of_one_cause_are_one_drop_with_its_times),
		TEST(a_counters_drops_have_the_times_of_our_looks),
		TEST(the_worst_is_told_first_and_since_when),
		TEST(a_rule_that_gets_a_name_drops_nothing_anew),
		TEST(own_losses_and_an_unwatched_plane_are_told),
		TEST(a_diagnosis_says_all_that_is_known),
	};

	return WEIR_RUN(tests);
}
