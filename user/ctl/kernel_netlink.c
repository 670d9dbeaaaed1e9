// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel's counters that are told by netlink: of devices, qdiscs, queues and packet sockets. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/gen_stats.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netdev.h>
#include <linux/packet_diag.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <libmnl/libmnl.h>

#include "kernel_counters.h"
#include "probe.h"

/* Asks for all there is, anew where it changed meanwhile; what was added is taken back before. */
static int dump(struct weir_kreading *r, int bus, struct nlmsghdr *nlh,
	int (*cb)(const struct nlmsghdr *nlh, void *ctx))
{
	unsigned int nr = r->nr, nr_devs = r->nr_devs;
	int rc, tries = 5;

	do {
		r->nr = nr;
		r->nr_devs = nr_devs;
		rc = weir_nl_ask(bus, nlh, NLM_F_DUMP, cb, r);
	} while (rc == -EINTR && --tries);
	if (rc == -EINTR)
		return 0; /* each is right by itself */
	if (rc) {
		r->nr = nr;
		r->nr_devs = nr_devs;
	}
	return rc;
}

/* --- devices --- */

/* Later kernels tell more fields, earlier ones fewer. */
static const struct {
	size_t at;
	enum weir_kcounter counter;
} dev_fields[] = {
#define FIELD(name, id)                                                                            \
	{                                                                                          \
		offsetof(struct rtnl_link_stats64, name), WEIR_KCOUNTER_##id                       \
	}
	FIELD(rx_packets, rx_packets),
	FIELD(tx_packets, tx_packets),
	FIELD(rx_bytes, rx_bytes),
	FIELD(tx_bytes, tx_bytes),
	FIELD(rx_errors, rx_errors),
	FIELD(tx_errors, tx_errors),
	FIELD(rx_dropped, rx_dropped),
	FIELD(tx_dropped, tx_dropped),
	FIELD(rx_length_errors, rx_length),
	FIELD(rx_over_errors, rx_over),
	FIELD(rx_crc_errors, rx_crc),
	FIELD(rx_frame_errors, rx_frame),
	FIELD(rx_fifo_errors, rx_fifo),
	FIELD(rx_missed_errors, rx_missed),
	FIELD(tx_aborted_errors, tx_aborted),
	FIELD(tx_carrier_errors, tx_carrier),
	FIELD(tx_fifo_errors, tx_fifo),
	FIELD(rx_nohandler, rx_nohandler),
	FIELD(rx_otherhost_dropped, rx_otherhost),
#undef FIELD
};

struct one_dev {
	struct weir_kreading *r;
	__u32 ifindex;
	char name[16];
};

static int on_dev_attr(const struct nlattr *a, void *ctx)
{
	struct one_dev *dev = ctx;
	size_t len = mnl_attr_get_payload_len(a);

	if (mnl_attr_get_type(a) == IFLA_IFNAME)
		return weir_nl_text(a, dev->name, sizeof(dev->name));
	if (mnl_attr_get_type(a) != IFLA_STATS64)
		return MNL_CB_OK;
	for (size_t i = 0; i < sizeof(dev_fields) / sizeof(dev_fields[0]); i++) {
		const char *at = (const char *)mnl_attr_get_payload(a) + dev_fields[i].at;
		__u64 value;

		if (dev_fields[i].at + sizeof(value) > len)
			continue;
		memcpy(&value, at, sizeof(value));
		weir_kreading_add(dev->r, dev_fields[i].counter, 0, dev->ifindex, value);
	}
	return MNL_CB_OK;
}

static int on_dev(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifinfomsg *ifi = weir_nl_head(nlh, sizeof(*ifi));
	struct one_dev dev = {.r = ctx};

	if (!ifi)
		return MNL_CB_ERROR;
	dev.ifindex = (__u32)ifi->ifi_index;
	if (mnl_attr_parse(nlh, sizeof(*ifi), on_dev_attr, &dev) < 0)
		return MNL_CB_ERROR;
	weir_kreading_add_dev(dev.r, dev.ifindex, dev.name);
	return MNL_CB_OK;
}

