/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The classifier: the first rule that matches a packet.
 *
 * Each tree of the rule set is walked to one leaf, two trees at once; the leaf's boxes are looked
 * at in order until one matches or can no longer be the first. What the walk knows of the rule set
 * is one map, looked up once by whoever begins it, so that a walk, and the records it leads to, are
 * of one set. bpf/README.md says why it is trees.
 */
#ifndef WEIR_BPF_CLASSIFY_H
#define WEIR_BPF_CLASSIFY_H

#include "filter_maps.h"

#define NO_SET 0

/* What has been found so far. */
struct found {
	__u32 from;    /* rules before this one are not asked */
	__u32 rule;    /* the first that matched; WEIR_NO_RULE */
	__u32 checks;  /* enum weir_check, of boxes whose ranges held */
	__u32 checked; /* the first of their rules */
};

/* A leaf of more boxes than a page may have. */
struct chain {
	__u32 first;
	__u32 boxes; /* 0: none is being walked */
	__u32 lo,
		hi; /* between which the first box is that may be asked; then the next one, twice */
};

/*
 * A search for one packet. It is done step by step, each one round of the caller's bpf_loop():
 * calls may lie eight deep, and a loop within a loop would take two of them.
 */
struct search {
	void *set; /* the rule set's map */
	struct weir_page *head;
	struct weir_fields *f;
	struct walk *w;
};

/* How far it has come: for each CPU, since the stack is too small for it. */
struct walk {
	struct found found;
	struct chain chain;
	__u32 tree;   /* the next one */
	__u32 now;    /* the rules' generation and kind: weir_turn_shows() */
	__u32 checks; /* of earlier searches for the packet */
	struct weir_judged judged;
	__u32 done; /* and it was not given up */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk);
} walks SEC(".maps");

#define SEARCH_STEPS (8 << 20) /* what bpf_loop() takes */

static __always_inline struct weir_page *page_of(void *set, __u32 page)
{
	return bpf_map_lookup_elem(set, &page);
}

/* The number of @x's lowest bit: a product with this constant has it in its highest six. */
static const __u8 bit_of[64] = {0, 1, 56, 2, 57, 49, 28, 3, 61, 58, 42, 50, 38, 29, 17, 4, 62, 47,
	59, 36, 45, 43, 51, 22, 53, 39, 33, 30, 24, 18, 12, 5, 63, 55, 48, 27, 60, 41, 37, 16, 46,
	35, 44, 21, 52, 32, 23, 11, 54, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9, 13, 8, 7, 6};

static __always_inline __u32 lowest_bit(__u64 x)
{
	return bit_of[((x & -x) * 0x03f79d71b4ca8b09ULL >> 58) & 63];
}

/* Whether the set has a prefix of @value. */
__checked_once int set_has(__u32 set, __u32 value)
{
	struct weir_set_info *info = bpf_map_lookup_elem(&set_info, &set);
	struct weir_elem_key key = {.set = (__u16)set};
	struct weir_elem *elem;
	struct walk *w;
	__u32 bits, len, i;
	__u64 lens;

	if (!info)
		return false;
	bits = info->bits;
	lens = info->lens;
	if (bits == 16 && value > 0xffff)
		return false; /* WEIR_NO_PORT */
	for (i = 0; i <= 32 && lens; i++, lens &= lens - 1) {
		len = lowest_bit(lens);
		key.len = (__u16)len;
		key.value = value & ~(__u32)((1ULL << ((bits - len) & 63)) - 1);
		elem = bpf_map_lookup_elem(&sets, &key);
		if (likely(!elem))
			continue;
		if (likely(!elem->turn))
			return true;
		set = 0; /* in the place of another on the stack */
		w = bpf_map_lookup_elem(&walks, &set);
		if (w && weir_turn_shows(elem->turn, w->now))
			return true;
	}
	return false;
}

