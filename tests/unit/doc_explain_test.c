// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the fast path would make of a packet, as text and as JSON. */
#include <stdio.h>
#include <arpa/inet.h>

#include "out/doc.h"
#include "test.h"

static struct weir_face face;
static char *output;
static size_t size;

static struct weir_packet packet = {.proto = 17,
	.saddr = 0x0a000002,
	.daddr = 0xc6336435,
	.sport = 5000,
	.dport = 53,
	.len = 46,
	.ttl = 64,
	.dev = "lan"};

/* Forwarded, through a rule, to another port than its own. */
static struct weir_explanation forwarded(void)
{
	struct weir_explanation e = {.hook = WEIR_HOOK_xdp,
		.exit = WEIR_EXIT_xmit_NONE,
		.in = "lan",
		.out = "wan",
		.forward = "wan"};

	e.found = (struct weir_explained){.asked = 1,
		.iif = 5,
		.oif = 6,
		.rule = 1,
		.verdict = WEIR_accept,
		.state = WEIR_STATE_new,
		.session = WEIR_SESSION_NEW,
		.rule_src = 4,
		.tracked = 1,
		.port_any = 1,
		.is = {htonl(0x0a000002), htonl(0xc6336435), htons(5000), htons(53), 17, 0, 0, 0},
		.becomes = {htonl(0xc0000201), htonl(0xc6336435), htons(6000), htons(53), 17, 0, 0,
			0},
		.forward = {6, htonl(0xc00002fe), 1500, {2, 0, 0, 0, 0, 9}, {2, 0, 0, 0, 0, 8}}};
	return e;
}

static void add_rule(struct weir_ruleset_model *set, const char *text)
{
	struct weir_line line = {0};
	struct weir_rule rule;
	struct weir_err err;

	assert_int_equal(weir_line_split(&line, text, strlen(text), 500, &err), 0);
	assert_int_equal(weir_rule_parse(&rule, set->kind, &line, 0, &err), 0);
	assert_int_equal(weir_ruleset_add(set, &rule, &err), 0);
	weir_line_done(&line);
}

static json_t *show(const struct weir_explanation *e, bool json)
{
	struct weir_ruleset_model filter = {.kind = WEIR_RULE_FILTER},
				  nat = {.kind = WEIR_RULE_NAT};
	struct weir_policy policy = {.dev = "lan", .verdict = WEIR_drop};
	struct weir_err err;

	add_rule(&filter, "proto udp accept");
	add_rule(&nat, "id 4 masquerade out dev wan");
	assert_int_equal(weir_ruleset_policy(&filter, &policy, &err), 0);
	face = (struct weir_face){.json = json, .file = open_memstream(&output, &size)};
	assert_int_equal(weir_show(&face, weir_doc_explanation(&packet, e, &filter, &nat),
				 weir_text_explanation, &err),
		0);
	fclose(face.file);
	weir_ruleset_done(&filter);
	weir_ruleset_done(&nat);
	return json ? json_loads(output, 0, NULL) : NULL;
}

static void printed(const char *expected)
{
	assert_string_equal(output, expected);
	free(output);
}

static void what_is_forwarded(void **state)
{
	struct weir_explanation e = forwarded();

	(void)state;
	show(&e, false);
	printed("packet       udp 10.0.0.2:5000 > 198.51.100.53:53, 46 bytes, TTL 64, in dev lan "
		"(xdp)\n"
		"passes       xdp, ip_rcv, nf_prerouting, route_in, ip_forward, nf_forward, "
		"nf_postrouting, neigh, xmit\n"
		"filter       accept by rule 1: proto udp accept\n"
		"state        new\n"
		"session      none yet: would make a new one\n"
		"source       10.0.0.2:5000 becomes 192.0.2.1, another port of the pool by NAT "
		"rule 4: "
		"masquerade out dev wan\n"
		"next hop     192.0.2.254 by wan, at 02:00:00:00:00:09, MTU 1500\n"
		"end          forwarded out of wan\n");
}

static void what_is_dropped_has_a_remedy(void **state)
{
	struct weir_explanation e = forwarded();

	(void)state;
	e.exit = WEIR_EXIT_nf_forward_FILTER;
	e.found.rule = 0;
	e.found.verdict = WEIR_drop;
	e.found.session = e.found.port_any = 0;
	e.found.becomes = e.found.is;
	e.answered = true;
	show(&e, false);
	printed("packet       udp 10.0.0.2:5000 > 198.51.100.53:53, 46 bytes, TTL 64, in dev lan "
		"(xdp)\n"
		"passes       xdp, ip_rcv, nf_prerouting, route_in, ip_forward\n"
		"filter       drop by policy in dev lan drop\n"
		"state        new\n"
		"next hop     192.0.2.254 by wan, at 02:00:00:00:00:09, MTU 1500\n"
		"end          dropped at nf_forward: FILTER: a rule or a policy of weir's filter "
		"drops "
		"it.\n"
		"             its sender is told\n"
		"remedy       weir filter show: the counters say which; weir explain asks for one "
		"packet\n");
}

/* On the way back it is the other rule that has changed an end. */
static void a_session_names_its_rules(void **state)
{
	struct weir_explanation e = forwarded();
	json_t *doc;

	(void)state;
	e.has_session = true;
	e.session = (struct weir_session){.proto = 17,
		.rule_src = 4,
		.flags = WEIR_SESSION_REPLIED,
		.count = {{3, 180}, {2, 240}}};
	e.found.session = 18;
	e.found.port_any = 0;
	e.found.back = 1;
	e.found.becomes.saddr = e.found.is.saddr;
	e.found.becomes.sport = e.found.is.sport;
	e.found.becomes.daddr = htonl(0x0a000009);
	doc = show(&e, true);
	assert_non_null(doc);
	assert_true(json_is_null(json_object_get(doc, "source")));
	assert_string_equal(
		weir_get_text(json_object_get(doc, "destination"), "to"), "10.0.0.9:53");
	assert_int_equal(weir_get_int(json_object_get(doc, "destination"), "rule"), 4);
	assert_int_equal(weir_get_int(json_object_get(doc, "session"), "number"), 17);
	assert_string_equal(weir_get_text(json_object_get(doc, "session"), "direction"), "back");
	assert_int_equal(weir_get_int(doc, "version"), 1);
	json_decref(doc);
	free(output);
	e.has_session = false; /* it has ended meanwhile */
	show(&e, false);
	assert_non_null(strstr(output, "session      17, which has ended\n"));
	free(output);
}

/* Whatever programs tell of any packet is a document of which text can be made. */
static void every_exit_can_be_told(void **state)
{
	(void)state;
	for (unsigned int x = 0; x < WEIR_EXIT_COUNT; x++)
		for (enum weir_hook hook = 0; hook < WEIR_HOOK_COUNT; hook++) {
			struct weir_explanation e = forwarded();

			e.hook = hook;
			e.exit = (enum weir_exit)x;
			e.punt_drop = x & 1;
			show(&e, false);
			assert_non_null(strstr(output, "\nend          "));
			free(output);
			json_decref(show(&e, true));
			free(output);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_forwarded),
		cmocka_unit_test(what_is_dropped_has_a_remedy),
		cmocka_unit_test(a_session_names_its_rules),
		cmocka_unit_test(every_exit_can_be_told),
	};

	return WEIR_RUN(tests);
}
