#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What Linux drops of IPv6, told by cause, stage, device, namespace and number. Netfilter's links are of
# IPv4, so that what IPv6 passes between `core` and the queueing discipline is not observed; the ledger
# balances all the same. See kernel.bash.

load helper
load kernel

R0_ADDR6=2001:db8:1::fe S_ADDR6=2001:db8:2::1

# enable_ip6 c|r|s DEV ADDR: at once, and without a word to others.
enable_ip6() {
	in_ns "$1" sysctl -qw net.ipv6.conf.all.forwarding="$([ "$1" = r ] && echo 1 || echo 0)" \
		"net.ipv6.conf.$2.accept_dad=0" "net.ipv6.conf.$2.accept_ra=0" \
		"net.ipv6.conf.$2.router_solicitations=0" \
		"net.ipv6.conf.$2.mldv2_unsolicited_report_interval=1" &&
		in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 "net.ipv6.conf.$2.disable_ipv6=0" &&
		in_ns "$1" ip addr add "$3/64" dev "$2" nodad
}

setup_file() {
	start_known_lab || return
	enable_ip6 c c0 2001:db8:1::1 && enable_ip6 r r0 $R0_ADDR6 && enable_ip6 r r1 2001:db8:2::fe &&
		enable_ip6 s s0 $S_ADDR6 || return
	knows c c0 $R0_ADDR6 r0
	knows r r0 2001:db8:1::1 c0
	knows r r1 $S_ADDR6 s0
	knows s s0 2001:db8:2::fe r1
	in_ns c ip route add default via $R0_ADDR6
	in_ns s ip route add default via 2001:db8:2::fe
	in_ns r ip route add blackhole 2001:db8:a::/48
	in_ns r ip route add prohibit 2001:db8:b::/48
	in_ns r ip route add unreachable 2001:db8:c::/48
	in_ns r sysctl -qw net.ipv6.neigh.r1.retrans_time_ms=50 net.ipv6.neigh.r1.mcast_solicit=2
	in_ns c ping -qc 1 $S_ADDR6 >/dev/null
	wait_until groups_are_told
	watch_lab drops
}

# What groups are joined is told to all, now and a little later.
told_groups() {
	local x

	for x in c r s; do
		in_ns "$x" nstat -asz Ip6OutMcastPkts
	done
}

groups_are_told() {
	local before

	before=$(told_groups)
	sleep 1
	[ "$(told_groups)" = "$before" ]
}

teardown_file() {
	stop_kernel_lab
}

setup() {
	need python3 jq nft
}

teardown() {
	in_ns r nft flush ruleset
	forget_failure
}

# --- ports ---

lose_at_closed_ports() {
	sock c send $S_ADDR6 7777 5 10
	sock c refused $S_ADDR6 7777 4
	dropped "s s0 udp_rcv NO_SOCKET 5" "s s0 tcp_rcv NO_SOCKET 4"
}
@test "IPv6: closed ports of UDP and TCP" { lose_at_closed_ports; }

lose_at_full_socket() {
	local kept

	hold s udp6 5000 2000
	sock c send $S_ADDR6 5000 20 400
	kept=$(in_ns s ss -Hunlm 'sport = :5000' | grep -o ',d[0-9]*' | tr -d ,d)
	dropped "s s0 sock_queue SOCKET_RCVBUFF $kept"
	end_background
	[ "$kept" -gt 10 ] && [ "$kept" -lt 20 ]
}
@test "IPv6: a full receive buffer" { lose_at_full_socket; }

# --- routes ---

lose_at_routes() {
	sock c send 2001:db8:9::1 9 3 10
	sock c send 2001:db8:a::1 9 4 10
	sock c send 2001:db8:b::1 9 5 10
	sock c send 2001:db8:c::1 9 6 10
	dropped "r r0 route_in IP_INNOROUTES 3" "r r0 route_in BLACKHOLE 4" "r r0 route_in PROHIBIT 5" \
		"r r0 route_in UNREACHABLE 6"
}
@test "IPv6: no route, and routes of type blackhole, prohibit, unreachable" { lose_at_routes; }

