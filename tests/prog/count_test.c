// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which row a packet counts in: CPU, queue, bank; and how a CPU follows a reader's cut. */
#include <linux/bpf.h>

#include "prog.h"

#define X(stage, cause) WEIR_EXIT_##stage##_##cause

static struct prog one, two; /* so many queues are told apart */

static struct weir_row *row(struct prog *p, __u32 queue, __u32 bank)
{
	return &p->rows[(prog_cpu() * p->queues + queue) * 2 + bank];
}

static struct weir_cursor *cursor(struct prog *p)
{
	return prog_cursor(p);
}

/* Returns how many frames are in flight then. */
static __u32 go(struct prog *p, const char *dst)
{
	static struct frame f;
	static struct ran ran;

	frame_make(&f, PROTO_UDP, dst, 26);
	prog_run(p, &f, &ran);
	return ran.inflight;
}

/* Frames of several buffers are counted whole. */
static void bytes_of_every_length(void **state)
{
	static const __u32 lens[] = {14, 33, 34, 60, 1514, 3519, 3520, 3521, 4096, 9014, 12000};
	static struct frame f;
	static struct ran ran;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		struct weir_row sum;
		enum weir_exit e;

		frame_make(&f, PROTO_ICMP, FAR, lens[i] < AT_L4 ? 0 : lens[i] - AT_L4);
		f.len = lens[i];
		e = prog_exit(&one, &f, &ran);
		prog_sum(&one, &sum);
		assert_exit(e, lens[i] < AT_L4 ? X(ip_rcv, IP_INHDR) : X(xmit, NONE));
		assert_int_equal(sum.in.bytes, lens[i]);
		assert_int_equal(sum.exit[e].bytes, lens[i]);
	}
}

static void a_queue_has_its_row(void **state)
{
	__u32 q;

	(void)state;
	for (q = 0; q < 2; q++) {
		two.queue = q;
		prog_zero(&two);
		go(&two, FAR);
		assert_int_equal(row(&two, q, 0)->in.packets, 1);
		assert_int_equal(row(&two, q, 0)->exit[X(xmit, NONE)].packets, 1);
		assert_int_equal(cursor(&two)->row, (prog_cpu() * 2 + q) * 2);
	}
}

static void queues_beyond_share_the_last_row(void **state)
{
	__u32 q;

	(void)state;
	for (q = 0; q < IN_QUEUES; q++) {
		one.queue = two.queue = q;
		go(&one, FAR);
		go(&two, BLACK);
	}
	assert_int_equal(row(&one, 0, 0)->in.packets, IN_QUEUES);
	assert_int_equal(row(&two, 0, 0)->in.packets, 1);
	assert_int_equal(row(&two, 1, 0)->in.packets, IN_QUEUES - 1);
	assert_int_equal(row(&two, 1, 0)->route_in_DROP_BLACKHOLE.packets, IN_QUEUES - 1);
}

static void a_cpu_has_its_rows(void **state)
{
	__u32 q;

	(void)state;
	if (!prog_on_cpu(1))
		skip_because("one CPU only");
	for (q = 0; q < 2; q++) {
		two.queue = q;
		go(&two, FAR);
	}
	for (q = 0; q < 2; q++)
		assert_int_equal(row(&two, q, 0)->in.packets, 1);
	assert_int_equal(cursor(&two)->ifindex, net_ifindex(PORT_IN));
	prog_on_cpu(0);
	for (q = 0; q < 2; q++)
		assert_int_equal(row(&two, q, 0)->in.packets, 0);
}

/* Maps too small for the machine: the kernel forwards, and no other row is touched. */
static void without_a_row_the_packet_is_the_kernels(void **state)
{
	static struct prog small;
	static struct frame f;
	static struct ran ran;
	struct weir_row sum;

	(void)state;
	if (!prog_cpu() && !prog_on_cpu(1)) /* the rows there are, are CPU 0's */
		skip_because("one CPU only");
	prog_load(&small, &(struct prog_opts){.small_rows = true});
	frame_make(&f, PROTO_UDP, FAR, 26);
	prog_run(&small, &f, &ran);
	prog_sum(&small, &sum);
	prog_on_cpu(0);
	prog_unload(&small);
	assert_int_equal(ran.verdict, XDP_PASS);
	assert_frame(&ran.out, &f, "passed", 0);
	assert_int_equal(sum.in.packets, 0);
}

