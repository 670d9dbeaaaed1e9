#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The kernel's routes are weir's: what `ip route` and `ip rule` change holds for the next packets,
# though answers are kept for a moment and no process is there to throw them away.

load helper
load frame

OTHER=198.51.100.50 OTHER_MAC=02:00:00:00:01:55

setup_file() {
	start_lab || return
	confirm_once
	ip -n "$LAB-r" neigh add "$OTHER" lladdr "$OTHER_MAC" dev r1 nud permanent
	# for frames to the MAC address of a host that is not there
	ip -n "$LAB-s" link set s0 promisc on
}

teardown_file() {
	stop_lab
}

setup() {
	need tcpdump socat
	ip -n "$LAB-r" route add 198.19.0.0/16 via "$S_ADDR"
	weir_r dev attach r0 r1
	wait_until forwarded_by_xdp
	mark
}

teardown() {
	end_background
	ip -n "$LAB-r" rule del pref 100 2>/dev/null || :
	ip -n "$LAB-r" route flush table 100 2>/dev/null || :
	ip -n "$LAB-r" route del 198.19.0.0/16
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.r0.rp_filter=0 \
		net.ipv4.ip_forward=1
	weir_r dev detach all
}

forwarded_by_xdp() {
	mark && in_ns c ping -q -c 1 -W 1 "$S_ADDR" &&
		[ "$(since r0 xmit_OUT_NONE)/$(since r1 xmit_OUT_NONE)" = 1/1 ]
}

# A slow stream to 198.19.0.1, for as long as the test takes.
stream() {
	background in_ns c bash -c 'while :; do echo x; sleep 0.01; done |
		exec socat -u - UDP4-SENDTO:198.19.0.1:9300'
}

# grows DEV NAME: while the stream flows.
grows() {
	mark "$1" && wait_until more_than 20 "$1" "$2"
}

more_than() {
	[ "$(since "$2" "$3")" -gt "$1" ]
}

# rests DEV NAME: the stream flows, and yet not this way.
rests() {
	mark "$1" && wait_until more_than 20 "$1" in && [ "$(since "$1" "$2")" = 0 ]
}

@test "a route that becomes a blackhole, and back, while packets flow" {
	stream
	grows r0 xmit_OUT_NONE
	ip -n "$LAB-r" route replace blackhole 198.19.0.0/16
	wait_until rests r0 xmit_OUT_NONE
	grows r0 route_in_DROP_BLACKHOLE
	ip -n "$LAB-r" route replace 198.19.0.0/16 via "$S_ADDR"
	wait_until rests r0 route_in_DROP_BLACKHOLE
	grows r0 xmit_OUT_NONE
	run -0 weir_r ledger show
}

@test "a route that leads to another next hop, while packets flow" {
	stream
	grows r0 sent
	ip -n "$LAB-r" route replace 198.19.0.0/16 via "$OTHER"
	background_capture s s0 "udp and dst host 198.19.0.1" -e
	wait_until captured "$OTHER_MAC"
	: >"$CAPTURE"
	wait_until captured "$OTHER_MAC"
	grows r0 sent
	run ! captured "$(lab_mac s0)"
}

@test "forwarding switched off, and on, while packets flow" {
	stream
	grows r0 xmit_OUT_NONE
	in_ns r sysctl -qw net.ipv4.ip_forward=0
	wait_until rests r0 xmit_OUT_NONE
	grows r0 route_in_PASS_FWD_DISABLED
	in_ns r sysctl -qw net.ipv4.ip_forward=1
	wait_until rests r0 route_in_PASS_FWD_DISABLED
	grows r0 xmit_OUT_NONE
}

@test "a rule that looks at ports decides by ports, packet by packet" {
	local i

	ip -n "$LAB-r" route add blackhole default table 100
	ip -n "$LAB-r" rule add pref 100 ipproto udp dport 7777 lookup 100 ||
		skip "this kernel has no policy routing"
	# the rule is seen at the next look at the rules
	wait_until seven_is_dropped
	mark
	for i in 1 2 3 4 5; do
		inject 2 "$(dst=198.19.0.1 payload=04d21e6100080000 ipv4)"
		inject 3 "$(dst=198.19.0.1 payload=04d21e6200080000 ipv4)"
	done
	expect r0 route_in_DROP_BLACKHOLE 10
	expect r0 xmit_OUT_NONE 15
	ip -n "$LAB-r" rule del pref 100
	wait_until seven_is_forwarded
}

seven_is_dropped() {
	mark r0 && inject 1 "$(dst=198.19.0.1 payload=04d21e6100080000 ipv4)" &&
		[ "$(since r0 route_in_DROP_BLACKHOLE)" = 1 ]
}

seven_is_forwarded() {
	mark r0 && inject 1 "$(dst=198.19.0.1 payload=04d21e6100080000 ipv4)" &&
		[ "$(since r0 xmit_OUT_NONE)" = 1 ]
}

@test "a source that is the router's own address is the kernel's, which refuses it" {
	background_capture s s0 udp
	inject 4 "$(src=$R1_ADDR dst=198.19.0.1 ipv4)"
	inject 4 "$(src=$R0_ADDR dst=198.19.0.1 ipv4)"
	inject 1 "$(src=192.0.2.77 dst=198.19.0.1 ipv4)"
	wait_until captured 192.0.2.77
	expect r0 route_in_PASS_SOURCE_CHECK 8
	expect r0 xmit_OUT_NONE 1
	equal "frames at the server" "$(wc -l <"$CAPTURE")" 1
}

@test "strict rp_filter: a source of another device's network is refused, by the kernel" {
	in_ns r sysctl -qw net.ipv4.conf.r0.rp_filter=1
	weir_r dev attach r0 force
	wait_until forwarded_by_xdp
	mark
	background_capture s s0 udp
	inject 5 "$(src=198.51.100.9 dst=198.19.0.1 ipv4)"
	inject 2 "$(src=192.0.2.77 dst=198.19.0.1 ipv4)"
	wait_until captured_times 2 192.0.2.77
	expect r0 route_in_PASS_SOURCE_CHECK 5
	expect r0 xmit_OUT_NONE 2
	equal "frames at the server" "$(wc -l <"$CAPTURE")" 2
	# without it, weir forwards what the kernel would forward
	in_ns r sysctl -qw net.ipv4.conf.r0.rp_filter=0
	weir_r dev attach r0 force
	wait_until forwarded_by_xdp
	mark
	inject 5 "$(src=198.51.100.9 dst=198.19.0.1 ipv4)"
	expect r0 xmit_OUT_NONE 5
	expect r0 route_in_PASS_SOURCE_CHECK 0
}
