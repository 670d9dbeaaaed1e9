/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What rules are and have: maps of a network namespace, shared by all its devices. */
#ifndef WEIR_BPF_FILTER_MAPS_H
#define WEIR_BPF_FILTER_MAPS_H

#include "device.h"
#include "track_maps.h"

#include <weir/rules.h>

/* A set of rules, of as many struct weir_page as it needs. No types, for one made without them would be
 * no match to Linux 6.1. */
struct ruleset_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, WEIR_PAGE);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, WEIR_RULESET_COUNT);
	__type(key, __u32); /* enum weir_ruleset */
	__array(values, struct ruleset_map);
} rulesets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* CPUs * self.rule_slots, set before loading */
	__type(key, __u32);
	__type(value, struct weir_rule_count);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_ELEMS_MAX);
	__type(key, struct weir_elem_key);
	__type(value, struct weir_elem);
} sets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEIR_SETS_MAX);
	__type(key, __u32); /* the set's number */
	__type(value, struct weir_set_info);
} set_info SEC(".maps");

/* A token bucket: it was empty at `empty_ns` and has been filling since. */
struct bucket {
	struct bpf_spin_lock lock;
	__u32 removed; /* on its way out of the map: no tokens are taken from it */
	__u64 empty_ns;
	__u64 full_ns;		    /* how long it takes to fill */
	struct weir_bucket_key key; /* memory of a removed bucket may be another's already */
};

_Static_assert(sizeof(struct bucket) == WEIR_BUCKET_SIZE, "as user space expects it");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_BUCKETS_MAX);
	__type(key, struct weir_bucket_key);
	__type(value, struct bucket);
} buckets SEC(".maps");

struct weir_limits limits SEC(".data.limits");

/* @x, of which the verifier then knows nothing: what each round of a loop adds to would be another
 * state to it, and no two rounds the same. */
static __always_inline __u32 unknown(__u32 x)
{
	return x + (__u32) * (volatile __u64 *)&limits.zero;
}

#endif
