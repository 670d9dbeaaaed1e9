// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "model/tables.h"
#include "out/doc.h"

json_t *weir_doc_latency(const struct weir_lat_stage *stage)
{
	struct weir_quantiles q;

	weir_quantiles_of(stage, &q);
	if (!q.samples) /* never a false 0 */
		return json_pack("{s:i, s:n, s:n, s:n, s:n}", "samples", 0, "p50_ns", "p90_ns",
			"p99_ns", "max_ns");
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "samples", weir_json_int(q.samples), "p50_ns",
		weir_json_int(q.p50_ns), "p90_ns", weir_json_int(q.p90_ns), "p99_ns",
		weir_json_int(q.p99_ns), "max_ns", weir_json_int(q.max_ns));
}

int weir_doc_exit(json_t *list, enum weir_exit exit, struct weir_count count)
{
	const struct weir_exit_info *info = &weir_exit_info[exit];
	bool told = info->kind != WEIR_KIND_LATE && info->kind != WEIR_KIND_UNDO;
	json_t *item = json_pack("{s:s, s:s, s:s, s:I, s:o}", "stage",
		weir_stage_info[info->stage].name, "cause", weir_cause_info[info->cause].name,
		"kind", weir_kind_info[info->kind].name, "packets", weir_json_int(count.packets),
		"bytes", told ? json_integer(weir_json_int(count.bytes)) : json_null());

	return json_array_append_new(list, item);
}

struct keyed {
	double key;
	json_t *item;
};

static int larger_first(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	return (x->key < y->key) - (x->key > y->key);
}

int weir_doc_sort(json_t **list, const char *key)
{
	size_t i, nr = json_array_size(*list);
	struct keyed *items;
	json_t *sorted, *item;

	if (nr < 2)
		return 0;
	items = calloc(nr, sizeof(*items));
	sorted = json_array();
	if (!items || !sorted)
		goto fail;
	json_array_foreach (*list, i, item)
		items[i] = (struct keyed){json_number_value(json_object_get(item, key)), item};
	qsort(items, nr, sizeof(*items), larger_first);
	for (i = 0; i < nr; i++)
		if (json_array_append(sorted, items[i].item))
			goto fail;
	free(items);
	json_decref(*list);
	*list = sorted;
	return 0;
fail:
	free(items);
	json_decref(sorted);
	return -1;
}

/* What left at @fast, but for those that went on by a device: losses and gifts to the kernel. */
static json_t *stage_causes(const struct weir_row *row, enum weir_fast_stage fast)
{
	json_t *list = json_array();

	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
		struct weir_count dropped = weir_exit_dropped(row, e);
		struct weir_count given = weir_exit_to_kernel(row, e);
		struct weir_count count = {.packets = dropped.packets + given.packets,
			.bytes = dropped.bytes + given.bytes};

		if (weir_exit_info[e].fast != fast || !count.packets)
			continue;
		if (weir_doc_exit(list, e, count))
			goto fail;
	}
	if (!weir_doc_sort(&list, "packets"))
		return list;
fail:
	json_decref(list);
	return NULL;
}

static json_t *stages(const struct weir_row *row, const struct weir_lat *lat, enum weir_hook hook)
{
	struct weir_stage_sum sum[WEIR_FAST_STAGE_COUNT] = {0};
	json_t *list = json_array(), *stage, *latency;

	weir_stages_add(row, hook, sum);
	for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++) {
		if (!weir_hook_crosses(hook, i))
			continue;
		stage = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "stage",
			weir_stage_info[weir_fast_to_stage[i]].name, "packets",
			weir_json_int(sum[i].packets), "bytes", weir_json_int(sum[i].bytes),
			"drops", weir_json_int(sum[i].drops), "passed",
			weir_json_int(sum[i].passed), "punted", weir_json_int(sum[i].punted),
			"causes", stage_causes(row, i));
		latency = weir_doc_latency(&lat->stage[i]);
		if (json_object_update_new(stage, latency) || json_array_append_new(list, stage)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *row_doc(const struct weir_row *row, const struct weir_lat *lat, enum weir_hook hook)
{
	struct weir_stage_sum sum[WEIR_FAST_STAGE_COUNT] = {0};
	__u64 drops = 0, passed = 0, punted = 0;

	weir_stages_add(row, hook, sum);
	for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++) {
		drops += sum[i].drops;
		passed += sum[i].passed;
		punted += sum[i].punted;
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "packets",
		weir_json_int(row->in.packets), "bytes", weir_json_int(row->in.bytes), "out",
		weir_json_int(row->sent), "drops", weir_json_int(drops), "passed",
		weir_json_int(passed), "punted", weir_json_int(punted), "gso_frames",
		weir_json_int(row->gso_frames), "gso_segments", weir_json_int(row->gso_segs),
		"stages", stages(row, lat, hook));
}

