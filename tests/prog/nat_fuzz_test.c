// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random and mutated frames through programs that translate, and answers to those that went out.
 * What must hold of any, beside what fuzz_test.c asks:
 *
 *	the frame is counted once in and once out;
 *	what leaves by OUT has OUT's own address as its source, by whatever program;
 *	its checksums are as right, or as wrong, as they were, 0 of UDP stays 0, and an open one is
 * completed; nothing else of it is changed; an unspoilt answer comes back to who had asked.
 *
 * FUZZ_RUNS frames of each kind, from FUZZ_SEED on; a failure prints both and the frame.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "chance.h"
#include "gate.h"

enum { RUNS = 10000, L3 = AT_IP_START };

static const char *kind;
static __u64 first_seed;
static unsigned long run_nr, sent_out, came_back;
static bool generic, physical;

static void tell(const struct prog *p, const struct frame *in)
{
	print_error("%s, hook %d: FUZZ_SEED=%llu, run %lu, a frame of %u bytes:\n", kind, p->hook,
		first_seed, run_nr, in->len);
	for (__u32 i = 0; i < in->len; i++)
		print_error("%02x%s", in->data[i], i % 32 == 31 ? "\n" : "");
	print_error("\n");
}

#define HOLDS(p, in, true_, ...)                                                                   \
	do {                                                                                       \
		if (!(true_)) {                                                                    \
			tell(p, in);                                                               \
			fail_msg(__VA_ARGS__);                                                     \
		}                                                                                  \
	} while (0)

static bool is(const struct weir_count *c, __u64 packets, __u64 bytes)
{
	return c->packets == packets && c->bytes == bytes;
}

/* Runs it; the one exit by which it was counted, WEIR_EXIT_COUNT where the kernel does not take it.
 */
static enum weir_exit run(struct prog *p, const struct frame *in)
{
	enum weir_exit exit = WEIR_EXIT_COUNT;
	struct weir_row sum;
	int rc;

	prog_zero(p);
	rc = prog_try(p, in, gate_ran());
	if (rc == -EINVAL && p->hook != WEIR_HOOK_xdp)
		return exit; /* see fuzz_test.c */
	HOLDS(p, in, !rc, "the kernel does not run it: %s", strerror(-rc));
	prog_sum(p, &sum);
	HOLDS(p, in, is(&sum.in, 1, in->len), "in: %llu packets", sum.in.packets);
	for (__u32 e = 0; e < WEIR_EXIT_COUNT; e++) {
		if (is(&sum.exit[e], 0, 0))
			continue;
		HOLDS(p, in, exit == WEIR_EXIT_COUNT && is(&sum.exit[e], 1, in->len),
			"it left by %s, too, or not once", exit_name(e));
		exit = e;
	}
	HOLDS(p, in, exit != WEIR_EXIT_COUNT, "it left by no exit");
	return exit;
}

static bool is_ip(const struct frame *f)
{
	unsigned int head = (f->data[L3] & 0xfU) * 4, len = get16(f, AT_IP_LEN);

	return f->len >= L3 + 20 && get16(f, AT_ETH_TYPE) == 0x0800 && f->data[L3] >> 4 == 4 &&
	       head >= 20 && (!len || len >= head);
}

/* As it is summed: 0 and 0xffff are the same. */
static unsigned int total(const struct frame *f, bool pseudo)
{
	unsigned int head = (f->data[L3] & 0xfU) * 4, len = get16(f, AT_IP_LEN) - head;

	return sum16(f->data + L3 + head, len,
		       pseudo ? sum16(f->data + AT_IP_SRC, 8, f->data[AT_IP_PROTO] + len) : 0) %
	       0xffff;
}

