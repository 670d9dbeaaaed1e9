/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long a packet is: in hand, and on the wire. They differ for TC's superframes, which stand for
 * many segments (GSO); an MTU is asked of the longest of these, as skb_gso_network_seglen() has it.
 */
#ifndef WEIR_BPF_LENGTH_H
#define WEIR_BPF_LENGTH_H

#include <bpf/bpf_core_read.h>

#include "link.h"

#if HOOK_TC

#define HEADERS_MAX (ETH_HLEN + 20 + 20) /* what is looked at: up to a TCP header */

/* The skb's first buffer may hold less than the headers. */
__checked_once int skb_pull(struct __sk_buff *skb)
{
	return (int)bpf_skb_pull_data(skb, skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX);
}

static __always_inline void headers_pull(struct pkt *p, struct headers *h)
{
	skb_pull(p->ctx);
	h->eth = (void *)(long)p->ctx->data;
	h->end = (void *)(long)p->ctx->data_end;
}

/* A superframe over 64 kB has no total length (BIG TCP): it is all there is. */
static __always_inline __u32 total_len(const struct pkt *p, const struct iphdr *ip)
{
	if (unlikely(!ip->tot_len && p->ctx->gso_size))
		return p->len - p->l3_off;
	return bpf_ntohs(ip->tot_len);
}

/* What a tunnel carries is cut by headers of its own. The context of TC is the skb itself. */
static __always_inline bool is_tunnelled(struct __sk_buff *skb)
{
	struct sk_buff *s = (void *)skb;

	return BPF_CORE_READ_BITFIELD_PROBED(s, encapsulation);
}

/* 0 where it cannot be told. */
__checked_once __u32 segment_len(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	__u8 *l4 = (void *)(ip + 1);

	if ((void *)(ip + 1) > end)
		return 0;
	if (ip->protocol == IPPROTO_TCP && (void *)(l4 + 20) <= end)
		return sizeof(*ip) + (l4[12] >> 4) * 4 + skb->gso_size;
	if (ip->protocol == IPPROTO_UDP && !is_tunnelled(skb))
		return sizeof(*ip) + sizeof(struct udphdr) + skb->gso_size;
	return 0;
}

static __always_inline __u32 wire_len(struct pkt *p, struct headers *h, __u32 len)
{
	return likely(!p->ctx->gso_size) ? len : segment_len(p->ctx);
}

#else

static __always_inline __u32 total_len(const struct pkt *p, const struct iphdr *ip)
{
	return bpf_ntohs(ip->tot_len);
}

static __always_inline __u32 wire_len(struct pkt *p, struct headers *h, __u32 len)
{
	return len;
}

#endif

#endif
