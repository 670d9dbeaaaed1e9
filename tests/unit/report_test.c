// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Findings of the doctor and events of the monitor, as text and as JSON. */
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

/* One finding for each check, in each state, with texts as long as they get. */
static void fill(struct weir_findings *found)
{
	memset(found, 0, sizeof(*found));
	for (unsigned int s = WEIR_FOUND_COUNT; s-- > 0;) {
		for (unsigned int c = WEIR_CHECK_COUNT; c-- > 0;) {
			bool dev = weir_check_info[c].area == WEIR_AREA_device;
			struct weir_finding *f =
				weir_find(found, c, s, dev ? "interface-name0" : "", "%s",
					c % 2 ? ""
					      : "a reason that is given in so many words that no "
						"line of a terminal could ever hold all of them");

			if (s != WEIR_FOUND_ok)
				weir_find_remedy(f,
					"weir -n some-namespace dev attach %s force; and "
					"then something else: weir doctor %s",
					"interface-name0", "interface-name0");
			if (!(c % 3))
				f->count = c;
		}
	}
}

static void findings_fit_a_terminal_and_say_their_state(void **state)
{
	struct weir_findings found;
	unsigned int lines = 0, tries = 0;
	char *text;

	(void)state;
	fill(&found);
	text = print(weir_doc_doctor(&found, "6.1"), weir_text_doctor, false);
	assert_ptr_equal(strstr(text, "kernel 6.1\n"), text);
	assert_non_null(strstr(text, "\ninterface-name0\n"));
	assert_non_null(strstr(text, "\nwhat the fast path goes round\n"));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		assert_true(strlen(line) <= 80);
		lines += !strncmp(line, "  ok  ", 6) || !strncmp(line, "  --  ", 6) ||
			 !strncmp(line, "  !!  ", 6) || !strncmp(line, "  ??  ", 6);
		tries += !strncmp(line, "      try: ", 11);
	}
	assert_int_equal(lines, found.nr);
	assert_int_equal(tries, WEIR_CHECK_COUNT * (WEIR_FOUND_COUNT - 1));
	free(text);
	weir_findings_done(&found);
}

static void findings_are_sorted_and_counted(void **state)
{
	struct weir_findings found;
	const char *area = "kernel";
	json_t *doc, *list, *f;
	int last = -1;
	char *json;
	size_t i;

	(void)state;
	fill(&found);
	json = print(weir_doc_doctor(&found, "6.1"), weir_text_doctor, true);
	doc = json_loads(json, 0, NULL);
	assert_int_equal(weir_get_int(doc, "version"), 1);
	assert_int_equal(weir_get_int(json_object_get(doc, "states"), "warning"), WEIR_CHECK_COUNT);
	list = json_object_get(doc, "findings");
	assert_int_equal(json_array_size(list), found.nr);
	json_array_foreach (list, i, f) {
		bool in_kernel = !strcmp(weir_get_text(f, "area"), "kernel");
		int c = 0;

		while (strcmp(weir_check_info[c].name, weir_get_text(f, "check")))
			c++;
		assert_string_equal(weir_get_text(f, "what"), weir_check_info[c].title);
		assert_true(strcmp(weir_get_text(f, "area"), area) ? !in_kernel : true);
		assert_true(!in_kernel || c >= last);
		last = c;
		area = weir_get_text(f, "area");
		if (c % 3)
			assert_true(json_is_null(json_object_get(f, "count")));
		else
			assert_int_equal(weir_get_int(f, "count"), c);
	}
	json_decref(doc);
	free(json);
	weir_findings_done(&found);
}

static void titles_fit_their_column(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < WEIR_CHECK_COUNT; c++)
		if (strlen(weir_check_info[c].title) > 16)
			fail_msg("'%s' is too long", weir_check_info[c].title);
}

static void nothing_gone_round_is_said(void **state)
{
	struct weir_findings found = {0};
	char *text;

	(void)state;
	weir_find(&found, WEIR_CHECK_bpf, WEIR_FOUND_ok, "", "%s", "");
	text = print(weir_doc_doctor(&found, "6.1"), weir_text_doctor, false);
	assert_non_null(strstr(text, "what the fast path goes round: nothing found\n"));
	assert_non_null(strstr(text, "0 warnings, 0 missing, 0 off, 0 unknown\n"));
	free(text);
	weir_findings_done(&found);
}

