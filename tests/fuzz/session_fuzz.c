// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The words of `nat session`, `nat explain` and `nat timeout`; sessions as maps could hold them, as
 * JSON. */
#include "fuzz.h"
#include "model/explain.h"
#include "out/doc.h"

/* What is wrong is said, and where it points at is in the line, or right behind it. */
static void check_error(const struct weir_err *err, const struct weir_line *line)
{
	char caret[WEIR_CARET_MAX];

	MUST(err->what[0] && err->status == WEIR_USAGE);
	MUST(err->at.column >= 1 && err->at.column <= line->len + 2 && err->at.length);
	MUST(weir_err_caret(err, caret, sizeof(caret)) && strchr(caret, '^'));
}

static void check_match(const struct weir_line *line, bool pages, struct weir_match *match)
{
	struct weir_err err = {0};
	struct weir_match before = *match;

	if (weir_match_parse(match, line, 0, pages, &err)) {
		MUST(!memcmp(match, &before, sizeof(before)));
		check_error(&err, line);
		return;
	}
	MUST(!(match->which.addr & ~match->which.mask) && !match->which.ended);
	MUST(!(match->which.states >> WEIR_SESSION_STATE_COUNT));
	MUST(pages || (!match->limit && !match->from));
}

static void check_words(const struct weir_line *line, struct weir_match *match)
{
	struct weir_err err = {0};
	struct weir_asked asked = {0};
	enum weir_timeout which;
	__u32 seconds = 0;

	check_match(line, false, match);
	check_match(line, true, match);
	if (weir_asked_parse(&asked, line, &err))
		check_error(&err, line);
	memset(&err, 0, sizeof(err));
	if (weir_timeout_parse(&which, &seconds, line, &err))
		check_error(&err, line);
	else
		MUST(which == WEIR_TIMEOUT_COUNT || seconds >= weir_timeout_info[which].least);
}

/* Whatever is in a record, its line is one of JSON, or of text without what could steer a terminal.
 */
static void check_session(const struct weir_session *s, const char *name, bool json)
{
	struct weir_sessions_read read = {.matched = 1, .shown = 1, .all = 1};
	struct weir_seen_session seen = {.s = *s, .in = name, .out = "x"};
	struct weir_face face = {.json = json};
	char *text;
	size_t size;

	face.file = open_memstream(&text, &size);
	MUST(face.file);
	weir_sessions_begin(&face);
	weir_sessions_put(&face, &seen, true);
	weir_sessions_end(&face, &read, "");
	fclose(face.file);
	if (json) {
		json_t *doc = json_loadb(text, size, JSON_DECODE_INT_AS_REAL, NULL);

		MUST(doc && json_array_size(json_object_get(doc, "sessions")) == 1);
		json_decref(doc);
	}
	for (size_t i = 0; i < size; i++)
		MUST(text[i] == '\n' || (unsigned char)text[i] >= ' ');
	free(text);
}

static void check_mapping(const struct weir_session *s)
{
	struct weir_answers answers = {0};
	struct weir_mapping m;
	struct weir_asked asked = {.addr = s->saddr, .has_port = s->flags & 1, .port = s->sport};

	memcpy(&m, &s->saddr, sizeof(m));
	MUST(!weir_explain_mapping(&answers, &asked, &m) && answers.nr <= 1);
	weir_answers_done(&answers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), *end = memchr(text, '\n', size), name[16] = "";
	struct weir_match match = {0};
	struct weir_line line = {0};
	struct weir_session s = {0};
	struct weir_err err;
	size_t len = end ? (size_t)(end - text) : size, rest = size - len;

	/* the first line is words, what is behind it a session */
	if (!weir_line_split(&line, text, len, 2048, &err))
		check_words(&line, &match);
	memcpy(&s, text + len, rest < sizeof(s) ? rest : sizeof(s));
	snprintf(name, sizeof(name), "%s", text);
	(void)weir_session_matches(&s, &match.which);
	check_session(&s, name, true);
	check_session(&s, name, false);
	check_mapping(&s);
	weir_line_done(&line);
	free(text);
	return 0;
}
