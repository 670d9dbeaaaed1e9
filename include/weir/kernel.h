/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel plane: what observers of Linux's own path write, and user space reads. One set of
 * observers belongs to the network namespace that weir was run in, and watches it, several, or all.
 *
 * Counts are of skbs. A row belongs to a device of a namespace, as observers meet them first; what
 * is of no device (local senders, sockets) is of the namespace's ifindex 0, what is of no namespace
 * (interrupts), or of devices for which no row was left, is row 0's.
 */
#ifndef WEIR_KERNEL_H
#define WEIR_KERNEL_H

#include "abi.h"

#define WEIR_KERNEL_ABI	  7
#define WEIR_KDROPS_MAX	  4096	/* different drops: namespace, device, reason, place */
#define WEIR_KDEVS_MAX	  256	/* rows */
#define WEIR_KNS_MAX	  256	/* namespaces watched by name */
#define WEIR_KSTATES	  32768	/* places for two packets each; a power of two */
#define WEIR_KSERVANTS	  24	/* functions that free packets for others */
#define WEIR_KSOCKS_MAX	  1024	/* sockets for which a waiting packet is timed */

/* How closely the kernel plane is observed; each level has all of those before it. */
#define WEIR_KLEVELS(LEVEL)                                                                        \
	LEVEL(off, "nothing is attached")                                                          \
	LEVEL(drops, "each drop, with its cause; failing sends")                                   \
	LEVEL(counters, "and packets of each stage, by counters that the kernel keeps")            \
	LEVEL(latency, "and times between stages, in a share of time")                             \
	LEVEL(full, "and each packet at each stage: the ledger is exact")

enum weir_klevel {
#define LEVEL(id, text) WEIR_KLEVEL_##id,
	WEIR_KLEVELS(LEVEL)
#undef LEVEL
		WEIR_KLEVEL_COUNT
};

/* Map `kwatch`, one entry. User space writes; programs read. */
struct weir_kwatch {
	__u32 magic; /* WEIR_MAGIC */
	__u32 abi;   /* WEIR_KERNEL_ABI */
	__u32 level; /* enum weir_klevel */
	__u32 share; /* of time in which stages are observed, parts of 1,000,000 */
	__u32 devs;  /* rows for each CPU */
	__u32 cpus;
	__u32 all;   /* all namespaces are watched */
	__u32 slice; /* moves each time that stages begin to be observed */
	__u64 netns_cookie; /* of the namespace that this belongs to */
	__u64 since_ns;	    /* CLOCK_MONOTONIC: when it was turned on */
	__u64 observed_ns;  /* how long stages were observed, but for the slice that goes on */
	__u64 slice_ns;	    /* when that began; 0 = none does, and programs do nothing */
	__u32 cycler;	    /* the process that begins and ends slices; 0 = none needed */
	__u32 next_dev;	    /* the next row to be given; programs write */
	__u32 whole;	    /* all is attached that the ledger needs */
	__u32 _pad;
};

/* What an observer is loaded for: constants to it. */
struct weir_kself {
	__u64 netns_cookie; /* the only namespace that is watched; 0 = see `kns`, and kwatch.all */
	__u32 devs;	    /* rows for each CPU */
	__u32 cpus;
};

struct weir_krange { /* of a function's addresses */
	__u64 from, to;
};

/* Addresses of the running kernel by which a drop is placed: constants to observers. */
struct weir_kplaces {
	/* functions that free or judge packets for whoever calls them */
	struct weir_krange servants[WEIR_KSERVANTS];
	/* which a route to an own address, and one to elsewhere, leads into */
	__u64 ip_local_deliver, ip_forward;
	__u64 sock_edemux;		     /* lets go of a socket that a packet is only lent */
	struct weir_krange skb_release_data; /* frees what a packet is made of */
};

/*
 * What observers themselves lost, for each CPU. Map `klost`. That one was interrupted while it ran and
 * would have had to run again the kernel counts instead (bpf_prog_info.recursion_misses), and what no
 * event told of is known by comparing: both are 0 in the map.
 */
#define WEIR_KLOSSES(LOSS)                                                                         \
	LOSS(drops_full, "drops not told apart, for want of room for another kind")                \
	LOSS(devs_full, "packets of devices for which no row was left")                            \
	LOSS(times_lost, "times between stages not taken: too many packets shared a place")        \
	LOSS(socks_full, "waiting packets not timed, for want of room for another socket")         \
	LOSS(netns_unknown, "drops whose namespace could not be told")                             \
	LOSS(unseen, "packets that tracepoints missed, counted by traffic control's hooks")        \
	LOSS(interrupted, "events that came while their observer ran, of any namespace")           \
	LOSS(untold, "drops that the kernel counts and that no event told of")

