// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What NAT has not enough of: ports, sessions, mappings, places in the index; and what would clash.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "gate.h"

static void fill_answers(const struct prog *p)
{
	static __u64 none[1024]; /* a full bucket on each CPU */
	__u32 zero = 0;

	prog_put(p, "answers", &zero, none);
}

/* It is refused by @exit, and @to told so by @from: ICMP 3/13 with all of the packet. */
static void refused(struct prog *p, const struct frame *f, enum weir_exit exit, const char *from)
{
	static const __u32 codes[] = {XDP_REDIRECT, TC_ACT_REDIRECT, TC_ACT_REDIRECT};
	char src[INET_ADDRSTRLEN];
	struct frame want;

	fill_answers(p);
	assert_exit(prog_exit(p, f, gate_ran()), exit);
	assert_int_equal(gate_ran()->verdict, codes[p->hook]);
	inet_ntop(AF_INET, f->data + AT_IP_SRC, src, sizeof(src));
	gate_error(&want, 3, 13, 0, from, src, f, f->len - AT_IP_START);
	memcpy(want.data + AT_ETH_DST, f->data + AT_ETH_SRC, 6);
	memcpy(want.data + AT_ETH_SRC, f->data + AT_ETH_DST, 6);
	put8(&want, AT_IP_TOS, 0xc0);
	frame_seal_ip(&want);
	assert_frame(&gate_ran()->out, &want, "answer", 0);
}

static void exhaustion_is_told_by_icmp_and_ports_come_back(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (unsigned int p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		unsigned int port = gate_server_port(gate_protos[p]);

		gate_rules(g, "masquerade out dev out0 ports 40000-40001");
		for (unsigned int i = 0; i < 2; i++) {
			gate_frame(&f, gate_protos[p], ENDS(HOST, 5000 + i, FAR, port));
			assert_in_range(gate_port(g->in, &f), 40000, 40001);
		}
		for (int n = 0; n < 3; n++) {
			gate_frame(&f, gate_protos[p], ENDS(INNER, 5000, FAR, port));
			refused(g->in, &f, X(nf_postrouting, NAT_EXHAUSTED), ROUTER);
			gate_options(&f, 2); /* by way of the kernel, too */
			refused(g->in, &f, X(nf_postrouting, NAT_EXHAUSTED), ROUTER);
		}
		assert_int_equal(g->in->nat->ports_full, 6);
		assert_int_equal(prog_sessions(g->in), 2);
		assert_int_equal(prog_ports(g->in, 0, p), 2);
		/* those that have a session do not notice */
		gate_frame(&f, gate_protos[p], ENDS(HOST, 5000, FAR, port));
		assert_in_range(gate_port(g->in, &f), 40000, 40001);
		prog_flush_match(g->in, &(struct weir_flush){.port = htons(5001)});
		gate_frame(&f, gate_protos[p], ENDS(INNER, 5000, FAR, port));
		assert_in_range(gate_port(g->in, &f), 40000, 40001);
	}
}

static void exhaustion_at_egress_is_told_its_sender(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0 ports 40000-40000");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_port(g->in, &f);
	g->sent->local = true;
	for (unsigned int p = 0; p < 2; p++) {
		gate_frame(&f, gate_protos[p], ENDS(ROUTER, 6000, FAR, 53));
		if (p)
			prog_run(g->sent, &f, gate_ran()); /* takes TCP's one port */
		gate_frame(&f, gate_protos[p], ENDS(ROUTER, 6001, FAR, 53));
		refused(g->sent, &f, X(tc_egress, NAT_EXHAUSTED), FAR);
	}
}

/* With no process' help: the kernel's timer does it. */
static void expired_sessions_give_their_ports_back(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0 ports 40000-40000");
	g->in->nat->timeout_s[WEIR_TIMEOUT_udp] = 1;
	for (int n = 0; n < 3; n++) {
		gate_frame(&f, PROTO_UDP, ENDS(n & 1 ? INNER : HOST, 5000, FAR, 53));
		assert_int_equal(gate_port(g->in, &f), 40000);
		prog_sessions_wait(g->in, 0);
		assert_int_equal(prog_ports(g->in, 0, 0), 0);
	}
}

