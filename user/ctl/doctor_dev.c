// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What one device can do for the fast path, and what about it would surprise. */
#include <errno.h>
#include <string.h>
#include <net/if.h>
#include <linux/if_link.h>
#include <linux/netdev.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "probe.h"

/* Of a page, what is left to a frame beside XDP's headroom and the kernel's struct at its end. */
enum { BUFFER_MTU = 4096 - 256 - 320 - 14 - 8 };

/* One device being looked at. */
struct exam {
	const struct weir_ns *ns;
	const struct weir_link *link;
	struct weir_findings *found;
	struct bpf_xdp_query_opts xdp;
	bool told; /* the kernel tells what the driver can do with XDP */
	char opt[300];
};

static struct weir_finding *find(struct exam *e, enum weir_look check, enum weir_found state)
{
	return weir_find(e->found, check, state, e->link->name, "%s", "");
}

#define WHY(finding, ...) snprintf((finding)->why, sizeof((finding)->why), __VA_ARGS__)

static void find_link(struct exam *e)
{
	const struct weir_link *l = e->link;
	struct weir_finding *f;

	if (l->flags & IFF_UP && l->flags & WEIR_LOWER_UP) {
		f = find(e, WEIR_CHECK_link, WEIR_FOUND_ok);
		WHY(f, "up, ifindex %u, %02x:%02x:%02x:%02x:%02x:%02x", l->ifindex, l->mac[0],
			l->mac[1], l->mac[2], l->mac[3], l->mac[4], l->mac[5]);
		return;
	}
	f = find(e, WEIR_CHECK_link, WEIR_FOUND_off);
	if (l->flags & IFF_UP) {
		WHY(f, "up, but without a carrier");
		weir_find_remedy(f, "ethtool %s; is the other end up?", l->name);
	} else {
		WHY(f, "down");
		weir_find_remedy(f, "ip link set %s up", l->name);
	}
}

static void find_xdp_driver(struct exam *e)
{
	static const struct {
		__u64 bit;
		const char *name;
	} flags[] = {
		{NETDEV_XDP_ACT_BASIC, "native"},
		{NETDEV_XDP_ACT_REDIRECT, "redirects"},
		{NETDEV_XDP_ACT_RX_SG, "multi-buffer"},
		{NETDEV_XDP_ACT_NDO_XMIT_SG, "multi-buffer out"},
		{NETDEV_XDP_ACT_HW_OFFLOAD, "hardware offload"},
	};
	struct weir_finding *f;
	char text[128] = "";

	if (!e->told) {
		f = find(e, WEIR_CHECK_xdp_driver, WEIR_FOUND_unknown);
		WHY(f, "this kernel does not tell");
		weir_find_remedy(f, "weir%s dev attach %s; it says what the driver refuses", e->opt,
			e->link->name);
		return;
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		size_t n = strlen(text);

		if (e->xdp.feature_flags & flags[i].bit)
			snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", flags[i].name);
	}
	if (e->xdp.feature_flags & NETDEV_XDP_ACT_BASIC) {
		f = find(e, WEIR_CHECK_xdp_driver, WEIR_FOUND_ok);
		WHY(f, "%s", text);
		return;
	}
	f = find(e, WEIR_CHECK_xdp_driver, WEIR_FOUND_missing);
	WHY(f, "the driver has no XDP");
	weir_find_remedy(f, "weir%s dev attach %s xdp generic", e->opt, e->link->name);
}

static void name_of(__u32 id, char name[BPF_OBJ_NAME_LEN])
{
	__cleanup_close int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	name[0] = 0;
	if (fd >= 0 && !bpf_prog_get_info_by_fd(fd, &info, &len))
		snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name);
}

static bool is_ours(const struct weir_ns *ns, __u32 ifindex, __u32 id)
{
	struct weir_hook_at at = {.ifindex = ifindex, .hook = WEIR_HOOK_xdp};
	struct weir_hook_state state;
	bool filter;
	__cleanup_close int fd = weir_hook_open(ns, &at, &filter);

	return fd >= 0 && !weir_hook_look(&at, fd, filter, &state) && state.prog_id == id;
}

static void find_xdp_program(struct exam *e)
{
	__u32 id = weir_xdp_program(e->link->ifindex);
	const char *mode = e->xdp.attach_mode == XDP_ATTACHED_SKB ? "generic" : "native";
	char name[BPF_OBJ_NAME_LEN];
	struct weir_finding *f;

	if (!id) {
		f = find(e, WEIR_CHECK_xdp_program, WEIR_FOUND_off);
		WHY(f, "none");
		weir_find_remedy(f, "weir%s dev attach %s", e->opt, e->link->name);
		return;
	}
	name_of(id, name);
	if (is_ours(e->ns, e->link->ifindex, id)) {
		f = find(e, WEIR_CHECK_xdp_program, WEIR_FOUND_ok);
		WHY(f, "weir's: id %u, %s", id, mode);
		return;
	}
	f = find(e, WEIR_CHECK_xdp_program, WEIR_FOUND_warning);
	WHY(f, "not weir's: id %u, %s, %s", id, *name ? name : "without a name", mode);
	weir_find_remedy(f, "bpftool prog show id %u; weir%s dev attach %s force", id, e->opt,
		e->link->name);
}

