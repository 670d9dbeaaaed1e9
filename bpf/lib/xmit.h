/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The last step of a forwarded packet: it is written, and sent off. Its checksum is completed if it
 * was left open, its tags, link addresses and TTL are written, and what NAT makes of it.
 */
#ifndef WEIR_BPF_XMIT_H
#define WEIR_BPF_XMIT_H

#include "leave.h"

/* Whether the packet's addresses change; struct track says to what, also where its flow was known.
 */
static __always_inline bool nat_writes(
	struct pkt *p, const struct headers *h, const struct weir_flow *f)
{
	struct track *t = track_of();
	const __u16 *l4 = (const __u16 *)(h->ip + 1);

	if (!t)
		return false;
	if (p->tracked)
		return src_changes(t) || dst_changes(t);
	if (!(f->session & WEIR_FLOW_SESSION) || !f->xsaddr || (void *)(l4 + 2) > h->end)
		return false;
	t->ip = *h->ip;
	t->what = TRACKED_FOUND;
	t->frag = WEIR_FRAG_NONE;
	t->error = 0;
	t->l3_off = (__u32)p->l3_off;
	t->l4_off = t->l3_off + sizeof(*h->ip);
	t->l4.sport = t->t.sport = l4[0];
	t->l4.dport = t->t.dport = l4[1];
	t->saddr = f->xsaddr;
	t->daddr = f->xdaddr;
	t->sport = (__u16)f->xports;
	t->dport = (__u16)(f->xports >> 16);
	return true;
}

#if HOOK_TC

/* The link's header, and of the IP header what changes: one piece. */
struct written {
	__u16 macs[ETH_ALEN];
	__be16 proto;
	__u8 ip[__builtin_offsetof(struct iphdr, check) + sizeof(__sum16)];
} __attribute__((packed));

/*
 * By a helper, and not straight into the packet: to let a program do that, the kernel copies what
 * others hold too, a sniffer for one, before the program begins, and forgets XDP's mark.
 */
static __always_inline bool rewrite(
	struct pkt *p, const struct headers *h, const struct weir_hop *r)
{
	struct iphdr ip = *h->ip;
	struct written w;

	ip_ttl_decrement(&ip);
	w.proto = bpf_htons(ETH_P_IP);
	__builtin_memcpy(w.macs, r->macs, sizeof(w.macs));
	__builtin_memcpy(w.ip, &ip, sizeof(w.ip));
	return !bpf_skb_store_bytes(p->ctx, 0, &w, sizeof(w), 0);
}

static __always_inline struct verdict step_xmit(
	struct pkt *p, struct headers *h, const struct weir_hop *r, const struct weir_flow *f)
{
	bool write;

	if (unlikely(!r->dev))
		return weir_punt(p, xmit, EGRESS_NOT_ATTACHED);
	p->oif = r->oif; /* a VLAN device writes its tag itself */
	write = self.track && nat_writes(p, h, f);
	if (unlikely(!rewrite(p, h, r)))
		return weir_punt(p, ip_rcv, HEADER_APART); /* for want of memory */
	if (write && unlikely(rewrite_packet(p->ctx, WRITE_SRC | WRITE_DST)))
		return weir_drop(p, nf_postrouting, NAT_UNTRANSLATED);
	bpf_redirect(r->oif, 0);
	return weir_redirect(p);
}

#else

static __always_inline bool may_redirect(__u32 dev)
{
	long r = self.generic ? bpf_redirect_map(&tx_ports_generic, dev, 0)
			      : bpf_redirect_map(&tx_ports, dev, 0);

	return r == WEIR_REDIRECTED;
}

enum tagged_end { TAGS_WRITTEN, TAGS_NO_ROOM, TAGS_NO_CSUM };

/*
 * The frame gets the tags of the device that it leaves by, none, one or two, in place of those it
 * came with. What is not finished is put back: the headers are not written before the end.
 */
__checked_once int tags_write(hook_ctx *ctx, const struct weir_hop *r, __u32 l3_off,
	enum csum_state csum, __u32 check_off)
{
	struct headers h = {};
	__u32 *tag, tags;
	int grow;

	if (!r || check_off > CSUM_OFF_MAX)
		return TAGS_NO_ROOM;
	tags = tags_len(r);
	grow = (int)(ETH_HLEN + tags) - (int)l3_off;
	if (grow && bpf_xdp_adjust_head(ctx, -grow))
		return TAGS_NO_ROOM;
	h.eth = (void *)(long)ctx->data;
	h.end = (void *)(long)ctx->data_end;
	h.ip = (void *)h.eth + ETH_HLEN + tags;
	barrier_var(h.ip); /* one pointer, whose range the verifier knows once it is compared */
	if ((void *)(h.ip + 1) > h.end ||
		(csum == CSUM_OPEN && !csum_complete(ctx, &h, check_off))) {
		if (grow)
			bpf_xdp_adjust_head(ctx, grow);
		return TAGS_NO_CSUM;
	}
	ip_ttl_decrement(h.ip);
	write_macs(h.eth, r);
	tag = (void *)h.eth + 2 * ETH_ALEN;
	if (r->tags[0])
		*tag++ = r->tags[0];
	if (r->tags[1])
		*tag++ = r->tags[1];
	*(__be16 *)tag = bpf_htons(ETH_P_IP);
	return TAGS_WRITTEN;
}

