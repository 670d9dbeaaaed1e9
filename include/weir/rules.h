/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rules, as BPF programs and user space share them.
 *
 * A rule set is one array of pages: a header, trees that find a packet's rule, the rules' records,
 * and the text that they were made from. It is made aside and put in place by one update of an outer map,
 * so whoever looks, a packet or `filter show`, has one set or the other, whole.
 */
#ifndef WEIR_RULES_H
#define WEIR_RULES_H

#include <linux/types.h>

#define WEIR_PAGE	 65536
#define WEIR_RULES_MAX	 131072 /* rules in a set, and slots for their counters */
#define WEIR_NAT_RULES_MAX 4096 /* of NAT; their slots lie behind the filter's */
#define WEIR_TREES_MAX	 4
#define WEIR_SETS_MAX	 1024    /* named sets */
#define WEIR_ELEMS_MAX	 1048576 /* elements of all of them */
#define WEIR_SET_NAME	 32	 /* with the zero */
#define WEIR_LINE_MAX	 65536	 /* bytes of one rule's text */
#define WEIR_BUCKETS_MAX 65536	 /* token buckets of `limit` */

/* Sets of rules: the map's index, and what they are asked. */
#define WEIR_RULESETS(SET)                                                                         \
	SET(filter, "what passes")                                                                 \
	SET(nat, "what is translated: where to, before routing; where from, after it")

enum weir_ruleset {
#define SET(id, text) WEIR_RULESET_##id,
	WEIR_RULESETS(SET)
#undef SET
		WEIR_RULESET_COUNT
};

#define WEIR_VERDICTS(VERDICT)                                                                     \
	VERDICT(accept, "the packet goes on")                                                      \
	VERDICT(drop, "the packet is dropped")                                                     \
	VERDICT(reject, "the packet is dropped, and its sender told: ICMP 3/13, or a TCP RST")     \
	VERDICT(punt, "the packet is the kernel's")                                                \
	VERDICT(count, "the packet is counted, and the next rules are asked")

enum weir_verdict {
#define VERDICT(id, text) WEIR_##id,
	WEIR_VERDICTS(VERDICT)
#undef VERDICT
		WEIR_VERDICT_COUNT
};

/* What a NAT rule does. */
#define WEIR_NATS(NAT)                                                                             \
	NAT(snat, "the source becomes one of a pool")                                              \
	NAT(masquerade, "the source becomes the device's own address")                             \
	NAT(dnat, "the destination becomes another")                                               \
	NAT(map, "one address stands for another, both ways")

enum weir_nat {
#define NAT(id, text) WEIR_NAT_##id,
	WEIR_NATS(NAT)
#undef NAT
		WEIR_NAT_COUNT
};

/* What a mapping, or the filter before it, depends on besides the inside (RFC 4787, 4.1 and 5). */
#define WEIR_DEPENDENCIES(D)                                                                       \
	D(endpoint, "on nothing: endpoint-independent")                                            \
	D(address, "on the other address")                                                         \
	D(address_port, "on the other address and port")

enum weir_dependency {
#define D(id, text) WEIR_DEPENDS_##id,
	WEIR_DEPENDENCIES(D)
#undef D
		WEIR_DEPENDENCY_COUNT
};

/* Of the connection that a packet belongs to, as conntrack has them: bits. */
#define WEIR_STATES(STATE)                                                                         \
	STATE(new, "the first packet of a connection")                                             \
	STATE(established, "packets have gone both ways")                                          \
	STATE(related, "an ICMP error about a known connection")                                   \
	STATE(invalid, "of no connection, and it can begin none")

enum weir_state_bit {
#define STATE(id, text) WEIR_STATE_BIT_##id,
	WEIR_STATES(STATE)
#undef STATE
		WEIR_STATE_COUNT
};

enum weir_state {
#define STATE(id, text) WEIR_STATE_##id = 1 << WEIR_STATE_BIT_##id,
	WEIR_STATES(STATE)
#undef STATE
};

enum weir_frag { WEIR_FRAG_NONE, WEIR_FRAG_FIRST, WEIR_FRAG_LATER };

