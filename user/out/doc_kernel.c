// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel plane: what is watched, its stages, its drops. */
#include <string.h>

#include "model/tables.h"
#include "out/doc.h"

static const char *netns_of(const struct weir_kernel_dev *dev)
{
	return dev->netns;
}

static bool chosen(const struct weir_kernel_dev *dev, const char *only)
{
	return !only || !strcmp(dev->name, only);
}

/* --- losses of our own --- */

json_t *weir_doc_kernel_lost(const struct weir_klost *lost)
{
	const __u64 *cell = (const __u64 *)lost;
	json_t *doc = json_object();

	for (unsigned int i = 0; i < WEIR_KLOSS_COUNT; i++)
		json_object_set_new(
			doc, weir_kloss_info[i].name, json_integer(weir_json_int(cell[i])));
	return doc;
}

void weir_text_kernel_lost(const struct weir_face *face, const json_t *doc)
{
	const json_t *lost = json_object_get(doc, "lost");

	for (unsigned int i = 0; i < WEIR_KLOSS_COUNT; i++)
		if (weir_get_int(lost, weir_kloss_info[i].name))
			weir_ink(face, WEIR_ALARM, "own loss: %" JSON_INTEGER_FORMAT " %s\n",
				weir_get_int(lost, weir_kloss_info[i].name),
				weir_kloss_info[i].text);
}

/* --- stages --- */

static json_t *stage_causes(
	const struct weir_kernel_snapshot *snap, unsigned int dev, enum weir_stage stage)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < snap->nr_drops; i++) {
		const struct weir_kernel_drop *d = &snap->drops[i];

		if (d->dev == dev && d->stage == stage)
			json_array_append_new(
				list, json_pack("{s:s, s:I}", "cause", d->cause, "packets",
					      weir_json_int(d->count.packets)));
	}
	return list;
}

static const char *const seen_names[] = {[WEIR_KSEEN_no] = "unknown",
	[WEIR_KSEEN_least] = "at least",
	[WEIR_KSEEN_most] = "at most",
	[WEIR_KSEEN_exact] = "exact"};

/* Quantiles are a bucket's middle; totals are exact, so that stages can be added up. */
static json_t *latency_doc(const struct weir_klat *lat, enum weir_stage stage)
{
	__u64 samples = lat->stage[stage].samples, total = lat->total_ns[stage];
	json_t *doc = weir_doc_latency(&lat->stage[stage]);

	json_object_set_new(doc, "mean_ns",
		samples ? json_integer(weir_json_int(total / samples)) : json_null());
	json_object_set_new(
		doc, "total_ns", samples ? json_integer(weir_json_int(total)) : json_null());
	return doc;
}

static json_t *stages(const struct weir_kernel_snapshot *snap, unsigned int dev)
{
	const struct weir_kernel_dev *d = &snap->devs[dev];
	json_t *list = json_array();

	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++) {
		__u64 drops = weir_kernel_drops_at(snap, dev, i);
		struct weir_kernel_number n;
		json_t *stage;

		weir_kernel_number_of(snap, dev, i, &n);
		if (!n.packets && !drops && !d->lat.stage[i].samples)
			continue;
		stage = json_pack("{s:s, s:o, s:o, s:s, s:s, s:I, s:o}", "stage",
			weir_stage_info[i].name, "packets",
			n.seen ? json_integer(weir_json_int(n.packets)) : json_null(), "bytes",
			n.seen ? json_integer(weir_json_int(n.bytes)) : json_null(), "seen",
			seen_names[n.seen], "source", n.event ? "event" : "counter", "drops",
			weir_json_int(drops), "causes", stage_causes(snap, dev, i));
		if (json_object_update_new(stage, latency_doc(&d->lat, i)) ||
			json_array_append_new(list, stage)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *watch_doc(const struct weir_kernel_snapshot *snap)
{
	const struct weir_kwatch *w = &snap->watch;
	__u64 observed = w->observed_ns + (w->slice_ns ? snap->time_ns - w->slice_ns : 0);

	return json_pack("{s:s, s:f, s:b, s:b, s:I, s:I, s:o}", "level",
		weir_klevel_info[snap->on && w->level < WEIR_KLEVEL_COUNT ? w->level : 0].name,
		"share", w->share / 1e6, "all", (int)w->all, "observing", snap->cycling, "since_ns",
		weir_json_int(snap->on ? snap->time_ns - w->since_ns : 0), "observed_ns",
		weir_json_int(observed), "lost", weir_doc_kernel_lost(&snap->lost));
}

static json_t *head(const struct weir_kernel_snapshot *snap, json_t *devices)
{
	json_t *doc = json_pack("{s:s, s:I, s:o}", "plane", "kernel", "time_ns",
		weir_json_int(snap->time_ns), "devices", devices);

	json_object_update_new(doc, watch_doc(snap));
	return doc;
}

json_t *weir_doc_kernel_path(const struct weir_kernel_snapshot *snap, const char *only)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < snap->nr_devs; i++) {
		const struct weir_kernel_dev *d = &snap->devs[i];

		if (!chosen(d, only))
			continue;
		json_array_append_new(
			list, json_pack("{s:o, s:I, s:s, s:I, s:o}", "device",
				      weir_json_text(d->name), "ifindex", (json_int_t)d->ifindex,
				      "netns", netns_of(d), "gro_merged",
				      weir_json_int(d->row.merged), "stages", stages(snap, i)));
	}
	return head(snap, list);
}

