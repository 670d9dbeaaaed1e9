/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One packet on its way through the fast path: entering, counting, timing, and every way out. */
#ifndef WEIR_BPF_PACKET_H
#define WEIR_BPF_PACKET_H

#include "capture.h"

#include <weir/rules.h>

struct pkt {
	hook_ctx *ctx;
	struct weir_row *row;
	struct weir_cursor *cur;
	const struct weir_vlan *vlan; /* the VLAN device it is for; NULL: it has no tag */
	__u64 timed,
		captured; /* like l3_off 64 bits wide: the verifier follows those on the stack */
	__u32 len;	  /* of the whole frame, fragments included */
	__u64 l3_off;	  /* where the IP header is */
	__u32 iif;	  /* self.ifindex, or that of the VLAN device */
	__u32 row_index;
	__u32 cpu;
	__u32 oif;    /* where it is sent */
	__u64 judged; /* the filter has been asked */
	__u64 tracked; /* its session was looked for: struct track is about this packet */
	__u64 counted; /* for its session, without that */
	__u32 nexthop; /* of oif_way, network order */
	__u32 oif_way; /* the device that the FIB has named; 0: it was not asked, or named none */
	__u32 daddr;   /* where it goes to, DNAT done */
	__u32 from;	 /* the device it came in by, as the kernel has it; */
	__u32 rp_filter; /* and how its sources are looked at. For who asks the FIB */
};

/* A verdict, which only the functions below can make. Who gives a packet to the kernel does not yet say so
 * to the kernel: leave.h has the last word. */
struct verdict {
	int code;
	__u16 leaves; /* for the kernel: the exit, plus one */
	__u16 punt;   /* where it may be dropped instead: 'punt drop' */
};

/* The timed packet in hand leaves a stage: its latencies are those of the row at @index. */
__checked_once int time_stage(struct weir_cursor *cur, __u32 index, __u32 stage)
{
	__u64 now = bpf_ktime_get_ns(), ns;
	struct weir_lat *l = bpf_map_lookup_elem(&lat, &index);

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
	if (unlikely(p->timed))
		time_stage(p->cur, p->row_index / 2, stage);
}

/*
 * XDP tells TC of the same device, by a mark before the frame, that it has judged it. The mark
 * names the device, since it may travel further with the packet. Where a driver keeps no room for
 * it, TC is told once and for all.
 */
#if !HOOK_TC
__checked_once int mark_judged(struct xdp_md *ctx, __u32 iif)
{
	struct weir_mark *mark;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*mark))) {
		conf.unmarked = 1;
		return 0;
	}
	mark = (void *)(long)ctx->data_meta;
	if ((void *)(mark + 1) > (void *)(long)ctx->data)
		return 0;
	mark->ifindex = iif;
	mark->magic = WEIR_MAGIC ^ (__u32)ctl.netns_cookie;
	return 0;
}
#else
static __always_inline void mark_judged(hook_ctx *ctx, __u32 iif)
{
}
#endif

static __always_inline void exit_count(struct pkt *p, __u64 exit)
{
	p->row->exit[exit].packets++;
	p->row->exit[exit].bytes += p->len;
}

static __always_inline void exit_tell(struct pkt *p, __u64 exit, bool punt_drop)
{
	if (unlikely(p->captured))
		capture_end(p->cur, (__u32)exit, p->oif, punt_drop);
}

static __always_inline struct verdict exit_drop(struct pkt *p, __u64 exit)
{
	exit_count(p, exit);
	exit_tell(p, exit, false);
	return (struct verdict){.code = HOOK_DROP};
}

static __always_inline struct verdict exit_pass(struct pkt *p, enum weir_exit exit)
{
	return (struct verdict){.code = HOOK_PASS, .leaves = exit + 1};
}

static __always_inline struct verdict exit_punt(struct pkt *p, enum weir_exit exit)
{
	return (struct verdict){.code = HOOK_PASS, .leaves = exit + 1, .punt = 1};
}

static __always_inline struct verdict exit_reject(struct pkt *p, __u64 exit, int code)
{
	exit_count(p, exit);
	exit_tell(p, exit, false);
	return (struct verdict){.code = code ? code : HOOK_DROP};
}

/* The frames in flight have an end that no tracepoint told: our own loss, and shown as such, where
 * they came in. */
static __always_inline void cursor_lose(struct weir_cursor *cur)
{
	struct weir_row *row = cursor_row(cur, THIS_HOOK);

	if (row)
		row->lost += cur->inflight;
	cur->inflight = 0;
}

/*
 * From here on frames of @row of this device are in flight. Those of another would be of an earlier
 * NAPI poll, for all of a poll are flushed before it ends: rarely the kernel runs no program at a
 * tracepoint that was passed (bpf/README).
 */
__checked_once int cursor_take(struct weir_cursor *cur, __u32 row)
{
	if (!cur)
		return 0;
	if (cur->inflight)
		cursor_lose(cur);
	if (cur->ifindex != self.ifindex)
		cur->answering = 0;
	cur->ifindex = self.ifindex;
	cur->row = row;
	return 0;
}

/* The frame goes to the device that the kernel was told of; it is in flight until a tracepoint
 * tells what the driver did with it (events.bpf.c). TC's frame is taken as sent until one tells
 * otherwise, before the next frame comes. */
