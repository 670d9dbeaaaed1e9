// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "model/explain.h"

static const struct {
	const char *name, *text;
} by_info[WEIR_BY_COUNT] = {
#define BY(id, text) {#id, text},
	WEIR_ANSWERS(BY)
#undef BY
};

const char *weir_answer_name(enum weir_answer_by by)
{
	return by_info[by].name;
}

const char *weir_answer_text(enum weir_answer_by by)
{
	return by_info[by].text;
}

static int add(struct weir_answers *answers, const struct weir_answer *answer)
{
	if (answers->nr % 64 == 0) {
		struct weir_answer *grown =
			reallocarray(answers->list, answers->nr + 64, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		answers->list = grown;
	}
	answers->list[answers->nr++] = *answer;
	return 0;
}

void weir_answers_done(struct weir_answers *answers)
{
	free(answers->list);
	*answers = (struct weir_answers){0};
}

static bool within(struct weir_span span, __u32 value)
{
	return span.lo <= value && value <= span.hi;
}

/* --- mappings --- */

static bool is_asked(const struct weir_asked *asked, __u32 addr, __u16 port)
{
	return ntohl(addr) == asked->addr && (!asked->has_port || ntohs(port) == asked->port);
}

int weir_explain_mapping(
	struct weir_answers *answers, const struct weir_asked *asked, const struct weir_mapping *m)
{
	struct weir_answer a = {.by = WEIR_BY_mapping,
		.rule = m->rule,
		.proto = m->proto,
		.inside = ntohl(m->inside),
		.outside = ntohl(m->addr),
		.inside_ports = {ntohs(m->inside_port), ntohs(m->inside_port)},
		.outside_ports = {ntohs(m->port), ntohs(m->port)},
		.remote = ntohl(m->remote),
		.remote_port = ntohs(m->remote_port)};

	if (asked->has_proto && asked->proto != m->proto)
		return 0;
	if (!is_asked(asked, m->addr, m->port) && !is_asked(asked, m->inside, m->inside_port))
		return 0;
	return add(answers, &a);
}

/* --- rules --- */

/* The rule's protocol, if it can be the one that was asked for. */
static bool proto_fits(const struct weir_rule *r, const struct weir_asked *asked, __u8 *proto)
{
	*proto = r->has & WEIR_HAS_PROTO ? r->proto : 0;
	return !*proto || !asked->has_proto || *proto == asked->proto;
}

static int explain_block(struct weir_answers *answers, const struct weir_asked *asked,
	const struct weir_rule *r, const struct weir_owns *owns)
{
	struct weir_answer a = {.by = WEIR_BY_deterministic, .rule = r->id};
	__u32 own = weir_own_first(owns, r->out);
	struct weir_block block;

	if (!proto_fits(r, asked, &a.proto))
		return 0;
	if (!weir_block_of(r, own, asked->addr, &block) &&
		!(asked->has_port && weir_block_at(r, own, asked->addr, asked->port, &block)))
		return 0;
	a.inside = block.inside;
	a.outside = block.outside;
	a.outside_ports = block.ports;
	return add(answers, &a);
}

static int explain_map(
	struct weir_answers *answers, const struct weir_asked *asked, const struct weir_rule *r)
{
	struct weir_answer a = {.by = WEIR_BY_map, .rule = r->id};

	if (within(r->to, asked->addr)) {
		a.outside = asked->addr;
		a.inside = r->from.lo + (asked->addr - r->to.lo);
	} else if (within(r->from, asked->addr)) {
		a.inside = asked->addr;
		a.outside = r->to.lo + (asked->addr - r->from.lo);
	} else {
		return 0;
	}
	return add(answers, &a);
}

/* Whether a list may hold the value; where that depends on a set, its name goes to @set. */
static bool may_hold(const struct weir_list *list, __u32 value, char set[WEIR_SET_NAME])
{
	bool some = false;

	for (__u32 i = 0; i < list->nr; i++) {
		if (!*list->alts[i].set && within(list->alts[i].span, value))
			return true;
		if (*list->alts[i].set && !some) {
			strcpy(set, list->alts[i].set);
			some = true;
		}
	}
	return !list->nr || some;
}

static int explain_dnat(struct weir_answers *answers, const struct weir_asked *asked,
	const struct weir_rule *r, const struct weir_owns *owns)
{
	struct weir_answer a = {.by = WEIR_BY_dnat,
		.rule = r->id,
		.inside = r->to.lo,
		.outside = asked->addr,
		.inside_ports = r->to_port};
	const struct weir_own *own = weir_own_find(owns, asked->addr);

	if (!proto_fits(r, asked, &a.proto))
		return 0;
	/* without 'dst' it takes what comes in by its device: for that one's address, as far as we
	 * know */
	if (!r->dst.nr && (!own || strcmp(own->dev, r->in)))
		return 0;
	if (!may_hold(&r->dst, asked->addr, a.set))
		return 0;
	if (asked->has_port && !may_hold(&r->dport, asked->port, a.set))
		return 0;
	if (asked->has_port)
		a.outside_ports = (struct weir_span){asked->port, asked->port};
	else if (r->dport.nr == 1 && !*r->dport.alts[0].set)
		a.outside_ports = r->dport.alts[0].span;
	return add(answers, &a);
}

int weir_explain_rules(struct weir_answers *answers, const struct weir_asked *asked,
	const struct weir_ruleset_model *rules, const struct weir_owns *owns)
{
	int rc = 0;

	for (__u32 i = 0; i < rules->nr && !rc; i++)
		if (rules->rules[i].block)
			rc = explain_block(answers, asked, &rules->rules[i], owns);
	for (__u32 i = 0; i < rules->nr && !rc; i++)
		if (rules->rules[i].nat == WEIR_NAT_map)
			rc = explain_map(answers, asked, &rules->rules[i]);
	for (__u32 i = 0; i < rules->nr && !rc; i++)
		if (rules->rules[i].nat == WEIR_NAT_dnat)
			rc = explain_dnat(answers, asked, &rules->rules[i], owns);
	return rc;
}
