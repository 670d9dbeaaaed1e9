// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Changing rules, of the filter and of NAT: read, edited, compiled, put in place of what was there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/mman.h>

#include "filter.h"
#include "flush.h"
#include "nat.h"
#include "rulestore.h"
#include "track.h"

int weir_rules_lock(struct weir_ns *ns, int *lock, struct weir_notes *notes, struct weir_err *err)
{
	int rc = weir_ns_make_and_lock(ns, lock, notes, err);

	if (rc)
		return rc;
	weir_collect_dead(ns);
	rc = weir_shared_check(ns, err);
	if (!rc)
		weir_sets_settle(ns, NULL);
	return rc;
}

/* A change on its way. */
struct change {
	struct weir_ns *ns;
	enum weir_rule_kind kind;
	struct weir_stored old, new;
	struct weir_rule_rec *recs; /* of new's rules, compiled */
	bool tracked, states;  /* sessions are to be followed; some filter rule asks for states */
	struct weir_owns owns; /* NAT's */
};

static bool asks_states(const struct weir_ruleset_model *model)
{
	for (__u32 i = 0; i < model->nr; i++)
		if (model->rules[i].states)
			return true;
	return false;
}

/* Whether sessions must be followed after this change: for NAT, for states. */
static int look_at_other(struct change *c, struct weir_err *err)
{
	const struct weir_ruleset_model *model = &c->new.model;
	bool nat = c->kind == WEIR_RULE_NAT;
	struct weir_stored other;
	int rc;

	rc = weir_stored_read(c->ns, nat ? WEIR_RULE_FILTER : WEIR_RULE_NAT, &other, err);
	if (rc)
		return rc;
	c->states = asks_states(nat ? &other.model : model);
	c->tracked = c->states || (nat ? model->nr : other.model.nr) != 0;
	weir_stored_done(&other);
	return 0;
}

/* Tells programs whether what is not translated has sessions, too. */
static void tell_states(const struct change *c)
{
	struct weir_nat_state *state = weir_nat_state_map(c->ns);

	if (!state)
		return;
	__atomic_store_n(&state->states, c->states, __ATOMIC_RELAXED);
	munmap(state, sizeof(*state));
}

/* Has programs ask what will be there. They are touched for what is right alone, and not to take
 * away what is not there. */
static int ask(struct change *c, struct weir_err *err)
{
	const struct weir_ruleset_model *model = &c->new.model;
	bool any = model->nr || model->nr_policies || model->nr_sets || c->old.nr_slots;

	if (!any)
		return 0;
	return weir_shared_ask(
		c->ns, c->kind == WEIR_RULE_FILTER || model->nr_sets, c->tracked, err);
}

/* Sessions of rules that are gone, or say something else now, end. */
static int end_sessions(const struct change *c, struct weir_err *err)
{
	const struct weir_ruleset_model *old = &c->old.model, *new = &c->new.model;
	struct weir_flusher *flusher = NULL;
	int rc = 0;

	for (__u32 i = 0; i < old->nr && !rc; i++) {
		const struct weir_rule *was = &old->rules[i];
		long at = weir_ruleset_find(new, was->id);
		struct weir_flush match = {.rule = was->id};

		if (at >= 0 && weir_rule_equal(was, &new->rules[at]))
			continue;
		if (!flusher)
			rc = weir_flusher_open(c->ns, &flusher, err);
		if (!rc)
			rc = weir_flusher_run(flusher, &match, err);
	}
	weir_flusher_close(flusher);
	return rc;
}

/* What sets' elements that come with the new rules bear. */
static __u32 turn_of(const struct change *c)
{
	return ((c->old.generation + 1) & WEIR_TURN_GENERATION) |
	       (c->kind == WEIR_RULE_NAT ? WEIR_TURN_NAT : 0);
}

/* All that rules need is there, and then the rules. */
static int put_in_place(struct change *c, struct weir_err *err)
{
	const struct weir_ruleset_model *model = &c->new.model;
	int rc = ask(c, err);

	if (!rc && c->states)
		tell_states(c);
	for (__u32 i = 0; i < model->nr_sets && !rc; i++)
		rc = weir_set_turn(c->ns, &model->sets[i], turn_of(c), err);
	if (!rc && c->kind == WEIR_RULE_NAT && model->nr)
		rc = weir_pools_add(c->ns, c->recs, model->nr, err);
	if (!rc)
		rc = weir_stored_write(c->ns, model, &c->old, false, NULL, err);
	return rc;
}

/* The old rules go on: with their pools, and sessions, or without. */
static void take_back(struct change *c, bool was_tracked)
{
	struct weir_rule_rec *recs = NULL;
	__u32 now = turn_of(c) - 1;

	weir_sets_settle(c->ns, &now);
	if (!was_tracked)
		weir_shared_untrack(c->ns, NULL);
	else if (c->kind == WEIR_RULE_NAT &&
		 !weir_stored_write(c->ns, &c->old.model, &c->old, true, &recs, NULL))
		weir_pools_prune(c->ns, recs, c->old.model.nr);
	free(recs);
}