static __always_inline struct verdict exit_redirect(struct pkt *p)
{
	struct weir_cursor *cur = p->cur;

	exit_count(p, WEIR_EXIT_xmit_NONE);
	exit_tell(p, WEIR_EXIT_xmit_NONE, false);
	if (unlikely(cur->ifindex != self.ifindex || cur->row != p->row_index))
		cursor_take(cur, p->row_index);
	if (HOOK_TC) {
		p->row->sent++;
		cur->skb = hook_identity(p->ctx);
		cur->skb_oif = p->oif;
	} else {
		cur->inflight++;
		cur->generic = self.generic;
	}
	if (unlikely(p->timed)) {
		cur->timed = 1;
		cur->verdict_ns = cur->left_ns;
	}
	return (struct verdict){.code = HOOK_REDIRECT};
}

/* The packet goes on to the device that it was on its way to: TC egress stops nothing. */
static __always_inline struct verdict exit_send(struct pkt *p, enum weir_exit exit)
{
	exit_count(p, exit);
	exit_tell(p, exit, false);
	p->row->sent++;
	return (struct verdict){.code = HOOK_PASS};
}

/* weir_drop(&p, ip_rcv, IP_CSUM): a pair that exits.h does not list for that kind does not compile.
 */
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

/* The packet is refused: what becomes its answer was made of it, or there is none. */
#define weir_reject(p, stage, h)                                                                   \
	({                                                                                         \
		(void)sizeof(((struct weir_row *)0)->stage##_DROP_FILTER_REJECT);                  \
		stage_done(p, WEIR_FAST_##stage);                                                  \
		exit_reject(p, WEIR_EXIT_##stage##_FILTER_REJECT, answer_refused(p, h, 0));        \
	})

#define weir_send(p, stage, cause)                                                                 \
	({                                                                                         \
		(void)sizeof(((struct weir_row *)0)->stage##_OUT_##cause);                         \
		stage_done(p, WEIR_FAST_##stage);                                                  \
		exit_send(p, WEIR_EXIT_##stage##_##cause);                                         \
	})

/*
 * A reader has begun a new cut. This CPU follows as soon as none of its frames is between verdict
 * and driver, so that no bulk holds frames of two cuts. A reader waits for a grace period after
 * each step, which outlasts every NAPI poll: frames still open two cuts later have no end that a
 * tracepoint will tell.
 */
__checked_once int cut_follow(struct weir_cursor *cur, __u32 seq)
{
	if (!cur)
		return 0;
	if (cur->inflight) {
		if (seq - cur->seq < 2)
			return 0;
		cursor_lose(cur);
	}
	cur->seq = seq;
	return 0;
}

/* Times one packet in @every, and then returns 1; the clock's own cost is measured beside it and
 * taken off. */
__checked_once int timing_begin(struct weir_cursor *cur, __u32 every, __u32 index)
{
	struct weir_lat *l = bpf_map_lookup_elem(&lat, &index);
	__u64 t;

	if (!l || !cur || ++l->untimed < every)
		return 0;
	l->untimed = 0;
	t = bpf_ktime_get_ns();
	cur->left_ns = bpf_ktime_get_ns();
	cur->clock_cost_ns = (__u32)(cur->left_ns - t);
	return 1;
}

static __always_inline void capture_want(struct pkt *p, __u32 every)
{
	if (every && (p->cur->capture_of != every || !--p->cur->capture_in))
		p->captured = capture_begin(p->ctx, p->cur, every);
}

/* Counts the packet in; false when the maps are not as large as the machine (never, if user space
 * did its part), and then the packet is the kernel's. */
static __always_inline bool packet_enter(hook_ctx *ctx, struct pkt *p)
{
	__u32 cpu = bpf_get_smp_processor_id(), queue = hook_queue(ctx), index;
	__u32 seq = *(volatile __u32 *)&ctl.seq, every = *(volatile __u32 *)&ctl.sample_every;
	__u32 captures = *(volatile __u32 *)&ctl.capture_every;

	p->ctx = ctx;
	p->cpu = cpu;
	p->timed = 0;
	p->captured = 0;
	p->judged = 0;
	p->tracked = 0;
	p->counted = 0;
	p->oif_way = 0;
	p->vlan = NULL;
	p->l3_off = ETH_HLEN;
	p->iif = self.ifindex;
	p->oif = 0;
	p->cur = hook_cursor(cpu);
	if (unlikely(!p->cur))
		return false;
	if (unlikely(p->cur->seq != seq))
		cut_follow(p->cur, seq);
	if (unlikely(queue >= self.queues))
		queue = self.queues - 1;
	index = cpu * self.queues + queue;
	p->row_index = index * 2 + (p->cur->seq & 1);
	p->row = bpf_map_lookup_elem(&rows, &p->row_index);
	if (unlikely(!p->row))
		return false;
	p->len = hook_len(ctx);
	p->row->in.packets++;
	p->row->in.bytes += p->len;
	hook_count(ctx, p->row);
	if (unlikely(every | captures)) {
		capture_want(p, captures);
		if (every)
			p->timed = timing_begin(p->cur, every, index);
	}
	return true;
}

/* What bpf_redirect_map answers where the device may be redirected to. */
enum { WEIR_REDIRECTED = XDP_REDIRECT };

/* From here on verdicts are made by the functions above alone. */
#pragma GCC poison XDP_DROP XDP_TX XDP_REDIRECT XDP_ABORTED TC_ACT_SHOT TC_ACT_REDIRECT

#endif
