/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is behind an address and port, or what is it called outside: by mappings, and by rules alone.
 */
#ifndef WEIR_EXPLAIN_H
#define WEIR_EXPLAIN_H

#include "model/nat.h"
#include "model/session.h"

#define WEIR_ANSWERS(BY)                                                                           \
	BY(mapping, "a mapping, as it is now")                                                     \
	BY(deterministic, "a block of ports, now and at any time since the rule was made")         \
	BY(map, "one address for another")                                                         \
	BY(dnat, "what comes in for the one goes to the other")

enum weir_answer_by {
#define BY(id, text) WEIR_BY_##id,
	WEIR_ANSWERS(BY)
#undef BY
		WEIR_BY_COUNT
};

/* Host order; a port 0 to 0: each keeps its own. */
struct weir_answer {
	enum weir_answer_by by;
	__u32 rule; /* id */
	__u8 proto; /* 0: any */
	__u32 inside, outside;
	struct weir_span inside_ports, outside_ports;
	__u32 remote; /* mapping: what it depends on; 0: nothing */
	__u16 remote_port;
	char set[WEIR_SET_NAME]; /* dnat: only if it is in this set; "" = no condition */
};

struct weir_answers {
	struct weir_answer *list; /* owned */
	size_t nr;
};

/* Adds the mapping, if it answers. 0 or -ENOMEM. */
int weir_explain_mapping(struct weir_answers *answers, const struct weir_asked *asked,
	const struct weir_mapping *mapping);
/* Adds what rules say, by their order: deterministic ones, then map, then dnat. 0 or -ENOMEM. */
int weir_explain_rules(struct weir_answers *answers, const struct weir_asked *asked,
	const struct weir_ruleset_model *rules, const struct weir_owns *owns);
void weir_answers_done(struct weir_answers *answers);

const char *weir_answer_name(enum weir_answer_by by);
const char *weir_answer_text(enum weir_answer_by by);

#endif
