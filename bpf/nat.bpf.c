// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What user space has done to sessions: it runs this program, since to end one is more than to write. Some
 * at a time, since no packet is looked at on that CPU meanwhile. It is TC's by name alone: programs that
 * may sleep use no queues before Linux 6.7.
 */
#include "lib/session.h"

struct weir_flush flush SEC(".data.flush");

static long flush_step(__u32 i, const __u32 *from)
{
	__u32 at = *from + i;
	struct weir_session *s = session_at(at);
	struct looking l = {}; /* not the CPU's own, which a packet may take from us */

	if (!s)
		return 1;
	if (s->life == WEIR_LIFE_LIVE && weir_session_matches(s, &flush))
		flush.ended += (__u32)session_end_by(&l, at, s->serial);
	return 0;
}

SEC("tc")
int weir_flush(struct __sk_buff *skb)
{
	__u32 from = *(volatile __u32 *)&flush.from;

	bpf_loop(WEIR_FLUSH_STEP, flush_step, &from, 0);
	*(volatile __u32 *)&flush.from = from + WEIR_FLUSH_STEP;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
