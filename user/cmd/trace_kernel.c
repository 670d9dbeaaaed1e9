// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets on the kernel's own road, until told to stop; and those of a file, once more. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "cmd/tracer.h"
#include "ctl/kernel_trace.h"
#include "out/doc_trace.h"

#define RATE_DEFAULT 1000

struct kernel {
	struct weir_tracer t;
	struct weir_tracing *tracing;
	struct weir_traces *traces;
	struct weir_trace_names names;
	struct weir_trace_wish wish;
	char expr[1024];
};

static int on_packet(void *ctx, const struct weir_traced *p)
{
	struct kernel *k = ctx;
	json_t *doc = weir_doc_traced(p, &k->names, k->t.offset_ns);
	int rc;

	if (k->t.write && doc) {
		rc = weir_write_traced(&k->t.pcapng, p, doc);
		json_decref(doc);
		if (rc)
			weir_tracer_write_failed(&k->t, rc);
	} else {
		rc = weir_show(&k->t.run->face, doc, weir_text_traced, k->t.err);
	}
	return weir_tracer_shown(&k->t, rc);
}

static int on_event(void *ctx, const struct weir_trace_event *event)
{
	struct kernel *k = ctx;

	k->t.failed = weir_traces_add(k->traces, event);
	if (k->t.failed)
		weir_fail(k->t.err, WEIR_REFUSED, k->t.failed, "keeping events");
	return k->t.failed ? -ECANCELED : 0;
}

static int wait_for_packets(struct weir_tracer *t)
{
	struct kernel *k = (void *)t;
	int ret = weir_tracing_poll(k->tracing, 50, on_event, k, t->err);

	return ret && ret != -EINTR ? ret : weir_traces_pass(k->traces, weir_now_ns(), false);
}

static int drain(struct weir_tracer *t)
{
	struct kernel *k = (void *)t;
	int ret = weir_tracing_drain(k->tracing, on_event, k, t->err);

	return ret ? ret : weir_traces_pass(k->traces, weir_now_ns(), true);
}

static void losses(struct weir_tracer *t, struct weir_tracer_losses *to)
{
	struct kernel *k = (void *)t;
	struct weir_trace_losses l;
	__u64 unshown = weir_traces_limited(k->traces);
	int n;

	weir_tracing_losses(k->tracing, &l);
	to->full = l.full + l.lost + l.missed + l.fast_full;
	to->limited = l.limited + l.fast_limited + unshown;
	n = snprintf(to->words, sizeof(to->words),
		"not followed: %" PRIu64 " for want of room, %" PRIu64
		" to the limit of the rate; events lost: %" PRIu64 " for want of room, %" PRIu64
		" to interruptions",
		(uint64_t)l.full, (uint64_t)l.limited, (uint64_t)l.lost, (uint64_t)l.missed);
	if (weir_tracing_fast(k->tracing))
		n += snprintf(to->words + n, sizeof(to->words) - (size_t)n,
			"; verdicts of the fast plane lost: %" PRIu64 " for want of room, %" PRIu64
			" to their own rate, %" PRIu64 " to that of packets",
			(uint64_t)l.fast_full, (uint64_t)l.fast_limited, (uint64_t)unshown);
	if (l.blind)
		snprintf(to->words + n, sizeof(to->words) - (size_t)n,
			"; not all could be matched: the expression asks for bytes beyond the "
			"first %d, or in pages, as TCP's data is",
			WEIR_EXPR_BYTES);
}

static void say(struct weir_tracer *t)
{
	const struct kernel *k = (void *)t;
	const struct weir_notes *notes = weir_tracing_notes(k->tracing);
	unsigned int fast = weir_tracing_fast(k->tracing);
	char seen[512], unseen[512];

	weir_trace_stages(weir_tracing_points(k->tracing), true, seen, sizeof(seen));
	weir_trace_stages(weir_tracing_points(k->tracing), false, unseen, sizeof(unseen));
	for (unsigned int i = 0; i < notes->nr; i++)
		fprintf(stderr, "weir: note: %s\n", notes->line[i]);
	if (fast)
		fprintf(stderr, "weir: with the fast plane's verdicts in %u namespace%s\n", fast,
			fast > 1 ? "s" : "");
	fprintf(stderr, "weir: tracing packets of the kernel plane; ^C ends it\n");
	fprintf(stderr, "weir: stages seen: %s; drops anywhere%s%s\n", seen,
		*unseen ? "; this kernel does not show: " : "", unseen);
}

/* The words of the expression, with blanks between. */
static int join(const struct weir_args *args, struct kernel *k, struct weir_err *err)
{
	size_t used = 0;

	for (unsigned int i = 0; i < args->nr_plain; i++) {
		used += (size_t)snprintf(k->expr + used, sizeof(k->expr) - used, "%s%s",
			i ? " " : "", args->plain[i]);
		if (used >= sizeof(k->expr))
			return weir_fail(err, WEIR_USAGE, 0, "the expression is longer than %zu",
				sizeof(k->expr) - 1);
	}
	k->wish.expr = args->nr_plain ? k->expr : NULL;
	return 0;
}

static int parse(const struct weir_args *args, struct kernel *k, struct weir_err *err)
{
	const char *rate = weir_arg(args, "rate");
	uint64_t per_s = RATE_DEFAULT;
	int ret;

	if (weir_arg(args, "sample"))
		return weir_fail(err, WEIR_USAGE, 0,
			"'sample' goes with 'plane fast': an expression and 'rate' choose packets "
			"of "
			"the kernel's");
	ret = weir_tracer_parse(&k->t, args, err);
	if (ret)
		return ret;
	if (rate && !weir_parse_u64(rate, 1, 1000000, &per_s))
		return weir_fail(err, WEIR_USAGE, 0,
			"'%s' is no number of packets in a second: 1 to 1000000", rate);
	k->wish.dev = k->t.dev;
	k->wish.netns = weir_arg(args, "netns");
	k->wish.rate = (__u32)per_s;
	return join(args, k, err);
}

int weir_trace_kernel(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct kernel k = {.t = {.run = run,
				   .err = err,
				   .say = say,
				   .poll = wait_for_packets,
				   .drain = drain,
				   .losses = losses}};
	int ret = parse(args, &k, err);

	if (!ret)
		ret = weir_enter(run, err);
	if (!ret)
		ret = weir_tracing_open(run->ns, &k.wish, &k.tracing, err);
	if (ret)
		return ret;
	k.names = weir_tracing_names(k.tracing);
	k.traces = weir_traces_new(on_packet, &k);
	if (k.traces && weir_tracing_fast(k.tracing))
		weir_traces_join_fast(k.traces, k.wish.rate);
	ret = k.traces ? weir_tracer_run(&k.t)
		       : weir_fail(err, WEIR_REFUSED, -ENOMEM, "opening the trace");
	weir_traces_free(k.traces);
	weir_tracing_close(k.tracing);
	return ret;
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
		fprintf(stderr, "weir: %" PRIu64 " packets; not captured: %" PRIu64 "%s\n",
			(uint64_t)losses.packets, (uint64_t)losses.dropped,
			losses.ended ? "" : " or more: the file's writer did not come to its end");
	return ret;
}
