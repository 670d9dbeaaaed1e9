// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What rules and sessions need of the kernel: maps that are large enough, and programs that ask
 * them.
 *
 * Who has no rules pays nothing for them: programs are loaded without that part, and the maps are
 * as small as they may be. The first rule makes the maps large, and loads the program of each hook
 * anew, in place of the one that runs: no packet is missed, and counters go on. The first rule of
 * NAT, or one that asks for a connection's state, does so for sessions; with the last, they end
 * again.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <weir/rules.h>
#include <weir/sessions.h>

#include "xdp.skel.h"
#include "priv.h"
#include "track.h"

/* No more: programs are not asked any longer, and what was there for it is being taken away. */
enum { ASKED_NOT, ASKED_SOON, ASKED_BY_ALL, ASKED_NO_MORE };

static bool is_asked(__u32 state)
{
	return state == ASKED_SOON || state == ASKED_BY_ALL;
}

/* --- sizes --- */

enum { RULES_ONLY = 1, SESSIONS = 2 };

/* Maps that are small as long as nobody needs them; of sessions, all are made anew with any. */
static const struct sized {
	const char *map, *pin;
	int of;
} sized[] = {
	{"counts", "counts", RULES_ONLY},
	{"sets", "sets", RULES_ONLY},
	{"set_info", "set_info", RULES_ONLY},
	{"buckets", "buckets", RULES_ONLY},
	{"sessions", "sessions", SESSIONS},
	{"mappings", "mappings", SESSIONS},
	{"names", "names", SESSIONS},
	{"session_index", "session_index", SESSIONS},
	{"free_sessions", "free_sessions", SESSIONS},
	{"free_mappings", "free_mappings", SESSIONS},
	{"frags", "frags", SESSIONS},
	{"frags_left", "frags_left", SESSIONS},
	{"pools", "pools", SESSIONS},
	{"pool_ports", "pool_ports", SESSIONS},
	{".data.nat", "nat", SESSIONS},
};

enum { NR_SIZED = sizeof(sized) / sizeof(sized[0]) };

/* How large each is to be. */
static void wanted_sizes(const struct weir_ns *ns, const struct weir_ctl *ctl, __u32 size[NR_SIZED])
{
	bool track = is_asked(ctl->track), rules = ctl->filter || track;
	__u32 cpus = (__u32)libbpf_num_possible_cpus();
	__u32 sessions = track ? weir_sessions_max(ns) : WEIR_SESSIONS_MIN;
	const __u32 wanted[NR_SIZED] = {
		/* one set of rules follows another */
		rules ? (WEIR_RULES_MAX + WEIR_NAT_RULES_MAX) * 2 * cpus : cpus,
		/* NAT has no limits, and with named sets the filter is asked for */
		ctl->filter ? WEIR_ELEMS_MAX : 1,
		ctl->filter ? WEIR_SETS_MAX : 1,
		ctl->filter ? WEIR_BUCKETS_MAX : 1,
		sessions,
		sessions,
		weir_name_lines(sessions),
		weir_index_buckets(sessions),
		sessions,
		sessions,
		track ? WEIR_FRAGS_MAX : 1,
		track ? WEIR_FRAG_LINES : 1,
	}; /* 0: as the object has it */

	memcpy(size, wanted, sizeof(wanted));
}

/* Of the pinned map; 0: there is none. */
static __u32 size_now(const struct weir_ns *ns, const char *pin)
{
	__cleanup_close int fd = weir_shared_map(ns, pin);
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len) ? 0 : info.max_entries;
}

int weir_rules_size(const struct weir_ns *ns, struct bpf_object *obj, const struct weir_ctl *ctl,
	struct weir_self *self)
{
	__u32 size[NR_SIZED];

	wanted_sizes(ns, ctl, size);
	self->filter = ctl->filter != ASKED_NOT;
	self->track = is_asked(ctl->track);
	for (unsigned int i = 0; i < NR_SIZED; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, sized[i].map);
		__u32 now = size_now(ns, sized[i].pin); /* a program takes the map that is there */
		int rc;

		if (now)
			size[i] = now;
		if (!strcmp(sized[i].map, "counts"))
			self->rule_slots = size[i] / (__u32)libbpf_num_possible_cpus();
		rc = map && size[i] ? bpf_map__set_max_entries(map, size[i]) : 0;
		if (rc)
			return rc;
	}
	return weir_nat_state_init(obj);
}

/* --- maps in place of maps --- */

/* Which are to be made anew: those of another size, and with one of the sessions' all of them.
 * Rules keep what they have, were it too large. */
static bool choose(const __u32 size[NR_SIZED], const struct weir_ns *ns, bool anew[NR_SIZED])
{
	bool sessions = false, any = false;

	for (unsigned int i = 0; i < NR_SIZED; i++) {
		__u32 now = size_now(ns, sized[i].pin);

		anew[i] = sized[i].of == SESSIONS && size[i] ? now != size[i] : now < size[i];
		sessions |= anew[i] && sized[i].of == SESSIONS;
		any |= anew[i];
	}
	for (unsigned int i = 0; i < NR_SIZED; i++)
		anew[i] |= sessions && sized[i].of == SESSIONS;
	return any;
}

