/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Classic BPF, as libpcap compiles expressions, interpreted over a copy of a packet's first bytes.
 * What a step does is plain C, so that tests run the same for user space. user/ctl/expr.c has
 * checked each program that comes here: known instructions, jumps forward and within, a return at
 * the end. Bounds are looked at here again: a load beyond what was copied means "no match", as in
 * libpcap.
 */
#ifndef WEIR_BPF_EXPR_H
#define WEIR_BPF_EXPR_H

#include <linux/bpf_common.h>
#include <linux/types.h>

#include <weir/trace.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* linux/bpf_common.h leaves these to linux/filter.h, which other headers of ours do not go with. */
#define EXPR_RVAL(code)	  ((code)&0x18)
#define EXPR_MISCOP(code) ((code)&0xf8)
#define EXPR_A		  0x10
#define EXPR_TXA	  0x80
#define EXPR_MOD	  0x90
#define EXPR_XOR	  0xa0

/* A run, all of it in a map's memory: on a stack the verifier would follow each value that it may
 * have. */
struct expr_run {
	__u8 bytes[WEIR_EXPR_BYTES]; /* of the packet */
	__u32 mem[WEIR_EXPR_MEM];
	__u32 caplen;  /* how many of bytes are there */
	__u32 wirelen; /* all that the packet has */
	__u32 pc, a, x;
	__u32 result; /* not 0: a match */
	__u32 blind;  /* asked for bytes that the packet has, and bytes[] has not */
};

static __always_inline __u32 expr_byte(const struct expr_run *r, __u32 at)
{
	return r->bytes[at & (WEIR_EXPR_BYTES - 1)];
}

/* Whether @size bytes at @at + @more are among the first @len. */
static __always_inline int expr_has(__u32 len, __u32 at, __u32 more, __u32 size)
{
	return more <= len && at <= len - more && size <= len - more - at;
}

/* Loads big-endian @size bytes at @at + @more to *@to; 0 where they are not there. */
static __always_inline int expr_load(
	struct expr_run *r, __u32 at, __u32 more, __u16 size, __u32 *to)
{
	__u32 n = size == BPF_W ? 4 : size == BPF_H ? 2 : 1;

	if (!expr_has(r->caplen, at, more, n)) {
		r->blind |= (__u32)expr_has(r->wirelen, at, more, n);
		return 0;
	}
	at += more;
	*to = expr_byte(r, at);
	if (n >= 2)
		*to = *to << 8 | expr_byte(r, at + 1);
	if (n == 4)
		*to = *to << 16 | expr_byte(r, at + 2) << 8 | expr_byte(r, at + 3);
	return 1;
}

/* A = A op @v; 0 for what has no answer. */
static __always_inline int expr_alu(struct expr_run *r, __u16 op, __u32 v)
{
	switch (op) {
	case BPF_ADD:
		r->a += v;
		return 1;
	case BPF_SUB:
		r->a -= v;
		return 1;
	case BPF_MUL:
		r->a *= v;
		return 1;
	case BPF_DIV:
		if (!v)
			return 0;
		r->a /= v;
		return 1;
	case EXPR_MOD:
		if (!v)
			return 0;
		r->a %= v;
		return 1;
	case BPF_AND:
		r->a &= v;
		return 1;
	case BPF_OR:
		r->a |= v;
		return 1;
	case EXPR_XOR:
		r->a ^= v;
		return 1;
	case BPF_LSH:
		r->a = v < 32 ? r->a << (v & 31) : 0;
		return 1;
	case BPF_RSH:
		r->a = v < 32 ? r->a >> (v & 31) : 0;
		return 1;
	case BPF_NEG:
		r->a = -r->a;
		return 1;
	}
	return 0;
}

static __always_inline int expr_ld(struct expr_run *r, const struct weir_expr_insn *in)
{
	switch (BPF_MODE(in->code)) {
	case BPF_IMM:
		r->a = in->k;
		return 1;
	case BPF_ABS:
		return expr_load(r, in->k, 0, BPF_SIZE(in->code), &r->a);
	case BPF_IND:
		return expr_load(r, r->x, in->k, BPF_SIZE(in->code), &r->a);
	case BPF_MEM:
		r->a = r->mem[in->k & (WEIR_EXPR_MEM - 1)];
		return 1;
	case BPF_LEN:
		r->a = r->wirelen;
		return 1;
	}
	return 0;
}

static __always_inline int expr_ldx(struct expr_run *r, const struct weir_expr_insn *in)
{
	switch (BPF_MODE(in->code)) {
	case BPF_IMM:
		r->x = in->k;
		return 1;
	case BPF_MEM:
		r->x = r->mem[in->k & (WEIR_EXPR_MEM - 1)];
		return 1;
	case BPF_LEN:
		r->x = r->wirelen;
		return 1;
	case BPF_MSH: /* the length of an IPv4 header */
		if (!expr_load(r, in->k, 0, BPF_B, &r->x))
			return 0;
		r->x = (r->x & 15) << 2;
		return 1;
	}
	return 0;
}

static __always_inline void expr_jump(struct expr_run *r, const struct weir_expr_insn *in)
{
	__u32 v = BPF_SRC(in->code) == BPF_X ? r->x : in->k;
	int yes;

	switch (BPF_OP(in->code)) {
	case BPF_JA:
		r->pc += in->k;
		return;
	case BPF_JEQ:
		yes = r->a == v;
		break;
	case BPF_JGT:
		yes = r->a > v;
		break;
	case BPF_JGE:
		yes = r->a >= v;
		break;
	default: /* BPF_JSET: there are no others */
		yes = (r->a & v) != 0;
	}
	r->pc += yes ? in->jt : in->jf;
}

/* One instruction. Returns 1 at the end, with r->result. */
static __always_inline int expr_step(struct expr_run *r, const struct weir_expr_insn *in)
{
	int ok = 1;

	r->pc++;
	switch (BPF_CLASS(in->code)) {
	case BPF_LD:
		ok = expr_ld(r, in);
		break;
	case BPF_LDX:
		ok = expr_ldx(r, in);
		break;
	case BPF_ST:
		r->mem[in->k & (WEIR_EXPR_MEM - 1)] = r->a;
		break;
	case BPF_STX:
		r->mem[in->k & (WEIR_EXPR_MEM - 1)] = r->x;
		break;
	case BPF_ALU:
		ok = expr_alu(r, BPF_OP(in->code), BPF_SRC(in->code) == BPF_X ? r->x : in->k);
		break;
	case BPF_JMP:
		expr_jump(r, in);
		break;
	case BPF_RET:
		r->result = EXPR_RVAL(in->code) == EXPR_A ? r->a : in->k;
		return 1;
	default: /* BPF_MISC */
		if (EXPR_MISCOP(in->code) == EXPR_TXA)
			r->a = r->x;
		else
			r->x = r->a;
	}
	if (!ok)
		r->result = 0;
	return !ok;
}

#endif
