// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "model/watch.h"
#include "test.h"

enum { A = 10, B = 11, HOP = 0x010200c0 };

static const __u64 second = 1000000000;
static const __u8 mac1[6] = {2, 0, 0, 0, 0, 1}, mac2[6] = {2, 0, 0, 0, 0, 2};

static struct weir_watch w;
static __u64 now;

/* What is attached now; the next snapshot is a copy of it. */
static struct weir_dev_snapshot dev[3];
static unsigned int nr_devs, nr_vlans;
static struct weir_vlan_snapshot vlan;
static __u32 sample_every;

static void read_now(void)
{
	struct weir_snapshot snap = {.time_ns = now += second / 2,
		.sample_every = sample_every,
		.nr_devs = nr_devs,
		.devs = aligned_alloc(64, sizeof(dev)),
		.nr_vlans = nr_vlans,
		.vlans = malloc(sizeof(vlan))};

	memcpy(snap.devs, dev, sizeof(dev));
	*snap.vlans = vlan;
	weir_watch_snapshot(&w, &snap);
	assert_null(snap.devs);
}

static void link_is(__u32 ifindex, const char *name, bool up, bool carrier, __u32 mtu)
{
	struct weir_link_report r = {.ifindex = ifindex, .up = up, .carrier = carrier, .mtu = mtu};

	snprintf(r.name, sizeof(r.name), "%s", name);
	memcpy(r.mac, mac1, sizeof(r.mac));
	weir_watch_link(&w, &r, now);
}

static void hop_is(__u32 ifindex, enum weir_neigh_state state, const __u8 *mac)
{
	struct weir_neigh_report r = {
		.ifindex = ifindex, .addr = HOP, .state = state, .has_mac = mac};

	if (mac)
		memcpy(r.mac, mac, sizeof(r.mac));
	weir_watch_neigh(&w, &r, now);
}

static void hop_removed(__u32 ifindex)
{
	struct weir_neigh_report r = {.ifindex = ifindex, .addr = HOP, .removed = true};

	weir_watch_neigh(&w, &r, now);
}

static void address(__u32 ifindex, __u32 addr, bool removed)
{
	struct weir_address_report r = {.ifindex = ifindex, .addr = addr, .removed = removed};

	weir_watch_address(&w, &r, now);
}

/* The events since the last time, as words; and none are left. */
static void told(const char *wanted)
{
	char text[512] = "";

	for (unsigned int i = 0; i < w.events.nr; i++) {
		const struct weir_event *e = &w.events.list[i];
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s%s:%s", i ? " " : "",
			weir_event_info[e->kind].name, e->dev);
	}
	assert_string_equal(text, wanted);
	assert_false(w.events.failed);
	weir_events_done(&w.events);
}

/* Of the one event that there is, since the last time. */
static struct weir_event only(enum weir_event_kind kind)
{
	struct weir_event e;

	assert_int_equal(w.events.nr, 1);
	e = w.events.list[0];
	assert_int_equal(e.kind, kind);
	weir_events_done(&w.events);
	return e;
}

/* Devices a and b are attached, a's next hop answers, and all that was reported. */
static int setup(void **state)
{
	(void)state;
	memset(dev, 0, sizeof(dev));
	for (__u32 i = 0; i < 3; i++) {
		dev[i].conf.ifindex = A + i;
		dev[i].rows_map_id = 100 + i;
		dev[i].prog_id = 50 + i;
		dev[i].name[0] = (char)('a' + i);
	}
	now = second;
	nr_devs = 2;
	nr_vlans = 0;
	sample_every = 0;
	weir_watch_init(&w, false);
	read_now();
	weir_watch_begin(&w);
	link_is(A, "a", true, true, 1500);
	link_is(B, "b", true, true, 1500);
	hop_is(A, WEIR_NEIGH_GOOD, mac1);
	address(A, HOP + 1, false);
	weir_watch_end(&w, now);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	weir_watch_done(&w);
	return 0;
}

