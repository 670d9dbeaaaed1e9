// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Captured packets: a line each, as tcpdump has it, with what became of the packet. */
#include <arpa/inet.h>
#include <string.h>
#include <time.h>
#include <netinet/in.h>
#include <net/ethernet.h>

#include "model/tables.h"
#include "out/doc.h"

/* The bytes of a frame that are still to be read. */
struct bytes {
	const __u8 *at;
	unsigned int left;
};

static bool skip(struct bytes *b, unsigned int n)
{
	if (b->left < n)
		return false;
	b->at += n;
	b->left -= n;
	return true;
}

static unsigned int be16(const __u8 *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static void put(json_t *doc, const char *key, json_t *value)
{
	json_object_set_new(doc, key, value);
}

static void ports(json_t *doc, struct bytes *b, unsigned int proto)
{
	if ((proto != IPPROTO_UDP && proto != IPPROTO_TCP && proto != IPPROTO_SCTP) || b->left < 4)
		return;
	put(doc, "sport", json_integer(be16(b->at)));
	put(doc, "dport", json_integer(be16(b->at + 2)));
}

static void ipv4(json_t *doc, struct bytes *b)
{
	char text[INET_ADDRSTRLEN];
	unsigned int proto, frag, header;

	if (b->left < 20 || b->at[0] >> 4 != 4)
		return;
	header = (b->at[0] & 15u) * 4;
	proto = b->at[9];
	frag = be16(b->at + 6);
	put(doc, "src", json_string(inet_ntop(AF_INET, b->at + 12, text, sizeof(text))));
	put(doc, "dst", json_string(inet_ntop(AF_INET, b->at + 16, text, sizeof(text))));
	put(doc, "proto", json_integer(proto));
	put(doc, "ttl", json_integer(b->at[8]));
	put(doc, "ip_length", json_integer(be16(b->at + 2)));
	put(doc, "id", json_integer(be16(b->at + 4)));
	if (frag & 0x3fff)
		put(doc, "fragment_offset", json_integer((frag & 0x1fff) * 8));
	if (!(frag & 0x1fff) && header >= 20 && skip(b, header))
		ports(doc, b, proto);
}

static void ipv6(json_t *doc, struct bytes *b)
{
	char text[INET6_ADDRSTRLEN];
	unsigned int proto;

	if (b->left < 40 || b->at[0] >> 4 != 6)
		return;
	proto = b->at[6];
	put(doc, "src", json_string(inet_ntop(AF_INET6, b->at + 8, text, sizeof(text))));
	put(doc, "dst", json_string(inet_ntop(AF_INET6, b->at + 24, text, sizeof(text))));
	put(doc, "proto", json_integer(proto));
	put(doc, "ttl", json_integer(b->at[7]));
	put(doc, "ip_length", json_integer(40 + be16(b->at + 4)));
	if (skip(b, 40))
		ports(doc, b, proto);
}

static json_t *tag_doc(unsigned int proto, unsigned int tci)
{
	return json_sprintf("%s %u", proto == ETH_P_8021AD ? "802.1ad" : "802.1Q", tci & 0xfff);
}

void weir_put_packet(json_t *doc, const __u8 *head, unsigned int len, __u32 tag)
{
	struct bytes b = {head, len};
	json_t *tags = json_array();
	unsigned int proto = 0;

	if (tag) {
		const __u8 *t = (const __u8 *)&tag;

		json_array_append_new(tags, tag_doc(be16(t), be16(t + 2)));
	}
	if (skip(&b, 2 * ETH_ALEN) && b.left >= 2)
		proto = be16(b.at);
	while ((proto == ETH_P_8021Q || proto == ETH_P_8021AD) && b.left >= 6) {
		json_array_append_new(tags, tag_doc(proto, be16(b.at + 2)));
		skip(&b, 4);
		proto = be16(b.at);
	}
	put(doc, "tags", tags);
	put(doc, "ethertype", json_integer(proto));
	if (proto == ETH_P_IP && skip(&b, 2))
		ipv4(doc, &b);
	else if (proto == ETH_P_IPV6 && skip(&b, 2))
		ipv6(doc, &b);
}

void weir_exit_words(enum weir_exit by, enum weir_hook hook, bool punt_drop, const char *out,
	char *text, size_t size)
{
	const struct weir_exit_info *exit = &weir_exit_info[by];
	const char *stage = weir_stage_info[exit->stage].name;
	const char *cause = weir_cause_info[exit->cause].name;

	if (punt_drop)
		snprintf(text, size, "dropped at %s: %s, by 'punt drop'", stage, cause);
	else if (exit->kind == WEIR_KIND_OUT && hook == WEIR_HOOK_tc_egress)
		snprintf(text, size, "sent%s%s", exit->cause == WEIR_CAUSE_NONE ? "" : ": ",
			exit->cause == WEIR_CAUSE_NONE ? "" : cause);
	else if (exit->kind == WEIR_KIND_OUT)
		snprintf(text, size, "forwarded to %s", *out ? out : "?");
	else if (exit->kind == WEIR_KIND_PASS || exit->kind == WEIR_KIND_PUNT)
		snprintf(text, size, "%s to the kernel at %s: %s",
			exit->kind == WEIR_KIND_PUNT ? "punted" : "passed", stage, cause);
	else
		snprintf(text, size, "dropped at %s: %s", stage, cause);
}

void weir_capture_words(const struct weir_capture *c, const char *out, char *text, size_t size)
{
	weir_exit_words(c->exit, c->hook, c->punt_drop, out, text, size);
}

json_t *weir_doc_capture(
	const struct weir_capture *c, __u64 wall_ns, const char *dev, const char *out)
{
	const struct weir_exit_info *exit = &weir_exit_info[c->exit];
	char words[128];
	json_t *doc;

	weir_capture_words(c, out, words, sizeof(words));
	doc = json_pack("{s:I, s:s, s:o, s:s, s:i, s:i, s:I, s:s, s:s, s:s, s:b, s:o*, s:o}",
		"time_ns", weir_json_int(wall_ns), "plane", "fast", "device", weir_json_text(dev),
		"hook", weir_hook_info[c->hook].name, "queue", c->queue, "cpu", c->cpu, "length",
		(json_int_t)c->len, "stage", weir_stage_info[exit->stage].name, "kind",
		weir_kind_info[exit->kind].name, "cause", weir_cause_info[exit->cause].name,
		"punt_drop", c->punt_drop, "out", *out ? weir_json_text(out) : NULL, "verdict",
		weir_json_text(words));
	if (doc)
		weir_put_packet(doc, c->head, c->head_len, c->tag);
	return doc;
}

static void text_end(
	const struct weir_face *face, const json_t *doc, const char *addr, const char *port)
{
	const char *text = weir_get_text(doc, addr);
	bool brackets = strchr(text, ':') && json_object_get(doc, port);

	weir_ink(face, WEIR_PLAIN, brackets ? "[%s]" : "%s", text);
	if (json_object_get(doc, port))
		weir_ink(face, WEIR_PLAIN, ":%lld", (long long)weir_get_int(doc, port));
}

static const char *proto_name(json_int_t proto, char buf[16])
{
	switch (proto) {
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmp6";
	default:
		snprintf(buf, 16, "proto %d", (int)proto);
		return buf;
	}
}

void weir_text_packet(const struct weir_face *face, const json_t *doc)
{
	const json_t *tag;
	char buf[16];
	size_t i;

	json_array_foreach (json_object_get(doc, "tags"), i, tag)
		weir_ink(face, WEIR_PLAIN, "%s ", json_string_value(tag));
	if (!json_object_get(doc, "src")) {
		json_int_t type = weir_get_int(doc, "ethertype");

		if (type == ETH_P_ARP || type == ETH_P_IPV6)
			weir_ink(face, WEIR_PLAIN, "%s", type == ETH_P_ARP ? "arp" : "ipv6");
		else
			weir_ink(face, WEIR_PLAIN, "ethertype 0x%04x", (unsigned int)type);
		return;
	}
	weir_ink(face, WEIR_PLAIN, "%s ", proto_name(weir_get_int(doc, "proto"), buf));
	text_end(face, doc, "src", "sport");
	weir_ink(face, WEIR_PLAIN, " > ");
	text_end(face, doc, "dst", "dport");
	weir_ink(face, WEIR_PLAIN, " ttl %lld", (long long)weir_get_int(doc, "ttl"));
}

void weir_text_capture(const struct weir_face *face, const json_t *doc)
{
	const char *kind = weir_get_text(doc, "kind");
	bool drop = !strcmp(kind, "drop") || json_is_true(json_object_get(doc, "punt_drop"));

	weir_text_clock(face, weir_get_int(doc, "time_ns"));
	weir_ink(
		face, WEIR_HEAD, "%s %s", weir_get_text(doc, "device"), weir_get_text(doc, "hook"));
	weir_ink(face, WEIR_PLAIN, "  ");
	weir_text_packet(face, doc);
	weir_ink(face, WEIR_PLAIN, ", %lld bytes  ", (long long)weir_get_int(doc, "length"));
	weir_ink(face, drop ? WEIR_ALARM : WEIR_PLAIN, "%s", weir_get_text(doc, "verdict"));
	weir_ink(face, WEIR_PLAIN, "\n");
}
