/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Each packet that comes in by an attached device is judged by the filter once, where weir meets it
 * first: before it is forwarded, or before it is given to the kernel, whatever for. TC egress
 * judges what local senders send, and what the kernel forwards from devices that are not attached.
 */
#ifndef WEIR_BPF_JUDGE_H
#define WEIR_BPF_JUDGE_H

#include "answer.h"
#include "fields.h"
#include "filter.h"
#include "log.h"
#include "begin.h"

/* The packet in hand, and what the filter says of it: for each CPU. The stack is too small for it.
 */
struct work {
	struct weir_fields fields;
	struct weir_judged judged;
	struct bpf_fib_lookup fib;
	struct fields_scratch head;
	__u32 way; /* dry: what way_of() has said; 0: nowhere */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct work);
} work SEC(".maps");

/* What a flow may not keep: the next packet may be judged otherwise. */
#define JUDGE_EACH                                                                                 \
	(WEIR_CHECK_TCP | WEIR_CHECK_ICMP_TYPE | WEIR_CHECK_ICMP_CODE | WEIR_CHECK_STATE |         \
		WEIR_CHECK_FRAG | WEIR_CHECK_LIMIT | WEIR_LOG | WEIR_COUNTS)

/* The policy of a frame that is not IPv4. */
static long policy_step(__u32 i, struct search *s)
{
	__u32 rule = s->head->head.rules - s->head->head.policies + i;
	struct weir_rule_rec *rec = record_of(s, rule);

	if (!rec)
		return 1;
	if ((rec->to[0] && rec->to[0] != s->f->dim[WEIR_DIM_iif]) ||
		(rec->to[1] && rec->to[1] != s->f->dim[WEIR_DIM_oif]))
		return 0;
	rule_count(rec->slot, s->f->len);
	s->w->judged.rule = rule;
	s->w->judged.slot = rec->slot;
	s->w->judged.verdict = rec->verdict;
	return 1;
}

__checked_once int policy_judge(struct weir_fields *f, struct weir_judged *judged)
{
	struct search s = {};

	if (!f || !judged)
		return 0;
	*judged = (struct weir_judged){.rule = WEIR_NO_RULE, .verdict = WEIR_VERDICT_COUNT};
	if (!search_begin(&s, WEIR_RULESET_filter, f))
		return 0;
	s.w->judged = *judged;
	bpf_loop(s.head->head.policies, policy_step, &s, 0);
	*judged = s.w->judged;
	return 0;
}

/*
 * Where the kernel would send an IPv4 packet that it is not asked about otherwise, to @daddr: the next hop
 * above, the device's index below; 0: nowhere.
 */
__checked_once __u64 way_of(hook_ctx *ctx, __u32 l3_off, __u32 iif, __u32 daddr)
{
	__u32 zero = 0;
	struct work *w = bpf_map_lookup_elem(&work, &zero);
	__u32 net;
	long found;

	if (!w || hook_load(ctx, l3_off, &w->head.ip, sizeof(w->head.ip)) ||
		w->head.ip.version != 4)
		return 0;
	if (!daddr)
		daddr = w->head.ip.daddr;
	/* no route is asked for these: ip_route_input_slow() */
	net = bpf_ntohl(daddr) >> 24;
	if (!net || net == 127 || net >= 224)
		return 0;
	w->fib = (struct bpf_fib_lookup){
		.family = AF_INET,
		.tos = w->head.ip.tos,
		.l4_protocol = w->head.ip.protocol,
		.tot_len = sizeof(w->head.ip),
		.ipv4_src = w->head.ip.saddr,
		.ipv4_dst = daddr,
		.ifindex = iif,
	};
	found = bpf_fib_lookup(ctx, &w->fib, sizeof(w->fib), 0);
	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH)
		return 0;
	if (self.dry)
		w->way = w->fib.ifindex;
	return (__u64)nexthop_word(&w->fib) << 32 | w->fib.ifindex;
}

/* What the filter says of a packet, in one number: the verdict, and what its flow may keep of it. */
#define SAID(verdict, slot) ((__u64)(slot) << 32 | (verdict))
#define SAID_VERDICT(said)  ((__u32)(said)&0xff)
#define SAID_SLOT(said)	    ((__u32)((said) >> 32))

/* Rules see where a packet goes to in the end, and where it comes from in the beginning; and of what
 * state its session is. True where that will not change as long as there is the session. */
static __always_inline bool fields_track(struct weir_fields *f, __u32 oif)
{
	struct track *t = track_of();

	if (!t || f->dim[WEIR_DIM_proto] == PROTO_NONE)
		return false;
	/* nothing of the packet goes further unless its first fragment may, which is asked about
	 * with the session's own state */
	if (THIS_HOOK != WEIR_HOOK_tc_egress && t->frag == WEIR_FRAG_LATER &&
		fragment_waits(t, oif))
		t->state = WEIR_STATE_new;
	f->dim[WEIR_DIM_dst] = bpf_ntohl(t->daddr);
	if (f->dim[WEIR_DIM_dport] != WEIR_NO_PORT)
		f->dim[WEIR_DIM_dport] = bpf_ntohs(t->dport);
	f->state = t->state;
	return t->session && t->state == WEIR_STATE_established;
}

/* What rules test of the frame in hand. A function of its own, for its stack's sake. */
__checked_once int fields_take(hook_ctx *ctx, __u32 l3_off)
{
	__u32 zero = 0;
	struct work *w = bpf_map_lookup_elem(&work, &zero);

	if (w && l3_off >= ETH_HLEN)
		fields_read(ctx, &w->fields, &w->head, l3_off);
	return 0;
}

/*
 * Judges the frame in hand. 0 devices are none: local senders, this host. @tracked: struct track is about
 * it. A flow's key has no ports where a fragment's packets differ in them, nor where the header is cut
 * short.
 */
__checked_once __u64 judge(hook_ctx *ctx, __u32 l3_off, __u32 iif, __u32 oif, __u32 tracked)
{
	__u32 zero = 0, slot = 0, each = JUDGE_EACH;
	struct work *w = bpf_map_lookup_elem(&work, &zero);
	struct weir_fields *f;

	if (!w || l3_off < ETH_HLEN)
		return SAID(WEIR_VERDICT_COUNT, WEIR_FLOW_JUDGE);
	f = &w->fields;
	fields_take(ctx, l3_off);
	if (self.track && tracked && fields_track(f, oif))
		each &= ~WEIR_CHECK_STATE;
	f->dim[WEIR_DIM_iif] = iif;
	f->dim[WEIR_DIM_oif] = oif;
	if (f->dim[WEIR_DIM_proto] == PROTO_NONE)
		policy_judge(f, &w->judged);
	else if (!filter_judge(f, &w->judged))
		return SAID(WEIR_drop, WEIR_FLOW_JUDGE);
	if (w->judged.log_id)
		log_packet(ctx, &w->judged, iif, oif);
	if (w->judged.checks & each || f->frag != WEIR_FRAG_NONE ||
		(proto_has_ports((__u8)f->dim[WEIR_DIM_proto]) &&
			f->dim[WEIR_DIM_sport] == WEIR_NO_PORT))
		slot = WEIR_FLOW_JUDGE;
	else if (w->judged.verdict == WEIR_drop)
		slot = (w->judged.slot + 1) | WEIR_FLOW_DROP;
	else if (w->judged.verdict == WEIR_accept)
		slot = w->judged.slot + 1;
	else if (w->judged.verdict != WEIR_VERDICT_COUNT)
		slot = WEIR_FLOW_JUDGE;
	return SAID(w->judged.verdict, slot);
}

#endif
