// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Checksums through NAT: mended by what has changed, they are what would be computed anew, for all
 * 65,536 values and pairs of addresses and ports that carry; 0 of UDP stays 0; and those that a
 * local sender has left open are completed before the frame leaves, or stay open where the kernel
 * completes them.
 */
#include <stdio.h>
#include <string.h>

#include "gate.h"

static const unsigned int protos[] = {PROTO_UDP, PROTO_TCP};

/* From HOST's side to what it is called outside. */
static const struct pair {
	const char *src;
	unsigned int sport;
	const char *to;
	unsigned int port;
} pairs[] = {
	{"192.0.2.1", 5000, "203.0.113.7", 5001}, {"192.0.2.1", 1, "223.255.255.254", 65535},
	{"192.0.2.1", 65535, "1.0.0.1", 1}, {"192.0.2.255", 0xff00, "198.51.100.9", 0x00ff},
	{"10.255.255.255", 0x8000, "128.0.0.1", 0x7fff},
	{"192.0.2.1", 5000, "2.1.192.0", 5000}, /* sums to the same */
	{"192.0.2.1", 256, "192.0.2.2", 255},	/* what one gains the other loses */
};

/* All values of a word of the payload make all checksums. */
static void all_sums(struct prog *p, struct frame *f, const struct ends *to, enum port port)
{
	static struct frame as, want;
	static bool seen[0x10000];
	unsigned int at = f->data[AT_IP_PROTO] == PROTO_TCP ? AT_TCP_CHECK : AT_UDP_CHECK, sums = 0;

	memset(seen, 0, sizeof(seen));
	as = *f;
	gate_put_ends(&as, *to);
	prog_zero(p);
	for (unsigned int word = 0; word <= 0xffff; word++) {
		put16(f, f->len - 2, word);
		put16(&as, f->len - 2, word);
		gate_seal(f);
		gate_seal(&as);
		sums += !seen[get16(f, at)];
		seen[get16(f, at)] = true;
		frame_forwarded(&want, &as, port);
		prog_run(p, f, gate_ran());
		assert_frame(&gate_ran()->out, &want, "word", word);
	}
	assert_int_equal(sums, 0xffff);
	assert_int_equal(prog_exits(p, X(xmit, NONE)), 0x10000);
}

static void rule_of(struct gate *g, const struct pair *pair)
{
	char rule[128];

	snprintf(rule, sizeof(rule), "snat out dev out0 src %s to %s:%u", pair->src, pair->to,
		pair->port);
	gate_rules(g, rule);
}

static void every_checksum_on_the_way_out(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++)
		for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
			rule_of(g, &pairs[i]);
			gate_frame(&f, protos[p], ENDS(pairs[i].src, pairs[i].sport, FAR, 53));
			all_sums(g->in, &f, &ENDS(pairs[i].to, pairs[i].port, FAR, 53), PORT_OUT);
		}
}

static void every_checksum_on_the_way_back(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++)
		for (size_t i = 0; i < 3; i++) {
			rule_of(g, &pairs[i]);
			gate_frame(&f, protos[p], ENDS(HOST, pairs[i].sport, FAR, 53));
			gate_port(g->in, &f);
			gate_answer(&f, protos[p], ENDS(FAR, 53, pairs[i].to, pairs[i].port));
			all_sums(g->out, &f, &ENDS(FAR, 53, HOST, pairs[i].sport), PORT_IN);
		}
}

/* The same through the rewriting of packets whose flow nobody keeps: by TC egress. */
static void every_checksum_at_egress(void **state)
{
	static struct frame as;
	struct gate *g = *state;
	struct frame f;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++)
		for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
			rule_of(g, &pairs[i]);
			gate_frame(&f, protos[p], ENDS(pairs[i].src, pairs[i].sport, FAR, 53));
			as = f;
			gate_put_ends(&as, ENDS(pairs[i].to, pairs[i].port, FAR, 53));
			for (unsigned int word = 0; word <= 0xffff; word += 3) {
				put16(&f, f.len - 2, word);
				put16(&as, f.len - 2, word);
				gate_seal(&f);
				gate_seal(&as);
				prog_run(g->sent, &f, gate_ran());
				assert_frame(&gate_ran()->out, &as, "word", word);
			}
		}
}

static void a_udp_checksum_of_0_stays_0(void **state)
{
	struct gate *g = *state;
	struct frame f;

	rule_of(g, &pairs[0]);
	for (int n = 0; n < 3; n++) {
		gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
		put16(&f, AT_UDP_CHECK, 0);
		gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.7", 5001, FAR, 53));
		gate_left(g->sent, &f, X(xmit, NONE), ENDS("203.0.113.7", 5001, FAR, 53));
		gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 53, "203.0.113.7", 5001));
		put16(&f, AT_UDP_CHECK, 0);
		gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 53, HOST, 5000));
	}
}

