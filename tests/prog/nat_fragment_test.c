// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fragments whose first was seen go its way; others NAT drops, or leaves to the kernel to join. */
#include <arpa/inet.h>
#include <string.h>
#include <bpf/bpf.h>

#include "base/clock.h"
#include "gate.h"

enum { PARTS = 3, PART = 64 };

/* A packet of three fragments, whole. */
static void make_whole(struct frame *f, unsigned int proto, struct ends e)
{
	frame_make(f, proto, e.dst, PARTS * PART);
	if (proto == PROTO_TCP)
		put8(f, AT_L4 + 13, SYN);
	if (proto == PROTO_ICMP)
		put16(f, AT_L4, e.dport == ECHO ? ECHO << 8 : 0);
	gate_put_ends(f, e);
	gate_seal(f);
}

/* The @i-th of it. */
static void cut(struct frame *f, const struct frame *whole, unsigned int i)
{
	*f = *whole;
	memmove(f->data + AT_L4, f->data + AT_L4 + i * PART, PART);
	f->len = AT_L4 + PART;
	put16(f, AT_IP_LEN, 20 + PART);
	gate_fragment(f, (i < PARTS - 1 ? MF : 0) | i * PART / 8);
}

/* Each part of @whole goes out as that of @want. */
static void part_goes(struct prog *p, const struct frame *whole, const struct frame *want,
	unsigned int i, enum port port)
{
	struct frame f, as;

	cut(&f, whole, i);
	cut(&as, want, i);
	gate_goes(p, &f, &as, port);
}

static void parts_go(
	struct prog *p, const struct frame *whole, const struct frame *want, enum port port)
{
	for (unsigned int i = 0; i < PARTS; i++)
		part_goes(p, whole, want, i, port);
}

/* Those of a packet from HOST's port 5000. */
static void fragments_leave_as(struct gate *g, unsigned int proto, const char *from, unsigned int port)
{
	struct frame f, want;

	make_whole(&f, proto, ENDS(HOST, 5000, FAR, port));
	make_whole(&want, proto, ENDS(from, 5000, FAR, port));
	parts_go(g->in, &f, &want, PORT_OUT);
}

static void part_drops(
	struct prog *p, const struct frame *whole, unsigned int i, enum weir_exit exit)
{
	struct frame f;

	cut(&f, whole, i);
	gate_drops(p, &f, exit);
}

static void fragments_follow_their_first_both_ways(void **state)
{
	struct gate *g = *state;
	struct frame f, want;

	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		unsigned int port = gate_server_port(gate_protos[p]);

		gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7:40000");
		make_whole(&f, gate_protos[p], ENDS(HOST, 5000, FAR, port));
		make_whole(&want, gate_protos[p], ENDS("203.0.113.7", 40000, FAR, port));
		part_goes(g->in, &f, &want, 0, PORT_OUT);
		part_goes(g->in, &f, &want, 2, PORT_OUT); /* in any order then */
		part_goes(g->in, &f, &want, 1, PORT_OUT);
		assert_int_equal(
			prog_session(g->in, gate_protos[p], HOST, 5000)->count[0].packets, 3);

		make_whole(&f, gate_protos[p], ENDS(FAR, port, "203.0.113.7", 40000));
		make_whole(&want, gate_protos[p], ENDS(FAR, port, HOST, 5000));
		if (gate_protos[p] == PROTO_TCP) {
			gate_tcp(&f, SYN | ACK);
			gate_tcp(&want, SYN | ACK);
		}
		gate_from_outside(&f);
		gate_from_outside(&want);
		parts_go(g->out, &f, &want, PORT_IN);
		assert_int_equal(
			prog_session(g->in, gate_protos[p], HOST, 5000)->count[1].packets, 3);
		assert_int_equal(prog_sessions(g->in), 1);
	}
}

static void fragments_before_their_first_are_dropped(void **state)
{
	struct gate *g = *state;
	struct frame f, want;

	gate_rules(g, "masquerade out dev out0");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	make_whole(&want, PROTO_UDP, ENDS(OUTSIDE, 5000, FAR, 53));
	part_drops(g->in, &f, 1, X(nf_postrouting, NAT_FRAGMENT));
	part_drops(g->in, &f, 2, X(nf_postrouting, NAT_FRAGMENT));
	part_goes(g->in, &f, &want, 0, PORT_OUT);
	part_goes(g->in, &f, &want, 1, PORT_OUT);

	make_whole(&f, PROTO_UDP, ENDS(FAR, 53, OUTSIDE, 5000));
	make_whole(&want, PROTO_UDP, ENDS(FAR, 53, HOST, 5000));
	gate_from_outside(&f);
	gate_from_outside(&want);
	part_drops(g->out, &f, 1, X(nf_postrouting, NAT_FRAGMENT));
	part_goes(g->out, &f, &want, 0, PORT_IN);
	part_goes(g->out, &f, &want, 1, PORT_IN);
}

