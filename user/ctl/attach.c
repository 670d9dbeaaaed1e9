// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Attaching to devices and detaching from them.
 *
 * A device is attached when its XDP link is pinned: until then all that was made for it goes away
 * with this process, however it ends. Several devices are attached one after the other and, when
 * one fails, those before it are detached again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <net/if_arp.h>
#include <net/if.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "xdp.skel.h"
#include "priv.h"

/* One device being attached. */
struct job {
	struct weir_ns *ns;
	const struct weir_attach *what;
	struct weir_notes *notes;
	struct weir_link link;
	struct xdp_bpf *skel;
	bool generic;
	bool fresh; /* not attached before: a roll-back detaches it */
};

static const char *ns_option(const struct weir_ns *ns, char buf[300])
{
	snprintf(buf, 300, ns->name[0] ? " -n %s" : "", ns->name);
	return buf;
}

static int dev_link_fd(const struct weir_ns *ns, __u32 ifindex)
{
	char path[PATH_MAX];
	int fd = bpf_obj_get(weir_pin_path(ns, path, "dev/%u/link", ifindex));

	return fd < 0 ? -errno : fd;
}

/* The id of the XDP program on a device, whoever attached it; 0 = none. */
static __u32 xdp_prog_id(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	if (bpf_xdp_query((int)ifindex, 0, &q))
		return 0;
	return q.prog_id ? q.prog_id : q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
}

static void remove_dev(const struct weir_ns *ns, __u32 ifindex)
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
	fd = dev_link_fd(ns, ifindex);
	if (fd >= 0) {
		bpf_link_detach(fd); /* even if somebody else holds the link open */
		close(fd);
	}
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

/* --- before: what would go wrong --- */

static int check_foreign(struct job *j, struct weir_err *err)
{
	__u32 id = xdp_prog_id(j->link.ifindex);
	struct bpf_link_info info;
	__u32 link_id = 0, len;
	int fd;

	if (!id)
		return 0;
	if (!j->what->force) {
		char opt[300];

		weir_fail(err, WEIR_REFUSED, 0, "%s has another XDP program: id %u", j->link.name,
			id);
		weir_remedy(err, "bpftool prog show id %u; to replace it: weir%s dev attach %s force",
			id, ns_option(j->ns, opt), j->link.name);
		return -EBUSY;
	}
	bpf_xdp_detach((int)j->link.ifindex, 0, NULL); /* without a link */
	while (!bpf_link_get_next_id(link_id, &link_id)) {
		fd = bpf_link_get_fd_by_id(link_id);
		len = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (fd >= 0 && !bpf_link_get_info_by_fd(fd, &info, &len) &&
			info.type == BPF_LINK_TYPE_XDP && info.xdp.ifindex == j->link.ifindex &&
			info.prog_id == id)
			bpf_link_detach(fd);
		if (fd >= 0)
			close(fd);
	}
	weir_note(j->notes, "%s: replaced XDP program %u", j->link.name, id);
	return 0;
}

/* Redirecting to a veth whose other end takes no frames loses every one of them. */
static int check_peer(struct job *j, struct weir_err *err)
{
	char where[256];
	int rc;

	if (strcmp(j->link.kind, "veth") || weir_link_takes_frames(&j->link) != 0)
		return 0;
	rc = weir_peer_gro_on(&j->link, where);
	if (!rc && weir_link_takes_frames(&j->link) != 0) {
		weir_note(j->notes,
			"%s: turned GRO on at its other end (%s), which took no redirected frames",
			j->link.name, where);
		return 0;
	}
	if (j->what->force) {
		weir_note(j->notes,
			"%s: its other end takes no redirected frames; the kernel sends them there",
			j->link.name);
		return 0;
	}
	weir_fail(err, WEIR_REFUSED, 0,
		"the other end of veth %s has neither GRO nor an XDP program, so every frame "
		"redirected to it would be lost", j->link.name);
	weir_remedy(err, "ethtool -K PEER gro on  (in the namespace of the other end)");
	return -EOPNOTSUPP;
}

