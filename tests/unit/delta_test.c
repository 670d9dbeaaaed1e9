// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/delta.h"
#include "model/latency.h"
#include "model/trouble.h"
#include "test.h"

struct pair {
	struct weir_dev_snapshot dev[2][2]; /* [before, now][device] */
	struct weir_snapshot before, now;
};

/* Two devices, one second apart, on which nothing happened but what the test adds. */
static void fill(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	for (unsigned int t = 0; t < 2; t++) {
		for (__u32 d = 0; d < 2; d++) {
			struct weir_dev_snapshot *dev = &p->dev[t][d];

			dev->conf.ifindex = 10 + d;
			dev->rows_map_id = 100 + d;
			dev->name[0] = d ? 'b' : 'a';
			dev->total.in.packets = 1000;
			dev->total.xdp_PASS_ARP.packets = 1000;
		}
	}
	p->before = (struct weir_snapshot){.time_ns = 5000000000, .nr_devs = 2, .devs = p->dev[0]};
	p->now = (struct weir_snapshot){
		.time_ns = 7000000000, .exact = true, .nr_devs = 2, .devs = p->dev[1]};
}

static void arrive(struct weir_dev_snapshot *dev, __u64 packets)
{
	dev->total.in.packets += packets;
	dev->total.xdp_PASS_ARP.packets += packets;
}

static void rates_are_per_second(void **state)
{
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	arrive(&p.dev[1][0], 500);
	arrive(&p.dev[1][1], 100);
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_int_equal(d.devs[0].change, WEIR_CHANGE_NONE);
	assert_int_equal(d.devs[0].row.in.packets, 500);
	assert_int_equal(d.row.in.packets, 600);
	assert_float_equal((float)weir_delta_rate(&d, d.row.in.packets), 300.0f, 0.001f);
	weir_delta_done(&d);
}

static void devices_are_known_by_ifindex_not_by_name_or_place(void **state)
{
	struct weir_dev_snapshot swap;
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	arrive(&p.dev[1][0], 7);
	p.dev[1][0].name[0] = 'z';
	swap = p.dev[1][0];
	p.dev[1][0] = p.dev[1][1];
	p.dev[1][1] = swap;
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_int_equal(d.devs[1].change, WEIR_CHANGE_NONE);
	assert_int_equal(d.devs[1].row.in.packets, 7);
	assert_int_equal(d.devs[0].row.in.packets, 0);
	weir_delta_done(&d);
}

static void counters_that_went_back_are_a_reset(void **state)
{
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	arrive(&p.dev[1][0], 5);
	p.dev[1][0].total.xdp_PASS_ARP.packets = 3;
	arrive(&p.dev[1][1], 9);
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_int_equal(d.devs[0].change, WEIR_CHANGE_RESET);
	assert_int_equal(d.devs[0].row.in.packets, 0);
	assert_int_equal(d.devs[1].change, WEIR_CHANGE_NONE);
	assert_int_equal(d.row.in.packets, 9);
	weir_delta_done(&d);
}

static void histograms_that_went_back_are_a_reset(void **state)
{
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	p.dev[0][0].lat.xdp.bucket[9] = 4;
	p.dev[1][0].lat.xdp.bucket[9] = 3;
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_int_equal(d.devs[0].change, WEIR_CHANGE_RESET);
	assert_int_equal(d.lat.xdp.bucket[9], 0);
	weir_delta_done(&d);
}

/* Attached anew and already past the old counts: only the map's id tells. */
static void other_maps_are_a_reset_and_no_spike(void **state)
{
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	p.dev[1][0].rows_map_id = 200;
	arrive(&p.dev[1][0], 1000000);
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_int_equal(d.devs[0].change, WEIR_CHANGE_RESET);
	assert_int_equal(d.row.in.packets, 0);
	weir_delta_done(&d);
}

static void a_device_seen_first_is_new(void **state)
{
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	p.before.nr_devs = 1;
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_int_equal(d.devs[0].change, WEIR_CHANGE_NONE);
	assert_int_equal(d.devs[1].change, WEIR_CHANGE_NEW);
	assert_int_equal(d.devs[1].row.in.packets, 0);
	weir_delta_done(&d);
}

static void no_interval_gives_no_rates(void **state)
{
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	p.now.time_ns = p.before.time_ns;
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_int_equal(d.devs[0].change, WEIR_CHANGE_NEW);
	assert_float_equal((float)weir_delta_rate(&d, 1000), 0.0f, 0.0f);
	weir_delta_done(&d);
	fill(&p);
	p.now.netns_cookie = 9;
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_int_equal(d.devs[0].change, WEIR_CHANGE_NEW);
	weir_delta_done(&d);
	p.now.nr_devs = 0;
	assert_int_equal(weir_delta_init(&d, NULL, &p.now), 0);
	assert_int_equal(d.nr_devs, 0);
	weir_delta_done(&d);
}

