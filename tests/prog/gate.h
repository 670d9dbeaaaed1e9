/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tests of NAT share: a gateway, IN its inside and OUT its outside, and packets through
 * its programs. A test gets one that works by XDP, and one by TC ingress; sessions are the same
 * everywhere.
 *
 *	inside ─▶ in ─▶ outside        what comes in
 *	inside ◀─ out ◀─ outside
 *	           sent ─▶ outside     what this host sends, or the kernel forwards
 *	inside ◀─ back
 *
 * Packets are spoken of by their ends. Of ICMP queries the asker's port is the id, the other one
 * the type of the request; of ICMP otherwise, and of what has no ports, they are 0.
 */
#ifndef TESTS_GATE_H
#define TESTS_GATE_H

#include "prog.h"

#define OUTSIDE "198.51.100.254" /* OUT's own address, which masquerading gives out */

enum { ECHO = 8, SYN = 2, FIN = 1, RST = 4, ACK = 16, MF = 0x2000, DF = 0x4000 };

#define X(stage, cause) WEIR_EXIT_##stage##_##cause

struct gate {
	const char *name;
	struct prog *in, *out, *sent, *back;
};

struct ends {
	const char *src;
	unsigned int sport;
	const char *dst;
	unsigned int dport;
};
#define ENDS(...) ((struct ends){__VA_ARGS__})

extern const unsigned int gate_protos[3]; /* UDP, TCP, ICMP: the order of pools */
/* What is asked there: port 53, or an echo. */
unsigned int gate_server_port(unsigned int proto);

/* Runs each test at each hook, under the name HOOK:NAME, with a struct gate * as its state, without
 * rules, sessions or counts. @opts: of all programs. Returns what main() is to return. */
int gate_run(const char *name, const struct CMUnitTest *tests, size_t nr, struct prog_opts opts);
/* The same at XDP alone. */
int gate_run_xdp(
	const char *name, const struct CMUnitTest *tests, size_t nr, struct prog_opts opts);
/* NAT rules in place of those there, without a session. */
void gate_rules(struct gate *g, const char *text);
/* Filter rules, for programs that filter. */
void gate_filter(struct gate *g, const char *text);
/* Rules, or addresses, have changed: what flows keep is asked again. */
void gate_changed(struct gate *g);

/* --- frames --- */

/* A packet from inside, TTL 64; TCP: a SYN. */
void gate_frame(struct frame *f, unsigned int proto, struct ends e);
/* The same from outside. */
void gate_frame_out(struct frame *f, unsigned int proto, struct ends e);
/* Its answer, to what gate_frame() makes: of TCP, SYN and ACK. */
void gate_answer(struct frame *f, unsigned int proto, struct ends e);
/* As it comes in by OUT. */
void gate_from_outside(struct frame *f);
/* TCP's flags. */
void gate_tcp(struct frame *f, unsigned int flags);
void gate_fragment(struct frame *f, unsigned int frag);
/* Other ends; all that lies behind them is as it was. */
void gate_put_ends(struct frame *f, struct ends e);
/* All checksums anew: the IP header's, with options, and what follows it; of an ICMP error's
 * packet, too, where that is whole. A UDP checksum of 0 stays. */
void gate_seal(struct frame *f);
/* @words of no-operation behind the IP header. */
void gate_options(struct frame *f, unsigned int words);
/* An ICMP error about @about, of which it holds @held bytes from the IP header on; @rest are the
 * second four bytes of its header. */
void gate_error(struct frame *f, unsigned int type, unsigned int code, __u32 rest, const char *src,
	const char *dst, const struct frame *about, __u32 held);
void gate_error_out(struct frame *f, unsigned int type, unsigned int code, __u32 rest,
	const char *src, const char *dst, const struct frame *about, __u32 held);

/* --- runs --- */

/* It goes out by @port as a router sends @want on. */
void gate_goes(struct prog *p, const struct frame *f, const struct frame *want, enum port port);
/* It goes out by @port with those ends, and nothing else is changed. */
void gate_becomes(struct prog *p, const struct frame *f, enum port port, struct ends e);
/* It is left to the kernel by @exit with those ends. At TC egress: it is sent. */
void gate_left(struct prog *p, const struct frame *f, enum weir_exit exit, struct ends e);
void gate_left_as(
	struct prog *p, const struct frame *f, enum weir_exit exit, const struct frame *want);
/* It is dropped by @exit. */
void gate_drops(struct prog *p, const struct frame *f, enum weir_exit exit);
/* It goes out with another port of its own; which one is returned. */
unsigned int gate_port(struct prog *p, const struct frame *f);
/* The last one's frame, and verdict. */
struct ran *gate_ran(void);

#endif
