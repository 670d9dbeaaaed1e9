/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sessions and NAT's state as plain data; and which are meant: the words of `nat session`, `nat
 * explain`. */
#ifndef WEIR_SESSION_H
#define WEIR_SESSION_H

#include <weir/sessions.h>

#include "model/rule.h"

/* --- what was read --- */

/* A session as it was at one moment. */
struct weir_seen_session {
	__u32 number; /* of its record */
	struct weir_session s;
	__u32 expires_ms;
	const char *in, *out; /* devices' names; "" = this host, or the device is gone */
};

/* A part of all sessions. */
struct weir_page_of {
	__u32 from;  /* the record that it begins with */
	__u64 limit; /* sessions; 0: all */
};

struct weir_sessions_read {
	__u64 matched, shown; /* of @matched, those before page.from are not */
	__u64 all;
	__u32 next; /* record of the first that matched and was not shown for the limit; 0: none */
};

/* How full a pool is: of one address, or of a device's own. */
struct weir_pool_use {
	__u32 addr;		       /* host order; 0: the device's */
	__u32 ifindex;		       /* of the device outside */
	char dev[16];		       /* its name; "" = it is gone */
	__u32 ports[WEIR_PORT_PROTOS]; /* in use: UDP, TCP, ICMP queries */
};

struct weir_nat_use {
	struct weir_nat_state state; /* where nothing was ever set up, its defaults */
	bool tracking;		     /* sessions are followed */
	struct weir_pool_use *pools; /* owned; by address, then device */
	size_t nr_pools;
};

/* --- words --- */

/* `[proto P] [addr PREFIX] [port N] [rule ID] [state S[,..]]`, and, where pages are meant, `[limit
 * N] [from N]`. */
struct weir_match {
	struct weir_flush which;
	__u64 limit; /* 0: not said */
	__u32 from;
};

/* Reads the words of @line from @from on. On failure @err is marked and @match untouched. */
int weir_match_parse(struct weir_match *match, const struct weir_line *line, unsigned int from,
	bool pages, struct weir_err *err);

/* `ADDR[:PORT] [proto udp|tcp|icmp]`. Host order. */
struct weir_asked {
	__u32 addr;
	bool has_port, has_proto;
	__u16 port;
	__u8 proto;
};

int weir_asked_parse(struct weir_asked *asked, const struct weir_line *line, struct weir_err *err);

/* `[NAME SECONDS]`, of a timeout; WEIR_TIMEOUT_COUNT: none is named. */
int weir_timeout_parse(enum weir_timeout *which, __u32 *seconds, const struct weir_line *line,
	struct weir_err *err);

/* Names, as JSON has them; tcp-established, as words have them. */
const char *weir_state_name(enum weir_session_state state);
const char *weir_timeout_name(enum weir_timeout which);

/* What WEIR_TIMEOUTS says of each. */
struct weir_timeout_info {
	const char *name, *text;
	__u32 seconds, least;
};

extern const struct weir_timeout_info weir_timeout_info[WEIR_TIMEOUT_COUNT];

#endif