lose_before_packets() {
	equal "no route" "$(sock r send 2001:db8:9::1 9 3 10)" "3 ENETUNREACH"
	equal "blackhole" "$(sock r send 2001:db8:a::1 9 4 10)" "4 EINVAL"
	equal "prohibit" "$(sock r send 2001:db8:b::1 9 5 10)" "5 EACCES"
	equal "unreachable" "$(sock r send 2001:db8:c::1 9 6 10)" "6 EHOSTUNREACH"
	dropped "r - route_out IP_OUTNOROUTES 3 send" "r - sock_send SEND_EINVAL 4 send" \
		"r - route_out SEND_EACCES 5 send" "r - route_out SEND_EHOSTUNREACH 6 send"
}
@test "IPv6: sends that fail for the same" { lose_before_packets; }

lose_by_hop_limit() {
	in_ns c ip route add $S_ADDR6 via $R0_ADDR6 hoplimit 1
	sock c send $S_ADDR6 9 3 10
	in_ns c ip route del $S_ADDR6
	dropped "r r0 ip_forward IP_TTL 3"
}
@test "IPv6: a hop limit that ends here" { lose_by_hop_limit; }

# Of the device whose MTU it is: IPv6 has made the packet that device's before it looks.
lose_by_mtu() {
	in_ns r ip link set r1 mtu 1300
	sock c send $S_ADDR6 9 3 1400 # and then it knows
	in_ns r ip link set r1 mtu 1500
	in_ns c ip -6 route flush cache
	dropped "r r1 ip_forward PKT_TOO_BIG 1" "s s0 udp_rcv NO_SOCKET 2"
}
@test "IPv6: larger than the next MTU" { lose_by_mtu; }

# --- neighbours ---

# How many multicast packets have come to the server.
asked() {
	in_ns s awk '$1 == "Ip6InMcastPkts" { print $2 }' /proc/net/dev_snmp6/s0
}

failed_twice() {
	[ "$(in_ns r ip -6 neigh show dev r1 nud failed | wc -l)" = 2 ]
}

# The server has not joined the groups that are asked for these; a busy kernel may ask less than twice.
lose_at_neighbour() {
	local before

	in_ns r ip -6 neigh flush dev r1 nud failed
	before=$(asked)
	sock c send 2001:db8:2::99 9 3 10
	sock r send 2001:db8:2::98 9 2 10
	wait_until failed_twice
	dropped "r r1 neigh NEIGH_FAILED 5" \
		"s s0 ip_local_deliver MULTICAST_NOT_JOINED $(($(asked) - before))"
}
@test "IPv6: a next hop that does not answer" { lose_at_neighbour; }

# --- netfilter ---

# chain6 FAMILY HOOK
chain6() {
	nft_r "table $1 t { chain x { type filter hook $2 priority 0; udp dport 6000 drop; }; }"
}

# send6_by HOOK: two datagrams that pass it.
send6_by() {
	case $1 in
	input) sock c send $R0_ADDR6 6000 2 10 ;;
	output) equal "ends of calls" "$(sock r send $S_ADDR6 6000 2 10)" "2 EPERM" ;;
	*) sock c send $S_ADDR6 6000 2 10 ;;
	esac
}

lose_at_nft() {
	local hook family

	for hook in prerouting input forward output postrouting; do
		for family in ip6 inet; do
			chain6 $family $hook
			send6_by $hook
		done
	done
	in_ns r nft flush ruleset
	dropped "r r0 nf_prerouting NETFILTER_DROP/prerouting 4" "r r0 nf_local_in NETFILTER_DROP/input 4" \
		"r r0 nf_forward NETFILTER_DROP/forward 4" "r r1 nf_local_out NETFILTER_DROP/output 4" \
		"r r1 nf_postrouting NETFILTER_DROP/postrouting 4"
}
@test "IPv6: nft drops at each hook, in tables ip6 and inet" { lose_at_nft; }

@test "all of these, each packet observed: the same, and the ledger balances" { all_at full; }
