// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "base/line.h"
#include "test.h"

static int split(struct weir_line *line, const char *text, struct weir_err *err)
{
	return weir_line_split(line, text, strlen(text), 100, err);
}

static void words_know_their_columns(void **state)
{
	struct weir_line line = {0};
	struct weir_err err;

	(void)state;
	assert_int_equal(split(&line, "  a \t'b c'\"d\" \\#e f#g # h", &err), 0);
	assert_int_equal(line.nr, 4);
	assert_string_equal(line.words[0].text, "a");
	assert_int_equal(line.words[0].column, 3);
	assert_string_equal(line.words[1].text, "b cd");
	assert_int_equal(line.words[1].column, 6);
	assert_int_equal(line.words[1].length, 8);
	assert_string_equal(line.words[2].text, "#e");
	assert_string_equal(line.words[3].text, "f#g");
	assert_int_equal(line.words[3].column, 19);
	/* the same memory again, and nothing in it */
	assert_int_equal(split(&line, " # only a comment\r", &err), 0);
	assert_int_equal(line.nr, 0);
	assert_int_equal(split(&line, "", &err), 0);
	assert_int_equal(line.nr, 0);
	weir_line_done(&line);
}

static void what_is_no_text_is_pointed_at(void **state)
{
	static const struct {
		const char *text, *what;
		unsigned int column, length;
	} bad[] = {
		{"a 'b c", "a ' without its other half", 3, 4},
		{"a x\"b", "a \" without its other half", 4, 2},
		{"a \\", "a backslash at the end of the line", 3, 1},
		{"a \x1b[1m", "byte 0x1b: a line is text", 3, 1},
	};
	char text[102];
	struct weir_line line = {0};
	struct weir_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_not_equal(split(&line, bad[i].text, &err), 0);
		assert_string_equal(err.what, bad[i].what);
		assert_int_equal(err.at.column, bad[i].column);
		assert_int_equal(err.at.length, bad[i].length);
		assert_int_equal(line.nr, 0);
	}
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_not_equal(split(&line, text, &err), 0);
	assert_string_equal(err.what, "a line of 101 bytes: 100 at most");
	text[100] = '\0';
	assert_int_equal(split(&line, text, &err), 0);
	weir_line_done(&line);
}

static void joined_words_are_split_into_the_same(void **state)
{
	char plain[] = "eth0", blank[] = "a b", quote[] = "\"\\'", none[] = "", hash[] = "#1";
	char *words[] = {plain, blank, quote, none, hash};
	struct weir_line line = {0};
	struct weir_err err;

	(void)state;
	assert_int_equal(weir_line_join(&line, 5, words, 100, &err), 0);
	assert_string_equal(line.typed, "eth0 \"a b\" \"\\\"\\\\'\" \"\" \"#1\"");
	assert_int_equal(line.nr, 5);
	for (unsigned int i = 0; i < 5; i++)
		assert_string_equal(line.words[i].text, words[i]);
	assert_int_not_equal(weir_line_join(&line, 5, words, 10, &err), 0);
	weir_line_done(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_know_their_columns),
		cmocka_unit_test(what_is_no_text_is_pointed_at),
		cmocka_unit_test(joined_words_are_split_into_the_same),
	};

	return WEIR_RUN(tests);
}
