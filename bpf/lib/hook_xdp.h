/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts need to know of the hook they are built for: XDP. */
#ifndef WEIR_BPF_HOOK_H
#define WEIR_BPF_HOOK_H

#include "kernel.h"
#include "maps.h"

#define THIS_HOOK WEIR_HOOK_xdp
#define HOOK_TC	  0

/* The ways out while the link layer is looked at. */
#define link_drop(p, cause) weir_drop(p, xdp, cause)
#define link_pass(p, cause) weir_pass(p, xdp, cause)
#define link_left(p)	    stage_done(p, WEIR_FAST_xdp)

typedef struct xdp_md hook_ctx;

enum {
	HOOK_PASS = XDP_PASS,
	HOOK_DROP = XDP_DROP,
	HOOK_REDIRECT = XDP_REDIRECT,
	HOOK_ANSWER = XDP_TX, /* the frame goes back where it came from */
};

static __always_inline __u32 hook_len(hook_ctx *ctx)
{
	return (__u32)bpf_xdp_get_buff_len(ctx);
}

static __always_inline __u32 hook_queue(hook_ctx *ctx)
{
	return ctx->rx_queue_index;
}

static __always_inline void hook_count(hook_ctx *ctx, struct weir_row *row)
{
}

static __always_inline long hook_load(hook_ctx *ctx, __u32 off, void *to, __u32 n)
{
	return bpf_xdp_load_bytes(ctx, off, to, n);
}

static __always_inline long hook_store(hook_ctx *ctx, __u32 off, void *from, __u32 n)
{
	return bpf_xdp_store_bytes(ctx, off, from, n);
}

/* A VLAN tag that does not stand in the frame: XDP is not told of it. */
static __always_inline __u32 hook_tag(hook_ctx *ctx)
{
	return 0;
}

/* The context is the kernel's own struct, whatever the kernel shows of it: to be read by a probe. */
static __always_inline struct net_device *hook_dev(hook_ctx *ctx)
{
	struct xdp_buff *x = (void *)ctx;

	return BPF_CORE_READ(x, rxq, dev);
}

static __always_inline bool hook_decrypted(hook_ctx *ctx)
{
	return false;
}

static __always_inline struct weir_cursor *hook_cursor(__u32 cpu)
{
	return bpf_map_lookup_elem(&cursor, &cpu);
}

static __always_inline __u64 hook_identity(hook_ctx *ctx)
{
	return 0;
}

#endif