/* Whatever comes, the packets in are the packets out, in every row by itself. */
static void in_is_the_sum_of_exits(void **state)
{
	static const char *const to[] = {FAR, BLACK, UNREACHED, PROHIBITED, ROUTER, NO_ROUTE,
		HOP_LOST, BARE_HOP, "224.0.0.1", "127.0.0.1", SMALL_HOP};
	__u64 packets = 0, bytes = 0, in = 0;
	__u32 i, r, e;

	(void)state;
	for (i = 0; i < 3000; i++) {
		two.queue = i % IN_QUEUES;
		two.conf->punt = i / 7 % 2 ? WEIR_PUNT_DROP : WEIR_PUNT_KERNEL;
		two.ctl->seq = i / 100;
		go(&two, to[i % ARRAY_SIZE(to)]);
	}
	for (r = 0; r < two.nr_rows; r++) {
		const struct weir_row *c = &two.rows[r];

		for (packets = bytes = e = 0; e < WEIR_EXIT_COUNT; e++) {
			packets += c->exit[e].packets + c->punt_drop[e].packets;
			bytes += c->exit[e].bytes + c->punt_drop[e].bytes;
		}
		assert_int_equal(packets, c->in.packets);
		assert_int_equal(bytes, c->in.bytes);
		in += c->in.packets;
	}
	assert_int_equal(in, 3000);
	assert_true(row(&two, 0, 0)->in.packets && row(&two, 0, 1)->in.packets);
}

static void the_cut_chooses_the_bank(void **state)
{
	__u32 seq;

	(void)state;
	for (seq = 0; seq < 8; seq++) {
		prog_zero(&one);
		one.ctl->seq = seq;
		go(&one, FAR);
		assert_int_equal(cursor(&one)->seq, seq);
		assert_int_equal(cursor(&one)->row, prog_cpu() * 2 + (seq & 1));
		assert_int_equal(row(&one, 0, seq & 1)->in.packets, 1);
		assert_int_equal(row(&one, 0, ~seq & 1)->in.packets, 0);
	}
}

static void frames_in_flight_hold_the_bank(void **state)
{
	(void)state;
	go(&one, FAR);
	cursor(&one)->inflight = 3;
	one.ctl->seq = 1;
	go(&one, BLACK); /* sets in flight back to 0, as if the driver had told */
	assert_int_equal(cursor(&one)->seq, 0);
	assert_int_equal(row(&one, 0, 0)->in.packets, 2);
	assert_int_equal(row(&one, 0, 1)->in.packets, 0);
	go(&one, BLACK);
	assert_int_equal(cursor(&one)->seq, 1);
	assert_int_equal(row(&one, 0, 1)->in.packets, 1);
	assert_int_equal(row(&one, 0, 0)->lost + row(&one, 0, 1)->lost, 0);
}

/* Two cuts on, a reader's grace period is over: their end will not be told. */
static void frames_in_flight_two_cuts_on_are_lost(void **state)
{
	(void)state;
	go(&one, FAR); /* the cursor names its row */
	cursor(&one)->inflight = 3;
	one.ctl->seq = 2;
	assert_int_equal(go(&one, FAR), 1); /* itself alone */
	assert_int_equal(cursor(&one)->seq, 2);
	assert_int_equal(row(&one, 0, 0)->lost, 3);
	assert_int_equal(row(&one, 0, 0)->in.packets, 2);
	go(&one, FAR);
	assert_int_equal(row(&one, 0, 0)->lost, 3);
}

/* They are lost from the row they counted in, whichever the packet in hand counts in. */
static void lost_frames_are_lost_from_their_own_row(void **state)
{
	(void)state;
	two.queue = 1;
	go(&two, FAR);
	cursor(&two)->inflight = 5;
	two.ctl->seq = 3;
	two.queue = 0;
	go(&two, BLACK);
	assert_int_equal(row(&two, 1, 0)->lost, 5);
	assert_int_equal(row(&two, 0, 1)->in.packets, 1);
	assert_int_equal(row(&two, 0, 0)->lost + row(&two, 0, 1)->lost + row(&two, 1, 1)->lost, 0);
}

