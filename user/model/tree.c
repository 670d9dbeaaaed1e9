// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/tree.h"

#define WAYS   WEIR_NODE_WAYS
#define SAMPLE 256			/* boxes of a list by which a cut is chosen */
#define COPIES 256			/* copies that a tree may make of each box, above the one */
#define ROOM   (1U << 20)		/* and all trees, of all boxes: 64 MB */
#define TOP    3			/* levels of nodes that lie in page 0 */
#define TOPS   (1 + WAYS + WAYS * WAYS) /* nodes that they are */

/*
 * Weights by which cuts are compared, beside the part of the boxes that a packet still meets: of
 * boxes left to the next tree, and of copies.
 */
#define LEFT_COST 0.8
#define COPY_COST 0.02

/* A subtree to be built. */
struct work {
	__u32 *list; /* its boxes, in the rules' order */
	__u32 nr;
	__u32 copies; /* that it may make */
	__u32 parent; /* unit of the node that leads here; 0: it is the root */
	__u16 way, depth;
	struct range region[WEIR_DIM_COUNT];
};

/* A way to cut a list. */
struct cut {
	enum weir_dim dim;
	__u32 nr; /* values: ways less one */
	__u32 value[WAYS - 1];
	__u32 widest; /* ways that a box may lie in, so as not to be left to the next tree */
	double cost;
};

struct builder {
	struct pages *pages;
	const struct weir_box *boxes;
	__u32 leaf;
	__u32 tree;
	__u64 placed;  /* boxes, each copy one */
	__u32 spare;   /* copies that may still be made */
	bool last;     /* no other tree will take what is left */
	__u8 *left;    /* per box: the tree that left it to the next one, plus one */
	bool *decides; /* per box: whoever it holds, no later rule is asked about */
	struct work *stack;
	size_t end, room;
	__u32 ends[2 * SAMPLE];
};

struct range box_range(const struct weir_box *b, enum weir_dim dim)
{
	switch (dim) {
	case WEIR_DIM_src:
		return (struct range){b->src[0], b->src[1]};
	case WEIR_DIM_dst:
		return (struct range){b->dst[0], b->dst[1]};
	case WEIR_DIM_sport:
		return (struct range){b->sport[0], b->sport[1]};
	case WEIR_DIM_dport:
		return (struct range){b->dport[0], b->dport[1]};
	case WEIR_DIM_proto:
		return (struct range){b->proto[0], b->proto[1]};
	case WEIR_DIM_iif:
		return (struct range){b->iif, b->iif ? b->iif : ~0U};
	case WEIR_DIM_oif:
	case WEIR_DIM_COUNT:
		break;
	}
	return (struct range){b->oif, b->oif ? b->oif : ~0U};
}

static __u32 way_of(const struct cut *cut, __u32 field)
{
	__u32 way = 0, i;

	for (i = 0; i < cut->nr; i++)
		way += field > cut->value[i];
	return way;
}

/* The ways in which a box lies. */
static struct range ways_of(const struct cut *cut, const struct weir_box *b)
{
	struct range r = box_range(b, cut->dim);

	return (struct range){way_of(cut, r.lo), way_of(cut, r.hi)};
}

static int by_value(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return (x > y) - (x < y);
}

/* Values by which boxes begin and end within the region, so that equally many lie in each way. */
static void cut_values(struct builder *t, const struct work *w, __u32 step, struct cut *cut)
{
	struct range region = w->region[cut->dim], r;
	__u32 n = 0, i, k;

	for (i = 0; i < w->nr; i += step) {
		r = box_range(&t->boxes[w->list[i]], cut->dim);
		if (r.lo > region.lo)
			t->ends[n++] = r.lo - 1;
		if (r.hi < region.hi)
			t->ends[n++] = r.hi;
	}
	cut->nr = 0;
	if (!n)
		return;
	qsort(t->ends, n, sizeof(*t->ends), by_value);
	for (i = 1, k = 1; i < n; i++)
		k += t->ends[i] != t->ends[i - 1];
	if (k >= WAYS) /* evenly chosen, else all there are */
		for (i = 1, k = 0; i < WAYS; i++)
			t->ends[k++] = t->ends[(size_t)n * i / WAYS];
	else
		k = n;
	for (i = 0; i < k; i++)
		if (!cut->nr || t->ends[i] != cut->value[cut->nr - 1])
			cut->value[cut->nr++] = t->ends[i];
}

/* Bits of the fields in which the box does not fill the region. */
static __u32 unfilled(const struct weir_box *b, const struct range *region)
{
	__u32 dims = 0;

	for (__u32 dim = 0; dim < WEIR_DIM_COUNT; dim++) {
		struct range r = box_range(b, (enum weir_dim)dim);

		if (r.lo > region[dim].lo || r.hi < region[dim].hi)
			dims |= 1U << dim;
	}
	return dims;
}

