/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet would meet, without a kernel: whatever its ports say, for all that can be met. */
#ifndef TESTS_FAKE_EXPLAIN_H
#define TESTS_FAKE_EXPLAIN_H

#include <string.h>
#include <arpa/inet.h>

#include "ctl/explain.h"

/* By the destination's port the exit, by the source's the rest. */
int weir_explain(struct weir_ns *ns, const struct weir_packet *packet, struct weir_explanation *e,
	struct weir_err *err)
{
	__u16 how = packet->sport;

	(void)ns;
	if (!strcmp(packet->dev, "nope"))
		return weir_fail(err, WEIR_NOT_FOUND, 0, "'nope' is not attached");
	*e = (struct weir_explanation){.exit = packet->dport % WEIR_EXIT_COUNT,
		.hook = packet->out ? WEIR_HOOK_tc_egress : WEIR_HOOK_xdp,
		.punt_drop = how & 1,
		.answered = how >> 1 & 1,
		.has_session = how >> 2 & 1};
	e->found = (struct weir_explained){.asked = how & 8,
		.verdict = how >> 4 & 7,
		.rule = how >> 7 & 1,
		.state = how >> 8 & 15,
		.checks = how,
		.session = how & 4    ? 18
			   : how & 16 ? WEIR_SESSION_NEW
				      : 0,
		.tracked = how & 1,
		.later = packet->frag == WEIR_FRAG_LATER,
		.port_any = how >> 9 & 1,
		.back = how >> 10 & 1,
		.is = {.proto = packet->proto, .saddr = htonl(packet->saddr), .sport = htons(how)},
		.becomes = {.proto = packet->proto, .saddr = htonl(0xc0000201), .daddr = how & 4}};
	e->found.forward.oif = how >> 11 & 1;
	e->found.kernel.oif = how >> 12 & 1;
	return 0;
}

#endif
