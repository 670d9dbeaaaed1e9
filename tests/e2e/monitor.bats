#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `weir monitor` tells each thing that is done here, once, as a line and as JSON. Two monitors run in
# each test, one of each kind; events are awaited, and nothing is said of when they come.

load helper
load objects

setup_file() {
	start_lab || return
	# What is not done here must not happen: no confirmation of next hops between two steps.
	local dev

	confirm_once
	for dev in r0 r1; do
		in_ns r sysctl -qw "net.ipv4.neigh.$dev.locktime=0" # believe what moved at once
	done
	load_foreign
}

teardown_file() {
	unload_foreign
	stop_lab
}

setup() {
	need jq
	weir_r dev detach all
	weir_r dev attach r0 r1
	LINES=$BATS_TEST_TMPDIR/lines OBJECTS=$BATS_TEST_TMPDIR/objects
	DONE=()
	monitor
}

teardown() {
	end_background
	weir_r dev detach all
	ip -n "$LAB-r" link set r0 xdpdrv off
	ip -n "$LAB-r" link set r0 mtu 1500
	ip -n "$LAB-s" link set s0 up
	ip -n "$LAB-s" route replace default via "$R1_ADDR" # it went down with s0
	ip -n "$LAB-c" link set c0 address "$(lab_mac c0)"
	ip -n "$LAB-r" neigh flush dev r0 2>/dev/null
	in_ns s ethtool -K s0 gro on
}

# monitor [stale]: both kinds, until end_background; returns when they see what happens.
monitor() {
	background "$WEIR" -n "$LAB-r" monitor "$@" >"$LINES"
	LINES_PID=$!
	background "$WEIR" -n "$LAB-r" -j monitor "$@" >"$OBJECTS"
	OBJECTS_PID=$!
	wait_until sampling_is_seen
	weir_r watch off
	wait_until eval 'seen sampling ".now == 0" && grep -q "no latency" "$LINES"'
}

sampling_is_seen() {
	weir_r watch on latency 1/$((RANDOM + 2))
	seen sampling .now && grep -q sampling "$LINES"
}

# seen EVENT FILTER: such a JSON event was printed.
seen() {
	jq -se --arg event "$1" "map(select(.event == \$event and ($2))) | length > 0" "$OBJECTS"
}

# tells EVENT FILTER TEXT: the event comes, once, in both kinds.
tells() {
	wait_until seen "$1" "$2" || { cat "$OBJECTS"; return 1; }
	wait_until grep -qF -- "$3" "$LINES" || { cat "$LINES"; return 1; }
	equal "times of $1" "$(jq -s --arg event "$1" \
		"map(select(.event == \$event and ($2))) | length" "$OBJECTS")" 1 || cat "$OBJECTS"
	DONE+=("$1")
}

# Nothing was told that was not awaited.
nothing_else() {
	equal events "$(jq -r .event "$OBJECTS" | grep -v '^sampling$' | sort -u | paste -sd ' ')" \
		"$(printf '%s\n' "${DONE[@]}" | sort -u | paste -sd ' ')"
	equal lines "$(wc -l <"$LINES")" "$(grep -cE '^[0-9:]{8}  [a-z_]+ +' "$LINES")"
}

# --- devices ---

@test "detached, attached, loaded anew" {
	weir_r dev detach r1
	tells detached '.device == "r1"' 'xdp no longer runs program'
	weir_r dev attach r1
	tells attached ".device == \"r1\" and .now == $(prog_on r1)" "xdp runs program $(prog_on r1)"
	weir_r dev attach r1 force
	tells reloaded ".device == \"r1\" and .now == $(prog_on r1)" "xdp runs program $(prog_on r1), before"
	nothing_else
}

@test "another program in weir's place" {
	local link

	link=$(weir_r -j dev show r0 | jq '.devices[0].link_id')
	bpftool link detach id "$link"
	in_ns r ip link set dev r0 xdpdrv pinned "$FOREIGN/xdp_fib"
	tells replaced '.device == "r0" and .remedy == "weir dev attach r0 force"' \
		'try: weir dev attach r0 force'
	weir_r dev attach r0 force
	tells attached ".device == \"r0\" and .now == $(prog_on r0)" "xdp runs program $(prog_on r0)"
}

@test "a device that goes, and comes again under its name" {
	local old

	old=$(ifindex_of r1)
	ip -n "$LAB-r" link del r1
	tells gone ".device == \"r1\" and .before == $old" 'the device is gone'
	ip -n "$LAB-r" link add r1 address "$(lab_mac r1)" type veth \
		peer name s0 address "$(lab_mac s0)" netns "$LAB-s"
	in_ns s ethtool -K s0 gro on
	ip -n "$LAB-s" addr add "$S_ADDR/24" dev s0
	ip -n "$LAB-s" link set s0 up
	ip -n "$LAB-s" route add default via "$R1_ADDR"
	ip -n "$LAB-r" addr add "$R1_ADDR/24" dev r1
	ip -n "$LAB-r" link set r1 up
	confirm_once r1
	tells recreated ".before == $old and .now == $(ifindex_of r1)" \
		'try: weir dev detach r1; weir dev attach r1'
	# and what is said helps
	weir_r dev detach r1
	weir_r dev attach r1
	tells attached ".device == \"r1\" and .ifindex == $(ifindex_of r1)" "program $(prog_on r1)"
	fast_path_carries
}

