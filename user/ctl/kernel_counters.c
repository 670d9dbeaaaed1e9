// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * All of the kernel's counters at once. The files are those of the thread, since /proc/net is of
 * the process' first thread: another namespace is read by a thread that enters it and ends there,
 * so that nothing of ours is ever left in the wrong one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel_counters.h"

/* Lines of /proc/net/netstat are 6 kB; of softirqs 11 bytes a CPU and line. */
#define MAX_TEXT (1 << 20)

/* A whole file as text, which the caller frees; NULL where there is none, or it is too long. */
static char *text_of(const char *path)
{
	__cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t nr = 0, room = 0;
	char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	do {
		char *more;

		if (nr + 1 >= room) {
			room = room ? room * 2 : 16384;
			more = room <= MAX_TEXT ? realloc(text, room) : NULL;
			if (!more)
				goto fail;
			text = more;
		}
		n = read(fd, text + nr, room - nr - 1);
		if (n < 0)
			goto fail;
		nr += (size_t)n;
	} while (n);
	text[nr] = '\0';
	return text;
fail:
	free(text);
	return NULL;
}

#define OF_THREAD "/proc/thread-self/net/"

static void read_proc(struct weir_kreading *r)
{
	static const struct {
		const char *path;
		enum weir_ksource source;
	} files[] = {
		{OF_THREAD "snmp", WEIR_KSOURCE_snmp}, {OF_THREAD "netstat", WEIR_KSOURCE_netstat},
		{OF_THREAD "sockstat", WEIR_KSOURCE_sockstat},
		{OF_THREAD "stat/nf_conntrack", WEIR_KSOURCE_conntrack},
		{OF_THREAD "softnet_stat", WEIR_KSOURCE_softnet},
		{"/proc/softirqs", WEIR_KSOURCE_softirqs},
		{"/proc/1/net/stat/arp_cache",
			WEIR_KSOURCE_neigh}, /* of the first namespace only */
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *text = text_of(files[i].path);

		if (!text)
			continue;
		switch (files[i].source) {
		case WEIR_KSOURCE_snmp:
		case WEIR_KSOURCE_netstat:
			weir_kproc_mib(r, files[i].source, text);
			break;
		case WEIR_KSOURCE_sockstat:
			weir_kproc_sockstat(r, text);
			break;
		case WEIR_KSOURCE_softnet:
			weir_kproc_softnet(r, text);
			break;
		case WEIR_KSOURCE_softirqs:
			weir_kproc_softirqs(r, text);
			break;
		default:
			weir_kproc_stat(r, files[i].source, text);
			break;
		}
		free(text);
	}
}

int weir_kcounters_read(struct weir_kreading *out, struct weir_err *err)
{
	struct weir_kreading r = {};
	struct timespec now;
	int rc;

	rc = weir_ns_cookie(&r.netns, err);
	if (rc)
		return rc;
	clock_gettime(CLOCK_MONOTONIC, &now);
	r.time_ns = (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
	rc = weir_kread_devs(&r);
	if (rc) {
		weir_kreading_done(&r);
		return weir_fail_sys(err, rc, "reading the devices' counters");
	}
	read_proc(&r);
	/* what fails of these is not there */
	weir_kread_qdiscs(&r);
	weir_kread_qstats(&r);
	weir_kread_taps(&r);
	weir_kread_drivers(&r);
	if (r.failed) {
		weir_kreading_done(&r);
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "reading the kernel's counters");
	}
	weir_kreading_sort(&r);
	*out = r;
	return 0;
}

struct visit {
	int netns, rc;
	struct weir_kreading *out;
	struct weir_err *err;
};

static void *read_there(void *ctx)
{
	struct visit *v = ctx;

	if (setns(v->netns, CLONE_NEWNET))
		v->rc = weir_fail_sys(v->err, -errno, "entering the network namespace");
	else
		v->rc = weir_kcounters_read(v->out, v->err);
	return NULL;
}

int weir_kcounters_read_in(int netns, struct weir_kreading *out, struct weir_err *err)
{
	struct visit v = {.netns = netns, .out = out, .err = err};
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, read_there, &v);

	if (rc)
		return weir_fail_sys(err, -rc, "a thread to enter the network namespace");
	pthread_join(thread, NULL);
	return v.rc;
}
