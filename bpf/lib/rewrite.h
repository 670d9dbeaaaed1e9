/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet gets the addresses and ports that its session gives it, wherever they lie in the frame;
 * and what an ICMP error holds of another packet gets its own back. Checksums are mended by what
 * has changed (RFC 1624, equation 3), so one that was wrong stays wrong; an ICMP error's is summed
 * anew, after it was found right. A UDP checksum of 0 stays 0.
 *
 * One that a local sender has left open stays open, for the kernel to complete.
 */
#ifndef WEIR_BPF_REWRITE_H
#define WEIR_BPF_REWRITE_H

#include "checksum.h"
#include "begin.h"

enum { WRITE_SRC = 1, WRITE_DST = 2 };

/* What changes of a header and of what follows it. */
struct change {
	__u32 saddr, daddr;
	__u16 sport, dport;
};

/* To be added to a checksum's complement where @from becomes @to. */
static __always_inline __u64 csum_delta(__u32 from, __u32 to)
{
	return (__u64)(__u32)~from + to;
}

static __always_inline __u16 csum_mend(__u16 check, __u64 delta)
{
	return (__u16)~csum_fold((__u16)~check + delta);
}

/* Where a checksum over the pseudo-header lies behind the IP header; 0: there is none. */
static __always_inline __u32 check_at(__u8 proto)
{
	return proto == IPPROTO_TCP							   ? 16
	       : proto == IPPROTO_UDP || proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE ? 6
											   : 0;
}

static __always_inline bool ports_change(__u8 proto)
{
	return proto == IPPROTO_UDP || proto == IPPROTO_TCP;
}

/* A sum of 0 is sent as all ones where 0 says that there is none (UDP), or is refused (UDP-Lite,
 * RFC 3828). */
static __always_inline bool is_never_0(__u8 proto)
{
	return proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE;
}

/* --- the packet's own transport header --- */

#if HOOK_TC

/* The skb knows whether its checksum is open, and so does this helper. */
static __always_inline void l4_mend(
	struct __sk_buff *skb, struct track *t, const struct change *c, __u64 addrs, __u32 at)
{
	__u64 mangled = is_never_0(t->ip.protocol) ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 off = t->l4_off + at;

	if (addrs)
		bpf_l4_csum_replace(skb, off, 0, csum_fold(addrs), BPF_F_PSEUDO_HDR | mangled);
	if (ports_change(t->ip.protocol)) {
		bpf_l4_csum_replace(skb, off, t->l4.sport, c->sport, mangled | 2);
		bpf_l4_csum_replace(skb, off, t->l4.dport, c->dport, mangled | 2);
	}
}

#else

/* Whether a field that equals the pseudo-header's sum is that, and no whole checksum by chance. */
static __always_inline bool l4_is_open(hook_ctx *ctx, const struct track *t, __u16 field)
{
	__u32 len = bpf_ntohs(t->ip.tot_len) - t->ip.ihl * 4;
	__u64 pseudo = pseudo_sum(&t->ip, t->ip.protocol, len);
	__s64 sum;

	if (!self.virtual_link || t->frag != WEIR_FRAG_NONE || field != csum_fold(pseudo))
		return false;
	/* as csum_look() has it */
	if (t->ip.protocol == IPPROTO_UDP && t->l4.half[2] != bpf_htons((__u16)len))
		return false;
	sum = csum_range(ctx, t->l4_off, len);
	return sum < 0 || csum_fold((__u64)sum + pseudo) != 0xffff;
}

static __always_inline void l4_mend(
	struct xdp_md *ctx, struct track *t, const struct change *c, __u64 addrs, __u32 at)
{
	__u16 field = 0;

	if (hook_load(ctx, t->l4_off + at, &field, sizeof(field)) ||
		(t->ip.protocol == IPPROTO_UDP && !field))
		return;
	if (l4_is_open(ctx, t, field)) {
		field = csum_fold(field + addrs);
	} else {
		if (ports_change(t->ip.protocol))
			addrs += csum_delta(t->l4.sport, c->sport) +
				 csum_delta(t->l4.dport, c->dport);
		field = csum_mend(field, addrs);
		if (!field && is_never_0(t->ip.protocol))
			field = 0xffff;
	}
	hook_store(ctx, t->l4_off + at, &field, sizeof(field));
}

#endif

/* ICMP queries: the id is the port of whoever asked. No pseudo-header is in that sum. */
static __always_inline void icmp_write(hook_ctx *ctx, struct track *t, const struct change *c)
{
	__u16 id = icmp_asks(t->l4.type) ? c->sport : c->dport;
	__u16 check = csum_mend(t->l4.check, csum_delta(t->l4.id, id));

	if (id == t->l4.id)
		return;
	hook_store(ctx, t->l4_off + 4, &id, sizeof(id));
	hook_store(ctx, t->l4_off + 2, &check, sizeof(check));
}

static __always_inline void l4_write(
	hook_ctx *ctx, struct track *t, const struct change *c, __u64 addrs)
{
	__u32 at = check_at(t->ip.protocol), len = bpf_ntohs(t->ip.tot_len);
	__u16 pair[2] = {c->sport, c->dport};

	if (len && len < t->ip.ihl * 4 + at + 2)
		at = 0; /* what lies there is no checksum, but behind the packet */
	if (t->frag == WEIR_FRAG_LATER || t->what == TRACKED_NOT)
		return;
	if (t->ip.protocol == IPPROTO_ICMP)
		return icmp_write(ctx, t, c);
	if (at)
		l4_mend(ctx, t, c, addrs, at);
	if (ports_change(t->ip.protocol) && (t->l4.sport != c->sport || t->l4.dport != c->dport))
#if HOOK_TC
		/* what the sum has gained by ports it has lost by itself */
		bpf_skb_store_bytes(ctx, t->l4_off, pair, sizeof(pair), 0);
#else
		hook_store(ctx, t->l4_off, pair, sizeof(pair));
#endif
}

