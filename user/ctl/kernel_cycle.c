// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The cycler: a process that observes stages all the time or a share of it. All that it attaches
 * ends with it. It ends by itself when it is no longer wanted (kwatch.level), or when nobody else
 * needs the namespaces any more, which it would keep alive.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <linux/netfilter.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel_fentry.skel.h"
#include "kernel_hooks.skel.h"
#include "kernel_path.skel.h"
#include "base/clock.h"
#include "kernel_priv.h"

#define TICK_NS	   100000000ull	 /* how often it looks whether it is wanted */
#define PERIOD_NS  1000000000ull /* of which a share is observed, at least */
#define PERIOD_MAX 60		 /* of those */
#define SELDOM	   8		 /* times as long as attaching and detaching take, at least */
#define SLICE_NS   50000000ull	 /* no shorter, if it can be helped: attaching takes longer */
#define USED_EVERY 20		 /* ticks, after which it looks who needs the namespaces */
#define HOOKS_TRY  16		 /* priorities: others may have taken the outermost */
#define DEVS_EVERY 10		 /* ticks, after which it looks for devices that came, or went */
#define LINKS_MAX  4096
#define NOWHERE	   UINT_MAX /* of no namespace */

struct cycler {
	const struct weir_ns *k;
	struct weir_kwatch *w;
	struct kernel_path_bpf *path;
	struct kernel_hooks_bpf *hooks;
	struct kernel_fentry_bpf *fentry; /* NULL = cannot be had */
	int netns[WEIR_KNS_MAX + 1];	  /* -1 = let go */
	unsigned int nr_netns;
	struct attached {
		int fd;
		unsigned int netns;
		__u32 ifindex; /* 0 = of no device */
	} link[LINKS_MAX];
	unsigned int nr_links;
	unsigned int hooks_out; /* of netfilter, that could not be had */
	__u64 began_ns;		/* attaching */
	unsigned int at;	/* the namespace that this process is in, while it attaches */
};

static bool keep(struct cycler *c, int fd, unsigned int netns, __u32 ifindex)
{
	if (fd < 0)
		return false;
	if (c->nr_links == LINKS_MAX) {
		close(fd);
		return false;
	}
	c->link[c->nr_links++] = (struct attached){fd, netns, ifindex};
	return true;
}

static void let_go(struct cycler *c, unsigned int link)
{
	close(c->link[link].fd);
	c->link[link] = c->link[--c->nr_links];
}

/* --- attaching --- */

/* To tracepoints and functions. How it ended for the last one that was refused; the others are
 * attached. */
static int attach_traced(struct cycler *c, struct bpf_object *obj)
{
	struct bpf_program *prog;
	int rc = 0;

	bpf_object__for_each_program(prog, obj)
	{
		int fd;

		if (!bpf_program__autoload(prog))
			continue;
		fd = bpf_raw_tracepoint_open(NULL, bpf_program__fd(prog));
		if (fd < 0)
			rc = -errno;
		keep(c, fd, NOWHERE, 0);
	}
	return rc;
}

static int attach_hook(int prog, unsigned int hook, bool first)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int fd = -1;

	opts.netfilter.pf = NFPROTO_IPV4;
	opts.netfilter.hooknum = hook;
	for (int i = 1; prog >= 0 && fd < 0 && i <= HOOKS_TRY; i++) {
		opts.netfilter.priority = first ? INT_MIN + i : INT_MAX - i;
		fd = bpf_link_create(prog, 0, BPF_NETFILTER, &opts);
		if (fd < 0 && errno != EBUSY && errno != EEXIST)
			break;
	}
	return fd;
}

static bool is_attached(const struct cycler *c, __u32 ifindex)
{
	for (unsigned int i = 0; i < c->nr_links; i++)
		if (c->link[i].netns == c->at && c->link[i].ifindex == ifindex)
			return true;
	return false;
}

/* Links of devices that are gone, or have gone to another namespace: another may get the number. */
static void forget_devs(struct cycler *c)
{
	for (unsigned int i = c->nr_links; i--;) {
		struct bpf_link_info info = {};
		__u32 len = sizeof(info);

		if (c->link[i].ifindex && !bpf_link_get_info_by_fd(c->link[i].fd, &info, &len) &&
			!info.tcx.ifindex)
			let_go(c, i);
	}
}

