// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernel_delta.h"

#define WHOLE 1000000 /* parts of time */

/* FNV-1a; what it is of tells rows apart from reading to reading. */
static __u64 hashed(__u64 hash, const void *data, size_t size)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ull;
	return hash;
}

static __u64 part_key(__u64 cookie, __u32 ifindex)
{
	__u64 hash = hashed(0xcbf29ce484222325ull, &cookie, sizeof(cookie));

	hash = hashed(hash, &ifindex, sizeof(ifindex));
	return hash ? hash : 1;
}

bool weir_kernel_blind(const struct weir_kernel_snapshot *snap)
{
	return snap->on && snap->watch.level >= WEIR_KLEVEL_latency && !snap->cycling;
}

/* --- parts --- */

static struct weir_kernel_part *find_part(struct weir_kernel_delta *d, __u64 key)
{
	for (unsigned int i = 0; i < d->nr_parts; i++)
		if (d->parts[i].key == key)
			return &d->parts[i];
	return NULL;
}

const struct weir_kernel_part *weir_kernel_part(const struct weir_kernel_delta *delta, __u64 key)
{
	return find_part((struct weir_kernel_delta *)delta, key);
}

bool weir_kernel_part_has(const struct weir_kernel_part *part, const struct weir_kernel_dev *dev)
{
	if (!part->key)
		return true;
	return dev->netns_cookie == part->netns_cookie &&
	       (!part->ifindex || dev->ifindex == part->ifindex);
}

static int add_part(struct weir_kernel_delta *d, __u64 cookie, __u32 ifindex, const char *name,
	const char *netns)
{
	__u64 key = cookie || ifindex ? part_key(cookie, ifindex) : 0;
	struct weir_kernel_part *part;

	if (find_part(d, key))
		return 0;
	part = reallocarray(d->parts, d->nr_parts + 1, sizeof(*part));
	if (!part)
		return -ENOMEM;
	d->parts = part;
	part += d->nr_parts++;
	memset(part, 0, sizeof(*part));
	part->key = key;
	part->netns_cookie = cookie;
	part->ifindex = ifindex;
	snprintf(part->name, sizeof(part->name), "%s", name);
	snprintf(part->netns, sizeof(part->netns), "%s", netns);
	return 0;
}

/* A device that has a row, and each that the kernel counts for. */
static int add_parts(struct weir_kernel_delta *d)
{
	const struct weir_kernel_snapshot *s = d->now;
	int rc = add_part(d, 0, 0, "", "");

	for (unsigned int i = 0; !rc && s->nr_nets > 1 && i < s->nr_nets; i++)
		rc = add_part(d, s->nets[i].netns_cookie, 0, "", s->nets[i].name);
	for (unsigned int i = 0; i < s->nr_nets; i++) {
		const struct weir_kernel_net *net = &s->nets[i];

		for (unsigned int n = 0; !rc && net->counted && n < net->stages.nr_devs; n++)
			rc = add_part(d, net->netns_cookie, net->stages.dev[n].ifindex,
				net->stages.dev[n].name, net->name);
	}
	for (unsigned int i = 0; !rc && i < s->nr_devs; i++)
		if (s->devs[i].ifindex)
			rc = add_part(d, s->devs[i].netns_cookie, s->devs[i].ifindex,
				s->devs[i].name, s->devs[i].netns);
	return rc;
}

/* --- packets of a stage since observing began --- */

static bool observes(const struct weir_kernel_snapshot *s, enum weir_stage stage)
{
	if (s->watch.level != WEIR_KLEVEL_full || s->watch.share < WHOLE || !s->cycling)
		return false;
	for (unsigned int i = 0; i < s->nr_devs; i++)
		if (s->devs[i].row.stage[stage].packets)
			return true;
	return false;
}

static void sum_observed(const struct weir_kernel_snapshot *s, const struct weir_kernel_part *part,
	enum weir_stage stage, struct weir_kernel_flow *sum)
{
	sum->seen = WEIR_KSEEN_exact;
	sum->observed = true;
	for (unsigned int i = 0; i < s->nr_devs; i++) {
		if (!weir_kernel_part_has(part, &s->devs[i]))
			continue;
		sum->packets += s->devs[i].row.stage[stage].packets;
		sum->bytes += s->devs[i].row.stage[stage].bytes;
	}
}

