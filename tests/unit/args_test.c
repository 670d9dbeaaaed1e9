// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "cmd/cmd.h"
#include "test.h"

static const char attach[] =
	"DEV... [xdp native|generic|off] [tc on|off] [punt kernel|stack|drop] [force]";

/* Splits @line and parses it; what went wrong is left in @err. */
static int parse(struct weir_args *args, const char *syntax, const char *line, struct weir_err *err)
{
	static char kept[512]; /* arguments point into it */
	char **words;
	int nr, ret;

	memset(err, 0, sizeof(*err));
	snprintf(kept, sizeof(kept), "%s", line);
	assert_null(weir_split(kept, &words, &nr));
	ret = weir_args_parse(args, "dev attach", syntax, nr, words, err);
	free(words);
	return ret;
}

static void refused(const char *syntax, const char *line, const char *message)
{
	struct weir_args args;
	struct weir_err err;

	assert_true(parse(&args, syntax, line, &err) < 0);
	assert_int_equal(err.status, WEIR_USAGE);
	if (!strstr(err.what, message))
		fail_msg("'%s' says '%s', not '%s'", line, err.what, message);
}

static void words_keywords_and_choices_are_told_apart(void **state)
{
	struct weir_args args;
	struct weir_err err;

	(void)state;
	assert_int_equal(parse(&args, attach, "a b punt drop force xdp native", &err), 0);
	assert_int_equal(args.nr_plain, 2);
	assert_string_equal(args.plain[0], "a");
	assert_string_equal(args.plain[1], "b");
	assert_string_equal(weir_arg(&args, "punt"), "drop");
	assert_string_equal(weir_arg(&args, "xdp"), "native");
	assert_string_equal(weir_arg(&args, "force"), "");
	assert_null(weir_arg(&args, "tc"));
	weir_args_done(&args);
}

static void dev_introduces_a_device_named_like_a_keyword(void **state)
{
	struct weir_args args;
	struct weir_err err;

	(void)state;
	assert_int_equal(parse(&args, attach, "dev force dev dev dev xdp force", &err), 0);
	assert_int_equal(args.nr_plain, 3);
	assert_string_equal(args.plain[0], "force");
	assert_string_equal(args.plain[1], "dev");
	assert_string_equal(args.plain[2], "xdp");
	assert_non_null(weir_arg(&args, "force"));
	weir_args_done(&args);
	assert_int_equal(parse(&args, "DEV...|all", "dev all", &err), 0);
	assert_int_equal(args.nr_plain, 1);
	assert_null(weir_arg(&args, "all"));
	weir_args_done(&args);
	assert_int_equal(parse(&args, "DEV...|all", "all", &err), 0);
	assert_int_equal(args.nr_plain, 0);
	assert_non_null(weir_arg(&args, "all"));
	weir_args_done(&args);
}

static void bad_words_are_refused_with_the_nearest(void **state)
{
	(void)state;
	refused(attach, "", "needs DEV");
	refused(attach, "force", "needs DEV");
	refused(attach, "a xdp", "needs a value: xdp native|generic|off");
	refused(attach, "a xdp natve", "did you mean 'native'?");
	refused(attach, "a xdp zzzzz", "native|generic|off");
	refused(attach, "a xdp Native", "did you mean 'native'?");
	refused(attach, "a xdp nat", "nat");
	refused(attach, "a xdp native forec", "did you mean 'force'?");
	refused(attach, "a force force", "twice");
	refused(attach, "a xdp native xdp native", "twice");
	refused(attach, "a --force", "'--force'");
	refused(attach, "a -j", "stands before the object");
	refused(attach, "a --netns=x", "stands before the object");
	refused(attach, "a dev", "dev NAME");
	refused("DEV...|all", "all eth0", "eth0");
	refused("DEV...|all", "eth0 all", "not both");
	refused("[dev DEV]", "eth0", "eth0");
	refused("[dev DEV]", "dve eth0", "did you mean 'dev'?");
	refused("CAUSE", "a b", "one CAUSE too many");
	refused("CAUSE", "", "needs CAUSE");
	refused("", "x", "x");
}

static void device_names_are_the_kernels(void **state)
{
	(void)state;
	assert_true(weir_is_dev_name("eth0"));
	assert_true(weir_is_dev_name("123456789012345"));
	assert_false(weir_is_dev_name("1234567890123456"));
	assert_false(weir_is_dev_name(""));
	assert_false(weir_is_dev_name("."));
	assert_false(weir_is_dev_name(".."));
	assert_false(weir_is_dev_name("a/b"));
	assert_false(weir_is_dev_name("a b"));
	assert_false(weir_is_dev_name("a:1"));
	refused(attach, "a/../b", "no name of a device");
	refused(attach, "dev a/b", "no name of a device");
	refused("[dev DEV]", "dev 'a b'", "no name of a device");
}

static void a_nearest_word_must_be_typed_in_full(void **state)
{
	struct weir_args args;
	struct weir_err err;

	(void)state;
	/* no prefix matching: 'for' is a device, not 'force' */
	assert_int_equal(parse(&args, attach, "for", &err), 0);
	assert_null(weir_arg(&args, "force"));
	weir_args_done(&args);
}

