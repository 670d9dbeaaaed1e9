// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* filter and set: rules, policies and named sets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "ctl/filter.h"
#include "model/rule.h"
#include "out/doc.h"

enum { FILE_MAX = 1 << 30 };

/* What the words of a command are, as a line in which errors point at one. */
static int read_line(const struct weir_args *args, struct weir_line *line, struct weir_err *err)
{
	return weir_line_join(
		line, (int)args->nr_plain, (char *const *)args->plain, WEIR_RULE_LINE_MAX, err);
}

/* Says what was done, and what there is to note: as text, or as @doc. */
static int done(struct weir_run *run, const char *text, json_t *doc, const struct weir_notes *notes,
	struct weir_err *err)
{
	json_t *lines = json_array();

	for (unsigned int i = 0; notes && i < notes->nr; i++) {
		json_array_append_new(lines, weir_json_text(notes->line[i]));
		if (!run->face.json)
			fprintf(stderr, "weir: note: %s\n", notes->line[i]);
	}
	json_object_set_new(doc, "notes", lines);
	if (!run->face.json)
		weir_ink(&run->face, WEIR_PLAIN, "%s\n", text);
	return weir_show(&run->face, doc, NULL, err);
}

/* --- filter --- */

static int add_one(void *ctx, struct weir_ruleset_model *model, struct weir_err *err)
{
	struct weir_rule *rule = ctx;
	struct weir_rule mine = *rule;
	__u32 at = rule->at ? rule->at - 1 : model->nr;
	int rc = weir_ruleset_add(model, &mine, err);

	if (!rc) {
		rule->id = model->rules[at].id;
		rule->comment = NULL; /* the model has taken over what it owned */
		rule->src = rule->dst = rule->sport = rule->dport = (struct weir_list){0};
	}
	return rc;
}

int weir_filter_add_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_notes notes = {0};
	struct weir_rule rule = {0};
	struct weir_line line = {0};
	char text[64];
	int rc = read_line(args, &line, err);

	if (!rc)
		rc = weir_rule_parse(&rule, WEIR_RULE_FILTER, &line, 0, err);
	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_filter_change(run->ns, add_one, &rule, false, &notes, err);
	if (!rc) {
		snprintf(text, sizeof(text), "rule %u added", rule.id);
		rc = done(run, text, json_pack("{s:I}", "id", (json_int_t)rule.id), &notes, err);
	}
	weir_rule_done(&rule);
	weir_line_done(&line);
	return rc;
}

static int delete_one(void *ctx, struct weir_ruleset_model *model, struct weir_err *err)
{
	int rc = weir_ruleset_delete(model, *(__u32 *)ctx, err);

	if (rc)
		weir_remedy(err, "weir filter show");
	return rc;
}

static int read_id(const struct weir_args *args, __u32 *id, struct weir_err *err)
{
	const char *word = weir_arg_plain(args);
	uint64_t value = 0;

	if (word && !weir_parse_u64(word, 1, UINT32_MAX, &value))
		return weir_fail(err, WEIR_USAGE, 0,
			"'%s' is no rule's id: a number, as 'weir filter show' has it", word);
	*id = word ? (__u32)value : 0;
	return 0;
}

int weir_filter_del_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_notes notes = {0};
	char text[64];
	__u32 id = 0;
	int rc = read_id(args, &id, err);

	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_filter_change(run->ns, delete_one, &id, false, &notes, err);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "rule %u deleted", id);
	return done(run, text, json_pack("{s:I}", "id", (json_int_t)id), &notes, err);
}

static int flush_all(void *ctx, struct weir_ruleset_model *model, struct weir_err *err)
{
	(void)err;
	*(__u32 *)ctx = model->nr;
	weir_ruleset_flush(model);
	return 0;
}

int weir_filter_flush_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_notes notes = {0};
	char text[64];
	__u32 nr = 0;
	int rc = weir_enter(run, err);

	(void)args;
	if (!rc)
		rc = weir_filter_change(run->ns, flush_all, &nr, false, &notes, err);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "%u rules deleted", nr);
	return done(run, text, json_pack("{s:I}", "deleted", (json_int_t)nr), &notes, err);
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
	int rc = read_line(args, &line, err);

	if (!rc)
		rc = weir_policy_parse(&policy, &line, 0, err);
	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_filter_change(run->ns, set_policy, &policy, false, &notes, err);
	if (!rc) {
		snprintf(text, sizeof(text), "policy %s dev %s %s", policy.out ? "out" : "in",
			policy.dev, weir_verdict_name(policy.verdict));
		rc = done(run, text,
			json_pack("{s:s, s:s, s:s}", "direction", policy.out ? "out" : "in",
				"device", policy.dev, "verdict", weir_verdict_name(policy.verdict)),
			&notes, err);
	}
	weir_line_done(&line);
	return rc;
}

