// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sampled latencies: how many, in which stages, and that their parts agree. No time is asserted. */
#include "model/latency.h"
#include "prog.h"

/* The stages that the program itself times, in the packet's order; the hand-off to the driver is
 * told by a tracepoint. */
static const enum weir_fast_stage crossed[] = {WEIR_FAST_xdp, WEIR_FAST_ip_rcv,
	WEIR_FAST_nf_prerouting, WEIR_FAST_route_in, WEIR_FAST_ip_forward, WEIR_FAST_nf_forward,
	WEIR_FAST_nf_postrouting, WEIR_FAST_neigh, WEIR_FAST_xmit};

static struct prog prog;

static void go(const char *dst, unsigned int packets)
{
	static struct frame f;
	static struct ran ran;

	frame_make(&f, PROTO_UDP, dst, 26);
	while (packets--)
		prog_run(&prog, &f, &ran);
}

static const struct weir_lat *lat(__u32 queue)
{
	return &prog.lat[prog_cpu() * prog.queues + queue];
}

/* @samples in each stage up to @last, none in the others. */
static void assert_samples(__u32 queue, enum weir_fast_stage last, __u64 samples)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(crossed); i++)
		if (lat(queue)->stage[crossed[i]].samples != (crossed[i] <= last ? samples : 0))
			fail_msg("stage %u: %llu samples", crossed[i],
				lat(queue)->stage[crossed[i]].samples);
	assert_int_equal(lat(queue)->stage[WEIR_FAST_nic_rx].samples, 0);
}

static void without_sampling_nothing_is_timed(void **state)
{
	(void)state;
	go(FAR, 1000);
	go(BLACK, 1000);
	assert_samples(0, WEIR_FAST_nic_rx, 0);
}

static void one_packet_in_n_is_timed(void **state)
{
	static const __u32 every[] = {1, 2, 3, 7, 100, 128};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(every); i++) {
		prog_reset(&prog);
		prog.ctl->sample_every = every[i];
		go(FAR, every[i] - 1);
		assert_samples(0, WEIR_FAST_nic_rx, 0);
		go(FAR, 1);
		assert_samples(0, WEIR_FAST_neigh, 1);
		go(FAR, every[i] * 9);
		assert_samples(0, WEIR_FAST_neigh, 10);
	}
}

/* A packet is timed up to the stage where it leaves, and there too. */
static void stages_behind_the_exit_are_not_timed(void **state)
{
	static const struct {
		const char *dst;
		enum weir_fast_stage last;
	} ways[] = {
		{"224.0.0.1", WEIR_FAST_ip_rcv},
		{BLACK, WEIR_FAST_route_in},
		{UNREACHED, WEIR_FAST_route_in},
		{ROUTER, WEIR_FAST_route_in},
		{HOP_LOST, WEIR_FAST_neigh},
		{BARE_HOP, WEIR_FAST_xmit},
		{FAR, WEIR_FAST_neigh},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		prog_reset(&prog);
		prog.ctl->sample_every = 1;
		go(ways[i].dst, 5);
		assert_samples(0, ways[i].last, 5);
	}
}

static void a_first_stage_exit_is_timed_alone(void **state)
{
	static struct frame f;
	static struct ran ran;

	(void)state;
	prog.ctl->sample_every = 1;
	frame_make(&f, PROTO_UDP, FAR, 26);
	put16(&f, AT_ETH_TYPE, 0x0806);
	prog_run(&prog, &f, &ran);
	assert_samples(0, WEIR_FAST_xdp, 1);
}

static void queues_have_histograms_of_their_own(void **state)
{
	(void)state;
	prog.ctl->sample_every = 1;
	go(FAR, 3);
	prog.queue = 1;
	go(BLACK, 4);
	prog.queue = 3; /* beyond: the last */
	go(BLACK, 5);
	assert_samples(0, WEIR_FAST_neigh, 3);
	assert_samples(1, WEIR_FAST_route_in, 9);
}

/* One packet in N of each queue, however the queues take turns. */
static void queues_are_sampled_each_by_itself(void **state)
{
	unsigned int i;

	(void)state;
	prog.ctl->sample_every = 10;
	for (i = 0; i < 60; i++) {
		prog.queue = i % 2;
		go(FAR, 1);
	}
	assert_samples(0, WEIR_FAST_neigh, 3);
	assert_samples(1, WEIR_FAST_neigh, 3);
}

/* Samples, buckets, maximum and quantiles tell one story. */
static void parts_agree(void **state)
{
	size_t i;

	(void)state;
	prog.ctl->sample_every = 2;
	go(FAR, 20000);
	for (i = 0; i < ARRAY_SIZE(crossed) - 1; i++) {
		const struct weir_lat_stage *s = &lat(0)->stage[crossed[i]];
		__u64 sum = 0;
		__u32 b, top = 0;
		struct weir_quantiles q;

		for (b = 0; b < WEIR_HIST_BUCKETS; b++) {
			sum += s->bucket[b];
			if (s->bucket[b])
				top = b;
		}
		assert_int_equal(s->samples, 10000);
		assert_int_equal(sum, s->samples);
		assert_int_equal(weir_hist_bucket(s->max_ns), top);
		weir_quantiles_of(s, &q);
		assert_int_equal(q.samples, 10000);
		assert_true(q.p50_ns <= q.p90_ns && q.p90_ns <= q.p99_ns && q.p99_ns <= q.max_ns);
		assert_int_equal(q.max_ns, s->max_ns);
	}
	/* the route lookup and the confirmation do work: they cannot take no time at all */
	assert_true(lat(0)->route_in.max_ns > 0);
}

/* A frame that goes out carries its time to the tracepoint; one that does not, carries none. */
static void timed_frames_tell_the_tracepoint(void **state)
{
	struct weir_cursor *c = prog_cursor(&prog);

	(void)state;
	go(FAR, 1);
	assert_int_equal(c->timed, 0);
	prog.ctl->sample_every = 1;
	go(BLACK, 1);
	assert_int_equal(c->timed, 0);
	go(FAR, 1);
	assert_int_equal(c->timed, 1);
	assert_int_equal(c->verdict_ns, c->left_ns);
	assert_true(c->verdict_ns != 0);
}

/* Timing changes nothing but time. */
static void timed_packets_go_the_same_way(void **state)
{
	static struct frame f;

	(void)state;
	prog.ctl->sample_every = 1;
	frame_make(&f, PROTO_UDP, FAR, 26);
	assert_way(&prog, &f, WEIR_EXIT_xmit_NONE, PORT_OUT);
	prog_zero(&prog);
	frame_make(&f, PROTO_UDP, BLACK, 26);
	assert_way(&prog, &f, WEIR_EXIT_route_in_BLACKHOLE, PORT_OUT);
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&prog, &(struct prog_opts){.queues = 2});
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, prog_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_sampling_nothing_is_timed),
		TEST(one_packet_in_n_is_timed),
		TEST(stages_behind_the_exit_are_not_timed),
		TEST(a_first_stage_exit_is_timed_alone),
		TEST(queues_have_histograms_of_their_own),
		TEST(queues_are_sampled_each_by_itself),
		TEST(parts_agree),
		TEST(timed_frames_tell_the_tracepoint),
		TEST(timed_packets_go_the_same_way),
	};

	return net_allowed() ? cmocka_run_group_tests_name("latency", tests, up, prog_down) : 0;
}
