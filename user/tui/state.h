/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the user has chosen, and how keys change it: no data, no terminal. */
#ifndef WEIR_STATE_H
#define WEIR_STATE_H

#include <linux/types.h>
#include <stdbool.h>

#include "model/tables.h"
#include "tui/keys.h"

enum page {
	PAGE_PATH,
	PAGE_DROPS,
	PAGE_DEVS,
	PAGE_LATENCY,
	PAGE_BOTH, /* planes side by side */
	PAGE_TRACE,
	PAGE_PLANE, /* instead of the others, where the plane is not observed */
	/* the kernel plane's, instead of those above */
	PAGE_KERNEL_PATH,
	PAGE_KERNEL_DROPS,
	PAGE_KERNEL_DEVS,
	PAGE_KERNEL_LATENCY,
	PAGE_HELP,
	PAGE_COUNT
};

enum input {
	INPUT_NONE,
	INPUT_FIND,
	INPUT_FILTER,
};

enum shares {
	SHARES_QUEUES,
	SHARES_CPUS,
};

enum { STATE_TEXT = 32 };

struct state {
	enum page page;
	bool help;
	enum weir_plane plane;
	bool watched;		  /* the kernel plane is: told to the state, not chosen */
	__u64 dev;		  /* dev_key() of the only device shown; 0 = all */
	__u64 part;		  /* of the kernel plane: key of the only part shown; 0 = all */
	__u64 chosen[PAGE_COUNT]; /* id of the chosen row */
	unsigned int sort[PAGE_COUNT];
	bool invert[PAGE_COUNT];
	enum shares shares;
	bool paused;
	char filter[STATE_TEXT];
	char find[STATE_TEXT];
	enum input input; /* what keys are typed into */
	char typed[STATE_TEXT];
	char filter_before[STATE_TEXT];
	__u64 chosen_before;
	const char *note; /* said once, until the next key; NULL = none */
};

/* The page that the state leads to. */
enum page state_page(const struct state *s);

/* Whether it is a page of the kernel plane. */
bool state_is_kernel(const struct state *s);

/* Whether a page's rows can be filtered. */
bool state_filters(enum page page);

/* Whose chosen row it is: stages are chosen on the path and on the latency page alike. */
enum page state_list(const struct state *s);

void state_init(struct state *s);

enum changed {
	CHANGED_NOTHING = 0,
	CHANGED_VIEW = 1,
	CHANGED_QUIT = 2,
	CHANGED_PAUSE = 4, /* begun or ended */
};

struct rows;

/*
 * What @key does to the state, as a mask of enum changed. @rows are those of the page that is
 * shown, of which @visible fit the screen; @devs are the keys of the plane's devices, in order.
 */
unsigned int state_press(struct state *s, const struct rows *rows, int visible, const __u64 *devs,
	unsigned int nr_devs, int key);

#endif
