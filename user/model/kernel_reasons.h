/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What each name of the kernel's `enum skb_drop_reason` means: Linux 6.1 to 6.18, declared once.
 *
 * REASON(name, stage, sentence, counter, remedy): the name without SKB_DROP_REASON_. BY_LOCATION
 * stands where many places give the same reason: kernel_places.h says which is which stage.
 * SHARED(name, stage, counter): sentence and remedy are those of WEIR_CAUSES (weir/stages.h), since
 * the fast plane gives the same cause.
 * A counter is the command that shows it, "" where the kernel keeps none of its own.
 */
#ifndef WEIR_KERNEL_REASONS_H
#define WEIR_KERNEL_REASONS_H

/* Not of one layer: the core, drivers, memory. */
#define WEIR_KERNEL_REASONS_CORE(REASON, SHARED)                                                   \
	REASON(NOT_DROPPED_YET, BY_LOCATION, "no loss: the packet was not dropped.", "",           \
		"nothing to do")                                                                   \
	REASON(CONSUMED, BY_LOCATION, "no loss: the packet was used up as it should be.", "",      \
		"nothing to do")                                                                   \
	REASON(NOT_SPECIFIED, BY_LOCATION, "the kernel does not say why; the place tells more.",   \
		"",                                                                                \
		"the location that 'weir drop show' names is a function of the kernel's source")   \
	SHARED(PKT_TOO_SMALL, BY_LOCATION, "nstat -az IpExtInTruncatedPkts UdpInErrors TcpInErrs") \
	REASON(NOMEM, BY_LOCATION, "the kernel had no memory for it.",                             \
		"grep -E 'MemFree|MemAvail' /proc/meminfo",                                        \
		"free memory, or raise vm.min_free_kbytes: dmesg shows failed allocations")        \
	REASON(PFMEMALLOC, sock_queue,                                                             \
		"memory was so short that only packets that help to free it were kept.",           \
		"nstat -az TcpExtPFMemallocDrop", "free memory, or raise vm.min_free_kbytes")      \
	REASON(HDR_TRUNC, BY_LOCATION, "its headers could not be read: it ends before they do.",   \
		"", "look for a faulty sender: tcpdump -vv -i DEV")                                \
	REASON(SKB_CSUM, BY_LOCATION, "its checksum could not be computed, or is wrong.", "",      \
		"look for a faulty sender or driver: ethtool -K DEV rx off tells whose fault it "  \
		"is")                                                                              \
	REASON(SKB_GSO_SEG, BY_LOCATION, "a superframe could not be cut in segments.", "",         \
		"ethtool -K DEV gso off tso off avoids it; report it to the driver's authors")     \
	REASON(SKB_BAD_GSO, BY_LOCATION, "a superframe whose header says what cannot be.", "",     \
		"a virtual machine or a packet socket made it: which one, tcpdump -e -i DEV "      \
		"shows")                                                                           \
	REASON(SKB_UCOPY_FAULT, BY_LOCATION, "its data could not be copied from or to a program.", \
		"", "the program gave a bad address, or memory is short: dmesg")                   \
	REASON(INVALID_PROTO, BY_LOCATION,                                                         \
		"its protocol forbids such a packet, as a timestamp request by broadcast.",        \
		"nstat -az IcmpInErrors", "find the sender: tcpdump -e -i DEV")                    \
	REASON(QUEUE_PURGE, BY_LOCATION, "a queue was emptied with packets in it.", "",            \
		"normal as sockets are closed and devices go down; else: what was closed or set "  \
		"down?")                                                                           \
	REASON(RECURSION_LIMIT, xmit, "virtual devices pass it round in a circle.",                \
		"ip -s link show DEV: TX dropped",                                                 \
		"take one tunnel, bond or team out of the circle: dmesg names the device")         \
	REASON(SECURITY_HOOK, BY_LOCATION, "a security module or a BPF LSM program forbids it.",   \
		"", "ausearch -m avc, dmesg | grep audit: the module's policy")                    \
	REASON(XDP, xdp, "an XDP program in generic mode dropped it.", "bpftool -s prog show",     \
		"'ip link show DEV' and 'bpftool net' name the program")                           \
	REASON(CPU_BACKLOG, rps_backlog, "a CPU's backlog of received packets was full.",          \
		"column 2 of /proc/net/softnet_stat",                                              \
		"sysctl -w net.core.netdev_max_backlog=N; more CPUs in "                           \
		"/sys/class/net/DEV/queues/rx-N/rps_cpus")                                         \
	SHARED(UNHANDLED_PROTO, core,                                                              \
		"ip -s -s link show DEV: RX dropped; rx_nohandler for a device that a bond holds " \
		"back")                                                                            \
	REASON(TC_INGRESS, tc_ingress,                                                             \
		"a tc or tcx program, filter or action dropped it on its way in.",                 \
		"tc -s filter show dev DEV ingress; bpftool -s prog show",                         \
		"'tc -s filter show dev DEV ingress' and 'bpftool net' name who drops")            \
	REASON(TC_EGRESS, tc_egress,                                                               \
		"a tc or tcx program, filter or action dropped it on its way out.",                \
		"tc -s filter show dev DEV egress; bpftool -s prog show",                          \
		"'tc -s filter show dev DEV egress' and 'bpftool net' name who drops")             \
	REASON(TC_COOKIE_ERROR, BY_LOCATION,                                                       \
		"a tc action took it up again at a place that is gone.", "",                       \
		"tc filter show dev DEV ingress: chains changed under way, or hardware and "       \
		"kernel differ")                                                                   \
	REASON(TC_CHAIN_NOTFOUND, BY_LOCATION,                                                     \
		"a tc rule sends it to a chain that does not exist.", "",                          \
		"tc chain show dev DEV ingress; tc filter show dev DEV ingress: which 'goto "      \
		"chain'")                                                                          \
	REASON(TC_RECLASSIFY_LOOP, BY_LOCATION, "tc rules send it round in a circle.", "",         \
		"tc filter show dev DEV ingress: which 'reclassify'")                              \
	REASON(DEV_HDR, BY_LOCATION, "the driver cannot read or make the device's own header.",    \
		"ethtool -S DEV",                                                                  \
		"look for a faulty driver or host of the virtual machine: dmesg")                  \
	REASON(DEV_READY, xmit, "the device is not ready: down, or nobody has it open.",           \
		"ip -s link show DEV: dropped",                                                    \
		"ip link set DEV up; for a tap: start the program that serves it")                 \
	REASON(FULL_RING, xmit, "the ring to who takes the packets off was full.",                 \
		"ip -s link show DEV: TX dropped",                                                 \
		"the reader is too slow: ip link set DEV txqueuelen N, or more queues")            \
	REASON(TAP_FILTER, xmit, "a BPF filter attached to the tap device dropped it.",            \
		"ip -s link show DEV: TX dropped",                                                 \
		"the program that made the tap attached it (TUNSETFILTEREBPF)")                    \
	REASON(TAP_TXFILTER, xmit, "the tap device's address filter does not let it through.",     \
		"ip -s link show DEV: TX dropped",                                                 \
		"the program that made the tap set it (TUNSETTXFILTER)")                           \
	REASON(PACKET_SOCK_ERROR, tap_rx,                                                          \
		"a packet socket's reader was too slow: its copy was lost, the packet was not.",   \
		"'dropped by kernel' of tcpdump; ss -0 -e -m",                                     \
		"a larger buffer: tcpdump -B KIB, or sysctl -w net.core.rmem_max=N")

