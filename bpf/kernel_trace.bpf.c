// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Single packets on the kernel's own road, for `weir trace plane kernel`: loaded and attached while
 * one runs, and not pinned, so that all of it ends with its reader, however that ends.
 */
#include "lib/kernel_drop.h"
#include "lib/trace_follow.h"

#define POINT_SKB(point_, stage_, what_, skb_, ...)                                                \
	struct seen s = {.skb = (void *)(skb_),                                                    \
		.point = WEIR_TRACE_##point_,                                                      \
		.stage = WEIR_STAGE_##stage_,                                                      \
		.what = WEIR_TRACE_WHAT_##what_,                                                   \
		__VA_ARGS__}

/* What is on its way to a socket on this CPU, if it is followed. */
static __always_inline void delivering(const struct seen *s)
{
	struct here *h = here_now();

	if (!h)
		return;
	h->delivering = s->id ? s->head : 0;
	h->delivering_port = s->port;
	h->delivering_netns = s->netns;
}

SEC("tp_btf/napi_gro_receive_entry")
int gro_enter(__u64 *ctx)
{
	struct here *h = here_now();
	POINT_SKB(gro_enter, gro, enter, ctx[0], .begins = true, .receiving = true);

	see(&s);
	if (h)
		h->merging = s.id ? s.head : 0;
	return 0;
}

enum gro_result {
	GRO_MERGED,
	GRO_MERGED_FREE,
};

SEC("tp_btf/napi_gro_receive_exit")
int gro_leave(__u64 *ctx)
{
	struct here *h = here_now();
	int result = (int)ctx[0];
	bool merged = result == GRO_MERGED || result == GRO_MERGED_FREE;
	struct weir_trace_packet *p;
	struct work *w;
	__u64 head;

	if (!h || !h->merging)
		return 0;
	head = h->merging;
	h->merging = 0;
	p = bpf_map_lookup_elem(&packets, &head);
	/* what was not held has gone on already */
	if (!p || p->point != WEIR_TRACE_gro_enter)
		return 0;
	p->ended = merged;
	p->point = WEIR_TRACE_gro_leave;
	w = begin_known(h, p->id, p->netns, WEIR_TRACE_gro_leave, WEIR_STAGE_gro,
		merged ? WEIR_TRACE_WHAT_merge : WEIR_TRACE_WHAT_leave);
	if (w)
		send_known(w);
	return 0;
}

SEC("tp_btf/netif_rx")
int netif_rx(__u64 *ctx)
{
	POINT_SKB(netif_rx, rps_backlog, enter, ctx[0], .begins = true, .receiving = true);

	see(&s);
	return 0;
}

SEC("tp_btf/netif_receive_skb")
int netif_receive(__u64 *ctx)
{
	POINT_SKB(netif_receive, core, enter, ctx[0], .begins = true, .receiving = true);

	see(&s);
	delivering(&s);
	return 0;
}

static __always_inline __u8 stage_of_hook(__u8 hook)
{
	switch (hook) {
	case 0:
		return WEIR_STAGE_nf_prerouting;
	case 1:
		return WEIR_STAGE_nf_local_in;
	case 2:
		return WEIR_STAGE_nf_forward;
	case 3:
		return WEIR_STAGE_nf_local_out;
	}
	return WEIR_STAGE_nf_postrouting;
}

/* The first and the last at each hook of netfilter: what comes between is what its rules take. */
SEC("netfilter")
int nf_first(struct bpf_nf_ctx *ctx)
{
	const struct nf_hook_state *state = ctx->state;
	__u8 hook = state->hook;
	POINT_SKB(nf_first, nf_prerouting, enter, ctx->skb, .begins = hook == 3,
		.dev = hook >= 3 ? state->out : state->in, .netns = state->net->net_cookie);

	s.stage = stage_of_hook(hook);
	see(&s);
	return 1; /* NF_ACCEPT */
}

