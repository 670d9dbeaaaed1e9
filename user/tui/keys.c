// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "tui/keys.h"

const struct weir_action_info weir_action_info[ACTION_COUNT] = {
#define ACTION(id, keys, what, hint) {keys, what, hint},
	WEIR_ACTIONS(ACTION)
#undef ACTION
};

/* Names that are no character of their own. */
static const struct {
	const char *name;
	int key;
} names[] = {
	{"Up", WEIR_KEY_UP},
	{"Down", WEIR_KEY_DOWN},
	{"Left", WEIR_KEY_LEFT},
	{"Right", WEIR_KEY_RIGHT},
	{"PgUp", WEIR_KEY_PGUP},
	{"PgDn", WEIR_KEY_PGDN},
	{"Home", WEIR_KEY_HOME},
	{"End", WEIR_KEY_END},
	{"Tab", WEIR_KEY_TAB},
	{"S-Tab", WEIR_KEY_BTAB},
	{"Enter", WEIR_KEY_ENTER},
	{"Esc", WEIR_KEY_ESC},
	{"Space", ' '},
	{"F1", WEIR_KEY_F1},
	{"F10", WEIR_KEY_F10},
};

static int key_named(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == len && !memcmp(names[i].name, name, len))
			return names[i].key;
	return len == 1 ? (unsigned char)*name : -1;
}

enum action weir_action_of(int key)
{
	for (unsigned int i = 0; i < ACTION_COUNT; i++) {
		const char *p = weir_action_info[i].keys;

		for (size_t len; *p; p += len + (p[len] == ' ')) {
			len = strcspn(p, " ");
			if (key_named(p, len) == key)
				return i;
		}
	}
	return ACTION_COUNT;
}
