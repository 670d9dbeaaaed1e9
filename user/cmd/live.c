// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * `weir top` on a terminal. Readings of the fast plane are memory alone, but for one exact cut in
 * ten seconds: the ledger is shown with its age. Those of the kernel plane ask the kernel for its
 * counters, so there is one a second at most, and few where it is not watched.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/live.h"
#include "ctl/kernel.h"
#include "tui/screen.h"

#define SECOND_NS    1000000000ull
#define SOON_NS	     (SECOND_NS / 4)
#define UNWATCHED_NS (3 * SECOND_NS)

struct live {
	struct weir_run *run;
	struct weir_view *view;
	struct weir_tui *tui;
	struct weir_screen *screen;
	struct weir_kernel_view *kernel;
	struct weir_live_trace trace;
	__u64 every_ns, due_ns, left; /* readings to come */
	__u64 kernel_ns, kernel_due_ns;
	bool begun, kernel_begun;
};

static int no_memory(struct weir_err *err)
{
	return weir_fail(err, WEIR_REFUSED, -ENOMEM, "cannot draw the screen");
}

static int show(struct live *l, struct weir_err *err)
{
	const struct cells *cells;
	int w, h;

	weir_screen_size(l->screen, &w, &h);
	cells = weir_tui_draw(l->tui, w, h);
	if (!cells || weir_screen_show(l->screen, cells))
		return no_memory(err);
	return 0;
}

/* What cannot be read is told on the screen: the fast plane does not depend on it. */
static int read_kernel(struct live *l, __u64 now, struct weir_err *err)
{
	struct weir_kernel_snapshot snap;
	struct weir_err why = {0};
	bool soon = !l->kernel_begun;
	int ret;

	if (now + l->every_ns / 4 < l->kernel_due_ns)
		return 0;
	ret = weir_kernel_view_read(l->kernel, &snap, &why);
	l->kernel_begun = !ret && snap.on;
	l->kernel_due_ns = now + (!l->kernel_begun			  ? UNWATCHED_NS
					 : soon && l->kernel_ns > SOON_NS ? SOON_NS
									  : l->kernel_ns);
	if (weir_tui_take_kernel(l->tui, ret ? NULL : &snap, why.what, (__u64)time(NULL)))
		return no_memory(err);
	return 0;
}

static int read_now(struct live *l, struct weir_err *err)
{
	__u64 now = weir_now_ns();
	struct weir_snapshot snap;
	int ret;

	/* the first rates come soon; a reading that was late puts off none of those behind it */
	l->due_ns += l->begun || l->every_ns < SOON_NS ? l->every_ns : SOON_NS;
	if (l->due_ns <= now)
		l->due_ns = now + l->every_ns;
	ret = weir_read_again(l->run, &l->view, weir_tui_wants_exact(l->tui, now), &snap, err);
	if (ret)
		return ret;
	if (l->begun)
		l->left--;
	l->begun = true;
	if (weir_tui_take(l->tui, &snap, (__u64)time(NULL)))
		return no_memory(err);
	ret = read_kernel(l, now, err);
	if (ret)
		return ret;
	weir_live_trace(&l->trace, l->run, l->tui);
	return show(l, err);
}

/* Returns 1 to end. */
static int press(struct live *l, int key, struct weir_err *err)
{
	int changed = weir_tui_press(l->tui, key);

	if (changed < 0)
		return no_memory(err);
	if (changed & CHANGED_QUIT)
		return 1;
	if (changed & CHANGED_PAUSE)
		l->due_ns = weir_tui_is_paused(l->tui) ? ULLONG_MAX : weir_now_ns();
	weir_live_trace(&l->trace, l->run, l->tui);
	return changed & CHANGED_VIEW ? show(l, err) : 0;
}

static int loop(struct live *l, struct weir_err *err)
{
	int ret, key = 0;

	l->due_ns = weir_now_ns();
	ret = read_now(l, err);
	while (!ret && l->left) {
		switch (weir_screen_wait(l->screen, l->due_ns, &key)) {
		case WEIR_EVENT_DUE:
			ret = read_now(l, err);
			break;
		case WEIR_EVENT_KEY:
			ret = press(l, key, err);
			break;
		case WEIR_EVENT_RESIZE:
			ret = show(l, err);
			break;
		case WEIR_EVENT_END:
			ret = 1;
			break;
		}
	}
	return ret > 0 ? 0 : ret;
}

static const char *name_of(const struct weir_run *run, char *host, size_t size)
{
	const char *slash;

	if (run->options.netns) {
		slash = strrchr(run->options.netns, '/');
		return slash && slash[1] ? slash + 1 : run->options.netns;
	}
	if (gethostname(host, size))
		return "";
	host[size - 1] = '\0';
	return host;
}

static int needs_terminal(const struct weir_run *run, const char *where, struct weir_err *err)
{
	bool in = isatty(STDIN_FILENO), out = isatty(fileno(run->face.file));
	int ret;

	if (in && out && !run->face.json)
		return 0;
	ret = weir_fail(err, WEIR_REFUSED, 0, "the live screen needs a terminal%s",
		out && !run->face.json ? " to read keys from" : "");
	weir_remedy(err, "weir%s%s top -b", run->face.json ? " -j" : "", where);
	return ret;
}

int weir_top_live(struct weir_run *run, __u64 nr, __u64 every_ns, struct weir_err *err)
{
	struct live l = {.run = run,
		.every_ns = every_ns,
		.kernel_ns = every_ns > SECOND_NS ? every_ns : SECOND_NS,
		.left = nr};
	char host[65], where[512] = "";
	struct weir_tui_config config = {
		.name = name_of(run, host, sizeof(host)),
		.option = where,
		.period_ns = every_ns,
		.kernel_period_ns = l.kernel_ns,
		.utf8 = run->face.utf8,
	};
	int ret;

	weir_where(run, where, sizeof(where));
	ret = needs_terminal(run, where, err);
	if (!ret)
		ret = weir_enter(run, err);
	if (!ret)
		ret = weir_kernel_view_open(run->ns, &l.kernel, err);
	if (ret)
		return ret;
	if (weir_tui_new(&config, &l.tui)) {
		weir_kernel_view_free(l.kernel);
		return no_memory(err);
	}
	ret = weir_screen_open(&l.screen, run->face.color, err);
	if (ret)
		weir_remedy(err, "weir%s top -b", where);
	else
		ret = loop(&l, err);
	weir_screen_close(l.screen);
	weir_live_trace_end(&l.trace);
	weir_kernel_view_free(l.kernel);
	weir_tui_free(l.tui);
	weir_view_free(l.view);
	return ret;
}
