/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The filter: what the rules say of a packet. Rules that only count, and limits that are not held,
 * are passed; the first other one decides. */
#ifndef WEIR_BPF_FILTER_H
#define WEIR_BPF_FILTER_H

#include "bucket.h"
#include "classify.h"

static __always_inline void rule_count(__u32 slot, __u32 len)
{
	__u32 i = bpf_get_smp_processor_id() * self.rule_slots + slot;
	struct weir_rule_count *count = bpf_map_lookup_elem(&counts, &i);

	if (!count || slot >= self.rule_slots)
		return;
	count->packets++;
	count->bytes += len;
}

/* What the rule that was found says; true where the next one is asked. */
static __always_inline bool judge_rule(struct search *s, __u32 rule)
{
	struct weir_rule_rec *rec = record_of(s, rule);
	struct weir_judged *judged = &s->w->judged;

	if (!rec)
		return false;
	s->w->checks |= rec->checks & (WEIR_CHECK_LIMIT | WEIR_LOG | WEIR_COUNTS);
	if (rec->limit_ns && !bucket_take(rec, s->f))
		return true;
	rule_count(rec->slot, s->f->len);
	if (rec->log && !judged->log_id)
		judged->log_id = rec->id;
	if (rec->verdict == WEIR_count)
		return true;
	judged->rule = rule;
	judged->id = rec->id;
	judged->slot = rec->slot;
	judged->verdict = rec->verdict;
	return false;
}

static long judge_step(__u32 i, struct search *s)
{
	__u32 rule;

	if (!search_step(s))
		return 0;
	rule = s->w->found.rule;
	if (rule != WEIR_NO_RULE && judge_rule(s, rule)) {
		search_from(s, rule + 1);
		return 0;
	}
	s->w->done = 1;
	return 1;
}

/*
 * Fills @judged, by one rule set from beginning to end. False where it was given up, after 8
 * million steps: the packet is to be dropped.
 */
static __always_inline bool filter_judge(struct weir_fields *f, struct weir_judged *judged)
{
	struct search s = {};

	*judged = (struct weir_judged){.rule = WEIR_NO_RULE, .verdict = WEIR_VERDICT_COUNT};
	if (!search_begin(&s, WEIR_RULESET_filter, f))
		return true;
	s.w->judged = *judged;
	bpf_loop(SEARCH_STEPS, judge_step, &s, 0);
	*judged = s.w->judged;
	judged->checks = (__u16)s.w->checks;
	return s.w->done;
}

#endif