/* --- the IP header --- */

struct ip_tail {
	__sum16 check;
	__u32 saddr, daddr;
} __attribute__((packed));

/* Its checksum may have followed a TTL already. */
static __always_inline void ip_write(
	hook_ctx *ctx, __u32 off, __u32 saddr, __u32 daddr, __u64 delta)
{
	struct ip_tail tail;

	if (hook_load(ctx, off + __builtin_offsetof(struct iphdr, check), &tail, sizeof(tail)))
		return;
	tail.check = csum_mend(tail.check, delta);
	tail.saddr = saddr;
	tail.daddr = daddr;
	hook_store(ctx, off + __builtin_offsetof(struct iphdr, check), &tail, sizeof(tail));
}

/* --- ICMP errors --- */

/* The held packet's ports and checksum, as far as they are held. */
static __always_inline void inner_l4(
	hook_ctx *ctx, struct track *t, const struct change *c, __u32 off, __u64 addrs)
{
	__u32 at = check_at(t->inner.protocol);
	__u16 field = 0, pair[2] = {c->sport, c->dport};

	if (t->inner.protocol == IPPROTO_ICMP) {
		__u16 id = icmp_asks(t->l4.type) ? c->sport : c->dport;

		field = csum_mend(t->l4.check, csum_delta(t->l4.id, id));
		hook_store(ctx, off + 4, &id, sizeof(id));
		hook_store(ctx, off + 2, &field, sizeof(field));
		return;
	}
	if (ports_change(t->inner.protocol)) {
		addrs += csum_delta(t->l4.sport, c->sport) + csum_delta(t->l4.dport, c->dport);
		hook_store(ctx, off, pair, sizeof(pair));
	}
	if (!at || off + at + 2 > t->l3_off + bpf_ntohs(t->ip.tot_len) ||
		hook_load(ctx, off + at, &field, sizeof(field)) ||
		(t->inner.protocol == IPPROTO_UDP && !field))
		return;
	field = csum_mend(field, addrs);
	if (!field && is_never_0(t->inner.protocol))
		field = 0xffff;
	hook_store(ctx, off + at, &field, sizeof(field));
}

static __always_inline int inner_write(hook_ctx *ctx, struct track *t, const struct change *c)
{
	__u32 off = t->l4_off + 8;
	__u64 addrs = csum_delta(t->inner.saddr, c->saddr) + csum_delta(t->inner.daddr, c->daddr);
	__u16 check = 0;
	__s64 sum;

	ip_write(ctx, off, c->saddr, c->daddr, addrs);
	inner_l4(ctx, t, c, off + t->inner.ihl * 4, addrs);
	hook_store(ctx, t->l4_off + 2, &check, sizeof(check));
	sum = error_sum(ctx, t);
	check = (__u16)~csum_fold((__u64)sum);
	return sum < 0 || hook_store(ctx, t->l4_off + 2, &check, sizeof(check));
}

/*
 * What an error holds went the other way. The error itself goes where its session's packets go; its
 * source, on the way out, is what the inside is called outside, whoever there has made it.
 */
static __always_inline int error_write(hook_ctx *ctx, struct track *t)
{
	struct change c = {
		.saddr = t->daddr, .sport = t->dport, .daddr = t->saddr, .dport = t->sport};
	__u32 saddr = t->oldsrc;
	__u64 addrs;

	if (t->error == ERROR_OWN)
		return inner_write(ctx, t, &c);
	if (saddr == t->t.saddr || !t->back)
		saddr = t->saddr != t->t.saddr ? t->saddr : saddr;
	addrs = csum_delta(t->ip.saddr, saddr) + csum_delta(t->ip.daddr, t->daddr);
	ip_write(ctx, t->l3_off, saddr, t->daddr, addrs);
	return inner_write(ctx, t, &c);
}

/*
 * Writes what track_in() and the rules have found: the packet's source, its destination or both.
 * Returns 0, or not: then the packet is not to go on.
 */
__checked_once int rewrite_packet(hook_ctx *ctx, __u32 what)
{
	struct track *t = track_of();
	struct change c;
	__u64 addrs;

	if (!t)
		return -1;
	if (t->error)
		return error_write(ctx, t);
	c = (struct change){.saddr = what & WRITE_SRC ? t->saddr : t->ip.saddr,
		.daddr = what & WRITE_DST ? t->daddr : t->ip.daddr,
		.sport = what & WRITE_SRC ? t->sport : t->t.sport,
		.dport = what & WRITE_DST ? t->dport : t->t.dport};
	addrs = csum_delta(t->ip.saddr, c.saddr) + csum_delta(t->ip.daddr, c.daddr);
	l4_write(ctx, t, &c, addrs);
	if (c.saddr != t->ip.saddr || c.daddr != t->ip.daddr)
		ip_write(ctx, t->l3_off, c.saddr, c.daddr, addrs);
	return 0;
}

#endif
