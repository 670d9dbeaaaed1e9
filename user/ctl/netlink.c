// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions to the kernel by netlink: one socket each, since they are few. */
#include <errno.h>
#include <libmnl/libmnl.h>

#include "priv.h"

/* Whether the datagram is made of whole messages: libmnl follows lengths above 2 GB. */
static bool are_whole(const char *buf, size_t n)
{
	while (n >= sizeof(struct nlmsghdr)) {
		size_t len = ((const struct nlmsghdr *)buf)->nlmsg_len;

		if (len < sizeof(struct nlmsghdr) || len > n)
			return false;
		len = (len + 3) & ~(size_t)3;
		if (len >= n)
			return true;
		buf += len;
		n -= len;
	}
	return n == 0;
}

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
		if (n >= 0 && !are_whole(buf, (size_t)n)) {
			errno = EBADMSG;
			n = -1;
		}
		if (n >= 0)
			n = mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), cb, ctx);
		if (n < 0)
			rc = errno ? -errno : -EIO;
		if (n <= 0 || !(flags & NLM_F_DUMP))
			break;
	}
	mnl_socket_close(nl);
	return rc;
}
