/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs of `weir trace plane kernel` tell of single packets, and the expression by
 * which they choose them. Nothing of this is pinned: programs and reader are of one build.
 */
#ifndef WEIR_TRACE_H
#define WEIR_TRACE_H

#include <linux/types.h>

#include "kernel.h"
#include "stages.h"

/*
 * Where packets are seen: id, the kernel's own name of the place, how many arguments of it are used
 * (a kernel that passes fewer lacks the place; 0 = a netfilter link).
 */
#define WEIR_TRACE_POINTS(POINT)                                                                   \
	POINT(gro_enter, "napi_gro_receive_entry", 1)                                              \
	POINT(gro_leave, "napi_gro_receive_exit", 1)                                               \
	POINT(netif_rx, "netif_rx", 1)                                                             \
	POINT(netif_receive, "netif_receive_skb", 1)                                               \
	POINT(nf_first, "netfilter first", 0)                                                      \
	POINT(nf_last, "netfilter last", 0)                                                        \
	POINT(tcp_probe, "tcp_probe", 2)                                                           \
	POINT(rcvqueue_full, "sock_rcvqueue_full", 2)                                              \
	POINT(udp_fail, "udp_fail_queue_rcv_skb", 3)                                               \
	POINT(data_ready, "sk_data_ready", 1)                                                      \
	POINT(copy_out, "skb_copy_datagram_iovec", 2)                                              \
	POINT(dev_queue, "net_dev_queue", 1)                                                       \
	POINT(qdisc_enqueue, "qdisc_enqueue", 3)                                                   \
	POINT(qdisc_dequeue, "qdisc_dequeue", 4)                                                   \
	POINT(start_xmit, "net_dev_start_xmit", 2)                                                 \
	POINT(xmit, "net_dev_xmit", 4)                                                             \
	POINT(kfree, "kfree_skb", 3)                                                               \
	POINT(consume, "consume_skb", 1)

enum weir_trace_point {
#define POINT(id, kernel, args) WEIR_TRACE_##id,
	WEIR_TRACE_POINTS(POINT)
#undef POINT
		WEIR_TRACE_POINT_COUNT
};

/* A verdict of the fast plane, which user space puts among the events: no place of the kernel's. */
#define WEIR_TRACE_FAST WEIR_TRACE_POINT_COUNT

/* What happened to the packet there: id, as text and JSON have it. */
#define WEIR_TRACE_WHATS(WHAT)                                                                     \
	WHAT(enter)                                                                                \
	WHAT(leave)                                                                                \
	WHAT(drop)    /* with the kernel's reason */                                               \
	WHAT(deliver) /* a socket has it */                                                        \
	WHAT(read)    /* a program has it */                                                       \
	WHAT(refuse)  /* a socket has no room for it; the drop follows */                          \
	WHAT(merge)   /* GRO has put it into another one */                                        \
	WHAT(busy)    /* the driver does not take it now; it is tried again */                     \
	WHAT(done)    /* its memory is freed, and nothing was wrong */                             \
	WHAT(pass)    /* the fast plane leaves it to the kernel, */                                \
	WHAT(punt)    /* since it cannot finish it, */                                             \
	WHAT(forward) /* or has sent it to another device */

enum weir_trace_what {
#define WHAT(id) WEIR_TRACE_WHAT_##id,
	WEIR_TRACE_WHATS(WHAT)
#undef WHAT
		WEIR_TRACE_WHAT_COUNT
};

enum weir_trace_flag {
	WEIR_TRACE_COPY = 1,   /* of a clone beside the packet's own way: a tap's */
	WEIR_TRACE_RAW = 2,    /* head begins with the IP header: there is no link header yet */
	WEIR_TRACE_BEGINS = 4, /* a verdict that is shown even where no event of the kernel's is its
				  packet's */
};

#define WEIR_TRACE_HEAD	   128
#define WEIR_TRACE_RING	   (1U << 22)
#define WEIR_TRACE_PACKETS 8192 /* followed at a time */
#define WEIR_TRACE_NETNS   64	/* watched at most */

/* What the fast plane made of a packet, and what its device is joined with: the places before it
 * and after, where another network device of this host hands on what is sent. */
struct weir_trace_verdict {
	__u64 from_netns, to_netns; /* 0: not known */
	__u32 from_ifindex, to_ifindex;
	__u32 oif; /* where it is sent to; 0 = nowhere */
	char out[16];
	__u16 exit; /* enum weir_exit */
	__u8 hook;  /* enum weir_hook */
	__u8 punt_drop;
};

/* One event; the ring holds no more of head than head_len. */
struct weir_trace_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 id;      /* of the packet, from 1 on */
	__u64 netns;   /* cookie */
	__u64 cgroup;  /* of the socket, 0 = none is known */
	union {
		struct weir_kdrop_key drop; /* of one: what is told of it, but not whose it is */
		struct weir_trace_verdict verdict; /* of WEIR_TRACE_FAST */
	};
	__u32 ifindex;
	__s32 answer; /* the driver's, or -errno of a socket that refuses it; 0 = none */
	__u32 len;    /* of the skb */
	__u32 mark;
	__u32 frame_len; /* of the packet, from where head begins */
	__u16 protocol;	 /* ethertype, host order */
	__u16 cpu;
	__u8 point, stage, what, flags;
	__u16 head_len; /* 0: as it was before */
	__u16 pad;
	char dev[16]; /* "" where only ifindex is known */
	__u8 head[WEIR_TRACE_HEAD];
};

/* A packet that is followed, by the address of its head. */
struct weir_trace_packet {
	__u64 id, time_ns, netns, skb;
	__u64 ends; /* addresses and ports, hashed */
	__u32 mark; /* what no router changes: IP id, protocol */
	__u16 len;  /* by the IP header */
	__u8 point;
	__u8 ended; /* what comes under this address next is another packet */
	__u8 raw;
	__u8 pad[7];
};

/* What the programs are loaded for. */
struct weir_trace_conf {
	__u64 own_netns;
	__u64 window_ns, per_window; /* the rate */
	__u32 ifindex;		     /* packets begin at this device of own_netns; 0 = at any */
	__u32 all;		     /* namespaces are watched */
};

/* Our own losses, and what was begun. */
struct weir_trace_counts {
	__u64 next_id;
	__u64 window, window_nr;
	__u64 begun;
	__u64 limited; /* packets over the rate */
	__u64 full;    /* packets not followed for want of room */
	__u64 lost;    /* events the ring had no room for */
	__u64 busy;    /* events for which a CPU had no room, having been interrupted too often */
	__u64 blind;   /* 1: the expression asked for bytes of a packet that are not in hand */
};

/* --- the expression: classic BPF as libpcap compiles it --- */

#define WEIR_EXPR_MAX	512 /* instructions */
#define WEIR_EXPR_BYTES 256 /* of a packet that it sees; a power of two */
#define WEIR_EXPR_MEM	16

struct weir_expr_insn {
	__u16 code;
	__u8 jt, jf;
	__u32 k;
};

struct weir_expr {
	__u32 nr; /* 0: everything matches */
	struct weir_expr_insn insn[WEIR_EXPR_MAX];
};

enum { WEIR_EXPR_FRAME, WEIR_EXPR_RAW, WEIR_EXPR_KINDS };

#endif
