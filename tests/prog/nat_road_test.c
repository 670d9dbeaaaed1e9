// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What NAT governs leaves by no road untranslated: what goes to the kernel has its destination
 * translated and its source left for TC egress, and local senders are translated there.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "gate.h"

/* --- by way of the kernel --- */

static void make_options(struct frame *f)
{
	gate_options(f, 1);
}

static void make_old(struct frame *f)
{
	put8(f, AT_IP_TTL, 1);
	gate_seal(f);
}

static void make_plain(struct frame *f)
{
	(void)f;
}

/* More than IN's MTU, or OUT's. */
static void make_big(struct frame *f, unsigned int len, unsigned int frag)
{
	unsigned int proto = f->data[AT_IP_PROTO];
	struct frame was = *f;

	frame_make(f, proto, FAR, len);
	memcpy(f->data, was.data, AT_L4 + (proto == PROTO_ICMP ? 8 : 4));
	put16(f, AT_IP_LEN, 20 + len);
	put16(f, AT_IP_FRAG, frag);
	if (proto == PROTO_TCP)
		put8(f, AT_L4 + 13, was.data[AT_L4 + 13]);
	gate_seal(f);
}

static void make_big_df(struct frame *f)
{
	make_big(f, 1600, DF);
}

static void make_big_to_be_cut(struct frame *f)
{
	make_big(f, 1600, 0);
}

struct road {
	const char *name;
	void (*make)(struct frame *f);
	enum weir_exit exit;
	bool unconfirmed;
};

static const struct road roads[] = {
	{"options", make_options, X(ip_rcv, IP_OPTIONS), false},
	{"ttl", make_old, X(ip_forward, IP_TTL), false},
	{"confirm", make_plain, X(neigh, NEIGH_CONFIRM), true},
	{"too big", make_big_df, X(ip_forward, PKT_TOO_BIG), false},
	{"to be cut", make_big_to_be_cut, X(ip_forward, IP_FRAGMENT), false},
};

/* Of an MTU that is in the way outside, too. */
static void small_outside(struct gate *g, bool small)
{
	assert_int_equal(net_ip("link set out0 mtu %d", small ? 1500 : 16000), 0);
	gate_changed(g);
	prog_forget_flows(g->in);
}

static void a_packet_out_by_the_kernel_is_translated_at_egress(void **state)
{
	struct gate *g = *state;
	struct frame f;

	small_outside(g, true);
	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++)
		for (size_t i = 0; i < ARRAY_SIZE(roads); i++) {
			unsigned int port = gate_server_port(gate_protos[p]);

			print_message("# %s, %u\n", roads[i].name, gate_protos[p]);
			gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7:40000");
			gate_frame(&f, gate_protos[p], ENDS(HOST, 5000, FAR, port));
			roads[i].make(&f);
			for (int n = 0; n < 3; n++) {
				if (roads[i].unconfirmed)
					prog_forget(g->in);
				gate_left_as(g->in, &f, roads[i].exit, &f);
				gate_left(g->sent, &f, X(xmit, NONE),
					ENDS("203.0.113.7", 40000, FAR, port));
			}
			prog_confirm(g->in);
			assert_int_equal(prog_sessions(g->in), 1);
			/* judged and counted once, by whoever met it first */
			assert_int_equal(
				prog_session(g->in, gate_protos[p], HOST, 5000)->count[0].packets,
				3);
		}
	small_outside(g, false);
}

static void a_packet_in_by_the_kernel_is_translated_before_it(void **state)
{
	struct gate *g = *state;
	struct frame f, want;

	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++)
		for (size_t i = 0; i < ARRAY_SIZE(roads); i++) {
			unsigned int port = gate_server_port(gate_protos[p]);

			print_message("# %s, %u\n", roads[i].name, gate_protos[p]);
			gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7:40000");
			gate_frame(&f, gate_protos[p], ENDS(HOST, 5000, FAR, port));
			gate_port(g->in, &f);
			gate_answer(&f, gate_protos[p], ENDS(FAR, port, "203.0.113.7", 40000));
			roads[i].make(&f);
			gate_from_outside(&f);
			for (int n = 0; n < 3; n++) {
				if (roads[i].unconfirmed)
					prog_forget(g->out);
				gate_left(g->out, &f, roads[i].exit, ENDS(FAR, port, HOST, 5000));
				want = gate_ran()->out;
				/* and not once more on its way in */
				gate_left_as(g->back, &want, X(xmit, NONE), &want);
			}
			prog_confirm(g->out);
			assert_int_equal(
				prog_session(g->in, gate_protos[p], HOST, 5000)->count[1].packets,
				3);
		}
}