int weir_kread_devs(struct weir_kreading *r)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;
	int rc;

	nlh->nlmsg_type = RTM_GETLINK;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	rc = dump(r, NETLINK_ROUTE, nlh, on_dev);
	if (!rc)
		r->sources |= 1U << WEIR_KSOURCE_dev;
	return rc;
}

/* --- qdiscs --- */

struct one_qdisc {
	char kind[16];
	bool has_basic, has_queue;
	__u64 bytes, packets;
	struct gnet_stats_queue queue;
};

static int on_stats_attr(const struct nlattr *a, void *ctx)
{
	struct one_qdisc *q = ctx;
	struct gnet_stats_basic basic;
	const void *data = mnl_attr_get_payload(a);
	size_t len = mnl_attr_get_payload_len(a);

	switch (mnl_attr_get_type(a)) {
	case TCA_STATS_BASIC:
		if (len < offsetof(struct gnet_stats_basic, packets) + sizeof(basic.packets))
			break;
		memcpy(&basic, data, offsetof(struct gnet_stats_basic, packets) + 4);
		q->has_basic = true;
		q->bytes = basic.bytes;
		if (!q->packets) /* else told in full already */
			q->packets = basic.packets;
		break;
	case TCA_STATS_PKT64: /* beside those 32 bits where they are too few */
		if (len >= sizeof(q->packets))
			memcpy(&q->packets, data, sizeof(q->packets));
		break;
	case TCA_STATS_QUEUE:
		if (len < sizeof(q->queue))
			break;
		memcpy(&q->queue, data, sizeof(q->queue));
		q->has_queue = true;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int on_qdisc_attr(const struct nlattr *a, void *ctx)
{
	struct one_qdisc *q = ctx;

	if (mnl_attr_get_type(a) == TCA_KIND)
		return weir_nl_text(a, q->kind, sizeof(q->kind));
	if (mnl_attr_get_type(a) == TCA_STATS2)
		return mnl_attr_parse_nested(a, on_stats_attr, q);
	return MNL_CB_OK;
}

static void add_root(struct weir_kreading *r, __u32 dev, const struct one_qdisc *q)
{
	if (q->has_basic) {
		weir_kreading_add(r, WEIR_KCOUNTER_qdisc_packets, 0, dev, q->packets);
		weir_kreading_add(r, WEIR_KCOUNTER_qdisc_bytes, 0, dev, q->bytes);
	}
	if (!q->has_queue)
		return;
	weir_kreading_add(r, WEIR_KCOUNTER_qdisc_drops, 0, dev, q->queue.drops);
	weir_kreading_add(r, WEIR_KCOUNTER_qdisc_overlimits, 0, dev, q->queue.overlimits);
	weir_kreading_add(r, WEIR_KCOUNTER_qdisc_requeues, 0, dev, q->queue.requeues);
	weir_kreading_add(r, WEIR_KCOUNTER_qdisc_backlog, 0, dev, q->queue.backlog);
	weir_kreading_add(r, WEIR_KCOUNTER_qdisc_qlen, 0, dev, q->queue.qlen);
}

/* The root has what those below it have, too. A device without a queue counts nothing there. */
static int on_qdisc(const struct nlmsghdr *nlh, void *ctx)
{
	const struct tcmsg *tc = weir_nl_head(nlh, sizeof(*tc));
	struct one_qdisc q = {};

	if (!tc)
		return MNL_CB_ERROR;
	if (mnl_attr_parse(nlh, sizeof(*tc), on_qdisc_attr, &q) < 0)
		return MNL_CB_ERROR;
	if (!strcmp(q.kind, "clsact") || !strcmp(q.kind, "ingress")) {
		if (q.has_queue)
			weir_kreading_add(ctx, WEIR_KCOUNTER_clsact_drops, 0,
				(__u32)tc->tcm_ifindex, q.queue.drops);
	} else if (tc->tcm_parent == TC_H_ROOT && strcmp(q.kind, "noqueue")) {
		add_root(ctx, (__u32)tc->tcm_ifindex, &q);
	}
	return MNL_CB_OK;
}

int weir_kread_qdiscs(struct weir_kreading *r)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct tcmsg *tc;
	int rc;

	nlh->nlmsg_type = RTM_GETQDISC;
	tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	tc->tcm_family = AF_UNSPEC;
	rc = dump(r, NETLINK_ROUTE, nlh, on_qdisc);
	if (!rc)
		r->sources |= 1U << WEIR_KSOURCE_qdisc | 1U << WEIR_KSOURCE_qdisc32 |
			      1U << WEIR_KSOURCE_clsact;
	return rc;
}

/* --- queues, by netdev-genl (Linux 6.10), where the driver tells --- */

static int on_family_attr(const struct nlattr *a, void *ctx)
{
	return mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID ? weir_nl_u16(a, ctx) : MNL_CB_OK;
}

static int on_family(const struct nlmsghdr *nlh, void *ctx)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), on_family_attr, ctx);
}

