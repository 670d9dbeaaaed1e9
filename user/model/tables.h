/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The lists of stages.h and exits.h as tables; nothing here is written twice. */
#ifndef WEIR_TABLES_H
#define WEIR_TABLES_H

#include <stdbool.h>
#include <weir/exits.h>
#include <weir/kernel.h>

struct weir_stage_info {
	const char *name;
	const char *text;
	const char *kernel, *fast, *stack; /* how each plane sees it; "" = no such stage there */
};

/* Planes: name, whether this version observes it. */
#define WEIR_PLANES(PLANE)                                                                         \
	PLANE(kernel, true)                                                                       \
	PLANE(fast, true)                                                                          \
	PLANE(stack, false)

enum weir_plane {
#define PLANE(id, observed) WEIR_PLANE_##id,
	WEIR_PLANES(PLANE)
#undef PLANE
		WEIR_PLANE_COUNT
};

struct weir_plane_info {
	const char *name;
	bool observed;
};

/* How a plane sees a stage; "" where it has no such stage. */
const char *weir_plane_sees(enum weir_plane plane, enum weir_stage stage);

struct weir_cause_info {
	const char *name;
	const char *text;   /* one sentence */
	const char *remedy; /* what to look at or type */
};

struct weir_exit_info {
	enum weir_stage stage;
	enum weir_fast_stage fast;
	enum weir_kind kind;
	enum weir_cause cause;
};

struct weir_hook_info {
	const char *name;
	const char *text;
};

/* How closely the kernel plane is observed, and what observers lose. */
struct weir_klevel_info {
	const char *name;
	const char *text;
};

enum {
#define LOSS(id, text) WEIR_KLOSS_##id,
	WEIR_KLOSSES(LOSS)
#undef LOSS
		WEIR_KLOSS_COUNT
};

#define WEIR_KIND_COUNT (WEIR_KIND_UNDO + 1)

struct weir_kind_info {
	const char *name;
	const char *text; /* what becomes of the packet */
};

extern const struct weir_stage_info weir_stage_info[WEIR_STAGE_COUNT];
extern const struct weir_plane_info weir_plane_info[WEIR_PLANE_COUNT];
extern const struct weir_cause_info weir_cause_info[WEIR_CAUSE_COUNT];
extern const struct weir_exit_info weir_exit_info[WEIR_EXIT_COUNT];
extern const struct weir_kind_info weir_kind_info[WEIR_KIND_COUNT];
extern const struct weir_hook_info weir_hook_info[WEIR_HOOK_COUNT];
extern const struct weir_klevel_info weir_klevel_info[WEIR_KLEVEL_COUNT];
extern const struct weir_klevel_info weir_kloss_info[WEIR_KLOSS_COUNT];
extern const enum weir_stage weir_fast_to_stage[WEIR_FAST_STAGE_COUNT];

/* Whether packets cross @stage at @hook. */
bool weir_hook_crosses(enum weir_hook hook, enum weir_fast_stage stage);
/* The hooks at which packets cross @stage: a bit for each. */
unsigned int weir_stage_hooks(enum weir_fast_stage stage);
/* The stage by which packets enter at @hook. */
enum weir_fast_stage weir_hook_entry(enum weir_hook hook);

#endif
