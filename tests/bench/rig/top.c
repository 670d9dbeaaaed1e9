// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the live screen costs: `weir top` on a terminal of our own, with four devices and traffic, for
 * a minute, once beside the fast plane and once beside three namespaces' kernel planes in full; and one
 * picture of its most crowded page, drawn again and again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"
#include "tui/tui.h"

enum { SECONDS = 60, WARM_SECONDS = 3, RATE = 100000, DEVS = 4, READINGS = 300, PICTURES = 500 };

/* Two more devices in the router, each with its other end beside it. */
static int more_devs(struct rig *rig, bool add)
{
	int err = 0;

	for (int i = 0; !err && i < 2; i++) {
		char command[256], *name = (char[]){"rN"}, out[1024];
		/* the other end polls by GRO, so that it would take frames */
		char *up[] = {"sh", "-c", command, NULL};
		char *down[] = {"ip", "link", "del", name, NULL};

		name[1] = (char)('2' + i);
		snprintf(command, sizeof(command),
			"ip link add %s type veth peer name p%s && ip link set %s up && "
			"ip link set p%s up && ethtool -K p%s gro on",
			name, name, name, name, name);
		err = rig_spawn(rig->router, add ? up : down, out, sizeof(out));
		if (err)
			fprintf(stderr, "bench: more devices: %s\n", out);
	}
	return err;
}

/* The slave of a terminal of 100 by 32; its master is *@master. */
static int open_terminal(int *master)
{
	struct winsize size = {.ws_row = 32, .ws_col = 100};
	char name[64];

	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0 || grantpt(*master) || unlockpt(*master) ||
		ptsname_r(*master, name, sizeof(name)) || ioctl(*master, TIOCSWINSZ, &size))
		return -errno;
	return open(name, O_RDWR | O_CLOEXEC);
}

static pid_t start_top(const struct rig *rig, int *master)
{
	int slave = open_terminal(master);
	char path[300], netns[64];
	pid_t pid;

	if (slave < 0)
		return slave;
	snprintf(path, sizeof(path), "%s/weir", rig->build);
	snprintf(netns, sizeof(netns), "%s-r", rig->lab);
	pid = fork();
	if (!pid) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		dup2(slave, STDIN_FILENO);
		dup2(slave, STDOUT_FILENO);
		setenv("TERM", "xterm-256color", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		execl(path, path, "-n", netns, "top", (char *)NULL);
		_exit(127);
	}
	close(slave);
	return pid < 0 ? -errno : pid;
}

/* Reads what the screen sends, as a terminal would. -EPIPE where it ended, or sent next to nothing. */
static int watch(int master, int seconds)
{
	__u64 end = rig_now_ns() + (__u64)seconds * 1000000000, now;
	char text[65536];
	int pictures = 0;

	while ((now = rig_now_ns()) < end && !rig_interrupted) {
		struct pollfd fd = {.fd = master, .events = POLLIN};

		if (poll(&fd, 1, (int)((end - now) / 1000000) + 1) > 0 &&
			(fd.revents & POLLHUP || read(master, text, sizeof(text)) <= 0))
			return -EPIPE;
		pictures += fd.revents & POLLIN ? 1 : 0;
	}
	if (rig_interrupted)
		return -EINTR;
	return pictures < seconds / 2 ? -EPIPE : 0;
}

static int cpu_ns(pid_t pid, __u64 *ns)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return -ESRCH;
	*ns = (__u64)t.tv_sec * 1000000000ull + (__u64)t.tv_nsec;
	return 0;
}

static int measure_screen(struct rig *rig, double *percent)
{
	__u64 before = 0, after = 0;
	int master = -1, err;
	pid_t pid = start_top(rig, &master);

	if (pid < 0)
		return (int)pid;
	err = watch(master, WARM_SECONDS);
	if (!err)
		err = cpu_ns(pid, &before);
	if (!err)
		err = watch(master, SECONDS);
	if (!err)
		err = cpu_ns(pid, &after);
	*percent = (double)(after - before) / 1e7 / SECONDS;
	kill(pid, SIGTERM);
	close(master);
	waitpid(pid, NULL, 0);
	return err;
}

