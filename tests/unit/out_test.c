// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <limits.h>

#include "model/tables.h"
#include "out/doc.h"
#include "test.h"

static struct weir_dev_snapshot dev;
static struct weir_snapshot snap;

/* Every counter another number, so that a swapped pair shows. */
static int setup(void **state)
{
	__u64 *cells = (__u64 *)weir_row_cells(&dev.total);

	(void)state;
	memset(&dev, 0, sizeof(dev));
	for (unsigned int i = 0; i < weir_row_nr_cells(); i++)
		cells[i] = 1000 + 7 * i;
	strcpy(dev.name, "eth0");
	dev.conf.ifindex = 2;
	dev.lat.xdp.bucket[weir_hist_bucket(40)] = 3;
	dev.lat.xdp.max_ns = 41;
	snap = (struct weir_snapshot){.time_ns = 1, .nr_devs = 1, .devs = &dev};
	return 0;
}

static char *print(json_t *doc, weir_text_fn *text, bool json, bool utf8, bool color)
{
	struct weir_face face = {.json = json, .utf8 = utf8, .color = color};
	struct weir_err err;
	char *output;
	size_t size;

	face.file = open_memstream(&output, &size);
	assert_int_equal(weir_show(&face, doc, text, &err), 0);
	fclose(face.file);
	return output;
}

/* The row of the table that starts with @name, cut into words. */
static void row_of(char *text, const char *name, char *words[16])
{
	char *line = strstr(text, name);
	unsigned int n = 0;

	assert_non_null(line);
	line[strcspn(line, "\n")] = '\0';
	for (char *w = strtok(line, " "); w && n < 15; w = strtok(NULL, " "))
		words[n++] = w;
	while (n < 16)
		words[n++] = NULL;
}

static void text_and_json_of_a_path_tell_the_same_numbers(void **state)
{
	static const char *const keys[] = {"packets", "bytes", "drops", "passed", "punted"};
	char *json = print(weir_doc_path(&snap, NULL), weir_text_path, true, true, false);
	json_t *doc = json_loads(json, 0, NULL), *stages, *stage;
	struct weir_stage_sum sum[WEIR_FAST_STAGE_COUNT] = {0};
	enum weir_fast_stage fast = 0;
	size_t i;

	(void)state;
	weir_stages_add(&dev.total, WEIR_HOOK_xdp, sum);
	assert_int_equal(weir_get_int(doc, "version"), 1);
	stages = json_object_get(json_array_get(json_object_get(doc, "devices"), 0), "stages");
	json_array_foreach (stages, i, stage) {
		char *text = print(weir_doc_path(&snap, NULL), weir_text_path, false, true, false);
		char name[64], *words[16];

		while (!weir_hook_crosses(WEIR_HOOK_xdp, fast))
			fast++;
		assert_int_equal(weir_get_int(stage, "packets"), sum[fast].packets);
		assert_int_equal(weir_get_int(stage, "bytes"), sum[fast].bytes);
		assert_int_equal(weir_get_int(stage, "drops"), sum[fast].drops);
		assert_int_equal(weir_get_int(stage, "passed"), sum[fast].passed);
		assert_int_equal(weir_get_int(stage, "punted"), sum[fast].punted);
		fast++;
		snprintf(name, sizeof(name), "\n%s ", weir_get_text(stage, "stage"));
		row_of(strstr(text, name) + 1, name + 1, words);
		for (unsigned int k = 0; k < 5; k++) {
			long long number = weir_get_int(stage, keys[k]);

			if (number)
				assert_int_equal(strtoll(words[k + 1], NULL, 10), number);
			else
				assert_string_equal(words[k + 1], "·");
		}
		free(text);
	}
	assert_int_equal(fast, WEIR_FAST_STAGE_COUNT);
	json_decref(doc);
	free(json);
}

static void ledger_text_and_json_tell_the_same_numbers(void **state)
{
	static const char *const keys[] = {
		"in", "delivered", "out", "dropped", "in_flight", "lost", "residual"};
	char *json = print(weir_doc_ledger(&snap, NULL), weir_text_ledger, true, true, false);
	char *text = print(weir_doc_ledger(&snap, NULL), weir_text_ledger, false, true, false);
	json_t *doc = json_loads(json, 0, NULL);
	json_t *row = json_array_get(json_object_get(doc, "devices"), 0);
	char *words[16];

	(void)state;
	assert_false(json_is_true(json_object_get(doc, "balanced")));
	row_of(text, "eth0", words);
	for (unsigned int k = 0; k < 7; k++) {
		if (weir_get_int(row, keys[k]))
			assert_int_equal(
				strtoll(words[k + 2], NULL, 10), weir_get_int(row, keys[k]));
		else
			assert_string_equal(words[k + 2], "·");
	}
	json_decref(doc);
	free(text);
	free(json);
}

static void drops_add_up_to_the_ledgers(void **state)
{
	char *json = print(weir_doc_drops(&snap, "eth0"), weir_text_drops, true, true, false);
	json_t *doc = json_loads(json, 0, NULL), *list, *item;
	json_t *device = json_array_get(json_object_get(doc, "devices"), 0);
	struct weir_ledger ledger;
	json_int_t sum = 0, last = LLONG_MAX;
	size_t i;

	(void)state;
	weir_ledger_of(&dev, &ledger);
	list = json_object_get(device, "drops");
	json_array_foreach (list, i, item) {
		sum += weir_get_int(item, "packets");
		assert_true(weir_get_int(item, "packets") <= last);
		last = weir_get_int(item, "packets");
		assert_string_not_equal(weir_get_text(item, "remedy"), "");
		if (!strcmp(weir_get_text(item, "kind"), "late"))
			assert_true(json_is_null(json_object_get(item, "bytes")));
	}
	assert_int_equal(sum, ledger.dropped);
	assert_int_equal(weir_get_int(device, "packets"), ledger.dropped);
	json_decref(doc);
	free(json);
}

