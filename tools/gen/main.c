// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * weir-gen: sends UDP over IPv4 from inside the kernel, millions of frames a second on one core,
 * and counts exactly what the driver took.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "gen.h"
#include "gen.skel.h"

enum {
	DONE = 0,
	USAGE = 1,
	REFUSED = 2,
	CHUNK = 1 << 30, /* frames a call: setting one up takes milliseconds, so a signal ends it */
};

struct options {
	const char *dev;
	unsigned char to[ETH_ALEN], from[ETH_ALEN];
	bool have_to, json, have_count, random;
	struct gen_span dim[GEN_DIMS];
	__u64 flows, bytes, rate, count;
	double seconds;
	int cpu;
};

static volatile sig_atomic_t stop;

static const char help[] =
	"usage: weir-gen dev DEV to MAC [src PFX] [dst PFX] [sport R] [dport R] [flows N]\n"
	"                [random] [size BYTES] [rate PPS] [count N | seconds S] [cpu N] [json]\n"
	"\n"
	"Sends UDP over IPv4 through DEV, from inside the kernel.\n"
	"\n"
	"  dev DEV      the device; run it in the device's network namespace\n"
	"  to MAC       destination address of the frames\n"
	"  src PFX      source addresses, 198.18.0.1 unless told\n"
	"  dst PFX      destination addresses, 198.19.0.1 unless told\n"
	"  sport R      source ports, P or P-P, 1024-65535 unless told\n"
	"  dport R      destination ports, 9 unless told\n"
	"  flows N      this many flows in turn, 1 unless told\n"
	"  random       flows by chance, the same ones each time\n"
	"  size BYTES   of the frame without FCS, 60-1514, 60 unless told\n"
	"  rate PPS     frames a second at most\n"
	"  count N      frames to send, 1000000 unless told\n"
	"  seconds S    how long to send, instead\n"
	"  cpu N        the CPU to send from\n"
	"  json         report as JSON\n"
	"\n"
	"Flow i takes the i-th combination of source port, source address, destination port and\n"
	"destination address, the first of them changing fastest; flows follow each other frame\n"
	"by frame. With 'random' chance says all four, and two flows may be the same. Of a prefix\n"
	"shorter than /31 the first and the last address are left out.\n"
	"Payloads begin with the frame's number, 8 bytes in network order.\n"
	"\n"
	"`dropped` are frames that the driver did not take (a veth: its ring was full), `refused`\n"
	"those that the kernel did not redirect (the device is down, or its MTU too small).\n";

static bool number(const char *text, __u64 low, __u64 high, __u64 *out)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || v < low || v > high)
		return false;
	*out = v;
	return true;
}

static bool mac(const char *text, unsigned char out[ETH_ALEN])
{
	char rest;

	return strlen(text) == 17 &&
	       sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &out[0], &out[1], &out[2],
		       &out[3], &out[4], &out[5], &rest) == 6;
}

static bool ports(const char *text, struct gen_span *out)
{
	char low[32];
	const char *dash = strchr(text, '-');
	__u64 first, last;

	if (strlen(text) >= sizeof(low))
		return false;
	strcpy(low, text);
	if (dash)
		low[dash - text] = '\0';
	if (!number(low, 1, 65535, &first) || !number(dash ? dash + 1 : low, first, 65535, &last))
		return false;
	*out = (struct gen_span){(__u32)first, (__u32)(last - first + 1)};
	return true;
}

static bool prefix(const char *text, struct gen_span *out)
{
	char addr[32];
	const char *slash = strchr(text, '/');
	struct in_addr in;
	__u64 len = 32;
	__u32 hosts;

	if (strlen(text) >= sizeof(addr))
		return false;
	strcpy(addr, text);
	if (slash)
		addr[slash - text] = '\0';
	if (inet_pton(AF_INET, addr, &in) != 1 || (slash && !number(slash + 1, 8, 32, &len)))
		return false;
	hosts = (__u32)((1ULL << (32 - len)) - 1);
	*out = (struct gen_span){ntohl(in.s_addr) & ~hosts, hosts + 1};
	if (len < 31)
		*out = (struct gen_span){out->first + 1, out->count - 2};
	return true;
}

static bool real(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return !*end && *out > 0 && *out <= 86400;
}

