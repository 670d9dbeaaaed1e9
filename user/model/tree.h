/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Trees over boxes.
 *
 * A node parts one field's values into up to eight ranges, by values that some box begins or ends
 * at. A box that lies in several ranges is in each of their subtrees, as long as the allowance of
 * copies lasts. Rules that have no field in which all are particular take more copies than there is
 * room for, and what cannot be parted further are long leaves. Then the root leaves the boxes that
 * are widest there to another tree, as EffiCuts and CutSplit do; whether that is worth the second
 * walk is found by building both and walking.
 */
#ifndef WEIR_TREE_H
#define WEIR_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <weir/rules.h>

#include "model/compile.h"

/* Pages in the making. Units are cache lines from the beginning. */
struct pages {
	struct weir_page *page;
	__u32 nr, room;
	__u32 top;	      /* the next unit of page 0 */
	__u32 unit, unit_end; /* the next one of another page, and where that ends */
};

struct range {
	__u32 lo, hi; /* inclusive */
};

/* What a box holds of a field. */
struct range box_range(const struct weir_box *b, enum weir_dim dim);

/* @nr fresh pages of zeros; the first one's index, or -errno. Moves pages->page. */
long pages_take(struct pages *pages, __u32 nr);

/* Trees of @in, at most @most, and what page 0 says of them. 0 or -errno. */
int trees_build(struct pages *pages, const struct weir_rules_in *in, __u32 leaf, __u32 most);

/* What finding a packet's rule costs, in about ns, for packets that boxes of @in hold. */
double trees_cost(const struct pages *pages, const struct weir_rules_in *in);

#endif
