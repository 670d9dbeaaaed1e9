// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules and sets, as text and as JSON. */
#include <stdio.h>

#include "model/ruleset.h"
#include "out/doc.h"
#include "test.h"

static char *print(json_t *doc, weir_text_fn *text, bool json)
{
	struct weir_face face = {.json = json};
	struct weir_err err;
	char *output;
	size_t size;

	face.file = open_memstream(&output, &size);
	assert_int_equal(weir_show(&face, doc, text, &err), 0);
	fclose(face.file);
	return output;
}

static void must_load(struct weir_ruleset_model *set, const char *text)
{
	struct weir_err err;

	if (weir_ruleset_load(set, "test", text, strlen(text), &err))
		fail_msg("%s", err.what);
}

static void filter_shows_rules_counters_and_policies(void **state)
{
	const struct weir_rule_count counts[] = {{7, 420}, {0, 0}};
	struct weir_ruleset_model set = {0};
	char *text;

	(void)state;
	must_load(&set, "in dev eth0 proto udp dport 53 drop log comment \"dns \\\"x\\\"\"\n"
			"id 9 accept\npolicy in dev eth0 drop\npolicy out dev eth0 accept\n");
	text = print(weir_doc_rules(&set, counts), weir_text_rules, false);
	assert_string_equal(text,
		"at  id  packets  bytes  rule\n"
		" 1  10        7    420  in dev eth0 proto udp dport 53 drop log comment \"dns "
		"\\\"x\\\"\"\n"
		" 2   9        0      0  accept\n"
		"\n"
		"policy in dev eth0 drop\n"
		"policy out dev eth0 accept\n");
	free(text);
	text = print(weir_doc_rules(&set, counts), weir_text_rules, true);
	assert_string_equal(text,
		"{\"version\":1,\"ruleset\":\"filter\",\"rules\":[{\"position\":1,\"id\":10,"
		"\"rule\":\"in dev eth0 proto udp dport 53 drop log comment \\\"dns "
		"\\\\\\\"x\\\\\\\"\\\"\",\"verdict\":\"drop\",\"comment\":\"dns \\\"x\\\"\","
		"\"packets\":7,\"bytes\":420},{\"position\":2,\"id\":9,\"rule\":\"accept\","
		"\"verdict\":\"accept\",\"comment\":null,\"packets\":0,\"bytes\":0}],"
		"\"policies\":[{\"device\":\"eth0\",\"direction\":\"in\",\"verdict\":\"drop\"},"
		"{\"device\":\"eth0\",\"direction\":\"out\",\"verdict\":\"accept\"}]}\n");
	free(text);
	weir_ruleset_done(&set);
}

static void nat_shows_its_kinds_and_no_policies(void **state)
{
	const struct weir_rule_count counts[] = {{1, 60}};
	struct weir_ruleset_model set = {.kind = WEIR_RULE_NAT};
	char *text;

	(void)state;
	text = print(weir_doc_rules(&set, NULL), weir_text_rules, false);
	assert_string_equal(text, "no rules; to add one: weir nat add ...\n");
	free(text);
	must_load(&set, "masquerade out dev eth0\n");
	text = print(weir_doc_rules(&set, counts), weir_text_rules, true);
	assert_string_equal(text,
		"{\"version\":1,\"ruleset\":\"nat\",\"rules\":[{\"position\":1,\"id\":1,\"rule\":"
		"\"masquerade out dev eth0\",\"nat\":\"masquerade\",\"comment\":null,"
		"\"packets\":1,\"bytes\":60}]}\n");
	free(text);
	weir_ruleset_done(&set);
}

static void a_rule_too_long_for_a_table_says_that_it_is_cut(void **state)
{
	const struct weir_rule_count counts[1] = {0};
	struct weir_ruleset_model set = {0};
	char line[2000] = "proto udp drop dport 1", *text;

	(void)state;
	for (int i = 3; i < 600; i += 2)
		sprintf(line + strlen(line), ",%d", i);
	must_load(&set, line);
	text = print(weir_doc_rules(&set, counts), weir_text_rules, false);
	assert_non_null(strstr(text, " bytes: -j shows all)\n"));
	free(text);
	text = print(weir_doc_rules(&set, counts), weir_text_rules, true);
	assert_non_null(strstr(text, ",599 drop\""));
	free(text);
	weir_ruleset_done(&set);
}

static void sets_are_listed_and_one_is_shown_whole(void **state)
{
	struct weir_ruleset_model set = {0};
	char *text;

	(void)state;
	text = print(weir_doc_sets(NULL, 0, NULL), weir_text_sets, false);
	assert_string_equal(text, "no sets; to make one: weir set add NAME ELEM[,..]\n");
	free(text);
	must_load(&set, "set add bad 192.0.2.0/24,198.51.100.1,203.0.113.1-203.0.113.6\n"
			"set add web 80,443,8000-8010,1,2\n");
	text = print(weir_doc_sets(set.sets, set.nr_sets, NULL), weir_text_sets, false);
	assert_string_equal(text, "set  of         elements\n"
				  "bad  addresses         3\n"
				  "web  ports             5\n");
	free(text);
	text = print(weir_doc_sets(set.sets, set.nr_sets, "web"), weir_text_sets, false);
	assert_string_equal(text, "web: 5 ports\n80  443  8000-8010  1\n2\n");
	free(text);
	text = print(weir_doc_sets(set.sets, set.nr_sets, "bad"), weir_text_sets, true);
	assert_string_equal(text,
		"{\"version\":1,\"sets\":[{\"name\":\"bad\",\"type\":\"addresses\",\"count\":3,"
		"\"elements\":[\"192.0.2.0/"
		"24\",\"198.51.100.1\",\"203.0.113.1-203.0.113.6\"]}]}\n");
	free(text);
	weir_ruleset_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_shows_rules_counters_and_policies),
		cmocka_unit_test(nat_shows_its_kinds_and_no_policies),
		cmocka_unit_test(a_rule_too_long_for_a_table_says_that_it_is_cut),
		cmocka_unit_test(sets_are_listed_and_one_is_shown_whole),
	};

	return WEIR_RUN(tests);
}
