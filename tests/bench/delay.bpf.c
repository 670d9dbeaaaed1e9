// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A known delay at traffic control, and when packets enter and leave: both measured without weir.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define AF_INET	  2
#define TURNS_MAX 100000 /* of the clock, in one delay */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Of the kernel's structs, the fields used here. */
struct net {
	__u64 net_cookie;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct net_device *dev;
	__be16 protocol;
} __attribute__((preserve_access_index));

struct sock_common {
	unsigned short skc_family;
	possible_net_t skc_net;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
} __attribute__((preserve_access_index));

/* Written before packets come. */
__u64 cookie;
int in_ifindex, out_ifindex; /* 0: packets end at a socket */
__u64 delay_ns;

/* All on one CPU. Sums of points in time: their difference is what all packets took together. */
struct {
	__u64 delayed, delayed_ns;
	__u64 entered, entered_ns;
	__u64 left, left_ns;
} sums;

static long turn(__u64 i, __u64 *until)
{
	return bpf_ktime_get_ns() >= *until;
}

static __always_inline void take_time(struct __sk_buff *skb)
{
	__u64 start = bpf_ktime_get_ns(), until = start + delay_ns;

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return;
	bpf_loop(TURNS_MAX, turn, &until, 0);
	sums.delayed++;
	sums.delayed_ns += bpf_ktime_get_ns() - start;
}

SEC("tcx/ingress")
int delay_pass(struct __sk_buff *skb)
{
	take_time(skb);
	return TCX_PASS;
}

SEC("tcx/ingress")
int delay_next(struct __sk_buff *skb)
{
	take_time(skb);
	return TCX_NEXT;
}

static __always_inline void count_entered(const struct sk_buff *skb)
{
	if (skb->dev->ifindex != in_ifindex || skb->dev->nd_net.net->net_cookie != cookie ||
		skb->protocol != bpf_htons(ETH_P_IP))
		return;
	sums.entered++;
	sums.entered_ns += bpf_ktime_get_ns();
}

/* A packet comes by one of these two: a veth's by the second where its sender was a socket. */
SEC("tp_btf/napi_gro_receive_entry")
int enter_by_gro(__u64 *ctx)
{
	count_entered((const void *)ctx[0]);
	return 0;
}

SEC("tp_btf/netif_rx")
int enter_by_backlog(__u64 *ctx)
{
	count_entered((const void *)ctx[0]);
	return 0;
}

SEC("tp_btf/net_dev_xmit")
int leave_by_dev(__u64 *ctx)
{
	const struct net_device *dev = (const void *)ctx[2];

	if (dev->ifindex != out_ifindex || dev->nd_net.net->net_cookie != cookie)
		return 0;
	sums.left++;
	sums.left_ns += bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sock_recv_length")
int leave_by_sock(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];

	if (out_ifindex || (int)ctx[1] < 0 || sk->__sk_common.skc_family != AF_INET ||
		sk->__sk_common.skc_net.net->net_cookie != cookie)
		return 0;
	sums.left++;
	sums.left_ns += bpf_ktime_get_ns();
	return 0;
}