/* A packet of UDP-Lite, all of which is summed. */
static void make_lite(struct frame *f, struct ends e, unsigned int word)
{
	gate_frame(f, PROTO_UDP, e);
	put16(f, f->len - 2, word);
	gate_seal(f);
	put8(f, AT_IP_PROTO, PROTO_UDPLITE);
	/* the pseudo-header's protocol is another */
	put16(f, AT_UDP_CHECK, 0);
	put16(f, AT_UDP_CHECK,
		~sum16(f->data + AT_L4, f->len - AT_L4, frame_pseudo(f)) & 0xffff ?: 0xffff);
	frame_seal_ip(f);
}

/* RFC 3828: 0 is no checksum, and whoever gets it throws it away. */
static void a_udplite_checksum_never_becomes_0(void **state)
{
	static struct frame f, as, want;
	struct gate *g = *state;
	unsigned int ones = 0;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7");
	for (unsigned int word = 0; word <= 0xffff; word++) {
		make_lite(&f, ENDS(HOST, 5000, FAR, 53), word);
		make_lite(&as, ENDS("203.0.113.7", 5000, FAR, 53), word);
		if (word & 0xff && get16(&as, AT_UDP_CHECK) != 0xffff)
			continue;
		ones += get16(&as, AT_UDP_CHECK) == 0xffff;
		frame_forwarded(&want, &as, PORT_OUT);
		prog_run(g->in, &f, gate_ran());
		assert_frame(&gate_ran()->out, &want, "word", word);
		gate_left_as(g->sent, &f, X(xmit, NONE), &as);
	}
	assert_int_not_equal(ones, 0);
}

/* What was wrong stays wrong, for its receiver to see, and by as much. */
static void a_wrong_checksum_stays_wrong(void **state)
{
	static struct frame f, as, want;
	struct gate *g = *state;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		unsigned int at = p ? AT_TCP_CHECK : AT_UDP_CHECK;

		rule_of(g, &pairs[0]);
		for (int n = 0; n < 3; n++) {
			gate_frame(&f, protos[p], ENDS(HOST, 5000, FAR, 53));
			as = f;
			gate_put_ends(&as, ENDS("203.0.113.7", 5001, FAR, 53));
			gate_seal(&as);
			/* in one's complement */
			put16(&f, at, (get16(&f, at) + 0x101) % 0xffff);
			put16(&as, at, (get16(&as, at) + 0x101) % 0xffff);
			frame_forwarded(&want, &as, PORT_OUT);
			prog_run(g->in, &f, gate_ran());
			assert_int_equal(sum16(gate_ran()->out.data + AT_L4, f.len - AT_L4,
						 frame_pseudo(&gate_ran()->out)),
				sum16(want.data + AT_L4, f.len - AT_L4, frame_pseudo(&want)));
		}
	}
}

/* --- open ones --- */

/* Native XDP forgets that it is open: so it is completed. */
static void an_open_checksum_is_completed_before_it_leaves(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		rule_of(g, &pairs[0]);
		for (int n = 0; n < 3; n++) {
			gate_frame(&f, protos[p], ENDS(HOST, 5000, FAR, 53));
			frame_open(&f);
			gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.7", 5001, FAR, 53));
			gate_answer(&f, protos[p], ENDS(FAR, 53, "203.0.113.7", 5001));
			frame_open(&f);
			gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, 53, HOST, 5000));
		}
	}
}

/* Whoever completes it later needs the new pseudo-header's sum there. */
static void stays_open(
	struct prog *p, struct frame *f, enum weir_exit exit, enum port port, struct ends e)
{
	static struct frame as, want;

	as = *f;
	gate_put_ends(&as, e);
	frame_seal_ip(&as);
	frame_open(&as);
	if (exit != X(xmit, NONE)) {
		gate_left_as(p, f, exit, &as);
		return;
	}
	assert_exit(prog_exit(p, f, gate_ran()), exit);
	frame_forwarded(&want, &as, port);
	assert_frame(&gate_ran()->out, &want, "open", 0);
}

static void an_open_checksum_stays_open_on_the_way_to_the_kernel(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		rule_of(g, &pairs[0]);
		gate_frame(&f, protos[p], ENDS(HOST, 5000, FAR, 53));
		gate_port(g->in, &f);
		gate_frame_out(&f, protos[p], ENDS(FAR, 53, "203.0.113.7", 5001));
		if (p)
			put8(&f, AT_L4 + 13, SYN | ACK);
		put8(&f, AT_IP_TTL, 1);
		frame_seal_ip(&f);
		frame_open(&f);
		stays_open(g->out, &f, X(ip_forward, IP_TTL), PORT_IN, ENDS(FAR, 53, HOST, 5000));
	}
}

