/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records of what was seen, sorted by what they are about, so that one of many is found quickly. */
#ifndef WEIR_SEEN_H
#define WEIR_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* How each record begins. */
struct weir_seen_head {
	__u64 key;
	bool fresh; /* added, or set so, since weir_seen_age() */
};

/* Starts as zeros but for @size. */
struct weir_seen {
	char *list; /* owned: free() */
	unsigned int nr, room;
	size_t size; /* of a record */
};

/* Records stay where they are until the next is added or dropped. NULL where there is none. */
void *weir_seen_find(const struct weir_seen *s, __u64 key);
struct weir_seen_head *weir_seen_at(const struct weir_seen *s, unsigned int i);

/* Adds a record of zeros under a key that has none; NULL where memory ran out. */
void *weir_seen_add(struct weir_seen *s, __u64 key);
void weir_seen_drop(struct weir_seen *s, __u64 key);

/* Makes all of them old. */
void weir_seen_age(struct weir_seen *s);

#endif
