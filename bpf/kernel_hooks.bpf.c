// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Stages between netfilter's chains and at traffic control: a program before the first chain of
 * each hook and one behind its last, and the same at a device's tcx hooks. They let everything
 * pass.
 */
#include "lib/kernel_rows.h"

enum { NF_PRE_ROUTING, NF_LOCAL_IN, NF_FORWARD, NF_LOCAL_OUT, NF_POST_ROUTING };
#define NF_ACCEPT 1
#define TCX_NEXT  -1

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak; /* Linux 6.2 */

/* The device that the hook is about; the namespace is one in which this was attached. */
static __always_inline bool here_of_hook(struct here *h, const struct nf_hook_state *state)
{
	const struct net_device *dev = state->hook == NF_LOCAL_OUT || state->hook == NF_POST_ROUTING
					       ? state->out
					       : state->in;

	return dev && here_of(h, state->net->net_cookie, (__u32)dev->ifindex);
}

/* In hand, for events that do not say which packet they are about. */
static __always_inline void in_hand(const struct here *h, __u64 skb)
{
	h->c->hand = skb;
	h->c->hand_index = h->index;
}

static __always_inline __u8 l4_of(const struct sk_buff *skb)
{
	__u8 l4 = 0;

	bpf_probe_read_kernel(&l4, 1,
		skb->head + skb->network_header + __builtin_offsetof(struct iphdr, protocol));
	return l4;
}

SEC("netfilter")
int weir_k_nf_first(struct bpf_nf_ctx *ctx)
{
	const struct nf_hook_state *state = ctx->state;
	const struct sk_buff *skb = ctx->skb;
	__u64 id = (__u64)skb;
	__u32 len = skb->len, left;
	struct here h;

	if (!here_of_hook(&h, state))
		return NF_ACCEPT;
	switch (state->hook) {
	case NF_PRE_ROUTING:
		count_at(&h, ip_rcv, len);
		count_at(&h, nf_prerouting, len);
		h.row->pre_first++;
		left = stage_left(id);
		/* a tcx program before our last one has ended the walk there */
		h.row->tc_ip_passed += left == WEIR_STAGE_core;
		leave(&h, id, left == WEIR_STAGE_core ? WEIR_STAGE_tc_ingress : WEIR_STAGE_ip_rcv);
		break;
	case NF_LOCAL_IN:
		count_at(&h, ip_local_deliver, len);
		count_at(&h, nf_local_in, len);
		h.row->in_first++;
		left = stage_left(id);
		leave(&h, id,
			left == WEIR_STAGE_nf_prerouting ? WEIR_STAGE_route_in
							 : WEIR_STAGE_ip_local_deliver);
		break;
	case NF_FORWARD:
		count_at(&h, ip_forward, len);
		count_at(&h, nf_forward, len);
		h.row->forward_first++;
		left = stage_left(id);
		leave(&h, id,
			left == WEIR_STAGE_nf_prerouting ? WEIR_STAGE_route_in
							 : WEIR_STAGE_ip_forward);
		break;
	case NF_LOCAL_OUT:
		bytes_at(&h, make_skb, len);
		bytes_at(&h, ip_local_out, len);
		bytes_at(&h, nf_local_out, len);
		/* what it interrupts may be counting here, too */
		__sync_fetch_and_add(&h.row->out_first, 1);
		begin(&h, id, WEIR_STAGE_ip_local_out);
		break;
	case NF_POST_ROUTING:
		bytes_at(&h, ip_output, len);
		bytes_at(&h, nf_postrouting, len);
		__sync_fetch_and_add(&h.row->post_first, 1);
		leave(&h, id, WEIR_STAGE_ip_output);
		break;
	}
	return NF_ACCEPT;
}

