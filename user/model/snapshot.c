// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "model/snapshot.h"

void weir_snapshot_done(struct weir_snapshot *snap)
{
	if (!snap)
		return;
	for (unsigned int i = 0; i < snap->nr_devs; i++) {
		free(snap->devs[i].queue);
		free(snap->devs[i].queue_lat);
		free(snap->devs[i].cpu);
	}
	free(snap->devs);
	free(snap->vlans);
	memset(snap, 0, sizeof(*snap));
}
