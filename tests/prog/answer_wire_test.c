// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Real senders, refused: what their sockets are told, and whether the checksums of what arrives are whole,
 * or left to be completed where that is right. The two ends of a veth are in namespaces of their own,
 * gone with this process.
 *
 *	client: c0 192.0.2.1 ---- r0 192.0.2.254: router         198.51.100.1 is nowhere
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "answer.h"

#define SERVER	  "198.51.100.1"
#define WAIT_MS	  10000 /* only reached where nothing comes */
#define PARTIAL	  TP_STATUS_CSUMNOTREADY
#define PORT	  4000
#define ANSWER_ICMP_LEN 56 /* and what the packet carried */

static int client_ns, router_ns, wire;

static void enter(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

static int new_ns(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		return -1;
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return fd < 0 || net_ip("link set lo up") ? -1 : fd;
}

/* All that comes in to c0, as a sniffer sees it. */
static int sniff(void)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex("c0")};
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP));

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
		setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)))
		return -1;
	return fd;
}

static int setup(void **state)
{
	(void)state;
	client_ns = new_ns();
	router_ns = new_ns();
	if (client_ns < 0 || router_ns < 0 ||
		net_ip("link add r0 type veth peer name c0 netns /proc/%d/fd/%d", getpid(),
			client_ns) ||
		net_ip("link set r0 up") || net_ip("addr add 192.0.2.254/24 dev r0"))
		return -1;
	enter(client_ns);
	/* GRO: r0 takes what XDP sends back only then, and once c0 is up */
	if (net_ip("link set c0 up") || system("ethtool -K c0 gro on") ||
		net_ip("addr add 192.0.2.1/24 dev c0") ||
		net_ip("route add default via 192.0.2.254"))
		return -1;
	wire = sniff();
	return wire < 0 ? -1 : 0;
}

/* --- a program on a device --- */

static struct {
	struct prog prog;
	struct bpf_link *link;
	int ifindex;
	__u32 flags; /* of XDP */
} on;

static void attach(enum weir_hook hook, const char *dev, __u32 flags)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	LIBBPF_OPTS(bpf_tc_hook, tc, .attach_point = hook == WEIR_HOOK_tc_egress ? BPF_TC_EGRESS
										 : BPF_TC_INGRESS);

	enter(hook == WEIR_HOOK_tc_egress ? client_ns : router_ns);
	on.ifindex = tc.ifindex = (int)if_nametoindex(dev);
	on.flags = flags;
	answer_load(&on.prog, hook, (__u32)on.ifindex, flags & XDP_FLAGS_SKB_MODE, true);
	if (hook == WEIR_HOOK_xdp) {
		struct bpf_devmap_val own = {.ifindex = (__u32)on.ifindex};

		prog_put(&on.prog, "tx_ports", &own.ifindex, &own);
		assert_int_equal(bpf_xdp_attach(on.ifindex, bpf_program__fd(on.prog.prog), flags, NULL),
			0);
	} else {
		on.link = bpf_program__attach_tcx(on.prog.prog, on.ifindex, NULL);
		if (!on.link) { /* before Linux 6.6 */
			opts.prog_fd = bpf_program__fd(on.prog.prog);
			assert_int_equal(bpf_tc_hook_create(&tc), 0);
			assert_int_equal(bpf_tc_attach(&tc, &opts), 0);
		}
	}
	enter(client_ns);
}

