// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What becomes of a frame after its verdict, told by the kernel's XDP tracepoints. A redirect is
 * not delivery: `sent` counts what the driver took. One set of these programs serves a network
 * namespace; frames of others are told apart by the namespace's cookie.
 */
#include "lib/kernel.h"
#include "lib/maps.h"

#define ENXIO	   6
#define EOPNOTSUPP 95
#define EMSGSIZE   90
#define ENETDOWN   100

const volatile __u64 netns_cookie = 0;

/* This CPU's cursor, if its frames in flight came in by @dev of our namespace. */
static __always_inline struct weir_cursor *cursor_of(const struct net_device *dev)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct weir_cursor *cur = bpf_map_lookup_elem(&cursor, &cpu);

	if (!cur || !(cur->inflight | cur->answering) || !dev || dev->ifindex != (int)cur->ifindex ||
		dev->nd_net.net->net_cookie != netns_cookie)
		return NULL;
	return cur;
}

static __always_inline void late_drop(struct weir_row *row, int err, __u64 frames)
{
	enum weir_exit e = err == -ENXIO	? WEIR_EXIT_xmit_XMIT_NO_RECEIVER
			   : err == -ENETDOWN	? WEIR_EXIT_xmit_XMIT_DOWN
			   : err == -EMSGSIZE	? WEIR_EXIT_xmit_XMIT_TOO_BIG
			   : err == -EOPNOTSUPP ? WEIR_EXIT_xmit_XMIT_UNSUPPORTED
			   : err < 0		? WEIR_EXIT_xmit_XMIT_ERROR
						: WEIR_EXIT_xmit_XMIT_FULL;

	row->exit[e].packets += frames;
}

/* This CPU's first row of a device, for what no queue can be told of. */
static __always_inline struct weir_row *device_row(__u32 ifindex, __u32 bank)
{
	struct weir_hook_key of = {.ifindex = ifindex, .hook = WEIR_HOOK_xdp};
	void *map = bpf_map_lookup_elem(&rows_of, &of);
	struct weir_row *row;
	__u32 i = 0;

	row = map ? bpf_map_lookup_elem(map, &i) : NULL;
	if (!row)
		return NULL;
	i = bpf_get_smp_processor_id() * row->queues * 2 + bank;
	return bpf_map_lookup_elem(map, &i);
}

/* Of @frames, those that only answer what was refused: they are no one's that was forwarded. */
static __always_inline __u32 answers_of(struct weir_cursor *cur, __u32 frames)
{
	__u32 n = frames < cur->answering ? frames : cur->answering;

	cur->answering -= n;
	return n;
}

static __always_inline void settle(
	struct weir_cursor *cur, __u32 to, __u32 sent, __u32 drops, int err)
{
	struct weir_row *row = cursor_row(cur, WEIR_HOOK_xdp), *tx;
	__u32 frames = sent + drops;

	if (cur->timed)
		cursor_time_xmit(cur, WEIR_HOOK_xdp);
	cur->inflight -= frames < cur->inflight ? frames : cur->inflight;
	if (!row)
		return; /* detached in between */
	row->sent += sent;
	if (drops)
		late_drop(row, err, drops);
	tx = sent ? device_row(to, row->bank) : NULL;
	if (tx) /* the device that took the frames counts them too, in the same cut */
		tx->tx_packets += sent;
}

/* Native XDP: a bulk was handed to a driver. */
SEC("tp_btf/xdp_devmap_xmit")
int weir_xdp_devmap_xmit(__u64 *args)
{
	const struct net_device *from = (const void *)args[0], *to = (const void *)args[1];
	struct weir_cursor *cur = cursor_of(from);

	if (cur && to) {
		__u32 sent = (__u32)args[2], drops = (__u32)args[3];

		if (to->ifindex == from->ifindex) {
			sent -= answers_of(cur, sent);
			drops -= answers_of(cur, drops);
		}
		if (sent | drops)
			settle(cur, (__u32)to->ifindex, sent, drops, (int)args[4]);
	}
	return 0;
}

/* Native and generic XDP: the kernel refused one redirect. */
SEC("tp_btf/xdp_redirect_err")
int weir_xdp_redirect_err(__u64 *args)
{
	struct weir_cursor *cur = cursor_of((const void *)args[0]);
	int err = (int)args[3];

	/* the seventh: by which index it was to be found */
	if (cur && (__u32)args[6] == cur->ifindex && answers_of(cur, 1))
		return 0;
	if (cur)
		settle(cur, 0, 0, 1, err ? err : -1);
	return 0;
}

/* Generic XDP: one frame has passed through the driver's transmit function, or was refused there.
 */
SEC("tp_btf/xdp_redirect")
int weir_xdp_redirect(__u64 *args)
{
	struct weir_cursor *cur = cursor_of((const void *)args[0]);

	if (cur && cur->generic) {
		__u32 failed = cur->generic_failed;

		cur->generic_failed = 0;
		settle(cur, (__u32)args[6], !failed, failed, 0);
	}
	return 0;
}

SEC("tp_btf/xdp_exception")
int weir_xdp_exception(__u64 *args)
{
	const struct net_device *dev = (const void *)args[0];
	__u32 cpu = bpf_get_smp_processor_id(), act = (__u32)args[2];
	struct weir_cursor *cur = bpf_map_lookup_elem(&cursor, &cpu);
	struct weir_row *row;

	if (!cur || !dev || dev->nd_net.net->net_cookie != netns_cookie)
		return 0;
	if (act == XDP_TX && cur->inflight && cur->generic)
		cur->generic_failed = 1; /* weir_xdp_redirect follows */
	if (act != XDP_PASS)
		return 0; /* redirects that fail are told by xdp_redirect_err */
	row = device_row((__u32)dev->ifindex, cur->seq & 1);
	if (row)
		row->exit[WEIR_EXIT_xdp_XDP_EXCEPTION].packets++;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
