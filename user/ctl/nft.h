/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rule set of nftables as plain data, and which of its chains can drop at a hook. */
#ifndef WEIR_CTL_NFT_H
#define WEIR_CTL_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define WEIR_NFT_NAME_MAX 256 /* the kernel's own limit, with its NUL */

/* What rules do that is worth a word of its own: ACT(id, name, iptables' target). */
#define WEIR_NFT_ACTS(ACT)                                                                         \
	ACT(masquerade, "masquerade", "MASQUERADE")                                                \
	ACT(snat, "snat", "SNAT")                                                                  \
	ACT(dnat, "dnat", "DNAT")                                                                  \
	ACT(redirect, "redirect", "REDIRECT")                                                      \
	ACT(netmap, "netmap", "NETMAP")                                                            \
	ACT(tproxy, "tproxy", "TPROXY")                                                            \
	ACT(synproxy, "synproxy", "SYNPROXY")                                                      \
	ACT(queue, "queue", "NFQUEUE")                                                             \
	ACT(dup, "dup", "TEE")                                                                     \
	ACT(fwd, "fwd", "")                                                                        \
	ACT(offload, "flow offload", "")                                                           \
	ACT(mark, "marks", "MARK")                                                                 \
	ACT(ct, "ct helper or zone", "CT")

enum weir_nft_act {
#define ACT(id, name, target) WEIR_NFT_ACT_##id,
	WEIR_NFT_ACTS(ACT)
#undef ACT
		WEIR_NFT_ACT_COUNT
};

#define WEIR_NFT_NO_HOOK (-1)

struct weir_nft_chain {
	__u8 family; /* NFPROTO_* */
	char table[WEIR_NFT_NAME_MAX], name[WEIR_NFT_NAME_MAX];
	int hook;		  /* WEIR_NFT_NO_HOOK: a chain that others jump to */
	bool policy_drops;	  /* what no rule has accepted */
	bool rule_drops;	  /* a rule of its own may */
	unsigned int rules, acts; /* how many, and a bit for each act among them */
};

/* Chain @from may jump, or go, to chain @to. */
struct weir_nft_jump {
	unsigned int from, to;
};

/* A device that a base chain is bound to; "" = it may be any. */
struct weir_nft_dev {
	unsigned int chain;
	char name[16];
};

struct weir_nft_ruleset {
	unsigned int nr, nr_jumps, nr_devs;
	struct weir_nft_chain *chain; /* owned, as the rest */
	struct weir_nft_jump *jump;
	struct weir_nft_dev *dev;
};

void weir_nft_done(struct weir_nft_ruleset *r);

/* The family's name, as nft has it. */
const char *weir_nft_family(__u8 family);

/* Where a packet was dropped. */
struct weir_nft_site {
	const char *hook;   /* one of WEIR_KERNEL_HOOKS, by name */
	const char *device; /* ingress, egress: "" = unknown */
	__u16 protocol;	    /* EtherType, 0 = unknown */
};

/*
 * Calls @fn for each base chain that may have dropped it: by its policy, or by a rule in it, or in
 * a chain that it leads to. How many there are; -ENOMEM.
 */
int weir_nft_suspects(const struct weir_nft_ruleset *r, const struct weir_nft_site *site,
	void (*fn)(void *ctx, const struct weir_nft_chain *chain), void *ctx);

/* Whether a table of iptables' own (not of nftables in its clothes) has a chain at that hook. */
bool weir_iptables_hooks(const char *table, const char *hook);

#endif
