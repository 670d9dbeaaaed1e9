// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The programs of `weir trace plane kernel`, attached in a namespace of the test's own, and
 * datagrams over its loopback: what this kernel tells, and what of it makes one packet.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/kernel_trace.h"
#include "prog.h"

static struct weir_ns *ns;
static struct weir_tracing *tracing;
static struct weir_trace_event got[256];
static unsigned int nr;

static int up(void **state)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	struct weir_err err;
	int fd;

	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		return -1;
	close(fd);
	return weir_ns_open(NULL, NULL, &ns, &err);
}

static int down(void **state)
{
	(void)state;
	weir_ns_free(ns);
	return 0;
}

static void open_trace(const char *expr, __u32 rate)
{
	struct weir_trace_wish wish = {.expr = expr, .rate = rate};
	struct weir_err err = {0};

	nr = 0;
	if (weir_tracing_open(ns, &wish, &tracing, &err))
		fail_msg("%s", err.what);
}

static int on_event(void *ctx, const struct weir_trace_event *e)
{
	(void)ctx;
	if (nr < sizeof(got) / sizeof(*got))
		got[nr++] = *e;
	return 0;
}

/* All that was told; ends the trace. */
static void close_trace(void)
{
	struct weir_err err;

	assert_int_equal(weir_tracing_drain(tracing, on_event, NULL, &err), 0);
	weir_tracing_close(tracing);
}

static void udp(__u16 port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(sendto(fd, "weir", 4, 0, (struct sockaddr *)&to, sizeof(to)), 4);
	close(fd);
}

/* How many events are of the point. */
static unsigned int count(enum weir_trace_point point)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr; i++)
		n += got[i].point == point;
	return n;
}

static void what_every_kernel_shows_is_attached(void **state)
{
	const __u32 everywhere = 1U << WEIR_TRACE_netif_rx | 1U << WEIR_TRACE_netif_receive |
				 1U << WEIR_TRACE_dev_queue | 1U << WEIR_TRACE_start_xmit |
				 1U << WEIR_TRACE_xmit | 1U << WEIR_TRACE_kfree |
				 1U << WEIR_TRACE_consume | 1U << WEIR_TRACE_gro_enter |
				 1U << WEIR_TRACE_tcp_probe | 1U << WEIR_TRACE_qdisc_enqueue;
	char unseen[512];

	(void)state;
	open_trace("udp", 1000);
	weir_trace_stages(weir_tracing_points(tracing), false, unseen, sizeof(unseen));
	if (*unseen)
		printf("# this kernel does not show: %s\n", unseen);
	assert_int_equal(weir_tracing_points(tracing) & everywhere, everywhere);
	close_trace();
}

static void one_datagram_is_one_packet(void **state)
{
	(void)state;
	open_trace("udp and dst port 9", 1000);
	udp(9);
	udp(10);
	close_trace();
	assert_true(nr >= 5);
	for (unsigned int i = 0; i < nr; i++) {
		assert_int_equal(got[i].id, 1);
		assert_true(!i || got[i].time_ns >= got[i - 1].time_ns);
		assert_true(got[i].netns);
		assert_string_equal(got[i].dev, "lo");
	}
	assert_true(got[0].head_len > 0);
	assert_int_equal(count(WEIR_TRACE_dev_queue), 1);
	assert_int_equal(count(WEIR_TRACE_start_xmit), 1);
	assert_int_equal(count(WEIR_TRACE_xmit), 1);
	assert_int_equal(count(WEIR_TRACE_netif_rx), 1);
	assert_int_equal(count(WEIR_TRACE_netif_receive), 1);
	assert_int_equal(count(WEIR_TRACE_kfree), 1);
	assert_int_equal(got[nr - 1].what, WEIR_TRACE_WHAT_drop);
}

static void reused_memory_is_another_packet(void **state)
{
	__u64 ids = 0;

	(void)state;
	open_trace("udp and dst port 9", 1000);
	for (unsigned int i = 0; i < 10; i++)
		udp(9);
	close_trace();
	for (unsigned int i = 0; i < nr; i++)
		ids |= 1ull << got[i].id;
	assert_int_equal(ids, 0x7fe); /* 1 to 10 */
	assert_int_equal(count(WEIR_TRACE_kfree), 10);
}

static void what_is_over_the_rate_is_counted_once(void **state)
{
	struct weir_trace_losses losses;
	unsigned int shown = 0;
	struct weir_err err;

	(void)state;
	open_trace("udp and dst port 9", 1);
	for (unsigned int i = 0; i < 30; i++)
		udp(9);
	weir_tracing_losses(tracing, &losses);
	assert_int_equal(weir_tracing_poll(tracing, 0, on_event, NULL, &err), 0);
	close_trace();
	for (unsigned int i = 0; i < nr; i++)
		shown = got[i].id > shown ? (unsigned int)got[i].id : shown;
	assert_in_range(shown, 1, 5);
	assert_int_equal(shown + losses.limited, 30);
	assert_int_equal(losses.full + losses.lost + losses.missed, 0);
}

static void names_are_the_kernels(void **state)
{
	struct weir_kernel_drop drop = {0};
	struct weir_trace_names names;
	struct weir_err err;

	(void)state;
	open_trace("udp and dst port 9", 1000);
	udp(9);
	names = weir_tracing_names(tracing);
	assert_int_equal(weir_tracing_poll(tracing, 0, on_event, NULL, &err), 0);
	assert_true(nr > 0);
	drop.key = got[nr - 1].drop;
	names.drop(names.ctx, &drop);
	assert_string_equal(drop.reason, "NO_SOCKET");
	if (strncmp(drop.location, "__udp4_lib_rcv+0x", 17))
		fail_msg("%s", drop.location);
	drop.key.reason = 0xffff0000;
	names.drop(names.ctx, &drop);
	assert_string_equal(drop.reason, "SUBSYS65535/0");
	close_trace();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_every_kernel_shows_is_attached),
		cmocka_unit_test(one_datagram_is_one_packet),
		cmocka_unit_test(reused_memory_is_another_packet),
		cmocka_unit_test(what_is_over_the_rate_is_counted_once),
		cmocka_unit_test(names_are_the_kernels),
	};

	return cmocka_run_group_tests(tests, up, down);
}
