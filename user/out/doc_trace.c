// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets on the kernel's road: what each is, how it ended, and a line for each stage that it came
 * by. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "model/tables.h"
#include "out/doc.h"
#include "out/doc_trace.h"

#define ETHERNET 14

/* What the head says: of a packet without a link header, one is made up, and shows nowhere. */
static void put_head(json_t *doc, const struct weir_trace_event *e)
{
	__u8 frame[ETHERNET + WEIR_TRACE_HEAD] = {0};

	if (!(e->flags & WEIR_TRACE_RAW)) {
		weir_put_packet(doc, e->head, e->head_len, 0);
		return;
	}
	frame[12] = (__u8)(e->protocol >> 8);
	frame[13] = (__u8)e->protocol;
	memcpy(frame + ETHERNET, e->head, e->head_len);
	weir_put_packet(doc, frame, ETHERNET + e->head_len, 0);
}

static void put_text(json_t *doc, const char *key, const char *text)
{
	json_object_set_new(doc, key, weir_json_text(text));
}

static void put_number(json_t *doc, const char *key, unsigned long long value)
{
	json_object_set_new(doc, key, json_integer(weir_json_int(value)));
}

/* What drop @at is, and whether anything is lost by it. */
static bool drop_of(const struct weir_traced *p, unsigned int at,
	const struct weir_trace_names *names, struct weir_kernel_drop *d)
{
	*d = (struct weir_kernel_drop){.key = p->event[at].drop};
	names->drop(names->ctx, d);
	return weir_traced_drop(p, at, d);
}

static void put_drop(json_t *doc, const struct weir_kernel_drop *d)
{
	put_text(doc, "stage", weir_stage_info[d->stage].name);
	put_text(doc, "cause", d->cause);
	put_text(doc, "reason", d->reason);
	put_text(doc, "location", d->location);
}

/* What NAT has made of it, where that is something else than it was before. */
static void put_change(json_t *doc, const struct weir_traced *p, unsigned int at)
{
	static const char *const ends[] = {"src", "dst", "sport", "dport"};
	json_t *now = json_object(), *then = json_object();
	unsigned int before = at;
	bool same = true;

	while (before && !p->event[--before].head_len)
		;
	if (p->event[at].head_len && before < at) {
		put_head(now, &p->event[at]);
		put_head(then, &p->event[before]);
		for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
			same &= json_equal(json_object_get(now, ends[i]),
					json_object_get(then, ends[i])) ||
				json_object_get(now, ends[i]) == json_object_get(then, ends[i]);
	}
	if (!same)
		json_object_set(doc, "packet", now);
	json_decref(now);
	json_decref(then);
}

/* The fast plane's verdict in its own words. */
static const char *fast_words(const struct weir_trace_event *e, char buf[128])
{
	const struct weir_trace_verdict *v = &e->verdict;

	weir_exit_words(v->exit, v->hook, v->punt_drop, v->out, buf, 128);
	return buf;
}

static void put_fast(json_t *doc, const struct weir_trace_event *e)
{
	const struct weir_exit_info *exit = &weir_exit_info[e->verdict.exit];
	char words[128];

	put_text(doc, "plane", "fast");
	put_text(doc, "kind", weir_kind_info[exit->kind].name);
	put_text(doc, "at", weir_stage_info[exit->stage].name);
	put_text(doc, "cause", weir_cause_info[exit->cause].name);
	if (e->verdict.out[0])
		put_text(doc, "out", e->verdict.out);
	put_text(doc, "verdict", fast_words(e, words));
}

static json_t *event_doc(
	const struct weir_traced *p, unsigned int at, const struct weir_trace_names *names)
{
	const struct weir_trace_event *e = &p->event[at];
	bool fast = e->point == WEIR_TRACE_FAST, drop_told;
	enum weir_trace_what what = e->what;
	char netns[WEIR_TRACE_NAME_MAX];
	struct weir_kernel_drop drop;
	json_t *doc = json_object();

	drop_told = what == WEIR_TRACE_WHAT_drop && !fast;
	if (drop_told && !drop_of(p, at, names, &drop))
		what = WEIR_TRACE_WHAT_done;
	put_number(doc, "after_ns", e->time_ns - p->event[0].time_ns);
	put_number(doc, "cpu", e->cpu);
	put_text(doc, "netns", names->netns(names->ctx, e->netns, netns));
	put_text(doc, "device", weir_traced_dev(p, at));
	put_number(doc, "ifindex", e->ifindex);
	put_text(doc, "stage", weir_stage_info[weir_traced_stage(p, at)].name);
	put_text(doc, "what", weir_trace_what_name[what]);
	if (fast)
		put_fast(doc, e);
	else if (drop_told)
		put_drop(doc, &drop);
	else if (e->answer)
		json_object_set_new(doc, "answer", json_integer(e->answer));
	if (e->flags & WEIR_TRACE_COPY)
		json_object_set_new(doc, "copy", json_true());
	put_number(doc, "length", e->len);
	put_number(doc, "mark", e->mark);
	put_number(doc, "protocol", e->protocol);
	if (e->cgroup)
		put_number(doc, "cgroup", e->cgroup);
	put_change(doc, p, at);
	return doc;
}

