// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/tables.h"
#include "out/doc.h"

static json_t *balance(const char *name, const char *hook, const struct weir_ledger *l)
{
	return json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "device",
		weir_json_text(name), "hook", hook, "in", weir_json_int(l->in), "delivered",
		weir_json_int(l->delivered), "out", weir_json_int(l->out), "dropped",
		weir_json_int(l->dropped), "in_flight", weir_json_int(l->in_flight), "lost",
		weir_json_int(l->lost), "residual", (json_int_t)l->residual, "verdict_residual",
		(json_int_t)l->verdict_residual, "queue_residual", weir_json_int(l->queue_residual),
		"balanced", weir_ledger_holds(l));
}

json_t *weir_doc_ledger(const struct weir_snapshot *snap, const char *only)
{
	struct weir_ledger ledger, total = {0};
	json_t *list = json_array();
	bool holds = true;

	for (unsigned int i = 0; i < snap->nr_devs; i++) {
		if (!weir_is_chosen(&snap->devs[i], only))
			continue;
		weir_ledger_of(&snap->devs[i], &ledger);
		weir_ledger_add(&total, &ledger);
		holds = holds && weir_ledger_holds(&ledger);
		if (json_array_append_new(
			    list, balance(snap->devs[i].name,
					  weir_hook_info[snap->devs[i].hook].name, &ledger))) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:s, s:I, s:b, s:b, s:o, s:o}", "plane", "fast", "time_ns",
		weir_json_int(snap->time_ns), "exact", snap->exact, "balanced", holds, "devices",
		list, "total", balance("total", "all", &total));
}

static void text_device(const struct weir_face *face, const json_t *dev)
{
	json_int_t residual = weir_get_int(dev, "residual");
	json_int_t verdicts = weir_get_int(dev, "verdict_residual");
	json_int_t queues = weir_get_int(dev, "queue_residual");

	if (residual)
		weir_ink(face, WEIR_ALARM,
			"%s: in is not delivered + out + dropped + in flight + lost: %+lld\n",
			weir_get_text(dev, "device"), (long long)residual);
	if (verdicts)
		weir_ink(face, WEIR_ALARM, "%s: verdicts to send that met no known end: %+lld\n",
			weir_get_text(dev, "device"), (long long)verdicts);
	if (queues)
		weir_ink(face, WEIR_ALARM, "%s: queues and total differ by %lld counts\n",
			weir_get_text(dev, "device"), (long long)queues);
}

void weir_text_ledger(const struct weir_face *face, const json_t *doc)
{
	static const struct weir_column columns[] = {
		{"device", "device", .format = WEIR_TEXT},
		{"hook", "hook", .format = WEIR_TEXT},
		{"in", "in", .format = WEIR_COUNT},
		{"delivered", "delivered", .format = WEIR_COUNT},
		{"out", "out", .format = WEIR_COUNT},
		{"dropped", "dropped", .format = WEIR_COUNT},
		{"in flight", "in_flight", .format = WEIR_COUNT},
		{"lost", "lost", .format = WEIR_COUNT, .alarm = true},
		{"residual", "residual", .format = WEIR_NUMBER, .alarm = true, .fine = "0"},
	};
	json_t *rows;
	const json_t *dev;
	size_t i;

	if (weir_text_no_device(face, doc))
		return;
	rows = json_copy(json_object_get(doc, "devices"));
	if (json_array_size(rows) > 1)
		json_array_append(rows, json_object_get(doc, "total"));
	WEIR_TABLE(face, columns, rows);
	json_decref(rows);
	json_array_foreach (json_object_get(doc, "devices"), i, dev)
		text_device(face, dev);
	if (json_is_true(json_object_get(doc, "balanced")))
		weir_ink(face, WEIR_PLAIN,
			"in = delivered + out + dropped + in flight + lost: "
			"it balances\n");
}
