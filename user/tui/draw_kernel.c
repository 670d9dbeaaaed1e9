// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel's map: receiving on the left, sending on the right, so that what is forwarded goes
 * across on one line; on a narrow screen one way below the other.
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "tui/draw.h"

enum { STAGE, PACKETS, DROPS, P50, P99, SPARK, CAUSES, NR_COLUMNS };

enum { NAME_X = 2, TEXT_MAX = 512 };

struct map {
	const struct picture *p;
	const struct weir_kernel_part *part; /* NULL: nothing to compare */
	const struct series *series;
	struct kernel_line lines[KERNEL_LINES];
	struct span s[NR_COLUMNS];
	struct kernel_layout l;
	int nr, top;
	unsigned int chosen;
	float most;
};

struct spark {
	const struct map *map;
	unsigned int stage;
};

static int name_width(void)
{
	int w = 0;

	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++) {
		int n = (int)strlen(weir_stage_info[i].name);

		w = n > w ? n : w;
	}
	return NAME_X + w;
}

static void columns_of(struct map *m, const struct area *a, struct column c[NR_COLUMNS], char *last)
{
	int name = name_width();
	struct column columns[NR_COLUMNS] = {
		[STAGE] = {"", name, name, name, 0, false},
		[PACKETS] = {"pkts/s", 6, 7, 9, 1, true},
		[DROPS] = {"drop/s", 6, 7, 8, 2, true},
		[P50] = {"p50", 7, 7, 8, 4, true},
		[P99] = {"p99", 7, 7, 8, 3, true},
		[SPARK] = {last, 8, 12, 40, 6, false},
		[CAUSES] = {"dropped for", 14, 20, 40, 5, false},
	};

	memcpy(c, columns, sizeof(columns));
	layout_columns(c, NR_COLUMNS, a->box.w, 1, m->s);
}

static float spark_value(const void *ctx, int age)
{
	const struct spark *spark = ctx;

	return history_pps(spark->map->p->kernel->history, spark->map->series, spark->stage, age);
}

/* One scale for all, which interrupts and polls do not set: they are no packets. */
static float most_packets(const struct map *m)
{
	float most = 0;

	for (int age = 0; age < m->s[SPARK].w; age++)
		for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++) {
			bool packets = i != WEIR_STAGE_irq && i != WEIR_STAGE_softirq &&
				       i != WEIR_STAGE_napi_poll;
			float v = history_pps(m->p->kernel->history, m->series, i, age);

			most = packets && v > most ? v : most;
		}
	return most;
}

static double rate(const struct map *m, __u64 count)
{
	return weir_kernel_rate(m->p->kernel->delta, count);
}

static void draw_stage(const struct map *m, const struct area *a, int y, unsigned int stage)
{
	bool first = !stage || stage == KERNEL_RECEIVING, drops;
	const struct weir_kernel_flow *flow;
	struct spark spark = {m, stage};
	struct weir_quantiles q;
	char causes[TEXT_MAX];

	area_put(a, 0, y, ROLE_FLOW, first ? a->glyphs->into : a->glyphs->spine);
	drops = m->part && m->part->stage[stage].drops;
	area_text(a, NAME_X, y, m->s[STAGE].w - NAME_X, drops ? ROLE_TROUBLE : ROLE_TEXT,
		weir_stage_info[stage].name);
	if (!m->part)
		return;
	flow = &m->part->stage[stage];
	weir_quantiles_of(&m->part->lat.stage[stage], &q);
	draw_si(a, m->s[PACKETS], y, flow->machine ? ROLE_DIM : ROLE_TEXT, rate(m, flow->packets),
		"");
	draw_si(a, m->s[DROPS], y, ROLE_TROUBLE, rate(m, flow->drops), "");
	if (q.samples) {
		draw_ns(a, m->s[P50], y, q.p50_ns);
		draw_ns(a, m->s[P99], y, q.p99_ns);
	} else {
		draw_si(a, m->s[P50], y, ROLE_DIM, 0, "");
		draw_si(a, m->s[P99], y, ROLE_DIM, 0, "");
	}
	draw_spark(a, m->s[SPARK], y, ROLE_SPARK, spark_value, &spark, m->most);
	if (!drops)
		return;
	draw_kernel_causes(causes, sizeof(causes), m->p, m->part, stage);
	area_text(a, m->s[CAUSES].x, y, m->s[CAUSES].w, ROLE_TROUBLE, causes);
}

/* One way, from the line on at which it begins. */
static void draw_way(struct map *m, const struct area *area, bool right, const char *title)
{
	struct column c[NR_COLUMNS];
	char last[32] = "last 20 min";
	int begin = 0;

	columns_of(m, area, c, last);
	draw_span_text(last, sizeof(last), m->p, m->s[SPARK].w);
	m->most = most_packets(m);
	while (right && m->lines[begin].right == WEIR_STAGE_COUNT)
		begin++;
	if (right && begin > m->top) { /* its titles stand above it, not at the top */
		struct area head = area_part(area, (struct box){0, begin - m->top, area->box.w, 1});

		draw_head(&head, c, m->s, NR_COLUMNS, NULL, false);
		area_text(&head, 0, 0, m->s[STAGE].w, ROLE_DIM, title);
	} else {
		draw_head(area, c, m->s, NR_COLUMNS, NULL, false);
		area_text(area, 0, 0, m->s[STAGE].w, ROLE_DIM, title);
	}
	for (int y = 1; y < area->box.h && m->top + y - 1 < m->nr; y++) {
		const struct kernel_line *line = &m->lines[m->top + y - 1];
		unsigned int stage = right ? line->right : line->left;

		if (stage == WEIR_STAGE_COUNT)
			continue;
		draw_stage(m, area, y, stage);
		if (stage == m->chosen) {
			area_mark(area, NAME_X, y,
				m->s[SPARK].w ? m->s[SPARK].x - NAME_X - 1 : area->box.w);
			if (right)
				area_put(area, -1, y, ROLE_STRONG, area->glyphs->mark);
		}
	}
}

