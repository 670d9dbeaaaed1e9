/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tests of the BPF programs share: a router in a network namespace of the test's own, a
 * hook's program loaded for its ingress device, frames to run through it, and its counters.
 *
 *	IN 192.0.2.254/24 ---- a program ---+---- OUT   198.51.100.254/24
 *	                                    +---- SMALL 203.0.113.254/24, MTU 576
 *	NOFWD, forwarding=0                 +---- BARE  198.18.254.254/24, takes no redirected frames
 *
 * Nothing is sent: the kernel runs the program on a copy of the frame and hands that back. The
 * functions assert by themselves; a test that goes on has what it asked for.
 */
#ifndef TESTS_PROG_H
#define TESTS_PROG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/types.h>
#include <weir/abi.h>
#include <weir/rules.h>
#include <weir/sessions.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Skips the test in hand; tests/run shows @why. */
#define skip_because(...)                                                                          \
	do {                                                                                       \
		print_message("# skip: " __VA_ARGS__);                                             \
		print_message("\n");                                                               \
		skip();                                                                            \
	} while (0)

/* --- net.c: the router --- */

enum port { PORT_IN, PORT_OUT, PORT_SMALL, PORT_BARE, PORT_NOFWD, PORT_COUNT };

#define HOST	   "192.0.2.1"	   /* behind IN: where frames come from */
#define INNER	   "192.0.2.2"	   /* a second host there */
#define ROUTER	   "192.0.2.254"   /* IN's own address */
#define HOP	   "198.51.100.1"  /* behind OUT; all its neighbours are permanent but one */
#define HOP_LOST   "198.51.100.99" /* behind OUT, unresolved */
#define SMALL_HOP  "203.0.113.1"
#define BARE_HOP   "198.18.254.1"
#define FAR	   "198.18.1.9" /* via HOP */
#define BLACK	   "198.18.2.9"
#define UNREACHED  "198.18.3.9"
#define PROHIBITED "198.18.4.9"
#define TUNNELED   "198.18.5.9"	 /* lightweight tunnel; see net_has_lwt() */
#define FAR6	   "198.18.6.9"	 /* via an IPv6 next hop on OUT (RFC 5549) */
#define FAR_LOST   "198.18.7.9"	 /* via HOP_LOST */
#define RULED	   "198.18.8.9"	 /* via HOP; UDP and TCP to RULED_PORT: blackhole */
#define TOS_RULED  "198.18.10.9" /* via HOP; TOS 0x10: blackhole */
#define NO_ROUTE   "198.18.99.9"
#define RULED_PORT 4242
#define MANY_HOPS  300 /* neighbours 198.19.0.0 + i behind OUT, see net_many_hop() */
#define SMALL_MTU  576
#define IN_QUEUES  4

/* A group's setup: the namespace and all above. Returns 0, or -1 having told why. Called again, it
 * leaves the namespace that was for a new one. */
int net_up(void);
/* The same without ip rules: what the FIB says follows from addresses, TOS and device alone. (The
 * kernel does not forget that a namespace has had a rule.) */
int net_up_plain(void);
/* Runs `ip` with the words given; its exit code. */
int net_ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Writes below /proc/sys/net/ipv4. */
void net_sysctl(const char *name, const char *value);
__u32 net_ifindex(enum port port);
void net_mac(enum port port, __u8 mac[6]);     /* the device's own */
void net_hop_mac(enum port port, __u8 mac[6]); /* of the first neighbour behind it */
void net_many_hop(unsigned int i, char addr[16]);
bool net_has_lwt(void);
bool net_has_ipv6(void);
bool net_has_xfrm(void); /* and this `ip` its policies */
/* Prints TAP for `not root` and returns false, so that main() can end. */
bool net_allowed(void);

/* --- frame.c: frames --- */

/* Where the fields are. */
enum {
	AT_ETH_DST = 0,
	AT_ETH_SRC = 6,
	AT_ETH_TYPE = 12,
	AT_IP_START = 14,
	AT_IP_TOS = 15,
	AT_IP_LEN = 16,
	AT_IP_ID = 18,
	AT_IP_FRAG = 20,
	AT_IP_TTL = 22,
	AT_IP_PROTO = 23,
	AT_IP_CHECK = 24,
	AT_IP_SRC = 26,
	AT_IP_DST = 30,
	AT_L4 = 34,
	AT_L4_DPORT = 36,
	AT_UDP_LEN = 38,
	AT_UDP_CHECK = 40,
	AT_SCTP_CRC = 42,
	AT_TCP_CHECK = 50,
};

