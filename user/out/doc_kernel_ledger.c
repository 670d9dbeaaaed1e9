// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The ledger of the kernel plane, a line for each network namespace that is watched. */
#include <string.h>

#include "model/kernel_ledger.h"
#include "out/doc.h"

static json_t *balance(const struct weir_kernel_net *net, const struct weir_kernel_ledger *l)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "netns",
		net->name, "in", weir_json_int(l->in), "local", weir_json_int(l->local), "made",
		weir_json_int(l->made), "delivered", weir_json_int(l->delivered), "out",
		weir_json_int(l->out), "dropped", weir_json_int(l->dropped), "joined",
		weir_json_int(l->joined), "in_flight", weir_json_int(l->in_flight), "merged",
		weir_json_int(l->merged), "apart", weir_json_int(l->apart), "residual",
		(json_int_t)l->residual, "balanced", l->residual == 0);
}

json_t *weir_doc_kernel_ledger(const struct weir_kernel_snapshot *snap, const char *only)
{
	json_t *list = json_array();
	bool holds = true;

	(void)only;
	for (unsigned int i = 0; weir_kernel_ledger_is(snap) && i < snap->nr_nets; i++) {
		struct weir_kernel_ledger ledger;

		weir_kernel_ledger_of(snap, snap->nets[i].netns_cookie, &ledger);
		holds = holds && !ledger.residual;
		json_array_append_new(list, balance(&snap->nets[i], &ledger));
	}
	return json_pack("{s:s, s:I, s:b, s:b, s:o, s:o}", "plane", "kernel", "time_ns",
		weir_json_int(snap->time_ns), "observed", weir_kernel_ledger_is(snap), "balanced",
		holds, "namespaces", list, "lost", weir_doc_kernel_lost(&snap->lost));
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
	weir_text_kernel_lost(face, doc);
	if (json_is_true(json_object_get(doc, "balanced")))
		weir_ink(face, WEIR_PLAIN,
			"in + sent here + made = delivered + out + dropped + joined + in flight: it "
			"balances\n");
}
