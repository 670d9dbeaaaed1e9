/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rules in their order, with ids that stay, and what else a file of them may hold: policies and the
 * elements of named sets.
 */
#ifndef WEIR_RULESET_H
#define WEIR_RULESET_H

#include "model/rule.h"

#define WEIR_POLICIES_MAX 4096

/* What becomes of packets that no rule decides, IPv6 and others among them. */
struct weir_policy {
	char dev[WEIR_DEV_NAME];
	bool out;
	enum weir_verdict verdict; /* accept, drop or punt */
	__u32 line;		   /* as a rule's */
};

/* Elements of a named set. */
struct weir_set {
	char name[WEIR_SET_NAME];
	unsigned int bits; /* 32: addresses, 16: ports */
	struct weir_span *elems;
	__u32 nr, room;
	__u32 prefixes; /* that they are, counted against WEIR_ELEMS_MAX */
};

struct weir_owns;

/* Zeroed, but for its kind, is empty. */
struct weir_ruleset_model {
	enum weir_rule_kind kind;
	struct weir_rule *rules;
	__u32 nr, room;
	__u32 next_id; /* of the next new rule; 0 stands for 1. Ids are not used again */
	struct weir_policy *policies; /* one for each device and direction */
	__u32 nr_policies;
	struct weir_set *sets; /* one for each name */
	__u32 nr_sets;
	__u32 prefixes; /* of all sets */
	const struct weir_owns *owns; /* NAT: what new rules are checked against, see nat.h; NULL: they are right */
};

void weir_ruleset_done(struct weir_ruleset_model *set);

/*
 * Puts @rule where it asked to be (rule->at), gives it an id where it has none, and takes over what
 * it owns: *@rule is then empty. Refused: a position behind the end, an id that is taken, one rule
 * too many.
 */
int weir_ruleset_add(struct weir_ruleset_model *set, struct weir_rule *rule, struct weir_err *err);

/* The rule's place, from 0, or -1. */
long weir_ruleset_find(const struct weir_ruleset_model *set, __u32 id);

/* Takes the rule out and frees it; WEIR_NOT_FOUND where there is none. */
int weir_ruleset_delete(struct weir_ruleset_model *set, __u32 id, struct weir_err *err);

/* No rules; policies, sets and the next id stay. */
void weir_ruleset_flush(struct weir_ruleset_model *set);

/* Replaces the policy of the same device and direction. */
int weir_ruleset_policy(
	struct weir_ruleset_model *set, const struct weir_policy *policy, struct weir_err *err);

/* NULL where there is none. */
struct weir_set *weir_ruleset_set(const struct weir_ruleset_model *set, const char *name);

/*
 * Reads a file: a rule a line, as after `filter add` or `nat add`, which may stand before it; and,
 * for the filter, `policy in|out dev D accept|drop|punt` and `set add NAME ELEM[,..]`, a policy
 * once. Blank lines and # comments are nothing. The order of lines is the order of rules. Rules
 * with `id N` keep it, the others are given ids from set->next_id on. @set keeps kind and next_id,
 * and is replaced otherwise; on failure it is untouched and @err names @file, line and column.
 */
int weir_ruleset_load(struct weir_ruleset_model *set, const char *file, const char *text,
	size_t len, struct weir_err *err);

/*
 * Points @err at a whole line of the file, counted from 1: for what is found wrong when all is
 * read, as a set that is not there.
 */
void weir_ruleset_point(
	struct weir_err *err, const char *file, const char *text, size_t len, __u32 line);

/* The words of `policy ...` and of `set add ...`, which begin at @from, behind `policy` and `add`.
 */
int weir_policy_parse(struct weir_policy *policy, const struct weir_line *line, unsigned int from,
	struct weir_err *err);
int weir_set_parse(struct weir_set *set, const struct weir_line *line, unsigned int from,
	struct weir_err *err);
void weir_set_done(struct weir_set *set);

#endif
