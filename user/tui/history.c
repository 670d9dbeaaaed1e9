// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/account.h"
#include "tui/history.h"

__u64 dev_key(const struct weir_dev_snapshot *dev)
{
	return (__u64)dev->conf.ifindex << 2 | dev->hook; /* never 0: that is all together */
}

static void series_free(struct series *s)
{
	if (!s)
		return;
	for (unsigned int e = 0; e < WEIR_EXIT_COUNT; e++)
		free(s->drops[e]);
	for (unsigned int i = 0; i < HISTORY_STAGES; i++) {
		free(s->pps[i]);
		free(s->heat[i]);
	}
	free(s);
}

int history_init(struct history *h)
{
	memset(h, 0, sizeof(*h));
	h->all = calloc(1, sizeof(*h->all));
	return h->all ? 0 : -ENOMEM;
}

void history_done(struct history *h)
{
	for (unsigned int i = 0; i < h->nr_devs; i++)
		series_free(h->dev[i]);
	free(h->dev);
	series_free(h->all);
	memset(h, 0, sizeof(*h));
}

static struct series *find(const struct history *h, __u64 key)
{
	if (!key)
		return h->all;
	for (unsigned int i = 0; i < h->nr_devs; i++)
		if (h->dev[i]->key == key)
			return h->dev[i];
	return NULL;
}

const struct series *history_of(const struct history *h, __u64 key)
{
	return find(h, key);
}

static struct series *add_series(struct history *h, __u64 key)
{
	struct series **dev = realloc(h->dev, (h->nr_devs + 1) * sizeof(*dev));
	struct series *s = calloc(1, sizeof(*s));

	if (dev)
		h->dev = dev;
	if (!dev || !s) {
		free(s);
		return NULL;
	}
	s->key = key;
	h->dev[h->nr_devs++] = s;
	return s;
}

static int put(float **values, unsigned int slot, double value)
{
	if (!*values && value <= 0)
		return 0;
	if (!*values)
		*values = calloc(HISTORY_LEN, sizeof(**values));
	if (!*values)
		return -ENOMEM;
	(*values)[slot] = (float)value;
	return 0;
}

static int put_heat(__u32 **heat, unsigned int slot, const struct weir_lat_stage *lat)
{
	struct weir_octaves octaves;

	if (!*heat && !lat->samples)
		return 0;
	if (!*heat)
		*heat = calloc((size_t)HISTORY_LEN * WEIR_OCTAVES, sizeof(**heat));
	if (!*heat)
		return -ENOMEM;
	weir_octaves_of(lat, &octaves);
	for (unsigned int o = 0; o < WEIR_OCTAVES; o++)
		(*heat)[slot * WEIR_OCTAVES + o] = (__u32)octaves.samples[o];
	return 0;
}

static int add(struct series *s, const struct weir_delta *delta, const struct weir_row *row,
	const struct weir_stage_sum *sum, const struct weir_lat *lat, unsigned int slot)
{
	int ret = 0;

	s->known[slot] = true;
	for (unsigned int i = 0; !ret && i < WEIR_FAST_STAGE_COUNT; i++)
		ret = put(&s->pps[i], slot, weir_delta_rate(delta, sum[i].packets));
	for (unsigned int e = 0; !ret && e < WEIR_EXIT_COUNT; e++)
		ret = put(&s->drops[e], slot,
			weir_delta_rate(delta, weir_exit_dropped(row, e).packets));
	for (unsigned int i = 0; !ret && lat && i < WEIR_FAST_STAGE_COUNT; i++)
		ret = put_heat(&s->heat[i], slot, &lat->stage[i]);
	return ret;
}

static void forget_unseen(struct history *h)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < h->nr_devs; i++) {
		if (h->dev[i]->seen)
			h->dev[kept++] = h->dev[i];
		else
			series_free(h->dev[i]);
	}
	h->nr_devs = kept;
}

/* A device that lost its counts leaves a hole in the sum, too; a new one was in no sum yet. */
static bool sum_is_known(const struct weir_delta *delta)
{
	bool any = false;

	for (unsigned int i = 0; i < delta->nr_devs; i++) {
		if (delta->devs[i].change == WEIR_CHANGE_RESET)
			return false;
		any = any || weir_delta_known(&delta->devs[i]);
	}
	return any;
}

