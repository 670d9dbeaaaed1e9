// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Attaching to devices and detaching from them.
 *
 * A hook of a device is attached when its link is pinned: until then all that was made for it goes
 * away with this process, however it ends. Several hooks and devices are attached one after the
 * other and, when one fails, those before it are detached again.
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

#include "model/tables.h"
#include "track.h"

/* The id of the XDP program on a device, whoever attached it, and how; 0 = none. */
static __u32 xdp_prog_id(__u32 ifindex, bool *generic)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	if (bpf_xdp_query((int)ifindex, 0, &q))
		return 0;
	*generic = q.attach_mode == XDP_ATTACHED_SKB;
	return q.prog_id ? q.prog_id : q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
}

/* --- before: what would go wrong --- */

static int refuse_foreign(struct weir_job *j, struct weir_err *err)
{
	char opt[300];

	if (!j->foreign_id || j->what->force)
		return 0;
	weir_fail(err, WEIR_REFUSED, 0, "%s has another XDP program: id %u", j->link.name,
		j->foreign_id);
	weir_remedy(err, "bpftool prog show id %u; to replace it: weir%s dev attach %s force",
		j->foreign_id, weir_ns_option(j->ns, opt), j->link.name);
	return -EBUSY;
}

/* The id of our program on any hook of the device: what is asked for would replace it, or take it
 * away. 0 where there is none but one that serves the device's VLANs alone. */
static __u32 own_prog_id(const struct weir_job *j)
{
	struct weir_hook_at at = {.ifindex = j->at.ifindex};

	for (at.hook = 0; at.hook < WEIR_HOOK_COUNT; at.hook++) {
		struct weir_hook_state state;
		bool filter;
		__cleanup_close int fd = weir_hook_open(j->ns, &at, &filter);

		if (fd >= 0 && !(at.hook == WEIR_HOOK_xdp && j->old_conf.vlans_only) &&
			!weir_hook_look(&at, fd, filter, &state) && state.ifindex == at.ifindex)
			return state.prog_id;
	}
	return 0;
}

static int refuse_own(struct weir_job *j, struct weir_err *err)
{
	static const char *const modes[] = {
		[WEIR_XDP_AUTO] = "",
		[WEIR_XDP_NATIVE] = " xdp native",
		[WEIR_XDP_GENERIC] = " xdp generic",
		[WEIR_XDP_OFF] = " xdp off",
	};
	__u32 id = j->what->force || j->vlans_only ? 0 : own_prog_id(j);
	char opt[300];

	if (!id)
		return 0;
	weir_fail(err, WEIR_REFUSED, 0, "%s is attached already: program %u", j->link.name, id);
	weir_ns_option(j->ns, opt);
	weir_remedy(err,
		"weir%s dev show; to load it anew and keep the counters: weir%s dev attach "
		"%s%s%s force",
		opt, opt, j->link.name, modes[j->what->mode], j->what->tc ? " tc on" : "");
	return -EEXIST;
}

/* XDP is told of no tag but those in the frame. */
static void show_tags(struct weir_job *j)
{
	char where[256] = "";
	int rc = weir_link_show_tags(&j->link, where);

	if (rc > 0)
		weir_note(j->notes, "%s: turned VLAN offload off (%s), which hides tags from XDP",
			j->link.name, where);
	else if (rc < 0 && rc != -EOPNOTSUPP)
		weir_note(j->notes,
			"%s: VLAN tags that are offloaded are hidden from XDP: "
			"ethtool -K PEER tx-vlan-offload off, at its other end",
			j->link.name);
}

/* Redirecting to a veth whose other end takes no frames loses every one of them. */
static int check_peer(struct weir_job *j, struct weir_err *err)
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
		"the other end of veth %s is down or has neither GRO nor an XDP program, so every "
		"frame redirected to it would be lost",
		j->link.name);
	weir_remedy(err, "ip link set PEER up; ethtool -K PEER gro off; ethtool -K PEER gro on  "
			 "(in the namespace of the other end)");
	return -EOPNOTSUPP;
}

static void advise(struct weir_job *j)
{
	const char *n = j->link.name;

	if (weir_sysctl("conf/%s/forwarding", n) == 0)
		weir_note(j->notes,
			"%s: forwarding is off, so all goes to the kernel: sysctl -w "
			"net.ipv4.ip_forward=1",
			n);
	if (j->link.rx_queues > WEIR_QUEUE_MAX)
		weir_note(j->notes, "%s: %u queues; those from %u on are counted together", n,
			j->link.rx_queues, WEIR_QUEUE_MAX - 1);
}

