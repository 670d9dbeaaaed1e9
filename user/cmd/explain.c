// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* explain: what the fast path would make of a packet. */
#include <stdlib.h>

#include "cmd/rules.h"
#include "ctl/explain.h"
#include "ctl/filter.h"
#include "out/doc.h"

static int explain(struct weir_run *run, const struct weir_packet *packet, struct weir_err *err)
{
	struct weir_ruleset_model filter = {0}, nat = {0};
	struct weir_rule_count *counts = NULL;
	struct weir_explanation e;
	int rc = weir_explain(run->ns, packet, &e, err);

	if (!rc)
		rc = weir_rules_read(run->ns, WEIR_RULE_FILTER, &filter, &counts, err);
	free(counts);
	counts = NULL;
	if (!rc)
		rc = weir_rules_read(run->ns, WEIR_RULE_NAT, &nat, &counts, err);
	free(counts);
	if (!rc)
		rc = weir_show(&run->face, weir_doc_explanation(packet, &e, &filter, &nat),
			weir_text_explanation, err);
	weir_ruleset_done(&filter);
	weir_ruleset_done(&nat);
	return rc;
}

int weir_explain_cmd(struct weir_run *run, const struct weir_args *args, struct weir_err *err)
{
	struct weir_packet packet;
	struct weir_line line = {0};
	int rc = weir_words_line(args, &line, err);

	if (!rc)
		rc = weir_packet_parse(&packet, &line, err);
	weir_line_done(&line);
	if (!rc)
		rc = weir_enter(run, err);
	return rc ? rc : explain(run, &packet, err);
}
