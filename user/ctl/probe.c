// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What this kernel can do, by doing it: distributions carry features back and configurations leave
 * them out, so a version says nothing. Links are made in a namespace of our own, where no packet
 * comes by, or on nothing at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "probe.skel.h"
#include "probe.h"
#include "track.h"

#define AS_ROOT "sudo weir doctor"

/* --- loading --- */

/* Loads one program alone, with the map it needs, for a device or for none. 0 or -errno. */
static int load(const char *name, __u32 ifindex, struct probe_bpf **skel)
{
	struct probe_bpf *s = probe_bpf__open();
	struct bpf_program *p = NULL, *chosen;
	int rc = 0;

	if (!s)
		return -errno;
	chosen = bpf_object__find_program_by_name(s->obj, name);
	while ((p = bpf_object__next_program(s->obj, p)))
		bpf_program__set_autoload(p, p == chosen);
	if (chosen != s->progs.try_timer)
		rc = bpf_map__set_autocreate(s->maps.timers, false);
	if (!rc && ifindex) {
		bpf_program__set_ifindex(chosen, ifindex);
		rc = bpf_program__set_flags(chosen, BPF_F_XDP_DEV_BOUND_ONLY);
	}
	if (!rc)
		rc = probe_bpf__load(s);
	if (rc)
		probe_bpf__destroy(s);
	else
		*skel = s;
	return rc;
}

static int load_only(const char *name)
{
	struct probe_bpf *skel;
	int rc = load(name, 0, &skel);

	if (!rc)
		probe_bpf__destroy(skel);
	return rc;
}

/* What a link, or the lack of one, means; ends both. */
static int judge(struct probe_bpf *skel, struct bpf_link *link)
{
	int rc = link ? 0 : -errno;

	bpf_link__destroy(link);
	probe_bpf__destroy(skel);
	return rc;
}

/* --- trials: 0, or -errno as the kernel said it --- */

static int try_bpf(const struct weir_scratch *s)
{
	(void)s;
	return load_only("try_xdp");
}

static int try_jit(const struct weir_scratch *s)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	struct probe_bpf *skel;
	int rc = load("try_xdp", 0, &skel);

	(void)s;
	if (rc)
		return rc;
	if (bpf_prog_get_info_by_fd(bpf_program__fd(skel->progs.try_xdp), &info, &len))
		rc = -errno;
	else if (!info.jited_prog_len)
		rc = -ENOEXEC;
	probe_bpf__destroy(skel);
	return rc;
}

static int try_btf(const struct weir_scratch *s)
{
	(void)s;
	return access("/sys/kernel/btf/vmlinux", R_OK) ? -errno : 0;
}

/* A map while nothing may be locked: kernels since 5.11 charge the control group instead. Not by
 * libbpf, which would raise the limit. */
static int try_memlock(const struct weir_scratch *s)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4096,
		.max_entries = 16,
	};
	struct rlimit old, none;
	__cleanup_close int fd = -1;
	int rc = 0;

	(void)s;
	if (getrlimit(RLIMIT_MEMLOCK, &old))
		return -errno;
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
	if (setrlimit(RLIMIT_MEMLOCK, &none))
		return -errno;
	fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		rc = -errno;
	setrlimit(RLIMIT_MEMLOCK, &old);
	/* limited after all: enough is enough */
	return rc == -EPERM && old.rlim_cur == RLIM_INFINITY ? 0 : rc;
}

static int try_netns(const struct weir_scratch *s)
{
	return s->error;
}

static int xdp_link(const char *name, int ifindex, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	__cleanup_close int link = -1;
	struct probe_bpf *skel;
	int rc = load(name, 0, &skel);

	if (rc)
		return rc;
	link = bpf_link_create(bpf_program__fd(bpf_object__find_program_by_name(skel->obj, name)),
		ifindex, BPF_XDP, &opts);
	rc = link < 0 ? -errno : 0;
	probe_bpf__destroy(skel);
	return rc;
}

static int try_xdp_native(const struct weir_scratch *s)
{
	return xdp_link("try_xdp", (int)s->ifindex, XDP_FLAGS_DRV_MODE);
}

static int try_xdp_generic(const struct weir_scratch *s)
{
	return xdp_link("try_xdp", (int)s->ifindex, XDP_FLAGS_SKB_MODE);
}

