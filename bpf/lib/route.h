/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Routes: the kernel's own FIB, asked as the kernel would ask it. */
#ifndef WEIR_BPF_ROUTE_H
#define WEIR_BPF_ROUTE_H

#include "flow.h"
#include "neigh.h"

/* One word that names the next hop: an IPv4 address, or an IPv6 one folded (RFC 5549 routes). */
static __always_inline __u32 nexthop_word(const struct bpf_fib_lookup *fib)
{
	if (likely(fib->family == AF_INET))
		return fib->ipv4_dst;
	return fib->ipv6_dst[0] ^ fib->ipv6_dst[1] ^ fib->ipv6_dst[2] ^ fib->ipv6_dst[3];
}

/* As the kernel has it. (Volatile: the context must not be read through an address in it.) */
static __always_inline __u32 iif_of(const struct pkt *p)
{
	__u32 iif = *(volatile __u32 *)&p->ctx->ingress_ifindex;

	return p->vlan ? p->iif : iif;
}

/* Beside bpf_fib_lookup's answers: the kernel must judge the source; IPsec governs the packet. */
enum { WEIR_FIB_SOURCE = 1000, WEIR_FIB_XFRM };

/* What the FIB is asked, and answers: for each CPU, since the stack is too small for it. */
struct asking {
	struct bpf_fib_lookup there, back;
	__u32 found; /* dry: the device that it named; 0: none */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct asking);
} asking SEC(".maps");

/*
 * What fib_validate_source() asks. A packet from one of our own addresses is the kernel's to judge;
 * with rp_filter there must be a way back to the source, as if from where it goes out, strictly by
 * the device it came in by.
 */
static __always_inline bool source_is_plain(
	struct pkt *p, const struct iphdr *ip, __u32 oif, struct bpf_fib_lookup *back)
{
	__u8 filter = p->vlan ? p->vlan->rp_filter : *(volatile __u8 *)&conf.rp_filter;
	__u32 saddr = ip->saddr;
	long found;

	if (bpf_map_lookup_elem(&local, &saddr))
		return false;
	if (!filter)
		return true;
	*back = (struct bpf_fib_lookup){
		.family = AF_INET,
		.tos = ip->tos,
		.ipv4_src = p->daddr,
		.ipv4_dst = ip->saddr,
		.ifindex = oif,
	};
	found = bpf_fib_lookup(p->ctx, back, sizeof(*back), 0);
	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH)
		return false;
	return filter != 1 || back->ifindex == iif_of(p);
}

/* Whether IPsec has a say in a packet that would go out by @oif. */
static __always_inline bool is_governed(const struct pkt *p, const struct headers *h, __u32 oif)
{
	const struct iphdr *ip = h->ip;
	__u32 has = p->cur->xfrm;

	return has & XFRM_DENIES ||
	       (has >= XFRM_POLICY &&
		       xfrm_governs((__u64)(long)net_of(p->ctx), ip->saddr, p->daddr,
			       flow_ports(h), (__u64)ip->protocol << 32 | oif));
}

/* The walk through the policies is not done again for each packet. */
static __always_inline void flow_govern(
	const struct pkt *p, const struct iphdr *ip, const struct flow_key *k, struct weir_flow *f)
{
	*f = (struct weir_flow){
		.saddr = ip->saddr,
		.daddr = ip->daddr,
		.ports = k->ports,
		.iif = p->iif,
		.proto_tos = k->proto_tos,
		.world = p->cur->world,
		.epoch = p->cur->epoch,
		.asked = p->cur->epoch,
		.hop = WEIR_HOP_XFRM,
		.slot = WEIR_FLOW_NEW,
		.session = WEIR_FLOW_UNTRACKED,
	};
}

/* How packets reach the wire from the device that the FIB named. */
static __always_inline void hop_leave(struct weir_hop *hop)
{
	struct weir_port *port = bpf_map_lookup_elem(&ports, &hop->oif);

	if (!port) { /* not attached: dev 0 takes no frames */
		hop->dev = hop->reachable_ms = 0;
		return;
	}
	hop->dev = port->dev;
	hop->tags[0] = port->tags[0];
	hop->tags[1] = port->tags[1];
	hop->reachable_ms = port->reachable_ms;
}

