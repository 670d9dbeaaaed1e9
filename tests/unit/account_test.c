// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/account.h"
#include "model/tables.h"
#include "test.h"

/*
 * 100 in: 60 sent out (1 refused late, 2 in flight, 1 lost, 56 taken), 20 passed (3 undone), 9
 * punted, 4 punts dropped, 7 dropped.
 */
static void fill(struct weir_dev_snapshot *dev)
{
	struct weir_row *row = &dev->total;

	memset(dev, 0, sizeof(*dev));
	row->in = (struct weir_count){100, 10000};
	row->xmit_OUT_NONE = (struct weir_count){60, 6000};
	row->sent = 56;
	row->lost = 1;
	dev->inflight = 2;
	row->xmit_LATE_XMIT_FULL.packets = 1;
	row->xdp_PASS_ARP = (struct weir_count){20, 2000};
	row->xdp_UNDO_XDP_EXCEPTION.packets = 3;
	row->ip_forward_PUNT_IP_TTL = (struct weir_count){9, 900};
	row->punt_drop[WEIR_EXIT_ip_rcv_IP_OPTIONS] = (struct weir_count){4, 400};
	row->ip_rcv_DROP_IP_CSUM = (struct weir_count){7, 700};
}

static void ledger_balances_with_every_kind(void **state)
{
	struct weir_dev_snapshot dev;
	struct weir_ledger l;

	(void)state;
	fill(&dev);
	weir_ledger_of(&dev, &l);
	assert_int_equal(l.in, 100);
	assert_int_equal(l.delivered, 26);
	assert_int_equal(l.out, 56);
	assert_int_equal(l.dropped, 15);
	assert_int_equal(l.in_flight, 2);
	assert_int_equal(l.lost, 1);
	assert_int_equal(l.residual, 0);
	assert_int_equal(l.verdict_residual, 0);
	assert_true(weir_ledger_holds(&l));
}

/* Each counter, one too many, must show. */
static void ledger_shows_any_single_miscount(void **state)
{
	struct weir_dev_snapshot dev;
	struct weir_ledger l;
	unsigned int shown = 0;

	(void)state;
	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
		fill(&dev);
		dev.total.exit[e].packets++;
		weir_ledger_of(&dev, &l);
		/* an undone PASS moves from delivered to dropped: no sum can tell */
		if (e == WEIR_EXIT_xdp_XDP_EXCEPTION)
			assert_true(weir_ledger_holds(&l));
		else
			assert_false(weir_ledger_holds(&l));
		shown += !weir_ledger_holds(&l);
		fill(&dev);
		dev.total.punt_drop[e].packets++;
		weir_ledger_of(&dev, &l);
		assert_int_equal(l.residual, -1);
	}
	assert_int_equal(shown, WEIR_EXIT_COUNT - 1);
}

static void ledger_residual_has_a_sign(void **state)
{
	struct weir_dev_snapshot dev;
	struct weir_ledger l;

	(void)state;
	fill(&dev);
	dev.total.in.packets += 5;
	weir_ledger_of(&dev, &l);
	assert_int_equal(l.residual, 5);
	fill(&dev);
	dev.total.sent += 2;
	weir_ledger_of(&dev, &l);
	assert_int_equal(l.residual, -2);
	assert_int_equal(l.verdict_residual, -2);
	fill(&dev);
	dev.inflight = 0;
	weir_ledger_of(&dev, &l);
	assert_int_equal(l.residual, 2);
	fill(&dev);
	dev.total.lost = 0;
	weir_ledger_of(&dev, &l);
	assert_int_equal(l.residual, 1);
}

static void ledger_compares_queues_with_the_total(void **state)
{
	struct weir_dev_snapshot dev;
	struct weir_row queue[2];
	struct weir_ledger l;

	(void)state;
	fill(&dev);
	memset(queue, 0, sizeof(queue));
	queue[0] = dev.total;
	queue[0].sent -= 6;
	queue[1].sent = 6;
	dev.queue = queue;
	dev.nr_queues = 2;
	weir_ledger_of(&dev, &l);
	assert_true(weir_ledger_holds(&l));
	/* as many too many as too few must not cancel out */
	queue[1].sent++;
	queue[1].in.packets--;
	weir_ledger_of(&dev, &l);
	assert_int_equal(l.residual, 0);
	assert_true(l.queue_residual >= 2);
	assert_false(weir_ledger_holds(&l));
}

