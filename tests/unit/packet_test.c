// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A packet's words, and the frame that they make. */
#include <arpa/inet.h>

#include "model/packet.h"
#include "test.h"

static int read_words(struct weir_packet *p, const char *text, struct weir_err *err)
{
	struct weir_line line = {0};
	int rc;

	assert_int_equal(weir_line_split(&line, text, strlen(text), 500, err), 0);
	rc = weir_packet_parse(p, &line, err);
	weir_line_done(&line);
	return rc;
}

static struct weir_packet right(const char *text)
{
	struct weir_packet p;
	struct weir_err err = {0};

	if (read_words(&p, text, &err))
		fail_msg("'%s': %s", text, err.what);
	return p;
}

static void wrong(const char *text, unsigned int column, const char *what)
{
	struct weir_packet p, before;
	struct weir_err err = {0};

	memset(&p, 7, sizeof(p));
	before = p;
	if (!read_words(&p, text, &err) || !strstr(err.what, what))
		fail_msg("'%s': '%s', not '%s'", text, err.what, what);
	assert_int_equal(err.status, WEIR_USAGE);
	if (err.at.column != column)
		fail_msg("'%s': column %u", text, err.at.column);
	assert_memory_equal(&p, &before, sizeof(p));
}

static void words_make_a_packet(void **state)
{
	struct weir_packet p = right("udp 192.0.2.5:5000 > 198.51.100.53:53 in dev eth0");

	(void)state;
	assert_int_equal(p.proto, 17);
	assert_int_equal(p.saddr, 0xc0000205);
	assert_int_equal(p.daddr, 0xc6336435);
	assert_int_equal(p.sport, 5000);
	assert_int_equal(p.dport, 53);
	assert_int_equal(p.ttl, 64);
	assert_int_equal(p.len, 46);
	assert_string_equal(p.dev, "eth0");
	assert_true(!p.out && !p.df && !p.options);
	p = right("tcp out dev eth1 ttl 3 192.0.2.5:1 tos 16 to flags syn,ack 198.51.100.53:2 "
		  "df len 1500 ipid 9 options");
	assert_int_equal(p.tcp_flags, 0x12);
	assert_int_equal(p.ttl, 3);
	assert_int_equal(p.tos, 16);
	assert_int_equal(p.len, 1500);
	assert_int_equal(p.ip_id, 9);
	assert_true(p.out && p.df && p.options);
	p = right("icmp echo-reply id 7 192.0.2.5 > 198.51.100.53 in dev eth0");
	assert_int_equal(p.icmp_type, 0);
	assert_int_equal(p.icmp_id, 7);
	p = right("icmp type 3/4 192.0.2.5 > 198.51.100.53 in dev eth0");
	assert_int_equal(p.icmp_type * 256 + p.icmp_code, 3 * 256 + 4);
	p = right("47 192.0.2.5 > 198.51.100.53 in dev eth0 frag later");
	assert_int_equal(p.frag, WEIR_FRAG_LATER);
	assert_int_equal(right("tcp 1.1.1.1:1 to 2.2.2.2:2 frag first in dev x").len, 52);
	assert_int_equal(right("sctp 1.1.1.1:1 to 2.2.2.2:2 len 9000 in dev x").len, 9000);
}

static void an_arrow_may_touch_addresses(void **state)
{
	static const char *const same[] = {"udp 1.1.1.1:1>2.2.2.2:2 in dev x",
		"udp 1.1.1.1:1> 2.2.2.2:2 in dev x", "udp 1.1.1.1:1 >2.2.2.2:2 in dev x",
		"udp '1.1.1.1:1>2.2.2.2:2' in dev x", "udp in dev x 1.1.1.1:1 to 2.2.2.2:2"};
	struct weir_packet want = right("udp 1.1.1.1:1 > 2.2.2.2:2 in dev x");

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		struct weir_packet got = right(same[i]);

		assert_int_equal(got.daddr, want.daddr);
		assert_int_equal(got.sport * 65536 + got.dport, want.sport * 65536 + want.dport);
	}
}