static int try_xdp_frags(const struct weir_scratch *s)
{
	return xdp_link("try_xdp_frags", (int)s->ifindex, XDP_FLAGS_DRV_MODE);
}

static int try_devmap(const struct weir_scratch *s)
{
	struct bpf_devmap_val v = {.ifindex = s->ifindex};
	__cleanup_close int fd = bpf_map_create(
		BPF_MAP_TYPE_DEVMAP_HASH, "try_devmap", sizeof(__u32), sizeof(v), 1, NULL);
	__u32 key = 1;

	return fd < 0 || bpf_map_update_elem(fd, &key, &v, BPF_ANY) ? -errno : 0;
}

static int try_kern_ctx(const struct weir_scratch *s)
{
	(void)s;
	return load_only("try_kern_ctx");
}

static int try_xdp_metadata(const struct weir_scratch *s)
{
	struct probe_bpf *skel;
	int rc = load("try_xdp_metadata", s->ifindex, &skel);

	if (!rc)
		probe_bpf__destroy(skel);
	return rc;
}

static int try_xdp_flags(const struct weir_scratch *s)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	int rc = bpf_xdp_query((int)s->ifindex, 0, &q);

	return rc ? rc : q.feature_flags ? 0 : -EOPNOTSUPP; /* every veth has some */
}

static int try_tcx(const struct weir_scratch *s)
{
	struct probe_bpf *skel;
	int rc = load("try_tcx", 0, &skel);

	return rc ? rc
		  : judge(skel,
			    bpf_program__attach_tcx(skel->progs.try_tcx, (int)s->ifindex, NULL));
}

static int try_clsact(const struct weir_scratch *s)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)s->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	struct probe_bpf *skel;
	int rc = load("try_tc", 0, &skel);

	if (rc)
		return rc;
	opts.prog_fd = bpf_program__fd(skel->progs.try_tc);
	rc = bpf_tc_hook_create(&hook);
	if (!rc || rc == -EEXIST)
		rc = bpf_tc_attach(&hook, &opts);
	probe_bpf__destroy(skel);
	return rc;
}

static int try_netfilter_link(const struct weir_scratch *s)
{
	LIBBPF_OPTS(bpf_netfilter_opts, opts, .pf = NFPROTO_IPV4, .hooknum = NF_INET_PRE_ROUTING,
		.priority = 1000);
	struct probe_bpf *skel;
	int rc = load("try_netfilter", 0, &skel);

	(void)s;
	return rc ? rc
		  : judge(skel, bpf_program__attach_netfilter(skel->progs.try_netfilter, &opts));
}

static int try_tp_btf(const struct weir_scratch *s)
{
	struct probe_bpf *skel;
	int rc = load("try_tp_btf", 0, &skel);

	(void)s;
	return rc ? rc : judge(skel, bpf_program__attach(skel->progs.try_tp_btf));
}

int weir_probe_fentry(void)
{
	struct probe_bpf *skel;
	int rc = load("try_fentry", 0, &skel);

	return rc ? rc : judge(skel, bpf_program__attach(skel->progs.try_fentry));
}

static int try_fentry(const struct weir_scratch *s)
{
	(void)s;
	return weir_probe_fentry();
}

static int try_kprobe(const struct weir_scratch *s)
{
	struct probe_bpf *skel;
	int rc = load("try_kprobe", 0, &skel);

	(void)s;
	return rc ? rc : judge(skel, bpf_program__attach(skel->progs.try_kprobe));
}

static int try_sk_lookup(const struct weir_scratch *s)
{
	__cleanup_close int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct probe_bpf *skel;
	int rc = load("try_sk_lookup", 0, &skel);

	(void)s;
	return rc ? rc : judge(skel, bpf_program__attach_netns(skel->progs.try_sk_lookup, fd));
}

/* On no control group: a kernel that has such links complains of the descriptor alone. */
static int try_cgroup(const struct weir_scratch *s)
{
	struct probe_bpf *skel;
	int rc = load("try_cgroup", 0, &skel), link;

	(void)s;
	if (rc)
		return rc;
	link = bpf_link_create(
		bpf_program__fd(skel->progs.try_cgroup), -1, BPF_CGROUP_INET_INGRESS, NULL);
	rc = link < 0 && errno != EBADF ? -errno : 0;
	weir_close(&link);
	probe_bpf__destroy(skel);
	return rc;
}

static int try_af_xdp(const struct weir_scratch *s)
{
	return weir_probe_af_xdp(s->ifindex);
}

