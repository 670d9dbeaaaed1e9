// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ICMP errors: RFC 5508, section 4. What an error holds is put back to what its receiver had sent,
 * or is sent, and the error goes where the session's packets go. What is expected is made of the
 * packet that the receiver knows.
 */
#include <arpa/inet.h>
#include <string.h>

#include "gate.h"

#define ROUTER_OUT "198.18.200.1" /* on the way outside, and inside */
#define ROUTER_IN  "192.0.2.99"

static const struct {
	unsigned int type, code;
	__u32 rest;
} errors[] = {
	{3, 0, 0},
	{3, 1, 0},
	{3, 3, 0},
	{3, 4, 1280}, /* fragmentation needed: the next hop's MTU */
	{3, 13, 0},
	{11, 0, 0},
	{11, 1, 0},
	{12, 0, 0x14000000}, /* parameter problem: its place */
	{4, 0, 0},
};

/* A session; @in is what HOST sent, @out what left. */
static void begin(struct gate *g, unsigned int proto, struct frame *in, struct frame *out)
{
	gate_frame(in, proto, ENDS(HOST, 5000, FAR, gate_server_port(proto)));
	assert_exit(prog_exit(g->in, in, gate_ran()), X(xmit, NONE));
	*out = gate_ran()->out;
	/* the head that its sender is told of is as it was on the way, but for what is translated
	 */
	put8(in, AT_IP_TTL, out->data[AT_IP_TTL]);
	gate_seal(in);
}

/* @held bytes of a packet; all of it by default. */
static void from_outside(struct gate *g, unsigned int i, const char *router, const struct frame *in,
	const struct frame *out, __u32 held)
{
	struct frame f, want;

	gate_error_out(
		&f, errors[i].type, errors[i].code, errors[i].rest, router, OUTSIDE, out, held);
	gate_error_out(
		&want, errors[i].type, errors[i].code, errors[i].rest, router, HOST, in, held);
	gate_goes(g->out, &f, &want, PORT_IN);
}

static void errors_from_outside_are_told_inside(void **state)
{
	struct gate *g = *state;
	struct frame in, out;

	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		gate_rules(g, "masquerade out dev out0 ports 40000-40063");
		begin(g, gate_protos[p], &in, &out);
		for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
			from_outside(g, i, FAR, &in, &out, out.len - AT_IP_START);
			from_outside(g, i, ROUTER_OUT, &in, &out, out.len - AT_IP_START);
			from_outside(g, i, HOP, &in, &out, 28); /* all that RFC 792 asks for */
			from_outside(g, i, HOP, &in, &out, 29);
			from_outside(g, i, HOP, &in, &out, 40);
		}
		assert_int_equal(prog_sessions(g->in), 1);
	}
}

/* RFC 5508, REQ-5; RFC 5382, REQ-9 and 10: it ends nothing, nor keeps it alive. */
static void an_error_changes_no_session(void **state)
{
	struct gate *g = *state;
	struct weir_session before, *s;
	struct frame in, out;

	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		gate_rules(g, "masquerade out dev out0");
		begin(g, gate_protos[p], &in, &out);
		s = prog_session(g->in, gate_protos[p], HOST, 5000);
		s->seen -= 50;
		before = *s;
		for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++)
			from_outside(g, i, ROUTER_OUT, &in, &out, 28);
		assert_memory_equal(&before, s, sizeof(before));
		assert_int_equal(prog_ports(g->in, 0, (unsigned int)p), 1);
	}
}

/* Answers that inside no one, or a router, takes: who had sent them is told by the outside address.
 */
