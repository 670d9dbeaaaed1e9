// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The TTL's decrement and the header checksum that follows it (RFC 1624), for every value. */
#include <string.h>

#include "prog.h"

static struct prog prog;

/* Runs all 65,536 identifications, and with them every checksum that a sender can compute. */
static void all_checksums_with_ttl(unsigned int ttl)
{
	static bool seen[0x10000];
	static struct frame f, want;
	static struct ran ran;
	unsigned int id, checks = 0;

	prog_reset(&prog);
	memset(seen, 0, sizeof(seen));
	frame_make(&f, PROTO_ICMP, FAR, 26);
	put8(&f, AT_IP_TTL, ttl);
	for (id = 0; id <= 0xffff; id++) {
		put16(&f, AT_IP_ID, id);
		frame_seal_ip(&f);
		checks += !seen[get16(&f, AT_IP_CHECK)];
		seen[get16(&f, AT_IP_CHECK)] = true;
		prog_run(&prog, &f, &ran);
		frame_forwarded(&want, &f, PORT_OUT);
		assert_frame(&ran.out, &want, "id", id);
	}
	assert_int_equal(checks, 0xffff); /* 0xffff itself stands for 0, and nobody computes it */
	assert_int_equal(prog_exits(&prog, WEIR_EXIT_xmit_NONE), 0x10000);
}

static void every_checksum_with_ttl_2(void **state)
{
	(void)state;
	all_checksums_with_ttl(2);
}

static void every_checksum_with_ttl_64(void **state)
{
	(void)state;
	all_checksums_with_ttl(64);
}

static void every_checksum_with_ttl_255(void **state)
{
	(void)state;
	all_checksums_with_ttl(255);
}

static void every_ttl(void **state)
{
	static struct frame f;
	unsigned int ttl, proto;

	(void)state;
	for (proto = 0; proto <= 0xff; proto += 5) /* the other half of the word that changes */
		for (ttl = 0; ttl <= 0xff; ttl++) {
			frame_make(&f, proto, FAR, 26);
			put8(&f, AT_IP_TTL, ttl);
			frame_seal(&f);
			prog_reset(&prog);
			assert_way(&prog, &f,
				ttl > 1 ? WEIR_EXIT_xmit_NONE : WEIR_EXIT_ip_forward_IP_TTL,
				PORT_OUT);
		}
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&prog, &(struct prog_opts){.physical = true});
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_checksum_with_ttl_2),
		cmocka_unit_test(every_checksum_with_ttl_64),
		cmocka_unit_test(every_checksum_with_ttl_255),
		cmocka_unit_test(every_ttl),
	};

	return net_allowed() ? cmocka_run_group_tests_name("ttl", tests, up, prog_down) : 0;
}
