// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where the kernel's counters stood, kept in a map: of two namespaces of this test's own. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <weir/kbase.h>

#include "ctl/kernel_counters.h"
#include "prog.h"

static int places[2] = {-1, -1};

static int setup(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		if (unshare(CLONE_NEWNET) || net_ip("link set lo up"))
			return -1;
		places[i] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (places[i] < 0)
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(places[0]);
	close(places[1]);
	return 0;
}

static void look(struct weir_kreading *r, unsigned int place)
{
	struct weir_err err = {};

	if (weir_kcounters_read_in(places[place], r, &err))
		fail_msg("%s", err.what);
}

static int new_map(__u32 entries)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "kbase", sizeof(struct weir_kbase_key),
		sizeof(__u64), entries, NULL);

	assert_true(fd >= 0);
	return fd;
}

static void same(const struct weir_kreading *a, const struct weir_kreading *b)
{
	unsigned int nr = 0;

	assert_int_equal(a->netns, b->netns);
	assert_int_equal(a->time_ns, b->time_ns);
	assert_int_equal(a->sources, b->sources);
	for (unsigned int i = 0; i < a->nr; i++) {
		const struct weir_kvalue *v = &a->value[i], *w;

		if (weir_kcounter_info[v->counter].what == WEIR_KWHAT_level)
			continue;
		w = weir_kreading_find(b, v->counter, v->queue, v->scope);
		assert_non_null(w);
		assert_int_equal(v->value, w->value);
		nr++;
	}
	assert_int_equal(nr, b->nr);
}

static void a_baseline_is_as_it_was_saved(void **state)
{
	struct weir_kreading r[2], back;
	struct weir_err err = {};
	int map = new_map(16384);
	__u32 lost = 7;

	(void)state;
	look(&r[0], 0);
	look(&r[1], 1);
	assert_int_equal(weir_kbase_load(map, r[0].netns, &back, &err), -ENOENT);
	for (unsigned int n = 0; n < 2; n++)
		assert_int_equal(weir_kbase_save(map, &r[n], &lost, &err), 0);
	assert_int_equal(lost, 0);
	/* another time, in place of what there was */
	r[0].nr -= 20;
	r[0].value[0].value++;
	assert_int_equal(weir_kbase_save(map, &r[0], &lost, &err), 0);
	for (unsigned int n = 0; n < 2; n++) {
		assert_int_equal(weir_kbase_load(map, r[n].netns, &back, &err), 0);
		same(&r[n], &back);
		weir_kreading_done(&back);
	}
	assert_int_equal(weir_kbase_forget(map, r[0].netns, &err), 0);
	assert_int_equal(weir_kbase_load(map, r[0].netns, &back, &err), -ENOENT);
	assert_int_equal(weir_kbase_load(map, r[1].netns, &back, &err), 0);
	weir_kreading_done(&back);
	weir_kreading_done(&r[0]);
	weir_kreading_done(&r[1]);
	close(map);
}

static void a_full_map_is_counted(void **state)
{
	struct weir_kreading r, back;
	struct weir_err err = {};
	int map = new_map(40);
	__u32 lost;

	(void)state;
	look(&r, 0);
	assert_int_equal(weir_kbase_save(map, &r, &lost, &err), 0);
	assert_true(lost > 0);
	assert_int_equal(weir_kbase_load(map, r.netns, &back, &err), 0);
	assert_int_equal(back.lost, lost);
	assert_int_equal(back.time_ns, r.time_ns);
	assert_int_equal(back.nr, 36); /* four tell of the baseline itself */
	weir_kreading_done(&back);
	weir_kreading_done(&r);
	close(map);
}

static void another_versions_baseline_is_not_taken(void **state)
{
	struct weir_kbase_key key = {.counter = WEIR_KBASE_LAYOUT};
	struct weir_kreading r, back;
	struct weir_err err = {};
	int map = new_map(16384);
	__u64 other = weir_kcounter_layout() + 1;
	__u32 lost;

	(void)state;
	look(&r, 0);
	assert_int_equal(weir_kbase_save(map, &r, &lost, &err), 0);
	key.netns = r.netns;
	assert_int_equal(bpf_map_update_elem(map, &key, &other, BPF_EXIST), 0);
	assert_int_equal(weir_kbase_load(map, r.netns, &back, &err), -ESTALE);
	weir_kreading_done(&r);
	close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_baseline_is_as_it_was_saved),
		cmocka_unit_test(a_full_map_is_counted),
		cmocka_unit_test(another_versions_baseline_is_not_taken),
	};

	return net_allowed() ? cmocka_run_group_tests_name("kernel_base", tests, setup, teardown)
			     : 0;
}
