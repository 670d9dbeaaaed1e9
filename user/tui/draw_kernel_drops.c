// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the kernel drops: a diagnosis of the chosen one, at first the worst, above the list of all.
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "tui/draw.h"

enum { RATE, STAGE, CAUSE, DEV, TOTAL, FIRST, LAST, TREND, NR_COLUMNS };

struct spark {
	const struct picture *p;
	const struct series *series;
};

static float spark_value(const void *ctx, int age)
{
	const struct spark *s = ctx;

	return history_pps(s->p->kernel->history, s->series, 0, age);
}

static void columns_of(
	const struct picture *p, const struct area *area, struct span s[NR_COLUMNS], bool sorted)
{
	const struct state *state = p->state;
	char last[32] = "last 20 min";
	struct column c[NR_COLUMNS] = {
		[RATE] = {"drops/s", 8, 8, 9, 1, true},
		[STAGE] = {"stage", 14, 16, 16, 2, false},
		[CAUSE] = {"cause", 22, 26, 60, 0, false},
		[DEV] = {"dev", 4, 9, 30, 3, false},
		[TOTAL] = {"total", 6, 6, 7, 4, true},
		[FIRST] = {"first", 9, 9, 10, 5, true},
		[LAST] = {"last", 8, 8, 9, 6, true},
		[TREND] = {last, 8, 20, 60, 7, false},
	};

	layout_columns(c, NR_COLUMNS, area->box.w - 1, layout_gap(area->box.w), s);
	draw_span_text(last, sizeof(last), p, s[TREND].w);
	draw_head(area, c, s, NR_COLUMNS,
		sorted ? rows_sort(PAGE_KERNEL_DROPS, state->sort[PAGE_KERNEL_DROPS]) : NULL,
		state->invert[PAGE_KERNEL_DROPS]);
}

static void draw_row(const struct picture *p, const struct area *a, const struct span *s, int y,
	const struct weir_kernel_seen *seen)
{
	struct spark spark = {p, history_of(p->kernel->history, seen->key)};
	char place[96];
	float most = 0;

	draw_si(a, s[RATE], y, ROLE_TROUBLE, weir_kernel_rate(p->kernel->delta, seen->rate_count),
		"");
	area_text(a, s[STAGE].x, y, s[STAGE].w, ROLE_TEXT, picture_stage(seen->drop->stage));
	area_text(a, s[CAUSE].x, y, s[CAUSE].w, seen->rate_count ? ROLE_TROUBLE : ROLE_TEXT,
		seen->drop->cause);
	snprintf(place, sizeof(place), "%s%s%s",
		strcmp(seen->dev->name, "-") ? seen->dev->name : "", *seen->dev->netns ? "@" : "",
		seen->dev->netns);
	area_text(a, s[DEV].x, y, s[DEV].w, *place ? ROLE_TEXT : ROLE_DIM,
		*place ? place : a->glyphs->dot);
	draw_si(a, s[TOTAL], y, ROLE_TEXT, (double)seen->total, "");
	draw_time(a, s[FIRST], y, seen->first_s, seen->began_unseen);
	draw_time(a, s[LAST], y, seen->last_s, false);
	for (int age = 0; age < s[TREND].w; age++) {
		float v = spark_value(&spark, age);

		most = v > most ? v : most;
	}
	draw_spark(a, s[TREND], y, ROLE_TROUBLE, spark_value, &spark, most);
}

/* "label: text", wrapped; returns the line behind it. */
static int say(
	const struct area *a, int y, int rows, enum role role, const char *label, const char *text)
{
	char buf[1024];

	if (!*text || rows < 1)
		return y;
	snprintf(buf, sizeof(buf), "%s%s", label, text);
	return y + area_wrap(a, y, rows, role, buf);
}

/* How many lines a diagnosis has, by the screen alone: where there are few, only what comes first.
 */
static int diagnosis_lines(int h)
{
	return h >= 22 ? 9 : h >= 16 ? 7 : h >= 12 ? 5 : h >= 8 ? 2 : 0;
}

static void draw_diagnosis(
	const struct picture *p, const struct area *a, const struct weir_kernel_seen *seen)
{
	struct weir_kernel_diagnosis d;
	int y = 0, h = a->box.h;

	weir_kernel_diagnose(seen, p->kernel->delta, &d);
	y = say(a, y, h >= 5 ? 2 : 1, seen->rate_count ? ROLE_TROUBLE : ROLE_STRONG, "", d.what);
	y = say(a, y, h - y > 4 ? 2 : h - y > 2, ROLE_TEXT, "when: ", d.when);
	if (h >= 5) {
		y = say(a, y, h >= 9 ? 2 : 1, ROLE_TEXT, "who:  ", d.who);
		y = say(a, y, h - y > 1, ROLE_TEXT, "such: ", d.example);
	}
	say(a, y, h - y, ROLE_STRONG, "do:   ", d.remedy);
}

static void draw_none(const struct picture *p, const struct area *a)
{
	if (*p->state->filter)
		area_print(a, 0, 1, a->box.w, ROLE_DIM, "no drop has '%s' in it", p->state->filter);
	else
		area_text(a, 0, 1, a->box.w, ROLE_TEXT,
			picture_part(p) ? "the kernel has dropped nothing there since it is watched"
					: "the kernel has dropped nothing since it is watched");
}

