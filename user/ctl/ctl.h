/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The control of the fast plane in one network namespace: attach, detach, read.
 *
 * Functions return 0 or -errno with @err filled, and leave outputs untouched on failure.
 */
#ifndef WEIR_CTL_H
#define WEIR_CTL_H

#include "base/err.h"
#include "model/finding.h"
#include "model/snapshot.h"
#include "model/watch.h"

/* A network namespace and where its programs and maps are pinned. */
struct weir_ns;

/* Remarks that a user should see though nothing failed; printed by cmd, one line each. */
struct weir_notes {
	unsigned int nr;
	char line[16][256];
};

void weir_note(struct weir_notes *notes, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Enters the namespace @netns (a name of `ip netns` or a path; NULL = the caller's own), for the
 * whole process, and finds where its pins are. @pin overrides the place (NULL = bpffs).
 * Fails with WEIR_NOT_FOUND where there is no such namespace, WEIR_REFUSED without the capability.
 * Needs no bpffs yet: attach mounts or refuses, reading finds nothing attached.
 */
int weir_ns_open(const char *netns, const char *pin, struct weir_ns **ns, struct weir_err *err);
void weir_ns_free(struct weir_ns *ns);

struct weir_attach {
	const char *const *devs; /* names */
	unsigned int nr_devs;
	enum weir_xdp_mode mode;
	bool tc; /* at the TC hooks too; alone with WEIR_XDP_OFF */
	enum weir_punt punt;
	bool force; /* replace a foreign XDP program; attach in spite of a deaf veth peer */
};

/* Attaches to all devices named or, when one fails, to none. */
int weir_dev_attach(struct weir_ns *ns, const struct weir_attach *what, struct weir_notes *notes,
	struct weir_err *err);

/*
 * Detaches from the devices named; @nr_devs 0 = all, and then whatever is left behind of older or
 * broken pins is removed too. WEIR_NOT_FOUND where a name is not attached (nothing is detached
 * then).
 */
int weir_dev_detach(struct weir_ns *ns, const char *const *devs, unsigned int nr_devs,
	struct weir_notes *notes, struct weir_err *err);

/* The latency of one packet in @every is measured; 0 = none. */
int weir_sampling_set(struct weir_ns *ns, __u32 every, struct weir_err *err);

/*
 * Captures of packets as the fast plane's hooks meet them: one in @every. One reader at a time;
 * what it does not renew ends by itself within a second or so, however it dies.
 */
struct weir_capturing;

int weir_capture_open(
	struct weir_ns *ns, __u32 every, struct weir_capturing **c, struct weir_err *err);
void weir_capture_close(struct weir_capturing *c);

/*
 * Waits up to @timeout_ms for captures and hands each to @fn until that returns -ECANCELED, which
 * is returned then; else 0, -EINTR where a signal came, or another -errno with @err filled.
 */
int weir_capture_poll(struct weir_capturing *c, int timeout_ms,
	int (*fn)(void *ctx, const struct weir_capture *packet), void *ctx, struct weir_err *err);

/* Ends the capturing, and hands what was captured until then to @fn, as weir_capture_poll() does. */
int weir_capture_drain(struct weir_capturing *c,
	int (*fn)(void *ctx, const struct weir_capture *packet), void *ctx, struct weir_err *err);

/* What was lost since the opening: for want of room in the ring, and to the limit of the rate. */
void weir_capture_losses(const struct weir_capturing *c, __u64 *full, __u64 *limited);

/* A view of the counters of all attached devices, mapped into memory. */
struct weir_view;

/* With nothing attached this succeeds and yields empty snapshots. */
int weir_view_open(struct weir_ns *ns, struct weir_view **view, struct weir_err *err);
void weir_view_free(struct weir_view *view);

/* True when devices were attached or detached since the view was opened: open it anew. */
bool weir_view_stale(const struct weir_view *view);

/*
 * Reads all counters. @exact waits until every packet counted before the cut has been judged and
 * flushed (tens of milliseconds), so that the ledger balances under load; without it the reading
 * takes no system call per counter and may split a packet in two, and what became of a device is
 * up to three seconds old: it is asked for less often than counters are read.
 * The caller owns *@snap (weir_snapshot_done).
 */
int weir_view_read(
	struct weir_view *view, bool exact, struct weir_snapshot *snap, struct weir_err *err);

/* What the kernel tells of links, neighbours and addresses, as it happens. */
struct weir_monitor;

/* Listens from now on, and reports all there is to @watch. */
int weir_monitor_open(struct weir_ns *ns, struct weir_watch *watch, struct weir_monitor **monitor,
	struct weir_err *err);
void weir_monitor_free(struct weir_monitor *monitor);

/*
 * Waits for news, at most @wait_ms, and reports them to @watch. Where the kernel had more to tell than
 * could be kept, that is an event too, and all there is is reported anew. Returns whether there were
 * any, or -errno. A signal ends the wait.
 */
int weir_monitor_wait(struct weir_monitor *monitor, struct weir_watch *watch, int wait_ms,
	struct weir_err *err);

/* The id of the XDP program on a device, whoever attached it; 0 = none. */
__u32 weir_xdp_program(__u32 ifindex);

/*
 * Looks at what the kernel and the devices can do, by trying, and at what the fast path goes round.
 * @only is a device, or NULL: all of Ethernet that are up or attached. The caller owns *@found
 * (weir_findings_done). WEIR_REFUSED without the right to look, WEIR_NOT_FOUND for no such device.
 */
int weir_doctor(struct weir_ns *ns, const char *only, struct weir_findings *found,
	struct weir_err *err);

/* The version of the libbpf in use, such as "1.4". */
const char *weir_ctl_libbpf(void);

#endif