/* --- a file --- */

struct file {
	const char *name;
	char *text;
	size_t len;
	__u32 rules;
};

static int read_file(struct file *f, struct weir_err *err)
{
	FILE *in = strcmp(f->name, "-") ? fopen(f->name, "re") : stdin;
	size_t room = 0, got = 1;
	int rc = 0;

	if (!in)
		return weir_fail(err, errno == ENOENT ? WEIR_NOT_FOUND : WEIR_USAGE, -errno,
			"opening %s", f->name);
	while (got && !rc) {
		if (f->len == room) {
			char *grown = realloc(f->text, room = 2 * room + 65536);

			if (!grown || room > FILE_MAX) {
				rc = weir_fail(err, WEIR_USAGE, -EFBIG, "reading %s", f->name);
				break;
			}
			f->text = grown;
		}
		got = fread(f->text + f->len, 1, room - f->len, in);
		f->len += got;
	}
	if (!rc && ferror(in))
		rc = weir_fail(err, WEIR_USAGE, errno ? -errno : -EIO, "reading %s", f->name);
	if (in != stdin)
		fclose(in);
	return rc;
}

static int load_file(void *ctx, struct weir_ruleset_model *model, struct weir_err *err)
{
	struct file *f = ctx;
	int rc = weir_ruleset_load(model, f->name, f->text, f->len, err);

	f->rules = model->nr;
	return rc;
}

static int load(struct weir_run *run, const struct weir_args *args, bool dry, struct weir_err *err)
{
	struct file f = {.name = weir_arg_plain(args)};
	struct weir_notes notes = {0};
	char text[64];
	int rc = read_file(&f, err);

	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_filter_change(run->ns, load_file, &f, dry, &notes, err);
	if (!rc) {
		snprintf(text, sizeof(text), "%u rules %s", f.rules, dry ? "are right" : "loaded");
		rc = done(run, text, json_pack("{s:I}", "rules", (json_int_t)f.rules), &notes, err);
	}
	free(f.text);
	return rc;
}

int weir_filter_load_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return load(run, args, false, err);
}

int weir_filter_check_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return load(run, args, true, err);
}

/* --- showing --- */

/* Of all rules leaves one, as it stands. */
static int leave_one(struct weir_ruleset_model *model, struct weir_rule_count *counts, __u32 id,
	struct weir_err *err)
{
	long at = weir_ruleset_find(model, id);

	if (at < 0) {
		weir_fail(err, WEIR_NOT_FOUND, 0, "there is no rule %u", id);
		weir_remedy(err, "weir filter show");
		return -ENOENT;
	}
	while (model->nr > (__u32)at + 1)
		weir_ruleset_delete(model, model->rules[model->nr - 1].id, NULL);
	counts[0] = counts[at];
	while (model->nr > 1)
		weir_ruleset_delete(model, model->rules[0].id, NULL);
	model->nr_policies = 0;
	return 0;
}

int weir_filter_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_ruleset_model model = {0};
	struct weir_rule_count *counts = NULL;
	__u32 id = 0;
	int rc = read_id(args, &id, err);

	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_filter_read(run->ns, &model, &counts, err);
	if (!rc && id)
		rc = leave_one(&model, counts, id, err);
	if (!rc)
		rc = weir_show(&run->face, weir_doc_rules(&model, counts), weir_text_rules, err);
	weir_ruleset_done(&model);
	free(counts);
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
	int rc = read_line(args, &line, err);

	if (!rc)
		rc = weir_set_parse(&set, &line, 0, err);
	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_set_add(run->ns, &set, &added, &notes, err);
	if (!rc) {
		snprintf(text, sizeof(text), "%u elements added to set %s", added, set.name);
		rc = done(run, text,
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
	int rc = args->nr_plain ? read_line(args, &line, err)
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
		rc = done(run, text,
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
