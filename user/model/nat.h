/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What NAT rules mean for each other and for an address: which cannot stand beside which, and who
 * is behind what, where a rule alone says it. Addresses in host order.
 */
#ifndef WEIR_NAT_H
#define WEIR_NAT_H

#include "model/ruleset.h"

/* An address of this host. */
struct weir_own {
	__u32 addr;
	char dev[WEIR_DEV_NAME];
	bool first; /* the device's own one, which masquerading takes */
};

/* What NAT rules are checked against beside each other. */
struct weir_owns {
	struct weir_own *list; /* owned by whoever fills it */
	size_t nr;
};

/* NULL where the host has no such address. */
const struct weir_own *weir_own_find(const struct weir_owns *owns, __u32 addr);
/* The first address of a device; 0: it has none. */
__u32 weir_own_first(const struct weir_owns *owns, const char *dev);

/*
 * Whether @rule, which the words of @line from @from on are, can stand beside the rules of @set,
 * all of NAT, on a host with the addresses set->owns, NULL: that is known. 0, or -EINVAL with @err
 * filled and marked. What is refused: a pool whose address is another pool's by another device; an
 * address that both a pool and a map have outside, or one that two maps of a device do; one outside
 * that is an inside one of a map, or of a deterministic rule itself; a device's own address as a
 * pool beside masquerading by it, since each would give its ports; a dnat to an outside address
 * that this host does not have, where nobody would take the packet; and more addresses than there
 * is room for.
 */
int weir_nat_clash(const struct weir_ruleset_model *set, const struct weir_rule *rule,
	const struct weir_line *line, unsigned int from, struct weir_err *err);

/*
 * Deterministic rules: each inside address has one outside and a block of its ports, counted from
 * the first of each. @own: what a masquerading device's address is.
 */
struct weir_block {
	__u32 inside, outside;
	struct weir_span ports;
};

/* The block of an inside address; false where the rule gives it none. */
bool weir_block_of(const struct weir_rule *rule, __u32 own, __u32 inside, struct weir_block *block);
/* The block that a port of an outside address is in; false where it is in nobody's. */
bool weir_block_at(const struct weir_rule *rule, __u32 own, __u32 outside, __u32 port,
	struct weir_block *block);

#endif
