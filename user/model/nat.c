// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sessions.h>

#include "model/nat.h"

/* --- own addresses --- */

const struct weir_own *weir_own_find(const struct weir_owns *owns, __u32 addr)
{
	for (size_t i = 0; i < owns->nr; i++)
		if (owns->list[i].addr == addr)
			return &owns->list[i];
	return NULL;
}

__u32 weir_own_first(const struct weir_owns *owns, const char *dev)
{
	for (size_t i = 0; i < owns->nr; i++)
		if (owns->list[i].first && !strcmp(owns->list[i].dev, dev))
			return owns->list[i].addr;
	return 0;
}

/* --- rules beside each other --- */

static bool overlap(struct weir_span a, struct weir_span b)
{
	return a.lo <= b.hi && b.lo <= a.hi;
}

static bool within(struct weir_span span, __u32 addr)
{
	return span.lo <= addr && addr <= span.hi;
}

/* Fails: "ADDRESS @what 'RULE'", or without a rule. */
static int clash(struct weir_err *err, struct weir_span a, struct weir_span b, const char *what,
	const struct weir_rule *with)
{
	struct weir_span both = {a.lo > b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi};
	char addrs[WEIR_SPAN_MAX], *text = NULL;

	weir_addrs_text(addrs, both);
	if (with)
		weir_rule_text(with, &text, NULL);
	weir_fail(err, WEIR_USAGE, 0, "%s %s%s%.200s%s", addrs, what, text ? " '" : "",
		text ? text : "", text ? "'" : "");
	free(text);
	return -EINVAL;
}

/* A pool beside another rule. */
static int pool_beside(const struct weir_rule *pool, const struct weir_rule *r,
	const struct weir_rule *blamed, struct weir_err *err)
{
	const struct weir_rule *with = blamed == pool ? r : pool;

	if (r->nat == WEIR_NAT_snat && overlap(pool->to, r->to) && strcmp(pool->out, r->out)) {
		clash(err, pool->to, r->to, "is in a pool of another device:", with);
		weir_remedy(err, "a pool for each device: answers come in by one");
		return -EINVAL;
	}
	if (r->nat != WEIR_NAT_map)
		return 0;
	if (overlap(pool->to, r->to))
		return clash(err, pool->to, r->to,
			"is a whole host's outside already, and a pool's as well:", with);
	if (overlap(pool->to, r->from))
		return clash(err, pool->to, r->from,
			"is an address of the inside, and a pool's as well:", with);
	return 0;
}

static int maps_beside(
	const struct weir_rule *rule, const struct weir_rule *r, struct weir_err *err)
{
	if (overlap(rule->to, r->to) && !strcmp(rule->dev, r->dev))
		return clash(err, rule->to, r->to, "stands for another host already:", r);
	if (overlap(rule->to, r->from))
		return clash(
			err, rule->to, r->from, "is an address of the inside to another rule:", r);
	if (overlap(rule->from, r->to))
		return clash(
			err, rule->from, r->to, "is an address of the outside to another rule:", r);
	return 0;
}

/* Each would give the same ports. */
static int masquerade_beside(const struct weir_rule *masq, const struct weir_rule *pool,
	const struct weir_owns *owns, const struct weir_rule *blamed, struct weir_err *err)
{
	__u32 own = weir_own_first(owns, masq->out);
	struct weir_span span = {own, own};

	if (!own || !within(pool->to, own))
		return 0;
	clash(err, pool->to, span, "is the device's own address, whose ports masquerading gives:",
		blamed == masq ? pool : masq);
	weir_remedy(err, "masquerade, or a pool; not both of one address");
	return -EINVAL;
}

