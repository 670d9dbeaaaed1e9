/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every way a packet can leave the fast plane, declared once: EXIT(stage, kind, cause).
 *
 * A packet is counted when it comes in and when it leaves, nowhere else: how many crossed a stage
 * is the sum of the exits at that stage and behind it, so a stage cannot disagree with its parts,
 * and ten stages cost one cache line. Each hook of a device counts in rows of its own. Ids are positions and append-only (golden test).
 *
 * Kinds:
 *   OUT   redirected to a device; delivery is what the driver then took (struct weir_row.sent)
 *   PASS  given to the kernel because it is the kernel's: never subject to the device's punt setting
 *   PUNT  given to the kernel because the fast path cannot finish it; dropped with `punt drop`
 *   DROP  dropped here
 *   LATE  dropped after an OUT verdict, as the kernel's XDP tracepoints tell (bytes are not told)
 *   UNDO  dropped after a PASS or PUNT verdict, told the same way
 */
#ifndef WEIR_EXITS_H
#define WEIR_EXITS_H

#include "stages.h"

enum weir_kind {
	WEIR_KIND_OUT,
	WEIR_KIND_PASS,
	WEIR_KIND_PUNT,
	WEIR_KIND_DROP,
	WEIR_KIND_LATE,
	WEIR_KIND_UNDO,
};

#define WEIR_EXITS(EXIT)                                                                           \
	EXIT(xmit, OUT, NONE)                                                                      \
	EXIT(xdp, DROP, PKT_TOO_SMALL)                                                             \
	EXIT(xdp, PASS, OTHERHOST)                                                                 \
	EXIT(xdp, PASS, L2_MULTICAST)                                                              \
	EXIT(xdp, PASS, ARP)                                                                       \
	EXIT(xdp, PASS, IPV6)                                                                      \
	EXIT(xdp, PASS, VLAN)                                                                      \
	EXIT(xdp, PASS, UNHANDLED_PROTO)                                                           \
	EXIT(ip_rcv, DROP, IP_INHDR)                                                               \
	EXIT(ip_rcv, DROP, PKT_TOO_SMALL)                                                          \
	EXIT(ip_rcv, DROP, IP_CSUM)                                                                \
	EXIT(ip_rcv, DROP, IP_INVALID_SOURCE)                                                      \
	EXIT(ip_rcv, PASS, IP_MULTICAST)                                                           \
	EXIT(ip_rcv, PASS, IP_BROADCAST)                                                           \
	EXIT(ip_rcv, PASS, IP_LOCALNET)                                                            \
	EXIT(ip_rcv, PUNT, IP_OPTIONS)                                                             \
	EXIT(route_in, DROP, BLACKHOLE)                                                            \
	EXIT(route_in, PASS, NOT_FORWARDED)                                                        \
	EXIT(route_in, PUNT, UNREACHABLE)                                                          \
	EXIT(route_in, PUNT, PROHIBIT)                                                             \
	EXIT(route_in, PASS, FWD_DISABLED)                                                         \
	EXIT(route_in, PUNT, LWTUNNEL)                                                             \
	EXIT(route_in, PUNT, FIB_ERROR)                                                            \
	EXIT(ip_forward, PUNT, IP_TTL)                                                             \
	EXIT(ip_forward, PUNT, PKT_TOO_BIG)                                                        \
	EXIT(ip_forward, PUNT, IP_FRAGMENT)                                                        \
	EXIT(neigh, PASS, NEIGH_UNRESOLVED)                                                        \
	EXIT(neigh, PASS, NEIGH_CONFIRM)                                                           \
	EXIT(xmit, PUNT, EGRESS_NOT_ATTACHED)                                                      \
	EXIT(xmit, PUNT, CSUM_UNKNOWN)                                                             \
	EXIT(xmit, LATE, XMIT_FULL)                                                                \
	EXIT(xmit, LATE, XMIT_NO_RECEIVER)                                                         \
	EXIT(xmit, LATE, XMIT_DOWN)                                                                \
	EXIT(xmit, LATE, XMIT_TOO_BIG)                                                             \
	EXIT(xmit, LATE, XMIT_UNSUPPORTED)                                                         \
	EXIT(xmit, LATE, XMIT_ERROR)                                                               \
	EXIT(xdp, UNDO, XDP_EXCEPTION)                                                             \
	EXIT(route_in, PASS, SOURCE_CHECK)                                                         \
	EXIT(ip_rcv, PUNT, HEADER_APART)                                                           \
	EXIT(tc_ingress, DROP, PKT_TOO_SMALL)                                                      \
	EXIT(tc_ingress, PASS, OTHERHOST)                                                          \
	EXIT(tc_ingress, PASS, L2_MULTICAST)                                                       \
	EXIT(tc_ingress, PASS, ARP)                                                                \
	EXIT(tc_ingress, PASS, IPV6)                                                               \
	EXIT(tc_ingress, PASS, VLAN)                                                               \
	EXIT(tc_ingress, PASS, UNHANDLED_PROTO)                                                    \
	EXIT(tc_ingress, PASS, XDP_JUDGED)                                                         \
	EXIT(ip_forward, PUNT, GSO_UNKNOWN)                                                        \
	EXIT(xdp, PASS, UNTAGGED)                                                                  \
	EXIT(xmit, PUNT, NO_HEADROOM)                                                              \
	EXIT(xmit, LATE, QDISC_DROP)                                                               \
	EXIT(tc_egress, OUT, TC_JUDGED)                                                            \
	EXIT(nf_prerouting, DROP, FILTER)                                                          \
	EXIT(nf_prerouting, DROP, FILTER_REJECT)                                                   \
	EXIT(nf_forward, DROP, FILTER)                                                             \
	EXIT(nf_forward, DROP, FILTER_REJECT)                                                      \
	EXIT(nf_forward, PUNT, FILTER_PUNT)                                                        \
	EXIT(tc_egress, DROP, FILTER)                                                              \
	EXIT(tc_egress, DROP, FILTER_REJECT)                                                       \
	EXIT(nf_prerouting, DROP, NAT_FILTERED)                                                    \
	EXIT(nf_postrouting, DROP, NAT_EXHAUSTED)                                                  \
	EXIT(nf_postrouting, DROP, NAT_CLASH)                                                      \
	EXIT(nf_postrouting, DROP, NAT_FULL)                                                       \
	EXIT(nf_postrouting, DROP, NAT_NO_SESSION)                                                 \
	EXIT(nf_postrouting, DROP, NAT_NO_MAPPING)                                                 \
	EXIT(nf_postrouting, DROP, NAT_FRAGMENT)                                                   \
	EXIT(nf_postrouting, DROP, NAT_UNTRANSLATED)                                               \
	EXIT(nf_postrouting, DROP, ICMP_CSUM)                                                      \
	EXIT(tc_egress, DROP, NAT_EXHAUSTED)                                                       \
	EXIT(tc_egress, DROP, NAT_CLASH)                                                           \
	EXIT(tc_egress, DROP, NAT_FULL)                                                            \
	EXIT(tc_egress, DROP, NAT_NO_SESSION)                                                      \
	EXIT(tc_egress, DROP, NAT_FRAGMENT)                                                        \
	EXIT(ip_forward, PUNT, XFRM_POLICY)                                                        \
	EXIT(nf_forward, PUNT, IP_REASSEMBLE)

enum weir_exit {
#define EXIT(stage, kind, cause) WEIR_EXIT_##stage##_##cause,
	WEIR_EXITS(EXIT)
#undef EXIT
		WEIR_EXIT_COUNT
};

#endif
