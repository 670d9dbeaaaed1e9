#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Routes, neighbours, addresses, rules that change under a translated stream of a packet each millisecond, with
# no process of weir's alive: how many packets went the old way after the command was done.
#
# What is promised is two epochs, 100 packets; how many there were is printed, and asserted ten times as
# generously. Rules hold from the moment that the command ends.

load helper
load objects
load frame
load nat

OTHER=198.51.100.50 OTHER_MAC=02:00:00:00:01:55
PROMISED=100

setup_file() {
	start_nat_lab || return
	ip -n "$LAB-r" neigh add "$OTHER" lladdr "$OTHER_MAC" dev r1 nud permanent
	ip -n "$LAB-s" link set s0 promisc on
	in_ns r sysctl -qw net.ipv4.conf.r1.promote_secondaries=1
}

teardown_file() {
	stop_nat_lab
}

setup() {
	need jq bpftool tcpdump socat
	RULES=$BATS_TEST_TMPDIR/rules
	ip -n "$LAB-r" route replace 198.19.0.0/16 via "$S_ADDR"
	ip -n "$LAB-r" neigh replace "$S_ADDR" lladdr "$(lab_mac s0)" dev r1 nud permanent
	attach_as native
}

teardown() {
	end_background || :
	weir_r dev detach all # first: with the last rule programs would be loaded anew
	weir_r filter flush >/dev/null
	weir_r nat flush >/dev/null
	ip -n "$LAB-r" addr replace "$R1_ADDR/24" dev r1
	ip -n "$LAB-r" addr del 198.51.100.200/24 dev r1 2>/dev/null || :
}

# stream: 1,000 packets a second from inside, and what leaves, by time and MAC address.
stream() {
	background_capture s s0 'udp and dst port 9000' -tt -e
	background in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" sport 5000 \
		dst 198.19.0.1 dport 9000 rate 1000 seconds 600 json >/dev/null
	wait_until passes 100 "$1"
	equal 'processes in the namespace' "$(ip netns pids "$LAB-r" | xargs)" ''
}

passes() {
	[ "$(grep -acF -- "$2" "$CAPTURE")" -ge "$1" ]
}

