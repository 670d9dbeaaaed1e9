// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where programs hang: XDP and tcx by links, TC on kernels before 6.6 by a filter of clsact.
 *
 * What is pinned of a hook, last of all, makes it attached: `link`, or `filter`, the program, where
 * there is no link to be had. A filter goes on without us as a link does, but has no descriptor
 * that ends it.
 */
#include <errno.h>
#include <string.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "model/tables.h"
#include "priv.h"

/* Our filter among others of its device. */
#define FILTER_PRIORITY 30565
#define FILTER_HANDLE	1

static enum bpf_attach_type attach_type(enum weir_hook hook)
{
	switch (hook) {
	case WEIR_HOOK_tc_ingress:
		return BPF_TCX_INGRESS;
	case WEIR_HOOK_tc_egress:
		return BPF_TCX_EGRESS;
	default:
		return BPF_XDP;
	}
}

static struct bpf_tc_hook clsact(__u32 ifindex, enum weir_hook hook)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)ifindex,
		.attach_point = hook == WEIR_HOOK_tc_ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS,
	};
}

int weir_hook_attach(const struct weir_hook_at *at, int prog, bool generic, bool *filter)
{
	LIBBPF_OPTS(bpf_link_create_opts, xdp,
		.flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		.prog_fd = prog, .flags = BPF_TC_F_REPLACE);
	struct bpf_tc_hook tc = clsact(at->ifindex, at->hook);
	int fd, rc;

	*filter = false;
	fd = bpf_link_create(prog, (int)at->ifindex, attach_type(at->hook),
		at->hook == WEIR_HOOK_xdp ? &xdp : NULL);
	if (fd >= 0)
		return fd;
	rc = -errno;
	if (at->hook == WEIR_HOOK_xdp || rc != -EINVAL)
		return rc;
	rc = bpf_tc_hook_create(&tc);
	if (rc && rc != -EEXIST)
		return rc;
	rc = bpf_tc_attach(&tc, &opts);
	if (rc)
		return rc;
	*filter = true;
	fd = dup(prog);
	return fd < 0 ? -errno : fd;
}

int weir_hook_replace(const struct weir_hook_at *at, int own, bool filter, int prog)
{
	bool still;

	if (!filter)
		return bpf_link_update(own, prog, NULL) ? -errno : 0;
	own = weir_hook_attach(at, prog, false, &still);
	if (own < 0)
		return own;
	close(own);
	return 0;
}

void weir_hook_detach(const struct weir_hook_at *at, int own, bool filter)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	struct bpf_tc_hook tc = clsact(at->ifindex, at->hook);

	if (own < 0)
		return;
	if (filter)
		bpf_tc_detach(&tc, &opts);
	else
		bpf_link_detach(own); /* even if somebody else holds the link open */
}

/* The id of our filter's program, as the kernel has it now. */
static __u32 filter_prog(const struct weir_hook_at *at)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	struct bpf_tc_hook tc = clsact(at->ifindex, at->hook);

	return bpf_tc_query(&tc, &opts) ? 0 : opts.prog_id;
}

int weir_hook_look(const struct weir_hook_at *at, int own, bool filter, struct weir_hook_state *s)
{
	struct bpf_link_info link = {};
	struct bpf_prog_info prog = {};
	__u32 len = filter ? sizeof(prog) : sizeof(link);

	memset(s, 0, sizeof(*s));
	if (filter) {
		if (bpf_prog_get_info_by_fd(own, &prog, &len))
			return -errno;
		s->prog_id = prog.id;
		s->ifindex = filter_prog(at) == prog.id ? at->ifindex : 0;
		return 0;
	}
	if (bpf_link_get_info_by_fd(own, &link, &len))
		return -errno;
	if (link.type != (at->hook == WEIR_HOOK_xdp ? BPF_LINK_TYPE_XDP : BPF_LINK_TYPE_TCX))
		return -EINVAL;
	s->prog_id = link.prog_id;
	s->link_id = link.id;
	s->ifindex = at->hook == WEIR_HOOK_xdp ? link.xdp.ifindex : link.tcx.ifindex;
	return 0;
}

const char *weir_hook_pin(const struct weir_ns *ns, const struct weir_hook_at *at,
	char path[PATH_MAX], const char *what)
{
	return weir_pin_path(
		ns, path, "dev/%u/%s/%s", at->ifindex, weir_hook_info[at->hook].name, what);
}

int weir_hook_open(const struct weir_ns *ns, const struct weir_hook_at *at, bool *filter)
{
	char path[PATH_MAX];
	int fd = bpf_obj_get(weir_hook_pin(ns, at, path, "link"));

	*filter = fd < 0 && errno == ENOENT;
	if (*filter)
		fd = bpf_obj_get(weir_hook_pin(ns, at, path, "filter"));
	return fd < 0 ? -errno : fd;
}

bool weir_hook_pinned(const struct weir_ns *ns, const struct weir_hook_at *at)
{
	char path[PATH_MAX];

	return !access(weir_hook_pin(ns, at, path, "link"), F_OK) || errno != ENOENT ||
	       !access(weir_hook_pin(ns, at, path, "filter"), F_OK) || errno != ENOENT;
}

void weir_hook_unhook(const struct weir_ns *ns, const struct weir_hook_at *at)
{
	char path[PATH_MAX];
	bool filter;
	__cleanup_close int own = weir_hook_open(ns, at, &filter);

	weir_hook_detach(at, own, filter);
	unlink(weir_hook_pin(ns, at, path, "link"));
	unlink(weir_hook_pin(ns, at, path, "filter"));
}
