// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The lines above and below every page. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "tui/draw.h"

static bool is_dead(const struct weir_dev_delta *d)
{
	return d->dev->gone || d->dev->detached;
}

/* The devices, the chosen one in brackets; where not all of them fit, how many there are. */
static void title_devs(const struct picture *p, const struct area *a, struct span span)
{
	const struct weir_dev_delta *only = picture_dev(p);
	int need = text_columns("[all]"), x = span.x, end = span.x + span.w, dead = 0;
	char name[40];

	for (unsigned int i = 0; i < p->delta->nr_devs; i++) {
		dead += is_dead(&p->delta->devs[i]);
		need += 1 + text_columns(picture_dev_name(p->delta->devs[i].dev, name));
	}
	need += dead;
	if (need > span.w) {
		x = area_print(a, x, 0, span.w, ROLE_STRONG, "[%s]",
			only ? picture_dev_name(only->dev, name) : "all");
		area_print(a, x, 0, end - x, dead ? ROLE_TROUBLE : ROLE_DIM, " of %u%s",
			p->delta->nr_devs, dead ? "!" : "");
		return;
	}
	x = area_text(a, x, 0, end - x, only ? ROLE_DIM : ROLE_STRONG, only ? "all" : "[all]");
	for (unsigned int i = 0; i < p->delta->nr_devs; i++) {
		const struct weir_dev_delta *d = &p->delta->devs[i];

		x = area_print(a, x + 1, 0, end - x - 1,
			is_dead(d)  ? ROLE_TROUBLE
			: d == only ? ROLE_STRONG
				    : ROLE_DIM,
			d == only ? "[%s%s]" : "%s%s", picture_dev_name(d->dev, name),
			is_dead(d) ? "!" : "");
	}
}

static void title_planes(const struct picture *p, const struct area *a, struct span span)
{
	int x = span.x;

	for (unsigned int i = 0; span.w && i < WEIR_PLANE_COUNT; i++) {
		bool is = i == p->state->plane;

		x = area_print(a, x, 0, span.x + span.w - x, is ? ROLE_STRONG : ROLE_DIM,
			is ? "[%s]" : " %s ", weir_plane_info[i].name);
	}
}

/* What the last exact reading found, and how old that is. */
static void title_ledger(const struct picture *p, const struct area *a, struct span span)
{
	const struct ledger_seen *l = &p->ledger;
	char text[64];
	int x;

	if (!span.w)
		return;
	if (!l->measured) {
		area_print(a, span.x, 0, span.w, ROLE_DIM, "ledger %s", a->glyphs->dot);
		return;
	}
	snprintf(text, sizeof(text), "ledger %lld", (long long)l->residual);
	x = area_print(a, span.x, 0, span.w, l->holds ? ROLE_TEXT : ROLE_TROUBLE, "%s%s", text,
		l->holds || l->residual ? "" : "!");
	if (p->wall_s > l->wall_s)
		area_print(a, x, 0, span.x + span.w - x, ROLE_DIM, " (%llu s)",
			(unsigned long long)(p->wall_s - l->wall_s));
}

void draw_title(const struct picture *p, const struct area *a)
{
	enum { BRAND, NAME, DEVS, PLANES, EVERY, LEDGER, CLOCK, NR };
	static const struct column columns[NR] = {
		[BRAND] = {"", 9, 9, 9, 0, false},
		[NAME] = {"", 12, 20, 24, 5, false},
		[DEVS] = {"", 11, 16, 200, 3, false},
		[PLANES] = {"", 21, 21, 21, 2, false},
		[EVERY] = {"", 11, 11, 11, 6, false},
		[LEDGER] = {"", 15, 15, 18, 4, false},
		[CLOCK] = {"", 15, 15, 15, 1, true},
	};
	struct span s[NR];
	char clock[16];
	int x;

	layout_columns(columns, NR, a->box.w, 2, s);
	weir_format_clock(clock, sizeof(clock), p->wall_s);
	area_text(a, s[BRAND].x, 0, s[BRAND].w, ROLE_STRONG, "weir top");
	area_text(a, s[NAME].x, 0, s[NAME].w, ROLE_TEXT, p->name);
	title_devs(p, a, s[DEVS]);
	title_planes(p, a, s[PLANES]);
	if (s[EVERY].w)
		area_print(a, s[EVERY].x, 0, s[EVERY].w, ROLE_DIM, "every %.3g s",
			(double)p->period_ns / 1e9);
	title_ledger(p, a, s[LEDGER]);
	x = s[CLOCK].x;
	if (p->state->paused)
		area_text(a, x, 0, s[CLOCK].w, ROLE_STRONG, "PAUSED");
	area_right(a, x, 0, s[CLOCK].w, ROLE_TEXT, clock);
}

