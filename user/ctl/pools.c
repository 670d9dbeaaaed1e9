// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Pools of ports: whose are where. An address of a pool, or a masquerading device, has a number,
 * and by that a map of its ports. Each number has an entry, too, and each device that a rule has
 * outside. A number that no rule names any more keeps its map and its entry until no mapping holds
 * a port of it: the programs that give it back look there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/mman.h>
#include <bpf/bpf.h>

#include "track.h"

/* The two maps, and what is in them. */
struct pools {
	int pools, ports;
	struct weir_ctl *ctl;
	bool used[WEIR_POOL_ADDRS_MAX];	 /* numbers that an entry of `pools` has */
	bool there[WEIR_POOL_ADDRS_MAX]; /* those that have a map of ports */
	__u32 next;
};

static void close_pools(struct pools *p)
{
	weir_close(&p->pools);
	weir_close(&p->ports);
	if (p->ctl)
		munmap(p->ctl, sizeof(*p->ctl));
	free(p);
}

static int open_pools(const struct weir_ns *ns, struct pools **out)
{
	struct pools *p = calloc(1, sizeof(*p));
	struct weir_pool_key key, *before = NULL;
	struct weir_pool pool;
	__u32 id;

	if (!p)
		return -ENOMEM;
	p->pools = weir_shared_map(ns, "pools");
	p->ports = weir_shared_map(ns, "pool_ports");
	p->ctl = weir_ctl_map(ns);
	if (p->pools < 0 || p->ports < 0 || !p->ctl) {
		int rc = p->pools < 0 ? p->pools : p->ports < 0 ? p->ports : -errno;

		close_pools(p);
		return rc;
	}
	for (; !bpf_map_get_next_key(p->pools, before, &key); before = &key)
		if (key.addr != WEIR_POOL_NUMBERED && !bpf_map_lookup_elem(p->pools, &key, &pool) &&
			pool.number < WEIR_POOL_ADDRS_MAX)
			p->used[pool.number] = true;
	for (__u32 i = 0; i < WEIR_POOL_ADDRS_MAX; i++)
		p->there[i] = !bpf_map_lookup_elem(p->ports, &i, &id);
	*out = p;
	return 0;
}

/* A map of ports that are all free. */
static int make_ports(struct pools *p, __u32 number)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	__cleanup_close int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "weir_ports", sizeof(__u32),
		sizeof(struct weir_port_line), WEIR_PORT_LINES, &opts);

	if (fd < 0 || bpf_map_update_elem(p->ports, &number, &fd, BPF_ANY))
		return -errno;
	p->there[number] = true;
	return 0;
}

/* A number whose ports nobody holds. */
static int give_number(struct pools *p, __u32 *number)
{
	while (p->next < WEIR_POOL_ADDRS_MAX && (p->used[p->next] || p->there[p->next]))
		p->next++;
	if (p->next == WEIR_POOL_ADDRS_MAX)
		return -E2BIG;
	*number = p->next;
	p->used[p->next] = true;
	return make_ports(p, *number);
}

/* Nothing is given of a device's own address unless it masquerades; that it is an outside is told
 * all the same. */
static int add_outside(struct pools *p, __u32 dev)
{
	struct weir_pool_key key = {.dev = dev};
	struct weir_pool pool = {.number = WEIR_POOL_NONE, .dev = dev};

	return bpf_map_update_elem(p->pools, &key, &pool, BPF_NOEXIST) && errno != EEXIST ? -errno
											  : 0;
}

static int add_pool(struct pools *p, __u32 addr, __u32 dev, __u32 outside)
{
	struct weir_pool_key key = {.addr = htonl(addr), .dev = dev};
	struct weir_pool_key numbered = {.addr = WEIR_POOL_NUMBERED};
	struct weir_pool pool = {.dev = outside};
	int rc = 0;

	if (bpf_map_lookup_elem(p->pools, &key, &pool) || pool.number == WEIR_POOL_NONE)
		rc = give_number(p, &pool.number);
	else if (pool.dev == outside && p->there[pool.number % WEIR_POOL_ADDRS_MAX])
		return 0;
	else if (!p->there[pool.number % WEIR_POOL_ADDRS_MAX])
		rc = make_ports(p, pool.number);
	pool.dev = outside;
	numbered.dev = pool.number;
	weir_addr_mark(p->ctl, key.addr);
	if (!rc && (bpf_map_update_elem(p->pools, &numbered, &pool, BPF_ANY) ||
			   bpf_map_update_elem(p->pools, &key, &pool, BPF_ANY)))
		rc = -errno;
	return rc;
}

