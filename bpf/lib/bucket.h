/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Token buckets, for `limit`.
 *
 * A bucket is one time: when it was empty last, as if it had been filling steadily since. A token
 * is there when `limit_ns` have passed, and taking it moves the time on by as much; a bucket that
 * could hold more than its burst was empty later. So tokens are never rounded, and a bucket that is
 * full says nothing that a new one would not: it may be removed.
 */
#ifndef WEIR_BPF_BUCKET_H
#define WEIR_BPF_BUCKET_H

#include "chores.h"
#include "filter_maps.h"

#define BUCKET_TRIES 4

static int buckets_do(void *map, __u32 *key, struct chores *c);

static __always_inline __u32 bucket_per(
	const struct weir_rule_rec *rec, const struct weir_fields *f)
{
	switch (rec->limit_per) {
	case WEIR_PER_SRC:
		return f->dim[WEIR_DIM_src];
	case WEIR_PER_DST:
		return f->dim[WEIR_DIM_dst];
	case WEIR_PER_FLOW:
		return f->flow;
	}
	return 0;
}

/* A bucket before it is one; the stack is too small for it. */
struct bucket_new {
	__u64 none;
	__u64 empty_ns, full_ns;
	struct weir_bucket_key key;
};

_Static_assert(sizeof(struct bucket_new) == sizeof(struct bucket), "what is put is a bucket");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bucket_new);
} bucket_new SEC(".maps");

/* The bucket of @key, full if it is new; NULL if there is no room. */
static __always_inline struct bucket *bucket_of(
	const struct weir_bucket_key *key, __u64 full_ns, __u64 now)
{
	struct bucket *b = bpf_map_lookup_elem(&buckets, key);
	__u32 zero = 0;
	struct bucket_new *new;

	if (b)
		return b;
	new = bpf_map_lookup_elem(&bucket_new, &zero);
	if (!new)
		return NULL;
	new->empty_ns = now - full_ns;
	new->full_ns = full_ns;
	new->key = *key;
	/* another CPU may be first, so it is the map that says whose it is */
	bpf_map_update_elem(&buckets, key, new, BPF_NOEXIST);
	chores_set(CHORE_BUCKETS, buckets_do, CHORES_NS);
	return bpf_map_lookup_elem(&buckets, key);
}

enum { BUCKET_TAKEN, BUCKET_EMPTY, BUCKET_REMOVED };

static __always_inline int bucket_try(struct bucket *b, const struct weir_bucket_key *key,
	__u64 limit_ns, __u64 full_ns, __u64 now)
{
	int got = BUCKET_EMPTY;

	bpf_spin_lock(&b->lock);
	if (b->removed || b->key.slot != key->slot || b->key.per != key->per) {
		got = BUCKET_REMOVED;
	} else {
		__s64 filling = (__s64)(now - b->empty_ns);

		/* the other CPU's clock may have been read later */
		if (filling > (__s64)full_ns) {
			b->empty_ns = now - full_ns;
			filling = (__s64)full_ns;
		}
		b->full_ns = full_ns;
		if (filling >= (__s64)limit_ns) {
			b->empty_ns += limit_ns;
			got = BUCKET_TAKEN;
		}
	}
	bpf_spin_unlock(&b->lock);
	return got;
}

/* Whether a token would be. */
static __always_inline int bucket_look(const struct weir_bucket_key *key, __u64 limit_ns, __u64 now)
{
	const struct bucket *b = bpf_map_lookup_elem(&buckets, key);

	return !b || b->removed || b->key.slot != key->slot || b->key.per != key->per ||
	       (__s64)(now - *(volatile __u64 *)&b->empty_ns) >= (__s64)limit_ns;
}

/* Whether a token was there. Where there is no room for a bucket, none is. */
__checked_once int bucket_take(const struct weir_rule_rec *rec, const struct weir_fields *f)
{
	struct weir_bucket_key key;
	__u64 now = bpf_ktime_get_ns(), full_ns;
	struct bucket *b;
	int i, got;

	if (!rec || !f)
		return false;
	key = (struct weir_bucket_key){.slot = rec->slot, .per = bucket_per(rec, f)};
	if (self.dry) {
		/* Never so. Linux 6.1 counts the stack of callbacks that it has not seen to be a
		 * timer's, and in code that is pruned, too: then it is too much. */
		if (!now)
			chores_set(CHORE_BUCKETS, buckets_do, CHORES_NS);
		return bucket_look(&key, rec->limit_ns, now);
	}
	full_ns = rec->limit_ns * rec->limit_burst;
	for (i = 0; i < BUCKET_TRIES; i++) {
		b = bucket_of(&key, full_ns, now);
		if (!b)
			break;
		got = bucket_try(b, &key, rec->limit_ns, full_ns, now);
		if (got != BUCKET_REMOVED)
			return got == BUCKET_TAKEN;
	}
	__sync_fetch_and_add(&limits.full, 1);
	return false;
}

/* Removes a bucket that is full again. */
static long bucket_sweep(
	void *map, const struct weir_bucket_key *at, struct bucket *unlocked, const __u64 *now)
{
	struct weir_bucket_key key = *at;
	struct bucket *b = bpf_map_lookup_elem(&buckets, &key);
	bool full;

	if (!b)
		return 0;
	bpf_spin_lock(&b->lock);
	full = !b->removed && (__s64)(*now - b->empty_ns) >= (__s64)b->full_ns;
	if (full)
		b->removed = 1;
	bpf_spin_unlock(&b->lock);
	if (!full)
		return 0;
	bpf_map_delete_elem(&buckets, &key);
	__sync_fetch_and_add(&limits.removed, 1);
	return 0;
}

static int buckets_do(void *map, __u32 *key, struct chores *c)
{
	__u64 now = bpf_ktime_get_ns();

	bpf_for_each_map_elem(&buckets, bucket_sweep, &now, 0);
	chores_again(c, CHORES_NS);
	return 0;
}

#endif
