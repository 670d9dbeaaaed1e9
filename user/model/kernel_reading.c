// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernel_reading.h"

/* Room for one more in an array that grows. */
static void *grown(void *list, unsigned int nr, unsigned int *room, size_t size)
{
	unsigned int more = *room ? *room * 2 : 64;
	void *larger;

	if (nr < *room)
		return list;
	larger = realloc(list, more * size);
	if (larger)
		*room = more;
	return larger;
}

void weir_kreading_add(struct weir_kreading *r, enum weir_kcounter counter, unsigned int queue,
	__u32 scope, __u64 value)
{
	struct weir_kvalue *list = grown(r->value, r->nr, &r->room, sizeof(*list));

	if (!list) {
		r->failed = true;
		return;
	}
	r->value = list;
	r->value[r->nr++] = (struct weir_kvalue){
		.counter = (__u16)counter, .queue = (__u16)queue, .scope = scope, .value = value};
}

void weir_kreading_add_dev(struct weir_kreading *r, __u32 ifindex, const char *name)
{
	struct weir_kdevice *list = grown(r->dev, r->nr_devs, &r->room_devs, sizeof(*list));

	if (!list) {
		r->failed = true;
		return;
	}
	r->dev = list;
	list += r->nr_devs++;
	list->ifindex = ifindex;
	snprintf(list->name, sizeof(list->name), "%s", name);
}

static int by_place(const void *a, const void *b)
{
	const struct weir_kvalue *x = a, *y = b;

	if (x->counter != y->counter)
		return x->counter < y->counter ? -1 : 1;
	if (x->scope != y->scope)
		return x->scope < y->scope ? -1 : 1;
	return (x->queue > y->queue) - (x->queue < y->queue);
}

void weir_kreading_sort(struct weir_kreading *r)
{
	unsigned int kept = 0;

	if (r->nr)
		qsort(r->value, r->nr, sizeof(*r->value), by_place);
	for (unsigned int i = 0; i < r->nr; i++)
		if (kept && !by_place(&r->value[kept - 1], &r->value[i]))
			r->value[kept - 1].value += r->value[i].value;
		else
			r->value[kept++] = r->value[i];
	r->nr = kept;
}

const struct weir_kvalue *weir_kreading_find(
	const struct weir_kreading *r, enum weir_kcounter counter, unsigned int queue, __u32 scope)
{
	struct weir_kvalue key = {.counter = (__u16)counter, .queue = (__u16)queue, .scope = scope};

	return r->nr ? bsearch(&key, r->value, r->nr, sizeof(key), by_place) : NULL;
}

void weir_kreading_done(struct weir_kreading *r)
{
	free(r->value);
	free(r->dev);
	memset(r, 0, sizeof(*r));
}

static bool had_source(const struct weir_kreading *r, enum weir_ksource source)
{
	return r->sources & 1U << source;
}

/* Whether a value that the baseline does not have was 0 then. */
static bool began_since(const struct weir_kreading *base, const struct weir_kvalue *v)
{
	enum weir_ksource source = weir_kcounter_info[v->counter].source;

	if (base->lost)
		return false; /* it may only have had no room */
	switch (weir_ksource_info[source].scope) {
	case WEIR_KSCOPE_dev: /* the device came, or its qdisc */
	case WEIR_KSCOPE_socket:
		return had_source(base, source);
	case WEIR_KSCOPE_queue: /* as above; but drivers may fail to answer, which says nothing */
		return had_source(base, WEIR_KSOURCE_dev) &&
		       !weir_kreading_find(base, WEIR_KCOUNTER_rx_packets, 0, v->scope);
	default:
		return false;
	}
}

static void subtract(const struct weir_ksource_info *source, __u64 base, struct weir_kvalue *v)
{
	bool may_reset = source->scope == WEIR_KSCOPE_dev || source->scope == WEIR_KSCOPE_queue ||
			 source->scope == WEIR_KSCOPE_socket;

	if (v->value >= base) {
		v->value -= base;
	} else if (source->bits == 32 && !may_reset) {
		v->value = (__u32)(v->value - base);
	} else {
		v->value = 0;
		v->reset = true;
	}
}

int weir_kreading_delta(const struct weir_kreading *base, const struct weir_kreading *now,
	struct weir_kreading *out)
{
	const struct weir_kvalue *then;
	struct weir_kreading d = {.netns = now->netns,
		.time_ns = now->time_ns - base->time_ns,
		.sources = now->sources,
		.lost = base->lost};

	memset(out, 0, sizeof(*out));
	for (unsigned int i = 0; i < now->nr_devs; i++)
		weir_kreading_add_dev(&d, now->dev[i].ifindex, now->dev[i].name);
	for (unsigned int i = 0; i < now->nr; i++) {
		const struct weir_kcounter_info *info = &weir_kcounter_info[now->value[i].counter];
		struct weir_kvalue v = now->value[i];

		then = weir_kreading_find(base, v.counter, v.queue, v.scope);
		if (info->what == WEIR_KWHAT_level)
			then = NULL;
		else if (then)
			subtract(&weir_ksource_info[info->source], then->value, &v);
		else if (!began_since(base, &v))
			continue;
		weir_kreading_add(&d, v.counter, v.queue, v.scope, v.value);
		if (!d.failed)
			d.value[d.nr - 1].reset = v.reset;
	}
	if (d.failed) {
		weir_kreading_done(&d);
		return -ENOMEM;
	}
	*out = d;
	return 0;
}
