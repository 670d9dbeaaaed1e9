// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Frames as bytes. Checksums are computed here by another road than in the program: big-endian
 * words, always from scratch. */
#include <arpa/inet.h>
#include <string.h>

#include "prog.h"

void put8(struct frame *f, unsigned int at, unsigned int v)
{
	f->data[at] = (__u8)v;
}

void put16(struct frame *f, unsigned int at, unsigned int v)
{
	put8(f, at, v >> 8);
	put8(f, at + 1, v & 0xff);
}

void put32(struct frame *f, unsigned int at, __u32 v)
{
	put16(f, at, v >> 16);
	put16(f, at + 2, v & 0xffff);
}

void put_addr(struct frame *f, unsigned int at, const char *addr)
{
	assert_int_equal(inet_pton(AF_INET, addr, f->data + at), 1);
}

unsigned int get16(const struct frame *f, unsigned int at)
{
	return (unsigned int)f->data[at] << 8 | f->data[at + 1];
}

unsigned int sum16(const __u8 *data, size_t len, __u32 sum)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += (__u32)data[i] << 8 | data[i + 1];
	if (len & 1)
		sum += (__u32)data[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static __u32 l4_len(const struct frame *f)
{
	return get16(f, AT_IP_LEN) - 20;
}

unsigned int frame_pseudo(const struct frame *f)
{
	return sum16(f->data + AT_IP_SRC, 8, f->data[AT_IP_PROTO] + l4_len(f));
}

void frame_seal_ip(struct frame *f)
{
	put16(f, AT_IP_CHECK, 0);
	put16(f, AT_IP_CHECK, ~sum16(f->data + AT_IP_START, 20, 0) & 0xffff);
}

/* Where the AT_L4 checksum is; 0 where there is none. */
static unsigned int check_at(const struct frame *f)
{
	unsigned int at = f->data[AT_IP_PROTO] == PROTO_UDP   ? AT_UDP_CHECK
			  : f->data[AT_IP_PROTO] == PROTO_TCP ? AT_TCP_CHECK
							      : 0;
	unsigned int end = AT_IP_START + get16(f, AT_IP_LEN);

	return at && at + 2 <= end && end <= f->len ? at : 0;
}

void frame_seal(struct frame *f)
{
	unsigned int at = check_at(f), check;

	frame_seal_ip(f);
	if (!at)
		return;
	put16(f, at, 0);
	check = ~sum16(f->data + AT_L4, l4_len(f), frame_pseudo(f)) & 0xffff;
	put16(f, at, check ? check : 0xffff);
}

void frame_open(struct frame *f)
{
	put16(f, check_at(f), frame_pseudo(f));
}

void frame_pad(struct frame *f, __u32 len)
{
	assert_in_range(len, f->len, FRAME_MAX);
	memset(f->data + f->len, 0xa5, len - f->len);
	f->len = len;
}

void frame_make(struct frame *f, unsigned int proto, const char *dst, __u32 len)
{
	static const __u8 host_mac[6] = {2, 0, 0, 0, PORT_IN, 1};
	__u32 i;

	assert_true(AT_L4 + len + 64 <= FRAME_MAX);
	memset(f->data, 0, AT_L4 + 64);
	net_mac(PORT_IN, f->data + AT_ETH_DST);
	memcpy(f->data + AT_ETH_SRC, host_mac, 6);
	put16(f, AT_ETH_TYPE, 0x0800);
	put8(f, AT_IP_START, 0x45);
	put16(f, AT_IP_LEN, 20 + len);
	put16(f, AT_IP_ID, 0x1234);
	put8(f, AT_IP_TTL, 64);
	put8(f, AT_IP_PROTO, proto);
	put_addr(f, AT_IP_SRC, HOST);
	put_addr(f, AT_IP_DST, dst);
	f->len = AT_L4 + len;
	for (i = 0; i < len; i++)
		f->data[AT_L4 + i] = (__u8)(i * 7 + 3);
	put16(f, AT_L4, 5000);
	put16(f, AT_L4_DPORT, 6000);
	if (proto == PROTO_UDP)
		put16(f, AT_UDP_LEN, len);
	if (proto == PROTO_TCP)
		put16(f, AT_L4 + 12, 0x5010); /* 20 bytes, ACK */
	frame_seal(f);
}

void frame_forwarded(struct frame *want, const struct frame *in, enum port port)
{
	want->len = in->len;
	memcpy(want->data, in->data, in->len);
	net_hop_mac(port, want->data + AT_ETH_DST);
	net_mac(port, want->data + AT_ETH_SRC);
	put8(want, AT_IP_TTL, in->data[AT_IP_TTL] - 1U);
	frame_seal_ip(want);
}

void assert_frame(
	const struct frame *got, const struct frame *want, const char *what, unsigned int nr)
{
	__u32 i;

	if (got->len != want->len)
		fail_msg("%s %u: %u bytes, not %u", what, nr, got->len, want->len);
	for (i = 0; i < want->len; i++)
		if (got->data[i] != want->data[i])
			fail_msg("%s %u: byte %u is 0x%02x, not 0x%02x", what, nr, i, got->data[i],
				want->data[i]);
}
