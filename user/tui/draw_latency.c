// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The latency of one stage: on the left how its samples of the last readings are spread, on the
 * right when they came, both over the same scale of powers of two.
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "tui/draw.h"

enum { LABEL, MARK, SHARE, BAR, WALL, HEAT, NR_COLUMNS };

struct heat {
	const struct picture *p;
	const struct history *history;
	const struct series *series;
	unsigned int stage; /* as the history counts them */
	const char *name;
	__u64 sum[WEIR_OCTAVES], all;
	int low, high; /* octaves that ever had a sample */
	int step;      /* octaves a line */
	struct weir_quantiles q;
};

static void sum_up(struct heat *h, int readings)
{
	h->low = WEIR_OCTAVES;
	h->high = -1;
	/* the scale is that of all that is remembered, so that it seldom changes */
	for (int age = 0; age < HISTORY_LEN; age++) {
		const __u32 *samples = history_heat(h->history, h->series, h->stage, age);

		for (int o = 0; samples && o < WEIR_OCTAVES; o++) {
			if (!samples[o])
				continue;
			h->low = o < h->low ? o : h->low;
			h->high = o > h->high ? o : h->high;
			if (age < readings) {
				h->sum[o] += samples[o];
				h->all += samples[o];
			}
		}
	}
}

static void draw_figures(const struct heat *h, const struct area *a)
{
	const struct {
		const char *name;
		__u64 ns;
	} figure[] = {
		{"p50", h->q.p50_ns},
		{"p90", h->q.p90_ns},
		{"p99", h->q.p99_ns},
		{"max", h->q.max_ns},
	};
	int x = area_print(a, 0, 0, a->box.w, ROLE_STRONG, "%-16s", h->name) + 1;
	char text[WEIR_NUM_MAX];

	for (int i = 0; i < 4; i++) {
		area_text(a, x, 0, a->box.w - x, ROLE_DIM, figure[i].name);
		weir_format_ns(text, sizeof(text), (double)figure[i].ns, a->glyphs->utf8);
		area_right(a, x + 4, 0, 7, h->q.samples ? ROLE_TEXT : ROLE_DIM,
			h->q.samples ? text : a->glyphs->dot);
		x += 13;
	}
	if (state_is_kernel(h->p->state))
		area_print(a, x, 0, a->box.w - x, ROLE_DIM,
			a->box.w - x > 34 ? "now; %.4g %% of the time is observed" : "%.4g %%",
			h->p->kernel->snap->watch.share / 1e4);
	else if (h->p->snap->sample_every)
		area_print(a, x, 0, a->box.w - x, ROLE_DIM,
			a->box.w - x > 28 ? "now; 1 packet in %u is timed" : "1 in %u",
			h->p->snap->sample_every);
}

static bool is_timed(const struct picture *p)
{
	if (state_is_kernel(p->state))
		return p->kernel->snap->watch.level >= WEIR_KLEVEL_latency;
	return p->snap->sample_every;
}

/* Says why there is nothing to draw. Returns whether it did. */
static bool draw_nothing(const struct heat *h, const struct area *a)
{
	char text[600];

	if (h->high >= 0)
		return false;
	if (is_timed(h->p)) {
		area_text(a, 0, 2, a->box.w, ROLE_TEXT, "no packet was timed at this stage yet");
		return true;
	}
	snprintf(text, sizeof(text),
		state_is_kernel(h->p->state)
			? "no stage is timed; to do so in a part of the time: weir%s watch on "
			  "latency 1/128"
			: "no packet is timed; to time one in 128: weir%s watch on latency 1/128",
		h->p->option);
	area_wrap(a, 2, 2, ROLE_TEXT, text);
	return true;
}

/* Where in its line a quantile stands: which of them to name beside an octave. */
static const char *mark_of(const struct heat *h, int from)
{
	const struct {
		const char *name;
		__u64 ns;
	} marks[] = {{"p50", h->q.p50_ns}, {"p99", h->q.p99_ns}, {"p90", h->q.p90_ns}};

	for (int i = 0; h->q.samples && i < 3; i++) {
		int octave = marks[i].ns ? (int)weir_log2(marks[i].ns) : 0;

		if (octave >= from && octave < from + h->step)
			return marks[i].name;
	}
	return "";
}

static void draw_cell(
	const struct heat *h, const struct area *a, struct span span, int y, int x, int from)
{
	const __u32 *samples = history_heat(h->history, h->series, h->stage, span.w - 1 - x);
	__u64 here = 0, all = 0;
	int shade;

	for (int o = 0; samples && o < WEIR_OCTAVES; o++) {
		all += samples[o];
		if (o >= from && o < from + h->step)
			here += samples[o];
	}
	if (!here)
		return;
	/* of the reading's samples: a tenth, a quarter, a half */
	shade = 10 * here < all ? 0 : 4 * here < all ? 1 : 2 * here < all ? 2 : 3;
	area_put(a, span.x + x, y, ROLE_FLOW, a->glyphs->shade[shade]);
}

