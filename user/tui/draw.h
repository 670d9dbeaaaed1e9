/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drawing: a picture into cells. One file a page; draw.c has the frame and what pages share. */
#ifndef WEIR_DRAW_H
#define WEIR_DRAW_H

#include "tui/layout.h"
#include "tui/rows.h"

/*
 * Draws all of it. @rows are those of the page, @drops those of the page of drops. Returns how many
 * of the page's can be seen at once.
 */
int draw(const struct picture *p, const struct rows *rows, const struct rows *drops,
	struct cells *cells);

/* Pages, each in its area; the same return. */
int draw_path(const struct picture *p, const struct rows *rows, const struct rows *drops,
	const struct area *area);
int draw_drops(const struct picture *p, const struct rows *rows, const struct area *area);
int draw_devs(const struct picture *p, const struct rows *rows, const struct area *area);
/* @stage: of the plane that is shown, as the history counts them. */
int draw_latency(const struct picture *p, const struct area *area, unsigned int stage);
int draw_plane(const struct picture *p, const struct rows *rows, const struct area *area);
int draw_help(const struct picture *p, const struct rows *rows, const struct area *area);

int draw_both(const struct picture *p, const struct rows *rows, const struct area *area);
int draw_trace(const struct picture *p, const struct rows *rows, const struct area *area);
int draw_kernel(const struct picture *p, const struct rows *rows, const struct area *area);
int draw_kernel_drops(const struct picture *p, const struct rows *rows, const struct area *area);
int draw_kernel_devs(const struct picture *p, const struct rows *rows, const struct area *area);

/* The drops as a table, the first of them, with no row chosen. */
void draw_drops_table(const struct picture *p, const struct rows *rows, const struct area *area);

/* Those of the kernel plane's chosen part, the worst first. */
void draw_kernel_drops_table(const struct picture *p, const struct area *area);

/* The frame's lines. */
void draw_title(const struct picture *p, const struct area *area);
void draw_totals(const struct picture *p, const struct area *area);
void draw_trouble(const struct picture *p, const struct area *area);
void draw_footer(const struct picture *p, const struct area *area);

/* --- what pages share --- */

/* Titles over their columns; @sorted is the one that the rows are sorted by, or NULL. */
void draw_head(const struct area *area, const struct column *columns, const struct span *spans,
	int nr, const char *sorted, bool invert);

/* A number at the right of its column: a dot for nothing, and for what is not known. */
void draw_si(const struct area *area, struct span span, int y, enum role role, double value,
	const char *unit);
/* A time of day, or a dot; @before: it was there before. */
void draw_time(const struct area *area, struct span span, int y, __u64 when_s, bool before);
void draw_ns(const struct area *area, struct span span, int y, __u64 ns);

/* A bar for @share (0 to 1) of the column. */
void draw_bar(const struct area *area, struct span span, int y, double share);

/* The last values as a line, the newest at the right; @value tells that of a reading, negative for
 * none. @most is what the full height stands for. */
typedef float draw_value_fn(const void *ctx, int age);
void draw_spark(const struct area *area, struct span span, int y, enum role role,
	draw_value_fn *value, const void *ctx, float most);

/* "last 20 s": of the plane that is shown. */
void draw_span_text(char *buf, size_t size, const struct picture *p, int readings);

/*
 * In the first column, beside lines @y to @y + @visible - 1: which of them is chosen, and whether
 * there are more above or below.
 */
void draw_margin(const struct area *area, int y, int visible, int nr, int top, int at);

/* The row that is chosen, as an index. */
int draw_chosen(const struct picture *p, const struct rows *rows);

/* Causes of one kind at a stage with their rates, the largest first, as text; "" for none. */
enum cause_kind { CAUSES_DROPPED, CAUSES_PASSED, CAUSES_PUNTED, CAUSES_KERNEL };
void draw_causes(char *buf, size_t size, const struct picture *p, const struct weir_row *row,
	enum weir_fast_stage fast, enum cause_kind kind);

/* The same of the kernel plane: of the part at the stage. */
void draw_kernel_causes(char *buf, size_t size, const struct picture *p,
	const struct weir_kernel_part *part, unsigned int stage);

#endif
