/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A made-up kernel plane: one namespace's devices r0 and r1, and readings that are copies of it. */
#ifndef WEIR_MADE_KERNEL_H
#define WEIR_MADE_KERNEL_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernel.h"
#include "test.h"

enum { MADE_KERNEL_DEVS = 3, MADE_KERNEL_DROPS = 8, MADE_KERNEL_COOKIE = 77 };

struct made_kernel {
	struct weir_kernel_snapshot snap;	      /* its pointers are not used */
	struct weir_kernel_dev dev[MADE_KERNEL_DEVS]; /* "-", r0, r1 */
	struct weir_kstages stages;
	struct weir_kdev_stages dev_stages[MADE_KERNEL_DEVS - 1];
	unsigned int nr_drops;
	struct weir_kernel_drop drop[MADE_KERNEL_DROPS];
};

static inline void made_kernel_init(struct made_kernel *m, enum weir_klevel level)
{
	static const char *const names[] = {"-", "r0", "r1"};

	memset(m, 0, sizeof(*m));
	m->snap = (struct weir_kernel_snapshot){.time_ns = 100000000000ull,
		.on = level != WEIR_KLEVEL_off,
		.cycling = true,
		.watch = {.level = level, .share = 1000000, .since_ns = 90000000000ull}};
	for (unsigned int i = 0; i < MADE_KERNEL_DEVS; i++) {
		m->dev[i].netns_cookie = MADE_KERNEL_COOKIE;
		m->dev[i].ifindex = i;
		snprintf(m->dev[i].name, sizeof(m->dev[i].name), "%s", names[i]);
	}
	for (unsigned int i = 1; i < MADE_KERNEL_DEVS; i++) {
		m->dev_stages[i - 1].ifindex = i;
		snprintf(m->dev_stages[i - 1].name, sizeof(m->dev_stages[0].name), "%s", names[i]);
	}
}

/* Packets of 100 bytes at a stage of device 1 or 2, as the kernel's counters have them. */
static inline void made_kernel_counted(
	struct made_kernel *m, unsigned int dev, enum weir_stage stage, __u64 packets)
{
	struct weir_kstage *of[] = {&m->stages.ns[stage], &m->dev_stages[dev - 1].stage[stage]};

	for (int i = 0; i < 2; i++) {
		of[i]->packets.count += packets;
		of[i]->bytes.count += 100 * packets;
		of[i]->packets.seen = of[i]->bytes.seen = WEIR_KSEEN_exact;
	}
}

/* The same as observers have them, each timed. */
static inline void made_kernel_observed(
	struct made_kernel *m, unsigned int dev, enum weir_stage stage, __u64 packets, __u64 ns)
{
	struct weir_lat_stage *lat = &m->dev[dev].lat.stage[stage];

	m->dev[dev].row.stage[stage].packets += packets;
	m->dev[dev].row.stage[stage].bytes += 100 * packets;
	lat->samples += packets;
	lat->bucket[weir_hist_bucket(ns)] += packets;
	lat->max_ns = ns > lat->max_ns ? ns : lat->max_ns;
}

/* A kind of drop, at first with none; udp 192.0.2.1:5 > 198.51.100.9:9. */
static inline struct weir_kernel_drop *made_kernel_drop(
	struct made_kernel *m, unsigned int dev, enum weir_stage stage, const char *cause)
{
	struct weir_kernel_drop *d = &m->drop[m->nr_drops++];

	*d = (struct weir_kernel_drop){.dev = dev,
		.key = {.netns_cookie = MADE_KERNEL_COOKIE, .ifindex = dev},
		.stage = stage,
		.text = "it is dropped by a test.",
		.remedy = "ip route get ADDR from SRC iif DEV; DEVICE is no DEV",
		.counter = ""};
	snprintf(d->cause, sizeof(d->cause), "%s", cause);
	snprintf(d->location, sizeof(d->location), "a_function+0x1");
	d->count.version = 4;
	d->count.l4 = IPPROTO_UDP;
	d->count.saddr = htonl(0xc0000201);
	d->count.daddr = htonl(0xc6336409);
	d->count.sport = htons(5);
	d->count.dport = htons(9);
	return d;
}

static inline void made_kernel_dropped(
	struct made_kernel *m, struct weir_kernel_drop *d, __u64 packets)
{
	d->count.packets += packets;
	d->count.bytes += 100 * packets;
	d->count.last_ns = m->snap.time_ns;
	if (!d->count.first_ns)
		d->count.first_ns = m->snap.time_ns;
}

static inline void *made_copy(const void *from, size_t size)
{
	void *copy = size ? aligned_alloc(64, (size + 63) / 64 * 64) : NULL;

	if (size) {
		assert_non_null(copy);
		memcpy(copy, from, size);
	}
	return copy;
}

/* A reading @after_ns later; the caller owns it. */
static inline struct weir_kernel_snapshot made_kernel_read(struct made_kernel *m, __u64 after_ns)
{
	struct weir_kernel_snapshot s;

	m->snap.time_ns += after_ns;
	s = m->snap;
	if (!s.on)
		return s;
	s.nr_devs = MADE_KERNEL_DEVS;
	s.devs = made_copy(m->dev, sizeof(m->dev));
	s.nr_drops = m->nr_drops;
	s.drops = made_copy(m->drop, m->nr_drops * sizeof(m->drop[0]));
	s.nr_nets = 1;
	s.nets = calloc(1, sizeof(*s.nets));
	assert_non_null(s.nets);
	s.nets->netns_cookie = MADE_KERNEL_COOKIE;
	s.nets->counted = true;
	s.nets->stages = m->stages;
	s.nets->stages.nr_devs = MADE_KERNEL_DEVS - 1;
	s.nets->stages.dev = made_copy(m->dev_stages, sizeof(m->dev_stages));
	return s;
}

#endif
