// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The map: stage after stage in packet order, with the ways out to the side. */
#include <stdio.h>
#include <string.h>

#include "tui/draw.h"

enum { STAGE, PACKETS, BITS, DROPS, KERNEL, P50, P90, P99, MAX, SPARK, CAUSES, WHAT, NR_COLUMNS };

enum { NAME_X = 2, SIDE_X = 4, SIDE_TEXT = 15, TEXT_MAX = 512 };

struct map {
	const struct picture *p;
	struct figures f;
	struct span s[NR_COLUMNS];
	float most; /* what the full height of a sparkline stands for */
};

struct spark {
	const struct map *map;
	unsigned int fast;
};

/* Lines for the ways out ask for more room than stages. */
static int name_width(enum sides sides)
{
	int w = sides == SIDES_COLUMN ? 0 : SIDE_X - NAME_X + SIDE_TEXT;

	for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++) {
		int n = (int)strlen(weir_stage_info[weir_fast_to_stage[i]].name);

		w = n > w ? n : w;
	}
	return NAME_X + w;
}

static void columns_of(struct map *m, const struct area *area, enum sides sides)
{
	bool column = sides == SIDES_COLUMN;
	int name = name_width(sides), kernel = column ? 8 : 0, spark = column ? 8 : 12;
	char last[32];
	struct column c[NR_COLUMNS] = {
		[STAGE] = {"", name, name, name, 0, false},
		[PACKETS] = {"packets/s", 9, 9, 9, 1, true},
		[BITS] = {"bits/s", 7, 7, 7, 4, true},
		[DROPS] = {"drops/s", 7, 7, 7, 2, true},
		[KERNEL] = {"kernel/s", kernel, kernel, kernel, 3, true},
		[P50] = {"p50", 7, 7, 7, 6, true},
		[P90] = {"p90", 7, 7, 7, 9, true},
		[P99] = {"p99", 7, 7, 7, 5, true},
		[MAX] = {"max", 7, 7, 7, 10, true},
		[SPARK] = {last, spark, 20, 60, 7, false},
		[CAUSES] = {"dropped for", 20, 30, 60, 8, false},
		[WHAT] = {"what happens there", 33, 33, 33, 11, false},
	};

	layout_columns(c, NR_COLUMNS, area->box.w - 1, layout_gap(area->box.w), m->s);
	draw_span_text(last, sizeof(last), m->p, m->s[SPARK].w);
	draw_head(area, c, m->s, NR_COLUMNS, NULL, false);
	area_text(area, NAME_X, 0, m->s[STAGE].w - NAME_X, ROLE_DIM, "stage");
}

static float spark_value(const void *ctx, int age)
{
	const struct spark *spark = ctx;

	return history_pps(spark->map->p->history, spark->map->f.series, spark->fast, age);
}

/* All stages have one scale, so that a path that narrows looks like one. */
static float most_packets(const struct map *m)
{
	float most = 0;

	for (int age = 0; age < m->s[SPARK].w; age++) {
		for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++) {
			float v = history_pps(m->p->history, m->f.series, i, age);

			most = v > most ? v : most;
		}
	}
	return most;
}

static double rate(const struct map *m, __u64 count)
{
	return m->f.known ? weir_delta_rate(m->p->delta, count) : 0;
}

static void stage_latency(const struct map *m, const struct area *a, int y, unsigned int fast)
{
	static const int columns[] = {P50, P90, P99, MAX};
	struct weir_quantiles q;
	__u64 ns[4];

	weir_quantiles_of(&m->f.lat->stage[fast], &q);
	ns[0] = q.p50_ns;
	ns[1] = q.p90_ns;
	ns[2] = q.p99_ns;
	ns[3] = q.max_ns;
	for (int i = 0; i < 4; i++) {
		if (q.samples && m->f.known)
			draw_ns(a, m->s[columns[i]], y, ns[i]);
		else
			draw_si(a, m->s[columns[i]], y, ROLE_DIM, 0, "");
	}
}

