// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sessions by chance against a plain model: packets from inside and from outside, flushes, expiry,
 * for each dependency of mapping and filtering. After each packet its way out, its ends and the
 * number of sessions are the model's; now and then every record, every port and every place of the
 * index.
 *
 * FUZZ_RUNS operations of each kind of rule and hook, from FUZZ_SEED on, which a failure prints.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gate.h"

enum { RUNS = 100000 / 18 + 1, HOSTS = 6, PORTS = 6, REMOTES = 3, REMOTE_PORTS = 3, POOL = 32 };
enum { FIRST = 40000, SESSIONS = HOSTS * PORTS * REMOTES * REMOTE_PORTS * 3, YEAR = 31536000 };

/* One of the model's. Two of them are the same where proto, inside and remote are. */
struct plain {
	bool live,
		out; /* begun from inside: it holds the mapping, and permits its remote's address */
	unsigned int proto, host, port, remote, remote_port;
	unsigned int ext;		   /* its port outside */
	unsigned int map_remote, map_port; /* what the mapping depends on; 0: nothing */
	unsigned int packets;
};

static struct plain plain[SESSIONS];
static unsigned int live;
static enum weir_dependency mapping, filtering;
static __u64 first_seed, seed;
static unsigned long op;

static __u32 below(__u32 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (__u32)((seed >> 16) % n);
}

#define HOLDS(true_, ...)                                                                          \
	do {                                                                                       \
		if (!(true_)) {                                                                    \
			print_error("FUZZ_SEED=%llu, operation %lu, mapping %d, filtering %d\n",   \
				first_seed, op, mapping, filtering);                               \
			fail_msg(__VA_ARGS__);                                                     \
		}                                                                                  \
	} while (0)

/* --- the model --- */

static struct plain *find(const struct plain *k)
{
	for (unsigned int i = 0; i < SESSIONS; i++)
		if (plain[i].live && plain[i].proto == k->proto && plain[i].host == k->host &&
			plain[i].port == k->port && plain[i].remote == k->remote &&
			plain[i].remote_port == k->remote_port)
			return &plain[i];
	return NULL;
}

static struct plain *add(const struct plain *k)
{
	for (unsigned int i = 0; i < SESSIONS; i++)
		if (!plain[i].live) {
			plain[i] = *k;
			plain[i].live = true;
			live++;
			return &plain[i];
		}
	fail_msg("the model has no room");
	return NULL;
}

static void end(struct plain *s)
{
	s->live = false;
	live--;
}

/* One that has the mapping that a packet from inside would have; those from outside keep it alive,
 * too. */
static struct plain *mapped(const struct plain *k)
{
	for (unsigned int i = 0; i < SESSIONS; i++)
		if (plain[i].live && plain[i].proto == k->proto && plain[i].host == k->host &&
			plain[i].port == k->port && plain[i].map_remote == k->map_remote &&
			plain[i].map_port == k->map_port)
			return &plain[i];
	return NULL;
}

static struct plain *by_ext(unsigned int proto, unsigned int ext)
{
	for (unsigned int i = 0; i < SESSIONS; i++)
		if (plain[i].live && plain[i].proto == proto && plain[i].ext == ext)
			return &plain[i];
	return NULL;
}

static unsigned int in_use(unsigned int proto)
{
	unsigned int nr = 0;

	for (unsigned int ext = FIRST; ext < FIRST + POOL; ext++)
		nr += by_ext(proto, ext) != NULL;
	return nr;
}

/* Whether who sends from @remote to @ext may begin. */
static bool admits(unsigned int proto, unsigned int ext, unsigned int remote)
{
	if (filtering == WEIR_DEPENDS_endpoint)
		return true;
	if (filtering == WEIR_DEPENDS_address_port)
		return false;
	for (unsigned int i = 0; i < SESSIONS; i++)
		if (plain[i].live && plain[i].out && plain[i].proto == proto &&
			plain[i].ext == ext && plain[i].remote == remote)
			return true;
	return false;
}

/* --- operations --- */

static void host_name(char name[32], unsigned int host)
{
	snprintf(name, 32, "192.0.2.%u", host ? 2 : 1);
	if (host > 1)
		snprintf(name, 32, "192.0.2.%u", host + 20);
}

static void remote_name(char name[32], unsigned int remote)
{
	snprintf(name, 32, "198.18.1.%u", remote + 1);
}

