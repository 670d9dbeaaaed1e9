/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What NAT and rules with a state need beside rules: sessions, pools of ports, the egress hook. */
#ifndef WEIR_TRACK_H
#define WEIR_TRACK_H

#include <weir/rules.h>
#include <weir/sessions.h>

#include "priv.h"

/* --- track.c --- */

/* How many sessions there may be: what `nat limit` set, or the default. */
__u32 weir_sessions_max(const struct weir_ns *ns);
/* Map `nat`, in memory; NULL with errno. The caller unmaps it. */
struct weir_nat_state *weir_nat_state_map(const struct weir_ns *ns);
/* What the map holds in an object, if it is made with it: defaults; or what the pinned one holds
 * now, but that there are no sessions. 0 or -errno. */
int weir_nat_state_init(struct bpf_object *obj);
int weir_nat_state_keep(const struct weir_ns *ns, struct bpf_object *obj);

/*
 * What NAT governs leaves untranslated by no device: those that are attached have the TC egress
 * hook, too. down: no longer, but where TC was asked for.
 */
int weir_egress_up(struct weir_ns *ns, struct weir_err *err);
void weir_egress_down(const struct weir_ns *ns);

/* --- defrag.c --- */

#define WEIR_DEFRAG_TABLE "weir_defrag"

/*
 * The kernel puts fragmented packets together before it forwards them, and programs know; down: no
 * longer. 0 or -errno, quiet: programs then drop what NAT governs and comes out of order. The caller
 * holds the lock.
 */
int weir_defrag_up(const struct weir_ns *ns);
void weir_defrag_down(const struct weir_ns *ns);
/* In the namespace of the caller: makes it so; whether it is. */
int weir_defrag_make(void);
bool weir_defrag_there(void);

/* --- pools.c --- */

/* Makes sure that there are ports for all that @recs translate to, @nr of them. Nothing is taken
 * away. */
int weir_pools_add(
	const struct weir_ns *ns, const struct weir_rule_rec *recs, __u32 nr, struct weir_err *err);
/* Takes away what none of @recs names; ports once no mapping holds one. 0 or -errno, quiet. */
int weir_pools_prune(const struct weir_ns *ns, const struct weir_rule_rec *recs, __u32 nr);

#endif
