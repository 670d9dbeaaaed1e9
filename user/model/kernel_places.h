/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a place in the kernel's source tells of a drop there: causes that the kernel has no name
 * for, and the stage of those reasons that many places give.
 *
 * Of net/ and drivers/net/ of Linux 6.1, 6.12 and 6.18. A place is a function, "NAME*" all that
 * begin so, "*NAME" all that end so; the first line that fits counts.
 */
#ifndef WEIR_KERNEL_PLACES_H
#define WEIR_KERNEL_PLACES_H

/* Causes of ours, as in kernel_reasons.h. */
#define WEIR_KERNEL_FINER(REASON, SHARED)                                                          \
	SHARED(IP_TTL, ip_forward, "nstat -az IpInHdrErrors Ip6InHdrErrors")                       \
	SHARED(BLACKHOLE, BY_LOCATION, "")                                                         \
	SHARED(UNREACHABLE, route_in, "")                                                          \
	SHARED(PROHIBIT, route_in, "")                                                             \
	SHARED(XMIT_FULL, xmit, "ip -s link show DEV: TX dropped")                                 \
	REASON(XDP_DROP, xdp, "an XDP program dropped it: its verdict, or no memory to run it.",   \
		"ethtool -S DEV: rx_queue_N_xdp_drops; bpftool -s prog show",                      \
		"'ip link show DEV' and 'bpftool net' name the program")                           \
	REASON(ROUTE_REJECTED, route_in,                                                           \
		"a blackhole, unreachable or prohibit route, which one the kernel does not say.",  \
		"",                                                                                \
		"'ip route get ADDR from SRC iif DEV' names the route; 'ip route del TYPE "        \
		"PREFIX' removes it")                                                              \
	REASON(ROUTE_INVALID, route_in,                                                            \
		"the route lookup refuses it: a martian source or destination, or bad IP "         \
		"options.",                                                                        \
		"/proc/net/stat/rt_cache: in_martian_src, in_martian_dst",                         \
		"sysctl -w net.ipv4.conf.all.log_martians=1: dmesg names them; 'ip route get "     \
		"ADDR from SRC iif DEV'")                                                          \
	REASON(FORWARD_INVALID, ip_forward,                                                        \
		"it may not be forwarded: strict source route, no host's MAC, or no memory.",      \
		"nstat -az IpInDiscards Ip6InDiscards",                                            \
		"tcpdump -e -vv -i DEV shows its options and MAC address; ethtool -K DEV lro off") \
	REASON(FRAG_INVALID, ip_defrag,                                                            \
		"a fragment that is malformed, overlaps another, or came twice.",                  \
		"nstat -az IpReasmFails Ip6ReasmFails IpExtReasmOverlaps",                         \
		"look for a faulty sender: tcpdump -vv -i DEV 'ip[6:2] & 0x3fff != 0'")            \
	REASON(FRAG_GIVEN_UP, ip_defrag,                                                           \
		"its packet was given up: a fragment lost, late or wrong.",                        \
		"nstat -az IpReasmFails IpReasmTimeout Ip6ReasmFails",                             \
		"fragments are lost on the way: a smaller MTU at the sender avoids them")          \
	REASON(FRAG_REFUSED, ip_defrag,                                                            \
		"a fragment that is malformed or overlaps another, or finds no room.",             \
		"nstat -az IpReasmFails Ip6ReasmFails IpExtReasmOverlaps",                         \
		"tcpdump -vv -i DEV 'ip[6:2] & 0x3fff != 0' shows it; more room: sysctl -w "       \
		"net.ipv4.ipfrag_high_thresh=N")                                                   \
	REASON(FRAG_NO_ROOM, ip_defrag,                                                            \
		"a fragment came while those that wait held all the memory that they may.",        \
		"nstat -az IpReasmFails; cat /proc/net/sockstat: FRAG memory",                     \
		"sysctl -w net.ipv4.ipfrag_high_thresh=N; many: loss on the way, or an attack")    \
	REASON(FRAGMENT_FAILED, ip_fragment, "it could not be cut in fragments.",                  \
		"nstat -az IpFragFails Ip6FragFails",                                              \
		"memory is short, or the route vanished: dmesg; a larger MTU avoids fragments")    \
	REASON(MULTICAST_TTL, ip_output, "a multicast packet with TTL 0: it stays on this host.",  \
		"", "none needed; IP_MULTICAST_TTL of its sender says how far it goes")            \
	REASON(MULTICAST_NOT_JOINED, BY_LOCATION,                                                  \
		"a multicast packet for a group that nobody here has joined.", "",                 \
		"none needed; 'ip maddr show dev DEV' lists the groups that were joined")          \
	REASON(MROUTE_NONE, ip_forward, "no multicast route takes it any further.",                \
		"columns Pkts and Wrong of /proc/net/ip_mr_cache",                                 \
		"ip mroute show; is the multicast routing daemon running?")                        \
	REASON(ICMP_INVALID, ip_local_deliver,                                                     \
		"an ICMP message that is malformed, or about nothing this host knows.",            \
		"nstat -az IcmpInErrors Icmp6InErrors", "tcpdump -vv -i DEV icmp shows it")        \
	REASON(IGMP_INVALID, ip_local_deliver,                                                     \
		"an IGMP message that is malformed, or that nobody here awaits.", "",              \
		"tcpdump -vv -i DEV igmp shows it")                                                \
	REASON(ARP_INVALID, neigh,                                                                 \
		"an ARP frame that is malformed, or about an address that no host may have.", "",  \
		"tcpdump -e -vv -i DEV arp shows it")                                              \
	REASON(PROXY_ARP_FULL, neigh, "too many requests waited for an answer by proxy.", "",      \
		"sysctl -w net.ipv4.neigh.DEV.proxy_qlen=N")                                       \
	REASON(UDP_IGNORED_MULTI, udp_rcv,                                                         \
		"a UDP multicast or broadcast that no socket here takes.",                         \
		"nstat -az UdpIgnoredMulti Udp6IgnoredMulti",                                      \
		"none needed; to take it: a socket bound to its port")                             \
	REASON(UDP_READ_ERROR, sock_recv,                                                          \
		"it was dropped as a program read it: a wrong checksum, or a bad buffer.",         \
		"nstat -az UdpInErrors UdpInCsumErrors Udp6InErrors",                              \
		"look for a faulty sender: tcpdump -vv shows 'bad udp cksum'")                     \
	REASON(UDP_SEND_INVALID, udp_send,                                                         \
		"sendmsg() asked for segments (UDP_SEGMENT) that cannot be made.", "",             \
		"the program's segment size: at most the MTU, at most 128 segments, checksums on") \
	REASON(SEND_ABANDONED, make_skb,                                                           \
		"a program gave up, or failed, as its packet was being made.",                     \
		"nstat -az IpOutDiscards Ip6OutDiscards",                                          \
		"sendmsg() told its program why: strace -e trace=network -p PID")                  \
	REASON(SEND_BUFFER_FULL, make_skb,                                                         \
		"the socket's send buffer was full, and sendto() told its program so (ENOBUFS).",  \
		"nstat -az UdpSndbufErrors Udp6SndbufErrors",                                      \
		"a larger SO_SNDBUF, up to 'sysctl -w net.core.wmem_max=N', or a longer "          \
		"txqueuelen of DEV")                                                               \
	REASON(TCP_DISCARD, tcp_rcv,                                                               \
		"TCP has no use for it now: often a handshake's last step while the listen queue " \
		"is full.",                                                                        \
		"nstat -az TcpExtListenDrops TcpExtListenOverflows TcpInErrs",                     \
		"ss -ltn: Recv-Q against Send-Q; a larger backlog in listen() and "                \
		"net.core.somaxconn")                                                              \
	REASON(PACKET_SEND_ERROR, sock_send,                                                       \
		"a packet socket could not send it: device down, too long, or no room.", "",       \
		"the program's sendto() tells why: strace -e trace=network -p PID")                \
	REASON(NFQUEUE_DROP, BY_LOCATION,                                                          \
		"it was lost on the way to a program that judges packets (NFQUEUE).",              \
		"columns 6 and 7 of /proc/net/netfilter/nfnetlink_queue",                          \
		"is the program running, and fast enough? a longer queue, or 'bypass' in the "     \
		"rule")                                                                            \
	REASON(XFRM_IN, ip_local_deliver,                                                          \
		"IPsec could not decrypt it: no such state, a replay, or a wrong key.",            \
		"/proc/net/xfrm_stat: XfrmIn*",                                                    \
		"ip -s xfrm state: do both ends have the same SPI and keys?")                      \
	REASON(XFRM_OUT, ip_output, "IPsec could not encrypt it: no state yet, or it expired.",    \
		"/proc/net/xfrm_stat: XfrmOut*", "ip -s xfrm state; is the key daemon running?")   \
	REASON(TUNNEL_IN, ip_local_deliver,                                                        \
		"a tunnel device could not take it: no such tunnel, key or sequence number.",      \
		"ip -s -s link show DEV: RX errors",                                               \
		"ip -d tunnel show: do both ends have the same key, addresses and flags?")         \
	REASON(TUNNEL_OUT, xmit,                                                                   \
		"a tunnel device could not send it: no route to its end, a loop, or too big.",     \
		"ip -s -s link show DEV: TX errors, carrier",                                      \
		"ip route get ADDR of the tunnel's end; ip link set DEV mtu N")                    \
	REASON(ROUTE_ENCAP, BY_LOCATION,                                                           \
		"its route's encapsulation, or its segment routing, failed.", "",                  \
		"'ip -d route get ADDR' shows the route with 'encap'; is the headers' room "       \
		"within the MTU?")                                                                 \
	REASON(BRIDGE_VLAN, core, "its VLAN is not allowed on the bridge port.",                   \
		"bridge -s vlan show",                                                             \
		"bridge vlan add vid N dev DEV; 'bridge vlan show' lists what is allowed")         \
	REASON(VLAN_UNKNOWN, core, "it has the tag of a VLAN that no device here is for.",         \
		"ip -s -s link show DEV: otherhost_dropped",                                       \
		"ip link add link DEV name DEV.ID type vlan id ID takes it; tcpdump -e -i DEV "    \
		"vlan shows the id")                                                               \
	REASON(BRIDGE_NO_PORT, core, "the bridge has no other port that it could leave by.", "",   \
		"'bridge link show' and 'bridge fdb show': is the port there, forwarding, not "    \
		"isolated?")                                                                       \
	REASON(BRIDGE_DROP, core,                                                                  \
		"the bridge does not take it: a port that does not forward, or an address for no " \
		"bridge.",                                                                         \
		"", "'bridge -d link show' shows state, learning and guards of each port")         \
	REASON(MACVLAN_DROP, core,                                                                 \
		"a macvlan or ipvlan device could not hand it on: no such child, its mode, or a "  \
		"full queue.",                                                                     \
		"ip -s link show DEV: RX dropped",                                                 \
		"ip -d link show DEV: mode; 'ip link set DEV type macvlan bcqueuelen N' for "      \
		"broadcasts")                                                                      \
	REASON(QDISC_RESET, qdisc,                                                                 \
		"it waited in a queueing discipline that was changed, or whose device went down.", \
		"", "normal after 'tc qdisc replace' and 'ip link set DEV down'")                  \
	REASON(QDISC_CUT, qdisc,                                                                   \
		"a superframe that a queueing discipline cut, all of whose pieces it dropped.",    \
		"", "none of its own: its pieces are told")                                        \
	REASON(BPF_REDIRECT, xmit,                                                                 \
		"a BPF program's redirect led nowhere: the device is down, or has no neighbour "   \
		"for it.",                                                                         \
		"bpftool -s prog show",                                                            \
		"'bpftool net' names the program; ip -s link show DEV, ip neigh show")             \
	REASON(BPF_LWT, BY_LOCATION, "a BPF program of its route dropped it.",                     \
		"bpftool -s prog show", "'ip route get ADDR' shows the route with 'encap bpf'")    \
	REASON(VETH_NO_PEER, xmit, "the veth's other end is gone.",                                \
		"ip -s link show DEV: TX dropped",                                                 \
		"ip link show DEV: the namespace of its other end (link-netnsid) was deleted")     \
	REASON(VETH_RING_FULL, xmit, "the ring of the veth's other end was full.",                 \
		"ip -s link show DEV: TX dropped",                                                 \
		"the receiver is slower than the sender: more queues (ethtool -L DEV rx N), or a " \
		"qdisc on DEV")                                                                    \
	REASON(XMIT_REFUSED, xmit, "the other end is down, or its MTU is smaller than the frame.", \
		"ip -s link show PEER: RX dropped",                                                \
		"ip link set PEER up; ip link set PEER mtu N, in its namespace")                   \
	REASON(XMIT_STOPPED, xmit,                                                                 \
		"the outgoing device took nothing: down, its queue stopped, or devices in a "      \
		"circle.",                                                                         \
		"ip -s link show DEV: TX dropped",                                                 \
		"ip link set DEV up; dmesg names circles ('Dead loop')")                           \
	REASON(XMIT_INVALID, xmit,                                                                 \
		"the device cannot send it so, and the kernel could not make it fit.",             \
		"ip -s link show DEV: TX dropped",                                                 \
		"ethtool -k DEV: what it can do; memory is short: dmesg")                          \
	REASON(DEVICE_GONE, BY_LOCATION,                                                           \
		"its device went down or was deleted while it was on its way.", "",                \
		"normal after 'ip link set DEV down' and 'ip link del DEV'")                       \
	REASON(DRIVER_DROP, xmit,                                                                  \
		"a driver freed it: dropped, or sent by a driver that does not say which.",        \
		"ethtool -S DEV; ip -s -s link show DEV: TX errors, dropped",                      \
		"if the counters stand still, it was sent: no loss")                               \
	REASON(DRIVER_RX, nic_rx,                                                                  \
		"what a device or its program gave the kernel was no valid frame.",                \
		"ethtool -S DEV; ip -s -s link show DEV: RX errors",                               \
		"look for a faulty driver, or program behind a tap: dmesg")                        \
	REASON(NIC_NO_BUFFER, nic_rx,                                                              \
		"the device had no buffer left: the CPU takes packets off too slowly.",            \
		"ip -s -s link show DEV: RX missed, overrun; ethtool -S DEV",                      \
		"ethtool -G DEV rx N; ethtool -L DEV combined N; interrupts on more CPUs")         \
	REASON(NIC_ERROR, nic_rx, "the device refused a damaged frame.",                           \
		"ip -s -s link show DEV: RX errors, crc, frame, length",                           \
		"cable, transceiver, duplex or MTU: ethtool DEV, ethtool -m DEV")                  \
	REASON(PING_NO_SOCKET, ip_local_deliver,                                                   \
		"an ICMP echo reply for no ping socket; raw sockets have had their copy.",         \
		"nstat -az IcmpInEchoReps",                                                        \
		"none needed: ping by a raw socket leaves the reply itself over")                  \
	REASON(NAT_KEEPALIVE, udp_rcv,                                                             \
		"a byte by which IPsec keeps a NAT's mapping: it has done its work.", "",          \
		"none needed")                                                                     \
	REASON(LLC_UNHANDLED, core,                                                                \
		"an 802.2 frame for no protocol here, as a bridge's STP or a switch's CDP.", "",   \
		"none needed; tcpdump -e -i DEV llc shows its sender")                             \
	REASON(TCP_SPENT, tcp_rcv,                                                                 \
		"the last segment of a connection, taken in TIME_WAIT, mostly.",                   \
		"nstat -az TcpExtTW",                                                              \
		"none needed; a handshake that a full queue ended: nstat -az "                     \
		"TcpExtListenOverflows")                                                           \
	REASON(TCP_PROBE, tcp_rcv,                                                                 \
		"a keep-alive, or a probe of a closed window: it was answered.",                   \
		"nstat -az TcpExtTCPACKSkippedSeq", "none needed")                                 \
	REASON(NOT_NETWORK, BY_LOCATION,                                                           \
		"nothing of the network is lost: a local message, a note, a copy, or a part told " \
		"of elsewhere.",                                                                   \
		"",                                                                                \
		"none needed: netlink, UNIX sockets and copies use the same memory as packets")

