// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The picture itself, at every size: what a user would see, without a terminal. */
#include <stdio.h>

#include "look.h"
#include "model/tables.h"

/* The pages, by the keys that lead there from the path. */
static const char *const pages[] = {"", "d", "l", "c", "cc", "b", "t", "?", "\t", "\t\t"};

static void every_page_can_be_drawn_at_every_size(void **state)
{
	(void)state;
	for (int utf8 = 0; utf8 < 2; utf8++) {
		open_tui(utf8);
		look();
		for (int i = 0; i < 20; i++) {
			traffic(1u << i);
			look();
		}
		for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
			press(pages[i]);
			for (int w = 20; w <= 300; w += w < 130 ? 3 : 17)
				for (int h = 5; h <= 100; h += h < 35 ? 1 : 13)
					draw_and_check(w, h, utf8);
			/* back to the path of the fast plane */
			if (*pages[i] == '\t')
				press(pages[i][1] ? "\t" : "\t\t");
			else
				press("\033");
		}
	}
}

static void a_small_screen_is_told_the_least_size(void **state)
{
	(void)state;
	look();
	look();
	draw(20, 5);
	shows("needs 40x10");
	shows("this is 20x5");
	draw(39, 30);
	shows("needs 40x10");
	draw(40, 9);
	shows("needs 40x10");
	draw(40, 10);
	shows_not("needs");
	shows("nic_rx");
}

static void the_whole_map_is_shown_from_80x24(void **state)
{
	int y = 0;

	(void)state;
	look();
	traffic(1000);
	look();
	draw(80, 24);
	for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++) {
		char name[64];
		int at;

		if (!weir_hook_crosses(WEIR_HOOK_xdp, i))
			continue; /* all that is attached there */
		snprintf(name, sizeof(name), "%s ", weir_stage_info[weir_fast_to_stage[i]].name);
		at = find(name);
		assert_true(at > y);
		y = at;
	}
	assert_true(find("▼ out") > y);
	assert_true(find("▼ nic_rx") > 0);
	shows("├─▶");
	shows("ARP 1.00 k");
	shows("IP_TTL 1.00 k");
	draw(100, 40);
	shows("passed → kernel");
	shows("punt → kernel");
}

/* Where the last character of each number stands. */
static void number_ends(int w, int h, bool *ends)
{
	draw(w, h);
	for (int i = 0; i < w * h; i++) {
		bool last = i % w == w - 1 || t.cells->at[i + 1].c == ' ';

		ends[i] = t.cells->at[i].c != ' ' && last;
	}
}

static void numbers_and_titles_keep_their_place(void **state)
{
	static bool before[120 * 40], now[120 * 40];

	(void)state;
	look();
	traffic(1);
	look();
	number_ends(120, 40, before);
	for (unsigned int i = 1; i < 40; i++) {
		static const char title[] = "packets/s";
		int y = find(title), x;

		traffic(1ull << i);
		look();
		number_ends(120, 40, now);
		assert_int_equal(find(title), y);
		x = (int)(strstr(line(y), title) - t.line) + (int)strlen(title) - 1;
		/* in each stage's line something ends where the title ends, be it a dot */
		for (unsigned int s = 0; s < WEIR_FAST_STAGE_COUNT; s++) {
			int at = find(weir_stage_info[weir_fast_to_stage[s]].name);

			if (!weir_hook_crosses(WEIR_HOOK_xdp, s))
				continue;
			assert_true(now[at * 120 + x]);
			assert_true(before[at * 120 + x]);
		}
	}
}

static void trouble_is_told_in_words_with_what_to_type(void **state)
{
	(void)state;
	t.made.exact = true;
	look();
	look();
	made_packets(&t.made, 1, WEIR_EXIT_xmit_NONE, 98000);
	made_packets(&t.made, 1, WEIR_EXIT_route_in_BLACKHOLE, 2000);
	look();
	draw(80, 24);
	shows("route_in drops 2.00 k/s for BLACKHOLE on eth1: a blackhole route swallows it.");
	shows("since 22:13:23");
	shows("weir drop explain BLACKHOLE");
	shows("DROPPED 2.00 k/s");
	shows("2.0 %");
	look();
	draw(80, 24);
	shows("no packet comes in");
	shows_not("DROPPED");
	made_packets(&t.made, 0, WEIR_EXIT_xmit_NONE, 5);
	look();
	draw(80, 24);
	shows("nothing is dropped");
	t.made.nr_devs = 0;
	look();
	draw(80, 24);
	shows("no device is attached");
	shows("weir -n router dev attach DEV");
}

static void a_ledger_is_claimed_only_as_measured_and_with_its_age(void **state)
{
	(void)state;
	look();
	look();
	draw(80, 24);
	shows("ledger ·");
	t.made.exact = true;
	look();
	draw(80, 24);
	shows("ledger 0");
	t.made.exact = false;
	t.made.dev[0].total.in.packets++;
	look();
	look();
	draw(80, 24);
	shows("ledger 0 (2 s)");
	t.made.exact = true;
	look();
	draw(80, 24);
	shows("ledger 1");
	shows("the ledger of eth0 does not balance: residual +1");
}

