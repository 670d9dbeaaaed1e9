// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>

#include "ctl/nft.h"
#include "test.h"

enum { INNER, FORW, LOOSE, PRE, FORW6, IN_R0, IN_ALL, ARP, A_LOOP, NR };

/* FORW -> LOOSE -> INNER, which drops; A_LOOP leads to itself. */
static struct weir_nft_chain chains[NR] = {
	[INNER] = {NFPROTO_INET, "edge", "inner", WEIR_NFT_NO_HOOK, .rule_drops = true},
	[FORW] = {NFPROTO_INET, "edge", "forw", NF_INET_FORWARD},
	[LOOSE] = {NFPROTO_INET, "edge", "loose", WEIR_NFT_NO_HOOK},
	[PRE] = {NFPROTO_IPV4, "raw", "PREROUTING", NF_INET_PRE_ROUTING, .policy_drops = true},
	[FORW6] = {NFPROTO_IPV6, "six", "forw", NF_INET_FORWARD, .rule_drops = true},
	[IN_R0] = {NFPROTO_NETDEV, "dev", "r0", NF_NETDEV_INGRESS, .rule_drops = true},
	[IN_ALL] = {NFPROTO_INET, "dev", "any", NF_INET_INGRESS, .rule_drops = true},
	[ARP] = {NFPROTO_ARP, "a", "in", 0, .rule_drops = true},
	[A_LOOP] = {NFPROTO_INET, "edge", "post", NF_INET_POST_ROUTING},
};

static struct weir_nft_jump jumps[] = {{FORW, LOOSE}, {LOOSE, INNER}, {A_LOOP, A_LOOP}};
static struct weir_nft_dev devs[] = {{IN_R0, "r0"}, {IN_R0, "r1"}, {IN_ALL, ""}};

static struct weir_nft_ruleset rules = {
	.nr = NR, .chain = chains, .nr_jumps = 3, .jump = jumps, .nr_devs = 3, .dev = devs};

static void add(void *ctx, const struct weir_nft_chain *c)
{
	char *text = ctx;
	size_t n = strlen(text);

	snprintf(text + n, 256 - n, "%s%s %s/%s", n ? ", " : "", weir_nft_family(c->family),
		c->table, c->name);
}

static void suspects_are(const char *hook, const char *device, __u16 protocol, const char *wanted)
{
	struct weir_nft_site site = {hook, device, protocol};
	char text[256] = "";
	int nr = weir_nft_suspects(&rules, &site, add, text);

	assert_string_equal(text, wanted);
	assert_int_equal(nr > 0, *wanted != 0);
}

static void test_by_hook(void **state)
{
	(void)state;
	suspects_are("prerouting", "r0", ETH_P_IP, "ip raw/PREROUTING");
	suspects_are("prerouting", "r0", ETH_P_IPV6, "");
	suspects_are("input", "r0", ETH_P_IP, "");
	suspects_are("postrouting", "r0", ETH_P_IP, "");
	suspects_are("arp_input", "r0", ETH_P_ARP, "arp a/in");
	suspects_are("arp_output", "r0", ETH_P_ARP, "");
	suspects_are("bridge_prerouting", "r0", ETH_P_IP, "");
	suspects_are("nowhere", "r0", ETH_P_IP, "");
}

static void test_through_jumps(void **state)
{
	(void)state;
	suspects_are("forward", "r0", ETH_P_IP, "inet edge/forw");
	suspects_are("forward", "r0", ETH_P_IPV6, "inet edge/forw, ip6 six/forw");
	suspects_are("forward", "r0", 0, "inet edge/forw, ip6 six/forw");
	chains[INNER].rule_drops = false;
	suspects_are("forward", "r0", ETH_P_IP, "");
	chains[INNER].rule_drops = true;
}

static void test_by_device(void **state)
{
	(void)state;
	suspects_are("ingress", "r0", ETH_P_IP, "netdev dev/r0, inet dev/any");
	suspects_are("ingress", "r1", ETH_P_IP, "netdev dev/r0, inet dev/any");
	suspects_are("ingress", "r2", ETH_P_IP, "inet dev/any");
	suspects_are("ingress", "", ETH_P_IP, "netdev dev/r0, inet dev/any");
	suspects_are("egress", "r0", ETH_P_IP, "");
}

static void test_iptables(void **state)
{
	(void)state;
	assert_true(weir_iptables_hooks("raw", "prerouting"));
	assert_true(weir_iptables_hooks("mangle", "postrouting"));
	assert_true(weir_iptables_hooks("filter", "output"));
	assert_false(weir_iptables_hooks("filter", "prerouting"));
	assert_false(weir_iptables_hooks("raw", "forward"));
	assert_false(weir_iptables_hooks("broute", "forward"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hook),
		cmocka_unit_test(test_through_jumps),
		cmocka_unit_test(test_by_device),
		cmocka_unit_test(test_iptables),
	};

	return WEIR_RUN(tests);
}
