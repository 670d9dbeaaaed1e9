/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stages of a packet's path and the causes of its loss, declared once.
 *
 * Ids are positions in these lists and are append-only: a golden test pins them. Every string that
 * a user meets (CLI, JSON keys, metric labels, completion, man pages, TUI rows) is derived from here.
 * Stages carry the name of the kernel's own step; causes carry the name of `enum skb_drop_reason`
 * without its prefix wherever the kernel has one, and finer names of our own where it does not.
 */
#ifndef WEIR_STAGES_H
#define WEIR_STAGES_H

/* How each plane sees a stage; the text is what `weir path coverage` prints, "" = no such stage. */
#define WEIR_STAGES(STAGE)                                                                         \
	/*    id, what happens there, kernel plane, fast plane, stack plane */                     \
	STAGE(nic_rx, "NIC to memory: address filter, DMA", "qstats", "XDP entry", "RX ring")      \
	STAGE(irq, "hard interrupt; the driver masks it", "irq_handler", "", "wakeup")             \
	STAGE(softirq, "NET_RX raised, net_rx_action", "softirq", "", "event-loop turn")           \
	STAGE(napi_poll, "the driver's poll", "napi_poll", "", "RX batch")                         \
	STAGE(xdp, "the XDP hook", "xdp tracepoints", "XDP: link layer parsed", "")                \
	STAGE(gro, "napi_gro_receive merges", "napi_gro_receive", "", "coalescing")                \
	STAGE(rps_backlog, "enqueue_to_backlog, input_pkt_queue", "softnet_stat", "", "hand-off")  \
	STAGE(core, "__netif_receive_skb_core", "netif_receive_skb", "", "demux")                  \
	STAGE(tap_rx, "packet taps (AF_PACKET)", "packet sockets", "", "pcap tap")                 \
	STAGE(tc_ingress, "traffic control, ingress", "tcx", "TC: link layer parsed", "")          \
	STAGE(ip_rcv, "IPv4 header checks", "kfree_skb", "XDP, TC: header checks", "checks")       \
	STAGE(nf_prerouting, "filter and DNAT before routing", "netfilter links",                  \
	      "XDP, TC: DNAT; filter of what is not forwarded", "hook chain")                              \
	STAGE(route_in, "route lookup", "fib_table_lookup", "XDP, TC: bpf_fib_lookup", "LPM")      \
	STAGE(ip_defrag, "reassembly", "kfree_skb, MIB", "", "reassembly")                         \
	STAGE(ip_forward, "TTL and MTU of what is forwarded", "kfree_skb, MIB",                    \
	      "XDP, TC: TTL, MTU", "forward")                                                      \
	STAGE(nf_forward, "filter of what is forwarded", "netfilter links", "XDP, TC: filter",     \
	      "hook chain")                                                                        \
	STAGE(ip_local_deliver, "delivery to this host", "netfilter links", "", "deliver")         \
	STAGE(nf_local_in, "filter of what is for this host", "netfilter links", "", "hook chain") \
	STAGE(udp_rcv, "UDP finds its socket", "kfree_skb", "", "socket table")                    \
	STAGE(tcp_rcv, "TCP finds its socket", "tcp tracepoints", "", "TCP input")                 \
	STAGE(sock_queue, "the socket's receive queue", "sock_rcvqueue_full", "", "receive buffer") \
	STAGE(sock_wake, "sk_data_ready", "sk_data_ready", "", "readiness")                        \
	STAGE(sock_recv, "recv() returns the data", "sock_recv_length", "", "API read")            \
	STAGE(sock_send, "sendto(), write()", "sock_send_length", "", "API write")                 \
	STAGE(autobind, "a local port is chosen", "syscalls", "", "autobind")                      \
	STAGE(udp_send, "udp_sendmsg", "kfree_skb", "", "UDP output")                              \
	STAGE(tcp_send, "tcp_sendmsg", "tcp tracepoints", "", "TCP output")                        \
	STAGE(route_out, "ip_route_output_flow", "fib_table_lookup", "", "LPM")                    \
	STAGE(make_skb, "ip_make_skb, send buffer", "MIB", "", "frame")                            \
	STAGE(ip_local_out, "__ip_local_out", "kfree_skb", "", "header")                           \
	STAGE(nf_local_out, "filter of what this host sends", "netfilter links", "", "hook chain") \
	STAGE(ip_output, "ip_output", "kfree_skb", "", "output")                                   \
	STAGE(nf_postrouting, "SNAT after routing", "netfilter links", "XDP, TC: sessions, SNAT",  \
	      "hook chain")                                                                        \
	STAGE(ip_fragment, "fragmentation", "MIB", "", "fragment")                                 \
	STAGE(neigh, "next hop's link address (ARP)", "neigh tracepoints",                         \
	      "XDP, TC: FIB's neighbour, confirmation", "ARP")                                     \
	STAGE(tc_egress, "traffic control, egress", "tcx", "TC: what the kernel sends", "")        \
	STAGE(qdisc, "queueing discipline", "qdisc tracepoints", "", "fair queue")                 \
	STAGE(tap_tx, "packet taps on the way out", "packet sockets", "", "pcap tap")              \
	STAGE(xmit, "hand-off to the driver", "net_dev_xmit",                                      \
	      "XDP: redirect, devmap flush; TC: redirect", "TX ring")                                                                           \
	STAGE(tx_complete, "sent, memory freed", "consume_skb", "", "completion ring")

