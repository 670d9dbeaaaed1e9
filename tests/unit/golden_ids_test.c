// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Ids are positions, and are kept in pinned maps, in scripts and in people's heads: golden_ids.txt
 * pins them. New ones are appended to it by hand; the failure prints the line.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "model/tables.h"
#include "test.h"

static FILE *open_golden(void)
{
	FILE *file = fopen("tests/unit/golden_ids.txt", "r");
	char path[PATH_MAX + 64];
	ssize_t n;

	if (file)
		return file;
	/* run from elsewhere: the program lies in build/tests/unit */
	n = readlink("/proc/self/exe", path, PATH_MAX);
	assert_true(n > 0);
	path[n] = '\0';
	strcpy(strrchr(path, '/'), "/../../../tests/unit/golden_ids.txt");
	return fopen(path, "r");
}

/* The id that the golden file's line would have today, or NULL. */
static const char *name_today(const char *what, unsigned int id, char *buf, size_t size)
{
	if (!strcmp(what, "stage") && id < WEIR_STAGE_COUNT)
		return weir_stage_info[id].name;
	if (!strcmp(what, "fast") && id < WEIR_FAST_STAGE_COUNT)
		return weir_stage_info[weir_fast_to_stage[id]].name;
	if (!strcmp(what, "cause") && id < WEIR_CAUSE_COUNT)
		return weir_cause_info[id].name;
	if (!strcmp(what, "kind") && id < WEIR_KIND_COUNT)
		return weir_kind_info[id].name;
	if (strcmp(what, "exit") || id >= WEIR_EXIT_COUNT)
		return NULL;
	snprintf(buf, size, "%s/%s/%s", weir_stage_info[weir_exit_info[id].stage].name,
		weir_kind_info[weir_exit_info[id].kind].name,
		weir_cause_info[weir_exit_info[id].cause].name);
	return buf;
}

static const char *const lists[] = {"stage", "fast", "cause", "kind", "exit"};

enum { NR_LISTS = sizeof(lists) / sizeof(lists[0]) };

static void ids_are_as_pinned_and_new_ones_are_pinned_too(void **state)
{
	unsigned int next[NR_LISTS] = {0}, id, list, wrong = 0;
	char what[16], name[128], buf[128];
	FILE *file = open_golden();

	(void)state;
	assert_non_null(file);
	while (fscanf(file, "%15s %u %127s", what, &id, name) == 3) {
		const char *today = name_today(what, id, buf, sizeof(buf));

		for (list = 0; list < NR_LISTS && strcmp(lists[list], what); list++)
			;
		assert_in_range(list, 0, NR_LISTS - 1);
		assert_int_equal(id, next[list]++);
		if (today && !strcmp(today, name))
			continue;
		print_error("pinned: %s %u %s; now: %s\n", what, id, name, today ? today : "gone");
		wrong++;
	}
	assert_true(feof(file));
	fclose(file);
	for (list = 0; list < NR_LISTS; list++) {
		for (id = next[list]; name_today(lists[list], id, buf, sizeof(buf)); id++) {
			print_error("append to tests/unit/golden_ids.txt: %s %u %s\n", lists[list],
				id, name_today(lists[list], id, buf, sizeof(buf)));
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void each_name_and_each_exit_is_there_once(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < WEIR_CAUSE_COUNT; i++)
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(weir_cause_info[i].name, weir_cause_info[j].name);
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++)
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(weir_stage_info[i].name, weir_stage_info[j].name);
	for (unsigned int i = 0; i < WEIR_EXIT_COUNT; i++)
		assert_int_equal(
			weir_exit_info[i].stage, weir_fast_to_stage[weir_exit_info[i].fast]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_as_pinned_and_new_ones_are_pinned_too),
		cmocka_unit_test(each_name_and_each_exit_is_there_once),
	};

	return WEIR_RUN(tests);
}
