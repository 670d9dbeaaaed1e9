// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What observers cost, by the kernel's own statistics of BPF programs. These cost some 20 ns a run
 * themselves, so they are turned on for a moment only, unless they are on anyway.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "kernel_priv.h"

#define LOOK_NS	 300000000
#define OURS	 "weir_k_"
#define MAPS_MAX 64

/* Whether the program uses that map. */
static bool uses(const __u32 *ids, __u32 nr, __u32 map)
{
	for (__u32 i = 0; i < nr && i < MAPS_MAX; i++)
		if (ids[i] == map)
			return true;
	return false;
}

static __u32 id_of(const struct weir_ns *k)
{
	__cleanup_close int fd = weir_k_map(k, "kwatch");
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* Hands each of the observers that use that map to @fn. */
static void each_observer(
	__u32 map, void (*fn)(void *ctx, __u32 id, const struct bpf_prog_info *info), void *ctx)
{
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		__cleanup_close int fd = bpf_prog_get_fd_by_id(id);
		__u32 maps[MAPS_MAX];
		struct bpf_prog_info info = {
			.map_ids = (__u64)(unsigned long)maps, .nr_map_ids = MAPS_MAX};
		__u32 len = sizeof(info);

		if (fd >= 0 && !bpf_prog_get_info_by_fd(fd, &info, &len) &&
			!strncmp(info.name, OURS, strlen(OURS)) && uses(maps, info.nr_map_ids, map))
			fn(ctx, id, &info);
	}
}

struct look {
	struct weir_kernel_costs *costs;
	bool after;
};

/* Adds what a program says, or takes it away. */
static void look_at(void *ctx, __u32 id, const struct bpf_prog_info *info)
{
	const struct look *look = ctx;
	struct weir_kernel_costs *costs = look->costs;
	struct weir_kernel_cost *c;
	unsigned int i;

	for (i = 0; i < costs->nr && costs->cost[i].id != id; i++)
		;
	if (i == WEIR_KERNEL_COSTS_MAX || (look->after && i == costs->nr))
		return;
	c = &costs->cost[i];
	if (!look->after) {
		costs->nr++;
		*c = (struct weir_kernel_cost){.id = id};
		memcpy(c->name, info->name + strlen(OURS), sizeof(info->name) - strlen(OURS));
	}
	c->runs = info->run_cnt - c->runs;
	c->run_ns = info->run_time_ns - c->run_ns;
}

int weir_kernel_cost(struct weir_ns *ns, struct weir_kernel_costs *costs, struct weir_err *err)
{
	const struct timespec moment = {.tv_nsec = LOOK_NS};
	__cleanup_close int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	struct weir_ns k;
	__u64 began;
	__u32 map;

	*costs = (struct weir_kernel_costs){0};
	if (stats < 0)
		return weir_fail_sys(err, -errno, "turning on statistics of BPF programs");
	weir_ns_kernel(ns, &k);
	map = id_of(&k);
	if (!map)
		return 0;
	began = weir_now_ns();
	each_observer(map, look_at, &(struct look){.costs = costs});
	nanosleep(&moment, NULL);
	each_observer(map, look_at, &(struct look){.costs = costs, .after = true});
	costs->time_ns = weir_now_ns() - began;
	return 0;
}

static void add_missed(void *ctx, __u32 id, const struct bpf_prog_info *info)
{
	(void)id;
	*(__u64 *)ctx += info->recursion_misses;
}

__u64 weir_k_interrupted(const struct weir_ns *k)
{
	__u32 map = id_of(k);
	__u64 missed = 0;

	if (map)
		each_observer(map, add_missed, &missed);
	return missed;
}
