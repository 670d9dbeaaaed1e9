/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts need to know of the hook they are built for: TC. THIS_HOOK is the
 * including file's to say: ingress or egress. */
#ifndef WEIR_BPF_HOOK_H
#define WEIR_BPF_HOOK_H

#include <linux/pkt_cls.h>

#include "kernel.h"
#include "maps.h"

#define HOOK_TC 1

/* The ways out while the link layer is looked at. */
#define link_drop(p, cause) weir_drop(p, tc_ingress, cause)
#define link_pass(p, cause) weir_pass(p, tc_ingress, cause)
#define link_left(p)	    stage_done(p, WEIR_FAST_tc_ingress)

typedef struct __sk_buff hook_ctx;

/* TC_ACT_UNSPEC: whoever comes next at this hook decides, as without us. */
enum {
	HOOK_PASS = TC_ACT_UNSPEC,
	HOOK_DROP = TC_ACT_SHOT,
	HOOK_REDIRECT = TC_ACT_REDIRECT,
	HOOK_ANSWER = TC_ACT_REDIRECT, /* to where bpf_redirect() was told */
};

#undef TC_ACT_SHOT
#undef TC_ACT_REDIRECT

static __always_inline __u32 hook_len(hook_ctx *ctx)
{
	return ctx->len;
}

/* Recorded by the driver, plus one; or not at all. */
static __always_inline __u32 hook_queue(hook_ctx *ctx)
{
	__u32 queue = ctx->queue_mapping;

	return queue ? queue - 1 : 0;
}

/* A superframe counts as one packet, and is said to be one. */
static __always_inline void hook_count(hook_ctx *ctx, struct weir_row *row)
{
	if (unlikely(ctx->gso_size)) {
		row->gso_frames++;
		row->gso_segs += ctx->gso_segs;
	}
}

static __always_inline long hook_load(hook_ctx *ctx, __u32 off, void *to, __u32 n)
{
	return bpf_skb_load_bytes(ctx, off, to, n);
}

static __always_inline long hook_store(hook_ctx *ctx, __u32 off, void *from, __u32 n)
{
	return bpf_skb_store_bytes(ctx, off, from, n, BPF_F_RECOMPUTE_CSUM);
}

/* A VLAN tag that does not stand in the frame, as it would there. */
static __always_inline __u32 hook_tag(hook_ctx *ctx)
{
	return ctx->vlan_present ? ctx->vlan_proto | (__u32)bpf_htons((__u16)ctx->vlan_tci) << 16
				 : 0;
}

/* The context is the skb itself: to be read by a probe. */
static __always_inline struct net_device *hook_dev(hook_ctx *ctx)
{
	struct sk_buff *skb = (void *)ctx;

	return BPF_CORE_READ(skb, dev);
}

/* The skb came encrypted, as what IPsec has put beside it tells. */
static __always_inline bool hook_decrypted(hook_ctx *ctx)
{
	struct sk_buff *skb = (void *)ctx;

	return bpf_core_field_exists(skb->active_extensions) &&
	       bpf_core_enum_value_exists(enum skb_ext_id, SKB_EXT_SEC_PATH) &&
	       BPF_CORE_READ(skb, active_extensions) >>
			       bpf_core_enum_value(enum skb_ext_id, SKB_EXT_SEC_PATH) &
		       1;
}

static __always_inline struct weir_cursor *hook_cursor(__u32 cpu)
{
	__u32 i = cpu * 2 + (THIS_HOOK == WEIR_HOOK_tc_egress);

	return bpf_map_lookup_elem(&cursor_tc, &i);
}

/* Which skb this is, for what is told of it later; where the kernel does not say, any. */
static __always_inline __u64 hook_identity(hook_ctx *ctx)
{
	if (!bpf_ksym_exists(bpf_cast_to_kern_ctx))
		return WEIR_SKB_ANY;
	return (__u64)(long)bpf_cast_to_kern_ctx(ctx);
}

#endif
