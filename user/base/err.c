// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

int weir_fail(struct weir_err *err, enum weir_status status, int error, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	int n;

	if (err) {
		err->status = status;
		err->error = error;
		err->remedy[0] = '\0';
		memset(&err->at, 0, sizeof(err->at));
		va_start(ap, fmt);
		n = vsnprintf(err->what, sizeof(err->what), fmt, ap);
		va_end(ap);
		if (error && n >= 0 && (size_t)n < sizeof(err->what))
			snprintf(err->what + n, sizeof(err->what) - (size_t)n, ": %s",
				strerror(error < 0 ? -error : error));
	}
	errno = saved;
	if (!error)
		return -EINVAL;
	return error < 0 ? error : -error;
}

void weir_remedy(struct weir_err *err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->remedy, sizeof(err->remedy), fmt, ap);
		va_end(ap);
	}
	errno = saved;
}

void weir_err_mark(struct weir_err *err, const char *line, size_t len, unsigned int column,
	unsigned int length)
{
	enum { BEFORE = 60 }; /* of a longer line, so much is shown before the mark */
	struct weir_place *at;
	size_t from = 0, part;

	if (!err)
		return;
	at = &err->at;
	part = sizeof(at->text) - 1;
	if (len > part && column > BEFORE + 1 && column <= len + BEFORE)
		from = column - 1 - BEFORE;
	/* not in the middle of a character, which has four bytes at most; rubbish may have none */
	for (int i = 0; i < 3 && from && (line[from] & 0xc0) == 0x80; i++)
		from--;
	if (len - from < part)
		part = len - from;
	memcpy(at->text, line + from, part);
	at->text[part] = '\0';
	at->from = (unsigned int)from + 1;
	at->column = column;
	at->length = length;
}

void weir_err_line(struct weir_err *err, const char *file, unsigned int line)
{
	if (!err)
		return;
	snprintf(err->at.file, sizeof(err->at.file), "%s", file);
	err->at.line = line;
}

void weir_err_where(const struct weir_err *err, char *buf, size_t size)
{
	const struct weir_place *at = &err->at;

	if (at->line && at->column)
		snprintf(buf, size, "%s:%u:%u", at->file, at->line, at->column);
	else if (at->line)
		snprintf(buf, size, "%s:%u", at->file, at->line);
	else
		snprintf(buf, size, "%s", at->file);
}

bool weir_err_caret(const struct weir_err *err, char *buf, size_t size)
{
	const struct weir_place *at = &err->at;
	char line[sizeof(at->text)], mark[sizeof(at->text) + 1];
	size_t begin = at->column - at->from, end = begin + at->length, n = 0, len;

	if (!at->column || at->column < at->from)
		return false;
	snprintf(line, sizeof(line), "%s", at->text);
	len = strlen(line);
	for (size_t i = 0; i < len || i <= begin; i++) {
		unsigned char c = i < len ? (unsigned char)line[i] : ' ';

		if (i < len && (c < ' ' || c == 0x7f))
			line[i] = c == '\t' ? ' ' : '?';
		/* what follows within a character takes no column */
		if ((c & 0xc0) == 0x80 && i != begin)
			continue;
		if (i < begin)
			mark[n++] = ' ';
		else if (i == begin)
			mark[n++] = '^';
		else if (i < end)
			mark[n++] = '~';
		if (n == sizeof(mark) - 1)
			break;
	}
	mark[n] = '\0';
	snprintf(buf, size, "    %s\n    %s", line, mark);
	return true;
}
