// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What TCP's ends have sent says how long a session lasts; time-outs, and the sweeper that keeps
 * them. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gate.h"

#define REMOTE 80

static struct weir_session *session(const struct gate *g)
{
	struct weir_session *s = prog_session(g->in, PROTO_TCP, HOST, 5000);

	assert_non_null(s);
	return s;
}

static void sends(struct gate *g, unsigned int flags)
{
	struct frame f;

	gate_frame(&f, PROTO_TCP, ENDS(HOST, 5000, FAR, REMOTE));
	gate_tcp(&f, flags);
	gate_becomes(g->in, &f, PORT_OUT, ENDS(OUTSIDE, 5000, FAR, REMOTE));
}

static void answers(struct gate *g, unsigned int flags)
{
	struct frame f;

	gate_frame_out(&f, PROTO_TCP, ENDS(FAR, REMOTE, OUTSIDE, 5000));
	gate_tcp(&f, flags);
	gate_becomes(g->out, &f, PORT_IN, ENDS(FAR, REMOTE, HOST, 5000));
}

static void lasts(const struct gate *g, enum weir_timeout timeout)
{
	assert_int_equal(weir_session_timeout(PROTO_TCP, session(g)->flags), timeout);
}

static void open_both(struct gate *g)
{
	gate_rules(g, "masquerade out dev out0");
	sends(g, SYN);
	lasts(g, WEIR_TIMEOUT_tcp_transitory);
	answers(g, SYN | ACK);
	lasts(g, WEIR_TIMEOUT_tcp_transitory);
	sends(g, ACK);
	lasts(g, WEIR_TIMEOUT_tcp_established);
}

static void a_connection_is_established_by_three_segments(void **state)
{
	struct gate *g = *state;

	open_both(g);
	for (int n = 0; n < 3; n++) {
		sends(g, ACK);
		answers(g, ACK);
	}
	lasts(g, WEIR_TIMEOUT_tcp_established);
	assert_int_equal(prog_sessions(g->in), 1);
}

/* RFC 5382, REQ-2 a: both ends may begin at once. */
static void a_simultaneous_open_is_one_session(void **state)
{
	struct gate *g = *state;

	gate_rules(g, "masquerade out dev out0");
	sends(g, SYN);
	answers(g, SYN);
	lasts(g, WEIR_TIMEOUT_tcp_transitory);
	sends(g, SYN | ACK);
	answers(g, SYN | ACK);
	lasts(g, WEIR_TIMEOUT_tcp_established);
	assert_int_equal(prog_sessions(g->in), 1);
}

static void a_connection_ends_when_both_ends_have_finished(void **state)
{
	struct gate *g = *state;

	for (int first = 0; first < 2; first++) {
		open_both(g);
		(first ? sends : answers)(g, FIN | ACK);
		lasts(g, WEIR_TIMEOUT_tcp_established); /* half closed, it may last */
		(first ? answers : sends)(g, ACK);
		lasts(g, WEIR_TIMEOUT_tcp_established);
		(first ? answers : sends)(g, FIN | ACK);
		lasts(g, WEIR_TIMEOUT_tcp_transitory);
		(first ? sends : answers)(g, ACK);
		lasts(g, WEIR_TIMEOUT_tcp_transitory);
	}
}

/* RFC 7857, 2.2: the mapping stays for what is still to come. */
static void a_reset_ends_a_connection_but_not_its_mapping_at_once(void **state)
{
	struct gate *g = *state;

	for (int first = 0; first < 2; first++) {
		open_both(g);
		(first ? sends : answers)(g, RST);
		lasts(g, WEIR_TIMEOUT_tcp_transitory);
		assert_int_equal(prog_ports(g->in, 0, 1), 1);
		answers(g, ACK);
		lasts(g, WEIR_TIMEOUT_tcp_transitory);
	}
}

/* The same ends once more, in TIME-WAIT or after a reset: a connection of its own, by the same
 * port. */
