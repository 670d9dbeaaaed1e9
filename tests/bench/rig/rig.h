/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bench's rig: a lab (tools/lab), a sink at its server, and one peer at a time at its router.
 *
 * Functions return 0 or -errno and have then told why on stderr: the bench is a test, not a
 * library.
 */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

enum peer {
	PEER_FLOOR,	   /* redirect without asking anything */
	PEER_XDP_FIB,	   /* the bare XDP FIB forward */
	PEER_WEIR,	   /* attached, all counters on */
	PEER_WEIR_LATENCY, /* the same, latency of one packet in 128 measured */
	PEER_WEIR_CAPTURE, /* the same as weir, one packet in 1000 captured */
	PEER_IP_FORWARD,   /* the kernel's own path */
	PEER_TC_FIB,	   /* the bare tcx FIB redirect */
	PEER_WEIR_TC,	   /* attached by TC alone, all counters on */
	PEER_COUNT
};

enum sender {
	SENDER_GEN,    /* weir-gen, redirected frames with complete checksums */
	SENDER_SOCKET, /* a UDP socket at the client, checksums left open */
	SENDER_COUNT
};

enum { SEND_CPU = 0, OTHER_CPU = 1 };

extern const char *const peer_names[PEER_COUNT];
extern const char *const sender_names[SENDER_COUNT];

struct peers_bpf;
struct bpf_link;

struct rig {
	const char *lab;
	char build[256];		  /* directory that holds the programs */
	int home, client, router, server; /* network namespaces */
	struct peers_bpf *peers;
	struct bpf_link *sink, *strays, *r0, *r1;
	enum peer peer;
	bool peer_on;
	int tracer; /* process; 0 = none */
};

struct load {
	enum sender sender;
	__u32 flows;
	__u32 bytes; /* of a frame without FCS */
	__u64 count; /* frames; 0 = by time */
	__u64 rate;  /* frames a second; 0 = as fast as it goes */
	double seconds;
};

struct outcome {
	__u64 sent; /* taken by the sender's device */
	__u64 offered;
	__u64 received; /* by the sink */
	__u64 strays;	/* frames polled for on another CPU than SEND_CPU */
	__u64 start_ns, end_ns;
	double pps; /* offered */
};

extern volatile sig_atomic_t rig_interrupted;

/* @rig must be zeroed; rig_close() is right after a failure too. */
int rig_open(struct rig *rig, const char *lab);
void rig_close(struct rig *rig);

/* Whether what @peer needs has been built. */
bool rig_has(const struct rig *rig, enum peer peer);

int rig_peer_on(struct rig *rig, enum peer peer);
int rig_peer_off(struct rig *rig);

/* Makes sure that client, router and server know each other's link addresses. */
int rig_warm(struct rig *rig);

/* Sends @load and waits until the sink has all that was sent, or nothing more comes. */
int rig_run(struct rig *rig, const struct load *load, struct outcome *out);

/* Runs a command in a network namespace (-1 = this one); its output, 0-terminated, goes to @out. */
int rig_spawn(int netns, char *const argv[], char *out, size_t size);

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