static __always_inline bool checks_hold(const struct weir_box *b, const struct weir_fields *f)
{
	__u32 checks = b->checks, proto = f->dim[WEIR_DIM_proto], frag = f->frag;

	if (checks & WEIR_CHECK_TCP && (proto != IPPROTO_TCP || frag == WEIR_FRAG_LATER ||
					       (f->tcp_flags & b->tcp_mask) != b->tcp_flags))
		return false;
	if (checks & (WEIR_CHECK_ICMP_TYPE | WEIR_CHECK_ICMP_CODE) &&
		(proto != IPPROTO_ICMP || frag == WEIR_FRAG_LATER))
		return false;
	if (checks & WEIR_CHECK_ICMP_TYPE && f->icmp_type != b->icmp_type)
		return false;
	if (checks & WEIR_CHECK_ICMP_CODE && f->icmp_code != b->icmp_code)
		return false;
	if (checks & WEIR_CHECK_STATE && !(f->state & b->states))
		return false;
	if (checks & WEIR_CHECK_FRAG &&
		(b->frag == WEIR_FRAG_NONE ? frag == WEIR_FRAG_NONE : frag != b->frag))
		return false;
	return true;
}

static __always_inline bool sets_hold(const struct weir_box *b, const struct weir_fields *f)
{
	return (b->src_set == NO_SET || set_has(b->src_set, f->dim[WEIR_DIM_src])) &&
	       (b->dst_set == NO_SET || set_has(b->dst_set, f->dim[WEIR_DIM_dst])) &&
	       (b->sport_set == NO_SET || set_has(b->sport_set, f->dim[WEIR_DIM_sport])) &&
	       (b->dport_set == NO_SET || set_has(b->dport_set, f->dim[WEIR_DIM_dport]));
}

/* What a box tests beside its ranges. */
__checked_once int tests_hold(const struct weir_box *b, const struct weir_fields *f)
{
	return b && f && checks_hold(b, f) && sets_hold(b, f);
}

/* The highest bit is set where @v is out of the range; no branch, since which of a leaf's boxes
 * match is for no branch predictor to know. */
static __always_inline __u64 outside(__u32 lo, __u32 hi, __u32 v)
{
	__u32 width = hi - lo, at = v - lo;

	return (__u64)width - at;
}

static __always_inline bool addresses_hold(const struct weir_box *b, __u32 src, __u32 dst)
{
	return (__s64)(outside(b->src[0], b->src[1], src) | outside(b->dst[0], b->dst[1], dst)) >=
	       0;
}

static __always_inline bool rest_holds(const struct weir_box *b, const struct weir_fields *f)
{
	__u64 out = outside(b->sport[0], b->sport[1], f->dim[WEIR_DIM_sport]) |
		    outside(b->dport[0], b->dport[1], f->dim[WEIR_DIM_dport]) |
		    outside(b->proto[0], b->proto[1], f->dim[WEIR_DIM_proto]);

	return (__s64)out >= 0 && (!b->iif || b->iif == f->dim[WEIR_DIM_iif]) &&
	       (!b->oif || b->oif == f->dim[WEIR_DIM_oif]);
}

/* Up to WEIR_LEAF_MAX boxes of a page, from @ref on. True once the leaf can tell no more. */
static __always_inline bool leaf_scan(
	const struct weir_page *page, const struct weir_fields *f, struct found *found, __u32 ref)
{
	__u32 nr = ref >> WEIR_REF_BITS, i, src, dst, rule, best;

	src = f->dim[WEIR_DIM_src];
	dst = f->dim[WEIR_DIM_dst];
	best = found->rule;
	for (i = 0; i < WEIR_LEAF_MAX && i < nr; i++) {
		const struct weir_box *b = &page->box[(ref + i) & (WEIR_PAGE_UNITS - 1)];

		rule = b->rule;
		if (rule >= best)
			return true;
		if (!addresses_hold(b, src, dst) || rule < found->from || !rest_holds(b, f))
			continue;
		if (b->checks) {
			found->checks |= b->checks;
			if (found->checked > rule)
				found->checked = rule;
		}
		if ((b->checks | b->src_set | b->dst_set | b->sport_set | b->dport_set) &&
			!tests_hold(b, f))
			continue;
		found->rule = rule;
		return true;
	}
	return false;
}

