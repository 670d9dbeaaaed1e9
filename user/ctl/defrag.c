// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Making the kernel put fragmented packets together before it forwards them, and cut them again,
 * the first fragment first: so those that come out of order can be translated.
 *
 * The kernel does so for whoever needs it: conntrack, a netfilter link of BPF with that flag, and
 * nftables' tproxy. Conntrack would follow each packet. A pinned link holds its network namespace:
 * who deletes the namespace would not get its devices back. So it is a table of nftables, with a
 * rule for which no packet is ever looked at, since nothing leads to its chain: it goes with the
 * namespace, and needs no process. Whoever flushes all of nftables takes it away: then what
 * comes out of order is dropped, at TC egress.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <libmnl/libmnl.h>

#include "track.h"

#define TABLE	WEIR_DEFRAG_TABLE
#define CHAIN	"reassemble"
#define COMMENT "weir: has the kernel reassemble what it forwards; nothing jumps here"

/* --- a transaction --- */

struct batch {
	char buf[2048] __attribute__((aligned(8)));
	size_t len;
	__u32 seq;
};

static struct nlmsghdr *put_message(struct batch *b, __u16 type, __u16 flags, __u8 family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(b->buf + b->len);
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++b->seq;
	*head = (struct nfgenmsg){.nfgen_family = family, .version = NFNETLINK_V0};
	return nlh;
}

static void end_message(struct batch *b, const struct nlmsghdr *nlh)
{
	b->len += mnl_nlmsg_size(mnl_nlmsg_get_payload_len(nlh));
}

/* The first message, or the last. */
static void put_bracket(struct batch *b, __u16 type)
{
	struct nlmsghdr *nlh = put_message(b, type, 0, AF_UNSPEC);
	struct nfgenmsg *head = mnl_nlmsg_get_payload(nlh);

	head->res_id = htons(NFNL_SUBSYS_NFTABLES);
	end_message(b, nlh);
}

static struct nlmsghdr *put_change(struct batch *b, __u16 what, __u16 flags)
{
	return put_message(
		b, (__u16)(NFNL_SUBSYS_NFTABLES << 8 | what), NLM_F_ACK | flags, NFPROTO_IPV4);
}

static void put_table(struct batch *b, __u16 what, __u16 flags)
{
	struct nlmsghdr *nlh = put_change(b, what, flags);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, TABLE);
	end_message(b, nlh);
}

static void put_chain(struct batch *b)
{
	struct nlmsghdr *nlh = put_change(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, CHAIN);
	end_message(b, nlh);
}

/* --- the rule: udp, tproxy to a port --- */

static struct nlattr *begin_expr(struct nlmsghdr *nlh, const char *name, struct nlattr **data)
{
	struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	*data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	return elem;
}

static void end_expr(struct nlmsghdr *nlh, struct nlattr *elem, struct nlattr *data)
{
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, elem);
}

static void put_value(struct nlmsghdr *nlh, __u16 type, const void *value, size_t size)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, size, value);
	mnl_attr_nest_end(nlh, nest);
}

/* `nft list` prints what `nft -f` takes back: not without the protocol. */
static void put_protocol(struct nlmsghdr *nlh)
{
	const __u8 udp = IPPROTO_UDP;
	struct nlattr *data, *elem = begin_expr(nlh, "meta", &data);

	mnl_attr_put_u32(nlh, NFTA_META_KEY, htonl(NFT_META_L4PROTO));
	mnl_attr_put_u32(nlh, NFTA_META_DREG, htonl(NFT_REG_1));
	end_expr(nlh, elem, data);
	elem = begin_expr(nlh, "cmp", &data);
	mnl_attr_put_u32(nlh, NFTA_CMP_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
	put_value(nlh, NFTA_CMP_DATA, &udp, sizeof(udp));
	end_expr(nlh, elem, data);
}

static void put_tproxy(struct nlmsghdr *nlh)
{
	const __u16 port = htons(1);
	struct nlattr *data, *elem = begin_expr(nlh, "immediate", &data);

	mnl_attr_put_u32(nlh, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_1));
	put_value(nlh, NFTA_IMMEDIATE_DATA, &port, sizeof(port));
	end_expr(nlh, elem, data);
	elem = begin_expr(nlh, "tproxy", &data);
	mnl_attr_put_u32(nlh, NFTA_TPROXY_FAMILY, htonl(NFPROTO_IPV4));
	mnl_attr_put_u32(nlh, NFTA_TPROXY_REG_PORT, htonl(NFT_REG_1));
	end_expr(nlh, elem, data);
}

