/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All that a picture of the screen is made of. */
#ifndef WEIR_PICTURE_H
#define WEIR_PICTURE_H

#include "model/account.h"
#include "model/drops.h"
#include "model/kernel_trouble.h"
#include "model/trouble.h"
#include "tui/glyphs.h"
#include "tui/history.h"
#include "tui/state.h"
#include "tui/traced.h"

/* What the last exact reading found; nothing is claimed of others. */
struct ledger_seen {
	bool measured;
	bool holds;
	__s64 residual;
	__u64 wall_s;
};

/* The kernel plane's side of it. */
struct kernel_picture {
	const struct weir_kernel_snapshot *snap;
	const struct weir_kernel_delta *delta;
	const struct weir_kernel_seen_list *drops;
	const struct weir_kernel_trouble *trouble;
	const struct history *history;
	const char *why; /* it cannot be read; "" = it can */
	__u64 period_ns;
};

struct picture {
	const struct weir_snapshot *snap;
	const struct weir_delta *delta;
	const struct weir_trouble *trouble;
	const struct weir_drops *drops;
	const struct history *history;
	const struct state *state;
	struct ledger_seen ledger;
	__u64 wall_s; /* of the reading */
	__u64 period_ns;
	const char *name;   /* of the namespace or the host */
	const char *option; /* as weir_trouble_tell() asks for it */
	const struct glyphs *glyphs;
	const struct kernel_picture *kernel;
	const struct traced_list *traced;
};

/* The figures of the chosen device, or of all together. */
struct figures {
	bool known; /* there are rates */
	const struct weir_row *row;
	const struct weir_lat *lat;
	const struct series *series;	  /* may be NULL */
	const struct weir_stage_sum *sum; /* by stage */
	unsigned int hooks;		  /* whose stages are shown: a bit for each */
};

void picture_figures(const struct picture *p, struct figures *f);

/* A hook of a device, as it is called on the screen: "r0", "r0/tc_ingress". Returns @buf. */
const char *picture_dev_name(const struct weir_dev_snapshot *dev, char buf[40]);

/* How our program hangs there. */
const char *picture_hook(const struct weir_dev_snapshot *dev);

/* The chosen device, or NULL for all. */
const struct weir_dev_delta *picture_dev(const struct picture *p);

/* "" for a device whose rates are shown, else why they are not: new, reset, gone, replaced. */
const char *picture_state(const struct weir_dev_delta *dev);

/* The chosen part of the kernel plane, or NULL for all. */
const struct weir_kernel_part *picture_part(const struct picture *p);

/* The chosen part, or all together; NULL where there is nothing. */
const struct weir_kernel_part *picture_part_shown(const struct picture *p);

/* Its name, as it is called on the screen: "r0", "r0@router", "@router". Returns @buf. */
const char *picture_part_name(const struct weir_kernel_part *part, char buf[96]);

/* A stage's name; "unknown" for what cannot be told. */
const char *picture_stage(unsigned int stage);

#endif