/* Netfilter's hooks, by nft's names: cause NETFILTER_DROP/NAME, its stage, and what is dropped. */
#define WEIR_KERNEL_HOOKS(HOOK)                                                                    \
	HOOK(ingress, tc_ingress, "as it came in by its device")                                   \
	HOOK(egress, tc_egress, "as it was to leave by its device")                                \
	HOOK(prerouting, nf_prerouting, "before routing")                                          \
	HOOK(input, nf_local_in, "on its way to this host's programs")                             \
	HOOK(forward, nf_forward, "on its way through this host")                                  \
	HOOK(output, nf_local_out, "as this host sent it")                                         \
	HOOK(postrouting, nf_postrouting, "after routing, on its way out")                         \
	HOOK(arp_input, neigh, "as it came in, an ARP frame")                                      \
	HOOK(arp_output, neigh, "as this host sent it, an ARP frame")                              \
	HOOK(arp_forward, core, "as a bridge passed it on, an ARP frame")                          \
	HOOK(bridge_prerouting, core, "as a bridge took it in")                                    \
	HOOK(bridge_input, core, "as a bridge gave it to this host")                               \
	HOOK(bridge_forward, core, "as a bridge passed it on")                                     \
	HOOK(bridge_output, core, "as this host sent it by a bridge")                              \
	HOOK(bridge_postrouting, core, "as it was to leave a bridge")

