// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel plane's pages, the planes side by side, and the packets traced, at every size. */
#include <stdio.h>

#include "look.h"
#include "model/tables.h"

static struct weir_kernel_drop *no_socket, *blackhole;

/* Packets forwarded, and some for a port that nobody has. */
static void kernel_traffic(__u64 packets)
{
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++) {
		made_kernel_observed(
			&t.kernel, 1 + (i >= WEIR_STAGE_ip_output), i, packets, 100 + 50 * i);
		made_kernel_counted(&t.kernel, 1, i, packets);
	}
	made_kernel_dropped(&t.kernel, no_socket, packets / 4);
	made_kernel_dropped(&t.kernel, blackhole, packets / 8);
}

static void watch(enum weir_klevel level)
{
	made_kernel_init(&t.kernel, level);
	no_socket = made_kernel_drop(&t.kernel, 1, WEIR_STAGE_udp_rcv, "NO_SOCKET");
	blackhole = made_kernel_drop(&t.kernel, 1, WEIR_STAGE_route_in, "BLACKHOLE");
}

static void a_packet_was_traced(void)
{
	static const struct traced packet = {.wall_ns = WALL * SECOND,
		.lost = true,
		.dev = "eth0",
		.what = "udp 192.0.2.1:5 > 198.51.100.1:9 ttl 64, 100 bytes",
		.verdict = "dropped at ip_rcv: IP_CSUM"};

	weir_tui_trace(t.tui, &packet);
}

/* By the keys that lead there from the kernel's path. */
static const char *const kernel_pages[] = {"", "d", "dj", "l", "c", "b", "t", ">", "?"};

static void every_page_of_the_kernel_can_be_drawn_at_every_size(void **state)
{
	(void)state;
	for (int utf8 = 0; utf8 < 2; utf8++) {
		open_tui(utf8);
		watch(WEIR_KLEVEL_full);
		look_at_both();
		for (int i = 0; i < 20; i++) {
			kernel_traffic(1u << i);
			a_packet_was_traced();
			look_at_both();
		}
		press("\t\t"); /* fast, stack, kernel */
		for (size_t i = 0; i < sizeof(kernel_pages) / sizeof(kernel_pages[0]); i++) {
			press(kernel_pages[i]);
			for (int w = 20; w <= 300; w += w < 130 ? 3 : 17)
				for (int h = 5; h <= 100; h += h < 40 ? 1 : 13)
					draw_and_check(w, h, utf8);
			press("\033");
		}
	}
}

static void the_kernels_ways_meet_where_packets_are_forwarded(void **state)
{
	const char *rx = "│ nf_forward", *tx = "──▶│ ip_output";

	(void)state;
	watch(WEIR_KLEVEL_full);
	look_at_both();
	kernel_traffic(1000);
	look_at_both();
	press("\t\t");
	draw(100, 32);
	assert_true(find(rx) > 0);
	assert_int_equal(find(rx), find(tx));
	assert_true(find("▼ nic_rx") > 0 && find("▼ sock_send") > find("▼ nic_rx"));
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++)
		shows(weir_stage_info[i].name);
	assert_true(strstr(line(find("│ udp_rcv")), "1.00 k    250"));
	assert_true(strstr(line(find("│ route_in")), "1.00 k    125"));
	shows("packets die at");
	shows("250/s udp_rcv NO_SOCKET r0");
	shows("udp_rcv drops 250/s for NO_SOCKET on r0: it is dropped by a test.");
	shows("weir drop explain NO_SOCKET");
	shows("DROPPED     375/s");
	shows("watch full");
	/* one below the other, in the order of a packet */
	draw(99, 50);
	for (unsigned int i = 1; i < WEIR_STAGE_COUNT; i++) {
		char before[64], name[64];

		snprintf(before, sizeof(before), " %s ", weir_stage_info[i - 1].name);
		snprintf(name, sizeof(name), " %s ", weir_stage_info[i].name);
		assert_int_equal(find(name), find(before) + 1);
	}
	shows("NO_SOCKET 250");
}

static void one_device_of_the_kernel_can_be_looked_at_alone(void **state)
{
	(void)state;
	watch(WEIR_KLEVEL_full);
	look_at_both();
	kernel_traffic(1000);
	made_kernel_dropped(&t.kernel, blackhole, 0);
	look_at_both();
	press("\t\t>");
	draw(120, 32);
	shows("[r0]");
	press(">");
	draw(120, 32);
	shows("[r1]");
	assert_true(strstr(line(find("│ udp_rcv")), "·"));
	shows_not("NO_SOCKET r0"); /* it is of r0: not in this list */
	assert_true(strstr(line(find("ip_output")), "1.00 k"));
}

static void a_drop_of_the_kernel_reads_like_a_diagnosis(void **state)
{
	(void)state;
	watch(WEIR_KLEVEL_drops);
	look_at_both();
	kernel_traffic(1000);
	look_at_both();
	press("\t\td");
	draw(100, 32);
	shows("250/s is lost at udp_rcv (UDP finds its socket) on r0 for NO_SOCKET: it is dropped");
	shows("when: since 22:13:2");
	shows("250 in all");
	shows("who:  the kernel in a_function+0x1");
	shows("such: udp 192.0.2.1:5 > 198.51.100.9:9");
	shows("do:   ip route get 198.51.100.9 from 192.0.2.1 iif r0");
	assert_true(find("when:") < find("route_in "));
	press("j");
	draw(100, 32);
	shows("125/s is lost at route_in");
	press("\\socket\n");
	draw(100, 32);
	shows_not("route_in ");
	press("\033\033");
	press("d/black\n\n"); /* to the map, at that stage */
	draw(100, 44);
	shows("route_in: route lookup");
	shows("dropped: BLACKHOLE 125");
}