static void an_exact_reading_is_wanted_seldom(void **state)
{
	(void)state;
	assert_true(weir_tui_wants_exact(t.tui, 1));
	t.made.exact = true;
	look();
	assert_false(weir_tui_wants_exact(t.tui, t.made.time_ns + SECOND));
	assert_false(weir_tui_wants_exact(t.tui, t.made.time_ns + 9 * SECOND));
	assert_true(weir_tui_wants_exact(t.tui, t.made.time_ns + 10 * SECOND));
}

/* Of a device's line on the page of devices: no digit but in its name. */
static void shows_no_rate(const char *dev)
{
	int y = find(dev);
	const char *p;

	/* not the title, which has all names */
	for (y = 2; y < t.cells->h && !strstr(line(y), dev); y++)
		;
	p = strstr(line(y), dev);
	assert_non_null(p);
	for (p += strlen(dev); *p; p++)
		assert_false(*p >= '0' && *p <= '9');
}

static void devices_without_rates_say_why(void **state)
{
	(void)state;
	look();
	traffic(1000);
	look();
	press("c");
	draw(100, 30);
	made_reset(&t.made, 0);
	traffic(1000000);
	look();
	draw(100, 30);
	shows("eth0 reset: rates come with the next reading");
	shows_no_rate("eth0");
	/* never a spike: what eth1 has is all there is */
	shows("in 2.00 M/s");
	t.made.dev[0].gone = true;
	t.made.dev[1].detached = true;
	look();
	draw(100, 30);
	shows("gone");
	shows("replaced");
	shows("[all] of 2!");
	draw(140, 30);
	shows("[all] eth0! eth1!");
	draw(100, 30);
	shows_no_rate("eth0");
	shows_no_rate("eth1");
	shows("eth0 is gone: its counters stand still");
	t.made.dev[0].gone = t.made.dev[1].detached = false;
	t.made.nr_devs = 1;
	look();
	t.made.nr_devs = 2;
	look();
	draw(100, 30);
	shows("eth1 new: rates come with the next reading");
	shows_no_rate("eth1");
	look();
	draw(100, 30);
	shows_not("rates come");
	draw(40, 10); /* and where there is little room */
	t.made.nr_devs = 1;
	look();
	t.made.nr_devs = 2;
	look();
	draw(40, 10);
	shows("eth1 new: rates come with");
}

static void the_first_reading_has_no_rates(void **state)
{
	(void)state;
	traffic(1000000);
	look();
	draw(80, 24);
	shows("rates come with the next reading");
	shows_not("1.00 M");
	shows_not("eth0 new");
}

/* The sparkline of the first stage, from the end: ' ' where there is a gap. */
static char32_t spark(int age)
{
	int y = find("nic_rx"), x;
	const char *title = "last ";

	assert_true(y > 0 && find(title) > 0);
	draw(80, 24);
	for (x = t.cells->w - 1; x > 0 && t.cells->at[y * t.cells->w + x].c == ' '; x--)
		;
	return t.cells->at[y * t.cells->w + x - age].c;
}

static void a_gap_is_no_zero_and_no_spike(void **state)
{
	(void)state;
	look();
	for (int i = 0; i < 3; i++) {
		traffic(1000);
		look();
	}
	made_reset(&t.made, 0);
	traffic(1000);
	look();
	look();
	traffic(1000);
	look();
	draw(80, 24);
	assert_int_equal(spark(0), U'█');
	assert_int_equal(spark(1), U'▁'); /* nothing came in, and that is known */
	assert_int_equal(spark(2), ' ');
	assert_int_equal(spark(3), U'█');
	/* stopped for a minute: an average is no second like others */
	traffic(1000);
	look_after(60 * SECOND);
	traffic(1000);
	look();
	draw(80, 24);
	assert_int_equal(spark(0), U'█');
	assert_int_equal(spark(1), ' ');
	assert_int_equal(spark(2), U'█');
}

static void a_pause_leaves_a_gap(void **state)
{
	(void)state;
	look();
	traffic(1000);
	look();
	press(" ");
	assert_true(weir_tui_is_paused(t.tui));
	draw(80, 24);
	shows("PAUSED");
	press(" ");
	traffic(1000);
	look();
	traffic(1000);
	look();
	draw(80, 24);
	shows_not("PAUSED");
	assert_int_equal(spark(0), U'█');
	assert_int_equal(spark(1), ' ');
	assert_int_equal(spark(2), U'█');
}

static void one_device_can_be_looked_at_alone(void **state)
{
	(void)state;
	look();
	made_packets(&t.made, 0, WEIR_EXIT_xmit_NONE, 100);
	made_packets(&t.made, 1, WEIR_EXIT_xmit_NONE, 23);
	look();
	draw(80, 24);
	assert_true(strstr(line(1), " 123/s"));
	press(">");
	draw(80, 24);
	shows("[eth0]");
	assert_true(strstr(line(1), " 100/s"));
	press(">");
	draw(80, 24);
	shows("[eth1]");
	assert_true(strstr(line(1), " 23/s"));
	/* it goes: all are shown, and that is said */
	t.made.nr_devs = 1;
	look();
	draw(80, 24);
	shows("[all]");
	shows("no longer attached");
}