/* At no time is there no pin, or an empty one. */
static int pin_anew(const struct weir_ns *ns, const char *pin, int fd)
{
	char path[PATH_MAX], next[PATH_MAX];

	weir_pin_path(ns, path, "%s", pin);
	weir_pin_path(ns, next, "%s_new", pin);
	unlink(next);
	if (bpf_obj_pin(fd, next))
		return -errno;
	return rename(next, path) ? -errno : 0;
}

static int load_maps(struct weir_ns *ns, struct bpf_object *obj, const __u32 size[NR_SIZED],
	const bool anew[NR_SIZED])
{
	struct weir_self self = {.queues = 1};
	struct bpf_program *prog;
	int rc = weir_shared_use(ns, obj, &self);

	bpf_object__for_each_program(prog, obj) bpf_program__set_autoload(prog, false);
	for (unsigned int i = 0; i < NR_SIZED && !rc; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, sized[i].map);

		if (!anew[i])
			continue;
		if (size[i])
			rc = bpf_map__set_max_entries(map, size[i]);
		if (!rc)
			rc = bpf_map__set_pin_path(map, NULL);
	}
	if (!rc)
		rc = weir_nat_state_keep(ns, obj);
	if (!rc)
		rc = bpf_object__load(obj);
	for (unsigned int i = 0; i < NR_SIZED && !rc; i++)
		if (anew[i])
			rc = pin_anew(ns, sized[i].pin,
				bpf_object__find_map_fd_by_name(obj, sized[i].map));
	return rc;
}

/* Makes all maps that are not there, or have not the size that they should: whichever programs come
 * later find them. */
static int make_maps(struct weir_ns *ns, const struct weir_ctl *ctl, struct weir_err *err)
{
	__u32 wanted[NR_SIZED];
	bool anew[NR_SIZED];
	struct bpf_object *obj;
	size_t size;
	const void *bytes = xdp_bpf__elf_bytes(&size);
	int rc;

	wanted_sizes(ns, ctl, wanted);
	if (!choose(wanted, ns, anew))
		return 0;
	obj = bpf_object__open_mem(bytes, size, NULL);
	if (!obj)
		return weir_fail_sys(err, -errno, "opening the maps of rules");
	rc = load_maps(ns, obj, wanted, anew);
	bpf_object__close(obj);
	return rc ? weir_fail_sys(err, rc, "making the maps of rules (%s)", weir_libbpf_said()) : 0;
}

/* --- programs in place of programs --- */

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

int weir_shared_reload(struct weir_ns *ns, struct weir_err *err)
{
	struct reload r = {ns, err};

	return weir_each_dev(ns, reload_dev, &r);
}

/* --- on and off --- */

static int open_ctl(struct weir_ns *ns, struct weir_ctl **ctl, struct weir_err *err)
{
	*ctl = weir_ctl_map(ns);
	return *ctl ? 0 : weir_fail_pins(ns, err, -errno, "opening ctl");
}

int weir_shared_ask(struct weir_ns *ns, bool filter, bool track, struct weir_err *err)
{
	struct weir_ctl *ctl;
	bool sessions = track;
	int rc = weir_shared_up(ns, err);

	if (!rc)
		rc = open_ctl(ns, &ctl, err);
	if (rc)
		return rc;
	filter &= ctl->filter != ASKED_BY_ALL;
	track &= ctl->track != ASKED_BY_ALL;
	if (filter)
		ctl->filter = ASKED_SOON;
	if (track)
		ctl->track = ASKED_SOON;
	if (filter || track) {
		rc = make_maps(ns, ctl, err);
		if (!rc)
			rc = weir_shared_reload(ns, err);
	}
	if (!rc && track)
		rc = weir_egress_up(ns, err);
	if (!rc && sessions)
		weir_defrag_up(ns); /* again where somebody has taken it away */
	if (!rc && filter)
		ctl->filter = ASKED_BY_ALL;
	if (!rc && track)
		ctl->track = ASKED_BY_ALL;
	munmap(ctl, sizeof(*ctl));
	return rc;
}

int weir_shared_maps(struct weir_ns *ns, struct weir_err *err)
{
	struct weir_ctl *ctl;
	int rc = open_ctl(ns, &ctl, err);

	if (rc)
		return rc;
	rc = make_maps(ns, ctl, err);
	munmap(ctl, sizeof(*ctl));
	return rc;
}

int weir_shared_untrack(struct weir_ns *ns, struct weir_err *err)
{
	struct weir_ctl *ctl = weir_ctl_map(ns);
	int rc;

	if (!ctl)
		return 0; /* nothing is there */
	if (ctl->track == ASKED_NOT) {
		munmap(ctl, sizeof(*ctl));
		return 0;
	}
	ctl->track = ASKED_NO_MORE; /* so that who comes after a killed one goes on */
	weir_defrag_down(ns);
	rc = weir_shared_maps(ns, err);
	if (!rc)
		rc = weir_shared_reload(ns, err);
	weir_egress_down(ns);
	if (!rc)
		ctl->track = ASKED_NOT;
	munmap(ctl, sizeof(*ctl));
	return rc;
}

bool weir_is_tracking(const struct weir_ns *ns)
{
	struct weir_ctl *ctl = weir_ctl_map(ns);
	bool is = ctl && is_asked(ctl->track);

	if (ctl)
		munmap(ctl, sizeof(*ctl));
	return is;
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
