// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What `weir doctor` tries: one program for each thing that a kernel may have or refuse. Each is
 * loaded alone, and attached where nothing flows. None does anything.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum { NF_ACCEPT = 1, CLOCK_MONOTONIC = 1, TC_ACT_UNSPEC = -1 };

struct value {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
} timers SEC(".maps");

/* Weak, so that a kernel without one still loads the other programs. */
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;
extern int bpf_xdp_metadata_rx_vlan_tag(
	const struct xdp_md *ctx, __be16 *proto, __u16 *tag) __ksym __weak;

SEC("xdp")
int try_xdp(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp.frags")
int try_xdp_frags(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int try_kern_ctx(struct xdp_md *ctx)
{
	return bpf_cast_to_kern_ctx(ctx) ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int try_xdp_metadata(struct xdp_md *ctx)
{
	__be16 proto = 0;
	__u16 tag = 0;

	return bpf_xdp_metadata_rx_vlan_tag(ctx, &proto, &tag) ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int try_timer(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct value *v = bpf_map_lookup_elem(&timers, &zero);

	if (v)
		bpf_timer_init(&v->timer, &timers, CLOCK_MONOTONIC);
	return XDP_PASS;
}

SEC("tc")
int try_tc(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

SEC("tcx/ingress")
int try_tcx(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

SEC("netfilter")
int try_netfilter(void *ctx)
{
	return NF_ACCEPT;
}

SEC("tp_btf/xdp_exception")
int try_tp_btf(void *ctx)
{
	return 0;
}

/* A function that is there to be tried on: nothing but BPF_PROG_TEST_RUN calls it. */
SEC("fentry/bpf_fentry_test1")
int try_fentry(void *ctx)
{
	return 0;
}

SEC("kprobe/bpf_fentry_test1")
int try_kprobe(void *ctx)
{
	return 0;
}

SEC("sk_lookup")
int try_sk_lookup(struct bpf_sk_lookup *ctx)
{
	return SK_PASS;
}

SEC("cgroup_skb/ingress")
int try_cgroup(struct __sk_buff *skb)
{
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
