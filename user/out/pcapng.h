/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Captures that Wireshark reads (draft-ietf-opsawg-pcapng), written: an interface for each hook of
 * each device, and with each packet its verdict, queue, and what became of it as a comment. Of the
 * kernel's road: an interface for each device of each namespace, and two comments: the stages for
 * people, and a line of JSON, from which they are read again.
 */
#ifndef WEIR_PCAPNG_H
#define WEIR_PCAPNG_H

#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>
#include <weir/abi.h>

#include "base/err.h"

/* What an interface of the file stands for. */
struct weir_pcapng_key {
	__u64 netns;
	__u32 ifindex, kind;
};

struct weir_pcapng {
	FILE *file; /* the caller's */
	unsigned int nr;
	/* by number in the file; more are not told apart */
	struct weir_pcapng_key interface[WEIR_DEV_MAX];
	__u64 received[WEIR_DEV_MAX]; /* packets of each */
};

/* A packet of the kernel's road, to write. */
struct weir_pcapng_traced {
	__u64 wall_ns; /* since 1970 */
	__u64 netns;
	__u32 ifindex;
	bool raw;	  /* it begins with the IP header */
	const char *name; /* of its interface */
	const __u8 *bytes;
	__u32 len, wire_len;
	const char *words, *json;
};

/* Before the JSON in a comment. */
#define WEIR_PCAPNG_JSON "weir-trace: "

/* Writes the file's head. 0 or -errno. */
int weir_pcapng_begin(struct weir_pcapng *p, FILE *file);
/* One packet: @wall_ns since 1970, @dev its device's name, @words what became of it. 0 or -errno.
 */
int weir_pcapng_packet(struct weir_pcapng *p, const struct weir_capture *c, __u64 wall_ns,
	const char *dev, const char *words);
int weir_pcapng_traced(struct weir_pcapng *p, const struct weir_pcapng_traced *t);
/* Writes what was lost, @full and @limited as weir_capture_losses() has them. 0 or -errno. */
int weir_pcapng_end(struct weir_pcapng *p, __u64 wall_ns, __u64 full, __u64 limited);

/* What a file of the kernel's road says of its losses. */
struct weir_pcapng_losses {
	__u64 packets; /* read */
	__u64 dropped; /* not captured, for whatever reason */
	bool ended;    /* its writer came to its end, and said these */
};

/*
 * Reads the packets of the kernel's road from @file, called @name, and hands the document of each,
 * whose reference it takes, to @fn, until that returns other than 0: this is returned. WEIR_USAGE
 * for what is no such file.
 */
int weir_pcapng_read(FILE *file, const char *name, int (*fn)(void *ctx, json_t *doc), void *ctx,
	struct weir_pcapng_losses *losses, struct weir_err *err);

#endif
