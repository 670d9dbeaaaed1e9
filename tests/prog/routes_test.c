// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tables of flows and next hops: how long an entry lives, what it spares a packet and what it does not,
 * and what happens where there is no room.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "model/tables.h"
#include "prog.h"

enum { DF = 0x4000 };

/* `prog` has a table like the real one; in `pair` all flows meet in one key's slots for each CPU.
 */
static struct prog prog, pair, first_cpu;

static void flow(struct frame *f, const char *dst)
{
	frame_make(f, PROTO_UDP, dst, 26);
}

static __u64 flow_full(const struct prog *p)
{
	struct weir_row sum;

	prog_sum(p, &sum);
	return sum.flow_full;
}

/* --- an entry's life --- */

static void kept_answer_is_used_for_two_epochs(void **state)
{
	static const __u32 live[] = {0, 1}, stale[] = {2, 3, 100, 1U << 20, -1U};
	static struct frame f;
	size_t i;

	(void)state;
	flow(&f, FAR);
	for (prog.ctl->sample_every = 0; prog.ctl->sample_every < 2; prog.ctl->sample_every++) {
		prog_forget_flows(&prog);
		assert_way_is(&prog, &f, OUT_BY(HOP_MAC));
		assert_int_equal(prog_kept(&prog), 1);
		prog_forge(&prog, &f);
		for (i = 0; i < ARRAY_SIZE(live); i++)
			assert_same_way(prog_way_at(&prog, &f, live[i]), OUT_BY(FORGED), "live");
		for (i = 0; i < ARRAY_SIZE(stale); i++) {
			prog_forge(&prog, &f);
			assert_same_way(prog_way_at(&prog, &f, stale[i]), OUT_BY(HOP_MAC), "stale");
			assert_int_equal(prog_flow(&prog, &f)->epoch, prog_epoch(&prog));
			assert_kept_way(&prog, &f, OUT_BY(HOP_MAC));
		}
		assert_int_equal(prog_kept(&prog), 1);
	}
}

/* Use does not make an answer younger. */
static void use_does_not_prolong(void **state)
{
	static struct frame f;
	__u32 epoch;
	int i;

	(void)state;
	flow(&f, FAR);
	assert_way_is(&prog, &f, OUT_BY(HOP_MAC));
	for (i = 0; i < 10; i++)
		assert_kept_way(&prog, &f, OUT_BY(HOP_MAC));
	assert_same_way(prog_way_at(&prog, &f, 1), OUT_BY(HOP_MAC), "an epoch old");
	epoch = prog_flow(&prog, &f)->epoch;
	assert_int_equal(prog_epoch(&prog) - epoch, 1);
}

static void entry_holds_what_the_fib_said(void **state)
{
	static const struct {
		const char *dst, *hop;
		enum port port;
		__u16 mtu;
	} ways[] = {
		{FAR, HOP, PORT_OUT, 16000},
		{SMALL_HOP, SMALL_HOP, PORT_SMALL, SMALL_MTU},
		{HOST, HOST, PORT_IN, 1500},
		{BARE_HOP, BARE_HOP, PORT_BARE, 1500},
	};
	static struct frame f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		struct weir_flow want = {.mtu = ways[i].mtu,
			.iif = net_ifindex(PORT_IN),
			.proto_tos = 0x24 << 8};
		struct weir_hop hop = {.oif = net_ifindex(ways[i].port),
			.dev = net_ifindex(ways[i].port),
			.reachable_ms = 3600 * 1000};
		const struct weir_flow *r;

		flow(&f, ways[i].dst);
		put8(&f, AT_IP_TOS, 0x24);
		frame_seal(&f);
		memcpy(&want.saddr, f.data + AT_IP_SRC, 4);
		memcpy(&want.daddr, f.data + AT_IP_DST, 4);
		assert_int_equal(inet_pton(AF_INET, ways[i].hop, &hop.nexthop), 1);
		net_hop_mac(ways[i].port, (__u8 *)&hop.macs[0]);
		net_mac(ways[i].port, (__u8 *)&hop.macs[3]);
		prog_exit(&prog, &f, &(struct ran){0});
		r = prog_flow(&prog, &f);
		assert_non_null(r);
		hop.epoch = want.epoch = want.asked = prog_epoch(&prog);
		want.world = prog_cursor(&prog)->world;
		hop.serial = want.hop_serial = (__u16)(i + 1);
		want.slot = WEIR_FLOW_NEW;
		want.session = WEIR_FLOW_UNTRACKED;
		want.hop = r->hop;
		assert_memory_equal(r, &want, sizeof(want));
		assert_memory_equal(prog_hop(&prog, r), &hop, sizeof(hop));
	}
}

