/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Routes: the kernel's own FIB, asked as the kernel would ask it. */
#ifndef WEIR_BPF_ROUTE_H
#define WEIR_BPF_ROUTE_H

#include "filter_maps.h"
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
static __always_inline void packet_from(struct pkt *p)
{
	__u32 iif = *(volatile __u32 *)&p->ctx->ingress_ifindex;

	p->from = p->vlan ? p->iif : iif;
	p->rp_filter = p->vlan ? p->vlan->rp_filter : *(volatile __u8 *)&conf.rp_filter;
	/* whether there is a tag is one way for the verifier to go on from here, not three */
	p->vlan = NULL;
	p->l3_off = unknown((__u32)p->l3_off) & 31;
	p->from = unknown(p->from);
	p->rp_filter = unknown(p->rp_filter);
}

/* Beside bpf_fib_lookup's answers: the kernel must judge the source; IPsec governs the packet. */
enum { WEIR_FIB_SOURCE = 1000, WEIR_FIB_XFRM };

/* What the FIB is asked of the packet in hand, and answers: for each CPU, since the stack is too
 * small for it. */
struct asking {
	struct bpf_fib_lookup there, back;
	/* the packet, as it came in: what its flow is known by */
	__u32 saddr, daddr;
	struct flow_key key;
	__u32 iif;
	/* and as it goes on */
	__u32 to;    /* DNAT done */
	__u32 ports; /* 0: it has none */
	__u32 from;  /* the device, as the kernel has it */
	__u32 cpu;
	__u16 len;
	__u8 proto, tos;
	__u8 rp_filter;
	__u8 kept; /* there is an entry for its flow */
	/* the answer */
	__u32 oif, nexthop;
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
static __always_inline bool source_is_plain(hook_ctx *ctx, struct asking *a)
{
	struct bpf_fib_lookup *back = &a->back;
	__u32 saddr = a->saddr;
	long found;

	if (local_of(saddr))
		return false;
	if (!a->rp_filter)
		return true;
	*back = (struct bpf_fib_lookup){
		.family = AF_INET,
		.tos = a->tos,
		.ipv4_src = a->to,
		.ipv4_dst = saddr,
		.ifindex = a->oif,
	};
	found = bpf_fib_lookup(ctx, back, sizeof(*back), 0);
	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH)
		return false;
	return a->rp_filter != 1 || back->ifindex == a->from;
}

/* Whether IPsec has a say in a packet that would go out by a->oif. */
static __always_inline bool is_governed(hook_ctx *ctx, const struct asking *a, __u32 has)
{
	return has & XFRM_DENIES ||
	       (has >= XFRM_POLICY && xfrm_governs((__u64)(long)net_of(ctx), a->saddr, a->to,
					      a->ports, (__u64)a->proto << 32 | a->oif));
}

/* A flow's entry is the packet's from now on. Whose it was before is told what it has not told yet.
 */
static __always_inline void flow_begin(
	const struct asking *a, const struct weir_cursor *cur, struct weir_flow *f)
{
	if (self.track && f->session & WEIR_FLOW_SESSION && f->packets)
		flow_settle(f, cur->epoch);
	*f = (struct weir_flow){
		.saddr = a->saddr,
		.daddr = a->daddr,
		.ports = a->key.ports,
		.iif = a->iif,
		.proto_tos = a->key.proto_tos,
		.world = cur->world,
		.epoch = cur->epoch,
		.asked = cur->epoch,
		.hop = WEIR_HOP_XFRM,
		.slot = WEIR_FLOW_NEW,
		.session = WEIR_FLOW_UNTRACKED,
	};
}

