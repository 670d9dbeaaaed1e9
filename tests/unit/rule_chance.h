/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rules and packets by chance, of so few values that they meet: a rule in weir's words and in
 * nft's, made side by side of the same choices, and a packet as a frame and as what rules test of
 * it.
 *
 *	198.18.0.0/24 ---- dev[0] router dev[1] ---- 198.19.0.0/24
 *
 * A rule that decides is for so few packets that those behind it are asked, too. A header, since
 * tests of several folders include it.
 */
#ifndef TESTS_RULE_CHANCE_H
#define TESTS_RULE_CHANCE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <weir/rules.h>

struct rule_chance {
	__u64 random;	    /* the seed, which is not 0 */
	const char *dev[2]; /* the router's */
	__u32 ifindex[2];
	bool sets;    /* rules name the sets of chance_sets() */
	bool one_way; /* packets come in by dev[0] alone */
};

#define CHANCE_LINE 1024

struct chance_rule {
	char weir[CHANCE_LINE], nft[CHANCE_LINE]; /* lines, without their ends */
	__u32 of;				  /* one of so many packets matches it, about */
};

enum {
	CHANCE_PORTS = 64,
	CHANCE_FRAME = 60,
	CHANCE_DECIDES = 150, /* rules for fewer packets than one of these say more than `count` */
	CHANCE_L4 = 34,
};

static inline __u32 chance(struct rule_chance *c, __u32 n)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return (__u32)(c->random >> 32) % n;
}

__attribute__((format(printf, 2, 3))) static inline void chance_say(
	char text[CHANCE_LINE], const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + len, CHANCE_LINE - len, fmt, ap);
	va_end(ap);
}

/* --- lists --- */

/* Addresses of a network of /24, or ports. */
struct chance_kind {
	const char *before;
	__u32 size;
};

static const struct chance_kind chance_kinds[] = {
	{"198.18.0.", 256}, {"198.19.0.", 256}, {"", CHANCE_PORTS}};

/* Values in @lo .. @hi - 1: one, or a range, or, of addresses, a prefix. Returns how many. */
static inline __u32 chance_span(struct rule_chance *c, const struct chance_kind *kind, __u32 lo,
	__u32 hi, char text[CHANCE_LINE])
{
	__u32 first = lo + chance(c, hi - lo), last = first + chance(c, hi - first);
	__u32 len = 28 + chance(c, 5), size = 1U << (32 - len), net = first & ~(size - 1);
	__u32 form = chance(c, 4);

	if (form == 0 && *kind->before && net >= lo && net + size <= hi) {
		chance_say(text, "%s%u/%u", kind->before, net, len);
		return size;
	}
	if (form > 1 && last > first) {
		chance_say(text, "%s%u-%s%u", kind->before, first, kind->before, last);
		return last - first + 1;
	}
	chance_say(text, "%s%u", kind->before, first);
	return 1;
}

/* Spans that touch nowhere, with commas. */
static inline __u32 chance_list(
	struct rule_chance *c, const struct chance_kind *kind, __u32 nr, char text[CHANCE_LINE])
{
	__u32 part = kind->size / nr, values = 0;

	for (__u32 i = 0; i < nr; i++) {
		chance_say(text, "%s", i ? "," : "");
		values += chance_span(c, kind, i * part, (i + 1) * part, text);
	}
	return values;
}

/* @weir KEY LIST; what it says is said of one of so many. */
static inline void chance_key(
	struct rule_chance *c, struct chance_rule *r, __u32 kind, const char *weir, const char *nft)
{
	const struct chance_kind *k = &chance_kinds[kind];
	char list[CHANCE_LINE] = "";
	__u32 values, nr = 1;

	if (c->sets && !chance(c, 6)) {
		chance_say(r->weir, "%s @s%u ", weir, kind);
		chance_say(r->nft, "%s @s%u ", nft, kind);
		r->of *= 2;
		return;
	}
	if (!chance(c, 4))
		nr = 2 + chance(c, 3);
	values = chance_list(c, k, nr, list);
	chance_say(r->weir, "%s %s ", weir, list);
	chance_say(r->nft, nr > 1 ? "%s {%s} " : "%s %s ", nft, list);
	r->of = r->of * k->size / values;
}

/* The sets s0, s1 and s2 of the kinds above, a line each. */
static inline void chance_sets(struct rule_chance *c, struct chance_rule set[3])
{
	for (__u32 kind = 0; kind < 3; kind++) {
		char list[CHANCE_LINE] = "";

		memset(&set[kind], 0, sizeof(set[kind]));
		chance_list(c, &chance_kinds[kind], 12, list);
		chance_say(set[kind].weir, "set add s%u %s", kind, list);
		chance_say(set[kind].nft, "set s%u { type %s; flags interval; elements = {%s}; }",
			kind, kind == 2 ? "inet_service" : "ipv4_addr", list);
	}
}

