// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Expressions, compiled by libpcap; this is the only file that sees it. */
#include <errno.h>
#include <pcap.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "expr.h"

#define SNAPLEN 262144 /* what a match returns; any but 0 */

/* What bpf/lib/expr.h can do: all that libpcap makes of expressions for Ethernet and plain IP. */
static bool is_known(const struct bpf_insn *in)
{
	switch (in->code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_IMM:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_IMM:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_ALU | BPF_NEG:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
		return true;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return in->k < WEIR_EXPR_MEM;
	case BPF_ALU | BPF_DIV | BPF_K:
	case BPF_ALU | BPF_MOD | BPF_K:
		return in->k != 0;
	}
	switch (BPF_CLASS(in->code) | BPF_OP(in->code)) {
	case BPF_ALU | BPF_ADD:
	case BPF_ALU | BPF_SUB:
	case BPF_ALU | BPF_MUL:
	case BPF_ALU | BPF_DIV:
	case BPF_ALU | BPF_MOD:
	case BPF_ALU | BPF_AND:
	case BPF_ALU | BPF_OR:
	case BPF_ALU | BPF_XOR:
	case BPF_ALU | BPF_LSH:
	case BPF_ALU | BPF_RSH:
	case BPF_JMP | BPF_JA:
	case BPF_JMP | BPF_JEQ:
	case BPF_JMP | BPF_JGT:
	case BPF_JMP | BPF_JGE:
	case BPF_JMP | BPF_JSET:
		return true;
	}
	return false;
}

/* A jump that stays within the program, and goes forward. */
static bool jumps_well(const struct bpf_insn *in, unsigned int left)
{
	if (BPF_CLASS(in->code) != BPF_JMP)
		return true;
	if (BPF_OP(in->code) == BPF_JA)
		return in->k < left;
	return in->jt < left && in->jf < left;
}

static int take(
	const struct bpf_program *p, const char *text, struct weir_expr *to, struct weir_err *err)
{
	if (!p->bf_len || p->bf_len > WEIR_EXPR_MAX)
		return weir_fail(err, WEIR_USAGE, 0,
			"'%s' is %u instructions long, and %d is the most", text, p->bf_len,
			WEIR_EXPR_MAX);
	for (unsigned int i = 0; i < p->bf_len; i++) {
		const struct bpf_insn *in = &p->bf_insns[i];
		unsigned int left = p->bf_len - i - 1;

		if (!is_known(in) || !jumps_well(in, left) ||
			(!left && BPF_CLASS(in->code) != BPF_RET))
			return weir_fail(err, WEIR_USAGE, 0,
				"'%s' needs what cannot be applied in the kernel: instruction %u, "
				"code 0x%02x%s",
				text, i, in->code,
				BPF_CLASS(in->code) == BPF_JMP ? " (a loop: protochain?)" : "");
		to->insn[i] = (struct weir_expr_insn){
			.code = in->code, .jt = in->jt, .jf = in->jf, .k = in->k};
	}
	to->nr = p->bf_len;
	return 0;
}

/* Compiles for one kind of header. -EINVAL with libpcap's @said where it refuses. */
static int compile(const char *text, int link, struct weir_expr *to, char said[PCAP_ERRBUF_SIZE],
	struct weir_err *err)
{
	pcap_t *pcap = pcap_open_dead(link, SNAPLEN);
	struct bpf_program p = {0};
	int ret;

	if (!pcap)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "compiling '%s'", text);
	if (pcap_compile(pcap, &p, text, 1, PCAP_NETMASK_UNKNOWN)) {
		snprintf(said, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(pcap));
		ret = weir_fail(err, WEIR_USAGE, 0, "'%s': %s", text, said);
	} else {
		ret = take(&p, text, to, err);
		pcap_freecode(&p);
	}
	pcap_close(pcap);
	return ret;
}

int weir_expr_compile(
	const char *text, struct weir_expr expr[WEIR_EXPR_KINDS], struct weir_err *err)
{
	static const struct weir_expr none = {.nr = 1, .insn = {{.code = BPF_RET | BPF_K}}};
	struct weir_expr made[WEIR_EXPR_KINDS] = {{0}};
	char said[PCAP_ERRBUF_SIZE] = "";
	int ret = 0;

	if (text && text[strspn(text, " \t\n")]) {
		ret = compile(text, DLT_EN10MB, &made[WEIR_EXPR_FRAME], said, err);
		if (!ret && compile(text, DLT_RAW, &made[WEIR_EXPR_RAW], said, NULL))
			made[WEIR_EXPR_RAW] = none;
	}
	if (!ret)
		memcpy(expr, made, sizeof(made));
	return ret;
}

_Static_assert(sizeof(struct weir_expr_insn) == sizeof(struct bpf_insn) &&
		       offsetof(struct weir_expr_insn, k) == offsetof(struct bpf_insn, k),
	"an instruction is libpcap's own");

bool weir_expr_matches(
	const struct weir_expr *expr, const __u8 *bytes, unsigned int len, unsigned int wire_len)
{
	return !expr->nr || bpf_filter((const struct bpf_insn *)expr->insn, bytes, wire_len, len);
}
