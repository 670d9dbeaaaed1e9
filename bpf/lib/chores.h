/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is to be done though no packet comes and no process is alive: from timers of the kernel's,
 * each of which the first packet sets that leaves work behind. They end with the maps. A timer
 * keeps the code, and the maps, of the program that set it: so of all programs that leave work the
 * one that was loaded last takes it over, after an upgrade as where maps were made anew, and the
 * others leave it alone.
 */
#ifndef WEIR_BPF_CHORES_H
#define WEIR_BPF_CHORES_H

#include "self.h"

#include <weir/rules.h>

#define CHORES_NS	1000000000ULL
#define CLOCK_MONOTONIC 1

enum { CHORE_BUCKETS, CHORE_SWEEP, CHORES };

struct chores {
	struct bpf_timer timer;
	__u64 set; /* to run again, by a program that was loaded then; 0: not to */
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

	/* older ones than whoever has set it, too */
	if (!c || likely(*(volatile __u64 *)&c->set >= self.loaded_ns) ||
		__sync_lock_test_and_set(&c->set, self.loaded_ns) >= self.loaded_ns)
		return;
	bpf_timer_init(&c->timer, &chores, CLOCK_MONOTONIC); /* it may be there already */
	bpf_timer_set_callback(&c->timer, fn);
	if (bpf_timer_start(&c->timer, ns, 0))
		c->set = 0;
}

/* Of a timer that runs: once more. Where a newer program takes it over just now, that does so
 * again. */
static __always_inline void chores_again(struct chores *c, __u64 ns)
{
	c->set = self.loaded_ns;
	bpf_timer_start(&c->timer, ns, 0);
}

/* No more, but for who leaves work from now on. A full barrier. */
static __always_inline void chores_done(struct chores *c)
{
	__sync_lock_test_and_set(&c->set, 0);
}

#endif
