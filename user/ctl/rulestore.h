/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rule sets as the kernel holds them: one map for all of a set, so what is read is what packets are
 * judged by.
 */
#ifndef WEIR_RULESTORE_H
#define WEIR_RULESTORE_H

#include "model/ruleset.h"
#include "priv.h"

/* Whose counters a slot holds. */
struct weir_slot {
	__u32 id; /* of the rule; 0: a policy, of these devices */
	__u32 iif, oif;
	__u32 slot;
};

/* Which device a name in the rules was, when it was there: it may be gone, or have another name. */
struct weir_named_dev {
	char name[WEIR_DEV_NAME];
	__u32 ifindex;
};

#define WEIR_NAMED_DEVS 1024 /* that are remembered */

/* A rule set, read. */
struct weir_stored {
	struct weir_ruleset_model model;
	__u32 generation;
	struct weir_slot *slots; /* of rules, then of policies; owned */
	__u32 nr_slots;
	struct weir_named_dev *devs; /* owned */
	__u32 nr_devs;
};

/* What is not there is empty. */
int weir_stored_read(const struct weir_ns *ns, enum weir_rule_kind kind, struct weir_stored *stored,
	struct weir_err *err);
void weir_stored_done(struct weir_stored *stored);

/*
 * Compiles @model, and puts it in the place of @old in one step; without rules and policies nothing
 * stays there. Rules keep the counters that their ids had. The caller holds the lock, and tells
 * the programs (weir_shared_moved). @dry: all but putting it in place. *@recs, unless it is NULL:
 * what its rules became, model->nr of them and then policies; the caller frees it.
 */
int weir_stored_write(const struct weir_ns *ns, const struct weir_ruleset_model *model,
	const struct weir_stored *old, bool dry, struct weir_rule_rec **recs, struct weir_err *err);

/* What each of @stored->slots has counted, on all CPUs; @counts has room for them. 0 or -errno. */
int weir_stored_counts(
	const struct weir_ns *ns, const struct weir_stored *stored, struct weir_rule_count *counts);

/* --- sets.c --- */

/* The number of a named set; 0: there is none, -1: its elements have not @bits. For weir_resolve.
 */
int weir_set_number(const struct weir_ns *ns, const char *name, unsigned int bits);
/* Whether there is room for what the sets of a file lack, so that one that cannot be loaded changes
 * none of them. */
int weir_sets_room(
	const struct weir_ns *ns, const struct weir_ruleset_model *model, struct weir_err *err);
/*
 * The set is to be what @set is once the rules of @turn are in place: WEIR_TURN_NAT for NAT's, and
 * their generation. Until weir_sets_settle() it is as it was to all others. After a failure, too,
 * that is to be called.
 */
int weir_set_turn(
	const struct weir_ns *ns, const struct weir_set *set, __u32 turn, struct weir_err *err);
/* What a change of sets has left, also one that was killed, is done if the rules of *@now are those
 * that came with it, and else undone; NULL: the rules that are there. The caller holds the lock. */
void weir_sets_settle(const struct weir_ns *ns, const __u32 *now);
/* The generation of the rules that are there, of the kind that @turn is of. */
__u32 weir_stored_turn(const struct weir_ns *ns, __u32 turn);
/* The namespace's lock, and all that rules need, for who is about to change something. */
int weir_rules_lock(struct weir_ns *ns, int *lock, struct weir_notes *notes, struct weir_err *err);

#endif
