/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What `weir trace` reads of an skb, wherever it meets one: where it is, its first bytes, and what
 * of them tells one packet from another. All reads are bpf_probe_read_kernel's, since pointers here
 * may be of what is being freed: they give 0 then.
 */
#ifndef WEIR_BPF_TRACE_SKB_H
#define WEIR_BPF_TRACE_SKB_H

#include "kernel_structs.h"

#include "expr_run.h"

#define NO_HEADER      0xffff /* of mac_header: not set */
#define ARPHRD_ETHER   1
#define ARPHRD_LOOPBCK 772

/* The first bytes of a packet, and what they say. */
struct look {
	struct expr_run run; /* its bytes: from the link header, or the network's */
	__u32 l3;	     /* of the network header, in bytes */
	__u64 ends;
	__u32 mark;
	__u16 len, dport;
	bool raw;
};

static __always_inline __u64 head_of(struct sk_buff *skb)
{
	return (__u64)BPF_CORE_READ(skb, head);
}

static __always_inline __u64 dev_netns(const struct net_device *dev)
{
	return dev ? BPF_CORE_READ(dev, nd_net.net, net_cookie) : 0;
}

static __always_inline __u32 dev_ifindex(const struct net_device *dev)
{
	return dev ? (__u32)BPF_CORE_READ(dev, ifindex) : 0;
}

static __always_inline void dev_name(char name[16], const struct net_device *dev)
{
	bpf_probe_read_kernel(name, 16, &dev->name);
}

static __always_inline __u64 sock_netns(const struct sock *sk)
{
	return sk ? BPF_CORE_READ(sk, __sk_common.skc_net.net, net_cookie) : 0;
}

static __always_inline __u64 sock_cgroup(const struct sock *sk)
{
	return sk ? BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id) : 0;
}

/* Others hold the same data: a clone, or what TCP keeps to send it again. */
static __always_inline bool is_shared(struct sk_buff *skb)
{
	struct skb_shared_info *shared =
		(void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));

	return (BPF_CORE_READ(shared, dataref.counter) & 0xffff) > 1;
}

static __always_inline __u32 tag_of(struct sk_buff *skb)
{
	__u16 proto = BPF_CORE_READ(skb, vlan_proto);

	if (bpf_core_field_exists(skb->vlan_present) &&
		!BPF_CORE_READ_BITFIELD_PROBED(skb, vlan_present))
		return 0;
	return proto ? proto | (__u32)bpf_htons(BPF_CORE_READ(skb, vlan_tci)) << 16 : 0;
}

static __always_inline __u32 look_byte(const struct look *l, __u32 at)
{
	return l->run.bytes[(l->l3 + at) & (WEIR_EXPR_BYTES - 1)];
}

static __always_inline __u32 look16(const struct look *l, __u32 at)
{
	return look_byte(l, at) << 8 | look_byte(l, at + 1);
}

static __always_inline __u64 look32(const struct look *l, __u32 at)
{
	return look16(l, at) << 16 | look16(l, at + 2);
}

/* What no router changes, and what NAT does. */
static __always_inline void look_ip(struct look *l)
{
	__u32 version = look_byte(l, 0) >> 4, proto, l4;
	__u64 ends;

	l->ends = l->mark = l->len = l->dport = 0;
	if (l->run.caplen < l->l3 + 20)
		return;
	if (version == 4) {
		proto = look_byte(l, 9);
		l->mark = look16(l, 4) << 16 | proto << 8 | version;
		l->len = (__u16)look16(l, 2);
		ends = look32(l, 12) * 0x9e3779b97f4a7c15ull ^
		       look32(l, 16) * 0xc2b2ae3d27d4eb4full;
		l4 = (look_byte(l, 0) & 15) * 4;
		if (look16(l, 6) & 0x1fff)
			l4 = 0; /* a later fragment has no ports */
	} else if (version == 6 && l->run.caplen >= l->l3 + 40) {
		proto = look_byte(l, 6);
		l->mark = (__u32)look32(l, 0) << 8 ^ proto << 8 ^ version;
		l->len = (__u16)look16(l, 4);
		ends = look32(l, 8) ^ look32(l, 12) * 3 ^ look32(l, 16) * 5 ^ look32(l, 20) * 7;
		ends ^= (look32(l, 24) ^ look32(l, 28) * 3 ^ look32(l, 32) * 5 ^
				look32(l, 36) * 7) *
			0x9e3779b97f4a7c15ull;
		l4 = 40;
	} else {
		return;
	}
	if (l4 && (proto == IPPROTO_UDP || proto == IPPROTO_TCP) &&
		l->run.caplen >= l->l3 + l4 + 4) {
		ends ^= look32(l, l4) * 0x165667b19e3779f9ull;
		l->dport = (__u16)look16(l, l4 + 2);
	}
	l->ends = ends;
}

/*
 * Copies the first bytes: from the Ethernet header if there is one, else from the network header.
 * Where packets come in (@receiving) data is the network header, which is not noted down yet. A tag
 * that is kept beside the frame is put into it, as it will be on the wire.
 */
__checked_once int look_at(__u64 at_skb, struct look *l, int receiving)
{
	struct sk_buff *skb = (void *)at_skb;
	unsigned char *head = BPF_CORE_READ(skb, head), *data = BPF_CORE_READ(skb, data);
	__u32 mac = BPF_CORE_READ(skb, mac_header), net = BPF_CORE_READ(skb, network_header);
	__u32 tail = BPF_CORE_READ(skb, tail), start, n, at = (__u32)(data - head), macs = 12, tag;
	struct expr_run *run;

	if (!head || !l)
		return 0;
	run = &l->run;
	if (receiving || !net)
		net = at;
	if (!receiving && !BPF_CORE_READ(skb, network_header) && mac != NO_HEADER)
		net = mac + ETH_HLEN;
	l->raw = mac == NO_HEADER || mac + ETH_HLEN > net || net > mac + ETH_HLEN + 8;
	start = l->raw ? net : mac;
	n = tail > start ? tail - start : 0;
	if (n > WEIR_EXPR_BYTES)
		n = WEIR_EXPR_BYTES;
	tag = l->raw ? 0 : tag_of(skb);
	l->l3 = net - start;
	l->run.wirelen = BPF_CORE_READ(skb, len) + at - start;
	if (tag && n > macs + 4 && n <= WEIR_EXPR_BYTES - 4) {
		if (bpf_probe_read_kernel(run->bytes, macs, head + start))
			return 0;
		__builtin_memcpy(run->bytes + 12, &tag, 4);
		n -= macs;
		if (bpf_probe_read_kernel(
			    run->bytes + 16, one_to(128, n > 128 ? 128 : n), head + start + macs))
			return 0;
		l->run.caplen = n > 128 ? 144 : n + 16;
		l->l3 += 4;
		l->run.wirelen += 4;
	} else {
		if (!n ||
			bpf_probe_read_kernel(run->bytes, one_to(WEIR_EXPR_BYTES, n), head + start))
			return 0;
		l->run.caplen = n;
	}
	look_ip(l);
	return 1;
}

#endif
