/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel plane: its observers are turned on and off, and what they count is read.
 *
 * Drops are observed by pinned programs, with no process alive. Stages are observed by a process of
 * their own, the cycler: netfilter's links would hold a namespace that nobody else needs any more,
 * so somebody has to let go of them, and shares of time need a clock.
 */
#ifndef WEIR_CTL_KERNEL_H
#define WEIR_CTL_KERNEL_H

#include "ctl.h"
#include "model/kernel.h"
#include "model/kernel_coverage.h"

struct weir_kernel_wish {
	enum weir_klevel level;
	__u32 share;		  /* of time in which stages are observed, parts of 1,000,000 */
	const char *const *netns; /* names or paths; none: the one that weir runs in */
	unsigned int nr_netns;
	bool all; /* namespaces; those that have a name where the level has stages */
};

/* Replaces what is observed, and begins all counts anew. */
int weir_kernel_on(struct weir_ns *ns, const struct weir_kernel_wish *wish,
	struct weir_notes *notes, struct weir_err *err);

/* 0 also where nothing was observed. */
int weir_kernel_off(struct weir_ns *ns, struct weir_err *err);

/* Whether anything is observed here. */
int weir_kernel_is_on(struct weir_ns *ns, bool *on, struct weir_err *err);

/* The caller owns *@snap (weir_kernel_snapshot_done). Where nothing is observed, snap->on is false.
 */
int weir_kernel_read(struct weir_ns *ns, struct weir_kernel_snapshot *snap, struct weir_err *err);

/* Looks for 0.3 s at what observers cost. */
int weir_kernel_cost(struct weir_ns *ns, struct weir_kernel_costs *costs, struct weir_err *err);

/* What of the ways to see stages this kernel has: it is tried, so the right to is needed. */
int weir_kernel_features(struct weir_ns *ns, struct weir_kfeatures *have, struct weir_err *err);

/*
 * The same again and again: names of the kernel's reasons and functions are read once, which takes
 * a tenth of a second. @ns must outlive it. What is watched may change between two readings.
 */
struct weir_kernel_view;

int weir_kernel_view_open(struct weir_ns *ns, struct weir_kernel_view **view, struct weir_err *err);
void weir_kernel_view_free(struct weir_kernel_view *view);
int weir_kernel_view_read(
	struct weir_kernel_view *view, struct weir_kernel_snapshot *snap, struct weir_err *err);

#endif