/* Without an address there is nothing to give. */
static void a_device_without_an_address_has_no_ports(void **state)
{
	struct gate *g = *state;
	struct frame f;

	assert_int_equal(net_ip("addr del 203.0.113.254/24 dev small0"), 0);
	assert_int_equal(net_ip("route add 203.0.113.0/24 dev small0 scope link"), 0);
	gate_rules(g, "masquerade out dev small0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, SMALL_HOP, 53));
	assert_exit(prog_exit(g->in, &f, gate_ran()), X(nf_postrouting, NAT_EXHAUSTED));
	assert_int_equal(net_ip("route del 203.0.113.0/24 dev small0"), 0);
	assert_int_equal(net_ip("addr add 203.0.113.254/24 dev small0"), 0);
	assert_int_equal(
		net_ip("neigh replace " SMALL_HOP " lladdr 02:00:00:00:02:01 dev small0"), 0);
	gate_rules(g, "masquerade out dev small0");
	gate_becomes(g->in, &f, PORT_SMALL, ENDS("203.0.113.254", 5000, SMALL_HOP, 53));
}

/* --- records --- */

static void many_of(struct frame *f, unsigned int i)
{
	char src[32];

	snprintf(src, sizeof(src), "192.0.2.%u", i / 4000 + 1);
	gate_frame(f, PROTO_UDP, ENDS(src, 10000 + i % 4000, FAR, 53));
}

static void a_full_table_of_sessions_lets_no_new_one_begin(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	for (unsigned int i = 0; i < PROG_SESSIONS; i++) {
		many_of(&f, i);
		prog_run(g->in, &f, gate_ran());
	}
	assert_int_equal(prog_sessions(g->in), PROG_SESSIONS);
	prog_forget_flows(g->in); /* there are more than it has room for */
	for (int n = 0; n < 3; n++) {
		many_of(&f, PROG_SESSIONS);
		refused(g->in, &f, X(nf_postrouting, NAT_FULL), ROUTER);
		refused(g->sent, &f, X(tc_egress, NAT_FULL), FAR);
		gate_options(&f, 2); /* by way of the kernel */
		refused(g->in, &f, X(nf_postrouting, NAT_FULL), ROUTER);
	}
	assert_int_equal(g->in->nat->sessions_full + g->in->nat->mappings_full, 9);
	assert_int_equal(prog_ports(g->in, 0, 0), PROG_SESSIONS);
	many_of(&f, 7); /* of one that is there */
	assert_int_equal(gate_port(g->in, &f), 10007);
	assert_int_equal(prog_flush_match(g->in, &(struct weir_flush){.port = htons(10007)}), 2);
	many_of(&f, PROG_SESSIONS);
	gate_port(g->in, &f);
	assert_int_equal(prog_sessions(g->in), PROG_SESSIONS - 1);
}

/* What is not translated needs no session, and goes on without. */
static void a_full_table_stops_nothing_that_is_not_translated(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "");
	g->in->nat->states = 1;
	for (unsigned int i = 0; i < PROG_SESSIONS; i++) {
		many_of(&f, i);
		prog_run(g->in, &f, gate_ran());
	}
	assert_int_equal(prog_sessions(g->in), PROG_SESSIONS);
	prog_forget_flows(g->in);
	many_of(&f, PROG_SESSIONS);
	gate_goes(g->in, &f, &f, PORT_OUT);
	assert_int_equal(g->in->nat->sessions_full, 1);
	assert_int_equal(prog_sessions(g->in), PROG_SESSIONS);
}

/* Entries that are nobody's, since the lowest bit of a tag is 1, in @of 16 places. */
static void spoil_index(const struct gate *g, unsigned int of)
{
	unsigned int chance = 12345;

	for (__u32 i = 0; i < PROG_SESSIONS; i++)
		for (int way = 0; way < WEIR_BUCKET_WAYS; way++) {
			chance = chance * 1103515245 + 12345;
			if (!g->in->index[i].entry[way] && (chance >> 16 & 15) < of)
				g->in->index[i].entry[way] = 1;
		}
}

