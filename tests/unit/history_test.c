// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "made.h"
#include "test.h"
#include "tui/history.h"

#define SECOND 1000000000ull

static struct {
	struct made made;
	struct weir_snapshot before, now;
	struct history history;
} t;

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	made_init(&t.made, 2);
	t.now = made_read(&t.made, SECOND);
	return history_init(&t.history);
}

static int teardown(void **state)
{
	(void)state;
	weir_snapshot_done(&t.before);
	weir_snapshot_done(&t.now);
	history_done(&t.history);
	return 0;
}

static void look(bool gap)
{
	struct weir_delta delta;

	weir_snapshot_done(&t.before);
	t.before = t.now;
	t.now = made_read(&t.made, SECOND);
	assert_int_equal(weir_delta_init(&delta, &t.before, &t.now), 0);
	assert_int_equal(history_add(&t.history, &delta, gap), 0);
	weir_delta_done(&delta);
}

static void send(unsigned int dev, __u64 packets)
{
	made_packets(&t.made, dev, WEIR_EXIT_xmit_NONE, packets);
}

static float value(unsigned int dev, int age)
{
	return history_pps(&t.history,
		history_of(&t.history, dev < MADE_DEVS ? dev_key(&t.made.dev[dev]) : 0),
		WEIR_FAST_xmit, age);
}

enum { ALL = MADE_DEVS };

static void readings_are_kept_newest_first(void **state)
{
	(void)state;
	for (__u64 i = 1; i <= 3; i++) {
		send(0, i);
		send(1, 10 * i);
		look(false);
	}
	assert_float_equal(value(0, 0), 3, 0);
	assert_float_equal(value(0, 2), 1, 0);
	assert_float_equal(value(1, 1), 20, 0);
	assert_float_equal(value(ALL, 1), 22, 0);
	assert_true(value(0, 3) < 0);
	assert_true(value(0, -1) < 0);
}

static void old_ones_make_room(void **state)
{
	(void)state;
	for (__u64 i = 1; i <= HISTORY_LEN + 5; i++) {
		send(0, i);
		look(false);
	}
	assert_float_equal(value(0, 0), HISTORY_LEN + 5, 0);
	assert_float_equal(value(0, HISTORY_LEN - 1), 6, 0);
	assert_true(value(0, HISTORY_LEN) < 0);
}

static void a_reset_is_a_gap_for_the_device_and_the_sum(void **state)
{
	(void)state;
	send(0, 50);
	send(1, 7);
	look(false);
	made_reset(&t.made, 0);
	send(0, 1000000);
	send(1, 7);
	look(false);
	assert_true(value(0, 0) < 0);
	assert_true(value(ALL, 0) < 0);
	assert_float_equal(value(1, 0), 7, 0);
	send(0, 50);
	look(false);
	assert_float_equal(value(0, 0), 50, 0);
	assert_true(value(0, 1) < 0);
	assert_float_equal(value(0, 2), 50, 0);
}

static void a_dead_device_has_gaps_not_zeros(void **state)
{
	(void)state;
	t.made.dev[0].gone = true;
	t.made.dev[1].detached = true;
	look(false);
	assert_true(value(0, 0) < 0);
	assert_true(value(1, 0) < 0);
	assert_true(value(ALL, 0) < 0);
	t.made.dev[1].detached = false;
	look(false);
	assert_float_equal(value(ALL, 0), 0, 0);
}

static void a_new_device_has_no_past(void **state)
{
	(void)state;
	t.made.nr_devs = 1;
	look(false);
	send(0, 4);
	look(false);
	t.made.nr_devs = 2;
	send(0, 4);
	send(1, 1000);
	look(false);
	assert_true(value(1, 0) < 0);
	assert_float_equal(value(ALL, 0), 4, 0);
	send(1, 9);
	look(false);
	assert_float_equal(value(1, 0), 9, 0);
	assert_true(value(1, 2) < 0);
}

static void a_long_time_without_reading_is_a_gap(void **state)
{
	(void)state;
	send(0, 500);
	look(true);
	assert_true(value(0, 0) < 0);
	assert_true(value(ALL, 0) < 0);
}

static void devices_that_are_no_more_are_forgotten(void **state)
{
	(void)state;
	look(false);
	assert_int_equal(t.history.nr_devs, 2);
	t.made.nr_devs = 1;
	look(false);
	assert_int_equal(t.history.nr_devs, 1);
	assert_null(history_of(&t.history, dev_key(&t.made.dev[1])));
}

static void drops_and_heat_are_those_of_their_reading(void **state)
{
	const struct series *s;
	const __u32 *heat;

	(void)state;
	look(false);
	made_packets(&t.made, 0, WEIR_EXIT_route_in_BLACKHOLE, 6);
	made_latency(&t.made, 0, WEIR_FAST_route_in, 70, 5);
	look(false);
	look(false);
	s = history_of(&t.history, dev_key(&t.made.dev[0]));
	assert_float_equal(history_drops(&t.history, s, WEIR_EXIT_route_in_BLACKHOLE, 0), 0, 0);
	assert_float_equal(history_drops(&t.history, s, WEIR_EXIT_route_in_BLACKHOLE, 1), 6, 0);
	assert_float_equal(history_drops(&t.history, s, WEIR_EXIT_route_in_BLACKHOLE, 2), 0, 0);
	assert_null(history_heat(&t.history, s, WEIR_FAST_xmit, 1));
	heat = history_heat(&t.history, s, WEIR_FAST_route_in, 1);
	assert_non_null(heat);
	assert_int_equal(heat[6], 5); /* 64 to 127 ns */
	heat = history_heat(&t.history, s, WEIR_FAST_route_in, 0);
	assert_int_equal(heat[6], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(readings_are_kept_newest_first),
		TEST(old_ones_make_room),
		TEST(a_reset_is_a_gap_for_the_device_and_the_sum),
		TEST(a_dead_device_has_gaps_not_zeros),
		TEST(a_new_device_has_no_past),
		TEST(a_long_time_without_reading_is_a_gap),
		TEST(devices_that_are_no_more_are_forgotten),
		TEST(drops_and_heat_are_those_of_their_reading),
	};

	return WEIR_RUN(tests);
}
