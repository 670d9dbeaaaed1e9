/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The road of a forwarded packet, stage after stage. Nothing is written before every question is
 * answered, so what goes to the kernel goes whole.
 */
#ifndef WEIR_BPF_FORWARD_H
#define WEIR_BPF_FORWARD_H

#include "checksum.h"
#include "route.h"

/* A stage's answer: go on, or the verdict it made. */
struct step {
	bool done;
	struct verdict v;
};

#define GO_ON	 ((struct step){.done = false})
#define LEAVE(x) ((struct step){.done = true, .v = (x)})

static __always_inline struct step step_xdp(struct pkt *p, struct headers *h)
{
	const volatile struct weir_conf *c = &conf;
	struct ethhdr *eth = h->eth;
	__u16 proto;

	if (unlikely((void *)(eth + 1) > h->end))
		return LEAVE(weir_drop(p, xdp, PKT_TOO_SMALL));
	proto = *(__be16 *)((void *)eth + 2 * ETH_ALEN); /* in one load: the struct is packed */
	if (unlikely(proto != bpf_htons(ETH_P_IP))) {
		if (proto == bpf_htons(ETH_P_ARP))
			return LEAVE(weir_pass(p, xdp, ARP));
		if (proto == bpf_htons(ETH_P_IPV6))
			return LEAVE(weir_pass(p, xdp, IPV6));
		if (proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD))
			return LEAVE(weir_pass(p, xdp, VLAN));
		return LEAVE(weir_pass(p, xdp, UNHANDLED_PROTO));
	}
	if (unlikely(*(__u32 *)eth->h_dest != *(const volatile __u32 *)c->mac ||
		     *(__u16 *)(eth->h_dest + 4) != *(const volatile __u16 *)(c->mac + 4))) {
		if (eth->h_dest[0] & 1)
			return LEAVE(weir_pass(p, xdp, L2_MULTICAST));
		return LEAVE(weir_pass(p, xdp, OTHERHOST));
	}
	stage_done(p, WEIR_FAST_xdp);
	return GO_ON;
}

/* RFC 1812 section 5.2.2 and the martians of 5.3.7, in the order of the kernel's ip_rcv_core(). */
static __always_inline struct step step_ip_rcv(struct pkt *p, struct headers *h)
{
	struct iphdr *ip = (void *)(h->eth + 1);
	__u32 src, dst, len;

	h->ip = ip;
	if (unlikely((void *)(ip + 1) > h->end)) {
		if (p->len >= sizeof(*h->eth) + sizeof(*ip))
			return LEAVE(weir_punt(p, ip_rcv, HEADER_APART));
		return LEAVE(weir_drop(p, ip_rcv, IP_INHDR));
	}
	if (unlikely(*(__u8 *)ip != 0x45)) {
		if (ip->version != 4 || ip->ihl < 5)
			return LEAVE(weir_drop(p, ip_rcv, IP_INHDR));
		return LEAVE(weir_punt(p, ip_rcv, IP_OPTIONS));
	}
	if (unlikely(!ip_csum_ok(ip)))
		return LEAVE(weir_drop(p, ip_rcv, IP_CSUM));
	len = bpf_ntohs(ip->tot_len);
	if (unlikely(len < sizeof(*ip)))
		return LEAVE(weir_drop(p, ip_rcv, IP_INHDR));
	if (unlikely(p->len < sizeof(*h->eth) + len))
		return LEAVE(weir_drop(p, ip_rcv, PKT_TOO_SMALL));
	src = bpf_ntohl(ip->saddr);
	dst = bpf_ntohl(ip->daddr);
	if (unlikely(dst >> 28 >= 0xe)) {
		if (dst >> 28 == 0xe)
			return LEAVE(weir_pass(p, ip_rcv, IP_MULTICAST));
		if (dst == 0xffffffff)
			return LEAVE(weir_pass(p, ip_rcv, IP_BROADCAST));
	}
	if (unlikely(src >> 28 == 0xe || src == 0xffffffff || src >> 24 == 0))
		return LEAVE(weir_drop(p, ip_rcv, IP_INVALID_SOURCE));
	if (unlikely(src >> 24 == 127 || dst >> 24 == 127))
		return LEAVE(weir_pass(p, ip_rcv, IP_LOCALNET));
	stage_done(p, WEIR_FAST_ip_rcv);
	return GO_ON;
}

/* The room for the filter and DNAT. */
static __always_inline struct step step_nf_prerouting(struct pkt *p, struct headers *h)
{
	stage_done(p, WEIR_FAST_nf_prerouting);
	return GO_ON;
}

static __always_inline struct step step_route_in(struct pkt *p, struct headers *h, long found)
{
	/* 0.0.0.0/8 matches a default route, yet ip_route_input_slow() never asks one for it. */
	if (unlikely(!(h->ip->daddr & bpf_htonl(0xff000000))))
		return LEAVE(weir_pass(p, route_in, NOT_FORWARDED));
	switch (found) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH:
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		break;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
		return LEAVE(weir_drop(p, route_in, BLACKHOLE));
	case BPF_FIB_LKUP_RET_UNREACHABLE:
		return LEAVE(weir_punt(p, route_in, UNREACHABLE));
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return LEAVE(weir_punt(p, route_in, PROHIBIT));
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		return LEAVE(weir_pass(p, route_in, NOT_FORWARDED));
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return LEAVE(weir_pass(p, route_in, FWD_DISABLED));
	case BPF_FIB_LKUP_RET_UNSUPP_LWT:
		return LEAVE(weir_punt(p, route_in, LWTUNNEL));
	case WEIR_FIB_SOURCE:
		return LEAVE(weir_pass(p, route_in, SOURCE_CHECK));
	default:
		return LEAVE(weir_punt(p, route_in, FIB_ERROR));
	}
	stage_done(p, WEIR_FAST_route_in);
	return GO_ON;
}

