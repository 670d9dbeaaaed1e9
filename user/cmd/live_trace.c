// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets traced, in words, for the live screen. */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "cmd/live.h"
#include "out/doc.h"
#include "out/doc_trace.h"

#define SECOND_NS   1000000000ull
#define KERNEL_RATE 50 /* packets in a second: more than a page is read by nobody */

static __u64 clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (__u64)t.tv_sec * SECOND_NS + (__u64)t.tv_nsec;
}

static void name_dev(__u32 ifindex, char buf[IFNAMSIZ])
{
	buf[0] = '\0';
	if (ifindex && !if_indextoname(ifindex, buf))
		snprintf(buf, IFNAMSIZ, "if%" PRIu32, ifindex);
}

/* Of the document of a packet: "udp 192.0.2.1:5 > 198.51.100.1:9 ttl 64, 100 bytes". */
static void put_words(const json_t *doc, unsigned int bytes, char *buf, size_t size)
{
	struct weir_face face = {0};
	char *text = NULL;
	size_t len = 0;

	face.file = open_memstream(&text, &len);
	if (face.file) {
		weir_text_packet(&face, doc);
		weir_ink(&face, WEIR_PLAIN, ", %u bytes", bytes);
		fclose(face.file);
	}
	snprintf(buf, size, "%s", text ? text : "");
	free(text);
}

static int on_packet(void *ctx, const struct weir_capture *c)
{
	const struct weir_exit_info *exit = &weir_exit_info[c->exit];
	struct weir_live_trace *t = ctx;
	struct traced packet = {.wall_ns = c->time_ns + t->offset_ns, .plane = WEIR_PLANE_fast};
	char out[IFNAMSIZ];
	json_t *doc;

	name_dev(c->ifindex, packet.dev);
	name_dev(c->oif, out);
	doc = json_object();
	if (doc) {
		weir_put_packet(doc, c->head, c->head_len, c->tag);
		put_words(doc, c->len, packet.what, sizeof(packet.what));
		json_decref(doc);
	}
	weir_capture_words(c, out, packet.verdict, sizeof(packet.verdict));
	packet.lost = exit->kind == WEIR_KIND_DROP || c->punt_drop;
	weir_tui_trace(t->tui, &packet);
	return 0;
}

static void put_road(const struct weir_live_trace *t, const json_t *doc, char *buf, size_t size)
{
	const json_t *event;
	char after[WEIR_NUM_MAX];
	size_t i, used = 0;

	*buf = '\0';
	json_array_foreach (json_object_get(doc, "events"), i, event) {
		const char *what = weir_get_text(event, "what");
		int n;

		weir_format_ns(
			after, sizeof(after), (double)weir_get_int(event, "after_ns"), t->utf8);
		n = snprintf(buf + used, size - used, "%s%s %s +%s", i ? ", " : "",
			weir_get_text(event, "stage"), what, after);
		used += n > 0 ? (size_t)n : 0;
		if (used >= size)
			return;
	}
}

static int on_kernel_packet(void *ctx, const struct weir_traced *p)
{
	struct weir_live_trace *t = ctx;
	json_t *doc = weir_doc_traced(p, &t->names, t->offset_ns);
	struct traced packet = {.plane = WEIR_PLANE_kernel};

	if (!doc)
		return 0;
	packet.wall_ns = (__u64)weir_get_int(doc, "time_ns");
	packet.lost = !strcmp(weir_get_text(doc, "end"), "dropped");
	snprintf(packet.dev, sizeof(packet.dev), "%s", weir_get_text(doc, "device"));
	put_words(doc, (unsigned int)weir_get_int(doc, "length"), packet.what, sizeof(packet.what));
	snprintf(packet.verdict, sizeof(packet.verdict), "%s", weir_get_text(doc, "verdict"));
	put_road(t, doc, packet.road, sizeof(packet.road));
	weir_tui_trace(t->tui, &packet);
	json_decref(doc);
	return 0;
}

static int on_event(void *ctx, const struct weir_trace_event *event)
{
	struct weir_live_trace *t = ctx;

	return weir_traces_add(t->traces, event) ? -ECANCELED : 0;
}

static void trace_fast(struct weir_live_trace *t, struct weir_run *run)
{
	if (!t->fast && weir_capture_open(run->ns, 1, &t->fast, NULL))
		t->fast = NULL;
	if (t->fast && weir_capture_poll(t->fast, 0, on_packet, t, NULL))
		weir_live_trace_end(t);
}

static void trace_kernel(struct weir_live_trace *t, struct weir_run *run)
{
	static const struct weir_trace_wish wish = {.rate = KERNEL_RATE};

	if (!t->kernel) {
		if (weir_tracing_open(run->ns, &wish, &t->kernel, NULL)) {
			t->kernel = NULL;
			return;
		}
		t->names = weir_tracing_names(t->kernel);
		t->traces = weir_traces_new(on_kernel_packet, t);
		if (t->traces && weir_tracing_fast(t->kernel))
			weir_traces_join_fast(t->traces, KERNEL_RATE);
	}
	if (!t->traces || weir_tracing_poll(t->kernel, 0, on_event, t, NULL) ||
		weir_traces_pass(t->traces, weir_now_ns(), false))
		weir_live_trace_end(t);
}

void weir_live_trace(struct weir_live_trace *t, struct weir_run *run, struct weir_tui *tui)
{
	enum weir_plane plane;
	bool wanted = weir_tui_wants_trace(tui, &plane);

	t->tui = tui;
	t->utf8 = run->face.utf8;
	t->offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	wanted &= plane != WEIR_PLANE_stack;
	/* both read captures, of which there is one reader */
	if (!wanted || (plane == WEIR_PLANE_fast ? !!t->kernel : !!t->fast))
		weir_live_trace_end(t);
	if (wanted && plane == WEIR_PLANE_fast)
		trace_fast(t, run);
	else if (wanted)
		trace_kernel(t, run);
}

void weir_live_trace_end(struct weir_live_trace *t)
{
	weir_capture_close(t->fast);
	t->fast = NULL;
	if (!t->kernel)
		return;
	weir_traces_free(t->traces);
	weir_tracing_close(t->kernel);
	t->traces = NULL;
	t->kernel = NULL;
}
