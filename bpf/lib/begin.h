/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet's session, once it is known what the packet becomes: one that is there counts it, a new
 * one is made. Or the packet is refused: NAT governs it, and it can have none.
 */
#ifndef WEIR_BPF_BEGIN_H
#define WEIR_BPF_BEGIN_H

#include "fragment.h"
#include "nat.h"

/* RFC 5508, REQ-8: who can have no session, for want of ports or of room, is told. */
static __always_inline bool is_for_want(__u64 exit)
{
	return exit == NAT_DROP(NAT_EXHAUSTED) - 1 || exit == NAT_DROP(NAT_FULL) - 1;
}

static __always_inline void session_release(struct track *t)
{
	struct weir_session *s = &t->ask.s;

	if (s->mapping)
		mapping_release(&t->look, s->mapping - 1);
	if (s->mapping_in)
		mapping_release(&t->look, s->mapping_in - 1);
	if (s->permit)
		mapping_release(&t->look, s->permit - 1);
	s->mapping = s->mapping_in = s->permit = 0;
}

/* Who was sent to may send back: an entry for each outside address, where the rule wants that. */
static __always_inline bool permit_hold(struct track *t)
{
	struct mapping_ask *a = &t->map;
	int got;

	if (!t->ask.s.mapping || t->rule.filtering != WEIR_DEPENDS_address)
		return true;
	a->permit = 1;
	a->remote = t->daddr;
	got = mapping_find(a);
	if (got == MAPPED_NONE)
		got = mapping_put(a);
	if (got == MAPPED_BUSY)
		got = mapping_find(a);
	if (got != MAPPED)
		return false;
	t->ask.s.permit = a->number + 1;
	return true;
}

static __always_inline bool mapping_in_hold(struct track *t)
{
	struct weir_mapping *m;

	if (!t->mapping_in)
		return true;
	m = mapping_at(t->mapping_in - 1);
	if (!m || !mapping_hold(m))
		return false;
	t->ask.s.mapping_in = t->mapping_in;
	return m->inside == t->daddr && m->inside_port == t->dport && m->addr == t->t.daddr &&
	       m->port == t->t.dport;
}

static __always_inline void session_fill(struct track *t)
{
	struct weir_session *s = &t->ask.s;

	s->seen = epoch_now();
	s->saddr = t->t.saddr;
	s->sport = t->t.sport;
	s->daddr = t->t.daddr;
	s->dport = t->t.dport;
	s->xsaddr = t->saddr;
	s->xsport = t->sport;
	s->xdaddr = t->daddr;
	s->xdport = t->dport;
	s->proto = t->t.proto;
	s->iif = t->iif;
	s->oif = t->oif;
	s->rule_src = t->rule_src;
	s->rule_dst = t->rule_dst;
	s->outside = t->outside;
	if (s->xsaddr != s->saddr || s->xsport != s->sport)
		s->flags |= WEIR_SESSION_SRC;
	if (s->xdaddr != s->daddr || s->xdport != s->dport)
		s->flags |= WEIR_SESSION_DST;
	if (t->mapping_in)
		s->flags |= WEIR_SESSION_INBOUND;
	if (t->hairpin)
		s->flags |= WEIR_SESSION_HAIRPIN;
	if (!t->oif || !t->iif)
		s->flags |= WEIR_SESSION_LOCAL;
}

/*
 * Where nothing but its answers is in the way, another source port makes them different. The kernel
 * sees that port: in between the two its packets, too, would be the other session's.
 */
static __always_inline bool clash_avoid(struct track *t)
{
	struct weir_session *s = &t->ask.s;

	if (!(s->flags & WEIR_SESSION_DST) || s->flags & WEIR_SESSION_SRC ||
		(s->proto != IPPROTO_UDP && s->proto != IPPROTO_TCP))
		return false;
	t->sport = bpf_htons(PORT_LEAST + bpf_get_prandom_u32() % (65536 - PORT_LEAST));
	s->xsport = t->sport;
	s->flags |= WEIR_SESSION_PORT;
	return true;
}

/* What the session holds, and is: 0, or the drop. */
__checked_once int track_prepare(hook_ctx *ctx)
{
	struct track *t = track_of();

	if (!t || !ctx)
		return 0;
	if (!mapping_in_hold(t)) {
		session_release(t);
		return NAT_DROP(NAT_CLASH);
	}
	if (!permit_hold(t)) {
		session_release(t);
		return NAT_DROP(NAT_FULL);
	}
	session_fill(t);
	/* else an answer could be of a session that was begun from outside */
	t->ask.by_name =
		t->ask.s.mapping &&
		(t->ask.s.flags & (WEIR_SESSION_SRC | WEIR_SESSION_DST)) == WEIR_SESSION_SRC &&
		!has_dnats();
	return 0;
}

/* Another CPU has made a session of the same flow. */
static __always_inline bool track_other(struct track *t)
{
	__u32 entry = t->ask.entry, number = entry & WEIR_REF_RECORD;
	struct weir_session *s = session_at(number);

	return s && track_take(t, s, number, ENTRY_REF(entry), s->serial);
}

