// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A tcx program that is not weir's. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tcx/ingress")
int foreign_tcx(struct __sk_buff *skb)
{
	return -1; /* TCX_NEXT */
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
