/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The stage of each place, and what NOT_SPECIFIED means there; kernel_places.h says what a line is.
 */
#ifndef WEIR_KERNEL_PLACES_NET_H
#define WEIR_KERNEL_PLACES_NET_H

/* Local messages, notes and copies; no loss of the network's. */
#define WEIR_KERNEL_PLACES_LOCAL(AT)                                                               \
	AT("unix_*", NOT_NETWORK, BY_LOCATION)                                                     \
	AT("__unix_*", NOT_NETWORK, BY_LOCATION)                                                   \
	AT("manage_oob", NOT_NETWORK, BY_LOCATION)                                                 \
	AT("queue_oob", NOT_NETWORK, BY_LOCATION)                                                  \
	AT("netlink_*", NOT_NETWORK, BY_LOCATION)                                                  \
	AT("__netlink_*", NOT_NETWORK, BY_LOCATION)                                                \
	AT("do_one_broadcast", NOT_NETWORK, BY_LOCATION)                                           \
	AT("genl*", NOT_NETWORK, BY_LOCATION)                                                      \
	AT("nlmsg_*", NOT_NETWORK, BY_LOCATION)                                                    \
	AT("nfnl*", NOT_NETWORK, BY_LOCATION)                                                      \
	AT("nfnetlink_*", NOT_NETWORK, BY_LOCATION)                                                \
	AT("nf_tables_*", NOT_NETWORK, BY_LOCATION)                                                \
	AT("ctnetlink_*", NOT_NETWORK, BY_LOCATION)                                                \
	AT("*_get_reply", NOT_NETWORK, BY_LOCATION)                                                \
	AT("*_diag_*", NOT_NETWORK, BY_LOCATION)                                                   \
	AT("nft_get_set_elem", NOT_NETWORK, BY_LOCATION)                                           \
	AT("ip_set_*", NOT_NETWORK, BY_LOCATION)                                                   \
	AT("__rtnl_unlock", QDISC_RESET, qdisc)                                                    \
	AT("rtnl_unlock", QDISC_RESET, qdisc)                                                      \
	AT("rtnl_kfree_skbs", QDISC_RESET, qdisc)                                                  \
	AT("netdev_run_todo", QDISC_RESET, qdisc)                                                  \
	AT("rtnl*", NOT_NETWORK, BY_LOCATION)                                                      \
	AT("rtnetlink_*", NOT_NETWORK, BY_LOCATION)                                                \
	AT("rtm_*", NOT_NETWORK, BY_LOCATION)                                                      \
	AT("rtmsg_*", NOT_NETWORK, BY_LOCATION)                                                    \
	AT("inet_rtm_*", NOT_NETWORK, BY_LOCATION)                                                 \
	AT("inet6_rtm_*", NOT_NETWORK, BY_LOCATION)                                                \
	AT("inet_netconf_*", NOT_NETWORK, BY_LOCATION)                                             \
	AT("inet6_netconf_*", NOT_NETWORK, BY_LOCATION)                                            \
	AT("*notify*", NOT_NETWORK, BY_LOCATION)                                                   \
	AT("*_netlink_event", NOT_NETWORK, BY_LOCATION)                                            \
	AT("xfrm_nlmsg_*", NOT_NETWORK, BY_LOCATION)                                               \
	AT("xfrm_user_*", NOT_NETWORK, BY_LOCATION)                                                \
	AT("audit_*", NOT_NETWORK, BY_LOCATION)                                                    \
	AT("kauditd_*", NOT_NETWORK, BY_LOCATION)                                                  \
	AT("kobject_uevent*", NOT_NETWORK, BY_LOCATION)                                            \
	AT("uevent_*", NOT_NETWORK, BY_LOCATION)                                                   \
	AT("vsock_*", NOT_NETWORK, BY_LOCATION)                                                    \
	AT("virtio_transport_*", NOT_NETWORK, BY_LOCATION)                                         \
	AT("virtio_vsock_*", NOT_NETWORK, BY_LOCATION)                                             \
	AT("sock_recv_errqueue", NOT_NETWORK, BY_LOCATION)                                         \
	AT("skb_errqueue_purge", NOT_NETWORK, BY_LOCATION)                                         \
	AT("ip_recv_error", NOT_NETWORK, BY_LOCATION)                                              \
	AT("ipv6_recv_error", NOT_NETWORK, BY_LOCATION)                                            \
	AT("ip_icmp_error", NOT_NETWORK, BY_LOCATION)                                              \
	AT("ipv6_icmp_error", NOT_NETWORK, BY_LOCATION)                                            \
	AT("ip_local_error", NOT_NETWORK, BY_LOCATION)                                             \
	AT("ipv6_local_error", NOT_NETWORK, BY_LOCATION)                                           \
	AT("__skb_tstamp_tx", NOT_NETWORK, BY_LOCATION)                                            \
	AT("__skb_complete_tx_timestamp", NOT_NETWORK, BY_LOCATION)                                \
	AT("skb_complete_tx_timestamp", NOT_NETWORK, BY_LOCATION)                                  \
	AT("skb_complete_wifi_ack", NOT_NETWORK, BY_LOCATION)                                      \
	AT("msg_zerocopy_*", NOT_NETWORK, BY_LOCATION)                                             \
	AT("__msg_zerocopy_*", NOT_NETWORK, BY_LOCATION)                                           \
	AT("skb_checksum_*trim*", NOT_NETWORK, BY_LOCATION)                                        \
	AT("ip_mc_check_igmp*", NOT_NETWORK, BY_LOCATION)                                          \
	AT("ipv6_mc_check_*", NOT_NETWORK, BY_LOCATION)                                            \
	AT("skb_release_data", NOT_NETWORK, BY_LOCATION)                                           \
	AT("sk_stream_kill_queues", NOT_NETWORK, BY_LOCATION)                                      \
	AT("bpf_prog_test_run*", NOT_NETWORK, BY_LOCATION)                                         \
	AT("bpf_test_*", NOT_NETWORK, BY_LOCATION)                                                 \
	AT("reuseport_*", NOT_NETWORK, BY_LOCATION)

