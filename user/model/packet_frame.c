// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The frame that a packet is: bytes, and their checksums (RFC 1071). */
#include <string.h>
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include "model/packet.h"

enum { IPV4 = 0x0800, MORE = 0x2000, DONT = 0x4000, LATER_AT = 1480 / 8 };

/* The first bytes of ICMP. */
struct icmp_head {
	__u8 type, code;
	__u16 check, id, seq;
};

static __u32 sum_of(const __u8 *bytes, unsigned int len, __u32 sum)
{
	for (unsigned int i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : (__u32)bytes[i] << 8;
	return sum;
}

/* Network order. */
static __u16 check_of(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16)~sum);
}

/* Over what is behind the IP header, and over its addresses where @pseudo. */
static __u16 l4_check(const struct weir_packet *p, const __u8 *l4, unsigned int len, bool pseudo)
{
	__u32 sum = 0;

	if (pseudo)
		sum = (p->saddr >> 16) + (p->saddr & 0xffff) + (p->daddr >> 16) +
		      (p->daddr & 0xffff) + p->proto + len;
	return check_of(sum_of(l4, len, sum));
}

static void put_udp(const struct weir_packet *p, __u8 *l4, unsigned int len)
{
	struct udphdr h = {
		.source = htons(p->sport), .dest = htons(p->dport), .len = htons((__u16)len)};

	memcpy(l4, &h, sizeof(h));
	if (p->frag != WEIR_FRAG_NONE)
		return; /* nobody knows the rest */
	h.check = l4_check(p, l4, len, true);
	if (!h.check)
		h.check = 0xffff;
	memcpy(l4, &h, sizeof(h));
}

static void put_tcp(const struct weir_packet *p, __u8 *l4, unsigned int len)
{
	struct tcphdr h = {.source = htons(p->sport),
		.dest = htons(p->dport),
		.seq = htonl(1),
		.doff = sizeof(h) / 4,
		.window = htons(65535)};

	memcpy(l4, &h, sizeof(h));
	l4[13] = p->tcp_flags;
	memcpy(&h, l4, sizeof(h));
	h.check = l4_check(p, l4, len, true);
	memcpy(l4, &h, sizeof(h));
}

static void put_icmp(const struct weir_packet *p, __u8 *l4, unsigned int len)
{
	struct icmp_head h = {p->icmp_type, p->icmp_code, 0, htons(p->icmp_id), htons(1)};

	memcpy(l4, &h, sizeof(h));
	h.check = l4_check(p, l4, len, false);
	memcpy(l4, &h, sizeof(h));
}

static void put_l4(const struct weir_packet *p, __u8 *l4, unsigned int len)
{
	__u16 ports[2] = {htons(p->sport), htons(p->dport)};

	if (p->frag == WEIR_FRAG_LATER)
		return;
	if (p->proto == IPPROTO_UDP)
		put_udp(p, l4, len);
	else if (p->proto == IPPROTO_TCP)
		put_tcp(p, l4, len);
	else if (p->proto == IPPROTO_ICMP)
		put_icmp(p, l4, len);
	else if (weir_proto_has_ports(p->proto))
		memcpy(l4, ports, sizeof(ports));
}

/* Returns the header's length. */
static unsigned int put_ip(const struct weir_packet *p, __u8 *at)
{
	static const __u8 nops[4] = {1, 1, 1, 0};
	unsigned int len = sizeof(struct iphdr) + (p->options ? sizeof(nops) : 0);
	struct iphdr ip = {
		.version = 4,
		.ihl = (len / 4) & 15,
		.tos = p->tos,
		.tot_len = htons(p->len),
		.id = htons(p->ip_id),
		.frag_off = htons(p->frag == WEIR_FRAG_FIRST   ? MORE
				  : p->frag == WEIR_FRAG_LATER ? LATER_AT
				  : p->df		       ? DONT
							       : 0),
		.ttl = p->ttl,
		.protocol = p->proto,
		.saddr = htonl(p->saddr),
		.daddr = htonl(p->daddr),
	};

	memcpy(at, &ip, sizeof(ip));
	if (p->options)
		memcpy(at + sizeof(ip), nops, sizeof(nops));
	ip.check = check_of(sum_of(at, len, 0));
	memcpy(at, &ip, sizeof(ip));
	return len;
}

unsigned int weir_packet_frame(const struct weir_packet *packet, const __u8 to[6],
	const __u32 tags[2], __u8 frame[WEIR_PACKET_FRAME_MAX])
{
	static const __u8 from[6] = {
		2, 0, 0, 0, 0, 1}; /* locally administered: nobody looks at it */
	unsigned int at = 12, head;
	__u16 type = htons(IPV4);

	memset(frame, 0, WEIR_PACKET_FRAME_MAX);
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	for (unsigned int i = 0; i < 2 && tags[i]; i++, at += sizeof(tags[i]))
		memcpy(frame + at, &tags[i], sizeof(tags[i]));
	memcpy(frame + at, &type, sizeof(type));
	at += sizeof(type);
	head = put_ip(packet, frame + at);
	put_l4(packet, frame + at + head, packet->len - head);
	return at + packet->len;
}
