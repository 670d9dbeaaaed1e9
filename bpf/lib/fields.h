/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What rules test of a packet, read wherever it lies in the frame: behind options, behind the first
 * buffer. This is for the first packet of a flow, and for what goes to the kernel.
 */
#ifndef WEIR_BPF_FIELDS_H
#define WEIR_BPF_FIELDS_H

#include "flow.h"
#include <weir/rules.h>

#define PROTO_NONE 256 /* beyond all of IPv4's: rules that ask nothing of IP alone hold */

/* The first bytes behind the IP header that rules look at. */
union l4_head {
	struct {
		__be16 sport, dport;
	};
	struct {
		__u8 type, code;
	};
	__u8 bytes[16];
};

#define TCP_FLAGS_AT 13

/* The packet in hand: for each CPU, since the stack is too small for it. */
struct fields_scratch {
	struct iphdr ip;
	union l4_head l4;
};

static __always_inline void fields_l4(
	hook_ctx *ctx, struct weir_fields *f, struct fields_scratch *s, __u32 off, __u32 len)
{
	__u32 proto = f->dim[WEIR_DIM_proto];

	if (proto_has_ports((__u8)proto) && len >= 4 && !hook_load(ctx, off, &s->l4, 4)) {
		f->dim[WEIR_DIM_sport] = bpf_ntohs(s->l4.sport);
		f->dim[WEIR_DIM_dport] = bpf_ntohs(s->l4.dport);
	}
	if (proto == IPPROTO_ICMP && len >= 2 && !hook_load(ctx, off, &s->l4, 2)) {
		f->icmp_type = s->l4.type;
		f->icmp_code = s->l4.code;
	}
	if (proto == IPPROTO_TCP && len > TCP_FLAGS_AT)
		hook_load(ctx, off + TCP_FLAGS_AT, &f->tcp_flags, 1);
}

/* The IPv4 packet at @l3_off; without one, what is asked of any frame. */
static __always_inline void fields_ip(
	hook_ctx *ctx, struct weir_fields *f, struct fields_scratch *s, __u32 l3_off)
{
	const struct iphdr *ip = &s->ip;
	__u32 off, head;

	if (hook_load(ctx, l3_off, &s->ip, sizeof(s->ip)) || ip->version != 4 || ip->ihl < 5)
		return;
	head = ip->ihl * 4;
	f->dim[WEIR_DIM_src] = bpf_ntohl(ip->saddr);
	f->dim[WEIR_DIM_dst] = bpf_ntohl(ip->daddr);
	f->dim[WEIR_DIM_proto] = ip->protocol;
	off = bpf_ntohs(ip->frag_off);
	if (off & IP_OFFSET)
		f->frag = WEIR_FRAG_LATER;
	else if (off & IP_MF)
		f->frag = WEIR_FRAG_FIRST;
	if (f->frag != WEIR_FRAG_LATER)
		fields_l4(ctx, f, s, l3_off + head,
			ip->tot_len ? bpf_ntohs(ip->tot_len) - head : ~0U);
	f->flow = (ip->saddr * 0x9e3779b1U ^ ip->daddr) * 0x85ebca6bU ^
		  (f->dim[WEIR_DIM_sport] << 16 | f->dim[WEIR_DIM_dport]) * 0xc2b2ae35U ^
		  ip->protocol;
}

static __always_inline void fields_read(
	hook_ctx *ctx, struct weir_fields *f, struct fields_scratch *s, __u32 l3_off)
{
	__u16 proto = 0;

	*f = (struct weir_fields){.len = hook_len(ctx)};
	f->dim[WEIR_DIM_sport] = f->dim[WEIR_DIM_dport] = WEIR_NO_PORT;
	f->dim[WEIR_DIM_proto] = PROTO_NONE;
	if (!hook_load(ctx, l3_off - sizeof(proto), &proto, sizeof(proto)) &&
		proto == bpf_htons(ETH_P_IP))
		fields_ip(ctx, f, s, l3_off);
}

#endif
