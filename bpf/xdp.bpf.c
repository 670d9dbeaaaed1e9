// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The XDP hook of the fast path. One instance of this program is loaded for each device. */
#include "lib/hook_xdp.h"
#include "lib/explain.h"
#include "lib/forward.h"

SEC("xdp.frags")
int weir_xdp(struct xdp_md *ctx)
{
	struct pkt p;

	if (!packet_enter(ctx, &p))
		return XDP_PASS;
	return leave(&p, forward(&p));
}

/* Of a dry instance, run after it: see lib/explain.h. */
SEC("?xdp")
int weir_explain(struct xdp_md *ctx)
{
	return explain(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
