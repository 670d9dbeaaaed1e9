#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What is lost at sockets, and before there is a packet, told by cause, stage, device, namespace and
# number. See kernel.bash.

load helper
load kernel

setup_file() {
	start_kernel_lab drops
	in_ns r sysctl -qw net.ipv4.ipfrag_time=1
}

teardown_file() {
	stop_kernel_lab
}

setup() {
	need python3 jq tc
}

teardown() {
	forget_failure
}

# --- sockets ---

lose_at_closed_udp() {
	sock c send "$S_ADDR" 7777 5 10
	dropped "s s0 udp_rcv NO_SOCKET 5"
}
@test "a closed UDP port" { lose_at_closed_udp; }

lose_at_closed_tcp() {
	sock c refused "$S_ADDR" 7777 4 # the resets do arrive
	dropped "s s0 tcp_rcv NO_SOCKET 4"
}
@test "a closed TCP port" { lose_at_closed_tcp; }

lose_at_full_socket() {
	local kept

	hold s udp 5000 2000
	sock c send "$S_ADDR" 5000 20 400
	# as the kernel counts at the socket
	kept=$(in_ns s ss -Hunlm 'sport = :5000' | grep -o ',d[0-9]*' | tr -d ,d)
	dropped "s s0 sock_queue SOCKET_RCVBUFF $kept"
	end_background
	[ "$kept" -gt 10 ] && [ "$kept" -lt 20 ]
}
@test "a full UDP receive buffer" { lose_at_full_socket; }

lose_by_socket_filter() {
	hold s deaf 5001
	sock c send "$S_ADDR" 5001 4 10
	dropped "s s0 sock_queue SOCKET_FILTER 4"
	end_background
}
@test "a socket's filter" { lose_by_socket_filter; }

lose_by_udp_header() {
	local rest
	rest=$(printf 'a5%.0s' {1..18})

	hold r udp 9999
	inject_quietly 3 "$(dst=$R0_ADDR payload=04d2270f001a1234$rest ipv4)"
	inject_quietly 2 "$(dst=$R0_ADDR payload=04d2270f005a0000$rest ipv4)"
	inject_quietly 2 "$(dst=$R0_ADDR payload=04d2 ipv4)"
	dropped "r r0 udp_rcv UDP_CSUM 3" "r r0 udp_rcv PKT_TOO_SMALL 4"
	end_background
}
@test "UDP: a wrong checksum, a wrong length, a header cut short" { lose_by_udp_header; }

lose_by_tcp_header() {
	hold r listen 8000 5
	inject_quietly 3 "$(dst=$R0_ADDR proto=6 payload=04d21f4000000001000000005002100012340000 ipv4)"
	inject_quietly 2 "$(dst=$R0_ADDR proto=6 payload=04d21f40000000010000000010021000 ipv4)"
	dropped "r r0 tcp_rcv TCP_CSUM 3" "r r0 tcp_rcv PKT_TOO_SMALL 2"
	end_background
}
@test "TCP: a wrong checksum, a header cut short" { lose_by_tcp_header; }

lose_broadcast() {
	inject_quietly 3 "$(dst=255.255.255.255 to=ff:ff:ff:ff:ff:ff ipv4)"
	inject_quietly 2 "$(dst=198.51.100.255 ipv4)" # to this host's MAC address alone
	dropped "r r0 udp_rcv UDP_IGNORED_MULTI 5"
}
@test "a broadcast that nobody takes" { lose_broadcast; }

# A byte keeps a NAT's mapping; a datagram that is to be decrypted has no state here.
lose_at_udp_encap() {
	hold r encap 4500
	inject_quietly 3 "$(dst=$R0_ADDR payload=1194119400090000ff ipv4)"
	inject_quietly 2 "$(dst=$R0_ADDR payload=11941194002000000000010100000001$(bytes 16) ipv4)"
	inject_quietly 4 "$(dst=$R0_ADDR payload=11941194001200000000010100000001a5a5 ipv4)" # no whole ESP
	dropped "r r0 ip_local_deliver XFRM_IN 6"
	end_background
}
@test "IPsec in UDP: a keep-alive is no loss, what nobody can decrypt is" {
	in_ns r ip xfrm state >/dev/null 2>&1 || skip "this kernel has no IPsec"
	lose_at_udp_encap
}

lose_by_policy() {
	in_ns r ip xfrm policy add src "$C_ADDR" dst "$R0_ADDR" dir in action block
	sock c send "$R0_ADDR" 9 3 10
	in_ns r ip xfrm policy flush
	dropped "r r0 udp_rcv XFRM_POLICY 3"
}
@test "IPsec: what a policy blocks, and no socket is for" {
	in_ns r ip xfrm policy >/dev/null 2>&1 || skip "this kernel has no IPsec"
	lose_by_policy
}