/*
 * Ways that hold a box which decides for all packets there: what comes later in the list is not
 * asked. For each box in turn: the open ways it lies in, as bits; those it fills are closed behind
 * it.
 */
static __u32 ways_open(const struct cut *cut, const struct weir_box *b, __u32 closed)
{
	struct range ways = ways_of(cut, b);

	return ((2U << ways.hi) - (1U << ways.lo)) & ~closed;
}

static __u32 ways_filled(
	const struct builder *t, const struct cut *cut, const struct work *w, __u32 box)
{
	const struct weir_box *b = &t->boxes[box];
	struct range r = box_range(b, cut->dim), ways;
	struct range region = w->region[cut->dim];

	if (!t->decides[box] || unfilled(b, w->region) & ~(1U << cut->dim))
		return 0;
	ways = ways_of(cut, b);
	if (r.lo > (ways.lo ? cut->value[ways.lo - 1] + 1 : region.lo))
		ways.lo++;
	if (r.hi >= (ways.hi < cut->nr ? cut->value[ways.hi] : region.hi))
		ways.hi++;
	return ways.hi > ways.lo ? (1U << ways.hi) - (1U << ways.lo) : 0;
}

/* Of a cut's ways, the boxes in them that lie in no more than so many. */
struct load {
	__u32 boxes;
	__u32 of[WAYS];
};

/*
 * What a cut costs if boxes in more than @widest ways are left to the next tree: how many of the
 * list a packet still meets, and what is left, which it meets there.
 */
static double cost_of(const struct load *load, __u32 boxes)
{
	double sum = 0, squares = 0;

	for (__u32 way = 0; way < WAYS; way++) {
		sum += load->of[way];
		squares += (double)load->of[way] * load->of[way];
	}
	return (sum > 0 ? squares / sum / boxes : 0) + LEFT_COST * (boxes - load->boxes) / boxes +
	       COPY_COST * (sum - load->boxes) / boxes;
}

/* Whether boxes may be left to another tree: at the root only, for deeper down few would be, and
 * few boxes make a tree as costly as many. */
static bool may_leave(const struct builder *t, const struct work *w)
{
	return !t->last && !w->depth;
}

/* The cost by a sample, and the width at which it is least: as wide as copies allow. */
static void cut_cost(struct builder *t, const struct work *w, __u32 step, struct cut *cut)
{
	struct load load[WAYS + 1] = {0}, sum = {0};
	__u32 n = 0, i, k, way, in, closed = 0;
	double allowed, extra = 0, cost;

	for (i = 0; i < w->nr; i += step, n++) {
		in = ways_open(cut, &t->boxes[w->list[i]], closed);
		k = (__u32)__builtin_popcount(in);
		load[k].boxes++;
		for (way = 0; way < WAYS; way++)
			load[k].of[way] += in >> way & 1;
		closed |= ways_filled(t, cut, w, w->list[i]);
	}
	allowed = w->copies / 2.0 / w->nr * n;
	cut->cost = 1;
	for (k = 0; k <= WAYS; k++) {
		extra += k ? (k - 1.0) * load[k].boxes : 0;
		if (extra > allowed)
			break;
		sum.boxes += load[k].boxes;
		for (way = 0; way < WAYS; way++)
			sum.of[way] += load[k].of[way];
		cost = cost_of(&sum, n);
		if (cost >= cut->cost || !k || (sum.boxes < n && !may_leave(t, w)))
			continue;
		cut->cost = cost;
		cut->widest = k;
	}
}

/* The best cut; false where none is worth a node. */
static bool cut_choose(struct builder *t, const struct work *w, struct cut *best)
{
	__u32 step = (w->nr + SAMPLE - 1) / SAMPLE;

	best->cost = 0.95;
	for (__u32 dim = 0; dim < WEIR_DIM_COUNT; dim++) {
		struct cut cut = {.dim = (enum weir_dim)dim};

		cut_values(t, w, step, &cut);
		if (!cut.nr)
			continue;
		cut_cost(t, w, step, &cut);
		if (cut.cost < best->cost)
			*best = cut;
	}
	return best->cost < 0.95;
}

static int work_add(struct builder *t, const struct work *w)
{
	if (t->end == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		struct work *stack = realloc(t->stack, room * sizeof(*stack));

		if (!stack)
			return -ENOMEM;
		t->stack = stack;
		t->room = room;
	}
	t->stack[t->end++] = *w;
	return 0;
}

static void refer(struct builder *t, const struct work *w, __u32 ref)
{
	struct weir_page *page = t->pages->page;

	if (w->parent)
		page[w->parent / WEIR_PAGE_UNITS].node[w->parent % WEIR_PAGE_UNITS].child[w->way] =
			ref;
	else
		page[0].head.root[t->tree] = ref;
}

