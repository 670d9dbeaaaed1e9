// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Network devices, by rtnetlink, netdev-genl and ethtool. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if.h>
#include <linux/ethtool.h>
#include <linux/net_namespace.h>
#include <linux/netdev.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>

#include "priv.h"

static int on_vlan_attr(const struct nlattr *a, void *ctx)
{
	struct weir_link *link = ctx;

	if (mnl_attr_get_type(a) == IFLA_VLAN_ID)
		return weir_nl_u16(a, &link->vlan_id);
	if (mnl_attr_get_type(a) == IFLA_VLAN_PROTOCOL)
		return weir_nl_u16(a, &link->vlan_proto);
	return MNL_CB_OK;
}

static int on_info_attr(const struct nlattr *a, void *ctx)
{
	struct weir_link *link = ctx;

	if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
		return weir_nl_text(a, link->kind, sizeof(link->kind));
	if (mnl_attr_get_type(a) == IFLA_INFO_SLAVE_KIND)
		return weir_nl_text(a, link->port_of, sizeof(link->port_of));
	/* the kind stands before its data */
	if (mnl_attr_get_type(a) == IFLA_INFO_DATA && !strcmp(link->kind, "vlan"))
		return mnl_attr_parse_nested(a, on_vlan_attr, link);
	return MNL_CB_OK;
}

static int on_link_attr(const struct nlattr *a, void *ctx)
{
	struct weir_link *link = ctx;

	switch (mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		return weir_nl_text(a, link->name, sizeof(link->name));
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(a) == sizeof(link->mac))
			memcpy(link->mac, mnl_attr_get_payload(a), sizeof(link->mac));
		break;
	case IFLA_MTU:
		return weir_nl_u32(a, &link->mtu);
	case IFLA_NUM_RX_QUEUES:
		return weir_nl_u32(a, &link->rx_queues);
	case IFLA_NUM_TX_QUEUES:
		return weir_nl_u32(a, &link->tx_queues);
	case IFLA_MASTER:
		return weir_nl_u32(a, &link->master);
	case IFLA_LINK:
		return weir_nl_u32(a, &link->peer_ifindex);
	case IFLA_LINK_NETNSID:
		return weir_nl_u32(a, (__u32 *)&link->peer_nsid);
	case IFLA_LINKINFO:
		return mnl_attr_parse_nested(a, on_info_attr, link);
	default:
		break;
	}
	return MNL_CB_OK;
}

int weir_link_parse(const struct nlmsghdr *nlh, struct weir_link *link)
{
	const struct ifinfomsg *ifi = weir_nl_head(nlh, sizeof(*ifi));

	memset(link, 0, sizeof(*link));
	if (!ifi)
		return MNL_CB_ERROR;
	link->ifindex = (__u32)ifi->ifi_index;
	link->type = ifi->ifi_type;
	link->flags = ifi->ifi_flags;
	link->peer_nsid = -1;
	return mnl_attr_parse(nlh, sizeof(*ifi), on_link_attr, link);
}

static int on_link(const struct nlmsghdr *nlh, void *ctx)
{
	return weir_link_parse(nlh, ctx);
}

static int link_ask(const char *name, __u32 ifindex, struct weir_link *link)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct weir_link found = {};
	struct ifinfomsg *ifi;
	int rc;

	nlh->nlmsg_type = RTM_GETLINK;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)ifindex;
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	rc = weir_nl_ask(NETLINK_ROUTE, nlh, 0, on_link, &found);
	if (!rc)
		*link = found;
	return rc;
}

int weir_link_get(const char *name, struct weir_link *link, struct weir_err *err)
{
	int rc = -ENODEV;

	if (name[0] && strlen(name) < IFNAMSIZ)
		rc = link_ask(name, 0, link);
	if (rc) {
		weir_fail(
			err, rc == -ENODEV ? WEIR_NOT_FOUND : WEIR_REFUSED, rc, "device %s", name);
		weir_remedy(err, "ip -br link");
	}
	return rc;
}

int weir_link_by_index(__u32 ifindex, struct weir_link *link)
{
	return link_ask(NULL, ifindex, link);
}

struct link_walk {
	void (*fn)(void *ctx, const struct weir_link *link);
	void *ctx;
};

static int on_each_link(const struct nlmsghdr *nlh, void *ctx)
{
	struct link_walk *w = ctx;
	struct weir_link link;

	if (weir_link_parse(nlh, &link) >= 0)
		w->fn(w->ctx, &link);
	return MNL_CB_OK;
}

int weir_each_link(void (*fn)(void *ctx, const struct weir_link *link), void *ctx)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct link_walk w = {fn, ctx};
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = RTM_GETLINK;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	return weir_nl_ask(NETLINK_ROUTE, nlh, NLM_F_DUMP, on_each_link, &w);
}

struct local_walk {
	void (*fn)(void *ctx, __u32 addr, __u32 type);
	void *ctx;
};

static int on_dst_attr(const struct nlattr *a, void *ctx)
{
	return mnl_attr_get_type(a) == RTA_DST ? weir_nl_u32(a, ctx) : MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *r = weir_nl_head(nlh, sizeof(*r));
	struct local_walk *w = ctx;
	__u32 addr = 0;

	if (!r)
		return MNL_CB_ERROR;
	if (r->rtm_table == RT_TABLE_LOCAL && r->rtm_dst_len == 32 &&
		(r->rtm_type == RTN_LOCAL || r->rtm_type == RTN_BROADCAST) &&
		mnl_attr_parse(nlh, sizeof(*r), on_dst_attr, &addr) >= 0 && addr)
		w->fn(w->ctx, addr, r->rtm_type);
	return MNL_CB_OK;
}

