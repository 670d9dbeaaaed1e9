// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/cells.h"
#include "tui/glyphs.h"

enum { TEXT_BYTES = 1024 };

int cells_resize(struct cells *cells, int w, int h)
{
	size_t nr = (size_t)w * (size_t)h;

	if (w != cells->w || h != cells->h) {
		struct cell *at = calloc(nr ? nr : 1, sizeof(*at));

		if (!at)
			return -ENOMEM;
		free(cells->at);
		*cells = (struct cells){.w = w, .h = h, .at = at};
	}
	for (size_t i = 0; i < nr; i++)
		cells->at[i] = (struct cell){.c = ' '};
	return 0;
}

void cells_done(struct cells *cells)
{
	free(cells->at);
	memset(cells, 0, sizeof(*cells));
}

static int min_of(int a, int b)
{
	return a < b ? a : b;
}

static int max_of(int a, int b)
{
	return a > b ? a : b;
}

struct area area_part(const struct area *area, struct box box)
{
	const struct box *outer = &area->box;
	int right = min_of(outer->x + box.x + box.w, outer->x + outer->w);
	int bottom = min_of(outer->y + box.y + box.h, outer->y + outer->h);
	struct area part = *area;

	part.box.x = outer->x + box.x;
	part.box.y = outer->y + box.y;
	part.box.w = max_of(0, right - part.box.x);
	part.box.h = max_of(0, bottom - part.box.y);
	return part;
}

static struct cell *cell_at(const struct area *a, int x, int y)
{
	if (x < 0 || y < 0 || x >= a->box.w || y >= a->box.h)
		return NULL;
	return &a->cells->at[(a->box.y + y) * a->cells->w + a->box.x + x];
}

void area_put(const struct area *a, int x, int y, enum role role, char32_t c)
{
	struct cell *cell = cell_at(a, x, y);

	if (!cell)
		return;
	cell->c = c;
	cell->role = (unsigned char)role;
}

void area_mark(const struct area *a, int x, int y, int w)
{
	for (int end = x + w; x < end; x++) {
		struct cell *cell = cell_at(a, x, y);

		if (cell)
			cell->marked = true;
	}
}

/* What we are sure takes one column: names of devices are bytes, and could be anything. */
static bool is_one_column(char32_t c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= 0xa1 && c < 0x300 && c != 0xad) ||
	       (c >= 0x391 && c < 0x450) || (c >= 0x2010 && c < 0x2028) ||
	       (c >= 0x2190 && c < 0x2200) || (c >= 0x2500 && c < 0x2600);
}

/* The character at *@text, which is moved behind it; '?' for what is none. */
static char32_t next_char(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	int more = *p < 0x80 ? 0 : *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc2 ? 1 : -1;
	char32_t c = more < 1 ? *p : *p & (0x3fu >> more);

	(*text)++;
	if (more < 0)
		return '?';
	for (; more > 0; more--, (*text)++) {
		if ((**text & 0xc0) != 0x80)
			return '?';
		c = c << 6 | ((unsigned char)**text & 0x3fu);
	}
	return is_one_column(c) ? c : '?';
}

int text_columns(const char *text)
{
	int n = 0;

	for (; *text; n++)
		next_char(&text);
	return n;
}

int area_text(const struct area *a, int x, int y, int w, enum role role, const char *text)
{
	int end = x + min_of(w, a->box.w - x), columns = text_columns(text);
	bool cut = columns > end - x;

	while (*text && x < end) {
		char32_t c = next_char(&text);

		if (cut && x == end - 1 && end > 1)
			c = a->glyphs->ellipsis;
		else if (!a->glyphs->utf8 && c >= 0x7f)
			c = '?';
		area_put(a, x++, y, role, c);
	}
	return x;
}

int area_print(const struct area *a, int x, int y, int w, enum role role, const char *fmt, ...)
{
	char text[TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return area_text(a, x, y, w, role, text);
}

void area_right(const struct area *a, int x, int y, int w, enum role role, const char *text)
{
	int columns = min_of(text_columns(text), w);

	area_text(a, x + w - columns, y, columns, role, text);
}

/* How many bytes of @text go into @w columns without breaking a word, if that can be. */
static size_t line_bytes(const char *text, int w)
{
	const char *p = text, *blank = NULL;
	int n = 0;

	for (; *p && n < w; n++) {
		if (*p == ' ')
			blank = p;
		next_char(&p);
	}
	if (!*p || *p == ' ' || !blank)
		return (size_t)(p - text);
	return (size_t)(blank - text);
}

int area_wrap(const struct area *a, int y, int rows, enum role role, const char *text)
{
	char line[TEXT_BYTES];
	int used = 0;

	for (; *text && used < rows; used++) {
		size_t bytes = line_bytes(text, a->box.w);

		/* the last line takes what is left, and its ellipsis */
		if (used == rows - 1 || !bytes || bytes >= sizeof(line)) {
			area_text(a, 0, y + used, a->box.w, role, text);
			return used + 1;
		}
		memcpy(line, text, bytes);
		line[bytes] = '\0';
		area_text(a, 0, y + used, a->box.w, role, line);
		text += bytes + (text[bytes] == ' ');
	}
	return used;
}
