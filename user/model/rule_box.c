// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A rule as the BPF programs are given it: boxes to be found, and a record of what is done then. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/rule_priv.h"

unsigned int weir_span_prefixes(
	struct weir_span span, unsigned int bits, struct weir_prefix prefixes[WEIR_PREFIXES_MAX])
{
	__u64 lo = span.lo, end = (__u64)span.hi + 1;
	unsigned int nr = 0;

	while (lo < end) {
		/* the largest that begins here and ends in time */
		unsigned int free_bits = lo ? (unsigned int)__builtin_ctzll(lo) : bits;

		if (free_bits > bits)
			free_bits = bits;
		while (lo + (UINT64_C(1) << free_bits) > end)
			free_bits--;
		prefixes[nr++] = (struct weir_prefix){(__u32)lo, (__u8)(bits - free_bits)};
		lo += UINT64_C(1) << free_bits;
	}
	return nr;
}

static __u64 unit_ns(char unit)
{
	__u64 second = 1000000000;

	return unit == 'h' ? 3600 * second : unit == 'm' ? 60 * second : second;
}

__u64 weir_rule_token_ns(const struct weir_rule *rule)
{
	return rule->has & WEIR_HAS_LIMIT ? unit_ns(rule->limit_unit) / rule->limit_rate : 0;
}

__u32 weir_rule_burst(const struct weir_rule *rule)
{
	__u64 tokens;

	if (!(rule->has & WEIR_HAS_LIMIT))
		return 0;
	if (rule->limit_burst)
		return rule->limit_burst;
	tokens = 10000000 / weir_rule_token_ns(rule);
	if (tokens < WEIR_BURST_MIN)
		return WEIR_BURST_MIN;
	return tokens > WEIR_BURST_MAX ? WEIR_BURST_MAX : (__u32)tokens;
}

/* What a list asks of a field: any of these. */
struct option {
	struct weir_span span;
	__u16 set;
};

struct options {
	struct option *list;
	__u32 nr;
};

static int by_start(const void *a, const void *b)
{
	const struct option *x = a, *y = b;

	/* sets behind spans, in their order */
	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	if (x->span.lo != y->span.lo)
		return x->span.lo < y->span.lo ? -1 : 1;
	return 0;
}

/* Fewer boxes: spans that touch are one, and sets are asked once. */
static void merge(struct options *options)
{
	__u32 nr = 0;

	qsort(options->list, options->nr, sizeof(*options->list), by_start);
	for (__u32 i = 0; i < options->nr; i++) {
		struct option *last = nr ? &options->list[nr - 1] : NULL, *o = &options->list[i];

		if (last && last->set == o->set &&
			(o->set || (__u64)last->span.hi + 1 >= o->span.lo)) {
			if (o->span.hi > last->span.hi)
				last->span.hi = o->span.hi;
			continue;
		}
		options->list[nr++] = *o;
	}
	options->nr = nr;
}

static int set_number(const struct weir_resolve *by, const char *name, unsigned int bits,
	__u16 *number, struct weir_err *err)
{
	int n = by->set_of(by->ctx, name, bits);

	if (n > 0) {
		*number = (__u16)n;
		return 0;
	}
	if (n < 0)
		return weir_fail(err, WEIR_USAGE, 0, "set '%s' holds %s, not %s", name,
			bits == 32 ? "ports" : "addresses", bits == 32 ? "addresses" : "ports");
	weir_fail(err, WEIR_NOT_FOUND, 0, "there is no set '%s'", name);
	weir_remedy(err, "weir set add %s %s", name, bits == 32 ? "192.0.2.0/24" : "53,123");
	return -ENOENT;
}

/* Fills @options, whose list the caller frees. */
static int resolve(const struct weir_list *list, unsigned int bits, const struct weir_resolve *by,
	struct options *options, struct weir_err *err)
{
	__u32 nr = list->nr ? list->nr : 1;

	options->list = calloc(nr, sizeof(*options->list));
	if (!options->list)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "a list of %u elements", nr);
	options->nr = nr;
	options->list[0].span = (struct weir_span){0, ~0u};
	for (__u32 i = 0; i < list->nr; i++) {
		struct option *o = &options->list[i];
		int ret;

		o->span = list->alts[i].span;
		if (!*list->alts[i].set)
			continue;
		/* whatever a packet has there, but a port must be one */
		o->span = (struct weir_span){0, bits == 32 ? ~0u : 65535};
		ret = set_number(by, list->alts[i].set, bits, &o->set, err);
		if (ret)
			return ret;
	}
	merge(options);
	return 0;
}