/* Of a pool's address no fragment is anybody else's. */
static void fragments_for_a_pools_address_are_dropped(void **state)
{
	struct gate *g = *state;
	struct frame f;

	assert_int_equal(net_ip("route add 203.0.113.77/32 via " HOP), 0);
	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.77");
	make_whole(&f, PROTO_UDP, ENDS(FAR, 53, "203.0.113.77", 5000));
	gate_from_outside(&f);
	part_drops(g->out, &f, 1, X(nf_postrouting, NAT_FRAGMENT));
	assert_int_equal(net_ip("route del 203.0.113.77/32"), 0);
}

static void fragments_of_what_is_not_translated_pass_in_any_order(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0 src 192.0.2.64/26");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, SMALL_HOP, 53));
	part_goes(g->in, &f, &f, 2, PORT_SMALL);
	part_goes(g->in, &f, &f, 0, PORT_SMALL);
	part_goes(g->in, &f, &f, 1, PORT_SMALL);
	assert_int_equal(prog_sessions(g->in), 0);
}

/* Ports 0 are what a flow's key has where it sees none. */
static void packets_of_ports_0_are_no_fragments_flow(void **state)
{
	struct gate *g = *state;
	struct frame zero;

	for (size_t p = 0; p < 2; p++) {
		gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7");
		gate_frame(&zero, gate_protos[p], ENDS(HOST, 0, FAR, 0));
		gate_port(g->in, &zero);
		gate_port(g->in, &zero);
		fragments_leave_as(
			g, gate_protos[p], "203.0.113.7", gate_server_port(gate_protos[p]));
	}
	/* one that is not translated lets none out untranslated */
	gate_rules(g, "snat out dev out0 proto udp dport 53 to 203.0.113.7");
	gate_frame(&zero, PROTO_UDP, ENDS(HOST, 0, FAR, 0));
	gate_goes(g->in, &zero, &zero, PORT_OUT);
	gate_goes(g->in, &zero, &zero, PORT_OUT);
	fragments_leave_as(g, PROTO_UDP, "203.0.113.7", 53);
}

/* An id that is used again is another packet's. */
static void a_new_first_fragment_is_followed_from_then_on(void **state)
{
	struct gate *g = *state;
	struct frame f, want;

	gate_rules(g, "snat out dev out0 proto udp dport 53 to 203.0.113.7\n"
		      "snat out dev out0 src 192.0.2.0/24 to 203.0.113.8");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	make_whole(&want, PROTO_UDP, ENDS("203.0.113.7", 5000, FAR, 53));
	part_goes(g->in, &f, &want, 0, PORT_OUT);
	part_goes(g->in, &f, &want, 1, PORT_OUT);
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 54));
	make_whole(&want, PROTO_UDP, ENDS("203.0.113.8", 5000, FAR, 54));
	part_goes(g->in, &f, &want, 0, PORT_OUT);
	part_goes(g->in, &f, &want, 1, PORT_OUT);
}

static void fragments_of_another_packet_do_not_follow(void **state)
{
	struct gate *g = *state;
	struct frame f, want, other;

	gate_rules(g, "masquerade out dev out0");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	make_whole(&want, PROTO_UDP, ENDS(OUTSIDE, 5000, FAR, 53));
	part_goes(g->in, &f, &want, 0, PORT_OUT);
	cut(&other, &f, 1);
	put16(&other, AT_IP_ID, 0x1235);
	frame_seal_ip(&other);
	gate_drops(g->in, &other, X(nf_postrouting, NAT_FRAGMENT));
	cut(&other, &f, 1);
	put_addr(&other, AT_IP_SRC, INNER);
	frame_seal_ip(&other);
	gate_drops(g->in, &other, X(nf_postrouting, NAT_FRAGMENT));
	cut(&other, &f, 1);
	put_addr(&other, AT_IP_DST, HOP);
	frame_seal_ip(&other);
	gate_drops(g->in, &other, X(nf_postrouting, NAT_FRAGMENT));
	cut(&other, &f, 1);
	put8(&other, AT_IP_PROTO, PROTO_TCP);
	frame_seal_ip(&other);
	gate_drops(g->in, &other, X(nf_postrouting, NAT_FRAGMENT));
}