static void advise(struct job *j)
{
	const char *n = j->link.name;

	if (weir_sysctl("conf/%s/forwarding", n) == 0)
		weir_note(j->notes,
			"%s: forwarding is off, so all goes to the kernel: sysctl -w net.ipv4.ip_forward=1",
			n);
	if (weir_sysctl("conf/all/rp_filter") == 1 || weir_sysctl("conf/%s/rp_filter", n) == 1)
		weir_note(j->notes, "%s: rp_filter=1 is not applied to what the fast path forwards", n);
	if (j->link.rx_queues > WEIR_QUEUE_MAX)
		weir_note(j->notes, "%s: %u queues; those from %u on are counted together", n,
			j->link.rx_queues, WEIR_QUEUE_MAX - 1);
}

static int check(struct job *j, struct weir_err *err)
{
	if (j->link.type != ARPHRD_ETHER && j->link.type != ARPHRD_LOOPBACK) {
		weir_fail(err, WEIR_REFUSED, 0, "%s is not an Ethernet device", j->link.name);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* --- loading --- */

static __u16 queues_of(const struct weir_link *l)
{
	return (__u16)(l->rx_queues < 1		       ? 1
		       : l->rx_queues > WEIR_QUEUE_MAX ? WEIR_QUEUE_MAX
						       : l->rx_queues);
}

/* Each row says whose it is, so that a dump of the map reads without a key. */
static int init_rows(struct job *j)
{
	__u32 cpus = (__u32)libbpf_num_possible_cpus(), q = queues_of(&j->link), i;
	size_t rows_len = sizeof(struct weir_row) * cpus * q * 2;
	size_t lat_len = sizeof(struct weir_lat) * cpus * q;
	struct weir_row *r = mmap(NULL, rows_len, PROT_READ | PROT_WRITE, MAP_SHARED,
		bpf_map__fd(j->skel->maps.rows), 0);
	struct weir_lat *l = mmap(NULL, lat_len, PROT_READ | PROT_WRITE, MAP_SHARED,
		bpf_map__fd(j->skel->maps.lat), 0);
	int rc = r == MAP_FAILED || l == MAP_FAILED ? -errno : 0;

	for (i = 0; !rc && i < cpus * q * 2; i++) {
		r[i].cpu = (__u16)(i / 2 / q);
		r[i].queue = (__u16)(i / 2 % q);
		r[i].bank = i % 2;
		r[i].queues = (__u16)q;
	}
	for (i = 0; !rc && i < cpus * q; i++) {
		l[i].cpu = (__u16)(i / q);
		l[i].queue = (__u16)(i % q);
	}
	if (r != MAP_FAILED)
		munmap(r, rows_len);
	if (l != MAP_FAILED)
		munmap(l, lat_len);
	return rc;
}

static int set_conf(struct job *j)
{
	struct weir_conf c = {
		.abi = WEIR_ABI,
		.ifindex = j->link.ifindex,
		.punt = (__u8)j->what->punt,
		.generic = j->generic,
		.virtual_link = weir_link_is_virtual(&j->link),
		.queues = queues_of(&j->link),
		.cpus = (__u32)libbpf_num_possible_cpus(),
	};
	__u32 zero = 0;

	memcpy(c.mac, j->link.mac, sizeof(c.mac));
	memcpy(c.name, j->link.name, sizeof(c.name));
	return bpf_map_update_elem(bpf_map__fd(j->skel->maps.conf), &zero, &c, BPF_ANY);
}

static int pin_dev_map(struct job *j, struct bpf_map *map, const char *name)
{
	char path[PATH_MAX];

	return bpf_map__set_pin_path(
		map, weir_pin_path(j->ns, path, "dev/%u/%s", j->link.ifindex, name));
}

static int load(struct job *j, struct weir_err *err)
{
	__u32 rows = (__u32)libbpf_num_possible_cpus() * queues_of(&j->link);
	char path[PATH_MAX];
	int rc;

	j->skel = xdp_bpf__open();
	if (!j->skel)
		return weir_fail_sys(err, -errno, "opening the XDP program");
	j->skel->rodata->dev_ifindex = j->link.ifindex;
	j->skel->rodata->dev_queues = queues_of(&j->link);
	j->skel->rodata->dev_virtual = weir_link_is_virtual(&j->link);
	j->skel->rodata->dev_generic = j->generic;
	rc = bpf_map__set_max_entries(j->skel->maps.rows, rows * 2);
	if (!rc)
		rc = bpf_map__set_max_entries(j->skel->maps.lat, rows);
	if (!rc)
		rc = weir_shared_use(j->ns, j->skel);
	if (!rc && mkdir(weir_pin_path(j->ns, path, "dev/%u", j->link.ifindex), 0700) &&
		errno != EEXIST)
		rc = -errno;
	if (!rc)
		rc = pin_dev_map(j, j->skel->maps.rows, "rows");
	if (!rc)
		rc = pin_dev_map(j, j->skel->maps.lat, "lat");
	if (!rc)
		rc = pin_dev_map(j, j->skel->maps.conf, "conf");
	if (!rc)
		rc = xdp_bpf__load(j->skel);
	if (rc)
		return weir_fail_sys(
			err, rc, "loading the XDP program for %s (%s)", j->link.name,
			weir_libbpf_said());
	rc = init_rows(j);
	if (!rc)
		rc = set_conf(j);
	return rc ? weir_fail_sys(err, rc, "preparing the counters of %s", j->link.name) : 0;
}

static int put_fd(const struct weir_ns *ns, const char *map, __u32 ifindex, int value)
{
	__cleanup_close int fd = weir_shared_map(ns, map);

	return fd < 0 ? fd : bpf_map_update_elem(fd, &ifindex, &value, BPF_ANY);
}

/* Lets frames be redirected to the device: by generic XDP always, natively if the driver can. */
static int open_port(struct job *j)
{
	__cleanup_close int tx = weir_shared_map(j->ns, "tx_ports");
	__cleanup_close int any = weir_shared_map(j->ns, "tx_ports_generic");
	__cleanup_close int ports = weir_shared_map(j->ns, "ports");
	struct bpf_devmap_val v = {.ifindex = j->link.ifindex};
	struct weir_port port = {};
	long ms = weir_sysctl("neigh/%s/base_reachable_time_ms", j->link.name);
	int rc;

	port.reachable_ms = ms > 0 && ms < 86400000 ? (__u32)ms : 30000;
	memcpy(port.name, j->link.name, sizeof(port.name));
	rc = bpf_map_update_elem(ports, &j->link.ifindex, &port, BPF_ANY);
	if (!rc && any >= 0)
		rc = bpf_map_update_elem(any, &j->link.ifindex, &v, BPF_ANY);
	if (!rc && tx >= 0 && weir_link_takes_frames(&j->link) != 0)
		rc = bpf_map_update_elem(tx, &j->link.ifindex, &v, BPF_ANY);
	return rc;
}

static int explain_refusal(struct job *j, int rc, struct weir_err *err)
{
	char opt[300];

	if (!j->generic && (rc == -EOPNOTSUPP || rc == -EINVAL || rc == -ERANGE)) {
		weir_fail(err, WEIR_REFUSED, rc, "%s%s%s%s has no native XDP for this", j->link.name,
			j->link.kind[0] ? " (" : "", j->link.kind, j->link.kind[0] ? ")" : "");
		weir_remedy(err, "weir%s dev attach %s xdp generic%s", ns_option(j->ns, opt),
			j->link.name,
			rc == -EOPNOTSUPP ? "" : "; or a smaller MTU or fewer queues");
		return rc;
	}
	return weir_fail_sys(err, rc, "attaching XDP to %s", j->link.name);
}

static int hook(struct job *j, struct weir_err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		.flags = j->generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	__cleanup_close int link = -1;
	char path[PATH_MAX];
	__u32 ifindex = j->link.ifindex;
	int rc;

	rc = put_fd(j->ns, "rows_of", ifindex, bpf_map__fd(j->skel->maps.rows));
	if (!rc)
		rc = put_fd(j->ns, "lat_of", ifindex, bpf_map__fd(j->skel->maps.lat));
	if (rc)
		return weir_fail_sys(err, rc, "registering %s", j->link.name);
	link = bpf_link_create(
		bpf_program__fd(j->skel->progs.weir_xdp), (int)ifindex, BPF_XDP, &opts);
	if (link < 0)
		return explain_refusal(j, -errno, err);
	if (bpf_obj_pin(link, weir_pin_path(j->ns, path, "dev/%u/link", ifindex)))
		return weir_fail_sys(err, -errno, "pinning %s", path);
	return 0;
}

/* --- one device --- */

/* A new program in the place of ours: the counters stay, no packet is missed. */
static int replace_own(struct job *j, int link, struct weir_err *err)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	char opt[300];
	int rc;

	if (bpf_link_get_info_by_fd(link, &info, &len))
		return weir_fail_sys(err, -errno, "reading the link of %s", j->link.name);
	if (!j->what->force) {
		weir_fail(err, WEIR_REFUSED, 0, "%s is attached already: program %u",
			j->link.name, info.prog_id);
		weir_remedy(err, "weir%s dev show; to load it anew and keep the counters: weir%s dev "
				 "attach %s force", opt, ns_option(j->ns, opt), j->link.name);
		return -EEXIST;
	}
	rc = load(j, err);
	if (rc)
		return rc;
	rc = bpf_link_update(link, bpf_program__fd(j->skel->progs.weir_xdp), NULL);
	if (rc)
		return weir_fail_sys(err, -errno, "replacing the program of %s", j->link.name);
	weir_note(j->notes, "%s: loaded anew, counters kept", j->link.name);
	return open_port(j);
}

static bool pinned_generic(const struct weir_ns *ns, __u32 ifindex, bool *generic)
{
	char path[PATH_MAX];
	__cleanup_close int fd = bpf_obj_get(weir_pin_path(ns, path, "dev/%u/conf", ifindex));
	struct weir_conf c;
	__u32 zero = 0;

	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, &c))
		return false;
	*generic = c.generic;
	return true;
}

