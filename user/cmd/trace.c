// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets as the fast plane meets them, until told to stop; those of the kernel's are
 * trace_kernel.c's. */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "cmd/cmd.h"
#include "out/doc.h"
#include "out/pcapng.h"

#define SECOND_NS 1000000000ull

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

struct trace {
	struct weir_run *run;
	struct weir_err *err;
	__u32 only; /* ifindex; 0 = all devices */
	__u64 left; /* packets to go */
	__u64 shown;
	__u64 offset_ns; /* from CLOCK_MONOTONIC to the time of day */
	FILE *write;
	struct weir_pcapng pcapng;
	int failed;
};

/* Today's name, or the number of one that is gone. */
static const char *dev_name(__u32 ifindex, char buf[IFNAMSIZ])
{
	if (!ifindex)
		return "";
	if (!if_indextoname(ifindex, buf))
		snprintf(buf, IFNAMSIZ, "if%" PRIu32, ifindex);
	return buf;
}

static int on_packet(void *ctx, const struct weir_capture *c)
{
	char dev_buf[IFNAMSIZ], out_buf[IFNAMSIZ], words[128];
	const char *dev = dev_name(c->ifindex, dev_buf), *out = dev_name(c->oif, out_buf);
	struct trace *t = ctx;
	__u64 wall_ns = c->time_ns + t->offset_ns;

	if (t->only && c->ifindex != t->only)
		return 0;
	if (t->write) {
		weir_capture_words(c, out, words, sizeof(words));
		t->failed = weir_pcapng_packet(&t->pcapng, c, wall_ns, dev, words);
		if (t->failed)
			weir_fail(t->err, WEIR_REFUSED, t->failed, "writing packets");
	} else {
		t->failed = weir_show(&t->run->face, weir_doc_capture(c, wall_ns, dev, out),
			weir_text_capture, t->err);
	}
	t->shown++;
	return t->failed || !--t->left ? -ECANCELED : 0;
}

/* Reads until the count, the time or a signal ends it. */
static int loop(struct trace *t, struct weir_capturing *c, __u64 end_ns)
{
	int ret = 0;

	while (!ret && !stopped && weir_now_ns() < end_ns) {
		ret = weir_capture_poll(c, 100, on_packet, t, t->err);
		if (ret == -EINTR)
			ret = 0;
		if (!ret && !t->write)
			ret = weir_flush(t->run->face.file, t->err);
	}
	if (!ret) /* what was captured before the end is shown or counted, too */
		ret = weir_capture_drain(c, on_packet, t, t->err);
	if (!ret && !t->write)
		ret = weir_flush(t->run->face.file, t->err);
	if (t->failed)
		return t->failed;
	return ret == -ECANCELED ? 0 : ret;
}

/* How it ended goes to stderr: stdout is for packets. */
static int finish(struct trace *t, const struct weir_capturing *c, const char *path)
{
	__u64 full, limited;
	int ret = 0;

	weir_capture_losses(c, &full, &limited);
	if (t->write) {
		ret = weir_pcapng_end(&t->pcapng, weir_wall_ns(), full, limited);
		if (!ret && fflush(t->write))
			ret = -errno;
	}
	fprintf(stderr,
		"weir: %" PRIu64 " packets%s%s; not captured: %" PRIu64
		" for want of room, %" PRIu64 " to the limit of the rate\n",
		(uint64_t)t->shown, path ? " written to " : "", path ? path : "", (uint64_t)full,
		(uint64_t)limited);
	return ret ? weir_fail(t->err, WEIR_REFUSED, ret, "writing %s", path) : 0;
}

struct wish {
	const char *dev, *path;
	uint32_t every;
	uint64_t count, time_ns;
};

