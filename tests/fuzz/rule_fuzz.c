// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A file of rules, byte for byte: what is taken is printed, and read as the same again. */
#include "fuzz.h"
#include "model/nat.h"

static __u32 ifindex_of(void *ctx, const char *name)
{
	(void)ctx;
	return *name & 1 ? 3 : 4;
}

static int set_of(void *ctx, const char *name, unsigned int bits)
{
	(void)ctx;
	return *name & 1 ? 1 : *name & 2 ? -1 : (int)bits;
}

/* Where it says that something is wrong, there is a line with that place. */
static void check_error(const struct weir_err *err, unsigned int lines)
{
	char caret[WEIR_CARET_MAX], where[300];

	MUST(err->what[0]);
	MUST(err->at.line >= 1 && err->at.line <= lines);
	weir_err_where(err, where, sizeof(where));
	MUST(!strncmp(where, "fuzz:", 5));
	if (!weir_err_caret(err, caret, sizeof(caret)))
		return;
	MUST(err->at.length && strchr(caret, '\n') && strchr(strchr(caret, '\n'), '^'));
	for (const char *c = caret; *c; c++)
		MUST(*c == '\n' || (unsigned char)*c >= ' ');
}

static void check_boxes(const struct weir_rule *rule, __u32 place)
{
	const struct weir_resolve by = {.ifindex_of = ifindex_of, .set_of = set_of};
	struct weir_boxes boxes = {0};
	struct weir_rule_rec rec;
	struct weir_err err;

	if (weir_rule_boxes(rule, place, &by, &boxes, &rec, &err)) {
		weir_boxes_done(&boxes);
		return;
	}
	MUST(boxes.nr >= 1 && boxes.nr <= WEIR_RULE_BOXES_MAX && rec.id == rule->id);
	for (size_t i = 0; i < boxes.nr; i++) {
		const struct weir_box *b = &boxes.list[i];

		MUST(b->src[0] <= b->src[1] && b->dst[0] <= b->dst[1]);
		MUST(b->sport[0] <= b->sport[1] && b->dport[0] <= b->dport[1]);
		MUST(b->rule == place && b->checks == (rec.checks & ~WEIR_DNATS));
	}
	weir_boxes_done(&boxes);
}

static void check_rule(const struct weir_rule *rule)
{
	struct weir_line line = {0};
	struct weir_rule same;
	struct weir_err err;
	char *text, *again;
	int len = weir_rule_text(rule, &text, &err);

	MUST(len > 0 && len < WEIR_LINE_MAX && (size_t)len == strlen(text));
	MUST(!weir_line_split(&line, text, (size_t)len, WEIR_LINE_MAX, &err));
	MUST(!weir_rule_parse(&same, rule->kind, &line, 0, &err));
	MUST(weir_rule_equal(rule, &same) && same.id == rule->id);
	MUST(weir_rule_text(&same, &again, &err) == len && !strcmp(text, again));
	weir_rule_done(&same);
	weir_line_done(&line);
	free(text);
	free(again);
}

static void check_file(enum weir_rule_kind kind, const char *text, size_t size)
{
	struct weir_ruleset_model set = {.kind = kind, .next_id = 5};
	struct weir_err err = {0};
	unsigned int lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	if (weir_ruleset_load(&set, "fuzz", text, size, &err)) {
		MUST(!set.nr && set.next_id == 5 && !set.nr_sets);
		check_error(&err, lines);
		return;
	}
	for (__u32 i = 0; i < set.nr; i++) {
		MUST(set.rules[i].id && set.rules[i].id < set.next_id);
		check_rule(&set.rules[i]);
		check_boxes(&set.rules[i], i);
	}
	weir_ruleset_done(&set);
}

/* Every address that a block is given for is led back to by its ports. */
static void check_blocks(const struct weir_rule *rule)
{
	struct weir_span inside;
	struct weir_block block, back;

	if (!rule->block)
		return;
	inside = rule->src.alts[0].span;
	for (__u64 a = inside.lo; a <= inside.hi && a < inside.lo + 300ull; a++) {
		MUST(weir_block_of(rule, 0xc0000201, (__u32)a, &block));
		MUST(weir_block_at(rule, 0xc0000201, block.outside, block.ports.lo, &back));
		MUST(back.inside == a);
		MUST(weir_block_at(rule, 0xc0000201, block.outside, block.ports.hi, &back));
		MUST(back.inside == a);
	}
}

/* Rules of NAT beside each other, on a host with an address. */
static void check_beside(const char *text, size_t size)
{
	struct weir_own own = {0xc0000201, "eth0", true};
	const struct weir_owns owns = {&own, 1};
	struct weir_ruleset_model set = {.kind = WEIR_RULE_NAT, .owns = &owns};
	struct weir_err err = {0};
	unsigned int lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	if (weir_ruleset_load(&set, "fuzz", text, size, &err)) {
		check_error(&err, lines);
		return;
	}
	for (__u32 i = 0; i < set.nr; i++)
		check_blocks(&set.rules[i]);
	weir_ruleset_done(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);

	check_file(WEIR_RULE_FILTER, text, size);
	check_file(WEIR_RULE_NAT, text, size);
	check_beside(text, size);
	free(text);
	return 0;
}
