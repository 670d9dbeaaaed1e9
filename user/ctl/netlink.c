// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions to the kernel by netlink: one socket each, since they are few. */
#include <errno.h>
#include <libmnl/libmnl.h>

#include "priv.h"

int weir_nl_ask(int bus, struct nlmsghdr *nlh, __u16 flags,
	int (*cb)(const struct nlmsghdr *nlh, void *ctx), void *ctx)
{
	char buf[32768] __attribute__((aligned(8)));
	struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	ssize_t n;
	int rc = 0;

	if (!nl)
		return -errno;
	nlh->nlmsg_flags |= NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = 1;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) ||
		mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		rc = -errno;
	while (!rc) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n >= 0)
			n = mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), cb, ctx);
		if (n < 0)
			rc = -errno;
		if (n <= 0 || !(flags & NLM_F_DUMP))
			break;
	}
	mnl_socket_close(nl);
	return rc;
}
