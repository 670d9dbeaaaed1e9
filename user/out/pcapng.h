/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writing captures that Wireshark reads (draft-ietf-opsawg-pcapng): an interface for each hook of
 * each device, and with each packet its verdict, queue, and what became of it as a comment.
 */
#ifndef WEIR_PCAPNG_H
#define WEIR_PCAPNG_H

#include <stdio.h>
#include <weir/abi.h>

struct weir_pcapng {
	FILE *file; /* the caller's */
	unsigned int nr;
	/* by number in the file; more are not told apart */
	struct weir_hook_key interface[WEIR_DEV_MAX];
	__u64 received[WEIR_DEV_MAX]; /* packets of each */
};

/* Writes the file's head. 0 or -errno. */
int weir_pcapng_begin(struct weir_pcapng *p, FILE *file);
/* One packet: @wall_ns since 1970, @dev its device's name, @words what became of it. 0 or -errno.
 */
int weir_pcapng_packet(struct weir_pcapng *p, const struct weir_capture *c, __u64 wall_ns,
	const char *dev, const char *words);
/* Writes what was lost, @full and @limited as weir_capture_losses() has them. 0 or -errno. */
int weir_pcapng_end(struct weir_pcapng *p, __u64 wall_ns, __u64 full, __u64 limited);

#endif
