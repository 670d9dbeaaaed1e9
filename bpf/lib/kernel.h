/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Of the kernel's structs, the fields used here. CO-RE finds them on the running kernel, so that a
 * build needs no kernel's BTF and two builds are the same to the byte.
 */
#ifndef WEIR_BPF_KERNEL_H
#define WEIR_BPF_KERNEL_H

#include "base.h"

#include <linux/in6.h>
#include <linux/xfrm.h>
#include <bpf/bpf_core_read.h>

typedef struct {
	int counter;
} __attribute__((preserve_access_index)) atomic_t;

struct netns_ipv4 {
	atomic_t rt_genid;
	bool fib_has_custom_rules;
	__u8 sysctl_fib_multipath_hash_policy;
} __attribute__((preserve_access_index));

struct list_head {
	struct list_head *next;
} __attribute__((preserve_access_index));

struct hlist_node {
	struct hlist_node *next;
} __attribute__((preserve_access_index));

struct hlist_head {
	struct hlist_node *first;
} __attribute__((preserve_access_index));

struct in_ifaddr {
	struct in_ifaddr *ifa_next;
	__be32 ifa_local, ifa_address, ifa_mask;
	unsigned char ifa_scope;
	__u32 ifa_flags;
} __attribute__((preserve_access_index));

struct in_device {
	struct in_ifaddr *ifa_list;
} __attribute__((preserve_access_index));

struct netns_xfrm {
	unsigned int state_num;
	struct list_head policy_all;
	unsigned int policy_count[6]; /* by direction; then those of sockets */
	__u8 policy_default[3];	      /* Linux 5.18 */
} __attribute__((preserve_access_index));

struct xfrm_policy_walk_entry {
	struct list_head all;
	__u8 dead;
} __attribute__((preserve_access_index));

struct xfrm_policy {
	__u32 index, if_id;
	struct xfrm_selector selector; /* linux/xfrm.h: user space has the same */
	struct xfrm_policy_walk_entry walk;
	__u16 family;
} __attribute__((preserve_access_index));

struct net {
	__u64 net_cookie;
	struct hlist_head *dev_index_head;
	struct netns_ipv4 ipv4;
	struct netns_xfrm xfrm;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct net_device {
	int ifindex;
	unsigned int mtu;
	possible_net_t nd_net;
	struct in_device *ip_ptr;
	struct hlist_node index_hlist;
} __attribute__((preserve_access_index));

struct xdp_rxq_info {
	struct net_device *dev;
} __attribute__((preserve_access_index));

struct xdp_buff {
	struct xdp_rxq_info *rxq;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct net_device *dev;
	int skb_iif;
	__u8 encapsulation : 1;
	__u8 active_extensions;
} __attribute__((preserve_access_index));

enum skb_ext_id {
	SKB_EXT_SEC_PATH,
};

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak; /* Linux 6.2 */

#endif
