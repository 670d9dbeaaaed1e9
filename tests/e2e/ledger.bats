#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The ledger balances: at every reading, under full load, with every kind of end at once, and when
# the road is cut. What one side counts, the others count: the generator what it sent, weir what
# came in and went out, the device that sent it, and the server's device what arrived.

load helper

setup_file() {
	start_lab || return
	confirm_once
	route_to_hosts
}

teardown_file() {
	stop_lab
}

setup() {
	weir_r dev attach r0 r1
	wait_until forwarded_by_xdp
	mark
	SINK=$(sink)
}

teardown() {
	end_background
	ip -n "$LAB-r" link set r1 up
	ip -n "$LAB-r" route replace 198.19.0.0/16 via "$S_ADDR"
	ip -n "$LAB-r" route flush root 203.0.113.0/24
	in_ns s ethtool -K s0 gro on
	in_ns r ethtool -L r0 rx 1 2>/dev/null || :
	weir_r dev detach all
}

forwarded_by_xdp() {
	mark && in_ns c ping -q -c 1 -W 1 "$S_ADDR" &&
		[ "$(since r0 xmit_OUT_NONE)/$(since r1 xmit_OUT_NONE)" = 1/1 ]
}

# Frames that s0 has taken from XDP.
sink() {
	in_ns s ethtool -S s0 | awk '/xdp_packets/ { n += $2 } END { print n + 0 }'
}

# generate WORD...: frames from the client, until they are sent or end_background. What it says of
# them is in $REPORT.
generate() {
	REPORT=$BATS_TEST_TMPDIR/report-${#BACKGROUND[@]}
	background in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" json "$@" \
		>"$REPORT"
}

# sent REPORT...: how many frames they were.
sent() {
	jq -s 'map(.sent) | add' "$@"
}

# expect_in DEV N: so many frames came in, not counting ARP, which comes when it likes.
expect_in() {
	wait_until in_is "$@" && return
	echo "$1 in: wanted $2, and what has grown is"
	grown "$1"
	return 1
}

in_is() {
	[ "$(grown "$1" | awk '$1 == "in" { n += $2 } $1 == "xdp_PASS_ARP" { n -= $2 }
		END { print n + 0 }')" = "$2" ]
}

# in_has_grown DEV: packets have come in since mark.
in_has_grown() {
	[ "$(since "$1" in)" -gt 0 ]
}

# Something in the background has not ended.
any_runs() {
	[ -n "$(jobs -r)" ]
}

# balanced: now, by exit code and by each residual of each device.
balanced() {
	run -0 weir_r -j ledger show
	equal residuals "$(jq -c '[.devices[], .total | .residual, .verdict_residual,
		.queue_residual] | unique' <<<"$output")" "[0]"
	equal "balanced, exact" "$(jq -c '[.balanced, .exact]' <<<"$output")" "[true,true]"
}

# What left by r1 is what r0 sent there, and what the server's device took.
arrived_whole() {
	local sent

	wait_until rests
	sent=$(since r0 sent)
	equal "frames that r1 sent" "$(since r1 tx_packets)" "$sent"
	equal "frames that s0 took" "$(($(sink) - SINK))" "$sent"
}

# The server's device has taken what there is to take.
rests() {
	[ "$(($(sink) - SINK))" = "$(since r0 sent)" ]
}

@test "250 readings under full load: each balances, none goes back" {
	local i log=$BATS_TEST_TMPDIR/log

	generate dst 198.19.0.1 flows 16 seconds 300
	wait_until in_has_grown r0
	for ((i = 0; i < 250; i++)); do
		weir_r -j ledger show || return 1
	done >"$log"
	end_background
	equal readings "$(wc -l <"$log")" 250
	equal "residuals and losses" "$(jq -c '[.devices[], .total | .residual, .verdict_residual,
		.queue_residual, .in_flight, .lost]' "$log" | sort -u)" "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"
	jq -se '[.[].total.in] | . == sort' "$log"
	jq -se '[.[].total.out] | . == sort' "$log"
	jq -se '[.[].time_ns] | . == (sort | unique)' "$log"
	# the load was there: most readings differ
	[ "$(jq .total.in "$log" | sort -u | wc -l)" -gt 50 ]
	expect_in r0 "$(sent "$REPORT")"
	arrived_whole
	balanced
}

