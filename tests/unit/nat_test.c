// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules of NAT beside each other, deterministic blocks both ways, and who is behind what. */
#include <stdio.h>
#include <arpa/inet.h>

#include "model/explain.h"
#include "test.h"

enum { ADDR = 0xc0000201 }; /* 192.0.2.1 */

static struct weir_own own_list[] = {
	{ADDR, "eth0", true}, {ADDR + 1, "eth0", false}, {0x0a000001, "lan", true}};
static const struct weir_owns owns = {own_list, sizeof(own_list) / sizeof(own_list[0])};

static struct weir_ruleset_model loaded(const char *text)
{
	struct weir_ruleset_model set = {.kind = WEIR_RULE_NAT};
	struct weir_err err = {0};

	if (weir_ruleset_load(&set, "test", text, strlen(text), &err))
		fail_msg("%s: %s", text, err.what);
	return set;
}

/* --- beside each other --- */

/* Loads @text with this host's addresses known; what is wrong stands in @line at @column, and has
 * @what. */
static void clashes(const char *text, unsigned int line, unsigned int column, const char *what)
{
	struct weir_ruleset_model set = {.kind = WEIR_RULE_NAT, .owns = &owns};
	struct weir_err err = {0};
	int rc = weir_ruleset_load(&set, "rules", text, strlen(text), &err);

	if (!what) {
		if (rc)
			fail_msg("'%s': %s", text, err.what);
	} else {
		if (!rc || !strstr(err.what, what))
			fail_msg("'%s': '%s', not '%s'", text, rc ? err.what : "right", what);
		assert_int_equal(err.status, WEIR_USAGE);
		assert_int_equal(err.at.line, line);
		assert_int_equal(err.at.column, column);
	}
	weir_ruleset_done(&set);
}

#define OTHER "snat out dev eth0 src 10.0.0.0/8 to 203.0.113.1-203.0.113.9\n"

static void what_can_only_be_wrong_is_refused_where_it_stands(void **state)
{
	(void)state;
	clashes(OTHER "snat out dev eth1 to 203.0.113.9", 2, 22, "pool of another device");
	clashes(OTHER "map 10.0.0.2 to 203.0.113.5 dev eth0", 2, 17, "whole host's outside");
	clashes(OTHER "map 203.0.113.2 to 203.0.113.77 dev eth0", 2, 20, "address of the inside");
	clashes("map 10.0.0.2 to 203.0.113.5 dev eth0\n" OTHER, 2, 37, "whole host's outside");
	clashes("map 10.0.0.2 to 203.0.113.5 dev eth0\nmap 10.0.0.3 to 203.0.113.5 dev eth0", 2, 17,
		"stands for another host");
	clashes("map 10.0.0.2 to 203.0.113.5 dev eth0\nmap 203.0.113.5 to 203.0.113.6 dev eth1", 2,
		20, "address of the outside");
	clashes("map 10.0.0.2 to 203.0.113.5 dev eth0\nmap 10.0.0.9 to 10.0.0.2 dev eth1", 2, 17,
		"address of the inside");
	clashes("masquerade out dev eth0\nsnat out dev eth0 to 192.0.2.1", 2, 22,
		"whose ports masquerading gives");
	clashes("snat out dev eth0 to 192.0.2.1\nmasquerade out dev eth0", 2, 1,
		"whose ports masquerading gives");
	clashes(OTHER "dnat in dev eth0 proto tcp dport 80 to 203.0.113.4", 2, 40,
		"outside that no host has");
	clashes("snat out dev eth0 src 203.0.113.0/28 to 203.0.113.7 deterministic block 4", 1, 41,
		"of the pool that stands for it");
	clashes("snat out dev eth0 to 198.18.0.0/19", 1, 22, "8192 addresses");
	clashes("snat out dev eth0 to 198.18.0.0/20\nmasquerade out dev eth1", 2, 1,
		"4097 addresses");
}

