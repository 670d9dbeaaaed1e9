// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What each kind of NAT rule makes of a packet, and of its answer. */
#include <stdio.h>
#include <string.h>

#include "gate.h"

static const unsigned int protos[] = {PROTO_UDP, PROTO_TCP, PROTO_ICMP};

/* An asker's packet and the answer to it, as it comes in from outside. */
static void make_pair(struct frame *f, struct frame *back, unsigned int proto, struct ends e,
	const char *outside, unsigned int port)
{
	gate_frame(f, proto, e);
	gate_frame_out(back, proto, ENDS(e.dst, e.dport, outside, port));
	if (proto == PROTO_TCP)
		gate_tcp(back, SYN | ACK);
}

static unsigned int server_port(unsigned int proto)
{
	return proto == PROTO_ICMP ? ECHO : 53;
}

/* Thrice: the first makes the session, the second is kept with its flow, the third is of that. */
static void masquerade_goes_out_and_comes_back(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	for (unsigned int i = 0; i < ARRAY_SIZE(protos); i++) {
		unsigned int port = server_port(protos[i]);
		struct weir_session *s;

		gate_rules(g, "masquerade out dev out0");
		make_pair(&f, &back, protos[i], ENDS(HOST, 5000, FAR, port), OUTSIDE, 5000);
		for (int n = 0; n < 3; n++) {
			gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, port));
			gate_becomes(g->out, &back, PORT_IN, ENDS(FAR, port, HOST, 5000));
		}
		assert_int_equal(prog_sessions(g->in), 1);
		s = prog_session(g->in, protos[i], HOST, 5000);
		assert_int_equal(s->count[0].packets, 3);
		assert_int_equal(s->count[0].bytes, 3 * f.len);
		assert_int_equal(s->count[1].packets, 3);
		assert_int_equal(s->count[1].bytes, 3 * back.len);
		assert_int_equal(s->flags & 0xff,
			WEIR_SESSION_SRC | WEIR_SESSION_REPLIED | WEIR_SESSION_MASQUERADE);
		assert_int_equal(prog_ports(g->in, 0, i), 1);
		prog_flush(g->in);
		assert_int_equal(prog_ports(g->in, 0, i), 0);
	}
}

static void snat_gives_its_own_address(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.77");
	for (unsigned int i = 0; i < ARRAY_SIZE(protos); i++) {
		unsigned int port = server_port(protos[i]);

		make_pair(&f, &back, protos[i], ENDS(HOST, 5000, FAR, port), "203.0.113.77", 5000);
		for (int n = 0; n < 3; n++) {
			gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.77", 5000, FAR, port));
			gate_becomes(g->out, &back, PORT_IN, ENDS(FAR, port, HOST, 5000));
		}
	}
}

static void dnat_goes_in_and_comes_back(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	gate_rules(g, "dnat in dev out0 dst " OUTSIDE " dport 8080 proto udp to 192.0.2.1:80\n"
		      "dnat in dev out0 dst " OUTSIDE " dport 8080 proto tcp to 192.0.2.1:80");
	for (size_t i = 0; i < 2; i++) {
		gate_frame_out(&f, protos[i], ENDS(FAR, 4000, OUTSIDE, 8080));
		gate_frame(&back, protos[i], ENDS(HOST, 80, FAR, 4000));
		if (protos[i] == PROTO_TCP)
			gate_tcp(&back, SYN | ACK);
		for (int n = 0; n < 3; n++) {
			gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 4000, HOST, 80));
			gate_becomes(g->in, &back, PORT_OUT, ENDS(OUTSIDE, 8080, FAR, 4000));
		}
	}
	assert_int_equal(prog_sessions(g->in), 2);
}