/* --- events --- */

static struct weir_event event_of(enum weir_event_kind kind)
{
	return (struct weir_event){.kind = kind,
		.time_ns = 7,
		.dev = "eth0",
		.ifindex = 3,
		.hook = WEIR_HOOK_tc_ingress,
		.addr = 0x010200c0,
		.mac = {2, 0, 0, 0, 0, 1},
		.old_mac = {2, 0, 0, 0, 0, 2},
		.before = 1111,
		.now = 2222,
		.count = 3333,
		.other = "eth9"};
}

static void every_event_says_what_it_holds(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < WEIR_EVENT_COUNT; k++) {
		const struct weir_event_info *info = &weir_event_info[k];
		struct weir_event e = event_of(k);
		char *json = print(weir_doc_event(&e, 60), weir_text_event, true);
		char *text = print(weir_doc_event(&e, 60), weir_text_event, false);
		json_t *doc = json_loads(json, 0, NULL);

		assert_ptr_equal(strchr(json, '\n'), json + strlen(json) - 1);
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
		assert_int_equal(weir_get_int(doc, "version"), 1);
		assert_int_equal(weir_get_int(doc, "time_s"), 60);
		assert_string_equal(weir_get_text(doc, "event"), info->name);
		assert_string_equal(weir_get_text(doc, "device"), "eth0");
		assert_non_null(strstr(text, info->name));
		assert_true(strlen(weir_get_text(doc, "text")) > 1);
		assert_non_null(strstr(text, weir_get_text(doc, "text")));
		assert_int_equal(
			weir_get_int(doc, "before"), info->has & WEIR_HAS_BEFORE ? 1111 : 0);
		assert_int_equal(weir_get_int(doc, "now"), info->has & WEIR_HAS_NOW ? 2222 : 0);
		assert_int_equal(weir_get_int(doc, "count"), info->has & WEIR_HAS_COUNT ? 3333 : 0);
		assert_string_equal(
			weir_get_text(doc, "on"), info->has & WEIR_HAS_ON ? "eth9" : "");
		assert_string_equal(
			weir_get_text(doc, "hook"), info->has & WEIR_HAS_HOOK ? "tc_ingress" : "");
		assert_string_equal(weir_get_text(doc, "address"),
			info->has & WEIR_HAS_ADDR ? "192.0.2.1" : "");
		assert_string_equal(weir_get_text(doc, "mac"),
			info->has & WEIR_HAS_MAC ? "02:00:00:00:00:01" : "");
		assert_string_equal(weir_get_text(doc, "old_mac"),
			info->has & WEIR_HAS_OLD_MAC ? "02:00:00:00:00:02" : "");
		json_decref(doc);
		free(json);
		free(text);
	}
}

static void what_is_not_known_is_null(void **state)
{
	struct weir_event e = {.kind = WEIR_EVENT_neigh_removed, .addr = 1};
	json_t *doc = weir_doc_event(&e, 60);

	(void)state;
	assert_true(json_is_null(json_object_get(doc, "device")));
	assert_true(json_is_null(json_object_get(doc, "ifindex")));
	assert_true(json_is_null(json_object_get(doc, "mac")));
	json_decref(doc);
}

static void remedies_name_the_device(void **state)
{
	static const struct {
		enum weir_event_kind kind;
		const char *remedy;
	} wanted[] = {
		{WEIR_EVENT_replaced, "weir dev attach eth0 force"},
		{WEIR_EVENT_recreated, "weir dev detach eth0; weir dev attach eth0"},
		{WEIR_EVENT_mac, "weir dev attach eth0 force"},
		{WEIR_EVENT_address_added, "weir dev attach eth9 force"},
		{WEIR_EVENT_lost, "weir ledger show dev eth0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct weir_event e = event_of(wanted[i].kind);
		json_t *doc = weir_doc_event(&e, 60);

		assert_string_equal(weir_get_text(doc, "remedy"), wanted[i].remedy);
		json_decref(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_fit_a_terminal_and_say_their_state),
		cmocka_unit_test(findings_are_sorted_and_counted),
		cmocka_unit_test(titles_fit_their_column),
		cmocka_unit_test(nothing_gone_round_is_said),
		cmocka_unit_test(every_event_says_what_it_holds),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(remedies_name_the_device),
	};

	return WEIR_RUN(tests);
}