/* Each syntax of the table must fit what args.h can read. */
static void the_table_is_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < weir_nr_commands; i++) {
		const struct weir_command *c = &weir_commands[i];
		const char *syntax = c->syntax;
		struct weir_term term;
		unsigned int keys = 0, plain = 0;
		size_t o;

		while (!c->raw && weir_term_next(&syntax, &term)) {
			assert_true(*term.word);
			assert_true(strlen(term.word) + 2 < WEIR_TERM_TEXT);
			assert_true(strlen(term.value) + 2 < WEIR_TERM_TEXT);
			assert_true(term.plain || term.optional);
			keys += !term.plain;
			plain += term.plain;
		}
		assert_true(keys < WEIR_KEYS_MAX && plain <= 1);
		for (o = 0; o < weir_nr_objects; o++)
			if (!strcmp(weir_objects[o].name, c->object))
				break;
		assert_true(o < weir_nr_objects);
		assert_int_equal(c->summary[strlen(c->summary) - 1], '.');
	}
}

static int options(struct weir_options *o, const char *line, struct weir_err *err)
{
	static char kept[256];
	char **words;
	int nr, ret;

	memset(o, 0, sizeof(*o));
	snprintf(kept, sizeof(kept), "%s", line);
	assert_null(weir_split(kept, &words, &nr));
	ret = weir_options_parse(o, nr, words, err);
	free(words);
	return ret;
}

static void options_stand_first_in_every_spelling(void **state)
{
	struct weir_options o;
	struct weir_err err;

	(void)state;
	assert_int_equal(options(&o, "-j path -p", &err), 1);
	assert_true(o.json && !o.pretty);
	assert_int_equal(options(&o, "-p path", &err), 1);
	assert_true(o.json && o.pretty);
	assert_int_equal(options(&o, "-jn a --pin /x --color=never -- path", &err), 6);
	assert_true(o.json && o.color == WEIR_COLOR_NEVER);
	assert_string_equal(o.netns, "a");
	assert_string_equal(o.pin, "/x");
	assert_int_equal(options(&o, "-na --netns=b -b -", &err), 4);
	assert_string_equal(o.netns, "b");
	assert_string_equal(o.batch, "-");
	assert_int_equal(options(&o, "--help --version", &err), 2);
	assert_true(o.help && o.version);
	assert_int_equal(options(&o, "", &err), 0);
}

static void bad_options_are_refused(void **state)
{
	static const struct {
		const char *line, *message;
	} bad[] = {
		{"--jsn", "did you mean '--json'?"},
		{"--js", "--js"},
		{"-x", "'weir --help'"},
		{"-jx", "-jx"},
		{"--json=1", "takes no value"},
		{"-n", "needs a value"},
		{"--netns=", "needs a value"},
		{"-n ''", "needs a value"},
		{"--color sometimes", "sometimes"},
		{"--color nevr", "did you mean 'never'?"},
		{"--color", "needs a value"},
	};
	struct weir_options o;
	struct weir_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		assert_true(options(&o, bad[i].line, &err) < 0);
		assert_int_equal(err.status, WEIR_USAGE);
		if (!strstr(err.what, bad[i].message))
			fail_msg("'%s' says '%s'", bad[i].line, err.what);
	}
}

static void check_split(const char *line, int expected_nr, const char *expected)
{
	char text[256], joined[256] = "";
	char **words;
	int nr;

	snprintf(text, sizeof(text), "%s", line);
	assert_null(weir_split(text, &words, &nr));
	for (int i = 0; i < nr; i++) {
		strcat(joined, words[i]);
		strcat(joined, ";");
	}
	free(words);
	assert_int_equal(nr, expected_nr);
	assert_string_equal(joined, expected);
}

static void lines_split_like_a_shells(void **state)
{
	char open1[] = "a 'b", open2[] = "\"", open3[] = "a\\";
	char **words;
	int nr;

	(void)state;
	check_split("", 0, "");
	check_split(" \t\r\n", 0, "");
	check_split("# a b", 0, "");
	check_split("a b\r\n", 2, "a;b;");
	check_split("  a   b # c", 2, "a;b;");
	check_split("a#b", 1, "a#b;");
	check_split("'a b' \"c d\" e\\ f", 3, "a b;c d;e f;");
	check_split("''", 1, ";");
	check_split("a'b'\"c\"d", 1, "abcd;");
	check_split("'a\\b' \"a\\\"b\"", 2, "a\\b;a\"b;");
	check_split("'#' a", 2, "#;a;");
	assert_non_null(weir_split(open1, &words, &nr));
	assert_non_null(weir_split(open2, &words, &nr));
	assert_non_null(weir_split(open3, &words, &nr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_keywords_and_choices_are_told_apart),
		cmocka_unit_test(dev_introduces_a_device_named_like_a_keyword),
		cmocka_unit_test(bad_words_are_refused_with_the_nearest),
		cmocka_unit_test(device_names_are_the_kernels),
		cmocka_unit_test(a_nearest_word_must_be_typed_in_full),
		cmocka_unit_test(the_table_is_well_formed),
		cmocka_unit_test(options_stand_first_in_every_spelling),
		cmocka_unit_test(bad_options_are_refused),
		cmocka_unit_test(lines_split_like_a_shells),
	};

	return WEIR_RUN(tests);
}
