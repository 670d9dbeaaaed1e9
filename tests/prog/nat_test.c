// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* NAT on single frames: what goes out, and what comes back of it. */
#include <arpa/inet.h>
#include <string.h>

#include "prog.h"

#define OUTSIDE "198.51.100.254" /* OUT's own address */

static struct prog in, out; /* what comes in from inside, and from outside */
static struct ran ran;

static void rules(const char *text)
{
	prog_nat(&in, text);
	prog_forget_flows(&out);
	in.ctl->generation++;
	out.ctl->generation++;
}

/* From @src to @dst with those ports; from inside unless by @from_out. */
static void make(struct frame *f, unsigned int proto, const char *src, unsigned int sport,
	const char *dst, unsigned int dport)
{
	frame_make(f, proto, dst, proto == PROTO_TCP ? 30 : 26);
	put_addr(f, AT_IP_SRC, src);
	put16(f, AT_L4, sport);
	put16(f, AT_L4_DPORT, dport);
	if (proto == PROTO_TCP)
		put16(f, AT_L4 + 12, 0x5002); /* SYN */
	frame_seal(f);
}

static void from_outside(struct frame *f)
{
	net_mac(PORT_OUT, f->data + AT_ETH_DST);
	net_hop_mac(PORT_OUT, f->data + AT_ETH_SRC);
}

/* Runs @f and asserts that it leaves by @port with these ends, checksums computed anew. */
static void assert_becomes(struct prog *p, const struct frame *f, enum port port, const char *src,
	unsigned int sport, const char *dst, unsigned int dport)
{
	struct frame want;

	assert_exit(prog_exit(p, f, &ran), WEIR_EXIT_xmit_NONE);
	frame_forwarded(&want, f, port);
	put_addr(&want, AT_IP_SRC, src);
	put16(&want, AT_L4, sport);
	put_addr(&want, AT_IP_DST, dst);
	put16(&want, AT_L4_DPORT, dport);
	frame_seal(&want);
	assert_frame(&ran.out, &want, "translated", 0);
}

static const unsigned int protos[] = {PROTO_UDP, PROTO_TCP};

/* Thrice: the first makes the session, the second is kept with its flow, the third is of that. */
static void masquerade_goes_out_and_comes_back(void **state)
{
	struct frame f, back;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		rules("masquerade out dev out0");
		make(&f, protos[i], HOST, 5000, FAR, 53);
		make(&back, protos[i], FAR, 53, OUTSIDE, 5000);
		put16(&back, AT_L4 + 12, 0x5012);
		frame_seal(&back);
		from_outside(&back);
		for (int n = 0; n < 3; n++) {
			assert_becomes(&in, &f, PORT_OUT, OUTSIDE, 5000, FAR, 53);
			assert_becomes(&out, &back, PORT_IN, FAR, 53, HOST, 5000);
		}
		assert_int_equal(prog_sessions(&in), 1);
		assert_int_equal(prog_session(&in, protos[i], HOST, 5000)->count[0].packets, 3);
		assert_int_equal(prog_session(&in, protos[i], HOST, 5000)->count[1].packets, 3);
	}
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&in, &(struct prog_opts){.track = true});
	prog_load(&out, &(struct prog_opts){.track = true, .port = PORT_OUT, .share = &in});
	return 0;
}

static int reset(void **state)
{
	(void)state;
	prog_reset(&in);
	prog_reset(&out);
	return 0;
}

static int down(void **state)
{
	(void)state;
	prog_unload(&out);
	prog_unload(&in);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(masquerade_goes_out_and_comes_back, reset),
	};

	if (!net_allowed())
		return 0;
	return cmocka_run_group_tests_name("nat", tests, up, down);
}
