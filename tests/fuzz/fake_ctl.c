// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/fake_filter.h"
#include "../unit/fake_kernel.h"
#include "../unit/fake_nat.h"
#include "../unit/fake_trace.h"
#include "fake_ctl.h"
#include "fuzz.h"

unsigned int fake_asked;

static unsigned int readings;
static int place; /* something to point at */

void fake_reset(void)
{
	fake_asked = 0;
	readings = 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *rest)
{
	(void)clock;
	(void)flags;
	(void)t;
	(void)rest;
	return 0;
}

void weir_note(struct weir_notes *notes, const char *fmt, ...)
{
	(void)notes;
	(void)fmt;
}

int weir_ns_open(const char *netns, const char *pin, struct weir_ns **ns, struct weir_err *err)
{
	fake_asked++;
	if (netns && !strcmp(netns, "nope"))
		return weir_fail(err, WEIR_NOT_FOUND, -ENOENT, "network namespace %s", netns);
	if (pin && !strcmp(pin, "nope"))
		return weir_fail(err, WEIR_REFUSED, 0, "--pin %s", pin);
	*ns = (struct weir_ns *)&place;
	return 0;
}

void weir_ns_free(struct weir_ns *ns)
{
	MUST(!ns || ns == (struct weir_ns *)&place);
}

/* Reads each name to its end. */
static int each_name(const char *const *devs, unsigned int nr, struct weir_err *err)
{
	fake_asked++;
	for (unsigned int i = 0; i < nr; i++) {
		MUST(strlen(devs[i]) > 0 && strlen(devs[i]) < 16);
		if (!strcmp(devs[i], "nope"))
			return weir_fail(err, WEIR_NOT_FOUND, -ENODEV, "device %s", devs[i]);
	}
	return 0;
}

int weir_dev_attach(struct weir_ns *ns, const struct weir_attach *what, struct weir_notes *notes,
	struct weir_err *err)
{
	(void)ns;
	MUST(what->nr_devs > 0);
	notes->nr = 1;
	snprintf(notes->line[0], sizeof(notes->line[0]), "%s is there", what->devs[0]);
	return each_name(what->devs, what->nr_devs, err);
}

int weir_dev_detach(struct weir_ns *ns, const char *const *devs, unsigned int nr_devs,
	struct weir_notes *notes, struct weir_err *err)
{
	(void)ns;
	(void)notes;
	return each_name(devs, nr_devs, err);
}

int weir_sampling_set(struct weir_ns *ns, __u32 every, struct weir_err *err)
{
	(void)ns;
	(void)every;
	(void)err;
	fake_asked++;
	return 0;
}

/* Never: `trace write FILE` would write to any file that a fuzzer names. */
int weir_capture_open(
	struct weir_ns *ns, __u32 every, struct weir_capturing **c, struct weir_err *err)
{
	(void)ns;
	(void)every;
	(void)c;
	fake_asked++;
	return weir_fail(err, WEIR_NOT_FOUND, 0, "no device is attached");
}

void weir_capture_close(struct weir_capturing *c)
{
	MUST(!c);
}

int weir_capture_poll(struct weir_capturing *c, int timeout_ms,
	int (*fn)(void *ctx, const struct weir_capture *packet), void *ctx, struct weir_err *err)
{
	(void)c;
	(void)timeout_ms;
	(void)fn;
	(void)ctx;
	(void)err;
	return -ECANCELED;
}

void weir_capture_losses(const struct weir_capturing *c, __u64 *full, __u64 *limited)
{
	(void)c;
	*full = *limited = 0;
}

int weir_capture_drain(struct weir_capturing *c,
	int (*fn)(void *ctx, const struct weir_capture *packet), void *ctx, struct weir_err *err)
{
	(void)c;
	(void)fn;
	(void)ctx;
	(void)err;
	return 0;
}

__u32 weir_xdp_program(__u32 ifindex)
{
	(void)ifindex;
	return 0;
}

int weir_doctor(struct weir_ns *ns, const char *only, struct weir_findings *found,
	struct weir_err *err)
{
	(void)ns;
	(void)only;
	(void)found;
	(void)err;
	return 0;
}

/* One that is interrupted at once. */
int weir_monitor_open(struct weir_ns *ns, struct weir_watch *watch, struct weir_monitor **monitor,
	struct weir_err *err)
{
	(void)ns;
	(void)watch;
	(void)monitor;
	return weir_fail(err, WEIR_REFUSED, -EPERM, "opening the monitor");
}

void weir_monitor_free(struct weir_monitor *monitor)
{
	(void)monitor;
}

int weir_monitor_wait(
	struct weir_monitor *monitor, struct weir_watch *watch, int wait_ms, struct weir_err *err)
{
	(void)monitor;
	(void)watch;
	(void)wait_ms;
	return weir_fail(err, WEIR_REFUSED, -EPERM, "watching");
}

int weir_view_open(struct weir_ns *ns, struct weir_view **view, struct weir_err *err)
{
	(void)err;
	*view = (struct weir_view *)ns;
	return 0;
}

void weir_view_free(struct weir_view *view)
{
	(void)view;
}

bool weir_view_stale(const struct weir_view *view)
{
	(void)view;
	return false;
}

static void *zeroed(size_t nr, size_t size)
{
	void *p = aligned_alloc(64, nr * size);

	MUST(p);
	return memset(p, 0, nr * size);
}

int weir_view_read(
	struct weir_view *view, bool exact, struct weir_snapshot *snap, struct weir_err *err)
{
	(void)view;
	fake_asked++;
	if (readings++ % 3 == 2)
		return weir_fail(err, WEIR_REFUSED, -EIO, "reading the counters");
	*snap = (struct weir_snapshot){
		.time_ns = readings * UINT64_C(1000000000),
		.exact = exact,
		.nr_devs = 2,
		.devs = zeroed(2, sizeof(*snap->devs)),
	};
	for (unsigned int i = 0; i < 2; i++) {
		struct weir_dev_snapshot *d = &snap->devs[i];

		d->name[0] = i ? 'b' : 'a';
		d->conf.ifindex = 5 + i;
		d->conf.queues = 1;
		d->nr_queues = 1;
		d->total.in.packets = 10 * readings;
		d->total.ip_rcv_DROP_IP_CSUM.packets = 10 * readings;
		d->queue = zeroed(1, sizeof(*d->queue));
		d->queue_lat = zeroed(1, (sizeof(*d->queue_lat) + 63) / 64 * 64);
		d->queue[0] = d->total;
	}
	return 0;
}

const char *weir_ctl_libbpf(void)
{
	return "1.0";
}
