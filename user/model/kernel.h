/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What observers of the kernel plane have counted, as plain data: ctl fills it, out and tui show
 * it. Sums over CPUs.
 */
#ifndef WEIR_MODEL_KERNEL_H
#define WEIR_MODEL_KERNEL_H

#include <stdbool.h>
#include <weir/kernel.h>

#include "model/kernel_cause.h"
#include "model/kernel_stage.h"

/* One device of one namespace; ifindex 0 is what is of no device there. */
struct weir_kernel_dev {
	__u64 netns_cookie;
	__u32 ifindex;
	char name[16];	/* today's, or "if7" where it is gone; "-" for ifindex 0 */
	char netns[64]; /* as the user named it, else its cookie; "" = the one weir was run in */
	struct weir_krow row;
	struct weir_klat lat;
};

/* Who tells of a drop. */
enum weir_kernel_witness {
	WEIR_KERNEL_EVENT,   /* an observer saw it */
	WEIR_KERNEL_SEND,    /* an observer saw a send fail */
	WEIR_KERNEL_COUNTER, /* a counter of the kernel's alone */
};

#define WEIR_KERNEL_CANDIDATES_MAX 512

/* One kind of drop. */
struct weir_kernel_drop {
	enum weir_kernel_witness witness;
	struct weir_kdrop_key key; /* of a counter: namespace and device */
	struct weir_kdrop count;
	unsigned int dev;		     /* in devs */
	char reason[WEIR_KERNEL_REASON_MAX]; /* the kernel's own name; "" where it has none */
	char location[72];		     /* SYMBOL+0xOFFSET; of a counter, its name */
	char caller[72];		     /* "" = not looked for */
	/* what that means */
	enum weir_stage stage; /* WEIR_STAGE_COUNT: it cannot be told */
	char cause[WEIR_KERNEL_CAUSE_MAX];
	const char *text, *remedy, *counter; /* "" = none */
	bool aside; /* no packet is lost: a tap's copy, or a send that is to be tried again */
	/* netfilter, where several chains can drop there: "ip raw/PREROUTING", "iptables:filter", a
	 * line each; else "" */
	char candidates[WEIR_KERNEL_CANDIDATES_MAX];
};

/*
 * What an event means, by its key, reason, location and caller. Fills stage, cause, text, remedy,
 * counter and aside, and a caller that the key knows otherwise; false where nothing of the network
 * is lost.
 */
bool weir_kernel_drop_cause(struct weir_kernel_drop *drop);

/* What a failed send means; @error: -errno. Fills stage, cause, text, remedy and aside. */
void weir_kernel_send_cause(struct weir_kernel_drop *drop, int error);

/* Counters that the kernel keeps of a namespace, since observing began. */
struct weir_kernel_net {
	__u64 netns_cookie;
	char name[64];		    /* as struct weir_kernel_dev.netns */
	bool counted;		    /* the rest is there */
	struct weir_kreading delta; /* owned */
	struct weir_kstages stages; /* owned */
};

struct weir_kernel_snapshot {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct weir_kwatch watch;
	bool on;
	bool cycling; /* the process that observes stages is there */
	struct weir_klost lost;
	unsigned int nr_devs;
	struct weir_kernel_dev *devs; /* owned; by namespace, then name */
	unsigned int nr_nets;
	struct weir_kernel_net *nets; /* owned; those of devs */
	unsigned int nr_drops;
	struct weir_kernel_drop *drops; /* owned; most packets first */
};

/* What observers cost, in a moment that was looked at. */
#define WEIR_KERNEL_COSTS_MAX 64

struct weir_kernel_cost {
	__u32 id; /* of the program */
	char name[16];
	__u64 runs, run_ns;
};

struct weir_kernel_costs {
	__u64 time_ns; /* how long was looked */
	unsigned int nr;
	struct weir_kernel_cost cost[WEIR_KERNEL_COSTS_MAX];
};

/* What is known of a stage of a device. */
struct weir_kernel_number {
	__u64 packets, bytes;
	enum weir_kseen seen; /* WEIR_KSEEN_no: nothing is */
	bool event;	      /* observers counted it, not the kernel */
};

/* By observers where each packet is observed, else by the kernel's own counters. */
void weir_kernel_number_of(const struct weir_kernel_snapshot *snap, unsigned int dev,
	enum weir_stage stage, struct weir_kernel_number *number);

/* Whether @counter, one of drops, has counted the packets of an observed @drop. */
bool weir_kernel_counted_by(enum weir_kcounter counter, const struct weir_kernel_drop *drop);

/* Packets dropped there on a device; not what is aside. */
__u64 weir_kernel_drops_at(
	const struct weir_kernel_snapshot *snap, unsigned int dev, enum weir_stage stage);

/* The last packet of a kind, in the words of 'weir explain': "udp 192.0.2.1:5 > 198.51.100.1:9", ""
 * where it is not known. */
void weir_kernel_example(const struct weir_kdrop *d, char *text, size_t size);

void weir_kernel_snapshot_done(struct weir_kernel_snapshot *snap);

#endif
