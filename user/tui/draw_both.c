// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Planes side by side, a line for each stage: what the fast plane has there, what it gives to the
 * kernel, what the kernel has. The stack's place is kept.
 */
#include <stdio.h>

#include "tui/draw.h"

enum { STAGE, FAST, FAST_DROPS, OVER, KERNEL, KERNEL_DROPS, STACK, NR_COLUMNS };

struct planes {
	const struct picture *p;
	const struct weir_kernel_part *part; /* NULL: nothing is known of the kernel plane */
	struct figures f;
	struct span s[NR_COLUMNS];
};

static const struct column columns[NR_COLUMNS] = {
	[STAGE] = {"stage", 18, 18, 18, 0, false},
	[FAST] = {"fast/s", 6, 9, 10, 1, true},
	[FAST_DROPS] = {"drops/s", 7, 8, 9, 3, true},
	[OVER] = {"to the kernel/s", 15, 30, 60, 4, false},
	[KERNEL] = {"kernel/s", 8, 9, 10, 2, true},
	[KERNEL_DROPS] = {"drops/s", 7, 8, 9, 5, true},
	[STACK] = {"stack/s", 7, 7, 8, 6, true},
};

/* The fast plane's stage, or WEIR_FAST_STAGE_COUNT where it has no such one, or no hook there. */
static unsigned int fast_of(const struct planes *b, unsigned int stage)
{
	for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++)
		if (weir_fast_to_stage[i] == stage && weir_stage_hooks(i) & b->f.hooks)
			return i;
	return WEIR_FAST_STAGE_COUNT;
}

static void draw_fast(const struct planes *b, const struct area *a, int y, unsigned int fast)
{
	const struct weir_stage_sum *sum = &b->f.sum[fast];
	char causes[512];
	double over;

	if (!b->f.known)
		return;
	draw_si(a, b->s[FAST], y, ROLE_TEXT, weir_delta_rate(b->p->delta, sum->packets), "");
	draw_si(a, b->s[FAST_DROPS], y, ROLE_TROUBLE, weir_delta_rate(b->p->delta, sum->drops), "");
	over = weir_delta_rate(b->p->delta, sum->passed + sum->punted);
	if (over <= 0 || !b->s[OVER].w)
		return;
	draw_si(a, (struct span){b->s[OVER].x, 6}, y, ROLE_TEXT, over, "");
	for (int i = 0; i < 3; i++)
		area_put(a, b->s[OVER].x + 7 + i, y, ROLE_FLOW, a->glyphs->branch[i ? i : 1]);
	draw_causes(causes, sizeof(causes), b->p, b->f.row, fast, CAUSES_KERNEL);
	area_text(a, b->s[OVER].x + 11, y, b->s[OVER].w - 11, ROLE_TEXT, causes);
}

static void draw_line(const struct planes *b, const struct area *a, int y, unsigned int stage)
{
	const struct weir_kernel_delta *delta = b->p->kernel->delta;
	unsigned int fast = fast_of(b, stage);
	bool kernel = b->part && b->part->known, here = fast < WEIR_FAST_STAGE_COUNT;
	bool drops = (kernel && b->part->stage[stage].drops) ||
		     (here && b->f.known && b->f.sum[fast].drops);

	area_put(a, 0, y, ROLE_FLOW,
		!stage || stage == KERNEL_RECEIVING ? a->glyphs->into : a->glyphs->spine);
	area_text(a, 2, y, b->s[STAGE].w - 2, drops ? ROLE_TROUBLE : ROLE_TEXT,
		weir_stage_info[stage].name);
	if (here)
		draw_fast(b, a, y, fast);
	if (kernel) {
		draw_si(a, b->s[KERNEL], y, b->part->stage[stage].machine ? ROLE_DIM : ROLE_TEXT,
			weir_kernel_rate(delta, b->part->stage[stage].packets), "");
		draw_si(a, b->s[KERNEL_DROPS], y, ROLE_TROUBLE,
			weir_kernel_rate(delta, b->part->stage[stage].drops), "");
	}
}

/* Why a plane has no figures; the stack's is always told. */
static void draw_missing(const struct planes *b, const struct area *a)
{
	const char *fast = b->p->delta->nr_devs ? "" : "fast: no device is attached; ";
	const char *kernel = b->part ? "" : "kernel: not watched, 'weir watch on drops'; ";

	area_print(a, 0, 0, a->box.w, *fast || *kernel ? ROLE_STRONG : ROLE_DIM, "%s%s%s", fast,
		kernel, "stack: not in this version");
}

int draw_both(const struct picture *p, const struct rows *rows, const struct area *area)
{
	struct planes b = {.p = p, .part = picture_part_shown(p)};
	struct area all = area_part(area, (struct box){1, 0, area->box.w - 1, area->box.h}), a;
	int visible = all.box.h - 2, at = draw_chosen(p, rows);
	int top = layout_scroll((int)rows->nr, visible, at);

	picture_figures(p, &b.f);
	layout_columns(columns, NR_COLUMNS, all.box.w - 1, layout_gap(all.box.w), b.s);
	draw_missing(&b, &all);
	a = area_part(&all, (struct box){0, 1, all.box.w, all.box.h - 1});
	draw_head(&a, columns, b.s, NR_COLUMNS, NULL, false);
	for (int y = 0; y < visible && top + y < (int)rows->nr; y++)
		draw_line(&b, &a, 1 + y, rows->row[top + y].stage);
	area_mark(&a, 2, 1 + at - top, a.box.w);
	draw_margin(area, 2, visible, (int)rows->nr, top, at);
	return visible;
}
