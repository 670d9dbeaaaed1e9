// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "out/doc.h"

enum { TEXT_COLUMN = 24 }; /* where the words behind mark and title begin */

static json_t *finding(const struct weir_finding *f)
{
	const struct weir_check_info *check = &weir_check_info[f->check];

	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:o}", "area",
		weir_area_info[check->area].name, "subject",
		*f->subject ? weir_json_text(f->subject) : json_null(), "check", check->name,
		"what", check->title, "state", weir_found_info[f->state].name, "why",
		weir_json_text(f->why), "use", check->use, "remedy", weir_json_text(f->remedy),
		"count", f->count < 0 ? json_null() : json_integer(f->count));
}

/* The kernel's findings in the order of the checks, the others as they were found. */
static int add_area(json_t *list, const struct weir_findings *findings, enum weir_area area)
{
	for (unsigned int c = 0; c < WEIR_CHECK_COUNT; c++) {
		for (unsigned int i = 0; i < findings->nr; i++) {
			const struct weir_finding *f = &findings->list[i];

			if (weir_check_info[f->check].area != area)
				continue;
			if (area == WEIR_AREA_kernel && f->check != c)
				continue;
			if (json_array_append_new(list, finding(f)))
				return -1;
		}
		if (area != WEIR_AREA_kernel)
			break;
	}
	return 0;
}

json_t *weir_doc_doctor(const struct weir_findings *findings, const char *kernel)
{
	json_t *list = json_array(), *states = json_object();

	for (unsigned int s = 0; s < WEIR_FOUND_COUNT; s++)
		json_object_set_new(states, weir_found_info[s].name,
			json_integer(weir_findings_in(findings, s)));
	for (unsigned int a = 0; a < WEIR_AREA_COUNT; a++) {
		if (add_area(list, findings, a)) {
			json_decref(list);
			json_decref(states);
			return NULL;
		}
	}
	return json_pack("{s:o, s:o, s:o}", "kernel", weir_json_text(kernel), "states", states,
		"findings", list);
}

static const struct weir_found_info *state_of(const json_t *finding)
{
	const char *name = weir_get_text(finding, "state");
	unsigned int s = 0;

	while (s < WEIR_FOUND_COUNT - 1 && strcmp(weir_found_info[s].name, name))
		s++;
	return &weir_found_info[s];
}

static void text_finding(const struct weir_face *face, const json_t *finding)
{
	const struct weir_found_info *state = state_of(finding);
	const char *why = weir_get_text(finding, "why"), *use = weir_get_text(finding, "use");
	const char *remedy = weir_get_text(finding, "remedy");
	bool ok = state == &weir_found_info[WEIR_FOUND_ok];
	char text[512];

	weir_ink(face, state == &weir_found_info[WEIR_FOUND_warning] ? WEIR_ALARM : WEIR_PLAIN,
		"  %s", state->mark);
	weir_ink(face, WEIR_PLAIN, "  %-*s  ", TEXT_COLUMN - 8, weir_get_text(finding, "what"));
	if (!*use || (ok && *why))
		snprintf(text, sizeof(text), "%s", *why || !ok ? why : "on");
	else
		snprintf(text, sizeof(text), "%s%sfor %s", why, *why ? "; " : "", use);
	weir_plain_text(text);
	weir_wrap(face->file, text, TEXT_COLUMN, TEXT_COLUMN);
	if (ok || !*remedy)
		return;
	snprintf(text, sizeof(text), "%s", remedy);
	weir_plain_text(text);
	fprintf(face->file, "      ");
	weir_wrap(face->file, text, 6 + fprintf(face->file, "try: "), 11);
}

/* A heading where another group begins: the kernel, a device, what is gone round. */
static void text_heading(
	const struct weir_face *face, const json_t *doc, const json_t *finding, const char *before)
{
	const char *area = weir_get_text(finding, "area");

	if (!strcmp(area, weir_area_info[WEIR_AREA_kernel].name))
		weir_ink(face, WEIR_HEAD, "kernel %s\n", weir_get_text(doc, "kernel"));
	else
		weir_ink(face, WEIR_HEAD, "%s%s\n", *before ? "\n" : "",
			weir_get_text(finding, "subject"));
}

void weir_text_doctor(const struct weir_face *face, const json_t *doc)
{
	const json_t *f, *states = json_object_get(doc, "states");
	const struct weir_area_info *bypass = &weir_area_info[WEIR_AREA_bypass];
	const char *area = "", *subject = "";
	bool any = false;
	size_t i;

	json_array_foreach (json_object_get(doc, "findings"), i, f) {
		if (!strcmp(weir_get_text(f, "area"), bypass->name)) {
			if (!any)
				weir_ink(face, WEIR_HEAD, "\n%s\n", bypass->title);
			any = true;
		} else if (strcmp(area, weir_get_text(f, "area")) ||
			   strcmp(subject, weir_get_text(f, "subject"))) {
			text_heading(face, doc, f, area);
		}
		area = weir_get_text(f, "area");
		subject = weir_get_text(f, "subject");
		text_finding(face, f);
	}
	if (!any)
		weir_ink(face, WEIR_PLAIN, "\n%s: nothing found\n", bypass->title);
	weir_ink(face, WEIR_PLAIN, "\n%lld warnings, %lld missing, %lld off, %lld unknown\n",
		(long long)weir_get_int(states, "warning"),
		(long long)weir_get_int(states, "missing"), (long long)weir_get_int(states, "off"),
		(long long)weir_get_int(states, "unknown"));
}
