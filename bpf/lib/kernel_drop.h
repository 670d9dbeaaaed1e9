/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a drop is told of by, beside its reason and location: user space makes a cause of it. The
 * skb and the socket are tracepoint arguments, so that their members are read directly.
 */
#ifndef WEIR_BPF_KERNEL_DROP_H
#define WEIR_BPF_KERNEL_DROP_H

#include "kernel_structs.h"

#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <weir/kernel.h>

#define FRAMES	 8
#define RTCF_BROADCAST 0x10000000 /* of rtable.rt_flags */
#define SOCK_RAW       3
/* enum netdev_state_t: a bit's number */
#define LINK_STATE_START     0
#define LINK_STATE_NOCARRIER 2

/* Of the running kernel, its value as CO-RE finds it. */
enum skb_drop_reason {
	SKB_DROP_REASON_NOT_SPECIFIED = 2,
	SKB_DROP_REASON_NETFILTER_DROP = 7,
	SKB_DROP_REASON_OTHERHOST = 8,
	SKB_DROP_REASON_QDISC_DROP = 38,
	SKB_DROP_REASON_QUEUE_PURGE = 60,
	SKB_DROP_REASON_TCP_OLD_SEQUENCE = 61,
};

/* User space looks them up before this is loaded. */
const volatile struct weir_kplaces kplaces SEC(".rodata.kplaces");

__checked_once int is_servant(__u64 ip)
{
	bool is = false;

	for (int i = 0; i < WEIR_KSERVANTS; i++)
		is |= ip >= kplaces.servants[i].from && ip < kplaces.servants[i].to;
	return is;
}

/* A packet's route, where it has one. */
struct way {
	__u64 dev, input, cookie;
	__u32 ifindex;
	__s32 error;
};

static __always_inline void way_of(const struct sk_buff *skb, struct way *way)
{
	const struct dst_entry *dst = (const void *)(skb->_skb_refdst & ~1UL);
	const struct net_device *dev;

	*way = (struct way){};
	if (!dst)
		return;
	dev = BPF_CORE_READ(dst, dev);
	way->dev = (__u64)dev;
	way->input = (__u64)BPF_CORE_READ(dst, input);
	way->error = BPF_CORE_READ(dst, error);
	way->ifindex = (__u32)BPF_CORE_READ(dev, ifindex);
	way->cookie = BPF_CORE_READ(dev, nd_net.net, net_cookie);
}

/* The first function behind servants, from the inside out: 1.5 us. */
static __always_inline __u64 caller_of(void *ctx)
{
	__u64 ip[FRAMES] = {};
	bool inside = false;

	if (bpf_get_stack(ctx, ip, sizeof(ip), 0) < 0)
		return 0;
	for (int i = 0; i < FRAMES; i++) {
		bool servant = is_servant(ip[i]);

		if (inside && !servant)
			return ip[i];
		inside = servant;
	}
	return 0;
}

/* Whether what is freed is a part of a packet, a fragment that was joined, which is told of by
 * itself. */
static __always_inline bool is_part(void *ctx, __u64 location)
{
	const volatile struct weir_krange *in = &kplaces.skb_release_data;
	__u64 at = is_servant(location) ? caller_of(ctx) : location;

	return at >= in->from && at < in->to;
}

/* Whether a device has chains of its own. */
static __always_inline bool has_ingress(const struct net_device *dev)
{
	return bpf_core_field_exists(dev->nf_hooks_ingress) && dev->nf_hooks_ingress;
}

static __always_inline bool has_egress(const struct net_device *dev)
{
	return bpf_core_field_exists(dev->nf_hooks_egress) && dev->nf_hooks_egress;
}

/*
 * Netfilter's hook, by what a packet is given on its way: its route behind prerouting, its outgoing
 * device behind forward. A packet of the loopback device keeps the route that it was sent by, one
 * that leaves where it came in has one device for both, and a device's own chains see it as the
 * hooks next to them do: these are not told.
 */
