// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pages of words: the keys, and the planes that this version does not observe. */
#include <stdio.h>

#include "tui/draw.h"

enum { LEGEND = 3 };

static void draw_legend(const struct area *a)
{
	const struct glyphs *g = a->glyphs;
	char text[256];
	int x = 0;

	area_print(a, 0, 0, a->box.w, ROLE_DIM,
		"%s nothing, or not known: a device that is new, reset, gone or replaced has no "
		"rate",
		g->dot);
	area_text(a, 0, 1, a->box.w, ROLE_DIM,
		"a gap in a line: no reading, or none to compare it with");
	for (int i = 0; i < GLYPH_SHADES; i++)
		area_put(a, x++, 2, ROLE_FLOW, g->shade[i]);
	snprintf(text, sizeof(text),
		" less than a tenth, a quarter, a half, and more of a reading's samples");
	area_text(a, x, 2, a->box.w - x, ROLE_DIM, text);
}

int draw_help(const struct picture *p, const struct rows *rows, const struct area *area)
{
	enum { KEYS, WHAT, NR };
	static const struct column columns[NR] = {
		[KEYS] = {"key", 8, 10, 10, 0, false},
		[WHAT] = {"what it does", 20, 80, 80, 1, false},
	};
	bool legend = area->box.h >= (int)rows->nr + 2 + LEGEND;
	int visible = area->box.h - 1, at = draw_chosen(p, rows);
	int top = layout_scroll((int)rows->nr, visible, at);
	struct area a = area_part(area, (struct box){1, 0, area->box.w - 1, area->box.h});
	struct span s[NR];

	layout_columns(columns, NR, a.box.w - 1, layout_gap(a.box.w), s);
	draw_head(&a, columns, s, NR, NULL, false);
	for (int y = 0; y < visible && top + y < (int)rows->nr; y++) {
		const struct weir_action_info *info = &weir_action_info[rows->row[top + y].id];

		area_text(&a, s[KEYS].x, 1 + y, s[KEYS].w, ROLE_STRONG, info->keys);
		area_text(&a, s[WHAT].x, 1 + y, s[WHAT].w, ROLE_TEXT, info->what);
	}
	area_mark(&a, 0, 1 + at - top, a.box.w);
	draw_margin(area, 1, visible, (int)rows->nr, top, at);
	if (legend) {
		struct area part =
			area_part(&a, (struct box){0, (int)rows->nr + 2, a.box.w, LEGEND});

		draw_legend(&part);
	}
	return visible;
}

static void draw_why(const struct picture *p, const struct area *a)
{
	if (!state_is_kernel(p->state))
		area_print(a, 0, 0, a->box.w, ROLE_STRONG,
			"the %s plane is not observed in this version: there are no figures",
			weir_plane_info[p->state->plane].name);
	else if (*p->kernel->why)
		area_print(a, 0, 0, a->box.w, ROLE_STRONG, "the kernel plane cannot be read: %s",
			p->kernel->why);
	else
		area_print(a, 0, 0, a->box.w, ROLE_STRONG,
			"the kernel plane is not watched; to watch it: weir%s watch on drops",
			p->option);
}

int draw_plane(const struct picture *p, const struct rows *rows, const struct area *area)
{
	enum { STAGE, SEES, WHAT, NR };
	static const struct column columns[NR] = {
		[STAGE] = {"stage", 16, 16, 18, 0, false},
		[SEES] = {"how it is seen there", 20, 24, 30, 1, false},
		[WHAT] = {"what happens there", 20, 40, 60, 2, false},
	};
	struct area a = area_part(area, (struct box){1, 0, area->box.w - 1, area->box.h});
	int visible = a.box.h - 3, at = draw_chosen(p, rows);
	int top = layout_scroll((int)rows->nr, visible, at);
	struct span s[NR];

	draw_why(p, &a);
	layout_columns(columns, NR, a.box.w - 1, layout_gap(a.box.w), s);
	a = area_part(&a, (struct box){0, 2, a.box.w, a.box.h - 2});
	draw_head(&a, columns, s, NR, NULL, false);
	for (int y = 0; y < visible && top + y < (int)rows->nr; y++) {
		unsigned int stage = rows->row[top + y].stage;

		area_text(
			&a, s[STAGE].x, 1 + y, s[STAGE].w, ROLE_TEXT, weir_stage_info[stage].name);
		area_text(&a, s[SEES].x, 1 + y, s[SEES].w, ROLE_TEXT,
			weir_plane_sees(p->state->plane, stage));
		area_text(&a, s[WHAT].x, 1 + y, s[WHAT].w, ROLE_DIM, weir_stage_info[stage].text);
	}
	if (!rows->nr)
		return visible;
	area_mark(&a, 0, 1 + at - top, a.box.w);
	draw_margin(area, 3, visible, (int)rows->nr, top, at);
	return visible;
}
