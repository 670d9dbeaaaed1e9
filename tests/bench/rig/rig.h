/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bench's rig: a lab (tools/lab), a sink at its server, and one peer at a time at its router.
 *
 * Functions return 0 or -errno and have then told why on stderr: the bench is a test, not a
 * library.
 */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

/* What forwards at the router: see the table in peers.c. */
enum peer {
	PEER_FLOOR,
	PEER_XDP_FIB,
	PEER_WEIR,
	PEER_WEIR_LATENCY,
	PEER_WEIR_CAPTURE,
	PEER_IP_FORWARD,
	PEER_TC_FIB,
	PEER_WEIR_TC,
	PEER_WEIR_10,
	PEER_WEIR_10K,
	PEER_NFT_SETS,
	PEER_NFT_LINEAR,
	PEER_IPTABLES,
	PEER_WEIR_NAT,
	PEER_NFT_NAT,
	PEER_IPTABLES_NAT,
	PEER_WEIR_ALL,
	PEER_WEIR_POOL,
	PEER_WEIR_POOL_FULL,
	PEER_UNTRACED,
	PEER_K_COUNTERS,
	PEER_K_FULL,
	PEER_K_LATENCY,
	PEER_K_DUTY,
	PEER_LRU,
	PEER_BPFTRACE,
	PEER_PERF,
	PEER_COUNT
};

enum { PEER_COMMANDS = 5 };

/* By what it is told that a tracer saw the frames. */
enum witness {
	WITNESS_NONE,
	WITNESS_COUNTER, /* weir: a counter of the kernel's, each frame */
	WITNESS_EVENT,	 /* weir: each frame */
	WITNESS_PART,	 /* weir: some of them */
	WITNESS_LRU,
	WITNESS_BESIDE, /* a process that writes it when it ends */
};

/* Commands are a shell's, in the router's namespace. $RULES is the folder with the rules. */
struct peer_info {
	const char *name, *what;
	const char *prog;		 /* of peers.bpf.c, at r0 and r1 */
	const char *weir[PEER_COMMANDS]; /* commands of weir */
	const char *undo[PEER_COMMANDS]; /* of weir, after `dev detach all` */
	const char *try;		 /* in no lab: fails where the machine has no such peer */
	const char *up, *down;
	const char *source; /* NAT: the only address that may come out */
	bool traced;	    /* `weir trace` runs beside it */
	const char *beside; /* runs while frames flow; a shell's command */
	enum witness witness;
	bool rules;   /* it needs the rules written */
	__u32 slower; /* it is sent one frame in so many, to take as long; 0 = all */
	__u32 warm;   /* frames before those that count; 0 = as its load says */
};

enum sender {
	SENDER_GEN,    /* weir-gen, redirected frames with complete checksums */
	SENDER_SOCKET, /* a UDP socket at the client, checksums left open */
	SENDER_COUNT
};

enum traffic {
	TRAFFIC_PLAIN, /* one host to one host, another port for each flow */
	TRAFFIC_MIXED, /* addresses and ports by chance, of what the rules are about */
	TRAFFIC_POOL,  /* 128 ports of one host after another: all hosts want the same ports */
	TRAFFIC_LOCAL, /* to a socket at the router */
};

enum { SEND_CPU = 0, OTHER_CPU = 1 };

extern const struct peer_info peer_info[PEER_COUNT];
extern const char *const sender_names[SENDER_COUNT];

struct peers_bpf;
struct peers_bpf__bss;
struct lru_bpf;
struct bpf_link;
struct bpf_program;

struct rig {
	const char *lab;
	char build[256]; /* directory that holds the programs */
	char rules[300]; /* and the rules of the peers that filter */
	bool rules_written;
	int home, client, router, server; /* network namespaces */
	struct peers_bpf *peers;
	struct bpf_link *sink, *strays, *r0, *r1;
	enum peer peer;
	bool peer_on;
	int tracer;	/* process; 0 = none */
	int tracer_out; /* what it writes */
	struct lru_bpf *lru;
	char lacks[PEER_COUNT][240]; /* why a peer cannot be measured; empty = it can */
};

