/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the sender of a refused packet is told: a TCP RST, or ICMP's "communication administratively
 * prohibited". The packet itself becomes the answer, and goes back where it came from:
 *
 *	XDP         out of the device that it came by, tags and all (XDP_TX; on a veth a redirect)
 *	TC ingress  the same (bpf_redirect)
 *	TC egress   in by the device that it was to leave by, as if the host that it was for, or one on the
 *	            way there, had refused it: the kernel drops as martian what comes in from an address of
 *	            its own
 *
 * What is left over of the skb must not mend what is whole: see skb_shape().
 */
#ifndef WEIR_BPF_ANSWER_H
#define WEIR_BPF_ANSWER_H

#include "addr.h"
#include "checksum.h"
#include "length.h"
#include "route.h"

#define ANSWER_MAX	576 /* RFC 1812, 4.3.2.3: what an ICMP error may be long */
#define ANSWER_TTL	64
#define QUOTE_MAX	(ANSWER_MAX - 20 - 8)
#define LINK_MAX	(ETH_HLEN + WEIR_TAGS_MAX * TAG_LEN)
#define LOCAL_BROADCAST 3 /* RTN_BROADCAST */
#define ANSWER_NS	(1000000000ULL / WEIR_ANSWERS_PER_S)
#define ANSWER_ICMP	0x80000000 /* beside an offset: by ICMP, TCP too */

/* ICMP types that are queries and replies. All others are errors, or unknown: as icmp_send() has it. */
#define ICMP_NO_ERRORS (1U << 0 | 1U << 8 | 0x3fU << 13)

#define TOS_KEPT     0x1c /* RFC 1812, 4.3.2.5: the packet's own, but for what is ECN since */
#define TOS_INTERNET 0xc0 /* precedence 6, internetwork control */

#define ICMP_UNREACHABLE 3
#define ICMP_PROHIBITED	 13

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct segment {
	__be16 sport, dport;
	__be32 seq, ack;
	__u8 doff; /* in its upper half, in words */
	__u8 flags;
	__be16 window, check, urgent;
};

struct icmp_head { /* linux/icmp.h is not for BPF: it asks for the C library's headers */
	__u8 type, code;
	__sum16 check;
	__u32 unused;
};

/* The packet in hand, and the answer to it. Too large for the stack. */
struct answer {
	__u8 link[32]; /* LINK_MAX of them may be used */
	struct iphdr in;
	union {
		__u8 icmp_type; /* of the refused packet */
		struct segment tcp;
	};
	__u32 head_len; /* of its IP header */
	__u32 len;	/* and of all of it, or of a superframe's first segment */
	struct {
		struct iphdr ip;
		struct segment tcp;
	} rst;
	struct {
		struct iphdr ip;
		struct icmp_head icmp;
		union {
			struct {
				struct iphdr ip;
				struct udphdr udp;
			} quoted;
			__u8 quote[1024]; /* QUOTE_MAX; a power of two for the verifier */
		};
	} error;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct answer);
} answer_scratch SEC(".maps");

/* A token bucket: the time at which it is full again. */
struct answers {
	__u64 full_ns; /* CLOCK_MONOTONIC */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct answers);
} answers SEC(".maps");

static __always_inline bool answer_allowed(void)
{
	__u32 zero = 0;
	struct answers *a = bpf_map_lookup_elem(&answers, &zero);
	__u64 now = bpf_ktime_get_ns();

	if (!a)
		return false;
	if (a->full_ns < now)
		a->full_ns = now;
	if (a->full_ns - now > (WEIR_ANSWERS_BURST - 1) * ANSWER_NS)
		return false;
	a->full_ns += ANSWER_NS;
	return true;
}

/* --- whether there is an answer --- */

/* RFC 1122, 3.2.2: zero, loopback, multicast, class E and broadcast are no single host. */
static __always_inline bool is_host(__be32 addr)
{
	__u32 net = bpf_ntohl(addr) >> 24;
	const struct weir_local *l;

	if (!net || net == 127 || net >= 224)
		return false;
	l = local_of(addr);
	return !l || l->type != LOCAL_BROADCAST;
}

/* Who claims to be us, and comes from outside, is not told; a local sender is. */
static __always_inline bool is_sender(__be32 addr)
{
	return is_host(addr) && (THIS_HOOK == WEIR_HOOK_tc_egress || !local_of(addr));
}

/* To the skb of a superframe, generic XDP leaves what cuts it in segments: no answer can be made of that. */
static __always_inline bool keeps_gso(hook_ctx *ctx, __u32 len)
{
#if HOOK_TC
	return false;
#else
	struct net_device *dev;

	if (!self.generic)
		return false;
	dev = hook_dev(ctx);
	return len > BPF_CORE_READ(dev, mtu);
#endif
}

