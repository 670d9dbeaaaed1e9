// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Turning the kernel plane's observers on and off. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <weir/trace.h>

#include "kernel_drops.skel.h"
#include "base/clock.h"
#include "kernel_counters.h"
#include "kernel_names.h"
#include "kernel_priv.h"
#include "probe.h"

#define LAT_ROOM    (64 << 20) /* bytes that histograms may take */
#define DEVS_SPARE  64	       /* rows for devices to come, since none is ever free again */
#define CYCLER_WAIT 50	       /* tenths of a second until it is ended by force */

/* What observers share; what else an object has is its own. */
static const char *const shared[] = {
	".data.kwatch", "kns", "klost", "kdrops", "kdevs", "krows", "klat", "kstates", "kbase"};

static const char *pin_name(const char *map)
{
	return !strcmp(map, ".data.kwatch") ? "kwatch" : map;
}

int weir_k_map(const struct weir_ns *k, const char *name)
{
	char path[PATH_MAX];
	int fd = k->dir[0] ? bpf_obj_get(weir_pin_path(k, path, "%s", name)) : -1;

	return fd >= 0 ? fd : k->dir[0] ? -errno : -ENOENT;
}

struct weir_kwatch *weir_k_watch(const struct weir_ns *k)
{
	__cleanup_close int fd = weir_k_map(k, "kwatch");
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	struct weir_kwatch *w;

	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len) || info.value_size != sizeof(*w)) {
		errno = fd < 0 ? -fd : EINVAL;
		return NULL;
	}
	w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (w == MAP_FAILED)
		return NULL;
	if (w->magic == WEIR_MAGIC && w->abi == WEIR_KERNEL_ABI)
		return w;
	munmap(w, sizeof(*w));
	errno = EINVAL;
	return NULL;
}

bool weir_k_cycling(const struct weir_ns *k)
{
	char path[PATH_MAX];
	__cleanup_close int lock = weir_lock_dir(weir_pin_path(k, path, "cycler"), false);

	return lock == -EAGAIN;
}

int weir_kernel_is_on(struct weir_ns *ns, bool *on, struct weir_err *err)
{
	struct weir_kwatch *w;
	struct weir_ns k;

	weir_ns_kernel(ns, &k);
	w = weir_k_watch(&k);
	if (!w && errno != ENOENT)
		return weir_fail_pins(&k, err, -errno, "reading the kernel plane");
	*on = w && w->level != WEIR_KLEVEL_off;
	if (w)
		munmap(w, sizeof(*w));
	return 0;
}

/* --- an object --- */

static int place(const struct weir_ns *k, struct bpf_map *map)
{
	char path[PATH_MAX];
	const char *name = bpf_map__name(map);

	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (!strcmp(name, shared[i]))
			return bpf_map__set_pin_path(
				map, weir_pin_path(k, path, "%s", pin_name(name)));
	return 0;
}

static int set_self(struct bpf_object *obj, const struct weir_kwatch *w, __u64 only)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata.kself");
	size_t size = 0;
	struct weir_kself *self = map ? bpf_map__initial_value(map, &size) : NULL;

	if (!self || size != sizeof(*self))
		return -EINVAL;
	*self = (struct weir_kself){only, w->devs, w->cpus};
	return 0;
}

int weir_k_prepare(
	const struct weir_ns *k, struct bpf_object *obj, const struct weir_kwatch *w, __u64 only)
{
	struct bpf_map *map;
	int rc = set_self(obj, w, only);

	bpf_object__for_each_map(map, obj)
	{
		const char *name = bpf_map__name(map);

		if (!rc && !strcmp(name, "klost"))
			rc = bpf_map__set_max_entries(map, w->cpus);
		if (!rc && (!strcmp(name, "krows") || !strcmp(name, "klat")))
			rc = bpf_map__set_max_entries(map, w->cpus * w->devs);
		if (!rc)
			rc = place(k, map);
	}
	return rc;
}

int weir_k_args(const struct btf *btf, const char *tracepoint)
{
	const struct btf_type *t;
	char type[128];
	int id;

	snprintf(type, sizeof(type), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF);
	t = id < 0 ? NULL : btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	if (t)
		t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) ? btf_vlen(t) - 1 : -1; /* the first is its own */
}

