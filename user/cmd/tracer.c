// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "cmd/tracer.h"

#define SECOND_NS 1000000000ull

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

int weir_tracer_parse(struct weir_tracer *t, const struct weir_args *args, struct weir_err *err)
{
	const char *count = weir_arg(args, "count"), *seconds = weir_arg(args, "seconds");
	uint64_t left = UINT64_MAX, time_ns = 365 * 86400 * SECOND_NS;

	if (count && !weir_parse_u64(count, 1, UINT32_MAX, &left))
		return weir_fail(
			err, WEIR_USAGE, 0, "'%s' is no number of packets: 1 to 4294967295", count);
	if (seconds && !weir_parse_seconds(seconds, SECOND_NS / 10, 86400 * SECOND_NS, &time_ns))
		return weir_fail(
			err, WEIR_USAGE, 0, "'%s' is no number of seconds: 0.1 to 86400", seconds);
	t->dev = weir_arg(args, "dev");
	t->path = weir_arg(args, "write");
	t->left = left;
	t->time_ns = time_ns;
	return 0;
}

int weir_tracer_shown(struct weir_tracer *t, int rc)
{
	t->failed = rc;
	t->shown += !rc;
	return rc || !--t->left ? -ECANCELED : 0;
}

int weir_tracer_write_failed(struct weir_tracer *t, int rc)
{
	rc = weir_fail(t->err, WEIR_REFUSED, rc, "writing %s", t->path);
	if (rc == -ENOSPC)
		weir_remedy(t->err, "df %s: free some room, or write elsewhere", t->path);
	return rc;
}

static int flush(struct weir_tracer *t)
{
	return t->write ? 0 : weir_flush(t->run->face.file, t->err);
}

static int loop(struct weir_tracer *t)
{
	__u64 end_ns = weir_now_ns() + t->time_ns;
	int ret = 0;

	while (!ret && !stopped && weir_now_ns() < end_ns) {
		ret = t->poll(t);
		if (ret == -EINTR)
			ret = 0;
		if (!ret)
			ret = flush(t);
	}
	if (!ret) /* what was seen before the end is shown or counted, too */
		ret = t->drain(t);
	if (t->failed)
		return t->failed;
	if (!ret || ret == -ECANCELED)
		ret = flush(t);
	return ret > 0 ? 0 : ret; /* nobody reads any more: no failure */
}

/* How it ended goes to stderr, also where it failed: stdout is for packets. */
static int finish(struct weir_tracer *t, int ret)
{
	struct weir_tracer_losses l = {.full = 0};
	int rc = 0;

	t->losses(t, &l);
	if (t->write && !ret) {
		rc = weir_pcapng_end(&t->pcapng, weir_wall_ns(), l.full, l.limited);
		if (!rc && fflush(t->write))
			rc = -errno;
	}
	fprintf(stderr, "weir: %" PRIu64 " packets%s%s; %s\n", (uint64_t)t->shown,
		t->path ? " written to " : "", t->path ? t->path : "", l.words);
	return rc ? weir_tracer_write_failed(t, rc) : ret;
}

static int open_file(struct weir_tracer *t)
{
	int ret;

	if (!t->path)
		return 0;
	t->write = strcmp(t->path, "-") ? fopen(t->path, "we") : t->run->face.file;
	ret = t->write ? weir_pcapng_begin(&t->pcapng, t->write) : -errno;
	if (ret)
		weir_fail(t->err, WEIR_REFUSED, ret, "opening %s", t->path);
	return ret;
}

int weir_tracer_run(struct weir_tracer *t)
{
	struct sigaction action = {.sa_handler = stop}, old_int, old_term;
	int ret;

	t->offset_ns = weir_wall_ns() - weir_now_ns();
	stopped = 0;
	sigaction(SIGINT, &action, &old_int);
	sigaction(SIGTERM, &action, &old_term);
	ret = open_file(t);
	if (!ret) {
		t->say(t);
		ret = finish(t, loop(t));
	}
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	if (t->write && t->write != t->run->face.file && fclose(t->write) && !ret)
		ret = weir_tracer_write_failed(t, -errno);
	return ret;
}
