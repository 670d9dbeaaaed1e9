// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mappings and who may use them: RFC 4787, sections 4 to 6, for UDP and TCP. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "gate.h"

#define FAR2 "198.18.1.10"
#define FAR3 "198.18.1.11"

static const unsigned int protos[] = {PROTO_UDP, PROTO_TCP};

static unsigned int port_to(
	struct gate *g, unsigned int proto, const char *src, const char *dst, unsigned int dport)
{
	struct frame f;

	gate_frame(&f, proto, ENDS(src, 5000, dst, dport));
	return gate_port(g->in, &f);
}

/* --- mapping --- */

static void a_mapping_is_the_same_whatever_the_destination(void **state)
{
	struct gate *g = *state;

	for (unsigned int p = 0; p < ARRAY_SIZE(protos); p++) {
		gate_rules(g, "masquerade out dev out0 ports 40000-40063");
		for (unsigned int i = 0; i < 8; i++) {
			unsigned int port = port_to(g, protos[p], HOST, i & 1 ? FAR : FAR2, 53 + i);

			assert_in_range(port, 40000, 40063);
			assert_int_equal(port, port_to(g, protos[p], HOST, FAR3, 53));
		}
		assert_int_equal(prog_sessions(g->in), 9);
		assert_int_equal(prog_ports(g->in, 0, p), 1);
		prog_flush(g->in);
		assert_int_equal(prog_ports(g->in, 0, p), 0);
	}
}

static void a_mapping_by_address_is_another_for_another_address(void **state)
{
	struct gate *g = *state;

	for (unsigned int p = 0; p < ARRAY_SIZE(protos); p++) {
		unsigned int port;

		gate_rules(g, "masquerade out dev out0 mapping address");
		port = port_to(g, protos[p], HOST, FAR, 53);
		assert_int_equal(port, 5000);
		assert_int_equal(port_to(g, protos[p], HOST, FAR, 54), port);
		assert_int_not_equal(port_to(g, protos[p], HOST, FAR2, 53), port);
		assert_int_equal(prog_ports(g->in, 0, p), 2);
	}
}

static void a_mapping_by_address_and_port_is_another_for_another_port(void **state)
{
	struct gate *g = *state;

	for (unsigned int p = 0; p < ARRAY_SIZE(protos); p++) {
		unsigned int port;

		gate_rules(g, "masquerade out dev out0 mapping address-port");
		port = port_to(g, protos[p], HOST, FAR, 53);
		assert_int_not_equal(port_to(g, protos[p], HOST, FAR, 54), port);
		assert_int_not_equal(port_to(g, protos[p], HOST, FAR2, 53), port);
		assert_int_equal(port_to(g, protos[p], HOST, FAR, 53), port);
		assert_int_equal(prog_ports(g->in, 0, p), 3);
	}
}

/* As long as one of its sessions is there it stays. */
static void a_mapping_lasts_as_long_as_its_last_session(void **state)
{
	struct gate *g = *state;
	struct weir_flush one = {.port = htons(53)}, two = {.port = htons(54)};

	gate_rules(g, "masquerade out dev out0 ports 40000-40063");
	for (unsigned int n = 0; n < 8; n++) {
		unsigned int port = port_to(g, PROTO_UDP, HOST, FAR, 53);

		assert_int_equal(port_to(g, PROTO_UDP, HOST, FAR2, 54), port);
		prog_flush_match(g->in, n & 1 ? &one : &two);
		assert_int_equal(prog_ports(g->in, 0, 0), 1);
		assert_int_equal(port_to(g, PROTO_UDP, HOST, FAR3, 55), port);
		prog_flush(g->in);
		assert_int_equal(prog_ports(g->in, 0, 0), 0);
		assert_int_equal(port_to(g, PROTO_UDP, INNER, FAR, 53) < 40000, 0);
		prog_flush(g->in);
	}
}

/* --- filtering --- */

/* What comes from @src, and its port, to the mapping of HOST. */
static void comes_in(
	struct gate *g, unsigned int proto, const char *src, unsigned int sport, bool may)
{
	struct frame f;