static int netdev_family(__u16 *family)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;
	int rc;

	nlh->nlmsg_type = GENL_ID_CTRL;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY_NAME);
	*family = 0;
	rc = weir_nl_ask(NETLINK_GENERIC, nlh, 0, on_family, family);
	return rc ? rc : *family ? 0 : -ENOENT;
}

static const struct {
	__u16 attr;
	enum weir_kcounter counter;
} queue_fields[] = {
	{NETDEV_A_QSTATS_RX_PACKETS, WEIR_KCOUNTER_q_rx_packets},
	{NETDEV_A_QSTATS_RX_BYTES, WEIR_KCOUNTER_q_rx_bytes},
	{NETDEV_A_QSTATS_TX_PACKETS, WEIR_KCOUNTER_q_tx_packets},
	{NETDEV_A_QSTATS_TX_BYTES, WEIR_KCOUNTER_q_tx_bytes},
	{NETDEV_A_QSTATS_RX_ALLOC_FAIL, WEIR_KCOUNTER_q_rx_alloc},
	{NETDEV_A_QSTATS_RX_HW_DROPS, WEIR_KCOUNTER_q_rx_hw_drops},
	{NETDEV_A_QSTATS_RX_HW_DROP_OVERRUNS, WEIR_KCOUNTER_q_rx_overruns},
	{NETDEV_A_QSTATS_RX_HW_GRO_PACKETS, WEIR_KCOUNTER_q_gro_packets},
	{NETDEV_A_QSTATS_RX_HW_GRO_WIRE_PACKETS, WEIR_KCOUNTER_q_gro_wire},
	{NETDEV_A_QSTATS_TX_HW_DROPS, WEIR_KCOUNTER_q_tx_hw_drops},
	{NETDEV_A_QSTATS_TX_STOP, WEIR_KCOUNTER_q_tx_stop},
};

#define QUEUE_FIELDS (sizeof(queue_fields) / sizeof(queue_fields[0]))

struct one_queue {
	__u32 ifindex, id, type;
	bool has[QUEUE_FIELDS];
	__u64 value[QUEUE_FIELDS];
};

static int on_queue_attr(const struct nlattr *a, void *ctx)
{
	struct one_queue *q = ctx;
	__u32 small;

	switch (mnl_attr_get_type(a)) {
	case NETDEV_A_QSTATS_IFINDEX:
		return weir_nl_u32(a, &q->ifindex);
	case NETDEV_A_QSTATS_QUEUE_ID:
		return weir_nl_u32(a, &q->id);
	case NETDEV_A_QSTATS_QUEUE_TYPE:
		return weir_nl_u32(a, &q->type);
	default:
		break;
	}
	for (size_t i = 0; i < QUEUE_FIELDS; i++) {
		if (mnl_attr_get_type(a) != queue_fields[i].attr)
			continue;
		/* of either size, as the number needs */
		if (mnl_attr_get_payload_len(a) >= sizeof(q->value[i])) {
			memcpy(&q->value[i], mnl_attr_get_payload(a), sizeof(q->value[i]));
		} else {
			if (weir_nl_u32(a, &small) < 0)
				return MNL_CB_ERROR;
			q->value[i] = small;
		}
		q->has[i] = true;
	}
	return MNL_CB_OK;
}

