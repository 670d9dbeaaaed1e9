// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/account.h"
#include "model/delta.h"
#include "model/latency.h"

/* Devices are known by ifindex: names change, and are given to others. */
static const struct weir_dev_snapshot *find(
	const struct weir_snapshot *snap, const struct weir_dev_snapshot *dev)
{
	if (!snap)
		return NULL;
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (snap->devs[i].conf.ifindex == dev->conf.ifindex &&
			snap->devs[i].hook == dev->hook)
			return &snap->devs[i];
	return NULL;
}

static bool subtract(__u64 *result, const __u64 *before, const __u64 *now, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (now[i] < before[i])
			return false;
		result[i] = now[i] - before[i];
	}
	return true;
}

static bool subtract_lat(
	struct weir_lat *result, const struct weir_lat *before, const struct weir_lat *now)
{
	for (unsigned int s = 0; s < WEIR_FAST_STAGE_COUNT; s++) {
		const struct weir_lat_stage *a = &before->stage[s], *b = &now->stage[s];
		struct weir_lat_stage *r = &result->stage[s];

		if (!subtract(&r->samples, &a->samples, &b->samples, 1) ||
			!subtract(r->bucket, a->bucket, b->bucket, WEIR_HIST_BUCKETS))
			return false;
		r->max_ns = b->max_ns;
	}
	return true;
}

/* The differences of @nr rows: *@result is the caller's to free. 0, 1 where one went back, -ENOMEM.
 */
static int subtract_rows(struct weir_row **result, const struct weir_row *before,
	const struct weir_row *now, unsigned int nr)
{
	struct weir_row *rows;

	if (!nr)
		return 0;
	rows = aligned_alloc(_Alignof(struct weir_row), nr * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	memset(rows, 0, nr * sizeof(*rows));
	for (unsigned int i = 0; i < nr; i++) {
		if (subtract((__u64 *)weir_row_cells(&rows[i]), weir_row_cells(&before[i]),
			    weir_row_cells(&now[i]), weir_row_nr_cells()))
			continue;
		free(rows);
		return 1;
	}
	*result = rows;
	return 0;
}

/* 0, 1 where something went back, -ENOMEM. */
static int subtract_dev(struct weir_dev_delta *delta, const struct weir_dev_snapshot *before,
	const struct weir_dev_snapshot *now)
{
	int ret;

	if (before->rows_map_id != now->rows_map_id || before->nr_queues != now->nr_queues ||
		before->nr_cpus != now->nr_cpus ||
		!subtract((__u64 *)weir_row_cells(&delta->row), weir_row_cells(&before->total),
			weir_row_cells(&now->total), weir_row_nr_cells()) ||
		!subtract_lat(&delta->lat, &before->lat, &now->lat))
		return 1;
	ret = subtract_rows(&delta->queue, before->queue, now->queue, now->nr_queues);
	if (!ret)
		ret = subtract_rows(&delta->cpu, before->cpu, now->cpu, now->nr_cpus);
	if (ret)
		return ret;
	delta->nr_queues = now->nr_queues;
	delta->nr_cpus = now->nr_cpus;
	return 0;
}

static void free_rows(struct weir_dev_delta *dev)
{
	free(dev->queue);
	free(dev->cpu);
	dev->queue = dev->cpu = NULL;
	dev->nr_queues = dev->nr_cpus = 0;
}

static int dev_delta(struct weir_dev_delta *delta, const struct weir_dev_snapshot *before,
	const struct weir_dev_snapshot *now)
{
	int ret;

	delta->dev = now;
	if (!before) {
		delta->change = WEIR_CHANGE_NEW;
		return 0;
	}
	ret = subtract_dev(delta, before, now);
	if (ret <= 0)
		return ret;
	free_rows(delta);
	memset(&delta->row, 0, sizeof(delta->row));
	memset(&delta->lat, 0, sizeof(delta->lat));
	delta->change = WEIR_CHANGE_RESET;
	return 0;
}

bool weir_delta_known(const struct weir_dev_delta *dev)
{
	return dev->change == WEIR_CHANGE_NONE && !dev->dev->gone && !dev->dev->detached;
}

int weir_delta_init(struct weir_delta *delta, const struct weir_snapshot *before,
	const struct weir_snapshot *now)
{
	struct weir_dev_delta *devs = NULL;

	if (now->nr_devs) {
		/* rows ask for their cache line's alignment */
		size_t size = now->nr_devs * sizeof(*devs);

		devs = aligned_alloc(_Alignof(struct weir_dev_delta), size);
		if (!devs)
			return -ENOMEM;
		memset(devs, 0, size);
	}
	if (before &&
		(before->netns_cookie != now->netns_cookie || before->time_ns >= now->time_ns))
		before = NULL;
	memset(delta, 0, sizeof(*delta));
	delta->devs = devs;
	delta->nr_devs = now->nr_devs;
	delta->interval_ns = before ? now->time_ns - before->time_ns : 0;
	delta->exact = now->exact;
	for (unsigned int i = 0; i < now->nr_devs; i++) {
		if (dev_delta(&devs[i], find(before, &now->devs[i]), &now->devs[i])) {
			weir_delta_done(delta);
			return -ENOMEM;
		}
		weir_stages_add(&devs[i].row, now->devs[i].hook, devs[i].stage);
		delta->hooks |= 1u << now->devs[i].hook;
		weir_row_add(&delta->row, &devs[i].row);
		weir_stages_add(&devs[i].row, now->devs[i].hook, delta->stage);
		weir_lat_add(&delta->lat, &devs[i].lat);
	}
	return 0;
}

void weir_delta_done(struct weir_delta *delta)
{
	for (unsigned int i = 0; i < delta->nr_devs; i++)
		free_rows(&delta->devs[i]);
	free(delta->devs);
	memset(delta, 0, sizeof(*delta));
}

double weir_delta_rate(const struct weir_delta *delta, __u64 count)
{
	return delta->interval_ns ? (double)count * 1e9 / (double)delta->interval_ns : 0;
}
