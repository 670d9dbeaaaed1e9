// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random and mutated frames through every program. What becomes of them is other files' matter;
 * this one asks what must hold of any frame:
 *
 *	the program ends with a verdict that is one of its own;
 *	the frame is counted once in and once out, with its bytes, and nowhere else;
 *	what goes to the kernel is byte for byte what came;
 *	what is redirected has other MAC addresses, other tags, a TTL less one and a header checksum
 *	that is right; an open L4 checksum is completed, and nothing else is touched;
 *	what the parser said of it is what the oracle says.
 *
 * FUZZ_RUNS frames of each kind for each program, from FUZZ_SEED on; a failure prints both and the
 * frame. Frames in tests/fuzz/corpus/frames are run first. FUZZ_KEEP=DIR writes there the shortest
 * frame that left by each exit.
 *
 * A program is a row of `programs`; its `run` hands it a frame as prog_try() does.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include "chance.h"

#define CORPUS "tests/fuzz/corpus/frames"

enum { RUNS = 20000, TAGS_MAX = 2 };

static const struct program {
	const char *name;
	struct prog_opts opts;
	int (*run)(struct prog *p, const struct frame *in, struct ran *ran);
	enum weir_punt punt;
	bool timed;
	bool apart; /* the first buffer ends anywhere */
} programs[] = {
	{"xdp of a virtual device", .run = prog_try},
	{"xdp of a physical device", .run = prog_try, .opts.physical = true},
	{"xdp, generic", .run = prog_try, .opts.generic = true},
	{"xdp, punt drop", .run = prog_try, .punt = WEIR_PUNT_DROP},
	{"xdp, timed", .run = prog_try, .timed = true},
	{"xdp, several buffers", .run = prog_try, .apart = true},
	{"xdp, routes without room", .run = prog_try, .opts.one_pair = true,
		.opts.neigh_full = true},
	{"xdp, a FIB that refuses", .run = prog_try, .opts.fib_refuses = true},
	{"tc ingress", .run = prog_try, .opts.hook = WEIR_HOOK_tc_ingress},
	{"tc ingress, punt drop", .run = prog_try, .opts.hook = WEIR_HOOK_tc_ingress,
		.punt = WEIR_PUNT_DROP},
	{"tc ingress, timed", .run = prog_try, .opts.hook = WEIR_HOOK_tc_ingress, .timed = true},
	{"tc egress", .run = prog_try, .opts.hook = WEIR_HOOK_tc_egress},
};

static const struct program *row;
static struct prog prog;
static bool reached[WEIR_EXIT_COUNT];
static __u64 first_seed;
static unsigned long run_nr, runs;

/* --- what must hold --- */

static void tell(const struct frame *in)
{
	print_error("%s: FUZZ_SEED=%llu, run %lu, first buffer %u, a frame of %u bytes:\n",
		row->name, first_seed, run_nr, prog.linear, in->len);
	for (__u32 i = 0; i < in->len; i++)
		print_error("%02x%s", in->data[i], i % 32 == 31 ? "\n" : "");
	print_error("\n");
}

/* Fails with the frame told. */
#define HOLDS(in, true_, ...)                                                                      \
	do {                                                                                       \
		if (!(true_)) {                                                                    \
			tell(in);                                                                  \
			fail_msg(__VA_ARGS__);                                                     \
		}                                                                                  \
	} while (0)

static bool is(const struct weir_count *c, __u64 packets, __u64 bytes)
{
	return c->packets == packets && c->bytes == bytes;
}

/* The one exit by which it was counted; *@dropped: as a punt that is dropped. */
static enum weir_exit check_counted(const struct frame *in, bool *dropped)
{
	enum weir_exit exit = WEIR_EXIT_COUNT;
	struct weir_row sum;
	__u32 e;

