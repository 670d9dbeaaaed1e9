/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the program of a hook, loaded `dry`, has made of the one packet that it was run on: told by
 * another program, which is loaded with it and run after it on the same CPU. All is still where it
 * was put aside for the packet in hand, so the program itself need not tell, and one that is not
 * dry is as it was.
 */
#ifndef WEIR_BPF_EXPLAIN_H
#define WEIR_BPF_EXPLAIN_H

#include "judge.h"

#include <weir/explained.h>

static __always_inline void explain_way(
	struct weir_explained_way *way, const struct bpf_fib_lookup *fib, __u32 found)
{
	if (!found)
		return;
	way->oif = found;
	way->nexthop = nexthop_word(fib);
	__builtin_memcpy(way->dmac, fib->dmac, ETH_ALEN);
	__builtin_memcpy(way->smac, fib->smac, ETH_ALEN);
	/* without a neighbour the kernel writes neither: there is the packet's length yet */
	if (fib->smac[0] | fib->smac[1] | fib->smac[2] | fib->smac[3] | fib->smac[4] | fib->smac[5])
		way->mtu = fib->mtu_result;
}

static __always_inline void explain_filter(struct weir_explained *e, const struct work *w)
{
	const struct weir_judged *judged = &w->judged;

	e->asked = w->fields.len != 0;
	e->iif = w->fields.dim[WEIR_DIM_iif];
	e->oif = w->fields.dim[WEIR_DIM_oif];
	e->rule = judged->id;
	e->log = judged->log_id;
	e->checks = judged->checks;
	e->verdict = judged->verdict;
	explain_way(&e->kernel, &w->fib, w->way);
}

static __always_inline void explain_track(struct weir_explained *e, const struct track *t)
{
	e->tracked = t->ip.version == 4;
	e->state = t->state;
	e->session = t->session;
	e->rule_src = t->rule_src;
	e->rule_dst = t->rule_dst;
	e->back = t->back;
	e->hairpin = t->hairpin;
	/* which port that will be is for chance to say */
	e->port_any = t->session == WEIR_SESSION_NEW && t->sport != t->t.sport &&
		      (!t->rule_src || t->ask.s.mapping == WEIR_SESSION_NEW);
	e->later = t->frag == WEIR_FRAG_LATER;
	e->is = t->t;
	e->becomes.proto = t->t.proto;
	e->becomes.saddr = t->saddr;
	e->becomes.daddr = t->daddr;
	e->becomes.sport = t->sport;
	e->becomes.dport = t->dport;
}

/* The packet's room is for the answer. */
static __always_inline int explain(hook_ctx *ctx)
{
	struct weir_explained *e = (void *)(long)ctx->data;
	const struct asking *asked;
	const struct work *w;
	const struct track *t = track_of();
	__u32 zero = 0;

	asked = bpf_map_lookup_elem(&asking, &zero);
	w = bpf_map_lookup_elem(&work, &zero);
	if (!asked || !w || !t || (void *)(e + 1) > (void *)(long)ctx->data_end)
		return HOOK_DROP;
	__builtin_memset(e, 0, sizeof(*e));
	explain_filter(e, w);
	explain_track(e, t);
	explain_way(&e->forward, &asked->there, asked->oif);
	return HOOK_PASS;
}

#endif