static void what_is_wrong_is_pointed_at(void **state)
{
	(void)state;
	wrong("", 1, "needs udp, tcp");
	wrong("udq 1.1.1.1:1 > 2.2.2.2:2 in dev x", 1, "no protocol");
	wrong("udp in dev x", 14, "where the packet comes from");
	wrong("udp 1.1.1.1:1 in dev x", 24, "where the packet goes");
	wrong("udp > 1.1.1.1:1 in dev x", 5, "stands between two addresses");
	wrong("udp 1.1.1.1:1 2.2.2.2:2 in dev x", 15, "'>' or 'to' should stand");
	wrong("udp 1.1.1.1:1>2.2.2.2:2>3.3.3.3:3 in dev x", 24, "between two addresses");
	wrong("udp 1.1.1.1:1>2.2.2.2:99999 in dev x", 23, "port");
	wrong("udp 1.1.1.1 > 2.2.2.2:2 in dev x", 5, "needs a port");
	wrong("icmp 1.1.1.1:1 > 2.2.2.2 in dev x", 14, "no ports");
	wrong("udp 1.1.1.0/24:1 > 2.2.2.2:2 in dev x", 5, "one address");
	wrong("udp 1.1.1.1:1 > 2.2.2.2:2", 27, "needs 'in dev DEVICE'");
	wrong("udp 1.1.1.1:1 > 2.2.2.2:2 in eth0", 30, "dev");
	wrong("udp 1.1.1.1:1 > 2.2.2.2:2 in dev x out dev y", 36, "'in' and 'out'");
	wrong("udp 1.1.1.1:1 > 2.2.2.2:2 in dev x type 8", 36, "icmp's");
	wrong("tcp 1.1.1.1:1 > 2.2.2.2:2 in dev x flags", 42, "'flags' needs");
	wrong("tcp 1.1.1.1:1 > 2.2.2.2:2 in dev x flags syn,sny", 46, "did you mean 'syn'?");
	wrong("tcp 1.1.1.1:1 > 2.2.2.2:2 in dev x len 39", 36, "40 bytes");
	wrong("udp 1.1.1.1:1 > 2.2.2.2:2 in dev x ttl", 40, "'ttl' needs");
	wrong("udp 1.1.1.1:1 > 2.2.2.2:2 in dev x ttl 256", 40, "256");
	wrong("udp 1.1.1.1:1 > 2.2.2.2:2 in dev x df frag first", 36, "no fragment");
	wrong("icmp 1.1.1.1 > 2.2.2.2 in dev x type 3 id 5", 40, "queries and answers");
	wrong("udp 1.1.1.1:1 > 2.2.2.2:2 in dev x optoins", 36, "did you mean 'options'?");
}

/* RFC 1071: over it and its check. */
static unsigned int sum16(const __u8 *at, unsigned int len, unsigned int sum)
{
	for (unsigned int i = 0; i < len; i++)
		sum += i & 1 ? at[i] : (unsigned int)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void frames_are_whole(void **state)
{
	static const char *const texts[] = {"udp 1.2.3.4:5000 > 198.51.100.53:53 in dev x",
		"tcp 1.2.3.4:5000 > 198.51.100.53:53 in dev x flags fin,cwr options len 61",
		"icmp 1.2.3.4 > 198.51.100.53 in dev x id 65535 len 47",
		"udp 255.255.255.255:65535 > 0.0.0.0:0 in dev x len 9000"};
	static const __u8 to[6] = {2, 4, 6, 8, 10, 12};
	static const __u32 none[2];
	static __u8 frame[WEIR_PACKET_FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct weir_packet p = right(texts[i]);
		unsigned int len = weir_packet_frame(&p, to, none, frame);
		unsigned int head = (frame[14] & 15) * 4u, l4 = p.len - head;
		unsigned int pseudo = p.proto == 1 ? 0 : sum16(frame + 26, 8, p.proto + l4);

		assert_int_equal(len, 14u + p.len);
		assert_memory_equal(frame, to, 6);
		assert_int_equal(frame[12] << 8 | frame[13], 0x0800);
		assert_int_equal(head, p.options ? 24 : 20);
		assert_int_equal(sum16(frame + 14, head, 0), 0xffff);
		assert_int_equal(sum16(frame + 14 + head, l4, pseudo), 0xffff);
		if (p.proto == 6)
			assert_int_equal(frame[14 + head + 13], 0x81);
	}
}

static void tags_stand_before_the_type(void **state)
{
	static const __u8 to[6] = {2, 4, 6, 8, 10, 12};
	const __u32 tags[2] = {htonl(0x88a80007), htonl(0x81000009)};
	static __u8 frame[WEIR_PACKET_FRAME_MAX];
	struct weir_packet p = right("udp 1.2.3.4 > 198.51.100.53 in dev x frag later ipid 258");
	unsigned int len = weir_packet_frame(&p, to, tags, frame);

	(void)state;
	assert_int_equal(len, 14 + 8 + p.len);
	assert_memory_equal(frame + 12, tags, sizeof(tags));
	assert_int_equal(frame[20] << 8 | frame[21], 0x0800);
	assert_int_equal(frame[26] << 8 | frame[27], 258);
	assert_int_equal(frame[28] << 8 | frame[29], 1480 / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_make_a_packet),
		cmocka_unit_test(an_arrow_may_touch_addresses),
		cmocka_unit_test(what_is_wrong_is_pointed_at),
		cmocka_unit_test(frames_are_whole),
		cmocka_unit_test(tags_stand_before_the_type),
	};

	return WEIR_RUN(tests);
}
