/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The expression that a program is loaded with, run. */
#ifndef WEIR_BPF_EXPR_RUN_H
#define WEIR_BPF_EXPR_RUN_H

#include "base.h"
#include "expr.h"

const volatile struct weir_expr expr[WEIR_EXPR_KINDS] SEC(".rodata.expr") = {};

struct expr_loop {
	struct expr_run *run;
	__u32 kind;
};

static long expr_next(__u32 step, void *ctx)
{
	struct expr_loop *l = ctx;
	__u32 pc = l->run->pc, kind = l->kind & (WEIR_EXPR_KINDS - 1);
	struct weir_expr_insn in;

	(void)step;
	if (pc >= WEIR_EXPR_MAX || pc >= expr[kind].nr)
		return 1;
	in.code = expr[kind].insn[pc].code;
	in.jt = expr[kind].insn[pc].jt;
	in.jf = expr[kind].insn[pc].jf;
	in.k = expr[kind].insn[pc].k;
	return expr_step(l->run, &in);
}

/* Whether the packet in @run, with caplen and wirelen, matches; all do where there is no
 * expression. */
__checked_once int expr_matches(struct expr_run *run, __u32 kind)
{
	struct expr_loop l = {.run = run, .kind = kind};

	if (!run || !expr[kind & (WEIR_EXPR_KINDS - 1)].nr)
		return run != NULL;
	run->pc = run->a = run->x = run->result = run->blind = 0;
	bpf_loop(WEIR_EXPR_MAX, expr_next, &l, 0);
	return run->result != 0;
}

#endif