/* It comes in with options, so it is left to the kernel, which sees @mid; and goes out as @end. */
static void by_the_kernel(
	struct prog *in, struct prog *out, struct frame *f, struct ends mid, struct ends end)
{
	gate_options(f, 1);
	gate_left(in, f, X(ip_rcv, IP_OPTIONS), mid);
	*f = gate_ran()->out;
	gate_left(out, f, X(xmit, NONE), end);
}

/* Both ends: the kernel sees what nobody sends. */
static void a_packet_of_two_translations_gets_one_at_a_time(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "dnat in dev in0 dst 203.0.113.9 proto udp dport 53 to 198.18.1.9:5353\n"
		      "masquerade out dev out0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, "203.0.113.9", 53));
	by_the_kernel(
		g->in, g->sent, &f, ENDS(HOST, 5000, FAR, 5353), ENDS(OUTSIDE, 5000, FAR, 5353));
	gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 5353, OUTSIDE, 5000));
	by_the_kernel(g->out, g->back, &f, ENDS(FAR, 5353, HOST, 5000),
		ENDS("203.0.113.9", 53, HOST, 5000));
	assert_int_equal(prog_sessions(g->in), 1);
}

/* A hairpin by way of the kernel: translated once as it comes, and once as it leaves by the same
 * device. */
static void a_hairpin_by_the_kernel_is_translated_at_egress(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_port(g->in, &f);
	g->back->ingress = PORT_IN;
	gate_frame(&f, PROTO_UDP, ENDS(INNER, 7000, OUTSIDE, 5000));
	by_the_kernel(
		g->in, g->back, &f, ENDS(INNER, 7000, HOST, 5000), ENDS(OUTSIDE, 7000, HOST, 5000));
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, OUTSIDE, 7000));
	by_the_kernel(g->in, g->back, &f, ENDS(HOST, 5000, INNER, 7000),
		ENDS(OUTSIDE, 5000, INNER, 7000));
}

/* Where no program of ours is to meet it on its way out, the kernel is not given it. */
static void what_nobody_would_translate_is_dropped(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	prog_port_remove(g->in, PORT_OUT);
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_options(&f, 1);
	gate_drops(g->in, &f, X(nf_postrouting, NAT_UNTRANSLATED));
	gate_rules(g, "masquerade out dev out0 src 192.0.2.64/26");
	gate_left_as(g->in, &f, X(ip_rcv, IP_OPTIONS), &f);
}

/* A device that takes no redirected frames: its egress program translates. */
static void a_device_that_takes_no_frames_has_them_by_the_kernel(void **state)
{
	struct gate *g = *state;
	struct frame f;

	if (g->in->hook != WEIR_HOOK_xdp)
		return; /* TC sends by any device */
	gate_rules(g, "masquerade out dev bare0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, BARE_HOP, 53));
	for (int n = 0; n < 3; n++)
		gate_left_as(g->in, &f, X(xmit, EGRESS_NOT_ATTACHED), &f);
	assert_int_equal(prog_sessions(g->in), 1);
	prog_port_remove(g->in, PORT_BARE);
	prog_forget_flows(g->in);
	gate_drops(g->in, &f, X(nf_postrouting, NAT_UNTRANSLATED));
}

/* What the kernel forwards from a device that is not ours. */
static void what_comes_from_elsewhere_is_translated_at_egress(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	g->sent->ingress = PORT_NOFWD; /* never attached */
	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		unsigned int port = gate_server_port(gate_protos[p]);

		gate_frame(&f, gate_protos[p], ENDS("198.18.253.1", 5000, FAR, port));
		for (int n = 0; n < 3; n++)
			gate_left(g->sent, &f, X(xmit, NONE), ENDS(OUTSIDE, 5000, FAR, port));
		assert_int_equal(
			prog_session(g->in, gate_protos[p], "198.18.253.1", 5000)->count[0].packets,
			3);
	}
	gate_frame(&f, PROTO_TCP, ENDS("198.18.253.1", 5001, FAR, 53));
	gate_tcp(&f, RST);
	gate_drops(g->sent, &f, X(tc_egress, NAT_NO_SESSION));
}

/* --- this host --- */

