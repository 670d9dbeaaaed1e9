// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Peers compared, all on one core: the sender, both veths' polls, the peer and the sink take turns
 * on it, so wall time divided by frames is what a frame costs. Rounds go through all peers, so that
 * a slower minute of the machine falls on all of them; the least of the rounds is the figure. A
 * virtual machine's core may be half as fast from one second to the next, so there are more rounds
 * until each peer's least has been seen twice.
 *
 * What counts begins after the load's first `warm` frames, in the same stream: flows are known and
 * sessions exist by then, and no pause lets what is kept of them age.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "bench.h"

enum {
	TRIES = 3,
	STRAYS = 1000,	   /* one frame in so many may be polled for on another CPU: ARP is */
	STRAYS_LEAST = 4,  /* and so many of few frames */
	MORE_ROUNDS = 2,   /* times the rounds asked for, at most */
	SETUPS = 32768,	   /* half of what one address has ports for */
	POOL_FRAMES = 576, /* of the last 640 ports; whole batches, so that none is cut in two */
	WARM = 1024,	   /* frames to begin with, whatever the flows */
	TIMES = 2,	   /* each flow is seen before it counts: by the slow road, then kept */
	SLICES = 40,	   /* times as many frames: two periods of what is watched in slices */
};

static const double seen_twice = 1.02, alike = 1.05;

enum family_id {
	FORWARD,
	FILTER,
	FILTER_NEW,
	NAT,
	ALL,
	SETUP,
	POOL,
	WATCH_RECEIVE,
	WATCH_FORWARD,
	SLICES_RECEIVE,
	SLICES_FORWARD,
	LINEAR,
};

#define WATCHED                                                                                    \
	.tracers = true, .nr = 6,                                                                  \
	.peers = {PEER_UNTRACED, PEER_K_COUNTERS, PEER_K_FULL, PEER_LRU, PEER_BPFTRACE, PEER_PERF}
#define SLICED                                                                                     \
	.tracers = true, .times = SLICES, .nr = 4,                                                 \
	.peers = {PEER_UNTRACED, PEER_K_COUNTERS, PEER_K_LATENCY, PEER_K_DUTY}

/* Of each, `ours` is what targets are about. */
static const struct family families[] = {
	[FORWARD] = {"forward", "forwarding", PEER_WEIR, TRAFFIC_PLAIN, .nr = 8,
		.peers = {PEER_FLOOR, PEER_XDP_FIB, PEER_WEIR, PEER_WEIR_LATENCY, PEER_WEIR_CAPTURE,
			PEER_IP_FORWARD, PEER_TC_FIB, PEER_WEIR_TC}},
	[FILTER] = {"filter", "the same rules, established flows", PEER_WEIR_10K, TRAFFIC_MIXED,
		.nr = 6,
		.peers = {PEER_FLOOR, PEER_XDP_FIB, PEER_WEIR, PEER_WEIR_10, PEER_WEIR_10K,
			PEER_NFT_SETS}},
	[FILTER_NEW] = {"filter", "the same rules, each frame the first of its flow", PEER_WEIR_10K,
		TRAFFIC_MIXED, .nr = 6,
		.peers = {PEER_FLOOR, PEER_XDP_FIB, PEER_WEIR, PEER_WEIR_10, PEER_WEIR_10K,
			PEER_NFT_SETS}},
	[NAT] = {"nat", "masquerade, established flows", PEER_WEIR_NAT, TRAFFIC_MIXED, .nr = 6,
		.peers = {PEER_FLOOR, PEER_XDP_FIB, PEER_IP_FORWARD, PEER_WEIR_NAT, PEER_NFT_NAT,
			PEER_IPTABLES_NAT}},
	[ALL] = {"all", "10,000 rules, masquerade and counters, established flows", PEER_WEIR_ALL,
		TRAFFIC_MIXED, .nr = 3, .peers = {PEER_FLOOR, PEER_XDP_FIB, PEER_WEIR_ALL}},
	[SETUP] = {"setup", "masquerade, each frame a new session", PEER_WEIR_NAT, TRAFFIC_MIXED,
		.most = SETUPS, .nr = 5,
		.peers = {PEER_FLOOR, PEER_XDP_FIB, PEER_WEIR_NAT, PEER_NFT_NAT,
			PEER_IPTABLES_NAT}},
	[POOL] = {"pool", "each frame takes a port of one address, of which few are taken, or 99 %",
		PEER_WEIR_POOL, TRAFFIC_POOL, .most = POOL_FRAMES, .nr = 3,
		.peers = {PEER_FLOOR, PEER_WEIR_POOL, PEER_WEIR_POOL_FULL}},
	[WATCH_RECEIVE] = {"watch_receive", "a flood that a socket reads, watched by tracers",
		PEER_K_COUNTERS, TRAFFIC_LOCAL, WATCHED},
	[WATCH_FORWARD] = {"watch_forward", "the kernel's forwarding, watched by tracers",
		PEER_K_COUNTERS, TRAFFIC_PLAIN, WATCHED},
	[SLICES_RECEIVE] = {"slices_receive", "the flood, watched in slices of time",
		PEER_K_LATENCY, TRAFFIC_LOCAL, SLICED},
	[SLICES_FORWARD] = {"slices_forward", "forwarding, watched in slices of time",
		PEER_K_LATENCY, TRAFFIC_PLAIN, SLICED},
	/* The last: the older iptables leaves its hooks in the namespace for good. */
	[LINEAR] = {"filter_linear", "the same 10,000 rules", PEER_WEIR_10K, TRAFFIC_MIXED, .nr = 4,
		.peers = {PEER_FLOOR, PEER_WEIR_10K, PEER_NFT_LINEAR, PEER_IPTABLES}},
};