@test "links: no carrier, down, up, MTU, MAC address" {
	ip -n "$LAB-s" link set s0 down
	tells link_down '.device == "r1" and .now == 1' 'down: no carrier'
	ip -n "$LAB-s" link set s0 up
	tells link_up '.device == "r1"' ' up'
	ip -n "$LAB-r" link set r0 mtu 1400
	tells mtu '.device == "r0" and .before == 1500 and .now == 1400' 'MTU 1400, before 1500'
	ip -n "$LAB-r" link set r1 address 02:00:00:00:01:77
	tells mac '.device == "r1" and .mac == "02:00:00:00:01:77"' 'weir dev attach r1 force'
	ip -n "$LAB-r" link set r1 address "$(lab_mac r1)"
	# a device that is not attached is none of its business
	ip -n "$LAB-r" link set lo mtu 60000
	ip -n "$LAB-r" link set lo mtu 65536
	tells mac '.mac == "'"$(lab_mac r1)"'"' "$(lab_mac r1)"
	! seen mtu '.device == "lo"'
}

# --- next hops ---

@test "next hops: one answers, moves, is removed; one does not answer" {
	ip -n "$LAB-r" neigh flush dev r0
	pings 1
	tells neigh_reachable '.device == "r0" and .address == "192.0.2.1"' \
		"next hop $C_ADDR answers: $(lab_mac c0)"
	ip -n "$LAB-c" link set c0 address 02:00:00:00:00:77
	wait_until pings 1 # an answer may still go where it was
	tells neigh_moved ".address == \"$C_ADDR\" and .old_mac == \"$(lab_mac c0)\" and
		.mac == \"02:00:00:00:00:77\"" "moved from $(lab_mac c0) to 02:00:00:00:00:77"
	ip -n "$LAB-r" neigh replace "$C_ADDR" lladdr 02:00:00:00:00:77 nud permanent dev r0
	ip -n "$LAB-r" neigh del "$C_ADDR" dev r0
	tells neigh_removed ".address == \"$C_ADDR\"" 'was removed'
	in_ns r ping -q -c 1 -W 1 192.0.2.55 >/dev/null || :
	tells neigh_failed '.device == "r0" and .address == "192.0.2.55"' '192.0.2.55 does not answer'
	! seen neigh_failed ".address == \"$C_ADDR\""
	! seen neigh_stale true
}

@test "next hops that become stale, when asked" {
	end_background
	monitor stale
	ip -n "$LAB-r" neigh replace 192.0.2.66 lladdr 02:00:00:00:00:66 nud reachable dev r0
	tells neigh_reachable '.address == "192.0.2.66"' '192.0.2.66 answers'
	ip -n "$LAB-r" neigh replace 192.0.2.66 lladdr 02:00:00:00:00:66 nud stale dev r0
	tells neigh_stale '.address == "192.0.2.66"' '192.0.2.66 is stale'
	ip -n "$LAB-r" neigh del 192.0.2.66 dev r0
	tells neigh_removed '.address == "192.0.2.66"' '192.0.2.66 was removed'
}

# --- limits and settings ---

@test "timing switched on and off" {
	weir_r watch on latency 1/70001
	tells sampling '.before == 0 and .now == 70001' 'latency of 1 packet in 70001 is measured'
	weir_r watch off
	tells sampling '.before == 70001 and .now == 0' 'no latency is measured any more'
}

@test "own addresses that come and go" {
	ip -n "$LAB-r" addr add 203.0.113.1/24 dev r1
	tells address_added '.address == "203.0.113.1" and .device == "r1" and
		.remedy == "weir dev attach r1 force"' 'address 203.0.113.1 added'
	ip -n "$LAB-r" addr change 203.0.113.1/24 dev r1 valid_lft 3600 preferred_lft 3600
	ip -n "$LAB-r" addr del 203.0.113.1/24 dev r1
	tells address_removed '.address == "203.0.113.1"' 'address 203.0.113.1 removed'
	nothing_else
}

