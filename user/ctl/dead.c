// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Pins outlive their network namespace, for nothing but the machine's end would remove them. The kernel's list of
 * namespaces says which are gone. Where it cannot be read, one is taken for dead that has neither a device which
 * runs our programs nor rules.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "netns.skel.h"
#include "priv.h"

enum { GONE, THERE, UNKNOWN };

/* Asks the kernel whether the namespace of that cookie exists. */
static int look_for(struct netns_bpf *skel, __u64 cookie)
{
	char frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

	if (!skel)
		return UNKNOWN;
	skel->bss->cookie = cookie;
	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.weir_netns), &opts) ||
		!skel->bss->seen)
		return UNKNOWN;
	return skel->bss->alive ? THERE : GONE;
}

struct alive {
	const struct weir_ns *ns;
};

/* 1 where a hook of the device runs our program still, or that is not to be told. */
static int is_alive(void *ctx, __u32 ifindex)
{
	const struct alive *a = ctx;
	struct weir_hook_at at = {.ifindex = ifindex};

	for (at.hook = 0; at.hook < WEIR_HOOK_COUNT; at.hook++) {
		struct weir_hook_state state;
		bool filter;
		__cleanup_close int fd = weir_hook_open(a->ns, &at, &filter);

		if (fd == -ENOENT)
			continue;
		/* a filter dies with its device, and cannot be asked about from here */
		if (fd < 0 || filter || weir_hook_look(&at, fd, filter, &state) || state.ifindex)
			return 1;
	}
	return 0;
}

/* Pins of another version may be laid out otherwise: they are not ours to call dead. */
static bool is_other_version(const struct weir_ns *ns)
{
	__cleanup_close int fd = weir_shared_map(ns, "ctl");
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0;
	struct weir_ctl c = {};

	if (fd == -ENOENT)
		return false;
	return fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len) || info.value_size != sizeof(c) ||
	       bpf_map_lookup_elem(fd, &zero, &c) || c.magic != WEIR_MAGIC || c.abi != WEIR_ABI;
}

/* @name: of its folder, the cookie; before it a 'k' where the kernel plane is observed. */
static bool is_dead(struct netns_bpf *skel, const struct weir_ns *ns, const char *name)
{
	struct alive a = {ns};
	char *end;
	bool observers = *name == 'k';
	__u64 cookie = strtoull(name + observers, &end, 16);
	int there = *end ? UNKNOWN : look_for(skel, cookie);

	if (there != UNKNOWN || observers)
		return there == GONE;
	return !weir_each_dev(ns, is_alive, &a) && !weir_rules_any(ns);
}

void weir_collect_dead(const struct weir_ns *ns)
{
	struct netns_bpf *skel = NULL;
	DIR *d = ns->base[0] ? opendir(ns->base) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct weir_ns other = {};
		int lock;

		if (snprintf(other.dir, sizeof(other.dir), "%s/%s", ns->base, e->d_name) >=
				(int)sizeof(other.dir) ||
			e->d_name[0] == '.' || !strcmp(other.dir, ns->dir))
			continue;
		if (!skel)
			skel = netns_bpf__open_and_load();
		lock = weir_lock_dir(other.dir, false);
		if (lock >= 0 && !is_other_version(&other) && is_dead(skel, &other, e->d_name))
			weir_remove_tree(other.dir);
		if (lock >= 0)
			close(lock);
	}
	netns_bpf__destroy(skel);
	if (d)
		closedir(d);
}