enum {
	PROTO_ICMP = 1,
	PROTO_IPIP = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_IPV6 = 41,
	PROTO_GRE = 47,
	PROTO_ESP = 50,
	PROTO_SCTP = 132,
	PROTO_UDPLITE = 136
};

#define FRAME_MAX 16384
#define META_MAX  256

struct frame {
	__u32 len;
	__u8 data[FRAME_MAX];
};

void put8(struct frame *f, unsigned int at, unsigned int v);
void put16(struct frame *f, unsigned int at, unsigned int v);
void put32(struct frame *f, unsigned int at, __u32 v);
void put_addr(struct frame *f, unsigned int at, const char *addr);
unsigned int get16(const struct frame *f, unsigned int at);

/* From HOST to @dst by way of IN, TTL 64, @l4_len bytes behind the IP header (a shorter one than
 * the protocol's cuts it), all checksums right. */
void frame_make(struct frame *f, unsigned int proto, const char *dst, __u32 l4_len);
/* Makes the header's checksum right, and UDP's and TCP's where there is one. */
void frame_seal(struct frame *f);
void frame_seal_ip(struct frame *f);
/* As a local sender leaves it: the AT_L4 checksum holds the pseudo-header's sum only. */
void frame_open(struct frame *f);
/* Appends bytes that belong to no packet, up to @len. */
void frame_pad(struct frame *f, __u32 len);
/* One's complement sum, folded, of big-endian words; @sum to begin with. */
unsigned int sum16(const __u8 *data, size_t len, __u32 sum);
/* Of the pseudo-header of the frame's packet. */
unsigned int frame_pseudo(const struct frame *f);
/* What a router makes of @in on its way out by @port: MACs, TTL, the checksum computed anew. */
void frame_forwarded(struct frame *want, const struct frame *in, enum port port);
/* Byte for byte; on failure the first that differs is named, with @what and @nr. */
void assert_frame(
	const struct frame *got, const struct frame *want, const char *what, unsigned int nr);

/* --- prog.c: the program --- */

struct bpf_object;
struct bpf_program;

/* Zero is what most tests want: native XDP, a virtual device, one queue, next hops confirmed. */
struct prog_opts {
	enum weir_hook hook;
	bool physical; /* not dev_virtual */
	bool generic;
	bool fib_refuses;	  /* bpf_fib_lookup is asked wrongly, so that it answers -EINVAL */
	bool small_rows;	  /* rows for the first CPU only */
	bool small_flows;	  /* routes for the first CPU only */
	bool one_pair;		  /* as many routes as a key has slots, for each CPU: all flows meet in the slots of one key */
	bool neigh_full;	  /* no room for hops but those confirmed for good */
	enum port port;		  /* the device that it is loaded for */
	const struct prog *share; /* the routes are this one's, as they are within a namespace */
	const struct prog *chores; /* its timers are this one's */
	bool filter; /* it asks rules: rules.c */
	bool track;  /* it follows sessions, @share's if there is one: nat.c */
	__u32 queues;
};

#define HOPS_EACH 128

struct prog {
	enum weir_hook hook;
	struct bpf_object *obj;
	struct bpf_program *prog;
	/* the maps in memory */
	struct weir_ctl *ctl;
	struct weir_conf *conf;
	struct weir_cursor *cursor, *cursor_tc;
	struct weir_row *rows;
	struct weir_lat *lat;
	struct weir_flow *flows;
	struct weir_hop *hops; /* HOPS_EACH for a CPU */
	struct weir_nat_state *nat;
	struct weir_session *sessions; /* PROG_SESSIONS */
	struct weir_mapping *mappings; /* as many */
	__u32 *names; /* as many */
	struct weir_index_bucket *index; /* and of its buckets */
	__u32 cpus, queues, nr_rows, nr_flows;
	__u32 flows_each; /* for a CPU */
	enum port own;	   /* the device it is loaded for */
	/* how the next frames come in */
	enum port ingress;
	__u32 queue;  /* XDP; the kernel lets no test say which of an skb */
	__u32 linear; /* XDP: bytes in the first buffer, 0 = as many as fit */
	__u32 meta;   /* XDP: bytes before the frame that belong to it, out of the room there */
	bool local; /* TC: sent by this host itself */
	__u32 gso_size, gso_segs; /* TC: what a superframe's segments carry, and how many they are */
};

