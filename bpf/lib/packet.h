/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One packet on its way through the fast path: entering, counting, timing, and every way out. */
#ifndef WEIR_BPF_PACKET_H
#define WEIR_BPF_PACKET_H

#include "device.h"

struct pkt {
	struct xdp_md *ctx;
	struct weir_row *row;
	struct weir_cursor *cur;
	struct weir_lat *lat; /* NULL: this packet is not timed */
	__u32 len;	      /* of the whole frame, fragments included */
	__u32 row_index;
	__u32 cpu;
};

/* A verdict, which only the functions below can make. */
struct verdict {
	int code;
};

/* A function of its own, so that its dozen callers stay small in the instruction cache. */
static __noinline int time_stage(struct weir_lat *l, struct weir_cursor *cur, __u32 stage)
{
	__u64 now = bpf_ktime_get_ns(), ns;

	if (!l || !cur || stage >= WEIR_FAST_STAGE_COUNT)
		return 0;
	ns = now - cur->left_ns;
	ns -= ns < cur->clock_cost_ns ? ns : cur->clock_cost_ns;
	lat_record(l, stage, ns);
	cur->left_ns = now;
	return 0;
}

/* The packet leaves @stage now. */
static __always_inline void stage_done(struct pkt *p, enum weir_fast_stage stage)
{
	if (unlikely(p->lat))
		time_stage(p->lat, p->cur, stage);
}

static __always_inline void exit_count(struct pkt *p, enum weir_exit exit)
{
	p->row->exit[exit].packets++;
	p->row->exit[exit].bytes += p->len;
}

static __always_inline struct verdict exit_drop(struct pkt *p, enum weir_exit exit)
{
	exit_count(p, exit);
	return (struct verdict){XDP_DROP};
}

static __always_inline struct verdict exit_pass(struct pkt *p, enum weir_exit exit)
{
	exit_count(p, exit);
	return (struct verdict){XDP_PASS};
}

static __always_inline struct verdict exit_punt(struct pkt *p, enum weir_exit exit)
{
	if (conf.punt == WEIR_PUNT_DROP) {
		p->row->punt_drop[exit].packets++;
		p->row->punt_drop[exit].bytes += p->len;
		return (struct verdict){XDP_DROP};
	}
	return exit_pass(p, exit);
}

/* The frame goes to the device that bpf_redirect_map was told of; it is in flight until a
 * tracepoint tells what the driver did with it (events.bpf.c). */
static __always_inline struct verdict exit_redirect(struct pkt *p)
{
	struct weir_cursor *cur = p->cur;

	exit_count(p, WEIR_EXIT_xmit_NONE);
	cur->ifindex = dev_ifindex;
	cur->row = p->row_index;
	cur->inflight++;
	cur->generic = dev_generic;
	if (unlikely(p->lat)) {
		cur->timed = 1;
		cur->verdict_ns = cur->left_ns;
	}
	return (struct verdict){XDP_REDIRECT};
}

/* weir_drop(&p, ip_rcv, IP_CSUM): a pair that exits.h does not list for that kind does not compile. */
#define weir_drop(p, stage, cause)                                                                 \
	({                                                                                         \
		(void)sizeof(((struct weir_row *)0)->stage##_DROP_##cause);                        \
		stage_done(p, WEIR_FAST_##stage);                                                  \
		exit_drop(p, WEIR_EXIT_##stage##_##cause);                                         \
	})
#define weir_pass(p, stage, cause)                                                                 \
	({                                                                                         \
		(void)sizeof(((struct weir_row *)0)->stage##_PASS_##cause);                        \
		stage_done(p, WEIR_FAST_##stage);                                                  \
		exit_pass(p, WEIR_EXIT_##stage##_##cause);                                         \
	})
#define weir_punt(p, stage, cause)                                                                 \
	({                                                                                         \
		(void)sizeof(((struct weir_row *)0)->stage##_PUNT_##cause);                        \
		stage_done(p, WEIR_FAST_##stage);                                                  \
		exit_punt(p, WEIR_EXIT_##stage##_##cause);                                         \
	})
#define weir_redirect(p) exit_redirect(p)

/*
 * A reader has begun a new cut. This CPU follows as soon as none of its frames is between verdict
 * and driver, so that no bulk holds frames of two cuts. A reader waits for a grace period after
 * each step, which outlasts every NAPI poll: frames still open two cuts later have no end that a
 * tracepoint will tell. They are our own loss, and shown as such.
 */
static __noinline int cut_follow(struct weir_cursor *cur, __u32 seq)
{
	if (!cur)
		return 0;
	if (cur->inflight) {
		struct weir_row *row;

		if (seq - cur->seq < 2)
			return 0;
		row = cursor_row(cur);
		if (row)
			row->lost += cur->inflight;
		cur->inflight = 0;
	}
	cur->seq = seq;
	return 0;
}

/* Times one packet in @every; the clock's own cost is measured beside it and taken off. */
static __always_inline void timing_begin(struct pkt *p, __u32 every, __u32 index)
{
	struct weir_lat *l = bpf_map_lookup_elem(&lat, &index);
	__u64 t;

	if (!l || ++l->untimed < every)
		return;
	l->untimed = 0;
	p->lat = l;
	t = bpf_ktime_get_ns();
	p->cur->left_ns = bpf_ktime_get_ns();
	p->cur->clock_cost_ns = (__u32)(p->cur->left_ns - t);
}

/* Counts the packet in; false when the maps are not as large as the machine (never, if user space
 * did its part), and then the packet is the kernel's. */
static __always_inline bool packet_enter(struct xdp_md *ctx, struct pkt *p)
{
	__u32 cpu = bpf_get_smp_processor_id(), queue = ctx->rx_queue_index, index;
	__u32 seq = *(volatile __u32 *)&ctl.seq, every = *(volatile __u32 *)&ctl.sample_every;

	p->ctx = ctx;
	p->cpu = cpu;
	p->lat = NULL;
	p->cur = bpf_map_lookup_elem(&cursor, &cpu);
	if (unlikely(!p->cur))
		return false;
	if (unlikely(p->cur->seq != seq))
		cut_follow(p->cur, seq);
	if (unlikely(queue >= dev_queues))
		queue = dev_queues - 1;
	index = cpu * dev_queues + queue;
	p->row_index = index * 2 + (p->cur->seq & 1);
	p->row = bpf_map_lookup_elem(&rows, &p->row_index);
	if (unlikely(!p->row))
		return false;
	p->len = (__u32)bpf_xdp_get_buff_len(ctx);
	p->row->in.packets++;
	p->row->in.bytes += p->len;
	if (unlikely(every))
		timing_begin(p, every, index);
	return true;
}

/* What bpf_redirect_map answers where the device may be redirected to. */
enum { WEIR_REDIRECTED = XDP_REDIRECT };

/* From here on verdicts are made by the functions above alone. */
#pragma GCC poison XDP_DROP XDP_TX XDP_REDIRECT XDP_ABORTED

#endif
