// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The filter alone: fields come in as a packet's bytes, and what was judged goes out behind them.
 */
#include "lib/base.h"
#include "lib/filter.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_fields);
} scratch SEC(".maps");

/* Packets for the bench, one after the other. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct weir_fields);
} packets SEC(".maps");

__u32 next_packet;
__u64 rules_seen;

SEC("tc")
int judge(struct __sk_buff *skb)
{
	struct weir_judged judged;
	__u32 zero = 0;
	struct weir_fields *f = bpf_map_lookup_elem(&scratch, &zero);

	if (!f || bpf_skb_load_bytes(skb, 0, f, sizeof(*f)))
		return 1;
	filter_judge(f, &judged);
	return bpf_skb_store_bytes(skb, sizeof(*f), &judged, sizeof(judged), 0) ? 1 : 0;
}

SEC("tc")
int find(struct __sk_buff *skb)
{
	struct weir_rule_rec rec = {};
	__u32 zero = 0, rule;
	struct weir_fields *f = bpf_map_lookup_elem(&scratch, &zero);

	if (!f || bpf_skb_load_bytes(skb, 0, f, sizeof(*f)))
		return 1;
	rule = nat_find(f, &rec);
	bpf_skb_store_bytes(skb, sizeof(*f), &rule, sizeof(rule), 0);
	return bpf_skb_store_bytes(skb, sizeof(*f) + sizeof(rule), &rec.id, sizeof(rec.id), 0) ? 1
											       : 0;
}

SEC("tc")
int sweep(struct __sk_buff *skb)
{
	__u64 now = bpf_ktime_get_ns();

	bpf_for_each_map_elem(&buckets, bucket_sweep, &now, 0);
	return 0;
}

SEC("tc")
int bench(struct __sk_buff *skb)
{
	struct weir_judged judged;
	__u32 i = next_packet++ & 4095;
	struct weir_fields *f = bpf_map_lookup_elem(&packets, &i);

	if (!f)
		return 1;
	filter_judge(f, &judged);
	rules_seen += judged.rule;
	return 0;
}

/* What the bench costs without the filter. */
SEC("tc")
int floor_of_bench(struct __sk_buff *skb)
{
	__u32 i = next_packet++ & 4095;
	struct weir_fields *f = bpf_map_lookup_elem(&packets, &i);

	if (!f)
		return 1;
	rules_seen += f->dim[0];
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