static int detach(void **state)
{
	LIBBPF_OPTS(bpf_tc_hook, tc, .ifindex = on.ifindex,
		.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	(void)state;
	if (!on.prog.obj)
		return 0;
	enter(on.prog.hook == WEIR_HOOK_tc_egress ? client_ns : router_ns);
	if (on.prog.hook == WEIR_HOOK_xdp)
		bpf_xdp_detach(on.ifindex, on.flags, NULL);
	else if (on.link)
		bpf_link__destroy(on.link);
	else
		bpf_tc_hook_destroy(&tc);
	on.link = NULL;
	answer_unload(&on.prog);
	enter(client_ns);
	return 0;
}

/* --- what comes --- */

/* The next answer on the wire, and whether its checksum is left open. */
static bool next_answer(struct frame *f)
{
	char control[256];
	struct iovec io = {f->data, sizeof(f->data)};
	struct sockaddr_ll from;
	struct msghdr m = {.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &io,
		.msg_iovlen = 1};
	struct pollfd p = {.fd = wire, .events = POLLIN};
	ssize_t n;

	do {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		if (poll(&p, 1, WAIT_MS) != 1)
			fail_msg("nothing arrives");
		n = recvmsg(wire, &m, 0);
		assert_true(n > 0);
		f->len = (__u32)n;
	} while (from.sll_pkttype == PACKET_OUTGOING);
	return ((struct tpacket_auxdata *)CMSG_DATA(CMSG_FIRSTHDR(&m)))->tp_status & PARTIAL;
}

/* Sums are whole; TCP's may be open where the kernel knows that it is. */
static void assert_sums(const struct frame *f, bool open, bool may_be_open)
{
	__u32 len = get16(f, AT_IP_LEN) - 20;
	unsigned int pseudo = frame_pseudo(f);

	assert_int_equal(sum16(f->data + AT_IP_START, 20, 0), 0xffff);
	assert_in_range(f->len, AT_L4 + len, AT_L4 + len + 26);
	if (open && !may_be_open)
		fail_msg("the skb still says that its checksum is open");
	if (f->data[AT_IP_PROTO] == PROTO_ICMP)
		assert_int_equal(sum16(f->data + AT_L4, len, 0), 0xffff);
	else if (open)
		assert_int_equal(get16(f, AT_TCP_CHECK), pseudo);
	else
		assert_int_equal(sum16(f->data + AT_L4, len, pseudo), 0xffff);
}

static int socket_to(int type)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

	assert_true(fd >= 0);
	inet_pton(AF_INET, SERVER, &to.sin_addr);
	assert_int_equal(setsockopt(fd, SOL_IP, IP_RECVERR, &one, sizeof(one)), 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		assert_true(errno == EINPROGRESS || errno == ECONNREFUSED);
	return fd;
}

static int error_of(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
	socklen_t len = sizeof(int);
	int error = 0, tries;

	for (tries = 0; !error && tries < WAIT_MS / 10; tries++) {
		poll(&p, 1, 10);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
		if (!error)
			usleep(1000);
	}
	return error;
}

static void tcp_is_refused(bool may_be_open)
{
	static struct frame f;
	int fd = socket_to(SOCK_STREAM);
	bool open = next_answer(&f);

	assert_sums(&f, open, may_be_open);
	assert_int_equal(f.data[AT_IP_PROTO], PROTO_TCP);
	assert_int_equal(error_of(fd), ECONNREFUSED);
	close(fd);
}

/* From whom the error is that the socket was told of. */
static void assert_offender(int fd, const char *from)
{
	char control[512], data[2048], text[INET_ADDRSTRLEN];
	struct iovec io = {data, sizeof(data)};
	struct msghdr m = {.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct sock_extended_err *e;

	assert_true(recvmsg(fd, &m, MSG_ERRQUEUE) >= 0);
	e = (struct sock_extended_err *)CMSG_DATA(CMSG_FIRSTHDR(&m));
	assert_int_equal(e->ee_type, 3);
	assert_int_equal(e->ee_code, 13);
	inet_ntop(AF_INET, &((struct sockaddr_in *)SO_EE_OFFENDER(e))->sin_addr, text, sizeof(text));
	assert_string_equal(text, from);
}

/* @segment: the kernel is given a superframe of such segments. */
static void udp_is_refused(bool may_be_open, __u32 len, int segment, const char *from)
{
	static struct frame f;
	static char data[8000];
	int fd = socket_to(SOCK_DGRAM), full = segment ? segment : (int)len;
	bool open;

	if (segment)
		assert_int_equal(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)), 0);
	assert_int_equal(send(fd, data, len, 0), len);
	open = next_answer(&f);
	assert_sums(&f, open, may_be_open);
	assert_int_equal(f.data[AT_IP_PROTO], PROTO_ICMP);
	assert_int_equal(
		get16(&f, AT_IP_LEN), ANSWER_ICMP_LEN + (full < 520 ? full : 520));
	assert_int_equal(get16(&f, AT_L4 + 8 + 2), 28 + full);
	assert_int_equal(error_of(fd), EHOSTUNREACH);
	assert_offender(fd, from);
	close(fd);
}

static void all_are_refused(bool may_be_open, const char *from)
{
	static const __u32 lens[] = {1, 2, 18, 19, 100, 500, 519, 520, 521, 1000, 1472};
	size_t i;

	tcp_is_refused(may_be_open);
	for (i = 0; i < ARRAY_SIZE(lens); i++)
		udp_is_refused(may_be_open, lens[i], 0, from);
	tcp_is_refused(may_be_open);
}

static void by_native_xdp(void **state)
{
	(void)state;
	attach(WEIR_HOOK_xdp, "r0", XDP_FLAGS_DRV_MODE);
	all_are_refused(false, "192.0.2.254");
}

static void by_generic_xdp(void **state)
{
	(void)state;
	attach(WEIR_HOOK_xdp, "r0", XDP_FLAGS_SKB_MODE);
	all_are_refused(true, "192.0.2.254");
}

static void by_tc_ingress(void **state)
{
	(void)state;
	attach(WEIR_HOOK_tc_ingress, "r0", 0);
	all_are_refused(false, "192.0.2.254");
	udp_is_refused(false, 5000, 1000, "192.0.2.254");
	udp_is_refused(false, 350, 100, "192.0.2.254");
}

static void by_tc_egress(void **state)
{
	(void)state;
	attach(WEIR_HOOK_tc_egress, "c0", 0);
	all_are_refused(false, SERVER);
	udp_is_refused(false, 5000, 1000, SERVER);
	udp_is_refused(false, 350, 100, SERVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(by_native_xdp, detach),
		cmocka_unit_test_teardown(by_generic_xdp, detach),
		cmocka_unit_test_teardown(by_tc_ingress, detach),
		cmocka_unit_test_teardown(by_tc_egress, detach),
	};

	return net_allowed() ? cmocka_run_group_tests_name("answer_wire", tests, setup, NULL) : 0;
}
