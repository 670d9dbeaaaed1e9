// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Each packet that the kernel drops: where, why, whose. And sends that fail before there is a
 * packet.
 *
 * Whose: once UDP has queued a packet its `dev` is other data, and TCP clears it; the device is
 * then the one that it came in by, and the namespace is the socket's, which the kernel tells
 * since 6.11, and UDP a moment before.
 */
#include "lib/kernel_drop.h"
#include "lib/kernel_state.h"

#include <weir/kbase.h>

#define EINTR	    4
#define EAGAIN	    11
#define ERESTARTSYS 512

/* The event names the socket that refuses the packet: Linux 6.11. */
const volatile bool tells_socket SEC(".rodata.tells_socket");

/* Where the kernel's own counters stood when observing began: user space alone looks there. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIR_KBASE_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct weir_kbase_key);
	__type(value, __u64);
} kbase SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, WEIR_KDROPS_MAX);
	__type(key, struct weir_kdrop_key);
	__type(value, struct weir_kdrop);
} kdrops SEC(".maps");

/* The socket that has just refused a packet. */
struct refused {
	__u64 cookie; /* 0 = none has */
	__u64 cgroup;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct refused);
} refused SEC(".maps");

/*
 * The socket of which a packet was dropped while this task was sending it: the call that fails for
 * that reason is told already. TCP's calls do not fail so.
 */
struct dropped {
	__u64 sock; /* 0 = none */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct dropped);
} dropped SEC(".maps");

/* The task for which this CPU has last noted one, so that calls which succeed cost little. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} noted SEC(".maps");

static __always_inline void note_dropped(const struct sock *sk)
{
	__u32 zero = 0;
	__u64 *task = bpf_map_lookup_elem(&noted, &zero);
	struct dropped *d;

	if (!task || !sk || sk->sk_protocol == IPPROTO_TCP)
		return;
	d = bpf_task_storage_get(
		&dropped, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!d)
		return;
	d->sock = (__u64)sk;
	*task = bpf_get_current_pid_tgid();
}

/* Whether such a packet was noted since the task's last call; forgets it. */
static __always_inline bool was_dropped(const struct sock *sk)
{
	struct dropped *d = bpf_task_storage_get(&dropped, bpf_get_current_task_btf(), NULL, 0);
	bool was = d && d->sock == (__u64)sk;

	if (d)
		d->sock = 0;
	return was;
}

static __always_inline void forget_dropped(const struct sock *sk)
{
	__u32 zero = 0;
	__u64 *task = bpf_map_lookup_elem(&noted, &zero);

	if (likely(!task || !*task) || *task != bpf_get_current_pid_tgid())
		return;
	*task = 0;
	was_dropped(sk);
}

/* What of a packet's headers is kept: IPv4, and the ports behind it. */
struct head {
	struct iphdr ip;
	__be16 port[2];
};

static __always_inline void take_head(struct weir_kdrop *d, const struct sk_buff *skb)
{
	const unsigned char *at = skb->head + skb->network_header;
	struct head h;

	d->version = 0;
	if (!has_ip_header(skb) || bpf_probe_read_kernel(&h, sizeof(h), at) || h.ip.version != 4)
		return;
	d->version = 4;
	d->saddr = h.ip.saddr;
	d->daddr = h.ip.daddr;
	d->l4 = h.ip.protocol;
	d->sport = d->dport = 0;
	if (h.ip.ihl != 5 || (h.ip.frag_off & bpf_htons(0x1fff)))
		return;
	if (d->l4 == IPPROTO_UDP || d->l4 == IPPROTO_TCP || d->l4 == IPPROTO_SCTP) {
		d->sport = h.port[0];
		d->dport = h.port[1];
	}
}

/* One more of that kind; NULL where there is no room for another kind. */
static __always_inline struct weir_kdrop *drop_of(const struct weir_kdrop_key *key)
{
	struct weir_kdrop *d = bpf_map_lookup_elem(&kdrops, key);

	if (d)
		return d;
	struct weir_kdrop none = {};

	bpf_map_update_elem(&kdrops, key, &none, BPF_NOEXIST);
	d = bpf_map_lookup_elem(&kdrops, key);
	if (!d)
		lose(drops_full);
	return d;
}

static __always_inline void count(struct weir_kdrop *d, __u64 bytes, __u64 cgroup)
{
	d->last_ns = bpf_ktime_get_ns();
	if (!d->packets)
		d->first_ns = d->last_ns;
	d->packets++;
	d->bytes += bytes;
	d->cgroup = cgroup;
}

static __always_inline __u64 cgroup_of(const struct sock *sk)
{
	return sk->sk_cgrp_data.cgroup->kn->id;
}

/* The namespace and the device; false where it is none of the network's packets, or none watched.
 */
