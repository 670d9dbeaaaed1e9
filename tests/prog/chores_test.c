// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whose code runs by a timer that several programs set: that of the one that was loaded last. Two
 * programs with sessions of their own, as one that runs still and its successor have where maps
 * were made anew, and one map of timers: sessions expire by the code of the program that they are
 * of, or not at all.
 */
#include "gate.h"

static struct prog older, newer;

static int up(void **state)
{
	struct prog_opts opts = {.track = true};

	(void)state;
	if (net_up_plain())
		return -1;
	prog_load(&older, &opts);
	opts.chores = &older;
	prog_load(&newer, &opts);
	prog_nat(&older, "masquerade out dev out0");
	prog_nat(&newer, "masquerade out dev out0");
	return 0;
}

static int down(void **state)
{
	(void)state;
	prog_unload(&newer);
	prog_unload(&older);
	return 0;
}

/* A session of @p, which may last that long. */
static void begin(struct prog *p, unsigned int sport, __u32 timeout_s)
{
	struct frame f;

	p->nat->timeout_s[WEIR_TIMEOUT_udp] = timeout_s;
	gate_frame(&f, PROTO_UDP, ENDS(HOST, sport, FAR, 53));
	prog_run(p, &f, gate_ran());
}

static void a_newer_program_takes_over_a_timer_that_runs(void **state)
{
	(void)state;
	begin(&older, 5000, 600);
	begin(&newer, 5000, 1);
	assert_int_equal(prog_sessions(&newer), 1);
	prog_sessions_wait(&newer, 0);
	assert_int_equal(prog_sessions(&older), 1);
}

static void an_older_program_leaves_it_alone(void **state)
{
	(void)state;
	begin(&newer, 5001, 1);
	begin(&older, 5001, 600);
	assert_int_equal(prog_sessions(&newer), 1);
	prog_sessions_wait(&newer, 0);
	assert_int_equal(prog_sessions(&older), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newer_program_takes_over_a_timer_that_runs),
		cmocka_unit_test(an_older_program_leaves_it_alone),
	};

	if (!net_allowed())
		return 0;
	return cmocka_run_group_tests_name("chores", tests, up, down);
}
