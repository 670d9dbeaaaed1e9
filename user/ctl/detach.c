// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Taking the program off a device's XDP hook, and all that was pinned for it away. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <net/if.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "priv.h"

int weir_dev_link(const struct weir_ns *ns, __u32 ifindex)
{
	char path[PATH_MAX];
	int fd = bpf_obj_get(weir_pin_path(ns, path, "dev/%u/link", ifindex));

	return fd < 0 ? -errno : fd;
}

bool weir_dev_has_link(const struct weir_ns *ns, __u32 ifindex)
{
	char path[PATH_MAX];

	return !access(weir_pin_path(ns, path, "dev/%u/link", ifindex), F_OK) || errno != ENOENT;
}

int weir_dev_conf(const struct weir_ns *ns, __u32 ifindex, struct weir_conf *conf)
{
	char path[PATH_MAX];
	__cleanup_close int fd = bpf_obj_get(weir_pin_path(ns, path, "dev/%u/conf", ifindex));
	struct bpf_map_info info = {};
	__u32 zero = 0, len = sizeof(info);

	memset(conf, 0, sizeof(*conf));
	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != sizeof(*conf))
		return -EINVAL; /* not ours: it would not fit */
	return bpf_map_lookup_elem(fd, &zero, conf) ? -errno : 0;
}

bool weir_dev_generic(const struct weir_ns *ns, __u32 ifindex)
{
	struct weir_conf c;

	return !weir_dev_conf(ns, ifindex, &c) && c.generic;
}

void weir_dev_unhook(const struct weir_ns *ns, __u32 ifindex)
{
	__cleanup_close int fd = weir_dev_link(ns, ifindex);
	char path[PATH_MAX];

	if (fd >= 0)
		bpf_link_detach(fd); /* even if somebody else holds the link open */
	unlink(weir_pin_path(ns, path, "dev/%u/link", ifindex));
}

void weir_dev_remove(const struct weir_ns *ns, __u32 ifindex)
{
	static const char *const of_ifindex[] = {"tx_ports", "tx_ports_generic"};
	static const char *const after[] = {"rows_of", "lat_of", "ports"};
	char path[PATH_MAX];
	size_t i;
	int fd;

	for (i = 0; i < 2; i++) {
		fd = weir_shared_map(ns, of_ifindex[i]);
		if (fd >= 0) {
			bpf_map_delete_elem(fd, &ifindex);
			close(fd);
		}
	}
	weir_dev_unhook(ns, ifindex);
	weir_grace(ns);
	for (i = 0; i < 3; i++) {
		fd = weir_shared_map(ns, after[i]);
		if (fd >= 0) {
			bpf_map_delete_elem(fd, &ifindex);
			close(fd);
		}
	}
	weir_remove_tree(weir_pin_path(ns, path, "dev/%u", ifindex));
}

static int remove_each(void *ctx, __u32 ifindex)
{
	weir_dev_remove(ctx, ifindex);
	return 0;
}

struct find {
	const struct weir_ns *ns;
	const char *name;
	__u32 found, gone;
};

static int has_name(void *ctx, __u32 ifindex)
{
	struct find *f = ctx;
	char now[IFNAMSIZ];
	struct weir_conf c;

	if (if_indextoname(ifindex, now)) {
		if (!strcmp(now, f->name))
			f->found = ifindex;
	} else if (!weir_dev_conf(f->ns, ifindex, &c) && !strcmp(c.name, f->name)) {
		f->gone = ifindex;
	}
	return f->found != 0;
}

/* By today's name, else by the name at attach of one that is gone. */
static __u32 find_dev(const struct weir_ns *ns, const char *name)
{
	struct find f = {.ns = ns, .name = name};

	weir_each_dev(ns, has_name, &f);
	return f.found ? f.found : f.gone;
}

int weir_dev_detach(struct weir_ns *ns, const char *const *devs, unsigned int nr_devs,
	struct weir_notes *notes, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	unsigned int i;

	(void)notes;
	if (lock == -EACCES || lock == -EPERM)
		return weir_fail_sys(err, lock, "opening %s", ns->dir);
	if (lock >= 0 && access(ns->dir, W_OK))
		return weir_fail_sys(err, -errno, "removing pins from %s", ns->dir);
	for (i = 0; i < nr_devs; i++) {
		if (!find_dev(ns, devs[i])) {
			weir_fail(err, WEIR_NOT_FOUND, 0, "%s is not attached", devs[i]);
			weir_remedy(err, "weir dev show");
			return -ENOENT;
		}
	}
	for (i = 0; i < nr_devs; i++)
		weir_dev_remove(ns, find_dev(ns, devs[i]));
	if (!nr_devs) {
		weir_each_dev(ns, remove_each, ns);
		if (ns->dir[0])
			weir_remove_tree(ns->dir); /* whatever else is in there */
		weir_collect_dead(ns);
	}
	weir_shared_settle(ns);
	return 0;
}
