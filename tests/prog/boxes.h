/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rule sets and packets by chance, for the tests of the classifier and for its bench. */
#ifndef TESTS_BOXES_H
#define TESTS_BOXES_H

#include <stdlib.h>
#include <string.h>
#include <weir/rules.h>

static inline __u32 rnd(void)
{
	static __u64 x = 0x9e3779b97f4a7c15ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (__u32)(x >> 32);
}

static inline __u32 rnd_below(__u32 n)
{
	return rnd() % n;
}

static inline void box_any(struct weir_box *b, __u32 rule)
{
	*b = (struct weir_box){.rule = rule,
		.src = {0, ~0U},
		.dst = {0, ~0U},
		.sport = {0, ~0U},
		.dport = {0, ~0U},
		.proto = {0, 255}};
}

/* An address of one of @nets networks, as real sets name the same ones again and again. */
static inline __u32 rnd_addr(__u32 nets)
{
	__u32 net = rnd_below(nets) * 2654435761U;

	return (net & 0xffff0000) | (rnd() & 0xffff);
}

static inline void rnd_prefix(__u32 r[2], __u32 nets, __u32 shortest)
{
	__u32 len = shortest + rnd_below(33 - shortest);
	__u32 rest = len == 32 ? 0 : ~0U >> len;

	r[0] = rnd_addr(nets) & ~rest;
	r[1] = r[0] | rest;
}

static inline void rnd_ports(__u32 r[2])
{
	switch (rnd_below(4)) {
	case 0: /* any, with packets that have none */
		r[0] = 0;
		r[1] = ~0U;
		break;
	case 1:
		r[0] = r[1] = rnd_below(1024);
		break;
	case 2:
		r[0] = 1024;
		r[1] = 65535;
		break;
	default:
		r[0] = rnd_below(65000);
		r[1] = r[0] + rnd_below(65536 - r[0]);
	}
}

static inline void rnd_proto(__u8 r[2])
{
	static const __u8 some[] = {6, 6, 6, 17, 17, 1, 47};

	r[0] = r[1] = some[rnd_below(7)];
	if (!rnd_below(6)) {
		r[0] = 0;
		r[1] = 255;
	}
}

#define BOX_KINDS(KIND)                                                                            \
	KIND(acl, "prefixes of /16 to /32 both ways, ports on one side")                           \
	KIND(fw, "a third without source, a third without destination, ranges of ports")           \
	KIND(mixed, "prefixes of /0 to /32 and ranges of ports in both directions")                \
	KIND(hosts, "as many hosts, each its own")                                                 \
	KIND(nested, "ranges of ports, each around the one before")                                \
	KIND(wild, "all the same: anything")

enum box_kind {
#define KIND(id, text) BOX_##id,
	BOX_KINDS(KIND)
#undef KIND
		BOX_KIND_COUNT
};

static inline void box_make(struct weir_box *b, enum box_kind kind, __u32 i, __u32 n)
{
	__u32 nets = n / 20 + 4;

	box_any(b, i);
	switch (kind) {
	case BOX_acl:
		rnd_prefix(b->src, nets, 16);
		rnd_prefix(b->dst, nets, 16);
		rnd_proto(b->proto);
		if (b->proto[0] == 6 || b->proto[0] == 17)
			rnd_ports(b->dport);
		break;
	case BOX_fw:
		if (rnd_below(3))
			rnd_prefix(b->src, nets, 12);
		if (rnd_below(3))
			rnd_prefix(b->dst, nets, 12);
		b->proto[0] = b->proto[1] = rnd_below(3) ? 6 : 17;
		do
			rnd_ports(b->dport);
		while (b->src[1] - b->src[0] == ~0U && b->dst[1] - b->dst[0] == ~0U &&
			b->dport[1] - b->dport[0] > 256);
		if (!rnd_below(4))
			rnd_ports(b->sport);
		break;
	case BOX_mixed:
		rnd_prefix(b->src, nets, 0);
		rnd_prefix(b->dst, nets, 0);
		rnd_ports(b->sport);
		rnd_ports(b->dport);
		rnd_proto(b->proto);
		if (!rnd_below(4))
			b->iif = 1 + rnd_below(4);
		break;
	case BOX_hosts:
		b->src[0] = b->src[1] = i * 2654435761U;
		break;
	case BOX_nested:
		b->dport[0] = 32767 - i % 32768;
		b->dport[1] = 65535 - b->dport[0];
		break;
	case BOX_wild:
	case BOX_KIND_COUNT:
		break;
	}
}

/* A value in a range or at its border, on either side. */
static inline __u32 rnd_near(__u32 lo, __u32 hi)
{
	switch (rnd_below(8)) {
	case 0:
		return lo ? lo - 1 : lo;
	case 1:
		return hi + 1 ? hi + 1 : hi;
	case 2:
		return lo;
	case 3:
		return hi;
	default:
		return hi - lo == ~0U ? rnd() : lo + rnd_below(hi - lo + 1);
	}
}

static inline __u32 rnd_near_port(const __u32 r[2])
{
	__u32 port = r[1] > 0xffff ? rnd_below(0x10000) : rnd_near(r[0], r[1]);

	return port > 0xffff ? 0xffff : port;
}

/* A packet that the box may match, or nearly. */
static inline void fields_near(struct weir_fields *f, const struct weir_box *b)
{
	*f = (struct weir_fields){.len = 60 + rnd_below(1440), .flow = rnd_below(4)};
	f->dim[WEIR_DIM_src] = rnd_near(b->src[0], b->src[1]);
	f->dim[WEIR_DIM_dst] = rnd_near(b->dst[0], b->dst[1]);
	f->dim[WEIR_DIM_proto] = rnd_below(8) ? b->proto[0] : rnd_below(256);
	f->dim[WEIR_DIM_iif] = b->iif && rnd_below(8) ? b->iif : rnd_below(5);
	f->dim[WEIR_DIM_oif] = b->oif && rnd_below(8) ? b->oif : rnd_below(5);
	f->frag = rnd_below(8) ? WEIR_FRAG_NONE : (__u8)rnd_below(3);
	f->dim[WEIR_DIM_sport] = rnd_near_port(b->sport);
	f->dim[WEIR_DIM_dport] = rnd_near_port(b->dport);
	if (f->frag == WEIR_FRAG_LATER ||
		(f->dim[WEIR_DIM_proto] != 6 && f->dim[WEIR_DIM_proto] != 17))
		f->dim[WEIR_DIM_sport] = f->dim[WEIR_DIM_dport] = WEIR_NO_PORT;
	f->tcp_flags = (__u8)rnd_below(64);
	f->icmp_type = (__u8)rnd_below(4);
	f->icmp_code = (__u8)rnd_below(3);
	f->state = (__u8)(rnd_below(5) ? 1 << rnd_below(WEIR_STATE_COUNT) : 0);
}

#endif