static void latency_is_of_the_interval(void **state)
{
	struct weir_quantiles q;
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	for (unsigned int t = 0; t < 2; t++) {
		p.dev[t][0].lat.xdp.bucket[weir_hist_bucket(5000)] = 1000;
		p.dev[t][0].lat.xdp.max_ns = 5000;
	}
	p.dev[1][0].lat.xdp.bucket[7] = 10;
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	weir_quantiles_of(&d.lat.xdp, &q);
	assert_int_equal(q.samples, 10);
	assert_int_equal(q.p99_ns, 7);
	weir_delta_done(&d);
}

static struct weir_trouble follow(
	struct weir_trouble *t, const struct pair *p, __u64 wall_s, bool first)
{
	struct weir_delta d;

	assert_int_equal(weir_delta_init(&d, &p->before, &p->now), 0);
	weir_trouble_follow(t, &d, wall_s, first);
	weir_delta_done(&d);
	return *t;
}

static void drop(struct weir_dev_snapshot *dev, __u64 packets)
{
	dev->total.in.packets += packets;
	dev->total.ip_rcv_DROP_IP_CSUM.packets += packets;
}

static void trouble_names_the_worst_drop_and_since_when(void **state)
{
	struct weir_trouble t;
	struct pair p;

	(void)state;
	fill(&p);
	arrive(&p.dev[1][0], 1);
	assert_int_equal(follow(&t, &p, 50, true).kind, WEIR_TROUBLE_NONE);
	drop(&p.dev[1][1], 3);
	p.dev[1][1].total.in.packets += 2;
	p.dev[1][1].total.xdp_DROP_PKT_TOO_SMALL.packets += 2;
	follow(&t, &p, 51, false);
	assert_int_equal(t.kind, WEIR_TROUBLE_DROPS);
	assert_int_equal(t.exit, WEIR_EXIT_ip_rcv_IP_CSUM);
	assert_string_equal(t.dev, "b");
	assert_int_equal(t.count, 3);
	assert_int_equal(t.since_s, 51);
	assert_false(t.began_unseen);
	drop(&p.dev[1][1], 4);
	follow(&t, &p, 52, false);
	assert_int_equal(t.count, 7);
	assert_int_equal(t.since_s, 51);
}

static void trouble_of_the_first_look_began_before(void **state)
{
	struct weir_trouble t;
	struct pair p;

	(void)state;
	fill(&p);
	drop(&p.dev[1][0], 3);
	assert_true(follow(&t, &p, 50, true).began_unseen);
	assert_true(follow(&t, &p, 51, false).began_unseen);
	assert_int_equal(t.since_s, 50);
	/* another device is another trouble */
	drop(&p.dev[1][1], 30);
	assert_false(follow(&t, &p, 52, false).began_unseen);
	assert_int_equal(t.since_s, 52);
}

static void trouble_ranks_ledger_before_dead_device_before_drops(void **state)
{
	struct weir_trouble t;
	struct pair p;

	(void)state;
	fill(&p);
	assert_int_equal(follow(&t, &p, 1, true).kind, WEIR_TROUBLE_IDLE);
	arrive(&p.dev[1][0], 1);
	p.dev[1][0].total.in.packets++;
	p.dev[1][0].total.xmit_OUT_NONE.packets++;
	p.dev[1][0].total.lost++;
	assert_int_equal(follow(&t, &p, 1, true).kind, WEIR_TROUBLE_LOST);
	assert_int_equal(t.count, 1);
	drop(&p.dev[1][0], 3);
	assert_int_equal(follow(&t, &p, 1, true).kind, WEIR_TROUBLE_DROPS);
	p.dev[1][1].detached = true;
	assert_int_equal(follow(&t, &p, 1, true).kind, WEIR_TROUBLE_REPLACED);
	p.dev[1][1].gone = true;
	assert_int_equal(follow(&t, &p, 1, true).kind, WEIR_TROUBLE_GONE);
	p.dev[1][0].total.in.packets++;
	assert_int_equal(follow(&t, &p, 1, true).kind, WEIR_TROUBLE_LEDGER);
	p.now.nr_devs = 0;
	assert_int_equal(follow(&t, &p, 1, true).kind, WEIR_TROUBLE_NO_DEVICE);
}

