// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What becomes of a frame that the TC ingress program has redirected. It runs through the outgoing
 * device's queueing discipline and driver within the same call, and is taken as sent; here is told
 * when it was not: dropped before the driver had it, or refused there. A discipline that keeps the
 * frame has taken it, and what it drops later it counts itself.
 */
#include "lib/kernel.h"
#include "lib/maps.h"

#include <bpf/bpf_core_read.h>

#define NETDEV_TX_BUSY 0x10

/* Of the running kernel, its value as CO-RE finds it. */
enum skb_drop_reason { SKB_DROP_REASON_QDISC_DROP = 1, SKB_DROP_REASON_DEV_READY };

#define reason_is(reason, name)                                                                    \
	(bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_##name) &&               \
		(reason) == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_##name))

/* This CPU's cursor, if the frame that it sent off last is this one. */
static __always_inline struct weir_cursor *cursor_of(const void *skb, const struct net_device *dev)
{
	__u32 i = bpf_get_smp_processor_id() * 2;
	struct weir_cursor *cur = bpf_map_lookup_elem(&cursor_tc, &i);

	if (!cur || !cur->skb)
		return NULL;
	if (cur->skb == (__u64)(long)skb)
		return cur;
	if (cur->skb == WEIR_SKB_ANY && dev && dev->ifindex == (int)cur->skb_oif)
		return cur;
	return NULL;
}

static __always_inline void end(struct weir_cursor *cur)
{
	if (cur->timed)
		cursor_time_xmit(cur, WEIR_HOOK_tc_ingress);
	cur->skb = 0;
}

static __always_inline void late_drop(struct weir_cursor *cur, enum weir_exit exit)
{
	struct weir_row *row = cursor_row(cur, WEIR_HOOK_tc_ingress);

	if (row && exit < WEIR_EXIT_COUNT) {
		row->sent--;
		row->exit[exit].packets++;
	}
	end(cur);
}

/* The driver was given the frame: rc 0, it has it. Others are NET_XMIT_DROP and the like; busy, the
 * discipline takes the frame back, or, where there is none, the kernel drops it next. */
SEC("tp_btf/net_dev_xmit")
int weir_net_dev_xmit(__u64 *args)
{
	struct weir_cursor *cur = cursor_of((const void *)args[0], (const void *)args[2]);

	if (!cur || (int)args[1] == NETDEV_TX_BUSY)
		return 0;
	if ((int)args[1])
		late_drop(cur, WEIR_EXIT_xmit_XMIT_FULL);
	else
		end(cur);
	return 0;
}

SEC("tp_btf/qdisc_enqueue")
int weir_qdisc_enqueue(__u64 *args)
{
	struct weir_cursor *cur = cursor_of((const void *)args[2], NULL);

	if (cur)
		end(cur);
	return 0;
}

SEC("tp_btf/kfree_skb")
int weir_kfree_skb(__u64 *args)
{
	const struct sk_buff *skb = (const void *)args[0];
	struct weir_cursor *cur;
	__u64 reason = (__u32)args[2];

	if (!skb)
		return 0;
	cur = cursor_of(skb, skb->dev);
	/* A superframe that was cut in segments is gone; another packet may lie where it did. */
	if (!cur || skb->skb_iif != (int)cur->ifindex)
		return 0;
	if (reason_is(reason, QDISC_DROP))
		late_drop(cur, WEIR_EXIT_xmit_QDISC_DROP);
	else if (reason_is(reason, DEV_READY))
		late_drop(cur, WEIR_EXIT_xmit_XMIT_DOWN);
	else
		late_drop(cur, WEIR_EXIT_xmit_XMIT_FULL);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
