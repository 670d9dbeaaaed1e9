// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ledger, read again and again while the generator sends as fast as it can: each reading must
 * balance to the packet, no counter may go back, and in the end every frame is where it should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

enum { READINGS = 1000 };

/* Off the generator's core and out of its way: reading is what a user does beside the traffic. */
static int step_aside(void)
{
	const struct sched_param plain = {0};
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(OTHER_CPU, &set);
	if (sched_setscheduler(0, SCHED_OTHER, &plain) || sched_setaffinity(0, sizeof(set), &set))
		return -errno;
	return 0;
}

/* Starts the generator in the client; its report comes through *@report_fd when it ends. */
static pid_t start_load(struct rig *rig, int *report_fd)
{
	char path[300];
	int fds[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/weir-gen", rig->build);
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		if (!setns(rig->client, CLONE_NEWNET))
			execl(path, path, "dev", "c0", "to", "02:00:00:00:00:fe", "src",
				"192.0.2.2", "dst", "198.51.100.1", "flows", "1000", "size", "60",
				"seconds", "600", "cpu", "0", "json", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	*report_fd = fds[0];
	return pid < 0 ? -errno : pid;
}

/* Ends it and reads what it sent. */
static __u64 end_load(pid_t pid, int fd)
{
	char text[4096];
	ssize_t n;
	json_t *root;
	__u64 sent;

	kill(pid, SIGTERM);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	waitpid(pid, NULL, 0);
	text[n < 0 ? 0 : n] = '\0';
	root = json_loads(text, 0, NULL);
	sent = (__u64)json_integer_value(json_object_get(root, "sent"));
	json_decref(root);
	return sent;
}

/* One reading: frames in and out so far; *@wrong counts readings that do not balance. */
static int read_once(struct rig *rig, json_int_t *in, json_int_t *out, int *wrong)
{
	char path[300], netns[64], text[32768];
	char *argv[] = {path, "-n", netns, "-j", "ledger", "show", NULL};
	json_t *root, *total;
	int err;

	snprintf(path, sizeof(path), "%s/weir", rig->build);
	snprintf(netns, sizeof(netns), "%s-r", rig->lab);
	err = rig_spawn(-1, argv, text, sizeof(text)); /* fails where it does not balance, too */
	root = json_loads(text, 0, NULL);
	total = json_object_get(root, "total");
	if (!total) {
		fprintf(stderr, "bench: ledger show: %s\n", text);
		json_decref(root);
		return -EPROTO;
	}
	if (err || json_integer_value(json_object_get(total, "residual")) ||
		json_integer_value(json_object_get(total, "lost")) ||
		json_integer_value(json_object_get(total, "in")) < *in ||
		json_integer_value(json_object_get(total, "out")) < *out)
		(*wrong)++;
	*in = json_integer_value(json_object_get(total, "in"));
	*out = json_integer_value(json_object_get(total, "out"));
	json_decref(root);
	return 0;
}

int bench_ledger(struct rig *rig, const struct bench *bench, struct report *report)
{
	json_int_t in = 0, out = 0;
	int fd = -1, wrong = 0, done = 0, err;
	__u64 sent = 0;
	pid_t load;

	if (!bench_wants(bench, "ledger") || !bench->peer[PEER_WEIR])
		return 0;
	err = rig_warm(rig);
	if (!err)
		err = step_aside();
	if (!err)
		err = rig_peer_on(rig, PEER_WEIR);
	if (err)
		return err;
	load = start_load(rig, &fd);
	for (; done < READINGS && load > 0 && !err && !rig_interrupted; done++)
		err = read_once(rig, &in, &out, &wrong);
	if (load > 0)
		sent = end_load(load, fd);
	if (!err && !rig_interrupted)
		err = read_once(rig, &in, &out, &wrong);
	rig_peer_off(rig);
	if (err || rig_interrupted || load < 0 || !sent)
		return err ? err : -EINTR;
	report_ledger(report, done, wrong, sent, (__u64)in);
	return 0;
}
