// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whether the pins are whole and ours, before anything is done with them: a map of another size
 * would be written past its end, and a missing one be made anew, in which nobody counts.
 * tests/e2e/pins.bats takes every pin there is away, so a new map is not forgotten here.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <weir/rules.h>
#include <weir/sessions.h>

#include "priv.h"

struct pin {
	const char *name;
	__u32 type; /* of a map; 0 = a link */
	__u32 key_size, value_size;
};

enum { INDEX = sizeof(__u32) }; /* a key: number, ifindex or address */

/* Of the layout that all others are told by. */
static const struct pin of_ctl[] = {
	{"ctl", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_ctl)},
};

/* Made by the first attach, before the device is. */
static const struct pin of_events[] = {
	{"cursor", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_cursor)},
	{"cursor_tc", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_cursor)},
	{"rows_of", BPF_MAP_TYPE_HASH_OF_MAPS, sizeof(struct weir_hook_key), sizeof(__u32)},
	{"lat_of", BPF_MAP_TYPE_HASH_OF_MAPS, sizeof(struct weir_hook_key), sizeof(__u32)},
	{"link_devmap_xmit", 0, 0, 0},
	{"link_exception", 0, 0, 0},
	{"link_redirect_err", 0, 0, 0},
};

/* Made with the first device. */
static const struct pin of_devices[] = {
	{"ports", BPF_MAP_TYPE_HASH, INDEX, sizeof(struct weir_port)},
	{"vlans", BPF_MAP_TYPE_HASH, sizeof(struct weir_vlan_key), sizeof(struct weir_vlan)},
	{"capture", BPF_MAP_TYPE_RINGBUF, 0, 0},
	{"local", BPF_MAP_TYPE_HASH, INDEX, sizeof(struct weir_local)},
	{"neigh", BPF_MAP_TYPE_LRU_HASH, sizeof(struct weir_neigh_key), sizeof(struct weir_neigh)},
	{"flows", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_flow)},
	{"hops", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_hop)},
	{"tx_ports", BPF_MAP_TYPE_DEVMAP_HASH, INDEX, sizeof(struct bpf_devmap_val)},
	{"tx_ports_generic", BPF_MAP_TYPE_DEVMAP_HASH, INDEX, sizeof(struct bpf_devmap_val)},
	{"rulesets", BPF_MAP_TYPE_ARRAY_OF_MAPS, INDEX, sizeof(__u32)},
	{"counts", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_rule_count)},
	{"sets", BPF_MAP_TYPE_HASH, sizeof(struct weir_elem_key), sizeof(struct weir_elem)},
	{"set_info", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_set_info)},
	{"buckets", BPF_MAP_TYPE_HASH, sizeof(struct weir_bucket_key), WEIR_BUCKET_SIZE},
	{"chores", BPF_MAP_TYPE_ARRAY, INDEX, WEIR_CHORES_SIZE},
	{"logged", BPF_MAP_TYPE_RINGBUF, 0, 0},
	{"limits", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_limits)},
	{"sessions", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_session)},
	{"mappings", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_mapping)},
	{"names", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_name_line)},
	{"session_index", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_index_bucket)},
	{"free_sessions", BPF_MAP_TYPE_QUEUE, 0, sizeof(__u32)},
	{"free_mappings", BPF_MAP_TYPE_QUEUE, 0, sizeof(__u32)},
	{"pools", BPF_MAP_TYPE_HASH, sizeof(struct weir_pool_key), sizeof(struct weir_pool)},
	{"pool_ports", BPF_MAP_TYPE_ARRAY_OF_MAPS, INDEX, sizeof(__u32)},
	{"frags", BPF_MAP_TYPE_LRU_HASH, sizeof(struct weir_frag_key),
		sizeof(struct weir_frag_session)},
	{"frags_left", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_frag_line)},
	{"nat", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_nat_state)},
};

static const struct pin of_device[] = {
	{"conf", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_conf)},
};

static const struct pin of_hook[] = {
	{"rows", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_row)},
	{"lat", BPF_MAP_TYPE_ARRAY, INDEX, sizeof(struct weir_lat)},
};

#define NR(pins) (sizeof(pins) / sizeof((pins)[0]))

/* The descriptors of maps, programs and links answer the same questions, in other structs. */
static bool is_link(int fd)
{
	char path[64], what[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* bpf_link or bpf-link: kernels differ */
	return readlink(path, what, sizeof(what) - 1) > 0 && strstr(what, "bpf") &&
	       strstr(what, "link");
}

/* 0; -EINVAL where it is something else. */
static int check_fd(const struct pin *pin, int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (is_link(fd))
		return pin->type ? -EINVAL : 0;
	if (!pin->type || bpf_map_get_info_by_fd(fd, &info, &len) || info.type != pin->type)
		return -EINVAL;
	if (info.type == BPF_MAP_TYPE_RINGBUF)
		return 0;
	return info.key_size == pin->key_size && info.value_size == pin->value_size ? 0 : -EINVAL;
}

/* The same; -ENOENT where there is none. */
static int check_pin(const struct pin *pin, const char *path)
{
	__cleanup_close int fd = bpf_obj_get(path);

	return fd < 0 ? -errno : check_fd(pin, fd);
}

static const struct pin *find_pin(const struct pin *pins, size_t nr, const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(pins[i].name, name))
			return &pins[i];
	return NULL;
}