/* What is forwarded goes from receiving to sending. */
static void draw_across(const struct map *m, const struct area *area)
{
	int y = 1 + WEIR_STAGE_nf_forward - m->top;

	if (y < 1)
		return;
	for (int i = 0; i < 3; i++)
		area_put(area, i, y, ROLE_FLOW, area->glyphs->branch[i ? i : 1]);
}

static int line_of(const struct map *m, unsigned int stage)
{
	for (int i = 0; i < m->nr; i++)
		if (m->lines[i].left == stage || m->lines[i].right == stage)
			return i;
	return 0;
}

/* How the stage's packets are known, in a few words. */
static const char *known_by(const struct weir_kernel_flow *flow)
{
	if (flow->observed)
		return "each packet is observed";
	if (flow->machine)
		return "counted of the whole machine, not of this namespace";
	switch (flow->seen) {
	case WEIR_KSEEN_no:
		return "its packets are not counted: weir watch on full observes them";
	case WEIR_KSEEN_least:
		return "counted by the kernel: at least so many";
	case WEIR_KSEEN_most:
		return "counted by the kernel: at most so many, by their segments";
	default:
		return "counted by the kernel";
	}
}

static void draw_detail(const struct map *m, const struct area *a)
{
	const struct weir_stage_info *info = &weir_stage_info[m->chosen];
	char causes[TEXT_MAX] = "";
	int x;

	x = area_text(a, NAME_X, 0, a->box.w, ROLE_STRONG, info->name);
	x = area_print(a, x, 0, a->box.w - x, ROLE_TEXT, ": %s", info->text);
	if (m->part && m->part->known)
		area_print(a, x, 0, a->box.w - x, ROLE_DIM, "  (%s)",
			known_by(&m->part->stage[m->chosen]));
	if (m->part)
		draw_kernel_causes(causes, sizeof(causes), m->p, m->part, m->chosen);
	if (*causes)
		area_print(a, NAME_X, 1, a->box.w - NAME_X, ROLE_TROUBLE, "dropped: %s", causes);
	else
		area_text(
			a, NAME_X, 1, a->box.w - NAME_X, ROLE_DIM, "nothing is dropped there now");
}

/* Where packets die, in the room that is left above the way of what is sent. */
static void draw_worst(const struct map *m, const struct area *a)
{
	const struct weir_kernel_seen_list *list = m->p->kernel->drops;
	char place[96];
	int y = 1;

	area_text(a, NAME_X, 0, a->box.w - NAME_X, ROLE_DIM, "packets die at");
	for (unsigned int i = 0; i < list->nr && y < a->box.h - 1; i++) {
		const struct weir_kernel_seen *seen = &list->seen[i];
		int x;

		if (!seen->rate_count || !m->part || !weir_kernel_part_has(m->part, seen->dev))
			continue;
		draw_si(a, (struct span){NAME_X, 6}, y, ROLE_TROUBLE,
			weir_kernel_rate(m->p->kernel->delta, seen->rate_count), "");
		x = area_print(a, NAME_X + 6, y, a->box.w - NAME_X - 6, ROLE_TEXT, "/s %s ",
			picture_stage(seen->drop->stage));
		x = area_text(a, x, y, a->box.w - x, ROLE_TROUBLE, seen->drop->cause);
		area_print(a, x, y, a->box.w - x, ROLE_DIM, " %s",
			weir_kernel_place(seen->dev, place, sizeof(place)));
		y++;
	}
	if (y == 1)
		area_text(a, NAME_X, 1, a->box.w - NAME_X, ROLE_TEXT, "nothing is dropped now");
}

int draw_kernel(const struct picture *p, const struct rows *rows, const struct area *area)
{
	struct map m = {.p = p, .part = picture_part_shown(p)};
	struct area part;
	int visible, at;

	m.l = layout_kernel((struct box){0, 0, area->box.w, area->box.h});
	m.nr = layout_kernel_lines(m.l.two, m.lines);
	m.series = m.part ? history_of(p->kernel->history, m.part->key) : NULL;
	m.chosen = rows->row[draw_chosen(p, rows)].stage;
	visible = m.l.map[0].h - 1;
	at = line_of(&m, m.chosen);
	m.top = layout_scroll(m.nr, visible, at);
	part = area_part(area, m.l.map[0]);
	draw_way(&m, &part, false, m.l.two ? "receiving" : "stage");
	if (m.l.two) {
		part = area_part(area, m.l.across);
		draw_across(&m, &part);
		part = area_part(
			area, (struct box){m.l.map[1].x, m.l.map[1].y, m.l.map[1].w, m.l.map[1].h});
		draw_way(&m, &part, true, "sending");
	}
	part = area_part(area, (struct box){0, m.l.map[0].y + 1, 1, visible});
	draw_margin(
		&part, 0, visible, m.nr, m.top, m.chosen < KERNEL_RECEIVING || !m.l.two ? at : -1);
	if (m.l.worst.h) {
		part = area_part(area, m.l.worst);
		draw_worst(&m, &part);
	}
	if (m.l.detail.h) {
		part = area_part(area, m.l.detail);
		draw_detail(&m, &part);
	}
	if (m.l.drops.h) {
		part = area_part(area, m.l.drops);
		draw_kernel_drops_table(p, &part);
	}
	return visible;
}
