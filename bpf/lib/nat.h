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

#define PORT_LEAST 1024 /* what a port from there on may become, without 'to ...:PORTS' */
#define CLASH_TRIES 8
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

/* What NAT's rules are asked about the packet: from @iif, out by @oif, its destination translated. */
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

/* Whether packets that leave by the device are translated by some rule. */
static __always_inline bool is_outside(__u32 ifindex)
{
	struct weir_pool_key key = {.dev = ifindex};

	return bpf_map_lookup_elem(&pools, &key);
}

/* Whether NAT gives the address out. */
static __always_inline bool is_pool(__u32 addr)
{
	struct weir_pool_key key = {.addr = addr};

	return bpf_map_lookup_elem(&pools, &key);
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
		t->daddr = bpf_htonl(
			r->to[0] + (nr > 1 ? addr_spread(t->ip.saddr, nr) : 0));
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
	__u32 number;

	if (t->t.proto != IPPROTO_UDP && t->t.proto != IPPROTO_TCP)
		return;
	key_out(&t->look, t->t.daddr, t->t.dport, t->t.proto);
	if (index_find(&t->look) != INDEX_FOUND)
		return;
	number = t->look.entry & WEIR_REF_RECORD;
	m = mapping_at(number);
	if (!m)
		return;
	if (!mapping_admits(t, m)) {
		t->drop = WEIR_EXIT_nf_prerouting_NAT_FILTERED + 1;
		return;
	}
	t->mapping_in = number + 1;
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

/* Most packets from inside are for nobody's name: it would be an address that NAT gives out, or, as far as
 * is known without asking the kernel, this host's. */
static __always_inline bool may_be_name(const struct track *t)
{
	__u32 daddr = t->t.daddr;

	return is_outside(t->iif) || is_pool(daddr) || bpf_map_lookup_elem(&local, &daddr);
}

/* The kernel says that the packet is for this host, as the device's address may be another by now. */
__checked_once int track_hairpin(hook_ctx *ctx)
{
	struct track *t = track_of();

	if (!t || !ctx || t->done || t->what != TRACKED_NEW || t->rule_dst || is_outside(t->iif))
		return 0;
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
	if (found == WEIR_NO_RULE && !inside && !is_outside(t->iif))
		return 1;
	if (found != WEIR_NO_RULE)
		dnat_by_rule(t);
	else if (may_be_name(t))
		dnat_by_mapping(t);
	t->hairpin = inside && t->rule_dst;
	return 0;
}

/* --- where from --- */

/* A port of this host's own is not given to others, should the rule give out this host's addresses. */
__checked_once int is_local_port(hook_ctx *ctx, __u32 addr, __u16 port, __u8 proto)
{
	/* of struct bpf_sock_tuple, what IPv4 has: the stack is too small for all */
	struct {
		__be32 saddr, daddr;
		__be16 sport, dport;
	} ipv4 = {.daddr = addr, .dport = port};
	struct bpf_sock_tuple *tuple = (void *)&ipv4;
	struct bpf_sock *sk = NULL;

	if (!ctx || !bpf_map_lookup_elem(&local, &addr))
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
		c->hi = t->t.proto != IPPROTO_ICMP && c->want < PORT_LEAST ? PORT_LEAST - 1
									    : 65535;
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
 * A port for the mapping; one of a local socket is that one's, but for its own sender: such are held until
 * another is found, so that none is met twice. 0: there is none.
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

/* --- the session --- */

static __always_inline void session_release(struct track *t)
{
	struct weir_session *s = &t->ask.s;

	if (s->mapping)
		mapping_release(&t->look, s->mapping - 1);
	if (s->mapping_in)
		mapping_release(&t->look, s->mapping_in - 1);
	if (s->permit)
		mapping_release(&t->look, s->permit - 1);
	s->mapping = s->mapping_in = s->permit = 0;
}

/* Who was sent to may send back: an entry for each outside address, where the rule wants that. */
static __always_inline bool permit_hold(struct track *t)
{
	struct mapping_ask *a = &t->map;
	int got;

	if (!t->ask.s.mapping || t->rule.filtering != WEIR_DEPENDS_address)
		return true;
	a->permit = 1;
	a->remote = t->daddr;
	got = mapping_find(a);
	if (got == MAPPED_NONE)
		got = mapping_put(a);
	if (got == MAPPED_BUSY)
		got = mapping_find(a);
	if (got != MAPPED)
		return false;
	t->ask.s.permit = a->number + 1;
	return true;
}

static __always_inline bool mapping_in_hold(struct track *t)
{
	struct weir_mapping *m;

	if (!t->mapping_in)
		return true;
	m = mapping_at(t->mapping_in - 1);
	if (!m || !mapping_hold(m))
		return false;
	t->ask.s.mapping_in = t->mapping_in;
	return m->inside == t->daddr && m->inside_port == t->dport && m->addr == t->t.daddr &&
	       m->port == t->t.dport;
}

static __always_inline void session_fill(struct track *t)
{
	struct weir_session *s = &t->ask.s;

	s->seen = epoch_now();
	s->saddr = t->t.saddr;
	s->sport = t->t.sport;
	s->daddr = t->t.daddr;
	s->dport = t->t.dport;
	s->xsaddr = t->saddr;
	s->xsport = t->sport;
	s->xdaddr = t->daddr;
	s->xdport = t->dport;
	s->proto = t->t.proto;
	s->iif = t->iif;
	s->oif = t->oif;
	s->rule_src = t->rule_src;
	s->rule_dst = t->rule_dst;
	s->outside = t->outside;
	if (s->xsaddr != s->saddr || s->xsport != s->sport)
		s->flags |= WEIR_SESSION_SRC;
	if (s->xdaddr != s->daddr || s->xdport != s->dport)
		s->flags |= WEIR_SESSION_DST;
	if (t->mapping_in)
		s->flags |= WEIR_SESSION_INBOUND;
	if (t->hairpin)
		s->flags |= WEIR_SESSION_HAIRPIN;
	if (!t->oif || !t->iif)
		s->flags |= WEIR_SESSION_LOCAL;
}

/*
 * Where nothing but its answers is in the way, another source port makes them different. The kernel sees
 * that port: in between the two its packets, too, would be the other session's.
 */
static __always_inline bool clash_avoid(struct track *t)
{
	struct weir_session *s = &t->ask.s;

	if (!(s->flags & WEIR_SESSION_DST) || s->flags & WEIR_SESSION_SRC ||
		(s->proto != IPPROTO_UDP && s->proto != IPPROTO_TCP))
		return false;
	t->sport = bpf_htons(PORT_LEAST + bpf_get_prandom_u32() % (65536 - PORT_LEAST));
	s->xsport = t->sport;
	s->flags |= WEIR_SESSION_PORT;
	return true;
}

/* What the session holds, and is: 0, or the drop. */
__checked_once int track_prepare(hook_ctx *ctx)
{
	struct track *t = track_of();

	if (!t || !ctx)
		return 0;
	if (!mapping_in_hold(t)) {
		session_release(t);
		return NAT_DROP(NAT_CLASH);
	}
	if (!permit_hold(t)) {
		session_release(t);
		return NAT_DROP(NAT_FULL);
	}
	session_fill(t);
	return 0;
}

/* Another CPU has made a session of the same flow. */
static __always_inline bool track_other(struct track *t)
{
	__u32 entry = t->ask.entry, number = entry & WEIR_REF_RECORD;
	struct weir_session *s = session_at(number);

	return s && track_take(t, s, number, ENTRY_REF(entry), s->serial);
}

/*
 * Whether what is in the way is a packet from outside that this host has never answered: whoever sends such
 * to all our ports keeps none of them from the inside. Then it is in the way no longer.
 */
__checked_once int clash_ends(__u32 entry)
{
	__u32 number = entry & WEIR_REF_RECORD, flags, serial;
	struct weir_session *s = session_at(number);

	if (!s)
		return 0;
	serial = *(volatile __u32 *)&s->serial;
	flags = *(volatile __u32 *)&s->flags;
	if (!(flags & WEIR_SESSION_LOCAL) || flags & (WEIR_SESSION_REPLIED | WEIR_SESSION_SRC |
						      WEIR_SESSION_DST | WEIR_SESSION_PORT) ||
		!*(volatile __u32 *)&s->iif)
		return 0;
	return session_end(number, serial);
}

/* Makes the session, or finds the one that another CPU has made of the same flow. 0, or the drop. */
__checked_once int track_make(hook_ctx *ctx)
{
	struct track *t = track_of();
	int i, got = MADE_CLASH;

	if (!t || !ctx)
		return 0;
	for (i = 0; i < CLASH_TRIES && got == MADE_CLASH; i++) {
		if (i && !clash_ends(t->ask.entry) && !clash_avoid(t))
			break;
		got = session_make(&t->ask);
	}
	if (got == MADE) {
		t->session = t->ask.number + 1;
		t->serial = t->ask.serial;
		t->ref = WEIR_REF_orig;
		return 0;
	}
	session_release(t);
	if (got == MADE_FOUND && track_other(t))
		return 0;
	t->session = 0;
	/* what is not translated needs none */
	if (!(t->ask.s.flags & (WEIR_SESSION_SRC | WEIR_SESSION_DST)))
		return 0;
	if (got == MADE_FULL)
		return NAT_DROP(NAT_FULL);
	__sync_fetch_and_add(&nat.clashes, 1);
	return NAT_DROP(NAT_CLASH);
}

/* The packet counts for its session, and TCP's flags tell of it. */
static __always_inline void track_count(struct track *t)
{
	struct weir_session *s = t->session ? session_at(t->session - 1) : NULL;

	if (!s || t->error || self.dry)
		return;
	session_count(s, t->back, epoch_now(), 1, t->len);
	if (t->t.proto == IPPROTO_TCP && t->frag != WEIR_FRAG_LATER &&
		tcp_tells(s, t->back, t->tcp))
		session_tcp(s, t->back, t->tcp);
}

/* Its sum, over all of it; -1 where it cannot be had. */
static __always_inline __s64 error_sum(hook_ctx *ctx, const struct track *t)
{
	return csum_range(ctx, t->l4_off, bpf_ntohs(t->ip.tot_len) - t->ip.ihl * 4);
}

/* RFC 5508, REQ-3: an error whose checksum is wrong is none, nor one about a header whose is. */
static __always_inline bool error_is_whole(hook_ctx *ctx, const struct track *t)
{
	__s64 sum = error_sum(ctx, t);

	if (sum < 0 || csum_fold((__u64)sum) != 0xffff)
		return false;
	sum = csum_range(ctx, t->l4_off + 8, t->inner.ihl * 4);
	return sum >= 0 && csum_fold((__u64)sum) == 0xffff;
}

/* Whether a local sender's packet bears already what the rule would give it. */
static __always_inline bool is_outside_already(hook_ctx *ctx, const struct track *t)
{
	return !t->iif && (is_pool(t->ip.saddr) || ifindex_has((__u64)(long)net_of(ctx),
							   t->rule.dev, t->ip.saddr));
}

/* What has no session, and can begin none: NAT lets it go on where it does not govern it. */
static __always_inline int track_stray(hook_ctx *ctx, const struct track *t, bool governed)
{
	if (governed && is_outside_already(ctx, t))
		return 0;
	if (t->what == TRACKED_LATER)
		return governed || is_pool(t->ip.daddr) || is_outside(t->oif) ||
				       (t->iif && is_outside(t->iif) && !t->oif)
			       ? NAT_DROP(NAT_FRAGMENT)
			       : 0;
	return governed ? NAT_DROP(NAT_NO_SESSION) : 0;
}

/*
 * What comes from outside for a socket of this host has one, so that its answers are known not to be
 * translated. Not what comes for nobody: who scans our ports would fill the table.
 */
__checked_once int wants_session(hook_ctx *ctx)
{
	const struct track *t = track_of();

	if (!t || !ctx)
		return 0;
	return t->rule_src || t->rule_dst || *(volatile __u32 *)&nat.states ||
	       (!t->oif && t->iif && is_outside(t->iif) &&
		       is_local_port(ctx, t->daddr, t->dport, t->t.proto));
}

/* What is found already, or can begin nothing: 0, or the exit by which it is dropped, plus one. */
static __always_inline int track_known(hook_ctx *ctx, struct track *t, __u32 found)
{
	if (t->what == TRACKED_FOUND) {
		if (t->error == 1 && !error_is_whole(ctx, t))
			return WEIR_EXIT_nf_postrouting_ICMP_CSUM + 1;
		track_count(t);
		if (t->frag == WEIR_FRAG_FIRST)
			fragment_keep(t, THIS_HOOK == WEIR_HOOK_tc_egress);
		return 0;
	}
	/* an address that NAT gives out is nobody's: the kernel would send it back where it came from */
	if (THIS_HOOK != WEIR_HOOK_tc_egress && !t->rule_dst && t->oif && is_pool(t->ip.daddr))
		return t->what == TRACKED_LATER ? NAT_DROP(NAT_FRAGMENT) : NO_MAPPING_DROP;
	return t->what == TRACKED_NEW ? 0 : track_stray(ctx, t, found != WEIR_NO_RULE);
}

enum { OUT_DONE, OUT_SNAT, OUT_MAPPING, OUT_DROP };

/*
 * After the rules were asked where from: @found is the rule's place, t->rule itself. Says what is to be
 * done; with OUT_DROP t->drop is the exit, plus one.
 */
__checked_once int track_out(hook_ctx *ctx, __u32 found)
{
	struct track *t = track_of();

	if (!t || t->done)
		return OUT_DONE;
	t->done = 1;
	t->drop = (__u32)track_known(ctx, t, found);
	if (t->drop)
		return OUT_DROP;
	if (t->what != TRACKED_NEW)
		return OUT_DONE;
	t->ask.s.flags = t->ask.s.mapping = t->ask.s.mapping_in = t->ask.s.permit = 0;
	if (found == WEIR_NO_RULE)
		return OUT_SNAT;
	return t->rule.nat != WEIR_NAT_map && has_mapping(t->t.proto) ? OUT_MAPPING : OUT_SNAT;
}

/* The new session's first packet. */
__checked_once int track_begun(hook_ctx *ctx)
{
	struct track *t = track_of();

	if (!t || !ctx)
		return 0;
	track_count(t);
	if (t->frag == WEIR_FRAG_FIRST)
		fragment_keep(t, THIS_HOOK == WEIR_HOOK_tc_egress);
	return 0;
}

/*
 * Where from, for a packet that leaves by t->oif: its session is there from now on, if it is to have one.
 * 0, or the exit by which it is dropped, plus one. In pieces, one beside the other: one within the other they
 * would need more stack than there is.
 */
static __always_inline __u32 track_leave(hook_ctx *ctx, struct track *t, __u32 nexthop)
{
	__u32 found = WEIR_NO_RULE, drop = 0;
	int next;

	if (t->done)
		return 0;
	if (t->what != TRACKED_FOUND && t->what != TRACKED_NOT && t->oif) {
		track_ask(t, t->iif, t->hairpin ? t->outside : t->oif);
		found = nat_find(&t->fields, &t->rule);
	}
	next = track_out(ctx, found);
	if (next == OUT_DROP)
		return t->drop;
	if (next == OUT_DONE)
		return 0;
	if (next == OUT_MAPPING)
		drop = (__u32)snat_mapping(ctx, nexthop);
	if (!drop && found != WEIR_NO_RULE)
		drop = (__u32)track_snat(ctx, nexthop);
	if (!drop && wants_session(ctx)) {
		drop = (__u32)track_prepare(ctx);
		if (!drop)
			drop = (__u32)track_make(ctx);
	}
	if (!drop)
		track_begun(ctx);
	return (__u32)unknown(drop); /* one way on for the verifier */
}

#endif
