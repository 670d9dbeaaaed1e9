// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The texts are what Debian's 6.1 and 6.12 said under QEMU, and this project's test machine's 6.18.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "model/kernel_reading.h"
#include "test.h"

#define K(id) WEIR_KCOUNTER_##id

static char *recorded(const char *kernel)
{
	char path[PATH_MAX + 64], *text = NULL;
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	size_t room = 0;
	FILE *file;

	/* the program lies in build/tests/unit */
	assert_true(n > 0);
	path[n] = '\0';
	snprintf(strrchr(path, '/'), 64, "/../../../tests/unit/kernel_proc_%s.txt", kernel);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(getdelim(&text, &room, '\0', file) > 0);
	fclose(file);
	return text;
}

/* The part of a recording that is one file's; cut out in place. */
static char *part(char *text, const char *name, char *buf, size_t size)
{
	char head[64], *at, *end;

	snprintf(head, sizeof(head), "== /proc/%s\n", name);
	at = strstr(text, head);
	assert_non_null(at);
	at += strlen(head);
	end = strstr(at, "\n== ");
	snprintf(buf, size, "%.*s", (int)(end ? end + 1 - at : (ptrdiff_t)strlen(at)), at);
	return buf;
}

static void read_all(struct weir_kreading *r, const char *kernel)
{
	static char buf[32768];
	char *text = recorded(kernel);

	memset(r, 0, sizeof(*r));
	assert_true(weir_kproc_mib(r, WEIR_KSOURCE_snmp, part(text, "net/snmp", buf, sizeof(buf))));
	assert_true(weir_kproc_mib(
		r, WEIR_KSOURCE_netstat, part(text, "net/netstat", buf, sizeof(buf))));
	assert_true(weir_kproc_sockstat(r, part(text, "net/sockstat", buf, sizeof(buf))));
	assert_true(weir_kproc_softnet(r, part(text, "net/softnet_stat", buf, sizeof(buf))));
	assert_true(weir_kproc_softirqs(r, part(text, "softirqs", buf, sizeof(buf))));
	assert_true(weir_kproc_stat(
		r, WEIR_KSOURCE_neigh, part(text, "net/stat/arp_cache", buf, sizeof(buf))));
	weir_kreading_sort(r);
	assert_false(r->failed);
	free(text);
}

static void expect(const struct weir_kreading *r, enum weir_kcounter c, __u32 scope, __u64 value)
{
	const struct weir_kvalue *v = weir_kreading_find(r, c, 0, scope);

	if (!v)
		print_error("%s of %u is not there\n", weir_kcounter_info[c].name, scope);
	assert_non_null(v);
	if (v->value != value)
		print_error("%s of %u\n", weir_kcounter_info[c].name, scope);
	assert_int_equal(v->value, value);
}

static void reads_what_each_kernel_says(void **state)
{
	static const char *const kernels[] = {"6.1", "6.12", "6.18"};

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct weir_kreading r;

		/* five datagrams to a closed port over lo, and the five answers */
		read_all(&r, kernels[k]);
		expect(&r, K(ip_receives), 0, 10);
		expect(&r, K(ip_delivers), 0, 10);
		expect(&r, K(ip_in_octets), 0, 430);
		expect(&r, K(ip_no_ect), 0, 10);
		expect(&r, K(udp_out), 0, 5);
		expect(&r, K(udp_no_ports), 0, 5);
		expect(&r, K(udp_in), 0, 0);
		expect(&r, K(tcp_listen_overflows), 0, 0);
		/* known from Linux 6.7 on */
		if (!k)
			assert_null(weir_kreading_find(&r, K(ip_out_transmits), 0, 0));
		else
			expect(&r, K(ip_out_transmits), 0, 10);
		assert_non_null(weir_kreading_find(&r, K(softnet_processed), 0, 1));
		assert_null(weir_kreading_find(&r, K(softnet_processed), 0, 2));
		assert_non_null(weir_kreading_find(&r, K(softirq_rx), 0, 1));
		assert_non_null(weir_kreading_find(&r, K(neigh_queue), 0, 1));
		weir_kreading_done(&r);
	}
}

static void every_mib_is_known_to_the_newest(void **state)
{
	struct weir_kreading r;

	(void)state;
	read_all(&r, "6.18");
	for (unsigned int c = 0; c < WEIR_KCOUNTER_COUNT; c++)
		if (weir_kcounter_scope(c) == WEIR_KSCOPE_ns && !weir_kreading_find(&r, c, 0, 0))
			fail_msg("%s: a wrong name", weir_kcounter_info[c].name);
	weir_kreading_done(&r);
}

static void columns_are_known_by_their_names(void **state)
{
	struct weir_kreading r = {};

	(void)state;
	assert_true(weir_kproc_mib(&r, WEIR_KSOURCE_snmp,
		"Ip: New InDelivers -neg InReceives More\nIp: 1 2 -3 4 5\n"
		"Odd: InReceives\nEven: 99\n"
		"Tcp: MaxConn InSegs\nTcp: -1 7\n"));
	weir_kreading_sort(&r);
	assert_int_equal(r.nr, 3);
	expect(&r, K(ip_delivers), 0, 2);
	expect(&r, K(ip_receives), 0, 4);
	expect(&r, K(tcp_in), 0, 7);
	weir_kreading_done(&r);
}

