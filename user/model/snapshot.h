/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What was read from the kernel at one moment, as plain data: ctl fills it, model computes with
 * it, out and tui show it. Rows are sums over CPUs and banks.
 */
#ifndef WEIR_SNAPSHOT_H
#define WEIR_SNAPSHOT_H

#include <stdbool.h>
#include <weir/abi.h>

enum weir_xdp_mode { WEIR_XDP_AUTO, WEIR_XDP_NATIVE, WEIR_XDP_GENERIC, WEIR_XDP_OFF };

struct weir_dev_snapshot {
	struct weir_conf conf;
	char name[16];	/* today's name, or the name at attach when the device is gone */
	bool gone;	/* the device no longer exists */
	bool detached;	/* the device is there, but its XDP hook no longer runs our program */
	enum weir_xdp_mode mode;
	bool frags;	/* loaded for multi-buffer frames (jumbo MTU) */
	__u32 prog_id, link_id;
	__u32 rows_map_id, lat_map_id, conf_map_id;
	__u64 inflight; /* OUT verdicts between bulk queue and driver, not in the sums yet */
	struct weir_row total;
	struct weir_lat lat;
	unsigned int nr_queues;
	struct weir_row *queue;	    /* nr_queues of them, owned */
	struct weir_lat *queue_lat; /* the same */
};

struct weir_snapshot {
	__u64 time_ns;	/* CLOCK_MONOTONIC, of the cut */
	__u64 netns_cookie;
	__u32 sample_every;
	bool exact;	/* taken as a consistent cut */
	unsigned int nr_devs;
	struct weir_dev_snapshot *devs; /* owned; sorted by name */
};

void weir_snapshot_done(struct weir_snapshot *snap);

#endif