@test "forwarded, dropped, punted and passed at once: every frame has its end" {
	local mixed own all

	ip -n "$LAB-r" route add blackhole 203.0.113.0/26
	ip -n "$LAB-r" route add unreachable 203.0.113.64/26
	ip -n "$LAB-r" route add 203.0.113.128/25 via "$S_ADDR"
	generate dst 203.0.113.0/24 sport 1000 flows 254 count 101600
	mixed=$REPORT
	generate dst "$R0_ADDR" sport 2000 count 20000
	own=$REPORT
	while any_runs; do
		balanced
	done
	all=$(sent "$mixed" "$own")
	expect_in r0 "$all"
	expect r0 route_in_PASS_NOT_FORWARDED "$(sent "$own")"
	if [ "$(sent "$mixed")" -eq 101600 ]; then # else the shares are not known
		expect r0 route_in_DROP_BLACKHOLE $((63 * 400))
		expect r0 route_in_PUNT_UNREACHABLE $((64 * 400))
		expect r0 xmit_OUT_NONE $((127 * 400))
	fi
	expect r0 sent "$(since r0 xmit_OUT_NONE)"
	equal "ends" $(($(since r0 route_in_DROP_BLACKHOLE) + $(since r0 route_in_PUNT_UNREACHABLE) +
		$(since r0 xmit_OUT_NONE) + $(since r0 route_in_PASS_NOT_FORWARDED))) "$all"
	arrived_whole
	balanced
	equal "dropped, as the ledger has it" \
		"$(weir_r -j ledger show dev r0 | jq '.devices[0].dropped')" \
		"$(since r0 route_in_DROP_BLACKHOLE)"
}

@test "both directions at once: each device's out is what the other transmitted" {
	local back=$BATS_TEST_TMPDIR/back

	generate dst 198.19.0.1 flows 8 count 200000
	background in_ns s "$BUILD/weir-gen" dev s0 to "$(lab_mac r1)" src "$S_ADDR" \
		dst 198.18.0.1 flows 8 count 200000 json >"$back"
	while any_runs; do
		balanced
	done
	expect r0 xmit_OUT_NONE "$(sent "$REPORT")"
	expect r1 xmit_OUT_NONE "$(sent "$back")"
	equal "r0 to r1" "$(since r0 sent)" "$(since r1 tx_packets)"
	equal "r1 to r0" "$(since r1 sent)" "$(since r0 tx_packets)"
	balanced
}

@test "the egress device goes down and up under load: nothing is unaccounted for" {
	local i

	generate dst 198.19.0.1 flows 16 seconds 300
	wait_until in_has_grown r0
	for i in 1 2 3 4 5; do
		ip -n "$LAB-r" link set r1 down
		balanced
		ip -n "$LAB-r" link set r1 up
		balanced
		in_ns s ip link set s0 down
		balanced
		in_ns s ip link set s0 up
		ip -n "$LAB-s" route replace default via "$R1_ADDR"
		balanced
	done
	end_background
	expect_in r0 "$(sent "$REPORT")"
	equal "r1 sent" "$(since r1 tx_packets)" "$(since r0 sent)"
	balanced
}

@test "a receiver that no longer takes frames: each is counted, with the remedy" {
	generate dst 198.19.0.1 count 5000 rate 50000
	wait $!
	wait_until rests
	in_ns s ethtool -K s0 gro off
	mark
	generate dst 198.19.0.1 flows 4 count 5000 rate 50000
	wait $!
	expect_in r0 "$(sent "$REPORT")"
	expect r0 xmit_OUT_NONE "$(sent "$REPORT")"
	expect r0 sent 0
	equal "refused" $(($(since r0 xmit_LATE_XMIT_UNSUPPORTED) +
		$(since r0 xmit_LATE_XMIT_NO_RECEIVER))) "$(since r0 xmit_OUT_NONE)"
	balanced
	run -0 weir_r -j drop show dev r0
	jq -e '.devices[0].drops[0] | .stage == "xmit" and (.cause | startswith("XMIT_"))
		and (.remedy | test("ethtool -K PEER gro on"))' <<<"$output"
	# and what the remedy says is the remedy
	in_ns s ethtool -K s0 gro on
	mark
	generate dst 198.19.0.1 flows 4 count 5000 rate 50000
	wait $!
	expect r0 sent "$(sent "$REPORT")"
}

