/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rules into pages: what a packet's walk reads, and `filter show`. See weir/rules.h for the pages,
 * and bpf/README.md for why it is this classifier.
 */
#ifndef WEIR_COMPILE_H
#define WEIR_COMPILE_H

#include <stddef.h>
#include <weir/rules.h>

#include "base/err.h"

struct weir_rules_in {
	const struct weir_box *boxes; /* in the rules' order */
	size_t nr_boxes;
	const struct weir_rule_rec *recs; /* by place; `checks` is filled by the compiler */
	__u32 rules;
	__u32 policies; /* of these, those at the end that are policies */
	const char *text;
	__u32 text_len;
	__u32 generation, next_id;
	__u32 leaf;  /* boxes at which cutting ends; 0: what was measured to be best */
	__u32 trees; /* at most; 0: as many as make walks cheapest */
};

struct weir_pages {
	struct weir_page *page;
	__u32 nr;
};

/*
 * Fills @out, to be freed by weir_pages_free(). -EINVAL where boxes are out of order, name no rule,
 * or have a range reversed, or a limit has no burst or one that takes 2^62 ns; -E2BIG where there
 * are more than WEIR_RULES_MAX rules, or pages than a reference reaches; -ENOMEM.
 */
int weir_rules_compile(
	const struct weir_rules_in *in, struct weir_pages *out, struct weir_err *err);
void weir_pages_free(struct weir_pages *pages);

#endif