/* @nr units in a row, of one page if it can hold them; the first one, or -errno. */
static long take_row(struct pages *pages, __u32 nr)
{
	__u32 align = nr > WEIR_LEAF_MAX ? WEIR_LEAF_MAX : 1;
	__u32 first = (pages->unit + align - 1) / align * align;

	if (first + nr > pages->unit_end) {
		__u32 more = (nr + WEIR_PAGE_UNITS - 1) / WEIR_PAGE_UNITS;
		long page = pages_take(pages, more);

		if (page < 0)
			return page;
		first = (__u32)page * WEIR_PAGE_UNITS;
		pages->unit_end = first + more * WEIR_PAGE_UNITS;
	}
	pages->unit = first + nr;
	return first;
}

/*
 * The same for a node, or a leaf's boxes, at some depth. What lies near a root is in page 0, which
 * is in hand already: leaves as long as all nodes have room there. The rest follows in the order of
 * a walk, so that most subtrees lie in one page.
 */
static long take(struct pages *pages, __u32 nr, __u32 depth)
{
	__u32 end = nr == 1 ? WEIR_PAGE_UNITS : WEIR_PAGE_UNITS - WEIR_TREES_MAX * TOPS;
	__u32 first = pages->top;

	if (depth >= TOP || nr > WEIR_LEAF_MAX || first + nr > end)
		return take_row(pages, nr);
	pages->top += nr;
	return first;
}

static int make_leaf(struct builder *t, const struct work *w)
{
	long first = take(t->pages, w->nr, w->depth), chain;
	struct weir_page *page;

	if (first < 0)
		return (int)first;
	page = t->pages->page;
	t->placed += w->nr;
	for (__u32 i = 0; i < w->nr; i++) {
		__u32 at = (__u32)first + i;

		page[at / WEIR_PAGE_UNITS].box[at % WEIR_PAGE_UNITS] = t->boxes[w->list[i]];
	}
	if (w->nr <= WEIR_LEAF_MAX) {
		refer(t, w, w->nr << WEIR_REF_BITS | (__u32)first);
		return 0;
	}
	chain = take(t->pages, 1, w->depth);
	if (chain < 0)
		return (int)chain;
	t->pages->page[chain / WEIR_PAGE_UNITS].chain[chain % WEIR_PAGE_UNITS] =
		(struct weir_chain){(__u32)first, w->nr};
	refer(t, w, (__u32)WEIR_LEAF_CHAIN << WEIR_REF_BITS | (__u32)chain);
	return 0;
}

/* The lists of a node's ways, each in the rules' order. The wide ones are left to the next tree. */
static int part(struct builder *t, const struct work *w, const struct cut *cut, struct work *of)
{
	__u32 i, way, in, closed = 0;

	for (way = 0; way <= cut->nr; way++) {
		of[way].list = malloc(w->nr * sizeof(*of[way].list));
		if (!of[way].list)
			return -ENOMEM;
	}
	for (i = 0; i < w->nr; i++) {
		in = ways_open(cut, &t->boxes[w->list[i]], closed);
		if ((__u32)__builtin_popcount(in) > cut->widest && may_leave(t, w)) {
			t->left[w->list[i]] = (__u8)(t->tree + 1);
			continue;
		}
		for (way = 0; way <= cut->nr; way++)
			if (in >> way & 1)
				of[way].list[of[way].nr++] = w->list[i];
		closed |= ways_filled(t, cut, w, w->list[i]);
	}
	for (way = 0; way <= cut->nr; way++) {
		__u32 *list = realloc(of[way].list, (of[way].nr ? of[way].nr : 1) * sizeof(*list));

		if (list)
			of[way].list = list;
	}
	return 0;
}

/* What is left of the allowance, to the ways by the boxes that they have. */
static void share_copies(const struct work *w, struct work *of, __u32 ways)
{
	__u64 sum = 0;
	__u32 i, copies;

	for (i = 0; i < ways; i++)
		sum += of[i].nr;
	copies = sum > w->nr + (__u64)w->copies ? 0 : (__u32)(w->nr + (__u64)w->copies - sum);
	if (copies > w->copies)
		copies = w->copies;
	for (i = 0; i < ways; i++)
		of[i].copies = sum ? (__u32)((__u64)copies * of[i].nr / sum) : 0;
}

