/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What BPF programs and user space share: map keys and values.
 *
 * One writer per cell: a row belongs to one CPU, so counting needs no atomic operation and reading,
 * through mmap, no system call. Bump WEIR_ABI when a layout changes.
 */
#ifndef WEIR_ABI_H
#define WEIR_ABI_H

#include <linux/types.h>
#include "exits.h"
#include "hist.h"

#define WEIR_ABI		8
#define WEIR_CPU_MAX		1024
#define WEIR_QUEUE_MAX		64  /* queues told apart; higher ones share the last row, and say so */
#define WEIR_DEV_MAX		1024 /* devices attached in one network namespace */
#define WEIR_NEIGH_MAX		16384
#define WEIR_LOCAL_MAX		4096 /* addresses of this host that sources are compared with */
#define WEIR_XFRM_MAX		1023 /* xfrm policies that are looked at; beyond, all is the kernel's */
#define WEIR_VLAN_MAX		4096 /* VLAN devices attached in one network namespace */
#define WEIR_TAGS_MAX		2    /* 802.1Q, or 802.1ad with 802.1Q within */
#define WEIR_MAGIC		0x72696577 /* "weir" */

struct weir_count {
	__u64 packets;
	__u64 bytes; /* of whole Ethernet frames, without FCS */
};

/*
 * Map `ctl`, one entry per network namespace. User space writes, programs read.
 * `seq` is the number of the current cut; its lowest bit names the bank that packets count in.
 */
struct weir_ctl {
	__u32 magic;
	__u32 abi;
	__u32 seq;
	__u32 cut_open;	     /* a reader has moved seq and not yet waited for the packets before it */
	__u32 sample_every;  /* measure the latency of one packet in this many; 0 = none */
	__u32 capture_every; /* and capture one in this many; 0 = none */
	__u64 capture_until_ns; /* CLOCK_MONOTONIC: a reader that dies leaves no capture behind */
	__u64 netns_cookie;
	__u32 tc; /* TC ingress is attached somewhere: XDP must mark what it has judged */
	__u32 generation; /* moves when user space has changed what flows depend on */
	__u32 filter; /* programs are loaded to ask rules: 0 no, 1 from now on, 2 all are */
	__u32 track;  /* and to follow sessions: likewise; 3 no more, and what was there for it goes */
	__u64 addrs[8]; /* an address whose bit, weir_addr_bit(), is not set is in neither `local` nor `pools` */
};

/* @addr in network order. Bits are set before an address comes into a map, and stay. */
static inline __u32 weir_addr_bit(__u32 addr)
{
	return addr * 0x9e3779b1U >> 23;
}

/*
 * Map `flows`: what was decided about a flow, for each CPU a table of its own. One entry is one cache
 * line. It holds while the cursor's `world` does (routes, rules, addresses, devices: whatever changes
 * them changes that), and for two epochs: then its next hop must have been confirmed by the FIB, for
 * whichever flow, within two epochs, so that a change of neighbours is honoured within 100 ms with no
 * process alive; and once in WEIR_FLOW_EPOCHS the FIB is asked for the flow itself (its path's MTU). The
 * key holds all that the answer depends on: ports and protocol only where something looks at them.
 */
#define WEIR_EPOCH_NS	 50000000
#define WEIR_FLOW_EPOCHS 20
#define WEIR_FLOWS	 262144 /* in all; a power of two, shared out among the CPUs */
#define WEIR_FLOW_WAYS	 4	/* side by side, where a key may be */
#define WEIR_FLOWS_MIN	 1024	/* for a CPU */
#define WEIR_HOPS_SHARE	 8	/* flows for each next hop there is room for */

