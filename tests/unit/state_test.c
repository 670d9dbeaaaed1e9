// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keys: what they change, on every page. */
#include <stdio.h>

#include "test.h"
#include "tui/rows.h"
#include "tui/state.h"

enum { NR_ROWS = 20, VISIBLE = 8 };

static const __u64 devs[] = {10, 11};

static struct {
	struct state s;
	struct row row[NR_ROWS];
	struct rows rows;
} t;

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	state_init(&t.s);
	for (unsigned int i = 0; i < NR_ROWS; i++) {
		t.row[i].id = 11ull << 16 | (100 + i);
		t.row[i].stage = i % WEIR_FAST_STAGE_COUNT;
		snprintf(t.row[i].text, sizeof(t.row[i].text), "Row %u", i);
	}
	t.rows = (struct rows){NR_ROWS, NR_ROWS, t.row};
	return 0;
}

static unsigned int press(int key)
{
	return state_press(&t.s, &t.rows, VISIBLE, devs, 2, key);
}

static unsigned int at(void)
{
	return rows_index(&t.rows, t.s.chosen[state_list(&t.s)]);
}

static void type(const char *text)
{
	for (; *text; text++)
		press(*text);
}

static void every_key_means_one_thing(void **state)
{
	unsigned int seen[ACTION_COUNT] = {0};

	(void)state;
	for (int key = 1; key <= WEIR_KEY_F10; key++)
		if (weir_action_of(key) != ACTION_COUNT)
			seen[weir_action_of(key)]++;
	for (unsigned int i = 0; i < ACTION_COUNT; i++) {
		unsigned int names = 1;

		for (const char *p = weir_action_info[i].keys; *p; p++)
			names += *p == ' ';
		assert_int_equal(seen[i], names);
		assert_true(*weir_action_info[i].what);
	}
}

/* The keys that the house has agreed on. */
static void keys_are_those_of_the_house(void **state)
{
	static const struct {
		int key;
		enum action action;
	} house[] = {{'q', ACTION_QUIT}, {WEIR_KEY_F10, ACTION_QUIT}, {'?', ACTION_HELP},
		{'h', ACTION_HELP}, {WEIR_KEY_F1, ACTION_HELP}, {'j', ACTION_DOWN},
		{'k', ACTION_UP}, {WEIR_KEY_PGUP, ACTION_PAGE_UP},
		{WEIR_KEY_PGDN, ACTION_PAGE_DOWN}, {WEIR_KEY_HOME, ACTION_FIRST},
		{WEIR_KEY_END, ACTION_LAST}, {WEIR_KEY_TAB, ACTION_PLANE_NEXT}, {'s', ACTION_SORT},
		{'I', ACTION_INVERT}, {'/', ACTION_FIND}, {'\\', ACTION_FILTER},
		{'Z', ACTION_PAUSE}, {' ', ACTION_PAUSE}, {'r', ACTION_RESET},
		{WEIR_KEY_ENTER, ACTION_ENTER}, {'d', ACTION_DROPS}, {'l', ACTION_LATENCY},
		{'c', ACTION_SHARES}, {WEIR_KEY_ESC, ACTION_BACK}};

	(void)state;
	for (size_t i = 0; i < sizeof(house) / sizeof(house[0]); i++)
		assert_int_equal(weir_action_of(house[i].key), house[i].action);
	assert_int_equal(press('y'), CHANGED_NOTHING);
	assert_int_equal(press(0), CHANGED_NOTHING);
	assert_int_equal(press('q'), CHANGED_QUIT);
}

static void moving_stays_within_the_rows(void **state)
{
	(void)state;
	assert_int_equal(at(), 0);
	press(WEIR_KEY_UP);
	assert_int_equal(at(), 0);
	press('j');
	press(WEIR_KEY_DOWN);
	assert_int_equal(at(), 2);
	press(WEIR_KEY_PGDN);
	assert_int_equal(at(), 2 + VISIBLE - 1);
	press(WEIR_KEY_END);
	press('j');
	assert_int_equal(at(), NR_ROWS - 1);
	press(WEIR_KEY_PGUP);
	assert_int_equal(at(), NR_ROWS - VISIBLE);
	press(WEIR_KEY_HOME);
	assert_int_equal(at(), 0);
	t.rows.nr = 0;
	press('j');
	press(WEIR_KEY_ENTER);
	press(WEIR_KEY_END);
}

/* The chosen row is the same one after rows were added before it. */
static void the_choice_follows_its_row(void **state)
{
	(void)state;
	press('j');
	memmove(&t.row[3], &t.row[0], 4 * sizeof(t.row[0]));
	for (unsigned int i = 0; i < 3; i++)
		t.row[i].id = 1000 + i;
	assert_int_equal(at(), 4);
}

