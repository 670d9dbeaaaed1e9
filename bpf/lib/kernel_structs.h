/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is read of the kernel's structs where Linux's own path is observed: by the kernel plane, and
 * by `weir trace plane kernel`.
 */
#ifndef WEIR_BPF_KERNEL_STRUCTS_H
#define WEIR_BPF_KERNEL_STRUCTS_H

#include "base.h"

#include <bpf/bpf_core_read.h>

#define AF_INET6  10
#define AF_PACKET 17

#define LOOPBACK 1 /* ifindex: also that by which the FIB is asked for what this host sends */
/* skb->pkt_type */
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OUTGOING	 4
#define PACKET_LOOPBACK	 5

#define KERNEL __attribute__((preserve_access_index))

typedef struct {
	long counter;
} KERNEL atomic_long_t;

struct fqdir {
	long high_thresh;
	atomic_long_t mem;
} KERNEL;

struct netns_ipv4 {
	struct fqdir *fqdir;
} KERNEL;

struct net {
	__u64 net_cookie;
	struct netns_ipv4 ipv4;
} KERNEL;

typedef struct {
	struct net *net;
} KERNEL possible_net_t;

struct nf_hook_entries;

struct net_device {
	char name[16];
	int ifindex;
	unsigned int mtu;
	unsigned long state; /* bits: enum netdev_state_t */
	const unsigned char *dev_addr;
	possible_net_t nd_net;
	struct nf_hook_entries *nf_hooks_ingress, *nf_hooks_egress;
	void *rx_handler; /* a function */
	struct bpf_prog *xdp_prog; /* a generic one */
} KERNEL;

struct kernfs_node {
	__u64 id;
} KERNEL;

struct cgroup {
	struct kernfs_node *kn;
} KERNEL;

struct sock_cgroup_data {
	struct cgroup *cgroup;
} KERNEL;

struct sock_common {
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
} KERNEL;

struct sk_buff_head {
	struct sk_buff *prev;
	__u32 qlen;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	__u16 sk_type;
	__u16 sk_protocol;
	struct sock_cgroup_data sk_cgrp_data;
} KERNEL;

struct dst_entry {
	struct net_device *dev;
	void *input; /* a function */
	short error;
} KERNEL;

/* IPv4's, around its dst_entry */
struct rtable {
	struct dst_entry dst;
	unsigned int rt_flags;
} KERNEL;

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	unsigned long _skb_refdst;
	void *destructor; /* a function */
	__u8 pkt_type : 3;
	__u8 vlan_present : 1; /* before Linux 6.2 */
	__be16 vlan_proto;
	__u16 vlan_tci;
	__u32 mark;
	int skb_iif;
	__be16 protocol;
	__u16 network_header, mac_header;
	unsigned int tail, end; /* from head: kernels of 64 bits */
	unsigned char *head, *data;
} KERNEL;

typedef struct {
	int counter;
} KERNEL atomic_t;

struct skb_shared_info {
	unsigned short gso_size;
	atomic_t dataref;
} KERNEL;

struct nf_hook_state {
	__u8 hook;
	struct net_device *in, *out;
	struct net *net;
} KERNEL;

struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
} KERNEL;

static __always_inline __u64 cookie_of_dev(const struct net_device *dev)
{
	return dev->nd_net.net->net_cookie;
}

static __always_inline __u64 cookie_of_sock(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->net_cookie;
}

static __always_inline bool is_ip(const struct sk_buff *skb)
{
	return skb->protocol == bpf_htons(ETH_P_IP);
}

static __always_inline bool has_ip_header(const struct sk_buff *skb)
{
	return is_ip(skb) && skb->network_header != (__u16)~0U;
}

/* Whether it stands for several frames; most are no longer than one. */
static __always_inline bool is_super(const struct sk_buff *skb, const struct net_device *dev)
{
	const struct skb_shared_info *shared;

	if (likely(skb->len <= dev->mtu + ETH_HLEN))
		return false;
	shared = (const void *)(skb->head + skb->end);
	return BPF_CORE_READ(shared, gso_size);
}

#endif
