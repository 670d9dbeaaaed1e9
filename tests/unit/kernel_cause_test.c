// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "ctl/kernel_names.h"
#include "model/kernel_cause.h"
#include "test.h"

/* --- the tables --- */

/* What this kernel may not have: all names of 6.1 and 6.12 (Debian's), and 6.18. */
static const char *const names_of_kernels[] = {"NOT_DROPPED_YET", "CONSUMED", "NOT_SPECIFIED",
	"NO_SOCKET", "SOCKET_CLOSE", "SOCKET_FILTER", "SOCKET_RCVBUFF", "UNIX_DISCONNECT",
	"UNIX_SKIP_OOB", "PKT_TOO_SMALL", "TCP_CSUM", "UDP_CSUM", "NETFILTER_DROP", "OTHERHOST",
	"IP_CSUM", "IP_INHDR", "IP_RPFILTER", "UNICAST_IN_L2_MULTICAST", "XFRM_POLICY",
	"IP_NOPROTO", "PROTO_MEM", "TCP_AUTH_HDR", "TCP_MD5NOTFOUND", "TCP_MD5UNEXPECTED",
	"TCP_MD5FAILURE", "TCP_AONOTFOUND", "TCP_AOUNEXPECTED", "TCP_AOKEYNOTFOUND",
	"TCP_AOFAILURE", "SOCKET_BACKLOG", "TCP_FLAGS", "TCP_ABORT_ON_DATA", "TCP_ZEROWINDOW",
	"TCP_OLD_DATA", "TCP_OVERWINDOW", "TCP_OFOMERGE", "TCP_RFC7323_PAWS",
	"TCP_RFC7323_PAWS_ACK", "TCP_RFC7323_TW_PAWS", "TCP_RFC7323_TSECR", "TCP_LISTEN_OVERFLOW",
	"TCP_OLD_SEQUENCE", "TCP_INVALID_SEQUENCE", "TCP_INVALID_END_SEQUENCE",
	"TCP_INVALID_ACK_SEQUENCE", "TCP_RESET", "TCP_INVALID_SYN", "TCP_CLOSE", "TCP_FASTOPEN",
	"TCP_OLD_ACK", "TCP_TOO_OLD_ACK", "TCP_ACK_UNSENT_DATA", "TCP_OFO_QUEUE_PRUNE",
	"TCP_OFO_DROP", "IP_OUTNOROUTES", "BPF_CGROUP_EGRESS", "IPV6DISABLED", "NEIGH_CREATEFAIL",
	"NEIGH_FAILED", "NEIGH_QUEUEFULL", "NEIGH_DEAD", "NEIGH_HH_FILLFAIL", "TC_EGRESS",
	"SECURITY_HOOK", "QDISC_DROP", "QDISC_OVERLIMIT", "QDISC_CONGESTED", "CAKE_FLOOD",
	"FQ_BAND_LIMIT", "FQ_HORIZON_LIMIT", "FQ_FLOW_LIMIT", "CPU_BACKLOG", "XDP", "TC_INGRESS",
	"UNHANDLED_PROTO", "SKB_CSUM", "SKB_GSO_SEG", "SKB_BAD_GSO", "SKB_UCOPY_FAULT", "DEV_HDR",
	"DEV_READY", "FULL_RING", "NOMEM", "HDR_TRUNC", "TAP_FILTER", "TAP_TXFILTER", "ICMP_CSUM",
	"INVALID_PROTO", "IP_INADDRERRORS", "IP_INNOROUTES", "IP_LOCAL_SOURCE", "IP_INVALID_SOURCE",
	"IP_LOCALNET", "IP_INVALID_DEST", "PKT_TOO_BIG", "DUP_FRAG", "FRAG_REASM_TIMEOUT",
	"FRAG_TOO_FAR", "TCP_MINTTL", "IPV6_BAD_EXTHDR", "IPV6_NDISC_FRAG", "IPV6_NDISC_HOP_LIMIT",
	"IPV6_NDISC_BAD_CODE", "IPV6_NDISC_BAD_OPTIONS", "IPV6_NDISC_NS_OTHERHOST", "QUEUE_PURGE",
	"TC_COOKIE_ERROR", "PACKET_SOCK_ERROR", "TC_CHAIN_NOTFOUND", "TC_RECLASSIFY_LOOP",
	"VXLAN_INVALID_HDR", "VXLAN_VNI_NOT_FOUND", "MAC_INVALID_SOURCE", "VXLAN_ENTRY_EXISTS",
	"NO_TX_TARGET", "IP_TUNNEL_ECN", "TUNNEL_TXINFO", "LOCAL_MAC", "ARP_PVLAN_DISABLE",
	"MAC_IEEE_MAC_CONTROL", "BRIDGE_INGRESS_STP_STATE", "CAN_RX_INVALID_FRAME",
	"CANFD_RX_INVALID_FRAME", "CANXL_RX_INVALID_FRAME", "PFMEMALLOC", "DUALPI2_STEP_DROP",
	"PSP_INPUT", "PSP_OUTPUT", "RECURSION_LIMIT"};

