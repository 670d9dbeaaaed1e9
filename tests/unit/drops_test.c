// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "made.h"
#include "model/drops.h"
#include "test.h"

static struct {
	struct made made;
	struct weir_snapshot before, now;
	struct weir_delta delta;
	struct weir_drops drops;
} t;

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	made_init(&t.made, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	weir_delta_done(&t.delta);
	weir_snapshot_done(&t.before);
	weir_snapshot_done(&t.now);
	weir_drops_done(&t.drops);
	return 0;
}

static void look(__u64 wall_s)
{
	weir_delta_done(&t.delta);
	weir_snapshot_done(&t.before);
	t.before = t.now;
	t.now = made_read(&t.made, 1000000000);
	assert_int_equal(weir_delta_init(&t.delta, t.before.devs ? &t.before : NULL, &t.now), 0);
	assert_int_equal(weir_drops_follow(&t.drops, &t.now, &t.delta, wall_s), 0);
}

static void a_drop_is_known_by_device_and_exit(void **state)
{
	(void)state;
	look(10);
	assert_int_equal(t.drops.nr, 0);
	made_packets(&t.made, 1, WEIR_EXIT_route_in_BLACKHOLE, 5);
	made_packets(&t.made, 0, WEIR_EXIT_ip_rcv_IP_CSUM, 3);
	made_packets(&t.made, 0, WEIR_EXIT_xdp_ARP, 9);
	look(11);
	assert_int_equal(t.drops.nr, 2);
	assert_int_equal(t.drops.seen[0].dev, 0);
	assert_int_equal(t.drops.seen[0].exit, WEIR_EXIT_ip_rcv_IP_CSUM);
	assert_int_equal(t.drops.seen[1].exit, WEIR_EXIT_route_in_BLACKHOLE);
	assert_int_equal(t.drops.seen[1].total, 5);
	assert_int_equal(t.drops.seen[1].rate_count, 5);
}

static void first_and_last_are_when_it_grew(void **state)
{
	(void)state;
	look(10);
	made_packets(&t.made, 0, WEIR_EXIT_ip_rcv_IP_CSUM, 3);
	look(11);
	look(12);
	assert_int_equal(t.drops.seen[0].first_s, 11);
	assert_int_equal(t.drops.seen[0].last_s, 11);
	assert_int_equal(t.drops.seen[0].rate_count, 0);
	assert_false(t.drops.seen[0].began_unseen);
	made_packets(&t.made, 0, WEIR_EXIT_ip_rcv_IP_CSUM, 1);
	look(13);
	assert_int_equal(t.drops.seen[0].first_s, 11);
	assert_int_equal(t.drops.seen[0].last_s, 13);
	assert_int_equal(t.drops.seen[0].total, 4);
}

static void what_was_there_before_began_unseen(void **state)
{
	(void)state;
	made_packets(&t.made, 0, WEIR_EXIT_ip_rcv_IP_CSUM, 3);
	look(10);
	assert_true(t.drops.seen[0].began_unseen);
	assert_int_equal(t.drops.seen[0].last_s, 0);
	look(11);
	assert_int_equal(t.drops.seen[0].last_s, 0);
	made_packets(&t.made, 0, WEIR_EXIT_ip_rcv_IP_CSUM, 3);
	look(12);
	assert_true(t.drops.seen[0].began_unseen);
	assert_int_equal(t.drops.seen[0].last_s, 12);
}

static void a_reset_device_begins_anew(void **state)
{
	(void)state;
	look(10);
	made_packets(&t.made, 0, WEIR_EXIT_ip_rcv_IP_CSUM, 3);
	look(11);
	made_reset(&t.made, 0);
	look(12);
	assert_int_equal(t.drops.nr, 0);
	made_packets(&t.made, 0, WEIR_EXIT_ip_rcv_IP_CSUM, 100);
	made_reset(&t.made, 0);
	made_packets(&t.made, 0, WEIR_EXIT_ip_rcv_IP_CSUM, 2);
	look(13);
	assert_int_equal(t.drops.seen[0].total, 2);
	assert_int_equal(t.drops.seen[0].rate_count, 0);
	assert_true(t.drops.seen[0].began_unseen);
}

static void devices_that_are_no_more_are_forgotten(void **state)
{
	(void)state;
	made_packets(&t.made, 1, WEIR_EXIT_ip_rcv_IP_CSUM, 3);
	look(10);
	assert_int_equal(t.drops.nr, 1);
	t.made.nr_devs = 1;
	look(11);
	assert_int_equal(t.drops.nr, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_drop_is_known_by_device_and_exit),
		TEST(first_and_last_are_when_it_grew),
		TEST(what_was_there_before_began_unseen),
		TEST(a_reset_device_begins_anew),
		TEST(devices_that_are_no_more_are_forgotten),
	};

	return WEIR_RUN(tests);
}
