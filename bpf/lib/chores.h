/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is to be done though no packet comes and no process is alive: from timers of the kernel's, each of
 * which the first packet sets that leaves work behind. They end with the maps. A timer that runs keeps
 * the program that set it, so after an upgrade the new one's code takes over with the next packet that
 * leaves work.
 */
#ifndef WEIR_BPF_CHORES_H
#define WEIR_BPF_CHORES_H

#include "base.h"

#include <weir/rules.h>

#define CHORES_NS	1000000000ULL
#define CLOCK_MONOTONIC 1

enum { CHORE_BUCKETS, CHORE_SWEEP, CHORES };

struct chores {
	struct bpf_timer timer;
	__u32 set; /* to run again */
	__u32 _pad;
};

_Static_assert(sizeof(struct chores) == WEIR_CHORES_SIZE, "as user space expects it");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CHORES);
	__type(key, __u32);
	__type(value, struct chores);
} chores SEC(".maps");

static __always_inline void chores_set(
	__u32 which, int (*fn)(void *map, __u32 *key, struct chores *c), __u64 ns)
{
	struct chores *c = bpf_map_lookup_elem(&chores, &which);

	if (!c || c->set || __sync_val_compare_and_swap(&c->set, 0, 1))
		return;
	bpf_timer_init(&c->timer, &chores, CLOCK_MONOTONIC); /* it may be there already */
	bpf_timer_set_callback(&c->timer, fn);
	if (bpf_timer_start(&c->timer, ns, 0))
		c->set = 0;
}

#endif
