// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a user does beside the traffic: the generator runs in the background, on its own core. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "rig.h"

int rig_step_aside(void)
{
	const struct sched_param plain = {0};
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(OTHER_CPU, &set);
	if (sched_setscheduler(0, SCHED_OTHER, &plain) || sched_setaffinity(0, sizeof(set), &set))
		return -errno;
	return 0;
}

pid_t rig_load_start(const struct rig *rig, __u64 rate, int *report_fd)
{
	char path[300], pps[32];
	int fds[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/weir-gen", rig->build);
	snprintf(pps, sizeof(pps), "%llu", rate);
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		if (!setns(rig->client, CLONE_NEWNET))
			execl(path, path, "dev", "c0", "to", "02:00:00:00:00:fe", "src",
				"192.0.2.2", "dst", "198.51.100.1", "flows", "1000", "size", "60",
				"seconds", "600", "cpu", "0", "json", rate ? "rate" : NULL, pps,
				(char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	*report_fd = fds[0];
	return pid < 0 ? -errno : pid;
}

__u64 rig_load_end(pid_t pid, int fd)
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
