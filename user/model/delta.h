/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What happened between two snapshots. A device that was attached anew, or whose counters went
 * back, has no difference: it is marked, and counted neither as a negative nor as a spike.
 */
#ifndef WEIR_DELTA_H
#define WEIR_DELTA_H

#include "model/account.h"

enum weir_change {
	WEIR_CHANGE_NONE,  /* the same counters, further on */
	WEIR_CHANGE_NEW,   /* not in the snapshot before */
	WEIR_CHANGE_RESET, /* other maps, or counters that went back */
};

struct weir_dev_delta {
	const struct weir_dev_snapshot *dev; /* in the later snapshot */
	enum weir_change change;
	struct weir_row row; /* all 0 where change says that there is no difference */
	struct weir_lat lat; /* a maximum is that of all time: none can be told for an interval */
	struct weir_stage_sum stage[WEIR_FAST_STAGE_COUNT];
	/* as many as in the later snapshot, owned; none where there is no difference */
	unsigned int nr_queues, nr_cpus;
	struct weir_row *queue, *cpu;
};

struct weir_delta {
	__u64 interval_ns;
	bool exact; /* the later snapshot was a consistent cut: its ledger must balance */
	unsigned int hooks; /* a bit for each enum weir_hook that some device is attached at */
	unsigned int nr_devs;
	struct weir_dev_delta *devs; /* owned; as many and in the same order as in the later one */
	struct weir_row row;	     /* sums over the devices that have a difference */
	struct weir_lat lat;
	struct weir_stage_sum stage[WEIR_FAST_STAGE_COUNT]; /* the same */
};

/*
 * @before may be NULL: every device is new then. @now must outlive @delta. Returns 0 or -ENOMEM.
 */
int weir_delta_init(struct weir_delta *delta, const struct weir_snapshot *before,
	const struct weir_snapshot *now);
void weir_delta_done(struct weir_delta *delta);

/*
 * Whether the device's counts are what happened to it: there is a difference, and its hook still
 * runs our program. Where not, its zeros mean nothing.
 */
bool weir_delta_known(const struct weir_dev_delta *dev);

/* A count of @delta per second. */
double weir_delta_rate(const struct weir_delta *delta, __u64 count);

#endif