static void a_syn_on_a_closing_connection_begins_anew(void **state)
{
	struct gate *g = *state;

	for (int reset = 0; reset < 2; reset++) {
		open_both(g);
		sends(g, reset ? RST : FIN | ACK);
		answers(g, FIN | ACK);
		lasts(g, WEIR_TIMEOUT_tcp_transitory);
		sends(g, SYN);
		lasts(g, WEIR_TIMEOUT_tcp_transitory);
		answers(g, SYN | ACK);
		sends(g, ACK);
		lasts(g, WEIR_TIMEOUT_tcp_established);
		assert_int_equal(prog_sessions(g->in), 1);
	}
}

/* RFC 5382 leaves it open; whose ends were there before us would not begin anew. */
static void a_connection_is_picked_up_in_the_middle(void **state)
{
	struct gate *g = *state;

	gate_rules(g, "masquerade out dev out0");
	sends(g, ACK);
	lasts(g, WEIR_TIMEOUT_tcp_transitory);
	answers(g, ACK);
	lasts(g, WEIR_TIMEOUT_tcp_established);
}

static void what_begins_no_connection_is_dropped(void **state)
{
	static const unsigned int flags[] = {
		0, FIN, RST, RST | ACK, FIN | ACK, SYN | ACK, SYN | RST, SYN | FIN};
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	gate_frame(&f, PROTO_TCP, ENDS(HOST, 5000, FAR, REMOTE));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		gate_tcp(&f, flags[i]);
		gate_drops(g->in, &f, X(nf_postrouting, NAT_NO_SESSION));
	}
	assert_int_equal(prog_sessions(g->in), 0);
}

/* --- time --- */

static bool is_live(const struct gate *g, unsigned int proto, unsigned int sport)
{
	return prog_session(g->in, proto, HOST, sport);
}

/* Each kind by its own time-out, and nothing else: what is too old goes, what is not stays. */
static void each_kind_expires_by_its_own_time(void **state)
{
	static const struct {
		enum weir_timeout timeout;
		unsigned int proto, sport;
	} kinds[] = {
		{WEIR_TIMEOUT_udp, PROTO_UDP, 5000},
		{WEIR_TIMEOUT_tcp_established, PROTO_TCP, 5000},
		{WEIR_TIMEOUT_tcp_transitory, PROTO_TCP, 5001},
		{WEIR_TIMEOUT_icmp, PROTO_ICMP, 5000},
		{WEIR_TIMEOUT_other, PROTO_ESP, 0},
	};
	struct gate *g = *state;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct frame f;
		__u64 expired;

		open_both(g);
		expired = g->in->nat->expired;
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			if (kinds[i].timeout == WEIR_TIMEOUT_tcp_established)
				continue;
			gate_frame(&f, kinds[i].proto,
				ENDS(HOST, kinds[i].sport, FAR,
					kinds[i].proto == PROTO_ICMP ? ECHO : REMOTE));
			prog_run(g->in, &f, gate_ran());
		}
		assert_int_equal(prog_sessions(g->in), ARRAY_SIZE(kinds));
		for (__u32 i = 0; i < PROG_SESSIONS; i++) /* all of them two seconds ago */
			g->in->sessions[i].seen -= 40;
		nanosleep(&(struct timespec){.tv_sec = 1}, NULL); /* the sweeper looks at all */
		assert_int_equal(prog_sessions(g->in), ARRAY_SIZE(kinds));
		g->in->nat->timeout_s[kinds[k].timeout] = 2;
		prog_sessions_wait(g->in, ARRAY_SIZE(kinds) - 1);
		assert_false(is_live(g, kinds[k].proto, kinds[k].sport));
		assert_int_equal(g->in->nat->expired - expired, 1);
	}
}

