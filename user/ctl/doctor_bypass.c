// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What acts on forwarded packets in the kernel, and so not on those that the fast path forwards:
 * only what is really there, and how much of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/fib_rules.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/pkt_sched.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <libmnl/libmnl.h>

#include "probe.h"

static void unread(struct weir_findings *found, enum weir_look check, const char *subject, int rc)
{
	weir_find(found, check, WEIR_FOUND_unknown, subject, "it could not be read: %s",
		strerror(-rc));
}

/* What helps against being gone round. */
#define OBEYED "weir dev detach DEV where it must be obeyed"
#define BY_TC  "weir dev attach DEV xdp off tc on where it must be obeyed"

/* A number and its noun. */
#define S(n) (n), (n) == 1 ? "" : "s"

/* --- iptables, the older kind: its newer kind is nftables --- */

/* Rules of a table; those for packets that nobody forwards are among them. */
static int count_iptables(const char *table)
{
	__cleanup_close int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = {};
	socklen_t len = sizeof(info);
	int policies = 1; /* and the entry that ends the table */

	snprintf(info.name, sizeof(info.name), "%s", table);
	if (fd < 0 || getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &len))
		return -errno;
	for (unsigned int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		policies += !!(info.valid_hooks & 1U << hook);
	return (int)info.num_entries - policies;
}

static void find_iptables(struct weir_findings *found)
{
	FILE *names = fopen("/proc/self/net/ip_tables_names", "re");
	char table[XT_TABLE_MAXNAMELEN];
	struct weir_finding *f;

	while (names && fgets(table, sizeof(table), names)) {
		int rules;

		table[strcspn(table, "\n")] = 0;
		rules = count_iptables(table);
		if (rules < 0)
			unread(found, WEIR_CHECK_iptables, table, rules);
		if (rules <= 0)
			continue;
		f = weir_find(found, WEIR_CHECK_iptables, WEIR_FOUND_warning, table,
			"table %s: %d rule%s", table, S(rules));
		f->count = rules;
		weir_find_remedy(f, "iptables-legacy -t %s -S; " OBEYED, table);
	}
	if (names)
		fclose(names);
}

static void find_conntrack(struct weir_findings *found)
{
	FILE *file = fopen("/proc/sys/net/netfilter/nf_conntrack_count", "re");
	struct weir_finding *f;
	long nr = 0;

	if (!file)
		return;
	if (fscanf(file, "%ld", &nr) == 1 && nr > 0) {
		f = weir_find(found, WEIR_CHECK_conntrack, WEIR_FOUND_warning, "",
			"%ld connection%s, which nothing refreshes here", S(nr));
		f->count = nr;
		weir_find_remedy(f, "conntrack -L; " OBEYED);
	}
	fclose(file);
}

/* --- queueing disciplines and their filters --- */

struct qdiscs {
	const struct weir_link *link;
	char kind[32]; /* the first that does more than hand on */
	unsigned int nr;
	bool clsact, ingress;
};

static bool is_plain(const char *kind)
{
	static const char *const plain[] = {"noqueue", "pfifo_fast", "pfifo", "bfifo", "mq"};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strcmp(kind, plain[i]))
			return true;
	return false;
}

static int on_kind_attr(const struct nlattr *a, void *ctx)
{
	return mnl_attr_get_type(a) == TCA_KIND
		       ? weir_nl_text(a, ctx, sizeof(((struct qdiscs *)0)->kind))
		       : MNL_CB_OK;
}

