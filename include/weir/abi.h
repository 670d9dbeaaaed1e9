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

#define WEIR_ABI		1
#define WEIR_CPU_MAX		1024
#define WEIR_QUEUE_MAX		64  /* queues told apart; higher ones share the last row, and say so */
#define WEIR_DEV_MAX		1024 /* devices attached in one network namespace */
#define WEIR_NEIGH_MAX		16384
#define WEIR_NEIGH_CACHE	64 /* power of two */
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
	__u32 _pad;
	__u64 netns_cookie;
};

/* One next hop's confirmation, as the CPU that forwards to it remembers it. */
struct weir_neigh_slot {
	__u32 nexthop; /* network order */
	__u32 ifindex;
	__u64 due_ns; /* CLOCK_MONOTONIC, coarse */
	__u64 seen;   /* the tick (jiffies) in which due_ns was last looked at */
	__u64 _pad;
};

/*
 * Map `cursor`, one entry per CPU: what is between a verdict and the driver on that CPU. All frames
 * of a NAPI poll are flushed before it ends, so they share one device and one queue.
 */
struct weir_cursor {
	__u32 seq;	/* the cut in which this CPU's packets count */
	__u32 inflight; /* frames with an OUT verdict that no tracepoint has told the end of */
	__u32 ifindex;	/* the device they came in by */
	__u32 row;	/* the row they count in */
	__u32 _pad0;
	__u32 generic_failed; /* generic XDP: the driver refused the frame in hand */
	__u32 timed;	/* a frame in flight is timed; its verdict came at verdict_ns */
	__u32 clock_cost_ns;
	__u64 verdict_ns;
	__u32 generic;	/* the frame in flight came through generic XDP */
	__u32 _pad;
	__u64 left_ns;	/* when the timed packet in hand left the stage before */
	__u64 _pad2;
	struct weir_neigh_slot neigh[WEIR_NEIGH_CACHE];
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
} __attribute__((aligned(64)));

/* Map `lat` of each device: index cpu * queues + queue. */
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
#define STAGE(id) struct weir_lat_stage id;
		struct {
			WEIR_FAST_STAGES(STAGE)
		};
#undef STAGE
	};
};

enum weir_punt {
	WEIR_PUNT_KERNEL,
	WEIR_PUNT_DROP,
};

/* Map `conf` of each device, one entry. User space writes, programs read. */
struct weir_conf {
	__u32 abi;
	__u32 ifindex;
	__u8 mac[6];
	__u8 punt; /* enum weir_punt */
	__u8 generic;
	__u8 virtual_link; /* local senders may leave checksums open (veth, tun) */
	__u8 _pad;
	__u16 queues; /* rows per CPU */
	__u32 cpus;
	__u32 _pad2;
	char name[16]; /* at the time of attaching; the device may be renamed since */
};

/* Map `ports`, by ifindex: the devices that may be redirected to. */
struct weir_port {
	__u32 reachable_ms; /* how long a next hop counts as confirmed */
	__u32 _pad;
	char name[16];
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
_Static_assert(sizeof(struct weir_cursor) == 64 + 32 * WEIR_NEIGH_CACHE, "cursor layout");
_Static_assert(__builtin_offsetof(struct weir_row, exit) + sizeof(struct weir_count) == 56,
	"a forwarded packet's counters share one cache line");
#endif

#endif