static int attach_one(struct job *j, struct weir_err *err)
{
	__cleanup_close int link = dev_link_fd(j->ns, j->link.ifindex);
	bool generic;
	int rc;

	if (link >= 0 && j->what->mode == WEIR_XDP_AUTO &&
		pinned_generic(j->ns, j->link.ifindex, &generic))
		j->generic = generic;
	if (link >= 0 && (!j->what->force || (pinned_generic(j->ns, j->link.ifindex, &generic) &&
						     generic == j->generic)))
		return replace_own(j, link, err);
	weir_close(&link);
	remove_dev(j->ns, j->link.ifindex); /* our own in another mode, or a broken remainder */
	j->fresh = true;
	rc = check_foreign(j, err);
	if (!rc && j->generic)
		rc = weir_shared_generic(j->ns, true, err);
	if (!rc)
		rc = load(j, err);
	if (!rc)
		rc = hook(j, err);
	if (!rc)
		rc = check_peer(j, err);
	if (rc)
		return rc;
	rc = open_port(j);
	if (rc)
		return weir_fail_sys(err, rc, "opening %s for redirects", j->link.name);
	advise(j);
	return 0;
}

static int attach_all(struct job *jobs, struct weir_ns *ns, const struct weir_attach *what,
	struct weir_err *err)
{
	unsigned int i;
	int rc = weir_shared_up(ns, err);

