// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The filter and sessions: rules that ask for states, and what they see of a translated packet. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "gate.h"

#define STATEFUL                                                                                   \
	"state established,related accept\n"                                                       \
	"state invalid drop\n"                                                                     \
	"state new in dev in0 accept\n"                                                            \
	"src 0.0.0.0/0 drop"

static const struct {
	const char *rules, *outside;
	unsigned int port;
} nats[] = {
	{"", HOST, 5000},
	{"snat out dev out0 src 192.0.2.0/24 to 203.0.113.7:40000", "203.0.113.7", 40000},
};

static void inside_begins_and_outside_answers(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	for (size_t n = 0; n < ARRAY_SIZE(nats); n++)
		for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
			unsigned int port = gate_server_port(gate_protos[p]);

			gate_rules(g, nats[n].rules);
			gate_filter(g, STATEFUL);
			gate_frame(&f, gate_protos[p], ENDS(HOST, 5000, FAR, port));
			gate_answer(&back, gate_protos[p],
				ENDS(FAR, port, nats[n].outside, nats[n].port));
			for (int i = 0; i < 3; i++)
				gate_becomes(g->in, &f, PORT_OUT,
					ENDS(nats[n].outside, nats[n].port, FAR, port));
			for (int i = 0; i < 3; i++)
				gate_becomes(g->out, &back, PORT_IN, ENDS(FAR, port, HOST, 5000));
			for (int i = 0; i < 3; i++)
				gate_becomes(g->in, &f, PORT_OUT,
					ENDS(nats[n].outside, nats[n].port, FAR, port));
			assert_int_equal(prog_sessions(g->in), 1);
		}
}

static void outside_begins_nothing(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_filter(g, STATEFUL);
	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		gate_frame_out(&f, gate_protos[p],
			ENDS(FAR, 5000, HOST, gate_server_port(gate_protos[p])));
		for (int i = 0; i < 3; i++)
			gate_drops(g->out, &f, X(nf_forward, FILTER));
	}
	assert_int_equal(prog_sessions(g->in), 0);
}

/* As long as nothing has come back it is new: only then are rules for the established its own. */
/* RFC 5382, REQ-4 and 4 a: where rules forbid it, this host does not answer for its ports that are
 * no mapping's. */
static void a_syn_for_no_mapping_is_dropped_silently(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	gate_filter(g, STATEFUL);
	gate_frame_out(&f, PROTO_TCP, ENDS(FAR, 80, OUTSIDE, 5000));
	for (int i = 0; i < 3; i++)
		gate_drops(g->out, &f, X(nf_prerouting, FILTER));
	/* nor does it stand in the way of a connection that the inside begins meanwhile */
	gate_frame(&f, PROTO_TCP, ENDS(HOST, 5000, FAR, 80));
	gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, 80));
	gate_frame_out(&f, PROTO_TCP, ENDS(FAR, 80, OUTSIDE, 5000));
	gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 80, HOST, 5000));
	assert_int_equal(prog_sessions(g->in), 1);
}

static void a_session_is_new_until_it_is_answered(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		unsigned int port = gate_server_port(gate_protos[p]);

		gate_filter(
			g, "state new in dev in0 accept\nin dev out0 accept\nsrc 0.0.0.0/0 drop");
		gate_frame(&f, gate_protos[p], ENDS(HOST, 5000, FAR, port));
		for (int i = 0; i < 3; i++)
			gate_goes(g->in, &f, &f, PORT_OUT);
		gate_answer(&back, gate_protos[p], ENDS(FAR, port, HOST, 5000));
		gate_goes(g->out, &back, &back, PORT_IN);
		gate_drops(g->in, &f, X(nf_forward, FILTER));
	}
}

static void an_error_about_a_session_is_related(void **state)
{
	struct gate *g = *state;
	struct frame f, about, error, want;

	for (size_t n = 0; n < ARRAY_SIZE(nats); n++)
		for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
			gate_rules(g, nats[n].rules);
			gate_filter(g, STATEFUL);
			gate_frame(&f, gate_protos[p],
				ENDS(HOST, 5000, FAR, gate_server_port(gate_protos[p])));
			gate_port(g->in, &f);
			about = gate_ran()->out;
			put8(&f, AT_IP_TTL, 63);
			gate_seal(&f);
			gate_error_out(&error, 3, 1, 0, HOP, nats[n].outside, &about, 28);
			gate_error_out(&want, 3, 1, 0, HOP, HOST, &f, 28);
			gate_goes(g->out, &error, &want, PORT_IN);
			/* about nothing known */
			put16(&about, gate_protos[p] == PROTO_ICMP ? AT_L4 + 4 : AT_L4, 9);
			gate_seal(&about);
			gate_error_out(&error, 3, 1, 0, HOP, HOST, &about, 28);
			gate_drops(g->out, &error, X(nf_forward, FILTER));
		}
}