struct ran {
	__u32 verdict;
	__u32 inflight; /* on this CPU, before it was set to 0 again */
	__u32 meta_len; /* XDP: bytes that lie before the frame */
	__u8 meta[META_MAX];
	struct frame out;
};

void prog_load(struct prog *p, const struct prog_opts *o);
void prog_unload(struct prog *p);
/* One for each hook that packets come in by, with its place in @progs. */
void prog_load_ingress(struct prog progs[WEIR_HOOK_COUNT], struct prog_opts o);
/* For cmocka, of all that are loaded: prog_reset(), before a test; prog_unload(), at the end. */
int prog_fresh(void **state);
int prog_down(void **state);
/* What flows keep is asked anew by all that are loaded: their generation moves. */
void prog_all_moved(void);
/* The descriptor of one of its maps. */
int prog_map(const struct prog *p, const char *name);
/* Writes into one of its maps. */
void prog_put(const struct prog *p, const char *map, const void *key, const void *value);
/* This CPU's cursor of the program's hook. */
struct weir_cursor *prog_cursor(const struct prog *p);
/* What the hook answers for an exit of @kind. */
__u32 prog_verdict(const struct prog *p, enum weir_kind kind, bool punt_drop);
/* Counters, latencies, cursors, cut, routes, sources, confirmations: as after loading. */
void prog_reset(struct prog *p);
/* 0, or -errno where the kernel does not take the frame. Whatever was in flight is taken as sent.
 */
int prog_try(struct prog *p, const struct frame *in, struct ran *ran);
void prog_run(struct prog *p, const struct frame *in, struct ran *ran);
/* The process runs on the @nr-th CPU it may run on; false where there is none. */
bool prog_on_cpu(unsigned int nr);
__u32 prog_cpu(void);
/* Forgets what the FIB said: the next packet of each flow asks anew. */
void prog_forget_flows(struct prog *p);
/* How many answers of the FIB this CPU has kept since, live or not. */
__u32 prog_kept(const struct prog *p);
/* The entry of @f's addresses and TOS on this CPU, NULL if there is none. */
struct weir_flow *prog_flow(struct prog *p, const struct frame *f);
/* Its next hop. */
struct weir_hop *prog_hop(const struct prog *p, const struct weir_flow *r);
/* Gives @f's entry a MAC that no FIB has said: what goes there was answered by the entry. */
#define FORGED 0x9999
void prog_forge(struct prog *p, const struct frame *f);
/* Multipath hashing over ports too, which makes them part of the key; returns once @p knows. */
void prog_hash_ports(struct prog *p, bool on);
/* So old that no packet takes it for live. */
void prog_flow_age(struct weir_flow *r);
/* Packets that claim to come from @addr are the kernel's; or no longer. */
void prog_local(struct prog *p, const char *addr, bool on);
/* In steps of WEIR_EPOCH_NS, as the kernel's coarse clock said so long ago. */
__u32 clock_epoch(unsigned int ms_ago);
/* The epoch in which this CPU's last packet was. */
__u32 prog_epoch(const struct prog *p);
/* Next hops confirmed for good, or all forgotten and the routes too. */
void prog_confirm(struct prog *p);
void prog_forget_hops(struct prog *p);
void prog_forget(struct prog *p);
int prog_neigh_due(struct prog *p, enum port port, const char *hop, __u64 *due_ns);
void prog_reachable(struct prog *p, enum port port, __u32 ms);
void prog_port_add(struct prog *p, __u32 ifindex, __u32 reachable_ms);
void prog_port_remove(struct prog *p, enum port port);

/* --- rules.c --- */

#define PROG_SLOTS 4096 /* counters of rules for a CPU */

struct weir_ruleset_model;

/* Puts rules and policies, a line each, in place of those there; what they are is the caller's to
 * free. A rule's slot is its place. */
void prog_rules(struct prog *p, const char *text, struct weir_ruleset_model *model);
/* The same of model->kind. */
void prog_rules_of(struct prog *p, const char *text, struct weir_ruleset_model *model);
/* What rules have matched, by their places, policies last; and from now on again. */
void prog_counted(const struct prog *p, struct weir_rule_count count[PROG_SLOTS]);
void prog_uncount(const struct prog *p);

/* --- nat.c --- */

#define PROG_SESSIONS 4096
#define PROG_HOPS     5 /* that prog_confirm() confirms */

