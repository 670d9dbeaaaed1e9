/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The signs that pages are made of: one set for UTF-8, one for terminals that have ASCII only. */
#ifndef WEIR_GLYPHS_H
#define WEIR_GLYPHS_H

#include <stdbool.h>
#include <uchar.h>

enum { GLYPH_LEVELS = 8, GLYPH_SHADES = 4 };

struct glyphs {
	bool utf8;
	char32_t ellipsis;
	char32_t mark;		      /* before the chosen row */
	char32_t into;		      /* a packet comes in, or leaves by a device */
	char32_t spine;		      /* it goes on */
	char32_t branch[3];	      /* it leaves to the side */
	char32_t level[GLYPH_LEVELS]; /* of a sparkline: the least stands for 0 */
	char32_t shade[GLYPH_SHADES]; /* of a heat map: few to many */
	char32_t bar, track;	      /* a share, and what is left to the whole */
	char32_t wall;
	char32_t up, down; /* sorted, and whether there is more */
	const char *dot;   /* nothing */
	const char *to;	   /* an arrow */
};

extern const struct glyphs glyphs_utf8, glyphs_ascii;

#endif
