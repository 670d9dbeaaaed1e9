// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What flows keep of sessions ends with them, with rules, and with addresses. */
#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "gate.h"
#include "model/ruleset.h"

#define NEW_OUTSIDE "198.51.100.200"

/* Other rules, with all sessions as they are. */
static void other_rules(struct gate *g, const char *text)
{
	struct weir_ruleset_model model = {.kind = WEIR_RULE_NAT};

	prog_rules_of(g->in, text, &model);
	weir_ruleset_done(&model);
	gate_changed(g);
}

static void send_thrice(struct gate *g, const struct frame *f, const char *src, unsigned int port)
{
	for (int n = 0; n < 3; n++) /* the third goes by what the flow keeps */
		gate_becomes(g->in, f, PORT_OUT, ENDS(src, port, FAR, 53));
}

static void a_flushed_session_is_not_used_by_the_next_packet(void **state)
{
	struct gate *g = *state;
	struct frame f, other, back;

	gate_rules(g, "masquerade out dev out0 ports 40000-40001");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 40000, FAR, 53));
	gate_frame(&other, PROTO_UDP, ENDS(INNER, 40000, FAR, 53));
	gate_frame_out(&back, PROTO_UDP, ENDS(FAR, 53, OUTSIDE, 40000));
	send_thrice(g, &f, OUTSIDE, 40000);
	for (int n = 0; n < 3; n++)
		gate_becomes(g->out, &back, PORT_IN, ENDS(FAR, 53, HOST, 40000));
	assert_int_equal(prog_flush_match(g->in, &(struct weir_flush){.proto = PROTO_UDP}), 1);
	gate_changed(g); /* as whoever flushes says */
	gate_left_as(g->out, &back, X(route_in, NOT_FORWARDED), &back);
	prog_flush(g->in);
	send_thrice(g, &other, OUTSIDE, 40000);
	send_thrice(g, &f, OUTSIDE, 40001);
	gate_becomes(g->out, &back, PORT_IN, ENDS(FAR, 53, INNER, 40000));
	assert_int_equal(prog_session(g->in, PROTO_UDP, INNER, 40000)->count[0].packets, 3);
}

