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

/* Parts of the kernel plane, likewise. */
static void title_parts(const struct picture *p, const struct area *a, struct span span)
{
	const struct weir_kernel_delta *delta = p->kernel->delta;
	const struct weir_kernel_part *only = picture_part(p);
	int need = text_columns("[all]"), x = span.x, end = span.x + span.w;
	char name[96];

	for (unsigned int i = 1; i < delta->nr_parts; i++)
		need += 1 + text_columns(picture_part_name(&delta->parts[i], name));
	if (need > span.w) {
		x = area_print(a, x, 0, span.w, ROLE_STRONG, "[%s]",
			only ? picture_part_name(only, name) : "all");
		if (delta->nr_parts > 1)
			area_print(a, x, 0, end - x, ROLE_DIM, " of %u", delta->nr_parts - 1);
		return;
	}
	x = area_text(a, x, 0, end - x, only ? ROLE_DIM : ROLE_STRONG, only ? "all" : "[all]");
	for (unsigned int i = 1; i < delta->nr_parts; i++) {
		bool is = only == &delta->parts[i];

		x = area_print(a, x + 1, 0, end - x - 1, is ? ROLE_STRONG : ROLE_DIM,
			is ? "[%s]" : "%s", picture_part_name(&delta->parts[i], name));
	}
}

/* Whether a plane has something to act on. */
static bool in_trouble(const struct picture *p, enum weir_plane plane)
{
	if (plane == WEIR_PLANE_kernel)
		return !weir_kernel_trouble_is_none(p->kernel->trouble);
	/* without a device there is no fast plane, which is no trouble of who looks at another */
	return plane == WEIR_PLANE_fast && !weir_trouble_is_none(p->trouble) &&
	       p->trouble->kind != WEIR_TROUBLE_NO_DEVICE;
}

