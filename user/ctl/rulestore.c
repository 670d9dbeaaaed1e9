// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "model/compile.h"
#include "rulestore.h"

static enum weir_ruleset which_of(enum weir_rule_kind kind)
{
	return kind == WEIR_RULE_NAT ? WEIR_RULESET_nat : WEIR_RULESET_filter;
}

/* --- reading --- */

/* A rule set's map, in memory. */
struct mapped {
	const struct weir_page *page;
	size_t size;
};

/* 0 with page NULL where there is no set. */
static int map_set(const struct weir_ns *ns, enum weir_ruleset which, struct mapped *m)
{
	__cleanup_close int outer = weir_shared_map(ns, "rulesets");
	__cleanup_close int fd = -1;
	struct bpf_map_info info = {};
	__u32 index = which, id, len = sizeof(info);
	void *at;

	memset(m, 0, sizeof(*m));
	if (outer == -ENOENT ||
		(outer >= 0 && bpf_map_lookup_elem(outer, &index, &id) && errno == ENOENT))
		return 0;
	if (outer < 0)
		return outer;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != WEIR_PAGE)
		return -EINVAL;
	m->size = (size_t)info.max_entries * WEIR_PAGE;
	at = mmap(NULL, m->size, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	m->page = at;
	return 0;
}

static void unmap_set(struct mapped *m)
{
	if (m->page)
		munmap((void *)m->page, m->size);
}

/* Whether all that the head says lies within. */
static bool is_whole(const struct mapped *m)
{
	const struct weir_ruleset_head *h = &m->page[0].head;
	size_t recs = ((size_t)h->rules + WEIR_PAGE_UNITS - 1) / WEIR_PAGE_UNITS;

	return h->magic == WEIR_MAGIC && h->abi == WEIR_ABI && h->policies <= h->rules &&
	       (h->rec_page + recs) * WEIR_PAGE <= m->size &&
	       (size_t)h->text_page * WEIR_PAGE + h->text_len <= m->size;
}

static int read_slots(struct weir_stored *s, const struct mapped *m)
{
	const struct weir_ruleset_head *h = &m->page[0].head;
	const struct weir_rule_rec *recs = m->page[h->rec_page].rec;

	s->slots = calloc(h->rules + 1, sizeof(*s->slots));
	if (!s->slots)
		return -ENOMEM;
	s->nr_slots = h->rules;
	for (__u32 i = 0; i < h->rules; i++)
		s->slots[i] = (struct weir_slot){recs[i].id, recs[i].id ? 0 : recs[i].to[0],
			recs[i].id ? 0 : recs[i].to[1], recs[i].slot};
	return 0;
}

/* Comments at the text's end: "# dev NAME IFINDEX". */
static int read_devs(struct weir_stored *s, const char *text, size_t len)
{
	const char *end = text + len, *line = text, *next;

	s->devs = calloc(WEIR_NAMED_DEVS, sizeof(*s->devs));
	if (!s->devs)
		return -ENOMEM;
	for (; line < end && s->nr_devs < WEIR_NAMED_DEVS; line = next) {
		struct weir_named_dev *dev = &s->devs[s->nr_devs];
		char copy[64];

		next = memchr(line, '\n', (size_t)(end - line));
		next = next ? next + 1 : end;
		if (*line != '#')
			continue;
		snprintf(copy, sizeof(copy), "%.*s", (int)(next - line), line);
		s->nr_devs += sscanf(copy, "# dev %15s %u", dev->name, &dev->ifindex) == 2;
	}
	return 0;
}

/* They are no file's of the user's. */
static void forget_lines(struct weir_ruleset_model *model)
{
	for (__u32 i = 0; i < model->nr; i++)
		model->rules[i].line = 0;
	for (__u32 i = 0; i < model->nr_policies; i++)
		model->policies[i].line = 0;
}

