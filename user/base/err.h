/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Errors as values: a function that fails fills one of these and returns -errno; `cmd` prints it
 * once. Libraries never print.
 */
#ifndef WEIR_ERR_H
#define WEIR_ERR_H

enum weir_status { /* exit codes of the program */
	WEIR_DONE = 0,
	WEIR_USAGE = 1,	   /* the words are wrong */
	WEIR_REFUSED = 2,  /* the kernel or the device refused */
	WEIR_NOT_FOUND = 3,
	WEIR_PARTLY = 4,   /* some of it was done */
	WEIR_CHECK_FAILED = 5,
};

struct weir_err {
	enum weir_status status;
	int error;	  /* -errno, or 0 where no system call failed */
	char what[512];	  /* what failed, on what, why; no newline at the end */
	char remedy[512]; /* what to type or change next; may be empty */
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

#endif
