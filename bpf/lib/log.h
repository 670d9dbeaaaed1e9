/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that a rule with `log` matched: their heads go to whoever reads, as long as there is
 * room. */
#ifndef WEIR_BPF_LOG_H
#define WEIR_BPF_LOG_H

#include "device.h"
#include "filter_maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WEIR_LOG_RING);
} logged SEC(".maps");

/* How much this CPU has logged lately. */
struct log_rate {
	__u32 epoch, nr;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct log_rate);
} log_rates SEC(".maps");

/* So that a log of each packet does not become the machine's main work. */
static __always_inline bool log_allowed(__u64 now)
{
	__u32 zero = 0, epoch = (__u32)(now / WEIR_EPOCH_NS);
	struct log_rate *r = bpf_map_lookup_elem(&log_rates, &zero);

	if (!r)
		return false;
	if (r->epoch != epoch)
		*r = (struct log_rate){.epoch = epoch};
	return r->nr++ < WEIR_LOG_RATE;
}

__checked_once int log_packet(hook_ctx *ctx, const struct weir_judged *judged, __u32 iif, __u32 oif)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 len = hook_len(ctx), n = len < WEIR_LOG_HEAD ? len : WEIR_LOG_HEAD;
	struct weir_log *l;

	if (!judged)
		return 0;
	if (!log_allowed(now)) {
		__sync_fetch_and_add(&limits.log_limited, 1);
		return 0;
	}
	l = bpf_ringbuf_reserve(&logged, sizeof(*l), 0);
	if (!l) {
		__sync_fetch_and_add(&limits.log_lost, 1);
		return 0;
	}
	l->time_ns = now;
	l->rule = judged->log_id;
	l->decided = judged->id;
	l->iif = iif;
	l->oif = oif;
	l->len = len;
	l->verdict = judged->verdict;
	l->hook = THIS_HOOK;
	l->head_len = (__u8)n;
	l->_pad = 0;
	if (hook_load(ctx, 0, l->head, one_to(WEIR_LOG_HEAD, n)))
		l->head_len = 0;
	bpf_ringbuf_submit(l, 0);
	return 0;
}

#endif