/* Link layer and what stands between link layer and IP. */
#define WEIR_KERNEL_REASONS_LINK(REASON, SHARED)                                                   \
	SHARED(OTHERHOST, ip_rcv, "ip -s -s link show DEV: otherhost_dropped")                     \
	REASON(UNICAST_IN_L2_MULTICAST, ip_rcv,                                                    \
		"for one host by IP, but for many by MAC address.", "",                            \
		"sysctl -w net.ipv4.conf.DEV.drop_unicast_in_l2_multicast=0 allows it")            \
	REASON(MAC_INVALID_SOURCE, core, "its source MAC address is one that no device may have.", \
		"ip -s link show DEV: RX dropped", "find the sender: tcpdump -e -i DEV")           \
	REASON(LOCAL_MAC, core,                                                                    \
		"its source MAC address is this host's own: a loop, or a copied address.",         \
		"ip -s link show DEV: RX dropped",                                                 \
		"look for a loop between switches, bridges or VXLANs; 'bridge fdb show' names "    \
		"ports")                                                                           \
	REASON(MAC_IEEE_MAC_CONTROL, core,                                                         \
		"an Ethernet pause or control frame, which no bridge passes on.", "",              \
		"none needed; 'ethtool -a DEV' shows who handles pause frames")                    \
	REASON(BRIDGE_INGRESS_STP_STATE, core,                                                     \
		"the bridge port does not forward: spanning tree blocks it.", "",                  \
		"'bridge link show dev DEV' names the state; normal while a tree is built")        \
	REASON(ARP_PVLAN_DISABLE, core,                                                            \
		"an ARP request that the bridge may not answer for another host.", "",             \
		"sysctl -w net.ipv4.conf.DEV.proxy_arp_pvlan=1 lets it answer")                    \
	REASON(NO_TX_TARGET, xmit,                                                                 \
		"a VXLAN has nobody to send it to: its MAC address is not known.",                 \
		"ip -s link show DEV: TX dropped",                                                 \
		"bridge fdb append MAC dev DEV dst ADDR; 'bridge fdb show dev DEV'")               \
	REASON(VXLAN_INVALID_HDR, udp_rcv, "its VXLAN header is malformed.",                       \
		"ip -s link show DEV: RX errors",                                                  \
		"do both ends use the same extensions? ip -d link show DEV")                       \
	REASON(VXLAN_VNI_NOT_FOUND, udp_rcv, "no VXLAN device has its network identifier.", "",    \
		"ip -d link show type vxlan: add the VNI here, or remove this host from the "      \
		"sender's list")                                                                   \
	REASON(VXLAN_ENTRY_EXISTS, udp_rcv,                                                        \
		"a static entry forbids its MAC address to move here.",                            \
		"ip -s link show DEV: RX errors",                                                  \
		"'bridge fdb show dev DEV' names the entry; 'bridge fdb del' removes it")          \
	REASON(IP_TUNNEL_ECN, BY_LOCATION,                                                         \
		"its outer and inner headers disagree about congestion.",                          \
		"ip -s link show DEV: RX frame errors",                                            \
		"the tunnel's other end, or a router, breaks ECN (RFC 6040)")                      \
	REASON(TUNNEL_TXINFO, xmit,                                                                \
		"it went to an 'external' tunnel device without saying where to.",                 \
		"ip -s link show DEV: TX dropped",                                                 \
		"a tc 'tunnel_key set' or a route with 'encap ip' must say so")                    \
	REASON(CAN_RX_INVALID_FRAME, core, "a CAN frame that is malformed.", "",                   \
		"look for a faulty sender: candump -e DEV")                                        \
	REASON(CANFD_RX_INVALID_FRAME, core, "a CAN FD frame that is malformed.", "",              \
		"look for a faulty sender: candump -e DEV")                                        \
	REASON(CANXL_RX_INVALID_FRAME, core, "a CAN XL frame that is malformed.", "",              \
		"look for a faulty sender: candump -e DEV")

