// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rule_text.h"

/* A rule, and what is wrong with it: where, how long, message, remedy. */
struct bad {
	const char *typed;
	unsigned int column, length;
	const char *what, *remedy;
};

static void check_bad(enum weir_rule_kind kind, const struct bad *b)
{
	struct weir_rule rule = {.id = 42};
	struct weir_err err = {0};

	if (!parse(&rule, kind, b->typed, &err))
		fail_msg("'%s' was taken", b->typed);
	if (strcmp(err.what, b->what) || strcmp(err.remedy, b->remedy) ||
		err.at.column != b->column || err.at.length != b->length)
		fail_msg("'%s':\n{%u, %u, \"%s\", \"%s\"}", b->typed, err.at.column, err.at.length,
			err.what, err.remedy);
	assert_int_equal(err.status, WEIR_USAGE);
	assert_int_equal(rule.id, 42);
}

static const struct bad filter_bad[] = {
	{"in dev eth0 proto udp dport 53,300000 accept", 32, 6, "'300000' is no port: 0 to 65535",
		""},
	{"dport 53 accept", 1, 5, "ports in 'dport' without a protocol",
		"'proto udp' or 'proto tcp' says whose ports they are"},
	{"proto icmp dport 53 accept", 12, 5, "'dport' with proto icmp, which has no ports",
		"udp, tcp, sctp, dccp and udplite have them"},
	{"proto udp icmp 3 accept", 11, 4, "'icmp' with proto udp: no packet is both", ""},
	{"tcp-flags syn drop", 11, 3, "'syn' needs a mask: the flags to look at",
		"syn/all, or syn/syn,ack for what opens a connection"},
	{"tcp-flags fin/syn drop", 11, 7,
		"a flag before the '/' is not in the mask behind it: no packet matches", ""},
	{"tcp-flags sin/syn drop", 11, 7, "'sin' is no TCP flag: did you mean 'fin'?", ""},
	{"frag later proto udp dport 3 drop", 22, 5,
		"'dport' with frag later: the first fragment alone carries it",
		"frag first, or a rule of its own for later fragments"},
	{"src 192.0.2.5/24 drop", 5, 12, "'192.0.2.5/24' has bits behind its prefix",
		"192.0.2.0/24, or 192.0.2.5 alone"},
	{"src 192.0.2.5-192.0.2.1 drop", 5, 19, "'192.0.2.5-192.0.2.1' runs backwards",
		"192.0.2.1-192.0.2.5"},
	{"src 192.0.2.5,,1.1.1.1 drop", 15, 1, "a comma without an element beside it",
		"a list is one word: A,B,C"},
	{"src 192.0.2.5, 192.0.2.6 drop", 15, 1, "a comma without an element beside it",
		"a list is one word: A,B,C"},
	{"src 2001:db8::1 drop", 5, 11, "'2001:db8::1' is no IPv4 address",
		"for IPv6 there is the policy of a device"},
	{"src !192.0.2.1 drop", 5, 10, "'!192.0.2.1': a list cannot be negated",
		"let a rule before this one decide what is not meant"},
	{"src gw.example drop", 5, 10, "'gw.example' is no address: A, A/LENGTH, A-B or @SET", ""},
	{"limit 100 accept", 7, 3, "'100' is no rate: packets by time",
		"such as 100/s, 100/m or 100/h"},
	{"burst 3 accept", 1, 5, "'burst' without a limit before it",
		"limit 100/s burst 20 per src"},
	{"state new,est accept", 11, 3, "'est' is no state: new, established, related or invalid",
		""},
	{"in eth0 drop", 4, 4, "'in' needs 'dev DEVICE'", "in dev eth0"},
	{"in dev eth0", 13, 1, "a rule needs a verdict", "accept, drop, reject, punt or count"},
	{"drop accept", 6, 6, "'accept' is a second verdict: the first is at column 1", ""},
	{"src 1.1.1.1 src 1.1.1.2 drop", 13, 3, "'src' stands twice: first at column 1",
		"one list: src A,B"},
	{"in dev eth0 id 7 drop", 13, 2, "'id' stands first or not at all", ""},
	{"at 0 drop", 4, 1, "'0' is no position: 1 to 131072", ""},
	{"protp udp drop", 1, 5, "unknown word 'protp': did you mean 'proto'?", ""},
	{"to 192.0.2.1 drop", 1, 2, "'to' is no word of a filter rule", "weir nat add"},
	{"in dev aaaaaaaaaaaaaaaaaaaaa drop", 8, 21,
		"'aaaaaaaaaaaaaaaaaaaaa' is too long for a device: 15 at most", ""},
	{"proto 300 drop", 7, 3, "'300' is no protocol: its name, or 0 to 255", ""},
	{"proto upd drop", 7, 3, "'upd' is no protocol: did you mean 'udp'?", ""},
	{"comment", 9, 1, "'comment' needs TEXT", ""},
	{"comment \"a", 9, 2, "a \" without its other half", ""},
	{"proto udp dport 200-100 drop", 17, 7, "'200-100' runs backwards", "100-200"},
	{"src @ drop", 5, 1, "'@' needs the name of a set", ""},
	{"src @a/b drop", 5, 4, "'a/b' is no name of a set: letters, digits, '_', '-' and '.'", ""},
	{"frag some drop", 6, 4, "'some' is no kind of fragment: any, first or later", ""},
	{"src \"\" drop", 5, 2, "an empty list", "a list is one word: A,B,C"},
	{"icmp echo-requst accept", 6, 11,
		"'echo-requst' is no type of ICMP: did you mean 'echo-request'?", ""},
	{"icmp 300 accept", 6, 3, "'300' is no type of ICMP: its name, or 0 to 255", ""},
	{"icmp 3/999 accept", 6, 5, "'999' is no code of ICMP: 0 to 255", ""},
	{"limit 0/s accept", 7, 3, "'0' is no number of packets: 1 to 1000000000", ""},
	{"limit 5/s burst 0 accept", 17, 1, "'0' is no burst: 1 to 1000000", ""},
	{"limit 5/s per dport accept", 15, 5, "'dport' is no part of a packet: src, dst or flow",
		""},
	{"tcp-flags syn/none drop", 11, 8, "a mask of no flags looks at nothing", ""},
	{"tcp-flags syn/syn icmp 3 drop", 1, 9, "'tcp-flags' with icmp: no packet is both", ""},
	{"in", 4, 1, "'in' needs 'dev DEVICE'", ""},
	{"in dev", 8, 1, "'dev' needs a device", ""},
	{"src", 5, 1, "'src' needs ADDRESS[,..]", ""},
	{"proto tcp frag later tcp-flags syn/syn drop", 22, 9,
		"'tcp-flags' with frag later: the first fragment alone carries it",
		"frag first, or a rule of its own for later fragments"},
	{"frag later icmp 3 drop", 12, 4,
		"'icmp' with frag later: the first fragment alone carries it",
		"frag first, or a rule of its own for later fragments"},
	{"src 192.0.2.0/33 drop", 5, 12, "'33' is no length of a prefix: 0 to 32", ""},
	{"src 192.0.2.256 drop", 5, 11, "'192.0.2.256' is no address: A, A/LENGTH, A-B or @SET",
		""},
	{"src 192.0.2.1-192.0.2 drop", 5, 17, "'192.0.2' is no address: A, A/LENGTH, A-B or @SET",
		""},
	{"src @abcdefghijklmnopqrstuvwxyzabcdefgh drop", 5, 35,
		"'abcdefghijklmnopqrstuvwxyzabcdefgh' is too long for a set's name: 31 at "
		"most",
		""},
	{"id 0 drop", 4, 1, "'0' is no id: 1 to 4294967294", ""},
	{"policy", 1, 6, "unknown word 'policy'", ""},
	{"udp dport 53", 1, 3, "unknown word 'udp': did you mean 'proto udp'?", ""},
	{"in dev a/b drop", 8, 3, "'a/b' is no device's name", ""},
	{"comment \"\" drop", 9, 2, "an empty comment", ""},
	{"proto udp dport 5,'7x' drop", 17, 6, "'7x' is no port: 0 to 65535", ""},
	{"proto udp dport 1-70000 drop", 17, 7, "'70000' is no port: 0 to 65535", ""},
};

