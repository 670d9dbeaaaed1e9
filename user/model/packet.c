// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The words of a packet. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "model/packet.h"
#include "model/rule_priv.h"

enum { UDP = 17, TCP = 6, ICMP = 1, ECHO_REQUEST = 8, SYN = 2 };
enum { IP_HEAD = 20, OPTIONS = 4, SHORTEST = 46 }; /* of a frame of 60 bytes */

#define PACKET_KEYS(KEY)                                                                           \
	KEY(in, "'dev DEVICE'")                                                                    \
	KEY(out, "'dev DEVICE'")                                                                   \
	KEY(flags, "FLAG[,..], such as syn,ack")                                                   \
	KEY(type, "TYPE[/CODE], such as echo-request")                                             \
	KEY(id, "the id of an echo")                                                               \
	KEY(ttl, "0 to 255")                                                                       \
	KEY(tos, "0 to 255")                                                                       \
	KEY(len, "bytes, the IP header among them")                                                \
	KEY(frag, "first or later")                                                                \
	KEY(ipid, "the IP header's id")                                                            \
	KEY(df, "")                                                                                \
	KEY(options, "")

enum packet_key {
#define KEY(id, what) PACKET_##id,
	PACKET_KEYS(KEY)
#undef KEY
		PACKET_KEY_COUNT
};

static const char *const keys[] = {
#define KEY(id, what) #id,
	PACKET_KEYS(KEY)
#undef KEY
		NULL};

static const char *const needs[] = {
#define KEY(id, what) what,
	PACKET_KEYS(KEY)
#undef KEY
};

static const char *const frags[] = {"first", "later", NULL};

/* One of the two ends, as far as it was said. */
struct end {
	__u32 addr;
	__u32 port;
	bool said, has_port;
	struct rule_place place;
};

struct packet_parse {
	struct rule_reader r;
	struct rule_piece rest; /* of a word that was cut at '>' */
	bool has_rest;
	bool arrow;
	struct end src, dst;
	struct rule_place where[PACKET_KEY_COUNT]; /* column 0: not said */
	struct weir_packet packet;
};

/* --- words --- */

/* Takes what stands before @at off @piece; the rest comes next. */
static void cut_at(struct packet_parse *p, struct rule_piece *piece, size_t at)
{
	bool plain = piece->place.length == strlen(piece->text);

	p->rest = *piece;
	memmove(p->rest.text, piece->text + at, strlen(piece->text + at) + 1);
	piece->text[at] = '\0';
	p->has_rest = *p->rest.text;
	if (!plain)
		return;
	p->rest.place.column += (unsigned int)at;
	p->rest.place.length -= (unsigned int)at;
	piece->place.length = (unsigned int)at;
}

/* The next word; '>' is one by itself. */
static bool next(struct packet_parse *p, struct rule_piece *piece)
{
	char *arrow;

	if (p->has_rest) {
		*piece = p->rest;
		p->has_rest = false;
	} else if (!rule_next(&p->r, piece)) {
		return false;
	}
	arrow = strchr(piece->text, '>');
	if (arrow == piece->text && piece->text[1])
		cut_at(p, piece, 1);
	else if (arrow && arrow != piece->text)
		cut_at(p, piece, (size_t)(arrow - piece->text));
	return true;
}

static int need(struct packet_parse *p, enum packet_key key, struct rule_piece *piece)
{
	if (next(p, piece))
		return 0;
	return rule_wrong(&p->r, rule_end(&p->r), "'%s' needs %s", keys[key], needs[key]);
}

/* --- ends --- */

