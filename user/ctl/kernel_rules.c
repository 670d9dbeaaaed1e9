// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which rules netfilter's drops are of. The kernel tells the hook alone, so it is asked which
 * chains can drop there today: one is the answer, several are suspects.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <linux/if_ether.h>

#include "kernel_priv.h"
#include "nft_rules.h"

static const char netfilter[] = "NETFILTER_DROP/";

struct visit {
	struct weir_kernel_snapshot *snap;
	__u64 cookie;
	int netns; /* -1: where this is */
};

struct suspects {
	struct weir_kernel_drop *drop;
	unsigned int nr;
	char rule[112]; /* of the last; "" where it has no room in a cause's name */
	char *list;	/* drop->candidates */
};

/* Names may have any bytes, and these go to terminals and lists. */
static void be_plain(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* The list says so where not all have room. */
static void add_candidate(struct suspects *s, const char *name)
{
	static const char more[] = "\n...";
	size_t size = sizeof(s->drop->candidates), n = strlen(s->list);

	if (n >= sizeof(more) && !strcmp(s->list + n + 1 - sizeof(more), more))
		return;
	if (n + 1 + strlen(name) + sizeof(more) > size)
		name = more + 1;
	snprintf(s->list + n, size - n, "%s%s", n ? "\n" : "", name);
}

static void on_chain(void *ctx, const struct weir_nft_chain *c)
{
	struct suspects *s = ctx;
	char name[2 * WEIR_NFT_NAME_MAX + 8];
	int n = snprintf(
		name, sizeof(name), "%s %s/%s", weir_nft_family(c->family), c->table, c->name);

	be_plain(name);
	add_candidate(s, name);
	s->nr++;
	s->rule[0] = 0;
	if (n > 0 && (size_t)n < sizeof(s->rule))
		snprintf(s->rule, sizeof(s->rule), "%s", strchr(name, ' ') + 1);
}

/* Tables of iptables that has not become nftables; what is in them, they do not tell here. */
static void add_iptables(struct suspects *s, const char *hook)
{
	static const struct {
		const char *path, *program;
		__u16 protocol;
	} files[] = {
		{"/proc/thread-self/net/ip_tables_names", "iptables", ETH_P_IP},
		{"/proc/thread-self/net/ip6_tables_names", "ip6tables", ETH_P_IPV6},
	};
	__u16 protocol = s->drop->key.protocol;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char table[64], name[80];
		FILE *file = protocol && protocol != files[i].protocol ? NULL
								       : fopen(files[i].path, "re");

		while (file && fscanf(file, "%63s", table) == 1) {
			if (!weir_iptables_hooks(table, hook))
				continue;
			snprintf(name, sizeof(name), "%s:%s", files[i].program, table);
			be_plain(name);
			add_candidate(s, name);
			s->nr++;
			s->rule[0] = 0;
		}
		if (file)
			fclose(file);
	}
}

static void name_rule(struct weir_kernel_snapshot *snap, struct weir_kernel_drop *d,
	const struct weir_nft_ruleset *rules)
{
	struct suspects s = {.drop = d, .list = d->candidates};
	struct weir_nft_site at = {.hook = d->cause + sizeof(netfilter) - 1,
		.device = d->key.ifindex ? snap->devs[d->dev].name : "",
		.protocol = d->key.protocol};
	struct weir_kernel_drop_site site = {
		.reason = d->reason, .location = d->location, .caller = d->caller, .rule = s.rule};
	struct weir_kernel_cause cause;

	if (weir_nft_suspects(rules, &at, on_chain, &s) < 0)
		return;
	add_iptables(&s, at.hook);
	if (s.nr != 1 || !s.rule[0])
		return;
	s.list[0] = 0;
	weir_kernel_cause_of(&site, &cause);
	snprintf(d->cause, sizeof(d->cause), "%s", cause.name);
}

/* Whose hook is known, and nothing more. */
static bool is_open(const struct weir_kernel_drop *d, __u64 cookie)
{
	return d->key.netns_cookie == cookie && d->witness == WEIR_KERNEL_EVENT &&
	       !strncmp(d->cause, netfilter, sizeof(netfilter) - 1) &&
	       !strchr(d->cause + sizeof(netfilter) - 1, '/') && !d->candidates[0];
}

static void *name_there(void *ctx)
{
	struct visit *v = ctx;
	struct weir_nft_ruleset rules = {};

	if (v->netns >= 0 && setns(v->netns, CLONE_NEWNET))
		return NULL;
	if (weir_nft_read(&rules))
		memset(&rules, 0, sizeof(rules)); /* no nftables: iptables may be there */
	for (unsigned int i = 0; i < v->snap->nr_drops; i++)
		if (is_open(&v->snap->drops[i], v->cookie))
			name_rule(v->snap, &v->snap->drops[i], &rules);
	weir_nft_done(&rules);
	return NULL;
}

void weir_k_name_rules(struct weir_kernel_snapshot *snap, __u64 cookie, int netns)
{
	struct visit v = {.snap = snap, .cookie = cookie, .netns = netns};
	pthread_t thread;
	bool any = false;

	for (unsigned int i = 0; !any && i < snap->nr_drops; i++)
		any = is_open(&snap->drops[i], cookie);
	if (!any)
		return;
	if (netns < 0)
		name_there(&v);
	else if (!pthread_create(&thread, NULL, name_there, &v))
		pthread_join(thread, NULL);
}
