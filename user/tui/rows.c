// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tui/rows.h"

enum order { BY_PLACE, BY_TEXT, BY_VALUE };

struct sort {
	const char *title;
	enum order order;
};

/* By place is the order of devices, then of the path. */
static const struct sort drop_sorts[] = {
	{"drops/s", BY_VALUE},
	{"total", BY_VALUE},
	{"first", BY_VALUE},
	{"last", BY_VALUE},
	{"stage", BY_PLACE},
	{"cause", BY_TEXT},
};

static const struct sort dev_sorts[] = {
	{"device", BY_PLACE},
	{"in/s", BY_VALUE},
	{"drops/s", BY_VALUE},
};

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static const struct sort *sorts_of(enum page page, unsigned int *nr)
{
	*nr = 0;
	switch (page) {
	case PAGE_DROPS:
	case PAGE_KERNEL_DROPS:
		*nr = NR(drop_sorts);
		return drop_sorts;
	case PAGE_DEVS:
	case PAGE_KERNEL_DEVS:
		*nr = NR(dev_sorts);
		return dev_sorts;
	default:
		return NULL;
	}
}

unsigned int rows_nr_sorts(enum page page)
{
	unsigned int nr;

	sorts_of(page, &nr);
	return nr;
}

const char *rows_sort(enum page page, unsigned int sort)
{
	unsigned int nr;
	const struct sort *sorts = sorts_of(page, &nr);

	return sort < nr ? sorts[sort].title : "";
}

bool row_has(const struct row *row, const char *text)
{
	size_t len = strlen(text);

	for (const char *p = row->text; *p; p++)
		if (!strncasecmp(p, text, len))
			return true;
	return !len;
}

unsigned int rows_index(const struct rows *rows, __u64 id)
{
	for (unsigned int i = 0; i < rows->nr; i++)
		if (rows->row[i].id == id)
			return i;
	return 0;
}

void rows_done(struct rows *rows)
{
	free(rows->row);
	memset(rows, 0, sizeof(*rows));
}

static struct row *add(struct rows *rows)
{
	if (rows->nr == rows->room) {
		unsigned int room = rows->room ? 2 * rows->room : 64;
		struct row *row = realloc(rows->row, room * sizeof(*row));

		if (!row)
			return NULL;
		rows->row = row;
		rows->room = room;
	}
	memset(&rows->row[rows->nr], 0, sizeof(rows->row[0]));
	return &rows->row[rows->nr++];
}

static int make_path(struct rows *rows, const struct picture *p)
{
	struct figures f;

	picture_figures(p, &f);
	for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++) {
		struct row *row;

		if (!(weir_stage_hooks(i) & f.hooks))
			continue;
		row = add(rows);
		if (!row)
			return -ENOMEM;
		row->id = row->stage = i;
		snprintf(row->text, sizeof(row->text), "%s",
			weir_stage_info[weir_fast_to_stage[i]].name);
	}
	return 0;
}

static struct row *add_stage(struct rows *rows, unsigned int stage, const char *more)
{
	struct row *row = add(rows);

	if (!row)
		return NULL;
	row->id = row->stage = stage;
	snprintf(row->text, sizeof(row->text), "%s %s", weir_stage_info[stage].name, more);
	return row;
}

static int make_plane(struct rows *rows, const struct picture *p)
{
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++) {
		const char *sees = weir_plane_sees(p->state->plane, i);

		if (*sees && !add_stage(rows, i, sees))
			return -ENOMEM;
	}
	return 0;
}

static int make_stages(struct rows *rows)
{
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++)
		if (!add_stage(rows, i, ""))
			return -ENOMEM;
	return 0;
}

static int make_help(struct rows *rows)
{
	for (unsigned int i = 0; i < ACTION_COUNT; i++) {
		struct row *row = add(rows);

		if (!row)
			return -ENOMEM;
		row->id = i;
		snprintf(row->text, sizeof(row->text), "%s %s", weir_action_info[i].keys,
			weir_action_info[i].what);
	}
	return 0;
}

static double drop_value(const struct weir_drop_seen *drop, const char *sort)
{
	if (!strcmp(sort, "total"))
		return (double)drop->total;
	if (!strcmp(sort, "first"))
		return (double)drop->first_s;
	if (!strcmp(sort, "last"))
		return (double)drop->last_s;
	return (double)drop->rate_count;
}

