// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What rules log, from the ring that programs write to, and what their limits, and those of
 * sessions, cost. The ring is a namespace's: it comes with the first device, or rule, and goes with
 * the last, so it is looked for again now and then.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "logged.h"
#include "track.h"

#define LOOK_NS 500000000ull

struct weir_logged {
	const struct weir_ns *ns;
	struct ring_buffer *ring;
	const struct weir_limits *limits;
	__u32 id; /* of the ring's map */
	__u64 looked_ns, start_ns;
	__u64 lost, full; /* told already */
	const struct weir_nat_state *nat;
	__u32 nat_id;
	struct weir_nat_state nat_told;
	struct weir_watch *watch;
};

static void name_of(__u32 ifindex, char name[IFNAMSIZ])
{
	if (!ifindex || !if_indextoname(ifindex, name))
		name[0] = '\0';
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct weir_logged *l = ctx;
	const struct weir_log *log = data;
	struct weir_event *e;
	char in[IFNAMSIZ], out[IFNAMSIZ];

	if (size != sizeof(*log) || log->time_ns < l->start_ns)
		return 0; /* what nobody read before */
	name_of(log->iif, in);
	name_of(log->oif, out);
	e = weir_event_add(&l->watch->events, WEIR_EVENT_logged, log->time_ns, *in ? in : out,
		log->iif ? log->iif : log->oif);
	memcpy(e->other, out, sizeof(e->other));
	e->log = *log;
	return 0;
}

static void forget(struct weir_logged *l)
{
	ring_buffer__free(l->ring);
	if (l->limits)
		munmap((void *)l->limits, sizeof(*l->limits));
	l->ring = NULL;
	l->limits = NULL;
	l->id = 0;
}

/* The limits of sessions, and what tells that they were reached. */
static const struct {
	enum weir_event_kind kind;
	size_t at;
} nat_limits[] = {
#define LIMIT(id)                                                                                  \
	{                                                                                          \
		WEIR_EVENT_##id, offsetof(struct weir_nat_state, id)                               \
	}
	LIMIT(sessions_full),
	LIMIT(mappings_full),
	LIMIT(index_full),
	LIMIT(frags_full),
	LIMIT(ports_full),
	{WEIR_EVENT_session_clashes, offsetof(struct weir_nat_state, clashes)},
#undef LIMIT
};

static void forget_nat(struct weir_logged *l)
{
	if (l->nat)
		munmap((void *)l->nat, sizeof(*l->nat));
	l->nat = NULL;
	l->nat_id = 0;
}

/* Another map holds what was counted before, too. */
static void look_at_nat(struct weir_logged *l)
{
	__cleanup_close int fd = weir_shared_map(l->ns, "nat");
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	bool first = !l->nat;
	void *at;

	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len) || info.id == l->nat_id)
		return;
	forget_nat(l);
	at = mmap(NULL, sizeof(*l->nat), PROT_READ, MAP_SHARED, fd, 0);
	l->nat = at == MAP_FAILED ? NULL : at;
	l->nat_id = l->nat ? info.id : 0;
	if (l->nat && first)
		l->nat_told = *l->nat;
}

static void look(struct weir_logged *l)
{
	__cleanup_close int fd = weir_shared_map(l->ns, "logged");
	__cleanup_close int limits = weir_shared_map(l->ns, "limits");
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	void *at;

	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len) || info.id == l->id)
		return;
	forget(l);
	at = mmap(NULL, sizeof(*l->limits), PROT_READ, MAP_SHARED, limits, 0);
	l->limits = at == MAP_FAILED ? NULL : at;
	l->ring = ring_buffer__new(fd, on_record, l, NULL);
	l->id = l->ring ? info.id : 0;
	if (l->limits) {
		l->lost = l->limits->log_lost + l->limits->log_limited;
		l->full = l->limits->full;
	}
}

struct weir_logged *weir_logged_new(const struct weir_ns *ns, struct weir_watch *watch)
{
	struct weir_logged *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->ns = ns;
	l->watch = watch;
	l->start_ns = weir_now_ns();
	if (ns) {
		look(l);
		look_at_nat(l);
	}
	return l;
}

void weir_logged_free(struct weir_logged *l)
{
	if (!l)
		return;
	forget(l);
	forget_nat(l);
	free(l);
}

int weir_logged_fd(const struct weir_logged *l)
{
	return l->ring ? ring_buffer__epoll_fd(l->ring) : -1;
}

static void tell_limit(struct weir_logged *l, enum weir_event_kind kind, __u64 now, __u64 *told)
{
	struct weir_event *e;

	if (now <= *told) { /* less: other maps, which count anew */
		*told = now;
		return;
	}
	e = weir_event_add(&l->watch->events, kind, weir_now_ns(), "", 0);
	e->count = now - *told;
	*told = now;
}

void weir_logged_take(struct weir_logged *l)
{
	__u64 now = weir_now_ns();

	if (l->ring)
		ring_buffer__consume(l->ring);
	if (now - l->looked_ns < LOOK_NS)
		return;
	l->looked_ns = now;
	if (l->limits) {
		tell_limit(l, WEIR_EVENT_log_lost, l->limits->log_lost + l->limits->log_limited,
			&l->lost);
		tell_limit(l, WEIR_EVENT_buckets_full, l->limits->full, &l->full);
	}
	for (size_t i = 0; l->nat && i < sizeof(nat_limits) / sizeof(nat_limits[0]); i++)
		tell_limit(l, nat_limits[i].kind,
			*(const __u64 *)((const char *)l->nat + nat_limits[i].at),
			(__u64 *)((char *)&l->nat_told + nat_limits[i].at));
	if (l->ns) {
		look(l);
		look_at_nat(l);
	}
}