static __always_inline enum weir_khook_at hook_of(
	const struct sk_buff *skb, const struct way *way, bool local)
{
	const struct net_device *dev = skb->dev;

	if (!is_ip(skb))
		return WEIR_KHOOK_AT_unknown;
	if (local && way->dev && (__u64)dev != way->dev)
		return WEIR_KHOOK_AT_local_out;
	if (!dev || (dev->ifindex == LOOPBACK && !local))
		return WEIR_KHOOK_AT_unknown;
	if (local || dev->ifindex != skb->skb_iif)
		return (__u64)dev == way->dev && !has_egress(dev) ? WEIR_KHOOK_AT_postrouting
								  : WEIR_KHOOK_AT_unknown;
	if (!way->dev)
		return has_ingress(dev) ? WEIR_KHOOK_AT_unknown : WEIR_KHOOK_AT_prerouting;
	if (way->input == kplaces.ip_local_deliver)
		return WEIR_KHOOK_AT_local_in;
	if (way->input == kplaces.ip_forward && way->dev != (__u64)dev)
		return WEIR_KHOOK_AT_forward;
	return WEIR_KHOOK_AT_unknown;
}

/* Packets of the network have a device, or a socket of one of its families. */
static __always_inline bool is_of_network(const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6 || family == AF_PACKET;
}

/*
 * Whether this host is sending it: then `dev` may be other data until it has a device. It has one
 * with its link header, where a queueing discipline or a driver is given it without its route.
 */
static __always_inline bool is_local(const struct sk_buff *skb, const struct way *way)
{
	const struct sock *sk = skb->sk;
	__u64 cookie = way->cookie;

	if (!sk || skb->skb_iif || !is_of_network(sk))
		return false;
	if (!way->dev && !skb->dev)
		return true;
	if (!way->dev && skb->mac_header != (__u16)~0U && skb->dev)
		cookie = cookie_of_dev(skb->dev);
	return cookie_of_sock(sk) == cookie;
}

static __always_inline bool is_purge(__u32 reason)
{
	return bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_QUEUE_PURGE) &&
	       reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_QUEUE_PURGE);
}

/* As its route says: one from another network came to this host's MAC address alone. */
static __always_inline bool is_broadcast(const struct sk_buff *skb)
{
	const struct rtable *rt = (const void *)(skb->_skb_refdst & ~1UL);

	return rt && BPF_CORE_READ(rt, rt_flags) & RTCF_BROADCAST;
}

static __always_inline enum weir_kdrop_to to_whom(const struct sk_buff *skb)
{
	__u8 type = BPF_CORE_READ_BITFIELD(skb, pkt_type);
	__be32 daddr = 0;

	if (!has_ip_header(skb))
		return WEIR_KDROP_TO_unknown;
	bpf_probe_read_kernel(&daddr, sizeof(daddr),
		skb->head + skb->network_header + offsetof(struct iphdr, daddr));
	if ((daddr & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000))
		return WEIR_KDROP_TO_group;
	if (type == PACKET_BROADCAST || type == PACKET_MULTICAST || type == PACKET_LOOPBACK ||
		is_broadcast(skb))
		return WEIR_KDROP_TO_all;
	return WEIR_KDROP_TO_host;
}

/* A TCP segment without data, and no SYN, IPv4. */
static __always_inline bool is_bare(const struct sk_buff *skb)
{
	const unsigned char *at = skb->head + skb->network_header;
	struct iphdr ip;
	struct tcphdr tcp;
	__u32 ihl;

	if (!has_ip_header(skb) ||
		bpf_probe_read_kernel(&ip, sizeof(ip), at) || ip.protocol != IPPROTO_TCP)
		return false;
	ihl = ip.ihl * 4u;
	if (bpf_probe_read_kernel(&tcp, sizeof(tcp), at + ihl))
		return false;
	return !tcp.syn && bpf_ntohs(ip.tot_len) == ihl + tcp.doff * 4u;
}

/* A keep-alive, or a probe of a closed window: answered, and of no other use. */
static __always_inline bool is_probe(__u32 reason, const struct sk_buff *skb)
{
	return bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_TCP_OLD_SEQUENCE) &&
	       reason == bpf_core_enum_value(
				 enum skb_drop_reason, SKB_DROP_REASON_TCP_OLD_SEQUENCE) &&
	       is_bare(skb);
}

/* A fragment that finds no room. */
static __always_inline bool is_beyond_room(const struct sk_buff *skb)
{
	const struct fqdir *frags;
	__be16 frag = 0;

	if (!skb->dev || !has_ip_header(skb))
		return false;
	bpf_probe_read_kernel(&frag, sizeof(frag),
		skb->head + skb->network_header + offsetof(struct iphdr, frag_off));
	if (!(frag & bpf_htons(0x3fff)))
		return false;
	frags = BPF_CORE_READ(skb, dev, nd_net.net, ipv4.fqdir);
	return BPF_CORE_READ(frags, mem.counter) > BPF_CORE_READ(frags, high_thresh);
}