static int on_qdisc(const struct nlmsghdr *nlh, void *ctx)
{
	const struct tcmsg *tc = weir_nl_head(nlh, sizeof(*tc));
	char kind[sizeof(((struct qdiscs *)0)->kind)] = "";
	struct qdiscs *q = ctx;

	if (!tc)
		return MNL_CB_ERROR;
	if ((__u32)tc->tcm_ifindex != q->link->ifindex ||
		mnl_attr_parse(nlh, sizeof(*tc), on_kind_attr, kind) < 0)
		return MNL_CB_OK;
	q->clsact = q->clsact || !strcmp(kind, "clsact");
	q->ingress = q->ingress || !strcmp(kind, "ingress");
	/* what the kernel gives a device by itself, such as fq_codel, has no handle */
	if (!tc->tcm_handle || is_plain(kind) || !strcmp(kind, "clsact") ||
		!strcmp(kind, "ingress"))
		return MNL_CB_OK;
	if (!q->nr++)
		memcpy(q->kind, kind, sizeof(kind));
	return MNL_CB_OK;
}

static int ask_tc(__u16 type, __u32 ifindex, __u32 parent, mnl_cb_t cb, void *ctx)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct tcmsg *tc;

	nlh->nlmsg_type = type;
	tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = (int)ifindex;
	tc->tcm_parent = parent;
	return weir_nl_ask(NETLINK_ROUTE, nlh, NLM_F_DUMP, cb, ctx);
}

struct filter {
	bool ours, u32;
};

static int on_bpf_attr(const struct nlattr *a, void *ctx)
{
	struct filter *f = ctx;
	char name[64];

	if (mnl_attr_get_type(a) != TCA_BPF_NAME)
		return MNL_CB_OK;
	if (weir_nl_text(a, name, sizeof(name)) < 0)
		return MNL_CB_ERROR;
	f->ours = f->ours || !strncmp(name, "weir_", 5);
	return MNL_CB_OK;
}

static int on_filter_attr(const struct nlattr *a, void *ctx)
{
	struct filter *f = ctx;
	char kind[32];

	if (mnl_attr_get_type(a) == TCA_KIND) { /* comes before the options */
		if (weir_nl_text(a, kind, sizeof(kind)) < 0)
			return MNL_CB_ERROR;
		f->u32 = !strcmp(kind, "u32");
	}
	if (mnl_attr_get_type(a) == TCA_OPTIONS && !f->u32)
		mnl_attr_parse_nested(a, on_bpf_attr, f);
	return MNL_CB_OK;
}

struct filters {
	unsigned int nr, nr_u32;
	__u32 u32[64]; /* handles of the first */
};

/* u32 tells its hash tables like filters, and those of both directions in each. */
static bool is_new_u32(struct filters *all, __u32 handle)
{
	const unsigned int room = sizeof(all->u32) / sizeof(all->u32[0]);

	if (!TC_U32_NODE(handle))
		return false;
	for (unsigned int i = 0; i < all->nr_u32; i++)
		if (all->u32[i] == handle)
			return false;
	if (all->nr_u32 < room)
		all->u32[all->nr_u32++] = handle;
	return true;
}

static int on_filter(const struct nlmsghdr *nlh, void *ctx)
{
	const struct tcmsg *tc = weir_nl_head(nlh, sizeof(*tc));
	struct filters *all = ctx;
	struct filter f = {};

	if (!tc)
		return MNL_CB_ERROR;
	mnl_attr_parse(nlh, sizeof(*tc), on_filter_attr, &f);
	if (!tc->tcm_handle || f.ours) /* each priority is told once more, without a handle */
		return MNL_CB_OK;
	all->nr += f.u32 ? is_new_u32(all, tc->tcm_handle) : 1;
	return MNL_CB_OK;
}

static int count_filters(const struct qdiscs *q, struct filters *all)
{
	static const __u32 parents[] = {
		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)};
	int rc = 0;

	memset(all, 0, sizeof(*all));
	for (size_t i = 0; i < 2 && !rc && (q->clsact || (q->ingress && !i)); i++)
		rc = ask_tc(RTM_GETTFILTER, q->link->ifindex,
			q->clsact ? parents[i] : TC_H_MAKE(TC_H_INGRESS, 0), on_filter, all);
	return rc;
}

