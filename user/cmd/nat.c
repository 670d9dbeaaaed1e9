// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* nat: rules, and what came of them: sessions, pools, and who is behind what. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/word.h"
#include "cmd/rules.h"
#include "ctl/filter.h"
#include "ctl/nat.h"
#include "out/doc.h"

enum { PAGE = 100 }; /* sessions, on a terminal */

/* --- rules --- */

int weir_nat_add_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return weir_rules_add(run, WEIR_RULE_NAT, args, err);
}

int weir_nat_del_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return weir_rules_del(run, WEIR_RULE_NAT, args, err);
}

int weir_nat_flush_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return weir_rules_flush(run, WEIR_RULE_NAT, args, err);
}

int weir_nat_load_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return weir_rules_load(run, WEIR_RULE_NAT, args, false, err);
}

int weir_nat_check_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	return weir_rules_load(run, WEIR_RULE_NAT, args, true, err);
}

int weir_nat_show_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_ruleset_model model = {0};
	struct weir_rule_count *counts = NULL;
	struct weir_nat_use use = {0};
	int rc = weir_rules_some(run, WEIR_RULE_NAT, args, &model, &counts, err);

	if (!rc)
		rc = weir_nat_use_read(run->ns, &use, err);
	if (!rc)
		rc = weir_show(&run->face, weir_doc_nat(&model, counts, &use), weir_text_nat, err);
	weir_nat_use_done(&use);
	weir_ruleset_done(&model);
	free(counts);
	return rc;
}

/* --- settings --- */

static int show_timeouts(struct weir_run *run, struct weir_err *err)
{
	struct weir_nat_use use = {0};
	int rc = weir_nat_use_read(run->ns, &use, err);

	if (!rc)
		rc = weir_show(&run->face, weir_doc_timeouts(&use.state), weir_text_timeouts, err);
	weir_nat_use_done(&use);
	return rc;
}

int weir_nat_timeout_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	enum weir_timeout which = WEIR_TIMEOUT_COUNT;
	struct weir_line line = {0};
	__u32 seconds = 0;
	char text[96];
	int rc = weir_words_line(args, &line, err);

	if (!rc)
		rc = weir_timeout_parse(&which, &seconds, &line, err);
	if (!rc)
		rc = weir_enter(run, err);
	weir_line_done(&line);
	if (rc)
		return rc;
	if (which == WEIR_TIMEOUT_COUNT)
		return show_timeouts(run, err);
	rc = weir_nat_timeout_set(run->ns, which, seconds, err);
	if (rc)
		return rc;
	snprintf(
		text, sizeof(text), "timeout of %s: %u seconds", weir_timeout_name(which), seconds);
	return weir_done(run, text,
		json_pack("{s:s, s:I}", "name", weir_timeout_name(which), "seconds",
			(json_int_t)seconds),
		NULL, err);
}

static int show_limit(struct weir_run *run, struct weir_err *err)
{
	struct weir_nat_use use = {0};
	int rc = weir_nat_use_read(run->ns, &use, err);
	char text[64];

	if (rc)
		return rc;
	snprintf(text, sizeof(text), "limit: %u sessions", use.state.sessions_max);
	rc = weir_done(run, text,
		json_pack("{s:I}", "sessions", (json_int_t)use.state.sessions_max), NULL, err);
	weir_nat_use_done(&use);
	return rc;
}

int weir_nat_limit_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *word = weir_arg_plain(args);
	struct weir_notes notes = {0};
	uint64_t nr = 0;
	char text[64];
	int rc;

	if (word && !weir_parse_u64(word, WEIR_SESSIONS_MIN, WEIR_SESSIONS_MAX, &nr))
		return weir_fail(err, WEIR_USAGE, 0, "'%s' is no number of sessions: %d to %d",
			word, WEIR_SESSIONS_MIN, WEIR_SESSIONS_MAX);
	rc = weir_enter(run, err);
	if (rc)
		return rc;
	if (!word)
		return show_limit(run, err);
	rc = weir_nat_limit_set(run->ns, (__u32)nr, &notes, err);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "limit: %u sessions", (unsigned int)nr);
	return weir_done(run, text, json_pack("{s:I}", "sessions", (json_int_t)nr), &notes, err);
}

/* --- sessions --- */

struct showing {
	struct weir_run *run;
	struct weir_err *err;
	bool begun;
};

static int show_one(void *ctx, const struct weir_seen_session *seen)
{
	struct showing *s = ctx;

	weir_sessions_put(&s->run->face, seen, !s->begun);
	s->begun = true;
	return ferror(s->run->face.file) ? -EPIPE : 0; /* told of when all is brought out */
}

/* The command that goes on, but for `from`. */
static void say_more(const struct weir_run *run, const struct weir_line *line, char text[512])
{
	size_t n;
	char where[300];

	weir_where(run, where, sizeof(where));
	n = (size_t)snprintf(text, 512, "weir%s nat session show", where);
	for (unsigned int i = 1; i < line->nr && n < 400; i++) {
		if (!strcmp(line->words[i].text, "from"))
			i++;
		else
			n += (size_t)snprintf(text + n, 512 - n, " %.48s", line->words[i].text);
	}
}