/*
 * Whether what is in the way is a packet from outside that this host has never answered: whoever
 * sends such to all our ports keeps none of them from the inside. Then it is in the way no longer.
 */
__checked_once int clash_ends(__u32 entry)
{
	__u32 number = entry & WEIR_REF_RECORD, flags, serial;
	struct weir_session *s = session_at(number);

	if (!s)
		return 0;
	serial = *(volatile __u32 *)&s->serial;
	flags = *(volatile __u32 *)&s->flags;
	if (!(flags & WEIR_SESSION_LOCAL) ||
		flags & (WEIR_SESSION_REPLIED | WEIR_SESSION_SRC | WEIR_SESSION_DST |
				WEIR_SESSION_PORT) ||
		!*(volatile __u32 *)&s->iif)
		return 0;
	return session_end(number, serial);
}

/* Makes the session, or finds the one that another CPU has made of the same flow. 0, or the drop.
 */
__checked_once int track_make(hook_ctx *ctx)
{
	struct track *t = track_of();
	int i, got = MADE_CLASH;

	if (!t || !ctx)
		return 0;
	for (i = 0; i < CLASH_TRIES && got == MADE_CLASH; i++) {
		if (i && !clash_ends(t->ask.entry) && !clash_avoid(t))
			break;
		got = session_make(&t->ask);
	}
	if (got == MADE) {
		t->session = t->ask.number + 1;
		t->serial = t->ask.serial;
		t->ref = WEIR_REF_orig;
		return 0;
	}
	session_release(t);
	if (got == MADE_FOUND && track_other(t))
		return 0;
	t->session = 0;
	/* what is not translated needs none */
	if (!(t->ask.s.flags & (WEIR_SESSION_SRC | WEIR_SESSION_DST)))
		return 0;
	if (got == MADE_FULL)
		return NAT_DROP(NAT_FULL);
	__sync_fetch_and_add(&nat.clashes, 1);
	return NAT_DROP(NAT_CLASH);
}

/* The packet counts for its session, and TCP's flags tell of it. */
static __always_inline void track_count(struct track *t)
{
	struct weir_session *s = t->session ? session_at(t->session - 1) : NULL;

	if (!s || t->error || self.dry)
		return;
	session_count(s, t->back, epoch_now(), 1, t->len);
	if (t->t.proto == IPPROTO_TCP && t->frag != WEIR_FRAG_LATER &&
		tcp_tells(s, t->back, t->tcp))
		session_tcp(s, t->back, t->tcp);
}

/* Its sum, over all of it; -1 where it cannot be had. */
static __always_inline __s64 error_sum(hook_ctx *ctx, const struct track *t)
{
	return csum_range(ctx, t->l4_off, bpf_ntohs(t->ip.tot_len) - t->ip.ihl * 4);
}

/* RFC 5508, REQ-3: an error whose checksum is wrong is none, nor one about a header whose is. */
static __always_inline bool error_is_whole(hook_ctx *ctx, const struct track *t)
{
	__s64 sum = error_sum(ctx, t);

	if (sum < 0 || csum_fold((__u64)sum) != 0xffff)
		return false;
	sum = csum_range(ctx, t->l4_off + 8, t->inner.ihl * 4);
	return sum >= 0 && csum_fold((__u64)sum) == 0xffff;
}

/* Whether a local sender's packet bears already what the rule would give it. */
static __always_inline bool is_outside_already(hook_ctx *ctx, const struct track *t)
{
	return !t->iif && (is_pool(t->ip.saddr) ||
				  ifindex_has((__u64)(long)net_of(ctx), t->rule.dev, t->ip.saddr));
}

/* What has no session, and can begin none: NAT lets it go on where it does not govern it. */
static __always_inline int track_stray(hook_ctx *ctx, const struct track *t, bool governed)
{
	if (governed && is_outside_already(ctx, t))
		return 0;
	if (t->what == TRACKED_LATER)
		return governed || is_pool(t->ip.daddr) || is_outside(t->oif) ||
				       (t->iif && is_outside(t->iif) && !t->oif)
			       ? NAT_DROP(NAT_FRAGMENT)
			       : 0;
	return governed ? NAT_DROP(NAT_NO_SESSION) : 0;
}

/*
 * What comes from outside for a socket of this host has one, so that its answers are known not to
 * be translated. Not what comes for nobody: who scans our ports would fill the table.
 */
__checked_once int wants_session(hook_ctx *ctx)
{
	const struct track *t = track_of();

	if (!t || !ctx)
		return 0;
	return t->rule_src || t->rule_dst || *(volatile __u32 *)&nat.states ||
	       (!t->oif && t->iif && is_outside(t->iif) &&
		       is_local_port(ctx, t->daddr, t->dport, t->t.proto));
}

