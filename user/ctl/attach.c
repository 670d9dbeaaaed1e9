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

/* The id of the XDP program on a device, whoever attached it; 0 = none. */
static __u32 xdp_prog_id(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	if (bpf_xdp_query((int)ifindex, 0, &q))
		return 0;
	return q.prog_id ? q.prog_id : q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
}

/* --- before: what would go wrong --- */

static int check_foreign(struct weir_job *j, struct weir_err *err)
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
			id, weir_ns_option(j->ns, opt), j->link.name);
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
		"the other end of veth %s has neither GRO nor an XDP program, so every frame "
		"redirected to it would be lost", j->link.name);
	weir_remedy(err, "ethtool -K PEER gro on  (in the namespace of the other end)");
	return -EOPNOTSUPP;
}

static void advise(struct weir_job *j)
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

static int check(struct weir_job *j, struct weir_err *err)
{
	if (j->link.type != ARPHRD_ETHER && j->link.type != ARPHRD_LOOPBACK) {
		weir_fail(err, WEIR_REFUSED, 0, "%s is not an Ethernet device", j->link.name);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* --- one device --- */

/* A new program in the place of ours: the counters stay, no packet is missed. */
static int replace_own(struct weir_job *j, int link, struct weir_err *err)
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
				 "attach %s force", opt, weir_ns_option(j->ns, opt), j->link.name);
		return -EEXIST;
	}
	rc = weir_job_load(j, err);
	if (rc)
		return rc;
	rc = bpf_link_update(link, bpf_program__fd(j->skel->progs.weir_xdp), NULL);
	if (rc)
		return weir_fail_sys(err, -errno, "replacing the program of %s", j->link.name);
	weir_note(j->notes, "%s: loaded anew, counters kept", j->link.name);
	return weir_job_open_port(j);
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

static int attach_one(struct weir_job *j, struct weir_err *err)
{
	__cleanup_close int link = weir_dev_link(j->ns, j->link.ifindex);
	bool generic;
	int rc;

	if (link >= 0 && j->what->mode == WEIR_XDP_AUTO &&
		pinned_generic(j->ns, j->link.ifindex, &generic))
		j->generic = generic;
	if (link >= 0 && (!j->what->force || (pinned_generic(j->ns, j->link.ifindex, &generic) &&
						     generic == j->generic)))
		return replace_own(j, link, err);
	weir_close(&link);
	weir_dev_remove(j->ns, j->link.ifindex); /* our own in another mode, or a broken remainder */
	j->fresh = true;
	rc = check_foreign(j, err);
	if (!rc && j->generic)
		rc = weir_shared_generic(j->ns, true, err);
	if (!rc)
		rc = weir_job_load(j, err);
	if (!rc)
		rc = weir_job_hook(j, err);
	if (!rc)
		rc = check_peer(j, err);
	if (rc)
		return rc;
	rc = weir_job_open_port(j);
	if (rc)
		return weir_fail_sys(err, rc, "opening %s for redirects", j->link.name);
	advise(j);
	return 0;
}

static int attach_all(struct weir_job *jobs, struct weir_ns *ns, const struct weir_attach *what,
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
			weir_dev_remove(ns, jobs[i].link.ifindex);
	return rc;
}

int weir_dev_attach(struct weir_ns *ns, const struct weir_attach *what, struct weir_notes *notes,
	struct weir_err *err)
{
	struct weir_job *jobs = calloc(what->nr_devs, sizeof(*jobs));
	__cleanup_close int lock = -1;
	unsigned int i;
	int rc = jobs ? 0 : weir_fail(err, WEIR_REFUSED, -ENOMEM, "attaching");

	for (i = 0; !rc && i < what->nr_devs; i++) {
		jobs[i] = (struct weir_job){.ns = ns, .what = what, .notes = notes};
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
