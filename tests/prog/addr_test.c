// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A device's own address, as programs read it from the kernel's structures (bpf/lib/addr.h). */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <bpf/libbpf.h>

#include "answer_xdp.skel.h"
#include "answer.h"

#define SECOND "203.0.113.77"

static struct prog prog;
/* What addr_xdp is asked, and says. */
static struct answer_xdp_bpf__bss *asked;
static __u32 *other_ifindex;

static int setup(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	answer_load(&prog, WEIR_HOOK_xdp, net_ifindex(PORT_IN), false, false);
	asked = answer_map(&prog, ".bss");
	other_ifindex = answer_map(&prog, ".data");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	answer_unload(&prog);
	return 0;
}

static void assert_addr(__u32 got, const char *want, const char *what)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &got, text, sizeof(text));
	if (strcmp(text, want))
		fail_msg("%s: %s, not %s", what, text, want);
}

/* What the program says of in0, and of another device. */
static void assert_addrs(const char *towards, const char *own, __u32 ifindex, const char *other)
{
	static struct frame f;
	static struct ran ran;
	struct prog p = prog;

	p.prog = bpf_object__find_program_by_name(p.obj, "addr_xdp");
	frame_make(&f, PROTO_UDP, FAR, 30);
	assert_int_equal(inet_pton(AF_INET, towards, &asked->towards), 1);
	*other_ifindex = ifindex;
	prog_run(&p, &f, &ran);
	assert_addr(asked->own_addr, own, "own");
	assert_addr(asked->other_addr, other, "other");
}

static void addresses_are_the_kernels(void **state)
{
	__u32 out = net_ifindex(PORT_OUT);

	(void)state;
	assert_addrs("0.0.0.0", ROUTER, out, "198.51.100.254");
	assert_addrs("0.0.0.0", ROUTER, net_ifindex(PORT_SMALL), "203.0.113.254");
	assert_addrs("0.0.0.0", ROUTER, 99999, "0.0.0.0");
	assert_addrs("0.0.0.0", ROUTER, 1, "0.0.0.0"); /* 127.0.0.1 is not global */

	assert_int_equal(net_ip("addr add " SECOND "/24 dev in0"), 0);
	assert_int_equal(net_ip("addr add 192.0.2.7/24 dev in0"), 0); /* secondary */
	assert_int_equal(net_ip("addr add 198.18.77.1/24 dev in0 scope link"), 0);
	assert_addrs("0.0.0.0", ROUTER, out, "198.51.100.254");
	assert_addrs("203.0.113.5", SECOND, out, "198.51.100.254");
	assert_addrs("192.0.2.5", ROUTER, out, "198.51.100.254");
	assert_addrs("198.18.77.5", ROUTER, out, "198.51.100.254");

	assert_int_equal(net_ip("addr flush dev in0"), 0);
	assert_addrs("0.0.0.0", "0.0.0.0", out, "198.51.100.254");
	assert_int_equal(net_ip("addr add " ROUTER "/24 dev in0"), 0);
	assert_addrs("0.0.0.0", ROUTER, out, "198.51.100.254");
}

/* Devices whose indices differ by 256 lie in one bucket of the kernel's. */
static void devices_of_one_bucket_are_told_apart(void **state)
{
	__u32 out = net_ifindex(PORT_OUT);
	unsigned int i;

	(void)state;
	for (i = 1; i <= 8; i++) {
		assert_int_equal(net_ip("link add b%u index %u type veth peer name bp%u index %u",
					 i, out + i * 256, i, out + 10000 + i * 2),
			0);
		assert_int_equal(net_ip("addr add 198.18.%u.1/24 dev b%u", 100 + i, i), 0);
	}
	for (i = 1; i <= 8; i++) {
		char addr[16];

		snprintf(addr, sizeof(addr), "198.18.%u.1", 100 + i);
		assert_addrs("0.0.0.0", ROUTER, out + i * 256, addr);
	}
	assert_addrs("0.0.0.0", ROUTER, out, "198.51.100.254");
	assert_addrs("0.0.0.0", ROUTER, out + 9 * 256, "0.0.0.0");
	for (i = 1; i <= 8; i++)
		assert_int_equal(net_ip("link del b%u", i), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_the_kernels),
		cmocka_unit_test(devices_of_one_bucket_are_told_apart),
	};

	return net_allowed() ? cmocka_run_group_tests_name("addr", tests, setup, teardown) : 0;
}
