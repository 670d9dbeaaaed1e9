/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a flow keeps of its session: what its packets become, and how many the session was not told
 * of yet. */
#ifndef WEIR_BPF_KNOWN_H
#define WEIR_BPF_KNOWN_H

#include "leave.h"

/* What was found is kept with the flow, if all packets of that key fare alike. */
__checked_once int flow_track(struct weir_flow *f)
{
	const struct track *t = track_of();
	const struct weir_session *s;
	__u32 acked;

	if (!f || !t || t->frag != WEIR_FRAG_NONE || t->error || t->ip.protocol == IPPROTO_ICMP)
		return 0;
	if (!f->ports && has_ports(t->ip.protocol))
		return 0; /* fragments of all other ports have that key, too */
	if (!t->session) {
		/* what is for a name may be an answer from one moment to the next */
		if (t->what == TRACKED_NEW && !t->name && !*(volatile __u32 *)&nat.states) {
			f->version = t->version;
			f->session = t->bucket;
		}
		return 0;
	}
	f->xsaddr = 0;
	if (src_changes(t) || dst_changes(t)) {
		if (!ports_change(t->ip.protocol))
			return 0;
		f->xsaddr = t->saddr;
		f->xdaddr = t->daddr;
		f->xports = t->sport | (__u32)t->dport << 16;
	}
	s = session_at(t->session - 1);
	acked = t->back ? WEIR_TCP_ACK << WEIR_TCP_REPLY : WEIR_TCP_ACK;
	f->packets = f->bytes = 0;
	f->session = WEIR_FLOW_SESSION | (t->back ? WEIR_FLOW_BACK : 0) |
		     (s && s->flags & acked ? WEIR_FLOW_ACKED : 0) | (t->session - 1);
	return 0;
}

/* Of a TCP segment its session may have to know at once. */
__checked_once int flow_tcp(struct weir_flow *f, __u32 tcp)
{
	struct weir_session *s;
	__u32 back, acked;

	if (!f)
		return 0;
	s = session_at(f->session & WEIR_REF_RECORD);
	if (!s || !flow_is_of(f, s))
		return 0;
	back = f->session & WEIR_FLOW_BACK;
	acked = back ? WEIR_TCP_ACK << WEIR_TCP_REPLY : WEIR_TCP_ACK;
	session_tcp(s, back, tcp);
	if (s->flags & acked)
		f->session |= WEIR_FLOW_ACKED;
	else
		f->session &= ~WEIR_FLOW_ACKED;
	return 0;
}

/* A packet of a flow that is known counts for its session. */
static __always_inline void flow_count(struct pkt *p, const struct headers *h, struct weir_flow *f)
{
	const __u8 *l4 = (const __u8 *)(h->ip + 1);

	if (!(f->session & WEIR_FLOW_SESSION))
		return;
	p->counted = 1;
	f->packets++;
	f->bytes += p->len;
	if (h->ip->protocol != IPPROTO_TCP || (const void *)(l4 + 14) > h->end)
		return;
	if (unlikely(l4[13] & (TH_SYN | TH_FIN | TH_RST)) ||
		(unlikely(!(f->session & WEIR_FLOW_ACKED)) && l4[13] & TH_ACK))
		flow_tcp(f, l4[13]);
}

/* Whether what is kept of a flow still holds for there being no session; and all that is written,
 * or asked, is there. */
static __always_inline bool flow_tracked(const struct headers *h, const struct weir_flow *f)
{
	const __u8 *l4 = (const __u8 *)(h->ip + 1);
	__u32 least = sizeof(*h->ip) + (h->ip->protocol == IPPROTO_TCP ? 20 : 8);
	struct weir_index_bucket *b;

	if (likely(f->session & WEIR_FLOW_SESSION))
		return bpf_ntohs(h->ip->tot_len) >= least &&
		       (h->ip->protocol != IPPROTO_TCP || (const void *)(l4 + 18) <= h->end);
	b = bucket_at(f->session);
	return b && *(volatile __u32 *)&b->version == f->version;
}

#endif