enum weir_stage {
#define STAGE(id, text, kernel, fast, stack) WEIR_STAGE_##id,
	WEIR_STAGES(STAGE)
#undef STAGE
		WEIR_STAGE_COUNT
};

/* Where the fast plane meets a packet: id, the letter that stands for it below, and what it is. */
#define WEIR_HOOKS(HOOK)                                                                           \
	HOOK(xdp, X, "XDP: each frame that the driver takes in")                                   \
	HOOK(tc_ingress, I, "TC: what the kernel takes in, superframes too")                       \
	HOOK(tc_egress, E, "TC: what the kernel sends, local senders' packets too")

enum weir_hook {
#define HOOK(id, letter, text) WEIR_HOOK_##id,
	WEIR_HOOKS(HOOK)
#undef HOOK
		WEIR_HOOK_COUNT
};

enum weir_hook_mask {
#define HOOK(id, letter, text) WEIR_##letter = 1 << WEIR_HOOK_##id,
	WEIR_HOOKS(HOOK)
#undef HOOK
	WEIR_XI = WEIR_X | WEIR_I,
	WEIR_XIE = WEIR_XI | WEIR_E,
};

/* The fast plane's stages in the order in which a packet meets them, and the hooks at which it
 * does. A hook's first stage is the one by which packets enter there. */
#define WEIR_FAST_STAGES(STAGE)                                                                    \
	STAGE(nic_rx, X)                                                                           \
	STAGE(xdp, X)                                                                              \
	STAGE(tc_ingress, I)                                                                       \
	STAGE(ip_rcv, XI)                                                                          \
	STAGE(nf_prerouting, XI)                                                                   \
	STAGE(route_in, XI)                                                                        \
	STAGE(ip_forward, XI)                                                                      \
	STAGE(nf_forward, XI)                                                                      \
	STAGE(nf_postrouting, XI)                                                                  \
	STAGE(neigh, XI)                                                                           \
	STAGE(tc_egress, E)                                                                        \
	STAGE(xmit, XIE)

enum weir_fast_stage {
#define STAGE(id, hooks) WEIR_FAST_##id,
	WEIR_FAST_STAGES(STAGE)
#undef STAGE
		WEIR_FAST_STAGE_COUNT
};

