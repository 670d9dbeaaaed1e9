// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "model/latency.h"

__u64 weir_hist_middle(unsigned int bucket)
{
	unsigned int octave, quarter;

	if (bucket < WEIR_HIST_EXACT)
		return bucket;
	octave = (bucket - WEIR_HIST_EXACT) / 4;
	quarter = (bucket - WEIR_HIST_EXACT) % 4;
	/* a bucket starts at (4 + quarter) widths and its width is 2 << octave */
	return ((4 + (__u64)quarter) * 2 + 1) << octave;
}

/* The sample that @percent of all are not above. */
static __u64 quantile(const struct weir_lat_stage *stage, __u64 samples, unsigned int percent)
{
	__u64 rank = samples / 100 * percent + (samples % 100 * percent + 99) / 100;
	__u64 seen = 0, value;
	unsigned int i;

	for (i = 0; i < WEIR_HIST_BUCKETS; i++) {
		seen += stage->bucket[i];
		if (seen >= rank)
			break;
	}
	value = weir_hist_middle(i);
	/* the last bucket has no upper end: the worst case is the honest one */
	if (i == WEIR_HIST_BUCKETS - 1 || value > stage->max_ns)
		return stage->max_ns;
	return value;
}

void weir_quantiles_of(const struct weir_lat_stage *stage, struct weir_quantiles *q)
{
	__u64 samples = 0;

	/* the buckets, not the counter beside them: a reading may come between the two */
	for (unsigned int i = 0; i < WEIR_HIST_BUCKETS; i++)
		samples += stage->bucket[i];
	*q = (struct weir_quantiles){.samples = samples};
	if (!samples)
		return;
	q->p50_ns = quantile(stage, samples, 50);
	q->p90_ns = quantile(stage, samples, 90);
	q->p99_ns = quantile(stage, samples, 99);
	q->max_ns = stage->max_ns;
}

__u64 weir_octave_from(unsigned int octave)
{
	return octave ? 1ull << octave : 0;
}

void weir_octaves_of(const struct weir_lat_stage *stage, struct weir_octaves *octaves)
{
	memset(octaves, 0, sizeof(*octaves));
	for (unsigned int i = 0; i < WEIR_HIST_BUCKETS; i++) {
		__u64 middle = weir_hist_middle(i);

		octaves->samples[middle ? weir_log2(middle) : 0] += stage->bucket[i];
	}
}

void weir_lat_add(struct weir_lat *to, const struct weir_lat *lat)
{
	for (unsigned int s = 0; s < WEIR_FAST_STAGE_COUNT; s++) {
		struct weir_lat_stage *sum = &to->stage[s];
		const struct weir_lat_stage *more = &lat->stage[s];

		sum->samples += more->samples;
		if (more->max_ns > sum->max_ns)
			sum->max_ns = more->max_ns;
		for (unsigned int i = 0; i < WEIR_HIST_BUCKETS; i++)
			sum->bucket[i] += more->bucket[i];
	}
}
