// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loading a hook's program and maps, and putting the program on the hook. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tc_egress.skel.h"
#include "tc_ingress.skel.h"
#include "xdp.skel.h"
#include "model/tables.h"
#include "priv.h"

static const struct weir_hook_object object_of[] = {
	[WEIR_HOOK_xdp] = {xdp_bpf__elf_bytes, "weir_xdp"},
	[WEIR_HOOK_tc_ingress] = {tc_ingress_bpf__elf_bytes, "weir_tc_ingress"},
	[WEIR_HOOK_tc_egress] = {tc_egress_bpf__elf_bytes, "weir_tc_egress"},
};

const struct weir_hook_object *weir_hook_object(enum weir_hook hook)
{
	return &object_of[hook];
}

static __u16 rx_queues(const struct weir_link *l)
{
	return (__u16)(l->rx_queues < 1		       ? 1
		       : l->rx_queues > WEIR_QUEUE_MAX ? WEIR_QUEUE_MAX
						       : l->rx_queues);
}

/* The egress hook is asked before the kernel chooses a queue. */
static __u16 queues_of(const struct weir_job *j)
{
	return j->at.hook == WEIR_HOOK_tc_egress ? 1 : rx_queues(&j->link);
}

int weir_job_prog(const struct weir_job *j)
{
	return bpf_program__fd(
		bpf_object__find_program_by_name(j->obj, object_of[j->at.hook].prog));
}

int weir_job_map(const struct weir_job *j, const char *name)
{
	return bpf_object__find_map_fd_by_name(j->obj, name);
}

/* Each row says whose it is, so that a dump of the map reads without a key. */
static int init_rows(struct weir_job *j)
{
	__u32 cpus = (__u32)libbpf_num_possible_cpus(), q = queues_of(j), i;
	size_t rows_len = sizeof(struct weir_row) * cpus * q * 2;
	size_t lat_len = sizeof(struct weir_lat) * cpus * q;
	struct weir_row *r = mmap(
		NULL, rows_len, PROT_READ | PROT_WRITE, MAP_SHARED, weir_job_map(j, "rows"), 0);
	struct weir_lat *l =
		mmap(NULL, lat_len, PROT_READ | PROT_WRITE, MAP_SHARED, weir_job_map(j, "lat"), 0);
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
		.vlans_only = j->vlans_only,
		.virtual_link = weir_link_is_virtual(&j->link),
		.queues = rx_queues(&j->link),
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
	return bpf_map_update_elem(weir_job_map(j, ".data.conf"), &zero, &c, BPF_ANY);
}

/* What the program takes for constants. */
static int set_self(struct weir_job *j)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(j->obj, ".rodata.self");
	size_t size = 0;
	struct weir_self *self = rodata ? bpf_map__initial_value(rodata, &size) : NULL;

	if (!self || size != sizeof(*self))
		return -EINVAL;
	self->ifindex = j->link.ifindex;
	self->queues = queues_of(j);
	self->virtual_link = weir_link_is_virtual(&j->link);
	self->generic = j->generic;
	return weir_shared_use(j->ns, j->obj, self);
}

static int pin_map(struct weir_job *j, const char *map, const char *path)
{
	return bpf_map__set_pin_path(bpf_object__find_map_by_name(j->obj, map), path);
}

/* The hook's own maps: how large, and where they are or will be. */
static int place_maps(struct weir_job *j)
{
	__u32 rows = (__u32)libbpf_num_possible_cpus() * queues_of(j);
	char path[PATH_MAX];
	int rc;

	rc = bpf_map__set_max_entries(bpf_object__find_map_by_name(j->obj, "rows"), rows * 2);
	if (!rc)
		rc = bpf_map__set_max_entries(bpf_object__find_map_by_name(j->obj, "lat"), rows);
	if (!rc && mkdir(weir_pin_path(j->ns, path, "dev/%u", j->at.ifindex), 0700) &&
		errno != EEXIST)
		rc = -errno;
	if (!rc && mkdir(weir_hook_pin(j->ns, &j->at, path, ""), 0700) && errno != EEXIST)
		rc = -errno;
	if (!rc)
		rc = pin_map(j, "rows", weir_hook_pin(j->ns, &j->at, path, "rows"));
	if (!rc)
		rc = pin_map(j, "lat", weir_hook_pin(j->ns, &j->at, path, "lat"));
	if (!rc)
		rc = pin_map(
			j, ".data.conf", weir_pin_path(j->ns, path, "dev/%u/conf", j->at.ifindex));
	return rc;
}

