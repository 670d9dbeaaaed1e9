// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* This host's addresses, each with its device, as NAT rules are checked against them. */
#include <errno.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <libmnl/libmnl.h>

#include "nat.h"
#include "priv.h"

static int on_attr(const struct nlattr *a, void *ctx)
{
	return mnl_attr_get_type(a) == IFA_LOCAL ? weir_nl_u32(a, ctx) : MNL_CB_OK;
}

static bool has_first(const struct weir_owns *owns, const char *dev)
{
	return weir_own_first(owns, dev) != 0;
}

static int on_addr(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifaddrmsg *i = weir_nl_head(nlh, sizeof(*i));
	struct weir_owns *owns = ctx;
	struct weir_own *own;
	__u32 addr = 0;

	if (!i)
		return MNL_CB_ERROR;
	if (i->ifa_family != AF_INET || mnl_attr_parse(nlh, sizeof(*i), on_attr, &addr) < 0 ||
		!addr)
		return MNL_CB_OK;
	if (owns->nr % 64 == 0) {
		struct weir_own *grown = reallocarray(owns->list, owns->nr + 64, sizeof(*grown));

		if (!grown)
			return MNL_CB_ERROR;
		owns->list = grown;
	}
	own = &owns->list[owns->nr];
	*own = (struct weir_own){.addr = ntohl(addr)};
	if (!if_indextoname(i->ifa_index, own->dev))
		return MNL_CB_OK; /* it has just gone */
	/* the kernel's own choice of a source: the first of the widest scope */
	own->first = !(i->ifa_flags & IFA_F_SECONDARY) && i->ifa_scope < RT_SCOPE_HOST &&
		     !has_first(owns, own->dev);
	owns->nr++;
	return MNL_CB_OK;
}

int weir_owns_read(struct weir_owns *owns, struct weir_err *err)
{
	int rc, tries = 5;

	do { /* again where it changed meanwhile */
		char buf[512] __attribute__((aligned(8)));
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct ifaddrmsg *i;

		weir_owns_done(owns);
		nlh->nlmsg_type = RTM_GETADDR;
		i = mnl_nlmsg_put_extra_header(nlh, sizeof(*i));
		i->ifa_family = AF_INET;
		rc = weir_nl_ask(NETLINK_ROUTE, nlh, NLM_F_DUMP, on_addr, owns);
	} while (rc == -EINTR && tries-- > 0);
	return rc ? weir_fail_sys(err, rc, "reading this host's addresses") : 0;
}

void weir_owns_done(struct weir_owns *owns)
{
	free(owns->list);
	*owns = (struct weir_owns){0};
}
