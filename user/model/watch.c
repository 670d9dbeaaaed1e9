// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/watch.h"

/* --- what was seen --- */

struct link_seen {
	struct weir_seen_head head;
	struct weir_link_report is;
	bool told_recreated;
};

struct neigh_seen {
	struct weir_seen_head head;
	enum weir_neigh_state is, told; /* told: GOOD, FAILED, or NONE yet */
	bool in_use;			/* good, or it was until it failed without a probe */
	bool has_mac;
	__u8 mac[6];
};

struct address_seen {
	struct weir_seen_head head;
};

#define LIMITS(LIMIT)                                                                              \
	LIMIT(flows_full, flow_full)                                                             \
	LIMIT(answers_limited, answers_limited)                                                    \
	LIMIT(neigh_full, neigh_full)                                                              \
	LIMIT(xmit_full, xmit_LATE_XMIT_FULL.packets)                                              \
	LIMIT(qdisc_full, xmit_LATE_QDISC_DROP.packets)                                            \
	LIMIT(lost, lost)

enum {
#define LIMIT(event, counter) LIMIT_##event,
	LIMITS(LIMIT)
#undef LIMIT
		NR_LIMITS
};

struct dev_seen { /* by its map of rows: a hook of a device, as long as it is attached */
	struct weir_seen_head head;
	bool told_replaced;
	__u64 last[NR_LIMITS], untold[NR_LIMITS], told_ns[NR_LIMITS];
};

static __u64 key_of(__u32 ifindex, __u32 addr)
{
	return (__u64)ifindex << 32 | addr;
}

void weir_watch_init(struct weir_watch *w, bool stale)
{
	memset(w, 0, sizeof(*w));
	w->stale = stale;
	w->links.size = sizeof(struct link_seen);
	w->neighs.size = sizeof(struct neigh_seen);
	w->addrs.size = sizeof(struct address_seen);
	w->devs.size = sizeof(struct dev_seen);
}

void weir_watch_done(struct weir_watch *w)
{
	free(w->links.list);
	free(w->neighs.list);
	free(w->addrs.list);
	free(w->devs.list);
	weir_snapshot_done(&w->snap);
	weir_events_done(&w->events);
	memset(w, 0, sizeof(*w));
}

/* A device that is attached, by itself or, as a VLAN device, at the one below. */
struct place {
	__u32 ifindex;
	const char *name;
	bool gone;
};

/* The @i-th; false behind the last. A device comes once for each hook, side by side. */
static bool place_at(const struct weir_snapshot *snap, unsigned int i, struct place *p)
{
	if (i < snap->nr_devs) {
		const struct weir_dev_snapshot *d = &snap->devs[i];

		*p = (struct place){d->conf.ifindex, d->name, d->gone};
		return true;
	}
	i -= snap->nr_devs;
	if (i < snap->nr_vlans) {
		const struct weir_vlan_snapshot *v = &snap->vlans[i];

		*p = (struct place){v->ifindex, v->name, v->gone};
		return true;
	}
	return false;
}

/* Its name; NULL where no device of that number is attached. */
static const char *attached(const struct weir_watch *w, __u32 ifindex)
{
	struct place p;

	for (unsigned int i = 0; place_at(&w->snap, i, &p); i++)
		if (p.ifindex == ifindex && !p.gone)
			return p.name;
	return NULL;
}

/* --- links --- */

/* A device that was attached and is gone may be there again, under its name and another number. */
static void look_for_recreated(struct weir_watch *w, __u64 now_ns)
{
	struct place p;

	for (unsigned int n = 0; place_at(&w->snap, n, &p); n++) {
		for (unsigned int i = 0; p.gone && i < w->links.nr; i++) {
			struct link_seen *link = (struct link_seen *)weir_seen_at(&w->links, i);
			struct weir_event *e;

			if (link->told_recreated || strcmp(link->is.name, p.name) ||
				link->is.ifindex == p.ifindex || /* not told yet */
				attached(w, link->is.ifindex))
				continue;
			link->told_recreated = true;
			if (!w->began || !w->has_snap)
				continue;
			e = weir_event_add(
				&w->events, WEIR_EVENT_recreated, now_ns, p.name, link->is.ifindex);
			e->before = p.ifindex;
			e->now = link->is.ifindex;
		}
	}
}