static int show_sessions(struct weir_run *run, const struct weir_line *line, struct weir_err *err)
{
	struct showing s = {.run = run, .err = err};
	struct weir_sessions_read read;
	struct weir_page_of page = {0};
	struct weir_match match;
	char more[512];
	int rc = weir_match_parse(&match, line, 1, true, err);

	if (!rc)
		rc = weir_enter(run, err);
	if (rc)
		return rc;
	page.from = match.from;
	page.limit = match.limit;
	if (!page.limit && !run->face.json && isatty(fileno(run->face.file)))
		page.limit = PAGE;
	weir_sessions_begin(&run->face);
	rc = weir_sessions_each(run->ns, &match.which, page, show_one, &s, &read, err);
	if (rc && rc != -EPIPE)
		return rc;
	say_more(run, line, more);
	weir_sessions_end(&run->face, &read, more);
	return 0;
}

static int flush_sessions(struct weir_run *run, const struct weir_line *line, struct weir_err *err)
{
	struct weir_match match;
	char text[64];
	int rc = weir_match_parse(&match, line, 1, false, err);

	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = weir_sessions_flush(run->ns, &match.which, err);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "%u sessions ended", match.which.ended);
	return weir_done(
		run, text, json_pack("{s:I}", "ended", (json_int_t)match.which.ended), NULL, err);
}

static int wrong_word(const struct weir_line *line, struct weir_err *err)
{
	const char *word = line->nr ? line->words[0].text : "";
	struct weir_nearest nearest = {.typed = word};

	weir_nearest_offer(&nearest, "show");
	weir_nearest_offer(&nearest, "flush");
	if (!line->nr)
		weir_fail(err, WEIR_USAGE, 0, "'nat session' needs 'show' or 'flush'");
	else if (nearest.word)
		weir_fail(err, WEIR_USAGE, 0, "'nat session %s': did you mean '%s'?", word,
			nearest.word);
	else
		weir_fail(err, WEIR_USAGE, 0, "'nat session %s': show or flush", word);
	if (line->nr)
		weir_err_mark(
			err, line->typed, line->len, line->words[0].column, line->words[0].length);
	return -EINVAL;
}

int weir_nat_session_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_line line = {0};
	int rc = weir_words_line(args, &line, err);

	if (!rc && line.nr && !strcmp(line.words[0].text, "show"))
		rc = show_sessions(run, &line, err);
	else if (!rc && line.nr && !strcmp(line.words[0].text, "flush"))
		rc = flush_sessions(run, &line, err);
	else if (!rc)
		rc = wrong_word(&line, err);
	weir_line_done(&line);
	return rc;
}

/* --- explain --- */

struct explaining {
	const struct weir_asked *asked;
	struct weir_answers answers;
};

static int explain_one(void *ctx, const struct weir_mapping *mapping)
{
	struct explaining *e = ctx;

	return weir_explain_mapping(&e->answers, e->asked, mapping);
}

/* All that is known of what was asked. */
static int find_answers(struct weir_run *run, struct explaining *e, struct weir_err *err)
{
	struct weir_ruleset_model model = {0};
	struct weir_rule_count *counts = NULL;
	struct weir_owns owns = {0};
	int rc = weir_rules_read(run->ns, WEIR_RULE_NAT, &model, &counts, err);

	if (!rc)
		rc = weir_owns_read(&owns, err);
	if (!rc)
		rc = weir_mappings_each(run->ns, explain_one, e, err);
	if (!rc)
		rc = weir_explain_rules(&e->answers, e->asked, &model, &owns);
	if (rc == -ENOMEM)
		weir_fail(err, WEIR_REFUSED, rc, "looking who is behind it");
	weir_owns_done(&owns);
	weir_ruleset_done(&model);
	free(counts);
	return rc;
}

static int nobody(const struct weir_asked *asked, struct weir_err *err)
{
	char addr[WEIR_SPAN_MAX];

	weir_addr_text(addr, asked->addr);
	if (asked->has_port)
		weir_fail(err, WEIR_NOT_FOUND, 0, "nobody is behind %s:%u", addr, asked->port);
	else
		weir_fail(
			err, WEIR_NOT_FOUND, 0, "nobody is behind %s, nor is it translated", addr);
	weir_remedy(err, "weir nat show; weir nat session show addr %s", addr);
	return -ENOENT;
}

int weir_nat_explain_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_asked asked;
	struct explaining e = {.asked = &asked};
	struct weir_line line = {0};
	int rc = weir_words_line(args, &line, err);

	if (!rc)
		rc = weir_asked_parse(&asked, &line, err);
	if (!rc)
		rc = weir_enter(run, err);
	if (!rc)
		rc = find_answers(run, &e, err);
	if (!rc && !e.answers.nr)
		rc = nobody(&asked, err);
	if (!rc)
		rc = weir_show(
			&run->face, weir_doc_answers(&asked, &e.answers), weir_text_answers, err);
	weir_answers_done(&e.answers);
	weir_line_done(&line);
	return rc;
}