/* What the FIB said of a next hop, in @hop, which held another one, or an older answer. */
static __always_inline void hop_fill(
	const struct pkt *p, const struct bpf_fib_lookup *fib, __u32 nexthop, struct weir_hop *hop)
{
	bool same = hop->oif == fib->ifindex && hop->nexthop == nexthop && hop->serial;

	/* one by one: a struct would be made on the stack first, which is too small */
	if (!same)
		hop->serial = ++p->cur->hop_serial;
	hop->oif = fib->ifindex;
	hop->nexthop = nexthop;
	hop->epoch = p->cur->epoch;
	__builtin_memcpy(&hop->macs[0], fib->dmac, ETH_ALEN);
	__builtin_memcpy(&hop->macs[3], fib->smac, ETH_ALEN);
	hop_leave(hop);
}

/* What a packet's way out is: an entry of the tables, or this CPU's own where they had no room. */
struct way {
	struct weir_flow *flow;
	struct weir_hop *hop;
};

/*
 * Asks the kernel's FIB as the kernel would, and where the answer is a next hop fills @way in. The
 * flow's entry is not used before its world is this one's.
 */
static __always_inline long route_ask(
	struct pkt *p, const struct headers *h, const struct flow_key *k, struct way *way)
{
	const struct iphdr *ip = h->ip;
	__u32 nexthop, hop = 0, zero = 0;
	struct asking *a = bpf_map_lookup_elem(&asking, &zero);
	struct bpf_fib_lookup *fib;
	struct weir_hop *room;
	long found;

	if (!a)
		return WEIR_FIB_SOURCE; /* never */
	fib = &a->there;
	*fib = (struct bpf_fib_lookup){
		.family = AF_INET,
		.tos = ip->tos,
		.l4_protocol = ip->protocol,
		/* not 0, for then the answer's MTU would be the device's */
		.tot_len = h->wire_len ? (__u16)h->wire_len : sizeof(*ip),
		.ipv4_src = ip->saddr,
		.ipv4_dst = p->daddr,
		.ifindex = iif_of(p),
	};
	*(__u32 *)&fib->sport = flow_ports(h);
	found = bpf_fib_lookup(p->ctx, fib, sizeof(*fib), 0);
	/* with FRAG_NEEDED it names the device that it was asked about: leave() asks again */
	if (found == BPF_FIB_LKUP_RET_NO_NEIGH || found == BPF_FIB_LKUP_RET_SUCCESS) {
		p->oif_way = fib->ifindex;
		p->nexthop = nexthop_word(fib);
		if (self.dry)
			a->found = p->oif_way;
	}
	if (found != BPF_FIB_LKUP_RET_SUCCESS)
		return found;
	if (!source_is_plain(p, ip, fib->ifindex, &a->back))
		return WEIR_FIB_SOURCE;
	if (unlikely(xfrm_decrypted(p)))
		return WEIR_FIB_XFRM;
	if (unlikely(is_governed(p, h, fib->ifindex))) {
		flow_govern(p, ip, k, way->flow);
		return WEIR_FIB_XFRM;
	}
	nexthop = p->nexthop;
	room = hop_find(p, fib->ifindex, nexthop, &hop);
	if (room)
		way->hop = room;
	else
		way->flow = &p->cur->uncached;
	if (way->flow == &p->cur->uncached)
		p->row->flow_full++;
	hop_fill(p, fib, nexthop, way->hop);
	*way->flow = (struct weir_flow){
		.saddr = ip->saddr,
		.daddr = ip->daddr,
		.ports = k->ports,
		.iif = p->iif,
		.proto_tos = k->proto_tos,
		.mtu = fib->mtu_result,
		.world = p->cur->world,
		.epoch = p->cur->epoch,
		.asked = p->cur->epoch,
		.hop = (__u16)hop,
		.hop_serial = (__u16)way->hop->serial,
		.slot = WEIR_FLOW_NEW,
		.session = WEIR_FLOW_UNTRACKED,
	};
	return found;
}

#endif
