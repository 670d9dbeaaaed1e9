// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "bench.h"

static const double weir_to_fib = 1.10, ip_forward_to_weir = 2.3;

/* No lower; two searches for the same peer differ by this much. */
static const double zero_loss_weir_to_fib = 0.97;

void report_target(struct report *r, const char *what, double value, bool at_most, double limit)
{
	bool met = at_most ? value <= limit : value >= limit;

	printf("  %-4s %s = %.2f, target %s %.2f\n", met ? "OK" : "MISS", what, value,
		at_most ? "at most" : "at least", limit);
	if (met)
		r->met++;
	else
		r->missed++;
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
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:I, s:I, s:i}", "case",
		"forward", "peer", peer_names[peer], "sender", sender_names[load->sender], "flows",
		(json_int_t)load->flows, "bytes", (json_int_t)load->bytes, "ns_min", f->ns_min,
		"ns_median", f->ns_median, "sent", (json_int_t)f->sent, "received",
		(json_int_t)f->received, "rounds", f->rounds);

	json_array_append_new(r->rows, o);
}

/*
 * Targets are for forwarded traffic. Locally sent frames are shown for what they are: XDP on veth
 * copies each into a page first, which neither weir nor its peer can avoid, and the kernel need
 * not.
 */
void report_forward(struct report *r, const struct load *load, const struct figure *f)
{
	double fib = f[PEER_XDP_FIB].ns_min, weir = f[PEER_WEIR].ns_min;
	double kernel = f[PEER_IP_FORWARD].ns_min;

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
	if (load->sender == SENDER_GEN && weir > 0 && fib > 0)
		report_target(r, "weir/xdp_fib", weir / fib, true, weir_to_fib);
	if (load->sender == SENDER_GEN && weir > 0 && kernel > 0)
		report_target(r, "ip_forward/weir", kernel / weir, false, ip_forward_to_weir);
	fflush(stdout);
}

void report_zero_loss(struct report *r, __u32 bytes, const double *pps)
{
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
		report_target(r, "zero-loss rate weir/xdp_fib", pps[PEER_WEIR] / pps[PEER_XDP_FIB],
			false, zero_loss_weir_to_fib);
	fflush(stdout);
}

int report_write(const struct report *r, const char *path)
{
	if (!json_dump_file(r->rows, path, JSON_INDENT(1) | JSON_REAL_PRECISION(8)))
		return 0;
	fprintf(stderr, "bench: %s: cannot be written\n", path);
	return -EIO;
}
