// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The filter in the road: each packet is judged once, whichever way it leaves; what a flow keeps of
 * the verdict is right for its next packet; and rules by chance say what their words mean.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/rule_chance.h"
#include "../unit/rule_ref.h"
#include "model/ruleset.h"
#include "model/tables.h"
#include "prog.h"

enum { RULES = 2000, PACKETS = 50000 };

static struct prog progs[WEIR_HOOK_COUNT], without;
static struct weir_ruleset_model model;
static struct weir_rule_count count[PROG_SLOTS];

static void rules(struct prog *p, const char *text)
{
	weir_ruleset_done(&model);
	prog_rules(p, text, &model);
	prog_uncount(p);
}

static void udp(struct frame *f, const char *dst, unsigned int dport)
{
	frame_make(f, PROTO_UDP, dst, 26);
	put16(f, AT_L4_DPORT, dport);
	frame_seal(f);
}

/* --- every road is judged --- */

struct road {
	const char *name;
	void (*make)(struct frame *f);
	enum weir_exit open; /* without rules */
	enum weir_exit shut; /* with one that drops all that has an IPv4 header */
	bool xdp_only;
};

static void make_out(struct frame *f)
{
	udp(f, FAR, 53);
}

static void make_local(struct frame *f)
{
	udp(f, ROUTER, 53);
}

static void make_multicast(struct frame *f)
{
	udp(f, "224.0.0.1", 53);
}

static void make_options(struct frame *f)
{
	frame_make(f, PROTO_UDP, FAR, 30);
	put8(f, AT_IP_START, 0x46);
	frame_seal_ip(f);
	put16(f, AT_IP_CHECK, 0);
	put16(f, AT_IP_CHECK, ~sum16(f->data + AT_IP_START, 24, 0) & 0xffff);
}

static void make_old(struct frame *f)
{
	udp(f, FAR, 53);
	put8(f, AT_IP_TTL, 1);
	frame_seal(f);
}

static void make_big(struct frame *f)
{
	frame_make(f, PROTO_UDP, SMALL_HOP, SMALL_MTU);
}

static void make_lost(struct frame *f)
{
	udp(f, HOP_LOST, 53);
}

static void make_stray(struct frame *f)
{
	udp(f, NO_ROUTE, 53);
}

static void make_unreached(struct frame *f)
{
	udp(f, UNREACHED, 53);
}

static void make_bare(struct frame *f)
{
	udp(f, BARE_HOP, 53);
}

static void make_ipv6(struct frame *f)
{
	udp(f, FAR, 53);
	put16(f, AT_ETH_TYPE, 0x86dd);
}

static void make_arp(struct frame *f)
{
	udp(f, FAR, 53);
	put16(f, AT_ETH_TYPE, 0x0806);
}

static void make_others(struct frame *f)
{
	udp(f, FAR, 53);
	put8(f, 5, 0x77);
}

#define ROAD(name, stage, cause, shut)                                                             \
	{                                                                                          \
#name, make_##name, WEIR_EXIT_##stage##_##cause, shut, false                       \
	}
#define FORWARD	   WEIR_EXIT_nf_forward_FILTER
#define PREROUTING WEIR_EXIT_nf_prerouting_FILTER

static const struct road roads[] = {
	ROAD(out, xmit, NONE, FORWARD),
	ROAD(local, route_in, NOT_FORWARDED, PREROUTING),
	ROAD(multicast, ip_rcv, IP_MULTICAST, PREROUTING),
	ROAD(options, ip_rcv, IP_OPTIONS, PREROUTING),
	ROAD(old, ip_forward, IP_TTL, PREROUTING),
	ROAD(big, ip_forward, IP_FRAGMENT, PREROUTING),
	ROAD(lost, neigh, NEIGH_UNRESOLVED, FORWARD),
	ROAD(stray, route_in, NOT_FORWARDED, PREROUTING),
	ROAD(unreached, route_in, UNREACHABLE, PREROUTING),
	{"bare", make_bare, WEIR_EXIT_xmit_EGRESS_NOT_ATTACHED, FORWARD, true},
	ROAD(ipv6, xdp, IPV6, WEIR_EXIT_xdp_IPV6),
	ROAD(arp, xdp, ARP, WEIR_EXIT_xdp_ARP),
	ROAD(others, xdp, OTHERHOST, WEIR_EXIT_xdp_OTHERHOST),
};

static enum weir_exit leaves(struct prog *p, const struct frame *f)
{
	static struct ran ran;

