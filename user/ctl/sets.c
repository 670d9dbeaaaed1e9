// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Named sets, element by element in the maps that programs look into: a change of one among a
 * hundred thousand is one change of a map. `set_info` says what lengths of prefixes there are, so
 * it is written after elements come, and after they are gone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "base/clock.h"
#include "filter.h"
#include "rulestore.h"

/* The maps, and one set of them. */
struct set_at {
	int info_fd, elems_fd;
	__u32 number; /* 0: there is none of the name yet */
	__u32 free;   /* a number that no set has; 0: all are taken */
	__u32 turn;   /* of elements that are added */
	struct weir_set_info info;
};

static int find_set(const struct weir_ns *ns, const char *name, struct set_at *at)
{
	struct weir_set_info info;
	int rc = 0;

	memset(at, 0, sizeof(*at));
	at->info_fd = weir_shared_map(ns, "set_info");
	at->elems_fd = weir_shared_map(ns, "sets");
	if (at->info_fd < 0 || at->elems_fd < 0)
		rc = at->info_fd < 0 ? at->info_fd : at->elems_fd;
	for (__u32 i = 1; !rc && i < WEIR_SETS_MAX && !at->number; i++) {
		if (bpf_map_lookup_elem(at->info_fd, &i, &info))
			break; /* it is small: there never were any */
		if (!info.bits && !at->free)
			at->free = i;
		if (info.bits && !strncmp(info.name, name, sizeof(info.name))) {
			at->number = i;
			at->info = info;
		}
	}
	return rc;
}

static void leave_set(struct set_at *at)
{
	weir_close(&at->info_fd);
	weir_close(&at->elems_fd);
}

int weir_set_number(const struct weir_ns *ns, const char *name, unsigned int bits)
{
	struct set_at at;
	int rc = find_set(ns, name, &at), number = 0;

	if (!rc && at.number)
		number = at.info.bits == bits ? (int)at.number : -1;
	leave_set(&at);
	return number;
}

static __u64 lens_of(const struct weir_set_info *info)
{
	__u64 lens = 0;

	for (unsigned int len = 0; len <= 32; len++)
		lens |= (__u64) !!info->of_len[len] << len;
	return lens;
}

static int write_info(struct set_at *at)
{
	at->info.lens = lens_of(&at->info);
	return bpf_map_update_elem(at->info_fd, &at->number, &at->info, BPF_ANY) ? -errno : 0;
}

/* Puts in, or takes out, the prefixes of @set's spans; *@changed: how many were not there, or were.
 */
static int change_elems(struct set_at *at, const struct weir_set *set, bool add, __u32 *changed)
{
	struct weir_elem elem = {.added_s = (__u32)(weir_now_ns() / 1000000000), .turn = at->turn};
	struct weir_prefix prefixes[WEIR_PREFIXES_MAX];

	*changed = 0;
	for (__u32 i = 0; i < set->nr; i++) {
		unsigned int nr = weir_span_prefixes(set->elems[i], set->bits, prefixes);

		for (unsigned int p = 0; p < nr; p++) {
			struct weir_elem_key key = {.set = (__u16)at->number,
				.len = prefixes[p].len,
				.value = prefixes[p].value};
			int rc = add ? bpf_map_update_elem(at->elems_fd, &key, &elem, BPF_NOEXIST)
				     : bpf_map_delete_elem(at->elems_fd, &key);

			if (rc && errno != (add ? EEXIST : ENOENT))
				return -errno;
			if (rc)
				continue;
			at->info.of_len[key.len] += add ? 1 : -1U;
			at->info.elems += add ? 1 : -1U;
			++*changed;
		}
	}
	return 0;
}

/* All elements of a set. Stops where @fn returns other than 0. */
static int each_elem(
	const struct set_at *at, int (*fn)(void *ctx, const struct weir_elem_key *key), void *ctx)
{
	struct weir_elem_key key, next;
	int rc = bpf_map_get_next_key(at->elems_fd, NULL, &next);

	while (!rc) {
		key = next;
		rc = bpf_map_get_next_key(at->elems_fd, &key, &next);
		if (key.set == at->number) {
			int stop = fn(ctx, &key);

			if (stop)
				return stop;
		}
	}
	return 0;
}

static int delete_elem(void *ctx, const struct weir_elem_key *key)
{
	bpf_map_delete_elem(*(int *)ctx, key);
	return 0;
}

/* The number is free once no element has it. */
static int remove_set(struct set_at *at)
{
	struct weir_set_info none = {0};

	each_elem(at, delete_elem, &at->elems_fd);
	return bpf_map_update_elem(at->info_fd, &at->number, &none, BPF_ANY) ? -errno : 0;
}

