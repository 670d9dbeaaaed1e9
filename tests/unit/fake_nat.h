/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* NAT's state without a kernel, for one test or fuzzer of commands each. */
#ifndef TESTS_FAKE_NAT_H
#define TESTS_FAKE_NAT_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "ctl/nat.h"
#include "fake_explain.h"

/* One address, of eth0. */
int weir_owns_read(struct weir_owns *owns, struct weir_err *err)
{
	owns->list = calloc(1, sizeof(*owns->list));
	if (!owns->list)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "reading this host's addresses");
	owns->nr = 1;
	owns->list[0] = (struct weir_own){0xc0000201, "eth0", true};
	return 0;
}

void weir_owns_done(struct weir_owns *owns)
{
	free(owns->list);
	*owns = (struct weir_owns){0};
}

/* Two pools, and a limit reached. */
int weir_nat_use_read(struct weir_ns *ns, struct weir_nat_use *use, struct weir_err *err)
{
	(void)ns;
	*use = (struct weir_nat_use){.tracking = true, .nr_pools = 2};
	use->state.sessions_max = WEIR_SESSIONS_DEFAULT;
	use->state.created = 7;
	use->state.ended = 4;
	use->state.ports_full = 5;
	use->pools = calloc(2, sizeof(*use->pools));
	if (!use->pools)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "reading the pools");
	use->pools[0] = (struct weir_pool_use){.dev = "eth0", .ports = {1, 2, 3}};
	use->pools[1] = (struct weir_pool_use){.addr = 0xcb007101, .dev = ""};
	return 0;
}

void weir_nat_use_done(struct weir_nat_use *use)
{
	free(use->pools);
	use->pools = NULL;
	use->nr_pools = 0;
}

int weir_nat_timeout_set(
	struct weir_ns *ns, enum weir_timeout which, __u32 seconds, struct weir_err *err)
{
	(void)ns;
	(void)err;
	return which < WEIR_TIMEOUT_COUNT && seconds >= weir_timeout_info[which].least
		       ? 0
		       : weir_fail(err, WEIR_REFUSED, 0, "a timeout below its least");
}

int weir_nat_limit_set(
	struct weir_ns *ns, __u32 sessions, struct weir_notes *notes, struct weir_err *err)
{
	(void)ns;
	(void)notes;
	return sessions == 4096 ? weir_fail(err, WEIR_REFUSED, -EBUSY, "there are sessions") : 0;
}

/* UDP 10.0.0.2:5000 to 198.51.100.53:53, as 192.0.2.1:5000. */
static inline struct weir_seen_session fake_session(void)
{
	struct weir_seen_session seen = {
		.number = 17, .expires_ms = 1500, .in = "lan", .out = "eth0"};

	seen.s = (struct weir_session){
		.life = WEIR_LIFE_LIVE,
		.flags = WEIR_SESSION_REPLIED | WEIR_SESSION_SRC,
		.count = {{3, 180}, {2, 240}},
		.rule_src = 4,
		.saddr = htonl(0x0a000002),
		.daddr = htonl(0xc6336435),
		.sport = htons(5000),
		.dport = htons(53),
		.xsaddr = htonl(0xc0000201),
		.xdaddr = htonl(0xc6336435),
		.xsport = htons(6000),
		.xdport = htons(53),
		.proto = 17,
		.iif = 5,
		.oif = 6,
	};
	return seen;
}

int weir_sessions_each(struct weir_ns *ns, const struct weir_flush *match, struct weir_page_of page,
	int (*fn)(void *ctx, const struct weir_seen_session *seen), void *ctx,
	struct weir_sessions_read *read, struct weir_err *err)
{
	struct weir_seen_session seen = fake_session();

	(void)ns;
	(void)err;
	*read = (struct weir_sessions_read){.all = 1};
	if (!weir_session_matches(&seen.s, match))
		return 0;
	read->matched = 1;
	if (page.from > seen.number)
		return 0;
	read->shown = 1;
	return fn(ctx, &seen);
}

int weir_sessions_flush(struct weir_ns *ns, struct weir_flush *match, struct weir_err *err)
{
	struct weir_seen_session seen = fake_session();

	(void)ns;
	(void)err;
	match->ended = (__u32)weir_session_matches(&seen.s, match);
	return 0;
}

int weir_mappings_each(struct weir_ns *ns, int (*fn)(void *ctx, const struct weir_mapping *mapping),
	void *ctx, struct weir_err *err)
{
	struct weir_mapping m = {.refs = 1,
		.addr = htonl(0xc0000201),
		.inside = htonl(0x0a000002),
		.port = htons(6000),
		.inside_port = htons(5000),
		.proto = 17,
		.key = WEIR_KEY_map_in,
		.rule = 4};

	(void)ns;
	(void)err;
	return fn(ctx, &m);
}

#endif
