// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules into pages: what a walk of them finds is what a list of the boxes would say. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <weir/abi.h>

#include "../prog/boxes.h"
#include "model/compile.h"
#include "test.h"

#define RULES 3000

static struct weir_box boxes[100000];
static struct weir_rule_rec recs[100000];

/* --- a walk that shares nothing with the programs' --- */

static bool holds(const struct weir_box *b, const struct weir_fields *f)
{
	const __u32 *d = f->dim;

	return d[0] >= b->src[0] && d[0] <= b->src[1] && d[1] >= b->dst[0] && d[1] <= b->dst[1] &&
	       d[2] >= b->sport[0] && d[2] <= b->sport[1] && d[3] >= b->dport[0] &&
	       d[3] <= b->dport[1] && d[4] >= b->proto[0] && d[4] <= b->proto[1] &&
	       (!b->iif || b->iif == d[5]) && (!b->oif || b->oif == d[6]);
}

static const void *unit(const struct weir_pages *p, __u32 i)
{
	assert_true(i / WEIR_PAGE_UNITS < p->nr);
	return &p->page[i / WEIR_PAGE_UNITS].node[i % WEIR_PAGE_UNITS];
}

/* The boxes of the leaf where a packet ends. */
static const struct weir_box *leaf_of(
	const struct weir_pages *p, __u32 ref, const struct weir_fields *f, __u32 *nr)
{
	int depth = 0;

	while (ref && !(ref >> WEIR_REF_BITS)) {
		const struct weir_node *node = unit(p, ref);
		int way = 0;

		while (way < WEIR_NODE_WAYS - 1 && f->dim[node->dim] > node->value[way])
			way++;
		ref = node->child[way];
		assert_true(++depth <= WEIR_DEPTH_MAX);
	}
	*nr = ref >> WEIR_REF_BITS;
	ref &= WEIR_REF_UNIT;
	if (*nr == WEIR_LEAF_CHAIN) {
		const struct weir_chain *chain = unit(p, ref);

		*nr = chain->boxes;
		ref = chain->first;
		assert_int_equal(ref % WEIR_LEAF_MAX, 0);
	} else {
		assert_true(*nr <= WEIR_LEAF_MAX);
		assert_true(ref % WEIR_PAGE_UNITS + *nr <= WEIR_PAGE_UNITS);
	}
	return unit(p, ref);
}

/* The first rule that holds the packet, from @from on. */
static __u32 walk(const struct weir_pages *p, const struct weir_fields *f, __u32 from)
{
	const struct weir_ruleset_head *head = &p->page->head;
	__u32 best = WEIR_NO_RULE, tree, i, nr;

	for (tree = 0; tree < head->trees; tree++) {
		const struct weir_box *b = leaf_of(p, head->root[tree], f, &nr);

		for (i = 0; i < nr; i++) {
			assert_true(!i || b[i].rule >= b[i - 1].rule);
			if (b[i].rule < from || b[i].rule >= best || !holds(&b[i], f))
				continue;
			assert_true(b[i].rule >= head->best[tree]);
			best = b[i].rule;
		}
	}
	return best;
}

static __u32 list(const struct weir_fields *f, __u32 nr, __u32 from)
{
	for (__u32 i = from; i < nr; i++)
		if (holds(&boxes[i], f))
			return i;
	return WEIR_NO_RULE;
}

/* --- */

static void make(enum box_kind kind, __u32 nr)
{
	memset(recs, 0, sizeof(recs));
	for (__u32 i = 0; i < nr; i++) {
		box_make(&boxes[i], kind, i, nr);
		recs[i].id = i + 1;
	}
}

static struct weir_pages compile(__u32 nr, __u32 leaf)
{
	struct weir_rules_in in = {.boxes = boxes,
		.nr_boxes = nr,
		.recs = recs,
		.rules = nr,
		.text = "first\nsecond\n",
		.text_len = 13,
		.generation = 7,
		.next_id = 9,
		.leaf = leaf};
	struct weir_pages pages;
	struct weir_err err = {0};

	assert_int_equal(weir_rules_compile(&in, &pages, &err), 0);
	return pages;
}

static void compare(enum box_kind kind, __u32 nr, __u32 packets, __u32 leaf)
{
	struct weir_pages pages = compile(nr, leaf);
	struct weir_fields f;

	for (__u32 i = 0; i < packets; i++) {
		__u32 want, got;

		fields_near(&f, &boxes[rnd_below(nr)]);
		want = list(&f, nr, 0);
		got = walk(&pages, &f, 0);
		if (got != want)
			fail_msg("kind %d, packet %u: rule %d, not %d", kind, i, (int)got,
				(int)want);
	}
	weir_pages_free(&pages);
}

static void compile_keeps_the_first_match(void **state)
{
	static const __u32 sizes[] = {1, 2, 9, 17, 100, RULES};

	(void)state;
	for (int kind = 0; kind < BOX_KIND_COUNT; kind++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			make((enum box_kind)kind, sizes[i]);
			compare((enum box_kind)kind, sizes[i], 2000, 0);
			compare((enum box_kind)kind, sizes[i], 500, 1);
		}
}

