// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Stages of the kernel's own path, by tracepoints: each event counts the packet at the stage that it
 * comes to, and gives the time since the event before to the stage that it leaves.
 *
 *	receive   napi_gro_receive | netif_rx ─▶ netif_receive_skb ─▶ tcx ─▶ netfilter (kernel_hooks)
 *	          ─▶ fib_table_lookup ─▶ netfilter ─▶ sk_data_ready ─▶ sock_recv_length
 *	send      netfilter ─▶ tcx ─▶ net_dev_queue ─▶ (qdisc_dequeue) ─▶ net_dev_start_xmit ─▶
 *	          net_dev_xmit
 */
#include "lib/kernel_rows.h"

#define NET_RX_SOFTIRQ	3
#define MSG_PEEK	2
#define E2BIG		7

enum skb_drop_reason {
	SKB_DROP_REASON_NOT_SPECIFIED = 2,
};

struct napi_struct {
	struct net_device *dev;
} __attribute__((preserve_access_index));

struct flowi_common {
	int flowic_iif;
} __attribute__((preserve_access_index));

struct flowi4 {
	struct flowi_common __fl_common;
} __attribute__((preserve_access_index));

struct fib_nh_common {
	struct net_device *nhc_dev;
} __attribute__((preserve_access_index));

struct udp_sock {
	struct sk_buff_head reader_queue;
} __attribute__((preserve_access_index));

struct tcp_sock {
	__u32 rcv_nxt, copied_seq;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_KSOCKS_MAX);
	__type(key, __u64);
	__type(value, struct weir_ksock);
} ksocks SEC(".maps");

/* --- receive --- */

SEC("tp_btf/napi_gro_receive_entry")
int weir_k_gro(__u64 *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[0];
	struct here h;

	if (!here_of_dev(&h, skb->dev))
		return 0;
	count_at(&h, gro, skb->len);
	h.c->gro = h.index + 1;
	begin(&h, (__u64)skb, WEIR_STAGE_napi_poll);
	return 0;
}

SEC("tp_btf/napi_gro_receive_exit")
int weir_k_gro_exit(__u64 *ctx)
{
	int ret = (int)ctx[0];
	__u32 zero = 0, index;
	struct weir_kcpu *c = bpf_map_lookup_elem(&kcpus, &zero);
	struct weir_krow *row;

	if (!c || !c->gro)
		return 0;
	index = c->gro - 1;
	c->gro = 0;
	row = bpf_map_lookup_elem(&krows, &index);
	if (row && (ret == 0 || ret == 1)) /* GRO_MERGED, GRO_MERGED_FREE */
		row->merged++;
	return 0;
}

SEC("tp_btf/netif_rx")
int weir_k_netif_rx(__u64 *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[0];
	struct here h;

	if (!here_of_dev(&h, skb->dev))
		return 0;
	count_at(&h, rps_backlog, skb->len);
	h.row->looped += BPF_CORE_READ_BITFIELD(skb, pkt_type) == PACKET_LOOPBACK;
	begin(&h, (__u64)skb, WEIR_STAGE_nic_rx);
	return 0;
}

SEC("tp_btf/netif_receive_skb")
int weir_k_receive(__u64 *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[0];
	const struct weir_kstate *s = state_at((__u64)skb);
	bool known, again;
	struct here h;

	if (!here_of_dev(&h, skb->dev))
		return 0;
	known = s && state_is(s, (__u64)skb);
	/* a bridge's: where it was before. What an ifb has sent comes in anew. */
	again = skb->skb_iif && !(known && s->stage >= WEIR_STAGE_qdisc);
	if (again && known && s->stage == WEIR_STAGE_tc_ingress)
		count_stolen(skb);
	count_received(&h, skb, again);
	if (known && s->stage <= WEIR_STAGE_napi_poll)
		leave(&h, (__u64)skb,
			s->stage == WEIR_STAGE_napi_poll && s->cpu == h.cpu
				? WEIR_STAGE_gro
				: WEIR_STAGE_rps_backlog);
	else
		begin(&h, (__u64)skb, WEIR_STAGE_gro);
	return 0;
}

/*
 * A generic XDP program's next: it runs at once behind the event before, maybe with a copy. What
 * the other device does not take was dropped by now.
 */
SEC("tp_btf/xdp_redirect")
int weir_k_xdp_redirect(__u64 *ctx)
{
	const struct net_device *dev = (const void *)ctx[0];
	struct here h;

	if (!dev->xdp_prog || (__u64)dev->xdp_prog != ctx[1] || !here_of_dev(&h, dev))
		return 0;
	h.row->xdp_out += h.c->received == IPV4;
	h.c->received = NONE;
	return 0;
}

