/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A line that a user wrote, as words that know where they stand, so that an error can point at
 * them. Words are split as in a batch file: blanks, '...', "...", backslash, # comments.
 */
#ifndef WEIR_LINE_H
#define WEIR_LINE_H

#include <stddef.h>

#include "base/err.h"

struct weir_word {
	const char *text;    /* without quotes */
	unsigned int column; /* from 1, in bytes */
	unsigned int length; /* as typed, with quotes */
};

/* Zeroed is empty. It can be split into again and again, and keeps its memory. */
struct weir_line {
	char *typed; /* the line, with a NUL behind it */
	size_t len;
	char *plain; /* the words' texts */
	struct weir_word *words;
	unsigned int nr;
	size_t room;
};

/*
 * Splits @text, @len bytes without a newline. Longer than @max, a control character but tab, or a
 * quote without its other half: an error that is marked.
 */
int weir_line_split(
	struct weir_line *line, const char *text, size_t len, size_t max, struct weir_err *err);

/* The line that these words would make, quoted where they must be. */
int weir_line_join(
	struct weir_line *line, int nr, char *const *words, size_t max, struct weir_err *err);

void weir_line_done(struct weir_line *line);

/* Bytes that weir_quote() writes at most, with the NUL. */
#define WEIR_QUOTED_MAX(len) (2 * (len) + 3)

/* Writes a word so that it is split into itself again, in "..." if need be. Returns its length. */
size_t weir_quote(char *buf, const char *word);

#endif
