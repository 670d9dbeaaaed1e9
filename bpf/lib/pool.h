/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports of an outside address: bits, which are claimed by an atomic test and set, so no port is
 * ever given twice. Even and odd ports lie in planes of their own (RFC 4787, REQ-4), and a plane's
 * last line says which of its words are full, so that the last free port is found as fast as the
 * first: from a word by chance on, the next one that is not full.
 */
#ifndef WEIR_BPF_POOL_H
#define WEIR_BPF_POOL_H

#include "track_maps.h"

#define PLANE_WORDS (WEIR_PLANE_LINES * 8)

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

/* The port is free again. */
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

#endif