/* Rules that count are passed: nothing behind them may be left out. */
static void compile_keeps_what_lies_behind_a_count(void **state)
{
	struct weir_pages pages;
	struct weir_fields f;
	__u32 i, from, rule;

	(void)state;
	for (int kind = 0; kind < BOX_KIND_COUNT; kind++) {
		make((enum box_kind)kind, 500);
		for (i = 0; i < 500; i++) {
			recs[i].verdict = i % 3 ? WEIR_drop : WEIR_count;
			recs[i].limit_ns = i % 3 == 1;
			recs[i].limit_burst = 1;
		}
		pages = compile(500, 0);
		for (i = 0; i < 500; i++) {
			fields_near(&f, &boxes[rnd_below(500)]);
			for (from = 0;; from = rule + 1) {
				rule = list(&f, 500, from);
				assert_int_equal(walk(&pages, &f, from), rule);
				if (rule == WEIR_NO_RULE || rule % 3 == 2)
					break;
			}
		}
		weir_pages_free(&pages);
	}
}

/* One tree where rules have a field in which all are particular, more where some have not. */
static void compile_makes_as_many_trees_as_pay(void **state)
{
	struct weir_pages pages;

	(void)state;
	make(BOX_acl, 10000);
	pages = compile(10000, 0);
	assert_int_equal(pages.page->head.trees, 1);
	weir_pages_free(&pages);
	make(BOX_fw, 10000);
	pages = compile(10000, 0);
	assert_true(pages.page->head.trees > 1);
	weir_pages_free(&pages);
}

static void compile_is_bounded(void **state)
{
	struct weir_pages pages;

	(void)state;
	for (int kind = 0; kind < BOX_KIND_COUNT; kind++) {
		make((enum box_kind)kind, 100000);
		pages = compile(100000, 0);
		assert_true((size_t)pages.nr * WEIR_PAGE <= 100 << 20);
		weir_pages_free(&pages);
	}
}

static void compile_fills_the_head(void **state)
{
	struct weir_pages pages;
	const struct weir_ruleset_head *head;

	(void)state;
	make(BOX_acl, 100);
	recs[3].verdict = WEIR_count;
	recs[4].log = 1;
	recs[5].limit_ns = 1;
	recs[5].limit_burst = 1;
	boxes[6].checks = WEIR_CHECK_STATE;
	pages = compile(100, 0);
	head = &pages.page->head;
	assert_int_equal(head->magic, WEIR_MAGIC);
	assert_int_equal(head->abi, WEIR_ABI);
	assert_int_equal(head->generation, 7);
	assert_int_equal(head->next_id, 9);
	assert_int_equal(head->rules, 100);
	assert_int_equal(head->pages, pages.nr);
	assert_int_equal(
		head->checks, WEIR_COUNTS | WEIR_LOG | WEIR_CHECK_LIMIT | WEIR_CHECK_STATE);
	for (__u32 i = 0; i < 100; i++)
		assert_int_equal(pages.page[head->rec_page + i / WEIR_PAGE_UNITS]
					 .rec[i % WEIR_PAGE_UNITS]
					 .id,
			i + 1);
	assert_memory_equal(pages.page[head->text_page].text, "first\nsecond\n", head->text_len);
	weir_pages_free(&pages);
}

static void compile_takes_no_rules(void **state)
{
	struct weir_rules_in in = {0};
	struct weir_pages pages;

	(void)state;
	assert_int_equal(weir_rules_compile(&in, &pages, NULL), 0);
	assert_int_equal(pages.nr, 1);
	assert_int_equal(pages.page->head.trees, 0);
	weir_pages_free(&pages);
	weir_pages_free(NULL);
}

static void refused(__u32 rules, int error)
{
	struct weir_rules_in in = {.boxes = boxes, .nr_boxes = 10, .recs = recs, .rules = rules};
	struct weir_pages pages = {.nr = 77};
	struct weir_err err = {0};

	assert_int_equal(weir_rules_compile(&in, &pages, &err), error);
	assert_int_equal(pages.nr, 77);
	assert_int_equal(err.status, WEIR_REFUSED);
	make(BOX_acl, 10);
}

static void compile_refuses_what_is_unsound(void **state)
{
	(void)state;
	make(BOX_acl, 10);
	refused(9, -EINVAL);
	boxes[3].rule = 5;
	refused(10, -EINVAL);
	boxes[3].dport[0] = 7;
	boxes[3].dport[1] = 6;
	refused(10, -EINVAL);
	recs[2].limit_ns = 1;
	refused(10, -EINVAL);
	recs[2].limit_ns = 1ULL << 40;
	recs[2].limit_burst = 1U << 31;
	refused(10, -EINVAL);
	refused(WEIR_RULES_MAX + 1, -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compile_keeps_the_first_match),
		cmocka_unit_test(compile_keeps_what_lies_behind_a_count),
		cmocka_unit_test(compile_makes_as_many_trees_as_pay),
		cmocka_unit_test(compile_is_bounded),
		cmocka_unit_test(compile_fills_the_head),
		cmocka_unit_test(compile_takes_no_rules),
		cmocka_unit_test(compile_refuses_what_is_unsound),
	};

	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
