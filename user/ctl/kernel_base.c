// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where the kernel's counters stood when they began to be watched, in a map that outlives us. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include <weir/kbase.h>

#include "kernel_counters.h"

static int put(int map, const struct weir_kbase_key *key, __u64 value)
{
	return bpf_map_update_elem(map, key, &value, BPF_ANY) ? -errno : 0;
}

static int put_own(int map, __u64 netns, __u16 what, __u64 value)
{
	struct weir_kbase_key key = {.netns = netns, .counter = what};

	return put(map, &key, value);
}

#define CHUNK 1024 /* entries that are read at once */

struct chunk {
	struct weir_kbase_key key[CHUNK];
	__u64 value[CHUNK];
};

/* Calls @fn for each of a namespace's entries, of which it removes none. */
static int each(int map, __u64 netns,
	int (*fn)(void *ctx, const struct weir_kbase_key *key, __u64 value), void *ctx)
{
	struct chunk *chunk = malloc(sizeof(*chunk));
	__u32 at = 0, next, nr;
	bool more = true, first = true;
	int rc = chunk ? 0 : -ENOMEM;

	while (more && !rc) {
		nr = CHUNK;
		if (bpf_map_lookup_batch(
			    map, first ? NULL : &at, &next, chunk->key, chunk->value, &nr, NULL)) {
			more = false;
			rc = errno == ENOENT ? 0 : -errno;
		}
		for (__u32 i = 0; i < nr && !rc; i++)
			if (chunk->key[i].netns == netns)
				rc = fn(ctx, &chunk->key[i], chunk->value[i]);
		at = next;
		first = false;
	}
	free(chunk);
	return rc;
}

struct keys {
	unsigned int nr, room;
	struct weir_kbase_key *key;
};

static int add_key(void *ctx, const struct weir_kbase_key *key, __u64 value)
{
	struct keys *keys = ctx;

	(void)value;
	if (keys->nr == keys->room) {
		unsigned int room = keys->room ? keys->room * 2 : 256;
		void *more = realloc(keys->key, room * sizeof(*key));

		if (!more)
			return -ENOMEM;
		keys->key = more;
		keys->room = room;
	}
	keys->key[keys->nr++] = *key;
	return 0;
}

int weir_kbase_forget(int map, __u64 netns, struct weir_err *err)
{
	struct keys keys = {};
	int rc = each(map, netns, add_key, &keys);

	for (unsigned int i = 0; !rc && i < keys.nr; i++)
		if (bpf_map_delete_elem(map, &keys.key[i]) && errno != ENOENT)
			rc = -errno;
	free(keys.key);
	return rc ? weir_fail_sys(err, rc, "forgetting where the kernel's counters stood") : 0;
}

int weir_kbase_save(int map, const struct weir_kreading *r, __u32 *lost, struct weir_err *err)
{
	int rc = weir_kbase_forget(map, r->netns, err);
	__u32 none = 0;

	if (rc)
		return rc;
	/* first, so that there is room for these */
	rc = put_own(map, r->netns, WEIR_KBASE_LOST, r->nr);
	if (!rc)
		rc = put_own(map, r->netns, WEIR_KBASE_LAYOUT, weir_kcounter_layout());
	if (!rc)
		rc = put_own(map, r->netns, WEIR_KBASE_SOURCES, r->sources);
	if (!rc)
		rc = put_own(map, r->netns, WEIR_KBASE_TIME, r->time_ns);
	for (unsigned int i = 0; !rc && i < r->nr; i++) {
		const struct weir_kvalue *v = &r->value[i];
		struct weir_kbase_key key = {.netns = r->netns,
			.counter = v->counter,
			.queue = v->queue,
			.scope = v->scope};

		if (weir_kcounter_info[v->counter].what == WEIR_KWHAT_level)
			continue;
		rc = put(map, &key, v->value);
		if (rc == -E2BIG || rc == -ENOMEM) {
			none++;
			rc = 0;
		}
	}
	if (!rc)
		rc = put_own(map, r->netns, WEIR_KBASE_LOST, none);
	if (rc)
		return weir_fail_sys(err, rc, "keeping where the kernel's counters stand");
	*lost = none;
	return 0;
}

struct loading {
	bool found, other;
	struct weir_kreading *r;
};

static int load_one(void *ctx, const struct weir_kbase_key *key, __u64 value)
{
	struct loading *l = ctx;

	switch (key->counter) {
	case WEIR_KBASE_TIME:
		l->r->time_ns = value;
		l->found = true;
		break;
	case WEIR_KBASE_LAYOUT:
		l->other = value != weir_kcounter_layout();
		break;
	case WEIR_KBASE_LOST:
		l->r->lost = (__u32)value;
		break;
	case WEIR_KBASE_SOURCES:
		l->r->sources = (__u32)value;
		break;
	default:
		if (key->counter < WEIR_KCOUNTER_COUNT)
			weir_kreading_add(l->r, key->counter, key->queue, key->scope, value);
		break;
	}
	return 0;
}

int weir_kbase_load(int map, __u64 netns, struct weir_kreading *out, struct weir_err *err)
{
	struct weir_kreading r = {.netns = netns};
	struct loading l = {.r = &r};
	int rc = each(map, netns, load_one, &l);

	if (!rc && r.failed)
		rc = -ENOMEM;
	if (!rc && !l.found)
		rc = -ENOENT;
	if (!rc && l.other)
		rc = -ESTALE;
	if (rc) {
		weir_kreading_done(&r);
		return weir_fail_sys(err, rc, "reading where the kernel's counters stood");
	}
	weir_kreading_sort(&r);
	*out = r;
	return 0;
}