/* Drivers, XDP, the core and its queues. */
#define WEIR_KERNEL_PLACES_CORE(AT)                                                                \
	AT("veth_xdp_rcv*", XDP_DROP, xdp)                                                         \
	AT("veth_poll", XDP_DROP, xdp)                                                             \
	AT("netif_receive_generic_xdp", XDP_DROP, xdp)                                             \
	AT("do_xdp_generic", XDP_DROP, xdp)                                                        \
	AT("bpf_prog_run_generic_xdp", XDP_DROP, xdp)                                              \
	AT("generic_xdp_tx", XMIT_FULL, xmit)                                                      \
	AT("xdp_do_generic_redirect*", XDP_DROP, xdp)                                              \
	AT("veth_xmit", VETH_NO_PEER, xmit)                                                        \
	AT("veth_ptr_free", DEVICE_GONE, xmit)                                                     \
	AT("tun_net_xmit", NOT_SPECIFIED, xmit)                                                    \
	AT("tap_handle_frame", NOT_SPECIFIED, xmit)                                                \
	AT("tun_do_read", DEVICE_GONE, xmit)                                                       \
	AT("tap_do_read", DEVICE_GONE, xmit)                                                       \
	AT("tun_queue_purge", DEVICE_GONE, xmit)                                                   \
	AT("tun_*", DRIVER_RX, nic_rx)                                                             \
	AT("tap_*", DRIVER_RX, nic_rx)                                                             \
	AT("receive_mergeable*", DRIVER_RX, nic_rx)                                                \
	AT("receive_buf", DRIVER_RX, nic_rx)                                                       \
	AT("virtnet_*", DRIVER_RX, nic_rx)                                                         \
	AT("eth_type_trans", DRIVER_RX, nic_rx)                                                    \
	AT("blackhole_netdev_xmit", DEVICE_GONE, xmit)                                             \
	AT("blackhole_neigh_output", DEVICE_GONE, neigh)                                           \
	AT("macvlan_*", MACVLAN_DROP, core)                                                        \
	AT("ipvlan_*xmit*", MACVLAN_DROP, xmit)                                                    \
	AT("ipvlan_process_*outbound", MACVLAN_DROP, xmit)                                         \
	AT("ipvlan_*", MACVLAN_DROP, core)                                                         \
	AT("vxlan_*xmit*", TUNNEL_OUT, xmit)                                                       \
	AT("vxlan_encap_bypass", TUNNEL_OUT, xmit)                                                 \
	AT("encap_bypass_if_local", TUNNEL_OUT, xmit)                                              \
	AT("vxlan_*", TUNNEL_IN, udp_rcv)                                                          \
	AT("geneve_*xmit*", TUNNEL_OUT, xmit)                                                      \
	AT("geneve_*", TUNNEL_IN, udp_rcv)                                                         \
	AT("napi_get_frags_check", NOT_NETWORK, BY_LOCATION)                                       \
	AT("netif_napi_add*", NOT_NETWORK, BY_LOCATION)                                            \
	AT("napi_*", NOT_SPECIFIED, gro)                                                           \
	AT("dev_gro_receive", NOT_SPECIFIED, gro)                                                  \
	AT("gro_cells_receive", CPU_BACKLOG, gro)                                                  \
	AT("gro_cells_*", DEVICE_GONE, gro)                                                        \
	AT("flush_gro_hash", DEVICE_GONE, gro)                                                     \
	AT("enqueue_to_backlog", CPU_BACKLOG, rps_backlog)                                         \
	AT("netif_rx*", CPU_BACKLOG, rps_backlog)                                                  \
	AT("__netif_rx", CPU_BACKLOG, rps_backlog)                                                 \
	AT("flush_backlog", DEVICE_GONE, rps_backlog)                                              \
	AT("dev_cpu_dead", DEVICE_GONE, rps_backlog)                                               \
	AT("sch_handle_ingress", TC_INGRESS, tc_ingress)                                           \
	AT("sch_handle_egress", TC_EGRESS, tc_egress)                                              \
	AT("tc_run", TC_INGRESS, tc_ingress)                                                       \
	AT("skb_vlan_untag", HDR_TRUNC, core)                                                      \
	AT("skb_reorder_vlan_header", HDR_TRUNC, core)                                             \
	AT("__netif_receive_skb*", NOT_SPECIFIED, core)                                            \
	AT("netif_receive_skb*", NOT_SPECIFIED, core)                                              \
	AT("deliver_skb", NOT_SPECIFIED, core)                                                     \
	AT("vlan_*", NOT_SPECIFIED, core)                                                          \
	AT("packet_rcv*", PACKET_SOCK_ERROR, tap_rx)                                               \
	AT("tpacket_rcv", PACKET_SOCK_ERROR, tap_rx)                                               \
	AT("dev_queue_xmit_nit", PACKET_SOCK_ERROR, tap_tx)                                        \
	AT("packet_release", NOT_NETWORK, BY_LOCATION)                                             \
	AT("packet_set_ring", NOT_NETWORK, BY_LOCATION)                                            \
	AT("packet_sock_destruct", NOT_NETWORK, BY_LOCATION)                                       \
	AT("packet_*", PACKET_SEND_ERROR, sock_send)                                               \
	AT("tpacket_*", PACKET_SEND_ERROR, sock_send)                                              \
	AT("__dev_forward_skb*", XMIT_REFUSED, xmit)                                               \
	AT("dev_forward_skb*", XMIT_REFUSED, xmit)                                                 \
	AT("__bpf_tx_skb", BPF_REDIRECT, xmit)                                                     \
	AT("__bpf_redirect*", BPF_REDIRECT, xmit)                                                  \
	AT("bpf_out_neigh*", BPF_REDIRECT, neigh)                                                  \
	AT("skb_do_redirect", BPF_REDIRECT, xmit)                                                  \
	AT("bpf_clone_redirect", BPF_REDIRECT, xmit)                                               \
	AT("run_lwt_bpf", BPF_LWT, BY_LOCATION)                                                    \
	AT("bpf_input", BPF_LWT, route_in)                                                         \
	AT("bpf_lwt_input*", BPF_LWT, route_in)                                                    \
	AT("bpf_output", BPF_LWT, route_out)                                                       \
	AT("bpf_xmit", BPF_LWT, ip_output)                                                         \
	AT("bpf_lwt_xmit*", BPF_LWT, ip_output)                                                    \
	AT("lwtunnel_input", TUNNEL_OUT, route_in)                                                 \
	AT("lwtunnel_*", TUNNEL_OUT, ip_output)                                                    \
	AT("validate_xmit_xfrm", XFRM_OUT, xmit)                                                   \
	AT("validate_xmit_*", XMIT_INVALID, xmit)                                                  \
	AT("__skb_pad", XMIT_INVALID, xmit)                                                        \
	AT("skb_expand_head", XMIT_INVALID, ip_output)                                             \
	AT("__dev_queue_xmit", XMIT_STOPPED, xmit)                                                 \
	AT("__dev_direct_xmit", XMIT_STOPPED, xmit)                                                \
	AT("net_tx_action", DRIVER_DROP, xmit)                                                     \
	AT("dev_kfree_skb*", DRIVER_DROP, xmit)                                                    \
	AT("__dev_kfree_skb*", DRIVER_DROP, xmit)                                                  \
	AT("dev_hard_start_xmit", DRIVER_DROP, xmit)                                               \
	AT("sch_direct_xmit", DRIVER_DROP, xmit)