int weir_stored_read(const struct weir_ns *ns, enum weir_rule_kind kind, struct weir_stored *stored,
	struct weir_err *err)
{
	struct weir_stored s = {.model.kind = kind};
	struct mapped m;
	int rc = map_set(ns, which_of(kind), &m);

	if (!rc && m.page) {
		const struct weir_ruleset_head *h = &m.page[0].head;

		rc = is_whole(&m) ? 0 : -EINVAL;
		if (!rc) {
			s.generation = h->generation;
			s.model.next_id = h->next_id;
			rc = weir_ruleset_load(
				&s.model, "", m.page[h->text_page].text, h->text_len, NULL);
			forget_lines(&s.model);
		}
		if (!rc)
			rc = read_slots(&s, &m);
		if (!rc)
			rc = read_devs(&s, m.page[h->text_page].text, h->text_len);
	}
	unmap_set(&m);
	if (rc) {
		weir_stored_done(&s);
		return weir_fail_pins(ns, err, rc, "reading the rules");
	}
	*stored = s;
	return 0;
}

__u32 weir_stored_turn(const struct weir_ns *ns, __u32 turn)
{
	__u32 kind = turn & WEIR_TURN_NAT, generation = 0;
	struct mapped m;

	if (!map_set(ns, kind ? WEIR_RULESET_nat : WEIR_RULESET_filter, &m) && m.page)
		generation = m.page[0].head.generation & WEIR_TURN_GENERATION;
	unmap_set(&m);
	return generation | kind;
}

void weir_stored_done(struct weir_stored *s)
{
	weir_ruleset_done(&s->model);
	free(s->slots);
	free(s->devs);
	s->slots = NULL;
	s->devs = NULL;
	s->nr_slots = s->nr_devs = 0;
}

int weir_stored_counts(
	const struct weir_ns *ns, const struct weir_stored *s, struct weir_rule_count *counts)
{
	__cleanup_close int fd = weir_shared_map(ns, "counts");
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), cpus = (__u32)libbpf_num_possible_cpus(), slots;
	const struct weir_rule_count *cell;
	size_t size;

	memset(counts, 0, s->nr_slots * sizeof(*counts));
	if (!s->nr_slots)
		return 0;
	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len))
		return fd < 0 ? fd : -errno;
	size = (size_t)info.max_entries * sizeof(*cell);
	slots = info.max_entries / cpus;
	cell = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (cell == MAP_FAILED)
		return -errno;
	for (__u32 i = 0; i < s->nr_slots; i++)
		for (__u32 cpu = 0; cpu < cpus && s->slots[i].slot < slots; cpu++) {
			counts[i].packets += cell[cpu * slots + s->slots[i].slot].packets;
			counts[i].bytes += cell[cpu * slots + s->slots[i].slot].bytes;
		}
	munmap((void *)cell, size);
	return 0;
}

/* --- writing --- */

/* What a rule set is made of. */
struct making {
	const struct weir_ns *ns;
	const struct weir_ruleset_model *model;
	const struct weir_stored *old;
	bool dry;
	struct weir_boxes boxes;
	struct weir_rule_rec *recs; /* rules, then policies */
	__u32 nr, policies;
	char *text;
	size_t text_len, text_room;
	bool *taken; /* slots */
	bool *fresh; /* rules whose slot was not in use */
	bool any_fresh;
	struct weir_named_dev *devs;
	__u32 nr_devs;
};

static int add_text(struct making *m, const char *text, size_t len)
{
	if (m->text_len + len + 1 > m->text_room) {
		size_t room = 2 * m->text_room + len + 4096;
		char *grown = realloc(m->text, room);

		if (!grown)
			return -ENOMEM;
		m->text = grown;
		m->text_room = room;
	}
	memcpy(m->text + m->text_len, text, len);
	m->text[m->text_len + len] = '\n';
	m->text_len += len + 1;
	return 0;
}