/* Without tags of no VLAN, which go out untagged. */
static const struct frame *untagged(const struct frame *f)
{
	static struct frame bare;
	__u32 at = AT_ETH_TYPE;

	while (at + 4 <= f->len && (get16(f, at) == 0x8100 || get16(f, at) == 0x88a8))
		at += 4;
	if (at == AT_ETH_TYPE)
		return f;
	memcpy(bare.data, f->data, AT_ETH_TYPE);
	bare.len = f->len - (at - AT_ETH_TYPE);
	memcpy(bare.data + AT_ETH_TYPE, f->data + at, f->len - at);
	return &bare;
}

/* What may be other than before: the source, and its checksums. */
static void check_out(const struct prog *p, const struct frame *in, bool forwarded)
{
	const struct frame *out = &gate_ran()->out;
	unsigned int head = (in->data[L3] & 0xfU) * 4, l4 = L3 + head,
		     proto = in->data[AT_IP_PROTO];
	unsigned int len = get16(in, AT_IP_LEN), frag = get16(in, AT_IP_FRAG) & 0x3fff;
	unsigned int at = proto == PROTO_TCP							? 16
			  : proto == PROTO_UDP || proto == PROTO_UDPLITE || proto == PROTO_DCCP ? 6
												: 0;
	bool has = len >= head + 8 && l4 + 8 <= in->len && !(frag & 0x1fff);
	static struct frame want;
	char src[INET_ADDRSTRLEN];
	bool open;

	inet_ntop(AF_INET, out->data + AT_IP_SRC, src, sizeof(src));
	HOLDS(p, in, !strcmp(src, OUTSIDE), "it leaves untranslated, from %s", src);
	if (!len)
		return; /* a superframe of over 64 kB, if it is anything */
	HOLDS(p, in,
		l4 > in->len || sum16(out->data + L3, head, 0) % 0xffff ==
					sum16(in->data + L3, head, 0) % 0xffff,
		"the header's checksum is not as right as it was");
	want = *in;
	if (forwarded) {
		memcpy(want.data, out->data, AT_ETH_TYPE);
		put8(&want, AT_IP_TTL, in->data[AT_IP_TTL] - 1U);
	}
	memcpy(want.data + AT_IP_CHECK, out->data + AT_IP_CHECK, 6);
	if (has && proto == PROTO_ICMP)
		memcpy(want.data + l4 + 2, out->data + l4 + 2, 4);
	if (has && (proto == PROTO_UDP || proto == PROTO_TCP))
		memcpy(want.data + l4, out->data + l4, 2);
	if (has && at && l4 + at + 2 <= in->len && head + at + 2 <= len)
		memcpy(want.data + l4 + at, out->data + l4 + at, 2);
	HOLDS(p, in, out->len == want.len, "%u bytes go out", out->len);
	for (__u32 i = 0; i < want.len; i++)
		HOLDS(p, in, out->data[i] == want.data[i], "byte %u goes out as %02x, not %02x", i,
			out->data[i], want.data[i]);
	if (!has || frag || L3 + len > in->len || (at == 16 && len < head + 18))
		return;
	if (proto == PROTO_UDP && !get16(in, l4 + 6)) {
		HOLDS(p, in, !get16(out, l4 + 6), "0 does not stay 0");
		return;
	}
	open = at && p->hook == WEIR_HOOK_xdp && !physical && total(in, true) != 0 &&
	       get16(in, l4 + at) == sum16(in->data + AT_IP_SRC, 8, proto + len - head) &&
	       (proto != PROTO_UDP || get16(in, l4 + 4) == len - head);
	if (open && generic)
		HOLDS(p, in,
			get16(out, l4 + at) == sum16(out->data + AT_IP_SRC, 8, proto + len - head),
			"it is open no longer");
	else if (open && (proto == PROTO_UDP || (proto == PROTO_TCP && len >= head + 20)))
		HOLDS(p, in, !total(out, true), "it is still open");
	else if (!open && (proto == PROTO_ICMP || at))
		HOLDS(p, in, total(out, proto != PROTO_ICMP) == total(in, proto != PROTO_ICMP),
			"its checksum is not as right as it was");
}