/* RFC 9868: options behind the datagram are not in its sum, so no local sender has left it open. */
static void udp_with_options_has_no_open_checksum(void **state)
{
	struct gate *g = *state;
	struct frame f, as;
	__u32 was;

	rule_of(g, &pairs[0]);
	gate_frame(&f, PROTO_UDP, ENDS(HOST, 5000, FAR, 53));
	gate_port(g->in, &f);
	gate_frame_out(&f, PROTO_UDP, ENDS(FAR, 53, "203.0.113.7", 5001));
	put8(&f, AT_IP_TTL, 1);
	frame_seal_ip(&f);
	put16(&f, AT_UDP_LEN, f.len - AT_L4 - 2);
	frame_open(&f);
	as = f;
	gate_put_ends(&as, ENDS(FAR, 53, HOST, 5000));
	frame_seal_ip(&as);
	/* of addresses and ports, side by side */
	was = (~sum16(f.data + AT_IP_SRC, 12, 0) & 0xffff) + (~get16(&f, AT_UDP_CHECK) & 0xffff);
	put16(&as, AT_UDP_CHECK, ~sum16(as.data + AT_IP_SRC, 12, was));
	gate_left_as(g->out, &f, X(ip_forward, IP_TTL), &as);
}

static void an_open_checksum_stays_open_by_generic_xdp(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		rule_of(g, &pairs[0]);
		for (int n = 0; n < 3; n++) {
			gate_frame(&f, protos[p], ENDS(HOST, 5000, FAR, 53));
			frame_open(&f);
			stays_open(g->in, &f, X(xmit, NONE), PORT_OUT,
				ENDS("203.0.113.7", 5001, FAR, 53));
			gate_frame(&f, protos[p], ENDS(HOST, 5000, FAR, 53));
			gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.7", 5001, FAR, 53));
		}
	}
}

/* One in 65,536 whole checksums looks as if it were open: it is as right afterwards. */
static void every_checksum_on_a_virtual_device(void **state)
{
	struct gate *g = *state;
	struct frame f;

	for (size_t p = 0; p < ARRAY_SIZE(protos); p++) {
		rule_of(g, &pairs[0]);
		gate_frame(&f, protos[p], ENDS(HOST, 5000, FAR, 53));
		all_sums(g->in, &f, &ENDS("203.0.113.7", 5001, FAR, 53), PORT_OUT);
	}
}

/* Of a segment whose checksum is in the second fragment, the first cannot be translated: put
 * together it would be a wrong one. */
static void a_first_fragment_without_its_checksum_is_dropped(void **state)
{
	struct gate *g = *state;
	struct frame f, first;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7:40000");
	gate_frame(&f, PROTO_TCP, ENDS(HOST, 5000, FAR, 80));
	for (unsigned int known = 0; known < 2; known++) {
		for (unsigned int len = 8; len < 24; len += 8) {
			first = f;
			first.len = AT_L4 + len;
			put16(&first, AT_IP_LEN, 20 + len);
			gate_fragment(&first, MF);
			gate_drops(g->in, &first, X(nf_postrouting, NAT_NO_SESSION));
		}
		gate_becomes(g->in, &f, PORT_OUT, ENDS("203.0.113.7", 40000, FAR, 80));
	}
	assert_int_equal(prog_sessions(g->in), 1);
}

int main(void)
{
	const struct CMUnitTest physical[] = {
		cmocka_unit_test(every_checksum_on_the_way_out),
		cmocka_unit_test(every_checksum_on_the_way_back),
		cmocka_unit_test(every_checksum_at_egress),
		cmocka_unit_test(a_udp_checksum_of_0_stays_0),
		cmocka_unit_test(a_udplite_checksum_never_becomes_0),
		cmocka_unit_test(a_wrong_checksum_stays_wrong),
		cmocka_unit_test(a_first_fragment_without_its_checksum_is_dropped),
	};
	const struct CMUnitTest native[] = {
		cmocka_unit_test(an_open_checksum_is_completed_before_it_leaves),
		cmocka_unit_test(an_open_checksum_stays_open_on_the_way_to_the_kernel),
		cmocka_unit_test(udp_with_options_has_no_open_checksum),
		cmocka_unit_test(every_checksum_on_a_virtual_device),
	};
	const struct CMUnitTest generic[] = {
		cmocka_unit_test(an_open_checksum_stays_open_by_generic_xdp),
		cmocka_unit_test(an_open_checksum_stays_open_on_the_way_to_the_kernel),
		cmocka_unit_test(udp_with_options_has_no_open_checksum),
		cmocka_unit_test(every_checksum_on_a_virtual_device),
	};
	int failed = gate_run("nat_csum, a physical device", physical, ARRAY_SIZE(physical),
		(struct prog_opts){.physical = true});

	failed += gate_run_xdp(
		"nat_csum, a virtual one", native, ARRAY_SIZE(native), (struct prog_opts){0});
	failed += gate_run_xdp("nat_csum, generic", generic, ARRAY_SIZE(generic),
		(struct prog_opts){.generic = true});
	return failed;
}
