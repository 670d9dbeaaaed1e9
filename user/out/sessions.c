// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sessions as they are read. A document of a million would be gigabytes, so both faces are written
 * member by member, from one and the same description of a session.
 */
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "out/doc.h"

enum { LINE = 1024 };

/* A line being made; what does not fit is cut off, which no session's line comes near. */
struct put {
	char text[LINE];
	size_t len;
};

static void put_text(struct put *p, const char *text)
{
	size_t len = strlen(text), room = LINE - 1 - p->len;

	len = len < room ? len : room;
	memcpy(p->text + p->len, text, len);
	p->len += len;
}

static void put_number(struct put *p, unsigned long long n)
{
	char digits[24];
	size_t i = sizeof(digits);

	digits[--i] = '\0';
	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	put_text(p, digits + i);
}

/* Network order. */
static void put_addr(struct put *p, __u32 addr)
{
	const __u8 *bytes = (const __u8 *)&addr;

	for (int i = 0; i < 4; i++) {
		if (i)
			put_text(p, ".");
		put_number(p, bytes[i]);
	}
}

static void put_proto(struct put *p, __u8 proto)
{
	const char *name = weir_proto_name(proto);

	if (name)
		put_text(p, name);
	else
		put_number(p, proto);
}

static const char *translation(const struct weir_session *s)
{
	bool src = s->flags & WEIR_SESSION_SRC, dst = s->flags & WEIR_SESSION_DST;

	return src && dst ? "both" : src ? "source" : dst ? "destination" : "none";
}

/* --- JSON --- */

static void json_key(struct put *p, const char *key)
{
	put_text(p, p->text[p->len - 1] == '{' ? "\"" : ", \"");
	put_text(p, key);
	put_text(p, "\": ");
}

static void json_number(struct put *p, const char *key, unsigned long long n)
{
	json_key(p, key);
	put_number(p, n);
}

/* A word of ours, which needs no escapes. */
static void json_word(struct put *p, const char *key, const char *word)
{
	json_key(p, key);
	put_text(p, "\"");
	put_text(p, word);
	put_text(p, "\"");
}

static void json_addr(struct put *p, const char *key, __u32 addr)
{
	json_key(p, key);
	put_text(p, "\"");
	put_addr(p, addr);
	put_text(p, "\"");
}

/* Bytes that others chose, or none. */
static void json_odd_name(struct put *p, const char *key, const char *name)
{
	json_t *json = *name ? weir_json_text(name) : json_null();
	char *text = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;

	json_key(p, key);
	put_text(p, text ? text : "null");
	free(text);
	json_decref(json);
}

static bool is_plain(const char *name)
{
	while (*name > ' ' && *name < 0x7f && *name != '"' && *name != '\\')
		name++;
	return !*name;
}

/* A device's name: bytes that others chose. */
static void json_name(struct put *p, const char *key, const char *name)
{
	if (*name && is_plain(name)) {
		json_word(p, key, name);
		return;
	}
	json_odd_name(p, key, name);
}

static void json_flag(struct put *p, const char *key, bool set)
{
	json_key(p, key);
	put_text(p, set ? "true" : "false");
}

static void put_json(struct put *p, const struct weir_seen_session *seen)
{
	const struct weir_session *s = &seen->s;

	put_text(p, "{");
	json_number(p, "number", seen->number);
	json_key(p, "proto");
	put_text(p, "\"");
	put_proto(p, s->proto);
	put_text(p, "\"");
	json_addr(p, "src", s->saddr);
	json_number(p, "sport", ntohs(s->sport));
	json_addr(p, "dst", s->daddr);
	json_number(p, "dport", ntohs(s->dport));
	json_addr(p, "xsrc", s->xsaddr);
	json_number(p, "xsport", ntohs(s->xsport));
	json_addr(p, "xdst", s->xdaddr);
	json_number(p, "xdport", ntohs(s->xdport));
	json_word(p, "translation", translation(s));
	json_number(p, "rule_src", s->rule_src);
	json_number(p, "rule_dst", s->rule_dst);
	json_word(p, "state", weir_state_name(weir_session_state(s)));
	json_number(p, "expires_ms", seen->expires_ms);
	json_number(p, "packets_there", s->count[0].packets);
	json_number(p, "bytes_there", s->count[0].bytes);
	json_number(p, "packets_back", s->count[1].packets);
	json_number(p, "bytes_back", s->count[1].bytes);
	json_name(p, "in", seen->in);
	json_name(p, "out", seen->out);
	json_flag(p, "inbound", s->flags & WEIR_SESSION_INBOUND);
	json_flag(p, "hairpin", s->flags & WEIR_SESSION_HAIRPIN);
	json_flag(p, "local", s->flags & WEIR_SESSION_LOCAL);
	put_text(p, "}");
}