lose_in_icmp() {
	inject_quietly 3 "$(dst=$R0_ADDR proto=1 payload=0303fcfc00000000$(printf '%040d' 0) ipv4)"
	dropped "r r0 ip_local_deliver ICMP_INVALID 3"
}
@test "an ICMP error about a packet that is none" { lose_in_icmp; }

lose_deferred() {
	hold r deferred 8002
	hold c connect "$R0_ADDR" 8002
	dropped "r r0 tcp_rcv TCP_DISCARD 1"
	end_background # the listener first: the connection was none to it
	dropped "r r0 tcp_rcv NO_SOCKET 1"
}
@test "an ACK to a socket that waits for data first: told once" { lose_deferred; }

# syn PORT: to port 8001 of the router.
syn() {
	local head sum

	head=$(printf '%04x' "$1")1f41000000010000000050021000
	sum=$(checksum "$(hex_addr "$C_ADDR")$(hex_addr "$R0_ADDR")00060014${head}00000000")
	dst=$R0_ADDR proto=6 payload=$head${sum}0000 ipv4
}

lose_at_listen() {
	hold r listen 8001 0
	hold c connect "$R0_ADDR" 8001 # and the queue has all that it may
	inject_quietly 1 "$(syn 1001)" "$(syn 1002)" "$(syn 1003)"
	dropped "r - tcp_rcv TCP_LISTEN_OVERFLOW 3 counter"
	end_background
}
@test "a listening socket whose queue is full" { lose_at_listen; }

# --- fragments ---

lose_fragments() {
	local part
	part=04d2270f00200000$(printf 'a5%.0s' {1..16})

	inject_quietly 3 "$(dst=$R0_ADDR frag=2000 payload=$part ipv4)"
	dropped "r r0 ip_defrag DUP_FRAG 2" "r r0 ip_defrag FRAG_REASM_TIMEOUT 1"
}
@test "fragments: one that comes again, and one whose rest never comes" { lose_fragments; }

# fragment IPID OFFSET/8 BYTES [last]: for the router.
fragment() {
	local more=0

	[ -n "${4:-}" ] || more=$((0x2000))
	dst=$R0_ADDR ipid=$1 frag=$(printf '%04x' $((more | $2))) payload=$(bytes "$3") ipv4
}

# Of the packet that the kernel gives up it tells the last fragment alone, and its counter one, too.
lose_overlapping_fragments() {
	inject_quietly 1 "$(fragment 0001 0 64)" "$(fragment 0001 4 64)"
	inject_quietly 1 "$(fragment 0002 0 64)" "$(fragment 0002 16 64)" "$(fragment 0002 4 64)"
	inject_quietly 1 "$(fragment 0003 8 64 last)" "$(fragment 0003 32 64)" # beyond the end
	dropped "r r0 ip_defrag FRAG_REFUSED 3"
}
@test "fragments that overlap, and one beyond the end" { lose_overlapping_fragments; }

# The kernel frees what waits without saying whose it is: the counter alone knows.
lose_fragments_without_first() {
	inject_quietly 1 "$(fragment 0004 8 64)" "$(fragment 0005 8 64)"
	dropped "r - ip_defrag FRAG_REASM_TIMEOUT 2 counter"
}
@test "fragments whose first never comes" { lose_fragments_without_first; }

lose_fragments_by_memory() {
	local ids=({10..17}) id frames=() waited

	for id in "${ids[@]}"; do
		frames+=("$(fragment "00$id" 0 800)")
	done
	in_ns r sysctl -qw net.ipv4.ipfrag_low_thresh=1000 net.ipv4.ipfrag_high_thresh=4000
	inject_quietly 1 "${frames[@]}"
	in_ns r sysctl -qw net.ipv4.ipfrag_high_thresh=4194304
	timed_out() { news "$(told)" | grep -q "r0 ip_defrag FRAG_REASM_TIMEOUT"; }
	wait_until timed_out
	waited=$(news "$(told)" | awk '/FRAG_REASM_TIMEOUT/ { print $5 }')
	[ "$waited" -lt 5 ] && dropped "r r0 ip_defrag FRAG_NO_ROOM $((8 - waited))" \
		"r r0 ip_defrag FRAG_REASM_TIMEOUT $waited" &&
		weir_k drop explain FRAG_NO_ROOM | grep -q ipfrag_high_thresh
}
@test "more fragments than there may be memory for" { lose_fragments_by_memory; }

