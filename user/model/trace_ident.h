/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tells packets apart by their heads, whatever routers and NAT have changed. */
#ifndef WEIR_TRACE_IDENT_H
#define WEIR_TRACE_IDENT_H

#include <stdbool.h>
#include <weir/trace.h>

struct weir_trace_ident {
	__u64 key;	  /* of what stays the same: IP id, protocol, fragment, sequence numbers */
	__u64 ends;	  /* of addresses and ports, which NAT changes */
	__u32 len;	  /* by the IP header */
	unsigned int fix; /* bytes of the header of layer 4, of which some change */
	unsigned int nr;  /* bytes of layer 4 that are there */
	const __u8 *l4;	  /* in the event's head */
};

/* False where the head is too short, or is not IP's. Lives as long as the event. */
bool weir_trace_identify(const struct weir_trace_event *event, struct weir_trace_ident *ident);

/* Whether length and data are the same, as far as both are there. */
bool weir_trace_same_bytes(const struct weir_trace_ident *a, const struct weir_trace_ident *b);

#endif
