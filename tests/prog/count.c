// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The program's counters, and what they must say. */
#include <string.h>

#include "model/tables.h"
#include "prog.h"

static const struct {
	const char *name;
	enum weir_kind kind;
} exits[WEIR_EXIT_COUNT] = {
#define EXIT(stage, kind, cause) {#stage "/" #cause, WEIR_KIND_##kind},
	WEIR_EXITS(EXIT)
#undef EXIT
};

enum weir_kind exit_kind(enum weir_exit exit)
{
	return exits[exit].kind;
}

enum weir_exit exit_at(enum weir_hook hook, enum weir_exit exit)
{
	enum weir_exit e;

	if (hook == WEIR_HOOK_xdp || weir_exit_info[exit].stage != WEIR_STAGE_xdp)
		return exit;
	for (e = 0; e < WEIR_EXIT_COUNT; e++)
		if (weir_exit_info[e].stage == WEIR_STAGE_tc_ingress &&
			weir_exit_info[e].cause == weir_exit_info[exit].cause)
			break;
	return e;
}

const char *exit_name(enum weir_exit exit)
{
	return exits[exit].name;
}

static void add(struct weir_count *to, const struct weir_count *c)
{
	to->packets += c->packets;
	to->bytes += c->bytes;
}

void prog_sum(const struct prog *p, struct weir_row *sum)
{
	__u32 i, e;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < p->nr_rows; i++) {
		const struct weir_row *r = &p->rows[i];

		add(&sum->in, &r->in);
		for (e = 0; e < WEIR_EXIT_COUNT; e++) {
			add(&sum->exit[e], &r->exit[e]);
			add(&sum->punt_drop[e], &r->punt_drop[e]);
		}
		sum->sent += r->sent;
		sum->lost += r->lost;
		sum->tx_packets += r->tx_packets;
		sum->neigh_full += r->neigh_full;
		sum->flow_full += r->flow_full;
		sum->gso_frames += r->gso_frames;
		sum->gso_segs += r->gso_segs;
	}
}

__u64 prog_exits(const struct prog *p, enum weir_exit exit)
{
	struct weir_row sum;

	prog_sum(p, &sum);
	return sum.exit[exit].packets;
}

void prog_zero(struct prog *p)
{
	const size_t label = offsetof(struct weir_row, in);
	__u32 i;

	for (i = 0; i < p->nr_rows; i++)
		memset((char *)&p->rows[i] + label, 0, sizeof(p->rows[i]) - label);
}

enum weir_exit prog_exit(struct prog *p, const struct frame *in, struct ran *ran)
{
	enum weir_exit found = WEIR_EXIT_COUNT;
	struct weir_row sum;
	__u64 packets = 0;
	__u32 e;

	prog_zero(p);
	prog_run(p, in, ran);
	prog_sum(p, &sum);
	for (e = 0; e < WEIR_EXIT_COUNT; e++) {
		__u64 n = sum.exit[e].packets + sum.punt_drop[e].packets;

		packets += n;
		if (n)
			found = e;
	}
	assert_int_equal(sum.in.packets, 1);
	assert_int_equal(packets, 1);
	return found;
}

static void assert_count(
	const struct weir_count *c, bool hit, __u64 bytes, const char *what, const char *name)
{
	__u64 packets = hit ? 1 : 0;

	if (c->packets != packets || c->bytes != packets * bytes)
		fail_msg("%s %s: %llu packets of %llu bytes, not %llu of %llu", what, name,
			c->packets, c->bytes, packets, packets * bytes);
}

void assert_only_exit(const struct prog *p, enum weir_exit exit, bool punt_dropped, __u64 bytes)
{
	/* TC's frames are taken as sent until it is told otherwise */
	bool sent = p->hook != WEIR_HOOK_xdp && exits[exit].kind == WEIR_KIND_OUT;
	struct weir_row sum;
	__u32 e;

	prog_sum(p, &sum);
	assert_count(&sum.in, true, bytes, "in", "");
	for (e = 0; e < WEIR_EXIT_COUNT; e++) {
		bool hit = e == (__u32)exit;

		assert_count(&sum.exit[e], hit && !punt_dropped, bytes, "exit", exits[e].name);
		assert_count(
			&sum.punt_drop[e], hit && punt_dropped, bytes, "punt drop", exits[e].name);
	}
	assert_int_equal(sum.sent, sent);
	/* the tracepoints' and the reader's, which nothing here has called; and no table was full,
	 * unless each port has a route of its own */
	assert_int_equal(sum.lost + sum.tx_packets + sum.neigh_full, 0);
	assert_int_equal(sum.flow_full, 0);
	assert_int_equal(sum.gso_frames, p->gso_size ? 1 : 0);
	assert_int_equal(sum.gso_segs, p->gso_size ? p->gso_segs : 0);
}

static struct way seen(const struct frame *in, enum weir_exit exit, const struct ran *ran)
{
	bool out = exit_kind(exit) == WEIR_KIND_OUT;
	static struct frame want;
	struct way w = {.exit = exit, .hop = out ? get16(&ran->out, 4) : 0};

	if (out) {
		assert_in_range(ran->out.data[10], 0, PORT_COUNT - 1); /* in the sender's MAC */
		frame_forwarded(&want, in, ran->out.data[10]);
		put16(&want, 4, w.hop);
	}
	assert_frame(&ran->out, out ? &want : in, exit_name(exit), 0);
	return w;
}

struct way prog_way(struct prog *p, const struct frame *in)
{
	static struct ran ran;
	enum weir_exit exit = prog_exit(p, in, &ran);

	return seen(in, exit, &ran);
}

struct way prog_way_at(struct prog *p, const struct frame *in, __u32 age)
{
	static struct ran ran;
	enum weir_exit exit = prog_exit_at(p, in, &ran, age);

	return seen(in, exit, &ran);
}

bool same_way(struct way a, struct way b)
{
	return a.exit == b.exit && a.hop == b.hop;
}

void assert_same_way(struct way got, struct way want, const char *what)
{
	if (!same_way(got, want))
		fail_msg("%s: %s to %04x, not %s to %04x", what, exit_name(got.exit), got.hop,
			exit_name(want.exit), want.hop);
}

void assert_way(struct prog *p, const struct frame *in, enum weir_exit exit, enum port port)
{
	enum weir_kind kind = exit_kind(exit);
	bool punt_drop = kind == WEIR_KIND_PUNT && p->conf->punt == WEIR_PUNT_DROP;
	static struct frame want;
	static struct ran ran;

	prog_run(p, in, &ran);
	assert_only_exit(p, exit, punt_drop, in->len);
	assert_int_equal(ran.verdict, prog_verdict(p, kind, punt_drop));
	assert_int_equal(ran.inflight, kind == WEIR_KIND_OUT && p->hook == WEIR_HOOK_xdp);
	/* egress sends on what the kernel has written already */
	if (kind == WEIR_KIND_OUT && p->hook != WEIR_HOOK_tc_egress)
		frame_forwarded(&want, in, port);
	else
		memcpy(&want, in, sizeof(want));
	assert_frame(&ran.out, &want, exits[exit].name, 0);
}