static int try_timer(const struct weir_scratch *s)
{
	(void)s;
	return load_only("try_timer");
}

static int try_tproxy(const struct weir_scratch *s)
{
	(void)s;
	return weir_defrag_make();
}

enum need { ANYWHERE, IN_SCRATCH, ON_VETH };

static const struct trial {
	enum weir_look check;
	enum need need;
	int (*run)(const struct weir_scratch *s);
	const char *remedy;
} trials[] = {
	{WEIR_CHECK_bpf, ANYWHERE, try_bpf, "a kernel with CONFIG_BPF_SYSCALL, or " AS_ROOT},
	{WEIR_CHECK_jit, ANYWHERE, try_jit, "sysctl -w net.core.bpf_jit_enable=1"},
	{WEIR_CHECK_btf, ANYWHERE, try_btf, "a kernel with CONFIG_DEBUG_INFO_BTF"},
	{WEIR_CHECK_memlock, ANYWHERE, try_memlock, "ulimit -l unlimited"},
	{WEIR_CHECK_netns, ANYWHERE, try_netns, "a kernel with CONFIG_NET_NS, or " AS_ROOT},
	{WEIR_CHECK_xdp_native, ON_VETH, try_xdp_native, "weir dev attach DEV xdp generic"},
	{WEIR_CHECK_xdp_generic, ON_VETH, try_xdp_generic, "a kernel with CONFIG_BPF_SYSCALL"},
	{WEIR_CHECK_xdp_frags, ON_VETH, try_xdp_frags, "Linux 5.18 or later; MTUs up to 3498"},
	{WEIR_CHECK_devmap, ON_VETH, try_devmap, "Linux 5.8 or later"},
	{WEIR_CHECK_tp_btf, ANYWHERE, try_tp_btf, "a kernel with CONFIG_BPF_EVENTS and BTF"},
	{WEIR_CHECK_kern_ctx, ANYWHERE, try_kern_ctx, "Linux 6.2 or later"},
	{WEIR_CHECK_xdp_metadata, ON_VETH, try_xdp_metadata, "Linux 6.8 or later"},
	{WEIR_CHECK_xdp_flags, ON_VETH, try_xdp_flags, "Linux 6.3 or later"},
	{WEIR_CHECK_tcx, ON_VETH, try_tcx, "Linux 6.6 or later; until then clsact does"},
	{WEIR_CHECK_clsact, ON_VETH, try_clsact, "a kernel with CONFIG_NET_SCH_INGRESS"},
	{WEIR_CHECK_netfilter_link, IN_SCRATCH, try_netfilter_link,
		"Linux 6.4 or later with CONFIG_NETFILTER_BPF_LINK"},
	{WEIR_CHECK_fentry, ANYWHERE, try_fentry,
		"a kernel with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"},
	{WEIR_CHECK_kprobe, ANYWHERE, try_kprobe, "a kernel with CONFIG_KPROBE_EVENTS"},
	{WEIR_CHECK_sk_lookup, IN_SCRATCH, try_sk_lookup, "Linux 5.9 or later"},
	{WEIR_CHECK_cgroup, ANYWHERE, try_cgroup, "a kernel with CONFIG_CGROUP_BPF"},
	{WEIR_CHECK_af_xdp, ON_VETH, try_af_xdp, "a kernel with CONFIG_XDP_SOCKETS"},
	{WEIR_CHECK_timer, ANYWHERE, try_timer, "Linux 5.15 or later"},
	{WEIR_CHECK_tproxy, IN_SCRATCH, try_tproxy, "a kernel with CONFIG_NFT_TPROXY"},
};

/* @privileged: the caller has all rights, so what is refused is not refused for want of them. */
static void run_trial(const struct trial *t, const struct weir_scratch *s, bool privileged,
	struct weir_findings *found)
{
	struct weir_finding *f;
	int rc;

	if ((t->need != ANYWHERE && s->error) || (t->need == ON_VETH && s->no_veth)) {
		rc = s->error ? s->error : s->no_veth;
		f = weir_find(found, t->check, WEIR_FOUND_unknown, "", "no %s to try it in: %s",
			s->error ? "namespace" : "veth", strerror(-rc));
		weir_find_remedy(f, "%s", s->error ? AS_ROOT : "modprobe veth");
		return;
	}
	rc = t->run(s);
	if (!rc) {
		weir_find(found, t->check, WEIR_FOUND_ok, "", "%s", "");
		return;
	}
	f = weir_find(found, t->check, WEIR_FOUND_missing, "", "refused: %s", strerror(-rc));
	weir_find_remedy(f, "%s",
		rc == -EPERM && privileged
			? "another kernel: a policy of this one forbids it to all"
			: t->remedy);
}

