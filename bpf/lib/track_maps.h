/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What sessions and NAT are and have: maps of a network namespace, shared by all its devices. */
#ifndef WEIR_BPF_TRACK_MAPS_H
#define WEIR_BPF_TRACK_MAPS_H

#include "base.h"

#include <weir/sessions.h>

/* All sizes but that of `pools` and `pool_ports` are set before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_SESSIONS_MIN);
	__type(key, __u32);
	__type(value, struct weir_session);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_SESSIONS_MIN);
	__type(key, __u32);
	__type(value, struct weir_mapping);
} mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_SESSIONS_MIN);
	__type(key, __u32);
	__type(value, struct weir_name_line);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_SESSIONS_MIN);
	__type(key, __u32);
	__type(value, struct weir_index_bucket);
} session_index SEC(".maps");

/* Numbers of records that were in use and are free again, the longest free first: none is taken
 * while a program may still look at what it was. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, WEIR_SESSIONS_MIN);
	__type(value, __u32);
} free_sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, WEIR_SESSIONS_MIN);
	__type(value, __u32);
} free_mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * WEIR_POOL_ADDRS_MAX + WEIR_DEV_MAX);
	__type(key, struct weir_pool_key);
	__type(value, struct weir_pool);
} pools SEC(".maps");

struct ports_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_PORT_LINES);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct weir_port_line));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, WEIR_POOL_ADDRS_MAX);
	__type(key, __u32);
	__array(values, struct ports_map);
} pool_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WEIR_FRAGS_MAX);
	__type(key, struct weir_frag_key);
	__type(value, struct weir_frag_session);
} frags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEIR_FRAG_LINES);
	__type(key, __u32);
	__type(value, struct weir_frag_line);
} frags_left SEC(".maps");

struct weir_nat_state nat SEC(".data.nat");

#endif