SEC("netfilter")
int nf_last(struct bpf_nf_ctx *ctx)
{
	const struct nf_hook_state *state = ctx->state;
	__u8 hook = state->hook;
	POINT_SKB(nf_last, nf_prerouting, leave, ctx->skb,
		.dev = hook >= 3 ? state->out : state->in, .netns = state->net->net_cookie);

	s.stage = stage_of_hook(hook);
	see(&s);
	if (hook == 1)
		delivering(&s);
	return 1;
}

SEC("tp_btf/tcp_probe")
int tcp_probe(__u64 *ctx)
{
	POINT_SKB(tcp_probe, tcp_rcv, enter, ctx[1], .sk = (void *)ctx[0], .known_only = true);

	see(&s);
	return 0;
}

SEC("tp_btf/sock_rcvqueue_full")
int rcvqueue_full(__u64 *ctx)
{
	POINT_SKB(rcvqueue_full, sock_queue, refuse, ctx[1], .sk = (void *)ctx[0],
		.known_only = true);

	see(&s);
	return 0;
}

SEC("tp_btf/udp_fail_queue_rcv_skb")
int udp_fail(__u64 *ctx)
{
	POINT_SKB(udp_fail, sock_queue, refuse, ctx[2], .sk = (void *)ctx[1], .answer = (int)ctx[0],
		.known_only = true);

	see(&s);
	return 0;
}

/* By what came to a socket's queue last, which a fast reader may have taken from there: an empty
 * queue's last is itself, and no packet. */
static __always_inline bool deliver_tail(struct sock *sk, bool tap)
{
	struct sk_buff *tail = BPF_CORE_READ(sk, sk_receive_queue.prev);
	POINT_SKB(data_ready, sock_wake, deliver, tail, .sk = sk, .ends = true, .known_only = true);

	if (tap) {
		s.stage = WEIR_STAGE_tap_rx;
		s.flags = WEIR_TRACE_COPY;
	}
	see(&s);
	return s.id != 0;
}

/* By what is on its way on this CPU, if that is its port. */
static __always_inline void deliver_known(struct here *h, struct sock *sk)
{
	struct weir_trace_packet *p;
	__u64 head = h->delivering;
	struct work *w;

	if (!head || BPF_CORE_READ(sk, __sk_common.skc_num) != h->delivering_port ||
		sock_netns(sk) != h->delivering_netns)
		return;
	p = bpf_map_lookup_elem(&packets, &head);
	if (!p || p->ended || p->netns != h->delivering_netns)
		return;
	p->ended = 1;
	w = begin_known(h, p->id, p->netns, WEIR_TRACE_data_ready, WEIR_STAGE_sock_wake,
		WEIR_TRACE_WHAT_deliver);
	if (!w)
		return;
	w->event.cgroup = sock_cgroup(sk);
	send_known(w);
}

SEC("tp_btf/sk_data_ready")
int data_ready(__u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	struct here *h = here_now();
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	bool tap = family == AF_PACKET;

	if (!h || (!tap && family != AF_INET && family != AF_INET6))
		return 0;
	if (!deliver_tail(sk, tap) && !tap)
		deliver_known(h, sk);
	if (!tap)
		h->delivering = 0;
	return 0;
}

SEC("tp_btf/skb_copy_datagram_iovec")
int copy_out(__u64 *ctx)
{
	POINT_SKB(copy_out, sock_recv, read, ctx[0], .ends = true, .known_only = true);

	see(&s);
	return 0;
}

SEC("tp_btf/net_dev_queue")
int dev_queue(__u64 *ctx)
{
	POINT_SKB(dev_queue, tc_egress, leave, ctx[0], .begins = true);

	see(&s);
	return 0;
}

SEC("tp_btf/qdisc_enqueue")
int qdisc_enqueue(__u64 *ctx)
{
	POINT_SKB(qdisc_enqueue, qdisc, enter, ctx[2], .flags = 0);

	see(&s);
	return 0;
}

SEC("tp_btf/qdisc_dequeue")
int qdisc_dequeue(__u64 *ctx)
{
	POINT_SKB(qdisc_dequeue, qdisc, leave, ctx[3], .known_only = true);

	see(&s);
	return 0;
}

