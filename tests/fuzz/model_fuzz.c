// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Counters as maps could hold them, right or not: the arithmetic of the model and every document
 * made of them. Two snapshots, since a difference has its own ways to go wrong.
 */
#include "fuzz.h"
#include "model/tables.h"
#include "out/doc.h"

enum { DEVS_MAX = 4, QUEUES_MAX = 3 };

static void *zeroed(size_t nr, size_t size)
{
	size_t len = ((nr ? nr : 1) * size + 63) / 64 * 64;
	void *p = aligned_alloc(64, len);

	MUST(p);
	return memset(p, 0, len);
}

/* A value of the kind that breaks sums: small, large, around the ends, or just any. */
static __u64 value_of(struct feed *f)
{
	uint8_t how = feed8(f);

	switch (how & 7) {
	case 0:
		return feed64(f);
	case 1:
		return UINT64_MAX - (how >> 3);
	case 2:
		return (UINT64_C(1) << 63) - 16 + (how >> 3);
	case 3:
		return UINT64_C(1) << (how >> 3);
	default:
		return how >> 3;
	}
}

/* A few cells, each named by two bytes. */
static void fill_cells(struct feed *f, __u64 *cells, size_t nr)
{
	for (unsigned int n = feed8(f) % 8; n; n--) {
		size_t at = (size_t)feed8(f) << 8 | feed8(f);

		cells[at % nr] = value_of(f);
	}
}

static void fill_row(struct feed *f, struct weir_row *row)
{
	fill_cells(f, (__u64 *)weir_row_cells(row), weir_row_nr_cells());
}

static void fill_lat(struct feed *f, struct weir_lat *lat)
{
	struct weir_lat_stage *s = &lat->stage[feed8(f) % WEIR_FAST_STAGE_COUNT];

	fill_cells(f, (__u64 *)s, sizeof(*s) / sizeof(__u64));
}

/* What ctl promises: a name ends within its array; a device has as many queues as it says. */
static void fill_dev(struct feed *f, struct weir_dev_snapshot *d)
{
	uint8_t flags = feed8(f);

	for (unsigned int i = 0, n = feed8(f) % sizeof(d->name); i < n; i++)
		d->name[i] = (char)feed8(f);
	for (size_t i = 0, n = feed8(f) % (sizeof(d->conf) + 1); i < n; i++)
		((__u8 *)&d->conf)[i] = feed8(f);
	d->gone = flags & 1;
	d->detached = flags & 2;
	d->frags = flags & 4;
	d->mode = flags >> 3 & 3;
	d->hook = feed8(f) % WEIR_HOOK_COUNT;
	d->filter = flags & 32;
	d->rows_map_id = flags >> 5;
	d->inflight = flags & 16 ? value_of(f) : 0;
	d->nr_queues = feed8(f) % (QUEUES_MAX + 1);
	d->queue = zeroed(d->nr_queues, sizeof(*d->queue));
	d->queue_lat = zeroed(d->nr_queues, sizeof(*d->queue_lat));
	for (unsigned int q = 0; q < d->nr_queues; q++) {
		fill_row(f, &d->queue[q]);
		fill_lat(f, &d->queue_lat[q]);
		weir_row_add(&d->total, &d->queue[q]);
		weir_lat_add(&d->lat, &d->queue_lat[q]);
	}
	if (!d->nr_queues || flags & 128) {
		fill_row(f, &d->total);
		fill_lat(f, &d->lat);
	}
}

static void fill_vlan(struct feed *f, struct weir_vlan_snapshot *v)
{
	for (unsigned int i = 0, n = feed8(f) % sizeof(v->name); i < n; i++)
		v->name[i] = (char)feed8(f);
	v->ifindex = feed8(f);
	v->on = feed8(f);
	v->gone = feed8(f) & 1;
	v->tags[0] = (__u32)feed64(f);
	v->tags[1] = (__u32)value_of(f);
}

static void fill_snapshot(struct feed *f, struct weir_snapshot *snap)
{
	uint8_t flags = feed8(f);

	*snap = (struct weir_snapshot){
		.time_ns = value_of(f),
		.netns_cookie = flags >> 6,
		.sample_every = (__u32)value_of(f),
		.exact = flags & 1,
		.nr_devs = (flags >> 1 & 7) % (DEVS_MAX + 1),
	};
	snap->devs = zeroed(snap->nr_devs, sizeof(*snap->devs));
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		fill_dev(f, &snap->devs[i]);
	snap->nr_vlans = flags >> 4 & 3;
	snap->vlans = zeroed(snap->nr_vlans, sizeof(*snap->vlans));
	for (unsigned int i = 0; i < snap->nr_vlans; i++)
		fill_vlan(f, &snap->vlans[i]);
}

/* --- what must hold of any counters --- */

