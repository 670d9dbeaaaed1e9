// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bytes as if the kernel had answered them: devices, addresses, namespaces. The first says what was
 * asked; then each datagram has its length in two bytes before it. libmnl's socket is this file.
 */
#include <sanitizer/asan_interface.h>

#include "ctl/link.c" /* for what is static there */
#include "fuzz.h"

static struct feed answers;
static struct {
	void *buf;
	size_t len;
} lent; /* the receiver's buffer, whose rest holds nothing */

void weir_note(struct weir_notes *notes, const char *fmt, ...)
{
	(void)notes;
	(void)fmt;
}

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	(void)bus;
	(void)flags;
	return (struct mnl_socket *)&answers;
}

int mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid)
{
	(void)nl;
	(void)groups;
	(void)pid;
	return 0;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *nl)
{
	(void)nl;
	return 0;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t len)
{
	(void)nl;
	(void)req;
	return (ssize_t)len;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	size_t len = (size_t)feed8(&answers) << 8, left;

	(void)nl;
	if (answers.at >= answers.end) {
		errno = ENOBUFS;
		return -1;
	}
	len |= feed8(&answers);
	left = (size_t)(answers.end - answers.at);
	len = len < left ? len : left;
	len = len < size ? len : size;
	__asan_unpoison_memory_region(buf, size);
	memcpy(buf, answers.at, len);
	/* libmnl rounds lengths up, and the buffer has room for that */
	memset((char *)buf + len, 0xff, MNL_ALIGN(len) - len);
	__asan_poison_memory_region((char *)buf + MNL_ALIGN(len), size - MNL_ALIGN(len));
	answers.at += len;
	lent.buf = buf;
	lent.len = size;
	return (ssize_t)len;
}

int mnl_socket_close(struct mnl_socket *nl)
{
	(void)nl;
	if (lent.buf)
		__asan_unpoison_memory_region(lent.buf, lent.len);
	lent.buf = NULL;
	return 0;
}

static void ask_link(void)
{
	struct weir_link link = {.ifindex = 42};
	struct weir_err err = {0};

	if (weir_link_get("eth0", &link, &err)) {
		MUST(err.what[0] && err.remedy[0] && link.ifindex == 42);
		return;
	}
	MUST(memchr(link.name, 0, sizeof(link.name)) && memchr(link.kind, 0, sizeof(link.kind)));
	weir_link_is_virtual(&link);
}

static void count(void *ctx, __u32 addr, __u32 type)
{
	MUST(addr && (type == RTN_LOCAL || type == RTN_BROADCAST));
	++*(unsigned int *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int addrs = 0;
	int fd;

	answers = (struct feed){data, data + size};
	switch (feed8(&answers) % 3) {
	case 0:
		ask_link();
		break;
	case 1:
		MUST(weir_each_local(count, &addrs) <= 0);
		break;
	case 2:
		fd = open_if_nsid("/proc/self/ns/net", feed8(&answers) % 4);
		weir_close(&fd);
		break;
	}
	return 0;
}
