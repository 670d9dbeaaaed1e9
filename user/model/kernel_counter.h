/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The counters that the kernel keeps anyway, each declared once: where it is read, which stage it
 * tells of, what it counts there, and in which way it is another view of what kfree_skb events
 * tell.
 *
 * Reading them costs the packets nothing. What they cannot tell is said with each: some count
 * superframes as one and some count their segments, some count what was dropped before, and some
 * are of the whole machine.
 */
#ifndef WEIR_KERNEL_COUNTER_H
#define WEIR_KERNEL_COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <weir/stages.h>

/* Whose a value is, and so what weir_kvalue.scope says. */
enum weir_kscope {
	WEIR_KSCOPE_ns,	     /* the namespace; 0 */
	WEIR_KSCOPE_ns_cpu,  /* the namespace, on one CPU; its number */
	WEIR_KSCOPE_dev,     /* a device; its ifindex */
	WEIR_KSCOPE_queue,   /* a queue of a device; its ifindex */
	WEIR_KSCOPE_socket,  /* a packet socket; its inode */
	WEIR_KSCOPE_machine, /* all namespaces, on one CPU; its number */
};

/*
 * Where they are read: id, scope, bits, what a user would look at. A counter of 32 bits goes on
 * from 0 after 4,294,967,295, so of it a difference is right as long as it is less than that.
 */
#define WEIR_KSOURCES(SOURCE)                                                                      \
	SOURCE(snmp, ns, 64, "nstat -az")                                                          \
	SOURCE(netstat, ns, 64, "nstat -az")                                                       \
	SOURCE(sockstat, ns, 64, "cat /proc/net/sockstat")                                         \
	SOURCE(conntrack, ns_cpu, 32, "cat /proc/net/stat/nf_conntrack")                           \
	SOURCE(softnet, machine, 32, "cat /proc/net/softnet_stat")                                 \
	SOURCE(softirqs, machine, 32, "cat /proc/softirqs")                                        \
	SOURCE(neigh, machine, 64, "cat /proc/net/stat/arp_cache")                                 \
	SOURCE(dev, dev, 64, "ip -s -s link show")                                                 \
	SOURCE(qdisc, dev, 64, "tc -s qdisc show")                                                 \
	SOURCE(qdisc32, dev, 32, "tc -s qdisc show")                                               \
	SOURCE(clsact, dev, 32, "tc -s qdisc show clsact")                                         \
	SOURCE(ethtool, queue, 64, "ethtool -S DEV")                                               \
	SOURCE(qstats, queue, 64, "netdev genl qstats")                                            \
	SOURCE(packet, socket, 32, "ss -0 -m")

enum weir_ksource {
#define SOURCE(id, scope, bits, text) WEIR_KSOURCE_##id,
	WEIR_KSOURCES(SOURCE)
#undef SOURCE
		WEIR_KSOURCE_COUNT
};

/* What it counts at its stage. */
#define WEIR_KWHATS(WHAT)                                                                          \
	WHAT(packets, "packets, a superframe being one")                                           \
	WHAT(segments, "packets, a superframe being as many as it stands for")                     \
	WHAT(bytes, "bytes")                                                                       \
	WHAT(drops, "packets dropped")                                                             \
	WHAT(merged, "packets that became part of another")                                        \
	WHAT(made, "packets made of others: fragments, or what fragments became")                  \
	WHAT(runs, "how many times it ran")                                                        \
	WHAT(squeezed, "how many times it stopped with work left")                                 \
	WHAT(level, "how much there is now: no count")

enum weir_kwhat {
#define WHAT(id, text) WEIR_KWHAT_##id,
	WEIR_KWHATS(WHAT)
#undef WHAT
		WEIR_KWHAT_COUNT
};

/* What kfree_skb events tell of the packets that a drop counter counts. */
enum weir_kevent {
	WEIR_KEVENT_silent, /* nothing: the counter is the only witness */
	WEIR_KEVENT_same,   /* each of them, under the counter's cause: a check on our own events */
	WEIR_KEVENT_some,   /* some of them, or under other causes */
	WEIR_KEVENT_again,  /* the same of most: what is dropped at other stages is counted again
			       here */
};

/* What a sender, a receiver or a ring can do is said in many places. */
#define WEIR_KFAULTY  "look for a faulty sender, cable or driver: ethtool -S DEV, tcpdump -vv"
#define WEIR_KRING    "ethtool -G DEV rx N for a longer ring; ethtool -L, RPS for more CPUs"
#define WEIR_KBACKLOG "a longer listen() backlog and sysctl net.core.somaxconn; accept() faster"

/*
 * COUNT(id, source, group, field, stage, what, sentence)
 * DROP(id, source, group, field, stage, event, part of, cause, sentence, remedy)
 *
 * Group and field together are the name (nstat's own for the MIBs); a group of /proc/net/snmp is
 * the word before the colon. "part of": the counter that counts the same packets
 * among others, or `none`. Ids are positions; a pinned map that has them
 * says of which list they are (weir_kcounter_layout()).
 */
