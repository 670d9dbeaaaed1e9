// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Values in a rule's words: numbers, addresses, ports, names, lists of them. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "model/rule_priv.h"

int rule_wrong(const struct rule_reader *r, struct rule_place place, const char *fmt, ...)
{
	char what[sizeof(r->err->what)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	weir_fail(r->err, WEIR_USAGE, 0, "%s", what);
	weir_err_mark(r->err, r->line->typed, r->line->len, place.column, place.length);
	return -EINVAL;
}

struct rule_place rule_end(const struct rule_reader *r)
{
	struct rule_place end = {1, 1};

	if (r->line->nr) {
		const struct weir_word *last = &r->line->words[r->line->nr - 1];

		end.column = last->column + last->length + 1;
	}
	return end;
}

/* @len bytes of @word from @offset on. Behind quotes nobody knows where they stand: then the whole
 * word is marked. */
static void cut(struct rule_piece *piece, const struct weir_word *word, size_t offset, size_t len)
{
	bool plain = strlen(word->text) == word->length;

	piece->place.column = word->column + (plain ? (unsigned int)offset : 0);
	piece->place.length = plain ? (unsigned int)len : word->length;
	if (!piece->place.length)
		piece->place.length = 1;
	if (len < sizeof(piece->text)) {
		memcpy(piece->text, word->text + offset, len);
		piece->text[len] = '\0';
	} else {
		memcpy(piece->text, word->text + offset, sizeof(piece->text) - 4);
		strcpy(piece->text + sizeof(piece->text) - 4, "...");
	}
}

bool rule_next(struct rule_reader *r, struct rule_piece *piece)
{
	if (r->at >= r->line->nr)
		return false;
	cut(piece, &r->line->words[r->at], 0, strlen(r->line->words[r->at].text));
	r->at++;
	return true;
}

bool rule_take(struct rule_reader *r, const char *text)
{
	if (r->at >= r->line->nr || strcmp(r->line->words[r->at].text, text))
		return false;
	r->at++;
	return true;
}

int rule_need(struct rule_reader *r, const char *key, const char *what, struct rule_piece *piece)
{
	if (rule_next(r, piece))
		return 0;
	return rule_wrong(r, rule_end(r), "'%s' needs %s", key, what);
}

int rule_element(const struct rule_reader *r, const struct weir_word *word, size_t *offset,
	struct rule_piece *piece)
{
	size_t all = strlen(word->text), len;

	if (*offset > all)
		return 0;
	len = strcspn(word->text + *offset, ",");
	cut(piece, word, *offset, len);
	if (!len) {
		rule_wrong(r, piece->place,
			all ? "a comma without an element beside it" : "an empty list");
		weir_remedy(r->err, "a list is one word: A,B,C");
		return -EINVAL;
	}
	*offset += len + 1;
	return 1;
}

int rule_number(const struct rule_reader *r, const struct rule_piece *piece, const char *what,
	__u64 min, __u64 max, __u32 *value)
{
	uint64_t v;

	if (!weir_parse_u64(piece->text, min, max, &v))
		return rule_wrong(r, piece->place, "'%s' is no %s: %llu to %llu", piece->text, what,
			(unsigned long long)min, (unsigned long long)max);
	*value = (__u32)v;
	return 0;
}

static bool read_addr(const char *text, __u32 *addr)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*addr = ntohl(in.s_addr);
	return true;
}

static int no_addr(const struct rule_reader *r, const struct rule_piece *piece, const char *text)
{
	if (strchr(text, ':') && strchr(strchr(text, ':') + 1, ':')) {
		rule_wrong(r, piece->place, "'%s' is no IPv4 address", text);
		weir_remedy(r->err, "for IPv6 there is the policy of a device");
		return -EINVAL;
	}
	if (*text == '!') {
		rule_wrong(r, piece->place, "'%s': a list cannot be negated", text);
		weir_remedy(r->err, "let a rule before this one decide what is not meant");
		return -EINVAL;
	}
	return rule_wrong(r, piece->place, "'%s' is no address: A, A/LENGTH, A-B or @SET", text);
}

static int read_prefix(const struct rule_reader *r, const struct rule_piece *piece, char *slash,
	struct weir_span *span)
{
	char right[WEIR_SPAN_MAX];
	uint64_t len;
	__u32 addr, mask;

	*slash = '\0';
	if (!read_addr(piece->text, &addr))
		return no_addr(r, piece, piece->text);
	if (!weir_parse_u64(slash + 1, 0, 32, &len))
		return rule_wrong(
			r, piece->place, "'%s' is no length of a prefix: 0 to 32", slash + 1);
	mask = len ? ~0u << (32 - len) : 0;
	if (addr & ~mask) {
		weir_addr_text(right, addr & mask);
		rule_wrong(r, piece->place, "'%s/%u' has bits behind its prefix", piece->text,
			(unsigned int)len);
		weir_remedy(r->err, "%s/%u, or %s alone", right, (unsigned int)len, piece->text);
		return -EINVAL;
	}
	*span = (struct weir_span){addr, addr | ~mask};
	return 0;
}

