// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>

#include "model/kernel.h"

void weir_kernel_snapshot_done(struct weir_kernel_snapshot *snap)
{
	free(snap->devs);
	free(snap->drops);
	free(snap->nets);
	*snap = (struct weir_kernel_snapshot){0};
}

__u64 weir_kernel_drops_at(
	const struct weir_kernel_snapshot *snap, unsigned int dev, enum weir_stage stage)
{
	__u64 sum = 0;

	for (unsigned int i = 0; i < snap->nr_drops; i++)
		if (snap->drops[i].dev == dev && snap->drops[i].stage == stage)
			sum += snap->drops[i].count.packets;
	return sum;
}
