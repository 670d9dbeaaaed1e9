// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is said of a captured packet: of each exit, and of every kind of bytes. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>

#include "model/tables.h"
#include "out/doc.h"
#include "test.h"

static char *output;

static int teardown(void **state)
{
	(void)state;
	free(output);
	output = NULL;
	return 0;
}

/* One line of text, or a document. */
static const char *print(const struct weir_capture *c, bool json, bool color)
{
	struct weir_face face = {.json = json, .color = color};
	struct weir_err err;
	size_t size;

	free(output);
	face.file = open_memstream(&output, &size);
	assert_int_equal(weir_show(&face, weir_doc_capture(c, 1234567890123456789, "eth0",
						  c->oif ? "eth1" : ""),
				 weir_text_capture, &err),
		0);
	fclose(face.file);
	assert_int_equal(strchr(output, '\n') - output, (ptrdiff_t)size - 1);
	return output;
}

static json_t *doc_of(const struct weir_capture *c)
{
	json_t *doc = json_loads(print(c, true, false), 0, NULL);

	assert_non_null(doc);
	return doc;
}

static void assert_says(const struct weir_capture *c, const char *part)
{
	if (!strstr(print(c, false, false), part))
		fail_msg("'%s' is not in: %s", part, output);
}

/* Bytes from hex, spaces apart. */
static struct weir_capture capture(const char *hex)
{
	struct weir_capture c = {.exit = WEIR_EXIT_xmit_NONE, .oif = 7, .len = 1000};

	for (; *hex; hex += strspn(hex, " ")) {
		unsigned int byte;

		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		c.head[c.head_len++] = (__u8)byte;
		hex += 2;
	}
	return c;
}

#define MACS	   "020000000001 020000000002 "
#define IP6(proto)                                                                                 \
	"60 00 00 00 00 10" proto "3f 20010db8000000000000000000000001 20010db8000000000000000000000002 "
#define IP(proto)  "4500 0054 beef 4000 3f" proto "0000 c0000201 c6336401 "
#define FRAG(frag) "4500 0054 beef " frag " 3f11 0000 c0000201 c6336401 "

static bool is_cause(enum weir_cause cause)
{
	return cause != WEIR_CAUSE_NONE;
}

/* No exit at any hook leaves a reader to guess: where, why, and what became of the packet. */
static void every_exit_has_words(void **state)
{
	char words[128];

	(void)state;
	for (unsigned int i = 0; i < WEIR_EXIT_COUNT * WEIR_HOOK_COUNT * 2; i++) {
		struct weir_capture c = {.exit = (__u16)(i / 2 % WEIR_EXIT_COUNT),
			.hook = (__u8)(i / 2 / WEIR_EXIT_COUNT)};
		const struct weir_exit_info *info = &weir_exit_info[c.exit];
		bool out = info->kind == WEIR_KIND_OUT;

		c.punt_drop = info->kind == WEIR_KIND_PUNT && i % 2;
		memset(words, 'x', sizeof(words));
		weir_capture_words(&c, out ? "eth1" : "", words, sizeof(words));
		assert_true(strlen(words) < 100); /* a line of a terminal */
		assert_null(strchr(words, '?'));
		assert_true(islower(words[0]));
		assert_true(isalnum(words[strlen(words) - 1]) || words[strlen(words) - 1] == '\'');
		if (is_cause(info->cause) && !(out && c.hook != WEIR_HOOK_tc_egress)) {
			assert_non_null(strstr(words, weir_cause_info[info->cause].name));
			assert_non_null(strstr(words, out ? "sent" : weir_stage_info[info->stage].name));
		}
		if (out)
			assert_non_null(
				strstr(words, c.hook == WEIR_HOOK_tc_egress ? "sent" : "eth1"));
		if (c.punt_drop)
			assert_non_null(strstr(words, "punt drop"));
		assert_int_equal(!!strstr(words, "dropped"),
			info->kind == WEIR_KIND_DROP || info->kind == WEIR_KIND_LATE ||
				info->kind == WEIR_KIND_UNDO || c.punt_drop);
		assert_int_equal(!!strstr(words, "to the kernel"),
			info->kind == WEIR_KIND_PASS ||
				(info->kind == WEIR_KIND_PUNT && !c.punt_drop));
	}
}

