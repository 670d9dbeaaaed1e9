// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A dry instance of a hook's program: the same object, loaded with self.dry and run on one frame,
 * which the kernel then throws away. What it only reads are the live maps. What it writes are maps
 * of its own, gone with it: empty ones (counters, flows, next hops, captures, logs), and copies of
 * what fits in a page (settings and NAT's state). Sessions, mappings, their index, ports and
 * buckets are too large to be copied: there the program leaves out what it would write. A second
 * program of the object tells what was found.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "explain.h"
#include "track.h"

/* An instance, and what it is asked. */
struct dry {
	struct weir_ns *ns;
	const struct weir_packet *packet;
	struct weir_hook_at at; /* whose program it is: of a VLAN device maybe the one below */
	struct weir_conf conf;
	__u8 mac[6];
	__u32 tags[WEIR_TAGS_MAX];
	struct bpf_object *obj;
	__u32 cpus;
};

/* --- which hook --- */

static int not_attached(const struct dry *d, const char *why, struct weir_err *err)
{
	const char *dev = d->packet->dev;
	char opt[300];

	weir_fail(err, WEIR_NOT_FOUND, 0, "'%s' %s", dev, why);
	weir_remedy(err, "weir%s dev attach %s%s", weir_ns_option(d->ns, opt), dev,
		d->packet->out ? " tc on" : "");
	return -ENOENT;
}

static int vlan_way(void *ctx, const struct weir_vlan_key *key, const struct weir_vlan *vlan)
{
	struct dry *d = ctx;

	if (vlan->ifindex != d->at.ifindex)
		return 0;
	d->at = (struct weir_hook_at){key->ifindex, WEIR_HOOK_xdp};
	memcpy(d->mac, vlan->mac, sizeof(d->mac));
	memcpy(d->tags, key->tags, sizeof(d->tags));
	return 1;
}

/* XDP meets a packet first; a VLAN's at the device below. */
static int find_hook(struct dry *d, struct weir_err *err)
{
	bool out = d->packet->out;

	d->at.ifindex = if_nametoindex(d->packet->dev);
	if (!d->at.ifindex)
		return weir_fail(err, WEIR_NOT_FOUND, -errno, "device %s", d->packet->dev);
	d->at.hook = out ? WEIR_HOOK_tc_egress : WEIR_HOOK_xdp;
	if (out && !weir_hook_pinned(d->ns, &d->at))
		return not_attached(d, "is not attached at its egress hook", err);
	if (!out && !weir_hook_pinned(d->ns, &d->at)) {
		d->at.hook = WEIR_HOOK_tc_ingress;
		if (!weir_hook_pinned(d->ns, &d->at) && !weir_each_vlan(d->ns, vlan_way, d))
			return not_attached(d, "is not attached", err);
	}
	if (weir_dev_conf(d->ns, d->at.ifindex, &d->conf))
		return not_attached(d, "is not attached", err);
	if (!d->tags[0])
		memcpy(d->mac, d->conf.mac, sizeof(d->mac));
	d->conf.unmarked = 0; /* TC is asked about what no XDP has judged */
	return 0;
}

/* --- maps --- */

static struct bpf_map *map_of(const struct dry *d, const char *name)
{
	return bpf_object__find_map_by_name(d->obj, name);
}

/* Of its own, with so many entries. */
static int own_map(const struct dry *d, const char *name, __u32 entries)
{
	struct bpf_map *map = map_of(d, name);
	int rc = map ? bpf_map__set_pin_path(map, NULL) : 0;

	return rc || !map ? rc : bpf_map__set_max_entries(map, entries);
}

/* Of its own, with what the live one holds. */
static int copy_map(const struct dry *d, const char *name, const void *value, size_t size)
{
	struct bpf_map *map = map_of(d, name);
	int rc = map ? bpf_map__set_pin_path(map, NULL) : 0;

	return rc || !map ? rc : bpf_map__set_initial_value(map, value, size);
}

static int own_maps(const struct dry *d, const struct weir_self *self)
{
	const struct {
		const char *name;
		__u32 entries;
	} own[] = {
		{"rows", d->cpus * 2},
		{"lat", d->cpus},
		{"cursor", d->cpus},
		{"cursor_tc", d->cpus * 2},
		{"flows", (self->flows_mask + 1) * d->cpus},
		{"hops", (self->hops_mask + 1) * d->cpus},
		{"neigh", WEIR_FLOWS_MIN},
		{"capture", (__u32)getpagesize()},
		{"logged", (__u32)getpagesize()},
		{"counts", 1},
		{"chores", 8},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]) && !rc; i++)
		rc = own_map(d, own[i].name, own[i].entries);
	return rc;
}

