/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a program is loaded for: constants, of which the verifier prunes what is not needed.
 *
 * Loaded with `dry` it changes nothing that other programs see. Most of what it writes is then in
 * maps of its own (user/ctl/explain.c says which); what it shares, sessions, mappings, ports and
 * buckets, it only reads.
 */
#ifndef WEIR_BPF_SELF_H
#define WEIR_BPF_SELF_H

#include "base.h"

const volatile struct weir_self self SEC(".rodata.self") = {
	.ifindex = 1,
	.queues = 1,
	.flows_mask = WEIR_FLOWS_MIN - 1,
	.hops_mask = WEIR_FLOWS_MIN / WEIR_HOPS_SHARE - 1,
	.virtual_link = true,
	.rule_slots = 1,
	.filter = true,
	.track = true,
	.loaded_ns = 1,
};

#endif
