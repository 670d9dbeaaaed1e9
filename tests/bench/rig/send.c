// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The two senders, and waiting for what they sent. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "peers.skel.h"
#include "rig.h"

enum {
	BATCH = 64,
	PORT = 1024,  /* of the first flow */
	HEADERS = 42, /* Ethernet, IPv4, UDP */
	WAIT_US = 200,
	HOLD_MAX_NS = 500 * 1000 * 1000,
	WAIT_TURNS = 500, /* without a new frame, until what is missing is lost */
};

int rig_exit_code(int netns, char *const argv[], char *out, size_t size)
{
	size_t len = 0;
	ssize_t got;
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0) {
		status = -errno;
		close(fds[0]);
		close(fds[1]);
		return status;
	}
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		if (netns < 0 || !setns(netns, CLONE_NEWNET))
			execvp(argv[0], argv);
		dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	while ((got = read(fds[0], out + len, size - 1 - len)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		len += got > 0 ? (size_t)got : 0;
		if (len == size - 1)
			len = 0; /* more than anyone reads: the end is what matters */
	}
	out[len] = '\0';
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

int rig_spawn(int netns, char *const argv[], char *out, size_t size)
{
	int code = rig_exit_code(netns, argv, out, size);

	return code > 0 ? -ECHILD : code;
}

static int parse_report(const char *text, struct outcome *out)
{
	json_t *root = json_loads(text, 0, NULL);

	if (!root) {
		fprintf(stderr, "bench: weir-gen: %s", text);
		return -EPROTO;
	}
	out->offered = (__u64)json_integer_value(json_object_get(root, "offered"));
	out->sent = (__u64)json_integer_value(json_object_get(root, "sent"));
	out->start_ns = (__u64)json_integer_value(json_object_get(root, "start_ns"));
	out->end_ns = (__u64)json_integer_value(json_object_get(root, "end_ns"));
	if (out->end_ns > out->start_ns)
		out->pps = (double)out->offered * 1e9 / (double)(out->end_ns - out->start_ns);
	json_decref(root);
	return 0;
}

static const struct {
	char *src, *dst, *sport, *dport, *random;
} traffics[] = {
	[TRAFFIC_PLAIN] = {"192.0.2.2", "198.51.100.1", "1024-65535", "9", NULL},
	[TRAFFIC_MIXED] = {"198.18.0.0/16", "198.19.0.0/16", "1024-65535", "1-65535", "random"},
	[TRAFFIC_POOL] = {"198.18.0.0/16", "198.51.100.1", "1024-1151", "9", NULL},
	[TRAFFIC_LOCAL] = {"192.0.2.2", "192.0.2.254", "1024-65535", "9", NULL},
};

static int send_gen(struct rig *rig, const struct load *load, struct outcome *out)
{
	char path[300], flows[24], bytes[24], amount[24], rate[24], cpu[8], text[4096];
	char *argv[32] = {path, "dev", "c0", "to", "02:00:00:00:00:fe", "src",
		traffics[load->traffic].src, "dst", traffics[load->traffic].dst, "sport",
		traffics[load->traffic].sport, "dport", traffics[load->traffic].dport, "flows",
		flows, "size", bytes, "cpu", cpu, "json", load->count ? "count" : "seconds",
		amount};
	__u64 count = load->warm + load->count;
	size_t n = 0;
	int err;

	while (argv[n])
		n++;
	if (traffics[load->traffic].random)
		argv[n++] = traffics[load->traffic].random;
	if (load->rate) {
		argv[n++] = "rate";
		argv[n++] = rate;
	}
	snprintf(path, sizeof(path), "%s/weir-gen", rig->build);
	snprintf(flows, sizeof(flows), "%llu", load->flows ? load->flows : count);
	snprintf(bytes, sizeof(bytes), "%u", load->bytes);
	snprintf(cpu, sizeof(cpu), "%d", SEND_CPU);
	snprintf(rate, sizeof(rate), "%llu", load->rate);
	if (load->count)
		snprintf(amount, sizeof(amount), "%llu", count);
	else
		snprintf(amount, sizeof(amount), "%.3f", load->seconds);
	err = rig_spawn(rig->client, argv, text, sizeof(text));
	if (err) {
		fprintf(stderr, "bench: weir-gen: %s", text);
		return err;
	}
	return parse_report(text, out);
}

/* One socket, a destination port per flow. */
static int pump(int fd, const struct load *load, struct outcome *out)
{
	struct sockaddr_in to[BATCH];
	struct mmsghdr msgs[BATCH];
	char payload[1500] = {0};
	struct iovec iov = {.iov_base = payload, .iov_len = load->bytes - HEADERS};
	__u32 flow = 0;

	memset(msgs, 0, sizeof(msgs));
	for (int i = 0; i < BATCH; i++) {
		to[i] = (struct sockaddr_in){.sin_family = AF_INET};
		to[i].sin_addr.s_addr = htonl(0xc6336401); /* 198.51.100.1 */
		msgs[i].msg_hdr.msg_name = &to[i];
		msgs[i].msg_hdr.msg_namelen = sizeof(to[i]);
		msgs[i].msg_hdr.msg_iov = &iov;
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	out->start_ns = rig_now_ns();
	while (out->sent < load->count && !rig_interrupted) {
		__u64 left = load->count - out->sent;
		int n;

		for (int i = 0; i < BATCH; i++)
			to[i].sin_port = htons((__u16)(PORT + (flow + (__u32)i) % load->flows));
		n = sendmmsg(fd, msgs, left < BATCH ? (unsigned int)left : BATCH, 0);
		if (n < 0 && errno != EINTR) {
			fprintf(stderr, "bench: sendmmsg: %s\n", strerror(errno));
			return -EIO;
		}
		if (n > 0) {
			out->sent += (__u64)n;
			flow = (flow + (__u32)n) % load->flows;
		}
	}
	out->end_ns = rig_now_ns();
	out->offered = out->sent;
	return 0;
}

static int send_socket(struct rig *rig, const struct load *load, struct outcome *out)
{
	int fd, err;

	if (setns(rig->client, CLONE_NEWNET))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	err = fd < 0 ? -errno : 0;
	if (setns(rig->home, CLONE_NEWNET) && !err)
		err = -errno;
	if (!err)
		err = pump(fd, load, out);
	if (fd >= 0)
		close(fd);
	return err;
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/*
 * Holds the other core still while frames flow: if the two are threads of one core, whatever runs
 * there halves this one's speed. A pausing thread takes next to nothing, and lets no other in, but
 * for a peer that works there itself.
 */
static void hold_still(struct peers_bpf__bss *b)
{
	volatile __u64 *packets = &b->sink.packets, *expect = &b->sink.expect;
	__u64 deadline = 0, seen = 0;

	while (!*packets && *expect)
		usleep(WAIT_US);
	while (*packets < *expect && (*packets != seen || rig_now_ns() < deadline)) {
		if (*packets != seen)
			deadline = rig_now_ns() + HOLD_MAX_NS;
		seen = *packets;
		for (int i = 0; i < 100; i++)
			relax();
	}
}

static void *hold_first(void *arg)
{
	if (!rig_pin(OTHER_CPU))
		hold_still(arg);
	return NULL;
}

static void *hold_last(void *arg)
{
	const struct sched_param none = {0};

	if (!rig_step_aside() && !sched_setscheduler(0, SCHED_IDLE, &none))
		hold_still(arg);
	return NULL;
}

int rig_run(struct rig *rig, const struct load *load, struct outcome *out)
{
	struct peers_bpf__bss *b = rig->peers->bss;
	volatile __u64 *packets = &b->sink.packets;
	struct rig_reader reader = {0};
	int err = 0, idle = 0;
	pthread_t holder;
	__u64 seen = 0;
	bool held;

	memset(out, 0, sizeof(*out));
	b->sink.packets = b->sink.bytes = b->sink.translated = 0;
	b->sink.start_ns = b->sink.end_ns = 0;
	b->strays = 0;
	b->sink.warm = load->warm;
	b->sink.no_drop = load->tracers;
	b->sink.expect = load->count ? load->warm + load->count : 0;
	if (load->traffic == TRAFFIC_LOCAL)
		err = rig_read_start(rig, &reader);
	if (err)
		return err;
	held = load->count &&
	       !pthread_create(&holder, NULL, load->tracers ? hold_last : hold_first, b);
	err = load->sender == SENDER_GEN ? send_gen(rig, load, out) : send_socket(rig, load, out);
	while (!err && *packets < out->sent && idle < WAIT_TURNS) {
		idle = *packets == seen ? idle + 1 : 0;
		seen = *packets;
		usleep(WAIT_US);
	}
	b->sink.expect = 0; /* lets the holder go, whatever became of the run */
	if (held)
		pthread_join(holder, NULL);
	if (load->traffic == TRAFFIC_LOCAL)
		rig_read_end(&reader);
	out->received = *packets;
	out->translated = b->sink.translated;
	out->strays = b->strays;
	if (b->sink.start_ns)
		out->start_ns = b->sink.start_ns;
	if (b->sink.end_ns)
		out->end_ns = b->sink.end_ns;
	return err;
}
