// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Stages that tracepoints do not tell apart: how long functions of the kernel take, from their
 * entry to their return. What a sender does before local output, and how a datagram comes into a
 * socket's queue.
 *
 *	autobind ─▶ udp_sendmsg ─▶ ip_route_output_flow ─▶ ip_make_skb ─▶ (kernel_hooks)
 *
 * Packets at udp_send, tcp_send, route_out and make_skb are counted by others: here are their times
 * alone. All are of the row of the namespace, since a sender has no device yet.
 */
#include "lib/kernel_rows.h"

enum call {
	CALL_autobind,
	CALL_udp_send,
	CALL_route_out,
	CALL_make_skb,
	CALL_tcp_send,
	CALL_sock_queue,
	CALLS
};

/* What a task is doing. A softirq does it in the name of the task that it interrupted. */
struct weir_kcalls {
	struct call_state {
		__u64 what; /* an argument that no other call has meanwhile; 0 = none goes on */
		__u64 time_ns;
		__u32 slice;
		__u32 len;
	} call[CALLS];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct weir_kcalls);
} kcalls SEC(".maps");

static __always_inline struct call_state *call_of(enum call id, __u64 flags)
{
	struct weir_kcalls *calls =
		bpf_task_storage_get(&kcalls, bpf_get_current_task_btf(), NULL, flags);

	return calls ? &calls->call[id] : NULL;
}

static __always_inline bool goes_on(const struct call_state *c)
{
	return c->what && c->slice == *(volatile __u32 *)&kwatch.slice;
}

/* One that is replaced was interrupted by a softirq that does the same, or its return was not seen.
 */
static __always_inline void enter(__u64 cookie, enum call id, __u64 what, __u32 len)
{
	struct call_state *c;

	if (!is_observing() || !is_watched(cookie))
		return;
	c = call_of(id, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!c || goes_on(c))
		lose(times_lost);
	if (!c)
		return;
	c->what = what;
	c->slice = *(volatile __u32 *)&kwatch.slice;
	c->len = len;
	c->time_ns = bpf_ktime_get_ns();
}

/* The call is over: where its time counts. False where its begin was not seen. */
static __always_inline bool over(
	struct here *h, __u64 cookie, enum call id, __u64 what, struct call_state *was)
{
	__u64 now = bpf_ktime_get_ns();
	struct call_state *c = call_of(id, 0);

	if (!c || !goes_on(c) || c->what != what)
		return false;
	*was = *c;
	c->what = 0;
	h->now = now;
	return here_of_untimed(h, cookie, 0);
}

#define time_over(h, was, id) time_at((h)->index, WEIR_STAGE_##id, (h)->now - (was)->time_ns)

/* --- a port is chosen --- */

static __always_inline void chosen(const struct sock *sk, int ret)
{
	struct call_state was;
	struct here h;

	if (!over(&h, cookie_of_sock(sk), CALL_autobind, (__u64)sk, &was) || ret)
		return;
	count_at(&h, autobind, 0);
	time_over(&h, &was, autobind);
}

SEC("fentry/inet_autobind")
int weir_k_bind(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];

	enter(cookie_of_sock(sk), CALL_autobind, (__u64)sk, 0);
	return 0;
}

SEC("fexit/inet_autobind")
int weir_k_bind_end(__u64 *ctx)
{
	chosen((const void *)ctx[0], (int)ctx[1]);
	return 0;
}

/* Where the compiler has left no function above: of UDP, by bind() too. */
SEC("fentry/udp_v4_get_port")
int weir_k_port(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];

	if (!(__u16)ctx[1])
		enter(cookie_of_sock(sk), CALL_autobind, (__u64)sk, 0);
	return 0;
}

SEC("fexit/udp_v4_get_port")
int weir_k_port_end(__u64 *ctx)
{
	if (!(__u16)ctx[1])
		chosen((const void *)ctx[0], (int)ctx[2]);
	return 0;
}

/* --- sending --- */

/* The socket is asked for a route, or where it has one, its packet is made. */
static __always_inline void goes_down(const struct sock *sk)
{
	struct call_state was;
	struct here h;

	if (sk && over(&h, cookie_of_sock(sk), CALL_udp_send, (__u64)sk, &was))
		time_over(&h, &was, udp_send);
}

SEC("fentry/udp_sendmsg")
int weir_k_udp(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];

	enter(cookie_of_sock(sk), CALL_udp_send, (__u64)sk, 0);
	return 0;
}

/* Of what was refused, or put aside (UDP_CORK): no time. */
SEC("fexit/udp_sendmsg")
int weir_k_udp_end(__u64 *ctx)
{
	struct call_state *c = call_of(CALL_udp_send, 0);

	if (c)
		c->what = 0;
	return 0;
}

SEC("fentry/ip_route_output_flow")
int weir_k_out(__u64 *ctx)
{
	const struct net *net = (const void *)ctx[0];

	goes_down((const void *)ctx[2]);
	enter(net->net_cookie, CALL_route_out, ctx[1], 0);
	return 0;
}

SEC("fexit/ip_route_output_flow")
int weir_k_out_end(__u64 *ctx)
{
	const struct net *net = (const void *)ctx[0];
	struct call_state was;
	struct here h;

	if (over(&h, net->net_cookie, CALL_route_out, ctx[1], &was))
		time_over(&h, &was, route_out);
	return 0;
}

/* It has ten arguments: trampolines took six before Linux 6.6. */
SEC("fentry/ip_make_skb")
int weir_k_make(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];

	goes_down(sk);
	enter(cookie_of_sock(sk), CALL_make_skb, ctx[1], 0);
	return 0;
}

SEC("fexit/ip_make_skb")
int weir_k_make_end(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	struct call_state was;
	struct here h;

	if (over(&h, cookie_of_sock(sk), CALL_make_skb, ctx[1], &was))
		time_over(&h, &was, make_skb);
	return 0;
}

SEC("fentry/tcp_sendmsg")
int weir_k_tcp(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];

	enter(cookie_of_sock(sk), CALL_tcp_send, ctx[1], 0);
	return 0;
}

SEC("fexit/tcp_sendmsg")
int weir_k_tcp_end(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	struct call_state was;
	struct here h;

	if (over(&h, cookie_of_sock(sk), CALL_tcp_send, ctx[1], &was) && (int)ctx[3] >= 0)
		time_over(&h, &was, tcp_send);
	return 0;
}

/* --- receiving --- */

SEC("fentry/__udp_enqueue_schedule_skb")
int weir_k_enq(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	const struct sk_buff *skb = (const void *)ctx[1];

	enter(cookie_of_sock(sk), CALL_sock_queue, (__u64)skb, skb->len);
	return 0;
}

/* By now the packet may be its reader's, or gone. */
SEC("fexit/__udp_enqueue_schedule_skb")
int weir_k_enq_end(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	struct call_state was;
	struct here h;

	if (!over(&h, cookie_of_sock(sk), CALL_sock_queue, ctx[1], &was) || (int)ctx[2])
		return 0;
	count_at(&h, sock_queue, was.len);
	time_over(&h, &was, sock_queue);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