#define WEIR_KCOUNTERS(COUNT, DROP)                                                                \
	WEIR_KCOUNTERS_IP(COUNT, DROP)                                                             \
	WEIR_KCOUNTERS_TCP(COUNT, DROP)                                                            \
	WEIR_KCOUNTERS_CORE(COUNT, DROP)                                                           \
	WEIR_KCOUNTERS_DEV(COUNT, DROP)                                                            \
	WEIR_KCOUNTERS_DRIVER(COUNT, DROP)

#define WEIR_KCOUNTERS_IP(COUNT, DROP)                                                             \
	COUNT(ip_receives, snmp, "Ip", "InReceives", ip_rcv, packets,                              \
		"IPv4 packets that came to ip_rcv(), bad ones too")                                \
	COUNT(ip_in_octets, netstat, "IpExt", "InOctets", ip_rcv, bytes,                           \
		"bytes of what came to ip_rcv(), from the IPv4 header on")                         \
	COUNT(ip_no_ect, netstat, "IpExt", "InNoECTPkts", ip_rcv, segments,                        \
		"packets without ECN, each segment of a superframe counted")                       \
	COUNT(ip_ect1, netstat, "IpExt", "InECT1Pkts", ip_rcv, segments,                           \
		"packets with ECT(1), each segment of a superframe counted")                       \
	COUNT(ip_ect0, netstat, "IpExt", "InECT0Pkts", ip_rcv, segments,                           \
		"packets with ECT(0), each segment of a superframe counted")                       \
	COUNT(ip_ce, netstat, "IpExt", "InCEPkts", ip_rcv, segments,                               \
		"packets that met congestion (CE), each segment of a superframe counted")          \
	DROP(ip_hdr_errors, snmp, "Ip", "InHdrErrors", ip_rcv, same, none, IP_INHDR,               \
		"the IPv4 header is malformed, or its TTL ended here.",                            \
		"tcpdump -vv on the sending host; a TTL that ends is a traceroute or a loop")      \
	DROP(ip_csum_errors, netstat, "IpExt", "InCsumErrors", ip_rcv, same, ip_hdr_errors,        \
		IP_CSUM, "the IPv4 header checksum is wrong.", WEIR_KFAULTY)                       \
	DROP(ip_truncated, netstat, "IpExt", "InTruncatedPkts", ip_rcv, same, none, PKT_TOO_SMALL, \
		"the frame is shorter than its IPv4 header says.", WEIR_KFAULTY)                   \
	DROP(ip_in_discards, snmp, "Ip", "InDiscards", ip_rcv, some, none, IP_INDISCARD,           \
		"there was no memory for a packet that came in, or IPsec refused it.",             \
		"free -m; ip xfrm policy")                                                         \
	DROP(ip_addr_errors, snmp, "Ip", "InAddrErrors", route_in, same, none, IP_INADDRERRORS,    \
		"forwarding is off where it came in, or its address may not be used there.",       \
		"sysctl -w net.ipv4.conf.DEV.forwarding=1; ip route get ADDR from SRC iif DEV")    \
	DROP(ip_no_routes_in, netstat, "IpExt", "InNoRoutes", route_in, same, none, IP_INNOROUTES, \
		"there is no route to where it is to be forwarded.", "ip route get ADDR")          \
	DROP(ip_rp_filter, netstat, "TcpExt", "IPReversePathFilter", route_in, same, none,         \
		IP_RPFILTER, "its source would not be answered by the device it came in by.",      \
		"sysctl net.ipv4.conf.DEV.rp_filter=2, or a route back by that device")            \
	COUNT(ip_reasm_reqds, snmp, "Ip", "ReasmReqds", ip_defrag, packets,                        \
		"fragments that came to be put together")                                          \
	COUNT(ip_reasm_oks, snmp, "Ip", "ReasmOKs", ip_defrag, made,                               \
		"packets that fragments became")                                                   \
	DROP(ip_reasm_fails, snmp, "Ip", "ReasmFails", ip_defrag, some, none, FRAG_REASM_FAILED,   \
		"what fragments were of could not be put together: too many, too large, "          \
		"overlapping.",                                                                    \
		"sysctl net.ipv4.ipfrag_high_thresh, ipfrag_max_dist; look for loss on the way")   \
	DROP(ip_reasm_timeout, snmp, "Ip", "ReasmTimeout", ip_defrag, some, ip_reasm_fails,        \
		FRAG_REASM_TIMEOUT, "some fragments of a packet never came.",                      \
		"look for loss on the way, or a filter that drops later fragments")                \
	COUNT(ip_forwards, snmp, "Ip", "ForwDatagrams", ip_forward, packets,                       \
		"packets with TTL left that are for another host")                                 \
	COUNT(ip_delivers, snmp, "Ip", "InDelivers", ip_local_deliver, packets,                    \
		"packets that a protocol of this host has taken")                                  \
	DROP(ip_unknown_protos, snmp, "Ip", "InUnknownProtos", ip_local_deliver, same, none,       \
		IP_NOPROTO, "no protocol and no raw socket of this host wants it.",                \
		"none needed; the sender is told by ICMP")                                         \
	COUNT(ip_out_requests, snmp, "Ip", "OutRequests", ip_local_out, packets,                   \
		"packets that this host sends; before Linux 6.7 what it forwards, too")            \
	DROP(ip_no_routes_out, snmp, "Ip", "OutNoRoutes", route_out, some, none, IP_OUTNOROUTES,   \
		"this host has no route to where a program sends: it is told ENETUNREACH.",        \
		"ip route get ADDR")                                                               \
	DROP(ip_out_discards, snmp, "Ip", "OutDiscards", make_skb, again, none, IP_OUTDISCARD,     \
		"what this host sends did not go out: no send buffer, a filter, a full qdisc.",    \
		"free -m; a larger send buffer: sysctl net.core.wmem_max, SO_SNDBUF")              \
	COUNT(ip_out_transmits, snmp, "Ip", "OutTransmits", neigh, packets,                        \
		"packets, or their fragments, on their way to a neighbour (Linux 6.7)")            \
	COUNT(ip_out_octets, netstat, "IpExt", "OutOctets", neigh, bytes,                          \
		"bytes of the same, from the IPv4 header on")                                      \
	COUNT(ip_frag_oks, snmp, "Ip", "FragOKs", ip_fragment, packets,                            \
		"packets that were cut into fragments")                                            \
	COUNT(ip_frag_creates, snmp, "Ip", "FragCreates", ip_fragment, made, "fragments made")     \
	DROP(ip_frag_fails, snmp, "Ip", "FragFails", ip_fragment, some, none, PKT_TOO_BIG,         \
		"larger than the next link's MTU with DF set.",                                    \
		"'ip link show' compares MTUs; let ICMP type 3 code 4 through to the sender")      \
	DROP(icmp_csum_errors, snmp, "Icmp", "InCsumErrors", ip_local_deliver, same, none,         \
		ICMP_CSUM, "the checksum of an ICMP message is wrong.", WEIR_KFAULTY)              \
	COUNT(udp_in, snmp, "Udp", "InDatagrams", sock_recv, packets,                              \
		"datagrams that programs have taken by recv()")                                    \
	DROP(udp_no_ports, snmp, "Udp", "NoPorts", udp_rcv, same, none, NO_SOCKET,                 \
		"no socket is bound to that port.", "ss -lunp shows who listens where")            \
	DROP(udp_in_errors, snmp, "Udp", "InErrors", sock_queue, some, none, UDP_INERROR,          \
		"a datagram did not reach its socket's queue: a socket filter, IPsec, or an "      \
		"encapsulation.",                                                                  \
		"ss -uam shows sockets with their filters and drops")                              \
	DROP(udp_rcvbuf, snmp, "Udp", "RcvbufErrors", sock_queue, same, udp_in_errors,             \
		SOCKET_RCVBUFF, "the socket's receive buffer is full: its reader is too slow.",    \
		"read faster; sysctl net.core.rmem_max, SO_RCVBUF; ss -uam shows which socket")    \
	DROP(udp_csum, snmp, "Udp", "InCsumErrors", udp_rcv, same, udp_in_errors, UDP_CSUM,        \
		"the UDP checksum is wrong.", WEIR_KFAULTY)                                        \
	DROP(udp_mem, snmp, "Udp", "MemErrors", sock_queue, same, udp_in_errors, PROTO_MEM,        \
		"all UDP sockets together hold as much memory as they may.",                       \
		"sysctl net.ipv4.udp_mem; /proc/net/sockstat shows how much there is")             \
	DROP(udp_ignored_multi, snmp, "Udp", "IgnoredMulti", udp_rcv, some, none,                  \
		UDP_IGNORED_MULTI, "a multicast or broadcast that no socket here wants.",          \
		"none needed; 'ip maddr' shows which groups are joined")                           \
	COUNT(udp_out, snmp, "Udp", "OutDatagrams", udp_send, packets, "datagrams that were sent") \
	DROP(udp_sndbuf, snmp, "Udp", "SndbufErrors", make_skb, again, none, SOCKET_SNDBUFF,       \
		"a datagram did not go out: the send buffer or the qdisc is full (ENOBUFS).",      \
		"send slower; sysctl net.core.wmem_max, SO_SNDBUF; tc -s qdisc show")              \
	COUNT(udp_memory, sockstat, "UDP ", "mem", sock_queue, level,                              \
		"pages that UDP sockets hold, all namespaces' together")                           \
	COUNT(frag_memory, sockstat, "FRAG ", "memory", ip_defrag, level,                          \
		"bytes of fragments that wait for others")

