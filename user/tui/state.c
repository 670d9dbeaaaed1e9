// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "tui/rows.h"
#include "tui/state.h"

enum { CTRL_U = 21 };

void state_init(struct state *s)
{
	memset(s, 0, sizeof(*s));
	s->plane = WEIR_PLANE_fast;
	for (unsigned int i = 0; i < PAGE_COUNT; i++)
		s->chosen[i] = ~0ull;
}

static bool is_observed(const struct state *s)
{
	if (s->plane == WEIR_PLANE_kernel)
		return s->watched;
	return weir_plane_info[s->plane].observed;
}

enum page state_page(const struct state *s)
{
	static const enum page kernel[PAGE_COUNT] = {
		[PAGE_PATH] = PAGE_KERNEL_PATH,
		[PAGE_DROPS] = PAGE_KERNEL_DROPS,
		[PAGE_DEVS] = PAGE_KERNEL_DEVS,
		[PAGE_LATENCY] = PAGE_KERNEL_LATENCY,
	};

	if (s->help)
		return PAGE_HELP;
	if (s->page == PAGE_BOTH || s->page == PAGE_TRACE)
		return s->page;
	if (!is_observed(s))
		return PAGE_PLANE;
	return s->plane == WEIR_PLANE_kernel ? kernel[s->page] : s->page;
}

bool state_is_kernel(const struct state *s)
{
	return s->plane == WEIR_PLANE_kernel;
}

bool state_filters(enum page page)
{
	return page == PAGE_DROPS || page == PAGE_DEVS || page == PAGE_PLANE ||
	       page == PAGE_KERNEL_DROPS || page == PAGE_KERNEL_DEVS || page == PAGE_TRACE;
}

enum page state_list(const struct state *s)
{
	enum page page = state_page(s);

	if (page == PAGE_KERNEL_LATENCY)
		return PAGE_KERNEL_PATH;
	return page == PAGE_LATENCY ? PAGE_PATH : page;
}

static void choose(struct state *s, const struct rows *rows, long index)
{
	if (!rows->nr)
		return;
	if (index < 0)
		index = 0;
	if (index >= (long)rows->nr)
		index = (long)rows->nr - 1;
	s->chosen[state_list(s)] = rows->row[index].id;
}

static void move(struct state *s, const struct rows *rows, enum action action, int visible)
{
	long at = (long)rows_index(rows, s->chosen[state_list(s)]);
	long page = visible > 1 ? visible - 1 : 1;

	switch (action) {
	case ACTION_UP:
		at--;
		break;
	case ACTION_DOWN:
		at++;
		break;
	case ACTION_PAGE_UP:
		at -= page;
		break;
	case ACTION_PAGE_DOWN:
		at += page;
		break;
	case ACTION_FIRST:
		at = 0;
		break;
	default:
		at = (long)rows->nr - 1;
		break;
	}
	choose(s, rows, at);
}

/* Goes to the next row that has the text, from row @from on, and round. */
static bool find(struct state *s, const struct rows *rows, const char *text, unsigned int from)
{
	for (unsigned int i = 0; i < rows->nr; i++) {
		unsigned int at = (from + i) % rows->nr;

		if (!row_has(&rows->row[at], text))
			continue;
		choose(s, rows, (long)at);
		return true;
	}
	return false;
}

static void next_dev(struct state *s, const __u64 *devs, unsigned int nr, int step)
{
	__u64 *dev = state_is_kernel(s) ? &s->part : &s->dev;
	unsigned int at = 0;

	for (unsigned int i = 0; i < nr; i++)
		if (devs[i] == *dev)
			at = i + 1;
	at = (at + nr + 1 + (unsigned int)step) % (nr + 1);
	*dev = at ? devs[at - 1] : 0;
}

