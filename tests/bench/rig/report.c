// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "bench.h"

static const double weir_to_fib = 1.10, ip_forward_to_weir = 2.3, weir_tc_to_fib = 1.15;
static const double capture_to_weir = 1.02;

static const double zero_loss_weir_to_fib = 1.00;

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

static void forward_targets(struct report *r, const struct figure *f)
{
	double fib = f[PEER_XDP_FIB].ns_min, weir = f[PEER_WEIR].ns_min;
	double kernel = f[PEER_IP_FORWARD].ns_min;
	struct target to_fib = {
		"weir/xdp_fib", weir / fib, weir_to_fib, true, 1 / f[PEER_XDP_FIB].to_weir};
	struct target to_kernel = {"ip_forward/weir", kernel / weir, ip_forward_to_weir, false,
		f[PEER_IP_FORWARD].to_weir};

	double tc_fib = f[PEER_TC_FIB].ns_min, weir_tc = f[PEER_WEIR_TC].ns_min;
	double capture = f[PEER_WEIR_CAPTURE].ns_min;
	struct target capture_costs = {"weir_capture/weir (1 packet in 1000)", capture / weir,
		capture_to_weir, true, f[PEER_WEIR_CAPTURE].to_weir};
	struct target tc_to_fib = {"weir_tc/tc_fib", weir_tc / tc_fib, weir_tc_to_fib, true, 0};

	if (weir > 0 && capture > 0)
		report_target(r, &capture_costs);
	if (weir_tc > 0 && tc_fib > 0)
		report_target(r, &tc_to_fib);
	if (weir > 0 && fib > 0)
		report_target(r, &to_fib);
	if (weir > 0 && kernel > 0)
		report_target(r, &to_kernel);
}

void report_forward_head(void)
{
	printf("ns per frame on one core, least (median) of the rounds\n%-7s%5s %6s", "sender",
		"bytes", "flows");
	for (int p = 0; p < PEER_COUNT; p++)
		printf("  %14s", peer_names[p]);
	printf("\n");
}

static void row(struct report *r, const struct load *load, enum peer peer, const struct figure *f)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:I, s:I, s:i, s:f}", "case",
		"forward", "peer", peer_names[peer], "sender", sender_names[load->sender], "flows",
		(json_int_t)load->flows, "bytes", (json_int_t)load->bytes, "ns_min", f->ns_min,
		"ns_median", f->ns_median, "sent", (json_int_t)f->sent, "received",
		(json_int_t)f->received, "rounds", f->rounds, "to_weir", f->to_weir);

	json_array_append_new(r->rows, o);
}

/*
 * Targets are for forwarded traffic. Locally sent frames are shown for what they are: XDP on veth
 * copies each into a page first, which neither weir nor its peer can avoid, and the kernel need
 * not.
 */
void report_forward(struct report *r, const struct load *load, const struct figure *f)
{
	printf("%-7s%5u %6u", sender_names[load->sender], load->bytes, load->flows);
	for (int p = 0; p < PEER_COUNT; p++) {
		char text[32] = "-";

		if (f[p].ns_min > 0) {
			snprintf(text, sizeof(text), "%.0f (%.0f)", f[p].ns_min, f[p].ns_median);
			row(r, load, (enum peer)p, &f[p]);
		}
		printf("  %14s", text);
	}
	printf("\n");
	if (load->sender == SENDER_GEN)
		forward_targets(r, f);
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
		printf("  %-12s %.3f Mpps\n", peer_names[p], pps[p] / 1e6);
		json_array_append_new(
			r->rows, json_pack("{s:s, s:s, s:s, s:i, s:I, s:f}", "case", "zero_loss",
					 "peer", peer_names[p], "sender", "gen", "flows", 1,
					 "bytes", (json_int_t)bytes, "pps", pps[p]));
	}
	if (pps[PEER_WEIR] > 0 && pps[PEER_XDP_FIB] > 0)
		report_target(r, &target);
	fflush(stdout);
}

void report_ledger(struct report *r, int readings, int wrong, __u64 sent, __u64 in)
{
	struct target target = {"readings of the ledger under full load that do not balance", wrong,
		0, true, 0};

	printf("ledger read %d times while %llu frames were sent, %llu counted in\n", readings, sent,
		in);
	json_array_append_new(r->rows,
		json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:I, s:I}", "case", "ledger", "peer",
			"weir", "sender", "gen", "flows", 1000, "bytes", 60, "readings", readings,
			"wrong", wrong, "sent", (json_int_t)sent, "received", (json_int_t)in));
	report_target(r, &target);
	fflush(stdout);
}

void report_top(struct report *r, double seconds, double percent, double redraw_ms)
{
	struct target cpu = {"weir top, 4 devices at 1 Hz, percent of a core", percent, 1, true, 0};
	struct target redraw = {"weir top, a redraw at 300x100, ms", redraw_ms, 5, true, 0};

	printf("the live screen over %.0f s\n", seconds);
	json_array_append_new(r->rows,
		json_pack("{s:s, s:s, s:f, s:f, s:f}", "case", "top", "peer", "weir", "seconds",
			seconds, "cpu_percent", percent, "redraw_ms", redraw_ms));
	report_target(r, &cpu);
	report_target(r, &redraw);
	fflush(stdout);
}

int report_write(const struct report *r, const char *path)
{
	if (!json_dump_file(r->rows, path, JSON_INDENT(1) | JSON_REAL_PRECISION(8)))
		return 0;
	fprintf(stderr, "bench: %s: cannot be written\n", path);
	return -EIO;
}