static int parse(const struct weir_args *args, struct wish *w, struct weir_err *err)
{
	const char *plane = weir_arg(args, "plane"), *sample = weir_arg(args, "sample");
	const char *count = weir_arg(args, "count"), *seconds = weir_arg(args, "seconds");

	*w = (struct wish){.dev = weir_arg(args, "dev"),
		.path = weir_arg(args, "write"),
		.every = 1,
		.count = UINT64_MAX,
		.time_ns = 365 * 86400 * SECOND_NS};
	if (plane && strcmp(plane, "fast")) {
		int ret = weir_fail(err, WEIR_REFUSED, 0,
			"the %s plane is not observed in this version", plane);

		weir_remedy(err, "weir trace plane fast");
		return ret;
	}
	if (args->nr_plain || weir_arg(args, "netns") || weir_arg(args, "rate"))
		return weir_fail(err, WEIR_USAGE, 0,
			"an expression, 'netns' and 'rate' go with 'plane kernel'");
	if (sample && !weir_parse_ratio(sample, &w->every))
		return weir_fail(err, WEIR_USAGE, 0,
			"'%s' is no share of packets: 1/N, N from 1 to 2147483648", sample);
	if (count && !weir_parse_u64(count, 1, UINT32_MAX, &w->count))
		return weir_fail(
			err, WEIR_USAGE, 0, "'%s' is no number of packets: 1 to 4294967295", count);
	if (seconds && !weir_parse_seconds(seconds, SECOND_NS / 10, 86400 * SECOND_NS, &w->time_ns))
		return weir_fail(
			err, WEIR_USAGE, 0, "'%s' is no number of seconds: 0.1 to 86400", seconds);
	return 0;
}

/* A device must be attached for its packets to be seen. */
static int find_dev(struct weir_run *run, const char *name, __u32 *ifindex, struct weir_err *err)
{
	struct weir_snapshot snap;
	int ret = weir_read(run, name, false, &snap, err);

	if (ret)
		return ret;
	for (unsigned int i = 0; i < snap.nr_devs; i++)
		if (!strcmp(snap.devs[i].name, name))
			*ifindex = snap.devs[i].conf.ifindex;
	weir_snapshot_done(&snap);
	return 0;
}

static int open_file(struct trace *t, const char *path)
{
	int ret;

	if (!path)
		return 0;
	t->write = strcmp(path, "-") ? fopen(path, "we") : t->run->face.file;
	ret = t->write ? weir_pcapng_begin(&t->pcapng, t->write) : -errno;
	if (ret)
		weir_fail(t->err, WEIR_REFUSED, ret, "opening %s", path);
	return ret;
}

static int trace(struct trace *t, const struct wish *w)
{
	struct sigaction action = {.sa_handler = stop}, old_int, old_term;
	struct weir_capturing *c = NULL;
	int ret;

	t->offset_ns = weir_wall_ns() - weir_now_ns();
	ret = weir_capture_open(t->run->ns, w->every, &c, t->err);
	if (ret)
		return ret;
	stopped = 0;
	sigaction(SIGINT, &action, &old_int);
	sigaction(SIGTERM, &action, &old_term);
	ret = open_file(t, w->path);
	if (!ret)
		fprintf(stderr,
			"weir: capturing 1 packet in %" PRIu32 " of the fast plane; ^C ends it\n",
			w->every);
	if (!ret)
		ret = loop(t, c, weir_now_ns() + w->time_ns);
	if (!ret)
		ret = finish(t, c, w->path);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	weir_capture_close(c);
	if (t->write && t->write != t->run->face.file && fclose(t->write) && !ret)
		ret = weir_fail(t->err, WEIR_REFUSED, -errno, "writing %s", w->path);
	return ret;
}

int weir_trace_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct trace t = {.run = run, .err = err};
	const char *plane = weir_arg(args, "plane");
	struct wish w;
	int ret;

	if (plane && !strcmp(plane, "kernel"))
		return weir_trace_kernel(run, args, err);
	ret = parse(args, &w, err);
	if (!ret)
		ret = weir_enter(run, err);
	if (!ret && w.dev)
		ret = find_dev(run, w.dev, &t.only, err);
	if (ret)
		return ret;
	t.left = w.count;
	return trace(&t, &w);
}