static int make_drops(struct rows *rows, const struct picture *p)
{
	const struct weir_dev_delta *only = picture_dev(p);
	const char *sort = rows_sort(PAGE_DROPS, p->state->sort[PAGE_DROPS]);

	for (unsigned int i = 0; i < p->drops->nr; i++) {
		const struct weir_drop_seen *drop = &p->drops->seen[i];
		const struct weir_exit_info *exit = &weir_exit_info[drop->exit];
		struct row *row;

		if (only && only != &p->delta->devs[drop->dev])
			continue;
		row = add(rows);
		if (!row)
			return -ENOMEM;
		row->dev = drop->dev;
		row->drop = drop;
		row->stage = row->place = exit->fast;
		row->order = drop->exit;
		row->id = dev_key(p->delta->devs[drop->dev].dev) << 16 | (drop->exit + 1);
		row->value = drop_value(drop, sort);
		snprintf(row->text, sizeof(row->text), "%s %s %s",
			weir_cause_info[exit->cause].name, weir_stage_info[exit->stage].name,
			p->delta->devs[drop->dev].dev->name);
	}
	return 0;
}

static double dev_value(const struct weir_row *row, const char *sort)
{
	double drops = 0;

	if (strcmp(sort, "drops/s"))
		return (double)row->in.packets;
	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++)
		drops += (double)weir_exit_dropped(row, e).packets;
	return drops;
}

static int add_dev(struct rows *rows, const struct picture *p, unsigned int dev, int part)
{
	const struct weir_dev_delta *d = &p->delta->devs[dev];
	bool cpus = p->state->shares == SHARES_CPUS;
	struct row *row = add(rows);
	char name[40];

	if (!row)
		return -ENOMEM;
	picture_dev_name(d->dev, name);
	row->dev = row->place = dev;
	row->part = part;
	row->order = (unsigned int)(part + 1);
	row->id = dev_key(d->dev) << 16 | (__u64)(part + 1);
	row->value = dev_value(&d->row, rows_sort(PAGE_DEVS, p->state->sort[PAGE_DEVS]));
	if (part < 0)
		snprintf(row->text, sizeof(row->text), "%s", name);
	else
		snprintf(row->text, sizeof(row->text), "%s %s %d", name, cpus ? "cpu" : "queue",
			part);
	return 0;
}

/* Those that never counted anything are left out: a host may have many CPUs and use few. */
static int make_devs(struct rows *rows, const struct picture *p)
{
	const struct weir_dev_delta *only = picture_dev(p);
	bool cpus = p->state->shares == SHARES_CPUS;
	int ret = 0;

	for (unsigned int i = 0; !ret && i < p->delta->nr_devs; i++) {
		const struct weir_dev_snapshot *dev = p->delta->devs[i].dev;
		unsigned int nr = cpus ? dev->nr_cpus : dev->nr_queues;
		const struct weir_row *part = cpus ? dev->cpu : dev->queue;

		if (only && only->dev != dev)
			continue;
		ret = add_dev(rows, p, i, -1);
		for (unsigned int q = 0; !ret && q < nr; q++)
			if (part[q].in.packets || part[q].tx_packets)
				ret = add_dev(rows, p, i, (int)q);
	}
	return ret;
}

static double kdrop_value(const struct weir_kernel_seen *drop, const char *sort)
{
	if (!strcmp(sort, "total"))
		return (double)drop->total;
	if (!strcmp(sort, "first"))
		return (double)drop->first_s;
	if (!strcmp(sort, "last"))
		return (double)drop->last_s;
	return (double)drop->rate_count;
}

static __u64 key_of(const struct weir_kernel_delta *delta, const struct weir_kernel_dev *dev)
{
	for (unsigned int i = 1; dev->ifindex && i < delta->nr_parts; i++)
		if (delta->parts[i].ifindex && weir_kernel_part_has(&delta->parts[i], dev))
			return delta->parts[i].key;
	return 0;
}

