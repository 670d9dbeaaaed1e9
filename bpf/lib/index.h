/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The index: which session, or mapping, a key leads to.
 *
 * A bucket is a cache line of seven entries, and an entry eight bytes: the key's tag, and what it
 * leads to. A key that finds its first bucket full goes on to another, and so on, and each that it
 * passes counts it; so who looks for something goes on only where something has. Nothing is locked.
 * What is put in is put in by a compare and swap, and counts once the version of the key's first
 * bucket, as it was when nothing was found there, was moved on: of two CPUs that want to put
 * something under the same key one has to look again, and finds what the other put. A record that
 * is not live yet, or no longer, is none; only who wants to put something waits for it.
 */
#ifndef WEIR_BPF_INDEX_H
#define WEIR_BPF_INDEX_H

#include "track_maps.h"

/* What is looked for, and where it was found. */
struct looking {
	struct weir_tuple key;
	__u32 at; /* first bucket: highest bits of the hash */
	__u32 tag;
	__u32 version; /* of the first bucket, before it was looked at */
	__u32 entry;   /* lower half of what was found; valid with FOUND and BUSY */
	__u32 serial;  /* of the session that was found, before its key was compared */
};

enum { INDEX_NONE, INDEX_FOUND, INDEX_BUSY };
enum { INDEX_PUT, INDEX_AGAIN, INDEX_FULL };

#define WAIT_TURNS 1024 /* reads of one word: some microseconds */

#define ENTRY(ref, number) ((__u32)(ref) << WEIR_REF_SHIFT | (number))
#define ENTRY_REF(entry)   ((entry) >> WEIR_REF_SHIFT)

static __always_inline struct weir_session *session_at(__u32 number)
{
	return bpf_map_lookup_elem(&sessions, &number);
}

static __always_inline struct weir_mapping *mapping_at(__u32 number)
{
	return bpf_map_lookup_elem(&mappings, &number);
}

static __always_inline struct weir_index_bucket *bucket_at(__u32 i)
{
	return bpf_map_lookup_elem(&session_index, &i);
}

/* Where a key belongs. The seed keeps who chooses ports from choosing buckets. */
static __always_inline void looking_place(struct looking *l)
{
	const __u32 *w = (const __u32 *)&l->key;
	__u64 h = *(volatile __u32 *)&nat.seed;

	h = (h ^ ((__u64)w[0] << 32 | w[1])) * 0x9e3779b97f4a7c15ULL;
	h = (h ^ h >> 32 ^ ((__u64)w[2] << 32 | w[3])) * 0xd6e8feb86659fd93ULL;
	h = (h ^ h >> 29 ^ w[4]) * 0xc2b2ae3d27d4eb4fULL;
	h ^= h >> 32;
	l->tag = (__u32)(h >> 32) | 1;
	l->at = (__u32)h;
}

/* The key's bucket after @i others, of which it has passed each. */
static __always_inline struct weir_index_bucket *bucket_nr(const struct looking *l, __u32 i)
{
	return bucket_at((l->at + i * l->tag) & *(volatile __u32 *)&nat.index_mask);
}

static __always_inline bool is_session(
	const struct weir_tuple *k, __u32 ref, const struct weir_session *s)
{
	bool back = ref == WEIR_REF_reply || ref == WEIR_REF_mid_reply;
	bool src_inside = ref == WEIR_REF_orig || ref == WEIR_REF_mid_orig;
	/* the two ends as this kind of packet has them: who began, and who answers */
	__u32 a = src_inside || ref == WEIR_REF_mid_reply ? s->saddr : s->xsaddr;
	__u16 ap = src_inside || ref == WEIR_REF_mid_reply ? s->sport : s->xsport;
	__u32 b = ref == WEIR_REF_orig ? s->daddr : s->xdaddr;
	__u16 bp = ref == WEIR_REF_orig ? s->dport : s->xdport;

	if (s->proto != k->proto)
		return false;
	if (back)
		return k->saddr == b && k->sport == bp && k->daddr == a && k->dport == ap;
	return k->saddr == a && k->sport == ap && k->daddr == b && k->dport == bp;
}

/* What a mapping depends on, in its key: by masquerading also on the address that there was then, so that
 * nobody goes on by one that is gone. */
static __always_inline __u32 mapping_remote(const struct weir_mapping *m)
{
	return m->remote ^ (m->masquerade ? m->addr : 0);
}

static __always_inline bool is_mapping(
	const struct weir_tuple *k, __u32 ref, const struct weir_mapping *m)
{
	if (m->proto != k->proto)
		return false;
	if (ref == WEIR_REF_map_in)
		return k->saddr == m->inside && k->sport == m->inside_port &&
		       k->daddr == mapping_remote(m) && k->dport == m->remote_port &&
		       k->more == m->rule;
	if (k->saddr != m->addr || k->sport != m->port)
		return false;
	return ref == WEIR_REF_map_out || k->daddr == m->remote;
}

