/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps of a network namespace, shared by all its devices; user space pins and reuses them. */
#ifndef WEIR_BPF_MAPS_H
#define WEIR_BPF_MAPS_H

#include "base.h"

/* A section of its own is a map of one entry, which programs reach without a lookup. */
struct weir_ctl ctl SEC(".data.ctl");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct weir_cursor);
} cursor SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2); /* CPUs * 2, set before loading */
	__type(key, __u32);
	__type(value, struct weir_cursor);
} cursor_tc SEC(".maps");

/*
 * The rows and latencies of each device's hooks, for what happens to a frame after its verdict. The
 * inner maps differ in size from device to device. To Linux 6.1 a map whose value is a struct is no
 * match for one of bytes, so the struct is named, inside one without a name: of a type that is named
 * only here clang keeps no more than the name.
 */
struct rows_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct { struct weir_row row; });
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, WEIR_DEV_MAX *WEIR_HOOK_COUNT);
	__type(key, struct weir_hook_key);
	__array(values, struct rows_map);
} rows_of SEC(".maps");

struct lat_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct { struct weir_lat lat; });
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, WEIR_DEV_MAX *WEIR_HOOK_COUNT);
	__type(key, struct weir_hook_key);
	__array(values, struct lat_map);
} lat_of SEC(".maps");

/* Counts one latency. The barrier keeps the index that is compared and the one that is used the
 * same register: clang 19 else compares an earlier one, which says nothing to the verifier. */
static __always_inline void lat_record(struct weir_lat *l, enum weir_fast_stage stage, __u64 ns)
{
	struct weir_lat_stage *s = &l->stage[stage];
	__u32 i = weir_hist_bucket(ns);

	barrier_var(i);
	if (i >= WEIR_HIST_BUCKETS)
		return;
	s->samples++;
	s->bucket[i]++;
	if (ns > s->max_ns)
		s->max_ns = ns;
}

/* Most addresses of packets are neither this host's nor NAT's: no need to look for them. */
static __always_inline bool addr_may_be_ours(__u32 addr)
{
	__u32 bit = weir_addr_bit(addr);

	return *(volatile __u64 *)&ctl.addrs[bit / 64 & 7] >> (bit & 63) & 1;
}

/* The row in which this CPU's frames on their way to a driver count; NULL once it is detached. */
static __always_inline struct weir_row *cursor_row(
	const struct weir_cursor *cur, enum weir_hook hook)
{
	struct weir_hook_key of = {.ifindex = cur->ifindex, .hook = hook};
	void *map = bpf_map_lookup_elem(&rows_of, &of);
	__u32 i = cur->row;

	return map ? bpf_map_lookup_elem(map, &i) : NULL;
}

/* One timed frame: from its verdict to here, where the driver has it. */
static __always_inline void cursor_time_xmit(struct weir_cursor *cur, enum weir_hook hook)
{
	struct weir_hook_key of = {.ifindex = cur->ifindex, .hook = hook};
	void *map = bpf_map_lookup_elem(&lat_of, &of);
	__u32 i = cur->row / 2;
	struct weir_lat *l = map ? bpf_map_lookup_elem(map, &i) : NULL;

	cur->timed = 0;
	if (l)
		lat_record(l, WEIR_FAST_xmit, bpf_ktime_get_ns() - cur->verdict_ns);
}

#endif