/* 1 = taken, 0 = not a word, -1 = not a value for it. */
static int take(struct options *o, const char *word, const char *value)
{
	__u64 cpu;
	bool ok;

	if (!strcmp(word, "dev")) {
		o->dev = value;
		ok = strlen(value) < IF_NAMESIZE;
	} else if (!strcmp(word, "to")) {
		ok = o->have_to = mac(value, o->to);
	} else if (!strcmp(word, "src")) {
		ok = prefix(value, &o->dim[GEN_SRC]);
	} else if (!strcmp(word, "dst")) {
		ok = prefix(value, &o->dim[GEN_DST]);
	} else if (!strcmp(word, "sport")) {
		ok = ports(value, &o->dim[GEN_SPORT]);
	} else if (!strcmp(word, "dport")) {
		ok = ports(value, &o->dim[GEN_DPORT]);
	} else if (!strcmp(word, "flows")) {
		ok = number(value, 1, 1ULL << 32, &o->flows);
	} else if (!strcmp(word, "size")) {
		ok = number(value, GEN_FRAME_MIN, ETH_FRAME_LEN, &o->bytes);
	} else if (!strcmp(word, "rate")) {
		ok = number(value, 1, 100 * 1000 * 1000, &o->rate);
	} else if (!strcmp(word, "count")) {
		ok = o->have_count = number(value, 1, 1ULL << 48, &o->count);
	} else if (!strcmp(word, "seconds")) {
		ok = real(value, &o->seconds);
	} else if (!strcmp(word, "cpu")) {
		ok = number(value, 0, CPU_SETSIZE - 1, &cpu);
		o->cpu = ok ? (int)cpu : -1;
	} else {
		return 0;
	}
	return ok ? 1 : -1;
}

static int usage(const char *fmt, const char *a, const char *b)
{
	fputs("weir-gen: ", stderr);
	fprintf(stderr, fmt, a, b);
	fputs("; see weir-gen --help\n", stderr);
	return -1;
}

static int parse(struct options *o, int argc, char **argv)
{
	__u64 flows = 1;

	for (int i = 1; i < argc; i++) {
		int taken;

		if (!strcmp(argv[i], "json") || !strcmp(argv[i], "random")) {
			*(*argv[i] == 'j' ? &o->json : &o->random) = true;
			continue;
		}
		taken = take(o, argv[i], i + 1 < argc ? argv[i + 1] : "");
		if (!taken)
			return usage("unknown word '%s'", argv[i], "");
		if (i + 1 == argc)
			return usage("'%s' needs a value", argv[i], "");
		if (taken < 0)
			return usage("'%s' is not a value for '%s'", argv[i + 1], argv[i]);
		i++;
	}
	if (!o->dev || !o->have_to)
		return usage("%s is missing", o->dev ? "'to MAC'" : "'dev DEV'", "");
	if (o->have_count && o->seconds > 0)
		return usage("'%s' and '%s' exclude each other", "count", "seconds");
	for (int i = 0; i < GEN_DIMS && flows < o->flows; i++)
		flows *= o->dim[i].count;
	if (o->flows > flows)
		return usage("fewer flows than that differ in ports and addresses", "", "");
	return 0;
}

static int fail(const char *what, int error)
{
	fprintf(stderr, "weir-gen: %s: %s\n", what, strerror(error < 0 ? -error : error));
	return REFUSED;
}

static __u32 sum16(const void *data, size_t bytes)
{
	const __u16 *w = data;
	__u32 sum = 0;

	for (size_t i = 0; i < bytes / 2; i++)
		sum += w[i];
	if (bytes & 1)
		sum += htons((__u16)(((const __u8 *)data)[bytes - 1] << 8));
	return sum;
}

/* The frame with everything in it that no flow changes, and its checksums' constant parts. */
static void build_frame(const struct options *o, struct gen_conf *conf, __u8 *frame)
{
	struct ethhdr *eth = (void *)frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	__u8 *payload = (__u8 *)(udp + 1) + sizeof(__u64);
	__u16 udp_len = (__u16)(o->bytes - sizeof(*eth) - sizeof(*ip));

	memcpy(eth->h_dest, o->to, ETH_ALEN);
	memcpy(eth->h_source, o->from, ETH_ALEN);
	eth->h_proto = htons(ETH_P_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons((__u16)(o->bytes - sizeof(*eth)));
	ip->frag_off = htons(0x4000); /* DF, so that the identification may stay 0 (RFC 6864) */
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	udp->len = htons(udp_len);
	for (__u8 *p = payload; p < frame + o->bytes; p++)
		*p = (__u8)(p - payload);
	conf->ip_sum = sum16(ip, sizeof(*ip));
	conf->udp_sum = sum16(udp, udp_len) + udp->len + htons(IPPROTO_UDP);
}

static int device(struct options *o, struct gen_conf *conf)
{
	struct ifreq req = {0};
	socklen_t len = sizeof(conf->netns_cookie);
	int fd, err = 0;

	conf->ifindex = (int)if_nametoindex(o->dev);
	if (!conf->ifindex)
		return fail(o->dev, errno);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail("socket", errno);
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", o->dev);
	if (ioctl(fd, SIOCGIFHWADDR, &req))
		err = fail(o->dev, errno);
	else if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &conf->netns_cookie, &len))
		err = fail("SO_NETNS_COOKIE", errno);
	memcpy(o->from, req.ifr_hwaddr.sa_data, ETH_ALEN);
	close(fd);
	return err;
}