#define WEIR_KCOUNTERS_TCP(COUNT, DROP)                                                            \
	COUNT(tcp_in, snmp, "Tcp", "InSegs", tcp_rcv, packets,                                     \
		"TCP packets that came in, of IPv6 too, bad ones too")                             \
	COUNT(tcp_out, snmp, "Tcp", "OutSegs", tcp_send, segments,                                 \
		"TCP segments sent, of IPv6 too, a superframe being as many as it stands for")     \
	COUNT(tcp_retrans, snmp, "Tcp", "RetransSegs", tcp_send, runs, "segments sent once more")  \
	DROP(tcp_in_errs, snmp, "Tcp", "InErrs", tcp_rcv, some, none, TCP_INERR,                   \
		"a TCP header or checksum is wrong, or a SYN came within a connection.",           \
		WEIR_KFAULTY)                                                                      \
	DROP(tcp_csum, snmp, "Tcp", "InCsumErrors", tcp_rcv, same, tcp_in_errs, TCP_CSUM,          \
		"the TCP checksum is wrong.", WEIR_KFAULTY)                                        \
	DROP(tcp_listen_drops, netstat, "TcpExt", "ListenDrops", tcp_rcv, some, none,              \
		TCP_LISTEN_DROP, "a listening socket refused a connection that began.",            \
		WEIR_KBACKLOG)                                                                     \
	DROP(tcp_listen_overflows, netstat, "TcpExt", "ListenOverflows", tcp_rcv, silent,          \
		tcp_listen_drops, TCP_LISTEN_OVERFLOW,                                             \
		"a listening socket has as many connections waiting for accept() as it may.",      \
		WEIR_KBACKLOG)                                                                     \
	DROP(tcp_reqq_full, netstat, "TcpExt", "TCPReqQFullDrop", tcp_rcv, silent,                 \
		tcp_listen_drops, TCP_SYN_QUEUE_FULL,                                              \
		"too many connections have begun and not been answered, SYN cookies being off.",   \
		"sysctl net.ipv4.tcp_syncookies=1, tcp_max_syn_backlog; " WEIR_KBACKLOG)           \
	DROP(tcp_defer_accept, netstat, "TcpExt", "TCPDeferAcceptDrop", tcp_rcv, some, none,       \
		TCP_DEFER_ACCEPT, "an ACK without data, to a socket that waits for data first.",   \
		"none needed: TCP_DEFER_ACCEPT asks for that")                                     \
	DROP(tcp_pfmemalloc, netstat, "TcpExt", "PFMemallocDrop", sock_queue, same, none,          \
		PFMEMALLOC, "it came in memory kept for swapping, to another socket.",             \
		"free -m: memory is short")                                                        \
	DROP(tcp_min_ttl, netstat, "TcpExt", "TCPMinTTLDrop", tcp_rcv, same, none, TCP_MINTTL,     \
		"its TTL is less than the socket asks for (IP_MINTTL).",                           \
		"the sender is farther than it should be, or is none of ours")                     \
	DROP(tcp_backlog, netstat, "TcpExt", "TCPBacklogDrop", sock_queue, same, none,             \
		SOCKET_BACKLOG, "the socket's backlog is full, a program holding it.",             \
		"sysctl net.core.rmem_max, net.ipv4.tcp_rmem; larger reads")                       \
	DROP(tcp_rcvq, netstat, "TcpExt", "TCPRcvQDrop", sock_queue, some, none, PROTO_MEM,        \
		"the socket may hold no more memory: its reader is too slow, or memory is short.", \
		"sysctl net.ipv4.tcp_mem, tcp_rmem; ss -tm shows which socket")                    \
	DROP(tcp_zero_window, netstat, "TcpExt", "TCPZeroWindowDrop", sock_queue, same, none,      \
		TCP_ZEROWINDOW, "data beyond a window that is closed: the reader is too slow.",    \
		"read faster; ss -tm shows which socket")                                          \
	DROP(tcp_ofo, netstat, "TcpExt", "TCPOFODrop", sock_queue, same, none, TCP_OFO_DROP,       \
		"out of order, and there is no memory to keep it.",                                \
		"sysctl net.ipv4.tcp_rmem; look for loss on the way")                              \
	DROP(tcp_paws, netstat, "TcpExt", "PAWSEstab", tcp_rcv, some, none, TCP_RFC7323_PAWS,      \
		"its timestamp is older than the last one's.",                                     \
		"a late duplicate; many: a NAT or balancer that mixes hosts")                      \
	DROP(tcp_icmp_window, netstat, "TcpExt", "OutOfWindowIcmps", tcp_rcv, silent, none,        \
		TCP_ICMP_OUT_OF_WINDOW, "an ICMP error about a segment that is not under way.",    \
		"many: somebody forges ICMP errors")                                               \
	DROP(tcp_icmp_locked, netstat, "TcpExt", "LockDroppedIcmps", tcp_rcv, silent, none,        \
		TCP_ICMP_LOCKED, "an ICMP error to a socket that a program holds.",                \
		"none needed: TCP sends again")                                                    \
	DROP(tcp_tw_overflow, netstat, "TcpExt", "TCPTimeWaitOverflow", tcp_rcv, silent, none,     \
		TCP_TIMEWAIT_OVERFLOW,                                                             \
		"no room for another connection in TIME_WAIT: forgotten early.",                   \
		"sysctl net.ipv4.tcp_max_tw_buckets")                                              \
	DROP(tcp_wqueue, netstat, "TcpExt", "TCPWqueueTooBig", tcp_send, silent, none,             \
		TCP_WQUEUE_TOO_BIG, "what is to be sent could not be cut as SACKs ask.",           \
		"a larger send buffer: SO_SNDBUF, sysctl net.ipv4.tcp_wmem")                       \
	DROP(tcp_fastopen_overflow, netstat, "TcpExt", "TCPFastOpenListenOverflow", tcp_rcv, some, \
		none, TCP_FASTOPEN_OVERFLOW,                                                       \
		"more TCP Fast Open connections than the socket takes.",                           \
		"a larger number to TCP_FASTOPEN")                                                 \
	COUNT(tcp_pressure, netstat, "TcpExt", "TCPMemoryPressures", sock_queue, runs,             \
		"how many times TCP's memory became short")                                        \
	COUNT(tcp_coalesced, netstat, "TcpExt", "TCPRcvCoalesce", sock_queue, merged,              \
		"packets added to the one before in a TCP receive queue")                          \
	COUNT(tcp_backlog_coalesced, netstat, "TcpExt", "TCPBacklogCoalesce", sock_queue, merged,  \
		"packets added to the one before in a TCP socket's backlog")                       \
	COUNT(tcp_memory, sockstat, "TCP ", "mem", sock_queue, level,                              \
		"pages that TCP sockets hold, all namespaces' together")

