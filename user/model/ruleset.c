// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/rule_priv.h"
#include "model/ruleset.h"

void weir_set_done(struct weir_set *set)
{
	if (!set)
		return;
	free(set->elems);
	*set = (struct weir_set){0};
}

void weir_ruleset_done(struct weir_ruleset_model *set)
{
	if (!set)
		return;
	weir_ruleset_flush(set);
	free(set->rules);
	for (__u32 i = 0; i < set->nr_sets; i++)
		weir_set_done(&set->sets[i]);
	free(set->sets);
	free(set->policies);
	*set = (struct weir_ruleset_model){.kind = set->kind};
}

void weir_ruleset_flush(struct weir_ruleset_model *set)
{
	for (__u32 i = 0; i < set->nr; i++)
		weir_rule_done(&set->rules[i]);
	set->nr = 0;
}

long weir_ruleset_find(const struct weir_ruleset_model *set, __u32 id)
{
	for (__u32 i = 0; i < set->nr; i++)
		if (set->rules[i].id == id)
			return (long)i;
	return -1;
}

int weir_ruleset_delete(struct weir_ruleset_model *set, __u32 id, struct weir_err *err)
{
	long place = weir_ruleset_find(set, id);

	if (place < 0) {
		weir_fail(err, WEIR_NOT_FOUND, 0, "there is no %s rule %u",
			set->kind == WEIR_RULE_NAT ? "NAT" : "filter", id);
		weir_remedy(err, "weir %s show", set->kind == WEIR_RULE_NAT ? "nat" : "filter");
		return -ENOENT;
	}
	weir_rule_done(&set->rules[place]);
	set->nr--;
	memmove(&set->rules[place], &set->rules[place + 1],
		(set->nr - (size_t)place) * sizeof(*set->rules));
	return 0;
}

/* Room for one more of an array that doubles. */
static int grow(void **list, __u32 nr, __u32 *room, size_t size, struct weir_err *err)
{
	__u32 more = *room ? *room * 2 : 16;
	void *grown;

	if (nr < *room)
		return 0;
	grown = reallocarray(*list, more, size);
	if (!grown)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "room for %u rules or elements", more);
	*list = grown;
	*room = more;
	return 0;
}

static int room_for_rule(struct weir_ruleset_model *set, struct weir_err *err)
{
	__u32 max = set->kind == WEIR_RULE_NAT ? WEIR_NAT_RULES_MAX : WEIR_RULES_MAX;

	if (set->nr < max)
		return grow((void **)&set->rules, set->nr, &set->room, sizeof(*set->rules), err);
	return weir_fail(err, WEIR_USAGE, 0, "more than %u rules", max);
}

static int give_id(struct weir_ruleset_model *set, struct weir_rule *rule, struct weir_err *err)
{
	__u32 next = set->next_id ? set->next_id : 1;

	if (!rule->id) {
		if (next == 0xffffffff)
			return weir_fail(err, WEIR_USAGE, 0, "no id is left for a new rule");
		rule->id = next;
	} else if (rule->id < next && weir_ruleset_find(set, rule->id) >= 0) {
		weir_fail(err, WEIR_USAGE, 0, "there is a rule %u already", rule->id);
		weir_remedy(err, "without 'id', the rule is given one");
		return -EEXIST;
	}
	set->next_id = rule->id >= next ? rule->id + 1 : next;
	return 0;
}

int weir_ruleset_add(struct weir_ruleset_model *set, struct weir_rule *rule, struct weir_err *err)
{
	size_t place = rule->at ? rule->at - 1 : set->nr;
	int ret;

	if (place > set->nr)
		return weir_fail(err, WEIR_USAGE, 0, "position %u of %u rules: 1 to %u", rule->at,
			set->nr, set->nr + 1);
	ret = room_for_rule(set, err);
	if (!ret)
		ret = give_id(set, rule, err);
	if (ret)
		return ret;
	memmove(&set->rules[place + 1], &set->rules[place],
		(set->nr - place) * sizeof(*set->rules));
	set->rules[place] = *rule;
	set->rules[place].at = 0;
	set->nr++;
	*rule = (struct weir_rule){0};
	return 0;
}

int weir_ruleset_policy(
	struct weir_ruleset_model *set, const struct weir_policy *policy, struct weir_err *err)
{
	struct weir_policy *grown;

