// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel's own counters, by what really happened: every datagram that was sent is found at the
 * stages that it passed, no more and no fewer, and what was dropped by its cause.
 *
 *	client                     router                      server
 *	c0 192.0.2.1 ---- r0 192.0.2.254 | r1 198.51.100.254 ---- s0 198.51.100.1
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/kernel_counters.h"
#include "model/kernel_stage.h"
#include "prog.h"

#define CLIENT "192.0.2.1"
#define SERVER "198.51.100.1"
#define NOBODY "203.0.113.9"
#define PORT   4000
#define K(id)  WEIR_KCOUNTER_##id
#define S(id)  WEIR_STAGE_##id

enum place { PLACE_CLIENT, PLACE_ROUTER, PLACE_SERVER, PLACES };

static int places[PLACES] = {-1, -1, -1};

static void enter(enum place place)
{
	assert_int_equal(setns(places[place], CLONE_NEWNET), 0);
}

static int new_place(void)
{
	FILE *all;

	if (unshare(CLONE_NEWNET))
		return -1;
	/* before any link comes up: nothing is to be sent but by the tests */
	all = fopen("/proc/thread-self/net/if_inet6", "re");
	if (all) {
		fclose(all);
		if (system("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; "
			   "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"))
			return -1;
	}
	if (net_ip("link set lo up"))
		return -1;
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int wire(enum place from, const char *dev, enum place to, const char *peer, int id)
{
	enter(from);
	return net_ip("link add %s address 02:00:00:00:0%d:01 type veth peer name %s address "
		      "02:00:00:00:0%d:02 netns /proc/%d/fd/%d",
		dev, id, peer, id, getpid(), places[to]);
}

static int setup(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PLACES; i++) {
		places[i] = new_place();
		if (places[i] < 0)
			return -1;
	}
	if (wire(PLACE_ROUTER, "r0", PLACE_CLIENT, "c0", 0) ||
		wire(PLACE_ROUTER, "r1", PLACE_SERVER, "s0", 1))
		return -1;
	enter(PLACE_ROUTER);
	if (net_ip("link set r0 up") || net_ip("link set r1 up") ||
		net_ip("addr add 192.0.2.254/24 dev r0") ||
		net_ip("addr add 198.51.100.254/24 dev r1") ||
		net_ip("neigh add " CLIENT " lladdr 02:00:00:00:00:02 dev r0") ||
		net_ip("neigh add " SERVER " lladdr 02:00:00:00:01:02 dev r1"))
		return -1;
	net_sysctl("ip_forward", "1");
	enter(PLACE_SERVER);
	if (net_ip("link set s0 up") || net_ip("addr add " SERVER "/24 dev s0") ||
		net_ip("neigh add 198.51.100.254 lladdr 02:00:00:00:01:01 dev s0") ||
		net_ip("route add 192.0.2.0/24 via 198.51.100.254"))
		return -1;
	enter(PLACE_CLIENT);
	if (net_ip("link set c0 up") || net_ip("addr add " CLIENT "/24 dev c0") ||
		net_ip("neigh add 192.0.2.254 lladdr 02:00:00:00:00:01 dev c0") ||
		net_ip("route add 198.51.100.0/24 via 192.0.2.254"))
		return -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PLACES; i++)
		if (places[i] >= 0)
			close(places[i]);
	return 0;
}

/* --- readings --- */

static struct weir_kreading before[PLACES], delta[PLACES];
static struct weir_kstages stages[PLACES];

static void look(struct weir_kreading *r, enum place place)
{
	struct weir_err err = {};

	if (weir_kcounters_read_in(places[place], r, &err))
		fail_msg("%s", err.what);
}

static void begin(void)
{
	for (unsigned int i = 0; i < PLACES; i++)
		look(&before[i], i);
}

static void end(void)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		struct weir_kreading now;

		look(&now, i);
		assert_int_equal(weir_kreading_delta(&before[i], &now, &delta[i]), 0);
		assert_int_equal(weir_kstages_init(&stages[i], &delta[i]), 0);
		weir_kreading_done(&now);
	}
}

static int forget(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PLACES; i++) {
		weir_kreading_done(&before[i]);
		weir_kreading_done(&delta[i]);
		weir_kstages_done(&stages[i]);
	}
	enter(PLACE_CLIENT);
	return 0;
}

