/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is measured, and what is made of the figures. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <jansson.h>
#include "rig.h"

enum { ROUNDS_MAX = 100 };

struct bench {
	const char *filter; /* part of a case's name; NULL = all */
	int rounds;	    /* at least */
	__u64 frames;	    /* a run */
	bool peer[PEER_COUNT];
};

struct figure {
	double ns_min, ns_median; /* 0 = not measured */
	__u64 sent, received;	  /* all rounds */
	double to_weir;		  /* median of the ratios within a round; 0 = weir not measured */
	int rounds;
};

struct report {
	json_t *rows;
	int met, missed;
};

bool bench_wants(const struct bench *bench, const char *name);

int bench_forward(struct rig *rig, const struct bench *bench, struct report *report);
int bench_zero_loss(struct rig *rig, const struct bench *bench, struct report *report);
int bench_ledger(struct rig *rig, const struct bench *bench, struct report *report);
int bench_top(struct rig *rig, const struct bench *bench, struct report *report);

void report_forward_head(void);
void report_forward(struct report *r, const struct load *load, const struct figure *f);
/* @pps by peer, 0 = not measured. */
void report_zero_loss(struct report *r, __u32 bytes, const double *pps);

/* @wrong of @readings did not balance; of @sent frames the router counted @in, and ARP perhaps. */
void report_ledger(struct report *r, int readings, int wrong, __u64 sent, __u64 in);

/* The live screen: @percent of a core over @seconds, @redraw_ms for one picture. */
void report_top(struct report *r, double seconds, double percent, double redraw_ms);

/* A target: met if @value is on the right side of @limit (at most, or at least). */
struct target {
	const char *what;
	double value, limit;
	bool at_most;
	double within_rounds; /* the same ratio as the rounds' median, for comparison; 0 = none */
};

void report_target(struct report *r, const struct target *target);
int report_write(const struct report *r, const char *path);

#endif
