/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Errors as values: a function that fails fills one of these and returns -errno; `cmd` prints it
 * once. Libraries never print.
 */
#ifndef WEIR_ERR_H
#define WEIR_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum weir_status { /* exit codes of the program */
	WEIR_DONE = 0,
	WEIR_USAGE = 1,	  /* the words are wrong */
	WEIR_REFUSED = 2, /* the kernel or the device refused */
	WEIR_NOT_FOUND = 3,
	WEIR_PARTLY = 4, /* some of it was done */
	WEIR_CHECK_FAILED = 5,
};

/* Where in a text that a user wrote. Columns count bytes, from 1. */
struct weir_place {
	char file[256];	     /* "" = not a file: the command line */
	unsigned int line;   /* from 1; 0 = not a file's */
	unsigned int column; /* where the wrong word begins; 0 = nowhere in particular */
	unsigned int length; /* of the wrong word */
	char text[160];	     /* what of the line stands around it */
	unsigned int from;   /* the column of text[0] */
};

struct weir_err {
	enum weir_status status;
	int error;	      /* -errno, or 0 where no system call failed */
	char what[512];	      /* what failed, on what, why; no newline at the end */
	char remedy[512];     /* what to type or change next; may be empty */
	struct weir_place at; /* all 0 where no text is to blame */
};

/*
 * Fills @err and returns @error (or -EINVAL where @error is 0), so that `return weir_fail(...)`
 * reads well. @error is -errno or 0; its text is appended to the message where it is not 0.
 * @err may be NULL. errno is kept.
 */
int weir_fail(struct weir_err *err, enum weir_status status, int error, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Sets the remedy of an error already filled. */
void weir_remedy(struct weir_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Marks @length bytes from @column on of @line, which has @len bytes, as what is wrong. */
void weir_err_mark(struct weir_err *err, const char *line, size_t len, unsigned int column,
	unsigned int length);

/* Names the line of a file in which it is wrong. */
void weir_err_line(struct weir_err *err, const char *file, unsigned int line);

/* "FILE:LINE:COLUMN", as far as known: "" on a command line. */
void weir_err_where(const struct weir_err *err, char *buf, size_t size);

/* Room for a caret's two lines. */
#define WEIR_CARET_MAX 400

/*
 * The line and, below it, a caret under what is wrong; both indented by four, without a newline at
 * the end. Safe for a terminal. Returns false where nothing is marked.
 */
bool weir_err_caret(const struct weir_err *err, char *buf, size_t size);

#endif