static void find_tc(const struct weir_link *link, struct weir_findings *found)
{
	struct qdiscs q = {.link = link};
	struct weir_finding *f;
	struct filters filters;
	int rc = ask_tc(RTM_GETQDISC, link->ifindex, 0, on_qdisc, &q);

	if (rc) {
		unread(found, WEIR_CHECK_qdisc, link->name, rc);
		return;
	}
	if (q.nr) {
		f = weir_find(found, WEIR_CHECK_qdisc, WEIR_FOUND_warning, link->name,
			"%s on %s: XDP goes round it, TC does not", q.kind, link->name);
		f->count = q.nr;
		weir_find_remedy(f, "tc -s qdisc show dev %s; " BY_TC, link->name);
	}
	rc = count_filters(&q, &filters);
	if (rc)
		unread(found, WEIR_CHECK_tc_filters, link->name, rc);
	if (rc || !filters.nr)
		return;
	f = weir_find(found, WEIR_CHECK_tc_filters, WEIR_FOUND_warning, link->name,
		"%u filter%s on %s", S(filters.nr), link->name);
	f->count = filters.nr;
	weir_find_remedy(f, "tc filter show dev %s ingress (or egress); " OBEYED, link->name);
}

/* --- ip rules --- */

struct rules {
	unsigned int nr, unseen;
};

struct rule {
	__u32 priority;
	bool unseen; /* it looks at what the FIB is not asked with: bpf_fib_lookup() has no such
			field */
	bool selects;
};

static int on_rule_attr(const struct nlattr *a, void *ctx)
{
	struct rule *r = ctx;
	__u32 length;

	switch (mnl_attr_get_type(a)) {
	case FRA_PRIORITY:
		return weir_nl_u32(a, &r->priority);
	case FRA_TABLE:
	case FRA_PROTOCOL:
	case FRA_SUPPRESS_IFGROUP:
		break;
	case FRA_SUPPRESS_PREFIXLEN: /* always told; -1 = none */
		if (weir_nl_u32(a, &length) < 0)
			return MNL_CB_ERROR;
		r->selects = r->selects || length != ~0U;
		break;
	case FRA_FWMARK: /* also a mark of 0, which is told by its mask alone */
	case FRA_FWMASK:
	case FRA_TUN_ID:
		r->unseen = true;
		r->selects = true;
		break;
	default:
		r->selects = true;
		break;
	}
	return MNL_CB_OK;
}

/* The three that every namespace begins with ask the tables local, main and default, of all. */
static bool is_default(const struct fib_rule_hdr *head, const struct rule *r)
{
	return !r->selects && head->action == FR_ACT_TO_TBL && !head->tos &&
	       ((r->priority == 0 && head->table == RT_TABLE_LOCAL) ||
		       (r->priority == 32766 && head->table == RT_TABLE_MAIN) ||
		       (r->priority == 32767 && head->table == RT_TABLE_DEFAULT));
}

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct fib_rule_hdr *head = weir_nl_head(nlh, sizeof(*head));
	struct rules *rules = ctx;
	struct rule r = {};

	if (!head || mnl_attr_parse(nlh, sizeof(*head), on_rule_attr, &r) < 0)
		return MNL_CB_ERROR;
	if (is_default(head, &r))
		return MNL_CB_OK;
	rules->nr++;
	rules->unseen += r.unseen;
	return MNL_CB_OK;
}

static void find_ip_rules(struct weir_findings *found)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *head;
	struct rules rules = {};
	struct weir_finding *f;
	int rc;

	nlh->nlmsg_type = RTM_GETRULE;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->family = AF_INET;
	rc = weir_nl_ask(NETLINK_ROUTE, nlh, NLM_F_DUMP, on_rule, &rules);
	if (rc)
		unread(found, WEIR_CHECK_ip_rules, "", rc);
	if (rc || !rules.nr)
		return;
	if (rules.unseen)
		f = weir_find(found, WEIR_CHECK_ip_rules, WEIR_FOUND_warning, "",
			"%u rule%s, %u by firewall mark or tunnel id: to the fast path each packet "
			"has neither; the others are honoured",
			S(rules.nr), rules.unseen);
	else
		f = weir_find(found, WEIR_CHECK_ip_rules, WEIR_FOUND_warning, "",
			"%u rule%s: honoured, but with any rule a route is kept for each flow, by "
			"ports and protocol, not for each pair of hosts",
			S(rules.nr));
	f->count = rules.nr;
	weir_find_remedy(f, "ip rule show%s", rules.unseen ? "; " OBEYED : "");
}

