// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "model/ruleset.h"
#include "rule_text.h"

static int load(struct weir_ruleset_model *set, const char *text, struct weir_err *err)
{
	return weir_ruleset_load(set, "rules.txt", text, strlen(text), err);
}

static int add(struct weir_ruleset_model *set, const char *typed, struct weir_err *err)
{
	struct weir_rule rule;
	int ret;

	must_parse(&rule, set->kind, typed);
	ret = weir_ruleset_add(set, &rule, err);
	weir_rule_done(&rule);
	return ret;
}

static void check_ids(const struct weir_ruleset_model *set, const char *ids)
{
	char text[256] = "";

	for (__u32 i = 0; i < set->nr; i++)
		sprintf(text + strlen(text), "%s%u", i ? " " : "", set->rules[i].id);
	assert_string_equal(text, ids);
}

static void rules_keep_their_ids_where_they_stand(void **state)
{
	struct weir_ruleset_model set = {0};
	struct weir_err err = {0};

	(void)state;
	assert_int_equal(add(&set, "drop", &err), 0);
	assert_int_equal(add(&set, "accept", &err), 0);
	assert_int_equal(add(&set, "at 1 count", &err), 0);
	assert_int_equal(add(&set, "id 9 at 2 count", &err), 0);
	check_ids(&set, "3 9 1 2");
	assert_int_equal(weir_ruleset_delete(&set, 9, &err), 0);
	assert_int_equal(weir_ruleset_delete(&set, 2, &err), 0);
	assert_int_equal(add(&set, "at 3 count", &err), 0);
	check_ids(&set, "3 1 10");
	assert_int_equal(weir_ruleset_find(&set, 10), 2);
	assert_int_equal(weir_ruleset_find(&set, 9), -1);

	assert_int_not_equal(add(&set, "at 5 count", &err), 0);
	assert_string_equal(err.what, "position 5 of 3 rules: 1 to 4");
	assert_int_not_equal(add(&set, "id 3 count", &err), 0);
	assert_string_equal(err.what, "there is a rule 3 already");
	assert_int_not_equal(weir_ruleset_delete(&set, 9, &err), 0);
	assert_string_equal(err.what, "there is no filter rule 9");
	assert_int_equal(err.status, WEIR_NOT_FOUND);
	check_ids(&set, "3 1 10");
	weir_ruleset_flush(&set);
	assert_int_equal(set.nr, 0);
	assert_int_equal(add(&set, "drop", &err), 0);
	check_ids(&set, "11");
	weir_ruleset_done(&set);
}

static void a_file_holds_rules_policies_and_sets(void **state)
{
	struct weir_ruleset_model set = {.next_id = 5};
	struct weir_err err = {0};
	const struct weir_set *bad;

	(void)state;
	if (load(&set,
		    "# a file\n\nset add bad 192.0.2.1,198.51.100.1-198.51.100.2\n"
		    "  filter add in dev eth0 src @bad drop # why\r\n"
		    "set add bad 203.0.113.0/24\nset add web 80,443\n"
		    "policy in dev eth0 punt\npolicy out dev eth0 accept\n"
		    "id 7 accept\ncount",
		    &err))
		fail_msg("%s", err.what);
	check_ids(&set, "8 7 9");
	assert_int_equal(set.next_id, 10);
	assert_int_equal(set.nr_policies, 2);
	assert_int_equal(set.policies[0].verdict, WEIR_punt);
	assert_true(set.policies[1].out);
	assert_int_equal(set.nr_sets, 2);
	bad = weir_ruleset_set(&set, "bad");
	assert_non_null(bad);
	assert_int_equal(bad->bits, 32);
	assert_int_equal(bad->nr, 3);
	assert_int_equal(bad->prefixes, 4);
	assert_int_equal(bad->elems[2].hi, 0xcb0071ff);
	assert_int_equal(weir_ruleset_set(&set, "web")->bits, 16);
	assert_null(weir_ruleset_set(&set, "none"));
	/* another file takes its place */
	assert_int_equal(load(&set, "drop\n", &err), 0);
	check_ids(&set, "10");
	assert_int_equal(set.nr_sets, 0);
	weir_ruleset_done(&set);
}