static void the_first_state_tells_nothing(void **state)
{
	(void)state;
	told("");
	read_now();
	told("");
}

static void devices_come_and_go(void **state)
{
	struct weir_event e;

	(void)state;
	nr_devs = 3;
	read_now();
	e = only(WEIR_EVENT_attached);
	assert_int_equal(e.now, 52);
	assert_int_equal(e.ifindex, A + 2);
	dev[2].prog_id = 60;
	read_now();
	e = only(WEIR_EVENT_reloaded);
	assert_int_equal(e.before, 52);
	assert_int_equal(e.now, 60);
	nr_devs = 2;
	read_now();
	e = only(WEIR_EVENT_detached);
	assert_int_equal(e.before, 60);
	dev[1].rows_map_id = 200; /* detached and attached between two readings */
	read_now();
	told("detached:b attached:b");
}

static void a_program_in_our_place_is_told_once(void **state)
{
	(void)state;
	dev[0].detached = true;
	read_now();
	told(""); /* perhaps it is being detached */
	read_now();
	assert_int_equal(only(WEIR_EVENT_replaced).before, 50);
	read_now();
	told("");
	dev[0].detached = false;
	read_now();
	told("reloaded:a");
	dev[0].detached = true;
	read_now();
	dev[0].detached = false;
	read_now();
	told("");
}

static void a_program_in_our_place_from_the_first_is_no_news(void **state)
{
	(void)state;
	dev[0].detached = true;
	teardown(NULL);
	weir_watch_init(&w, false);
	read_now();
	read_now();
	read_now();
	told("");
	dev[0].detached = false;
	read_now();
	told("reloaded:a");
}

static void a_device_that_is_recreated_is_told_once(void **state)
{
	struct weir_event e;

	(void)state;
	dev[0].gone = true;
	read_now();
	assert_int_equal(only(WEIR_EVENT_gone).before, A); /* though its link is not yet told */
	link_is(A, "a", false, false, 1500);
	told("");
	link_is(77, "a", false, false, 1500);
	e = only(WEIR_EVENT_recreated);
	assert_int_equal(e.before, A);
	assert_int_equal(e.now, 77);
	link_is(77, "a", true, true, 1500);
	read_now();
	told("");
	link_is(78, "z", true, true, 1500);
	told("");
}

static void hooks_are_told_apart_and_a_gone_device_once(void **state)
{
	(void)state;
	dev[2] = dev[1];
	dev[2].hook = WEIR_HOOK_tc_ingress;
	dev[2].rows_map_id = 102;
	nr_devs = 3;
	read_now();
	assert_int_equal(only(WEIR_EVENT_attached).hook, WEIR_HOOK_tc_ingress);
	dev[2].detached = true;
	read_now();
	read_now();
	assert_int_equal(only(WEIR_EVENT_replaced).hook, WEIR_HOOK_tc_ingress);
	dev[1].gone = dev[2].gone = true;
	read_now();
	told("gone:b");
	link_is(77, "b", true, true, 1500);
	told("recreated:b");
}

static void vlan_devices_are_attached_too(void **state)
{
	(void)state;
	vlan = (struct weir_vlan_snapshot){.ifindex = 20, .on = B, .name = "b.7"};
	nr_vlans = 1;
	read_now();
	assert_string_equal(only(WEIR_EVENT_vlan_attached).other, "b");
	hop_is(20, WEIR_NEIGH_GOOD, mac1);
	told("neigh_reachable:b.7");
	link_is(20, "b.7", true, true, 1500);
	link_is(20, "b.7", true, false, 1500);
	told("link_down:b.7");
	vlan.gone = true;
	read_now();
	told("gone:b.7");
	link_is(21, "b.7", true, true, 1500);
	told("recreated:b.7");
	nr_vlans = 0;
	read_now();
	told("vlan_detached:b.7");
}

