/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What commands of rules share, the filter's and NAT's. */
#ifndef WEIR_CMD_RULES_H
#define WEIR_CMD_RULES_H

#include "cmd/cmd.h"
#include "model/ruleset.h"

/* What the words of a command are, as a line in which errors point at one. */
int weir_words_line(const struct weir_args *args, struct weir_line *line, struct weir_err *err);

/* Says what was done, and what there is to note, or NULL: as text, or as @doc, whose reference it
 * takes. */
int weir_done(struct weir_run *run, const char *text, json_t *doc, const struct weir_notes *notes,
	struct weir_err *err);

int weir_rules_add(struct weir_run *run, enum weir_rule_kind kind, const struct weir_args *args,
	struct weir_err *err);
int weir_rules_del(struct weir_run *run, enum weir_rule_kind kind, const struct weir_args *args,
	struct weir_err *err);
int weir_rules_flush(struct weir_run *run, enum weir_rule_kind kind, const struct weir_args *args,
	struct weir_err *err);
/* @dry: says whether the file could be loaded. */
int weir_rules_load(struct weir_run *run, enum weir_rule_kind kind, const struct weir_args *args,
	bool dry, struct weir_err *err);
/* Reads all rules, or the one that @args name, and what they matched. The caller owns *@model and
 * *@counts. */
int weir_rules_some(struct weir_run *run, enum weir_rule_kind kind, const struct weir_args *args,
	struct weir_ruleset_model *model, struct weir_rule_count **counts, struct weir_err *err);

#endif