/* Which function calls which hook: AT(function, hook). */
#define WEIR_KERNEL_HOOK_CALLERS(AT)                                                               \
	AT("ip_rcv", prerouting)                                                                   \
	AT("ip_list_rcv", prerouting)                                                              \
	AT("ip_sublist_rcv", prerouting)                                                           \
	AT("xfrm4_transport_finish", prerouting)                                                   \
	AT("ipv6_rcv", prerouting)                                                                 \
	AT("ipv6_list_rcv", prerouting)                                                            \
	AT("ip6_sublist_rcv", prerouting)                                                          \
	AT("xfrm6_transport_finish", prerouting)                                                   \
	AT("ip_local_deliver", input)                                                              \
	AT("ip6_input", input)                                                                     \
	AT("ip_forward", forward)                                                                  \
	AT("ip6_forward", forward)                                                                 \
	AT("ipmr_queue*", forward)                                                                 \
	AT("ip_mr_forward", forward)                                                               \
	AT("ip6mr_forward2", forward)                                                              \
	AT("ip6_mr_forward", forward)                                                              \
	AT("__ip_local_out", output)                                                               \
	AT("ip_local_out", output)                                                                 \
	AT("__ip_queue_xmit", output)                                                              \
	AT("ip_build_and_send_pkt", output)                                                        \
	AT("ip_send_skb", output)                                                                  \
	AT("raw_send*", output)                                                                    \
	AT("__ip6_local_out", output)                                                              \
	AT("ip6_local_out", output)                                                                \
	AT("ip6_xmit", output)                                                                     \
	AT("rawv6_send*", output)                                                                  \
	AT("ndisc_send_skb", output)                                                               \
	AT("mld_sendpack", output)                                                                 \
	AT("igmp6_send", output)                                                                   \
	AT("xfrm_output_resume", output)                                                           \
	AT("ip_vs_*", output)                                                                      \
	AT("ip_output", postrouting)                                                               \
	AT("ip_mc_output", postrouting)                                                            \
	AT("__ip_finish_output", postrouting)                                                      \
	AT("ip_finish_output*", postrouting)                                                       \
	AT("xfrm4_output", postrouting)                                                            \
	AT("ip6_output", postrouting)                                                              \
	AT("ip6_finish_output*", postrouting)                                                      \
	AT("xfrm6_output", postrouting)                                                            \
	AT("nf_ingress", ingress)                                                                  \
	AT("__netif_receive_skb*", ingress)                                                        \
	AT("netif_receive_skb*", ingress)                                                          \
	AT("__dev_queue_xmit", egress)                                                             \
	AT("nf_hook_direct_egress", egress)                                                        \
	AT("packet_xmit", egress)                                                                  \
	AT("packet_snd", egress)                                                                   \
	AT("packet_sendmsg", egress)                                                               \
	AT("arp_rcv", arp_input)                                                                   \
	AT("arp_xmit", arp_output)                                                                 \
	AT("arp_send*", arp_output)                                                                \
	AT("arp_solicit", arp_output)                                                              \
	AT("br_nf_forward_arp", arp_forward)                                                       \
	AT("br_nf_pre_routing*", prerouting)                                                       \
	AT("br_nf_forward*", forward)                                                              \
	AT("br_nf_post_routing", postrouting)                                                      \
	AT("br_handle_frame", bridge_prerouting)                                                   \
	AT("br_pass_frame_up", bridge_input)                                                       \
	AT("br_handle_frame_finish", bridge_input)                                                 \
	AT("br_handle_local_finish", bridge_input)                                                 \
	AT("__br_forward", bridge_forward)                                                         \
	AT("br_forward_finish", bridge_postrouting)                                                \
	AT("br_forward", bridge_forward)                                                           \
	AT("br_send_bpdu", bridge_output)                                                          \
	AT("__br_multicast_send_query", bridge_output)

