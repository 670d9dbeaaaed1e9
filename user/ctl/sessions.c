// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sessions and mappings, read from the memory that programs write. A record is copied between two
 * looks at its serial, which moves when it begins and when it ends: a copy is of one session.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <sys/mman.h>
#include <bpf/bpf.h>

#include "base/clock.h"
#include "flush.h"
#include "nat.h"
#include "track.h"

/* --- maps in memory --- */

struct array {
	const void *at;
	size_t size;
	__u32 nr;
};

/* Empty where there is none. 0 or -errno. */
static int map_array(const struct weir_ns *ns, const char *name, size_t entry, struct array *a)
{
	__cleanup_close int fd = weir_shared_map(ns, name);
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	void *at;

	*a = (struct array){0};
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (bpf_map_get_info_by_fd(fd, &info, &len))
		return -errno;
	at = mmap(NULL, info.max_entries * entry, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	*a = (struct array){at, info.max_entries * entry, info.max_entries};
	return 0;
}

static void unmap_array(struct array *a)
{
	if (a->at)
		munmap((void *)a->at, a->size);
}

/* --- names of devices --- */

enum { NAMES = 64 };

/* Those met last: the kernel is asked once for each. */
struct names {
	struct {
		__u32 ifindex;
		char name[IFNAMSIZ];
	} known[NAMES];
};

static const char *name_of(struct names *names, __u32 ifindex)
{
	__u32 i = ifindex % NAMES;

	if (!ifindex)
		return "";
	if (names->known[i].ifindex != ifindex) {
		names->known[i].ifindex = ifindex;
		if (!if_indextoname(ifindex, names->known[i].name))
			names->known[i].name[0] = '\0';
	}
	return names->known[i].name;
}

/* --- sessions --- */

/* Whether the record holds a session, and a copy of it. */
static bool copy_session(const struct weir_session *at, struct weir_session *copy)
{
	__u32 before, after;

	for (unsigned int tries = 0; tries < 8; tries++) {
		before = __atomic_load_n(&at->serial, __ATOMIC_ACQUIRE);
		if (__atomic_load_n(&at->life, __ATOMIC_ACQUIRE) != WEIR_LIFE_LIVE)
			return false;
		memcpy(copy, at, sizeof(*copy));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		after = __atomic_load_n(&at->serial, __ATOMIC_RELAXED);
		if (before == after)
			return copy->life == WEIR_LIFE_LIVE;
	}
	return false; /* sessions come and go there faster than they can be looked at */
}

static __u32 expires_ms(
	const struct weir_nat_state *state, const struct weir_session *s, __u32 epoch)
{
	__u64 lasts = state->timeout_s[weir_session_timeout(s->proto, s->flags)] * 1000ull;
	__u64 idle =
		(__s32)(epoch - s->seen) > 0 ? (epoch - s->seen) * (WEIR_EPOCH_NS / 1000000ull) : 0;

	return (__u32)(idle < lasts ? lasts - idle : 0);
}

/* --- what sessions are not told yet --- */

/* Flows tell their sessions of their packets ten times a second; until then it is they who know. */
struct untold {
	struct weir_flow *flows; /* copies, by their sessions' numbers */
	size_t nr, at;		 /* the next to be looked at */
};

static __u32 number_of(const struct weir_flow *f)
{
	return f->session & WEIR_REF_RECORD;
}

static int by_session(const void *a, const void *b)
{
	__u32 x = number_of(a), y = number_of(b);

	return x < y ? -1 : x > y;
}

static int read_untold(struct untold *u, const struct array *flows)
{
	const struct weir_flow *f = flows->at;

	*u = (struct untold){.flows = malloc((flows->nr + 1) * sizeof(*u->flows))};
	if (!u->flows)
		return -ENOMEM;
	for (__u32 i = 0; i < flows->nr; i++)
		if (f[i].session & WEIR_FLOW_SESSION && f[i].packets)
			u->flows[u->nr++] = f[i];
	qsort(u->flows, u->nr, sizeof(*u->flows), by_session);
	return 0;
}

/* @ports: 0 where the protocol has none. */
static bool has(const struct weir_flow *f, __u32 saddr, __u32 daddr, __u32 ports)
{
	return f->saddr == saddr && f->daddr == daddr && (f->ports == ports || !ports);
}

/* Whether the flow's packets are the session's, and not those of one before it: as programs see it.
 */
static bool is_of(const struct weir_flow *f, const struct weir_session *s)
{
	if ((__u8)f->proto_tos != s->proto)
		return false;
	if (f->session & WEIR_FLOW_BACK)
		return has(f, s->xdaddr, s->xsaddr, s->xdport | (__u32)s->xsport << 16);
	return has(f, s->saddr, s->daddr, s->sport | (__u32)s->dport << 16);
}

/* Sessions come in their order. */
static void add_untold(struct untold *u, __u32 number, struct weir_session *s)
{
	while (u->at < u->nr && number_of(&u->flows[u->at]) < number)
		u->at++;
	for (; u->at < u->nr && number_of(&u->flows[u->at]) == number; u->at++) {
		const struct weir_flow *f = &u->flows[u->at];
		struct weir_count *c = &s->count[!!(f->session & WEIR_FLOW_BACK)];

		if (!is_of(f, s))
			continue;
		c->packets += f->packets;
		c->bytes += f->bytes;
	}
}

struct reading {
	const struct weir_flush *match;
	struct weir_page_of page;
	const struct weir_nat_state *state;
	struct names names;
	__u32 epoch;
	int (*fn)(void *ctx, const struct weir_seen_session *seen);
	void *ctx;
	struct weir_sessions_read *read;
	struct untold untold;
};

static int meet(struct reading *r, struct weir_seen_session *seen)
{
	struct weir_sessions_read *read = r->read;

	read->all++;
	if (!weir_session_matches(&seen->s, r->match))
		return 0;
	read->matched++;
	if (seen->number < r->page.from)
		return 0;
	if (r->page.limit && read->shown == r->page.limit) {
		if (!read->next)
			read->next = seen->number;
		return 0;
	}
	seen->expires_ms = expires_ms(r->state, &seen->s, r->epoch);
	seen->in = name_of(&r->names, seen->s.iif);
	seen->out = name_of(&r->names, seen->s.oif);
	read->shown++;
	return r->fn(r->ctx, seen);
}

static int read_all(struct reading *r, const struct array *sessions)
{
	const struct weir_session *at = sessions->at;
	struct weir_seen_session seen;
	__u32 nr = r->state->sessions_used;
	int rc = 0;

	if (nr > sessions->nr)
		nr = sessions->nr;
	for (__u32 i = 0; i < nr && !rc; i++) {
		if (!copy_session(&at[i], &seen.s))
			continue;
		add_untold(&r->untold, i, &seen.s);
		seen.number = i;
		rc = meet(r, &seen);
	}
	return rc;
}

int weir_sessions_each(struct weir_ns *ns, const struct weir_flush *match, struct weir_page_of page,
	int (*fn)(void *ctx, const struct weir_seen_session *seen), void *ctx,
	struct weir_sessions_read *read, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	struct array sessions, state, flows = {0};
	struct reading r = {.match = match,
		.page = page,
		.epoch = (__u32)(weir_now_ns() / WEIR_EPOCH_NS),
		.fn = fn,
		.ctx = ctx,
		.read = read};
	int rc = weir_shared_check(ns, err);

	*read = (struct weir_sessions_read){0};
	if (rc)
		return rc;
	rc = map_array(ns, "sessions", sizeof(struct weir_session), &sessions);
	if (rc)
		return weir_fail_pins(ns, err, rc, "opening the sessions");
	rc = map_array(ns, "nat", sizeof(struct weir_nat_state), &state);
	if (!rc)
		rc = map_array(ns, "flows", sizeof(struct weir_flow), &flows);
	if (!rc)
		rc = read_untold(&r.untold, &flows);
	unmap_array(&flows);
	weir_close(&lock); /* whoever prints may be slow: what is mapped stays */
	if (rc) {
		unmap_array(&sessions);
		free(r.untold.flows);
		return weir_fail_pins(ns, err, rc, "opening nat");
	}
	r.state = state.at;
	if (sessions.nr && state.nr)
		rc = read_all(&r, &sessions);
	free(r.untold.flows);
	unmap_array(&sessions);
	unmap_array(&state);
	return rc;
}

int weir_sessions_flush(struct weir_ns *ns, struct weir_flush *match, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	struct weir_flusher *flusher;
	int rc = weir_shared_check(ns, err);

	match->ended = 0;
	if (rc)
		return rc;
	if (lock == -EACCES || lock == -EPERM)
		return weir_fail_pins(ns, err, lock, "opening the pins");
	if (!weir_is_tracking(ns))
		return 0; /* there are none */
	rc = weir_flusher_open(ns, &flusher, err);
	if (rc)
		return rc;
	rc = weir_flusher_run(flusher, match, err);
	weir_flusher_close(flusher);
	return rc;
}

/* --- mappings --- */

int weir_mappings_each(struct weir_ns *ns, int (*fn)(void *ctx, const struct weir_mapping *mapping),
	void *ctx, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	struct array mappings;
	int rc = weir_shared_check(ns, err);

	(void)lock; /* to the end */
	if (rc)
		return rc;
	rc = map_array(ns, "mappings", sizeof(struct weir_mapping), &mappings);
	if (rc)
		return weir_fail_pins(ns, err, rc, "opening the mappings");
	for (__u32 i = 0; i < mappings.nr && !rc; i++) {
		const struct weir_mapping *at = (const struct weir_mapping *)mappings.at + i;
		struct weir_mapping copy;

		if (!__atomic_load_n(&at->refs, __ATOMIC_ACQUIRE))
			continue;
		memcpy(&copy, at, sizeof(copy));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (copy.key == WEIR_KEY_map_in && __atomic_load_n(&at->refs, __ATOMIC_RELAXED))
			rc = fn(ctx, &copy);
	}
	unmap_array(&mappings);
	return rc;
}
