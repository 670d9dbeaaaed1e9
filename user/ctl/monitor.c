// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel's news of links, neighbours and addresses, by rtnetlink. It is listened to before the
 * present state is asked for, so that nothing falls between; what comes twice changes nothing.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>

#include "base/clock.h"
#include "logged.h"

enum { AT_ONCE = 64 }; /* messages, before the caller is given a turn */

struct weir_monitor {
	struct mnl_socket *nl;
	struct weir_logged *logged;
	char buf[32768] __attribute__((aligned(8)));
};

struct report {
	struct weir_watch *watch;
	__u64 now_ns;
};

/* --- from netlink to reports --- */

static void report_link(const struct weir_link *link, bool removed, const struct report *to)
{
	struct weir_link_report r = {
		.ifindex = link->ifindex,
		.up = link->flags & IFF_UP,
		.carrier = link->flags & WEIR_LOWER_UP,
		.removed = removed,
		.mtu = link->mtu,
	};

	memcpy(r.name, link->name, sizeof(r.name));
	memcpy(r.mac, link->mac, sizeof(r.mac));
	weir_watch_link(to->watch, &r, to->now_ns);
}

static int on_link(const struct nlmsghdr *nlh, const struct report *to)
{
	const struct ifinfomsg *ifi = weir_nl_head(nlh, sizeof(*ifi));
	struct weir_link link;

	if (!ifi)
		return MNL_CB_ERROR;
	/* of the family AF_BRIDGE are a bridge's ports: one that leaves it still exists */
	if (ifi->ifi_family == AF_UNSPEC && weir_link_parse(nlh, &link) >= 0)
		report_link(&link, nlh->nlmsg_type == RTM_DELLINK, to);
	return MNL_CB_OK;
}

static enum weir_neigh_state state_of(__u16 nud)
{
	if (nud & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP))
		return WEIR_NEIGH_GOOD;
	if (nud & (NUD_STALE | NUD_DELAY))
		return WEIR_NEIGH_AGED;
	if (nud & NUD_PROBE)
		return WEIR_NEIGH_PROBED;
	return nud & NUD_FAILED ? WEIR_NEIGH_FAILED : WEIR_NEIGH_NONE;
}

static int on_neigh_attr(const struct nlattr *a, void *ctx)
{
	struct weir_neigh_report *r = ctx;

	if (mnl_attr_get_type(a) == NDA_DST)
		return weir_nl_u32(a, &r->addr);
	if (mnl_attr_get_type(a) == NDA_LLADDR && mnl_attr_get_payload_len(a) == sizeof(r->mac)) {
		memcpy(r->mac, mnl_attr_get_payload(a), sizeof(r->mac));
		r->has_mac = true;
	}
	return MNL_CB_OK;
}

static int on_neigh(const struct nlmsghdr *nlh, const struct report *to)
{
	const struct ndmsg *n = weir_nl_head(nlh, sizeof(*n));
	struct weir_neigh_report r = {.removed = nlh->nlmsg_type == RTM_DELNEIGH};

	if (!n)
		return MNL_CB_ERROR;
	r.ifindex = (__u32)n->ndm_ifindex;
	r.state = state_of(n->ndm_state);
	if (n->ndm_family == AF_INET && !(n->ndm_flags & NTF_PROXY) &&
		mnl_attr_parse(nlh, sizeof(*n), on_neigh_attr, &r) >= 0 && r.addr)
		weir_watch_neigh(to->watch, &r, to->now_ns);
	return MNL_CB_OK;
}

static int on_addr_attr(const struct nlattr *a, void *ctx)
{
	struct weir_address_report *r = ctx;

	return mnl_attr_get_type(a) == IFA_LOCAL ? weir_nl_u32(a, &r->addr) : MNL_CB_OK;
}

static int on_addr(const struct nlmsghdr *nlh, const struct report *to)
{
	const struct ifaddrmsg *i = weir_nl_head(nlh, sizeof(*i));
	struct weir_address_report r = {.removed = nlh->nlmsg_type == RTM_DELADDR};

	if (!i)
		return MNL_CB_ERROR;
	r.ifindex = i->ifa_index;
	if (i->ifa_family == AF_INET && mnl_attr_parse(nlh, sizeof(*i), on_addr_attr, &r) >= 0 &&
		r.addr)
		weir_watch_address(to->watch, &r, to->now_ns);
	return MNL_CB_OK;
}