/* What is kept of a first fragment lasts 30 s. */
static void a_first_fragment_is_forgotten_after_its_time(void **state)
{
	struct gate *g = *state;
	struct weir_frag_session s;
	struct weir_frag_key key;
	struct frame f, want;
	int fd = prog_map(g->in, "frags");

	while (!bpf_map_get_next_key(fd, NULL, &key))
		bpf_map_delete_elem(fd, &key);
	gate_rules(g, "masquerade out dev out0");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	make_whole(&want, PROTO_UDP, ENDS(OUTSIDE, 5000, FAR, 53));
	part_goes(g->in, &f, &want, 0, PORT_OUT);
	assert_int_equal(bpf_map_get_next_key(fd, NULL, &key), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &s), 0);
	s.seen -= WEIR_FRAG_EPOCHS - 40; /* two seconds are enough for what follows */
	assert_int_equal(bpf_map_update_elem(fd, &key, &s, 0), 0);
	part_goes(g->in, &f, &want, 1, PORT_OUT);
	s.seen -= 40;
	assert_int_equal(bpf_map_update_elem(fd, &key, &s, 0), 0);
	part_drops(g->in, &f, 1, X(nf_postrouting, NAT_FRAGMENT));
}

static void fragments_of_an_ended_session_are_dropped(void **state)
{
	struct gate *g = *state;
	struct frame f, want;

	gate_rules(g, "masquerade out dev out0");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	make_whole(&want, PROTO_UDP, ENDS(OUTSIDE, 5000, FAR, 53));
	part_goes(g->in, &f, &want, 0, PORT_OUT);
	prog_flush(g->in);
	part_drops(g->in, &f, 1, X(nf_postrouting, NAT_FRAGMENT));
	/* nor do they follow the next one in its place */
	gate_frame(&want, PROTO_UDP, ENDS(INNER, 6000, FAR, 53));
	gate_becomes(g->in, &want, PORT_OUT, ENDS(OUTSIDE, 6000, FAR, 53));
	part_drops(g->in, &f, 1, X(nf_postrouting, NAT_FRAGMENT));
}

/* RFC 4787, REQ-14 a: neither first fragments nor later ones, of more packets than are kept. */
static void a_flood_of_fragments_is_in_nobodys_way(void **state)
{
	struct gate *g = *state;
	struct frame f, want, first, later, other;

	gate_rules(g, "masquerade out dev out0");
	gate_frame(&other, PROTO_UDP, ENDS(INNER, 6000, FAR, 53));
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	make_whole(&want, PROTO_UDP, ENDS(OUTSIDE, 5000, FAR, 53));
	cut(&first, &f, 0);
	cut(&later, &f, 1);
	for (unsigned int id = 0; id < 3 * WEIR_FRAGS_MAX; id++) {
		put16(&first, AT_IP_ID, id);
		frame_seal_ip(&first);
		prog_run(g->in, &first, gate_ran());
		put16(&later, AT_IP_ID, id + 40000);
		frame_seal_ip(&later);
		prog_run(g->in, &later, gate_ran());
		if (id % 1024)
			continue;
		gate_becomes(g->in, &other, PORT_OUT, ENDS(OUTSIDE, 6000, FAR, 53));
		put16(&f, AT_IP_ID, id + 30000);
		put16(&want, AT_IP_ID, id + 30000);
		parts_go(g->in, &f, &want, PORT_OUT);
	}
	assert_int_equal(prog_sessions(g->in), 2);
	assert_int_equal(g->in->nat->frags_full, 0);
}

/* The kernel has the packet, and sends it in pieces. */
static void fragments_that_the_kernel_sends_are_translated(void **state)
{
	struct gate *g = *state;
	struct frame f, want, part, as;

	gate_rules(g, "masquerade out dev out0 ports 40000-40000");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, HOP_LOST, 53));
	make_whole(&want, PROTO_UDP, ENDS(OUTSIDE, 40000, HOP_LOST, 53));
	gate_left_as(g->in, &f, X(neigh, NEIGH_UNRESOLVED), &f);
	for (unsigned int i = 0; i < PARTS; i++) {
		cut(&part, &f, i);
		cut(&as, &want, i);
		gate_left_as(g->sent, &part, X(xmit, NONE), &as);
	}
	put16(&f, AT_IP_ID, 99);
	cut(&part, &f, 1);
	gate_drops(g->sent, &part, X(tc_egress, NAT_FRAGMENT));
}