static void errors_from_inside_have_the_outside_address(void **state)
{
	static const char *const from[] = {HOST, ROUTER_IN};
	struct gate *g = *state;
	struct frame in, out, back, answer, f, want;

	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		unsigned int port = gate_server_port(gate_protos[p]), there;

		gate_rules(g, "masquerade out dev out0 ports 40000-40063");
		begin(g, gate_protos[p], &in, &out);
		there = get16(&out, gate_protos[p] == PROTO_ICMP ? AT_L4 + 4 : AT_L4);
		gate_answer(&back, gate_protos[p], ENDS(FAR, port, OUTSIDE, there));
		assert_exit(prog_exit(g->out, &back, gate_ran()), X(xmit, NONE));
		answer = gate_ran()->out;
		put8(&back, AT_IP_TTL, answer.data[AT_IP_TTL]);
		gate_seal(&back);
		for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++)
			for (size_t k = 0; k < ARRAY_SIZE(from); k++) {
				__u32 held = k ? 28 : answer.len - AT_IP_START;

				gate_error(&f, errors[i].type, errors[i].code, errors[i].rest,
					from[k], FAR, &answer, held);
				gate_error(&want, errors[i].type, errors[i].code, errors[i].rest,
					OUTSIDE, FAR, &back, held);
				gate_goes(g->in, &f, &want, PORT_OUT);
			}
	}
}

/* What dnat lets in: an error of the server, or about what it has sent. */
static void errors_of_dnat_are_right_both_ways(void **state)
{
	struct gate *g = *state;
	struct frame first, inside, answer, left, f, want;

	gate_rules(g, "dnat in dev out0 dst " OUTSIDE " proto udp dport 8080 to 192.0.2.1:80");
	gate_frame_out(&first, PROTO_UDP, ENDS(FAR, 4000, OUTSIDE, 8080));
	assert_exit(prog_exit(g->out, &first, gate_ran()), X(xmit, NONE));
	inside = gate_ran()->out;
	put8(&first, AT_IP_TTL, 63);
	gate_seal(&first);
	gate_error(&f, 3, 3, 0, HOST, FAR, &inside, 28);
	gate_error(&want, 3, 3, 0, OUTSIDE, FAR, &first, 28);
	gate_goes(g->in, &f, &want, PORT_OUT);

	gate_frame(&answer, PROTO_UDP, ENDS(HOST, 80, FAR, 4000));
	assert_exit(prog_exit(g->in, &answer, gate_ran()), X(xmit, NONE));
	left = gate_ran()->out;
	put8(&answer, AT_IP_TTL, 63);
	gate_seal(&answer);
	gate_error_out(&f, 3, 4, 1000, ROUTER_OUT, OUTSIDE, &left, 28);
	gate_error_out(&want, 3, 4, 1000, ROUTER_OUT, HOST, &answer, 28);
	gate_goes(g->out, &f, &want, PORT_IN);
}

static void the_packet_it_holds_may_have_options(void **state)
{
	struct gate *g = *state;
	struct frame in, out, f, want;

	for (unsigned int words = 1; words <= 10; words++) {
		gate_rules(g, "masquerade out dev out0 ports 40000-40063");
		begin(g, PROTO_UDP, &in, &out);
		gate_options(&in, words);
		gate_options(&out, words);
		for (__u32 held = 28 + words * 4; held <= 32 + words * 4; held++) {
			gate_error_out(&f, 3, 1, 0, HOP, OUTSIDE, &out, held);
			gate_error_out(&want, 3, 1, 0, HOP, HOST, &in, held);
			gate_goes(g->out, &f, &want, PORT_IN);
		}
	}
}

static void a_held_udp_checksum_of_0_stays_0(void **state)
{
	struct gate *g = *state;
	struct frame in, out;

	gate_rules(g, "masquerade out dev out0 ports 40000-40063");
	begin(g, PROTO_UDP, &in, &out);
	put16(&in, AT_UDP_CHECK, 0);
	put16(&out, AT_UDP_CHECK, 0);
	from_outside(g, 0, HOP, &in, &out, 28);
	from_outside(g, 0, HOP, &in, &out, out.len - AT_IP_START);
}

/* RFC 4884: what follows the packet it holds is carried on. */
static void what_follows_the_packet_it_holds_is_kept(void **state)
{
	struct gate *g = *state;
	struct frame in, out;

	gate_rules(g, "masquerade out dev out0 ports 40000-40063");
	begin(g, PROTO_UDP, &in, &out);
	frame_pad(&in, 160);
	frame_pad(&out, 160);
	from_outside(g, 0, HOP, &in, &out, 160 - AT_IP_START);
}

