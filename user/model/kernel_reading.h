/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's counters as they stood at one moment, and what two such readings differ by. What
 * could not be read is not in it: nothing here is 0 because it is unknown.
 */
#ifndef WEIR_KERNEL_READING_H
#define WEIR_KERNEL_READING_H

#include <linux/types.h>

#include "model/kernel_counter.h"

struct weir_kvalue {
	__u16 counter; /* enum weir_kcounter */
	__u16 queue;   /* WEIR_KQUEUE_TX and more: of a transmit queue */
	__u32 scope;   /* as the counter's source says: enum weir_kscope */
	__u64 value;
	bool reset; /* of a difference: it went back meanwhile, what was counted is not known */
};

#define WEIR_KQUEUE_TX 0x8000

struct weir_kdevice {
	__u32 ifindex;
	char name[16];
};

struct weir_kreading {
	__u64 netns;   /* cookie */
	__u64 time_ns; /* CLOCK_MONOTONIC; of a difference, how long it took */
	__u32 sources; /* which were there: a bit for each enum weir_ksource */
	__u32 lost;    /* of a baseline: how many values had no room there */
	bool failed;   /* memory ran out: values are missing, so there is no use in it */
	unsigned int nr, room;
	struct weir_kvalue *value; /* owned */
	unsigned int nr_devs, room_devs;
	struct weir_kdevice *dev; /* owned */
};

/* Adds to what is there of the same counter, queue and scope only once sorted. Out of memory sets
 * @failed. */
void weir_kreading_add(struct weir_kreading *r, enum weir_kcounter counter, unsigned int queue,
	__u32 scope, __u64 value);
void weir_kreading_add_dev(struct weir_kreading *r, __u32 ifindex, const char *name);
/* Puts values in order and makes one of those of the same counter, queue and scope. Before all
 * below. */
void weir_kreading_sort(struct weir_kreading *r);
/* NULL where there is none. */
const struct weir_kvalue *weir_kreading_find(
	const struct weir_kreading *r, enum weir_kcounter counter, unsigned int queue, __u32 scope);
void weir_kreading_done(struct weir_kreading *r);

/*
 * What was counted from @base to @now, into @out, sorted: counters that can be compared only. A
 * counter that went back counts 0 and is marked; one of 32 bits that no one can reset wrapped
 * round. What came after the baseline (a device, a qdisc, a socket) counts from 0. A level is
 * told as it is now. Returns 0, or -ENOMEM with @out empty.
 */
int weir_kreading_delta(const struct weir_kreading *base, const struct weir_kreading *now,
	struct weir_kreading *out);

/* --- the texts of /proc --- */

/*
 * Each adds what it knows of a text, which ends at its NUL, and ignores what it does not. Return
 * whether the text was one of its kind at all: if not, nothing is added and the source is not
 * there.
 */
bool weir_kproc_mib(struct weir_kreading *r, enum weir_ksource source, const char *text);
bool weir_kproc_sockstat(struct weir_kreading *r, const char *text);
bool weir_kproc_softnet(struct weir_kreading *r, const char *text);
bool weir_kproc_softirqs(struct weir_kreading *r, const char *text);
/* A file of /proc/net/stat: a line of names, then a line of numbers for each CPU. */
bool weir_kproc_stat(struct weir_kreading *r, enum weir_ksource source, const char *text);

#endif
