// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/tables.h"

const struct weir_stage_info weir_stage_info[WEIR_STAGE_COUNT] = {
#define STAGE(id, text, kernel, fast, stack) {#id, text, kernel, fast, stack},
	WEIR_STAGES(STAGE)
#undef STAGE
};

const struct weir_plane_info weir_plane_info[WEIR_PLANE_COUNT] = {
#define PLANE(id, observed) {#id, observed},
	WEIR_PLANES(PLANE)
#undef PLANE
};

const char *weir_plane_sees(enum weir_plane plane, enum weir_stage stage)
{
	const struct weir_stage_info *info = &weir_stage_info[stage];

	switch (plane) {
	case WEIR_PLANE_kernel:
		return info->kernel;
	case WEIR_PLANE_fast:
		return info->fast;
	default:
		return info->stack;
	}
}

const struct weir_cause_info weir_cause_info[WEIR_CAUSE_COUNT] = {
#define CAUSE(id, text, remedy) {#id, text, remedy},
	WEIR_CAUSES(CAUSE)
#undef CAUSE
};

const struct weir_exit_info weir_exit_info[WEIR_EXIT_COUNT] = {
#define EXIT(stage, kind, cause)                                                                   \
	{WEIR_STAGE_##stage, WEIR_FAST_##stage, WEIR_KIND_##kind, WEIR_CAUSE_##cause},
	WEIR_EXITS(EXIT)
#undef EXIT
};

const struct weir_kind_info weir_kind_info[WEIR_KIND_COUNT] = {
	[WEIR_KIND_OUT] = {"out", "redirected to a device"},
	[WEIR_KIND_PASS] = {"pass", "given to the kernel, whose it is"},
	[WEIR_KIND_PUNT] = {"punt", "given to the kernel to finish; dropped with 'punt drop'"},
	[WEIR_KIND_DROP] = {"drop", "dropped here"},
	[WEIR_KIND_LATE] = {"late", "dropped on the way out"},
	[WEIR_KIND_UNDO] = {"undo", "dropped on the way to the kernel"},
};

const struct weir_hook_info weir_hook_info[WEIR_HOOK_COUNT] = {
#define HOOK(id, letter, text) {#id, text},
	WEIR_HOOKS(HOOK)
#undef HOOK
};

const struct weir_klevel_info weir_klevel_info[WEIR_KLEVEL_COUNT] = {
#define LEVEL(id, text) {#id, text},
	WEIR_KLEVELS(LEVEL)
#undef LEVEL
};

const struct weir_klevel_info weir_kloss_info[WEIR_KLOSS_COUNT] = {
#define LOSS(id, text) {#id, text},
	WEIR_KLOSSES(LOSS)
#undef LOSS
};

const enum weir_stage weir_fast_to_stage[WEIR_FAST_STAGE_COUNT] = {
#define STAGE(id, hooks) WEIR_STAGE_##id,
	WEIR_FAST_STAGES(STAGE)
#undef STAGE
};

unsigned int weir_stage_hooks(enum weir_fast_stage stage)
{
	static const unsigned char hooks_of[WEIR_FAST_STAGE_COUNT] = {
#define STAGE(id, hooks) WEIR_##hooks,
		WEIR_FAST_STAGES(STAGE)
#undef STAGE
	};

	return hooks_of[stage];
}

bool weir_hook_crosses(enum weir_hook hook, enum weir_fast_stage stage)
{
	return weir_stage_hooks(stage) & 1u << hook;
}

enum weir_fast_stage weir_hook_entry(enum weir_hook hook)
{
	unsigned int stage = 0;

	while (!weir_hook_crosses(hook, stage))
		stage++;
	return stage;
}
