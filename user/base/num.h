/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers: read strictly, written for people. */
#ifndef WEIR_NUM_H
#define WEIR_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Readers take decimal digits and nothing else: no sign, no blank, no leading zero. They return
 * false, and leave the result untouched, when the text is anything else or out of range.
 */
bool weir_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* "1/N" with N in 1..2^31. */
bool weir_parse_ratio(const char *text, uint32_t *n);

/* Seconds with up to nine decimals, in nanoseconds: "1", "0.5". */
bool weir_parse_seconds(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *ns);

/* Longest text that a writer makes, with its NUL; the unit counts in addition. */
#define WEIR_NUM_MAX 24

/*
 * Three significant digits and a decimal prefix: 0, 983, 12.4 k, 1.92 M; with a unit 983 Mb/s,
 * 41/s. The number and its prefix never take more than six columns up to 999 Y.
 */
void weir_format_si(char *buf, size_t size, double value, const char *unit);

/* A span of time: 41 ns, 1.23 µs ("us" unless @utf8), 2.10 s. */
void weir_format_ns(char *buf, size_t size, double ns, bool utf8);

/* A time of day in seconds since 1970, local: 20:11:05. */
void weir_format_clock(char *buf, size_t size, uint64_t seconds);

#endif
