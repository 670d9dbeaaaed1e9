// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* filter and set: rules, policies and named sets. */
#include <errno.h>
#include <stdlib.h>

#include "cmd/rules.h"
#include "ctl/filter.h"
#include "out/doc.h"

/* --- filter --- */

int weir_filter_add_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return weir_rules_add(run, WEIR_RULE_FILTER, args, err);
}

int weir_filter_del_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return weir_rules_del(run, WEIR_RULE_FILTER, args, err);
}

int weir_filter_flush_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return weir_rules_flush(run, WEIR_RULE_FILTER, args, err);
}

int weir_filter_load_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return weir_rules_load(run, WEIR_RULE_FILTER, args, false, err);
}

int weir_filter_check_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return weir_rules_load(run, WEIR_RULE_FILTER, args, true, err);
}

int weir_filter_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_ruleset_model model = {0};
	struct weir_rule_count *counts = NULL;
	int rc = weir_rules_some(run, WEIR_RULE_FILTER, args, &model, &counts, err);

	if (!rc)
		rc = weir_show(&run->face, weir_doc_rules(&model, counts), weir_text_rules, err);
	weir_ruleset_done(&model);
	free(counts);
	return rc;
}

static int set_policy(void *ctx, struct weir_ruleset_model *model, struct weir_err *err)
{
	return weir_ruleset_policy(model, ctx, err);
}

int weir_filter_policy_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_notes notes = {0};
	struct weir_policy policy = {0};
	struct weir_line line = {0};
	char text[64];
	int rc = weir_words_line(args, &line, err);

	if (!rc)
		rc = weir_policy_parse(&policy, &line, 0, err);
	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_rules_change(
			run->ns, WEIR_RULE_FILTER, set_policy, &policy, false, &notes, err);
	if (!rc) {
		snprintf(text, sizeof(text), "policy %s dev %s %s", policy.out ? "out" : "in",
			policy.dev, weir_verdict_name(policy.verdict));
		rc = weir_done(run, text,
			json_pack("{s:s, s:s, s:s}", "direction", policy.out ? "out" : "in",
				"device", policy.dev, "verdict", weir_verdict_name(policy.verdict)),
			&notes, err);
	}
	weir_line_done(&line);
	return rc;
}

/* --- sets --- */

int weir_set_add_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_notes notes = {0};
	struct weir_line line = {0};
	struct weir_set set = {0};
	char text[96];
	__u32 added = 0;
	int rc = weir_words_line(args, &line, err);

	if (!rc)
		rc = weir_set_parse(&set, &line, 0, err);
	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_set_add(run->ns, &set, &added, &notes, err);
	if (!rc) {
		snprintf(text, sizeof(text), "%u elements added to set %s", added, set.name);
		rc = weir_done(run, text,
			json_pack("{s:s, s:I}", "set", set.name, "added", (json_int_t)added),
			&notes, err);
	}
	weir_set_done(&set);
	weir_line_done(&line);
	return rc;
}

int weir_set_del_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	bool whole = args->nr_plain == 1;
	struct weir_line line = {0};
	struct weir_set set = {0};
	char text[128];
	__u32 removed = 0;
	int rc = args->nr_plain ? weir_words_line(args, &line, err)
				: weir_fail(err, WEIR_USAGE, 0,
					  "'set del' needs NAME: weir set del NAME [ELEM[,..]]");

	if (!rc && !whole)
		rc = weir_set_parse(&set, &line, 0, err);
	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_set_delete(run->ns, args->plain[0], whole ? NULL : &set, &removed, err);
	if (!rc) {
		snprintf(text, sizeof(text),
			whole ? "set %s deleted, %u elements" : "from set %s deleted: %u elements",
			args->plain[0], removed);
		rc = weir_done(run, text,
			json_pack("{s:s, s:I}", "set", args->plain[0], "removed",
				(json_int_t)removed),
			NULL, err);
	}
	weir_set_done(&set);
	weir_line_done(&line);
	return rc;
}

int weir_set_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *only = weir_arg_plain(args);
	struct weir_set *sets = NULL;
	size_t nr = 0;
	int rc = weir_enter(run, err);

	if (!rc)
		rc = weir_sets_read(run->ns, only, &sets, &nr, err);
	if (!rc)
		rc = weir_show(&run->face, weir_doc_sets(sets, nr, only), weir_text_sets, err);
	weir_sets_done(sets, nr);
	return rc;
}
