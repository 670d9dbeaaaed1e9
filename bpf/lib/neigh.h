/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Confirming next hops. The kernel notices that a neighbour has gone or moved because it uses it:
 * a stale entry that is used is probed. XDP uses neighbours behind the kernel's back, so one packet
 * for each next hop and reachable time takes the kernel's road; the rest of the probing is the
 * kernel's (net/core/neighbour.c). This is asked only when the FIB is, at most every other epoch
 * for a flow; the table, shared by all CPUs, lets only one packet go for each interval.
 */
#ifndef WEIR_BPF_NEIGH_H
#define WEIR_BPF_NEIGH_H

#include "packet.h"

#define NSEC_PER_MSEC 1000000ULL

/* 1 when this packet is the one to confirm its next hop. Where the device is not attached, all
 * packets go to the kernel anyway. */
__checked_once int neigh_wants_kernel(
	struct weir_row *row, __u32 ifindex, __u32 nexthop, __u32 reachable_ms)
{
	struct weir_neigh_key key = {.ifindex = ifindex, .nexthop = nexthop};
	__u64 now = bpf_ktime_get_coarse_ns(), due;
	struct weir_neigh fresh = {.due_ns = now + reachable_ms * NSEC_PER_MSEC}, *n;
	long err;

	if (!reachable_ms || self.dry)
		return 0;
	n = bpf_map_lookup_elem(&neigh, &key);
	if (n) {
		due = n->due_ns;
		return now >= due &&
		       __sync_val_compare_and_swap(&n->due_ns, due, fresh.due_ns) == due;
	}
	err = bpf_map_update_elem(&neigh, &key, &fresh, BPF_NOEXIST);
	if (err && err != -17 /* EEXIST: another CPU was first */ && row)
		row->neigh_full++;
	return !err;
}

#endif
