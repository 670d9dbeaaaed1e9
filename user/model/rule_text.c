// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A rule as text, in one spelling. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/rule_priv.h"

/* What is longest but for lists: two devices, a comment, all in quotes, and the words. */
enum { FIXED_MAX = 1024 };

struct text {
	char *at;
	bool any; /* of it: the next word needs a blank */
};

size_t weir_addr_text(char buf[WEIR_SPAN_MAX], __u32 addr)
{
	return (size_t)snprintf(buf, WEIR_SPAN_MAX, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255,
		addr >> 8 & 255, addr & 255);
}

size_t weir_addrs_text(char buf[WEIR_SPAN_MAX], struct weir_span span)
{
	struct weir_prefix prefix[WEIR_PREFIXES_MAX];
	size_t n = weir_addr_text(buf, span.lo);

	if (span.lo == span.hi)
		return n;
	if (weir_span_prefixes(span, 32, prefix) == 1)
		return n + (size_t)snprintf(buf + n, WEIR_SPAN_MAX - n, "/%u", prefix[0].len);
	buf[n++] = '-';
	return n + (size_t)snprintf(buf + n, WEIR_SPAN_MAX - n, "%u.%u.%u.%u", span.hi >> 24,
			   span.hi >> 16 & 255, span.hi >> 8 & 255, span.hi & 255);
}

size_t weir_ports_text(char buf[WEIR_SPAN_MAX], struct weir_span span)
{
	if (span.lo == span.hi)
		return (size_t)snprintf(buf, WEIR_SPAN_MAX, "%u", span.lo);
	return (size_t)snprintf(buf, WEIR_SPAN_MAX, "%u-%u", span.lo, span.hi);
}

/* Room was made before. */
static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;

	if (t->any)
		*t->at++ = ' ';
	t->any = true;
	va_start(ap, fmt);
	t->at += vsprintf(t->at, fmt, ap);
	va_end(ap);
}

static void put_quoted(struct text *t, const char *word)
{
	*t->at++ = ' ';
	t->at += weir_quote(t->at, word);
}

static void put_list(struct text *t, const char *key, const struct weir_list *list,
	size_t (*span_text)(char buf[WEIR_SPAN_MAX], struct weir_span span))
{
	if (!list->nr)
		return;
	put(t, "%s ", key);
	for (__u32 i = 0; i < list->nr; i++) {
		const struct weir_alt *alt = &list->alts[i];

		if (i)
			*t->at++ = ',';
		if (*alt->set)
			t->at += sprintf(t->at, "@%s", alt->set);
		else
			t->at += span_text(t->at, alt->span);
	}
	*t->at = '\0';
}

/* The names of the bits, separated by commas. */
static void put_bits(struct text *t, const char *const *names, unsigned int bits)
{
	bool any = false;

	for (unsigned int i = 0; names[i]; i++)
		if (bits & 1u << i) {
			t->at += sprintf(t->at, "%s%s", any ? "," : "", names[i]);
			any = true;
		}
}

static void put_flags(struct text *t, __u8 flags)
{
	if (flags == 0xff || !flags)
		t->at += sprintf(t->at, "%s", flags ? "all" : "none");
	else
		put_bits(t, rule_tcp_flags, flags);
}

static void put_proto(struct text *t, const struct weir_rule *rule)
{
	const char *name = weir_proto_name(rule->proto);

	/* `icmp` says it */
	if (!(rule->has & WEIR_HAS_PROTO) || rule->has & WEIR_HAS_ICMP)
		return;
	if (name)
		put(t, "proto %s", name);
	else
		put(t, "proto %u", rule->proto);
}

static void put_l4(struct text *t, const struct weir_rule *rule)
{
	if (rule->has & WEIR_HAS_TCP) {
		put(t, "tcp-flags ");
		put_flags(t, rule->tcp_flags);
		*t->at++ = '/';
		put_flags(t, rule->tcp_mask);
	}
	if (rule->has & WEIR_HAS_ICMP) {
		const char *name = weir_icmp_name(rule->icmp_type);

		if (name)
			put(t, "icmp %s", name);
		else
			put(t, "icmp %u", rule->icmp_type);
		if (rule->has & WEIR_HAS_ICMP_CODE)
			t->at += sprintf(t->at, "/%u", rule->icmp_code);
	}
}

