/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Words are matched exactly, never by prefix, so that a new command cannot change what an old
 * script means; a mistyped word is answered with the nearest one.
 */
#ifndef WEIR_WORD_H
#define WEIR_WORD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Edits (insert, delete, replace, swap of neighbours) that turn @a into @b, without regard to case:
 * optimal string alignment. Words longer than 63 bytes are compared by their first 63.
 */
unsigned int weir_word_distance(const char *a, const char *b);

/* The nearest word so far; start with { .typed = word }. */
struct weir_nearest {
	const char *typed;
	const char *word; /* NULL where nothing offered is near enough to be meant */
	unsigned int distance;
};

/* Offers @word; kept when it is nearer than what was offered before and near enough. */
void weir_nearest_offer(struct weir_nearest *nearest, const char *word);

#endif