/* The same while frames come. */
static int measure_cpu(struct rig *rig, double *percent)
{
	int fd = -1, err;
	pid_t load = rig_load_start(rig, RATE, &fd);

	if (load <= 0)
		return (int)load;
	err = measure_screen(rig, percent);
	rig_load_end(load, fd);
	return err;
}

/* The kernel forwards, and every packet is observed at every stage. */
static int measure_kernel(struct rig *rig, double *percent)
{
	char names[200];
	char *on[] = {"watch", "on", "full", "netns", names, NULL};
	char *off[] = {"watch", "off", NULL};
	int err;

	snprintf(names, sizeof(names), "%s-c,%s-r,%s-s", rig->lab, rig->lab, rig->lab);
	err = rig_weir(rig, on);
	if (!err)
		err = measure_cpu(rig, percent);
	rig_weir(rig, off);
	return err;
}

/* A reading of devices on which everything happens. */
static struct weir_snapshot make_reading(__u64 n)
{
	struct weir_snapshot snap = {.time_ns = (n + 1) * 1000000000, .sample_every = 1};

	snap.devs = aligned_alloc(64, DEVS * sizeof(*snap.devs));
	if (!snap.devs)
		return snap;
	memset(snap.devs, 0, DEVS * sizeof(*snap.devs));
	snap.nr_devs = DEVS;
	for (unsigned int d = 0; d < DEVS; d++) {
		struct weir_dev_snapshot *dev = &snap.devs[d];

		snprintf(dev->name, sizeof(dev->name), "eth%u", d);
		dev->conf.ifindex = d + 1;
		dev->total.in.packets = n * 100000;
		for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++)
			dev->total.exit[e].packets = n * (e + d) * 1000;
		for (unsigned int s = 0; s < WEIR_FAST_STAGE_COUNT; s++)
			for (unsigned int b = 0; b < WEIR_HIST_BUCKETS; b++)
				dev->lat.stage[s].samples += dev->lat.stage[s].bucket[b] = n * b;
	}
	return snap;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of taking a reading and drawing it, on the page that has everything on it. */
static int measure_redraw(double *ms)
{
	static const struct weir_tui_config config = {
		.name = "bench", .option = "", .period_ns = 1000000000, .utf8 = true};
	static double took[PICTURES];
	struct weir_tui *tui;
	int err = weir_tui_new(&config, &tui);

	for (__u64 n = 0; !err && n < READINGS + PICTURES; n++) {
		struct weir_snapshot snap = make_reading(n);
		__u64 start = rig_now_ns();

		err = snap.devs ? weir_tui_take(tui, &snap, n) : -ENOMEM;
		if (!err && !weir_tui_draw(tui, 300, 100))
			err = -ENOMEM;
		if (n >= READINGS)
			took[n - READINGS] = (double)(rig_now_ns() - start) / 1e6;
	}
	weir_tui_free(tui);
	qsort(took, PICTURES, sizeof(took[0]), by_size);
	*ms = took[PICTURES / 2];
	return err;
}

int bench_top(struct rig *rig, const struct bench *bench, struct report *report)
{
	char *attach[] = {"dev", "attach", "r2", "r3", NULL};
	double percent = 0, kernel_percent = 0, redraw_ms = 0;
	int err;

	if (!bench_wants(bench, "top") || !bench->peer[PEER_WEIR])
		return 0;
	err = rig_warm(rig);
	if (!err)
		err = rig_step_aside();
	if (!err)
		err = more_devs(rig, true);
	if (err)
		return err;
	err = rig_peer_on(rig, PEER_WEIR_LATENCY);
	if (!err)
		err = rig_weir(rig, attach);
	if (!err)
		err = measure_cpu(rig, &percent);
	rig_peer_off(rig);
	if (!err)
		err = measure_kernel(rig, &kernel_percent);
	more_devs(rig, false);
	if (!err)
		err = measure_redraw(&redraw_ms);
	if (!err)
		report_top(report, SECONDS, percent, kernel_percent, redraw_ms);
	return err;
}