int weir_job_load(struct weir_job *j, struct weir_err *err)
{
	const char *hook = weir_hook_info[j->at.hook].name;
	const void *bytes;
	size_t size;
	int rc;

	bytes = object_of[j->at.hook].bytes(&size);
	j->obj = bpf_object__open_mem(bytes, size, NULL);
	if (!j->obj)
		return weir_fail_sys(err, -errno, "opening the %s program", hook);
	rc = set_self(j);
	if (!rc)
		rc = place_maps(j);
	if (!rc)
		rc = bpf_object__load(j->obj);
	if (rc && !weir_libbpf_said()[0])
		return weir_fail_pins(j->ns, err, rc, "making the maps");
	if (rc)
		return weir_fail_sys(err, rc, "loading the %s program for %s (%s)", hook,
			j->link.name, weir_libbpf_said());
	rc = init_rows(j);
	if (!rc && j->what)
		rc = set_conf(j);
	if (!rc)
		rc = weir_shared_locals(j->ns);
	return rc ? weir_fail_sys(err, rc, "preparing the counters of %s", j->link.name) : 0;
}

int weir_job_open_port(struct weir_job *j)
{
	__cleanup_close int tx = weir_shared_map(j->ns, "tx_ports");
	__cleanup_close int any = weir_shared_map(j->ns, "tx_ports_generic");
	__cleanup_close int ports = weir_shared_map(j->ns, "ports");
	struct bpf_devmap_val v = {.ifindex = j->link.ifindex};
	struct weir_port port = {.dev = j->link.ifindex};
	long ms = weir_sysctl("neigh/%s/base_reachable_time_ms", j->link.name);
	int rc = 0;

	port.reachable_ms = ms > 0 && ms < 86400000 ? (__u32)ms : 30000;
	memcpy(port.name, j->link.name, sizeof(port.name));
	/* untagged frames are the kernel's where the device is attached for its VLANs */
	if (!j->vlans_only || j->at.hook != WEIR_HOOK_xdp)
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

	if (j->at.hook != WEIR_HOOK_xdp)
		return weir_fail_sys(err, rc, "attaching TC to %s", j->link.name);
	if (!j->generic && (rc == -EOPNOTSUPP || rc == -EINVAL || rc == -ERANGE)) {
		weir_fail(err, WEIR_REFUSED, rc, "%s%s%s%s has no native XDP for this",
			j->link.name, j->link.kind[0] ? " (" : "", j->link.kind,
			j->link.kind[0] ? ")" : "");
		weir_remedy(err, "weir%s dev attach %s xdp generic%s", weir_ns_option(j->ns, opt),
			j->link.name,
			rc == -EOPNOTSUPP ? "; or xdp off tc on"
					  : "; or a smaller MTU or fewer queues");
		return rc;
	}
	return weir_fail_sys(err, rc, "attaching XDP to %s", j->link.name);
}

static int put_fd(const struct weir_job *j, const char *map, int value)
{
	struct weir_hook_key key = {.ifindex = j->at.ifindex, .hook = j->at.hook};
	__cleanup_close int fd = weir_shared_map(j->ns, map);

	return fd < 0 ? fd : bpf_map_update_elem(fd, &key, &value, BPF_ANY);
}

int weir_job_hook(struct weir_job *j, int prog, bool generic, struct weir_err *err)
{
	int rc;

	rc = put_fd(j, "rows_of", weir_job_map(j, "rows"));
	if (!rc)
		rc = put_fd(j, "lat_of", weir_job_map(j, "lat"));
	if (rc)
		return weir_fail_sys(err, rc, "registering %s", j->link.name);
	j->hooked = weir_hook_attach(&j->at, prog, generic, &j->hooked_filter);
	return j->hooked < 0 ? explain_refusal(j, j->hooked, err) : 0;
}

int weir_job_pin(struct weir_job *j, struct weir_err *err)
{
	char path[PATH_MAX];

	if (j->hooked < 0)
		return 0;
	weir_hook_pin(j->ns, &j->at, path, j->hooked_filter ? "filter" : "link");
	if (bpf_obj_pin(j->hooked, path))
		return weir_fail_pins(j->ns, err, -errno, "pinning a link");
	return 0;
}