struct weir_flow {
	__u32 saddr, daddr; /* network order, as the ports */
	__u32 ports;	    /* source and destination; 0 in fragments and where there are none */
	__u32 iif;
	__u16 proto_tos; /* protocol, then TOS, as bytes in memory */
	__u16 mtu;
	__u32 world;	 /* in which it was decided */
	__u32 epoch;	 /* in which the FIB confirmed the next hop */
	__u32 asked;	 /* in which the FIB was asked for this flow */
	__u16 hop;	 /* in this CPU's share of `hops` */
	__u16 hop_serial; /* which that was then */
	__u32 slot;	 /* of the rule that decided, plus one; see WEIR_FLOW_DROP */
	__u32 session;	 /* see WEIR_FLOW_SESSION; else the bucket in `session_index` where it would be */
	union {
		__u32 version; /* of the bucket: while it is the same there is no session */
		__u32 packets; /* that its session does not count yet: it is told when the next hop is renewed */
	};
	__u32 bytes;	      /* of them */
	__u32 xsaddr, xdaddr; /* what it becomes: 0, and the rest with it, where nothing changes */
	__u32 xports;
} __attribute__((aligned(64)));

#define WEIR_FLOW_SESSION 0x80000000 /* it is of one, whose number stands below */
#define WEIR_FLOW_BACK	  0x40000000 /* and goes back */
#define WEIR_FLOW_ACKED	  0x20000000 /* TCP: its session knows that this end has acknowledged */
#define WEIR_FLOW_UNTRACKED 0x7fffffff /* no bucket: its session is looked for each time */

#define WEIR_FLOW_DROP	0x80000000 /* the rule of slot - 1 drops it; without this it lets it pass */
#define WEIR_FLOW_JUDGE 0xffffffff /* the rules look at more than the key: each packet is judged */
#define WEIR_FLOW_NEW	0xfffffffe /* it was not judged yet */
#define WEIR_HOP_XFRM	0xffff /* no next hop: IPsec governs the flow */

/*
 * Map `hops`: next hops as the FIB named them, for each CPU a table of its own, shared by its flows. An
 * entry is not overwritten by another next hop's while flows may use it: for two epochs.
 */
struct weir_hop {
	__u32 oif;
	__u32 nexthop;	 /* network order; an IPv6 one folded */
	__u32 epoch;	 /* in which the FIB named it */
	__u32 serial;	 /* another for each next hop that takes the entry */
	__u16 macs[6];	 /* destination and source, as they are written */
	__u32 dev;	 /* the device that XDP sends by: oif, or below it where that is a VLAN */
	__u32 tags[WEIR_TAGS_MAX]; /* to write, outer first, as in the frame; 0 = none */
	__u32 reachable_ms; /* of oif; 0 = it is not attached */
	__u32 _pad[5];
} __attribute__((aligned(64)));

/*
 * Maps `cursor` (XDP) and `cursor_tc` (TC ingress, then TC egress), entries for each CPU: what is
 * between a verdict and the driver on that CPU. All frames of a NAPI poll are flushed before it ends,
 * so they share one device and one queue. TC has one frame at a time, and no `inflight`.
 */
#define WEIR_SKB_ANY 1 /* the kernel does not tell one from another (before 6.2) */

struct weir_cursor {
	__u32 seq;	/* the cut in which this CPU's packets count */
	__u32 inflight; /* frames with an OUT verdict that no tracepoint has told the end of */
	__u32 ifindex;	/* the device they came in by */
	__u32 row;	/* the row they count in */
	__u32 tick;	/* jiffies, lowest bits, when epoch was last looked at */
	__u32 epoch;	/* CLOCK_MONOTONIC, coarse, in steps of WEIR_EPOCH_NS */
	__u32 generic;	/* the frame in flight came through generic XDP */
	__u32 world;	/* what was decided in an earlier one is not to be trusted */
	__u32 timed;	/* a frame in flight is timed; its verdict came at verdict_ns */
	__u32 generation; /* ctl.generation, as last seen */
	__u64 verdict_ns;
	__u64 left_ns;	/* when the timed packet in hand left the stage before */
	__u32 narrow;	/* routes depend on ports and protocol: rules or multipath hashing do */
	__u32 capture_in; /* packets to go to the next one that is captured */
	__u64 capture_lost; /* own loss: captures that the ring had no room for */
	__u64 skb;	/* TC: the frame that was redirected, until it is known what became of it */
	__u32 skb_oif;	/* where to */
	__u32 capture_epoch; /* in which capture_nr packets were captured */
	__u32 capture_nr;
	__u32 xfrm;	/* what IPsec has to do with this namespace's packets (bpf/lib/xfrm.h) */
	__u64 capture_limited; /* own loss: captures that WEIR_CAPTURE_RATE forbade */
	__u32 capture_at; /* which of each capture_of packets that is; another each time */
	__u32 capture_of;
	__u32 generic_failed; /* generic XDP: the driver refused the frame in hand */
	__u32 clock_cost_ns;
	__u32 genid;	/* the kernel's count of changes of routes, as last seen */
	__u32 hop_serial; /* the last that was given */
	__u32 answering; /* answers on their way to this device's own driver, not of `inflight` */
	__u32 _pad[13];
	struct weir_flow uncached; /* of the packet in hand, where the tables had no room */
	struct weir_hop uncached_hop;
} __attribute__((aligned(64)));