struct totals {
	double in, bits, out, passed, punted, drops, lost;
	bool known;
};

static void totals_of(const struct picture *p, struct totals *t)
{
	struct weir_traffic flow;
	struct figures f;

	memset(t, 0, sizeof(*t));
	picture_figures(p, &f);
	t->known = f.known;
	if (!f.known)
		return;
	weir_traffic_of(f.row, &flow);
	t->in = weir_delta_rate(p->delta, flow.in.packets);
	t->bits = 8 * weir_delta_rate(p->delta, flow.in.bytes);
	t->out = weir_delta_rate(p->delta, flow.out);
	t->lost = weir_delta_rate(p->delta, flow.lost);
	t->drops = weir_delta_rate(p->delta, flow.drops);
	t->passed = weir_delta_rate(p->delta, flow.passed);
	t->punted = weir_delta_rate(p->delta, flow.punted);
}

/* A label, and a number that ends where the column ends. */
static void labelled(const struct area *a, struct span span, enum role role, const char *label,
	double value, const char *unit)
{
	int x;

	if (!span.w)
		return;
	x = area_text(a, span.x, 0, span.w, role == ROLE_TROUBLE ? role : ROLE_DIM, label);
	draw_si(a, (struct span){x, span.x + span.w - x}, 0, role, value, unit);
}

void draw_totals(const struct picture *p, const struct area *a)
{
	enum { IN, BITS, OUT, KERNEL, PASSED, PUNTED, DROPS, SHARE, LOST, NR };
	struct column columns[NR] = {
		[IN] = {"", 11, 11, 11, 0, false},
		[BITS] = {"", 9, 9, 9, 4, true},
		[OUT] = {"", 12, 12, 13, 2, false},
		[PASSED] = {"", 15, 15, 16, 5, false},
		[PUNTED] = {"", 15, 15, 16, 6, false},
		[DROPS] = {"", 16, 16, 17, 1, false},
		[SHARE] = {"", 6, 6, 6, 3, true},
		[LOST] = {"", 13, 13, 14, 7, false},
	};
	struct totals t;
	struct span s[NR];
	char share[16];
	double percent;

	layout_columns(columns, NR, a->box.w, 2, s);
	if (!s[PUNTED].w) { /* their sum, then */
		columns[KERNEL] = columns[PASSED];
		columns[PASSED].min = columns[PUNTED].min = 0;
		layout_columns(columns, NR, a->box.w, 2, s);
	}
	totals_of(p, &t);
	labelled(a, s[IN], ROLE_STRONG, "in", t.in, "/s");
	draw_si(a, s[BITS], 0, ROLE_TEXT, t.bits, "b/s");
	labelled(a, s[OUT], ROLE_STRONG, "out", t.out, "/s");
	labelled(a, s[PASSED], ROLE_TEXT, "passed", t.passed, "/s");
	labelled(a, s[PUNTED], ROLE_TEXT, "punted", t.punted, "/s");
	labelled(a, s[KERNEL], ROLE_TEXT, "kernel", t.passed + t.punted, "/s");
	labelled(a, s[DROPS], t.drops > 0 ? ROLE_TROUBLE : ROLE_TEXT,
		t.drops > 0 ? "DROPPED" : "dropped", t.drops, "/s");
	percent = t.in > 0 ? 100 * t.drops / t.in : 100;
	snprintf(share, sizeof(share),
		percent < 0.1	 ? "<0.1 %%"
		: percent < 9.95 ? "%.1f %%"
				 : "%.0f %%",
		percent);
	if (t.drops > 0)
		area_right(a, s[SHARE].x, 0, s[SHARE].w, ROLE_TROUBLE, share);
	if (t.lost > 0)
		labelled(a, s[LOST], ROLE_TROUBLE, "LOST", t.lost, "/s");
}

