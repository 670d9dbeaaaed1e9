// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The last packets traced, the newest first. */
#include <stdio.h>

#include "base/num.h"
#include "tui/draw.h"

int draw_trace(const struct picture *p, const struct rows *rows, const struct area *area)
{
	enum { WHEN, DEV, WHAT, VERDICT, NR };
	static const struct column columns[NR] = {
		[WHEN] = {"time", 15, 15, 15, 2, false},
		[DEV] = {"dev", 4, 9, 16, 3, false},
		[WHAT] = {"packet", 24, 56, 64, 0, false},
		[VERDICT] = {"what became of it", 10, 36, 90, 1, false},
	};
	struct area a = area_part(area, (struct box){1, 0, area->box.w - 1, area->box.h});
	int visible = a.box.h - 1, at = draw_chosen(p, rows);
	int top = layout_scroll((int)rows->nr, visible, at);
	struct span s[NR];

	layout_columns(columns, NR, a.box.w - 1, layout_gap(a.box.w), s);
	draw_head(&a, columns, s, NR, NULL, false);
	if (!rows->nr) {
		area_text(&a, 0, 1, a.box.w, ROLE_TEXT,
			*p->state->filter    ? "no packet has that in it"
			: !p->delta->nr_devs ? "no device is attached, so that no packet is traced"
					     : "no packet was traced yet");
		return visible;
	}
	for (int y = 0; y < visible && top + y < (int)rows->nr; y++) {
		const struct traced *t = traced_at(p->traced, rows->row[top + y].order);
		char clock[16];

		weir_format_clock(clock, sizeof(clock), t->wall_ns / 1000000000);
		area_print(&a, s[WHEN].x, 1 + y, s[WHEN].w, ROLE_DIM, "%s.%06u", clock,
			(unsigned int)(t->wall_ns / 1000 % 1000000));
		area_text(&a, s[DEV].x, 1 + y, s[DEV].w, ROLE_TEXT, t->dev);
		area_text(&a, s[WHAT].x, 1 + y, s[WHAT].w, ROLE_TEXT, t->what);
		area_text(&a, s[VERDICT].x, 1 + y, s[VERDICT].w, t->lost ? ROLE_TROUBLE : ROLE_TEXT,
			t->verdict);
	}
	area_mark(&a, 0, 1 + at - top, a.box.w);
	draw_margin(area, 1, visible, (int)rows->nr, top, at);
	return visible;
}