	prog_sum(&prog, &sum);
	HOLDS(in, is(&sum.in, 1, in->len), "in: %llu packets, %llu bytes", sum.in.packets,
		sum.in.bytes);
	for (e = 0; e < WEIR_EXIT_COUNT; e++) {
		const struct weir_count *c = &sum.exit[e], *d = &sum.punt_drop[e];

		if (is(c, 0, 0) && is(d, 0, 0))
			continue;
		HOLDS(in, exit == WEIR_EXIT_COUNT, "it left by %s and by %s", exit_name(exit),
			exit_name(e));
		exit = e;
		*dropped = d->packets;
		HOLDS(in, is(*dropped ? d : c, 1, in->len) && is(*dropped ? c : d, 0, 0),
			"%s: %llu and %llu packets, %llu and %llu bytes", exit_name(e), c->packets,
			d->packets, c->bytes, d->bytes);
	}
	HOLDS(in, exit != WEIR_EXIT_COUNT, "it left by no exit");
	HOLDS(in, sum.sent == (row->opts.hook != WEIR_HOOK_xdp && exit_kind(exit) == WEIR_KIND_OUT),
		"%llu sent", sum.sent);
	HOLDS(in, !(sum.lost | sum.tx_packets), "told by what nobody called");
	return exit;
}

/* Where the IP header is, behind tags; 0 where there are too many of them. */
static __u32 l3_of(const struct frame *f)
{
	__u32 at = AT_ETH_TYPE, tags;

	for (tags = 0; tags <= TAGS_MAX && at + 2 <= f->len; tags++, at += 4) {
		unsigned int type = get16(f, at);

		if (type != 0x8100 && type != 0x88a8)
			return type == 0x0800 ? at + 2 : 0;
	}
	return 0;
}

/* The frame without its tags. */
static void untag(struct frame *to, const struct frame *f, __u32 l3)
{
	memcpy(to->data, f->data, AT_ETH_TYPE);
	memcpy(to->data + AT_ETH_TYPE, f->data + l3 - 2, f->len - l3 + 2);
	to->len = f->len - (l3 - AT_IP_START);
}

/* Of a local sender on a virtual device, who puts headers into the first buffer. */
static bool is_open(const struct frame *f, unsigned int at, __u32 tags_len)
{
	if (row->opts.hook != WEIR_HOOK_xdp || row->opts.physical || row->opts.generic ||
		get16(f, AT_IP_FRAG) & 0x3fff)
		return false;
	if (prog.linear && at + 2 + tags_len > prog.linear)
		return false;
	return get16(f, at) == frame_pseudo(f);
}

/* What a router makes of @in, which came with @tags_len more bytes, but for addresses. */
static void expect_out(struct frame *want, const struct frame *in, __u32 tags_len)
{
	unsigned int proto = in->data[AT_IP_PROTO], len = get16(in, AT_IP_LEN) - 20U;

	*want = *in;
	if ((proto == PROTO_UDP && len >= 8 && get16(in, AT_L4 + 4) == len &&
		    is_open(in, AT_UDP_CHECK, tags_len)) ||
		(proto == PROTO_TCP && len >= 20 && is_open(in, AT_TCP_CHECK, tags_len)))
		frame_seal(want);
	put8(want, AT_IP_TTL, in->data[AT_IP_TTL] - 1U);
}

