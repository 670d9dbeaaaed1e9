/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a packet was seen last.
 *
 * It is known by its address, at a place of a table that two packets may share: then a time is lost,
 * and counted as lost. So nothing has to be removed when a packet ends, which the kernel does not
 * always tell, and a packet may cross queues and CPUs. Counts at stages do not depend on it.
 */
#ifndef WEIR_BPF_KERNEL_STATE_H
#define WEIR_BPF_KERNEL_STATE_H

#include "kernel_plane.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEIR_KSTATES);
	__type(key, __u32);
	__type(value, struct weir_kstate);
} kstates SEC(".maps");

static __always_inline struct weir_kstate *state_at(__u64 skb)
{
	__u32 i = (__u32)((skb >> 8) ^ (skb >> 20)) & (WEIR_KSTATES - 1);

	return bpf_map_lookup_elem(&kstates, &i);
}

static __always_inline bool state_is(const struct weir_kstate *s, __u64 skb)
{
	return s->skb == skb && s->slice == *(volatile __u32 *)&kwatch.slice;
}

/* The stage that it has left last; WEIR_STAGE_COUNT where that is not known. */
static __always_inline __u32 stage_left(__u64 skb)
{
	const struct weir_kstate *s = state_at(skb);

	return s && state_is(s, skb) ? s->stage : WEIR_STAGE_COUNT;
}

/* The same, of a packet that ends here. */
static __always_inline __u8 stage_end(__u64 skb)
{
	struct weir_kstate *s = state_at(skb);

	if (!s || !state_is(s, skb))
		return WEIR_STAGE_COUNT;
	s->skb = 0;
	return s->stage;
}

#endif
