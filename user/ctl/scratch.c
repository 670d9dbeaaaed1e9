// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A network namespace for trials, with a pair of veths in it. It has no name, so it ends with the
 * last descriptor in it, however this process ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <net/if.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <libmnl/libmnl.h>

#include "probe.h"

static int on_nothing(const struct nlmsghdr *nlh, void *ctx)
{
	(void)nlh;
	(void)ctx;
	return MNL_CB_OK;
}

static struct nlmsghdr *begin(char *buf, __u16 flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = flags | NLM_F_ACK;
	return nlh;
}

static int make_veths(void)
{
	char buf[1024] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = begin(buf, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *peer;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "try0");
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "try1");
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return weir_nl_ask(NETLINK_ROUTE, nlh, 0, on_nothing, NULL);
}

static int bring_up(const char *name)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = begin(buf, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return weir_nl_ask(NETLINK_ROUTE, nlh, 0, on_nothing, NULL);
}

void weir_scratch_enter(struct weir_scratch *s)
{
	memset(s, 0, sizeof(*s));
	s->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (s->home < 0 || unshare(CLONE_NEWNET)) {
		s->error = s->no_veth = -errno;
		weir_close(&s->home);
		return;
	}
	s->no_veth = make_veths();
	if (!s->no_veth)
		s->no_veth = bring_up("try0");
	if (!s->no_veth)
		s->no_veth = bring_up("try1");
	s->ifindex = if_nametoindex("try0");
}

void weir_scratch_leave(struct weir_scratch *s)
{
	if (s->home >= 0 && setns(s->home, CLONE_NEWNET))
		abort(); /* in the wrong namespace, anything we did next would hit the wrong devices
			  */
	weir_close(&s->home);
}