	for (__u32 i = 0; i < set->nr_policies; i++) {
		struct weir_policy *p = &set->policies[i];

		if (p->out == policy->out && !strcmp(p->dev, policy->dev)) {
			*p = *policy;
			return 0;
		}
	}
	if (set->nr_policies == WEIR_POLICIES_MAX)
		return weir_fail(err, WEIR_USAGE, 0, "policies of more than %d devices",
			WEIR_POLICIES_MAX / 2);
	grown = reallocarray(set->policies, set->nr_policies + 1, sizeof(*grown));
	if (!grown)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "a policy");
	set->policies = grown;
	set->policies[set->nr_policies++] = *policy;
	return 0;
}

struct weir_set *weir_ruleset_set(const struct weir_ruleset_model *set, const char *name)
{
	for (__u32 i = 0; i < set->nr_sets; i++)
		if (!strcmp(set->sets[i].name, name))
			return &set->sets[i];
	return NULL;
}

int weir_policy_parse(struct weir_policy *policy, const struct weir_line *line, unsigned int from,
	struct weir_err *err)
{
	static const char *const directions[] = {"in", "out", NULL};
	static const char *const verdicts[] = {"accept", "drop", "punt", NULL};
	static const enum weir_verdict verdict[] = {WEIR_accept, WEIR_drop, WEIR_punt};
	struct weir_err unread;
	struct rule_reader r = {line, from, err ? err : &unread};
	struct rule_piece piece;
	struct weir_policy p = {0};
	int ret = rule_need(&r, "policy", "in or out", &piece);

	if (!ret)
		ret = rule_choice(&r, &piece, "direction", directions);
	if (ret < 0)
		return ret;
	p.out = ret == 1;
	ret = rule_dev(&r, directions[ret], false, p.dev);
	if (!ret)
		ret = rule_need(&r, "policy", "accept, drop or punt", &piece);
	if (!ret)
		ret = rule_choice(&r, &piece, "policy", verdicts);
	if (ret < 0)
		return ret;
	p.verdict = verdict[ret];
	if (rule_next(&r, &piece))
		return rule_wrong(&r, piece.place, "'%s' behind the policy", piece.text);
	*policy = p;
	return 0;
}

/* An address has dots, a port has none. */
static int read_elem(const struct rule_reader *r, const struct rule_piece *piece,
	struct weir_set *set, struct weir_span *span)
{
	unsigned int bits = strpbrk(piece->text, ".:") ? 32 : 16;

	if (*piece->text == '@')
		return rule_wrong(r, piece->place, "'%s': a set holds no sets", piece->text);
	if (set->bits && set->bits != bits) {
		rule_wrong(r, piece->place, "'%s' among %s", piece->text,
			set->bits == 32 ? "addresses" : "ports");
		weir_remedy(r->err, "a set of its own: one holds addresses or ports, not both");
		return -EINVAL;
	}
	set->bits = bits;
	return bits == 32 ? rule_addrs(r, piece, span) : rule_ports(r, piece, span);
}

static int add_elem(struct weir_set *set, struct weir_span span, struct weir_err *err)
{
	struct weir_prefix prefixes[WEIR_PREFIXES_MAX];
	int ret = grow((void **)&set->elems, set->nr, &set->room, sizeof(*set->elems), err);

	if (ret)
		return ret;
	set->elems[set->nr++] = span;
	set->prefixes += weir_span_prefixes(span, set->bits, prefixes);
	return 0;
}

/* The elements of one word. */
static int read_elems(struct rule_reader *r, struct weir_set *set)
{
	const struct weir_word *word = &r->line->words[r->at - 1];
	struct rule_piece piece;
	struct weir_span span;
	size_t offset = 0;
	int ret;

	for (;;) {
		ret = rule_element(r, word, &offset, &piece);
		if (ret <= 0)
			return ret;
		ret = read_elem(r, &piece, set, &span);
		if (!ret)
			ret = add_elem(set, span, r->err);
		if (ret)
			return ret;
	}
}

int weir_set_parse(
	struct weir_set *set, const struct weir_line *line, unsigned int from, struct weir_err *err)
{
	struct weir_err unread;
	struct rule_reader r = {line, from, err ? err : &unread};
	struct rule_piece piece;
	struct weir_set read = {0};
	int ret = rule_need(&r, "set add", "the name of a set", &piece);

	if (!ret)
		ret = rule_set_name(&r, &piece, read.name);
	if (!ret)
		ret = rule_need(&r, read.name, "ELEMENT[,..]", &piece);
	if (!ret)
		ret = read_elems(&r, &read);
	if (!ret && rule_next(&r, &piece)) {
		ret = rule_wrong(&r, piece.place, "'%s' behind the elements", piece.text);
		weir_remedy(r.err, "a list is one word, without blanks: A,B,C");
	}
	if (ret) {
		weir_set_done(&read);
		return ret;
	}
	*set = read;
	return 0;
}