static void a_line_says_all_that_matters(void **state)
{
	struct weir_capture c = capture(MACS "0800 " IP("11") "14eb 1770 0040 0000");

	(void)state;
	assert_says(&c, "eth0 xdp  udp 192.0.2.1:5355 > 198.51.100.1:6000 ttl 63, 1000 bytes  "
			"forwarded to eth1\n");
	c.hook = WEIR_HOOK_tc_ingress;
	c.exit = WEIR_EXIT_ip_rcv_IP_CSUM;
	assert_says(&c, "eth0 tc_ingress  udp ");
	assert_says(&c, "dropped at ip_rcv: IP_CSUM\n");
	assert_non_null(strstr(print(&c, false, true), "\033[1;31mdropped"));
	c = capture(MACS "0800 " IP("06") "14eb 1770");
	assert_says(&c, "tcp 192.0.2.1:5355 > 198.51.100.1:6000");
	c = capture(MACS "0800 " IP("01") "0800 1770");
	assert_says(&c, "icmp 192.0.2.1 > 198.51.100.1 ttl 63");
	c = capture(MACS "0800 " IP("84") "14eb 1770");
	assert_says(&c, "proto 132 192.0.2.1:5355 > 198.51.100.1:6000");
	c = capture(MACS "0806 0001");
	assert_says(&c, "arp, 1000 bytes");
	c = capture(MACS "86dd 60");
	assert_says(&c, "ipv6, 1000 bytes");
	c = capture(MACS "86dd " IP6("11") "14eb 1770");
	assert_says(&c, "udp [2001:db8::1]:5355 > [2001:db8::2]:6000 ttl 63");
	c = capture(MACS "86dd " IP6("3a") "8000 1770");
	assert_says(&c, "icmp6 2001:db8::1 > 2001:db8::2 ttl 63");
	c = capture(MACS "8847 0001");
	assert_says(&c, "ethertype 0x8847, 1000 bytes");
}

static void a_document_says_the_same(void **state)
{
	struct weir_capture c = capture(MACS "0800 " IP("11") "14eb 1770 0040 0000");
	json_t *doc;

	(void)state;
	c.queue = 3;
	c.cpu = 1;
	doc = doc_of(&c);
	assert_int_equal(weir_get_int(doc, "version"), 1);
	assert_true(weir_get_int(doc, "time_ns") == 1234567890123456789);
	assert_string_equal(weir_get_text(doc, "plane"), "fast");
	assert_string_equal(weir_get_text(doc, "device"), "eth0");
	assert_string_equal(weir_get_text(doc, "hook"), "xdp");
	assert_string_equal(weir_get_text(doc, "stage"), "xmit");
	assert_string_equal(weir_get_text(doc, "kind"), "out");
	assert_string_equal(weir_get_text(doc, "cause"), "NONE");
	assert_string_equal(weir_get_text(doc, "out"), "eth1");
	assert_string_equal(weir_get_text(doc, "verdict"), "forwarded to eth1");
	assert_string_equal(weir_get_text(doc, "src"), "192.0.2.1");
	assert_string_equal(weir_get_text(doc, "dst"), "198.51.100.1");
	assert_int_equal(weir_get_int(doc, "queue"), 3);
	assert_int_equal(weir_get_int(doc, "cpu"), 1);
	assert_int_equal(weir_get_int(doc, "length"), 1000);
	assert_int_equal(weir_get_int(doc, "ethertype"), 0x800);
	assert_int_equal(weir_get_int(doc, "proto"), 17);
	assert_int_equal(weir_get_int(doc, "ttl"), 63);
	assert_int_equal(weir_get_int(doc, "id"), 0xbeef);
	assert_int_equal(weir_get_int(doc, "ip_length"), 0x54);
	assert_int_equal(weir_get_int(doc, "sport"), 5355);
	assert_int_equal(weir_get_int(doc, "dport"), 6000);
	assert_null(json_object_get(doc, "fragment_offset"));
	assert_true(json_is_false(json_object_get(doc, "punt_drop")));
	json_decref(doc);
	c.oif = 0;
	c.exit = WEIR_EXIT_route_in_BLACKHOLE;
	doc = doc_of(&c);
	assert_null(json_object_get(doc, "out"));
	assert_string_equal(weir_get_text(doc, "kind"), "drop");
	json_decref(doc);
}