static void an_unwatched_kernel_plane_has_words_and_no_zeros(void **state)
{
	(void)state;
	watch(WEIR_KLEVEL_off);
	look_at_both();
	look_at_both();
	press("\t\t");
	draw(80, 60);
	shows("the kernel plane is not watched; to watch it: weir -n router watch on drops");
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++)
		if (*weir_stage_info[i].kernel)
			shows(weir_stage_info[i].name);
	shows_not("pkts/s");
	press("d");
	draw(80, 60);
	shows("the kernel plane is not watched: Tab goes to the next");
	press("b");
	draw(100, 40);
	shows("kernel: not watched, 'weir watch on drops'");
	/* it cannot be read: why */
	assert_int_equal(weir_tui_take_kernel(t.tui, NULL, "no right to", t.wall_s), 0);
	press("b");
	draw(80, 60);
	shows("the kernel plane cannot be read: no right to");
}

static void planes_stand_side_by_side_where_packets_change_hands(void **state)
{
	(void)state;
	watch(WEIR_KLEVEL_full);
	look_at_both();
	traffic(1000);
	kernel_traffic(100);
	look_at_both();
	press("b");
	draw(140, 50);
	assert_true(strstr(line(find("│ xdp ")), "5.00 k"));
	assert_true(strstr(line(find("│ xdp ")), "1.00 k ──▶ ARP 1.00 k"));
	assert_true(strstr(line(find("│ core ")), " 100 "));
	assert_false(strstr(line(find("│ core ")), "──▶"));
	assert_true(strstr(line(find("│ udp_rcv ")), " 100 "));
	assert_true(strstr(line(find("│ udp_rcv ")), " 25 "));
	shows("stack: not in this version");
}

static void trouble_of_the_other_plane_is_said(void **state)
{
	(void)state;
	watch(WEIR_KLEVEL_full);
	look_at_both();
	made_packets(&t.made, 0, WEIR_EXIT_xmit_NONE, 5);
	kernel_traffic(1000);
	look_at_both();
	draw(100, 24);
	shows("kernel![fast]");
	shows("nothing is dropped; kernel plane: udp_rcv drops 250/s for NO_SOCKET on r0");
	shows("Tab shows it  weir drop explain NO_SOCKET");
	traffic(100);
	kernel_traffic(1000);
	look_at_both();
	draw(100, 24);
	shows("for BLACKHOLE on eth0");
	shows("kernel plane, too: Tab");
	press("\t\t");
	draw(100, 24);
	shows("[kernel] fast!");
	shows("fast plane, too: Tab");
	traffic(0);
	look_at_both();
	draw(100, 24);
	shows("the kernel drops nothing");
}

static void observers_that_are_gone_are_told(void **state)
{
	(void)state;
	watch(WEIR_KLEVEL_full);
	look_at_both();
	t.kernel.snap.cycling = false;
	look_at_both();
	press("\t\t");
	draw(100, 32);
	shows("watch full!");
	shows("stages are not observed: the process that does so is gone");
	shows("weir -n router watch on full");
	t.kernel.snap.lost.drops_full = 3;
	look_at_both();
	draw(120, 32);
	shows("LOST       3/s");
}

static void the_plane_that_there_is_comes_first(void **state)
{
	(void)state;
	t.made.nr_devs = 0;
	watch(WEIR_KLEVEL_full);
	look_at_both();
	look_at_both();
	draw(100, 32);
	shows("[kernel]");
	press("\t");
	look_at_both();
	draw(100, 32);
	shows("[fast]");
}

static void the_last_packets_traced_stand_newest_first(void **state)
{
	enum weir_plane plane;

	(void)state;
	look();
	look();
	press("t");
	draw(100, 24);
	assert_true(weir_tui_wants_trace(t.tui, &plane));
	assert_int_equal(plane, WEIR_PLANE_fast);
	shows("no packet was traced yet");
	for (int i = 0; i < TRACED_MAX + 5; i++) {
		struct traced packet = {.wall_ns = WALL * SECOND + (__u64)i * 1000};

		snprintf(packet.what, sizeof(packet.what), "packet %d.", i);
		snprintf(packet.road, sizeof(packet.road), "core +%d ns", i);
		weir_tui_trace(t.tui, &packet);
	}
	draw(100, 24);
	assert_true(find("packet 204.") > 0);
	assert_true(find("packet 203.") > find("packet 204."));
	shows("22:13:20.000204");
	/* of the chosen one, more */
	shows("core +204 ns");
	press("j");
	draw(100, 24);
	shows("core +203 ns");
	press(" ");
	assert_false(weir_tui_wants_trace(t.tui, &plane));
	press(" \t");
	assert_false(weir_tui_wants_trace(t.tui, &plane));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_page_of_the_kernel_can_be_drawn_at_every_size),
		TEST(the_kernels_ways_meet_where_packets_are_forwarded),
		TEST(one_device_of_the_kernel_can_be_looked_at_alone),
		TEST(a_drop_of_the_kernel_reads_like_a_diagnosis),
		TEST(an_unwatched_kernel_plane_has_words_and_no_zeros),
		TEST(planes_stand_side_by_side_where_packets_change_hands),
		TEST(trouble_of_the_other_plane_is_said),
		TEST(observers_that_are_gone_are_told),
		TEST(the_plane_that_there_is_comes_first),
		TEST(the_last_packets_traced_stand_newest_first),
	};

	return WEIR_RUN(tests);
}
