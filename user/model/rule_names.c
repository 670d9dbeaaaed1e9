// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names and numbers, as IANA has them. */
#include <stdio.h>
#include <string.h>

#include "model/rule_priv.h"

const char *const rule_tcp_flags[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", NULL};

const char *const rule_states[] = {
#define STATE(id, text) #id,
	WEIR_STATES(STATE)
#undef STATE
		NULL};

const char *const rule_verdicts[] = {
#define VERDICT(id, text) #id,
	WEIR_VERDICTS(VERDICT)
#undef VERDICT
		NULL};

const char *const rule_nats[] = {
#define NAT(id, text) #id,
	WEIR_NATS(NAT)
#undef NAT
		NULL};

const char *const rule_frags[] = {"any", "first", "later", NULL};
const char *const rule_dependencies[] = {"endpoint", "address", "address-port", NULL};
const char *const rule_pers[] = {"rule", "src", "dst", "flow", NULL};

_Static_assert(WEIR_FRAG_FIRST == 1 && WEIR_FRAG_LATER == 2, "rule_frags");
_Static_assert(WEIR_PER_SRC == 1 && WEIR_PER_DST == 2 && WEIR_PER_FLOW == 3, "rule_pers");
_Static_assert(WEIR_DEPENDENCY_COUNT == 3, "rule_dependencies");

struct name {
	const char *name;
	__u8 number;
};

/* The first name of a number is the one that is printed. */
static const struct name protos[] = {
	{"icmp", 1},
	{"igmp", 2},
	{"ipip", 4},
	{"tcp", 6},
	{"udp", 17},
	{"dccp", 33},
	{"ipv6", 41},
	{"rsvp", 46},
	{"gre", 47},
	{"esp", 50},
	{"ah", 51},
	{"eigrp", 88},
	{"ospf", 89},
	{"pim", 103},
	{"vrrp", 112},
	{"l2tp", 115},
	{"sctp", 132},
	{"udplite", 136},
};

static const struct name icmps[] = {
	{"echo-reply", 0},
	{"dest-unreachable", 3},
	{"destination-unreachable", 3},
	{"source-quench", 4},
	{"redirect", 5},
	{"echo-request", 8},
	{"router-advertisement", 9},
	{"router-solicitation", 10},
	{"time-exceeded", 11},
	{"parameter-problem", 12},
	{"timestamp-request", 13},
	{"timestamp-reply", 14},
	{"info-request", 15},
	{"info-reply", 16},
	{"address-mask-request", 17},
	{"address-mask-reply", 18},
};

static const char *name_of(const struct name *names, size_t nr, __u8 number)
{
	for (size_t i = 0; i < nr; i++)
		if (names[i].number == number)
			return names[i].name;
	return NULL;
}

static int number_of(const struct name *names, size_t nr, const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(names[i].name, name))
			return names[i].number;
	return -1;
}

const char *weir_proto_name(__u8 proto)
{
	return name_of(protos, sizeof(protos) / sizeof(*protos), proto);
}

int weir_proto_number(const char *name)
{
	return number_of(protos, sizeof(protos) / sizeof(*protos), name);
}

const char *weir_icmp_name(__u8 type)
{
	return name_of(icmps, sizeof(icmps) / sizeof(*icmps), type);
}

int weir_icmp_number(const char *name)
{
	return number_of(icmps, sizeof(icmps) / sizeof(*icmps), name);
}

const char *weir_verdict_name(enum weir_verdict verdict)
{
	return verdict < WEIR_VERDICT_COUNT ? rule_verdicts[verdict] : "?";
}

const char *weir_nat_name(enum weir_nat nat)
{
	return nat < WEIR_NAT_COUNT ? rule_nats[nat] : "?";
}

bool weir_proto_has_ports(__u8 proto)
{
	return proto == 6 || proto == 17 || proto == 33 || proto == 132 || proto == 136;
}

int rule_index(const char *const *names, const char *text)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(names[i], text))
			return i;
	return -1;
}

int rule_choice(const struct rule_reader *r, const struct rule_piece *piece, const char *what,
	const char *const *names)
{
	struct weir_nearest nearest = {.typed = piece->text};
	char list[128];
	size_t n = 0;
	int i = rule_index(names, piece->text);

	if (i >= 0)
		return i;
	for (i = 0; names[i]; i++) {
		weir_nearest_offer(&nearest, names[i]);
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
			!i	       ? ""
			: names[i + 1] ? ", "
				       : " or ",
			names[i]);
	}
	if (nearest.word)
		return rule_wrong(r, piece->place, "'%s' is no %s: did you mean '%s'?", piece->text,
			what, nearest.word);
	return rule_wrong(r, piece->place, "'%s' is no %s: %s", piece->text, what, list);
}
