/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the readers of rules share: words taken one by one, and values in them. */
#ifndef WEIR_RULE_PRIV_H
#define WEIR_RULE_PRIV_H

#include "base/word.h"
#include "model/rule.h"

struct rule_place {
	unsigned int column, length; /* column 0: nowhere */
};

/* The words of a line; @at is the next. */
struct rule_reader {
	const struct weir_line *line;
	unsigned int at;
	struct weir_err *err;
};

/* A word, or an element of the list in one. A longer one than any that means something is cut. */
#define RULE_PIECE_MAX 64
struct rule_piece {
	char text[RULE_PIECE_MAX];
	struct rule_place place;
};

/* Fails with a usage error, marked. */
int rule_wrong(const struct rule_reader *r, struct rule_place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Behind the last word: where what is missing would stand. */
struct rule_place rule_end(const struct rule_reader *r);

/* The next word; false where there is none. */
bool rule_next(struct rule_reader *r, struct rule_piece *piece);
/* The next word is @text, and is taken. */
bool rule_take(struct rule_reader *r, const char *text);
/* The next word, or an error: @key needs @what. */
int rule_need(struct rule_reader *r, const char *key, const char *what, struct rule_piece *piece);
/* The next element of a list in @word, separated by commas; *@offset goes on. 1, 0 at the end, or
 * an error where it is empty. */
int rule_element(const struct rule_reader *r, const struct weir_word *word, size_t *offset,
	struct rule_piece *piece);

/* Values; each fills @err and leaves its result where the piece is none. */
int rule_number(const struct rule_reader *r, const struct rule_piece *piece, const char *what,
	__u64 min, __u64 max, __u32 *value);
int rule_addrs(const struct rule_reader *r, const struct rule_piece *piece, struct weir_span *span);
int rule_ports(const struct rule_reader *r, const struct rule_piece *piece, struct weir_span *span);
/* A name, or a number from 1 to 255. */
int rule_proto(const struct rule_reader *r, const struct rule_piece *piece, __u8 *proto);
int rule_set_name(
	const struct rule_reader *r, const struct rule_piece *piece, char name[WEIR_SET_NAME]);
/* `dev DEV`, or DEV where @bare. */
int rule_dev(struct rule_reader *r, const char *key, bool bare, char name[WEIR_DEV_NAME]);
/* A whole list: @bits 32 for addresses, 16 for ports. */
int rule_list(struct rule_reader *r, const char *key, unsigned int bits, struct weir_list *list);

/* What a rule's words may be: the key, what follows it, whom it is for. */
enum rule_for { RULE_FOR_FILTER = 1, RULE_FOR_NAT = 2, RULE_FOR_BOTH = 3 };

#define RULE_KEYS(KEY)                                                                             \
	KEY(id, "id", "NUMBER", BOTH)                                                              \
	KEY(at, "at", "POSITION", BOTH)                                                            \
	KEY(in, "in", "'dev DEVICE'", BOTH)                                                        \
	KEY(out, "out", "'dev DEVICE'", BOTH)                                                      \
	KEY(proto, "proto", "udp, tcp, icmp or a number", BOTH)                                    \
	KEY(src, "src", "ADDRESS[,..]", BOTH)                                                      \
	KEY(dst, "dst", "ADDRESS[,..]", BOTH)                                                      \
	KEY(sport, "sport", "PORT[,..]", BOTH)                                                     \
	KEY(dport, "dport", "PORT[,..]", BOTH)                                                     \
	KEY(tcp_flags, "tcp-flags", "FLAGS/MASK, such as syn/syn,ack", FILTER)                     \
	KEY(icmp, "icmp", "TYPE[/CODE], such as echo-request", BOTH)                               \
	KEY(frag, "frag", "any, first or later", FILTER)                                           \
	KEY(state, "state", "new, established, related, invalid", FILTER)                          \
	KEY(limit, "limit", "RATE/s, such as 100/s", FILTER)                                       \
	KEY(log, "log", "", FILTER)                                                                \
	KEY(comment, "comment", "TEXT", BOTH)                                                      \
	KEY(verdict, "", "", FILTER)                                                               \
	KEY(nat, "", "", NAT)                                                                      \
	KEY(to, "to", "ADDRESS[-ADDRESS][:PORT[-PORT]]", NAT)                                      \
	KEY(ports, "ports", "PORT-PORT", NAT)                                                      \
	KEY(dev, "dev", "DEVICE", NAT)                                                             \
	KEY(mapping, "mapping", "endpoint, address or address-port", NAT)                          \
	KEY(filtering, "filtering", "endpoint, address or address-port", NAT)                      \
	KEY(deterministic, "deterministic", "'block PORTS'", NAT)

enum rule_key {
#define KEY(id, name, what, for_) RULE_KEY_##id,
	RULE_KEYS(KEY)
#undef KEY
		RULE_KEY_COUNT
};

/* A rule as it is read: what it says so far, and where. */
struct rule_parse {
	struct rule_reader r;
	unsigned int from; /* its first word */
	struct weir_rule rule;
	struct rule_place where[RULE_KEY_COUNT]; /* of the key; column 0: not said */
};

extern const char *const rule_key_name[RULE_KEY_COUNT];

/* What the words say apart is right; whether it is together, and what it implies. */
int rule_check(struct rule_parse *p);

/* A number's name among words, in order, ended by NULL; for lists of flags and states. */
extern const char *const rule_tcp_flags[];
extern const char *const rule_states[];
extern const char *const rule_frags[];
extern const char *const rule_dependencies[];
extern const char *const rule_pers[];
extern const char *const rule_verdicts[];
extern const char *const rule_nats[];

/* The place of @text in @names, or -1. */
int rule_index(const char *const *names, const char *text);
/* The same, with an error that says what @what is and names the nearest. */
int rule_choice(const struct rule_reader *r, const struct rule_piece *piece, const char *what,
	const char *const *names);

#endif