/* --- MTUs of routes --- */

struct metrics {
	__u32 mtu, locked;
};

static int on_metric(const struct nlattr *a, void *ctx)
{
	struct metrics *m = ctx;

	switch (mnl_attr_get_type(a)) {
	case RTAX_MTU:
		return weir_nl_u32(a, &m->mtu);
	case RTAX_LOCK:
		return weir_nl_u32(a, &m->locked);
	default:
		return MNL_CB_OK;
	}
}

static int on_route_attr(const struct nlattr *a, void *ctx)
{
	return mnl_attr_get_type(a) == RTA_METRICS ? mnl_attr_parse_nested(a, on_metric, ctx)
						   : MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *head = weir_nl_head(nlh, sizeof(*head));
	struct metrics m = {};

	if (!head || mnl_attr_parse(nlh, sizeof(*head), on_route_attr, &m) < 0)
		return MNL_CB_ERROR;
	if (head->rtm_type == RTN_UNICAST && m.mtu && !(m.locked & 1U << RTAX_MTU))
		++*(unsigned int *)ctx;
	return MNL_CB_OK;
}

/* ip_mtu_from_fib_result(), which bpf_fib_lookup() asks, then takes a route's as it is. */
static bool uses_pmtu(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_forward_use_pmtu", "re");
	int on = 0;

	if (!file)
		return false;
	if (fscanf(file, "%d", &on) != 1)
		on = 0;
	fclose(file);
	return on;
}

static void find_route_mtus(struct weir_findings *found)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *head;
	unsigned int nr = 0;
	struct weir_finding *f;
	int rc;

	if (uses_pmtu())
		return;
	nlh->nlmsg_type = RTM_GETROUTE;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->rtm_family = AF_INET;
	rc = weir_nl_ask(NETLINK_ROUTE, nlh, NLM_F_DUMP, on_route, &nr);
	if (rc)
		unread(found, WEIR_CHECK_route_mtus, "", rc);
	if (rc || !nr)
		return;
	f = weir_find(found, WEIR_CHECK_route_mtus, WEIR_FOUND_warning, "",
		"%u route%s whose MTU is not locked: the fast path is told the device's alone",
		S(nr));
	f->count = nr;
	weir_find_remedy(f, "ip route change PREFIX ... mtu lock N; or, for all: sysctl -w "
			    "net.ipv4.ip_forward_use_pmtu=1");
}

/* --- IPsec --- */

struct policies {
	unsigned int all, out, forward;
};

static int on_policy_attr(const struct nlattr *a, void *ctx)
{
	return mnl_attr_get_type(a) == XFRMA_IF_ID ? weir_nl_u32(a, ctx) : MNL_CB_OK;
}

/* Those of an xfrm interface (if_id) are for what goes by it. */
static int on_policy(const struct nlmsghdr *nlh, void *ctx)
{
	const struct xfrm_userpolicy_info *p = weir_nl_head(nlh, sizeof(*p));
	struct policies *nr = ctx;
	__u32 if_id = 0;

	if (!p || mnl_attr_parse(nlh, sizeof(*p), on_policy_attr, &if_id) < 0)
		return MNL_CB_ERROR;
	nr->all++;
	nr->out += !if_id && p->dir == XFRM_POLICY_OUT;
	nr->forward += !if_id && p->dir == XFRM_POLICY_FWD;
	return MNL_CB_OK;
}