	if (rc)
		return rc;
	for (i = 0; i < what->nr_devs && !rc; i++)
		rc = attach_one(&jobs[i], err);
	if (!rc)
		return 0;
	while (i-- > 0)
		if (jobs[i].fresh)
			remove_dev(ns, jobs[i].link.ifindex);
	return rc;
}

int weir_dev_attach(struct weir_ns *ns, const struct weir_attach *what, struct weir_notes *notes,
	struct weir_err *err)
{
	struct job *jobs = calloc(what->nr_devs, sizeof(*jobs));
	__cleanup_close int lock = -1;
	unsigned int i;
	int rc = jobs ? 0 : weir_fail(err, WEIR_REFUSED, -ENOMEM, "attaching");

	for (i = 0; !rc && i < what->nr_devs; i++) {
		jobs[i] = (struct job){.ns = ns, .what = what, .notes = notes};
		jobs[i].generic = what->mode == WEIR_XDP_GENERIC;
		rc = weir_link_get(what->devs[i], &jobs[i].link, err);
		if (!rc)
			rc = check(&jobs[i], err);
	}
	if (!rc)
		rc = weir_ns_prepare(ns, notes, err);
	if (!rc) {
		lock = weir_ns_lock(ns, "");
		rc = lock < 0 ? weir_fail_sys(err, lock, "locking %s", ns->dir) : 0;
	}
	if (!rc) {
		weir_collect_dead(ns);
		rc = weir_shared_check(ns, err);
	}
	if (!rc) {
		rc = attach_all(jobs, ns, what, err);
		weir_shared_down_if_idle(ns);
	}
	for (i = 0; jobs && i < what->nr_devs; i++)
		xdp_bpf__destroy(jobs[i].skel);
	free(jobs);
	return rc;
}

