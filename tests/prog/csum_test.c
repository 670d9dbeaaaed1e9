// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Checksums that local senders leave open: completed where that can be done, punted where it
 * cannot, and never touched where they are not open. Each expected sum is computed from scratch.
 */
#include <linux/bpf.h>
#include <string.h>

#include "prog.h"

#define X(stage, cause) WEIR_EXIT_##stage##_##cause

enum {
	MOST = 9728, /* bytes behind the IP header that the program completes */
	MF = 0x2000,
};

static struct prog virtual, physical, generic;

/* The frame leaves as a router makes it, its L4 checksum being @sealed's. */
static void assert_leaves_as(struct prog *p, const struct frame *in, const struct frame *sealed,
	const char *what, unsigned int nr)
{
	static struct frame want;
	static struct ran ran;

	frame_forwarded(&want, sealed, PORT_OUT);
	assert_exit(prog_exit(p, in, &ran), X(xmit, NONE));
	assert_int_equal(ran.verdict, XDP_REDIRECT);
	assert_frame(&ran.out, &want, what, nr);
}

static void assert_unchanged_l4(
	struct prog *p, const struct frame *in, const char *what, unsigned int nr)
{
	assert_leaves_as(p, in, in, what, nr);
}

/* Open and whole, @l4_len bytes; the frame is padded up to @pad. */
static void assert_completed(unsigned int proto, __u32 l4_len, __u32 pad)
{
	static struct frame open, whole;

	frame_make(&whole, proto, FAR, l4_len);
	open = whole;
	frame_open(&open);
	if (pad > open.len) {
		frame_pad(&open, pad);
		frame_pad(&whole, pad);
	}
	assert_leaves_as(&virtual, &open, &whole, "open, length", l4_len);
	assert_unchanged_l4(&virtual, &whole, "whole, length", l4_len);
}

static void udp_of_every_length(void **state)
{
	__u32 payload;

	(void)state;
	for (payload = 0; payload <= 1500; payload++)
		assert_completed(PROTO_UDP, 8 + payload, 0);
}

static void tcp_of_every_length(void **state)
{
	__u32 payload;

	(void)state;
	for (payload = 0; payload <= 1500; payload++)
		assert_completed(PROTO_TCP, 20 + payload, 0);
}

static void padding_is_not_summed(void **state)
{
	__u32 payload;

	(void)state;
	for (payload = 0; payload <= 32; payload++) {
		assert_completed(PROTO_UDP, 8 + payload, 60);
		assert_completed(PROTO_UDP, 8 + payload, 61);
		assert_completed(PROTO_TCP, 20 + payload, 1000);
	}
}

/* Frames of several buffers: the sum runs on where the first one ends, at an odd byte too. */
static void frames_of_several_buffers(void **state)
{
	static const __u32 linear[] = {0, 54, 55, 61, 100, 777, 1000, 3000};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(linear); i++) {
		virtual.linear = linear[i];
		assert_completed(PROTO_UDP, 8980, 0);
		assert_completed(PROTO_TCP, 8979, 0);
		assert_completed(PROTO_UDP, 5001, 0);
		assert_completed(PROTO_TCP, MOST - 1, 0);
		assert_completed(PROTO_UDP, MOST, 0);
	}
	virtual.linear = 0;
}

static void longer_than_can_be_summed_is_punted(void **state)
{
	static const unsigned int protos[] = {PROTO_UDP, PROTO_TCP};
	static struct frame f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(protos); i++) {
		frame_make(&f, protos[i], FAR, MOST + 1);
		assert_unchanged_l4(&virtual, &f, "whole, length", MOST + 1);
		frame_open(&f);
		prog_zero(&virtual);
		assert_way(&virtual, &f, X(xmit, CSUM_UNKNOWN), PORT_OUT);
	}
}

