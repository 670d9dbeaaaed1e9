/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The worst thing that a delta shows, and since when: what a person looking wants to know first. */
#ifndef WEIR_TROUBLE_H
#define WEIR_TROUBLE_H

#include "model/delta.h"

enum weir_trouble_kind { /* worst first */
	WEIR_TROUBLE_NO_DEVICE,
	WEIR_TROUBLE_LEDGER,
	WEIR_TROUBLE_GONE,
	WEIR_TROUBLE_REPLACED,
	WEIR_TROUBLE_DROPS,
	WEIR_TROUBLE_LOST,
	WEIR_TROUBLE_IDLE, /* nothing came in */
	WEIR_TROUBLE_NONE,
};

struct weir_trouble {
	enum weir_trouble_kind kind;
	char dev[16];	     /* LEDGER, GONE, REPLACED, DROPS; the worst of several */
	enum weir_exit exit; /* DROPS: the exit that dropped most */
	__s64 count;	     /* DROPS, LOST: packets in the interval; LEDGER: the residual */
	__u64 since_s;	     /* time of day of the first snapshot that showed it */
	bool began_unseen;   /* it was there when we began to look */
};

/*
 * Finds what @delta shows at @wall_s (seconds since 1970). @trouble holds what the delta before
 * showed; @first tells that there was none. The ledger is judged in an exact delta only; until the
 * next one what was found stands.
 */
void weir_trouble_follow(
	struct weir_trouble *trouble, const struct weir_delta *delta, __u64 wall_s, bool first);

struct weir_told {
	char text[512];	  /* one sentence: what is wrong, where, why */
	char remedy[512]; /* the command to type next */
};

/*
 * Puts @trouble, found in @delta, into words. @option is what tells a command of weir where to look,
 * such as " -n router", or "".
 */
void weir_trouble_tell(const struct weir_trouble *trouble, const struct weir_delta *delta,
	const char *option, struct weir_told *told);

/* Nothing that anybody must act on. */
bool weir_trouble_is_none(const struct weir_trouble *trouble);

#endif
