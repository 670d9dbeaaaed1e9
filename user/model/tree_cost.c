// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What trees cost: walks of packets that boxes hold, counted as a program would make them. */
#include "model/tree.h"

#define WALKS 2048

/* About ns, by walks that were measured; bpf/README.md has them. */
#define TREE_NS	 14
#define NODE_NS	 10
#define BOX_NS	 7
#define CHAIN_NS 30

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

static double tree_cost(const struct pages *pages, __u32 ref, const __u32 *dim, __u32 *best)
{
	double ns = TREE_NS;
	__u32 nr;

	for (; ref && !(ref >> WEIR_REF_BITS); ns += NODE_NS) {
		const struct weir_node *node = &page_of(pages, ref)->node[ref % WEIR_PAGE_UNITS];
		__u32 way = 0;

		while (way < WEIR_NODE_WAYS - 1 && dim[node->dim] > node->value[way])
			way++;
		ref = node->child[way];
	}
	if (!ref)
		return ns;
	nr = ref >> WEIR_REF_BITS;
	if (nr == WEIR_LEAF_CHAIN) {
		const struct weir_chain *chain = &page_of(pages, ref)->chain[ref % WEIR_PAGE_UNITS];

		ns += CHAIN_NS;
		ref = chain->first;
		nr = chain->boxes;
	}
	return ns + BOX_NS * leaf_boxes(pages, ref & WEIR_REF_UNIT, nr, dim, best);
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
	const struct weir_ruleset_head *head = &pages->page->head;
	double ns = 0;

	for (__u32 i = 0; i < WALKS && in->nr_boxes; i++) {
		__u32 dim[WEIR_DIM_COUNT], best = WEIR_NO_RULE, tree;

		packet_in(&in->boxes[(__u64)i * in->nr_boxes / WALKS], i, dim);
		for (tree = 0; tree < head->trees; tree++)
			if (head->best[tree] < best)
				ns += tree_cost(pages, head->root[tree], dim, &best);
	}
	return ns / WALKS;
}
