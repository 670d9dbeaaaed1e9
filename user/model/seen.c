// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "model/seen.h"

struct weir_seen_head *weir_seen_at(const struct weir_seen *s, unsigned int i)
{
	return (struct weir_seen_head *)(s->list + i * s->size);
}

/* Where @key is, or would be. */
static unsigned int place(const struct weir_seen *s, __u64 key)
{
	unsigned int low = 0, high = s->nr;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (weir_seen_at(s, middle)->key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void *weir_seen_find(const struct weir_seen *s, __u64 key)
{
	unsigned int i = place(s, key);

	return i < s->nr && weir_seen_at(s, i)->key == key ? weir_seen_at(s, i) : NULL;
}

void *weir_seen_add(struct weir_seen *s, __u64 key)
{
	unsigned int i = place(s, key);

	if (s->nr == s->room) {
		unsigned int room = s->room ? 2 * s->room : 64;
		char *list = realloc(s->list, room * s->size);

		if (!list)
			return NULL;
		s->list = list;
		s->room = room;
	}
	memmove(s->list + (i + 1) * s->size, weir_seen_at(s, i), (s->nr - i) * s->size);
	memset(weir_seen_at(s, i), 0, s->size);
	weir_seen_at(s, i)->key = key;
	weir_seen_at(s, i)->fresh = true;
	s->nr++;
	return weir_seen_at(s, i);
}

void weir_seen_drop(struct weir_seen *s, __u64 key)
{
	unsigned int i = place(s, key);

	if (i == s->nr || weir_seen_at(s, i)->key != key)
		return;
	s->nr--;
	memmove(weir_seen_at(s, i), s->list + (i + 1) * s->size, (s->nr - i) * s->size);
}

void weir_seen_age(struct weir_seen *s)
{
	for (unsigned int i = 0; i < s->nr; i++)
		weir_seen_at(s, i)->fresh = false;
}
