/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * NAT's and sessions' state in a network namespace: settings, pools, sessions. Its rules are
 * changed and read as the filter's are (filter.h).
 */
#ifndef WEIR_CTL_NAT_H
#define WEIR_CTL_NAT_H

#include "ctl/ctl.h"
#include "model/nat.h"
#include "model/session.h"

/* This host's addresses; to be freed by weir_owns_done(). */
int weir_owns_read(struct weir_owns *owns, struct weir_err *err);
void weir_owns_done(struct weir_owns *owns);

/* Settings, counters, and pools. To be freed by weir_nat_use_done(). */
int weir_nat_use_read(struct weir_ns *ns, struct weir_nat_use *use, struct weir_err *err);
void weir_nat_use_done(struct weir_nat_use *use);

/* How long sessions of a kind last without a packet; those there are, too. */
int weir_nat_timeout_set(
	struct weir_ns *ns, enum weir_timeout which, __u32 seconds, struct weir_err *err);

/* How many sessions there may be; refused while there are any. */
int weir_nat_limit_set(
	struct weir_ns *ns, __u32 sessions, struct weir_notes *notes, struct weir_err *err);

/*
 * Calls @fn for each session that @match means, in the order of records; stops where it returns
 * other than 0, and returns that. No system call is made for one.
 */
int weir_sessions_each(struct weir_ns *ns, const struct weir_flush *match, struct weir_page_of page,
	int (*fn)(void *ctx, const struct weir_seen_session *seen), void *ctx,
	struct weir_sessions_read *read, struct weir_err *err);

/* Ends the sessions that @match means; match->ended: how many. */
int weir_sessions_flush(struct weir_ns *ns, struct weir_flush *match, struct weir_err *err);

/* Calls @fn for each mapping in use; as above. */
int weir_mappings_each(struct weir_ns *ns, int (*fn)(void *ctx, const struct weir_mapping *mapping),
	void *ctx, struct weir_err *err);

#endif
