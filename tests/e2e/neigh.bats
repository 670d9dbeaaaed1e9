#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Next hops: the kernel finds them, and notices that one has moved, although most packets pass it
# by. The kernel's own timers are made short, so that the tests are.

load helper

setup_file() {
	start_lab || return
	in_ns r sysctl -qw net.ipv4.neigh.r1.delay_first_probe_time=1 \
		net.ipv4.neigh.r1.ucast_solicit=1 net.ipv4.neigh.r1.retrans_time_ms=200
}

teardown_file() {
	stop_lab
}

setup() {
	need socat
	ip -n "$LAB-r" neigh flush dev r1
}

teardown() {
	end_background
	weir_r dev detach all
	ip -n "$LAB-s" link set s0 address "$(lab_mac s0)"
	in_ns r sysctl -qw net.ipv4.neigh.r1.base_reachable_time_ms=30000
}

# A stream of datagrams, to a socket that never answers.
stream() {
	GOT=$BATS_TEST_TMPDIR/got
	: >"$GOT"
	background in_ns s socat -u UDP4-RECV:9200 "OPEN:$GOT,append"
	wait_until listens s udp 9200
	# shellcheck disable=SC2016
	background in_ns c bash -c 'i=0
		while :; do echo "$((i++))"; sleep 0.02; done |
		exec socat -u - "UDP4-SENDTO:$1:9200"' - "$S_ADDR"
}

more_than() {
	[ "$(wc -l <"$GOT")" -gt "$1" ]
}

# 20 more datagrams arrive.
flows() {
	wait_until more_than $(($(wc -l <"$GOT") + 20))
}

left_to_kernel() {
	[ "$(since r0 neigh_PASS_NEIGH_UNRESOLVED)" -ge "$1" ]
}

lladdr_is() {
	ip -n "$LAB-r" neigh show "$S_ADDR" dev r1 | grep -q "lladdr $1 "
}

@test "an unknown next hop is resolved by the kernel, and then forwarded to by XDP" {
	confirm_once r1
	weir_r dev attach r0 r1
	wait_until in_ns c ping -q -c 1 -W 1 "$R0_ADDR" # so that r0's side is known
	mark
	run -0 in_ns c ping -q -c 5 -i 0.2 -W 5 "$S_ADDR"
	expect r0 neigh_PASS_NEIGH_UNRESOLVED 1
	expect r0 neigh_PASS_NEIGH_CONFIRM 1
	expect r0 xmit_OUT_NONE 3
	expect r0 sent 3
}

@test "a next hop that nobody answers for stays the kernel's, which tells the sender" {
	weir_r dev attach r0 r1
	mark
	run -1 in_ns c ping -c 1 -W 10 198.51.100.99
	[[ $output = *"From $R0_ADDR"*"Destination Host Unreachable"* ]]
	expect r0 neigh_PASS_NEIGH_UNRESOLVED 1
	expect r0 xmit_OUT_NONE 0
}

@test "one packet for each reachable time confirms a next hop, whatever the load" {
	confirm_once r1
	weir_r dev attach r0 r1
	wait_until in_ns c ping -q -c 1 -W 1 "$S_ADDR"
	wait_until in_ns c ping -q -c 1 -W 1 "$S_ADDR"
	mark
	run -0 in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" dst "$S_ADDR" \
		src "$C_ADDR" flows 100 count 50000 rate 200000
	equal "left to the kernel" "$(since r0 neigh_PASS_NEIGH_CONFIRM)" 0
	[ "$(since r0 xmit_OUT_NONE)" -ge 1000 ]
}

@test "a next hop whose MAC address has changed is found again, with no weir alive" {
	in_ns r sysctl -qw net.ipv4.neigh.r1.base_reachable_time_ms=1000
	weir_r dev attach r0 r1
	mark
	stream
	flows
	lladdr_is "$(lab_mac s0)"
	ip -n "$LAB-s" link set s0 address 02:00:00:00:01:77
	wait_until lladdr_is 02:00:00:00:01:77
	flows
	# by XDP again, not only by the kernel
	mark
	flows
	[ "$(since r0 xmit_OUT_NONE)" -ge 10 ]
	run -0 weir_r -j ledger show
}

@test "while the next hop does not answer, the kernel alone is asked" {
	in_ns r sysctl -qw net.ipv4.neigh.r1.base_reachable_time_ms=1000
	weir_r dev attach r0 r1
	mark
	stream
	flows
	in_ns s ip link set s0 arp off
	wait_until left_to_kernel 5
	mark
	wait_until left_to_kernel 20
	expect r0 xmit_OUT_NONE 0
	in_ns s ip link set s0 arp on
	flows
	run -0 weir_r -j ledger show
}