#define WEIR_KCOUNTERS_CORE(COUNT, DROP)                                                           \
	COUNT(softirq_rx, softirqs, "softirqs ", "NET_RX", softirq, runs,                          \
		"NET_RX softirqs of the machine")                                                  \
	COUNT(softirq_tx, softirqs, "softirqs ", "NET_TX", tx_complete, runs,                      \
		"NET_TX softirqs of the machine")                                                  \
	COUNT(softnet_squeeze, softnet, "softnet_stat ", "time_squeeze", napi_poll, squeezed,      \
		"net_rx_action() ended with work left: by netdev_budget, or its time")             \
	COUNT(busy_poll, netstat, "TcpExt", "BusyPollRxPackets", napi_poll, packets,               \
		"packets that sockets polled for themselves")                                      \
	COUNT(softnet_processed, softnet, "softnet_stat ", "processed", core, packets,             \
		"packets through __netif_receive_skb_core(), all namespaces' together")            \
	DROP(softnet_dropped, softnet, "softnet_stat ", "dropped", rps_backlog, same, none,        \
		CPU_BACKLOG, "a CPU's backlog is full.",                                           \
		"sysctl net.core.netdev_max_backlog; spread the load: RPS, more queues")           \
	DROP(softnet_flow_limit, softnet, "softnet_stat ", "flow_limit_count", rps_backlog, same,  \
		softnet_dropped, CPU_BACKLOG, "one flow fills a CPU's backlog.",                   \
		"sysctl net.core.flow_limit_cpu_bitmap, flow_limit_table_len")                     \
	COUNT(softnet_rps, softnet, "softnet_stat ", "received_rps", rps_backlog, runs,            \
		"how many times another CPU woke this one for its backlog (RPS)")                  \
	COUNT(softnet_backlog, softnet, "softnet_stat ", "backlog_len", rps_backlog, level,        \
		"packets in a CPU's backlog")                                                      \
	DROP(packet_drops, packet, "packet ", "drops", tap_rx, some, none, PACKET_SOCK_ERROR,      \
		"a packet socket's buffer is full: tcpdump is too slow.",                          \
		"tcpdump -B KIB for a larger buffer, or a narrower filter")                        \
	DROP(conntrack_drop, conntrack, "nf_conntrack ", "drop", nf_prerouting, some, none,        \
		CONNTRACK_FULL, "the table of connections is full, or memory is.",                 \
		"sysctl net.netfilter.nf_conntrack_max; conntrack -C")                             \
	DROP(conntrack_insert, conntrack, "nf_conntrack ", "insert_failed", nf_postrouting, some,  \
		none, CONNTRACK_INSERT,                                                            \
		"another connection took the same addresses and ports meanwhile.",                 \
		"a wider range of ports or addresses in the NAT rule")                             \
	COUNT(conntrack_early, conntrack, "nf_conntrack ", "early_drop", nf_prerouting, runs,      \
		"connections forgotten early to make room")                                        \
	COUNT(conntrack_invalid, conntrack, "nf_conntrack ", "invalid", nf_prerouting, runs,       \
		"packets that connection tracking could make nothing of (state INVALID)")          \
	DROP(neigh_queue, neigh, "arp_cache ", "unresolved_discards", neigh, same, none,           \
		NEIGH_QUEUEFULL, "too many packets wait for the next hop's link address.",         \
		"ip neigh show: is the next hop up? sysctl net.ipv4.neigh.DEV.unres_qlen_bytes")   \
	DROP(neigh_table, neigh, "arp_cache ", "table_fulls", neigh, some, none, NEIGH_CREATEFAIL, \
		"the table of neighbours is full.", "sysctl net.ipv4.neigh.default.gc_thresh3")    \
	COUNT(neigh_failed, neigh, "arp_cache ", "res_failed", neigh, runs,                        \
		"neighbours that did not answer, all namespaces' together")

