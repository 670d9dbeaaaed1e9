// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two CPUs at once: a pool of 64 ports for 96 endpoints, all of which both CPUs want. However they
 * meet, no port is given twice, none is lost, and every count is exact.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "gate.h"

enum { CPUS = 2, ENDPOINTS = 96, PORTS = 64, ROUNDS = 60, FIRST = 40000 };

/* One CPU's, with what it got for each endpoint: the port, 0 where there was none. */
struct runner {
	const struct gate *g;
	const struct frame *frames;
	pthread_barrier_t *begin;
	pthread_t thread;
	unsigned int cpu, times;
	unsigned int port[ENDPOINTS];
	unsigned int other; /* neither sent nor dropped, or by another port than before */
	unsigned int dropped;
	bool back;  /* the endpoints backwards */
	bool twist; /* in pairs, the second first: those that want the same port */
};

static unsigned int run_one(struct runner *r, const struct frame *f)
{
	__u8 out[256];
	struct xdp_md md = {.data_end = f->len, .ingress_ifindex = net_ifindex(PORT_IN)};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = f->len,
		.data_out = out, .data_size_out = sizeof(out), .ctx_in = &md,
		.ctx_size_in = sizeof(md));

	if (bpf_prog_test_run_opts(bpf_program__fd(r->g->in->prog), &opts)) {
		r->other++;
		return 0;
	}
	/* an exhausted one is answered, until its CPU may answer no more */
	if (opts.retval != XDP_REDIRECT || out[AT_IP_PROTO] == PROTO_ICMP) {
		r->dropped++;
		return 0;
	}
	return (unsigned int)out[AT_L4] << 8 | out[AT_L4 + 1];
}

static void *run(void *arg)
{
	struct runner *r = arg;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(r->cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	pthread_barrier_wait(r->begin);
	for (unsigned int n = 0; n < r->times; n++)
		for (unsigned int i = 0; i < ENDPOINTS; i++) {
			unsigned int e = r->back ? ENDPOINTS - 1 - i : r->twist ? i ^ 1 : i;
			unsigned int port = run_one(r, &r->frames[e]);

			if (port && r->port[e] && port != r->port[e])
				r->other++;
			if (port)
				r->port[e] = port;
		}
	return NULL;
}

/* @own: two each want the same port of the pool. */
static void make_frames(struct frame *frames, unsigned int proto, bool own)
{
	char src[32];

	for (unsigned int i = 0; i < ENDPOINTS; i++) {
		snprintf(src, sizeof(src), "192.0.2.%u", i + 1);
		gate_frame(&frames[i], proto, ENDS(src, own ? FIRST + i / 2 : 5000, FAR, 53));
	}
}

/* The CPUs that may be used; fewer than two: there is no race. */
static bool two_cpus(unsigned int cpus[CPUS])
{
	unsigned int nr = 0;

	for (unsigned int n = 0; n < CPUS && prog_on_cpu(n); n++)
		cpus[nr++] = prog_cpu();
	prog_on_cpu(0);
	return nr == CPUS;
}

static void race(
	const struct gate *g, struct runner r[CPUS], const struct frame *frames, unsigned int times)
{
	unsigned int cpus[CPUS];
	pthread_barrier_t begin;
	bool back = r[0].back;

	if (!two_cpus(cpus))
		skip_because("there is one CPU");
	assert_int_equal(pthread_barrier_init(&begin, NULL, CPUS), 0);
	for (unsigned int i = 0; i < CPUS; i++) {
		r[i] = (struct runner){.g = g,
			.frames = frames,
			.begin = &begin,
			.cpu = cpus[i],
			.times = times,
			.twist = i && !back,
			.back = i && back};
		assert_int_equal(pthread_create(&r[i].thread, NULL, run, &r[i]), 0);
	}
	for (unsigned int i = 0; i < CPUS; i++)
		assert_int_equal(pthread_join(r[i].thread, NULL), 0);
	pthread_barrier_destroy(&begin);
}

static void no_port_is_given_twice_and_none_is_lost(void **state)
{
	static struct frame frames[ENDPOINTS];
	struct gate *g = *state;
	struct runner r[CPUS];
	__u64 all_clashes = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		bool taken[PORTS] = {false};
		unsigned int got = 0;
		__u64 dropped = 0, clashes;

		gate_rules(g, "masquerade out dev out0 ports 40000-40063");
		if (round & 8) /* names are in each other's way */
			g->in->nat->names_mask = 15;
		for (__u32 i = 0; i < PROG_SESSIONS; i++) /* or cannot count on */
			g->in->names[i] = round & 16 ? WEIR_NAME_ASIDE_MAX * WEIR_NAME_ASIDE : 0;
		make_frames(frames, round & 1 ? PROTO_TCP : PROTO_UDP, round & 4);
		prog_zero(g->in);
		r[0].back = round & 2;
		race(g, r, frames, 2);
		for (unsigned int i = 0; i < ENDPOINTS; i++) {
			unsigned int port = r[0].port[i] ? r[0].port[i] : r[1].port[i];

			if (!port)
				continue;
			/* the second time round both know it */
			assert_int_equal(r[0].port[i], port);
			assert_int_equal(r[1].port[i], port);
			assert_in_range(port, FIRST, FIRST + PORTS - 1);
			if (taken[port - FIRST])
				fail_msg("round %u: port %u was given twice", round, port);
			taken[port - FIRST] = true;
			got++;
		}
		for (unsigned int i = 0; i < CPUS; i++) {
			assert_int_equal(r[i].other, 0);
			dropped += r[i].dropped;
		}
		assert_int_equal(got, PORTS);
		assert_int_equal(prog_ports(g->in, 0, round & 1), PORTS);
		assert_int_equal(prog_sessions(g->in), PORTS);
		prog_index_holds(g->in);
		clashes = prog_exits(g->in, X(nf_postrouting, NAT_CLASH));
		all_clashes += clashes;
		assert_int_equal(
			prog_exits(g->in, X(nf_postrouting, NAT_EXHAUSTED)) + clashes, dropped);
		assert_int_equal(g->in->nat->ports_full, dropped - clashes);
		assert_int_equal(prog_exits(g->in, X(xmit, NONE)), 4 * ENDPOINTS - dropped);
	}
	/* a CPU that is held up for long by others, in the middle of making a session */
	print_message("# %llu packets gave up waiting for the other CPU\n", all_clashes);
	assert_in_range(all_clashes, 0, ROUNDS);
}

