// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which port a source gets: RFC 4787, REQ-3 and REQ-4, and what RFC 5382 and 5508 say of it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "gate.h"

enum { HOSTS = 200 };

static void frame_of(struct frame *f, unsigned int proto, unsigned int host, unsigned int sport)
{
	char src[32];

	snprintf(src, sizeof(src), "192.0.2.%u", host);
	gate_frame(f, proto, ENDS(src, sport, FAR, proto == PROTO_ICMP ? ECHO : 53));
}

static void a_free_port_is_kept(void **state)
{
	static const unsigned int ports[] = {1, 53, 1023, 1024, 5000, 5001, 32768, 65534, 65535};
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	for (size_t p = 0; p < ARRAY_SIZE(gate_protos); p++)
		for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
			frame_of(&f, gate_protos[p], 1, ports[i]);
			assert_int_equal(gate_port(g->in, &f), ports[i]);
		}
}

/* Many hosts that use one port: each has another, of its parity and range. */
static void assert_spread(struct gate *g, unsigned int proto, unsigned int port, unsigned int hosts)
{
	static bool taken[65536];
	struct frame f;

	memset(taken, 0, sizeof(taken));
	for (unsigned int host = 1; host <= hosts; host++) {
		unsigned int got;

		frame_of(&f, proto, host, port);
		got = gate_port(g->in, &f);
		assert_int_equal(got & 1, port & 1);
		if (proto != PROTO_ICMP)
			assert_int_equal(got < 1024, port < 1024);
		assert_int_not_equal(got, 0);
		assert_false(taken[got]);
		taken[got] = true;
	}
}

static void a_taken_port_becomes_one_of_its_parity_and_range(void **state)
{
	static const unsigned int ports[] = {52, 53, 5000, 5001, 65535};
	struct gate *g = *state;

	for (unsigned int p = 0; p < ARRAY_SIZE(gate_protos); p++)
		for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
			gate_rules(g, "masquerade out dev out0");
			assert_spread(g, gate_protos[p], ports[i], HOSTS);
			assert_int_equal(prog_ports(g->in, 0, p), HOSTS);
		}
}

/* Each protocol has ports of its own. */
static void protocols_do_not_take_each_others_ports(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0");
	for (unsigned int p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		frame_of(&f, gate_protos[p], p + 1, 5000);
		assert_int_equal(gate_port(g->in, &f), 5000);
	}
}

/* What 'ports' says goes before preservation; parity is kept as long as there are ports of it. */
static void a_range_of_ports_is_kept_to(void **state)
{
	bool taken[64] = {false};
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "masquerade out dev out0 ports 40000-40063");
	frame_of(&f, PROTO_UDP, 1, 40010);
	assert_int_equal(gate_port(g->in, &f), 40010);
	taken[10] = true;
	for (unsigned int host = 2; host <= 64; host++) {
		unsigned int got;

		frame_of(&f, PROTO_UDP, host, 5000);
		got = gate_port(g->in, &f);
		assert_in_range(got, 40000, 40063);
		assert_false(taken[got - 40000]);
		taken[got - 40000] = true;
		if (host <= 32)
			assert_int_equal(got & 1, 0);
	}
	assert_int_equal(prog_ports(g->in, 0, 0), 64);
	frame_of(&f, PROTO_UDP, 65, 5000);
	assert_exit(prog_exit(g->in, &f, gate_ran()), X(nf_postrouting, NAT_EXHAUSTED));
	assert_int_equal(g->in->nat->ports_full, 1);
	frame_of(&f, PROTO_TCP, 65, 5000);
	assert_in_range(gate_port(g->in, &f), 40000, 40063);
}

static void snat_to_a_range_of_ports_is_kept_to(void **state)
{
	struct gate *g = *state;
	struct frame f;

	gate_rules(g, "snat out dev out0 src 192.0.2.0/24 to 203.0.113.7:2000-2001");
	for (unsigned int p = 0; p < ARRAY_SIZE(gate_protos); p++) {
		frame_of(&f, gate_protos[p], 1, 5001);
		assert_int_equal(gate_port(g->in, &f), 2001);
		frame_of(&f, gate_protos[p], 2, 5001);
		assert_int_equal(gate_port(g->in, &f), 2000);
		frame_of(&f, gate_protos[p], 3, 5001);
		assert_exit(prog_exit(g->in, &f, gate_ran()), X(nf_postrouting, NAT_EXHAUSTED));
	}
}

/* The last free port is found, wherever it lies, and it alone. */
static void the_last_free_port_is_found(void **state)
{
	struct gate *g = *state;
	struct weir_port_line full = {{~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL}};
	struct weir_port_line line;
	struct frame f;

	for (unsigned int port = 1025; port < 65536; port += 5431) {
		__u32 plane = port & 1, word = port >> 7, zero = 0, id, i;
		int fd;

		gate_rules(g, "masquerade out dev out0");
		assert_int_equal(bpf_map_lookup_elem(prog_map(g->in, "pool_ports"), &zero, &id), 0);
		fd = bpf_map_get_fd_by_id(id);
		assert_true(fd >= 0);
		for (i = 0; i < 2 * WEIR_PORT_PLANE; i++)
			assert_int_equal(bpf_map_update_elem(fd, &i, &full, 0), 0);
		i = plane * WEIR_PORT_PLANE + word / 8;
		line = full;
		line.word[word & 7] &= ~(1ULL << (port >> 1 & 63));
		assert_int_equal(bpf_map_update_elem(fd, &i, &line, 0), 0);
		i = plane * WEIR_PORT_PLANE + WEIR_PLANE_LINES;
		line = full;
		line.word[word / 64] &= ~(1ULL << (word & 63));
		assert_int_equal(bpf_map_update_elem(fd, &i, &line, 0), 0);
		frame_of(&f, PROTO_UDP, 1, 5000);
		assert_int_equal(gate_port(g->in, &f), port);
		frame_of(&f, PROTO_UDP, 2, 5000);
		assert_exit(prog_exit(g->in, &f, gate_ran()), X(nf_postrouting, NAT_EXHAUSTED));
		prog_flush(g->in);
		frame_of(&f, PROTO_UDP, 2, 5000);
		assert_int_equal(gate_port(g->in, &f), port);
		close(fd);
	}
}

/* Chance says which: who sees one port cannot tell the next (RFC 6056). */
static void another_port_is_by_chance(void **state)
{
	struct gate *g = *state;
	unsigned int first[2] = {0}, same = 0;
	struct frame f;

	for (int n = 0; n < 8; n++) {
		gate_rules(g, "masquerade out dev out0");
		frame_of(&f, PROTO_UDP, 1, 5000);
		gate_port(g->in, &f);
		frame_of(&f, PROTO_UDP, 2, 5000);
		first[n & 1] = gate_port(g->in, &f);
		same += n && first[0] == first[1];
	}
	assert_in_range(same, 0, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_free_port_is_kept),
		cmocka_unit_test(a_taken_port_becomes_one_of_its_parity_and_range),
		cmocka_unit_test(protocols_do_not_take_each_others_ports),
		cmocka_unit_test(a_range_of_ports_is_kept_to),
		cmocka_unit_test(snat_to_a_range_of_ports_is_kept_to),
		cmocka_unit_test(the_last_free_port_is_found),
		cmocka_unit_test(another_port_is_by_chance),
	};

	return gate_run("nat_port", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