SEC("netfilter")
int weir_k_nf_last(struct bpf_nf_ctx *ctx)
{
	const struct nf_hook_state *state = ctx->state;
	const struct sk_buff *skb = ctx->skb;
	__u64 id = (__u64)skb;
	struct here h;
	__u8 l4;

	if (!here_of_hook(&h, state))
		return NF_ACCEPT;
	switch (state->hook) {
	case NF_PRE_ROUTING:
		h.row->pre_last++;
		leave(&h, id, WEIR_STAGE_nf_prerouting);
		in_hand(&h, id);
		break;
	case NF_LOCAL_IN:
		h.row->in_last++;
		leave(&h, id, WEIR_STAGE_nf_local_in);
		in_hand(&h, id);
		l4 = l4_of(skb);
		if (l4 == IPPROTO_UDP)
			count_at(&h, udp_rcv, skb->len);
		else if (l4 == IPPROTO_TCP)
			count_at(&h, tcp_rcv, skb->len);
		break;
	case NF_FORWARD:
		h.row->forward_last++;
		leave(&h, id, WEIR_STAGE_nf_forward);
		break;
	case NF_LOCAL_OUT:
		h.row->out_last++;
		leave(&h, id, WEIR_STAGE_nf_local_out);
		break;
	case NF_POST_ROUTING:
		h.row->post_last++;
		leave(&h, id, WEIR_STAGE_nf_postrouting);
		break;
	}
	return NF_ACCEPT;
}

/* --- traffic control --- */

static __always_inline const struct sk_buff *skb_of(struct __sk_buff *ctx)
{
	return bpf_cast_to_kern_ctx ? bpf_cast_to_kern_ctx(ctx) : NULL;
}

SEC("tcx/ingress")
int weir_k_tc_in_first(struct __sk_buff *ctx)
{
	const struct sk_buff *skb = is_observing() ? skb_of(ctx) : NULL;
	struct here h;
	__u32 left;

	if (!skb || !here_of_dev(&h, skb->dev))
		return TCX_NEXT;
	if (unlikely(h.c->leaving && h.c->leaving_head == (__u64)skb->head))
		settle_leaving(h.c); /* it has come to the other end of its wire */
	left = stage_left((__u64)skb);
	if (left == WEIR_STAGE_tc_ingress && h.index != h.c->received_index) {
		count_taken(&h, skb);
	} else if (left != WEIR_STAGE_gro && left != WEIR_STAGE_rps_backlog &&
		   !(skb->dev->xdp_prog && h.c->received)) { /* generic XDP lets a copy pass */
		count_received(&h, skb, false);
		lose(unseen);
	}
	h.c->received = NONE;
	count_at(&h, tc_ingress, ctx->len);
	h.row->tc_ip += is_ip(skb);
	leave(&h, (__u64)skb, WEIR_STAGE_core);
	return TCX_NEXT;
}

SEC("tcx/ingress")
int weir_k_tc_in_last(struct __sk_buff *ctx)
{
	const struct sk_buff *skb = is_observing() ? skb_of(ctx) : NULL;
	struct here h;

	if (skb && here_of_dev(&h, skb->dev)) {
		h.row->tc_ip_passed += is_ip(skb);
		leave(&h, (__u64)skb, WEIR_STAGE_tc_ingress);
	}
	return TCX_NEXT;
}

SEC("tcx/egress")
int weir_k_tc_out_first(struct __sk_buff *ctx)
{
	const struct sk_buff *skb = is_observing() ? skb_of(ctx) : NULL;
	struct here h;
	bool redirected;
	__u32 left;

	if (!skb || !here_of_dev(&h, skb->dev))
		return TCX_NEXT;
	left = stage_left((__u64)skb);
	redirected = is_redirected(&h, skb);
	if (redirected)
		move_leaving(&h);
	else if (unlikely(h.c->leaving))
		settle_leaving(h.c);
	else if (unlikely(h.c->moved == (__u64)skb))
		h.c->moved = 0;
	count_at(&h, tc_egress, ctx->len);
	if (redirected) {
		begin(&h, (__u64)skb, WEIR_STAGE_neigh);
	} else if (left == WEIR_STAGE_nf_postrouting) {
		count_at(&h, neigh, ctx->len);
		leave(&h, (__u64)skb, WEIR_STAGE_neigh);
	} else {
		if (is_ip(skb))
			count_past_ip(&h, skb, left);
		begin(&h, (__u64)skb, WEIR_STAGE_neigh);
	}
	return TCX_NEXT;
}

SEC("tcx/egress")
int weir_k_tc_out_last(struct __sk_buff *ctx)
{
	const struct sk_buff *skb = is_observing() ? skb_of(ctx) : NULL;
	struct here h;

	if (!skb || !here_of_dev(&h, skb->dev))
		return TCX_NEXT;
	leave(&h, (__u64)skb, WEIR_STAGE_tc_egress);
	h.c->leaving = (__u64)skb;
	h.c->leaving_index = h.index;
	h.c->leaving_ip = is_ip(skb);
	h.c->leaving_head = (__u64)skb->head;
	return TCX_NEXT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
