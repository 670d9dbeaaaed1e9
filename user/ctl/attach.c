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

static int refuse_own(struct weir_job *j, struct weir_err *err)
{
	char opt[300];
	bool generic;

	if (j->own < 0 || j->what->force)
		return 0;
	weir_fail(err, WEIR_REFUSED, 0, "%s is attached already: program %u", j->link.name,
		xdp_prog_id(j->link.ifindex, &generic));
	weir_remedy(err, "weir%s dev show; to load it anew and keep the counters: weir%s dev attach "
			 "%s force", opt, weir_ns_option(j->ns, opt), j->link.name);
	return -EEXIST;
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
		"frame redirected to it would be lost", j->link.name);
	weir_remedy(err, "ip link set PEER up; ethtool -K PEER gro off; ethtool -K PEER gro on  "
			 "(in the namespace of the other end)");
	return -EOPNOTSUPP;
}

static void advise(struct weir_job *j)
{
	const char *n = j->link.name;

	if (weir_sysctl("conf/%s/forwarding", n) == 0)
		weir_note(j->notes,
			"%s: forwarding is off, so all goes to the kernel: sysctl -w net.ipv4.ip_forward=1",
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
static int live_link(const struct weir_job *j)
{
	int fd = weir_dev_link(j->ns, j->link.ifindex);
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	if (fd >= 0 && (bpf_link_get_info_by_fd(fd, &info, &len) ||
			       info.type != BPF_LINK_TYPE_XDP || info.xdp.ifindex != j->link.ifindex))
		weir_close(&fd);
	return fd;
}

static int prepare(struct weir_job *j, struct weir_err *err)
{
	__u32 id = xdp_prog_id(j->link.ifindex, &j->was_generic);
	int rc;

	j->own = live_link(j);
	if (id)
		j->old_prog = bpf_prog_get_fd_by_id(id);
	if (j->own >= 0) {
		weir_dev_conf(j->ns, j->link.ifindex, &j->old_conf);
		j->was_generic = j->old_conf.generic;
		if (j->what->mode == WEIR_XDP_AUTO)
			j->generic = j->was_generic;
	} else {
		j->foreign_id = id;
	}
	rc = refuse_own(j, err);
	if (!rc)
		rc = refuse_foreign(j, err);
	if (!rc && j->own < 0)
		weir_dev_remove(j->ns, j->link.ifindex); /* what a killed attach left behind */
	if (!rc && j->generic)
		rc = weir_shared_generic(j->ns, true, err);
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
	int rc = 0;

	if (j->was_generic == j->generic) {
		if (bpf_link_update(j->own, bpf_program__fd(j->skel->progs.weir_xdp), NULL))
			rc = weir_fail_sys(err, -errno, "replacing the program of %s",
				j->link.name);
	} else {
		weir_dev_unhook(j->ns, j->link.ifindex);
		rc = weir_job_hook(j, bpf_program__fd(j->skel->progs.weir_xdp), j->generic, err);
	}
	if (!rc)
		weir_note(j->notes, "%s: loaded anew, counters kept", j->link.name);
	return rc;
}

static int commit(struct weir_job *j, struct weir_err *err)
{
	int rc;

	j->committed = true;
	if (j->own >= 0) {
		rc = replace_own(j, err);
	} else {
		if (j->foreign_id)
			evict(j);
		rc = weir_job_hook(j, bpf_program__fd(j->skel->progs.weir_xdp), j->generic, err);
	}
	if (!rc)
		rc = check_peer(j, err);
	if (rc)
		return rc;
	rc = weir_job_open_port(j);
	if (rc)
		return weir_fail_sys(err, rc, "opening %s for redirects", j->link.name);
	rc = weir_job_pin(j, err);
	if (rc)
		return rc;
	advise(j);
	return 0;
}

/* Puts back what was on the hook before. */
static void roll_back(struct weir_job *j)
{
	__u32 zero = 0;

	if (j->hooked >= 0)
		bpf_link_detach(j->hooked);
	weir_close(&j->hooked);
	if (j->own >= 0 && j->skel)
		bpf_map_update_elem(
			bpf_map__fd(j->skel->maps.data_conf), &zero, &j->old_conf, BPF_ANY);
	if (j->own < 0) {
		weir_dev_remove(j->ns, j->link.ifindex);
		if (j->committed && j->foreign_id && j->old_prog >= 0)
			bpf_xdp_attach((int)j->link.ifindex, j->old_prog,
				j->was_generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE, NULL);
	} else if (j->committed && j->old_prog >= 0) {
		if (j->was_generic == j->generic) {
			bpf_link_update(j->own, j->old_prog, NULL);
		} else {
			weir_dev_unhook(j->ns, j->link.ifindex);
			if (!weir_job_hook(j, j->old_prog, j->was_generic, NULL))
				weir_job_pin(j, NULL);
		}
	}
}

static int attach_all(struct weir_job *jobs, struct weir_ns *ns, unsigned int nr,
	struct weir_err *err)
{
	unsigned int i;
	int rc = weir_shared_up(ns, err);

	if (rc)
		return rc;
	for (i = 0; i < nr && !rc; i++)
		rc = prepare(&jobs[i], err);
	for (i = 0; i < nr && !rc; i++)
		rc = commit(&jobs[i], err);
	if (rc)
		for (i = 0; i < nr; i++)
			if (jobs[i].skel || jobs[i].committed)
				roll_back(&jobs[i]);
	return rc;
}

/* Another weir may take the new folder for a dead one, as long as it is not locked. */
static int make_and_lock(struct weir_ns *ns, int *lock, struct weir_notes *notes,
	struct weir_err *err)
{
	int rc, tries = 100;

	do {
		rc = weir_ns_prepare(ns, notes, err);
		if (rc)
			return rc;
		*lock = weir_ns_lock(ns, "");
	} while (*lock == -ENOENT && --tries);
	return *lock < 0 ? weir_fail_sys(err, *lock, "locking %s", ns->dir) : 0;
}

int weir_dev_attach(struct weir_ns *ns, const struct weir_attach *what, struct weir_notes *notes,
	struct weir_err *err)
{
	struct weir_job *jobs = calloc(what->nr_devs, sizeof(*jobs));
	__cleanup_close int lock = -1;
	unsigned int i;
	int rc = jobs ? 0 : weir_fail(err, WEIR_REFUSED, -ENOMEM, "attaching");

	for (i = 0; !rc && i < what->nr_devs; i++) {
		jobs[i] = (struct weir_job){
			.ns = ns, .what = what, .notes = notes, .own = -1, .hooked = -1,
			.old_prog = -1};
		jobs[i].generic = what->mode == WEIR_XDP_GENERIC;
		rc = weir_link_get(what->devs[i], &jobs[i].link, err);
		if (!rc)
			rc = check(&jobs[i], err);
	}
	if (!rc)
		rc = make_and_lock(ns, &lock, notes, err);
	if (!rc) {
		weir_collect_dead(ns);
		rc = weir_shared_check(ns, err);
	}
	if (!rc) {
		rc = attach_all(jobs, ns, what->nr_devs, err);
		weir_shared_settle(ns);
	}
	while (jobs && i-- > 0) { /* those that were begun */
		xdp_bpf__destroy(jobs[i].skel);
		weir_close(&jobs[i].own);
		weir_close(&jobs[i].hooked);
		weir_close(&jobs[i].old_prog);
	}
	free(jobs);
	return rc;
}
