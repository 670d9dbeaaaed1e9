/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers and frames by chance, the same in every run of a seed. */
#ifndef TESTS_CHANCE_H
#define TESTS_CHANCE_H

#include "prog.h"

enum { CHANCE_SMALL = 200 }; /* bytes that most frames are shorter than */

void chance_seed(__u64 seed);
/* From 0 on, less than @n. */
__u32 chance_below(__u32 n);
/* Of the environment, such as FUZZ_RUNS. */
unsigned long chance_number(const char *name, unsigned long otherwise);

/* A frame that a host could have sent. */
void chance_valid(struct frame *f);
/* Any bytes. */
void chance_random(struct frame *f);
/* A valid one, spoilt in some places. */
void chance_mutated(struct frame *f);
/* Spoils one place. */
void chance_mutate(struct frame *f);

#endif