/* How long the packet is; 0 where its header does not say so. */
static __always_inline __u32 refused_len(hook_ctx *ctx, const struct iphdr *ip, __u32 l3_off)
{
	__u32 len = bpf_ntohs(ip->tot_len), all = hook_len(ctx) - l3_off;

#if HOOK_TC
	if (!len && ctx->gso_size)
		len = all; /* over 64 kB (BIG TCP) */
#endif
	return len <= all ? len : 0;
}

static __always_inline bool has_answer_l4(hook_ctx *ctx, struct answer *a, __u32 l4_off)
{
	if (a->in.protocol == IPPROTO_ICMP) {
		if (a->len == a->head_len || hook_load(ctx, l4_off, &a->icmp_type, 1))
			return false;
		return a->icmp_type < 32 && 1U << a->icmp_type & ICMP_NO_ERRORS;
	}
	if (a->in.protocol != IPPROTO_TCP)
		return true;
	if (a->len < a->head_len + sizeof(a->tcp) ||
		hook_load(ctx, l4_off, &a->tcp, sizeof(a->tcp)))
		return false;
	return !(a->tcp.flags & TCP_RST) && a->tcp.doff >> 4 >= 5 &&
	       a->len >= a->head_len + (a->tcp.doff >> 4) * 4;
}

/* RFC 1812, 4.3.2.7, and RFC 9293, 3.10.7.1. Fills what there is to know of the packet. */
static __always_inline bool has_answer(
	hook_ctx *ctx, struct answer *a, __u32 l3_off, __u32 wire_len)
{
	if (hook_load(ctx, 0, a->link, one_to(32, l3_off)) ||
		hook_load(ctx, l3_off, &a->in, sizeof(a->in)))
		return false;
	if (a->link[0] & 1 || a->in.version != 4 || a->in.frag_off & bpf_htons(IP_OFFSET))
		return false;
	if (!is_sender(a->in.saddr) || !is_host(a->in.daddr))
		return false;
	a->head_len = a->in.ihl * 4;
	a->len = refused_len(ctx, &a->in, l3_off);
	if (a->head_len < sizeof(a->in) || a->len < a->head_len || keeps_gso(ctx, a->len))
		return false;
	if (wire_len >= a->head_len && wire_len < a->len)
		a->len = wire_len;
	return has_answer_l4(ctx, a, l3_off + a->head_len);
}

/* --- the frame takes the answer's shape --- */

#if HOOK_TC

/*
 * The frame gets room for @len bytes behind the link's header, where IP's @head_len were, and the skb
 * forgets its segments and that its checksum is open: else the kernel, or a NIC, would complete what is
 * whole. Segments go with bpf_skb_change_tail(). An open checksum is given up by what updates sums once it
 * lies before the data; so for a moment the data begins behind it. It comes back so that the transport
 * header lies where the answer's does.
 */
static __always_inline bool skb_shape(
	struct __sk_buff *skb, struct answer *a, __u32 l3_off, __u32 head_len, __u32 len)
{
	__u32 behind = head_len + 16, back = sizeof(struct iphdr) + 16;

	return !bpf_skb_change_tail(skb, l3_off + len + behind - sizeof(struct iphdr), 0) &&
	       !bpf_skb_adjust_room(skb, -(int)behind, BPF_ADJ_ROOM_MAC, 0) &&
	       !bpf_skb_store_bytes(skb, 0, a->link, ETH_HLEN, BPF_F_RECOMPUTE_CSUM) &&
	       !bpf_skb_adjust_room(skb, (int)back, BPF_ADJ_ROOM_MAC, 0) &&
	       !bpf_skb_change_tail(skb, l3_off + len, 0);
}

static __always_inline bool frame_shape(
	hook_ctx *ctx, struct answer *a, __u32 l3_off, __u32 head_len, __u32 len)
{
	return skb_shape(ctx, a, l3_off, head_len, len);
}

#else

/*
 * Options go from the head, so that what follows them stays where it was: generic XDP's skb may hold an
 * open checksum, which is completed at that place, and none of XDP's helpers makes it forget that. Only
 * the first buffer can grow, and where a driver has left no room behind it, it grows before itself. (An open
 * checksum is then completed within the quote; a veth's other end, whose senders leave them open, trusts
 * them as they are.)
 */
