/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What two readings of the kernel plane differ by, and every drop with when it happened. Pure:
 * times are arguments.
 *
 * Packets of a stage are the observers' where these see every packet (level full, all of the time)
 * and have met any there; else they are by the counters that the kernel keeps. A part is what can
 * be looked at by itself: all together, a namespace where several are watched, a device.
 */
#ifndef WEIR_KERNEL_DELTA_H
#define WEIR_KERNEL_DELTA_H

#include "model/kernel.h"

/* A stage in the interval. */
struct weir_kernel_flow {
	__u64 packets, bytes, drops;
	enum weir_kseen seen; /* how well packets are known; no: they are unknown, and 0 here */
	bool observed;	      /* packets are observers', not by counters */
	bool machine;	      /* counters that know no namespace: they are the whole machine's */
};

struct weir_kernel_part {
	__u64 key; /* the same from reading to reading; 0 = all together */
	__u64 netns_cookie;
	__u32 ifindex; /* 0: all, or a namespace */
	bool known;    /* it was there before, so that there is a difference */
	char name[16]; /* of a device; else "" */
	char netns[64];
	/* the last one is of drops whose stage cannot be told */
	struct weir_kernel_flow stage[WEIR_STAGE_COUNT + 1];
	struct weir_klat lat; /* of the interval */
	__u64 drops;
};

struct weir_kernel_delta {
	__u64 interval_ns; /* 0: nothing to compare, or observing began anew */
	const struct weir_kernel_snapshot *now;
	unsigned int nr_parts;
	struct weir_kernel_part *parts; /* owned; the first is all together */
	struct weir_klost lost;		/* in the interval */
};

/*
 * @before may be NULL. Both must outlive @delta. Where @now is not watched there are no parts.
 * Returns 0 or -ENOMEM, with @delta empty.
 */
int weir_kernel_delta_init(struct weir_kernel_delta *delta,
	const struct weir_kernel_snapshot *before, const struct weir_kernel_snapshot *now);
void weir_kernel_delta_done(struct weir_kernel_delta *delta);

double weir_kernel_rate(const struct weir_kernel_delta *delta, __u64 count);

/* The part with that key, or NULL. */
const struct weir_kernel_part *weir_kernel_part(const struct weir_kernel_delta *delta, __u64 key);

/* Whether the device's part, or all together, has what is of that part. */
bool weir_kernel_part_has(const struct weir_kernel_part *part, const struct weir_kernel_dev *dev);

/* Whether the process that observes stages is gone while the level asks for it. */
bool weir_kernel_blind(const struct weir_kernel_snapshot *snap);

/* Drops of one cause at a stage of a device. */
struct weir_kernel_seen {
	__u64 key;			     /* the same from reading to reading, never 0 */
	const struct weir_kernel_drop *drop; /* of the snapshot: the kind that came last */
	const struct weir_kernel_dev *dev;
	__u64 total;	   /* since observing began */
	__u64 rate_count;  /* in the last interval */
	__u64 first_s;	   /* time of day of the first */
	__u64 last_s;	   /* of the last one; 0 = none came since we look, and none knows when */
	bool began_unseen; /* first_s is when we began to look: it was there before */
};

struct weir_kernel_seen_list {
	__u64 since_ns; /* of observing: it began anew where this changes */
	unsigned int nr;
	struct weir_kernel_seen *seen; /* owned; most in the last interval first, then most */
};

/*
 * Brings @list up to @now at @wall_s (seconds since 1970); @interval is whether there was a reading
 * before. It points into @now, which must outlive it. Returns 0, or -ENOMEM with @list as it was.
 */
int weir_kernel_seen_follow(struct weir_kernel_seen_list *list,
	const struct weir_kernel_snapshot *now, bool interval, __u64 wall_s);
void weir_kernel_seen_done(struct weir_kernel_seen_list *list);

#endif
