/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Trees over boxes.
 *
 * A node parts one field's values into up to eight ranges, by values that some box begins or ends
 * at. A box that lies in several ranges is in each of their subtrees, as long as the tree's
 * allowance of copies lasts; beyond it the widest boxes are left to the next tree, which begins
 * with a new allowance. So the first tree parts most rules by what they are particular in, those
 * that are wide there meet in the second, and so on: as EffiCuts and CutSplit do, but found by
 * counting instead of by fixed classes.
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

/* @nr fresh pages of zeros; the first one's index, or -errno. Moves pages->page. */
long pages_take(struct pages *pages, __u32 nr);

/* All trees of @in, and what page 0 says of them. 0 or -errno. */
int trees_build(struct pages *pages, const struct weir_rules_in *in, __u32 leaf);

#endif
