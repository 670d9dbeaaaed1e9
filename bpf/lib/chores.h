/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is to be done though no packet comes and no process is alive: once a second, from a timer of
 * the kernel's that the first packet sets which leaves work behind. It ends with the maps.
 */
#ifndef WEIR_BPF_CHORES_H
#define WEIR_BPF_CHORES_H

#include "base.h"

#include <weir/rules.h>

#define CHORES_NS	1000000000ULL
#define CLOCK_MONOTONIC 1

struct chores {
	struct bpf_timer timer;
	__u32 set; /* to run again */
	__u32 _pad;
};

_Static_assert(sizeof(struct chores) == WEIR_CHORES_SIZE, "as user space expects it");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chores);
} chores SEC(".maps");

/* What includes this does its own. */
static int chores_do(void *map, __u32 *key, struct chores *c);

static __always_inline void chores_set(void)
{
	__u32 zero = 0;
	struct chores *c = bpf_map_lookup_elem(&chores, &zero);

	if (!c || c->set || __sync_val_compare_and_swap(&c->set, 0, 1))
		return;
	bpf_timer_init(&c->timer, &chores, CLOCK_MONOTONIC); /* it may be there already */
	bpf_timer_set_callback(&c->timer, chores_do);
	if (bpf_timer_start(&c->timer, CHORES_NS, 0))
		c->set = 0;
}

#endif
