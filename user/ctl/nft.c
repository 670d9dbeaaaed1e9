// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter_arp.h>
#include <linux/netfilter_bridge.h>

#include "nft.h"

void weir_nft_done(struct weir_nft_ruleset *r)
{
	free(r->chain);
	free(r->jump);
	free(r->dev);
	*r = (struct weir_nft_ruleset){0};
}

const char *weir_nft_family(__u8 family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	default:
		return "?";
	}
}

/* Which family's number a hook of that name is. */
static const struct hook {
	const char *name;
	__u8 family;
	int number;
} hooks[] = {
#define IP(name, number)                                                                           \
	{name, NFPROTO_IPV4, number}, {name, NFPROTO_IPV6, number},                                \
	{                                                                                          \
		name, NFPROTO_INET, number                                                         \
	}
	IP("prerouting", NF_INET_PRE_ROUTING),
	IP("input", NF_INET_LOCAL_IN),
	IP("forward", NF_INET_FORWARD),
	IP("output", NF_INET_LOCAL_OUT),
	IP("postrouting", NF_INET_POST_ROUTING),
#undef IP
	{"ingress", NFPROTO_NETDEV, NF_NETDEV_INGRESS},
	{"ingress", NFPROTO_INET, NF_INET_INGRESS},
	{"egress", NFPROTO_NETDEV, NF_NETDEV_EGRESS},
	{"arp_input", NFPROTO_ARP, NF_ARP_IN},
	{"arp_output", NFPROTO_ARP, NF_ARP_OUT},
	{"arp_forward", NFPROTO_ARP, NF_ARP_FORWARD},
	{"bridge_prerouting", NFPROTO_BRIDGE, NF_BR_PRE_ROUTING},
	{"bridge_input", NFPROTO_BRIDGE, NF_BR_LOCAL_IN},
	{"bridge_forward", NFPROTO_BRIDGE, NF_BR_FORWARD},
	{"bridge_output", NFPROTO_BRIDGE, NF_BR_LOCAL_OUT},
	{"bridge_postrouting", NFPROTO_BRIDGE, NF_BR_POST_ROUTING},
};

static bool is_at(const struct weir_nft_chain *c, const struct weir_nft_site *site)
{
	if ((c->family == NFPROTO_IPV4 && site->protocol && site->protocol != ETH_P_IP) ||
		(c->family == NFPROTO_IPV6 && site->protocol && site->protocol != ETH_P_IPV6))
		return false;
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (hooks[i].family == c->family && hooks[i].number == c->hook &&
			!strcmp(hooks[i].name, site->hook))
			return true;
	return false;
}

/* A chain that is bound to no device is at all of them. */
static bool is_on(const struct weir_nft_ruleset *r, unsigned int chain, const char *device)
{
	bool bound = false;

	for (unsigned int i = 0; i < r->nr_devs; i++) {
		if (r->dev[i].chain != chain)
			continue;
		if (!*device || !r->dev[i].name[0] || !strcmp(r->dev[i].name, device))
			return true;
		bound = true;
	}
	return !bound;
}

/* Marks what is behind the chains that are marked; nr rounds suffice, since each marks one more. */
static void spread(const struct weir_nft_ruleset *r, bool *drops)
{
	bool more = true;

	while (more) {
		more = false;
		for (unsigned int i = 0; i < r->nr_jumps; i++) {
			const struct weir_nft_jump *j = &r->jump[i];

			if (drops[j->to] && !drops[j->from])
				drops[j->from] = more = true;
		}
	}
}

int weir_nft_suspects(const struct weir_nft_ruleset *r, const struct weir_nft_site *site,
	void (*fn)(void *ctx, const struct weir_nft_chain *chain), void *ctx)
{
	bool *drops = calloc(r->nr + 1, sizeof(*drops));
	int nr = 0;

	if (!drops)
		return -ENOMEM;
	for (unsigned int i = 0; i < r->nr; i++)
		drops[i] = r->chain[i].policy_drops || r->chain[i].rule_drops;
	spread(r, drops);
	for (unsigned int i = 0; i < r->nr; i++) {
		if (!drops[i] || !is_at(&r->chain[i], site) || !is_on(r, i, site->device))
			continue;
		fn(ctx, &r->chain[i]);
		nr++;
	}
	free(drops);
	return nr;
}

bool weir_iptables_hooks(const char *table, const char *hook)
{
	static const struct {
		const char *table, *hooks[6];
	} has[] = {
		{"raw", {"prerouting", "output"}},
		{"mangle", {"prerouting", "input", "forward", "output", "postrouting"}},
		{"nat", {"prerouting", "input", "output", "postrouting"}},
		{"filter", {"input", "forward", "output"}},
		{"security", {"input", "forward", "output"}},
	};

	for (size_t i = 0; i < sizeof(has) / sizeof(has[0]); i++)
		for (const char *const *h = has[i].hooks; *h && !strcmp(has[i].table, table); h++)
			if (!strcmp(*h, hook))
				return true;
	return false;
}