static void expect(enum place place, const char *dev, enum weir_stage stage, __u64 packets)
{
	const struct weir_kstage *s = stages[place].ns;

	for (unsigned int i = 0; dev && i < stages[place].nr_devs; i++)
		if (!strcmp(stages[place].dev[i].name, dev))
			s = stages[place].dev[i].stage;
	if (s[stage].packets.count != packets || !s[stage].packets.seen)
		print_error("place %d, device %s, stage %d\n", place, dev ? dev : "-", stage);
	assert_int_equal(s[stage].packets.count, packets);
	assert_int_not_equal(s[stage].packets.seen, WEIR_KSEEN_no);
}

/* Until a counter of the namespace has gone on by @nr since begin(), or five seconds long: on a
 * busy machine packets wait for a softirq. */
static void wait_for(enum place place, enum weir_kcounter counter, __u64 nr)
{
	const struct weir_kvalue *then = weir_kreading_find(&before[place], counter, 0, 0), *v;
	struct weir_kreading now;
	bool there = false;

	assert_non_null(then);
	for (unsigned int tries = 500; tries && !there; tries--) {
		look(&now, place);
		v = weir_kreading_find(&now, counter, 0, 0);
		there = v && v->value >= then->value + nr;
		weir_kreading_done(&now);
		if (!there)
			usleep(10000);
	}
}

/* The drops that a counter has, and 0 for those that no counter has. */
static struct weir_kcounted drop_of(enum place place, enum weir_kcounter counter)
{
	struct weir_kcounted drop;
	unsigned int at = 0;

	while (weir_kcounted_next(&delta[place], &at, &drop))
		if (drop.counter == counter)
			return drop;
	return (struct weir_kcounted){.counter = counter};
}

/* Of those of the namespace: what happens elsewhere on the machine is not for this test. */
static void expect_no_drops(enum place place)
{
	struct weir_kcounted drop;
	unsigned int at = 0;

	while (weir_kcounted_next(&delta[place], &at, &drop))
		if (weir_kcounter_scope(drop.counter) != WEIR_KSCOPE_machine)
			fail_msg("place %d: %s %llu", place, weir_kcounter_info[drop.counter].name,
				drop.packets);
}

/* --- traffic --- */

static struct sockaddr_in at(const char *addr, int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = inet_addr(addr)};
}

static int listener(int type, const char *addr)
{
	struct sockaddr_in name = at(addr, PORT);
	struct timeval wait = {.tv_sec = 5};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

/* From the client; returns how many the kernel took. */
static unsigned int send_udp(const char *addr, unsigned int nr, size_t size)
{
	static const char data[4000];
	struct sockaddr_in to = at(addr, PORT);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), any = 0; /* IP_PMTUDISC_DONT */
	unsigned int taken = 0;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &any, sizeof(any)), 0);
	for (unsigned int i = 0; i < nr; i++)
		taken += sendto(fd, data, size, 0, (struct sockaddr *)&to, sizeof(to)) > 0;
	close(fd);
	return taken;
}

static void receive(int fd, unsigned int nr)
{
	char data[4000];

	for (unsigned int i = 0; i < nr; i++)
		assert_true(recv(fd, data, sizeof(data), 0) > 0);
}

