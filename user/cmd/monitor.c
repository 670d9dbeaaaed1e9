// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two sources of news: what the kernel tells by itself, and the counters, which are looked at twice
 * a second, or sooner after the kernel told something, but never more than five times.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/cmd.h"
#include "out/doc.h"

#define MS_NS	    1000000ull
#define READ_NS	    (500 * MS_NS)
#define READ_MIN_NS (200 * MS_NS)

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

struct monitoring {
	struct weir_run *run;
	struct weir_view *view;
	struct weir_monitor *monitor;
	struct weir_watch watch;
};

static int look(struct monitoring *m, struct weir_err *err)
{
	struct weir_snapshot snap;
	int ret = weir_read_again(m->run, &m->view, false, &snap, err);

	if (ret)
		return ret;
	weir_watch_snapshot(&m->watch, &snap);
	return 0;
}

/* Returns 1 where nobody reads any more. */
static int tell(struct monitoring *m, struct weir_err *err)
{
	struct weir_events *events = &m->watch.events;
	int ret =
		events->failed ? weir_fail(err, WEIR_REFUSED, -ENOMEM, "keeping what happens") : 0;

	for (unsigned int i = 0; !ret && i < events->nr; i++) {
		struct weir_event *e = &events->list[i];

		if (e->kind == WEIR_EVENT_replaced && e->hook == WEIR_HOOK_xdp)
			e->now = weir_xdp_program(e->ifindex);
		ret = weir_show(
			&m->run->face, weir_doc_event(e, (__u64)time(NULL)), weir_text_event, err);
	}
	weir_events_done(events);
	if (!ret)
		ret = weir_flush(m->run->face.file, err);
	return !ret && weir_reader_gone(m->run->face.file) ? 1 : ret;
}

/* What is watched is said to a person who waits, not to a file or a program. */
static void greet(const struct monitoring *m)
{
	const struct weir_snapshot *snap = &m->watch.snap;
	const struct weir_face *face = &m->run->face;

	if (face->json || !isatty(fileno(face->file)))
		return;
	weir_ink(face, WEIR_HEAD, "watching");
	for (unsigned int i = 0; i < snap->nr_devs; i++)
		if (!i || strcmp(snap->devs[i].name, snap->devs[i - 1].name))
			weir_ink(face, WEIR_PLAIN, " %s", snap->devs[i].name);
	weir_ink(face, WEIR_PLAIN, "%s\n",
		snap->nr_devs ? ", their next hops and limits" : " for devices that are attached");
}

static int loop(struct monitoring *m, struct weir_err *err)
{
	__u64 last = weir_now_ns(), due = last + READ_NS, now;
	int ret = 0;

	while (!ret && !stopped) {
		now = weir_now_ns();
		if (now >= due) {
			ret = look(m, err);
			last = now;
			due = now + READ_NS;
		} else {
			ret = weir_monitor_wait(
				m->monitor, &m->watch, (int)((due - now) / MS_NS) + 1, err);
			if (ret > 0)
				due = last + READ_MIN_NS;
			ret = ret < 0 ? ret : 0;
		}
		if (!ret)
			ret = tell(m, err);
	}
	if (!ret)
		ret = look(m, err); /* what has happened since the last reading */
	if (!ret) {
		weir_watch_flush(&m->watch, weir_now_ns());
		ret = tell(m, err);
	}
	return ret > 0 ? 0 : ret;
}

int weir_monitor_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct sigaction action = {.sa_handler = stop}, old_int, old_term;
	struct monitoring m = {.run = run};
	int ret;

	ret = weir_enter(run, err);
	if (ret)
		return ret;
	weir_watch_init(&m.watch, weir_arg(args, "stale"));
	stopped = 0; /* a batch may hold several */
	sigaction(SIGINT, &action, &old_int);
	sigaction(SIGTERM, &action, &old_term);
	ret = look(&m, err);
	if (!ret)
		ret = weir_monitor_open(run->ns, &m.watch, &m.monitor, err);
	if (!ret) {
		greet(&m);
		ret = loop(&m, err);
	}
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	weir_monitor_free(m.monitor);
	weir_view_free(m.view);
	weir_watch_done(&m.watch);
	return ret;
}
