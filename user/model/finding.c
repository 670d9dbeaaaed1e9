// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/finding.h"

const struct weir_area_info weir_area_info[WEIR_AREA_COUNT] = {
#define AREA(id, title) [WEIR_AREA_##id] = {#id, title},
	WEIR_AREAS(AREA)
#undef AREA
};

const struct weir_found_info weir_found_info[WEIR_FOUND_COUNT] = {
#define STATE(id, mark) [WEIR_FOUND_##id] = {#id, mark},
	WEIR_FOUNDS(STATE)
#undef STATE
};

const struct weir_check_info weir_check_info[WEIR_CHECK_COUNT] = {
#define CHECK(id, area, title, use) [WEIR_CHECK_##id] = {#id, WEIR_AREA_##area, title, use},
	WEIR_CHECKS(CHECK)
#undef CHECK
};

static struct weir_finding *grow(struct weir_findings *f)
{
	struct weir_finding *list;

	if (f->nr % 32 == 0) {
		list = realloc(f->list, (f->nr + 32) * sizeof(*list));
		if (!list) {
			f->failed = true;
			return &f->spare;
		}
		f->list = list;
	}
	return &f->list[f->nr++];
}

struct weir_finding *weir_find(struct weir_findings *findings, enum weir_look check,
	enum weir_found state, const char *subject, const char *why, ...)
{
	struct weir_finding *found = grow(findings);
	va_list ap;

	memset(found, 0, sizeof(*found));
	found->check = check;
	found->state = state;
	found->count = -1;
	snprintf(found->subject, sizeof(found->subject), "%s", subject);
	va_start(ap, why);
	vsnprintf(found->why, sizeof(found->why), why, ap);
	va_end(ap);
	return found;
}

void weir_find_remedy(struct weir_finding *finding, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(finding->remedy, sizeof(finding->remedy), fmt, ap);
	va_end(ap);
}

unsigned int weir_findings_in(const struct weir_findings *findings, enum weir_found state)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < findings->nr; i++)
		nr += findings->list[i].state == state;
	return nr;
}

void weir_findings_done(struct weir_findings *findings)
{
	free(findings->list);
	memset(findings, 0, sizeof(*findings));
}
