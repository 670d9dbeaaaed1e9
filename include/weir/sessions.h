/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sessions and NAT, as BPF programs and user space share them.
 *
 * A session is one record for both directions. It is found by what its packets look like:
 *
 *	orig   as the first packet came in          a ─▶ b     the inside's, where NAT is source NAT
 *	xlat   as that packet leaves                a' ─▶ b'
 *	reply  as an answer comes in                b' ─▶ a'
 *	mid    where both ends are translated: between the two, as the kernel sees it   a ─▶ b', b' ─▶ a
 *
 * each an entry of `session_index`, but most answers are found by the name that they are for. A mapping
 * (RFC 4787, 4.1) is what an endpoint of the inside is called outside; sessions share it, and it holds the
 * port. Times are in epochs (WEIR_EPOCH_NS).
 */
#ifndef WEIR_SESSIONS_H
#define WEIR_SESSIONS_H

#include <linux/types.h>
#include "abi.h"

#define WEIR_SESSIONS_DEFAULT 262144
#define WEIR_SESSIONS_MIN     64
#define WEIR_SESSIONS_MAX     16777216
#define WEIR_POOL_ADDRS_MAX   4096 /* addresses, and masquerading devices, that ports are given of */
#define WEIR_FRAGS_MAX	      8192 /* fragmented packets whose first fragment was seen */

/*
 * How long a session lasts without a packet, in seconds: name, default, least, text. A least is what
 * the RFC lets nobody go below.
 */
#define WEIR_TIMEOUTS(T)                                                                           \
	T(udp, 300, 120, "UDP: RFC 4787 REQ-5")                                                    \
	T(tcp_established, 7440, 7440, "TCP, both ends open: RFC 5382 REQ-5")                      \
	T(tcp_transitory, 240, 240, "TCP, opening, closing or reset: RFC 5382 REQ-5, RFC 7857 2")  \
	T(icmp, 60, 60, "ICMP queries: RFC 5508 REQ-2")                                            \
	T(other, 600, 60, "other protocols")

enum weir_timeout {
#define T(id, seconds, least, text) WEIR_TIMEOUT_##id,
	WEIR_TIMEOUTS(T)
#undef T
		WEIR_TIMEOUT_COUNT
};

#define WEIR_TIMEOUT_MAX_S 604800

/* A packet's ends. Network order. ICMP queries: their id is the asker's port, the type of the request
 * the other one. Without ports: 0. */
struct weir_tuple {
	__u32 saddr, daddr;
	__u16 sport, dport;
	__u8 proto;
	__u8 kind; /* of what is looked for: WEIR_KEY_tuple, or of mappings */
	__u16 _pad;
	__u32 more; /* mappings: the rule that made them */
};

/* What an entry of the index leads to. */
#define WEIR_REFS(REF)                                                                             \
	REF(orig)                                                                                  \
	REF(reply)                                                                                 \
	REF(mid_orig)                                                                              \
	REF(mid_reply)                                                                             \
	REF(map_in)                                                                                \
	REF(map_out)                                                                               \
	REF(permit)

enum weir_ref {
#define REF(id) WEIR_REF_##id,
	WEIR_REFS(REF)
#undef REF
		WEIR_REF_COUNT
};

/* Kinds of keys: the first four kinds of entries share one. */
enum weir_key { WEIR_KEY_tuple, WEIR_KEY_map_in, WEIR_KEY_map_out, WEIR_KEY_permit };

/*
 * Map `session_index`: buckets, a cache line each; a key may be in up to WEIR_PROBES. An entry is the key's
 * tag, then what it leads to; 0 is none. `version` of a key's first bucket moves when something is put under that key:
 * whoever has not found it and goes by that looks there again.
 */
#define WEIR_BUCKET_WAYS 7
#define WEIR_PROBES	 8
#define WEIR_REF_SHIFT	 28 /* of an entry's lower half: kind above, number of the record below */
#define WEIR_REF_RECORD	 ((1U << WEIR_REF_SHIFT) - 1)

struct weir_index_bucket {
	__u32 version;
	__u32 passed; /* keys that belong here and are elsewhere, since it was full */
	__u64 entry[WEIR_BUCKET_WAYS];
} __attribute__((aligned(64)));

