// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rule set of nftables, as far as weir asks what it does: chains, verdicts, jumps, acts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <libmnl/libmnl.h>

#include "nft_rules.h"

/* A map whose elements are verdicts, and a chain that looks into it. */
struct vmap {
	unsigned int chain;
	char name[WEIR_NFT_NAME_MAX];
};

struct reader {
	struct weir_nft_ruleset *r;
	unsigned int at; /* the chain whose rules or elements are read */
	unsigned int nr_vmaps;
	struct vmap *vmap; /* owned */
	bool failed;
};

/* @list with room for one more, which is all 0; NULL, and what is there stays, without memory. */
static void *one_more(struct reader *rd, void *list, unsigned int nr, size_t size)
{
	char *grown = reallocarray(list, nr + 1, size);

	if (grown)
		memset(grown + nr * size, 0, size);
	else
		rd->failed = true;
	return grown;
}

/* --- chains --- */

static int on_dev(const struct nlattr *a, void *ctx)
{
	struct reader *rd = ctx;
	struct weir_nft_ruleset *r = rd->r;
	struct weir_nft_dev *grown = one_more(rd, r->dev, r->nr_devs, sizeof(*grown));

	if (!grown)
		return MNL_CB_STOP;
	r->dev = grown;
	grown += r->nr_devs++;
	grown->chain = rd->at;
	/* newer kernels have the beginnings of names, too: any device may be meant */
	return mnl_attr_get_type(a) == NFTA_DEVICE_NAME
		       ? weir_nl_text(a, grown->name, sizeof(grown->name))
		       : MNL_CB_OK;
}

static int on_hook_attr(const struct nlattr *a, void *ctx)
{
	struct reader *rd = ctx;
	__u32 hook;

	switch (mnl_attr_get_type(a)) {
	case NFTA_HOOK_HOOKNUM:
		if (weir_nl_u32(a, &hook) < 0)
			return MNL_CB_ERROR;
		rd->r->chain[rd->at].hook = (int)ntohl(hook);
		return MNL_CB_OK;
	case NFTA_HOOK_DEVS: /* of a single one, the kernel tells NFTA_HOOK_DEV as well */
		return mnl_attr_parse_nested(a, on_dev, rd);
	default:
		return MNL_CB_OK;
	}
}

static int on_chain_attr(const struct nlattr *a, void *ctx)
{
	struct reader *rd = ctx;
	struct weir_nft_chain *c = &rd->r->chain[rd->at];
	__u32 policy;

	switch (mnl_attr_get_type(a)) {
	case NFTA_CHAIN_TABLE:
		return weir_nl_text(a, c->table, sizeof(c->table));
	case NFTA_CHAIN_NAME:
		return weir_nl_text(a, c->name, sizeof(c->name));
	case NFTA_CHAIN_POLICY:
		if (weir_nl_u32(a, &policy) < 0)
			return MNL_CB_ERROR;
		c->policy_drops = ntohl(policy) == NF_DROP;
		return MNL_CB_OK;
	case NFTA_CHAIN_HOOK:
		return mnl_attr_parse_nested(a, on_hook_attr, rd);
	default:
		return MNL_CB_OK;
	}
}

static int on_chain(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nfgenmsg *head = weir_nl_head(nlh, sizeof(*head));
	struct reader *rd = ctx;
	struct weir_nft_ruleset *r = rd->r;
	struct weir_nft_chain *grown;

	if (!head)
		return MNL_CB_ERROR;
	grown = one_more(rd, r->chain, r->nr, sizeof(*grown));
	if (!grown)
		return MNL_CB_STOP;
	r->chain = grown;
	rd->at = r->nr++;
	grown[rd->at].family = head->nfgen_family;
	grown[rd->at].hook = WEIR_NFT_NO_HOOK;
	return mnl_attr_parse(nlh, sizeof(*head), on_chain_attr, rd);
}

