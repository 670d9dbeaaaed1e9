// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bench: measures weir against its peers in a lab that exists already (tests/bench/run makes one).
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rig/bench.h"

enum {
	MET = 0,
	USAGE = 1,
	NOT_BUILT = 3,
	MISSED = 5,
	INVALID = 6,
};

static const char help[] =
	"usage: bench LAB [case TEXT] [peers P,..] [rounds N] [frames N] [out FILE]\n"
	"  LAB       namespaces LAB-c, LAB-r, LAB-s, as tools/lab/lab.sh makes them\n"
	"  case      only cases whose name contains TEXT: forward/SENDER/BYTES/FLOWS,\n"
	"            filter/BYTES/FLOWS, nat/.., all/.., setup/.., pool/..,\n"
	"            watch_receive/.., watch_forward/.., slices_receive/.., slices_forward/..,\n"
	"            filter_linear/.., delay/PATH/WHAT, zero_loss, ledger, top; where each frame "
	"is\n"
	"            another\n"
	"            flow's, FLOWS is 'new'\n"
	"  peers     only these; each case has some of those below\n"
	"  rounds    runs per case and peer at least, 7 unless told, 50 at most\n"
	"  frames    frames a run, 262144 unless told; fewer for slow peers\n"
	"  out       where the JSON goes; nowhere unless told\n"
	"exit: 0 all targets met, 5 one missed, 3 one not measured, since weir is not built or\n"
	"      a peer is lacking, 6 the figures are invalid\n"
	"peers:\n";

static void print_help(void)
{
	fputs(help, stdout);
	for (int p = 0; p < PEER_COUNT; p++)
		printf("  %-15s %s\n", peer_info[p].name, peer_info[p].what);
}

static void on_signal(int sig)
{
	(void)sig;
	rig_interrupted = 1;
}

bool bench_wants(const struct bench *bench, const char *name)
{
	return !bench->filter || strstr(name, bench->filter);
}

static bool parse_peers(struct bench *bench, char *list)
{
	char *save = NULL;

	memset(bench->peer, 0, sizeof(bench->peer));
	for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		int p = 0;

		while (p < PEER_COUNT && strcmp(w, peer_info[p].name) != 0)
			p++;
		if (p == PEER_COUNT)
			return false;
		bench->peer[p] = true;
	}
	return true;
}

static bool number(const char *text, long low, long high, long *out)
{
	char *end;

	*out = strtol(text, &end, 10);
	return !*end && *out >= low && *out <= high;
}

static bool parse(struct bench *bench, const char **out, int argc, char **argv)
{
	long n = 0;

	for (int i = 2; i < argc; i += 2) {
		bool ok = i + 1 < argc;

		if (ok && !strcmp(argv[i], "case")) {
			bench->filter = argv[i + 1];
		} else if (ok && !strcmp(argv[i], "peers")) {
			ok = parse_peers(bench, argv[i + 1]);
		} else if (ok && !strcmp(argv[i], "rounds")) {
			ok = number(argv[i + 1], 1, ROUNDS_MAX / 2, &n);
			bench->rounds = (int)n;
		} else if (ok && !strcmp(argv[i], "frames")) {
			ok = number(argv[i + 1], 1, INT_MAX, &n);
			bench->frames = (__u64)n;
		} else if (ok && !strcmp(argv[i], "out")) {
			*out = argv[i + 1];
		} else {
			ok = false;
		}
		if (!ok) {
			fprintf(stderr, "bench: at '%s'; see bench --help\n", argv[i]);
			return false;
		}
	}
	return true;
}

static int measure(const struct bench *bench, struct rig *rig, struct report *report)
{
	int err = rig_pin(SEND_CPU);

	if (!err)
		err = bench_cells(rig, bench, report);
	if (!err)
		err = bench_delay(rig, bench, report);
	if (!err)
		err = bench_zero_loss(rig, bench, report);
	if (!err)
		err = bench_ledger(rig, bench, report);
	if (!err)
		err = bench_top(rig, bench, report);
	if (err)
		fprintf(stderr, "bench: no valid figures: %s\n", strerror(-err));
	return err;
}

/* False where weir is not built. */
static bool leave_out_lacking(struct bench *bench, struct rig *rig)
{
	bool built = rig_find_lacking(rig, bench->peer);

	if (!built)
		puts("SKIP weir: it is not built");
	for (int p = 0; p < PEER_COUNT; p++)
		if (*rig->lacks[p])
			bench->peer[p] = false;
	return built;
}

int main(int argc, char **argv)
{
	struct bench bench = {.rounds = 7, .frames = 1 << 18};
	struct sigaction act = {.sa_handler = on_signal};
	struct rig rig = {0};
	struct report report = {.rig = &rig};
	const char *out = NULL;
	bool built = true;
	int err;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		print_help();
		return MET;
	}
	memset(bench.peer, true, sizeof(bench.peer));
	if (argc < 2 || !parse(&bench, &out, argc, argv)) {
		if (argc < 2)
			fputs("bench: LAB is missing; see bench --help\n", stderr);
		return USAGE;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	report.rows = json_array();
	err = rig_open(&rig, argv[1]);
	if (!err) {
		built = leave_out_lacking(&bench, &rig);
		err = measure(&bench, &rig, &report);
	}
	rig_close(&rig);
	if (!err && !json_array_size(report.rows) && !report.skipped) {
		fputs("bench: no case of that name, or no peer for it\n", stderr);
		err = -ENOENT;
	}
	if (out && !err)
		err = report_write(&report, out);
	json_decref(report.rows);
	if (err)
		return INVALID;
	printf("targets: %d met, %d missed, %d not measured\n", report.met, report.missed,
		report.skipped);
	if (report.missed)
		return MISSED;
	return built && !report.skipped ? MET : NOT_BUILT;
}