/* --- what is read, not tried --- */

/* Whether there are all. */
static bool find_rights(struct weir_findings *found)
{
	static const struct {
		int bit;
		const char *name;
	} wanted[] = {{CAP_BPF, "CAP_BPF"}, {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		{CAP_PERFMON, "CAP_PERFMON"}, {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}};
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct cap[2] = {};
	char missing[128] = "";
	struct weir_finding *f;

	syscall(SYS_capget, &head, cap);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		size_t n = strlen(missing);

		if (!(cap[wanted[i].bit / 32].effective >> (wanted[i].bit % 32) & 1))
			snprintf(missing + n, sizeof(missing) - n, " %s", wanted[i].name);
	}
	if (!missing[0]) {
		weir_find(found, WEIR_CHECK_rights, WEIR_FOUND_ok, "", "%s", "");
		return true;
	}
	f = weir_find(found, WEIR_CHECK_rights, WEIR_FOUND_missing, "", "without%s", missing);
	weir_find_remedy(f, AS_ROOT);
	return false;
}

static void find_bpffs(const struct weir_ns *ns, struct weir_findings *found)
{
	struct weir_finding *f;

	if (ns->base[0]) {
		weir_find(found, WEIR_CHECK_bpffs, WEIR_FOUND_ok, "", "%.200s", ns->base);
		return;
	}
	f = weir_find(found, WEIR_CHECK_bpffs, ns->may_mount ? WEIR_FOUND_off : WEIR_FOUND_missing,
		"", "%s",
		ns->may_mount ? "not mounted; 'weir dev attach' mounts it" : "not in sight");
	weir_find_remedy(f, "%s",
		ns->may_mount ? "mount -t bpf bpf /sys/fs/bpf"
			      : "weir -n NAMESPACE doctor, from outside");
}

static void find_ip_forward(struct weir_findings *found)
{
	long on = weir_sysctl("ip_forward");
	struct weir_finding *f;

	if (on > 0) {
		weir_find(found, WEIR_CHECK_ip_forward, WEIR_FOUND_ok, "", "%s", "");
		return;
	}
	f = weir_find(found, WEIR_CHECK_ip_forward, on ? WEIR_FOUND_unknown : WEIR_FOUND_off, "",
		"%s",
		on ? strerror((int)-on) : "off: all goes to the kernel, which forwards nothing");
	weir_find_remedy(f, "sysctl -w net.ipv4.ip_forward=1");
}

/* Only where sessions are followed is anything to be reassembled. */
static void find_reassembly(const struct weir_ns *ns, struct weir_findings *found)
{
	struct weir_nat_state *state = ns->dir[0] && weir_is_tracking(ns) ? weir_nat_state_map(ns)
									  : NULL;
	bool told = state && state->defrag, there = state && weir_defrag_there();
	struct weir_finding *f;
	char opt[300];

	if (!state)
		return;
	munmap(state, sizeof(*state));
	if (told && there) {
		weir_find(found, WEIR_CHECK_reassembly, WEIR_FOUND_ok, "", "%s", "");
		return;
	}
	f = weir_find(found, WEIR_CHECK_reassembly, WEIR_FOUND_warning, "",
		told ? "table ip " WEIR_DEFRAG_TABLE " is gone: what comes out of order is dropped"
		     : "the kernel does not reassemble: what comes out of order is dropped");
	weir_find_remedy(f, "weir%s dev attach DEV force; where that does not help: see tproxy",
		weir_ns_option(ns, opt));
}

void weir_probe_kernel(const struct weir_ns *ns, struct weir_findings *found)
{
	bool privileged = find_rights(found);
	struct weir_scratch scratch;

	find_bpffs(ns, found);
	find_ip_forward(found);
	find_reassembly(ns, found);
	weir_scratch_enter(&scratch);
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++)
		run_trial(&trials[i], &scratch, privileged, found);
	weir_scratch_leave(&scratch);
	weir_libbpf_quiet(); /* what libbpf said of a trial explains no later failure */
}
