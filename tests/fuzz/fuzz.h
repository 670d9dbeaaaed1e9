/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the fuzzers share: the entry that libFuzzer calls, and input as words or numbers. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. Not assert(): a failure must be one in every build. */
#define MUST(true_)                                                                                \
	do {                                                                                       \
		if (!(true_)) {                                                                    \
			dprintf(2, "%s:%d: not so: %s\n", __FILE__, __LINE__, #true_);             \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Input as text, which the caller frees: it ends where the memory ends, so that any step beyond is
 * seen. */
static inline char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* The lines of a text as words, in place. Returns how many; what is more than @max is not taken. */
static inline int words_of(char *text, char **words, int max)
{
	int nr = 0;

	for (char *end; *text && nr < max; text = end) {
		words[nr++] = text;
		end = text + strcspn(text, "\n");
		if (*end)
			*end++ = '\0';
	}
	return nr;
}

/* Numbers from the input; 0 behind its end. */
struct feed {
	const uint8_t *at, *end;
};

static inline uint8_t feed8(struct feed *f)
{
	return f->at < f->end ? *f->at++ : 0;
}

static inline uint64_t feed64(struct feed *f)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | feed8(f);
	return v;
}

#endif
