/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is given to the kernel: judged, if it was not yet, with its session looked for, and its
 * destination translated. Its source is TC egress's to translate, since the kernel takes what comes
 * in from one of its own addresses for an impostor's.
 */
#ifndef WEIR_BPF_LEAVE_H
#define WEIR_BPF_LEAVE_H

#include "judge.h"
#include "rewrite.h"

/* Without ARP no packet would come that a rule could let pass. The others are not for us. */
static __always_inline bool exit_unjudged(__u64 exit)
{
	switch (exit) {
	case WEIR_EXIT_xdp_ARP:
	case WEIR_EXIT_xdp_VLAN:
	case WEIR_EXIT_xdp_OTHERHOST:
	case WEIR_EXIT_xdp_UNTAGGED:
	case WEIR_EXIT_tc_ingress_ARP:
	case WEIR_EXIT_tc_ingress_VLAN:
	case WEIR_EXIT_tc_ingress_OTHERHOST:
	case WEIR_EXIT_tc_ingress_XDP_JUDGED:
		return true;
	default:
		return false;
	}
}

/* What is no IPv4 packet for one host has no session. */
static __always_inline bool exit_untracked(__u64 exit)
{
	switch (exit) {
	case WEIR_EXIT_xdp_L2_MULTICAST:
	case WEIR_EXIT_xdp_IPV6:
	case WEIR_EXIT_xdp_UNHANDLED_PROTO:
	case WEIR_EXIT_tc_ingress_L2_MULTICAST:
	case WEIR_EXIT_tc_ingress_IPV6:
	case WEIR_EXIT_tc_ingress_UNHANDLED_PROTO:
	case WEIR_EXIT_ip_rcv_IP_MULTICAST:
	case WEIR_EXIT_ip_rcv_IP_BROADCAST:
	case WEIR_EXIT_ip_rcv_IP_LOCALNET:
		return true;
	default:
		return exit_unjudged(exit);
	}
}

/* A packet that was to go to the kernel is dropped, and where @answers its sender told. The hook's
 * code. */
__checked_once int leave_dropped(hook_ctx *ctx, struct weir_row *row, struct weir_cursor *cur,
	__u32 l3_off_exit, __u32 iif_answers)
{
	__u32 exit = l3_off_exit >> 16, l3_off = l3_off_exit & 0xffff;
	__u32 len = hook_len(ctx);

	if (!row || !cur || l3_off < ETH_HLEN || exit >= WEIR_EXIT_COUNT)
		return HOOK_DROP;
	row->exit[exit].packets++;
	row->exit[exit].bytes += len;
	if (is_for_want(exit))
		l3_off |= ANSWER_ICMP;
	if (iif_answers && answer_has_way() && answer(ctx, row, l3_off, iif_answers, 0))
		return answer_send(ctx, cur);
	return HOOK_DROP;
}

static __always_inline int leave_drop(struct pkt *p, __u32 exit, bool tell)
{
	exit_tell(p, exit, false);
	return leave_dropped(
		p->ctx, p->row, p->cur, (__u32)p->l3_off | (__u32)exit << 16, tell ? p->iif : 0);
}

/* The packet's session, and for a new one what NAT's rules say where to: struct track tells. */
__checked_once int track_packet(hook_ctx *ctx, __u32 l3_off, __u32 iif)
{
	struct track *t = track_of();
	__u32 found = WEIR_NO_RULE;
	bool rules;

	if (!t || track_read(ctx, l3_off, iif) != TRACKED_NEW)
		return 0;
	if ((track_name(t) && named_find(ctx)) || track_in(ctx) != TRACKED_NEW)
		return 0;
	rules = has_dnats();
	if (rules) {
		track_ask(t, iif, WEIR_DEV_DNAT);
		found = nat_find(&t->fields, &t->rule);
	}
	if (!track_dnat(ctx, found, 0))
		return 0;
	if (rules) {
		track_ask(t, WEIR_DEV_INSIDE, WEIR_DEV_DNAT);
		found = nat_find(&t->fields, &t->rule);
	}
	track_dnat(ctx, found, 1);
	return 0;
}

