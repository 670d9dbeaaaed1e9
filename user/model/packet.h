/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet as a user writes it, for `weir explain`, and the frame that it is. */
#ifndef WEIR_PACKET_H
#define WEIR_PACKET_H

#include "model/rule.h"

#define WEIR_PACKET_LEN_MAX   9000 /* of the IP packet */
#define WEIR_PACKET_FRAME_MAX (14 + 4 * 2 + WEIR_PACKET_LEN_MAX)

/* Addresses and ports in host order. */
struct weir_packet {
	__u8 proto;
	__u32 saddr, daddr;
	__u16 sport, dport; /* 0 where the protocol, or a later fragment, has none */
	__u8 tcp_flags;
	__u8 icmp_type, icmp_code;
	__u16 icmp_id;
	__u8 ttl, tos;
	__u16 ip_id;
	__u16 len; /* of the IP packet */
	enum weir_frag frag;
	bool df, options;
	char dev[WEIR_DEV_NAME];
	bool out; /* this host sends it, by that device; else it comes in there */
};

/*
 * Reads `PROTO ADDR[:PORT] >|to ADDR[:PORT] in|out dev DEV` and what else a packet may be, in any
 * order behind PROTO; `>` may touch the addresses. What is not said is: TTL 64, TOS 0, TCP's SYN,
 * ICMP's echo-request, as short as a frame may be. On failure @err is marked and @packet untouched.
 */
int weir_packet_parse(
	struct weir_packet *packet, const struct weir_line *line, struct weir_err *err);

/*
 * The Ethernet frame, to @to, with up to two VLAN tags as in a frame (0: none). All checksums are
 * right but of a fragment's UDP, which has none. Returns its length.
 */
unsigned int weir_packet_frame(const struct weir_packet *packet, const __u8 to[6],
	const __u32 tags[2], __u8 frame[WEIR_PACKET_FRAME_MAX]);

#endif