/* Queueing disciplines and bridges. */
#define WEIR_KERNEL_PLACES_LINK(AT)                                                                \
	AT("__dev_xmit_skb", QDISC_DROP, qdisc)                                                    \
	AT("qdisc_reset*", QDISC_RESET, qdisc)                                                     \
	AT("qdisc_*", QDISC_DROP, qdisc)                                                           \
	AT("__qdisc_*", QDISC_DROP, qdisc)                                                         \
	AT("pfifo_*", QDISC_RESET, qdisc)                                                          \
	AT("sfq_rehash", QDISC_DROP, qdisc)                                                        \
	AT("drop_func", QDISC_DROP, qdisc)                                                         \
	AT("tbf_*", QDISC_DROP, qdisc)                                                             \
	AT("cake_clear_tin", QDISC_RESET, qdisc)                                                   \
	AT("cake_*", QDISC_DROP, qdisc)                                                            \
	AT("sfb_*", QDISC_DROP, qdisc)                                                             \
	AT("teql_*", QDISC_DROP, qdisc)                                                            \
	AT("skbprio_*", QDISC_RESET, qdisc)                                                        \
	AT("timesortedlist_drop", QDISC_DROP, qdisc)                                               \
	AT("sch_frag*", FRAGMENT_FAILED, tc_egress)                                                \
	AT("*_enqueue", QDISC_DROP, qdisc)                                                         \
	AT("*_dequeue", QDISC_DROP, qdisc)                                                         \
	AT("br_handle_vlan", BRIDGE_VLAN, core)                                                    \
	AT("__allowed_ingress", BRIDGE_VLAN, core)                                                 \
	AT("br_allowed_ingress", BRIDGE_VLAN, core)                                                \
	AT("br_pass_frame_up", BRIDGE_VLAN, core)                                                  \
	AT("br_forward", BRIDGE_NO_PORT, core)                                                     \
	AT("br_flood", BRIDGE_NO_PORT, core)                                                       \
	AT("br_multicast_flood", BRIDGE_NO_PORT, core)                                             \
	AT("br_dev_queue_push_xmit", XMIT_REFUSED, xmit)                                           \
	AT("br_*", BRIDGE_DROP, core)                                                              \
	AT("__br_*", BRIDGE_DROP, core)                                                            \
	AT("nf_br_ip_fragment", FRAGMENT_FAILED, ip_fragment)

