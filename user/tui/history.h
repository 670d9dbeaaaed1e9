/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The last readings of each device and of all together, for sparklines and heat maps. Where a
 * reading had no difference to the one before, there is a gap: neither a zero nor a spike.
 */
#ifndef WEIR_HISTORY_H
#define WEIR_HISTORY_H

#include "model/kernel_delta.h"
#include "model/delta.h"
#include "model/latency.h"

enum {
	HISTORY_LEN = 300,
	HISTORY_HEAT_DEVS = 64, /* with more devices, heat is kept for all together only */
	HISTORY_STAGES = WEIR_STAGE_COUNT, /* a stage is an index: of the fast plane enum
					      weir_fast_stage, of the kernel's enum weir_stage */
};

struct series {
	__u64 key; /* of the device, as dev_key() tells it, or of a part or a drop of the kernel
		      plane; 0 = all together */
	bool seen; /* in the reading that is being added */
	bool known[HISTORY_LEN];
	float *pps[HISTORY_STAGES]; /* HISTORY_LEN of them; NULL: never any. Of a kernel drop: [0]
				     */
	float *drops[WEIR_EXIT_COUNT]; /* the same */
	__u32 *heat[HISTORY_STAGES];   /* HISTORY_LEN times WEIR_OCTAVES samples; NULL: never any */
};

struct history {
	unsigned long nr; /* readings so far */
	struct series *all;
	unsigned int nr_devs;
	struct series **dev; /* owned */
};

/* Tells devices apart, from reading to reading; never 0. */
__u64 dev_key(const struct weir_dev_snapshot *dev);

int history_init(struct history *h);
void history_done(struct history *h);

/*
 * Adds a reading. @gap: too much time has passed to show it as one like others. Devices that are no
 * more are forgotten. Returns 0 or -ENOMEM.
 */
int history_add(struct history *h, const struct weir_delta *delta, bool gap);

/* The same of the kernel plane: its parts, and its drops. */
int history_add_kernel(struct history *h, const struct weir_kernel_delta *delta,
	const struct weir_kernel_seen_list *drops, bool gap);

/* The series of a device (0 = all together), or NULL. */
const struct series *history_of(const struct history *h, __u64 key);

/* The value @age readings ago (0 = the last); negative where there was none. */
float history_pps(const struct history *h, const struct series *s, unsigned int stage, int age);
float history_drops(const struct history *h, const struct series *s, enum weir_exit exit, int age);

/* The samples of each octave, or NULL where there was no reading, or never a sample. */
const __u32 *history_heat(
	const struct history *h, const struct series *s, unsigned int stage, int age);

#endif