static void check_ledger(const struct weir_snapshot *snap)
{
	struct weir_ledger sum = {0}, l;

	for (unsigned int i = 0; i < snap->nr_devs; i++) {
		weir_ledger_of(&snap->devs[i], &l);
		MUST(l.in ==
			l.delivered + l.out + l.dropped + l.in_flight + l.lost + (__u64)l.residual);
		weir_ledger_add(&sum, &l);
	}
	MUST(sum.in == sum.delivered + sum.out + sum.dropped + sum.in_flight + sum.lost +
			       (__u64)sum.residual);
}

/* What the stages drop is what the exits drop. */
static void check_stages(const struct weir_row *row, enum weir_hook hook)
{
	struct weir_stage_sum sum[WEIR_FAST_STAGE_COUNT] = {0};
	__u64 left = 0;

	weir_stages_add(row, hook, sum);
	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++)
		if (weir_hook_crosses(hook, weir_exit_info[e].fast))
			left += weir_exit_dropped(row, e).packets;
	for (unsigned int s = 0; s < WEIR_FAST_STAGE_COUNT; s++)
		left -= sum[s].drops;
	MUST(!left);
}

static void check_latency(const struct weir_lat *lat)
{
	for (unsigned int s = 0; s < WEIR_FAST_STAGE_COUNT; s++) {
		struct weir_quantiles q;

		weir_quantiles_of(&lat->stage[s], &q);
		MUST(!q.samples ||
			(q.p50_ns <= q.max_ns && q.p90_ns <= q.max_ns && q.p99_ns <= q.max_ns));
	}
}

/* Never more than there is now: nothing that went back is shown as a spike. */
static void check_delta(const struct weir_delta *delta)
{
	for (unsigned int i = 0; i < delta->nr_devs; i++) {
		const struct weir_dev_delta *d = &delta->devs[i];
		const __u64 *now = weir_row_cells(&d->dev->total), *grown = weir_row_cells(&d->row);

		for (unsigned int c = 0; c < weir_row_nr_cells(); c++)
			MUST(grown[c] <= now[c] && (!d->change || !grown[c]));
	}
}

/* --- what is printed --- */

static FILE *void_;

/* Consumes @doc. */
static void show(json_t *doc, weir_text_fn *text)
{
	static const struct {
		bool json, pretty, color, utf8;
	} faces[] = {{0, 0, 1, 1}, {1, 1, 0, 0}};
	json_t *again;
	char *line;

	MUST(doc);
	line = json_dumps(doc, JSON_COMPACT);
	MUST(line); /* or something in it was no UTF-8 */
	again = json_loads(line, 0, NULL);
	MUST(again);
	json_decref(again);
	free(line);
	for (unsigned int i = 0; i < sizeof(faces) / sizeof(faces[0]); i++) {
		struct weir_face face = {.file = void_,
			.json = faces[i].json,
			.pretty = faces[i].pretty,
			.color = faces[i].color,
			.utf8 = faces[i].utf8};

		MUST(!weir_show(&face, json_incref(doc), text, NULL));
	}
	json_decref(doc);
}

static void show_all(const struct weir_snapshot *snap)
{
	const char *only = snap->nr_devs && snap->exact ? snap->devs[0].name : NULL;

	show(weir_doc_dev(snap, only), weir_text_dev);
	show(weir_doc_path(snap, only), weir_text_path);
	show(weir_doc_drops(snap, only), weir_text_drops);
	show(weir_doc_ledger(snap, only), weir_text_ledger);
	show(weir_doc_watch(snap->sample_every, NULL, NULL), weir_text_watch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = {data, data + size};
	struct weir_trouble trouble = {0};
	struct weir_drops drops = {0};
	struct weir_snapshot snap[2];
	struct weir_delta delta;
	__u64 wall_s;

	if (!void_)
		void_ = fopen("/dev/null", "w");
	MUST(void_);
	for (int i = 0; i < 2; i++)
		fill_snapshot(&f, &snap[i]);
	for (int i = 0; i < 2; i++) {
		check_ledger(&snap[i]);
		for (unsigned int d = 0; d < snap[i].nr_devs; d++) {
			check_stages(&snap[i].devs[d].total, snap[i].devs[d].hook);
			check_latency(&snap[i].devs[d].lat);
		}
		MUST(!weir_delta_init(&delta, i ? &snap[0] : NULL, &snap[i]));
		check_delta(&delta);
		weir_trouble_follow(&trouble, &delta, value_of(&f), !i);
		show_all(&snap[i]);
		wall_s = value_of(&f);
		MUST(!weir_drops_follow(&drops, &snap[i], &delta, wall_s));
		show(weir_doc_top(&snap[i], &delta, &trouble, &drops, "", wall_s), weir_text_top);
		weir_delta_done(&delta);
	}
	weir_drops_done(&drops);
	for (int i = 0; i < 2; i++)
		weir_snapshot_done(&snap[i]);
	return 0;
}
