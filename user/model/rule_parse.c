// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Words into a rule: each key is read by a function of its own, in whatever order they come. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "model/rule_priv.h"

const char *const rule_key_name[RULE_KEY_COUNT] = {
#define KEY(id, name, what, for_) name,
	RULE_KEYS(KEY)
#undef KEY
};

static const char *const key_what[RULE_KEY_COUNT] = {
#define KEY(id, name, what, for_) what,
	RULE_KEYS(KEY)
#undef KEY
};

static const enum rule_for key_for[RULE_KEY_COUNT] = {
#define KEY(id, name, what, for_) RULE_FOR_##for_,
	RULE_KEYS(KEY)
#undef KEY
};

static int need(struct rule_parse *p, enum rule_key key, struct rule_piece *piece)
{
	return rule_need(&p->r, rule_key_name[key], key_what[key], piece);
}

static int read_choice(
	struct rule_parse *p, enum rule_key key, const char *what, const char *const *names)
{
	struct rule_piece piece;
	int ret = need(p, key, &piece);

	return ret ? ret : rule_choice(&p->r, &piece, what, names);
}

static int read_proto(struct rule_parse *p)
{
	struct rule_piece piece;
	struct weir_nearest nearest = {.typed = piece.text};
	int ret = need(p, RULE_KEY_proto, &piece), number;
	uint64_t v;

	if (ret)
		return ret;
	number = weir_proto_number(piece.text);
	if (number < 0 && weir_parse_u64(piece.text, 0, 255, &v))
		number = (int)v;
	if (number >= 0) {
		p->rule.proto = (__u8)number;
		p->rule.has |= WEIR_HAS_PROTO;
		return 0;
	}
	for (int i = 0; i < 256; i++)
		if (weir_proto_name((__u8)i))
			weir_nearest_offer(&nearest, weir_proto_name((__u8)i));
	if (nearest.word && !strchr("0123456789", *piece.text))
		return rule_wrong(&p->r, piece.place, "'%s' is no protocol: did you mean '%s'?",
			piece.text, nearest.word);
	return rule_wrong(
		&p->r, piece.place, "'%s' is no protocol: its name, or 0 to 255", piece.text);
}

/* "syn,ack", "all", "none" into bits. */
static int read_flags(const struct rule_parse *p, char *text, struct rule_place place, __u8 *flags)
{
	struct rule_piece piece = {.place = place};
	char *next = text, *name;
	int bit;

	*flags = 0;
	if (!strcmp(text, "all"))
		*flags = 0xff;
	if (!strcmp(text, "all") || !strcmp(text, "none"))
		return 0;
	while ((name = strsep(&next, ","))) {
		strcpy(piece.text, name);
		bit = rule_choice(&p->r, &piece, "TCP flag", rule_tcp_flags);
		if (bit < 0)
			return bit;
		*flags |= (__u8)(1 << bit);
	}
	return 0;
}

static int read_tcp_flags(struct rule_parse *p)
{
	struct rule_piece piece;
	struct weir_rule *rule = &p->rule;
	char *slash;
	int ret = need(p, RULE_KEY_tcp_flags, &piece);

	if (ret)
		return ret;
	slash = strchr(piece.text, '/');
	if (!slash) {
		rule_wrong(
			&p->r, piece.place, "'%s' needs a mask: the flags to look at", piece.text);
		weir_remedy(
			p->r.err, "%s/all, or syn/syn,ack for what opens a connection", piece.text);
		return -EINVAL;
	}
	*slash = '\0';
	ret = read_flags(p, piece.text, piece.place, &rule->tcp_flags);
	if (!ret)
		ret = read_flags(p, slash + 1, piece.place, &rule->tcp_mask);
	if (ret)
		return ret;
	if (!rule->tcp_mask)
		return rule_wrong(&p->r, piece.place, "a mask of no flags looks at nothing");
	if (rule->tcp_flags & ~rule->tcp_mask)
		return rule_wrong(&p->r, piece.place,
			"a flag before the '/' is not in the mask behind it: no packet matches");
	rule->has |= WEIR_HAS_TCP;
	return 0;
}