static void choose(struct plain *k)
{
	*k = (struct plain){.proto = gate_protos[below(3)],
		.host = below(HOSTS),
		.port = FIRST + below(PORTS),
		.remote = below(REMOTES),
		.remote_port = 50 + below(REMOTE_PORTS),
		.out = true};
	if (k->proto == PROTO_ICMP)
		k->remote_port = ECHO;
	if (mapping != WEIR_DEPENDS_endpoint)
		k->map_remote = k->remote + 1;
	if (mapping == WEIR_DEPENDS_address_port)
		k->map_port = k->remote_port;
}

static void out_goes(struct gate *g, struct plain *k)
{
	struct plain *s = find(k), *m = mapped(k);
	char src[32], dst[32];
	enum weir_exit exit;
	unsigned int got;
	struct frame f;

	host_name(src, k->host);
	remote_name(dst, k->remote);
	gate_frame(&f, k->proto, ENDS(src, k->port, dst, k->remote_port));
	if (k->proto == PROTO_TCP && below(2))
		gate_tcp(&f, ACK);
	exit = prog_exit(g->in, &f, gate_ran());
	if (!s && !m && in_use(k->proto) == POOL) {
		HOLDS(exit == X(nf_postrouting, NAT_EXHAUSTED), "%s: no port is free",
			exit_name(exit));
		return;
	}
	HOLDS(exit == X(xmit, NONE), "out: %s", exit_name(exit));
	got = get16(&gate_ran()->out, k->proto == PROTO_ICMP ? AT_L4 + 4 : AT_L4);
	HOLDS(got >= FIRST && got < FIRST + POOL, "out by %u", got);
	if (s || m) {
		HOLDS(got == (s ? s->ext : m->ext), "out by %u, not %u", got, s ? s->ext : m->ext);
	} else {
		HOLDS(!by_ext(k->proto, got), "%u is another's", got);
	}
	k->ext = got;
	s = s ? s : add(k);
	s->packets++;
}

static void in_comes(struct gate *g, unsigned int proto, unsigned int ext, unsigned int remote,
	unsigned int remote_port)
{
	struct plain k = {.proto = proto, .remote = remote, .remote_port = remote_port}, *s = NULL;
	struct plain *m = by_ext(proto, ext);
	char src[32], dst[32];
	enum weir_exit exit;
	struct frame f;

	if (m) {
		k.host = m->host;
		k.port = m->port;
		s = find(&k);
		s = s && s->ext == ext ? s : NULL;
	}
	remote_name(src, remote);
	gate_frame_out(&f, proto, ENDS(src, remote_port, OUTSIDE, ext));
	exit = prog_exit(g->out, &f, gate_ran());
	if (!s && (!m || proto == PROTO_ICMP)) {
		HOLDS(exit == X(route_in, NOT_FORWARDED), "for nobody: %s", exit_name(exit));
		return;
	}
	if (!s && !admits(proto, ext, remote)) {
		HOLDS(exit == X(nf_prerouting, NAT_FILTERED), "filtered: %s", exit_name(exit));
		return;
	}
	if (!s &&
		find(&k)) { /* its answers are those of one by another port: it gets a port, too */
		HOLDS(exit == X(xmit, NONE) || exit == X(neigh, NEIGH_UNRESOLVED), "clash: %s",
			exit_name(exit));
		prog_forget_flows(g->in);
		prog_flush(g->in);
		memset(plain, 0, sizeof(plain));
		live = 0;
		return;
	}
	HOLDS(exit == X(xmit, NONE) || (m->host > 1 && exit == X(neigh, NEIGH_UNRESOLVED)),
		"in: %s", exit_name(exit));
	host_name(dst, m->host);
	gate_put_ends(&f, ENDS(src, remote_port, dst, m->port));
	HOLDS(!memcmp(gate_ran()->out.data + AT_IP_DST, f.data + AT_IP_DST, 4) &&
			get16(&gate_ran()->out, proto == PROTO_ICMP ? AT_L4 + 4 : AT_L4_DPORT) ==
				m->port,
		"in to another");
	if (!s) {
		k.ext = ext;
		k.map_remote = m->map_remote;
		k.map_port = m->map_port;
		s = add(&k);
	}
	s->packets++;
}

/* Before sessions are ended otherwise than by being idle, which no flow outlives. */
static void forget_flows(struct gate *g)
{
	prog_settle(g->in);
	prog_forget_flows(g->in);
}

static void flush(struct gate *g)
{
	struct weir_flush f = {.proto = (__u8)gate_protos[below(3)]};
	unsigned int host = below(HOSTS), ended = 0;
	bool one = below(2);
	char name[32];

	if (one) {
		host_name(name, host);
		assert_int_equal(inet_pton(AF_INET, name, &f.addr), 1);
		f.mask = 0xffffffff;
	}
	for (unsigned int i = 0; i < SESSIONS; i++)
		if (plain[i].live && plain[i].proto == f.proto && (!one || plain[i].host == host)) {
			end(&plain[i]);
			ended++;
		}
	forget_flows(g);
	HOLDS(prog_flush_match(g->in, &f) == ended, "it has not flushed %u", ended);
}

