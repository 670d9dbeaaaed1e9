/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events of single packets on the kernel's road, put together as packets. */
#ifndef WEIR_KERNEL_TRACE_H
#define WEIR_KERNEL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <weir/trace.h>

#include "model/kernel.h"

#define WEIR_TRACED_MAX	   64		 /* events of a packet that are kept */
#define WEIR_TRACE_IDLE_NS 1000000000ull /* so long without an event, and no more is waited for */
#define WEIR_TRACE_REST_NS 50000000ull	 /* the same once it has ended: another CPU may be late */
#define WEIR_TRACE_WAIT_NS 5000000000ull /* the same where the kernel holds it, for a neighbour */
#define WEIR_TRACE_LINKS   8

/* A packet, its events in the order of time. */
struct weir_traced {
	__u64 id;     /* by which its events come */
	__u64 number; /* by which it is shown */
	__u64 last_ns;
	__u64 doubt_ns; /* the event there is as much another packet's: nothing is joined to it */
	/* numbers of packets that look the same, of which this may be a part, or they of it */
	__u64 link[WEIR_TRACE_LINKS];
	unsigned int nr_links;
	unsigned int nr, room;
	unsigned int more; /* events beyond those kept */
	bool ended;
	struct weir_trace_event *event; /* owned */
	struct weir_traced *next;	/* in its bucket */
};

/* How far it has come. */
#define WEIR_TRACE_ENDS(END)                                                                       \
	END(seen) /* no more is known: what was seen last is */                                    \
	END(dropped)                                                                               \
	END(delivered) /* to a socket */                                                           \
	END(sent)                                                                                  \
	END(forwarded) /* by the fast plane */                                                     \
	END(merged)    /* by GRO, into another packet */                                           \
	END(consumed)  /* freed, and nothing was wrong: it was an answer's cause, or for a tap */

enum weir_trace_end {
#define END(id) WEIR_TRACE_END_##id,
	WEIR_TRACE_ENDS(END)
#undef END
		WEIR_TRACE_END_COUNT
};

extern const char *const weir_trace_end_name[WEIR_TRACE_END_COUNT];
extern const char *const weir_trace_what_name[WEIR_TRACE_WHAT_COUNT];

struct weir_trace_point_info {
	const char *kernel; /* what the kernel calls it */
	unsigned int args;  /* of a tracepoint that are used; 0: a netfilter link */
};

extern const struct weir_trace_point_info weir_trace_point_info[WEIR_TRACE_POINT_COUNT];

/* Numbers of the kernel's, and what they are called. */
#define WEIR_TRACE_NAME_MAX 96

struct weir_trace_names {
	void *ctx;
	/* fills @buf and returns it */
	const char *(*netns)(void *ctx, __u64 cookie, char buf[WEIR_TRACE_NAME_MAX]);
	/* fills reason, location and caller by the key */
	void (*drop)(void *ctx, struct weir_kernel_drop *drop);
};

struct weir_traces;

/* @fn is called with each packet that is complete; not 0 is handed on to who has called. NULL: no
 * memory. */
struct weir_traces *weir_traces_new(
	int (*fn)(void *ctx, const struct weir_traced *packet), void *ctx);
void weir_traces_free(struct weir_traces *t);

/* A rate of packets: at most so many in a window; twenty windows a second where that is one packet
 * each at least. */
static inline void weir_trace_rate(__u32 per_s, __u64 *window_ns, __u64 *per_window)
{
	*window_ns = per_s >= 20 ? 50000000 : 1000000000;
	*per_window = per_s >= 20 ? per_s / 20 : per_s;
}

/*
 * Verdicts of the fast plane come among the events: packets wait until those that may be theirs
 * were heard of. Together with the kernel's, @rate packets in a second begin with one at most;
 * weir_traces_limited() is how many verdicts are not shown because of that.
 */
void weir_traces_join_fast(struct weir_traces *t, __u32 rate);
__u64 weir_traces_limited(const struct weir_traces *t);

/* One more event. 0 or -ENOMEM. */
int weir_traces_add(struct weir_traces *t, const struct weir_trace_event *event);

/* Hands on what is complete at @now_ns; all there is where @all. 0, or what fn has answered. */
int weir_traces_pass(struct weir_traces *t, __u64 now_ns, bool all);

/* How it ended; *@at: by which event. */
enum weir_trace_end weir_traced_end(const struct weir_traced *p, unsigned int *at);

/*
 * The stage at which event @at happened. What was freed is where it was seen before; where a drop
 * was, weir_traced_drop() knows better.
 */
enum weir_stage weir_traced_stage(const struct weir_traced *p, unsigned int at);

/*
 * What drop @at means, of which @drop has the key, and names of it. False where nothing is lost: it
 * has ended in peace.
 */
bool weir_traced_drop(const struct weir_traced *p, unsigned int at, struct weir_kernel_drop *drop);

/*
 * The name of the device of event @at: as it was told, or as another event of the packet knows it;
 * where none is known any more, the one that it came by last. "" = unknown.
 */
const char *weir_traced_dev(const struct weir_traced *p, unsigned int at);

/* The stages that these points (a bit each) make visible, as words with a blank between. */
void weir_trace_stages(__u32 points, bool seen, char *buf, size_t size);

#endif
