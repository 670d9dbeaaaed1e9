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

/* One hook of one device. */
struct weir_dev_snapshot {
	struct weir_conf conf;
	enum weir_hook hook;
	char name[16];		 /* today's name, or the name at attach when the device is gone */
	bool gone;		 /* the device no longer exists */
	bool detached;		 /* the device is there, but the hook no longer runs our program */
	enum weir_xdp_mode mode; /* WEIR_XDP_OFF at the TC hooks */
	bool filter;		 /* TC: a filter of clsact, not a tcx link */
	bool frags;		 /* loaded for multi-buffer frames (jumbo MTU) */
	__u32 prog_id, link_id;
	__u32 rows_map_id, lat_map_id, conf_map_id;
	__u64 inflight; /* OUT verdicts between bulk queue and driver, not in the sums yet */
	struct weir_row total;
	struct weir_lat lat;
	unsigned int nr_queues;
	struct weir_row *queue;	    /* nr_queues of them, owned */
	struct weir_lat *queue_lat; /* the same */
	unsigned int nr_cpus;
	struct weir_row *cpu; /* nr_cpus of them, owned */
};

/* A VLAN device, attached at the device that it lies on. */
struct weir_vlan_snapshot {
	__u32 ifindex, on; /* on: the ifindex of the device with the wire */
	char name[16];	   /* today's, or at the time of attaching where it is gone */
	bool gone;
	__u32 tags[WEIR_TAGS_MAX]; /* outer first, as in a frame; 0 = none */
};

struct weir_snapshot {
	__u64 time_ns; /* CLOCK_MONOTONIC, of the cut */
	__u64 netns_cookie;
	__u32 sample_every;
	bool exact; /* taken as a consistent cut */
	unsigned int nr_devs;
	struct weir_dev_snapshot *devs; /* owned; sorted by name, then hook */
	unsigned int nr_vlans;
	struct weir_vlan_snapshot *vlans; /* owned */
};

void weir_snapshot_done(struct weir_snapshot *snap);

#endif
