#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# ICMP, fragments and odd checksums through NAT, by native and generic XDP and by TC: ping, traceroute, path
# MTU discovery. Beyond the server is a link with an MTU of 1300, and a host.

load helper
load objects
load frame
load nat

setup_file() {
	start_nat_lab && far_host || return
	in_ns c ethtool -K c0 tx off >/dev/null # so that sums are whole in what errors hold
	in_ns s ethtool -K s0 tx off >/dev/null
}

teardown_file() {
	stop_nat_lab
}

setup() {
	need jq bpftool socat tcpdump traceroute curl nginx
	in_ns c ip route flush cache
}

teardown() {
	end_background || :
	weir_r dev detach all # first: with the last rule programs would be loaded anew
	weir_r nat flush >/dev/null
	ip -n "$LAB-r" link set r1 mtu 1500
}

# --- ping ---

# in_order: echo replies came one by one, each once.
in_order() {
	equal "replies in order" "$(grep -o 'icmp_seq=[0-9]*' <<<"$1" | cut -d= -f2 | xargs)" \
		"$(seq 1 "$2" | xargs)"
}

pinging() {
	local size

	weir_r nat add masquerade out dev r1
	weir_r nat add dnat in dev r1 proto icmp to "$C_ADDR"
	for size in 56 3000 20000; do
		run -0 in_ns c ping -n -c 10 -i 0.02 -W 3 -s "$size" "$S_ADDR"
		in_order "$output" 10
		run -0 in_ns s ping -n -c 10 -i 0.02 -W 3 -s "$size" "$R1_ADDR"
		in_order "$output" 10
		[[ $output != *DUP* ]]
	done
	run -0 in_ns c ping -n -c 10 -i 0.02 -W 3 "$R0_ADDR" # the router's own
	in_order "$output" 10
	equal translations "$(weir_r -j nat session show | jq -c '[.sessions[] | select(.proto == "icmp") |
		.translation] | sort | unique')" '["destination","source"]'
}

@test "ping through masquerading and dnat: small, and in fragments both ways, in order" {
	in_each_mode pinging
}

# Fragments as they arrive: those of a datagram one behind the other, each translated, the first first.
fragments() {
	weir_r nat add masquerade out dev r1
	in_ns c ping -q -c 1 -W 3 "$S_ADDR" >/dev/null
	background_capture s s0 'icmp and dst host 198.51.100.1' -v
	in_ns c ping -q -n -c 20 -i 0.01 -W 3 -s 3000 "$S_ADDR" >/dev/null
	wait_until captured_times 60 "$R1_ADDR > $S_ADDR"
	equal offsets "$(grep -o 'offset [0-9]*' "$CAPTURE" | cut -d' ' -f2 | xargs -n 3 | sort -u)" \
		'0 1480 2960'
	run ! captured "$C_ADDR"
}

@test "fragments leave in the order in which they came, every one translated" {
	in_each_mode fragments
}

# --- errors ---

# hops METHOD...: each hop of the way to the far host by its address, the last one too.
hops() {
	run -0 in_ns c traceroute -n -w 5 -q 2 -N 1 "$@" "$X_ADDR"
	equal "hops ($*)" "$(awk 'NR > 1 { print $1, $2 }' <<<"$output" | xargs)" \
		"1 $R0_ADDR 2 $S_ADDR 3 $X_ADDR"
	[[ $output != *'*'* ]]
}

# held: sources of the packets that captured errors hold.
held() {
	grep -A1 -P '^\tIP ' "$CAPTURE" | sed -nE 's/^    (([0-9]+\.){3}[0-9]+).*/\1/p' | sort -u | xargs
}

# What errors hold is as it was when it left the sender, whole to the last checksum.
tracing() {
	weir_r nat add masquerade out dev r1
	background_capture c c0 'icmp[icmptype] == icmp-timxceed or icmp[icmptype] == icmp-unreach' -vv
	hops -U
	hops -p 33434
	hops -I
	wait_until captured 'port 334'
	end_background || :
	grep -qE "$S_ADDR > $C_ADDR: ICMP time exceeded" "$CAPTURE"
	grep -qE "$X_ADDR > $C_ADDR: ICMP $X_ADDR udp port [0-9]+ unreachable" "$CAPTURE"
	equal 'inner sources' "$(held)" "$C_ADDR"
	run ! grep -iE 'bad|wrong' "$CAPTURE"
}

@test "traceroute by UDP and ICMP: every hop, and errors hold what was sent" {
	in_each_mode tracing
}

# From outside, what the inside's errors hold is what outside knows. The first is the first packet of all to its
# next hop, and yet it is not the kernel's.
tracing_in() {
	attach_cold "$MODE"
	weir_r nat add dnat in dev r1 proto udp dport 33434-33534 to "$C_ADDR"
	background_capture s s0 'icmp' -vv
	run -0 in_ns s traceroute -n -w 5 -q 2 -N 1 "$R1_ADDR"
	equal hops "$(awk 'NR > 1 { print $1, $2 }' <<<"$output" | xargs)" "1 $R1_ADDR 2 $R1_ADDR"
	wait_until captured 'unreachable'
	end_background || :
	equal 'inner sources' "$(held)" "$S_ADDR"
	run ! captured "$C_ADDR"
	run ! grep -iE 'bad|wrong' "$CAPTURE"
}