static int no_op(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return 0;
}

/* What to do at the other end of a veth; @where as weir_peer_do() says it, "" = not found. */
static void mend_peer(struct weir_finding *f, const char *where, const char *setting)
{
	if (*where)
		weir_find_remedy(f, "ethtool -K %.*s %s  (%.120s)", (int)strcspn(where, " "), where,
			setting, where);
	else
		weir_find_remedy(f, "ethtool -K PEER %s  (in its namespace)", setting);
}

static void find_xdp_target(struct exam *e)
{
	struct weir_finding *f;
	char where[256];

	if (!e->told)
		return;
	if (e->xdp.feature_flags & NETDEV_XDP_ACT_NDO_XMIT) {
		WHY(find(e, WEIR_CHECK_xdp_target, WEIR_FOUND_ok), "taken");
		return;
	}
	if (strcmp(e->link->kind, "veth") && !weir_xdp_program(e->link->ifindex)) {
		f = find(e, WEIR_CHECK_xdp_target, WEIR_FOUND_unknown);
		WHY(f, "not now; many drivers take them once a program is attached");
		weir_find_remedy(f, "weir%s dev attach %s", e->opt, e->link->name);
		return;
	}
	f = find(e, WEIR_CHECK_xdp_target, WEIR_FOUND_missing);
	if (strcmp(e->link->kind, "veth")) {
		WHY(f, "the driver takes none: what is routed there goes to the kernel");
		return;
	}
	if (weir_peer_do(e->link, no_op, NULL, where))
		where[0] = '\0';
	WHY(f, "its other end is down or has neither GRO nor XDP: such frames are lost");
	mend_peer(f, where, "gro on");
}

static void find_af_xdp(struct exam *e)
{
	struct weir_finding *f;

	if (!e->told)
		return;
	f = find(e, WEIR_CHECK_af_xdp_zc, WEIR_FOUND_ok);
	WHY(f, e->xdp.feature_flags & NETDEV_XDP_ACT_XSK_ZEROCOPY ? "copy, zero-copy"
								  : "copy; no zero-copy");
}

struct tcx {
	unsigned int nr;
	char names[128];
};

static void add_tcx(struct tcx *t, __u32 id, const char *name)
{
	size_t n = strlen(t->names);

	snprintf(t->names + n, sizeof(t->names) - n, "%s%u %s", n ? ", " : "", id, name);
	t->nr++;
}

/* tcx programs in both directions. */
static void find_tc(struct exam *e)
{
	static const enum bpf_attach_type hooks[] = {BPF_TCX_INGRESS, BPF_TCX_EGRESS};
	struct tcx ours = {}, others = {};
	struct weir_finding *f;

	for (size_t h = 0; h < 2; h++) {
		__u32 ids[64] = {};
		LIBBPF_OPTS(bpf_prog_query_opts, q, .prog_ids = ids, .count = 64);

		if (bpf_prog_query_opts((int)e->link->ifindex, hooks[h], &q))
			continue;
		for (__u32 i = 0; i < q.count; i++) {
			char name[BPF_OBJ_NAME_LEN];

			name_of(ids[i], name);
			/* every program of ours is called so */
			add_tcx(strncmp(name, "weir_", 5) ? &others : &ours, ids[i], name);
		}
	}
	if (ours.nr) {
		f = find(e, WEIR_CHECK_tc_programs, WEIR_FOUND_ok);
		f->count = ours.nr;
		WHY(f, "weir's: %s", ours.names);
	}
	if (!others.nr)
		return;
	f = find(e, WEIR_CHECK_tc_programs, WEIR_FOUND_warning);
	f->count = others.nr;
	WHY(f, "not weir's: %s; they do not see what XDP redirects", others.names);
	weir_find_remedy(f, "bpftool net show dev %s", e->link->name);
}