static void each_datagram_is_at_each_stage(void **state)
{
	const unsigned int nr = 200;
	int fd;

	(void)state;
	enter(PLACE_SERVER);
	fd = listener(SOCK_DGRAM, SERVER);
	enter(PLACE_CLIENT);
	begin();
	assert_int_equal(send_udp(SERVER, nr, 100), nr);
	receive(fd, nr);
	end();
	close(fd);
	expect(PLACE_CLIENT, NULL, S(udp_send), nr);
	expect(PLACE_CLIENT, NULL, S(ip_local_out), nr);
	expect(PLACE_CLIENT, NULL, S(ip_output), nr);
	expect(PLACE_CLIENT, "c0", S(xmit), nr);
	expect(PLACE_ROUTER, "r0", S(nic_rx), nr);
	expect(PLACE_ROUTER, "r1", S(nic_rx), 0);
	expect(PLACE_ROUTER, NULL, S(nic_rx), nr);
	expect(PLACE_ROUTER, NULL, S(ip_rcv), nr);
	assert_int_equal(stages[PLACE_ROUTER].ns[S(ip_rcv)].bytes.count, nr * 128);
	assert_int_equal(stages[PLACE_ROUTER].ns[S(ip_rcv)].segments.count, nr);
	expect(PLACE_ROUTER, NULL, S(ip_forward), nr);
	expect(PLACE_ROUTER, NULL, S(ip_local_deliver), 0);
	expect(PLACE_ROUTER, NULL, S(ip_local_out), 0);
	expect(PLACE_ROUTER, NULL, S(ip_output), nr);
	expect(PLACE_ROUTER, "r1", S(xmit), nr);
	expect(PLACE_ROUTER, "r0", S(xmit), 0);
	assert_int_equal(stages[PLACE_ROUTER].ns[S(xmit)].bytes.count, nr * 142);
	expect(PLACE_SERVER, "s0", S(nic_rx), nr);
	expect(PLACE_SERVER, NULL, S(ip_rcv), nr);
	expect(PLACE_SERVER, NULL, S(ip_local_deliver), nr);
	expect(PLACE_SERVER, NULL, S(udp_rcv), nr);
	expect(PLACE_SERVER, NULL, S(sock_recv), nr);
	expect(PLACE_SERVER, NULL, S(tcp_rcv), 0);
	/* veths have no queue, which is not one of 0 packets */
	assert_int_equal(stages[PLACE_CLIENT].ns[S(qdisc)].packets.seen, WEIR_KSEEN_no);
	/* of the machine's there is at least what was ours: into two namespaces */
	assert_true(stages[PLACE_SERVER].machine[S(core)].packets.count >= 2 * nr);
	for (unsigned int i = 0; i < PLACES; i++)
		expect_no_drops(i);
}

static void fragments_are_counted_as_they_are(void **state)
{
	const unsigned int nr = 5;
	int fd;

	(void)state;
	enter(PLACE_SERVER);
	fd = listener(SOCK_DGRAM, SERVER);
	enter(PLACE_CLIENT);
	begin();
	assert_int_equal(send_udp(SERVER, nr, 2000), nr);
	receive(fd, nr);
	end();
	close(fd);
	expect(PLACE_CLIENT, NULL, S(ip_local_out), nr);
	expect(PLACE_CLIENT, NULL, S(ip_output), nr);
	expect(PLACE_CLIENT, NULL, S(ip_fragment), nr);
	assert_int_equal(stages[PLACE_CLIENT].ns[S(ip_fragment)].made.count, 2 * nr);
	expect(PLACE_CLIENT, "c0", S(xmit), 2 * nr);
	expect(PLACE_ROUTER, NULL, S(ip_forward), 2 * nr);
	expect(PLACE_ROUTER, NULL, S(ip_fragment), 0);
	expect(PLACE_SERVER, NULL, S(ip_rcv), 2 * nr);
	expect(PLACE_SERVER, NULL, S(ip_defrag), 2 * nr);
	assert_int_equal(stages[PLACE_SERVER].ns[S(ip_defrag)].made.count, nr);
	expect(PLACE_SERVER, NULL, S(udp_rcv), nr);
	expect_no_drops(PLACE_SERVER);
}

static void a_closed_port_and_a_full_buffer_are_told_apart(void **state)
{
	const unsigned int nr = 30;
	int fd, size = 1, kept = 0;
	char data[200];

	(void)state;
	begin();
	send_udp(SERVER, nr, 100);
	wait_for(PLACE_SERVER, K(udp_no_ports), nr);
	end();
	assert_int_equal(drop_of(PLACE_SERVER, K(udp_no_ports)).packets, nr);
	assert_int_equal(stages[PLACE_SERVER].ns[S(udp_rcv)].drops.count, nr);
	expect_no_drops(PLACE_ROUTER);
	forget(NULL);

	enter(PLACE_SERVER);
	fd = listener(SOCK_DGRAM, SERVER);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	enter(PLACE_CLIENT);
	begin();
	assert_int_equal(send_udp(SERVER, nr, 100), nr);
	wait_for(PLACE_SERVER, K(ip_delivers), nr);
	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		kept++;
	end();
	close(fd);
	assert_true(kept > 0);
	assert_int_equal(drop_of(PLACE_SERVER, K(udp_rcvbuf)).packets, nr - (unsigned int)kept);
	assert_int_equal(drop_of(PLACE_SERVER, K(udp_in_errors)).packets, 0);
	assert_int_equal(drop_of(PLACE_SERVER, K(udp_no_ports)).packets, 0);
	expect(PLACE_SERVER, NULL, S(udp_rcv), nr);
	expect(PLACE_SERVER, NULL, S(sock_recv), (__u64)kept);
}

