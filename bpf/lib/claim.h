/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mappings are made here: a port is claimed, of the addresses that the rule has, and the mapping is
 * put where it is found from inside and from outside. Of two CPUs that make the same one finds the
 * other's.
 */
#ifndef WEIR_BPF_CLAIM_H
#define WEIR_BPF_CLAIM_H

#include "classify.h"
#include "mapping.h"

#define CLAIM_TRIES  40 /* 8 for all words twice, and those that another CPU fills */
#define SEARCH_ADDRS WEIR_POOL_ADDRS_MAX

/* Which ports are asked for. */
struct claim {
	__u32 pool;
	__u32 proto;  /* 0 UDP, 1 TCP, 2 ICMP */
	__u32 lo, hi; /* inclusive */
	__u32 want;   /* the one that is best; its parity is kept where that can be */
};

enum mapped { MAPPED, MAPPED_NONE, MAPPED_FULL, MAPPED_TAKEN, MAPPED_BUSY };

/* What is asked for, and what is given: @number, @addr and @port. */
struct mapping_ask {
	__u32 inside, remote; /* network order, as the ports */
	__u16 inside_port, remote_port;
	__u32 rule;
	__u8 proto, filtering, permit, masquerade;
	__u32 to[2];   /* addresses of the pool, host order; masquerade: its one address */
	__u32 outside; /* ifindex */
	struct claim claim;

	__u32 number;
	__u32 addr;
	__u16 port;
	__u16 pool;	       /* number plus one */
	__u32 best, best_addr; /* the slot of the name that is best, and its address */
	__u32 seen;	       /* what the slot held before the mapping was not found */
	struct looking look;
};

/* After a word has become full, or has ceased to be. Looked at again, since both may happen at
 * once. */
static __always_inline void word_full(__u64 *word, __u64 *full, __u64 bit)
{
	__sync_fetch_and_or(full, bit);
	if (*(volatile __u64 *)word != ~0ULL)
		__sync_fetch_and_and(full, ~bit);
}

/* Whether the port was free; then it is taken. */
__checked_once int port_take(__u32 pool, __u32 proto, __u32 port)
{
	void *map = ports_of(pool);
	__u32 plane = proto * 2 + (port & 1), word = port >> 7;
	__u64 bit = 1ULL << (port >> 1 & 63), *w, *full;

	if (!map || proto >= WEIR_PORT_PROTOS || port > 0xffff)
		return 0;
	w = port_word(map, plane, word);
	full = port_word(map, plane, PLANE_WORDS + word / 64);
	if (!w || !full || *(volatile __u64 *)w & bit)
		return 0;
	if (self.dry)
		return 1;
	bit &= ~__sync_fetch_and_or(w, bit);
	if (!bit)
		return 0;
	if (*(volatile __u64 *)w == ~0ULL)
		word_full(w, full, 1ULL << (word & 63));
	return 1;
}

/* The next word from @from on, within 64, that is not full; or where to go on, *@full set. */
static __always_inline __u32 word_next(void *map, __u32 plane, __u32 from, bool *full)
{
	__u64 *words = port_word(map, plane, PLANE_WORDS + from / 64), open = 0;

	if (words)
		open = ~*(volatile __u64 *)words & ~0ULL << (from & 63);
	*full = !open;
	return open ? (from & ~63U) + lowest_bit(open) : (from & ~63U) + 64;
}

/* Of a word's free bits between two of the plane one by chance is taken: its number, or -1. */
static __always_inline __s32 word_take(void *map, __u32 plane, __u32 word, __u32 lo, __u32 hi)
{
	__u64 *w = port_word(map, plane, word);
	__u64 *full = port_word(map, plane, PLANE_WORDS + word / 64);
	__u64 may = ~0ULL, free_bits;
	__u32 turn = bpf_get_prandom_u32() & 63, i, bit;

	if (!w || !full)
		return -1;
	if (word == lo / 64)
		may &= ~0ULL << (lo & 63);
	if (word == hi / 64)
		may &= ~0ULL >> (63 - (hi & 63));
	for (i = 0; i < 4; i++) {
		free_bits = ~*(volatile __u64 *)w & may;
		if (!free_bits)
			return -1;
		free_bits = free_bits >> turn | free_bits << (-turn & 63);
		bit = (lowest_bit(free_bits) + turn) & 63;
		if (self.dry)
			return (__s32)(word * 64 + bit);
		if (__sync_fetch_and_or(w, 1ULL << bit) & 1ULL << bit)
			continue; /* another CPU was first */
		if (*(volatile __u64 *)w == ~0ULL)
			word_full(w, full, 1ULL << (word & 63));
		return (__s32)(word * 64 + bit);
	}
	return -1;
}

