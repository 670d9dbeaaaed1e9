/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A rule of the filter or of NAT, as a user writes it: what stands behind `weir filter add` and
 * `weir nat add`. Addresses and ports are in host order, spans include both ends.
 *
 *	words ──▶ rule_parse.c ──▶ struct weir_rule ──▶ rule_text.c ──▶ the same, in one spelling
 *	            rule_value.c         │
 *	            rule_check.c         └──▶ rule_box.c ──▶ what the BPF programs are given
 */
#ifndef WEIR_RULE_H
#define WEIR_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <weir/rules.h>

#include "base/line.h"

#define WEIR_DEV_NAME	 16 /* with the zero, as IFNAMSIZ */
#define WEIR_COMMENT_MAX 255

/* Bytes of a line that a user writes: what is made of it may be longer, by quotes and its id. */
#define WEIR_RULE_LINE_MAX (WEIR_LINE_MAX - 1024)

/* Alternatives of a rule: products of its lists. */
#define WEIR_RULE_BOXES_MAX 65536

/* Ports that a pool hands out where the rule names none: those that are not well known. */
#define WEIR_NAT_PORT_MIN 1024
#define WEIR_NAT_PORT_MAX 65535

/* Of a token bucket. Without `burst` it holds what 10 ms bring, but at least WEIR_BURST_MIN. */
#define WEIR_RATE_MAX  1000000000 /* in any unit of time */
#define WEIR_BURST_MIN 5
#define WEIR_BURST_MAX 1000000

enum weir_rule_kind { WEIR_RULE_FILTER, WEIR_RULE_NAT };

struct weir_span {
	__u32 lo, hi;
};

/* An element of a list: a span, or a named set. */
struct weir_alt {
	struct weir_span span;
	char set[WEIR_SET_NAME]; /* "" = the span */
};

struct weir_list {
	struct weir_alt *alts; /* as they were written; NULL = any */
	__u32 nr;
};

/* What a rule says; bits of weir_rule.has. Lists and names say it by not being empty. */
enum weir_rule_has {
	WEIR_HAS_PROTO = 1 << 0,
	WEIR_HAS_TCP = 1 << 1,
	WEIR_HAS_ICMP = 1 << 2,
	WEIR_HAS_ICMP_CODE = 1 << 3,
	WEIR_HAS_FRAG = 1 << 4,
	WEIR_HAS_LIMIT = 1 << 5,
	WEIR_HAS_LOG = 1 << 6,
	WEIR_HAS_TO = 1 << 7,
	WEIR_HAS_TO_PORT = 1 << 8, /* `ports`, or behind `to A:` */
};

/* Zeroed is a rule without words; weir_rule_done() frees what it owns. */
struct weir_rule {
	enum weir_rule_kind kind;
	__u32 id;   /* 0 = not yet given */
	__u32 at;   /* the position it asked for, from 1; 0 = the end. Not printed: a place is not a
		       part */
	__u32 line; /* of the file that it was read from; 0 = of none */

	unsigned int has;
	char in[WEIR_DEV_NAME], out[WEIR_DEV_NAME]; /* "" = any */
	struct weir_list src, dst, sport, dport;
	__u8 proto; /* ICMP and TCP where `icmp` and `tcp-flags` imply it */
	__u8 tcp_flags, tcp_mask;
	__u8 icmp_type, icmp_code;
	__u8 frag;   /* enum weir_frag; WEIR_FRAG_NONE with HAS_FRAG: any */
	__u8 states; /* enum weir_state */

	enum weir_limit_per limit_per;
	__u32 limit_rate;  /* tokens in limit_unit */
	char limit_unit;   /* 's', 'm', 'h' */
	__u32 limit_burst; /* 0 = as WEIR_BURST_MIN says */

	enum weir_verdict verdict; /* of the filter */

