// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "tui/draw.h"

static void draw_too_small(const struct area *area)
{
	area_print(area, 0, 0, area->box.w, ROLE_STRONG, "weir top");
	area_print(area, 0, 1, area->box.w, ROLE_TEXT, "needs %dx%d", LAYOUT_MIN_W, LAYOUT_MIN_H);
	area_print(area, 0, 2, area->box.w, ROLE_TEXT, "this is %dx%d", area->box.w, area->box.h);
	area_print(area, 0, 3, area->box.w, ROLE_DIM, "q quits");
}

int draw(const struct picture *p, const struct rows *rows, const struct rows *drops,
	struct cells *cells)
{
	struct area all = {cells, p->glyphs, {0, 0, cells->w, cells->h}}, part;
	enum page page = state_page(p->state);
	struct frame f = layout_frame(cells->w, cells->h, page == PAGE_KERNEL_PATH);

	if (!f.fits) {
		draw_too_small(&all);
		return 1;
	}
	part = area_part(&all, f.title);
	draw_title(p, &part);
	part = area_part(&all, f.totals);
	draw_totals(p, &part);
	part = area_part(&all, f.trouble);
	draw_trouble(p, &part);
	part = area_part(&all, f.footer);
	draw_footer(p, &part);
	part = area_part(&all, f.body);
	switch (page) {
	case PAGE_PATH:
		return draw_path(p, rows, drops, &part);
	case PAGE_DROPS:
		return draw_drops(p, rows, &part);
	case PAGE_DEVS:
		return draw_devs(p, rows, &part);
	case PAGE_LATENCY:
		return draw_latency(p, &part, rows->row[draw_chosen(p, rows)].stage);
	case PAGE_BOTH:
		return draw_both(p, rows, &part);
	case PAGE_TRACE:
		return draw_trace(p, rows, &part);
	case PAGE_KERNEL_PATH:
		return draw_kernel(p, rows, &part);
	case PAGE_KERNEL_DROPS:
		return draw_kernel_drops(p, rows, &part);
	case PAGE_KERNEL_DEVS:
		return draw_kernel_devs(p, rows, &part);
	case PAGE_KERNEL_LATENCY:
		return draw_latency(p, &part, rows->row[draw_chosen(p, rows)].stage);
	case PAGE_PLANE:
		return draw_plane(p, rows, &part);
	default:
		return draw_help(p, rows, &part);
	}
}

int draw_chosen(const struct picture *p, const struct rows *rows)
{
	return (int)rows_index(rows, p->state->chosen[state_list(p->state)]);
}

void draw_head(const struct area *area, const struct column *columns, const struct span *spans,
	int nr, const char *sorted, bool invert)
{
	for (int i = 0; i < nr; i++) {
		bool by = sorted && !strcmp(columns[i].title, sorted);
		const struct span *s = &spans[i];
		int columns_used = text_columns(columns[i].title);

		if (!s->w)
			continue;
		if (columns[i].right)
			area_right(
				area, s->x, 0, s->w, by ? ROLE_STRONG : ROLE_DIM, columns[i].title);
		else
			area_text(
				area, s->x, 0, s->w, by ? ROLE_STRONG : ROLE_DIM, columns[i].title);
		if (by)
			area_put(area,
				columns[i].right ? s->x + s->w - columns_used - 1
						 : s->x + columns_used,
				0, ROLE_STRONG, invert ? area->glyphs->up : area->glyphs->down);
	}
}

void draw_time(const struct area *area, struct span span, int y, __u64 when_s, bool before)
{
	char clock[16], text[32];

	if (!when_s) {
		area_right(area, span.x, y, span.w, ROLE_DIM, area->glyphs->dot);
		return;
	}
	weir_format_clock(clock, sizeof(clock), when_s);
	snprintf(text, sizeof(text), "%s%s", before ? "<" : "", clock);
	area_right(area, span.x, y, span.w, ROLE_TEXT, text);
}

void draw_si(const struct area *area, struct span span, int y, enum role role, double value,
	const char *unit)
{
	char text[2 * WEIR_NUM_MAX];

	if (!span.w)
		return;
	weir_format_si(text, sizeof(text), value, unit);
	if (value > 0)
		area_right(area, span.x, y, span.w, role, text);
	else
		area_right(area, span.x, y, span.w, ROLE_DIM, area->glyphs->dot);
}

void draw_ns(const struct area *area, struct span span, int y, __u64 ns)
{
	char text[WEIR_NUM_MAX];

	if (!span.w)
		return;
	weir_format_ns(text, sizeof(text), (double)ns, area->glyphs->utf8);
	area_right(area, span.x, y, span.w, ROLE_TEXT, text);
}