static int check(struct weir_job *j, struct weir_err *err)
{
	if (j->link.type != ARPHRD_ETHER && j->link.type != ARPHRD_LOOPBACK) {
		weir_fail(err, WEIR_REFUSED, 0, "%s is not an Ethernet device", j->link.name);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* --- one device: prepare changes nothing that runs, commit does --- */

/* Our link, if it is still on the hook: -1 where another program or rubbish took its place. */
static int live_link(struct weir_job *j)
{
	int fd = weir_hook_open(j->ns, &j->at, &j->own_filter);
	struct weir_hook_state state;

	if (fd >= 0 && (weir_hook_look(&j->at, fd, j->own_filter, &state) ||
			       state.ifindex != j->at.ifindex)) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? -1 : fd;
}

/* What is on the hook now. */
static void look(struct weir_job *j)
{
	struct weir_hook_state state = {};
	__u32 id = 0;

	j->own = live_link(j);
	weir_dev_conf(j->ns, j->at.ifindex, &j->old_conf);
	if (j->own >= 0) {
		weir_hook_look(&j->at, j->own, j->own_filter, &state);
		id = state.prog_id;
	}
	if (j->at.hook == WEIR_HOOK_xdp) {
		id = xdp_prog_id(j->at.ifindex, &j->was_generic);
		if (j->own < 0)
			j->foreign_id = id;
		else
			j->was_generic = j->old_conf.generic;
		if (j->own >= 0 && j->what->mode == WEIR_XDP_AUTO)
			j->generic = j->was_generic;
	}
	if (id)
		j->old_prog = bpf_prog_get_fd_by_id(id);
}

static int prepare(struct weir_job *j, struct weir_err *err)
{
	int rc;

	look(j);
	if (j->vlans_only && j->own >= 0) {
		if (!j->what->force)
			return 0; /* it is there already, and serves */
		j->vlans_only = j->old_conf.vlans_only;
	}
	rc = refuse_own(j, err);
	if (!rc)
		rc = refuse_foreign(j, err);
	if (!rc && j->own < 0)
		weir_hook_remove(j->ns, &j->at); /* what a killed attach left behind */
	if (!rc && j->at.hook == WEIR_HOOK_xdp && j->generic)
		rc = weir_shared_follow(j->ns, WEIR_FOLLOW_GENERIC, true, err);
	if (!rc && j->at.hook == WEIR_HOOK_tc_ingress)
		rc = weir_shared_follow(j->ns, WEIR_FOLLOW_TC, true, err);
	if (!rc && j->at.hook == WEIR_HOOK_tc_ingress)
		rc = weir_shared_mark(j->ns, true);
	if (j->at.hook != WEIR_HOOK_xdp && j->what->mode == WEIR_XDP_OFF) {
		/* what XDP is there goes on for the device's VLANs, or goes */
		j->generic = j->old_conf.generic;
		j->vlans_only = j->old_conf.vlans_only;
	}
	return rc ? rc : weir_job_load(j, err);
}

/* Takes a foreign program off the hook, however it was put there. */
static void evict(struct weir_job *j)
{
	struct bpf_link_info info;
	__u32 link_id = 0, len;

	/* without a link, in whichever mode: one that has no program answers with an error */
	bpf_xdp_detach((int)j->link.ifindex, XDP_FLAGS_DRV_MODE, NULL);
	bpf_xdp_detach((int)j->link.ifindex, XDP_FLAGS_SKB_MODE, NULL);
	while (!bpf_link_get_next_id(link_id, &link_id)) {
		__cleanup_close int fd = bpf_link_get_fd_by_id(link_id);

		len = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (fd >= 0 && !bpf_link_get_info_by_fd(fd, &info, &len) &&
			info.type == BPF_LINK_TYPE_XDP && info.xdp.ifindex == j->link.ifindex &&
			info.prog_id == j->foreign_id)
			bpf_link_detach(fd);
	}
	weir_note(j->notes, "%s: replaced XDP program %u", j->link.name, j->foreign_id);
}

/* Our program in place of ours: no packet is missed, or, in another mode, next to none. */
static int replace_own(struct weir_job *j, struct weir_err *err)
{
	int rc;

	if (j->was_generic == j->generic || j->at.hook != WEIR_HOOK_xdp) {
		rc = weir_hook_replace(&j->at, j->own, j->own_filter, weir_job_prog(j));
		if (rc)
			rc = weir_fail_sys(err, rc, "replacing the program of %s", j->link.name);
	} else {
		weir_hook_unhook(j->ns, &j->at);
		rc = weir_job_hook(j, weir_job_prog(j), j->generic, err);
	}
	return rc;
}

static int commit(struct weir_job *j, struct weir_err *err)
{
	int rc;

	if (!j->obj)
		return 0; /* nothing was prepared: it is there already */
	j->committed = true;
	if (j->own >= 0) {
		rc = replace_own(j, err);
	} else {
		if (j->foreign_id)
			evict(j);
		rc = weir_job_hook(j, weir_job_prog(j), j->generic, err);
	}
	if (!rc && j->at.hook == WEIR_HOOK_xdp)
		rc = check_peer(j, err);
	if (rc)
		return rc;
	if (j->at.hook == WEIR_HOOK_xdp)
		show_tags(j);
	rc = weir_job_open_port(j);
	if (rc)
		return weir_fail_sys(err, rc, "opening %s for redirects", j->link.name);
	return weir_job_pin(j, err);
}

/* Puts back what was on the hook before. */
static void roll_back(struct weir_job *j)
{
	__u32 zero = 0;

	if (j->hooked >= 0)
		weir_hook_detach(&j->at, j->hooked, j->hooked_filter);
	weir_close(&j->hooked);
	if (j->own >= 0 && j->obj)
		bpf_map_update_elem(weir_job_map(j, ".data.conf"), &zero, &j->old_conf, BPF_ANY);
	if (j->own < 0) {
		weir_hook_remove(j->ns, &j->at);
		if (j->committed && j->foreign_id && j->old_prog >= 0)
			bpf_xdp_attach((int)j->link.ifindex, j->old_prog,
				j->was_generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE, NULL);
	} else if (j->committed && j->old_prog >= 0) {
		if (j->was_generic == j->generic || j->at.hook != WEIR_HOOK_xdp) {
			weir_hook_replace(&j->at, j->own, j->own_filter, j->old_prog);
		} else {
			weir_hook_unhook(j->ns, &j->at);
			if (!weir_job_hook(j, j->old_prog, j->was_generic, NULL))
				weir_job_pin(j, NULL);
		}
	}
}

/* Where sessions are followed, nothing leaves but by the egress hook. */
static bool is_wanted(const struct weir_job *j, enum weir_hook hook)
{
	if (hook == WEIR_HOOK_xdp)
		return j->what->mode != WEIR_XDP_OFF;
	return j->what->tc || (hook == WEIR_HOOK_tc_egress && weir_is_tracking(j->ns));
}

/* The hooks of a device that are no longer wanted. */
static void drop_others(const struct weir_job *j)
{
	struct weir_hook_at at = {.ifindex = j->at.ifindex};

	if (j->vlans_only)
		return;
	for (at.hook = 0; at.hook < WEIR_HOOK_COUNT; at.hook++) {
		if (is_wanted(j, at.hook) || !weir_hook_pinned(j->ns, &at))
			continue;
		if (at.hook == WEIR_HOOK_xdp && weir_vlans_of(j->ns, at.ifindex) &&
			!weir_dev_vlans_only(j->ns, at.ifindex, true))
			weir_note(j->notes,
				"%s: its XDP program goes on for the VLAN devices attached on it",
				j->link.name);
		else
			weir_hook_remove(j->ns, &at);
	}
}

/* What one command attaches. */
struct plan {
	struct weir_job *jobs;
	unsigned int nr_jobs;
	struct weir_vlan_way *vlans;
	unsigned int nr_vlans;
};

static struct weir_job *job_of(const struct plan *p, __u32 ifindex, enum weir_hook hook)
{
	for (unsigned int i = 0; i < p->nr_jobs; i++)
		if (p->jobs[i].at.ifindex == ifindex && p->jobs[i].at.hook == hook)
			return &p->jobs[i];
	return NULL;
}

static int plan_job(struct plan *p, const struct weir_job *like, const struct weir_link *link,
	enum weir_hook hook, struct weir_err *err)
{
	struct weir_job *j = &p->jobs[p->nr_jobs];

	*j = *like;
	j->link = *link;
	j->at = (struct weir_hook_at){link->ifindex, hook};
	p->nr_jobs++;
	return check(j, err);
}

/* A VLAN device has its XDP at the device below, which is attached for it if it is not already. */
static int plan_vlan(struct plan *p, const struct weir_job *like, const struct weir_link *link,
	struct weir_err *err)
{
	struct weir_vlan_way *way = &p->vlans[p->nr_vlans];
	struct weir_job job = *like;
	int rc = weir_vlan_way(link, way, err);
	char opt[300];

	if (rc)
		return rc;
	if (weir_vlan_root(like->ns, link->ifindex) && !like->what->force) {
		weir_fail(err, WEIR_REFUSED, 0, "%s is attached already, on %s", link->name,
			way->root.name);
		weir_remedy(err, "weir%s dev show", weir_ns_option(like->ns, opt));
		return -EEXIST;
	}
	p->nr_vlans++;
	if (job_of(p, way->root.ifindex, WEIR_HOOK_xdp))
		return 0;
	job.vlans_only = true;
	return plan_job(p, &job, &way->root, WEIR_HOOK_xdp, err);
}

/* One job for each hook of each device. */
static int plan_all(struct plan *p, const struct weir_job *like, struct weir_err *err)
{
	const struct weir_attach *what = like->what;
	int rc = 0;

	/* first those that are no VLANs: they may be below these */
	for (unsigned int i = 0; i < what->nr_devs * 2 && !rc; i++) {
		struct weir_link link;

		rc = weir_link_get(what->devs[i % what->nr_devs], &link, err);
		if (rc || weir_link_is_vlan(&link) != (i >= what->nr_devs))
			continue;
		if (what->mode != WEIR_XDP_OFF)
			rc = weir_link_is_vlan(&link)
				     ? plan_vlan(p, like, &link, err)
				     : plan_job(p, like, &link, WEIR_HOOK_xdp, err);
		if (!rc && what->tc)
			rc = plan_job(p, like, &link, WEIR_HOOK_tc_ingress, err);
		if (!rc && is_wanted(like, WEIR_HOOK_tc_egress))
			rc = plan_job(p, like, &link, WEIR_HOOK_tc_egress, err);
	}
	return rc;
}

static int attach_vlans(const struct plan *p, struct weir_ns *ns, struct weir_err *err)
{
	for (unsigned int i = 0; i < p->nr_vlans; i++) {
		int rc = weir_vlan_attach(ns, &p->vlans[i]);

		if (!rc)
			continue;
		while (i-- > 0)
			weir_vlan_remove(ns, p->vlans[i].link.ifindex);
		weir_fail_sys(err, rc, "attaching the VLAN device %s", p->vlans[i].link.name);
		if (rc == -E2BIG)
			weir_remedy(err, "there is room for %d VLAN devices", WEIR_VLAN_MAX);
		return rc;
	}
	return 0;
}

static int commit_all(const struct plan *p, struct weir_ns *ns, struct weir_err *err)
{
	int rc = 0;

	for (unsigned int i = 0; i < p->nr_jobs && !rc; i++) {
		struct weir_job *j = &p->jobs[i];
		struct weir_job *xdp = job_of(p, j->at.ifindex, WEIR_HOOK_xdp);

		if (xdp && xdp != j) /* the device's settings are one */
			j->generic = xdp->generic;
		rc = prepare(j, err);
	}
	for (unsigned int i = 0; i < p->nr_jobs && !rc; i++)
		rc = commit(&p->jobs[i], err);
	return rc ? rc : attach_vlans(p, ns, err);
}

static int attach_all(const struct plan *p, struct weir_ns *ns, struct weir_err *err)
{
	int rc = weir_shared_up(ns, err);
	__u32 last = 0;

	if (rc)
		return rc;
	rc = commit_all(p, ns, err);
	for (unsigned int i = 0; i < p->nr_jobs; i++) {
		struct weir_job *j = &p->jobs[i];

		if (rc && (j->obj || j->committed))
			roll_back(j);
		if (rc || j->at.ifindex == last)
			continue;
		last = j->at.ifindex;
		drop_others(j);
		if (j->own >= 0 && j->obj)
			weir_note(j->notes, "%s: loaded anew, counters kept", j->link.name);
		advise(j);
	}
	if (!rc && weir_is_tracking(ns))
		weir_defrag_up(ns);
	weir_devs_touch(ns);
	return rc;
}

int weir_dev_attach(struct weir_ns *ns, const struct weir_attach *what, struct weir_notes *notes,
	struct weir_err *err)
{
	const struct weir_job like = {.ns = ns,
		.what = what,
		.notes = notes,
		.own = -1,
		.hooked = -1,
		.old_prog = -1,
		.generic = what->mode == WEIR_XDP_GENERIC};
	struct plan p = {
		.jobs = calloc((size_t)what->nr_devs * WEIR_HOOK_COUNT, sizeof(*p.jobs)),
		.vlans = calloc(what->nr_devs, sizeof(*p.vlans)),
	};
	__cleanup_close int lock = -1;
	int rc = p.jobs && p.vlans ? 0 : weir_fail(err, WEIR_REFUSED, -ENOMEM, "attaching");

	if (!rc)
		rc = weir_ns_make_and_lock(ns, &lock, notes, err);
	if (!rc) {
		weir_collect_dead(ns);
		rc = weir_shared_check(ns, err);
	}
	if (!rc)
		rc = plan_all(&p, &like, err);
	if (!rc)
		rc = attach_all(&p, ns, err);
	if (lock >= 0)
		weir_shared_settle(ns);
	while (p.nr_jobs-- > 0) {
		bpf_object__close(p.jobs[p.nr_jobs].obj);
		weir_close(&p.jobs[p.nr_jobs].own);
		weir_close(&p.jobs[p.nr_jobs].hooked);
		weir_close(&p.jobs[p.nr_jobs].old_prog);
	}
	free(p.jobs);
	free(p.vlans);
	return rc;
}