static void draw_line(
	const struct heat *h, const struct area *a, const struct span *s, int y, int from)
{
	char text[WEIR_NUM_MAX];
	__u64 here = 0, most = 1;
	double percent;

	for (int o = 0; o < WEIR_OCTAVES; o++)
		if (o >= from && o < from + h->step)
			here += h->sum[o];
	for (int o = 0; o < WEIR_OCTAVES; o++)
		most = h->sum[o] > most ? h->sum[o] : most;
	weir_format_ns(
		text, sizeof(text), (double)weir_octave_from((unsigned int)from), a->glyphs->utf8);
	area_right(a, s[LABEL].x, y, s[LABEL].w, ROLE_TEXT, text);
	area_text(a, s[MARK].x, y, s[MARK].w, ROLE_STRONG, mark_of(h, from));
	percent = 100 * (double)here / (double)(h->all ? h->all : 1);
	snprintf(text, sizeof(text), percent < 0.05 ? "<0.1 %%" : "%.1f %%", percent);
	area_right(a, s[SHARE].x, y, s[SHARE].w, here ? ROLE_TEXT : ROLE_DIM,
		here ? text : a->glyphs->dot);
	for (int x = 0; here && x < s[BAR].w; x++)
		if ((__u64)x * most * (unsigned int)h->step <= here * (unsigned int)s[BAR].w || !x)
			area_put(a, s[BAR].x + x, y, ROLE_FLOW, a->glyphs->bar);
	if (s[HEAT].w)
		area_put(a, s[WALL].x, y, ROLE_DIM, a->glyphs->wall);
	for (int x = 0; x < s[HEAT].w; x++)
		draw_cell(h, a, s[HEAT], y, x, from);
}

static void draw_axis(const struct heat *h, const struct area *a, const struct span *s, int y)
{
	char text[32];

	draw_span_text(text, sizeof(text), h->p, s[HEAT].w);
	area_text(a, s[HEAT].x, y, s[HEAT].w, ROLE_DIM, text);
	if (s[HEAT].w >= 20)
		area_right(a, s[HEAT].x, y, s[HEAT].w, ROLE_DIM, "now");
}

static void look_at_kernel(struct heat *h)
{
	const struct weir_kernel_part *part = picture_part_shown(h->p);

	h->name = picture_stage(h->stage);
	h->history = h->p->kernel->history;
	h->series = part ? history_of(h->history, part->key) : NULL;
	if (part && part->known)
		weir_quantiles_of(&part->lat.stage[h->stage], &h->q);
}

static void look_at_fast(struct heat *h)
{
	struct figures f;

	picture_figures(h->p, &f);
	h->name = picture_stage(weir_fast_to_stage[h->stage]);
	h->history = h->p->history;
	h->series = f.series;
	if (f.known)
		weir_quantiles_of(&f.lat->stage[h->stage], &h->q);
}

int draw_latency(const struct picture *p, const struct area *area, unsigned int stage)
{
	static const struct column columns[NR_COLUMNS] = {
		[LABEL] = {"", 7, 7, 7, 0, true},
		[MARK] = {"", 3, 3, 3, 2, false},
		[SHARE] = {"", 7, 7, 7, 1, true},
		[BAR] = {"", 10, 16, 40, 3, false},
		[WALL] = {"", 1, 1, 1, 4, false},
		[HEAT] = {"", 10, HISTORY_LEN, HISTORY_LEN, 5, false},
	};
	struct area a = area_part(area, (struct box){1, 0, area->box.w - 2, area->box.h});
	struct heat h = {.p = p, .stage = stage};
	struct span s[NR_COLUMNS];
	int lines = a.box.h - 3, nr;

	if (state_is_kernel(p->state))
		look_at_kernel(&h);
	else
		look_at_fast(&h);
	layout_columns(columns, NR_COLUMNS, a.box.w, layout_gap(a.box.w), s);
	sum_up(&h, s[HEAT].w ? s[HEAT].w : HISTORY_LEN);
	draw_figures(&h, &a);
	if (draw_nothing(&h, &a) || lines < 1)
		return 1;
	h.step = (h.high - h.low + lines) / lines;
	nr = (h.high - h.low) / h.step + 1;
	for (int i = 0; i < nr; i++)
		draw_line(&h, &a, s, 2 + i, h.low + (nr - 1 - i) * h.step);
	draw_axis(&h, &a, s, 2 + nr);
	return 1;
}