/* Tunnels, IPsec, netfilter's queue. */
#define WEIR_KERNEL_PLACES_TUNNEL(AT)                                                              \
	AT("ip_tunnel_xmit", TUNNEL_OUT, xmit)                                                     \
	AT("ip_md_tunnel_xmit", TUNNEL_OUT, xmit)                                                  \
	AT("iptunnel_xmit", TUNNEL_OUT, ip_local_out)                                              \
	AT("ipip_tunnel_xmit", TUNNEL_OUT, xmit)                                                   \
	AT("ipgre_xmit", TUNNEL_OUT, xmit)                                                         \
	AT("gre_tap_xmit", TUNNEL_OUT, xmit)                                                       \
	AT("gre_fb_xmit", TUNNEL_OUT, xmit)                                                        \
	AT("erspan_*xmit", TUNNEL_OUT, xmit)                                                       \
	AT("ip6_tnl_*xmit", TUNNEL_OUT, xmit)                                                      \
	AT("ip6gre_*xmit", TUNNEL_OUT, xmit)                                                       \
	AT("ip6erspan_*xmit", TUNNEL_OUT, xmit)                                                    \
	AT("ip_tunnel_*", TUNNEL_IN, ip_local_deliver)                                             \
	AT("ipip_*", TUNNEL_IN, ip_local_deliver)                                                  \
	AT("__ipgre_*", TUNNEL_IN, ip_local_deliver)                                               \
	AT("gre_rcv", TUNNEL_IN, ip_local_deliver)                                                 \
	AT("erspan_rcv", TUNNEL_IN, ip_local_deliver)                                              \
	AT("__ip6_tnl_rcv", TUNNEL_IN, ip_local_deliver)                                           \
	AT("ipxip6_rcv", TUNNEL_IN, ip_local_deliver)                                              \
	AT("fou_*", TUNNEL_IN, udp_rcv)                                                            \
	AT("gue_*", TUNNEL_IN, udp_rcv)                                                            \
	AT("vti*_xmit", XFRM_OUT, xmit)                                                            \
	AT("vti*", XFRM_IN, ip_local_deliver)                                                      \
	AT("xfrmi_xmit", XFRM_OUT, xmit)                                                           \
	AT("xfrmi_*", XFRM_IN, ip_local_deliver)                                                   \
	AT("xfrm_output*", XFRM_OUT, ip_output)                                                    \
	AT("xfrm_policy_*", XFRM_OUT, ip_output)                                                   \
	AT("xdst_queue_output", XFRM_OUT, ip_output)                                               \
	AT("esp_output*", XFRM_OUT, ip_output)                                                     \
	AT("esp6_output*", XFRM_OUT, ip_output)                                                    \
	AT("xfrm_input*", XFRM_IN, ip_local_deliver)                                               \
	AT("xfrm_trans_*", XFRM_IN, ip_local_deliver)                                              \
	AT("xfrm4_*", XFRM_IN, ip_local_deliver)                                                   \
	AT("xfrm6_*", XFRM_IN, ip_local_deliver)                                                   \
	AT("espintcp_*", XFRM_IN, tcp_rcv)                                                         \
	AT("handle_esp", XFRM_IN, tcp_rcv)                                                         \
	AT("nf_queue*", NFQUEUE_DROP, BY_LOCATION)                                                 \
	AT("nf_reinject", NFQUEUE_DROP, BY_LOCATION)                                               \
	AT("nfqnl_*", NFQUEUE_DROP, BY_LOCATION)                                                   \
	AT("__nfqnl_*", NFQUEUE_DROP, BY_LOCATION)                                                 \
	AT("nf_do_netdev_egress", BPF_REDIRECT, xmit)                                              \
	AT("nf_fwd_netdev_egress", BPF_REDIRECT, xmit)

