// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The TC egress hook of the fast path: what the kernel sends, local senders' packets and what it
 * forwarded itself. One instance of this program is loaded for each device.
 */
#define THIS_HOOK WEIR_HOOK_tc_egress
#include "lib/hook_tc.h"
#include "lib/explain.h"
#include "lib/judge.h"
#include "lib/rewrite.h"

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

/* The packet's session, as it was when it came in by one of our devices, or as it is now. */
static __always_inline struct track *sent_begin(struct pkt *p, bool ours)
{
	struct track *t = track_of();
	int what;

	if (!t || p->ctx->protocol != bpf_htons(ETH_P_IP))
		return NULL;
	what = track_read(p->ctx, ETH_HLEN, p->ctx->ingress_ifindex);
	if (what == TRACKED_NEW)
		what = track_in(p->ctx);
	if (ours && t->frag == WEIR_FRAG_FIRST) {
		fragment_through(t);
		if (what == TRACKED_FOUND) /* the kernel has cut it, or put it together */
			fragment_keep(t, true);
	}
	if (what == TRACKED_FOUND)
		t->done = ours;
	return t;
}

static __always_inline struct verdict sent_drop(struct pkt *p, __u32 exit)
{
	struct headers h = {}; /* of a superframe all is quoted that there is room for */

	barrier_var(exit);
	if (exit >= WEIR_EXIT_COUNT)
		return weir_drop(p, tc_egress, NAT_FULL);
	if (is_for_want(exit))
		return exit_reject(p, exit, answer_refused(p, &h, ANSWER_ICMP));
	if (exit == WEIR_EXIT_tc_egress_FILTER_REJECT)
		return exit_reject(p, exit, answer_refused(p, &h, 0));
	return exit_drop(p, exit);
}

/*
 * What the filter, and NAT, say of what is sent: 0, or the exit of a drop, plus one. What bears a
 * tag is a VLAN device's, for which they are asked there: it comes by once more on its way out of
 * the device below.
 */
static __always_inline __u32 sent_judge(struct pkt *p)
{
	bool ours = came_in_by_ours(p->ctx);
	__u32 iif = p->ctx->ingress_ifindex, drop;
	struct track *t = self.track ? sent_begin(p, ours) : NULL;

	if (self.filter && !ours) {
		switch (SAID_VERDICT(judge(p->ctx, ETH_HLEN, iif, self.ifindex, t != NULL))) {
		case WEIR_drop:
			return WEIR_EXIT_tc_egress_FILTER + 1;
		case WEIR_reject:
			return WEIR_EXIT_tc_egress_FILTER_REJECT + 1;
		}
	}
	if (!t)
		return 0;
	t->oif = self.ifindex;
	drop = track_leave(p->ctx, t, t->daddr);
	if (drop)
		return drop;
	if ((src_changes(t) || dst_changes(t)) && rewrite_packet(p->ctx, WRITE_SRC | WRITE_DST))
		return WEIR_EXIT_tc_egress_NAT_FULL + 1;
	return 0;
}

SEC("tcx/egress")
int weir_tc_egress(struct __sk_buff *skb)
{
	struct pkt p;
	__u32 drop;

	if (!packet_enter(skb, &p))
		return HOOK_PASS;
	p.oif = self.ifindex;
	if (is_judged(skb, &p))
		return weir_send(&p, tc_egress, TC_JUDGED).code;
	drop = (self.filter || self.track) && !hook_tag(skb) ? sent_judge(&p) : 0;
	stage_done(&p, WEIR_FAST_tc_egress);
	if (drop)
		return sent_drop(&p, drop - 1).code;
	return weir_send(&p, xmit, NONE).code;
}

/* Of a dry instance, run after it: see lib/explain.h. */
SEC("?tc")
int weir_explain(struct __sk_buff *skb)
{
	return explain(skb);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