static bool text_off(const struct weir_face *face, const json_t *doc)
{
	if (strcmp(weir_get_text(doc, "level"), "off"))
		return false;
	weir_ink(face, WEIR_PLAIN,
		"the kernel plane is not watched here; to watch it: weir watch on drops, or "
		"full\n");
	return true;
}

static void text_dev_name(const struct weir_face *face, const json_t *dev)
{
	const char *netns = weir_get_text(dev, "netns"), *name = weir_get_text(dev, "device");

	weir_ink(face, WEIR_HEAD, "%s", strcmp(name, "-") ? name : "no device");
	if (netns[0])
		weir_ink(face, WEIR_PLAIN, " in %s", netns);
}

void weir_text_kernel_path(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"stage", "stage", .format = WEIR_TEXT, .width = 16},
		{"packets", "packets", .format = WEIR_COUNT},
		{"bytes", "bytes", .format = WEIR_COUNT},
		{"drops", "drops", .format = WEIR_COUNT, .alarm = true},
		{"mean", "mean_ns", .format = WEIR_NS},
		{"p50", "p50_ns", .format = WEIR_NS},
		{"p90", "p90_ns", .format = WEIR_NS},
		{"p99", "p99_ns", .format = WEIR_NS},
		{"max", "max_ns", .format = WEIR_NS},
		{"causes", "causes", .format = WEIR_CAUSES},
	};
	const json_t *dev;
	size_t i, shown = 0;

	if (text_off(face, doc))
		return;
	json_array_foreach (json_object_get(doc, "devices"), i, dev) {
		if (!json_array_size(json_object_get(dev, "stages")))
			continue;
		if (shown++)
			weir_ink(face, WEIR_PLAIN, "\n");
		text_dev_name(face, dev);
		weir_ink(face, WEIR_PLAIN, "  kernel plane, %s\n", weir_get_text(doc, "level"));
		WEIR_TABLE(face, columns, json_object_get(dev, "stages"));
	}
	if (!shown)
		weir_ink(face, WEIR_PLAIN, "nothing was seen yet\n");
	weir_text_kernel_lost(face, doc);
}

/* --- drops --- */

/* A line each makes an item each. */
json_t *weir_doc_kernel_candidates(const struct weir_kernel_drop *d)
{
	json_t *list = json_array();
	const char *at = d->candidates;

	while (*at) {
		size_t length = strcspn(at, "\n");

		json_array_append_new(list, json_stringn(at, length));
		at += length;
		at += *at == '\n';
	}
	return list;
}

