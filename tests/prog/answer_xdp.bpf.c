// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What answers refused packets (bpf/lib/answer.h), and what finds addresses, at XDP. */
#include "lib/hook_xdp.h"
#include "answer.bpf.h"

/* What addr_xdp is asked, and says: the device that the packet came by, and another. */
__u32 other_ifindex = 1, towards = 0; /* in network order, as the addresses */
__u32 own_addr = 0, other_addr = 0;

SEC("xdp.frags")
int answer_xdp(struct xdp_md *ctx)
{
	return answer_all(ctx);
}

SEC("xdp.frags")
int addr_xdp(struct xdp_md *ctx)
{
	own_addr = dev_addr((__u64)(long)hook_dev(ctx), towards);
	other_addr = addr_of_ifindex((__u64)(long)net_of(ctx), other_ifindex, towards);
	return HOOK_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
