/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mappings: what an endpoint of the inside is called outside (RFC 4787, section 4), and, where a rule
 * filters by address, who outside may send there. A mapping lasts as long as a session holds it; who
 * makes one puts its key in first, so that another CPU that wants the same waits for it.
 */
#ifndef WEIR_BPF_MAPPING_H
#define WEIR_BPF_MAPPING_H

#include "index.h"
#include "pool.h"

#define HOLD_TRIES   4
#define RETRIES	     6	 /* each as long as another CPU takes to make the same */
#define SEARCH_ADDRS 4096 /* WEIR_POOL_ADDRS_MAX */

enum mapped { MAPPED, MAPPED_NONE, MAPPED_FULL, MAPPED_TAKEN, MAPPED_BUSY };

/* What is asked for, and what is given: @number, @addr and @port. */
struct mapping_ask {
	__u32 inside, remote; /* network order, as the ports */
	__u16 inside_port, remote_port;
	__u32 rule;
	__u8 proto, filtering, permit, masquerade;
	__u32 to[2];	/* addresses of the pool, host order; masquerade: its one address */
	__u32 outside; /* ifindex */
	struct claim claim;

	__u32 number;
	__u32 addr;
	__u16 port;
	__u16 pool; /* number plus one */
	struct looking look;
};

/* A record that is in use by nobody; the kind's highest is *@used. */
static __always_inline bool record_new(void *queue, __u32 *used, __u32 max, __u32 *number)
{
	__u32 n;

	if (!bpf_map_pop_elem(queue, number))
		return true;
	n = __sync_fetch_and_add(used, 1);
	if (n < max) {
		*number = n;
		return true;
	}
	__sync_fetch_and_add(used, -1);
	return false;
}

static __always_inline bool mapping_hold(struct weir_mapping *m)
{
	int i;

	for (i = 0; i < HOLD_TRIES; i++) {
		__u32 refs = *(volatile __u32 *)&m->refs;

		if (!refs)
			return false;
		if (__sync_val_compare_and_swap(&m->refs, refs, refs + 1) == refs)
			return true;
	}
	return false;
}

static __always_inline void key_in(struct looking *l, const struct weir_mapping *m)
{
	l->key = (struct weir_tuple){
		.kind = m->key,
		.proto = m->proto,
		.saddr = m->key == WEIR_KEY_permit ? m->addr : m->inside,
		.sport = m->key == WEIR_KEY_permit ? m->port : m->inside_port,
		.daddr = m->remote,
		.dport = m->key == WEIR_KEY_permit ? 0 : m->remote_port,
		.more = m->key == WEIR_KEY_permit ? 0 : m->rule,
	};
}

static __always_inline void key_out(struct looking *l, __u32 addr, __u16 port, __u8 proto)
{
	l->key = (struct weir_tuple){
		.kind = WEIR_KEY_map_out, .proto = proto, .saddr = addr, .sport = port};
}

static __always_inline __u32 entry_in(const struct weir_mapping *m, __u32 number)
{
	return ENTRY(m->key == WEIR_KEY_permit ? WEIR_REF_permit : WEIR_REF_map_in, number);
}

/* UDP, TCP, ICMP: whose ports are counted; WEIR_PORT_PROTOS: of no other protocol. */
static __always_inline __u32 port_proto(__u8 proto)
{
	return proto == IPPROTO_UDP    ? 0
	       : proto == IPPROTO_TCP  ? 1
	       : proto == IPPROTO_ICMP ? 2
				       : WEIR_PORT_PROTOS;
}

/* Without its keys it is nobody's. */
static __always_inline void mapping_free(struct weir_mapping *m, __u32 number)
{
	if (m->pool)
		port_give(m->pool - 1, port_proto(m->proto), bpf_ntohs(m->port));
	m->pool = 0;
	bpf_map_push_elem(&free_mappings, &number, 0);
}

/* One session less holds it. @l is for what it needs. */
__checked_once int mapping_release(struct looking *l, __u32 number)
{
	struct weir_mapping *m = mapping_at(number);

	if (!m || !l || __sync_fetch_and_add(&m->refs, -1) != 1)
		return 0;
	key_in(l, m);
	index_take(l, entry_in(m, number));
	if (m->key == WEIR_KEY_map_in) {
		key_out(l, m->addr, m->port, m->proto);
		index_take(l, ENTRY(WEIR_REF_map_out, number));
	}
	mapping_free(m, number);
	return 0;
}

/* Which of @nr an address gets, always the same. Hosts of a subnet differ in their lowest bits, in host
 * order, and a product's highest bits follow all of them. */
static __always_inline __u32 addr_spread(__u32 addr, __u32 nr)
{
	return (__u32)((__u64)(bpf_ntohl(addr) * 0x9e3779b1U) * nr >> 32);
}

/* One address of the pool after the other, from @first on, until one has a port left. */
struct addr_search {
	struct mapping_ask *a;
	__u32 first, nr;
};

static long addr_step(__u32 i, struct addr_search *s)
{
	struct mapping_ask *a = s->a;
	struct weir_pool_key key = {};
	struct weir_pool *pool;
	__u32 at = s->first + i;

	if (at >= s->nr)
		at -= s->nr;
	a->addr = bpf_htonl(a->to[0] + at);
	if (a->masquerade)
		key.dev = a->outside;
	else
		key.addr = a->addr;
	pool = bpf_map_lookup_elem(&pools, &key);
	if (!pool || pool->number == WEIR_POOL_NONE)
		return 0;
	a->claim.pool = pool->number;
	a->port = bpf_htons((__u16)port_claim(&a->claim));
	if (!a->port)
		return 0;
	a->pool = (__u16)(pool->number + 1);
	return 1;
}

