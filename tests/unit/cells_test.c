// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "test.h"
#include "tui/cells.h"
#include "tui/glyphs.h"

enum { W = 12, H = 6 };

static struct cells cells;

static int setup(void **state)
{
	(void)state;
	return cells_resize(&cells, W, H);
}

static int teardown(void **state)
{
	(void)state;
	cells_done(&cells);
	return 0;
}

static struct area inner(const struct glyphs *glyphs)
{
	struct area all = {&cells, glyphs, {0, 0, W, H}};

	return area_part(&all, (struct box){2, 1, 6, 3});
}

static char32_t at(int x, int y)
{
	return cells.at[y * W + x].c;
}

/* All but the inner area is blank. */
static void assert_outside_is_blank(void)
{
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++)
			if (x < 2 || x >= 8 || y < 1 || y >= 4) {
				assert_int_equal(at(x, y), ' ');
				assert_false(cells.at[y * W + x].marked);
			}
}

static void nothing_is_drawn_outside_an_area(void **state)
{
	struct area a = inner(&glyphs_utf8), part;

	(void)state;
	for (int y = -3; y < H; y++) {
		for (int x = -3; x < W; x++) {
			area_put(&a, x, y, ROLE_TEXT, 'x');
			area_text(&a, x, y, W, ROLE_TEXT, "a long text, longer than all");
			area_right(&a, x, y, W, ROLE_TEXT, "a long text, longer than all");
		}
		area_mark(&a, -5, y, 100);
		area_wrap(&a, y, 9, ROLE_TEXT, "words that go on and on and on, without an end");
	}
	part = area_part(&a, (struct box){4, 2, 100, 100});
	assert_int_equal(part.box.w, 2);
	assert_int_equal(part.box.h, 1);
	area_text(&part, 0, 0, 100, ROLE_TEXT, "abc");
	assert_int_equal(at(6, 3), 'a');
	part = area_part(&a, (struct box){50, 50, 3, 3});
	area_put(&part, 0, 0, ROLE_TEXT, 'x');
	assert_outside_is_blank();
}

static void what_does_not_fit_ends_with_an_ellipsis(void **state)
{
	struct area a = inner(&glyphs_utf8);

	(void)state;
	assert_int_equal(area_text(&a, 0, 0, 4, ROLE_TEXT, "abcd"), 4);
	assert_int_equal(at(5, 1), 'd');
	area_text(&a, 0, 1, 4, ROLE_TEXT, "abcde");
	assert_int_equal(at(4, 2), 'c');
	assert_int_equal(at(5, 2), U'…');
	assert_int_equal(at(6, 2), ' ');
	area_right(&a, 0, 2, 6, ROLE_TEXT, "ab");
	assert_int_equal(at(6, 3), 'a');
	assert_int_equal(at(7, 3), 'b');
}

static void lines_break_between_words(void **state)
{
	struct area a = inner(&glyphs_utf8);

	(void)state;
	assert_int_equal(area_wrap(&a, 0, 3, ROLE_TEXT, "abc defg hi"), 3);
	assert_int_equal(at(2, 1), 'a');
	assert_int_equal(at(6, 1), ' ');
	assert_int_equal(at(2, 2), 'd');
	assert_int_equal(at(2, 3), 'h');
	assert_int_equal(area_wrap(&a, 0, 3, ROLE_TEXT, "abc"), 1);
	/* a long word is broken, and what does not fit the last line ends with an ellipsis */
	assert_int_equal(area_wrap(&a, 0, 2, ROLE_TEXT, "abcdefghijklmnop"), 2);
	assert_int_equal(at(7, 1), 'f');
	assert_int_equal(at(7, 2), U'…');
}

/* A name is bytes: it must neither steer a terminal nor take other room than we think. */
static void names_take_one_column_a_character(void **state)
{
	static const char *const names[] = {"\033[2J", "\xff\xfe\x80", "\xe4\xb8", "\xe4\xb8\xad",
		"e\xcc\x81", "\xf0\x9f\x98\x80", "\x7f\t\n", "\xc2\x85"};
	struct area a = inner(&glyphs_utf8);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int columns = text_columns(names[i]);

		assert_true(columns <= 5);
		assert_int_equal(area_text(&a, 0, 0, 6, ROLE_TEXT, names[i]), columns);
		for (int x = 0; x < columns; x++)
			assert_true(at(2 + x, 1) >= ' ' && at(2 + x, 1) < 0x7f);
	}
	area_text(&a, 0, 0, 6, ROLE_TEXT, "µ·");
	assert_int_equal(at(2, 1), U'µ');
	a = inner(&glyphs_ascii);
	area_text(&a, 0, 0, 6, ROLE_TEXT, "µ·");
	assert_int_equal(at(2, 1), '?');
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_drawn_outside_an_area),
		TEST(what_does_not_fit_ends_with_an_ellipsis),
		TEST(lines_break_between_words),
		TEST(names_take_one_column_a_character),
	};

	return WEIR_RUN(tests);
}
