// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A network namespace and the place of its pins: bpffs/weir/COOKIE.
 *
 * The cookie (SO_NETNS_COOKIE) names a namespace for as long as the machine runs; inode numbers are
 * reused. `ip netns exec` hides bpffs behind a fresh /sys, and a bpffs mounted there would end with
 * the command: so the nearest ancestor process whose mount namespace has it lends its own, reached
 * through /proc/PID/root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "priv.h"

#define BPFFS "/sys/fs/bpf"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

void weir_note(struct weir_notes *notes, const char *fmt, ...)
{
	va_list ap;

	if (!notes || notes->nr == sizeof(notes->line) / sizeof(notes->line[0]))
		return;
	va_start(ap, fmt);
	vsnprintf(notes->line[notes->nr++], sizeof(notes->line[0]), fmt, ap);
	va_end(ap);
}

/* Where the BPF file system in use is mounted, for messages. */
static char mounted_on[PATH_MAX] = BPFFS;

int weir_fail_sys(struct weir_err *err, int error, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	weir_fail(err, WEIR_REFUSED, error, "%s", text);
	if (error == -EROFS)
		weir_remedy(err, "mount -o remount,rw %s", mounted_on);
	if (error == -EPERM || error == -EACCES)
		weir_remedy(err, "run it as root, or with the capabilities CAP_BPF, CAP_NET_ADMIN, "
				 "CAP_PERFMON and CAP_SYS_ADMIN (sudo weir ...)");
	return error;
}

int weir_fail_pins(const struct weir_ns *ns, struct weir_err *err, int error, const char *what)
{
	char opt[300];

	weir_fail_sys(err, error, "%s in %s", what, ns->dir);
	switch (error) {
	case -EROFS: /* has its remedy */
	case -EPERM:
	case -EACCES:
	case -ENOMEM: /* the machine's want, and no fault of the pins */
	case -EMFILE:
	case -ENFILE:
	case -ENOSPC:
	case -EAGAIN:
	case -EINTR:
		return error;
	}
	weir_remedy(err, "weir%s dev detach all  (the pins are broken)", weir_ns_option(ns, opt));
	return error;
}

const char *weir_ns_option(const struct weir_ns *ns, char buf[300])
{
	size_t n = (size_t)snprintf(buf, 300, "%s%s", ns->name[0] ? " -n " : "", ns->name);

	if (ns->pin[0] && n + strlen(" --pin ") + strlen(ns->pin) < 300)
		snprintf(buf + n, 300 - n, " --pin %s", ns->pin);
	return buf;
}

const char *weir_pin_path(const struct weir_ns *ns, char buf[PATH_MAX], const char *fmt, ...)
{
	int n = snprintf(buf, PATH_MAX, "%s/", ns->dir);
	va_list ap;

	va_start(ap, fmt);
	if (n < PATH_MAX)
		vsnprintf(buf + n, (size_t)(PATH_MAX - n), fmt, ap);
	va_end(ap);
	return buf;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (__u32)fs.f_type == BPF_FS_MAGIC;
}

static pid_t parent_of(pid_t pid)
{
	char path[64];
	pid_t parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(path, sizeof(path), f))
		if (sscanf(path, "PPid: %d", &parent) == 1)
			break;
	fclose(f);
	return parent;
}

static bool same_mount_ns_as_init(void)
{
	struct stat own, init;

	return !stat("/proc/self/ns/mnt", &own) && !stat("/proc/1/ns/mnt", &init) &&
	       own.st_ino == init.st_ino && own.st_dev == init.st_dev;
}

/* Sets @ns->base, or leaves it empty. */
static void find_bpffs(struct weir_ns *ns)
{
	pid_t pid;

	if (is_bpffs(BPFFS)) {
		snprintf(ns->base, sizeof(ns->base), BPFFS "/weir");
		return;
	}
	for (pid = getppid(); pid > 0; pid = parent_of(pid)) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/root" BPFFS, (int)pid);
		if (is_bpffs(path)) {
			snprintf(ns->base, sizeof(ns->base), "%s/weir", path);
			return;
		}
	}
	ns->may_mount = same_mount_ns_as_init();
}

/* Goes up from a folder of a BPF file system to where that is mounted. */
static void find_mount(const char *dir)
{
	char up[PATH_MAX], *slash;
	struct stat here, above;

	snprintf(mounted_on, sizeof(mounted_on), "%s", dir);
	snprintf(up, sizeof(up), "%s", dir);
	while ((slash = strrchr(up, '/')) && slash != up) {
		*slash = '\0';
		if (stat(mounted_on, &here) || stat(up, &above) || here.st_dev != above.st_dev)
			return;
		snprintf(mounted_on, sizeof(mounted_on), "%s", up);
	}
}