/*
 * Takes a port for a->number to be. RFC 4787, REQ-2: a host of the inside has the same address as long as
 * that has ports. 0 where no address has one.
 */
__checked_once int addr_claim(struct mapping_ask *a)
{
	struct addr_search s = {.a = a};

	if (!a)
		return 0;
	a->pool = 0;
	s.nr = a->to[1] - a->to[0] + 1;
	if (!s.nr)
		return 0;
	s.first = addr_spread(a->inside, s.nr);
	bpf_loop(s.nr < SEARCH_ADDRS ? s.nr : SEARCH_ADDRS, addr_step, &s, 0);
	return a->pool;
}

static __always_inline void claim_give(const struct mapping_ask *a)
{
	port_give(a->pool - 1, a->claim.proto, bpf_ntohs(a->port));
}

static __always_inline void ask_key(struct mapping_ask *a)
{
	a->look.key = (struct weir_tuple){
		.kind = a->permit ? WEIR_KEY_permit : WEIR_KEY_map_in,
		.proto = a->proto,
		.saddr = a->permit ? a->addr : a->inside,
		.sport = a->permit ? a->port : a->inside_port,
		.daddr = a->remote,
		.dport = a->permit ? 0 : a->remote_port,
		.more = a->permit ? 0 : a->rule,
	};
}

static __always_inline bool mapping_found(struct mapping_ask *a)
{
	__u32 number = a->look.entry & WEIR_REF_RECORD, ref = ENTRY_REF(a->look.entry);
	struct weir_mapping *m = mapping_at(number);

	if (!m || !mapping_hold(m))
		return false;
	/* meanwhile it may be another's */
	if (!is_mapping(&a->look.key, ref, m)) {
		mapping_release(&a->look, number);
		return false;
	}
	a->number = number;
	a->addr = m->addr;
	a->port = m->port;
	return true;
}

/* The mapping that is asked for, held. MAPPED_NONE: there is none; mapping_put() may make it. */
__checked_once int mapping_find(struct mapping_ask *a)
{
	int i;

	if (!a)
		return MAPPED_FULL;
	for (i = 0; i < RETRIES; i++) {
		ask_key(a);
		switch (index_find(&a->look)) {
		case INDEX_FOUND:
			if (mapping_found(a))
				return MAPPED;
			break;
		case INDEX_NONE:
			return MAPPED_NONE;
		}
	}
	return MAPPED_BUSY;
}

static __always_inline void mapping_fill(const struct mapping_ask *a, struct weir_mapping *m)
{
	m->inside = a->inside;
	m->inside_port = a->inside_port;
	m->remote = a->remote;
	m->remote_port = a->remote_port;
	m->proto = a->proto;
	m->key = a->permit ? WEIR_KEY_permit : WEIR_KEY_map_in;
	m->rule = a->rule;
	m->filtering = a->filtering;
	m->addr = a->addr;
	m->port = a->port;
	m->pool = 0;
}

/* Under its outside name, too; false where another pool has given the same one. */
static __always_inline enum mapped mapping_name(struct mapping_ask *a, __u32 number)
{
	int i, put;

	for (i = 0; i < HOLD_TRIES; i++) {
		key_out(&a->look, a->addr, a->port, a->proto);
		if (index_find(&a->look) != INDEX_NONE)
			return MAPPED_TAKEN;
		put = index_put(&a->look, ENTRY(WEIR_REF_map_out, number));
		if (put != INDEX_AGAIN)
			return put == INDEX_PUT ? MAPPED : MAPPED_FULL;
	}
	return MAPPED_TAKEN;
}

/*
 * Makes what mapping_find() has not found, by the port that addr_claim() has taken. Otherwise than with
 * MAPPED that port is still the caller's to give back. MAPPED_BUSY: another CPU was first.
 */
__checked_once int mapping_put(struct mapping_ask *a)
{
	struct weir_mapping *m;
	__u32 number;
	int put, got = MAPPED;

	if (!a)
		return MAPPED_FULL;
	if (!record_new(&free_mappings, &nat.mappings_used, nat.mappings_max, &number)) {
		__sync_fetch_and_add(&nat.mappings_full, 1);
		return MAPPED_FULL;
	}
	m = mapping_at(number);
	if (!m)
		return MAPPED_FULL;
	mapping_fill(a, m);
	put = index_put(&a->look, entry_in(m, number));
	if (put == INDEX_PUT && !a->permit) {
		got = mapping_name(a, number);
		if (got != MAPPED) {
			ask_key(a);
			index_take(&a->look, entry_in(m, number));
		}
	} else if (put != INDEX_PUT) {
		got = put == INDEX_AGAIN ? MAPPED_BUSY : MAPPED_FULL;
	}
	if (got == MAPPED_FULL)
		__sync_fetch_and_add(&nat.index_full, 1);
	if (got != MAPPED) {
		mapping_free(m, number);
		return got;
	}
	if (!a->permit)
		m->pool = a->pool;
	a->number = number;
	__sync_fetch_and_add(&m->refs, 1);
	return MAPPED;
}

#endif
