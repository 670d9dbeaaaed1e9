/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Following packets. A packet is what lies at an address of memory (skb->head), which clones share
 * and NAT keeps; where the kernel has moved it (pskb_expand_head) it is found by its skb. Addresses
 * are used again, and not every free is told of. So where a packet may begin, one that is known
 * goes on only if it is still the packet that it was: by what no router changes, in the same
 * namespace or on the way from a device into another, and within a second. Inside of a transmission
 * (a tunnel's, a VLAN's) it goes on whatever it has become.
 */
#ifndef WEIR_BPF_TRACE_FOLLOW_H
#define WEIR_BPF_TRACE_FOLLOW_H

#include "trace_skb.h"

#define CONTINUES_NS 1000000000ull
#define ROOMS	     4	/* task, softirq, hard interrupt, and one to spare */
#define XMIT_DEPTH   16 /* devices on top of each other, in those */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WEIR_TRACE_RING);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_TRACE_PACKETS);
	__type(key, __u64); /* skb->head */
	__type(value, struct weir_trace_packet);
} packets SEC(".maps");

/* Packets that match and are not followed, over the rate or for want of room: known, so that each
 * is counted once and none begins in the middle of its way. Their id is 0. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WEIR_TRACE_PACKETS);
	__type(key, __u64); /* skb->head */
	__type(value, struct weir_trace_packet);
} refused SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_TRACE_PACKETS);
	__type(key, __u64);   /* skb */
	__type(value, __u64); /* its head when it was last seen */
} heads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_TRACE_NETNS);
	__type(key, __u64); /* cookie */
	__type(value, __u8);
} watched SEC(".maps");

/* Room to work in: programs interrupt each other. */
struct work {
	__u32 taken;
	__u32 pad;
	struct look look;
	struct weir_trace_event event;
};

/* A packet being handed to a driver, on this CPU. */
struct sending {
	__u64 skb, head, id;
};

struct here {
	struct work work[ROOMS];
	struct sending sending[XMIT_DEPTH];
	__u32 depth;
	__u32 delivering_port; /* and its port */
	__u64 delivering; /* head of what is on its way to a socket; 0 = nothing that is followed */
	__u64 delivering_netns;
	__u64 merging; /* head of what GRO has in hand */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct here);
} here SEC(".maps");

const volatile struct weir_trace_conf conf SEC(".rodata.conf") = {};

struct weir_trace_counts counts SEC(".bss.counts") = {};

/* What a program has seen. */
struct seen {
	struct sk_buff *skb;
	struct net_device *dev; /* NULL: skb's */
	struct sock *sk;	/* NULL: skb's */
	__u64 netns;		/* 0: the device's, or the socket's */
	__s32 answer;
	__u8 point, stage, what, flags;
	bool begins;	/* a packet may begin here and be another one at an old address */
	bool receiving; /* data is at the network header */
	bool ends;
	bool known_only; /* no packet begins here */
	bool shared;	 /* others hold the same data */

	/* the answer, with dev, sk and netns as they were found */
	__u32 ifindex;
	__u32 port;	/* that it goes to */
	__u64 id, head; /* of the packet; 0: it is not followed */
	__u64 now;
};

static __always_inline struct here *here_now(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&here, &zero);
}

static __always_inline struct work *work_take(struct here *h)
{
	for (__u32 i = 0; i < ROOMS; i++)
		if (!__sync_lock_test_and_set(&h->work[i].taken, 1))
			return &h->work[i];
	__sync_fetch_and_add(&counts.busy, 1);
	return NULL;
}

static __always_inline void work_give(struct work *w)
{
	*(volatile __u32 *)&w->taken = 0;
}

static __always_inline bool is_watched(__u64 netns)
{
	return conf.all || (netns && bpf_map_lookup_elem(&watched, &netns));
}