static const struct {
	enum family_id family;
	enum sender sender;
	__u32 bytes, flows; /* 0 = each frame another */
} cells[] = {
	{FORWARD, SENDER_GEN, 60, 1},
	{FORWARD, SENDER_GEN, 60, 1000},
	{FORWARD, SENDER_GEN, 60, 50000},
	{FORWARD, SENDER_GEN, 1514, 1},
	{FORWARD, SENDER_GEN, 1514, 1000},
	{FORWARD, SENDER_GEN, 1514, 50000},
	{FORWARD, SENDER_SOCKET, 60, 1},
	{FORWARD, SENDER_SOCKET, 60, 1000},
	{FORWARD, SENDER_SOCKET, 1514, 1},
	{FORWARD, SENDER_SOCKET, 1514, 1000},
	{FILTER, SENDER_GEN, 60, 1000},
	{FILTER_NEW, SENDER_GEN, 60, 0},
	{NAT, SENDER_GEN, 60, 1000},
	{NAT, SENDER_GEN, 60, 50000},
	{ALL, SENDER_GEN, 60, 1},
	{ALL, SENDER_GEN, 60, 1000},
	{ALL, SENDER_GEN, 60, 10000},
	{ALL, SENDER_GEN, 60, 50000},
	{SETUP, SENDER_GEN, 60, 0},
	{POOL, SENDER_GEN, 60, 0},
	{WATCH_RECEIVE, SENDER_GEN, 60, 1},
	{WATCH_FORWARD, SENDER_GEN, 60, 1},
	{SLICES_RECEIVE, SENDER_GEN, 60, 1},
	{SLICES_FORWARD, SENDER_GEN, 60, 1},
	{LINEAR, SENDER_GEN, 60, 1000},
};

/* A slower peer is sent fewer frames, unless each makes it keep something: that must fill alike. */
static struct load load_for(const struct load *load, enum peer peer)
{
	const struct peer_info *info = &peer_info[peer];
	struct load l = *load;

	if (info->warm)
		l.warm = info->warm;
	if (info->slower && (load->flows || !info->source))
		l.count = (load->count + info->slower - 1) / info->slower;
	if (info->slower && !info->source)
		l.warm /= info->slower;
	return l;
}

/* Frames that a tracer must have seen. */
static __u64 to_be_seen(enum peer peer, __u64 all)
{
	switch (peer_info[peer].witness) {
	case WITNESS_NONE:
		return 0;
	case WITNESS_PART:
		return 1;
	default:
		return all;
	}
}