static int on_news(const struct nlmsghdr *nlh, void *ctx)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return on_link(nlh, ctx);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return on_neigh(nlh, ctx);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return on_addr(nlh, ctx);
	default:
		return MNL_CB_OK;
	}
}

/* --- all there is --- */

/* Each of these begins with the family, and zeros ask for all. */
static int dump(__u16 type, size_t head, __u8 family, struct report *to)
{
	char buf[512] __attribute__((aligned(8)));
	int rc, tries = 5;

	do { /* again where it changed meanwhile */
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

		nlh->nlmsg_type = type;
		*(__u8 *)mnl_nlmsg_put_extra_header(nlh, head) = family;
		rc = weir_nl_ask(NETLINK_ROUTE, nlh, NLM_F_DUMP, on_news, to);
	} while (rc == -EINTR && --tries);
	return rc == -EINTR ? 0 : rc;
}

static int report_all(struct weir_watch *watch)
{
	struct report to = {watch, weir_now_ns()};
	int rc;

	weir_watch_begin(watch);
	rc = dump(RTM_GETLINK, sizeof(struct ifinfomsg), AF_UNSPEC, &to);
	if (!rc)
		rc = dump(RTM_GETADDR, sizeof(struct ifaddrmsg), AF_INET, &to);
	if (!rc)
		rc = dump(RTM_GETNEIGH, sizeof(struct ndmsg), AF_INET, &to);
	if (!rc)
		weir_watch_end(watch, to.now_ns);
	return rc;
}

int weir_monitor_open(struct weir_ns *ns, struct weir_watch *watch, struct weir_monitor **monitor,
	struct weir_err *err)
{
	struct weir_monitor *m = calloc(1, sizeof(*m));
	int rc = m ? 0 : -ENOMEM;

	if (!rc) {
		m->logged = weir_logged_new(ns, watch);
		rc = m->logged ? 0 : -ENOMEM;
	}
	if (!rc) { /* the namespace was entered, so that a socket is of it */
		m->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (!m->nl ||
			mnl_socket_bind(m->nl, RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR,
				MNL_SOCKET_AUTOPID))
			rc = -errno;
	}
	if (!rc)
		rc = report_all(watch);
	if (rc) {
		weir_monitor_free(m);
		return weir_fail_sys(err, rc, "listening to the kernel's news");
	}
	*monitor = m;
	return 0;
}

void weir_monitor_free(struct weir_monitor *m)
{
	if (m && m->nl)
		mnl_socket_close(m->nl);
	if (m)
		weir_logged_free(m->logged);
	free(m);
}

/* 1 with news, 0 where there are none left, -errno. */
static int take_one(struct weir_monitor *m, struct weir_watch *watch)
{
	struct report to = {watch, weir_now_ns()};
	ssize_t n = mnl_socket_recvfrom(m->nl, m->buf, sizeof(m->buf));

	if (n < 0 && errno == ENOBUFS) {
		weir_event_add(&watch->events, WEIR_EVENT_overrun, to.now_ns, "", 0);
		n = report_all(watch);
		return n < 0 ? (int)n : 1;
	}
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!weir_nl_is_whole(m->buf, (size_t)n))
		return -EBADMSG;
	return mnl_cb_run(m->buf, (size_t)n, 0, 0, on_news, &to) < 0 ? -errno : 1;
}

int weir_monitor_wait(
	struct weir_monitor *m, struct weir_watch *watch, int wait_ms, struct weir_err *err)
{
	struct pollfd fd[2] = {{.fd = mnl_socket_get_fd(m->nl), .events = POLLIN},
		{.fd = weir_logged_fd(m->logged), .events = POLLIN}};
	int rc = poll(fd, 2, wait_ms), got = 0;

	weir_logged_take(m->logged);
	if (rc > 0 && fd[0].revents) {
		do
			rc = take_one(m, watch);
		while (rc > 0 && ++got < AT_ONCE);
	} else if (rc < 0) {
		rc = errno == EINTR ? 0 : -errno;
	}
	if (rc < 0)
		return weir_fail_sys(err, rc, "listening to the kernel's news");
	return got > 0; /* what is logged moves no counters that are read */
}

__u32 weir_xdp_program(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	if (bpf_xdp_query((int)ifindex, 0, &q))
		return 0;
	return q.prog_id ? q.prog_id : q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
}