static int no_number(struct weir_err *err)
{
	weir_fail(err, WEIR_REFUSED, 0, "there are %d named sets: there is room for no more",
		WEIR_SETS_MAX - 1);
	weir_remedy(err, "weir set show; weir set del NAME");
	return -E2BIG;
}

static int no_elems(struct weir_err *err, const char *name, int rc)
{
	weir_fail_sys(err, rc, "adding to the set %s", name);
	if (rc == -E2BIG)
		weir_remedy(err, "there is room for %d elements in all sets", WEIR_ELEMS_MAX);
	return rc;
}

static int make_set(struct set_at *at, const struct weir_set *set, struct weir_err *err)
{
	if (!at->free)
		return no_number(err);
	at->number = at->free;
	at->info = (struct weir_set_info){.bits = (__u16)set->bits};
	memcpy(at->info.name, set->name, sizeof(at->info.name));
	return 0;
}

static int add_elems(
	struct set_at *at, const struct weir_set *set, __u32 *added, struct weir_err *err)
{
	struct set_at before = *at;
	__u32 ignored;
	int rc = change_elems(at, set, true, added);

	if (!rc)
		rc = write_info(at);
	if (!rc)
		return 0;
	if (!before.info.elems) { /* as it was: what was there before cannot be told from what is
				     new */
		change_elems(at, set, false, &ignored);
		*at = before;
	}
	write_info(at);
	return no_elems(err, set->name, rc);
}

int weir_set_add(struct weir_ns *ns, const struct weir_set *set, __u32 *added,
	struct weir_notes *notes, struct weir_err *err)
{
	__cleanup_close int lock = -1;
	struct set_at at = {.info_fd = -1, .elems_fd = -1};
	int rc = weir_rules_lock(ns, &lock, notes, err);

	if (rc)
		return rc;
	rc = weir_shared_ask(ns, true, false, err);
	if (rc)
		return rc;
	rc = find_set(ns, set->name, &at);
	if (rc)
		rc = weir_fail_pins(ns, err, rc, "opening the sets");
	else if (at.number && at.info.bits != set->bits)
		rc = weir_fail(err, WEIR_USAGE, 0, "the set %s holds %s, not %s", set->name,
			at.info.bits == 32 ? "addresses" : "ports",
			set->bits == 32 ? "addresses" : "ports");
	else if (!at.number)
		rc = make_set(&at, set, err);
	if (!rc)
		rc = add_elems(&at, set, added, err);
	leave_set(&at);
	weir_shared_moved(ns);
	return rc;
}

static int no_set(const struct weir_ns *ns, const char *name, struct weir_err *err)
{
	char opt[300];

	weir_fail(err, WEIR_NOT_FOUND, 0, "there is no set %s", name);
	weir_remedy(err, "weir%s set show", weir_ns_option(ns, opt));
	return -ENOENT;
}

static bool list_uses(const struct weir_list *list, const char *name)
{
	for (__u32 i = 0; i < list->nr; i++)
		if (!strcmp(list->alts[i].set, name))
			return true;
	return false;
}

/* The rule that asks for a set; 0: none. */
static __u32 user_of(const struct weir_ns *ns, enum weir_rule_kind kind, const char *name)
{
	struct weir_stored s;
	__u32 id = 0;

	if (weir_stored_read(ns, kind, &s, NULL))
		return 0;
	for (__u32 i = 0; i < s.model.nr && !id; i++) {
		const struct weir_rule *r = &s.model.rules[i];

		if (list_uses(&r->src, name) || list_uses(&r->dst, name) ||
			list_uses(&r->sport, name) || list_uses(&r->dport, name))
			id = r->id;
	}
	weir_stored_done(&s);
	return id;
}

static int refuse_used(const struct weir_ns *ns, const char *name, struct weir_err *err)
{
	enum weir_rule_kind kind = WEIR_RULE_FILTER;
	__u32 id = user_of(ns, kind, name);
	const char *of;
	char opt[300];

	if (!id)
		id = user_of(ns, kind = WEIR_RULE_NAT, name);
	if (!id)
		return 0;
	of = kind == WEIR_RULE_NAT ? "nat" : "filter";
	weir_ns_option(ns, opt);
	weir_fail(err, WEIR_REFUSED, 0, "rule %u asks for the set %s", id, name);
	weir_remedy(err, "weir%s %s show %u; weir%s %s del %u", opt, of, id, opt, of, id);
	return -EBUSY;
}

