// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "test.h"
#include "tui/layout.h"

enum { MIN_W = 20, MIN_H = 5, MAX_W = 300, MAX_H = 100 };

static void assert_inside(struct box b, int w, int h)
{
	assert_true(b.x >= 0 && b.y >= 0 && b.w >= 0 && b.h >= 0);
	assert_true(b.x + b.w <= w && b.y + b.h <= h);
}

static bool overlap(struct box a, struct box b)
{
	return a.w && a.h && b.w && b.h && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h &&
	       b.y < a.y + a.h;
}

static void assert_apart(const struct box *boxes, int nr, int w, int h)
{
	for (int i = 0; i < nr; i++) {
		assert_inside(boxes[i], w, h);
		for (int j = 0; j < i; j++)
			assert_false(overlap(boxes[i], boxes[j]));
	}
}

static void frames_fit_every_screen(void **state)
{
	(void)state;
	for (int w = MIN_W; w <= MAX_W; w++) {
		for (int h = MIN_H; h <= MAX_H; h++) {
			struct frame f = layout_frame(w, h, false);
			struct box boxes[] = {f.title, f.totals, f.body, f.trouble, f.footer};

			assert_int_equal(f.fits, w >= LAYOUT_MIN_W && h >= LAYOUT_MIN_H);
			assert_apart(boxes, 5, w, h);
			if (!f.fits)
				continue;
			assert_true(f.body.h >= 4 && f.trouble.h >= 2);
			for (int i = 0; i < 5; i++)
				assert_true(boxes[i].w >= w - 1 && boxes[i].h >= 1);
		}
	}
}

#define ALL_HOOKS ((1u << WEIR_HOOK_COUNT) - 1)

static void the_map_fits_every_screen(void **state)
{
	struct path_line lines[PATH_LINES_MAX];

	(void)state;
	for (int h = LAYOUT_MIN_H; h <= MAX_H; h++) {
		struct frame f = layout_frame(80, h, false);
		struct path_layout l = layout_path((struct box){0, 0, f.body.w, f.body.h}, ALL_HOOKS);
		struct box boxes[] = {l.head, l.map, l.detail, l.drops, l.latency};
		int nr = layout_path_lines(l.sides, ALL_HOOKS, lines);

		assert_apart(boxes, 5, f.body.w, f.body.h);
		assert_true(l.map.h >= 1);
		/* as much as fits: only the sparest kind of map is ever scrolled */
		assert_true(nr == l.map.h || l.sides == SIDES_COLUMN);
	}
}

static void all_of_the_map_is_there_from_80x24(void **state)
{
	struct path_line lines[PATH_LINES_MAX];

	(void)state;
	for (int h = 24; h <= MAX_H; h++) {
		struct frame f = layout_frame(80, h, false);
		struct path_layout l = layout_path((struct box){0, 0, f.body.w, f.body.h}, ALL_HOOKS);

		assert_int_equal(layout_path_lines(l.sides, ALL_HOOKS, lines), l.map.h);
	}
}

static void the_map_has_every_stage_in_order_and_every_way_out(void **state)
{
	struct path_line lines[PATH_LINES_MAX];

	(void)state;
	for (enum sides sides = SIDES_SPLIT; sides <= SIDES_COLUMN; sides++) {
		int nr = layout_path_lines(sides, ALL_HOOKS, lines), stage = 0;

		for (int i = 0; i < nr; i++)
			if (lines[i].kind == LINE_STAGE)
				assert_int_equal(lines[i].stage, stage++);
		assert_int_equal(stage, WEIR_FAST_STAGE_COUNT);
		assert_int_equal(lines[nr - 1].kind, LINE_OUT);
	}
	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
		enum weir_kind kind = weir_exit_info[e].kind;
		bool found = false;
		int nr = layout_path_lines(SIDES_SPLIT, ALL_HOOKS, lines);

		for (int i = 0; i < nr; i++)
			found = found ||
				(lines[i].stage == weir_exit_info[e].fast &&
					((kind == WEIR_KIND_PASS && lines[i].kind == LINE_PASSED) ||
						(kind == WEIR_KIND_PUNT &&
							lines[i].kind == LINE_PUNTED)));
		assert_int_equal(found, kind == WEIR_KIND_PASS || kind == WEIR_KIND_PUNT);
	}
}

static void a_map_has_the_stages_of_its_hooks_alone(void **state)
{
	struct path_line lines[PATH_LINES_MAX];

	(void)state;
	for (enum weir_hook hook = 0; hook < WEIR_HOOK_COUNT; hook++) {
		int nr = layout_path_lines(SIDES_COLUMN, 1u << hook, lines);

		assert_int_equal(lines[0].stage, weir_hook_entry(hook));
		for (int i = 0; i < nr - 1; i++)
			assert_true(weir_hook_crosses(hook, lines[i].stage));
		assert_int_equal(lines[nr - 1].kind, LINE_OUT);
	}
}

static void columns_fit_and_come_by_rank(void **state)
{
	static const struct column columns[] = {
		{"a", 10, 20, 20, 0, false},
		{"b", 5, 5, 5, 3, true},
		{"c", 8, 8, 60, 1, true},
		{"d", 0, 0, 0, 2, true}, /* not asked for */
		{"e", 7, 9, 9, 4, false},
	};
	struct span s[5];
	int shown_before = 0;

	(void)state;
	for (int w = 10; w <= MAX_W; w++) {
		int end = -1, shown = 0;

		layout_columns(columns, 5, w, 2, s);
		assert_true(s[0].w >= 10);
		assert_int_equal(s[3].w, 0);
		for (int i = 0; i < 5; i++) {
			if (!s[i].w)
				continue;
			shown++;
			assert_true(s[i].w >= columns[i].min && s[i].w <= columns[i].max);
			assert_int_equal(s[i].x, end < 0 ? 0 : end + 2);
			end = s[i].x + s[i].w;
		}
		assert_true(end <= w);
		/* the one of a lower rank is never left out for one of a higher */
		assert_true(!s[1].w || s[2].w);
		assert_true(!s[4].w || s[1].w);
		/* and a wider screen shows no less */
		assert_true(shown >= shown_before);
		shown_before = shown;
	}
	assert_int_equal(shown_before, 4);
}

static void scrolling_keeps_the_chosen_line_in_sight(void **state)
{
	(void)state;
	for (int nr = 1; nr < 40; nr++) {
		for (int visible = 1; visible < 45; visible++) {
			for (int at = 0; at < nr; at++) {
				int top = layout_scroll(nr, visible, at);

				assert_true(top >= 0 && at >= top && at < top + visible);
				assert_true(nr <= visible ? !top : top + visible <= nr);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_fit_every_screen),
		cmocka_unit_test(the_map_fits_every_screen),
		cmocka_unit_test(all_of_the_map_is_there_from_80x24),
		cmocka_unit_test(a_map_has_the_stages_of_its_hooks_alone),
		cmocka_unit_test(the_map_has_every_stage_in_order_and_every_way_out),
		cmocka_unit_test(columns_fit_and_come_by_rank),
		cmocka_unit_test(scrolling_keeps_the_chosen_line_in_sight),
	};

	return WEIR_RUN(tests);
}
