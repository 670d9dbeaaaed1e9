/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs of classify.bpf.c, with a rule set: what tests of the classifier and its bench
 * share. */
#ifndef TESTS_RULESET_H
#define TESTS_RULESET_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <weir/abi.h>
#include <weir/rules.h>

#include "classify.skel.h"
#include "model/compile.h"

/* Loads the programs, with @slots counters for each CPU. NULL with errno where that fails. */
static inline struct classify_bpf *ruleset_open(__u32 slots)
{
	struct classify_bpf *skel = classify_bpf__open();
	int cpus = libbpf_num_possible_cpus();

	if (!skel)
		return NULL;
	skel->rodata_self->self.rule_slots = slots;
	if (cpus > 0 && !bpf_map__set_max_entries(skel->maps.counts, (__u32)cpus * slots) &&
		!classify_bpf__load(skel))
		return skel;
	classify_bpf__destroy(skel);
	return NULL;
}

/* Puts @pages in place as rule set @which. 0 or -errno. */
static inline int ruleset_put(
	struct classify_bpf *skel, __u32 which, const struct weir_pages *pages)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	size_t bytes = (size_t)pages->nr * WEIR_PAGE;
	int fd = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "ruleset", sizeof(__u32), WEIR_PAGE, pages->nr, &opts);
	void *at;
	int error;

	if (fd < 0)
		return -errno;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	error = at == MAP_FAILED ? -errno : 0;
	if (!error) {
		memcpy(at, pages->page, bytes);
		munmap(at, bytes);
		error = bpf_map_update_elem(bpf_map__fd(skel->maps.rulesets), &which, &fd, 0);
	}
	close(fd);
	return error;
}

/* Compiles and puts in place. */
static inline int ruleset_make(struct classify_bpf *skel, __u32 which, const struct weir_box *boxes,
	size_t nr_boxes, const struct weir_rule_rec *recs, __u32 rules)
{
	struct weir_rules_in in = {
		.boxes = boxes, .nr_boxes = nr_boxes, .recs = recs, .rules = rules};
	struct weir_pages pages;
	int error = weir_rules_compile(&in, &pages, NULL);

	if (error)
		return error;
	error = ruleset_put(skel, which, &pages);
	weir_pages_free(&pages);
	return error;
}

#endif
