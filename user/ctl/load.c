// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loading a device's program and maps, and putting the program on its XDP hook. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "xdp.skel.h"
#include "priv.h"

static __u16 queues_of(const struct weir_link *l)
{
	return (__u16)(l->rx_queues < 1		       ? 1
		       : l->rx_queues > WEIR_QUEUE_MAX ? WEIR_QUEUE_MAX
						       : l->rx_queues);
}

/* Each row says whose it is, so that a dump of the map reads without a key. */
static int init_rows(struct weir_job *j)
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

static int set_conf(struct weir_job *j)
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
	long all = weir_sysctl("conf/all/rp_filter");
	long own = weir_sysctl("conf/%s/rp_filter", j->link.name);
	__u32 zero = 0;

	c.rp_filter = (__u8)(own > all ? own : all); /* as the kernel takes the larger */
	if (own < 0 && all < 0)
		c.rp_filter = 0;
	memcpy(c.mac, j->link.mac, sizeof(c.mac));
	memcpy(c.name, j->link.name, sizeof(c.name));
	return bpf_map_update_elem(bpf_map__fd(j->skel->maps.data_conf), &zero, &c, BPF_ANY);
}

static int pin_dev_map(struct weir_job *j, struct bpf_map *map, const char *name)
{
	char path[PATH_MAX];

	return bpf_map__set_pin_path(
		map, weir_pin_path(j->ns, path, "dev/%u/%s", j->link.ifindex, name));
}

int weir_job_load(struct weir_job *j, struct weir_err *err)
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
		rc = pin_dev_map(j, j->skel->maps.data_conf, "conf");
	if (!rc)
		rc = xdp_bpf__load(j->skel);
	if (rc)
		return weir_fail_sys(
			err, rc, "loading the XDP program for %s (%s)", j->link.name,
			weir_libbpf_said());
	rc = init_rows(j);
	if (!rc)
		rc = set_conf(j);
	if (!rc)
		rc = weir_shared_locals(j->ns);
	return rc ? weir_fail_sys(err, rc, "preparing the counters of %s", j->link.name) : 0;
}

static int put_fd(const struct weir_ns *ns, const char *map, __u32 ifindex, int value)
{
	__cleanup_close int fd = weir_shared_map(ns, map);

	return fd < 0 ? fd : bpf_map_update_elem(fd, &ifindex, &value, BPF_ANY);
}

int weir_job_open_port(struct weir_job *j)
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

static int explain_refusal(struct weir_job *j, int rc, struct weir_err *err)
{
	char opt[300];

	if (!j->generic && (rc == -EOPNOTSUPP || rc == -EINVAL || rc == -ERANGE)) {
		weir_fail(err, WEIR_REFUSED, rc, "%s%s%s%s has no native XDP for this", j->link.name,
			j->link.kind[0] ? " (" : "", j->link.kind, j->link.kind[0] ? ")" : "");
		weir_remedy(err, "weir%s dev attach %s xdp generic%s", weir_ns_option(j->ns, opt),
			j->link.name,
			rc == -EOPNOTSUPP ? "" : "; or a smaller MTU or fewer queues");
		return rc;
	}
	return weir_fail_sys(err, rc, "attaching XDP to %s", j->link.name);
}

int weir_job_hook(struct weir_job *j, int prog, bool generic, struct weir_err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		.flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	__u32 ifindex = j->link.ifindex;
	int rc;

	rc = put_fd(j->ns, "rows_of", ifindex, bpf_map__fd(j->skel->maps.rows));
	if (!rc)
		rc = put_fd(j->ns, "lat_of", ifindex, bpf_map__fd(j->skel->maps.lat));
	if (rc)
		return weir_fail_sys(err, rc, "registering %s", j->link.name);
	j->hooked = bpf_link_create(prog, (int)ifindex, BPF_XDP, &opts);
	return j->hooked < 0 ? explain_refusal(j, -errno, err) : 0;
}

int weir_job_pin(struct weir_job *j, struct weir_err *err)
{
	char path[PATH_MAX];

	if (j->hooked < 0)
		return 0;
	if (bpf_obj_pin(j->hooked, weir_pin_path(j->ns, path, "dev/%u/link", j->link.ifindex)))
		return weir_fail_sys(err, -errno, "pinning %s", path);
	return 0;
}