/* RFC 768: a sum of 0 is sent as 0xffff, since 0 says that there is none. */
static void result_0_becomes_ffff(void **state)
{
	static struct frame open, whole;
	__u32 len;

	(void)state;
	for (len = 10; len < 600; len++) {
		frame_make(&whole, PROTO_UDP, FAR, len);
		put16(&whole, AT_L4, 0); /* the source port is what makes the sum 0xffff */
		frame_seal(&whole);
		put16(&whole, AT_L4, get16(&whole, AT_UDP_CHECK));
		frame_seal(&whole);
		assert_int_equal(get16(&whole, AT_UDP_CHECK), 0xffff);
		open = whole;
		frame_open(&open);
		assert_leaves_as(&virtual, &open, &whole, "length", len);
		assert_unchanged_l4(&virtual, &whole, "whole, length", len);
	}
}

static void udp_without_checksum_stays_without(void **state)
{
	static struct frame f;
	__u32 len;

	(void)state;
	for (len = 8; len < 100; len++) {
		frame_make(&f, PROTO_UDP, FAR, len);
		put16(&f, AT_UDP_CHECK, 0);
		assert_unchanged_l4(&virtual, &f, "length", len);
	}
}

/* One in 65,536 looks open and is not: the same value comes out. */
static void whole_that_equals_the_pseudo_sum(void **state)
{
	static struct frame f;
	__u32 len;

	(void)state;
	for (len = 10; len < 600; len++) {
		frame_make(&f, PROTO_UDP, FAR, len);
		/* The segment without its checksum must sum to ~2p: the source port makes it so. */
		put16(&f, AT_L4, 0);
		put16(&f, AT_UDP_CHECK, 0);
		put16(&f, AT_L4, ~sum16(f.data + AT_L4, len, 2 * frame_pseudo(&f)) & 0xffff);
		frame_seal(&f);
		assert_int_equal(get16(&f, AT_UDP_CHECK), frame_pseudo(&f));
		assert_unchanged_l4(&virtual, &f, "length", len);
	}
}

/* RFC 9868: options follow the datagram. Its sum is over less than the packet, and so is no local
 * sender's, whatever it looks like. */
static void udp_with_options_is_whole(void **state)
{
	static struct frame f;
	__u32 len;

	(void)state;
	for (len = 16; len < 600; len++) {
		frame_make(&f, PROTO_UDP, FAR, len);
		put16(&f, AT_UDP_LEN, len - 4);
		frame_open(&f);
		assert_unchanged_l4(&virtual, &f, "length", len);
	}
}

/* A wrong checksum is the receiver's to refuse, not ours to mend. */
static void wrong_checksums_stay_wrong(void **state)
{
	static struct frame f;
	unsigned int check;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 30);
	for (check = 0; check <= 0xffff; check++) {
		if (check == frame_pseudo(&f))
			continue;
		put16(&f, AT_UDP_CHECK, check);
		assert_unchanged_l4(&virtual, &f, "check", check);
	}
}

static void hardware_is_trusted(void **state)
{
	static struct frame f;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 30);
	frame_open(&f);
	assert_unchanged_l4(&physical, &f, "udp", 0);
	assert_unchanged_l4(&generic, &f, "udp, generic", 0);
	frame_make(&f, PROTO_TCP, FAR, 30);
	frame_open(&f);
	assert_unchanged_l4(&physical, &f, "tcp", 0);
	assert_unchanged_l4(&generic, &f, "tcp, generic", 0);
	frame_make(&f, PROTO_IPIP, FAR, 30);
	assert_unchanged_l4(&physical, &f, "ipip", 0);
	assert_unchanged_l4(&generic, &f, "ipip, generic", 0);
}

static void fragments_are_untouched(void **state)
{
	static const unsigned int frag[] = {MF, MF | 100, 100, 0x1fff};
	static struct frame f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(frag); i++) {
		frame_make(&f, PROTO_UDP, FAR, 64);
		frame_open(&f);
		put16(&f, AT_IP_FRAG, frag[i]);
		frame_seal_ip(&f);
		assert_unchanged_l4(&virtual, &f, "udp, offset", frag[i]);
		frame_make(&f, PROTO_IPIP, FAR, 64);
		put16(&f, AT_IP_FRAG, frag[i]);
		frame_seal_ip(&f);
		assert_unchanged_l4(&virtual, &f, "ipip, offset", frag[i]);
	}
}

