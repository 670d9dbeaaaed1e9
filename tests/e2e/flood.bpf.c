// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * More packets at once than a CPU's backlog holds: skb->priority copies of one packet leave by the
 * device skb->mark, in one go. BPF_PROG_RUN runs it with bottom halves off, so that this CPU takes
 * none of them off its backlog before the last one has come.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static long send_one(__u32 i, void *ctx)
{
	struct __sk_buff *skb = *(struct __sk_buff **)ctx;

	(void)i;
	bpf_clone_redirect(skb, skb->mark, 0);
	return 0;
}

SEC("tc")
int flood(struct __sk_buff *skb)
{
	bpf_loop(skb->priority, send_one, &skb, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