/* A reason that a place makes another cause: AT(function, reason, cause, stage). */
#define WEIR_KERNEL_CASES(AT)                                                                      \
	AT("ip_forward", IP_INHDR, IP_TTL, ip_forward)                                             \
	AT("ip6_forward", IP_INHDR, IP_TTL, ip_forward)                                            \
	AT("ip6_pkt_*", IP_INNOROUTES, ROUTE_REJECTED, route_in)                                   \
	AT("ping_rcv", NO_SOCKET, PING_NO_SOCKET, ip_local_deliver)                                \
	AT("icmp*_rcv", UNHANDLED_PROTO, ICMP_INVALID, ip_local_deliver)                           \
	AT("icmp*_rcv", IP_INHDR, ICMP_INVALID, ip_local_deliver)                                  \
	AT("icmp*_rcv", NO_SOCKET, PING_NO_SOCKET, ip_local_deliver)                               \
	AT("inet_sock_destruct", QUEUE_PURGE, SOCKET_CLOSE, sock_queue)                            \
	AT("udp*", QUEUE_PURGE, SOCKET_CLOSE, sock_queue)                                          \
	AT("packet_*", QUEUE_PURGE, NOT_NETWORK, BY_LOCATION)                                      \
	AT("tcp_*", QUEUE_PURGE, SOCKET_CLOSE, sock_queue)                                         \
	AT("neigh_invalidate", QUEUE_PURGE, NEIGH_FAILED, neigh)                                   \
	AT("neigh_*", QUEUE_PURGE, NEIGH_DEAD, neigh)                                              \
	AT("__neigh_*", QUEUE_PURGE, NEIGH_FAILED, neigh)                                          \
	AT("qdisc_*", QUEUE_PURGE, QDISC_RESET, qdisc)                                             \
	AT("*_reset", QUEUE_PURGE, QDISC_RESET, qdisc)                                             \
	AT("tun_*", QUEUE_PURGE, DEVICE_GONE, xmit)                                                \
	AT("br_*", NO_TX_TARGET, BRIDGE_NO_PORT, core)                                             \
	AT("vxlan_rcv", NOMEM, HDR_TRUNC, udp_rcv)                                                 \
	AT("flush_backlog", DEV_READY, DEVICE_GONE, rps_backlog)