static void what_is_cut_off_is_not_zero(void **state)
{
	struct weir_kreading r = {};

	(void)state;
	assert_true(weir_kproc_mib(
		&r, WEIR_KSOURCE_snmp, "Ip: InReceives InDelivers OutRequests\nIp: 5 x"));
	assert_int_equal(r.nr, 1);
	assert_false(weir_kproc_mib(&r, WEIR_KSOURCE_netstat, "IpExt: InOctets\n"));
	assert_false(weir_kproc_softnet(&r, "nothing of the kind\n"));
	assert_false(weir_kproc_softirqs(&r, "\n"));
	assert_false(weir_kproc_stat(&r, WEIR_KSOURCE_neigh, ""));
	assert_int_equal(r.sources, 1U << WEIR_KSOURCE_snmp);
	assert_int_equal(r.nr, 1);
	/* a number that does not fit */
	assert_true(weir_kproc_mib(
		&r, WEIR_KSOURCE_snmp, "Ip: InReceives\nIp: 99999999999999999999\n"));
	assert_int_equal(r.nr, 1);
	weir_kreading_done(&r);
}

static void softnet_lines_tell_their_cpu(void **state)
{
	struct weir_kreading r = {};

	(void)state;
	/* CPU 1 is offline; the first line has few columns, as old kernels' have */
	assert_true(weir_kproc_softnet(&r,
		"00000010 00000002 00000003\n"
		"0000ffff 00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
		"00000005 00000006 00000007 00000002 00000000 00000000 0000000f\n"));
	weir_kreading_sort(&r);
	expect(&r, K(softnet_processed), 0, 16);
	expect(&r, K(softnet_dropped), 0, 2);
	expect(&r, K(softnet_squeeze), 0, 3);
	assert_null(weir_kreading_find(&r, K(softnet_rps), 0, 0));
	expect(&r, K(softnet_processed), 2, 0xffff);
	expect(&r, K(softnet_rps), 2, 5);
	expect(&r, K(softnet_flow_limit), 2, 6);
	expect(&r, K(softnet_backlog), 2, 7);
	weir_kreading_done(&r);
}

static void drivers_names_have_queues(void **state)
{
	static const struct {
		const char *name;
		enum weir_kcounter counter;
		unsigned int queue;
	} names[] = {
		{"rx_queue_0_drops", K(eth_rx_drops), 0},
		{"rx_queue_12_xdp_drops", K(eth_xdp_drops), 12},
		{"rx7_xdp_drops", K(eth_xdp_drops), 7},
		{"queue_3_rx_xdp_drop", K(eth_xdp_drops), 3},
		{"tx_queue_1_xdp_xmit_errors", K(eth_xmit_errors), 1},
		{"rx_xdp_drops", K(none), 99}, /* of all queues: counted already */
		{"rx_queue__drops", K(none), 99},
		{"rx_queue_0_drops_", K(none), 99},
		{"rx_queue_0_drop", K(none), 99},
		{"rx_queue_99999999999_drops", K(none), 99},
		{"", K(none), 99},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned int queue = 99;

		assert_int_equal(weir_kcounter_of_driver(names[i].name, &queue), names[i].counter);
		assert_int_equal(queue, names[i].queue);
	}
}

static void add(struct weir_kreading *r, enum weir_kcounter c, __u32 scope, __u64 value)
{
	r->sources |= 1U << weir_kcounter_info[c].source;
	weir_kreading_add(r, c, 0, scope, value);
}

static void difference(
	struct weir_kreading *base, struct weir_kreading *now, struct weir_kreading *d)
{
	weir_kreading_sort(base);
	weir_kreading_sort(now);
	assert_int_equal(weir_kreading_delta(base, now, d), 0);
}

static void done(struct weir_kreading *a, struct weir_kreading *b, struct weir_kreading *c)
{
	weir_kreading_done(a);
	weir_kreading_done(b);
	weir_kreading_done(c);
}

static void a_difference_is_what_came_since(void **state)
{
	struct weir_kreading base = {.time_ns = 5}, now = {.time_ns = 25}, d;

	(void)state;
	add(&base, K(ip_receives), 0, 100);
	add(&base, K(rx_packets), 2, 1000);
	add(&base, K(rx_packets), 3, 50);
	add(&base, K(udp_memory), 0, 700);
	add(&now, K(rx_packets), 2, 1010);
	add(&now, K(ip_receives), 0, 130);
	add(&now, K(udp_memory), 0, 3);
	add(&now, K(tcp_in), 0, 9); /* not there before: what came since is unknown */
	difference(&base, &now, &d);
	assert_int_equal(d.time_ns, 20);
	assert_int_equal(d.nr, 3);
	expect(&d, K(ip_receives), 0, 30);
	expect(&d, K(rx_packets), 2, 10);
	expect(&d, K(udp_memory), 0, 3);
	done(&base, &now, &d);
}

