// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "base/num.h"
#include "out/face.h"

enum { CELL_MAX = 512, CAUSES_SHOWN = 3 };

static void causes_cell(char *cell, const json_t *causes)
{
	size_t used = 0, i, nr = json_array_size(causes);

	for (i = 0; i < nr && i < CAUSES_SHOWN; i++) {
		const json_t *cause = json_array_get(causes, i);
		const json_t *rate = json_object_get(cause, "pps");
		char number[WEIR_NUM_MAX];
		int n;

		if (rate)
			weir_format_si(number, sizeof(number), json_number_value(rate), "");
		else
			snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
				weir_get_int(cause, "packets"));
		n = snprintf(cell + used, CELL_MAX - used, "%s%s %s", i ? ", " : "",
			weir_get_text(cause, "cause"), number);
		used += n > 0 ? (size_t)n : 0;
		if (used >= CELL_MAX)
			return;
	}
	if (nr > CAUSES_SHOWN)
		snprintf(cell + used, CELL_MAX - used, ", %zu more", nr - CAUSES_SHOWN);
}

/* Leaves the cell empty for nothing. */
static void fill_cell(const struct weir_face *face, const struct weir_column *column,
	const json_t *row, char cell[CELL_MAX])
{
	const json_t *value = json_object_get(row, column->key);

	cell[0] = '\0';
	if (!value || json_is_null(value))
		return;
	switch (column->format) {
	case WEIR_TEXT:
		if (json_is_string(value))
			snprintf(cell, CELL_MAX, "%s", json_string_value(value));
		break;
	case WEIR_FLAG:
		if (json_is_true(value))
			strcpy(cell, "yes");
		break;
	case WEIR_NUMBER:
	case WEIR_COUNT:
		if (json_integer_value(value) || column->format == WEIR_NUMBER)
			snprintf(
				cell, CELL_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case WEIR_SI:
		if (json_number_value(value) > 0)
			weir_format_si(cell, CELL_MAX, json_number_value(value), "");
		break;
	case WEIR_NS:
		weir_format_ns(cell, CELL_MAX, json_number_value(value), face->utf8);
		break;
	case WEIR_CAUSES:
		causes_cell(cell, value);
		break;
	}
}

int weir_columns_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static int width_of(
	const struct weir_face *face, const struct weir_column *column, const json_t *rows)
{
	int width = weir_columns_of(column->title), n;
	char cell[CELL_MAX];
	const json_t *row;
	size_t i;

	if (column->width > width)
		width = column->width;
	json_array_foreach (rows, i, row) {
		fill_cell(face, column, row, cell);
		n = weir_columns_of(cell);
		if (n > width)
			width = n;
	}
	return width;
}

static void print_cell(const struct weir_face *face, const struct weir_column *column,
	enum weir_ink ink, const char *cell, int width, bool last)
{
	int pad = width - weir_columns_of(cell);
	bool right = column->format == WEIR_NUMBER || column->format == WEIR_COUNT ||
		     column->format == WEIR_SI || column->format == WEIR_NS;

	if (right)
		fprintf(face->file, "%*s", pad, "");
	weir_ink(face, ink, "%s", cell);
	if (!last)
		fprintf(face->file, "%*s", right ? 2 : pad + 2, "");
}

static enum weir_ink ink_of(const struct weir_column *column, const char *cell)
{
	if (!column->alarm || !*cell || (column->fine && !strcmp(cell, column->fine)))
		return WEIR_PLAIN;
	return WEIR_ALARM;
}

void weir_table(const struct weir_face *face, const struct weir_column *columns, size_t nr,
	const json_t *rows)
{
	int width[24];
	char cell[CELL_MAX];
	const json_t *row;
	size_t r, c;

	if (nr > sizeof(width) / sizeof(*width))
		nr = sizeof(width) / sizeof(*width);
	for (c = 0; c < nr; c++) {
		width[c] = width_of(face, &columns[c], rows);
		print_cell(face, &columns[c], WEIR_HEAD, columns[c].title, width[c], c == nr - 1);
	}
	fputc('\n', face->file);
	json_array_foreach (rows, r, row) {
		for (c = 0; c < nr; c++) {
			enum weir_ink ink;

			fill_cell(face, &columns[c], row, cell);
			ink = ink_of(&columns[c], cell);
			if (!*cell)
				strcpy(cell, weir_dot(face));
			print_cell(face, &columns[c], ink, cell, width[c], c == nr - 1);
		}
		fputc('\n', face->file);
	}
}