static int on_default(const struct nlmsghdr *nlh, void *ctx)
{
	const struct xfrm_userpolicy_default *d = weir_nl_head(nlh, sizeof(*d));

	if (!d)
		return MNL_CB_ERROR;
	*(bool *)ctx = d->fwd == XFRM_USERPOLICY_BLOCK || d->out == XFRM_USERPOLICY_BLOCK;
	return MNL_CB_OK;
}

/* Whether nothing passes that no policy speaks of; not before Linux 5.15. */
static bool is_denied_by_default(void)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	bool denied = false;

	nlh->nlmsg_type = XFRM_MSG_GETDEFAULT;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct xfrm_userpolicy_default));
	return !weir_nl_ask(NETLINK_XFRM, nlh, 0, on_default, &denied) && denied;
}

static int read_policies(struct policies *nr)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = XFRM_MSG_GETPOLICY;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct xfrm_userpolicy_id));
	return weir_nl_ask(NETLINK_XFRM, nlh, NLM_F_DUMP, on_policy, nr);
}

/* They are not gone round (bpf/lib/xfrm.h); it is told what they cost. */
static void find_xfrm(struct weir_findings *found)
{
	struct policies nr = {};
	struct weir_finding *f;
	int rc = read_policies(&nr);

	if (rc == -EPROTONOSUPPORT || rc == -ENOENT)
		return; /* no IPsec in this kernel */
	if (rc) {
		unread(found, WEIR_CHECK_xfrm, "", rc);
		return;
	}
	if (is_denied_by_default()) {
		f = weir_find(found, WEIR_CHECK_xfrm, WEIR_FOUND_warning, "",
			"without a policy nothing passes, so all goes to the kernel");
		weir_find_remedy(f, "ip xfrm policy getdefault; ip xfrm policy setdefault fwd "
				    "accept out accept");
	}
	if (!nr.out && !nr.forward)
		return;
	f = weir_find(found, WEIR_CHECK_xfrm, WEIR_FOUND_ok, "",
		"%u out, %u forward: what they speak of goes to the kernel, other packets stay "
		"fast",
		nr.out, nr.forward);
	f->count = nr.out + nr.forward;
	if (nr.all <= WEIR_XFRM_MAX)
		return;
	f->state = WEIR_FOUND_warning;
	snprintf(f->why, sizeof(f->why),
		"%u out, %u forward, %u in all: more than %u, so all goes to the kernel", nr.out,
		nr.forward, nr.all, WEIR_XFRM_MAX);
	weir_find_remedy(f, "ip xfrm policy count; fewer, with shorter prefixes");
}

/* --- taps --- */

static void find_taps(struct weir_findings *found)
{
	FILE *file = fopen("/proc/self/net/packet", "re");
	unsigned int proto, nr = 0;
	struct weir_finding *f;
	char line[256];

	if (!file) {
		unread(found, WEIR_CHECK_taps, "", -errno);
		return;
	}
	while (fgets(line, sizeof(line), file)) /* one of protocol 0 only sends */
		nr += sscanf(line, "%*s %*s %*s %x", &proto) == 1 && proto;
	fclose(file);
	if (!nr)
		return;
	f = weir_find(found, WEIR_CHECK_taps, WEIR_FOUND_warning, "",
		"%u, such as tcpdump's: XDP goes round them, TC does not", nr);
	f->count = nr;
	weir_find_remedy(f, "ss -0 -p; to see packets that XDP forwards: weir trace");
}

void weir_doctor_bypass(const struct weir_link *links, unsigned int nr, struct weir_findings *found)
{
	int rc = weir_doctor_nft(found);

	if (rc && rc != -EPROTONOSUPPORT && rc != -EOPNOTSUPP && rc != -EINVAL)
		unread(found, WEIR_CHECK_nftables, "", rc);
	find_iptables(found);
	find_conntrack(found);
	for (unsigned int i = 0; i < nr; i++)
		find_tc(&links[i], found);
	find_ip_rules(found);
	find_route_mtus(found);
	find_xfrm(found);
	find_taps(found);
}
