/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef WEIR_CLOCK_H
#define WEIR_CLOCK_H

#include <time.h>
#include <linux/types.h>

/* CLOCK_MONOTONIC, in nanoseconds: what the BPF programs read too. */
static inline __u64 weir_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (__u64)t.tv_sec * 1000000000ull + (__u64)t.tv_nsec;
}

/* The time of day, in nanoseconds since 1970. */
static inline __u64 weir_wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (__u64)t.tv_sec * 1000000000ull + (__u64)t.tv_nsec;
}

#endif