static int read_icmp(struct rule_parse *p)
{
	struct rule_piece piece;
	struct weir_nearest nearest = {.typed = piece.text};
	struct weir_rule *rule = &p->rule;
	char *slash;
	int ret = need(p, RULE_KEY_icmp, &piece), type;
	uint64_t v;

	if (ret)
		return ret;
	slash = strchr(piece.text, '/');
	if (slash) {
		*slash = '\0';
		if (!weir_parse_u64(slash + 1, 0, 255, &v))
			return rule_wrong(
				&p->r, piece.place, "'%s' is no code of ICMP: 0 to 255", slash + 1);
		rule->icmp_code = (__u8)v;
		rule->has |= WEIR_HAS_ICMP_CODE;
	}
	type = weir_icmp_number(piece.text);
	if (type < 0 && weir_parse_u64(piece.text, 0, 255, &v))
		type = (int)v;
	if (type >= 0) {
		rule->icmp_type = (__u8)type;
		rule->has |= WEIR_HAS_ICMP;
		return 0;
	}
	for (int i = 0; i < 256; i++)
		if (weir_icmp_name((__u8)i))
			weir_nearest_offer(&nearest, weir_icmp_name((__u8)i));
	return rule_wrong(&p->r, piece.place, "'%s' is no type of ICMP: %s%s%s", piece.text,
		nearest.word ? "did you mean '" : "its name, or 0 to 255",
		nearest.word ? nearest.word : "", nearest.word ? "'?" : "");
}

static int read_state(struct rule_parse *p)
{
	struct rule_piece piece;
	size_t offset = 0;
	int ret = need(p, RULE_KEY_state, &piece);

	while (ret >= 0) {
		ret = rule_element(&p->r, &p->r.line->words[p->r.at - 1], &offset, &piece);
		if (ret <= 0)
			return ret;
		ret = rule_choice(&p->r, &piece, "state", rule_states);
		if (ret >= 0)
			p->rule.states |= (__u8)(1 << ret);
	}
	return ret;
}

static int read_rate(struct rule_parse *p)
{
	static const char *const units[] = {"s", "m", "h", "second", "minute", "hour", NULL};
	struct rule_piece piece, number;
	char *slash;
	int ret = need(p, RULE_KEY_limit, &piece), unit;

	if (ret)
		return ret;
	number = piece;
	slash = strchr(number.text, '/');
	unit = slash ? rule_index(units, slash + 1) : -1;
	if (unit < 0) {
		rule_wrong(&p->r, piece.place, "'%s' is no rate: packets by time", piece.text);
		weir_remedy(p->r.err, "such as 100/s, 100/m or 100/h");
		return -EINVAL;
	}
	*slash = '\0';
	p->rule.limit_unit = units[unit][0];
	return rule_number(
		&p->r, &number, "number of packets", 1, WEIR_RATE_MAX, &p->rule.limit_rate);
}

static int read_limit(struct rule_parse *p)
{
	struct rule_piece piece;
	bool burst = false, per = false;
	int ret = read_rate(p);

	while (!ret) {
		if (!burst && rule_take(&p->r, "burst")) {
			burst = true;
			ret = rule_need(&p->r, "burst", "a number of packets", &piece);
			if (!ret)
				ret = rule_number(&p->r, &piece, "burst", 1, WEIR_BURST_MAX,
					&p->rule.limit_burst);
		} else if (!per && rule_take(&p->r, "per")) {
			per = true;
			ret = rule_need(&p->r, "per", "src, dst or flow", &piece);
			if (ret)
				return ret;
			/* what "rule" means is said by no `per` */
			ret = rule_choice(&p->r, &piece, "part of a packet", rule_pers + 1);
			if (ret < 0)
				return ret;
			p->rule.limit_per = (enum weir_limit_per)(ret + 1);
			ret = 0;
		} else {
			break;
		}
	}
	p->rule.has |= WEIR_HAS_LIMIT;
	return ret;
}

