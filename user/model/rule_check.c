// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether what a rule's words say holds together: first any rule's match, then NAT's own words. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "model/rule_priv.h"

enum rule_key_bit {
#define KEY(id, name, what, for_) BIT_##id = 1 << RULE_KEY_##id,
	RULE_KEYS(KEY)
#undef KEY
		MATCH = BIT_src | BIT_dst | BIT_sport | BIT_dport | BIT_proto | BIT_icmp,
};

/* What a kind of NAT must say and never says, and an example. */
struct nat_form {
	unsigned int must, never; /* enum rule_key_bit */
	const char *example;
};

static const struct nat_form nat_forms[WEIR_NAT_COUNT] = {
	[WEIR_NAT_snat] = {BIT_out | BIT_to, BIT_ports | BIT_dev,
		"snat out dev eth0 src 10.0.0.0/8 to 192.0.2.1"},
	[WEIR_NAT_masquerade] = {BIT_out, BIT_to | BIT_dev, "masquerade out dev eth0"},
	[WEIR_NAT_dnat] = {BIT_in | BIT_to, BIT_out | BIT_ports | BIT_dev | BIT_deterministic,
		"dnat in dev eth0 proto tcp dport 80 to 10.0.0.2:8080"},
	[WEIR_NAT_map] = {BIT_to | BIT_dev,
		BIT_in | BIT_out | BIT_ports | BIT_deterministic | MATCH,
		"map 10.0.0.2 to 192.0.2.2 dev eth0"},
};

static bool said(const struct rule_parse *p, enum rule_key key)
{
	return p->where[key].column != 0;
}

static int wrong_at(const struct rule_parse *p, enum rule_key key, const char *what)
{
	return rule_wrong(&p->r, p->where[key], "'%s' %s", rule_key_name[key], what);
}

static void proto_text(char buf[16], __u8 proto)
{
	const char *name = weir_proto_name(proto);

	if (name)
		snprintf(buf, 16, "%s", name);
	else
		snprintf(buf, 16, "%u", proto);
}

/* `icmp` and `tcp-flags` say the protocol; where it is said too, it is the same. */
static int imply_proto(struct rule_parse *p, enum rule_key key, __u8 proto)
{
	char name[16];

	if (!said(p, key))
		return 0;
	if (p->rule.has & WEIR_HAS_PROTO && p->rule.proto != proto) {
		proto_text(name, p->rule.proto);
		return rule_wrong(&p->r, p->where[key], "'%s' with proto %s: no packet is both",
			rule_key_name[key], name);
	}
	p->rule.proto = proto;
	p->rule.has |= WEIR_HAS_PROTO;
	return 0;
}

/* The word of a rule that has ports: sport, dport; RULE_KEY_COUNT where it has none. */
static enum rule_key ports_key(const struct rule_parse *p)
{
	if (said(p, RULE_KEY_sport))
		return RULE_KEY_sport;
	return said(p, RULE_KEY_dport) ? RULE_KEY_dport : RULE_KEY_COUNT;
}

/* Whether @key, which asks for ports, has a protocol that has them. */
static int check_ports(const struct rule_parse *p, enum rule_key key, bool must)
{
	char name[16];

	if (!(p->rule.has & WEIR_HAS_PROTO)) {
		if (!must)
			return 0;
		rule_wrong(&p->r, p->where[key], "%s '%s' without a protocol",
			key == RULE_KEY_to ? "a port in" : "ports in", rule_key_name[key]);
		weir_remedy(p->r.err, "'proto udp' or 'proto tcp' says whose ports they are");
		return -EINVAL;
	}
	if (weir_proto_has_ports(p->rule.proto))
		return 0;
	proto_text(name, p->rule.proto);
	rule_wrong(&p->r, p->where[key], "'%s' with proto %s, which has no ports",
		rule_key_name[key], name);
	weir_remedy(p->r.err, "udp, tcp, sctp, dccp and udplite have them");
	return -EINVAL;
}

