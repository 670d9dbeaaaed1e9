/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What decisions rest on, watched by one number for each CPU: it moves when routes, rules,
 * addresses or devices change, and then nothing that was decided before is used again.
 *
 * The kernel counts changes of its routing itself (net->ipv4.rt_genid: routes, rules, next hops,
 * addresses, MTUs, forwarding, rp_filter), and user space counts its own in ctl.generation. The
 * latter is looked at for each packet, the former once a tick.
 */
#ifndef WEIR_BPF_WORLD_H
#define WEIR_BPF_WORLD_H

#include "xfrm.h"

static __always_inline struct net *net_of(hook_ctx *ctx)
{
	return BPF_CORE_READ(hook_dev(ctx), nd_net.net);
}

/* Whether the FIB may answer two packets from and to the same addresses differently. Without rules
 * and with multipath hashing over addresses (policy 0, the default) it cannot. */
static __always_inline bool routes_narrow(struct net *net)
{
	struct netns_ipv4 *ipv4 = &net->ipv4;

	if (!bpf_core_field_exists(ipv4->fib_has_custom_rules) ||
		!bpf_core_field_exists(ipv4->sysctl_fib_multipath_hash_policy))
		return true;
	return BPF_CORE_READ(net, ipv4.fib_has_custom_rules) ||
	       BPF_CORE_READ(net, ipv4.sysctl_fib_multipath_hash_policy);
}

/* Once a tick. Where the kernel does not let us see its count, each epoch is a world of its own. */
__checked_once int world_follow(hook_ctx *ctx, struct weir_cursor *cur)
{
	__u32 epoch = (__u32)(bpf_ktime_get_coarse_ns() / WEIR_EPOCH_NS), genid = epoch, xfrm;
	struct net *net = net_of(ctx);

	if (!cur)
		return 0;
	cur->epoch = epoch;
	if (bpf_core_field_exists(net->ipv4.rt_genid))
		genid = (__u32)BPF_CORE_READ(net, ipv4.rt_genid.counter);
	/* after the count: what is counted as a change is there already */
	xfrm = xfrm_of(net);
	if (genid != cur->genid || xfrm != cur->xfrm)
		cur->world++;
	cur->genid = genid;
	cur->xfrm = xfrm;
	cur->narrow = xfrm >= XFRM_POLICY || routes_narrow(net);
	return 0;
}

/* Between ticks a load of jiffies is enough. */
static __always_inline void world_look(const struct pkt *p)
{
	__u32 tick = (__u32)bpf_jiffies64(), generation = *(volatile __u32 *)&ctl.generation;
	struct weir_cursor *cur = p->cur;

	if (unlikely(generation != cur->generation)) {
		cur->generation = generation;
		cur->world++;
	}
	if (likely(tick == cur->tick))
		return;
	cur->tick = tick;
	world_follow(p->ctx, cur);
}

#endif