/*
 * The fields that trees cut by. Numbers in host order. A packet that carries no ports (a later fragment,
 * ICMP) has WEIR_NO_PORT, which lies in the range of a rule without ports alone.
 */
#define WEIR_DIMS(DIM)                                                                             \
	DIM(src)                                                                                   \
	DIM(dst)                                                                                   \
	DIM(sport)                                                                                 \
	DIM(dport)                                                                                 \
	DIM(proto)                                                                                 \
	DIM(iif)                                                                                   \
	DIM(oif)

enum weir_dim {
#define DIM(id) WEIR_DIM_##id,
	WEIR_DIMS(DIM)
#undef DIM
		WEIR_DIM_COUNT
};

#define WEIR_NO_PORT 0x10000
#define WEIR_NO_DEV  0 /* iif of a local sender's packet; oif of one for this host */
#define WEIR_DEV_DNAT 0xfffffffe /* oif of NAT's first question, where to: it is asked before routing */
#define WEIR_DEV_INSIDE 0xfffffffd /* iif of the same, asked from inside: hairpin */

/* What rules test of a packet. */
struct weir_fields {
	__u32 dim[8]; /* by enum weir_dim; the last is 0 */
	__u8 tcp_flags;
	__u8 icmp_type, icmp_code; /* where dim[proto] is ICMP and frag is not LATER */
	__u8 frag;		   /* enum weir_frag */
	__u8 state;		   /* one enum weir_state; 0: not tracked, no rule with a state matches */
	__u8 _pad[3];
	__u32 len; /* of the frame, for counters */
	__u32 flow; /* hash of the flow, for limits per flow */
};

/* What a box tests beside its ranges: bits of weir_box.checks. */
enum weir_check {
	WEIR_CHECK_TCP = 1 << 0,       /* (tcp_flags & mask) == flags; TCP with its header only */
	WEIR_CHECK_ICMP_TYPE = 1 << 1, /* ICMP with its header only */
	WEIR_CHECK_ICMP_CODE = 1 << 2,
	WEIR_CHECK_STATE = 1 << 3,
	WEIR_CHECK_FRAG = 1 << 4, /* any fragment, or this kind */
	WEIR_CHECK_LIMIT = 1 << 5,
	WEIR_LOG = 1 << 6, /* no test: the rule logs */
	WEIR_COUNTS = 1 << 7, /* no test: the rule counts, and the next are asked */
	WEIR_DNATS = 1 << 8, /* no test, of records alone: a NAT rule that says where to */
};

/*
 * One alternative of a rule: a box in the space of the fields. A rule with lists has several. One
 * cache line.
 */
struct weir_box {
	__u32 src[2], dst[2]; /* lowest and highest, inclusive */
	__u32 sport[2], dport[2]; /* 0 and ~0: any, ports or not */
	__u32 iif, oif; /* 0: any */
	__u32 rule; /* its place in the list, from 0: the lowest that matches decides */
	__u16 src_set, dst_set; /* named sets, 0 = none */
	__u16 sport_set, dport_set;
	__u8 proto[2];
	__u8 tcp_flags, tcp_mask;
	__u8 icmp_type, icmp_code;
	__u8 states; /* enum weir_state, any of these */
	__u8 frag;   /* WEIR_FRAG_NONE with CHECK_FRAG: any fragment */
	__u16 checks; /* enum weir_check */
	__u16 _pad;
} __attribute__((aligned(64)));

enum weir_limit_per { WEIR_PER_RULE, WEIR_PER_SRC, WEIR_PER_DST, WEIR_PER_FLOW };

