// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "made.h"
#include "model/tables.h"
#include "test.h"

void made_init(struct made *m, unsigned int nr_devs)
{
	memset(m, 0, sizeof(*m));
	m->time_ns = 1000000000;
	m->nr_devs = nr_devs;
	for (unsigned int i = 0; i < nr_devs; i++) {
		struct weir_dev_snapshot *dev = &m->dev[i];

		snprintf(dev->name, sizeof(dev->name), "eth%u", i);
		dev->conf.ifindex = 10 + i;
		dev->rows_map_id = 100 + i;
		dev->mode = WEIR_XDP_NATIVE;
		dev->nr_queues = dev->nr_cpus = MADE_PARTS;
	}
}

static void count(struct weir_row *row, enum weir_exit exit, __u64 packets)
{
	row->in.packets += packets;
	row->in.bytes += 100 * packets;
	row->exit[exit].packets += packets;
	row->exit[exit].bytes += 100 * packets;
	if (weir_exit_info[exit].kind == WEIR_KIND_OUT)
		row->sent += packets;
}

void made_packets(struct made *m, unsigned int dev, enum weir_exit exit, __u64 packets)
{
	__u64 some = packets / 4;

	count(&m->dev[dev].total, exit, packets);
	count(&m->queue[dev][0], exit, packets - some);
	count(&m->queue[dev][1], exit, some);
	count(&m->cpu[dev][0], exit, packets - some);
	count(&m->cpu[dev][1], exit, some);
}

void made_latency(struct made *m, unsigned int dev, enum weir_fast_stage fast, __u64 ns, __u64 nr)
{
	struct weir_lat_stage *stage = &m->dev[dev].lat.stage[fast];

	stage->samples += nr;
	stage->bucket[weir_hist_bucket(ns)] += nr;
	if (nr && ns > stage->max_ns)
		stage->max_ns = ns;
}

void made_reset(struct made *m, unsigned int dev)
{
	m->dev[dev].rows_map_id += 1000;
	memset(&m->dev[dev].total, 0, sizeof(m->dev[dev].total));
	memset(&m->dev[dev].lat, 0, sizeof(m->dev[dev].lat));
	memset(m->queue[dev], 0, sizeof(m->queue[dev]));
	memset(m->cpu[dev], 0, sizeof(m->cpu[dev]));
}

static void *copy(const void *from, size_t size)
{
	void *to = aligned_alloc(64, size);

	assert_non_null(to);
	return memcpy(to, from, size);
}

struct weir_snapshot made_read(struct made *m, __u64 after_ns)
{
	struct weir_snapshot snap = {
		.time_ns = m->time_ns += after_ns,
		.netns_cookie = 1,
		.sample_every = m->sample_every,
		.exact = m->exact,
		.nr_devs = m->nr_devs,
		.devs = copy(m->dev, sizeof(m->dev)),
	};

	for (unsigned int i = 0; i < m->nr_devs; i++) {
		snap.devs[i].queue = copy(m->queue[i], sizeof(m->queue[i]));
		snap.devs[i].cpu = copy(m->cpu[i], sizeof(m->cpu[i]));
	}
	return snap;
}
