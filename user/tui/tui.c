// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/draw.h"
#include "tui/tui.h"

#define EXACT_EVERY_NS 10000000000ull

/* What is kept of the kernel plane. */
struct kernel {
	struct weir_kernel_snapshot before, now;
	struct weir_kernel_delta delta; /* points into now */
	struct weir_kernel_seen_list drops;
	struct weir_kernel_trouble trouble;
	struct history history;
	__u64 *parts; /* keys of all but the first */
	unsigned int nr_parts;
	char why[256];
	bool looked; /* there was a reading */
	bool first, resumed;
};

struct weir_tui {
	struct weir_tui_config config;
	struct weir_snapshot before, now;
	struct weir_delta delta; /* points into now */
	struct weir_trouble trouble;
	struct weir_drops drops;
	struct history history;
	struct state state;
	struct ledger_seen ledger;
	struct rows rows, drop_rows;
	struct cells cells;
	__u64 *devs; /* dev_key() of each device */
	__u64 wall_s, exact_ns;
	bool resumed; /* the next reading follows a pause */
	bool first;   /* no difference was looked at yet */
	int visible;  /* rows of the page that fit the screen */
	struct kernel kernel;
	struct traced_list traced;
};

int weir_tui_new(const struct weir_tui_config *config, struct weir_tui **out)
{
	struct weir_tui *t = aligned_alloc(_Alignof(struct weir_tui), sizeof(*t));

	if (!t)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	t->config = *config;
	t->first = true;
	t->visible = 1;
	t->trouble.kind = WEIR_TROUBLE_NONE; /* until there is something to compare */
	state_init(&t->state);
	t->kernel.first = true;
	t->kernel.trouble.kind = WEIR_KERNEL_TROUBLE_NONE;
	t->kernel.delta.now = &t->kernel.now;
	if (history_init(&t->history) || history_init(&t->kernel.history)) {
		history_done(&t->history);
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

static void kernel_done(struct kernel *k)
{
	weir_kernel_delta_done(&k->delta);
	weir_kernel_seen_done(&k->drops);
	weir_kernel_snapshot_done(&k->before);
	weir_kernel_snapshot_done(&k->now);
	history_done(&k->history);
	free(k->parts);
}

void weir_tui_free(struct weir_tui *t)
{
	if (!t)
		return;
	weir_delta_done(&t->delta);
	weir_snapshot_done(&t->before);
	weir_snapshot_done(&t->now);
	weir_drops_done(&t->drops);
	history_done(&t->history);
	rows_done(&t->rows);
	rows_done(&t->drop_rows);
	cells_done(&t->cells);
	kernel_done(&t->kernel);
	free(t->devs);
	free(t);
}

bool weir_tui_wants_exact(const struct weir_tui *t, __u64 now_ns)
{
	return !t->exact_ns || now_ns - t->exact_ns >= EXACT_EVERY_NS;
}

bool weir_tui_is_paused(const struct weir_tui *t)
{
	return t->state.paused;
}

static void judge_ledger(struct weir_tui *t)
{
	struct weir_ledger ledger, total = {0};

	if (!t->now.exact)
		return;
	t->exact_ns = t->now.time_ns;
	t->ledger = (struct ledger_seen){.measured = true, .holds = true, .wall_s = t->wall_s};
	for (unsigned int i = 0; i < t->now.nr_devs; i++) {
		weir_ledger_of(&t->now.devs[i], &ledger);
		weir_ledger_add(&total, &ledger);
		t->ledger.holds = t->ledger.holds && weir_ledger_holds(&ledger);
	}
	t->ledger.residual = total.residual;
}

/* The device that was chosen may be gone. */
static int note_devs(struct weir_tui *t)
{
	__u64 *devs = realloc(t->devs, (t->now.nr_devs + 1) * sizeof(*devs));
	bool found = !t->state.dev;

	if (!devs)
		return -ENOMEM;
	t->devs = devs;
	for (unsigned int i = 0; i < t->now.nr_devs; i++) {
		devs[i] = dev_key(&t->now.devs[i]);
		found = found || devs[i] == t->state.dev;
	}
	if (!found) {
		t->state.dev = 0;
		t->state.note = "the chosen device is no longer attached: all of them are shown";
	}
	return 0;
}

int weir_tui_take(struct weir_tui *t, struct weir_snapshot *snap, __u64 wall_s)
{
	bool late;
	int ret;

	weir_delta_done(&t->delta);
	weir_snapshot_done(&t->before);
	t->before = t->now;
	t->now = *snap;
	*snap = (struct weir_snapshot){0};
	t->wall_s = wall_s;
	ret = weir_delta_init(&t->delta, t->before.time_ns ? &t->before : NULL, &t->now);
	if (ret)
		return ret;
	judge_ledger(t);
	ret = weir_drops_follow(&t->drops, &t->now, &t->delta, wall_s);
	if (!ret)
		ret = note_devs(t);
	if (ret)
		return ret;
	if (t->delta.interval_ns || !t->now.nr_devs) {
		weir_trouble_follow(&t->trouble, &t->delta, wall_s, t->first);
		t->first = false;
	}
	if (!t->delta.interval_ns)
		return 0;
	/* an average over a long time would look like a short one */
	late = t->resumed || t->delta.interval_ns > 2 * t->config.period_ns;
	t->resumed = false;
	return history_add(&t->history, &t->delta, late);
}

/* The part that was chosen may be gone. */
static int note_parts(struct weir_tui *t)
{
	struct kernel *k = &t->kernel;
	__u64 *parts = realloc(k->parts, (k->delta.nr_parts + 1) * sizeof(*parts));

	if (!parts)
		return -ENOMEM;
	k->parts = parts;
	k->nr_parts = 0;
	for (unsigned int i = 1; i < k->delta.nr_parts; i++)
		parts[k->nr_parts++] = k->delta.parts[i].key;
	if (t->state.part && !weir_kernel_part(&k->delta, t->state.part)) {
		t->state.part = 0;
		t->state.note = "the chosen device is gone: all of them are shown";
	}
	return 0;
}

int weir_tui_take_kernel(
	struct weir_tui *t, struct weir_kernel_snapshot *snap, const char *why, __u64 wall_s)
{
	struct kernel *k = &t->kernel;
	bool late;
	int ret;

	weir_kernel_delta_done(&k->delta);
	weir_kernel_snapshot_done(&k->before);
	k->before = k->now;
	k->now = snap ? *snap : (struct weir_kernel_snapshot){0};
	if (snap)
		*snap = (struct weir_kernel_snapshot){0};
	snprintf(k->why, sizeof(k->why), "%s", why);
	ret = weir_kernel_delta_init(&k->delta, k->before.time_ns ? &k->before : NULL, &k->now);
	if (!ret)
		ret = weir_kernel_seen_follow(&k->drops, &k->now, k->delta.interval_ns, wall_s);
	if (!ret)
		ret = note_parts(t);
	if (ret)
		return ret;
	/* where there is no fast plane, but this one, it is what is shown first */
	if (!k->looked && k->now.on && !t->now.nr_devs)
		t->state.plane = WEIR_PLANE_kernel;
	k->looked = true;
	t->state.watched = k->now.on;
	if (k->delta.interval_ns || !k->now.on) {
		weir_kernel_trouble_follow(&k->trouble, &k->delta, &k->drops, wall_s, k->first);
		k->first = !k->now.on;
	}
	if (!k->delta.interval_ns)
		return 0;
	late = k->resumed || k->delta.interval_ns > 2 * t->config.kernel_period_ns;
	k->resumed = false;
	return history_add_kernel(&k->history, &k->delta, &k->drops, late);
}

bool weir_tui_wants_trace(const struct weir_tui *t, enum weir_plane *plane)
{
	*plane = t->state.plane;
	return state_page(&t->state) == PAGE_TRACE && !t->state.paused;
}

void weir_tui_trace(struct weir_tui *t, const struct traced *packet)
{
	traced_add(&t->traced, packet);
}

/* Points into @k, which must outlive it. */
static struct picture picture_of(const struct weir_tui *t, struct kernel_picture *k)
{
	*k = (struct kernel_picture){
		.snap = &t->kernel.now,
		.delta = &t->kernel.delta,
		.drops = &t->kernel.drops,
		.trouble = &t->kernel.trouble,
		.history = &t->kernel.history,
		.why = t->kernel.why,
		.period_ns = t->config.kernel_period_ns,
	};
	return (struct picture){
		.snap = &t->now,
		.delta = &t->delta,
		.trouble = &t->trouble,
		.drops = &t->drops,
		.history = &t->history,
		.state = &t->state,
		.ledger = t->ledger,
		.wall_s = t->wall_s,
		.period_ns = t->config.period_ns,
		.name = t->config.name,
		.option = t->config.option,
		.glyphs = t->config.utf8 ? &glyphs_utf8 : &glyphs_ascii,
		.kernel = k,
		.traced = &t->traced,
	};
}

int weir_tui_press(struct weir_tui *t, int key)
{
	bool kernel = state_is_kernel(&t->state);
	struct kernel_picture k;
	struct picture p = picture_of(t, &k);
	int ret = rows_make(&t->rows, &p, state_page(&t->state));
	unsigned int changed;

	if (ret)
		return ret;
	changed = state_press(&t->state, &t->rows, t->visible, kernel ? t->kernel.parts : t->devs,
		kernel ? t->kernel.nr_parts : t->now.nr_devs, key);
	if (changed & CHANGED_PAUSE && !t->state.paused)
		t->resumed = t->kernel.resumed = true;
	return (int)changed;
}

const struct cells *weir_tui_draw(struct weir_tui *t, int w, int h)
{
	struct kernel_picture k;
	struct picture p = picture_of(t, &k);

	if (cells_resize(&t->cells, w, h) || rows_make(&t->rows, &p, state_page(&t->state)) ||
		rows_make(&t->drop_rows, &p, PAGE_DROPS))
		return NULL;
	t->visible = draw(&p, &t->rows, &t->drop_rows, &t->cells);
	return &t->cells;
}