static void dnat_keeps_the_port_without_another(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	gate_rules(g, "dnat in dev out0 dst 203.0.113.7 to 192.0.2.1");
	for (unsigned int i = 0; i < ARRAY_SIZE(protos); i++) {
		unsigned int port = server_port(protos[i]);

		gate_frame_out(&f, protos[i], ENDS(FAR, 4000, "203.0.113.7", port));
		gate_frame(&back, protos[i], ENDS(HOST, port, FAR, 4000));
		if (protos[i] == PROTO_TCP)
			gate_tcp(&back, SYN | ACK);
		for (int n = 0; n < 3; n++) {
			gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 4000, HOST, port));
			gate_becomes(g->in, &back, PORT_OUT, ENDS("203.0.113.7", port, FAR, 4000));
		}
	}
}

/* Several servers: one for each asker, always the same. */
static void dnat_to_a_range_is_the_same_for_an_asker(void **state)
{
	struct gate *g = *state;
	bool met[4] = {false};
	struct frame f;

	gate_rules(g, "dnat in dev in0 dst 203.0.113.7 to 198.18.1.4-198.18.1.7");
	for (unsigned int host = 1; host < 60; host++) {
		char src[32];
		unsigned int at;

		snprintf(src, sizeof(src), "192.0.2.%u", host);
		gate_frame(&f, PROTO_UDP, ENDS(src, 4000, "203.0.113.7", 53));
		assert_exit(prog_exit(g->in, &f, gate_ran()), X(xmit, NONE));
		at = gate_ran()->out.data[AT_IP_DST + 3];
		assert_in_range(at, 4, 7);
		met[at - 4] = true;
		gate_frame(&f, PROTO_UDP, ENDS(src, 4001, "203.0.113.7", 54));
		prog_run(g->in, &f, gate_ran());
		assert_int_equal(gate_ran()->out.data[AT_IP_DST + 3], at);
	}
	for (size_t i = 0; i < ARRAY_SIZE(met); i++)
		assert_true(met[i]);
}

static void map_is_one_to_one_both_ways(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "map 192.0.2.1 to 203.0.113.9 dev out0");
	for (unsigned int i = 0; i < ARRAY_SIZE(protos); i++) {
		unsigned int port = server_port(protos[i]);

		gate_frame(&f, protos[i], ENDS(HOST, 5000, FAR, port));
		gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.9", 5000, FAR, port));
		gate_frame_out(&f, protos[i], ENDS(FAR, 7000, "203.0.113.9", port));
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 7000, HOST, port));
	}
	assert_int_equal(prog_sessions(g->in), 6);
}

/* Of protocols without ports the address alone is translated. */
static void protocols_without_ports_have_their_address_translated(void **state)
{
	static const unsigned int others[] = {PROTO_GRE, PROTO_ESP, PROTO_SCTP, 253};
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	/* on a virtual link native XDP leaves tunnels to the kernel: see csum_test.c */
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (g->in->hook == WEIR_HOOK_xdp && others[i] == PROTO_GRE)
			continue;
		gate_frame(&f, others[i], ENDS(HOST, 0, FAR, 0));
		gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 0, FAR, 0));
		gate_frame_out(&f, others[i], ENDS(FAR, 0, OUTSIDE, 0));
		if (others[i] == PROTO_SCTP) {
			put16(&f, AT_L4, 6000);
			put16(&f, AT_L4_DPORT, 5000);
		}
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 0, HOST, 0));
	}
}

/* Too short for ports, a rule without any governs it nevertheless. */
static void packets_cut_before_their_ports_are_dropped(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (unsigned int i = 0; i < ARRAY_SIZE(protos); i++)
		for (__u32 len = 0; len < 8; len++) {
			gate_rules(g, "masquerade out dev out0");
			frame_make(&f, protos[i], FAR, len);
			gate_drops(g->in, &f, X(nf_postrouting, NAT_NO_SESSION));
			gate_rules(g, "masquerade out dev out0 src 192.0.2.64/26");
			gate_goes(g->in, &f, &f, PORT_OUT);
		}
}

static void multicast_that_the_kernel_forwards_is_dropped(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, "239.1.2.3", 5001));
	gate_drops(g->sent, &f, X(tc_egress, NAT_NO_SESSION));
	g->sent->local = true; /* this host's own, such as of a routing protocol */
	gate_left_as(g->sent, &f, X(xmit, NONE), &f);
	g->sent->local = false;
	gate_rules(g, "masquerade out dev out0 src 192.0.2.64/26");
	gate_left_as(g->sent, &f, X(xmit, NONE), &f);
}