/* Whether the rate allows another packet. */
static __always_inline bool rate_allows(__u64 now)
{
	__u64 window = now / conf.window_ns;

	if (counts.window != window) {
		counts.window = window;
		counts.window_nr = 0;
	}
	return __sync_fetch_and_add(&counts.window_nr, 1) < conf.per_window;
}

/* Whether the driver of a device below this one's is being handed this very skb, as the packet that
 * is known as @id: another may have had the skb, or its memory, before. */
static __always_inline bool is_sending(const struct here *h, __u64 skb, __u64 id)
{
	const struct sending *top = &h->sending[(h->depth - 1) & (XMIT_DEPTH - 1)];

	return h->depth && top->skb == skb && top->id == id;
}

/* Where it is. */
__checked_once int place(struct seen *s)
{
	struct sk_buff *skb;

	if (!s)
		return 0;
	skb = s->skb;
	if (!s->dev)
		s->dev = BPF_CORE_READ(skb, dev);
	if (!s->sk)
		s->sk = BPF_CORE_READ(skb, sk);
	if (!s->netns)
		s->netns = dev_netns(s->dev);
	if (!s->netns)
		s->netns = sock_netns(s->sk);
	s->ifindex = dev_ifindex(s->dev);
	s->head = head_of(skb);
	s->shared = s->ends && is_shared(skb);
	s->now = bpf_ktime_get_ns();
	return 0;
}

static __always_inline bool is_in_gro(const struct weir_trace_packet *p)
{
	return p->point == WEIR_TRACE_gro_enter || p->point == WEIR_TRACE_gro_leave;
}

/* Whether a packet that may begin here is, by what no router changes, not the one that was known by
 * this address. */
static __always_inline bool is_other(const struct here *h, const struct weir_trace_packet *p,
	const struct seen *s, const struct look *l)
{
	if (!s->begins || is_sending(h, (__u64)s->skb, p->id))
		return false;
	return p->mark != l->mark || (p->len != l->len && !is_in_gro(p));
}

/* Whether what comes by here is still the packet that was known by this address. */
static __always_inline bool goes_on(const struct here *h, const struct weir_trace_packet *p,
	const struct seen *s, const struct look *l)
{
	bool wire = is_in_gro(p) || p->point == WEIR_TRACE_start_xmit ||
		    p->point == WEIR_TRACE_netif_rx;

	if (p->ended)
		return false;
	if (!s->begins || is_sending(h, (__u64)s->skb, p->id))
		return true;
	if (s->now - p->time_ns > CONTINUES_NS || is_other(h, p, s, l))
		return false;
	return p->netns == s->netns || (s->receiving && wire);
}

/* The packet of an skb whose memory was moved, put under its new address. */
__checked_once int move(struct here *h, struct seen *s, struct look *l)
{
	struct weir_trace_packet *p;
	__u64 skb, head, now, *old;

	if (!h || !s || !l)
		return 0;
	skb = (__u64)s->skb;
	old = bpf_map_lookup_elem(&heads, &skb);
	if (!old || *old == s->head)
		return 0;
	head = *old;
	p = bpf_map_lookup_elem(&packets, &head);
	if (!p || p->ended || p->skb != skb || (p->mark != l->mark && !is_sending(h, skb, p->id)))
		return 0;
	now = s->head;
	if (bpf_map_update_elem(&packets, &now, p, BPF_ANY))
		return 0;
	bpf_map_delete_elem(&packets, &head);
	bpf_map_update_elem(&heads, &skb, &now, BPF_ANY);
	return 1;
}

static __always_inline bool is_refusing(void)
{
	return counts.limited + counts.full != 0;
}

static __always_inline int refuse(const struct seen *s, struct weir_trace_packet *p, __u64 *count)
{
	__u64 head = s->head;

	__sync_fetch_and_add(count, 1);
	p->id = 0;
	bpf_map_delete_elem(&packets, &head); /* what ended there */
	return !bpf_map_update_elem(&refused, &head, p, BPF_ANY);
}

