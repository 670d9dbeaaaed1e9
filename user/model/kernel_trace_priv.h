/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files that make packets of events share. */
#ifndef WEIR_KERNEL_TRACE_PRIV_H
#define WEIR_KERNEL_TRACE_PRIV_H

#include "model/kernel_trace.h"

#define WEIR_TRACE_BUCKETS 1024
#define WEIR_TRACE_WINDOWS 64

struct weir_traces {
	int (*fn)(void *ctx, const struct weir_traced *packet);
	void *ctx;
	struct weir_traced *bucket[WEIR_TRACE_BUCKETS];
	size_t nr;
	__u64 numbers;		  /* given to packets */
	struct weir_traced *fast; /* verdicts to be joined: a packet each, by time */
	struct weir_traced *kept; /* the last one put there: most come in their order; NULL: gone */
	bool joins;		  /* verdicts come */
	__u64 window_ns, per_window; /* the rate of packets */
	struct {
		__u64 window, nr;
	} begun[WEIR_TRACE_WINDOWS]; /* packets, lately */
	__u64 limited;		     /* verdicts that no packet began with because of that */
};

/* A packet without events, that nothing points to; NULL: no memory. */
struct weir_traced *weir_traced_new(struct weir_traces *t, __u64 id);
void weir_traced_free(struct weir_traced *p);
/* Puts an event where its time is. 0 or -ENOMEM. */
int weir_traced_insert(struct weir_traced *p, const struct weir_trace_event *event);
/* Into its bucket, and out of it. */
void weir_traces_put(struct weir_traces *t, struct weir_traced *p);
void weir_traces_take(struct weir_traces *t, struct weir_traced *p);

/* --- trace_join.c: verdicts of the fast plane --- */

/* Keeps a verdict until it can be joined. 0 or -ENOMEM. */
int weir_traces_keep(struct weir_traces *t, const struct weir_trace_event *event);
/* A packet begins then. False where there are as many in that window as the rate allows. */
bool weir_traces_begin(struct weir_traces *t, __u64 time_ns);
/* Joins what can be at @now_ns; all there is where @all. 0 or -ENOMEM. */
int weir_traces_join(struct weir_traces *t, __u64 now_ns, bool all);
/* How long a packet must rest so that no verdict is to come that is of it. */
__u64 weir_traces_hold_ns(void);

#endif