#define WEIR_KCOUNTERS_DEV(COUNT, DROP)                                                            \
	COUNT(rx_packets, dev, "dev ", "rx_packets", nic_rx, packets,                              \
		"packets that the device has given to the kernel")                                 \
	COUNT(rx_bytes, dev, "dev ", "rx_bytes", nic_rx, bytes, "bytes of the same")               \
	DROP(rx_errors, dev, "dev ", "rx_errors", nic_rx, silent, none, RX_ERROR,                  \
		"the device received a bad frame.", WEIR_KFAULTY)                                  \
	DROP(rx_length, dev, "dev ", "rx_length_errors", nic_rx, silent, rx_errors, RX_LENGTH,     \
		"a frame was shorter or longer than it may be.",                                   \
		"'ip link show' compares MTUs; " WEIR_KFAULTY)                                     \
	DROP(rx_crc, dev, "dev ", "rx_crc_errors", nic_rx, silent, rx_errors, RX_CRC,              \
		"a frame's check sequence was wrong.", WEIR_KFAULTY)                               \
	DROP(rx_frame, dev, "dev ", "rx_frame_errors", nic_rx, silent, rx_errors, RX_FRAME,        \
		"a frame did not end with a whole byte.", WEIR_KFAULTY)                            \
	DROP(rx_over, dev, "dev ", "rx_over_errors", nic_rx, silent, rx_errors, RX_OVER,           \
		"a frame did not fit into the buffers that were there.", WEIR_KRING)               \
	DROP(rx_fifo, dev, "dev ", "rx_fifo_errors", nic_rx, silent, none, RX_FIFO,                \
		"the device's own memory was full.", WEIR_KRING)                                   \
	DROP(rx_missed, dev, "dev ", "rx_missed_errors", nic_rx, silent, none, RX_MISSED,          \
		"the receive ring had no buffer left: the CPU is too slow.", WEIR_KRING)           \
	DROP(rx_dropped, dev, "dev ", "rx_dropped", core, again, none, RX_DROPPED,                 \
		"the driver or the kernel's entry dropped it: no memory, no protocol, no "         \
		"backlog.",                                                                        \
		"weir drop show: an event may tell which; ethtool -S DEV")                         \
	DROP(rx_nohandler, dev, "dev ", "rx_nohandler", core, some, none, UNHANDLED_PROTO,         \
		"it came in by a device that takes only what is meant for it, as a bond's spare.", \
		"none needed: cat /proc/net/bonding/BOND shows which is in use")                   \
	DROP(rx_otherhost, dev, "dev ", "rx_otherhost_dropped", ip_rcv, same, none, OTHERHOST,     \
		"the frame is addressed to another host's MAC address.",                           \
		"normal on a promiscuous or flooded port")                                         \
	COUNT(tx_packets, dev, "dev ", "tx_packets", xmit, packets,                                \
		"packets that the driver has taken")                                               \
	COUNT(tx_bytes, dev, "dev ", "tx_bytes", xmit, bytes, "bytes of the same")                 \
	DROP(tx_errors, dev, "dev ", "tx_errors", xmit, silent, none, TX_ERROR,                    \
		"the device could not send it.", WEIR_KFAULTY)                                     \
	DROP(tx_aborted, dev, "dev ", "tx_aborted_errors", xmit, silent, tx_errors, TX_ABORTED,    \
		"the device gave up sending it.", WEIR_KFAULTY)                                    \
	DROP(tx_carrier, dev, "dev ", "tx_carrier_errors", xmit, some, tx_errors, TX_CARRIER,      \
		"the link went down while it was sent.", "a cable, a port: dmesg, ethtool DEV")    \
	DROP(tx_fifo, dev, "dev ", "tx_fifo_errors", xmit, silent, tx_errors, TX_FIFO,             \
		"the device's memory ran empty while it was sent.", WEIR_KFAULTY)                  \
	DROP(tx_dropped, dev, "dev ", "tx_dropped", xmit, some, none, TX_DROPPED,                  \
		"the driver or the kernel dropped it on its way out.",                             \
		"is the device, or a veth's other end, down? ip -br link; ethtool -S DEV")         \
	COUNT(qdisc_packets, qdisc, "qdisc ", "packets", qdisc, segments,                          \
		"packets that left the queue, a superframe being as many as it stands for")        \
	COUNT(qdisc_bytes, qdisc, "qdisc ", "bytes", qdisc, bytes, "bytes of the same")            \
	DROP(qdisc_drops, qdisc32, "qdisc ", "drops", qdisc, some, none, QDISC_DROP,               \
		"the device's queueing discipline refused or discarded it.",                       \
		"tc -s qdisc show dev DEV: a longer limit, or fewer senders")                      \
	COUNT(qdisc_overlimits, qdisc32, "qdisc ", "overlimits", qdisc, squeezed,                  \
		"how many times the queue's rate or limit held a packet back")                     \
	COUNT(qdisc_requeues, qdisc32, "qdisc ", "requeues", qdisc, runs,                          \
		"packets put back because the driver was busy")                                    \
	COUNT(qdisc_backlog, qdisc32, "qdisc ", "backlog", qdisc, level, "bytes in the queue")     \
	COUNT(qdisc_qlen, qdisc32, "qdisc ", "qlen", qdisc, level, "packets in the queue")         \
	DROP(clsact_drops, clsact, "clsact ", "drops", tc_ingress, same, none, TC_INGRESS,         \
		"a filter of traffic control dropped it, coming in or going out.",                 \
		"tc -s filter show dev DEV ingress (or egress)")

