/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of `weir doctor` share. */
#ifndef WEIR_CTL_PROBE_H
#define WEIR_CTL_PROBE_H

#include "model/finding.h"
#include "priv.h"

/* --- scratch.c: a namespace to try things in --- */

struct weir_scratch {
	int home;      /* the namespace to come back to, -1 = there is no scratch */
	int error;     /* -errno: why there is none */
	__u32 ifindex; /* of a veth, up and with an address of nobody */
	int no_veth;   /* -errno: why there is no veth */
};

/*
 * Enters a new network namespace with a pair of veths, which ends with weir_scratch_leave().
 * Between the two nothing may be done that is meant for the caller's own namespace.
 */
void weir_scratch_enter(struct weir_scratch *s);
void weir_scratch_leave(struct weir_scratch *s);

/* --- probe.c: what the kernel can do, by trying --- */

/* Adds a finding for each feature. Opens and leaves a scratch namespace. */
void weir_probe_kernel(const struct weir_ns *ns, struct weir_findings *found);

/* Attaches a program to a function of the kernel. 0 or -errno. */
int weir_probe_fentry(void);

/* Binds an AF_XDP socket to queue 0 of a device, by copying. 0 or -errno. */
int weir_probe_af_xdp(__u32 ifindex);

/* --- ethtool.c --- */

/* A device's features by name, as `ethtool -k` knows them in the kernel's words. */
struct weir_features {
	unsigned int nr;
	char (*name)[32]; /* owned */
	__u32 *active;	  /* owned, a bit each */
};

/* 0 or -errno. The caller owns *@f (weir_features_done) on success. */
int weir_features_get(const char *dev, struct weir_features *f);
void weir_features_done(struct weir_features *f);
/* 1 on, 0 off, -ENOENT where the device has no such feature. */
int weir_feature(const struct weir_features *f, const char *name);

struct weir_hardware {
	char driver[32];
	bool has_rings, has_channels;
	__u32 rx_ring, rx_ring_max, tx_ring, tx_ring_max;
	__u32 channels, channels_max; /* that can receive */
};

/* What the driver tells; 0 or -errno where it tells nothing. */
int weir_hardware_get(const char *dev, struct weir_hardware *hw);

/* Calls @fn with each of a driver's own counters (`ethtool -S`). 0 or -errno where it tells none. */
int weir_driver_stats(
	const char *dev, void (*fn)(void *ctx, const char *name, __u64 value), void *ctx);

/* --- doctor_dev.c, doctor_bypass.c --- */

void weir_doctor_dev(
	const struct weir_ns *ns, const struct weir_link *link, struct weir_findings *found);

/* What acts on forwarded packets in the kernel, and on these devices; @nr 0 = on none. */
void weir_doctor_bypass(
	const struct weir_link *links, unsigned int nr, struct weir_findings *found);

/* --- doctor_nft.c --- */

/* Adds a finding for each table of nftables with a chain where forwarded packets come by. */
int weir_doctor_nft(struct weir_findings *found);

#endif