/* RFC 5508, REQ-3: silently. */
static void an_error_with_a_wrong_checksum_is_dropped(void **state)
{
	struct gate *g = *state;
	struct frame in, out, f;

	gate_rules(g, "masquerade out dev out0");
	begin(g, PROTO_UDP, &in, &out);
	gate_error_out(&f, 3, 1, 0, HOP, OUTSIDE, &out, 28);
	for (unsigned int at = AT_L4; at < f.len; at++) {
		put8(&f, at, f.data[at] ^ 0x10U);
		/* another type, or about another packet, it is an error about nothing known */
		if ((at == AT_L4 + 1) || (at >= AT_L4 + 2 && at < AT_L4 + 8))
			gate_drops(g->out, &f, X(nf_postrouting, ICMP_CSUM));
		put8(&f, at, f.data[at] ^ 0x10U);
	}
	prog_exit(g->out, &f, gate_ran());
}

/* RFC 5508, REQ-3 a. */
static void an_error_about_a_broken_header_is_dropped(void **state)
{
	struct gate *g = *state;
	struct frame in, out, f;

	for (unsigned int words = 0; words <= 10; words += 5) {
		gate_rules(g, "masquerade out dev out0");
		begin(g, PROTO_UDP, &in, &out);
		if (words)
			gate_options(&out, words);
		put8(&out, AT_IP_TTL, out.data[AT_IP_TTL] - 1U);
		gate_error_out(&f, 3, 1, 0, HOP, OUTSIDE, &out, 28 + words * 4);
		gate_drops(g->out, &f, X(nf_postrouting, ICMP_CSUM));
		gate_seal(&out);
		gate_error_out(&f, 3, 1, 0, HOP, OUTSIDE, &out, 28 + words * 4);
		assert_exit(prog_exit(g->out, &f, gate_ran()), X(xmit, NONE));
	}
}

static void a_wrong_checksum_within_it_is_of_no_account(void **state)
{
	struct gate *g = *state;
	struct frame in, out;

	gate_rules(g, "masquerade out dev out0 ports 40000-40063");
	begin(g, PROTO_UDP, &in, &out);
	/* off by the same: what is wrong stays wrong */
	put16(&in, AT_UDP_CHECK, get16(&in, AT_UDP_CHECK) ^ 0x0100);
	assert_int_equal(sum16(in.data + AT_IP_START, 20, 0), 0xffff);
	gate_error_out(&out, 3, 1, 0, HOP, OUTSIDE, &gate_ran()->out, 28);
	put16(&out, AT_L4 + 8 + 26, get16(&out, AT_L4 + 8 + 26) ^ 0x0100);
	put16(&out, AT_L4 + 2, 0);
	put16(&out, AT_L4 + 2, ~sum16(out.data + AT_L4, out.len - AT_L4, 0) & 0xffff);
	assert_exit(prog_exit(g->out, &out, gate_ran()), X(xmit, NONE));
	assert_int_equal(sum16(gate_ran()->out.data + AT_L4, out.len - AT_L4, 0), 0xffff);
	assert_int_equal(sum16(gate_ran()->out.data + AT_L4 + 8, 20, 0), 0xffff);
}

/* All ones, which it was sent with, and not the 0 of who computes none. */
static void a_checksum_of_all_ones_within_it_is_no_0(void **state)
{
	struct gate *g = *state;
	struct frame in, out, want;

	gate_rules(g, "masquerade out dev out0 ports 40000-40063");
	gate_frame(&in, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	put16(&in, in.len - 2, 0);
	gate_seal(&in);
	put16(&in, in.len - 2, get16(&in, AT_UDP_CHECK));
	gate_seal(&in);
	assert_int_equal(get16(&in, AT_UDP_CHECK), 0xffff);
	assert_exit(prog_exit(g->in, &in, gate_ran()), X(xmit, NONE));
	gate_error_out(&out, 3, 1, 0, HOP, OUTSIDE, &gate_ran()->out, 28);
	put8(&in, AT_IP_TTL, 63);
	frame_seal_ip(&in);
	gate_error_out(&want, 3, 1, 0, HOP, HOST, &in, 28);
	gate_goes(g->out, &out, &want, PORT_IN);
}

/* RFC 5508, REQ-4 and 5: what is about no session is not translated, and from inside not sent. */
static void an_error_about_nothing_known_goes_nowhere(void **state)
{
	struct gate *g = *state;
	struct frame about, f;

	gate_rules(g, "masquerade out dev out0");
	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		gate_frame(&about, gate_protos[p],
			ENDS(OUTSIDE, 5000, FAR, gate_server_port(gate_protos[p])));
		gate_error_out(&f, 3, 1, 0, HOP, OUTSIDE, &about, 28);
		gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
		gate_frame(&about, gate_protos[p],
			ENDS(FAR, gate_server_port(gate_protos[p]), HOST, 5000));
		gate_error(&f, 3, 3, 0, HOST, FAR, &about, 28);
		gate_drops(g->in, &f, X(nf_postrouting, NAT_NO_SESSION));
	}
	assert_int_equal(prog_sessions(g->in), 0);
}