/*
 * Map `rows` of each device: index (cpu * queues + queue) * 2 + bank. The first cache line holds
 * all that a forwarded packet touches.
 */
struct weir_row {
	__u16 cpu;
	__u16 queue;
	__u16 bank;
	__u16 queues; /* of the device, so that a row leads to the others */
	struct weir_count in;
	__u64 sent; /* of the OUT verdicts: frames that the driver took */
	__u64 lost; /* own loss: OUT verdicts whose end no tracepoint told */
	union {
		struct weir_count exit[WEIR_EXIT_COUNT];
#define EXIT(stage, kind, cause) struct weir_count stage##_##kind##_##cause;
		struct {
			WEIR_EXITS(EXIT)
		};
#undef EXIT
	};
	/* PUNT exits that the device's `punt drop` turned into drops */
	struct weir_count punt_drop[WEIR_EXIT_COUNT];
	__u64 tx_packets; /* frames that this device's driver took from any weir device */
	__u64 neigh_full; /* own limit: a next hop that the table of confirmations had no room for */
	__u64 flow_full; /* own limit: a packet of a flow that the table of flows had no room for */
	__u64 gso_frames; /* of `in`: superframes, and the segments that they stand for */
	__u64 gso_segs;
	__u64 answers; /* refused packets whose sender was told: ICMP, or a TCP RST */
	__u64 answers_limited; /* own limit: those that would have been, but for WEIR_ANSWERS_PER_S */
} __attribute__((aligned(64)));

/* Map `lat` of each hook of a device: index cpu * queues + queue. */
struct weir_lat_stage {
	__u64 samples;
	__u64 max_ns;
	__u64 bucket[WEIR_HIST_BUCKETS];
};

struct weir_lat {
	__u16 cpu;
	__u16 queue;
	__u32 untimed; /* packets since the last one whose latency was measured */
	union {
		struct weir_lat_stage stage[WEIR_FAST_STAGE_COUNT];
#define STAGE(id, hooks) struct weir_lat_stage id;
		struct {
			WEIR_FAST_STAGES(STAGE)
		};
#undef STAGE
	};
};

/* Answers to refused packets, of a program on one CPU: as the kernel's icmp_msgs_per_sec and _burst. */
#define WEIR_ANSWERS_PER_S 1000
#define WEIR_ANSWERS_BURST 50

enum weir_punt {
	WEIR_PUNT_KERNEL,
	WEIR_PUNT_DROP,
};

/* What a program is loaded for: constants to it, so that the verifier prunes what it does not need. */
struct weir_self {
	__u32 ifindex;
	__u32 queues;	   /* rows per CPU */
	__u32 flows_mask; /* entries of the table of flows for a CPU, less one */
	__u32 hops_mask;  /* of next hops, likewise */
	__u8 virtual_link; /* local senders may leave checksums open (veth, tun) */
	__u8 generic;
	__u8 filter;	   /* there may be rules */
	__u8 track;	   /* sessions are followed: there may be NAT, or rules that ask for a state */
	__u32 rule_slots;  /* cells of `counts` for a CPU */
	__u32 dry;	   /* 'weir explain': nothing that other programs see is changed */
	__u64 loaded_ns;   /* CLOCK_MONOTONIC, never 0: of two programs the later one's timers go on */
};

/* What XDP puts before a frame that it passes to a TC program of the same device. */
struct weir_mark {
	__u32 ifindex;
	__u32 magic; /* WEIR_MAGIC and the lower half of the namespace's cookie, exclusive or */
};