static __always_inline bool frame_shape(
	hook_ctx *ctx, struct answer *a, __u32 l3_off, __u32 head_len, __u32 len)
{
	int first = (int)(ctx->data_end - ctx->data), all = (int)hook_len(ctx);
	int options = (int)(head_len - sizeof(struct iphdr)), want = (int)(l3_off + len) + options;

	if (want > first && all > first) {
		if (bpf_xdp_adjust_tail(ctx, first - all))
			return false;
		all = first;
	}
	if (want != all && bpf_xdp_adjust_tail(ctx, want - all)) {
		if (want < all)
			return false;
		options -= want - all; /* before the frame there is room always */
	}
	return !options || !bpf_xdp_adjust_head(ctx, options);
}

#endif

/* --- the answer --- */

static __always_inline void swap_macs(__u8 *link)
{
	__u16 *w = (__u16 *)link, t;
	int i;

	for (i = 0; i < 3; i++) {
		t = w[i];
		w[i] = w[i + 3];
		w[i + 3] = t;
	}
}

/* The id is the packet's: it is as seldom used twice. */
static __always_inline void make_ip(
	struct iphdr *ip, const struct iphdr *in, __be32 src, __u8 proto, __u8 tos, __u32 len)
{
	const __u32 *w = (const __u32 *)ip;

	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = tos,
		.tot_len = bpf_htons((__u16)len),
		.id = in->id,
		.ttl = ANSWER_TTL,
		.protocol = proto,
		.saddr = src,
		.daddr = in->saddr,
	};
	ip->check = (__sum16)~csum_fold((__u64)w[0] + w[1] + w[2] + w[3] + w[4]);
}

/* Generic XDP alone cannot make an skb forget that its checksum is to be completed: that of the
 * answer is left open too, and so completed. Seen as csum_look() does. */
static __always_inline bool stays_open(const struct answer *a)
{
	return !HOOK_TC && self.generic &&
	       a->tcp.check ==
		       csum_fold(pseudo_sum(&a->in, IPPROTO_TCP, a->len - a->head_len));
}

/* RFC 9293, 3.10.7.1: what a closed port answers. */
static __always_inline void make_rst(struct answer *a)
{
	struct segment *t = &a->rst.tcp;
	const struct segment *in = &a->tcp;
	const __u16 *w = (const __u16 *)t;
	__u32 seg_len = a->len - a->head_len - (in->doff >> 4) * 4;
	__u64 sum;
	int i;

	seg_len += !!(in->flags & TCP_SYN) + !!(in->flags & TCP_FIN);
	make_ip(&a->rst.ip, &a->in, a->in.daddr, IPPROTO_TCP, a->in.tos & TOS_ROUTING,
		sizeof(a->rst));
	*t = (struct segment){
		.sport = in->dport,
		.dport = in->sport,
		.doff = sizeof(*t) / 4 << 4,
		.flags = TCP_RST,
	};
	if (in->flags & TCP_ACK) {
		t->seq = in->ack;
	} else {
		t->ack = bpf_htonl(bpf_ntohl(in->seq) + seg_len);
		t->flags |= TCP_ACK;
	}
	sum = pseudo_sum(&a->rst.ip, IPPROTO_TCP, sizeof(*t));
	if (stays_open(a)) {
		t->check = csum_fold(sum);
		return;
	}
	for (i = 0; i < (int)sizeof(*t) / 2; i++)
		sum += w[i];
	t->check = (__be16)~csum_fold(sum);
}

static __always_inline bool send_rst(hook_ctx *ctx, struct answer *a, __u32 l3_off)
{
	make_rst(a);
	return frame_shape(ctx, a, l3_off, a->head_len, sizeof(a->rst)) &&
	       !hook_store(ctx, l3_off, &a->rst, sizeof(a->rst));
}

/* A superframe's first segment, as it would have been sent; its sums are the sender's to know. */
static __always_inline void quote_segment(struct answer *a)
{
	struct iphdr *ip = &a->error.quoted.ip;
	__be16 len = bpf_htons((__u16)a->len);

	if (ip->tot_len == len)
		return;
	/* RFC 1624, equation 3 */
	ip->check = (__sum16)~csum_fold(
		(__u64)(__u16)~ip->check + (__u16)~ip->tot_len + (__u16)len);
	ip->tot_len = len;
	if (ip->protocol == IPPROTO_UDP && ip->ihl == 5)
		a->error.quoted.udp.len = bpf_htons((__u16)(a->len - sizeof(*ip)));
}

/*
 * RFC 792, and RFC 1812, 5.2.7.1. Where an skb's open checksum would be completed is no harm here: what
 * is added to a message whose sum is right is 0, in a field that is not used.
 */
