// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the parser must make of a frame: written from RFC 791, RFC 1122 and RFC 1812, byte by byte,
 * it shares nothing with the program but the exits' names.
 */
#include <string.h>

#include "model/tables.h"
#include "prog.h"

#define X(stage, cause) WEIR_EXIT_##stage##_##cause

static enum weir_exit oracle_link(const struct frame *f, const __u8 mac[6])
{
	unsigned int type = get16(f, AT_ETH_TYPE);

	switch (type) {
	case 0x0806:
		return X(xdp, ARP);
	case 0x86dd:
		return X(xdp, IPV6);
	case 0x8100:
	case 0x88a8:
		return X(xdp, VLAN);
	case 0x0800:
		break;
	default:
		return X(xdp, UNHANDLED_PROTO);
	}
	if (!memcmp(f->data, mac, 6))
		return ONWARD;
	return f->data[0] & 1 ? X(xdp, L2_MULTICAST) : X(xdp, OTHERHOST);
}

/* A tag with VLAN id 0 is a priority and no VLAN: what is behind it is judged, as if it were not
 * there. No other VLAN is attached here. To TC the kernel shows no tags in frames but inner ones. */
static bool is_priority_tagged(const struct frame *f, enum weir_hook hook)
{
	return hook == WEIR_HOOK_xdp && f->len >= 20 && get16(f, AT_ETH_TYPE) == 0x8100 && !(get16(f, 14) & 0xfff) &&
	       get16(f, 16) != 0x8100 && get16(f, 16) != 0x88a8;
}

enum weir_exit oracle(const struct frame *f, const __u8 mac[6], enum weir_hook hook)
{
	const __u8 *ip = f->data + AT_IP_START, *src = f->data + AT_IP_SRC,
		   *dst = f->data + AT_IP_DST;
	static const __u8 ones[4] = {255, 255, 255, 255};
	static struct frame bare;
	enum weir_exit link;

	if (is_priority_tagged(f, hook)) {
		bare.len = f->len - 4;
		memcpy(bare.data, f->data, 12);
		memcpy(bare.data + 12, f->data + 16, f->len - 16);
		f = &bare;
		ip = f->data + AT_IP_START;
		src = f->data + AT_IP_SRC;
		dst = f->data + AT_IP_DST;
	}
	link = oracle_link(f, mac);
	if (link != ONWARD)
		return exit_at(hook, link);
	if (f->len < 34 || ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
		return X(ip_rcv, IP_INHDR);
	if ((ip[0] & 15) > 5)
		return X(ip_rcv, IP_OPTIONS);
	if (sum16(ip, 20, 0) != 0xffff)
		return X(ip_rcv, IP_CSUM);
	if (get16(f, AT_IP_LEN) < 20)
		return X(ip_rcv, IP_INHDR);
	if (get16(f, AT_IP_LEN) + 14 > f->len)
		return X(ip_rcv, PKT_TOO_SMALL);
	if (dst[0] >= 224 && dst[0] <= 239)
		return X(ip_rcv, IP_MULTICAST);
	if (!memcmp(dst, ones, 4))
		return X(ip_rcv, IP_BROADCAST);
	if (src[0] == 0 || (src[0] >= 224 && src[0] <= 239) || !memcmp(src, ones, 4))
		return X(ip_rcv, IP_INVALID_SOURCE);
	if (src[0] == 127 || dst[0] == 127)
		return X(ip_rcv, IP_LOCALNET);
	return ONWARD;
}

enum weir_exit oracle_part(enum weir_exit e)
{
	enum weir_stage stage = weir_exit_info[e].stage;

	return stage == WEIR_STAGE_xdp || stage == WEIR_STAGE_tc_ingress ||
			       stage == WEIR_STAGE_ip_rcv
		       ? e
		       : ONWARD;
}
