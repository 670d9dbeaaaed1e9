/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading the kernel's own counters, and keeping how they stood. */
#ifndef WEIR_KERNEL_COUNTERS_H
#define WEIR_KERNEL_COUNTERS_H

#include "model/kernel_coverage.h"
#include "model/kernel_reading.h"
#include "priv.h"

/* --- kernel_counters.c --- */

/*
 * Reads all counters of the namespace that the calling thread is in, sorted. A source that this
 * kernel or this namespace has not is left out (weir_kreading.sources), which is no failure. The
 * caller owns
 * *@out (weir_kreading_done) on success.
 */
int weir_kcounters_read(struct weir_kreading *out, struct weir_err *err);
/* The same of the namespace that @netns is a file of; the caller stays where it is. */
int weir_kcounters_read_in(int netns, struct weir_kreading *out, struct weir_err *err);

/* --- kernel_netlink.c: adds what there is; 0 or -errno --- */

/* The devices and their counters. */
int weir_kread_devs(struct weir_kreading *r);
int weir_kread_qdiscs(struct weir_kreading *r);
int weir_kread_qstats(struct weir_kreading *r);
/* Packet sockets. */
int weir_kread_taps(struct weir_kreading *r);
/* What drivers tell, of the devices already there. */
void weir_kread_drivers(struct weir_kreading *r);

/* --- kernel_base.c: where counters stood, in a map (weir/kbase.h) --- */

/*
 * Puts a reading into the map in place of what it had of the same namespace. What had no room is
 * counted, in the map and into *@lost: of those counters nothing can be told.
 */
int weir_kbase_save(int map, const struct weir_kreading *r, __u32 *lost, struct weir_err *err);
/*
 * Reads it back, sorted. -ENOENT where the map has none of @netns, -ESTALE
 * where another version of weir has put it there, whose counters are others. The caller owns *@out
 * on success. */
int weir_kbase_load(int map, __u64 netns, struct weir_kreading *out, struct weir_err *err);
/* Removes what there is of a namespace. */
int weir_kbase_forget(int map, __u64 netns, struct weir_err *err);

/* --- kernel_features.c --- */

/* What of the kernel plane's ways this kernel has: tracepoints by its BTF, counters by @r (NULL =
 * not looked at), the rest by what weir_probe_kernel() found (NULL = not looked at). 0 or -errno.
 */
struct weir_findings;
int weir_kfeatures_read(const struct weir_kreading *r, const struct weir_findings *found,
	struct weir_kfeatures *out, struct weir_err *err);

#endif
