// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* NAT's settings, and how full what it gives is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <bpf/bpf.h>

#include "nat.h"
#include "rulestore.h"
#include "track.h"

/* --- pools --- */

/* Bits of one number's map, by protocol; a plane's last line is no ports but words without free
 * ones. */
static int count_ports(int ports, __u32 number, __u32 use[WEIR_PORT_PROTOS])
{
	__cleanup_close int fd = -1;
	const struct weir_port_line *lines;
	size_t size = WEIR_PORT_LINES * sizeof(*lines);
	struct bpf_map_info info = {};
	__u32 id, len = sizeof(info);

	memset(use, 0, WEIR_PORT_PROTOS * sizeof(*use));
	if (bpf_map_lookup_elem(ports, &number, &id))
		return errno == ENOENT ? 0 : -errno;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.max_entries != WEIR_PORT_LINES || info.value_size != sizeof(*lines))
		return -EINVAL;
	lines = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (lines == MAP_FAILED)
		return -errno;
	for (__u32 i = 0; i < WEIR_PORT_LINES; i++)
		for (__u32 w = 0; w < 8 && i % WEIR_PORT_PLANE != WEIR_PLANE_LINES; w++)
			use[i / WEIR_PORT_PLANE / 2] +=
				(__u32)__builtin_popcountll(lines[i].word[w]);
	munmap((void *)lines, size);
	return 0;
}

static int by_addr(const void *a, const void *b)
{
	const struct weir_pool_use *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static int read_pools(const struct weir_ns *ns, struct weir_nat_use *use)
{
	__cleanup_close int pools = weir_shared_map(ns, "pools");
	__cleanup_close int ports = weir_shared_map(ns, "pool_ports");
	struct weir_pool_key key, *before = NULL;
	int rc = 0;

	if (pools == -ENOENT || ports == -ENOENT)
		return 0;
	if (pools < 0 || ports < 0)
		return pools < 0 ? pools : ports;
	use->pools = calloc(WEIR_POOL_ADDRS_MAX, sizeof(*use->pools));
	if (!use->pools)
		return -ENOMEM;
	for (; !rc && use->nr_pools < WEIR_POOL_ADDRS_MAX &&
		!bpf_map_get_next_key(pools, before, &key);
		before = &key) {
		struct weir_pool_use *p = &use->pools[use->nr_pools];
		struct weir_pool pool;

		if (key.addr == WEIR_POOL_NUMBERED || bpf_map_lookup_elem(pools, &key, &pool) ||
			pool.number >= WEIR_POOL_ADDRS_MAX)
			continue;
		*p = (struct weir_pool_use){.addr = ntohl(key.addr), .ifindex = pool.dev};
		if (!if_indextoname(pool.dev, p->dev))
			p->dev[0] = '\0';
		rc = count_ports(ports, pool.number, p->ports);
		use->nr_pools++;
	}
	qsort(use->pools, use->nr_pools, sizeof(*use->pools), by_addr);
	return rc;
}

/* --- state --- */

static const struct weir_nat_state unset = {
	.timeout_s =
		{
#define T(id, seconds, least, text) seconds,
			WEIR_TIMEOUTS(T)
#undef T
		},
	.sessions_max = WEIR_SESSIONS_DEFAULT,
	.mappings_max = WEIR_SESSIONS_DEFAULT,
};

int weir_nat_use_read(struct weir_ns *ns, struct weir_nat_use *use, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	struct weir_nat_use u = {.state = unset};
	struct weir_nat_state *state;
	int rc = weir_shared_check(ns, err);

	(void)lock; /* to the end */
	if (rc)
		return rc;
	state = weir_nat_state_map(ns);
	if (state) {
		u.state = *state;
		munmap(state, sizeof(*state));
		u.tracking = weir_is_tracking(ns);
		rc = read_pools(ns, &u);
	} else if (errno != ENOENT) {
		rc = -errno;
	}
	if (rc) {
		weir_nat_use_done(&u);
		return weir_fail_pins(ns, err, rc, "reading the pools");
	}
	*use = u;
	return 0;
}

void weir_nat_use_done(struct weir_nat_use *use)
{
	free(use->pools);
	use->pools = NULL;
	use->nr_pools = 0;
}

/* For who changes a setting: it is kept where something is attached, or there are rules. */
static int open_state(
	struct weir_ns *ns, int *lock, struct weir_nat_state **state, struct weir_err *err)
{
	char opt[300];
	int rc;

	*lock = weir_ns_lock(ns, "");
	rc = weir_shared_check(ns, err);
	if (rc)
		return rc;
	if (*lock == -EACCES || *lock == -EPERM)
		return weir_fail_pins(ns, err, *lock, "opening the pins");
	*state = weir_nat_state_map(ns);
	if (*state)
		return 0;
	rc = -errno;
	if (rc != -ENOENT)
		return weir_fail_pins(ns, err, rc, "opening nat");
	weir_fail(err, WEIR_NOT_FOUND, 0, "no device is attached, and there are no rules");
	weir_remedy(err, "weir%s dev attach DEV", weir_ns_option(ns, opt));
	return rc;
}

int weir_nat_timeout_set(
	struct weir_ns *ns, enum weir_timeout which, __u32 seconds, struct weir_err *err)
{
	__cleanup_close int lock = -1;
	struct weir_nat_state *state;
	int rc = open_state(ns, &lock, &state, err);

	if (rc)
		return rc;
	__atomic_store_n(&state->timeout_s[which], seconds, __ATOMIC_RELAXED);
	munmap(state, sizeof(*state));
	return 0;
}

/* --- limit --- */

static int refuse_sessions(struct weir_ns *ns, __u64 nr, struct weir_err *err)
{
	char opt[300];

	weir_fail(err, WEIR_REFUSED, 0,
		"there are %llu sessions, and another limit is another table, without them",
		(unsigned long long)nr);
	weir_remedy(err, "weir%s nat session flush", weir_ns_option(ns, opt));
	return -EBUSY;
}

/* Pools are new, too: of the rules that are there. */
static int fill_pools(struct weir_ns *ns, struct weir_err *err)
{
	struct weir_rule_rec *recs = NULL;
	struct weir_stored s;
	int rc = weir_stored_read(ns, WEIR_RULE_NAT, &s, err);

	if (rc)
		return rc;
	rc = weir_stored_write(ns, &s.model, &s, true, &recs, err);
	if (!rc)
		rc = weir_pools_add(ns, recs, s.model.nr, err);
	free(recs);
	weir_stored_done(&s);
	return rc;
}

int weir_nat_limit_set(
	struct weir_ns *ns, __u32 sessions, struct weir_notes *notes, struct weir_err *err)
{
	__cleanup_close int lock = -1;
	struct weir_nat_state *state;
	__u64 there;
	__u32 before;
	int rc = open_state(ns, &lock, &state, err);

	if (rc)
		return rc;
	there = weir_is_tracking(ns) ? state->created - state->ended : 0;
	before = state->sessions_max;
	if (before != sessions && there)
		rc = refuse_sessions(ns, there, err);
	if (!rc && before != sessions) {
		state->sessions_max = state->mappings_max = sessions;
		rc = weir_shared_maps(ns, err);
		if (rc) /* the tables are as they were */
			state->sessions_max = state->mappings_max = before;
	}
	munmap(state, sizeof(*state));
	if (rc || before == sessions || !weir_is_tracking(ns))
		return rc;
	rc = fill_pools(ns, err);
	if (!rc)
		rc = weir_shared_reload(ns, err);
	weir_shared_moved(ns);
	weir_note(notes, "the tables of sessions were made anew");
	return rc;
}
