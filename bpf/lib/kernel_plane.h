/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What observers of the kernel plane share: whose packet it is, which row that is, and what of the
 * kernel's structs they read.
 */
#ifndef WEIR_BPF_KERNEL_PLANE_H
#define WEIR_BPF_KERNEL_PLANE_H

#include "base.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <weir/kernel.h>

struct net {
	__u64 net_cookie;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct nf_hook_entries;

struct net_device {
	int ifindex;
	unsigned long state; /* bits: enum netdev_state_t */
	possible_net_t nd_net;
	struct nf_hook_entries *nf_hooks_ingress, *nf_hooks_egress;
	char name[16];
} __attribute__((preserve_access_index));

struct kernfs_node {
	__u64 id;
} __attribute__((preserve_access_index));

struct cgroup {
	struct kernfs_node *kn;
} __attribute__((preserve_access_index));

struct sock_cgroup_data {
	struct cgroup *cgroup;
} __attribute__((preserve_access_index));

struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
} __attribute__((preserve_access_index));

struct sk_buff_head {
	__u32 qlen;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	__u16 sk_protocol;
	struct sock_cgroup_data sk_cgrp_data;
} __attribute__((preserve_access_index));

struct dst_entry {
	struct net_device *dev;
	void *input; /* a function */
	short error;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	unsigned long _skb_refdst;
	int skb_iif;
	__u8 pkt_type : 3;
	__be16 protocol;
	__u16 network_header, mac_header;
	unsigned char *head;
} __attribute__((preserve_access_index));

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

static __always_inline __u64 cookie_of_dev(const struct net_device *dev)
{
	return dev->nd_net.net->net_cookie;
}

static __always_inline __u64 cookie_of_sock(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->net_cookie;
}

#endif
