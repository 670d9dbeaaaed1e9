// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What all devices of a namespace share: maps, and the tracepoint programs that follow a frame
 * after its verdict. Pinned by name below the namespace's folder; gone with the last device.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "events.skel.h"
#include "tc_events.skel.h"
#include "base/clock.h"
#include "track.h"

static char said[256];

static int keep(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && !said[0]) { /* the first names the cause, the others follow */
		vsnprintf(said, sizeof(said), fmt, ap);
		said[strcspn(said, "\n")] = 0;
	}
	return 0;
}

void weir_libbpf_quiet(void)
{
	said[0] = 0;
	libbpf_set_print(keep);
}

const char *weir_libbpf_said(void)
{
	return said;
}

static int pin_at(const struct weir_ns *ns, struct bpf_map *map, const char *name)
{
	char path[PATH_MAX];

	return bpf_map__set_pin_path(map, weir_pin_path(ns, path, "%s", name));
}

/* The kernel adds a flag to devmaps that libbpf then takes for a difference: reuse them by hand. */
static int pin_devmap_at(const struct weir_ns *ns, struct bpf_map *map, const char *name)
{
	__cleanup_close int fd = weir_shared_map(ns, name);

	return fd < 0 ? pin_at(ns, map, name) : bpf_map__reuse_fd(map, fd);
}

/* Attaches one tracepoint program and pins its link. */
static int follow(struct weir_ns *ns, struct bpf_program *prog, const char *name)
{
	struct bpf_link *link = bpf_program__attach(prog);
	char path[PATH_MAX];
	int rc;

	if (!link)
		return -errno;
	rc = bpf_link__pin(link, weir_pin_path(ns, path, "%s", name));
	bpf_link__destroy(link); /* the pin keeps it */
	return rc;
}

static int init_ctl(struct weir_ns *ns, struct events_bpf *skel)
{
	struct weir_ctl c = {.magic = WEIR_MAGIC, .abi = WEIR_ABI, .netns_cookie = ns->cookie};
	__u32 zero = 0;

	return bpf_map_update_elem(bpf_map__fd(skel->maps.data_ctl), &zero, &c, BPF_ANY);
}

static struct events_bpf *open_events(struct weir_ns *ns)
{
	struct events_bpf *skel = events_bpf__open();
	__u32 cpus = (__u32)libbpf_num_possible_cpus();

	if (!skel)
		return NULL;
	skel->rodata->netns_cookie = ns->cookie;
	if (bpf_map__set_max_entries(skel->maps.cursor, cpus) ||
		bpf_map__set_max_entries(skel->maps.cursor_tc, cpus * 2) ||
		pin_at(ns, skel->maps.data_ctl, "ctl") || pin_at(ns, skel->maps.cursor, "cursor") ||
		pin_at(ns, skel->maps.cursor_tc, "cursor_tc") ||
		pin_at(ns, skel->maps.rows_of, "rows_of") ||
		pin_at(ns, skel->maps.lat_of, "lat_of")) {
		events_bpf__destroy(skel);
		return NULL;
	}
	return skel;
}

int weir_shared_up(struct weir_ns *ns, struct weir_err *err)
{
	struct events_bpf *skel;
	char path[PATH_MAX];
	int rc;

	if (!access(weir_pin_path(ns, path, "link_redirect_err"), F_OK))
		return 0;
	weir_clear_tree(ns->dir); /* what a killed attach left behind */
	if (mkdir(weir_pin_path(ns, path, "dev"), 0700) && errno != EEXIST)
		return weir_fail_pins(ns, err, -errno, "making dev");
	skel = open_events(ns);
	rc = skel ? events_bpf__load(skel) : -ENOMEM;
	if (!rc)
		rc = init_ctl(ns, skel);
	/* redirect_err comes last: it is the sign that all are there */
	if (!rc)
		rc = follow(ns, skel->progs.weir_xdp_devmap_xmit, "link_devmap_xmit");
	if (!rc)
		rc = follow(ns, skel->progs.weir_xdp_exception, "link_exception");
	if (!rc)
		rc = follow(ns, skel->progs.weir_xdp_redirect_err, "link_redirect_err");
	events_bpf__destroy(skel);
	if (rc)
		return weir_fail_sys(err, rc, "loading the tracepoint programs (%s)", said);
	return 0;
}

static int follow_generic(struct weir_ns *ns)
{
	struct events_bpf *skel = open_events(ns);
	int rc = skel ? events_bpf__load(skel) : -ENOMEM;

	if (!rc)
		rc = follow(ns, skel->progs.weir_xdp_redirect, "link_redirect");
	events_bpf__destroy(skel);
	return rc;
}