/* It ended there; whoever it was left to has told nothing of it. */
static void put_fast_verdict(json_t *doc, const struct weir_trace_event *e, enum weir_trace_end end)
{
	const struct weir_exit_info *exit = &weir_exit_info[e->verdict.exit];
	char words[128];

	put_text(doc, "end", weir_trace_end_name[end]);
	put_text(doc, "stage", weir_stage_info[exit->stage].name);
	put_text(doc, "cause", weir_cause_info[exit->cause].name);
	put_text(doc, "verdict", fast_words(e, words));
}

/* How it ended, in a few words. */
static void put_verdict(
	json_t *doc, const struct weir_traced *p, const struct weir_trace_names *names)
{
	unsigned int at;
	enum weir_trace_end end = weir_traced_end(p, &at);
	const char *stage = weir_stage_info[weir_traced_stage(p, at)].name;
	const struct weir_trace_event *e = &p->event[at];
	const char *dev = weir_traced_dev(p, at);
	struct weir_kernel_drop drop;
	char text[512];

	if (e->point == WEIR_TRACE_FAST) {
		put_fast_verdict(doc, e, end);
		return;
	}
	if (end == WEIR_TRACE_END_dropped && !drop_of(p, at, names, &drop)) {
		end = WEIR_TRACE_END_consumed;
		stage = weir_stage_info[drop.stage].name;
	}
	put_text(doc, "end", weir_trace_end_name[end]);
	put_text(doc, "stage", stage);
	switch (end) {
	case WEIR_TRACE_END_dropped:
		put_drop(doc, &drop);
		snprintf(text, sizeof(text), "dropped at %s: %s", weir_stage_info[drop.stage].name,
			drop.cause);
		break;
	case WEIR_TRACE_END_sent:
		snprintf(text, sizeof(text), "sent%s%s", *dev ? " by " : "", dev);
		break;
	case WEIR_TRACE_END_seen:
		snprintf(text, sizeof(text), "last seen at %s", stage);
		break;
	default:
		snprintf(text, sizeof(text), "%s", weir_trace_end_name[end]);
	}
	put_text(doc, "verdict", text);
}

json_t *weir_doc_traced(
	const struct weir_traced *p, const struct weir_trace_names *names, __u64 offset_ns)
{
	const struct weir_trace_event *first = &p->event[0];
	json_t *doc = json_object(), *events = json_array(), *links;
	char netns[WEIR_TRACE_NAME_MAX];

	if (!doc || !events)
		return NULL;
	put_number(doc, "time_ns", first->time_ns + offset_ns);
	put_text(doc, "plane", "kernel");
	put_number(doc, "number", p->number);
	put_text(doc, "netns", names->netns(names->ctx, first->netns, netns));
	put_text(doc, "device", weir_traced_dev(p, 0));
	put_number(doc, "length", first->frame_len);
	if (first->head_len)
		put_head(doc, first);
	put_verdict(doc, p, names);
	for (unsigned int i = 0; i < p->nr; i++)
		json_array_append_new(events, event_doc(p, i, names));
	json_object_set_new(doc, "events", events);
	if (p->more)
		put_number(doc, "more", p->more);
	if (p->nr_links) {
		links = json_array();
		for (unsigned int i = 0; i < p->nr_links; i++)
			json_array_append_new(links, json_integer(weir_json_int(p->link[i])));
		json_object_set_new(doc, "linked", links);
	}
	return doc;
}

/* --- text --- */