static void check_out(const struct frame *in, const struct ran *ran)
{
	static struct frame was, out, want;
	__u32 l3 = l3_of(in), out_l3 = l3_of(&ran->out), i;

	HOLDS(in, l3 && out_l3 && in->len >= l3 + 20 && ran->out.len >= out_l3 + 20,
		"redirected, and no IP packet");
	untag(&was, in, l3);
	untag(&out, &ran->out, out_l3);
	HOLDS(in,
		was.data[AT_IP_START] == 0x45 && was.data[AT_IP_TTL] > 1 &&
			sum16(was.data + AT_IP_START, 20, 0) == 0xffff,
		"redirected, and not to be forwarded");
	HOLDS(in, sum16(out.data + AT_IP_START, 20, 0) == 0xffff,
		"a wrong header checksum goes out");
	HOLDS(in, out.data[AT_ETH_SRC] == 2 && out.data[10] < PORT_COUNT && out.data[11] == 0xfe,
		"sent from an address that is none of ours");
	expect_out(&want, &was, l3 - AT_IP_START);
	memcpy(want.data, out.data, AT_ETH_TYPE);
	memcpy(want.data + AT_IP_CHECK, out.data + AT_IP_CHECK, 2);
	HOLDS(in, out.len == want.len, "%u bytes go out", out.len);
	for (i = 0; i < out.len; i++)
		HOLDS(in, out.data[i] == want.data[i], "byte %u goes out as %02x, not %02x", i,
			out.data[i], want.data[i]);
}

static void check_verdict(
	const struct frame *in, const struct ran *ran, enum weir_exit exit, bool dropped)
{
	enum weir_kind kind = exit_kind(exit);
	bool flies = kind == WEIR_KIND_OUT && row->opts.hook == WEIR_HOOK_xdp;
	__u32 want = prog_verdict(&prog, kind, dropped);

	HOLDS(in, kind != WEIR_KIND_LATE && kind != WEIR_KIND_UNDO, "%s is no verdict",
		exit_name(exit));
	HOLDS(in, dropped == (kind == WEIR_KIND_PUNT && row->punt == WEIR_PUNT_DROP), "%s%s",
		exit_name(exit), dropped ? " is dropped" : " is not dropped");
	HOLDS(in, ran->verdict == want, "%s: verdict %u, not %u", exit_name(exit), ran->verdict,
		want);
	HOLDS(in, ran->inflight == flies, "%s: %u in flight", exit_name(exit), ran->inflight);
}

static void keep(const struct frame *in, enum weir_exit exit)
{
	static __u32 kept[WEIR_EXIT_COUNT];
	const char *dir = getenv("FUZZ_KEEP");
	char path[256];
	FILE *file;

	if (!dir || (kept[exit] && kept[exit] <= in->len))
		return;
	kept[exit] = in->len;
	snprintf(path, sizeof(path), "%s/%s", dir, exit_name(exit));
	for (char *p = path + strlen(dir) + 1; *p; p++)
		if (*p == '/')
			*p = '-';
	file = fopen(path, "we");
	assert_non_null(file);
	fwrite(in->data, 1, in->len, file);
	fclose(file);
}

/* The kernel runs no TC program on a frame of more than a page, nor, newer ones, on an IP packet
 * without a whole header. */
static bool is_refused(const struct frame *in)
{
	unsigned int type = get16(in, AT_ETH_TYPE);

	return row->opts.hook != WEIR_HOOK_xdp &&
	       (in->len > 3500 || (type == 0x0800 && in->len < 34) ||
		       (type == 0x86dd && in->len < 54));
}

static void run_one(const struct frame *in)
{
	static struct ran ran;
	enum weir_exit exit, part;
	bool dropped = false;
	int rc;

	prog_zero(&prog);
	rc = row->run(&prog, in, &ran);
	if (rc == -EINVAL && is_refused(in))
		return;
	HOLDS(in, !rc, "the kernel does not run it: %s", strerror(-rc));
	exit = check_counted(in, &dropped);
	check_verdict(in, &ran, exit, dropped);
	if (exit_kind(exit) == WEIR_KIND_OUT && row->opts.hook != WEIR_HOOK_tc_egress)
		check_out(in, &ran);
	else
		HOLDS(in, ran.out.len == in->len && !memcmp(ran.out.data, in->data, in->len),
			"%s, and it is not what it was", exit_name(exit));
	part = oracle(in, prog.conf->mac, row->opts.hook);
	if (!row->apart && row->opts.hook != WEIR_HOOK_tc_egress)
		HOLDS(in, oracle_part(exit) == part, "%s, and the oracle says %s", exit_name(exit),
			part == ONWARD ? "on" : exit_name(part));
	keep(in, exit);
	reached[exit] = true;
}