static void ledger_adds_up(void **state)
{
	struct weir_dev_snapshot dev;
	struct weir_ledger l, sum = {0};

	(void)state;
	fill(&dev);
	weir_ledger_of(&dev, &l);
	weir_ledger_add(&sum, &l);
	weir_ledger_add(&sum, &l);
	assert_int_equal(sum.in, 200);
	assert_int_equal(sum.delivered + sum.out + sum.dropped + sum.in_flight + sum.lost, 200);
}

static void stages_count_exits_there_and_behind(void **state)
{
	struct weir_stage_sum sum[WEIR_FAST_STAGE_COUNT] = {0};
	struct weir_dev_snapshot dev;

	(void)state;
	fill(&dev);
	weir_stages_add(&dev.total, WEIR_HOOK_xdp, sum);
	assert_int_equal(sum[WEIR_FAST_nic_rx].packets, 100);
	assert_int_equal(sum[WEIR_FAST_nic_rx].bytes, 10000);
	assert_int_equal(sum[WEIR_FAST_xdp].packets, 100);
	assert_int_equal(sum[WEIR_FAST_xdp].passed, 20);
	assert_int_equal(sum[WEIR_FAST_xdp].drops, 3);
	assert_int_equal(sum[WEIR_FAST_ip_rcv].packets, 80);
	assert_int_equal(sum[WEIR_FAST_ip_rcv].drops, 11);
	assert_int_equal(sum[WEIR_FAST_ip_rcv].punted, 0);
	assert_int_equal(sum[WEIR_FAST_route_in].packets, 69);
	assert_int_equal(sum[WEIR_FAST_ip_forward].packets, 69);
	assert_int_equal(sum[WEIR_FAST_ip_forward].punted, 9);
	assert_int_equal(sum[WEIR_FAST_neigh].packets, 60);
	assert_int_equal(sum[WEIR_FAST_xmit].packets, 60);
	assert_int_equal(sum[WEIR_FAST_xmit].bytes, 6000);
	assert_int_equal(sum[WEIR_FAST_xmit].drops, 1);
}

static void drops_of_stages_and_ledger_agree(void **state)
{
	struct weir_stage_sum sum[WEIR_FAST_STAGE_COUNT] = {0};
	struct weir_dev_snapshot dev;
	struct weir_ledger l;
	__u64 drops = 0, exits = 0, kernel = 0;

	(void)state;
	fill(&dev);
	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
		if (!weir_hook_crosses(WEIR_HOOK_xdp, weir_exit_info[e].fast))
			continue;
		dev.total.exit[e].packets += e * e + 3;
		dev.total.punt_drop[e].packets += e;
	}
	weir_stages_add(&dev.total, WEIR_HOOK_xdp, sum);
	weir_ledger_of(&dev, &l);
	for (unsigned int i = 0; i < WEIR_FAST_STAGE_COUNT; i++)
		drops += sum[i].drops;
	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
		exits += weir_exit_dropped(&dev.total, e).packets;
		kernel += weir_exit_to_kernel(&dev.total, e).packets;
	}
	assert_int_equal(exits, l.dropped);
	assert_int_equal(drops, l.dropped);
	assert_int_equal(kernel - dev.total.xdp_UNDO_XDP_EXCEPTION.packets, l.delivered);
}

static void rows_add_every_cell(void **state)
{
	struct weir_row a, b;
	__u64 *cells;

	(void)state;
	memset(&a, 0, sizeof(a));
	cells = (__u64 *)weir_row_cells(&a);
	memset(&b, 0, sizeof(b));
	for (unsigned int i = 0; i < weir_row_nr_cells(); i++)
		cells[i] = i + 1;
	weir_row_add(&b, &a);
	weir_row_add(&b, &a);
	assert_int_equal(b.in.packets, 2);
	assert_int_equal(b.answers_limited, 2 * weir_row_nr_cells());
	for (unsigned int i = 0; i < weir_row_nr_cells(); i++)
		assert_int_equal(weir_row_cells(&b)[i], 2 * (i + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ledger_balances_with_every_kind),
		cmocka_unit_test(ledger_shows_any_single_miscount),
		cmocka_unit_test(ledger_residual_has_a_sign),
		cmocka_unit_test(ledger_compares_queues_with_the_total),
		cmocka_unit_test(ledger_adds_up),
		cmocka_unit_test(stages_count_exits_there_and_behind),
		cmocka_unit_test(drops_of_stages_and_ledger_agree),
		cmocka_unit_test(rows_add_every_cell),
	};

	return WEIR_RUN(tests);
}