/* The answer to what has just left, which came as @in. */
static void answer(struct gate *g, const struct frame *in, bool spoil)
{
	static struct frame f;
	__u8 ends[8];
	unsigned int proto = in->data[AT_IP_PROTO];

	f = gate_ran()->out;
	if (f.len < AT_L4 + 8 || f.data[L3] != 0x45 || get16(&f, AT_IP_FRAG) & 0x3fff)
		return;
	memcpy(ends, f.data + AT_IP_SRC, 8);
	memcpy(f.data + AT_IP_SRC, ends + 4, 4);
	memcpy(f.data + AT_IP_DST, ends, 4);
	if (proto == PROTO_UDP || proto == PROTO_TCP) {
		memcpy(ends, f.data + AT_L4, 4);
		memcpy(f.data + AT_L4, ends + 2, 2);
		memcpy(f.data + AT_L4 + 2, ends, 2);
	}
	put8(&f, AT_IP_TTL, 64);
	gate_seal(&f);
	gate_from_outside(&f);
	if (spoil)
		chance_mutate(&f);
	if (run(g->out, &f) == X(xmit, NONE) && !spoil &&
		(proto == PROTO_UDP || proto == PROTO_TCP)) {
		came_back++;
		HOLDS(g->out, &f,
			!memcmp(gate_ran()->out.data + AT_IP_DST, in->data + AT_IP_SRC, 4) &&
				!memcmp(gate_ran()->out.data + AT_L4_DPORT, in->data + AT_L4, 2),
			"the answer is another's");
	}
}

static void run_one(struct gate *g, const struct frame *in)
{
	static const __u8 out_mac[] = {2, 0, 0, 0, PORT_OUT, 0xfe};
	enum weir_exit exit = run(g->in, in);

	if (exit == X(xmit, NONE) && !memcmp(gate_ran()->out.data + AT_ETH_SRC, out_mac, 6)) {
		sent_out++;
		check_out(g->in, untagged(in), true);
		answer(g, untagged(in), chance_below(2));
	}
	g->sent->local = false;
	if (run(g->sent, in) == X(xmit, NONE) && is_ip(in))
		check_out(g->sent, in, false);
}

static void run_many(struct gate *g, void (*make)(struct frame *f), const char *name)
{
	unsigned long runs = chance_number("FUZZ_RUNS", RUNS);
	static struct frame f;

	kind = name;
	for (run_nr = 0; run_nr < runs; run_nr++) {
		if (!(run_nr % 512))
			prog_forget_flows(g->in);
		if (!(run_nr % 2048))
			prog_flush(g->in);
		make(&f);
		if (!chance_below(4) && is_ip(&f)) { /* another host, so that ports clash */
			put_addr(&f, AT_IP_SRC, INNER);
			gate_seal(&f);
		}
		run_one(g, &f);
	}
}

static void any_frame_is_translated_or_stopped(void **state)
{
	struct gate *g = *state;

	first_seed = chance_number("FUZZ_SEED", 20260607);
	chance_seed(first_seed);
	sent_out = came_back = 0;
	gate_rules(g, "masquerade out dev out0");
	run_many(g, chance_random, "random");
	run_many(g, chance_mutated, "mutated");
	run_many(g, chance_valid, "valid");
	print_message("# %lu went out, %lu came back\n", sent_out, came_back);
	assert_true(sent_out > run_nr / 8 && came_back > run_nr / 32);
	prog_flush(g->in);
	for (unsigned int p = 0; p < WEIR_PORT_PROTOS; p++)
		assert_int_equal(prog_ports(g->in, 0, p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_frame_is_translated_or_stopped),
	};
	int failed = gate_run("nat_fuzz", tests, ARRAY_SIZE(tests), (struct prog_opts){0});

	physical = true;
	failed += gate_run_xdp("nat_fuzz, a physical device", tests, ARRAY_SIZE(tests),
		(struct prog_opts){.physical = true});
	physical = false;
	generic = true;
	failed += gate_run_xdp(
		"nat_fuzz, generic", tests, ARRAY_SIZE(tests), (struct prog_opts){.generic = true});
	return failed;
}
