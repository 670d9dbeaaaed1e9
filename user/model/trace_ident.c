// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TTL, TOS and checksums are left out, and apart from these what NAT changes: addresses, ports, the
 * id of a ping, and what an ICMP error has in it. */
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "model/trace_ident.h"

#define ICMP_ECHO_REPLY	   0
#define ICMP_ECHO_REQUEST  8
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY   129

static __u32 be16(const __u8 *p)
{
	return (__u32)p[0] << 8 | p[1];
}

static __u64 add(__u64 hash, const __u8 *p, unsigned int n)
{
	while (n--)
		hash = (hash ^ *p++) * 0x100000001b3ull;
	return hash;
}

static bool is_echo(unsigned int proto, unsigned int type)
{
	return proto == IPPROTO_ICMP ? type == ICMP_ECHO_REQUEST || type == ICMP_ECHO_REPLY
				     : type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY;
}

/* What the header of layer 4 has of both. */
static void layer4(struct weir_trace_ident *id, unsigned int proto)
{
	const __u8 *p = id->l4;

	switch (proto) {
	case IPPROTO_UDP:
		id->fix = 8;
		break;
	case IPPROTO_TCP:
		id->fix = 20;
		if (id->nr >= 12)
			id->key = add(id->key, p + 4, 8);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		id->fix = id->nr >= 8 && is_echo(proto, p[0]) ? 8 : id->nr;
		if (id->nr >= 8)
			id->key = add(add(id->key, p, 2), p + 6, 2);
		if (id->nr >= 8 && id->fix == 8)
			id->ends = add(id->ends, p + 4, 2);
		return;
	default:
		return;
	}
	if (id->nr >= 4)
		id->ends = add(id->ends, p, 4);
}

static bool ipv4(struct weir_trace_ident *id, const __u8 *p, unsigned int n)
{
	unsigned int header = (p[0] & 15u) * 4, frag;

	if (n < 20 || header < 20 || n < header)
		return false;
	frag = be16(p + 6) & 0x3fff;
	id->len = be16(p + 2);
	if (id->len < header)
		return false;
	id->key = add(add(4, p + 4, 2), p + 9, 1) ^ (__u64)frag << 40;
	id->ends = add(4, p + 12, 8);
	id->l4 = p + header;
	id->nr = (n < id->len ? n : id->len) - header;
	if (!(frag & 0x1fff))
		layer4(id, p[9]);
	return true;
}

static bool ipv6(struct weir_trace_ident *id, const __u8 *p, unsigned int n)
{
	if (n < 40)
		return false;
	id->len = be16(p + 4);
	id->key = add(add(6, p + 1, 3), p + 6, 1);
	id->ends = add(6, p + 8, 32);
	id->l4 = p + 40;
	id->nr = n - 40 < id->len ? n - 40 : id->len;
	layer4(id, p[6]);
	return true;
}

bool weir_trace_identify(const struct weir_trace_event *e, struct weir_trace_ident *id)
{
	unsigned int at = 0, n = e->head_len, type;

	*id = (struct weir_trace_ident){0};
	if (!(e->flags & WEIR_TRACE_RAW)) {
		for (at = 2 * ETH_ALEN; at + 2 <= n; at += 4) {
			type = be16(e->head + at);
			if (type != ETH_P_8021Q && type != ETH_P_8021AD)
				break;
		}
		at += 2;
	}
	if (at >= n)
		return false;
	if (e->head[at] >> 4 == 4)
		return ipv4(id, e->head + at, n - at);
	return e->head[at] >> 4 == 6 && ipv6(id, e->head + at, n - at);
}

bool weir_trace_same_bytes(const struct weir_trace_ident *a, const struct weir_trace_ident *b)
{
	unsigned int n = a->nr < b->nr ? a->nr : b->nr;

	return a->len == b->len && a->fix == b->fix &&
	       (n <= a->fix || !memcmp(a->l4 + a->fix, b->l4 + a->fix, n - a->fix));
}