static void what_may_be_meant_is_not(void **state)
{
	(void)state;
	clashes(OTHER "snat out dev eth0 src 172.16.0.0/12 to 203.0.113.4", 0, 0, NULL);
	clashes("snat out dev eth0 src 10.0.0.0/8 to 10.255.0.1", 0, 0, NULL);
	clashes("masquerade out dev eth0\nsnat out dev eth0 to 192.0.2.2", 0, 0, NULL);
	clashes("masquerade out dev eth1\nsnat out dev eth0 to 192.0.2.1", 0, 0, NULL);
	clashes("snat out dev eth0 to 10.0.0.1", 0, 0, NULL);
	clashes("snat out dev eth0 to 192.0.2.1\ndnat in dev eth0 proto tcp dport 80 to "
		"192.0.2.1:81",
		0, 0, NULL);
	clashes("map 10.0.0.2 to 203.0.113.5 dev eth0\nmap 10.0.0.2 to 203.0.113.5 dev eth1", 0, 0,
		NULL);
	/* the same addresses twice take room once */
	clashes("snat out dev eth0 to 198.18.0.0/20\nsnat out dev eth0 proto udp to 198.18.0.0/20",
		0, 0, NULL);
}

/* --- deterministic --- */

/* Each inside address has a block that nobody else has, which leads back to it, at both ends and
 * between. */
static void round_trip(const char *text, __u32 addr, __u64 expect_nr)
{
	struct weir_ruleset_model set = loaded(text);
	const struct weir_rule *r = &set.rules[0];
	struct weir_span inside = r->src.alts[0].span;
	struct weir_block block, back, before = {0};
	__u64 nr = 0;

	for (__u64 a = inside.lo; a <= inside.hi; a++, nr++) {
		assert_true(weir_block_of(r, addr, (__u32)a, &block));
		assert_int_equal(block.inside, a);
		assert_int_equal(block.ports.hi - block.ports.lo + 1, r->block);
		assert_true(block.ports.hi <= 65535);
		if (nr) /* in order, and apart */
			assert_true(block.outside > before.outside ||
				    (block.outside == before.outside &&
					    block.ports.lo > before.ports.hi));
		before = block;
		for (__u32 p = block.ports.lo; p <= block.ports.hi;
			p += r->block > 1 ? r->block - 1 : 1) {
			assert_true(weir_block_at(r, addr, block.outside, p, &back));
			assert_int_equal(back.inside, a);
		}
	}
	assert_int_equal(nr, expect_nr);
	assert_false(weir_block_of(r, addr, inside.lo - 1, &block));
	assert_false(weir_block_of(r, addr, inside.hi + 1, &block));
	weir_ruleset_done(&set);
}

static void a_block_leads_back_to_who_has_it(void **state)
{
	(void)state;
	round_trip(
		"snat out dev e src 100.64.0.0/22 to 203.0.113.1-203.0.113.8 deterministic block "
		"500",
		0, 1024);
	round_trip("snat out dev e src 100.64.0.0/16 to 203.0.113.0/24 deterministic block 252", 0,
		65536);
	round_trip("snat out dev e proto udp src 10.0.0.5-10.0.0.11 to 203.0.113.1:2000-2099 "
		   "deterministic block 14",
		0, 7);
	round_trip("masquerade out dev e src 10.0.0.0/28 deterministic block 4032", ADDR, 16);
	round_trip("snat out dev e src 10.0.0.9 to 203.0.113.1 deterministic block 1", 0, 1);
}

static void ports_of_nobody_lead_to_nobody(void **state)
{
	struct weir_ruleset_model set = loaded(
		"snat out dev e src 10.0.0.0/30 to 203.0.113.1-203.0.113.2 deterministic block "
		"30000");
	const struct weir_rule *r = &set.rules[0];
	struct weir_block block;

	(void)state;
	assert_true(weir_block_at(r, 0, 0xcb007101, 1024, &block));
	assert_int_equal(block.inside, 0x0a000000);
	assert_true(weir_block_at(r, 0, 0xcb007102, 1024 + 59999, &block));
	assert_int_equal(block.inside, 0x0a000003);
	assert_false(weir_block_at(r, 0, 0xcb007101, 1023, &block));
	assert_false(weir_block_at(r, 0, 0xcb007101, 1024 + 60000, &block)); /* left over */
	assert_false(weir_block_at(r, 0, 0xcb007103, 1024, &block));
	weir_ruleset_done(&set);
}

/* --- explain --- */

