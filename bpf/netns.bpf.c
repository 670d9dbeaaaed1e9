// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whether a network namespace is still there, by its cookie: run once by user space, it walks the kernel's
 * list of namespaces, which is a ring, beginning with the caller's own.
 */
#include "lib/hook_xdp.h"

#define NETNS_MAX 65536

struct net___listed {
	struct list_head list;
	__u64 net_cookie;
} __attribute__((preserve_access_index));

__u64 cookie; /* asked for */
__u32 seen;   /* namespaces, 0 where the walk did not come round */
__u32 alive;

struct walk {
	__u64 first, at;
	__u32 nr;
};

/* One element of the ring is the list's head, of no namespace: no cookie is what lies there. */
static long step(__u32 i, struct walk *w)
{
	struct net___listed *net = (void *)(long)w->at;

	if (BPF_CORE_READ(net, net_cookie) == cookie)
		alive = 1;
	w->nr++;
	w->at = (__u64)(long)BPF_CORE_READ(net, list.next) -
		bpf_core_field_offset(struct net___listed, list);
	if (w->at != w->first)
		return 0;
	seen = w->nr;
	return 1;
}

SEC("xdp")
int weir_netns(struct xdp_md *ctx)
{
	struct net_device *dev = hook_dev(ctx);
	struct walk w = {};

	alive = seen = 0;
	w.first = w.at = (__u64)(long)BPF_CORE_READ(dev, nd_net.net);
	if (w.first)
		bpf_loop(NETNS_MAX, step, &w, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
