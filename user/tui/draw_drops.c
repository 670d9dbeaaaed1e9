// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who dropped what: a row for each device, stage and cause that ever dropped anything. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "tui/draw.h"

enum { STAGE, CAUSE, DEV, RATE, TOTAL, FIRST, LAST, TREND, NR_COLUMNS };

enum { DETAIL = 4 };

struct spark {
	const struct picture *p;
	const struct series *series;
	enum weir_exit exit;
};

static float spark_value(const void *ctx, int age)
{
	const struct spark *s = ctx;

	return history_drops(s->p->history, s->series, s->exit, age);
}

static void columns_of(
	const struct picture *p, const struct area *area, struct span s[NR_COLUMNS], bool sorted)
{
	const struct state *state = p->state;
	char last[32];
	struct column c[NR_COLUMNS] = {
		[STAGE] = {"stage", 14, 14, 16, 1, false},
		[CAUSE] = {"cause", 13, 20, 20, 0, false},
		[DEV] = {"dev", 5, 9, 15, 3, false},
		[RATE] = {"drops/s", 8, 8, 9, 2, true},
		[TOTAL] = {"total", 6, 6, 7, 4, true},
		[FIRST] = {"first", 9, 9, 10, 5, true},
		[LAST] = {"last", 8, 8, 9, 6, true},
		[TREND] = {last, 8, 20, 60, 7, false},
	};

	layout_columns(c, NR_COLUMNS, area->box.w - 1, layout_gap(area->box.w), s);
	draw_span_text(last, sizeof(last), p, s[TREND].w);
	draw_head(area, c, s, NR_COLUMNS,
		sorted ? rows_sort(PAGE_DROPS, state->sort[PAGE_DROPS]) : NULL,
		state->invert[PAGE_DROPS]);
}

static void draw_row(const struct picture *p, const struct area *a, const struct span *s, int y,
	const struct row *row)
{
	const struct weir_drop_seen *drop = row->drop;
	const struct weir_exit_info *exit = &weir_exit_info[drop->exit];
	const struct weir_dev_delta *dev = &p->delta->devs[row->dev];
	struct spark spark = {p, history_of(p->history, dev_key(dev->dev)), drop->exit};
	const char *state = picture_state(dev);
	char name[40];
	float most = 0;

	area_text(a, s[STAGE].x, y, s[STAGE].w, ROLE_TEXT, weir_stage_info[exit->stage].name);
	area_text(a, s[CAUSE].x, y, s[CAUSE].w, drop->rate_count ? ROLE_TROUBLE : ROLE_TEXT,
		weir_cause_info[exit->cause].name);
	area_text(a, s[DEV].x, y, s[DEV].w, ROLE_TEXT, picture_dev_name(dev->dev, name));
	if (*state)
		area_right(a, s[RATE].x, y, s[RATE].w, ROLE_STRONG, state);
	else
		draw_si(a, s[RATE], y, ROLE_TROUBLE, weir_delta_rate(p->delta, drop->rate_count),
			"");
	draw_si(a, s[TOTAL], y, ROLE_TEXT, (double)drop->total, "");
	draw_time(a, s[FIRST], y, drop->first_s, drop->began_unseen);
	draw_time(a, s[LAST], y, drop->last_s, false);
	for (int age = 0; age < s[TREND].w; age++) {
		float v = spark_value(&spark, age);

		most = v > most ? v : most;
	}
	draw_spark(a, s[TREND], y, ROLE_TROUBLE, spark_value, &spark, most);
}

static void draw_none(const struct picture *p, const struct area *a)
{
	if (*p->state->filter)
		area_print(a, 0, 1, a->box.w, ROLE_DIM, "no drop has '%s' in it", p->state->filter);
	else
		area_text(a, 0, 1, a->box.w, ROLE_TEXT,
			picture_dev(p) ? "nothing was ever dropped on this device"
				       : "nothing was ever dropped");
}

void draw_drops_table(const struct picture *p, const struct rows *rows, const struct area *area)
{
	struct area a = area_part(area, (struct box){1, 0, area->box.w - 1, area->box.h});
	struct span s[NR_COLUMNS];

	columns_of(p, &a, s, false);
	for (unsigned int i = 0; i < rows->nr && (int)i < a.box.h - 1; i++)
		draw_row(p, &a, s, 1 + (int)i, &rows->row[i]);
	if (!rows->nr)
		draw_none(p, &a);
}

/* What the chosen one means, and what to do about it. */
static void draw_detail(const struct picture *p, const struct area *a, const struct row *row)
{
	const struct weir_exit_info *exit = &weir_exit_info[row->drop->exit];
	const struct weir_cause_info *cause = &weir_cause_info[exit->cause];
	char text[1024], total[WEIR_NUM_MAX + 1];
	int used;

	snprintf(total, sizeof(total), "%llu", (unsigned long long)row->drop->total);
	snprintf(text, sizeof(text), "%s at %s on %s, %s in all: %s", cause->name,
		weir_stage_info[exit->stage].name, p->delta->devs[row->dev].dev->name, total,
		cause->text);
	used = area_wrap(a, 0, 2, ROLE_STRONG, text);
	snprintf(text, sizeof(text), "remedy: %s", cause->remedy);
	area_wrap(a, used, 2, ROLE_TEXT, text);
}

int draw_drops(const struct picture *p, const struct rows *rows, const struct area *area)
{
	bool detail = area->box.h >= DETAIL + 5;
	int visible = area->box.h - 1 - (detail ? DETAIL + 1 : 0), at = draw_chosen(p, rows), top;
	struct area a = area_part(area, (struct box){1, 0, area->box.w - 1, 1 + visible}), part;
	struct span s[NR_COLUMNS];

	columns_of(p, &a, s, true);
	if (!rows->nr) {
		draw_none(p, &a);
		return visible;
	}
	top = layout_scroll((int)rows->nr, visible, at);
	for (int y = 0; y < visible && top + y < (int)rows->nr; y++)
		draw_row(p, &a, s, 1 + y, &rows->row[top + y]);
	area_mark(&a, 0, 1 + at - top, s[TREND].w ? s[TREND].x - 1 : a.box.w);
	draw_margin(area, 1, visible, (int)rows->nr, top, at);
	if (detail) {
		part = area_part(
			area, (struct box){1, area->box.h - DETAIL, area->box.w - 1, DETAIL});
		draw_detail(p, &part, &rows->row[at]);
	}
	return visible;
}