/* --- the runs --- */

/* Where the first buffer ends: in the headers, mostly. */
static __u32 first_buffer(const struct frame *f)
{
	__u32 n = 14 + chance_below(chance_below(2) ? 60 : CHANCE_SMALL);

	return n < f->len ? n : f->len;
}

static void run_many(void (*make)(struct frame *f))
{
	static struct frame f;

	for (run_nr = 0; run_nr < runs; run_nr++) {
		if (!(run_nr % 512))
			prog_forget_flows(&prog);
		make(&f);
		if (row->apart)
			prog.linear = first_buffer(&f);
		run_one(&f);
	}
}

static void run_kept(void)
{
	static struct frame f;
	DIR *dir = opendir(CORPUS);
	unsigned int nr = 0;
	struct dirent *e;
	char path[512];
	FILE *file;

	assert_non_null(dir); /* tests run in the folder of the Makefile */
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CORPUS "/%s", e->d_name);
		file = fopen(path, "re");
		assert_non_null(file);
		memset(&f, 0, sizeof(f));
		f.len = (__u32)fread(f.data, 1, sizeof(f.data), file);
		fclose(file);
		run_nr = nr++;
		run_one(&f);
	}
	closedir(dir);
	assert_true(nr > 10);
}

/* Whether this kernel takes a first buffer of the size that is asked for. */
static bool has_buffers(void)
{
	static struct frame f;
	static struct ran ran;
	bool has;

	frame_make(&f, PROTO_UDP, FAR, 100);
	prog.linear = 20;
	has = !row->run(&prog, &f, &ran) && prog_exits(&prog, WEIR_EXIT_ip_rcv_HEADER_APART);
	prog.linear = 0;
	return has;
}

/* Else the frames would be too odd to get far. */
static void check_reached(void)
{
	bool kinds[WEIR_KIND_UNDO + 1] = {false};
	unsigned int e, nr = 0;

	for (e = 0; e < WEIR_EXIT_COUNT; e++) {
		kinds[exit_kind(e)] |= reached[e];
		nr += reached[e];
	}
	print_message("# %s: %u exits\n", row->name, nr);
	if (row->opts.hook == WEIR_HOOK_tc_egress)
		return; /* it stops nothing: one exit */
	assert_true(row->opts.fib_refuses || kinds[WEIR_KIND_OUT]);
	assert_true(kinds[WEIR_KIND_PASS] && kinds[WEIR_KIND_PUNT] && kinds[WEIR_KIND_DROP]);
	assert_in_range(nr, row->opts.fib_refuses ? 12 : 20, WEIR_EXIT_COUNT);
}

static void any_frame(void **state)
{
	static const char own[] = ROUTER;

	row = *state;
	memset(reached, 0, sizeof(reached));
	first_seed = chance_number("FUZZ_SEED", 20260607);
	chance_seed(first_seed);
	runs = chance_number("FUZZ_RUNS", RUNS);
	prog_load(&prog, &row->opts);
	prog_reset(&prog);
	prog_local(&prog, own, true);
	prog.conf->punt = (__u8)row->punt;
	prog.ctl->sample_every = row->timed;
	if (row->apart && !has_buffers()) {
		prog_unload(&prog);
		skip_because("this kernel gives no first buffer of a size asked for (Linux 6.18)");
	}
	run_kept();
	run_many(chance_random);
	run_many(chance_mutated);
	run_many(chance_valid);
	check_reached();
	prog_unload(&prog);
}

static int up(void **state)
{
	(void)state;
	return net_up();
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(programs)];

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		tests[i] = (struct CMUnitTest){.name = programs[i].name,
			.test_func = any_frame,
			.teardown_func = prog_down,
			.initial_state = (void *)&programs[i]};
	return net_allowed() ? cmocka_run_group_tests_name("fuzz", tests, up, NULL) : 0;
}
