// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What programs find around them: confirmed next hops, devices, addresses. */
#include <arpa/inet.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>

#include "prog.h"

/* The hops that frames of the tests' own addresses go to. */
static const struct {
	enum port port;
	const char *addr;
} hops[] = {
	{PORT_IN, HOST},
	{PORT_IN, INNER},
	{PORT_OUT, HOP},
	{PORT_SMALL, SMALL_HOP},
	{PORT_BARE, BARE_HOP},
};

_Static_assert(ARRAY_SIZE(hops) == PROG_HOPS, "prog.h says how many");

static struct weir_neigh_key neigh_key(enum port port, const char *hop)
{
	struct weir_neigh_key key = {.ifindex = net_ifindex(port)};

	assert_int_equal(inet_pton(AF_INET, hop, &key.nexthop), 1);
	return key;
}

void prog_confirm(struct prog *p)
{
	struct weir_neigh never = {.due_ns = UINT64_MAX};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hops); i++) {
		struct weir_neigh_key key = neigh_key(hops[i].port, hops[i].addr);

		prog_put(p, "neigh", &key, &never);
	}
}

/* It looks once a tick. */
void prog_hash_ports(struct prog *p, bool on)
{
	static struct frame f;
	static struct ran ran;
	int tries;

	net_sysctl("fib_multipath_hash_policy", on ? "1" : "0");
	frame_make(&f, PROTO_UDP, FAR, 26);
	for (tries = 0; tries < 5000; tries++) {
		prog_run(p, &f, &ran);
		if (prog_cursor(p)->narrow == on)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	assert_true(tries < 5000);
	prog_forget_flows(p);
}

void prog_local(struct prog *p, const char *addr, bool on)
{
	int fd = prog_map(p, "local");
	struct weir_local v = {.type = 2 /* RTN_LOCAL */};
	__u32 key;

	assert_int_equal(inet_pton(AF_INET, addr, &key), 1);
	if (on)
		prog_put(p, "local", &key, &v);
	else
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
	p->ctl->generation++;
}

void prog_forget_hops(struct prog *p)
{
	int fd = prog_map(p, "neigh");
	struct weir_neigh_key key;

	while (!bpf_map_get_next_key(fd, NULL, &key))
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
}

void prog_forget(struct prog *p)
{
	prog_forget_hops(p);
	prog_forget_flows(p);
}

int prog_neigh_due(struct prog *p, enum port port, const char *hop, __u64 *due_ns)
{
	struct weir_neigh_key key = neigh_key(port, hop);
	struct weir_neigh n;
	int rc = bpf_map_lookup_elem(prog_map(p, "neigh"), &key, &n);

	if (!rc)
		*due_ns = n.due_ns;
	return rc;
}

void prog_port_add(struct prog *p, __u32 ifindex, __u32 reachable_ms)
{
	struct weir_port v = {.reachable_ms = reachable_ms, .dev = ifindex};

	prog_put(p, "ports", &ifindex, &v);
}

void prog_reachable(struct prog *p, enum port port, __u32 ms)
{
	prog_port_add(p, net_ifindex(port), ms);
}

void prog_port_remove(struct prog *p, enum port port)
{
	__u32 ifindex = net_ifindex(port);

	assert_int_equal(bpf_map_delete_elem(prog_map(p, "ports"), &ifindex), 0);
}