/* What was translated as it came in is not translated once more. */
static void fragments_that_the_kernel_sends_in_are_left_as_they_are(void **state)
{
	struct gate *g = *state;
	struct frame f, whole, part;

	gate_rules(g, "dnat in dev out0 dst " OUTSIDE " proto udp dport 8080 to 192.0.2.77:80\n"
		      "masquerade out dev out0");
	make_whole(&f, PROTO_UDP, ENDS(FAR, 4000, OUTSIDE, 8080));
	gate_from_outside(&f);
	whole = f;
	gate_put_ends(&whole, ENDS(FAR, 4000, "192.0.2.77", 80));
	gate_seal(&whole);
	gate_left_as(g->out, &f, X(neigh, NEIGH_UNRESOLVED), &whole);
	for (unsigned int i = 0; i < PARTS; i++) {
		cut(&part, &whole, i);
		gate_left_as(g->back, &part, X(xmit, NONE), &part);
	}
}

/* --- what the kernel puts together --- */

#define WAITS X(nf_forward, IP_REASSEMBLE)

static void reassembles(struct gate *g, const char *rules)
{
	gate_rules(g, rules);
	g->in->nat->defrag = 1;
}

static void part_left(
	struct prog *p, const struct frame *whole, unsigned int i, enum weir_exit exit)
{
	struct frame f;

	cut(&f, whole, i);
	gate_left_as(p, &f, exit, &f);
}

/* The kernel has put @f together, and sends it: as @want. */
static void kernel_sends(struct gate *g, const struct frame *f, const struct frame *want)
{
	struct frame part, as;

	for (unsigned int i = 0; i < PARTS; i++) {
		cut(&part, f, i);
		cut(&as, want, i);
		gate_left_as(g->sent, &part, X(xmit, NONE), &as);
	}
}

static void make_nth(struct frame *f, unsigned int proto, struct ends e, unsigned int id)
{
	make_whole(f, proto, e);
	put16(f, AT_IP_ID, id);
	frame_seal_ip(f);
}