/* The slot of a reading that is being added. */
static unsigned int begin(struct history *h)
{
	unsigned int slot = (unsigned int)(h->nr % HISTORY_LEN);

	h->all->known[slot] = false;
	for (unsigned int i = 0; i < h->nr_devs; i++)
		h->dev[i]->seen = h->dev[i]->known[slot] = false;
	return slot;
}

static struct series *seen_series(struct history *h, __u64 key)
{
	struct series *s = find(h, key);

	if (!s)
		s = add_series(h, key);
	if (s)
		s->seen = true;
	return s;
}

int history_add(struct history *h, const struct weir_delta *delta, bool gap)
{
	unsigned int slot = begin(h);
	int ret = 0;

	for (unsigned int i = 0; !ret && i < delta->nr_devs; i++) {
		const struct weir_dev_delta *d = &delta->devs[i];
		struct series *s = seen_series(h, dev_key(d->dev));

		if (!s)
			return -ENOMEM;
		if (!gap && weir_delta_known(d))
			ret = add(s, delta, &d->row, d->stage,
				delta->nr_devs > HISTORY_HEAT_DEVS ? NULL : &d->lat, slot);
	}
	if (!ret && !gap && sum_is_known(delta))
		ret = add(h->all, delta, &delta->row, delta->stage, &delta->lat, slot);
	forget_unseen(h);
	h->nr++;
	return ret;
}

static int add_part(struct series *s, const struct weir_kernel_delta *delta,
	const struct weir_kernel_part *part, bool heat, unsigned int slot)
{
	int ret = 0;

	s->known[slot] = true;
	for (unsigned int i = 0; !ret && i < WEIR_STAGE_COUNT; i++) {
		ret = put(&s->pps[i], slot, weir_kernel_rate(delta, part->stage[i].packets));
		if (!ret && heat)
			ret = put_heat(&s->heat[i], slot, &part->lat.stage[i]);
	}
	return ret;
}

int history_add_kernel(struct history *h, const struct weir_kernel_delta *delta,
	const struct weir_kernel_seen_list *drops, bool gap)
{
	unsigned int slot = begin(h);
	int ret = 0;

	gap = gap || !delta->interval_ns;
	for (unsigned int i = 0; !ret && i < delta->nr_parts; i++) {
		const struct weir_kernel_part *part = &delta->parts[i];
		struct series *s = seen_series(h, part->key);

		if (!s)
			return -ENOMEM;
		if (!gap && part->known)
			ret = add_part(s, delta, part,
				!part->key || delta->nr_parts <= HISTORY_HEAT_DEVS, slot);
	}
	for (unsigned int i = 0; !ret && i < drops->nr; i++) {
		struct series *s = seen_series(h, drops->seen[i].key);

		if (!s)
			return -ENOMEM;
		s->known[slot] = !gap;
		ret = put(&s->pps[0], slot, weir_kernel_rate(delta, drops->seen[i].rate_count));
	}
	forget_unseen(h);
	h->nr++;
	return ret;
}

/* Where the reading @age ago is kept, or -1 where there is none. */
static int slot_of(const struct history *h, const struct series *s, int age)
{
	unsigned int slot;

	if (!s || age < 0 || age >= HISTORY_LEN || (unsigned long)age >= h->nr)
		return -1;
	slot = (unsigned int)((h->nr - 1 - (unsigned long)age) % HISTORY_LEN);
	return s->known[slot] ? (int)slot : -1;
}

static float value_of(
	const struct history *h, const struct series *s, float *const *values, int age)
{
	int slot = slot_of(h, s, age);

	if (slot < 0)
		return -1;
	return *values ? (*values)[slot] : 0;
}

float history_pps(const struct history *h, const struct series *s, unsigned int stage, int age)
{
	return s ? value_of(h, s, &s->pps[stage], age) : -1;
}

float history_drops(const struct history *h, const struct series *s, enum weir_exit exit, int age)
{
	return s ? value_of(h, s, &s->drops[exit], age) : -1;
}

const __u32 *history_heat(
	const struct history *h, const struct series *s, unsigned int stage, int age)
{
	int slot = slot_of(h, s, age);

	if (slot < 0 || !s->heat[stage])
		return NULL;
	return &s->heat[stage][(size_t)slot * WEIR_OCTAVES];
}