/* Ours by its MAC address; where it was taken for another host's it has a VLAN tag, as it came. */
static __always_inline bool is_ours(const struct sk_buff *skb)
{
	__u64 to = 0, own = 0;

	if (!skb->dev || skb->mac_header == (__u16)~0U)
		return false;
	bpf_probe_read_kernel(&to, ETH_ALEN, skb->head + skb->mac_header);
	bpf_probe_read_kernel(&own, ETH_ALEN, BPF_CORE_READ(skb, dev, dev_addr));
	return *(__u8 *)&to & 1 || to == own;
}

/* TCP's own, sent as datagrams are: by a socket for all connections, or with another's lent. */
static __always_inline bool is_reply(const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	if (kplaces.sock_edemux && (__u64)skb->destructor == kplaces.sock_edemux)
		return true;
	return sk && sk->sk_type == SOCK_RAW && sk->sk_protocol == IPPROTO_TCP;
}

static __always_inline bool is_udp(const struct sk_buff *skb)
{
	bool v6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	__u8 l4 = 0;

	if ((!v6 && !is_ip(skb)) || skb->network_header == (__u16)~0U)
		return false;
	bpf_probe_read_kernel(&l4, sizeof(l4),
		skb->head + skb->network_header +
			(v6 ? offsetof(struct ipv6hdr, nexthdr)
			    : offsetof(struct iphdr, protocol)));
	return l4 == IPPROTO_UDP;
}

/* Where UDP drops it, headers before its own are off. */
static __always_inline enum weir_kdrop_detail left_of_udp(__u32 len)
{
	if (len < sizeof(struct udphdr))
		return WEIR_KDROP_DETAIL_none;
	return len == sizeof(struct udphdr) + 1 ? WEIR_KDROP_DETAIL_udp_byte
						: WEIR_KDROP_DETAIL_udp_header;
}

/* What is told of the packet itself where the reason says too little. */
static __always_inline void describe(struct weir_kdrop_key *key, const struct sk_buff *skb,
	const struct sock *rx_sk, bool tells_socket)
{
	const struct net_device *dev = skb->dev;

	if (key->reason <= SKB_DROP_REASON_NOT_SPECIFIED) {
		key->to = (__u8)to_whom(skb);
		key->bare = is_bare(skb);
		if (is_beyond_room(skb))
			key->detail = WEIR_KDROP_DETAIL_frags_full;
		else if (is_udp(skb))
			key->detail = (__u8)left_of_udp(skb->len);
		if (!tells_socket)
			key->sock_state = WEIR_KSOCK_UNTOLD;
		else if (rx_sk)
			key->sock_state = rx_sk->__sk_common.skc_state;
	} else if (key->reason ==
			   bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_QDISC_DROP) &&
		   dev) {
		key->stopped = !(dev->state & 1UL << LINK_STATE_START) ||
			       dev->state & 1UL << LINK_STATE_NOCARRIER;
	} else if (key->reason ==
		   bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_OTHERHOST)) {
		if (is_ours(skb))
			key->detail = WEIR_KDROP_DETAIL_vlan;
	} else {
		key->bare = is_probe(key->reason, skb);
	}
	if (key->sending && is_reply(skb))
		key->detail = WEIR_KDROP_DETAIL_reply;
	key->outgoing = BPF_CORE_READ_BITFIELD(skb, pkt_type) == PACKET_OUTGOING;
}

/* Where, as closely as it can be told without much ado. */
static __always_inline void place_drop(
	void *ctx, struct weir_kdrop_key *key, const struct sk_buff *skb, const struct way *way)
{
	if (key->reason ==
		bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NETFILTER_DROP)) {
		key->hook = (__u8)hook_of(skb, way, key->sending);
		if (!key->hook)
			key->caller = caller_of(ctx);
	} else if ((key->reason <= SKB_DROP_REASON_NOT_SPECIFIED || is_purge(key->reason)) &&
		   is_servant(key->location)) {
		key->caller = caller_of(ctx);
	}
}

/*
 * All of it, for a drop whose reason, location and direction @key has. @tells_socket: the kernel
 * names the socket that refuses the packet, @rx_sk (Linux 6.11).
 */
static __always_inline void drop_site(void *ctx, struct weir_kdrop_key *key,
	const struct sk_buff *skb, const struct sock *rx_sk, const struct way *way,
	bool tells_socket)
{
	key->error = way->error;
	key->protocol = bpf_ntohs(skb->protocol);
	place_drop(ctx, key, skb, way);
	describe(key, skb, rx_sk, tells_socket);
}

#endif