static void links_of_attached_devices_are_told(void **state)
{
	struct weir_link_report r = {
		.ifindex = A, .name = "a", .up = true, .carrier = true, .mtu = 1400};
	struct weir_event e;

	(void)state;
	link_is(A, "a", true, false, 1500);
	assert_int_equal(only(WEIR_EVENT_link_down).now, 1);
	link_is(A, "a", false, false, 1500);
	told("");
	link_is(A, "a", true, true, 1500);
	told("link_up:a");
	link_is(A, "a", false, true, 1500);
	assert_int_equal(only(WEIR_EVENT_link_down).now, 0);
	link_is(A, "a", true, true, 1400);
	told("link_up:a mtu:a");
	memcpy(r.mac, mac2, sizeof(r.mac));
	weir_watch_link(&w, &r, now);
	e = only(WEIR_EVENT_mac);
	assert_memory_equal(e.old_mac, mac1, 6);
	assert_memory_equal(e.mac, mac2, 6);
	link_is(99, "x", true, true, 1500);
	link_is(99, "x", false, false, 1400);
	told("");
}

static void a_next_hop_that_answers_is_told_once(void **state)
{
	(void)state;
	hop_is(A, WEIR_NEIGH_AGED, mac1);
	hop_is(A, WEIR_NEIGH_PROBED, mac1);
	hop_is(A, WEIR_NEIGH_GOOD, mac1);
	told("");
	hop_is(B, WEIR_NEIGH_NONE, NULL);
	told("");
	hop_is(B, WEIR_NEIGH_AGED, mac2);
	told("");
	hop_is(B, WEIR_NEIGH_GOOD, mac2);
	told("neigh_reachable:b");
	hop_is(99, WEIR_NEIGH_GOOD, mac2); /* not attached */
	told("");
}

static void a_next_hop_that_fails_is_told_once(void **state)
{
	(void)state;
	hop_is(A, WEIR_NEIGH_AGED, mac1);
	hop_is(A, WEIR_NEIGH_PROBED, mac1);
	hop_is(A, WEIR_NEIGH_FAILED, NULL);
	assert_int_equal(only(WEIR_EVENT_neigh_failed).addr, HOP);
	hop_is(A, WEIR_NEIGH_NONE, NULL);
	hop_is(A, WEIR_NEIGH_FAILED, NULL);
	told("");
	hop_is(A, WEIR_NEIGH_GOOD, mac1);
	told("neigh_reachable:a");
}

static void a_next_hop_that_moved_is_told_from_where_to_where(void **state)
{
	struct weir_event e;

	(void)state;
	hop_is(A, WEIR_NEIGH_AGED, mac2);
	e = only(WEIR_EVENT_neigh_moved);
	assert_memory_equal(e.old_mac, mac1, 6);
	assert_memory_equal(e.mac, mac2, 6);
	hop_is(A, WEIR_NEIGH_GOOD, mac2);
	told("");
	hop_is(A, WEIR_NEIGH_PROBED, mac2);
	hop_is(A, WEIR_NEIGH_FAILED, NULL);
	hop_is(A, WEIR_NEIGH_GOOD, mac1); /* it remembers where it was */
	told("neigh_failed:a neigh_moved:a");
}

static void a_next_hop_that_is_removed_has_not_failed(void **state)
{
	(void)state;
	hop_is(A, WEIR_NEIGH_FAILED, NULL); /* as the kernel says it of `ip neigh del` */
	told("");
	hop_removed(A);
	told("neigh_removed:a");
	hop_is(A, WEIR_NEIGH_GOOD, mac1);
	told("neigh_reachable:a");
	hop_is(A, WEIR_NEIGH_AGED, mac1);
	hop_removed(A); /* of old age */
	told("");
	hop_removed(A);
	told("");
}

static void stale_next_hops_are_told_when_asked(void **state)
{
	(void)state;
	w.stale = true;
	hop_is(A, WEIR_NEIGH_AGED, mac1);
	told("neigh_stale:a");
	hop_is(A, WEIR_NEIGH_PROBED, mac1);
	told("");
	hop_is(A, WEIR_NEIGH_GOOD, mac1);
	told("neigh_reachable:a");
}

