// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The usual way to time a packet between stages: an LRU hash by the skb's address, which is looked
 * up at each tracepoint, and a histogram for each stage. It looks at all packets of all namespaces,
 * as such tools do, and so saves asking whose they are.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define PACKETS 10240 /* as many as BCC's tools have room for */
#define SLOTS	32    /* powers of two of nanoseconds */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PACKETS);
	__type(key, __u64);
	__type(value, __u64);
} packets SEC(".maps");

enum stage { RECEIVE, QUEUE, START_XMIT, XMIT, COPY, STAGES };

struct {
	__u64 slot[SLOTS];
} hist[STAGES];

static __always_inline __u32 log2_of(__u64 v)
{
	__u32 r = 0;

	for (int shift = 16; shift; shift /= 2)
		if (v >> shift) {
			v >>= shift;
			r += shift;
		}
	return r < SLOTS ? r : SLOTS - 1;
}

/* The time since the tracepoint before. */
static __always_inline void stage(__u64 skb, enum stage stage)
{
	__u64 now = bpf_ktime_get_ns(), *since = bpf_map_lookup_elem(&packets, &skb);

	if (!since) {
		bpf_map_update_elem(&packets, &skb, &now, BPF_ANY);
		return;
	}
	__sync_fetch_and_add(&hist[stage].slot[log2_of(now - *since)], 1);
	*since = now;
}

SEC("tp_btf/napi_gro_receive_entry")
int lru_gro(__u64 *ctx)
{
	__u64 now = bpf_ktime_get_ns(), skb = ctx[0];

	bpf_map_update_elem(&packets, &skb, &now, BPF_ANY);
	return 0;
}

SEC("tp_btf/netif_receive_skb")
int lru_receive(__u64 *ctx)
{
	stage(ctx[0], RECEIVE);
	return 0;
}

SEC("tp_btf/net_dev_queue")
int lru_queue(__u64 *ctx)
{
	stage(ctx[0], QUEUE);
	return 0;
}

SEC("tp_btf/net_dev_start_xmit")
int lru_start_xmit(__u64 *ctx)
{
	stage(ctx[0], START_XMIT);
	return 0;
}

/* The packet is another's from here on. */
SEC("tp_btf/net_dev_xmit")
int lru_xmit(__u64 *ctx)
{
	__u64 skb = ctx[0];

	stage(skb, XMIT);
	bpf_map_delete_elem(&packets, &skb);
	return 0;
}

/* A datagram is read; it ends here. */
SEC("tp_btf/skb_copy_datagram_iovec")
int lru_copy(__u64 *ctx)
{
	__u64 skb = ctx[0];

	stage(skb, COPY);
	bpf_map_delete_elem(&packets, &skb);
	return 0;
}
