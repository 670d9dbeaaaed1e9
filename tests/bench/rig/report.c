// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "bench.h"

static const double zero_loss_weir_to_fib = 1.00, per_event_ns = 100, delay_within = 0.10,
		    sum_within = 0.05;

void report_target(struct report *r, const struct target *t)
{
	bool met = t->at_most ? t->value <= t->limit : t->value >= t->limit;

	printf("  %-4s %s = %.2f, target %s %.2f", met ? "OK" : "MISS", t->what, t->value,
		t->at_most ? "at most" : "at least", t->limit);
	if (t->within_rounds > 0)
		printf(" (median within rounds %.2f)", t->within_rounds);
	printf("\n");
	if (met)
		r->met++;
	else
		r->missed++;
}

/* What one peer may cost at most, or must at least, in units of another. */
static const struct {
	const char *rows; /* a pattern of names */
	enum peer over, under;
	double limit;
	bool at_most;
} targets[] = {
	{"forward/gen/*", PEER_WEIR_CAPTURE, PEER_WEIR, 1.02, true},
	{"forward/gen/*", PEER_WEIR_TC, PEER_TC_FIB, 1.15, true},
	{"forward/gen/*", PEER_WEIR, PEER_XDP_FIB, 1.10, true},
	{"forward/gen/*", PEER_IP_FORWARD, PEER_WEIR, 2.3, false},
	{"filter/*", PEER_NFT_SETS, PEER_WEIR_10K, 2.8, false},
	{"filter_linear/*", PEER_NFT_LINEAR, PEER_WEIR_10K, 80, false},
	{"filter_linear/*", PEER_IPTABLES, PEER_WEIR_10K, 80, false},
	{"filter/*/new", PEER_WEIR_10K, PEER_WEIR_10, 1.25, true},
	{"nat/*/1000", PEER_NFT_NAT, PEER_WEIR_NAT, 3.2, false},
	{"nat/*/50000", PEER_NFT_NAT, PEER_WEIR_NAT, 3.0, false},
	{"all/*/1", PEER_WEIR_ALL, PEER_XDP_FIB, 1.0, true},
	{"all/*/1000", PEER_WEIR_ALL, PEER_XDP_FIB, 1.0, true},
	{"all/*/10000", PEER_WEIR_ALL, PEER_XDP_FIB, 1.0, true},
	{"all/*/50000", PEER_WEIR_ALL, PEER_XDP_FIB, 1.3, true},
	{"setup/*", PEER_NFT_NAT, PEER_WEIR_NAT, 3, false},
	{"pool/*", PEER_WEIR_POOL_FULL, PEER_WEIR_POOL, 2, true},
	{"watch_*", PEER_K_COUNTERS, PEER_UNTRACED, 1.03, true},
	{"slices_*", PEER_K_LATENCY, PEER_UNTRACED, 1.15, true},
	{"slices_*", PEER_K_DUTY, PEER_UNTRACED, 1.02, true},
};

/* A target that @row has no figures for, because a peer that was asked for is lacking. */
static void skip_target(struct report *r, const struct row *row, size_t i, const char *what)
{
	enum peer over = targets[i].over, under = targets[i].under;
	const char *no_over = r->rig->lacks[over], *no_under = r->rig->lacks[under];

	if ((!row->f[over].rounds && !*no_over) || (!row->f[under].rounds && !*no_under))
		return;
	printf("  SKIP %s, target %s %.2f: %s\n", what, targets[i].at_most ? "at most" : "at least",
		targets[i].limit, *no_under ? no_under : no_over);
	r->skipped++;
}

static void row_targets(struct report *r, const struct row *row)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		const struct figure *over = &row->f[targets[i].over];
		const struct figure *under = &row->f[targets[i].under];
		struct target target = {.limit = targets[i].limit, .at_most = targets[i].at_most};
		char what[64];

		if (fnmatch(targets[i].rows, row->name, 0))
			continue;
		snprintf(what, sizeof(what), "%s/%s", peer_info[targets[i].over].name,
			peer_info[targets[i].under].name);
		if (!over->rounds || !under->rounds) {
			skip_target(r, row, i, what);
			continue;
		}
		target.what = what;
		target.value = over->ns_min / under->ns_min;
		target.within_rounds = figure_ratio(over, under);
		report_target(r, &target);
	}
}

