#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What is forwarded arrives whole, by the fast path, and is counted once: real sockets and real
# stacks on both sides of a router with weir on both its devices.

load helper

setup_file() {
	start_lab || return
	local x

	confirm_once
	for x in c r s; do
		in_ns "$x" sysctl -qw net.ipv4.icmp_ratelimit=0
	done
}

teardown_file() {
	stop_lab
}

setup() {
	need tcpdump socat iperf3 traceroute
	weir_r dev attach r0 r1
	warm
	mark
}

teardown() {
	local end

	end_background
	for end in c/c0 r/r0 r/r1 s/s0; do
		ip -n "$LAB-${end%/*}" link set "${end#*/}" mtu 1500
		ip -n "$LAB-${end%/*}" route flush cache
	done
	weir_r dev detach all
}

# The first packets to a next hop are the kernel's: to resolve it and to confirm it.
forwarded_by_xdp() {
	mark && in_ns c ping -q -c 1 -W 1 "$S_ADDR" &&
		[ "$(since r0 xmit_OUT_NONE)/$(since r1 xmit_OUT_NONE)" = 1/1 ]
}

warm() {
	wait_until forwarded_by_xdp
}

set_mtu() {
	local mtu=$1 end

	shift
	for end; do
		ip -n "$LAB-${end%/*}" link set "${end#*/}" mtu "$mtu"
	done
}

addr_of() {
	[ "$1" = c ] && echo "$C_ADDR" || echo "$S_ADDR"
}

# datagrams FROM TO SIZE COUNT: sends them socket to socket; all arrive, in order and unchanged.
datagrams() {
	local from=$1 to=$2 size=$3 count=$4 port=$((10000 + $3)) dir=$BATS_TEST_TMPDIR
	local sent=$dir/sent-$size got=$dir/got-$size

	head -c $((size * count)) /dev/urandom >"$sent"
	: >"$got"
	background in_ns "$to" socat -u -b 65536 "UDP4-RECV:$port,rcvbuf=212992" \
		"OPEN:$got,append"
	wait_until listens "$to" udp "$port"
	in_ns "$from" socat -u -b "$size" "OPEN:$sent" "UDP4-SENDTO:$(addr_of "$to"):$port"
	wait_until cmp "$sent" "$got"
	equal "bytes of $count datagrams of $size" "$(stat -c %s "$got")" $((size * count))
}

# bulk FROM TO BYTES: one TCP connection, compared by its sum.
bulk() {
	local from=$1 to=$2 bytes=$3 got=$BATS_TEST_TMPDIR/got-$1 sent=$BATS_TEST_TMPDIR/sent-$1

	head -c "$bytes" /dev/urandom >"$sent"
	background in_ns "$to" socat -u TCP4-LISTEN:9001,reuseaddr "CREATE:$got"
	wait_until listens "$to" tcp 9001
	in_ns "$from" socat -u "OPEN:$sent" "TCP4:$(addr_of "$to"):9001"
	wait_until cmp "$sent" "$got"
	equal sha256 "$(sha256sum <"$got")" "$(sha256sum <"$sent")"
}

at_least() {
	[ "$2" -ge "$3" ] && return
	echo "$1: got $2, wanted at least $3"
	return 1
}

@test "ping is forwarded by XDP both ways" {
	run -0 in_ns c ping -q -c 5 -i 0.05 "$S_ADDR"
	[[ $output = *"5 received"* ]]
	run -0 in_ns s ping -q -c 4 -i 0.05 "$C_ADDR"
	[[ $output = *"4 received"* ]]
	for dev in r0 r1; do
		expect "$dev" xmit_OUT_NONE 9
		expect "$dev" sent 9
		expect "$dev" tx_packets 9
		equal "$dev bytes out" "$(since "$dev" xmit_OUT_NONE bytes)" $((9 * 98))
	done
}

