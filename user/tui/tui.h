/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The live screen: readings and keys in, pictures out. It reads nothing itself and knows no
 * terminal (screen.h does), so that all of it runs in a test.
 */
#ifndef WEIR_TUI_H
#define WEIR_TUI_H

#include "base/err.h"
#include "model/kernel.h"
#include "model/snapshot.h"
#include "tui/cells.h"
#include "tui/state.h"
#include "tui/traced.h"

struct weir_tui;

struct weir_tui_config {
	const char *name;	/* what is looked at: the namespace or the host */
	const char *option;	/* as weir_trouble_tell() asks for it */
	__u64 period_ns;	/* between readings */
	__u64 kernel_period_ns; /* between those of the kernel plane */
	bool utf8;
};

/* Strings of @config must outlive it. 0 or -ENOMEM. */
int weir_tui_new(const struct weir_tui_config *config, struct weir_tui **tui);
void weir_tui_free(struct weir_tui *tui);

/* Whether the next reading is to be an exact cut: seldom, for the ledger. */
bool weir_tui_wants_exact(const struct weir_tui *tui, __u64 now_ns);

bool weir_tui_is_paused(const struct weir_tui *tui);

/* Takes over a reading of @wall_s (seconds since 1970), which is empty then. 0 or -ENOMEM. */
int weir_tui_take(struct weir_tui *tui, struct weir_snapshot *snap, __u64 wall_s);

/*
 * The same of the kernel plane. @why: it could not be read, and @snap is NULL; else "".
 */
int weir_tui_take_kernel(
	struct weir_tui *tui, struct weir_kernel_snapshot *snap, const char *why, __u64 wall_s);

/* Whether the page of traced packets is shown, so that packets of *@plane are to be traced. */
bool weir_tui_wants_trace(const struct weir_tui *tui, enum weir_plane *plane);

/* A packet traced; its serial is given here. */
void weir_tui_trace(struct weir_tui *tui, const struct traced *packet);

/* A key: returns a mask of enum changed, or -ENOMEM. */
int weir_tui_press(struct weir_tui *tui, int key);

/* The picture of what was taken last, as large as asked for; NULL when memory ran out. */
const struct cells *weir_tui_draw(struct weir_tui *tui, int w, int h);

#endif