/* A later fragment has no ports; what stands there is payload. */
static void fragments_have_ports_at_the_first_only(void **state)
{
	static const struct {
		const char *hex;
		int offset; /* -1: it is none */
		bool ports;
	} all[] = {
		{MACS "0800 " FRAG("4000") "14eb 1770", -1, true},
		{MACS "0800 " FRAG("8000") "14eb 1770", -1, true},
		{MACS "0800 " FRAG("2000") "14eb 1770", 0, true},
		{MACS "0800 " FRAG("2001") "14eb 1770", 8, false},
		{MACS "0800 " FRAG("1fff") "14eb 1770", 65528, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct weir_capture c = capture(all[i].hex);
		json_t *doc = doc_of(&c), *offset = json_object_get(doc, "fragment_offset");

		assert_int_equal(offset ? json_integer_value(offset) : -1, all[i].offset);
		assert_int_equal(!!json_object_get(doc, "sport"), all[i].ports);
		json_decref(doc);
	}
}

static void tags_in_the_frame_and_beside_it(void **state)
{
	struct weir_capture c = capture(MACS "88a8 e007 8100 0005 0800 " IP("11") "14eb 1770");
	static const __u8 beside[4] = {0x81, 0, 0xf, 0xff};
	json_t *doc, *tags;

	(void)state;
	assert_says(&c, "802.1ad 7 802.1Q 5 udp 192.0.2.1:5355 > ");
	c = capture(MACS "0800 " IP("11") "14eb 1770");
	memcpy(&c.tag, beside, 4);
	assert_says(&c, "802.1Q 4095 udp 192.0.2.1:5355 > ");
	doc = doc_of(&c);
	tags = json_object_get(doc, "tags");
	assert_int_equal(json_array_size(tags), 1);
	assert_string_equal(json_string_value(json_array_get(tags, 0)), "802.1Q 4095");
	json_decref(doc);
}

/* An IP header with options: ports stand behind them. */
static void options_are_passed_over(void **state)
{
	struct weir_capture c = capture(MACS "0800 46" "00 0054 beef 0000 3f11 0000 c0000201 "
					     "c6336401 01010101 14eb 1770");

	(void)state;
	assert_says(&c, "udp 192.0.2.1:5355 > 198.51.100.1:6000");
}

/* Wherever it ends, and whatever is in it: a line, and a document that parses. */
static void heads_of_any_bytes(void **state)
{
	struct weir_capture whole =
		capture(MACS "88a8 0007 8100 0005 0800 46" "00 0054 beef 0000 3f11 0000 c0000201 "
			     "c6336401 01010101 14eb 1770");
	__u64 seed = 88172645463325252ULL;

	(void)state;
	for (__u16 len = 0; len <= whole.head_len; len++) {
		struct weir_capture c = whole;

		memset(c.head + len, 0xff, sizeof(c.head) - len); /* must not be looked at */
		c.head_len = len;
		json_decref(doc_of(&c));
		assert_null(strstr(output, "65535"));
		print(&c, false, false);
	}
	for (unsigned int i = 0; i < 20000; i++) {
		struct weir_capture c = whole;

		for (unsigned int faults = 0; faults < 4; faults++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			c.head[seed % whole.head_len] = (__u8)(seed >> 32);
		}
		c.head_len = (__u16)((seed >> 40) % (whole.head_len + 1U));
		json_decref(doc_of(&c));
		print(&c, false, true);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_exit_has_words),
		TEST(a_line_says_all_that_matters),
		TEST(a_document_says_the_same),
		TEST(fragments_have_ports_at_the_first_only),
		TEST(tags_in_the_frame_and_beside_it),
		TEST(options_are_passed_over),
		TEST(heads_of_any_bytes),
	};

	return WEIR_RUN(tests);
}
