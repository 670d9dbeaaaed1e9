/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tracing single packets on the kernel's road. Programs are loaded and attached by opening and
 * nothing is pinned: all ends with the caller, however that dies. Functions return 0 or -errno with
 * @err filled.
 */
#ifndef WEIR_CTL_KERNEL_TRACE_H
#define WEIR_CTL_KERNEL_TRACE_H

#include "ctl/ctl.h"
#include "model/kernel_trace.h"

struct weir_tracing;

struct weir_trace_wish {
	const char *expr;  /* as pcap-filter(7) has it; NULL: all packets */
	const char *dev;   /* of the namespace entered, by which packets must come; NULL: any */
	const char *netns; /* names with commas between, or "all"; NULL: the one entered */
	__u32 rate;	   /* packets in a second, at most */
};

struct weir_trace_losses {
	__u64 limited; /* packets over the rate */
	__u64 full;    /* packets not followed for want of room */
	__u64 lost;    /* events the ring had no room for */
	__u64 missed;  /* events during which a program was interrupted by another of the same */
	/* verdicts of the fast plane: as weir_capture_losses() */
	__u64 fast_full, fast_limited;
	bool blind; /* there were packets of which the expression asked for bytes not in hand */
};

int weir_tracing_open(struct weir_ns *ns, const struct weir_trace_wish *wish,
	struct weir_tracing **t, struct weir_err *err);
void weir_tracing_close(struct weir_tracing *t);

/* In how many of the namespaces the fast plane's verdicts are among the events. */
unsigned int weir_tracing_fast(const struct weir_tracing *t);

/* What is not as one might think; valid as long as @t. */
const struct weir_notes *weir_tracing_notes(const struct weir_tracing *t);

/* The places that are observed: a bit for each enum weir_trace_point. */
__u32 weir_tracing_points(const struct weir_tracing *t);

/*
 * Waits up to @timeout_ms for events and hands each to @fn until that returns -ECANCELED, which is
 * returned then; else 0, or -EINTR where a signal came, or another -errno with @err filled.
 */
int weir_tracing_poll(struct weir_tracing *t, int timeout_ms,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx,
	struct weir_err *err);

/* Lets no further packet begin, nor event be told, and hands on what was told until then. */
int weir_tracing_drain(struct weir_tracing *t,
	int (*fn)(void *ctx, const struct weir_trace_event *event), void *ctx,
	struct weir_err *err);

void weir_tracing_losses(const struct weir_tracing *t, struct weir_trace_losses *losses);

/* What numbers are called here; valid as long as @t. */
struct weir_trace_names weir_tracing_names(struct weir_tracing *t);

#endif