/* What the RFCs let nobody go below, and what they ask for. */
static void the_least_times_are_the_rfcs(void **state)
{
	static const struct {
		unsigned int seconds, least;
	} times[] = {
#define T(id, s, l, text) {s, l},
		WEIR_TIMEOUTS(T)
#undef T
	};

	(void)state;
	assert_true(times[WEIR_TIMEOUT_udp].least >= 120 && times[WEIR_TIMEOUT_udp].seconds >= 300);
	assert_true(times[WEIR_TIMEOUT_tcp_established].least >= 2 * 3600 + 4 * 60);
	assert_true(times[WEIR_TIMEOUT_tcp_transitory].least >= 4 * 60);
	assert_true(times[WEIR_TIMEOUT_icmp].least >= 60);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		assert_true(times[i].seconds >= times[i].least);
}

/* Runs @f until its session knows of it, which a flow's packets tell with its next renewal. */
static void is_kept_by(struct prog *p, const struct frame *f, struct weir_session *s)
{
	s->seen -= 100;
	for (int i = 0; i < 5000 && clock_epoch(0) - s->seen > 40; i++) {
		prog_run(p, f, gate_ran());
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	assert_in_range(clock_epoch(0) - s->seen, 0, 40);
}

/* RFC 4787, REQ-6: by what is sent from inside, and by what comes; kept with its flow or not. */
static void packets_of_either_direction_keep_a_session(void **state)
{
	struct gate *g = *state;
	struct weir_session *s;
	struct frame f, back;

	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		unsigned int port = gate_protos[p] == PROTO_ICMP ? ECHO : REMOTE;

		gate_rules(g, "masquerade out dev out0");
		gate_frame(&f, gate_protos[p], ENDS(HOST, 5000, FAR, port));
		gate_answer(&back, gate_protos[p], ENDS(FAR, port, OUTSIDE, 5000));
		prog_run(g->in, &f, gate_ran());
		s = prog_session(g->in, gate_protos[p], HOST, 5000);
		for (int n = 0; n < 3; n++) {
			is_kept_by(g->in, &f, s);
			is_kept_by(g->out, &back, s);
		}
		assert_int_equal(prog_sessions(g->in), 1);
	}
}

/* Thousands at once, each once. */
static void all_that_are_due_expire_and_are_counted_once(void **state)
{
	enum { MANY = 3000 };
	struct gate *g = *state;
	struct frame f;
	__u64 expired, created;

	gate_rules(g, "masquerade out dev out0");
	g->in->nat->timeout_s[WEIR_TIMEOUT_udp] = 2;
	expired = g->in->nat->expired;
	created = g->in->nat->created;
	for (unsigned int i = 0; i < MANY; i++) {
		gate_frame(&f, PROTO_UDP, ENDS(HOST, 10000 + i, FAR, 53));
		prog_run(g->in, &f, gate_ran());
	}
	gate_frame(&f, PROTO_TCP, ENDS(HOST, 5000, FAR, REMOTE));
	prog_run(g->in, &f, gate_ran());
	prog_sessions_wait(g->in, 1);
	assert_true(is_live(g, PROTO_TCP, 5000));
	assert_int_equal(g->in->nat->created - created, MANY + 1);
	assert_int_equal(g->in->nat->expired - expired, MANY);
	assert_int_equal(prog_ports(g->in, 0, 0), 0);
	assert_int_equal(prog_ports(g->in, 0, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_established_by_three_segments),
		cmocka_unit_test(a_simultaneous_open_is_one_session),
		cmocka_unit_test(a_connection_ends_when_both_ends_have_finished),
		cmocka_unit_test(a_reset_ends_a_connection_but_not_its_mapping_at_once),
		cmocka_unit_test(a_syn_on_a_closing_connection_begins_anew),
		cmocka_unit_test(a_connection_is_picked_up_in_the_middle),
		cmocka_unit_test(what_begins_no_connection_is_dropped),
		cmocka_unit_test(each_kind_expires_by_its_own_time),
		cmocka_unit_test(the_least_times_are_the_rfcs),
		cmocka_unit_test(packets_of_either_direction_keep_a_session),
		cmocka_unit_test(all_that_are_due_expire_and_are_counted_once),
	};

	return gate_run("nat_tcp", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
