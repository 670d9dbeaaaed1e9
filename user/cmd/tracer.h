/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the traces of the planes share: how they are bounded, read, shown or written, and ended. */
#ifndef WEIR_CMD_TRACER_H
#define WEIR_CMD_TRACER_H

#include "cmd/cmd.h"
#include "out/pcapng.h"

/* What a trace has lost: in words, and what of it a file says. */
struct weir_tracer_losses {
	char words[512];
	__u64 full, limited;
};

/* The first member of what a plane's trace keeps. */
struct weir_tracer {
	struct weir_run *run;
	struct weir_err *err;
	void (*say)(struct weir_tracer *t); /* to stderr, once it has begun */
	/* Waits a little for packets and brings out those that there are; 0, -EINTR, -ECANCELED
	 * when it is enough, or another -errno with @err filled. */
	int (*poll)(struct weir_tracer *t);
	int (*drain)(struct weir_tracer *t); /* the same of those that are left; ends the tracing */
	void (*losses)(struct weir_tracer *t, struct weir_tracer_losses *losses);
	const char *path; /* of a file to write; NULL: packets are shown */
	const char *dev;
	__u64 left, shown;
	__u64 time_ns;	 /* how long */
	__u64 offset_ns; /* from CLOCK_MONOTONIC to the time of day */
	FILE *write;
	struct weir_pcapng pcapng;
	int failed;
};

/* Reads what bounds a trace of any plane: dev, write, count, seconds. */
int weir_tracer_parse(struct weir_tracer *t, const struct weir_args *args, struct weir_err *err);

/* The packet is out, or was not for @rc: what who has found it is to answer. */
int weir_tracer_shown(struct weir_tracer *t, int rc);

/* Says that the file could not be written, for @rc, which it returns. */
int weir_tracer_write_failed(struct weir_tracer *t, int rc);

/* Until the count, the time or a signal ends it. */
int weir_tracer_run(struct weir_tracer *t);

#endif
