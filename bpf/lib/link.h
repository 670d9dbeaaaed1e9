/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The link layer: Ethernet, and VLAN tags. XDP meets tags in the frame, so it strips and writes
 * them itself: a tagged frame counts as come in by the VLAN device that it is for, as the kernel
 * would have it. TC sees tags only where the device has no such VLAN device; on VLAN devices it has
 * a program of their own.
 */
#ifndef WEIR_BPF_LINK_H
#define WEIR_BPF_LINK_H

#include "packet.h"

#define TAG_LEN	 4
#define TAG_ID	 bpf_htonl(0xffff0fff) /* of a tag as in the frame: all but its priority */
#define TAG_VID	 bpf_htonl(0x00000fff)
#define TAG_NONE bpf_htonl((__u32)ETH_P_8021Q << 16) /* id 0: a priority and no VLAN */

/* The frame as it lies in the first buffer. */
struct headers {
	struct ethhdr *eth;
	struct iphdr *ip;
	void *end;	/* of the first buffer */
	__u32 wire_len; /* of the IP packet, or of the longest segment that a superframe becomes */
};

/* By 16-bit words: struct ethhdr is packed, which would make it twelve bytes one by one. */
static __always_inline void write_macs(struct ethhdr *eth, const struct weir_hop *r)
{
	__u16 *to = (__u16 *)eth;

	to[0] = r->macs[0];
	to[1] = r->macs[1];
	to[2] = r->macs[2];
	to[3] = r->macs[3];
	to[4] = r->macs[4];
	to[5] = r->macs[5];
}

static __always_inline bool is_tag(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

#if !HOOK_TC

/* What stands behind the tags of a frame. */
struct tagged {
	__be16 proto;
	__u16 len; /* of the tags; 0: not read, there is no whole tag in the first buffer */
};

/*
 * Reads up to two tags and finds the VLAN device they name. A tag with id 0 is a priority and no
 * VLAN (IEEE 802.1Q, 6.9): that frame is an untagged one.
 */
static __always_inline struct tagged tags_read(struct pkt *p, const struct ethhdr *eth, void *end)
{
	struct weir_vlan_key key = {.ifindex = self.ifindex};
	const __u32 *tag = (const void *)eth + 2 * ETH_ALEN;
	struct tagged t = {};

	if ((void *)(tag + 2) > end)
		return t;
	t.len = TAG_LEN;
	t.proto = *(__be16 *)(tag + 1);
	key.tags[0] = tag[0] & TAG_ID;
	if (is_tag(t.proto)) {
		if ((void *)(tag + 3) > end)
			return (struct tagged){};
		t.len = 2 * TAG_LEN;
		t.proto = *(__be16 *)(tag + 2);
		key.tags[1] = tag[1] & TAG_ID;
	}
	if (key.tags[0] == TAG_NONE) {
		key.tags[0] = key.tags[1];
		key.tags[1] = 0;
	}
	if (!key.tags[0])
		return t;
	p->vlan = bpf_map_lookup_elem(&vlans, &key);
	p->iif = p->vlan ? p->vlan->ifindex : 0;
	return t;
}

static __always_inline __u32 tags_len(const struct weir_hop *r)
{
	return r->tags[0] ? r->tags[1] ? 2 * TAG_LEN : TAG_LEN : 0;
}

#endif

#endif
