// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Network namespaces by their names, and what keeps them alive. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "kernel_priv.h"

#define NAMES "/run/netns"

/* A mount of another mount namespace leaves an empty file in its place. */
bool weir_is_netns(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == NSFS_MAGIC;
}

void weir_each_netns(void (*fn)(void *ctx, const char *name, int fd), void *ctx)
{
	DIR *d = opendir(NAMES);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		__cleanup_close int fd =
			e->d_name[0] == '.' ? -1
					    : openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && weir_is_netns(fd))
			fn(ctx, e->d_name, fd);
	}
	if (d)
		closedir(d);
}

__u64 weir_netns_cookie(int fd)
{
	__cleanup_close int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	__u64 cookie;

	if (own < 0 || setns(fd, CLONE_NEWNET))
		return 0;
	if (weir_ns_cookie(&cookie, NULL))
		cookie = 0;
	if (setns(own, CLONE_NEWNET))
		return 0;
	return cookie;
}

static void add_name(void *ctx, const char *name, int fd)
{
	struct weir_netns_names *n = ctx;
	struct weir_netns_name *grown = reallocarray(n->list, n->nr + 1, sizeof(*grown));

	if (!grown)
		return;
	n->list = grown;
	grown += n->nr++;
	*grown = (struct weir_netns_name){
		.cookie = weir_netns_cookie(fd), .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)};
	snprintf(grown->name, sizeof(grown->name), "%s", name);
}

void weir_netns_names_read(struct weir_netns_names *n)
{
	weir_each_netns(add_name, n);
}

const struct weir_netns_name *weir_netns_name_of(const struct weir_netns_names *n, __u64 cookie)
{
	for (unsigned int i = 0; i < n->nr; i++)
		if (n->list[i].cookie == cookie)
			return &n->list[i];
	return NULL;
}

void weir_netns_names_let_go(struct weir_netns_names *n)
{
	for (unsigned int i = 0; i < n->nr; i++)
		weir_close(&n->list[i].fd);
}

void weir_netns_names_done(struct weir_netns_names *n)
{
	weir_netns_names_let_go(n);
	free(n->list);
	*n = (struct weir_netns_names){0};
}

static bool is_same(const char *path, const struct stat *ns)
{
	struct stat st;

	return !stat(path, &st) && st.st_ino == ns->st_ino && st.st_dev == ns->st_dev;
}

struct search {
	struct stat ns;
	bool found;
};

static void compare(void *ctx, const char *name, int fd)
{
	struct search *s = ctx;
	struct stat st;

	(void)name;
	if (!fstat(fd, &st) && st.st_ino == s->ns.st_ino && st.st_dev == s->ns.st_dev)
		s->found = true;
}

bool weir_netns_used(int netns)
{
	struct search s = {.found = false};
	char path[300];
	struct dirent *e;
	DIR *proc;

	if (fstat(netns, &s.ns))
		return false;
	weir_each_netns(compare, &s);
	if (s.found)
		return true;
	proc = opendir("/proc");
	while (proc && !s.found && (e = readdir(proc))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		snprintf(path, sizeof(path), "/proc/%s/ns/net", e->d_name);
		if (pid > 0 && pid != getpid() && is_same(path, &s.ns))
			s.found = true;
	}
	if (proc)
		closedir(proc);
	return s.found;
}