/*
 * Addresses and ports become what the flow's packets become. By the flow's own cache line, where
 * the headers lie in the first buffer; false where that cannot be.
 */
static __always_inline bool nat_write(const struct weir_flow *f, struct iphdr *ip, void *end)
{
	__u32 *l4 = (__u32 *)(ip + 1);
	__u16 *check = (__u16 *)l4 + (ip->protocol == IPPROTO_TCP ? 8 : 3);
	__u64 delta;

	barrier_var(check);
	if ((void *)(l4 + 1) > end || (void *)(check + 1) > end)
		return false;
	delta = csum_delta(ip->saddr, f->xsaddr) + csum_delta(ip->daddr, f->xdaddr);
	ip->saddr = f->xsaddr;
	ip->daddr = f->xdaddr;
	ip->check = csum_mend(ip->check, delta);
	delta += csum_delta(*l4, f->xports);
	*l4 = f->xports;
	if (*check || ip->protocol == IPPROTO_TCP) {
		*check = csum_mend(*check, delta);
		if (!*check && ip->protocol == IPPROTO_UDP)
			*check = 0xffff;
	}
	return true;
}

/* The same of any packet, whose headers are written already and begin at p->l3_off. */
static __always_inline struct verdict nat_xmit(
	struct pkt *p, struct headers *h, const struct weir_flow *f)
{
	struct track *t;

	/* generic XDP's skb may have an open checksum */
	if (likely(!(self.generic && self.virtual_link) && f->session & WEIR_FLOW_SESSION)) {
		if (!f->xsaddr || likely(nat_write(f, h->ip, h->end)))
			return weir_redirect(p);
	}
	if (!nat_writes(p, h, f))
		return weir_redirect(p);
	t = track_of();
	if (t) {
		t->l4_off += (__u32)p->l3_off - t->l3_off;
		t->l3_off = (__u32)p->l3_off;
	}
	if (unlikely(rewrite_packet(p->ctx, WRITE_SRC | WRITE_DST)))
		return weir_drop(p, nf_postrouting, NAT_UNTRANSLATED);
	return weir_redirect(p);
}

static __always_inline struct verdict xmit_tagged(struct pkt *p, struct headers *h,
	const struct weir_hop *r, const struct weir_flow *f, enum csum_state csum, __u32 check_off)
{
	switch (tags_write(p->ctx, r, (__u32)p->l3_off, csum, check_off)) {
	case TAGS_WRITTEN:
		if (!self.track)
			return weir_redirect(p);
		p->l3_off = ETH_HLEN + tags_len(r);
		h->end = (void *)(long)p->ctx->data_end;
		h->ip = (void *)(long)p->ctx->data + p->l3_off;
		barrier_var(h->ip);
		if ((void *)(h->ip + 1) > h->end)
			return weir_drop(p, nf_postrouting, NAT_UNTRANSLATED);
		return nat_xmit(p, h, f);
	case TAGS_NO_ROOM:
		return weir_punt(p, xmit, NO_HEADROOM);
	}
	return weir_punt(p, xmit, CSUM_UNKNOWN);
}

static __always_inline struct verdict step_xmit(
	struct pkt *p, struct headers *h, const struct weir_hop *r, const struct weir_flow *f)
{
	enum csum_state csum = CSUM_WHOLE;
	__u32 check_off = 0;

	p->oif = r->dev;
	if (unlikely(!may_redirect(r->dev)))
		return weir_punt(p, xmit, EGRESS_NOT_ATTACHED);
	/* Generic XDP works on an skb, which still knows what is open: the kernel completes it. */
	if (self.virtual_link && !self.generic &&
		likely(!(h->ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))))
		csum = csum_look(p, h->ip, h->end, &check_off);
	if (unlikely(csum == CSUM_HOPELESS))
		return weir_punt(p, xmit, CSUM_UNKNOWN);
	if (unlikely(p->l3_off != ETH_HLEN || r->tags[0]))
		return xmit_tagged(p, h, r, f, csum, check_off);
	if (unlikely(csum == CSUM_OPEN) && !csum_complete(p->ctx, h, check_off))
		return weir_punt(p, xmit, CSUM_UNKNOWN);
	ip_ttl_decrement(h->ip);
	write_macs(h->eth, r);
	return self.track ? nat_xmit(p, h, f) : weir_redirect(p);
}

#endif

#endif
