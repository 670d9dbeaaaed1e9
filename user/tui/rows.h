/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rows of the page that is shown: filtered, sorted, and each with an id that outlives readings.
 */
#ifndef WEIR_ROWS_H
#define WEIR_ROWS_H

#include "tui/picture.h"

enum { ROW_TEXT = 96 };

struct row {
	__u64 id;
	unsigned int stage; /* PATH, DROPS: enum weir_fast_stage; PLANE, BOTH, KERNEL_*: enum
			       weir_stage */
	unsigned int dev; /* DROPS, DEVS: index into the delta's devices; KERNEL_DEVS: its parts */
	const struct weir_drop_seen *drop;    /* DROPS */
	const struct weir_kernel_seen *kdrop; /* KERNEL_DROPS */
	__u64 part_key;			      /* KERNEL_DROPS, KERNEL_DEVS: of the device's part */
	int part;			      /* DEVS: queue or CPU; -1 = the device itself */
	double value;			      /* what it is sorted by, where that is a number */
	unsigned int place,
		order;	     /* what it is sorted by where that is none, and how equals stand */
	char text[ROW_TEXT]; /* what find and filter look at */
};

struct rows {
	unsigned int nr, room;
	struct row *row; /* owned */
};

/* Fills @rows for the page. Returns 0 or -ENOMEM. */
int rows_make(struct rows *rows, const struct picture *p, enum page page);
void rows_done(struct rows *rows);

/* Where the row with that id is; 0 where it is no more. */
unsigned int rows_index(const struct rows *rows, __u64 id);

/* Whether a row has a text in it, whatever its case. */
bool row_has(const struct row *row, const char *text);

/* By what the page can be sorted: titles of its columns. */
unsigned int rows_nr_sorts(enum page page);
const char *rows_sort(enum page page, unsigned int sort);

#endif
