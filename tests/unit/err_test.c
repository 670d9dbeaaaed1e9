// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>

#include "base/err.h"
#include "test.h"

static void fail_returns_the_error_and_appends_its_text(void **state)
{
	struct weir_err err = {0};

	(void)state;
	assert_int_equal(weir_fail(&err, WEIR_REFUSED, -EPERM, "open %s", "x"), -EPERM);
	assert_int_equal(err.status, WEIR_REFUSED);
	assert_int_equal(err.error, -EPERM);
	assert_string_equal(err.what, "open x: Operation not permitted");
}

static void fail_without_an_error_is_einval(void **state)
{
	struct weir_err err = {0};

	(void)state;
	assert_int_equal(weir_fail(&err, WEIR_USAGE, 0, "word"), -EINVAL);
	assert_int_equal(err.error, 0);
	assert_string_equal(err.what, "word");
}

static void fail_forgets_the_remedy_of_an_error_before(void **state)
{
	struct weir_err err = {0};

	(void)state;
	weir_fail(&err, WEIR_USAGE, 0, "first");
	weir_remedy(&err, "do %d", 1);
	assert_string_equal(err.remedy, "do 1");
	weir_fail(&err, WEIR_USAGE, 0, "second");
	assert_string_equal(err.remedy, "");
}

static void fail_keeps_errno_and_takes_no_err(void **state)
{
	(void)state;
	errno = ENOSPC;
	assert_int_equal(weir_fail(NULL, WEIR_REFUSED, -EIO, "x"), -EIO);
	weir_remedy(NULL, "x");
	assert_int_equal(errno, ENOSPC);
}

static void fail_cuts_long_messages(void **state)
{
	struct weir_err err = {0};
	char text[2000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	weir_fail(&err, WEIR_REFUSED, -EIO, "%s", text);
	assert_int_equal(strlen(err.what), sizeof(err.what) - 1);
}

static void a_place_is_named_and_shown(void **state)
{
	struct weir_err err = {0};
	char text[WEIR_CARET_MAX], rubbish[500];

	(void)state;
	weir_fail(&err, WEIR_USAGE, 0, "wrong");
	assert_false(weir_err_caret(&err, text, sizeof(text)));
	weir_err_where(&err, text, sizeof(text));
	assert_string_equal(text, "");
	weir_err_line(&err, "a.txt", 3);
	weir_err_where(&err, text, sizeof(text));
	assert_string_equal(text, "a.txt:3");
	weir_err_mark(&err, "\tone t\xc3\xa9o \x1b", 11, 6, 4);
	weir_err_where(&err, text, sizeof(text));
	assert_string_equal(text, "a.txt:3:6");
	assert_true(weir_err_caret(&err, text, sizeof(text)));
	assert_string_equal(text, "     one t\xc3\xa9o ?\n         ^~~");
	/* behind the end, where something is missing */
	weir_err_mark(&err, "one", 3, 5, 1);
	assert_true(weir_err_caret(&err, text, sizeof(text)));
	assert_string_equal(text, "    one\n        ^");
	/* rubbish without an end of a character */
	memset(rubbish, 0x80, sizeof(rubbish));
	weir_err_mark(&err, rubbish, sizeof(rubbish), 400, 2);
	assert_true(weir_err_caret(&err, text, sizeof(text)));
	assert_non_null(strchr(text, '^'));
	weir_fail(&err, WEIR_USAGE, 0, "another");
	assert_false(weir_err_caret(&err, text, sizeof(text)));
	weir_err_mark(NULL, "x", 1, 1, 1);
	weir_err_line(NULL, "x", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_returns_the_error_and_appends_its_text),
		cmocka_unit_test(fail_without_an_error_is_einval),
		cmocka_unit_test(fail_forgets_the_remedy_of_an_error_before),
		cmocka_unit_test(fail_keeps_errno_and_takes_no_err),
		cmocka_unit_test(fail_cuts_long_messages),
		cmocka_unit_test(a_place_is_named_and_shown),
	};

	return WEIR_RUN(tests);
}