static bool is_known(const char *name)
{
	struct weir_kernel_cause cause;

	return weir_kernel_cause_named(name, &cause) && !strcmp(cause.name, name);
}

static void every_reason_of_each_kernel_is_known(void **state)
{
	size_t nr = sizeof(names_of_kernels) / sizeof(names_of_kernels[0]);
	unsigned int missing = 0;

	(void)state;
	for (size_t i = 0; i < nr; i++) {
		if (is_known(names_of_kernels[i]))
			continue;
		print_error("no entry: %s\n", names_of_kernels[i]);
		missing++;
	}
	assert_int_equal(missing, 0);
}

static void every_reason_of_this_kernel_is_known(void **state)
{
	struct weir_kernel_reasons *reasons;
	unsigned int missing = 0;
	__u32 value;

	(void)state;
	assert_int_equal(weir_kernel_reasons_open(&reasons, NULL), 0);
	assert_true(weir_kernel_reasons_count(reasons) > 30);
	for (unsigned int i = 0; i < weir_kernel_reasons_count(reasons); i++) {
		const char *name = weir_kernel_reasons_at(reasons, i, &value);

		if (is_known(name))
			continue;
		print_error("user/model/kernel_reasons.h has no entry: %s (%u)\n", name, value);
		missing++;
	}
	weir_kernel_reasons_free(reasons);
	assert_int_equal(missing, 0);
}

/* One sentence: it begins small, as those of stages.h, ends in a full stop, and has no other. */
static bool is_sentence(const char *text)
{
	size_t length = strlen(text);
	const char *stop = strstr(text, ". ");

	return length > 10 && text[length - 1] == '.' && text[length - 2] != '.' && !stop &&
	       text[0] != ' ';
}