/* Small, since it lies on the stack, where calls are deepest. */
struct port_search {
	void *map;
	__s32 got;
	__u16 lo, hi;	   /* bits of the plane */
	__u16 first, from; /* words */
	__u8 plane, again;
};

static long port_step(__u32 i, struct port_search *s)
{
	bool full;

	s->from = (__u16)unknown(word_next(s->map, s->plane, s->from, &full));
	if (s->again && s->from > s->first)
		return 1;
	if (s->from > s->hi / 64) {
		if (s->again)
			return 1;
		s->again = (__u8)unknown(1); /* those before the first, and itself */
		s->from = (__u16)unknown(s->lo / 64);
	} else if (!full) {
		s->got = (__s32)unknown((__u32)word_take(s->map, s->plane, s->from, s->lo, s->hi));
		if (s->got >= 0)
			return 1;
		s->from = (__u16)unknown(s->from + 1);
	}
	return 0;
}

/* A port of one parity from @lo to @hi, or 0. */
__checked_once __u32 port_search(__u32 pool, __u32 proto, __u32 lo, __u32 hi, __u32 odd)
{
	struct port_search s = {.map = ports_of(pool), .got = -1};

	odd &= 1;
	lo += (lo ^ odd) & 1;
	hi -= (hi ^ odd) & 1;
	if (!s.map || proto >= WEIR_PORT_PROTOS || hi > 0xffff || lo > hi)
		return 0;
	s.plane = (__u8)(proto * 2 + odd);
	s.lo = (__u16)(lo >> 1);
	s.hi = (__u16)(hi >> 1);
	s.first = s.from = (__u16)((s.lo + bpf_get_prandom_u32() % (s.hi - s.lo + 1)) / 64);
	bpf_loop(CLAIM_TRIES, port_step, &s, 0);
	return s.got < 0 ? 0 : (__u32)s.got * 2 + odd;
}

/* RFC 4787, REQ-3 and REQ-4: the very port, one of its parity, or any; 0: there is none. */
static __always_inline __u32 port_claim(const struct claim *c)
{
	__u32 port;

	if (c->want >= c->lo && c->want <= c->hi && port_take(c->pool, c->proto, c->want))
		return c->want;
	port = port_search(c->pool, c->proto, c->lo, c->hi, c->want & 1);
	return port ? port : port_search(c->pool, c->proto, c->lo, c->hi, ~c->want & 1);
}

/* Which of @nr an address gets, always the same. Hosts of a subnet differ in their lowest bits, in
 * host order, and a product's highest bits follow all of them. */
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
 * Takes a port for a->number to be. RFC 4787, REQ-2: a host of the inside has the same address as
 * long as that has ports. 0 where no address has one.
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
	if (!self.dry)
		port_give(a->pool - 1, a->claim.proto, bpf_ntohs(a->port));
}