static int follow_tc(struct weir_ns *ns)
{
	struct tc_events_bpf *skel = tc_events_bpf__open();
	__u32 cpus = (__u32)libbpf_num_possible_cpus();
	int rc = -ENOMEM;

	if (skel && !bpf_map__set_max_entries(skel->maps.cursor, cpus) &&
		!bpf_map__set_max_entries(skel->maps.cursor_tc, cpus * 2) &&
		!pin_at(ns, skel->maps.data_ctl, "ctl") &&
		!pin_at(ns, skel->maps.cursor, "cursor") &&
		!pin_at(ns, skel->maps.cursor_tc, "cursor_tc") &&
		!pin_at(ns, skel->maps.rows_of, "rows_of") &&
		!pin_at(ns, skel->maps.lat_of, "lat_of"))
		rc = tc_events_bpf__load(skel);
	if (!rc)
		rc = follow(ns, skel->progs.weir_qdisc_enqueue, "link_qdisc_enqueue");
	if (!rc)
		rc = follow(ns, skel->progs.weir_kfree_skb, "link_kfree_skb");
	if (!rc)
		rc = follow(ns, skel->progs.weir_net_dev_xmit, "link_net_dev_xmit");
	tc_events_bpf__destroy(skel);
	return rc;
}

int weir_shared_follow(struct weir_ns *ns, enum weir_follow what, bool on, struct weir_err *err)
{
	/* the last of each says that all are there */
	static const char *const links[][3] = {
		[WEIR_FOLLOW_GENERIC] = {"link_redirect"},
		[WEIR_FOLLOW_TC] = {"link_qdisc_enqueue", "link_kfree_skb", "link_net_dev_xmit"},
	};
	int last = what == WEIR_FOLLOW_TC ? 2 : 0, rc;
	char path[PATH_MAX];

	if (on && !access(weir_pin_path(ns, path, "%s", links[what][last]), F_OK))
		return 0;
	for (int i = last; i >= 0; i--)
		unlink(weir_pin_path(ns, path, "%s", links[what][i]));
	if (!on)
		return 0;
	rc = what == WEIR_FOLLOW_TC ? follow_tc(ns) : follow_generic(ns);
	return rc ? weir_fail_sys(err, rc, "following frames behind %s (%s)",
			    what == WEIR_FOLLOW_TC ? "TC" : "generic XDP", said)
		  : 0;
}

/* Each CPU's share of the table of routes, less one: a mask. */
static __u32 flows_mask(void)
{
	__u32 share = WEIR_FLOWS, cpus = (__u32)libbpf_num_possible_cpus();

	while (share > WEIR_FLOWS_MIN && share * (__u64)cpus > WEIR_FLOWS)
		share /= 2;
	return share - 1;
}

int weir_shared_use(struct weir_ns *ns, struct bpf_object *obj, struct weir_self *self)
{
	static const struct {
		const char *map, *pin;
	} shared[] = {
		{".data.ctl", "ctl"},
		{"cursor", "cursor"},
		{"cursor_tc", "cursor_tc"},
		{"rows_of", "rows_of"},
		{"lat_of", "lat_of"},
		{"ports", "ports"},
		{"vlans", "vlans"},
		{"local", "local"},
		{"neigh", "neigh"},
		{"flows", "flows"},
		{"hops", "hops"},
		{"capture", "capture"},
		{"rulesets", "rulesets"},
		{"counts", "counts"},
		{"sets", "sets"},
		{"set_info", "set_info"},
		{"buckets", "buckets"},
		{"chores", "chores"},
		{".data.limits", "limits"},
		{"logged", "logged"},
		{"sessions", "sessions"},
		{"mappings", "mappings"},
		{"names", "names"},
		{"session_index", "session_index"},
		{"free_sessions", "free_sessions"},
		{"free_mappings", "free_mappings"},
		{"pools", "pools"},
		{"pool_ports", "pool_ports"},
		{"frags", "frags"},
		{"frags_left", "frags_left"},
		{".data.nat", "nat"},
		{"tx_ports", "tx_ports"},
		{"tx_ports_generic", "tx_ports_generic"},
	};
	__u32 cpus = (__u32)libbpf_num_possible_cpus();
	struct weir_ctl *ctl = weir_ctl_map(ns);
	int rc;

	if (!ctl)
		return -errno;
	rc = weir_rules_size(ns, obj, ctl, self);
	munmap(ctl, sizeof(*ctl));
	self->loaded_ns = weir_now_ns();
	self->flows_mask = flows_mask();
	self->hops_mask = (self->flows_mask + 1) / WEIR_HOPS_SHARE - 1;
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]) && !rc; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, shared[i].map);

		if (!map)
			continue; /* not every program looks into all of them */
		if (!strcmp(shared[i].pin, "cursor"))
			rc = bpf_map__set_max_entries(map, cpus);
		else if (!strcmp(shared[i].pin, "cursor_tc"))
			rc = bpf_map__set_max_entries(map, cpus * 2);
		else if (!strcmp(shared[i].pin, "flows"))
			rc = bpf_map__set_max_entries(map, (self->flows_mask + 1) * cpus);
		else if (!strcmp(shared[i].pin, "hops"))
			rc = bpf_map__set_max_entries(map, (self->hops_mask + 1) * cpus);
		if (!rc)
			rc = bpf_map__type(map) == BPF_MAP_TYPE_DEVMAP_HASH
				     ? pin_devmap_at(ns, map, shared[i].pin)
				     : pin_at(ns, map, shared[i].pin);
	}
	return rc;
}