static __always_inline struct weir_trace_packet *known(const struct seen *s)
{
	__u64 head = s->head; /* Linux 6.1 takes keys from the stack alone */
	struct weir_trace_packet *p = bpf_map_lookup_elem(&packets, &head);

	if (!p && is_refusing())
		p = bpf_map_lookup_elem(&refused, &head);
	return p;
}

/* A packet begins, if it matches; it is known then, be it to be followed or refused. */
__checked_once int begin(struct seen *s, struct look *l)
{
	struct weir_trace_packet p = {};
	__u64 head;

	if (!s || !l || s->known_only)
		return 0;
	if (conf.ifindex && (s->ifindex != conf.ifindex || s->netns != conf.own_netns))
		return 0;
	if (!expr_matches(&l->run, l->raw ? WEIR_EXPR_RAW : WEIR_EXPR_FRAME)) {
		if (l->run.blind)
			counts.blind = 1;
		return 0;
	}
	p.skb = (__u64)s->skb;
	head = s->head;
	if (!rate_allows(s->now))
		return refuse(s, &p, &counts.limited);
	p.id = __sync_fetch_and_add(&counts.next_id, 1) + 1;
	if (bpf_map_update_elem(&packets, &head, &p, BPF_ANY))
		return refuse(s, &p, &counts.full);
	if (is_refusing())
		bpf_map_delete_elem(&refused, &head);
	bpf_map_update_elem(&heads, &p.skb, &head, BPF_ANY);
	__sync_fetch_and_add(&counts.begun, 1);
	return 1;
}

static __always_inline void send(struct weir_trace_event *e)
{
	__u32 n = e->head_len;

	e->cpu = (__u16)bpf_get_smp_processor_id();
	if (n > WEIR_TRACE_HEAD)
		return;
	barrier_var(n);
	if (bpf_ringbuf_output(
		    &events, e, __builtin_offsetof(struct weir_trace_event, head) + (n & 255), 0))
		__sync_fetch_and_add(&counts.lost, 1);
}

/* The head is told of once, and again when it has changed in what a reader looks for. */
static __always_inline void put_head(
	struct weir_trace_event *e, const struct look *l, const struct weir_trace_packet *p)
{
	e->head_len = 0;
	e->frame_len = l->run.wirelen;
	e->flags |= l->raw ? WEIR_TRACE_RAW : 0;
	if (p->time_ns && p->ends == l->ends && p->raw == l->raw)
		return;
	e->head_len = (__u16)(l->run.caplen > WEIR_TRACE_HEAD ? WEIR_TRACE_HEAD : l->run.caplen);
	__builtin_memcpy(e->head, l->run.bytes, WEIR_TRACE_HEAD);
}

__checked_once int tell(struct work *w, struct seen *s)
{
	struct weir_trace_event *e;
	struct sk_buff *skb;

	if (!w || !s)
		return 0;
	e = &w->event;
	skb = s->skb;
	e->time_ns = s->now;
	e->id = s->id;
	e->netns = s->netns;
	e->cgroup = sock_cgroup(s->sk);
	e->answer = s->answer;
	e->len = BPF_CORE_READ(skb, len);
	e->mark = BPF_CORE_READ(skb, mark);
	e->protocol = bpf_ntohs(BPF_CORE_READ(skb, protocol));
	e->point = s->point;
	e->stage = s->stage;
	e->what = s->what;
	e->ifindex = s->ifindex;
	e->dev[0] = 0;
	if (e->ifindex)
		dev_name(e->dev, s->dev);
	else
		e->ifindex = (__u32)BPF_CORE_READ(skb, skb_iif);
	send(e);
	return 0;
}

