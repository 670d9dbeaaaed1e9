/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the kernel's own counters stood when `weir watch on` began: a hash from this key to the
 * counter's value then, in a map that outlives the command.
 */
#ifndef WEIR_KBASE_H
#define WEIR_KBASE_H

#include <linux/types.h>

#define WEIR_KBASE_MAX 65536 /* values; what has no room is counted */

struct weir_kbase_key {
	__u64 netns;   /* the cookie of the namespace in which they were read, the machine's, too */
	__u16 counter; /* enum weir_kcounter, or one of the below */
	__u16 queue;   /* of those that are one for each queue, receiving ones first; else 0 */
	__u32 scope;   /* ifindex, CPU, or a socket's inode, as the counter's source says; else 0 */
};

/* What stands beside the counters. */
#define WEIR_KBASE_TIME	   0xffff /* when they were read, in ns of CLOCK_MONOTONIC */
#define WEIR_KBASE_LOST	   0xfffe /* how many had no room in the map */
#define WEIR_KBASE_SOURCES 0xfffd /* which could be read: a bit for each enum weir_ksource */
#define WEIR_KBASE_LAYOUT  0xfffc /* what the numbers of counters mean: weir_kcounter_layout() */

#endif