void weir_addr_mark(struct weir_ctl *ctl, __u32 addr)
{
	__u32 bit = weir_addr_bit(addr);

	__atomic_or_fetch(&ctl->addrs[bit / 64], 1ULL << (bit % 64), __ATOMIC_SEQ_CST);
}

struct locals {
	struct weir_ctl *ctl;
	int fd;
};

static void put_local(void *ctx, __u32 addr, __u32 type)
{
	const struct locals *to = ctx;
	struct weir_local l = {type};

	weir_addr_mark(to->ctl, addr);
	bpf_map_update_elem(to->fd, &addr, &l, BPF_ANY); /* full: the kernel is not asked */
}

int weir_shared_locals(const struct weir_ns *ns)
{
	__cleanup_close int fd = weir_shared_map(ns, "local");
	struct locals to = {weir_ctl_map(ns), fd};
	__u32 addr;
	int rc;

	if (!to.ctl)
		return -errno;
	while (fd >= 0 && !bpf_map_get_next_key(fd, NULL, &addr))
		bpf_map_delete_elem(fd, &addr);
	rc = fd < 0 ? fd : weir_each_local(put_local, &to);
	munmap(to.ctl, sizeof(*to.ctl));
	return rc;
}

int weir_grace(const struct weir_ns *ns)
{
	__cleanup_close int outer = -1, inner = -1;
	struct weir_hook_key key = {};
	__u32 id;

	/* synchronize_rcu(): softirq, where XDP runs, is a read-side section */
	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return 0;
	/* Refused on kernels with nohz_full: a change of a map of maps waits just as long. */
	outer = weir_shared_map(ns, "rows_of");
	if (outer < 0)
		return outer;
	if (bpf_map_get_next_key(outer, NULL, &key) || bpf_map_lookup_elem(outer, &key, &id))
		return errno == ENOENT ? 0 : -errno;
	inner = bpf_map_get_fd_by_id(id);
	if (inner < 0 || bpf_map_update_elem(outer, &key, &inner, BPF_EXIST))
		return -errno;
	return 0;
}

struct weir_ctl *weir_ctl_map(const struct weir_ns *ns)
{
	__cleanup_close int fd = weir_shared_map(ns, "ctl");
	struct weir_ctl *c;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return c == MAP_FAILED ? NULL : c;
}

int weir_shared_mark(struct weir_ns *ns, bool on)
{
	struct weir_ctl *c = weir_ctl_map(ns);

	if (!c)
		return -errno;
	c->tc = on;
	munmap(c, sizeof(*c));
	return 0;
}

void weir_shared_moved(const struct weir_ns *ns)
{
	struct weir_ctl *c = weir_ctl_map(ns);

	if (!c)
		return;
	__atomic_add_fetch(&c->generation, 1, __ATOMIC_SEQ_CST);
	munmap(c, sizeof(*c));
}

void weir_shared_remove(const struct weir_ns *ns)
{
	if (weir_is_tracking(ns))
		weir_defrag_down(ns);
	weir_remove_tree(ns->dir);
}

struct census {
	const struct weir_ns *ns;
	unsigned int devs, generic, tc;
};

static int count_one(void *ctx, __u32 ifindex)
{
	struct census *c = ctx;
	struct weir_hook_at xdp = {ifindex, WEIR_HOOK_xdp}, tc = {ifindex, WEIR_HOOK_tc_ingress};
	struct weir_conf conf;

	if (!weir_dev_pinned(c->ns, ifindex)) {
		weir_dev_remove(c->ns, ifindex);
		return 0;
	}
	c->devs++;
	c->tc += weir_hook_pinned(c->ns, &tc);
	c->generic += weir_hook_pinned(c->ns, &xdp) && !weir_dev_conf(c->ns, ifindex, &conf) &&
		      conf.generic;
	return 0;
}

void weir_shared_settle(struct weir_ns *ns)
{
	struct census c = {.ns = ns};

	weir_each_dev(ns, count_one, &c);
	if (!ns->dir[0])
		return;
	/* rules may be all that is left: the machine's packets are not to pay for what nobody
	 * follows */
	if (!c.generic)
		weir_shared_follow(ns, WEIR_FOLLOW_GENERIC, false, NULL);
	if (!c.tc) {
		weir_shared_follow(ns, WEIR_FOLLOW_TC, false, NULL);
		weir_shared_mark(ns, false);
	}
	if (c.devs && !weir_is_tracking(ns))
		weir_egress_down(ns); /* what a weir that was killed has left */
	if (c.devs || weir_rules_any(ns))
		return;
	weir_shared_remove(ns);
	rmdir(ns->base); /* refused while other namespaces have pins there */
}
