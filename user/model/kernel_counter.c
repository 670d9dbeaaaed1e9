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

__u32 weir_kcounter_layout(void)
{
	__u32 hash = 2166136261; /* FNV-1a */

	for (unsigned int i = 0; i < WEIR_KCOUNTER_COUNT; i++)
		for (const char *c = weir_kcounter_info[i].name;; c++) {
			hash = (hash ^ (__u8)*c) * 16777619;
			if (!*c)
				break;
		}
	return hash;
}

enum weir_kcounter weir_kcounter_find(enum weir_ksource source, const char *group, size_t group_len,
	const char *field, size_t len)
{
	for (unsigned int i = 0; i < WEIR_KCOUNTER_COUNT; i++) {
		const struct weir_kcounter_info *info = &weir_kcounter_info[i];

		if (info->source == source && strlen(info->group) == group_len &&
			strlen(info->field) == len && !memcmp(info->group, group, group_len) &&
			!memcmp(info->field, field, len))
			return i;
	}
	return WEIR_KCOUNTER_none;
}

/* '#' is any number that a queue can have. */
static bool is_like(const char *pattern, const char *name, unsigned int *queue)
{
	unsigned int number = 0;

	for (; *pattern; pattern++) {
		const char *first = name;

		if (*pattern != '#') {
			if (*name++ != *pattern)
				return false;
			continue;
		}
		for (number = 0; *name >= '0' && *name <= '9'; name++) {
			number = number * 10 + (unsigned int)(*name - '0');
			if (number > 0xffff)
				return false;
		}
		if (name == first)
			return false;
	}
	if (*name)
		return false;
	*queue = number;
	return true;
}

enum weir_kcounter weir_kcounter_of_driver(const char *name, unsigned int *queue)
{
	static const struct {
		enum weir_kcounter counter;
		const char *pattern;
	} names[] = {
#define NAME(id, pattern) {WEIR_KCOUNTER_##id, pattern},
		WEIR_KDRIVER_NAMES(NAME)
#undef NAME
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_like(names[i].pattern, name, queue))
			return names[i].counter;
	return WEIR_KCOUNTER_none;
}
