/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A device's own address, as the kernel has it at this moment: read from its structures, so that a
 * change of addresses is followed with no process alive. By probe reads, since a context cannot be cast
 * to them before Linux 6.2. Devices and namespaces are handed on as numbers, for global functions
 * take no pointers into the kernel.
 */
#ifndef WEIR_BPF_ADDR_H
#define WEIR_BPF_ADDR_H

#include "world.h"

#define DEV_BUCKETS	256 /* NETDEV_HASHENTRIES */
#define DEV_WALK	64  /* devices in one bucket that are looked at */
#define ADDR_WALK	64  /* addresses of a device that are looked at */
#define SCOPE_GLOBAL	0   /* RT_SCOPE_UNIVERSE */
#define ADDR_SECONDARY	1   /* IFA_F_SECONDARY */

/*
 * inet_select_addr() of @dev for global scope: the first primary address in whose subnet @towards lies,
 * else the first primary one; 0 where there is none. @towards 0: the first. In network order.
 */
__checked_once __u32 dev_addr(__u64 dev, __u32 towards)
{
	struct net_device *d = (void *)dev;
	struct in_ifaddr *ifa = BPF_CORE_READ(d, ip_ptr, ifa_list);
	__u32 first = 0, i;

	for (i = 0; i < ADDR_WALK && ifa; i++) {
		__u32 addr = BPF_CORE_READ(ifa, ifa_local);

		if (BPF_CORE_READ(ifa, ifa_scope) == SCOPE_GLOBAL &&
			!(BPF_CORE_READ(ifa, ifa_flags) & ADDR_SECONDARY)) {
			if (!towards || !((BPF_CORE_READ(ifa, ifa_address) ^ towards) &
						BPF_CORE_READ(ifa, ifa_mask)))
				return addr;
			if (!first)
				first = addr;
		}
		ifa = BPF_CORE_READ(ifa, ifa_next);
	}
	return first;
}

/* Whether @addr is one of the device's own. */
__checked_once int dev_has(__u64 dev, __u32 addr)
{
	struct net_device *d = (void *)dev;
	struct in_ifaddr *ifa = BPF_CORE_READ(d, ip_ptr, ifa_list);
	__u32 i;

	for (i = 0; i < ADDR_WALK && ifa; i++) {
		if (BPF_CORE_READ(ifa, ifa_local) == addr)
			return 1;
		ifa = BPF_CORE_READ(ifa, ifa_next);
	}
	return 0;
}

/* The device of @net with that index; 0 where there is none. */
__checked_once __u64 dev_by_index(__u64 net, __u32 ifindex)
{
	struct net *n = (void *)net;
	struct hlist_head *head = BPF_CORE_READ(n, dev_index_head);
	struct hlist_node *node;
	struct net_device *dev;
	__u32 i;

	/* the kernel's own array: its elements are a pointer each */
	node = BPF_CORE_READ(
		(struct hlist_head *)((void *)head + (ifindex & (DEV_BUCKETS - 1)) * sizeof(*head)),
		first);
	for (i = 0; i < DEV_WALK && node; i++) {
		dev = (void *)node - bpf_core_field_offset(struct net_device, index_hlist);
		if ((__u32)BPF_CORE_READ(dev, ifindex) == ifindex)
			return (__u64)(long)dev;
		node = BPF_CORE_READ(node, next);
	}
	return 0;
}

static __always_inline bool ifindex_has(__u64 net, __u32 ifindex, __u32 addr)
{
	__u64 dev = dev_by_index(net, ifindex);

	return dev && dev_has(dev, addr);
}

/* dev_addr() of another device. */
static __always_inline __u32 addr_of_ifindex(__u64 net, __u32 ifindex, __u32 towards)
{
	__u64 dev = dev_by_index(net, ifindex);

	return dev ? dev_addr(dev, towards) : 0;
}

/* What was asked last of a device's addresses, and is good for an epoch. */
struct addr_asked {
	__u32 ifindex, addr;
	__u32 epoch;
	__u32 answer;
};

struct addrs_asked {
	struct addr_asked of, has;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct addrs_asked);
} addrs_asked SEC(".maps");

static __always_inline bool addr_was_asked(
	const struct addr_asked *a, __u32 ifindex, __u32 addr, __u32 epoch)
{
	return a->ifindex == ifindex && a->addr == addr && a->epoch == epoch;
}

/* addr_of_ifindex(), once in an epoch. */
static __always_inline __u32 addr_lately(hook_ctx *ctx, __u32 ifindex, __u32 towards)
{
	__u32 zero = 0, epoch = (__u32)(bpf_ktime_get_coarse_ns() / WEIR_EPOCH_NS);
	struct addrs_asked *a = bpf_map_lookup_elem(&addrs_asked, &zero);

	if (!a)
		return 0;
	if (!addr_was_asked(&a->of, ifindex, towards, epoch)) {
		a->of.answer = addr_of_ifindex((__u64)(long)net_of(ctx), ifindex, towards);
		a->of.ifindex = ifindex;
		a->of.addr = towards;
		a->of.epoch = epoch;
	}
	return a->of.answer;
}

/* ifindex_has(), likewise. */
static __always_inline bool has_lately(hook_ctx *ctx, __u32 ifindex, __u32 addr)
{
	__u32 zero = 0, epoch = (__u32)(bpf_ktime_get_coarse_ns() / WEIR_EPOCH_NS);
	struct addrs_asked *a = bpf_map_lookup_elem(&addrs_asked, &zero);

	if (!a)
		return false;
	if (!addr_was_asked(&a->has, ifindex, addr, epoch)) {
		a->has.answer = ifindex_has((__u64)(long)net_of(ctx), ifindex, addr);
		a->has.ifindex = ifindex;
		a->has.addr = addr;
		a->has.epoch = epoch;
	}
	return a->has.answer;
}

#endif