static void *flush_on(void *arg)
{
	const struct gate *g = arg;

	for (int n = 0; n < 20; n++)
		prog_flush_among(g->in);
	return NULL;
}

/* While sessions are ended, too: afterwards all ports, records and places are free. */
static void sessions_that_end_meanwhile_leave_nothing_behind(void **state)
{
	static struct frame frames[ENDPOINTS];
	struct gate *g = *state;
	struct runner r[CPUS];
	pthread_t flush;

	gate_rules(g, "masquerade out dev out0 filtering address ports 40000-40063");
	g->in->nat->names_mask = 31;
	make_frames(frames, PROTO_UDP, false);
	for (unsigned int round = 0; round < 5; round++) {
		r[0].back = round & 1;
		assert_int_equal(pthread_create(&flush, NULL, flush_on, g), 0);
		race(g, r, frames, 300);
		assert_int_equal(pthread_join(flush, NULL), 0);
	}
	prog_flush(g->in);
	assert_int_equal(prog_ports(g->in, 0, 0), 0);
	for (__u32 i = 0; i < PROG_SESSIONS; i++) {
		assert_int_equal(g->in->mappings[i].refs, 0);
		assert_int_equal(g->in->sessions[i].life, WEIR_LIFE_FREE);
	}
	prog_index_holds(g->in);
	r[0].back = false;
	race(g, r, frames, 2);
	assert_int_equal(prog_ports(g->in, 0, 0), PORTS);
	assert_int_equal(prog_sessions(g->in), PORTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_port_is_given_twice_and_none_is_lost),
		cmocka_unit_test(sessions_that_end_meanwhile_leave_nothing_behind),
	};

	return gate_run_xdp("nat_race", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
