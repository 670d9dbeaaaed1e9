/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names: which mapping an address and port outside is. Most mappings have the port that they were
 * best given, their endpoint's own one; then its slot is what they are found by from either side,
 * and nothing of them is in the index. See weir_mapping.aside, and `names` in sessions.h.
 */
#ifndef WEIR_BPF_NAME_H
#define WEIR_BPF_NAME_H

#include "index.h"

#define NAME_TRIES 8 /* another CPU counts in the same slot meanwhile */

/* Ports side by side, so that those of an address are near each other. */
static __always_inline __u32 name_nr(__u32 addr, __u16 port, __u8 proto)
{
	__u64 seed = *(volatile __u32 *)&nat.seed;
	__u64 h = ((seed << 32 | addr) ^ (__u64)proto << 40) * 0x9e3779b97f4a7c15ULL;

	return ((__u32)(h >> 32) + bpf_ntohs(port)) & *(volatile __u32 *)&nat.names_mask;
}

static __always_inline __u32 *name_slot(__u32 nr)
{
	__u32 line = nr / WEIR_NAME_SLOTS;
	struct weir_name_line *l = bpf_map_lookup_elem(&names, &line);

	return l ? &l->slot[nr % WEIR_NAME_SLOTS] : NULL;
}

/* The mapping that a slot leads to, if there is one. */
static __always_inline struct weir_mapping *slot_mapping(__u32 slot)
{
	slot &= WEIR_NAME_MAPPING;
	return slot ? mapping_at(slot - 1) : NULL;
}

static __always_inline bool is_named(
	const struct weir_mapping *m, __u32 addr, __u16 port, __u8 proto)
{
	return m && m->addr == addr && m->port == port && m->proto == proto &&
	       m->key == WEIR_KEY_map_in;
}

static __always_inline void key_out(struct looking *l, __u32 addr, __u16 port, __u8 proto)
{
	l->key = (struct weir_tuple){
		.kind = WEIR_KEY_map_out, .proto = proto, .saddr = addr, .sport = port};
}

/* The mapping that is called so outside: its number plus one, or 0. @l is for what it needs. */
static __always_inline __u32 name_find(struct looking *l, __u32 addr, __u16 port, __u8 proto)
{
	__u32 *slot = name_slot(name_nr(addr, port, proto)), now;

	if (!slot)
		return 0;
	now = *(volatile __u32 *)slot;
	if (is_named(slot_mapping(now), addr, port, proto))
		return now & WEIR_NAME_MAPPING;
	if (!*(volatile __u32 *)&nat.names_apart)
		return 0;
	key_out(l, addr, port, proto);
	return index_find(l) == INDEX_FOUND ? (l->entry & WEIR_REF_RECORD) + 1 : 0;
}

/* One mapping more that wants the slot's name and has another. False: there is no end of others'
 * counting. */
static __always_inline bool aside_more(__u32 *slot)
{
	__u32 was, i;

	for (i = 0; i < NAME_TRIES; i++) {
		was = *(volatile __u32 *)slot;
		if (was / WEIR_NAME_ASIDE == WEIR_NAME_ASIDE_MAX ||
			__sync_val_compare_and_swap(slot, was, was + WEIR_NAME_ASIDE) == was)
			return true;
	}
	return false;
}

static __always_inline void aside_less(__u32 *slot)
{
	__u32 was, i;

	for (i = 0; i < NAME_TRIES; i++) {
		was = *(volatile __u32 *)slot;
		if (was / WEIR_NAME_ASIDE == WEIR_NAME_ASIDE_MAX ||
			__sync_val_compare_and_swap(slot, was, was - WEIR_NAME_ASIDE) == was)
			return;
	}
}

enum { NAME_PUT, NAME_TAKEN, NAME_AGAIN, NAME_FULL };

/* In the index, since the slot is another's. */
static __always_inline int name_apart(
	struct looking *l, __u32 *slot, __u32 number, __u32 addr, __u16 port, __u8 proto)
{
	int put;

	key_out(l, addr, port, proto);
	if (index_find(l) != INDEX_NONE)
		return NAME_TAKEN;
	__sync_fetch_and_add(&nat.names_apart, 1);
	put = index_put(l, ENTRY(WEIR_REF_map_out, number));
	if (put == INDEX_PUT) {
		/* who has put the same in the slot meanwhile looks here afterwards, too */
		if (!is_named(slot_mapping(*(volatile __u32 *)slot), addr, port, proto))
			return NAME_PUT;
		index_take(l, ENTRY(WEIR_REF_map_out, number));
	}
	__sync_fetch_and_add(&nat.names_apart, -1);
	return put == INDEX_PUT ? NAME_TAKEN : put == INDEX_AGAIN ? NAME_AGAIN : NAME_FULL;
}

/* In the slot, which was free as @was tells. */
static __always_inline int slot_put(
	struct looking *l, __u32 *slot, __u32 was, __u32 number, __u32 addr, __u16 port, __u8 proto)
{
	if (__sync_val_compare_and_swap(slot, was, was | (number + 1)) != was)
		return NAME_AGAIN;
	if (!*(volatile __u32 *)&nat.names_apart)
		return NAME_PUT;
	key_out(l, addr, port, proto);
	if (index_find(l) == INDEX_NONE)
		return NAME_PUT;
	__sync_fetch_and_and(slot, ~WEIR_NAME_MAPPING);
	return NAME_TAKEN;
}

/* The name becomes the mapping's. NAME_TAKEN: it is another's, of another pool. */
__checked_once int name_put(struct looking *l, __u32 number)
{
	struct weir_mapping *m = mapping_at(number);
	__u32 *slot, was;

	slot = m ? name_slot(name_nr(m->addr, m->port, m->proto)) : NULL;
	if (!slot || !l)
		return NAME_FULL;
	was = *(volatile __u32 *)slot;
	if (is_named(slot_mapping(was), m->addr, m->port, m->proto))
		return NAME_TAKEN;
	if (was & WEIR_NAME_MAPPING)
		return name_apart(l, slot, number, m->addr, m->port, m->proto);
	return slot_put(l, slot, was, number, m->addr, m->port, m->proto);
}

/* The name is nobody's. A mapping's end is where calls are deepest: no function of its own. */
static __always_inline void name_take(struct looking *l, __u32 number)
{
	struct weir_mapping *m = mapping_at(number);
	__u32 *slot = m ? name_slot(name_nr(m->addr, m->port, m->proto)) : NULL;

	if (!slot)
		return;
	if ((*(volatile __u32 *)slot & WEIR_NAME_MAPPING) == number + 1) {
		__sync_fetch_and_and(slot, ~WEIR_NAME_MAPPING);
		return;
	}
	key_out(l, m->addr, m->port, m->proto);
	if (index_take(l, ENTRY(WEIR_REF_map_out, number)))
		__sync_fetch_and_add(&nat.names_apart, -1);
}

#endif
