// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets as the fast plane meets them, until told to stop; those of the kernel's are
 * trace_kernel.c's. */
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

#include "base/num.h"
#include "cmd/tracer.h"
#include "out/doc.h"

struct fast {
	struct weir_tracer t;
	struct weir_capturing *captures;
	__u32 only; /* ifindex; 0 = all devices */
	__u32 every;
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
	struct fast *f = ctx;
	__u64 wall_ns = c->time_ns + f->t.offset_ns;
	int rc;

	if (f->only && c->ifindex != f->only)
		return 0;
	if (f->t.write) {
		weir_capture_words(c, out, words, sizeof(words));
		rc = weir_pcapng_packet(&f->t.pcapng, c, wall_ns, dev, words);
		if (rc)
			weir_tracer_write_failed(&f->t, rc);
	} else {
		rc = weir_show(&f->t.run->face, weir_doc_capture(c, wall_ns, dev, out),
			weir_text_capture, f->t.err);
	}
	return weir_tracer_shown(&f->t, rc);
}

static void say(struct weir_tracer *t)
{
	const struct fast *f = (void *)t;

	fprintf(stderr, "weir: capturing 1 packet in %" PRIu32 " of the fast plane; ^C ends it\n",
		f->every);
}

static int wait_for_packets(struct weir_tracer *t)
{
	struct fast *f = (void *)t;

	return weir_capture_poll(f->captures, 100, on_packet, f, t->err);
}

static int drain(struct weir_tracer *t)
{
	struct fast *f = (void *)t;

	return weir_capture_drain(f->captures, on_packet, f, t->err);
}

static void losses(struct weir_tracer *t, struct weir_tracer_losses *l)
{
	const struct fast *f = (void *)t;

	weir_capture_losses(f->captures, &l->full, &l->limited);
	snprintf(l->words, sizeof(l->words),
		"not captured: %" PRIu64 " for want of room, %" PRIu64 " to the limit of the rate",
		(uint64_t)l->full, (uint64_t)l->limited);
}

static int parse(const struct weir_args *args, struct fast *f, struct weir_err *err)
{
	const char *plane = weir_arg(args, "plane"), *sample = weir_arg(args, "sample");

	if (plane && strcmp(plane, "fast")) {
		int ret = weir_fail(err, WEIR_REFUSED, 0,
			"the %s plane is not observed in this version", plane);

		weir_remedy(err, "weir trace plane fast");
		return ret;
	}
	if (args->nr_plain || weir_arg(args, "netns") || weir_arg(args, "rate"))
		return weir_fail(err, WEIR_USAGE, 0,
			"an expression, 'netns' and 'rate' go with 'plane kernel'");
	f->every = 1;
	if (sample && !weir_parse_ratio(sample, &f->every))
		return weir_fail(err, WEIR_USAGE, 0,
			"'%s' is no share of packets: 1/N, N from 1 to 2147483648", sample);
	return weir_tracer_parse(&f->t, args, err);
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

int weir_trace_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct fast f = {.t = {.run = run,
				 .err = err,
				 .say = say,
				 .poll = wait_for_packets,
				 .drain = drain,
				 .losses = losses}};
	const char *plane = weir_arg(args, "plane");
	int ret;

	if (plane && !strcmp(plane, "kernel"))
		return weir_trace_kernel(run, args, err);
	ret = parse(args, &f, err);
	if (!ret)
		ret = weir_enter(run, err);
	if (!ret && f.t.dev)
		ret = find_dev(run, f.t.dev, &f.only, err);
	if (!ret)
		ret = weir_capture_open(run->ns, f.every, &f.captures, err);
	if (!ret)
		ret = weir_tracer_run(&f.t);
	weir_capture_close(f.captures);
	return ret;
}
