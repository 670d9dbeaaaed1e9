// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/latency.h"
#include "test.h"

static void put(struct weir_lat_stage *stage, __u64 ns)
{
	stage->samples++;
	stage->bucket[weir_hist_bucket(ns)]++;
	if (ns > stage->max_ns)
		stage->max_ns = ns;
}

/* |middle - value| / value, in thousandths, rounded up. */
static __u64 error_permille(__u64 ns)
{
	__u64 middle = weir_hist_middle(weir_hist_bucket(ns));
	__u64 off = middle > ns ? middle - ns : ns - middle;

	return (off * 1000 + ns - 1) / ns;
}

static void a_bucket_is_within_an_eighth_at_every_magnitude(void **state)
{
	(void)state;
	for (__u64 ns = 1; ns < 100000; ns++)
		assert_true(error_permille(ns) <= 125);
	for (__u64 ns = 100000; ns < 1ull << 36; ns += ns / 997)
		assert_true(error_permille(ns) <= 125);
	for (unsigned int e = 3; e <= 36; e++)
		assert_true(error_permille((1ull << e) - 1) <= 125);
}

static void a_middle_lies_in_its_own_bucket(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < WEIR_HIST_BUCKETS; i++)
		assert_int_equal(weir_hist_bucket(weir_hist_middle(i)), i);
	assert_int_equal(weir_hist_bucket(~0ull), WEIR_HIST_BUCKETS - 1);
}

static void quantiles_of_nothing_have_no_samples(void **state)
{
	struct weir_lat_stage stage = {0};
	struct weir_quantiles q;

	(void)state;
	weir_quantiles_of(&stage, &q);
	assert_int_equal(q.samples, 0);
}

static void quantiles_follow_the_samples(void **state)
{
	struct weir_lat_stage stage = {0};
	struct weir_quantiles q;

	(void)state;
	for (__u64 ns = 1; ns <= 1000; ns++)
		put(&stage, ns * 100);
	weir_quantiles_of(&stage, &q);
	assert_int_equal(q.samples, 1000);
	assert_in_range(q.p50_ns, 50000 - 6250, 50000 + 6250);
	assert_in_range(q.p90_ns, 90000 - 11250, 90000 + 11250);
	assert_in_range(q.p99_ns, 99000 - 12375, 100000);
	assert_int_equal(q.max_ns, 100000);
}

static void quantiles_of_one_sample_are_not_above_it(void **state)
{
	struct weir_quantiles q;

	(void)state;
	for (__u64 ns = 0; ns < 1ull << 40; ns = ns * 3 + 1) {
		struct weir_lat_stage stage = {0};

		put(&stage, ns);
		weir_quantiles_of(&stage, &q);
		assert_true(q.p50_ns <= ns && q.p99_ns <= ns);
		assert_true(q.p50_ns == q.p99_ns);
		assert_true(ns - q.p50_ns <= ns / 8);
	}
}

static void p99_of_a_hundred_is_the_ninety_ninth(void **state)
{
	struct weir_lat_stage stage = {0};
	struct weir_quantiles q;

	(void)state;
	for (int i = 0; i < 98; i++)
		put(&stage, 1);
	put(&stage, 5);
	put(&stage, 7);
	weir_quantiles_of(&stage, &q);
	assert_int_equal(q.p50_ns, 1);
	assert_int_equal(q.p90_ns, 1);
	assert_int_equal(q.p99_ns, 5);
	assert_int_equal(q.max_ns, 7);
}

static void adding_keeps_the_larger_maximum(void **state)
{
	struct weir_lat a, b;

	(void)state;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	put(&a.stage[WEIR_FAST_xdp], 100);
	put(&b.stage[WEIR_FAST_xdp], 50);
	weir_lat_add(&a, &b);
	assert_int_equal(a.xdp.max_ns, 100);
	assert_int_equal(a.xdp.samples, 2);
	assert_int_equal(a.xdp.bucket[weir_hist_bucket(50)], 1);
	assert_int_equal(a.ip_rcv.samples, 0);
}

static void octaves_hold_every_sample_in_its_place(void **state)
{
	struct weir_lat_stage stage = {0};
	struct weir_octaves octaves;
	__u64 all = 0;

	(void)state;
	put(&stage, 0);
	put(&stage, 1);
	put(&stage, 2);
	put(&stage, 3);
	put(&stage, 4);
	put(&stage, 63);
	put(&stage, 64);
	put(&stage, 127);
	put(&stage, ~0ull);
	weir_octaves_of(&stage, &octaves);
	assert_int_equal(octaves.samples[0], 2);
	assert_int_equal(octaves.samples[1], 2);
	assert_int_equal(octaves.samples[2], 1);
	assert_int_equal(octaves.samples[5], 1);
	assert_int_equal(octaves.samples[6], 2);
	assert_int_equal(octaves.samples[WEIR_OCTAVES - 1], 1);
	for (unsigned int i = 0; i < WEIR_OCTAVES; i++)
		all += octaves.samples[i];
	assert_int_equal(all, 9);
	assert_int_equal(weir_octave_from(0), 0);
	assert_int_equal(weir_octave_from(6), 64);
	/* no bucket lies across two of them */
	for (unsigned int i = 1; i < WEIR_HIST_BUCKETS; i++)
		assert_true(weir_log2(weir_hist_middle(i)) < WEIR_OCTAVES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_is_within_an_eighth_at_every_magnitude),
		cmocka_unit_test(a_middle_lies_in_its_own_bucket),
		cmocka_unit_test(quantiles_of_nothing_have_no_samples),
		cmocka_unit_test(quantiles_follow_the_samples),
		cmocka_unit_test(quantiles_of_one_sample_are_not_above_it),
		cmocka_unit_test(p99_of_a_hundred_is_the_ninety_ninth),
		cmocka_unit_test(adding_keeps_the_larger_maximum),
		cmocka_unit_test(octaves_hold_every_sample_in_its_place),
	};

	return WEIR_RUN(tests);
}