/* r->nr where there is none. Mostly it is the one that was asked for last: @hint. */
static unsigned int find_chain(const struct weir_nft_ruleset *r, unsigned int hint, __u8 family,
	const char *table, const char *name)
{
	for (unsigned int i = 0; i < r->nr; i++) {
		unsigned int at = (hint + i) % r->nr;
		const struct weir_nft_chain *c = &r->chain[at];

		if (c->family == family && !strcmp(c->name, name) && !strcmp(c->table, table))
			return at;
	}
	return r->nr;
}

/* --- verdicts --- */

struct verdict {
	bool given;
	__u32 code; /* in network order */
	char chain[WEIR_NFT_NAME_MAX];
};

static int on_verdict_attr(const struct nlattr *a, void *ctx)
{
	struct verdict *v = ctx;

	if (mnl_attr_get_type(a) == NFTA_VERDICT_CHAIN)
		return weir_nl_text(a, v->chain, sizeof(v->chain));
	if (mnl_attr_get_type(a) != NFTA_VERDICT_CODE)
		return MNL_CB_OK;
	v->given = true;
	return weir_nl_u32(a, &v->code);
}

static int on_data_attr(const struct nlattr *a, void *ctx)
{
	if (mnl_attr_get_type(a) != NFTA_DATA_VERDICT)
		return MNL_CB_OK;
	return mnl_attr_parse_nested(a, on_verdict_attr, ctx);
}

/* What chain rd->at does with it. */
static int take_verdict(struct reader *rd, const struct verdict *v)
{
	int code = (int)ntohl(v->code);
	struct weir_nft_ruleset *r = rd->r;
	const struct weir_nft_chain *c = &r->chain[rd->at];
	struct weir_nft_jump *grown;
	unsigned int to;

	if (!v->given)
		return MNL_CB_OK;
	if (code >= 0 && (code & NF_VERDICT_MASK) == NF_DROP)
		r->chain[rd->at].rule_drops = true;
	if (code != NFT_JUMP && code != NFT_GOTO)
		return MNL_CB_OK;
	to = find_chain(r, rd->at, c->family, c->table, v->chain);
	if (to == r->nr)
		return MNL_CB_OK; /* made meanwhile */
	grown = one_more(rd, r->jump, r->nr_jumps, sizeof(*grown));
	if (!grown)
		return MNL_CB_STOP;
	r->jump = grown;
	r->jump[r->nr_jumps++] = (struct weir_nft_jump){rd->at, to};
	return MNL_CB_OK;
}

/* --- expressions --- */

struct expr {
	char name[32];
	char target[32];     /* of iptables, in nftables' clothes */
	__u32 nat, key, obj; /* types, in network order, as they come */
	bool sets;	     /* what the key names, and does not just look at it */
	__u32 dreg;	     /* network order: where what is looked up goes */
	char set[WEIR_NFT_NAME_MAX];
	struct verdict verdict;
};

static int on_lookup(const struct nlattr *a, struct expr *e)
{
	if (mnl_attr_get_type(a) == NFTA_LOOKUP_SET)
		return weir_nl_text(a, e->set, sizeof(e->set));
	if (mnl_attr_get_type(a) == NFTA_LOOKUP_DREG) {
		e->sets = true;
		return weir_nl_u32(a, &e->dreg);
	}
	return MNL_CB_OK;
}

