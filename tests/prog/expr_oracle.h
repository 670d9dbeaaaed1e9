/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* libpcap's own answer. Apart, since its headers and the kernel's define the same names. */
#ifndef TESTS_EXPR_ORACLE_H
#define TESTS_EXPR_ORACLE_H

#include <stdbool.h>
#include <linux/types.h>

struct expr_oracle;

/* NULL where libpcap refuses the expression; @raw: of packets that begin with the IP header. */
struct expr_oracle *expr_oracle_new(const char *text, bool raw);
void expr_oracle_free(struct expr_oracle *o);
bool expr_oracle_matches(
	const struct expr_oracle *o, const __u8 *bytes, __u32 caplen, __u32 wirelen);

#endif
