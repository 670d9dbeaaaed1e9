// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The TC ingress hook of the fast path: the same road as XDP's, for what XDP does not see. One
 * instance of this program is loaded for each device.
 */
#define THIS_HOOK WEIR_HOOK_tc_ingress
#include "lib/hook_tc.h"
#include "lib/explain.h"
#include "lib/forward.h"

/* Whether the XDP program of this device has judged the packet before us. */
static __always_inline bool is_judged(struct __sk_buff *skb)
{
	struct weir_mark *mark = (void *)(long)skb->data_meta;

	if ((void *)(mark + 1) > (void *)(long)skb->data)
		return *(volatile __u8 *)&conf.unmarked;
	return mark->ifindex == self.ifindex &&
	       mark->magic == (WEIR_MAGIC ^ (__u32)ctl.netns_cookie);
}

SEC("tcx/ingress")
int weir_tc_ingress(struct __sk_buff *skb)
{
	struct pkt p;

	if (!packet_enter(skb, &p))
		return HOOK_PASS;
	p.cur->skb = 0;
	if (is_judged(skb))
		return leave(&p, weir_pass(&p, tc_ingress, XDP_JUDGED));
	return leave(&p, forward(&p));
}

/* Of a dry instance, run after it: see lib/explain.h. */
SEC("?tc")
int weir_explain(struct __sk_buff *skb)
{
	return explain(skb);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
