// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The ledger of the kernel plane, a line for each network namespace that is watched. */
#include <stdlib.h>
#include <string.h>

#include "model/kernel_ledger.h"
#include "out/doc.h"

static json_t *balance(const struct weir_kernel_net *net, const struct weir_kernel_ledger *l)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}",
		"netns", net->name, "in", weir_json_int(l->in), "local", weir_json_int(l->local),
		"made", weir_json_int(l->made), "delivered", (json_int_t)l->delivered, "out",
		weir_json_int(l->out), "dropped", weir_json_int(l->dropped), "joined",
		weir_json_int(l->joined), "in_flight", weir_json_int(l->in_flight), "merged",
		weir_json_int(l->merged), "apart", weir_json_int(l->apart), "residual",
		(json_int_t)l->residual, "balanced", l->residual == 0);
}

static json_t *dev_balance(const struct weir_kernel_dev *d, const struct weir_kernel_dev_ledger *l)
{
	return json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
		"device", weir_json_text(d->name), "netns", d->netns, "in", weir_json_int(l->in),
		"delivered", (json_int_t)l->delivered, "forwarded", weir_json_int(l->forwarded),
		"redirected", weir_json_int(l->redirected), "dropped_in",
		weir_json_int(l->dropped_in), "joined", weir_json_int(l->joined), "to_send",
		weir_json_int(l->to_send), "made", weir_json_int(l->made), "out",
		weir_json_int(l->out), "dropped_out", weir_json_int(l->dropped_out), "in_flight",
		weir_json_int(l->in_flight), "residual",
		l->told ? json_integer((json_int_t)l->residual) : json_null());
}

static json_t *devices(const struct weir_kernel_snapshot *snap, const char *only,
	const struct weir_kernel_dev_ledger *ledgers)
{
	json_t *list = json_array();

	for (unsigned int i = 0; weir_kernel_ledger_is(snap) && i < snap->nr_devs; i++)
		if (snap->devs[i].ifindex && (!only || !strcmp(only, snap->devs[i].name)))
			json_array_append_new(list, dev_balance(&snap->devs[i], &ledgers[i]));
	return list;
}

static json_t *namespaces(const struct weir_kernel_snapshot *snap)
{
	json_t *list = json_array();

	for (unsigned int i = 0; weir_kernel_ledger_is(snap) && i < snap->nr_nets; i++) {
		struct weir_kernel_ledger ledger;

		weir_kernel_ledger_of(snap, snap->nets[i].netns_cookie, &ledger);
		json_array_append_new(list, balance(&snap->nets[i], &ledger));
	}
	return list;
}

json_t *weir_doc_kernel_ledger(const struct weir_kernel_snapshot *snap, const char *only)
{
	struct weir_kernel_dev_ledger *ledgers = weir_kernel_dev_ledgers(snap);
	json_t *doc;

	if (!ledgers)
		return NULL;
	doc = json_pack("{s:s, s:I, s:b, s:b, s:o, s:o, s:o}", "plane", "kernel", "time_ns",
		weir_json_int(snap->time_ns), "observed", weir_kernel_ledger_is(snap), "balanced",
		weir_kernel_ledger_holds(snap), "namespaces", namespaces(snap), "devices",
		devices(snap, only, ledgers), "lost", weir_doc_kernel_lost(&snap->lost));
	free(ledgers);
	return doc;
}

static void text_name(json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (!weir_get_text(row, "netns")[0])
			json_object_set_new(row, "netns", json_string("this one"));
}

void weir_text_kernel_ledger(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"namespace", "netns", .format = WEIR_TEXT},
		{"in", "in", .format = WEIR_COUNT},
		{"sent here", "local", .format = WEIR_COUNT},
		{"made", "made", .format = WEIR_COUNT},
		{"delivered", "delivered", .format = WEIR_COUNT},
		{"out", "out", .format = WEIR_COUNT},
		{"dropped", "dropped", .format = WEIR_COUNT},
		{"joined", "joined", .format = WEIR_COUNT},
		{"in flight", "in_flight", .format = WEIR_COUNT},
		{"residual", "residual", .format = WEIR_NUMBER, .alarm = true, .fine = "0"},
	};
	static const struct weir_column dev_columns[] = {
		{"device", "device", .format = WEIR_TEXT},
		{"namespace", "netns", .format = WEIR_TEXT},
		{"in", "in", .format = WEIR_COUNT},
		{"delivered", "delivered", .format = WEIR_COUNT},
		{"forwarded", "forwarded", .format = WEIR_COUNT},
		{"redirected", "redirected", .format = WEIR_COUNT},
		{"dropped", "dropped_in", .format = WEIR_COUNT},
		{"joined", "joined", .format = WEIR_COUNT},
		{"to send", "to_send", .format = WEIR_COUNT},
		{"made", "made", .format = WEIR_COUNT},
		{"out", "out", .format = WEIR_COUNT},
		{"dropped", "dropped_out", .format = WEIR_COUNT},
		{"in flight", "in_flight", .format = WEIR_COUNT},
		{"residual", "residual", .format = WEIR_NUMBER, .alarm = true, .fine = "0"},
	};
	json_t *rows;

	if (!json_is_true(json_object_get(doc, "observed"))) {
		weir_ink(face, WEIR_PLAIN,
			"the kernel plane has a ledger where each packet is observed all the time: "
			"weir watch on full\n");
		return;
	}
	rows = json_deep_copy(json_object_get(doc, "namespaces"));
	text_name(rows);
	WEIR_TABLE(face, columns, rows);
	json_decref(rows);
	weir_ink(face, WEIR_PLAIN, "\n");
	WEIR_TABLE(face, dev_columns, json_object_get(doc, "devices"));
	weir_text_kernel_lost(face, doc);
	if (json_is_true(json_object_get(doc, "balanced")))
		weir_ink(face, WEIR_PLAIN,
			"in + sent here + made = delivered + out + dropped + joined + in flight: "
			"it "
			"balances\n");
}