static int make_node(struct builder *t, const struct work *w, const struct cut *cut)
{
	struct work of[WAYS] = {0};
	struct weir_node *node;
	long unit = take(t->pages, 1, w->depth);
	int error = unit < 0 ? (int)unit : part(t, w, cut, of);
	__u32 i;

	if (error)
		goto out;
	node = &t->pages->page[unit / WEIR_PAGE_UNITS].node[unit % WEIR_PAGE_UNITS];
	for (i = 0; i < WAYS - 1; i++)
		node->value[i] = i < cut->nr ? cut->value[i] : ~0U;
	node->dim = cut->dim;
	refer(t, w, (__u32)unit);
	share_copies(w, of, cut->nr + 1);
	for (i = 0; i <= cut->nr && !error; i++) {
		struct range *region = &of[i].region[cut->dim];

		if (!of[i].nr)
			continue;
		memcpy(of[i].region, w->region, sizeof(w->region));
		if (i)
			region->lo = cut->value[i - 1] + 1;
		if (i < cut->nr)
			region->hi = cut->value[i];
		of[i].parent = (__u32)unit;
		of[i].way = (__u16)i;
		of[i].depth = (__u16)(w->depth + 1);
		error = work_add(t, &of[i]);
		if (!error)
			of[i].list = NULL;
	}
out:
	for (i = 0; i < WAYS; i++)
		free(of[i].list);
	return error;
}

/* Behind a box that decides for all packets of the region, none is asked. */
static void drop_hidden(struct builder *t, struct work *w)
{
	for (__u32 i = 0; i < w->nr; i++)
		if (t->decides[w->list[i]] && !unfilled(&t->boxes[w->list[i]], w->region))
			w->nr = i + 1;
}

static int make(struct builder *t, struct work *w)
{
	struct cut cut;

	drop_hidden(t, w);
	if (!w->nr)
		return 0;
	if (w->nr <= t->leaf || w->depth == WEIR_DEPTH_MAX || !cut_choose(t, w, &cut))
		return make_leaf(t, w);
	return make_node(t, w, &cut);
}

/* Builds one tree of @list, which it takes over. */
static int build(struct builder *t, __u32 *list, __u32 nr)
{
	__u64 copies = (__u64)nr * COPIES < t->spare ? (__u64)nr * COPIES : t->spare;
	struct work root = {.list = list, .nr = nr, .copies = (__u32)copies};
	int error;

	for (__u32 dim = 0; dim < WEIR_DIM_COUNT; dim++)
		root.region[dim] = (struct range){0, ~0U};
	root.region[WEIR_DIM_proto].hi = 255;
	t->end = 0;
	error = work_add(t, &root);
	if (error)
		free(list);
	while (t->end) {
		struct work w = t->stack[--t->end];

		if (!error)
			error = make(t, &w);
		free(w.list);
	}
	return error;
}

/* The boxes that tree @tree left, in order; those of all for the first. */
static int list_left(const struct builder *t, __u32 nr, __u32 **list, __u32 *len)
{
	__u32 *l = malloc((nr ? nr : 1) * sizeof(*l));

	if (!l)
		return -ENOMEM;
	*len = 0;
	for (__u32 i = 0; i < nr; i++)
		if (t->left[i] == t->tree)
			l[(*len)++] = i;
	*list = l;
	return 0;
}

static bool box_decides(const struct weir_box *b, const struct weir_rule_rec *rec)
{
	return !(b->checks & ~WEIR_LOG) && !b->src_set && !b->dst_set && !b->sport_set &&
	       !b->dport_set && rec->verdict != WEIR_count && !rec->limit_ns;
}

static int build_all(struct builder *t, __u32 nr, __u32 leaf, __u32 most)
{
	struct weir_ruleset_head *head;
	__u32 *list, len;
	__u64 made;
	int error;

	for (t->tree = 0; t->tree < most; t->tree++) {
		error = list_left(t, nr, &list, &len);
		if (error)
			return error;
		if (!len) {
			free(list);
			return 0;
		}
		t->leaf = leaf;
		t->last = t->tree == most - 1;
		head = &t->pages->page[0].head;
		head->trees = t->tree + 1;
		head->best[t->tree] = t->boxes[list[0]].rule;
		t->placed = 0;
		error = build(t, list, len);
		if (error)
			return error;
		made = t->placed > len ? t->placed - len : 0;
		t->spare -= made < t->spare ? (__u32)made : t->spare;
	}
	return 0;
}

int trees_build(struct pages *pages, const struct weir_rules_in *in, __u32 leaf, __u32 most)
{
	struct builder t = {.pages = pages, .boxes = in->boxes, .spare = ROOM};
	size_t nr = in->nr_boxes ? in->nr_boxes : 1;
	int error = -ENOMEM;

	t.left = calloc(nr, sizeof(*t.left));
	t.decides = calloc(nr, sizeof(*t.decides));
	if (!t.left || !t.decides)
		goto out;
	for (size_t i = 0; i < in->nr_boxes; i++)
		t.decides[i] = box_decides(&in->boxes[i], &in->recs[in->boxes[i].rule]);
	error = build_all(&t, (__u32)in->nr_boxes, leaf, most);
out:
	free(t.stack);
	free(t.left);
	free(t.decides);
	return error;
}
