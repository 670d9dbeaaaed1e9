// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The interpreter of expressions, as the programs of `weir trace` run it, on a frame of the test's.
 */
#include "../../bpf/lib/expr_run.h"

__u32 kind;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct expr_run);
} room SEC(".maps");

SEC("xdp.frags")
int expr_try(struct xdp_md *ctx)
{
	__u32 zero = 0, len = (__u32)bpf_xdp_get_buff_len(ctx);
	struct expr_run *run = bpf_map_lookup_elem(&room, &zero);

	if (!run)
		return 2;
	run->wirelen = len;
	run->caplen = len < WEIR_EXPR_BYTES ? len : WEIR_EXPR_BYTES;
	if (bpf_xdp_load_bytes(ctx, 0, run->bytes, one_to(WEIR_EXPR_BYTES, run->caplen)))
		return 2;
	return expr_matches(run, kind);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