static void find_hardware(struct exam *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const char *dev = e->link->name;
	struct weir_hardware hw;
	struct weir_finding *f;

	if (weir_hardware_get(dev, &hw)) {
		f = find(e, WEIR_CHECK_driver, WEIR_FOUND_unknown);
		WHY(f, "it does not tell");
		return;
	}
	f = find(e, WEIR_CHECK_driver, WEIR_FOUND_ok);
	WHY(f, "%s", hw.driver);
	f = find(e, WEIR_CHECK_queues, WEIR_FOUND_ok);
	WHY(f, "%u in, %u out; %ld CPUs", e->link->rx_queues, e->link->tx_queues, cpus);
	if (hw.has_channels && hw.channels < hw.channels_max && hw.channels < (__u32)cpus &&
		strcmp(e->link->kind, "veth")) {
		f->state = WEIR_FOUND_warning;
		WHY(f, "%u of %u in use; %ld CPUs", hw.channels, hw.channels_max, cpus);
		weir_find_remedy(f, "ethtool -L %s combined %u", dev,
			hw.channels_max < (__u32)cpus ? hw.channels_max : (__u32)cpus);
	}
	if (!hw.has_rings)
		return;
	f = find(e, WEIR_CHECK_rings, WEIR_FOUND_ok);
	WHY(f, "in %u of %u, out %u of %u", hw.rx_ring, hw.rx_ring_max, hw.tx_ring, hw.tx_ring_max);
}

/* --- offloads --- */

static const char *on_off(const struct weir_features *f, const char *name)
{
	return weir_feature(f, name) == 1 ? "on" : "off";
}

static int peer_leaves_tags(void *ctx, const char *name)
{
	struct weir_features f;
	int rc = weir_features_get(name, &f);

	if (rc)
		return rc;
	*(int *)ctx = weir_feature(&f, "tx-vlan-hw-insert") == 1;
	weir_features_done(&f);
	return 0;
}

/* A veth strips nothing: the tag lies beside the frame if its other end may leave it there. */
static void find_vlan(struct exam *e, const struct weir_features *features)
{
	bool veth = !strcmp(e->link->kind, "veth");
	int beside = weir_feature(features, "rx-vlan-hw-parse") == 1;
	char where[256] = "";
	struct weir_finding *f;

	if (veth && weir_peer_do(e->link, peer_leaves_tags, &beside, where)) {
		f = find(e, WEIR_CHECK_vlan, WEIR_FOUND_unknown);
		WHY(f, "its other end is not to be found, so not whether it leaves tags in frames");
		weir_find_remedy(f, "ethtool -k PEER | grep tx-vlan  (in its namespace)");
		return;
	}
	if (!beside) {
		f = find(e, WEIR_CHECK_vlan, WEIR_FOUND_ok);
		WHY(f, "off: XDP sees every tag");
		return;
	}
	f = find(e, WEIR_CHECK_vlan, WEIR_FOUND_warning);
	WHY(f, "VLAN tags lie beside the frame, where XDP does not see them: tagged "
	       "frames look untagged");
	if (veth)
		mend_peer(f, where, "txvlan off");
	else
		weir_find_remedy(f, "ethtool -K %s rxvlan off", e->link->name);
}

static void find_features(struct exam *e)
{
	const char *dev = e->link->name;
	struct weir_features features;
	struct weir_finding *f;

	if (weir_features_get(dev, &features)) {
		f = find(e, WEIR_CHECK_offloads, WEIR_FOUND_unknown);
		WHY(f, "it does not tell");
		return;
	}
	f = find(e, WEIR_CHECK_offloads, WEIR_FOUND_ok);
	WHY(f, "TSO %s, UDP GSO %s, GSO %s, checksums in %s, out %s",
		on_off(&features, "tx-tcp-segmentation"), on_off(&features, "tx-udp-segmentation"),
		on_off(&features, "tx-generic-segmentation"), on_off(&features, "rx-checksum"),
		weir_feature(&features, "tx-checksum-ipv4") == 1 ||
				weir_feature(&features, "tx-checksum-ip-generic") == 1
			? "on"
			: "off");
	if (weir_feature(&features, "rx-gro") == 1) {
		WHY(find(e, WEIR_CHECK_gro, WEIR_FOUND_ok), "on");
	} else {
		f = find(e, WEIR_CHECK_gro, WEIR_FOUND_off);
		WHY(f, "off: what the kernel gets, it gets frame by frame");
		weir_find_remedy(f, "ethtool -K %s gro on", dev);
	}
	if (weir_feature(&features, "rx-lro") == 1) {
		f = find(e, WEIR_CHECK_lro, WEIR_FOUND_warning);
		WHY(f, "on: a router must not forward what the NIC has merged");
		weir_find_remedy(f, "ethtool -K %s lro off", dev);
	}
	find_vlan(e, &features);
	weir_features_done(&features);
}

/* --- settings --- */

