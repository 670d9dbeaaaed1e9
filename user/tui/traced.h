/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last packets traced, in words: who traces, and where, is not known here. */
#ifndef WEIR_TRACED_H
#define WEIR_TRACED_H

#include <linux/types.h>

#include "model/tables.h"

enum { TRACED_MAX = 200 };

struct traced {
	__u64 serial; /* counted up, from 1 */
	__u64 wall_ns;
	enum weir_plane plane; /* that it was met in */
	bool lost;	       /* it was dropped */
	char dev[16];
	char what[96];	   /* the packet: "udp 192.0.2.1:5 > 198.51.100.1:9, 100 bytes" */
	char verdict[160]; /* what became of it: "dropped at ip_rcv: IP_CSUM" */
	char road[512];	   /* stages and when, since the first: "core +0 ns, ip_rcv +1.2 µs"; "" =
			      the plane has no more to tell */
};

/* A ring: of more than TRACED_MAX the oldest are forgotten. */
struct traced_list {
	__u64 last; /* the serial of the newest */
	unsigned int nr;
	struct traced packet[TRACED_MAX];
};

static inline const struct traced *traced_at(const struct traced_list *list, unsigned int newest)
{
	return &list->packet[(list->last - 1 - newest) % TRACED_MAX];
}

static inline void traced_add(struct traced_list *list, const struct traced *packet)
{
	struct traced *slot = &list->packet[list->last % TRACED_MAX];

	*slot = *packet;
	slot->serial = ++list->last;
	list->nr += list->nr < TRACED_MAX;
}

#endif