static int copy_maps(const struct dry *d)
{
	struct weir_ctl *live = weir_ctl_map(d->ns), ctl;
	struct weir_nat_state *state = weir_nat_state_map(d->ns);
	struct weir_limits limits = {0};
	int rc = -ENOENT;

	if (live && state) {
		ctl = *live;
		ctl.sample_every = ctl.capture_every = 0;
		rc = copy_map(d, ".data.ctl", &ctl, sizeof(ctl));
		if (!rc)
			rc = copy_map(d, ".data.nat", state, sizeof(*state));
		if (!rc)
			rc = copy_map(d, ".data.limits", &limits, sizeof(limits));
		if (!rc)
			rc = copy_map(d, ".data.conf", &d->conf, sizeof(d->conf));
	}
	if (live)
		munmap(live, sizeof(*live));
	if (state)
		munmap(state, sizeof(*state));
	return rc;
}

/* --- loading --- */

static int prepare(struct dry *d)
{
	struct bpf_map *rodata = map_of(d, ".rodata.self");
	size_t size = 0;
	struct weir_self *self = rodata ? bpf_map__initial_value(rodata, &size) : NULL;
	int rc = self && size == sizeof(*self) ? weir_shared_use(d->ns, d->obj, self) : -EINVAL;

	if (rc)
		return rc;
	self->ifindex = d->at.ifindex;
	self->queues = 1;
	self->virtual_link = d->conf.virtual_link;
	self->generic = d->conf.generic;
	self->flows_mask = WEIR_FLOW_WAYS - 1;
	self->hops_mask = WEIR_FLOW_WAYS - 1;
	self->rule_slots = 1; /* the live counters are not its own */
	self->dry = 1;
	rc = own_maps(d, self);
	return rc ? rc : copy_maps(d);
}

static int load(struct dry *d, struct weir_err *err)
{
	const void *bytes;
	size_t size;
	int rc;

	weir_libbpf_quiet();
	bytes = weir_hook_object(d->at.hook)->bytes(&size);
	d->obj = bpf_object__open_mem(bytes, size, NULL);
	rc = d->obj ? 0 : -errno;
	if (!rc)
		rc = bpf_program__set_autoload(
			bpf_object__find_program_by_name(d->obj, "weir_explain"), true);
	if (!rc)
		rc = prepare(d);
	if (!rc)
		rc = bpf_object__load(d->obj);
	return rc ? weir_fail_sys(err, rc, "loading a dry instance of the %s program (%s)",
			    weir_hook_info[d->at.hook].name, weir_libbpf_said())
		  : 0;
}

/* --- running --- */

static int run(const struct dry *d, const char *prog, const void *in, __u32 len, void *out,
	__u32 room, __u32 *verdict)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = len, .data_out = out,
		.data_size_out = room);
	__u32 iif = d->packet->out ? 0 : d->at.ifindex;
	struct xdp_md md = {.data_end = len, .ingress_ifindex = iif};
	struct __sk_buff skb = {.ifindex = d->at.ifindex, .ingress_ifindex = iif};

	if (d->at.hook == WEIR_HOOK_xdp) {
		opts.ctx_in = &md;
		opts.ctx_size_in = sizeof(md);
	} else {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	if (bpf_prog_test_run_opts(
		    bpf_program__fd(bpf_object__find_program_by_name(d->obj, prog)), &opts))
		return -errno;
	*verdict = opts.retval;
	return 0;
}

