// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Events of several CPUs come in nearly, but not quite, the order of time. A packet is handed on
 * once it has rested: shortly after its end, or when nothing more was heard of it for a second, or
 * for five where it waits on its way out: what is heard later looks like another packet's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernel_trace_priv.h"
#include "model/tables.h"

const char *const weir_trace_end_name[WEIR_TRACE_END_COUNT] = {
#define END(id) #id,
	WEIR_TRACE_ENDS(END)
#undef END
};

const char *const weir_trace_what_name[WEIR_TRACE_WHAT_COUNT] = {
#define WHAT(id) #id,
	WEIR_TRACE_WHATS(WHAT)
#undef WHAT
};

const struct weir_trace_point_info weir_trace_point_info[WEIR_TRACE_POINT_COUNT] = {
#define POINT(id, kernel, args) {kernel, args},
	WEIR_TRACE_POINTS(POINT)
#undef POINT
};

struct weir_traces *weir_traces_new(
	int (*fn)(void *ctx, const struct weir_traced *packet), void *ctx)
{
	struct weir_traces *t = calloc(1, sizeof(*t));

	if (t) {
		t->fn = fn;
		t->ctx = ctx;
		weir_trace_rate(~0U, &t->window_ns, &t->per_window);
	}
	return t;
}

void weir_traces_join_fast(struct weir_traces *t, __u32 rate)
{
	t->joins = true;
	weir_trace_rate(rate, &t->window_ns, &t->per_window);
}

__u64 weir_traces_limited(const struct weir_traces *t)
{
	return t->limited;
}

void weir_traced_free(struct weir_traced *p)
{
	free(p->event);
	free(p);
}

static void free_list(struct weir_traced *p)
{
	while (p) {
		struct weir_traced *next = p->next;

		weir_traced_free(p);
		p = next;
	}
}

void weir_traces_free(struct weir_traces *t)
{
	if (!t)
		return;
	for (unsigned int i = 0; i < WEIR_TRACE_BUCKETS; i++)
		free_list(t->bucket[i]);
	free_list(t->fast);
	free(t);
}

struct weir_traced *weir_traced_new(struct weir_traces *t, __u64 id)
{
	struct weir_traced *p = calloc(1, sizeof(*p));

	if (p) {
		p->id = id;
		p->number = ++t->numbers;
	}
	return p;
}

void weir_traces_put(struct weir_traces *t, struct weir_traced *p)
{
	struct weir_traced **at = &t->bucket[p->id % WEIR_TRACE_BUCKETS];

	p->next = *at;
	*at = p;
	t->nr++;
}

void weir_traces_take(struct weir_traces *t, struct weir_traced *p)
{
	struct weir_traced **at = &t->bucket[p->id % WEIR_TRACE_BUCKETS];

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	t->nr--;
}

static struct weir_traced *find(struct weir_traces *t, __u64 id, __u64 time_ns)
{
	struct weir_traced *p;

	for (p = t->bucket[id % WEIR_TRACE_BUCKETS]; p; p = p->next)
		if (p->id == id)
			return p;
	p = weir_traced_new(t, id);
	if (!p)
		return NULL;
	weir_traces_put(t, p);
	if (t->joins)
		weir_traces_begin(t, time_ns);
	return p;
}

static int grow(struct weir_traced *p)
{
	unsigned int room = p->room ? p->room * 2 : 4;
	struct weir_trace_event *event = realloc(p->event, room * sizeof(*event));

	if (!event)
		return -ENOMEM;
	p->event = event;
	p->room = room;
	return 0;
}

static bool is_end(const struct weir_trace_event *e)
{
	if (e->flags & WEIR_TRACE_COPY)
		return false;
	return e->what == WEIR_TRACE_WHAT_drop || e->what == WEIR_TRACE_WHAT_done ||
	       e->what == WEIR_TRACE_WHAT_read || e->what == WEIR_TRACE_WHAT_merge;
}