static __always_inline struct weir_page *chain_page(const struct search *s, __u32 box)
{
	return page_of(s->set, (s->w->chain.first + box) / WEIR_PAGE_UNITS);
}

/* Halves where the first box may be that is asked, then looks at one group of boxes. */
static __always_inline void chain_step(struct search *s)
{
	struct chain *c = &s->w->chain;
	__u32 at = c->lo < c->hi ? (c->lo + c->hi) / 2 : c->lo, nr = c->boxes - at;
	struct weir_page *page = at < c->boxes ? chain_page(s, at) : NULL;

	if (!page) {
		c->boxes = 0;
	} else if (c->lo < c->hi) {
		if (page->box[(c->first + at) & (WEIR_PAGE_UNITS - 1)].rule < s->w->found.from)
			c->lo = unknown(at + 1);
		else
			c->hi = unknown(at);
	} else {
		/* the rest of its group, so that none crosses a page */
		__u32 rest = WEIR_LEAF_MAX - (at & (WEIR_LEAF_MAX - 1));

		if (nr > rest)
			nr = rest;
		c->lo = c->hi = unknown(at + nr);
		if (leaf_scan(page, s->f, &s->w->found, nr << WEIR_REF_BITS | (c->first + at)))
			c->boxes = 0;
	}
}

/* Which way a field takes: how many of the values it exceeds, again without a branch. */
static __always_inline __u32 node_way(const struct weir_node *node, __u64 field)
{
	__u64 way = 0;

#pragma unroll
	for (int i = 0; i < WEIR_NODE_WAYS - 1; i++) {
		__u64 less = node->value[i] - field;

		barrier_var(less);
		way += less >> 63;
	}
	return (__u32)way & (WEIR_NODE_WAYS - 1);
}

/* Where a walk has come to: a reference, and the page that is in hand. */
struct at {
	__u32 ref;
	__u32 nr; /* of the page */
	struct weir_page *page;
};

/*
 * Few pages, and large ones: a call that returns is dear where the kernel guards returns (SRSO).
 * False where there is no such page. What is compared is a difference, of which the verifier learns
 * nothing about the numbers: Linux 6.1 would take each round of a loop for another state.
 */
static __always_inline bool page_turn(const struct search *s, struct at *at)
{
	__u32 nr = (at->ref & WEIR_REF_UNIT) / WEIR_PAGE_UNITS, other = nr ^ at->nr;

	barrier_var(other);
	at->nr = nr;
	if (other)
		at->page = page_of(s->set, nr);
	return at->page;
}

/* Not an empty leaf, nor one of boxes. */
static __always_inline bool at_node(const struct at *at)
{
	__u32 before = at->ref - 1;

	barrier_var(before);
	return before < WEIR_REF_UNIT;
}

static __always_inline bool node_step(const struct search *s, struct at *at)
{
	const struct weir_node *node;

	if (!at_node(at))
		return true;
	if (!page_turn(s, at))
		return false;
	node = &at->page->node[at->ref & (WEIR_PAGE_UNITS - 1)];
	at->ref = node->child[node_way(node, s->f->dim[node->dim & 7])];
	return true;
}

/* False where the leaf, whose page is in hand, is a chain, which then is to be walked. */
static __always_inline bool leaf_step(struct search *s, const struct at *at)
{
	__u32 boxes = at->ref >> WEIR_REF_BITS;

	if (boxes == WEIR_LEAF_CHAIN) {
		const struct weir_chain *chain = &at->page->chain[at->ref & (WEIR_PAGE_UNITS - 1)];

		s->w->chain = (struct chain){.first = chain->first, .boxes = chain->boxes};
		s->w->chain.hi = s->w->found.from ? chain->boxes : 0;
		return false;
	}
	if (boxes)
		leaf_scan(at->page, s->f, &s->w->found, at->ref);
	return true;
}