@test "a table of flows that is full" {
	ip -n "$LAB-r" route replace 198.19.0.0/16 via "$S_ADDR"
	ip -n "$LAB-r" neigh replace "$S_ADDR" lladdr "$(lab_mac s0)" nud permanent dev r1
	in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" dst 198.19.0.0/16 \
		sport 1024 flows 60000 count 600000 json >"$BATS_TEST_TMPDIR/report"
	ip -n "$LAB-r" neigh del "$S_ADDR" dev r1
	[ "$(weir_r -j path show dev r0 | jq '.devices[0].flow_full')" -gt 0 ] ||
		skip "the flows did not fill the table here"
	wait_until seen flows_full '.device == "r0" and .count > 0'
	kill -INT "$LINES_PID" "$OBJECTS_PID"
	wait "$LINES_PID" "$OBJECTS_PID"
	grep -q 'packets asked the FIB: the table of flows was full' "$LINES"
	# not one was kept back in the end
	equal packets "$(jq -s 'map(select(.event == "flows_full").count) | add' "$OBJECTS")" \
		"$(weir_r -j path show dev r0 | jq '.devices[0].flow_full')"
}

@test "a driver's queue that is full" {
	ip -n "$LAB-r" route replace 198.19.0.0/16 via "$S_ADDR"
	ip -n "$LAB-r" neigh replace "$S_ADDR" lladdr "$(lab_mac s0)" nud permanent dev r1
	in_ns s unshare -m sh -c 'mount -t sysfs sysfs /sys && echo 1 >/sys/class/net/s0/threaded' ||
		skip "this kernel's veth has no threaded NAPI"
	in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" dst 198.19.0.1 \
		flows 16 count 1000000 json >"$BATS_TEST_TMPDIR/report"
	in_ns s unshare -m sh -c 'mount -t sysfs sysfs /sys && echo 0 >/sys/class/net/s0/threaded'
	ip -n "$LAB-r" neigh del "$S_ADDR" dev r1
	weir_r -j drop show dev r0 | jq -e '.devices[0].drops[] | select(.cause == "XMIT_FULL")' ||
		skip "the receiver was never too slow here"
	wait_until seen xmit_full '.device == "r0" and .count > 0 and
		.remedy == "weir drop explain XMIT_FULL"'
	grep -q 'the driver.s queue was full  try: weir drop explain XMIT_FULL' "$LINES"
}

@test "more news than could be kept: said, and what lasted of it told" {
	local i

	for ((i = 0; i < 20000; i++)); do
		echo "neigh replace 192.0.2.$((i % 200 + 20)) lladdr 02:00:00:00:$((i % 90 + 10)):02 dev r0"
	done >"$BATS_TEST_TMPDIR/batch"
	kill -STOP "$LINES_PID" "$OBJECTS_PID"
	ip -n "$LAB-r" -batch "$BATS_TEST_TMPDIR/batch"
	ip -n "$LAB-r" link set r0 mtu 1300
	kill -CONT "$LINES_PID" "$OBJECTS_PID"
	tells overrun true 'more happened than could be told'
	tells mtu '.now == 1300' 'MTU 1300'
	wait_until seen neigh_reachable '.address == "192.0.2.219"'
	equal "next hops" "$(jq -r 'select(.address) | .address' "$OBJECTS" | sort -u | wc -l)" 200
	# and it goes on listening
	ip -n "$LAB-r" link set r0 mtu 1400
	tells mtu '.now == 1400' 'MTU 1400'
}

# --- how it begins and ends ---

@test "with nothing attached it waits, and sees the first device" {
	end_background
	weir_r dev detach all
	background "$WEIR" -n "$LAB-r" -j monitor >"$OBJECTS"
	wait_until listens_to_netlink $!
	weir_r dev attach r0
	wait_until seen attached '.device == "r0"'
	equal events "$(jq -r .event "$OBJECTS")" attached
}

# It has begun: a socket of its own is in some groups of rtnetlink (the kernel names it by the PID).
listens_to_netlink() {
	in_ns r awk -v pid="$1" '$2 == 0 && $3 == pid && $4 !~ /^0+$/ { found = 1 }
		END { exit !found }' /proc/net/netlink
}

@test "interrupted or terminated it ends with 0; every line is JSON of the version of all others" {
	local status=0

	kill -INT "$LINES_PID"
	wait "$LINES_PID" || status=$?
	equal "after SIGINT" "$status" 0
	kill -TERM "$OBJECTS_PID"
	wait "$OBJECTS_PID" || status=$?
	equal "after SIGTERM" "$status" 0
	jq -se 'length > 1 and all(.version == 1 and .time_s > 1000000000 and .time_ns > 0 and
		(.event | type) == "string" and (.text | length) > 1)' "$OBJECTS"
}

@test "a reader that goes away ends it, quietly, though nothing happens" {
	run -0 --separate-stderr timeout 20 bash -c 'set -o pipefail
		"$1" -n "$2" monitor | true' - "$WEIR" "$LAB-r"
	equal stderr "$stderr" ""
	equal stdout "$output" ""
}

@test "to a person it says first what it watches; to a file it does not" {
	need script
	run -0 timeout 20 script -qec "timeout --foreground -s INT 2 $WEIR -n $LAB-r monitor || :" \
		/dev/null </dev/null
	[[ ${lines[0]} == *watching*r0\ r1,* ]]
	! grep -q watching "$LINES"
}
