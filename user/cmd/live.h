/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the live screen asks for beside counters. */
#ifndef WEIR_CMD_LIVE_H
#define WEIR_CMD_LIVE_H

#include "cmd/cmd.h"
#include "ctl/kernel_trace.h"
#include "tui/tui.h"

/*
 * The packets of the page of traces: of the plane that is shown there, as 'weir trace' has them,
 * while it is shown. All zero at first.
 */
struct weir_live_trace {
	struct weir_capturing *fast;
	struct weir_tracing *kernel;
	struct weir_traces *traces; /* the kernel's that are under way */
	struct weir_trace_names names;
	struct weir_tui *tui;
	bool utf8;
	__u64 offset_ns; /* from CLOCK_MONOTONIC to the time of day */
};

/* Hands to @tui what was traced since, and begins or ends tracing as the page is shown. Where it
 * cannot be (another reads, nothing is attached) there is nothing to show. */
void weir_live_trace(struct weir_live_trace *trace, struct weir_run *run, struct weir_tui *tui);
void weir_live_trace_end(struct weir_live_trace *trace);

#endif
