// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <weir/abi.h>

#include "model/compile.h"
#include "model/tree.h"

#define LEAF_BOXES  WEIR_LEAF_MAX
#define FILL_NS_MAX (1ULL << 62)

static __u32 pages_of(size_t bytes)
{
	return (__u32)((bytes + WEIR_PAGE - 1) / WEIR_PAGE);
}

long pages_take(struct pages *pages, __u32 nr)
{
	__u32 first = pages->nr, room = pages->room;
	struct weir_page *page;

	if (nr > WEIR_REF_UNIT / WEIR_PAGE_UNITS - first)
		return -E2BIG;
	if (first + nr > room) {
		room = first + nr + room / 2 + 64;
		page = aligned_alloc(WEIR_PAGE, (size_t)room * WEIR_PAGE);
		if (!page)
			return -ENOMEM;
		if (first)
			memcpy(page, pages->page, (size_t)first * WEIR_PAGE);
		free(pages->page);
		pages->page = page;
		pages->room = room;
	}
	memset(&pages->page[first], 0, (size_t)nr * WEIR_PAGE);
	pages->nr += nr;
	return first;
}

static bool box_is_sound(const struct weir_box *b, __u32 rules)
{
	return b->rule < rules && b->src[0] <= b->src[1] && b->dst[0] <= b->dst[1] &&
	       b->sport[0] <= b->sport[1] && b->dport[0] <= b->dport[1] &&
	       b->proto[0] <= b->proto[1];
}

/* A bucket's time to fill is a signed number of ns. */
static bool limit_is_sound(const struct weir_rule_rec *rec)
{
	return !rec->limit_ns ||
	       (rec->limit_burst && rec->limit_ns <= FILL_NS_MAX / rec->limit_burst);
}

static int check_input(const struct weir_rules_in *in, struct weir_err *err)
{
	size_t i;

	if (in->rules > WEIR_RULES_MAX || in->nr_boxes > WEIR_REF_UNIT)
		return weir_fail(err, WEIR_REFUSED, -E2BIG, "%u rules, of which there may be %u",
			in->rules, WEIR_RULES_MAX);
	if (in->trees > WEIR_TREES_MAX)
		return weir_fail(err, WEIR_REFUSED, -EINVAL, "%u trees, of which there may be %u",
			in->trees, WEIR_TREES_MAX);
	for (i = 0; i < in->nr_boxes; i++)
		if (!box_is_sound(&in->boxes[i], in->rules) ||
			(i && in->boxes[i].rule < in->boxes[i - 1].rule))
			return weir_fail(err, WEIR_REFUSED, -EINVAL,
				"alternative %zu of the rules is out of order or of range", i);
	for (i = 0; i < in->rules; i++)
		if (!limit_is_sound(&in->recs[i]))
			return weir_fail(err, WEIR_REFUSED, -EINVAL,
				"the limit of rule %u takes 0 or over 146 years to fill",
				in->recs[i].id);
	return 0;
}

/* Copies @len bytes into pages of their own; the first one's index, or -errno. */
static long put(struct pages *pages, const void *data, size_t len)
{
	long at = pages_take(pages, pages_of(len));

	if (at >= 0 && len)
		memcpy(&pages->page[at], data, len);
	return at;
}

/* Records, with what their boxes test; and of all of them in the head. */
static int put_records(struct pages *pages, const struct weir_rules_in *in)
{
	long at = put(pages, in->recs, in->rules * sizeof(*in->recs));
	struct weir_rule_rec *recs;
	__u32 i;

	if (at < 0)
		return (int)at;
	recs = pages->page[at].rec;
	for (i = 0; i < in->rules; i++)
		recs[i].checks = (__u16)((recs[i].checks & WEIR_DNATS) |
					 (recs[i].limit_ns ? WEIR_CHECK_LIMIT : 0) |
					 (recs[i].log ? WEIR_LOG : 0) |
					 (recs[i].verdict == WEIR_count ? WEIR_COUNTS : 0));
	for (i = 0; i < in->nr_boxes; i++)
		recs[in->boxes[i].rule].checks |= in->boxes[i].checks;
	for (i = 0; i < in->rules; i++)
		pages->page[0].head.checks |= recs[i].checks;
	pages->page[0].head.rec_page = (__u32)at;
	return 0;
}

static int build(struct pages *pages, const struct weir_rules_in *in, __u32 most)
{
	long at = pages_take(pages, 1);

	if (at < 0)
		return (int)at;
	pages->top = sizeof(struct weir_ruleset_head) / 64;
	return trees_build(pages, in, in->leaf ? in->leaf : LEAF_BOXES, most);
}

/* One tree, or two, or more, as long as that makes walks cheaper. */
static int put_trees(struct pages *pages, const struct weir_rules_in *in)
{
	double least = 0, cost;

	if (in->trees)
		return build(pages, in, in->trees);
	for (__u32 most = 1; most <= WEIR_TREES_MAX; most++) {
		struct pages more = {0};
		int error = build(&more, in, most);

		cost = error ? 0 : trees_cost(&more, in);
		if (error || (pages->page && cost >= least)) {
			free(more.page);
			return error;
		}
		free(pages->page);
		*pages = more;
		least = cost;
		if (more.page->head.trees < most)
			break;
	}
	return 0;
}

static int compile(struct pages *pages, const struct weir_rules_in *in)
{
	struct weir_ruleset_head *head;
	int error = put_trees(pages, in);
	long at;

	if (!error)
		error = put_records(pages, in);
	if (error)
		return error;
	at = put(pages, in->text, in->text_len);
	if (at < 0)
		return (int)at;
	head = &pages->page[0].head;
	head->magic = WEIR_MAGIC;
	head->abi = WEIR_ABI;
	head->generation = in->generation;
	head->next_id = in->next_id;
	head->rules = in->rules;
	head->policies = in->policies;
	head->pages = pages->nr;
	head->text_page = (__u32)at;
	head->text_len = in->text_len;
	return 0;
}

int weir_rules_compile(const struct weir_rules_in *in, struct weir_pages *out, struct weir_err *err)
{
	struct pages pages = {0};
	int error = check_input(in, err);

	if (error)
		return error;
	error = compile(&pages, in);
	if (error) {
		free(pages.page);
		return weir_fail(err, WEIR_REFUSED, error, "%u rules in %zu alternatives",
			in->rules, in->nr_boxes);
	}
	*out = (struct weir_pages){pages.page, pages.nr};
	return 0;
}

void weir_pages_free(struct weir_pages *pages)
{
	if (!pages)
		return;
	free(pages->page);
	*pages = (struct weir_pages){0};
}