@test "traceroute from outside through a dnat: the inside is not to be seen, not even in errors" {
	in_each_mode tracing_in
}

# --- path MTU discovery ---

# narrow NS ADDR ROUTER: on the way to ADDR, which is NS's, is a link of 1300, as ROUTER tells.
narrow() {
	local got=$BATS_TEST_TMPDIR/got sent=$BATS_TEST_TMPDIR/sent

	in_ns c ip route flush cache
	rm -f "$got"
	head -c 5000000 /dev/urandom >"$sent"
	weir_r nat add masquerade out dev r1
	run ! found_mtu "$2"
	background_capture c c0 'icmp[icmptype] == icmp-unreach' -vv
	background in_ns "$1" socat -u TCP4-LISTEN:9001,reuseaddr "CREATE:$got"
	wait_until listens "$1" tcp 9001
	in_ns c socat -u -b 65536 "OPEN:$sent" "TCP4:$2:9001"
	wait_until cmp "$sent" "$got"
	found_mtu "$2"
	wait_until captured "$3 > $C_ADDR: ICMP $2 unreachable - need to frag (mtu 1300)"
	grep -qE "^\s+$C_ADDR\.[0-9]+ > $2\.9001" "$CAPTURE"
	run ! captured "$R1_ADDR."
	run ! grep -E 'bad cksum|wrong icmp' "$CAPTURE"
	end_background || :
	# UDP, too, is told
	in_ns c ip route flush cache
	run ! in_ns c ping -c 1 -W 3 -M do -s 1400 "$2"
	[[ $output = *"From $3"*'mtu = 1300'* ]]
}

found_mtu() {
	[[ $(in_ns c ip route get "$1") = *'mtu 1300'* ]]
}

@test "path MTU discovery through masquerading: TCP gets through a link of 1300, told by ICMP 3/4" {
	in_each_mode narrow x "$X_ADDR" "$S_ADDR"
}

@test "where the narrow link is the router's own, it tells itself, of what it would have translated" {
	ip -n "$LAB-r" link set r1 mtu 1300
	in_each_mode narrow s "$S_ADDR" "$R0_ADDR"
}

# --- checksums ---

# Zero is no checksum at all, and stays that.
unsummed() {
	local udp

	weir_r nat add masquerade out dev r1
	background_capture s s0 'udp and dst port 9999' -vv
	inject 5 "$(ipv4)"
	wait_until captured_times 5 "$R1_ADDR.1234 > $S_ADDR.9999: [no cksum]"
	end_background || :
	background_capture c c0 'udp and src port 9999' -vv
	udp=270f04d2001a0000$(printf '5a%.0s' {1..18})
	to=$(lab_mac r1) from=$(lab_mac s0) src=$S_ADDR dst=$R1_ADDR payload=$udp \
		inject_at s s0 5
	wait_until captured_times 5 "$S_ADDR.9999 > $C_ADDR.1234: [no cksum]"
}

# inject_at NS DEV COUNT: as inject(), from another end of the wire.
inject_at() {
	local hex i

	hex=$(ipv4)
	for ((i = 0; i < $3; i++)); do
		# shellcheck disable=SC2059
		printf "$(sed 's/../\\x&/g' <<<"$hex")"
	done >"$BATS_TEST_TMPDIR/frames"
	in_ns "$1" socat -u -b $((${#hex} / 2)) "OPEN:$BATS_TEST_TMPDIR/frames" "INTERFACE:$2"
}

@test "UDP without a checksum has none behind NAT, both ways" {
	in_each_mode unsummed
}

# Senders leave sums open on a veth. Native XDP completes them; an skb that still knows is left alone.
summed() {
	local from=$BATS_TEST_TMPDIR/from to=$BATS_TEST_TMPDIR/to

	rm -f "$to"
	head -c 50050 /dev/urandom >"$from"
	weir_r nat add masquerade out dev r1
	in_ns c ethtool -K c0 tx on >/dev/null
	background in_ns s socat -u UDP4-RECV:9100 "CREATE:$to"
	wait_until listens s udp 9100
	background_capture s s0 "udp and dst port 9100" -vv
	in_ns c socat -u -b 1001 "OPEN:$from" "UDP4-SENDTO:$S_ADDR:9100"
	wait_until cmp "$from" "$to"
	wait_until captured_times 50 "$R1_ADDR."
	if [ "$MODE" = native ]; then
		captured_times 50 'udp sum ok'
	fi
	in_ns c ethtool -K c0 tx off >/dev/null
}

@test "checksums that the sender left open are whole behind NAT" {
	in_each_mode summed
}
