// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What answers refused packets (bpf/lib/answer.h), at TC ingress. */
#define THIS_HOOK WEIR_HOOK_tc_ingress
#include "lib/hook_tc.h"
#include "answer.bpf.h"

SEC("tcx/ingress")
int answer_tc(struct __sk_buff *skb)
{
	return answer_all(skb);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