int weir_set_delete(struct weir_ns *ns, const char *name, const struct weir_set *elems,
	__u32 *removed, struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	struct set_at at;
	int rc = weir_shared_check(ns, err);

	if (rc)
		return rc;
	weir_sets_settle(ns, NULL);
	rc = find_set(ns, name, &at);
	if (rc == -ENOENT || (!rc && (!at.number || (elems && at.info.bits != elems->bits)))) {
		rc = no_set(ns, name, err);
	} else if (rc) {
		rc = weir_fail_pins(ns, err, rc, "opening the sets");
	} else if (elems) {
		rc = change_elems(&at, elems, false, removed);
		if (!rc)
			rc = write_info(&at);
		if (rc)
			weir_fail_sys(err, rc, "taking from the set %s", name);
	} else {
		*removed = at.info.elems;
		rc = refuse_used(ns, name, err);
		if (!rc)
			rc = remove_set(&at);
	}
	leave_set(&at);
	weir_shared_moved(ns);
	if (lock >= 0)
		weir_shared_settle(ns);
	return rc;
}

/* --- reading --- */

static int keep_elem(void *ctx, const struct weir_elem_key *key)
{
	struct weir_set *set = ctx;
	__u32 host = key->len >= set->bits ? 0 : (__u32)((1ULL << (set->bits - key->len)) - 1);

	if (set->nr < set->room)
		set->elems[set->nr++] = (struct weir_span){key->value, key->value | host};
	return 0;
}

static int by_lo(const void *a, const void *b)
{
	const struct weir_span *x = a, *y = b;

	return x->lo != y->lo ? (x->lo > y->lo) - (x->lo < y->lo)
			      : (x->hi > y->hi) - (x->hi < y->hi);
}

static int read_set(struct set_at *at, const struct weir_set_info *info, struct weir_set *set)
{
	*set = (struct weir_set){.bits = info->bits, .room = info->elems};
	memcpy(set->name, info->name, sizeof(set->name));
	set->elems = calloc((size_t)info->elems + 1, sizeof(*set->elems));
	if (!set->elems)
		return -ENOMEM;
	each_elem(at, keep_elem, set);
	qsort(set->elems, set->nr, sizeof(*set->elems), by_lo);
	return 0;
}

int weir_sets_read(struct weir_ns *ns, const char *only, struct weir_set **sets, size_t *nr,
	struct weir_err *err)
{
	__cleanup_close int lock = weir_ns_lock(ns, "");
	struct weir_set *list = calloc(WEIR_SETS_MAX, sizeof(*list));
	struct weir_set_info info;
	struct set_at at;
	size_t found = 0;
	int rc = weir_shared_check(ns, err);

	if (rc || !list) {
		free(list);
		return rc ? rc : weir_fail(err, WEIR_REFUSED, -ENOMEM, "reading the sets");
	}
	if (lock >= 0)
		weir_sets_settle(ns, NULL);
	rc = find_set(ns, "", &at);
	for (at.number = 1; !rc && at.number < WEIR_SETS_MAX; at.number++) {
		if (bpf_map_lookup_elem(at.info_fd, &at.number, &info))
			break;
		if (info.bits && (!only || !strncmp(only, info.name, sizeof(info.name))))
			rc = read_set(&at, &info, &list[found++]);
	}
	leave_set(&at);
	if (rc == -ENOENT)
		rc = 0;
	if (!rc && only && !found)
		rc = no_set(ns, only, err);
	if (rc) {
		weir_sets_done(list, found);
		return rc == -ENOMEM ? weir_fail(err, WEIR_REFUSED, rc, "reading the sets") : rc;
	}
	*sets = list;
	*nr = found;
	return 0;
}

void weir_sets_done(struct weir_set *sets, size_t nr)
{
	for (size_t i = 0; sets && i < nr; i++)
		weir_set_done(&sets[i]);
	free(sets);
}

/* --- of a file --- */

/* A set on its way to what a file has. */
struct turning {
	const struct weir_elem_key *keys; /* that it is to have, sorted */
	size_t nr;
	struct set_at *at;
	__u32 now; /* settling: which rules are there */
	int rc;
};

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weir_elem_key));
}

static int end_elem(void *ctx, const struct weir_elem_key *key)
{
	struct turning *t = ctx;
	struct weir_elem elem;

	if (bsearch(key, t->keys, t->nr, sizeof(*key), by_key) ||
		bpf_map_lookup_elem(t->at->elems_fd, key, &elem))
		return 0;
	elem.turn = t->at->turn | WEIR_TURN_UNTIL;
	if (bpf_map_update_elem(t->at->elems_fd, key, &elem, BPF_EXIST))
		t->rc = -errno;
	return t->rc;
}

static int settle_elem(void *ctx, const struct weir_elem_key *key)
{
	struct turning *t = ctx;
	struct weir_elem elem;

	if (bpf_map_lookup_elem(t->at->elems_fd, key, &elem))
		return 0;
	if (elem.turn && !weir_turn_shows(elem.turn, t->now)) {
		bpf_map_delete_elem(t->at->elems_fd, key);
		return 0;
	}
	if (elem.turn) {
		elem.turn = 0;
		bpf_map_update_elem(t->at->elems_fd, key, &elem, BPF_EXIST);
	}
	t->at->info.of_len[key->len]++;
	t->at->info.elems++;
	return 0;
}

