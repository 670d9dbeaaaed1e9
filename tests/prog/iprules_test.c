// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ip rules of every kind: which the fast path honours as the kernel does, and which it cannot, for
 * it asks the FIB without them. `weir doctor` warns of the latter (user/ctl/doctor_bypass.c); the
 * kernel itself is the witness, by `ip route get`.
 */
#include <stdlib.h>
#include <string.h>

#include "prog.h"

static struct prog prog[WEIR_HOOK_COUNT];

struct rule {
	const char *name;
	const char *words;  /* behind `ip rule add`; who matches goes into a black hole */
	const char *packet; /* for `ip route get`: what the fast path does not know of it */
	__u8 tos;
	bool kernel, fast; /* it matches */
};

/* clang-format off */
static const struct rule rules[] = {
	/* the same */
	{"from", "from 192.0.2.0/24", "", .kernel = true, .fast = true},
	{"not_from", "not from 192.0.2.0/24", .packet = ""},
	{"not_from_elsewhere", "not from 203.0.113.0/24", "", .kernel = true, .fast = true},
	{"to", "to 198.18.1.9", "", .kernel = true, .fast = true},
	{"iif", "iif in0", "", .kernel = true, .fast = true},
	{"other_iif", "iif small0", .packet = ""},
	{"oif", "oif out0", .packet = ""}, /* of packets that this host sends */
	{"tos", "tos 0x10", "tos 0x10", .tos = 0x10, .kernel = true, .fast = true},
	{"other_tos", "tos 0x10", .packet = ""},
	{"protocol", "ipproto udp", "ipproto udp sport 5000 dport 6000", .kernel = true, .fast = true},
	{"other_protocol", "ipproto tcp", .packet = "ipproto udp sport 5000 dport 6000"},
	{"source_port", "ipproto udp sport 5000", "ipproto udp sport 5000 dport 6000",
		.kernel = true, .fast = true},
	{"range_of_ports", "dport 5999-6001", "ipproto udp sport 5000 dport 6000",
		.kernel = true, .fast = true},
	{"other_range_of_ports", "dport 6001-6999", .packet = "ipproto udp sport 5000 dport 6000"},
	/* what is forwarded counts as root's */
	{"user", "uidrange 0-0", "uid 0", .kernel = true, .fast = true},
	{"other_user", "uidrange 1-65535", .packet = "uid 0"},
	/* what packets carry in the kernel alone */
	{"mark", "fwmark 7", "mark 7", .kernel = true},
	{"mark_that_none_has", "fwmark 7", .packet = ""},
	{"masked_mark", "fwmark 0x10/0x10", "mark 0x17", .kernel = true},
	{"not_the_mark", "not fwmark 7", "mark 7", .fast = true},
	{"not_the_mark_without_one", "not fwmark 7", "", .kernel = true, .fast = true},
	{"no_mark", "fwmark 0/0xff", "mark 7", .fast = true},
	{"no_mark_without_one", "fwmark 0/0xff", "", .kernel = true, .fast = true},
	{"tunnel_id", "tun_id 5", .packet = ""}, /* `ip route get` has no words for such a packet */
};
/* clang-format on */

static struct way ask(struct prog *p, __u8 tos)
{
	static struct frame f;

	prog_reset(p);
	frame_make(&f, PROTO_UDP, FAR, 26);
	put8(&f, AT_IP_TOS, tos);
	frame_seal(&f);
	return prog_way(p, &f);
}

static void is_honoured_or_not(void **state)
{
	const struct way hole = LEFT(route_in, BLACKHOLE), onward = OUT_BY(HOP_MAC);
	const struct rule *r = *state;
	struct way got[WEIR_HOOK_COUNT];
	enum weir_hook hook;
	bool kernel;

	if (net_ip("rule add pref 900 %s lookup 103 2>/dev/null", r->words))
		skip_because("this kernel or this ip has no 'rule %s'", r->words);
	kernel = net_ip("route get " FAR " from " HOST " iif in0 %s >/dev/null 2>&1", r->packet);
	for (hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++)
		got[hook] = ask(&prog[hook], r->tos);
	while (!net_ip("rule del pref 900 2>/dev/null"))
		;
	assert_int_equal(kernel, r->kernel);
	for (hook = WEIR_HOOK_xdp; hook <= WEIR_HOOK_tc_ingress; hook++)
		assert_same_way(got[hook], r->fast ? hole : onward, r->words);
}

static int up(void **state)
{
	(void)state;
	if (net_up() || net_ip("route add blackhole default table 103"))
		return -1;
	prog_load_ingress(prog, (struct prog_opts){0});
	return 0;
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(rules)];

	if (!net_allowed())
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		tests[i] = (struct CMUnitTest){.name = rules[i].name,
			.test_func = is_honoured_or_not,
			.initial_state = (void *)(uintptr_t)&rules[i]};
	return cmocka_run_group_tests_name("iprules", tests, up, prog_down);
}
