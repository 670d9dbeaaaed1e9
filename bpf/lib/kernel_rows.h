/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets counted at stages, and times between them. */
#ifndef WEIR_BPF_KERNEL_ROWS_H
#define WEIR_BPF_KERNEL_ROWS_H

#include "kernel_state.h"

#define CACHED	   16 /* devices that a CPU has met last */
#define XMIT_DEPTH 4  /* a driver that sends by another device */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_KDEVS_MAX);
	__type(key, struct weir_kdev_key);
	__type(value, struct weir_kdev);
} kdevs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CPUs times rows */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weir_krow);
} krows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the same */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weir_klat);
} klat SEC(".maps");

struct sending {
	__u64 skb, start_ns;
	__u32 index; /* of its row */
	__u32 _pad;
};

/* What a CPU has in hand. */
struct weir_kcpu {
	struct {
		__u64 cookie;
		__u32 ifindex, row;
	} cached[CACHED];
	struct sending sending[XMIT_DEPTH];
	__u32 depth;
	__u32 gro;	   /* index of the row of the packet that GRO looks at, plus one */
	__u64 hand;	   /* the packet that a hook was passed with last */
	__u32 hand_index;  /* its row */
	__u32 queued_more; /* that a queueing discipline gave with the next one */
	__u64 queued;	   /* the packet that a queueing discipline was given, or gave, last */
	__u64 irq_ns, raised_ns, polled_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_kcpu);
} kcpus SEC(".maps");

/* Where an event is met. */
struct here {
	__u64 now;
	__u32 cpu;
	__u32 index; /* of the row */
	struct weir_kcpu *c;
	struct weir_krow *row;
};

/* The row of a device that was not met lately; a new one where it never was. */
__checked_once __u32 row_find(__u64 cookie, __u32 ifindex)
{
	struct weir_kdev_key key = {.netns_cookie = cookie, .ifindex = ifindex};
	struct weir_kdev *known = bpf_map_lookup_elem(&kdevs, &key), fresh = {};

	if (known)
		return known->row;
	fresh.row = __sync_fetch_and_add(&kwatch.next_dev, 1);
	if (fresh.row >= kself.devs) { /* it stays so: no row is ever free again */
		__sync_fetch_and_sub(&kwatch.next_dev, 1);
		lose(devs_full);
		return WEIR_KROW_OTHER;
	}
	if (bpf_map_update_elem(&kdevs, &key, &fresh, BPF_NOEXIST)) { /* another CPU was faster */
		known = bpf_map_lookup_elem(&kdevs, &key);
		return known ? known->row : WEIR_KROW_OTHER;
	}
	return fresh.row;
}

/* False before the last observer has been attached, and as soon as the first one is to go: some
 * take long to come and go, and half of them would tell wrong times. */
static __always_inline bool is_observing(void)
{
	return *(volatile __u64 *)&kwatch.slice_ns;
}

/* Without the time, which takes a third of all that an event takes. */
static __always_inline bool here_is_untimed(struct here *h)
{
	__u32 zero = 0;

	if (!is_observing())
		return false;
	h->cpu = bpf_get_smp_processor_id();
	h->c = bpf_map_lookup_elem(&kcpus, &zero);
	return h->c && h->cpu < kself.cpus;
}

static __always_inline bool here_is(struct here *h)
{
	h->now = bpf_ktime_get_ns();
	return here_is_untimed(h);
}

static __always_inline bool here_row(struct here *h, __u32 row)
{
	h->index = h->cpu * kself.devs + row;
	h->row = bpf_map_lookup_elem(&krows, &h->index);
	return h->row;
}

/* The row of a device of a watched namespace. */
static __always_inline bool here_of_untimed(struct here *h, __u64 cookie, __u32 ifindex)
{
	__u32 at = ifindex % CACHED, row;

	if (!here_is_untimed(h))
		return false;
	if (likely(h->c->cached[at].cookie == cookie && h->c->cached[at].ifindex == ifindex)) {
		row = h->c->cached[at].row;
	} else {
		row = row_find(cookie, ifindex);
		/* one that has no row is counted each time */
		h->c->cached[at].cookie = row == WEIR_KROW_OTHER ? 0 : cookie;
		h->c->cached[at].ifindex = ifindex;
		h->c->cached[at].row = row;
	}
	return here_row(h, row);
}

static __always_inline bool here_of(struct here *h, __u64 cookie, __u32 ifindex)
{
	h->now = bpf_ktime_get_ns();
	return here_of_untimed(h, cookie, ifindex);
}

/* The same of a packet's device; false where it has none, or its namespace is not watched. */
static __always_inline bool here_of_dev(struct here *h, const struct net_device *dev)
{
	__u64 cookie;

	if (!dev)
		return false;
	cookie = cookie_of_dev(dev);
	return is_watched(cookie) && here_of(h, cookie, (__u32)dev->ifindex);
}

#define count_at(h, id, len)                                                                       \
	({                                                                                         \
		(h)->row->stage[WEIR_STAGE_##id].packets++;                                        \
		(h)->row->stage[WEIR_STAGE_##id].bytes += (len);                                   \
	})

/* An IPv4 packet that comes to a device without IP having sent it: it was received, or the driver of
 * another device has it in hand (a bridge, a macvlan, a bond). */
static __always_inline void count_past_ip(const struct here *h, __u64 skb, __u32 left)
{
	const struct weir_kcpu *c = h->c;

	if (left <= WEIR_STAGE_tc_ingress)
		h->row->past_ip++;
	else if (c->depth && c->sending[(c->depth - 1) % XMIT_DEPTH].skb == skb)
		h->row->sent_again++;
}

static __always_inline void time_at(__u32 index, __u32 stage, __u64 ns)
{
	struct weir_klat *l = bpf_map_lookup_elem(&klat, &index);
	__u32 bucket = weir_hist_bucket(ns);

	if (!l || stage >= WEIR_STAGE_COUNT || bucket >= WEIR_HIST_BUCKETS)
		return;
	l->stage[stage].samples++;
	l->stage[stage].bucket[bucket]++;
	l->total_ns[stage] += ns;
	if (unlikely(ns > l->stage[stage].max_ns))
		l->stage[stage].max_ns = ns;
}

/* The packet is met for the first time: no time counts before. */
static __always_inline void begin(const struct here *h, __u64 skb, enum weir_stage left)
{
	struct weir_kstate *s = state_at(skb);

	if (!s)
		return;
	s->skb = skb;
	s->time_ns = h->now;
	s->slice = *(volatile __u32 *)&kwatch.slice;
	s->cpu = (__u16)h->cpu;
	s->stage = (__u8)left;
	s->l4 = 0;
}

/* The packet leaves @stage: the time is that stage's. Returns its state, NULL where there was none.
 */
static __always_inline struct weir_kstate *leave(const struct here *h, __u64 skb, __u32 stage)
{
	struct weir_kstate *s = state_at(skb);

	if (!s)
		return NULL;
	if (unlikely(!state_is(s, skb))) {
		if (s->slice == *(volatile __u32 *)&kwatch.slice)
			lose(times_lost);
		begin(h, skb, stage);
		return NULL;
	}
	time_at(h->index, stage, h->now - s->time_ns);
	s->time_ns = h->now;
	s->stage = (__u8)stage;
	return s;
}

#endif
