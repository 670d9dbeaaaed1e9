// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Forwarding, all on one core: the sender, both veths' polls, the peer and the sink take turns on
 * it, so wall time divided by frames is what a frame costs. Rounds go through all peers, so that a
 * slower minute of the machine falls on all of them; the least of the rounds is the figure. A
 * virtual machine's core may be half as fast from one second to the next, so there are more rounds
 * until each peer's least has been seen twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

enum {
	TRIES = 3,
	STRAYS = 1000,	 /* one frame in so many may be polled for on another CPU: ARP is */
	MORE_ROUNDS = 2, /* times the rounds asked for, at most */
};

static const double seen_twice = 1.02, alike = 1.05;

static const struct {
	enum sender sender;
	__u32 bytes, flows;
} cells[] = {
	{SENDER_GEN, 60, 1},
	{SENDER_GEN, 60, 1000},
	{SENDER_GEN, 60, 50000},
	{SENDER_GEN, 1514, 1},
	{SENDER_GEN, 1514, 1000},
	{SENDER_GEN, 1514, 50000},
	{SENDER_SOCKET, 60, 1},
	{SENDER_SOCKET, 60, 1000},
	{SENDER_SOCKET, 1514, 1},
	{SENDER_SOCKET, 1514, 1000},
};

/* One run, nothing lost, all on one core; what the machine's other users spoil is tried again. */
static int measure(
	struct rig *rig, enum peer peer, const struct load *load, struct figure *f, double *ns)
{
	struct outcome out;
	int err = 0;

	for (int i = 0; i < TRIES && !rig_interrupted; i++) {
		err = rig_peer_on(rig, peer);
		if (!err)
			err = rig_run(rig, load, &out);
		if (rig_peer_off(rig) || err)
			return err ? err : -EIO;
		if (out.sent == load->count && out.received == out.sent &&
			out.strays <= load->count / STRAYS) {
			f->sent += out.sent;
			f->received += out.received;
			*ns = (double)(out.end_ns - out.start_ns) / (double)load->count;
			return 0;
		}
		fprintf(stderr, "bench: %s: %llu sent, %llu received, %llu on another CPU; again\n",
			peer_names[peer], out.sent, out.received, out.strays);
	}
	return rig_interrupted ? -EINTR : -EPROTO;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The @rank-th least of @n values, from 0. */
static double ranked(const double *values, int n, int rank)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, (size_t)n * sizeof(double));
	qsort(sorted, (size_t)n, sizeof(double), by_value);
	return sorted[rank];
}

/* The median of what @a costs in units of what @b costs in the same round. */
static double in_rounds(const double *a, const double *b, int rounds)
{
	double ratio[ROUNDS_MAX];

	for (int i = 0; i < rounds; i++)
		ratio[i] = a[i] / b[i];
	return ranked(ratio, rounds, rounds / 2);
}

/*
 * Whether more rounds would tell nothing new: each peer's least has been seen twice, and the leasts
 * stand in the ratio to each other that the peers have within a round. Without the second, a peer
 * that never met the machine's faster seconds would be compared with one that did.
 */
static bool settled(const struct bench *bench, double ns[PEER_COUNT][ROUNDS_MAX], int rounds)
{
	int base = 0;

	if (rounds < bench->rounds)
		return false;
	if (rounds >= bench->rounds * MORE_ROUNDS)
		return true;
	while (base < PEER_COUNT - 1 && !bench->peer[base])
		base++;
	for (int p = base; p < PEER_COUNT; p++) {
		double least, of_least, within;

		if (!bench->peer[p])
			continue;
		least = ranked(ns[p], rounds, 0);
		if (rounds > 1 && ranked(ns[p], rounds, 1) > least * seen_twice)
			return false;
		of_least = least / ranked(ns[base], rounds, 0);
		within = in_rounds(ns[p], ns[base], rounds);
		if (of_least > within * alike || within > of_least * alike)
			return false;
	}
	return true;
}

static int cell(
	struct rig *rig, const struct bench *bench, const struct load *load, struct report *report)
{
	struct figure f[PEER_COUNT];
	double ns[PEER_COUNT][ROUNDS_MAX];
	int rounds, err = rig_warm(rig);

	memset(f, 0, sizeof(f));
	for (rounds = 0; !err && !settled(bench, ns, rounds); rounds++)
		for (int p = 0; p < PEER_COUNT && !err; p++)
			if (bench->peer[p])
				err = measure(rig, (enum peer)p, load, &f[p], &ns[p][rounds]);
	if (err)
		return err;
	for (int p = 0; p < PEER_COUNT; p++) {
		if (!bench->peer[p])
			continue;
		f[p].rounds = rounds;
		f[p].ns_min = ranked(ns[p], rounds, 0);
		f[p].ns_median = ranked(ns[p], rounds, rounds / 2);
		if (bench->peer[PEER_WEIR])
			f[p].to_weir = in_rounds(ns[p], ns[PEER_WEIR], rounds);
	}
	report_forward(report, load, f);
	return 0;
}

int bench_forward(struct rig *rig, const struct bench *bench, struct report *report)
{
	char name[64];
	int err = 0;

	report_forward_head();
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]) && !err; i++) {
		struct load load = {.sender = cells[i].sender,
			.flows = cells[i].flows,
			.bytes = cells[i].bytes,
			.count = bench->frames};

		/* A local frame takes ten times a redirected one: as much of the time, then. */
		if (load.sender == SENDER_SOCKET)
			load.count = (load.count + 3) / 4;
		snprintf(name, sizeof(name), "forward/%s/%u/%u", sender_names[load.sender],
			load.bytes, load.flows);
		if (bench_wants(bench, name))
			err = cell(rig, bench, &load, report);
	}
	return err;
}