int weir_each_local(void (*fn)(void *ctx, __u32 addr, __u32 type), void *ctx)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct local_walk w = {fn, ctx};
	struct rtmsg *r;

	nlh->nlmsg_type = RTM_GETROUTE;
	r = mnl_nlmsg_put_extra_header(nlh, sizeof(*r));
	r->rtm_family = AF_INET;
	return weir_nl_ask(NETLINK_ROUTE, nlh, NLM_F_DUMP, on_route, &w);
}

bool weir_link_is_virtual(const struct weir_link *link)
{
	return !strcmp(link->kind, "veth") || !strcmp(link->kind, "tun");
}

long weir_sysctl(const char *fmt, ...)
{
	char path[256] = "/proc/sys/net/ipv4/", text[32] = "";
	size_t n = strlen(path);
	__cleanup_close int fd = -1;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(path) - n, fmt, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -errno;
	return strtol(text, NULL, 10);
}

int weir_link_takes_frames(const struct weir_link *link)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	int rc = bpf_xdp_query((int)link->ifindex, 0, &q);

	if (rc)
		return rc;
	if (!q.feature_flags)
		return -EOPNOTSUPP;
	return !!(q.feature_flags & NETDEV_XDP_ACT_NDO_XMIT);
}

static int on_nsid_attr(const struct nlattr *a, void *ctx)
{
	return mnl_attr_get_type(a) == NETNSA_NSID ? weir_nl_u32(a, ctx) : MNL_CB_OK;
}

static int on_nsid(const struct nlmsghdr *nlh, void *ctx)
{
	return mnl_attr_parse(nlh, sizeof(struct rtgenmsg), on_nsid_attr, ctx);
}

/* Opens the namespace at @path if it is the one we know as @nsid; -1 else. */
static int open_if_nsid(const char *path, int nsid)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int found = -1;
	struct rtgenmsg *g;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	nlh->nlmsg_type = RTM_GETNSID;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(nlh, NETNSA_FD, (__u32)fd);
	if (!weir_nl_ask(NETLINK_ROUTE, nlh, 0, on_nsid, &found) && found == nsid)
		return fd;
	close(fd);
	return -1;
}

/* Looks through the named namespaces, then through every process's. */
static int find_ns(int nsid, char where[256])
{
	static const char *const places[] = {"/run/netns", "/proc"};
	int fd = -1;

	for (size_t i = 0; i < 2 && fd < 0; i++) {
		DIR *d = opendir(places[i]);
		struct dirent *e;

		while (d && fd < 0 && (e = readdir(d))) {
			char path[PATH_MAX];

			if (e->d_name[0] == '.' ||
				(i && (e->d_name[0] < '1' || e->d_name[0] > '9')))
				continue;
			snprintf(path, sizeof(path), i ? "/proc/%s/ns/net" : "/run/netns/%s",
				e->d_name);
			fd = open_if_nsid(path, nsid);
			if (fd >= 0)
				snprintf(where, 256,
					i ? "the namespace of process %s" : "namespace %s",
					e->d_name);
		}
		if (d)
			closedir(d);
	}
	return fd;
}

static int ethtool_value(const char *name, __u32 cmd, __u32 *data)
{
	__cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_value v = {.cmd = cmd, .data = *data};
	struct ifreq ifr = {.ifr_data = (void *)&v};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &ifr))
		return -errno;
	*data = v.data;
	return 0;
}

static int gro_on(void *ctx, const char *name)
{
	int rc = 0;

	(void)ctx;
	/* Off first: the kernel forgets what GRO means to the other end if it was turned on while
	 * the device was down, and only a change reminds it (veth_set_features). */
	for (__u32 on = 0; on < 2 && !rc; on++) {
		__u32 data = on;

		rc = ethtool_value(name, ETHTOOL_SGRO, &data);
	}
	return rc;
}

/* 1 where a flag was on; 0 where none was. */
static int flags_off(const char *name, __u32 off)
{
	__u32 flags = 0;
	int rc = ethtool_value(name, ETHTOOL_GFLAGS, &flags);

	if (rc || !(flags & off))
		return rc;
	flags &= ~off;
	rc = ethtool_value(name, ETHTOOL_SFLAGS, &flags);
	return rc ? rc : 1;
}

static int tags_into_frames(void *ctx, const char *name)
{
	(void)ctx;
	return flags_off(name, ETH_FLAG_TXVLAN);
}

int weir_peer_do(const struct weir_link *link, int (*fn)(void *ctx, const char *name), void *ctx,
	char where[256])
{
	__cleanup_close int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	__cleanup_close int peer = -1;
	char name[IFNAMSIZ] = "", place[256] = "this namespace";
	int rc;

	if (!link->peer_ifindex || home < 0)
		return -ENODEV;
	if (link->peer_nsid >= 0) {
		peer = find_ns(link->peer_nsid, place);
		if (peer < 0)
			return -ENOENT;
		if (setns(peer, CLONE_NEWNET))
			return -errno;
	}
	rc = if_indextoname(link->peer_ifindex, name) ? fn(ctx, name) : -errno;
	if (peer >= 0 && setns(home, CLONE_NEWNET))
		abort(); /* in the wrong namespace, anything we did next would hit the wrong devices
			  */
	snprintf(where, 256, "%s in %.200s", name, place);
	return rc;
}

int weir_peer_gro_on(const struct weir_link *link, char where[256])
{
	return weir_peer_do(link, gro_on, NULL, where);
}

int weir_link_show_tags(const struct weir_link *link, char where[256])
{
	int rc;

	if (!strcmp(link->kind, "veth"))
		return weir_peer_do(link, tags_into_frames, NULL, where);
	rc = flags_off(link->name, ETH_FLAG_RXVLAN);
	snprintf(where, 256, "%s", link->name);
	return rc;
}