static void what_can_begin_no_session_is_invalid(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_filter(g, "state invalid drop");
	gate_frame(&f, PROTO_TCP, ENDS(HOST, 5000, FAR, 53));
	for (unsigned int flags = 0; flags < 32; flags++) {
		unsigned int begins = flags & (SYN | FIN | RST | ACK);

		gate_tcp(&f, flags);
		if (begins == SYN || begins == ACK)
			continue;
		gate_drops(g->in, &f, X(nf_forward, FILTER));
	}
	gate_frame(&f, PROTO_ICMP, ENDS(HOST, ECHO, FAR, 5000)); /* unasked */
	gate_drops(g->in, &f, X(nf_forward, FILTER));
	frame_make(&f, PROTO_UDP, FAR, 3);
	gate_drops(g->in, &f, X(nf_forward, FILTER));
	gate_frame(&f, PROTO_TCP, ENDS(HOST, 5000, FAR, 53));
	gate_goes(g->in, &f, &f, PORT_OUT);
}

/* Neither session, port nor mapping. */
static void what_the_filter_drops_leaves_nothing(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	gate_filter(g, "dst 198.18.1.0/24 drop");
	for (unsigned int p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		gate_frame(&f, gate_protos[p],
			ENDS(HOST, 5000, FAR, gate_server_port(gate_protos[p])));
		for (int i = 0; i < 3; i++)
			gate_drops(g->in, &f, X(nf_forward, FILTER));
		gate_options(&f, 1);
		gate_drops(g->in, &f, X(nf_prerouting, FILTER));
		assert_int_equal(prog_ports(g->in, 0, p), 0);
	}
	assert_int_equal(prog_sessions(g->in), 0);
}

/* As nft's forward chain: behind dnat, before snat. */
/* RFC 6888, REQ-4 c and 5 b: a host that begins too much is stopped before it takes a port, and no
 * other is; what it has begun goes on. */
static void a_limit_per_source_is_of_what_a_host_begins(void **state)
{
	static unsigned int hosts; /* each is limited once */
	struct gate *g = *state;
	struct frame f;
	char src[32];

	gate_rules(g, "masquerade out dev out0");
	gate_filter(g, "state new limit 1/h burst 3 per src accept\n"
		       "state new drop");
	for (unsigned int p = 0; p < ARRAY_SIZE(gate_protos); p++)
		for (unsigned int n = 0; n < 2; n++) {
			snprintf(src, sizeof(src), "192.0.2.%u", 10 + hosts++);
			for (unsigned int i = 0; i < 6; i++) {
				gate_frame(&f, gate_protos[p],
					ENDS(src, 100 * hosts + i, FAR,
						gate_server_port(gate_protos[p])));
				if (i < 3)
					gate_port(g->in, &f);
				else
					gate_drops(g->in, &f, X(nf_forward, FILTER));
			}
			assert_int_equal(prog_ports(g->in, 0, p), 3 * (n + 1));
			gate_answer(&f, gate_protos[p],
				ENDS(FAR, gate_server_port(gate_protos[p]), OUTSIDE, 100 * hosts));
			assert_exit(prog_exit(g->out, &f, gate_ran()), X(neigh, NEIGH_UNRESOLVED));
		}
	assert_int_equal(prog_sessions(g->in), 3 * 2 * ARRAY_SIZE(gate_protos));
}

static void rules_see_the_inside_of_a_translation(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	gate_rules(g, "dnat in dev out0 dst 203.0.113.7 proto udp dport 8080 to 192.0.2.1:80\n"
		      "masquerade out dev out0");
	gate_filter(g, "in dev out0 proto udp dst 192.0.2.1 dport 80 accept\n"
		       "src 192.0.2.1 accept\nsrc 0.0.0.0/0 drop");
	gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 4000, "203.0.113.7", 8080));
	for (int i = 0; i < 3; i++)
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 4000, HOST, 80));
	gate_frame(&back, PROTO_UDP, ENDS(HOST, 80, FAR, 4000));
	for (int i = 0; i < 3; i++)
		gate_becomes(g->in, &back, PORT_OUT, ENDS("203.0.113.7", 8080, FAR, 4000));
	gate_filter(g, "dst 203.0.113.7 accept\nsrc 203.0.113.7 accept\nsrc 0.0.0.0/0 drop");
	gate_drops(g->out, &f, X(nf_forward, FILTER));
	gate_drops(g->in, &back, X(nf_forward, FILTER));
}

