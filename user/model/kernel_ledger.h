/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ledger of the kernel plane, in skbs, of one network namespace:
 *
 *	in + sent here + made = delivered + out + dropped + joined + in flight + residual
 *
 * It holds once traffic rests, where each packet is observed at each stage (level full, the whole
 * time). Each term is counted by itself, none is what the others leave.
 */
#ifndef WEIR_KERNEL_LEDGER_H
#define WEIR_KERNEL_LEDGER_H

#include "model/kernel.h"

struct weir_kernel_ledger {
	__u64 in;	 /* that devices took in, after GRO */
	__u64 local;	 /* that this host has made */
	__u64 made;	 /* more of them, of superframes and of what was too large */
	__u64 delivered; /* that a socket, or another protocol, has */
	__u64 out;	 /* that drivers took */
	__u64 dropped;
	__u64 joined;	 /* fragments that became parts of others, or wait for the rest */
	__u64 in_flight; /* in queueing disciplines */
	__u64 merged;	 /* shown beside it: that GRO made part of others before they came in */
	__u64 apart;	 /* likewise: drops of copies, or of what had been delivered */
	__s64 residual;
};

/* Of the namespace with that cookie. */
void weir_kernel_ledger_of(
	const struct weir_kernel_snapshot *snap, __u64 cookie, struct weir_kernel_ledger *ledger);

/*
 * Of one device: what it took in, and what it was given to send.
 *
 *	in = delivered + forwarded + redirected + dropped in + joined
 *	to send + made = out + dropped out + in flight
 *
 * Fragments that are joined or made are known of a namespace, by the kernel's counters. They are the
 * device's where it alone lacks packets, or has too many; where several do it cannot be told whose they
 * are. Nor can it be told which device has what a bridge's port or a macvlan's lower device hands to
 * another. Then `told` is false for those that do not balance by themselves.
 */
struct weir_kernel_dev_ledger {
	__s64 delivered; /* below 0 where it did not come in by this device */
	__u64 in, forwarded, dropped_in, joined;
	__u64 redirected; /* past IP: by traffic control, generic XDP, netfilter's ingress, a macvlan */
	__u64 to_send, made, out, dropped_out, in_flight;
	__s64 residual;
	bool told;
};

/* Of all devices, as snap->devs has them; the caller frees it. NULL: no memory. */
struct weir_kernel_dev_ledger *weir_kernel_dev_ledgers(const struct weir_kernel_snapshot *snap);

/* Whether that of each namespace, and of each device that is told, holds, or there is none. */
bool weir_kernel_ledger_holds(const struct weir_kernel_snapshot *snap);

/* Whether the snapshot can have a ledger at all. */
bool weir_kernel_ledger_is(const struct weir_kernel_snapshot *snap);

#endif
