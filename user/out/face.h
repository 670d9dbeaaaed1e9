/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every answer of weir is one JSON document. It is printed as it is, or as text tables that are
 * made from that document alone: the two faces cannot disagree.
 */
#ifndef WEIR_FACE_H
#define WEIR_FACE_H

#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>

#include "base/err.h"

enum weir_color { WEIR_COLOR_AUTO, WEIR_COLOR_ALWAYS, WEIR_COLOR_NEVER };

struct weir_face {
	FILE *file;
	bool json;
	bool pretty; /* JSON indented */
	bool color;
	bool utf8;
};

/* @asked wins over NO_COLOR, which wins over whether @file is a terminal. Reads the locale. */
void weir_face_init(struct weir_face *face, FILE *file, enum weir_color asked);

/* Of all documents: what "version" says. */
enum { WEIR_DOCUMENT_VERSION = 1 };

typedef void weir_text_fn(const struct weir_face *face, const json_t *doc);

/*
 * Adds "version" and prints @doc, whose reference it takes: as one line of JSON, indented JSON, or
 * by @text, which may be NULL where text has nothing to say. @doc NULL means that memory ran out.
 */
int weir_show(const struct weir_face *face, json_t *doc, weir_text_fn *text, struct weir_err *err);

enum weir_ink { WEIR_PLAIN, WEIR_HEAD, WEIR_ALARM };

/* Replaces control characters but newlines: names are bytes, and could steer a terminal. */
void weir_plain_text(char *text);

/* Prints in the colour of a meaning, if at all in colour; all text but blanks goes this way. */
void weir_ink(const struct weir_face *face, enum weir_ink ink, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Prints in lines of at most 80 columns and ends the last. The first begins at @column, where the
 * cursor is; the others are indented by @rest. No line breaks within brackets.
 */
void weir_wrap(FILE *file, const char *text, int column, int rest);

/* The time of day of @ns since 1970, with a blank behind it: "12:25:48.715759 ". */
void weir_text_clock(const struct weir_face *face, json_int_t ns);

/* What stands for nothing. */
const char *weir_dot(const struct weir_face *face);

enum weir_format {
	WEIR_TEXT,
	WEIR_FLAG,   /* "yes", or nothing */
	WEIR_NUMBER, /* every digit; 0 is a value like others */
	WEIR_COUNT,  /* every digit; 0 is nothing */
	WEIR_SI,     /* three digits and a prefix; 0 is nothing */
	WEIR_NS,
	WEIR_CAUSES, /* an array of {cause, packets or pps}: the first three of them */
};

struct weir_column {
	const char *title;
	const char *key; /* of the row's object */
	enum weir_format format;
	int width;	  /* at least; columns of a repeated table keep their place */
	const char *fine; /* with alarm: the text that is no cause for it */
	bool alarm;	  /* anything but nothing, or @fine, is shown as trouble */
};

/* Columns on a screen, of what we print: no wide and no combining characters but in device names. */
int weir_columns_of(const char *text);

/* Prints an array of objects as an aligned table with a heading. */
void weir_table(const struct weir_face *face, const struct weir_column *columns, size_t nr,
	const json_t *rows);

#define WEIR_TABLE(face, columns, rows)                                                            \
	weir_table(face, columns, sizeof(columns) / sizeof(*(columns)), rows)

/* The members of an object, for text; 0 or "" where there is none. */
json_int_t weir_get_int(const json_t *object, const char *key);
const char *weir_get_text(const json_t *object, const char *key);

/* JSON text of a string that may not be UTF-8 (device names are bytes): what is not becomes '?'. */
json_t *weir_json_text(const char *text);

/* JSON integers are signed: 2^63 and above stay at the largest. */
json_int_t weir_json_int(unsigned long long value);

#endif