static int device(
	const struct weir_resolve *by, const char *name, __u32 *ifindex, struct weir_err *err)
{
	if (!*name)
		return 0;
	*ifindex = by->ifindex_of(by->ctx, name);
	if (*ifindex)
		return 0;
	weir_fail(err, WEIR_NOT_FOUND, 0, "there is no device '%s'", name);
	return -ENOENT;
}

static __u16 checks_of(const struct weir_rule *rule)
{
	unsigned int checks = 0;

	checks |= rule->has & WEIR_HAS_TCP ? WEIR_CHECK_TCP : 0;
	checks |= rule->has & WEIR_HAS_ICMP ? WEIR_CHECK_ICMP_TYPE : 0;
	checks |= rule->has & WEIR_HAS_ICMP_CODE ? WEIR_CHECK_ICMP_CODE : 0;
	checks |= rule->states ? WEIR_CHECK_STATE : 0;
	checks |= rule->has & WEIR_HAS_FRAG ? WEIR_CHECK_FRAG : 0;
	checks |= rule->has & WEIR_HAS_LIMIT ? WEIR_CHECK_LIMIT : 0;
	checks |= rule->has & WEIR_HAS_LOG ? WEIR_LOG : 0;
	return (__u16)checks;
}

/* What all alternatives have in common. */
static void fill_box(struct weir_box *box, const struct weir_rule *rule, __u32 place)
{
	*box = (struct weir_box){
		.rule = place,
		.proto = {0, 255},
		.tcp_flags = rule->tcp_flags,
		.tcp_mask = rule->tcp_mask,
		.icmp_type = rule->icmp_type,
		.icmp_code = rule->icmp_code,
		.states = rule->states,
		.frag = rule->frag,
		.checks = checks_of(rule),
	};
	if (rule->has & WEIR_HAS_PROTO)
		box->proto[0] = box->proto[1] = rule->proto;
}

static int fill_rec(const struct weir_rule *rule, const struct weir_resolve *by,
	struct weir_rule_rec *rec, struct weir_err *err)
{
	/* a deterministic rule has one span of sources: rule_check.c */
	struct weir_span inside = rule->nat == WEIR_NAT_map ? rule->from
				  : rule->block		    ? rule->src.alts[0].span
							    : (struct weir_span){0, 0};
	const char *dev = *rule->dev ? rule->dev : rule->nat == WEIR_NAT_dnat ? rule->in : rule->out;

	*rec = (struct weir_rule_rec){
		.id = rule->id,
		.verdict = rule->kind == WEIR_RULE_NAT ? rule->dst.nr || rule->nat == WEIR_NAT_map
						       : (__u8)rule->verdict,
		.nat = (__u8)rule->nat,
		.mapping = (__u8)rule->mapping,
		.filtering = (__u8)rule->filtering,
		.limit_per = (__u8)rule->limit_per,
		.log = !!(rule->has & WEIR_HAS_LOG),
		.checks = checks_of(rule),
		.limit_ns = weir_rule_token_ns(rule),
		.limit_burst = weir_rule_burst(rule),
		.to = {rule->to.lo, rule->to.hi},
		.to_port = {(__u16)rule->to_port.lo, (__u16)rule->to_port.hi},
		.block = rule->block,
		.inside = {inside.lo, inside.hi},
	};
	if (rule->kind == WEIR_RULE_NAT && (rule->nat == WEIR_NAT_dnat || rule->nat == WEIR_NAT_map))
		rec->checks |= WEIR_DNATS;
	return rule->kind == WEIR_RULE_NAT ? device(by, dev, &rec->dev, err) : 0;
}

/* The lists that a rule is a product of. */
enum { SRC, DST, SPORT, DPORT, LISTS };

/* The alternatives' products, in @boxes, where there is room; box->src and dst only if not set. */
static void multiply(const struct options options[LISTS], const struct weir_box *common,
	struct weir_boxes *boxes)
{
	size_t at[LISTS] = {0};

	for (int l = 0; l < LISTS;) {
		struct weir_box *box = &boxes->list[boxes->nr++];
		const struct option *o[LISTS];

		for (l = 0; l < LISTS; l++)
			o[l] = &options[l].list[at[l]];
		*box = *common;
		memcpy(box->src, &o[SRC]->span, sizeof(box->src));
		memcpy(box->dst, &o[DST]->span, sizeof(box->dst));
		memcpy(box->sport, &o[SPORT]->span, sizeof(box->sport));
		memcpy(box->dport, &o[DPORT]->span, sizeof(box->dport));
		box->src_set = o[SRC]->set;
		box->dst_set = o[DST]->set;
		box->sport_set = o[SPORT]->set;
		box->dport_set = o[DPORT]->set;
		/* as an odometer: the next of the first list that has one */
		for (l = 0; l < LISTS && ++at[l] == options[l].nr; l++)
			at[l] = 0;
		if (l < LISTS)
			l = 0;
	}
}