static void nothing_is_a_dot_in_the_locales_letters(void **state)
{
	char *utf8, *ascii;

	(void)state;
	memset(&dev.total, 0, sizeof(dev.total));
	utf8 = print(weir_doc_path(&snap, NULL), weir_text_path, false, true, false);
	ascii = print(weir_doc_path(&snap, NULL), weir_text_path, false, false, false);
	assert_non_null(strstr(utf8, "·"));
	assert_null(strstr(ascii, "·"));
	for (const char *p = ascii; *p; p++)
		assert_true((unsigned char)*p < 0x80);
	free(utf8);
	free(ascii);
}

/* Columns on the screen of each line of a table. */
static void columns_line_up(void **state)
{
	char *text = print(weir_doc_dev(&snap, NULL), weir_text_dev, false, true, false);
	char *second = strchr(text, '\n') + 1;

	(void)state;
	assert_int_equal(strstr(text, "state") - text, strstr(second, "attached") - second);
	free(text);
}

static void colour_is_for_trouble_and_only_when_asked(void **state)
{
	char *plain, *color;

	(void)state;
	plain = print(weir_doc_dev(&snap, NULL), weir_text_dev, false, true, false);
	assert_null(strchr(plain, '\033'));
	free(plain);
	color = print(weir_doc_dev(&snap, NULL), weir_text_dev, false, true, true);
	assert_null(strstr(color, "\033[1;31m"));
	free(color);
	dev.detached = true;
	color = print(weir_doc_dev(&snap, NULL), weir_text_dev, false, true, true);
	assert_non_null(strstr(color, "\033[1;31mreplaced\033[0m"));
	free(color);
	dev.gone = true;
	color = print(weir_doc_dev(&snap, NULL), weir_text_dev, true, true, true);
	assert_null(strchr(color, '\033'));
	assert_non_null(strstr(color, "device gone"));
	free(color);
}

static void names_cannot_steer_a_terminal_or_break_json(void **state)
{
	char *text;
	json_t *doc;

	(void)state;
	strcpy(dev.name, "a\033[2J");
	text = print(weir_doc_path(&snap, NULL), weir_text_path, false, true, false);
	assert_null(strchr(text, '\033'));
	free(text);
	strcpy(dev.name, "x\xff\xfe");
	text = print(weir_doc_dev(&snap, NULL), weir_text_dev, true, true, false);
	doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	json_decref(doc);
	free(text);
}

static void latency_of_no_sample_is_null_not_zero(void **state)
{
	json_t *doc = weir_doc_latency(&dev.lat.ip_rcv);

	(void)state;
	assert_int_equal(weir_get_int(doc, "samples"), 0);
	assert_true(json_is_null(json_object_get(doc, "p50_ns")));
	json_decref(doc);
	doc = weir_doc_latency(&dev.lat.xdp);
	assert_int_equal(weir_get_int(doc, "samples"), 3);
	assert_int_equal(weir_get_int(doc, "max_ns"), 41);
	json_decref(doc);
}

static void large_counts_stay_positive_numbers(void **state)
{
	(void)state;
	assert_int_equal(weir_json_int(1ull << 62), 1ll << 62);
	assert_int_equal(weir_json_int(~0ull), LLONG_MAX);
}

static void reset_devices_have_no_rates(void **state)
{
	struct weir_trouble trouble;
	struct weir_drops drops = {0};
	struct weir_delta delta;
	char *text, *json;
	json_t *doc;

	(void)state;
	assert_int_equal(weir_delta_init(&delta, NULL, &snap), 0);
	assert_int_equal(weir_drops_follow(&drops, &snap, &delta, 60), 0);
	weir_trouble_follow(&trouble, &delta, 60, true);
	json = print(weir_doc_top(&snap, &delta, &trouble, &drops, "", 60), weir_text_top, true, true, false);
	text = print(weir_doc_top(&snap, &delta, &trouble, &drops, "", 60), weir_text_top, false, true, false);
	doc = json_loads(json, 0, NULL);
	assert_true(json_is_null(json_object_get(doc, "in_pps")));
	assert_non_null(strstr(text, "in ·"));
	assert_non_null(strstr(text, "eth0: new"));
	json_decref(doc);
	weir_drops_done(&drops);
	free(text);
	free(json);
	weir_delta_done(&delta);
}

static void coverage_names_every_stage(void **state)
{
	char *text = print(weir_doc_coverage(NULL), weir_text_coverage, false, true, false);
	unsigned int lines = 0;

	(void)state;
	assert_non_null(strstr(text, "not observed in this version: the stack"));
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, WEIR_STAGE_COUNT + 2);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_and_json_of_a_path_tell_the_same_numbers),
		TEST(ledger_text_and_json_tell_the_same_numbers),
		TEST(drops_add_up_to_the_ledgers),
		TEST(nothing_is_a_dot_in_the_locales_letters),
		TEST(columns_line_up),
		TEST(colour_is_for_trouble_and_only_when_asked),
		TEST(names_cannot_steer_a_terminal_or_break_json),
		TEST(latency_of_no_sample_is_null_not_zero),
		TEST(large_counts_stay_positive_numbers),
		TEST(reset_devices_have_no_rates),
		TEST(coverage_names_every_stage),
	};

	return WEIR_RUN(tests);
}
