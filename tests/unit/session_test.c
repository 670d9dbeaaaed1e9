// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which sessions are meant: words, and whom they match. */
#include <arpa/inet.h>

#include "model/session.h"
#include "test.h"

/* 0 with *@match, or where it is wrong, @column, and @what of the message. */
static void parse(const char *text, bool pages, struct weir_match *match, unsigned int column,
	const char *what)
{
	struct weir_line line = {0};
	struct weir_err err = {0};
	int rc;

	assert_int_equal(weir_line_split(&line, text, strlen(text), 500, &err), 0);
	rc = weir_match_parse(match, &line, 0, pages, &err);
	if (!what && rc)
		fail_msg("'%s': %s", text, err.what);
	if (what) {
		if (!rc || (!strstr(err.what, what) && !strstr(err.remedy, what)))
			fail_msg("'%s': '%s', not '%s'", text, rc ? err.what : "right", what);
		assert_int_equal(err.status, WEIR_USAGE);
		assert_int_equal(err.at.column, column);
	}
	weir_line_done(&line);
}

static void words_say_which_are_meant(void **state)
{
	struct weir_match m;

	(void)state;
	parse("", true, &m, 0, NULL);
	assert_true(!m.which.mask && !m.which.port && !m.limit);
	parse("proto udp addr 10.0.0.0/8 port 53 rule 7 state new,reset limit 5 from 9", true, &m,
		0, NULL);
	assert_int_equal(m.which.proto, 17);
	assert_int_equal(ntohl(m.which.addr), 0x0a000000);
	assert_int_equal(ntohl(m.which.mask), 0xff000000);
	assert_int_equal(ntohs(m.which.port), 53);
	assert_int_equal(m.which.rule, 7);
	assert_int_equal(m.which.states, 1 << WEIR_SESSION_IS_new | 1 << WEIR_SESSION_IS_reset);
	assert_int_equal(m.limit, 5);
	assert_int_equal(m.from, 9);
	parse("addr 0.0.0.0/0 proto 132", false, &m, 0, NULL);
	assert_int_equal(m.which.mask, 0);
	assert_int_equal(m.which.proto, 132);
	parse("addr 192.0.2.4-192.0.2.7", false, &m, 0, NULL);
	assert_int_equal(ntohl(m.which.mask), 0xfffffffc);
}

static void what_is_wrong_is_pointed_at(void **state)
{
	struct weir_match m, before;

	(void)state;
	memset(&m, 7, sizeof(m));
	before = m;
	parse("prot udp", true, &m, 1, "did you mean 'proto'?");
	parse("xyzzy 1", true, &m, 1, "addr PREFIX");
	parse("proto udq", true, &m, 7, "no protocol");
	parse("proto 0", true, &m, 7, "no protocol");
	parse("proto", true, &m, 7, "needs udp");
	parse("proto udp proto tcp", true, &m, 11, "a second 'proto'");
	parse("addr 10.0.0.1/8", true, &m, 6, "bits behind its prefix");
	parse("addr 10.0.0.1-10.0.0.3", true, &m, 6, "no one prefix");
	parse("port 0", true, &m, 6, "1 to 65535");
	parse("state new,establishd", true, &m, 11, "did you mean 'established'?");
	parse("state new,", true, &m, 11, "a comma");
	parse("rule 0", true, &m, 6, "1 to");
	parse("limit 0", true, &m, 7, "1 to");
	parse("limit 5", false, &m, 1, "unknown word");
	assert_memory_equal(&m, &before, sizeof(m));
}

static struct weir_session session(__u8 proto, __u32 flags)
{
	return (struct weir_session){
		.proto = proto,
		.flags = flags,
		.rule_src = 3,
		.saddr = htonl(0x0a000002),
		.sport = htons(5000),
		.daddr = htonl(0xc6336435),
		.dport = htons(53),
		.xsaddr = htonl(0xc0000201),
		.xsport = htons(6000),
		.xdaddr = htonl(0xc6336435),
		.xdport = htons(53),
	};
}

static void either_end_inside_or_outside_will_do(void **state)
{
	static const char *const yes[] = {"", "proto udp", "addr 10.0.0.2", "addr 198.51.100.0/24",
		"addr 192.0.2.1", "port 5000", "port 53", "port 6000", "rule 3", "state new",
		"state replied,new", "addr 10.0.0.0/8 port 5000 rule 3 proto udp"};
	static const char *const no[] = {"proto tcp", "addr 198.51.100.53 port 5000", "addr 10.0.0.3", "addr 192.0.2.0",
		"port 5001", "rule 4", "state replied", "addr 10.0.0.2 port 1"};
	struct weir_session s = session(17, WEIR_SESSION_SRC);
	struct weir_match m;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		parse(yes[i], true, &m, 0, NULL);
		if (!weir_session_matches(&s, &m.which))
			fail_msg("'%s' does not match", yes[i]);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		parse(no[i], true, &m, 0, NULL);
		if (weir_session_matches(&s, &m.which))
			fail_msg("'%s' matches", no[i]);
	}
}