/* Of the index, a power of two: three places for each session at least. Most need one or two. */
static inline __u32 weir_index_buckets(__u32 sessions)
{
	__u32 buckets = WEIR_SESSIONS_MIN;

	while (buckets < sessions / 2)
		buckets *= 2;
	return buckets;
}

/*
 * Map `names`, in lines: which mapping an address and port outside is; ports have slots side by side. A slot
 * holds the number of the mapping plus one, of which it is to be seen whether it is the one; a name whose slot
 * is another's is in the index. Above are counted the mappings that would have had this name, had it been
 * free: they are found by the index. As many as can be counted are never forgotten again.
 */
#define WEIR_NAME_ASIDE	    (1U << 25)
#define WEIR_NAME_MAPPING   (WEIR_NAME_ASIDE - 1)
#define WEIR_NAME_ASIDE_MAX 127

#define WEIR_NAME_SLOTS	    16

struct weir_name_line {
	__u32 slot[WEIR_NAME_SLOTS];
} __attribute__((aligned(64)));

/* Of names, a power of two: two slots for each session at least. */
static inline __u32 weir_name_lines(__u32 sessions)
{
	return 4 * weir_index_buckets(sessions) / WEIR_NAME_SLOTS;
}

#define WEIR_SESSION_NEW 0xffffffff /* in place of a number plus one: it would be made */

/* A record's life. */
enum weir_life { WEIR_LIFE_FREE, WEIR_LIFE_MAKING, WEIR_LIFE_LIVE, WEIR_LIFE_ENDING };

enum weir_session_flag {
	WEIR_SESSION_REPLIED = 1 << 0, /* packets have gone both ways */
	WEIR_SESSION_SRC = 1 << 1,     /* the source is translated, on the way there */
	WEIR_SESSION_DST = 1 << 2,     /* the destination is */
	WEIR_SESSION_INBOUND = 1 << 3, /* begun from outside, through a mapping */
	WEIR_SESSION_HAIRPIN = 1 << 4, /* from inside to inside, by an outside address */
	WEIR_SESSION_LOCAL = 1 << 5,   /* one end is this host */
	WEIR_SESSION_MASQUERADE = 1 << 6, /* ends when the device's address is another */
	WEIR_SESSION_PORT = 1 << 7, /* the source has another port, by which answers differ; only DST else */

	/* what TCP's ends have sent: the one that began, and, shifted by WEIR_TCP_REPLY, the other */
	WEIR_TCP_SYN = 1 << 8,
	WEIR_TCP_ACK = 1 << 9,
	WEIR_TCP_FIN = 1 << 10,
	WEIR_TCP_RST = 1 << 11,
	WEIR_TCP_ALL = 0xff00,
};
#define WEIR_TCP_REPLY 4

/* Map `sessions`. The first cache line is what each packet touches; `serial` moves when a record begins
 * and when it ends, so who goes by it need not look at the rest. */
struct weir_session {
	__u32 serial;
	__u32 seen;  /* epoch of the last packet */
	__u32 life;  /* enum weir_life */
	__u32 flags; /* enum weir_session_flag */
	__u32 mapping; /* number plus one, of the source's; 0 = none */
	__u32 permit; /* number plus one, of the record that lets answers from that address in; 0 = none */
	struct weir_count count[2]; /* there, back */
	__u32 rule_src, rule_dst; /* ids of the NAT rules that translate; 0 = none */

	__u32 saddr, daddr; /* orig; network order, as all of these */
	__u16 sport, dport;
	__u32 xsaddr, xdaddr; /* xlat */
	__u16 xsport, xdport;
	__u8 proto;
	__u8 _pad[3];
	__u32 iif, oif; /* of the first packet; 0: this host */
	__u32 born;	/* epoch */
	__u32 outside;	/* ifindex of the NAT rule's device */
	__u32 mapping_in; /* number plus one, of the mapping that it came in by; 0 = none */
	__u32 _pad2[4];
} __attribute__((aligned(64)));

/* How long it lasts without a packet: what of its ends was seen says which. */
static inline enum weir_timeout weir_session_timeout(__u8 proto, __u32 flags)
{
	__u32 both = WEIR_TCP_ACK | WEIR_TCP_ACK << WEIR_TCP_REPLY;

	if (proto == 17)
		return WEIR_TIMEOUT_udp;
	if (proto == 1)
		return WEIR_TIMEOUT_icmp;
	if (proto != 6)
		return WEIR_TIMEOUT_other;
	if (flags & (WEIR_TCP_RST | WEIR_TCP_RST << WEIR_TCP_REPLY) || (flags & both) != both)
		return WEIR_TIMEOUT_tcp_transitory;
	both = WEIR_TCP_FIN | WEIR_TCP_FIN << WEIR_TCP_REPLY;
	return (flags & both) == both ? WEIR_TIMEOUT_tcp_transitory
				      : WEIR_TIMEOUT_tcp_established;
}

