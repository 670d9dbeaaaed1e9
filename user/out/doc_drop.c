// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/tables.h"
#include "out/doc.h"

/* Names the device and explains the cause in the item appended last. */
static int explain_last(json_t *list, const struct weir_dev_snapshot *dev, enum weir_exit exit)
{
	const struct weir_cause_info *cause = &weir_cause_info[weir_exit_info[exit].cause];

	return json_object_update_new(json_array_get(list, json_array_size(list) - 1),
		json_pack("{s:o, s:s, s:s, s:s}", "device", weir_json_text(dev->name), "hook",
			weir_hook_info[dev->hook].name, "text", cause->text, "remedy",
			cause->remedy));
}

static json_t *device(const struct weir_dev_snapshot *dev)
{
	json_t *list = json_array();
	__u64 total = 0;

	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
		struct weir_count count = weir_exit_dropped(&dev->total, e);

		if (!count.packets)
			continue;
		total += count.packets;
		if (weir_doc_exit(list, e, count) || explain_last(list, dev, e))
			goto fail;
	}
	if (weir_doc_sort(&list, "packets"))
		goto fail;
	return json_pack("{s:o, s:s, s:I, s:s, s:I, s:o}", "device", weir_json_text(dev->name),
		"hook", weir_hook_info[dev->hook].name, "ifindex", (json_int_t)dev->conf.ifindex,
		"state", weir_dev_state(dev), "packets", weir_json_int(total), "drops", list);
fail:
	json_decref(list);
	return NULL;
}

json_t *weir_doc_drops(const struct weir_snapshot *snap, const char *only)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (weir_is_chosen(&snap->devs[i], only))
			if (json_array_append_new(list, device(&snap->devs[i])))
				goto fail;
	return json_pack("{s:s, s:I, s:o}", "plane", "fast", "time_ns",
		weir_json_int(snap->time_ns), "devices", list);
fail:
	json_decref(list);
	return NULL;
}

void weir_text_drops(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"device", "device", .format = WEIR_TEXT},
		{"hook", "hook", .format = WEIR_TEXT},
		{"stage", "stage", .format = WEIR_TEXT},
		{"cause", "cause", .format = WEIR_TEXT},
		{"packets", "packets", .format = WEIR_COUNT, .alarm = true},
		{"bytes", "bytes", .format = WEIR_COUNT},
		{"why", "text", .format = WEIR_TEXT},
	};
	json_t *all = json_array();
	const json_t *dev;
	size_t i;

	if (weir_text_no_device(face, doc) || !all)
		goto out;
	json_array_foreach (json_object_get(doc, "devices"), i, dev)
		json_array_extend(all, json_object_get(dev, "drops"));
	if (!json_array_size(all)) {
		weir_ink(face, WEIR_PLAIN, "nothing was dropped\n");
		goto out;
	}
	WEIR_TABLE(face, columns, all);
	weir_ink(face, WEIR_PLAIN, "\nwhat to do about one: weir drop explain %s\n",
		weir_get_text(json_array_get(all, 0), "cause"));
out:
	json_decref(all);
}

/* Where the fast plane gives it, and what becomes of the packet there. */
static json_t *exits_of(enum weir_cause cause)
{
	json_t *list = json_array();

	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
		const struct weir_exit_info *exit = &weir_exit_info[e];

		if (exit->cause != cause)
			continue;
		if (json_array_append_new(list,
			    json_pack("{s:s, s:s, s:s}", "stage", weir_stage_info[exit->stage].name,
				    "kind", weir_kind_info[exit->kind].name, "what",
				    weir_kind_info[exit->kind].text))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* A stage that only the place of a drop tells is null. */
static json_t *kernel_part(const struct weir_kernel_cause *kernel)
{
	if (!kernel)
		return json_null();
	return json_pack("{s:s?, s:s?}", "stage",
		kernel->stage == WEIR_STAGE_BY_LOCATION ? NULL
							: weir_stage_info[kernel->stage].name,
		"counter", *kernel->counter ? kernel->counter : NULL);
}

json_t *weir_doc_cause(enum weir_cause cause, const struct weir_kernel_cause *kernel)
{
	const struct weir_cause_info *info = kernel ? kernel->what : &weir_cause_info[cause];

	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "cause", kernel ? kernel->name : info->name,
		"text", info->text, "remedy", info->remedy, "exits", exits_of(cause), "kernel",
		kernel_part(kernel));
}

void weir_text_cause(const struct weir_face *face, const json_t *doc)
{
	const json_t *kernel = json_object_get(doc, "kernel"), *exit;
	const char *stage = json_string_value(json_object_get(kernel, "stage"));
	const char *counter = json_string_value(json_object_get(kernel, "counter"));
	size_t i;

	weir_ink(face, WEIR_HEAD, "%s", weir_get_text(doc, "cause"));
	weir_ink(face, WEIR_PLAIN, ": %s\n", weir_get_text(doc, "text"));
	json_array_foreach (json_object_get(doc, "exits"), i, exit)
		weir_ink(face, WEIR_PLAIN, "where:  %s (%s)\n", weir_get_text(exit, "stage"),
			weir_get_text(exit, "what"));
	if (json_is_object(kernel))
		weir_ink(face, WEIR_PLAIN, "kernel: %s\n",
			stage ? stage : "where 'weir drop show' names the location");
	if (counter)
		weir_ink(face, WEIR_PLAIN, "count:  %s\n", counter);
	weir_ink(face, WEIR_PLAIN, "remedy: %s\n", weir_get_text(doc, "remedy"));
}
