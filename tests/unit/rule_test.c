// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "rule_text.h"

/* A rule, and its one spelling; NULL: the same. */
struct good {
	const char *typed, *text;
};

static void check_good(enum weir_rule_kind kind, const struct good *g)
{
	struct weir_rule rule, again;
	struct weir_err err = {0};
	char *text;
	int len;

	must_parse(&rule, kind, g->typed);
	len = weir_rule_text(&rule, &text, &err);
	assert_true(len > 0);
	assert_int_equal(len, strlen(text));
	assert_string_equal(text, g->text ? g->text : g->typed);
	must_parse(&again, kind, text);
	if (!weir_rule_equal(&rule, &again) || rule.id != again.id)
		fail_msg("'%s' is read as another rule", text);
	free(text);
	weir_rule_done(&rule);
	weir_rule_done(&again);
}

static void filter_rules_are_printed_in_one_spelling(void **state)
{
	static const struct good good[] = {
		{"drop", NULL},
		{"log drop", "drop log"},
		{"accept in dev eth0", "in dev eth0 accept"},
		{"id 7 in dev eth0 proto udp dport 53 drop", NULL},
		{"at 3 count", "count"},
		{"proto 17 accept", "proto udp accept"},
		{"proto 200 accept", NULL},
		{"src 10.0.0.0/8,192.0.2.1,198.51.100.1-198.51.100.9,@bad drop", NULL},
		{"src 192.0.2.0-192.0.2.255 drop", "src 192.0.2.0/24 drop"},
		{"dst 192.0.2.1/32 drop", "dst 192.0.2.1 drop"},
		{"dst 0.0.0.0/0 drop", NULL},
		{"drop dport 53,1000-2000,@p proto udp sport 0-65535",
			"proto udp sport 0-65535 dport 53,1000-2000,@p drop"},
		{"dport 5-5 proto sctp reject", "proto sctp dport 5 reject"},
		{"tcp-flags syn/syn,ack drop", "proto tcp tcp-flags syn/syn,ack drop"},
		{"proto tcp tcp-flags none/all drop", NULL},
		{"tcp-flags ack,fin/all dport 80 drop",
			"proto tcp dport 80 tcp-flags fin,ack/all drop"},
		{"icmp 8 accept", "icmp echo-request accept"},
		{"proto icmp icmp destination-unreachable/4 accept",
			"icmp dest-unreachable/4 accept"},
		{"icmp 99 accept", NULL},
		{"frag any drop", NULL},
		{"frag later src @bad drop", "src @bad frag later drop"},
		{"state related,new accept", "state new,related accept"},
		{"limit 100/s accept", NULL},
		{"limit 5/minute per src burst 9 accept", "limit 5/m burst 9 per src accept"},
		{"limit 1/h per flow accept", NULL},
		{"drop comment hello", NULL},
		{"drop comment 'it is \"x\\y\"'", "drop comment \"it is \\\"x\\\\y\\\"\""},
		{"drop comment \"#1\" # and this is a comment", "drop comment \"#1\""},
		{"out dev a;b comment drop drop", "out dev \"a;b\" drop comment drop"},
		{"\tdrop\t", "drop"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		check_good(WEIR_RULE_FILTER, &good[i]);
}

static void nat_rules_are_printed_in_one_spelling(void **state)
{
	static const struct good good[] = {
		{"snat out dev eth0 to 192.0.2.1", NULL},
		{"id 3 snat out dev eth0 src 10.0.0.0/8 to 192.0.2.1-192.0.2.9:1024-2047", NULL},
		{"to 192.0.2.0/28 out dev eth0 snat mapping endpoint",
			"snat out dev eth0 to 192.0.2.0/28"},
		{"masquerade out dev eth0 ports 4000-5000", NULL},
		{"masquerade out dev eth0 mapping address-port filtering address", NULL},
		{"dnat in dev eth0 proto tcp dport 80 to 10.0.0.2:8080", NULL},
		{"dnat in dev eth0 dst 192.0.2.1 to 10.0.0.2", NULL},
		{"map 10.0.0.0/24 to 192.0.2.0/24 dev eth0", NULL},
		{"map 10.0.0.1 dev eth0 to 192.0.2.1 comment x",
			"map 10.0.0.1 to 192.0.2.1 dev eth0 comment x"},
		{"snat out dev e src 100.64.0.0/24 to 192.0.2.1 deterministic block 252", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		check_good(WEIR_RULE_NAT, &good[i]);
}

static void a_long_list_is_read_and_a_longer_line_refused(void **state)
{
	char *line = malloc(WEIR_LINE_MAX + 16), *p = line;
	struct weir_rule rule;
	struct weir_err err = {0};

	(void)state;
	p += sprintf(p, "src 0.0.0.0");
	for (int i = 1; p - line < WEIR_RULE_LINE_MAX - 32; i++)
		p += sprintf(p, ",%d.%d.%d.%d", i >> 12, i >> 8 & 15, i >> 4 & 15, i & 15);
	strcpy(p, " drop");
	must_parse(&rule, WEIR_RULE_FILTER, line);
	assert_true(rule.src.nr > 5000);
	weir_rule_done(&rule);
	memset(p + 5, ' ', 40);
	p[45] = '\0';
	assert_int_not_equal(parse(&rule, WEIR_RULE_FILTER, line, &err), 0);
	assert_non_null(strstr(err.what, "bytes: 64512 at most"));
	free(line);
}

static void the_caret_stands_under_the_word_of_a_long_line(void **state)
{
	char line[1000], caret[WEIR_CARET_MAX], *mark;
	struct weir_rule rule;
	struct weir_err err = {0};

	(void)state;
	memset(line, ' ', sizeof(line));
	memcpy(line, "in dev \xc3\xa9", 9);
	strcpy(line + 700, "protp udp drop");
	assert_int_not_equal(parse(&rule, WEIR_RULE_FILTER, line, &err), 0);
	assert_int_equal(err.at.column, 701);
	assert_true(weir_err_caret(&err, caret, sizeof(caret)));
	mark = strchr(caret, '\n') + 1;
	assert_memory_equal(caret + (strchr(mark, '^') - mark), "protp", 5);
	assert_string_equal(strchr(mark, '^'), "^~~~~");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_rules_are_printed_in_one_spelling),
		cmocka_unit_test(nat_rules_are_printed_in_one_spelling),
		cmocka_unit_test(a_long_list_is_read_and_a_longer_line_refused),
		cmocka_unit_test(the_caret_stands_under_the_word_of_a_long_line),
	};

	return WEIR_RUN(tests);
}
