/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Checksums (RFC 1071, 1624), and the ones that local senders leave open.
 *
 * A sender on the other end of a veth leaves the L4 checksum to a NIC that is not there: the field
 * holds the folded pseudo-header sum only. The kernel remembers that beside the packet; XDP's frame
 * forgets it. So on virtual devices a field equal to that sum is completed before the frame leaves.
 * A whole checksum that happens to be equal (1 in 65,536) is computed again to the same value.
 */
#ifndef WEIR_BPF_CHECKSUM_H
#define WEIR_BPF_CHECKSUM_H

#include "link.h"

#define IPPROTO_L4_SCTP 132
#define CSUM_CHUNK	512 /* what bpf_csum_diff takes in one call on every kernel */
#define CSUM_OFF_MAX	16  /* where a checksum lies behind the IP header, at most */
#define CSUM_CHUNKS	19  /* enough for a 9000-byte MTU */

struct csum_scratch {
	__u32 word[CSUM_CHUNK / 4 +
		   2]; /* room for the verifier, which does not know that n is even */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct csum_scratch);
} csum_scratch SEC(".maps");

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* True where the header of 20 bytes sums to what RFC 791 asks. */
static __always_inline bool ip_csum_ok(const struct iphdr *ip)
{
	const __u32 *w = (const __u32 *)ip;
	__u64 sum = (__u64)w[0] + w[1] + w[2] + w[3] + w[4];

	return csum_fold(sum) == 0xffff;
}

/* RFC 1624, equation 3, for the TTL's decrement. */
static __always_inline void ip_ttl_decrement(struct iphdr *ip)
{
	__u32 check = ip->check;

	check += bpf_htons(0x0100);
	ip->check = (__sum16)(check + (check >= 0xffff));
	ip->ttl--;
}

/* Of a segment of @len bytes with protocol @proto. */
static __always_inline __u64 pseudo_sum(const struct iphdr *ip, __u8 proto, __u32 len)
{
	return (__u64)ip->saddr + ip->daddr + bpf_htons(proto) + bpf_htons((__u16)len);
}

/* The sum over @len bytes at @off, wherever they lie in the frame; -1 where it cannot be had. */
__checked_once __s64 csum_range(hook_ctx *ctx, __u32 off, __u32 len)
{
	__u32 zero = 0, i;
	struct csum_scratch *s = bpf_map_lookup_elem(&csum_scratch, &zero);
	__s64 sum = 0;

	if (!s)
		return -1;
	for (i = 0; i < CSUM_CHUNKS; i++) {
		__u32 n = len < CSUM_CHUNK ? len : CSUM_CHUNK;

		if (!n)
			return sum;
		n = one_to(CSUM_CHUNK, n);
		s->word[n / 4] = 0; /* a last word that is not whole is filled up with zeros */
		if (hook_load(ctx, off, s->word, n))
			return -1;
		sum = bpf_csum_diff(NULL, 0, s->word, (n + 3) & ~3U, (__wsum)sum);
		if (sum < 0)
			return -1;
		off += CSUM_CHUNK;
		len = len < CSUM_CHUNK ? 0 : len - CSUM_CHUNK;
	}
	return len ? -1 : sum;
}

enum csum_state {
	CSUM_WHOLE,   /* nothing to do */
	CSUM_OPEN,    /* to be completed: *check */
	CSUM_HOPELESS /* open, and not ours to complete */
};

/* Tunnels carry an inner checksum that a local sender may have left open, out of our sight. */
static __always_inline bool is_tunnel(__u8 proto, __be16 dport)
{
	if (proto == IPPROTO_UDP)
		return dport == bpf_htons(4789) || dport == bpf_htons(8472) ||
		       dport == bpf_htons(6081); /* VXLAN, its older port, Geneve */
	return proto == IPPROTO_IPIP || proto == IPPROTO_IPV6 || proto == IPPROTO_GRE;
}

/*
 * Looks at the L4 checksum of an unfragmented packet without options on a virtual device. Only
 * what lies in the first buffer is looked at; local senders put their headers there. *@check_off is
 * where the field is, behind the IP header.
 */
static __always_inline enum csum_state csum_look(
	struct pkt *p, struct iphdr *ip, void *end, __u32 *check_off)
{
	__u32 len = bpf_ntohs(ip->tot_len) - sizeof(*ip);
	__u8 proto = ip->protocol;
	__u8 *l4 = (__u8 *)(ip + 1);
	__u16 field;

	if (proto == IPPROTO_UDP) {
		if ((void *)(l4 + 8) > end || len < 8)
			return CSUM_WHOLE; /* truncated: the receiver's to refuse */
		*check_off = 6;
		field = *(__u16 *)(l4 + 6);
		if (unlikely(is_tunnel(proto, *(__be16 *)(l4 + 2))))
			return CSUM_HOPELESS;
	} else if (proto == IPPROTO_TCP) {
		if ((void *)(l4 + 18) > end || len < 20)
			return CSUM_WHOLE;
		*check_off = 16;
		field = *(__u16 *)(l4 + 16);
	} else if (proto == IPPROTO_L4_SCTP) {
		if ((void *)(l4 + 12) > end)
			return CSUM_WHOLE;
		return *(__u32 *)(l4 + 8) ? CSUM_WHOLE : CSUM_HOPELESS; /* CRC32c */
	} else {
		return is_tunnel(proto, 0) ? CSUM_HOPELESS : CSUM_WHOLE;
	}
	if (likely(field != csum_fold(pseudo_sum(ip, proto, len))))
		return CSUM_WHOLE;
	/* what lies behind a datagram (RFC 9868) is in another sum, and no local sender's */
	return proto == IPPROTO_UDP && *(__be16 *)(l4 + 4) != bpf_htons((__u16)len) ? CSUM_WHOLE
										    : CSUM_OPEN;
}

/* Completes the checksum @check_off behind the IP header; false where the segment is too long or
 * out of reach. */
static __always_inline bool csum_complete(hook_ctx *ctx, struct headers *h, __u32 check_off)
{
	__u16 *check = (void *)(h->ip + 1) + check_off;
	__u32 len = bpf_ntohs(h->ip->tot_len) - sizeof(*h->ip);
	__u32 off = (__u32)((void *)(h->ip + 1) - (void *)h->eth);
	__s64 sum;
	__u16 field;

	barrier_var(check);
	if ((void *)(check + 1) > h->end)
		return false;
	sum = csum_range(ctx, off, len);
	if (sum < 0)
		return false;
	/* The sum over the segment holds the field, which is the pseudo-header's sum: so the
	 * whole is summed already, and one's complement is all that is left to do. */
	field = (__u16)~csum_fold((__u64)sum);
	*check = field ? field : 0xffff;
	return true;
}

#endif