static int on_queue(const struct nlmsghdr *nlh, void *ctx)
{
	struct one_queue q = {};

	if (mnl_attr_parse(nlh, sizeof(struct genlmsghdr), on_queue_attr, &q) < 0)
		return MNL_CB_ERROR;
	for (size_t i = 0; i < QUEUE_FIELDS; i++)
		if (q.has[i] && q.ifindex && q.id < WEIR_KQUEUE_TX)
			weir_kreading_add(ctx, queue_fields[i].counter,
				q.type == NETDEV_QUEUE_TYPE_TX ? q.id | WEIR_KQUEUE_TX : q.id,
				q.ifindex, q.value[i]);
	return MNL_CB_OK;
}

int weir_kread_qstats(struct weir_kreading *r)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;
	__u16 family;
	int rc = netdev_family(&family);

	if (rc)
		return rc;
	nlh->nlmsg_type = family;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = NETDEV_CMD_QSTATS_GET;
	genl->version = NETDEV_FAMILY_VERSION;
	mnl_attr_put_u32(nlh, NETDEV_A_QSTATS_SCOPE, NETDEV_QSTATS_SCOPE_QUEUE);
	rc = dump(r, NETLINK_GENERIC, nlh, on_queue);
	if (!rc)
		r->sources |= 1U << WEIR_KSOURCE_qstats;
	return rc;
}

/* --- packet sockets --- */

static int on_tap_attr(const struct nlattr *a, void *ctx)
{
	__u32 mem[SK_MEMINFO_DROPS + 1];

	if (mnl_attr_get_type(a) != PACKET_DIAG_MEMINFO ||
		mnl_attr_get_payload_len(a) < sizeof(mem))
		return MNL_CB_OK;
	memcpy(mem, mnl_attr_get_payload(a), sizeof(mem));
	*(__s64 *)ctx = mem[SK_MEMINFO_DROPS];
	return MNL_CB_OK;
}

static int on_tap(const struct nlmsghdr *nlh, void *ctx)
{
	const struct packet_diag_msg *tap = weir_nl_head(nlh, sizeof(*tap));
	__s64 drops = -1;

	if (!tap || mnl_attr_parse(nlh, sizeof(*tap), on_tap_attr, &drops) < 0)
		return MNL_CB_ERROR;
	if (drops >= 0)
		weir_kreading_add(ctx, WEIR_KCOUNTER_packet_drops, 0, tap->pdiag_ino, (__u64)drops);
	return MNL_CB_OK;
}

int weir_kread_taps(struct weir_kreading *r)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct packet_diag_req *req;
	int rc;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = AF_PACKET;
	req->pdiag_show = PACKET_SHOW_MEMINFO;
	rc = dump(r, NETLINK_SOCK_DIAG, nlh, on_tap);
	if (!rc)
		r->sources |= 1U << WEIR_KSOURCE_packet;
	return rc;
}

/* --- drivers --- */

static void on_driver(void *ctx, const char *name, __u64 value)
{
	struct one_dev *dev = ctx;
	unsigned int queue = 0;
	enum weir_kcounter counter = weir_kcounter_of_driver(name, &queue);

	if (counter == WEIR_KCOUNTER_none || queue >= WEIR_KQUEUE_TX)
		return;
	if (name[0] == 't')
		queue |= WEIR_KQUEUE_TX;
	weir_kreading_add(dev->r, counter, queue, dev->ifindex, value);
}

void weir_kread_drivers(struct weir_kreading *r)
{
	for (unsigned int i = 0; i < r->nr_devs; i++) {
		struct one_dev dev = {.r = r, .ifindex = r->dev[i].ifindex};

		if (!weir_driver_stats(r->dev[i].name, on_driver, &dev))
			r->sources |= 1U << WEIR_KSOURCE_ethtool;
	}
}
