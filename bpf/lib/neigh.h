/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Confirming next hops. The kernel notices that a neighbour has gone or moved because it uses it:
 * a stale entry that is used is probed. XDP uses neighbours behind the kernel's back, so one packet
 * for each next hop and reachable time takes the kernel's road; the rest of the probing is the
 * kernel's (net/core/neighbour.c). Each CPU remembers what is due in a small cache of its own; the
 * shared table lets only one CPU send a packet for each interval.
 */
#ifndef WEIR_BPF_NEIGH_H
#define WEIR_BPF_NEIGH_H

#include "packet.h"

#define NSEC_PER_MSEC 1000000ULL

/* One word that names the next hop: an IPv4 address, or an IPv6 one folded (RFC 5549 routes). */
static __always_inline __u32 nexthop_word(const struct bpf_fib_lookup *fib)
{
	if (likely(fib->family == AF_INET))
		return fib->ipv4_dst;
	return fib->ipv6_dst[0] ^ fib->ipv6_dst[1] ^ fib->ipv6_dst[2] ^ fib->ipv6_dst[3];
}

static __always_inline struct weir_neigh_slot *neigh_slot(
	struct weir_cursor *cur, __u32 ifindex, __u32 nexthop)
{
	return &cur->neigh[(nexthop ^ nexthop >> 24 ^ ifindex) % WEIR_NEIGH_CACHE];
}

/* Asks the shared table; true when this packet is the one to confirm. */
static __noinline bool neigh_due(
	struct weir_cursor *cur, struct weir_row *row, __u32 ifindex, __u32 nexthop)
{
	struct weir_neigh_key key = {.ifindex = ifindex, .nexthop = nexthop};
	__u64 now = bpf_ktime_get_coarse_ns();
	struct weir_neigh fresh = {}, *n;
	struct weir_neigh_slot *slot;
	struct weir_port *port;
	bool mine;

	if (!cur || !row)
		return false;
	slot = neigh_slot(cur, ifindex, nexthop);
	slot->seen = bpf_jiffies64();
	if (slot->nexthop == nexthop && slot->ifindex == ifindex && now < slot->due_ns)
		return false;
	port = bpf_map_lookup_elem(&ports, &ifindex);
	fresh.due_ns = now + (port ? port->reachable_ms : 30000) * NSEC_PER_MSEC;
	n = bpf_map_lookup_elem(&neigh, &key);
	if (n) {
		__u64 due = n->due_ns;

		mine = now >= due &&
		       __sync_val_compare_and_swap(&n->due_ns, due, fresh.due_ns) == due;
		if (!mine)
			fresh.due_ns = n->due_ns;
	} else {
		long err = bpf_map_update_elem(&neigh, &key, &fresh, BPF_NOEXIST);

		mine = !err;
		if (err && err != -17 /* EEXIST: another CPU was first */)
			row->neigh_full++;
	}
	slot->nexthop = nexthop;
	slot->ifindex = ifindex;
	slot->due_ns = fresh.due_ns;
	return mine;
}

/*
 * True when this packet is to take the kernel's road, so that the kernel confirms its next hop.
 * A clock is read once a tick for each next hop; else the tick, which is a load, is enough.
 */
static __always_inline bool neigh_wants_kernel(struct pkt *p, const struct bpf_fib_lookup *fib)
{
	__u32 nexthop = nexthop_word(fib), ifindex = fib->ifindex;
	struct weir_neigh_slot *slot = neigh_slot(p->cur, ifindex, nexthop);

	if (likely(slot->seen == bpf_jiffies64() && slot->nexthop == nexthop &&
		   slot->ifindex == ifindex))
		return false;
	return neigh_due(p->cur, p->row, ifindex, nexthop);
}

#endif
