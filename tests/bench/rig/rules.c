// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The rule sets of the filter's cases: the same rules for each peer, in its own words.
 *
 * Rules accept, and what no rule matches is dropped, so a frame that comes out has been judged. The
 * last fifth, about, tiles all that the generator's traffic may be, so each packet has its rule
 * there: tiles of prefixes both ways and ragged ranges of ports. Before it come small rules all
 * over the same space, which overlap the tiles and each other: prefixes of /22 to /28 or ranges of
 * addresses, ports singly, in ranges or any. Few packets meet one, but no field tells them from the
 * traffic by itself.
 *
 * nft refuses an element of a set of ranges whose first or last corner lies in an earlier one.
 * Rules are drawn so that none does, and one set holds them all, which is the fastest that nft can
 * do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "rig.h"

enum { SRC, DST, SPORT, DPORT, FIELDS };

struct box {
	__u32 lo[FIELDS], hi[FIELDS];
};

enum {
	SRC_NET = 0xc6120000, /* 198.18.0.0/16 */
	DST_NET = 0xc6130000,
	NET = 1 << 16, /* addresses in each, and ports */
	PACKETS = 1000,
};

struct rules {
	struct box *box;
	unsigned int nr, tiles; /* of which the last are tiles */
	__u64 chance;
};

static __u32 below(struct rules *r, __u32 n)
{
	r->chance ^= r->chance << 13;
	r->chance ^= r->chance >> 7;
	r->chance ^= r->chance << 17;
	return (__u32)((r->chance >> 32) * n >> 32);
}

static bool inside(const struct box *b, const __u32 *point)
{
	for (int i = 0; i < FIELDS; i++)
		if (point[i] < b->lo[i] || point[i] > b->hi[i])
			return false;
	return true;
}

/* Piece @at of 1 << @bits of a network. */
static void piece(struct box *b, int field, __u32 net, unsigned int at, int bits)
{
	__u32 size = NET >> bits;

	b->lo[field] = net + at * size;
	b->hi[field] = b->lo[field] + size - 1;
}

/* The first port of piece @at of 1 << @bits: no power of two, but for the first. */
static __u32 ragged(unsigned int at, int bits)
{
	return at == 1U << bits ? NET : at * (NET >> bits) + 11 * at;
}

static void make_tile(struct box *b, unsigned int at, int bits)
{
	int dports = bits / 4, dsts = (bits - dports) / 2, srcs = bits - dports - dsts;
	unsigned int port = at & ((1U << dports) - 1);

	at >>= dports;
	piece(b, DST, DST_NET, at & ((1U << dsts) - 1), dsts);
	piece(b, SRC, SRC_NET, at >> dsts, srcs);
	b->lo[SPORT] = 0;
	b->hi[SPORT] = NET - 1;
	b->lo[DPORT] = ragged(port, dports);
	b->hi[DPORT] = ragged(port + 1, dports) - 1;
}

static void range(struct rules *r, struct box *b, int field, __u32 base, __u32 longest)
{
	__u32 size = 1 + below(r, longest);

	b->lo[field] = base + below(r, NET - size);
	b->hi[field] = b->lo[field] + size - 1;
}

static void address(struct rules *r, struct box *b, int field, __u32 net)
{
	int bits = 6 + (int)below(r, 7); /* /22 to /28 */

	piece(b, field, net, below(r, 1U << bits), bits);
}

static void make_small(struct rules *r, struct box *b)
{
	address(r, b, SRC, SRC_NET);
	if (below(r, 4))
		address(r, b, DST, DST_NET);
	else
		range(r, b, DST, DST_NET, 1000);
	b->lo[SPORT] = 0;
	b->hi[SPORT] = NET - 1;
	if (!below(r, 4))
		range(r, b, SPORT, 0, 30000);
	range(r, b, DPORT, 0, below(r, 3) ? 4000 : 1);
}

/* Whether nft would take the tiles and @b behind the first @nr. */
static bool fits(const struct rules *r, unsigned int nr, const struct box *b)
{
	for (unsigned int i = 0; i < nr; i++)
		if (inside(&r->box[i], b->lo) || inside(&r->box[i], b->hi))
			return false;
	for (unsigned int i = r->nr - r->tiles; i < r->nr; i++)
		if (inside(b, r->box[i].lo) || inside(b, r->box[i].hi))
			return false;
	return true;
}

static int make(struct rules *r, unsigned int nr)
{
	int bits = 0;

	while (8U << bits <= nr)
		bits++;
	*r = (struct rules){.nr = nr, .tiles = 1U << bits, .chance = 0x9e3779b97f4a7c15ULL};
	r->box = calloc(nr, sizeof(*r->box));
	if (!r->box)
		return -ENOMEM;
	for (unsigned int i = 0; i < r->tiles; i++)
		make_tile(&r->box[nr - r->tiles + i], i, bits);
	for (unsigned int i = 0; i < nr - r->tiles; i++)
		do
			make_small(r, &r->box[i]);
		while (!fits(r, i, &r->box[i]));
	return 0;
}

/* Which rule is a packet's, on the average, counted from 1. */
static double mean_match(struct rules *r)
{
	double sum = 0;

	for (int i = 0; i < PACKETS; i++) {
		const __u32 packet[FIELDS] = {SRC_NET + below(r, NET), DST_NET + below(r, NET),
			1024 + below(r, NET - 1024), 1 + below(r, NET - 1)};
		unsigned int at = 0;

		while (at < r->nr && !inside(&r->box[at], packet))
			at++;
		sum += at + 1;
	}
	return sum / PACKETS;
}

/* --- in each peer's words --- */

