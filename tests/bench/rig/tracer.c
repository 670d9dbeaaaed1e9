// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who watches the kernel's own path while frames flow, and whether it did: figures of a tracer that
 * saw nothing would be fine ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "lru.skel.h"
#include "rig.h"

enum { SETTLE_US = 500 * 1000 }; /* bpftrace and perf do not say when they have begun */

/* --- a process beside --- */

static int command_on(struct rig *rig, const char *command)
{
	int out[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC))
		return rig_fail("pipe", errno);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	rig->tracer = pid > 0 ? pid : 0;
	rig->tracer_out = out[0];
	usleep(SETTLE_US);
	return pid < 0 ? rig_fail("fork", errno) : 0;
}

/* The largest number in the line of what it counts packets received by. */
static __u64 number_in(const char *text, const char *event)
{
	const char *at = strstr(text, event), *line = at;
	__u64 most = 0;

	while (line && line > text && line[-1] != '\n')
		line--;
	while (line && *line && *line != '\n') {
		if (*line >= '0' && *line <= '9') {
			char *end;
			__u64 n = strtoull(line, &end, 10);

			most = n > most ? n : most;
			line = end;
		} else {
			line++;
		}
	}
	return most;
}

/* Both write what they counted when they are interrupted. */
static int command_end(struct rig *rig, __u64 *seen)
{
	char text[8192];
	size_t len = 0;
	ssize_t n;

	if (!rig->tracer)
		return 0;
	kill(rig->tracer, SIGINT);
	while (len < sizeof(text) - 1 &&
		(n = read(rig->tracer_out, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(rig->tracer_out);
	waitpid(rig->tracer, NULL, 0);
	rig->tracer = 0;
	*seen = number_in(text, "netif_receive_skb");
	if (!*seen)
		fprintf(stderr, "bench: %s: %s\n", peer_info[rig->peer].name, text);
	return 0;
}

/* --- the usual way --- */

static int lru_on(struct rig *rig)
{
	rig->lru = lru_bpf__open_and_load();
	if (!rig->lru)
		return rig_fail("loading the LRU map's programs", errno);
	return lru_bpf__attach(rig->lru) ? rig_fail("attaching them", errno) : 0;
}

static __u64 lru_seen(const struct rig *rig)
{
	__u64 sum = 0;

	for (size_t i = 0; i < sizeof(rig->lru->bss->hist[0].slot) / sizeof(__u64); i++)
		sum += rig->lru->bss->hist[0].slot[i];
	return sum;
}

/* --- weir --- */

/* A figure of a stage of r0. */
static __u64 stage_figure(const json_t *root, const char *name, const char *figure)
{
	const json_t *dev, *stage;
	size_t i, s;

	json_array_foreach (json_object_get(root, "devices"), i, dev) {
		const char *device = json_string_value(json_object_get(dev, "device"));

		if (!device || strcmp(device, "r0"))
			continue;
		json_array_foreach (json_object_get(dev, "stages"), s, stage)
			if (!strcmp(json_string_value(json_object_get(stage, "stage")), name))
				return (__u64)json_integer_value(json_object_get(stage, figure));
	}
	return 0;
}

json_t *rig_kernel_path(const struct rig *rig)
{
	static char text[1 << 18];
	char path[300], netns[64];
	char *argv[] = {path, "-n", netns, "-j", "path", "show", "plane", "kernel", NULL};
	json_t *root;

	snprintf(path, sizeof(path), "%s/weir", rig->build);
	snprintf(netns, sizeof(netns), "%s-r", rig->lab);
	rig_spawn(-1, argv, text, sizeof(text));
	root = json_loads(text, 0, NULL);
	if (!root)
		fprintf(stderr, "bench: path show plane kernel: %.200s\n", text);
	return root;
}

static int weir_seen(const struct rig *rig, struct outcome *out)
{
	json_t *root = rig_kernel_path(rig);
	double since;

	if (!root)
		return -EPROTO;
	switch (peer_info[rig->peer].witness) {
	case WITNESS_COUNTER:
		out->seen = stage_figure(root, "nic_rx", "packets");
		break;
	case WITNESS_EVENT:
		out->seen = stage_figure(root, "core", "packets");
		break;
	default:
		out->seen = stage_figure(root, "core", "samples");
		break;
	}
	since = json_number_value(json_object_get(root, "since_ns"));
	if (since > 0)
		out->share = json_number_value(json_object_get(root, "observed_ns")) / since;
	json_decref(root);
	return 0;
}

/* --- all of them --- */

int rig_tracer_on(struct rig *rig)
{
	const struct peer_info *info = &peer_info[rig->peer];

	if (info->witness == WITNESS_LRU)
		return lru_on(rig);
	return info->beside ? command_on(rig, info->beside) : 0;
}

int rig_tracer_seen(struct rig *rig, struct outcome *out)
{
	switch (peer_info[rig->peer].witness) {
	case WITNESS_NONE:
		return 0;
	case WITNESS_LRU:
		out->seen = lru_seen(rig);
		return 0;
	case WITNESS_BESIDE:
		return command_end(rig, &out->seen);
	default:
		return weir_seen(rig, out);
	}
}

void rig_tracer_off(struct rig *rig)
{
	__u64 seen;

	if (peer_info[rig->peer].beside)
		command_end(rig, &seen);
	lru_bpf__destroy(rig->lru);
	rig->lru = NULL;
}

/* --- events --- */

__u32 rig_last_program(void)
{
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id))
		;
	return id;
}

__u64 rig_program_runs(__u32 after)
{
	__u64 runs = 0;
	__u32 id = after;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		/* the generator's own is of XDP */
		if (!bpf_prog_get_info_by_fd(fd, &info, &len) && info.type != BPF_PROG_TYPE_XDP)
			runs += info.run_cnt;
		close(fd);
	}
	return runs;
}