#define WEIR_KCOUNTERS_DRIVER(COUNT, DROP)                                                         \
	DROP(eth_rx_drops, ethtool, "ethtool ", "rx_drops", napi_poll, some, none, RX_QUEUE_DROP,  \
		"the driver could not make a packet of what came by a queue.",                     \
		"memory is short, or the ring is: dmesg, ethtool -G DEV rx N")                     \
	COUNT(eth_xdp_packets, ethtool, "ethtool ", "xdp_packets", xdp, packets,                   \
		"packets that the driver's XDP program saw")                                       \
	COUNT(eth_xdp_redirects, ethtool, "ethtool ", "xdp_redirects", xdp, runs,                  \
		"packets that the XDP program redirected")                                         \
	COUNT(eth_xdp_tx, ethtool, "ethtool ", "xdp_tx", xdp, runs,                                \
		"packets that the XDP program sent back")                                          \
	DROP(eth_xdp_drops, ethtool, "ethtool ", "xdp_drops", xdp, some, none, XDP_DROP,           \
		"the device's XDP program dropped it.",                                            \
		"bpftool net show; weir drop show plane fast, where it is ours")                   \
	DROP(eth_xdp_tx_errors, ethtool, "ethtool ", "xdp_tx_errors", xdp, silent, none,           \
		XDP_TX_ERROR, "the driver could not send back what XDP told it to.",               \
		"ethtool -S DEV; ethtool -G DEV tx N")                                             \
	DROP(eth_xmit_errors, ethtool, "ethtool ", "xdp_xmit_errors", xmit, silent, none,          \
		XDP_XMIT_ERROR, "the driver did not take a redirected frame.",                     \
		"a veth: GRO or an XDP program at its other end; ethtool -G DEV tx N")             \
	COUNT(q_rx_packets, qstats, "qstats ", "rx-packets", nic_rx, packets,                      \
		"packets by a receive queue")                                                      \
	COUNT(q_rx_bytes, qstats, "qstats ", "rx-bytes", nic_rx, bytes, "bytes of the same")       \
	COUNT(q_tx_packets, qstats, "qstats ", "tx-packets", tx_complete, packets,                 \
		"packets that a transmit queue has sent")                                          \
	COUNT(q_tx_bytes, qstats, "qstats ", "tx-bytes", tx_complete, bytes, "bytes of the same")  \
	DROP(q_rx_alloc, qstats, "qstats ", "rx-alloc-fail", napi_poll, silent, none,              \
		RX_ALLOC_FAIL, "there was no memory for a packet or a buffer of the ring.",        \
		"free -m; sysctl vm.min_free_kbytes")                                              \
	DROP(q_rx_hw_drops, qstats, "qstats ", "rx-hw-drops", nic_rx, silent, none, RX_HW_DROP,    \
		"the device dropped it: no buffer, or its own limits.", WEIR_KRING)                \
	DROP(q_rx_overruns, qstats, "qstats ", "rx-hw-drop-overruns", nic_rx, silent,              \
		q_rx_hw_drops, RX_OVERRUN, "the receive ring had no buffer left.", WEIR_KRING)     \
	COUNT(q_gro_packets, qstats, "qstats ", "rx-hw-gro-packets", nic_rx, made,                 \
		"superframes that the device made (HW GRO)")                                       \
	COUNT(q_gro_wire, qstats, "qstats ", "rx-hw-gro-wire-packets", nic_rx, merged,             \
		"packets of which the device made superframes")                                    \
	DROP(q_tx_hw_drops, qstats, "qstats ", "tx-hw-drops", tx_complete, silent, none,           \
		TX_HW_DROP, "the device dropped it instead of sending.", WEIR_KFAULTY)             \
	COUNT(q_tx_stop, qstats, "qstats ", "tx-stop", xmit, squeezed,                             \
		"how many times the transmit ring was full and the queue stopped")

