// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "base/num.h"
#include "model/session.h"
#include "model/rule_priv.h"

static const char *const states[] = {
#define STATE(id, text) #id,
	WEIR_SESSION_STATES(STATE)
#undef STATE
		NULL};

const struct weir_timeout_info weir_timeout_info[WEIR_TIMEOUT_COUNT] = {
#define T(id, seconds, least, text) {#id, text, seconds, least},
	WEIR_TIMEOUTS(T)
#undef T
};

static const char *const timeouts[] = {
#define T(id, seconds, least, text) #id,
	WEIR_TIMEOUTS(T)
#undef T
		NULL};

const char *weir_state_name(enum weir_session_state state)
{
	return states[state];
}

const char *weir_timeout_name(enum weir_timeout which)
{
	return weir_timeout_info[which].name;
}

/* --- MATCH --- */

enum match_key { PROTO, ADDR, PORT, RULE, STATE, LIMIT, FROM, NOTHING };

static const char *const keys[] = {"proto", "addr", "port", "rule", "state", "limit", "from", NULL};
static const char *const needs[] = {"udp, tcp, icmp or a number", "ADDRESS[/LENGTH]", "PORT",
	"a rule's id", "STATE[,..]", "NUMBER", "the number of a record"};

static int read_prefix(
	const struct rule_reader *r, const struct rule_piece *piece, struct weir_flush *which)
{
	struct weir_prefix prefixes[WEIR_PREFIXES_MAX];
	struct weir_span span;
	int rc = rule_addrs(r, piece, &span);

	if (rc)
		return rc;
	if (weir_span_prefixes(span, 32, prefixes) != 1)
		return rule_wrong(r, piece->place,
			"'%s' is no one prefix: ADDRESS or ADDRESS/LENGTH", piece->text);
	which->mask = htonl(prefixes[0].len ? ~0u << (32 - prefixes[0].len) : 0);
	which->addr = htonl(span.lo);
	return 0;
}

static int read_states(const struct rule_reader *r, struct weir_flush *which)
{
	const struct weir_word *word = &r->line->words[r->at - 1];
	struct rule_piece piece;
	size_t offset = 0;
	int rc;

	while ((rc = rule_element(r, word, &offset, &piece)) > 0) {
		int state = rule_choice(r, &piece, "state", states);

		if (state < 0)
			return state;
		which->states |= 1u << state;
	}
	return rc;
}

static int read_key(struct rule_reader *r, enum match_key key, struct weir_match *m)
{
	struct weir_flush *which = &m->which;
	struct rule_piece piece;
	__u32 number = 0;
	int rc = rule_need(r, keys[key], needs[key], &piece);

	if (rc)
		return rc;
	switch (key) {
	case PROTO:
		return rule_proto(r, &piece, &which->proto);
	case ADDR:
		return read_prefix(r, &piece, which);
	case PORT:
		rc = rule_number(r, &piece, "port", 1, 65535, &number);
		which->port = htons((__u16)number);
		return rc;
	case RULE:
		return rule_number(r, &piece, "rule's id", 1, 0xffffffff, &which->rule);
	case STATE:
		return read_states(r, which);
	case LIMIT:
		rc = rule_number(r, &piece, "number of sessions", 1, WEIR_SESSIONS_MAX, &number);
		m->limit = number;
		return rc;
	default:
		return rule_number(
			r, &piece, "number of a record", 0, WEIR_SESSIONS_MAX - 1, &m->from);
	}
}

/* Which key a word is. */
static int find_key(const struct rule_reader *r, const struct rule_piece *piece, bool pages)
{
	struct weir_nearest nearest = {.typed = piece->text};
	int nr = pages ? NOTHING : LIMIT, key = rule_index(keys, piece->text);

	if (key >= 0 && key < nr)
		return key;
	for (int i = 0; i < nr; i++)
		weir_nearest_offer(&nearest, keys[i]);
	if (nearest.word)
		return rule_wrong(r, piece->place, "unknown word '%s': did you mean '%s'?",
			piece->text, nearest.word);
	rule_wrong(r, piece->place, "unknown word '%s'", piece->text);
	weir_remedy(r->err, "proto P, addr PREFIX, port N, rule ID, state S[,..]%s",
		pages ? ", limit N, from N" : "");
	return -EINVAL;
}