static void trouble_facts(const struct picture *p, const struct area *a, int y)
{
	const struct weir_trouble *t = p->trouble;
	struct weir_told told;
	char text[768], clock[16], number[WEIR_NUM_MAX];
	__u64 total = 0;
	int x;

	for (unsigned int i = 0; t->kind == WEIR_TROUBLE_DROPS && i < p->drops->nr; i++) {
		const struct weir_drop_seen *drop = &p->drops->seen[i];

		if (drop->exit == t->exit && !strcmp(p->delta->devs[drop->dev].dev->name, t->dev))
			total = drop->total;
	}
	weir_trouble_tell(t, p->delta, p->option, &told);
	weir_format_clock(clock, sizeof(clock), t->since_s);
	snprintf(text, sizeof(text), "since %s%s", t->began_unseen ? "before " : "", clock);
	x = area_text(a, 0, y, a->box.w, ROLE_DIM, text);
	weir_format_si(number, sizeof(number), (double)total, "");
	if (total && a->box.w >= 70)
		x = area_print(a, x, y, a->box.w - x, ROLE_DIM, ", %s in all", number);
	x = area_text(a, x + 2, y, a->box.w - x - 2, ROLE_DIM, "try: ");
	area_text(a, x, y, a->box.w - x, ROLE_STRONG, told.remedy);
}

void draw_trouble(const struct picture *p, const struct area *a)
{
	enum role role = weir_trouble_is_none(p->trouble) ? ROLE_TEXT : ROLE_TROUBLE;
	struct weir_told told;
	int used;

	if (!p->delta->interval_ns && p->trouble->kind != WEIR_TROUBLE_NO_DEVICE) {
		area_text(a, 0, 0, a->box.w, ROLE_TEXT, "rates come with the next reading");
		return;
	}
	weir_trouble_tell(p->trouble, p->delta, p->option, &told);
	used = area_wrap(a, 0, a->box.h - 1, role, told.text);
	trouble_facts(p, a, used);
}

/* The first of a key's names. */
static void first_key(char *buf, size_t size, const char *keys)
{
	snprintf(buf, size, "%.*s", (int)strcspn(keys, " "), keys);
}

/* Of devices that have no rates for once, as text; "" for none. */
static void changed_devs(char *buf, size_t size, const struct picture *p)
{
	size_t used = 0;

	*buf = '\0';
	for (unsigned int i = 0; i < p->delta->nr_devs && used < size; i++) {
		const struct weir_dev_delta *d = &p->delta->devs[i];
		int n;

		if (d->change == WEIR_CHANGE_NONE || is_dead(d) || !p->delta->interval_ns)
			continue;
		n = snprintf(buf + used, size - used, "%s%s %s", used ? ", " : "", d->dev->name,
			picture_state(d));
		used += n > 0 ? (size_t)n : 0;
	}
}

/* As many keys as fit, as the table has them. */
void draw_footer(const struct picture *p, const struct area *a)
{
	const struct state *s = p->state;
	char changed[128];
	int x = 0;

	if (s->input != INPUT_NONE) {
		x = area_print(a, 0, 0, a->box.w, ROLE_STRONG, "%s %s",
			s->input == INPUT_FIND ? "find:" : "filter:", s->typed);
		area_put(a, x, 0, ROLE_STRONG, '_');
		area_text(a, x + 3, 0, a->box.w - x - 3, ROLE_DIM, "Enter keeps it, Esc leaves it");
		return;
	}
	changed_devs(changed, sizeof(changed), p);
	if (s->note) {
		area_text(a, 0, 0, a->box.w, ROLE_STRONG, s->note);
		return;
	}
	if (*changed) {
		area_print(a, 0, 0, a->box.w, ROLE_STRONG, "%s: rates come with the next reading",
			changed);
		return;
	}
	if (*s->filter && rows_nr_sorts(state_page(s)))
		x = area_print(a, 0, 0, a->box.w, ROLE_STRONG, "filter: %s", s->filter) + 3;
	for (unsigned int i = 0; i < ACTION_COUNT; i++) {
		const struct weir_action_info *info = &weir_action_info[i];
		char key[16];

		first_key(key, sizeof(key), info->keys);
		if (!*info->hint || x + text_columns(key) + 1 + text_columns(info->hint) > a->box.w)
			continue;
		x = area_text(a, x, 0, a->box.w - x, ROLE_STRONG, key);
		x = area_print(a, x + 1, 0, a->box.w - x - 1, ROLE_DIM, "%s", info->hint) + 2;
	}
}