/* A quick reading may split a packet in two: it accuses nobody, and acquits nobody. */
static void only_exact_readings_judge_the_ledger(void **state)
{
	struct weir_trouble t;
	struct pair p;

	(void)state;
	fill(&p);
	p.now.exact = false;
	p.dev[1][0].total.in.packets++;
	assert_int_equal(follow(&t, &p, 1, true).kind, WEIR_TROUBLE_NONE);
	p.now.exact = true;
	assert_int_equal(follow(&t, &p, 2, false).kind, WEIR_TROUBLE_LEDGER);
	p.now.exact = false;
	p.dev[1][0].total.xdp_PASS_ARP.packets++;
	assert_int_equal(follow(&t, &p, 3, false).kind, WEIR_TROUBLE_LEDGER);
	assert_int_equal(t.since_s, 2);
	p.now.exact = true;
	assert_int_equal(follow(&t, &p, 4, false).kind, WEIR_TROUBLE_NONE);
	/* and whose ledger it was may be gone */
	p.dev[1][0].total.in.packets++;
	assert_int_equal(follow(&t, &p, 5, false).kind, WEIR_TROUBLE_LEDGER);
	p.now.exact = false;
	p.now.nr_devs = 0;
	assert_int_equal(follow(&t, &p, 6, false).kind, WEIR_TROUBLE_NO_DEVICE);
}

static void queues_and_cpus_have_their_own_differences(void **state)
{
	struct weir_row before[2] = {{.in = {.packets = 5}}}, now[2] = {{.in = {.packets = 7}}};
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	p.dev[0][0].nr_queues = p.dev[1][0].nr_queues = 2;
	p.dev[0][0].queue = before;
	p.dev[1][0].queue = now;
	p.dev[0][1].nr_cpus = p.dev[1][1].nr_cpus = 1;
	p.dev[0][1].cpu = before;
	p.dev[1][1].cpu = now;
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_int_equal(d.devs[0].nr_queues, 2);
	assert_int_equal(d.devs[0].queue[0].in.packets, 2);
	assert_int_equal(d.devs[0].queue[1].in.packets, 0);
	assert_int_equal(d.devs[1].cpu[0].in.packets, 2);
	assert_int_equal(d.devs[1].nr_queues, 0);
	weir_delta_done(&d);
	now[0].in.packets = 4;
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_int_equal(d.devs[0].change, WEIR_CHANGE_RESET);
	assert_null(d.devs[0].queue);
	weir_delta_done(&d);
}

static void only_live_devices_have_known_rates(void **state)
{
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_true(weir_delta_known(&d.devs[0]));
	p.dev[1][0].gone = true;
	assert_false(weir_delta_known(&d.devs[0]));
	p.dev[1][1].detached = true;
	assert_false(weir_delta_known(&d.devs[1]));
	weir_delta_done(&d);
	p.dev[1][0].gone = false;
	p.dev[1][0].rows_map_id = 999;
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	assert_false(weir_delta_known(&d.devs[0]));
	weir_delta_done(&d);
}

static void trouble_is_told_with_a_command_that_looks_in_the_right_place(void **state)
{
	struct weir_trouble t = {.kind = WEIR_TROUBLE_LEDGER, .dev = "b", .count = -3};
	struct weir_told told;
	struct weir_delta d;
	struct pair p;

	(void)state;
	fill(&p);
	assert_int_equal(weir_delta_init(&d, &p.before, &p.now), 0);
	for (unsigned int kind = 0; kind <= WEIR_TROUBLE_NONE; kind++) {
		t.kind = kind;
		weir_trouble_tell(&t, &d, " -n blue", &told);
		assert_true(*told.text && *told.remedy);
		assert_int_equal(weir_trouble_is_none(&t),
			kind == WEIR_TROUBLE_IDLE || kind == WEIR_TROUBLE_NONE);
	}
	t.kind = WEIR_TROUBLE_LEDGER;
	weir_trouble_tell(&t, &d, " -n blue", &told);
	assert_non_null(strstr(told.text, "ledger of b does not balance: residual -3"));
	assert_string_equal(told.remedy, "weir -n blue ledger show dev b");
	weir_trouble_tell(&t, &d, "", &told);
	assert_string_equal(told.remedy, "weir ledger show dev b");
	weir_delta_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_per_second),
		cmocka_unit_test(devices_are_known_by_ifindex_not_by_name_or_place),
		cmocka_unit_test(counters_that_went_back_are_a_reset),
		cmocka_unit_test(histograms_that_went_back_are_a_reset),
		cmocka_unit_test(other_maps_are_a_reset_and_no_spike),
		cmocka_unit_test(a_device_seen_first_is_new),
		cmocka_unit_test(no_interval_gives_no_rates),
		cmocka_unit_test(latency_is_of_the_interval),
		cmocka_unit_test(trouble_names_the_worst_drop_and_since_when),
		cmocka_unit_test(trouble_of_the_first_look_began_before),
		cmocka_unit_test(trouble_ranks_ledger_before_dead_device_before_drops),
		cmocka_unit_test(only_exact_readings_judge_the_ledger),
		cmocka_unit_test(queues_and_cpus_have_their_own_differences),
		cmocka_unit_test(only_live_devices_have_known_rates),
		cmocka_unit_test(trouble_is_told_with_a_command_that_looks_in_the_right_place),
	};

	return WEIR_RUN(tests);
}
