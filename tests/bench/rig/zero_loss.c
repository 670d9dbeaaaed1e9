// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The highest rate without loss (RFC 2544 section 26.1), by halving an interval.
 *
 * The generator has one core, the router the other: r0 is polled by a kernel thread pinned there,
 * and s0 by the softirq that it raises. A router that cannot keep up lets r0's ring run full, which
 * the generator's device counts. Searches alternate between peers, and the best of each counts:
 * a frame lost because the machine was busy elsewhere says nothing about a peer.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"

enum {
	SEARCHES = 3,
	FIRST_STEPS = 8, /* of an interval of 8 Mpps: to 31 kpps */
	NEXT_STEPS = 5,	 /* of a half of the best so far */
	TRIES = 3,	 /* of a rate that loses */
	BYTES = 60,
	LEAST_PPS = 100000, /* or it was not the peer that lost */
};

static const double trial_s = 0.5, highest_pps = 8e6, least_of_asked = 0.97;

static const enum peer peers[] = {PEER_XDP_FIB, PEER_WEIR};

static int threaded(struct rig *rig, bool on)
{
	char netns[64], cmd[64], out[256];
	/* Only /sys mounted anew shows the namespace's devices: the one thing netns exec is for. */
	char *argv[] = {"ip", "netns", "exec", netns, "sh", "-c", cmd, NULL};
	int err;

	snprintf(netns, sizeof(netns), "%s-r", rig->lab);
	snprintf(cmd, sizeof(cmd), "echo %d >/sys/class/net/r0/threaded", on);
	err = rig_spawn(-1, argv, out, sizeof(out));
	if (err)
		fprintf(stderr, "bench: threaded NAPI: %s\n", out);
	return err;
}

static bool is_poller(const char *pid)
{
	char path[300], name[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return !strncmp(name, "napi/r0-", 8);
}

/*
 * Pins r0's polling threads. Threads carry no namespace, so another lab's r0, if one is threaded
 * too, is pinned with it. Attaching XDP may start new threads, so this comes after.
 */
static int pin_pollers(void)
{
	struct sched_param fifo = {.sched_priority = 1};
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	cpu_set_t set;
	int found = 0;

	if (!proc)
		return -errno;
	CPU_ZERO(&set);
	CPU_SET(OTHER_CPU, &set);
	while ((entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (!isdigit((unsigned char)entry->d_name[0]) || !is_poller(entry->d_name))
			continue;
		if (sched_setaffinity(pid, sizeof(set), &set))
			continue;
		/* Or whatever else this core does would look like the peer's loss. */
		sched_setscheduler(pid, SCHED_FIFO, &fifo);
		found++;
	}
	closedir(proc);
	if (!found)
		fprintf(stderr, "bench: r0 has no polling thread\n");
	return found ? 0 : -ESRCH;
}

/* 1 = all came, 0 = not, or the rate was not reached; @pps is what was offered. */
static int trial(struct rig *rig, double rate, double *pps)
{
	struct load load = {.sender = SENDER_GEN, .flows = 1, .bytes = BYTES};
	struct outcome out;
	int err;

	load.rate = (__u64)rate;
	load.seconds = trial_s;
	for (int i = 0; i < TRIES && !rig_interrupted; i++) {
		err = rig_run(rig, &load, &out);
		if (err)
			return err;
		*pps = out.pps;
		if (out.received == out.offered && out.pps >= rate * least_of_asked)
			return 1;
	}
	return rig_interrupted ? -EINTR : 0;
}

static int search(struct rig *rig, enum peer peer, double *best)
{
	double low = *best > 0 ? *best * 0.85 : 0, high = *best > 0 ? *best * 1.35 : highest_pps;
	int steps = *best > 0 ? NEXT_STEPS : FIRST_STEPS;
	int err = rig_peer_on(rig, peer);

	if (!err)
		err = pin_pollers();
	for (int i = 0; i < steps && !err; i++) {
		double rate = (low + high) / 2, pps = 0;
		int passed = trial(rig, rate, &pps);

		if (passed < 0)
			err = passed;
		else if (!passed)
			high = rate;
		else
			low = rate;
		if (passed > 0 && pps > *best)
			*best = pps;
	}
	return rig_peer_off(rig) ? -EIO : err;
}

int bench_zero_loss(struct rig *rig, const struct bench *bench, struct report *report)
{
	double best[PEER_COUNT] = {0};
	int err;

	if (!bench_wants(bench, "zero_loss"))
		return 0;
	err = rig_warm(rig);
	if (!err)
		err = threaded(rig, true);
	for (int i = 0; i < SEARCHES && !err; i++)
		for (size_t p = 0; p < sizeof(peers) / sizeof(peers[0]) && !err; p++)
			if (bench->peer[peers[p]])
				err = search(rig, peers[p], &best[peers[p]]);
	threaded(rig, false);
	for (size_t p = 0; p < sizeof(peers) / sizeof(peers[0]) && !err; p++)
		if (bench->peer[peers[p]] && best[peers[p]] < LEAST_PPS) {
			fprintf(stderr, "bench: %s loses at any rate: is the machine busy?\n",
				peer_info[peers[p]].name);
			err = -EPROTO;
		}
	if (!err)
		report_zero_loss(report, BYTES, best);
	return err;
}