static void a_sender_without_a_route_is_seen_by_a_counter_alone(void **state)
{
	struct weir_kcounted drop;

	(void)state;
	begin();
	assert_int_equal(send_udp(NOBODY, 7, 100), 0);
	end();
	drop = drop_of(PLACE_CLIENT, K(ip_no_routes_out));
	assert_int_equal(drop.packets, 7);
	assert_int_equal(weir_kcounted_silent(&drop, 0), 7);
	assert_int_equal(stages[PLACE_CLIENT].ns[S(route_out)].drops.count, 7);
	expect(PLACE_CLIENT, NULL, S(udp_send), 0);
}

static void a_full_listener_is_seen_by_a_counter_alone(void **state)
{
	struct sockaddr_in name = at(SERVER, PORT);
	struct weir_kcounted drop;
	int fd[7];

	(void)state;
	enter(PLACE_SERVER);
	fd[6] = listener(SOCK_STREAM, SERVER);
	assert_int_equal(listen(fd[6], 1), 0);
	enter(PLACE_CLIENT);
	begin();
	for (unsigned int i = 0; i < 6; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fd[i], (struct sockaddr *)&name, sizeof(name));
	}
	wait_for(PLACE_SERVER, K(tcp_listen_overflows), 4);
	end();
	for (unsigned int i = 0; i < 7; i++)
		close(fd[i]);
	/* two wait for accept(); SYNs may have been sent again meanwhile */
	drop = drop_of(PLACE_SERVER, K(tcp_listen_overflows));
	assert_true(drop.packets >= 4);
	assert_int_equal(weir_kcounted_silent(&drop, 1000), drop.packets);
	/* the same ones are in ListenDrops */
	assert_int_equal(drop_of(PLACE_SERVER, K(tcp_listen_drops)).packets, 0);
	assert_int_equal(stages[PLACE_SERVER].ns[S(tcp_rcv)].drops.count, drop.packets);
}

static void a_slow_tap_is_seen(void **state)
{
	const unsigned int nr = 40;
	struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
	struct tpacket_stats told;
	socklen_t len = sizeof(told);
	int fd, size = 1, server;

	(void)state;
	enter(PLACE_SERVER);
	server = listener(SOCK_DGRAM, SERVER); /* so that nothing comes back */
	enter(PLACE_ROUTER);
	begin();
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	name.sll_ifindex = (int)if_nametoindex("r0");
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	enter(PLACE_CLIENT);
	send_udp(SERVER, nr, 1000);
	receive(server, nr);
	end();
	assert_int_equal(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &told, &len), 0);
	close(fd);
	close(server);
	if (!(delta[PLACE_ROUTER].sources & 1U << WEIR_KSOURCE_packet)) {
		printf("# skip: this kernel tells nothing of packet sockets "
		       "(CONFIG_PACKET_DIAG)\n");
		skip();
	}
	assert_true(told.tp_drops > 0);
	assert_int_equal(drop_of(PLACE_ROUTER, K(packet_drops)).packets, told.tp_drops);
}

static void a_full_qdisc_is_counted_once(void **state)
{
	const unsigned int nr = 30;
	const struct weir_kvalue *waiting;
	__u64 drops;

	(void)state;
	enter(PLACE_CLIENT);
	if (system("tc qdisc add dev c0 root tbf rate 1kbit burst 1600 limit 3000 2>/dev/null")) {
		printf("# skip: no tc, or no qdisc tbf in this kernel\n");
		skip();
	}
	begin();
	send_udp(SERVER, nr, 500);
	end();
	assert_int_equal(system("tc qdisc del dev c0 root"), 0);
	drops = drop_of(PLACE_CLIENT, K(qdisc_drops)).packets;
	waiting = weir_kreading_find(&delta[PLACE_CLIENT], K(qdisc_qlen), 0, if_nametoindex("c0"));
	assert_non_null(waiting);
	assert_true(drops > 0);
	expect(PLACE_CLIENT, "c0", S(qdisc), nr - drops - waiting->value);
	assert_int_equal(stages[PLACE_CLIENT].ns[S(qdisc)].drops.count, drops);
	/* its sender is told of the same ones */
	assert_int_equal(drop_of(PLACE_CLIENT, K(udp_sndbuf)).packets, drops);
	assert_int_equal(stages[PLACE_CLIENT].ns[S(make_skb)].drops.count, 0);
}