	gate_frame_out(&f, proto, ENDS(src, sport, OUTSIDE, 5000));
	if (may)
		gate_becomes(g->out, &f, PORT_IN, ENDS(src, sport, HOST, 5000));
	else
		gate_drops(g->out, &f, X(nf_prerouting, NAT_FILTERED));
}

static void filtering_by_endpoint_lets_anyone_in(void **state)
{
	struct gate *g = *state;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		gate_rules(g, "masquerade out dev out0");
		port_to(g, protos[p], HOST, FAR, 53);
		comes_in(g, protos[p], FAR2, 1, true);
		comes_in(g, protos[p], FAR3, 53, true);
		comes_in(g, protos[p], FAR, 54, true);
		assert_int_equal(prog_sessions(g->in), 4);
		assert_true(prog_session(g->in, protos[p], FAR2, 1)->flags & WEIR_SESSION_INBOUND);
	}
}

static void filtering_by_address_lets_in_who_was_sent_to(void **state)
{
	struct gate *g = *state;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		gate_rules(g, "masquerade out dev out0 filtering address");
		port_to(g, protos[p], HOST, FAR, 53);
		comes_in(g, protos[p], FAR2, 53, false);
		comes_in(g, protos[p], FAR, 54, true);
		comes_in(g, protos[p], FAR, 55, true);
		port_to(g, protos[p], HOST, FAR2, 60);
		comes_in(g, protos[p], FAR2, 53, true);
		comes_in(g, protos[p], FAR3, 53, false);
		prog_flush(g->in);
		port_to(g, protos[p], HOST, FAR3, 53);
		comes_in(g, protos[p], FAR2, 53, false);
	}
}

static void filtering_by_address_and_port_lets_in_answers_alone(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		gate_rules(g, "masquerade out dev out0 filtering address-port");
		port_to(g, protos[p], HOST, FAR, 53);
		comes_in(g, protos[p], FAR2, 53, false);
		comes_in(g, protos[p], FAR, 54, false);
		gate_answer(&f, protos[p], ENDS(FAR, 53, OUTSIDE, 5000));
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 53, HOST, 5000));
	}
}

/* RFC 5382, REQ-3: what no session knows of TCP, and is no SYN, opens nothing. */
static void tcp_from_outside_begins_with_a_syn(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	port_to(g, PROTO_TCP, HOST, FAR, 53);
	gate_frame_out(&f, PROTO_TCP, ENDS(FAR2, 9, OUTSIDE, 5000));
	for (unsigned int flags = 0; flags < 32; flags++) {
		gate_tcp(&f, flags);
		if ((flags & (SYN | FIN | RST | ACK)) == ACK)
			gate_drops(g->out, &f, X(nf_prerouting, NAT_FILTERED));
		else if ((flags & (SYN | FIN | RST | ACK)) != SYN) /* nobody's */
			gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
	}
	assert_int_equal(prog_sessions(g->in), 1);
	gate_tcp(&f, SYN);
	gate_becomes(g->out, &f, PORT_IN, ENDS(FAR2, 9, HOST, 5000));
}

/* What comes for a port that is nobody's is this host's. */
static void a_port_without_a_mapping_is_this_hosts(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	port_to(g, PROTO_UDP, HOST, FAR, 53);
	gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 53, OUTSIDE, 5001));
	gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
	gate_frame_out(&f, PROTO_TCP, ENDS(FAR, 53, OUTSIDE, 5000));
	gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
}

/* An address of a pool is nobody's but NAT's: the kernel would send it back where it came from. */
static void a_pools_address_without_a_mapping_is_dropped(void **state)
{
	struct gate *g = *state;
	struct frame f;

	assert_int_equal(net_ip("route add 203.0.113.77/32 via " HOP), 0);
	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.77");
	gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 53, "203.0.113.77", 5000));
	gate_drops(g->out, &f, X(nf_postrouting, NAT_NO_MAPPING));
	gate_frame_out(&f, PROTO_ICMP, ENDS(FAR, 53, "203.0.113.77", ECHO));
	gate_drops(g->out, &f, X(nf_postrouting, NAT_NO_MAPPING));
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.77", 5000, FAR, 53));
	gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 53, "203.0.113.77", 5000));
	gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 53, HOST, 5000));
	assert_int_equal(net_ip("route del 203.0.113.77/32"), 0);
}

