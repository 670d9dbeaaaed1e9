// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <string.h>

#include "base/word.h"

enum { WORD_MAX = 63 };

static unsigned int min_of(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

unsigned int weir_word_distance(const char *a, const char *b)
{
	unsigned int row[3][WORD_MAX + 1], *before = row[0], *last = row[1], *now = row[2], *spare;
	size_t la = strnlen(a, WORD_MAX), lb = strnlen(b, WORD_MAX);

	for (unsigned int j = 0; j <= lb; j++)
		last[j] = j;
	for (unsigned int i = 1; i <= la; i++) {
		now[0] = i;
		for (unsigned int j = 1; j <= lb; j++) {
			unsigned int cost = !same(a[i - 1], b[j - 1]);

			now[j] = min_of(min_of(last[j], now[j - 1]) + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				now[j] = min_of(now[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[lb];
}

void weir_nearest_offer(struct weir_nearest *nearest, const char *word)
{
	size_t longer = strlen(nearest->typed), other = strlen(word);
	unsigned int distance, limit;

	if (other > longer)
		longer = other;
	/* more than a third of the letters wrong, or all, is another word, not a slip */
	limit = longer <= 3 ? 1 : (unsigned int)(longer + 1) / 3;
	distance = weir_word_distance(nearest->typed, word);
	if (distance > limit || distance == longer ||
		(nearest->word && distance >= nearest->distance))
		return;
	nearest->word = word;
	nearest->distance = distance;
}