static void pages_lead_there_and_back(void **state)
{
	(void)state;
	press('d');
	assert_int_equal(state_page(&t.s), PAGE_DROPS);
	press('l');
	assert_int_equal(state_page(&t.s), PAGE_LATENCY);
	press('l');
	assert_int_equal(state_page(&t.s), PAGE_PATH);
	press('c');
	assert_int_equal(state_page(&t.s), PAGE_DEVS);
	assert_int_equal(t.s.shares, SHARES_QUEUES);
	press('c');
	assert_int_equal(t.s.shares, SHARES_CPUS);
	press('?');
	assert_int_equal(state_page(&t.s), PAGE_HELP);
	press(WEIR_KEY_ESC);
	assert_int_equal(state_page(&t.s), PAGE_DEVS);
	press(WEIR_KEY_ESC);
	assert_int_equal(state_page(&t.s), PAGE_PATH);
	press('j');
	press(WEIR_KEY_ENTER);
	assert_int_equal(state_page(&t.s), PAGE_LATENCY);
	assert_int_equal(at(), 1);
	press('j'); /* the next stage */
	press(WEIR_KEY_ENTER);
	assert_int_equal(state_page(&t.s), PAGE_PATH);
	assert_int_equal(at(), 2);
}

static void enter_on_a_drop_leads_to_its_stage_and_device(void **state)
{
	(void)state;
	press('d');
	press('j');
	press('j');
	press(WEIR_KEY_ENTER);
	assert_int_equal(state_page(&t.s), PAGE_PATH);
	assert_int_equal(t.s.chosen[PAGE_PATH], 2);
	assert_int_equal(t.s.dev, 11);
}

static void planes_go_round_and_unseen_ones_have_one_page(void **state)
{
	(void)state;
	for (int watched = 0; watched < 2; watched++) {
		t.s.watched = watched;
		for (unsigned int i = 0; i < WEIR_PLANE_COUNT; i++) {
			enum page page = t.s.plane == WEIR_PLANE_fast ? PAGE_PATH
					 : t.s.plane == WEIR_PLANE_kernel && watched
						 ? PAGE_KERNEL_PATH
						 : PAGE_PLANE;

			assert_int_equal(state_page(&t.s), page);
			press(WEIR_KEY_TAB);
		}
	}
	assert_int_equal(t.s.plane, WEIR_PLANE_fast);
	t.s.watched = false;
	press(WEIR_KEY_BTAB);
	assert_int_equal(t.s.plane, WEIR_PLANE_kernel);
	press('d');
	assert_int_equal(state_page(&t.s), PAGE_PLANE);
	assert_non_null(t.s.note);
	/* said once */
	assert_int_equal(press('y'), CHANGED_VIEW);
	assert_null(t.s.note);
}

static void the_kernel_plane_has_its_own_pages_and_choice(void **state)
{
	(void)state;
	t.s.watched = true;
	t.s.dev = 10;
	press(WEIR_KEY_BTAB);
	press('>');
	assert_int_equal(t.s.part, 10);
	press('>');
	assert_int_equal(t.s.part, 11);
	assert_int_equal(t.s.dev, 10);
	press('d');
	assert_int_equal(state_page(&t.s), PAGE_KERNEL_DROPS);
	t.row[1].part_key = 10;
	press('j');
	press(WEIR_KEY_ENTER);
	assert_int_equal(state_page(&t.s), PAGE_KERNEL_PATH);
	assert_int_equal(t.s.chosen[PAGE_KERNEL_PATH], 1);
	assert_int_equal(t.s.part, 10);
	press('l');
	assert_int_equal(state_page(&t.s), PAGE_KERNEL_LATENCY);
	assert_int_equal(state_list(&t.s), PAGE_KERNEL_PATH);
	press(WEIR_KEY_ESC);
	press(WEIR_KEY_ESC);
	assert_int_equal(t.s.part, 0);
	assert_int_equal(t.s.dev, 10);
	press('c');
	assert_int_equal(state_page(&t.s), PAGE_KERNEL_DEVS);
	press('r');
	assert_true(t.s.watched);
}

static void pages_of_no_plane_are_there_in_each_and_end_by_tab(void **state)
{
	static const struct {
		int key;
		enum page page;
	} pages[] = {{'b', PAGE_BOTH}, {'t', PAGE_TRACE}};

	(void)state;
	for (int i = 0; i < 2; i++) {
		state_init(&t.s);
		for (unsigned int plane = 0; plane < WEIR_PLANE_COUNT; plane++) {
			press(pages[i].key);
			assert_int_equal(state_page(&t.s), pages[i].page);
			press(WEIR_KEY_TAB);
			assert_int_not_equal(state_page(&t.s), pages[i].page);
		}
		press(pages[i].key);
		press(pages[i].key);
		assert_int_equal(state_page(&t.s), PAGE_PATH);
	}
}