/* How packets reach the wire from the device that the FIB named. */
static __always_inline void hop_leave(struct weir_hop *hop)
{
	__u32 oif = hop->oif;
	struct weir_port *port = bpf_map_lookup_elem(&ports, &oif);

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
static __always_inline void hop_fill(struct weir_cursor *cur, const struct bpf_fib_lookup *fib,
	__u32 nexthop, struct weir_hop *hop)
{
	bool same = hop->oif == fib->ifindex && hop->nexthop == nexthop && hop->serial;

	/* one by one: a struct would be made on the stack first, which is too small */
	if (!same)
		hop->serial = ++cur->hop_serial;
	hop->oif = fib->ifindex;
	hop->nexthop = nexthop;
	hop->epoch = cur->epoch;
	__builtin_memcpy(&hop->macs[0], fib->dmac, ETH_ALEN);
	__builtin_memcpy(&hop->macs[3], fib->smac, ETH_ALEN);
	hop_leave(hop);
}

/* What a packet's way out is: an entry of the tables, or this CPU's own where they had no room. */
struct way {
	struct weir_flow *flow;
	struct weir_hop *hop;
};

/* The FIB's question, of what stands in @a. */
static __always_inline long fib_ask(hook_ctx *ctx, struct asking *a)
{
	struct bpf_fib_lookup *fib = &a->there;
	long found;

	*fib = (struct bpf_fib_lookup){
		.family = AF_INET,
		.tos = a->tos,
		.l4_protocol = a->proto,
		.tot_len = a->len,
		.ipv4_src = a->saddr,
		.ipv4_dst = a->to,
		.ifindex = a->from,
	};
	*(__u32 *)&fib->sport = a->ports;
	found = bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
	/* with FRAG_NEEDED it names the device that it was asked about: leave() asks again */
	if (found == BPF_FIB_LKUP_RET_NO_NEIGH || found == BPF_FIB_LKUP_RET_SUCCESS) {
		a->oif = fib->ifindex;
		a->nexthop = nexthop_word(fib);
	}
	return found;
}

/*
 * Asks the kernel's FIB as the kernel would. Where the answer is a next hop, that and @flow are
 * filled; the flow's entry is not used before its world is this one's. @decrypted: what carried the
 * packet was IPsec.
 */
__checked_once long route_find(hook_ctx *ctx, struct weir_cursor *cur, struct weir_flow *flow,
	struct weir_row *row, __u32 decrypted)
{
	__u32 zero = 0, hop = 0;
	struct asking *a = bpf_map_lookup_elem(&asking, &zero);
	struct weir_hop *room;
	bool kept;
	long found;

	if (!a || !cur || !flow || !row)
		return WEIR_FIB_SOURCE; /* never */
	found = fib_ask(ctx, a);
	if (found != BPF_FIB_LKUP_RET_SUCCESS)
		return found;
	if (!source_is_plain(ctx, a))
		return WEIR_FIB_SOURCE;
	if (unlikely(decrypted))
		return WEIR_FIB_XFRM;
	flow_begin(a, cur, flow);
	if (unlikely(is_governed(ctx, a, cur->xfrm)))
		return WEIR_FIB_XFRM;
	room = hop_find(a->cpu, cur->epoch, a->oif, a->nexthop, &hop);
	kept = room;
	if (!kept)
		room = &cur->uncached_hop;
	hop_fill(cur, &a->there, a->nexthop, room);
	cur->uncached_hop = *room; /* where the caller looks */
	if (!kept)
		flow->world--; /* nothing is kept without a next hop */
	if (!kept || !a->kept)
		row->flow_full++;
	flow->mtu = a->there.mtu_result;
	flow->hop = (__u16)hop;
	flow->hop_serial = (__u16)room->serial;
	return found;
}

static __always_inline long route_ask(
	struct pkt *p, const struct headers *h, const struct flow_key *k, struct way *way)
{
	const struct iphdr *ip = h->ip;
	__u32 zero = 0;
	struct asking *a = bpf_map_lookup_elem(&asking, &zero);
	long found;

	if (!a)
		return WEIR_FIB_SOURCE; /* never */
	a->saddr = ip->saddr;
	a->daddr = ip->daddr;
	a->key = *k;
	a->iif = p->iif;
	a->to = p->daddr;
	a->ports = flow_ports(h);
	a->from = p->from;
	a->cpu = p->cpu;
	/* not 0, for then the answer's MTU would be the device's */
	a->len = h->wire_len ? (__u16)h->wire_len : sizeof(*ip);
	a->proto = ip->protocol;
	a->tos = ip->tos;
	a->rp_filter = (__u8)p->rp_filter;
	a->oif = a->nexthop = 0;
	a->kept = way->flow != &p->cur->uncached;
	found = route_find(p->ctx, p->cur, way->flow, p->row, xfrm_decrypted(p));
	p->oif_way = a->oif;
	p->nexthop = a->nexthop;
	return found;
}

#endif