static int read_port(struct packet_parse *p, struct rule_piece *piece, struct end *end)
{
	char *colon = strchr(piece->text, ':');
	struct rule_piece port = *piece;

	if (!colon)
		return 0;
	if (strchr(colon + 1, ':'))
		return rule_wrong(&p->r, piece->place,
			"'%s' is no IPv4 address: the fast path knows no others", piece->text);
	strcpy(port.text, colon + 1);
	if (piece->place.length == strlen(piece->text)) {
		port.place.column += (unsigned int)(colon + 1 - piece->text);
		port.place.length = *port.text ? (unsigned int)strlen(port.text) : 1;
		piece->place.length = colon > piece->text ? (unsigned int)(colon - piece->text) : 1;
	}
	*colon = '\0';
	end->has_port = true;
	end->place = port.place;
	return rule_number(&p->r, &port, "port", 0, 65535, &end->port);
}

static int read_end(struct packet_parse *p, struct rule_piece *piece, struct end *end)
{
	struct weir_span span = {0, 0};
	int rc;

	*end = (struct end){.said = true, .place = piece->place};
	rc = read_port(p, piece, end);
	if (!rc)
		rc = rule_addrs(&p->r, piece, &span);
	if (!rc && span.lo != span.hi)
		rc = rule_wrong(&p->r, piece->place, "'%s' is not one address", piece->text);
	end->addr = span.lo;
	return rc;
}

/* What is none of the keys: an address, '>', an ICMP type, or a mistake. */
static int read_other(struct packet_parse *p, struct rule_piece *piece)
{
	struct weir_nearest nearest = {.typed = piece->text};

	if (!strcmp(piece->text, ">") || !strcmp(piece->text, "to")) {
		if (!p->src.said || p->arrow)
			return rule_wrong(&p->r, piece->place, "'%s' stands between two addresses",
				piece->text);
		p->arrow = true;
		return 0;
	}
	if (isdigit((unsigned char)*piece->text) || strpbrk(piece->text, ".:")) {
		if (!p->src.said)
			return read_end(p, piece, &p->src);
		if (!p->arrow)
			return rule_wrong(&p->r, piece->place,
				"'%s' where '>' or 'to' should stand", piece->text);
		if (!p->dst.said)
			return read_end(p, piece, &p->dst);
	}
	if (weir_icmp_number(piece->text) >= 0)
		return rule_wrong(&p->r, piece->place, "'%s' is said once, of icmp", piece->text);
	for (unsigned int i = 0; i < PACKET_KEY_COUNT; i++)
		weir_nearest_offer(&nearest, keys[i]);
	if (nearest.word)
		return rule_wrong(&p->r, piece->place, "unknown word '%s': did you mean '%s'?",
			piece->text, nearest.word);
	rule_wrong(&p->r, piece->place, "unknown word '%s'", piece->text);
	weir_remedy(p->r.err, "'weir help explain' lists them");
	return -EINVAL;
}

/* --- keys --- */

static int read_number(
	struct packet_parse *p, enum packet_key key, __u16 min, __u16 max, __u16 *number)
{
	struct rule_piece piece;
	__u32 value = 0;
	int rc = need(p, key, &piece);

	if (!rc)
		rc = rule_number(&p->r, &piece, keys[key], min, max, &value);
	*number = (__u16)value;
	return rc;
}

static int read_flags(struct packet_parse *p)
{
	const struct weir_word *word;
	struct rule_piece piece;
	size_t offset = 0;
	int rc;

	if (p->has_rest || p->r.at >= p->r.line->nr)
		return rule_wrong(&p->r, rule_end(&p->r), "'flags' needs %s", needs[PACKET_flags]);
	word = &p->r.line->words[p->r.at++];
	p->packet.tcp_flags = 0;
	while ((rc = rule_element(&p->r, word, &offset, &piece)) > 0) {
		int bit = rule_choice(&p->r, &piece, "TCP flag", rule_tcp_flags);

		if (bit < 0)
			return bit;
		p->packet.tcp_flags |= (__u8)(1 << bit);
	}
	return rc;
}