static void devices_go_round_with_all_of_them(void **state)
{
	(void)state;
	press(WEIR_KEY_RIGHT);
	assert_int_equal(t.s.dev, 10);
	press('>');
	assert_int_equal(t.s.dev, 11);
	press('>');
	assert_int_equal(t.s.dev, 0);
	press('<');
	assert_int_equal(t.s.dev, 11);
	press(WEIR_KEY_ESC);
	assert_int_equal(t.s.dev, 0);
	assert_int_equal(state_press(&t.s, &t.rows, VISIBLE, NULL, 0, '>'), CHANGED_VIEW);
	assert_int_equal(t.s.dev, 0);
}

static void filter_takes_effect_while_typed_and_escape_undoes_it(void **state)
{
	(void)state;
	press('\\');
	assert_int_equal(t.s.input, INPUT_NONE); /* not on the path: it would tear the map */
	assert_non_null(t.s.note);
	press('d');
	press('\\');
	type("row q");
	assert_string_equal(t.s.filter, "row q"); /* and q does not quit */
	press(WEIR_KEY_BACKSPACE);
	assert_string_equal(t.s.filter, "row ");
	press(WEIR_KEY_ENTER);
	assert_int_equal(t.s.input, INPUT_NONE);
	assert_string_equal(t.s.filter, "row ");
	press('\\');
	type("x");
	press(WEIR_KEY_ESC);
	assert_string_equal(t.s.filter, "row ");
	press(WEIR_KEY_ESC);
	assert_string_equal(t.s.filter, "");
	assert_int_equal(state_page(&t.s), PAGE_DROPS);
	press('\\');
	for (int i = 0; i < 100; i++)
		press('x');
	assert_int_equal(strlen(t.s.filter), STATE_TEXT - 1);
	press(21);
	assert_string_equal(t.s.filter, "");
	press(WEIR_KEY_LEFT);
	press(0xe9);
	assert_string_equal(t.s.filter, "");
}

static void find_goes_to_the_next_row_with_the_text(void **state)
{
	(void)state;
	press('/');
	type("rOW 1");
	assert_int_equal(at(), 1);
	type("3");
	assert_int_equal(at(), 13);
	press(WEIR_KEY_ESC);
	assert_int_equal(at(), 0);
	press('/');
	type("row 1");
	press(WEIR_KEY_ENTER);
	assert_int_equal(at(), 1);
	press('/'); /* again, from there on */
	press(WEIR_KEY_ENTER);
	assert_int_equal(at(), 10);
	press('/');
	type("zebra");
	press(WEIR_KEY_ENTER);
	assert_int_equal(at(), 10);
	assert_non_null(t.s.note);
}

static void sort_goes_through_the_columns_of_lists_only(void **state)
{
	unsigned int nr = rows_nr_sorts(PAGE_DROPS);

	(void)state;
	press('s');
	assert_non_null(t.s.note);
	press('d');
	assert_null(t.s.note);
	assert_true(nr > 1);
	for (unsigned int i = 0; i < nr; i++) {
		assert_int_equal(t.s.sort[PAGE_DROPS], i);
		press('s');
	}
	assert_int_equal(t.s.sort[PAGE_DROPS], 0);
	press('I');
	assert_true(t.s.invert[PAGE_DROPS]);
	assert_int_equal(t.s.sort[PAGE_DEVS], 0);
}

static void pause_is_told_and_reset_keeps_it(void **state)
{
	(void)state;
	assert_int_equal(press(' '), CHANGED_VIEW | CHANGED_PAUSE);
	assert_true(t.s.paused);
	press('d');
	press('s');
	press('>');
	press('\\');
	type("x");
	press(WEIR_KEY_ENTER);
	press('r');
	assert_true(t.s.paused);
	assert_int_equal(state_page(&t.s), PAGE_DROPS);
	assert_int_equal(t.s.sort[PAGE_DROPS], 0);
	assert_int_equal(t.s.dev, 0);
	assert_string_equal(t.s.filter, "");
	assert_int_equal(press('Z'), CHANGED_VIEW | CHANGED_PAUSE);
	assert_false(t.s.paused);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_key_means_one_thing),
		TEST(keys_are_those_of_the_house),
		TEST(moving_stays_within_the_rows),
		TEST(the_choice_follows_its_row),
		TEST(pages_lead_there_and_back),
		TEST(enter_on_a_drop_leads_to_its_stage_and_device),
		TEST(planes_go_round_and_unseen_ones_have_one_page),
		TEST(the_kernel_plane_has_its_own_pages_and_choice),
		TEST(pages_of_no_plane_are_there_in_each_and_end_by_tab),
		TEST(devices_go_round_with_all_of_them),
		TEST(filter_takes_effect_while_typed_and_escape_undoes_it),
		TEST(find_goes_to_the_next_row_with_the_text),
		TEST(sort_goes_through_the_columns_of_lists_only),
		TEST(pause_is_told_and_reset_keeps_it),
	};

	return WEIR_RUN(tests);
}