/* Boxes are cache lines, which realloc() does not promise. */
int weir_boxes_room(struct weir_boxes *boxes, size_t more, struct weir_err *err)
{
	size_t room = boxes->room ? boxes->room : 64;
	struct weir_box *list;

	while (room < boxes->nr + more)
		room *= 2;
	if (room == boxes->room)
		return 0;
	list = aligned_alloc(sizeof(*list), room * sizeof(*list));
	if (!list)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "%zu alternatives of rules", room);
	if (boxes->nr)
		memcpy(list, boxes->list, boxes->nr * sizeof(*list));
	free(boxes->list);
	boxes->list = list;
	boxes->room = room;
	return 0;
}

void weir_boxes_done(struct weir_boxes *boxes)
{
	if (!boxes)
		return;
	free(boxes->list);
	*boxes = (struct weir_boxes){0};
}

/* The lists' alternatives, and the product of their numbers. */
static int resolve_all(const struct weir_rule *rule, const struct weir_resolve *by,
	struct options options[LISTS], __u64 *product, struct weir_err *err)
{
	static const char *const names[LISTS] = {"src", "dst", "sport", "dport"};
	const struct weir_list *lists[LISTS] = {&rule->src, &rule->dst, &rule->sport, &rule->dport};
	unsigned int longest = 0;

	*product = 1;
	for (unsigned int l = 0; l < LISTS; l++) {
		int ret = resolve(lists[l], l < SPORT ? 32 : 16, by, &options[l], err);

		if (ret)
			return ret;
		*product *= options[l].nr;
		if (options[l].nr > options[longest].nr)
			longest = l;
	}
	if (*product <= WEIR_RULE_BOXES_MAX)
		return 0;
	weir_fail(err, WEIR_USAGE, 0, "its lists make %llu combinations: %d at most",
		(unsigned long long)*product, WEIR_RULE_BOXES_MAX);
	weir_remedy(err, "put the longest into a set: weir set add NAME ..., then %s @NAME",
		names[longest]);
	return -E2BIG;
}

/*
 * Which of NAT's questions a rule answers is told by the device out: there is none yet where the first is
 * asked, once as from the rule's device, once as from inside. `map` answers both: what comes for the one
 * address is the other's, and what is from that, this.
 */
static void multiply_nat(const struct weir_rule *rule, struct options options[LISTS],
	struct weir_box *common, __u32 dev, struct weir_boxes *boxes)
{
	if (rule->nat == WEIR_NAT_map) {
		common->oif = dev;
		options[SRC].list[0].span = rule->from;
		multiply(options, common, boxes);
		options[SRC].list[0].span = (struct weir_span){0, ~0u};
		options[DST].list[0].span = rule->to;
		common->iif = dev;
	}
	if (rule->nat == WEIR_NAT_map || rule->nat == WEIR_NAT_dnat) {
		common->oif = WEIR_DEV_DNAT;
		multiply(options, common, boxes);
		common->iif = WEIR_DEV_INSIDE;
	}
	multiply(options, common, boxes);
}

int weir_rule_boxes(const struct weir_rule *rule, __u32 place, const struct weir_resolve *by,
	struct weir_boxes *boxes, struct weir_rule_rec *rec, struct weir_err *err)
{
	struct options options[LISTS] = {0};
	struct weir_rule_rec filled;
	struct weir_box common;
	__u64 product;
	int ret;

	fill_box(&common, rule, place);
	ret = fill_rec(rule, by, &filled, err);
	if (!ret)
		ret = device(by, rule->in, &common.iif, err);
	if (!ret)
		ret = device(by, rule->out, &common.oif, err);
	if (!ret)
		ret = resolve_all(rule, by, options, &product, err);
	if (!ret) /* NAT: one question is asked from inside, too, and of map there are two */
		ret = weir_boxes_room(boxes, 2 * product + 1, err);
	if (!ret) {
		if (rule->kind == WEIR_RULE_NAT)
			multiply_nat(rule, options, &common, filled.dev, boxes);
		else
			multiply(options, &common, boxes);
		*rec = filled;
	}
	for (int l = 0; l < LISTS; l++)
		free(options[l].list);
	return ret;
}