int weir_shared_map(const struct weir_ns *ns, const char *name)
{
	const struct pin *pin = find_pin(of_ctl, NR(of_ctl), name);
	char path[PATH_MAX];
	int fd, rc;

	if (!pin)
		pin = find_pin(of_events, NR(of_events), name);
	if (!pin)
		pin = find_pin(of_devices, NR(of_devices), name);
	if (!pin || !ns->dir[0])
		return -ENOENT;
	fd = bpf_obj_get(weir_pin_path(ns, path, "%s", name));
	if (fd < 0)
		return -errno;
	rc = check_fd(pin, fd);
	if (rc)
		weir_close(&fd);
	return rc ? rc : fd;
}

static int check_shared(const struct weir_ns *ns, const struct pin *pins, size_t nr)
{
	char path[PATH_MAX];
	int rc = 0;

	for (size_t i = 0; i < nr && !rc; i++)
		rc = check_pin(&pins[i], weir_pin_path(ns, path, "%s", pins[i].name));
	return rc;
}

/* A folder without a link is nobody's: what a killed attach left. */
static int check_hook(const struct weir_ns *ns, const struct weir_hook_at *at)
{
	struct weir_hook_state state;
	char path[PATH_MAX];
	bool filter;
	__cleanup_close int fd = -1;
	int rc = 0;

	if (!weir_hook_pinned(ns, at))
		return 0;
	for (size_t i = 0; i < NR(of_hook) && !rc; i++)
		rc = check_pin(&of_hook[i], weir_hook_pin(ns, at, path, of_hook[i].name));
	if (rc)
		return rc;
	fd = weir_hook_open(ns, at, &filter);
	if (fd < 0)
		return fd;
	if (is_link(fd) == filter)
		return -EINVAL;
	return weir_hook_look(at, fd, filter, &state);
}

static int check_dev(void *ctx, __u32 ifindex)
{
	struct weir_hook_at at = {.ifindex = ifindex};
	char path[PATH_MAX];
	int rc = 0;

	if (!weir_dev_pinned(ctx, ifindex))
		return 0;
	for (size_t i = 0; i < NR(of_device) && !rc; i++)
		rc = check_pin(&of_device[i],
			weir_pin_path(ctx, path, "dev/%u/%s", ifindex, of_device[i].name));
	for (at.hook = 0; at.hook < WEIR_HOOK_COUNT && !rc; at.hook++)
		rc = check_hook(ctx, &at);
	return rc;
}

static int has_link(void *ctx, __u32 ifindex)
{
	return weir_dev_pinned(ctx, ifindex);
}

static int refuse_pins(const struct weir_ns *ns, struct weir_err *err, const char *why)
{
	char opt[300];

	weir_fail(err, WEIR_REFUSED, 0, "the pins in %s %s", ns->dir, why);
	weir_remedy(err,
		"weir%s dev detach all  (removes them; forwarding falls back to the kernel)",
		weir_ns_option(ns, opt));
	return -EINVAL;
}

int weir_place_check(const struct weir_ns *ns, struct weir_err *err)
{
	return weir_place_is_ours(ns) ? 0 : refuse_pins(ns, err, "are not weir's, or broken");
}

static int check_abi(struct weir_ns *ns, struct weir_err *err)
{
	char path[PATH_MAX];
	__cleanup_close int fd = bpf_obj_get(weir_pin_path(ns, path, "ctl"));
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0;
	struct weir_ctl c = {};

	if (fd < 0 && (errno == EPERM || errno == EACCES))
		return weir_fail_pins(ns, err, -errno, "opening ctl");
	if (fd < 0 && errno == ENOENT)
		return refuse_pins(ns, err, "are incomplete");
	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len) || info.type != BPF_MAP_TYPE_ARRAY ||
		info.value_size < 8 || info.value_size > 4096)
		return refuse_pins(ns, err, "are not weir's, or broken");
	if (info.value_size == sizeof(c) && bpf_map_lookup_elem(fd, &zero, &c))
		return weir_fail_pins(ns, err, -errno, "reading ctl");
	if (info.value_size != sizeof(c) || c.magic != WEIR_MAGIC || c.abi != WEIR_ABI)
		return refuse_pins(ns, err, "belong to another version of weir");
	return 0;
}

int weir_shared_check(struct weir_ns *ns, struct weir_err *err)
{
	char path[PATH_MAX];
	struct stat st;
	bool attached;
	int rc;

	if (!ns->dir[0])
		return 0;
	rc = weir_place_check(ns, err);
	if (rc)
		return rc;
	if (!stat(weir_pin_path(ns, path, "dev"), &st) && !S_ISDIR(st.st_mode))
		return refuse_pins(ns, err, "are not weir's, or broken");
	attached = weir_each_dev(ns, has_link, ns);
	if (!attached && access(weir_pin_path(ns, path, "link_redirect_err"), F_OK) &&
		errno == ENOENT)
		return 0; /* nothing, or what a weir that was killed had begun */
	rc = check_abi(ns, err);
	if (rc)
		return rc;
	rc = check_shared(ns, of_events, NR(of_events));
	if (!rc && attached)
		rc = check_shared(ns, of_devices, NR(of_devices));
	if (!rc)
		rc = weir_each_dev(ns, check_dev, ns);
	if (rc == -EPERM || rc == -EACCES)
		return weir_fail_pins(ns, err, rc, "opening the pins");
	if (rc)
		return refuse_pins(
			ns, err, rc == -ENOENT ? "are incomplete" : "are not weir's, or broken");
	return 0;
}
