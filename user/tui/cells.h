/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A picture of the screen in memory: cells of one character and the role that its colour stands
 * for. Pages are drawn here, so that tests see what a user would; only screen.c knows a terminal.
 */
#ifndef WEIR_CELLS_H
#define WEIR_CELLS_H

#include <stdbool.h>
#include <uchar.h>

enum role {
	ROLE_TEXT,
	ROLE_DIM,     /* what need not be read */
	ROLE_STRONG,  /* titles, the chosen one */
	ROLE_FLOW,    /* the path */
	ROLE_SPARK,   /* how much flows there, over time */
	ROLE_TROUBLE, /* the one accent */
	ROLE_COUNT
};

struct cell {
	char32_t c;
	unsigned char role;
	bool marked; /* the chosen row */
};

struct cells {
	int w, h;
	struct cell *at; /* owned; row after row */
};

/* Makes it that large and blank. Returns 0 or -ENOMEM. */
int cells_resize(struct cells *cells, int w, int h);
void cells_done(struct cells *cells);

struct box {
	int x, y, w, h;
};

struct glyphs;

/* A part of the cells. What is drawn in it is drawn nowhere else: the rest is cut off. */
struct area {
	struct cells *cells;
	const struct glyphs *glyphs;
	struct box box;
};

/* The part of @area within @box, whose place is told in the area's own coordinates. */
struct area area_part(const struct area *area, struct box box);

void area_put(const struct area *a, int x, int y, enum role role, char32_t c);

/* Text from @x on, cut to @w columns with an ellipsis. Returns the column behind it. */
int area_text(const struct area *a, int x, int y, int w, enum role role, const char *text);
int area_print(const struct area *a, int x, int y, int w, enum role role, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* Text that ends before column @x + @w. */
void area_right(const struct area *a, int x, int y, int w, enum role role, const char *text);

/* Text in lines that end between words, at most @rows of them. Returns how many it took. */
int area_wrap(const struct area *a, int y, int rows, enum role role, const char *text);

/* Marks @w columns of a row. */
void area_mark(const struct area *a, int x, int y, int w);

/* How many columns a text takes. */
int text_columns(const char *text);

#endif
