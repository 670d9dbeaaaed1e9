/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the live screen asks for beside counters. */
#ifndef WEIR_CMD_LIVE_H
#define WEIR_CMD_LIVE_H

#include "cmd/cmd.h"
#include "tui/tui.h"

/*
 * The packets of the page of traces. The fast plane's are captured as 'weir trace' does, while the
 * page is shown. All zero at first.
 */
struct weir_live_trace {
	struct weir_capturing *fast;
	struct weir_tui *tui;
	__u64 offset_ns; /* from CLOCK_MONOTONIC to the time of day */
};

/* Hands to @tui what was captured since, and begins or ends the capturing as the page is shown.
 * Where it cannot be (another reads, nothing is attached) there is nothing to show. */
void weir_live_trace(struct weir_live_trace *trace, struct weir_run *run, struct weir_tui *tui);
void weir_live_trace_end(struct weir_live_trace *trace);

#endif