static int make_kernel_drops(struct rows *rows, const struct picture *p)
{
	const struct weir_kernel_part *only = picture_part(p);
	const char *sort = rows_sort(PAGE_KERNEL_DROPS, p->state->sort[PAGE_KERNEL_DROPS]);

	for (unsigned int i = 0; i < p->kernel->drops->nr; i++) {
		const struct weir_kernel_seen *drop = &p->kernel->drops->seen[i];
		struct row *row;

		if (only && !weir_kernel_part_has(only, drop->dev))
			continue;
		row = add(rows);
		if (!row)
			return -ENOMEM;
		row->id = drop->key;
		row->kdrop = drop;
		row->stage = row->place = drop->drop->stage;
		row->order = i;
		row->part_key = key_of(p->kernel->delta, drop->dev);
		row->value = kdrop_value(drop, sort);
		snprintf(row->text, sizeof(row->text), "%.60s %s %.12s %.20s", drop->drop->cause,
			picture_stage(drop->drop->stage), drop->dev->name, drop->dev->netns);
	}
	return 0;
}

static int make_kernel_devs(struct rows *rows, const struct picture *p)
{
	const struct weir_kernel_delta *delta = p->kernel->delta;
	const char *sort = rows_sort(PAGE_KERNEL_DEVS, p->state->sort[PAGE_KERNEL_DEVS]);

	for (unsigned int i = 1; i < delta->nr_parts; i++) {
		const struct weir_kernel_part *part = &delta->parts[i];
		struct row *row = add(rows);

		if (!row)
			return -ENOMEM;
		row->id = row->part_key = part->key;
		row->dev = row->place = row->order = i;
		row->value =
			(double)(strcmp(sort, "drops/s") ? part->stage[WEIR_STAGE_nic_rx].packets
							 : part->drops);
		snprintf(row->text, sizeof(row->text), "%s %s", part->name, part->netns);
	}
	return 0;
}

static int make_trace(struct rows *rows, const struct picture *p)
{
	for (unsigned int i = 0; i < p->traced->nr; i++) {
		const struct traced *packet = traced_at(p->traced, i);
		struct row *row = add(rows);

		if (!row)
			return -ENOMEM;
		row->id = packet->serial;
		row->order = i;
		snprintf(row->text, sizeof(row->text), "%.15s %.40s %.38s", packet->dev,
			packet->what, packet->verdict);
	}
	return 0;
}

struct sorting {
	enum order order;
	bool invert;
};

static int three_way(double a, double b)
{
	return (a > b) - (a < b);
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct row *x = a, *y = b;
	const struct sorting *by = arg;
	int result;

	if (by->order == BY_VALUE)
		result = three_way(y->value, x->value); /* the largest first */
	else if (by->order == BY_TEXT)
		result = strcmp(x->text, y->text);
	else
		result = three_way(x->place, y->place);
	if (result)
		return by->invert ? -result : result;
	/* equals keep an order, and a device stands before its queues */
	result = three_way(x->dev, y->dev);
	return result ? result : three_way(x->order, y->order);
}

static void filter(struct rows *rows, const char *text)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < rows->nr; i++)
		if (row_has(&rows->row[i], text))
			rows->row[kept++] = rows->row[i];
	rows->nr = kept;
}

static int make(struct rows *rows, const struct picture *p, enum page page)
{
	switch (page) {
	case PAGE_PATH:
	case PAGE_LATENCY:
		return make_path(rows, p);
	case PAGE_DROPS:
		return make_drops(rows, p);
	case PAGE_DEVS:
		return make_devs(rows, p);
	case PAGE_BOTH:
	case PAGE_KERNEL_PATH:
	case PAGE_KERNEL_LATENCY:
		return make_stages(rows);
	case PAGE_TRACE:
		return make_trace(rows, p);
	case PAGE_PLANE:
		return make_plane(rows, p);
	case PAGE_KERNEL_DROPS:
		return make_kernel_drops(rows, p);
	case PAGE_KERNEL_DEVS:
		return make_kernel_devs(rows, p);
	default:
		return make_help(rows);
	}
}

int rows_make(struct rows *rows, const struct picture *p, enum page page)
{
	const struct sort *sorts;
	unsigned int nr, sort;
	struct sorting by;
	int ret;

	rows->nr = 0;
	ret = make(rows, p, page);
	if (ret)
		return ret;
	if (state_filters(page))
		filter(rows, p->state->filter);
	sorts = sorts_of(page, &nr);
	sort = p->state->sort[page];
	if (!nr || rows->nr < 2)
		return 0;
	by = (struct sorting){sorts[sort % nr].order, p->state->invert[page]};
	qsort_r(rows->row, rows->nr, sizeof(*rows->row), compare, &by);
	return 0;
}
