// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Captures: what one says of a packet, which packets are captured, and what of those is lost. */
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "model/tables.h"
#include "prog.h"

#define X(stage, cause) WEIR_EXIT_##stage##_##cause

static struct prog progs[WEIR_HOOK_COUNT];
static struct ring_buffer *rings[WEIR_HOOK_COUNT];

/* What the last reading found. */
static struct weir_capture got;
static unsigned int nr_got;

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (__u64)t.tv_sec * 1000000000ULL + (__u64)t.tv_nsec;
}

static int on_capture(void *ctx, void *data, size_t size)
{
	const struct weir_capture *c = data;

	(void)ctx;
	assert_true(size >= offsetof(struct weir_capture, head));
	assert_true(c->head_len <= WEIR_CAPTURE_HEAD);
	assert_true(size == offsetof(struct weir_capture, head) + c->head_len);
	memcpy(&got, data, size);
	nr_got++;
	return 0;
}

/* How many captures there are to be read; the last of them is in `got`. */
static unsigned int read_all(const struct prog *p)
{
	nr_got = 0;
	assert_true(ring_buffer__consume(rings[p->hook]) >= 0);
	return nr_got;
}

static void capture(struct prog *p, __u32 every)
{
	p->ctl->capture_every = every;
	p->ctl->capture_until_ns = now_ns() + 3600 * 1000000000ULL;
}

static void go(struct prog *p, const char *dst, unsigned int packets)
{
	static struct frame f;
	static struct ran ran;

	frame_make(&f, PROTO_UDP, dst, 26);
	while (packets--)
		prog_run(p, &f, &ran);
}

static void a_capture_says_what_came_and_how_it_left(void **state)
{
	static const struct {
		const char *dst;
		enum weir_exit exit;
	} ways[] = {{FAR, X(xmit, NONE)}, {BLACK, X(route_in, BLACKHOLE)},
		{UNREACHED, X(route_in, UNREACHABLE)}, {ROUTER, X(route_in, NOT_FORWARDED)},
		{"224.0.0.1", X(ip_rcv, IP_MULTICAST)}, {HOP_LOST, X(neigh, NEIGH_UNRESOLVED)}};
	static struct frame f;
	size_t i;

	(void)state;
	for (i = 0; i < WEIR_HOOK_COUNT * ARRAY_SIZE(ways) * 4; i++) {
		unsigned int way = (unsigned int)i / (WEIR_HOOK_COUNT * ARRAY_SIZE(ways));
		struct prog *p = &progs[i % WEIR_HOOK_COUNT];
		size_t w = i / WEIR_HOOK_COUNT % ARRAY_SIZE(ways);
		bool egress = p->hook == WEIR_HOOK_tc_egress;
		enum weir_exit exit = egress ? X(xmit, NONE) : ways[w].exit;
		__u64 before = now_ns();

		prog_reset(p);
		capture(p, 1);
		p->conf->punt = way & 1 ? WEIR_PUNT_DROP : WEIR_PUNT_KERNEL;
		p->ctl->sample_every = way >> 1;
		frame_make(&f, PROTO_UDP, ways[w].dst, 26);
		assert_way(p, &f, exit, PORT_OUT);
		assert_int_equal(read_all(p), 1);
		assert_exit(got.exit, exit);
		assert_int_equal(got.hook, p->hook);
		assert_int_equal(got.ifindex, net_ifindex(PORT_IN));
		assert_int_equal(got.oif, exit != X(xmit, NONE) ? 0
					  : egress		? net_ifindex(PORT_IN)
								: net_ifindex(PORT_OUT));
		assert_int_equal(
			got.punt_drop, exit_kind(exit) == WEIR_KIND_PUNT && (way & 1));
		assert_int_equal(got.len, f.len);
		assert_int_equal(got.head_len, f.len);
		assert_memory_equal(got.head, f.data, f.len); /* as it came, whatever goes out */
		assert_int_equal(got.cpu, prog_cpu());
		assert_int_equal(got.queue, 0);
		assert_int_equal(got.tag, 0);
		assert_in_range(got.time_ns, before, now_ns());
	}
}

static void heads_of_every_length(void **state)
{
	static const __u32 lens[] = {0, 1, 26, 221, 222, 223, 500, 1480, 2900};
	static struct frame f;
	static struct ran ran;
	size_t i;
	__u32 h;

	(void)state;
	for (h = 0; h < WEIR_HOOK_COUNT; h++)
		for (i = 0; i < ARRAY_SIZE(lens); i++) {
			__u32 len;

			capture(&progs[h], 1);
			frame_make(&f, PROTO_ICMP, FAR, lens[i]);
			len = f.len < WEIR_CAPTURE_HEAD ? f.len : WEIR_CAPTURE_HEAD;
			prog_run(&progs[h], &f, &ran);
			assert_int_equal(read_all(&progs[h]), 1);
			assert_int_equal(got.len, f.len);
			assert_int_equal(got.head_len, len);
			assert_memory_equal(got.head, f.data, len);
		}
}

static void heads_that_lie_in_several_buffers(void **state)
{
	struct prog *p = &progs[WEIR_HOOK_xdp];
	static struct frame f;
	static struct ran ran;

	(void)state;
	capture(p, 1);
	frame_make(&f, PROTO_ICMP, FAR, 1000);
	for (p->linear = 14; p->linear < 300; p->linear += 13) {
		prog_run(p, &f, &ran);
		assert_int_equal(read_all(p), 1);
		assert_int_equal(got.head_len, WEIR_CAPTURE_HEAD);
		assert_memory_equal(got.head, f.data, WEIR_CAPTURE_HEAD);
	}
}