/* TYPE[/CODE] */
static int set_type(struct packet_parse *p, struct rule_piece *piece)
{
	char *slash = strchr(piece->text, '/');
	struct rule_piece code = *piece;
	__u32 value = 0;
	int rc = 0, number;

	if (slash) {
		strcpy(code.text, slash + 1);
		*slash = '\0';
		rc = rule_number(&p->r, &code, "code", 0, 255, &value);
		p->packet.icmp_code = (__u8)value;
	}
	number = weir_icmp_number(piece->text);
	if (!rc && number < 0) {
		rc = rule_number(&p->r, piece, "ICMP type", 0, 255, &value);
		number = (int)value;
	}
	p->packet.icmp_type = (__u8)number;
	return rc;
}

static int read_frag(struct packet_parse *p)
{
	struct rule_piece piece;
	int rc = need(p, PACKET_frag, &piece);

	if (!rc)
		rc = rule_choice(&p->r, &piece, "fragment", frags);
	if (rc < 0)
		return rc;
	p->packet.frag = rc ? WEIR_FRAG_LATER : WEIR_FRAG_FIRST;
	return 0;
}

static int read_key(struct packet_parse *p, enum packet_key key)
{
	struct weir_packet *packet = &p->packet;
	struct rule_piece piece;
	__u16 byte;
	int rc;

	switch (key) {
	case PACKET_in:
	case PACKET_out:
		packet->out = key == PACKET_out;
		return rule_dev(&p->r, keys[key], false, packet->dev);
	case PACKET_flags:
		return read_flags(p);
	case PACKET_type:
		rc = need(p, key, &piece);
		return rc ? rc : set_type(p, &piece);
	case PACKET_id:
		return read_number(p, key, 0, 65535, &packet->icmp_id);
	case PACKET_ttl:
	case PACKET_tos:
		rc = read_number(p, key, 0, 255, &byte);
		*(key == PACKET_ttl ? &packet->ttl : &packet->tos) = (__u8)byte;
		return rc;
	case PACKET_len:
		return read_number(p, key, IP_HEAD, WEIR_PACKET_LEN_MAX, &packet->len);
	case PACKET_ipid:
		return read_number(p, key, 0, 65535, &packet->ip_id);
	case PACKET_frag:
		return read_frag(p);
	case PACKET_df:
		packet->df = true;
		return 0;
	default:
		packet->options = true;
		return 0;
	}
}

static int read_word(struct packet_parse *p, struct rule_piece *piece)
{
	int key = rule_index(keys, piece->text);

	if (key < 0 && p->packet.proto == ICMP && !p->where[PACKET_type].column &&
		weir_icmp_number(piece->text) >= 0) {
		p->where[PACKET_type] = piece->place;
		return set_type(p, piece);
	}
	if (key < 0)
		return read_other(p, piece);
	if (p->where[key].column)
		return rule_wrong(&p->r, piece->place, "a second '%s'", keys[key]);
	p->where[key] = piece->place;
	return read_key(p, (enum packet_key)key);
}

/* --- what goes together --- */

static int check_ports(struct packet_parse *p, const struct end *end)
{
	const struct weir_packet *packet = &p->packet;
	const char *name = weir_proto_name(packet->proto);
	bool ports = weir_proto_has_ports(packet->proto);

	if (ports && packet->frag == WEIR_FRAG_LATER) {
		if (end->has_port)
			return rule_wrong(&p->r, end->place, "a later fragment carries no ports");
	} else if (ports && !end->has_port) {
		return rule_wrong(
			&p->r, end->place, "%s needs a port: ADDRESS:PORT", name ? name : "it");
	} else if (!ports && end->has_port) {
		return rule_wrong(&p->r, end->place, "%s has no ports", name ? name : "it");
	}
	return 0;
}

static int check_ends(struct packet_parse *p)
{
	const char *missing = p->src.said ? "'> ADDRESS[:PORT]', in quotes or with 'to' for '>', "
					    "since a shell takes '>' for itself"
					  : "ADDRESS[:PORT]";
	int rc;

	if (!p->src.said || !p->dst.said)
		return rule_wrong(&p->r, rule_end(&p->r), "'explain' needs where the packet %s: %s",
			p->src.said ? "goes" : "comes from", missing);
	rc = check_ports(p, &p->src);
	return rc ? rc : check_ports(p, &p->dst);
}

