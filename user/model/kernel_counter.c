// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "model/kernel_counter.h"

const struct weir_ksource_info weir_ksource_info[WEIR_KSOURCE_COUNT] = {
#define SOURCE(id, scope, bits, text) {#id, text, WEIR_KSCOPE_##scope, bits},
	WEIR_KSOURCES(SOURCE)
#undef SOURCE
};

const struct weir_kwhat_info weir_kwhat_info[WEIR_KWHAT_COUNT] = {
#define WHAT(id, text) {#id, text},
	WEIR_KWHATS(WHAT)
#undef WHAT
};

const struct weir_kcounter_info weir_kcounter_info[WEIR_KCOUNTER_COUNT] = {
#define COUNT(id, source, group, field, stage, what, text)                                         \
	{group field, group, field, text, WEIR_KSOURCE_##source, WEIR_STAGE_##stage,               \
		WEIR_KWHAT_##what, NULL, NULL, WEIR_KEVENT_silent, WEIR_KCOUNTER_none},
#define DROP(id, source, group, field, stage, event, of, cause, text, remedy)                      \
	{group field, group, field, text, WEIR_KSOURCE_##source, WEIR_STAGE_##stage,               \
		WEIR_KWHAT_drops, #cause, remedy, WEIR_KEVENT_##event, WEIR_KCOUNTER_##of},
	WEIR_KCOUNTERS(COUNT, DROP)
#undef COUNT
#undef DROP
};

enum weir_kscope weir_kcounter_scope(enum weir_kcounter counter)
{
	return weir_ksource_info[weir_kcounter_info[counter].source].scope;
}

/* One name against one pattern; '#' is any number a queue can have. */
static bool is_like(
	const char *pattern, size_t pattern_len, const char *name, size_t len, unsigned int *queue)
{
	const char *end = name + len, *stop = pattern + pattern_len;
	unsigned int number = 0;

	for (; pattern < stop; pattern++) {
		const char *first = name;

		if (*pattern != '#') {
			if (name == end || *name++ != *pattern)
				return false;
			continue;
		}
		for (number = 0; name < end && *name >= '0' && *name <= '9'; name++) {
			number = number * 10 + (unsigned int)(*name - '0');
			if (number > 0xffff)
				return false;
		}
		if (name == first)
			return false;
	}
	if (name != end)
		return false;
	*queue = number;
	return true;
}

static bool is_field(const char *patterns, const char *name, size_t len, unsigned int *queue)
{
	for (;;) {
		size_t n = strcspn(patterns, "|");

		if (is_like(patterns, n, name, len, queue))
			return true;
		if (!patterns[n])
			return false;
		patterns += n + 1;
	}
}

enum weir_kcounter weir_kcounter_find(enum weir_ksource source, const char *group, size_t group_len,
	const char *field, size_t len, unsigned int *queue)
{
	for (unsigned int i = 0; i < WEIR_KCOUNTER_COUNT; i++) {
		const struct weir_kcounter_info *info = &weir_kcounter_info[i];

		if (info->source == source && strlen(info->group) == group_len &&
			!memcmp(info->group, group, group_len) &&
			is_field(info->field, field, len, queue))
			return i;
	}
	return WEIR_KCOUNTER_none;
}