	return prog_exit(p, f, &ran);
}

static void every_road_is_judged(void **state)
{
	static struct frame f;

	(void)state;
	for (enum weir_hook hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++)
		for (size_t i = 0; i < ARRAY_SIZE(roads); i++) {
			const struct road *r = &roads[i];
			struct prog *p = &progs[hook];
			bool judged = r->shut == FORWARD || r->shut == PREROUTING;

			if (r->xdp_only && hook != WEIR_HOOK_xdp)
				continue;
			print_message("# %s, %s\n", weir_hook_info[hook].name, r->name);
			r->make(&f);
			rules(p, "proto tcp drop");
			assert_exit(leaves(p, &f), exit_at(hook, r->open));
			rules(p, "src 192.0.2.0/24 drop");
			assert_exit(leaves(p, &f), exit_at(hook, r->shut));
			assert_exit(leaves(p, &f), exit_at(hook, r->shut));
			prog_counted(p, count);
			assert_int_equal(count[0].packets, judged ? 2 : 0);
			assert_int_equal(count[0].bytes, judged ? 2 * f.len : 0);
		}
}

/* A policy is for other frames, too, but not for ARP, nor for those that are not ours. */
static void a_policy_is_for_all(void **state)
{
	static struct frame f;

	(void)state;
	for (enum weir_hook hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++)
		for (size_t i = 0; i < ARRAY_SIZE(roads); i++) {
			const struct road *r = &roads[i];
			enum weir_exit want = r->shut == WEIR_EXIT_xdp_IPV6 ? PREROUTING : r->shut;

			r->make(&f);
			rules(&progs[hook], "policy in dev in0 drop\nproto udp dport 9 accept");
			assert_exit(leaves(&progs[hook], &f), exit_at(hook, want));
		}
}

/* --- what a flow keeps --- */

static __u32 kept(struct prog *p, const struct frame *f)
{
	struct weir_flow *flow = prog_flow(p, f);

	assert_non_null(flow);
	return flow->slot;
}

static void a_flow_keeps_its_verdict(void **state)
{
	static const unsigned int protos[] = {
		PROTO_UDP, PROTO_TCP, PROTO_ICMP, PROTO_DCCP, PROTO_UDPLITE, PROTO_ESP, 253};
	static struct frame f;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(protos); i++) {
		struct prog *p = &progs[i & 1 ? WEIR_HOOK_tc_ingress : WEIR_HOOK_xdp];
		unsigned int proto = protos[i / 2];
		char text[80];

		prog_forget_flows(p); /* other protocols' */
		frame_make(&f, proto, FAR, 40);
		snprintf(text, sizeof(text), "proto 99 accept\nproto %u accept\ndrop", proto);
		rules(p, text);
		for (int n = 0; n < 5; n++)
			assert_exit(leaves(p, &f), WEIR_EXIT_xmit_NONE);
		assert_int_equal(kept(p, &f), 1 + 1);
		prog_counted(p, count);
		assert_int_equal(count[1].packets, 5);
		snprintf(text, sizeof(text), "proto %u drop", proto);
		rules(p, text);
		for (int n = 0; n < 5; n++)
			assert_exit(leaves(p, &f), FORWARD);
		assert_int_equal(kept(p, &f), WEIR_FLOW_DROP | 1);
		prog_counted(p, count);
		assert_int_equal(count[0].packets, 5);
		rules(p, "proto 99 drop");
		assert_exit(leaves(p, &f), WEIR_EXIT_xmit_NONE);
		assert_int_equal(kept(p, &f), 0);
	}
}

static void what_is_not_the_flows_is_not_kept(void **state)
{
	static const struct {
		const char *rule;
		bool each;
	} cases[] = {
		{"proto udp dport 53 count", true},
		{"proto udp dport 54 count", false},
		{"proto udp limit 1000000/s burst 1000000 accept", true},
		{"proto udp log accept", true},
		{"frag any drop", true},
		{"tcp-flags syn/syn,ack drop", false},
		{"proto udp dport 53 accept", false},
	};
	struct prog *p = &progs[WEIR_HOOK_xdp];
	static struct frame f;

	(void)state;
	udp(&f, FAR, 53);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rules(p, cases[i].rule);
		assert_exit(leaves(p, &f), WEIR_EXIT_xmit_NONE);
		if ((kept(p, &f) == WEIR_FLOW_JUDGE) != cases[i].each)
			fail_msg("'%s': 0x%x is kept", cases[i].rule, kept(p, &f));
	}
}

