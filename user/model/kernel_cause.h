/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel's drops mean: stage, cause and remedy of a reason and a place.
 *
 * kernel_reasons.h knows every name of `enum skb_drop_reason` of Linux 6.1 to 6.18, kernel_places.h
 * what functions free packets and why. A reason that many places give has its stage by the place,
 * and NOT_SPECIFIED its cause too. Causes are named by strings, since the kernel's are no ids of
 * ours.
 */
#ifndef WEIR_KERNEL_CAUSE_H
#define WEIR_KERNEL_CAUSE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/tables.h"

/* Stage of what many places do: known only where a place is. */
#define WEIR_STAGE_BY_LOCATION WEIR_STAGE_COUNT

struct weir_kernel_cause_info {
	const struct weir_cause_info *what; /* name, sentence, remedy */
	const char *counter;		    /* what shows how many; "" = nothing of its own */
	enum weir_stage stage;		    /* or WEIR_STAGE_BY_LOCATION */
	bool shared;			    /* one of WEIR_CAUSES, whose words it has */
};

/* Every cause that the kernel plane can name: reasons, finer ones, NETFILTER_DROP/HOOK. */
extern const struct weir_kernel_cause_info weir_kernel_cause_info[];
extern const unsigned int weir_kernel_nr_causes;

/* Which socket TCP had found for a segment when it was dropped. */
enum weir_kernel_sock {
	WEIR_KERNEL_SOCK_UNTOLD,
	WEIR_KERNEL_SOCK_NONE,
	WEIR_KERNEL_SOCK_TIMEWAIT,
	WEIR_KERNEL_SOCK_OTHER,
};

/* What is known of a drop. Symbols may carry a suffix (.cold, .isra.0) and an offset (+0x1f). */
struct weir_kernel_drop_site {
	const char *reason;   /* without SKB_DROP_REASON_; "" = the kernel gives none */
	const char *location; /* the function that freed it; "" = unknown */
	const char *caller;   /* who called it, past all weir_kernel_is_servant(); "" = unknown */
	const char *rule;     /* netfilter: TABLE, or TABLE/CHAIN; "" = unknown */
	bool sending;	      /* on its way out: it came in by no device, or has an outgoing one */
	bool multicast;	      /* its IP destination is a multicast address */
	bool to_one;	      /* it is for one host only */
	bool bare;	      /* a TCP segment without data, and no SYN */
	bool stopped;	      /* its device has no carrier, or is down */
	bool outgoing;	      /* what a socket was given of what this host sends */
	bool frags_full;      /* a fragment; those that wait hold all the memory that they may */
	bool vlan;	      /* its MAC address is ours, and its VLAN tag nobody's */
	bool udp_header;      /* what is left of it is as long as UDP's header, or longer */
	bool udp_byte;	      /* by one byte */
	enum weir_kernel_sock sock;
	int route_error; /* dst_entry.error of its route, of either sign; 0 = none or unknown */
};

/* Room for any name of a reason, of the running kernel's and of a value without one, with its NUL.
 */
#define WEIR_KERNEL_REASON_MAX 64
#define WEIR_KERNEL_CAUSE_MAX  160

struct weir_kernel_cause {
	char name[WEIR_KERNEL_CAUSE_MAX]; /* a reason, a finer name, NETFILTER_DROP/HOOK/nft:RULE */
	enum weir_stage stage; /* or WEIR_STAGE_BY_LOCATION: the place tells none either */
	bool network;	       /* false: nothing of the network is lost: local, or a copy */
	bool aside;	       /* no loss, and yet to be told: a copy that somebody waits for */
	const struct weir_cause_info *what; /* sentence and remedy; its name is without the rule */
	const char *counter;		    /* "" = none */
};

/* What the drop means; always answers, for a reason that is not known with its own name. */
void weir_kernel_cause_of(const struct weir_kernel_drop_site *site, struct weir_kernel_cause *out);

/*
 * The cause of that name, without regard to case; NETFILTER_DROP/HOOK may have more behind it.
 * False where there is none.
 */
bool weir_kernel_cause_named(const char *name, struct weir_kernel_cause *out);

/*
 * Whether @symbol frees or judges packets for whom it is called by, as kfree_skb_list_reason(),
 * nf_hook_slow() or nft_do_chain(): then not it but its caller tells where the packet was lost.
 */
bool weir_kernel_is_servant(const char *symbol);

/* Whether nothing of the network is lost by what is freed at @symbol, whatever the reason. */
bool weir_kernel_is_local(const char *symbol);

#endif
