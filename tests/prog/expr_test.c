// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Expressions: the interpreter's answer is libpcap's own, in user space and in the kernel.
 * FUZZ_RUNS packets for each expression, from FUZZ_SEED on, which a failure prints.
 */
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../bpf/lib/expr.h"
#include "chance.h"
#include "ctl/expr.h"
#include "expr.skel.h"
#include "expr_oracle.h"

static const char *const expressions[] = {
	"ip",
	"ip6",
	"arp",
	"udp",
	"tcp",
	"icmp",
	"udp port 53",
	"tcp port 80 or tcp port 443",
	"host 198.51.100.1",
	"src host 192.0.2.1",
	"dst net 198.51.100.0/24",
	"net 192.0.0.0/8",
	"not udp",
	"port 9",
	"src portrange 1-1023",
	"dst portrange 1000-40000",
	"udp and dst port 9 and not src host 192.0.2.77",
	"ip proto 47",
	"ip[8] < 64",
	"ip[2:2] > 100",
	"ip[6:2] & 0x1fff != 0",
	"tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn",
	"tcp[13] & 7 != 0",
	"udp[4:2] = 34",
	"icmp[icmptype] = icmp-echo",
	"greater 200",
	"less 100",
	"len > 60 and len < 90",
	"len - 14 = ip[2:2]",
	"ether host 02:00:00:00:00:01",
	"ether dst ff:ff:ff:ff:ff:ff",
	"ether broadcast or ether multicast",
	"vlan",
	"vlan 5 and udp",
	"vlan and ip and port 53",
	"ip6 and udp port 53",
	"ip[ip[0] & 15] = 4",
	"ip[(ip[0] & 0xf) * 4 : 2] % 7 = 3",
	"ip[9] * 3 + 4 - 2 = 53",
	"ip[1] / 3 | 1 = 1",
	"ether[12:2] = 0x0800",
	"(ip[12:4] ^ ip[16:4]) & 0xff = 0",
	"ip[4:2] << 3 > 0x10000",
	"ip[4:2] >> 9 = 3",
	"-ip[0] = 0 - 69",
	"ip[2:2] - ((ip[0] & 0xf) << 2) > 40",
	"tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
	"ip or mpls",
	"ip multicast",
	"ether proto 0x88a8 or sctp",
	"portrange 0-65535",
	"ip6 proto 58",
	"udp[200] = 1",
	"ip host 192.0.2.1 and (tcp or udp) and not (port 22 or port 53 or net 203.0.113.0/24)",
};

#define NR (sizeof(expressions) / sizeof(*expressions))

static __u64 first_seed;
static unsigned long runs;

/* What the expressions ask for is rare by chance alone. */
static void season(struct frame *f)
{
	static const __u16 ports[] = {9, 22, 53, 80, 443, 1000, 34};
	static const __u8 hosts[][4] = {{192, 0, 2, 1}, {192, 0, 2, 77}, {198, 51, 100, 1},
		{203, 0, 113, 9}, {224, 0, 0, 5}};
	__u32 at;

	if (f->len < 38)
		return;
	if (chance_below(3)) {
		memcpy(f->data + 26, hosts[chance_below(5)], 4);
		memcpy(f->data + 30, hosts[chance_below(5)], 4);
	}
	at = 34 + 2 * chance_below(2);
	if (chance_below(2)) {
		put16(f, at, ports[chance_below(7)]);
	}
	if (!chance_below(4))
		f->data[23] = (__u8[]){6, 17, 1, 47, 132, 58}[chance_below(6)];
	if (!chance_below(5)) {
		static const __u16 types[] = {0x8100, 0x86dd, 0x0806, 0x88a8, 0x8847, 0x8864};
		__u16 type = types[chance_below(6)];

		f->data[12] = (__u8)(type >> 8);
		f->data[13] = (__u8)type;
	}
	if (f->data[12] == 0x81 && chance_below(3)) {
		f->data[14] = 0;
		f->data[15] = 5;
		f->data[16] = 8;
		f->data[17] = 0;
	}
	if (!chance_below(4))
		f->data[14 + chance_below(40) % (f->len - 14)] ^= (__u8)(1 << chance_below(8));
}