/* --- detaching --- */

static int remove_each(void *ctx, __u32 ifindex)
{
	remove_dev(ctx, ifindex);
	return 0;
}

struct find {
	const struct weir_ns *ns;
	const char *name;
	__u32 found;
};

/* By today's name, or by the name at attach where the device is gone. */
static int has_name(void *ctx, __u32 ifindex)
{
	struct find *f = ctx;
	char path[PATH_MAX], now[IFNAMSIZ];
	__cleanup_close int fd = bpf_obj_get(weir_pin_path(f->ns, path, "dev/%u/conf", ifindex));
	struct weir_conf c = {};
	__u32 zero = 0;

	if (if_indextoname(ifindex, now)) {
		if (!strcmp(now, f->name))
			f->found = ifindex;
	} else if (fd >= 0 && !bpf_map_lookup_elem(fd, &zero, &c) && !strcmp(c.name, f->name)) {
		f->found = ifindex;
	}
	return f->found != 0;
}

static __u32 find_dev(const struct weir_ns *ns, const char *name)
{
	struct find f = {.ns = ns, .name = name};

	weir_each_dev(ns, has_name, &f);
	return f.found;
}

int weir_dev_detach(struct weir_ns *ns, const char *const *devs, unsigned int nr_devs,
	struct weir_notes *notes, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	unsigned int i;

	(void)notes;
	if (lock == -EACCES || lock == -EPERM)
		return weir_fail_sys(err, lock, "opening %s", ns->dir);
	for (i = 0; i < nr_devs; i++) {
		if (!find_dev(ns, devs[i])) {
			weir_fail(err, WEIR_NOT_FOUND, 0, "%s is not attached", devs[i]);
			weir_remedy(err, "weir dev show");
			return -ENOENT;
		}
	}
	for (i = 0; i < nr_devs; i++)
		remove_dev(ns, find_dev(ns, devs[i]));
	if (!nr_devs) {
		weir_each_dev(ns, remove_each, ns);
		if (ns->dir[0])
			weir_remove_tree(ns->dir); /* whatever else is in there */
		weir_collect_dead(ns);
	}
	weir_shared_down_if_idle(ns);
	return 0;
}

int weir_sampling_set(struct weir_ns *ns, __u32 every, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	__cleanup_close int fd = -1;
	struct weir_ctl *c;
	int rc = weir_shared_check(ns, err);

	if (rc)
		return rc;
	fd = weir_shared_map(ns, "ctl");
	if (fd == -ENOENT) {
		weir_fail(err, WEIR_NOT_FOUND, 0, "no device is attached");
		weir_remedy(err, "weir dev attach DEV");
		return fd;
	}
	if (fd < 0)
		return weir_fail_sys(err, fd, "opening %s/ctl", ns->dir);
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c == MAP_FAILED)
		return weir_fail_sys(err, -errno, "mapping %s/ctl", ns->dir);
	__atomic_store_n(&c->sample_every, every, __ATOMIC_RELAXED);
	munmap(c, sizeof(*c));
	return 0;
}