void draw_bar(const struct area *area, struct span span, int y, double share)
{
	int full = (int)(share * span.w + 0.5);

	/* a little is not nothing */
	if (share > 0 && !full)
		full = 1;
	for (int x = 0; x < span.w; x++)
		area_put(area, span.x + x, y, x < full ? ROLE_FLOW : ROLE_DIM,
			x < full ? area->glyphs->bar : area->glyphs->track);
}

void draw_spark(const struct area *area, struct span span, int y, enum role role,
	draw_value_fn *value, const void *ctx, float most)
{
	for (int x = 0; x < span.w; x++) {
		float v = value(ctx, span.w - 1 - x);
		int level;

		if (v < 0)
			continue; /* a gap */
		level = most > 0 ? (int)(v / most * (GLYPH_LEVELS - 1) + 0.5f) : 0;
		if (level > GLYPH_LEVELS - 1)
			level = GLYPH_LEVELS - 1;
		if (v > 0 && !level)
			level = 1;
		area_put(area, span.x + x, y, level ? role : ROLE_DIM, area->glyphs->level[level]);
	}
}

void draw_span_text(char *buf, size_t size, const struct picture *p, int readings)
{
	__u64 period_ns = state_is_kernel(p->state) ? p->kernel->period_ns : p->period_ns;
	double s = (double)period_ns / 1e9 * readings;

	if (s < 120)
		snprintf(buf, size, "last %.0f s", s);
	else
		snprintf(buf, size, "last %.0f min", s / 60);
}

static __u64 cause_count(const struct weir_row *row, enum weir_exit exit, enum cause_kind kind)
{
	enum weir_kind of = weir_exit_info[exit].kind;

	if (kind == CAUSES_DROPPED)
		return weir_exit_dropped(row, exit).packets;
	if ((kind == CAUSES_PASSED && of != WEIR_KIND_PASS) ||
		(kind == CAUSES_PUNTED && of != WEIR_KIND_PUNT))
		return 0;
	return weir_exit_to_kernel(row, exit).packets;
}

void draw_causes(char *buf, size_t size, const struct picture *p, const struct weir_row *row,
	enum weir_fast_stage fast, enum cause_kind kind)
{
	bool told[WEIR_EXIT_COUNT] = {0};
	char rate[WEIR_NUM_MAX];
	size_t used = 0;

	*buf = '\0';
	for (;;) {
		__u64 most = 0;
		int n, at = -1;

		for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
			__u64 count = cause_count(row, e, kind);

			if (weir_exit_info[e].fast != fast || told[e] || count <= most)
				continue;
			most = count;
			at = (int)e;
		}
		if (at < 0 || used >= size)
			return;
		told[at] = true;
		weir_format_si(rate, sizeof(rate), weir_delta_rate(p->delta, most), "");
		n = snprintf(buf + used, size - used, "%s%s %s", used ? ", " : "",
			weir_cause_info[weir_exit_info[at].cause].name, rate);
		used += n > 0 ? (size_t)n : 0;
	}
}

static bool is_of(const struct weir_kernel_part *part, unsigned int stage,
	const struct weir_kernel_seen *seen)
{
	return seen->drop->stage == stage && seen->rate_count &&
	       weir_kernel_part_has(part, seen->dev);
}

void draw_kernel_causes(char *buf, size_t size, const struct picture *p,
	const struct weir_kernel_part *part, unsigned int stage)
{
	const struct weir_kernel_seen_list *list = p->kernel->drops;
	char rate[WEIR_NUM_MAX];
	size_t used = 0;

	*buf = '\0';
	/* the list has the worst first; of several devices it is told once */
	for (unsigned int i = 0; i < list->nr && used < size; i++) {
		__u64 packets = 0;
		bool told = false;
		int n;

		if (!is_of(part, stage, &list->seen[i]))
			continue;
		for (unsigned int j = 0; j < list->nr; j++) {
			bool same = is_of(part, stage, &list->seen[j]) &&
				    !strcmp(list->seen[i].drop->cause, list->seen[j].drop->cause);

			told = told || (same && j < i);
			packets += same ? list->seen[j].rate_count : 0;
		}
		if (told)
			continue;
		weir_format_si(rate, sizeof(rate), weir_kernel_rate(p->kernel->delta, packets), "");
		n = snprintf(buf + used, size - used, "%s%s %s", used ? ", " : "",
			list->seen[i].drop->cause, rate);
		used += n > 0 ? (size_t)n : 0;
	}
}

void draw_margin(const struct area *area, int y, int visible, int nr, int top, int at)
{
	if (top > 0)
		area_put(area, 0, y, ROLE_DIM, area->glyphs->up);
	if (top + visible < nr)
		area_put(area, 0, y + visible - 1, ROLE_DIM, area->glyphs->down);
	area_put(area, 0, y + at - top, ROLE_STRONG, area->glyphs->mark);
}
