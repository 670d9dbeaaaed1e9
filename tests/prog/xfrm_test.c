// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * IPsec: what a policy for forwarded packets speaks of is the kernel's, at XDP and at TC ingress,
 * and nothing else is; by the next tick, and with no help from user space.
 */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <linux/xfrm.h>

#include "prog.h"

#define BOUND                                                                                      \
	1023 /* policies that are walked: XFRM_WALK of bpf/lib/xfrm.h, less the list's end         \
	      */
#define TO  "198.18.1.9"
#define ADD "xfrm policy add "

static struct prog prog[WEIR_HOOK_COUNT];

/* A packet: UDP from HOST port 5000 to FAR port 6000 unless said. */
struct what {
	__u8 proto;
	const char *src, *dst;
	__u16 sport, dport;
	__u16 frag;
};

struct selection {
	const char *name;
	const char *policy; /* behind `ip xfrm policy` */
	struct what packet;
	bool governed;
};

/* clang-format off */
#define OTHER "192.0.2.77"

static const struct selection selections[] = {
	/* addresses */
	{"out_by_both_prefixes", "add src 192.0.2.0/24 dst 198.18.1.0/24 dir out", {0}, true},
	{"fwd_by_both_prefixes", "add src 192.0.2.0/24 dst 198.18.1.0/24 dir fwd", {0}, true},
	{"in_is_for_this_host", "add src 192.0.2.0/24 dst 198.18.1.0/24 dir in", {0}, false},
	{"in_beside_another", "add dst 10.0.0.0/8 dir out && ip xfrm policy add src 192.0.2.0/24 dir in",
		{0}, false},
	{"the_way_back_is_another", "add src 198.18.1.0/24 dst 192.0.2.0/24 dir fwd", {0}, false},
	{"other_destination", "add dst 198.18.0.0/24 dir out", {0}, false},
	{"other_source", "add src 192.0.2.128/25 dir out", {0}, false},
	{"one_host", "add src 192.0.2.1/32 dst 198.18.1.9/32 dir out", {0}, true},
	{"its_neighbour", "add src 192.0.2.1/32 dst 198.18.1.8/32 dir out", {0}, false},
	{"half_of_all", "add dst 128.0.0.0/1 dir out", {0}, true},
	{"the_other_half", "add dst 0.0.0.0/1 dir out", {0}, false},
	{"prefix_of_31", "add dst 198.18.1.8/31 dir out", {0}, true},
	{"everything", "add src 0.0.0.0/0 dst 0.0.0.0/0 dir out", {0}, true},
	{"everything_allowed", "add src 0.0.0.0/0 dir fwd action allow", {0}, true},
	{"everything_blocked", "add src 0.0.0.0/0 dir fwd action block", {0}, true},
	{"other_family", "add src ::/0 dst ::/0 dir out", {0}, false},
	/* protocol and ports */
	{"protocol", "add proto udp dir out", {0}, true},
	{"other_protocol", "add proto tcp dir out", {0}, false},
	{"destination_port", "add proto udp dport 6000 dir out", {0}, true},
	{"other_destination_port", "add proto udp dport 6001 dir out", {0}, false},
	{"source_port", "add proto udp sport 5000 dir fwd", {0}, true},
	{"other_source_port", "add proto udp sport 5000 dport 6000 dir fwd", {.sport = 5001}, false},
	{"ports_not_swapped", "add proto udp sport 6000 dport 5000 dir fwd", {0}, false},
	{"tcp_port", "add proto tcp dport 6000 dir out", {.proto = PROTO_TCP}, true},
	{"first_fragment", "add proto udp dport 9 dir out", {.frag = 0x2000}, true},
	{"later_fragment", "add proto udp dport 9 dir out", {.frag = 0x0040}, true},
	{"fragment_of_another_host", "add src " OTHER " proto udp dport 9 dir out",
		{.frag = 0x0040}, false},
	{"icmp_type", "add proto icmp type 0 dir out", {.proto = PROTO_ICMP}, true},
	{"encrypted_by_another", "add proto esp dir out", {.proto = PROTO_ESP}, true},
	/* devices */
	{"out_by_device", "add dir out dev out0", {0}, true},
	{"out_by_another_device", "add dir out dev small0", {0}, false},
	{"fwd_by_device_it_leaves_by", "add dir fwd dev out0", {0}, true},
	{"fwd_by_device_it_came_by", "add dir fwd dev in0", {0}, false},
	/* what is not known here */
	{"by_mark", "add dir out mark 7 mask 0xff", {0}, true},
	{"of_an_xfrm_interface", "add dir out if_id 5", {0}, false},
	{"of_sub_type", "add dir out ptype sub", {0}, true},
	/* without any */
	{"forwarding_denied_without_policy", "setdefault fwd block", {0}, true},
	{"sending_denied_without_policy", "setdefault out block", {0}, true},
	{"receiving_denied_without_policy", "setdefault in block", {0}, false},
};
/* clang-format on */

