// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What rules need of the kernel: their maps, and programs that ask them.
 *
 * Who has no rules pays nothing for them: programs are loaded without that part, and the maps are
 * as small as they may be. The first rule makes the maps large, and loads the program of each hook
 * anew, in place of the one that runs: no packet is missed, and counters go on.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <weir/rules.h>

#include "xdp.skel.h"
#include "priv.h"

enum { ASKED_NOT, ASKED_SOON, ASKED_BY_ALL };

/* Those that are larger where there are rules. */
static const char *const grown[] = {"counts", "sets", "set_info", "buckets"};

#define NR_GROWN (sizeof(grown) / sizeof(grown[0]))

__u32 weir_rule_slots(const struct weir_ctl *ctl)
{
	return ctl->filter ? 2 * WEIR_RULES_MAX : 1; /* one set of rules follows another */
}

int weir_rules_size(struct bpf_object *obj, const struct weir_ctl *ctl)
{
	const __u32 cpus = (__u32)libbpf_num_possible_cpus();
	const __u32 sizes[NR_GROWN] = {
		weir_rule_slots(ctl) * cpus, WEIR_ELEMS_MAX, WEIR_SETS_MAX, WEIR_BUCKETS_MAX};

	for (size_t i = 0; i < NR_GROWN; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, grown[i]);
		int rc = !map ? -ENOENT
			      : bpf_map__set_max_entries(map, ctl->filter || !i ? sizes[i] : 1);

		if (rc)
			return rc;
	}
	return 0;
}

/* The maps alone, large: whichever programs come later find them. */
static int make_maps(struct weir_ns *ns, struct weir_err *err)
{
	struct weir_self self = {.queues = 1};
	struct bpf_program *prog;
	struct bpf_object *obj;
	char path[PATH_MAX];
	size_t size;
	const void *bytes = xdp_bpf__elf_bytes(&size);
	int rc;

	for (size_t i = 0; i < NR_GROWN; i++)
		unlink(weir_pin_path(ns, path, "%s", grown[i]));
	obj = bpf_object__open_mem(bytes, size, NULL);
	if (!obj)
		return weir_fail_sys(err, -errno, "opening the maps of rules");
	bpf_object__for_each_program(prog, obj) bpf_program__set_autoload(prog, false);
	rc = weir_shared_use(ns, obj, &self);
	if (!rc)
		rc = bpf_object__load(obj);
	bpf_object__close(obj);
	return rc ? weir_fail_sys(err, rc, "making the maps of rules (%s)", weir_libbpf_said()) : 0;
}

struct reload {
	struct weir_ns *ns;
	struct weir_err *err;
};

static int reload_hook(struct weir_job *j, struct weir_err *err)
{
	struct weir_conf conf;
	int rc;

	j->own = weir_hook_open(j->ns, &j->at, &j->own_filter);
	if (j->own < 0)
		return 0; /* none of ours is there */
	weir_dev_conf(j->ns, j->at.ifindex, &conf);
	j->generic = conf.generic;
	rc = weir_job_load(j, err);
	if (!rc) {
		rc = weir_hook_replace(&j->at, j->own, j->own_filter, weir_job_prog(j));
		if (rc)
			rc = weir_fail_sys(err, rc, "replacing the program of %s", j->link.name);
	}
	bpf_object__close(j->obj);
	weir_close(&j->own);
	return rc;
}

static int reload_dev(void *ctx, __u32 ifindex)
{
	struct reload *r = ctx;
	struct weir_job j = {.ns = r->ns, .hooked = -1, .old_prog = -1};
	enum weir_hook hook;
	int rc = 0;

	if (!weir_dev_pinned(r->ns, ifindex) || weir_link_by_index(ifindex, &j.link))
		return 0; /* it is gone, or going */
	for (hook = 0; hook < WEIR_HOOK_COUNT && !rc; hook++) {
		struct weir_job one = j;

		one.at = (struct weir_hook_at){ifindex, hook};
		rc = reload_hook(&one, r->err);
	}
	return rc;
}

int weir_shared_filter(struct weir_ns *ns, struct weir_err *err)
{
	struct reload r = {ns, err};
	struct weir_ctl *ctl;
	int rc = weir_shared_up(ns, err);

	if (rc)
		return rc;
	ctl = weir_ctl_map(ns);
	if (!ctl)
		return weir_fail_pins(ns, err, -errno, "opening ctl");
	if (ctl->filter != ASKED_BY_ALL) {
		ctl->filter = ASKED_SOON;
		rc = make_maps(ns, err);
		if (!rc)
			rc = weir_each_dev(ns, reload_dev, &r);
		if (!rc)
			ctl->filter = ASKED_BY_ALL;
	}
	munmap(ctl, sizeof(*ctl));
	return rc;
}

bool weir_rules_any(const struct weir_ns *ns)
{
	__cleanup_close int outer = weir_shared_map(ns, "rulesets");
	__cleanup_close int sets = weir_shared_map(ns, "set_info");
	struct weir_set_info info;
	__u32 i, id;

	for (i = 0; outer >= 0 && i < WEIR_RULESET_COUNT; i++)
		if (!bpf_map_lookup_elem(outer, &i, &id))
			return true;
	for (i = 1; sets >= 0 && i < WEIR_SETS_MAX; i++)
		if (bpf_map_lookup_elem(sets, &i, &info))
			break; /* small still: there never were any */
		else if (info.bits)
			return true;
	return false;
}