/* What becomes of the entry: it is where it was seen last, or ended. */
static __always_inline void settle(
	struct weir_trace_packet *p, struct seen *s, const struct look *l)
{
	p->time_ns = s->now;
	if (s->flags & WEIR_TRACE_COPY)
		return;
	p->netns = s->netns;
	p->point = s->point;
	p->raw = l->raw;
	p->ends = l->ends;
	p->mark = l->mark;
	p->len = l->len;
	p->ended = s->ends;
	if (p->id && p->skb != (__u64)s->skb) {
		__u64 old = p->skb, skb = (__u64)s->skb, head = s->head, *of_old;

		of_old = bpf_map_lookup_elem(&heads, &old);
		if (of_old && *of_old == head) /* else another packet has that skb by now */
			bpf_map_delete_elem(&heads, &old);
		p->skb = skb;
		bpf_map_update_elem(&heads, &skb, &head, BPF_ANY);
	}
}

static __always_inline void forget(const struct seen *s)
{
	__u64 head = s->head, skb = (__u64)s->skb;

	if (s->id)
		bpf_map_delete_elem(&packets, &head);
	else
		bpf_map_delete_elem(&refused, &head);
	bpf_map_delete_elem(&heads, &skb);
}

/* A packet whose memory was moved is known by its skb. */
static __always_inline bool is_by_skb(const struct seen *s)
{
	__u64 skb = (__u64)s->skb;

	return bpf_map_lookup_elem(&heads, &skb) != NULL;
}

/* The body of see(), with room to work in. */
__checked_once int see_in(struct here *h, struct work *w, struct seen *s)
{
	struct weir_trace_packet *p;
	bool seen_here;

	if (!h || !w || !s)
		return 0;
	place(s);
	p = known(s);
	if (p && !s->netns)
		s->netns = p->netns; /* what is freed has no device any more */
	seen_here = is_watched(s->netns);
	if (!p && (s->known_only || !seen_here) && !is_by_skb(s))
		return 0;
	if (!look_at((__u64)s->skb, &w->look, s->receiving))
		return 0;
	if (p && p->mark != w->look.mark && move(h, s, &w->look))
		p = known(s); /* its memory was moved to where the packet known there had been */
	else if (!p || !goes_on(h, p, s, &w->look)) {
		if (!move(h, s, &w->look) && (!seen_here || !begin(s, &w->look))) {
			/* else the points that follow would take it for the old one */
			if (p && is_other(h, p, s, &w->look))
				p->ended = 1;
			return 0;
		}
		p = known(s);
	}
	if (!p)
		return 0;
	s->id = p->id;
	s->port = w->look.dport;
	if (s->shared && p->skb != (__u64)s->skb)
		s->flags |= WEIR_TRACE_COPY;
	if (seen_here && p->id) {
		w->event.flags = s->flags;
		put_head(&w->event, &w->look, p);
		tell(w, s);
	}
	settle(p, s, &w->look);
	if (s->ends && !s->shared && s->point != WEIR_TRACE_data_ready &&
		s->point != WEIR_TRACE_copy_out)
		forget(s);
	return 0;
}

static __always_inline void see(struct seen *s)
{
	struct here *h = here_now();
	struct work *w;

	if (!h || !s->skb)
		return;
	w = work_take(h);
	if (!w)
		return;
	see_in(h, w, s);
	work_give(w);
}

/* An event of a packet whose skb may be gone: room for it, to be filled further and sent; NULL:
 * there is none. */
static __always_inline struct work *begin_known(
	struct here *h, __u64 id, __u64 netns, __u8 point, __u8 stage, __u8 what)
{
	struct work *w = id && is_watched(netns) ? work_take(h) : NULL;

	if (!w)
		return NULL;
	__builtin_memset(&w->event, 0, __builtin_offsetof(struct weir_trace_event, head));
	w->event.time_ns = bpf_ktime_get_ns();
	w->event.id = id;
	w->event.netns = netns;
	w->event.point = point;
	w->event.stage = stage;
	w->event.what = what;
	return w;
}

static __always_inline void send_known(struct work *w)
{
	send(&w->event);
	work_give(w);
}

#endif