int weir_match_parse(struct weir_match *match, const struct weir_line *line, unsigned int from,
	bool pages, struct weir_err *err)
{
	struct weir_err unread;
	struct rule_reader r = {line, from, err ? err : &unread};
	struct weir_match m = {0};
	struct rule_piece piece;
	unsigned int seen = 0;

	while (rule_next(&r, &piece)) {
		int key = find_key(&r, &piece, pages), rc;

		if (key < 0)
			return key;
		if (seen >> key & 1)
			return rule_wrong(&r, piece.place, "a second '%s'", keys[key]);
		seen |= 1u << key;
		rc = read_key(&r, (enum match_key)key, &m);
		if (rc)
			return rc;
	}
	*match = m;
	return 0;
}

/* --- ADDR:PORT --- */

/* Cuts the port off what is before it. */
static int split_port(
	const struct rule_reader *r, struct rule_piece *piece, struct weir_asked *asked)
{
	char *colon = strchr(piece->text, ':');
	struct rule_piece port = *piece;
	__u32 number = 0;
	int rc;

	if (!colon)
		return 0;
	if (strchr(colon + 1, ':')) {
		rule_wrong(r, piece->place, "'%s' is no IPv4 address", piece->text);
		return -EINVAL;
	}
	strcpy(port.text, colon + 1);
	if (piece->place.length == strlen(piece->text)) {
		port.place.column += (unsigned int)(colon + 1 - piece->text);
		port.place.length = *port.text ? (unsigned int)strlen(port.text) : 1;
		piece->place.length = colon > piece->text ? (unsigned int)(colon - piece->text) : 1;
	}
	*colon = '\0';
	rc = rule_number(r, &port, "port", 0, 65535, &number);
	asked->port = (__u16)number;
	asked->has_port = true;
	return rc;
}

int weir_asked_parse(struct weir_asked *asked, const struct weir_line *line, struct weir_err *err)
{
	struct weir_err unread;
	struct rule_reader r = {line, 0, err ? err : &unread};
	struct weir_asked a = {0};
	struct rule_piece piece;
	struct weir_span span;
	int rc = rule_need(&r, "nat explain", "ADDRESS[:PORT]", &piece);

	if (!rc)
		rc = split_port(&r, &piece, &a);
	if (!rc)
		rc = rule_addrs(&r, &piece, &span);
	if (!rc && span.lo != span.hi)
		rc = rule_wrong(&r, piece.place, "'%s' is not one address", piece.text);
	if (rc)
		return rc;
	a.addr = span.lo;
	if (rule_next(&r, &piece)) {
		if (strcmp(piece.text, "proto"))
			return rule_wrong(
				&r, piece.place, "'%s' where 'proto' may stand", piece.text);
		rc = rule_need(&r, "proto", needs[PROTO], &piece);
		if (!rc)
			rc = rule_proto(&r, &piece, &a.proto);
		a.has_proto = true;
	}
	if (!rc && rule_next(&r, &piece))
		rc = rule_wrong(&r, piece.place, "'%s' is one word too many", piece.text);
	if (!rc)
		*asked = a;
	return rc;
}

/* --- timeouts --- */

int weir_timeout_parse(enum weir_timeout *which, __u32 *seconds, const struct weir_line *line,
	struct weir_err *err)
{
	struct weir_err unread;
	struct rule_reader r = {line, 0, err ? err : &unread};
	const struct weir_timeout_info *info;
	struct rule_piece piece;
	uint64_t value;
	int rc, at;

	*which = WEIR_TIMEOUT_COUNT;
	if (!rule_next(&r, &piece))
		return 0;
	at = rule_choice(&r, &piece, "timeout", timeouts);
	if (at < 0)
		return at;
	info = &weir_timeout_info[at];
	rc = rule_need(&r, info->name, "SECONDS", &piece);
	if (rc)
		return rc;
	if (!weir_parse_u64(piece.text, info->least, WEIR_TIMEOUT_MAX_S, &value))
		return rule_wrong(&r, piece.place,
			"'%s' is no timeout of %s: %u to %u seconds (%s)", piece.text, info->name,
			info->least, WEIR_TIMEOUT_MAX_S, info->text);
	if (rule_next(&r, &piece))
		return rule_wrong(&r, piece.place, "'%s' is one word too many", piece.text);
	*which = (enum weir_timeout)at;
	*seconds = (__u32)value;
	return 0;
}
