// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions to the kernel by netlink: one socket each, since they are few. */
#include <errno.h>
#include <string.h>
#include <libmnl/libmnl.h>

#include "priv.h"

/* libmnl follows lengths above 2 GB. */
bool weir_nl_is_whole(const char *buf, size_t n)
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

const void *weir_nl_head(const struct nlmsghdr *nlh, size_t size)
{
	if (mnl_nlmsg_get_payload_len(nlh) >= size)
		return mnl_nlmsg_get_payload(nlh);
	errno = EBADMSG;
	return NULL;
}

int weir_nl_u16(const struct nlattr *a, __u16 *value)
{
	if (mnl_attr_validate(a, MNL_TYPE_U16) < 0)
		return MNL_CB_ERROR;
	memcpy(value, mnl_attr_get_payload(a), sizeof(*value));
	return MNL_CB_OK;
}

int weir_nl_u32(const struct nlattr *a, __u32 *value)
{
	if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
		return MNL_CB_ERROR;
	memcpy(value, mnl_attr_get_payload(a), sizeof(*value));
	return MNL_CB_OK;
}

int weir_nl_text(const struct nlattr *a, char *text, size_t size)
{
	if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0)
		return MNL_CB_ERROR;
	snprintf(text, size, "%s", mnl_attr_get_str(a));
	return MNL_CB_OK;
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
		if (n >= 0 && !weir_nl_is_whole(buf, (size_t)n)) {
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
