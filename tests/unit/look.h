/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The live screen over made-up devices, and what can be seen of it. */
#ifndef WEIR_LOOK_H
#define WEIR_LOOK_H

#include "made.h"
#include "made_kernel.h"
#include "test.h"
#include "tui/tui.h"

#define SECOND 1000000000ull

enum { LINE_BYTES = 4 * 300 + 1, WALL = 1700000000 };

static struct {
	struct made made;
	struct made_kernel kernel;
	struct weir_tui *tui;
	const struct cells *cells;
	__u64 wall_s;
	char line[LINE_BYTES];
} t;

static inline void open_tui(bool utf8)
{
	static const char name[] = "router";
	const struct weir_tui_config config = {.name = name,
		.option = " -n router",
		.period_ns = SECOND,
		.kernel_period_ns = SECOND,
		.utf8 = utf8};

	weir_tui_free(t.tui);
	assert_int_equal(weir_tui_new(&config, &t.tui), 0);
}

static inline int setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	memset(&t, 0, sizeof(t));
	t.wall_s = WALL;
	made_init(&t.made, 2);
	open_tui(true);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	weir_tui_free(t.tui);
	return 0;
}

static inline void look_after(__u64 ns)
{
	struct weir_snapshot snap = made_read(&t.made, ns);

	assert_int_equal(weir_tui_take(t.tui, &snap, ++t.wall_s), 0);
	assert_null(snap.devs);
}

static inline void look(void)
{
	look_after(SECOND);
}

/* At the kernel plane, too; the test has made it. */
static inline void look_at_both(void)
{
	struct weir_kernel_snapshot snap = made_kernel_read(&t.kernel, SECOND);

	look();
	assert_int_equal(weir_tui_take_kernel(t.tui, &snap, "", t.wall_s), 0);
	assert_null(snap.devs);
}

static inline void draw(int w, int h)
{
	t.cells = weir_tui_draw(t.tui, w, h);
	assert_non_null(t.cells);
	assert_int_equal(t.cells->w, w);
	assert_int_equal(t.cells->h, h);
}

/* Some of everything, and one drop. */
static inline void traffic(__u64 packets)
{
	for (unsigned int d = 0; d < t.made.nr_devs; d++) {
		made_packets(&t.made, d, WEIR_EXIT_xmit_NONE, packets);
		for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++)
			made_latency(&t.made, d, i, 40 + i * packets % 1000, packets);
	}
	made_packets(&t.made, 0, WEIR_EXIT_xdp_ARP, packets);
	made_packets(&t.made, 1, WEIR_EXIT_ip_forward_IP_TTL, packets);
	made_packets(&t.made, 0, WEIR_EXIT_route_in_BLACKHOLE, packets);
}

/* What is wrong with a cell, or NULL. */
static inline const char *wrong(const struct cell *cell, bool utf8)
{
	if (cell->c < ' ' || cell->c == 0x7f)
		return "no character";
	if (!utf8 && cell->c > 0x7e)
		return "no ASCII";
	return cell->role < ROLE_COUNT ? NULL : "no role";
}

static inline void draw_and_check(int w, int h, bool utf8)
{
	draw(w, h);
	for (int i = 0; i < w * h; i++)
		assert_null(wrong(&t.cells->at[i], utf8));
}

static inline void put_utf8(char **p, char32_t c)
{
	if (c < 0x80) {
		*(*p)++ = (char)c;
	} else if (c < 0x800) {
		*(*p)++ = (char)(0xc0 | c >> 6);
		*(*p)++ = (char)(0x80 | (c & 0x3f));
	} else {
		*(*p)++ = (char)(0xe0 | c >> 12);
		*(*p)++ = (char)(0x80 | (c >> 6 & 0x3f));
		*(*p)++ = (char)(0x80 | (c & 0x3f));
	}
}

static inline const char *line(int y)
{
	char *p = t.line;

	for (int x = 0; x < t.cells->w; x++)
		put_utf8(&p, t.cells->at[y * t.cells->w + x].c);
	*p = '\0';
	return t.line;
}

/* The line that has @text, or -1. */
static inline int find(const char *text)
{
	for (int y = 0; y < t.cells->h; y++)
		if (strstr(line(y), text))
			return y;
	return -1;
}

static inline void shows(const char *text)
{
	if (find(text) >= 0)
		return;
	for (int y = 0; y < t.cells->h; y++)
		print_message("%s\n", line(y));
	fail_msg("'%s' is not shown", text);
}

static inline void shows_not(const char *text)
{
	if (find(text) >= 0)
		fail_msg("'%s' is shown: %s", text, line(find(text)));
}

static inline void press(const char *keys)
{
	for (; *keys; keys++)
		assert_true(weir_tui_press(t.tui, *keys) >= 0);
}

#endif
