// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/account.h"
#include "model/drops.h"

static const struct weir_drop_seen *find(
	const struct weir_drops *drops, const struct weir_dev_snapshot *dev, enum weir_exit exit)
{
	for (unsigned int i = 0; i < drops->nr; i++) {
		const struct weir_drop_seen *seen = &drops->seen[i];

		if (seen->ifindex == dev->conf.ifindex && seen->rows_map_id == dev->rows_map_id &&
			seen->exit == exit)
			return seen;
	}
	return NULL;
}

static struct weir_drop_seen follow(
	const struct weir_drop_seen *before, __u64 total, __u64 more, bool known, __u64 wall_s)
{
	struct weir_drop_seen now = {.total = total, .rate_count = more};

	if (before && total >= before->total) {
		now.first_s = before->first_s;
		now.last_s = total > before->total ? wall_s : before->last_s;
		now.began_unseen = before->began_unseen;
		return now;
	}
	now.first_s = wall_s;
	/* all that there is came in this interval, or some of it at another time */
	now.began_unseen = !known || more < total;
	now.last_s = more ? wall_s : 0;
	return now;
}

static unsigned int count(const struct weir_snapshot *now)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < now->nr_devs; i++)
		for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++)
			nr += weir_exit_dropped(&now->devs[i].total, e).packets > 0;
	return nr;
}

int weir_drops_follow(struct weir_drops *drops, const struct weir_snapshot *now,
	const struct weir_delta *delta, __u64 wall_s)
{
	struct weir_drops next = {0};

	next.seen = calloc(count(now) + 1, sizeof(*next.seen));
	if (!next.seen)
		return -ENOMEM;
	for (unsigned int i = 0; i < now->nr_devs; i++) {
		const struct weir_dev_snapshot *dev = &now->devs[i];

		for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++) {
			__u64 total = weir_exit_dropped(&dev->total, e).packets;
			struct weir_drop_seen *seen = &next.seen[next.nr];

			if (!total)
				continue;
			*seen = follow(find(drops, dev, e), total,
				weir_exit_dropped(&delta->devs[i].row, e).packets,
				delta->devs[i].change == WEIR_CHANGE_NONE, wall_s);
			seen->dev = i;
			seen->ifindex = dev->conf.ifindex;
			seen->rows_map_id = dev->rows_map_id;
			seen->exit = e;
			next.nr++;
		}
	}
	weir_drops_done(drops);
	*drops = next;
	return 0;
}

void weir_drops_done(struct weir_drops *drops)
{
	free(drops->seen);
	memset(drops, 0, sizeof(*drops));
}