static void what_no_rule_governs_is_left_as_it_is(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0 src 192.0.2.64/26");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_goes(g->in, &f, &f, PORT_OUT);
	gate_goes(g->in, &f, &f, PORT_OUT);
	gate_frame(&f, PROTO_UDP, ENDS("192.0.2.64", 5000, SMALL_HOP, 53));
	gate_goes(g->in, &f, &f, PORT_SMALL);
	assert_int_equal(prog_sessions(g->in), 0);
	gate_frame(&f, PROTO_UDP, ENDS("192.0.2.64", 5000, FAR, 53));
	gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, 53));
	assert_int_equal(prog_sessions(g->in), 1);
}

/* RFC 6888, REQ-6: by the ranges that are left. */
static void destinations_may_be_left_out(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0 dst 0.0.0.0-198.18.1.8,198.18.1.10-255.255.255.255");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_goes(g->in, &f, &f, PORT_OUT);
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, "198.18.1.10", 53));
	gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, "198.18.1.10", 53));

	gate_rules(g, "masquerade out dev out0 proto udp dport 1-52,54-65535");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_goes(g->in, &f, &f, PORT_OUT);
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 54));
	gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, 54));
}

static void the_first_rule_that_matches_decides(void **state)
{
	struct gate *g = *state;
	struct weir_rule_count count[PROG_SLOTS];
	struct frame f;

	gate_rules(g, "snat out dev out0 proto udp dport 53 to 203.0.113.7\n"
		      "snat out dev out0 src 192.0.2.0/24 to 203.0.113.8");
	prog_uncount(g->in);
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	for (int n = 0; n < 3; n++)
		gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.7", 5000, FAR, 53));
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 54));
	gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.8", 5000, FAR, 54));
	prog_counted(g->in, count); /* a rule counts sessions */
	assert_int_equal(count[0].packets, 1);
	assert_int_equal(count[1].packets, 1);
}

/* A server of the inside that is reached by dnat, and begins itself by masquerading: both at once.
 */
static void both_ends_are_translated_at_once(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "dnat in dev in0 dst 203.0.113.7 proto udp dport 53 to 198.18.1.9:5353\n"
		      "masquerade out dev out0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, "203.0.113.7", 53));
	gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, 5353));
	gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, 5353));
	gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 5353, OUTSIDE, 5000));
	gate_becomes(g->out, &f, PORT_IN, ENDS("203.0.113.7", 53, HOST, 5000));
	gate_becomes(g->out, &f, PORT_IN, ENDS("203.0.113.7", 53, HOST, 5000));
	assert_int_equal(prog_sessions(g->in), 1);
	prog_flush(g->in);
	for (__u32 i = 0; i < PROG_SESSIONS; i++) /* four keys of it are gone */
		for (int way = 0; way < WEIR_BUCKET_WAYS; way++)
			assert_int_equal(g->in->index[i].entry[way], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masquerade_goes_out_and_comes_back),
		cmocka_unit_test(snat_gives_its_own_address),
		cmocka_unit_test(dnat_goes_in_and_comes_back),
		cmocka_unit_test(dnat_keeps_the_port_without_another),
		cmocka_unit_test(dnat_to_a_range_is_the_same_for_an_asker),
		cmocka_unit_test(map_is_one_to_one_both_ways),
		cmocka_unit_test(protocols_without_ports_have_their_address_translated),
		cmocka_unit_test(packets_cut_before_their_ports_are_dropped),
		cmocka_unit_test(multicast_that_the_kernel_forwards_is_dropped),
		cmocka_unit_test(what_no_rule_governs_is_left_as_it_is),
		cmocka_unit_test(destinations_may_be_left_out),
		cmocka_unit_test(the_first_rule_that_matches_decides),
		cmocka_unit_test(both_ends_are_translated_at_once),
	};

	return gate_run("nat", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