void draw_kernel_drops_table(const struct picture *p, const struct area *area)
{
	const struct weir_kernel_part *part = picture_part_shown(p);
	const struct weir_kernel_seen_list *list = p->kernel->drops;
	struct span s[NR_COLUMNS];
	int y = 1;

	columns_of(p, area, s, false);
	for (unsigned int i = 0; part && i < list->nr && y < area->box.h; i++)
		if (weir_kernel_part_has(part, list->seen[i].dev))
			draw_row(p, area, s, y++, &list->seen[i]);
	if (y == 1)
		draw_none(p, area);
}

int draw_kernel_drops(const struct picture *p, const struct rows *rows, const struct area *area)
{
	int lines = diagnosis_lines(area->box.h), above = lines ? lines + 1 : 0;
	int visible = area->box.h - 1 - above, at = draw_chosen(p, rows), top;
	struct area margin = area_part(area, (struct box){0, above, area->box.w, 1 + visible});
	struct area a = area_part(area, (struct box){1, above, area->box.w - 1, 1 + visible}), part;
	struct span s[NR_COLUMNS];

	columns_of(p, &a, s, true);
	if (!rows->nr) {
		draw_none(p, &a);
		return visible;
	}
	top = layout_scroll((int)rows->nr, visible, at);
	for (int y = 0; y < visible && top + y < (int)rows->nr; y++)
		draw_row(p, &a, s, 1 + y, rows->row[top + y].kdrop);
	area_mark(&a, 0, 1 + at - top, s[TREND].w ? s[TREND].x - 1 : a.box.w);
	draw_margin(&margin, 1, visible, (int)rows->nr, top, at);
	part = area_part(area, (struct box){1, 0, area->box.w - 2, lines});
	if (lines)
		draw_diagnosis(p, &part, rows->row[at].kdrop);
	return visible;
}

int draw_kernel_devs(const struct picture *p, const struct rows *rows, const struct area *area)
{
	enum { NAME, NETNS, IN, BITS, OUT, UP, DOWN, DROPS, NR };
	static const struct column columns[NR] = {
		[NAME] = {"device", 10, 15, 16, 0, false},
		[NETNS] = {"namespace", 9, 16, 40, 5, false},
		[IN] = {"in/s", 7, 8, 9, 1, true},
		[BITS] = {"bits/s", 7, 8, 9, 6, true},
		[OUT] = {"out/s", 7, 8, 9, 3, true},
		[UP] = {"for us/s", 8, 8, 9, 7, true},
		[DOWN] = {"by us/s", 8, 8, 9, 8, true},
		[DROPS] = {"drops/s", 7, 8, 9, 2, true},
	};
	const struct weir_kernel_delta *delta = p->kernel->delta;
	struct area a = area_part(area, (struct box){1, 0, area->box.w - 1, area->box.h});
	int visible = a.box.h - 1, at = draw_chosen(p, rows);
	int top = layout_scroll((int)rows->nr, visible, at);
	struct span s[NR];

	layout_columns(columns, NR, a.box.w - 1, layout_gap(a.box.w), s);
	draw_head(&a, columns, s, NR, rows_sort(PAGE_KERNEL_DEVS, p->state->sort[PAGE_KERNEL_DEVS]),
		p->state->invert[PAGE_KERNEL_DEVS]);
	if (!rows->nr) {
		draw_none(p, &a);
		return visible;
	}
	for (int y = 0; y < visible && top + y < (int)rows->nr; y++) {
		const struct weir_kernel_part *part = &delta->parts[rows->row[top + y].dev];
		const struct {
			int column;
			enum weir_stage stage;
		} cell[] = {{IN, WEIR_STAGE_nic_rx}, {OUT, WEIR_STAGE_xmit},
			{UP, WEIR_STAGE_ip_local_deliver}, {DOWN, WEIR_STAGE_ip_local_out}};

		area_text(&a, s[NAME].x, 1 + y, s[NAME].w, ROLE_TEXT,
			part->ifindex ? part->name : "all");
		area_text(&a, s[NETNS].x, 1 + y, s[NETNS].w, ROLE_TEXT,
			*part->netns ? part->netns : a.glyphs->dot);
		for (size_t i = 0; i < sizeof(cell) / sizeof(cell[0]); i++)
			draw_si(&a, s[cell[i].column], 1 + y, ROLE_TEXT,
				weir_kernel_rate(delta, part->stage[cell[i].stage].packets), "");
		draw_si(&a, s[BITS], 1 + y, ROLE_TEXT,
			8 * weir_kernel_rate(delta, part->stage[WEIR_STAGE_nic_rx].bytes), "");
		draw_si(&a, s[DROPS], 1 + y, ROLE_TROUBLE, weir_kernel_rate(delta, part->drops),
			"");
	}
	area_mark(&a, 0, 1 + at - top, a.box.w);
	draw_margin(area, 1, visible, (int)rows->nr, top, at);
	return visible;
}
