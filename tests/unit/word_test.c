// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/word.h"
#include "test.h"

static void distance_counts_each_edit_once(void **state)
{
	(void)state;
	assert_int_equal(weir_word_distance("drop", "drop"), 0);
	assert_int_equal(weir_word_distance("drop", "DROP"), 0);
	assert_int_equal(weir_word_distance("drp", "drop"), 1);
	assert_int_equal(weir_word_distance("droop", "drop"), 1);
	assert_int_equal(weir_word_distance("drip", "drop"), 1);
	assert_int_equal(weir_word_distance("", "drop"), 4);
	assert_int_equal(weir_word_distance("drop", ""), 4);
	assert_int_equal(weir_word_distance("kitten", "sitting"), 3);
}

static void distance_counts_a_swap_as_one(void **state)
{
	(void)state;
	assert_int_equal(weir_word_distance("dorp", "drop"), 1);
	assert_int_equal(weir_word_distance("legder", "ledger"), 1);
	assert_int_equal(weir_word_distance("abcd", "badc"), 2);
}

static void distance_bears_long_words(void **state)
{
	char a[300], b[300];

	(void)state;
	memset(a, 'a', sizeof(a) - 1);
	memset(b, 'b', sizeof(b) - 1);
	a[sizeof(a) - 1] = b[sizeof(b) - 1] = '\0';
	assert_int_equal(weir_word_distance(a, b), 63);
}

static void nearest_takes_the_closest_and_the_first_of_equals(void **state)
{
	struct weir_nearest n = {.typed = "shwo"};

	(void)state;
	weir_nearest_offer(&n, "stop");
	weir_nearest_offer(&n, "show");
	weir_nearest_offer(&n, "shoo");
	assert_string_equal(n.word, "show");
}

static void nearest_suggests_nothing_for_another_word(void **state)
{
	struct weir_nearest n = {.typed = "attach"};

	(void)state;
	weir_nearest_offer(&n, "show");
	weir_nearest_offer(&n, "detach-all");
	assert_null(n.word);
	n.typed = "x";
	weir_nearest_offer(&n, "on");
	weir_nearest_offer(&n, "-");
	assert_null(n.word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_counts_each_edit_once),
		cmocka_unit_test(distance_counts_a_swap_as_one),
		cmocka_unit_test(distance_bears_long_words),
		cmocka_unit_test(nearest_takes_the_closest_and_the_first_of_equals),
		cmocka_unit_test(nearest_suggests_nothing_for_another_word),
	};

	return WEIR_RUN(tests);
}