/* How many a program uses that not every kernel's tracepoint has; 0 = the tracepoint will do. */
static int args_used(const char *prog)
{
	static const struct {
		const char *prog;
		int args;
	} used[] = {
#define POINT(id, kernel, args) {#id, args},
		WEIR_TRACE_POINTS(POINT)
#undef POINT
			{"kfree_sock", 4},
	};

	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		if (!strcmp(prog, used[i].prog))
			return used[i].args;
	return 0;
}

static bool is_of_function(const struct bpf_program *prog)
{
	enum bpf_attach_type type = bpf_program__expected_attach_type(prog);

	return bpf_program__type(prog) == BPF_PROG_TYPE_TRACING &&
	       (type == BPF_TRACE_FENTRY || type == BPF_TRACE_FEXIT);
}

/* Tried once, and only for an object that would make use of it. */
static bool may_fentry(struct bpf_object *obj)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj)
	{
		if (is_of_function(prog))
			return !weir_probe_fentry();
	}
	return false;
}

void weir_k_fit(struct bpf_object *obj)
{
	bool netfilter = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_NETFILTER, NULL) == 1;
	bool fentry = may_fentry(obj);
	struct bpf_map *tells = bpf_object__find_map_by_name(obj, ".rodata.tells_socket");
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *prog;
	size_t size;

	bpf_object__for_each_program(prog, obj)
	{
		const char *at = strchr(bpf_program__section_name(prog), '/');

		if (bpf_program__type(prog) == BPF_PROG_TYPE_NETFILTER && !netfilter)
			bpf_program__set_autoload(prog, false);
		if (at && bpf_program__expected_attach_type(prog) == BPF_TRACE_RAW_TP &&
			weir_k_args(btf, at + 1) < args_used(bpf_program__name(prog)))
			bpf_program__set_autoload(prog, false);
		if (at && is_of_function(prog) &&
			(!fentry || btf__find_by_name_kind(btf, at + 1, BTF_KIND_FUNC) < 0))
			bpf_program__set_autoload(prog, false);
	}
	if (tells)
		*(bool *)bpf_map__initial_value(tells, &size) = weir_k_args(btf, "kfree_skb") > 3;
	btf__free(btf);
}

/* --- drops --- */

/* Pins the links of all programs that were loaded, and the one that is asked. */
static int attach_all(const struct weir_ns *k, struct bpf_object *obj)
{
	struct bpf_program *prog;
	char path[PATH_MAX];

	bpf_object__for_each_program(prog, obj)
	{
		struct bpf_link *link;
		int rc;

		if (!bpf_program__autoload(prog))
			continue;
		if (bpf_program__type(prog) == BPF_PROG_TYPE_SYSCALL) {
			rc = bpf_program__pin(prog, weir_pin_path(k, path, "symbol"));
			if (rc)
				return rc;
			continue;
		}
		link = bpf_program__attach(prog);
		if (!link)
			return -errno;
		rc = bpf_link__pin(
			link, weir_pin_path(k, path, "link_%s", bpf_program__name(prog)));
		bpf_link__destroy(link);
		if (rc)
			return rc;
	}
	return 0;
}

/* Those whose names alone say nothing; user/model/kernel_places.h has them all. */
static const char *const servants[WEIR_KSERVANTS] = {"nf_hook_slow", "nf_hook_slow_list",
	"nft_do_chain", "nft_do_chain_ipv4", "nft_do_chain_ipv6", "nft_do_chain_inet",
	"nft_do_chain_inet_ingress", "nft_do_chain_netdev", "nft_do_chain_arp",
	"nft_do_chain_bridge", "ipt_do_table", "kfree_skb_list_reason", "kfree_skb_list",
	"skb_queue_purge_reason", "skb_queue_purge", "dev_kfree_skb_any_reason",
	"dev_kfree_skb_irq_reason", "__dev_kfree_skb_any", "__kfree_skb", "nf_nat_inet_fn"};

int weir_k_set_places(struct bpf_object *obj, const struct weir_kernel_symbols *symbols)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata.kplaces");
	size_t size = 0;
	struct weir_kplaces *places = map ? bpf_map__initial_value(map, &size) : NULL;
	struct weir_krange range;

	if (!places || size != sizeof(*places))
		return -EINVAL;
	for (unsigned int i = 0; i < WEIR_KSERVANTS; i++)
		if (servants[i] && weir_kernel_function(symbols, servants[i], &range))
			places->servants[i] = range;
	if (weir_kernel_function(symbols, "ip_local_deliver", &range))
		places->ip_local_deliver = range.from;
	if (weir_kernel_function(symbols, "ip_forward", &range))
		places->ip_forward = range.from;
	if (weir_kernel_function(symbols, "sock_edemux", &range))
		places->sock_edemux = range.from;
	if (weir_kernel_function(symbols, "skb_release_data", &range))
		places->skb_release_data = range;
	return 0;
}