static void compare_links(struct weir_watch *w, const struct weir_link_report *was,
	const struct weir_link_report *is, __u64 now_ns)
{
	bool was_up = was->up && was->carrier, is_up = is->up && is->carrier;
	struct weir_event *e;

	if (was_up != is_up) {
		e = weir_event_add(&w->events, is_up ? WEIR_EVENT_link_up : WEIR_EVENT_link_down,
			now_ns, is->name, is->ifindex);
		e->now = !is_up && is->up;
	}
	if (was->mtu != is->mtu) {
		e = weir_event_add(&w->events, WEIR_EVENT_mtu, now_ns, is->name, is->ifindex);
		e->before = was->mtu;
		e->now = is->mtu;
	}
	if (memcmp(was->mac, is->mac, sizeof(was->mac))) {
		e = weir_event_add(&w->events, WEIR_EVENT_mac, now_ns, is->name, is->ifindex);
		memcpy(e->old_mac, was->mac, sizeof(e->old_mac));
		memcpy(e->mac, is->mac, sizeof(e->mac));
	}
}

void weir_watch_link(struct weir_watch *w, const struct weir_link_report *r, __u64 now_ns)
{
	struct link_seen *link = weir_seen_find(&w->links, r->ifindex);

	if (r->removed) { /* that an attached one is gone, the snapshot tells */
		weir_seen_drop(&w->links, r->ifindex);
		return;
	}
	if (link && w->began && attached(w, r->ifindex))
		compare_links(w, &link->is, r, now_ns);
	if (!link)
		link = weir_seen_add(&w->links, r->ifindex);
	if (!link) {
		w->events.failed = true;
		return;
	}
	link->head.fresh = true;
	link->is = *r;
	look_for_recreated(w, now_ns);
}

/* --- next hops --- */

static void tell_neigh(struct weir_watch *w, enum weir_event_kind kind,
	const struct weir_neigh_report *r, const struct neigh_seen *n, __u64 now_ns)
{
	const char *dev = attached(w, r->ifindex);
	struct weir_event *e;

	if (!dev || !w->began)
		return;
	e = weir_event_add(&w->events, kind, now_ns, dev, r->ifindex);
	e->addr = r->addr;
	memcpy(e->mac, r->has_mac ? r->mac : n->mac, sizeof(e->mac));
	if (kind == WEIR_EVENT_neigh_moved)
		memcpy(e->old_mac, n->mac, sizeof(e->old_mac));
}

/* Tells what the report changes, and notes what has been told. */
static void compare_neighs(
	struct weir_watch *w, struct neigh_seen *n, const struct weir_neigh_report *r, __u64 now_ns)
{
	bool was_good = n->told == WEIR_NEIGH_GOOD;

	if (n->has_mac && r->has_mac && memcmp(n->mac, r->mac, sizeof(n->mac))) {
		tell_neigh(w, WEIR_EVENT_neigh_moved, r, n, now_ns);
		n->told = WEIR_NEIGH_GOOD;
		return;
	}
	switch (r->state) {
	case WEIR_NEIGH_GOOD:
		if (!was_good || (w->stale && n->is != WEIR_NEIGH_GOOD))
			tell_neigh(w, WEIR_EVENT_neigh_reachable, r, n, now_ns);
		n->told = WEIR_NEIGH_GOOD;
		break;
	case WEIR_NEIGH_AGED:
	case WEIR_NEIGH_PROBED:
		if (w->stale && n->is == WEIR_NEIGH_GOOD)
			tell_neigh(w, WEIR_EVENT_neigh_stale, r, n, now_ns);
		if (!w->began)
			n->told = WEIR_NEIGH_GOOD;
		break;
	case WEIR_NEIGH_FAILED:
		/* without a probe before: somebody is removing it */
		if (!w->all && (n->is == WEIR_NEIGH_GOOD || n->is == WEIR_NEIGH_AGED))
			break;
		if (n->told != WEIR_NEIGH_FAILED)
			tell_neigh(w, WEIR_EVENT_neigh_failed, r, n, now_ns);
		n->told = WEIR_NEIGH_FAILED;
		break;
	case WEIR_NEIGH_NONE:
		break;
	}
}