int rule_addrs(const struct rule_reader *r, const struct rule_piece *piece, struct weir_span *span)
{
	struct rule_piece copy = *piece;
	char *slash = strchr(copy.text, '/'), *dash = strchr(copy.text, '-');
	struct weir_span s;

	if (slash)
		return read_prefix(r, &copy, slash, span);
	if (dash)
		*dash = '\0';
	if (!read_addr(copy.text, &s.lo))
		return no_addr(
			r, piece, isdigit((unsigned char)*copy.text) ? copy.text : piece->text);
	s.hi = s.lo;
	if (dash && !read_addr(dash + 1, &s.hi))
		return no_addr(r, piece, dash + 1);
	if (s.hi < s.lo) {
		rule_wrong(r, piece->place, "'%s' runs backwards", piece->text);
		weir_remedy(r->err, "%s-%s", dash + 1, copy.text);
		return -EINVAL;
	}
	*span = s;
	return 0;
}

static int read_port(
	const struct rule_reader *r, const struct rule_piece *piece, const char *text, __u32 *port)
{
	uint64_t v;

	if (!weir_parse_u64(text, 0, 65535, &v))
		return rule_wrong(r, piece->place, "'%s' is no port: 0 to 65535", text);
	*port = (__u32)v;
	return 0;
}

int rule_ports(const struct rule_reader *r, const struct rule_piece *piece, struct weir_span *span)
{
	struct rule_piece copy = *piece;
	char *dash = strchr(copy.text, '-');
	struct weir_span s;
	int ret;

	if (dash)
		*dash = '\0';
	ret = read_port(r, piece, copy.text, &s.lo);
	s.hi = s.lo;
	if (!ret && dash)
		ret = read_port(r, piece, dash + 1, &s.hi);
	if (ret)
		return ret;
	if (s.hi < s.lo) {
		rule_wrong(r, piece->place, "'%s' runs backwards", piece->text);
		weir_remedy(r->err, "%s-%s", dash + 1, copy.text);
		return -EINVAL;
	}
	*span = s;
	return 0;
}

int rule_proto(const struct rule_reader *r, const struct rule_piece *piece, __u8 *proto)
{
	int number = weir_proto_number(piece->text);
	uint64_t v;

	if (number < 0 && weir_parse_u64(piece->text, 1, 255, &v))
		number = (int)v;
	if (number < 0)
		return rule_wrong(
			r, piece->place, "'%s' is no protocol: its name, or 1 to 255", piece->text);
	*proto = (__u8)number;
	return 0;
}

int rule_set_name(
	const struct rule_reader *r, const struct rule_piece *piece, char name[WEIR_SET_NAME])
{
	const char *text = piece->text + (*piece->text == '@');
	size_t len = strlen(text);

	if (!len)
		return rule_wrong(r, piece->place, "'@' needs the name of a set");
	if (len >= WEIR_SET_NAME)
		return rule_wrong(r, piece->place, "'%s' is too long for a set's name: %d at most",
			text, WEIR_SET_NAME - 1);
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return rule_wrong(r, piece->place,
				"'%s' is no name of a set: letters, digits, '_', '-' and '.'",
				text);
	strcpy(name, text);
	return 0;
}

int rule_dev(struct rule_reader *r, const char *key, bool bare, char name[WEIR_DEV_NAME])
{
	struct rule_piece piece;
	int ret;

	if (!bare && !rule_take(r, "dev")) {
		ret = rule_need(r, key, "'dev DEVICE'", &piece);
		if (ret)
			return ret;
		rule_wrong(r, piece.place, "'%s' needs 'dev DEVICE'", key);
		weir_remedy(r->err, "%s dev %s", key, piece.text);
		return -EINVAL;
	}
	ret = rule_need(r, "dev", "a device", &piece);
	if (ret)
		return ret;
	if (strlen(piece.text) >= WEIR_DEV_NAME)
		return rule_wrong(r, piece.place, "'%s' is too long for a device: %d at most",
			piece.text, WEIR_DEV_NAME - 1);
	if (!*piece.text || !strcmp(piece.text, ".") || !strcmp(piece.text, "..") ||
		strpbrk(piece.text, "/: \t"))
		return rule_wrong(r, piece.place, "'%s' is no device's name", piece.text);
	strcpy(name, piece.text);
	return 0;
}

/* A set where the element is '@NAME', else a span. */
static int read_alt(const struct rule_reader *r, const struct rule_piece *piece, unsigned int bits,
	struct weir_alt *alt)
{
	*alt = (struct weir_alt){0};
	if (*piece->text == '@')
		return rule_set_name(r, piece, alt->set);
	return bits == 32 ? rule_addrs(r, piece, &alt->span) : rule_ports(r, piece, &alt->span);
}

int rule_list(struct rule_reader *r, const char *key, unsigned int bits, struct weir_list *list)
{
	const struct weir_word *word;
	struct rule_piece piece;
	struct weir_alt *alts;
	size_t offset = 0, room = 1;
	__u32 nr = 0;
	int ret = rule_need(r, key, bits == 32 ? "ADDRESS[,..]" : "PORT[,..]", &piece);

	if (ret)
		return ret;
	word = &r->line->words[r->at - 1];
	for (const char *c = word->text; *c; c++)
		room += *c == ',';
	alts = calloc(room, sizeof(*alts));
	if (!alts)
		return weir_fail(r->err, WEIR_REFUSED, -ENOMEM, "a list of %zu elements", room);
	for (;;) {
		ret = rule_element(r, word, &offset, &piece);
		if (ret <= 0)
			break;
		ret = read_alt(r, &piece, bits, &alts[nr]);
		if (ret)
			break;
		nr++;
	}
	if (ret) {
		free(alts);
		return ret;
	}
	*list = (struct weir_list){alts, nr};
	return 0;
}