/* What drivers call theirs; '#' is a queue's number. */
#define WEIR_KDRIVER_NAMES(NAME)                                                                   \
	NAME(eth_rx_drops, "rx_queue_#_drops")                                                     \
	NAME(eth_rx_drops, "rx#_drops")                                                            \
	NAME(eth_xdp_packets, "rx#_xdp_packets") /* veth's counts without a program, too */        \
	NAME(eth_xdp_redirects, "rx_queue_#_xdp_redirect")                                         \
	NAME(eth_xdp_redirects, "rx#_xdp_redirects")                                               \
	NAME(eth_xdp_redirects, "rx#_xdp_redirect")                                                \
	NAME(eth_xdp_tx, "rx_queue_#_xdp_tx")                                                      \
	NAME(eth_xdp_tx, "rx#_xdp_tx")                                                             \
	NAME(eth_xdp_tx, "rx#_xdp_tx_xmit")                                                        \
	NAME(eth_xdp_drops, "rx_queue_#_xdp_drops")                                                \
	NAME(eth_xdp_drops, "rx#_xdp_drops")                                                       \
	NAME(eth_xdp_drops, "rx#_xdp_drop")                                                        \
	NAME(eth_xdp_drops, "queue_#_rx_xdp_drop")                                                 \
	NAME(eth_xdp_tx_errors, "rx_queue_#_xdp_tx_errors")                                        \
	NAME(eth_xmit_errors, "tx_queue_#_xdp_xmit_errors")                                        \
	NAME(eth_xmit_errors, "tx#_xdp_tx_drops")