static void mend_index(const struct gate *g)
{
	for (__u32 i = 0; i < PROG_SESSIONS; i++)
		for (int way = 0; way < WEIR_BUCKET_WAYS; way++)
			if (g->in->index[i].entry[way] == 1)
				g->in->index[i].entry[way] = 0;
}

/* Whichever of its keys finds no room, nothing is left behind of the session that was to be. */
static void a_full_index_leaves_nothing_behind(void **state)
{
	struct gate *g = *state;
	unsigned int full = 0, begun = 0;
	struct frame f;

	gate_rules(g, "masquerade out dev out0 filtering address");
	for (unsigned int of = 10; of <= 16; of++) {
		spoil_index(g, of);
		for (unsigned int i = 0; i < 200; i++) {
			enum weir_exit exit;

			many_of(&f, of * 200 + i);
			exit = prog_exit(g->in, &f, gate_ran());
			full += exit == X(nf_postrouting, NAT_FULL);
			begun += exit == X(xmit, NONE);
		}
		mend_index(g);
	}
	assert_in_range(full, 200, 7 * 200);
	assert_in_range(begun, 200, 7 * 200);
	assert_int_equal(full + begun, 7 * 200);
	assert_int_equal(g->in->nat->index_full, full);
	assert_int_equal(prog_sessions(g->in), begun);
	assert_int_equal(prog_ports(g->in, 0, 0), begun);
	prog_index_holds(g->in);
	prog_flush(g->in);
	prog_index_holds(g->in);
	assert_int_equal(prog_ports(g->in, 0, 0), 0);
	for (unsigned int i = 0; i < PROG_SESSIONS / 2; i++) { /* no record is lost */
		many_of(&f, i);
		prog_run(g->in, &f, gate_ran());
	}
	assert_int_equal(prog_sessions(g->in), PROG_SESSIONS / 2);
}

/* --- clashes --- */

/* Two outside addresses of one server: its answers would be the same. Another port makes them
 * different. */
static void answers_that_would_be_the_same_get_another_port(void **state)
{
	struct gate *g = *state;
	struct frame f;
	unsigned int port;

	gate_rules(g, "dnat in dev out0 dst 203.0.113.7 to 192.0.2.1\n"
		      "dnat in dev out0 dst 203.0.113.8 to 192.0.2.1");
	for (unsigned int p = 0; p < 2; p++) {
		gate_frame_out(&f, gate_protos[p], ENDS(FAR, 4000, "203.0.113.7", 53));
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 4000, HOST, 53));
		gate_frame_out(&f, gate_protos[p], ENDS(FAR, 4000, "203.0.113.8", 53));
		assert_exit(prog_exit(g->out, &f, gate_ran()), X(xmit, NONE));
		port = get16(&gate_ran()->out, AT_L4);
		assert_int_not_equal(port, 4000);
		assert_in_range(port, 1024, 65535);
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, port, HOST, 53));
		gate_frame(&f, gate_protos[p], ENDS(HOST, 53, FAR, port));
		if (p)
			gate_tcp(&f, SYN | ACK);
		gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.8", 53, FAR, 4000));
		/* by way of the kernel, there and back */
		gate_options(&f, 1);
		gate_left_as(g->in, &f, X(ip_rcv, IP_OPTIONS), &f);
		gate_left(g->sent, &f, X(xmit, NONE), ENDS("203.0.113.8", 53, FAR, 4000));
		gate_frame_out(&f, gate_protos[p], ENDS(FAR, 4000, "203.0.113.8", 53));
		gate_options(&f, 1);
		gate_left(g->out, &f, X(ip_rcv, IP_OPTIONS), ENDS(FAR, port, HOST, 53));
		f = gate_ran()->out;
		gate_left_as(g->back, &f, X(xmit, NONE), &f);
	}
	assert_int_equal(prog_sessions(g->in), 4);
}