/* Its text may be longer than a piece. */
static int read_comment(struct rule_parse *p)
{
	struct rule_piece piece;
	const char *text;
	int ret = need(p, RULE_KEY_comment, &piece);

	if (ret)
		return ret;
	text = p->r.line->words[p->r.at - 1].text;
	if (!*text)
		return rule_wrong(&p->r, piece.place, "an empty comment");
	if (strlen(text) > WEIR_COMMENT_MAX)
		return rule_wrong(&p->r, piece.place, "a comment of %zu bytes: %d at most",
			strlen(text), WEIR_COMMENT_MAX);
	p->rule.comment = strdup(text);
	if (!p->rule.comment)
		return weir_fail(p->r.err, WEIR_REFUSED, -ENOMEM, "a comment");
	return 0;
}

/* ADDRESS[-ADDRESS][:PORT[-PORT]] */
static int read_to(struct rule_parse *p)
{
	struct rule_piece piece, port;
	char *colon;
	int ret = need(p, RULE_KEY_to, &piece);

	if (ret)
		return ret;
	colon = strchr(piece.text, ':');
	if (colon && !strchr(colon + 1, ':')) {
		port = piece;
		memmove(port.text, port.text + (colon - piece.text) + 1, strlen(colon));
		ret = rule_ports(&p->r, &port, &p->rule.to_port);
		if (ret)
			return ret;
		p->rule.has |= WEIR_HAS_TO_PORT;
		*colon = '\0';
	}
	p->rule.has |= WEIR_HAS_TO;
	return rule_addrs(&p->r, &piece, &p->rule.to);
}

static int read_ports(struct rule_parse *p)
{
	struct rule_piece piece;
	int ret = need(p, RULE_KEY_ports, &piece);

	p->rule.has |= WEIR_HAS_TO_PORT;
	return ret ? ret : rule_ports(&p->r, &piece, &p->rule.to_port);
}

static int read_block(struct rule_parse *p)
{
	struct rule_piece piece;

	if (!rule_take(&p->r, "block")) {
		int ret = need(p, RULE_KEY_deterministic, &piece);

		return ret ? ret
			   : rule_wrong(&p->r, piece.place,
				     "'deterministic' needs 'block PORTS': how many for each "
				     "inside address");
	}
	return rule_need(&p->r, "block", "a number of ports", &piece)
		       ?: rule_number(&p->r, &piece, "number of ports", 1,
				  WEIR_NAT_PORT_MAX - WEIR_NAT_PORT_MIN + 1, &p->rule.block);
}

static int read_count(struct rule_parse *p, enum rule_key key, __u64 max, __u32 *value)
{
	struct rule_piece piece;
	int ret = need(p, key, &piece);

	return ret ? ret
		   : rule_number(
			     &p->r, &piece, key == RULE_KEY_id ? "id" : "position", 1, max, value);
}

static int read_id(struct rule_parse *p)
{
	if (p->r.at != p->from + 1)
		return rule_wrong(&p->r, p->where[RULE_KEY_id], "'id' stands first or not at all");
	return read_count(p, RULE_KEY_id, 0xfffffffe, &p->rule.id);
}

static int read_map_from(struct rule_parse *p)
{
	struct rule_piece piece;
	int ret = rule_need(&p->r, "map", "ADDRESS", &piece);

	return ret ? ret : rule_addrs(&p->r, &piece, &p->rule.from);
}

