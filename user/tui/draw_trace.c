// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The last packets traced, the newest first, and the road of the chosen one. */
#include <stdio.h>

#include "base/num.h"
#include "tui/draw.h"

enum { ROAD = 4 };

enum { WHEN, DEV, WHAT, VERDICT, NR_COLUMNS };

/* Why there is none. */
static const char *why_none(const struct picture *p)
{
	if (*p->state->filter)
		return "no packet has that in it";
	if (p->state->plane == WEIR_PLANE_stack)
		return "the stack plane is not observed in this version";
	if (p->state->plane == WEIR_PLANE_fast && !p->delta->nr_devs)
		return "no device is attached, so that the fast plane has no packet to trace";
	return "no packet was traced yet";
}

static void draw_row(const struct area *a, const struct span *s, int y, const struct traced *t)
{
	char clock[16];

	weir_format_clock(clock, sizeof(clock), t->wall_ns / 1000000000);
	area_print(a, s[WHEN].x, y, s[WHEN].w, ROLE_DIM, "%s.%06u", clock,
		(unsigned int)(t->wall_ns / 1000 % 1000000));
	area_text(a, s[DEV].x, y, s[DEV].w, ROLE_TEXT, t->dev);
	area_text(a, s[WHAT].x, y, s[WHAT].w, ROLE_TEXT, t->what);
	area_text(a, s[VERDICT].x, y, s[VERDICT].w, t->lost ? ROLE_TROUBLE : ROLE_TEXT, t->verdict);
}

int draw_trace(const struct picture *p, const struct rows *rows, const struct area *area)
{
	static const struct column columns[NR_COLUMNS] = {
		[WHEN] = {"time", 15, 15, 15, 2, false},
		[DEV] = {"dev", 4, 9, 16, 3, false},
		[WHAT] = {"packet", 24, 56, 64, 0, false},
		[VERDICT] = {"what became of it", 10, 36, 90, 1, false},
	};
	int road = area->box.h >= 14 ? ROAD : 0;
	int visible = area->box.h - 1 - (road ? road + 1 : 0), at = draw_chosen(p, rows);
	struct area a = area_part(area, (struct box){1, 0, area->box.w - 1, 1 + visible}), part;
	int top = layout_scroll((int)rows->nr, visible, at);
	struct span s[NR_COLUMNS];
	const struct traced *chosen;

	layout_columns(columns, NR_COLUMNS, a.box.w - 1, layout_gap(a.box.w), s);
	draw_head(&a, columns, s, NR_COLUMNS, NULL, false);
	if (!rows->nr) {
		area_text(&a, 0, 1, a.box.w, ROLE_TEXT, why_none(p));
		return visible;
	}
	for (int y = 0; y < visible && top + y < (int)rows->nr; y++)
		draw_row(&a, s, 1 + y, traced_at(p->traced, rows->row[top + y].order));
	area_mark(&a, 0, 1 + at - top, a.box.w);
	draw_margin(area, 1, visible, (int)rows->nr, top, at);
	if (road) {
		chosen = traced_at(p->traced, rows->row[at].order);
		part = area_part(area, (struct box){1, area->box.h - road, area->box.w - 2, road});
		area_wrap(
			&part, 0, road, ROLE_TEXT, *chosen->road ? chosen->road : chosen->verdict);
	}
	return visible;
}