/* A flow's answer is good for longer while any flow's question confirms its next hop. */
static void confirmed_hop_renews_its_flows(void **state)
{
	static struct frame f, other;
	struct weir_flow *r;

	(void)state;
	flow(&f, FAR);
	flow(&other, HOP);
	assert_way_is(&prog, &f, OUT_BY(HOP_MAC));
	assert_kept_way(&prog, &f, OUT_BY(HOP_MAC));
	prog_forge(&prog, &f);
	r = prog_flow(&prog, &f);
	r->epoch -= 3; /* while the hop is of now */
	assert_way_is(&prog, &f, OUT_BY(FORGED));
	assert_int_equal(r->epoch, prog_hop(&prog, r)->epoch);

	r->epoch -= 3;
	r->asked -= WEIR_FLOW_EPOCHS; /* but its own path is due */
	assert_way_is(&prog, &f, OUT_BY(HOP_MAC));
	assert_int_equal(r->asked, prog_epoch(&prog));

	prog_forge(&prog, &f);
	r->epoch -= 3;
	prog_hop(&prog, r)->serial++; /* the entry is another next hop's now */
	assert_way_is(&prog, &f, OUT_BY(HOP_MAC));

	r->epoch -= 3; /* another flow has asked, and found a new address */
	prog_hop(&prog, r)->epoch -= 3;
	prog_hop(&prog, r)->macs[2] = 0;
	assert_way_is(&prog, &other, OUT_BY(HOP_MAC));
	assert_kept_way(&prog, &f, OUT_BY(HOP_MAC));
}

/* What user space changes counts from the next packet on. */
static void moved_world_is_asked_at_once(void **state)
{
	static struct frame f;

	(void)state;
	flow(&f, FAR);
	assert_way_is(&prog, &f, OUT_BY(HOP_MAC));
	prog_forge(&prog, &f);
	assert_kept_way(&prog, &f, OUT_BY(FORGED));
	prog.ctl->generation++;
	assert_kept_way(&prog, &f, OUT_BY(HOP_MAC));
	assert_int_equal(prog_kept(&prog), 1);
}

/* The program's epoch is the coarse clock's, a tick late at most (the clock's own tick is later
 * than that of jiffies by some code). 20 ms are two ticks of the slowest kernel. */
static void epoch_follows_the_clock(void **state)
{
	__u32 first = clock_epoch(0), early;
	static struct frame f;

	(void)state;
	flow(&f, FAR);
	while (clock_epoch(0) - first < 4) {
		early = clock_epoch(20);
		assert_way_is(&prog, &f, OUT_BY(HOP_MAC));
		assert_in_range(prog_epoch(&prog), early, clock_epoch(0));
	}
}

/* --- what is asked of each packet, kept route or not --- */

static void kept_route_still_looks_at_the_packet(void **state)
{
	static struct frame f, small;

	(void)state;
	flow(&small, SMALL_HOP);
	assert_way_is(&prog, &small, OUT_BY(SMALL_HOP_MAC));
	f = small;
	put8(&f, AT_IP_TTL, 1);
	frame_seal(&f);
	assert_kept_way(&prog, &f, LEFT(ip_forward, IP_TTL));
	frame_make(&f, PROTO_UDP, SMALL_HOP, SMALL_MTU - 20);
	assert_kept_way(&prog, &f, OUT_BY(SMALL_HOP_MAC));
	frame_make(&f, PROTO_UDP, SMALL_HOP, SMALL_MTU - 19);
	assert_kept_way(&prog, &f, LEFT(ip_forward, IP_FRAGMENT));
	put16(&f, AT_IP_FRAG, DF);
	frame_seal(&f);
	assert_kept_way(&prog, &f, LEFT(ip_forward, PKT_TOO_BIG));
	frame_make(&f, PROTO_IPIP, SMALL_HOP, 40);
	assert_kept_way(&prog, &f, LEFT(xmit, CSUM_UNKNOWN));
	assert_kept_way(&prog, &small, OUT_BY(SMALL_HOP_MAC));
	assert_int_equal(prog_kept(&prog), 1);
	flow(&f, BARE_HOP);
	assert_way_is(&prog, &f, LEFT(xmit, EGRESS_NOT_ATTACHED));
	assert_kept_way(&prog, &f, LEFT(xmit, EGRESS_NOT_ATTACHED));
}