static void find_mtu(struct exam *e)
{
	__u32 mtu = e->link->mtu;
	struct weir_finding *f;

	if (mtu <= BUFFER_MTU || !e->told || e->xdp.feature_flags & NETDEV_XDP_ACT_RX_SG) {
		f = find(e, WEIR_CHECK_mtu, WEIR_FOUND_ok);
		WHY(f, "%u", mtu);
		return;
	}
	f = find(e, WEIR_CHECK_mtu, WEIR_FOUND_warning);
	WHY(f, "%u: more than about %d, and the driver has no multi-buffer XDP", mtu, BUFFER_MTU);
	weir_find_remedy(f, "ip link set %s mtu %d; or: weir%s dev attach %s xdp generic",
		e->link->name, BUFFER_MTU, e->opt, e->link->name);
}

static void find_sysctls(struct exam *e)
{
	static const char *const filters[] = {"off", "strict", "loose"};
	const char *dev = e->link->name;
	long on = weir_sysctl("conf/%s/forwarding", dev);
	long all = weir_sysctl("conf/all/rp_filter"), own = weir_sysctl("conf/%s/rp_filter", dev);
	long filter = own > all ? own : all; /* as the kernel takes the larger */
	struct weir_conf conf;
	struct weir_finding *f;

	if (on == 0) {
		f = find(e, WEIR_CHECK_forwarding, WEIR_FOUND_off);
		WHY(f, "off: all that comes in goes to the kernel");
		weir_find_remedy(f, "sysctl -w net/ipv4/conf/%s/forwarding=1", dev);
	} else {
		f = find(e, WEIR_CHECK_forwarding, on > 0 ? WEIR_FOUND_ok : WEIR_FOUND_unknown);
	}
	f = find(e, WEIR_CHECK_rp_filter, filter < 0 ? WEIR_FOUND_unknown : WEIR_FOUND_ok);
	if (filter < 0 || filter > 2)
		return;
	WHY(f, "%s", filters[filter]);
	if (!weir_dev_conf(e->ns, e->link->ifindex, &conf) && conf.rp_filter < 3 &&
		conf.rp_filter != filter) {
		f->state = WEIR_FOUND_warning;
		WHY(f, "%s, but %s when it was attached, which is what holds", filters[filter],
			filters[conf.rp_filter]);
		weir_find_remedy(f, "weir%s dev attach %s force", e->opt, dev);
	}
}

static void find_master(struct exam *e)
{
	const struct weir_link *l = e->link;
	char master[IFNAMSIZ] = "";
	struct weir_finding *f;

	if (!l->master || !if_indextoname(l->master, master))
		return;
	if (!strcmp(l->port_of, "vrf")) { /* the FIB lookup asks the VRF's table by itself */
		WHY(find(e, WEIR_CHECK_master, WEIR_FOUND_ok), "in VRF %s", master);
		return;
	}
	f = find(e, WEIR_CHECK_master, WEIR_FOUND_warning);
	WHY(f, "a port of %s %s: XDP takes frames before %s sees them", l->port_of, master, master);
	weir_find_remedy(f, "weir%s dev attach %s%s", e->opt, master,
		!strcmp(l->port_of, "bond") ? "" : " xdp generic");
}

/* The fast path meets the frames of a VLAN device where they still have their tag. */
static void find_below(struct exam *e)
{
	struct weir_finding *f = find(e, WEIR_CHECK_xdp_driver, WEIR_FOUND_ok);
	char below[IFNAMSIZ];

	if (e->link->peer_nsid < 0 && if_indextoname(e->link->peer_ifindex, below)) {
		WHY(f, "a VLAN device: what can be done is %s's", below);
		return;
	}
	f->state = WEIR_FOUND_unknown;
	WHY(f, "a VLAN device of one in another namespace");
}

void weir_doctor_dev(
	const struct weir_ns *ns, const struct weir_link *link, struct weir_findings *found)
{
	struct exam e = {.ns = ns, .link = link, .found = found, .xdp.sz = sizeof(e.xdp)};

	weir_ns_option(ns, e.opt);
	if (bpf_xdp_query((int)link->ifindex, 0, &e.xdp))
		memset(&e.xdp, 0, sizeof(e.xdp));
	for (unsigned int i = 0; i < found->nr; i++)
		if (found->list[i].check == WEIR_CHECK_xdp_flags)
			e.told = found->list[i].state == WEIR_FOUND_ok;
	e.told = e.told || e.xdp.feature_flags;
	find_link(&e);
	if (!strcmp(link->kind, "vlan")) {
		find_below(&e);
		find_sysctls(&e);
		return;
	}
	find_hardware(&e);
	find_xdp_driver(&e);
	find_xdp_program(&e);
	find_xdp_target(&e);
	find_af_xdp(&e);
	find_tc(&e);
	find_features(&e);
	find_mtu(&e);
	find_sysctls(&e);
	find_master(&e);
}