/* What the kernel tells of a packet with another port, its sender is told of as it was sent. */
static void errors_about_another_port_tell_of_the_senders(void **state)
{
	struct gate *g = *state;
	struct frame f, sent, left, told;

	gate_rules(g, "dnat in dev out0 dst 203.0.113.7 to 192.0.2.1\n"
		      "dnat in dev out0 dst 203.0.113.8 to 192.0.2.1");
	g->sent->local = g->back->local = true;
	for (unsigned int p = 0; p < 2; p++) {
		gate_frame_out(&f, gate_protos[p], ENDS(FAR, 4000, "203.0.113.7", 53));
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 4000, HOST, 53));
		gate_frame_out(&sent, gate_protos[p], ENDS(FAR, 4000, "203.0.113.8", 53));
		put8(&sent, AT_IP_TTL, 1);
		gate_seal(&sent);
		assert_exit(prog_exit(g->out, &sent, gate_ran()), X(ip_forward, IP_TTL));
		left = gate_ran()->out;
		assert_int_not_equal(get16(&left, AT_L4), 4000);
		gate_error(&told, 11, 0, 0, OUTSIDE, FAR, &left, 28);
		gate_error(&f, 11, 0, 0, OUTSIDE, FAR, &sent, 28);
		gate_left_as(g->sent, &told, X(xmit, NONE), &f);
		/* back nothing is translated before the kernel has it */
		gate_frame(&sent, gate_protos[p], ENDS(HOST, 53, FAR, get16(&left, AT_L4)));
		if (p)
			gate_tcp(&sent, SYN | ACK);
		put8(&sent, AT_IP_TTL, 1);
		gate_seal(&sent);
		gate_left_as(g->in, &sent, X(ip_forward, IP_TTL), &sent);
		gate_error(&told, 11, 0, 0, ROUTER, HOST, &sent, 28);
		gate_left_as(g->back, &told, X(xmit, NONE), &told);
	}
	g->sent->local = g->back->local = false;
}

static void what_cannot_have_another_port_is_dropped(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "dnat in dev out0 dst 203.0.113.7 to 192.0.2.1\n"
		      "dnat in dev out0 dst 203.0.113.8 to 192.0.2.1\n"
		      "masquerade out dev out0");
	gate_frame_out(&f, PROTO_ICMP, ENDS(FAR, 4000, "203.0.113.7", ECHO));
	gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 4000, HOST, ECHO));
	gate_frame_out(&f, PROTO_ICMP, ENDS(FAR, 4000, "203.0.113.8", ECHO));
	gate_drops(g->out, &f, X(nf_postrouting, NAT_CLASH));
	/* protocols without ports: one inside host at a time for each outside one */
	gate_frame(&f, PROTO_ESP, ENDS(HOST, 0, FAR, 0));
	gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 0, FAR, 0));
	gate_frame(&f, PROTO_ESP, ENDS(INNER, 0, FAR, 0));
	gate_drops(g->in, &f, X(nf_postrouting, NAT_CLASH));
	gate_drops(g->sent, &f, X(tc_egress, NAT_CLASH));
	assert_int_equal(g->in->nat->clashes, 3);
	assert_int_equal(prog_sessions(g->in), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exhaustion_is_told_by_icmp_and_ports_come_back),
		cmocka_unit_test(exhaustion_at_egress_is_told_its_sender),
		cmocka_unit_test(expired_sessions_give_their_ports_back),
		cmocka_unit_test(a_device_without_an_address_has_no_ports),
		cmocka_unit_test(a_full_table_of_sessions_lets_no_new_one_begin),
		cmocka_unit_test(a_full_table_stops_nothing_that_is_not_translated),
		cmocka_unit_test(a_full_index_leaves_nothing_behind),
		cmocka_unit_test(answers_that_would_be_the_same_get_another_port),
		cmocka_unit_test(errors_about_another_port_tell_of_the_senders),
		cmocka_unit_test(what_cannot_have_another_port_is_dropped),
	};

	return gate_run("nat_full", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
