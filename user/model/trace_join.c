// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Verdicts of the fast plane join the packets that the kernel tells of. They come by a ring of
 * their own, and what XDP is given is often a copy, so they are joined by what is known of both: the
 * place (a device, or the other end of its wire), the time, and what no router changes of a packet.
 *
 *	c0 xmit ──wire──▶ r0: verdict ──▶ r0 gro      passed
 *	                          └──wire──▶ s0 gro   forwarded
 *
 * A verdict waits until all that is near it in time was heard of (SETTLE_NS), and is then joined to
 * the packet before it, and both to the one that begins after it. Only where there is one of each:
 * of two that look the same at the same time, none is joined, and both are told as linked. Packets
 * that look the same but come one after the other are not in doubt: each verdict lies between what
 * was sent before it and what is sent next.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernel_trace_priv.h"
#include "model/trace_ident.h"

#define WINDOW_NS 50000000ull  /* between a verdict and what is before or after it */
#define HERE_NS	  10000000ull  /* the same where nothing lies between on that CPU */
#define SETTLE_NS 250000000ull /* the window, and how late a reader may be */
#define FAST_IDS  (1ull << 32) /* of packets that begin with a verdict */

__u64 weir_traces_hold_ns(void)
{
	return WINDOW_NS + SETTLE_NS;
}

int weir_traces_keep(struct weir_traces *t, const struct weir_trace_event *event)
{
	struct weir_traced *p = weir_traced_new(t, 0), **at = &t->fast;
	int rc;

	if (!p)
		return -ENOMEM;
	p->id = FAST_IDS + p->number;
	rc = weir_traced_insert(p, event);
	if (rc) {
		weir_traced_free(p);
		return rc;
	}
	if (t->kept && t->kept->last_ns <= event->time_ns)
		at = &t->kept->next;
	while (*at && (*at)->last_ns <= event->time_ns)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	t->kept = p;
	return 0;
}

/* --- what fits what --- */

static bool is_at(const struct weir_trace_event *e, __u64 netns, __u32 ifindex)
{
	return netns && e->netns == netns && e->ifindex == ifindex;
}

/* The packet's own last event until then; -1 where it begins later. */
static int last_until(const struct weir_traced *p, __u64 time_ns)
{
	int last = -1;

	for (unsigned int i = 0; i < p->nr && p->event[i].time_ns <= time_ns; i++)
		if (!(p->event[i].flags & WEIR_TRACE_COPY))
			last = (int)i;
	return last;
}

static bool identify_at(
	const struct weir_traced *p, unsigned int at, struct weir_trace_ident *ident)
{
	while (at && !p->event[at].head_len)
		at--;
	return weir_trace_identify(&p->event[at], ident);
}

/* A sender's last words, which may come when the other end has begun. */
static bool is_parting(const struct weir_trace_event *e)
{
	return (e->flags & WEIR_TRACE_COPY) || e->what == WEIR_TRACE_WHAT_done ||
	       (e->point == WEIR_TRACE_xmit && e->what == WEIR_TRACE_WHAT_leave);
}

/* Whether anything is known of the packet's way after event @at, but at the place of verdict @v. */
static bool goes_on(const struct weir_traced *p, unsigned int at, const struct weir_trace_event *v)
{
	while (++at < p->nr && is_parting(&p->event[at]))
		;
	return at < p->nr && !(v && is_at(&p->event[at], v->netns, v->ifindex));
}

/* Sent by the other end of the wire. */
static bool came_by_wire(const struct weir_trace_event *last, const struct weir_trace_event *v)
{
	if (v->verdict.hook != WEIR_HOOK_xdp)
		return false;
	if (last->point == WEIR_TRACE_FAST)
		return last->what == WEIR_TRACE_WHAT_forward &&
		       v->netns == last->verdict.to_netns && v->ifindex == last->verdict.to_ifindex;
	return is_at(last, v->verdict.from_netns, v->verdict.from_ifindex) &&
	       (last->stage == WEIR_STAGE_xmit || last->stage == WEIR_STAGE_tx_complete);
}