# Packet 0x31 waits while three others' come, and is begun anew by its second fragment, which
# then waits without a first.
lose_fragments_too_far() {
	local id frames=("$(fragment 0031 0 64)")

	in_ns r sysctl -qw net.ipv4.ipfrag_max_dist=2
	for id in 2 3 4; do
		frames+=("$(fragment 003$id 0 64)")
	done
	inject_quietly 1 "${frames[@]}" "$(fragment 0031 8 64)"
	in_ns r sysctl -qw net.ipv4.ipfrag_max_dist=64
	dropped "r - ip_defrag FRAG_REASM_FAILED 1 counter" "r r0 ip_defrag FRAG_REASM_TIMEOUT 3" \
		"r - ip_defrag FRAG_REASM_TIMEOUT 1 counter"
}
@test "a fragment after too many others of its sender" { lose_fragments_too_far; }

# --- before there is a packet ---

lose_before_packets() {
	in_ns r ip route replace prohibit 203.0.113.64/26
	in_ns r ip route replace unreachable 203.0.113.128/26
	equal "no route" "$(sock r send 198.18.0.1 9 3 10)" "3 ENETUNREACH"
	equal "prohibit" "$(sock r send 203.0.113.65 9 4 10)" "4 EACCES"
	equal "unreachable" "$(sock r send 203.0.113.129 9 5 10)" "5 EHOSTUNREACH"
	equal "too large" "$(sock r send "$S_ADDR" 9 2 2000 df)" "2 EMSGSIZE"
	dropped "r - route_out IP_OUTNOROUTES 3 send" "r - route_out SEND_EACCES 4 send" \
		"r - route_out SEND_EHOSTUNREACH 5 send" "r - make_skb SEND_EMSGSIZE 2 send"
}
@test "sends that fail: no route, prohibited, unreachable, larger than the MTU" { lose_before_packets; }

lose_short_frame() {
	if sock r frames r0 1 020000 2>/dev/null; then
		echo "it was sent"
		return 1
	fi
	dropped "r - sock_send PACKET_SEND_ERROR 1"
}
@test "a packet socket's frame that is none: told once" { lose_short_frame; }

# --- on the way out ---

lose_at_neighbour() {
	in_ns r sysctl -qw net.ipv4.neigh.r1.retrans_time_ms=50 net.ipv4.neigh.r1.mcast_solicit=2
	sock c send 198.51.100.9 9 3 10
	sock r send 198.51.100.10 9 2 10
	dropped "r r1 neigh NEIGH_FAILED 5"
}
@test "a next hop that does not answer" { lose_at_neighbour; }

lose_at_neighbour_queue() {
	local n

	in_ns r sysctl -qw net.ipv4.neigh.r1.retrans_time_ms=700 net.ipv4.neigh.r1.mcast_solicit=1 \
		net.ipv4.neigh.r1.unres_qlen_bytes=4096
	sock c send 198.51.100.$((RANDOM % 100 + 100)) 9 20 1000
	failed() { told | grep -q NEIGH_QUEUEFULL && news "$(told)" | grep -q NEIGH_FAILED; }
	wait_until failed
	n=$(news "$(told)" | awk '/NEIGH_QUEUEFULL/ { print $5 }')
	in_ns r sysctl -qw net.ipv4.neigh.r1.unres_qlen_bytes=212992
	[ "$n" -gt 10 ] && dropped "r r1 neigh NEIGH_QUEUEFULL $n" "r r1 neigh NEIGH_FAILED $((20 - n))"
}
@test "too many packets for a next hop that is awaited" { lose_at_neighbour_queue; }

lose_at_qdisc() {
	local refused

	in_ns r tc qdisc add dev r1 root tbf rate 800kbit burst 2000 limit 3000
	sock c send "$S_ADDR" 9 20 1000
	sent() { in_ns r tc -s qdisc show dev r1 | grep -q "backlog 0b 0p"; }
	wait_until sent
	refused=$(in_ns r tc -s qdisc show dev r1 | sed -nE 's/.*dropped ([0-9]+),.*/\1/p')
	in_ns r tc qdisc del dev r1 root
	[ "$refused" -gt 0 ]
	dropped "r r1 qdisc QDISC_DROP $refused" "s s0 udp_rcv NO_SOCKET $((20 - refused))"
}
@test "a token bucket that is full" { lose_at_qdisc; }

lose_by_mtu() {
	in_ns r ip link set r1 mtu 1000
	equal "sent" "$(sock c send "$S_ADDR" 9 3 1200 df)" "2 EMSGSIZE 1 ok" # and then it knows
	in_ns r ip link set r1 mtu 1500
	in_ns c ip route flush cache
	dropped "r r0 ip_forward PKT_TOO_BIG 1" "c - make_skb SEND_EMSGSIZE 2 send"
}
@test "larger than the next MTU, and not to be cut" { lose_by_mtu; }

lose_on_stopped_device() {
	in_ns r ip link set lo down
	sock r send 127.0.0.1 9 3 10
	in_ns r ip link set lo up
	dropped "r lo xmit XMIT_STOPPED 3"
}
@test "a device that is down" { lose_on_stopped_device; }

@test "all of these, each packet observed: the same, and the ledger balances" { all_at full; }
