// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "base/num.h"
#include "model/tables.h"
#include "out/doc.h"

static json_t *causes(const struct weir_delta *delta, enum weir_fast_stage fast)
{
	json_t *list = json_array();

	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
		const struct weir_exit_info *info = &weir_exit_info[e];
		__u64 packets = weir_exit_dropped(&delta->row, e).packets +
				weir_exit_to_kernel(&delta->row, e).packets;

		if (info->fast != fast || !packets)
			continue;
		if (json_array_append_new(list,
			    json_pack("{s:s, s:s, s:f}", "cause", weir_cause_info[info->cause].name,
				    "kind", weir_kind_info[info->kind].name, "pps",
				    weir_delta_rate(delta, packets))))
			goto fail;
	}
	if (!weir_doc_sort(&list, "pps"))
		return list;
fail:
	json_decref(list);
	return NULL;
}

json_t *weir_doc_histogram(const struct weir_lat_stage *lat)
{
	struct weir_octaves octaves;
	json_t *list = json_array();

	weir_octaves_of(lat, &octaves);
	for (unsigned int i = 0; i < WEIR_OCTAVES; i++) {
		if (!octaves.samples[i])
			continue;
		if (json_array_append_new(list,
			    json_pack("{s:I, s:I}", "from_ns", weir_json_int(weir_octave_from(i)),
				    "samples", weir_json_int(octaves.samples[i])))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *stages(const struct weir_delta *delta)
{
	const struct weir_stage_sum *sum = delta->stage;
	json_t *list = json_array(), *stage;

	for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++) {
		if (!(weir_stage_hooks(i) & delta->hooks)) /* no packet can come there */
			continue;
		stage = json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "stage",
			weir_stage_info[weir_fast_to_stage[i]].name, "pps",
			weir_delta_rate(delta, sum[i].packets), "bps",
			8 * weir_delta_rate(delta, sum[i].bytes), "drops_pps",
			weir_delta_rate(delta, sum[i].drops), "passed_pps",
			weir_delta_rate(delta, sum[i].passed), "punted_pps",
			weir_delta_rate(delta, sum[i].punted), "causes", causes(delta, i),
			"histogram", weir_doc_histogram(&delta->lat.stage[i]));
		if (json_object_update_new(stage, weir_doc_latency(&delta->lat.stage[i])) ||
			json_array_append_new(list, stage)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Rates, or null for each where there is no difference to make one of. */
static json_t *rates(const struct weir_delta *delta, const struct weir_row *row, bool known)
{
	struct weir_traffic flow;

	if (!known)
		return json_pack("{s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n}", "in_pps", "in_bps",
			"out_pps", "passed_pps", "punted_pps", "drops_pps", "lost_pps", "tx_pps");
	weir_traffic_of(row, &flow);
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "in_pps",
		weir_delta_rate(delta, flow.in.packets), "in_bps",
		8 * weir_delta_rate(delta, flow.in.bytes), "out_pps",
		weir_delta_rate(delta, flow.out), "passed_pps", weir_delta_rate(delta, flow.passed),
		"punted_pps", weir_delta_rate(delta, flow.punted), "drops_pps",
		weir_delta_rate(delta, flow.drops), "lost_pps", weir_delta_rate(delta, flow.lost),
		"tx_pps", weir_delta_rate(delta, row->tx_packets));
}

/* Each queue or CPU under @name, with its rates; those that never counted anything are left out. */
static json_t *shares(const struct weir_delta *delta, const char *name, const struct weir_row *ever,
	const struct weir_row *rows, unsigned int nr)
{
	json_t *list = json_array(), *share;

	for (unsigned int i = 0; i < nr; i++) {
		if (!ever[i].in.packets && !ever[i].tx_packets)
			continue;
		share = rates(delta, &rows[i], true);
		if (json_object_set_new(share, name, json_integer((json_int_t)i)) ||
			json_array_append_new(list, share)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *device(const struct weir_delta *delta, const struct weir_dev_delta *d)
{
	static const char *const change[] = {
		[WEIR_CHANGE_NONE] = "none",
		[WEIR_CHANGE_NEW] = "new",
		[WEIR_CHANGE_RESET] = "reset",
	};
	json_t *dev = json_pack("{s:o, s:s, s:I, s:s, s:s, s:o, s:o}", "device",
		weir_json_text(d->dev->name), "hook", weir_hook_info[d->dev->hook].name, "ifindex",
		(json_int_t)d->dev->conf.ifindex, "state", weir_dev_state(d->dev), "change", change[d->change], "queues",
		shares(delta, "queue", d->dev->queue, d->queue, d->nr_queues), "cpus",
		shares(delta, "cpu", d->dev->cpu, d->cpu, d->nr_cpus));

	if (json_object_update_new(dev, rates(delta, &d->row, weir_delta_known(d)))) {
		json_decref(dev);
		return NULL;
	}
	return dev;
}

static json_t *devices(const struct weir_delta *delta, bool *any_known)
{
	json_t *list = json_array();

	*any_known = false;
	for (unsigned int i = 0; i < delta->nr_devs; i++) {
		*any_known = *any_known || weir_delta_known(&delta->devs[i]);
		if (json_array_append_new(list, device(delta, &delta->devs[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *drops_doc(const struct weir_delta *delta, const struct weir_drops *drops)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < drops->nr; i++) {
		const struct weir_drop_seen *seen = &drops->seen[i];
		const struct weir_dev_delta *dev = &delta->devs[seen->dev];
		const struct weir_exit_info *exit = &weir_exit_info[seen->exit];
		const struct weir_cause_info *cause = &weir_cause_info[exit->cause];
		json_t *doc = json_pack("{s:o, s:s, s:s, s:I, s:o, s:I, s:b, s:o, s:s, s:s}",
			"device", weir_json_text(dev->dev->name), "stage",
			weir_stage_info[exit->stage].name, "cause", cause->name, "packets",
			weir_json_int(seen->total), "pps",
			weir_delta_known(dev) ? json_real(weir_delta_rate(delta, seen->rate_count))
					      : json_null(),
			"first_s", weir_json_int(seen->first_s), "began_unseen", seen->began_unseen,
			"last_s",
			seen->last_s ? json_integer(weir_json_int(seen->last_s)) : json_null(),
			"text", cause->text, "remedy", cause->remedy);

		if (json_array_append_new(list, doc)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *trouble_doc(
	const struct weir_trouble *t, const struct weir_delta *delta, const char *option)
{
	static const char *const kind[] = {
		[WEIR_TROUBLE_NO_DEVICE] = "no_device",
		[WEIR_TROUBLE_LEDGER] = "ledger",
		[WEIR_TROUBLE_GONE] = "gone",
		[WEIR_TROUBLE_REPLACED] = "replaced",
		[WEIR_TROUBLE_DROPS] = "drops",
		[WEIR_TROUBLE_LOST] = "lost",
		[WEIR_TROUBLE_IDLE] = "idle",
		[WEIR_TROUBLE_NONE] = "none",
	};
	struct weir_told told;

	weir_trouble_tell(t, delta, option, &told);
	return json_pack("{s:s, s:o, s:o, s:I, s:b}", "kind", kind[t->kind], "text",
		weir_json_text(told.text), "try", weir_json_text(told.remedy), "since_s",
		weir_json_int(t->since_s), "began_unseen", t->began_unseen);
}

json_t *weir_doc_top(const struct weir_snapshot *snap, const struct weir_delta *delta,
	const struct weir_trouble *trouble, const struct weir_drops *drops, const char *option,
	__u64 wall_s)
{
	struct weir_ledger ledger, total = {0};
	bool holds = true, known;
	json_t *doc, *list = devices(delta, &known);

	for (unsigned int i = 0; i < snap->nr_devs; i++) {
		weir_ledger_of(&snap->devs[i], &ledger);
		weir_ledger_add(&total, &ledger);
		holds = holds && weir_ledger_holds(&ledger);
	}
	doc = json_pack("{s:s, s:I, s:f, s:I, s:b, s:I, s:o, s:o, s:o, s:o}", "plane", "fast",
		"time_s", weir_json_int(wall_s), "interval_s", (double)delta->interval_ns / 1e9,
		"residual", (json_int_t)total.residual, "balanced", holds, "sample_every",
		(json_int_t)snap->sample_every, "devices", list, "stages",
		known ? stages(delta) : json_array(), "drops", drops_doc(delta, drops), "trouble",
		trouble_doc(trouble, delta, option));
	if (json_object_update_new(doc, rates(delta, &delta->row, known))) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

static void text_rate(const struct weir_face *face, const json_t *doc, const char *name,
	const char *key, const char *unit)
{
	const json_t *rate = json_object_get(doc, key);
	char text[2 * WEIR_NUM_MAX];

	if (json_is_null(rate))
		snprintf(text, sizeof(text), "%s", weir_dot(face));
	else
		weir_format_si(text, sizeof(text), json_number_value(rate), unit);
	weir_ink(face, WEIR_PLAIN, "%s%s", name, text);
}

static void text_head(const struct weir_face *face, const json_t *doc)
{
	double in = json_number_value(json_object_get(doc, "in_pps"));
	double drops = json_number_value(json_object_get(doc, "drops_pps"));
	char clock[16], rate[WEIR_NUM_MAX];
	const char *before = "";
	const json_t *dev;
	size_t i;

	weir_format_clock(clock, sizeof(clock), (uint64_t)weir_get_int(doc, "time_s"));
	weir_ink(face, WEIR_HEAD, "weir top");
	json_array_foreach (json_object_get(doc, "devices"), i, dev) {
		if (strcmp(weir_get_text(dev, "device"), before)) /* its hooks follow each other */
			weir_ink(face, WEIR_PLAIN, "  %s", weir_get_text(dev, "device"));
		before = weir_get_text(dev, "device");
	}
	weir_ink(face, WEIR_PLAIN, "  fast plane  %.1f s  ",
		json_number_value(json_object_get(doc, "interval_s")));
	weir_ink(face, json_is_true(json_object_get(doc, "balanced")) ? WEIR_PLAIN : WEIR_ALARM,
		"ledger %lld", (long long)weir_get_int(doc, "residual"));
	weir_ink(face, WEIR_PLAIN, "  %s\n", clock);
	text_rate(face, doc, "in ", "in_pps", "/s");
	text_rate(face, doc, "  ", "in_bps", "b/s");
	text_rate(face, doc, "  out ", "out_pps", "/s");
	text_rate(face, doc, "  passed ", "passed_pps", "/s");
	text_rate(face, doc, "  punted ", "punted_pps", "/s");
	if (drops > 0) {
		weir_format_si(rate, sizeof(rate), drops, "/s");
		weir_ink(face, WEIR_ALARM, "  DROPPED %s (%.1f %%)", rate,
			in > 0 ? 100 * drops / in : 100);
	} else {
		text_rate(face, doc, "  dropped ", "drops_pps", "/s");
	}
	weir_ink(face, WEIR_PLAIN, "\n");
}

static void text_changes(const struct weir_face *face, const json_t *doc)
{
	const json_t *dev;
	size_t i;

	json_array_foreach (json_object_get(doc, "devices"), i, dev) {
		const char *change = weir_get_text(dev, "change");
		const char *state = weir_get_text(dev, "state");

		if (!strcmp(change, "new"))
			weir_ink(face, WEIR_PLAIN,
				"%s: new, its rates come with the next reading\n",
				weir_get_text(dev, "device"));
		if (!strcmp(change, "reset"))
			weir_ink(face, WEIR_PLAIN,
				"%s: counters were reset, its rates come with the next reading\n",
				weir_get_text(dev, "device"));
		if (strcmp(state, "attached"))
			weir_ink(face, WEIR_ALARM, "%s: stale, %s\n", weir_get_text(dev, "device"),
				state);
	}
}

void weir_text_top(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"stage", "stage", .format = WEIR_TEXT, .width = 14},
		{"packets/s", "pps", .format = WEIR_SI, .width = 9},
		{"bits/s", "bps", .format = WEIR_SI, .width = 7},
		{"drops/s", "drops_pps", .format = WEIR_SI, .width = 7, .alarm = true},
		{"p50", "p50_ns", .format = WEIR_NS, .width = 7},
		{"p99", "p99_ns", .format = WEIR_NS, .width = 7},
		{"causes", "causes", .format = WEIR_CAUSES},
	};
	const json_t *trouble = json_object_get(doc, "trouble");
	const char *kind = weir_get_text(trouble, "kind");
	bool fine = !strcmp(kind, "none") || !strcmp(kind, "idle");
	char since[16];

	text_head(face, doc);
	text_changes(face, doc);
	if (json_array_size(json_object_get(doc, "stages")))
		WEIR_TABLE(face, columns, json_object_get(doc, "stages"));
	weir_format_clock(since, sizeof(since), (uint64_t)weir_get_int(trouble, "since_s"));
	weir_ink(face, fine ? WEIR_PLAIN : WEIR_ALARM, "%s", weir_get_text(trouble, "text"));
	weir_ink(face, WEIR_PLAIN, " (since %s%s)  try: %s\n\n",
		json_is_true(json_object_get(trouble, "began_unseen")) ? "before " : "", since,
		weir_get_text(trouble, "try"));
	if (json_object_get(doc, "kernel"))
		weir_text_kernel_top(face, json_object_get(doc, "kernel"));
}
