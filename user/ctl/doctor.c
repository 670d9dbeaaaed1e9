// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Looking at the kernel, the devices and what stands beside the fast path, without changing any. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <linux/bpf.h>

#include "probe.h"

struct links {
	const struct weir_ns *ns;
	unsigned int nr;
	struct weir_link *list; /* owned */
	bool failed;
};

static void add_link(struct links *l, const struct weir_link *link)
{
	struct weir_link *list = realloc(l->list, (l->nr + 1) * sizeof(*list));

	if (!list) {
		l->failed = true;
		return;
	}
	l->list = list;
	l->list[l->nr++] = *link;
}

static void add_if_used(void *ctx, const struct weir_link *link)
{
	struct links *l = ctx;

	if (link->type == ARPHRD_ETHER &&
		(link->flags & IFF_UP || (l->ns->dir[0] && weir_dev_pinned(l->ns, link->ifindex))))
		add_link(ctx, link);
}

static int choose_links(const char *only, struct links *links, struct weir_err *err)
{
	struct weir_link link;
	int rc, tries = 5;

	if (only) {
		rc = weir_link_get(only, &link, err);
		if (!rc)
			add_link(links, &link);
		return rc;
	}
	do { /* again where devices came or went meanwhile */
		links->nr = 0;
		rc = weir_each_link(add_if_used, links);
	} while (rc == -EINTR && --tries);
	return rc ? weir_fail_sys(err, rc, "listing the devices") : 0;
}

/* Without this right nothing can be tried, and every answer would be a guess. */
static int check_rights(struct weir_err *err)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_DEVMAP_HASH,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};
	long fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));

	if (fd >= 0)
		close((int)fd);
	else if (errno == EPERM || errno == EACCES)
		return weir_fail_sys(err, -errno, "asking the kernel what it can do");
	return 0;
}

int weir_doctor(
	struct weir_ns *ns, const char *only, struct weir_findings *out, struct weir_err *err)
{
	struct weir_findings found = {};
	struct links links = {.ns = ns};
	int rc = choose_links(only, &links, err);

	if (!rc)
		rc = check_rights(err);
	if (!rc) {
		weir_probe_kernel(ns, &found);
		for (unsigned int i = 0; i < links.nr; i++)
			weir_doctor_dev(ns, &links.list[i], &found);
		weir_doctor_bypass(links.list, links.nr, &found);
		if (links.failed || found.failed)
			rc = weir_fail(err, WEIR_REFUSED, -ENOMEM, "keeping what was found");
	}
	free(links.list);
	if (rc)
		weir_findings_done(&found);
	else
		*out = found;
	return rc;
}