static int drops_up(
	const struct weir_ns *k, const struct weir_kwatch *w, __u64 only, struct weir_err *err)
{
	struct kernel_drops_bpf *skel = kernel_drops_bpf__open();
	int rc = skel ? weir_k_prepare(k, skel->obj, w, only) : -ENOMEM;
	struct weir_kernel_symbols *symbols;

	if (!rc) {
		skel->data_kwatch->kwatch = *w;
		rc = weir_kernel_symbols_open(&symbols, NULL, err);
		if (rc) {
			kernel_drops_bpf__destroy(skel);
			return rc;
		}
		rc = weir_k_set_places(skel->obj, symbols);
		weir_kernel_symbols_free(symbols);
	}
	if (!rc) {
		weir_k_fit(skel->obj);
		rc = kernel_drops_bpf__load(skel);
	}
	if (!rc)
		rc = attach_all(k, skel->obj);
	kernel_drops_bpf__destroy(skel);
	return rc ? weir_fail_sys(
			    err, rc, "loading the observers of drops (%s)", weir_libbpf_said())
		  : 0;
}

/* --- on and off --- */

/* The cycler looks every tenth of a second whether it is still wanted. */
static void end_cycler(const struct weir_ns *k, struct weir_kwatch *w)
{
	pid_t pid = (pid_t)w->cycler;

	__atomic_store_n(&w->level, WEIR_KLEVEL_off, __ATOMIC_RELEASE);
	for (int i = 0; weir_k_cycling(k); i++) {
		const struct timespec tenth = {.tv_nsec = 100000000};

		if (i == CYCLER_WAIT && pid > 1)
			kill(pid, SIGKILL); /* it holds the lock, so it is no one else */
		if (i > CYCLER_WAIT * 2)
			return;
		nanosleep(&tenth, NULL);
	}
}

/* The folder stays, and with it the lock. */
static void end_observers(const struct weir_ns *k)
{
	struct weir_kwatch *w = weir_k_watch(k);

	if (w) {
		end_cycler(k, w);
		munmap(w, sizeof(*w));
	}
	weir_clear_tree(k->dir);
}

static void take_down(const struct weir_ns *k)
{
	end_observers(k);
	weir_remove_tree(k->dir);
}

int weir_kernel_off(struct weir_ns *ns, struct weir_err *err)
{
	struct weir_ns k;
	__cleanup_close int lock = -1;

	weir_ns_kernel(ns, &k);
	lock = weir_ns_lock(&k, "");
	if (lock == -ENOENT)
		return 0;
	if (lock < 0)
		return weir_fail_pins(&k, err, lock, "locking the pins");
	take_down(&k);
	weir_collect_dead(&k);
	return 0;
}

struct named {
	int fd[WEIR_KNS_MAX + 1];
	const char *name[WEIR_KNS_MAX + 1]; /* as the user named it; NULL = he did not */
	unsigned int nr;
};

/* Takes the descriptor. A namespace that has two names, or is this one, is watched once. */
static void add_netns(struct named *n, int fd, const char *name)
{
	struct stat ns, other;

	for (unsigned int i = 0; i < n->nr; i++)
		if (!fstat(fd, &ns) && !fstat(n->fd[i], &other) && ns.st_ino == other.st_ino &&
			ns.st_dev == other.st_dev) {
			close(fd);
			return;
		}
	n->fd[n->nr] = fd;
	n->name[n->nr++] = name;
}

static void add_fd(void *ctx, const char *name, int fd)
{
	struct named *n = ctx;
	int own = n->nr < WEIR_KNS_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

	(void)name;
	if (own >= 0)
		add_netns(n, own, NULL);
}

static int add_named(struct named *n, const char *name, struct weir_err *err)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), strchr(name, '/') ? "%s" : "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && weir_is_netns(fd)) {
		add_netns(n, fd, name);
		return 0;
	}
	if (fd < 0)
		weir_fail(err, WEIR_NOT_FOUND, -errno, "network namespace %s", name);
	else
		weir_fail(err, WEIR_NOT_FOUND, 0, "%s is no network namespace", name);
	weir_remedy(err, "ip netns list");
	weir_close(&fd);
	return -ENOENT;
}

