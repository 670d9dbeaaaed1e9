// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "peers.skel.h"
#include "rig.h"

const char *const sender_names[SENDER_COUNT] = {
	[SENDER_GEN] = "gen",
	[SENDER_SOCKET] = "socket",
};

volatile sig_atomic_t rig_interrupted;

int rig_fail(const char *what, int error)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(error < 0 ? -error : error));
	return error < 0 ? error : -error;
}

__u64 rig_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
}

int rig_pin(int cpu)
{
	struct sched_param fifo = {.sched_priority = 1};
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return rig_fail("sched_setaffinity", errno);
	return sched_setscheduler(0, SCHED_FIFO, &fifo) ? rig_fail("SCHED_FIFO", errno) : 0;
}

static int enter(int netns)
{
	return setns(netns, CLONE_NEWNET) ? rig_fail("setns", errno) : 0;
}

static int open_netns(const char *lab, char which)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s-%c", lab, which);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? rig_fail(path, errno) : fd;
}

static int find_build(struct rig *rig)
{
	char exe[256];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (len < 0)
		return rig_fail("/proc/self/exe", errno);
	exe[len] = '\0';
	snprintf(rig->build, sizeof(rig->build), "%s", dirname(dirname(exe)));
	snprintf(rig->rules, sizeof(rig->rules), "%s/bench-rules", rig->build);
	return setenv("RULES", rig->rules, 1) ? rig_fail("setenv", errno) : 0;
}

int rig_attach(const struct rig *rig, int netns, struct bpf_program *prog, const char *dev,
	struct bpf_link **link)
{
	int err = enter(netns);

	if (err)
		return err;
	*link = bpf_program__type(prog) == BPF_PROG_TYPE_XDP
			? bpf_program__attach_xdp(prog, (int)if_nametoindex(dev))
			: bpf_program__attach_tcx(prog, (int)if_nametoindex(dev), NULL);
	if (!*link)
		err = rig_fail(dev, errno);
	return enter(rig->home) ? -EIO : err;
}

/* Where the floor sends to: from r1 to s0, by their addresses in tools/lab. */
static int next_hop(struct rig *rig)
{
	struct peers_bpf__bss *b = rig->peers->bss;
	const unsigned char s0[ETH_ALEN] = {2, 0, 0, 0, 1, 1}, r1[ETH_ALEN] = {2, 0, 0, 0, 1, 0xfe};
	int err = enter(rig->router);

	if (err)
		return err;
	b->to_ifindex = if_nametoindex("r1");
	memcpy(b->to_mac, s0, sizeof(s0));
	memcpy(b->from_mac, r1, sizeof(r1));
	return enter(rig->home);
}

static int cookie(const struct rig *rig, int netns, __u64 *out)
{
	socklen_t len = sizeof(*out);
	int fd, err = enter(netns);

	if (err)
		return err;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, out, &len))
		err = rig_fail("SO_NETNS_COOKIE", errno);
	if (fd >= 0)
		close(fd);
	return enter(rig->home) ? -EIO : err;
}

static int watch_strays(struct rig *rig)
{
	__u64 *cookies = rig->peers->bss->lab_cookie;
	int err = cookie(rig, rig->client, &cookies[0]);

	if (!err)
		err = cookie(rig, rig->router, &cookies[1]);
	if (!err)
		err = cookie(rig, rig->server, &cookies[2]);
	if (err)
		return err;
	rig->peers->bss->send_cpu = SEND_CPU;
	rig->strays = bpf_program__attach(rig->peers->progs.napi_poll);
	return rig->strays ? 0 : rig_fail("tracepoint napi_poll", errno);
}

int rig_open(struct rig *rig, const char *lab)
{
	int err;

	rig->lab = lab;
	rig->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	rig->client = open_netns(lab, 'c');
	rig->router = open_netns(lab, 'r');
	rig->server = open_netns(lab, 's');
	if (rig->home < 0 || rig->client < 0 || rig->router < 0 || rig->server < 0)
		return -ENOENT;
	err = find_build(rig);
	if (err)
		return err;
	rig->peers = peers_bpf__open_and_load();
	if (!rig->peers)
		return rig_fail("loading the peers", errno);
	err = next_hop(rig);
	if (!err)
		err = watch_strays(rig);
	if (err)
		return err;
	return rig_attach(rig, rig->server, rig->peers->progs.xdp_sink, "s0", &rig->sink);
}

void rig_close(struct rig *rig)
{
	rig_peer_off(rig);
	bpf_link__destroy(rig->sink);
	bpf_link__destroy(rig->strays);
	peers_bpf__destroy(rig->peers);
	close(rig->home);
	close(rig->client);
	close(rig->router);
	close(rig->server);
}

int rig_warm(struct rig *rig)
{
	char *argv[] = {"ping", "-q", "-c", "1", "-W", "2", "198.51.100.1", NULL}, out[1024];
	int err = rig_spawn(rig->client, argv, out, sizeof(out));

	if (err)
		fprintf(stderr, "bench: the client does not reach the server: %s\n", out);
	return err;
}