/*
 * Events of other causes that a counter counts too, by stage, from one to another:
 * COVER(counter, from, to, whose packets, causes), "" = any, "!CAUSE" = any but that; a '*' ends a
 * beginning.
 */
#define WEIR_KCOVERS(COVER)                                                                        \
	COVER(udp_in_errors, udp_rcv, sock_recv, UDP, "")                                          \
	COVER(ip_out_discards, make_skb, xmit, SENT, "")                                           \
	COVER(ip_out_discards, sock_send, sock_send, SENT, "SEND_ECONNREFUSED")                    \
	COVER(udp_sndbuf, make_skb, xmit, SENT_UDP, "")                                            \
	COVER(tcp_in_errs, tcp_rcv, tcp_rcv, ANY, "PKT_TOO_SMALL TCP_INVALID_SYN")                 \
	COVER(tcp_defer_accept, tcp_rcv, tcp_rcv, ANY, "TCP_DISCARD")                              \
	COVER(ip_reasm_fails, ip_defrag, ip_defrag, ANY,                                           \
		"FRAG_INVALID FRAG_GIVEN_UP FRAG_REFUSED FRAG_NO_ROOM FRAG_TOO_FAR")               \
	COVER(ip_in_discards, ip_rcv, ip_local_deliver, ANY, "XFRM_*")                             \
	COVER(conntrack_drop, nf_prerouting, nf_prerouting, ANY, "NETFILTER_DROP*")                \
	COVER(conntrack_drop, nf_local_out, nf_local_out, ANY, "NETFILTER_DROP*")                  \
	COVER(conntrack_drop, nf_local_in, nf_local_in, ANY, "NETFILTER_DROP*")                    \
	COVER(conntrack_drop, nf_postrouting, nf_postrouting, ANY, "NETFILTER_DROP*")              \
	COVER(conntrack_insert, nf_local_in, nf_local_in, ANY, "NETFILTER_DROP*")                  \
	COVER(conntrack_insert, nf_postrouting, nf_postrouting, ANY, "NETFILTER_DROP*")            \
	COVER(rx_dropped, nic_rx, napi_poll, ANY, "")                                              \
	COVER(rx_dropped, gro, core, ANY, "!LLC_UNHANDLED")                                        \
	COVER(tx_dropped, xmit, xmit, ANY, "")                                                     \
	COVER(tx_carrier, route_out, xmit, ANY, "IP_OUTNOROUTES TUNNEL_OUT")                       \
	COVER(qdisc_drops, qdisc, qdisc, ANY, "")

#define WEIR_KCOUNTER_COUNT_(id, source, group, field, stage, what, text) WEIR_KCOUNTER_##id,
#define WEIR_KCOUNTER_DROP_(id, source, group, field, stage, event, of, cause, text, remedy)       \
	WEIR_KCOUNTER_##id,
enum weir_kcounter {
	WEIR_KCOUNTERS(WEIR_KCOUNTER_COUNT_, WEIR_KCOUNTER_DROP_) WEIR_KCOUNTER_COUNT,
	WEIR_KCOUNTER_none = WEIR_KCOUNTER_COUNT,
};
#undef WEIR_KCOUNTER_COUNT_
#undef WEIR_KCOUNTER_DROP_

struct weir_ksource_info {
	const char *name;
	const char *text; /* what shows the same to a user */
	enum weir_kscope scope;
	unsigned int bits;
};

struct weir_kwhat_info {
	const char *name;
	const char *text;
};

struct weir_kcounter_info {
	const char *name; /* group and field: IpInReceives, "softnet_stat dropped" */
	const char *group, *field;
	const char *text; /* one sentence */
	enum weir_ksource source;
	enum weir_stage stage;
	enum weir_kwhat what;
	/* of drops; else NULL, and none */
	const char *cause;
	const char *remedy;
	enum weir_kevent event;
	enum weir_kcounter of; /* counts the same packets among others */
};

extern const struct weir_ksource_info weir_ksource_info[WEIR_KSOURCE_COUNT];
extern const struct weir_kwhat_info weir_kwhat_info[WEIR_KWHAT_COUNT];
extern const struct weir_kcounter_info weir_kcounter_info[WEIR_KCOUNTER_COUNT];

enum weir_kscope weir_kcounter_scope(enum weir_kcounter counter);
/* Another number for another list of counters. */
__u32 weir_kcounter_layout(void);
/* The counter called @field, @len bytes of it, in @group of @source; none where there is no such.
 */
enum weir_kcounter weir_kcounter_find(enum weir_ksource source, const char *group, size_t group_len,
	const char *field, size_t len);
/* The same of a driver's counter by the driver's name; *@queue becomes the number in it. */
enum weir_kcounter weir_kcounter_of_driver(const char *name, unsigned int *queue);

#endif