/* Puts NAT rules, a line each, in place of those there, and all sessions away; ports of this CPU's chance. */
void prog_nat(struct prog *p, const char *text);
/* The live session whose packets look so as they come in, there or back; NULL. Ports in host order. */
struct weir_session *prog_session(
	const struct prog *p, unsigned int proto, const char *src, unsigned int sport);
/* Flows tell their sessions now and then; this does it at once. */
void prog_settle(const struct prog *p);
/* How many are live. */
unsigned int prog_sessions(const struct prog *p);
/* Returns once the sweeper has left so many. */
void prog_sessions_wait(const struct prog *p, unsigned int nr);
/* Ports of a pool's number that are in use: UDP 0, TCP 1, ICMP 2. */
/* Index and names have what sessions and mappings are to be found by, and nothing else. */
void prog_index_holds(const struct prog *p);
unsigned int prog_ports(const struct prog *p, __u32 pool, unsigned int proto);
/* Ends those that are meant; how many they were. */
unsigned int prog_flush_match(const struct prog *p, const struct weir_flush *match);
/* Ends all that there are. */
void prog_flush(const struct prog *p);
/* The same while others begin. */
void prog_flush_among(const struct prog *p);

/* --- oracle.c --- */

#define ONWARD WEIR_EXIT_COUNT /* nothing wrong with it, on to the route */

/* What the parser at @hook must make of a frame that comes in by a device of address @mac. */
enum weir_exit oracle(const struct frame *f, const __u8 mac[6], enum weir_hook hook);
/* An exit as the oracle knows it: what routing makes of a frame is ONWARD. */
enum weir_exit oracle_part(enum weir_exit exit);

/* --- the counters --- */

/* All rows added. */
void prog_sum(const struct prog *p, struct weir_row *sum);
__u64 prog_exits(const struct prog *p, enum weir_exit exit);
enum weir_kind exit_kind(enum weir_exit exit);
const char *exit_name(enum weir_exit exit);
/* The one that is called @exit at the link layer of XDP, at another hook: xdp/ARP, tc_ingress/ARP.
 * WEIR_EXIT_COUNT where that has none. */
enum weir_exit exit_at(enum weir_hook hook, enum weir_exit exit);
/* All that was counted since the reset is one packet of @bytes that left by @exit. */
void assert_only_exit(const struct prog *p, enum weir_exit exit, bool punt_dropped, __u64 bytes);
/* Counters alone to 0. */
void prog_zero(struct prog *p);
/* Runs @in with counters from 0 and returns the exit, asserting that there is just one. */
enum weir_exit prog_exit(struct prog *p, const struct frame *in, struct ran *ran);
/* The same with all that is kept (but flows that are aged) of @age epochs, however slow the machine. */
enum weir_exit prog_exit_at(struct prog *p, const struct frame *in, struct ran *ran, __u32 age);

/* What became of a packet. */
struct way {
	enum weir_exit exit;
	unsigned int hop; /* the last two bytes of the MAC it goes to; 0 if it does not go out */
};
#define HOP_MAC		   0x0101 /* HOP's */
#define SMALL_HOP_MAC	   0x0201
#define OUT_BY(mac)	   ((struct way){WEIR_EXIT_xmit_NONE, mac})
#define LEFT(stage, cause) ((struct way){WEIR_EXIT_##stage##_##cause, 0})
/* Runs @in as prog_exit() and prog_exit_at() do, and asserts all of the frame that comes out. */
struct way prog_way(struct prog *p, const struct frame *in);
struct way prog_way_at(struct prog *p, const struct frame *in, __u32 age);
bool same_way(struct way a, struct way b);
void assert_same_way(struct way got, struct way want, const char *what);
/* Runs @in and asserts its exit, the verdict that belongs to it, and the frame that comes out: as
 * forwarded by @port, else unchanged. */
void assert_way(struct prog *p, const struct frame *in, enum weir_exit exit, enum port port);

#define assert_way_is(p, f, want) assert_same_way(prog_way(p, f), want, #want)
/* The answer while what is kept is live. */
#define assert_kept_way(p, f, want) assert_same_way(prog_way_at(p, f, 0), want, #want)

#define assert_exit(got, want)                                                                     \
	do {                                                                                       \
		enum weir_exit got_ = (got), want_ = (want);                                       \
		if (got_ != want_)                                                                 \
			fail_msg("%s, not %s", exit_name(got_), exit_name(want_));                 \
	} while (0)

#endif