	enum weir_nat nat; /* the others of NAT */
	enum weir_dependency mapping, filtering;
	struct weir_span from; /* map A */
	struct weir_span to;
	struct weir_span to_port;
	char dev[WEIR_DEV_NAME]; /* map */
	__u32 block;		 /* deterministic; 0 = not */

	char *comment; /* NULL = none */
};

/*
 * Reads the rule that the words of @line from @from on are. On failure @err says what is wrong,
 * where in the line, and what would be right, and @rule is untouched. What @rule held before is
 * not freed.
 */
int weir_rule_parse(struct weir_rule *rule, enum weir_rule_kind kind, const struct weir_line *line,
	unsigned int from, struct weir_err *err);

void weir_rule_done(struct weir_rule *rule);

/*
 * The rule in its one spelling, which weir_rule_parse() reads as an equal rule; "id N " first where
 * it has an id. Returns the length, which is below WEIR_LINE_MAX; the caller frees *@text.
 */
int weir_rule_text(const struct weir_rule *rule, char **text, struct weir_err *err);

/* Whether two rules say the same, whatever their ids and the positions they asked for. */
bool weir_rule_equal(const struct weir_rule *a, const struct weir_rule *b);

/* The tokens that a full bucket holds, and the time that brings one. */
__u32 weir_rule_burst(const struct weir_rule *rule);
__u64 weir_rule_token_ns(const struct weir_rule *rule);

/* Names; NULL where a number has none. weir_..._number() returns -1 where a name is none. */
const char *weir_proto_name(__u8 proto);
int weir_proto_number(const char *name);
const char *weir_icmp_name(__u8 type);
int weir_icmp_number(const char *name);
const char *weir_verdict_name(enum weir_verdict verdict);
const char *weir_nat_name(enum weir_nat nat);

/* Protocols whose first four bytes are ports. */
bool weir_proto_has_ports(__u8 proto);

/* How a rule's names become numbers. */
struct weir_resolve {
	void *ctx;
	/* Returns the device's index; 0: there is none. */
	__u32 (*ifindex_of)(void *ctx, const char *name);
	/* Returns the set's number, from 1; 0: there is none; -1: its elements have not @bits, 32
	 * for addresses and 16 for ports. */
	int (*set_of)(void *ctx, const char *name, unsigned int bits);
};

/* Zeroed is empty. */
struct weir_boxes {
	struct weir_box *list;
	size_t nr, room;
};

void weir_boxes_done(struct weir_boxes *boxes);

/* Makes room for @more boxes behind those there are. */
int weir_boxes_room(struct weir_boxes *boxes, size_t more, struct weir_err *err);

/*
 * Appends the rule's alternatives to @boxes and fills @rec but for slot, text and text_len. @place: in the list, from 0. Spans of a list that touch become one.
 * Without room nothing is appended. A missing device is WEIR_NOT_FOUND, as is a missing set.
 */
int weir_rule_boxes(const struct weir_rule *rule, __u32 place, const struct weir_resolve *by,
	struct weir_boxes *boxes, struct weir_rule_rec *rec, struct weir_err *err);

struct weir_prefix {
	__u32 value; /* bits behind the prefix 0 */
	__u8 len;
};

#define WEIR_PREFIXES_MAX 62 /* of one span of 32 bits */

/* The fewest prefixes that are the span, lowest first; @bits: 32 for addresses, 16 for ports. */
unsigned int weir_span_prefixes(
	struct weir_span span, unsigned int bits, struct weir_prefix prefixes[WEIR_PREFIXES_MAX]);

/* An address in dotted form, or a span of them as it is written in rules: prefix, A-B, A. */
#define WEIR_SPAN_MAX 32
size_t weir_addr_text(char buf[WEIR_SPAN_MAX], __u32 addr);
size_t weir_addrs_text(char buf[WEIR_SPAN_MAX], struct weir_span span);
size_t weir_ports_text(char buf[WEIR_SPAN_MAX], struct weir_span span);

#endif