static void attach_dev(void *ctx, const struct weir_link *link)
{
	struct cycler *c = ctx;
	const struct {
		const struct bpf_program *prog;
		enum bpf_attach_type type;
		__u32 flags;
	} at[] = {
		{c->hooks->progs.weir_k_tc_in_first, BPF_TCX_INGRESS, BPF_F_BEFORE},
		{c->hooks->progs.weir_k_tc_in_last, BPF_TCX_INGRESS, BPF_F_AFTER},
		{c->hooks->progs.weir_k_tc_out_first, BPF_TCX_EGRESS, BPF_F_BEFORE},
		{c->hooks->progs.weir_k_tc_out_last, BPF_TCX_EGRESS, BPF_F_AFTER},
	};

	if (is_attached(c, link->ifindex))
		return;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = at[i].flags);

		if (bpf_program__fd(at[i].prog) < 0)
			continue;
		keep(c,
			bpf_link_create(
				bpf_program__fd(at[i].prog), (int)link->ifindex, at[i].type, &opts),
			c->at, link->ifindex);
	}
}

static void attach_devs(struct cycler *c)
{
	weir_each_link(attach_dev, c);
}

static void attach_hooks(struct cycler *c)
{
	static const unsigned int hooks[] = {NF_INET_LOCAL_OUT, NF_INET_PRE_ROUTING,
		NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_POST_ROUTING};
	int first = bpf_program__fd(c->hooks->progs.weir_k_nf_first);
	int last = bpf_program__fd(c->hooks->progs.weir_k_nf_last);

	for (unsigned int h = 0; h < NF_INET_NUMHOOKS; h++) {
		c->hooks_out += !keep(c, attach_hook(first, hooks[h], true), c->at, 0);
		c->hooks_out += !keep(c, attach_hook(last, hooks[h], false), c->at, 0);
	}
}

/* To one that is used: it would keep another. */
static void go_home(const struct cycler *c)
{
	for (unsigned int i = 0; i < c->nr_netns; i++)
		if (c->netns[i] >= 0 && !setns(c->netns[i], CLONE_NEWNET))
			return;
}

static void attach_netns(struct cycler *c, void (*attach)(struct cycler *c))
{
	for (unsigned int i = 0; i < c->nr_netns; i++) {
		if (c->netns[i] < 0)
			continue;
		c->at = i;
		if (!setns(c->netns[i], CLONE_NEWNET))
			attach(c);
		else
			c->hooks_out++;
	}
}

static int slice_begin(struct cycler *c)
{
	int rc;

	c->began_ns = weir_now_ns();
	__atomic_add_fetch(&c->w->slice, 1, __ATOMIC_RELAXED);
	c->hooks_out = 0;
	/* Each of traffic control's waits for all CPUs, coming or going, which takes as long as all
	 * others together take: they come first and go last, and let all pass meanwhile. */
	attach_netns(c, attach_devs);
	rc = attach_traced(c, c->path->obj);
	if (c->fentry) /* a function that cannot be traced has no time, no more */
		attach_traced(c, c->fentry->obj);
	attach_netns(c, attach_hooks);
	c->w->whole = !rc && !c->hooks_out;
	__atomic_store_n(&c->w->slice_ns, weir_now_ns(), __ATOMIC_RELEASE);
	return rc;
}

/* How long was observed. */
static __u64 slice_end(struct cycler *c)
{
	__u64 began = __atomic_exchange_n(&c->w->slice_ns, 0, __ATOMIC_ACQ_REL);
	__u64 observed = began ? weir_now_ns() - began : 0;

	__atomic_add_fetch(&c->w->observed_ns, observed, __ATOMIC_RELAXED);
	while (c->nr_links)
		let_go(c, c->nr_links - 1);
	return observed;
}

/* --- the process --- */

static bool is_known(const struct cycler *c, const struct stat *ns)
{
	struct stat other;

	for (unsigned int i = 0; i < c->nr_netns; i++)
		if (c->netns[i] >= 0 && !fstat(c->netns[i], &other) && other.st_ino == ns->st_ino &&
			other.st_dev == ns->st_dev)
			return true;
	return false;
}

/* One that came later, in the place of one that was let go, or behind the last. */
static void add_netns(void *ctx, const char *name, int fd)
{
	struct cycler *c = ctx;
	unsigned int at = 0;
	struct stat ns;

	(void)name;
	if (fstat(fd, &ns) || is_known(c, &ns))
		return;
	while (at < c->nr_netns && c->netns[at] >= 0)
		at++;
	if (at > WEIR_KNS_MAX)
		return;
	c->netns[at] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (at == c->nr_netns)
		c->nr_netns++;
	c->at = at;
	if (!c->w->slice_ns || c->netns[at] < 0 || setns(fd, CLONE_NEWNET))
		return;
	attach_devs(c);
	attach_hooks(c);
}

