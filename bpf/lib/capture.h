/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Captures: the head of one packet in ctl.capture_every, as it came in, with the way it went out.
 * The head is kept aside until then, since what is forwarded is written to. A capture that the ring
 * has no room for, or that comes too soon after others, is counted: our own loss. Nothing is
 * captured once the reader has not renewed its lease.
 */
#ifndef WEIR_BPF_CAPTURE_H
#define WEIR_BPF_CAPTURE_H

#include "device.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WEIR_CAPTURE_RING);
} capture SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_capture);
} capture_head SEC(".maps");

/* Bounded, so that a capture of every packet does not become the machine's main work. */
static __always_inline bool capture_allowed(struct weir_cursor *cur, __u64 now)
{
	__u32 epoch = (__u32)(now / WEIR_EPOCH_NS);

	if (cur->capture_epoch != epoch) {
		cur->capture_epoch = epoch;
		cur->capture_nr = 0;
	}
	if (cur->capture_nr >= WEIR_CAPTURE_RATE) {
		cur->capture_limited++;
		return false;
	}
	cur->capture_nr++;
	return true;
}

/*
 * Of each @every packets of a CPU one is captured, and chance says which: a fixed step would see but
 * one side of traffic that alternates. False for the first packet of a new step, most times.
 */
static __always_inline bool capture_next(struct weir_cursor *cur, __u32 every)
{
	__u32 at;

	if (cur->capture_of != every) {
		cur->capture_of = every;
		cur->capture_at = 1 + bpf_get_prandom_u32() % every;
		cur->capture_in = cur->capture_at - 1;
		if (cur->capture_in)
			return false;
	}
	at = 1 + bpf_get_prandom_u32() % every;
	cur->capture_in = every - cur->capture_at + at;
	cur->capture_at = at;
	return true;
}

/* 1 where the packet in hand is one to capture; its head is kept. */
__checked_once int capture_begin(hook_ctx *ctx, struct weir_cursor *cur, __u32 every)
{
	struct weir_capture *c;
	__u32 zero = 0, len, n;
	__u64 now;

	if (!cur || !every || !capture_next(cur, every))
		return 0;
	now = bpf_ktime_get_ns();
	if (now > *(volatile __u64 *)&ctl.capture_until_ns || !capture_allowed(cur, now))
		return 0;
	c = bpf_map_lookup_elem(&capture_head, &zero);
	if (!c)
		return 0;
	len = hook_len(ctx);
	n = len;
	if (n > WEIR_CAPTURE_HEAD)
		n = WEIR_CAPTURE_HEAD;
	if (n < 1 || hook_load(ctx, 0, c->head, one_to(WEIR_CAPTURE_HEAD, n)))
		n = 0;
	c->time_ns = now;
	c->ifindex = self.ifindex;
	c->len = len;
	c->head_len = (__u16)n;
	c->cpu = (__u16)bpf_get_smp_processor_id();
	c->queue = (__u16)hook_queue(ctx);
	c->hook = THIS_HOOK;
	c->tag = hook_tag(ctx);
	return 1;
}

/* The captured packet leaves. */
__checked_once int capture_end(struct weir_cursor *cur, __u32 exit, __u32 oif, __u32 punt_drop)
{
	__u32 zero = 0, n;
	struct weir_capture *c = bpf_map_lookup_elem(&capture_head, &zero);

	if (!c || !cur)
		return 0;
	c->exit = (__u16)exit;
	c->oif = oif;
	c->punt_drop = (__u8)punt_drop;
	n = c->head_len;
	barrier_var(n);
	if (n > WEIR_CAPTURE_HEAD)
		return 0;
	if (bpf_ringbuf_output(&capture, c, __builtin_offsetof(struct weir_capture, head) + n, 0))
		cur->capture_lost++;
	return 0;
}

#endif
