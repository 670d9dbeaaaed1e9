// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A file of rules. Whatever its size, each line is looked at once, and what is kept is bounded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/nat.h"
#include "model/rule_priv.h"
#include "model/ruleset.h"

enum { SLOTS = WEIR_SETS_MAX * 2 };

struct id_line {
	__u32 id, line;
};

struct load {
	struct weir_ruleset_model set; /* what is read */
	struct weir_line line;
	unsigned int number; /* of the line */
	struct id_line *ids; /* that lines gave */
	__u32 nr_ids, room_ids;
	__u16 slots[SLOTS]; /* sets by their names: the place, from 1 */
	struct weir_err *err;
};

static struct rule_place word_place(const struct load *l, unsigned int i)
{
	return (struct rule_place){l->line.words[i].column, l->line.words[i].length};
}

static bool is_word(const struct load *l, unsigned int i, const char *text)
{
	return i < l->line.nr && !strcmp(l->line.words[i].text, text);
}

/* Points at a word of this line. */
static int wrong_word(const struct load *l, unsigned int i, const char *what)
{
	struct rule_reader r = {&l->line, i, l->err};

	return rule_wrong(&r, word_place(l, i), "%s", what);
}

static unsigned int hash(const char *name)
{
	unsigned int h = 2166136261;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619;
	return h;
}

/* The set's place among those read, which it is given where it is new. */
static int place_set(struct load *l, const char *name, unsigned int bits, __u32 *place)
{
	struct weir_ruleset_model *all = &l->set;
	unsigned int slot = hash(name) % SLOTS;
	struct weir_set *grown;

	for (; l->slots[slot]; slot = (slot + 1) % SLOTS) {
		*place = l->slots[slot] - 1u;
		if (!strcmp(all->sets[*place].name, name))
			return 0;
	}
	if (all->nr_sets == WEIR_SETS_MAX)
		return weir_fail(l->err, WEIR_USAGE, 0, "more than %d sets", WEIR_SETS_MAX);
	grown = reallocarray(all->sets, all->nr_sets + 1, sizeof(*grown));
	if (!grown)
		return weir_fail(l->err, WEIR_REFUSED, -ENOMEM, "a set");
	all->sets = grown;
	*place = all->nr_sets++;
	all->sets[*place] = (struct weir_set){.bits = bits};
	strcpy(all->sets[*place].name, name);
	l->slots[slot] = (__u16)(*place + 1);
	return 0;
}

/* Adds the elements of @more to @set. */
static int extend(struct load *l, struct weir_set *set, const struct weir_set *more)
{
	__u32 room = set->room ? set->room : 4;

	while (room < set->nr + more->nr)
		room *= 2;
	if (room != set->room) {
		struct weir_span *grown = reallocarray(set->elems, room, sizeof(*grown));

		if (!grown)
			return weir_fail(l->err, WEIR_REFUSED, -ENOMEM, "%u elements", room);
		set->elems = grown;
		set->room = room;
	}
	memcpy(set->elems + set->nr, more->elems, more->nr * sizeof(*more->elems));
	set->nr += more->nr;
	set->prefixes += more->prefixes;
	l->set.prefixes += more->prefixes;
	return 0;
}

static int load_set(struct load *l)
{
	struct weir_set read;
	__u32 place = 0;
	int ret;

	if (!is_word(l, 1, "add"))
		return l->line.nr > 1 ? wrong_word(l, 1, "'set' in a file needs 'add'")
				      : wrong_word(l, 0, "'set' in a file needs 'add'");
	ret = weir_set_parse(&read, &l->line, 2, l->err);
	if (ret)
		return ret;
	if (l->set.prefixes + read.prefixes > WEIR_ELEMS_MAX) {
		ret = weir_fail(
			l->err, WEIR_USAGE, 0, "more than %d elements of sets", WEIR_ELEMS_MAX);
		goto out;
	}
	ret = place_set(l, read.name, read.bits, &place);
	if (ret)
		goto out;
	if (l->set.sets[place].bits != read.bits)
		ret = wrong_word(l, 3,
			read.bits == 32 ? "addresses, and the set holds ports"
					: "ports, and the set holds addresses");
	else
		ret = extend(l, &l->set.sets[place], &read);
out:
	weir_set_done(&read);
	return ret;
}

static int load_policy(struct load *l)
{
	struct weir_policy policy;
	int ret;

	if (l->set.kind != WEIR_RULE_FILTER)
		return wrong_word(l, 0, "a policy is the filter's, and these are NAT rules");
	ret = weir_policy_parse(&policy, &l->line, 1, l->err);
	if (ret)
		return ret;
	policy.line = l->number;
	for (__u32 i = 0; i < l->set.nr_policies; i++)
		if (l->set.policies[i].out == policy.out &&
			!strcmp(l->set.policies[i].dev, policy.dev))
			return wrong_word(l, 0, "a second policy of this device and direction");
	return weir_ruleset_policy(&l->set, &policy, l->err);
}