/* The FIB has answered: for the packet in hand, if that waits for it, else for a sender. */
SEC("tp_btf/fib_table_lookup")
int weir_k_fib(__u64 *ctx)
{
	const struct flowi4 *fl = (const void *)ctx[1];
	const struct fib_nh_common *nh = (const void *)ctx[2];
	int error = (int)ctx[3];
	__u32 zero = 0;
	struct weir_kcpu *c = bpf_map_lookup_elem(&kcpus, &zero);
	struct here h;

	if (error || !c)
		return 0; /* another table may know */
	if (fl->__fl_common.flowic_iif != LOOPBACK) {
		if (!c->hand || stage_left(c->hand) != WEIR_STAGE_nf_prerouting || !here_is(&h))
			return 0;
		h.index = c->hand_index;
		h.row = bpf_map_lookup_elem(&krows, &h.index);
		if (!h.row)
			return 0;
		count_at(&h, route_in, 0);
		leave(&h, c->hand, WEIR_STAGE_route_in);
	} else if (nh && here_of_dev(&h, nh->nhc_dev)) {
		count_at(&h, route_out, 0);
	}
	return 0;
}

/* --- sockets --- */

/* How much is to be read before what has just come is: packets, or a sequence number. */
static __always_inline void waiting(const struct sock *sk, struct weir_ksock *w)
{
	w->tcp = sk->sk_protocol == IPPROTO_TCP;
	if (w->tcp)
		w->mark = BPF_CORE_READ((const struct tcp_sock *)sk, rcv_nxt);
	else if (sk->sk_protocol == IPPROTO_UDP)
		w->mark = sk->sk_receive_queue.qlen +
			  BPF_CORE_READ((const struct udp_sock *)sk, reader_queue.qlen);
	else
		w->mark = sk->sk_receive_queue.qlen;
}

/* Its time is not taken: most have none. */
static __always_inline bool here_of_sock(struct here *h, const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;
	__u64 cookie;

	if (family != AF_INET && family != 10 /* AF_INET6 */)
		return false;
	cookie = cookie_of_sock(sk);
	return is_watched(cookie) && here_of_untimed(h, cookie, 0);
}

SEC("tp_btf/sk_data_ready")
int weir_k_ready(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	struct weir_ksock w = {};
	__u64 key = (__u64)sk;
	struct weir_kstate *s;
	struct here h;

	if (!here_of_sock(&h, sk))
		return 0;
	h.now = bpf_ktime_get_ns();
	count_at(&h, sock_wake, 0);
	s = h.c->hand ? state_at(h.c->hand) : NULL;
	if (s && state_is(s, h.c->hand) && s->stage == WEIR_STAGE_nf_local_in) {
		struct here in = h;

		in.index = h.c->hand_index;
		leave(&in, h.c->hand,
			sk->sk_protocol == IPPROTO_TCP ? WEIR_STAGE_tcp_rcv : WEIR_STAGE_udp_rcv);
	}
	h.c->hand = 0;
	if (bpf_map_lookup_elem(&ksocks, &key))
		return 0; /* one is timed already */
	waiting(sk, &w);
	w.ready_ns = h.now;
	w.row = h.index;
	/* another CPU may have been faster */
	if (w.mark && bpf_map_update_elem(&ksocks, &key, &w, BPF_NOEXIST) == -E2BIG)
		lose(socks_full);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int weir_k_recv(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	int ret = (int)ctx[1], flags = (int)ctx[2];
	__u64 key = (__u64)sk;
	struct weir_ksock *w;
	struct here h;

	if (ret < 0 || (flags & MSG_PEEK) || !sk || !here_of_sock(&h, sk))
		return 0;
	count_at(&h, sock_recv, (__u32)ret);
	w = bpf_map_lookup_elem(&ksocks, &key);
	if (!w)
		return 0;
	if (w->tcp) {
		__u32 read = BPF_CORE_READ((const struct tcp_sock *)sk, copied_seq);

		if ((__s32)(read - (__u32)w->mark) < 0)
			return 0;
	} else if (__sync_fetch_and_sub(&w->mark, 1) > 1) {
		return 0;
	}
	time_at(h.index, WEIR_STAGE_sock_recv, bpf_ktime_get_ns() - w->ready_ns);
	bpf_map_delete_elem(&ksocks, &key);
	return 0;
}

SEC("tp_btf/sock_send_length")
int weir_k_sent(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	int ret = (int)ctx[1];
	struct here h;

	if (ret < 0 || !sk || !here_of_sock(&h, sk))
		return 0;
	count_at(&h, sock_send, (__u32)ret);
	if (sk->sk_protocol == IPPROTO_TCP)
		count_at(&h, tcp_send, (__u32)ret);
	else if (sk->sk_protocol == IPPROTO_UDP)
		count_at(&h, udp_send, (__u32)ret);
	return 0;
}

/* --- send --- */

/* A queueing discipline is given it, and may cut a superframe. */
static __always_inline void give(
	const struct here *h, const struct sk_buff *skb, struct weir_kstate *s)
{
	h->c->queued = (__u64)skb;
	h->c->queued_more = 0;
	h->c->queued_super = unlikely(is_super(skb, skb->dev));
	h->row->cut += h->c->queued_super;
	if (s)
		s->given = h->c->queued_super ? WEIR_KGIVEN_SUPERFRAME : WEIR_KGIVEN_FRAME;
}

SEC("tp_btf/net_dev_queue")
int weir_k_queue(__u64 *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[0];
	__u32 left = stage_left((__u64)skb);
	struct weir_kstate *s;
	struct here h;

	if (!here_of_dev(&h, skb->dev))
		return 0;
	count_at(&h, qdisc, skb->len);
	h.row->queued++;
	if (is_ip(skb)) {
		h.row->ip_queued++;
		h.row->raw += is_raw(skb);
	}
	if (h.c->leaving == (__u64)skb)
		h.c->leaving = 0;
	if (unlikely(h.c->moved == (__u64)skb))
		move_back(&h, skb);
	if (left == WEIR_STAGE_nf_postrouting) {
		count_at(&h, neigh, skb->len);
		s = leave(&h, (__u64)skb, WEIR_STAGE_neigh);
	} else if (left == WEIR_STAGE_neigh || left == WEIR_STAGE_tc_egress) {
		s = leave(&h, (__u64)skb, WEIR_STAGE_tc_egress);
	} else { /* ARP and others, which come to no hook; fragments */
		if (is_ip(skb))
			count_past_ip(&h, skb, left);
		s = begin(&h, (__u64)skb, WEIR_STAGE_tc_egress);
	}
	give(&h, skb, s);
	return 0;
}

/* What it drops in one piece has a reason; one whose pieces it dropped has none. */
static __always_inline bool is_by_discipline(__u32 reason)
{
	return reason > bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED);
}