/* Whether an entry is that of l->key. A function of its own, since most tags are others'. */
__checked_once int entry_look(struct looking *l, __u32 entry)
{
	__u32 ref = ENTRY_REF(entry), number = entry & WEIR_REF_RECORD, life;

	if (!l)
		return INDEX_NONE;
	if (ref >= WEIR_REF_map_in) {
		struct weir_mapping *m = mapping_at(number);

		if (!m || l->key.kind != ref - WEIR_REF_map_in + WEIR_KEY_map_in ||
			!is_mapping(&l->key, ref, m))
			return INDEX_NONE;
		l->entry = entry;
		return *(volatile __u32 *)&m->refs ? INDEX_FOUND : INDEX_BUSY;
	} else {
		struct weir_session *s = session_at(number);

		if (!s || l->key.kind != WEIR_KEY_tuple)
			return INDEX_NONE;
		l->serial = *(volatile __u32 *)&s->serial;
		if (!is_session(&l->key, ref, s))
			return INDEX_NONE;
		l->entry = entry;
		life = *(volatile __u32 *)&s->life;
		return life == WEIR_LIFE_LIVE ? INDEX_FOUND : INDEX_BUSY;
	}
}

/* What another CPU makes, or ends, at this moment is made, or gone, in a moment; @entry leads to
 * it. */
__checked_once int entry_wait(__u32 entry)
{
	__u32 number = entry & WEIR_REF_RECORD, i;
	struct weir_session *s = NULL;
	struct weir_mapping *m = NULL;

	if (ENTRY_REF(entry) >= WEIR_REF_map_in)
		m = mapping_at(number);
	else
		s = session_at(number);
	for (i = 0; i < WAIT_TURNS && s; i++)
		if (*(volatile __u32 *)&s->life == WEIR_LIFE_LIVE)
			return 1;
	for (i = 0; i < WAIT_TURNS && m; i++)
		if (*(volatile __u32 *)&m->refs)
			return 1;
	return 0;
}

/* What is kept under l->key. BUSY: it is being made, or ends, at this moment. */
__checked_once int index_find(struct looking *l)
{
	struct weir_index_bucket *b;
	int way, look, got = INDEX_NONE;
	__u64 i; /* as wide as what the verifier follows on the stack */

	if (!l)
		return INDEX_NONE;
	looking_place(l);
	for (i = 0; i < WEIR_PROBES; i++) {
		b = bucket_nr(l, (__u32)i);
		if (!b)
			return INDEX_NONE;
		if (!i)
			l->version = *(volatile __u32 *)&b->version;
		for (way = 0; way < WEIR_BUCKET_WAYS; way++) {
			__u64 entry = *(volatile __u64 *)&b->entry[way];

			if ((__u32)(entry >> 32) != l->tag)
				continue;
			look = entry_look(l, (__u32)entry);
			if (look == INDEX_FOUND)
				return INDEX_FOUND;
			if (look == INDEX_BUSY)
				got = INDEX_BUSY;
		}
		if (!*(volatile __u32 *)&b->passed)
			break;
	}
	if (got == INDEX_BUSY)
		entry_wait(l->entry);
	return got;
}

/* @nr buckets are passed by one key less. */
static __always_inline void passed_less(const struct looking *l, __u32 nr)
{
	struct weir_index_bucket *b;
	__u32 i;

	for (i = 0; i < WEIR_PROBES && i < nr; i++) {
		b = bucket_nr(l, i);
		if (b)
			__sync_fetch_and_add(&b->passed, -1);
	}
}

static __always_inline bool entry_put(struct weir_index_bucket *b, __u64 entry)
{
	int way;

	for (way = 0; way < WEIR_BUCKET_WAYS; way++)
		if (!*(volatile __u64 *)&b->entry[way] &&
			!__sync_val_compare_and_swap(&b->entry[way], 0, entry))
			return true;
	return false;
}

static __always_inline bool entry_take(struct weir_index_bucket *b, __u64 entry)
{
	int way;

	for (way = 0; way < WEIR_BUCKET_WAYS; way++)
		if (*(volatile __u64 *)&b->entry[way] == entry &&
			__sync_val_compare_and_swap(&b->entry[way], entry, 0) == entry)
			return true;
	return false;
}

/* Takes away what leads from l->key to this. */
__checked_once int index_take(struct looking *l, __u32 entry)
{
	struct weir_index_bucket *b;
	__u64 whole;
	__u32 i;

	if (!l)
		return 0;
	looking_place(l);
	whole = (__u64)l->tag << 32 | entry;
	for (i = 0; i < WEIR_PROBES; i++) {
		b = bucket_nr(l, i);
		if (!b)
			return 0;
		if (entry_take(b, whole)) {
			passed_less(l, i);
			return 1;
		}
	}
	return 0;
}

/* Under l->key, where index_find() has just found nothing. */
__checked_once int index_put(struct looking *l, __u32 entry)
{
	struct weir_index_bucket *b;
	__u64 whole;
	__u32 i;

	if (!l)
		return INDEX_FULL;
	whole = (__u64)l->tag << 32 | entry;
	for (i = 0; i < WEIR_PROBES; i++) {
		b = bucket_nr(l, i);
		if (!b)
			return INDEX_FULL;
		if (entry_put(b, whole))
			break;
		__sync_fetch_and_add(&b->passed, 1);
	}
	if (i == WEIR_PROBES) {
		passed_less(l, WEIR_PROBES);
		return INDEX_FULL;
	}
	b = bucket_nr(l, 0);
	if (b && __sync_val_compare_and_swap(&b->version, l->version, l->version + 1) == l->version)
		return INDEX_PUT;
	index_take(l, entry);
	return INDEX_AGAIN;
}

#endif