static struct weir_session *record(struct gate *g, const struct plain *s)
{
	char name[32];
	__u32 inside, remote;

	host_name(name, s->host);
	assert_int_equal(inet_pton(AF_INET, name, &inside), 1);
	remote_name(name, s->remote);
	assert_int_equal(inet_pton(AF_INET, name, &remote), 1);
	for (__u32 i = 0; i < PROG_SESSIONS; i++) {
		struct weir_session *r = &g->in->sessions[i];

		if (r->life != WEIR_LIFE_LIVE || r->proto != s->proto)
			continue;
		if (s->out && r->saddr == inside && ntohs(r->sport) == s->port &&
			r->daddr == remote && ntohs(r->dport) == s->remote_port)
			return r;
		if (!s->out && r->xdaddr == inside && ntohs(r->xdport) == s->port &&
			r->saddr == remote && ntohs(r->sport) == s->remote_port)
			return r;
	}
	return NULL;
}

/* Some are made old, and the sweeper takes them. */
static void expire(struct gate *g)
{
	unsigned int of = 1 + below(4);

	forget_flows(g);
	for (unsigned int i = 0; i < SESSIONS; i++) {
		struct weir_session *r;

		if (!plain[i].live || below(4) >= of)
			continue;
		r = record(g, &plain[i]);
		HOLDS(r, "one is missing");
		r->seen -= YEAR;
		end(&plain[i]);
	}
	for (int n = 0; n < 20000 && g->in->nat->created - g->in->nat->ended > live; n++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void compare(struct gate *g)
{
	prog_settle(g->in);
	HOLDS(prog_sessions(g->in) == live, "not %u sessions", live);
	for (unsigned int i = 0; i < SESSIONS; i++) {
		const struct weir_session *r;

		if (!plain[i].live)
			continue;
		r = record(g, &plain[i]);
		HOLDS(r, "one is missing");
		HOLDS(ntohs(plain[i].out ? r->xsport : r->dport) == plain[i].ext,
			"of another port");
		HOLDS(r->count[0].packets + r->count[1].packets == plain[i].packets,
			"%llu and %llu packets, not %u", r->count[0].packets, r->count[1].packets,
			plain[i].packets);
	}
	for (unsigned int p = 0; p < ARRAY_SIZE(gate_protos); p++)
		HOLDS(prog_ports(g->in, 0, p) == in_use(gate_protos[p]), "ports: %u, not %u",
			prog_ports(g->in, 0, p), in_use(gate_protos[p]));
	prog_index_holds(g->in);
}

static unsigned long number_of(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

static void operations(struct gate *g, unsigned long runs)
{
	struct plain k;

	for (op = 0; op < runs; op++) {
		unsigned int what = below(1000);

		if (!(op % 256))
			forget_flows(g);
		if (what < 500) {
			choose(&k);
			out_goes(g, &k);
		} else if (what < 996) {
			choose(&k);
			in_comes(g, k.proto, FIRST + below(POOL), k.remote, k.remote_port);
		} else if (what < 999) {
			flush(g);
		} else {
			expire(g);
		}
		HOLDS(g->in->nat->created - g->in->nat->ended == live, "%llu sessions, not %u",
			g->in->nat->created - g->in->nat->ended, live);
		if (!(op % 100))
			compare(g);
	}
	compare(g);
}

static void operations_by_chance_are_the_models(void **state)
{
	static const char *const names[] = {"endpoint", "address", "address-port"};
	unsigned long runs = number_of("FUZZ_RUNS", RUNS);
	struct gate *g = *state;
	char rule[160];

	first_seed = number_of("FUZZ_SEED", 20260607);
	seed = first_seed * 0x9e3779b97f4a7c15ULL + 1;
	for (mapping = 0; mapping < WEIR_DEPENDENCY_COUNT; mapping++)
		for (filtering = 0; filtering < WEIR_DEPENDENCY_COUNT; filtering++) {
			snprintf(rule, sizeof(rule),
				"masquerade out dev out0 ports 40000-40031 mapping %s filtering %s",
				names[mapping], names[filtering]);
			gate_rules(g, rule);
			if (filtering & 1) /* names are in each other's way */
				g->in->nat->names_mask = 15;
			memset(plain, 0, sizeof(plain));
			live = 0;
			operations(g, runs);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_by_chance_are_the_models),
	};

	return gate_run("nat_model", tests, ARRAY_SIZE(tests), (struct prog_opts){0});
}