static void what_lasted_of_an_overrun_is_told(void **state)
{
	(void)state;
	weir_watch_begin(&w);
	link_is(A, "a", true, false, 1500);
	link_is(B, "b", true, true, 1500);
	hop_is(A, WEIR_NEIGH_FAILED, NULL); /* the probe before was missed */
	address(A, HOP + 2, false);
	weir_watch_end(&w, now);
	told("link_down:a neigh_failed:a address_added:a address_removed:a");
	weir_watch_begin(&w);
	link_is(A, "a", true, false, 1500);
	link_is(B, "b", true, true, 1500);
	address(A, HOP + 2, false);
	weir_watch_end(&w, now);
	told("");
	hop_is(A, WEIR_NEIGH_GOOD, mac1);
	told("neigh_reachable:a");
}

static void limits_are_told_at_once_then_kept_back(void **state)
{
	(void)state;
	dev[0].total.flow_full = 5;
	read_now();
	assert_int_equal(only(WEIR_EVENT_flows_full).count, 5);
	for (int i = 0; i < 19; i++) {
		dev[0].total.flow_full += 2;
		read_now();
		told("");
	}
	dev[0].total.flow_full += 2;
	read_now();
	assert_int_equal(only(WEIR_EVENT_flows_full).count, 40);
	dev[0].total.flow_full += 3;
	read_now();
	told("");
	weir_watch_flush(&w, now);
	assert_int_equal(only(WEIR_EVENT_flows_full).count, 3);
	weir_watch_flush(&w, now);
	told("");
}

static void each_limit_of_each_device_is_told(void **state)
{
	(void)state;
	dev[0].total.neigh_full = 1;
	dev[0].total.xmit_LATE_XMIT_FULL.packets = 2;
	dev[0].total.xmit_LATE_QDISC_DROP.packets = 2;
	dev[1].total.lost = 3;
	read_now();
	told("neigh_full:a xmit_full:a qdisc_full:a lost:b");
	dev[1].total.lost = 4;
	read_now();
	told("");
	nr_devs = 1; /* what was kept back is told before it is forgotten */
	read_now();
	told("lost:b detached:b");
}

static void what_a_device_had_counted_before_is_no_news(void **state)
{
	(void)state;
	dev[0].total.lost = 7;
	teardown(NULL);
	weir_watch_init(&w, false);
	read_now();
	read_now();
	told("");
	dev[2].total.lost = 2; /* but what one counted that was attached meanwhile is */
	nr_devs = 3;
	read_now();
	told("attached:c lost:c");
	dev[0].total.lost = 1; /* reset */
	read_now();
	told("");
}

static void sampling_is_told(void **state)
{
	struct weir_event e;

	(void)state;
	sample_every = 128;
	read_now();
	e = only(WEIR_EVENT_sampling);
	assert_int_equal(e.before, 0);
	assert_int_equal(e.now, 128);
	nr_devs = 0;
	sample_every = 0;
	read_now();
	told("detached:a detached:b");
}

static void own_addresses_are_told_while_something_is_attached(void **state)
{
	(void)state;
	address(A, HOP + 1, false); /* its lifetime was renewed */
	told("");
	link_is(99, "x", true, true, 1500);
	address(99, HOP + 5, false);
	told("address_added:x");
	address(99, HOP + 5, true);
	assert_string_equal(only(WEIR_EVENT_address_removed).other, "a");
	address(99, HOP + 5, true);
	told("");
	address(B, HOP + 6, false);
	assert_string_equal(only(WEIR_EVENT_address_added).other, "b");
	nr_devs = 0;
	read_now();
	told("detached:a detached:b");
	address(A, HOP + 7, false);
	told("");
}