# changed OLD NEW MOST: from now on packets look like NEW; how many still like OLD is printed, MOST at most.
changed() {
	local now=$EPOCHREALTIME late

	wait_until passes 300 "$2"
	late=$(awk -v now="$now" -v old="$1" '$1 > now && index($0, old) { n++; last = $1 }
		END { printf "%d %d", n, n ? (last - now) * 1000 : 0 }' "$CAPTURE")
	echo "# $BATS_TEST_DESCRIPTION: ${late% *} packets, ${late#* } ms" >&3
	[ "${late% *}" -le "$3" ] || { echo "${late% *} packets went the old way"; return 1; }
	# and none comes back to it
	[ "$(tail -n 200 "$CAPTURE" | grep -acF -- "$1")" = 0 ]
	accounted
}

@test "a route to another next hop" {
	weir_r nat add masquerade out dev r1
	stream "$(lab_mac s0)"
	ip -n "$LAB-r" route replace 198.19.0.0/16 via "$OTHER"
	changed "> $(lab_mac s0)" "> $OTHER_MAC" $((PROMISED * 10))
	equal sessions "$(sessions)" 1
	captured "$R1_ADDR.5000 >"
	run ! captured "$C_ADDR"
}

@test "a neighbour with another MAC address" {
	weir_r nat add masquerade out dev r1
	stream "$(lab_mac s0)"
	ip -n "$LAB-r" neigh replace "$S_ADDR" lladdr "$OTHER_MAC" dev r1 nud permanent
	changed "> $(lab_mac s0)" "> $OTHER_MAC" $((PROMISED * 10))
	equal sessions "$(sessions)" 1
}

@test "masquerading's address: sessions by the old one end, and packets bear the new one" {
	weir_r nat add masquerade out dev r1
	stream "$R1_ADDR.5000"
	equal before "$(weir_r -j nat session show | jq -r '.sessions[0].xsrc')" "$R1_ADDR"
	ip -n "$LAB-r" addr add 198.51.100.200/24 dev r1
	ip -n "$LAB-r" addr del "$R1_ADDR/24" dev r1
	ip -n "$LAB-r" route replace 198.19.0.0/16 via "$S_ADDR"
	changed "$R1_ADDR.5000" '198.51.100.200.5000' $((PROMISED * 10))
	equal after "$(weir_r -j nat session show | jq -c '[.sessions[].xsrc]')" '["198.51.100.200"]'
	equal ports "$(ports_used)" 1
	run ! captured "$C_ADDR"
}

@test "a filter rule that drops, from the command's end, and its end" {
	weir_r nat add masquerade out dev r1
	stream "$R1_ADDR.5000"
	weir_r filter add in dev r0 proto udp dport 9000 drop
	: >"$CAPTURE"
	mark
	wait_until dropped 300
	equal 'what left' "$(since r0 xmit_OUT_NONE)" 0
	equal 'what arrived' "$(grep -ac 9000 "$CAPTURE")" 0
	weir_r filter flush
	wait_until passes 100 "$R1_ADDR.5000"
	equal sessions "$(sessions)" 1
	accounted
}

dropped() {
	[ "$(grown r0 | awk '/_DROP_FILTER/ { n += $2 } END { print n + 0 }')" -ge "$1" ]
}

@test "a NAT rule that says something else, from the command's end" {
	weir_r nat add masquerade out dev r1
	stream "$R1_ADDR.5000"
	printf 'id 1 snat out dev r1 to 203.0.113.9\n' >"$RULES"
	weir_r nat load "$RULES" 2>/dev/null
	changed "$R1_ADDR.5000" '203.0.113.9.5000' 1
	equal sessions "$(weir_r -j nat session show | jq -c '[.sessions[].xsrc]')" '["203.0.113.9"]'
	run ! captured "$C_ADDR"
}

@test "a NAT rule is deleted: its sessions end at once, others go on" {
	weir_r nat add masquerade out dev r1 proto udp
	weir_r nat add masquerade out dev r1 proto icmp
	stream "$R1_ADDR.5000"
	in_ns c ping -q -c 2 -i 0.01 -W 2 "$S_ADDR" >/dev/null
	equal sessions "$(sessions)" 2
	weir_r nat del 1
	equal left "$(weir_r -j nat session show | jq -c '[.sessions[].proto]')" '["icmp"]'
	equal ports "$(weir_r -j nat show | jq -c '.pools[0] | [.udp, .icmp]')" '[0,1]'
	# nothing governs it any more
	changed "$R1_ADDR.5000" "$C_ADDR.5000" 1
	: >"$CAPTURE"
	weir_r nat add masquerade out dev r1 proto udp
	changed "$C_ADDR.5000" "$R1_ADDR.5000" 1
}

@test "a file with the rules that are there, and others: sessions and counters go on" {
	local before

	weir_r nat add masquerade out dev r1
	stream "$R1_ADDR.5000"
	before=$(weir_r -j nat session show | jq -c '.sessions[0] | [.number, .xsport]')
	printf '%s\n' 'id 7 map 192.0.2.99 to 203.0.113.7 dev r1' 'id 1 masquerade out dev r1' >"$RULES"
	for ((i = 0; i < 10; i++)); do
		weir_r nat load "$RULES" 2>/dev/null
		sed -i '1h;1d;$G' "$RULES" # the other one first
	done
	equal session "$(weir_r -j nat session show | jq -c '.sessions[0] | [.number, .xsport]')" "$before"
	equal created "$(weir_r -j nat show | jq .sessions.created)" 1
	[ "$(weir_r -j nat session show | jq '.sessions[0].packets_there')" -gt 100 ]
	equal 'began a session' "$(weir_r -j nat show | jq '.rules[] | select(.id == 1).packets')" 1
	accounted
}
