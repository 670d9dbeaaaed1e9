// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tui/glyphs.h"

const struct glyphs glyphs_utf8 = {
	.utf8 = true,
	.ellipsis = U'…',
	.mark = U'›',
	.into = U'▼',
	.spine = U'│',
	.branch = {U'├', U'─', U'▶'},
	.level = {U'▁', U'▂', U'▃', U'▄', U'▅', U'▆', U'▇', U'█'},
	.shade = {U'░', U'▒', U'▓', U'█'},
	.bar = U'█',
	.track = U'░',
	.wall = U'│',
	.up = U'▲',
	.down = U'▼',
	.dot = "·",
	.to = "→",
};

const struct glyphs glyphs_ascii = {
	.utf8 = false,
	.ellipsis = '~',
	.mark = '>',
	.into = 'v',
	.spine = '|',
	.branch = {'+', '-', '>'},
	.level = {'_', '.', ':', '-', '=', '+', '*', '#'},
	.shade = {'.', ':', 'o', '#'},
	.bar = '#',
	.track = '.',
	.wall = '|',
	.up = '^',
	.down = 'v',
	.dot = ".",
	.to = "->",
};