/* The packet that asks may be one that does not go out. */
static void whoever_asks_the_route_is_kept(void **state)
{
	static struct frame f;

	(void)state;
	flow(&f, FAR);
	put8(&f, AT_IP_TTL, 1);
	frame_seal(&f);
	assert_way_is(&prog, &f, LEFT(ip_forward, IP_TTL));
	put8(&f, AT_IP_TTL, 64);
	frame_seal(&f);
	prog_forge(&prog, &f);
	assert_kept_way(&prog, &f, OUT_BY(FORGED));
}

/* A kept route crosses the same stages as one that is asked for. */
static void stages_are_the_same(void **state)
{
	static struct frame f;
	__u32 samples;
	enum weir_fast_stage s;

	(void)state;
	prog.ctl->sample_every = 1;
	flow(&f, FAR);
	assert_way_is(&prog, &f, OUT_BY(HOP_MAC));
	prog_reset(&prog);
	prog.ctl->sample_every = 1;
	for (samples = 1; samples <= 3; samples++) {
		assert_way_is(&prog, &f, OUT_BY(HOP_MAC));
		for (s = WEIR_FAST_xdp; s <= WEIR_FAST_neigh; s++)
			if (weir_hook_crosses(WEIR_HOOK_xdp, s) &&
				prog.lat[prog_cpu()].stage[s].samples != samples)
				fail_msg("packet %u: stage %u has %llu samples", samples, s,
					prog.lat[prog_cpu()].stage[s].samples);
	}
}

/* --- room --- */

/* Flows spread over the table by each part of their addresses and ports, and by two at once, as
 * between two subnets. A key has four slots, so few of 300 are left over. */
static void flows_spread(void **state)
{
	static const struct {
		const char *by;
		unsigned int at, step, at2, step2;
	} ways[] = {
		{"source net", AT_IP_SRC, 1, 0, 0},
		{"source host", AT_IP_SRC + 2, 1, 0, 0},
		{"source third byte", AT_IP_SRC + 1, 1, 0, 0},
		{"destination net", AT_IP_DST, 1, 0, 0},
		{"destination host", AT_IP_DST + 2, 1, 0, 0},
		{"destination in steps", AT_IP_DST + 2, 64, 0, 0},
		{"hosts of both", AT_IP_SRC + 2, 1, AT_IP_DST + 2, 1},
		{"hosts of both in steps", AT_IP_SRC + 2, 16, AT_IP_DST + 2, 16},
		{"nets of both", AT_IP_SRC, 1, AT_IP_DST, 1},
		{"source port", AT_L4, 1, 0, 0},
		{"destination port", AT_L4_DPORT, 1, 0, 0},
		{"both ports", AT_L4, 1, AT_L4_DPORT, 1},
		{"source host and port", AT_IP_SRC + 2, 1, AT_L4, 1},
	};
	static struct frame f;
	unsigned int n, one;
	size_t i;

	(void)state;
	assert_int_equal(net_ip("route add 198.0.0.0/7 via " HOP), 0);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (ways[i].at == AT_L4)
			prog_hash_ports(&prog, true);
		prog_forget_flows(&prog);
		for (n = 0; n < 300; n++) {
			one = ways[i].at2 ? n % 17 : n;
			flow(&f, "198.22.0.0");
			put_addr(&f, AT_IP_SRC, "192.88.0.0");
			put16(&f, AT_L4_DPORT, 10000); /* no tunnel is near */
			put16(&f, ways[i].at, get16(&f, ways[i].at) + one * ways[i].step);
			if (ways[i].at2)
				put16(&f, ways[i].at2,
					get16(&f, ways[i].at2) + n / 17 * ways[i].step2);
			frame_seal(&f);
			assert_way_is(&prog, &f, OUT_BY(HOP_MAC));
		}
		if (prog_kept(&prog) < 260) /* 287 are to be expected */
			fail_msg("by %s: %u of 300 flows are kept", ways[i].by, prog_kept(&prog));
	}
	prog_hash_ports(&prog, false);
	assert_int_equal(net_ip("route del 198.0.0.0/7"), 0);
}

