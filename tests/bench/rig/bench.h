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
	double ns[ROUNDS_MAX];	  /* a frame, in each round */
	double ns_min, ns_median; /* 0 = not measured */
	__u64 sent, received;	  /* all rounds, what does not count included */
	double to_weir; /* median of the ratios within a round to the family's; 0 = not measured */
	double events;	/* a tracer's, a frame; 0 = not counted */
	double share;	/* of time in which it observed: mean of the rounds */
	int rounds;
};

/* Rows of the same peers. */
struct family {
	const char *name;
	const char *what;
	enum peer ours;
	enum traffic traffic;
	__u32 most;   /* frames a run; 0 = as many as told */
	__u32 times;  /* as many frames as told; 0 = once */
	bool tracers; /* its peers watch the kernel's path */
	int nr;
	enum peer peers[PEER_COUNT]; /* @nr of them, as they stand in a row */
};

struct row {
	char name[64]; /* as `case` knows it */
	const struct family *family;
	struct load load;
	struct figure f[PEER_COUNT];
};

struct report {
	json_t *rows;
	const struct rig *rig;
	int met, missed, skipped;
};

bool bench_wants(const struct bench *bench, const char *name);

int bench_cells(struct rig *rig, const struct bench *bench, struct report *report);
int bench_zero_loss(struct rig *rig, const struct bench *bench, struct report *report);
int bench_ledger(struct rig *rig, const struct bench *bench, struct report *report);
int bench_top(struct rig *rig, const struct bench *bench, struct report *report);
int bench_delay(struct rig *rig, const struct bench *bench, struct report *report);

/* The median of what @a costs in units of what @b costs in the same round. */
double figure_ratio(const struct figure *a, const struct figure *b);

void report_head(const struct rig *rig, const struct bench *bench, const struct family *family);
void report_row(struct report *r, const struct row *row);
/* @pps by peer, 0 = not measured. */
void report_zero_loss(struct report *r, __u32 bytes, const double *pps);

/* @wrong of @readings did not balance; of @sent frames the router counted @in, and ARP perhaps. */
void report_ledger(struct report *r, int readings, int wrong, __u64 sent, __u64 in);

/* The live screen: @percent of a core over @seconds, @redraw_ms for one picture. */
void report_top(
	struct report *r, double seconds, double percent, double kernel_percent, double redraw_ms);

/* Times that weir tells, against what they are known to be; all of a packet. */
struct delay_figures {
	const char *name, *stage;
	double known_ns, seen_ns; /* the delay, and how much longer the stage took */
	double moved_ns;	  /* the middle of the other stage that changed most */
	const char *moved;
	double sum_ns, end_to_end_ns; /* of stages; without the delay */
	double sum_delayed_ns, end_to_end_delayed_ns;
};

void report_delay(struct report *r, const struct delay_figures *f);

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