static __always_inline void ask_key(struct mapping_ask *a)
{
	a->look.key = (struct weir_tuple){
		.kind = a->permit ? WEIR_KEY_permit : WEIR_KEY_map_in,
		.proto = a->proto,
		.saddr = a->permit ? a->addr : a->inside,
		.sport = a->permit ? a->port : a->inside_port,
		.daddr = a->remote ^ (!a->permit && a->masquerade ? bpf_htonl(a->to[0]) : 0),
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

/* Whether the mapping is the one of a->look.key. */
static __always_inline bool is_asked(const struct mapping_ask *a, const struct weir_mapping *m)
{
	return m && m->key == WEIR_KEY_map_in && is_mapping(&a->look.key, WEIR_REF_map_in, m);
}

/* By the name that is best: the endpoint's own port, of the address that addr_claim() tries first.
 * INDEX_NONE: it has not got that one, and if others count as aside it may have another. */
__checked_once int mapping_best(struct mapping_ask *a)
{
	struct weir_mapping *m;
	__u32 *slot;

	if (!a)
		return INDEX_NONE;
	a->best_addr = bpf_htonl(a->to[0] + addr_spread(a->inside, a->to[1] - a->to[0] + 1));
	a->best = name_nr(a->best_addr, a->inside_port, a->proto);
	slot = name_slot(a->best);
	a->seen = slot ? *(volatile __u32 *)slot : 0;
	m = slot_mapping(a->seen);
	if (!is_asked(a, m))
		return INDEX_NONE;
	a->look.entry = ENTRY(WEIR_REF_map_in, (a->seen & WEIR_NAME_MAPPING) - 1);
	if (*(volatile __u32 *)&m->refs)
		return INDEX_FOUND;
	entry_wait(a->look.entry);
	return INDEX_BUSY;
}

/* The mapping that is asked for, held. MAPPED_NONE: there is none; mapping_put() may make it. */
__checked_once int mapping_find(struct mapping_ask *a)
{
	int i, got;

	if (!a)
		return MAPPED_FULL;
	for (i = 0; i < RETRIES; i++) {
		ask_key(a);
		got = a->permit ? INDEX_NONE : mapping_best(a);
		if (got == INDEX_NONE && (a->permit || a->seen >= WEIR_NAME_ASIDE))
			got = index_find(&a->look);
		switch (got) {
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
	m->masquerade = !a->permit && a->masquerade;
	m->addr = a->addr;
	m->port = a->port;
	m->pool = 0;
	m->first = m->aside = 0;
}

/* Whether the mapping that is asked for is in the index. For the stack's sake a function of its
 * own. */
__checked_once int is_aside(struct mapping_ask *a)
{
	if (!a)
		return 0;
	ask_key(a);
	return index_find(&a->look) != INDEX_NONE;
}

/* Under the best name, by which it is found from both sides. */
static __always_inline enum mapped mapping_put_best(struct mapping_ask *a, __u32 number)
{
	__u32 *slot = name_slot(a->best);
	int put;

	if (!slot)
		return MAPPED_FULL;
	put = slot_put(&a->look, slot, a->seen, number, a->addr, a->port, a->proto);
	if (put != NAME_PUT)
		return put == NAME_AGAIN ? MAPPED_BUSY : MAPPED_TAKEN;
	/* who puts the same aside has not changed a slot that cannot count on; it looks here then
	 */
	if (a->seen < WEIR_NAME_ASIDE * WEIR_NAME_ASIDE_MAX)
		return MAPPED;
	if (!is_aside(a))
		return MAPPED;
	__sync_fetch_and_and(slot, ~WEIR_NAME_MAPPING);
	return MAPPED_BUSY;
}

/* In the index, under what it is asked for by, and under another name. The best one counts it
 * first: who would put the same mapping there meanwhile finds that it has changed. */
__checked_once int mapping_put_aside(struct mapping_ask *a, __u32 number)
{
	struct weir_mapping *m = mapping_at(number);
	__u32 *slot = a ? name_slot(a->best) : NULL, i;
	int put;

	if (!slot || !m)
		return MAPPED_FULL;
	if (!aside_more(slot))
		return MAPPED_BUSY;
	m->aside = a->best + 1;
	ask_key(a);
	if (index_find(&a->look) != INDEX_NONE)
		return MAPPED_BUSY;
	put = index_put(&a->look, ENTRY(WEIR_REF_map_in, number));
	if (put != INDEX_PUT)
		return put == INDEX_AGAIN ? MAPPED_BUSY : MAPPED_FULL;
	if (is_asked(a, slot_mapping(*(volatile __u32 *)slot))) {
		index_take(&a->look, ENTRY(WEIR_REF_map_in, number));
		return MAPPED_BUSY;
	}
	put = NAME_AGAIN;
	for (i = 0; i < HOLD_TRIES && put == NAME_AGAIN; i++)
		put = name_put(&a->look, number);
	if (put == NAME_PUT)
		return MAPPED;
	ask_key(a);
	index_take(&a->look, ENTRY(WEIR_REF_map_in, number));
	return put == NAME_FULL ? MAPPED_FULL : MAPPED_TAKEN;
}

/* mapping_put() without putting anything. */
static __always_inline enum mapped mapping_would(struct mapping_ask *a)
{
	if (a->permit)
		return MAPPED;
	a->number = WEIR_SESSION_NEW - 1;
	return name_find(&a->look, a->addr, a->port, a->proto) ? MAPPED_TAKEN : MAPPED;
}

static __always_inline int permit_put(struct mapping_ask *a, __u32 number)
{
	int put = index_put(&a->look, ENTRY(WEIR_REF_permit, number));

	return put == INDEX_PUT ? MAPPED : put == INDEX_AGAIN ? MAPPED_BUSY : MAPPED_FULL;
}

/*
 * Makes what mapping_find() has not found, by the port that addr_claim() has taken. Otherwise than
 * with MAPPED that port is still the caller's to give back. MAPPED_BUSY: another CPU was first.
 */
__checked_once int mapping_put(struct mapping_ask *a)
{
	struct weir_mapping *m;
	__u32 number;
	int got;

	if (!a)
		return MAPPED_FULL;
	if (!record_new(&free_mappings, &nat.mappings_used, nat.mappings_max, &number)) {
		__sync_fetch_and_add(&nat.mappings_full, 1);
		return MAPPED_FULL;
	}
	if (self.dry)
		return mapping_would(a);
	m = mapping_at(number);
	if (!m)
		return MAPPED_FULL;
	mapping_fill(a, m);
	if (a->permit)
		got = permit_put(a, number);
	else if (a->addr == a->best_addr && a->port == a->inside_port &&
		 !(a->seen & WEIR_NAME_MAPPING))
		got = mapping_put_best(a, number);
	else
		got = mapping_put_aside(a, number);
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
