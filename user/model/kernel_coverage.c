// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "model/kernel_coverage.h"

const struct weir_ktrace_info weir_ktrace_info[WEIR_KTRACE_COUNT] = {
#define TRACE(id, since) {#id, since},
	WEIR_KTRACES(TRACE)
#undef TRACE
};

static const char *const hook_need[WEIR_KHOOK_COUNT] = {
#define HOOK(id, need) need,
	WEIR_KHOOKS(HOOK)
#undef HOOK
};

enum kind { KIND_TRACE, KIND_HOOK, KIND_COUNTER };

struct way {
	enum weir_stage stage;
	enum kind kind;
	unsigned int id;
	const char *what; /* of a hook: what hangs there */
};

#define T(stage, id)                                                                               \
	{                                                                                          \
		WEIR_STAGE_##stage, KIND_TRACE, WEIR_KTRACE_##id, ""                               \
	}
#define H(stage, id, what)                                                                         \
	{                                                                                          \
		WEIR_STAGE_##stage, KIND_HOOK, WEIR_KHOOK_##id, what                               \
	}
#define C(stage, id)                                                                               \
	{                                                                                          \
		WEIR_STAGE_##stage, KIND_COUNTER, WEIR_KCOUNTER_##id, ""                           \
	}

/* Of each stage: tracepoints, what else programs hang by, counters. */
static const struct way ways[] = {
	C(nic_rx, rx_packets),
	C(nic_rx, rx_missed),
	C(nic_rx, q_rx_packets),
	T(irq, irq_handler_entry),
	T(irq, irq_handler_exit),
	T(softirq, softirq_raise),
	T(softirq, softirq_entry),
	C(softirq, softirq_rx),
	T(napi_poll, napi_poll),
	C(napi_poll, softnet_squeeze),
	C(napi_poll, eth_rx_drops),
	T(xdp, kfree_skb),
	H(xdp, xdp, "weir's XDP program"),
	C(xdp, eth_xdp_packets),
	C(xdp, eth_xdp_drops),
	T(gro, napi_gro_receive_entry),
	T(gro, napi_gro_receive_exit),
	T(rps_backlog, netif_rx),
	C(rps_backlog, softnet_dropped),
	C(rps_backlog, softnet_rps),
	T(core, netif_receive_skb),
	C(core, softnet_processed),
	C(core, rx_dropped),
	T(tap_rx, kfree_skb),
	C(tap_rx, packet_drops),
	H(tc_ingress, tcx, "tcx programs, first and last"),
	H(tc_ingress, clsact, "clsact filter"),
	T(ip_rcv, kfree_skb),
	H(ip_rcv, netfilter, "first netfilter link of prerouting"),
	C(ip_rcv, ip_receives),
	H(nf_prerouting, netfilter, "netfilter links, first and last"),
	T(route_in, fib_table_lookup),
	T(route_in, kfree_skb),
	C(route_in, ip_no_routes_in),
	T(ip_defrag, kfree_skb),
	C(ip_defrag, ip_reasm_reqds),
	C(ip_defrag, ip_reasm_fails),
	T(ip_forward, kfree_skb),
	H(ip_forward, netfilter, "first netfilter link of forward"),
	C(ip_forward, ip_forwards),
	H(nf_forward, netfilter, "netfilter links, first and last"),
	H(ip_local_deliver, netfilter, "first netfilter link of local_in"),
	C(ip_local_deliver, ip_delivers),
	H(nf_local_in, netfilter, "netfilter links, first and last"),
	T(udp_rcv, kfree_skb),
	T(udp_rcv, sk_data_ready),
	C(udp_rcv, udp_in),
	C(udp_rcv, udp_no_ports),
	T(tcp_rcv, kfree_skb),
	T(tcp_rcv, tcp_probe),
	T(tcp_rcv, sk_data_ready),
	C(tcp_rcv, tcp_in),
	C(tcp_rcv, tcp_listen_overflows),
	T(sock_queue, sock_rcvqueue_full),
	T(sock_queue, udp_fail_queue_rcv_skb),
	T(sock_queue, kfree_skb),
	H(sock_queue, fentry, "fentry __udp_enqueue_schedule_skb"),
	C(sock_queue, udp_rcvbuf),
	C(sock_queue, tcp_rcvq),
	T(sock_wake, sk_data_ready),
	T(sock_recv, sock_recv_length),
	C(sock_recv, udp_in),
	T(sock_send, sock_send_length),
	/* bind() passes cgroup hooks, a port that the kernel chooses by itself none */
	H(autobind, fentry, "fentry inet_autobind"),
	T(udp_send, sock_send_length),
	H(udp_send, fentry, "fentry udp_sendmsg"),
	C(udp_send, udp_out),
	T(tcp_send, sock_send_length),
	H(tcp_send, fentry, "fentry tcp_sendmsg"),
	C(tcp_send, tcp_out),
	T(route_out, fib_table_lookup),
	H(route_out, fentry, "fentry ip_route_output_flow"),
	C(route_out, ip_no_routes_out),
	C(make_skb, udp_sndbuf),
	C(make_skb, ip_out_discards),
	H(ip_local_out, netfilter, "first netfilter link of local_out"),
	C(ip_local_out, ip_out_requests),
	H(nf_local_out, netfilter, "netfilter links, first and last"),
	T(ip_output, kfree_skb),
	H(ip_output, netfilter, "first netfilter link of postrouting"),
	C(ip_output, ip_out_requests),
	H(nf_postrouting, netfilter, "netfilter links, first and last"),
	T(ip_fragment, kfree_skb),
	C(ip_fragment, ip_frag_creates),
	C(ip_fragment, ip_frag_fails),
	T(neigh, kfree_skb),
	C(neigh, ip_out_transmits),
	C(neigh, neigh_queue),
	H(tc_egress, tcx, "tcx programs, first and last"),
	H(tc_egress, clsact, "clsact filter"),
	T(qdisc, qdisc_enqueue),
	T(qdisc, qdisc_dequeue),
	T(qdisc, net_dev_queue),
	C(qdisc, qdisc_packets),
	C(qdisc, qdisc_drops),
	T(tap_tx, kfree_skb), /* a full socket's; what it takes, nothing tells */
	C(tap_tx, packet_drops),
	T(xmit, net_dev_start_xmit),
	T(xmit, net_dev_xmit),
	C(xmit, tx_packets),
	C(xmit, tx_dropped),
	T(tx_complete, consume_skb),
	C(tx_complete, softirq_tx),
	C(tx_complete, q_tx_packets),
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static bool is_there(const struct way *way, const struct weir_kfeatures *have)
{
	switch (way->kind) {
	case KIND_TRACE:
		return have->trace[way->id];
	case KIND_HOOK:
		/* where there is tcx, it is what is used */
		if (way->id == WEIR_KHOOK_clsact && have->hook[WEIR_KHOOK_tcx])
			return false;
		return have->hook[way->id];
	default:
		return have->counter[way->id];
	}
}

struct text {
	char *at;
	size_t room;
};

static void say(struct text *t, const char *a, const char *b, const char *c)
{
	int n = snprintf(t->at, t->room, "%s%s%s", a, b, c);
	size_t step = n < 0 ? 0 : (size_t)n < t->room ? (size_t)n : t->room ? t->room - 1 : 0;

	t->at += step;
	t->room -= step;
}

/* "tracepoint A, B" of those of one kind. */
static void say_kind(struct text *t, enum weir_stage stage, enum kind kind,
	const struct weir_kfeatures *have, bool *any)
{
	static const char *const title[] = {
		[KIND_TRACE] = "tracepoint ", [KIND_HOOK] = "", [KIND_COUNTER] = "counter "};
	bool first = true;

	for (size_t i = 0; i < WAYS; i++) {
		const struct way *way = &ways[i];

		if (way->stage != stage || way->kind != kind || !is_there(way, have))
			continue;
		say(t, first ? (*any ? "; " : "") : ", ", first ? title[kind] : "", "");
		if (kind == KIND_TRACE)
			say(t, weir_ktrace_info[way->id].name, "", "");
		else if (kind == KIND_HOOK)
			say(t, way->what, "", "");
		else
			say(t, weir_kcounter_info[way->id].name,
				weir_kcounter_scope(way->id) == WEIR_KSCOPE_machine ? " (machine)"
										    : "",
				"");
		first = false;
		*any = true;
	}
}

/* What would show it: each that is missing would do. */
static void say_need(struct text *t, enum weir_stage stage)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct way *way = &ways[i];

		if (way->stage != stage)
			continue;
		say(t, "not seen: needs ", "", "");
		if (way->kind == KIND_TRACE) {
			say(t, "tracepoint ", weir_ktrace_info[way->id].name, " (Linux ");
			say(t, weir_ktrace_info[way->id].since, ")", "");
		} else if (way->kind == KIND_HOOK) {
			say(t, hook_need[way->id], "", "");
		} else {
			say(t, "counter ", weir_kcounter_info[way->id].name, "");
		}
		return;
	}
	say(t, "not seen", "", "");
}

const char *weir_kcoverage(
	enum weir_stage stage, const struct weir_kfeatures *have, char *buf, size_t size)
{
	struct text t = {buf, size};
	bool any = false;

	if (size)
		buf[0] = '\0';
	say_kind(&t, stage, KIND_TRACE, have, &any);
	say_kind(&t, stage, KIND_HOOK, have, &any);
	say_kind(&t, stage, KIND_COUNTER, have, &any);
	if (!any)
		say_need(&t, stage);
	return buf;
}

bool weir_kcovered(enum weir_stage stage, const struct weir_kfeatures *have)
{
	for (size_t i = 0; i < WAYS; i++)
		if (ways[i].stage == stage && is_there(&ways[i], have))
			return true;
	return false;
}