/* The frame, then the question what became of it: on the same CPU, where all is put aside. */
static int run_both(const struct dry *d, struct weir_explained *found)
{
	static __u8 frame[WEIR_PACKET_FRAME_MAX];
	unsigned int len = weir_packet_frame(d->packet, d->mac, d->tags, frame);
	cpu_set_t before, one;
	__u32 verdict = 0;
	int cpu = sched_getcpu(), rc;

	if (cpu < 0 || sched_getaffinity(0, sizeof(before), &before))
		return -errno;
	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return -errno;
	rc = run(d, weir_hook_object(d->at.hook)->prog, frame, len, NULL, 0, &verdict);
	if (!rc)
		rc = run(d, "weir_explain", found, sizeof(*found), found, sizeof(*found), &verdict);
	sched_setaffinity(0, sizeof(before), &before);
	return rc;
}

/* --- what it says --- */

/* The one exit by which a packet has left. */
static int read_exit(const struct dry *d, struct weir_explanation *e)
{
	size_t size = sizeof(struct weir_row) * d->cpus * 2;
	const struct weir_row *rows =
		mmap(NULL, size, PROT_READ, MAP_SHARED, bpf_map__fd(map_of(d, "rows")), 0);
	int rc = -ENOENT;

	if (rows == MAP_FAILED)
		return -errno;
	for (__u32 i = 0; i < d->cpus * 2; i++) {
		e->answered |= rows[i].answers != 0;
		for (unsigned int x = 0; x < WEIR_EXIT_COUNT; x++) {
			if (!rows[i].exit[x].packets && !rows[i].punt_drop[x].packets)
				continue;
			e->exit = (enum weir_exit)x;
			e->punt_drop = rows[i].punt_drop[x].packets != 0;
			rc = 0;
		}
	}
	munmap((void *)rows, size);
	return rc;
}

static void name_of(__u32 ifindex, char name[WEIR_DEV_NAME])
{
	char now[IF_NAMESIZE] = "";

	if (ifindex && if_indextoname(ifindex, now))
		memcpy(name, now, WEIR_DEV_NAME);
}

static void read_session(const struct dry *d, struct weir_explanation *e)
{
	__cleanup_close int fd = weir_shared_map(d->ns, "sessions");
	__u32 number = e->found.session - 1;

	e->has_session = e->found.session && e->found.session != WEIR_SESSION_NEW && fd >= 0 &&
			 !bpf_map_lookup_elem(fd, &number, &e->session) &&
			 e->session.life == WEIR_LIFE_LIVE;
}

static int ask(const struct dry *d, struct weir_explanation *e, struct weir_err *err)
{
	struct weir_explanation x = {.hook = d->at.hook};
	int rc = run_both(d, &x.found);

	if (!rc)
		rc = read_exit(d, &x);
	if (rc)
		return weir_fail_sys(err, rc,
			"running a dry instance of the %s program on %u bytes",
			weir_hook_info[d->at.hook].name, d->packet->len);
	name_of(x.found.iif, x.in);
	name_of(x.found.oif, x.out);
	name_of(x.found.forward.oif, x.forward);
	name_of(x.found.kernel.oif, x.kernel);
	read_session(d, &x);
	*e = x;
	return 0;
}

int weir_explain(struct weir_ns *ns, const struct weir_packet *packet,
	struct weir_explanation *explanation, struct weir_err *err)
{
	struct dry d = {.ns = ns, .packet = packet, .cpus = (__u32)libbpf_num_possible_cpus()};
	__cleanup_close int lock = -1; /* maps are not made anew meanwhile */
	int rc = weir_place_check(ns, err);

	if (rc)
		return rc;
	lock = weir_ns_lock(ns, "");
	rc = weir_shared_check(ns, err);
	if (!rc)
		rc = find_hook(&d, err);
	if (!rc)
		rc = load(&d, err);
	if (!rc)
		rc = ask(&d, explanation, err);
	bpf_object__close(d.obj);
	return rc;
}