static json_t *drop_doc(const struct weir_kernel_snapshot *snap, const struct weir_kernel_drop *d)
{
	const struct weir_kernel_dev *dev = &snap->devs[d->dev];
	static const char *const witness[] = {[WEIR_KERNEL_EVENT] = "event",
		[WEIR_KERNEL_SEND] = "send",
		[WEIR_KERNEL_COUNTER] = "counter"};
	char example[96];

	weir_kernel_example(&d->count, example, sizeof(example));
	return json_pack(
		"{s:o, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:o, s:s, s:s, s:s, s:s, s:s, s:I, s:I, "
		"s:o}",
		"device", weir_json_text(dev->name), "netns", netns_of(dev), "stage",
		d->stage < WEIR_STAGE_COUNT ? weir_stage_info[d->stage].name : "unknown", "cause",
		d->cause, "reason", d->reason, "location", d->location, "packets",
		weir_json_int(d->count.packets), "lost", !d->aside, "bytes",
		d->witness == WEIR_KERNEL_EVENT ? json_integer(weir_json_int(d->count.bytes))
						: json_null(),
		"source", witness[d->witness], "text", d->text, "remedy", d->remedy, "counter",
		d->counter, "example", example, "cgroup", weir_json_int(d->count.cgroup), "last_ns",
		weir_json_int(d->count.last_ns), "candidates", weir_doc_kernel_candidates(d));
}

json_t *weir_doc_kernel_drops(const struct weir_kernel_snapshot *snap, const char *only)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < snap->nr_devs; i++) {
		const struct weir_kernel_dev *dev = &snap->devs[i];
		json_t *drops = json_array();
		__u64 total = 0;

		for (unsigned int d = 0; d < snap->nr_drops; d++)
			if (snap->drops[d].dev == i) {
				total += snap->drops[d].aside ? 0 : snap->drops[d].count.packets;
				json_array_append_new(drops, drop_doc(snap, &snap->drops[d]));
			}
		if (!json_array_size(drops) || !chosen(dev, only)) {
			json_decref(drops);
			continue;
		}
		json_array_append_new(list,
			json_pack("{s:o, s:I, s:s, s:I, s:o}", "device", weir_json_text(dev->name),
				"ifindex", (json_int_t)dev->ifindex, "netns", netns_of(dev),
				"packets", weir_json_int(total), "drops", drops));
	}
	return head(snap, list);
}

/* Once for each hook and namespace that several chains can drop at. */
static void text_candidates(const struct weir_face *face, const json_t *all)
{
	json_t *told = json_object();
	const json_t *drop, *name;
	size_t i, n;

	json_array_foreach (all, i, drop) {
		const json_t *list = json_object_get(drop, "candidates");
		json_t *line = json_sprintf("%s%s%s", weir_get_text(drop, "cause"),
			*weir_get_text(drop, "netns") ? " in " : "", weir_get_text(drop, "netns"));

		json_array_foreach (list, n, name) {
			json_t *more = json_sprintf("%s%s%s", json_string_value(line),
				n ? ", " : " is of one of these: ", json_string_value(name));

			json_decref(line);
			line = more;
		}
		if (json_array_size(list) && !json_object_get(told, json_string_value(line)))
			weir_ink(face, WEIR_PLAIN, "%s%s\n", json_object_size(told) ? "" : "\n",
				json_string_value(line));
		if (json_array_size(list))
			json_object_set(told, json_string_value(line), json_true());
		json_decref(line);
	}
	json_decref(told);
}

void weir_text_kernel_drops(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"device", "device", .format = WEIR_TEXT},
		{"netns", "netns", .format = WEIR_TEXT},
		{"stage", "stage", .format = WEIR_TEXT},
		{"cause", "cause", .format = WEIR_TEXT},
		{"packets", "packets", .format = WEIR_COUNT, .alarm = true},
		{"the last one", "example", .format = WEIR_TEXT},
		{"why", "text", .format = WEIR_TEXT},
	};
	json_t *all = json_array();
	const json_t *dev;
	size_t i;

	if (!text_off(face, doc)) {
		json_array_foreach (json_object_get(doc, "devices"), i, dev)
			json_array_extend(all, json_object_get(dev, "drops"));
		if (json_array_size(all)) {
			WEIR_TABLE(face, columns, all);
			text_candidates(face, all);
			weir_ink(face, WEIR_PLAIN, "\nwhat to do about one: weir drop explain %s\n",
				weir_get_text(json_array_get(all, 0), "cause"));
		} else {
			weir_ink(face, WEIR_PLAIN, "the kernel dropped nothing\n");
		}
		weir_text_kernel_lost(face, doc);
	}
	json_decref(all);
}

/* --- what is watched --- */

