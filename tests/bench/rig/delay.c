// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whether times of stages are true: their sum must be what packets take from end to end, and a
 * delay that is put into one stage must be seen in that one, whole, and in no other.
 *
 * Packets go one by one, each when the one before has ended, but for the queue's: there a burst
 * waits for tokens, the i-th packet as long as i packets take at the rate. What is known of a delay
 * is measured where it is made.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "bench.h"
#include "delay.skel.h"
#include "peers.skel.h"

enum {
	PACKETS = 2000,
	BURSTS = 20,
	BURST = 20,
	PORT = 9,
	BUSY_NS = 20000,
	LATE_US = 200,
	STAGES_MAX = 128,
	TRIES = 10, /* a packet that a tracepoint does not tell of has the run made again */
	ENDS = 4, /* programs that see packets enter or leave */
};

/* The token bucket's: a packet takes 1 ms. The bucket holds one, and a bit more. */
#define TBF_RATE   1514000 /* bytes a second */
#define TBF_PACKET 1514
#define TBF_BUCKET 1540
#define TBF	   "tc qdisc replace dev r1 root handle 1: tbf rate 12112kbit burst 1540 limit 1000000"
#define FIFO	   "tc qdisc replace dev r1 root handle 1: pfifo limit 1000"
#define NO_QDISC   "tc qdisc del dev r1 root"

/* Of one device and stage. */
struct stage {
	char device[16], name[32];
	double p50_ns, total_ns;
	__u64 samples;
};

struct times {
	struct stage stage[STAGES_MAX];
	int nr;
	double end_to_end_ns; /* a packet, measured without weir */
	double known_ns;      /* the delay, a packet */
	__u64 packets;
};

struct test {
	const char *name, *stage;
	bool forwarded, burst;
	const char *prog;	    /* of delay.bpf.c */
	const char *without, *with; /* commands at the router */
	__u32 late_us;		    /* the reader's */
};

static const struct test tests[] = {
	{"delay/receive/tcx_pass", "tc_ingress", .prog = "delay_pass"},
	{"delay/receive/tcx_next", "tc_ingress", .prog = "delay_next"},
	{"delay/receive/reader", "sock_recv", .late_us = LATE_US},
	{"delay/forward/tcx_pass", "tc_ingress", .prog = "delay_pass", .forwarded = true},
	{"delay/forward/tcx_next", "tc_ingress", .prog = "delay_next", .forwarded = true},
	{"delay/forward/tbf", "qdisc", .without = FIFO, .with = TBF, .forwarded = true,
		.burst = true},
};

/* --- packets --- */

