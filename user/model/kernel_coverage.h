/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the kernel plane sees each stage on a kernel that has these features and lacks those. */
#ifndef WEIR_KERNEL_COVERAGE_H
#define WEIR_KERNEL_COVERAGE_H

#include <stddef.h>

#include "model/kernel_counter.h"

/* The tracepoints that the kernel plane can make use of: name, since which Linux. */
#define WEIR_KTRACES(TRACE)                                                                        \
	TRACE(irq_handler_entry, "2.6")                                                            \
	TRACE(irq_handler_exit, "2.6")                                                             \
	TRACE(softirq_raise, "2.6")                                                                \
	TRACE(softirq_entry, "2.6")                                                                \
	TRACE(napi_poll, "2.6")                                                                    \
	TRACE(napi_gro_receive_entry, "3.14")                                                      \
	TRACE(napi_gro_receive_exit, "5.0")                                                        \
	TRACE(netif_rx, "2.6")                                                                     \
	TRACE(netif_receive_skb, "2.6")                                                            \
	TRACE(kfree_skb, "2.6")                                                                    \
	TRACE(consume_skb, "2.6")                                                                  \
	TRACE(fib_table_lookup, "4.3")                                                             \
	TRACE(tcp_probe, "4.16")                                                                   \
	TRACE(sock_rcvqueue_full, "2.6")                                                           \
	TRACE(udp_fail_queue_rcv_skb, "3.0")                                                       \
	TRACE(sk_data_ready, "6.3")                                                                \
	TRACE(sock_recv_length, "6.3")                                                             \
	TRACE(sock_send_length, "6.3")                                                             \
	TRACE(qdisc_enqueue, "5.15")                                                               \
	TRACE(qdisc_dequeue, "4.15")                                                               \
	TRACE(net_dev_queue, "2.6")                                                                \
	TRACE(net_dev_start_xmit, "3.14")                                                          \
	TRACE(net_dev_xmit, "2.6")

enum weir_ktrace {
#define TRACE(id, since) WEIR_KTRACE_##id,
	WEIR_KTRACES(TRACE)
#undef TRACE
		WEIR_KTRACE_COUNT
};

/* What else programs hang by: id, what is needed for it. */
#define WEIR_KHOOKS(HOOK)                                                                          \
	HOOK(netfilter, "netfilter links (Linux 6.4)")                                             \
	HOOK(tcx, "tcx (Linux 6.6)")                                                               \
	HOOK(clsact, "clsact")                                                                     \
	HOOK(xdp, "XDP")                                                                           \
	HOOK(fentry, "fentry")

enum weir_khook {
#define HOOK(id, need) WEIR_KHOOK_##id,
	WEIR_KHOOKS(HOOK)
#undef HOOK
		WEIR_KHOOK_COUNT
};

struct weir_kfeatures {
	bool trace[WEIR_KTRACE_COUNT];
	bool hook[WEIR_KHOOK_COUNT];
	bool counter[WEIR_KCOUNTER_COUNT];
};

struct weir_ktrace_info {
	const char *name;
	const char *since; /* the first Linux that has it */
};

extern const struct weir_ktrace_info weir_ktrace_info[WEIR_KTRACE_COUNT];

/*
 * "tracepoint netif_receive_skb; counter softnet_stat processed (machine)": all ways that there
 * are, or "not seen: needs ..." with the first way that there would be. Cut to the room there is;
 * 400 is enough. Returns @buf.
 */
const char *weir_kcoverage(
	enum weir_stage stage, const struct weir_kfeatures *have, char *buf, size_t size);
/* Whether there is any way. */
bool weir_kcovered(enum weir_stage stage, const struct weir_kfeatures *have);

#endif