/* As many flows as a key has slots, all by HOP, and one more by SMALL_HOP. */
static void flows_for_all_slots(struct frame f[WEIR_FLOW_WAYS + 1])
{
	char addr[16];
	int i;

	for (i = 0; i < WEIR_FLOW_WAYS; i++) {
		snprintf(addr, sizeof(addr), "198.18.1.%d", 9 + i);
		flow(&f[i], addr);
	}
	flow(&f[WEIR_FLOW_WAYS], SMALL_HOP);
}

static void one_flow_too_many_is_asked_for_each_time(void **state)
{
	static struct frame f[WEIR_FLOW_WAYS + 1], other;
	struct weir_flow before[WEIR_FLOW_WAYS], *slots;
	int i;

	(void)state;
	flows_for_all_slots(f);
	flow(&other, BARE_HOP);
	for (pair.ctl->sample_every = 0; pair.ctl->sample_every < 2; pair.ctl->sample_every++) {
		prog_forget_flows(&pair);
		for (i = 0; i < WEIR_FLOW_WAYS; i++) {
			assert_kept_way(&pair, &f[i], OUT_BY(HOP_MAC));
			assert_int_equal(flow_full(&pair), 0);
			prog_forge(&pair, &f[i]);
		}
		slots = pair.flows + prog_cpu() * WEIR_FLOW_WAYS;
		memcpy(before, slots, sizeof(before));
		for (i = 0; i < 2 * WEIR_FLOW_WAYS; i++) {
			assert_kept_way(&pair, &f[WEIR_FLOW_WAYS], OUT_BY(SMALL_HOP_MAC));
			assert_int_equal(flow_full(&pair), 1);
			assert_kept_way(&pair, &other, LEFT(xmit, EGRESS_NOT_ATTACHED));
			assert_int_equal(flow_full(&pair), 1);
			assert_kept_way(&pair, &f[i % WEIR_FLOW_WAYS], OUT_BY(FORGED));
			assert_int_equal(flow_full(&pair), 0);
		}
		for (i = 0; i < WEIR_FLOW_WAYS; i++)
			before[i].epoch = before[i].asked = slots[i].epoch;
		assert_memory_equal(before, slots, sizeof(before));
	}
}

static void stale_slot_is_taken(void **state)
{
	static struct frame f[WEIR_FLOW_WAYS + 1];
	struct frame *more = &f[WEIR_FLOW_WAYS];
	int stale, first, i;

	(void)state;
	flows_for_all_slots(f);
	for (first = 0; first < WEIR_FLOW_WAYS; first++) {
		for (stale = 0; stale < WEIR_FLOW_WAYS; stale++) {
			prog_forget_flows(&pair);
			for (i = 0; i < WEIR_FLOW_WAYS; i++)
				assert_kept_way(
					&pair, &f[(first + i) % WEIR_FLOW_WAYS], OUT_BY(HOP_MAC));
			prog_flow_age(prog_flow(&pair, &f[stale]));
			prog_forge(&pair, &f[!stale]);
			assert_kept_way(&pair, more, OUT_BY(SMALL_HOP_MAC));
			assert_int_equal(flow_full(&pair), 0);
			assert_null(prog_flow(&pair, &f[stale]));
			assert_kept_way(&pair, more, OUT_BY(SMALL_HOP_MAC));
			assert_kept_way(&pair, &f[!stale], OUT_BY(FORGED));
			assert_kept_way(&pair, &f[stale], OUT_BY(HOP_MAC));
			assert_int_equal(flow_full(&pair), 1);
		}
	}
}

/* A flow whose own entry is stale has it filled again, though the other slot is free. */
static void a_flow_has_one_entry(void **state)
{
	static struct frame f;
	int i;

	(void)state;
	flow(&f, FAR);
	for (i = 0; i < 10; i++) {
		assert_way_is(&pair, &f, OUT_BY(HOP_MAC));
		prog_flow_age(prog_flow(&pair, &f));
	}
	assert_int_equal(prog_kept(&pair), 1);
}