static int udp_in(const struct rig *rig, int netns, const struct sockaddr_in *at)
{
	int fd, err;

	if (setns(netns, CLONE_NEWNET))
		return rig_fail("setns", errno);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	err = fd < 0 || (at && bind(fd, (const struct sockaddr *)at, sizeof(*at)))
		      ? rig_fail("a socket", errno)
		      : 0;
	if (setns(rig->home, CLONE_NEWNET) && !err)
		err = rig_fail("setns", errno);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

/* Delivery is over when send() returns: all is on one core. */
static int one_by_one(
	const struct test *test, int out, int in, const struct sockaddr_in *to, double *late_ns)
{
	char data[18] = {0};

	for (int i = 0; i < PACKETS && !rig_interrupted; i++) {
		__u64 sent;

		if (sendto(out, data, sizeof(data), 0, (const struct sockaddr *)to, sizeof(*to)) <
			0)
			return rig_fail("sendto", errno);
		sent = rig_now_ns();
		if (test->late_us && late_ns)
			usleep(test->late_us);
		if (late_ns)
			*late_ns += (double)(rig_now_ns() - sent) / PACKETS;
		if (in >= 0 && recv(in, data, sizeof(data), MSG_DONTWAIT) < 0)
			return rig_fail("the packet did not come", errno);
	}
	return rig_interrupted ? -EINTR : 0;
}

static int send_singly(struct rig *rig, const struct test *test, bool with, struct times *t)
{
	const struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in to = local;
	int out = udp_in(rig, rig->client, NULL);
	int in = test->forwarded ? -1 : udp_in(rig, rig->router, &local);
	int err = out < 0 ? out : 0;

	if (!err && in < 0 && !test->forwarded)
		err = in;
	to.sin_addr.s_addr = inet_addr(test->forwarded ? "198.51.100.1" : "192.0.2.254");
	if (!err)
		err = one_by_one(test, out, in, &to, with && test->late_us ? &t->known_ns : NULL);
	t->packets = PACKETS;
	if (out >= 0)
		close(out);
	if (in >= 0)
		close(in);
	return err;
}

static int send_bursts(struct rig *rig, bool with, struct times *t)
{
	const struct load load = {.flows = 1, .bytes = TBF_PACKET, .count = BURST};
	const double unit = 1e9 * TBF_PACKET / TBF_RATE;
	const double spare = 1e9 * (TBF_BUCKET - TBF_PACKET) / TBF_RATE;
	struct outcome out;
	int err = 0;

	for (int i = 0; i < BURSTS && !err && !rig_interrupted; i++) {
		err = rig_run(rig, &load, &out);
		t->packets += out.received;
		usleep(2 * (useconds_t)(unit / 1e3)); /* tokens are there again */
	}
	for (int i = 1; i < BURST && with; i++)
		t->known_ns += (i * unit - spare) / BURST;
	return err;
}

/* --- what weir says --- */

static double real(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static int read_stages(const struct rig *rig, struct times *t)
{
	json_t *root = rig_kernel_path(rig), *dev, *s;
	size_t d, i;

	json_array_foreach (json_object_get(root, "devices"), d, dev) {
		const char *device = json_string_value(json_object_get(dev, "device"));

		/* the machine's own times are no packet's */
		if (!json_integer_value(json_object_get(dev, "ifindex")) && strcmp(device, "-"))
			continue;
		json_array_foreach (json_object_get(dev, "stages"), i, s) {
			struct stage *to = &t->stage[t->nr];

			if (real(s, "samples") <= 0 || t->nr == STAGES_MAX)
				continue;
			snprintf(to->device, sizeof(to->device), "%s", device);
			snprintf(to->name, sizeof(to->name), "%s",
				json_string_value(json_object_get(s, "stage")));
			to->p50_ns = real(s, "p50_ns");
			to->total_ns = real(s, "total_ns");
			to->samples = (__u64)real(s, "samples");
			t->nr++;
		}
	}
	json_decref(root);
	return t->nr ? 0 : -EPROTO;
}

/* --- one run --- */

static int ifindex_in(const struct rig *rig, int netns, const char *dev)
{
	int index = 0;

	if (!setns(netns, CLONE_NEWNET))
		index = (int)if_nametoindex(dev);
	if (setns(rig->home, CLONE_NEWNET))
		return 0;
	return index;
}

static int at_router(const struct rig *rig, const char *command)
{
	char out[1024];
	char *argv[] = {"sh", "-c", (char *)command, NULL};
	int err = command ? rig_spawn(rig->router, argv, out, sizeof(out)) : 0;

	if (err)
		fprintf(stderr, "bench: %s: %s\n", command, out);
	return err;
}

static int watch_ends(struct delay_bpf *prog, struct bpf_link *link[ENDS])
{
	link[0] = bpf_program__attach(prog->progs.enter_by_gro);
	link[1] = bpf_program__attach(prog->progs.enter_by_backlog);
	link[2] = bpf_program__attach(prog->progs.leave_by_dev);
	link[3] = bpf_program__attach(prog->progs.leave_by_sock);
	return link[0] && link[1] && link[2] && link[3] ? 0 : rig_fail("tracepoints", errno);
}

static int run(struct rig *rig, const struct test *test, bool with, struct times *t)
{
	struct delay_bpf *prog = delay_bpf__open_and_load();
	struct bpf_link *link[ENDS] = {NULL}, *delay = NULL;
	int err = prog ? 0 : rig_fail("loading the delay", errno);

	memset(t, 0, sizeof(*t));
	if (err)
		return err;
	prog->bss->cookie = rig->peers->bss->lab_cookie[1];
	prog->bss->in_ifindex = ifindex_in(rig, rig->router, "r0");
	prog->bss->out_ifindex = test->forwarded ? ifindex_in(rig, rig->router, "r1") : 0;
	prog->bss->delay_ns = with ? BUSY_NS : 0;
	/* a program that takes no time stands for the one that does */
	if (test->prog)
		err = rig_attach(rig, rig->router,
			bpf_object__find_program_by_name(prog->obj, test->prog), "r0", &delay);
	if (!err)
		err = at_router(rig, with ? test->with : test->without);
	if (!err)
		err = rig_peer_on(rig, PEER_K_FULL);
	if (!err)
		err = watch_ends(prog, link);
	if (!err)
		err = test->burst ? send_bursts(rig, with, t) : send_singly(rig, test, with, t);
	if (!err)
		err = read_stages(rig, t);
	if (!err && (prog->bss->sums.entered != t->packets || prog->bss->sums.left != t->packets)) {
		fprintf(stderr, "bench: %s: of %llu packets %llu came and %llu went; again\n",
			test->name, t->packets, prog->bss->sums.entered, prog->bss->sums.left);
		err = -EAGAIN;
	}
	t->end_to_end_ns =
		(double)(prog->bss->sums.left_ns - prog->bss->sums.entered_ns) / (double)t->packets;
	if (with && test->prog)
		t->known_ns = (double)prog->bss->sums.delayed_ns / (double)t->packets;
	for (int i = 0; i < ENDS; i++)
		bpf_link__destroy(link[i]);
	bpf_link__destroy(delay);
	delay_bpf__destroy(prog);
	if (rig_peer_off(rig) && !err)
		err = -EIO;
	if (test->with && at_router(rig, NO_QDISC) && !err)
		err = -EIO;
	return err;
}

/* --- verdicts --- */

static const struct stage *same(const struct times *t, const struct stage *as)
{
	for (int i = 0; i < t->nr; i++)
		if (!strcmp(t->stage[i].device, as->device) && !strcmp(t->stage[i].name, as->name))
			return &t->stage[i];
	return NULL;
}

/* How much longer each packet was in the delayed stage, and the other stage whose middle moved
 * most. */
static double compare(const struct test *test, const struct times *without,
	const struct times *with, double *moved, const char **most)
{
	double longer = 0;

	*moved = 0;
	*most = "";
	for (int i = 0; i < with->nr; i++) {
		const struct stage *b = &with->stage[i], *a = same(without, b);
		double by = b->p50_ns - (a ? a->p50_ns : 0);

		if (!strcmp(b->name, test->stage)) {
			longer += b->total_ns / (double)with->packets -
				  (a ? a->total_ns / (double)without->packets : 0);
		} else if (fabs(by) > *moved) {
			*moved = fabs(by);
			*most = b->name;
		}
	}
	return longer;
}

static double sum_of(const struct times *t)
{
	double sum = 0;

	for (int i = 0; i < t->nr; i++)
		sum += t->stage[i].total_ns;
	return sum / (double)t->packets;
}

static int measure(struct rig *rig, const struct test *test, bool with, struct times *t)
{
	int err = -EAGAIN;

	for (int i = 0; i < TRIES && err == -EAGAIN; i++)
		err = run(rig, test, with, t);
	return err;
}

static int one(struct rig *rig, const struct test *test, struct report *report)
{
	static struct times without, with;
	struct delay_figures f = {.name = test->name, .stage = test->stage};
	int err = measure(rig, test, false, &without);

	if (!err)
		err = measure(rig, test, true, &with);
	if (err)
		return err;
	f.known_ns = with.known_ns;
	f.seen_ns = compare(test, &without, &with, &f.moved_ns, &f.moved);
	f.sum_ns = sum_of(&without);
	f.end_to_end_ns = without.end_to_end_ns;
	f.sum_delayed_ns = sum_of(&with);
	f.end_to_end_delayed_ns = with.end_to_end_ns;
	report_delay(report, &f);
	return 0;
}

int bench_delay(struct rig *rig, const struct bench *bench, struct report *report)
{
	int err = 0;

	if (!bench->peer[PEER_K_FULL])
		return 0;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]) && !err; i++) {
		if (!bench_wants(bench, tests[i].name))
			continue;
		err = rig_warm(rig);
		if (!err)
			err = one(rig, &tests[i], report);
	}
	return err;
}