@test "a forwarded packet has one hop less and the router's address" {
	background_capture s s0 icmp -e -v -c 1
	in_ns c ping -q -c 1 -t 17 "$S_ADDR"
	wait_until captured "$(lab_mac r1) > $(lab_mac s0)"
	captured "ttl 16,"
	run ! captured "bad cksum"
}

@test "the counters of weir and of bpftool are the same" {
	in_ns c ping -q -c 5 -i 0.05 "$S_ADDR"
	expect r0 xmit_OUT_NONE 5
	for dev in r0 r1; do
		weir_r -j path show dev "$dev" >"$BATS_TEST_TMPDIR/path"
		counters "$dev" >"$BATS_TEST_TMPDIR/counters"
		equal "$dev out" "$(jq '.devices[0].out' "$BATS_TEST_TMPDIR/path")" \
			"$(awk '$1 == "sent" { print $2 }' "$BATS_TEST_TMPDIR/counters")"
		equal "$dev in, bytes" "$(jq -r '.devices[0].stages[0] | "\(.packets) \(.bytes)"' \
			"$BATS_TEST_TMPDIR/path")" \
			"$(awk '$1 == "in" { print $2, $3 }' "$BATS_TEST_TMPDIR/counters")"
		equal "$dev xmit" "$(jq -r '.devices[0].stages[] | select(.stage == "xmit")
			| "\(.packets) \(.bytes)"' "$BATS_TEST_TMPDIR/path")" \
			"$(awk '$1 == "xmit_OUT_NONE" { print $2, $3 }' "$BATS_TEST_TMPDIR/counters")"
	done
}

@test "UDP sockets: every size arrives from client to server" {
	for size in 1 2 3 17 64 511 1001 1471 1472; do
		datagrams c s "$size" 80
	done
	expect r0 xmit_OUT_NONE 720
	expect r0 sent 720
}

@test "UDP sockets: every size arrives from server to client" {
	for size in 1 2 3 17 64 511 1001 1471 1472; do
		datagrams s c "$size" 80
	done
	expect r1 xmit_OUT_NONE 720
	expect r1 sent 720
}

@test "a checksum that the sender left open is complete on the wire" {
	# else there would be nothing to complete
	in_ns c ethtool -k c0 | grep -q "tx-checksum-ip-generic: on"
	background_capture s s0 "udp and dst port 11001" -vv
	datagrams c s 1001 50
	wait_until captured_times 50 "udp sum ok"
	expect r0 xmit_OUT_NONE 50
	run ! captured "bad udp cksum"
}

@test "TCP sockets: bulk arrives unchanged both ways" {
	bulk c s 20000000
	bulk s c 20000000
	at_least "segments from the client" "$(since r0 xmit_OUT_NONE)" 10000
	at_least "segments from the server" "$(since r1 xmit_OUT_NONE)" 10000
	run -0 weir_r -j ledger show
	equal residual "$(jq .total.residual <<<"$output")" 0
}

@test "iperf3: TCP both ways, and UDP at a modest rate loses nothing" {
	background in_ns s iperf3 -s -p 5201 >/dev/null
	wait_until listens s tcp 5201
	in_ns c iperf3 -c "$S_ADDR" -n 20M >/dev/null
	in_ns c iperf3 -c "$S_ADDR" -n 20M -R >/dev/null
	run -0 in_ns c iperf3 -c "$S_ADDR" -u -b 8M -l 1000 -t 1 -w 200K -J
	equal "UDP lost" "$(jq .end.sum.lost_packets <<<"$output")" 0
	at_least "UDP sent" "$(jq .end.sum.packets <<<"$output")" 100
	run -0 in_ns c iperf3 -c "$S_ADDR" -u -b 8M -l 1000 -t 1 -w 200K -J -R
	equal "UDP lost, reverse" "$(jq .end.sum.lost_packets <<<"$output")" 0
}

