// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Devices, and how their packets are shared among queues or CPUs. */
#include <stdio.h>

#include "tui/draw.h"

enum { NAME, STATE, IN, BITS, OUT, KERNEL, DROPS, SENT, SHARE, BAR, NR_COLUMNS };

static void columns_of(const struct picture *p, const struct area *area, struct span s[NR_COLUMNS])
{
	static const struct column c[NR_COLUMNS] = {
		[NAME] = {"device", 13, 15, 27, 0, false},
		[STATE] = {"hook", 8, 9, 10, 3, false},
		[IN] = {"in/s", 7, 8, 9, 1, true},
		[BITS] = {"bits/s", 7, 7, 9, 6, true},
		[OUT] = {"out/s", 7, 7, 9, 4, true},
		[KERNEL] = {"kernel/s", 8, 8, 9, 5, true},
		[DROPS] = {"drops/s", 8, 8, 9, 2, true},
		[SENT] = {"sent by it", 10, 10, 10, 9, true},
		[SHARE] = {"share", 6, 6, 6, 7, true},
		[BAR] = {"", 6, 20, 60, 8, false},
	};
	const struct state *state = p->state;

	layout_columns(c, NR_COLUMNS, area->box.w - 1, layout_gap(area->box.w), s);
	draw_head(area, c, s, NR_COLUMNS, rows_sort(PAGE_DEVS, state->sort[PAGE_DEVS]),
		state->invert[PAGE_DEVS]);
}

static void draw_rates(const struct picture *p, const struct area *a, const struct span *s, int y,
	const struct weir_row *row, bool known)
{
	const struct weir_delta *d = p->delta;
	struct weir_traffic f = {0};

	if (known)
		weir_traffic_of(row, &f);
	draw_si(a, s[IN], y, ROLE_TEXT, weir_delta_rate(d, f.in.packets), "");
	draw_si(a, s[BITS], y, ROLE_TEXT, 8 * weir_delta_rate(d, f.in.bytes), "");
	draw_si(a, s[OUT], y, ROLE_TEXT, weir_delta_rate(d, f.out), "");
	draw_si(a, s[KERNEL], y, ROLE_TEXT, weir_delta_rate(d, f.passed + f.punted), "");
	draw_si(a, s[DROPS], y, ROLE_TROUBLE, weir_delta_rate(d, f.drops), "");
	draw_si(a, s[SENT], y, ROLE_TEXT, known ? weir_delta_rate(d, row->tx_packets) : 0, "");
}

/* What part of the packets that came in by @whole came in by @part. */
static void draw_share(const struct area *a, const struct span *s, int y,
	const struct weir_row *part, const struct weir_row *whole, bool bar)
{
	struct weir_traffic p, w;
	double share;
	char text[16];

	weir_traffic_of(part, &p);
	weir_traffic_of(whole, &w);
	share = w.in.packets ? (double)p.in.packets / (double)w.in.packets : 0;
	snprintf(text, sizeof(text), "%.0f %%", 100 * share);
	area_right(a, s[SHARE].x, y, s[SHARE].w, share > 0 ? ROLE_TEXT : ROLE_DIM,
		share > 0 ? text : a->glyphs->dot);
	if (w.in.packets && bar)
		draw_bar(a, s[BAR], y, share);
}

static void draw_part(const struct picture *p, const struct area *a, const struct span *s, int y,
	const struct row *row)
{
	const struct weir_dev_delta *d = &p->delta->devs[row->dev];
	bool cpus = p->state->shares == SHARES_CPUS, known = weir_delta_known(d);
	const struct weir_row *rows = cpus ? d->cpu : d->queue, none = {0};
	unsigned int nr = cpus ? d->nr_cpus : d->nr_queues, part = (unsigned int)row->part;
	const struct weir_row *r = rows && part < nr ? &rows[part] : &none;

	area_print(a, s[NAME].x + 2, y, s[NAME].w - 2, ROLE_DIM, "%s %u", cpus ? "CPU" : "queue",
		part);
	draw_rates(p, a, s, y, r, known);
	draw_share(a, s, y, known ? r : &none, known ? &d->row : &none, true);
}

static void draw_dev(const struct picture *p, const struct area *a, const struct span *s, int y,
	const struct row *row)
{
	const struct weir_dev_delta *d = &p->delta->devs[row->dev];
	const char *state = picture_state(d);
	bool dead = d->dev->gone || d->dev->detached;
	const struct weir_row none = {0};
	char name[40];

	area_text(a, s[NAME].x, y, s[NAME].w, ROLE_STRONG, picture_dev_name(d->dev, name));
	if (*state)
		area_text(a, s[STATE].x, y, s[STATE].w, dead ? ROLE_TROUBLE : ROLE_STRONG, state);
	else
		area_text(a, s[STATE].x, y, s[STATE].w, ROLE_TEXT,
			picture_hook(d->dev));
	draw_rates(p, a, s, y, &d->row, weir_delta_known(d));
	draw_share(a, s, y, weir_delta_known(d) ? &d->row : &none, &p->delta->row, false);
}

int draw_devs(const struct picture *p, const struct rows *rows, const struct area *area)
{
	int visible = area->box.h - 1, at = draw_chosen(p, rows), top;
	struct area a = area_part(area, (struct box){1, 0, area->box.w - 1, area->box.h});
	struct span s[NR_COLUMNS];

	columns_of(p, &a, s);
	if (!rows->nr) {
		if (*p->state->filter)
			area_print(&a, 0, 1, a.box.w, ROLE_DIM, "no row has '%s' in it",
				p->state->filter);
		else
			area_text(&a, 0, 1, a.box.w, ROLE_TEXT, "no device is attached");
		return visible;
	}
	top = layout_scroll((int)rows->nr, visible, at);
	for (int y = 0; y < visible && top + y < (int)rows->nr; y++) {
		const struct row *row = &rows->row[top + y];

		if (row->part < 0)
			draw_dev(p, &a, s, 1 + y, row);
		else
			draw_part(p, &a, s, 1 + y, row);
	}
	area_mark(&a, 0, 1 + at - top, s[BAR].w ? s[BAR].x - 1 : a.box.w);
	draw_margin(area, 1, visible, (int)rows->nr, top, at);
	return visible;
}