int weir_traced_insert(struct weir_traced *p, const struct weir_trace_event *event)
{
	unsigned int at;

	if (p->last_ns < event->time_ns)
		p->last_ns = event->time_ns;
	p->ended |= is_end(event);
	if (p->nr == WEIR_TRACED_MAX) {
		p->more++;
		return 0;
	}
	if (p->nr == p->room && grow(p))
		return -ENOMEM;
	for (at = p->nr; at && p->event[at - 1].time_ns > event->time_ns; at--)
		p->event[at] = p->event[at - 1];
	p->event[at] = *event;
	p->nr++;
	return 0;
}

int weir_traces_add(struct weir_traces *t, const struct weir_trace_event *event)
{
	struct weir_traced *p;
	int rc;

	if (event->point == WEIR_TRACE_FAST)
		return weir_traces_keep(t, event);
	p = find(t, event->id, event->time_ns);
	rc = p ? weir_traced_insert(p, event) : -ENOMEM;
	if (p && !p->nr) {
		weir_traces_take(t, p);
		weir_traced_free(p);
	}
	return rc;
}

/* Whether it is between routing and its device, where it may lie for seconds: a neighbour that
 * does not answer is asked three times, a second each; a queueing discipline may hold it back. */
static bool is_waiting(const struct weir_traced *p)
{
	for (unsigned int i = p->nr; i--;) {
		const struct weir_trace_event *e = &p->event[i];

		if (e->flags & WEIR_TRACE_COPY)
			continue;
		return e->point == WEIR_TRACE_qdisc_enqueue ||
		       (e->point == WEIR_TRACE_nf_last && e->stage == WEIR_STAGE_nf_postrouting);
	}
	return false;
}

static __u64 longest_rest(const struct weir_traced *p)
{
	if (p->ended)
		return WEIR_TRACE_REST_NS;
	return is_waiting(p) ? WEIR_TRACE_WAIT_NS : WEIR_TRACE_IDLE_NS;
}

static bool is_complete(const struct weir_traces *t, const struct weir_traced *p, __u64 now_ns)
{
	__u64 wait = longest_rest(p);

	if (t->joins && wait < weir_traces_hold_ns())
		wait = weir_traces_hold_ns();
	return now_ns > p->last_ns && now_ns - p->last_ns >= wait;
}

static int by_time(const void *a, const void *b)
{
	const struct weir_traced *p = *(struct weir_traced *const *)a,
				 *q = *(struct weir_traced *const *)b;

	if (p->event[0].time_ns != q->event[0].time_ns)
		return p->event[0].time_ns < q->event[0].time_ns ? -1 : 1;
	return p->id < q->id ? -1 : p->id > q->id;
}

/* Takes out what is complete. Returns how many are in *@list, the caller's; or -ENOMEM. */
static long collect(struct weir_traces *t, __u64 now_ns, bool all, struct weir_traced ***list)
{
	size_t nr = 0;

	*list = t->nr ? calloc(t->nr, sizeof(**list)) : NULL;
	if (!*list)
		return t->nr ? -ENOMEM : 0;
	for (unsigned int i = 0; i < WEIR_TRACE_BUCKETS; i++) {
		struct weir_traced **at = &t->bucket[i];

		while (*at) {
			struct weir_traced *p = *at;

			if (all || is_complete(t, p, now_ns)) {
				*at = p->next;
				(*list)[nr++] = p;
			} else {
				at = &p->next;
			}
		}
	}
	t->nr -= nr;
	qsort(*list, nr, sizeof(**list), by_time);
	return (long)nr;
}

int weir_traces_pass(struct weir_traces *t, __u64 now_ns, bool all)
{
	struct weir_traced **list;
	int ret = weir_traces_join(t, now_ns, all);
	long nr;

	if (ret)
		return ret;
	nr = collect(t, now_ns, all, &list);
	if (nr < 0)
		return (int)nr;
	for (long i = 0; i < nr; i++) {
		if (!ret)
			ret = t->fn(t->ctx, list[i]);
		weir_traced_free(list[i]);
	}
	free(list);
	return ret;
}