static __always_inline bool whose(void *ctx, struct weir_kdrop_key *key, const struct sk_buff *skb,
	const struct sock *rx_sk, const struct refused *r, const struct way *way, __u64 *cgroup)
{
	const struct sock *sk = rx_sk ? rx_sk : skb->sk;

	key->ifindex = (__u32)skb->skb_iif;
	if (r->cookie) {
		key->netns_cookie = r->cookie;
		*cgroup = r->cgroup;
	} else if (rx_sk) {
		if (!is_of_network(rx_sk))
			return false;
		key->netns_cookie = cookie_of_sock(rx_sk);
		*cgroup = cgroup_of(rx_sk);
		if (rx_sk->__sk_common.skc_family == AF_PACKET && skb->dev)
			key->ifindex = (__u32)skb->dev->ifindex; /* it may be leaving by another */
	} else if (key->sending && way->dev) {
		key->netns_cookie = way->cookie;
		key->ifindex = way->ifindex;
		if (sk)
			*cgroup = cgroup_of(sk);
	} else if (skb->dev) {
		key->netns_cookie = cookie_of_dev(skb->dev);
		key->ifindex = (__u32)skb->dev->ifindex;
		if (key->sending && sk)
			*cgroup = cgroup_of(sk);
	} else if (sk) {
		if (!is_of_network(sk))
			return false;
		key->netns_cookie = cookie_of_sock(sk);
		*cgroup = cgroup_of(sk);
	}
	if (key->netns_cookie)
		return is_watched(key->netns_cookie);
	if (!skb->protocol)
		return false; /* a message of netlink or of UNIX sockets */
	/* of a socket that was closed: it had been delivered */
	if (!is_purge(key->reason) && !is_part(ctx, key->location))
		lose(netns_unknown);
	return false;
}

SEC("tp_btf/kfree_skb")
int weir_k_kfree_skb(__u64 *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[0];
	const struct sock *rx_sk = NULL;
	struct weir_kdrop_key key = {.location = ctx[1], .kind = WEIR_KDROP_SKB};
	__u32 zero = 0;
	struct refused *r = bpf_map_lookup_elem(&refused, &zero), was = {};
	struct weir_kdrop *d;
	__u64 cgroup = 0;
	struct way way;

	if (r) {
		was = *r;
		r->cookie = 0;
	}
	key.reason = (__u32)ctx[2];
	if (tells_socket)
		rx_sk = (const void *)ctx[3];
	way_of(skb, &way);
	key.sending = !rx_sk && is_local(skb, &way);
	if (!whose(ctx, &key, skb, rx_sk, &was, &way, &cgroup))
		return 0;
	key.left = WEIR_STAGE_COUNT;
	if (*(volatile __u64 *)&kwatch.slice_ns)
		key.left = stage_end(skb);
	drop_site(ctx, &key, skb, rx_sk, &way, tells_socket);
	d = drop_of(&key);
	if (!d)
		return 0;
	count(d, skb->len, cgroup);
	take_head(d, skb);
	if (key.sending)
		note_dropped(skb->sk);
	return 0;
}

/* UDP: no room at the socket; kfree_skb follows. */
SEC("tp_btf/udp_fail_queue_rcv_skb")
int weir_k_udp_fail_queue(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[1];
	__u32 zero = 0;
	struct refused *r = bpf_map_lookup_elem(&refused, &zero);

	if (r && sk) {
		r->cookie = cookie_of_sock(sk);
		r->cgroup = cgroup_of(sk);
	}
	return 0;
}

/* A send that failed before there was a packet. */
SEC("tp_btf/sock_send_length")
int weir_k_send(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	int ret = (int)ctx[1];
	struct weir_kdrop_key key = {.kind = WEIR_KDROP_SEND};
	struct weir_kdrop *d;

	if (likely(ret >= 0)) {
		forget_dropped(sk);
		return 0;
	}
	if (ret == -EINTR || ret == -ERESTARTSYS || !sk || !is_of_network(sk))
		return 0;
	if (ret == -EAGAIN &&
		(sk->sk_protocol == IPPROTO_TCP || sk->__sk_common.skc_family != AF_INET))
		return 0; /* no counter takes it for a loss */
	key.netns_cookie = cookie_of_sock(sk);
	if (!is_watched(key.netns_cookie))
		return 0;
	key.error = ret;
	key.left = WEIR_STAGE_COUNT;
	key.protocol = sk->sk_protocol;
	if (was_dropped(sk))
		return 0;
	d = drop_of(&key);
	if (d)
		count(d, 0, cgroup_of(sk));
	return 0;
}

/* Reading all of /proc/kallsyms takes the kernel 60 ms. */
SEC("syscall")
int weir_k_symbol(struct weir_ksymbol *ask)
{
	char name[sizeof(ask->name)] = {};
	__u64 address = ask->address;

	bpf_snprintf(name, sizeof(name), "%pS", &address, sizeof(address));
	__builtin_memcpy(ask->name, name, sizeof(name));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