static const struct weir_named_dev *find_dev(
	const struct weir_named_dev *devs, __u32 nr, const char *name)
{
	for (__u32 i = 0; i < nr; i++)
		if (!strcmp(devs[i].name, name))
			return &devs[i];
	return NULL;
}

/* A device that is gone, or has another name, keeps its rules: they are not in the way of others.
 */
static __u32 ifindex_of(void *ctx, const char *name)
{
	struct making *m = ctx;
	const struct weir_named_dev *known = find_dev(m->devs, m->nr_devs, name);
	__u32 ifindex = known ? known->ifindex : if_nametoindex(name);

	if (known)
		return ifindex;
	if (!ifindex) {
		known = find_dev(m->old->devs, m->old->nr_devs, name);
		ifindex = known ? known->ifindex : 0;
	}
	if (ifindex && m->nr_devs < WEIR_NAMED_DEVS) {
		struct weir_named_dev *dev = &m->devs[m->nr_devs++];

		snprintf(dev->name, sizeof(dev->name), "%s", name);
		dev->ifindex = ifindex;
	}
	return ifindex;
}

static int add_devs(struct making *m)
{
	int rc = 0;

	for (__u32 i = 0; i < m->nr_devs && !rc; i++) {
		char text[64];
		int len = snprintf(
			text, sizeof(text), "# dev %s %u", m->devs[i].name, m->devs[i].ifindex);

		rc = add_text(m, text, (size_t)len);
	}
	return rc;
}

/* Sets of the same file are made once it is known to be right. */
static int set_of(void *ctx, const char *name, unsigned int bits)
{
	const struct making *m = ctx;
	const struct weir_set *own = weir_ruleset_set(m->model, name);

	if (own && m->dry)
		return own->bits == bits ? 1 : -1;
	return weir_set_number(m->ns, name, bits);
}

static int add_rule(struct making *m, const struct weir_rule *rule, struct weir_err *err)
{
	const struct weir_resolve by = {.ctx = m, .ifindex_of = ifindex_of, .set_of = set_of};
	struct weir_rule_rec *rec = &m->recs[m->nr];
	char *text;
	int rc, len;

	rc = weir_rule_boxes(rule, m->nr, &by, &m->boxes, rec, err);
	if (rc)
		return rc;
	len = weir_rule_text(rule, &text, err);
	if (len < 0)
		return len;
	rec->text = (__u32)m->text_len;
	rec->text_len = (__u32)len;
	rc = add_text(m, text, (size_t)len);
	free(text);
	m->nr++;
	return rc ? weir_fail(err, WEIR_REFUSED, rc, "compiling the rules") : 0;
}

/* A policy is what is said behind all rules. To accept is to say nothing. */
static int add_policy(struct making *m, const struct weir_policy *p, struct weir_err *err)
{
	__u32 ifindex = ifindex_of(m, p->dev);
	struct weir_box box = {.src[1] = ~0U,
		.dst[1] = ~0U,
		.sport[1] = ~0U,
		.dport[1] = ~0U,
		.proto[1] = 255,
		.iif = p->out ? 0 : ifindex,
		.oif = p->out ? ifindex : 0,
		.rule = m->nr};
	int rc;

	if (!ifindex) {
		weir_fail(err, WEIR_NOT_FOUND, 0, "there is no device %s, which has a policy",
			p->dev);
		weir_remedy(err, "ip link show; weir filter policy %s dev %s accept",
			p->out ? "out" : "in", p->dev);
		return -ENODEV;
	}
	rc = weir_boxes_room(&m->boxes, 1, err);
	if (rc)
		return rc;
	m->boxes.list[m->boxes.nr++] = box;
	m->recs[m->nr++] =
		(struct weir_rule_rec){.verdict = (__u8)p->verdict, .to = {box.iif, box.oif}};
	m->policies++;
	return 0;
}

