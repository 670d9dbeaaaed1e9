#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Every way out of the fast path but forwarding: what is dropped is counted with its stage and
# cause and goes no further; what is the kernel's is counted and handled there as if weir were not.
# Broken frames are written byte by byte, the others come from real stacks.

load helper
load frame

setup_file() {
	start_lab || return
	confirm_once
	in_ns r sysctl -qw net.ipv4.icmp_ratelimit=0
}

teardown_file() {
	stop_lab
}

setup() {
	need tcpdump socat
	weir_r dev attach r0 r1
	wait_until forwarded_by_xdp
	mark
}

teardown() {
	end_background
	in_ns r sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_echo_ignore_broadcasts=1
	ip -n "$LAB-r" route flush root 203.0.113.0/24
	ip -n "$LAB-c" route flush cache
	weir_r dev detach all
}

forwarded_by_xdp() {
	mark && in_ns c ping -q -c 1 -W 1 "$S_ADDR" &&
		[ "$(since r0 xmit_OUT_NONE)/$(since r1 xmit_OUT_NONE)" = 1/1 ]
}

# dropped STAGE CAUSE COUNT HEX...: injects each COUNT times. All are dropped for this reason only,
# weir and bpftool say so, and the server sees none of them, but the frame sent after them.
dropped() {
	local stage=$1 cause=$2 count=$3 hex packets=0 bytes=0 drop

	shift 3
	background_capture s s0 udp
	for hex; do
		inject "$count" "$hex"
		packets=$((packets + count))
		bytes=$((bytes + count * ${#hex} / 2))
	done
	inject 1 "$(src=192.0.2.77 ipv4)"
	wait_until captured "192.0.2.77.1234 > $S_ADDR.9999"
	expect r0 "${stage}_DROP_$cause" "$packets"
	equal bytes "$(since r0 "${stage}_DROP_$cause" bytes)" "$bytes"
	expect r0 xmit_OUT_NONE 1
	equal "frames at the server" "$(wc -l <"$CAPTURE")" 1
	drop=$(weir_r -j drop show dev r0 | jq -r '.devices[0].drops[]
		| "\(.stage) \(.cause) \(.kind) \(.packets) \(.bytes)"')
	equal "drop show" "$drop" "$stage $cause drop $packets $bytes"
	run -0 weir_r -j ledger show dev r0
}

# given STAGE KIND CAUSE COUNT HEX...: injects each COUNT times. All go to the kernel, for this
# reason only; none is forwarded or dropped by weir.
given() {
	local exit=$1_$2_$3 count=$4 hex packets=0

	shift 4
	for hex; do
		inject "$count" "$hex"
		packets=$((packets + count))
	done
	expect r0 "$exit" "$packets"
	expect r0 xmit_OUT_NONE 0
	equal "dropped by weir" "$(weir_r -j drop show dev r0 | jq -c '.devices[0].drops')" "[]"
	run -0 weir_r -j ledger show dev r0
}

@test "a frame by hand is forwarded: one hop less, header sum right, no UDP sum where none was" {
	background_capture s s0 udp -vv -e
	inject 3 "$(ipv4)"
	expect r0 xmit_OUT_NONE 3
	wait_until captured_times 3 "ttl 63,"
	run ! captured "bad cksum"
	wait_until captured_times 3 "[no cksum]"
	wait_until captured_times 3 "$(lab_mac r1) > $(lab_mac s0)"
}

@test "a wrong header checksum is dropped" {
	dropped ip_rcv IP_CSUM 7 "$(check=0000 ipv4)" "$(check=ffff ipv4)"
}

@test "a malformed header is dropped" {
	dropped ip_rcv IP_INHDR 5 "$(first=65 ipv4)" "$(first=44 ipv4)" "$(first=55 ipv4)" \
		"$(tot_len=19 ipv4)" "$(ether)45" "$(ipv4 | cut -c -66)"
}

@test "a frame shorter than its IP length is dropped" {
	dropped ip_rcv PKT_TOO_SMALL 6 "$(tot_len=47 ipv4)" "$(tot_len=65535 ipv4)" \
		"$(ipv4 | cut -c -118)"
}

@test "a source that no host may have is dropped" {
	dropped ip_rcv IP_INVALID_SOURCE 4 "$(src=0.1.2.3 ipv4)" "$(src=224.0.0.1 ipv4)" \
		"$(src=239.1.2.3 ipv4)" "$(src=255.255.255.255 ipv4)"
}

@test "a blackhole swallows in silence" {
	ip -n "$LAB-r" route add blackhole 203.0.113.0/24
	dropped route_in BLACKHOLE 5 "$(dst=203.0.113.5 ipv4)"
	run -1 in_ns c ping -c 3 -i 0.05 -W 1 203.0.113.5
	[[ $output != *From* ]]
	[[ $output = *" 0 received"* ]]
	expect r0 route_in_DROP_BLACKHOLE 8
}

@test "frames to another host's MAC address are not forwarded" {
	background_capture s s0 udp
	given xdp PASS OTHERHOST 6 "$(to=02:00:00:00:00:99 ipv4)"
	inject 1 "$(src=192.0.2.77 ipv4)"
	wait_until captured 192.0.2.77
	equal "frames at the server" "$(wc -l <"$CAPTURE")" 1
}

@test "VLAN tags and unknown protocols are the kernel's" {
	given xdp PASS VLAN 3 "$(type=8100 ether)00050800$(ipv4 | cut -c 29-)"
	given xdp PASS UNHANDLED_PROTO 4 "$(type=88b5 ether)$(printf 00%.0s {1..46})"
}

@test "loopback addresses on the wire are the kernel's" {
	given ip_rcv PASS IP_LOCALNET 3 "$(src=127.0.0.1 ipv4)" "$(dst=127.0.0.1 ipv4)"
}

@test "ARP is the kernel's, which answers it" {
	in_ns c ip neigh flush dev c0
	run -0 in_ns c ping -q -c 1 -W 5 "$S_ADDR"
	[ "$(since r0 xdp_PASS_ARP)" -ge 1 ]
	in_ns c ip neigh show "$R0_ADDR" | grep -q "$(lab_mac r0)"
}

@test "IPv6 is the kernel's, which answers and forwards it" {
	local x

	for x in c/c0/1 r/r0/2 r/r1/3 s/s0/4; do
		IFS=/ read -r ns dev n <<<"$x"
		in_ns "$ns" sysctl -qw "net.ipv6.conf.$dev.disable_ipv6=0"
		ip -n "$LAB-$ns" -6 addr add "2001:db8:$((n / 3))::$n/64" dev "$dev" nodad
	done
	in_ns r sysctl -qw net.ipv6.conf.all.forwarding=1
	ip -n "$LAB-c" -6 route add default via 2001:db8:0::2
	ip -n "$LAB-s" -6 route add default via 2001:db8:1::3
	wait_until in_ns c ping -q -c 1 -W 1 2001:db8:0::2
	mark
	run -0 in_ns c ping -q -c 4 -i 0.05 -W 5 2001:db8:1::4
	[ "$(since r0 xdp_PASS_IPV6)" -ge 4 ]
	[ "$(since r1 xdp_PASS_IPV6)" -ge 4 ]
	expect r0 xmit_OUT_NONE 0
	for x in c/c0 r/r0 r/r1 s/s0; do
		in_ns "${x%/*}" sysctl -qw "net.ipv6.conf.${x#*/}.disable_ipv6=1"
	done
}

@test "broadcast is the kernel's, which answers it" {
	in_ns r sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0
	run -0 in_ns c ping -b -c 2 -i 0.05 -W 5 192.0.2.255
	[[ $output = *"from $R0_ADDR"* ]]
	expect r0 xdp_PASS_L2_MULTICAST 2
	# the same, to the router's own MAC address
	given ip_rcv PASS IP_BROADCAST 3 "$(dst=255.255.255.255 ipv4)"
}

@test "multicast is the kernel's, which delivers it" {
	local got=$BATS_TEST_TMPDIR/got

	background in_ns r socat -u "UDP4-RECV:9100,ip-add-membership=239.1.2.3:r0" "CREATE:$got"
	wait_until listens r udp 9100
	echo hello | in_ns c socat -u - "UDP4-DATAGRAM:239.1.2.3:9100,ip-multicast-if=$C_ADDR"
	wait_until grep hello "$got"
	[ "$(since r0 xdp_PASS_L2_MULTICAST)" -ge 1 ]
	given ip_rcv PASS IP_MULTICAST 3 "$(dst=239.1.2.3 ipv4)"
}

@test "the router's own addresses answer" {
	run -0 in_ns c ping -q -c 3 -i 0.05 -W 5 "$R0_ADDR"
	run -0 in_ns c ping -q -c 3 -i 0.05 -W 5 "$R1_ADDR"
	expect r0 route_in_PASS_NOT_FORWARDED 6
	expect r0 xmit_OUT_NONE 0
}

@test "IP options are punted to the kernel, which acts on them" {
	run -0 in_ns c ping -R -c 1 -W 5 "$S_ADDR"
	[[ $output = *RR:*"$R1_ADDR"*"$S_ADDR"*"$R0_ADDR"* ]]
	expect r0 ip_rcv_PUNT_IP_OPTIONS 1
	expect r1 ip_rcv_PUNT_IP_OPTIONS 1
	run -0 in_ns c ping -T tsonly -c 1 -W 5 "$S_ADDR"
	[[ $output = *TS:* ]]
	expect r0 ip_rcv_PUNT_IP_OPTIONS 2
	expect r0 xmit_OUT_NONE 0
}

@test "an unreachable and a prohibited route are punted; the sender is told" {
	ip -n "$LAB-r" route add unreachable 203.0.113.0/25
	ip -n "$LAB-r" route add prohibit 203.0.113.128/25
	run -1 in_ns c ping -c 1 -W 5 203.0.113.5
	[[ $output = *"From $R0_ADDR"*"Destination Host Unreachable"* ]]
	expect r0 route_in_PUNT_UNREACHABLE 1
	run -1 in_ns c ping -c 1 -W 5 203.0.113.133
	[[ $output = *"From $R0_ADDR"*"Packet filtered"* ]]
	expect r0 route_in_PUNT_PROHIBIT 1
}

@test "without a route the sender is told that the network is unreachable" {
	run -1 in_ns c ping -c 1 -W 5 203.0.113.5
	[[ $output = *"From $R0_ADDR"*"Destination Net Unreachable"* ]]
	expect r0 route_in_PASS_NOT_FORWARDED 1
}

@test "an expired TTL is punted; the sender is told" {
	run -1 in_ns c ping -c 1 -t 1 -W 5 "$S_ADDR"
	[[ $output = *"From $R0_ADDR"*"Time to live exceeded"* ]]
	expect r0 ip_forward_PUNT_IP_TTL 1
}

@test "with forwarding off all is the kernel's, which forwards nothing" {
	in_ns r sysctl -qw net.ipv4.ip_forward=0
	run -1 in_ns c ping -q -c 2 -i 0.05 -W 1 "$S_ADDR"
	expect r0 route_in_PASS_FWD_DISABLED 2
	expect r0 xmit_OUT_NONE 0
	in_ns r sysctl -qw net.ipv4.ip_forward=1
	run -0 in_ns c ping -q -c 2 -i 0.05 -W 5 "$S_ADDR"
	expect r0 xmit_OUT_NONE 2
}

@test "what leaves by a device without weir is punted, and arrives" {
	weir_r dev detach r1
	mark r0
	run -0 in_ns c ping -q -c 4 -i 0.05 -W 5 "$S_ADDR"
	expect r0 xmit_PUNT_EGRESS_NOT_ATTACHED 4
	expect r0 xmit_OUT_NONE 0
	weir_r dev attach r1
	run -0 in_ns c ping -q -c 4 -i 0.05 -W 5 "$S_ADDR"
	expect r0 xmit_PUNT_EGRESS_NOT_ATTACHED 4
	expect r0 xmit_OUT_NONE 4
}
