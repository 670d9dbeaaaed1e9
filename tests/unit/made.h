/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Made-up devices: counters grow by what a test adds, and each reading is a copy of them. */
#ifndef WEIR_MADE_H
#define WEIR_MADE_H

#include "model/snapshot.h"

enum { MADE_DEVS = 4, MADE_PARTS = 2 };

struct made {
	__u64 time_ns;
	__u32 sample_every;
	bool exact;
	unsigned int nr_devs;
	struct weir_dev_snapshot dev[MADE_DEVS];
	struct weir_row queue[MADE_DEVS][MADE_PARTS], cpu[MADE_DEVS][MADE_PARTS];
};

/* Devices eth0, eth1, ...: attached, and idle. */
void made_init(struct made *m, unsigned int nr_devs);

/* Packets of 100 bytes that come in, three of four by queue and CPU 0, and leave by @exit. */
void made_packets(struct made *m, unsigned int dev, enum weir_exit exit, __u64 packets);

/* Samples of that latency. */
void made_latency(struct made *m, unsigned int dev, enum weir_fast_stage fast, __u64 ns, __u64 nr);

/* As if the device had been attached anew. */
void made_reset(struct made *m, unsigned int dev);

/* A reading @after_ns later; the caller owns it. */
struct weir_snapshot made_read(struct made *m, __u64 after_ns);

#endif
