// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "model/account.h"
#include "model/trouble.h"

static bool found(struct weir_trouble *t, enum weir_trouble_kind kind, const char *dev, __s64 count)
{
	t->kind = kind;
	t->count = count;
	memcpy(t->dev, dev, sizeof(t->dev));
	return true;
}

static bool find_ledger(struct weir_trouble *t, const struct weir_delta *delta)
{
	struct weir_ledger ledger;

	for (unsigned int i = 0; i < delta->nr_devs; i++) {
		weir_ledger_of(delta->devs[i].dev, &ledger);
		if (!weir_ledger_holds(&ledger))
			return found(
				t, WEIR_TROUBLE_LEDGER, delta->devs[i].dev->name, ledger.residual);
	}
	return false;
}

static bool find_dead(struct weir_trouble *t, const struct weir_delta *delta)
{
	for (unsigned int i = 0; i < delta->nr_devs; i++) {
		const struct weir_dev_snapshot *dev = delta->devs[i].dev;

		if (dev->gone)
			return found(t, WEIR_TROUBLE_GONE, dev->name, 0);
		if (dev->detached)
			return found(t, WEIR_TROUBLE_REPLACED, dev->name, 0);
	}
	return false;
}

static bool find_drops(struct weir_trouble *t, const struct weir_delta *delta)
{
	bool any = false;

	t->count = 0;
	for (unsigned int i = 0; i < delta->nr_devs; i++) {
		for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
			__s64 packets = (__s64)weir_exit_dropped(&delta->devs[i].row, e).packets;

			if (packets <= t->count)
				continue;
			any = found(t, WEIR_TROUBLE_DROPS, delta->devs[i].dev->name, packets);
			t->exit = e;
		}
	}
	return any;
}

static void find(struct weir_trouble *t, const struct weir_delta *delta)
{
	memset(t, 0, sizeof(*t));
	if (!delta->nr_devs) {
		t->kind = WEIR_TROUBLE_NO_DEVICE;
		return;
	}
	if (find_ledger(t, delta) || find_dead(t, delta) || find_drops(t, delta))
		return;
	t->count = (__s64)delta->row.lost;
	if (delta->row.lost)
		t->kind = WEIR_TROUBLE_LOST;
	else if (!delta->row.in.packets)
		t->kind = WEIR_TROUBLE_IDLE;
	else
		t->kind = WEIR_TROUBLE_NONE;
}

void weir_trouble_follow(
	struct weir_trouble *trouble, const struct weir_delta *delta, __u64 wall_s, bool first)
{
	struct weir_trouble now;

	find(&now, delta);
	if (!first && now.kind == trouble->kind && now.exit == trouble->exit &&
		!memcmp(now.dev, trouble->dev, sizeof(now.dev))) {
		now.since_s = trouble->since_s;
		now.began_unseen = trouble->began_unseen;
	} else {
		now.since_s = wall_s;
		now.began_unseen = first;
	}
	*trouble = now;
}