@test "traceroute shows the router as the first hop" {
	run -0 in_ns c traceroute -n -q 1 -w 5 "$S_ADDR"
	[[ ${lines[1]} = *" 1  $R0_ADDR "* ]]
	[[ ${lines[2]} = *" 2  $S_ADDR "* ]]
	expect r0 ip_forward_PUNT_IP_TTL 1
}

@test "a packet too big for the next link, with DF, is answered by the router" {
	set_mtu 1400 r/r1 s/s0
	run -1 in_ns c ping -M do -s 1400 -c 1 -W 5 "$S_ADDR"
	[[ $output = *"From $R0_ADDR"*"Frag needed and DF set (mtu = 1400)"* ]]
	expect r0 ip_forward_PUNT_PKT_TOO_BIG 1
	expect r0 xmit_OUT_NONE 0
	# what fits still goes by XDP, to the last byte
	run -0 in_ns c ping -M do -s 1372 -c 1 -W 5 "$S_ADDR"
	expect r0 xmit_OUT_NONE 1
}

@test "a packet too big for the next link, without DF, is cut by the kernel and arrives" {
	set_mtu 1400 r/r1 s/s0
	background_capture s s0 "icmp[icmptype] == icmp-echo or (icmp and ip[6:2] & 0x1fff != 0)" \
		-v -Q in
	run -0 in_ns c ping -q -M dont -s 1450 -c 3 -i 0.05 "$S_ADDR"
	[[ $output = *"3 received"* ]]
	expect r0 ip_forward_PUNT_IP_FRAGMENT 3
	wait_until captured_times 6 "proto ICMP"
}

@test "fragments are forwarded by XDP one by one" {
	run -0 in_ns c ping -q -s 4000 -c 3 -i 0.05 "$S_ADDR"
	[[ $output = *"3 received"* ]]
	expect r0 xmit_OUT_NONE 9
	expect r1 xmit_OUT_NONE 9
	expect r1 sent 9
}

@test "UDP datagrams of 8000 bytes arrive in fragments" {
	datagrams c s 8000 10
	expect r0 xmit_OUT_NONE 60
	datagrams s c 8000 10
	expect r1 xmit_OUT_NONE 60
}

@test "jumbo frames of several buffers arrive, checksums complete" {
	set_mtu 9000 c/c0 r/r0 r/r1 s/s0
	ip -n "$LAB-c" route flush cache
	background_capture s s0 "udp and dst port 18972" -vv
	datagrams c s 8972 20
	expect r0 xmit_OUT_NONE 20
	wait_until captured_times 20 "udp sum ok"
	run ! captured "bad udp cksum"
	datagrams c s 4001 20
	datagrams s c 8972 20
	expect r0 xmit_OUT_NONE 40
	expect r1 xmit_OUT_NONE 20
}

@test "TCP with jumbo frames arrives unchanged both ways" {
	set_mtu 9000 c/c0 r/r0 r/r1 s/s0
	ip -n "$LAB-c" route flush cache
	bulk c s 20000000
	bulk s c 20000000
	at_least "bytes per frame" $(($(since r0 xmit_OUT_NONE bytes) / 4500)) \
		"$(($(since r0 xmit_OUT_NONE) / 2))"
	run -0 weir_r -j ledger show
	equal residual "$(jq .total.residual <<<"$output")" 0
}

@test "detaching gives the traffic back to the kernel, without a gap" {
	background in_ns c ping -q -c 40 -i 0.05 "$S_ADDR" >"$BATS_TEST_TMPDIR/ping"
	local ping=$!
	sleep 0.5
	weir_r dev detach all
	sleep 0.5
	weir_r dev attach r0 r1
	wait "$ping"
	grep "40 received" "$BATS_TEST_TMPDIR/ping"
	# attaching may have taken longer than those did
	in_ns c ping -q -c 5 -i 0.05 "$S_ADDR"
	counters r0 | grep -E "^xmit_OUT_NONE [1-9]"
}