/* IP: headers, routes, fragments, netfilter, IPsec. */
#define WEIR_KERNEL_REASONS_IP(REASON, SHARED)                                                     \
	SHARED(IP_CSUM, ip_rcv, "nstat -az IpExtInCsumErrors IpInHdrErrors")                       \
	SHARED(IP_INHDR, ip_rcv, "nstat -az IpInHdrErrors Ip6InHdrErrors")                         \
	REASON(NETFILTER_DROP, BY_LOCATION,                                                        \
		"a netfilter rule or policy drops it: nftables, iptables, or a module.",           \
		"nft list ruleset; iptables-save -c: rules with counters",                         \
		"nft -a list ruleset; 'nft monitor trace' names the rule, once 'meta nftrace set " \
		"1' marks the packet")                                                             \
	REASON(IP_RPFILTER, route_in,                                                              \
		"its source would not be answered by the device it came in by (rp_filter).",       \
		"nstat -az TcpExtIPReversePathFilter",                                             \
		"sysctl -w net.ipv4.conf.DEV.rp_filter=2 (and all.rp_filter), or a route back by " \
		"DEV")                                                                             \
	REASON(IP_LOCAL_SOURCE, route_in, "its source is this host's own address.",                \
		"nstat -az IpInDiscards",                                                          \
		"a loop or a forged source: tcpdump -e -i DEV; sysctl "                            \
		"net.ipv4.conf.DEV.accept_local allows it")                                        \
	SHARED(IP_INVALID_SOURCE, route_in, "")                                                    \
	SHARED(IP_LOCALNET, route_in, "")                                                          \
	REASON(IP_INVALID_DEST, route_in, "its destination is one that no host may be sent to.",   \
		"",                                                                                \
		"find the sender by its MAC address: tcpdump -e -i DEV; its configuration is "     \
		"wrong")                                                                           \
	REASON(IP_INADDRERRORS, route_in,                                                          \
		"for an address that is not this host's, where forwarding is off.",                \
		"nstat -az IpInAddrErrors Ip6InAddrErrors",                                        \
		"sysctl -w net.ipv4.conf.DEV.forwarding=1 to forward it; else: why does the "      \
		"sender choose this host?")                                                        \
	REASON(IP_INNOROUTES, route_in, "no route leads to its destination.",                      \
		"nstat -az IpExtInNoRoutes Ip6InNoRoutes",                                         \
		"'ip route get ADDR from SRC iif DEV' tells; add a route: ip route add PREFIX "    \
		"via GATEWAY")                                                                     \
	REASON(IP_OUTNOROUTES, route_out, "no route leads to where this host would send it.",      \
		"nstat -az IpOutNoRoutes Ip6OutNoRoutes",                                          \
		"'ip route get ADDR' tells; add a route: ip route add PREFIX via GATEWAY")         \
	REASON(IP_NOPROTO, ip_local_deliver,                                                       \
		"nobody here takes its IP protocol, or a raw socket that does was full.",          \
		"nstat -az IpInUnknownProtos Ip6InUnknownProtos",                                  \
		"modprobe the protocol's module, or stop the sender: tcpdump -i DEV 'ip proto N'") \
	SHARED(PKT_TOO_BIG, BY_LOCATION, "nstat -az IpFragFails Ip6FragFails Ip6InTooBigErrors")   \
	REASON(DUP_FRAG, ip_defrag, "a fragment that came twice.",                                 \
		"nstat -az IpReasmFails Ip6ReasmFails",                                            \
		"harmless alone; many: two paths or a loop, tcpdump -i DEV 'ip[6:2] & 0x3fff != "  \
		"0'")                                                                              \
	REASON(FRAG_REASM_TIMEOUT, ip_defrag, "the other fragments did not come in time.",         \
		"nstat -az IpReasmTimeout Ip6ReasmTimeout",                                        \
		"fragments are lost on the way; net.ipv4.ipfrag_time is how long they are "        \
		"awaited")                                                                         \
	REASON(FRAG_TOO_FAR, ip_defrag,                                                            \
		"too many fragments of the same sender came since the last of this packet.",       \
		"nstat -az IpReasmFails",                                                          \
		"sysctl -w net.ipv4.ipfrag_max_dist=0 (0: any distance)")                          \
	SHARED(XFRM_POLICY, BY_LOCATION,                                                           \
		"grep -E 'InNoPols|InPolBlock|InPolError|OutPol' /proc/net/xfrm_stat")             \
	REASON(BPF_CGROUP_EGRESS, ip_output, "a BPF program of the sender's cgroup forbids it.",   \
		"bpftool -s prog show",                                                            \
		"bpftool cgroup tree: which program (systemd's IPAddressDeny= is one)")            \
	REASON(IPV6DISABLED, BY_LOCATION, "an IPv6 packet on a device where IPv6 is off.",         \
		"nstat -az Ip6InDiscards", "sysctl -w net.ipv6.conf.DEV.disable_ipv6=0")           \
	REASON(IPV6_BAD_EXTHDR, ip_rcv,                                                            \
		"an IPv6 extension header is malformed or in the wrong place.",                    \
		"nstat -az Ip6InHdrErrors", "look for a faulty sender: tcpdump -vv -i DEV ip6")    \
	REASON(IPV6_NDISC_FRAG, neigh, "a neighbour discovery message that came in fragments.",    \
		"", "sysctl net.ipv6.conf.DEV.suppress_frag_ndisc=0 accepts it, which is unsafe")  \
	REASON(IPV6_NDISC_HOP_LIMIT, neigh,                                                        \
		"a neighbour discovery message that crossed a router.", "",                        \
		"a forged or misrouted message: tcpdump -e -vv -i DEV icmp6")                      \
	REASON(IPV6_NDISC_BAD_CODE, neigh, "a neighbour discovery message with a wrong code.", "", \
		"look for a faulty sender: tcpdump -e -vv -i DEV icmp6")                           \
	REASON(IPV6_NDISC_BAD_OPTIONS, neigh,                                                      \
		"a neighbour discovery message with malformed options.", "",                       \
		"look for a faulty sender: tcpdump -e -vv -i DEV icmp6")                           \
	REASON(IPV6_NDISC_NS_OTHERHOST, neigh, "a neighbour asks for an address of another host.", \
		"", "none needed: normal where multicast is flooded")                              \
	SHARED(ICMP_CSUM, ip_local_deliver, "nstat -az IcmpInCsumErrors Icmp6InCsumErrors")        \
	REASON(NEIGH_CREATEFAIL, neigh, "no neighbour entry could be made for the next hop.",      \
		"column table_fulls of /proc/net/stat/arp_cache (hexadecimal)",                    \
		"the table is full: sysctl -w net.ipv4.neigh.default.gc_thresh3=N; 'ip neigh "     \
		"show'")                                                                           \
	REASON(NEIGH_FAILED, neigh, "the next hop did not answer when asked for its MAC address.", \
		"column res_failed of /proc/net/stat/arp_cache (hexadecimal)",                     \
		"'ip neigh show' lists FAILED; is the next hop up, in the same VLAN? ping it "     \
		"from here")                                                                       \
	REASON(NEIGH_QUEUEFULL, neigh,                                                             \
		"more packets than the queue holds waited for the next hop's MAC address.",        \
		"column unresolved_discards of /proc/net/stat/arp_cache (hexadecimal)",            \
		"sysctl -w net.ipv4.neigh.DEV.unres_qlen_bytes=N, or a permanent entry: ip neigh " \
		"replace")                                                                         \
	REASON(NEIGH_DEAD, neigh, "the next hop's neighbour entry was removed meanwhile.", "",     \
		"normal as a device goes down or its address changes; else: what runs 'ip neigh "  \
		"flush'?")                                                                         \
	REASON(NEIGH_HH_FILLFAIL, neigh, "the link-layer header could not be put before it.", "",  \
		"the device changed under way: ip -d link show DEV")

