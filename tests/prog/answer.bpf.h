/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every IPv4 packet is refused, and answered if it may be; all else passes. For any hook. */
#ifndef TESTS_PROG_ANSWER_BPF_H
#define TESTS_PROG_ANSWER_BPF_H

#include "lib/answer.h"

static __always_inline int answer_all(hook_ctx *ctx)
{
	struct headers h = {};
	struct pkt p;
	__be16 proto;
	int code;

	if (!packet_enter(ctx, &p))
		return HOOK_PASS;
#if HOOK_TC
	headers_pull(&p, &h);
#else
	h.eth = (void *)(long)ctx->data;
	h.end = (void *)(long)ctx->data_end;
#endif
	if ((void *)(h.eth + 1) > h.end)
		return HOOK_DROP;
	proto = *(__be16 *)((void *)h.eth + 2 * ETH_ALEN);
#if !HOOK_TC
	if (is_tag(proto)) {
		struct tagged t = tags_read(&p, h.eth, h.end);

		p.l3_off = ETH_HLEN + t.len;
		proto = t.proto;
	}
#endif
	if (proto != bpf_htons(ETH_P_IP))
		return HOOK_PASS;
	h.ip = (void *)h.eth + p.l3_off;
	h.wire_len = (void *)(h.ip + 1) > h.end ? 0 : wire_len(&p, &h, bpf_ntohs(h.ip->tot_len));
	code = answer_refused(&p, &h, 0);
	return code ? code : HOOK_DROP;
}

#endif