/* Map `mappings`: an endpoint of the inside, and its name outside; or, as `permit`, that an outside
 * address may send there. */
struct weir_mapping {
	__u32 refs; /* sessions that hold it; 0 = free, or going */
	__u32 addr; /* outside; network order, as all of these */
	__u32 inside;
	__u32 remote; /* what the mapping depends on, or who is permitted; 0 = nothing */
	__u16 port, inside_port, remote_port;
	__u8 proto;
	__u8 key;  /* WEIR_KEY_map_in, or WEIR_KEY_permit */
	__u32 rule; /* id */
	__u16 pool; /* whose ports: number in `pool_ports` plus one; 0 = no port is held */
	__u8 filtering; /* enum weir_dependency: who may begin from outside */
	__u8 masquerade; /* addr is what the device had then, and part of what it is found by */
	__u32 first; /* number plus one, of the session whose answers are found by the name; 0 = none */
	__u32 aside; /* the slot, plus one, that counts it: it is found by the index; 0 = by its name */
};

/*
 * Map `pool_ports`, by number, of maps of one address each: WEIR_PORT_LINES lines of 512 bits, a set
 * bit is a port in use. A protocol has two planes, of even and odd ports, and a plane a last line whose
 * bits are words of it that have no free port left.
 */
#define WEIR_PORT_PROTOS      3 /* UDP, TCP, ICMP queries */
#define WEIR_PLANE_LINES      64
#define WEIR_PORT_PLANE	      (WEIR_PLANE_LINES + 1)
#define WEIR_PORT_LINES	      (WEIR_PORT_PROTOS * 2 * WEIR_PORT_PLANE)

struct weir_port_line {
	__u64 word[8];
} __attribute__((aligned(64)));

/* Map `pools`: whose ports are where: of an address, or of a device's own one. */
struct weir_pool_key {
	__u32 addr; /* network order; 0: the device's */
	__u32 dev;  /* ifindex; 0: none */
};

/* Each device that NAT rules name as the outside has an entry, with or without ports, and each number. */
struct weir_pool {
	__u32 number; /* in `pool_ports`; WEIR_POOL_NONE */
	__u32 dev;    /* the outside: where it is translated to this */
};

#define WEIR_POOL_NONE 0xffffffff
#define WEIR_POOL_NUMBERED 0xffffffff /* addr of a key whose dev is a pool's number */

/* Map `frags`, by a fragmented packet: which session its first fragment was of. */
struct weir_frag_key {
	__u32 saddr, daddr; /* network order, as it came in */
	__u16 id;
	__u8 proto;
	__u8 egress; /* as TC egress met it */
};

struct weir_frag_session {
	__u32 session; /* number plus one; 0: of none, and left as it is */
	__u32 serial;
	__u32 seen; /* epoch */
	__u8 ref;   /* enum weir_ref by which it was found */
	__u8 turned; /* it was found by its answer's ends */
	__u8 _pad[2];
};

/*
 * Map `frags_left`, lines of slots: fragmented packets that the kernel puts together, so that all
 * their fragments are to go there. A slot holds a hash of the packet above and the epoch below; two
 * packets of one hash go the same way, which is right for both. 0: free.
 */
#define WEIR_FRAG_SLOTS 8
#define WEIR_FRAG_LINES (WEIR_FRAGS_MAX / WEIR_FRAG_SLOTS)

struct weir_frag_line {
	__u64 slot[WEIR_FRAG_SLOTS];
};

/* In the hash: a later fragment went there first, as it had come in. */
#define WEIR_FRAG_AHEAD (1ULL << 32)

#define WEIR_FRAG_EPOCHS 600 /* 30 s, as net.ipv4.ipfrag_time */