/* What the queueing disciplines say. */
#define WEIR_KERNEL_REASONS_QDISC(REASON, SHARED)                                                  \
	SHARED(QDISC_DROP, qdisc, "tc -s qdisc show dev DEV: dropped")                             \
	REASON(QDISC_OVERLIMIT, qdisc, "the queueing discipline was full.",                        \
		"tc -s qdisc show dev DEV: dropped, overlimits",                                   \
		"more room: tc qdisc change dev DEV root ... limit N; or a faster link, or fewer " \
		"senders")                                                                         \
	REASON(QDISC_CONGESTED, qdisc,                                                             \
		"the queueing discipline drops early, since packets waited too long.",             \
		"tc -s qdisc show dev DEV: dropped",                                               \
		"as it is meant to (codel, red, pie); its target and interval say when: tc qdisc " \
		"show dev DEV")                                                                    \
	REASON(CAKE_FLOOD, qdisc, "cake holds one flow back, which does not slow down.",           \
		"tc -s qdisc show dev DEV: drops",                                                 \
		"find the flow: tcpdump -i DEV; its sender ignores loss")                          \
	REASON(FQ_BAND_LIMIT, qdisc, "a band of the fq discipline was full.",                      \
		"tc -s qdisc show dev DEV: band_drops", "tc qdisc change dev DEV root fq limit N") \
	REASON(FQ_HORIZON_LIMIT, qdisc,                                                            \
		"its sending time lies too far ahead for the fq discipline.",                      \
		"tc -s qdisc show dev DEV: horizon_drops",                                         \
		"tc qdisc change dev DEV root fq horizon TIME, or horizon_cap")                    \
	REASON(FQ_FLOW_LIMIT, qdisc, "one flow had too many packets in the fq discipline.",        \
		"tc -s qdisc show dev DEV: flows_plimit",                                          \
		"tc qdisc change dev DEV root fq flow_limit N")                                    \
	REASON(DUALPI2_STEP_DROP, qdisc,                                                           \
		"the dualpi2 discipline drops it, since its low-latency queue is too long.",       \
		"tc -s qdisc show dev DEV",                                                        \
		"a sender without ECN in the L4S queue: tc qdisc change dev DEV root dualpi2 "     \
		"step_thresh TIME")