static void one_packet_in_n_is_captured(void **state)
{
	static const __u32 every[] = {1, 2, 3, 7, 100, 333};
	size_t i;
	__u32 h;

	(void)state;
	for (h = 0; h < WEIR_HOOK_COUNT; h++)
		for (i = 0; i < ARRAY_SIZE(every); i++) {
			struct prog *p = &progs[h];

			prog_reset(p);
			capture(p, every[i]);
			go(p, FAR, every[i]);
			assert_int_equal(read_all(p), 1);
			go(p, BLACK, every[i] * 3);
			assert_int_equal(read_all(p), 3);
			assert_int_equal(prog_cursor(p)->capture_lost, 0);
			assert_int_equal(prog_cursor(p)->capture_limited, 0);
		}
}

/* Two kinds in turn, one of two packets: a fixed step would see but one of them. */
static void no_side_of_alternating_traffic_is_missed(void **state)
{
	struct prog *p = &progs[0];
	__u32 i, far = 0, all = 0;

	(void)state;
	prog_reset(p);
	capture(p, 2);
	for (i = 0; i < 200; i++) {
		go(p, i % 2 ? FAR : BLACK, 1);
		if (read_all(p)) {
			all++;
			far += i % 2;
		}
	}
	assert_int_equal(all, 100);
	assert_in_range(far, 20, 80); /* six times its deviation to each side */
}

static void without_a_reader_nothing_is_captured(void **state)
{
	__u32 h;

	(void)state;
	for (h = 0; h < WEIR_HOOK_COUNT; h++) {
		struct prog *p = &progs[h];

		go(p, FAR, 10);
		assert_int_equal(read_all(p), 0);
		capture(p, 1);
		p->ctl->capture_until_ns = now_ns(); /* one that has died */
		go(p, FAR, 10);
		assert_int_equal(read_all(p), 0);
		assert_int_equal(prog_cursor(p)->capture_lost, 0);
		assert_int_equal(prog_cursor(p)->capture_limited, 0);
	}
}

/* In one epoch, WEIR_CAPTURE_RATE and no more. */
static void what_the_limit_forbids_is_counted(void **state)
{
	struct prog *p = &progs[WEIR_HOOK_xdp];
	struct weir_cursor *cur = prog_cursor(p);
	unsigned int tries;
	__u32 epoch;

	(void)state;
	capture(p, 1);
	for (tries = 0; tries < 1000; tries++) {
		epoch = (__u32)(now_ns() / WEIR_EPOCH_NS);
		cur->capture_epoch = epoch;
		cur->capture_nr = WEIR_CAPTURE_RATE - 3;
		cur->capture_limited = 0;
		go(p, FAR, 10);
		if (epoch == (__u32)(now_ns() / WEIR_EPOCH_NS))
			break; /* else some were of the next */
		read_all(p);
	}
	assert_true(tries < 1000);
	assert_int_equal(read_all(p), 3);
	assert_int_equal(cur->capture_limited, 7);
	cur->capture_epoch = epoch - 1; /* a new one begins */
	go(p, FAR, 5);
	assert_int_equal(read_all(p), 5);
	assert_int_equal(cur->capture_limited, 7);
	assert_int_equal(cur->capture_lost, 0);
}

static void what_a_full_ring_has_no_room_for_is_counted(void **state)
{
	struct prog *p = &progs[WEIR_HOOK_xdp];
	struct weir_cursor *cur = prog_cursor(p);
	unsigned int packets = 0, n;

	(void)state;
	capture(p, 1);
	while (cur->capture_lost < 5 && packets < 100000) {
		cur->capture_nr = 0;
		go(p, FAR, 1);
		packets++;
	}
	assert_int_equal(cur->capture_lost, 5);
	n = read_all(p);
	assert_int_equal(n + 5, packets);
	assert_true(n > WEIR_CAPTURE_RING / 2 / sizeof(struct weir_capture));
	go(p, FAR, 1);
	assert_int_equal(read_all(p), 1);
	assert_int_equal(cur->capture_lost, 5);
}

static int up(void **state)
{
	__u32 h;

	(void)state;
	if (net_up_plain())
		return -1;
	for (h = 0; h < WEIR_HOOK_COUNT; h++) {
		prog_load(&progs[h], &(struct prog_opts){.hook = h});
		rings[h] = ring_buffer__new(
			bpf_object__find_map_fd_by_name(progs[h].obj, "capture"), on_capture, NULL,
			NULL);
		if (!rings[h])
			return -1;
	}
	return 0;
}

static int down(void **state)
{
	__u32 h;

	(void)state;
	for (h = 0; h < WEIR_HOOK_COUNT; h++) {
		ring_buffer__free(rings[h]);
		prog_unload(&progs[h]);
	}
	return 0;
}

static int fresh(void **state)
{
	__u32 h;

	(void)state;
	for (h = 0; h < WEIR_HOOK_COUNT; h++) {
		prog_reset(&progs[h]);
		read_all(&progs[h]);
	}
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_capture_says_what_came_and_how_it_left),
		TEST(heads_of_every_length),
		TEST(heads_that_lie_in_several_buffers),
		TEST(one_packet_in_n_is_captured),
		TEST(no_side_of_alternating_traffic_is_missed),
		TEST(without_a_reader_nothing_is_captured),
		TEST(what_the_limit_forbids_is_counted),
		TEST(what_a_full_ring_has_no_room_for_is_counted),
	};

	return net_allowed() ? cmocka_run_group_tests_name("capture", tests, up, down) : 0;
}