static int on_expr_data(const struct nlattr *a, void *ctx)
{
	struct expr *e = ctx;
	__u16 type = mnl_attr_get_type(a);

	if (!strcmp(e->name, "immediate") && type == NFTA_IMMEDIATE_DATA)
		return mnl_attr_parse_nested(a, on_data_attr, &e->verdict);
	if (!strcmp(e->name, "lookup"))
		return on_lookup(a, e);
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

/* WEIR_NFT_ACT_COUNT: nothing of those. */
static enum weir_nft_act act_of(const struct expr *e)
{
	static const struct {
		const char *name;
		enum weir_nft_act act;
	} plain[] = {
		{"masq", WEIR_NFT_ACT_masquerade},
		{"redir", WEIR_NFT_ACT_redirect},
		{"tproxy", WEIR_NFT_ACT_tproxy},
		{"synproxy", WEIR_NFT_ACT_synproxy},
		{"queue", WEIR_NFT_ACT_queue},
		{"dup", WEIR_NFT_ACT_dup},
		{"fwd", WEIR_NFT_ACT_fwd},
		{"flow_offload", WEIR_NFT_ACT_offload},
	};
	static const char *const targets[] = {
#define ACT(id, name, target) [WEIR_NFT_ACT_##id] = target,
		WEIR_NFT_ACTS(ACT)
#undef ACT
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strcmp(e->name, plain[i].name))
			return plain[i].act;
	for (enum weir_nft_act i = 0; i < WEIR_NFT_ACT_COUNT; i++)
		if (e->target[0] && !strcmp(e->target, targets[i]))
			return i;
	if (!strcmp(e->name, "nat"))
		return ntohl(e->nat) == NFT_NAT_DNAT ? WEIR_NFT_ACT_dnat : WEIR_NFT_ACT_snat;
	if (!strcmp(e->name, "objref") && ntohl(e->obj) == NFT_OBJECT_CT_HELPER)
		return WEIR_NFT_ACT_ct;
	if (!strcmp(e->name, "ct") && e->sets && ntohl(e->key) == NFT_CT_ZONE)
		return WEIR_NFT_ACT_ct;
	if (!strcmp(e->name, "meta") && e->sets && ntohl(e->key) == NFT_META_MARK)
		return WEIR_NFT_ACT_mark;
	return WEIR_NFT_ACT_COUNT;
}

/* By itself, without a verdict that the rule names. */
static bool drops(const struct expr *e)
{
	static const char *const targets[] = {"REJECT", "SYNPROXY", "TPROXY"};

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!strcmp(e->target, targets[i]))
			return true;
	return !strcmp(e->name, "reject") || !strcmp(e->name, "synproxy");
}

/* --- rules --- */

/* NFTA_RULE_TABLE and _CHAIN come before the expressions. */
struct rule {
	struct reader *rd;
	__u8 family;
	char table[WEIR_NFT_NAME_MAX], chain[WEIR_NFT_NAME_MAX];
};

static int add_vmap(struct reader *rd, const char *name)
{
	struct vmap *grown = one_more(rd, rd->vmap, rd->nr_vmaps, sizeof(*grown));

	if (!grown)
		return MNL_CB_STOP;
	rd->vmap = grown;
	grown += rd->nr_vmaps++;
	grown->chain = rd->at;
	snprintf(grown->name, sizeof(grown->name), "%s", name);
	return MNL_CB_OK;
}

static int on_expr(const struct nlattr *a, void *ctx)
{
	struct reader *rd = ctx;
	struct weir_nft_chain *of = &rd->r->chain[rd->at];
	struct expr e = {};
	enum weir_nft_act act;

	if (mnl_attr_get_type(a) != NFTA_LIST_ELEM)
		return MNL_CB_OK;
	if (mnl_attr_parse_nested(a, on_expr_attr, &e) < 0)
		return MNL_CB_ERROR;
	act = act_of(&e);
	if (act < WEIR_NFT_ACT_COUNT)
		of->acts |= 1U << act;
	if (drops(&e))
		of->rule_drops = true;
	if (!strcmp(e.name, "lookup") && e.sets && ntohl(e.dreg) == NFT_REG_VERDICT)
		return add_vmap(rd, e.set);
	return take_verdict(rd, &e.verdict);
}