/* Its elements are counted anew: who was killed may not have written how many there were. */
static void settle_set(struct set_at *at, __u32 now)
{
	bool made = at->info.made && !weir_turn_shows(at->info.turn, now);
	struct turning t = {.at = at, .now = now};

	at->info.elems = at->info.turn = at->info.made = 0;
	memset(at->info.of_len, 0, sizeof(at->info.of_len));
	each_elem(at, settle_elem, &t);
	if (made)
		remove_set(at);
	else
		write_info(at);
}

void weir_sets_settle(const struct weir_ns *ns, const __u32 *now)
{
	struct set_at at;

	find_set(ns, "", &at);
	for (at.number = 1; at.info_fd >= 0 && at.number < WEIR_SETS_MAX; at.number++) {
		if (bpf_map_lookup_elem(at.info_fd, &at.number, &at.info))
			break;
		if (at.info.turn)
			settle_set(&at, now ? *now : weir_stored_turn(ns, at.info.turn));
	}
	leave_set(&at);
}

static size_t keys_of(const struct weir_set *set, __u32 number, struct weir_elem_key *keys)
{
	struct weir_prefix prefixes[WEIR_PREFIXES_MAX];
	size_t n = 0;

	for (__u32 i = 0; i < set->nr; i++) {
		unsigned int nr = weir_span_prefixes(set->elems[i], set->bits, prefixes);

		for (unsigned int p = 0; p < nr; p++, n++)
			keys[n] = (struct weir_elem_key){
				(__u16)number, prefixes[p].len, prefixes[p].value};
	}
	return n;
}

/* How many of the set's elements are not there; @number: 0 where the set itself is not. */
static size_t lacks(int elems_fd, const struct weir_set *set, __u32 number)
{
	struct weir_prefix prefixes[WEIR_PREFIXES_MAX];
	struct weir_elem elem;
	size_t n = 0;

	for (__u32 i = 0; i < set->nr; i++) {
		unsigned int nr = weir_span_prefixes(set->elems[i], set->bits, prefixes);

		for (unsigned int p = 0; p < nr; p++) {
			struct weir_elem_key key = {
				(__u16)number, prefixes[p].len, prefixes[p].value};

			n += !number || bpf_map_lookup_elem(elems_fd, &key, &elem);
		}
	}
	return n;
}

int weir_sets_room(
	const struct weir_ns *ns, const struct weir_ruleset_model *model, struct weir_err *err)
{
	__cleanup_close int info_fd = weir_shared_map(ns, "set_info");
	size_t names = 0, elems = 0;
	struct weir_set_info info;

	/* maps that are not there, or small, have no sets yet, and are made large before they do */
	for (__u32 i = 1; i < WEIR_SETS_MAX; i++) {
		if (info_fd < 0 || bpf_map_lookup_elem(info_fd, &i, &info))
			break;
		names += info.bits != 0;
		elems += info.elems;
	}
	for (__u32 i = 0; i < model->nr_sets; i++) {
		struct set_at at;

		find_set(ns, model->sets[i].name, &at);
		names += !at.number;
		elems += lacks(at.elems_fd, &model->sets[i], at.number);
		leave_set(&at);
	}
	if (names > WEIR_SETS_MAX - 1)
		return no_number(err);
	return elems > WEIR_ELEMS_MAX ? no_elems(err, model->sets[0].name, -E2BIG) : 0;
}

/* What is not in the file ends with the rules that are there. */
static int end_others(struct set_at *at, const struct weir_set *set)
{
	struct weir_elem_key *keys = calloc((size_t)set->prefixes + 1, sizeof(*keys));
	struct turning t = {.keys = keys, .at = at};

	if (!keys)
		return -ENOMEM;
	t.nr = keys_of(set, at->number, keys);
	qsort(keys, t.nr, sizeof(*keys), by_key);
	each_elem(at, end_elem, &t);
	free(keys);
	return t.rc;
}

int weir_set_turn(
	const struct weir_ns *ns, const struct weir_set *set, __u32 turn, struct weir_err *err)
{
	struct set_at at;
	__u32 added;
	int rc = find_set(ns, set->name, &at);

	if (rc) {
		rc = weir_fail_pins(ns, err, rc, "opening the sets");
	} else if (!at.number) {
		rc = make_set(&at, set, err);
		at.info.made = 1;
	}
	if (!rc) {
		at.info.turn = at.turn = turn;
		rc = write_info(&at); /* before any element, for who comes after a kill */
		if (!rc)
			rc = change_elems(&at, set, true, &added);
		if (!rc)
			rc = end_others(&at, set);
		if (!rc)
			rc = write_info(&at);
		if (rc)
			no_elems(err, set->name, rc);
	}
	leave_set(&at);
	return rc;
}