static int read_addr_key(struct rule_parse *p, enum rule_key key)
{
	struct weir_rule *rule = &p->rule;

	switch (key) {
	case RULE_KEY_src:
		return rule_list(&p->r, "src", 32, &rule->src);
	case RULE_KEY_dst:
		return rule_list(&p->r, "dst", 32, &rule->dst);
	case RULE_KEY_sport:
		return rule_list(&p->r, "sport", 16, &rule->sport);
	default:
		return rule_list(&p->r, "dport", 16, &rule->dport);
	}
}

/* Keys whose value is one of few words. */
static int read_word_key(struct rule_parse *p, enum rule_key key)
{
	struct weir_rule *rule = &p->rule;
	int ret;

	if (key == RULE_KEY_frag) {
		ret = read_choice(p, key, "kind of fragment", rule_frags);
		if (ret < 0)
			return ret;
		rule->frag = (__u8)ret;
		rule->has |= WEIR_HAS_FRAG;
		return 0;
	}
	ret = read_choice(p, key, "behaviour", rule_dependencies);
	if (ret < 0)
		return ret;
	if (key == RULE_KEY_mapping)
		rule->mapping = (enum weir_dependency)ret;
	else
		rule->filtering = (enum weir_dependency)ret;
	return 0;
}

static int read_key(struct rule_parse *p, enum rule_key key)
{
	switch (key) {
	case RULE_KEY_id:
		return read_id(p);
	case RULE_KEY_at:
		return read_count(p, key, WEIR_RULES_MAX, &p->rule.at);
	case RULE_KEY_in:
		return rule_dev(&p->r, "in", false, p->rule.in);
	case RULE_KEY_out:
		return rule_dev(&p->r, "out", false, p->rule.out);
	case RULE_KEY_dev:
		return rule_dev(&p->r, "dev", true, p->rule.dev);
	case RULE_KEY_proto:
		return read_proto(p);
	case RULE_KEY_src:
	case RULE_KEY_dst:
	case RULE_KEY_sport:
	case RULE_KEY_dport:
		return read_addr_key(p, key);
	case RULE_KEY_tcp_flags:
		return read_tcp_flags(p);
	case RULE_KEY_icmp:
		return read_icmp(p);
	case RULE_KEY_state:
		return read_state(p);
	case RULE_KEY_limit:
		return read_limit(p);
	case RULE_KEY_log:
		p->rule.has |= WEIR_HAS_LOG;
		return 0;
	case RULE_KEY_comment:
		return read_comment(p);
	case RULE_KEY_to:
		return read_to(p);
	case RULE_KEY_ports:
		return read_ports(p);
	case RULE_KEY_deterministic:
		return read_block(p);
	case RULE_KEY_verdict:
		return 0;
	case RULE_KEY_nat:
		return p->rule.nat == WEIR_NAT_map ? read_map_from(p) : 0;
	default:
		return read_word_key(p, key);
	}
}

static bool is_for(const struct rule_parse *p, enum rule_key key)
{
	return key_for[key] & (p->rule.kind == WEIR_RULE_NAT ? RULE_FOR_NAT : RULE_FOR_FILTER);
}

/* The key that a word is, or RULE_KEY_COUNT; *@choice: which verdict or which kind of NAT. */
static enum rule_key key_of(const char *word, int *choice)
{
	for (unsigned int k = 0; k < RULE_KEY_COUNT; k++)
		if (*rule_key_name[k] && !strcmp(rule_key_name[k], word))
			return (enum rule_key)k;
	*choice = rule_index(rule_verdicts, word);
	if (*choice >= 0)
		return RULE_KEY_verdict;
	*choice = rule_index(rule_nats, word);
	return *choice >= 0 ? RULE_KEY_nat : RULE_KEY_COUNT;
}

