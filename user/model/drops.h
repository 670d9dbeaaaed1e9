/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every drop that was ever counted, and when: a delta tells only what is dropped now. */
#ifndef WEIR_DROPS_H
#define WEIR_DROPS_H

#include "model/delta.h"

struct weir_drop_seen {
	__u32 dev; /* index into the snapshot's and the delta's devices */
	__u32 ifindex;
	__u32 rows_map_id;
	enum weir_exit exit;
	__u64 total;	   /* packets since the device was attached */
	__u64 rate_count;  /* packets in the last interval */
	__u64 first_s;	   /* time of day of the first reading that showed it */
	__u64 last_s;	   /* of the last one that showed more of it; 0 = none did since we look */
	bool began_unseen; /* it was there before we looked */
};

struct weir_drops {
	unsigned int nr;
	struct weir_drop_seen *seen; /* owned; in the order of the snapshot, then of the exits */
};

/*
 * Brings @drops up to @now at @wall_s (seconds since 1970); @delta ends there. What devices that
 * are no more had dropped is forgotten. Returns 0, or -ENOMEM with @drops as it was.
 */
int weir_drops_follow(struct weir_drops *drops, const struct weir_snapshot *now,
	const struct weir_delta *delta, __u64 wall_s);
void weir_drops_done(struct weir_drops *drops);

#endif