/* The shortest that the packet can be. */
static __u16 least_len(const struct weir_packet *packet)
{
	__u32 len = IP_HEAD + (packet->options ? OPTIONS : 0);

	if (packet->frag == WEIR_FRAG_LATER)
		return (__u16)len;
	switch (packet->proto) {
	case TCP:
		return (__u16)(len + 20);
	case UDP:
	case ICMP:
		return (__u16)(len + 8);
	default:
		return (__u16)(len + (weir_proto_has_ports(packet->proto) ? 8 : 0));
	}
}

static int check_whose(struct packet_parse *p)
{
	const struct weir_packet *packet = &p->packet;
	const struct rule_place *where = p->where;
	__u8 type = packet->icmp_type;

	if (where[PACKET_in].column && where[PACKET_out].column)
		return rule_wrong(&p->r, where[PACKET_out],
			"'in' and 'out': a packet comes in, and where it goes is the answer; or "
			"this "
			"host sends it");
	if (!where[PACKET_in].column && !where[PACKET_out].column)
		return rule_wrong(&p->r, rule_end(&p->r),
			"'explain' needs 'in dev DEVICE', or 'out dev DEVICE' for what this host "
			"sends");
	if (where[PACKET_flags].column && packet->proto != TCP)
		return rule_wrong(&p->r, where[PACKET_flags], "'flags' are tcp's");
	if (where[PACKET_type].column && packet->proto != ICMP)
		return rule_wrong(&p->r, where[PACKET_type], "'type' is icmp's");
	if (where[PACKET_id].column &&
		(packet->proto != ICMP || (type > 0 && type < 8) || type > 18))
		return rule_wrong(&p->r, where[PACKET_id], "'id' is of icmp's queries and answers");
	if (where[PACKET_df].column && where[PACKET_frag].column)
		return rule_wrong(&p->r, where[PACKET_df], "'df': then it is no fragment");
	return 0;
}

static int check_len(struct packet_parse *p)
{
	struct weir_packet *packet = &p->packet;
	__u16 least = least_len(packet);

	if (!packet->len)
		packet->len = least < SHORTEST ? SHORTEST : least;
	if (packet->len < least)
		return rule_wrong(&p->r, p->where[PACKET_len],
			"'len': such a packet has %u bytes at least", least);
	/* all fragments but the last carry a multiple of 8 */
	if (packet->frag == WEIR_FRAG_FIRST) {
		unsigned int head = IP_HEAD + (packet->options ? OPTIONS : 0);

		packet->len = (__u16)((packet->len - head + 7) / 8 * 8 + head);
		if (packet->len > WEIR_PACKET_LEN_MAX)
			packet->len = (__u16)(packet->len - 8);
	}
	return 0;
}

int weir_packet_parse(
	struct weir_packet *packet, const struct weir_line *line, struct weir_err *err)
{
	struct weir_err unread;
	struct packet_parse p = {.r = {line, 0, err ? err : &unread},
		.packet = {.ttl = 64, .tcp_flags = SYN, .icmp_type = ECHO_REQUEST}};
	struct rule_piece piece;
	int rc = rule_need(&p.r, "explain", "udp, tcp, icmp or a number", &piece);

	if (!rc)
		rc = rule_proto(&p.r, &piece, &p.packet.proto);
	while (!rc && next(&p, &piece))
		rc = read_word(&p, &piece);
	if (!rc)
		rc = check_ends(&p);
	if (!rc)
		rc = check_whose(&p);
	if (!rc)
		rc = check_len(&p);
	if (rc)
		return rc;
	p.packet.saddr = p.src.addr;
	p.packet.daddr = p.dst.addr;
	p.packet.sport = (__u16)p.src.port;
	p.packet.dport = (__u16)p.dst.port;
	*packet = p.packet;
	return 0;
}