static int configure(struct options *o, struct gen_bpf *skel)
{
	struct gen_conf conf = {.flows = o->flows, .count = o->count, .bytes = (__u32)o->bytes};
	__u8 frame[sizeof(skel->rodata->frame)] __attribute__((aligned(8))) = {0};
	struct stat pidns;
	int err = device(o, &conf);

	if (err)
		return err;
	if (stat("/proc/self/ns/pid", &pidns))
		return fail("/proc/self/ns/pid", errno);
	conf.pidns_dev = pidns.st_dev;
	conf.pidns_ino = pidns.st_ino;
	conf.tgid = (__u32)getpid();
	if (o->rate)
		conf.interval = ((1000000000ULL << GEN_RATE_SHIFT) + o->rate / 2) / o->rate;
	memcpy(conf.dim, o->dim, sizeof(conf.dim));
	conf.random = o->random;
	build_frame(o, &conf, frame);
	memcpy((void *)&skel->rodata->conf, &conf, sizeof(conf));
	memcpy((void *)skel->rodata->frame, frame, sizeof(frame));
	return 0;
}

/* The next alarm is for a signal that came just before the system call that it was to end. */
static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
	alarm(1);
}

/* Without SA_RESTART: a signal must end the system call that sends. */
static void catch_signals(const struct options *o)
{
	struct sigaction act = {.sa_handler = on_signal};
	struct itimerval timer = {0};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGALRM, &act, NULL);
	sigaction(GEN_SIGNAL_DONE, &act, NULL);
	if (o->seconds <= 0)
		return;
	timer.it_value.tv_sec = (time_t)o->seconds;
	timer.it_value.tv_usec = (suseconds_t)((o->seconds - (double)timer.it_value.tv_sec) * 1e6);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static int send_all(const struct options *o, struct gen_bpf *skel)
{
	struct xdp_md ctx = {
		.data_end = (__u32)o->bytes,
		.ingress_ifindex = (__u32)skel->rodata->conf.ifindex,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = (void *)skel->rodata->frame,
		.data_size_in = (__u32)o->bytes, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		.flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int err, fd = bpf_program__fd(skel->progs.gen);

	catch_signals(o);
	while (!stop && skel->bss->offered < o->count) {
		__u64 left = o->count - skel->bss->offered;

		opts.repeat = left < CHUNK && !o->rate ? (int)left : CHUNK;
		err = bpf_prog_test_run_opts(fd, &opts);
		/* A device that does not poll (a veth without GRO) cannot pose as ingress. */
		if (err == -EINVAL && ctx.ingress_ifindex) {
			ctx.ingress_ifindex = 0;
			continue;
		}
		if (err && err != -EINTR)
			return fail("sending from the kernel (XDP live frames, Linux 5.18)", err);
	}
	return DONE;
}

static void report(const struct options *o, const struct gen_bpf *skel)
{
	const struct gen_bpf__bss *b = skel->bss;
	double seconds = b->sent ? (double)(b->last_ns - b->start_ns) / 1e9 : 0;
	double pps = seconds > 0 ? (double)b->sent / seconds : 0;

	if (o->json)
		printf("{\"dev\": \"%s\", \"bytes\": %llu, \"flows\": %llu, \"offered\": %llu, "
		       "\"sent\": %llu, \"dropped\": %llu, \"refused\": %llu, \"start_ns\": %llu, "
		       "\"end_ns\": %llu, \"seconds\": %.6f, \"pps\": %.0f}\n",
			o->dev, o->bytes, o->flows, b->offered, b->sent, b->dropped, b->refused,
			b->start_ns, b->last_ns, seconds, pps);
	else
		printf("sent %llu frames of %llu bytes in %.3f s, %.0f a second; dropped %llu, "
		       "refused %llu\n",
			b->sent, o->bytes, seconds, pps, b->dropped, b->refused);
}

static int pin_to(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? fail("cpu", errno) : 0;
}

static int load(struct gen_bpf *skel)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	int err = gen_bpf__load(skel);

	if (err)
		return fail("loading the BPF programs", err);
	err = bpf_prog_get_info_by_fd(bpf_program__fd(skel->progs.gen), &info, &len);
	if (err)
		return fail("asking for the program's id", err);
	skel->bss->self_id = info.id;
	err = gen_bpf__attach(skel);
	return err ? fail("attaching to the XDP tracepoints", err) : 0;
}

int main(int argc, char **argv)
{
	struct options o = {
		.dim = {{1024, 65535 - 1024 + 1}, {0xc6120001, 1}, {9, 1}, {0xc6130001, 1}},
		.flows = 1,
		.bytes = GEN_FRAME_MIN,
		.cpu = -1,
	};
	struct gen_bpf *skel;
	int status;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(help, stdout);
		return DONE;
	}
	if (parse(&o, argc, argv))
		return USAGE;
	if (!o.have_count)
		o.count = o.seconds > 0 ? ~0ULL : 1000000;
	skel = gen_bpf__open();
	if (!skel)
		return fail("opening the BPF programs", errno);
	bpf_program__set_autoattach(skel->progs.gen, false);
	status = pin_to(o.cpu);
	if (!status)
		status = configure(&o, skel);
	if (!status)
		status = load(skel);
	if (!status)
		status = send_all(&o, skel);
	if (!status)
		report(&o, skel);
	gen_bpf__destroy(skel);
	return status;
}