static void a_device_that_was_replaced_is_told(void **state)
{
	const struct weir_kvalue *v;

	(void)state;
	enter(PLACE_CLIENT);
	assert_int_equal(net_ip("link add t0 index 77 type veth peer name t1 index 78"), 0);
	assert_int_equal(net_ip("link set t0 up"), 0);
	assert_int_equal(net_ip("link set t1 up"), 0);
	assert_int_equal(net_ip("addr add 203.0.113.1/28 dev t0"), 0);
	assert_int_equal(net_ip("neigh add " NOBODY " lladdr 02:00:00:00:07:07 dev t0"), 0);
	assert_int_equal(send_udp(NOBODY, 5, 100), 5);
	begin();
	assert_int_equal(net_ip("link del t0"), 0);
	assert_int_equal(net_ip("link add t0 index 77 type veth peer name t2 index 79"), 0);
	end();
	assert_int_equal(net_ip("link del t0"), 0);
	v = weir_kreading_find(&delta[PLACE_CLIENT], K(tx_packets), 0, 77);
	assert_non_null(v);
	assert_true(v->reset);
	assert_int_equal(v->value, 0);
	assert_true(stages[PLACE_CLIENT].ns[S(xmit)].reset);
	/* and a new one counts from 0 */
	v = weir_kreading_find(&delta[PLACE_CLIENT], K(tx_packets), 0, 79);
	assert_non_null(v);
	assert_false(v->reset);
	assert_null(weir_kreading_find(&delta[PLACE_CLIENT], K(tx_packets), 0, 78));
}

static void another_namespace_is_read_from_here(void **state)
{
	struct weir_kreading here, there;
	struct weir_err err = {};
	__u64 cookie, after;

	(void)state;
	enter(PLACE_CLIENT);
	assert_int_equal(weir_ns_cookie(&cookie, &err), 0);
	assert_int_equal(weir_kcounters_read(&here, &err), 0);
	look(&there, PLACE_SERVER);
	assert_int_equal(here.netns, cookie);
	assert_int_not_equal(there.netns, cookie);
	assert_int_equal(weir_ns_cookie(&after, &err), 0);
	assert_int_equal(after, cookie);
	assert_int_equal(there.nr_devs, 2);
	weir_kreading_done(&here);
	weir_kreading_done(&there);
	/* what is no namespace */
	assert_int_equal(weir_kcounters_read_in(0, &there, &err), -EINVAL);
}

static void features_are_those_of_this_kernel(void **state)
{
	struct weir_kfeatures have;
	struct weir_kreading r;
	struct weir_err err = {};

	(void)state;
	look(&r, PLACE_CLIENT);
	if (weir_kfeatures_read(&r, NULL, &have, &err)) {
		printf("# skip: no BTF\n");
		skip();
	}
	weir_kreading_done(&r);
	assert_true(have.trace[WEIR_KTRACE_kfree_skb]);
	assert_true(have.trace[WEIR_KTRACE_netif_receive_skb]);
	assert_true(have.counter[K(ip_receives)]);
	assert_true(have.counter[K(softnet_processed)]);
	/* what no one looked for */
	for (unsigned int i = 0; i < WEIR_KHOOK_COUNT; i++)
		assert_false(have.hook[i]);
	assert_false(weir_kcovered(S(nf_forward), &have));
	assert_true(weir_kcovered(S(ip_rcv), &have));
}

#define TEST(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_datagram_is_at_each_stage),
		TEST(fragments_are_counted_as_they_are),
		TEST(a_closed_port_and_a_full_buffer_are_told_apart),
		TEST(a_sender_without_a_route_is_seen_by_a_counter_alone),
		TEST(a_full_listener_is_seen_by_a_counter_alone),
		TEST(a_slow_tap_is_seen),
		TEST(a_full_qdisc_is_counted_once),
		TEST(a_device_that_was_replaced_is_told),
		TEST(another_namespace_is_read_from_here),
		TEST(features_are_those_of_this_kernel),
	};

	return net_allowed()
		       ? cmocka_run_group_tests_name("kernel_counters", tests, setup, teardown)
		       : 0;
}
