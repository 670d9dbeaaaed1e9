/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * NAT: what a new session's packets become, by the rules, and the session that is made then.
 *
 * A packet from inside to an outside address is turned round here (hairpin, RFC 4787, REQ-9): it is
 * asked about as if it had come in from outside, and its source becomes what it is outside.
 */
#ifndef WEIR_BPF_NAT_H
#define WEIR_BPF_NAT_H

#include "checksum.h"
#include "claim.h"
#include "filter.h"
#include "track.h"

#define PORT_LEAST    1024 /* what a port from there on may become, without 'to ...:PORTS' */
#define CLASH_TRIES   8
#define MAPPING_TRIES 4

#if HOOK_TC
/* egress tells of no mapping */
#define NO_MAPPING_DROP (WEIR_EXIT_nf_postrouting_NAT_NO_MAPPING + 1)
#define NAT_DROP(cause)                                                                            \
	((THIS_HOOK == WEIR_HOOK_tc_egress ? WEIR_EXIT_tc_egress_##cause                           \
					   : WEIR_EXIT_nf_postrouting_##cause) +                   \
		1)
#else
#define NAT_DROP(cause) (WEIR_EXIT_nf_postrouting_##cause + 1)
#define NO_MAPPING_DROP NAT_DROP(NAT_NO_MAPPING)
#endif

/* What NAT's rules are asked about the packet: from @iif, out by @oif, its destination translated.
 */
__checked_once int track_ask(struct track *t, __u32 iif, __u32 oif)
{
	struct weir_fields *f;
	bool has;

	if (!t)
		return 0;
	f = &t->fields;
	has = t->frag != WEIR_FRAG_LATER && proto_has_ports(t->ip.protocol) &&
	      t->what != TRACKED_NOT;

	f->dim[WEIR_DIM_src] = bpf_ntohl(t->ip.saddr);
	f->dim[WEIR_DIM_dst] = bpf_ntohl(t->daddr);
	f->dim[WEIR_DIM_sport] = has ? bpf_ntohs(t->t.sport) : WEIR_NO_PORT;
	f->dim[WEIR_DIM_dport] = has ? bpf_ntohs(t->dport) : WEIR_NO_PORT;
	f->dim[WEIR_DIM_proto] = t->ip.protocol;
	f->dim[WEIR_DIM_iif] = iif;
	f->dim[WEIR_DIM_oif] = oif;
	f->dim[7] = 0;
	f->icmp_type = t->l4.type;
	f->icmp_code = t->l4.code;
	f->frag = t->frag;
	f->len = t->len;
	return 0;
}

/* Whether any of NAT's rules says where to. */
static __always_inline bool has_dnats(void)
{
	__u32 which = WEIR_RULESET_nat;
	void *set = bpf_map_lookup_elem(&rulesets, &which);
	struct weir_page *head = set ? page_of(set, 0) : NULL;

	return head && head->head.checks & WEIR_DNATS;
}

/* --- where to --- */

static __always_inline void dnat_by_rule(struct track *t)
{
	const struct weir_rule_rec *r = &t->rule;
	__u32 nr = r->to[1] - r->to[0] + 1;

	t->rule_dst = r->id;
	t->outside = r->dev;
	if (r->nat == WEIR_NAT_map) {
		t->daddr = bpf_htonl(r->inside[0] + (bpf_ntohl(t->daddr) - r->to[0]));
	} else {
		t->daddr = bpf_htonl(r->to[0] + (nr > 1 ? addr_spread(t->ip.saddr, nr) : 0));
		if (r->to_port[0] && t->frag != WEIR_FRAG_LATER)
			t->dport = bpf_htons(r->to_port[0]);
	}
	rule_count(r->slot, t->len);
}

/* RFC 4787, section 5: who outside may send to a mapping. TCP begins with a SYN. */
static __always_inline bool mapping_admits(struct track *t, const struct weir_mapping *m)
{
	if (t->t.proto == IPPROTO_TCP && !(t->tcp & TH_SYN))
		return false;
	if (m->filtering == WEIR_DEPENDS_endpoint)
		return true;
	if (m->filtering == WEIR_DEPENDS_address_port)
		return false;
	t->look.key = (struct weir_tuple){.kind = WEIR_KEY_permit,
		.proto = t->t.proto,
		.saddr = t->t.daddr,
		.sport = t->t.dport,
		.daddr = t->t.saddr};
	return index_find(&t->look) == INDEX_FOUND;
}

/* The packet is for an endpoint of the inside that has a name outside. */
static __always_inline void dnat_by_mapping(struct track *t)
{
	struct weir_mapping *m;

	if (!t->named || (t->t.proto != IPPROTO_UDP && t->t.proto != IPPROTO_TCP))
		return;
	m = mapping_at(t->named - 1);
	if (!m || !is_named(m, t->t.daddr, t->t.dport, t->t.proto))
		return;
	if (!*(volatile __u32 *)&m->refs)
		entry_wait(ENTRY(WEIR_REF_map_out, t->named - 1));
	if (!*(volatile __u32 *)&m->refs)
		return;
	if (!mapping_admits(t, m)) {
		t->drop = WEIR_EXIT_nf_prerouting_NAT_FILTERED + 1;
		return;
	}
	t->mapping_in = t->named;
	t->daddr = m->inside;
	t->dport = m->inside_port;
	t->rule_dst = m->rule;
	if (m->pool) {
		struct weir_pool_key key = {.addr = WEIR_POOL_NUMBERED, .dev = m->pool - 1};
		struct weir_pool *pool = bpf_map_lookup_elem(&pools, &key);

		if (pool)
			t->outside = pool->dev;
	}
}

/* The kernel says that the packet is for this host, as the device's address may be another by now.
 */
__checked_once int track_hairpin(hook_ctx *ctx)
{
	struct track *t = track_of();

	if (!t || !ctx || t->done || t->what != TRACKED_NEW || t->rule_dst || t->from_outside)
		return 0;
	if (!t->name && named_find(ctx))
		return 1;
	dnat_by_mapping(t);
	t->hairpin = t->rule_dst != 0;
	return t->hairpin;
}

/* After the rules were asked where to: @found is the rule's place, t->rule itself; @inside: as from
 * there. Returns whether they are to be asked again, from inside. */
__checked_once int track_dnat(hook_ctx *ctx, __u32 found, __u32 inside)
{
	struct track *t = track_of();

	if (!t)
		return 0;
	if (found != WEIR_NO_RULE && inside && !t->rule.verdict && !is_pool(t->t.daddr) &&
		!ifindex_has((__u64)(long)net_of(ctx), t->rule.dev, t->t.daddr))
		found = WEIR_NO_RULE; /* any destination is not meant from inside */
	if (found == WEIR_NO_RULE && !inside && !t->from_outside)
		return 1;
	if (found != WEIR_NO_RULE)
		dnat_by_rule(t);
	else if (t->name)
		dnat_by_mapping(t);
	t->hairpin = inside && t->rule_dst;
	return 0;
}

/* --- where from --- */

/* A port of this host's own is not given to others, should the rule give out this host's addresses.
 */
__checked_once int is_local_port(hook_ctx *ctx, __u32 addr, __u16 port, __u8 proto)
{
	/* of struct bpf_sock_tuple, what IPv4 has: the stack is too small for all */
	struct {
		__be32 saddr, daddr;
		__be16 sport, dport;
	} ipv4 = {.daddr = addr, .dport = port};
	struct bpf_sock_tuple *tuple = (void *)&ipv4;
	struct bpf_sock *sk = NULL;

	if (!ctx || !local_of(addr))
		return 0;
	if (proto == IPPROTO_UDP)
		sk = bpf_sk_lookup_udp(ctx, tuple, sizeof(ipv4), BPF_F_CURRENT_NETNS, 0);
	else if (proto == IPPROTO_TCP)
		sk = bpf_skc_lookup_tcp(ctx, tuple, sizeof(ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 1;
}

/* Which ports the rule may give, and which is best: the packet's own (RFC 4787, REQ-3). */
static __always_inline void claim_fill(struct track *t, struct claim *c)
{
	const struct weir_rule_rec *r = &t->rule;
	__u32 per, block;

	c->proto = port_proto(t->t.proto);
	c->want = bpf_ntohs(t->t.sport);
	c->lo = r->to_port[0];
	c->hi = r->to_port[1];
	if (!c->lo) {
		c->lo = t->t.proto == IPPROTO_ICMP || c->want < PORT_LEAST ? 1 : PORT_LEAST;
		c->hi = t->t.proto != IPPROTO_ICMP && c->want < PORT_LEAST ? PORT_LEAST - 1 : 65535;
		if (r->block) {
			c->lo = PORT_LEAST;
			c->hi = 65535;
		}
	}
	if (!r->block)
		return;
	/* RFC 7422: whose port it is, is known without a log */
	per = (c->hi - c->lo + 1) / r->block;
	block = bpf_ntohl(t->ip.saddr) - r->inside[0];
	if (per)
		block %= per;
	c->lo += block * r->block;
	c->hi = c->lo + r->block - 1;
}

/* The addresses that the rule may give. False: it has none. */
static __always_inline bool addrs_fill(
	hook_ctx *ctx, struct track *t, struct mapping_ask *a, __u32 nexthop)
{
	const struct weir_rule_rec *r = &t->rule;
	__u32 per, at;

	a->masquerade = r->nat == WEIR_NAT_masquerade;
	a->outside = r->dev;
	a->to[0] = r->to[0];
	a->to[1] = r->to[1];
	if (a->masquerade) {
		a->to[0] = a->to[1] = bpf_ntohl(addr_lately(ctx, r->dev, nexthop));
		return a->to[0];
	}
	if (r->block) {
		per = r->to_port[0] ? r->to_port[1] - r->to_port[0] + 1 : 65536 - PORT_LEAST;
		per /= r->block;
		at = bpf_ntohl(t->ip.saddr) - r->inside[0];
		a->to[0] += per ? at / per : 0;
		if (a->to[0] > a->to[1])
			return false;
		a->to[1] = a->to[0];
	}
	return true;
}

/* What is asked for of the rule in t->rule. False: it has no address. */
static __always_inline bool ask_fill(hook_ctx *ctx, struct track *t, __u32 nexthop)
{
	struct mapping_ask *a = &t->map;

	if (!addrs_fill(ctx, t, a, nexthop))
		return false;
	claim_fill(t, &a->claim);
	a->permit = 0;
	a->inside = t->t.saddr;
	a->inside_port = t->t.sport;
	a->remote = t->rule.mapping != WEIR_DEPENDS_endpoint ? t->daddr : 0;
	a->remote_port = t->rule.mapping == WEIR_DEPENDS_address_port ? t->dport : 0;
	a->proto = t->t.proto;
	a->rule = t->rule.id;
	a->filtering = t->rule.filtering;
	return true;
}

/*
 * A port for the mapping; one of a local socket is that one's, but for its own sender: such are
 * held until another is found, so that none is met twice. 0: there is none.
 */
__checked_once int port_for(hook_ctx *ctx)
{
	struct track *t = track_of();
	struct mapping_ask *a;
	__u32 held, i;
	int got = 0;

	if (!t || !ctx)
		return 0;
	a = &t->map;
	for (held = 0; held < LOCAL_TRIES; held++) {
		got = addr_claim(a);
		if (!got || a->addr == t->t.saddr ||
			!is_local_port(ctx, a->addr, a->port, t->t.proto))
			break;
		t->held[held].pool = a->pool;
		t->held[held].port = a->port;
		a->claim.want |= 0x10000; /* any, of its parity */
		got = 0;
	}
	for (i = 0; i < LOCAL_TRIES && i < held; i++)
		port_give(t->held[i].pool - 1U, a->claim.proto, bpf_ntohs(t->held[i].port));
	if (!got)
		__sync_fetch_and_add(&nat.ports_full, 1);
	return got;
}

/* The source's mapping, held; t->map says what it is. 0, or the drop. */
__checked_once int snat_mapping(hook_ctx *ctx, __u32 nexthop)
{
	struct track *t = track_of();
	int i, got = MAPPED_BUSY;

	if (!t)
		return 0;
	if (!ask_fill(ctx, t, nexthop))
		return NAT_DROP(NAT_EXHAUSTED);
	for (i = 0; i < MAPPING_TRIES; i++) {
		got = mapping_find(&t->map);
		if (got != MAPPED_NONE)
			break;
		if (!port_for(ctx))
			return NAT_DROP(NAT_EXHAUSTED);
		got = mapping_put(&t->map);
		if (got == MAPPED)
			break;
		claim_give(&t->map);
		if (got == MAPPED_FULL)
			break;
		if (got == MAPPED_TAKEN)
			t->map.claim.want |= 0x10000;
	}
	return got == MAPPED ? 0 : got == MAPPED_FULL ? NAT_DROP(NAT_FULL) : NAT_DROP(NAT_CLASH);
}

/* Protocols whose ports are not translated have an address alone. */
static __always_inline bool has_mapping(__u8 proto)
{
	return port_proto(proto) < WEIR_PORT_PROTOS;
}

/* By the rule in t->rule: t->saddr, t->sport and what holds them. 0, or the drop. */
__checked_once int track_snat(hook_ctx *ctx, __u32 nexthop)
{
	struct track *t = track_of();
	const struct weir_rule_rec *r;
	struct weir_session *s;

	if (!t)
		return 0;
	r = &t->rule;
	s = &t->ask.s;
	t->rule_src = r->id;
	t->outside = r->dev;
	if (r->nat == WEIR_NAT_map) {
		t->saddr = bpf_htonl(r->to[0] + (bpf_ntohl(t->ip.saddr) - r->inside[0]));
	} else if (!has_mapping(t->t.proto)) {
		if (!addrs_fill(ctx, t, &t->map, nexthop))
			return NAT_DROP(NAT_EXHAUSTED);
		t->saddr = bpf_htonl(t->map.to[0]);
	} else {
		s->mapping = t->map.number + 1;
		t->saddr = t->map.addr;
		t->sport = t->map.port;
	}
	if (r->nat == WEIR_NAT_masquerade)
		s->flags |= WEIR_SESSION_MASQUERADE;
	rule_count(r->slot, t->len);
	return 0;
}

#endif
