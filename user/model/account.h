/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the counters of a row mean. A row holds what came in and how packets left; everything else
 * is derived here, so that no two numbers that weir shows can disagree.
 */
#ifndef WEIR_ACCOUNT_H
#define WEIR_ACCOUNT_H

#include "model/snapshot.h"

/* The row's counters as an array: every cell is a __u64 that only grows. */
const __u64 *weir_row_cells(const struct weir_row *row);
unsigned int weir_row_nr_cells(void);

void weir_row_add(struct weir_row *to, const struct weir_row *row);

/* Packets dropped by that exit, whatever its kind: bytes are 0 where the kernel does not tell. */
struct weir_count weir_exit_dropped(const struct weir_row *row, enum weir_exit exit);

/* Packets given to the kernel by that exit. */
struct weir_count weir_exit_to_kernel(const struct weir_row *row, enum weir_exit exit);

struct weir_stage_sum {
	__u64 packets, bytes; /* that reached the stage */
	__u64 drops;	      /* there, and at xmit what the driver refused afterwards */
	__u64 passed;	      /* to the kernel, whose they are */
	__u64 punted;	      /* to the kernel, to finish */
};

/* Adds what a row of @hook says of the stages that packets cross there. */
void weir_stages_add(const struct weir_row *row, enum weir_hook hook,
	struct weir_stage_sum sum[WEIR_FAST_STAGE_COUNT]);

/* What rows say in all, whatever their hooks. Packets that another hook of ours has judged before
 * are in none of these: they were counted there. */
struct weir_traffic {
	struct weir_count in;
	__u64 out; /* that drivers took */
	__u64 passed, punted, drops, lost;
};

void weir_traffic_of(const struct weir_row *row, struct weir_traffic *flow);

/*
 * in = delivered + out + dropped + in_flight + lost + residual, and the residual must be 0. Two
 * more checks use counters that the first one does not: each OUT verdict has met its end or is in
 * flight, and the queues add up to the total.
 */
struct weir_ledger {
	__u64 in, delivered, out, dropped, in_flight, lost;
	__s64 residual;
	__s64 verdict_residual; /* OUT verdicts without a known end */
	__u64 queue_residual;	/* counts by which queues and total differ */
};

void weir_ledger_of(const struct weir_dev_snapshot *dev, struct weir_ledger *ledger);
void weir_ledger_add(struct weir_ledger *to, const struct weir_ledger *ledger);
bool weir_ledger_holds(const struct weir_ledger *ledger);

#endif
