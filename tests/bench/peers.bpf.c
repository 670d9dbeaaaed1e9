// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What weir is measured against, and what counts at the far end.
 *
 * All of them leave to the kernel what is not IPv4: ARP must go on working while they run.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

#define AF_INET 2
#define NOWHERE 0x7fffffff /* no device's ifindex */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Of the kernel's structs, the fields used here. */
struct net {
	__u64 net_cookie;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

struct napi_struct {
	struct net_device *dev;
} __attribute__((preserve_access_index));

/* The floor's next hop, written before it runs. */
__u32 to_ifindex;
unsigned char to_mac[ETH_ALEN];
unsigned char from_mac[ETH_ALEN];

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

/* Written before any run. */
__u64 lab_cookie[3];
__u32 send_cpu;

/* Frames that a lab's device was polled for on another CPU than the sender's. */
__u64 strays;

/* Writer: the poll of the sink's one queue, of which there is one at a time. */
struct {
	__u64 packets;
	__u64 bytes;
	__u64 translated;   /* with the source that is written before a run */
	__u64 warm, expect; /* written before a run: when that many have come, the time is taken */
	__u64 start_ns, end_ns;
	__be32 source;
	__u32 no_drop; /* written before a run: frames must not end as dropped ones */
} sink __attribute__((aligned(64)));

/* The floor of the harness: what two veth pairs, a redirect and the sink cost. */
SEC("xdp")
int xdp_floor(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	__builtin_memcpy(eth->h_dest, to_mac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, from_mac, ETH_ALEN);
	return bpf_redirect(to_ifindex, 0);
}

/* The least that forwards by the kernel's own routes: no check but the TTL's, no count. Returns the
 * device to send to, 0 where it is the kernel's. */
static __always_inline __u32 fib(void *ctx, void *data, void *end, __u32 ingress)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct bpf_fib_lookup f = {0};
	__u32 sum;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ttl <= 1)
		return 0;
	f.family = AF_INET;
	f.tos = ip->tos;
	f.l4_protocol = ip->protocol;
	f.tot_len = bpf_ntohs(ip->tot_len);
	f.ipv4_src = ip->saddr;
	f.ipv4_dst = ip->daddr;
	f.ifindex = ingress;
	if (bpf_fib_lookup(ctx, &f, sizeof(f), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return 0;
	sum = ip->check + bpf_htons(0x0100); /* RFC 1624 */
	ip->check = sum + (sum >= 0xffff);
	ip->ttl--;
	__builtin_memcpy(eth->h_dest, f.dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, f.smac, ETH_ALEN);
	return f.ifindex;
}

SEC("xdp")
int xdp_fib(struct xdp_md *ctx)
{
	__u32 to = fib(
		ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end, ctx->ingress_ifindex);

	return to ? bpf_redirect(to, 0) : XDP_PASS;
}

SEC("xdp")
int xdp_fib_map(struct xdp_md *ctx)
{
	__u32 to = fib(
		ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end, ctx->ingress_ifindex);

	return to ? bpf_redirect_map(&ports, to, 0) : XDP_PASS;
}

/* The same at TC's ingress hook. */
SEC("tcx/ingress")
int tc_fib(struct __sk_buff *skb)
{
	__u32 to = fib(
		skb, (void *)(long)skb->data, (void *)(long)skb->data_end, skb->ingress_ifindex);

	return to ? bpf_redirect(to, 0) : TCX_NEXT;
}

SEC("xdp")
int xdp_sink(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
		ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	sink.bytes += end - (void *)eth;
	sink.translated += ip->saddr == sink.source;
	if (++sink.packets == sink.warm)
		sink.start_ns = bpf_ktime_get_ns();
	if (sink.packets == sink.expect)
		sink.end_ns = bpf_ktime_get_ns();
	/* An skb that XDP drops is freed as dropped, and whoever watches drops would see each frame
	 * as one. Where a redirect leads nowhere, the skb was consumed before. */
	return sink.no_drop ? bpf_redirect(NOWHERE, 0) : XDP_DROP;
}

/*
 * A poll stays on the CPU that it began on for as long as frames keep coming. One ARP request sent
 * from elsewhere can so carry off a whole run to a second core, and make it look cheap.
 */
SEC("tp_btf/napi_poll")
int BPF_PROG(napi_poll, struct napi_struct *napi, int work)
{
	__u64 cookie;

	if (bpf_get_smp_processor_id() == send_cpu || !napi->dev)
		return 0;
	cookie = napi->dev->nd_net.net->net_cookie;
	if (cookie == lab_cookie[0] || cookie == lab_cookie[1] || cookie == lab_cookie[2])
		__sync_fetch_and_add(&strays, work);
	return 0;
}