/* DF and the reserved bit make no fragment. */
static void flags_alone_are_no_fragment(void **state)
{
	static const unsigned int frag[] = {0x4000, 0x8000, 0xc000};
	static struct frame open, whole;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(frag); i++) {
		frame_make(&whole, PROTO_UDP, FAR, 64);
		put16(&whole, AT_IP_FRAG, frag[i]);
		frame_seal_ip(&whole);
		open = whole;
		frame_open(&open);
		assert_leaves_as(&virtual, &open, &whole, "flags", frag[i]);
	}
}

static void assert_punted(const struct frame *f)
{
	prog_zero(&virtual);
	assert_way(&virtual, f, X(xmit, CSUM_UNKNOWN), PORT_OUT);
}

static void sctp_without_crc_is_punted(void **state)
{
	static struct frame f;
	unsigned int i;

	(void)state;
	frame_make(&f, PROTO_SCTP, FAR, 40);
	put32(&f, AT_SCTP_CRC, 0);
	assert_punted(&f);
	assert_unchanged_l4(&physical, &f, "sctp", 0);
	for (i = 0; i < 4; i++) { /* any byte of it makes it a CRC */
		put32(&f, AT_SCTP_CRC, 1U << (8 * i));
		assert_unchanged_l4(&virtual, &f, "sctp, byte", i);
	}
}

static void tunnels_are_punted(void **state)
{
	static const unsigned int protos[] = {PROTO_IPIP, PROTO_IPV6, PROTO_GRE};
	static const unsigned int dports[] = {4789, 8472, 6081};
	static struct frame f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(protos); i++) {
		frame_make(&f, protos[i], FAR, 60);
		assert_punted(&f);
	}
	for (i = 0; i < ARRAY_SIZE(dports); i++) {
		frame_make(&f, PROTO_UDP, FAR, 60);
		put16(&f, AT_L4_DPORT, dports[i]);
		frame_seal(&f);
		assert_punted(&f);
		put16(&f, AT_UDP_CHECK, 0); /* as VXLAN has it */
		assert_punted(&f);
		put16(&f, AT_L4, dports[i]); /* a source port makes no tunnel */
		put16(&f, AT_L4_DPORT, 6000);
		assert_unchanged_l4(&virtual, &f, "source port", dports[i]);
	}
}

static void short_l4_headers_are_untouched(void **state)
{
	static const unsigned int protos[] = {PROTO_UDP, PROTO_TCP, PROTO_SCTP};
	static const __u32 header[] = {8, 20, 12};
	static struct frame f;
	__u32 len;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(protos); i++)
		for (len = 0; len < header[i]; len++) {
			frame_make(&f, protos[i], FAR, len);
			assert_unchanged_l4(&virtual, &f, "bare, length", len);
			/* padding that looks like the rest of an open checksum */
			frame_pad(&f, 60);
			put16(&f, protos[i] == PROTO_TCP ? AT_TCP_CHECK : AT_UDP_CHECK,
				frame_pseudo(&f));
			assert_unchanged_l4(&virtual, &f, "padded, length", len);
		}
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&virtual, &(struct prog_opts){0});
	prog_load(&physical, &(struct prog_opts){.physical = true});
	prog_load(&generic, &(struct prog_opts){.generic = true});
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, prog_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(udp_of_every_length),
		TEST(tcp_of_every_length),
		TEST(padding_is_not_summed),
		TEST(frames_of_several_buffers),
		TEST(longer_than_can_be_summed_is_punted),
		TEST(result_0_becomes_ffff),
		TEST(udp_without_checksum_stays_without),
		TEST(whole_that_equals_the_pseudo_sum),
		TEST(udp_with_options_is_whole),
		TEST(wrong_checksums_stay_wrong),
		TEST(hardware_is_trusted),
		TEST(fragments_are_untouched),
		TEST(flags_alone_are_no_fragment),
		TEST(sctp_without_crc_is_punted),
		TEST(tunnels_are_punted),
		TEST(short_l4_headers_are_untouched),
	};

	return net_allowed() ? cmocka_run_group_tests_name("csum", tests, up, prog_down) : 0;
}