static void what_went_back_is_marked_not_counted(void **state)
{
	struct weir_kreading base = {}, now = {}, d;

	(void)state;
	add(&base, K(rx_packets), 2, 1000);
	add(&now, K(rx_packets), 2, 999);
	add(&base, K(qdisc_drops), 2, 50); /* of 32 bits, and replaced */
	add(&now, K(qdisc_drops), 2, 0);
	difference(&base, &now, &d);
	expect(&d, K(rx_packets), 2, 0);
	expect(&d, K(qdisc_drops), 2, 0);
	assert_true(weir_kreading_find(&d, K(rx_packets), 0, 2)->reset);
	assert_true(weir_kreading_find(&d, K(qdisc_drops), 0, 2)->reset);
	done(&base, &now, &d);
}

static void thirty_two_bits_go_round(void **state)
{
	struct weir_kreading base = {}, now = {}, d;

	(void)state;
	add(&base, K(softnet_processed), 1, 0xfffffff0);
	add(&now, K(softnet_processed), 1, 0x10);
	difference(&base, &now, &d);
	expect(&d, K(softnet_processed), 1, 0x20);
	assert_false(weir_kreading_find(&d, K(softnet_processed), 0, 1)->reset);
	done(&base, &now, &d);
}

static void what_came_later_counts_from_zero(void **state)
{
	struct weir_kreading base = {}, now = {}, d;

	(void)state;
	add(&base, K(rx_packets), 2, 1000);
	base.sources |= 1U << WEIR_KSOURCE_packet | 1U << WEIR_KSOURCE_ethtool;
	add(&now, K(rx_packets), 2, 1000);
	add(&now, K(rx_packets), 7, 40);
	add(&now, K(packet_drops), 12345, 3);
	add(&now, K(eth_xdp_drops), 7, 4);
	add(&now, K(eth_xdp_drops), 2, 5); /* the driver said nothing when it was asked first */
	add(&now, K(qdisc_packets), 2, 6); /* no qdisc could be read */
	difference(&base, &now, &d);
	expect(&d, K(rx_packets), 7, 40);
	expect(&d, K(packet_drops), 12345, 3);
	expect(&d, K(eth_xdp_drops), 7, 4);
	assert_null(weir_kreading_find(&d, K(eth_xdp_drops), 0, 2));
	assert_null(weir_kreading_find(&d, K(qdisc_packets), 0, 2));
	weir_kreading_done(&d);

	/* with holes in the baseline nobody knows */
	base.lost = 1;
	difference(&base, &now, &d);
	assert_null(weir_kreading_find(&d, K(rx_packets), 0, 7));
	expect(&d, K(rx_packets), 2, 0);
	done(&base, &now, &d);
}

static void values_of_one_place_are_one(void **state)
{
	struct weir_kreading r = {};

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		weir_kreading_add(&r, K(rx_packets), 0, 1 + i % 10, 1);
	weir_kreading_sort(&r);
	assert_int_equal(r.nr, 10);
	expect(&r, K(rx_packets), 10, 100);
	weir_kreading_done(&r);
}

static void every_counter_says_what_it_is(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < WEIR_KCOUNTER_COUNT; c++) {
		const struct weir_kcounter_info *info = &weir_kcounter_info[c];

		assert_true(info->stage < WEIR_STAGE_COUNT);
		assert_true(strlen(info->text) > 5);
		assert_int_equal(info->what == WEIR_KWHAT_drops, info->cause != NULL);
		assert_int_equal(info->cause != NULL, info->remedy != NULL);
		for (unsigned int o = 0; o < c; o++)
			assert_string_not_equal(weir_kcounter_info[o].name, info->name);
		if (info->of == WEIR_KCOUNTER_none)
			continue;
		/* a part is of one that counts drops of the same kind of scope, and of no part
		 * itself */
		assert_int_equal(weir_kcounter_info[info->of].what, WEIR_KWHAT_drops);
		assert_int_equal(weir_kcounter_scope(info->of), weir_kcounter_scope(c));
		assert_int_equal(weir_kcounter_info[info->of].of, WEIR_KCOUNTER_none);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_each_kernel_says),
		cmocka_unit_test(every_mib_is_known_to_the_newest),
		cmocka_unit_test(columns_are_known_by_their_names),
		cmocka_unit_test(what_is_cut_off_is_not_zero),
		cmocka_unit_test(softnet_lines_tell_their_cpu),
		cmocka_unit_test(drivers_names_have_queues),
		cmocka_unit_test(a_difference_is_what_came_since),
		cmocka_unit_test(what_went_back_is_marked_not_counted),
		cmocka_unit_test(thirty_two_bits_go_round),
		cmocka_unit_test(what_came_later_counts_from_zero),
		cmocka_unit_test(values_of_one_place_are_one),
		cmocka_unit_test(every_counter_says_what_it_is),
	};

	return WEIR_RUN(tests);
}
