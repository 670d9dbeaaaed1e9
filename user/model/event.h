/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `weir monitor` tells, as plain data: one event is one line. */
#ifndef WEIR_EVENT_H
#define WEIR_EVENT_H

#include <stdbool.h>
#include <weir/abi.h>
#include <weir/rules.h>

/* What else an event holds, besides where and when. */
enum {
	WEIR_HAS_NOTHING = 0,
	WEIR_HAS_BEFORE = 1,
	WEIR_HAS_NOW = 2,
	WEIR_HAS_COUNT = 4,
	WEIR_HAS_ADDR = 8,
	WEIR_HAS_MAC = 16,
	WEIR_HAS_OLD_MAC = 32,
	WEIR_HAS_HOOK = 64,
	WEIR_HAS_ON = 128,
	WEIR_HAS_PACKET = 256,

	WEIR_HAS_CHANGE = WEIR_HAS_BEFORE | WEIR_HAS_NOW,
	WEIR_HAS_PROG = WEIR_HAS_HOOK | WEIR_HAS_NOW,
	WEIR_HAS_OLD_PROG = WEIR_HAS_HOOK | WEIR_HAS_BEFORE,
	WEIR_HAS_PROGS = WEIR_HAS_HOOK | WEIR_HAS_CHANGE,
	WEIR_HAS_MACS = WEIR_HAS_OLD_MAC | WEIR_HAS_MAC,
	WEIR_HAS_HOP = WEIR_HAS_ADDR | WEIR_HAS_MAC,
	WEIR_HAS_MOVE = WEIR_HAS_ADDR | WEIR_HAS_MACS,
};

/* What happened: id (as in JSON), what else it holds. */
#define WEIR_EVENTS(EVENT)                                                                         \
	EVENT(attached, HAS_PROG)                                                                  \
	EVENT(reloaded, HAS_PROGS) /* both weir's */                                               \
	EVENT(detached, HAS_OLD_PROG)                                                              \
	EVENT(replaced, HAS_PROGS) /* now: another's XDP program, 0 = none */                      \
	EVENT(vlan_attached, HAS_ON)                                                               \
	EVENT(vlan_detached, HAS_ON)                                                               \
	EVENT(gone, HAS_BEFORE)	     /* ifindex */                                                 \
	EVENT(recreated, HAS_CHANGE) /* ifindex */                                                 \
	EVENT(link_up, HAS_NOTHING)                                                                \
	EVENT(link_down, HAS_NOW) /* 1: its owner left it up, but it has no carrier */             \
	EVENT(mtu, HAS_CHANGE)                                                                     \
	EVENT(mac, HAS_MACS)                                                                       \
	EVENT(neigh_reachable, HAS_HOP)                                                            \
	EVENT(neigh_stale, HAS_HOP)                                                                \
	EVENT(neigh_failed, HAS_ADDR)                                                              \
	EVENT(neigh_moved, HAS_MOVE)                                                               \
	EVENT(neigh_removed, HAS_HOP)                                                              \
	EVENT(flows_full, HAS_COUNT)	  /* packets that asked the FIB */                         \
	EVENT(answers_limited, HAS_COUNT) /* refused packets not answered */                       \
	EVENT(neigh_full, HAS_COUNT)	  /* next hops not confirmed */                            \
	EVENT(xmit_full, HAS_COUNT)	  /* packets dropped */                                    \
	EVENT(qdisc_full, HAS_COUNT)	  /* packets dropped */                                    \
	EVENT(lost, HAS_COUNT)		  /* packets that weir lost sight of */                    \
	EVENT(devices_full, HAS_COUNT)                                                             \
	EVENT(sampling, HAS_CHANGE) /* one packet in so many is timed; 0 = none */                 \
	EVENT(address_added, HAS_ADDR)                                                             \
	EVENT(address_removed, HAS_ADDR)                                                           \
	EVENT(overrun, HAS_NOTHING) /* the kernel had more to tell than could be kept */           \
	EVENT(logged, HAS_PACKET)   /* by a rule of the filter */                                  \
	EVENT(log_lost,                                                                            \
		HAS_COUNT) /* packets that were not logged for want of room or by the rate */      \
	EVENT(buckets_full,                                                                        \
		HAS_COUNT) /* packets over a limit since there was no room to count them */        \
	EVENT(sessions_full, HAS_COUNT) /* packets that began no session, as of the next */        \
	EVENT(mappings_full, HAS_COUNT)                                                            \
	EVENT(index_full, HAS_COUNT)                                                               \
	EVENT(ports_full, HAS_COUNT)                                                               \
	EVENT(session_clashes, HAS_COUNT)                                                          \
	EVENT(frags_full, HAS_COUNT) /* fragmented packets that there was no room for */

enum weir_event_kind {
#define EVENT(id, has) WEIR_EVENT_##id,
	WEIR_EVENTS(EVENT)
#undef EVENT
		WEIR_EVENT_COUNT
};

struct weir_event {
	enum weir_event_kind kind;
	__u64 time_ns; /* CLOCK_MONOTONIC, when it was seen */
	char dev[16];  /* "" = the namespace */
	__u32 ifindex;
	enum weir_hook hook;
	__u32 addr; /* IPv4, network order; 0 = none */
	__u8 mac[6], old_mac[6];
	__u64 before, now, count;
	char other[16]; /* vlan_*: the device that it is on; address_*: one to attach anew; logged:
			   where it goes out */
	struct weir_log log;
};

struct weir_event_info {
	const char *name;
	unsigned int has;
};

extern const struct weir_event_info weir_event_info[WEIR_EVENT_COUNT];

/* Events in the order seen. */
struct weir_events {
	unsigned int nr;
	struct weir_event *list; /* owned */
	bool failed;		 /* memory ran out: some are missing */
	struct weir_event spare; /* what is filled then */
};

/* Adds an event for the caller to fill further. Never NULL. */
struct weir_event *weir_event_add(struct weir_events *events, enum weir_event_kind kind,
	__u64 time_ns, const char *dev, __u32 ifindex);

/* Empties the list, which can be used on. */
void weir_events_done(struct weir_events *events);

#endif