static void title_planes(const struct picture *p, const struct area *a, struct span span)
{
	int x = span.x;

	for (unsigned int i = 0; span.w && i < WEIR_PLANE_COUNT; i++) {
		bool is = i == p->state->plane, bad = !is && in_trouble(p, i);

		x = area_print(a, x, 0, span.x + span.w - x,
			is    ? ROLE_STRONG
			: bad ? ROLE_TROUBLE
			      : ROLE_DIM,
			is    ? "[%s]"
			: bad ? " %s!"
			      : " %s ",
			weir_plane_info[i].name);
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

/* How closely the kernel plane is observed; with a '!' where nobody does any more. */
static void title_level(const struct picture *p, const struct area *a, struct span span)
{
	const struct weir_kernel_snapshot *snap = p->kernel->snap;
	bool blind = weir_kernel_blind(snap);
	__u32 level = snap->on && snap->watch.level < WEIR_KLEVEL_COUNT ? snap->watch.level : 0;

	if (span.w)
		area_print(a, span.x, 0, span.w, blind ? ROLE_TROUBLE : ROLE_TEXT, "watch %s%s",
			weir_klevel_info[level].name, blind ? "!" : "");
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
	if (state_is_kernel(p->state))
		title_parts(p, a, s[DEVS]);
	else
		title_devs(p, a, s[DEVS]);
	title_planes(p, a, s[PLANES]);
	if (s[EVERY].w)
		area_print(a, s[EVERY].x, 0, s[EVERY].w, ROLE_DIM, "every %.3g s",
			(double)(state_is_kernel(p->state) ? p->kernel->period_ns : p->period_ns) /
				1e9);
	if (state_is_kernel(p->state))
		title_level(p, a, s[LEDGER]);
	else
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

static void draw_share(const struct area *a, struct span span, double in, double drops)
{
	double percent = in > 0 ? 100 * drops / in : 100;
	char share[16];

	if (drops <= 0)
		return;
	snprintf(share, sizeof(share),
		percent < 0.1	 ? "<0.1 %%"
		: percent < 9.95 ? "%.1f %%"
				 : "%.0f %%",
		percent);
	area_right(a, span.x, 0, span.w, ROLE_TROUBLE, share);
}

static void fast_totals(const struct picture *p, const struct area *a)
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
	draw_share(a, s[SHARE], t.in, t.drops);
	if (t.lost > 0)
		labelled(a, s[LOST], ROLE_TROUBLE, "LOST", t.lost, "/s");
}

static void kernel_totals(const struct picture *p, const struct area *a)
{
	enum { IN, BITS, OUT, UP, DOWN, DROPS, LOST, NR };
	static const struct column columns[NR] = {
		[IN] = {"", 11, 11, 11, 0, false},
		[BITS] = {"", 9, 9, 9, 4, true},
		[OUT] = {"", 12, 12, 13, 2, false},
		[UP] = {"", 15, 15, 16, 5, false},
		[DOWN] = {"", 15, 15, 16, 6, false},
		[DROPS] = {"", 16, 16, 17, 1, false},
		[LOST] = {"", 13, 13, 14, 7, false},
	};
	const struct weir_kernel_delta *delta = p->kernel->delta;
	const struct weir_kernel_part *part = picture_part_shown(p);
	const __u64 *lost = (const __u64 *)&delta->lost;
	__u64 own = 0;
	struct span s[NR];
	double drops;

	layout_columns(columns, NR, a->box.w, 2, s);
	if (!part)
		return;
	for (unsigned int i = 0; i < WEIR_KLOSS_COUNT; i++)
		own += lost[i];
	own -= delta->lost.times_lost + delta->lost.socks_full; /* no number is less for those */
	drops = weir_kernel_rate(delta, part->drops);
	labelled(a, s[IN], ROLE_STRONG, "in",
		weir_kernel_rate(delta, part->stage[WEIR_STAGE_nic_rx].packets), "/s");
	draw_si(a, s[BITS], 0, ROLE_TEXT,
		8 * weir_kernel_rate(delta, part->stage[WEIR_STAGE_nic_rx].bytes), "b/s");
	labelled(a, s[OUT], ROLE_STRONG, "out",
		weir_kernel_rate(delta, part->stage[WEIR_STAGE_xmit].packets), "/s");
	labelled(a, s[UP], ROLE_TEXT, "for us",
		weir_kernel_rate(delta, part->stage[WEIR_STAGE_ip_local_deliver].packets), "/s");
	labelled(a, s[DOWN], ROLE_TEXT, "by us",
		weir_kernel_rate(delta, part->stage[WEIR_STAGE_ip_local_out].packets), "/s");
	labelled(a, s[DROPS], drops > 0 ? ROLE_TROUBLE : ROLE_TEXT,
		drops > 0 ? "DROPPED" : "dropped", drops, "/s");
	if (own)
		labelled(a, s[LOST], ROLE_TROUBLE, "LOST", weir_kernel_rate(delta, own), "/s");
}

void draw_totals(const struct picture *p, const struct area *a)
{
	if (state_is_kernel(p->state))
		kernel_totals(p, a);
	else
		fast_totals(p, a);
}

/* --- what is wrong --- */

/* What there is to say of a plane, and which command tells more. */
static void tell(const struct picture *p, enum weir_plane plane, struct weir_told *told)
{
	if (plane == WEIR_PLANE_kernel)
		weir_kernel_trouble_tell(
			p->kernel->trouble, p->kernel->delta, p->kernel->drops, p->option, told);
	else
		weir_trouble_tell(p->trouble, p->delta, p->option, told);
}

/* The plane whose trouble is told: the stack has none yet. */
static enum weir_plane shown_plane(const struct picture *p)
{
	return state_is_kernel(p->state) ? WEIR_PLANE_kernel : WEIR_PLANE_fast;
}

static enum weir_plane other_plane(const struct picture *p)
{
	return state_is_kernel(p->state) ? WEIR_PLANE_fast : WEIR_PLANE_kernel;
}

/* Of all drops of that kind. */
static __u64 trouble_total(const struct picture *p)
{
	const struct weir_trouble *t = p->trouble;
	const struct weir_kernel_trouble *k = p->kernel->trouble;
	const struct weir_kernel_seen_list *list = p->kernel->drops;

	if (state_is_kernel(p->state)) {
		for (unsigned int i = 0; i < list->nr; i++)
			if (k->kind == WEIR_KERNEL_TROUBLE_DROPS && list->seen[i].key == k->key)
				return list->seen[i].total;
		return 0;
	}
	for (unsigned int i = 0; t->kind == WEIR_TROUBLE_DROPS && i < p->drops->nr; i++) {
		const struct weir_drop_seen *drop = &p->drops->seen[i];

		if (drop->exit == t->exit && !strcmp(p->delta->devs[drop->dev].dev->name, t->dev))
			return drop->total;
	}
	return 0;
}

/* That the other plane is in trouble, at the right end; returns the columns that are left. */
static int other_trouble(const struct picture *p, const struct area *a, int y, int x)
{
	char text[64];
	int w;

	if (!in_trouble(p, other_plane(p)))
		return a->box.w;
	snprintf(text, sizeof(text), "%s plane, too: Tab", weir_plane_info[other_plane(p)].name);
	w = text_columns(text);
	if (x + w + 2 > a->box.w)
		return a->box.w;
	area_right(a, 0, y, a->box.w, ROLE_TROUBLE, text);
	return a->box.w - w - 2;
}

static void trouble_facts(
	const struct picture *p, const struct area *a, int y, const struct weir_told *told)
{
	bool kernel = state_is_kernel(p->state);
	__u64 since = kernel ? p->kernel->trouble->since_s : p->trouble->since_s;
	bool unseen = kernel ? p->kernel->trouble->began_unseen : p->trouble->began_unseen;
	char clock[16], number[WEIR_NUM_MAX];
	__u64 total = trouble_total(p);
	int x, end = a->box.w;

	weir_format_clock(clock, sizeof(clock), since);
	x = area_print(a, 0, y, end, ROLE_DIM, "since %s%s", unseen ? "before " : "", clock);
	weir_format_si(number, sizeof(number), (double)total, "");
	if (total && a->box.w >= 70)
		x = area_print(a, x, y, end - x, ROLE_DIM, ", %s in all", number);
	if (in_trouble(p, shown_plane(p)))
		end = other_trouble(p, a, y, x + 7 + text_columns(told->remedy));
	x = area_text(a, x + 2, y, end - x - 2, ROLE_DIM, "try: ");
	area_text(a, x, y, end - x, ROLE_STRONG, told->remedy);
}

/* Nothing is wrong in this plane, but in the other: that is what is told. */
static void draw_others(const struct picture *p, const struct area *a)
{
	struct weir_told told, here;
	char text[1200];
	int x;

	tell(p, other_plane(p), &told);
	tell(p, shown_plane(p), &here);
	snprintf(text, sizeof(text), "%s; %s plane: %s", here.text,
		weir_plane_info[other_plane(p)].name, told.text);
	x = area_wrap(a, 0, a->box.h - 1, ROLE_TROUBLE, text);
	x = area_print(a, 0, x, a->box.w, ROLE_DIM, "Tab shows it");
	area_print(a, x + 2, a->box.h - 1, a->box.w - x - 2, ROLE_STRONG, "%s", told.remedy);
}

void draw_trouble(const struct picture *p, const struct area *a)
{
	bool kernel = state_is_kernel(p->state), wrong = in_trouble(p, shown_plane(p));
	enum role role = wrong ? ROLE_TROUBLE : ROLE_TEXT;
	struct weir_told told;
	int used;

	if (!kernel && p->trouble->kind == WEIR_TROUBLE_NO_DEVICE)
		role = ROLE_TROUBLE;
	if (kernel ? p->kernel->snap->on && !p->kernel->delta->interval_ns
		   : !p->delta->interval_ns && p->trouble->kind != WEIR_TROUBLE_NO_DEVICE) {
		area_text(a, 0, 0, a->box.w, ROLE_TEXT, "rates come with the next reading");
		return;
	}
	if (!wrong && in_trouble(p, other_plane(p))) {
		draw_others(p, a);
		return;
	}
	tell(p, shown_plane(p), &told);
	used = area_wrap(a, 0, a->box.h - 1, role, told.text);
	trouble_facts(p, a, used, &told);
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
