/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A control plane made of one variable. */
#ifndef WEIR_TESTS_FAKE_CTL_H
#define WEIR_TESTS_FAKE_CTL_H

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cmd/cmd.h"
#include "model/tables.h"
#include "test.h"

/* The whole of ctl.h, so that the linker takes nothing of the real one. */
static struct {
	struct weir_dev_snapshot dev[2];
	unsigned int nr_devs, nr_attached, nr_detached, opened, waits;
	struct weir_attach attached;
	__u32 every;
	bool stale, last_exact;
	__u64 time_ns;
} fake;

void weir_note(struct weir_notes *notes, const char *fmt, ...)
{
	(void)fmt;
	snprintf(notes->line[notes->nr++], sizeof(notes->line[0]), "a note");
}

int weir_ns_open(const char *netns, const char *pin, struct weir_ns **ns, struct weir_err *err)
{
	(void)pin;
	if (netns && !strcmp(netns, "nope"))
		return weir_fail(err, WEIR_NOT_FOUND, -ENOENT, "network namespace nope");
	*ns = (struct weir_ns *)&fake;
	fake.opened++;
	return 0;
}

void weir_ns_free(struct weir_ns *ns)
{
	(void)ns;
}

int weir_dev_attach(struct weir_ns *ns, const struct weir_attach *what, struct weir_notes *notes,
	struct weir_err *err)
{
	(void)ns;
	if (!strcmp(what->devs[0], "nope"))
		return weir_fail(err, WEIR_NOT_FOUND, -ENODEV, "device nope");
	fake.attached = *what;
	fake.nr_attached = what->nr_devs;
	weir_note(notes, "x");
	return 0;
}

/* A capture that sees nothing. */
int weir_capture_open(
	struct weir_ns *ns, __u32 every, struct weir_capturing **c, struct weir_err *err)
{
	(void)ns;
	(void)err;
	fake.every = every;
	*c = NULL;
	return 0;
}

void weir_capture_close(struct weir_capturing *c)
{
	(void)c;
}

int weir_capture_poll(struct weir_capturing *c, int timeout_ms,
	int (*fn)(void *ctx, const struct weir_capture *packet), void *ctx, struct weir_err *err)
{
	(void)c, (void)timeout_ms, (void)fn, (void)ctx, (void)err;
	return 0;
}

int weir_capture_drain(struct weir_capturing *c,
	int (*fn)(void *ctx, const struct weir_capture *packet), void *ctx, struct weir_err *err)
{
	return weir_capture_poll(c, 0, fn, ctx, err);
}

void weir_capture_losses(const struct weir_capturing *c, __u64 *full, __u64 *limited)
{
	(void)c;
	*full = *limited = 0;
}

int weir_dev_detach(struct weir_ns *ns, const char *const *devs, unsigned int nr_devs,
	struct weir_notes *notes, struct weir_err *err)
{
	(void)ns;
	(void)devs;
	(void)notes;
	(void)err;
	fake.nr_detached = nr_devs;
	return 0;
}

int weir_sampling_set(struct weir_ns *ns, __u32 every, struct weir_err *err)
{
	(void)ns;
	(void)err;
	fake.every = every;
	return 0;
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
	return fake.stale;
}

int weir_view_read(
	struct weir_view *view, bool exact, struct weir_snapshot *snap, struct weir_err *err)
{
	(void)view;
	(void)err;
	fake.last_exact = exact;
	fake.time_ns += 1000000000;
	fake.dev[0].total.in.packets += 1000;
	fake.dev[0].total.ip_rcv_DROP_IP_CSUM.packets += 1000;
	memset(snap, 0, sizeof(*snap));
	*snap = (struct weir_snapshot){.time_ns = fake.time_ns,
		.sample_every = fake.every,
		.exact = exact,
		.nr_devs = fake.nr_devs,
		.devs = aligned_alloc(64, sizeof(fake.dev))};
	memcpy(snap->devs, fake.dev, sizeof(fake.dev));
	for (unsigned int i = 0; i < fake.nr_devs; i++) {
		struct weir_dev_snapshot *dev = &snap->devs[i];

		dev->nr_queues = 2;
		dev->queue = aligned_alloc(64, 2 * sizeof(*dev->queue));
		dev->queue_lat = calloc(2, sizeof(*dev->queue_lat));
		memset(dev->queue, 0, 2 * sizeof(*dev->queue));
		dev->queue[1] = dev->total;
	}
	return 0;
}

int weir_doctor(
	struct weir_ns *ns, const char *only, struct weir_findings *found, struct weir_err *err)
{
	struct weir_finding *f;

	(void)ns;
	if (only && !strcmp(only, "nope"))
		return weir_fail(err, WEIR_NOT_FOUND, -ENODEV, "device nope");
	memset(found, 0, sizeof(*found));
	weir_find(found, WEIR_CHECK_bpf, WEIR_FOUND_ok, "", "%s", "");
	f = weir_find(found, WEIR_CHECK_mtu, WEIR_FOUND_warning, only ? only : "a", "too large");
	weir_find_remedy(f, "make it smaller");
	return 0;
}

int weir_monitor_open(struct weir_ns *ns, struct weir_watch *watch, struct weir_monitor **monitor,
	struct weir_err *err)
{
	(void)err;
	weir_watch_begin(watch);
	weir_watch_end(watch, fake.time_ns);
	*monitor = (struct weir_monitor *)ns;
	return 0;
}

void weir_monitor_free(struct weir_monitor *monitor)
{
	(void)monitor;
}

/* Attaches, replaces, and interrupts whoever waits. */
int weir_monitor_wait(
	struct weir_monitor *monitor, struct weir_watch *watch, int wait_ms, struct weir_err *err)
{
	static const struct timespec half = {.tv_nsec = 500000000};

	(void)monitor;
	(void)watch;
	(void)err;
	assert_in_range(wait_ms, 0, 501);
	fake.dev[0].detached = true;
	if (fake.waits++ == 2)
		raise(SIGTERM);
	nanosleep(&half, NULL);
	return 0;
}

__u32 weir_xdp_program(__u32 ifindex)
{
	return 1000 + ifindex;
}

const char *weir_ctl_libbpf(void)
{
	return "1.0";
}

#endif