static int check_later(const struct rule_parse *p)
{
	enum rule_key key = ports_key(p);

	if (p->rule.frag != WEIR_FRAG_LATER)
		return 0;
	if (said(p, RULE_KEY_icmp))
		key = RULE_KEY_icmp;
	if (said(p, RULE_KEY_tcp_flags))
		key = RULE_KEY_tcp_flags;
	if (key == RULE_KEY_COUNT)
		return 0;
	wrong_at(p, key, "with frag later: the first fragment alone carries it");
	weir_remedy(p->r.err, "frag first, or a rule of its own for later fragments");
	return -EINVAL;
}

static int check_match(struct rule_parse *p)
{
	enum rule_key ports;
	int ret;

	if (said(p, RULE_KEY_icmp) && said(p, RULE_KEY_tcp_flags))
		return wrong_at(p, RULE_KEY_tcp_flags, "with icmp: no packet is both");
	ret = imply_proto(p, RULE_KEY_icmp, IPPROTO_ICMP);
	if (!ret)
		ret = imply_proto(p, RULE_KEY_tcp_flags, IPPROTO_TCP);
	ports = ports_key(p);
	if (!ret && ports != RULE_KEY_COUNT)
		ret = check_ports(p, ports, true);
	return ret ? ret : check_later(p);
}

/* The key of the lowest bit. */
static enum rule_key first_of(unsigned int keys)
{
	return (enum rule_key)__builtin_ctz(keys);
}

static int check_form(const struct rule_parse *p)
{
	const struct nat_form *form = &nat_forms[p->rule.nat];
	unsigned int keys = 0, missing;

	for (unsigned int k = 0; k < RULE_KEY_COUNT; k++)
		keys |= (unsigned int)said(p, (enum rule_key)k) << k;
	if (keys & form->never) {
		enum rule_key key = first_of(keys & form->never);

		rule_wrong(&p->r, p->where[key], "'%s' is no word of %s", rule_key_name[key],
			rule_nats[p->rule.nat]);
		weir_remedy(p->r.err, "%s", form->example);
		return -EINVAL;
	}
	missing = form->must & ~keys;
	if (missing) {
		enum rule_key key = first_of(missing);

		rule_wrong(&p->r, rule_end(&p->r), "%s needs '%s%s'", rule_nats[p->rule.nat],
			rule_key_name[key],
			key == RULE_KEY_in || key == RULE_KEY_out ? " dev" : "");
		weir_remedy(p->r.err, "%s", form->example);
		return -EINVAL;
	}
	if (p->rule.nat == WEIR_NAT_dnat && !(keys & MATCH)) {
		rule_wrong(&p->r, rule_end(&p->r),
			"dnat without a match would take all that comes in by %s", p->rule.in);
		weir_remedy(p->r.err, "%s", form->example);
		return -EINVAL;
	}
	return 0;
}

static __u64 size_of(struct weir_span span)
{
	return (__u64)span.hi - span.lo + 1;
}

/* Addresses that a packet may bear as its own. */
static int check_addrs(const struct rule_parse *p, enum rule_key key, struct weir_span span)
{
	const char *bad = NULL;

	if (span.lo >> 24 == 0)
		bad = "0.0.0.0/8";
	else if (span.lo >> 24 <= 127 && span.hi >> 24 >= 127)
		bad = "127.0.0.0/8";
	else if (span.hi >> 28 >= 14)
		bad = "224.0.0.0/3";
	if (!bad)
		return 0;
	return rule_wrong(&p->r, p->where[key],
		"'%s' holds addresses of %s, which no other host has",
		key == RULE_KEY_nat ? "map" : rule_key_name[key], bad);
}

/* Of protocols that have ports, programs translate these two's. */
static int check_translated(const struct rule_parse *p, enum rule_key key)
{
	const struct weir_rule *rule = &p->rule;
	int ret = check_ports(p, key, rule->nat == WEIR_NAT_dnat);
	char name[16];

	if (ret || !(rule->has & WEIR_HAS_PROTO) || rule->proto == IPPROTO_UDP ||
		rule->proto == IPPROTO_TCP)
		return ret;
	proto_text(name, rule->proto);
	rule_wrong(&p->r, p->where[key], "'%s' with proto %s, whose ports NAT does not translate",
		rule_key_name[key], name);
	weir_remedy(p->r.err, "addresses alone, or proto udp or tcp");
	return -EINVAL;
}

