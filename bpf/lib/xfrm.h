/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What IPsec governs is the kernel's: packets that a policy speaks of, and those that were
 * decrypted.
 *
 * Once a tick it is looked whether the namespace has policies for what is forwarded, or passes
 * nothing without one; who has none pays no more than that. With some, each question to the FIB
 * walks the kernel's list of policies (net->xfrm.policy_all, by probe reads) and compares their
 * selectors as xfrm_selector_match() does. The answer is kept with the flow, either way. Where less
 * is known here than the kernel knows (marks, ports of fragments, ICMP types), or the list changes
 * meanwhile, or is too long, the packet is the kernel's.
 *
 * Insertion moves the kernel's count of changes of routes, and how many there are is part of what
 * is looked at: no answer outlives a policy's coming or going by more than a tick.
 */
#ifndef WEIR_BPF_XFRM_H
#define WEIR_BPF_XFRM_H

#include "packet.h"

#define XFRM_DIR_MASK 7 /* of a policy's index: xfrm_policy_id2dir() */

/* Of a namespace, in weir_cursor.xfrm. */
enum {
	XFRM_DENIES = 1, /* what no policy speaks of does not pass */
	XFRM_STATES = 2, /* packets may come that were encrypted */
	XFRM_POLICY = 4, /* one policy for what is forwarded, or for what leaves; and so on */
};

static __always_inline __u32 xfrm_of(struct net *net)
{
	__u32 has;

	if (!bpf_core_field_exists(net->xfrm))
		return 0;
	has = XFRM_POLICY * (BPF_CORE_READ(net, xfrm.policy_count[XFRM_POLICY_FWD]) +
				    BPF_CORE_READ(net, xfrm.policy_count[XFRM_POLICY_OUT]));
	if (bpf_core_field_exists(net->xfrm.policy_default) &&
		(BPF_CORE_READ(net, xfrm.policy_default[XFRM_POLICY_FWD]) ==
				XFRM_USERPOLICY_BLOCK ||
			BPF_CORE_READ(net, xfrm.policy_default[XFRM_POLICY_OUT]) ==
				XFRM_USERPOLICY_BLOCK))
		has |= XFRM_DENIES;
	if (BPF_CORE_READ(net, xfrm.state_num))
		has |= XFRM_STATES;
	return has;
}

/*
 * Whether the kernel has decrypted the packet, which TC meets once more then: it checks that a
 * policy allowed it. Native XDP is before that; generic XDP is not, and cannot tell: there a policy
 * must.
 */
static __always_inline bool xfrm_decrypted(const struct pkt *p)
{
	return HOOK_TC && unlikely(p->cur->xfrm & XFRM_STATES) && hook_decrypted(p->ctx);
}

/* A walk through the policies; addresses and ports in network order. */
struct xfrm_walk {
	__u64 at, head;
	__u32 saddr, daddr, ports, oif;
	__u8 proto;
	bool governs;
};

static __always_inline bool prefix_has(__u32 prefix, __u8 len, __u32 addr)
{
	return !len || !((prefix ^ addr) & bpf_htonl(0xffffffff << ((32 - len) & 31)));
}

/* Ports of 0 were not seen; ICMP's types and codes, which may stand in their place, never are. */
static __always_inline bool ports_match(const struct xfrm_walk *w, const struct xfrm_selector *s)
{
	__be16 sport = (__be16)w->ports, dport = (__be16)(w->ports >> 16);

	return !w->ports ||
	       (!((sport ^ s->sport) & s->sport_mask) && !((dport ^ s->dport) & s->dport_mask));
}

/* Dead: one on its way out, or a place in the list that somebody reads who was interrupted. Those
 * with an if_id are for what goes by an xfrm interface, which is never attached. */
static __always_inline bool policy_governs(const struct xfrm_walk *w, struct xfrm_policy *pol)
{
	struct xfrm_selector s;
	__u32 index, dir;

	if (bpf_core_read(&s, sizeof(s), &pol->selector))
		return true;
	if (!prefix_has(s.daddr.a4, s.prefixlen_d, w->daddr) ||
		!prefix_has(s.saddr.a4, s.prefixlen_s, w->saddr) ||
		(s.proto && s.proto != w->proto) || (s.ifindex && (__u32)s.ifindex != w->oif) ||
		!ports_match(w, &s))
		return false;
	if (BPF_CORE_READ(pol, walk.dead))
		return false;
	index = BPF_CORE_READ(pol, index);
	dir = index & XFRM_DIR_MASK;
	/* one that is being inserted has no index yet, and is counted already */
	return (!index || dir == XFRM_POLICY_FWD || dir == XFRM_POLICY_OUT) &&
	       BPF_CORE_READ(pol, family) == AF_INET && !BPF_CORE_READ(pol, if_id);
}

/* The list ends where it began. Dead: policies on their way out, and places of those who dump it.
 */
static long xfrm_step(__u32 i, struct xfrm_walk *w)
{
	struct xfrm_policy_walk_entry *e = (void *)w->at;

	if (w->at == w->head) {
		w->governs = false;
		return 1;
	}
	if (!e)
		return 1;
	w->at = (__u64)(long)BPF_CORE_READ(e, all.next);
	return policy_governs(w, (void *)e - bpf_core_field_offset(struct xfrm_policy, walk));
}

/* Whether a policy speaks of what goes from and to these, by @oif, or might. */
__checked_once int xfrm_governs(
	__u64 net, __u32 saddr, __u32 daddr, __u32 both_ports, __u64 proto_oif)
{
	struct net *n = (void *)net;
	struct xfrm_walk w = {
		.saddr = saddr,
		.daddr = daddr,
		.ports = both_ports,
		.oif = (__u32)proto_oif,
		.proto = (__u8)(proto_oif >> 32),
		.governs = true,
	};

	if (!bpf_core_field_exists(n->xfrm))
		return 0;
	w.head = net + bpf_core_field_offset(struct net, xfrm.policy_all);
	w.at = (__u64)(long)BPF_CORE_READ(n, xfrm.policy_all.next);
	bpf_loop(WEIR_XFRM_MAX + 1, xfrm_step, &w, 0);
	return w.governs;
}

#endif