/* By a classifier of clsact, behind our last program; of generic XDP; by a queueing discipline. The
 * observer of drops has seen it before. */
SEC("tp_btf/kfree_skb")
int weir_k_freed(__u64 *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[0];
	const struct weir_kstate *s = state_at((__u64)skb);
	__u32 zero = 0, at;
	struct weir_kcpu *c = bpf_map_lookup_elem(&kcpus, &zero);
	struct here h;

	if (!c)
		return 0;
	c->received = NONE;
	if (c->leaving == (__u64)skb)
		c->leaving = 0;
	if (!s || s->skb != (__u64)skb || s->slice)
		return 0;
	if (c->depth && s->stage >= WEIR_STAGE_qdisc) {
		at = (c->depth - 1) % XMIT_DEPTH;
		c->sending[at].dropped |= c->sending[at].skb == (__u64)skb;
	}
	if (s->given == WEIR_KGIVEN_SUPERFRAME && is_by_discipline((__u32)ctx[2]) &&
		is_super(skb, skb->dev) && here_of_dev(&h, skb->dev))
		h.row->cut--;
	return 0;
}

/* What a queueing discipline gives was given to it, or is a piece of a superframe, maybe at the address
 * of that. It may give it once more, where the driver had no room. */
static __always_inline void count_given(const struct here *h, const struct sk_buff *skb)
{
	struct weir_kstate *s = state_at((__u64)skb);
	__u8 given = s && state_is(s, (__u64)skb) ? s->given : WEIR_KGIVEN_NOT;

	if (likely(given == WEIR_KGIVEN_FRAME))
		return;
	if (given == WEIR_KGIVEN_NOT || !is_super(skb, skb->dev)) {
		h->row->pieces++;
		s = begin(h, (__u64)skb, WEIR_STAGE_qdisc);
		if (s)
			s->given = WEIR_KGIVEN_FRAME;
	} else if (given == WEIR_KGIVEN_SUPERFRAME) {
		h->row->cut--;
		s->given = WEIR_KGIVEN_BACK;
	}
}

SEC("tp_btf/qdisc_dequeue")
int weir_k_dequeue(__u64 *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[3];
	int packets = (int)ctx[2];
	struct here h;

	if (!skb || !here_of_dev(&h, skb->dev))
		return 0;
	h.c->queued = (__u64)skb;
	h.c->queued_more = packets > 1 ? (__u32)packets - 1 : 0;
	h.c->queued_super = false;
	count_given(&h, skb);
	if (stage_left((__u64)skb) == WEIR_STAGE_tc_egress)
		leave(&h, (__u64)skb, WEIR_STAGE_qdisc);
	return 0;
}