static int check_to(const struct rule_parse *p)
{
	const struct weir_rule *rule = &p->rule;
	bool port = rule->has & WEIR_HAS_TO_PORT;
	enum rule_key key = said(p, RULE_KEY_ports) ? RULE_KEY_ports : RULE_KEY_to;
	int ret = 0;

	if (rule->has & WEIR_HAS_TO)
		ret = check_addrs(p, RULE_KEY_to, rule->to);
	if (ret || !port)
		return ret;
	if (!rule->to_port.lo)
		return rule_wrong(
			&p->r, p->where[key], "port 0 in '%s': 1 to 65535", rule_key_name[key]);
	if (rule->nat == WEIR_NAT_map)
		return wrong_at(p, key, "of map takes no port: addresses stand for addresses");
	if (rule->nat == WEIR_NAT_dnat && rule->to_port.lo != rule->to_port.hi) {
		wrong_at(p, key, "of dnat takes one port");
		weir_remedy(p->r.err, "without one, each packet keeps its own");
		return -EINVAL;
	}
	return check_translated(p, key);
}

static int check_map(const struct rule_parse *p)
{
	const struct weir_rule *rule = &p->rule;
	__u64 from = size_of(rule->from), to = size_of(rule->to);
	int ret = check_addrs(p, RULE_KEY_nat, rule->from);

	if (ret)
		return ret;
	if (from != to)
		return rule_wrong(&p->r, p->where[RULE_KEY_to],
			"%llu addresses cannot stand for %llu: map takes as many of one as of the "
			"other",
			(unsigned long long)to, (unsigned long long)from);
	if (rule->from.lo <= rule->to.hi && rule->to.lo <= rule->from.hi)
		return wrong_at(p, RULE_KEY_to, "overlaps what it is to stand for");
	return 0;
}

/* Blocks are counted from the first inside address, and all must have one. */
static int check_block(const struct rule_parse *p)
{
	const struct weir_rule *rule = &p->rule;
	struct weir_span ports = {WEIR_NAT_PORT_MIN, WEIR_NAT_PORT_MAX};
	__u64 inside, blocks, pool = 1;

	if (!rule->block)
		return 0;
	if (rule->src.nr != 1 || *rule->src.alts[0].set) {
		wrong_at(p, RULE_KEY_deterministic,
			"needs 'src' with one prefix or range: blocks are counted from its first "
			"address");
		weir_remedy(p->r.err, "src 100.64.0.0/24 deterministic block 256");
		return -EINVAL;
	}
	if (rule->has & WEIR_HAS_TO_PORT)
		ports = rule->to_port;
	if (rule->has & WEIR_HAS_TO)
		pool = size_of(rule->to);
	inside = size_of(rule->src.alts[0].span);
	blocks = pool * (size_of(ports) / rule->block);
	if (blocks >= inside)
		return 0;
	rule_wrong(&p->r, p->where[RULE_KEY_deterministic],
		"%llu addresses need a block of %u ports each, and there are %llu",
		(unsigned long long)inside, rule->block, (unsigned long long)blocks);
	if (pool * size_of(ports) >= inside)
		weir_remedy(p->r.err, "blocks of %llu, or more addresses in the pool",
			(unsigned long long)(size_of(ports) / ((inside + pool - 1) / pool)));
	else
		weir_remedy(p->r.err, "more addresses in the pool");
	return -EINVAL;
}

static int check_nat(const struct rule_parse *p)
{
	int ret;

	if (!said(p, RULE_KEY_nat)) {
		rule_wrong(&p->r, rule_end(&p->r), "a NAT rule needs its kind");
		weir_remedy(p->r.err, "snat, masquerade, dnat or map");
		return -EINVAL;
	}
	ret = check_form(p);
	if (!ret)
		ret = check_to(p);
	if (!ret && p->rule.nat == WEIR_NAT_map)
		ret = check_map(p);
	return ret ? ret : check_block(p);
}

int rule_check(struct rule_parse *p)
{
	int ret = check_match(p);

	if (ret)
		return ret;
	if (p->rule.kind == WEIR_RULE_NAT)
		return check_nat(p);
	if (said(p, RULE_KEY_verdict))
		return 0;
	rule_wrong(&p->r, rule_end(&p->r), "a rule needs a verdict");
	weir_remedy(p->r.err, "accept, drop, reject, punt or count");
	return -EINVAL;
}
