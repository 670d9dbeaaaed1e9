// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets on the kernel's own road, until told to stop; and those of a file, once more. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "cmd/cmd.h"
#include "ctl/kernel_trace.h"
#include "out/doc_trace.h"

#define SECOND_NS    1000000000ull
#define RATE_DEFAULT 1000

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

struct trace {
	struct weir_run *run;
	struct weir_err *err;
	struct weir_tracing *tracing;
	struct weir_traces *traces;
	struct weir_trace_names names;
	__u64 left, shown;
	__u64 offset_ns; /* from CLOCK_MONOTONIC to the time of day */
	FILE *write;
	struct weir_pcapng pcapng;
	int failed;
};

static int on_packet(void *ctx, const struct weir_traced *p)
{
	struct trace *t = ctx;
	json_t *doc = weir_doc_traced(p, &t->names, t->offset_ns);

	if (t->write && doc) {
		t->failed = weir_write_traced(&t->pcapng, p, doc);
		json_decref(doc);
		if (t->failed)
			weir_fail(t->err, WEIR_REFUSED, t->failed, "writing packets");
	} else {
		t->failed = weir_show(&t->run->face, doc, weir_text_traced, t->err);
	}
	t->shown++;
	return t->failed || !--t->left ? -ECANCELED : 0;
}

static int on_event(void *ctx, const struct weir_trace_event *event)
{
	struct trace *t = ctx;

	t->failed = weir_traces_add(t->traces, event);
	if (t->failed)
		weir_fail(t->err, WEIR_REFUSED, t->failed, "keeping events");
	return t->failed ? -ECANCELED : 0;
}

/* Hands on what is complete, and brings it out. */
static int pass(struct trace *t, bool all)
{
	int ret = weir_traces_pass(t->traces, weir_now_ns(), all);

	if (!ret && !t->write)
		ret = weir_flush(t->run->face.file, t->err);
	return ret;
}

/* Reads until the count, the time or a signal ends it. */
static int loop(struct trace *t, __u64 end_ns)
{
	int ret = 0;

	while (!ret && !stopped && weir_now_ns() < end_ns) {
		ret = weir_tracing_poll(t->tracing, 50, on_event, t, t->err);
		if (ret == -EINTR)
			ret = 0;
		if (!ret)
			ret = pass(t, false);
	}
	if (!ret) /* what was seen before the end is shown or counted, too */
		ret = weir_tracing_drain(t->tracing, on_event, t, t->err);
	if (!ret)
		ret = pass(t, true);
	if (t->failed)
		return t->failed;
	if (ret == -ECANCELED)
		ret = t->write ? 0 : weir_flush(t->run->face.file, t->err);
	return ret > 0 ? 0 : ret; /* nobody reads any more: no failure */
}

/* How it ended goes to stderr: stdout is for packets. */
static int finish(struct trace *t, const char *path)
{
	struct weir_trace_losses l;
	int ret = 0;

	weir_tracing_losses(t->tracing, &l);
	if (t->write) {
		ret = weir_pcapng_end(&t->pcapng, weir_wall_ns(), l.full + l.lost + l.missed, l.limited);
		if (!ret && fflush(t->write))
			ret = -errno;
	}
	fprintf(stderr,
		"weir: %" PRIu64 " packets%s%s; not followed: %" PRIu64
		" for want of room, %" PRIu64 " to the limit of the rate; events lost: %" PRIu64
		" for want of room, %" PRIu64 " to interruptions\n",
		(uint64_t)t->shown, path ? " written to " : "", path ? path : "", (uint64_t)l.full,
		(uint64_t)l.limited, (uint64_t)l.lost, (uint64_t)l.missed);
	return ret ? weir_fail(t->err, WEIR_REFUSED, ret, "writing %s", path) : 0;
}

struct wish {
	struct weir_trace_wish trace;
	const char *path;
	uint64_t count, time_ns;
	char expr[1024];
};

/* The words of the expression, with blanks between. */
static int join(const struct weir_args *args, struct wish *w, struct weir_err *err)
{
	size_t used = 0;

	for (unsigned int i = 0; i < args->nr_plain; i++) {
		used += (size_t)snprintf(w->expr + used, sizeof(w->expr) - used, "%s%s",
			i ? " " : "", args->plain[i]);
		if (used >= sizeof(w->expr))
			return weir_fail(err, WEIR_USAGE, 0, "the expression is longer than %zu",
				sizeof(w->expr) - 1);
	}
	w->trace.expr = args->nr_plain ? w->expr : NULL;
	return 0;
}