static int keep_id(struct load *l, __u32 id)
{
	if (l->nr_ids == l->room_ids) {
		__u32 room = l->room_ids ? l->room_ids * 2 : 64;
		struct id_line *grown = reallocarray(l->ids, room, sizeof(*grown));

		if (!grown)
			return weir_fail(l->err, WEIR_REFUSED, -ENOMEM, "%u ids", room);
		l->ids = grown;
		l->room_ids = room;
	}
	l->ids[l->nr_ids++] = (struct id_line){id, l->number};
	return 0;
}

/* Ids are looked at when all are known: meanwhile the rule has none that could be taken. */
static int load_rule(struct load *l, unsigned int from)
{
	struct weir_rule rule;
	__u32 id;
	int ret = weir_rule_parse(&rule, l->set.kind, &l->line, from, l->err);

	if (ret)
		return ret;
	id = rule.id;
	rule.line = l->number;
	if (rule.at) {
		unsigned int i = from;

		while (!is_word(l, i, "at"))
			i++;
		ret = wrong_word(
			l, i, "'at' in a file: the order of its lines is the order of rules");
	}
	if (!ret && id)
		ret = keep_id(l, id);
	rule.id = 0;
	l->set.next_id = 0;
	if (!ret && rule.kind == WEIR_RULE_NAT)
		ret = weir_nat_clash(&l->set, &rule, &l->line, from, l->err);
	if (!ret)
		ret = weir_ruleset_add(&l->set, &rule, l->err);
	if (!ret)
		l->set.rules[l->set.nr - 1].id = id;
	weir_rule_done(&rule);
	return ret;
}

static int load_line(struct load *l, const char *text, size_t len)
{
	unsigned int from = 0;
	const char *object = l->set.kind == WEIR_RULE_NAT ? "nat" : "filter";
	int ret = weir_line_split(&l->line, text, len, WEIR_RULE_LINE_MAX, l->err);

	if (ret || !l->line.nr)
		return ret;
	if (is_word(l, 0, "set"))
		return load_set(l);
	if (is_word(l, 0, "policy"))
		return load_policy(l);
	if (is_word(l, 0, object)) {
		if (is_word(l, 1, "policy"))
			return wrong_word(l, 0, "a line of a policy begins with 'policy'");
		if (!is_word(l, 1, "add"))
			return wrong_word(l, 0, "'filter' and 'nat' need 'add' in a file");
		from = 2;
	}
	return load_rule(l, from);
}

static int by_id(const void *a, const void *b)
{
	const struct id_line *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* No id twice; rules without one are given those that are free for good. */
static int settle_ids(struct load *l, __u32 next)
{
	struct weir_ruleset_model *set = &l->set;

	if (l->nr_ids)
		qsort(l->ids, l->nr_ids, sizeof(*l->ids), by_id);
	for (__u32 i = 1; i < l->nr_ids; i++) {
		if (l->ids[i].id != l->ids[i - 1].id)
			continue;
		l->number = l->ids[i].line;
		return weir_fail(l->err, WEIR_USAGE, 0, "id %u is that of line %u already",
			l->ids[i].id, l->ids[i - 1].line);
	}
	if (!next)
		next = 1;
	if (l->nr_ids && l->ids[l->nr_ids - 1].id >= next)
		next = l->ids[l->nr_ids - 1].id + 1;
	for (__u32 i = 0; i < set->nr; i++) {
		if (set->rules[i].id)
			continue;
		if (next == 0xffffffff)
			return weir_fail(l->err, WEIR_USAGE, 0, "no id is left for a new rule");
		set->rules[i].id = next++;
	}
	set->next_id = next;
	return 0;
}

void weir_ruleset_point(
	struct weir_err *err, const char *file, const char *text, size_t len, __u32 line)
{
	const char *end = text + len, *from = text, *to;

	for (__u32 n = 1; n < line && from < end; n++) {
		from = memchr(from, '\n', (size_t)(end - from));
		from = from ? from + 1 : end;
	}
	to = memchr(from, '\n', (size_t)(end - from));
	to = to ? to : end;
	for (text = from; text < to && (*text == ' ' || *text == '\t');)
		text++;
	while (to > text + 1 && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r'))
		to--;
	weir_err_mark(err, from, (size_t)(to - from), (unsigned int)(text - from) + 1,
		(unsigned int)(to - text));
	weir_err_line(err, file, line);
}

int weir_ruleset_load(struct weir_ruleset_model *set, const char *file, const char *text,
	size_t len, struct weir_err *err)
{
	struct weir_err unread;
	struct load *l = calloc(1, sizeof(*l));
	const char *begin = text, *end = text + len;
	int ret = 0;

	if (!l)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "cannot read '%s'", file);
	l->err = err ? err : &unread;
	l->set.kind = set->kind;
	l->set.owns = set->owns;
	while (!ret && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((newline ? newline : end) - text);

		l->number++;
		ret = load_line(l, text, line);
		text = newline ? newline + 1 : end;
	}
	if (!ret)
		ret = settle_ids(l, set->next_id);
	if (ret) {
		if (l->err->at.column)
			weir_err_line(err, file, l->number);
		else
			weir_ruleset_point(err, file, begin, len, l->number);
		weir_ruleset_done(&l->set);
	} else {
		weir_ruleset_done(set);
		*set = l->set;
	}
	weir_line_done(&l->line);
	free(l->ids);
	free(l);
	return ret;
}