static __always_inline struct step step_ip_forward(
	struct pkt *p, struct headers *h, const struct weir_route *r, long found)
{
	if (unlikely(h->ip->ttl <= 1))
		return LEAVE(weir_punt(p, ip_forward, IP_TTL));
	if (unlikely(found == BPF_FIB_LKUP_RET_FRAG_NEEDED ||
		     (found == BPF_FIB_LKUP_RET_SUCCESS && bpf_ntohs(h->ip->tot_len) > r->mtu))) {
		if (h->ip->frag_off & bpf_htons(IP_DF))
			return LEAVE(weir_punt(p, ip_forward, PKT_TOO_BIG));
		return LEAVE(weir_punt(p, ip_forward, IP_FRAGMENT));
	}
	stage_done(p, WEIR_FAST_ip_forward);
	return GO_ON;
}

/* The room for the filter of what is forwarded. */
static __always_inline struct step step_nf_forward(struct pkt *p, struct headers *h)
{
	stage_done(p, WEIR_FAST_nf_forward);
	return GO_ON;
}

/* The room for SNAT. */
static __always_inline struct step step_nf_postrouting(struct pkt *p, struct headers *h)
{
	stage_done(p, WEIR_FAST_nf_postrouting);
	return GO_ON;
}

/* @asked: the FIB was asked just now, which is when the next hop's time is looked at too. */
static __always_inline struct step step_neigh(
	struct pkt *p, const struct weir_route *r, long found, bool asked)
{
	if (unlikely(found == BPF_FIB_LKUP_RET_NO_NEIGH))
		return LEAVE(weir_pass(p, neigh, NEIGH_UNRESOLVED));
	if (unlikely(asked && neigh_wants_kernel(p->row, r->oif, r->nexthop)))
		return LEAVE(weir_pass(p, neigh, NEIGH_CONFIRM));
	stage_done(p, WEIR_FAST_neigh);
	return GO_ON;
}

/* By 16-bit words: struct ethhdr is packed, which would make it twelve bytes one by one. */
static __always_inline void write_macs(struct ethhdr *eth, const struct weir_route *r)
{
	__u16 *to = (__u16 *)eth;

	to[0] = r->macs[0];
	to[1] = r->macs[1];
	to[2] = r->macs[2];
	to[3] = r->macs[3];
	to[4] = r->macs[4];
	to[5] = r->macs[5];
}

static __always_inline bool may_redirect(__u32 oif)
{
	long r = dev_generic ? bpf_redirect_map(&tx_ports_generic, oif, 0)
			     : bpf_redirect_map(&tx_ports, oif, 0);

	return r == WEIR_REDIRECTED;
}

static __always_inline struct verdict step_xmit(
	struct pkt *p, struct headers *h, const struct weir_route *r)
{
	enum csum_state csum = CSUM_WHOLE;
	__u16 *check = NULL;

	if (unlikely(!may_redirect(r->oif)))
		return weir_punt(p, xmit, EGRESS_NOT_ATTACHED);
	/* Generic XDP works on an skb, which still knows what is open: the kernel completes it. */
	if (dev_virtual && !dev_generic &&
	    likely(!(h->ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))))
		csum = csum_look(p, h->ip, h->end, &check);
	if (unlikely(csum != CSUM_WHOLE) &&
	    (csum == CSUM_HOPELESS ||
		    !csum_complete(p, h->ip, sizeof(*h->eth) + sizeof(*h->ip), check)))
		return weir_punt(p, xmit, CSUM_UNKNOWN);
	ip_ttl_decrement(h->ip);
	write_macs(h->eth, r);
	return weir_redirect(p);
}

#define TAKE(answer)                                                                                 \
	do {                                                                                       \
		struct step s_ = answer;                                                           \
		if (s_.done)                                                                       \
			return s_.v;                                                               \
	} while (0)

static __always_inline struct verdict forward(struct pkt *p)
{
	long found = BPF_FIB_LKUP_RET_SUCCESS;
	struct headers h = {
		.eth = (void *)(long)p->ctx->data,
		.end = (void *)(long)p->ctx->data_end,
	};
	struct weir_route *r;
	struct route_key key;
	bool asked;

	TAKE(step_xdp(p, &h));
	TAKE(step_ip_rcv(p, &h));
	TAKE(step_nf_prerouting(p, &h));
	epoch_follow(p);
	key = route_key(p, &h);
	asked = unlikely(!route_find(p, h.ip, &key, &r));
	if (asked) {
		if (!r) {
			r = &p->cur->uncached;
			p->row->route_full++;
		}
		found = route_ask(p, &h, &key, r);
	}
	TAKE(step_route_in(p, &h, found));
	TAKE(step_ip_forward(p, &h, r, found));
	TAKE(step_nf_forward(p, &h));
	TAKE(step_nf_postrouting(p, &h));
	TAKE(step_neigh(p, r, found, asked));
	return step_xmit(p, &h, r);
}

#endif