static void draw_stage(const struct map *m, const struct area *a, int y, unsigned int fast)
{
	const struct weir_stage_info *info = &weir_stage_info[weir_fast_to_stage[fast]];
	const struct weir_stage_sum *sum = &m->f.sum[fast];
	bool drops = m->f.known && sum->drops, aside = m->s[KERNEL].w && sum->passed + sum->punted;
	struct spark spark = {m, fast};
	char causes[TEXT_MAX];

	area_put(a, 0, y, ROLE_FLOW,
		!fast		      ? a->glyphs->into
		: aside && m->f.known ? a->glyphs->branch[0]
				      : a->glyphs->spine);
	area_text(
		a, NAME_X, y, m->s[STAGE].w - NAME_X, drops ? ROLE_TROUBLE : ROLE_TEXT, info->name);
	draw_si(a, m->s[PACKETS], y, ROLE_TEXT, rate(m, sum->packets), "");
	draw_si(a, m->s[BITS], y, ROLE_TEXT, 8 * rate(m, sum->bytes), "");
	draw_si(a, m->s[DROPS], y, ROLE_TROUBLE, rate(m, sum->drops), "");
	draw_si(a, m->s[KERNEL], y, ROLE_TEXT, rate(m, sum->passed + sum->punted), "");
	stage_latency(m, a, y, fast);
	draw_spark(a, m->s[SPARK], y, ROLE_SPARK, spark_value, &spark, m->most);
	area_text(a, m->s[WHAT].x, y, m->s[WHAT].w, ROLE_DIM, info->text);
	if (!drops)
		return;
	draw_causes(causes, sizeof(causes), m->p, m->f.row, fast, CAUSES_DROPPED);
	area_text(a, m->s[CAUSES].x, y, m->s[CAUSES].w, ROLE_TROUBLE, causes);
}

static void draw_side(
	const struct map *m, const struct area *a, int y, const struct path_line *line)
{
	static const struct {
		const char *text;
		enum cause_kind causes;
	} side[] = {
		[LINE_PASSED] = {"passed", CAUSES_PASSED},
		[LINE_PUNTED] = {"punt", CAUSES_PUNTED},
		[LINE_KERNEL] = {"", CAUSES_KERNEL},
	};
	const struct weir_stage_sum *sum = &m->f.sum[line->stage];
	__u64 packets = line->kind == LINE_PASSED   ? sum->passed
			: line->kind == LINE_PUNTED ? sum->punted
						    : sum->passed + sum->punted;
	bool any = m->f.known && packets;
	char causes[TEXT_MAX];
	int x = m->s[PACKETS].x + m->s[PACKETS].w + 2;

	for (int i = 0; i < 3; i++)
		area_put(a, i, y, i && !any ? ROLE_DIM : ROLE_FLOW, a->glyphs->branch[i]);
	area_print(a, SIDE_X, y, m->s[STAGE].w - SIDE_X, any ? ROLE_TEXT : ROLE_DIM,
		"%s%s%s kernel", side[line->kind].text, *side[line->kind].text ? " " : "",
		*side[line->kind].text ? a->glyphs->to : "to");
	draw_si(a, m->s[PACKETS], y, ROLE_TEXT, rate(m, packets), "");
	if (!any)
		return;
	draw_causes(causes, sizeof(causes), m->p, m->f.row, line->stage, side[line->kind].causes);
	area_text(a, x, y, a->box.w - x, ROLE_TEXT, causes);
}

static void draw_out(const struct map *m, const struct area *a, int y)
{
	area_put(a, 0, y, ROLE_FLOW, a->glyphs->into);
	area_text(a, NAME_X, y, m->s[STAGE].w - NAME_X, ROLE_STRONG, "out");
	draw_si(a, m->s[PACKETS], y, ROLE_STRONG, rate(m, m->f.row->sent), "");
}