/* Less than RFC 792 asks for, a later fragment, no IPv4: nobody can say whose it is. */
static void an_error_that_holds_no_packet_goes_nowhere(void **state)
{
	struct gate *g = *state;
	struct frame in, out, about, f;

	gate_rules(g, "masquerade out dev out0");
	begin(g, PROTO_UDP, &in, &out);
	for (__u32 held = 0; held < 28; held++) {
		gate_error_out(&f, 3, 1, 0, HOP, OUTSIDE, &out, held);
		gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
		gate_error(&f, 3, 1, 0, HOST, FAR, &out, held);
		gate_drops(g->in, &f, X(nf_postrouting, NAT_NO_SESSION));
	}
	about = out;
	gate_fragment(&about, 64);
	gate_error_out(&f, 3, 1, 0, HOP, OUTSIDE, &about, 28);
	gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
	about = out;
	put8(&about, AT_IP_START, 0x65);
	gate_error_out(&f, 3, 1, 0, HOP, OUTSIDE, &about, 28);
	gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
	about = out;
	put8(&about, AT_IP_START, 0x44);
	gate_error_out(&f, 3, 1, 0, HOP, OUTSIDE, &about, 28);
	gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
}

/* An error about an error is none (RFC 1122, 3.2.2). */
static void an_error_about_an_error_goes_nowhere(void **state)
{
	struct gate *g = *state;
	struct frame in, out, about, f;

	gate_rules(g, "masquerade out dev out0");
	begin(g, PROTO_UDP, &in, &out);
	gate_error(&about, 3, 1, 0, OUTSIDE, FAR, &out, 28);
	gate_error_out(&f, 3, 1, 0, HOP, OUTSIDE, &about, 56);
	gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
}

/* RFC 5508, REQ-7: both ends are inside. */
static void errors_of_a_hairpin_come_back(void **state)
{
	struct gate *g = *state;
	struct frame in, called, call, f, want;

	gate_rules(g, "masquerade out dev out0");
	begin(g, PROTO_UDP, &in, &called);
	gate_frame(&call, PROTO_UDP, ENDS(INNER, 7000, OUTSIDE, 5000));
	assert_exit(prog_exit(g->in, &call, gate_ran()), X(xmit, NONE));
	called = gate_ran()->out;
	put8(&call, AT_IP_TTL, 63);
	gate_seal(&call);
	gate_error(&f, 3, 3, 0, HOST, OUTSIDE, &called, 28);
	gate_error(&want, 3, 3, 0, OUTSIDE, INNER, &call, 28);
	gate_goes(g->in, &f, &want, PORT_IN);
}

/* Too long for one checksum helper, and for the packet's own: summed all the same. */
static void a_long_error_is_summed_whole(void **state)
{
	struct gate *g = *state;
	struct frame in, out;

	gate_rules(g, "masquerade out dev out0 ports 40000-40063");
	begin(g, PROTO_UDP, &in, &out);
	for (__u32 len = 500; len < 1400; len += 111) {
		in.len = out.len = AT_IP_START + 28;
		frame_pad(&in, len);
		frame_pad(&out, len);
		from_outside(g, 0, HOP, &in, &out, len - AT_IP_START);
	}
}