/* What is found already, or can begin nothing: 0, or the exit by which it is dropped, plus one. */
static __always_inline int track_known(hook_ctx *ctx, struct track *t, __u32 found)
{
	if (t->what == TRACKED_FOUND) {
		if (t->error == 1 && !error_is_whole(ctx, t))
			return WEIR_EXIT_nf_postrouting_ICMP_CSUM + 1;
		track_count(t);
		if (t->frag == WEIR_FRAG_FIRST)
			fragment_keep(t, THIS_HOOK == WEIR_HOOK_tc_egress);
		return 0;
	}
	/* an address that NAT gives out is nobody's: the kernel would send it back where it came
	 * from */
	if (THIS_HOOK != WEIR_HOOK_tc_egress && !t->rule_dst && t->oif && is_pool(t->ip.daddr))
		return t->what == TRACKED_LATER ? NAT_DROP(NAT_FRAGMENT) : NO_MAPPING_DROP;
	return t->what == TRACKED_NEW ? 0 : track_stray(ctx, t, found != WEIR_NO_RULE);
}

enum { OUT_DONE, OUT_SNAT, OUT_MAPPING, OUT_DROP };

/*
 * After the rules were asked where from: @found is the rule's place, t->rule itself. Says what is
 * to be done; with OUT_DROP t->drop is the exit, plus one.
 */
__checked_once int track_out(hook_ctx *ctx, __u32 found)
{
	struct track *t = track_of();

	if (!t || t->done)
		return OUT_DONE;
	if (THIS_HOOK != WEIR_HOOK_tc_egress && is_reassembled(t)) {
		t->drop = (__u32)fragment_out(ctx, t);
		if (t->drop)
			return OUT_DROP;
		if (t->given && fragment_waits(t, t->oif))
			return OUT_DONE; /* its session is its first one's, at TC egress */
	}
	t->done = 1;
	if (t->frag == WEIR_FRAG_LATER && t->what == TRACKED_NOT)
		return OUT_DONE; /* its first was left as it is */
	t->drop = (__u32)track_known(ctx, t, found);
	if (t->drop)
		return OUT_DROP;
	if (t->what != TRACKED_NEW)
		return OUT_DONE;
	t->ask.s.flags = t->ask.s.mapping = t->ask.s.mapping_in = t->ask.s.permit = 0;
	if (found == WEIR_NO_RULE)
		return OUT_SNAT;
	return t->rule.nat != WEIR_NAT_map && has_mapping(t->t.proto) ? OUT_MAPPING : OUT_SNAT;
}

/* The new session's first packet. */
__checked_once int track_begun(hook_ctx *ctx)
{
	struct track *t = track_of();

	if (!t || !ctx)
		return 0;
	track_count(t);
	if (t->frag == WEIR_FRAG_FIRST)
		fragment_keep(t, THIS_HOOK == WEIR_HOOK_tc_egress);
	return 0;
}

/*
 * The route of a masqueraded packet leads out by another device now, whose address is another: its
 * session ends, as nf_nat ends it, and the packet begins one anew. Not where its destination is
 * translated, too: where that leads to was asked already, and is not asked again.
 */
__checked_once int session_moved(hook_ctx *ctx)
{
	struct track *t = track_of();
	struct weir_session *s;
	__u32 flags;

	if (!t || !ctx || !t->session || !t->oif || t->error || t->back ||
		t->frag == WEIR_FRAG_LATER)
		return 0;
	s = session_at(t->session - 1);
	flags = s ? *(volatile __u32 *)&s->flags : 0;
	if (!(flags & WEIR_SESSION_MASQUERADE) ||
		flags & (WEIR_SESSION_DST | WEIR_SESSION_HAIRPIN) || t->outside == t->oif)
		return 0;
	if (!self.dry)
		session_end(t->session - 1, t->serial);
	t->session = t->serial = t->outside = t->ask.known = 0;
	t->saddr = t->t.saddr;
	t->sport = t->t.sport;
	t->what = may_begin(t) ? TRACKED_NEW : TRACKED_STRAY;
	return 1;
}

/*
 * Where from, for a packet that leaves by t->oif: its session is there from now on, if it is to
 * have one. 0, or the exit by which it is dropped, plus one. In pieces, one beside the other: one
 * within the other they would need more stack than there is.
 */
static __always_inline __u32 track_leave(hook_ctx *ctx, struct track *t, __u32 nexthop)
{
	__u32 found = WEIR_NO_RULE, drop = 0;
	int next;

	if (t->done)
		return 0;
	if (t->what == TRACKED_FOUND)
		session_moved(ctx);
	if (t->what != TRACKED_FOUND && t->what != TRACKED_NOT && t->oif) {
		track_ask(t, t->iif, t->hairpin ? t->outside : t->oif);
		found = nat_find(&t->fields, &t->rule);
	}
	next = track_out(ctx, found);
	if (next == OUT_DROP)
		return t->drop;
	if (next == OUT_DONE)
		return 0;
	if (next == OUT_MAPPING)
		drop = (__u32)snat_mapping(ctx, nexthop);
	if (!drop && found != WEIR_NO_RULE)
		drop = (__u32)track_snat(ctx, nexthop);
	if (!drop && wants_session(ctx)) {
		drop = (__u32)track_prepare(ctx);
		if (!drop)
			drop = (__u32)track_make(ctx);
	}
	if (!drop)
		track_begun(ctx);
	return (__u32)unknown(drop); /* one way on for the verifier */
}

#endif