static int bound(int type, const char *addr, unsigned int port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((__u16)port)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, addr, &sa.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void this_hosts_services_are_left_as_they_are(void **state)
{
	struct gate *g = *state;
	int udp = bound(SOCK_DGRAM, OUTSIDE, 22), tcp = bound(SOCK_STREAM, "0.0.0.0", 22);
	struct frame f;

	prog_local(g->out, OUTSIDE, true);
	gate_rules(g, "masquerade out dev out0");
	g->sent->local = true;
	for (size_t p = 0; p < 2; p++) {
		gate_frame_out(&f, gate_protos[p], ENDS(FAR, 4000, OUTSIDE, 22));
		for (int n = 0; n < 2; n++)
			gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
		gate_frame(&f, gate_protos[p], ENDS(OUTSIDE, 22, FAR, 4000));
		if (p)
			gate_tcp(&f, SYN | ACK);
		for (int n = 0; n < 2; n++)
			gate_left_as(g->sent, &f, X(xmit, NONE), &f);
	}
	/* one session each: its answers are no new ones, and hold no port */
	assert_int_equal(prog_sessions(g->in), 2);
	assert_true(prog_session(g->in, PROTO_UDP, FAR, 4000)->flags & WEIR_SESSION_LOCAL);
	assert_int_equal(prog_ports(g->in, 0, 0), 0);
	close(udp);
	close(tcp);
}

/* Whoever sends to all our ports neither fills the table nor takes ports from the inside. */
static void a_scan_from_outside_is_in_nobodys_way(void **state)
{
	struct gate *g = *state;
	struct frame f;

	prog_local(g->out, OUTSIDE, true);
	for (unsigned int states = 0; states < 2; states++) /* the filter wants sessions of all */
		for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
			unsigned int port = gate_server_port(gate_protos[p]);

			gate_rules(g, "masquerade out dev out0");
			g->in->nat->states = states;
			gate_frame_out(&f, gate_protos[p], ENDS(FAR, port, OUTSIDE, 5000));
			if (gate_protos[p] == PROTO_ICMP) /* its queries are answered */
				gate_frame_out(&f, gate_protos[p], ENDS(FAR, 5000, OUTSIDE, ECHO));
			gate_left_as(g->out, &f, X(route_in, NOT_FORWARDED), &f);
			assert_int_equal(prog_sessions(g->in), states);
			gate_frame(&f, gate_protos[p], ENDS(HOST, 5000, FAR, port));
			for (int n = 0; n < 3; n++)
				gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, port));
			gate_answer(&f, gate_protos[p], ENDS(FAR, port, OUTSIDE, 5000));
			gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, port, HOST, 5000));
		}
	assert_int_equal(g->in->nat->clashes, 0);
}

/* Its port is claimed, so that no one of the inside gets it. */
static void a_local_sender_keeps_its_port_and_claims_it(void **state)
{
	struct gate *g = *state;
	struct frame f, back;

	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		unsigned int port = gate_server_port(gate_protos[p]);

		gate_rules(g, "masquerade out dev out0");
		g->sent->local = true;
		gate_frame(&f, gate_protos[p], ENDS(OUTSIDE, 5000, FAR, port));
		gate_left_as(g->sent, &f, X(xmit, NONE), &f);
		assert_int_equal(prog_ports(g->in, 0, (unsigned int)p), 1);
		gate_frame(&f, gate_protos[p], ENDS(HOST, 5000, FAR, port));
		assert_int_not_equal(gate_port(g->in, &f), 5000);
		gate_answer(&back, gate_protos[p], ENDS(FAR, port, OUTSIDE, 5000));
		gate_left_as(g->out, &back, X(route_in, NOT_FORWARDED), &back);
	}
}

/* A local sender whose port an inside host has is translated like one. */
static void a_local_sender_gets_another_port_where_its_own_is_taken(void **state)
{
	struct gate *g = *state;
	struct frame f;
	unsigned int port;

	gate_rules(g, "masquerade out dev out0");
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	assert_int_equal(gate_port(g->in, &f), 5000);
	g->sent->local = true;
	gate_frame(&f, PROTO_UDP, ENDS(OUTSIDE, 5000, FAR, 53));
	prog_run(g->sent, &f, gate_ran());
	port = get16(&gate_ran()->out, AT_L4);
	assert_int_not_equal(port, 5000);
	gate_left(g->sent, &f, X(xmit, NONE), ENDS(OUTSIDE, port, FAR, 53));
	gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 53, OUTSIDE, port));
	gate_left(g->out, &f, X(route_in, NOT_FORWARDED), ENDS(FAR, 53, OUTSIDE, 5000));
}

static void a_local_sender_by_another_address_is_translated(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	g->sent->local = true;
	gate_frame(&f, PROTO_UDP, ENDS(ROUTER, 5000, FAR, 53));
	gate_left(g->sent, &f, X(xmit, NONE), ENDS(OUTSIDE, 5000, FAR, 53));
	gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 53, OUTSIDE, 5000));
	gate_left(g->out, &f, X(route_in, NOT_FORWARDED), ENDS(FAR, 53, ROUTER, 5000));
}