/* What the old rules have left behind. */
static int clear_away(struct change *c, struct weir_err *err)
{
	const struct weir_ruleset_model *model = &c->new.model;
	__u32 now = turn_of(c);
	int rc = 0;

	weir_sets_settle(c->ns, &now);
	tell_states(c);
	weir_shared_moved(c->ns);
	if (!c->tracked)
		rc = weir_shared_untrack(c->ns, err);
	else if (!rc && c->kind == WEIR_RULE_NAT)
		rc = end_sessions(c, err);
	if (c->tracked && c->kind == WEIR_RULE_NAT)
		weir_pools_prune(c->ns, c->recs, model->nr); /* what is held yet: next time */
	if (rc && err)
		err->status = WEIR_PARTLY; /* the rules are in force */
	return rc;
}

static int write_all(struct change *c, bool dry, struct weir_err *err)
{
	bool was_tracked = weir_is_tracking(c->ns);
	int rc = weir_stored_write(c->ns, &c->new.model, &c->old, true, &c->recs, err);

	if (!rc && c->new.model.nr_sets)
		rc = weir_sets_room(c->ns, &c->new.model, err);
	if (rc || dry)
		return rc;
	rc = look_at_other(c, err);
	if (rc)
		return rc;
	rc = put_in_place(c, err);
	if (!rc)
		return clear_away(c, err);
	take_back(c, was_tracked);
	weir_shared_moved(c->ns);
	return rc;
}

/* --- remarks --- */

static int is_dev(void *ctx, __u32 ifindex)
{
	return ifindex == *(__u32 *)ctx;
}

static bool is_attached(const struct weir_ns *ns, __u32 ifindex)
{
	return weir_each_dev(ns, is_dev, &ifindex) || weir_vlan_root(ns, ifindex);
}

static const char *dev_of(const struct weir_rule *r)
{
	return *r->in ? r->in : *r->out ? r->out : r->dev;
}

/* Rules that no packet will meet are said, once. */
static void advise(const struct change *c, struct weir_notes *notes)
{
	const struct weir_ruleset_model *model = &c->new.model;
	char opt[300];

	weir_ns_option(c->ns, opt);
	for (__u32 i = 0; i < model->nr; i++) {
		const char *dev = dev_of(&model->rules[i]);

		if (*dev && !is_attached(c->ns, if_nametoindex(dev))) {
			weir_note(notes, "rule %u: %s is not attached: weir%s dev attach %s",
				model->rules[i].id, dev, opt, dev);
			return;
		}
	}
}

/* The first address of a rule's outside that is not this host's: neighbours do not know where it
 * is. 0: all are, or the rule has none. */
static __u32 foreign_addr(const struct change *c, const struct weir_rule *r)
{
	if (r->nat != WEIR_NAT_snat && r->nat != WEIR_NAT_map)
		return 0;
	for (__u64 a = r->to.lo; a <= r->to.hi; a++)
		if (!weir_own_find(&c->owns, (__u32)a))
			return (__u32)a;
	return 0;
}

/* What a new rule of NAT needs of others; once. */
static void advise_nat(const struct change *c, struct weir_notes *notes)
{
	const struct weir_ruleset_model *model = &c->new.model;

	for (__u32 i = 0; i < model->nr; i++) {
		const struct weir_rule *r = &model->rules[i];
		char addr[WEIR_SPAN_MAX];
		__u32 foreign = foreign_addr(c, r);

		if (!foreign || weir_ruleset_find(&c->old.model, r->id) >= 0)
			continue;
		weir_addr_text(addr, foreign);
		weir_note(notes,
			"rule %u: %s is not this host's: a route to it must lead here; where "
			"neighbours of %s ask for it: ip addr add %s/32 dev %s",
			r->id, addr, *r->dev ? r->dev : r->out, addr, *r->dev ? r->dev : r->out);
		return;
	}
}

/* --- changing --- */

static int read_both(struct change *c, struct weir_err *err)
{
	int rc = weir_stored_read(c->ns, c->kind, &c->old, err);

	if (!rc)
		rc = weir_stored_read(c->ns, c->kind, &c->new, err);
	if (!rc && c->kind == WEIR_RULE_NAT)
		rc = weir_owns_read(&c->owns, err);
	if (!rc && c->kind == WEIR_RULE_NAT)
		c->new.model.owns = &c->owns;
	return rc;
}

int weir_rules_change(struct weir_ns *ns, enum weir_rule_kind kind,
	int (*edit)(void *ctx, struct weir_ruleset_model *model, struct weir_err *err), void *ctx,
	bool dry, struct weir_notes *notes, struct weir_err *err)
{
	__cleanup_close int lock = -1;
	struct change c = {.ns = ns, .kind = kind};
	int rc = weir_rules_lock(ns, &lock, notes, err);

	if (!rc)
		rc = read_both(&c, err);
	if (!rc)
		rc = edit(ctx, &c.new.model, err);
	if (!rc)
		rc = write_all(&c, dry, err);
	if (!rc && !dry) {
		advise(&c, notes);
		advise_nat(&c, notes);
	}
	weir_stored_done(&c.old);
	weir_stored_done(&c.new);
	weir_owns_done(&c.owns);
	free(c.recs);
	if (lock >= 0)
		weir_shared_settle(ns);
	return rc;
}

int weir_rules_read(struct weir_ns *ns, enum weir_rule_kind kind, struct weir_ruleset_model *model,
	struct weir_rule_count **counts, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	struct weir_rule_count *list;
	struct weir_stored s;
	int rc = weir_shared_check(ns, err);

	(void)lock; /* to the end */
	if (!rc)
		rc = weir_stored_read(ns, kind, &s, err);
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