/* A later fragment and a datagram between ports 0 have the same key. */
static void fragments_are_judged_each(void **state)
{
	struct prog *p = &progs[WEIR_HOOK_xdp];
	static struct frame whole, later;

	(void)state;
	udp(&whole, FAR, 0);
	put16(&whole, AT_L4, 0);
	frame_seal(&whole);
	later = whole;
	put16(&later, AT_IP_FRAG, 100);
	frame_seal_ip(&later);
	rules(p, "proto udp dport 0 drop");
	for (int turn = 0; turn < 4; turn++) {
		assert_exit(leaves(p, turn & 1 ? &whole : &later),
			turn & 1 ? FORWARD : WEIR_EXIT_xmit_NONE);
		if (turn == 1)
			prog_forget_flows(p);
		assert_exit(leaves(p, turn & 1 ? &later : &whole),
			turn & 1 ? WEIR_EXIT_xmit_NONE : FORWARD);
	}
}

static void devices_out_are_known(void **state)
{
	struct prog *p = &progs[WEIR_HOOK_xdp];
	static struct frame f;

	(void)state;
	rules(p, "out dev small0 drop\nout dev out0 proto udp dport 54 drop");
	udp(&f, FAR, 53);
	assert_exit(leaves(p, &f), WEIR_EXIT_xmit_NONE);
	udp(&f, FAR, 54);
	assert_exit(leaves(p, &f), FORWARD);
	make_big(&f); /* the kernel says that it is, and not by which device it would go */
	assert_exit(leaves(p, &f), PREROUTING);
	udp(&f, SMALL_HOP, 53);
	assert_exit(leaves(p, &f), FORWARD);
	udp(&f, ROUTER, 54);
	assert_exit(leaves(p, &f), WEIR_EXIT_route_in_NOT_FORWARDED);
	make_options(&f); /* the kernel would send it by out0 */
	put16(&f, AT_L4_DPORT + 4, 54);
	assert_exit(leaves(p, &f), PREROUTING);
	rules(p, "out dev in0 drop");
	make_big(&f);
	assert_exit(leaves(p, &f), WEIR_EXIT_ip_forward_IP_FRAGMENT);
}

static void reject_and_punt(void **state)
{
	static struct frame f;

	(void)state;
	udp(&f, FAR, 53);
	for (enum weir_hook hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++) {
		rules(&progs[hook], "proto udp dport 53 reject");
		assert_exit(leaves(&progs[hook], &f), WEIR_EXIT_nf_forward_FILTER_REJECT);
		udp(&f, ROUTER, 53);
		assert_exit(leaves(&progs[hook], &f), WEIR_EXIT_nf_prerouting_FILTER_REJECT);
		rules(&progs[hook], "proto udp dport 53 punt");
		udp(&f, FAR, 53);
		assert_exit(leaves(&progs[hook], &f), WEIR_EXIT_nf_forward_FILTER_PUNT);
	}
}

/* A program that is loaded without rules does not ask them. */
static void without_rules_nothing_is_asked(void **state)
{
	static struct frame f;

	(void)state;
	udp(&f, FAR, 53);
	weir_ruleset_done(&model);
	prog_rules(&without, "drop", &model);
	assert_exit(leaves(&without, &f), WEIR_EXIT_xmit_NONE);
}

/* A packet that leaves before it is judged says nothing for the next of its flow. */
static void who_leaves_early_opens_nothing(void **state)
{
	static struct frame f, old;

	(void)state;
	for (enum weir_hook hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++) {
		struct prog *p = &progs[hook];

		udp(&f, FAR, 53);
		make_old(&old);
		rules(p, "proto udp dport 53 drop");
		assert_exit(leaves(p, &old), PREROUTING);
		assert_exit(leaves(p, &f), FORWARD);
		assert_exit(leaves(p, &f), FORWARD);
		assert_int_equal(kept(p, &f), WEIR_FLOW_DROP | 1);
	}
}

