/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What `weir doctor` looked at and found, as plain data: ctl fills it, out shows it. A finding is
 * no failure: what is missing here may never be needed.
 */
#ifndef WEIR_FINDING_H
#define WEIR_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* Where it was looked, in the order in which it is shown. */
#define WEIR_AREAS(AREA)                                                                           \
	AREA(kernel, "kernel")                                                                     \
	AREA(device, "device")                                                                     \
	AREA(bypass, "what the fast path goes round")

enum weir_area {
#define AREA(id, title) WEIR_AREA_##id,
	WEIR_AREAS(AREA)
#undef AREA
		WEIR_AREA_COUNT
};

#define WEIR_FOUNDS(STATE)                                                                         \
	STATE(ok, "ok")                                                                            \
	STATE(missing, "--")                                                                       \
	STATE(warning, "!!")                                                                       \
	STATE(off, "--")                                                                           \
	STATE(unknown, "??")

enum weir_found {
#define STATE(id, mark) WEIR_FOUND_##id,
	WEIR_FOUNDS(STATE)
#undef STATE
		WEIR_FOUND_COUNT
};

/* All that is looked at: id, area, title, and what in weir it is for. */
#define WEIR_CHECKS(CHECK)                                                                         \
	CHECK(rights, kernel, "capabilities", "loading, attaching, other namespaces")              \
	CHECK(bpf, kernel, "bpf()", "everything")                                                  \
	CHECK(jit, kernel, "JIT compiler", "speed")                                                \
	CHECK(btf, kernel, "BTF", "tracepoint programs, short keys of routes")                     \
	CHECK(memlock, kernel, "locked memory", "maps")                                            \
	CHECK(bpffs, kernel, "BPF file system", "a fast path that outlives the command")           \
	CHECK(netns, kernel, "namespaces", "weir -n, and the trials below")                        \
	CHECK(xdp_native, kernel, "XDP, native", "the fast path")                                  \
	CHECK(xdp_generic, kernel, "XDP, generic", "the fast path where drivers have no XDP")      \
	CHECK(xdp_frags, kernel, "XDP multi-buffer", "frames larger than a driver's buffer")       \
	CHECK(devmap, kernel, "devmap", "redirects")                                               \
	CHECK(tp_btf, kernel, "BTF tracepoints", "what became of a redirected frame")              \
	CHECK(kern_ctx, kernel, "cast to xdp_buff", "short keys of routes")                        \
	CHECK(xdp_metadata, kernel, "XDP metadata", "VLAN tags that hardware takes off")           \
	CHECK(xdp_flags, kernel, "driver flags", "telling what a driver can do")                   \
	CHECK(tcx, kernel, "tcx", "TC hooks")                                                      \
	CHECK(clsact, kernel, "clsact", "TC hooks where tcx is missing")                           \
	CHECK(netfilter_link, kernel, "netfilter links", "the kernel plane's netfilter stages")    \
	CHECK(fentry, kernel, "fentry", "kernel stages that tracepoints do not tell apart")        \
	CHECK(kprobe, kernel, "kprobe", "the same, where fentry is missing")                       \
	CHECK(sk_lookup, kernel, "sk_lookup", "the kernel plane's socket stages")                  \
	CHECK(cgroup, kernel, "cgroup hooks", "the kernel plane's socket stages")                  \
	CHECK(af_xdp, kernel, "AF_XDP", "the stack plane")                                         \
	CHECK(timer, kernel, "bpf_timer", "expiry with no process alive")                          \
	CHECK(tproxy, kernel, "nftables' tproxy", "NAT of fragments that come out of order")       \
	CHECK(ip_forward, kernel, "ip_forward", "")                                                \
	CHECK(reassembly, kernel, "reassembly", "NAT of fragments that come out of order")         \
	CHECK(link, device, "link", "")                                                            \
	CHECK(driver, device, "driver", "")                                                        \
	CHECK(xdp_driver, device, "driver's XDP", "the fast path")                                 \
	CHECK(xdp_program, device, "XDP program", "")                                              \
	CHECK(xdp_target, device, "redirects to it", "the fast path")                              \
	CHECK(af_xdp_zc, device, "AF_XDP", "the stack plane")                                      \
	CHECK(tc_programs, device, "tcx programs", "")                                             \
	CHECK(queues, device, "queues", "work on several CPUs")                                    \
	CHECK(rings, device, "rings", "bursts")                                                    \
	CHECK(gro, device, "GRO", "")                                                              \
	CHECK(lro, device, "LRO", "")                                                              \
	CHECK(offloads, device, "offloads", "")                                                    \
	CHECK(vlan, device, "VLAN offload", "")                                                    \
	CHECK(mtu, device, "MTU", "")                                                              \
	CHECK(forwarding, device, "forwarding", "")                                                \
	CHECK(rp_filter, device, "rp_filter", "")                                                  \
	CHECK(master, device, "master", "")                                                        \
	CHECK(nftables, bypass, "nftables", "")                                                    \
	CHECK(iptables, bypass, "iptables", "")                                                    \
	CHECK(conntrack, bypass, "conntrack", "")                                                  \
	CHECK(qdisc, bypass, "qdisc", "")                                                          \
	CHECK(tc_filters, bypass, "tc filters", "")                                                \
	CHECK(ip_rules, bypass, "ip rules", "")                                                    \
	CHECK(route_mtus, bypass, "MTUs of routes", "")                                            \
	CHECK(xfrm, bypass, "xfrm policies", "")                                                   \
	CHECK(taps, bypass, "packet sockets", "")

enum weir_look {
#define CHECK(id, area, title, use) WEIR_CHECK_##id,
	WEIR_CHECKS(CHECK)
#undef CHECK
		WEIR_CHECK_COUNT
};

struct weir_area_info {
	const char *name;  /* as in JSON */
	const char *title; /* as in text */
};

struct weir_found_info {
	const char *name;
	const char *mark;
};

struct weir_check_info {
	const char *name;
	enum weir_area area;
	const char *title;
	const char *use; /* what in weir it is for, "" where the title says it */
};

extern const struct weir_area_info weir_area_info[WEIR_AREA_COUNT];
extern const struct weir_found_info weir_found_info[WEIR_FOUND_COUNT];
extern const struct weir_check_info weir_check_info[WEIR_CHECK_COUNT];

struct weir_finding {
	enum weir_look check;
	enum weir_found state;
	char subject[32]; /* a device, a table; "" = the kernel or the namespace */
	__s64 count;	  /* how many there are, -1 where nothing is counted */
	char why[256];	  /* may be empty where the state says all */
	char remedy[192]; /* what to type; may be empty */
};

struct weir_findings {
	unsigned int nr;
	struct weir_finding *list; /* owned, in the order found */
	bool failed;		   /* memory ran out: some are missing */
	struct weir_finding spare; /* what is filled then */
};

/* Adds a finding, with no count and no remedy, for the caller to fill further. Never NULL. */
struct weir_finding *weir_find(struct weir_findings *findings, enum weir_look check,
	enum weir_found state, const char *subject, const char *why, ...)
	__attribute__((format(printf, 5, 6)));

void weir_find_remedy(struct weir_finding *finding, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* How many findings are in that state. */
unsigned int weir_findings_in(const struct weir_findings *findings, enum weir_found state);

void weir_findings_done(struct weir_findings *findings);

#endif