/* ns are of CPU time, of all CPUs together. */
static json_t *costs_doc(const struct weir_kernel_costs *costs)
{
	json_t *list = json_array();
	__u64 all = 0;

	for (unsigned int i = 0; i < costs->nr; i++) {
		const struct weir_kernel_cost *c = &costs->cost[i];

		all += c->run_ns;
		if (!c->runs)
			continue;
		json_array_append_new(
			list, json_pack("{s:s, s:f, s:f, s:f}", "observer", c->name, "runs_per_s",
				      (double)c->runs * 1e9 / (double)costs->time_ns, "ns_each",
				      (double)c->run_ns / (double)c->runs, "percent",
				      (double)c->run_ns * 100 / (double)costs->time_ns));
	}
	weir_doc_sort(&list, "percent");
	return json_pack("{s:f, s:i, s:o}", "percent",
		costs->time_ns ? (double)all * 100 / (double)costs->time_ns : 0.0, "observers",
		(int)costs->nr, "each", list);
}

json_t *weir_doc_watch(__u32 every, const struct weir_kernel_snapshot *kernel,
	const struct weir_kernel_costs *costs)
{
	json_t *doc = json_pack("{s:I}", "sample_every", (json_int_t)every);

	if (!kernel)
		return doc;
	json_object_set_new(doc, "kernel", watch_doc(kernel));
	if (costs)
		json_object_set_new(json_object_get(doc, "kernel"), "cost", costs_doc(costs));
	return doc;
}

static void text_costs(const struct weir_face *face, const json_t *cost)
{
	static const struct weir_column columns[] = {
		{"observer", "observer", .format = WEIR_TEXT, .width = 16},
		{"runs/s", "runs_per_s", .format = WEIR_SI},
		{"each", "ns_each", .format = WEIR_NS},
		{"% of a CPU", "percent", .format = WEIR_SI},
	};

	weir_ink(face, WEIR_PLAIN,
		"cost: %.2g %% of a CPU now, by %" JSON_INTEGER_FORMAT " observers\n",
		json_number_value(json_object_get(cost, "percent")),
		weir_get_int(cost, "observers"));
	if (json_array_size(json_object_get(cost, "each")))
		WEIR_TABLE(face, columns, json_object_get(cost, "each"));
}

void weir_text_watch(const struct weir_face *face, const json_t *doc)
{
	const json_t *kernel = json_object_get(doc, "kernel");
	json_int_t every = weir_get_int(doc, "sample_every");
	const char *level = weir_get_text(kernel, "level");

	if (every)
		weir_ink(face, WEIR_PLAIN,
			"fast plane: latency of 1 packet in %" JSON_INTEGER_FORMAT " measured\n",
			every);
	else
		weir_ink(face, WEIR_PLAIN, "fast plane: no latency measured\n");
	if (!strcmp(level, "off")) {
		weir_ink(face, WEIR_PLAIN, "kernel plane: not observed\n");
		return;
	}
	weir_ink(face, WEIR_PLAIN, "kernel plane: %s", level);
	if (strcmp(level, "latency") && strcmp(level, "full"))
		weir_ink(face, WEIR_PLAIN, "\n");
	else if (json_is_true(json_object_get(kernel, "observing")))
		weir_ink(face, WEIR_PLAIN, ", stages %.4g %% of the time\n",
			json_number_value(json_object_get(kernel, "share")) * 100);
	else
		weir_ink(face, WEIR_ALARM,
			", but the process that observes stages is gone: weir watch on %s\n",
			level);
	text_costs(face, json_object_get(kernel, "cost"));
	weir_text_kernel_lost(face, kernel);
}

/* --- both planes --- */

static void text_both(
	const struct weir_face *face, const json_t *doc, weir_text_fn *fast, weir_text_fn *kernel)
{
	fast(face, doc);
	weir_ink(face, WEIR_PLAIN, "\n");
	kernel(face, json_object_get(doc, "kernel"));
}

void weir_text_paths(const struct weir_face *face, const json_t *doc)
{
	text_both(face, doc, weir_text_path, weir_text_kernel_path);
}

void weir_text_all_drops(const struct weir_face *face, const json_t *doc)
{
	text_both(face, doc, weir_text_drops, weir_text_kernel_drops);
}

void weir_text_ledgers(const struct weir_face *face, const json_t *doc)
{
	text_both(face, doc, weir_text_ledger, weir_text_kernel_ledger);
}
