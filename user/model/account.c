// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stddef.h>
#include <string.h>

#include "model/account.h"
#include "model/tables.h"

#define FIRST_CELL offsetof(struct weir_row, in)
#define LAST_CELL  offsetof(struct weir_row, route_full)
#define NR_CELLS   ((unsigned int)((LAST_CELL - FIRST_CELL) / sizeof(__u64) + 1))

_Static_assert(sizeof(struct weir_row) - LAST_CELL < 64 + sizeof(__u64),
	"a counter was added to the row behind the last cell");

const __u64 *weir_row_cells(const struct weir_row *row)
{
	return (const __u64 *)((const char *)row + FIRST_CELL);
}

unsigned int weir_row_nr_cells(void)
{
	return NR_CELLS;
}

void weir_row_add(struct weir_row *to, const struct weir_row *row)
{
	__u64 *sum = (__u64 *)((char *)to + FIRST_CELL);
	const __u64 *cells = weir_row_cells(row);

	for (unsigned int i = 0; i < NR_CELLS; i++)
		sum[i] += cells[i];
}

struct weir_count weir_exit_dropped(const struct weir_row *row, enum weir_exit exit)
{
	enum weir_kind kind = weir_exit_info[exit].kind;
	struct weir_count count = row->punt_drop[exit];

	if (kind == WEIR_KIND_DROP || kind == WEIR_KIND_LATE || kind == WEIR_KIND_UNDO) {
		count.packets += row->exit[exit].packets;
		count.bytes += row->exit[exit].bytes;
	}
	return count;
}

struct weir_count weir_exit_to_kernel(const struct weir_row *row, enum weir_exit exit)
{
	enum weir_kind kind = weir_exit_info[exit].kind;

	if (kind == WEIR_KIND_PASS || kind == WEIR_KIND_PUNT)
		return row->exit[exit];
	return (struct weir_count){0};
}

/* LATE and UNDO tell the end of packets that another exit has counted. */
static bool is_verdict(enum weir_kind kind)
{
	return kind != WEIR_KIND_LATE && kind != WEIR_KIND_UNDO;
}

void weir_stages_sum(const struct weir_row *row, struct weir_stage_sum sum[WEIR_FAST_STAGE_COUNT])
{
	memset(sum, 0, WEIR_FAST_STAGE_COUNT * sizeof(*sum));
	for (unsigned int i = 0; i < WEIR_EXIT_COUNT; i++) {
		const struct weir_exit_info *info = &weir_exit_info[i];
		struct weir_stage_sum *at = &sum[info->fast];

		at->drops += weir_exit_dropped(row, i).packets;
		if (info->kind == WEIR_KIND_PASS)
			at->passed += row->exit[i].packets;
		if (info->kind == WEIR_KIND_PUNT)
			at->punted += row->exit[i].packets;
		if (!is_verdict(info->kind))
			continue;
		at->packets += row->exit[i].packets + row->punt_drop[i].packets;
		at->bytes += row->exit[i].bytes + row->punt_drop[i].bytes;
	}
	/* whoever left later has crossed this stage too */
	for (unsigned int i = WEIR_FAST_STAGE_COUNT - 1; i > 0; i--) {
		sum[i - 1].packets += sum[i].packets;
		sum[i - 1].bytes += sum[i].bytes;
	}
	sum[WEIR_FAST_nic_rx].packets = row->in.packets;
	sum[WEIR_FAST_nic_rx].bytes = row->in.bytes;
}

static __u64 queue_difference(const struct weir_dev_snapshot *dev)
{
	const __u64 *total = weir_row_cells(&dev->total);
	__u64 difference = 0;

	if (!dev->nr_queues)
		return 0;
	for (unsigned int i = 0; i < NR_CELLS; i++) {
		__u64 sum = 0;

		for (unsigned int q = 0; q < dev->nr_queues; q++)
			sum += weir_row_cells(&dev->queue[q])[i];
		difference += sum > total[i] ? sum - total[i] : total[i] - sum;
	}
	return difference;
}

void weir_ledger_of(const struct weir_dev_snapshot *dev, struct weir_ledger *ledger)
{
	const struct weir_row *row = &dev->total;
	__u64 kind[WEIR_KIND_COUNT] = {0}, punt_drop = 0;

	for (unsigned int i = 0; i < WEIR_EXIT_COUNT; i++) {
		kind[weir_exit_info[i].kind] += row->exit[i].packets;
		punt_drop += row->punt_drop[i].packets;
	}
	*ledger = (struct weir_ledger){
		.in = row->in.packets,
		.delivered = kind[WEIR_KIND_PASS] + kind[WEIR_KIND_PUNT] - kind[WEIR_KIND_UNDO],
		.out = row->sent,
		.dropped = kind[WEIR_KIND_DROP] + punt_drop + kind[WEIR_KIND_LATE] +
			   kind[WEIR_KIND_UNDO],
		.in_flight = dev->inflight,
		.lost = row->lost,
		.queue_residual = queue_difference(dev),
	};
	/* unsigned arithmetic wraps, so the differences are right whichever side is larger */
	ledger->residual = (__s64)(ledger->in - ledger->delivered - ledger->out - ledger->dropped -
				   ledger->in_flight - ledger->lost);
	ledger->verdict_residual = (__s64)(kind[WEIR_KIND_OUT] - row->sent - kind[WEIR_KIND_LATE] -
					   dev->inflight - row->lost);
}

void weir_ledger_add(struct weir_ledger *to, const struct weir_ledger *ledger)
{
	to->in += ledger->in;
	to->delivered += ledger->delivered;
	to->out += ledger->out;
	to->dropped += ledger->dropped;
	to->in_flight += ledger->in_flight;
	to->lost += ledger->lost;
	to->residual += ledger->residual;
	to->verdict_residual += ledger->verdict_residual;
	to->queue_residual += ledger->queue_residual;
}

bool weir_ledger_holds(const struct weir_ledger *ledger)
{
	return !ledger->residual && !ledger->verdict_residual && !ledger->queue_residual;
}