static void states_follow_what_both_ends_have_sent(void **state)
{
	const __u32 there = WEIR_TCP_SYN | WEIR_TCP_ACK;
	const __u32 both = there | there << WEIR_TCP_REPLY;
	const struct {
		__u8 proto;
		__u32 flags;
		enum weir_session_state is;
	} cases[] = {
		{17, 0, WEIR_SESSION_IS_new},
		{17, WEIR_SESSION_REPLIED, WEIR_SESSION_IS_replied},
		{1, WEIR_SESSION_REPLIED, WEIR_SESSION_IS_replied},
		{6, WEIR_TCP_SYN, WEIR_SESSION_IS_opening},
		{6, WEIR_TCP_SYN | there << WEIR_TCP_REPLY, WEIR_SESSION_IS_opening},
		{6, both, WEIR_SESSION_IS_established},
		{6, both | WEIR_TCP_FIN, WEIR_SESSION_IS_closing},
		{6, both | WEIR_TCP_FIN << WEIR_TCP_REPLY, WEIR_SESSION_IS_closing},
		{6, both | WEIR_TCP_FIN | WEIR_TCP_RST << WEIR_TCP_REPLY, WEIR_SESSION_IS_reset},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_session s = session(cases[i].proto, cases[i].flags);

		assert_string_equal(
			weir_state_name(weir_session_state(&s)), weir_state_name(cases[i].is));
	}
}

/* @column 0: right. */
static void timeout(const char *text, unsigned int column, const char *what)
{
	enum weir_timeout which;
	struct weir_line line = {0};
	struct weir_err err = {0};
	__u32 seconds = 0;
	int rc;

	assert_int_equal(weir_line_split(&line, text, strlen(text), 500, &err), 0);
	rc = weir_timeout_parse(&which, &seconds, &line, &err);
	if (!column != !rc || (rc && !strstr(err.what, what)))
		fail_msg("'%s': '%s'", text, rc ? err.what : "right");
	assert_int_equal(err.at.column, column);
	if (!rc)
		assert_string_equal(
			which < WEIR_TIMEOUT_COUNT ? weir_timeout_name(which) : "", what);
	weir_line_done(&line);
}

static void timeouts_go_no_lower_than_the_rfcs(void **state)
{
	(void)state;
	timeout("", 0, "");
	timeout("udp 120", 0, "udp");
	timeout("tcp_established 604800", 0, "tcp_established");
	timeout("udp 119", 5, "RFC 4787 REQ-5");
	timeout("tcp_transitory 239", 16, "RFC 5382");
	timeout("icmp 604801", 6, "604800");
	timeout("udp", 5, "needs SECONDS");
	timeout("ucp 300", 1, "did you mean 'udp'?");
	timeout("udp 300 x", 9, "one word too many");
}

static void asked(const char *text, unsigned int column, const char *what)
{
	struct weir_line line = {0};
	struct weir_err err = {0};
	struct weir_asked a;
	int rc;

	assert_int_equal(weir_line_split(&line, text, strlen(text), 500, &err), 0);
	rc = weir_asked_parse(&a, &line, &err);
	if (!column != !rc || (rc && !strstr(err.what, what)))
		fail_msg("'%s': '%s'", text, rc ? err.what : "right");
	assert_int_equal(err.at.column, column);
	weir_line_done(&line);
}

static void an_address_may_have_a_port_and_a_protocol(void **state)
{
	(void)state;
	asked("192.0.2.1", 0, NULL);
	asked("192.0.2.1:0", 0, NULL);
	asked("192.0.2.1:53 proto udp", 0, NULL);
	asked("", 1, "needs ADDRESS");
	asked("192.0.2.1:", 11, "no port");
	asked(":5", 1, "no address");
	asked("192.0.2.1:65536", 11, "no port");
	asked("192.0.2.0/24:5", 1, "not one address");
	asked("2001:db8::1", 1, "no IPv4 address");
	asked("192.0.2.1 udp", 11, "'proto' may stand");
	asked("192.0.2.1 proto udp x", 21, "too many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_say_which_are_meant),
		cmocka_unit_test(what_is_wrong_is_pointed_at),
		cmocka_unit_test(either_end_inside_or_outside_will_do),
		cmocka_unit_test(states_follow_what_both_ends_have_sent),
		cmocka_unit_test(timeouts_go_no_lower_than_the_rfcs),
		cmocka_unit_test(an_address_may_have_a_port_and_a_protocol),
	};

	return WEIR_RUN(tests);
}
