// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Taking programs off a device's hooks, and all that was pinned for them away. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <net/if.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "priv.h"

bool weir_dev_pinned(const struct weir_ns *ns, __u32 ifindex)
{
	struct weir_hook_at at = {.ifindex = ifindex};

	for (at.hook = 0; at.hook < WEIR_HOOK_COUNT; at.hook++)
		if (weir_hook_pinned(ns, &at))
			return true;
	return false;
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
	if (bpf_map_lookup_elem(fd, &zero, conf))
		return -errno;
	conf->name[sizeof(conf->name) - 1] = '\0'; /* whoever has written it */
	return 0;
}

int weir_dev_vlans_only(const struct weir_ns *ns, __u32 ifindex, bool on)
{
	char path[PATH_MAX];
	__cleanup_close int fd = -1;
	struct weir_conf conf;
	__u32 zero = 0;
	int rc = weir_dev_conf(ns, ifindex, &conf);

	if (rc)
		return rc;
	fd = bpf_obj_get(weir_pin_path(ns, path, "dev/%u/conf", ifindex));
	conf.vlans_only = on;
	return fd < 0 || bpf_map_update_elem(fd, &zero, &conf, BPF_EXIST) ? -errno : 0;
}

static void forget(const struct weir_ns *ns, const char *map, const void *key)
{
	__cleanup_close int fd = weir_shared_map(ns, map);

	if (fd >= 0)
		bpf_map_delete_elem(fd, key);
}

void weir_hook_remove(const struct weir_ns *ns, const struct weir_hook_at *at)
{
	struct weir_hook_key key = {.ifindex = at->ifindex, .hook = at->hook};
	char path[PATH_MAX];

	if (access(weir_hook_pin(ns, at, path, ""), F_OK) && errno == ENOENT)
		return; /* waiting for a grace period would be for nothing */
	weir_hook_unhook(ns, at);
	weir_grace(ns);
	forget(ns, "rows_of", &key);
	forget(ns, "lat_of", &key);
	weir_remove_tree(weir_hook_pin(ns, at, path, ""));
}

void weir_dev_remove(const struct weir_ns *ns, __u32 ifindex)
{
	struct weir_hook_at at = {.ifindex = ifindex};
	char path[PATH_MAX];

	weir_vlans_remove(ns, ifindex);
	forget(ns, "tx_ports", &ifindex);
	forget(ns, "tx_ports_generic", &ifindex);
	for (at.hook = 0; at.hook < WEIR_HOOK_COUNT; at.hook++)
		weir_hook_remove(ns, &at);
	forget(ns, "ports", &ifindex);
	weir_remove_tree(weir_pin_path(ns, path, "dev/%u", ifindex));
}

void weir_devs_touch(const struct weir_ns *ns)
{
	char path[PATH_MAX];

	if (ns->dir[0] && !mkdir(weir_pin_path(ns, path, "dev/touched"), 0700))
		rmdir(path);
	weir_shared_moved(ns);
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

/* What is left of a device that goes on for its VLAN devices: XDP, by which theirs leave, too. */
static void keep_for_vlans(const struct weir_ns *ns, __u32 ifindex)
{
	struct weir_hook_at at = {.ifindex = ifindex};

	forget(ns, "ports", &ifindex);
	for (at.hook = WEIR_HOOK_xdp + 1; at.hook < WEIR_HOOK_COUNT; at.hook++)
		weir_hook_remove(ns, &at);
}

/* The last VLAN device has gone: XDP goes, too, and all else unless TC was attached there itself. */
static void end_for_vlans(const struct weir_ns *ns, __u32 ifindex)
{
	struct weir_hook_at xdp = {ifindex, WEIR_HOOK_xdp};

	weir_hook_remove(ns, &xdp);
	if (!weir_dev_pinned(ns, ifindex) || weir_dev_vlans_only(ns, ifindex, false))
		weir_dev_remove(ns, ifindex);
}

/* One device's end. A device that VLAN devices lie on goes on for these; one that was attached for
 * them alone goes with the last. */
static void detach_one(const struct weir_ns *ns, const char *name, struct weir_notes *notes)
{
	__u32 dev = find_dev(ns, name), vlan = weir_vlan_find(ns, name);
	__u32 root = vlan ? weir_vlan_root(ns, vlan) : 0;
	struct weir_conf conf;

	if (vlan)
		weir_vlan_remove(ns, vlan);
	if (dev && weir_vlans_of(ns, dev) && !weir_dev_vlans_only(ns, dev, true)) {
		weir_note(
			notes, "%s: its program goes on for the VLAN devices attached on it", name);
		keep_for_vlans(ns, dev);
		dev = 0;
	}
	if (dev)
		weir_dev_remove(ns, dev);
	if (root && !weir_vlans_of(ns, root) && !weir_dev_conf(ns, root, &conf) && conf.vlans_only)
		end_for_vlans(ns, root);
}

int weir_dev_detach(struct weir_ns *ns, const char *const *devs, unsigned int nr_devs,
	struct weir_notes *notes, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	unsigned int i;

	if (lock == -EACCES || lock == -EPERM)
		return weir_fail_pins(ns, err, lock, "opening the pins");
	if (lock >= 0 && access(ns->dir, W_OK))
		return weir_fail_pins(ns, err, -errno, "removing the pins");
	if (!nr_devs && lock == -ENOENT) { /* there is nothing, or another weir begins just now */
		weir_collect_dead(ns);
		return 0;
	}
	if (!nr_devs)
		weir_place_make_ours(ns);
	else if (weir_place_check(ns, err))
		return -EINVAL;
	for (i = 0; i < nr_devs; i++) {
		if (!find_dev(ns, devs[i]) && !weir_vlan_find(ns, devs[i])) {
			weir_fail(err, WEIR_NOT_FOUND, 0, "%s is not attached", devs[i]);
			weir_remedy(err, "weir dev show");
			return -ENOENT;
		}
	}
	for (i = 0; i < nr_devs; i++)
		detach_one(ns, devs[i], notes);
	if (!nr_devs) {
		weir_each_dev(ns, remove_each, ns);
		if (weir_rules_any(ns) && !weir_shared_check(ns, NULL))
			weir_note(notes, "rules stay, for devices to come: to remove them: weir "
					 "filter flush; weir nat flush");
		else if (ns->dir[0])
			weir_shared_remove(ns); /* whatever else is in there */
		weir_collect_dead(ns);
	}
	weir_devs_touch(ns);
	weir_shared_settle(ns);
	return 0;
}