static int unknown_word(struct rule_parse *p, const struct rule_piece *piece)
{
	struct weir_nearest nearest = {.typed = piece->text};
	const char *const *last = p->rule.kind == WEIR_RULE_NAT ? rule_nats : rule_verdicts;

	if (!strcmp(piece->text, "burst") || !strcmp(piece->text, "per")) {
		rule_wrong(&p->r, piece->place, "'%s' without a limit before it", piece->text);
		weir_remedy(p->r.err, "limit 100/s burst 20 per src");
		return -EINVAL;
	}
	if (weir_proto_number(piece->text) >= 0) /* as nft has it */
		return rule_wrong(&p->r, piece->place, "unknown word '%s': did you mean 'proto %s'?",
			piece->text, piece->text);
	for (unsigned int k = 0; k < RULE_KEY_COUNT; k++)
		if (*rule_key_name[k] && is_for(p, (enum rule_key)k))
			weir_nearest_offer(&nearest, rule_key_name[k]);
	for (; *last; last++)
		weir_nearest_offer(&nearest, *last);
	if (nearest.word)
		return rule_wrong(&p->r, piece->place, "unknown word '%s': did you mean '%s'?",
			piece->text, nearest.word);
	rule_wrong(&p->r, piece->place, "unknown word '%s'", piece->text);
	if (p->r.at > 1 && strchr(p->r.line->words[p->r.at - 2].text, ','))
		weir_remedy(p->r.err, "a list is one word, without blanks: A,B,C");
	return -EINVAL;
}

static int twice(struct rule_parse *p, enum rule_key key, const struct rule_piece *piece)
{
	unsigned int first = p->where[key].column;

	if (key == RULE_KEY_verdict || key == RULE_KEY_nat)
		return rule_wrong(&p->r, piece->place,
			"'%s' is a second %s: the first is at column %u", piece->text,
			key == RULE_KEY_nat ? "kind of NAT" : "verdict", first);
	rule_wrong(
		&p->r, piece->place, "'%s' stands twice: first at column %u", piece->text, first);
	if (key >= RULE_KEY_src && key <= RULE_KEY_dport)
		weir_remedy(p->r.err, "one list: %s A,B", piece->text);
	return -EINVAL;
}

static int read_word(struct rule_parse *p, const struct rule_piece *piece)
{
	int choice = -1;
	enum rule_key key = key_of(piece->text, &choice);

	if (key == RULE_KEY_COUNT)
		return unknown_word(p, piece);
	if (!is_for(p, key)) {
		rule_wrong(&p->r, piece->place, "'%s' is no word of a %s rule", piece->text,
			p->rule.kind == WEIR_RULE_NAT ? "NAT" : "filter");
		weir_remedy(p->r.err, "%s",
			p->rule.kind == WEIR_RULE_NAT
				? "NAT is chosen once for a session; let a filter rule do this"
				: "weir nat add");
		return -EINVAL;
	}
	if (p->where[key].column)
		return twice(p, key, piece);
	p->where[key] = piece->place;
	if (key == RULE_KEY_verdict)
		p->rule.verdict = (enum weir_verdict)choice;
	if (key == RULE_KEY_nat)
		p->rule.nat = (enum weir_nat)choice;
	return read_key(p, key);
}

int weir_rule_parse(struct weir_rule *rule, enum weir_rule_kind kind, const struct weir_line *line,
	unsigned int from, struct weir_err *err)
{
	struct weir_err unread;
	struct rule_parse p = {
		.r = {line, from, err ? err : &unread}, .from = from, .rule.kind = kind};
	struct rule_piece piece;
	int ret = 0;

	while (!ret && rule_next(&p.r, &piece))
		ret = read_word(&p, &piece);
	if (!ret)
		ret = rule_check(&p);
	if (ret) {
		weir_rule_done(&p.rule);
		return ret;
	}
	*rule = p.rule;
	return 0;
}

void weir_rule_done(struct weir_rule *rule)
{
	if (!rule)
		return;
	free(rule->src.alts);
	free(rule->dst.alts);
	free(rule->sport.alts);
	free(rule->dport.alts);
	free(rule->comment);
	*rule = (struct weir_rule){0};
}
