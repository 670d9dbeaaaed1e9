// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Room for a line of @len bytes; no more words than every second of them. */
static int make_room(struct weir_line *line, size_t len, struct weir_err *err)
{
	size_t room = line->room ? line->room : 128;
	char *typed, *plain;
	struct weir_word *words;

	if (len < line->room)
		return 0;
	while (room <= len)
		room *= 2;
	typed = malloc(room);
	plain = malloc(room + 1);
	words = calloc(room / 2 + 1, sizeof(*words));
	if (!typed || !plain || !words) {
		free(typed);
		free(plain);
		free(words);
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "a line of %zu bytes", len);
	}
	weir_line_done(line);
	*line = (struct weir_line){.typed = typed, .plain = plain, .words = words, .room = room};
	return 0;
}

static int fail_at(const struct weir_line *line, size_t at, size_t length, struct weir_err *err,
	const char *what)
{
	weir_fail(err, WEIR_USAGE, 0, "%s", what);
	weir_err_mark(err, line->typed, line->len, (unsigned int)at + 1, (unsigned int)length);
	return -EINVAL;
}

static int check_bytes(const struct weir_line *line, struct weir_err *err)
{
	for (size_t i = 0; i < line->len; i++) {
		unsigned char c = (unsigned char)line->typed[i];

		if ((c >= ' ' && c != 0x7f) || c == '\t')
			continue;
		weir_fail(err, WEIR_USAGE, 0, "byte 0x%02x: a line is text", c);
		weir_err_mark(err, line->typed, line->len, (unsigned int)i + 1, 1);
		return -EINVAL;
	}
	return 0;
}

/* Moves one word from @at to *@to, without its quotes. Returns the byte behind it, or an error. */
static ssize_t take_word(const struct weir_line *line, size_t at, char **to, struct weir_err *err)
{
	const char *typed = line->typed;
	char *out = *to, quote = 0;
	size_t i, opened = 0;

	for (i = at; i < line->len && (quote || !is_blank(typed[i])); i++) {
		if (quote && typed[i] == quote) {
			quote = 0;
		} else if (!quote && (typed[i] == '\'' || typed[i] == '"')) {
			quote = typed[i];
			opened = i;
		} else if (typed[i] == '\\' && quote != '\'') {
			if (++i == line->len)
				return fail_at(
					line, i - 1, 1, err, "a backslash at the end of the line");
			*out++ = typed[i];
		} else {
			*out++ = typed[i];
		}
	}
	if (quote)
		return fail_at(line, opened, i - opened, err,
			quote == '"' ? "a \" without its other half"
				     : "a ' without its other half");
	*out++ = '\0';
	*to = out;
	return (ssize_t)i;
}

int weir_line_split(
	struct weir_line *line, const char *text, size_t len, size_t max, struct weir_err *err)
{
	size_t at = 0;
	char *to;
	int ret;

	line->nr = 0;
	if (len && text[len - 1] == '\r')
		len--;
	if (len > max) {
		weir_fail(err, WEIR_USAGE, 0, "a line of %zu bytes: %zu at most", len, max);
		weir_err_mark(err, text, len, 1, 1);
		return -EINVAL;
	}
	ret = make_room(line, len, err);
	if (ret)
		return ret;
	memcpy(line->typed, text, len);
	line->typed[len] = '\0';
	line->len = len;
	to = line->plain;
	ret = check_bytes(line, err);
	while (!ret) {
		struct weir_word *word = &line->words[line->nr];
		ssize_t end;

		while (at < len && is_blank(line->typed[at]))
			at++;
		if (at == len || line->typed[at] == '#')
			break;
		word->text = to;
		word->column = (unsigned int)at + 1;
		end = take_word(line, at, &to, err);
		if (end < 0) {
			ret = (int)end;
			break;
		}
		word->length = (unsigned int)((size_t)end - at);
		at = (size_t)end;
		line->nr++;
	}
	if (ret)
		line->nr = 0;
	return ret;
}

int weir_line_join(
	struct weir_line *line, int nr, char *const *words, size_t max, struct weir_err *err)
{
	size_t room = 1, len = 0;
	char *text;
	int ret;

	for (int i = 0; i < nr; i++)
		room += WEIR_QUOTED_MAX(strlen(words[i]));
	text = malloc(room);
	if (!text)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "a line of %zu bytes", room);
	for (int i = 0; i < nr; i++) {
		if (i)
			text[len++] = ' ';
		len += weir_quote(text + len, words[i]);
	}
	ret = weir_line_split(line, text, len, max, err);
	free(text);
	return ret;
}

void weir_line_done(struct weir_line *line)
{
	if (!line)
		return;
	free(line->typed);
	free(line->plain);
	free(line->words);
	*line = (struct weir_line){0};
}

size_t weir_quote(char *buf, const char *word)
{
	bool plain = *word;
	char *p = buf;

	for (const char *c = word; *c && plain; c++)
		plain = isalnum((unsigned char)*c) || (*c && strchr("_.-:/@%+,=", *c)) ||
			(unsigned char)*c >= 0x80;
	if (!plain)
		*p++ = '"';
	for (const char *c = word; *c; c++) {
		if (*c == '"' || *c == '\\')
			*p++ = '\\';
		*p++ = *c;
	}
	if (!plain)
		*p++ = '"';
	*p = '\0';
	return (size_t)(p - buf);
}