/* Until net_dev_xmit, when the skb may be gone. */
SEC("tp_btf/net_dev_start_xmit")
int start_xmit(__u64 *ctx)
{
	POINT_SKB(start_xmit, xmit, enter, ctx[0], .dev = (void *)ctx[1]);
	struct here *h = here_now();
	struct sending *to;

	see(&s);
	if (!h)
		return 0;
	to = &h->sending[h->depth & (XMIT_DEPTH - 1)];
	to->skb = ctx[0];
	to->head = s.head;
	to->id = s.id;
	h->depth = (h->depth + 1) & (XMIT_DEPTH - 1);
	return 0;
}

/* The transmission that this is the end of; those that were begun above it and not ended are over,
 * too. */
static __always_inline struct sending *sent(struct here *h, __u64 skb)
{
	for (__u32 i = 1; i <= XMIT_DEPTH / 2; i++) {
		__u32 at = (h->depth - i) & (XMIT_DEPTH - 1);

		if (h->sending[at].skb == skb) {
			h->depth = at;
			return &h->sending[at];
		}
	}
	return NULL;
}

#define NETDEV_TX_BUSY 0x10

SEC("tp_btf/net_dev_xmit")
int xmit(__u64 *ctx)
{
	struct net_device *dev = (void *)ctx[2];
	struct weir_trace_packet *p;
	struct here *h = here_now();
	int answer = (int)ctx[1];
	struct sending *was;
	struct work *w;
	__u64 head;

	was = h ? sent(h, ctx[0]) : NULL;
	if (!was)
		return 0;
	was->skb = 0;
	head = was->head;
	p = was->id ? bpf_map_lookup_elem(&packets, &head) : NULL;
	if (p && p->id == was->id && p->point == WEIR_TRACE_start_xmit)
		p->point = WEIR_TRACE_xmit;
	w = begin_known(h, was->id, dev_netns(dev), WEIR_TRACE_xmit, WEIR_STAGE_xmit,
		answer == NETDEV_TX_BUSY ? WEIR_TRACE_WHAT_busy : WEIR_TRACE_WHAT_leave);
	if (!w)
		return 0;
	w->event.answer = answer;
	w->event.len = (__u32)ctx[3];
	w->event.ifindex = dev_ifindex(dev);
	dev_name(w->event.dev, dev);
	send_known(w);
	return 0;
}

/* A function of its own for its stack alone: what follows a packet leaves it little room. */
static __attribute__((noinline)) int describe_drop(__u64 *ctx, struct weir_kdrop_key *key,
	const struct sk_buff *skb, const struct sock *rx_sk, bool tells_socket)
{
	struct way way;

	*key = (struct weir_kdrop_key){.location = ctx[1], .reason = (__u32)ctx[2]};
	way_of(skb, &way);
	key->sending = !rx_sk && is_local(skb, &way);
	drop_site(ctx, key, skb, rx_sk, &way, tells_socket);
	return 0;
}

/* What is told of a drop can be read here alone, so it is before it is known whether that matters.
 */
static __always_inline int freed(__u64 *ctx, const struct sock *rx_sk, bool tells_socket)
{
	POINT_SKB(kfree, core, drop, ctx[0], .sk = (struct sock *)rx_sk, .ends = true);
	struct here *h = here_now();
	struct work *w = h ? work_take(h) : NULL;

	if (!w)
		return 0;
	describe_drop(ctx, &w->event.drop, s.skb, rx_sk, tells_socket);
	see_in(h, w, &s);
	work_give(w);
	return 0;
}

SEC("tp_btf/kfree_skb")
int kfree(__u64 *ctx)
{
	return freed(ctx, NULL, false);
}

/* Since Linux 6.11 it tells of the socket, too. */
SEC("tp_btf/kfree_skb")
int kfree_sock(__u64 *ctx)
{
	return freed(ctx, (const struct sock *)ctx[3], true);
}

SEC("tp_btf/consume_skb")
int consume(__u64 *ctx)
{
	POINT_SKB(consume, tx_complete, done, ctx[0], .ends = true, .known_only = true);

	see(&s);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
