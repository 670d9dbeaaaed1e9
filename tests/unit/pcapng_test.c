// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A capture file, byte by byte: what is written is read again by a reader of its own. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "out/pcapng.h"
#include "test.h"

static char *bytes;
static size_t size;
static struct weir_pcapng p;
static FILE *file;

static int setup(void **state)
{
	(void)state;
	file = open_memstream(&bytes, &size);
	return file && !weir_pcapng_begin(&p, file) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(bytes);
	return 0;
}

/* Ends the file and its memory. */
static void finish(__u64 full, __u64 limited)
{
	assert_int_equal(weir_pcapng_end(&p, 7000000005, full, limited), 0);
	fclose(file);
}

/* --- the reader --- */

struct block {
	__u32 type, len;
	const char *body; /* behind type and length */
	__u32 body_len;
};

static __u32 at32(const char *at)
{
	__u32 v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static __u16 at16(const char *at)
{
	__u16 v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* The @nr-th block; false where the file ends there. */
static bool block_at(unsigned int nr, struct block *b)
{
	size_t at = 0;

	for (;; nr--, at += b->len) {
		if (at == size)
			return false;
		assert_true(size - at >= 12);
		*b = (struct block){at32(bytes + at), at32(bytes + at + 4), bytes + at + 8, 0};
		assert_true(b->len >= 12 && b->len <= size - at && b->len % 4 == 0);
		assert_int_equal(at32(bytes + at + b->len - 4), b->len);
		b->body_len = b->len - 12;
		if (!nr)
			return true;
	}
}

static struct block block(unsigned int nr, __u32 type)
{
	struct block b = {0};

	assert_true(block_at(nr, &b));
	assert_int_equal(b.type, type);
	return b;
}

/* The value of an option that stands behind the first @fixed bytes; asserts its length. */
static const char *option(const struct block *b, __u32 fixed, __u16 code, __u16 len)
{
	const char *found = NULL;
	__u32 at = fixed;

	for (;;) {
		__u16 this_code, this_len;

		assert_true(at + 4 <= b->body_len);
		this_code = at16(b->body + at);
		this_len = at16(b->body + at + 2);
		at += 4;
		if (!this_code) {
			assert_int_equal(this_len, 0);
			assert_int_equal(at, b->body_len); /* the end is the end */
			return found;
		}
		if (this_code == code) {
			assert_null(found);
			assert_int_equal(this_len, len);
			found = b->body + at;
		}
		at += (this_len + 3U) / 4 * 4;
	}
}

static void assert_text(const struct block *b, __u32 fixed, __u16 code, const char *text)
{
	const char *found = option(b, fixed, code, (__u16)strlen(text));

	assert_non_null(found);
	assert_memory_equal(found, text, strlen(text));
}

static void assert_option32(const struct block *b, __u32 fixed, __u16 code, __u32 want)
{
	const char *found = option(b, fixed, code, 4);

	assert_non_null(found);
	assert_int_equal(at32(found), want);
}

static void assert_option64(const struct block *b, __u32 fixed, __u16 code, __u64 want)
{
	const char *found = option(b, fixed, code, 8);
	__u64 v;

	assert_non_null(found);
	memcpy(&v, found, sizeof(v));
	assert_int_equal(v, want);
}

/* How type 1 (TC) or 2 (XDP) names what it answered. */
static void assert_verdict(const struct block *b, __u32 fixed, __u8 type, __u64 want)
{
	const char *found = option(b, fixed, 7, 9);
	__u64 v;

	assert_non_null(found);
	assert_int_equal(found[0], type);
	memcpy(&v, found + 1, sizeof(v));
	assert_int_equal(v, want);
}

static struct weir_capture capture(enum weir_hook hook, enum weir_exit exit, __u16 head_len)
{
	struct weir_capture c = {.ifindex = 5,
		.len = 1000,
		.exit = (__u16)exit,
		.queue = 3,
		.head_len = head_len,
		.hook = (__u8)hook};

	for (unsigned int i = 0; i < head_len; i++)
		c.head[i] = (__u8)(i + 1);
	return c;
}

static void write_one(const struct weir_capture *c, const char *words)
{
	assert_int_equal(weir_pcapng_packet(&p, c, 0x123456789abcdef0, "eth0", words), 0);
}

/* --- */

static void a_file_of_two_packets(void **state)
{
	struct weir_capture c = capture(WEIR_HOOK_xdp, WEIR_EXIT_xmit_NONE, 61);
	struct weir_capture d = capture(WEIR_HOOK_tc_ingress, WEIR_EXIT_ip_rcv_IP_CSUM, 60);
	struct block b;

	(void)state;
	write_one(&c, "forwarded to eth1");
	write_one(&d, "dropped at ip_rcv: IP_CSUM");
	finish(0, 0);
	b = block(0, 0x0a0d0d0a);
	assert_int_equal(at32(b.body), 0x1a2b3c4d);
	assert_int_equal(at16(b.body + 4), 1);
	assert_int_equal(at16(b.body + 6), 0);
	assert_memory_equal(b.body + 8, "\377\377\377\377\377\377\377\377", 8);
	assert_text(&b, 16, 4, "weir");

	b = block(1, 1);
	assert_int_equal(at16(b.body), 1); /* Ethernet */
	assert_true(at32(b.body + 4) >= WEIR_CAPTURE_HEAD + 4);
	assert_text(&b, 8, 2, "eth0 xdp");
	assert_int_equal(*option(&b, 8, 9, 1), 9); /* nanoseconds */

	b = block(2, 6);
	assert_int_equal(at32(b.body), 0); /* the interface */
	assert_int_equal(at32(b.body + 4), 0x12345678);
	assert_int_equal(at32(b.body + 8), 0x9abcdef0);
	assert_int_equal(at32(b.body + 12), 61);
	assert_int_equal(at32(b.body + 16), 1000);
	assert_memory_equal(b.body + 20, c.head, 61);
	assert_memory_equal(b.body + 81, "\0\0\0", 3);
	assert_text(&b, 84, 1, "forwarded to eth1");
	assert_option32(&b, 84, 2, 1); /* inbound */
	assert_option32(&b, 84, 6, 3); /* the queue */
	assert_verdict(&b, 84, 2, 4);  /* XDP_REDIRECT */

	b = block(3, 1);
	assert_text(&b, 8, 2, "eth0 tc_ingress");
	b = block(4, 6);
	assert_int_equal(at32(b.body), 1);
	assert_text(&b, 80, 1, "dropped at ip_rcv: IP_CSUM");
	assert_verdict(&b, 80, 1, 2); /* TC_ACT_SHOT */

	b = block(5, 5);
	assert_int_equal(at32(b.body), 0);
	assert_int_equal(at32(b.body + 4), 1); /* 7000000005 */
	assert_int_equal(at32(b.body + 8), 7000000005 - (1ULL << 32));
	assert_option64(&b, 12, 4, 1); /* received */
	assert_option64(&b, 12, 7, 0); /* lost */
	b = block(6, 5);
	assert_int_equal(at32(b.body), 1);
	assert_option64(&b, 12, 4, 1);
	assert_false(block_at(7, &b));
}

static void verdicts_are_the_hooks(void **state)
{
	static const struct {
		enum weir_hook hook;
		enum weir_exit exit;
		bool punt_drop;
		__u64 want;
	} all[] = {
		{WEIR_HOOK_xdp, WEIR_EXIT_xmit_NONE, false, 4},
		{WEIR_HOOK_xdp, WEIR_EXIT_xdp_ARP, false, 2},
		{WEIR_HOOK_xdp, WEIR_EXIT_ip_forward_IP_TTL, false, 2},
		{WEIR_HOOK_xdp, WEIR_EXIT_ip_forward_IP_TTL, true, 1},
		{WEIR_HOOK_xdp, WEIR_EXIT_route_in_BLACKHOLE, false, 1},
		{WEIR_HOOK_tc_ingress, WEIR_EXIT_xmit_NONE, false, 7},
		{WEIR_HOOK_tc_ingress, WEIR_EXIT_tc_ingress_XDP_JUDGED, false, ~0ULL},
		{WEIR_HOOK_tc_ingress, WEIR_EXIT_ip_forward_IP_TTL, true, 2},
		{WEIR_HOOK_tc_egress, WEIR_EXIT_xmit_NONE, false, ~0ULL},
		{WEIR_HOOK_tc_egress, WEIR_EXIT_tc_egress_TC_JUDGED, false, ~0ULL},
	};
	unsigned int at = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct weir_capture c = capture(all[i].hook, all[i].exit, 60);

		c.punt_drop = all[i].punt_drop;
		write_one(&c, "x");
	}
	finish(0, 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		bool egress = all[i].hook == WEIR_HOOK_tc_egress;
		struct block b;

		assert_true(block_at(at, &b));
		at += b.type == 1; /* the first of its hook names an interface before it */
		b = block(at++, 6);
		assert_verdict(&b, 80, all[i].hook == WEIR_HOOK_xdp ? 2 : 1, all[i].want);
		assert_option32(&b, 80, 2, egress ? 2 : 1);
	}
}

/* The kernel holds it beside the frame, where no reader of the file would find it. */
static void a_tag_beside_the_frame_stands_in_it_again(void **state)
{
	static const __u8 tag[4] = {0x81, 0, 0, 5};
	static const __u16 lens[] = {0, 11, 12, 13, 60, WEIR_CAPTURE_HEAD};
	const size_t nr = sizeof(lens) / sizeof(lens[0]);

	(void)state;
	for (size_t i = 0; i < nr; i++) {
		struct weir_capture c =
			capture(WEIR_HOOK_tc_ingress, WEIR_EXIT_tc_ingress_VLAN, lens[i]);

		memcpy(&c.tag, tag, 4);
		write_one(&c, "");
	}
	finish(0, 0);
	for (unsigned int i = 0; i < nr; i++) {
		struct block b = block(2 + i, 6);
		__u32 len = lens[i] < 12 ? lens[i] : lens[i] + 4U;

		assert_int_equal(at32(b.body + 12), len);
		assert_int_equal(at32(b.body + 16), 1004);
		for (__u32 k = 0; k < len; k++)
			assert_int_equal((__u8)b.body[20 + k], k < 12	? k + 1
							       : k < 16 ? tag[k - 12]
									: (k - 3) & 0xff);
	}
}

static void losses_are_written(void **state)
{
	struct weir_capture c = capture(WEIR_HOOK_xdp, WEIR_EXIT_xmit_NONE, 60);
	struct weir_capture d = capture(WEIR_HOOK_tc_egress, WEIR_EXIT_xmit_NONE, 60);
	struct block b;

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		write_one(&c, "x");
	write_one(&d, "x");
	finish(30, 4);
	b = block(9, 5);
	assert_option64(&b, 12, 4, 5);
	assert_option64(&b, 12, 7, 34);
	assert_text(
		&b, 12, 1, "not captured: 30, the ring being full, 4, to the limit of the rate");
	b = block(10, 5);
	assert_option64(&b, 12, 4, 1);
	assert_option64(&b, 12, 7, 0);
}

static void a_file_without_packets_is_whole(void **state)
{
	struct block b;

	(void)state;
	finish(0, 0);
	block(0, 0x0a0d0d0a);
	assert_false(block_at(1, &b));
}

/* Losses have no interface to stand with; they are not forgotten for that. */
static void losses_without_a_packet_are_written(void **state)
{
	struct block b;

	(void)state;
	finish(30, 4);
	b = block(0, 0x0a0d0d0a);
	assert_text(&b, 16, 4, "weir");
	b = block(1, 1);
	b = block(2, 5);
	assert_option64(&b, 12, 7, 34);
	assert_false(block_at(3, &b));
}

/* Longer than a block has room for: without the words, the packet is there. */
static void words_without_end(void **state)
{
	struct weir_capture c = capture(WEIR_HOOK_xdp, WEIR_EXIT_xmit_NONE, WEIR_CAPTURE_HEAD);
	static char words[70000];
	struct block b;

	(void)state;
	memset(words, 'x', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	write_one(&c, words);
	finish(0, 0);
	b = block(2, 6);
	assert_memory_equal(b.body + 20, c.head, WEIR_CAPTURE_HEAD);
	assert_null(option(&b, 20 + WEIR_CAPTURE_HEAD, 1, 0));
	assert_verdict(&b, 20 + WEIR_CAPTURE_HEAD, 2, 4);
}

static void more_devices_than_can_be_told_apart(void **state)
{
	struct weir_capture c = capture(WEIR_HOOK_xdp, WEIR_EXIT_xmit_NONE, 20);
	unsigned int interfaces = 0, packets = 0, nr;
	struct block b;

	(void)state;
	for (c.ifindex = 1; c.ifindex <= WEIR_DEV_MAX + 10; c.ifindex++)
		write_one(&c, "x");
	finish(0, 0);
	for (nr = 1; block_at(nr, &b) && b.type != 5; nr++) {
		interfaces += b.type == 1;
		packets += b.type == 6;
		if (b.type == 6)
			assert_in_range(at32(b.body), 0, interfaces - 1);
	}
	assert_int_equal(interfaces, WEIR_DEV_MAX);
	assert_int_equal(packets, WEIR_DEV_MAX + 10);
}

static void a_full_disk_is_told(void **state)
{
	struct weir_capture c = capture(WEIR_HOOK_xdp, WEIR_EXIT_xmit_NONE, 60);
	FILE *full = fopen("/dev/full", "w");
	struct weir_pcapng q;
	int rc;

	(void)state;
	finish(0, 0);
	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	rc = weir_pcapng_begin(&q, full);
	assert_int_equal(rc, -ENOSPC);
	rc = weir_pcapng_packet(&q, &c, 1, "eth0", "x");
	assert_int_equal(rc, -ENOSPC);
	weir_pcapng_end(&q, 1, 0, 0);
	fclose(full);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_of_two_packets),
		TEST(verdicts_are_the_hooks),
		TEST(a_tag_beside_the_frame_stands_in_it_again),
		TEST(losses_are_written),
		TEST(a_file_without_packets_is_whole),
		TEST(losses_without_a_packet_are_written),
		TEST(words_without_end),
		TEST(more_devices_than_can_be_told_apart),
		TEST(a_full_disk_is_told),
	};

	return WEIR_RUN(tests);
}