/* Maps `rows_of` and `lat_of`: the maps of a device's hook. */
struct weir_hook_key {
	__u32 ifindex;
	__u32 hook; /* enum weir_hook */
};

/* Map `conf` of each device, one entry. User space writes, programs read. */
struct weir_conf {
	__u32 abi;
	__u32 ifindex;
	__u8 mac[6];
	__u8 punt; /* enum weir_punt */
	__u8 generic;
	__u8 virtual_link; /* local senders may leave checksums open (veth, tun) */
	__u8 rp_filter;	   /* net.ipv4.conf: 1 strict, 2 loose, at the time of attaching */
	__u16 queues; /* rows per CPU */
	__u32 cpus;
	__u8 unmarked;	/* the driver has no room for marks: TC takes all for judged by XDP */
	__u8 vlans_only; /* attached for its VLAN devices; untagged frames are the kernel's */
	__u8 _pad2[2];
	char name[16]; /* at the time of attaching; the device may be renamed since */
};

/* Map `ports`, by ifindex: the devices that may be redirected to. */
struct weir_port {
	__u32 reachable_ms; /* how long a next hop counts as confirmed */
	__u32 dev;	    /* ifindex of the device that frames leave by: its own, or a VLAN's parent's */
	__u32 tags[WEIR_TAGS_MAX]; /* to be written, outer first, as in the frame; 0 = none */
	char name[16];
};

/*
 * Map `vlans`: which VLAN device a tagged frame is for. Tags are as in the frame, outer first:
 * ethertype, then priority 0 and the VLAN's id, both in network order.
 */
struct weir_vlan_key {
	__u32 ifindex; /* of the device with the wire */
	__u32 tags[WEIR_TAGS_MAX]; /* 0 = none */
};

struct weir_vlan {
	__u32 ifindex;
	__u8 mac[6];
	__u8 rp_filter; /* as in struct weir_conf */
	__u8 _pad;
	char name[16];
};

/*
 * Map `local`, by address in network order: what the kernel's local table held when a device was last
 * attached. Packets that claim to come from there are left to the kernel.
 */
struct weir_local {
	__u32 type; /* RTN_LOCAL or RTN_BROADCAST */
};

/* Map `capture`, a ring buffer: packets as a hook met them, and how they left it. */
#define WEIR_CAPTURE_HEAD 256
#define WEIR_CAPTURE_RATE 1000 /* captures in an epoch on one CPU at one family of hooks */
#define WEIR_CAPTURE_RING (1 << 20) /* bytes; what does not fit is counted in a cursor */

struct weir_capture {
	__u64 time_ns; /* CLOCK_MONOTONIC, when it came in */
	__u32 ifindex;
	__u32 len; /* of the whole frame */
	__u32 oif; /* where an OUT verdict sent it */
	__u32 tag; /* outer VLAN tag that the kernel holds beside the frame, as in a frame; 0 = none */
	__u16 exit; /* enum weir_exit */
	__u16 cpu;
	__u16 queue;
	__u16 head_len;
	__u8 hook; /* enum weir_hook */
	__u8 punt_drop; /* a PUNT exit that `punt drop` turned into a drop */
	__u8 _pad[6];
	__u8 head[WEIR_CAPTURE_HEAD]; /* head_len bytes of them are sent */
};

/* Map `neigh`: next hops and when each is to be confirmed again. */
struct weir_neigh_key {
	__u32 ifindex;
	__u32 nexthop; /* network order */
};

struct weir_neigh {
	__u64 due_ns;
};

#ifndef __bpf__ /* clang defines it for that target */
_Static_assert(sizeof(struct weir_cursor) == 320, "a cursor is three cache lines, a flow and a hop");
_Static_assert(__builtin_offsetof(struct weir_cursor, capture_lost) == 64,
	"what every packet looks at shares one cache line");
_Static_assert(sizeof(struct weir_flow) == 64 && sizeof(struct weir_hop) == 64,
	"a flow is a cache line, and a next hop another");
_Static_assert(__builtin_offsetof(struct weir_row, exit) + sizeof(struct weir_count) == 56,
	"a forwarded packet's counters share one cache line");
#endif

#endif
