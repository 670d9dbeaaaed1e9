// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of nftables that forwarded packets would meet in the kernel, and the rules in them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <libmnl/libmnl.h>

#include "probe.h"

enum { NAME_MAX_BYTES = 64, NO_HOOK = -1 };

struct chain {
	__u8 family;
	char table[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
	int hook;   /* NO_HOOK: a chain that others jump to */
	bool drops; /* by its policy */
	unsigned int rules;
};

struct ruleset {
	unsigned int nr;
	struct chain *chain; /* owned */
	bool failed;
};

static int on_hook_attr(const struct nlattr *a, void *ctx)
{
	struct chain *c = ctx;
	__u32 hook;

	if (mnl_attr_get_type(a) != NFTA_HOOK_HOOKNUM)
		return MNL_CB_OK;
	if (weir_nl_u32(a, &hook) < 0)
		return MNL_CB_ERROR;
	c->hook = (int)ntohl(hook);
	return MNL_CB_OK;
}

static int on_chain_attr(const struct nlattr *a, void *ctx)
{
	struct chain *c = ctx;
	__u32 policy;

	switch (mnl_attr_get_type(a)) {
	case NFTA_CHAIN_TABLE:
		return weir_nl_text(a, c->table, sizeof(c->table));
	case NFTA_CHAIN_NAME:
		return weir_nl_text(a, c->name, sizeof(c->name));
	case NFTA_CHAIN_POLICY:
		if (weir_nl_u32(a, &policy) < 0)
			return MNL_CB_ERROR;
		c->drops = ntohl(policy) == NF_DROP;
		break;
	case NFTA_CHAIN_HOOK:
		return mnl_attr_parse_nested(a, on_hook_attr, c);
	default:
		break;
	}
	return MNL_CB_OK;
}

static int on_chain(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nfgenmsg *head = weir_nl_head(nlh, sizeof(*head));
	struct ruleset *r = ctx;
	struct chain *list;

	if (!head)
		return MNL_CB_ERROR;
	list = realloc(r->chain, (r->nr + 1) * sizeof(*list));
	if (!list) {
		r->failed = true;
		return MNL_CB_STOP;
	}
	r->chain = list;
	r->chain[r->nr] = (struct chain){.family = head->nfgen_family, .hook = NO_HOOK};
	return mnl_attr_parse(nlh, sizeof(*head), on_chain_attr, &r->chain[r->nr++]);
}

static int on_rule_attr(const struct nlattr *a, void *ctx)
{
	struct chain *of = ctx;

	if (mnl_attr_get_type(a) == NFTA_RULE_TABLE)
		return weir_nl_text(a, of->table, sizeof(of->table));
	if (mnl_attr_get_type(a) == NFTA_RULE_CHAIN)
		return weir_nl_text(a, of->name, sizeof(of->name));
	return MNL_CB_OK;
}

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nfgenmsg *head = weir_nl_head(nlh, sizeof(*head));
	struct ruleset *r = ctx;
	struct chain of = {};

	if (!head || mnl_attr_parse(nlh, sizeof(*head), on_rule_attr, &of) < 0)
		return MNL_CB_ERROR;
	for (unsigned int i = 0; i < r->nr; i++) {
		struct chain *c = &r->chain[i];

		if (c->family == head->nfgen_family && !strcmp(c->table, of.table) &&
			!strcmp(c->name, of.name))
			c->rules++;
	}
	return MNL_CB_OK;
}

static int dump(__u16 what, mnl_cb_t cb, struct ruleset *r)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *head;

	nlh->nlmsg_type = (__u16)(NFNL_SUBSYS_NFTABLES << 8 | what);
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->nfgen_family = NFPROTO_UNSPEC;
	head->version = NFNETLINK_V0;
	return weir_nl_ask(NETLINK_NETFILTER, nlh, NLM_F_DUMP, cb, r);
}

static int read_ruleset(struct ruleset *r)
{
	int rc, tries = 5;

	do { /* again where somebody changed it meanwhile */
		free(r->chain);
		memset(r, 0, sizeof(*r));
		rc = dump(NFT_MSG_GETCHAIN, on_chain, r);
		if (!rc)
			rc = dump(NFT_MSG_GETRULE, on_rule, r);
		if (!rc && r->failed)
			rc = -ENOMEM;
	} while (rc == -EINTR && --tries);
	return rc;
}

/* The hook's name where forwarded IPv4 packets come by; NULL else. */
static const char *hook_name(const struct chain *c)
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

static bool same_table(const struct chain *a, const struct chain *b)
{
	return a->family == b->family && !strcmp(a->table, b->table);
}

static void find_table(const struct ruleset *r, unsigned int first, struct weir_findings *found)
{
	const struct chain *table = &r->chain[first];
	const char *family = table->family == NFPROTO_INET     ? "inet"
			     : table->family == NFPROTO_NETDEV ? "netdev"
							       : "ip";
	unsigned int rules = 0;
	bool drops = false, hooked = false;
	char hooks[128] = "";
	struct weir_finding *f;

	for (unsigned int i = first; i < r->nr; i++) {
		const struct chain *c = &r->chain[i];
		const char *hook = hook_name(c);
		size_t n = strlen(hooks);

		if (!same_table(c, table))
			continue;
		if (hook || c->hook == NO_HOOK)
			rules += c->rules;
		if (!hook)
			continue;
		hooked = true;
		drops = drops || c->drops;
		if (!strstr(hooks, hook))
			snprintf(hooks + n, sizeof(hooks) - n, "%s%s", n ? ", " : "", hook);
	}
	if (!hooked || (!rules && !drops))
		return;
	f = weir_find(found, WEIR_CHECK_nftables, WEIR_FOUND_warning, "",
		"table %s %s: %u rule%s on %s%s", family, table->table, rules,
		rules == 1 ? "" : "s", hooks, drops ? "; a policy drops the rest" : "");
	f->count = rules;
	snprintf(f->subject, sizeof(f->subject), "%s %.24s", family, table->table);
	weir_find_remedy(f, "nft list table %s %s; weir dev detach DEV where it must be obeyed",
		family, table->table);
}

int weir_doctor_nft(struct weir_findings *found)
{
	struct ruleset r = {};
	int rc = read_ruleset(&r);

	for (unsigned int i = 0; !rc && i < r.nr; i++) {
		bool first = true;

		for (unsigned int j = 0; j < i; j++)
			first = first && !same_table(&r.chain[i], &r.chain[j]);
		if (first)
			find_table(&r, i, found);
	}
	free(r.chain);
	return rc;
}