static int parse(const struct weir_args *args, struct wish *w, struct weir_err *err)
{
	const char *count = weir_arg(args, "count"), *seconds = weir_arg(args, "seconds");
	const char *rate = weir_arg(args, "rate");
	uint64_t per_s = RATE_DEFAULT;

	*w = (struct wish){.path = weir_arg(args, "write"),
		.count = UINT64_MAX,
		.time_ns = 365 * 86400 * SECOND_NS};
	w->trace.dev = weir_arg(args, "dev");
	w->trace.netns = weir_arg(args, "netns");
	if (weir_arg(args, "sample"))
		return weir_fail(err, WEIR_USAGE, 0,
			"'sample' goes with 'plane fast': an expression and 'rate' choose packets "
			"of "
			"the kernel's");
	if (count && !weir_parse_u64(count, 1, UINT32_MAX, &w->count))
		return weir_fail(
			err, WEIR_USAGE, 0, "'%s' is no number of packets: 1 to 4294967295", count);
	if (seconds && !weir_parse_seconds(seconds, SECOND_NS / 10, 86400 * SECOND_NS, &w->time_ns))
		return weir_fail(
			err, WEIR_USAGE, 0, "'%s' is no number of seconds: 0.1 to 86400", seconds);
	if (rate && !weir_parse_u64(rate, 1, 1000000, &per_s))
		return weir_fail(err, WEIR_USAGE, 0,
			"'%s' is no number of packets in a second: 1 to 1000000", rate);
	w->trace.rate = (__u32)per_s;
	return join(args, w, err);
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

static void say_stages(const struct trace *t)
{
	char seen[512], unseen[512];

	weir_trace_stages(weir_tracing_points(t->tracing), true, seen, sizeof(seen));
	weir_trace_stages(weir_tracing_points(t->tracing), false, unseen, sizeof(unseen));
	fprintf(stderr, "weir: tracing packets of the kernel plane; ^C ends it\n");
	fprintf(stderr, "weir: stages seen: %s; drops anywhere%s%s\n", seen,
		*unseen ? "; this kernel does not show: " : "", unseen);
}

static int trace(struct trace *t, const struct wish *w)
{
	struct sigaction action = {.sa_handler = stop}, old_int, old_term;
	int ret = weir_tracing_open(t->run->ns, &w->trace, &t->tracing, t->err);

	if (ret)
		return ret;
	t->names = weir_tracing_names(t->tracing);
	t->offset_ns = weir_wall_ns() - weir_now_ns();
	t->left = w->count;
	stopped = 0;
	sigaction(SIGINT, &action, &old_int);
	sigaction(SIGTERM, &action, &old_term);
	t->traces = weir_traces_new(on_packet, t);
	ret = t->traces ? open_file(t, w->path)
			: weir_fail(t->err, WEIR_REFUSED, -ENOMEM, "opening the trace");
	if (!ret) {
		say_stages(t);
		ret = loop(t, weir_now_ns() + w->time_ns);
	}
	if (!ret)
		ret = finish(t, w->path);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	weir_traces_free(t->traces);
	weir_tracing_close(t->tracing);
	if (t->write && t->write != t->run->face.file && fclose(t->write) && !ret)
		ret = weir_fail(t->err, WEIR_REFUSED, -errno, "writing %s", w->path);
	return ret;
}

int weir_trace_kernel(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct trace t = {.run = run, .err = err};
	struct wish w;
	int ret = parse(args, &w, err);

	if (!ret)
		ret = weir_enter(run, err);
	return ret ? ret : trace(&t, &w);
}

/* --- trace read --- */

struct replay {
	struct weir_run *run;
	struct weir_err *err;
};

static int on_read(void *ctx, json_t *doc)
{
	struct replay *r = ctx;
	int ret = weir_show(&r->run->face, doc, weir_text_traced, r->err);

	return ret ? ret : ferror(r->run->face.file) ? -EIO : 0;
}

int weir_trace_read_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	const char *path = weir_arg_plain(args);
	struct replay r = {.run = run, .err = err};
	struct weir_pcapng_losses losses;
	FILE *file = path ? fopen(path, "re") : stdin;
	int ret;

	if (!file) {
		enum weir_status status = errno == ENOENT ? WEIR_NOT_FOUND : WEIR_REFUSED;

		return weir_fail(err, status, -errno, "opening %s", path);
	}
	ret = weir_pcapng_read(file, path ? path : "standard input", on_read, &r, &losses, err);
	if (path)
		fclose(file);
	if (!ret)
		fprintf(stderr, "weir: %" PRIu64 " packets; not captured: %" PRIu64 "\n",
			(uint64_t)losses.packets, (uint64_t)losses.dropped);
	return ret;
}
