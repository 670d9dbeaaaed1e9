/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The road of a forwarded packet, stage after stage. Nothing is written before every question is
 * answered, so what goes to the kernel goes whole.
 */
#ifndef WEIR_BPF_FORWARD_H
#define WEIR_BPF_FORWARD_H

#include "known.h"
#include "xmit.h"

/* A stage's answer: go on, or the verdict it made. */
struct step {
	bool done;
	struct verdict v;
};

#define GO_ON	 ((struct step){.done = false})
#define LEAVE(x) ((struct step){.done = true, .v = (x)})

static __always_inline struct step step_link(struct pkt *p, struct headers *h)
{
	const volatile __u8 *mac = conf.mac;
	struct ethhdr *eth = h->eth;
	__u16 proto;

	if (unlikely((void *)(eth + 1) > h->end))
		return LEAVE(link_drop(p, PKT_TOO_SMALL));
	proto = *(__be16 *)((void *)eth + 2 * ETH_ALEN); /* in one load: the struct is packed */
#if HOOK_TC
	if (unlikely(hook_tag(p->ctx)))
		return LEAVE(link_pass(p, VLAN));
#else
	if (unlikely(is_tag(proto))) {
		struct tagged t = tags_read(p, eth, h->end);

		if (!t.len || !p->iif)
			return LEAVE(weir_pass(p, xdp, VLAN));
		proto = t.proto;
		p->l3_off = ETH_HLEN + t.len;
		if (p->vlan)
			mac = p->vlan->mac;
	}
	if (unlikely(!p->vlan && *(volatile __u8 *)&conf.vlans_only)) {
		p->iif = 0; /* not judged: TC may be there for these */
		return LEAVE(weir_pass(p, xdp, UNTAGGED));
	}
#endif
	if (unlikely(proto != bpf_htons(ETH_P_IP))) {
		if (proto == bpf_htons(ETH_P_ARP))
			return LEAVE(link_pass(p, ARP));
		if (proto == bpf_htons(ETH_P_IPV6))
			return LEAVE(link_pass(p, IPV6));
		if (is_tag(proto))
			return LEAVE(link_pass(p, VLAN));
		return LEAVE(link_pass(p, UNHANDLED_PROTO));
	}
	if (unlikely(*(__u32 *)eth->h_dest != *(const volatile __u32 *)mac ||
		     *(__u16 *)(eth->h_dest + 4) != *(const volatile __u16 *)(mac + 4))) {
		if (eth->h_dest[0] & 1)
			return LEAVE(link_pass(p, L2_MULTICAST));
		return LEAVE(link_pass(p, OTHERHOST));
	}
	link_left(p);
	return GO_ON;
}

