/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a rule means, word by word: the reference that classifiers are compared with. It knows
 * nothing of boxes and trees. A header, since tests of several folders include it.
 */
#ifndef TESTS_RULE_REF_H
#define TESTS_RULE_REF_H

#include "model/rule.h"

/* What a rule's names and its limit are. */
struct rule_ref {
	void *ctx;
	__u32 (*ifindex_of)(void *ctx, const char *name);
	bool (*set_has)(void *ctx, const char *name, __u32 value);
	/* Whether the bucket has a token, which is taken; NULL: always. Asked last of all. */
	bool (*limit)(void *ctx, const struct weir_rule *rule, const struct weir_fields *packet);
};

static inline bool rule_ref_list(
	const struct rule_ref *ref, const struct weir_list *list, __u32 value, bool port)
{
	if (!list->nr)
		return true;
	if (port && value == WEIR_NO_PORT)
		return false;
	for (__u32 i = 0; i < list->nr; i++) {
		const struct weir_alt *alt = &list->alts[i];

		if (*alt->set ? ref->set_has(ref->ctx, alt->set, value)
			      : value >= alt->span.lo && value <= alt->span.hi)
			return true;
	}
	return false;
}

static inline bool rule_ref_dev(const struct rule_ref *ref, const char *name, __u32 ifindex)
{
	return !*name || ref->ifindex_of(ref->ctx, name) == ifindex;
}

static inline bool rule_ref_frag(const struct weir_rule *rule, __u8 frag)
{
	if (!(rule->has & WEIR_HAS_FRAG))
		return true;
	return rule->frag ? frag == rule->frag : frag != WEIR_FRAG_NONE;
}

static inline bool rule_ref_l4(const struct weir_rule *rule, const struct weir_fields *packet)
{
	__u32 proto = packet->dim[WEIR_DIM_proto];
	bool header = packet->frag != WEIR_FRAG_LATER;

	if (rule->has & WEIR_HAS_PROTO && proto != rule->proto)
		return false;
	if (rule->has & WEIR_HAS_TCP &&
		(proto != 6 || !header || (packet->tcp_flags & rule->tcp_mask) != rule->tcp_flags))
		return false;
	if (rule->has & WEIR_HAS_ICMP &&
		(proto != 1 || !header || packet->icmp_type != rule->icmp_type))
		return false;
	return !(rule->has & WEIR_HAS_ICMP_CODE) || packet->icmp_code == rule->icmp_code;
}

static inline bool rule_ref_matches(
	const struct weir_rule *rule, const struct weir_fields *packet, const struct rule_ref *ref)
{
	const __u32 *dim = packet->dim;

	if (!rule_ref_dev(ref, rule->in, dim[WEIR_DIM_iif]) ||
		!rule_ref_dev(ref, rule->out, dim[WEIR_DIM_oif]))
		return false;
	if (!rule_ref_list(ref, &rule->src, dim[WEIR_DIM_src], false) ||
		!rule_ref_list(ref, &rule->dst, dim[WEIR_DIM_dst], false) ||
		!rule_ref_list(ref, &rule->sport, dim[WEIR_DIM_sport], true) ||
		!rule_ref_list(ref, &rule->dport, dim[WEIR_DIM_dport], true))
		return false;
	if (!rule_ref_l4(rule, packet) || !rule_ref_frag(rule, packet->frag))
		return false;
	if (rule->states && !(rule->states & packet->state))
		return false;
	return !(rule->has & WEIR_HAS_LIMIT) || !ref->limit || ref->limit(ref->ctx, rule, packet);
}

/*
 * The place of the rule that decides, or -1. @counts, one a rule, may be NULL: what each matched on
 * the way.
 */
static inline long rule_ref_decide(const struct weir_rule *rules, __u32 nr,
	const struct weir_fields *packet, const struct rule_ref *ref,
	struct weir_rule_count *counts)
{
	for (__u32 i = 0; i < nr; i++) {
		if (!rule_ref_matches(&rules[i], packet, ref))
			continue;
		if (counts) {
			counts[i].packets++;
			counts[i].bytes += packet->len;
		}
		if (rules[i].verdict != WEIR_count)
			return (long)i;
	}
	return -1;
}

#endif
