/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rule from its text, as tests of rules write it. */
#ifndef TESTS_RULE_TEXT_H
#define TESTS_RULE_TEXT_H

#include "model/rule.h"
#include "test.h"

static inline int parse(
	struct weir_rule *rule, enum weir_rule_kind kind, const char *typed, struct weir_err *err)
{
	struct weir_line line = {0};
	int ret = weir_line_split(&line, typed, strlen(typed), WEIR_RULE_LINE_MAX, err);

	if (!ret)
		ret = weir_rule_parse(rule, kind, &line, 0, err);
	weir_line_done(&line);
	return ret;
}

static inline void must_parse(struct weir_rule *rule, enum weir_rule_kind kind, const char *typed)
{
	struct weir_err err = {0};

	if (parse(rule, kind, typed, &err))
		fail_msg("'%s': %s", typed, err.what);
}

#endif
