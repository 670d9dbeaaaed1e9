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
#include <linux/netfilter/nf_tables_compat.h>
#include <libmnl/libmnl.h>

#include "probe.h"

enum { NAME_MAX_BYTES = 64, NO_HOOK = -1 };

/* What rules do that is worth a word of its own: its name, and that of iptables' target. */
#define ACTS(ACT)                                                                                  \
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

enum act {
#define ACT(id, name, target) ACT_##id,
	ACTS(ACT)
#undef ACT
		ACT_COUNT
};

static const struct {
	const char *name, *target;
} acts[ACT_COUNT] = {
#define ACT(id, name, target) [ACT_##id] = {name, target},
	ACTS(ACT)
#undef ACT
};

struct chain {
	__u8 family;
	char table[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
	int hook;		  /* NO_HOOK: a chain that others jump to */
	bool drops;		  /* by its policy */
	unsigned int rules, acts; /* how many, and a bit for each act among them */
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

/* --- expressions --- */

struct expr {
	char name[32];
	char target[32];     /* of iptables, in nftables' clothes */
	__u32 nat, key, obj; /* types, in network order, as they come */
	bool sets;	     /* what the key names, and does not just look at it */
};

static int on_expr_data(const struct nlattr *a, void *ctx)
{
	struct expr *e = ctx;
	__u16 type = mnl_attr_get_type(a);

	if (!strcmp(e->name, "target") && type == NFTA_TARGET_NAME)
		return weir_nl_text(a, e->target, sizeof(e->target));
	if (!strcmp(e->name, "nat") && type == NFTA_NAT_TYPE)
		return weir_nl_u32(a, &e->nat);
	if (!strcmp(e->name, "objref") && type == NFTA_OBJREF_IMM_TYPE)
		return weir_nl_u32(a, &e->obj);
	if (!strcmp(e->name, "meta") || !strcmp(e->name, "ct")) {
		bool meta = e->name[0] == 'm';

		e->sets = e->sets || type == (meta ? NFTA_META_SREG : NFTA_CT_SREG);
		if (type == (meta ? NFTA_META_KEY : NFTA_CT_KEY))
			return weir_nl_u32(a, &e->key);
	}
	return MNL_CB_OK;
}

static int on_expr_attr(const struct nlattr *a, void *ctx)
{
	struct expr *e = ctx;

	if (mnl_attr_get_type(a) == NFTA_EXPR_NAME) /* comes before the data */
		return weir_nl_text(a, e->name, sizeof(e->name));
	if (mnl_attr_get_type(a) == NFTA_EXPR_DATA)
		return mnl_attr_parse_nested(a, on_expr_data, e);
	return MNL_CB_OK;
}

/* ACT_COUNT: nothing of those. */
static enum act act_of(const struct expr *e)
{
	static const struct {
		const char *name;
		enum act act;
	} plain[] = {
		{"masq", ACT_masquerade},
		{"redir", ACT_redirect},
		{"tproxy", ACT_tproxy},
		{"synproxy", ACT_synproxy},
		{"queue", ACT_queue},
		{"dup", ACT_dup},
		{"fwd", ACT_fwd},
		{"flow_offload", ACT_offload},
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strcmp(e->name, plain[i].name))
			return plain[i].act;
	for (enum act i = 0; i < ACT_COUNT; i++)
		if (e->target[0] && !strcmp(e->target, acts[i].target))
			return i;
	if (!strcmp(e->name, "nat"))
		return ntohl(e->nat) == NFT_NAT_DNAT ? ACT_dnat : ACT_snat;
	if (!strcmp(e->name, "objref") && ntohl(e->obj) == NFT_OBJECT_CT_HELPER)
		return ACT_ct;
	if (!strcmp(e->name, "ct") && e->sets && ntohl(e->key) == NFT_CT_ZONE)
		return ACT_ct;
	if (!strcmp(e->name, "meta") && e->sets && ntohl(e->key) == NFT_META_MARK)
		return ACT_mark;
	return ACT_COUNT;
}

static int on_expr(const struct nlattr *a, void *ctx)
{
	struct chain *of = ctx;
	struct expr e = {};
	enum act act;

	if (mnl_attr_get_type(a) != NFTA_LIST_ELEM)
		return MNL_CB_OK;
	if (mnl_attr_parse_nested(a, on_expr_attr, &e) < 0)
		return MNL_CB_ERROR;
	act = act_of(&e);
	if (act < ACT_COUNT)
		of->acts |= 1U << act;
	return MNL_CB_OK;
}

/* --- rules --- */

static int on_rule_attr(const struct nlattr *a, void *ctx)
{
	struct chain *of = ctx;

	if (mnl_attr_get_type(a) == NFTA_RULE_EXPRESSIONS)
		return mnl_attr_parse_nested(a, on_expr, of);
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
			!strcmp(c->name, of.name)) {
			c->rules++;
			c->acts |= of.acts;
		}
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

/* Adds @word to a list of words, unless it is there already. */
static void add_word(char *list, size_t size, const char *word)
{
	size_t n = strlen(list);

	if (!strstr(list, word))
		snprintf(list + n, size - n, "%s%s", n ? ", " : "", word);
}

static void name_acts(unsigned int set, char *list, size_t size)
{
	for (enum act i = 0; i < ACT_COUNT; i++)
		if (set & 1U << i)
			add_word(list, size, acts[i].name);
}

static void find_table(const struct ruleset *r, unsigned int first, struct weir_findings *found)
{
	const struct chain *table = &r->chain[first];
	const char *family = table->family == NFPROTO_INET     ? "inet"
			     : table->family == NFPROTO_NETDEV ? "netdev"
							       : "ip";
	unsigned int rules = 0, what = 0;
	bool drops = false;
	char hooks[128] = "", does[128] = "";
	struct weir_finding *f;

	for (unsigned int i = first; i < r->nr; i++) {
		const struct chain *c = &r->chain[i];
		const char *hook = hook_name(c);

		if (!same_table(c, table) || (!hook && c->hook != NO_HOOK))
			continue;
		rules += c->rules;
		what |= c->acts;
		if (!hook)
			continue;
		drops = drops || c->drops;
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