/* A rule's record: what is done once it has matched. One cache line, by its place in the list. */
struct weir_rule_rec {
	__u32 id;   /* as the user has it; stable */
	__u32 slot; /* of its counters; stable as long as the id is */
	__u8 verdict; /* enum weir_verdict; of NAT: 1 where the rule says which destinations */
	__u8 nat;     /* enum weir_nat; of the others */
	__u8 mapping, filtering; /* enum weir_dependency */
	__u8 limit_per; /* enum weir_limit_per */
	__u8 log;
	__u16 checks; /* enum weir_check of any of its boxes */
	__u64 limit_ns; /* for one token; 0 = no limit */
	__u32 limit_burst; /* tokens that a full bucket holds */
	__u32 to[2]; /* addresses that it translates to, host order, inclusive; a policy: iif, oif */
	__u16 to_port[2];  /* and ports; 0 = the packet's own, or any */
	__u32 dev;	   /* NAT: the outside's, by which the one end's addresses are the other's */
	__u32 block;	   /* deterministic: ports for each inside address; 0 = no */
	__u32 text;	   /* bytes into the text: where its line begins */
	__u32 text_len;	   /* without newline */
	__u32 inside[2]; /* map, deterministic: addresses that stand behind `to`, host order, inclusive */
} __attribute__((aligned(64)));

/*
 * Where a walk goes on: 27 bits are the node or the first box, in cache lines from the rule set's
 * beginning; 5 bits are how many boxes a leaf has. 0 is an empty leaf.
 */
#define WEIR_REF_BITS	27
#define WEIR_REF_UNIT	((1U << WEIR_REF_BITS) - 1)
#define WEIR_LEAF_MAX	8 /* boxes; they lie in one page, in the rules' order */
#define WEIR_LEAF_CHAIN 31 /* more than that: the reference leads to a struct weir_chain */
#define WEIR_PAGE_UNITS (WEIR_PAGE / 64)
#define WEIR_DEPTH_MAX	16 /* nodes from a root to a leaf */

/* A node of a tree parts the values of one field. One cache line. */
#define WEIR_NODE_WAYS 8
struct weir_node {
	__u32 value[WEIR_NODE_WAYS - 1]; /* ascending: the way is how many of them the field exceeds */
	__u32 dim;			 /* enum weir_dim */
	__u32 child[WEIR_NODE_WAYS];
} __attribute__((aligned(64)));

/* A leaf that no cut makes smaller: boxes in the rules' order, in as many pages as they need. */
struct weir_chain {
	__u32 first; /* in cache lines; a multiple of WEIR_LEAF_MAX */
	__u32 boxes;
} __attribute__((aligned(64)));

/* The head of a rule set: page 0. */
struct weir_ruleset_head {
	__u32 magic; /* WEIR_MAGIC */
	__u32 abi;
	__u32 generation;
	__u32 rules;
	__u32 pages; /* all */
	__u32 trees;
	__u32 root[WEIR_TREES_MAX]; /* of each tree */
	__u32 best[WEIR_TREES_MAX]; /* the lowest rule in it: a tree that cannot do better is not asked */
	__u32 rec_page; /* where records begin */
	__u32 text_page;
	__u32 text_len;
	__u32 checks; /* enum weir_check of all its rules */
	__u32 next_id; /* what the next new rule is called */
	__u32 policies; /* of `rules`, those at the end that are policies: they hold for other than IPv4, too */
} __attribute__((aligned(64)));

/* Behind the head in page 0, too, there are nodes. */
struct weir_page {
	union {
		struct weir_ruleset_head head;
		struct weir_node node[WEIR_PAGE_UNITS];
		struct weir_chain chain[WEIR_PAGE_UNITS];
		struct weir_box box[WEIR_PAGE_UNITS];
		struct weir_rule_rec rec[WEIR_PAGE_UNITS];
		char text[WEIR_PAGE];
	};
};

#define WEIR_NO_RULE 0xffffffff

/* What the filter says of a packet. */
struct weir_judged {
	__u32 rule; /* the one that decided, by its place; WEIR_NO_RULE: none */
	__u32 id, slot;	 /* of that rule */
	__u32 log_id;	 /* the first rule that matched and logs; 0: none */
	__u16 checks; /* enum weir_check: all that the verdict may depend on beside the ranges */
	__u8 verdict; /* enum weir_verdict; WEIR_VERDICT_COUNT: no rule decided */
	__u8 _pad;
};

/* Map `counts`, index cpu * slots + slot: what a rule matched. One writer per cell. */
struct weir_rule_count {
	__u64 packets;
	__u64 bytes;
};