static void a_wrong_line_changes_nothing_and_is_named(void **state)
{
	static const struct {
		const char *text, *where, *what, *caret;
	} bad[] = {
		{"drop\n\nin dev eth0 proto udp dport 53,300000 accept\n", "rules.txt:3:32",
			"'300000' is no port: 0 to 65535",
			"    in dev eth0 proto udp dport 53,300000 accept\n"
			"                                   ^~~~~~"},
		{"filter add\tdorp", "rules.txt:1:12", "unknown word 'dorp': did you mean 'drop'?",
			"    filter add dorp\n               ^~~~"},
		{"filter drop\n", "rules.txt:1:1", "'filter' and 'nat' need 'add' in a file",
			"    filter drop\n    ^~~~~~"},
		{"at 1 drop\n", "rules.txt:1:1",
			"'at' in a file: the order of its lines is the order of rules",
			"    at 1 drop\n    ^~"},
		{"id 3 drop\ndrop\n\tid 3 accept \r\n", "rules.txt:3:2",
			"id 3 is that of line 1 already", "     id 3 accept\n     ^~~~~~~~~~~"},
		{"policy in dev eth0 reject\n", "rules.txt:1:20",
			"'reject' is no policy: accept, drop or punt",
			"    policy in dev eth0 reject\n                       ^~~~~~"},
		{"policy dev eth0 drop\n", "rules.txt:1:8", "'dev' is no direction: in or out",
			"    policy dev eth0 drop\n           ^~~"},
		{"policy in dev eth0 drop drop\n", "rules.txt:1:25", "'drop' behind the policy",
			"    policy in dev eth0 drop drop\n                            ^~~~"},
		{"policy in dev e drop\npolicy in dev e drop\n", "rules.txt:2:1",
			"a second policy of this device and direction",
			"    policy in dev e drop\n    ^~~~~~"},
		{"set del x 1\n", "rules.txt:1:5", "'set' in a file needs 'add'",
			"    set del x 1\n        ^~~"},
		{"set add x 192.0.2.1,53\n", "rules.txt:1:21", "'53' among addresses",
			"    set add x 192.0.2.1,53\n                        ^~"},
		{"set add x 53\nset add x 192.0.2.1\n", "rules.txt:2:11",
			"addresses, and the set holds ports",
			"    set add x 192.0.2.1\n              ^~~~~~~~~"},
		{"set add x @y\n", "rules.txt:1:11", "'@y': a set holds no sets",
			"    set add x @y\n              ^~"},
		{"set add x 1, 2\n", "rules.txt:1:13", "a comma without an element beside it",
			"    set add x 1, 2\n                ^"},
		{"drop \x7f\x45LF\x02\n", "rules.txt:1:6", "byte 0x7f: a line is text",
			"    drop ?ELF?\n         ^"},
		{"snat out dev eth0 to 192.0.2.1\n", "rules.txt:1:1",
			"'snat' is no word of a filter rule",
			"    snat out dev eth0 to 192.0.2.1\n    ^~~~"},
	};
	struct weir_ruleset_model set = {0};
	struct weir_err err = {0};
	char text[WEIR_CARET_MAX];

	(void)state;
	assert_int_equal(add(&set, "id 40 drop", &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_not_equal(load(&set, bad[i].text, &err), 0);
		assert_string_equal(err.what, bad[i].what);
		weir_err_where(&err, text, sizeof(text));
		assert_string_equal(text, bad[i].where);
		assert_int_equal(weir_err_caret(&err, text, sizeof(text)), bad[i].caret != NULL);
		if (bad[i].caret)
			assert_string_equal(text, bad[i].caret);
		check_ids(&set, "40");
	}
	assert_int_not_equal(weir_ruleset_load(&set, "x", "drop\0drop", 9, &err), 0);
	assert_string_equal(err.what, "byte 0x00: a line is text");
	weir_ruleset_done(&set);
}

static void nat_has_no_policies(void **state)
{
	struct weir_ruleset_model set = {.kind = WEIR_RULE_NAT};
	struct weir_err err = {0};

	(void)state;
	assert_int_equal(
		load(&set, "nat add masquerade out dev eth0\nmap 10.0.0.1 to 192.0.2.1 dev eth0",
			&err),
		0);
	assert_int_equal(set.nr, 2);
	assert_int_not_equal(load(&set, "policy in dev eth0 drop", &err), 0);
	assert_string_equal(err.what, "a policy is the filter's, and these are NAT rules");
	assert_int_equal(set.nr, 2);
	weir_ruleset_done(&set);
}

/* @nr times @line, whose two numbers are the line's. */
static char *repeat(const char *line, unsigned int nr)
{
	char *text = malloc(nr * (strlen(line) + 8)), *p = text;

	assert_non_null(text);
	for (unsigned int i = 0; i < nr; i++)
		p += sprintf(p, line, i >> 8 & 255, i & 255);
	return text;
}

static void a_million_lines_are_read_or_refused_by_the_first_too_many(void **state)
{
	char *text = repeat("# %u %u\n", 1000000);
	struct weir_ruleset_model set = {0};
	struct weir_err err = {0};

	(void)state;
	assert_int_equal(load(&set, text, &err), 0);
	assert_int_equal(set.nr, 0);
	free(text);
	text = repeat("src 192.0.%u.%u drop\n", 1000000);
	assert_int_not_equal(load(&set, text, &err), 0);
	assert_string_equal(err.what, "more than 131072 rules");
	assert_int_equal(err.at.line, WEIR_RULES_MAX + 1);
	free(text);
	text = repeat("src 192.0.%u.%u drop\n", WEIR_RULES_MAX);
	assert_int_equal(load(&set, text, &err), 0);
	assert_int_equal(set.nr, WEIR_RULES_MAX);
	free(text);
	text = repeat("set add s %u.%u.1.2-1.2.255.254\n", 2);
	assert_int_equal(load(&set, text, &err), 0);
	free(text);
	text = repeat("set add s 0.%u.%u.1-255.255.255.254\n", 100000);
	assert_int_not_equal(load(&set, text, &err), 0);
	assert_string_equal(err.what, "more than 1048576 elements of sets");
	assert_int_equal(set.nr_sets, 1);
	free(text);
	weir_ruleset_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_keep_their_ids_where_they_stand),
		cmocka_unit_test(a_file_holds_rules_policies_and_sets),
		cmocka_unit_test(a_wrong_line_changes_nothing_and_is_named),
		cmocka_unit_test(nat_has_no_policies),
		cmocka_unit_test(a_million_lines_are_read_or_refused_by_the_first_too_many),
	};

	return WEIR_RUN(tests);
}
