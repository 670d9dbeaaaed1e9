/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A kernel plane that keeps what it was asked for, and shows it. */
#ifndef WEIR_TESTS_FAKE_KERNEL_H
#define WEIR_TESTS_FAKE_KERNEL_H

#include <string.h>

#include "ctl/kernel.h"

static struct {
	struct weir_kernel_wish wish;
	char netns[2][32]; /* the first names of the wish */
	unsigned int nr_on;
} fake_kernel;

int weir_kernel_on(struct weir_ns *ns, const struct weir_kernel_wish *wish,
	struct weir_notes *notes, struct weir_err *err)
{
	(void)ns;
	(void)notes;
	(void)err;
	fake_kernel.wish = *wish;
	memset(fake_kernel.netns, 0, sizeof(fake_kernel.netns));
	for (unsigned int i = 0; i < wish->nr_netns && i < 2; i++)
		strncpy(fake_kernel.netns[i], wish->netns[i], sizeof(fake_kernel.netns[0]) - 1);
	fake_kernel.nr_on++;
	return 0;
}

int weir_kernel_off(struct weir_ns *ns, struct weir_err *err)
{
	(void)ns;
	(void)err;
	fake_kernel.wish.level = WEIR_KLEVEL_off;
	return 0;
}

int weir_kernel_is_on(struct weir_ns *ns, bool *on, struct weir_err *err)
{
	(void)ns;
	(void)err;
	*on = fake_kernel.wish.level != WEIR_KLEVEL_off;
	return 0;
}

int weir_kernel_read(struct weir_ns *ns, struct weir_kernel_snapshot *snap, struct weir_err *err)
{
	(void)ns;
	(void)err;
	*snap = (struct weir_kernel_snapshot){.on = fake_kernel.wish.level != WEIR_KLEVEL_off,
		.watch = {.level = fake_kernel.wish.level, .share = fake_kernel.wish.share}};
	return 0;
}

int weir_kernel_cost(struct weir_ns *ns, struct weir_kernel_costs *costs, struct weir_err *err)
{
	(void)ns;
	(void)err;
	*costs = (struct weir_kernel_costs){.time_ns = 300000000,
		.nr = 1,
		.cost = {{.name = "kfree_skb", .runs = 30, .run_ns = 3000}}};
	return 0;
}

int weir_kernel_features(struct weir_ns *ns, struct weir_kfeatures *have, struct weir_err *err)
{
	(void)ns;
	(void)err;
	memset(have, 0, sizeof(*have));
	return 0;
}

struct weir_kernel_view {
	int none;
};

int weir_kernel_view_open(struct weir_ns *ns, struct weir_kernel_view **view, struct weir_err *err)
{
	static struct weir_kernel_view only;

	(void)ns;
	(void)err;
	*view = &only;
	return 0;
}

void weir_kernel_view_free(struct weir_kernel_view *view)
{
	(void)view;
}

int weir_kernel_view_read(
	struct weir_kernel_view *view, struct weir_kernel_snapshot *snap, struct weir_err *err)
{
	(void)view;
	return weir_kernel_read(NULL, snap, err);
}

#endif