/* And whether anybody could say that it is not: pins may be removed by hand. */
static bool is_wanted(const struct cycler *c)
{
	char path[PATH_MAX];

	return __atomic_load_n(&c->w->level, __ATOMIC_ACQUIRE) >= WEIR_KLEVEL_latency &&
	       c->w->cycler == (__u32)getpid() &&
	       !access(weir_pin_path(c->k, path, "kwatch"), F_OK);
}

static void leave_netns(struct cycler *c, unsigned int netns)
{
	for (unsigned int i = c->nr_links; i--;)
		if (c->link[i].netns == netns)
			let_go(c, i);
	weir_close(&c->netns[netns]);
}

/* Lets go of namespaces that nobody else needs, each by itself; false where that was the last. */
static bool is_used(struct cycler *c)
{
	unsigned int used = 0, unused = 0;

	for (unsigned int i = 0; i < c->nr_netns; i++) {
		if (c->netns[i] < 0)
			continue;
		if (weir_netns_used(c->netns[i])) {
			used++;
			continue;
		}
		leave_netns(c, i);
		unused++;
	}
	if (unused)
		go_home(c);
	return used;
}

/* Sleeps that long, in ticks; false where it is no longer wanted. */
static bool rest(struct cycler *c, __u64 ns, unsigned int *ticks)
{
	while (is_wanted(c)) {
		__u64 now = ns < TICK_NS ? ns : TICK_NS;
		struct timespec t = {.tv_nsec = (long)now};

		if (!ns)
			return true;
		nanosleep(&t, NULL);
		ns -= now;
		if (++*ticks % USED_EVERY == 0) {
			if (!is_used(c))
				return false;
			if (c->w->all)
				weir_each_netns(add_netns, c);
		}
		if (c->w->slice_ns && *ticks % DEVS_EVERY == 0) {
			forget_devs(c);
			attach_netns(c, attach_devs);
		}
	}
	return false;
}

/* Long enough for the share of it to be a slice that is worth its attaching, which took @took_ns.
 */
static __u64 period_of(__u32 share, __u64 took_ns)
{
	__u64 period = SLICE_NS * 1000000 / share;

	if (period < took_ns * SELDOM)
		period = took_ns * SELDOM;
	if (period < PERIOD_NS)
		return PERIOD_NS;
	return period < PERIOD_MAX * PERIOD_NS ? period : PERIOD_MAX * PERIOD_NS;
}

static void cycle(struct cycler *c)
{
	bool whole = c->w->share >= 1000000;
	/* detaching takes as long as attaching did */
	__u64 took = 2 * (c->w->slice_ns - c->began_ns), on, past, observed, over = 0;
	__u64 period = period_of(c->w->share, took);
	unsigned int ticks = 0;

	/* the first slice has begun */
	for (;;) {
		on = period / 1000000 * c->w->share;
		if (!rest(c, on - over, &ticks))
			break;
		if (whole)
			continue;
		/* sleep ends late, each time: the next slice is shorter by that */
		observed = slice_end(c) + over;
		over = observed > on ? observed - on : 0;
		over = over < on / 2 ? over : on / 2;
		past = weir_now_ns() - c->began_ns;
		period = period_of(c->w->share, past > on ? past - on : 0);
		if (!rest(c, past < period ? period - past : 0, &ticks) || slice_begin(c))
			break;
	}
	slice_end(c);
}

/* What it shows nothing else does, so it is left out where it cannot be had. */
static void load_fentry(struct cycler *c, __u64 only)
{
	struct kernel_fentry_bpf *f = kernel_fentry_bpf__open();
	int rc;

	if (!f)
		return;
	rc = weir_k_prepare(c->k, f->obj, c->w, only);
	if (!rc)
		rc = bpf_map__reuse_fd(f->maps.kcpus, bpf_map__fd(c->path->maps.kcpus));
	weir_k_fit(f->obj);
	if (bpf_program__autoload(f->progs.weir_k_bind)) {
		bpf_program__set_autoload(f->progs.weir_k_port, false);
		bpf_program__set_autoload(f->progs.weir_k_port_end, false);
	}
	if (!rc)
		rc = kernel_fentry_bpf__load(f);
	if (rc)
		kernel_fentry_bpf__destroy(f);
	else
		c->fentry = f;
	weir_libbpf_quiet(); /* what was said explains no later failure */
}

