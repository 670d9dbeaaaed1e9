/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Latency histogram buckets: four to each power of two of nanoseconds, so that the middle of a
 * bucket is never more than 12.5 % from any value in it. Values below 8 ns have a bucket each.
 */
#ifndef WEIR_HIST_H
#define WEIR_HIST_H

#include <linux/types.h>

#define WEIR_HIST_EXACT	  8
#define WEIR_HIST_OCTAVES 33 /* up to 2^36 ns, 68 s; more is counted in the last bucket */
#define WEIR_HIST_BUCKETS (WEIR_HIST_EXACT + 4 * WEIR_HIST_OCTAVES)

/* Position of the highest set bit; v must not be 0. Branches, since BPF has no such instruction. */
static inline __attribute__((always_inline)) __u32 weir_log2(__u64 v)
{
	__u32 r = 0;

	if (v >> 32) {
		v >>= 32;
		r += 32;
	}
	if (v >> 16) {
		v >>= 16;
		r += 16;
	}
	if (v >> 8) {
		v >>= 8;
		r += 8;
	}
	if (v >> 4) {
		v >>= 4;
		r += 4;
	}
	if (v >> 2) {
		v >>= 2;
		r += 2;
	}
	return r + (__u32)(v >> 1);
}

static inline __attribute__((always_inline)) __u32 weir_hist_bucket(__u64 ns)
{
	__u32 e, i;

	if (ns < WEIR_HIST_EXACT)
		return (__u32)ns;
	e = weir_log2(ns);
	i = WEIR_HIST_EXACT + (e - 3) * 4 + (__u32)((ns >> (e - 2)) & 3);
	return i < WEIR_HIST_BUCKETS ? i : WEIR_HIST_BUCKETS - 1;
}

#endif