/* IPv4 and IPv6, in and out; multicast; neighbours. */
#define WEIR_KERNEL_PLACES_IP(AT)                                                                  \
	AT("ip_error", ROUTE_REJECTED, route_in)                                                   \
	AT("ip6_pkt_drop", ROUTE_REJECTED, BY_LOCATION)                                            \
	AT("ip6_pkt_*_out", ROUTE_REJECTED, route_out)                                             \
	AT("ip6_pkt_*", ROUTE_REJECTED, route_in)                                                  \
	AT("dst_discard*", BLACKHOLE, BY_LOCATION)                                                 \
	AT("ip_rcv_finish*", ROUTE_INVALID, route_in)                                              \
	AT("ip_list_rcv_finish*", ROUTE_INVALID, route_in)                                         \
	AT("ip_route_input*", ROUTE_INVALID, route_in)                                             \
	AT("ip6_rcv_finish*", ROUTE_INVALID, route_in)                                             \
	AT("ip_rt_bug", ROUTE_INVALID, route_out)                                                  \
	AT("ip_rcv*", NOT_SPECIFIED, ip_rcv)                                                       \
	AT("ip_list_rcv", NOT_SPECIFIED, ip_rcv)                                                   \
	AT("ip_sublist_rcv*", ROUTE_INVALID, route_in)                                             \
	AT("ip6_rcv_core", NOT_SPECIFIED, ip_rcv)                                                  \
	AT("ipv6_rcv", NOT_SPECIFIED, ip_rcv)                                                      \
	AT("ipv6_list_rcv", NOT_SPECIFIED, ip_rcv)                                                 \
	AT("ip_forward*", FORWARD_INVALID, ip_forward)                                             \
	AT("ip6_forward*", FORWARD_INVALID, ip_forward)                                            \
	AT("ip_expire", FRAG_REASM_TIMEOUT, ip_defrag)                                             \
	AT("ip6frag_expire*", FRAG_REASM_TIMEOUT, ip_defrag)                                       \
	AT("ip6_frag_expire", FRAG_REASM_TIMEOUT, ip_defrag)                                       \
	AT("inet_frag_*", FRAG_GIVEN_UP, ip_defrag)                                                \
	AT("ip_frag_*", FRAG_INVALID, ip_defrag)                                                   \
	AT("ip_defrag", FRAG_NO_ROOM, ip_defrag)                                                   \
	AT("ip_check_defrag", FRAG_INVALID, ip_defrag)                                             \
	AT("ip6_frag_*", FRAG_INVALID, ip_defrag)                                                  \
	AT("ipv6_frag_rcv", FRAG_INVALID, ip_defrag)                                               \
	AT("nf_ct_frag6_*", FRAG_INVALID, ip_defrag)                                               \
	AT("ipv6_*_rcv", IPV6_BAD_EXTHDR, ip_rcv)                                                  \
	AT("ipv6_srh_rcv", IPV6_BAD_EXTHDR, ip_rcv)                                                \
	AT("ipv6_parse_*", IPV6_BAD_EXTHDR, ip_rcv)                                                \
	AT("ip6_parse_tlv", IPV6_BAD_EXTHDR, ip_rcv)                                               \
	AT("ip_protocol_deliver_rcu", NOT_SPECIFIED, ip_local_deliver)                             \
	AT("ip_local_deliver*", NOT_SPECIFIED, ip_local_deliver)                                   \
	AT("ip6_protocol_deliver_rcu", NOT_SPECIFIED, ip_local_deliver)                            \
	AT("ip6_input*", NOT_SPECIFIED, ip_local_deliver)                                          \
	AT("ip6_mc_input", MULTICAST_NOT_JOINED, ip_local_deliver)                                 \
	AT("icmp_*", ICMP_INVALID, ip_local_deliver)                                               \
	AT("icmpv6_*", ICMP_INVALID, ip_local_deliver)                                             \
	AT("ping_*", NO_SOCKET, ip_local_deliver)                                                  \
	AT("__ping_*", NO_SOCKET, ip_local_deliver)                                                \
	AT("igmp*send*", SEND_ABANDONED, make_skb)                                                 \
	AT("igmpv3_newpack", SEND_ABANDONED, make_skb)                                             \
	AT("igmp6_send", SEND_ABANDONED, make_skb)                                                 \
	AT("mld_sendpack", SEND_ABANDONED, make_skb)                                               \
	AT("igmp_*", IGMP_INVALID, ip_local_deliver)                                               \
	AT("igmp6_*", IGMP_INVALID, ip_local_deliver)                                              \
	AT("mld_*", IGMP_INVALID, ip_local_deliver)                                                \
	AT("ipmr_*", MROUTE_NONE, ip_forward)                                                      \
	AT("ip_mr_*", MROUTE_NONE, ip_forward)                                                     \
	AT("ip6mr_*", MROUTE_NONE, ip_forward)                                                     \
	AT("ip6_mr_*", MROUTE_NONE, ip_forward)                                                    \
	AT("reg_vif_xmit", MROUTE_NONE, xmit)                                                      \
	AT("pim*_rcv*", MROUTE_NONE, ip_local_deliver)                                             \
	AT("ip_fragment", PKT_TOO_BIG, ip_fragment)                                                \
	AT("ip6_fragment", PKT_TOO_BIG, ip_fragment)                                               \
	AT("ip_do_fragment", FRAGMENT_FAILED, ip_fragment)                                         \
	AT("ip_finish_output_gso", SKB_GSO_SEG, ip_fragment)                                       \
	AT("ip6_finish_output_gso*", SKB_GSO_SEG, ip_fragment)                                     \
	AT("ip_finish_output2", NEIGH_CREATEFAIL, neigh)                                           \
	AT("ip6_finish_output2", NEIGH_CREATEFAIL, neigh)                                          \
	AT("ip_mc_output", MULTICAST_TTL, ip_output)                                               \
	AT("ip_mc_finish_output", NOT_SPECIFIED, ip_output)                                        \
	AT("ip_finish_output*", NOT_SPECIFIED, ip_output)                                          \
	AT("__ip_finish_output", NOT_SPECIFIED, ip_output)                                         \
	AT("ip_output", NOT_SPECIFIED, ip_output)                                                  \
	AT("ip6_output", NOT_SPECIFIED, ip_output)                                                 \
	AT("ip6_finish_output*", NOT_SPECIFIED, ip_output)                                         \
	AT("__ip_local_out", NOT_SPECIFIED, ip_local_out)                                          \
	AT("ip_local_out", NOT_SPECIFIED, ip_local_out)                                            \
	AT("__ip6_local_out", NOT_SPECIFIED, ip_local_out)                                         \
	AT("__ip_queue_xmit", IP_OUTNOROUTES, route_out)                                           \
	AT("ip6_xmit", PKT_TOO_BIG, ip_local_out)                                                  \
	AT("__ip_append_data", SEND_ABANDONED, make_skb)                                           \
	AT("__ip6_append_data", SEND_ABANDONED, make_skb)                                          \
	AT("__ip_flush_pending_frames", SEND_ABANDONED, make_skb)                                  \
	AT("__ip6_flush_pending_frames", SEND_ABANDONED, make_skb)                                 \
	AT("arp_error_report", NEIGH_FAILED, neigh)                                                \
	AT("arp_*", ARP_INVALID, neigh)                                                            \
	AT("ndisc_error_report", NEIGH_FAILED, neigh)                                              \
	AT("ndisc_*", NOT_SPECIFIED, neigh)                                                        \
	AT("pndisc_*", PROXY_ARP_FULL, neigh)                                                      \
	AT("neigh_blackhole", NEIGH_DEAD, neigh)                                                   \
	AT("neigh_flush_dev", NEIGH_DEAD, neigh)                                                   \
	AT("neigh_destroy", NEIGH_DEAD, neigh)                                                     \
	AT("neigh_invalidate", NEIGH_FAILED, neigh)                                                \
	AT("__neigh_update", NEIGH_FAILED, neigh)                                                  \
	AT("neigh_resolve_output", NEIGH_HH_FILLFAIL, neigh)                                       \
	AT("neigh_connected_output", NEIGH_HH_FILLFAIL, neigh)                                     \
	AT("neigh_xmit", NEIGH_CREATEFAIL, neigh)                                                  \
	AT("neigh_proxy_process", PROXY_ARP_FULL, neigh)                                           \
	AT("pneigh_*", PROXY_ARP_FULL, neigh)                                                      \
	AT("neigh_*", NOT_SPECIFIED, neigh)                                                        \
	AT("__neigh_*", NOT_SPECIFIED, neigh)