static void go(struct state *s, enum page page)
{
	if (!is_observed(s) && page != PAGE_BOTH && page != PAGE_TRACE) {
		s->page = PAGE_PATH; /* out of those two */
		s->note = state_is_kernel(s)
				  ? "the kernel plane is not watched: Tab goes to the next"
				  : "this plane is not observed in this version: Tab goes to the "
				    "next";
		return;
	}
	s->page = s->page == page ? PAGE_PATH : page;
}

static void enter(struct state *s, const struct rows *rows)
{
	const struct row *row;

	if (!rows->nr)
		return;
	row = &rows->row[rows_index(rows, s->chosen[state_list(s)])];
	switch (state_page(s)) {
	case PAGE_PATH:
	case PAGE_KERNEL_PATH:
		choose(s, rows, (long)(row - rows->row));
		s->page = PAGE_LATENCY;
		break;
	case PAGE_LATENCY:
	case PAGE_KERNEL_LATENCY:
		s->page = PAGE_PATH;
		break;
	case PAGE_KERNEL_DROPS:
		s->chosen[PAGE_KERNEL_PATH] = row->stage;
		s->part = row->part_key;
		s->page = PAGE_PATH;
		break;
	case PAGE_KERNEL_DEVS:
		s->part = row->part_key;
		s->page = PAGE_PATH;
		break;
	case PAGE_DROPS:
		s->chosen[PAGE_PATH] = row->stage;
		s->dev = row->id >> 16;
		s->page = PAGE_PATH;
		break;
	case PAGE_DEVS:
		s->dev = row->id >> 16;
		s->page = PAGE_PATH;
		break;
	default:
		break;
	}
}

static void back(struct state *s)
{
	if (s->help)
		s->help = false;
	else if (*s->filter)
		*s->filter = '\0';
	else if (s->page != PAGE_PATH)
		s->page = PAGE_PATH;
	else if (state_is_kernel(s))
		s->part = 0;
	else
		s->dev = 0;
}

static void reset(struct state *s)
{
	struct state fresh;

	state_init(&fresh);
	fresh.page = s->page;
	fresh.plane = s->plane;
	fresh.watched = s->watched;
	fresh.paused = s->paused;
	fresh.note = "the view is as at the start; counters were not touched";
	*s = fresh;
}

static void sort(struct state *s, enum action action)
{
	enum page page = state_page(s);
	unsigned int nr = rows_nr_sorts(page);

	if (!nr)
		s->note = "this list keeps its order; the pages of drops (d) and queues (c) sort";
	else if (action == ACTION_INVERT)
		s->invert[page] = !s->invert[page];
	else
		s->sort[page] = (s->sort[page] + 1) % nr;
}

static void begin_input(struct state *s, enum action action)
{
	enum page page = state_page(s);

	if (action == ACTION_FILTER && !state_filters(page)) {
		s->note = "this page is shown whole; the pages of drops (d) and queues (c) filter";
		return;
	}
	s->input = action == ACTION_FIND ? INPUT_FIND : INPUT_FILTER;
	s->chosen_before = s->chosen[state_list(s)];
	snprintf(s->filter_before, sizeof(s->filter_before), "%s", s->filter);
	snprintf(s->typed, sizeof(s->typed), "%s", s->input == INPUT_FILTER ? s->filter : "");
}

/* The text takes effect while it is typed. */
static void apply_input(struct state *s, const struct rows *rows)
{
	if (s->input == INPUT_FILTER)
		snprintf(s->filter, sizeof(s->filter), "%s", s->typed);
	else if (*s->typed)
		find(s, rows, s->typed, rows_index(rows, s->chosen_before));
}

static void end_find(struct state *s, const struct rows *rows)
{
	if (*s->typed) {
		snprintf(s->find, sizeof(s->find), "%s", s->typed);
		if (!find(s, rows, s->find, rows_index(rows, s->chosen_before)))
			s->note = "not found on this page";
	} else if (*s->find &&
		   !find(s, rows, s->find, rows_index(rows, s->chosen[state_list(s)]) + 1)) {
		s->note = "not found on this page";
	}
}