static int add_policies(struct making *m, bool out, struct weir_err *err)
{
	int rc = 0;

	for (__u32 i = 0; i < m->model->nr_policies && !rc; i++) {
		const struct weir_policy *p = &m->model->policies[i];
		char text[80];
		int len;

		if (p->out != out || p->verdict == WEIR_accept)
			continue;
		len = snprintf(text, sizeof(text), "policy %s dev %s %s", out ? "out" : "in",
			p->dev, weir_verdict_name(p->verdict));
		rc = add_policy(m, p, err);
		if (rc)
			err->at.line = p->line;
		if (!rc && add_text(m, text, (size_t)len))
			rc = weir_fail(err, WEIR_REFUSED, -ENOMEM, "compiling the policies");
	}
	return rc;
}

/* --- slots of counters --- */

static bool same_owner(const struct weir_slot *s, const struct weir_rule_rec *rec)
{
	if (rec->id || s->id)
		return rec->id == s->id;
	return s->iif == rec->to[0] && s->oif == rec->to[1];
}

static int by_id(const void *a, const void *b)
{
	const struct weir_slot *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* The slot that the rule, or policy, had; -1: none. @slots are sorted by id, policies first. */
static long slot_of(const struct weir_slot *slots, __u32 nr, const struct weir_rule_rec *rec)
{
	struct weir_slot key = {.id = rec->id};
	const struct weir_slot *s;

	if (rec->id) {
		s = nr ? bsearch(&key, slots, nr, sizeof(key), by_id) : NULL;
		return s ? (long)s->slot : -1;
	}
	for (__u32 i = 0; i < nr && !slots[i].id; i++)
		if (same_owner(&slots[i], rec))
			return slots[i].slot;
	return -1;
}

/*
 * A slot that is in no use now nor in the set before: packets that are being judged may still count
 * there.
 */
static int give_slots(struct making *m)
{
	bool nat = m->model->kind == WEIR_RULE_NAT;
	__u32 nr = m->old->nr_slots, next = 0, from = nat ? WEIR_RULES_MAX * 2 : 0;
	__u32 room = 2 * (nat ? WEIR_NAT_RULES_MAX : WEIR_RULES_MAX);
	struct weir_slot *slots = calloc(nr + 1, sizeof(*slots));

	m->taken = calloc(room + 1, sizeof(*m->taken));
	m->fresh = calloc(m->nr + 1, sizeof(*m->fresh));
	if (!slots || !m->taken || !m->fresh) {
		free(slots);
		return -ENOMEM;
	}
	if (nr)
		memcpy(slots, m->old->slots, nr * sizeof(*slots));
	qsort(slots, nr, sizeof(*slots), by_id);
	for (__u32 i = 0; i < nr; i++)
		m->taken[(slots[i].slot - from) % room] = true;
	for (__u32 i = 0; i < m->nr; i++) {
		long slot = slot_of(slots, nr, &m->recs[i]);

		if (slot < 0) {
			while (m->taken[next])
				next++;
			slot = from + next;
			m->taken[next] = true;
			m->fresh[i] = m->any_fresh = true;
		}
		m->recs[i].slot = (__u32)slot;
	}
	free(slots);
	return 0;
}

/* New rules begin at 0. Who was judged by a set before the present one has been by now. */
static int zero_slots(struct making *m)
{
	__cleanup_close int fd = weir_shared_map(m->ns, "counts");
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), cpus = (__u32)libbpf_num_possible_cpus(), slots;
	struct weir_rule_count *cell;
	size_t size;

	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len))
		return fd < 0 ? fd : -errno;
	slots = info.max_entries / cpus;
	size = (size_t)info.max_entries * sizeof(*cell);
	cell = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cell == MAP_FAILED)
		return -errno;
	if (m->any_fresh)
		weir_grace(m->ns);
	for (__u32 i = 0; i < m->nr; i++) {
		for (__u32 cpu = 0; cpu < cpus && m->fresh[i]; cpu++)
			cell[cpu * slots + m->recs[i].slot % slots] = (struct weir_rule_count){0};
	}
	munmap(cell, size);
	return 0;
}

