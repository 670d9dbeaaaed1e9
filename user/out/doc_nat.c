// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* NAT: what its rules have given, how long that lasts, and who is behind it. */
#include <string.h>
#include <arpa/inet.h>

#include "out/doc.h"

enum { POOLS_SHOWN = 32 };

/* --- nat show --- */

static json_t *addr_doc(__u32 addr)
{
	char text[WEIR_SPAN_MAX];

	if (!addr)
		return json_null();
	weir_addr_text(text, addr);
	return json_string(text);
}

static json_t *pools_doc(const struct weir_nat_use *use)
{
	json_t *list = json_array();

	for (size_t i = 0; i < use->nr_pools; i++) {
		const struct weir_pool_use *p = &use->pools[i];

		if (json_array_append_new(list,
			    json_pack("{s:o, s:o, s:I, s:I, s:I}", "address", addr_doc(p->addr),
				    "device", *p->dev ? weir_json_text(p->dev) : json_null(), "udp",
				    (json_int_t)p->ports[0], "tcp", (json_int_t)p->ports[1], "icmp",
				    (json_int_t)p->ports[2]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Our own limits, and what became of packets at them. */
static const struct {
	const char *key, *text;
	size_t at;
} limits[] = {
#define LIMIT(id, text)                                                                            \
	{                                                                                          \
#id, text, offsetof(struct weir_nat_state, id)                                     \
	}
	LIMIT(sessions_full, "packets that began no session: there were as many as the limit is"),
	LIMIT(mappings_full,
		"packets that began no session: there were as many mappings as may be"),
	LIMIT(index_full, "packets that began no session: their place in the index was full"),
	LIMIT(frags_full, "fragmented packets that there was no room to remember"),
	LIMIT(ports_full, "packets that began no session: the pool had no free port"),
	LIMIT(clashes, "packets that began no session: answers would have been another's"),
#undef LIMIT
};

enum { NR_LIMITS = sizeof(limits) / sizeof(limits[0]) };

static json_t *limits_doc(const struct weir_nat_state *state)
{
	json_t *doc = json_object();

	for (unsigned int i = 0; i < NR_LIMITS; i++)
		json_object_set_new(doc, limits[i].key,
			json_integer(weir_json_int(
				*(const __u64 *)((const char *)state + limits[i].at))));
	return doc;
}

json_t *weir_doc_nat(const struct weir_ruleset_model *set, const struct weir_rule_count *counts,
	const struct weir_nat_use *use)
{
	const struct weir_nat_state *s = &use->state;
	json_t *doc = weir_doc_rules(set, counts), *pools = pools_doc(use);
	json_t *sessions = json_pack("{s:b, s:I, s:I, s:I, s:I}", "followed", use->tracking, "used",
		use->tracking ? weir_json_int(s->created - s->ended) : 0, "limit",
		(json_int_t)s->sessions_max, "created", weir_json_int(s->created), "expired",
		weir_json_int(s->expired));

	json_object_set_new(doc, "pools", pools);
	json_object_set_new(doc, "sessions", sessions);
	json_object_set_new(doc, "limits", limits_doc(s));
	if (doc && pools && sessions)
		return doc;
	json_decref(doc);
	return NULL;
}

static void text_pools(const struct weir_face *face, const json_t *pools)
{
	static const struct weir_column columns[] = {
		{"ports of", "address", .format = WEIR_TEXT},
		{"device", "device", .format = WEIR_TEXT},
		{"udp", "udp", .format = WEIR_NUMBER},
		{"tcp", "tcp", .format = WEIR_NUMBER},
		{"icmp", "icmp", .format = WEIR_NUMBER},
	};
	json_t *rows = json_array();
	const json_t *pool;
	size_t i;

	json_array_foreach (pools, i, pool) {
		json_t *row = i < POOLS_SHOWN ? json_copy((json_t *)pool) : NULL;

		if (!row)
			break;
		if (json_is_null(json_object_get(row, "address")))
			json_object_set_new(row, "address", json_string("its own"));
		json_array_append_new(rows, row);
	}
	if (i) {
		fputc('\n', face->file);
		WEIR_TABLE(face, columns, rows);
	}
	if (json_array_size(pools) > i)
		weir_ink(face, WEIR_PLAIN, "and %zu more: -j shows all\n",
			json_array_size(pools) - i);
	json_decref(rows);
}

void weir_text_nat(const struct weir_face *face, const json_t *doc)
{
	const json_t *sessions = json_object_get(doc, "sessions");

	weir_text_rules(face, doc);
	text_pools(face, json_object_get(doc, "pools"));
	weir_ink(face, WEIR_PLAIN,
		"\nsessions: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT "%s\n",
		weir_get_int(sessions, "used"), weir_get_int(sessions, "limit"),
		json_is_true(json_object_get(sessions, "followed")) ? "" : "; none are followed");
	for (unsigned int i = 0; i < NR_LIMITS; i++) {
		json_int_t nr = weir_get_int(json_object_get(doc, "limits"), limits[i].key);

		if (nr)
			weir_ink(face, WEIR_ALARM, "%s: %" JSON_INTEGER_FORMAT " %s\n",
				limits[i].key, nr, limits[i].text);
	}
}

/* --- nat timeout --- */

json_t *weir_doc_timeouts(const struct weir_nat_state *state)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < WEIR_TIMEOUT_COUNT; i++) {
		const struct weir_timeout_info *info = &weir_timeout_info[i];

		if (json_array_append_new(
			    list, json_pack("{s:s, s:I, s:I, s:I, s:s}", "name", info->name,
					  "seconds", (json_int_t)state->timeout_s[i], "default",
					  (json_int_t)info->seconds, "least",
					  (json_int_t)info->least, "of", info->text))) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:o}", "timeouts", list);
}

void weir_text_timeouts(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"timeout", "name", .format = WEIR_TEXT},
		{"seconds", "seconds", .format = WEIR_NUMBER},
		{"default", "default", .format = WEIR_NUMBER},
		{"least", "least", .format = WEIR_NUMBER},
		{"of", "of", .format = WEIR_TEXT},
	};

	WEIR_TABLE(face, columns, json_object_get(doc, "timeouts"));
}

/* --- nat explain --- */

/* "53", "1024-1279"; null where each keeps its own. */
static json_t *ports_doc(struct weir_span ports)
{
	char text[WEIR_SPAN_MAX];

	if (!ports.lo && !ports.hi)
		return json_null();
	weir_ports_text(text, ports);
	return json_string(text);
}

static json_t *answer_doc(const struct weir_answer *a)
{
	const char *name = weir_proto_name(a->proto);

	return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "by",
		weir_answer_name(a->by), "rule", (json_int_t)a->rule, "proto",
		!a->proto ? json_null()
		: name	  ? json_string(name)
			  : json_sprintf("%u", a->proto),
		"inside", addr_doc(a->inside), "inside_ports", ports_doc(a->inside_ports),
		"outside", addr_doc(a->outside), "outside_ports", ports_doc(a->outside_ports),
		"remote", addr_doc(a->remote), "remote_port", (json_int_t)a->remote_port,
		"if_in_set", *a->set ? json_string(a->set) : json_null());
}