static void packet(struct frame *f)
{
	switch (chance_below(8)) {
	case 0:
		chance_random(f);
		break;
	case 1:
		chance_mutated(f);
		break;
	default:
		chance_valid(f);
	}
	season(f);
	if (!chance_below(6) && f->len)
		f->len = chance_below(f->len);
}

static bool interpret(
	const struct weir_expr *e, struct expr_run *r, const __u8 *bytes, __u32 caplen, __u32 len)
{
	r->caplen = caplen;
	r->wirelen = len;
	r->pc = r->a = r->x = r->result = r->blind = 0;
	memcpy(r->bytes, bytes, caplen);
	for (unsigned int i = 0; i < WEIR_EXPR_MAX; i++) {
		assert_true(r->pc < e->nr);
		if (expr_step(r, &e->insn[r->pc]))
			return r->result != 0;
	}
	fail_msg("an expression without an end");
	return false;
}

static void in_user_space_it_says_what_libpcap_says(void **state)
{
	static struct frame f;
	static struct expr_run r;
	unsigned long matched = 0;

	(void)state;
	for (size_t i = 0; i < 2 * NR; i++) {
		const char *text = expressions[i / 2];
		struct expr_oracle *o = expr_oracle_new(text, i % 2);
		static struct weir_expr e[WEIR_EXPR_KINDS];
		struct weir_err err;

		if (weir_expr_compile(text, e, &err))
			fail_msg("%s", err.what);
		for (unsigned long k = 0; o && k < runs; k++) {
			__u32 from, caplen, len;
			bool want;

			chance_seed(first_seed + k);
			packet(&f);
			from = i % 2 && f.len >= 14 ? 14 : 0;
			len = f.len - from;
			caplen = len < WEIR_EXPR_BYTES ? len : WEIR_EXPR_BYTES;
			want = expr_oracle_matches(o, f.data + from, caplen, len);
			matched += want;
			if (interpret(&e[i % 2], &r, f.data + from, caplen, len) != want)
				fail_msg("'%s', raw %zu: FUZZ_SEED=%llu, %u bytes", text, i % 2,
					first_seed + k, len);
		}
		if (o)
			expr_oracle_free(o);
	}
	assert_true(matched > runs); /* else nothing was asked */
}

static void in_the_kernel_it_says_what_libpcap_says(void **state)
{
	static struct frame f;

	(void)state;
	for (size_t i = 0; i < NR; i++) {
		struct expr_oracle *o = expr_oracle_new(expressions[i], false);
		struct expr_bpf *skel = expr_bpf__open();
		struct weir_expr e[WEIR_EXPR_KINDS];
		struct weir_err err;

		assert_true(o && skel);
		assert_int_equal(weir_expr_compile(expressions[i], e, &err), 0);
		memcpy((void *)skel->rodata_expr->expr, e, sizeof(e));
		assert_int_equal(expr_bpf__load(skel), 0);
		for (unsigned long k = 0; k < runs / 20; k++) {
			LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f.data);
			__u32 caplen;

			chance_seed(first_seed + k);
			packet(&f);
			if (f.len < 14)
				continue; /* which the kernel refuses to run */
			caplen = f.len < WEIR_EXPR_BYTES ? f.len : WEIR_EXPR_BYTES;
			run.data_size_in = f.len;
			assert_int_equal(
				bpf_prog_test_run_opts(bpf_program__fd(skel->progs.expr_try), &run),
				0);
			if (run.retval != expr_oracle_matches(o, f.data, caplen, f.len))
				fail_msg("'%s': FUZZ_SEED=%llu, %u bytes: %u", expressions[i],
					first_seed + k, f.len, run.retval);
		}
		expr_bpf__destroy(skel);
		expr_oracle_free(o);
	}
}

static void without_an_expression_all_matches(void **state)
{
	struct expr_bpf *skel = expr_bpf__open_and_load();
	__u8 bytes[60] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = bytes, .data_size_in = sizeof(bytes));

	(void)state;
	assert_non_null(skel);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.expr_try), &run), 0);
	assert_int_equal(run.retval, 1);
	expr_bpf__destroy(skel);
}

