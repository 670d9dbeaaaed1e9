// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules, as a user writes them, in the program's maps: as user/ctl puts them there. */
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "model/compile.h"
#include "model/ruleset.h"
#include "prog.h"

static __u32 ifindex_of(void *ctx, const char *name)
{
	(void)ctx;
	return if_nametoindex(name);
}

static int set_of(void *ctx, const char *name, unsigned int bits)
{
	(void)ctx;
	(void)name;
	(void)bits;
	return 0;
}

/* Policies stand behind all rules. */
static __u32 add_policies(const struct weir_ruleset_model *model, struct weir_rule_rec *recs,
	struct weir_box *boxes, size_t *nr_boxes)
{
	__u32 nr = 0;

	for (__u32 i = 0; i < model->nr_policies; i++) {
		const struct weir_policy *p = &model->policies[i];
		__u32 dev = if_nametoindex(p->dev), place = model->nr + nr++;

		assert_true(dev);
		boxes[(*nr_boxes)++] = (struct weir_box){.src[1] = ~0U,
			.dst[1] = ~0U,
			.sport[1] = ~0U,
			.dport[1] = ~0U,
			.proto[1] = 255,
			.iif = p->out ? 0 : dev,
			.oif = p->out ? dev : 0,
			.rule = place};
		recs[place] = (struct weir_rule_rec){.slot = place,
			.verdict = (__u8)p->verdict,
			.to = {p->out ? 0 : dev, p->out ? dev : 0}};
	}
	return nr;
}

static void put(
	const struct prog *p, enum weir_ruleset ruleset, const struct weir_pages *pages)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	size_t bytes = (size_t)pages->nr * WEIR_PAGE;
	int fd = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "ruleset", sizeof(__u32), WEIR_PAGE, pages->nr, &opts);
	__u32 which = ruleset;
	void *at;

	assert_true(fd >= 0);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	memcpy(at, pages->page, bytes);
	munmap(at, bytes);
	prog_put(p, "rulesets", &which, &fd);
	close(fd);
}

void prog_rules(struct prog *p, const char *text, struct weir_ruleset_model *model)
{
	*model = (struct weir_ruleset_model){.kind = WEIR_RULE_FILTER};
	prog_rules_of(p, text, model);
}

void prog_rules_of(struct prog *p, const char *text, struct weir_ruleset_model *model)
{
	const struct weir_resolve by = {.ifindex_of = ifindex_of, .set_of = set_of};
	struct weir_boxes boxes = {0};
	struct weir_rule_rec *recs;
	struct weir_box *all;
	struct weir_pages pages;
	struct weir_err err = {0};
	size_t nr;
	__u32 policies;

	if (weir_ruleset_load(model, "rules", text, strlen(text), &err))
		fail_msg("%u:%u: %s", err.at.line, err.at.column, err.what);
	recs = aligned_alloc(64, (model->nr + model->nr_policies + 1) * sizeof(*recs));
	assert_non_null(recs);
	for (__u32 i = 0; i < model->nr; i++) {
		if (weir_rule_boxes(&model->rules[i], i, &by, &boxes, &recs[i], &err))
			fail_msg("%s", err.what);
		recs[i].slot = i;
	}
	nr = boxes.nr;
	all = aligned_alloc(64, (nr + model->nr_policies + 1) * sizeof(*all));
	assert_non_null(all);
	if (nr)
		memcpy(all, boxes.list, nr * sizeof(*all));
	policies = add_policies(model, recs, all, &nr);
	assert_in_range(model->nr + policies, 0, PROG_SLOTS);
	assert_int_equal(weir_rules_compile(&(struct weir_rules_in){.boxes = all,
						    .nr_boxes = nr,
						    .recs = recs,
						    .rules = model->nr + policies,
						    .policies = policies},
				 &pages, &err),
		0);
	put(p, model->kind == WEIR_RULE_NAT ? WEIR_RULESET_nat : WEIR_RULESET_filter, &pages);
	p->ctl->generation++;
	weir_pages_free(&pages);
	weir_boxes_done(&boxes);
	free(all);
	free(recs);
}

void prog_counted(const struct prog *p, struct weir_rule_count count[PROG_SLOTS])
{
	struct weir_rule_count one;
	int fd = bpf_object__find_map_fd_by_name(p->obj, "counts");

	memset(count, 0, PROG_SLOTS * sizeof(*count));
	for (__u32 i = 0; i < p->cpus * PROG_SLOTS; i++) {
		assert_int_equal(bpf_map_lookup_elem(fd, &i, &one), 0);
		count[i % PROG_SLOTS].packets += one.packets;
		count[i % PROG_SLOTS].bytes += one.bytes;
	}
}

void prog_uncount(const struct prog *p)
{
	struct weir_rule_count none = {0};

	for (__u32 i = 0; i < p->cpus * PROG_SLOTS; i++)
		prog_put(p, "counts", &i, &none);
}
