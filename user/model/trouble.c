// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "model/account.h"
#include "model/tables.h"
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

	for (unsigned int i = 0; delta->exact && i < delta->nr_devs; i++) {
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

	if (!first && !delta->exact && delta->nr_devs && trouble->kind == WEIR_TROUBLE_LEDGER)
		return;
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

bool weir_trouble_is_none(const struct weir_trouble *trouble)
{
	return trouble->kind == WEIR_TROUBLE_IDLE || trouble->kind == WEIR_TROUBLE_NONE;
}

static void tell_drops(const struct weir_trouble *t, const char *rate, struct weir_told *told)
{
	const struct weir_exit_info *exit = &weir_exit_info[t->exit];
	const struct weir_cause_info *cause = &weir_cause_info[exit->cause];

	snprintf(told->text, sizeof(told->text), "%s drops %s/s for %s on %s: %s",
		weir_stage_info[exit->stage].name, rate, cause->name, t->dev, cause->text);
	snprintf(told->remedy, sizeof(told->remedy), "weir drop explain %s", cause->name);
}

void weir_trouble_tell(const struct weir_trouble *t, const struct weir_delta *delta,
	const char *option, struct weir_told *told)
{
	char *text = told->text, *remedy = told->remedy, rate[WEIR_NUM_MAX];
	size_t size = sizeof(told->text), remedy_size = sizeof(told->remedy);

	weir_format_si(rate, sizeof(rate), weir_delta_rate(delta, (__u64)t->count), "");
	snprintf(remedy, remedy_size, "weir%s path show", option);
	switch (t->kind) {
	case WEIR_TROUBLE_NO_DEVICE:
		snprintf(text, size, "no device is attached");
		snprintf(remedy, remedy_size, "weir%s dev attach DEV", option);
		break;
	case WEIR_TROUBLE_LEDGER:
		snprintf(text, size, "the ledger of %s does not balance: residual %+lld", t->dev,
			(long long)t->count);
		snprintf(remedy, remedy_size, "weir%s ledger show dev %s", option, t->dev);
		break;
	case WEIR_TROUBLE_GONE:
		snprintf(text, size, "%s is gone: its counters stand still", t->dev);
		snprintf(remedy, remedy_size, "weir%s dev detach %s", option, t->dev);
		break;
	case WEIR_TROUBLE_REPLACED:
		snprintf(text, size, "another XDP program has taken the place of weir on %s",
			t->dev);
		snprintf(remedy, remedy_size, "weir%s dev attach %s force", option, t->dev);
		break;
	case WEIR_TROUBLE_DROPS:
		tell_drops(t, rate, told);
		break;
	case WEIR_TROUBLE_LOST:
		snprintf(text, size, "weir lost sight of %s/s that it sent", rate);
		snprintf(remedy, remedy_size, "weir%s ledger show", option);
		break;
	case WEIR_TROUBLE_IDLE:
		snprintf(text, size, "no packet comes in");
		snprintf(remedy, remedy_size, "ip -s link show");
		break;
	case WEIR_TROUBLE_NONE:
		snprintf(text, size, "nothing is dropped");
		break;
	}
}