/* A drop rule that is added stops what is established, at once. */
static void a_rule_that_is_added_stops_a_session(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	for (size_t p = 0; p < 2; p++) {
		gate_rules(g, "masquerade out dev out0");
		gate_filter(g, STATEFUL);
		gate_frame(&f, gate_protos[p], ENDS(HOST, 5000, FAR, 53));
		gate_answer(&back, gate_protos[p], ENDS(FAR, 53, OUTSIDE, 5000));
		for (int i = 0; i < 3; i++) {
			gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, 53));
			gate_becomes(g->out, &back, PORT_IN, ENDS(FAR, 53, HOST, 5000));
		}
		gate_filter(g, "dst 198.18.1.9 drop\n" STATEFUL);
		gate_drops(g->in, &f, X(nf_forward, FILTER));
		gate_becomes(g->out, &back, PORT_IN, ENDS(FAR, 53, HOST, 5000));
		gate_filter(g, "src 198.18.1.9 drop\n" STATEFUL);
		gate_drops(g->out, &back, X(nf_forward, FILTER));
		gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, 53));
	}
}

/* This host's own connections: its answers come in by the same rules. */
static void local_senders_are_answered(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	for (size_t n = 0; n < 2; n++)
		for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
			unsigned int port = gate_server_port(gate_protos[p]);

			gate_rules(g, n ? "masquerade out dev out0" : "");
			gate_filter(g, "state established accept\nin dev out0 drop");
			gate_answer(&back, gate_protos[p], ENDS(FAR, port, OUTSIDE, 5000));
			gate_drops(g->out, &back, X(nf_prerouting, FILTER));
			g->sent->local = true;
			gate_frame(&f, gate_protos[p], ENDS(OUTSIDE, 5000, FAR, port));
			gate_left_as(g->sent, &f, X(xmit, NONE), &f);
			gate_left_as(g->out, &back, X(route_in, NOT_FORWARDED), &back);
			gate_left_as(g->sent, &f, X(xmit, NONE), &f);
			assert_int_equal(prog_sessions(g->in), 1);
		}
}

static void fragments_are_of_their_firsts_state(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_filter(g, STATEFUL);
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_fragment(&f, MF);
	gate_goes(g->in, &f, &f, PORT_OUT);
	gate_fragment(&f, 3);
	gate_goes(g->in, &f, &f, PORT_OUT);
	put16(&f, AT_IP_ID, 7);
	frame_seal_ip(&f);
	gate_drops(g->in, &f, X(nf_forward, FILTER));
}

/* Those that wait for it are judged without ports, as if it were new; it is judged as what it is.
 */
static void fragments_that_wait_for_their_first_are_new(void **state)
{
	struct gate *g = *state;
	struct frame first, later;

	gate_rules(g, "masquerade out dev out0");
	g->in->nat->defrag = 1;
	gate_filter(g, "state invalid drop\nproto udp dport 53 drop\nstate new in dev in0 accept\n"
		       "drop");
	gate_frame(&first, PROTO_UDP, ENDS(HOST, 5000, FAR, 54));
	gate_fragment(&first, MF);
	gate_frame(&later, PROTO_UDP, ENDS(HOST, 5000, FAR, 54));
	gate_fragment(&later, 3);
	gate_left_as(g->in, &later, X(nf_forward, IP_REASSEMBLE), &later);
	gate_left_as(g->in, &first, X(nf_forward, IP_REASSEMBLE), &first);

	gate_frame(&first, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	put16(&first, AT_IP_ID, 7);
	gate_fragment(&first, MF);
	put16(&later, AT_IP_ID, 7);
	frame_seal_ip(&later);
	gate_left_as(g->in, &later, X(nf_forward, IP_REASSEMBLE), &later);
	gate_drops(g->in, &first, X(nf_forward, FILTER));
	g->in->nat->defrag = 0;
	put16(&later, AT_IP_ID, 8);
	frame_seal_ip(&later);
	gate_drops(g->in, &later, X(nf_forward, FILTER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inside_begins_and_outside_answers),
		cmocka_unit_test(outside_begins_nothing),
		cmocka_unit_test(a_syn_for_no_mapping_is_dropped_silently),
		cmocka_unit_test(a_session_is_new_until_it_is_answered),
		cmocka_unit_test(an_error_about_a_session_is_related),
		cmocka_unit_test(what_can_begin_no_session_is_invalid),
		cmocka_unit_test(what_the_filter_drops_leaves_nothing),
		cmocka_unit_test(a_limit_per_source_is_of_what_a_host_begins),
		cmocka_unit_test(rules_see_the_inside_of_a_translation),
		cmocka_unit_test(a_rule_that_is_added_stops_a_session),
		cmocka_unit_test(local_senders_are_answered),
		cmocka_unit_test(fragments_are_of_their_firsts_state),
		cmocka_unit_test(fragments_that_wait_for_their_first_are_new),
	};

	return gate_run("nat_state", tests, ARRAY_SIZE(tests), (struct prog_opts){.filter = true});
}