static int on_rule_attr(const struct nlattr *a, void *ctx)
{
	struct rule *of = ctx;
	struct reader *rd = of->rd;

	switch (mnl_attr_get_type(a)) {
	case NFTA_RULE_TABLE:
		return weir_nl_text(a, of->table, sizeof(of->table));
	case NFTA_RULE_CHAIN:
		return weir_nl_text(a, of->chain, sizeof(of->chain));
	case NFTA_RULE_EXPRESSIONS:
		rd->at = find_chain(rd->r, rd->at, of->family, of->table, of->chain);
		if (rd->at < rd->r->nr)
			return mnl_attr_parse_nested(a, on_expr, rd);
		rd->at = 0;
		return MNL_CB_OK;
	default:
		return MNL_CB_OK;
	}
}

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nfgenmsg *head = weir_nl_head(nlh, sizeof(*head));
	struct reader *rd = ctx;
	struct rule of = {.rd = rd};
	unsigned int chain;

	if (!head)
		return MNL_CB_ERROR;
	of.family = head->nfgen_family;
	if (mnl_attr_parse(nlh, sizeof(*head), on_rule_attr, &of) < 0)
		return MNL_CB_ERROR;
	chain = find_chain(rd->r, rd->at, of.family, of.table, of.chain);
	if (chain < rd->r->nr)
		rd->r->chain[chain].rules++;
	return rd->failed ? MNL_CB_STOP : MNL_CB_OK;
}

/* --- elements of verdict maps --- */

static int on_elem_attr(const struct nlattr *a, void *ctx)
{
	if (mnl_attr_get_type(a) != NFTA_SET_ELEM_DATA)
		return MNL_CB_OK;
	return mnl_attr_parse_nested(a, on_data_attr, ctx);
}

static int on_elem(const struct nlattr *a, void *ctx)
{
	struct verdict v = {};

	if (mnl_attr_parse_nested(a, on_elem_attr, &v) < 0)
		return MNL_CB_ERROR;
	return take_verdict(ctx, &v);
}

static int on_elems_attr(const struct nlattr *a, void *ctx)
{
	if (mnl_attr_get_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
		return MNL_CB_OK;
	return mnl_attr_parse_nested(a, on_elem, ctx);
}

static int on_elems(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nfgenmsg *head = weir_nl_head(nlh, sizeof(*head));

	return head ? mnl_attr_parse(nlh, sizeof(*head), on_elems_attr, ctx) : MNL_CB_ERROR;
}

/* --- questions --- */

static struct nlmsghdr *ask_for(char *buf, __u16 what, __u8 family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *head;

	nlh->nlmsg_type = (__u16)(NFNL_SUBSYS_NFTABLES << 8 | what);
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->nfgen_family = family;
	head->version = NFNETLINK_V0;
	return nlh;
}

static int dump(struct nlmsghdr *nlh, mnl_cb_t cb, struct reader *rd)
{
	int rc = weir_nl_ask(NETLINK_NETFILTER, nlh, NLM_F_DUMP, cb, rd);

	return rc ? rc : rd->failed ? -ENOMEM : 0;
}

static int read_vmaps(struct reader *rd)
{
	char buf[1024] __attribute__((aligned(8)));
	int rc = 0;

	for (unsigned int i = 0; !rc && i < rd->nr_vmaps; i++) {
		const struct weir_nft_chain *c = &rd->r->chain[rd->vmap[i].chain];
		struct nlmsghdr *nlh = ask_for(buf, NFT_MSG_GETSETELEM, c->family);

		rd->at = rd->vmap[i].chain;
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, c->table);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, rd->vmap[i].name);
		rc = dump(nlh, on_elems, rd);
		if (rc == -ENOENT)
			rc = -EINTR; /* it is gone meanwhile, and so is the rule */
	}
	return rc;
}

int weir_nft_read(struct weir_nft_ruleset *r)
{
	char buf[512] __attribute__((aligned(8)));
	int rc, tries = 5;

	do { /* again where somebody changed it meanwhile */
		struct reader rd = {.r = r};

		weir_nft_done(r);
		rc = dump(ask_for(buf, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC), on_chain, &rd);
		rd.at = 0;
		if (!rc)
			rc = dump(ask_for(buf, NFT_MSG_GETRULE, NFPROTO_UNSPEC), on_rule, &rd);
		if (!rc)
			rc = read_vmaps(&rd);
		free(rd.vmap);
	} while (rc == -EINTR && --tries);
	if (rc)
		weir_nft_done(r);
	return rc;
}
