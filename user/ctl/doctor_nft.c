// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of nftables that forwarded packets would meet in the kernel, and the rules in them. */
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>

#include "nft_rules.h"
#include "probe.h"

static const char *const act_names[WEIR_NFT_ACT_COUNT] = {
#define ACT(id, name, target) [WEIR_NFT_ACT_##id] = name,
	WEIR_NFT_ACTS(ACT)
#undef ACT
};

/* The hook's name where forwarded IPv4 packets come by; NULL else. */
static const char *hook_name(const struct weir_nft_chain *c)
{
	static const char *const of_ip[NF_INET_NUMHOOKS + 1] = {
		[NF_INET_PRE_ROUTING] = "prerouting",
		[NF_INET_FORWARD] = "forward",
		[NF_INET_POST_ROUTING] = "postrouting",
		[NF_INET_INGRESS] = "ingress",
	};
	static const char *const of_dev[] = {
		[NF_NETDEV_INGRESS] = "ingress",
		[NF_NETDEV_EGRESS] = "egress",
	};

	if (c->hook < 0)
		return NULL;
	if (c->family == NFPROTO_NETDEV)
		return c->hook <= NF_NETDEV_EGRESS ? of_dev[c->hook] : NULL;
	if (c->family != NFPROTO_IPV4 && c->family != NFPROTO_INET)
		return NULL;
	return c->hook <= NF_INET_NUMHOOKS ? of_ip[c->hook] : NULL;
}

static bool same_table(const struct weir_nft_chain *a, const struct weir_nft_chain *b)
{
	return a->family == b->family && !strcmp(a->table, b->table);
}

/* Adds @word to a list of words, unless it is there already. */
static void add_word(char *list, size_t size, const char *word)
{
	size_t n = strlen(list);

	if (!strstr(list, word))
		snprintf(list + n, size - n, "%s%s", n ? ", " : "", word);
}

static void name_acts(unsigned int set, char *list, size_t size)
{
	for (enum weir_nft_act i = 0; i < WEIR_NFT_ACT_COUNT; i++)
		if (set & 1U << i)
			add_word(list, size, act_names[i]);
}

static void find_table(
	const struct weir_nft_ruleset *r, unsigned int first, struct weir_findings *found)
{
	const struct weir_nft_chain *table = &r->chain[first];
	const char *family = weir_nft_family(table->family);
	unsigned int rules = 0, what = 0;
	bool drops = false;
	char hooks[128] = "", does[128] = "";
	struct weir_finding *f;

	for (unsigned int i = first; i < r->nr; i++) {
		const struct weir_nft_chain *c = &r->chain[i];
		const char *hook = hook_name(c);

		if (!same_table(c, table) || (!hook && c->hook != WEIR_NFT_NO_HOOK))
			continue;
		rules += c->rules;
		what |= c->acts;
		if (!hook)
			continue;
		drops = drops || c->policy_drops;
		add_word(hooks, sizeof(hooks), hook);
	}
	if (!hooks[0] || (!rules && !drops))
		return;
	name_acts(what, does, sizeof(does));
	f = weir_find(found, WEIR_CHECK_nftables, WEIR_FOUND_warning, "",
		"table %s %s: %u rule%s on %s%s%s%s", family, table->table, rules,
		rules == 1 ? "" : "s", hooks, does[0] ? ", with " : "", does,
		drops ? "; a policy drops the rest" : "");
	f->count = rules;
	snprintf(f->subject, sizeof(f->subject), "%s %.24s", family, table->table);
	weir_find_remedy(f, "nft list table %s %s; weir dev detach DEV where it must be obeyed",
		family, table->table);
}

int weir_doctor_nft(struct weir_findings *found)
{
	struct weir_nft_ruleset r = {};
	int rc = weir_nft_read(&r);

	for (unsigned int i = 0; !rc && i < r.nr; i++) {
		bool first = true;

		for (unsigned int j = 0; j < i; j++)
			first = first && !same_table(&r.chain[i], &r.chain[j]);
		if (first)
			find_table(&r, i, found);
	}
	weir_nft_done(&r);
	return rc;
}
