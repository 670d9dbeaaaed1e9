// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A file of traced packets, as `weir trace read` takes it: whatever it holds is refused with words,
 * or shown. And events by chance, as packets: what is written of them is read again as the same.
 */
#include "../unit/made_trace.h"
#include "fuzz.h"
#include "model/tables.h"
#include "out/doc_trace.h"

static FILE *void_;

static int show(void *ctx, json_t *doc)
{
	struct weir_face face = {.file = void_, .color = true};

	(void)ctx;
	MUST(!weir_show(&face, json_incref(doc), weir_text_traced, NULL));
	face.json = true;
	return weir_show(&face, doc, weir_text_traced, NULL);
}

static void read_bytes(const uint8_t *data, size_t size)
{
	FILE *file = fmemopen((void *)data, size, "r");
	struct weir_pcapng_losses losses;
	struct weir_err err = {0};
	int rc;

	MUST(file);
	rc = weir_pcapng_read(file, "x", show, NULL, &losses, &err);
	MUST(!rc || (rc < 0 && err.status && *err.what));
	fclose(file);
}

/* As ctl/kernel_trace.c hands it on: what is out of range is not. */
static struct weir_trace_event event(struct feed *f)
{
	struct weir_trace_event e = {0};

	e.id = 1 + feed8(f) % 4;
	e.time_ns = feed8(f);
	e.netns = feed8(f) % 4;
	e.drop.location = feed8(f) % 6;
	e.cgroup = feed64(f);
	e.ifindex = feed8(f) % 4;
	e.drop.reason = feed8(f) % 9;
	e.drop.error = -(__s32)feed8(f);
	e.drop.hook = feed8(f);
	e.drop.sending = feed8(f) % 2;
	e.answer = feed8(f) % 3;
	e.len = e.frame_len = feed8(f);
	e.protocol = feed8(f) % 2 ? 0x0800 : 0x86dd;
	e.point = feed8(f) % WEIR_TRACE_POINT_COUNT;
	e.stage = feed8(f) % WEIR_STAGE_COUNT;
	e.what = feed8(f) % WEIR_TRACE_WHAT_COUNT;
	e.flags = feed8(f) % 4;
	e.head_len = feed8(f) % (WEIR_TRACE_HEAD + 1);
	for (unsigned int i = 0; i < 4; i++)
		e.dev[i] = (char)feed8(f);
	for (unsigned int i = 0; i < e.head_len; i++)
		e.head[i] = feed8(f);
	return e;
}

/* As ctl/kernel_trace_fast.c makes it. */
static void make_verdict(struct feed *f, struct weir_trace_event *e)
{
	e->point = WEIR_TRACE_FAST;
	e->flags &= WEIR_TRACE_COPY | WEIR_TRACE_RAW;
	e->flags |= feed8(f) % 2 ? WEIR_TRACE_BEGINS : 0;
	e->verdict = (struct weir_trace_verdict){.from_netns = feed8(f) % 4,
		.to_netns = feed8(f) % 4,
		.from_ifindex = feed8(f) % 4,
		.to_ifindex = feed8(f) % 4,
		.oif = feed8(f) % 4,
		.exit = feed8(f) % WEIR_EXIT_COUNT,
		.hook = feed8(f) % WEIR_HOOK_COUNT,
		.punt_drop = feed8(f) % 2};
	e->verdict.out[0] = (char)feed8(f);
}

static json_t *again;

static int keep(void *ctx, json_t *doc)
{
	(void)ctx;
	MUST(!again);
	again = doc;
	return 0;
}

static int on_packet(void *ctx, const struct weir_traced *p)
{
	json_t *doc = weir_doc_traced(p, &made_names, 1);
	struct weir_pcapng_losses losses;
	static struct weir_pcapng file;
	char *data = NULL;
	size_t size;
	FILE *to = open_memstream(&data, &size);

	(void)ctx;
	MUST(doc && to && !weir_pcapng_begin(&file, to));
	MUST(!weir_write_traced(&file, p, doc) && !weir_pcapng_end(&file, 1, 0, 0));
	fclose(to);
	to = fmemopen(data, size, "r");
	again = NULL;
	MUST(to && !weir_pcapng_read(to, "x", keep, NULL, &losses, NULL));
	fclose(to);
	MUST(again && json_equal(doc, again) && losses.packets == 1);
	json_decref(again);
	free(data);
	return show(NULL, doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = {data, data + size};
	struct weir_traces *t = weir_traces_new(on_packet, NULL);

	if (!void_)
		void_ = fopen("/dev/null", "w");
	MUST(t && void_);
	if (size)
		read_bytes(data, size);
	if (feed8(&f) % 4)
		weir_traces_join_fast(t, 1 + feed8(&f) % 4);
	for (unsigned int i = 0; i < 100 && f.at < f.end; i++) {
		struct weir_trace_event e = event(&f);

		if (feed8(&f) % 3 == 0)
			make_verdict(&f, &e);
		MUST(!weir_traces_add(t, &e));
	}
	MUST(!weir_traces_pass(t, 0, true));
	weir_traces_free(t);
	return 0;
}