/* What a tracer's events cost, with all that they make others do: the difference to nobody watching
 * by the number of events. The kernel's own count of programs' time would be of their bodies alone.
 */
static void row_events(struct report *r, const struct row *row)
{
	const struct figure *none = &row->f[PEER_UNTRACED];

	if (!row->family->tracers)
		return;
	for (int i = 0; i < row->family->nr; i++) {
		enum peer peer = row->family->peers[i];
		const struct figure *f = &row->f[peer];
		struct target target = {"k_full, ns an event", 0, per_event_ns, true, 0};

		if (*r->rig->lacks[peer]) /* side by side with all of them: said above */
			r->skipped++;
		if (peer_info[peer].witness == WITNESS_PART && f->rounds)
			printf("  %s observed %.1f %% of the time\n", peer_info[peer].name,
				f->share * 100);
		if (f->events < 0.5 || !none->rounds)
			continue;
		target.value = (f->ns_min - none->ns_min) / f->events;
		printf("  %s: %.1f events a frame, %.0f ns each\n", peer_info[peer].name, f->events,
			target.value);
		if (peer == PEER_K_FULL)
			report_target(r, &target);
	}
}

void report_head(const struct rig *rig, const struct bench *bench, const struct family *family)
{
	printf("%s: ns per frame on one core, least (median) of the rounds\n", family->what);
	for (int i = 0; i < family->nr; i++)
		if (*rig->lacks[family->peers[i]])
			printf("SKIP %s: %s\n", peer_info[family->peers[i]].name,
				rig->lacks[family->peers[i]]);
	printf("%-22s", "case");
	for (int i = 0; i < family->nr; i++)
		if (bench->peer[family->peers[i]])
			printf("  %15s", peer_info[family->peers[i]].name);
	printf("\n");
}

static void row_json(struct report *r, const struct row *row, enum peer peer)
{
	const struct load *load = &row->load;
	const struct figure *f = &row->f[peer];
	json_t *o = json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:I, s:I, s:i, s:f, s:f, s:f}", "case",
		row->family->name, "row", row->name, "peer", peer_info[peer].name, "sender",
		sender_names[load->sender], "flows", (json_int_t)load->flows, "bytes",
		(json_int_t)load->bytes, "ns_min", f->ns_min, "ns_median", f->ns_median, "sent",
		(json_int_t)f->sent, "received", (json_int_t)f->received, "rounds", f->rounds,
		"to_weir", f->to_weir, "events", f->events, "share", f->share);

	json_array_append_new(r->rows, o);
}

/*
 * Targets are for forwarded traffic. Locally sent frames are shown for what they are: XDP on veth
 * copies each into a page first, which neither weir nor its peer can avoid, and the kernel need
 * not.
 */
void report_row(struct report *r, const struct row *row)
{
	printf("%-22s", row->name);
	for (int i = 0; i < row->family->nr; i++) {
		const struct figure *f = &row->f[row->family->peers[i]];
		char text[32];

		if (!f->rounds)
			continue;
		snprintf(text, sizeof(text), "%.0f (%.0f)", f->ns_min, f->ns_median);
		row_json(r, row, row->family->peers[i]);
		printf("  %15s", text);
	}
	printf("\n");
	row_events(r, row);
	row_targets(r, row);
	fflush(stdout);
}

void report_zero_loss(struct report *r, __u32 bytes, const double *pps)
{
	struct target target = {"zero-loss rate weir/xdp_fib", pps[PEER_WEIR] / pps[PEER_XDP_FIB],
		zero_loss_weir_to_fib, false, 0};

	printf("zero loss (RFC 2544), %u bytes, best of the searches\n", bytes);
	for (int p = 0; p < PEER_COUNT; p++) {
		if (pps[p] <= 0)
			continue;
		printf("  %-12s %.3f Mpps\n", peer_info[p].name, pps[p] / 1e6);
		json_array_append_new(
			r->rows, json_pack("{s:s, s:s, s:s, s:i, s:I, s:f}", "case", "zero_loss",
					 "peer", peer_info[p].name, "sender", "gen", "flows", 1,
					 "bytes", (json_int_t)bytes, "pps", pps[p]));
	}
	if (pps[PEER_WEIR] > 0 && pps[PEER_XDP_FIB] > 0)
		report_target(r, &target);
	fflush(stdout);
}

