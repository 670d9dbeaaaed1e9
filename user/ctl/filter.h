/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rules of the filter and of NAT, policies and named sets of a network namespace, as they are in
 * force. Each change is whole or is not at all, and counts from the next packet on, for flows in
 * progress too.
 */
#ifndef WEIR_FILTER_H
#define WEIR_FILTER_H

#include "ctl/ctl.h"
#include "model/ruleset.h"

/*
 * Changes the rules of a kind: @edit is given what there is, and leaves what shall be. @dry: all is
 * checked, and nothing changed. Sets that @edit puts into the model (those of a file) are made,
 * too, and hold nothing else then.
 */
int weir_rules_change(struct weir_ns *ns, enum weir_rule_kind kind,
	int (*edit)(void *ctx, struct weir_ruleset_model *model, struct weir_err *err), void *ctx,
	bool dry, struct weir_notes *notes, struct weir_err *err);

/* Reads the rules and, for each, what it has matched. The caller owns *@model and *@counts. */
int weir_rules_read(struct weir_ns *ns, enum weir_rule_kind kind, struct weir_ruleset_model *model,
	struct weir_rule_count **counts, struct weir_err *err);

/* Adds elements, making the set if it is not there; *@added: how many prefixes were new. */
int weir_set_add(struct weir_ns *ns, const struct weir_set *set, __u32 *added,
	struct weir_notes *notes, struct weir_err *err);

/* Takes elements away, or, where @elems is NULL, the set, which no rule may ask for then. */
int weir_set_delete(struct weir_ns *ns, const char *name, const struct weir_set *elems,
	__u32 *removed, struct weir_err *err);

/* Reads all sets or, with @only, one: WEIR_NOT_FOUND. To be freed by weir_sets_done(). */
int weir_sets_read(struct weir_ns *ns, const char *only, struct weir_set **sets, size_t *nr,
	struct weir_err *err);
void weir_sets_done(struct weir_set *sets, size_t nr);

#endif