static void no_cpu_uses_anothers(void **state)
{
	static struct frame f;
	struct weir_flow *mine;
	struct way there, here, again;
	__u32 kept;

	(void)state;
	flow(&f, FAR);
	assert_way_is(&pair, &f, OUT_BY(HOP_MAC));
	mine = prog_flow(&pair, &f);
	prog_forge(&pair, &f);
	if (!prog_on_cpu(1))
		skip_because("one CPU only");
	there = prog_way_at(&pair, &f, 0);
	kept = prog_kept(&pair);
	prog_on_cpu(0);
	here = prog_way_at(&pair, &f, 0);
	prog_flow_age(mine);
	again = prog_way_at(&pair, &f, 0);
	assert_same_way(there, OUT_BY(HOP_MAC), "on the other CPU");
	assert_int_equal(kept, 1);
	assert_same_way(here, OUT_BY(FORGED), "on the first");
	assert_same_way(again, OUT_BY(HOP_MAC), "once it is stale");
}

/* All flows of one CPU leave the other's part alone, and the parts do not overlap. */
static void each_cpu_has_a_part(void **state)
{
	static struct frame f;
	__u32 kept[2], cpu, n, all = 0, i;

	(void)state;
	for (cpu = 0; cpu < 2; cpu++) {
		if (!prog_on_cpu(cpu)) {
			prog_on_cpu(0);
			skip_because("one CPU only");
		}
		for (n = 0; n < 300; n++) {
			flow(&f, FAR);
			put16(&f, AT_IP_SRC, 0xc612 + n);
			frame_seal(&f);
			prog_way(&prog, &f);
		}
		kept[cpu] = prog_kept(&prog);
	}
	prog_on_cpu(0);
	assert_int_equal(prog_kept(&prog), kept[0]);
	for (i = 0; i < 2; i++) /* a slow machine's first entries are stale when its last come */
		assert_in_range(kept[i], 200, 300);
	for (i = 0; i < prog.nr_flows; i++)
		all += prog.flows[i].epoch != 0;
	assert_int_equal(all, kept[0] + kept[1]);
}

/* A table for fewer CPUs than there are is no room, and nothing worse. */
static void table_without_this_cpu(void **state)
{
	static struct frame f;
	struct way first, second;
	__u64 full;
	unsigned int nr;
	bool outside = false;

	(void)state;
	flow(&f, SMALL_HOP);
	for (nr = 0; !outside && prog_on_cpu(nr); nr++)
		outside = prog_cpu() > 0;
	if (!outside) {
		prog_on_cpu(0);
		skip_because("one CPU only");
	}
	first = prog_way(&first_cpu, &f);
	second = prog_way(&first_cpu, &f);
	full = flow_full(&first_cpu);
	prog_on_cpu(0);
	assert_same_way(first, OUT_BY(SMALL_HOP_MAC), "first");
	assert_same_way(second, OUT_BY(SMALL_HOP_MAC), "second");
	assert_int_equal(full, 1);
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&prog, &(struct prog_opts){0});
	prog_load(&pair, &(struct prog_opts){.one_pair = true});
	prog_load(&first_cpu, &(struct prog_opts){.small_flows = true});
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, prog_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kept_answer_is_used_for_two_epochs),
		TEST(use_does_not_prolong),
		TEST(entry_holds_what_the_fib_said),
		TEST(confirmed_hop_renews_its_flows),
		TEST(moved_world_is_asked_at_once),
		TEST(epoch_follows_the_clock),
		TEST(kept_route_still_looks_at_the_packet),
		TEST(whoever_asks_the_route_is_kept),
		TEST(stages_are_the_same),
		TEST(flows_spread),
		TEST(one_flow_too_many_is_asked_for_each_time),
		TEST(stale_slot_is_taken),
		TEST(a_flow_has_one_entry),
		TEST(no_cpu_uses_anothers),
		TEST(each_cpu_has_a_part),
		TEST(table_without_this_cpu),
	};

	return net_allowed() ? cmocka_run_group_tests_name("routes", tests, up, prog_down) : 0;
}
