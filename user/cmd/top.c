// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two readings make a snapshot: the rates between them. Those of `-b` are exact cuts, since each
 * one is also asked whether the ledger balances; the live screen (live.c) seldom asks.
 */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "ctl/kernel.h"
#include "out/doc.h"

#define SECOND_NS 1000000000ull

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

struct top {
	struct weir_run *run;
	struct weir_view *view;
	struct weir_snapshot before, now;
	struct weir_trouble trouble;
	struct weir_drops drops;
	bool first;
	struct {
		struct weir_kernel_view *view;
		struct weir_kernel_snapshot before, now;
		struct weir_kernel_seen_list drops;
		struct weir_kernel_trouble trouble;
		struct weir_err why; /* it could not be read */
		bool first;
	} kernel;
};

static void keep(struct top *t)
{
	weir_snapshot_done(&t->before);
	t->before = t->now;
	t->now = (struct weir_snapshot){0};
	weir_kernel_snapshot_done(&t->kernel.before);
	t->kernel.before = t->kernel.now;
	t->kernel.now = (struct weir_kernel_snapshot){0};
}

/* The kernel plane is read beside the fast one: that it cannot be is told, and ends nothing. */
static int read_both(struct top *t, struct weir_err *err)
{
	int ret = weir_read_again(t->run, &t->view, true, &t->now, err);

	t->kernel.why = (struct weir_err){0};
	if (!ret && weir_kernel_view_read(t->kernel.view, &t->kernel.now, &t->kernel.why))
		t->kernel.now = (struct weir_kernel_snapshot){0};
	return ret;
}

/* Sleeps until @due, and leaves early when told to stop. */
static void sleep_until(__u64 due_ns)
{
	struct timespec due = {
		.tv_sec = (time_t)(due_ns / SECOND_NS),
		.tv_nsec = (long)(due_ns % SECOND_NS),
	};

	while (!stopped && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
		;
}

static json_t *kernel_doc(struct top *t, const char *where, __u64 wall_s)
{
	const struct weir_kernel_snapshot *before =
		t->kernel.before.time_ns ? &t->kernel.before : NULL;
	struct weir_kernel_delta delta;
	json_t *doc = NULL;

	if (weir_kernel_delta_init(&delta, before, &t->kernel.now))
		return NULL;
	/* what began before the first reading is in no interval */
	if (t->kernel.first && before &&
		weir_kernel_seen_follow(&t->kernel.drops, before, false, wall_s))
		goto out;
	if (weir_kernel_seen_follow(&t->kernel.drops, &t->kernel.now, delta.interval_ns, wall_s))
		goto out;
	weir_kernel_trouble_follow(
		&t->kernel.trouble, &delta, &t->kernel.drops, wall_s, t->kernel.first);
	t->kernel.first = false;
	doc = weir_doc_kernel_top(
		&delta, &t->kernel.drops, &t->kernel.trouble, where, t->kernel.why.what);
out:
	weir_kernel_delta_done(&delta);
	return doc;
}

static json_t *doc_of(struct top *t, const struct weir_delta *delta, __u64 wall_s)
{
	char where[512];
	json_t *doc;

	weir_where(t->run, where, sizeof(where));
	doc = weir_doc_top(&t->now, delta, &t->trouble, &t->drops, where, wall_s);
	if (json_object_set_new(doc, "kernel", kernel_doc(t, where, wall_s))) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

/* Returns 1 where nobody reads any more. */
static int print_now(struct top *t, struct weir_err *err)
{
	__u64 wall_s = (__u64)time(NULL);
	struct weir_delta delta;
	int ret;

	ret = weir_delta_init(&delta, &t->before, &t->now);
	if (ret)
		return weir_fail(err, WEIR_REFUSED, ret, "cannot compare two readings");
	weir_trouble_follow(&t->trouble, &delta, wall_s, t->first);
	t->first = false;
	ret = weir_drops_follow(&t->drops, &t->now, &delta, wall_s);
	if (ret)
		weir_fail(err, WEIR_REFUSED, ret, "cannot compare two readings");
	else
		ret = weir_show(&t->run->face, doc_of(t, &delta, wall_s), weir_text_top, err);
	weir_delta_done(&delta);
	return ret ? ret : weir_flush(t->run->face.file, err);
}

static int loop(struct top *t, __u64 nr, __u64 every_ns, struct weir_err *err)
{
	struct timespec start;
	__u64 due_ns;
	int ret;

	clock_gettime(CLOCK_MONOTONIC, &start);
	due_ns = (__u64)start.tv_sec * SECOND_NS + (__u64)start.tv_nsec;
	ret = read_both(t, err);
	for (__u64 i = 0; !ret && i < nr; i++) {
		keep(t);
		due_ns += every_ns;
		sleep_until(due_ns);
		if (stopped)
			return 0;
		ret = read_both(t, err);
		if (!ret)
			ret = print_now(t, err);
	}
	return stopped || ret > 0 ? 0 : ret;
}

static int parse(const struct weir_args *args, __u64 *nr, __u64 *every_ns, struct weir_err *err)
{
	const char *count = weir_arg(args, "-n"), *every = weir_arg(args, "-d");
	uint64_t value;

	*nr = UINT64_MAX;
	*every_ns = SECOND_NS;
	if (count) {
		if (!weir_parse_u64(count, 1, UINT32_MAX, &value))
			return weir_fail(err, WEIR_USAGE, 0,
				"'%s' is no number of snapshots: 1 to 4294967295", count);
		*nr = value;
	}
	if (every) {
		if (!weir_parse_seconds(every, SECOND_NS / 10, 86400 * SECOND_NS, &value))
			return weir_fail(err, WEIR_USAGE, 0,
				"'%s' is no number of seconds: 0.1 to 86400", every);
		*every_ns = value;
	}
	return 0;
}

static int print_all(struct weir_run *run, __u64 nr, __u64 every_ns, struct weir_err *err)
{
	struct sigaction action = {.sa_handler = stop}, old_int, old_term;
	struct top t = {.run = run, .first = true, .kernel.first = true};
	int ret = weir_kernel_view_open(run->ns, &t.kernel.view, err);

	if (ret)
		return ret;
	sigaction(SIGINT, &action, &old_int);
	sigaction(SIGTERM, &action, &old_term);
	ret = loop(&t, nr, every_ns, err);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	weir_snapshot_done(&t.before);
	weir_snapshot_done(&t.now);
	weir_drops_done(&t.drops);
	weir_view_free(t.view);
	weir_kernel_snapshot_done(&t.kernel.before);
	weir_kernel_snapshot_done(&t.kernel.now);
	weir_kernel_seen_done(&t.kernel.drops);
	weir_kernel_view_free(t.kernel.view);
	return ret;
}

int weir_top_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	__u64 nr, every_ns;
	int ret;

	ret = parse(args, &nr, &every_ns, err);
	if (ret)
		return ret;
	if (!weir_arg(args, "-b"))
		return weir_top_live(run, nr, every_ns, err);
	ret = weir_enter(run, err);
	return ret ? ret : print_all(run, nr, every_ns, err);
}