static int use_pin(struct weir_ns *ns, const char *pin, struct weir_err *err)
{
	char dir[PATH_MAX], *slash;

	if (snprintf(ns->base, sizeof(ns->base), "%s", pin) >= (int)sizeof(ns->base) - 64)
		return weir_fail(err, WEIR_USAGE, 0, "the path given to --pin is too long");
	snprintf(dir, sizeof(dir), "%s", pin);
	while (access(dir, F_OK) && (slash = strrchr(dir, '/')) && slash != dir)
		*slash = 0;
	if (is_bpffs(dir)) {
		find_mount(dir);
		if (!strchr(pin + strlen(dir), '.'))
			return 0;
		weir_fail(err, WEIR_REFUSED, 0, "--pin %s: no name in a BPF file system has a '.'",
			pin);
		weir_remedy(err, "name a folder without '.'");
		return -EINVAL;
	}
	weir_fail(err, WEIR_REFUSED, 0, "--pin %s: not in a BPF file system", pin);
	weir_remedy(err, "name a folder below " BPFFS ", or: mount -t bpf bpf %s", dir);
	return -EINVAL;
}

static int enter(const char *netns, struct weir_err *err)
{
	__cleanup_close int fd = -1;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), strchr(netns, '/') ? "%s" : "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (errno == EACCES || errno == EPERM)
			return weir_fail_sys(err, -errno, "network namespace %s", netns);
		weir_fail(err, WEIR_NOT_FOUND, -ENOENT, "network namespace %s", netns);
		weir_remedy(err, "ip netns list");
		return -ENOENT;
	}
	if (!setns(fd, CLONE_NEWNET))
		return 0;
	if (errno == EINVAL) {
		weir_fail(err, WEIR_NOT_FOUND, 0, "%s is not a network namespace", netns);
		weir_remedy(err, "ip netns list");
		return -EINVAL;
	}
	return weir_fail_sys(err, -errno, "entering network namespace %s", netns);
}

int weir_ns_cookie(__u64 *cookie, struct weir_err *err)
{
	__cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len))
		return weir_fail_sys(
			err, -errno, "the network namespace has no cookie (Linux 5.14 or later)");
	return 0;
}

static void place_dir(struct weir_ns *ns)
{
	if (!ns->base[0] ||
		snprintf(ns->dir, sizeof(ns->dir), "%s/%s%llx", ns->base, ns->kind, ns->cookie) >=
			PATH_MAX)
		ns->dir[0] = 0;
}

void weir_ns_kernel(const struct weir_ns *ns, struct weir_ns *kernel)
{
	*kernel = *ns;
	kernel->kind = "k";
	place_dir(kernel);
}

int weir_ns_open(const char *netns, const char *pin, struct weir_ns **out, struct weir_err *err)
{
	struct weir_ns *ns = calloc(1, sizeof(*ns));
	int rc;

	if (!ns)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "opening the namespace");
	ns->kind = "";
	weir_libbpf_quiet();
	if (pin)
		rc = use_pin(ns, pin, err);
	else
		rc = (find_bpffs(ns), 0);
	if (!rc && netns)
		rc = enter(netns, err);
	if (!rc)
		rc = weir_ns_cookie(&ns->cookie, err);
	if (rc) {
		free(ns);
		return rc;
	}
	if (netns)
		snprintf(ns->name, sizeof(ns->name), "%s", netns);
	if (pin)
		snprintf(ns->pin, sizeof(ns->pin), "%s", pin);
	place_dir(ns);
	*out = ns;
	return 0;
}

void weir_ns_free(struct weir_ns *ns)
{
	free(ns);
}

static int mkdir_p(const char *path)
{
	char buf[PATH_MAX], *p;

	snprintf(buf, sizeof(buf), "%s", path);
	for (p = buf + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		if (access(buf, F_OK) && mkdir(buf, 0700) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(buf, 0700) && errno != EEXIST ? -errno : 0;
}

int weir_ns_prepare(struct weir_ns *ns, struct weir_notes *notes, struct weir_err *err)
{
	int rc, tries = 100;
	char dev[PATH_MAX];

	if (!ns->base[0]) {
		if (!ns->may_mount) {
			weir_fail(err, WEIR_REFUSED, 0,
				"no BPF file system is in sight, as under 'ip netns exec'");
			weir_remedy(err,
				"run 'weir -n NAMESPACE ...' from outside, or first: mount -t bpf "
				"bpf " BPFFS);
			return -ENOENT;
		}
		if (mount("bpf", BPFFS, "bpf", 0, "mode=0700")) {
			rc = weir_fail_sys(err, -errno, "mounting the BPF file system on " BPFFS);
			if (rc == -ENOENT)
				weir_remedy(
					err, "mount -t sysfs sysfs /sys; mount -t bpf bpf " BPFFS);
			return rc;
		}
		weir_note(notes, "mounted the BPF file system on " BPFFS);
		snprintf(ns->base, sizeof(ns->base), BPFFS "/weir");
		place_dir(ns);
	}
	rc = weir_place_check(ns, err);
	if (rc)
		return rc;
	weir_pin_path(ns, dev, "dev");
	do
		rc = mkdir_p(dev);
	while (rc == -ENOENT && --tries); /* another weir removed a part of it in between */
	if (!rc)
		return 0;
	weir_fail_pins(ns, err, rc, "making dev");
	if (rc == -ENOTDIR || rc == -ELOOP || rc == -ENOENT)
		weir_remedy(err, "ls -ld %s %s %s  (what is no folder there: move it away)",
			ns->base, ns->dir, dev);
	return rc;
}

int weir_lock_dir(const char *path, bool wait)
{
	struct stat locked, there;
	int fd;

	for (;;) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		while (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB))
			if (errno != EINTR)
				goto out;
		if (!fstat(fd, &locked) && !stat(path, &there) && locked.st_ino == there.st_ino)
			return fd;
		close(fd); /* removed while we waited, and perhaps made anew by somebody else */
	}
out:
	close(fd);
	return -EAGAIN;
}