/*
 * This host's own error, about a packet that it could not send on: it was half translated, and its
 * sender is told of what was sent.
 */
static void this_hosts_errors_tell_of_what_was_sent(void **state)
{
	struct gate *g = *state;
	struct frame old, punted, first, f, want;

	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		unsigned int port = gate_server_port(gate_protos[p]);

		/* out: its source is still HOST's */
		gate_rules(g, "masquerade out dev out0 ports 40000-40063");
		gate_frame(&old, gate_protos[p], ENDS(HOST, 5000, FAR, port));
		put8(&old, AT_IP_TTL, 1);
		gate_seal(&old);
		gate_left_as(g->in, &old, X(ip_forward, IP_TTL), &old);
		g->back->local = true;
		gate_error(&f, 11, 0, 0, ROUTER, HOST, &old, 28);
		gate_left_as(g->back, &f, X(xmit, NONE), &f);

		/* in: its destination is translated already */
		put8(&old, AT_IP_TTL, 64);
		gate_seal(&old);
		assert_exit(prog_exit(g->in, &old, gate_ran()), X(xmit, NONE));
		first = gate_ran()->out;
		gate_frame_out(&first, gate_protos[p],
			ENDS(FAR, port, OUTSIDE,
				get16(&first, gate_protos[p] == PROTO_ICMP ? AT_L4 + 4 : AT_L4)));
		put8(&first, AT_IP_TTL, 1);
		if (gate_protos[p] == PROTO_TCP)
			put8(&first, AT_L4 + 13, SYN | ACK);
		gate_seal(&first);
		punted = first;
		gate_put_ends(&punted, ENDS(FAR, port, HOST, 5000));
		gate_seal(&punted);
		gate_left_as(g->out, &first, X(ip_forward, IP_TTL), &punted);
		g->sent->local = true;
		gate_error(&f, 11, 0, 0, OUTSIDE, FAR, &punted, 28);
		gate_error(&want, 11, 0, 0, OUTSIDE, FAR, &first, 28);
		gate_left_as(g->sent, &f, X(xmit, NONE), &want);
	}
}

static void an_error_of_no_rules_packet_is_left_as_it_is(void **state)
{
	struct gate *g = *state;
	struct frame about, f;

	gate_rules(g, "masquerade out dev out0 src 192.0.2.64/26");
	gate_frame(&about, PROTO_UDP, ENDS(FAR, 53, HOST, 5000));
	gate_error(&f, 3, 3, 0, HOST, FAR, &about, 28);
	gate_goes(g->in, &f, &f, PORT_OUT);
	gate_frame(&about, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_error_out(&f, 3, 3, 0, FAR, HOST, &about, 28);
	gate_goes(g->out, &f, &f, PORT_IN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_from_outside_are_told_inside),
		cmocka_unit_test(an_error_changes_no_session),
		cmocka_unit_test(errors_from_inside_have_the_outside_address),
		cmocka_unit_test(errors_of_dnat_are_right_both_ways),
		cmocka_unit_test(the_packet_it_holds_may_have_options),
		cmocka_unit_test(a_held_udp_checksum_of_0_stays_0),
		cmocka_unit_test(what_follows_the_packet_it_holds_is_kept),
		cmocka_unit_test(an_error_with_a_wrong_checksum_is_dropped),
		cmocka_unit_test(an_error_about_a_broken_header_is_dropped),
		cmocka_unit_test(a_wrong_checksum_within_it_is_of_no_account),
		cmocka_unit_test(a_checksum_of_all_ones_within_it_is_no_0),
		cmocka_unit_test(an_error_about_nothing_known_goes_nowhere),
		cmocka_unit_test(an_error_that_holds_no_packet_goes_nowhere),
		cmocka_unit_test(an_error_about_an_error_goes_nowhere),
		cmocka_unit_test(errors_of_a_hairpin_come_back),
		cmocka_unit_test(a_long_error_is_summed_whole),
		cmocka_unit_test(this_hosts_errors_tell_of_what_was_sent),
		cmocka_unit_test(an_error_of_no_rules_packet_is_left_as_it_is),
	};

	return gate_run("nat_error", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