/* Ports behind the first buffer are no part of the key, and yet rules see them. */
static void ports_out_of_sight_are_judged_each(void **state)
{
	struct prog *p = &progs[WEIR_HOOK_xdp];
	static struct ran ran;
	static struct frame f;
	enum weir_exit exit;

	(void)state;
	rules(p, "proto udp dport 53 drop");
	p->linear = 36;
	udp(&f, FAR, 54);
	if (prog_try(p, &f, &ran)) {
		p->linear = 0;
		skip_because("this kernel fills the first buffer always");
	}
	for (int turn = 0; turn < 4; turn++) {
		udp(&f, FAR, turn & 1 ? 53 : 54);
		exit = leaves(p, &f);
		if (exit != (turn & 1 ? FORWARD : WEIR_EXIT_xmit_NONE))
			break;
	}
	p->linear = 0;
	assert_exit(exit, FORWARD);
}

/* --- by chance --- */

static __u32 ifindex_of(void *ctx, const char *name)
{
	const struct rule_chance *c = ctx;

	return c->ifindex[strcmp(name, c->dev[0]) != 0];
}

static void rules_by_chance_say_what_they_mean(void **state)
{
	static struct weir_rule_count want[PROG_SLOTS];
	static char text[RULES * CHANCE_LINE];
	struct rule_chance c = {.random = 20261124,
		.dev = {"in0", "out0"},
		.ifindex = {net_ifindex(PORT_IN), net_ifindex(PORT_OUT)},
		.one_way = true};
	const struct rule_ref ref = {.ctx = &c, .ifindex_of = ifindex_of};
	struct prog *p = &progs[WEIR_HOOK_xdp];
	struct chance_rule rule;
	struct chance_packet packet;
	static struct frame f;
	unsigned int drops = 0, asked = 0, at = 0;

	(void)state;
	assert_int_equal(net_ip("route replace 198.19.0.0/16 via " HOP), 0);
	for (int i = 0; i < RULES; i++) {
		chance_rule(&c, &rule);
		at += (unsigned int)sprintf(text + at, "%s\n", rule.weir);
	}
	rules(p, text);
	assert_int_equal(model.nr, RULES);
	for (__u32 i = 0; i < PACKETS; i++) {
		enum weir_exit exit = WEIR_EXIT_xmit_NONE, got;
		long decides;

		chance_packet(&c, i, &packet);
		decides = rule_ref_decide(model.rules, model.nr, &packet.is, &ref, want);
		if (decides >= 0 && model.rules[decides].verdict == WEIR_drop)
			exit = FORWARD;
		if (decides >= 0 && model.rules[decides].verdict == WEIR_punt)
			exit = WEIR_EXIT_nf_forward_FILTER_PUNT;
		drops += exit == FORWARD;
		frame_make(&f, packet.is.dim[WEIR_DIM_proto], FAR, CHANCE_FRAME - CHANCE_L4);
		memcpy(f.data + AT_ETH_TYPE, packet.frame + AT_ETH_TYPE,
			CHANCE_FRAME - AT_ETH_TYPE);
		got = leaves(p, &f);
		if (got == WEIR_EXIT_xmit_CSUM_UNKNOWN)
			got = WEIR_EXIT_xmit_NONE; /* for the rules it may pass: SCTP, tunnels */
		if (got != exit)
			fail_msg("packet %u: %s, not %s", i, exit_name(got), exit_name(exit));
	}
	prog_counted(p, count);
	for (int r = 0; r < RULES; r++) {
		asked += want[r].packets > 0;
		if (memcmp(&count[r], &want[r], sizeof(want[r])))
			fail_msg("rule %d matched %llu packets, not %llu", r, count[r].packets,
				want[r].packets);
	}
	print_message("# %u drops, %u rules matched\n", drops, asked);
	assert_in_range(drops, PACKETS / 10, PACKETS - PACKETS / 10);
	assert_in_range(asked, RULES / 2, RULES);
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load_ingress(progs, (struct prog_opts){.filter = true});
	prog_load(&without, &(struct prog_opts){0});
	return 0;
}

static int down(void **state)
{
	weir_ruleset_done(&model);
	return prog_down(state);
}

#define TEST(name) cmocka_unit_test_setup(name, prog_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_road_is_judged),
		TEST(a_policy_is_for_all),
		TEST(a_flow_keeps_its_verdict),
		TEST(what_is_not_the_flows_is_not_kept),
		TEST(fragments_are_judged_each),
		TEST(devices_out_are_known),
		TEST(who_leaves_early_opens_nothing),
		TEST(ports_out_of_sight_are_judged_each),
		TEST(reject_and_punt),
		TEST(without_rules_nothing_is_asked),
		TEST(rules_by_chance_say_what_they_mean),
	};

	return net_allowed() ? cmocka_run_group_tests_name("filter", tests, up, down) : 0;
}
