/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the generator's two halves share. */
#ifndef WEIR_GEN_H
#define WEIR_GEN_H

#include <linux/types.h>

#define GEN_FRAME_MIN  60   /* Ethernet's 64 without FCS; headers and sequence number fit */
#define GEN_FRAME_MAX  1520 /* a multiple of 8 that holds 1514 */
#define GEN_RATE_SHIFT 10   /* times in 1/1024 ns, so that rounding is below 1e-5 up to 10 Mpps */
#define GEN_BURST      64   /* frames: the kernel's batch */

#define GEN_SIGNAL_DONE 10 /* SIGUSR1: all frames are offered */

#define GEN_SEED 0x9e3779b97f4a7c15ULL /* of chance: the same flows each time */

/* The dimensions of a flow, fastest first. */
enum gen_dim { GEN_SPORT, GEN_SRC, GEN_DPORT, GEN_DST, GEN_DIMS };

struct gen_span {
	__u32 first; /* host order */
	__u32 count;
};

struct gen_conf {
	struct gen_span dim[GEN_DIMS];
	__u64 flows;
	__u64 count;	/* frames to offer */
	__u64 interval; /* between frames, 1/1024 ns; 0 = as fast as it goes */
	__u64 netns_cookie;
	__u64 pidns_dev;
	__u64 pidns_ino;
	__u32 tgid; /* as its own PID namespace counts */
	__s32 ifindex;
	__u32 bytes;
	__u32 ip_sum; /* one's complement sums of all that is the same in every frame */
	__u64 udp_sum;
	__u32 random; /* each flow's place in every dimension is chance's */
	__u32 _pad;
};

#endif
