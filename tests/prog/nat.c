// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* NAT rules in the program's maps, with their pools, as user/ctl puts them there; sessions looked
 * at. */
#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "model/ruleset.h"
#include "nat.skel.h"
#include "prog.h"

static __u32 pool_new(const struct prog *p, __u32 *next)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ports", sizeof(__u32),
		sizeof(struct weir_port_line), WEIR_PORT_LINES, &opts);

	assert_true(fd >= 0);
	prog_put(p, "pool_ports", next, &fd);
	close(fd);
	return (*next)++;
}

static void pool_name(const struct prog *p, __u32 addr, __u32 dev, __u32 number, __u32 outside)
{
	struct weir_pool_key key = {addr, dev};
	struct weir_pool pool = {number, outside};

	prog_put(p, "pools", &key, &pool);
}

static void pools_clear(const struct prog *p)
{
	int fd = prog_map(p, "pools");
	struct weir_pool_key key;

	while (!bpf_map_get_next_key(fd, NULL, &key))
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
}

/* No fragment has gone anywhere yet. */
static void frags_clear(const struct prog *p)
{
	static const struct weir_frag_line none;
	int fd = prog_map(p, "frags");
	struct weir_frag_key key;

	while (!bpf_map_get_next_key(fd, NULL, &key))
		bpf_map_delete_elem(fd, &key);
	for (__u32 i = 0; i < WEIR_FRAG_LINES; i++)
		prog_put(p, "frags_left", &i, &none);
}

static void pools_of(const struct prog *p, const struct weir_rule *r, __u32 *next)
{
	__u32 dev = if_nametoindex(*r->dev ? r->dev : r->nat == WEIR_NAT_dnat ? r->in : r->out);
	struct weir_pool_key key = {0, dev};
	struct weir_pool old;
	__u32 number;

	assert_true(dev);
	if (bpf_map_lookup_elem(prog_map(p, "pools"), &key, &old))
		pool_name(p, 0, dev, WEIR_POOL_NONE, dev);
	if (r->nat == WEIR_NAT_masquerade) {
		number = pool_new(p, next);
		pool_name(p, 0, dev, number, dev);
		pool_name(p, WEIR_POOL_NUMBERED, number, number, dev);
	}
	for (__u32 a = r->to.lo; r->nat == WEIR_NAT_snat && a <= r->to.hi; a++) {
		number = pool_new(p, next);
		pool_name(p, htonl(a), 0, number, dev);
		pool_name(p, WEIR_POOL_NUMBERED, number, number, dev);
	}
}

void prog_nat(struct prog *p, const char *text)
{
	static const __u32 timeouts[] = {
#define T(id, seconds, least, text) seconds,
		WEIR_TIMEOUTS(T)
#undef T
	};
	struct weir_ruleset_model model = {.kind = WEIR_RULE_NAT};
	__u32 next = 0;

	prog_flush(p);
	pools_clear(p);
	frags_clear(p);
	memcpy(p->nat->timeout_s, timeouts, sizeof(timeouts));
	p->nat->sessions_max = p->nat->mappings_max = PROG_SESSIONS;
	p->nat->states = p->nat->defrag = 0;
	p->nat->index_mask = PROG_SESSIONS - 1;
	p->nat->names_mask = PROG_SESSIONS - 1;
	memset(&p->nat->sessions_full, 0,
		sizeof(*p->nat) - offsetof(struct weir_nat_state, sessions_full));
	p->nat->seed = 0x12345678;
	prog_rules_of(p, text, &model);
	for (__u32 i = 0; i < model.nr; i++)
		pools_of(p, &model.rules[i], &next);
	weir_ruleset_done(&model);
	prog_forget_flows(p);
}

/* Flows tell their sessions now and then; here it is done at once. */
void prog_settle(const struct prog *p)
{
	for (__u32 i = 0; i < p->nr_flows; i++) {
		struct weir_flow *f = &p->flows[i];
		struct weir_session *s;

		if (!(f->session & WEIR_FLOW_SESSION) || !f->packets)
			continue;
		s = &p->sessions[f->session & WEIR_REF_RECORD];
		s->count[!!(f->session & WEIR_FLOW_BACK)].packets += f->packets;
		s->count[!!(f->session & WEIR_FLOW_BACK)].bytes += f->bytes;
		f->packets = f->bytes = 0;
	}
}

static bool is_end(__u32 addr, __u16 port, __u32 want, unsigned int want_port)
{
	return addr == want && ntohs(port) == want_port;
}

struct weir_session *prog_session(
	const struct prog *p, unsigned int proto, const char *src, unsigned int sport)
{
	__u32 addr;

	prog_settle(p);
	assert_int_equal(inet_pton(AF_INET, src, &addr), 1);
	for (__u32 i = 0; i < PROG_SESSIONS; i++) {
		struct weir_session *s = &p->sessions[i];

		if (s->life == WEIR_LIFE_LIVE && s->proto == proto &&
			(is_end(s->saddr, s->sport, addr, sport) ||
				is_end(s->xdaddr, s->xdport, addr, sport)))
			return s;
	}
	return NULL;
}

