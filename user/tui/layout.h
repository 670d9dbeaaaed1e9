/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where things stand, from the size of the screen and the tables alone: never from what was
 * counted, so that nothing moves between two readings.
 */
#ifndef WEIR_LAYOUT_H
#define WEIR_LAYOUT_H

#include "tui/cells.h"
#include "tui/state.h"

enum { LAYOUT_MIN_W = 40, LAYOUT_MIN_H = 10 };

/* Every page: two lines above, the page, what is wrong, the keys. */
struct frame {
	bool fits; /* the screen is large enough; else only the least size is told */
	struct box title, totals, body, trouble, footer;
};

/* @tall: a page that is in need of lines rather than of blanks. */
struct frame layout_frame(int w, int h, bool tall);

/*
 * A column that takes at least @min places (0: it is not asked for), up to @want before others grow
 * further, and up to @max.
 */
struct column {
	const char *title;
	int min, want, max;
	int rank; /* where there is no room for all, the highest are left out */
	bool right;
};

struct span {
	int x, w; /* w 0: left out */
};

/* Blanks between the columns of a table that wide. */
int layout_gap(int width);

void layout_columns(const struct column *columns, int nr, int width, int gap, struct span *spans);

/* How ways out to the side are shown, by how much room there is. */
enum sides {
	SIDES_SPLIT,  /* a line for each stage and kind */
	SIDES_MERGED, /* a line for each stage */
	SIDES_COLUMN, /* no line, a column */
};

enum path_line_kind { LINE_STAGE, LINE_PASSED, LINE_PUNTED, LINE_KERNEL, LINE_OUT };

struct path_line {
	enum path_line_kind kind;
	enum weir_fast_stage stage;
};

enum { PATH_LINES_MAX = 3 * WEIR_FAST_STAGE_COUNT + 1 };

/* The lines of the map, as the table of exits has them, of the stages that packets cross at @hooks
 * (a bit for each). Returns how many. */
int layout_path_lines(enum sides sides, unsigned int hooks, struct path_line lines[PATH_LINES_MAX]);

/* The body of the path page. Boxes without height are left out. */
struct path_layout {
	enum sides sides;
	struct box head, map, detail, drops, latency;
};

struct path_layout layout_path(struct box body, unsigned int hooks);

/* --- the kernel plane's map --- */

/* Where the way of what is sent begins, in the list of stages. */
enum { KERNEL_RECEIVING = WEIR_STAGE_sock_send, KERNEL_LINES = WEIR_STAGE_COUNT };

/* What stands in a line: stages, WEIR_STAGE_COUNT = none. */
struct kernel_line {
	unsigned int left, right;
};

/*
 * The lines of the map: receiving on the left, sending on the right, so that what is forwarded goes
 * from the one to the other on one line; or, where not @two, one way below the other on the left.
 * Returns how many.
 */
int layout_kernel_lines(bool two, struct kernel_line lines[KERNEL_LINES]);

/* The body of the page. Boxes without height are left out. */
struct kernel_layout {
	bool two;	   /* two ways beside each other */
	struct box map[2]; /* with a line of titles; the second is empty where not @two */
	struct box across; /* between them */
	struct box worst;  /* above the second, which begins lower than the first */
	struct box detail, drops;
};

struct kernel_layout layout_kernel(struct box body);

/* The first of @nr lines to show where @visible fit, so that line @at is among them. */
int layout_scroll(int nr, int visible, int at);

#endif