void weir_watch_neigh(struct weir_watch *w, const struct weir_neigh_report *r, __u64 now_ns)
{
	__u64 key = key_of(r->ifindex, r->addr);
	struct neigh_seen *n = weir_seen_find(&w->neighs, key);

	if (r->removed) {
		if (n && (w->stale || n->in_use))
			tell_neigh(w, WEIR_EVENT_neigh_removed, r, n, now_ns);
		weir_seen_drop(&w->neighs, key);
		return;
	}
	if (!n)
		n = weir_seen_add(&w->neighs, key);
	if (!n) {
		w->events.failed = true;
		return;
	}
	compare_neighs(w, n, r, now_ns);
	n->head.fresh = true;
	n->in_use = r->state == WEIR_NEIGH_GOOD ||
		    (r->state == WEIR_NEIGH_FAILED && n->is == WEIR_NEIGH_GOOD && !w->all);
	n->is = r->state;
	if (r->has_mac) { /* one that fails keeps the address it had */
		n->has_mac = true;
		memcpy(n->mac, r->mac, sizeof(n->mac));
	}
}

/* --- own addresses --- */

static void tell_address(struct weir_watch *w, enum weir_event_kind kind,
	const struct weir_address_report *r, __u64 now_ns)
{
	const char *dev = attached(w, r->ifindex);
	const struct link_seen *link = weir_seen_find(&w->links, r->ifindex);
	struct weir_event *e;

	/* what weir took for its own addresses it read at the last attach */
	if (!w->began || !w->snap.nr_devs)
		return;
	e = weir_event_add(&w->events, kind, now_ns, link ? link->is.name : "", r->ifindex);
	e->addr = r->addr;
	snprintf(e->other, sizeof(e->other), "%s", dev ? dev : w->snap.devs[0].name);
}

void weir_watch_address(struct weir_watch *w, const struct weir_address_report *r, __u64 now_ns)
{
	__u64 key = key_of(r->ifindex, r->addr);
	struct address_seen *a = weir_seen_find(&w->addrs, key);

	if (r->removed) {
		if (a)
			tell_address(w, WEIR_EVENT_address_removed, r, now_ns);
		weir_seen_drop(&w->addrs, key);
		return;
	}
	if (!a) {
		a = weir_seen_add(&w->addrs, key);
		if (!a) {
			w->events.failed = true;
			return;
		}
		tell_address(w, WEIR_EVENT_address_added, r, now_ns);
	}
	a->head.fresh = true;
}

/* --- all there is --- */

void weir_watch_begin(struct weir_watch *w)
{
	weir_seen_age(&w->links);
	weir_seen_age(&w->neighs);
	weir_seen_age(&w->addrs);
	w->all = true;
}

void weir_watch_end(struct weir_watch *w, __u64 now_ns)
{
	for (unsigned int i = w->neighs.nr; i-- > 0;) {
		const struct weir_seen_head *s = weir_seen_at(&w->neighs, i);
		struct weir_neigh_report r = {
			.ifindex = (__u32)(s->key >> 32), .addr = (__u32)s->key, .removed = true};

		if (!s->fresh)
			weir_watch_neigh(w, &r, now_ns);
	}
	for (unsigned int i = w->addrs.nr; i-- > 0;) {
		const struct weir_seen_head *s = weir_seen_at(&w->addrs, i);
		struct weir_address_report r = {
			.ifindex = (__u32)(s->key >> 32), .addr = (__u32)s->key, .removed = true};

		if (!s->fresh)
			weir_watch_address(w, &r, now_ns);
	}
	for (unsigned int i = w->links.nr; i-- > 0;)
		if (!weir_seen_at(&w->links, i)->fresh)
			weir_seen_drop(&w->links, weir_seen_at(&w->links, i)->key);
	w->began = true;
	w->all = false;
}

/* --- limits --- */

static void read_limits(const struct weir_dev_snapshot *dev, __u64 value[NR_LIMITS])
{
#define LIMIT(event, counter) value[LIMIT_##event] = dev->total.counter;
	LIMITS(LIMIT)
#undef LIMIT
}

