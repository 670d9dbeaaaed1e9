/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Quantiles of the histograms of weir/hist.h: never more than 12.5 % from the sample they stand
 * for. */
#ifndef WEIR_LATENCY_H
#define WEIR_LATENCY_H

#include "model/snapshot.h"

struct weir_quantiles {
	__u64 samples; /* 0: the rest means nothing */
	__u64 p50_ns, p90_ns, p99_ns, max_ns;
};

/* The value in the middle of a bucket. */
__u64 weir_hist_middle(unsigned int bucket);

void weir_quantiles_of(const struct weir_lat_stage *stage, struct weir_quantiles *q);

/*
 * The same histogram between powers of two, for people: octave 0 holds 0 and 1 ns, octave i from
 * 2^i up to 2^(i+1), the last one all above.
 */
#define WEIR_OCTAVES (WEIR_HIST_OCTAVES + 3)

struct weir_octaves {
	__u64 samples[WEIR_OCTAVES];
};

void weir_octaves_of(const struct weir_lat_stage *stage, struct weir_octaves *octaves);
__u64 weir_octave_from(unsigned int octave);

/* Adds all stages; a maximum is the larger one. */
void weir_lat_add(struct weir_lat *to, const struct weir_lat *lat);

#endif