static __always_inline struct track *track_begin(struct pkt *p)
{
	struct track *t = track_of();

	if (!t)
		return NULL;
	track_packet(p->ctx, (__u32)p->l3_off, p->iif);
	p->tracked = 1;
	t->done |= p->counted;
	p->daddr = t->daddr;
	return t;
}

/* What the kernel is given has its destination translated; false where its source would not be. A
 * session with another port of its own has all of it translated there, and back nothing: see
 * sent_find(). */
__checked_once int leave_translated(hook_ctx *ctx)
{
	struct track *t = track_of();
	const struct weir_session *s;
	__u32 oif, what = WRITE_DST;

	if (!t || !ctx)
		return 0;
	oif = t->oif;
	s = t->session ? session_at(t->session - 1) : NULL;
	if (self.dry && t->session == WEIR_SESSION_NEW)
		s = &t->ask.s;
	if (s && s->flags & WEIR_SESSION_PORT && !t->error)
		what = t->back ? 0 : WRITE_SRC | WRITE_DST;
	if (!(what & WRITE_SRC) && src_changes(t) &&
		(t->error || !oif || !bpf_map_lookup_elem(&ports, &oif)))
		return 0;
	return !what || !dst_changes(t) || !rewrite_packet(ctx, what);
}

/* The packet is the kernel's. */
static __always_inline int leave_kernel(struct pkt *p, __u64 exit)
{
	exit_count(p, exit);
	exit_tell(p, exit, false);
	if (!HOOK_TC && *(volatile __u32 *)&ctl.tc)
		mark_judged(p->ctx, p->iif);
	return HOOK_PASS;
}

/* The hook's code for a verdict. */
static __always_inline int leave(struct pkt *p, struct verdict v)
{
	struct track *t = NULL;
	__u32 said, drop, punt;
	__u64 way, exit; /* 64 bits wide: the verifier follows those on the stack */

	if (likely(!v.leaves))
		return v.code;
	/* else the verifier would go through what follows once for each way here */
	exit = unknown(v.leaves - 1U);
	punt = unknown(v.punt);
	p->l3_off = unknown((__u32)p->l3_off);
	p->judged = unknown((__u32)p->judged);
	p->tracked = unknown((__u32)p->tracked);
	p->counted = unknown((__u32)p->counted);
	p->oif_way = unknown(p->oif_way);
	if (exit >= WEIR_EXIT_COUNT)
		return HOOK_DROP;
	if (self.track && !exit_untracked(exit)) {
		t = p->tracked ? track_of() : track_begin(p);
		if (!t)
			return HOOK_DROP;
		if (t->drop)
			return leave_drop(p, t->drop - 1, false);
	}
	way = p->oif_way | (__u64)p->nexthop << 32;
	if (!p->oif_way && ((self.filter && !p->judged && !exit_unjudged(exit)) || t || self.dry))
		way = way_of(p->ctx, (__u32)p->l3_off, p->iif, t ? t->daddr : 0);
	if (!(__u32)way && t && track_hairpin(p->ctx)) {
		if (t->drop)
			return leave_drop(p, t->drop - 1, false);
		way = way_of(p->ctx, (__u32)p->l3_off, p->iif, t->daddr);
	}
	if (self.filter && !p->judged && !exit_unjudged(exit)) {
		said = SAID_VERDICT(judge(p->ctx, (__u32)p->l3_off, p->iif, (__u32)way, t != NULL));
		if (said == WEIR_drop)
			return leave_drop(p, WEIR_EXIT_nf_prerouting_FILTER, false);
		if (said == WEIR_reject)
			return leave_drop(p, WEIR_EXIT_nf_prerouting_FILTER_REJECT, true);
	}
	if (punt && conf.punt == WEIR_PUNT_DROP) {
		p->row->punt_drop[exit].packets++;
		p->row->punt_drop[exit].bytes += p->len;
		exit_tell(p, exit, true);
		return HOOK_DROP;
	}
	if (t) {
		t->oif = (__u32)way;
		t->given = 1;
		drop = track_leave(p->ctx, t, (__u32)(way >> 32));
		if (drop)
			return leave_drop(p, drop - 1, is_for_want(drop - 1));
		if (!leave_translated(p->ctx))
			return leave_drop(p, WEIR_EXIT_nf_postrouting_NAT_UNTRANSLATED, false);
	}
	return leave_kernel(p, exit);
}

#endif