int weir_pools_add(
	const struct weir_ns *ns, const struct weir_rule_rec *recs, __u32 nr, struct weir_err *err)
{
	struct pools *p;
	int rc = open_pools(ns, &p);

	if (rc)
		return weir_fail_pins(ns, err, rc, "opening the pools");
	for (__u32 i = 0; i < nr && !rc; i++) {
		const struct weir_rule_rec *r = &recs[i];

		rc = r->nat == WEIR_NAT_masquerade ? add_pool(p, 0, r->dev, r->dev)
						   : add_outside(p, r->dev);
		for (__u64 a = r->to[0]; r->nat == WEIR_NAT_snat && a <= r->to[1] && !rc; a++)
			rc = add_pool(p, (__u32)a, 0, r->dev);
	}
	close_pools(p);
	if (rc != -E2BIG)
		return rc ? weir_fail_sys(err, rc, "making pools of ports") : 0;
	weir_fail(err, WEIR_REFUSED, 0,
		"there is room for %d addresses that ports are given of, those among them whose "
		"ports are in use still",
		WEIR_POOL_ADDRS_MAX);
	weir_remedy(err, "weir nat show; weir nat session flush");
	return rc;
}

/* --- taking away --- */

enum { UNNAMED, OUTSIDE, WITH_PORTS };

/* What the rules want of an entry. */
static int wanted(const struct weir_pool_key *key, const struct weir_rule_rec *recs, __u32 nr)
{
	__u32 addr = ntohl(key->addr);
	int most = UNNAMED;

	for (__u32 i = 0; i < nr; i++) {
		const struct weir_rule_rec *r = &recs[i];

		if (key->dev && r->dev == key->dev) {
			if (r->nat == WEIR_NAT_masquerade)
				return WITH_PORTS;
			most = OUTSIDE;
		} else if (!key->dev && r->nat == WEIR_NAT_snat && r->to[0] <= addr &&
			   addr <= r->to[1]) {
			return WITH_PORTS;
		}
	}
	return most;
}

/* Takes the entry away, or its ports alone. */
static void shrink(struct pools *p, const struct weir_pool_key *key, int to)
{
	struct weir_pool pool;

	if (to == WITH_PORTS || bpf_map_lookup_elem(p->pools, key, &pool))
		return;
	if (pool.number < WEIR_POOL_ADDRS_MAX)
		p->used[pool.number] = false;
	pool.number = WEIR_POOL_NONE;
	if (to == UNNAMED)
		bpf_map_delete_elem(p->pools, key);
	else
		bpf_map_update_elem(p->pools, key, &pool, BPF_EXIST);
}

/* Which numbers mappings hold ports of. */
static int find_held(const struct weir_ns *ns, bool held[WEIR_POOL_ADDRS_MAX])
{
	__cleanup_close int fd = weir_shared_map(ns, "mappings");
	struct bpf_map_info info = {};
	const struct weir_mapping *m;
	__u32 len = sizeof(info);
	size_t size;

	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len))
		return fd < 0 ? fd : -errno;
	size = (size_t)info.max_entries * sizeof(*m);
	m = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return -errno;
	for (__u32 i = 0; i < info.max_entries; i++)
		if (m[i].pool && m[i].pool <= WEIR_POOL_ADDRS_MAX)
			held[m[i].pool - 1] = true;
	munmap((void *)m, size);
	return 0;
}

int weir_pools_prune(const struct weir_ns *ns, const struct weir_rule_rec *recs, __u32 nr)
{
	bool held[WEIR_POOL_ADDRS_MAX] = {0};
	struct weir_pool_key key, next;
	struct pools *p;
	int rc = open_pools(ns, &p);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = bpf_map_get_next_key(p->pools, NULL, &next);
	while (!rc) {
		key = next;
		rc = bpf_map_get_next_key(p->pools, &key, &next);
		if (key.addr != WEIR_POOL_NUMBERED)
			shrink(p, &key, wanted(&key, recs, nr));
	}
	weir_grace(ns); /* whoever has found a number takes its port by then */
	rc = find_held(ns, held);
	for (__u32 i = 0; i < WEIR_POOL_ADDRS_MAX && !rc; i++) {
		key = (struct weir_pool_key){.addr = WEIR_POOL_NUMBERED, .dev = i};
		if (!p->there[i] || p->used[i] || held[i])
			continue;
		bpf_map_delete_elem(p->pools, &key);
		bpf_map_delete_elem(p->ports, &i);
	}
	close_pools(p);
	return rc;
}
