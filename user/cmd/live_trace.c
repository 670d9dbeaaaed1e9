// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Captured packets in words, for the live screen. */
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/live.h"
#include "out/doc.h"

#define SECOND_NS 1000000000ull

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

/* "udp 192.0.2.1:5 > 198.51.100.1:9 ttl 64, 100 bytes" */
static void put_words(const struct weir_capture *c, char *buf, size_t size)
{
	json_t *doc = json_object();
	struct weir_face face = {0};
	char *text = NULL;
	size_t len = 0;

	face.file = open_memstream(&text, &len);
	if (doc && face.file) {
		weir_put_packet(doc, c->head, c->head_len, c->tag);
		weir_text_packet(&face, doc);
		weir_ink(&face, WEIR_PLAIN, ", %u bytes", c->len);
	}
	if (face.file)
		fclose(face.file);
	snprintf(buf, size, "%s", text ? text : "");
	free(text);
	json_decref(doc);
}

static int on_packet(void *ctx, const struct weir_capture *c)
{
	const struct weir_exit_info *exit = &weir_exit_info[c->exit];
	struct weir_live_trace *t = ctx;
	struct traced packet = {.wall_ns = c->time_ns + t->offset_ns, .plane = WEIR_PLANE_fast};
	char out[IFNAMSIZ];

	name_dev(c->ifindex, packet.dev);
	name_dev(c->oif, out);
	put_words(c, packet.what, sizeof(packet.what));
	weir_capture_words(c, out, packet.verdict, sizeof(packet.verdict));
	packet.lost = exit->kind == WEIR_KIND_DROP || c->punt_drop;
	weir_tui_trace(t->tui, &packet);
	return 0;
}

void weir_live_trace(struct weir_live_trace *t, struct weir_run *run, struct weir_tui *tui)
{
	t->tui = tui;
	t->offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	if (!weir_tui_wants_trace(tui)) {
		weir_live_trace_end(t);
		return;
	}
	if (!t->fast && weir_capture_open(run->ns, 1, &t->fast, NULL))
		t->fast = NULL;
	if (t->fast && weir_capture_poll(t->fast, 0, on_packet, t, NULL))
		weir_live_trace_end(t);
}

void weir_live_trace_end(struct weir_live_trace *t)
{
	weir_capture_close(t->fast);
	t->fast = NULL;
}