/* Causes: name, one plain sentence, the remedy (what to look at, which command). */
#define WEIR_CAUSES(CAUSE)                                                                         \
	CAUSE(NONE, "no loss: the packet went on.", "nothing to do")                               \
	CAUSE(PKT_TOO_SMALL, "the frame is shorter than its headers say.",                         \
	      "look for a faulty sender or cable: tcpdump -vv on the sending host, ethtool -S DEV") \
	CAUSE(OTHERHOST, "the frame is addressed to another host's MAC address.",                  \
	      "normal on a promiscuous or flooded port; if the device's own address was changed, " \
	      "run 'weir dev attach DEV force' to read it again")                                  \
	CAUSE(L2_MULTICAST, "the frame is addressed to a multicast or broadcast MAC address.",     \
	      "none needed: the kernel handles it")                                                \
	CAUSE(ARP, "an ARP frame: the kernel's own.", "none needed: the kernel answers it")        \
	CAUSE(IPV6, "an IPv6 packet: the fast path forwards IPv4 only.",                           \
	      "none needed: the kernel forwards it")                                               \
	CAUSE(VLAN, "a frame with a VLAN tag that belongs to no attached VLAN device.",            \
	      "none needed: the kernel handles it; to forward it here: weir dev attach DEV.VID")   \
	CAUSE(UNHANDLED_PROTO, "neither IPv4 nor IPv6 nor ARP.",                                   \
	      "none needed: the kernel handles or drops it; 'tcpdump -e -i DEV' shows its type")   \
	CAUSE(IP_INHDR, "the IPv4 header is malformed: version, header length or total length.",   \
	      "look for a faulty sender: tcpdump -vv -i DEV; nstat -az IpInHdrErrors")             \
	CAUSE(IP_CSUM, "the IPv4 header checksum is wrong.",                                       \
	      "look for a faulty sender or link: tcpdump -vv shows 'bad cksum'")                   \
	CAUSE(IP_OPTIONS, "the IPv4 header carries options, which the kernel must act on.",        \
	      "none needed: the kernel forwards it")                                               \
	CAUSE(IP_MULTICAST, "an IPv4 multicast packet: the kernel's own.",                         \
	      "none needed: the kernel delivers or routes it")                                     \
	CAUSE(IP_BROADCAST, "an IPv4 limited broadcast: never forwarded.",                         \
	      "none needed: the kernel delivers it")                                               \
	CAUSE(IP_INVALID_SOURCE, "the source address is one that no host may send from.",          \
	      "find the sender by its MAC address: tcpdump -e -i DEV; its configuration is wrong") \
	CAUSE(IP_LOCALNET, "a loopback address on the wire (127.0.0.0/8).",                        \
	      "the kernel drops it unless net.ipv4.conf.DEV.route_localnet is 1")                  \
	CAUSE(BLACKHOLE, "a blackhole route swallows it.",                                         \
	      "'ip route get ADDR' names the route; 'ip route del blackhole PREFIX' removes it")   \
	CAUSE(UNREACHABLE, "an unreachable route rejects it; the kernel answers with ICMP.",       \
	      "'ip route get ADDR' names the route; 'ip route del unreachable PREFIX' removes it") \
	CAUSE(PROHIBIT, "a prohibit route rejects it; the kernel answers with ICMP.",              \
	      "'ip route get ADDR' names the route; 'ip route del prohibit PREFIX' removes it")    \
	CAUSE(NOT_FORWARDED, "for this host's own address, a local broadcast, or without a route.", \
	      "'ip route get ADDR from SRC iif DEV' tells which; nstat -az IpInNoRoutes counts "   \
	      "those without a route")                                                             \
	CAUSE(FWD_DISABLED, "forwarding is off on the device it came in by.",                      \
	      "sysctl -w net.ipv4.conf.DEV.forwarding=1")                                          \
	CAUSE(LWTUNNEL, "the route goes into a lightweight tunnel, which the kernel must build.",  \
	      "none needed: the kernel forwards it")                                               \
	CAUSE(FIB_ERROR, "the kernel's route lookup refused the question.",                        \
	      "'ip route get ADDR' shows what the kernel would do; report it with 'weir version'") \
	CAUSE(IP_TTL, "the TTL ends here; the kernel answers with ICMP time exceeded.",            \
	      "a traceroute or a routing loop: 'traceroute -n ADDR' shows which")                  \
	CAUSE(PKT_TOO_BIG, "larger than the next link's MTU with DF set; the kernel sends ICMP.",  \
	      "'ip link show' compares MTUs; let ICMP type 3 code 4 through to the sender")        \
	CAUSE(IP_FRAGMENT, "larger than the next link's MTU; the kernel cuts it in fragments.",    \
	      "'ip link show' compares MTUs; equal ones keep the packet in the fast path")         \
	CAUSE(NEIGH_UNRESOLVED, "the next hop's MAC address is not known yet; the kernel asks.",   \
	      "normal for the first packets; if it lasts: 'ip neigh show', is the next hop up?")   \
	CAUSE(NEIGH_CONFIRM, "one packet per next hop and reachable time, so the kernel confirms it.", \
	      "none needed: net.ipv4.neigh.DEV.base_reachable_time_ms sets how often")             \
	CAUSE(EGRESS_NOT_ATTACHED, "it leaves by a device not attached, or one that takes no redirected frames.",          \
	      "'ip route get ADDR' names the device; 'weir dev attach DEV' attaches to it or says why not")                \
	CAUSE(CSUM_UNKNOWN, "a checksum left open by a local sender, which XDP cannot complete.",  \
	      "none needed: the kernel completes it")                                              \
	CAUSE(XMIT_FULL, "the driver's transmit queue was full.",                                  \
	      "the receiver is slower than the sender: ethtool -G DEV tx N, or fewer flows a queue") \
	CAUSE(XMIT_NO_RECEIVER, "the veth's other end takes no redirected frames.",                \
	      "ethtool -K PEER gro on, in the namespace of the veth's other end")                  \
	CAUSE(XMIT_DOWN, "the outgoing device is down.", "ip link set DEV up")                     \
	CAUSE(XMIT_TOO_BIG, "the outgoing device's MTU is smaller than the frame.",                \
	      "ip link set DEV mtu N; 'ip route get ADDR' must show the same MTU")                 \
	CAUSE(XMIT_UNSUPPORTED, "the outgoing driver takes no redirected frames.",                 \
	      "a veth: ethtool -K PEER gro on; else the DEV it came in by: weir dev attach DEV "   \
	      "xdp generic force")                                                                 \
	CAUSE(XMIT_ERROR, "the driver or the kernel refused the frame for another reason.",        \
	      "dmesg, ethtool -S DEV")                                                             \
	CAUSE(XDP_EXCEPTION, "the driver could not take the packet over from XDP.",                \
	      "memory is short: dmesg, ethtool -S DEV")                                            \
	CAUSE(SOURCE_CHECK, "its source is this host's own address, or fails rp_filter.",          \
	      "the kernel judges it: 'ip route get SRC'; nstat -az TcpExtIPReversePathFilter")     \
	CAUSE(HEADER_APART, "its IPv4 header does not lie in the frame's first buffer.",           \
	      "none needed: the kernel gathers it")                                                \
	CAUSE(XDP_JUDGED, "the XDP program of the same device has judged it already.",             \
	      "none needed: no packet is judged twice")                                            \
	CAUSE(TC_JUDGED, "the TC ingress program has forwarded it here and judged it already.",    \
	      "none needed: no packet is judged twice")                                            \
	CAUSE(GSO_UNKNOWN, "a superframe whose segments' size weir cannot tell.",                  \
	      "none needed: the kernel forwards it")                                               \
	CAUSE(UNTAGGED, "an untagged frame on a device attached only for its VLANs.",              \
	      "none needed: the kernel handles it; to forward it here: weir dev attach DEV")       \
	CAUSE(NO_HEADROOM, "no room before the frame for the VLAN tag that it needs.",             \
	      "none needed: the kernel makes room and forwards it")                                \
	CAUSE(QDISC_DROP, "the outgoing device's queueing discipline refused the packet.",         \
	      "tc -s qdisc show dev DEV: a longer limit, or fewer senders")                        \
	CAUSE(FILTER, "a rule or a policy of weir's filter drops it.",                             \
	      "weir filter show: the counters say which; weir explain asks for one packet")             \
	CAUSE(FILTER_REJECT, "a rule of weir's filter rejects it, and its sender is told.",        \
	      "weir filter show: the counters say which; weir explain asks for one packet")             \
	CAUSE(FILTER_PUNT, "a rule or a policy of weir's filter gives it to the kernel.",          \
	      "none needed: the kernel forwards it; weir filter show")                             \
	CAUSE(NAT_EXHAUSTED, "the NAT rule's addresses have no port left for another session.",    \
	      "weir nat show tells how full pools are: more addresses behind 'to', or shorter "    \
	      "'weir nat timeout'")                                                                \
	CAUSE(NAT_CLASH, "its answers could not be told from those of another session.",           \
	      "weir nat session show addr ADDR: two rules translate to the same ends")             \
	CAUSE(NAT_FULL, "there is no room for another session.",                                   \
	      "weir nat limit SESSIONS, or shorter 'weir nat timeout'")                            \
	CAUSE(NAT_NO_SESSION, "NAT governs it, and it belongs to no session and can begin none.",  \
	      "a late answer, or an ICMP error about nothing known: 'weir nat session show'")      \
	CAUSE(NAT_NO_MAPPING, "for an address that NAT gives out, and nobody is behind that port.", \
	      "weir nat explain ADDR:PORT; 'weir nat add dnat' opens a port")                      \
	CAUSE(NAT_FILTERED, "from outside to a mapping that lets in whom it has sent to alone.",   \
	      "'filtering endpoint' in the NAT rule lets anyone in; weir nat show")                \
	CAUSE(NAT_FRAGMENT, "a later fragment that NAT governs, and no first one that it could follow.", \
	      "fragments come out of order: look for two paths to here; outwards the kernel can "  \
	      "sort them: 'weir doctor' says whether it does (reassembly)")                        \
	CAUSE(NAT_UNTRANSLATED, "it cannot be finished here, and would leave the kernel untranslated.", \
	      "weir dev attach DEV: the device that it leaves by")                                 \
	CAUSE(ICMP_CSUM, "the checksum of an ICMP message is wrong.",                              \
	      "look for a faulty sender or link: tcpdump -vv shows 'wrong icmp cksum'") \
	CAUSE(XFRM_POLICY, "IPsec governs it: an xfrm policy speaks of it, or it came encrypted.", \
	      "the kernel encrypts, checks or drops it: 'ip xfrm policy' shows which one governs it") \
	CAUSE(IP_REASSEMBLE, "a fragment of a packet that the kernel has parts of: it puts them together.", \
	      "none needed: the kernel forwards it; many: look for two paths to here, or a smaller MTU")

enum weir_cause {
#define CAUSE(id, text, remedy) WEIR_CAUSE_##id,
	WEIR_CAUSES(CAUSE)
#undef CAUSE
		WEIR_CAUSE_COUNT
};

#endif