/* --- pools --- */

/* RFC 4787, REQ-2: a host has one address as long as that has ports. */
static void a_host_has_the_same_address_of_a_pool(void **state)
{
	struct gate *g = *state;
	bool met[8] = {false};
	unsigned int nr = 0;
	struct frame f;
	char src[32];

	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.64-203.0.113.71");
	for (unsigned int host = 1; host < 100; host++) {
		unsigned int first = 0;

		snprintf(src, sizeof(src), "192.0.2.%u", host);
		for (unsigned int i = 0; i < 9; i++) {
			unsigned int proto = i % 3 == 2 ? PROTO_ICMP : protos[i % 3], at;

			gate_frame(&f, proto,
				ENDS(src, 5000 + i, i & 1 ? FAR : FAR2, i % 3 == 2 ? ECHO : i));
			gate_port(g->in, &f);
			at = gate_ran()->out.data[AT_IP_SRC + 3];
			assert_in_range(at, 64, 71);
			first = i ? first : at;
			assert_int_equal(at, first);
		}
		met[first - 64] = true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(met); i++)
		nr += met[i];
	assert_int_equal(nr, ARRAY_SIZE(met));
}

/* Then the next address has to do. */
static void an_address_without_ports_is_followed_by_the_next(void **state)
{
	struct gate *g = *state;
	unsigned int of[2] = {0};
	struct frame f;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.64-203.0.113.65:4000-4015");
	for (unsigned int i = 0; i < 32; i++) {
		gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000 + i, FAR, 53));
		gate_port(g->in, &f);
		of[gate_ran()->out.data[AT_IP_SRC + 3] - 64]++;
	}
	assert_int_equal(of[0], 16);
	assert_int_equal(of[1], 16);
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 6000, FAR, 53));
	assert_exit(prog_exit(g->in, &f, gate_ran()), X(nf_postrouting, NAT_EXHAUSTED));
}

/* RFC 7422: a block for each inside address, counted through ports first, then through addresses.
 */
static void an_inside_address_gets_its_block_alone(void **state)
{
	struct gate *g = *state;
	char src[32];
	struct frame f;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/28 to 203.0.113.64-203.0.113.67:4000-4063 "
		      "deterministic block 16");
	for (unsigned int host = 0; host < 16; host++) {
		unsigned int lo = 4000 + host % 4 * 16;

		snprintf(src, sizeof(src), "192.0.2.%u", host);
		for (unsigned int i = 0; i < 16; i++) {
			gate_frame(&f, PROTO_UDP, ENDS(src, 5000 + i, FAR, 53));
			assert_in_range(gate_port(g->in, &f), lo, lo + 15);
			assert_int_equal(gate_ran()->out.data[AT_IP_SRC + 3], 64 + host / 4);
		}
		gate_frame(&f, PROTO_UDP, ENDS(src, 6000, FAR, 53));
		assert_exit(prog_exit(g->in, &f, gate_ran()), X(nf_postrouting, NAT_EXHAUSTED));
	}
}

static void a_block_of_all_ports_begins_above_the_well_known(void **state)
{
	struct gate *g = *state;
	char src[32];
	struct frame f;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/28 to 203.0.113.64 "
		      "deterministic block 4032");
	for (unsigned int host = 0; host < 16; host++) {
		unsigned int lo = 1024 + host * 4032;

		snprintf(src, sizeof(src), "192.0.2.%u", host);
		for (unsigned int port = 50; port < 60000; port += 7777) {
			gate_frame(&f, PROTO_TCP, ENDS(src, port, FAR, 53));
			assert_in_range(gate_port(g->in, &f), lo, lo + 4031);
		}
	}
}