static const struct way punted = LEFT(ip_forward, XFRM_POLICY), onward = OUT_BY(HOP_MAC);

static void need_ipsec(void)
{
	if (!net_has_xfrm())
		skip_because("this kernel has no IPsec policies");
}

/* Whether the kernel took it: not every one has policies of type sub, or defaults. */
static bool xfrm(const char *words)
{
	return !net_ip("xfrm policy %s 2>/dev/null", words);
}

static void forget_policies(void)
{
	xfrm("setdefault in accept fwd accept out accept");
	xfrm("flush ptype sub");
	assert_true(xfrm("flush"));
}

static void packet(const struct what *w, struct frame *f)
{
	frame_make(f, w->proto ? w->proto : PROTO_UDP, w->dst ? w->dst : TO, 26);
	if (w->src)
		put_addr(f, AT_IP_SRC, w->src);
	if (w->sport)
		put16(f, AT_L4, w->sport);
	if (w->dport)
		put16(f, AT_L4_DPORT, w->dport);
	frame_seal(f);
	if (w->frag)
		put16(f, AT_IP_FRAG, w->frag);
	frame_seal_ip(f);
}

/* Without the policy, with it, and without it again; kept answers are asked for where there are. */
static void selects(void **state)
{
	const struct selection *s = *state;
	struct way before[2], with[2], after;
	enum weir_hook hook;
	static struct frame f;

	need_ipsec();
	packet(&s->packet, &f);
	for (hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++) {
		prog_reset(&prog[hook]);
		before[0] = prog_way(&prog[hook], &f);
		before[1] = prog_way_at(&prog[hook], &f, 0);
		if (!xfrm(s->policy))
			skip_because("this kernel or this ip takes no 'xfrm policy %s'", s->policy);
		with[0] = prog_way(&prog[hook], &f);
		with[1] = prog_way_at(&prog[hook], &f, 0);
		forget_policies();
		after = prog_way(&prog[hook], &f);
		assert_same_way(before[0], onward, "without a policy");
		assert_same_way(before[1], onward, "without a policy, kept");
		assert_same_way(with[0], s->governed ? punted : onward, "with it");
		assert_same_way(with[1], s->governed ? punted : onward, "with it, again");
		assert_same_way(after, onward, "when it has gone");
	}
}

/* A policy by ports makes them part of the key: one flow is punted beside another that is kept. */
static void other_flows_of_the_hosts_stay_fast(void **state)
{
	static struct frame f, other;
	enum weir_hook hook;

	(void)state;
	need_ipsec();
	packet(&(struct what){0}, &f);
	packet(&(struct what){.dport = 6001}, &other);
	assert_true(xfrm("add proto udp dport 6001 dir fwd"));
	for (hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++) {
		prog_reset(&prog[hook]);
		assert_same_way(prog_way(&prog[hook], &f), onward, "one");
		prog_forge(&prog[hook], &f);
		assert_same_way(prog_way(&prog[hook], &other), punted, "the other");
		assert_int_equal(prog_kept(&prog[hook]), 2);
		assert_same_way(prog_way_at(&prog[hook], &f, 0), OUT_BY(FORGED), "one, kept");
		assert_same_way(prog_way_at(&prog[hook], &other, 0), punted, "the other, kept");
		assert_same_way(prog_way_at(&prog[hook], &other, 2), punted, "the other, anew");
	}
	forget_policies();
}

/* One of several; also of an answer that is kept. */
static void deletion_is_honoured_within_a_tick(void **state)
{
	static struct frame f;
	enum weir_hook hook;

	(void)state;
	need_ipsec();
	packet(&(struct what){0}, &f);
	for (hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++) {
		struct way with, without;

		prog_reset(&prog[hook]);
		assert_true(xfrm("add dst 10.0.0.0/8 dir out"));
		assert_true(xfrm("add dst " TO " dir out"));
		with = prog_way(&prog[hook], &f);
		assert_true(xfrm("delete dst " TO " dir out"));
		without = prog_way_at(&prog[hook], &f, 0);
		forget_policies();
		assert_same_way(with, punted, "with it");
		assert_same_way(without, onward, "without it");
	}
}

/* A packet that the kernel would encrypt goes there however it would leave otherwise. */
static void what_is_governed_is_punted_or_dropped_with_punt_drop(void **state)
{
	static struct frame f;
	static struct ran ran;
	enum weir_hook hook;

	(void)state;
	need_ipsec();
	packet(&(struct what){0}, &f);
	assert_true(xfrm("add dst " TO " dir out"));
	for (hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++) {
		prog_reset(&prog[hook]);
		prog[hook].conf->punt = WEIR_PUNT_DROP;
		prog_run(&prog[hook], &f, &ran);
		assert_only_exit(&prog[hook], WEIR_EXIT_ip_forward_XFRM_POLICY, true, f.len);
		assert_int_equal(ran.verdict, prog_verdict(&prog[hook], WEIR_KIND_PUNT, true));
		prog[hook].conf->punt = WEIR_PUNT_KERNEL;
	}
	forget_policies();
}

