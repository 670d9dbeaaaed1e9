// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bytes as if the kernel had answered them: devices, addresses, namespaces; news for the monitor;
 * rules, filters and policies for the doctor; counters. The first says what was asked; then each
 * datagram has its length in two bytes before it. libmnl's socket is this file.
 */
#include <sanitizer/asan_interface.h>

#include <fcntl.h>

#include "ctl/link.c" /* for what is static there */
#include "ctl/kernel_counters.h"
#include "ctl/probe.h"
#include "fuzz.h"
#include "model/watch.h"
#include "out/doc.h"

static struct feed answers;
static struct {
	void *buf;
	size_t len;
} lent; /* the receiver's buffer, whose rest holds nothing */

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

/* One that always has something to read. */
int mnl_socket_get_fd(const struct mnl_socket *nl)
{
	static int fd = -1;

	(void)nl;
	if (fd < 0)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd;
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

/* Consumes @doc. */
static void show(json_t *doc, weir_text_fn *text)
{
	static FILE *void_;
	struct weir_face face = {0};

	if (!void_)
		void_ = fopen("/dev/null", "w");
	MUST(void_ && doc);
	face.file = void_;
	MUST(!weir_show(&face, json_incref(doc), text, NULL));
	face.json = true;
	MUST(!weir_show(&face, doc, text, NULL));
}

/* Links are attached that the news may be about. */
static void give_devices(struct weir_watch *watch)
{
	struct weir_snapshot snap = {
		.nr_devs = 2, .devs = aligned_alloc(64, 2 * sizeof(*snap.devs))};

	MUST(snap.devs);
	memset(snap.devs, 0, 2 * sizeof(*snap.devs));
	for (__u32 i = 0; i < 2; i++) {
		snap.devs[i].conf.ifindex = 1 + i;
		snap.devs[i].name[0] = (char)('a' + i);
	}
	weir_watch_snapshot(watch, &snap);
}

static void ask_monitor(void)
{
	struct weir_monitor *monitor = NULL;
	struct weir_watch watch;
	struct weir_err err = {0};

	weir_watch_init(&watch, true);
	if (!weir_monitor_open(NULL, &watch, &monitor, &err)) {
		give_devices(&watch);
		for (int i = 0; i < 4 && !weir_monitor_wait(monitor, &watch, 0, &err); i++)
			weir_watch_flush(&watch, (__u64)i * WEIR_WATCH_LIMIT_NS);
		weir_monitor_free(monitor);
	}
	for (unsigned int i = 0; i < watch.events.nr; i++)
		show(weir_doc_event(&watch.events.list[i], i), weir_text_event);
	weir_watch_done(&watch);
}

static void ask_doctor(bool nft)
{
	struct weir_link link = {.ifindex = 1, .name = "eth0"};
	struct weir_findings found = {0};

	if (nft)
		weir_doctor_nft(&found);
	else
		weir_doctor_bypass(&link, 1, &found);
	show(weir_doc_doctor(&found, "6.1"), weir_text_doctor);
	weir_findings_done(&found);
}

static void ask_counters(void)
{
	static int (*const questions[])(struct weir_kreading * r) = {
		weir_kread_devs, weir_kread_qdiscs, weir_kread_qstats, weir_kread_taps};
	struct weir_kreading r = {};

	while (answers.at < answers.end) {
		unsigned int nr = r.nr, nr_devs = r.nr_devs;

		if (questions[feed8(&answers) % 4](&r))
			MUST(r.nr == nr && r.nr_devs == nr_devs);
	}
	MUST(!r.failed);
	for (unsigned int i = 0; i < r.nr; i++)
		MUST(r.value[i].counter < WEIR_KCOUNTER_COUNT);
	for (unsigned int i = 0; i < r.nr_devs; i++)
		MUST(memchr(r.dev[i].name, 0, sizeof(r.dev[i].name)));
	weir_kreading_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int addrs = 0;
	int fd;

	answers = (struct feed){data, data + size};
	if (size && data[0] == 'k') {
		feed8(&answers);
		ask_counters();
		return 0;
	}
	switch (feed8(&answers) % 6) {
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
	case 3:
		ask_monitor();
		break;
	default:
		ask_doctor(data[0] % 6 == 4);
		break;
	}
	return 0;
}
