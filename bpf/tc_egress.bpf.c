// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The TC egress hook of the fast path: what the kernel sends, local senders' packets and what it
 * forwarded itself. One instance of this program is loaded for each device.
 */
#define THIS_HOOK WEIR_HOOK_tc_egress
#include "lib/hook_tc.h"
#include "lib/judge.h"

/* Whether the TC ingress program sent the packet here: this CPU is still within that call. */
static __always_inline bool is_judged(struct __sk_buff *skb, const struct pkt *p)
{
	__u32 i = p->cpu * 2;
	struct weir_cursor *in = bpf_map_lookup_elem(&cursor_tc, &i);

	return in && in->skb && in->skb_oif == self.ifindex && in->skb == hook_identity(skb);
}

/* Then it was judged there. */
static __always_inline bool came_in_by_ours(struct __sk_buff *skb)
{
	__u32 iif = skb->ingress_ifindex;

	return iif && bpf_map_lookup_elem(&ports, &iif);
}

SEC("tcx/egress")
int weir_tc_egress(struct __sk_buff *skb)
{
	struct pkt p;

	if (!packet_enter(skb, &p))
		return HOOK_PASS;
	p.oif = self.ifindex;
	if (is_judged(skb, &p))
		return weir_send(&p, tc_egress, TC_JUDGED).code;
	if (self.filter && !came_in_by_ours(skb)) {
		struct headers h = {}; /* of a superframe all is quoted that there is room for */

		switch (SAID_VERDICT(judge(skb, ETH_HLEN, skb->ingress_ifindex, self.ifindex))) {
		case WEIR_drop:
			return weir_drop(&p, tc_egress, FILTER).code;
		case WEIR_reject:
			return weir_reject(&p, tc_egress, &h).code;
		}
	}
	stage_done(&p, WEIR_FAST_tc_egress);
	return weir_send(&p, xmit, NONE).code;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
