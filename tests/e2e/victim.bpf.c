// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* XDP and tcx programs that are not weir's, and drop UDP to port 6000. */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed));

static __always_inline bool is_victim(const void *data, const void *end)
{
	const struct frame *f = data;

	return (const void *)(f + 1) <= end && f->eth.h_proto == bpf_htons(ETH_P_IP) &&
	       f->ip.protocol == IPPROTO_UDP && f->udp.dest == bpf_htons(6000);
}

SEC("xdp")
int victim_xdp(struct xdp_md *ctx)
{
	return is_victim((void *)(long)ctx->data, (void *)(long)ctx->data_end) ? XDP_DROP
									       : XDP_PASS;
}

SEC("tcx/ingress")
int victim_tcx(struct __sk_buff *skb)
{
	bpf_skb_pull_data(skb, sizeof(struct frame));
	return is_victim((void *)(long)skb->data, (void *)(long)skb->data_end)
		       ? 2   /* TCX_DROP, TC_ACT_SHOT */
		       : -1; /* TCX_NEXT */
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
