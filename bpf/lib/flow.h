/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flows: what was decided, kept.
 *
 * bpf_fib_lookup() alone costs two thirds of a bare forward. What was decided about a flow is kept
 * in a table that belongs to this CPU alone, so nothing is ever torn or locked, for as long as the
 * world stands still (world.h) and its next hop is confirmed every other epoch by any flow's
 * question. An entry in use is never thrown out: where all slots of a key are taken, all is asked
 * for each packet, which costs what it costs without a table, instead of two flows throwing each
 * other out.
 */
#ifndef WEIR_BPF_FLOW_H
#define WEIR_BPF_FLOW_H

#include "link.h"
#include "session.h"
#include "world.h"

#define IP_DF	    0x4000
#define IP_MF	    0x2000
#define IP_OFFSET   0x1fff
#define TOS_ROUTING 0xfc /* the rest is ECN, which no route depends on */

/* Those whose ports, or SPI, the kernel's flow dissector hands to rules and multipath hashing. */
static __always_inline bool has_ports(__u8 proto)
{
	return likely(proto == IPPROTO_UDP || proto == IPPROTO_TCP) || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_ESP || proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

/*
 * Source and destination port in one word, 0 where there are none: a later fragment has none, first
 * fragments are hashed without them too, and what a packet's padding holds is no port.
 */
static __always_inline __u32 flow_ports(const struct headers *h)
{
	const struct iphdr *ip = h->ip;
	const __u32 *l4 = (const __u32 *)(ip + 1);

	if (likely(has_ports(ip->protocol) && !(ip->frag_off & bpf_htons(IP_MF | IP_OFFSET)) &&
		    bpf_ntohs(ip->tot_len) >= sizeof(*ip) + 4 && (void *)(l4 + 1) <= h->end))
		return *l4;
	return 0;
}

/* A fragment of what has no ports is no packet of a known session's flow: whether others of its
 * packet are the kernel's is asked for each (fragment.h). */
static __always_inline __u32 fragment_port(const struct iphdr *ip)
{
	return self.track && !has_ports(ip->protocol) &&
	       ip->frag_off & bpf_htons(IP_MF | IP_OFFSET);
}

/* What an answer depends on, besides the addresses and the device. */
struct flow_key {
	__u32 ports;
	__u16 proto_tos;
};

static __always_inline struct flow_key flow_key(const struct pkt *p, const struct headers *h)
{
	if (likely(!p->cur->narrow && !self.filter && !self.track))
		return (struct flow_key){.proto_tos = (__u16)((h->ip->tos & TOS_ROUTING) << 8)};
	return (struct flow_key){
		.ports = flow_ports(h) ?: fragment_port(h->ip),
		.proto_tos = (__u16)(h->ip->protocol | (h->ip->tos & TOS_ROUTING) << 8),
	};
}

static __always_inline bool epoch_live(__u32 then, __u32 now)
{
	return now - then < 2;
}

static __always_inline struct weir_hop *hop_at(__u32 cpu, __u32 i)
{
	i += cpu * (self.hops_mask + 1);
	return bpf_map_lookup_elem(&hops, &i);
}

/* Those whose first four bytes are ports. */
static __always_inline bool proto_has_ports(__u8 proto)
{
	return proto == IPPROTO_UDP || proto == IPPROTO_TCP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

/* Whether a flow's packets look so, and become that. */
static __always_inline bool flow_has(
	const struct weir_flow *f, __u32 saddr, __u32 daddr, __u32 pair)
{
	return f->saddr == saddr && f->daddr == daddr &&
	       (f->ports == pair || !proto_has_ports((__u8)f->proto_tos));
}

static __always_inline bool flow_makes(
	const struct weir_flow *f, __u32 saddr, __u32 daddr, __u32 pair)
{
	return !f->xsaddr || (f->xsaddr == saddr && f->xdaddr == daddr && f->xports == pair);
}

/* Whether the session is still the one whose packets are the flow's. */
static __always_inline bool flow_is_of(const struct weir_flow *f, const struct weir_session *s)
{
	if (*(volatile const __u32 *)&s->life != WEIR_LIFE_LIVE || s->proto != (__u8)f->proto_tos)
		return false;
	if (f->session & WEIR_FLOW_BACK)
		return flow_has(f, s->xdaddr, s->xsaddr, s->xdport | (__u32)s->xsport << 16) &&
		       flow_makes(f, s->daddr, s->saddr, s->dport | (__u32)s->sport << 16);
	return flow_has(f, s->saddr, s->daddr, s->sport | (__u32)s->dport << 16) &&
	       flow_makes(f, s->xsaddr, s->xdaddr, s->xsport | (__u32)s->xdport << 16);
}

/*
 * The flow's session is told of its packets, so that a packet touches one cache line, and sessions
 * are looked at every other epoch. 0 where it has ended: what ends sessions otherwise than by time
 * moves ctl.generation, or the kernel's count.
 */
__checked_once int flow_settle(struct weir_flow *f, __u32 epoch)
{
	struct weir_session *s;
	__u32 packets;

	if (!f)
		return 0;
	s = session_at(f->session & WEIR_REF_RECORD);
	packets = f->packets;
	f->packets = 0;
	if (!s || !flow_is_of(f, s))
		return 0;
	if (packets)
		session_count(s, f->session & WEIR_FLOW_BACK, epoch, packets, f->bytes);
	f->bytes = 0;
	return 1;
}

/* Another flow may have asked for the same next hop lately: that is as good as asking. */
static __always_inline bool flow_renew(const struct pkt *p, struct weir_flow *f)
{
	struct weir_hop *hop = hop_at(p->cpu, f->hop);
	__u32 epoch = p->cur->epoch;

	if (!hop || (__u16)hop->serial != f->hop_serial || !epoch_live(hop->epoch, epoch) ||
		epoch - f->asked >= WEIR_FLOW_EPOCHS)
		return false;
	if (self.track && f->session & WEIR_FLOW_SESSION && !flow_settle(f, epoch))
		return false;
	f->epoch = hop->epoch;
	return true;
}

static __always_inline bool flow_used(const struct pkt *p, const struct weir_flow *f)
{
	return f->world == p->cur->world && epoch_live(f->epoch, p->cur->epoch);
}

static __always_inline bool flow_holds(
	const struct pkt *p, const struct iphdr *ip, const struct flow_key *k, struct weir_flow *f)
{
	if (f->saddr != ip->saddr || f->daddr != ip->daddr || f->ports != k->ports ||
		f->iif != p->iif || f->proto_tos != k->proto_tos || f->world != p->cur->world)
		return false;
	return likely(epoch_live(f->epoch, p->cur->epoch)) || flow_renew(p, f);
}

static __always_inline struct weir_flow *flow_at(__u32 i)
{
	return bpf_map_lookup_elem(&flows, &i);
}

/*
 * The entry that holds what was decided about this packet's flow, and true; or the one to fill,
 * NULL where there is no room, and false. A key has WEIR_FLOW_WAYS slots, side by side.
 */
static __always_inline bool flow_find(const struct pkt *p, const struct iphdr *ip,
	const struct flow_key *k, struct weir_flow **flow)
{
	/* A factor for each field, since a product's bits follow lower bits alone: hosts of a
	 * subnet differ in the highest. Folded, for those that differ in steps. */
	__u64 x = ip->saddr * 0x9e3779b97f4a7c15ULL + ip->daddr * 0xd6e8feb86659fd93ULL +
		  k->ports * 0xc2b2ae3d27d4eb4fULL;
	__u32 i = (__u32)(x >> 48 ^ x >> 29) & self.flows_mask;
	struct weir_flow *f, *room = NULL;
	__u32 way;

	i += p->cpu * (self.flows_mask + 1);
#pragma unroll
	for (way = 0; way < WEIR_FLOW_WAYS; way++) {
		f = flow_at(i ^ way);
		if (unlikely(!f))
			break;
		if (likely(flow_holds(p, ip, k, f))) {
			*flow = f;
			return true;
		}
		if (!room && !flow_used(p, f))
			room = f;
	}
	*flow = room;
	return false;
}

/*
 * The entry of a next hop, or one that no flow uses, for it; NULL where there is none. *@i is
 * where, in this CPU's share. The folded product is of a 64-bit word, so its highest bits follow
 * all of it.
 */
static __always_inline struct weir_hop *hop_find(
	__u32 cpu, __u32 epoch, __u32 oif, __u32 nexthop, __u32 *i)
{
	__u64 x = ((__u64)oif << 32 | nexthop) * 0x9e3779b97f4a7c15ULL;
	struct weir_hop *a, *b;

	*i = (__u32)(x >> 48 ^ x >> 29) & self.hops_mask;
	a = hop_at(cpu, *i);
	if (!a || (a->oif == oif && a->nexthop == nexthop))
		return a;
	*i ^= 1;
	b = hop_at(cpu, *i);
	if (!b || (b->oif == oif && b->nexthop == nexthop))
		return b;
	if (!epoch_live(b->epoch, epoch))
		return b;
	*i ^= 1;
	return epoch_live(a->epoch, epoch) ? NULL : a;
}

#endif