static const unsigned int orders[][PARTS] = {
	{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

/* All of a packet by one way, the fast path's or the kernel's, on any CPU; then the next of that id
 * does as it comes. */
static void fragments_in_every_order_go_one_way(void **state)
{
	struct gate *g = *state;
	struct frame f, want;

	for (size_t n = 0; n < ARRAY_SIZE(orders) * ARRAY_SIZE(gate_protos); n++) {
		const unsigned int *order = orders[n % ARRAY_SIZE(orders)];
		unsigned int proto = gate_protos[n / ARRAY_SIZE(orders)];
		unsigned int port = gate_server_port(proto);

		reassembles(g, "masquerade out dev out0 ports 40000-40000");
		make_whole(&f, proto, ENDS(HOST, 5000, FAR, port));
		make_whole(&want, proto, ENDS(OUTSIDE, 40000, FAR, port));
		for (unsigned int i = 0; i < PARTS; i++) {
			prog_on_cpu(i);
			if (!order[0])
				part_goes(g->in, &f, &want, order[i], PORT_OUT);
			else
				part_left(g->in, &f, order[i], WAITS);
		}
		assert_int_equal(prog_sessions(g->in), 1);
		if (order[0])
			kernel_sends(g, &f, &want);
		parts_go(g->in, &f, &want, PORT_OUT);
	}
	prog_on_cpu(0);
}

static void packets_between_one_anothers_fragments_keep_their_ways(void **state)
{
	struct gate *g = *state;
	struct frame a, b, c, a_out, b_out, c_out;

	reassembles(g, "masquerade out dev out0");
	make_nth(&a, PROTO_UDP, ENDS(HOST, 5000, FAR, 53), 1);
	make_nth(&a_out, PROTO_UDP, ENDS(OUTSIDE, 5000, FAR, 53), 1);
	make_nth(&b, PROTO_UDP, ENDS(HOST, 5000, FAR, 53), 2);
	make_nth(&b_out, PROTO_UDP, ENDS(OUTSIDE, 5000, FAR, 53), 2);
	make_nth(&c, PROTO_UDP, ENDS(INNER, 5001, FAR, 53), 1);
	make_nth(&c_out, PROTO_UDP, ENDS(OUTSIDE, 5001, FAR, 53), 1);
	part_left(g->in, &a, 2, WAITS);
	part_goes(g->in, &b, &b_out, 0, PORT_OUT);
	part_left(g->in, &c, 1, WAITS);
	part_left(g->in, &a, 0, WAITS);
	part_goes(g->in, &b, &b_out, 2, PORT_OUT);
	part_left(g->in, &c, 0, WAITS);
	part_left(g->in, &c, 2, WAITS);
	part_left(g->in, &a, 1, WAITS);
	part_goes(g->in, &b, &b_out, 1, PORT_OUT);
	kernel_sends(g, &c, &c_out);
	kernel_sends(g, &a, &a_out);
}

/* Every slot is another packet's, until its time is over. */
static void without_room_fragments_before_their_first_are_dropped(void **state)
{
	struct gate *g = *state;
	__u64 now = weir_now_ns() / WEIR_EPOCH_NS;
	struct weir_frag_line line;
	struct frame f, want;

	reassembles(g, "masquerade out dev out0");
	for (unsigned int old = 0; old < 2; old++) {
		for (__u32 i = 0; i < WEIR_FRAG_SLOTS; i++)
			line.slot[i] = (__u64)(i + 1) << 34 |
				       (__u32)(now - (old ? WEIR_FRAG_EPOCHS : 100));
		for (__u32 i = 0; i < WEIR_FRAG_LINES; i++)
			prog_put(g->in, "frags_left", &i, &line);
		make_nth(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53), 7 + old);
		make_nth(&want, PROTO_UDP, ENDS(OUTSIDE, 5000, FAR, 53), 7 + old);
		if (old) {
			part_left(g->in, &f, 1, WAITS);
			part_left(g->in, &f, 0, WAITS);
			continue;
		}
		part_drops(g->in, &f, 1, X(nf_postrouting, NAT_FRAGMENT));
		assert_int_equal(g->in->nat->frags_full, 1);
		part_goes(g->in, &f, &want, 0, PORT_OUT);
		part_goes(g->in, &f, &want, 2, PORT_OUT);
	}
	assert_int_equal(g->in->nat->frags_full, 1);
}

/* Nobody is sent where nobody waits. */
static void with_punt_drop_no_fragment_waits(void **state)
{
	struct gate *g = *state;
	struct frame f, want, part;

	reassembles(g, "masquerade out dev out0");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	make_whole(&want, PROTO_UDP, ENDS(OUTSIDE, 5000, FAR, 53));
	g->in->conf->punt = WEIR_PUNT_DROP;
	cut(&part, &f, 1);
	assert_exit(prog_exit(g->in, &part, gate_ran()), WAITS);
	assert_only_exit(g->in, WAITS, true, part.len);
	part_goes(g->in, &f, &want, 0, PORT_OUT);
	part_goes(g->in, &f, &want, 2, PORT_OUT);
}

static void from_outside_no_fragment_waits(void **state)
{
	struct gate *g = *state;
	struct frame f;

	reassembles(g, "masquerade out dev out0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, 53));
	make_whole(&f, PROTO_UDP, ENDS(FAR, 53, OUTSIDE, 5000));
	gate_from_outside(&f);
	part_drops(g->out, &f, 1, X(nf_postrouting, NAT_FRAGMENT));
}

/* To the kernel the first would be another packet's. */
static void a_first_that_is_sent_elsewhere_does_not_follow(void **state)
{
	struct gate *g = *state;
	struct frame f;

	reassembles(g, "dnat in dev in0 dst " FAR " proto udp dport 53 to " HOP ":5353\n"
		       "masquerade out dev out0");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	part_left(g->in, &f, 1, WAITS);
	part_drops(g->in, &f, 0, X(nf_postrouting, NAT_FRAGMENT));
	part_left(g->in, &f, 2, WAITS);
}

/* The kernel has them, puts nothing together any more, and there is only TC egress. */
static void nothing_leaves_untranslated_when_nobody_reassembles(void **state)
{
	struct gate *g = *state;
	struct frame f, want, part, as;

	reassembles(g, "masquerade out dev out0 ports 40000-40000");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	make_whole(&want, PROTO_UDP, ENDS(OUTSIDE, 40000, FAR, 53));
	part_left(g->in, &f, 2, WAITS);
	part_drops(g->sent, &f, 2, X(tc_egress, NAT_FRAGMENT));
	part_left(g->in, &f, 0, WAITS);
	cut(&part, &f, 0);
	cut(&as, &want, 0);
	gate_left_as(g->sent, &part, X(xmit, NONE), &as);
}

/* TC egress is not there. */
static void no_fragment_waits_for_a_device_that_is_not_attached(void **state)
{
	struct gate *g = *state;
	__u32 ifindex = net_ifindex(PORT_OUT);
	int fd = prog_map(g->in, "ports");
	struct weir_port port;
	struct frame f;

	reassembles(g, "masquerade out dev out0");
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	assert_int_equal(bpf_map_lookup_elem(fd, &ifindex, &port), 0);
	assert_int_equal(bpf_map_delete_elem(fd, &ifindex), 0);
	part_drops(g->in, &f, 1, X(nf_postrouting, NAT_FRAGMENT));
	prog_put(g->in, "ports", &ifindex, &port);
}

/* Whatever it goes there for: the kernel waits for the others, which would not be its own. */
static void a_first_that_goes_to_the_kernel_is_followed(void **state)
{
	static const unsigned int protos[] = {PROTO_UDP, PROTO_TCP, PROTO_ICMP, 253};
	struct gate *g = *state;
	struct frame f, first;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		reassembles(g, "masquerade out dev out0");
		frame_make(&f, protos[p], SMALL_HOP, 100);
		gate_seal(&f);
		gate_goes(g->in, &f, &f, PORT_SMALL); /* its flow is known */
		frame_make(&first, protos[p], SMALL_HOP, SMALL_MTU);
		gate_fragment(&first, MF);
		gate_left_as(g->in, &first, X(ip_forward, IP_FRAGMENT), &first);
		gate_fragment(&f, SMALL_MTU / 8);
		gate_left_as(g->in, &f, WAITS, &f);
		put16(&f, AT_IP_ID, 99);
		frame_seal_ip(&f);
		gate_goes(g->in, &f, &f, PORT_SMALL);
	}
}

/* What confirms a next hop goes to the kernel, and would wait there for those that do not. */
static void fragments_confirm_no_next_hop(void **state)
{
	struct gate *g = *state;
	struct frame f;

	reassembles(g, "masquerade out dev out0");
	prog_forget(g->in);
	fragments_leave_as(g, PROTO_UDP, OUTSIDE, 53);
	make_whole(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_left(g->in, &f, X(neigh, NEIGH_CONFIRM), ENDS(HOST, 5000, FAR, 53));
	prog_confirm(g->in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_follow_their_first_both_ways),
		cmocka_unit_test(fragments_before_their_first_are_dropped),
		cmocka_unit_test(fragments_for_a_pools_address_are_dropped),
		cmocka_unit_test(fragments_of_what_is_not_translated_pass_in_any_order),
		cmocka_unit_test(packets_of_ports_0_are_no_fragments_flow),
		cmocka_unit_test(a_new_first_fragment_is_followed_from_then_on),
		cmocka_unit_test(fragments_of_another_packet_do_not_follow),
		cmocka_unit_test(a_first_fragment_is_forgotten_after_its_time),
		cmocka_unit_test(fragments_of_an_ended_session_are_dropped),
		cmocka_unit_test(a_flood_of_fragments_is_in_nobodys_way),
		cmocka_unit_test(fragments_that_the_kernel_sends_are_translated),
		cmocka_unit_test(fragments_that_the_kernel_sends_in_are_left_as_they_are),
		cmocka_unit_test(fragments_in_every_order_go_one_way),
		cmocka_unit_test(packets_between_one_anothers_fragments_keep_their_ways),
		cmocka_unit_test(without_room_fragments_before_their_first_are_dropped),
		cmocka_unit_test(with_punt_drop_no_fragment_waits),
		cmocka_unit_test(from_outside_no_fragment_waits),
		cmocka_unit_test(a_first_that_is_sent_elsewhere_does_not_follow),
		cmocka_unit_test(nothing_leaves_untranslated_when_nobody_reassembles),
		cmocka_unit_test(no_fragment_waits_for_a_device_that_is_not_attached),
		cmocka_unit_test(a_first_that_goes_to_the_kernel_is_followed),
		cmocka_unit_test(fragments_confirm_no_next_hop),
	};

	return gate_run("nat_fragment", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
