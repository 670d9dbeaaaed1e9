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
	__u32 index;   /* of its row */
	__u32 dropped; /* by the driver, whatever it says then */
};

/* What a CPU has in hand. */
struct weir_kcpu {
	struct cached {
		__u64 cookie;
		__u64 device; /* ifindex, and above it the row; NO_DEVICE while it is written */
	} cached[CACHED];
	struct sending sending[XMIT_DEPTH];
	__u32 depth;
	__u32 gro;	   /* index of the row of the packet that GRO looks at, plus one */
	__u64 hand;	   /* the packet that a hook was passed with last */
	__u32 hand_index;  /* its row */
	__u32 queued_more; /* that a queueing discipline gave with the next one */
	__u64 queued;	   /* the packet that a queueing discipline was given, or gave, last */
	bool queued_super; /* it was given, and is a superframe */
	__u64 irq_ns, raised_ns, polled_ns;
	__u64 leaving; /* the packet that traffic control let out last, until a tracepoint tells of
			  it */
	__u32 leaving_index; /* its row */
	bool leaving_ip;
	__u64 leaving_head;
	__u64 moved; /* the same of one whose copy another device sends, until it is sent itself */
	__u32 moved_index; /* the copy's row */
	enum received {
		NONE,
		OTHER,
		IPV4
	} received; /* what has come in last, until something is dropped or another event tells of it */
	__u32 received_index; /* its row, and below its namespace; both stay */
	__u64 received_cookie;
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

#define NO_DEVICE (~0ull)

/* An interrupt may put another device into its place at any time. */
static __always_inline bool is_cached(
	const struct cached *at, __u64 cookie, __u32 ifindex, __u32 *row)
{
	__u64 device = *(const volatile __u64 *)&at->device;
	bool same = *(const volatile __u64 *)&at->cookie == cookie;

	*row = (__u32)(device >> 32);
	return same && (__u32)device == ifindex && *(const volatile __u64 *)&at->device == device;
}

static __always_inline void cache_row(struct cached *at, __u64 cookie, __u32 ifindex, __u32 row)
{
	*(volatile __u64 *)&at->device = NO_DEVICE;
	*(volatile __u64 *)&at->cookie = cookie;
	*(volatile __u64 *)&at->device = (__u64)row << 32 | ifindex;
}

/* The row of a device of a watched namespace. */
static __always_inline bool here_of_untimed(struct here *h, __u64 cookie, __u32 ifindex)
{
	__u32 at = ifindex % CACHED, row;

	if (!here_is_untimed(h))
		return false;
	if (unlikely(!is_cached(&h->c->cached[at], cookie, ifindex, &row))) {
		row = row_find(cookie, ifindex);
		/* one that has no row is counted each time */
		if (row != WEIR_KROW_OTHER)
			cache_row(&h->c->cached[at], cookie, ifindex, row);
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

/* IPv4, also behind a VLAN tag: that is taken off a moment later. */
static __always_inline bool is_ip_within(const struct sk_buff *skb)
{
	__be16 type = skb->protocol;

	if (unlikely(type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD)))
		bpf_probe_read_kernel(&type, sizeof(type), skb->data + sizeof(type));
	return type == bpf_htons(ETH_P_IP);
}

/* A packet has come in; @again: by another device of the namespace, before. */
static __always_inline void count_received(
	const struct here *h, const struct sk_buff *skb, bool again)
{
	bool ip = is_ip_within(skb);

	count_at(h, core, skb->len);
	h->row->ip_in += ip;
	h->row->in_again += ip && again;
	h->row->handled += skb->dev->rx_handler != NULL;
	h->c->received = ip ? IPV4 : OTHER;
	h->c->received_index = h->index;
	h->c->received_cookie = cookie_of_dev(skb->dev);
}

/* A macvlan has what has come in last: for the namespace of the device below, if it is another, it is out. */
static __always_inline void count_taken(const struct here *h, const struct sk_buff *skb)
{
	struct weir_krow *below = bpf_map_lookup_elem(&krows, &h->c->received_index);
	__u64 cookie = h->c->received_cookie;
	bool ip = is_ip_within(skb), same = cookie == cookie_of_dev(skb->dev);

	count_received(h, skb, same);
	if (!below)
		return;
	below->stolen += ip;
	below->taken += ip && !same;
}

/*
 * There are kernels that run no program at tracepoints while some tasks are interrupted.
 * Netfilter's and traffic control's programs run all the same: what came to them and was not told
 * of is counted there.
 */

/* What traffic control let out last and nobody has told of was sent. */
static __always_inline void settle_leaving(struct weir_kcpu *c)
{
	struct weir_krow *row = bpf_map_lookup_elem(&krows, &c->leaving_index);

	c->leaving = 0;
	if (!row)
		return;
	row->stage[WEIR_STAGE_qdisc].packets++;
	row->stage[WEIR_STAGE_xmit].packets++;
	row->stage[WEIR_STAGE_tx_complete].packets++;
	row->queued++;
	row->ip_queued += c->leaving_ip;
	row->started++;
	row->sent++;
	lose(unseen);
}

/* Whether it is what traffic control let out last, or a copy: a mirred behind our last program sends it by another
 * device, and has it. */
static __always_inline bool is_redirected(const struct here *h, const struct sk_buff *skb)
{
	const struct weir_kcpu *c = h->c;

	return c->leaving && c->leaving_index != h->index && (__u64)skb->head == c->leaving_head;
}

static __always_inline void move_leaving(struct here *h)
{
	struct weir_kcpu *c = h->c;
	struct weir_krow *row = bpf_map_lookup_elem(&krows, &c->leaving_index);

	c->moved = c->leaving;
	c->moved_index = h->index;
	c->leaving = 0;
	if (!row || !c->leaving_ip)
		return;
	row->past_ip--;
	h->row->past_ip++;
}

/* It is sent here all the same: what another device has is a copy. */
static __always_inline void move_back(struct here *h, const struct sk_buff *skb)
{
	struct weir_krow *row = bpf_map_lookup_elem(&krows, &h->c->moved_index);

	h->c->moved = 0;
	if (!row || !is_ip(skb))
		return;
	h->row->past_ip++;
	row->past_ip--;
	row->copied++;
}

/* Of a packet socket of this host. */
static __always_inline bool is_raw(const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	return sk && !skb->skb_iif && sk->__sk_common.skc_family == AF_PACKET;
}

/* Of an IPv4 packet: the kernel counts those that it makes, and they come to no hook. */
static __always_inline bool is_fragment(const struct sk_buff *skb)
{
	__be16 at = 0;

	bpf_probe_read_kernel(&at, sizeof(at),
		skb->head + skb->network_header + offsetof(struct iphdr, frag_off));
	return at & bpf_htons(0x3fff);
}

/* The device that a packet came by has let it pass traffic control, and another has it: by a mirred,
 * or netfilter's ingress (fwd, a flow table). */
static __always_inline void count_stolen(const struct sk_buff *skb)
{
	struct here in;

	if (is_ip_within(skb) &&
		here_of_untimed(&in, cookie_of_dev(skb->dev), (__u32)skb->skb_iif))
		in.row->stolen++;
}

/* An IPv4 packet that comes to a device without IP having sent it: it was received, or the driver
 * of another device has it in hand (a bridge, a macvlan, a bond), or it is a copy. */
static __always_inline void count_past_ip(
	const struct here *h, const struct sk_buff *skb, __u32 left)
{
	const struct weir_kcpu *c = h->c;

	if (is_raw(skb))
		return;
	if (left <= WEIR_STAGE_tc_ingress) {
		h->row->past_ip++;
		if (left == WEIR_STAGE_tc_ingress)
			count_stolen(skb);
	} else if (c->depth && c->sending[(c->depth - 1) % XMIT_DEPTH].skb == (__u64)skb)
		h->row->sent_again++;
	else
		h->row->copied += !is_fragment(skb);
}

#define bytes_at(h, id, len) ((h)->row->stage[WEIR_STAGE_##id].bytes += (len))

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

/* The packet is met for the first time: no time counts before. Returns its state. */
static __always_inline struct weir_kstate *begin(
	const struct here *h, __u64 skb, enum weir_stage left)
{
	struct weir_kstate *s = state_at(skb);

	if (!s)
		return NULL;
	s->skb = skb;
	s->time_ns = h->now;
	s->slice = *(volatile __u32 *)&kwatch.slice;
	s->cpu = (__u16)h->cpu;
	s->stage = (__u8)left;
	s->given = WEIR_KGIVEN_NOT;
	return s;
}

/* The packet leaves @stage: the time is that stage's. Returns its state. */
static __always_inline struct weir_kstate *leave(const struct here *h, __u64 skb, __u32 stage)
{
	struct weir_kstate *s = state_at(skb);

	if (!s)
		return NULL;
	if (unlikely(!state_is(s, skb))) {
		if (s->slice == *(volatile __u32 *)&kwatch.slice)
			lose(times_lost);
		return begin(h, skb, stage);
	}
	time_at(h->index, stage, h->now - s->time_ns);
	s->time_ns = h->now;
	s->stage = (__u8)stage;
	return s;
}

#endif
