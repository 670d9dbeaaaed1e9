/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keys of the live screen, declared once: what they do, the help page, the footer, the manual.
 */
#ifndef WEIR_KEYS_H
#define WEIR_KEYS_H

#include <stddef.h>

/* Keys that are no character. */
enum weir_typed {
	WEIR_KEY_TAB = '\t',
	WEIR_KEY_ENTER = '\n',
	WEIR_KEY_ESC = 27,
	WEIR_KEY_BACKSPACE = 127,
	WEIR_KEY_UP = 0x100,
	WEIR_KEY_DOWN,
	WEIR_KEY_LEFT,
	WEIR_KEY_RIGHT,
	WEIR_KEY_PGUP,
	WEIR_KEY_PGDN,
	WEIR_KEY_HOME,
	WEIR_KEY_END,
	WEIR_KEY_BTAB,
	WEIR_KEY_F1,
	WEIR_KEY_F10,
};

/* What a key asks for, the keys as they are shown, what help says, a word for the footer or "". */
#define WEIR_ACTIONS(ACTION)                                                                       \
	ACTION(QUIT, "q F10", "quit", "quit")                                                      \
	ACTION(HELP, "? h F1", "this page; again, or Esc, to leave it", "help")                    \
	ACTION(UP, "Up k", "the row above", "")                                                    \
	ACTION(DOWN, "Down j", "the row below", "")                                                \
	ACTION(PAGE_UP, "PgUp", "a page up", "")                                                   \
	ACTION(PAGE_DOWN, "PgDn", "a page down", "")                                               \
	ACTION(FIRST, "Home", "the first row", "")                                                 \
	ACTION(LAST, "End", "the last row", "")                                                    \
	ACTION(DEV_BEFORE, "< Left", "the device before, and all of them", "")                     \
	ACTION(DEV_NEXT, "> Right", "the next device, and all of them", "device")                  \
	ACTION(PLANE_NEXT, "Tab", "the next plane: kernel, fast, stack", "plane")                  \
	ACTION(PLANE_BEFORE, "S-Tab", "the plane before", "")                                      \
	ACTION(BOTH, "b", "planes side by side: where packets change hands; again for the path",   \
		"both")                                                                            \
	ACTION(ENTER, "Enter", "more about the chosen row", "more")                                \
	ACTION(BACK, "Esc", "back: out of a filter, then to the path", "")                         \
	ACTION(DROPS, "d", "drops: who, where, why, since when; again for the path", "drops")      \
	ACTION(LATENCY, "l", "latency of the chosen stage; again for the path", "latency")         \
	ACTION(SHARES, "c", "devices, by queue and then by CPU", "queues")                         \
	ACTION(TRACE, "t", "trace: the last packets, and what became of each", "trace")            \
	ACTION(SORT, "s", "sort by the next column", "sort")                                       \
	ACTION(INVERT, "I", "sort the other way round", "")                                        \
	ACTION(FIND, "/", "find: go to the row with a text", "find")                               \
	ACTION(FILTER, "\\", "filter: show only rows with a text", "filter")                       \
	ACTION(PAUSE, "Z Space", "pause: nothing is read; again to go on", "pause")                \
	ACTION(RESET, "r", "reset the view: filter, order, device; never a counter", "")

enum action {
#define ACTION(id, keys, what, hint) ACTION_##id,
	WEIR_ACTIONS(ACTION)
#undef ACTION
		ACTION_COUNT
};

struct weir_action_info {
	const char *keys;
	const char *what;
	const char *hint;
};

extern const struct weir_action_info weir_action_info[ACTION_COUNT];

/* What @key asks for; ACTION_COUNT where it asks for nothing. */
enum action weir_action_of(int key);

#endif
