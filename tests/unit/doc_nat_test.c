// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What NAT has given, as text and as JSON; sessions as a stream of either. */
#include <stdio.h>

#include "fake_nat.h"
#include "out/doc.h"
#include "test.h"

static struct weir_face face;
static char *output;
static size_t size;

static void begin(bool json)
{
	face = (struct weir_face){.json = json, .file = open_memstream(&output, &size)};
}

static void printed(const char *expected)
{
	fclose(face.file);
	assert_string_equal(output, expected);
	free(output);
}

static void show(json_t *doc, weir_text_fn *text, bool json, const char *expected)
{
	struct weir_err err;

	begin(json);
	assert_int_equal(weir_show(&face, doc, text, &err), 0);
	printed(expected);
}

static void nat_shows_pools_sessions_and_limits_reached(void **state)
{
	struct weir_ruleset_model set = {.kind = WEIR_RULE_NAT};
	struct weir_nat_use use;
	struct weir_err err;

	(void)state;
	assert_int_equal(weir_nat_use_read(NULL, &use, &err), 0);
	show(weir_doc_nat(&set, NULL, &use), weir_text_nat, false,
		"no rules; to add one: weir nat add ...\n"
		"\n"
		"ports of     device  udp  tcp  icmp\n"
		"its own      eth0      1    2     3\n"
		"203.0.113.1  .         0    0     0\n"
		"\n"
		"sessions: 3 of 262144\n"
		"ports_full: 5 packets that began no session: the pool had no free port\n");
	show(weir_doc_nat(&set, NULL, &use), weir_text_nat, true,
		"{\"version\":1,\"ruleset\":\"nat\",\"rules\":[],\"pools\":[{\"address\":null,"
		"\"device\":\"eth0\",\"udp\":1,\"tcp\":2,\"icmp\":3},{\"address\":\"203.0.113.1\","
		"\"device\":null,\"udp\":0,\"tcp\":0,\"icmp\":0}],\"sessions\":{\"followed\":true,"
		"\"used\":3,\"limit\":262144,\"created\":7,\"expired\":0},\"limits\":{"
		"\"sessions_full\":0,\"mappings_full\":0,\"index_full\":0,\"frags_full\":0,"
		"\"ports_full\":5,\"clashes\":0}}\n");
	weir_nat_use_done(&use);
}

static void a_session_is_a_line_and_a_cut_is_seen(void **state)
{
	struct weir_sessions_read read = {.matched = 2, .shown = 1, .all = 9, .next = 23};
	struct weir_seen_session seen = fake_session();

	(void)state;
	begin(false);
	weir_sessions_begin(&face);
	weir_sessions_put(&face, &seen, true);
	weir_sessions_end(&face, &read, "weir nat session show");
	printed("udp 10.0.0.2:5000 > 198.51.100.53:53 as 192.0.2.1:6000 > 198.51.100.53:53 "
		"replied, "
		"2 s, 3/180 there, 2/240 back, source by rule 4, lan > eth0\n"
		"1 of 2 sessions shown that match, of 9 in all\n"
		"more: weir nat session show from 23\n");
}

/* What is streamed is the same document as if it had been made whole. */
static void sessions_are_one_json_document(void **state)
{
	static const char *const names[] = {"lan", "", "a\"b\\", "\xff\x01"};
	struct weir_sessions_read read = {.matched = 4, .shown = 4, .all = 4};
	struct weir_seen_session seen = fake_session();
	const json_t *list, *last;
	json_error_t error;
	json_t *doc;

	(void)state;
	begin(true);
	weir_sessions_begin(&face);
	for (unsigned int i = 0; i < 4; i++) {
		seen.in = names[i];
		seen.s.proto = i == 3 ? 200 : 17;
		seen.s.count[0].bytes = UINT64_MAX;
		weir_sessions_put(&face, &seen, !i);
	}
	weir_sessions_end(&face, &read, "");
	fclose(face.file);
	doc = json_loads(output, JSON_DECODE_INT_AS_REAL, &error);
	if (!doc)
		fail_msg("%s in %s", error.text, output);
	list = json_object_get(doc, "sessions");
	assert_int_equal(json_array_size(list), 4);
	last = json_array_get(list, 3);
	assert_string_equal(weir_get_text(last, "proto"), "200");
	assert_string_equal(weir_get_text(last, "in"), "?\x01");
	assert_string_equal(weir_get_text(json_array_get(list, 2), "in"), "a\"b\\");
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "in")));
	assert_string_equal(weir_get_text(last, "translation"), "source");
	assert_true(json_is_null(json_object_get(doc, "next")));
	json_decref(doc);
	free(output);
}

static void no_sessions_are_a_document_too(void **state)
{
	struct weir_sessions_read read = {0};

	(void)state;
	begin(true);
	weir_sessions_begin(&face);
	weir_sessions_end(&face, &read, "");
	printed("{\"version\": 1, \"sessions\": [], \"shown\": 0, \"matched\": 0, \"all\": 0, "
		"\"next\": null}\n");
}

static void answers_say_who_and_why(void **state)
{
	struct weir_answer list[] = {
		{.by = WEIR_BY_mapping,
			.rule = 4,
			.proto = 17,
			.inside = 0x0a000002,
			.outside = 0xc0000201,
			.inside_ports = {5000, 5000},
			.outside_ports = {6000, 6000},
			.remote = 0xc6336435},
		{.by = WEIR_BY_dnat,
			.rule = 5,
			.inside = 0x0a000003,
			.outside = 0xc0000201,
			.set = "games"},
	};
	const struct weir_asked asked = {.addr = 0xc0000201, .has_port = true, .port = 6000};
	const struct weir_answers answers = {list, 2};

	(void)state;
	show(weir_doc_answers(&asked, &answers), weir_text_answers, false,
		"udp 10.0.0.2:5000 inside is 192.0.2.1:6000 outside, to 198.51.100.53: mapping, "
		"rule 4\n"
		"10.0.0.3 inside is 192.0.2.1 outside: dnat, rule 5, if in the set games\n");
}

static void timeouts_show_their_bounds(void **state)
{
	struct weir_nat_state s = {.timeout_s = {200, 7440, 240, 60, 600}};

	(void)state;
	show(weir_doc_timeouts(&s), weir_text_timeouts, false,
		"timeout          seconds  default  least  of\n"
		"udp                  200      300    120  UDP: RFC 4787 REQ-5\n"
		"tcp_established     7440     7440   7440  TCP, both ends open: RFC 5382 REQ-5\n"
		"tcp_transitory       240      240    240  TCP, opening, closing or reset: RFC "
		"5382 "
		"REQ-5, RFC 7857 2\n"
		"icmp                  60       60     60  ICMP queries: RFC 5508 REQ-2\n"
		"other                600      600     60  other protocols\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nat_shows_pools_sessions_and_limits_reached),
		cmocka_unit_test(a_session_is_a_line_and_a_cut_is_seen),
		cmocka_unit_test(sessions_are_one_json_document),
		cmocka_unit_test(no_sessions_are_a_document_too),
		cmocka_unit_test(answers_say_who_and_why),
		cmocka_unit_test(timeouts_show_their_bounds),
	};

	return WEIR_RUN(tests);
}