static void drops_are_listed_sorted_and_explained(void **state)
{
	(void)state;
	look();
	made_packets(&t.made, 0, WEIR_EXIT_ip_rcv_IP_CSUM, 30);
	look();
	made_packets(&t.made, 1, WEIR_EXIT_route_in_BLACKHOLE, 20);
	look();
	press("d");
	draw(100, 24);
	assert_true(find("BLACKHOLE        ") < find("IP_CSUM"));
	shows("22:13:22"); /* first and last of the older one */
	shows("a blackhole route swallows it.");
	shows("remedy: 'ip route get ADDR'");
	press("s"); /* by total */
	draw(100, 24);
	assert_true(find("IP_CSUM") < find("BLACKHOLE   "));
	press("\\csum\n");
	draw(100, 24);
	shows("IP_CSUM at ip_rcv on eth0, 30 in all");
	shows("filter: csum");
	assert_true(find("route_in  ") < 0);
	press("\033>>");
	draw(100, 24);
	assert_true(find("IP_CSUM") < 0);
}

static void queues_and_cpus_show_their_share(void **state)
{
	(void)state;
	look();
	made_packets(&t.made, 0, WEIR_EXIT_xmit_NONE, 400);
	look();
	press("c");
	draw(100, 24);
	shows("queue 0");
	assert_true(strstr(line(find("queue 0")), "75 %"));
	assert_true(strstr(line(find("queue 1")), "25 %"));
	press("c");
	draw(100, 24);
	assert_true(strstr(line(find("CPU 1")), "25 %"));
	shows_not("queue 0");
}

static void latency_has_bars_and_heat_or_says_how_to_get_them(void **state)
{
	(void)state;
	look();
	traffic(10);
	memset(&t.made.dev[0].lat, 0, sizeof(t.made.dev[0].lat));
	memset(&t.made.dev[1].lat, 0, sizeof(t.made.dev[1].lat));
	look();
	press("l");
	draw(100, 30);
	shows("weir -n router watch on latency 1/128");
	t.made.sample_every = 128;
	draw(100, 30);
	for (int i = 0; i < 30; i++) {
		made_latency(&t.made, 0, WEIR_FAST_nic_rx, 70, 90);
		made_latency(&t.made, 0, WEIR_FAST_nic_rx, 3000, 10);
		look();
	}
	draw(100, 30);
	shows("1 packet in 128");
	assert_true(strstr(line(find(" 64 ns ")), "p50"));
	assert_true(strstr(line(find(" 64 ns ")), "90.0 %"));
	assert_true(strstr(line(find(" 64 ns ")), "██████████████"));
	assert_true(strstr(line(find("2.05 µs ")), "p99"));
	assert_true(strstr(line(find("2.05 µs ")), "10.0 %"));
	assert_true(strstr(line(find("2.05 µs ")), "▒▒▒▒▒▒▒▒▒▒"));
	shows("last ");
	shows("now");
}

static void unseen_planes_have_words_and_no_figures(void **state)
{
	(void)state;
	look();
	traffic(1000);
	look();
	press("\t");
	draw(80, 60);
	shows("the stack plane is not observed in this version");
	for (unsigned int i = 0; i < WEIR_STAGE_COUNT; i++)
		if (*weir_stage_info[i].stack)
			shows(weir_stage_info[i].name);
	shows_not("packets/s");
}

static void help_has_every_key(void **state)
{
	(void)state;
	look();
	press("?");
	draw(80, 60);
	for (unsigned int i = 0; i < ACTION_COUNT; i++) {
		shows(weir_action_info[i].keys);
		shows(weir_action_info[i].what);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_page_can_be_drawn_at_every_size),
		TEST(a_small_screen_is_told_the_least_size),
		TEST(the_whole_map_is_shown_from_80x24),
		TEST(numbers_and_titles_keep_their_place),
		TEST(trouble_is_told_in_words_with_what_to_type),
		TEST(a_ledger_is_claimed_only_as_measured_and_with_its_age),
		TEST(an_exact_reading_is_wanted_seldom),
		TEST(devices_without_rates_say_why),
		TEST(the_first_reading_has_no_rates),
		TEST(a_gap_is_no_zero_and_no_spike),
		TEST(a_pause_leaves_a_gap),
		TEST(one_device_can_be_looked_at_alone),
		TEST(drops_are_listed_sorted_and_explained),
		TEST(queues_and_cpus_show_their_share),
		TEST(latency_has_bars_and_heat_or_says_how_to_get_them),
		TEST(unseen_planes_have_words_and_no_figures),
		TEST(help_has_every_key),
	};

	return WEIR_RUN(tests);
}