/* A poll serves one queue of one device: what another left in flight has an end that nobody told. */
static void frames_of_another_poll_are_lost(void **state)
{
	(void)state;
	two.queue = 1;
	go(&two, FAR);
	cursor(&two)->inflight = 4;
	cursor(&two)->answering = 2;
	two.queue = 0;
	go(&two, FAR);
	assert_int_equal(row(&two, 1, 0)->lost, 4);
	assert_int_equal(row(&two, 0, 0)->lost, 0);
	assert_int_equal(cursor(&two)->answering, 2); /* of this device still */
	cursor(&two)->inflight = 4;
	cursor(&two)->ifindex++;
	go(&two, FAR); /* that device is gone, and its rows */
	assert_int_equal(row(&two, 1, 0)->lost, 4);
	assert_int_equal(row(&two, 0, 0)->lost, 0);
	assert_int_equal(cursor(&two)->answering, 0);
	assert_int_equal(cursor(&two)->inflight, 0);
}

static void cuts_are_followed_round_the_end_of_their_numbers(void **state)
{
	__u32 from;

	(void)state;
	for (from = 0xfffffffd; from != 1; from++) {
		prog_reset(&one);
		one.ctl->seq = cursor(&one)->seq = from;
		go(&one, FAR);
		assert_int_equal(row(&one, 0, from & 1)->in.packets, 1);
		cursor(&one)->inflight = 1;
		one.ctl->seq = from + 1;
		go(&one, BLACK);
		assert_int_equal(cursor(&one)->seq, from);
		cursor(&one)->inflight = 1;
		one.ctl->seq = from + 2;
		go(&one, BLACK);
		assert_int_equal(cursor(&one)->seq, from + 2);
		assert_int_equal(row(&one, 0, from & 1)->lost, 1);
	}
}

/* Only an OUT verdict leaves a frame on its way to a driver. */
static void in_flight_are_redirects_alone(void **state)
{
	static const char *const others[] = {BLACK, UNREACHED, ROUTER, HOP_LOST, BARE_HOP};
	static struct frame f;
	static struct ran ran;
	size_t i;

	(void)state;
	frame_make(&f, PROTO_UDP, FAR, 26);
	prog_run(&one, &f, &ran);
	assert_int_equal(ran.inflight, 1);
	cursor(&one)->inflight = 6;
	prog_run(&one, &f, &ran);
	assert_int_equal(ran.inflight, 7);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		frame_make(&f, PROTO_UDP, others[i], 26);
		prog_run(&one, &f, &ran);
		assert_int_equal(ran.inflight, 0);
	}
}

static void punt_drop_follows_the_setting_at_once(void **state)
{
	struct weir_row *r = row(&one, 0, 0);

	(void)state;
	go(&one, UNREACHED);
	one.conf->punt = WEIR_PUNT_DROP;
	go(&one, UNREACHED);
	go(&one, UNREACHED);
	go(&one, ROUTER); /* a PASS is not touched by it */
	one.conf->punt = WEIR_PUNT_KERNEL;
	go(&one, UNREACHED);
	assert_int_equal(r->route_in_PUNT_UNREACHABLE.packets, 2);
	assert_int_equal(r->punt_drop[X(route_in, UNREACHABLE)].packets, 2);
	assert_int_equal(r->punt_drop[X(route_in, UNREACHABLE)].bytes, 120);
	assert_int_equal(r->route_in_PASS_NOT_FORWARDED.packets, 1);
}

static int up(void **state)
{
	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&one, &(struct prog_opts){0});
	prog_load(&two, &(struct prog_opts){.queues = 2});
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, prog_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_of_every_length),
		TEST(a_queue_has_its_row),
		TEST(queues_beyond_share_the_last_row),
		TEST(a_cpu_has_its_rows),
		TEST(without_a_row_the_packet_is_the_kernels),
		TEST(in_is_the_sum_of_exits),
		TEST(the_cut_chooses_the_bank),
		TEST(frames_in_flight_hold_the_bank),
		TEST(frames_in_flight_two_cuts_on_are_lost),
		TEST(lost_frames_are_lost_from_their_own_row),
		TEST(frames_of_another_poll_are_lost),
		TEST(cuts_are_followed_round_the_end_of_their_numbers),
		TEST(in_flight_are_redirects_alone),
		TEST(punt_drop_follows_the_setting_at_once),
	};

	return net_allowed() ? cmocka_run_group_tests_name("count", tests, up, prog_down) : 0;
}
