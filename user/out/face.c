// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "out/face.h"

enum { LINE_MAX_BYTES = 2048 };

void weir_face_init(struct weir_face *face, FILE *file, enum weir_color asked)
{
	const char *no_color = getenv("NO_COLOR");

	memset(face, 0, sizeof(*face));
	face->file = file;
	/* only what a character is: a decimal comma would break whoever reads our numbers */
	setlocale(LC_CTYPE, "");
	face->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	if (asked == WEIR_COLOR_AUTO)
		face->color = !(no_color && *no_color) && isatty(fileno(file));
	else
		face->color = asked == WEIR_COLOR_ALWAYS;
}

int weir_show(const struct weir_face *face, json_t *doc, weir_text_fn *text, struct weir_err *err)
{
	size_t flags = JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9);
	json_t *whole = json_pack("{s:i}", "version", WEIR_DOCUMENT_VERSION);
	int ret = 0;

	flags |= face->pretty ? JSON_INDENT(2) : JSON_COMPACT;
	if (!doc || !whole || json_object_update(whole, doc)) {
		ret = weir_fail(err, WEIR_REFUSED, -ENOMEM, "cannot build the answer");
	} else if (!face->json) {
		if (text)
			text(face, whole);
	} else if (!json_dumpf(whole, face->file, flags)) {
		/* a failed write is told at the end of the program, for text and JSON alike */
		fputc('\n', face->file);
	}
	json_decref(whole);
	json_decref(doc);
	return ret;
}

void weir_plain_text(char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\n') || *text == 0x7f)
			*text = '?';
}

void weir_ink(const struct weir_face *face, enum weir_ink ink, const char *fmt, ...)
{
	static const char *const on[] = {"", "\033[1m", "\033[1;31m"};
	bool color = face->color && ink != WEIR_PLAIN;
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	weir_plain_text(text);
	if (color)
		fputs(on[ink], face->file);
	fputs(text, face->file);
	if (color)
		fputs("\033[0m", face->file);
}

/* Up to a blank, but not one within brackets. */
static int unbroken(const char *text)
{
	int n = 0, depth = 0;

	for (; text[n] && (text[n] != ' ' || depth); n++)
		depth += (text[n] == '[') - (text[n] == ']');
	return n;
}

void weir_wrap(FILE *file, const char *text, int column, int rest)
{
	const char *gap = "";

	while (*text) {
		int n = unbroken(text);

		if (*gap && column + 1 + n > 80) {
			column = fprintf(file, "\n%*s", rest, "") - 1;
			gap = "";
		}
		column += fprintf(file, "%s%.*s", gap, n, text);
		gap = " ";
		text += n + (text[n] == ' ');
	}
	fputc('\n', file);
}

const char *weir_dot(const struct weir_face *face)
{
	return face->utf8 ? "·" : ".";
}

json_int_t weir_get_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *weir_get_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_t *weir_json_text(const char *text)
{
	json_t *json = json_string(text);
	char *copy;

	if (json)
		return json;
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *p = copy; *p; p++)
		if (*p & 0x80)
			*p = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

json_int_t weir_json_int(unsigned long long value)
{
	return value > LLONG_MAX ? LLONG_MAX : (json_int_t)value;
}

void weir_text_clock(const struct weir_face *face, json_int_t ns)
{
	time_t s = (time_t)(ns / 1000000000);
	char clock[16] = "?";
	struct tm tm;

	if (localtime_r(&s, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	weir_ink(face, WEIR_PLAIN, "%s.%06lld ", clock, (long long)(ns / 1000 % 1000000));
}