@test "a receiver too slow for its ring: what it refused is counted as XMIT_FULL" {
	# its NAPI in a thread of the lowest priority, beside a generator on the same CPU
	in_ns s unshare -m sh -c 'mount -t sysfs sysfs /sys && echo 1 >/sys/class/net/s0/threaded' ||
		skip "this kernel's veth has no threaded NAPI"
	generate dst 198.19.0.1 flows 16 count 2000000
	wait $!
	in_ns s unshare -m sh -c 'mount -t sysfs sysfs /sys && echo 0 >/sys/class/net/s0/threaded'
	expect_in r0 "$(sent "$REPORT")"
	arrived_whole
	balanced
	local full
	full=$(since r0 xmit_LATE_XMIT_FULL)
	[ "$full" -gt 0 ] || skip "the receiver was never too slow here"
	equal "verdicts" "$(($(since r0 sent) + full))" "$(since r0 xmit_OUT_NONE)"
	equal "drop show" "$(weir_r -j drop show dev r0 |
		jq '.devices[0].drops[] | select(.cause == "XMIT_FULL") | .packets')" "$full"
}

@test "queues are told apart, and sum to the whole" {
	local cpu reports=() first

	[ "$(nproc)" -ge 2 ] || skip "needs two CPUs: a veth's queue follows the sender's CPU"
	weir_r dev detach r0 # the kernel gives no program to queues that come later
	in_ns r ethtool -L r0 rx 2 || skip "this kernel's veth has one queue"
	weir_r dev attach r0
	wait_until forwarded_by_xdp
	mark
	weir_r -j path show dev r0 >"$BATS_TEST_TMPDIR/before"
	for cpu in 0 1; do
		generate dst 198.19.0.1 cpu "$cpu" count $((20000 + cpu * 10000))
		wait $!
		reports+=("$REPORT")
	done
	expect_in r0 "$(sent "${reports[@]}")"
	run -0 weir_r -j path show dev r0
	echo "$output" >"$BATS_TEST_TMPDIR/after"
	for cpu in 0 1; do
		equal "queue $cpu" "$(jq -s ".[1].devices[0].queues[$cpu].out -
			.[0].devices[0].queues[$cpu].out" "$BATS_TEST_TMPDIR/before" \
			"$BATS_TEST_TMPDIR/after")" "$(sent "${reports[cpu]}")"
	done
	jq -e '.devices[0] | .packets == ([.queues[].packets] | add) and .bytes ==
		([.queues[].bytes] | add) and .out == ([.queues[].out] | add)' <<<"$output"
	balanced
}

@test "generic XDP forwards sockets and generated frames, and balances" {
	weir_r dev detach all
	in_ns r ethtool -K r0 gro on
	weir_r dev attach r0 r1 xdp generic
	wait_until forwarded_by_xdp
	run -0 in_ns r bpftool -j net show
	equal mode "$(jq -c '[.[].xdp[].mode] | unique' <<<"$output")" '["generic"]'
	mark
	run -0 in_ns c ping -q -c 5 -i 0.05 -s 1400 "$S_ADDR"
	[[ $output = *"5 received"* ]]
	expect r0 sent 5
	expect r1 sent 5
	generate dst 198.19.0.1 flows 8 count 20000 rate 100000
	wait $!
	expect r0 sent $((5 + $(sent "$REPORT") - $(since r0 \
		neigh_PASS_NEIGH_CONFIRM)))
	equal "r1 sent" "$(since r1 tx_packets)" "$(since r0 sent)"
	balanced
}
