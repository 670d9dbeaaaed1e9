/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets, bytes and drops of each stage by the kernel's own counters, of the namespace, of each
 * device, and of the machine for those counters that know no namespace.
 *
 * Devices that stand on others (VLAN, bridge, bond, tunnel) see the same packet once more, so the
 * namespace's nic_rx and xmit are passes through devices, not packets of the wire.
 */
#ifndef WEIR_KERNEL_STAGE_H
#define WEIR_KERNEL_STAGE_H

#include "model/kernel_reading.h"

/* How well a number is known. */
enum weir_kseen {
	WEIR_KSEEN_no,	  /* no counter tells it: the number is not 0 but unknown */
	WEIR_KSEEN_least, /* at least so much: some packets are counted elsewhere, or later, or a
			     counter went back meanwhile */
	WEIR_KSEEN_most,  /* at most: superframes are counted as their segments */
	WEIR_KSEEN_exact,
};

/* What is told of a stage: id, and what it is, see WEIR_KWHATS. */
#define WEIR_KNUMBERS(NUMBER)                                                                      \
	NUMBER(packets)                                                                            \
	NUMBER(segments)                                                                           \
	NUMBER(bytes)                                                                              \
	NUMBER(merged)                                                                             \
	NUMBER(made)                                                                               \
	NUMBER(runs)                                                                               \
	NUMBER(squeezed)                                                                           \
	NUMBER(drops)

struct weir_knumber {
	__u64 count;
	enum weir_kseen seen;
};

struct weir_kstage {
#define NUMBER(id) struct weir_knumber id;
	WEIR_KNUMBERS(NUMBER)
#undef NUMBER
	bool reset; /* a counter of it went back: a device was replaced */
};

struct weir_kdev_stages {
	__u32 ifindex;
	char name[16];
	struct weir_kstage stage[WEIR_STAGE_COUNT];
};

struct weir_kstages {
	struct weir_kstage ns[WEIR_STAGE_COUNT]; /* its devices' together, where they tell it */
	struct weir_kstage machine[WEIR_STAGE_COUNT];
	unsigned int nr_devs;
	struct weir_kdev_stages *dev; /* owned */
};

/* Of a difference of two readings. Returns 0, or -ENOMEM with @out empty. */
int weir_kstages_init(struct weir_kstages *out, const struct weir_kreading *delta);
void weir_kstages_done(struct weir_kstages *stages);

/* --- drops by counter --- */

struct weir_kcounted {
	enum weir_kcounter counter; /* its info has stage, cause, text, remedy, event */
	__u32 ifindex;		    /* 0 = of the namespace or the machine */
	__u64 packets;		    /* without those that a part of it has, see "of" */
	bool reset;
};

/*
 * The next drop counter that has counted any, of a difference of two readings, of each device by
 * itself: @at is 0 at first and is the caller's place. Returns whether there was one.
 */
bool weir_kcounted_next(
	const struct weir_kreading *delta, unsigned int *at, struct weir_kcounted *out);

/*
 * What no event told of @drop's packets: all of a silent one, none of one that events tell the same
 * of; of the others what is more than @events, the events of its causes.
 */
__u64 weir_kcounted_silent(const struct weir_kcounted *drop, __u64 events);

/* --- the check on our own events --- */

/*
 * CHECK(name, events, counter): what the counter counted is what kfree_skb told, once traffic
 * rests. Events are reasons, separated by ' ', each with '@' and the beginning of the function that
 * dropped, where the reason alone says too little: IPv6 has the same reasons and other counters.
 */
#define WEIR_KCHECKS(CHECK)                                                                        \
	CHECK(udp_no_port, "NO_SOCKET@__udp4_lib_rcv", udp_no_ports)                               \
	CHECK(udp_receive_buffer, "SOCKET_RCVBUFF@udp_", udp_rcvbuf)                               \
	CHECK(udp_checksum, "UDP_CSUM@__udp4 UDP_CSUM@udp_", udp_csum)                             \
	CHECK(udp_memory, "PROTO_MEM@udp_", udp_mem)                                               \
	CHECK(tcp_checksum, "TCP_CSUM", tcp_csum)                                                  \
	CHECK(tcp_backlog, "SOCKET_BACKLOG@tcp", tcp_backlog)                                      \
	CHECK(tcp_window, "TCP_ZEROWINDOW", tcp_zero_window)                                       \
	CHECK(tcp_out_of_order, "TCP_OFO_DROP", tcp_ofo)                                           \
	CHECK(tcp_min_ttl, "TCP_MINTTL", tcp_min_ttl)                                              \
	CHECK(ip_header, "IP_INHDR@ip_ IP_CSUM@ip_", ip_hdr_errors)                                \
	CHECK(ip_length, "PKT_TOO_SMALL@ip_rcv", ip_truncated)                                     \
	CHECK(ip_no_route, "IP_INNOROUTES@ip_", ip_no_routes_in)                                   \
	CHECK(ip_address, "IP_INADDRERRORS@ip_", ip_addr_errors)                                   \
	CHECK(ip_protocol, "IP_NOPROTO@ip_", ip_unknown_protos)                                    \
	CHECK(rp_filter, "IP_RPFILTER", ip_rp_filter)                                              \
	CHECK(other_host, "OTHERHOST@ip", rx_otherhost)                                            \
	CHECK(backlog, "CPU_BACKLOG", softnet_dropped)                                             \
	CHECK(neighbour_queue, "NEIGH_QUEUEFULL", neigh_queue)

enum weir_kcheck {
#define CHECK(id, events, counter) WEIR_KCHECK_##id,
	WEIR_KCHECKS(CHECK)
#undef CHECK
		WEIR_KCHECK_COUNT
};

struct weir_kcheck_info {
	const char *name;
	const char *events;
	enum weir_kcounter counter;
};

extern const struct weir_kcheck_info weir_kcheck_info[WEIR_KCHECK_COUNT];

/* An event as it was counted. */
struct weir_kevent_count {
	const char *reason;   /* without SKB_DROP_REASON_ */
	const char *function; /* the symbol that its location is in, "" = unknown */
	__u64 packets;
};

struct weir_kcheck_result {
	bool known; /* the counter was there */
	__u64 counted, told;
};

/* Of events and counters of the same time and namespace; of the machine's for backlog and
 * neighbour_queue. Told less than counted = events of ours were lost. */
void weir_kcheck_run(const struct weir_kreading *delta, enum weir_kcheck check,
	const struct weir_kevent_count *events, unsigned int nr, struct weir_kcheck_result *out);

/* What a namespace's counter has counted and its events should have told, but did not; 0 where that
 * cannot be known. The counter was read before the events. */
__u64 weir_kcheck_untold(const struct weir_kreading *delta, enum weir_kcounter counter,
	const struct weir_kevent_count *events, unsigned int nr);

#endif
