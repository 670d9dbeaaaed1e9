/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a program that was loaded `dry` has made of a packet, as `weir_explain` tells it: it writes
 * this over the frame that it is run on. */
#ifndef WEIR_EXPLAINED_H
#define WEIR_EXPLAINED_H

#include "rules.h"
#include "sessions.h"

/* Network order but for `mtu`. */
struct weir_explained_way {
	__u32 oif;	       /* 0: none was found, or the FIB was not asked */
	__u32 nexthop;	       /* an IPv6 one folded */
	__u32 mtu;	       /* 0: not said */
	__u8 dmac[6], smac[6]; /* 0: no neighbour is known, or none was asked for */
};

struct weir_explained {
	/* the filter */
	__u32 asked;	/* it was */
	__u32 iif, oif; /* the devices that rules were asked about; 0: this host */
	__u32 rule;	/* the id of the one that decided; 0: a policy, or nothing */
	__u32 log;	/* of the first that matched and logs; 0: none */
	__u16 checks;	/* enum weir_check, of what was looked at */
	__u8 verdict;	/* enum weir_verdict; WEIR_VERDICT_COUNT: nothing decided */
	__u8 state;	/* enum weir_state; 0: no session was looked for */

	/* sessions and NAT */
	__u32 session;		  /* number plus one; WEIR_SESSION_NEW; 0: none */
	__u32 rule_src, rule_dst; /* ids of the rules by which it would be made */
	__u8 tracked;		  /* the packet was looked at */
	__u8 back;		  /* it goes back */
	__u8 hairpin;
	__u8 later;    /* a later fragment: it has no ports */
	__u8 port_any; /* becomes.sport stands for any port of its pool */
	__u8 _pad[3];
	struct weir_tuple is, becomes;

	struct weir_explained_way forward; /* to be forwarded by */
	struct weir_explained_way kernel;  /* by which the kernel would send what it is given */
};

#endif