static unsigned int type(struct state *s, const struct rows *rows, int key)
{
	size_t len = strlen(s->typed);

	if (key == WEIR_KEY_ENTER) {
		if (s->input == INPUT_FIND)
			end_find(s, rows);
		s->input = INPUT_NONE;
		return CHANGED_VIEW;
	}
	if (key == WEIR_KEY_ESC) {
		snprintf(s->filter, sizeof(s->filter), "%s", s->filter_before);
		s->chosen[state_list(s)] = s->chosen_before;
		s->input = INPUT_NONE;
		return CHANGED_VIEW;
	}
	if (key == WEIR_KEY_BACKSPACE && len)
		s->typed[len - 1] = '\0';
	else if (key == CTRL_U)
		*s->typed = '\0';
	else if (key >= ' ' && key < WEIR_KEY_BACKSPACE && len + 1 < sizeof(s->typed))
		memcpy(&s->typed[len], (char[]){(char)key, '\0'}, 2);
	else
		return CHANGED_NOTHING;
	apply_input(s, rows);
	return CHANGED_VIEW;
}

static void turn(struct state *s, enum action action)
{
	unsigned int step = action == ACTION_PLANE_NEXT ? 1 : WEIR_PLANE_COUNT - 1;

	if (s->page == PAGE_BOTH || s->page == PAGE_TRACE)
		s->page = PAGE_PATH;
	s->plane = (s->plane + step) % WEIR_PLANE_COUNT;
	s->help = false;
}

static unsigned int act(struct state *s, const struct rows *rows, int visible, const __u64 *devs,
	unsigned int nr_devs, enum action action)
{
	switch (action) {
	case ACTION_QUIT:
		return CHANGED_QUIT;
	case ACTION_PAUSE:
		s->paused = !s->paused;
		return CHANGED_VIEW | CHANGED_PAUSE;
	case ACTION_HELP:
		s->help = !s->help;
		break;
	case ACTION_DEV_BEFORE:
	case ACTION_DEV_NEXT:
		next_dev(s, devs, nr_devs, action == ACTION_DEV_NEXT ? 1 : -1);
		break;
	case ACTION_PLANE_NEXT:
	case ACTION_PLANE_BEFORE:
		turn(s, action);
		break;
	case ACTION_ENTER:
		enter(s, rows);
		break;
	case ACTION_BACK:
		back(s);
		break;
	case ACTION_DROPS:
	case ACTION_LATENCY:
		s->help = false;
		go(s, action == ACTION_DROPS ? PAGE_DROPS : PAGE_LATENCY);
		break;
	case ACTION_BOTH:
	case ACTION_TRACE:
		s->help = false;
		go(s, action == ACTION_BOTH ? PAGE_BOTH : PAGE_TRACE);
		break;
	case ACTION_SHARES:
		if (state_page(s) == PAGE_DEVS)
			s->shares = s->shares == SHARES_QUEUES ? SHARES_CPUS : SHARES_QUEUES;
		else
			go(s, PAGE_DEVS);
		s->help = false;
		break;
	case ACTION_SORT:
	case ACTION_INVERT:
		sort(s, action);
		break;
	case ACTION_FIND:
	case ACTION_FILTER:
		begin_input(s, action);
		break;
	case ACTION_RESET:
		reset(s);
		break;
	case ACTION_COUNT:
		return CHANGED_NOTHING;
	default:
		move(s, rows, action, visible);
		break;
	}
	return CHANGED_VIEW;
}

unsigned int state_press(struct state *s, const struct rows *rows, int visible, const __u64 *devs,
	unsigned int nr_devs, int key)
{
	bool noted = s->note;
	unsigned int changed;

	s->note = NULL;
	if (s->input != INPUT_NONE)
		changed = type(s, rows, key);
	else
		changed = act(s, rows, visible, devs, nr_devs, weir_action_of(key));
	return noted ? changed | CHANGED_VIEW : changed;
}
