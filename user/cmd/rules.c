// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules of the filter and of NAT: what is the same of both. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cmd/rules.h"
#include "ctl/filter.h"
#include "model/nat.h"
#include "out/doc.h"

enum { FILE_MAX = 1 << 30 };

int weir_words_line(const struct weir_args *args, struct weir_line *line, struct weir_err *err)
{
	return weir_line_join(
		line, (int)args->nr_plain, (char *const *)args->plain, WEIR_RULE_LINE_MAX, err);
}

int weir_done(struct weir_run *run, const char *text, json_t *doc, const struct weir_notes *notes,
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

static const char *object_of(enum weir_rule_kind kind)
{
	return kind == WEIR_RULE_NAT ? "nat" : "filter";
}

/* What is said of a change: @before NUMBER @after; in JSON the number is @key. */
struct said {
	const char *key, *before;
	const __u32 *number; /* as it is once the change is made */
	const char *after;
};

static int change(struct weir_run *run, enum weir_rule_kind kind,
	int (*edit)(void *ctx, struct weir_ruleset_model *model, struct weir_err *err), void *ctx,
	bool dry, struct said said, struct weir_err *err)
{
	struct weir_notes notes = {0};
	char text[64];
	int rc = weir_enter(run, err);

	if (!rc)
		rc = weir_rules_change(run->ns, kind, edit, ctx, dry, &notes, err);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "%s%u %s", said.before, *said.number, said.after);
	return weir_done(
		run, text, json_pack("{s:I}", said.key, (json_int_t)*said.number), &notes, err);
}

/* --- one by one --- */

/* A rule to be added, and the words that it was made of. */
struct adding {
	struct weir_rule rule;
	struct weir_line line;
};

static int add_one(void *ctx, struct weir_ruleset_model *model, struct weir_err *err)
{
	struct adding *adding = ctx;
	struct weir_rule *rule = &adding->rule, mine = *rule;
	__u32 at = rule->at ? rule->at - 1 : model->nr;
	int rc = 0;

	if (rule->kind == WEIR_RULE_NAT)
		rc = weir_nat_clash(model, rule, &adding->line, 0, err);
	if (!rc)
		rc = weir_ruleset_add(model, &mine, err);
	if (!rc) {
		rule->id = model->rules[at].id;
		rule->comment = NULL; /* the model has taken over what it owned */
		rule->src = rule->dst = rule->sport = rule->dport = (struct weir_list){0};
	}
	return rc;
}

int weir_rules_add(struct weir_run *run, enum weir_rule_kind kind, const struct weir_args *args,
	struct weir_err *err)
{
	struct adding a = {0};
	int rc = weir_words_line(args, &a.line, err);

	if (!rc)
		rc = weir_rule_parse(&a.rule, kind, &a.line, 0, err);
	if (!rc)
		rc = change(run, kind, add_one, &a, false,
			(struct said){"id", "rule ", &a.rule.id, "added"}, err);
	weir_rule_done(&a.rule);
	weir_line_done(&a.line);
	return rc;
}

static int delete_one(void *ctx, struct weir_ruleset_model *model, struct weir_err *err)
{
	int rc = weir_ruleset_delete(model, *(__u32 *)ctx, err);

	if (rc)
		weir_remedy(err, "weir %s show", object_of(model->kind));
	return rc;
}

static int read_id(
	enum weir_rule_kind kind, const struct weir_args *args, __u32 *id, struct weir_err *err)
{
	const char *word = weir_arg_plain(args);
	uint64_t value = 0;

	if (word && !weir_parse_u64(word, 1, UINT32_MAX, &value))
		return weir_fail(err, WEIR_USAGE, 0,
			"'%s' is no rule's id: a number, as 'weir %s show' has it", word,
			object_of(kind));
	*id = word ? (__u32)value : 0;
	return 0;
}

int weir_rules_del(struct weir_run *run, enum weir_rule_kind kind, const struct weir_args *args,
	struct weir_err *err)
{
	__u32 id = 0;
	int rc = read_id(kind, args, &id, err);

	return rc ? rc
		  : change(run, kind, delete_one, &id, false,
			    (struct said){"id", "rule ", &id, "deleted"}, err);
}

static int flush_all(void *ctx, struct weir_ruleset_model *model, struct weir_err *err)
{
	(void)err;
	*(__u32 *)ctx = model->nr;
	weir_ruleset_flush(model);
	return 0;
}

int weir_rules_flush(struct weir_run *run, enum weir_rule_kind kind, const struct weir_args *args,
	struct weir_err *err)
{
	__u32 nr = 0;

	(void)args;
	return change(run, kind, flush_all, &nr, false,
		(struct said){"deleted", "", &nr, "rules deleted"}, err);
}

/* --- a file --- */

struct file {
	const char *name; /* as messages have it */
	char *text;
	size_t len;
	__u32 rules;
};

/*
 * An empty file deletes all rules, and so must not be had by mistake: standard input is read once,
 * and not where it is a batch of commands.
 */
static int check_standard(const struct weir_run *run, struct weir_err *err)
{
	const char *batch = run->options.batch;

	if (batch && !strcmp(batch, "-"))
		return weir_fail(err, WEIR_USAGE, 0,
			"standard input holds the commands of '-b -', and so no rules");
	if (feof(stdin))
		return weir_fail(err, WEIR_USAGE, 0, "standard input was read to its end before");
	return 0;
}

/* Opens the file that is named, or standard input. */
static int open_file(const struct weir_run *run, const struct weir_args *args, struct file *f,
	FILE **in, struct weir_err *err)
{
	if (weir_arg(args, "-")) {
		f->name = "<stdin>";
		*in = stdin;
		return check_standard(run, err);
	}
	f->name = weir_arg_plain(args);
	*in = fopen(f->name, "re");
	return *in ? 0
		   : weir_fail(err, errno == ENOENT ? WEIR_NOT_FOUND : WEIR_USAGE, -errno,
			     "opening %s", f->name);
}

static int read_file(const struct weir_run *run, const struct weir_args *args, struct file *f,
	struct weir_err *err)
{
	FILE *in;
	size_t room = 0, got = 1;
	int rc = open_file(run, args, f, &in, err);

	if (rc)
		return rc;
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

int weir_rules_load(struct weir_run *run, enum weir_rule_kind kind, const struct weir_args *args,
	bool dry, struct weir_err *err)
{
	struct file f = {0};
	int rc = read_file(run, args, &f, err);

	if (!rc)
		rc = change(run, kind, load_file, &f, dry,
			(struct said){
				"rules", "", &f.rules, dry ? "rules are right" : "rules loaded"},
			err);
	if (rc && err->at.line && !err->at.column)
		weir_ruleset_point(err, f.name, f.text, f.len, err->at.line);
	free(f.text);
	return rc;
}

/* --- showing --- */

/* Of all rules leaves one, as it stands. */
static int leave_one(struct weir_ruleset_model *model, struct weir_rule_count *counts, __u32 id,
	struct weir_err *err)
{
	long at = weir_ruleset_find(model, id);

	if (at < 0) {
		weir_fail(err, WEIR_NOT_FOUND, 0, "there is no rule %u", id);
		weir_remedy(err, "weir %s show", object_of(model->kind));
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

int weir_rules_some(struct weir_run *run, enum weir_rule_kind kind, const struct weir_args *args,
	struct weir_ruleset_model *model, struct weir_rule_count **counts, struct weir_err *err)
{
	__u32 id = 0;
	int rc = read_id(kind, args, &id, err);

	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_rules_read(run->ns, kind, model, counts, err);
	if (!rc && id)
		rc = leave_one(model, *counts, id, err);
	return rc;
}