/* Whether that hook has judged it there, as far back as it was nowhere else. */
static bool is_judged(
	const struct weir_traced *p, unsigned int at, const struct weir_trace_event *v)
{
	for (at++; at-- && is_at(&p->event[at], v->netns, v->ifindex);)
		if (p->event[at].point == WEIR_TRACE_FAST &&
			p->event[at].verdict.hook == v->verdict.hook)
			return true;
	return false;
}

/* Seen just before, on this CPU: generic XDP and TC come after the kernel's first look. Where XDP
 * has a copy made, it is the end of what was copied. */
static bool was_here(const struct weir_traced *p, unsigned int at, const struct weir_trace_event *v)
{
	const struct weir_trace_event *last = &p->event[at];

	if (last->cpu != v->cpu || v->time_ns - last->time_ns > HERE_NS || is_judged(p, at, v))
		return false;
	switch (v->verdict.hook) {
	case WEIR_HOOK_tc_egress:
		return last->netns == v->netns;
	case WEIR_HOOK_xdp:
		return is_at(last, v->netns, v->ifindex) &&
		       (last->point == WEIR_TRACE_netif_receive ||
			       last->point == WEIR_TRACE_consume);
	default:
		return is_at(last, v->netns, v->ifindex);
	}
}

/* Whether verdict @v may be of @p; *@since: when it was seen before that. */
static bool fits_before(const struct weir_traced *p, const struct weir_trace_event *v, __u64 *since)
{
	int at = last_until(p, v->time_ns);
	const struct weir_trace_event *last = &p->event[at < 0 ? 0 : at];
	struct weir_trace_ident a, b;
	bool wire;

	if (at < 0 || v->time_ns - last->time_ns > WINDOW_NS || last->time_ns == p->doubt_ns ||
		last->what == WEIR_TRACE_WHAT_drop)
		return false;
	wire = came_by_wire(last, v) && !goes_on(p, (unsigned int)at, v);
	if (!wire && !was_here(p, (unsigned int)at, v))
		return false;
	if (!identify_at(p, (unsigned int)at, &a) || !weir_trace_identify(v, &b) || a.key != b.key)
		return false;
	*since = last->time_ns;
	/* at that hook NAT is behind it; GRO may have made it longer */
	if (last->point != WEIR_TRACE_FAST && a.ends != b.ends)
		return false;
	return (!wire && a.len != b.len) || weir_trace_same_bytes(&a, &b);
}

static bool is_where_it_went(const struct weir_trace_event *v, const struct weir_trace_event *next)
{
	bool here = is_at(next, v->netns, v->ifindex) && next->cpu == v->cpu;

	if (v->what == WEIR_TRACE_WHAT_drop)
		return here && next->what == WEIR_TRACE_WHAT_drop;
	if (v->what != WEIR_TRACE_WHAT_forward)
		return here;
	if (next->stage == WEIR_STAGE_gro || next->stage == WEIR_STAGE_rps_backlog ||
		next->stage == WEIR_STAGE_core)
		return is_at(next, v->verdict.to_netns, v->verdict.to_ifindex);
	return is_at(next, v->netns, v->verdict.oif) && next->stage != WEIR_STAGE_tx_complete;
}

/* Whether @q may begin with what verdict @v has let go. */
static bool fits_after(const struct weir_traced *q, const struct weir_trace_event *v)
{
	const struct weir_trace_event *first = &q->event[0];
	struct weir_trace_ident a, b;

	return first->point != WEIR_TRACE_FAST && first->time_ns > v->time_ns &&
	       first->time_ns - v->time_ns <= WINDOW_NS && first->time_ns != q->doubt_ns &&
	       is_where_it_went(v, first) && weir_trace_identify(first, &a) &&
	       weir_trace_identify(v, &b) && a.key == b.key && weir_trace_same_bytes(&a, &b);
}

/* --- all that fit --- */

struct fits {
	struct weir_traced *packet[WEIR_TRACE_LINKS];
	unsigned int nr; /* may be more than are kept */
	__u64 since_ns;	 /* of the only one before; the first one after */
};

static void add_fit(struct fits *f, struct weir_traced *p)
{
	if (f->nr < WEIR_TRACE_LINKS)
		f->packet[f->nr] = p;
	f->nr++;
}