/* More than fit at first, in no order. */
static void many_next_hops_are_kept_apart(void **state)
{
	enum { NR = 5000 };

	(void)state;
	for (__u32 i = 0; i < NR; i++) {
		struct weir_neigh_report r = {.ifindex = A,
			.addr = i * 2654435761u | 1,
			.state = WEIR_NEIGH_GOOD,
			.has_mac = true};

		memcpy(r.mac, &i, sizeof(i));
		weir_watch_neigh(&w, &r, now);
	}
	assert_int_equal(w.events.nr, NR);
	weir_events_done(&w.events);
	for (__u32 i = NR; i-- > 0;) {
		struct weir_neigh_report r = {.ifindex = A,
			.addr = i * 2654435761u | 1,
			.state = WEIR_NEIGH_GOOD,
			.has_mac = true};

		memcpy(r.mac, &i, sizeof(i));
		weir_watch_neigh(&w, &r, now);
		r.removed = true;
		if (i % 2)
			weir_watch_neigh(&w, &r, now);
	}
	assert_int_equal(w.events.nr, NR / 2);
	for (unsigned int i = 0; i < w.events.nr; i++)
		assert_int_equal(w.events.list[i].kind, WEIR_EVENT_neigh_removed);
}

static void as_many_devices_as_fit_is_told(void **state)
{
	struct weir_snapshot snap = {.time_ns = now,
		.nr_devs = WEIR_DEV_MAX + 1,
		.devs = aligned_alloc(64, (WEIR_DEV_MAX + 1) * sizeof(dev[0]))};

	(void)state;
	memset(snap.devs, 0, snap.nr_devs * sizeof(dev[0]));
	for (__u32 i = 0; i < snap.nr_devs; i++) {
		snap.devs[i].conf.ifindex = 1000 + i / 2; /* two hooks each */
		snap.devs[i].rows_map_id = 1000 + i;
	}
	weir_watch_snapshot(&w, &snap);
	for (unsigned int i = 0; i < w.events.nr; i++)
		assert_int_not_equal(w.events.list[i].kind, WEIR_EVENT_devices_full);
	weir_events_done(&w.events);
	snap = (struct weir_snapshot){.time_ns = now,
		.nr_devs = WEIR_DEV_MAX,
		.devs = aligned_alloc(64, WEIR_DEV_MAX * sizeof(dev[0]))};
	memset(snap.devs, 0, snap.nr_devs * sizeof(dev[0]));
	for (__u32 i = 0; i < snap.nr_devs; i++)
		snap.devs[i].conf.ifindex = snap.devs[i].rows_map_id = 1000 + i;
	weir_watch_snapshot(&w, &snap);
	assert_int_equal(w.events.list[w.events.nr - 1].kind, WEIR_EVENT_devices_full);
	assert_int_equal(w.events.list[w.events.nr - 1].count, WEIR_DEV_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_state_tells_nothing),
		TEST(devices_come_and_go),
		TEST(a_program_in_our_place_is_told_once),
		TEST(a_program_in_our_place_from_the_first_is_no_news),
		TEST(a_device_that_is_recreated_is_told_once),
		TEST(hooks_are_told_apart_and_a_gone_device_once),
		TEST(vlan_devices_are_attached_too),
		TEST(links_of_attached_devices_are_told),
		TEST(a_next_hop_that_answers_is_told_once),
		TEST(a_next_hop_that_fails_is_told_once),
		TEST(a_next_hop_that_moved_is_told_from_where_to_where),
		TEST(a_next_hop_that_is_removed_has_not_failed),
		TEST(stale_next_hops_are_told_when_asked),
		TEST(what_lasted_of_an_overrun_is_told),
		TEST(limits_are_told_at_once_then_kept_back),
		TEST(each_limit_of_each_device_is_told),
		TEST(what_a_device_had_counted_before_is_no_news),
		TEST(sampling_is_told),
		TEST(own_addresses_are_told_while_something_is_attached),
		TEST(many_next_hops_are_kept_apart),
		TEST(as_many_devices_as_fit_is_told),
	};

	return WEIR_RUN(tests);
}