/* --- text --- */

static void text_end(struct put *p, __u32 addr, __u16 port)
{
	put_addr(p, addr);
	if (!port)
		return;
	put_text(p, ":");
	put_number(p, ntohs(port));
}

static void text_tuple(struct put *p, __u32 saddr, __u16 sport, __u32 daddr, __u16 dport)
{
	text_end(p, saddr, sport);
	put_text(p, " > ");
	text_end(p, daddr, dport);
}

static void text_rules(struct put *p, const struct weir_session *s)
{
	if (s->rule_src) {
		put_text(p, ", source by rule ");
		put_number(p, s->rule_src);
	}
	if (s->rule_dst) {
		put_text(p, ", destination by rule ");
		put_number(p, s->rule_dst);
	}
	if (s->flags & WEIR_SESSION_INBOUND)
		put_text(p, ", begun from outside");
	if (s->flags & WEIR_SESSION_HAIRPIN)
		put_text(p, ", hairpin");
}

static void text_count(struct put *p, const char *way, const struct weir_count *count)
{
	put_text(p, ", ");
	put_number(p, count->packets);
	put_text(p, "/");
	put_number(p, count->bytes);
	put_text(p, way);
}

static void put_line(struct put *p, const struct weir_seen_session *seen)
{
	const struct weir_session *s = &seen->s;

	put_proto(p, s->proto);
	put_text(p, " ");
	text_tuple(p, s->saddr, s->sport, s->daddr, s->dport);
	if (s->flags & (WEIR_SESSION_SRC | WEIR_SESSION_DST)) {
		put_text(p, " as ");
		text_tuple(p, s->xsaddr, s->xsport, s->xdaddr, s->xdport);
	}
	put_text(p, " ");
	put_text(p, weir_state_name(weir_session_state(s)));
	put_text(p, ", ");
	put_number(p, (seen->expires_ms + 999) / 1000);
	put_text(p, " s");
	text_count(p, " there", &s->count[0]);
	text_count(p, " back", &s->count[1]);
	text_rules(p, s);
	put_text(p, ", ");
	put_text(p, *seen->in ? seen->in : s->iif ? "?" : "this host");
	put_text(p, " > ");
	put_text(p, *seen->out ? seen->out : s->oif ? "?" : "this host");
}

/* --- one after the other --- */

void weir_sessions_begin(const struct weir_face *face)
{
	if (face->json)
		fprintf(face->file, "{\"version\": %d, \"sessions\": [", WEIR_DOCUMENT_VERSION);
}

void weir_sessions_put(
	const struct weir_face *face, const struct weir_seen_session *seen, bool first)
{
	struct put p;

	p.len = 0;
	if (face->json) {
		put_text(&p, first ? "\n" : ",\n");
		put_json(&p, seen);
	} else {
		put_line(&p, seen);
		p.text[p.len] = '\0';
		weir_plain_text(p.text);
		put_text(&p, "\n");
	}
	fwrite(p.text, 1, p.len, face->file);
}

void weir_sessions_end(
	const struct weir_face *face, const struct weir_sessions_read *read, const char *more)
{
	unsigned long long shown = read->shown, matched = read->matched, all = read->all;

	if (face->json) {
		fprintf(face->file, "%s], \"shown\": %llu, \"matched\": %llu, \"all\": %llu, ",
			shown ? "\n" : "", shown, matched, all);
		if (read->next)
			fprintf(face->file, "\"next\": %u}\n", read->next);
		else
			fprintf(face->file, "\"next\": null}\n");
		return;
	}
	if (matched == all)
		weir_ink(face, WEIR_PLAIN, "%llu of %llu sessions shown\n", shown, all);
	else
		weir_ink(face, WEIR_PLAIN,
			"%llu of %llu sessions shown that match, of %llu in all\n", shown, matched,
			all);
	if (read->next && *more)
		weir_ink(face, WEIR_PLAIN, "more: %s from %u\n", more, read->next);
}
