// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>

#include "filter.h"
#include "rulestore.h"

int weir_rules_lock(struct weir_ns *ns, int *lock, struct weir_notes *notes, struct weir_err *err)
{
	int rc = weir_ns_make_and_lock(ns, lock, notes, err);

	if (rc)
		return rc;
	weir_collect_dead(ns);
	return weir_shared_check(ns, err);
}

/* What a rule asks for that is not there yet: connections. */
static int refuse_states(const struct weir_ruleset_model *model, struct weir_err *err)
{
	for (__u32 i = 0; i < model->nr; i++) {
		if (!model->rules[i].states)
			continue;
		weir_fail(err, WEIR_REFUSED, 0,
			"rule %u asks for a connection's state, and this version follows no "
			"connections",
			model->rules[i].id);
		weir_remedy(err, "rules by address, port and tcp-flags");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int write_all(struct weir_ns *ns, const struct weir_ruleset_model *model,
	const struct weir_stored *old, bool dry, struct weir_err *err)
{
	int rc = weir_stored_write(ns, WEIR_RULESET_filter, model, old, true, err);

	if (rc || dry)
		return rc;
	/* programs are touched for what is right alone, and not to take away what is not there */
	if (model->nr || model->nr_policies || model->nr_sets || old->nr_slots)
		rc = weir_shared_filter(ns, err);
	if (rc)
		return rc;
	for (__u32 i = 0; i < model->nr_sets && !rc; i++)
		rc = weir_set_fill(ns, &model->sets[i], err);
	if (!rc)
		rc = weir_stored_write(ns, WEIR_RULESET_filter, model, old, false, err);
	for (__u32 i = 0; i < model->nr_sets && !rc; i++)
		rc = weir_set_prune(ns, &model->sets[i], err);
	weir_shared_moved(ns);
	return rc;
}

static int is_dev(void *ctx, __u32 ifindex)
{
	return ifindex == *(__u32 *)ctx;
}

static bool is_attached(const struct weir_ns *ns, __u32 ifindex)
{
	return weir_each_dev(ns, is_dev, &ifindex) || weir_vlan_root(ns, ifindex);
}

/* Rules that no packet will meet are said, once. */
static void advise(
	const struct weir_ns *ns, const struct weir_ruleset_model *model, struct weir_notes *notes)
{
	char opt[300];

	weir_ns_option(ns, opt);
	for (__u32 i = 0; i < model->nr; i++) {
		const struct weir_rule *r = &model->rules[i];
		const char *dev = *r->in ? r->in : *r->out ? r->out : "";

		if (*dev && !is_attached(ns, if_nametoindex(dev))) {
			weir_note(notes, "rule %u: %s is not attached: weir%s dev attach %s", r->id,
				dev, opt, dev);
			return;
		}
	}
}

int weir_filter_change(struct weir_ns *ns,
	int (*edit)(void *ctx, struct weir_ruleset_model *model, struct weir_err *err), void *ctx,
	bool dry, struct weir_notes *notes, struct weir_err *err)
{
	__cleanup_close int lock = -1;
	struct weir_stored old = {0}, new = {0};
	int rc = weir_rules_lock(ns, &lock, notes, err);

	if (!rc)
		rc = weir_stored_read(ns, WEIR_RULESET_filter, WEIR_RULE_FILTER, &old, err);
	if (!rc)
		rc = weir_stored_read(ns, WEIR_RULESET_filter, WEIR_RULE_FILTER, &new, err);
	if (!rc)
		rc = edit(ctx, &new.model, err);
	if (!rc)
		rc = refuse_states(&new.model, err);
	if (!rc)
		rc = write_all(ns, &new.model, &old, dry, err);
	if (!rc && !dry)
		advise(ns, &new.model, notes);
	weir_stored_done(&old);
	weir_stored_done(&new);
	if (lock >= 0)
		weir_shared_settle(ns);
	return rc;
}

int weir_filter_read(struct weir_ns *ns, struct weir_ruleset_model *model,
	struct weir_rule_count **counts, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	struct weir_rule_count *list;
	struct weir_stored s;
	int rc = weir_shared_check(ns, err);

	(void)lock; /* to the end */
	if (!rc)
		rc = weir_stored_read(ns, WEIR_RULESET_filter, WEIR_RULE_FILTER, &s, err);
	if (rc)
		return rc;
	list = calloc(s.nr_slots + 1, sizeof(*list));
	rc = list ? weir_stored_counts(ns, &s, list) : -ENOMEM;
	if (rc) {
		free(list);
		weir_stored_done(&s);
		return weir_fail_pins(ns, err, rc, "reading the rules' counters");
	}
	*model = s.model;
	*counts = list;
	s.model = (struct weir_ruleset_model){0};
	weir_stored_done(&s);
	return 0;
}