struct weir_klost {
#define LOSS(id, text) __u64 id;
	WEIR_KLOSSES(LOSS)
#undef LOSS
} __attribute__((aligned(64)));

/* Map `kns`: namespaces that are watched. */
struct weir_kns_key {
	__u64 netns_cookie;
};

struct weir_kns {
	char name[64]; /* as the user named it */
};

/* Map `kdevs`: which row is whose. */
struct weir_kdev_key {
	__u64 netns_cookie;
	__u32 ifindex;
	__u32 _pad;
};

struct weir_kdev {
	__u32 row;
	__u32 _pad;
	char name[16]; /* when it was met first */
};

/* Map `kdrops`, for each CPU by itself. */
struct weir_kdrop_key {
	__u64 netns_cookie; /* 0 = could not be told */
	__u64 location;	    /* where the kernel dropped it: an address, see /proc/kallsyms */
	__u64 caller;	    /* who had it done there, where the location alone says too little; 0 = not
			       looked for */
	__u32 ifindex;	    /* 0 = none */
	__u32 reason;	    /* enum skb_drop_reason of the running kernel */
	__s32 error;	    /* of a send: -errno; of a packet: its route's, 0 = none */
	__u16 protocol;	    /* EtherType, host order; of a send, that of its socket */
	__u8 kind;	    /* enum weir_kdrop_kind */
	__u8 left;	    /* the stage that it had left, as far as stages are observed; else
			       WEIR_STAGE_COUNT */
	__u8 hook;	    /* netfilter, IPv4: enum weir_khook_at */
	__u8 sending;	    /* on its way out */
	/* where the reason alone says too little, else 0 */
	__u8 to;	 /* enum weir_kdrop_to */
	__u8 bare;	 /* TCP: without data, and no SYN */
	__u8 sock_state; /* TCP: that of the socket which was found (TCP_LISTEN...), 0 = none was;
			    WEIR_KSOCK_UNTOLD: the kernel does not tell */
	__u8 stopped;	 /* its device has no carrier, or is down */
	__u8 outgoing;	 /* a copy of what this host sends, or an error about it: of sockets */
	__u8 detail;	 /* enum weir_kdrop_detail */
};

#define WEIR_KSOCK_UNTOLD 255

/* To whom a packet is sent. */
enum weir_kdrop_to {
	WEIR_KDROP_TO_unknown,
	WEIR_KDROP_TO_host,
	WEIR_KDROP_TO_group, /* IPv4 multicast */
	WEIR_KDROP_TO_all,   /* by broadcast */
};

/* What else is known of a packet. */
enum weir_kdrop_detail {
	WEIR_KDROP_DETAIL_none,
	WEIR_KDROP_DETAIL_frags_full, /* fragments that wait hold all the memory that they may */
	WEIR_KDROP_DETAIL_vlan,	      /* taken for another host's, though its MAC address is ours:
					 its VLAN tag is nobody's */
	WEIR_KDROP_DETAIL_reply,      /* TCP's, by no connection's socket: a reset, or an ACK */
	WEIR_KDROP_DETAIL_udp_header, /* as many bytes are left as UDP's header has, or more */
	WEIR_KDROP_DETAIL_udp_byte,   /* just one more */
};

/* At which of netfilter's hooks, as far as the packet itself shows it. */
enum weir_khook_at {
	WEIR_KHOOK_AT_unknown,
	WEIR_KHOOK_AT_prerouting,
	WEIR_KHOOK_AT_local_in,
	WEIR_KHOOK_AT_forward,
	WEIR_KHOOK_AT_local_out,
	WEIR_KHOOK_AT_postrouting,
};

enum weir_kdrop_kind {
	WEIR_KDROP_SKB,	 /* kfree_skb */
	WEIR_KDROP_SEND, /* a send that failed: no skb was there */
};

struct weir_kdrop {
	__u64 packets, bytes;
	__u64 first_ns, last_ns; /* CLOCK_MONOTONIC */
	/* the last one, IPv4: network order, as far as it could be read */
	__u32 saddr, daddr;
	__u16 sport, dport;
	__u8 l4;
	__u8 version; /* 4, or 0 where nothing was read */
	__u8 _pad[2];
	__u64 cgroup; /* of its socket; 0 = none known */
};