/* --- in place --- */

static int put(const struct weir_ns *ns, enum weir_rule_kind kind, const struct weir_pages *pages)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__cleanup_close int outer = weir_shared_map(ns, "rulesets");
	__cleanup_close int fd = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "weir_rules", sizeof(__u32), WEIR_PAGE, pages->nr, &opts);
	size_t bytes = (size_t)pages->nr * WEIR_PAGE;
	__u32 index = which_of(kind);
	void *at;

	if (outer < 0 || fd < 0)
		return outer < 0 ? outer : -errno;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	memcpy(at, pages->page, bytes);
	munmap(at, bytes);
	return bpf_map_update_elem(outer, &index, &fd, BPF_ANY) ? -errno : 0;
}

static int take_away(const struct weir_ns *ns, enum weir_rule_kind kind)
{
	__cleanup_close int outer = weir_shared_map(ns, "rulesets");
	__u32 index = which_of(kind);

	if (outer < 0)
		return outer == -ENOENT ? 0 : outer;
	return bpf_map_delete_elem(outer, &index) && errno != ENOENT ? -errno : 0;
}

static int collect(struct making *m, struct weir_err *err)
{
	__u32 most = m->model->nr + m->model->nr_policies;
	int rc = 0;

	m->recs = aligned_alloc(64, (most + 1) * sizeof(*m->recs));
	m->devs = calloc(WEIR_NAMED_DEVS, sizeof(*m->devs));
	if (!m->recs || !m->devs)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "compiling the rules");
	memset(m->recs, 0, (most + 1) * sizeof(*m->recs));
	for (__u32 i = 0; i < m->model->nr && !rc; i++) {
		rc = add_rule(m, &m->model->rules[i], err);
		if (rc)
			err->at.line = m->model->rules[i].line;
	}
	if (!rc)
		rc = add_policies(m, false, err);
	if (!rc)
		rc = add_policies(m, true, err);
	if (!rc && m->nr > WEIR_RULES_MAX) {
		weir_fail(err, WEIR_REFUSED, 0, "%u rules and policies: there is room for %d",
			m->nr, WEIR_RULES_MAX);
		rc = -E2BIG;
	}
	if (!rc && (add_devs(m) || give_slots(m)))
		rc = weir_fail(err, WEIR_REFUSED, -ENOMEM, "compiling the rules");
	return rc;
}

int weir_stored_write(const struct weir_ns *ns, const struct weir_ruleset_model *model,
	const struct weir_stored *old, bool dry, struct weir_rule_rec **recs, struct weir_err *err)
{
	struct making m = {.ns = ns, .model = model, .old = old, .dry = dry};
	struct weir_pages pages = {0};
	int rc = collect(&m, err);

	if (!rc && m.nr) {
		struct weir_rules_in in = {.boxes = m.boxes.list,
			.nr_boxes = m.boxes.nr,
			.recs = m.recs,
			.rules = m.nr,
			.policies = m.policies,
			.text = m.text,
			.text_len = (__u32)m.text_len,
			.generation = old->generation + 1,
			.next_id = model->next_id};

		rc = dry ? 0 : zero_slots(&m);
		if (rc)
			rc = weir_fail_pins(ns, err, rc, "zeroing counters");
		else
			rc = weir_rules_compile(&in, &pages, err);
		if (!rc && !dry && (rc = put(ns, model->kind, &pages)))
			rc = weir_fail_sys(err, rc, "putting the rules in place");
	} else if (!rc && !dry) {
		rc = take_away(ns, model->kind);
		if (rc)
			rc = weir_fail_sys(err, rc, "taking the rules away");
	}
	weir_pages_free(&pages);
	weir_boxes_done(&m.boxes);
	if (!rc && recs) {
		*recs = m.recs;
		m.recs = NULL;
	}
	free(m.recs);
	free(m.text);
	free(m.taken);
	free(m.fresh);
	free(m.devs);
	return rc;
}