static void all_before(const struct weir_traces *t, const struct weir_trace_event *v,
	__u64 later_ns, struct fits *f)
{
	*f = (struct fits){.nr = 0};
	for (unsigned int i = 0; i < WEIR_TRACE_BUCKETS && t->nr; i++) {
		for (struct weir_traced *p = t->bucket[i]; p; p = p->next) {
			__u64 since;

			if (p->last_ns + WINDOW_NS < v->time_ns || !fits_before(p, v, &since) ||
				since <= later_ns)
				continue;
			add_fit(f, p);
			f->since_ns = since;
		}
	}
}

static void all_after(const struct weir_traces *t, const struct weir_traced *x,
	const struct weir_trace_event *v, struct fits *f)
{
	*f = (struct fits){.nr = 0};
	for (unsigned int i = 0; i < WEIR_TRACE_BUCKETS && t->nr; i++) {
		for (struct weir_traced *q = t->bucket[i]; q; q = q->next) {
			if (q == x || q->last_ns < v->time_ns || !fits_after(q, v))
				continue;
			/* the first one first */
			add_fit(f, q);
			if (f->nr > 1 && f->nr <= WEIR_TRACE_LINKS &&
				q->event[0].time_ns < f->packet[0]->event[0].time_ns) {
				f->packet[f->nr - 1] = f->packet[0];
				f->packet[0] = q;
			}
		}
	}
}

/* Whether verdict @w, which is still to be joined, looks as @v does. */
static bool is_alike(const struct weir_trace_event *v, const struct weir_trace_event *w, bool ends)
{
	struct weir_trace_ident a, b;

	return v->netns == w->netns && v->ifindex == w->ifindex &&
	       v->verdict.hook == w->verdict.hook && weir_trace_identify(v, &a) &&
	       weir_trace_identify(w, &b) && a.key == b.key && (!ends || a.ends == b.ends) &&
	       weir_trace_same_bytes(&a, &b);
}

/* A verdict soon after @v that could as well be of the packet before it, and has none of its own.
 */
static bool has_rival(const struct weir_traces *t, const struct weir_trace_event *v, __u64 since_ns)
{
	for (const struct weir_traced *c = t->fast; c; c = c->next) {
		const struct weir_trace_event *w = &c->event[0];
		struct fits own;

		if (w->time_ns > since_ns + WINDOW_NS)
			break;
		if (!is_alike(v, w, true))
			continue;
		all_before(t, w, v->time_ns, &own);
		return !own.nr;
	}
	return false;
}

/* A verdict like @v from @from to @until, of which the packet after it could as well be. */
static bool has_twin(
	const struct weir_traces *t, const struct weir_trace_event *v, __u64 from, __u64 until)
{
	for (const struct weir_traced *c = t->fast; c && c->last_ns < until; c = c->next)
		if (c->last_ns >= from && is_alike(v, &c->event[0], false))
			return true;
	return false;
}

/* Whether each of those after has a verdict of its own: between it and the one before it. */
static bool has_own(
	const struct weir_traces *t, const struct weir_trace_event *v, const struct fits *f)
{
	__u64 first = f->packet[0]->event[0].time_ns;

	if (f->nr > WEIR_TRACE_LINKS || has_twin(t, v, v->time_ns, first))
		return false;
	for (unsigned int i = 1; i < f->nr; i++)
		if (!has_twin(t, v, first, f->packet[i]->event[0].time_ns))
			return false;
	return true;
}

/* --- joining --- */

static void link_one(struct weir_traced *p, __u64 number)
{
	if (p->nr_links < WEIR_TRACE_LINKS)
		p->link[p->nr_links++] = number;
}

static void link_all(struct weir_traced *x, const struct fits *f)
{
	for (unsigned int i = 0; i < f->nr && i < WEIR_TRACE_LINKS; i++) {
		link_one(x, f->packet[i]->number);
		link_one(f->packet[i], x->number);
	}
}