/* Whether it is what the kernel does with what the fast plane, at event @verdict, has dropped. */
static bool is_of_drop(
	const struct weir_traced *p, unsigned int verdict, const struct weir_trace_event *e)
{
	const struct weir_trace_event *v = &p->event[verdict];

	return v->point == WEIR_TRACE_FAST && v->what == WEIR_TRACE_WHAT_drop &&
	       (e->what == WEIR_TRACE_WHAT_drop || e->what == WEIR_TRACE_WHAT_done);
}

enum weir_trace_end weir_traced_end(const struct weir_traced *p, unsigned int *at)
{
	enum weir_trace_end end = WEIR_TRACE_END_seen;
	bool sent = false;

	*at = 0;
	for (unsigned int i = 0; i < p->nr; i++) {
		const struct weir_trace_event *e = &p->event[i];

		if ((e->flags & WEIR_TRACE_COPY) || (i > *at && is_of_drop(p, *at, e)))
			continue;
		*at = i;
		end = WEIR_TRACE_END_seen;
		if (e->what == WEIR_TRACE_WHAT_drop)
			end = WEIR_TRACE_END_dropped;
		else if (e->what == WEIR_TRACE_WHAT_deliver || e->what == WEIR_TRACE_WHAT_read)
			end = WEIR_TRACE_END_delivered;
		else if (e->what == WEIR_TRACE_WHAT_merge)
			end = WEIR_TRACE_END_merged;
		else if (e->what == WEIR_TRACE_WHAT_forward)
			end = WEIR_TRACE_END_forwarded;
		else if (e->what == WEIR_TRACE_WHAT_done)
			end = sent ? WEIR_TRACE_END_sent : WEIR_TRACE_END_consumed;
		else if (e->point == WEIR_TRACE_xmit && e->what == WEIR_TRACE_WHAT_leave)
			end = WEIR_TRACE_END_sent;
		sent = e->stage == WEIR_STAGE_xmit;
	}
	return end;
}

static enum weir_stage stage_before(const struct weir_traced *p, unsigned int at)
{
	enum weir_stage stage = p->event[at].stage;

	while (at--)
		if (!(p->event[at].flags & WEIR_TRACE_COPY))
			return p->event[at].stage;
	return stage;
}

enum weir_stage weir_traced_stage(const struct weir_traced *p, unsigned int at)
{
	const struct weir_trace_event *e = &p->event[at];
	enum weir_stage before = stage_before(p, at);

	if (e->point == WEIR_TRACE_FAST)
		return e->stage;
	if (e->what == WEIR_TRACE_WHAT_drop ||
		(e->what == WEIR_TRACE_WHAT_done && before != WEIR_STAGE_xmit))
		return before;
	return e->stage;
}

/* The hook of netfilter that the packet was in before event @at: entered last, and not left. */
static enum weir_khook_at hook_before(const struct weir_traced *p, unsigned int at)
{
	static const enum weir_khook_at hook[WEIR_STAGE_COUNT] = {
		[WEIR_STAGE_nf_prerouting] = WEIR_KHOOK_AT_prerouting,
		[WEIR_STAGE_nf_local_in] = WEIR_KHOOK_AT_local_in,
		[WEIR_STAGE_nf_forward] = WEIR_KHOOK_AT_forward,
		[WEIR_STAGE_nf_local_out] = WEIR_KHOOK_AT_local_out,
		[WEIR_STAGE_nf_postrouting] = WEIR_KHOOK_AT_postrouting,
	};

	while (at--) {
		const struct weir_trace_event *e = &p->event[at];

		if (e->flags & WEIR_TRACE_COPY)
			continue;
		return e->point == WEIR_TRACE_nf_first ? hook[e->stage] : WEIR_KHOOK_AT_unknown;
	}
	return WEIR_KHOOK_AT_unknown;
}