/* "A/N", or "A-B" where no prefix says it. */
static const char *net_text(const struct box *b, int field, char text[48])
{
	struct in_addr lo = {htonl(b->lo[field])}, hi = {htonl(b->hi[field])};
	__u32 size = b->hi[field] - b->lo[field] + 1;
	char last[INET_ADDRSTRLEN], first[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &lo, first, sizeof(first));
	inet_ntop(AF_INET, &hi, last, sizeof(last));
	if (!(size & (size - 1)) && !(b->lo[field] & (size - 1)))
		snprintf(text, 48, "%s/%d", first, __builtin_clz(size) + 1);
	else
		snprintf(text, 48, "%s-%s", first, last);
	return text;
}

static bool any_port(const struct box *b, int field)
{
	return !b->lo[field] && b->hi[field] == NET - 1;
}

/* "@key P-P" with @dash between the ports; nothing where any will do. */
static const char *port_text(
	const struct box *b, int field, const char *key, char dash, char text[48])
{
	text[0] = '\0';
	if (!any_port(b, field))
		snprintf(text, 48, "%s %u%c%u", key, b->lo[field], dash, b->hi[field]);
	return text;
}

static void say_weir(FILE *f, const struct box *b)
{
	char t[4][48];

	fprintf(f, "proto udp src %s dst %s %s %s accept\n", net_text(b, SRC, t[0]),
		net_text(b, DST, t[1]), port_text(b, SPORT, "sport", '-', t[2]),
		port_text(b, DPORT, "dport", '-', t[3]));
}

static void say_nft(FILE *f, const struct box *b)
{
	char t[4][48];

	fprintf(f, "ip saddr %s ip daddr %s %s %s accept\n", net_text(b, SRC, t[0]),
		net_text(b, DST, t[1]), port_text(b, SPORT, "udp sport", '-', t[2]),
		port_text(b, DPORT, "udp dport", '-', t[3]));
}

static void say_iptables(FILE *f, const struct box *b)
{
	char t[4][48];

	net_text(b, DST, t[1]);
	fprintf(f, "-A FORWARD -p udp -s %s %s %s %s %s -j ACCEPT\n", net_text(b, SRC, t[0]),
		strchr(t[1], '-') ? "-m iprange --dst-range" : "-d", t[1],
		port_text(b, SPORT, "--sport", ':', t[2]),
		port_text(b, DPORT, "--dport", ':', t[3]));
}

static void say_element(FILE *f, const struct box *b)
{
	char t[2][48];

	fprintf(f, "%s . %s", net_text(b, SRC, t[0]), net_text(b, DST, t[1]));
	if (!any_port(b, SPORT))
		fprintf(f, " . %u-%u", b->lo[SPORT], b->hi[SPORT]);
	fprintf(f, " . %u-%u,\n", b->lo[DPORT], b->hi[DPORT]);
}

static void say_set(FILE *f, const struct rules *r, bool sports)
{
	fprintf(f,
		"set %s {\ntype ipv4_addr . ipv4_addr . inet_service%s\nflags interval\n"
		"elements = {\n",
		sports ? "sports" : "rules", sports ? " . inet_service" : "");
	for (unsigned int i = 0; i < r->nr; i++)
		if (any_port(&r->box[i], SPORT) != sports)
			say_element(f, &r->box[i]);
	fputs("}\n}\n", f);
}

#define NFT_CHAIN "chain forward {\ntype filter hook forward priority filter; policy drop;\n"

static void write_sets(FILE *f, const struct rules *r)
{
	fputs("table ip bench {\n", f);
	say_set(f, r, false);
	say_set(f, r, true);
	fputs(NFT_CHAIN "ip saddr . ip daddr . udp dport @rules accept\n"
			"ip saddr . ip daddr . udp sport . udp dport @sports accept\n}\n}\n",
		f);
}

static void write_nft(FILE *f, const struct rules *r)
{
	fputs("table ip bench {\n" NFT_CHAIN, f);
	for (unsigned int i = 0; i < r->nr; i++)
		say_nft(f, &r->box[i]);
	fputs("}\n}\n", f);
}

static void write_iptables(FILE *f, const struct rules *r)
{
	fputs("*filter\n:FORWARD DROP [0:0]\n", f);
	for (unsigned int i = 0; i < r->nr; i++)
		say_iptables(f, &r->box[i]);
	fputs("COMMIT\n", f);
}

static void write_weir(FILE *f, const struct rules *r)
{
	for (unsigned int i = 0; i < r->nr; i++)
		say_weir(f, &r->box[i]);
	fputs("policy in dev r0 drop\n", f);
}

static const struct {
	const char *name; /* of the file, behind the number of rules */
	void (*write)(FILE *f, const struct rules *r);
} forms[] = {
	{"weir", write_weir},
	{"nft", write_nft},
	{"nft_sets", write_sets},
	{"iptables", write_iptables},
};

static int write_file(const char *dir, size_t form, const struct rules *r)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u.%s", dir, r->nr, forms[form].name);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	forms[form].write(f, r);
	return fclose(f) ? -errno : 0;
}

int rig_write_rules(struct rig *rig)
{
	static const unsigned int sizes[] = {10, 10000};
	int err = 0;

	if (rig->rules_written)
		return 0;
	if (mkdir(rig->rules, 0755) && errno != EEXIST)
		err = -errno;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !err; i++) {
		struct rules r;

		err = make(&r, sizes[i]);
		for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]) && !err; form++)
			err = write_file(rig->rules, form, &r);
		if (!err)
			printf("of %u rules the one that decides is number %.0f, on the average\n",
				r.nr, mean_match(&r));
		free(r.box);
	}
	if (err)
		fprintf(stderr, "bench: %s: %s\n", rig->rules, strerror(-err));
	rig->rules_written = !err;
	return err;
}
