// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * VLAN devices. XDP meets their frames at the device below, with tags in the frame, so they are
 * attached there: an entry of `vlans` says which tags are whose, one of `ports` which tags to
 * write.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <net/if.h>
#include <bpf/bpf.h>

#include "priv.h"

/* As in a frame: the ethertype, then the id with priority 0. */
static __u32 tag_of(const struct weir_link *link)
{
	return link->vlan_proto | (__u32)htons(link->vlan_id) << 16;
}

int weir_vlan_way(const struct weir_link *link, struct weir_vlan_way *way, struct weir_err *err)
{
	struct weir_vlan_way found = {.link = *link, .root = *link};

	for (int depth = 0; weir_link_is_vlan(&found.root); depth++) {
		struct weir_link below;

		if (depth == WEIR_TAGS_MAX || found.root.peer_nsid >= 0 ||
			weir_link_by_index(found.root.peer_ifindex, &below)) {
			weir_fail(err, WEIR_REFUSED, 0,
				depth == WEIR_TAGS_MAX
					? "%s has more than two VLAN tags"
					: "the device below %s is in another namespace",
				link->name);
			weir_remedy(err, "weir dev attach %s xdp off tc on", link->name);
			return -EOPNOTSUPP;
		}
		found.tags[1] = found.tags[0];
		found.tags[0] = tag_of(&found.root);
		found.root = below;
	}
	*way = found;
	return 0;
}

int weir_vlan_attach(const struct weir_ns *ns, const struct weir_vlan_way *way)
{
	__cleanup_close int vlans = weir_shared_map(ns, "vlans");
	__cleanup_close int ports = weir_shared_map(ns, "ports");
	struct weir_vlan_key key = {.ifindex = way->root.ifindex};
	struct weir_vlan vlan = {.ifindex = way->link.ifindex};
	struct weir_port port = {.dev = way->root.ifindex};
	long all = weir_sysctl("conf/all/rp_filter");
	long own = weir_sysctl("conf/%s/rp_filter", way->link.name);
	long ms = weir_sysctl("neigh/%s/base_reachable_time_ms", way->link.name);

	if (vlans < 0 || ports < 0)
		return vlans < 0 ? vlans : ports;
	memcpy(key.tags, way->tags, sizeof(key.tags));
	memcpy(port.tags, way->tags, sizeof(port.tags));
	memcpy(vlan.mac, way->link.mac, sizeof(vlan.mac));
	memcpy(vlan.name, way->link.name, sizeof(vlan.name));
	memcpy(port.name, way->link.name, sizeof(port.name));
	own = own > all ? own : all; /* as the kernel takes the larger */
	vlan.rp_filter = (__u8)(own > 0 ? own : 0);
	port.reachable_ms = ms > 0 && ms < 86400000 ? (__u32)ms : 30000;
	if (bpf_map_update_elem(ports, &vlan.ifindex, &port, BPF_ANY) ||
		bpf_map_update_elem(vlans, &key, &vlan, BPF_ANY))
		return -errno;
	return 0;
}

int weir_each_vlan(const struct weir_ns *ns,
	int (*fn)(void *ctx, const struct weir_vlan_key *key, const struct weir_vlan *vlan),
	void *ctx)
{
	__cleanup_close int fd = weir_shared_map(ns, "vlans");
	struct weir_vlan_key key, next, *before = NULL;
	struct weir_vlan vlan;
	int rc = 0;

	/* @fn may remove what it is shown: so the next is looked for first */
	if (fd < 0 || bpf_map_get_next_key(fd, NULL, &next))
		return 0;
	do {
		key = next;
		before = bpf_map_get_next_key(fd, &key, &next) ? NULL : &next;
		if (!bpf_map_lookup_elem(fd, &key, &vlan))
			rc = fn(ctx, &key, &vlan);
	} while (!rc && before);
	return rc;
}

struct search {
	const struct weir_ns *ns;
	const char *name;
	__u32 ifindex, root, named_once;
	unsigned int nr;
};

static int has_ifindex(void *ctx, const struct weir_vlan_key *key, const struct weir_vlan *vlan)
{
	struct search *s = ctx;

	s->root = vlan->ifindex == s->ifindex ? key->ifindex : 0;
	return s->root != 0;
}

__u32 weir_vlan_root(const struct weir_ns *ns, __u32 ifindex)
{
	struct search s = {.ifindex = ifindex};

	weir_each_vlan(ns, has_ifindex, &s);
	return s.root;
}

static int has_name(void *ctx, const struct weir_vlan_key *key, const struct weir_vlan *vlan)
{
	struct search *s = ctx;
	char now[IFNAMSIZ];

	(void)key;
	if (if_indextoname(vlan->ifindex, now)) {
		if (!strcmp(now, s->name))
			s->ifindex = vlan->ifindex;
	} else if (!strncmp(vlan->name, s->name, sizeof(vlan->name))) {
		s->named_once = vlan->ifindex;
	}
	return s->ifindex != 0;
}

__u32 weir_vlan_find(const struct weir_ns *ns, const char *name)
{
	struct search s = {.name = name};

	weir_each_vlan(ns, has_name, &s);
	return s.ifindex ? s.ifindex : s.named_once;
}

static int remove_one(void *ctx, const struct weir_vlan_key *key, const struct weir_vlan *vlan)
{
	const struct search *s = ctx;
	__cleanup_close int vlans = weir_shared_map(s->ns, "vlans");
	__cleanup_close int ports = weir_shared_map(s->ns, "ports");

	if (s->root ? key->ifindex != s->root : vlan->ifindex != s->ifindex)
		return 0;
	if (ports >= 0)
		bpf_map_delete_elem(ports, &vlan->ifindex);
	if (vlans >= 0)
		bpf_map_delete_elem(vlans, key);
	return 0;
}

void weir_vlan_remove(const struct weir_ns *ns, __u32 ifindex)
{
	struct search s = {.ns = ns, .ifindex = ifindex};

	weir_each_vlan(ns, remove_one, &s);
}

void weir_vlans_remove(const struct weir_ns *ns, __u32 root)
{
	struct search s = {.ns = ns, .root = root};

	weir_each_vlan(ns, remove_one, &s);
}

static int count_one(void *ctx, const struct weir_vlan_key *key, const struct weir_vlan *vlan)
{
	struct search *s = ctx;

	(void)vlan;
	s->nr += key->ifindex == s->root;
	return 0;
}

unsigned int weir_vlans_of(const struct weir_ns *ns, __u32 root)
{
	struct search s = {.root = root};

	weir_each_vlan(ns, count_one, &s);
	return s.nr;
}