/* RFC 1812 section 5.2.2 and the martians of 5.3.7, in the order of the kernel's ip_rcv_core(). */
static __always_inline struct step step_ip_rcv(struct pkt *p, struct headers *h)
{
	struct iphdr *ip = (void *)h->eth + p->l3_off;
	__u32 src, dst, len;

	h->ip = ip;
	if (unlikely((void *)(ip + 1) > h->end)) {
		if (p->len >= p->l3_off + sizeof(*ip))
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
	len = total_len(p, ip);
	if (unlikely(len < sizeof(*ip)))
		return LEAVE(weir_drop(p, ip_rcv, IP_INHDR));
	if (unlikely(p->len < p->l3_off + len))
		return LEAVE(weir_drop(p, ip_rcv, PKT_TOO_SMALL));
	h->wire_len = wire_len(p, h, len);
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

/* Where nothing is known of the packet's flow: its session is looked for, and where it goes to. */
static __always_inline struct step step_nf_prerouting(struct pkt *p, bool known)
{
	const struct track *t;

	if (self.track && !known) {
		t = track_begin(p);
		if (t && unlikely(t->drop))
			return LEAVE(weir_drop(p, nf_prerouting, NAT_FILTERED));
	}
	stage_done(p, WEIR_FAST_nf_prerouting);
	return GO_ON;
}

static __always_inline struct step step_route_in(struct pkt *p, struct headers *h, long found)
{
	/* 0.0.0.0/8 matches a default route, yet ip_route_input_slow() never asks one for it. */
	if (unlikely(!(p->daddr & bpf_htonl(0xff000000))))
		return LEAVE(weir_pass(p, route_in, NOT_FORWARDED));
	switch (found) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH:
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
	case WEIR_FIB_XFRM:
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
	struct pkt *p, struct headers *h, const struct weir_flow *f, long found)
{
	if (unlikely(found == WEIR_FIB_XFRM)) /* asked before the TTL, as the kernel does */
		return LEAVE(weir_punt(p, ip_forward, XFRM_POLICY));
	if (unlikely(h->ip->ttl <= 1))
		return LEAVE(weir_punt(p, ip_forward, IP_TTL));
	if (unlikely(!h->wire_len))
		return LEAVE(weir_punt(p, ip_forward, GSO_UNKNOWN));
	if (unlikely(found == BPF_FIB_LKUP_RET_FRAG_NEEDED ||
		     (found == BPF_FIB_LKUP_RET_SUCCESS && h->wire_len > f->mtu))) {
		if (h->ip->frag_off & bpf_htons(IP_DF))
			return LEAVE(weir_punt(p, ip_forward, PKT_TOO_BIG));
		return LEAVE(weir_punt(p, ip_forward, IP_FRAGMENT));
	}
	stage_done(p, WEIR_FAST_ip_forward);
	return GO_ON;
}

/*
 * Whether rules see more of the packet than the flow's key holds: fragments have no ports there,
 * nor has what carries them out of sight.
 */
static __always_inline bool is_beyond_key(const struct headers *h, const struct weir_flow *f)
{
	return h->ip->frag_off & bpf_htons(IP_MF | IP_OFFSET) ||
	       (!f->ports && has_ports(h->ip->protocol));
}

/* @asked: the FIB was, and has said @found: @way has a next hop, or just a device. */
static __always_inline struct step step_nf_forward(
	struct pkt *p, struct headers *h, const struct way *way, long found, bool asked)
{
	bool keeps = (!asked || found == BPF_FIB_LKUP_RET_SUCCESS) && !is_beyond_key(h, way->flow);
	__u32 slot = way->flow->slot;
	__u64 said;

	if (!self.filter) {
		stage_done(p, WEIR_FAST_nf_forward);
		return GO_ON;
	}
	p->judged = 1;
	if (likely(!asked && keeps && slot < WEIR_FLOW_NEW)) {
		if (slot)
			rule_count((slot & ~WEIR_FLOW_DROP) - 1, p->len);
		if (slot & WEIR_FLOW_DROP)
			return LEAVE(weir_drop(p, nf_forward, FILTER));
		stage_done(p, WEIR_FAST_nf_forward);
		return GO_ON;
	}
	if (self.track && !p->tracked)
		track_begin(p);
	said = judge(
		p->ctx, (__u32)p->l3_off, p->iif, asked ? p->oif_way : way->hop->oif, self.track);
	if (keeps)
		way->flow->slot = SAID_SLOT(said);
	switch (SAID_VERDICT(said)) {
	case WEIR_drop:
		return LEAVE(weir_drop(p, nf_forward, FILTER));
	case WEIR_reject:
		return LEAVE(weir_reject(p, nf_forward, h));
	case WEIR_punt:
		return LEAVE(weir_punt(p, nf_forward, FILTER_PUNT));
	}
	stage_done(p, WEIR_FAST_nf_forward);
	return GO_ON;
}

/* SNAT, and with it the session. */
static __always_inline struct step step_nf_postrouting(
	struct pkt *p, struct headers *h, struct weir_flow *f, long found, bool asked)
{
	struct track *t;
	__u32 drop;
	__u64 exit;

	if (self.track && likely(!asked)) {
		flow_count(p, h, f);
	} else if (self.track) {
		t = track_of();
		if (!t)
			return LEAVE(weir_drop(p, nf_postrouting, NAT_FULL));
		t->oif = p->oif_way;
		drop = track_leave(p->ctx, t, p->nexthop);
		if (unlikely(drop)) {
			exit = drop - 1;
			barrier_var(exit); /* what is compared is what is used */
			if (exit == WEIR_EXIT_nf_forward_IP_REASSEMBLE) {
				t->drop = 0;
				return LEAVE(exit_punt(p, exit));
			}
			stage_done(p, WEIR_FAST_nf_postrouting);
			if (exit >= WEIR_EXIT_COUNT)
				exit = WEIR_EXIT_nf_postrouting_NAT_FULL;
			return LEAVE(exit_reject(p, exit,
				is_for_want(exit) ? answer_refused(p, h, ANSWER_ICMP) : 0));
		}
		if (found == BPF_FIB_LKUP_RET_SUCCESS)
			flow_track(f);
	}
	stage_done(p, WEIR_FAST_nf_postrouting);
	return GO_ON;
}

/* An ICMP error of a translated session is never the one to confirm its next hop: the kernel would
 * be given it in part alone, so it would be dropped (leave_translated()). Nor is a fragment whose
 * packet the kernel would wait for. */
static __always_inline bool confirms_nothing(const struct pkt *p)
{
	const struct track *t = self.track && p->tracked ? track_of() : NULL;

	return t && ((t->error && t->session) || is_reassembled(t));
}

/* @asked: the FIB was asked just now, which is when the next hop's time is looked at too. */
static __always_inline struct step step_neigh(
	struct pkt *p, const struct weir_hop *r, long found, bool asked)
{
	if (unlikely(found == BPF_FIB_LKUP_RET_NO_NEIGH))
		return LEAVE(weir_pass(p, neigh, NEIGH_UNRESOLVED));
	if (unlikely(asked && neigh_wants_kernel(p->row, r->oif, r->nexthop,
				      confirms_nothing(p) ? 0 : r->reachable_ms)))
		return LEAVE(weir_pass(p, neigh, NEIGH_CONFIRM));
	stage_done(p, WEIR_FAST_neigh);
	return GO_ON;
}

#define TAKE(answer)                                                                               \
	do {                                                                                       \
		struct step s_ = answer;                                                           \
		if (s_.done)                                                                       \
			return s_.v;                                                               \
	} while (0)

/*
 * @known: only if its flow is known; else the verdict says AGAIN, and nothing was counted. That is
 * most packets' copy of the road, without what the others need.
 */
#define AGAIN ((struct verdict){.code = -2})

static __always_inline bool is_again(struct verdict v)
{
	return v.code == -2;
}

static __always_inline struct verdict forward_as(struct pkt *p, bool known)
{
	long found = BPF_FIB_LKUP_RET_SUCCESS;
	struct headers h = {
		.eth = (void *)(long)p->ctx->data,
		.end = (void *)(long)p->ctx->data_end,
	};
	/* never NULL, which Linux 6.1 would not see: it learns nothing from @found being 0 */
	struct way way = {.flow = &p->cur->uncached, .hop = &p->cur->uncached_hop};
	struct weir_flow *flow;
	struct weir_hop *hop = NULL;
	struct flow_key key;
	bool asked, kept;

#if HOOK_TC
	if (unlikely(h.end - (void *)h.eth < HEADERS_MAX))
		headers_pull(p, &h);
#endif
	TAKE(step_link(p, &h));
	if (!known)
		packet_from(p);
	TAKE(step_ip_rcv(p, &h));
	world_look(p);
	p->daddr = h.ip->daddr;
	key = flow_key(p, &h);
	kept = flow_find(p, h.ip, &key, &flow) && (!self.track || likely(flow_tracked(&h, flow)));
	if (likely(kept) && !xfrm_decrypted(p) && likely(flow->hop != WEIR_HOP_XFRM))
		hop = hop_at(p->cpu, flow->hop);
	asked = unlikely(!hop);
	if (known && (asked || (self.filter && unlikely(flow->slot >= WEIR_FLOW_NEW))))
		return AGAIN;
	TAKE(step_nf_prerouting(p, !asked));
	if (likely(flow))
		way.flow = flow;
	if (asked)
		found = kept ? WEIR_FIB_XFRM /* governed, or decrypted: else there was a hop */
			     : route_ask(p, &h, &key, &way);
	else if (known)
		way.hop = hop;
	else
		p->cur->uncached_hop = *hop; /* one place to look for the verifier */
	TAKE(step_route_in(p, &h, found));
	TAKE(step_ip_forward(p, &h, way.flow, found));
	TAKE(step_nf_forward(p, &h, &way, found, asked));
	TAKE(step_nf_postrouting(p, &h, way.flow, found, asked));
	TAKE(step_neigh(p, way.hop, found, asked));
	return step_xmit(p, &h, way.hop, way.flow);
}

/* The first copy is without timing and capturing, too. */
static __always_inline struct verdict forward(struct pkt *p)
{
	struct verdict v = AGAIN;

	if (likely(!(p->timed | p->captured))) {
		p->timed = 0;
		p->captured = 0;
		v = forward_as(p, true);
	}
	if (unlikely(is_again(v))) {
		/* one way on for the verifier, whatever was found so far */
		p->timed = unknown((__u32)p->timed);
		p->captured = unknown((__u32)p->captured);
		p->l3_off = ETH_HLEN;
		p->iif = self.ifindex;
		p->vlan = NULL;
		v = forward_as(p, false);
	}
	return v;
}

#endif
