// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

/* Digits at *@text, which is moved behind them; false where there are none or they overflow. */
static bool take_digits(const char **text, uint64_t *value)
{
	const char *p = *text;
	uint64_t v = 0;

	if (*p == '0' && p[1] >= '0' && p[1] <= '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	if (p == *text)
		return false;
	*text = p;
	*value = v;
	return true;
}

bool weir_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t v;

	if (!take_digits(&text, &v) || *text || v < min || v > max)
		return false;
	*value = v;
	return true;
}

bool weir_parse_ratio(const char *text, uint32_t *n)
{
	uint64_t v;

	if (strncmp(text, "1/", 2) || !weir_parse_u64(text + 2, 1, UINT64_C(1) << 31, &v))
		return false;
	*n = (uint32_t)v;
	return true;
}

bool weir_parse_seconds(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *ns)
{
	uint64_t v, digit = 100000000;

	if (!take_digits(&text, &v) || __builtin_mul_overflow(v, UINT64_C(1000000000), &v))
		return false;
	if (*text == '.') {
		if (!*++text)
			return false;
		for (; digit && *text >= '0' && *text <= '9'; text++, digit /= 10)
			if (__builtin_add_overflow(v, digit * (uint64_t)(*text - '0'), &v))
				return false;
	}
	if (*text || v < min_ns || v > max_ns)
		return false;
	*ns = v;
	return true;
}

/* @value, below 1000 when rounded, with three significant digits. */
static int three_digits(char *buf, size_t size, double value)
{
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	return snprintf(buf, size, "%.*f", decimals, value);
}

/* No closer to a fraction than two decimals would show; @value is below 1000. */
static bool is_whole(double value)
{
	double rest = value - (double)(unsigned int)(value + 0.5);

	return rest > -0.005 && rest < 0.005;
}

void weir_format_si(char *buf, size_t size, double value, const char *unit)
{
	static const char prefixes[] = " kMGTPEZY";
	const char *prefix = prefixes;
	char digits[WEIR_NUM_MAX];

	if (!(value > 0))
		value = 0;
	while (value >= 999.5 && prefix[1]) {
		value /= 1000;
		prefix++;
	}
	if (*prefix == ' ' && is_whole(value))
		snprintf(digits, sizeof(digits), "%.0f", value);
	else
		three_digits(digits, sizeof(digits), value);
	if (*prefix == ' ')
		snprintf(buf, size, "%s%s%s", digits, *unit && *unit != '/' ? " " : "", unit);
	else
		snprintf(buf, size, "%s %c%s", digits, *prefix, unit);
}

void weir_format_ns(char *buf, size_t size, double ns, bool utf8)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	unsigned int i = 0;
	char digits[WEIR_NUM_MAX];

	if (!(ns > 0))
		ns = 0;
	while (ns >= 999.5 && i < 3) {
		ns /= 1000;
		i++;
	}
	if (i == 0)
		snprintf(digits, sizeof(digits), "%.0f", ns);
	else
		three_digits(digits, sizeof(digits), ns);
	snprintf(buf, size, "%s %s", digits, i == 1 && utf8 ? "µs" : units[i]);
}

void weir_format_clock(char *buf, size_t size, uint64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!localtime_r(&when, &tm) || !strftime(buf, size, "%H:%M:%S", &tm))
		snprintf(buf, size, "?");
}