/* For other destinations; false where `ip` fails. */
static bool add_many(unsigned int nr)
{
	FILE *ip = popen("ip -batch - 2>/dev/null", "w");

	assert_non_null(ip);
	for (unsigned int i = 0; i < nr; i++)
		fprintf(ip, ADD "dst 10.1.%u.%u/32 dir fwd\n", i >> 8, i & 0xff);
	return !pclose(ip) && !net_ip("link show lo >/dev/null"); /* and a tick later */
}

/* The last of them is looked at, and where there are more than are looked at all is the kernel's.
 */
static void as_many_as_are_walked(void **state)
{
	struct way most, one_more, last, none;
	static struct frame f;

	(void)state;
	need_ipsec();
	prog_reset(&prog[WEIR_HOOK_xdp]);
	packet(&(struct what){0}, &f);
	assert_true(xfrm("add dst 10.0.0.0/8 dir fwd"));
	assert_true(add_many(WEIR_XFRM_MAX - 1));
	most = prog_way(&prog[WEIR_HOOK_xdp], &f);
	assert_true(xfrm("add dst 10.2.0.0/16 dir fwd"));
	one_more = prog_way(&prog[WEIR_HOOK_xdp], &f);
	forget_policies();
	assert_true(xfrm("add dst " TO " dir fwd"));
	assert_true(add_many(WEIR_XFRM_MAX - 1));
	last = prog_way(&prog[WEIR_HOOK_xdp], &f);
	forget_policies();
	none = prog_way(&prog[WEIR_HOOK_xdp], &f);
	assert_same_way(most, onward, "with as many as are looked at");
	assert_same_way(one_more, punted, "with one more");
	assert_same_way(last, punted, "by the last of them");
	assert_same_way(none, onward, "with none");
}

/* They are in the same list, and for that socket alone; with a policy beside them the list is
 * walked. */
static void policies_of_sockets_are_theirs(void **state)
{
	struct xfrm_userpolicy_info info = {
		.sel.family = AF_INET,
		.dir = XFRM_POLICY_OUT,
		.action = XFRM_POLICY_ALLOW,
		.lft = {XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF, 0, 0, 0, 0},
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct way alone, beside;
	static struct frame f;
	bool set;

	(void)state;
	need_ipsec();
	assert_true(fd >= 0);
	prog_reset(&prog[WEIR_HOOK_xdp]);
	packet(&(struct what){0}, &f);
	set = !setsockopt(fd, IPPROTO_IP, IP_XFRM_POLICY, &info, sizeof(info));
	if (!set)
		skip_because("this kernel takes no policies of sockets");
	alone = prog_way(&prog[WEIR_HOOK_xdp], &f);
	assert_true(xfrm("add dst 10.0.0.0/8 dir out"));
	beside = prog_way(&prog[WEIR_HOOK_xdp], &f);
	forget_policies();
	close(fd);
	assert_same_way(alone, onward, "with one of a socket");
	assert_same_way(beside, onward, "with one of a socket, and one for others");
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load_ingress(prog, (struct prog_opts){0});
	return 0;
}

/* Whatever a test that failed has left. */
static int without_policies(void **state)
{
	(void)state;
	if (net_has_xfrm())
		forget_policies();
	return 0;
}

static struct CMUnitTest test(const char *name, CMUnitTestFunction run, const struct selection *s)
{
	return (struct CMUnitTest){.name = name,
		.test_func = run,
		.teardown_func = without_policies,
		.initial_state = (void *)(uintptr_t)s};
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(selections) + 5];
	size_t i, n = 0;

	if (!net_allowed())
		return 0;
	for (i = 0; i < ARRAY_SIZE(selections); i++)
		tests[n++] = test(selections[i].name, selects, &selections[i]);
	tests[n++] = test(
		"other_flows_of_the_hosts_stay_fast", other_flows_of_the_hosts_stay_fast, NULL);
	tests[n++] = test(
		"deletion_is_honoured_within_a_tick", deletion_is_honoured_within_a_tick, NULL);
	tests[n++] = test("what_is_governed_is_punted_or_dropped_with_punt_drop",
		what_is_governed_is_punted_or_dropped_with_punt_drop, NULL);
	tests[n++] = test("as_many_as_are_walked", as_many_as_are_walked, NULL);
	tests[n++] = test("policies_of_sockets_are_theirs", policies_of_sockets_are_theirs, NULL);
	return cmocka_run_group_tests_name("xfrm", tests, up, prog_down);
}
