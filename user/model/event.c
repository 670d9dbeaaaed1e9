// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/event.h"

const struct weir_event_info weir_event_info[WEIR_EVENT_COUNT] = {
#define EVENT(id, has) [WEIR_EVENT_##id] = {#id, WEIR_##has},
	WEIR_EVENTS(EVENT)
#undef EVENT
};

static struct weir_event *grow(struct weir_events *e)
{
	struct weir_event *list;

	if (e->nr % 64 == 0) {
		list = realloc(e->list, (e->nr + 64) * sizeof(*list));
		if (!list) {
			e->failed = true;
			return &e->spare;
		}
		e->list = list;
	}
	return &e->list[e->nr++];
}

struct weir_event *weir_event_add(struct weir_events *events, enum weir_event_kind kind,
	__u64 time_ns, const char *dev, __u32 ifindex)
{
	struct weir_event *e = grow(events);

	*e = (struct weir_event){.kind = kind, .time_ns = time_ns, .ifindex = ifindex};
	snprintf(e->dev, sizeof(e->dev), "%s", dev);
	return e;
}

void weir_events_done(struct weir_events *events)
{
	free(events->list);
	memset(events, 0, sizeof(*events));
}
