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

#include "../unit/rule_ref.h"
#include "model/ruleset.h"
#include "model/tables.h"
#include "prog.h"

enum { RULES = 300, PACKETS = 20000, MF = 0x2000, DF = 0x4000 };

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
	struct prog *p = &progs[WEIR_HOOK_xdp];
	static struct frame f;

	(void)state;
	udp(&f, FAR, 53);
	rules(p, "proto tcp accept\nproto udp dport 50-60 accept\ndrop");
	for (int i = 0; i < 5; i++)
		assert_exit(leaves(p, &f), WEIR_EXIT_xmit_NONE);
	assert_int_equal(kept(p, &f), 1 + 1);
	prog_counted(p, count);
	assert_int_equal(count[1].packets, 5);
	rules(p, "proto udp dport 50-60 drop");
	for (int i = 0; i < 5; i++)
		assert_exit(leaves(p, &f), FORWARD);
	assert_int_equal(kept(p, &f), WEIR_FLOW_DROP | 1);
	prog_counted(p, count);
	assert_int_equal(count[0].packets, 5);
	rules(p, "proto tcp drop");
	assert_exit(leaves(p, &f), WEIR_EXIT_xmit_NONE);
	assert_int_equal(kept(p, &f), 0);
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
	udp(&f, SMALL_HOP, 53);
	assert_exit(leaves(p, &f), FORWARD);
	udp(&f, ROUTER, 54);
	assert_exit(leaves(p, &f), WEIR_EXIT_route_in_NOT_FORWARDED);
	make_options(&f); /* the kernel would send it by out0 */
	put16(&f, AT_L4_DPORT + 4, 54);
	assert_exit(leaves(p, &f), PREROUTING);
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

static unsigned int pick(unsigned int n)
{
	return (unsigned int)rand() % n;
}

/* So few values that rules and packets meet. */
static void random_rule(char *line, size_t size)
{
	static const char *const verdicts[] = {"accept", "drop", "count", "drop"};
	static const char *const protos[] = {"", "proto udp ", "proto tcp ", "proto 253 "};
	unsigned int proto = pick(4), p = pick(60);
	char part[128] = "", ports[64] = "";

	if (pick(3))
		snprintf(part, sizeof(part), "src 192.0.2.%u/%u ", pick(2) * 16, 28);
	if (pick(3))
		snprintf(part + strlen(part), sizeof(part) - strlen(part),
			"dst 198.18.1.%u-198.18.1.%u ", pick(8), 8 + pick(8));
	if ((proto == 1 || proto == 2) && pick(4))
		snprintf(ports, sizeof(ports), "%s %u-%u ", pick(2) ? "sport" : "dport", p,
			p + pick(20));
	if (pick(10) == 0)
		snprintf(part + strlen(part), sizeof(part) - strlen(part), "frag %s ",
			pick(2) ? "later" : "any");
	if (!*ports && strstr(part, "frag later") && proto > 2)
		proto = 0;
	if (strstr(part, "frag later"))
		*ports = 0;
	snprintf(line, size, "%s%s%s%s\n", protos[proto], part, ports, verdicts[pick(4)]);
}

static void random_packet(struct frame *f, struct weir_fields *is)
{
	static const unsigned int protos[] = {PROTO_UDP, PROTO_TCP, 253};
	static const __u16 frags[] = {0, 0, 0, MF, MF | 7, 7};
	unsigned int proto = protos[pick(3)], frag = frags[pick(6)];
	char dst[20], src[20];

	snprintf(dst, sizeof(dst), "198.18.1.%u", pick(16));
	snprintf(src, sizeof(src), "192.0.2.%u", 1 + pick(31));
	frame_make(f, proto, dst, 40);
	put_addr(f, AT_IP_SRC, src);
	put16(f, AT_L4, pick(80));
	put16(f, AT_L4_DPORT, pick(80));
	put16(f, AT_IP_FRAG, frag);
	frame_seal(f);
	*is = (struct weir_fields){.len = f->len};
	inet_pton(AF_INET, src, &is->dim[WEIR_DIM_src]);
	inet_pton(AF_INET, dst, &is->dim[WEIR_DIM_dst]);
	is->dim[WEIR_DIM_src] = ntohl(is->dim[WEIR_DIM_src]);
	is->dim[WEIR_DIM_dst] = ntohl(is->dim[WEIR_DIM_dst]);
	is->dim[WEIR_DIM_proto] = proto;
	is->dim[WEIR_DIM_iif] = net_ifindex(PORT_IN);
	is->dim[WEIR_DIM_oif] = net_ifindex(PORT_OUT);
	is->frag = frag & 0x1fff ? WEIR_FRAG_LATER : frag ? WEIR_FRAG_FIRST : WEIR_FRAG_NONE;
	is->dim[WEIR_DIM_sport] = is->dim[WEIR_DIM_dport] = WEIR_NO_PORT;
	if (proto != 253 && is->frag != WEIR_FRAG_LATER) {
		is->dim[WEIR_DIM_sport] = get16(f, AT_L4);
		is->dim[WEIR_DIM_dport] = get16(f, AT_L4_DPORT);
	}
}

static void rules_by_chance_say_what_they_mean(void **state)
{
	static struct weir_rule_count want[PROG_SLOTS];
	static char text[RULES * 160];
	const struct rule_ref ref = {0};
	struct prog *p = &progs[WEIR_HOOK_xdp];
	struct weir_fields is;
	static struct frame f;
	unsigned int drops = 0;

	(void)state;
	srand(20261124);
	for (int i = 0; i < RULES; i++)
		random_rule(text + strlen(text), 160);
	rules(p, text);
	assert_int_equal(model.nr, RULES);
	for (int i = 0; i < PACKETS; i++) {
		enum weir_exit exit = WEIR_EXIT_xmit_NONE, got;
		long decides;

		random_packet(&f, &is);
		decides = rule_ref_decide(model.rules, model.nr, &is, &ref, want);
		if (decides >= 0 && model.rules[decides].verdict == WEIR_drop)
			exit = FORWARD;
		drops += exit == FORWARD;
		got = leaves(p, &f);
		if (got != exit)
			fail_msg("packet %d: %s, not %s", i, exit_name(got), exit_name(exit));
	}
	assert_in_range(drops, PACKETS / 10, PACKETS - PACKETS / 10);
	prog_counted(p, count);
	for (int r = 0; r < RULES; r++)
		if (memcmp(&count[r], &want[r], sizeof(want[r])))
			fail_msg("rule %d matched %llu packets, not %llu", r, count[r].packets,
				want[r].packets);
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	for (enum weir_hook hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++)
		prog_load(&progs[hook], &(struct prog_opts){.hook = hook, .filter = true});
	prog_load(&without, &(struct prog_opts){0});
	return 0;
}

static int down(void **state)
{
	(void)state;
	for (enum weir_hook hook = 0; hook < WEIR_HOOK_COUNT; hook++)
		prog_unload(&progs[hook]);
	prog_unload(&without);
	weir_ruleset_done(&model);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	for (enum weir_hook hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++)
		prog_reset(&progs[hook]);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

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
