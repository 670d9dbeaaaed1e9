// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A router in a network namespace of this process' own; it goes when the process goes. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

static const struct {
	const char *name, *addr;
	unsigned int mtu, queues;
} ports[PORT_COUNT] = {
	[PORT_IN] = {"in0", ROUTER "/24", 1500, IN_QUEUES},
	[PORT_OUT] = {"out0", "198.51.100.254/24", 16000, 1},
	[PORT_SMALL] = {"small0", "203.0.113.254/24", SMALL_MTU, 1},
	[PORT_BARE] = {"bare0", "198.18.254.254/24", 1500, 1},
	[PORT_NOFWD] = {"nofwd0", "198.18.253.254/24", 1500, 1},
};

static const char neighbours[] = "neigh add " HOST " lladdr 02:00:00:00:00:01 dev in0\n"
				 "neigh add " INNER " lladdr 02:00:00:00:00:01 dev in0\n"
				 "neigh add " HOP " lladdr 02:00:00:00:01:01 dev out0\n"
				 "neigh add " SMALL_HOP " lladdr 02:00:00:00:02:01 dev small0\n"
				 "neigh add " BARE_HOP " lladdr 02:00:00:00:03:01 dev bare0\n";

static const char routes[] = "route add 198.18.1.0/24 via " HOP "\n"
			     "route add blackhole 198.18.2.0/24\n"
			     "route add unreachable 198.18.3.0/24\n"
			     "route add prohibit 198.18.4.0/24\n"
			     "route add 198.18.7.0/24 via " HOP_LOST "\n"
			     "route add 198.18.8.0/24 via " HOP "\n"
			     "route add 198.18.10.0/24 via " HOP "\n"
			     "route add 198.19.0.0/16 dev out0 scope link\n"
			     "route add blackhole 198.18.8.0/24 table 100\n"
			     "route add blackhole 198.18.10.0/24 table 100\n";

static const char rules[] = "rule add to 198.18.8.0/24 ipproto udp dport 4242 lookup 100\n"
			    "rule add to 198.18.8.0/24 ipproto tcp dport 4242 lookup 100\n"
			    "rule add to 198.18.10.0/24 tos 0x10 lookup 100\n";

static __u32 ifindexes[PORT_COUNT];
static bool lwt, ipv6, xfrm;

bool net_has_lwt(void)
{
	return lwt;
}

bool net_has_ipv6(void)
{
	return ipv6;
}

bool net_has_xfrm(void)
{
	return xfrm;
}

bool net_allowed(void)
{
	if (!geteuid())
		return true;
	printf("1..0 # SKIP needs root: run it by sudo\n");
	return false;
}

/* Programs look at the kernel's count of changes once a tick: the next packet finds a later one. */
static void next_tick(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 11000000}, NULL);
}

int net_ip(const char *fmt, ...)
{
	char cmd[512] = "ip ";
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(cmd + 3, sizeof(cmd) - 3, fmt, ap);
	va_end(ap);
	rc = system(cmd);
	next_tick();
	return rc;
}

static int set_sysctl(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, value, strlen(value));

	if (n < 0)
		perror(path);
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

void net_sysctl(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	assert_int_equal(set_sysctl(path, value), 0);
	next_tick();
}

void net_many_hop(unsigned int i, char addr[16])
{
	snprintf(addr, 16, "198.19.%u.%u", (i + 1) >> 8 & 0xff, (i + 1) & 0xff);
}

static void batch(FILE *ip, bool ruled)
{
	char addr[16];
	unsigned int i;

	fprintf(ip, "link set lo up\n");
	for (i = 0; i < PORT_COUNT; i++) {
		fprintf(ip,
			"link add %s address 02:00:00:00:%02x:fe mtu %u numrxqueues %u "
			"numtxqueues %u type veth peer name %sp mtu %u numrxqueues %u numtxqueues "
			"%u\n",
			ports[i].name, i, ports[i].mtu, ports[i].queues, ports[i].queues,
			ports[i].name, ports[i].mtu, ports[i].queues, ports[i].queues);
		fprintf(ip, "link set %sp up\nlink set %s up\naddr add %s dev %s\n", ports[i].name,
			ports[i].name, ports[i].addr, ports[i].name);
	}
	fputs(neighbours, ip);
	fputs(routes, ip);
	if (ruled)
		fputs(rules, ip);
	for (i = 0; i < MANY_HOPS; i++) {
		net_many_hop(i, addr);
		fprintf(ip, "neigh add %s lladdr 02:00:00:00:01:01 dev out0\n", addr);
	}
}

static int up(bool ruled)
{
	FILE *ip;

	if (unshare(CLONE_NEWNET)) {
		perror("unshare");
		return -1;
	}
	ip = popen("ip -batch -", "w");
	if (!ip)
		return -1;
	batch(ip, ruled);
	if (pclose(ip) || set_sysctl("/proc/sys/net/ipv4/ip_forward", "1") ||
		set_sysctl("/proc/sys/net/ipv4/conf/nofwd0/forwarding", "0"))
		return -1;
	for (unsigned int i = 0; i < PORT_COUNT; i++)
		ifindexes[i] = if_nametoindex(ports[i].name);
	lwt = !net_ip("route add 198.18.5.0/24 encap ip id 1 dst " HOP " dev out0 2>/dev/null");
	ipv6 = !net_ip("neigh add fe80::1 lladdr 02:00:00:00:01:01 dev out0 2>/dev/null") &&
	       !net_ip("route add 198.18.6.0/24 via inet6 fe80::1 dev out0 2>/dev/null");
	xfrm = !net_ip("xfrm policy flush 2>/dev/null");
	return prog_on_cpu(0) ? 0 : -1;
}

int net_up(void)
{
	return up(true);
}

int net_up_plain(void)
{
	return up(false);
}

__u32 net_ifindex(enum port port)
{
	assert_int_not_equal(ifindexes[port], 0);
	return ifindexes[port];
}

void net_mac(enum port port, __u8 mac[6])
{
	const __u8 m[6] = {2, 0, 0, 0, (__u8)port, 0xfe};

	memcpy(mac, m, 6);
}

void net_hop_mac(enum port port, __u8 mac[6])
{
	const __u8 m[6] = {2, 0, 0, 0, (__u8)port, 1};

	memcpy(mac, m, 6);
}
