// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/num.h"
#include "test.h"

static void u64_reads_digits_in_range(void **state)
{
	uint64_t v;

	(void)state;
	assert_true(weir_parse_u64("0", 0, UINT64_MAX, &v) && v == 0);
	assert_true(weir_parse_u64("18446744073709551615", 0, UINT64_MAX, &v) && v == UINT64_MAX);
	assert_true(weir_parse_u64("7", 7, 7, &v) && v == 7);
}

static void u64_refuses_all_else_and_keeps_the_result(void **state)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x1", "01", "00", "1.", "1k",
		"18446744073709551616", "99999999999999999999", "8", "10"};
	uint64_t v = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(weir_parse_u64(bad[i], 9, 9, &v));
	assert_int_equal(v, 42);
}

static void ratio_is_one_in_n(void **state)
{
	uint32_t n = 5;

	(void)state;
	assert_true(weir_parse_ratio("1/1", &n) && n == 1);
	assert_true(weir_parse_ratio("1/2147483648", &n) && n == 1u << 31);
	assert_false(weir_parse_ratio("1/0", &n));
	assert_false(weir_parse_ratio("1/2147483649", &n));
	assert_false(weir_parse_ratio("2/128", &n));
	assert_false(weir_parse_ratio("128", &n));
	assert_false(weir_parse_ratio("1/", &n));
	assert_false(weir_parse_ratio("1/ 2", &n));
	assert_int_equal(n, 1u << 31);
}

static void seconds_may_have_decimals(void **state)
{
	uint64_t ns = 1;

	(void)state;
	assert_true(weir_parse_seconds("1", 0, UINT64_MAX, &ns) && ns == 1000000000);
	assert_true(weir_parse_seconds("0.1", 0, UINT64_MAX, &ns) && ns == 100000000);
	assert_true(weir_parse_seconds("2.000000001", 0, UINT64_MAX, &ns) && ns == 2000000001);
	assert_false(weir_parse_seconds("0.09", 100000000, UINT64_MAX, &ns));
	assert_false(weir_parse_seconds("1.", 0, UINT64_MAX, &ns));
	assert_false(weir_parse_seconds(".5", 0, UINT64_MAX, &ns));
	assert_false(weir_parse_seconds("1.0000000001", 0, UINT64_MAX, &ns));
	assert_false(weir_parse_seconds("1,5", 0, UINT64_MAX, &ns));
	assert_false(weir_parse_seconds("18446744074", 0, UINT64_MAX, &ns));
	assert_int_equal(ns, 2000000001);
}

static void check_si(double value, const char *unit, const char *expected)
{
	char buf[64];

	weir_format_si(buf, sizeof(buf), value, unit);
	assert_string_equal(buf, expected);
}

static void si_has_three_digits_and_a_prefix(void **state)
{
	(void)state;
	check_si(0, "", "0");
	check_si(7, "", "7");
	check_si(983, "", "983");
	check_si(0.3, "/s", "0.30/s");
	check_si(212.4, "", "212");
	check_si(12400, "", "12.4 k");
	check_si(1.92e6, "/s", "1.92 M/s");
	check_si(983e6, "b/s", "983 Mb/s");
	check_si(983, "b/s", "983 b/s");
	check_si(-5, "", "0");
}

static void si_never_grows_at_a_rounding_edge(void **state)
{
	char buf[64];

	(void)state;
	check_si(999.4, "", "999");
	check_si(999.6, "", "1.00 k");
	check_si(9.996e3, "", "10.0 k");
	check_si(99.96e3, "", "100 k");
	check_si(999.6e3, "", "1.00 M");
	for (double v = 0.011; v < 1e19; v *= 1.01) {
		weir_format_si(buf, sizeof(buf), v, "");
		assert_in_range(strlen(buf), 1, 6);
	}
}

static void ns_has_units_of_time(void **state)
{
	char buf[64];

	(void)state;
	weir_format_ns(buf, sizeof(buf), 41, true);
	assert_string_equal(buf, "41 ns");
	weir_format_ns(buf, sizeof(buf), 1234, true);
	assert_string_equal(buf, "1.23 µs");
	weir_format_ns(buf, sizeof(buf), 1234, false);
	assert_string_equal(buf, "1.23 us");
	weir_format_ns(buf, sizeof(buf), 999600, false);
	assert_string_equal(buf, "1.00 ms");
	weir_format_ns(buf, sizeof(buf), 68e9, false);
	assert_string_equal(buf, "68.0 s");
}

static void a_clock_is_local_time(void **state)
{
	char buf[16];

	(void)state;
	setenv("TZ", "UTC", 1);
	weir_format_clock(buf, sizeof(buf), 1700000000);
	assert_string_equal(buf, "22:13:20");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(u64_reads_digits_in_range),
		cmocka_unit_test(u64_refuses_all_else_and_keeps_the_result),
		cmocka_unit_test(ratio_is_one_in_n),
		cmocka_unit_test(seconds_may_have_decimals),
		cmocka_unit_test(si_has_three_digits_and_a_prefix),
		cmocka_unit_test(si_never_grows_at_a_rounding_edge),
		cmocka_unit_test(ns_has_units_of_time),
		cmocka_unit_test(a_clock_is_local_time),
	};

	return WEIR_RUN(tests);
}