/* Map `sets`: an element is a prefix of an address, or of a port's 16 bits. */
struct weir_elem_key {
	__u16 set;
	__u16 len; /* bits */
	__u32 value; /* host order, bits behind the prefix 0 */
};

struct weir_elem {
	__u32 added_s; /* CLOCK_MONOTONIC */
	__u32 turn;    /* 0: it is there; else from, or until, some rules: see weir_turn_shows() */
};

/*
 * What a file adds to a set, and takes from it, is there from, or until, the generation of rules that
 * comes with it, so that no packet meets the rules of one file and the sets of another.
 */
#define WEIR_TURN_UNTIL	     (1U << 31)
#define WEIR_TURN_NAT	     (1U << 30) /* of NAT's rules, and not the filter's */
#define WEIR_TURN_GENERATION (WEIR_TURN_NAT - 1)

/* Whether the element is there for rules of the generation and kind @now. The other kind's rules
 * stay, and go by what was there before until the change is done. */
static inline int weir_turn_shows(__u32 turn, __u32 now)
{
	int until = (turn & WEIR_TURN_UNTIL) != 0;

	if ((turn ^ now) & WEIR_TURN_NAT)
		return until;
	return ((now & WEIR_TURN_GENERATION) >= (turn & WEIR_TURN_GENERATION)) != until;
}

/* Map `set_info`, by the set's number: what is to be looked up. */
struct weir_set_info {
	char name[WEIR_SET_NAME];
	__u32 elems;
	__u16 bits; /* 32: addresses, 16: ports; 0: no such set */
	__u16 made; /* by the change on its way: it goes with it, should that fail */
	__u32 of_len[33]; /* elements of each length of prefix */
	__u32 turn;	  /* of the change on its way, as of elements that it adds; 0: none */
	__u64 lens; /* bit n: there are elements of n bits */
};

/* Map `buckets`: tokens left to a rule, or to an address or a flow of it. Its value is the programs'. */
struct weir_bucket_key {
	__u32 slot; /* the rule's */
	__u32 per;  /* address or hash; 0 where the rule has one bucket */
};

/* Map `logged`, a ring buffer: packets that a rule with `log` matched. */
#define WEIR_LOG_HEAD 128
#define WEIR_LOG_RATE 100 /* in an epoch on one CPU at one hook of a device */
#define WEIR_LOG_RING (1 << 18)

struct weir_log {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 rule;    /* the id of the first that matched and logs */
	__u32 decided; /* of the one that decided; 0: none did, or a policy */
	__u32 iif, oif; /* 0: local sender, this host */
	__u32 len;	/* of the whole frame */
	__u8 verdict;	/* enum weir_verdict; WEIR_VERDICT_COUNT: no rule decided */
	__u8 hook;	/* enum weir_hook */
	__u8 head_len;
	__u8 _pad;
	__u8 head[WEIR_LOG_HEAD];
};

/* Of values that are the programs' alone: locks and timers. */
#define WEIR_BUCKET_SIZE 32
#define WEIR_CHORES_SIZE 24

/* What befell limits, of all CPUs. */
struct weir_limits {
	__u64 full; /* own limit: packets taken for over the limit, since there was no room for a bucket */
	__u64 removed; /* buckets that were full again, and so were no longer needed */
	__u64 log_lost; /* own loss: logged packets that the ring had no room for */
	__u64 log_limited; /* own loss: those that WEIR_LOG_RATE forbade */
	__u64 zero;    /* nobody writes it, which the verifier cannot know: see unknown() */
};

#ifndef __bpf__
_Static_assert(sizeof(struct weir_box) == 64, "a box is a cache line");
_Static_assert(sizeof(struct weir_rule_rec) == 64, "a record is a cache line");
_Static_assert(sizeof(struct weir_node) == 64, "a node is a cache line");
_Static_assert(sizeof(struct weir_page) == WEIR_PAGE, "a page is a page");
_Static_assert(sizeof(struct weir_fields) == 48, "fields have no holes");
#endif

#endif
