/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether one box holds a packet, as weir/rules.h says it: the reference of the classifier's tests.
 */
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include <stdbool.h>
#include <weir/rules.h>

#include "prog.h"

/* Elements of all sets. */
static struct {
	struct weir_elem_key key[64];
	__u32 nr;
} elems;

static inline bool in_set(__u32 set, __u32 value, __u32 bits)
{
	__u32 i;

	for (i = 0; i < elems.nr; i++) {
		const struct weir_elem_key *k = &elems.key[i];

		if (k->set == set && (__u64)value >> (bits - k->len) == k->value >> (bits - k->len))
			return bits == 32 || value <= 0xffff;
	}
	return false;
}

static inline bool between(const __u32 r[2], __u32 v)
{
	return v >= r[0] && v <= r[1];
}

static inline bool box_ranges(const struct weir_box *b, const struct weir_fields *f)
{
	return between(b->src, f->dim[WEIR_DIM_src]) && between(b->dst, f->dim[WEIR_DIM_dst]) &&
	       between(b->sport, f->dim[WEIR_DIM_sport]) &&
	       between(b->dport, f->dim[WEIR_DIM_dport]) && f->dim[WEIR_DIM_proto] >= b->proto[0] &&
	       f->dim[WEIR_DIM_proto] <= b->proto[1] &&
	       (!b->iif || b->iif == f->dim[WEIR_DIM_iif]) &&
	       (!b->oif || b->oif == f->dim[WEIR_DIM_oif]);
}

static inline bool box_tests(const struct weir_box *b, const struct weir_fields *f)
{
	bool tcp = f->dim[WEIR_DIM_proto] == PROTO_TCP && f->frag != WEIR_FRAG_LATER;
	bool icmp = f->dim[WEIR_DIM_proto] == PROTO_ICMP && f->frag != WEIR_FRAG_LATER;
	bool frag = b->frag == WEIR_FRAG_NONE ? f->frag != WEIR_FRAG_NONE : f->frag == b->frag;

	return (!(b->checks & WEIR_CHECK_TCP) ||
		       (tcp && (f->tcp_flags & b->tcp_mask) == b->tcp_flags)) &&
	       (!(b->checks & WEIR_CHECK_ICMP_TYPE) || (icmp && f->icmp_type == b->icmp_type)) &&
	       (!(b->checks & WEIR_CHECK_ICMP_CODE) || (icmp && f->icmp_code == b->icmp_code)) &&
	       (!(b->checks & WEIR_CHECK_STATE) || f->state & b->states) &&
	       (!(b->checks & WEIR_CHECK_FRAG) || frag) &&
	       (!b->src_set || in_set(b->src_set, f->dim[WEIR_DIM_src], 32)) &&
	       (!b->dst_set || in_set(b->dst_set, f->dim[WEIR_DIM_dst], 32)) &&
	       (!b->sport_set || in_set(b->sport_set, f->dim[WEIR_DIM_sport], 16)) &&
	       (!b->dport_set || in_set(b->dport_set, f->dim[WEIR_DIM_dport], 16));
}

#endif
