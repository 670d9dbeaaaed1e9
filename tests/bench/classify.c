// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What it costs to find a packet's rule: ns by BPF_PROG_RUN over 4,096 packets near the rules'
 * borders, less what the same costs without the filter. The least of several runs.
 *
 *	sudo build/bench/classify            trees as they are, and with leaves of 4 and 2, and a list
 *	sudo build/bench/classify KIND...    of some kinds of rules only
 */
#include <stdio.h>
#include <time.h>

#include "../prog/boxes.h"
#include "../prog/ruleset.h"

#define PACKETS 4096
#define RUNS	7
#define LIST	(~0U) /* a leaf that holds all */

static const struct {
	const char *name;
	const char *what;
} kinds[] = {
#define KIND(id, text) {#id, text},
	BOX_KINDS(KIND)
#undef KIND
};

static const __u32 leaves[] = {8, 4, 2, LIST};
static const __u32 sizes[] = {10, 1000, 10000, 100000};

/* ns for a run of @prog, at least. */
static double least(const struct bpf_program *prog, int repeat)
{
	__u8 data[128] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = sizeof(data),
		.repeat = repeat);
	double ns = 1e9;

	for (int i = 0; i < RUNS; i++) {
		if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
			return -1;
		if (opts.duration < ns)
			ns = opts.duration;
	}
	return ns;
}

static double measure(struct classify_bpf *skel, const struct weir_rules_in *in, double *compile_s,
	struct weir_pages *pages)
{
	struct timespec from, to;
	struct weir_fields f;
	__u32 i;

	clock_gettime(CLOCK_MONOTONIC, &from);
	if (weir_rules_compile(in, pages, NULL) || ruleset_put(skel, WEIR_RULESET_filter, pages))
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &to);
	*compile_s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	for (i = 0; i < PACKETS; i++) {
		fields_near(&f, &in->boxes[rnd_below(in->rules)]);
		bpf_map_update_elem(bpf_map__fd(skel->maps.packets), &i, &f, 0);
	}
	return least(skel->progs.bench, in->leaf == LIST && in->rules > 1000 ? 500 : 50000) -
	       least(skel->progs.floor_of_bench, 50000);
}

static void bench(struct classify_bpf *skel, enum box_kind kind, __u32 n)
{
	struct weir_box *boxes = aligned_alloc(64, n * sizeof(*boxes));
	struct weir_rule_rec *recs = aligned_alloc(64, n * sizeof(*recs));
	__u32 i;

	printf("%-8s %7u", kinds[kind].name, n);
	memset(recs, 0, n * sizeof(*recs));
	for (i = 0; i < n; i++) {
		box_make(&boxes[i], kind, i, n);
		recs[i] = (struct weir_rule_rec){.id = i + 1, .slot = i};
	}
	for (i = 0; i < sizeof(leaves) / sizeof(*leaves); i++) {
		struct weir_rules_in in = {
			.boxes = boxes, .nr_boxes = n, .recs = recs, .rules = n, .leaf = leaves[i]};
		struct weir_pages pages = {0};
		double s = 0, ns = measure(skel, &in, &s, &pages);

		if (!i)
			printf(" %6.3f s %6.1f MB %u trees", s, pages.nr * (WEIR_PAGE / 1048576.0),
				pages.page ? pages.page->head.trees : 0);
		printf(" %9.0f", ns);
		weir_pages_free(&pages);
	}
	printf("\n");
	free(boxes);
	free(recs);
}

static bool wanted(int argc, char **argv, const char *kind)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], kind))
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	struct classify_bpf *skel = ruleset_open(WEIR_RULES_MAX);

	if (!skel) {
		fprintf(stderr, "classify: the programs do not load\n");
		return 1;
	}
	printf("rules            compiled, in place      ns: leaves of 8, of 4, of 2, a list\n");
	for (int kind = 0; kind < BOX_KIND_COUNT; kind++)
		for (size_t i = 0; wanted(argc, argv, kinds[kind].name) && i < 4; i++)
			bench(skel, (enum box_kind)kind, sizes[i]);
	classify_bpf__destroy(skel);
	return 0;
}