static void doubt(const struct fits *f, const struct weir_trace_event *v, bool before)
{
	for (unsigned int i = 0; i < f->nr && i < WEIR_TRACE_LINKS; i++) {
		struct weir_traced *p = f->packet[i];
		int at = before ? last_until(p, v->time_ns) : 0;

		p->doubt_ns = p->event[at].time_ns;
	}
}

/* What comes after becomes the whole: its events still come by its id. */
static int absorb(struct weir_traced *q, struct weir_traced *p)
{
	struct weir_trace_event *event = q->event;
	bool ended = q->ended;
	int rc = 0;

	for (unsigned int i = 0; i < q->nr && !rc; i++)
		rc = weir_traced_insert(p, &q->event[i]);
	if (rc)
		return rc;
	q->event = p->event;
	q->nr = p->nr;
	q->room = p->room;
	q->more += p->more;
	q->number = p->number;
	q->last_ns = p->last_ns;
	q->ended = ended;
	for (unsigned int i = 0; i < p->nr_links; i++)
		link_one(q, p->link[i]);
	p->event = event;
	return 0;
}

bool weir_traces_begin(struct weir_traces *t, __u64 time_ns)
{
	__u64 window = time_ns / t->window_ns, at = window % WEIR_TRACE_WINDOWS;

	if (t->begun[at].window != window) {
		t->begun[at].window = window;
		t->begun[at].nr = 0;
	}
	return t->begun[at].nr++ < t->per_window;
}

static bool may_begin(struct weir_traces *t, const struct weir_trace_event *v)
{
	if (!(v->flags & WEIR_TRACE_BEGINS))
		return false;
	if (weir_traces_begin(t, v->time_ns))
		return true;
	t->limited++;
	return false;
}

/* The packet before verdict @c, which then has it, or @c itself where there is none; where it could
 * be several, they are in @f. */
static int join_before(
	struct weir_traces *t, struct weir_traced *c, struct weir_traced **x, struct fits *f)
{
	const struct weir_trace_event *v = &c->event[0];

	*x = c;
	all_before(t, v, 0, f);
	if (!f->nr)
		return 0;
	if (f->nr > 1 || has_rival(t, v, f->since_ns)) {
		doubt(f, v, true);
		return 0;
	}
	*x = f->packet[0];
	f->nr = 0;
	return weir_traced_insert(*x, v);
}

/* The packet that begins after it, which then is the whole, in *@whole; likewise. */
static int join_after(struct weir_traces *t, const struct weir_trace_event *v,
	struct weir_traced *x, struct weir_traced **whole, struct fits *f)
{
	int at = last_until(x, v->time_ns);

	*whole = x;
	f->nr = 0;
	if (at < 0 || goes_on(x, (unsigned int)at, NULL))
		return 0;
	all_after(t, x, v, f);
	if (!f->nr)
		return 0;
	if (!has_own(t, v, f)) {
		doubt(f, v, false);
		return 0;
	}
	*whole = f->packet[0];
	f->nr = 0;
	return absorb(*whole, x);
}

/* Joins verdict @c, and owns it. */
static int join(struct weir_traces *t, struct weir_traced *c)
{
	const struct weir_trace_event v = c->event[0];
	struct weir_traced *x, *whole = NULL;
	struct fits before, after;
	bool kept = false;
	int rc = join_before(t, c, &x, &before);

	if (!rc)
		rc = join_after(t, &v, x, &whole, &after);
	if (!rc) {
		kept = whole == c && may_begin(t, &v);
		if (kept)
			weir_traces_put(t, c);
		if (kept || whole != c) {
			link_all(whole, &before);
			link_all(whole, &after);
		}
		if (whole != x && x != c) {
			weir_traces_take(t, x);
			weir_traced_free(x);
		}
	}
	if (!kept)
		weir_traced_free(c);
	return rc;
}

int weir_traces_join(struct weir_traces *t, __u64 now_ns, bool all)
{
	int rc = 0;

	while (!rc && t->fast && (all || t->fast->last_ns + SETTLE_NS <= now_ns)) {
		struct weir_traced *c = t->fast;

		t->fast = c->next;
		if (t->kept == c)
			t->kept = NULL;
		rc = join(t, c);
	}
	return rc;
}