/* Of interrupts and polls the kernel counts turns, as observers do. */
static const struct weir_knumber *number_of(
	const struct weir_kstage *counted, enum weir_stage stage)
{
	bool turns = stage == WEIR_STAGE_irq || stage == WEIR_STAGE_softirq ||
		     stage == WEIR_STAGE_napi_poll;

	return turns && counted->packets.seen == WEIR_KSEEN_no ? &counted->runs : &counted->packets;
}

static void add_counted(struct weir_kernel_flow *sum, const struct weir_kstage *counted,
	enum weir_stage stage, bool *any)
{
	const struct weir_knumber *number = number_of(counted, stage);
	enum weir_kseen seen = counted->reset ? WEIR_KSEEN_no : number->seen;

	sum->packets += number->count;
	sum->bytes += counted->bytes.seen == WEIR_KSEEN_no ? 0 : counted->bytes.count;
	sum->seen = *any && sum->seen < seen ? sum->seen : seen;
	*any = true;
}

/* NULL where the namespace counts nothing of the part. */
static const struct weir_kstage *counted_of(const struct weir_kernel_net *net,
	const struct weir_kernel_part *part, enum weir_stage stage)
{
	if (!net->counted || (part->key && part->netns_cookie != net->netns_cookie))
		return NULL;
	if (!part->ifindex)
		return &net->stages.ns[stage];
	for (unsigned int i = 0; i < net->stages.nr_devs; i++)
		if (net->stages.dev[i].ifindex == part->ifindex)
			return &net->stages.dev[i].stage[stage];
	return NULL;
}

static void sum_counted(const struct weir_kernel_snapshot *s, const struct weir_kernel_part *part,
	enum weir_stage stage, struct weir_kernel_flow *sum)
{
	bool any = false;

	for (unsigned int i = 0; i < s->nr_nets; i++) {
		const struct weir_kstage *counted = counted_of(&s->nets[i], part, stage);

		if (counted)
			add_counted(sum, counted, stage, &any);
	}
	for (unsigned int i = 0; !part->ifindex && sum->seen == WEIR_KSEEN_no && i < s->nr_nets;
		i++) {
		const struct weir_kstage *machine = &s->nets[i].stages.machine[stage];

		if (!s->nets[i].counted || number_of(machine, stage)->seen == WEIR_KSEEN_no)
			continue;
		*sum = (struct weir_kernel_flow){.machine = true};
		any = false;
		add_counted(sum, machine, stage, &any);
		return; /* each namespace reads the same */
	}
}

static __u64 sum_drops(const struct weir_kernel_snapshot *s, const struct weir_kernel_part *part,
	unsigned int stage)
{
	__u64 sum = 0;

	for (unsigned int i = 0; i < s->nr_drops; i++)
		if (s->drops[i].stage == stage && !s->drops[i].aside &&
			weir_kernel_part_has(part, &s->devs[s->drops[i].dev]))
			sum += s->drops[i].count.packets;
	return sum;
}

/* What went back is unknown, not negative. */
static __u64 grown(__u64 before, __u64 now, bool *back)
{
	*back = *back || now < before;
	return now < before ? 0 : now - before;
}

static void compare_stage(struct weir_kernel_part *part, const struct weir_kernel_snapshot *before,
	const struct weir_kernel_snapshot *now, unsigned int stage)
{
	struct weir_kernel_flow old = {0}, new = {0}, *flow = &part->stage[stage];
	bool back = false, drops_back = false;

	if (stage < WEIR_STAGE_COUNT && observes(now, stage)) {
		sum_observed(before, part, stage, &old);
		sum_observed(now, part, stage, &new);
	} else if (stage < WEIR_STAGE_COUNT) {
		sum_counted(before, part, stage, &old);
		sum_counted(now, part, stage, &new);
	}
	*flow = new;
	flow->packets = grown(old.packets, new.packets, &back);
	flow->bytes = grown(old.bytes, new.bytes, &back);
	if (back || new.seen == WEIR_KSEEN_no)
		flow->packets = flow->bytes = flow->seen = 0;
	flow->drops =
		grown(sum_drops(before, part, stage), sum_drops(now, part, stage), &drops_back);
	part->drops += flow->drops;
}

/* --- latency --- */