/* "BY RULE INSIDE:PORTS OUTSIDE:PORTS", a line each. */
static void explains(const char *rules, const char *words, const char *expected)
{
	struct weir_ruleset_model set = loaded(rules);
	struct weir_answers answers = {0};
	struct weir_asked asked;
	struct weir_line line = {0};
	struct weir_err err;
	char text[1024] = "";

	assert_int_equal(weir_line_split(&line, words, strlen(words), 200, &err), 0);
	if (weir_asked_parse(&asked, &line, &err))
		fail_msg("%s", err.what);
	assert_int_equal(weir_explain_rules(&answers, &asked, &set, &owns), 0);
	for (size_t i = 0; i < answers.nr; i++) {
		const struct weir_answer *a = &answers.list[i];
		char in[WEIR_SPAN_MAX], out[WEIR_SPAN_MAX];
		size_t n = strlen(text);

		weir_addr_text(in, a->inside);
		weir_addr_text(out, a->outside);
		snprintf(text + n, sizeof(text) - n, "%s %u %s:%u-%u %s:%u-%u %s\n",
			weir_answer_name(a->by), a->rule, in, a->inside_ports.lo,
			a->inside_ports.hi, out, a->outside_ports.lo, a->outside_ports.hi, a->set);
	}
	assert_string_equal(text, expected);
	weir_answers_done(&answers);
	weir_line_done(&line);
	weir_ruleset_done(&set);
}

static void rules_say_who_is_behind_an_address(void **state)
{
	static const char rules[] =
		"id 1 snat out dev eth0 src 10.0.0.0/30 to 203.0.113.1 deterministic block 100\n"
		"id 2 map 10.1.0.0/30 to 203.0.113.16/30 dev eth0\n"
		"id 3 dnat in dev eth0 proto tcp dst 203.0.113.1 dport 80-81 to 10.0.0.2:8080\n"
		"id 4 dnat in dev eth0 proto udp dport @games to 10.0.0.3\n";

	(void)state;
	explains(
		rules, "203.0.113.1:1230", "deterministic 1 10.0.0.2:0-0 203.0.113.1:1224-1323 \n");
	explains(rules, "203.0.113.1:80", "dnat 3 10.0.0.2:8080-8080 203.0.113.1:80-80 \n");
	explains(rules, "203.0.113.1:80 proto udp", "");
	explains(rules, "203.0.113.18", "map 2 10.1.0.2:0-0 203.0.113.18:0-0 \n");
	explains(rules, "10.1.0.1", "map 2 10.1.0.1:0-0 203.0.113.17:0-0 \n");
	explains(rules, "10.0.0.3", "deterministic 1 10.0.0.3:0-0 203.0.113.1:1324-1423 \n");
	explains(rules, "192.0.2.1:7777 proto udp",
		"dnat 4 10.0.0.3:0-0 192.0.2.1:7777-7777 games\n");
	explains(rules, "192.0.2.1:7777 proto tcp", "");
	explains(rules, "198.51.100.7:7", "");
}

static void a_mapping_is_found_from_both_sides(void **state)
{
	const struct weir_mapping m = {.addr = htonl(ADDR),
		.inside = htonl(0x0a000002),
		.port = htons(6000),
		.inside_port = htons(5000),
		.proto = 17,
		.rule = 9};
	const struct weir_asked asked[] = {
		{ADDR, true, false, 6000, 0},
		{ADDR, false, true, 0, 17},
		{0x0a000002, true, false, 5000, 0},
		{0x0a000002, true, true, 5000, 6},
		{0x0a000002, true, false, 6000, 0},
	};
	struct weir_answers answers = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		assert_int_equal(weir_explain_mapping(&answers, &asked[i], &m), 0);
		assert_int_equal(answers.nr, i < 3 ? i + 1 : 3);
	}
	assert_int_equal(answers.list[0].outside_ports.lo, 6000);
	assert_int_equal(answers.list[0].inside, 0x0a000002);
	weir_answers_done(&answers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_can_only_be_wrong_is_refused_where_it_stands),
		cmocka_unit_test(what_may_be_meant_is_not),
		cmocka_unit_test(a_block_leads_back_to_who_has_it),
		cmocka_unit_test(ports_of_nobody_lead_to_nobody),
		cmocka_unit_test(rules_say_who_is_behind_an_address),
		cmocka_unit_test(a_mapping_is_found_from_both_sides),
	};

	return WEIR_RUN(tests);
}
