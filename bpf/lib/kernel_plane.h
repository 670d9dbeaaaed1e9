/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What observers of the kernel plane share: what is watched, and whose packet it is. */
#ifndef WEIR_BPF_KERNEL_PLANE_H
#define WEIR_BPF_KERNEL_PLANE_H

#include "kernel_structs.h"

#include <bpf/bpf_tracing.h>
#include <weir/kernel.h>

/* --- maps --- */

struct weir_kwatch kwatch SEC(".data.kwatch");

const volatile struct weir_kself kself SEC(".rodata.kself");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_KNS_MAX);
	__type(key, struct weir_kns_key);
	__type(value, struct weir_kns);
} kns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CPUs */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weir_klost);
} klost SEC(".maps");

/* --- whose packet --- */

static __always_inline struct weir_klost *losses(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&klost, &cpu);
}

#define lose(what)                                                                                 \
	({                                                                                         \
		struct weir_klost *_l = losses();                                                  \
                                                                                                   \
		if (_l)                                                                            \
			_l->what++;                                                                \
	})

/* @cookie 0: no namespace could be told. */
static __always_inline bool is_watched(__u64 cookie)
{
	struct weir_kns_key key = {.netns_cookie = cookie};

	if (kself.netns_cookie)
		return cookie == kself.netns_cookie;
	return *(volatile __u32 *)&kwatch.all || bpf_map_lookup_elem(&kns, &key);
}

#endif
