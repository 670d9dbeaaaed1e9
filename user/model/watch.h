/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Making events of what is seen: each report is compared with what was known, and what differs is
 * an event. So a state that is read anew, because the kernel had more to tell than could be kept,
 * tells of all that lasted; and the first state read tells nothing.
 *
 *	weir_watch_begin(); links, neighbours, addresses; weir_watch_end();    all there are
 *	then one by one, as they change, and a snapshot now and then
 */
#ifndef WEIR_WATCH_H
#define WEIR_WATCH_H

#include "model/event.h"
#include "model/seen.h"
#include "model/snapshot.h"

/* A network device as it is now. */
struct weir_link_report {
	__u32 ifindex;
	char name[16];
	bool up; /* by its owner */
	bool carrier;
	bool removed; /* it is no more */
	__u32 mtu;
	__u8 mac[6];
};

enum weir_neigh_state {
	WEIR_NEIGH_NONE,   /* nothing known yet, or asked for */
	WEIR_NEIGH_GOOD,   /* answered lately, or is taken to */
	WEIR_NEIGH_AGED,   /* answered once */
	WEIR_NEIGH_PROBED, /* is being asked again */
	WEIR_NEIGH_FAILED, /* did not answer */
};

struct weir_neigh_report {
	__u32 ifindex;
	__u32 addr; /* IPv4, network order */
	enum weir_neigh_state state;
	bool has_mac, removed;
	__u8 mac[6];
};

struct weir_address_report {
	__u32 ifindex;
	__u32 addr; /* IPv4, network order */
	bool removed;
};

struct weir_watch {
	struct weir_events events; /* for the caller to tell, and empty */
	bool stale;		   /* tell of next hops that become stale, too */
	/* private */
	bool began, has_snap; /* what follows is no longer the first that is seen */
	bool all;	      /* between begin and end: states may have been missed */
	struct weir_seen links, neighs, addrs, devs;
	struct weir_snapshot snap; /* the last */
};

/* How often a limit that goes on being reached is told. */
#define WEIR_WATCH_LIMIT_NS 10000000000ull

void weir_watch_init(struct weir_watch *w, bool stale);
void weir_watch_done(struct weir_watch *w);

/* What is reported between the two is all there is: the rest has gone. */
void weir_watch_begin(struct weir_watch *w);
void weir_watch_end(struct weir_watch *w, __u64 now_ns);

void weir_watch_link(struct weir_watch *w, const struct weir_link_report *r, __u64 now_ns);
void weir_watch_neigh(struct weir_watch *w, const struct weir_neigh_report *r, __u64 now_ns);
void weir_watch_address(struct weir_watch *w, const struct weir_address_report *r, __u64 now_ns);

/* Takes @snap over and leaves it empty. */
void weir_watch_snapshot(struct weir_watch *w, struct weir_snapshot *snap);

/* Tells of limits what was kept back. */
void weir_watch_flush(struct weir_watch *w, __u64 now_ns);

#endif