/* Descriptors of the namespaces meant: the caller closes them. */
static int open_netns(const struct weir_kernel_wish *wish, struct named *n, struct weir_err *err)
{
	int rc = 0, own;

	if (wish->all)
		weir_each_netns(add_fd, n);
	for (unsigned int i = 0; !rc && i < wish->nr_netns; i++)
		rc = add_named(n, wish->netns[i], err);
	own = wish->nr_netns ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own >= 0) /* with 'all', too: it may have no name */
		add_netns(n, own, NULL);
	return rc;
}

static int name_netns(const struct weir_ns *k, const struct named *n)
{
	__cleanup_close int map = weir_k_map(k, "kns");

	for (unsigned int i = 0; i < n->nr; i++) {
		struct weir_kns_key key = {.netns_cookie = weir_netns_cookie(n->fd[i])};
		struct weir_kns value = {};

		if (!n->name[i])
			continue;
		snprintf(value.name, sizeof(value.name), "%s", n->name[i]);
		if (bpf_map_update_elem(map, &key, &value, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* Where the kernel's own counters stand now. */
static int save_counters(const struct weir_ns *k, const struct named *n, struct weir_err *err)
{
	__cleanup_close int map = weir_k_map(k, "kbase");
	int rc = 0;

	for (unsigned int i = 0; !rc && i < n->nr; i++) {
		struct weir_kreading now;
		__u32 lost;

		rc = weir_kcounters_read_in(n->fd[i], &now, err);
		if (rc)
			return rc;
		rc = weir_kbase_save(map, &now, &lost, err);
		weir_kreading_done(&now);
	}
	return rc;
}

static void count_link(void *ctx, const struct weir_link *link)
{
	(void)link;
	++*(__u32 *)ctx;
}

static __u32 rows_wanted(const struct weir_kernel_wish *wish, __u32 cpus)
{
	__u32 most = (__u32)(LAT_ROOM / sizeof(struct weir_klat)) / cpus, nr = DEVS_SPARE;

	weir_each_link(count_link, &nr);
	if (wish->all || wish->nr_netns)
		nr = WEIR_KDEVS_MAX;
	most = most < 8 ? 8 : most > WEIR_KDEVS_MAX ? WEIR_KDEVS_MAX : most;
	return nr < most ? nr : most;
}

static int begin(const struct weir_ns *k, const struct weir_kernel_wish *wish,
	const struct named *n, struct weir_err *err)
{
	__u32 cpus = (__u32)libbpf_num_possible_cpus();
	struct weir_kwatch w = {.magic = WEIR_MAGIC,
		.abi = WEIR_KERNEL_ABI,
		.level = wish->level,
		.share = wish->share,
		.devs = rows_wanted(wish, cpus),
		.cpus = cpus,
		.all = wish->all,
		.netns_cookie = k->cookie,
		.since_ns = weir_now_ns(),
		.next_dev = WEIR_KROW_OTHER + 1};
	__u64 only = wish->all || wish->nr_netns ? 0 : k->cookie;
	int rc = drops_up(k, &w, only, err);

	if (!rc)
		rc = save_counters(k, n, err);
	if (rc)
		return rc;
	rc = name_netns(k, n);
	if (rc)
		return weir_fail_sys(err, rc, "naming the namespaces");
	if (wish->level < WEIR_KLEVEL_latency)
		return 0;
	return weir_k_cycler(k, only, n->fd, n->nr, err);
}

int weir_kernel_on(struct weir_ns *ns, const struct weir_kernel_wish *wish,
	struct weir_notes *notes, struct weir_err *err)
{
	struct named n = {.nr = 0};
	struct weir_ns k;
	__cleanup_close int lock = -1;
	int rc = open_netns(wish, &n, err);

	weir_ns_kernel(ns, &k);
	if (!rc)
		rc = weir_ns_make_and_lock(&k, &lock, notes, err);
	if (!rc) {
		char path[PATH_MAX];

		end_observers(&k);
		weir_collect_dead(
			&k); /* observers of others' packets whose own namespace is gone */
		if (mkdir(weir_pin_path(&k, path, "cycler"), 0700) && errno != EEXIST)
			rc = weir_fail_pins(&k, err, -errno, "making cycler");
		if (!rc)
			rc = begin(&k, wish, &n, err);
		if (rc)
			take_down(&k);
	}
	while (n.nr)
		close(n.fd[--n.nr]);
	return rc;
}