static void add_lat(struct weir_klat *sum, const struct weir_kernel_snapshot *s,
	const struct weir_kernel_part *part)
{
	for (unsigned int i = 0; i < s->nr_devs; i++) {
		const struct weir_klat *lat = &s->devs[i].lat;

		if (!weir_kernel_part_has(part, &s->devs[i]))
			continue;
		for (unsigned int n = 0; n < WEIR_STAGE_COUNT; n++) {
			const struct weir_lat_stage *from = &lat->stage[n];
			struct weir_lat_stage *to = &sum->stage[n];

			if (!from->samples)
				continue;
			to->samples += from->samples;
			to->max_ns = from->max_ns > to->max_ns ? from->max_ns : to->max_ns;
			for (unsigned int b = 0; b < WEIR_HIST_BUCKETS; b++)
				to->bucket[b] += from->bucket[b];
		}
	}
}

/* Of stages that were not timed meanwhile nothing is left. */
static void compare_lat(struct weir_klat *lat, const struct weir_klat *old)
{
	for (unsigned int n = 0; n < WEIR_STAGE_COUNT; n++) {
		struct weir_lat_stage *to = &lat->stage[n];
		const struct weir_lat_stage *from = &old->stage[n];

		if (to->samples <= from->samples) {
			memset(to, 0, sizeof(*to));
			continue;
		}
		to->samples -= from->samples;
		for (unsigned int b = 0; b < WEIR_HIST_BUCKETS; b++)
			to->bucket[b] -=
				to->bucket[b] < from->bucket[b] ? to->bucket[b] : from->bucket[b];
	}
}

static bool was_there(const struct weir_kernel_snapshot *s, const struct weir_kernel_part *part)
{
	if (!part->ifindex)
		return true;
	for (unsigned int i = 0; i < s->nr_nets; i++)
		if (counted_of(&s->nets[i], part, WEIR_STAGE_nic_rx))
			return true;
	for (unsigned int i = 0; i < s->nr_devs; i++)
		if (weir_kernel_part_has(part, &s->devs[i]))
			return true;
	return false;
}

static int compare(struct weir_kernel_delta *d, const struct weir_kernel_snapshot *before)
{
	const __u64 *was = (const __u64 *)&before->lost, *is = (const __u64 *)&d->now->lost;
	struct weir_klat *old = malloc(sizeof(*old));
	__u64 *lost = (__u64 *)&d->lost;
	bool back = false;

	if (!old)
		return -ENOMEM;
	for (unsigned int i = 0; i < d->nr_parts; i++) {
		struct weir_kernel_part *part = &d->parts[i];

		part->known = was_there(before, part);
		if (!part->known)
			continue;
		for (unsigned int n = 0; n <= WEIR_STAGE_COUNT; n++)
			compare_stage(part, before, d->now, n);
		if (d->now->watch.level < WEIR_KLEVEL_latency)
			continue;
		memset(old, 0, sizeof(*old));
		add_lat(old, before, part);
		add_lat(&part->lat, d->now, part);
		compare_lat(&part->lat, old);
	}
	for (unsigned int i = 0; i < WEIR_KLOSS_COUNT; i++)
		lost[i] = grown(was[i], is[i], &back);
	free(old);
	return 0;
}

int weir_kernel_delta_init(struct weir_kernel_delta *delta,
	const struct weir_kernel_snapshot *before, const struct weir_kernel_snapshot *now)
{
	int rc = 0;

	*delta = (struct weir_kernel_delta){.now = now};
	if (!now->on)
		return 0;
	rc = add_parts(delta);
	if (!rc && before && before->on && before->watch.since_ns == now->watch.since_ns &&
		before->time_ns < now->time_ns) {
		delta->interval_ns = now->time_ns - before->time_ns;
		rc = compare(delta, before);
	}
	if (rc)
		weir_kernel_delta_done(delta);
	return rc;
}

void weir_kernel_delta_done(struct weir_kernel_delta *delta)
{
	free(delta->parts);
	*delta = (struct weir_kernel_delta){0};
}

double weir_kernel_rate(const struct weir_kernel_delta *delta, __u64 count)
{
	return delta->interval_ns ? (double)count * 1e9 / (double)delta->interval_ns : 0;
}

/* --- drops, and when --- */

/*
 * Without the name of netfilter's rule: it is today's, so that it changes with the rule set, and
 * what was dropped before would be dropped anew. Which rule it is depends on the protocol, too.
 */
