// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "chance.h"

enum { L4_MAX = 9100 };

static __u64 seed;

void chance_seed(__u64 of)
{
	seed = of * 0x9e3779b97f4a7c15ULL + 1;
}

/* One after the other, the same in every run (xorshift64). */
static __u64 next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

__u32 chance_below(__u32 n)
{
	return (__u32)((next() >> 16) % n);
}

#define PICK(array) ((array)[chance_below(ARRAY_SIZE(array))])

unsigned long chance_number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

/* --- frames --- */

static const char *const dsts[] = {FAR, FAR, FAR, HOP, HOST, SMALL_HOP, SMALL_HOP, BARE_HOP, ROUTER,
	BLACK, UNREACHED, PROHIBITED, TUNNELED, FAR6, FAR_LOST, HOP_LOST, RULED, TOS_RULED,
	NO_ROUTE, "198.19.0.7", "198.51.100.255", "255.255.255.255", "224.0.0.5", "240.1.2.3",
	"127.0.0.1", "0.0.0.0", "0.1.2.3"};
static const __u8 protos[] = {PROTO_UDP, PROTO_UDP, PROTO_UDP, PROTO_TCP, PROTO_TCP, PROTO_ICMP,
	PROTO_SCTP, PROTO_IPIP, PROTO_GRE, PROTO_IPV6, PROTO_DCCP, PROTO_ESP, PROTO_UDPLITE, 2, 0,
	255};
/* around what is compared somewhere: headers, MTUs, pages, what one checksum sums up */
static const __u16 lens[] = {0, 1, 7, 8, 12, 18, 19, 20, 26, 64, 511, 512, 513, 548, 556, 557, 1472,
	1480, 1481, 3400, 3600, 4096, 8980};

void chance_valid(struct frame *f)
{
	__u32 len = chance_below(4) ? chance_below(CHANCE_SMALL) : PICK(lens);

	frame_make(f, PICK(protos), PICK(dsts), len);
	put16(f, AT_L4_DPORT,
		chance_below(4) ? chance_below(65536)
				: PICK(((const __u16[]){RULED_PORT, 4789, 53})));
	put16(f, AT_IP_ID, chance_below(65536)); /* so that header checksums differ */
	put8(f, AT_IP_TTL, 1 + chance_below(255));
	if (!chance_below(4)) /* what follows an IP header that is all there is to look at */
		for (__u32 i = 0; i < 8 && AT_L4 + i < f->len; i++)
			put8(f, AT_L4 + i, chance_below(256));
	frame_seal(f);
}

void chance_random(struct frame *f)
{
	f->len = 14 + (chance_below(8) ? chance_below(CHANCE_SMALL) : chance_below(L4_MAX));
	for (__u32 i = 0; i < f->len; i++)
		f->data[i] = (__u8)chance_below(256);
	if (chance_below(2))
		net_mac(PORT_IN, f->data);
	if (chance_below(2))
		put16(f, AT_ETH_TYPE, 0x0800);
}

/* Makes room at @at for @n bytes of 0. */
static void insert(struct frame *f, __u32 at, __u32 n)
{
	if (at > f->len || f->len + n > FRAME_MAX)
		return;
	memmove(f->data + at + n, f->data + at, f->len - at);
	memset(f->data + at, 0, n);
	f->len += n;
}

static void add_tag(struct frame *f)
{
	static const __u16 tpids[] = {0x8100, 0x8100, 0x88a8, 0x9100};
	static const __u16 tcis[] = {0, 1, 5, 0xfff, 0x2005, 0xffff};

	insert(f, AT_ETH_TYPE, 4);
	put16(f, AT_ETH_TYPE, PICK(tpids));
	put16(f, AT_ETH_TYPE + 2, PICK(tcis));
}

static void add_options(struct frame *f)
{
	__u32 words = 1 + chance_below(10), i;

	insert(f, AT_L4, words * 4);
	put8(f, AT_IP_START, 0x45 + words);
	put16(f, AT_IP_LEN, (get16(f, AT_IP_LEN) + words * 4) & 0xffff);
	for (i = 0; i < words * 4; i++)
		put8(f, AT_L4 + i, PICK(((const __u8[]){0, 1, 7, 68, 130, 131, 137, 148, 255})));
}

static unsigned int edge(void)
{
	static const __u8 edges[] = {
		0, 1, 4, 5, 0x14, 0x40, 0x45, 0x46, 0x7f, 0x80, 0xe0, 0xef, 0xf0, 0xff};

	return chance_below(2) ? PICK(edges) : chance_below(256);
}

static void mutate_field(struct frame *f)
{
	static const __u8 fields[] = {AT_ETH_TYPE, AT_IP_LEN, AT_IP_ID, AT_IP_FRAG, AT_IP_TTL,
		AT_IP_CHECK, AT_L4, AT_L4_DPORT, AT_UDP_LEN, AT_UDP_CHECK, AT_TCP_CHECK};

	put16(f, PICK(fields), edge() << 8 | edge());
}

void chance_mutate(struct frame *f)
{
	__u32 at;

	switch (chance_below(15)) {
	case 0:
		put8(f, chance_below(64), edge());
		break;
	case 1:
		mutate_field(f);
		break;
	case 2:
		f->len = 14 + chance_below(f->len - 13);
		break;
	case 3:
		at = f->len + chance_below(100);
		if (at <= FRAME_MAX)
			frame_pad(f, at);
		break;
	case 4: /* a length that lies, mostly by a little */
		put16(f, AT_IP_LEN,
			chance_below(3) ? (get16(f, AT_IP_LEN) + chance_below(5) - 2) & 0xffff
					: PICK(((const __u16[]){0, 19, 20, 28, 65535})));
		break;
	case 5:
		put16(f, AT_IP_FRAG,
			PICK(((const __u16[]){0x2000, 0x4000, 0x6000, 0x8000, 1, 0x2001, 0x1fff})));
		break;
	case 6:
		add_tag(f);
		break;
	case 7:
		add_options(f);
		break;
	case 8:
		put8(f, AT_IP_TTL, chance_below(4));
		break;
	case 9: /* as a local sender leaves it */
		frame_seal_ip(f);
		put16(f, f->data[AT_IP_PROTO] == PROTO_TCP ? AT_TCP_CHECK : AT_UDP_CHECK,
			frame_pseudo(f));
		break;
	case 10:
		put8(f, AT_IP_PROTO, PICK(protos));
		break;
	case 11:
		put_addr(f, AT_IP_SRC,
			PICK(((const char *const[]){"0.0.0.0", "127.0.0.1", "224.0.0.1", ROUTER,
				"255.255.255.255", "240.0.0.1", "198.51.100.254", FAR})));
		break;
	case 12:
		put_addr(f, AT_IP_DST, PICK(dsts));
		break;
	case 13:
		put8(f, AT_ETH_DST + chance_below(6), chance_below(256));
		break;
	case 14:
		put16(f, AT_ETH_TYPE,
			PICK(((const __u16[]){0x0806, 0x86dd, 0x8100, 0x88a8, 0x9100, 0x0026})));
		break;
	}
}

void chance_mutated(struct frame *f)
{
	__u32 n;

	chance_valid(f);
	for (n = 1 + chance_below(4); n; n--)
		chance_mutate(f);
	if (chance_below(4))
		frame_seal_ip(f);
	if (chance_below(2) && f->len >= 14)
		f->len -= chance_below(2) * chance_below(f->len - 13);
}
