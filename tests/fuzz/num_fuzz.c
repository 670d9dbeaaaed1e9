// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Numbers read and written, and the distance of words. */
#include <errno.h>
#include <inttypes.h>

#include "base/num.h"
#include "base/word.h"
#include "fuzz.h"

/* What is taken is what strtoull() makes of it, and is written so and no other way. */
static void check_u64(const char *text)
{
	uint64_t v = 42;
	char again[32];

	if (!weir_parse_u64(text, 0, UINT64_MAX, &v)) {
		MUST(v == 42);
		return;
	}
	errno = 0;
	MUST(v == strtoull(text, NULL, 10) && !errno);
	snprintf(again, sizeof(again), "%" PRIu64, v);
	MUST(!strcmp(text, again));
	MUST(weir_parse_u64(text, v, v, &v));
	MUST(v == UINT64_MAX || !weir_parse_u64(text, v + 1, UINT64_MAX, &v));
	MUST(!v || !weir_parse_u64(text, 0, v - 1, &v));
}

static void check_ratio(const char *text)
{
	uint32_t n = 0;
	char again[32];

	if (!weir_parse_ratio(text, &n)) {
		MUST(!n);
		return;
	}
	MUST(n >= 1 && n <= UINT32_C(1) << 31);
	snprintf(again, sizeof(again), "1/%" PRIu32, n);
	MUST(!strcmp(text, again));
}

static void check_seconds(const char *text)
{
	unsigned __int128 want;
	uint64_t ns = 42;
	char *end;

	if (!weir_parse_seconds(text, 0, UINT64_MAX, &ns)) {
		MUST(ns == 42);
		return;
	}
	MUST(strspn(text, "0123456789.") == strlen(text));
	want = strtoull(text, &end, 10);
	end += *end == '.';
	MUST(strlen(end) <= 9);
	for (int i = 0; i < 9; i++)
		want = want * 10 + (*end ? (unsigned int)(*end++ - '0') : 0);
	MUST(want == ns);
}

static bool fits(const char *text, size_t size, const char *unit)
{
	size_t len = strnlen(text, size);

	return len > 0 && len < size && len < WEIR_NUM_MAX + strlen(unit);
}

static void check_format(double value)
{
	char buf[64];

	weir_format_si(buf, sizeof(buf), value, "b/s");
	MUST(value > 1e27 || fits(buf, sizeof(buf), "b/s"));
	weir_format_ns(buf, sizeof(buf), value, true);
	MUST(value > 1e15 || fits(buf, sizeof(buf), ""));
	weir_format_si(buf, 4, value, "/s"); /* no room: cut, not written beyond */
	MUST(strnlen(buf, 4) < 4);
	weir_format_ns(buf, 1, value, false);
	MUST(!buf[0]);
}

/* A distance: nothing from itself, the same both ways, not more than the longer one's letters. */
static void check_distance(const char *a, const char *b)
{
	size_t longer = strnlen(a, 63) > strnlen(b, 63) ? strnlen(a, 63) : strnlen(b, 63);
	unsigned int distance = weir_word_distance(a, b);
	struct weir_nearest nearest = {.typed = a};

	MUST(!weir_word_distance(a, a));
	MUST(distance == weir_word_distance(b, a));
	MUST(distance <= longer);
	weir_nearest_offer(&nearest, b);
	MUST(!nearest.word || nearest.word == b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), *words[2];
	struct feed f = {data, data + size};
	double value;
	uint64_t bits = feed64(&f);

	memcpy(&value, &bits, sizeof(value));
	check_format(value);
	check_format((double)bits);
	check_u64(text);
	check_ratio(text);
	check_seconds(text);
	if (words_of(text, words, 2) == 2)
		check_distance(words[0], words[1]);
	free(text);
	return 0;
}
