/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events of packets, made up, and what numbers in them are called. */
#ifndef TESTS_MADE_TRACE_H
#define TESTS_MADE_TRACE_H

#include <stdio.h>
#include <string.h>

#include "model/kernel_trace.h"

static inline const char *made_netns(void *ctx, __u64 cookie, char buf[WEIR_TRACE_NAME_MAX])
{
	(void)ctx;
	snprintf(buf, WEIR_TRACE_NAME_MAX, "ns%llu", cookie);
	return buf;
}

static inline void made_drop(void *ctx, struct weir_kernel_drop *d)
{
	(void)ctx;
	snprintf(d->reason, sizeof(d->reason), "%s",
		d->key.reason == 8   ? "NETFILTER_DROP"
		: d->key.reason == 2 ? "NOT_SPECIFIED"
				     : "NO_SOCKET");
	snprintf(d->location, sizeof(d->location), "%s+0x%llx",
		d->key.location == 1   ? "__udp4_lib_rcv"
		: d->key.location == 2 ? "nft_do_chain"
		: d->key.location == 3 ? "ip_error"
		: d->key.location == 4 ? "icmp_rcv"
				       : "somewhere",
		d->key.location);
}

static const struct weir_trace_names made_names = {NULL, made_netns, made_drop};

/* An event at a stage; what else it has, the caller adds. */
static inline struct weir_trace_event made_event(__u64 id, __u64 time_ns, const char *dev,
	enum weir_trace_point point, enum weir_stage stage, enum weir_trace_what what)
{
	struct weir_trace_event e = {.id = id,
		.time_ns = time_ns,
		.netns = 7,
		.ifindex = *dev ? (__u32)dev[strlen(dev) - 1] : 0,
		.len = 45,
		.protocol = 0x0800,
		.point = (__u8)point,
		.stage = (__u8)stage,
		.what = (__u8)what};

	snprintf(e.dev, sizeof(e.dev), "%s", dev);
	return e;
}

/* A UDP packet's head, of ports @sport and 9; @raw: from the IP header on. */
static inline void made_head(struct weir_trace_event *e, __u16 sport, bool raw)
{
	static const __u8 head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 31, 0, 1,
		0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1, 0, 0, 0, 9, 0, 11, 0, 0, 1, 2,
		3};
	__u16 from = raw ? 14 : 0;

	e->head_len = (__u16)(sizeof(head) - from);
	e->frame_len = e->head_len;
	e->flags |= raw ? WEIR_TRACE_RAW : 0;
	memcpy(e->head, head + from, e->head_len);
	e->head[34 - from] = (__u8)(sport >> 8);
	e->head[35 - from] = (__u8)sport;
}

#endif
