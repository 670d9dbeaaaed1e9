/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports of an outside address: bits, which are claimed by an atomic test and set, so no port is ever
 * given twice. Even and odd ports lie in planes of their own (RFC 4787, REQ-4), and a plane's last line
 * says which of its words are full, so that the last free port is found as fast as the first: from a
 * word by chance on, the next one that is not full.
 */
#ifndef WEIR_BPF_POOL_H
#define WEIR_BPF_POOL_H

#include "classify.h"
#include "track_maps.h"

#define PLANE_WORDS (WEIR_PLANE_LINES * 8)
#define CLAIM_TRIES 40 /* 8 for all words twice, and those that another CPU fills */

/* Which ports are asked for. */
struct claim {
	__u32 pool;
	__u32 proto; /* 0 UDP, 1 TCP, 2 ICMP */
	__u32 lo, hi; /* inclusive */
	__u32 want; /* the one that is best; its parity is kept where that can be */
};

static __always_inline void *ports_of(__u32 pool)
{
	return bpf_map_lookup_elem(&pool_ports, &pool);
}

/* The word of bits 64 * @word on, in a plane; PLANE_WORDS on: of the words that are full. */
static __always_inline __u64 *port_word(void *map, __u32 plane, __u32 word)
{
	__u32 line = plane * WEIR_PORT_PLANE + word / 8;
	struct weir_port_line *l = bpf_map_lookup_elem(map, &line);

	return l ? &l->word[word & 7] : NULL;
}

/* After a word has become full, or has ceased to be. Looked at again, since both may happen at once. */
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
	bit &= ~__sync_fetch_and_or(w, bit);
	if (!bit)
		return 0;
	if (*(volatile __u64 *)w == ~0ULL)
		word_full(w, full, 1ULL << (word & 63));
	return 1;
}

__checked_once int port_give(__u32 pool, __u32 proto, __u32 port)
{
	void *map = ports_of(pool);
	__u32 plane = proto * 2 + (port & 1), word = port >> 7;
	__u64 *w, *full;

	if (!map || proto >= WEIR_PORT_PROTOS || port > 0xffff)
		return 0;
	w = port_word(map, plane, word);
	full = port_word(map, plane, PLANE_WORDS + word / 64);
	if (!w || !full)
		return 0;
	__sync_fetch_and_and(w, ~(1ULL << (port >> 1 & 63)));
	__sync_fetch_and_and(full, ~(1ULL << (word & 63)));
	return 0;
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
		if (__sync_fetch_and_or(w, 1ULL << bit) & 1ULL << bit)
			continue; /* another CPU was first */
		if (*(volatile __u64 *)w == ~0ULL)
			word_full(w, full, 1ULL << (word & 63));
		return (__s32)(word * 64 + bit);
	}
	return -1;
}

struct port_search {
	void *map;
	__u32 plane, lo, hi; /* bits of the plane */
	__u32 first, from;   /* words */
	__u32 again;
	__s32 got;
};

static long port_step(__u32 i, struct port_search *s)
{
	bool full;

	s->from = unknown(word_next(s->map, s->plane, s->from, &full));
	if (s->again && s->from > s->first)
		return 1;
	if (s->from > s->hi / 64) {
		if (s->again)
			return 1;
		s->again = unknown(1); /* those before the first, and itself */
		s->from = unknown(s->lo / 64);
	} else if (!full) {
		s->got = (__s32)unknown((__u32)word_take(s->map, s->plane, s->from, s->lo, s->hi));
		if (s->got >= 0)
			return 1;
		s->from = unknown(s->from + 1);
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
	s.plane = proto * 2 + odd;
	s.lo = lo >> 1;
	s.hi = hi >> 1;
	s.first = s.from = (s.lo + bpf_get_prandom_u32() % (s.hi - s.lo + 1)) / 64;
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

#endif
