/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A filter without a kernel, for one test or fuzzer of commands each. */
#ifndef TESTS_FAKE_FILTER_H
#define TESTS_FAKE_FILTER_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/filter.h"

/* Rules that are kept nowhere: each change begins with none. */
int weir_rules_change(struct weir_ns *ns, enum weir_rule_kind kind,
	int (*edit)(void *ctx, struct weir_ruleset_model *model, struct weir_err *err), void *ctx,
	bool dry, struct weir_notes *notes, struct weir_err *err)
{
	struct weir_ruleset_model model = {.kind = kind};
	int rc = edit(ctx, &model, err);

	(void)ns;
	if (!rc && !dry)
		weir_note(notes, "x");
	weir_ruleset_done(&model);
	return rc;
}

int weir_rules_read(struct weir_ns *ns, enum weir_rule_kind kind, struct weir_ruleset_model *model,
	struct weir_rule_count **counts, struct weir_err *err)
{
	(void)ns;
	*model = (struct weir_ruleset_model){.kind = kind};
	*counts = calloc(1, sizeof(**counts));
	return *counts ? 0 : weir_fail(err, WEIR_REFUSED, -ENOMEM, "reading the rules");
}

int weir_set_add(struct weir_ns *ns, const struct weir_set *set, __u32 *added,
	struct weir_notes *notes, struct weir_err *err)
{
	(void)ns;
	(void)notes;
	(void)err;
	*added = set->nr;
	return 0;
}

int weir_set_delete(struct weir_ns *ns, const char *name, const struct weir_set *elems,
	__u32 *removed, struct weir_err *err)
{
	(void)ns;
	if (!strcmp(name, "nope"))
		return weir_fail(err, WEIR_NOT_FOUND, 0, "there is no set nope");
	*removed = elems ? elems->nr : 0;
	return 0;
}

int weir_sets_read(struct weir_ns *ns, const char *only, struct weir_set **sets, size_t *nr,
	struct weir_err *err)
{
	(void)ns;
	if (only && !strcmp(only, "nope"))
		return weir_fail(err, WEIR_NOT_FOUND, 0, "there is no set nope");
	*sets = NULL;
	*nr = 0;
	return 0;
}

void weir_sets_done(struct weir_set *sets, size_t nr)
{
	(void)sets;
	(void)nr;
}

#endif
