// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tui/layout.h"

static int min_of(int a, int b)
{
	return a < b ? a : b;
}

struct frame layout_frame(int w, int h, bool tall)
{
	int above = tall ? h >= 36 : h >= 26, below = h >= 28, trouble = h >= 28 ? 3 : 2,
	    inner = w - 1;
	struct frame f = {.fits = w >= LAYOUT_MIN_W && h >= LAYOUT_MIN_H};

	if (!f.fits)
		return f;
	f.title = (struct box){1, 0, inner, 1};
	f.totals = (struct box){1, 1, inner, 1};
	f.body = (struct box){0, 2 + above, w, h - 2 - above - below - trouble - 1};
	f.trouble = (struct box){1, h - 1 - trouble, inner, trouble};
	f.footer = (struct box){1, h - 1, inner, 1};
	return f;
}

static int grow(struct span *span, int to, int room)
{
	int more = min_of(to - span->w, room);

	if (more <= 0)
		return room;
	span->w += more;
	return room - more;
}

/* The column of the lowest rank that was not looked at yet, or -1. */
static int next_rank(const struct column *columns, int nr, int *last)
{
	int found = -1;

	for (int i = 0; i < nr; i++)
		if (columns[i].min && columns[i].rank > *last &&
			(found < 0 || columns[i].rank < columns[found].rank))
			found = i;
	if (found >= 0)
		*last = columns[found].rank;
	return found;
}

int layout_gap(int width)
{
	return width >= 120 ? 2 : 1;
}

void layout_columns(const struct column *columns, int nr, int width, int gap, struct span *spans)
{
	int room = width + gap, last = -1, x = 0, i;

	for (i = 0; i < nr; i++)
		spans[i] = (struct span){0, 0};
	/* none behind the first that does not fit: a wider screen never lacks what a narrow one has
	 */
	while ((i = next_rank(columns, nr, &last)) >= 0 && columns[i].min + gap <= room) {
		spans[i].w = columns[i].min;
		room -= columns[i].min + gap;
	}
	for (last = -1; (i = next_rank(columns, nr, &last)) >= 0;)
		if (spans[i].w)
			room = grow(&spans[i], columns[i].want, room);
	for (last = -1; (i = next_rank(columns, nr, &last)) >= 0;)
		if (spans[i].w)
			room = grow(&spans[i], columns[i].max, room);
	for (i = 0; i < nr; i++) {
		if (!spans[i].w)
			continue;
		spans[i].x = x;
		x += spans[i].w + gap;
	}
}

int layout_path_lines(enum sides sides, unsigned int hooks, struct path_line lines[PATH_LINES_MAX])
{
	bool passes[WEIR_FAST_STAGE_COUNT] = {0}, punts[WEIR_FAST_STAGE_COUNT] = {0};
	int nr = 0;

	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
		const struct weir_exit_info *exit = &weir_exit_info[e];

		passes[exit->fast] = passes[exit->fast] || exit->kind == WEIR_KIND_PASS;
		punts[exit->fast] = punts[exit->fast] || exit->kind == WEIR_KIND_PUNT;
	}
	for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++) {
		if (!(weir_stage_hooks(i) & hooks))
			continue;
		lines[nr++] = (struct path_line){LINE_STAGE, i};
		if (sides == SIDES_SPLIT && passes[i])
			lines[nr++] = (struct path_line){LINE_PASSED, i};
		if (sides == SIDES_SPLIT && punts[i])
			lines[nr++] = (struct path_line){LINE_PUNTED, i};
		if (sides == SIDES_MERGED && (passes[i] || punts[i]))
			lines[nr++] = (struct path_line){LINE_KERNEL, i};
	}
	lines[nr++] = (struct path_line){LINE_OUT, WEIR_FAST_STAGE_COUNT - 1};
	return nr;
}

/* Takes @want lines, and a blank one before them, from what is left; none where they do not fit. */
static struct box take(struct box body, int *used, int want)
{
	struct box box = {body.x, body.y + *used + 1, body.w, want};

	if (want < 1 || *used + 1 + want > body.h)
		return (struct box){0};
	*used += 1 + want;
	return box;
}

struct path_layout layout_path(struct box body, unsigned int hooks)
{
	enum { DETAIL = 2, DROPS_MIN = 6, DROPS = 10, LATENCY_MIN = 12, LATENCY = 26 };
	struct path_line lines[PATH_LINES_MAX];
	struct path_layout l = {.sides = SIDES_SPLIT};
	int nr, used, left;

	while ((nr = layout_path_lines(l.sides, hooks, lines)) > body.h - 1 &&
		l.sides != SIDES_COLUMN)
		l.sides++;
	nr = min_of(nr, body.h - 1);
	l.head = (struct box){body.x, body.y, body.w, 1};
	l.map = (struct box){body.x, body.y + 1, body.w, nr};
	used = 1 + nr;
	l.detail = take(body, &used, DETAIL);
	left = body.h - used - 1;
	if (left >= DROPS_MIN)
		l.drops = take(body, &used, min_of(left, DROPS));
	left = body.h - used - 1;
	if (left >= LATENCY_MIN)
		l.latency = take(body, &used, min_of(left, LATENCY));
	return l;
}

int layout_kernel_lines(bool two, struct kernel_line lines[KERNEL_LINES])
{
	/* what is forwarded leaves nf_forward for ip_output */
	int lower = WEIR_STAGE_nf_forward - (WEIR_STAGE_ip_output - KERNEL_RECEIVING);
	int sending = WEIR_STAGE_COUNT - KERNEL_RECEIVING;
	int nr = two ? sending + lower : WEIR_STAGE_COUNT;

	for (int i = 0; i < nr; i++) {
		lines[i].left = lines[i].right = WEIR_STAGE_COUNT;
		if (!two || i < KERNEL_RECEIVING)
			lines[i].left = (unsigned int)i;
		if (two && i >= lower)
			lines[i].right = (unsigned int)(KERNEL_RECEIVING + i - lower);
	}
	return nr;
}

struct kernel_layout layout_kernel(struct box body)
{
	enum { TWO = 100, ACROSS = 3, DETAIL = 2, DROPS_MIN = 4, DROPS = 14 };
	struct kernel_layout l = {.two = body.w >= TWO};
	struct kernel_line lines[KERNEL_LINES];
	int nr = layout_kernel_lines(l.two, lines), half = (body.w - 1 - ACROSS) / 2, used, left;
	int lower = 0;

	used = min_of(1 + nr, body.h);
	l.map[0] = (struct box){1, body.y, l.two ? half : body.w - 1, used};
	if (l.two) {
		while (lines[lower].right == WEIR_STAGE_COUNT)
			lower++;
		l.map[1] = (struct box){1 + half + ACROSS, body.y, half, used};
		l.across = (struct box){1 + half, body.y, ACROSS, used};
		if (used == 1 + nr)
			l.worst = (struct box){l.map[1].x, body.y, half, lower};
	}
	l.detail = take(body, &used, DETAIL);
	left = body.h - used - 1;
	if (left >= DROPS_MIN)
		l.drops = take(body, &used, min_of(left, DROPS));
	return l;
}

int layout_scroll(int nr, int visible, int at)
{
	int top = at - visible / 2;

	if (top > nr - visible)
		top = nr - visible;
	return top > 0 ? top : 0;
}