/* To an address of the outside that this host has not, nobody would take the packet. */
static int dnat_beside(const struct weir_rule *dnat, const struct weir_rule *r,
	const struct weir_owns *owns, const struct weir_rule *blamed, struct weir_err *err)
{
	__u64 a = dnat->to.lo > r->to.lo ? dnat->to.lo : r->to.lo;

	if (r->nat != WEIR_NAT_snat && r->nat != WEIR_NAT_map)
		return 0;
	while (a <= dnat->to.hi && a <= r->to.hi && weir_own_find(owns, (__u32)a))
		a++;
	if (a > dnat->to.hi || a > r->to.hi)
		return 0;
	return clash(err, (struct weir_span){(__u32)a, (__u32)a}, r->to,
		"is an address of the outside that no host has:", blamed == dnat ? r : dnat);
}

/* @one and @other, of which @blamed is new. */
static int beside(const struct weir_rule *one, const struct weir_rule *other,
	const struct weir_owns *owns, const struct weir_rule *blamed, struct weir_err *err)
{
	int rc = 0;

	if (one->nat == WEIR_NAT_snat)
		rc = pool_beside(one, other, blamed, err);
	if (!rc && one->nat == WEIR_NAT_masquerade && other->nat == WEIR_NAT_snat)
		rc = masquerade_beside(one, other, owns, blamed, err);
	if (!rc && one->nat == WEIR_NAT_dnat)
		rc = dnat_beside(one, other, owns, blamed, err);
	return rc;
}

/* --- room --- */

static int by_lo(const void *a, const void *b)
{
	const struct weir_span *x = a, *y = b;

	return x->lo != y->lo ? (x->lo > y->lo) - (x->lo < y->lo) : 0;
}

/* Devices that masquerade, each once. */
static __u64 masquerading(const struct weir_ruleset_model *set, const struct weir_rule *rule)
{
	__u64 nr = 0;

	for (__u32 i = 0; i <= set->nr; i++) {
		const struct weir_rule *r = i < set->nr ? &set->rules[i] : rule;
		bool known = r->nat != WEIR_NAT_masquerade;

		for (__u32 j = 0; j < i && !known; j++)
			known = set->rules[j].nat == WEIR_NAT_masquerade &&
				!strcmp(set->rules[j].out, r->out);
		nr += !known;
	}
	return nr;
}

static __u64 size_of(struct weir_span span)
{
	return (__u64)span.hi - span.lo + 1;
}

/* Counted as if no two pools shared an address, there may be room already; else exactly. */
static int check_room(
	const struct weir_ruleset_model *set, const struct weir_rule *rule, struct weir_err *err)
{
	struct weir_span *spans = calloc(set->nr + 1, sizeof(*spans));
	__u64 sum = 0, nr_masquerades = 0, end = 0;
	size_t nr = 0;

	if (!spans)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "checking the pools");
	for (__u32 i = 0; i <= set->nr; i++) {
		const struct weir_rule *r = i < set->nr ? &set->rules[i] : rule;

		if (r->nat == WEIR_NAT_snat) {
			spans[nr++] = r->to;
			sum += size_of(r->to);
		}
		nr_masquerades += r->nat == WEIR_NAT_masquerade;
	}
	if (sum + nr_masquerades > WEIR_POOL_ADDRS_MAX) {
		qsort(spans, nr, sizeof(*spans), by_lo);
		sum = masquerading(set, rule);
		for (size_t i = 0; i < nr; i++) {
			__u64 from = spans[i].lo > end ? spans[i].lo : end;

			if (from <= spans[i].hi) {
				sum += spans[i].hi - from + 1;
				end = (__u64)spans[i].hi + 1;
			}
		}
	}
	free(spans);
	if (sum <= WEIR_POOL_ADDRS_MAX)
		return 0;
	return weir_fail(err, WEIR_USAGE, 0,
		"%llu addresses that ports are given of: there is room for %d",
		(unsigned long long)sum, WEIR_POOL_ADDRS_MAX);
}