static __u64 drop_key(const struct weir_kernel_drop *d, const struct weir_kernel_dev *dev)
{
	__u64 hash = part_key(dev->netns_cookie, dev->ifindex);
	const char *rule = strstr(d->cause, "/nft:");
	bool netfilter = !strncmp(d->cause, "NETFILTER_DROP", strlen("NETFILTER_DROP"));

	hash = hashed(hash, &d->stage, sizeof(d->stage));
	hash = hashed(hash, d->cause, rule ? (size_t)(rule - d->cause) : strlen(d->cause));
	if (netfilter)
		hash = hashed(hash, &d->key.protocol, sizeof(d->key.protocol));
	return hash ? hash : 1;
}

static struct weir_kernel_seen *find_seen(struct weir_kernel_seen *seen, unsigned int nr, __u64 key)
{
	for (unsigned int i = 0; i < nr; i++)
		if (seen[i].key == key)
			return &seen[i];
	return NULL;
}

/* Time of day of a moment that observers have kept; 0 where they have kept none. */
static __u64 day_of(const struct weir_kernel_snapshot *now, __u64 ns, __u64 wall_s)
{
	__u64 ago = ns && ns < now->time_ns ? (now->time_ns - ns) / 1000000000 : 0;

	return ns ? wall_s - (ago < wall_s ? ago : wall_s) : 0;
}

/* Kinds that differ in what nobody asks for here (function, stage left) are one. */
static void gather(struct weir_kernel_seen *s, const struct weir_kernel_snapshot *now,
	const struct weir_kernel_drop *d, __u64 wall_s)
{
	__u64 first = day_of(now, d->count.first_ns, wall_s);
	__u64 last = day_of(now, d->count.last_ns, wall_s);

	if (!s->drop || d->count.last_ns > s->drop->count.last_ns)
		s->drop = d;
	s->total += d->count.packets;
	if (first && (!s->first_s || first < s->first_s))
		s->first_s = first;
	if (last > s->last_s)
		s->last_s = last;
}

static void follow(struct weir_kernel_seen *s, const struct weir_kernel_seen *before, bool interval,
	__u64 wall_s)
{
	bool timed = s->first_s;

	s->rate_count = !interval		   ? 0
			: !before		   ? s->total
			: s->total > before->total ? s->total - before->total
						   : 0;
	if (timed) {
		/* told in whole seconds of two clocks, it would be another with each reading */
		if (before && !before->began_unseen)
			s->first_s = before->first_s;
		return;
	}
	s->first_s = before ? before->first_s : wall_s;
	s->began_unseen = before ? before->began_unseen : !interval;
	s->last_s = s->rate_count ? wall_s : before ? before->last_s : 0;
}

static int worst_first(const void *a, const void *b)
{
	const struct weir_kernel_seen *x = a, *y = b;

	if (x->rate_count != y->rate_count)
		return x->rate_count < y->rate_count ? 1 : -1;
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return (x->key > y->key) - (x->key < y->key);
}

int weir_kernel_seen_follow(struct weir_kernel_seen_list *list,
	const struct weir_kernel_snapshot *now, bool interval, __u64 wall_s)
{
	struct weir_kernel_seen_list next = {.since_ns = now->watch.since_ns};
	bool anew = list->since_ns != next.since_ns;

	next.seen = calloc(now->nr_drops + 1, sizeof(*next.seen));
	if (!next.seen)
		return -ENOMEM;
	for (unsigned int i = 0; now->on && i < now->nr_drops; i++) {
		const struct weir_kernel_dev *dev = &now->devs[now->drops[i].dev];
		__u64 key = drop_key(&now->drops[i], dev);
		struct weir_kernel_seen *seen = find_seen(next.seen, next.nr, key);

		if (!seen) {
			seen = &next.seen[next.nr++];
			seen->key = key;
			seen->dev = dev;
		}
		gather(seen, now, &now->drops[i], wall_s);
	}
	for (unsigned int i = 0; i < next.nr; i++)
		follow(&next.seen[i],
			anew ? NULL : find_seen(list->seen, list->nr, next.seen[i].key),
			interval && !anew, wall_s);
	qsort(next.seen, next.nr, sizeof(*next.seen), worst_first);
	weir_kernel_seen_done(list);
	*list = next;
	return 0;
}

void weir_kernel_seen_done(struct weir_kernel_seen_list *list)
{
	free(list->seen);
	*list = (struct weir_kernel_seen_list){0};
}