static void put_match(struct text *t, const struct weir_rule *rule)
{
	if (*rule->in) {
		put(t, "in dev");
		put_quoted(t, rule->in);
	}
	if (*rule->out) {
		put(t, "out dev");
		put_quoted(t, rule->out);
	}
	put_proto(t, rule);
	put_list(t, "src", &rule->src, weir_addrs_text);
	put_list(t, "dst", &rule->dst, weir_addrs_text);
	put_list(t, "sport", &rule->sport, weir_ports_text);
	put_list(t, "dport", &rule->dport, weir_ports_text);
	put_l4(t, rule);
	if (rule->has & WEIR_HAS_FRAG)
		put(t, "frag %s", rule_frags[rule->frag]);
	if (rule->states) {
		put(t, "state ");
		put_bits(t, rule_states, rule->states);
	}
	if (rule->has & WEIR_HAS_LIMIT) {
		put(t, "limit %u/%c", rule->limit_rate, rule->limit_unit);
		if (rule->limit_burst)
			put(t, "burst %u", rule->limit_burst);
		if (rule->limit_per != WEIR_PER_RULE)
			put(t, "per %s", rule_pers[rule->limit_per]);
	}
}

static void put_nat(struct text *t, const struct weir_rule *rule)
{
	char span[WEIR_SPAN_MAX];

	if (rule->has & WEIR_HAS_TO) {
		weir_addrs_text(span, rule->to);
		put(t, "to %s", span);
	}
	if (rule->has & WEIR_HAS_TO_PORT) {
		weir_ports_text(span, rule->to_port);
		if (rule->has & WEIR_HAS_TO)
			t->at += sprintf(t->at, ":%s", span);
		else
			put(t, "ports %s", span);
	}
	if (*rule->dev) {
		put(t, "dev");
		put_quoted(t, rule->dev);
	}
	if (rule->mapping)
		put(t, "mapping %s", rule_dependencies[rule->mapping]);
	if (rule->filtering)
		put(t, "filtering %s", rule_dependencies[rule->filtering]);
	if (rule->block)
		put(t, "deterministic block %u", rule->block);
}

int weir_rule_text(const struct weir_rule *rule, char **text, struct weir_err *err)
{
	size_t alts = (size_t)rule->src.nr + rule->dst.nr + rule->sport.nr + rule->dport.nr;
	char *buf = malloc(FIXED_MAX + alts * (WEIR_SET_NAME + 2));
	struct text t = {.at = buf};
	char span[WEIR_SPAN_MAX];

	if (!buf)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "the text of a rule");
	if (rule->id)
		put(&t, "id %u", rule->id);
	if (rule->kind == WEIR_RULE_NAT) {
		put(&t, "%s", rule_nats[rule->nat]);
		if (rule->nat == WEIR_NAT_map) {
			weir_addrs_text(span, rule->from);
			put(&t, "%s", span);
		}
	}
	put_match(&t, rule);
	if (rule->kind == WEIR_RULE_NAT)
		put_nat(&t, rule);
	else
		put(&t, "%s", rule_verdicts[rule->verdict]);
	if (rule->has & WEIR_HAS_LOG)
		put(&t, "log");
	if (rule->comment) {
		put(&t, "comment");
		put_quoted(&t, rule->comment);
	}
	*t.at = '\0';
	*text = buf;
	return (int)(t.at - buf);
}

static bool same_span(struct weir_span a, struct weir_span b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

static bool same_list(const struct weir_list *a, const struct weir_list *b)
{
	if (a->nr != b->nr)
		return false;
	for (__u32 i = 0; i < a->nr; i++)
		if (!same_span(a->alts[i].span, b->alts[i].span) ||
			strcmp(a->alts[i].set, b->alts[i].set))
			return false;
	return true;
}

static bool same_match(const struct weir_rule *a, const struct weir_rule *b)
{
	return a->has == b->has && !strcmp(a->in, b->in) && !strcmp(a->out, b->out) &&
	       same_list(&a->src, &b->src) && same_list(&a->dst, &b->dst) &&
	       same_list(&a->sport, &b->sport) && same_list(&a->dport, &b->dport) &&
	       a->proto == b->proto && a->tcp_flags == b->tcp_flags && a->tcp_mask == b->tcp_mask &&
	       a->icmp_type == b->icmp_type && a->icmp_code == b->icmp_code && a->frag == b->frag &&
	       a->states == b->states && a->limit_per == b->limit_per &&
	       a->limit_rate == b->limit_rate && a->limit_unit == b->limit_unit &&
	       a->limit_burst == b->limit_burst;
}

bool weir_rule_equal(const struct weir_rule *a, const struct weir_rule *b)
{
	return a->kind == b->kind && same_match(a, b) && a->verdict == b->verdict &&
	       a->nat == b->nat && a->mapping == b->mapping && a->filtering == b->filtering &&
	       same_span(a->from, b->from) && same_span(a->to, b->to) &&
	       same_span(a->to_port, b->to_port) && !strcmp(a->dev, b->dev) &&
	       a->block == b->block && !a->comment == !b->comment &&
	       (!a->comment || !strcmp(a->comment, b->comment));
}