static int check_all(const struct weir_ruleset_model *set, const struct weir_rule *rule,
	const struct weir_owns *owns, struct weir_err *err)
{
	int rc = 0;

	if (rule->nat == WEIR_NAT_snat && rule->block && overlap(rule->to, rule->src.alts[0].span))
		return clash(err, rule->to, rule->src.alts[0].span,
			"is an address of the inside, and of the pool that stands for it", NULL);
	for (__u32 i = 0; i < set->nr && !rc; i++) {
		const struct weir_rule *r = &set->rules[i];

		rc = beside(rule, r, owns, rule, err);
		if (!rc)
			rc = beside(r, rule, owns, rule, err);
		if (!rc && rule->nat == WEIR_NAT_map && r->nat == WEIR_NAT_map)
			rc = maps_beside(rule, r, err);
	}
	if (!rc && (rule->nat == WEIR_NAT_snat || rule->nat == WEIR_NAT_masquerade))
		rc = check_room(set, rule, err);
	return rc;
}

/* What it is translated to, else its first word. */
static const struct weir_word *to_blame(const struct weir_line *line, unsigned int from)
{
	for (unsigned int i = from; i + 1 < line->nr; i++)
		if (!strcmp(line->words[i].text, "to") &&
			(i == from || strcmp(line->words[i - 1].text, "comment")))
			return &line->words[i + 1];
	return &line->words[from];
}

int weir_nat_clash(const struct weir_ruleset_model *set, const struct weir_rule *rule,
	const struct weir_line *line, unsigned int from, struct weir_err *err)
{
	int rc = set->owns ? check_all(set, rule, set->owns, err) : 0;

	if (rc && err && err->status == WEIR_USAGE && from < line->nr) {
		const struct weir_word *word = to_blame(line, from);

		weir_err_mark(err, line->typed, line->len, word->column, word->length);
	}
	return rc;
}

/* --- deterministic blocks --- */

static struct weir_span pool_of(const struct weir_rule *rule, __u32 own)
{
	return rule->has & WEIR_HAS_TO ? rule->to : (struct weir_span){own, own};
}

static struct weir_span ports_of(const struct weir_rule *rule)
{
	if (rule->has & WEIR_HAS_TO_PORT)
		return rule->to_port;
	return (struct weir_span){WEIR_NAT_PORT_MIN, WEIR_NAT_PORT_MAX};
}

/* How many blocks an outside address has; 0: the rule gives none. */
static __u32 blocks_each(const struct weir_rule *rule)
{
	return rule->block ? (__u32)(size_of(ports_of(rule)) / rule->block) : 0;
}

/* @i: of the inside address, from the first. */
static bool block_number(const struct weir_rule *rule, __u32 own, __u64 i, struct weir_block *block)
{
	struct weir_span inside = rule->src.alts[0].span, pool = pool_of(rule, own);
	__u32 each = blocks_each(rule);

	if (i >= size_of(inside) || i / each >= size_of(pool) || !pool.lo)
		return false;
	block->inside = inside.lo + (__u32)i;
	block->outside = pool.lo + (__u32)(i / each);
	block->ports.lo = ports_of(rule).lo + (__u32)(i % each) * rule->block;
	block->ports.hi = block->ports.lo + rule->block - 1;
	return true;
}

bool weir_block_of(const struct weir_rule *rule, __u32 own, __u32 inside, struct weir_block *block)
{
	if (!blocks_each(rule) || !within(rule->src.alts[0].span, inside))
		return false;
	return block_number(rule, own, inside - rule->src.alts[0].span.lo, block);
}

bool weir_block_at(const struct weir_rule *rule, __u32 own, __u32 outside, __u32 port,
	struct weir_block *block)
{
	__u32 each = blocks_each(rule), at;

	if (!each || !within(pool_of(rule, own), outside) || !within(ports_of(rule), port))
		return false;
	at = (port - ports_of(rule).lo) / rule->block;
	if (at >= each)
		return false; /* ports that are left over belong to nobody */
	return block_number(rule, own, (__u64)(outside - pool_of(rule, own).lo) * each + at, block);
}