bool weir_traced_drop(const struct weir_traced *p, unsigned int at, struct weir_kernel_drop *d)
{
	enum weir_khook_at hook = hook_before(p, at);
	bool network;

	if (hook && !strcmp(d->reason, "NETFILTER_DROP")) {
		d->key.hook = (__u8)hook; /* seen, not concluded */
		d->caller[0] = '\0';
	}
	network = weir_kernel_drop_cause(d);
	if (d->stage == WEIR_STAGE_COUNT)
		d->stage = stage_before(p, at);
	return network;
}

const char *weir_traced_dev(const struct weir_traced *p, unsigned int at)
{
	const struct weir_trace_event *e = &p->event[at], *other = e;

	for (unsigned int i = 0; !e->dev[0] && i < p->nr; i++) {
		const struct weir_trace_event *o = &p->event[i];

		if (o->dev[0] && o->netns == e->netns &&
			(e->ifindex ? o->ifindex == e->ifindex : i < at))
			other = o;
	}
	return other->dev;
}

/* Which stages a point is of: all netfilter hooks are of two. */
static bool point_sees(enum weir_trace_point point, enum weir_stage stage)
{
	static const enum weir_stage of[WEIR_TRACE_POINT_COUNT] = {
		[WEIR_TRACE_gro_enter] = WEIR_STAGE_gro,
		[WEIR_TRACE_gro_leave] = WEIR_STAGE_gro,
		[WEIR_TRACE_netif_rx] = WEIR_STAGE_rps_backlog,
		[WEIR_TRACE_netif_receive] = WEIR_STAGE_core,
		[WEIR_TRACE_nf_first] = WEIR_STAGE_COUNT,
		[WEIR_TRACE_nf_last] = WEIR_STAGE_COUNT,
		[WEIR_TRACE_tcp_probe] = WEIR_STAGE_tcp_rcv,
		[WEIR_TRACE_rcvqueue_full] = WEIR_STAGE_sock_queue,
		[WEIR_TRACE_udp_fail] = WEIR_STAGE_sock_queue,
		[WEIR_TRACE_data_ready] = WEIR_STAGE_sock_wake,
		[WEIR_TRACE_copy_out] = WEIR_STAGE_sock_recv,
		[WEIR_TRACE_dev_queue] = WEIR_STAGE_tc_egress,
		[WEIR_TRACE_qdisc_enqueue] = WEIR_STAGE_qdisc,
		[WEIR_TRACE_qdisc_dequeue] = WEIR_STAGE_qdisc,
		[WEIR_TRACE_start_xmit] = WEIR_STAGE_xmit,
		[WEIR_TRACE_xmit] = WEIR_STAGE_xmit,
		[WEIR_TRACE_kfree] = WEIR_STAGE_COUNT,
		[WEIR_TRACE_consume] = WEIR_STAGE_tx_complete,
	};

	if (point == WEIR_TRACE_nf_first)
		return stage == WEIR_STAGE_nf_prerouting || stage == WEIR_STAGE_nf_local_in ||
		       stage == WEIR_STAGE_nf_forward || stage == WEIR_STAGE_nf_local_out ||
		       stage == WEIR_STAGE_nf_postrouting;
	return of[point] == stage;
}

void weir_trace_stages(__u32 points, bool seen, char *buf, size_t size)
{
	size_t used = 0;

	if (size)
		*buf = '\0';
	for (unsigned int s = 0; s < WEIR_STAGE_COUNT && used < size; s++) {
		bool any = false;

		for (unsigned int i = 0; i < WEIR_TRACE_POINT_COUNT; i++)
			any |= point_sees((enum weir_trace_point)i, (enum weir_stage)s) &&
			       !(points & 1U << i) != seen;
		if (any)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? " " : "",
				weir_stage_info[s].name);
	}
}
