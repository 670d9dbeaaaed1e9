/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the program knows of the device it is attached to. Each hook of a device has a program of
 * its own, so that the verifier prunes what the device does not need and a row is found without a
 * lookup by ifindex.
 */
#ifndef WEIR_BPF_DEVICE_H
#define WEIR_BPF_DEVICE_H

#include "maps.h"
#include "self.h"

struct weir_conf conf SEC(".data.conf");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 2); /* CPUs * queues * 2 banks, set before loading */
	__type(key, __u32);
	__type(value, struct weir_row);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 1); /* CPUs * queues, set before loading */
	__type(key, __u32);
	__type(value, struct weir_lat);
} lat SEC(".maps");

/* Devices that native XDP may redirect to: attached, and their driver takes frames. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, WEIR_DEV_MAX);
	__type(key, __u32); /* ifindex */
	__type(value, struct bpf_devmap_val);
} tx_ports SEC(".maps");

/* Devices that generic XDP may redirect to: all that are attached. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, WEIR_DEV_MAX);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} tx_ports_generic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_DEV_MAX);
	__type(key, __u32); /* ifindex */
	__type(value, struct weir_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_VLAN_MAX);
	__type(key, struct weir_vlan_key);
	__type(value, struct weir_vlan);
} vlans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_FLOWS_MIN); /* for all CPUs, set before loading */
	__type(key, __u32);
	__type(value, struct weir_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEIR_FLOWS_MIN / WEIR_HOPS_SHARE); /* likewise */
	__type(key, __u32);
	__type(value, struct weir_hop);
} hops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_LOCAL_MAX);
	__type(key, __u32); /* IPv4 address, network order */
	__type(value, struct weir_local);
} local SEC(".maps");

static __always_inline const struct weir_local *local_of(__u32 addr)
{
	return addr_may_be_ours(addr) ? bpf_map_lookup_elem(&local, &addr) : NULL;
}

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WEIR_NEIGH_MAX);
	__type(key, struct weir_neigh_key);
	__type(value, struct weir_neigh);
} neigh SEC(".maps");

#endif
