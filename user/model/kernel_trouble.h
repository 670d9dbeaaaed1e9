/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The worst thing that the kernel plane shows, and a diagnosis of any of its drops. */
#ifndef WEIR_KERNEL_TROUBLE_H
#define WEIR_KERNEL_TROUBLE_H

#include "model/kernel_delta.h"
#include "model/trouble.h"

enum weir_kernel_trouble_kind { /* worst first */
	WEIR_KERNEL_TROUBLE_DROPS,
	WEIR_KERNEL_TROUBLE_BLIND, /* stages are to be observed, and nobody does */
	WEIR_KERNEL_TROUBLE_LOST,  /* by observers: what is told is less than there was */
	WEIR_KERNEL_TROUBLE_OFF,   /* not watched, so nothing is known */
	WEIR_KERNEL_TROUBLE_NONE,
};

struct weir_kernel_trouble {
	enum weir_kernel_trouble_kind kind;
	__u64 key;	   /* DROPS: of struct weir_kernel_seen */
	__u64 count;	   /* DROPS, LOST: in the interval */
	unsigned int loss; /* LOST: the largest, an index of weir_kloss_info */
	__u64 since_s;
	bool began_unseen; /* it was there when we began to look */
};

/* As weir_trouble_follow(); @list is of the same reading. */
void weir_kernel_trouble_follow(struct weir_kernel_trouble *trouble,
	const struct weir_kernel_delta *delta, const struct weir_kernel_seen_list *list,
	__u64 wall_s, bool first);

/* As weir_trouble_tell(). */
void weir_kernel_trouble_tell(const struct weir_kernel_trouble *trouble,
	const struct weir_kernel_delta *delta, const struct weir_kernel_seen_list *list,
	const char *option, struct weir_told *told);

/* Nothing that anybody must act on; that it is not watched is none either. */
bool weir_kernel_trouble_is_none(const struct weir_kernel_trouble *trouble);

/* What a doctor would say of a drop. Each is a sentence or more; "" = nothing to say. */
struct weir_kernel_diagnosis {
	char what[640];	   /* how many a second, where, for what, and what that means */
	char when[160];	   /* since when, how many in all */
	char who[400];	   /* rule, chain, socket, function, counter; which namespace */
	char example[160]; /* the last packet */
	char remedy[640];  /* what to look at or type, for this very packet as far as it is known */
	char closer[256];  /* the command of weir's own that tells more */
};

void weir_kernel_diagnose(const struct weir_kernel_seen *seen,
	const struct weir_kernel_delta *delta, struct weir_kernel_diagnosis *out);

/* "r0", "r0 in NS", "no device", "the machine". Returns @buf. */
const char *weir_kernel_place(const struct weir_kernel_dev *dev, char *buf, size_t size);

#endif
