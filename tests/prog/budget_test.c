// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the verifier must walk of each program. It gives up at 1,000,000 instructions, kernels differ
 * in how soon they see that two paths are the same, and a program grows: so half of it is the budget.
 * Each object in bpf/ is loaded as it was built, so a new one needs no line here; but for probe.bpf.c,
 * whose programs do nothing and are there to be refused by kernels that lack what they use.
 */
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ctl/kernel_priv.h"
#include "prog.h"

#define BUDGET 500000

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

/* bpf/NAME.bpf.c -> BUILD/bpf/NAME.bpf.o, where this is BUILD/tests/prog/budget_test. */
static void object_of(const char *source, char path[PATH_MAX])
{
	char self[PATH_MAX / 2] = "", copy[PATH_MAX / 2];
	char *name;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(copy, sizeof(copy), "%s", source);
	name = basename(copy);
	assert_true(snprintf(path, PATH_MAX, "%s/../../bpf/%.*so", dirname(self),
			    (int)strlen(name) - 1, name) < PATH_MAX);
}

static struct bpf_object *opened(const char *source)
{
	char path[PATH_MAX];
	struct bpf_object *obj;

	object_of(source, path);
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	return obj;
}

/* Programs within the budget are counted in @good. */
static void judge(const char *source, struct bpf_object *obj, unsigned int *good)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (!bpf_program__autoload(p))
			continue;
		assert_int_equal(bpf_prog_get_info_by_fd(bpf_program__fd(p), &info, &len), 0);
		print_message("# %s: %s: %u of %u instructions walked\n", source,
			bpf_program__name(p), info.verified_insns, BUDGET);
		assert_in_range(info.verified_insns, 1, BUDGET - 1);
		++*good;
	}
}

enum { RULES = 1, SESSIONS = 2, DRY = 4, WAYS = 5 };

/* As it is loaded for a device: whether rules are asked decides what of the program is left; and in the last
 * way for 'weir explain', which leaves another part. False: it has no such settings. */
static bool set_self(struct bpf_object *obj, unsigned int asked)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata.self");
	size_t size;
	struct weir_self *self = map ? bpf_map__initial_value(map, &size) : NULL;

	if (!self)
		return false;
	assert_int_equal(size, sizeof(*self));
	self->queues = self->rule_slots = 1;
	self->dry = asked == DRY;
	self->filter = self->dry || asked & RULES;
	self->track = self->dry || asked & SESSIONS;
	return true;
}

static void programs_stay_within_half_of_what_the_verifier_walks(void **state)
{
	unsigned int good = 0, refused = 0;
	glob_t sources;
	size_t i;

	(void)state;
	assert_int_equal(glob("bpf/*.bpf.c", 0, NULL, &sources), 0);
	for (i = 0; i < sources.gl_pathc; i++) {
		unsigned int asked, ways = 1;

		if (!strcmp(sources.gl_pathv[i], "bpf/probe.bpf.c"))
			continue;
		for (asked = 0; asked < ways; asked++) {
			struct bpf_object *obj = opened(sources.gl_pathv[i]);

			ways = set_self(obj, asked) ? WAYS : 1;
			weir_k_fit(obj); /* as the kernel plane's are loaded */
			if (bpf_object__load(obj)) {
				print_message("# %s: this kernel refuses it, asked %u\n",
					sources.gl_pathv[i], asked);
				refused++;
			} else {
				judge(sources.gl_pathv[i], obj, &good);
			}
			bpf_object__close(obj);
		}
	}
	globfree(&sources);
	assert_int_equal(refused, 0);
	assert_true(good >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_stay_within_half_of_what_the_verifier_walks),
	};

	libbpf_set_print(quiet);
	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
