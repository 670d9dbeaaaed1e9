/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The terminal: the only file that knows ncurses and signals. There is one terminal, and so one
 * screen. Whatever ends the program gives it back as it was: return, exit(), a signal, a crash.
 */
#ifndef WEIR_SCREEN_H
#define WEIR_SCREEN_H

#include <linux/types.h>

#include "base/err.h"
#include "tui/cells.h"

struct weir_screen;

/*
 * Takes over the terminal that is standard input and output; WEIR_REFUSED, without a remedy, where it
 * cannot place its cursor. From then on signals that end, stop or resize are events.
 */
int weir_screen_open(struct weir_screen **screen, bool color, struct weir_err *err);

/* Gives the terminal back. */
void weir_screen_close(struct weir_screen *screen);

enum weir_screen_event {
	WEIR_EVENT_DUE, /* it is @due_ns */
	WEIR_EVENT_KEY,
	WEIR_EVENT_RESIZE, /* the size changed, or the screen must be drawn anew */
	WEIR_EVENT_END,	   /* told to end, or the terminal is gone */
};

/* Waits until something happens, at most until @due_ns (CLOCK_MONOTONIC). *@key: as in keys.h. */
enum weir_screen_event weir_screen_wait(struct weir_screen *screen, __u64 due_ns, int *key);

void weir_screen_size(const struct weir_screen *screen, int *w, int *h);

/* Shows the cells: only what changed since the last time is sent, and nothing to a terminal that
 * takes nothing. Returns 0 or -ENOMEM. */
int weir_screen_show(struct weir_screen *screen, const struct cells *cells);

#endif
