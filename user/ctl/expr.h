/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Expressions as pcap-filter(7) has them, compiled for programs that run them: bpf/lib/expr.h. */
#ifndef WEIR_CTL_EXPR_H
#define WEIR_CTL_EXPR_H

#include <stdbool.h>
#include <weir/trace.h>

#include "base/err.h"

/*
 * Compiles @text twice: for Ethernet frames, and for packets that have no link header yet, which an
 * expression about link headers never matches. @text NULL or blank matches everything. WEIR_USAGE,
 * with libpcap's own words, where it is wrong or needs what programs cannot do (loops, more than
 * WEIR_EXPR_MAX instructions).
 */
int weir_expr_compile(
	const char *text, struct weir_expr expr[WEIR_EXPR_KINDS], struct weir_err *err);

/* Whether it matches a packet of @wire_len bytes, of which @len are at @bytes. */
bool weir_expr_matches(
	const struct weir_expr *expr, const __u8 *bytes, unsigned int len, unsigned int wire_len);

#endif
