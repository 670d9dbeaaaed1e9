// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Expressions that are refused, and how; what they mean is tests/prog/expr_test.c's. */
#include <stdio.h>

#include "ctl/expr.h"
#include "test.h"

static struct weir_expr expr[WEIR_EXPR_KINDS];

static void refused(const char *text, const char *part)
{
	struct weir_err err = {0};

	expr[0].nr = 77;
	assert_true(weir_expr_compile(text, expr, &err) < 0);
	assert_int_equal(err.status, WEIR_USAGE);
	assert_int_equal(expr[0].nr, 77); /* untouched */
	if (!strstr(err.what, part) || !strstr(err.what, text))
		fail_msg("'%s' is not in: %s", part, err.what);
}

static void taken(const char *text)
{
	struct weir_err err = {0};

	if (weir_expr_compile(text, expr, &err))
		fail_msg("%s", err.what);
}

static void an_error_is_libpcaps_with_the_expression(void **state)
{
	(void)state;
	refused("udp prt 9", "error");
	refused("host", "error");
	refused("port 70000", "port");
	refused("(", "error");
}

static void loops_are_refused(void **state)
{
	(void)state;
	refused("ip6 protochain 6", "cannot be applied in the kernel");
}

static void too_long_is_refused(void **state)
{
	struct weir_err err = {0};
	char text[8192];
	size_t used = 0;

	(void)state;
	for (unsigned int i = 0; i < 200; i++)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%shost 192.0.2.%u", i ? " or " : "", i);
	assert_true(weir_expr_compile(text, expr, &err) < 0);
	assert_int_equal(err.status, WEIR_USAGE);
}

static void nothing_matches_everything(void **state)
{
	(void)state;
	taken(NULL);
	assert_int_equal(expr[WEIR_EXPR_FRAME].nr, 0);
	assert_int_equal(expr[WEIR_EXPR_RAW].nr, 0);
	taken("  ");
	assert_int_equal(expr[WEIR_EXPR_FRAME].nr, 0);
}

/* Before there is a link header, nothing is known of it. */
static void link_headers_are_of_frames_alone(void **state)
{
	(void)state;
	taken("ether host 02:00:00:00:00:01");
	assert_true(expr[WEIR_EXPR_FRAME].nr > 1);
	assert_int_equal(expr[WEIR_EXPR_RAW].nr, 1);
	assert_int_equal(expr[WEIR_EXPR_RAW].insn[0].k, 0);
	taken("udp");
	assert_true(expr[WEIR_EXPR_RAW].nr > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_is_libpcaps_with_the_expression),
		cmocka_unit_test(loops_are_refused),
		cmocka_unit_test(too_long_is_refused),
		cmocka_unit_test(nothing_matches_everything),
		cmocka_unit_test(link_headers_are_of_frames_alone),
	};

	return WEIR_RUN(tests);
}
