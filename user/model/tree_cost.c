// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What trees cost: walks of packets that boxes hold, counted as a program would make them. */
#include "model/tree.h"

#define WALKS 2048

/* About ns, by walks that were measured. */
#define PAIR_NS	  9 /* two trees, which are walked at once */
#define TREE_NS	  8 /* each of them */
#define NODE_NS	  6 /* of the deeper of the two */
#define BOX_NS	  4
#define CHAIN_NS  30
#define DOUBLE_NS 3 /* each time that all pages are twice as many: less of them is in caches */

static const struct weir_page *page_of(const struct pages *pages, __u32 ref)
{
	return &pages->page[(ref & WEIR_REF_UNIT) / WEIR_PAGE_UNITS];
}

static bool holds(const struct weir_box *b, const __u32 *dim)
{
	for (__u32 i = 0; i < WEIR_DIM_COUNT; i++) {
		struct range r = box_range(b, (enum weir_dim)i);

		if (dim[i] < r.lo || dim[i] > r.hi)
			return false;
	}
	return true;
}

/* Boxes are asked until one holds the packet, or can no longer be the first. */
static __u32 leaf_boxes(
	const struct pages *pages, __u32 first, __u32 nr, const __u32 *dim, __u32 *best)
{
	for (__u32 i = 0; i < nr; i++) {
		const struct weir_box *b =
			&page_of(pages, first + i)->box[(first + i) % WEIR_PAGE_UNITS];

		if (b->rule < *best && !holds(b, dim))
			continue;
		if (b->rule < *best)
			*best = b->rule;
		return i + 1;
	}
	return nr;
}

/* From a root to a leaf; the nodes that were met. */
static __u32 walk(const struct pages *pages, __u32 *ref, const __u32 *dim)
{
	__u32 nodes = 0;

	for (; *ref && !(*ref >> WEIR_REF_BITS); nodes++) {
		const struct weir_node *node = &page_of(pages, *ref)->node[*ref % WEIR_PAGE_UNITS];
		__u32 way = 0;

		while (way < WEIR_NODE_WAYS - 1 && dim[node->dim] > node->value[way])
			way++;
		*ref = node->child[way];
	}
	return nodes;
}

static double leaf_cost(const struct pages *pages, __u32 ref, const __u32 *dim, __u32 *best)
{
	__u32 nr = ref >> WEIR_REF_BITS;
	const struct weir_chain *chain;

	if (nr != WEIR_LEAF_CHAIN)
		return BOX_NS * leaf_boxes(pages, ref & WEIR_REF_UNIT, nr, dim, best);
	chain = &page_of(pages, ref)->chain[ref % WEIR_PAGE_UNITS];
	return CHAIN_NS + BOX_NS * leaf_boxes(pages, chain->first, chain->boxes, dim, best);
}

static double packet_cost(const struct pages *pages, const __u32 *dim)
{
	const struct weir_ruleset_head *head = &pages->page->head;
	__u32 best = WEIR_NO_RULE, tree, ref[2], nodes[2], i;
	double ns = 0;

	for (tree = 0; tree < head->trees; tree += 2) {
		for (i = 0; i < 2; i++) {
			bool asked = tree + i < head->trees && head->best[tree + i] < best;

			ns += asked ? TREE_NS : 0;
			ref[i] = asked ? head->root[tree + i] : 0;
			nodes[i] = walk(pages, &ref[i], dim);
		}
		ns += PAIR_NS + NODE_NS * (nodes[0] > nodes[1] ? nodes[0] : nodes[1]);
		for (i = 0; i < 2; i++)
			ns += leaf_cost(pages, ref[i], dim, &best);
	}
	return ns;
}

/* Somewhere in the box, the same each time. */
static void packet_in(const struct weir_box *b, __u32 nr, __u32 *dim)
{
	for (__u32 i = 0; i < WEIR_DIM_COUNT; i++) {
		struct range r = box_range(b, (enum weir_dim)i);
		__u64 chance = (nr * WEIR_DIM_COUNT + i + 1) * 0x9e3779b97f4a7c15ULL >> 32;

		if (r.hi > 0xffff && (i == WEIR_DIM_sport || i == WEIR_DIM_dport))
			r.hi = 0xffff;
		dim[i] = r.lo + (__u32)(chance % ((__u64)r.hi - r.lo + 1));
	}
}

double trees_cost(const struct pages *pages, const struct weir_rules_in *in)
{
	__u32 dim[WEIR_DIM_COUNT], i;
	double ns = 0;

	for (i = 0; i < WALKS && in->nr_boxes; i++) {
		packet_in(&in->boxes[(__u64)i * in->nr_boxes / WALKS], i, dim);
		ns += packet_cost(pages, dim) / WALKS;
	}
	for (i = pages->nr; i > 1; i /= 2)
		ns += DOUBLE_NS;
	return ns;
}