/* Two lines about the chosen stage: what it is, and what leaves there. */
static void draw_detail(const struct map *m, const struct area *a, unsigned int fast)
{
	static const char *const words[] = {
		"dropped", "passed to the kernel", "punted to the kernel"};
	const struct weir_stage_info *info = &weir_stage_info[weir_fast_to_stage[fast]];
	char causes[TEXT_MAX];
	int x = NAME_X;

	x = area_text(a, x, 0, a->box.w, ROLE_STRONG, info->name);
	x = area_print(a, x, 0, a->box.w - x, ROLE_TEXT, ": %s", info->text);
	area_print(a, x, 0, a->box.w - x, ROLE_DIM, "  (%s)", info->fast);
	x = NAME_X;
	for (int kind = CAUSES_DROPPED; m->f.known && kind <= CAUSES_PUNTED; kind++) {
		enum role role = kind == CAUSES_DROPPED ? ROLE_TROUBLE : ROLE_TEXT;

		draw_causes(causes, sizeof(causes), m->p, m->f.row, fast, (enum cause_kind)kind);
		if (!*causes)
			continue;
		x = area_print(a, x, 1, a->box.w - x, role, "%s: %s", words[kind], causes) + 3;
	}
	if (x == NAME_X)
		area_text(a, x, 1, a->box.w - x, ROLE_DIM, "no packet leaves the path there now");
}

static void draw_map(const struct map *m, const struct area *a, const struct area *margin,
	enum sides sides, unsigned int chosen)
{
	struct path_line lines[PATH_LINES_MAX];
	int nr = layout_path_lines(sides, m->f.hooks, lines), at = 0, top;

	for (int i = 0; i < nr; i++)
		if (lines[i].kind == LINE_STAGE && lines[i].stage == chosen)
			at = i;
	top = layout_scroll(nr, a->box.h, at);
	for (int y = 0; y < a->box.h && top + y < nr; y++) {
		const struct path_line *line = &lines[top + y];

		if (line->kind == LINE_STAGE)
			draw_stage(m, a, y, line->stage);
		else if (line->kind == LINE_OUT)
			draw_out(m, a, y);
		else
			draw_side(m, a, y, line);
	}
	area_mark(a, NAME_X, at - top, m->s[SPARK].w ? m->s[SPARK].x - NAME_X - 1 : a->box.w);
	draw_margin(margin, 0, a->box.h, nr, top, at);
}

/* The chosen stage or, where nothing was timed there, the next one that has something to show. */
static enum weir_fast_stage timed_from(const struct map *m, unsigned int chosen)
{
	for (unsigned int i = chosen; m->f.series && i < WEIR_FAST_STAGE_COUNT; i++)
		if (m->f.series->heat[i])
			return (enum weir_fast_stage)i;
	return (enum weir_fast_stage)chosen;
}

int draw_path(const struct picture *p, const struct rows *rows, const struct rows *drops,
	const struct area *area)
{
	struct path_layout l;
	unsigned int chosen = rows->row[draw_chosen(p, rows)].stage;
	struct map m = {.p = p};
	struct area part, margin;

	picture_figures(p, &m.f);
	l = layout_path((struct box){0, 0, area->box.w, area->box.h}, m.f.hooks);
	l.map.x = l.head.x = 1;
	part = area_part(area, l.head);
	columns_of(&m, &part, l.sides);
	m.most = most_packets(&m);
	part = area_part(area, l.map);
	margin = area_part(area, (struct box){0, l.map.y, 1, l.map.h});
	draw_map(&m, &part, &margin, l.sides, chosen);
	if (l.detail.h) {
		part = area_part(area, l.detail);
		draw_detail(&m, &part, chosen);
	}
	if (l.drops.h) {
		part = area_part(area, l.drops);
		draw_drops_table(p, drops, &part);
	}
	if (l.latency.h) {
		part = area_part(area, l.latency);
		draw_latency(p, &part, timed_from(&m, chosen));
	}
	return l.map.h;
}