/* The root of a tree that may do better than what has been found. */
static __always_inline __u32 root_of(const struct search *s, __u32 tree)
{
	const struct weir_ruleset_head *head = &s->head->head;

	if (tree >= WEIR_TREES_MAX || tree >= head->trees || head->best[tree] >= s->w->found.rule)
		return 0;
	return head->root[tree];
}

/*
 * Two trees at once, from their roots to their leaves: what each waits for, memory and one node
 * after the other, it waits for while the other goes on.
 */
static __always_inline void trees_step(struct search *s, __u32 tree)
{
	struct at a = {.ref = root_of(s, tree), .page = s->head};
	struct at b = {.ref = root_of(s, tree + 1), .page = s->head};
	__u32 i;

	s->w->tree++;
	for (i = 0; i < WEIR_DEPTH_MAX && (at_node(&a) || at_node(&b)); i++)
		if (!node_step(s, &a) || !node_step(s, &b))
			return;
	if ((a.ref && !page_turn(s, &a)) || (b.ref && !page_turn(s, &b)))
		return;
	if (leaf_step(s, &a)) {
		s->w->tree++;
		leaf_step(s, &b);
	}
}

/*
 * To find the first rule from @from on that matches. A rule that ends the walk of every packet that
 * it matches may not be passed over: what lies behind it was left out where it is all there is.
 */
static __always_inline void search_from(struct search *s, __u32 from)
{
	s->w->found = (struct found){.from = from, .rule = WEIR_NO_RULE, .checked = WEIR_NO_RULE};
	s->w->chain.boxes = 0;
	s->w->tree = 0;
}

/* True once s->w->found.rule is the answer, and s->w->checks all that it depends on. */
static __always_inline bool search_step(struct search *s)
{
	if (s->w->chain.boxes)
		chain_step(s);
	else
		trees_step(s, s->w->tree);
	if (s->w->chain.boxes || s->w->tree < s->head->head.trees)
		return false;
	/* not of one tree's rule, when another then had an earlier one */
	if (s->w->found.checked <= s->w->found.rule)
		s->w->checks |= s->w->found.checks;
	return true;
}

static __always_inline bool search_begin(struct search *s, __u32 which, struct weir_fields *f)
{
	__u32 zero = 0;

	s->set = bpf_map_lookup_elem(&rulesets, &which);
	if (!s->set)
		return false;
	s->head = page_of(s->set, 0);
	s->w = bpf_map_lookup_elem(&walks, &zero);
	s->f = f;
	if (!s->head || !s->w)
		return false;
	s->w->checks = 0;
	s->w->done = 0;
	s->w->now = (s->head->head.generation & WEIR_TURN_GENERATION) |
		    (which == WEIR_RULESET_nat ? WEIR_TURN_NAT : 0);
	search_from(s, 0);
	return true;
}

static __always_inline struct weir_rule_rec *record_of(const struct search *s, __u32 rule)
{
	struct weir_page *page = page_of(s->set, s->head->head.rec_page + rule / WEIR_PAGE_UNITS);

	return page ? &page->rec[rule & (WEIR_PAGE_UNITS - 1)] : NULL;
}

static long nat_step(__u32 i, struct search *s)
{
	return search_step(s);
}

/* The record of the first NAT rule that matches, copied; its place, or WEIR_NO_RULE. */
__checked_once __u32 nat_find(struct weir_fields *f, struct weir_rule_rec *rec)
{
	struct weir_rule_rec *found;
	struct search s = {};

	if (!f || !rec || !search_begin(&s, WEIR_RULESET_nat, f))
		return WEIR_NO_RULE;
	bpf_loop(SEARCH_STEPS, nat_step, &s, 0);
	if (s.w->found.rule == WEIR_NO_RULE)
		return WEIR_NO_RULE;
	found = record_of(&s, s.w->found.rule);
	if (!found)
		return WEIR_NO_RULE;
	*rec = *found;
	return s.w->found.rule;
}

#endif
