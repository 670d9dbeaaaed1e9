/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Arguments, checked against the very syntax string that help prints:
 *
 *   DEV          a word that must be given; DEV... one or more; DEV...|all or the word itself
 *   [DEV]        a word that may be given
 *   [force]      a keyword            [xdp native|generic]  a keyword with one of some words
 *   [-n N]       a keyword with a value, which the handler reads
 *
 * Keywords come in any order, once each, after the plain words. Where a plain DEV stands, `dev
 * NAME` may stand too, for a device that is named like a keyword.
 */
#ifndef WEIR_ARGS_H
#define WEIR_ARGS_H

#include <stdbool.h>

#include "base/err.h"

enum { WEIR_TERM_TEXT = 48, WEIR_KEYS_MAX = 12 };

struct weir_term {
	char word[WEIR_TERM_TEXT];  /* the keyword, or the name of the plain word in capitals */
	char value[WEIR_TERM_TEXT]; /* "" none; a|b|c words to choose from; N any; for a plain word
				       the words that may stand for it */
	bool plain;
	bool many;
	bool optional;
};

/* Reads the next term at *@syntax and moves on; false at the end. */
bool weir_term_next(const char **syntax, struct weir_term *term);

struct weir_args {
	const char **plain; /* owned */
	unsigned int nr_plain;
	unsigned int nr_keys;
	struct {
		char word[WEIR_TERM_TEXT];
		const char *value; /* "" for a keyword without one */
	} key[WEIR_KEYS_MAX];
};

/* @what names the command in messages. The caller owns *@args (weir_args_done) on success. */
int weir_args_parse(struct weir_args *args, const char *what, const char *syntax, int argc,
	char **argv, struct weir_err *err);
/* Takes all words as plain ones, whatever they are. */
int weir_args_take(struct weir_args *args, int argc, char **argv, struct weir_err *err);
void weir_args_done(struct weir_args *args);

/* The value of a keyword, "" when it takes none, NULL when it was not given. */
const char *weir_arg(const struct weir_args *args, const char *word);

/* The first plain word, or NULL. */
const char *weir_arg_plain(const struct weir_args *args);

/* A name that the kernel would accept for a device. */
bool weir_is_dev_name(const char *name);

/* Offers each word of "a|b|c" to @fn until it returns true; returns whether it did. */
bool weir_choice_each(const char *choices, bool (*fn)(const char *word, void *arg), void *arg);

#endif