static __always_inline bool send_error(hook_ctx *ctx, struct answer *a, __u32 l3_off, __be32 src)
{
	__u32 quote = a->len < QUOTE_MAX ? a->len : QUOTE_MAX;
	__u32 len = sizeof(a->error.ip) + sizeof(a->error.icmp) + quote;
	__s64 sum;
	__u16 check;

	if (hook_load(ctx, l3_off, a->error.quote, one_to(sizeof(a->error.quote), quote)))
		return false;
	quote_segment(a);
	make_ip(&a->error.ip, &a->in, src, IPPROTO_ICMP, (a->in.tos & TOS_KEPT) | TOS_INTERNET, len);
	a->error.icmp = (struct icmp_head){.type = ICMP_UNREACHABLE, .code = ICMP_PROHIBITED};
	if (!frame_shape(ctx, a, l3_off, a->head_len, len) ||
		hook_store(ctx, l3_off, &a->error, one_to(1024, len)))
		return false;
	sum = csum_range(ctx, l3_off + sizeof(a->error.ip), len - sizeof(a->error.ip));
	check = (__u16)~csum_fold((__u64)sum);
	return sum >= 0 && !hook_store(ctx, l3_off + sizeof(a->error.ip) +
					      __builtin_offsetof(struct icmp_head, check),
				   &check, sizeof(check));
}

/* From whom an ICMP error is, as the kernel would choose: see dev_addr(). 0: no one. */
static __always_inline __be32 answer_source(hook_ctx *ctx, const struct answer *a, __u32 iif)
{
	if (THIS_HOOK == WEIR_HOOK_tc_egress)
		return a->in.daddr;
	if (iif != self.ifindex)
		return addr_of_ifindex((__u64)(long)net_of(ctx), iif, a->in.saddr);
	return dev_addr((__u64)(long)hook_dev(ctx), a->in.saddr);
}

/*
 * Makes the frame the answer to itself, and counts that in @row. @l3_off may hold ANSWER_ICMP. Returns 0 where there is none, or
 * none now; the frame may be spoilt then.
 */
__checked_once int answer(
	hook_ctx *ctx, struct weir_row *row, __u32 l3_off, __u32 iif, __u32 wire_len)
{
	__u32 zero = 0;
	struct answer *a = bpf_map_lookup_elem(&answer_scratch, &zero);
	bool icmp = l3_off & ANSWER_ICMP, sent;
	__be32 src = 0;

	barrier_var(iif); /* egress does not look at it, and clang would leave it out of the call */
	l3_off &= ~ANSWER_ICMP;
	if (!a || !row || l3_off < ETH_HLEN || l3_off > LINK_MAX ||
		!has_answer(ctx, a, l3_off, wire_len))
		return 0;
	icmp |= a->in.protocol != IPPROTO_TCP;
	if (icmp) {
		src = answer_source(ctx, a, iif);
		if (!src)
			return 0;
	}
	if (!answer_allowed()) {
		row->answers_limited++;
		return 0;
	}
	swap_macs(a->link);
	sent = icmp ? send_error(ctx, a, l3_off, src) : send_rst(ctx, a, l3_off);
	if (!sent || hook_store(ctx, 0, a->link, one_to(32, l3_off)))
		return 0;
	row->answers++;
	return 1;
}

/*
 * By XDP_TX a veth hands frames to its other end without waking it, unless that has an XDP program of its
 * own: there the frame is redirected to where it came from, if that takes frames, and is known by the
 * cursor not to be one that was forwarded.
 */
static __always_inline bool answers_by_map(void)
{
	return !HOOK_TC && self.virtual_link && !self.generic;
}

static __always_inline bool answer_has_way(void)
{
#if !HOOK_TC
	if (answers_by_map())
		return bpf_redirect_map(&tx_ports, self.ifindex, 0) == WEIR_REDIRECTED;
#endif
	return true;
}

/* Sends the frame back: the hook's code for that. */
static __always_inline int answer_send(hook_ctx *ctx, struct weir_cursor *cur)
{
#if HOOK_TC
	bpf_redirect(ctx->ifindex, THIS_HOOK == WEIR_HOOK_tc_egress ? BPF_F_INGRESS : 0);
#endif
	if (!answers_by_map())
		return HOOK_ANSWER;
	if (unlikely(cur->ifindex != self.ifindex))
		cursor_take(cur, cur->row);
	cur->answering++;
	return HOOK_REDIRECT;
}

/*
 * The refused packet becomes the answer to its sender: the hook's code for that, or 0 where it is but to
 * be dropped. Either way the caller counts a drop, before; the frame is not to be touched any more. Of
 * @h only wire_len is asked: 0 where it is not known. @how: ANSWER_ICMP, or 0.
 */
static __always_inline int answer_refused(struct pkt *p, const struct headers *h, __u32 how)
{
	if (!answer_has_way() ||
		!answer(p->ctx, p->row, (__u32)p->l3_off | how, p->iif, h->wire_len))
		return 0;
	return answer_send(p->ctx, p->cur);
}

#endif