/* Sockets, UDP, TCP. */
#define WEIR_KERNEL_PLACES_SOCKET(AT)                                                              \
	AT("inet_sock_destruct", SOCKET_CLOSE, sock_queue)                                         \
	AT("inet6_*sock", SOCKET_CLOSE, sock_queue)                                                \
	AT("udp*_destruct*", SOCKET_CLOSE, sock_queue)                                             \
	AT("tcp_disconnect", SOCKET_CLOSE, sock_queue)                                             \
	AT("sock_queue_rcv_skb*", NOT_SPECIFIED, sock_queue)                                       \
	AT("__sock_queue_rcv_skb", NOT_SPECIFIED, sock_queue)                                      \
	AT("__udp_enqueue_schedule_skb", NOT_SPECIFIED, sock_queue)                                \
	AT("__sk_receive_skb", NOT_SPECIFIED, sock_queue)                                          \
	AT("sk_psock_*", NOT_SPECIFIED, sock_queue)                                                \
	AT("skb_kill_datagram", UDP_READ_ERROR, sock_recv)                                         \
	AT("__udp*_lib_mcast_deliver", UDP_IGNORED_MULTI, udp_rcv)                                 \
	AT("udp*_recvmsg", UDP_READ_ERROR, sock_recv)                                              \
	AT("udp_read_skb", UDP_READ_ERROR, sock_recv)                                              \
	AT("__first_packet_length", UDP_READ_ERROR, sock_recv)                                     \
	AT("first_packet_length", UDP_READ_ERROR, sock_recv)                                       \
	AT("udp_send_skb", UDP_SEND_INVALID, udp_send)                                             \
	AT("udp_v6_send_skb", UDP_SEND_INVALID, udp_send)                                          \
	AT("udp*_sendmsg", SEND_ABANDONED, udp_send)                                               \
	AT("__udp4_lib_rcv", UDP_IGNORED_MULTI, udp_rcv)                                           \
	AT("__udp6_lib_rcv", UDP_IGNORED_MULTI, udp_rcv)                                           \
	AT("udp*", NOT_SPECIFIED, udp_rcv)                                                         \
	AT("__udp*", NOT_SPECIFIED, udp_rcv)                                                       \
	AT("raw_send_hdrinc", SEND_ABANDONED, make_skb)                                            \
	AT("rawv6_send_hdrinc", SEND_ABANDONED, make_skb)                                          \
	AT("raw_*", NOT_SPECIFIED, ip_local_deliver)                                               \
	AT("rawv6_*", NOT_SPECIFIED, ip_local_deliver)                                             \
	AT("tcp_send*", SEND_ABANDONED, tcp_send)                                                  \
	AT("tcp_make_synack", SEND_ABANDONED, tcp_send)                                            \
	AT("tcp_v6_send_response", SEND_ABANDONED, tcp_send)                                       \
	AT("__tcp_transmit_skb", SEND_ABANDONED, tcp_send)                                         \
	AT("tcp_v4_rcv", TCP_SPENT, tcp_rcv)                                                       \
	AT("tcp_v6_rcv", TCP_SPENT, tcp_rcv)                                                       \
	AT("tcp_*", TCP_DISCARD, tcp_rcv)                                                          \
	AT("mptcp_*", TCP_DISCARD, tcp_rcv)                                                        \
	AT("inet_csk_*", TCP_DISCARD, tcp_rcv)

#define WEIR_KERNEL_PLACES(AT)                                                                     \
	WEIR_KERNEL_PLACES_LOCAL(AT)                                                               \
	WEIR_KERNEL_PLACES_CORE(AT)                                                                \
	WEIR_KERNEL_PLACES_LINK(AT)                                                                \
	WEIR_KERNEL_PLACES_TUNNEL(AT)                                                              \
	WEIR_KERNEL_PLACES_IP(AT)                                                                  \
	WEIR_KERNEL_PLACES_SOCKET(AT)

#endif