/* --- rules --- */

static const __u8 chance_protos[] = {17, 17, 17, 6, 6, 6, 1, 1, 132, 47, 253};

static inline __u8 chance_proto(struct rule_chance *c)
{
	return chance_protos[chance(c, sizeof(chance_protos))];
}

static inline void chance_flag_names(char text[CHANCE_LINE], __u8 flags)
{
	static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
	const char *comma = "";

	for (unsigned int i = 0; i < 8; i++)
		if (flags >> i & 1) {
			chance_say(text, "%s%s", comma, names[i]);
			comma = ",";
		}
	if (!flags)
		chance_say(text, "none");
}

static inline void chance_tcp(struct rule_chance *c, struct chance_rule *r)
{
	__u8 mask = (__u8)(1 + chance(c, 255)), flags = (__u8)(mask & chance(c, 256));

	chance_say(r->weir, "tcp-flags ");
	chance_flag_names(r->weir, flags);
	chance_say(r->weir, "/");
	chance_flag_names(r->weir, mask);
	chance_say(r->weir, " ");
	chance_say(r->nft, "tcp flags & 0x%x == 0x%x ", mask, flags);
	r->of <<= __builtin_popcount(mask);
}

static inline void chance_icmp(struct rule_chance *c, struct chance_rule *r)
{
	__u32 type = chance(c, 4) * 4, code = chance(c, 4);

	chance_say(r->weir, "icmp %u", type);
	chance_say(r->nft, "icmp type %u ", type);
	if (chance(c, 2)) {
		chance_say(r->weir, "/%u", code);
		chance_say(r->nft, "icmp code %u ", code);
		r->of *= 4;
	}
	chance_say(r->weir, " ");
	r->of *= 4;
}

/*
 * What lies behind the IP header, which later fragments do not carry. nft must be told: on Linux
 * 6.18 it takes what they do carry for ports.
 */
static inline void chance_l4(struct rule_chance *c, struct chance_rule *r, bool later)
{
	__u8 proto = chance_proto(c);
	bool ports = proto == 6 || proto == 17 || proto == 132;
	bool tcp = proto == 6 && !chance(c, 3), icmp = proto == 1 && chance(c, 4);
	bool sport = ports && chance(c, 2), dport = ports && chance(c, 2);

	chance_say(r->weir, "proto %u ", proto);
	chance_say(r->nft, "meta l4proto %u ", proto);
	r->of *= 5;
	if (later || !(tcp || icmp || sport || dport))
		return;
	chance_say(r->nft, "ip frag-off & 0x1fff == 0 ");
	if (tcp)
		chance_tcp(c, r);
	if (icmp)
		chance_icmp(c, r);
	if (sport)
		chance_key(c, r, 2, "sport", "th sport");
	if (dport)
		chance_key(c, r, 2, "dport", "th dport");
}

/* Returns whether it is for later fragments alone. */
static inline bool chance_frag(struct rule_chance *c, struct chance_rule *r)
{
	static const char *const weir[] = {"any", "first", "later"};
	static const char *const nft[] = {"& 0x3fff != 0", "& 0x3fff == 0x2000", "& 0x1fff != 0"};
	__u32 kind = chance(c, 3);

	if (chance(c, 6))
		return false;
	chance_say(r->weir, "frag %s ", weir[kind]);
	chance_say(r->nft, "ip frag-off %s ", nft[kind]);
	r->of *= kind ? 4 : 2;
	return kind == 2;
}

static inline void chance_rule(struct rule_chance *c, struct chance_rule *r)
{
	static const char *const weir[] = {"drop", "accept", "drop", "punt", "count", "count"};
	static const char *const nft[] = {" drop", " accept", " drop", " accept", "", ""};
	__u32 side = chance(c, c->one_way ? 8 : 2) == 1, in = chance(c, 8) ? side : !side;
	__u32 verdict = chance(c, 6);

	*r = (struct chance_rule){.of = 1};
	if (!chance(c, 4)) {
		chance_say(r->weir, "in dev %s ", c->dev[in]);
		chance_say(r->nft, "iifname %s ", c->dev[in]);
	}
	if (!chance(c, 4)) {
		chance_say(r->weir, "out dev %s ", c->dev[!in]);
		chance_say(r->nft, "oifname %s ", c->dev[!in]);
	}
	if (chance(c, 4))
		chance_key(c, r, side, "src", "ip saddr");
	if (chance(c, 4))
		chance_key(c, r, !side, "dst", "ip daddr");
	if (chance(c, 3))
		chance_l4(c, r, chance_frag(c, r));
	else
		chance_frag(c, r);
	if (r->of < CHANCE_DECIDES)
		verdict = 4;
	chance_say(r->weir, "%s", weir[verdict]);
	chance_say(r->nft, "counter%s", nft[verdict]);
	if (!chance(c, 8)) {
		chance_say(r->weir, " comment \"one of %u\"", r->of);
		chance_say(r->nft, " comment \"one of %u\"", r->of);
	}
}

