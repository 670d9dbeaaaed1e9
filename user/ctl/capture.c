// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reading captures. The ring outlives its readers, so what one that died has left is passed over by
 * its time; the lease in ctl ends what nobody reads any more.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "priv.h"

#define LEASE_NS 1500000000ull

struct weir_capturing {
	const struct weir_ns *ns;
	struct weir_ctl *ctl;
	const struct weir_cursor *cursor, *cursor_tc;
	__u32 cpus;
	struct ring_buffer *ring;
	__u64 start_ns;
	__u64 full_before, limited_before;
	int (*fn)(void *ctx, const struct weir_capture *packet);
	void *ctx;
};

static void losses(const struct weir_capturing *c, __u64 *full, __u64 *limited)
{
	*full = *limited = 0;
	for (__u32 i = 0; i < c->cpus * 3; i++) {
		const struct weir_cursor *cur =
			i < c->cpus ? &c->cursor[i] : &c->cursor_tc[i - c->cpus];

		*full += cur->capture_lost;
		*limited += cur->capture_limited;
	}
}

void weir_capture_losses(const struct weir_capturing *c, __u64 *full, __u64 *limited)
{
	losses(c, full, limited);
	*full -= c->full_before;
	*limited -= c->limited_before;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct weir_capturing *c = ctx;
	const struct weir_capture *packet = data;

	if (size < offsetof(struct weir_capture, head) ||
		size < offsetof(struct weir_capture, head) + packet->head_len ||
		packet->head_len > WEIR_CAPTURE_HEAD || packet->exit >= WEIR_EXIT_COUNT ||
		packet->hook >= WEIR_HOOK_COUNT || packet->time_ns < c->start_ns)
		return 0; /* what a reader before us has left, or rubbish */
	return c->fn(c->ctx, packet);
}

static void *map_whole(const struct weir_ns *ns, const char *name, size_t size, int prot)
{
	__cleanup_close int fd = weir_shared_map(ns, name);
	void *at;

	if (fd < 0)
		return NULL;
	at = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

static int open_all(struct weir_capturing *c, const struct weir_ns *ns)
{
	__cleanup_close int ring = weir_shared_map(ns, "capture");
	size_t size = c->cpus * sizeof(*c->cursor);

	if (ring < 0)
		return ring;
	c->ctl = map_whole(ns, "ctl", sizeof(*c->ctl), PROT_READ | PROT_WRITE);
	c->cursor = map_whole(ns, "cursor", size, PROT_READ);
	c->cursor_tc = map_whole(ns, "cursor_tc", size * 2, PROT_READ);
	if (!c->ctl || !c->cursor || !c->cursor_tc)
		return -errno;
	c->ring = ring_buffer__new(ring, on_record, c, NULL);
	return c->ring ? 0 : -errno;
}

static void renew(struct weir_capturing *c)
{
	__atomic_store_n(&c->ctl->capture_until_ns, weir_now_ns() + LEASE_NS, __ATOMIC_RELAXED);
}

int weir_capture_open(
	struct weir_ns *ns, __u32 every, struct weir_capturing **out, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	struct weir_capturing *c;
	int rc = weir_shared_check(ns, err);

	(void)lock; /* held to the end */
	if (rc)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "opening the capture");
	c->ns = ns;
	c->cpus = (__u32)libbpf_num_possible_cpus();
	rc = open_all(c, ns);
	if (rc == -ENOENT) {
		weir_fail(err, WEIR_NOT_FOUND, 0, "no device is attached");
		weir_remedy(err, "weir dev attach DEV");
	} else if (rc) {
		weir_fail_pins(ns, err, rc, "opening the captures");
	} else if (c->ctl->capture_every && c->ctl->capture_until_ns > weir_now_ns()) {
		rc = -EBUSY;
		weir_fail(
			err, WEIR_REFUSED, 0, "another 'weir trace' is reading in this namespace");
		weir_remedy(err, "end it, or wait: pgrep -af 'weir .*trace'");
	}
	if (rc) {
		c->start_ns = 0; /* not ours to end */
		weir_capture_close(c);
		return rc;
	}
	losses(c, &c->full_before, &c->limited_before);
	c->start_ns = weir_now_ns();
	renew(c);
	__atomic_store_n(&c->ctl->capture_every, every, __ATOMIC_RELEASE);
	*out = c;
	return 0;
}

void weir_capture_close(struct weir_capturing *c)
{
	if (!c)
		return;
	if (c->start_ns)
		__atomic_store_n(&c->ctl->capture_every, 0, __ATOMIC_RELAXED);
	ring_buffer__free(c->ring);
	if (c->ctl)
		munmap(c->ctl, sizeof(*c->ctl));
	if (c->cursor)
		munmap((void *)c->cursor, c->cpus * sizeof(*c->cursor));
	if (c->cursor_tc)
		munmap((void *)c->cursor_tc, c->cpus * 2 * sizeof(*c->cursor));
	free(c);
}

/* What ring_buffer__*() has answered. */
static int answer(int rc, struct weir_err *err)
{
	if (rc == -EINTR || rc >= 0)
		return rc == -EINTR ? rc : 0;
	return rc == -ECANCELED ? rc : weir_fail_sys(err, rc, "reading captures");
}

int weir_capture_poll(struct weir_capturing *c, int timeout_ms,
	int (*fn)(void *ctx, const struct weir_capture *packet), void *ctx, struct weir_err *err)
{
	c->fn = fn;
	c->ctx = ctx;
	renew(c);
	return answer(ring_buffer__poll(c->ring, timeout_ms), err);
}

int weir_capture_drain(struct weir_capturing *c,
	int (*fn)(void *ctx, const struct weir_capture *packet), void *ctx, struct weir_err *err)
{
	c->fn = fn;
	c->ctx = ctx;
	__atomic_store_n(&c->ctl->capture_every, 0, __ATOMIC_RELAXED);
	weir_grace(c->ns); /* no program is in the midst of one any more */
	return answer(ring_buffer__consume(c->ring), err);
}
