/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a packet was seen last.
 *
 * It is known by its address, at a place of a table that has room for two: what was seen longest
 * ago makes room. So nothing has to be removed when a packet ends, which the kernel does not always
 * tell, and a packet may cross queues and CPUs. Counts at stages do not depend on it.
 */
#ifndef WEIR_BPF_KERNEL_STATE_H
#define WEIR_BPF_KERNEL_STATE_H

#include "kernel_plane.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEIR_KSTATES);
	__type(key, __u32);
	__type(value, struct weir_kplace);
} kstates SEC(".maps");

/* Of an address, as a number: with what may be a pointer still nothing is calculated. */
static __always_inline __u32 low_half(__u64 address)
{
	__u32 low;

	asm("%0 = %1" : "=w"(low) : "w"((__u32)address));
	return low;
}

static __always_inline __u32 place_of(__u64 skb)
{
	__u32 low = low_half(skb);

	return (low >> 8 ^ low >> 16) & (WEIR_KSTATES - 1);
}

/* Its state, or the one that would make room. */
static __always_inline struct weir_kstate *state_at(__u64 skb)
{
	__u32 i = place_of(skb);
	struct weir_kplace *place = bpf_map_lookup_elem(&kstates, &i);

	if (!place)
		return NULL;
	if (place->way[0].skb == skb)
		return &place->way[0];
	if (place->way[1].skb == skb || place->way[1].time_ns < place->way[0].time_ns)
		return &place->way[1];
	return &place->way[0];
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

/* The same, of a packet that ends here: its state stays for other observers of that event. A piece
 * may be where the superframe was that a queueing discipline cut. */
static __always_inline __u8 stage_end(const struct sk_buff *skb)
{
	struct weir_kstate *s = state_at((__u64)skb);

	if (!s || !state_is(s, (__u64)skb))
		return WEIR_STAGE_COUNT;
	if (unlikely(s->given == WEIR_KGIVEN_SUPERFRAME) && !is_super(skb, skb->dev))
		return WEIR_STAGE_COUNT;
	s->time_ns = s->slice = 0;
	return s->stage;
}

#endif