static void every_cause_says_what_where_and_what_to_do(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (unsigned int i = 0; i < weir_kernel_nr_causes; i++) {
		const struct weir_kernel_cause_info *info = &weir_kernel_cause_info[i];
		size_t end = strlen(info->what->remedy);

		if (is_sentence(info->what->text) && end > 3 &&
			info->what->remedy[end - 1] != '.' && info->counter &&
			info->stage <= WEIR_STAGE_BY_LOCATION)
			continue;
		print_error(
			"%s: '%s', '%s'\n", info->what->name, info->what->text, info->what->remedy);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void each_name_is_there_once(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < weir_kernel_nr_causes; i++) {
		const struct weir_kernel_cause_info *info = &weir_kernel_cause_info[i];
		bool fast = false;

		assert_true(strlen(info->what->name) + 60 < WEIR_KERNEL_CAUSE_MAX);
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(
				info->what->name, weir_kernel_cause_info[j].what->name);
		for (unsigned int j = 0; j < WEIR_CAUSE_COUNT; j++)
			fast |= !strcmp(info->what->name, weir_cause_info[j].name);
		assert_int_equal(fast, info->shared);
	}
}

/* --- places --- */

struct expected {
	const char *reason, *location, *caller, *rule;
	const char *cause, *stage; /* stage "" = nobody can tell */
	bool sending;
	int route_error;
	bool multicast;
};

static const struct expected table[] = {
	/* the kernel's own name, with its own stage */
	{"SOCKET_RCVBUFF", "__udp_enqueue_schedule_skb", "", "", "SOCKET_RCVBUFF", "sock_queue",
		false, 0, false},
	{"IP_CSUM", "ip_rcv_core", "ip_rcv", "", "IP_CSUM", "ip_rcv", false, 0, false},
	{"QDISC_DROP", "kfree_skb_list_reason", "__dev_queue_xmit", "", "QDISC_DROP", "qdisc",
		false, 0, false},
	{"IP_RPFILTER", "", "", "", "IP_RPFILTER", "route_in", false, 0, false},
	/* its own name, the place's stage */
	{"NO_SOCKET", "__udp4_lib_rcv", "", "", "NO_SOCKET", "udp_rcv", false, 0, false},
	{"NO_SOCKET", "tcp_v4_rcv+0x5a2", "", "", "NO_SOCKET", "tcp_rcv", false, 0, false},
	{"NO_SOCKET", "somewhere_else", "", "", "NO_SOCKET", "", false, 0, false},
	{"PKT_TOO_SMALL", "ip_rcv_core.isra.0", "", "", "PKT_TOO_SMALL", "ip_rcv", false, 0, false},
	{"PKT_TOO_SMALL", "icmp_rcv", "", "", "PKT_TOO_SMALL", "ip_local_deliver", false, 0, false},
	{"PKT_TOO_BIG", "ip_forward", "", "", "PKT_TOO_BIG", "ip_forward", false, 0, false},
	{"XFRM_POLICY", "udp_queue_rcv_one_skb", "", "", "XFRM_POLICY", "udp_rcv", false, 0, false},
	{"XFRM_POLICY", "ip_forward", "", "", "XFRM_POLICY", "ip_forward", false, 0, false},
	{"NOMEM", "tun_net_xmit", "", "", "NOMEM", "xmit", false, 0, false},
	{"IPV6DISABLED", "ip6_rcv_core", "", "", "IPV6DISABLED", "ip_rcv", false, 0, false},
	/* a reason that the place makes finer */
	{"IP_INHDR", "ip_forward", "", "", "IP_TTL", "ip_forward", false, 0, false},
	{"IP_INHDR", "ip6_forward.cold", "", "", "IP_TTL", "ip_forward", false, 0, false},
	{"IP_INHDR", "ip_rcv_core", "", "", "IP_INHDR", "ip_rcv", false, 0, false},
	{"IP_INHDR", "icmp_rcv", "", "", "ICMP_INVALID", "ip_local_deliver", false, 0, false},
	{"QUEUE_PURGE", "skb_queue_purge_reason", "inet_sock_destruct", "", "SOCKET_CLOSE",
		"sock_queue", false, 0, false},
	{"QUEUE_PURGE", "neigh_invalidate", "", "", "NEIGH_FAILED", "neigh", false, 0, false},
	{"QUEUE_PURGE", "elsewhere", "", "", "QUEUE_PURGE", "", false, 0, false},
	/* the place alone */
	{"NOT_SPECIFIED", "veth_xdp_rcv_skb", "veth_xdp_rcv", "", "XDP_DROP", "xdp", false, 0,
		false},
	{"NOT_SPECIFIED", "netif_receive_generic_xdp", "", "", "XDP_DROP", "xdp", false, 0, false},
	{"XDP", "do_xdp_generic", "", "", "XDP", "xdp", false, 0, false},
	{"NOT_SPECIFIED", "ip_rcv_finish_core.isra.0+0x1c", "", "", "ROUTE_INVALID", "route_in",
		false, 0, false},
	{"NOT_SPECIFIED", "ip_rcv_finish_core.cold", "", "", "ROUTE_INVALID", "route_in", false, 0,
		false},
	{"NOT_SPECIFIED", "ip_rcv_finish_core", "", "", "MULTICAST_NOT_JOINED", "route_in", false,
		0, true},
	{"NOT_SPECIFIED", "__udp4_lib_rcv", "", "", "UDP_IGNORED_MULTI", "udp_rcv", false, 0,
		false},
	{"NOT_SPECIFIED", "ip_forward", "", "", "FORWARD_INVALID", "ip_forward", false, 0, false},
	{"NOT_SPECIFIED", "ip_fragment.constprop.0", "", "", "PKT_TOO_BIG", "ip_fragment", false, 0,
		false},
	{"NOT_SPECIFIED", "ip_do_fragment", "", "", "FRAGMENT_FAILED", "ip_fragment", false, 0,
		false},
	{"NOT_SPECIFIED", "ip_expire", "", "", "FRAG_REASM_TIMEOUT", "ip_defrag", false, 0, false},
	{"NOT_SPECIFIED", "ip_frag_queue", "", "", "FRAG_INVALID", "ip_defrag", false, 0, false},
	{"NOT_SPECIFIED", "ip_defrag", "", "", "FRAG_REFUSED", "ip_defrag", false, 0, false},
	{"NOT_SPECIFIED", "__dev_forward_skb2", "veth_xmit", "", "XMIT_REFUSED", "xmit", false, 0,
		false},
	{"NOT_SPECIFIED", "udp_destruct_common", "", "", "SOCKET_CLOSE", "sock_queue", false, 0,
		false},
	{"NOT_SPECIFIED", "arp_process", "", "", "ARP_INVALID", "neigh", false, 0, false},
	{"NOT_SPECIFIED", "arp_error_report", "", "", "NEIGH_FAILED", "neigh", false, 0, false},
	{"NOT_SPECIFIED", "neigh_blackhole", "", "", "NEIGH_DEAD", "neigh", false, 0, false},
	{"NOT_SPECIFIED", "packet_snd", "", "", "PACKET_SEND_ERROR", "sock_send", true, 0, false},
	{"NOT_SPECIFIED", "__udp4_lib_mcast_deliver", "", "", "UDP_IGNORED_MULTI", "udp_rcv", false,
		0, false},
	{"NOT_SPECIFIED", "udpv6_recvmsg", "", "", "UDP_READ_ERROR", "sock_recv", false, 0, false},
	{"NOT_SPECIFIED", "udp_send_skb.isra.0", "", "", "UDP_SEND_INVALID", "udp_send", false, 0,
		false},
	{"NOT_SPECIFIED", "tcp_v4_do_rcv", "", "", "TCP_DISCARD", "tcp_rcv", false, 0, false},
	{"NOT_SPECIFIED", "tbf_reset", "", "", "QDISC_DROP", "qdisc", false, 0, false},
	{"NOT_SPECIFIED", "rtnl_unlock", "", "", "QDISC_RESET", "qdisc", false, 0, false},
	{"NOT_SPECIFIED", "veth_xmit", "", "", "VETH_NO_PEER", "xmit", false, 0, false},
	{"NOT_SPECIFIED", "__dev_kfree_skb_any", "veth_xmit", "", "VETH_RING_FULL", "xmit", false,
		0, false},
	{"NOT_SPECIFIED", "dev_kfree_skb_any_reason", "e1000_xmit_frame", "", "DRIVER_DROP", "xmit",
		false, 0, false},
	{"NOT_SPECIFIED", "kfree_skb_list_reason", "__dev_queue_xmit", "", "XMIT_STOPPED", "xmit",
		false, 0, false},
	{"NOT_SPECIFIED", "kfree_skb_list_reason", "", "", "NOT_SPECIFIED", "", false, 0, false},
	{"NOT_SPECIFIED", "__dev_forward_skb", "", "", "XMIT_REFUSED", "xmit", false, 0, false},
	{"NOT_SPECIFIED", "br_handle_frame_finish", "", "", "BRIDGE_DROP", "core", false, 0, false},
	{"NOT_SPECIFIED", "br_handle_vlan", "", "", "BRIDGE_VLAN", "core", false, 0, false},
	{"NOT_SPECIFIED", "xfrm_input", "", "", "XFRM_IN", "ip_local_deliver", false, 0, false},
	{"NOT_SPECIFIED", "ip6_mc_input", "", "", "MULTICAST_NOT_JOINED", "ip_local_deliver", false,
		0, false},
	{"NOT_SPECIFIED", "macvlan_broadcast_enqueue", "", "", "MACVLAN_DROP", "core", false, 0,
		false},
	{"NOT_SPECIFIED", "nobody_knows", "", "", "NOT_SPECIFIED", "", false, 0, false},
	{"NOT_SPECIFIED", "", "", "", "NOT_SPECIFIED", "", false, 0, false},
	{"", "veth_xdp_rcv_skb", "", "", "XDP_DROP", "xdp", false, 0, false},
	/* what the route says */
	{"NOT_SPECIFIED", "ip_error", "", "", "ROUTE_REJECTED", "route_in", false, 0, false},
	{"NOT_SPECIFIED", "ip_error", "", "", "BLACKHOLE", "route_in", false, EINVAL, false},
	{"NOT_SPECIFIED", "ip_error", "", "", "BLACKHOLE", "route_in", false, -EINVAL, false},
	{"NOT_SPECIFIED", "ip_error", "", "", "UNREACHABLE", "route_in", false, EHOSTUNREACH,
		false},
	{"NOT_SPECIFIED", "ip_error", "", "", "PROHIBIT", "route_in", false, EACCES, false},
	{"IP_INNOROUTES", "ip_error", "", "", "IP_INNOROUTES", "route_in", false, ENETUNREACH,
		false},
	{"IP_INNOROUTES", "ip6_pkt_discard", "", "", "IP_INNOROUTES", "route_in", false,
		-ENETUNREACH, false},
	{"IP_INNOROUTES", "ip6_pkt_discard", "", "", "UNREACHABLE", "route_in", false,
		-EHOSTUNREACH, false},
	{"IP_INNOROUTES", "ip6_pkt_prohibit", "", "", "PROHIBIT", "route_in", false, -EACCES,
		false},
	/* a name that another place has given its meaning */
	{"NO_TX_TARGET", "br_handle_frame_finish", "", "", "BRIDGE_NO_PORT", "core", false, 0,
		false},
	{"NO_TX_TARGET", "vxlan_xmit", "", "", "NO_TX_TARGET", "xmit", false, 0, false},
	{"NOMEM", "vxlan_rcv", "", "", "HDR_TRUNC", "udp_rcv", false, 0, false},
	{"NOT_SPECIFIED", "dst_discard_out", "", "", "BLACKHOLE", "route_in", false, 0, false},
	{"NOT_SPECIFIED", "dst_discard_out", "", "", "BLACKHOLE", "route_out", true, 0, false},
	/* netfilter */
	{"NETFILTER_DROP", "nf_hook_slow", "ip_rcv", "", "NETFILTER_DROP/prerouting",
		"nf_prerouting", false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow", "ip_sublist_rcv", "", "NETFILTER_DROP/prerouting",
		"nf_prerouting", false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow+0xd4", "ip_local_deliver+0xe0", "", "NETFILTER_DROP/input",
		"nf_local_in", false, 0, false},
	{"NETFILTER_DROP", "nft_do_chain", "ip_forward", "filter",
		"NETFILTER_DROP/forward/nft:filter", "nf_forward", false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow", "__ip_local_out", "t/out",
		"NETFILTER_DROP/output/nft:t/out", "nf_local_out", false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow", "ip_output", "", "NETFILTER_DROP/postrouting",
		"nf_postrouting", false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow", "ip6_forward", "", "NETFILTER_DROP/forward",
		"nf_forward", false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow", "__netif_receive_skb_core.constprop.0", "",
		"NETFILTER_DROP/ingress", "tc_ingress", false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow", "__dev_queue_xmit", "", "NETFILTER_DROP/egress",
		"tc_egress", false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow", "arp_rcv", "", "NETFILTER_DROP/arp_input", "neigh",
		false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow", "br_handle_frame", "",
		"NETFILTER_DROP/bridge_prerouting", "core", false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow", "", "", "NETFILTER_DROP", "", false, 0, false},
	{"NETFILTER_DROP", "nf_hook_slow", "", "filter", "NETFILTER_DROP/nft:filter", "", false, 0,
		false},
	/* a kernel that is newer than the tables */
	{"BRAND_NEW", "ip_forward", "", "", "BRAND_NEW", "ip_forward", false, 0, false},
	{"SUBSYS2/7", "", "", "", "SUBSYS2/7", "", false, 0, false},
};

static const char *stage_name(enum weir_stage stage)
{
	return stage == WEIR_STAGE_BY_LOCATION ? "" : weir_stage_info[stage].name;
}

static void places_tell_cause_and_stage(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct expected *e = &table[i];
		struct weir_kernel_drop_site site = {.reason = e->reason,
			.location = e->location,
			.caller = e->caller,
			.rule = e->rule,
			.sending = e->sending,
			.multicast = e->multicast,
			.route_error = e->route_error};
		struct weir_kernel_cause got;

		weir_kernel_cause_of(&site, &got);
		assert_non_null(got.what);
		assert_non_null(got.counter);
		assert_true(is_sentence(got.what->text));
		assert_true(got.network);
		if (!strcmp(got.name, e->cause) && !strcmp(stage_name(got.stage), e->stage))
			continue;
		print_error("%s at %s < %s: expected %s at '%s', got %s at '%s'\n", e->reason,
			e->location, e->caller, e->cause, e->stage, got.name,
			stage_name(got.stage));
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void what_loses_nothing_of_the_network_says_so(void **state)
{
	static const struct weir_kernel_drop_site sites[] = {
		{.reason = "NOT_SPECIFIED",
			.location = "unix_stream_connect",
			.caller = "",
			.rule = ""},
		{.reason = "SOCKET_CLOSE",
			.location = "unix_release_sock",
			.caller = "",
			.rule = ""},
		{.reason = "UNIX_SKIP_OOB", .location = "somewhere", .caller = "", .rule = ""},
		{.reason = "NOT_SPECIFIED",
			.location = "netlink_broadcast_filtered",
			.caller = "",
			.rule = ""},
		{.reason = "NOT_SPECIFIED", .location = "rtnl_getlink", .caller = "", .rule = ""},
		{.reason = "NOT_SPECIFIED", .location = "__neigh_notify", .caller = "", .rule = ""},
		{.reason = "QUEUE_PURGE",
			.location = "skb_queue_purge_reason",
			.caller = "netlink_sock_destruct",
			.rule = ""},
		{.reason = "NOT_SPECIFIED",
			.location = "kfree_skb_list_reason",
			.caller = "skb_release_data",
			.rule = ""},
		{.reason = "NO_SOCKET",
			.location = "skb_release_data",
			.caller = "consume_skb",
			.rule = ""},
		{.reason = "NO_SOCKET", .location = "ping_rcv", .caller = "icmp_rcv", .rule = ""},
		{.reason = "NO_SOCKET", .location = "icmp_rcv", .caller = "", .rule = ""},
		{.reason = "NOT_SPECIFIED", .location = "tcp_v4_rcv", .caller = "", .rule = ""},
		{.reason = "QUEUE_PURGE",
			.location = "sk_stream_kill_queues",
			.caller = "",
			.rule = ""},
		{.reason = "QUEUE_PURGE",
			.location = "skb_queue_purge_reason",
			.caller = "packet_release",
			.rule = ""},
		{.reason = "NOT_SPECIFIED",
			.location = "netif_napi_add_weight_locked",
			.caller = "",
			.rule = ""},
		{.reason = "NOT_SPECIFIED",
			.location = "sock_recv_errqueue",
			.caller = "",
			.rule = ""},
		{.reason = "NOT_SPECIFIED", .location = "xfrm_notify_sa", .caller = "", .rule = ""},
	};
	struct weir_kernel_cause got;

	(void)state;
	for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
		weir_kernel_cause_of(&sites[i], &got);
		if (got.network)
			fail_msg("%s at %s", sites[i].reason, sites[i].location);
	}
	assert_true(weir_kernel_is_local("unix_dgram_sendmsg+0x1f2"));
	assert_true(weir_kernel_is_local("netlink_unicast.cold"));
	assert_false(weir_kernel_is_local("udp_queue_rcv_one_skb"));
	assert_false(weir_kernel_is_local(""));
}

static void a_packet_tells_what_its_place_leaves_open(void **state)
{
	static const struct {
		struct weir_kernel_drop_site site;
		const char *cause;
		bool network;
	} cases[] = {
#define AT(reason_, location_) .reason = reason_, .location = location_, .caller = "", .rule = ""
		{{AT("NOT_SPECIFIED", "__udp4_lib_rcv"), .to_one = true}, "PKT_TOO_SMALL", true},
		{{AT("NOT_SPECIFIED", "__udp4_lib_rcv"), .to_one = false}, "UDP_IGNORED_MULTI",
			true},
		{{AT("NOT_SPECIFIED", "__udp4_lib_rcv"), .to_one = true, .udp_header = true},
			"XFRM_POLICY", true},
		{{AT("NOT_SPECIFIED", "xfrm4_udp_encap_rcv"), .udp_byte = true}, "NAT_KEEPALIVE",
			false},
		{{AT("NOT_SPECIFIED", "xfrm4_udp_encap_rcv")}, "XFRM_IN", true},
		{{AT("NOT_SPECIFIED", "tcp_v4_rcv"), .sock = WEIR_KERNEL_SOCK_NONE},
			"PKT_TOO_SMALL", true},
		{{AT("NOT_SPECIFIED", "tcp_v4_rcv"), .sock = WEIR_KERNEL_SOCK_TIMEWAIT},
			"TCP_SPENT", false},
		{{AT("NOT_SPECIFIED", "tcp_v4_rcv"), .sock = WEIR_KERNEL_SOCK_OTHER}, "TCP_DISCARD",
			true},
		{{AT("NOT_SPECIFIED", "tcp_rcv_state_process"), .bare = true}, "TCP_SPENT", false},
		{{AT("NOT_SPECIFIED", "tbf_segment")}, "QDISC_CUT", false},
		{{AT("NOT_SPECIFIED", "tbf_enqueue")}, "QDISC_CUT", false},
		{{AT("NOT_SPECIFIED", "tcp_rcv_state_process"), .bare = false}, "TCP_DISCARD",
			true},
		{{AT("QDISC_DROP", "__dev_queue_xmit"), .stopped = true}, "XMIT_STOPPED", true},
		{{AT("QDISC_DROP", "__dev_queue_xmit"), .stopped = false}, "QDISC_DROP", true},
		{{AT("TCP_OLD_SEQUENCE", "tcp_validate_incoming"), .bare = true}, "TCP_PROBE",
			false},
		{{AT("TCP_OLD_SEQUENCE", "tcp_validate_incoming")}, "TCP_OLD_SEQUENCE", true},
		{{AT("NOT_SPECIFIED", "ip_defrag"), .frags_full = true}, "FRAG_NO_ROOM", true},
		{{AT("OTHERHOST", "ip_rcv_core"), .vlan = true}, "VLAN_UNKNOWN", true},
		{{AT("OTHERHOST", "ip_rcv_core")}, "OTHERHOST", true},
		{{AT("QUEUE_PURGE", "inet_sock_destruct"), .outgoing = true}, "NOT_NETWORK", false},
		{{AT("QUEUE_PURGE", "inet_sock_destruct")}, "SOCKET_CLOSE", true},
#undef AT
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_kernel_cause got;

		weir_kernel_cause_of(&cases[i].site, &got);
		assert_string_equal(got.name, cases[i].cause);
		assert_int_equal(got.network, cases[i].network);
	}
}

static void a_copy_for_a_tap_is_told_aside(void **state)
{
	static const struct {
		struct weir_kernel_drop_site site;
		enum weir_stage stage;
	} copies[] = {
#define AT(reason_, location_) .reason = reason_, .location = location_, .caller = "", .rule = ""
		{{AT("PACKET_SOCK_ERROR", "packet_rcv")}, WEIR_STAGE_tap_rx},
		{{AT("PACKET_SOCK_ERROR", "tpacket_rcv"), .outgoing = true}, WEIR_STAGE_tap_tx},
		{{AT("NOT_SPECIFIED", "packet_rcv")}, WEIR_STAGE_tap_rx},
		{{AT("NOT_SPECIFIED", "tpacket_rcv"), .sending = true}, WEIR_STAGE_tap_tx},
#undef AT
	};
	struct weir_kernel_cause got;

	(void)state;
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		weir_kernel_cause_of(&copies[i].site, &got);
		assert_string_equal(got.name, "PACKET_SOCK_ERROR");
		assert_int_equal(got.stage, copies[i].stage);
		assert_false(got.network);
		assert_true(got.aside);
	}
	assert_true(weir_kernel_cause_named("NO_SOCKET", &got));
	assert_false(got.aside);
}

static void who_only_frees_is_not_to_blame(void **state)
{
	static const char *const servants[] = {"nf_hook_slow", "nf_hook_slow_list", "nft_do_chain",
		"nft_do_chain_inet", "kfree_skb_list_reason", "sk_skb_reason_drop",
		"skb_queue_purge_reason+0x41", "__dev_kfree_skb_any", "tcp_drop_reason.part.0"};

	(void)state;
	for (size_t i = 0; i < sizeof(servants) / sizeof(servants[0]); i++)
		assert_true(weir_kernel_is_servant(servants[i]));
	assert_false(weir_kernel_is_servant("ip_rcv"));
	assert_false(weir_kernel_is_servant("net_tx_action"));
	assert_false(weir_kernel_is_servant(""));
}

static void long_names_are_cut_not_overrun(void **state)
{
	char rule[400];
	struct weir_kernel_drop_site site = {.reason = "NETFILTER_DROP",
		.location = "nf_hook_slow",
		.caller = "ip_rcv",
		.rule = rule};
	struct weir_kernel_cause got;

	(void)state;
	memset(rule, 'x', sizeof(rule) - 1);
	rule[sizeof(rule) - 1] = '\0';
	weir_kernel_cause_of(&site, &got);
	assert_int_equal(strlen(got.name), WEIR_KERNEL_CAUSE_MAX - 1);
	site.reason = rule;
	weir_kernel_cause_of(&site, &got);
	assert_int_equal(strlen(got.name), WEIR_KERNEL_CAUSE_MAX - 1);
}

static void causes_are_found_by_name(void **state)
{
	struct weir_kernel_cause got;

	(void)state;
	assert_true(weir_kernel_cause_named("socket_rcvbuff", &got));
	assert_string_equal(got.name, "SOCKET_RCVBUFF");
	assert_int_equal(got.stage, WEIR_STAGE_sock_queue);
	assert_true(weir_kernel_cause_named("netfilter_drop/FORWARD/nft:Filter", &got));
	assert_string_equal(got.name, "NETFILTER_DROP/forward/nft:Filter");
	assert_int_equal(got.stage, WEIR_STAGE_nf_forward);
	assert_true(weir_kernel_cause_named("xdp_drop", &got));
	assert_false(weir_kernel_cause_named("NETFILTER_DROP/", &got));
	assert_false(weir_kernel_cause_named("NETFILTER_DROP/forward/", &got));
	assert_false(weir_kernel_cause_named("NETFILTER_DROP/nowhere", &got));
	assert_false(weir_kernel_cause_named("SOCKET_RCVBUFF/x", &got));
	assert_false(weir_kernel_cause_named("SOCKET_RCVBUF", &got));
	assert_false(weir_kernel_cause_named("", &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_of_each_kernel_is_known),
		cmocka_unit_test(every_reason_of_this_kernel_is_known),
		cmocka_unit_test(every_cause_says_what_where_and_what_to_do),
		cmocka_unit_test(each_name_is_there_once),
		cmocka_unit_test(places_tell_cause_and_stage),
		cmocka_unit_test(what_loses_nothing_of_the_network_says_so),
		cmocka_unit_test(a_packet_tells_what_its_place_leaves_open),
		cmocka_unit_test(a_copy_for_a_tap_is_told_aside),
		cmocka_unit_test(who_only_frees_is_not_to_blame),
		cmocka_unit_test(long_names_are_cut_not_overrun),
		cmocka_unit_test(causes_are_found_by_name),
	};

	return WEIR_RUN(tests);
}