/* Terms of the ledger that are no stage's packets. */
#define WEIR_KTERMS(TERM)                                                                          \
	TERM(ip_in, "IPv4 packets at core")                                                        \
	TERM(pre_first, "IPv4 packets before the first chain of prerouting")                       \
	TERM(pre_last, "behind its last one")                                                      \
	TERM(in_first, "local delivery, before its chains")                                        \
	TERM(in_last, "behind them")                                                               \
	TERM(forward_first, "forwarding, before its chains")                                       \
	TERM(forward_last, "behind them")                                                          \
	TERM(out_first, "local output, before its chains: packets of its stages, too")             \
	TERM(out_last, "behind them")                                                              \
	TERM(post_first, "postrouting, before its chains: packets of its stages, too")             \
	TERM(post_last, "behind them")                                                             \
	TERM(queued, "packets at the queueing discipline")                                         \
	TERM(ip_queued, "IPv4 packets of those")                                                   \
	TERM(started, "packets handed to the driver")                                              \
	TERM(sent, "packets that it took")                                                         \
	TERM(split, "segments that the kernel made of superframes, less these")                    \
	TERM(cut,                                                                                  \
		"superframes that a queueing discipline was given, less those it gave or dropped") \
	TERM(pieces, "packets that it gave and was not given")                                     \
	TERM(merged, "packets that GRO made part of others")                                       \
	TERM(raw, "IPv4 packets that packet sockets send past IP")                                 \
	TERM(tc_ip, "IPv4 packets before traffic control's first program, inwards")                \
	TERM(tc_ip_passed, "that it let pass")                                                     \
	TERM(past_ip, "IPv4 packets that were received and are sent past IP")                      \
	TERM(stolen, "received IPv4 packets that another device has from behind traffic control")  \
	TERM(taken, "of those, the ones that a macvlan of another namespace has")                  \
	TERM(copied,                                                                               \
		"IPv4 packets sent past IP that nobody has seen before: mirrored, or flooded")     \
	TERM(looped,                                                                               \
		"copies for this host itself of broadcasts that it sends, behind postrouting")     \
	TERM(in_again, "IPv4 packets that came in by another device of the namespace before")      \
	TERM(sent_again, "IPv4 packets that the driver of another device sends on by this one")    \
	TERM(xdp_out, "IPv4 packets that a generic XDP program redirects")                         \
	TERM(handled, "packets of a device that hands them to another: a bridge's, a macvlan's")

enum weir_kterm {
#define TERM(id, text) WEIR_KTERM_##id,
	WEIR_KTERMS(TERM)
#undef TERM
		WEIR_KTERM_COUNT
};

/* Maps `krows` and `klat` have an index: cpu * kwatch.devs + row. */
#define WEIR_KROW_OTHER 0 /* the machine's, and those for which there is no row */

/* Map `krows`, index cpu * kwatch.devs + row. */
struct weir_krow {
	struct weir_count stage[WEIR_STAGE_COUNT];
	union {
#define TERM(id, text) __u64 id;
		struct {
			WEIR_KTERMS(TERM)
		};
#undef TERM
		__u64 term[WEIR_KTERM_COUNT];
	};
} __attribute__((aligned(64)));

/* Map `klat`, the same index: since the packet left the stage before. */
struct weir_klat {
	struct weir_lat_stage stage[WEIR_STAGE_COUNT];
	__u64 total_ns[WEIR_STAGE_COUNT]; /* of all samples: buckets alone give no exact sum */
};

/* What a queueing discipline was given. */
enum weir_kgiven {
	WEIR_KGIVEN_NOT,
	WEIR_KGIVEN_FRAME,
	WEIR_KGIVEN_SUPERFRAME,
	WEIR_KGIVEN_BACK, /* a superframe that it gave as it was */
};

/* When a packet was seen last, and where. */
struct weir_kstate {
	__u64 skb;
	__u64 time_ns;
	__u32 slice; /* kwatch.slice: what is of an earlier one means nothing; 0 = it was dropped */
	__u16 cpu;
	__u8 stage; /* enum weir_stage: that it has left */
	__u8 given; /* enum weir_kgiven */
};

/* Map `kstates`, by a hash of the packet's address: of three that share a place one is forgotten, the
 * one that was seen longest ago. Its time is lost, which is counted, and so is where it was. */
struct weir_kplace {
	struct weir_kstate way[2];
	__u64 _pad[2];
} __attribute__((aligned(64)));

/* Context of program `symbol`, which asks the kernel what function an address lies in. */
struct weir_ksymbol {
	__u64 address;
	char name[120]; /* as printk's %pS: "SYMBOL+0xOFF/0xSIZE [MODULE]", or the address */
};

/* Map `ksocks`: of a socket, one packet that waits to be read. */
struct weir_ksock {
	__u64 ready_ns;
	__u64 mark; /* TCP: the sequence number behind it; else how many are to be read, itself too
		     */
	__u32 tcp;
	__u32 row;
};

#endif