SEC("tp_btf/net_dev_start_xmit")
int weir_k_start(__u64 *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[0];
	struct weir_kstate *s;
	struct here h;
	__u32 at;

	if (!here_of_dev(&h, (const void *)ctx[1]))
		return 0;
	count_at(&h, xmit, skb->len);
	h.row->started++;
	/* a segment: the first one of a superframe stands for it */
	if (!h.c->queued && h.c->queued_more) {
		h.c->queued_more--;
		count_given(&h, skb);
	} else if (!h.c->queued) {
		h.row->split++;
	}
	h.c->queued = 0;
	h.row->cut -= h.c->queued_super;
	h.c->queued_super = false;
	s = state_at((__u64)skb);
	if (s && state_is(s, (__u64)skb)) {
		if (s->stage == WEIR_STAGE_tc_egress)
			leave(&h, (__u64)skb, WEIR_STAGE_qdisc);
		else if (s->stage == WEIR_STAGE_qdisc)
			leave(&h, (__u64)skb, WEIR_STAGE_tap_tx);
		s->given = WEIR_KGIVEN_NOT;
	}
	at = h.c->depth++ % XMIT_DEPTH;
	h.c->sending[at].skb = (__u64)skb;
	h.c->sending[at].start_ns = h.now;
	h.c->sending[at].index = h.index;
	h.c->sending[at].dropped = 0;
	return 0;
}

/* The packet is another's by now: what is known of it was kept. */
SEC("tp_btf/net_dev_xmit")
int weir_k_xmit(__u64 *ctx)
{
	__u32 zero = 0, at;
	struct weir_kcpu *c = bpf_map_lookup_elem(&kcpus, &zero);
	struct weir_krow *row;

	if (!c || !c->depth)
		return 0;
	at = (c->depth - 1) % XMIT_DEPTH;
	if (c->sending[at].skb != ctx[0])
		return 0;
	c->depth--;
	row = bpf_map_lookup_elem(&krows, &c->sending[at].index);
	if (!row)
		return 0;
	if (!(int)ctx[1] && !c->sending[at].dropped) {
		row->sent++;
		row->stage[WEIR_STAGE_tx_complete].packets++;
	}
	time_at(c->sending[at].index, WEIR_STAGE_xmit,
		bpf_ktime_get_ns() - c->sending[at].start_ns);
	return 0;
}

/* --- interrupts, the machine's --- */

SEC("tp_btf/irq_handler_entry")
int weir_k_irq(__u64 *ctx)
{
	struct here h;

	if (here_is(&h))
		h.c->irq_ns = h.now;
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int weir_k_irq_exit(__u64 *ctx)
{
	struct here h;

	if (!here_is(&h) || !here_row(&h, WEIR_KROW_OTHER))
		return 0;
	count_at(&h, irq, 0);
	if (h.c->irq_ns)
		time_at(h.index, WEIR_STAGE_irq, h.now - h.c->irq_ns);
	h.c->irq_ns = 0;
	return 0;
}

SEC("tp_btf/softirq_raise")
int weir_k_raise(__u64 *ctx)
{
	struct here h;

	if ((__u32)ctx[0] == NET_RX_SOFTIRQ && here_is(&h) && !h.c->raised_ns)
		h.c->raised_ns = h.now;
	return 0;
}

SEC("tp_btf/softirq_entry")
int weir_k_softirq(__u64 *ctx)
{
	struct here h;

	if ((__u32)ctx[0] != NET_RX_SOFTIRQ || !here_is(&h) || !here_row(&h, WEIR_KROW_OTHER))
		return 0;
	count_at(&h, softirq, 0);
	if (h.c->raised_ns)
		time_at(h.index, WEIR_STAGE_softirq, h.now - h.c->raised_ns);
	h.c->raised_ns = 0;
	h.c->polled_ns = h.now;
	return 0;
}

SEC("tp_btf/napi_poll")
int weir_k_poll(__u64 *ctx)
{
	int work = (int)ctx[1];
	struct here h;

	if (!here_is(&h) || !here_row(&h, WEIR_KROW_OTHER))
		return 0;
	h.row->stage[WEIR_STAGE_napi_poll].packets += work > 0 ? (__u32)work : 0;
	if (h.c->polled_ns)
		time_at(h.index, WEIR_STAGE_napi_poll, h.now - h.c->polled_ns);
	h.c->polled_ns = h.now;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
