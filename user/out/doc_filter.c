// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules of the filter and of NAT, and named sets. */
#include <stdlib.h>
#include <string.h>

#include "out/doc.h"

enum { RULE_SHOWN = 300, ELEMS_A_LINE = 4 };

json_t *weir_doc_rule_text(const struct weir_rule *rule)
{
	struct weir_rule bare = *rule;
	json_t *string;
	char *text;

	bare.id = 0;
	if (weir_rule_text(&bare, &text, NULL) < 0)
		return NULL;
	string = weir_json_text(text);
	free(text);
	return string;
}

static json_t *rule_doc(
	const struct weir_rule *rule, __u32 place, const struct weir_rule_count *count)
{
	bool nat = rule->kind == WEIR_RULE_NAT;
	json_t *doc = json_pack("{s:I, s:I, s:o, s:s, s:o, s:I, s:I}", "position",
		(json_int_t)place + 1, "id", (json_int_t)rule->id, "rule", weir_doc_rule_text(rule),
		nat ? "nat" : "verdict",
		nat ? weir_nat_name(rule->nat) : weir_verdict_name(rule->verdict), "comment",
		rule->comment ? weir_json_text(rule->comment) : json_null(), "packets",
		weir_json_int(count->packets), "bytes", weir_json_int(count->bytes));

	return doc;
}

static json_t *policies_doc(const struct weir_ruleset_model *set)
{
	json_t *list = json_array();

	for (__u32 i = 0; i < set->nr_policies; i++) {
		const struct weir_policy *p = &set->policies[i];

		if (json_array_append_new(
			    list, json_pack("{s:o, s:s, s:s}", "device", weir_json_text(p->dev),
					  "direction", p->out ? "out" : "in", "verdict",
					  weir_verdict_name(p->verdict)))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *weir_doc_rules(const struct weir_ruleset_model *set, const struct weir_rule_count *counts)
{
	bool nat = set->kind == WEIR_RULE_NAT;
	json_t *list = json_array();

	for (__u32 i = 0; i < set->nr; i++)
		if (json_array_append_new(list, rule_doc(&set->rules[i], i, &counts[i]))) {
			json_decref(list);
			return NULL;
		}
	if (nat)
		return json_pack("{s:s, s:o}", "ruleset", "nat", "rules", list);
	return json_pack("{s:s, s:o, s:o}", "ruleset", "filter", "rules", list, "policies",
		policies_doc(set));
}

/* The rows as a table can show them: a longer rule is cut, and says so. */
static json_t *shown_rules(const json_t *rules)
{
	json_t *rows = json_array(), *row;
	const json_t *rule;
	size_t i;

	json_array_foreach (rules, i, rule) {
		const char *text = weir_get_text(rule, "rule");
		size_t len = strlen(text), cut = RULE_SHOWN;

		row = json_copy((json_t *)rule);
		while (len > RULE_SHOWN && (text[cut] & 0xc0) == 0x80)
			cut--;
		if (len > RULE_SHOWN)
			json_object_set_new(row, "rule",
				json_sprintf(
					"%.*s... (%zu bytes: -j shows all)", (int)cut, text, len));
		if (json_array_append_new(rows, row)) {
			json_decref(rows);
			return NULL;
		}
	}
	return rows;
}

void weir_text_rules(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"at", "position", .format = WEIR_NUMBER},
		{"id", "id", .format = WEIR_NUMBER},
		{"packets", "packets", .format = WEIR_NUMBER},
		{"bytes", "bytes", .format = WEIR_NUMBER},
		{"rule", "rule", .format = WEIR_TEXT},
	};
	const char *name = weir_get_text(doc, "ruleset");
	json_t *rows = shown_rules(json_object_get(doc, "rules"));
	const json_t *policy;
	size_t i;

	if (json_array_size(rows))
		WEIR_TABLE(face, columns, rows);
	else
		weir_ink(face, WEIR_PLAIN, "no rules; to add one: weir %s add ...\n", name);
	json_array_foreach (json_object_get(doc, "policies"), i, policy)
		weir_ink(face, WEIR_PLAIN, "%spolicy %s dev %s %s\n", i ? "" : "\n",
			weir_get_text(policy, "direction"), weir_get_text(policy, "device"),
			weir_get_text(policy, "verdict"));
	json_decref(rows);
}

static json_t *elems_doc(const struct weir_set *set)
{
	json_t *list = json_array();
	char text[WEIR_SPAN_MAX];

	for (__u32 i = 0; i < set->nr; i++) {
		if (set->bits == 32)
			weir_addrs_text(text, set->elems[i]);
		else
			weir_ports_text(text, set->elems[i]);
		if (json_array_append_new(list, json_string(text))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *weir_doc_sets(const struct weir_set *sets, size_t nr, const char *only)
{
	json_t *list = json_array();

	for (size_t i = 0; i < nr; i++) {
		const struct weir_set *set = &sets[i];
		json_t *doc;

		if (only && strcmp(only, set->name))
			continue;
		doc = json_pack("{s:o, s:s, s:I}", "name", weir_json_text(set->name), "type",
			set->bits == 32 ? "addresses" : "ports", "count", (json_int_t)set->nr);
		if (doc && only && json_object_set_new(doc, "elements", elems_doc(set))) {
			json_decref(doc);
			doc = NULL;
		}
		if (json_array_append_new(list, doc)) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:o}", "sets", list);
}

static void text_elems(const struct weir_face *face, const json_t *set)
{
	const json_t *elem;
	size_t i;

	weir_ink(face, WEIR_HEAD, "%s", weir_get_text(set, "name"));
	weir_ink(face, WEIR_PLAIN, ": %" JSON_INTEGER_FORMAT " %s", weir_get_int(set, "count"),
		weir_get_text(set, "type"));
	json_array_foreach (json_object_get(set, "elements"), i, elem)
		weir_ink(face, WEIR_PLAIN, "%s%s", i % ELEMS_A_LINE ? "  " : "\n",
			json_string_value(elem));
	weir_ink(face, WEIR_PLAIN, "\n");
}

void weir_text_sets(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"set", "name", .format = WEIR_TEXT},
		{"of", "type", .format = WEIR_TEXT},
		{"elements", "count", .format = WEIR_NUMBER},
	};
	const json_t *sets = json_object_get(doc, "sets"), *first = json_array_get(sets, 0);

	if (!first)
		weir_ink(face, WEIR_PLAIN, "no sets; to make one: weir set add NAME ELEM[,..]\n");
	else if (json_object_get(first, "elements"))
		text_elems(face, first);
	else
		WEIR_TABLE(face, columns, sets);
}