static int load(struct cycler *c, __u64 only)
{
	int rc;

	c->path = kernel_path_bpf__open();
	c->hooks = kernel_hooks_bpf__open();
	if (!c->path || !c->hooks)
		return -ENOMEM;
	rc = weir_k_prepare(c->k, c->path->obj, c->w, only);
	if (!rc)
		rc = weir_k_prepare(c->k, c->hooks->obj, c->w, only);
	if (rc)
		return rc;
	weir_k_fit(c->path->obj);
	rc = kernel_path_bpf__load(c->path);
	if (!rc) /* both follow the same packets */
		rc = bpf_map__reuse_fd(c->hooks->maps.kcpus, bpf_map__fd(c->path->maps.kcpus));
	if (rc)
		return rc;
	/* what the kernel has no hooks for is left out, and `path coverage` says so */
	weir_k_fit(c->hooks->obj);
	rc = kernel_hooks_bpf__load(c->hooks);
	if (!rc)
		load_fentry(c, only);
	return rc;
}

struct report {
	int rc;
	char said[256];
};

struct task {
	struct cycler *c;
	__u64 only;
	int tell;
};

/* In a thread of the new process. */
static void *observe(void *arg)
{
	const struct task *t = arg;
	struct cycler *c = t->c;
	char path[PATH_MAX];
	int lock = weir_lock_dir(weir_pin_path(c->k, path, "cycler"), true);
	struct report report = {.rc = lock < 0 ? lock : 0};

	c->w->cycler = (__u32)getpid();
	if (!report.rc)
		report.rc = load(c, t->only);
	if (!report.rc)
		report.rc = slice_begin(c);
	snprintf(report.said, sizeof(report.said), "%s", weir_libbpf_said());
	if (write(t->tell, &report, sizeof(report)) != sizeof(report))
		report.rc = -EPIPE;
	close(t->tell);
	if (!report.rc)
		cycle(c);
	return NULL;
}

/*
 * In the new process. Does not return. A thread goes from namespace to namespace; the process is seen
 * in one of its own, since who ends all that runs in a namespace (`ip netns pids`) does not mean it.
 */
static void run(struct cycler *c, __u64 only, int tell)
{
	struct task task = {c, only, tell};
	pthread_t thread;

	if (pthread_create(&thread, NULL, observe, &task)) {
		observe(&task);
	} else {
		(void)!unshare(CLONE_NEWNET); /* else it is seen where it began */
		pthread_join(thread, NULL);
	}
	_exit(0);
}

static bool needs(const struct cycler *c, int tell, int fd)
{
	for (unsigned int i = 0; i < c->nr_netns; i++)
		if (c->netns[i] == fd)
			return true;
	return fd == tell;
}

/* Away from the terminal, and from whoever began it: pipes and locks are not held. */
static void detach(const struct cycler *c, int tell)
{
	int null = open("/dev/null", O_RDWR);
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	setsid();
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	while (d && (e = readdir(d))) {
		int fd = (int)strtol(e->d_name, NULL, 10);

		if (fd > 2 && fd != dirfd(d) && !needs(c, tell, fd))
			close(fd);
	}
	if (d)
		closedir(d);
	if (chdir("/"))
		return;
}

int weir_k_cycler(const struct weir_ns *k, __u64 only, const int *netns, unsigned int nr,
	struct weir_err *err)
{
	struct cycler c = {.k = k, .w = weir_k_watch(k), .nr_netns = nr};
	struct report report = {.rc = -EPIPE};
	int ends[2], status;
	pid_t child;

	if (!c.w || pipe2(ends, O_CLOEXEC))
		return weir_fail_sys(err, -errno, "beginning to observe stages");
	memcpy(c.netns, netns, nr * sizeof(*netns));
	fflush(NULL);
	child = fork();
	if (!child) {
		detach(&c, ends[1]);
		if (fork())
			_exit(0);
		run(&c, only, ends[1]);
	}
	close(ends[1]);
	if (child > 0) {
		waitpid(child, &status, 0);
		if (read(ends[0], &report, sizeof(report)) != sizeof(report))
			report.rc = -EPIPE;
	}
	close(ends[0]);
	munmap(c.w, sizeof(*c.w));
	return report.rc ? weir_fail_sys(err, report.rc, "observing stages (%s)", report.said) : 0;
}