int weir_ns_lock(const struct weir_ns *ns, const char *sub)
{
	char path[PATH_MAX];

	if (!ns->dir[0])
		return -ENOENT;
	return weir_lock_dir(weir_pin_path(ns, path, "%s", sub), true);
}

/* A folder that is none but leads to one is not opened. */
static DIR *open_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	return d;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static void clear_folder(DIR *d)
{
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (is_dots(e->d_name) || !unlinkat(dirfd(d), e->d_name, 0))
			continue;
		if (errno == EISDIR || errno == EPERM) {
			clear_folder(open_folder(dirfd(d), e->d_name));
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
		}
	}
	if (d)
		closedir(d);
}

void weir_clear_tree(const char *path)
{
	clear_folder(open_folder(AT_FDCWD, path));
}

void weir_remove_tree(const char *path)
{
	weir_clear_tree(path);
	if (rmdir(path) && errno == ENOTDIR)
		unlink(path);
}

/* Calls @fn for each symbolic link below; stops at the first that is not 0. */
static int each_symlink(DIR *d, int (*fn)(int at, const char *name))
{
	struct dirent *e;
	int rc = 0;

	while (d && !rc && (e = readdir(d))) {
		struct stat st;

		if (is_dots(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (S_ISLNK(st.st_mode))
			rc = fn(dirfd(d), e->d_name);
		else if (S_ISDIR(st.st_mode))
			rc = each_symlink(open_folder(dirfd(d), e->d_name), fn);
	}
	if (d)
		closedir(d);
	return rc;
}

static int is_one(int at, const char *name)
{
	(void)at;
	(void)name;
	return 1;
}

static int remove_one(int at, const char *name)
{
	unlinkat(at, name, 0);
	return 0;
}

bool weir_place_is_ours(const struct weir_ns *ns)
{
	struct stat st;

	if (!ns->dir[0] || lstat(ns->dir, &st))
		return !access(ns->base, F_OK) ? is_bpffs(ns->base) : true;
	return S_ISDIR(st.st_mode) && is_bpffs(ns->dir) &&
	       !each_symlink(open_folder(AT_FDCWD, ns->dir), is_one);
}

void weir_place_make_ours(const struct weir_ns *ns)
{
	struct stat st;

	if (!ns->dir[0] || lstat(ns->dir, &st))
		return;
	if (!S_ISDIR(st.st_mode))
		unlink(ns->dir);
	else
		each_symlink(open_folder(AT_FDCWD, ns->dir), remove_one);
}

int weir_each_dev(const struct weir_ns *ns, int (*fn)(void *ctx, __u32 ifindex), void *ctx)
{
	char path[PATH_MAX];
	struct dirent *e;
	int rc = 0;
	DIR *d;

	if (!ns->dir[0])
		return 0;
	d = opendir(weir_pin_path(ns, path, "dev"));
	while (d && !rc && (e = readdir(d))) {
		char *end;
		unsigned long i = strtoul(e->d_name, &end, 10);

		if (e->d_name[0] != '.' && !*end && i && i <= UINT_MAX)
			rc = fn(ctx, (__u32)i);
	}
	if (d)
		closedir(d);
	return rc;
}

/* Another weir may take the new folder for a dead one, as long as it is not locked. */
int weir_ns_make_and_lock(
	struct weir_ns *ns, int *lock, struct weir_notes *notes, struct weir_err *err)
{
	int rc, tries = 100;

	do {
		rc = weir_ns_prepare(ns, notes, err);
		if (rc)
			return rc;
		*lock = weir_ns_lock(ns, "");
	} while (*lock == -ENOENT && --tries);
	return *lock < 0 ? weir_fail_pins(ns, err, *lock, "locking the pins") : 0;
}