/* --- packets --- */

struct chance_packet {
	struct weir_fields is;
	bool back;		  /* comes in by dev[1] */
	__u8 frame[CHANCE_FRAME]; /* MACs are 0 */
};

static inline void chance_put16(__u8 *at, __u32 v)
{
	at[0] = (__u8)(v >> 8);
	at[1] = (__u8)v;
}

/* The header of IPv4, whose identification is @nr. */
static inline void chance_ip(struct chance_packet *p, __u32 nr, __u32 frag)
{
	__u8 *ip = p->frame + 14;
	__u32 sum = 0;

	chance_put16(p->frame + 12, 0x0800);
	ip[0] = 0x45;
	chance_put16(ip + 2, CHANCE_FRAME - 14);
	chance_put16(ip + 4, nr);
	chance_put16(ip + 6, frag);
	ip[8] = 64;
	ip[9] = (__u8)p->is.dim[WEIR_DIM_proto];
	for (unsigned int i = 0; i < 2; i++) {
		chance_put16(ip + 12 + 4 * i, p->is.dim[WEIR_DIM_src + i] >> 16);
		chance_put16(ip + 14 + 4 * i, p->is.dim[WEIR_DIM_src + i]);
	}
	for (unsigned int i = 0; i < 20; i += 2)
		sum += (__u32)(ip[i] << 8 | ip[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	chance_put16(ip + 10, ~(sum + (sum >> 16)));
}

/* Later fragments carry the same bytes, and are not to be taken for having ports. */
static inline void chance_header(struct rule_chance *c, struct chance_packet *p)
{
	__u32 proto = p->is.dim[WEIR_DIM_proto], sport = chance(c, CHANCE_PORTS),
	      dport = chance(c, CHANCE_PORTS), flags = chance(c, 256);
	__u8 *l4 = p->frame + CHANCE_L4;
	bool header = p->is.frag != WEIR_FRAG_LATER;

	p->is.dim[WEIR_DIM_sport] = p->is.dim[WEIR_DIM_dport] = WEIR_NO_PORT;
	if (proto == 1) {
		l4[0] = (__u8)(sport % 4 * 4);
		l4[1] = (__u8)(dport % 4);
		if (header) {
			p->is.icmp_type = l4[0];
			p->is.icmp_code = l4[1];
		}
		return;
	}
	chance_put16(l4, sport);
	chance_put16(l4 + 2, dport);
	if (proto == 17)
		chance_put16(l4 + 4, CHANCE_FRAME - CHANCE_L4);
	if (proto == 6) {
		l4[12] = 0x50;
		l4[13] = (__u8)flags;
		if (header)
			p->is.tcp_flags = l4[13];
	}
	if (header && proto != 47 && proto != 253) {
		p->is.dim[WEIR_DIM_sport] = sport;
		p->is.dim[WEIR_DIM_dport] = dport;
	}
}

static inline void chance_packet(struct rule_chance *c, __u32 nr, struct chance_packet *p)
{
	static const __u16 frags[] = {0, 0, 0, 0, 0x2000, 0x2000, 0x2007, 7};
	__u32 frag = frags[chance(c, 8)], side, other;

	*p = (struct chance_packet){.is.len = CHANCE_FRAME};
	p->back = !c->one_way && chance(c, 2);
	side = p->back;
	other = !p->back;
	p->is.dim[WEIR_DIM_src] = 0xc6120001 + (side << 16) + chance(c, 255);
	p->is.dim[WEIR_DIM_dst] = 0xc6120001 + (other << 16) + chance(c, 255);
	p->is.dim[WEIR_DIM_proto] = chance_proto(c);
	p->is.dim[WEIR_DIM_iif] = c->ifindex[side];
	p->is.dim[WEIR_DIM_oif] = c->ifindex[other];
	p->is.frag = frag & 0x1fff ? WEIR_FRAG_LATER : frag ? WEIR_FRAG_FIRST : WEIR_FRAG_NONE;
	chance_header(c, p);
	chance_ip(p, nr, frag);
}

#endif