static void tell_limit(struct weir_watch *w, struct dev_seen *l, unsigned int i,
	const struct weir_dev_snapshot *dev, __u64 now_ns)
{
	static const enum weir_event_kind kind[NR_LIMITS] = {
#define LIMIT(event, counter) [LIMIT_##event] = WEIR_EVENT_##event,
		LIMITS(LIMIT)
#undef LIMIT
	};

	weir_event_add(&w->events, kind[i], now_ns, dev->name, dev->conf.ifindex)->count =
		l->untold[i];
	l->untold[i] = 0;
	l->told_ns[i] = now_ns;
}

static void follow_limits(
	struct weir_watch *w, const struct weir_dev_snapshot *dev, __u64 now_ns, bool first)
{
	struct dev_seen *l = weir_seen_find(&w->devs, dev->rows_map_id);
	__u64 value[NR_LIMITS];

	read_limits(dev, value);
	if (!l) {
		l = weir_seen_add(&w->devs, dev->rows_map_id);
		if (!l) {
			w->events.failed = true;
			return;
		}
		if (first) { /* what was before we looked */
			memcpy(l->last, value, sizeof(value));
			l->told_replaced = dev->detached;
		}
	}
	for (unsigned int i = 0; i < NR_LIMITS; i++) {
		if (value[i] > l->last[i])
			l->untold[i] += value[i] - l->last[i];
		l->last[i] = value[i];
		if (l->untold[i] &&
			(!l->told_ns[i] || now_ns - l->told_ns[i] >= WEIR_WATCH_LIMIT_NS))
			tell_limit(w, l, i, dev, now_ns);
	}
}

static void flush_dev(struct weir_watch *w, const struct weir_dev_snapshot *dev, __u64 now_ns)
{
	struct dev_seen *l = weir_seen_find(&w->devs, dev->rows_map_id);

	for (unsigned int i = 0; l && i < NR_LIMITS; i++)
		if (l->untold[i])
			tell_limit(w, l, i, dev, now_ns);
}

void weir_watch_flush(struct weir_watch *w, __u64 now_ns)
{
	for (unsigned int d = 0; d < w->snap.nr_devs; d++)
		flush_dev(w, &w->snap.devs[d], now_ns);
}

/* --- snapshots --- */

/* By its counters: attached anew it has others, and each of its hooks has its own. */
static const struct weir_dev_snapshot *same_dev(
	const struct weir_snapshot *snap, const struct weir_dev_snapshot *dev)
{
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (snap->devs[i].rows_map_id == dev->rows_map_id)
			return &snap->devs[i];
	return NULL;
}

static void tell_dev(struct weir_watch *w, enum weir_event_kind kind, __u64 now_ns,
	const struct weir_dev_snapshot *dev, __u32 before, __u32 now)
{
	struct weir_event *e =
		weir_event_add(&w->events, kind, now_ns, dev->name, dev->conf.ifindex);

	e->hook = dev->hook;
	e->before = before;
	e->now = now;
}

/*
 * A program that is not on its hook may be on its way in or out, by a weir that is not done: it is
 * told to be replaced when the next reading says so, too.
 */
static void compare_devs(struct weir_watch *w, const struct weir_dev_snapshot *was,
	const struct weir_dev_snapshot *is, __u64 now_ns)
{
	struct dev_seen *d = weir_seen_find(&w->devs, is->rows_map_id);

	if (!was || !d) {
		tell_dev(w, WEIR_EVENT_attached, now_ns, is, 0, is->prog_id);
	} else if (!is->gone && is->detached) {
		if (was->detached && !d->told_replaced)
			tell_dev(w, WEIR_EVENT_replaced, now_ns, is, was->prog_id, 0);
		d->told_replaced = was->detached;
	} else if (!is->gone) {
		if (d->told_replaced || was->prog_id != is->prog_id)
			tell_dev(w, WEIR_EVENT_reloaded, now_ns, is, was->prog_id, is->prog_id);
		d->told_replaced = false;
	}
}

static bool is_gone(const struct weir_snapshot *snap, __u32 ifindex)
{
	struct place p;

	for (unsigned int i = 0; place_at(snap, i, &p); i++)
		if (p.ifindex == ifindex)
			return p.gone;
	return false;
}

