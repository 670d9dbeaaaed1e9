// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How many packets are timed, set while they flow. */
#include <errno.h>
#include <sys/mman.h>

#include "priv.h"

int weir_sampling_set(struct weir_ns *ns, __u32 every, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	__cleanup_close int fd = -1;
	struct weir_ctl *c;
	int rc = weir_shared_check(ns, err);

	if (rc)
		return rc;
	if (lock == -EACCES || lock == -EPERM)
		return weir_fail_pins(ns, err, lock, "opening the pins");
	fd = weir_shared_map(ns, "ctl");
	if (fd == -ENOENT) {
		weir_fail(err, WEIR_NOT_FOUND, 0, "no device is attached");
		weir_remedy(err, "weir dev attach DEV");
		return fd;
	}
	if (fd < 0)
		return weir_fail_pins(ns, err, fd, "opening ctl");
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c == MAP_FAILED)
		return weir_fail_pins(ns, err, -errno, "mapping ctl");
	__atomic_store_n(&c->sample_every, every, __ATOMIC_RELAXED);
	munmap(c, sizeof(*c));
	return 0;
}