struct load {
	enum sender sender;
	enum traffic traffic;
	__u32 flows; /* 0 = each frame is another's */
	__u32 bytes; /* of a frame without FCS */
	__u64 warm;  /* frames before those that count */
	__u64 count; /* frames that count; 0 = by time */
	__u64 rate;  /* frames a second; 0 = as fast as it goes */
	double seconds;
	bool tracers; /* they may work on the other core, and frames must not end as drops */
};

struct outcome {
	__u64 sent; /* taken by the sender's device */
	__u64 offered;
	__u64 received;	  /* by the sink */
	__u64 translated; /* of them, with the source that the peer gives them */
	__u64 strays;	  /* frames polled for on another CPU than SEND_CPU */
	__u64 start_ns, end_ns;
	double pps;   /* offered */
	__u64 seen;   /* by the tracer, on its own word */
	double share; /* of time in which it observed */
};

extern volatile sig_atomic_t rig_interrupted;

/* @rig must be zeroed; rig_close() is right after a failure too. */
int rig_open(struct rig *rig, const char *lab);
void rig_close(struct rig *rig);

/* --- peers.c --- */
/* Fills rig->lacks for those of the wanted peers that cannot be measured. False where weir is
 * wanted and not built. */
bool rig_find_lacking(struct rig *rig, const bool *wanted);

int rig_peer_on(struct rig *rig, enum peer peer);
int rig_peer_off(struct rig *rig);

/* rules.c: writes the rules of the peers that filter, once. */
int rig_write_rules(struct rig *rig);

/* Makes sure that client, router and server know each other's link addresses. */
int rig_warm(struct rig *rig);

/* Says what failed, and returns it as -errno. */
int rig_fail(const char *what, int error);

/* By links, not netlink: the kernel detaches them when the bench dies, however it dies. */
int rig_attach(const struct rig *rig, int netns, struct bpf_program *prog, const char *dev,
	struct bpf_link **link);

/* Sends @load and waits until the sink has all that was sent, or nothing more comes. */
int rig_run(struct rig *rig, const struct load *load, struct outcome *out);

/* Runs a command in a network namespace (-1 = this one); its output, 0-terminated, goes to @out. */
int rig_spawn(int netns, char *const argv[], char *out, size_t size);
/* The same; returns its exit code where it has one. */
int rig_exit_code(int netns, char *const argv[], char *out, size_t size);

/* --- receive.c: who reads TRAFFIC_LOCAL --- */
struct rig_reader {
	struct peers_bpf__bss *bss;
	pthread_t thread;
	int fd;
	__u32 delay_us; /* that it sleeps after each reading */
};

int rig_read_start(struct rig *rig, struct rig_reader *reader);
/* To be called when the sink expects nothing any more. */
void rig_read_end(struct rig_reader *reader);

/* --- tracer.c: who watches the kernel's own path --- */
int rig_tracer_on(struct rig *rig);
void rig_tracer_off(struct rig *rig);

/* What the peer's tracer has seen; one that runs beside ends. */
int rig_tracer_seen(struct rig *rig, struct outcome *out);

/* `path show plane kernel`, or NULL. The caller owns it. */
json_t *rig_kernel_path(const struct rig *rig);

/* How often programs ran that were loaded after program @after, where the kernel counts that. */
__u32 rig_last_program(void);
__u64 rig_program_runs(__u32 after);

/* --- beside.c: while frames flow, on the other core and out of their way --- */
int rig_step_aside(void);

/* Starts the generator, @rate frames a second (0 = as fast as it goes); its report comes through
 * *@report_fd when rig_load_end() ends it, which returns how many it sent. */
pid_t rig_load_start(const struct rig *rig, __u64 rate, int *report_fd);
__u64 rig_load_end(pid_t pid, int report_fd);

/* Runs the weir under test in the router's namespace. */
int rig_weir(const struct rig *rig, char *const words[]);

/* Puts the calling thread, and what it starts, on one core and before all that runs there. */
int rig_pin(int cpu);
__u64 rig_now_ns(void);

#endif