unsigned int prog_sessions(const struct prog *p)
{
	volatile const struct weir_nat_state *state = p->nat;
	unsigned int nr = 0;

	prog_settle(p);
	/* the sweeper may be at work: it counts what it has ended */
	for (int tries = 0; tries < 1000; tries++) {
		nr = 0;
		for (__u32 i = 0; i < PROG_SESSIONS; i++)
			nr += *(volatile const __u32 *)&p->sessions[i].life == WEIR_LIFE_LIVE;
		if (state->created - state->ended == nr)
			return nr;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	assert_int_equal(state->created - state->ended, nr);
	return nr;
}

void prog_sessions_wait(const struct prog *p, unsigned int nr)
{
	volatile const struct weir_nat_state *nat = p->nat;

	for (int i = 0; i < 20000 && nat->created - nat->ended > nr; i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	assert_int_equal(prog_sessions(p), nr);
}

/* What of a session is in the index: its answers' ends are not where its mapping leads to it. */
static unsigned int session_entries(const struct prog *p, __u32 number)
{
	const struct weir_session *s = &p->sessions[number];
	__u32 both = WEIR_SESSION_SRC | WEIR_SESSION_DST;
	bool first = s->mapping && p->mappings[s->mapping - 1].first == number + 1;

	return ((s->flags & both) == both ? 4U : 2U) - first;
}

/* Of a mapping: @named where its name has a slot. */
static unsigned int mapping_entries(const struct weir_mapping *m, bool named)
{
	return m->key == WEIR_KEY_permit ? 1U : (m->aside ? 1U : 0U) + (named ? 0U : 1U);
}

/* Each slot leads to a mapping, and counts those that are aside. */
static void names_hold(const struct prog *p, bool named[PROG_SESSIONS])
{
	static unsigned int aside[PROG_SESSIONS];

	memset(aside, 0, sizeof(aside));
	memset(named, 0, PROG_SESSIONS * sizeof(*named));
	for (__u32 i = 0; i < PROG_SESSIONS; i++)
		if (p->mappings[i].refs && p->mappings[i].aside)
			aside[p->mappings[i].aside - 1]++;
	for (__u32 i = 0; i < PROG_SESSIONS; i++) {
		__u32 n = p->names[i] & WEIR_NAME_MAPPING;

		if (p->names[i] / WEIR_NAME_ASIDE != WEIR_NAME_ASIDE_MAX)
			assert_int_equal(p->names[i] / WEIR_NAME_ASIDE, aside[i]);
		if (!n)
			continue;
		assert_true(p->mappings[n - 1].refs);
		named[n - 1] = true;
	}
}

void prog_index_holds(const struct prog *p)
{
	static bool named[PROG_SESSIONS];
	unsigned int wanted = 0, entries = 0, apart = 0;

	names_hold(p, named);
	for (__u32 i = 0; i < PROG_SESSIONS; i++) {
		const struct weir_mapping *m = &p->mappings[i];

		wanted += p->sessions[i].life == WEIR_LIFE_LIVE ? session_entries(p, i) : 0;
		wanted += m->refs ? mapping_entries(m, named[i]) : 0;
		apart += m->refs && m->key == WEIR_KEY_map_in && !named[i];
		for (int way = 0; way < WEIR_BUCKET_WAYS; way++)
			entries += !!p->index[i].entry[way];
	}
	assert_int_equal(entries, wanted);
	assert_int_equal(p->nat->names_apart, apart);
}

unsigned int prog_ports(const struct prog *p, __u32 pool, unsigned int proto)
{
	struct weir_port_line line;
	unsigned int nr = 0;
	__u32 id;
	int fd;

	assert_int_equal(bpf_map_lookup_elem(prog_map(p, "pool_ports"), &pool, &id), 0);
	fd = bpf_map_get_fd_by_id(id);
	assert_true(fd >= 0);
	for (__u32 i = proto * 2 * WEIR_PORT_PLANE; i < (proto + 1) * 2 * WEIR_PORT_PLANE; i++) {
		if (i % WEIR_PORT_PLANE == WEIR_PLANE_LINES)
			continue; /* which words are full */
		assert_int_equal(bpf_map_lookup_elem(fd, &i, &line), 0);
		for (unsigned int w = 0; w < ARRAY_SIZE(line.word); w++)
			nr += (unsigned int)__builtin_popcountll(line.word[w]);
	}
	close(fd);
	return nr;
}

static void share(struct bpf_object *obj, const struct prog *p, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	assert_non_null(map);
	assert_int_equal(bpf_map__reuse_fd(map, prog_map(p, name)), 0);
}

/* Runs the flush; how many it says it has ended. */
static unsigned int flush(const struct prog *p, const struct weir_flush *match)
{
	static const char *const maps[] = {"sessions", "mappings", "names", "session_index",
		"free_sessions", "free_mappings", "pool_ports", ".data.nat"};
	static const char frame[64];
	struct nat_bpf *skel = nat_bpf__open();
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));
	unsigned int ended;

	assert_non_null(skel);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		share(skel->obj, p, maps[i]);
	assert_int_equal(nat_bpf__load(skel), 0);
	skel->data_flush->flush = *match;
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.weir_flush), &opts), 0);
	ended = skel->data_flush->flush.ended;
	prog_all_moved(); /* as user/ctl does */
	nat_bpf__destroy(skel);
	return ended;
}

unsigned int prog_flush_match(const struct prog *p, const struct weir_flush *match)
{
	unsigned int live = prog_sessions(p), ended = flush(p, match);

	assert_int_equal(prog_sessions(p), live - ended);
	return ended;
}

void prog_flush(const struct prog *p)
{
	prog_flush_match(p, &(struct weir_flush){0});
	assert_int_equal(prog_sessions(p), 0);
}

void prog_flush_among(const struct prog *p)
{
	flush(p, &(struct weir_flush){0});
}
