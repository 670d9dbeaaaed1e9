// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sessions' settings, and the hook that nothing leaves untranslated by. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "track.h"

static const __u32 timeout_s[WEIR_TIMEOUT_COUNT] = {
#define T(id, seconds, least, text) seconds,
	WEIR_TIMEOUTS(T)
#undef T
};

struct weir_nat_state *weir_nat_state_map(const struct weir_ns *ns)
{
	__cleanup_close int fd = weir_shared_map(ns, "nat");
	struct weir_nat_state *state;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return state == MAP_FAILED ? NULL : state;
}

__u32 weir_sessions_max(const struct weir_ns *ns)
{
	struct weir_nat_state *state = weir_nat_state_map(ns);
	__u32 max = state ? state->sessions_max : 0;

	if (state)
		munmap(state, sizeof(*state));
	return max >= WEIR_SESSIONS_MIN && max <= WEIR_SESSIONS_MAX ? max : WEIR_SESSIONS_DEFAULT;
}

static struct weir_nat_state *initial(struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".data.nat");
	size_t size = 0;
	struct weir_nat_state *state = map ? bpf_map__initial_value(map, &size) : NULL;

	return size == sizeof(*state) ? state : NULL;
}

int weir_nat_state_init(struct bpf_object *obj)
{
	struct weir_nat_state *state = initial(obj);

	if (!state)
		return -EINVAL;
	*state = (struct weir_nat_state){
		.sessions_max = WEIR_SESSIONS_DEFAULT,
		.mappings_max = WEIR_SESSIONS_DEFAULT,
		.index_mask = weir_index_buckets(WEIR_SESSIONS_DEFAULT) - 1,
		.names_mask = weir_name_lines(WEIR_SESSIONS_DEFAULT) * WEIR_NAME_SLOTS - 1};
	memcpy(state->timeout_s, timeout_s, sizeof(timeout_s));
	return getrandom(&state->seed, sizeof(state->seed), 0) < 0 ? -errno : 0;
}

int weir_nat_state_keep(const struct weir_ns *ns, struct bpf_object *obj)
{
	struct weir_nat_state *now = weir_nat_state_map(ns), *state = initial(obj);

	if (!state)
		return -EINVAL;
	if (!now)
		return errno == ENOENT ? 0 : -errno;
	*state = *now;
	munmap(now, sizeof(*now));
	state->sessions_used = state->mappings_used = state->sweep = 0;
	state->ended = state->created;
	state->index_mask = weir_index_buckets(state->sessions_max) - 1;
	state->names_mask = weir_name_lines(state->sessions_max) * WEIR_NAME_SLOTS - 1;
	state->names_apart = 0;
	return 0;
}

/* --- the egress hook --- */

/* A device on whose egress hook the program is to be, or not to be. */
struct egress {
	struct weir_ns *ns;
	struct weir_err *err;
};

/* @what: NULL, or the settings of a device that has none yet. */
static int add_egress(struct egress *e, __u32 ifindex, const struct weir_attach *what, bool generic)
{
	struct weir_job j = {.ns = e->ns,
		.what = what,
		.at = {ifindex, WEIR_HOOK_tc_egress},
		.own = -1,
		.hooked = -1,
		.old_prog = -1,
		.generic = generic};
	int rc;

	if (weir_hook_pinned(e->ns, &j.at) || weir_link_by_index(ifindex, &j.link))
		return 0;		/* it is there, or its device is gone */
	weir_hook_remove(e->ns, &j.at); /* what a killed weir left behind */
	rc = weir_job_load(&j, e->err);
	if (!rc)
		rc = weir_job_hook(&j, weir_job_prog(&j), generic, e->err);
	if (!rc)
		rc = weir_job_pin(&j, e->err);
	if (rc && j.hooked >= 0)
		weir_hook_detach(&j.at, j.hooked, j.hooked_filter);
	if (rc)
		weir_hook_remove(e->ns, &j.at);
	weir_close(&j.hooked);
	bpf_object__close(j.obj);
	return rc;
}

static int egress_up(void *ctx, __u32 ifindex)
{
	struct egress *e = ctx;
	struct weir_conf conf;

	/* untagged frames of a device that is attached for its VLANs alone are the kernel's */
	if (!weir_dev_pinned(e->ns, ifindex) || weir_dev_conf(e->ns, ifindex, &conf) ||
		conf.vlans_only)
		return 0;
	return add_egress(e, ifindex, NULL, conf.generic);
}

static int vlan_egress_up(void *ctx, const struct weir_vlan_key *key, const struct weir_vlan *vlan)
{
	struct weir_attach what = {.mode = WEIR_XDP_OFF};
	struct egress *e = ctx;
	struct weir_conf conf;

	if (!weir_dev_conf(e->ns, vlan->ifindex, &conf))
		return 0; /* it has hooks of its own, and was met among the devices */
	if (!weir_dev_conf(e->ns, key->ifindex, &conf))
		what.punt = conf.punt;
	return add_egress(e, vlan->ifindex, &what, false);
}

int weir_egress_up(struct weir_ns *ns, struct weir_err *err)
{
	struct egress e = {ns, err};
	int rc = weir_each_dev(ns, egress_up, &e);

	if (!rc)
		rc = weir_each_vlan(ns, vlan_egress_up, &e);
	weir_devs_touch(ns);
	return rc;
}

/* TC is asked for at both hooks: the one alone is there for NAT. */
static int egress_down(void *ctx, __u32 ifindex)
{
	const struct weir_ns *ns = ctx;
	struct weir_hook_at out = {ifindex, WEIR_HOOK_tc_egress};
	struct weir_hook_at in = {ifindex, WEIR_HOOK_tc_ingress};
	struct weir_hook_at xdp = {ifindex, WEIR_HOOK_xdp};
	char path[PATH_MAX];

	if (!weir_hook_pinned(ns, &out) || weir_hook_pinned(ns, &in))
		return 0;
	weir_hook_remove(ns, &out);
	if (!weir_hook_pinned(ns, &xdp)) /* a VLAN device: XDP goes on below */
		weir_remove_tree(weir_pin_path(ns, path, "dev/%u", ifindex));
	weir_devs_touch(ns);
	return 0;
}

void weir_egress_down(const struct weir_ns *ns)
{
	weir_each_dev(ns, egress_down, (void *)ns);
}
