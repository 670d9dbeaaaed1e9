// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ICMP queries and their ids: RFC 5508, section 3. */
#include <arpa/inet.h>
#include <string.h>

#include "gate.h"

static const unsigned int asks[] = {8, 13, 15, 17};

static void queries_of_each_type_go_out_and_come_back(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	for (unsigned int i = 0; i < ARRAY_SIZE(asks); i++)
		for (int n = 0; n < 2; n++) {
			gate_frame(&f, PROTO_ICMP, ENDS(HOST, 700 + i, FAR, asks[i]));
			gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 700 + i, FAR, asks[i]));
			gate_frame_out(&f, PROTO_ICMP, ENDS(FAR, asks[i], OUTSIDE, 700 + i));
			gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, asks[i], HOST, 700 + i));
		}
	assert_int_equal(prog_sessions(g->in), ARRAY_SIZE(asks));
	assert_int_equal(prog_ports(g->in, 0, 2), ARRAY_SIZE(asks));
}

/* The second has another id outside, and its own again inside. */
static void an_id_in_use_becomes_another_and_its_own_again(void **state)
{
	struct gate *g = *state;
	struct frame f;
	unsigned int id;

	gate_rules(g, "masquerade out dev out0");
	gate_frame(&f, PROTO_ICMP, ENDS(HOST, 700, FAR, ECHO));
	assert_int_equal(gate_port(g->in, &f), 700);
	gate_frame(&f, PROTO_ICMP, ENDS(INNER, 700, FAR, ECHO));
	id = gate_port(g->in, &f);
	assert_int_not_equal(id, 700);
	for (int n = 0; n < 2; n++) {
		gate_frame(&f, PROTO_ICMP, ENDS(INNER, 700, FAR, ECHO));
		gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, id, FAR, ECHO));
		gate_frame_out(&f, PROTO_ICMP, ENDS(FAR, ECHO, OUTSIDE, id));
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, ECHO, INNER, 700));
		gate_frame_out(&f, PROTO_ICMP, ENDS(FAR, ECHO, OUTSIDE, 700));
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, ECHO, HOST, 700));
	}
}

/* RFC 5508, REQ-1 c: by id alone, whoever is asked. */
static void an_id_is_the_same_whoever_is_asked(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0 ports 40000-40063");
	gate_frame(&f, PROTO_ICMP, ENDS(HOST, 700, FAR, ECHO));
	for (unsigned int id = gate_port(g->in, &f), i = 0; i < 4; i++) {
		gate_frame(&f, PROTO_ICMP, ENDS(HOST, 700, i & 1 ? "198.18.1.20" : HOP, ECHO));
		assert_int_equal(gate_port(g->in, &f), id);
	}
	assert_int_equal(prog_ports(g->in, 0, 2), 1);
}

/* Every id both ways, and its checksum with it. */
static void every_id_is_right_both_ways(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7:700");
	for (unsigned int id = 1; id < 65536; id += 257) {
		gate_frame(&f, PROTO_ICMP, ENDS(HOST, id, FAR, ECHO));
		gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.7", 700, FAR, ECHO));
		gate_frame_out(&f, PROTO_ICMP, ENDS(FAR, ECHO, "203.0.113.7", 700));
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, ECHO, HOST, id));
		prog_flush(g->in);
	}
}

/* RFC 5508, REQ-7: by the other's outside address, from one's own. */
static void queries_between_mapped_hosts_are_turned_round(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "map 192.0.2.1 to 203.0.113.9 dev out0\n"
		      "map 192.0.2.2 to 203.0.113.10 dev out0");
	for (int n = 0; n < 2; n++) {
		gate_frame(&f, PROTO_ICMP, ENDS(INNER, 700, "203.0.113.9", ECHO));
		gate_becomes(g->in, &f, PORT_IN, ENDS("203.0.113.10", 700, HOST, ECHO));
		gate_frame(&f, PROTO_ICMP, ENDS(HOST, ECHO, "203.0.113.10", 700));
		gate_becomes(g->in, &f, PORT_IN, ENDS("203.0.113.9", ECHO, INNER, 700));
	}
}

/* Neither a router's solicitation nor what no RFC knows is a query: governed, it is dropped. */
static void what_is_no_query_has_no_session(void **state)
{
	static const unsigned int types[] = {1, 2, 6, 7, 9, 10, 19, 30, 40, 255};
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		gate_frame(&f, PROTO_ICMP, ENDS(HOST, 700, FAR, ECHO));
		put8(&f, AT_L4, types[i]);
		gate_seal(&f);
		gate_drops(g->in, &f, X(nf_postrouting, NAT_NO_SESSION));
	}
	assert_int_equal(prog_sessions(g->in), 0);
}

/* An answer that nobody has asked for opens nothing. */
static void an_answer_begins_no_session(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	gate_frame(&f, PROTO_ICMP, ENDS(HOST, ECHO, FAR, 700));
	gate_drops(g->in, &f, X(nf_postrouting, NAT_NO_SESSION));
	gate_frame_out(&f, PROTO_ICMP, ENDS(FAR, ECHO, OUTSIDE, 700));
	gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
	assert_int_equal(prog_sessions(g->in), 0);
}

/* A ping of this host from outside is answered by it. */
static void a_ping_of_this_host_is_its_own(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	gate_frame_out(&f, PROTO_ICMP, ENDS(FAR, 700, OUTSIDE, ECHO));
	gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
	gate_frame(&f, PROTO_ICMP, ENDS(OUTSIDE, ECHO, FAR, 700));
	g->sent->local = true;
	gate_left_as(g->sent, &f, X(xmit, NONE), &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_of_each_type_go_out_and_come_back),
		cmocka_unit_test(an_id_in_use_becomes_another_and_its_own_again),
		cmocka_unit_test(an_id_is_the_same_whoever_is_asked),
		cmocka_unit_test(every_id_is_right_both_ways),
		cmocka_unit_test(queries_between_mapped_hosts_are_turned_round),
		cmocka_unit_test(what_is_no_query_has_no_session),
		cmocka_unit_test(an_answer_begins_no_session),
		cmocka_unit_test(a_ping_of_this_host_is_its_own),
	};

	return gate_run("nat_icmp", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