/* As libpcap never makes them: bounds that add up beyond 32 bits, shifts too far, division by
 * nothing. */
static void odd_programs_end_well(void **state)
{
	static const struct {
		struct weir_expr_insn insn[4];
		__u32 result;
	} all[] = {
		{{{BPF_LDX | BPF_IMM, 0, 0, ~0u}, {BPF_LD | BPF_IND | BPF_B, 0, 0, 1},
			 {BPF_RET, 0, 0, 1}},
			0},
		{{{BPF_LDX | BPF_IMM, 0, 0, 3}, {BPF_LD | BPF_IND | BPF_B, 0, 0, ~0u},
			 {BPF_RET, 0, 0, 1}},
			0},
		{{{BPF_LD | BPF_ABS | BPF_W, 0, 0, 57}, {BPF_RET, 0, 0, 1}}, 0},
		{{{BPF_LD | BPF_ABS | BPF_W, 0, 0, 56}, {BPF_RET, 0, 0, 1}}, 1},
		{{{BPF_LD | BPF_ABS | BPF_B, 0, 0, ~0u}, {BPF_RET, 0, 0, 1}}, 0},
		{{{BPF_LDX | BPF_MSH | BPF_B, 0, 0, 60}, {BPF_RET, 0, 0, 1}}, 0},
		{{{BPF_LD | BPF_IMM, 0, 0, 1}, {BPF_ALU | BPF_DIV | BPF_X, 0, 0, 0},
			 {BPF_RET, 0, 0, 1}},
			0},
		{{{BPF_LD | BPF_IMM, 0, 0, 1}, {BPF_ALU | EXPR_MOD | BPF_X, 0, 0, 0},
			 {BPF_RET, 0, 0, 1}},
			0},
		{{{BPF_LD | BPF_IMM, 0, 0, 1}, {BPF_ALU | BPF_LSH | BPF_K, 0, 0, 32},
			 {BPF_RET | EXPR_A, 0, 0, 0}},
			0},
		{{{BPF_LD | BPF_IMM, 0, 0, 7}, {BPF_ST, 0, 0, 15}, {BPF_LDX | BPF_MEM, 0, 0, 15},
			 {BPF_MISC | EXPR_TXA, 0, 0, 0}},
			7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct weir_expr e = {.nr = 5};
		struct expr_run r;
		__u8 bytes[60] = {0};

		memcpy(e.insn, all[i].insn, sizeof(all[i].insn));
		e.insn[4] = (struct weir_expr_insn){BPF_RET | EXPR_A, 0, 0, 0};
		interpret(&e, &r, bytes, 60, 60);
		assert_int_equal(r.result, all[i].result);
	}
}

/* A packet of which not all is in hand: asked for that, it says so; for what no packet has, not. */
static void what_is_not_in_hand_is_told_from_what_is_not_there(void **state)
{
	static const struct {
		__u32 at;
		bool matches, blind;
	} all[] = {
		{.at = 54, .matches = true},
		{.at = 59, .blind = true},
		{.at = 60, .blind = true},
		{.at = 98, .blind = true},
		{.at = 99},
		{.at = 0xfffffffe},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct weir_expr e = {.nr = 2,
			.insn = {{BPF_LD | BPF_H | BPF_ABS, 0, 0, all[i].at}, {BPF_RET, 0, 0, 1}}};
		struct expr_run r;
		__u8 bytes[60] = {0};

		assert_int_equal(interpret(&e, &r, bytes, 60, 100), all[i].matches);
		assert_int_equal(r.blind != 0, all[i].blind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_user_space_it_says_what_libpcap_says),
		cmocka_unit_test(in_the_kernel_it_says_what_libpcap_says),
		cmocka_unit_test(without_an_expression_all_matches),
		cmocka_unit_test(odd_programs_end_well),
		cmocka_unit_test(what_is_not_in_hand_is_told_from_what_is_not_there),
	};

	first_seed = chance_number("FUZZ_SEED", 20260607);
	runs = chance_number("FUZZ_RUNS", 4000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