/* Functions that free or judge a packet for whom they are called by: their caller is the place. */
#define WEIR_KERNEL_SERVANTS(AT)                                                                   \
	AT("kfree_skb*")                                                                           \
	AT("__kfree_skb*")                                                                         \
	AT("sk_skb_reason_drop")                                                                   \
	AT("__sk_skb_reason_drop")                                                                 \
	AT("skb_queue_purge*")                                                                     \
	AT("skb_rbtree_purge")                                                                     \
	AT("skb_release_head_state")                                                               \
	AT("skb_drop_list")                                                                        \
	AT("dev_kfree_skb*")                                                                       \
	AT("__dev_kfree_skb*")                                                                     \
	AT("tcp_drop*")                                                                            \
	AT("nf_hook*")                                                                             \
	AT("nft_do_chain*")                                                                        \
	AT("ipt_do_table")                                                                         \
	AT("ip6t_do_table")                                                                        \
	AT("arpt_do_table")                                                                        \
	AT("ebt_do_table")                                                                         \
	AT("iptable_*_hook")                                                                       \
	AT("ip6table_*_hook")                                                                      \
	AT("nf_nat_inet_fn")                                                                       \
	AT("nf_nat_ipv*")                                                                          \
	AT("ipv4_synproxy_hook")                                                                   \
	AT("ipv6_synproxy_hook")

/* Where a servant freed it for this function: AT(function, cause, stage). */
#define WEIR_KERNEL_FREED(AT)                                                                      \
	AT("veth_xmit", VETH_RING_FULL, xmit)                                                      \
	AT("veth_forward_skb", VETH_RING_FULL, xmit)                                               \
	AT("skb_release_data", NOT_NETWORK, BY_LOCATION)

#include "model/kernel_places_net.h"

#endif