/* Once a device, however many hooks it was attached by. */
static void tell_gone(
	struct weir_watch *w, const struct weir_snapshot *was, const struct weir_snapshot *is)
{
	struct place p, before = {};

	for (unsigned int i = 0; place_at(is, i, &p); before = p, i++)
		if (p.gone && p.ifindex != before.ifindex && !is_gone(was, p.ifindex))
			weir_event_add(&w->events, WEIR_EVENT_gone, is->time_ns, p.name, p.ifindex)
				->before = p.ifindex;
}

/* VLAN devices in @in that are not in @of. */
static void tell_vlans(struct weir_watch *w, enum weir_event_kind kind, __u64 now_ns,
	const struct weir_snapshot *in, const struct weir_snapshot *of)
{
	for (unsigned int i = 0; i < in->nr_vlans; i++) {
		const struct weir_vlan_snapshot *v = &in->vlans[i];
		struct weir_event *e;
		bool found = false;

		for (unsigned int j = 0; j < of->nr_vlans; j++)
			found = found || of->vlans[j].ifindex == v->ifindex;
		if (found)
			continue;
		e = weir_event_add(&w->events, kind, now_ns, v->name, v->ifindex);
		for (unsigned int j = 0; j < in->nr_devs; j++)
			if (in->devs[j].conf.ifindex == v->on)
				memcpy(e->other, in->devs[j].name, sizeof(e->other));
	}
}

/* Devices, however many hooks each is attached by; they are sorted by name. */
static unsigned int count_devs(const struct weir_snapshot *snap)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < snap->nr_devs; i++)
		nr += !i || snap->devs[i].conf.ifindex != snap->devs[i - 1].conf.ifindex;
	return nr;
}

static void compare_snapshots(
	struct weir_watch *w, const struct weir_snapshot *was, const struct weir_snapshot *is)
{
	struct weir_event *e;

	for (unsigned int i = 0; i < was->nr_devs; i++)
		if (!same_dev(is, &was->devs[i])) {
			flush_dev(w, &was->devs[i], is->time_ns);
			tell_dev(w, WEIR_EVENT_detached, is->time_ns, &was->devs[i],
				was->devs[i].prog_id, 0);
		}
	for (unsigned int i = 0; i < is->nr_devs; i++)
		compare_devs(w, same_dev(was, &is->devs[i]), &is->devs[i], is->time_ns);
	tell_vlans(w, WEIR_EVENT_vlan_detached, is->time_ns, was, is);
	tell_vlans(w, WEIR_EVENT_vlan_attached, is->time_ns, is, was);
	tell_gone(w, was, is);
	/* with the last device detached goes the setting; that is told already */
	if (was->sample_every != is->sample_every && is->nr_devs) {
		e = weir_event_add(&w->events, WEIR_EVENT_sampling, is->time_ns, "", 0);
		e->before = was->sample_every;
		e->now = is->sample_every;
	}
	if (count_devs(was) < WEIR_DEV_MAX && count_devs(is) >= WEIR_DEV_MAX)
		weir_event_add(&w->events, WEIR_EVENT_devices_full, is->time_ns, "", 0)->count =
			WEIR_DEV_MAX;
}

/* What is kept of devices that are no longer attached. */
static void forget_devs(struct weir_watch *w)
{
	for (unsigned int i = w->devs.nr; i-- > 0;) {
		struct weir_dev_snapshot dev = {
			.rows_map_id = (__u32)weir_seen_at(&w->devs, i)->key};

		if (!same_dev(&w->snap, &dev))
			weir_seen_drop(&w->devs, weir_seen_at(&w->devs, i)->key);
	}
}

void weir_watch_snapshot(struct weir_watch *w, struct weir_snapshot *snap)
{
	__u64 now_ns = snap->time_ns;

	if (w->has_snap)
		compare_snapshots(w, &w->snap, snap);
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		follow_limits(w, &snap->devs[i], now_ns, !w->has_snap);
	weir_snapshot_done(&w->snap);
	w->snap = *snap;
	memset(snap, 0, sizeof(*snap));
	forget_devs(w);
	look_for_recreated(w, now_ns);
	w->has_snap = true;
}