/* Three of four ports are sockets': whatever chance says, it is the fourth. */
static void a_bound_local_port_is_never_given_away(void **state)
{
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	struct gate *g = *state;
	struct frame f;
	int fd[3];

	prog_local(g->in, OUTSIDE, true);
	for (size_t p = 0; p < ARRAY_SIZE(types); p++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(fd); i++)
			fd[i] = bound(types[p], i ? OUTSIDE : "0.0.0.0", 40000 + i);
		for (unsigned int n = 0; n < 12; n++) {
			gate_rules(g, "masquerade out dev out0 ports 40000-40003");
			gate_frame(&f, gate_protos[p], ENDS(HOST, 40000 + n % 4, FAR, 53));
			assert_int_equal(gate_port(g->in, &f), 40003);
			gate_frame(&f, gate_protos[p], ENDS(INNER, 40000 + n % 4, FAR, 53));
			assert_exit(
				prog_exit(g->in, &f, gate_ran()), X(nf_postrouting, NAT_EXHAUSTED));
			assert_int_equal(prog_ports(g->in, 0, (unsigned int)p), 1);
		}
		for (unsigned int i = 0; i < ARRAY_SIZE(fd); i++)
			close(fd[i]);
	}
}

static void dnat_to_this_host_is_answered_by_the_outside_port(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "dnat in dev out0 dst " OUTSIDE " proto udp dport 8080 to " OUTSIDE ":80\n"
		      "masquerade out dev out0");
	gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 4000, OUTSIDE, 8080));
	gate_left(g->out, &f, X(route_in, NOT_FORWARDED), ENDS(FAR, 4000, OUTSIDE, 80));
	g->sent->local = true;
	gate_frame(&f, PROTO_UDP, ENDS(OUTSIDE, 80, FAR, 4000));
	gate_left(g->sent, &f, X(xmit, NONE), ENDS(OUTSIDE, 8080, FAR, 4000));
}

/* --- VLANs --- */

static void tag(struct frame *f, unsigned int id)
{
	memmove(f->data + 16, f->data + 12, f->len - 12);
	put32(f, 12, 0x81000000U | id);
	f->len += 4;
}

/* IN's frames of VLAN 5 are IN's, and OUT's leave with tag 6, in all combinations. */
static void tagged_frames_are_translated(void **state)
{
	struct gate *g = *state;
	struct weir_vlan_key key = {.ifindex = net_ifindex(PORT_IN), .tags = {htonl(0x81000005)}};
	struct weir_vlan vlan = {.ifindex = net_ifindex(PORT_IN)};
	struct weir_port port = {.reachable_ms = 3600 * 1000, .dev = net_ifindex(PORT_OUT)};
	__u32 out = net_ifindex(PORT_OUT);
	struct frame f, want;

	if (g->in->hook != WEIR_HOOK_xdp)
		return; /* TC is given none: it is attached to the VLAN's own device */
	net_mac(PORT_IN, vlan.mac);
	prog_put(g->in, "vlans", &key, &vlan);
	for (unsigned int way = 0; way < 4; way++) {
		port.tags[0] = way & 1 ? htonl(0x81000006) : 0;
		prog_put(g->in, "ports", &out, &port);
		for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
			unsigned int to = gate_server_port(gate_protos[p]);

			gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7:40000");
			for (int n = 0; n < 3; n++) {
				gate_frame(&f, gate_protos[p], ENDS(HOST, 5000, FAR, to));
				want = f;
				gate_put_ends(&want, ENDS("203.0.113.7", 40000, FAR, to));
				gate_seal(&want);
				frame_forwarded(&want, &want, PORT_OUT);
				if (way & 2)
					tag(&f, 5);
				if (way & 1)
					tag(&want, 6);
				assert_exit(prog_exit(g->in, &f, gate_ran()), X(xmit, NONE));
				assert_frame(&gate_ran()->out, &want, "tagged", way);
			}
		}
	}
	assert_int_equal(bpf_map_delete_elem(prog_map(g->in, "vlans"), &key), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_out_by_the_kernel_is_translated_at_egress),
		cmocka_unit_test(a_packet_in_by_the_kernel_is_translated_before_it),
		cmocka_unit_test(a_packet_of_two_translations_gets_one_at_a_time),
		cmocka_unit_test(a_hairpin_by_the_kernel_is_translated_at_egress),
		cmocka_unit_test(what_nobody_would_translate_is_dropped),
		cmocka_unit_test(a_device_that_takes_no_frames_has_them_by_the_kernel),
		cmocka_unit_test(what_comes_from_elsewhere_is_translated_at_egress),
		cmocka_unit_test(this_hosts_services_are_left_as_they_are),
		cmocka_unit_test(a_scan_from_outside_is_in_nobodys_way),
		cmocka_unit_test(a_local_sender_keeps_its_port_and_claims_it),
		cmocka_unit_test(a_local_sender_gets_another_port_where_its_own_is_taken),
		cmocka_unit_test(a_local_sender_by_another_address_is_translated),
		cmocka_unit_test(a_bound_local_port_is_never_given_away),
		cmocka_unit_test(dnat_to_this_host_is_answered_by_the_outside_port),
		cmocka_unit_test(tagged_frames_are_translated),
	};

	return gate_run("nat_road", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