json_t *weir_doc_answers(const struct weir_asked *asked, const struct weir_answers *answers)
{
	json_t *list = json_array();

	for (size_t i = 0; i < answers->nr; i++)
		if (json_array_append_new(list, answer_doc(&answers->list[i]))) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{s:o, s:o, s:o}", "address", addr_doc(asked->addr), "port",
		asked->has_port ? json_integer(asked->port) : json_null(), "answers", list);
}

static void text_side(const struct weir_face *face, const json_t *a, const char *side)
{
	char key[32];
	const char *ports;

	snprintf(key, sizeof(key), "%s_ports", side);
	ports = weir_get_text(a, key);
	weir_ink(face, WEIR_HEAD, "%s%s%s", weir_get_text(a, side), *ports ? ":" : "", ports);
	weir_ink(face, WEIR_PLAIN, " %s", side);
}

void weir_text_answers(const struct weir_face *face, const json_t *doc)
{
	const json_t *a;
	size_t i;

	json_array_foreach (json_object_get(doc, "answers"), i, a) {
		const char *proto = weir_get_text(a, "proto"), *remote = weir_get_text(a, "remote");
		const char *set = weir_get_text(a, "if_in_set"), *by = weir_get_text(a, "by");

		weir_ink(face, WEIR_PLAIN, "%s%s", proto, *proto ? " " : "");
		text_side(face, a, "inside");
		weir_ink(face, WEIR_PLAIN, " is ");
		text_side(face, a, "outside");
		if (*remote)
			weir_ink(face, WEIR_PLAIN, ", to %s", remote);
		weir_ink(face, WEIR_PLAIN, ": %s, rule %" JSON_INTEGER_FORMAT "%s%s\n", by,
			weir_get_int(a, "rule"), *set ? ", if in the set " : "", set);
	}
}