static void wrong_filter_rules_say_what_and_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(filter_bad) / sizeof(*filter_bad); i++)
		check_bad(WEIR_RULE_FILTER, &filter_bad[i]);
}

static const struct bad nat_bad[] = {
	{"snat src 10.0.0.0/8 to 192.0.2.1", 34, 1, "snat needs 'out dev'",
		"snat out dev eth0 src 10.0.0.0/8 to 192.0.2.1"},
	{"masquerade out dev eth0 proto gre ports 4000-5000", 35, 5,
		"'ports' with proto gre, which has no ports",
		"udp, tcp, sctp, dccp and udplite have them"},
	{"dnat in dev eth0 to 10.0.0.1", 30, 1,
		"dnat without a match would take all that comes in by eth0",
		"dnat in dev eth0 proto tcp dport 80 to 10.0.0.2:8080"},
	{"dnat in dev eth0 dst 192.0.2.1 to 10.0.0.1:8080", 32, 2,
		"a port in 'to' without a protocol",
		"'proto udp' or 'proto tcp' says whose ports they are"},
	{"dnat in dev eth0 dst 192.0.2.1 proto udp to 10.0.0.1:8080-8090", 42, 2,
		"'to' of dnat takes one port", "without one, each packet keeps its own"},
	{"map 10.0.0.0/24 to 192.0.2.0/25 dev eth0", 17, 2,
		"128 addresses cannot stand for 256: map takes as many of one as of the "
		"other",
		""},
	{"map 10.0.0.0/24 to 192.0.2.0/24 dev eth0 src 1.1.1.1", 42, 3, "'src' is no word of map",
		"map 10.0.0.2 to 192.0.2.2 dev eth0"},
	{"snat out dev eth0 src 100.64.0.0/24 to 192.0.2.1 deterministic block 256", 50, 13,
		"256 addresses need a block of 256 ports each, and there are 252",
		"blocks of 252, or more addresses in the pool"},
	{"masquerade out dev eth0 state new", 25, 5, "'state' is no word of a NAT rule",
		"NAT is chosen once for a session; let a filter rule do this"},
	{"out dev eth0", 14, 1, "a NAT rule needs its kind", "snat, masquerade, dnat or map"},
	{"masquerade out dev eth0 to 192.0.2.1", 25, 2, "'to' is no word of masquerade",
		"masquerade out dev eth0"},
	{"snat out dev eth0 to 127.0.0.1", 19, 2,
		"'to' holds addresses of 127.0.0.0/8, which no other host has", ""},
	{"snat out dev eth0 to 192.0.2.1:0", 19, 2, "port 0 in 'to': 1 to 65535", ""},
	{"snat out dev eth0 to ::1", 22, 3, "'::1' is no IPv4 address",
		"for IPv6 there is the policy of a device"},
	{"masquerade out dev eth0 drop", 25, 4, "'drop' is no word of a NAT rule",
		"NAT is chosen once for a session; let a filter rule do this"},
	{"masquerade", 12, 1, "masquerade needs 'out dev'", "masquerade out dev eth0"},
	{"dnat in dev eth0 proto udp dport 5 out dev eth1 to 10.0.0.1", 36, 3,
		"'out' is no word of dnat", "dnat in dev eth0 proto tcp dport 80 to 10.0.0.2:8080"},
	{"dnat dst 192.0.2.1 to 10.0.0.1", 32, 1, "dnat needs 'in dev'",
		"dnat in dev eth0 proto tcp dport 80 to 10.0.0.2:8080"},
	{"map 10.0.0.0/24 dev eth0", 26, 1, "map needs 'to'", "map 10.0.0.2 to 192.0.2.2 dev eth0"},
	{"map 10.0.0.1 to 10.0.0.1 dev eth0", 14, 2, "'to' overlaps what it is to stand for", ""},
	{"map 10.0.0.1 to 192.0.2.1:80 dev eth0", 14, 2,
		"'to' of map takes no port: addresses stand for addresses", ""},
	{"map 10.0.0.1 to 192.0.2.1 dev eth0 deterministic block 7", 36, 13,
		"'deterministic' is no word of map", "map 10.0.0.2 to 192.0.2.2 dev eth0"},
	{"snat out dev eth0 to 192.0.2.1 deterministic block 7", 32, 13,
		"'deterministic' needs 'src' with one prefix or range: blocks are counted "
		"from its first address",
		"src 100.64.0.0/24 deterministic block 256"},
	{"snat out dev eth0 to 192.0.2.1 deterministic 7", 46, 1,
		"'deterministic' needs 'block PORTS': how many for each inside address", ""},
	{"snat out dev eth0 src 10.0.0.0/8 to 192.0.2.1 deterministic block 1", 47, 13,
		"16777216 addresses need a block of 1 ports each, and there are 64512",
		"more addresses in the pool"},
	{"masquerade out dev eth0 snat", 25, 4,
		"'snat' is a second kind of NAT: the first is at column 1", ""},
	{"masquerade out dev eth0 mapping port", 33, 4,
		"'port' is no behaviour: endpoint, address or address-port", ""},
	{"snat out dev eth0 to 224.0.0.1", 19, 2,
		"'to' holds addresses of 224.0.0.0/3, which no other host has", ""},
	{"dnat in dev eth0 proto icmp to 10.0.0.1:80", 29, 2,
		"'to' with proto icmp, which has no ports",
		"udp, tcp, sctp, dccp and udplite have them"},
	{"dnat in dev eth0 proto sctp dport 5 to 10.0.0.1:80", 37, 2,
		"'to' with proto sctp, whose ports NAT does not translate",
		"addresses alone, or proto udp or tcp"},
	{"snat out dev eth0 proto udplite to 192.0.2.1:4000-5000", 33, 2,
		"'to' with proto udplite, whose ports NAT does not translate",
		"addresses alone, or proto udp or tcp"},
	{"masquerd out dev eth0", 1, 8, "unknown word 'masquerd': did you mean 'masquerade'?", ""},
};

static void wrong_nat_rules_say_what_and_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(nat_bad) / sizeof(*nat_bad); i++)
		check_bad(WEIR_RULE_NAT, &nat_bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_filter_rules_say_what_and_where),
		cmocka_unit_test(wrong_nat_rules_say_what_and_where),
	};

	return WEIR_RUN(tests);
}