static void put_rule(struct batch *b)
{
	static const struct {
		__u8 type, len; /* 0: a comment, as nft(8) keeps it */
		char text[sizeof(COMMENT)];
	} comment = {.len = sizeof(COMMENT), .text = COMMENT};
	struct nlmsghdr *nlh = put_change(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	struct nlattr *exprs;

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, TABLE);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, CHAIN);
	exprs = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	put_protocol(nlh);
	put_tproxy(nlh);
	mnl_attr_nest_end(nlh, exprs);
	mnl_attr_put(nlh, NFTA_RULE_USERDATA, sizeof(comment), &comment);
	end_message(b, nlh);
}

/* --- sending --- */

/* The first error among the answers, which are all there once the batch was taken. */
static int read_answers(const struct mnl_socket *nl)
{
	char buf[8192] __attribute__((aligned(8)));
	int rc = 0;

	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(nl), buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || rc ? rc : -errno;
		if (!weir_nl_is_whole(buf, (size_t)n))
			return -EBADMSG;
		if (mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(nl), NULL, NULL) < 0 && !rc)
			rc = errno ? -errno : -EIO;
	}
}

static int send_batch(struct batch *b)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int rc;

	if (!nl)
		return -errno;
	put_bracket(b, NFNL_MSG_BATCH_END);
	rc = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) || mnl_socket_sendto(nl, b->buf, b->len) < 0
		     ? -errno
		     : read_answers(nl);
	mnl_socket_close(nl);
	return rc;
}

/* --- up and down --- */

int weir_defrag_make(void)
{
	struct batch b = {.len = 0};

	put_bracket(&b, NFNL_MSG_BATCH_BEGIN);
	put_table(&b, NFT_MSG_NEWTABLE, NLM_F_CREATE); /* else it could not be deleted */
	put_table(&b, NFT_MSG_DELTABLE, 0);	       /* whatever is in it */
	put_table(&b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_chain(&b);
	put_rule(&b);
	return send_batch(&b);
}

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	bool *there = ctx;

	(void)nlh;
	*there = true;
	return MNL_CB_OK;
}

bool weir_defrag_there(void)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	bool there = false;

	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE;
	*head = (struct nfgenmsg){.nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0};
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, TABLE);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, CHAIN);
	return !weir_nl_ask(NETLINK_NETFILTER, nlh, NLM_F_DUMP, on_rule, &there) && there;
}

static void tell(const struct weir_ns *ns, bool on)
{
	struct weir_nat_state *state = weir_nat_state_map(ns);

	if (!state)
		return;
	state->defrag = on;
	munmap(state, sizeof(*state));
}

int weir_defrag_up(const struct weir_ns *ns)
{
	int rc = weir_defrag_there() ? 0 : weir_defrag_make();

	tell(ns, !rc);
	return rc;
}

void weir_defrag_down(const struct weir_ns *ns)
{
	struct batch b = {.len = 0};

	tell(ns, false);
	if (!weir_defrag_there())
		return; /* nor is nftables loaded for this */
	put_bracket(&b, NFNL_MSG_BATCH_BEGIN);
	put_table(&b, NFT_MSG_DELTABLE, 0);
	send_batch(&b);
}