/* One in its record's place is another, whoever has kept the number. */
static void a_session_in_anothers_place_is_not_taken_for_it(void **state)
{
	struct gate *g = *state;
	struct weir_session *was;
	struct frame f, other;

	gate_rules(g, "masquerade out dev out0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_frame(&other, PROTO_TCP, ENDS(INNER, 6000, FAR, 80));
	send_thrice(g, &f, OUTSIDE, 5000);
	was = prog_session(g->in, PROTO_UDP, HOST, 5000);
	prog_flush(g->in);
	for (unsigned int i = 0; i < PROG_SESSIONS && was->life != WEIR_LIFE_LIVE; i++) {
		gate_put_ends(&other, ENDS(INNER, 6000 + i, FAR, 80));
		gate_seal(&other);
		prog_run(g->in, &other, gate_ran());
	}
	assert_int_equal(was->life, WEIR_LIFE_LIVE);
	assert_int_equal(was->proto, PROTO_TCP);
	prog_forget_flows(g->in);
	send_thrice(g, &f, OUTSIDE, 5000);
	assert_int_equal(was->count[0].packets, 1);
}

static void a_rule_that_is_added_governs_the_next_packet(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev small0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	for (int n = 0; n < 3; n++)
		gate_goes(g->in, &f, &f, PORT_OUT);
	other_rules(g, "masquerade out dev small0\nmasquerade out dev out0");
	gate_rules(g, "masquerade out dev small0\nmasquerade out dev out0");
	send_thrice(g, &f, OUTSIDE, 5000);
}

/* Another packet's session may be the reason: kept was that there is none. */
static void a_session_that_begins_is_known_to_flows_without(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7:700");
	assert_int_equal(net_ip("route add 203.0.113.7/32 via " SMALL_HOP), 0);
	gate_frame_out(&back, PROTO_TCP, ENDS(FAR, 53, SMALL_HOP, 700));
	for (int n = 0; n < 3; n++)
		gate_goes(g->out, &back, &back, PORT_SMALL);
	assert_int_equal(net_ip("route del 203.0.113.7/32"), 0);
	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to " SMALL_HOP ":700");
	gate_frame(&f, PROTO_TCP, ENDS(HOST, 5000, FAR, 53));
	gate_becomes(g->in, &f, PORT_OUT, ENDS(SMALL_HOP, 700, FAR, 53));
	gate_tcp(&back, SYN | ACK);
	gate_becomes(g->out, &back, PORT_IN, ENDS(FAR, 53, HOST, 5000));
}

static void an_established_session_outlives_its_rule(void **state)
{
	struct gate *g = *state;
	struct frame f, other;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_frame(&other, PROTO_UDP, ENDS(HOST, 5001, FAR, 53));
	send_thrice(g, &f, "203.0.113.7", 5000);
	other_rules(g, "");
	send_thrice(g, &f, "203.0.113.7", 5000);
	gate_goes(g->in, &other, &other, PORT_OUT);
}

static void two_epochs(void)
{
	__u32 from = clock_epoch(0);

	while (clock_epoch(0) - from < 3)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void a_route_change_takes_a_session_elsewhere(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	send_thrice(g, &f, "203.0.113.7", 5000);
	assert_int_equal(net_ip("route add " FAR "/32 via " SMALL_HOP), 0);
	two_epochs();
	gate_becomes(g->in, &f, PORT_SMALL, ENDS("203.0.113.7", 5000, FAR, 53));
	assert_int_equal(net_ip("route del " FAR "/32"), 0);
}

static void give_address(const char *old, const char *new)
{
	assert_int_equal(net_ip("addr add %s/32 dev out0", new), 0);
	assert_int_equal(net_ip("addr del %s dev out0", old), 0);
	assert_int_equal(net_ip("route replace 198.51.100.0/24 dev out0 scope link"), 0);
	assert_int_equal(net_ip("route replace 198.18.1.0/24 via " HOP), 0);
	assert_int_equal(net_ip("neigh replace " HOP " lladdr 02:00:00:00:01:01 dev out0"), 0);
}

/* With no process' help: within two epochs, and the old port is given back. */
static void masquerading_follows_an_address_that_changes(void **state)
{
	struct gate *g = *state;
	struct frame f, other, back;
	__u32 now;

	gate_rules(g, "masquerade out dev out0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_frame_out(&back, PROTO_UDP, ENDS(FAR, 53, OUTSIDE, 5000));
	send_thrice(g, &f, OUTSIDE, 5000);
	gate_becomes(g->out, &back, PORT_IN, ENDS(FAR, 53, HOST, 5000));
	give_address(OUTSIDE "/24", NEW_OUTSIDE);
	two_epochs();
	for (int n = 0; n < 3; n++)
		gate_becomes(g->in, &f, PORT_OUT, ENDS(NEW_OUTSIDE, 5000, FAR, 53));
	assert_int_equal(prog_sessions(g->in), 1);
	assert_int_equal(prog_ports(g->in, 0, 0), 1);
	gate_frame_out(&back, PROTO_UDP, ENDS(FAR, 53, NEW_OUTSIDE, 5000));
	gate_becomes(g->out, &back, PORT_IN, ENDS(FAR, 53, HOST, 5000));
	give_address(NEW_OUTSIDE "/32", OUTSIDE);
	two_epochs();
	/* one more of the same endpoint: neither keeps the mapping by the old address for the other */
	gate_rules(g, "masquerade out dev out0");
	gate_frame(&other, PROTO_UDP, ENDS(HOST, 5000, HOP, 53));
	send_thrice(g, &f, OUTSIDE, 5000);
	assert_exit(prog_exit(g->in, &other, gate_ran()), X(xmit, NONE));
	give_address(OUTSIDE "/32", NEW_OUTSIDE);
	two_epochs();
	assert_int_equal(inet_pton(AF_INET, NEW_OUTSIDE, &now), 1);
	for (int n = 0; n < 6; n++) {
		assert_exit(prog_exit(g->in, n & 1 ? &other : &f, gate_ran()), X(xmit, NONE));
		assert_memory_equal(gate_ran()->out.data + AT_IP_SRC, &now, sizeof(now));
	}
	assert_int_equal(net_ip("addr add " OUTSIDE "/24 dev out0"), 0);
	assert_int_equal(net_ip("addr del " NEW_OUTSIDE "/32 dev out0"), 0);
	assert_int_equal(net_ip("route del 198.51.100.0/24 dev out0 scope link proto boot"), 0);
	assert_int_equal(net_ip("route replace 198.18.1.0/24 via " HOP), 0);
}

/* The address of the device that it leaves by, as nf_nat has it: answers to another's would come by
 * that one. An end of TCP that can begin no connection is not told there under a strange name. */
static void masquerading_follows_a_route_to_another_device(void **state)
{
	struct gate *g = *state;
	struct frame f, other, fin;

	gate_rules(g, "masquerade out dev out0\nmasquerade out dev small0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_frame(&other, PROTO_UDP, ENDS(HOST, 5000, HOP, 53));
	gate_frame(&fin, PROTO_TCP, ENDS(HOST, 5000, FAR, 80));
	send_thrice(g, &f, OUTSIDE, 5000);
	gate_becomes(g->in, &other, PORT_OUT, ENDS(OUTSIDE, 5000, HOP, 53));
	gate_becomes(g->in, &fin, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, 80));
	assert_int_equal(net_ip("route add " FAR "/32 via " SMALL_HOP), 0);
	two_epochs();
	for (int n = 0; n < 3; n++)
		gate_becomes(g->in, &f, PORT_SMALL, ENDS("203.0.113.254", 5000, FAR, 53));
	gate_tcp(&fin, FIN | ACK);
	gate_drops(g->in, &fin, X(nf_postrouting, NAT_NO_SESSION));
	gate_becomes(g->in, &other, PORT_OUT, ENDS(OUTSIDE, 5000, HOP, 53));
	assert_int_equal(prog_sessions(g->in), 2);
	assert_int_equal(net_ip("route del " FAR "/32"), 0);
	two_epochs();
	send_thrice(g, &f, OUTSIDE, 5000);
	assert_int_equal(prog_sessions(g->in), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flushed_session_is_not_used_by_the_next_packet),
		cmocka_unit_test(a_session_in_anothers_place_is_not_taken_for_it),
		cmocka_unit_test(a_rule_that_is_added_governs_the_next_packet),
		cmocka_unit_test(a_session_that_begins_is_known_to_flows_without),
		cmocka_unit_test(an_established_session_outlives_its_rule),
		cmocka_unit_test(a_route_change_takes_a_session_elsewhere),
		cmocka_unit_test(masquerading_follows_an_address_that_changes),
		cmocka_unit_test(masquerading_follows_a_route_to_another_device),
	};

	return gate_run("nat_life", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