/* Nothing lost, all on one core, and translated or watched where that is the peer's trade. */
static bool valid(enum peer peer, const struct load *load, const struct outcome *out)
{
	__u64 all = load->warm + load->count;

	if (out->sent == all && out->received == all &&
		out->strays <= all / STRAYS + STRAYS_LEAST &&
		(!peer_info[peer].source || out->translated == all) &&
		out->seen >= to_be_seen(peer, all))
		return true;
	fprintf(stderr, "bench: %s: %llu sent, %llu received, %llu on another CPU",
		peer_info[peer].name, out->sent, out->received, out->strays);
	if (peer_info[peer].source)
		fprintf(stderr, ", %llu translated", out->translated);
	if (peer_info[peer].witness)
		fprintf(stderr, ", %llu seen by it", out->seen);
	fprintf(stderr, "; again\n");
	return false;
}

/* One run; what the machine's other users spoil is tried again. */
static int measure(
	struct rig *rig, enum peer peer, const struct load *for_all, struct figure *f, double *ns)
{
	struct load load = load_for(for_all, peer);
	struct outcome out;
	int err = 0;

	for (int i = 0; i < TRIES && !rig_interrupted; i++) {
		err = rig_peer_on(rig, peer);
		if (!err)
			err = rig_run(rig, &load, &out);
		if (!err)
			err = rig_tracer_seen(rig, &out);
		if (rig_peer_off(rig) || err)
			return err ? err : -EIO;
		if (valid(peer, &load, &out)) {
			f->sent += out.sent;
			f->received += out.received;
			f->share += (out.share - f->share) / (f->rounds + 1);
			*ns = (double)(out.end_ns - out.start_ns) / (double)load.count;
			return 0;
		}
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

double figure_ratio(const struct figure *a, const struct figure *b)
{
	double ratio[ROUNDS_MAX];

	for (int i = 0; i < a->rounds; i++)
		ratio[i] = a->ns[i] / b->ns[i];
	return ranked(ratio, a->rounds, a->rounds / 2);
}

/*
 * Whether more rounds would tell nothing new: each peer's least has been seen twice, and the leasts
 * stand in the ratio to each other that the peers have within a round. Without the second, a peer
 * that never met the machine's faster seconds would be compared with one that did.
 */
static bool settled(const struct bench *bench, const struct row *row, int rounds)
{
	const struct figure *base = NULL;

	int least_rounds = row->family->times ? (bench->rounds + 1) / 2 : bench->rounds;

	if (rounds < least_rounds)
		return false;
	if (rounds >= least_rounds * MORE_ROUNDS)
		return true;
	for (int i = 0; i < row->family->nr; i++) {
		const struct figure *f = &row->f[row->family->peers[i]];
		double least, of_least, within;

		if (!f->rounds)
			continue;
		if (!base)
			base = f;
		least = ranked(f->ns, rounds, 0);
		if (rounds > 1 && ranked(f->ns, rounds, 1) > least * seen_twice)
			return false;
		of_least = least / ranked(base->ns, rounds, 0);
		within = figure_ratio(f, base);
		if (of_least > within * alike || within > of_least * alike)
			return false;
	}
	return true;
}

/* How many events a tracer has of a frame, by the kernel's count of programs that ran: in a run
 * that counts for nothing else, since counting takes time. */
static int count_events(struct rig *rig, enum peer peer, const struct load *load, double *events)
{
	int err, stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	__u32 last = rig_last_program();
	struct outcome out = {0};

	if (stats < 0)
		return rig_fail("counting how often programs run", errno);
	err = rig_peer_on(rig, peer);
	if (!err)
		err = rig_run(rig, load, &out);
	if (!err && out.received)
		*events = (double)rig_program_runs(last) / (double)out.received;
	close(stats);
	return rig_peer_off(rig) && !err ? -EIO : err;
}

/* One more round. */
static int go_round(struct rig *rig, const struct bench *bench, struct row *row)
{
	int err = 0;

	for (int i = 0; i < row->family->nr && !err; i++) {
		enum peer peer = row->family->peers[i];
		struct figure *f = &row->f[peer];

		if (!bench->peer[peer])
			continue;
		err = measure(rig, peer, &row->load, f, &f->ns[f->rounds]);
		f->rounds++;
	}
	return err;
}

static int cell(struct rig *rig, const struct bench *bench, struct row *row, struct report *report)
{
	int rounds, err = rig_warm(rig);

	for (rounds = 0; !err && !settled(bench, row, rounds); rounds++)
		err = go_round(rig, bench, row);
	for (int p = 0; p < PEER_COUNT && !err; p++)
		if (row->f[p].rounds && peer_info[p].witness && !row->family->times)
			err = count_events(rig, (enum peer)p, &row->load, &row->f[p].events);
	if (err)
		return err;
	for (int p = 0; p < PEER_COUNT; p++) {
		struct figure *f = &row->f[p];

		if (!f->rounds)
			continue;
		f->ns_min = ranked(f->ns, rounds, 0);
		f->ns_median = ranked(f->ns, rounds, rounds / 2);
		if (bench->peer[row->family->ours])
			f->to_weir = figure_ratio(f, &row->f[row->family->ours]);
	}
	report_row(report, row);
	return 0;
}

/* Whether there is a peer to measure. Where what targets are about is lacking, the floor is none.
 */
static bool any_peer(const struct rig *rig, const struct bench *bench, const struct family *family)
{
	for (int i = 0; i < family->nr; i++) {
		enum peer peer = family->peers[i];

		if (bench->peer[peer] && (peer != PEER_FLOOR || !*rig->lacks[family->ours]))
			return true;
	}
	return false;
}

static bool any_rules(const struct bench *bench, const struct family *family)
{
	for (int i = 0; i < family->nr; i++)
		if (bench->peer[family->peers[i]] && peer_info[family->peers[i]].rules)
			return true;
	return false;
}

static void set_load(const struct bench *bench, size_t i, struct load *load)
{
	const struct family *family = &families[cells[i].family];

	*load = (struct load){.sender = cells[i].sender,
		.traffic = family->traffic,
		.flows = cells[i].flows,
		.bytes = cells[i].bytes,
		.count = bench->frames};
	if (family != &families[FORWARD])
		load->warm = cells[i].flows * TIMES + WARM;
	/* A local frame takes ten times a redirected one: as much of the time, then. */
	if (load->sender == SENDER_SOCKET)
		load->count = (load->count + 3) / 4;
	load->tracers = family->tracers;
	if (family->times)
		load->count *= family->times;
	if (family->most && load->count > family->most)
		load->count = family->most;
}

static void set_name(const struct family *family, struct row *row)
{
	char flows[16] = "new";

	if (row->load.flows)
		snprintf(flows, sizeof(flows), "%u", row->load.flows);
	if (family == &families[FORWARD])
		snprintf(row->name, sizeof(row->name), "forward/%s/%u/%s",
			sender_names[row->load.sender], row->load.bytes, flows);
	else
		snprintf(row->name, sizeof(row->name), "%s/%u/%s", family->name, row->load.bytes,
			flows);
}

/* What the rows of a family need and say, before the first. */
static int begin(struct rig *rig, const struct bench *bench, const struct family *family)
{
	int err = any_rules(bench, family) ? rig_write_rules(rig) : 0;

	report_head(rig, bench, family);
	return err;
}

int bench_cells(struct rig *rig, const struct bench *bench, struct report *report)
{
	const struct family *last = NULL;
	struct row row;
	int err = 0;

	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]) && !err; i++) {
		const struct family *family = &families[cells[i].family];

		row = (struct row){.family = family};
		set_load(bench, i, &row.load);
		set_name(family, &row);
		if (!bench_wants(bench, row.name))
			continue;
		if (family != last)
			err = begin(rig, bench, family);
		last = family;
		if (!err && any_peer(rig, bench, family))
			err = cell(rig, bench, &row, report);
		else if (!err)
			report_row(report, &row);
	}
	return err;
}
