// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stddef.h>
#include <string.h>

#include "model/account.h"
#include "model/tables.h"

#define FIRST_CELL offsetof(struct weir_row, in)
#define LAST_CELL  offsetof(struct weir_row, answers_limited)
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

void weir_stages_add(const struct weir_row *row, enum weir_hook hook,
	struct weir_stage_sum sum[WEIR_FAST_STAGE_COUNT])
{
	struct weir_stage_sum at[WEIR_FAST_STAGE_COUNT] = {0};
	enum weir_fast_stage entry = weir_hook_entry(hook);
	struct weir_count reached = {0};

	for (unsigned int i = 0; i < WEIR_EXIT_COUNT; i++) {
		const struct weir_exit_info *info = &weir_exit_info[i];
		struct weir_stage_sum *s = &at[info->fast];

		s->drops += weir_exit_dropped(row, i).packets;
		if (info->kind == WEIR_KIND_PASS)
			s->passed += row->exit[i].packets;
		if (info->kind == WEIR_KIND_PUNT)
			s->punted += row->exit[i].packets;
		if (!is_verdict(info->kind))
			continue;
		s->packets += row->exit[i].packets + row->punt_drop[i].packets;
		s->bytes += row->exit[i].bytes + row->punt_drop[i].bytes;
	}
	for (unsigned int i = WEIR_FAST_STAGE_COUNT; i-- > 0;) {
		/* whoever left later has crossed this stage too */
		reached.packets += at[i].packets;
		reached.bytes += at[i].bytes;
		if (!weir_hook_crosses(hook, i))
			continue;
		sum[i].packets += i == entry ? row->in.packets : reached.packets;
		sum[i].bytes += i == entry ? row->in.bytes : reached.bytes;
		sum[i].drops += at[i].drops;
		sum[i].passed += at[i].passed;
		sum[i].punted += at[i].punted;
	}
}

static bool is_judged(enum weir_exit exit)
{
	return weir_exit_info[exit].cause == WEIR_CAUSE_XDP_JUDGED ||
	       weir_exit_info[exit].cause == WEIR_CAUSE_TC_JUDGED;
}

void weir_traffic_of(const struct weir_row *row, struct weir_traffic *flow)
{
	*flow = (struct weir_traffic){.in = row->in, .out = row->sent, .lost = row->lost};
	for (unsigned int i = 0; i < WEIR_EXIT_COUNT; i++) {
		const struct weir_exit_info *info = &weir_exit_info[i];
		__u64 packets = row->exit[i].packets;

		flow->drops += weir_exit_dropped(row, i).packets;
		if (is_judged(i)) {
			flow->in.packets -= packets;
			flow->in.bytes -= row->exit[i].bytes;
			flow->out -= info->kind == WEIR_KIND_OUT ? packets : 0;
		} else if (info->kind == WEIR_KIND_PASS) {
			flow->passed += packets;
		} else if (info->kind == WEIR_KIND_PUNT) {
			flow->punted += packets;
		}
	}
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
	/* in a sum of faulty counters this wraps, too */
	to->residual = (__s64)((__u64)to->residual + (__u64)ledger->residual);
	to->verdict_residual =
		(__s64)((__u64)to->verdict_residual + (__u64)ledger->verdict_residual);
	to->queue_residual += ledger->queue_residual;
}

bool weir_ledger_holds(const struct weir_ledger *ledger)
{
	return !ledger->residual && !ledger->verdict_residual && !ledger->queue_residual;
}