void report_ledger(struct report *r, int readings, int wrong, __u64 sent, __u64 in)
{
	struct target target = {
		"readings of the ledger under full load that do not balance", wrong, 0, true, 0};

	printf("ledger read %d times while %llu frames were sent, %llu counted in\n", readings,
		sent, in);
	json_array_append_new(r->rows,
		json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:I, s:I}", "case", "ledger", "peer",
			"weir", "sender", "gen", "flows", 1000, "bytes", 60, "readings", readings,
			"wrong", wrong, "sent", (json_int_t)sent, "received", (json_int_t)in));
	report_target(r, &target);
	fflush(stdout);
}

void report_top(
	struct report *r, double seconds, double percent, double kernel_percent, double redraw_ms)
{
	struct target cpu = {"weir top, 4 devices at 1 Hz, percent of a core", percent, 1, true, 0};
	struct target kernel = {
		"the same, three namespaces' kernel planes in full", kernel_percent, 1, true, 0};
	struct target redraw = {"weir top, a redraw at 300x100, ms", redraw_ms, 5, true, 0};

	printf("the live screen over %.0f s\n", seconds);
	json_array_append_new(
		r->rows, json_pack("{s:s, s:s, s:f, s:f, s:f, s:f}", "case", "top", "peer", "weir",
				 "seconds", seconds, "cpu_percent", percent, "kernel_cpu_percent",
				 kernel_percent, "redraw_ms", redraw_ms));
	report_target(r, &cpu);
	report_target(r, &kernel);
	report_target(r, &redraw);
	fflush(stdout);
}

void report_delay(struct report *r, const struct delay_figures *f)
{
	const struct target targets_of[] = {
		{"delay seen less delay known, parts of it", fabs(f->seen_ns / f->known_ns - 1),
			delay_within, true, 0},
		{"the most that another stage moved, parts of the delay", f->moved_ns / f->known_ns,
			delay_within, true, 0},
		{"sum of stages less end to end, parts of it",
			fabs(f->sum_ns / f->end_to_end_ns - 1), sum_within, true, 0},
		{"the same with the delay", fabs(f->sum_delayed_ns / f->end_to_end_delayed_ns - 1),
			sum_within, true, 0},
	};

	printf("%-22s  %.0f ns put into %s, %.0f seen there; %s moved by %.0f\n", f->name,
		f->known_ns, f->stage, f->seen_ns, *f->moved ? f->moved : "no other", f->moved_ns);
	printf("  sum of stages %.0f ns, end to end %.0f; with the delay %.0f, %.0f\n", f->sum_ns,
		f->end_to_end_ns, f->sum_delayed_ns, f->end_to_end_delayed_ns);
	json_array_append_new(r->rows,
		json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:s, s:f, s:f, s:f, s:f, s:f}", "case",
			"delay", "row", f->name, "peer", "k_full", "stage", f->stage, "known_ns",
			f->known_ns, "seen_ns", f->seen_ns, "moved", f->moved, "moved_ns",
			f->moved_ns, "sum_ns", f->sum_ns, "end_to_end_ns", f->end_to_end_ns,
			"sum_delayed_ns", f->sum_delayed_ns, "end_to_end_delayed_ns",
			f->end_to_end_delayed_ns));
	for (size_t i = 0; i < sizeof(targets_of) / sizeof(targets_of[0]); i++)
		report_target(r, &targets_of[i]);
	fflush(stdout);
}

int report_write(const struct report *r, const char *path)
{
	if (!json_dump_file(r->rows, path, JSON_INDENT(1) | JSON_REAL_PRECISION(8)))
		return 0;
	fprintf(stderr, "bench: %s: cannot be written\n", path);
	return -EIO;
}