static void text_event(const struct weir_face *face, const json_t *e)
{
	bool drop = !strcmp(weir_get_text(e, "what"), "drop");
	bool fast = !strcmp(weir_get_text(e, "plane"), "fast");
	const json_t *packet = json_object_get(e, "packet");
	char after[WEIR_NUM_MAX + 8], where[96];

	weir_format_ns(after, sizeof(after), (double)weir_get_int(e, "after_ns"), face->utf8);
	snprintf(where, sizeof(where), "%s/%s", weir_get_text(e, "netns"),
		*weir_get_text(e, "device") ? weir_get_text(e, "device") : "-");
	weir_ink(face, WEIR_PLAIN, "  +%s%*s cpu %-3lld %-24s %-16s ", after,
		9 - weir_columns_of(after), "", (long long)weir_get_int(e, "cpu"), where,
		weir_get_text(e, "stage"));
	weir_ink(face, drop ? WEIR_ALARM : WEIR_PLAIN, "%s",
		weir_get_text(e, fast ? "verdict" : "what"));
	if (json_is_true(json_object_get(e, "copy")))
		weir_ink(face, WEIR_PLAIN, " of a copy");
	if (drop && !fast)
		weir_ink(face, WEIR_PLAIN, " %s at %s", weir_get_text(e, "cause"),
			weir_get_text(e, "location"));
	if (json_object_get(e, "answer"))
		weir_ink(face, WEIR_PLAIN, ", answer %lld", (long long)weir_get_int(e, "answer"));
	if (packet) {
		weir_ink(face, WEIR_PLAIN, "  as ");
		weir_text_packet(face, packet);
	}
	weir_ink(face, WEIR_PLAIN, "\n");
}

void weir_text_traced(const struct weir_face *face, const json_t *doc)
{
	bool drop = !strcmp(weir_get_text(doc, "end"), "dropped");
	const json_t *links = json_object_get(doc, "linked"), *e;
	size_t i;

	weir_text_clock(face, weir_get_int(doc, "time_ns"));
	weir_ink(face, WEIR_HEAD, "%s/%s", weir_get_text(doc, "netns"),
		*weir_get_text(doc, "device") ? weir_get_text(doc, "device") : "-");
	weir_ink(face, WEIR_PLAIN, "  ");
	weir_text_packet(face, doc);
	weir_ink(face, WEIR_PLAIN, ", %lld bytes  ", (long long)weir_get_int(doc, "length"));
	weir_ink(face, drop ? WEIR_ALARM : WEIR_PLAIN, "%s", weir_get_text(doc, "verdict"));
	weir_ink(face, WEIR_PLAIN, "\n");
	json_array_foreach (json_object_get(doc, "events"), i, e)
		text_event(face, e);
	if (json_object_get(doc, "more"))
		weir_ink(face, WEIR_PLAIN, "  and %lld events more\n",
			(long long)weir_get_int(doc, "more"));
	if (links)
		weir_ink(face, WEIR_PLAIN, "  packet %lld may be one with",
			(long long)weir_get_int(doc, "number"));
	json_array_foreach (links, i, e)
		weir_ink(face, WEIR_PLAIN, " %lld", (long long)json_integer_value(e));
	if (links)
		weir_ink(face, WEIR_PLAIN, ", which looks the same\n");
}

/* --- to a file --- */

/* The frame to write: with its link header, if it has had one. */
static const struct weir_trace_event *frame_of(const struct weir_traced *p)
{
	for (unsigned int i = 0; i < p->nr; i++)
		if (p->event[i].head_len && !(p->event[i].flags & WEIR_TRACE_RAW))
			return &p->event[i];
	return &p->event[0];
}

int weir_write_traced(struct weir_pcapng *file, const struct weir_traced *p, const json_t *doc)
{
	const struct weir_trace_event *e = frame_of(p), *first = &p->event[0];
	struct weir_pcapng_traced to = {
		.wall_ns = (__u64)weir_get_int(doc, "time_ns"),
		.netns = first->netns,
		.ifindex = first->ifindex,
		.raw = e->flags & WEIR_TRACE_RAW,
		.bytes = e->head,
		.len = e->head_len,
		.wire_len = e->frame_len,
	};
	char *json = json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER), *text = NULL;
	struct weir_face face = {.utf8 = true};
	char name[160];
	size_t size;
	int rc = -ENOMEM;

	face.file = open_memstream(&text, &size);
	if (face.file) {
		weir_text_traced(&face, doc);
		fclose(face.file);
	}
	if (json && text) {
		snprintf(name, sizeof(name), "%s/%s%s", weir_get_text(doc, "netns"),
			*weir_get_text(doc, "device") ? weir_get_text(doc, "device") : "-",
			to.raw ? " (before the link layer)" : "");
		to.name = name;
		to.words = text;
		to.json = json;
		rc = weir_pcapng_traced(file, &to);
	}
	free(text);
	free(json);
	return rc;
}
