// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What happens now in the kernel plane: all that the live screen shows of it. */
#include <string.h>

#include "base/num.h"
#include "model/kernel_trouble.h"
#include "model/tables.h"
#include "out/doc.h"

static json_t *rate(const struct weir_kernel_delta *delta, __u64 count)
{
	return json_real(weir_kernel_rate(delta, count));
}

/* Of packets: null where they are not known. */
static json_t *flow_rate(
	const struct weir_kernel_delta *delta, const struct weir_kernel_flow *flow, __u64 count)
{
	return flow->seen == WEIR_KSEEN_no ? json_null() : rate(delta, count);
}

/* How well a stage's packets are known, and by whom. */
static const char *known(const struct weir_kernel_flow *flow)
{
	static const char *const seen[] = {
		[WEIR_KSEEN_no] = "no",
		[WEIR_KSEEN_least] = "at_least",
		[WEIR_KSEEN_most] = "at_most",
		[WEIR_KSEEN_exact] = "exact",
	};

	return seen[flow->seen];
}

static const char *source(const struct weir_kernel_flow *flow)
{
	if (flow->seen == WEIR_KSEEN_no)
		return "none";
	return flow->observed ? "observers" : flow->machine ? "machine" : "counters";
}

static json_t *causes(const struct weir_kernel_delta *delta,
	const struct weir_kernel_seen_list *drops, const struct weir_kernel_part *part,
	unsigned int stage)
{
	json_t *list = json_array();

	/* the list has the worst first */
	for (unsigned int i = 0; i < drops->nr; i++) {
		const struct weir_kernel_seen *seen = &drops->seen[i];

		if (seen->drop->stage != stage || !seen->rate_count ||
			!weir_kernel_part_has(part, seen->dev))
			continue;
		if (json_array_append_new(list, json_pack("{s:s, s:o}", "cause", seen->drop->cause,
							"pps", rate(delta, seen->rate_count)))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* @all: stages where nothing happened, too. */
static json_t *stages(const struct weir_kernel_delta *delta,
	const struct weir_kernel_seen_list *drops, const struct weir_kernel_part *part, bool all)
{
	json_t *list = json_array(), *doc;

	for (unsigned int i = 0; part->known && i < WEIR_STAGE_COUNT; i++) {
		const struct weir_kernel_flow *flow = &part->stage[i];

		if (!all && !flow->packets && !flow->drops && !part->lat.stage[i].samples)
			continue;
		doc = json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:o, s:o}", "stage",
			weir_stage_info[i].name, "pps", flow_rate(delta, flow, flow->packets),
			"bps", flow_rate(delta, flow, 8 * flow->bytes), "drops_pps",
			rate(delta, flow->drops), "known", known(flow), "source", source(flow),
			"causes", causes(delta, drops, part, i), "histogram",
			weir_doc_histogram(&part->lat.stage[i]));
		if (json_object_update_new(doc, weir_doc_latency(&part->lat.stage[i])) ||
			json_array_append_new(list, doc)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *rates(const struct weir_kernel_delta *delta, const struct weir_kernel_part *part)
{
	const struct weir_kernel_flow *in = &part->stage[WEIR_STAGE_nic_rx];
	const struct weir_kernel_flow *out = &part->stage[WEIR_STAGE_xmit];
	const struct weir_kernel_flow *up = &part->stage[WEIR_STAGE_ip_local_deliver];
	const struct weir_kernel_flow *down = &part->stage[WEIR_STAGE_ip_local_out];

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "in_pps",
		flow_rate(delta, in, in->packets), "in_bps", flow_rate(delta, in, 8 * in->bytes),
		"out_pps", flow_rate(delta, out, out->packets), "for_us_pps",
		flow_rate(delta, up, up->packets), "by_us_pps",
		flow_rate(delta, down, down->packets), "drops_pps",
		part->known ? rate(delta, part->drops) : json_null());
}

/* Namespaces, where there are several, and devices. */
static json_t *devices(
	const struct weir_kernel_delta *delta, const struct weir_kernel_seen_list *drops)
{
	json_t *list = json_array(), *doc;

	for (unsigned int i = 1; i < delta->nr_parts; i++) {
		const struct weir_kernel_part *part = &delta->parts[i];

		doc = json_pack("{s:o, s:I, s:s, s:b, s:o}", "device",
			part->ifindex ? weir_json_text(part->name) : json_null(), "ifindex",
			(json_int_t)part->ifindex, "netns", part->netns, "known", (int)part->known,
			"stages", stages(delta, drops, part, false));
		if (json_object_update_new(doc, rates(delta, part)) ||
			json_array_append_new(list, doc)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *drop_doc(const struct weir_kernel_delta *delta, const struct weir_kernel_seen *seen)
{
	const struct weir_kernel_drop *d = seen->drop;
	struct weir_kernel_diagnosis diagnosis;
	json_t *doc;

	weir_kernel_diagnose(seen, delta, &diagnosis);
	doc = json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:I, s:b, s:o}", "device",
		weir_json_text(seen->dev->name), "netns", seen->dev->netns, "stage",
		d->stage < WEIR_STAGE_COUNT ? weir_stage_info[d->stage].name : "unknown", "cause",
		d->cause, "reason", d->reason, "location", d->location, "text", d->text, "packets",
		weir_json_int(seen->total), "pps",
		delta->interval_ns ? rate(delta, seen->rate_count) : json_null(), "first_s",
		weir_json_int(seen->first_s), "began_unseen", (int)seen->began_unseen, "last_s",
		seen->last_s ? json_integer(weir_json_int(seen->last_s)) : json_null());
	json_object_update_new(doc,
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "what",
			weir_json_text(diagnosis.what), "when", weir_json_text(diagnosis.when),
			"who", weir_json_text(diagnosis.who), "example",
			weir_json_text(diagnosis.example), "remedy",
			weir_json_text(diagnosis.remedy), "closer",
			weir_json_text(diagnosis.closer), "cgroup", weir_json_int(d->count.cgroup),
			"candidates", weir_doc_kernel_candidates(d)));
	return doc;
}

static json_t *drops_doc(
	const struct weir_kernel_delta *delta, const struct weir_kernel_seen_list *drops)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < drops->nr; i++)
		if (json_array_append_new(list, drop_doc(delta, &drops->seen[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *lost_doc(const struct weir_kernel_delta *delta)
{
	const __u64 *lost = (const __u64 *)&delta->lost;
	json_t *doc = json_object();

	for (unsigned int i = 0; i < WEIR_KLOSS_COUNT; i++)
		json_object_set_new(doc, weir_kloss_info[i].name, rate(delta, lost[i]));
	return doc;
}

static json_t *trouble_doc(const struct weir_kernel_trouble *t,
	const struct weir_kernel_delta *delta, const struct weir_kernel_seen_list *drops,
	const char *option)
{
	static const char *const kind[] = {
		[WEIR_KERNEL_TROUBLE_DROPS] = "drops",
		[WEIR_KERNEL_TROUBLE_BLIND] = "blind",
		[WEIR_KERNEL_TROUBLE_LOST] = "lost",
		[WEIR_KERNEL_TROUBLE_OFF] = "off",
		[WEIR_KERNEL_TROUBLE_NONE] = "none",
	};
	struct weir_told told;

	weir_kernel_trouble_tell(t, delta, drops, option, &told);
	return json_pack("{s:s, s:o, s:o, s:I, s:b}", "kind", kind[t->kind], "text",
		weir_json_text(told.text), "try", weir_json_text(told.remedy), "since_s",
		weir_json_int(t->since_s), "began_unseen", (int)t->began_unseen);
}

json_t *weir_doc_kernel_top(const struct weir_kernel_delta *delta,
	const struct weir_kernel_seen_list *drops, const struct weir_kernel_trouble *trouble,
	const char *option, const char *why)
{
	const struct weir_kernel_snapshot *snap = delta->now;
	bool any = delta->nr_parts;
	json_t *doc = json_pack("{s:s, s:s, s:f, s:b, s:f, s:s, s:o, s:o, s:o, s:o, s:o}", "plane",
		"kernel", "level",
		weir_klevel_info[snap->on && snap->watch.level < WEIR_KLEVEL_COUNT
					 ? snap->watch.level
					 : 0]
			.name,
		"share", snap->watch.share / 1e6, "observing",
		(int)(snap->on && !weir_kernel_blind(snap)), "interval_s",
		(double)delta->interval_ns / 1e9, "error", why, "devices", devices(delta, drops),
		"stages", any ? stages(delta, drops, &delta->parts[0], true) : json_array(),
		"drops", drops_doc(delta, drops), "lost_pps", lost_doc(delta), "trouble",
		trouble_doc(trouble, delta, drops, option));

	if (any && json_object_update_new(doc, rates(delta, &delta->parts[0]))) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

/* --- text --- */

static void text_rate(const struct weir_face *face, const json_t *doc, const char *name,
	const char *key, const char *unit)
{
	const json_t *value = json_object_get(doc, key);
	bool bad = !strcmp(key, "drops_pps") && json_number_value(value) > 0;
	char text[2 * WEIR_NUM_MAX];

	if (json_is_number(value))
		weir_format_si(text, sizeof(text), json_number_value(value), unit);
	else
		snprintf(text, sizeof(text), "%s", weir_dot(face));
	weir_ink(face, bad ? WEIR_ALARM : WEIR_PLAIN, "%s%s", bad ? "  DROPPED " : name, text);
}

static void text_head(const struct weir_face *face, const json_t *doc)
{
	const json_t *dev;
	size_t i;

	weir_ink(face, WEIR_HEAD, "kernel plane");
	json_array_foreach (json_object_get(doc, "devices"), i, dev) {
		const char *netns = weir_get_text(dev, "netns");

		weir_ink(face, WEIR_PLAIN, "  %s%s%s", weir_get_text(dev, "device"),
			*netns ? "@" : "", netns);
	}
	weir_ink(face, WEIR_PLAIN, "  watch %s", weir_get_text(doc, "level"));
	if (!json_is_true(json_object_get(doc, "observing")))
		weir_ink(face, WEIR_ALARM, "!");
	weir_ink(face, WEIR_PLAIN, "  %.1f s\n",
		json_number_value(json_object_get(doc, "interval_s")));
	text_rate(face, doc, "in ", "in_pps", "/s");
	text_rate(face, doc, "  ", "in_bps", "b/s");
	text_rate(face, doc, "  out ", "out_pps", "/s");
	text_rate(face, doc, "  for us ", "for_us_pps", "/s");
	text_rate(face, doc, "  by us ", "by_us_pps", "/s");
	text_rate(face, doc, "  dropped ", "drops_pps", "/s");
	weir_ink(face, WEIR_PLAIN, "\n");
}

/* Stages where anything happened: a line for each of forty would be read by nobody. */
static void text_stages(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"stage", "stage", .format = WEIR_TEXT, .width = 16},
		{"packets/s", "pps", .format = WEIR_SI, .width = 9},
		{"drops/s", "drops_pps", .format = WEIR_SI, .width = 7, .alarm = true},
		{"p50", "p50_ns", .format = WEIR_NS, .width = 7},
		{"p99", "p99_ns", .format = WEIR_NS, .width = 7},
		{"causes", "causes", .format = WEIR_CAUSES},
	};
	json_t *busy = json_array(), *stage;
	size_t i;

	json_array_foreach (json_object_get(doc, "stages"), i, stage)
		if (json_number_value(json_object_get(stage, "pps")) > 0 ||
			json_number_value(json_object_get(stage, "drops_pps")) > 0 ||
			weir_get_int(stage, "samples"))
			json_array_append(busy, stage);
	if (json_array_size(busy))
		WEIR_TABLE(face, columns, busy);
	json_decref(busy);
}

static void text_worst(const struct weir_face *face, const json_t *doc)
{
	static const char *const lines[] = {"when", "who", "example", "remedy"};
	static const char *const labels[] = {"when: ", "who:  ", "such: ", "do:   "};
	const json_t *worst = json_array_get(json_object_get(doc, "drops"), 0);

	if (json_number_value(json_object_get(worst, "pps")) <= 0)
		return;
	weir_ink(face, WEIR_ALARM, "%s\n", weir_get_text(worst, "what"));
	for (size_t i = 0; i < 4; i++)
		if (*weir_get_text(worst, lines[i]))
			weir_ink(face, WEIR_PLAIN, "  %s%s\n", labels[i],
				weir_get_text(worst, lines[i]));
}

void weir_text_kernel_top(const struct weir_face *face, const json_t *doc)
{
	const json_t *trouble = json_object_get(doc, "trouble");
	const char *kind = weir_get_text(trouble, "kind"), *why = weir_get_text(doc, "error");
	bool fine = !strcmp(kind, "none") || !strcmp(kind, "off");
	char since[16];

	if (*why) {
		weir_ink(face, WEIR_ALARM, "the kernel plane cannot be read: %s\n\n", why);
		return;
	}
	if (strcmp(kind, "off")) {
		text_head(face, doc);
		text_stages(face, doc);
		text_worst(face, doc);
	}
	weir_format_clock(since, sizeof(since), (uint64_t)weir_get_int(trouble, "since_s"));
	weir_ink(face, fine ? WEIR_PLAIN : WEIR_ALARM, "%s", weir_get_text(trouble, "text"));
	if (strcmp(kind, "off"))
		weir_ink(face, WEIR_PLAIN, " (since %s%s)",
			json_is_true(json_object_get(trouble, "began_unseen")) ? "before " : "",
			since);
	weir_ink(face, WEIR_PLAIN, "  try: %s\n\n", weir_get_text(trouble, "try"));
}