/* --- hairpin --- */

/* RFC 4787, REQ-9: who is called is shown the caller's outside address and port. */
static void a_hairpin_by_mapping_has_the_external_source(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		gate_rules(g, "masquerade out dev out0");
		port_to(g, protos[p], HOST, FAR, 53);
		gate_frame(&f, protos[p], ENDS(INNER, 7000, OUTSIDE, 5000));
		for (int n = 0; n < 2; n++)
			gate_becomes(g->in, &f, PORT_IN, ENDS(OUTSIDE, 7000, HOST, 5000));
		gate_frame(&f, protos[p], ENDS(HOST, 5000, OUTSIDE, 7000));
		gate_tcp(&f, protos[p] == PROTO_TCP ? SYN | ACK : f.data[AT_L4 + 13]);
		for (int n = 0; n < 2; n++)
			gate_becomes(g->in, &f, PORT_IN, ENDS(OUTSIDE, 5000, INNER, 7000));
		assert_true(
			prog_session(g->in, protos[p], INNER, 7000)->flags & WEIR_SESSION_HAIRPIN);
		assert_int_equal(prog_ports(g->in, 0, p ? 1 : 0), 2);
		/* from outside it is the same mapping */
		gate_frame_out(&f, protos[p], ENDS(FAR, 9, OUTSIDE, 7000));
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 9, INNER, 7000));
	}
}

static void a_hairpin_by_dnat_has_the_external_source(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		gate_rules(g, p ? "masquerade out dev out0\n"
				  "dnat in dev out0 proto tcp dport 8080 to 192.0.2.1:80"
				: "masquerade out dev out0\n"
				  "dnat in dev out0 proto udp dport 8080 to 192.0.2.1:80");
		gate_frame(&f, protos[p], ENDS(INNER, 7000, OUTSIDE, 8080));
		for (int n = 0; n < 2; n++)
			gate_becomes(g->in, &f, PORT_IN, ENDS(OUTSIDE, 7000, HOST, 80));
		gate_frame(&f, protos[p], ENDS(HOST, 80, OUTSIDE, 7000));
		gate_tcp(&f, protos[p] == PROTO_TCP ? SYN | ACK : f.data[AT_L4 + 13]);
		for (int n = 0; n < 2; n++)
			gate_becomes(g->in, &f, PORT_IN, ENDS(OUTSIDE, 8080, INNER, 7000));
		/* any other destination of that port is none of the rule's */
		gate_frame(&f, protos[p], ENDS(INNER, 7001, FAR, 8080));
		gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 7001, FAR, 8080));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_is_the_same_whatever_the_destination),
		cmocka_unit_test(a_mapping_by_address_is_another_for_another_address),
		cmocka_unit_test(a_mapping_by_address_and_port_is_another_for_another_port),
		cmocka_unit_test(a_mapping_lasts_as_long_as_its_last_session),
		cmocka_unit_test(filtering_by_endpoint_lets_anyone_in),
		cmocka_unit_test(filtering_by_address_lets_in_who_was_sent_to),
		cmocka_unit_test(filtering_by_address_and_port_lets_in_answers_alone),
		cmocka_unit_test(tcp_from_outside_begins_with_a_syn),
		cmocka_unit_test(a_port_without_a_mapping_is_this_hosts),
		cmocka_unit_test(a_pools_address_without_a_mapping_is_dropped),
		cmocka_unit_test(a_host_has_the_same_address_of_a_pool),
		cmocka_unit_test(an_address_without_ports_is_followed_by_the_next),
		cmocka_unit_test(an_inside_address_gets_its_block_alone),
		cmocka_unit_test(a_block_of_all_ports_begins_above_the_well_known),
		cmocka_unit_test(a_hairpin_by_mapping_has_the_external_source),
		cmocka_unit_test(a_hairpin_by_dnat_has_the_external_source),
	};

	return gate_run("nat_mapping", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