/* Sockets and UDP. */
#define WEIR_KERNEL_REASONS_SOCKET(REASON, SHARED)                                                 \
	REASON(NO_SOCKET, BY_LOCATION, "no socket is open at its address and port.",               \
		"nstat -az UdpNoPorts TcpOutRsts",                                                 \
		"is the service running, and bound to this address? ss -lunp, ss -ltnp")           \
	REASON(SOCKET_CLOSE, sock_queue, "the socket was closed with data unread.",                \
		"nstat -az TcpExtTCPAbortOnClose",                                                 \
		"normal as a program ends; else it should read to the end before it closes")       \
	REASON(SOCKET_FILTER, sock_queue, "the socket's BPF filter does not let it through.",      \
		"ss -u -a -m, column d of skmem: drops",                                           \
		"'ss -0 -b' shows filters; SO_ATTACH_FILTER of that program, or of its cgroup")    \
	REASON(SOCKET_RCVBUFF, sock_queue, "the socket's receive buffer was full.",                \
		"nstat -az UdpRcvbufErrors Udp6RcvbufErrors; ss -u -a -m: d of skmem",             \
		"the program reads too slowly: more threads, or SO_RCVBUF up to 'sysctl -w "       \
		"net.core.rmem_max=N'")                                                            \
	REASON(SOCKET_BACKLOG, sock_queue,                                                         \
		"too much came in while the socket's owner was busy with it.",                     \
		"nstat -az TcpExtTCPBacklogDrop",                                                  \
		"a larger receive buffer (SO_RCVBUF, net.core.rmem_max, net.ipv4.tcp_rmem), or a " \
		"faster reader")                                                                   \
	REASON(PROTO_MEM, sock_queue,                                                              \
		"all sockets of this protocol together have used up their memory.",                \
		"nstat -az UdpMemErrors TcpExtTCPMemoryPressures; cat /proc/net/sockstat",         \
		"sysctl -w net.ipv4.udp_mem='N N N' or net.ipv4.tcp_mem; ss -m shows who holds "   \
		"it")                                                                              \
	REASON(UDP_CSUM, udp_rcv, "its UDP checksum is wrong.",                                    \
		"nstat -az UdpInCsumErrors Udp6InCsumErrors",                                      \
		"look for a faulty sender or link: tcpdump -vv shows 'bad udp cksum'")             \
	REASON(UNIX_DISCONNECT, sock_queue,                                                        \
		"a UNIX socket was connected to another peer with data unread.", "",               \
		"none needed: no packet of the network")                                           \
	REASON(UNIX_SKIP_OOB, sock_queue, "a UNIX socket's reader skipped out-of-band data.", "",  \
		"none needed: no packet of the network")                                           \
	REASON(PSP_INPUT, tcp_rcv,                                                                 \
		"its PSP encryption is missing, or not what the socket expects.", "",              \
		"do both ends agree on PSP keys? ss -t -i -e")                                     \
	REASON(PSP_OUTPUT, xmit, "the device cannot encrypt it by PSP, as its socket must.", "",   \
		"the route has moved to a device without PSP: ip route get ADDR")

#include "model/kernel_reasons_tcp.h"

#define WEIR_KERNEL_REASONS(REASON, SHARED)                                                        \
	WEIR_KERNEL_REASONS_CORE(REASON, SHARED)                                                   \
	WEIR_KERNEL_REASONS_LINK(REASON, SHARED)                                                   \
	WEIR_KERNEL_REASONS_IP(REASON, SHARED)                                                     \
	WEIR_KERNEL_REASONS_QDISC(REASON, SHARED)                                                  \
	WEIR_KERNEL_REASONS_SOCKET(REASON, SHARED)                                                 \
	WEIR_KERNEL_REASONS_TCP(REASON, SHARED)

#endif