static json_t *queues(const struct weir_dev_snapshot *dev)
{
	json_t *list = json_array(), *queue;

	for (unsigned int q = 0; q < dev->nr_queues; q++) {
		queue = row_doc(&dev->queue[q], &dev->queue_lat[q], dev->hook);
		if (json_object_set_new(queue, "queue", json_integer((json_int_t)q)) ||
			json_array_append_new(list, queue)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *device(const struct weir_dev_snapshot *dev)
{
	json_t *doc = json_pack("{s:o, s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "device",
		weir_json_text(dev->name), "hook", weir_hook_info[dev->hook].name, "ifindex",
		(json_int_t)dev->conf.ifindex, "state", weir_dev_state(dev), "tx_packets",
		weir_json_int(dev->total.tx_packets), "neigh_full",
		weir_json_int(dev->total.neigh_full), "flow_full",
		weir_json_int(dev->total.flow_full), "answers", weir_json_int(dev->total.answers),
		"answers_limited", weir_json_int(dev->total.answers_limited), "queues", queues(dev));

	if (json_object_update_new(doc, row_doc(&dev->total, &dev->lat, dev->hook))) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

json_t *weir_doc_path(const struct weir_snapshot *snap, const char *only)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (weir_is_chosen(&snap->devs[i], only))
			if (json_array_append_new(list, device(&snap->devs[i])))
				goto fail;
	return json_pack("{s:s, s:I, s:b, s:I, s:o}", "plane", "fast", "time_ns",
		weir_json_int(snap->time_ns), "exact", snap->exact, "sample_every",
		(json_int_t)snap->sample_every, "devices", list);
fail:
	json_decref(list);
	return NULL;
}

/* What the kernel handed over in one piece and will cut later. */
static void text_gso(const struct weir_face *face, const json_t *dev)
{
	if (weir_get_int(dev, "gso_frames"))
		weir_ink(face, WEIR_PLAIN,
			"superframes: %" JSON_INTEGER_FORMAT
			" of the packets stand for %" JSON_INTEGER_FORMAT " segments\n",
			weir_get_int(dev, "gso_frames"), weir_get_int(dev, "gso_segments"));
}

/* What did not fit into tables of ours, where anything did not; and what refused packets became. */
static void text_limits(const struct weir_face *face, const json_t *dev)
{
	if (weir_get_int(dev, "answers"))
		weir_ink(face, WEIR_PLAIN,
			"answers: the senders of %" JSON_INTEGER_FORMAT " refused packets were told\n",
			weir_get_int(dev, "answers"));
	if (weir_get_int(dev, "answers_limited"))
		weir_ink(face, WEIR_PLAIN,
			"limit: the senders of %" JSON_INTEGER_FORMAT
			" refused packets were not told: no more than %d a second are\n",
			weir_get_int(dev, "answers_limited"), WEIR_ANSWERS_PER_S);
	if (weir_get_int(dev, "flow_full"))
		weir_ink(face, WEIR_PLAIN,
			"limit: %" JSON_INTEGER_FORMAT
			" packets asked the FIB because the table of flows was full there\n",
			weir_get_int(dev, "flow_full"));
	if (weir_get_int(dev, "neigh_full"))
		weir_ink(face, WEIR_ALARM,
			"limit: %" JSON_INTEGER_FORMAT
			" next hops could not be confirmed, the table of next hops being full\n",
			weir_get_int(dev, "neigh_full"));
}

static void text_device(const struct weir_face *face, const json_t *dev, json_int_t every)
{
	static const struct weir_column stage_columns[] = {
		{"stage", "stage", .format = WEIR_TEXT},
		{"packets", "packets", .format = WEIR_COUNT},
		{"bytes", "bytes", .format = WEIR_COUNT},
		{"drops", "drops", .format = WEIR_COUNT, .alarm = true},
		{"passed", "passed", .format = WEIR_COUNT},
		{"punted", "punted", .format = WEIR_COUNT},
		{"p50", "p50_ns", .format = WEIR_NS},
		{"p90", "p90_ns", .format = WEIR_NS},
		{"p99", "p99_ns", .format = WEIR_NS},
		{"max", "max_ns", .format = WEIR_NS},
		{"causes", "causes", .format = WEIR_CAUSES},
	};
	static const struct weir_column queue_columns[] = {
		{"queue", "queue", .format = WEIR_NUMBER},
		{"packets", "packets", .format = WEIR_COUNT},
		{"bytes", "bytes", .format = WEIR_COUNT},
		{"out", "out", .format = WEIR_COUNT},
		{"drops", "drops", .format = WEIR_COUNT, .alarm = true},
		{"passed", "passed", .format = WEIR_COUNT},
		{"punted", "punted", .format = WEIR_COUNT},
	};
	const char *state = weir_get_text(dev, "state");

	weir_ink(
		face, WEIR_HEAD, "%s %s", weir_get_text(dev, "device"), weir_get_text(dev, "hook"));
	weir_ink(face, strcmp(state, "attached") ? WEIR_ALARM : WEIR_PLAIN, "  %s", state);
	weir_ink(face, WEIR_PLAIN, "  fast plane");
	if (every)
		weir_ink(face, WEIR_PLAIN, ", latency of 1 packet in %" JSON_INTEGER_FORMAT, every);
	weir_ink(face, WEIR_PLAIN, "\n");
	WEIR_TABLE(face, stage_columns, json_object_get(dev, "stages"));
	text_gso(face, dev);
	text_limits(face, dev);
	if (json_array_size(json_object_get(dev, "queues")) < 2)
		return;
	weir_ink(face, WEIR_PLAIN, "\n");
	WEIR_TABLE(face, queue_columns, json_object_get(dev, "queues"));
}

void weir_text_path(const struct weir_face *face, const json_t *doc)
{
	const json_t *dev;
	size_t i;

	if (weir_text_no_device(face, doc))
		return;
	json_array_foreach (json_object_get(doc, "devices"), i, dev) {
		if (i)
			weir_ink(face, WEIR_PLAIN, "\n");
		text_device(face, dev, weir_get_int(doc, "sample_every"));
	}
}

json_t *weir_doc_coverage(const struct weir_kfeatures *have)
{
	json_t *list = json_array(), *observed = json_object();
	char seen[512];

	for (unsigned int i = 0; i < WEIR_PLANE_COUNT; i++)
		json_object_set_new(observed, weir_plane_info[i].name,
			json_boolean(weir_plane_info[i].observed));
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++) {
		const struct weir_stage_info *info = &weir_stage_info[i];
		const char *kernel =
			have ? weir_kcoverage(i, have, seen, sizeof(seen)) : info->kernel;

		if (json_array_append_new(
			    list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "stage", info->name,
					  "what", info->text, "kernel", kernel, "fast", info->fast,
					  "stack", info->stack, "seen",
					  have && weir_kcovered(i, have)))) {
			json_decref(list);
			json_decref(observed);
			return NULL;
		}
	}
	return json_pack("{s:o, s:b, s:o}", "observed", observed, "tried", have != NULL, "stages",
		list);
}

void weir_text_coverage(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"stage", "stage", .format = WEIR_TEXT},
		{"what happens there", "what", .format = WEIR_TEXT},
		{"fast plane", "fast", .format = WEIR_TEXT},
		{"kernel plane", "kernel", .format = WEIR_TEXT},
		{"stack plane", "stack", .format = WEIR_TEXT},
	};
	const json_t *observed = json_object_get(doc, "observed"), *yes;
	const char *plane, *before = "not observed in this version: ";

	json_object_foreach ((json_t *)observed, plane, yes) {
		if (json_is_true(yes))
			continue;
		weir_ink(face, WEIR_PLAIN, "%sthe %s plane", before, plane);
		before = ", ";
	}
	weir_ink(face, WEIR_PLAIN, "\n");
	WEIR_TABLE(face, columns, json_object_get(doc, "stages"));
}
