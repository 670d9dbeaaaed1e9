/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Routes: the kernel's own FIB, and what it said lately.
 *
 * bpf_fib_lookup() costs two thirds of a bare forward. Its answer is kept for at most two epochs
 * (100 ms) in a table that belongs to this CPU alone, so nothing is ever torn or locked. A live
 * entry is never thrown out: where both slots of a key are taken, the FIB is asked for each packet,
 * which costs what it costs without a table, instead of two flows throwing each other out.
 */
#ifndef WEIR_BPF_ROUTE_H
#define WEIR_BPF_ROUTE_H

#include <bpf/bpf_core_read.h>

#include "link.h"
#include "neigh.h"

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

/* Whether the FIB may answer two packets from and to the same addresses differently. Without rules
 * and with multipath hashing over addresses (policy 0, the default) it cannot. */
__checked_once int routes_narrow(hook_ctx *ctx)
{
	struct net *net;

	if (!bpf_ksym_exists(bpf_cast_to_kern_ctx) ||
		!bpf_core_field_exists(((struct netns_ipv4 *)0)->fib_has_custom_rules) ||
		!bpf_core_field_exists(((struct netns_ipv4 *)0)->sysctl_fib_multipath_hash_policy))
		return true;
	net = hook_net(ctx);
	return net->ipv4.fib_has_custom_rules || net->ipv4.sysctl_fib_multipath_hash_policy;
}

/* Clock and rules are looked at once a tick; between ticks a load of jiffies is enough. */
static __always_inline void epoch_follow(const struct pkt *p)
{
	__u32 tick = (__u32)bpf_jiffies64();
	struct weir_cursor *cur = p->cur;

	if (likely(tick == cur->tick))
		return;
	cur->tick = tick;
	cur->epoch = (__u32)(bpf_ktime_get_coarse_ns() / WEIR_EPOCH_NS);
	cur->narrow = (__u32)routes_narrow(p->ctx);
}

/* What the FIB's answer depends on, besides the addresses and the device. */
struct route_key {
	__u32 ports;
	__u16 proto_tos;
};

static __always_inline struct route_key route_key(const struct pkt *p, const struct headers *h)
{
	if (likely(!p->cur->narrow))
		return (struct route_key){.proto_tos = (__u16)((h->ip->tos & TOS_ROUTING) << 8)};
	return (struct route_key){
		.ports = flow_ports(h),
		.proto_tos = (__u16)(h->ip->protocol | (h->ip->tos & TOS_ROUTING) << 8),
	};
}

static __always_inline bool route_live(const struct weir_route *r, __u32 epoch)
{
	return epoch - r->epoch < 2;
}

static __always_inline bool route_holds(const struct weir_route *r, const struct pkt *p,
	const struct iphdr *ip, const struct route_key *k)
{
	return r->saddr == ip->saddr && r->daddr == ip->daddr && r->ports == k->ports &&
	       r->iif == p->iif && r->proto_tos == k->proto_tos && route_live(r, p->cur->epoch);
}

/*
 * The entry that holds this packet's route, and true; or the one to fill, and false. A key has two
 * slots, side by side.
 */
static __always_inline bool route_find(const struct pkt *p, const struct iphdr *ip,
	const struct route_key *k, struct weir_route **route)
{
	/* A factor for each field, since a product's bits follow lower bits alone: hosts of a
	 * subnet differ in the highest. Folded, for those that differ in steps. */
	__u64 x = ip->saddr * 0x9e3779b97f4a7c15ULL + ip->daddr * 0xd6e8feb86659fd93ULL +
		  k->ports * 0xc2b2ae3d27d4eb4fULL;
	__u32 i = (__u32)(x >> 48 ^ x >> 29) & self.routes_mask;
	__u32 epoch = p->cur->epoch;
	struct weir_route *r, *s;

	i += p->cpu * (self.routes_mask + 1);
	r = bpf_map_lookup_elem(&routes, &i);
	*route = r;
	if (unlikely(!r))
		return false;
	if (likely(route_holds(r, p, ip, k)))
		return true;
	i ^= 1;
	s = bpf_map_lookup_elem(&routes, &i);
	if (!s)
		return false;
	if (route_holds(s, p, ip, k)) {
		*route = s;
		return true;
	}
	if (route_live(r, epoch))
		*route = route_live(s, epoch) ? NULL : s;
	return false;
}

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

/* Beside bpf_fib_lookup's own answers: the source must be judged by the kernel. */
enum { WEIR_FIB_SOURCE = 1000 };

/*
 * What fib_validate_source() asks. A packet from one of our own addresses is the kernel's to judge;
 * with rp_filter there must be a way back to the source, as if from where it goes out, strictly by
 * the device it came in by.
 */
static __always_inline bool source_is_plain(struct pkt *p, const struct iphdr *ip, __u32 oif)
{
	struct bpf_fib_lookup back = {
		.family = AF_INET,
		.tos = ip->tos,
		.ipv4_src = ip->daddr,
		.ipv4_dst = ip->saddr,
		.ifindex = oif,
	};
	__u8 filter = p->vlan ? p->vlan->rp_filter : *(volatile __u8 *)&conf.rp_filter;
	__u32 saddr = ip->saddr;
	long found;

	if (bpf_map_lookup_elem(&local, &saddr))
		return false;
	if (!filter)
		return true;
	found = bpf_fib_lookup(p->ctx, &back, sizeof(back), 0);
	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH)
		return false;
	return filter != 1 || back.ifindex == iif_of(p);
}

/* How the packet reaches the wire from the device that the FIB named. */
static __always_inline void route_leave(struct weir_route *r)
{
	struct weir_port *port = bpf_map_lookup_elem(&ports, &r->oif);

	if (!port)
		return; /* not attached: dev 0 takes no frames */
	r->dev = port->dev;
	r->tags[0] = port->tags[0];
	r->tags[1] = port->tags[1];
	r->reachable_ms = port->reachable_ms;
}

/* Asks the kernel's FIB as the kernel would, and fills @r where the answer is a next hop. */
static __always_inline long route_ask(
	struct pkt *p, const struct headers *h, const struct route_key *k, struct weir_route *r)
{
	const struct iphdr *ip = h->ip;
	struct bpf_fib_lookup fib = {
		.family = AF_INET,
		.tos = ip->tos,
		.l4_protocol = ip->protocol,
		/* not 0, for then the answer's MTU would be the device's */
		.tot_len = h->wire_len ? (__u16)h->wire_len : sizeof(*ip),
		.ipv4_src = ip->saddr,
		.ipv4_dst = ip->daddr,
		.ifindex = iif_of(p),
	};
	long found;

	*(__u32 *)&fib.sport = flow_ports(h);
	found = bpf_fib_lookup(p->ctx, &fib, sizeof(fib), 0);
	if (found != BPF_FIB_LKUP_RET_SUCCESS)
		return found;
	if (!source_is_plain(p, ip, fib.ifindex))
		return WEIR_FIB_SOURCE;
	*r = (struct weir_route){
		.saddr = ip->saddr,
		.daddr = ip->daddr,
		.ports = k->ports,
		.iif = p->iif,
		.proto_tos = k->proto_tos,
		.mtu = fib.mtu_result,
		.oif = fib.ifindex,
		.nexthop = nexthop_word(&fib),
		.epoch = p->cur->epoch,
	};
	__builtin_memcpy(&r->macs[0], fib.dmac, ETH_ALEN);
	__builtin_memcpy(&r->macs[3], fib.smac, ETH_ALEN);
	route_leave(r);
	return found;
}

#endif