/* Map `nat`, one entry: settings, which user space writes, and what became of sessions. */
struct weir_nat_state {
	__u32 timeout_s[WEIR_TIMEOUT_COUNT];
	__u32 sessions_max, mappings_max;
	__u32 sessions_used, mappings_used; /* records that were in use ever */
	__u32 index_mask; /* buckets of the index, less one */
	__u32 names_mask; /* slots of `names`, less one */
	__u32 names_apart; /* names that are in the index, since their slot is another's */
	__u32 seed;   /* of the index, by chance, so that nobody can fill a bucket on purpose */
	__u32 states; /* filter rules ask for states: what is not translated has sessions, too */
	__u32 sweep;  /* the session that the sweeper looks at next */
	__u32 defrag; /* the kernel puts packets together before it forwards them */
	__u32 _pad;
	__u64 created, ended; /* the difference is how many there are */
	__u64 expired;	      /* of ended, those whose time was over */
	__u64 sessions_full;  /* own limit: packets of sessions that there was no room for */
	__u64 mappings_full;
	__u64 index_full;
	__u64 frags_full; /* own limit: fragmented packets that there was no room to remember */
	__u64 ports_full; /* no free port in the rule's pool */
	__u64 clashes;	  /* answers to it would have been another session's */
};

/* What a session is said to be. */
#define WEIR_SESSION_STATES(STATE)                                                                 \
	STATE(new, "packets have gone one way so far")                                             \
	STATE(replied, "packets have gone both ways")                                              \
	STATE(opening, "TCP: not both ends have opened it")                                        \
	STATE(established, "TCP: both ends have")                                                  \
	STATE(closing, "TCP: one end has said that it has no more to send")                        \
	STATE(reset, "TCP: one end has broken it off")

enum weir_session_state {
#define STATE(id, text) WEIR_SESSION_IS_##id,
	WEIR_SESSION_STATES(STATE)
#undef STATE
		WEIR_SESSION_STATE_COUNT
};

static inline enum weir_session_state weir_session_state(const struct weir_session *s)
{
	__u32 both = s->flags | s->flags >> WEIR_TCP_REPLY;

	if (s->proto != 6) /* IPPROTO_TCP */
		return s->flags & WEIR_SESSION_REPLIED ? WEIR_SESSION_IS_replied
						       : WEIR_SESSION_IS_new;
	if (both & WEIR_TCP_RST)
		return WEIR_SESSION_IS_reset;
	if (both & WEIR_TCP_FIN)
		return WEIR_SESSION_IS_closing;
	return weir_session_timeout(s->proto, s->flags) == WEIR_TIMEOUT_tcp_established
		       ? WEIR_SESSION_IS_established
		       : WEIR_SESSION_IS_opening;
}

/* Which sessions `session show` and `session flush` mean: 0 is any. Address and port are of one end, either, as
 * it is inside or outside. */
struct weir_flush {
	__u32 addr, mask; /* network order */
	__u32 rule;	  /* id */
	__u16 port; /* network order */
	__u8 proto;
	__u8 _pad;
	__u32 states; /* bits of enum weir_session_state; 0: any */
	__u32 from;   /* the session that is looked at next; each run goes on by WEIR_FLUSH_STEP */
	__u32 ended;  /* out */
};

#define WEIR_FLUSH_STEP 32768

static inline int weir_flush_is_end(const struct weir_flush *f, __u32 addr, __u16 port)
{
	return !((addr ^ f->addr) & f->mask) && (!f->port || f->port == port);
}

static inline int weir_session_matches(const struct weir_session *s, const struct weir_flush *f)
{
	if (f->proto && f->proto != s->proto)
		return 0;
	if (f->rule && f->rule != s->rule_src && f->rule != s->rule_dst)
		return 0;
	if (f->states && !(f->states >> weir_session_state(s) & 1))
		return 0;
	return weir_flush_is_end(f, s->saddr, s->sport) || weir_flush_is_end(f, s->daddr, s->dport) ||
	       weir_flush_is_end(f, s->xsaddr, s->xsport) ||
	       weir_flush_is_end(f, s->xdaddr, s->xdport);
}

#ifndef __bpf__
_Static_assert(sizeof(struct weir_session) == 128, "a session is two cache lines");
_Static_assert(__builtin_offsetof(struct weir_session, saddr) == 64, "a packet touches the first");
_Static_assert(sizeof(struct weir_mapping) == 40, "a mapping has no holes");
_Static_assert(sizeof(struct weir_index_bucket) == 64, "a bucket is a cache line");
_Static_assert(sizeof(struct weir_tuple) == 20, "a key has no holes");
#endif

#endif
