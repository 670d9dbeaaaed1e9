#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What happens now: `weir top -b`, `weir path show` and the latency that `weir watch` turns on, with
# known traffic.

load helper

STAGES="nic_rx xdp ip_rcv nf_prerouting route_in ip_forward nf_forward nf_postrouting neigh xmit"

setup_file() {
	start_lab || return
	confirm_once
	# the server swallows what is sent there in silence, since it does not forward
	ip -n "$LAB-r" route add 198.19.0.0/16 via "$S_ADDR"
	ip -n "$LAB-r" route add blackhole 203.0.113.0/24
}

teardown_file() {
	stop_lab
}

setup() {
	weir_r dev attach r0 r1
	wait_until forwarded_by_xdp
	mark
}

teardown() {
	end_background
	weir_r watch off
	weir_r dev detach all
}

forwarded_by_xdp() {
	mark && in_ns c ping -q -c 1 -W 1 "$S_ADDR" &&
		[ "$(since r0 xmit_OUT_NONE)/$(since r1 xmit_OUT_NONE)" = 1/1 ]
}

# generate COUNT WORD...: sends and waits until r0 has forwarded or dropped them.
generate() {
	local count=$1

	shift
	in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" count "$count" \
		rate 100000 json "$@" >"$BATS_TEST_TMPDIR/report"
	SENT=$(jq .sent "$BATS_TEST_TMPDIR/report")
}

# top in the background: JSON lines in $TOP, a sample each 0.2 s.
background_top() {
	TOP=$BATS_TEST_TMPDIR/top
	background "$WEIR" -j -n "$LAB-r" top -b -n 1000 -d 0.2 >"$TOP"
	wait_until snapshots 1
}

snapshots() {
	[ "$(wc -l <"$TOP")" -ge "$1" ]
}

# two_more: what has happened until now has been shown.
two_more() {
	wait_until snapshots $(($(wc -l <"$TOP") + 2))
}

# shown SELECTOR: a rate times its interval, summed over all snapshots: packets.
shown() {
	head -n "$(wc -l <"$TOP")" "$TOP" | jq -s "map(($1 // 0) * .interval_s) | add | round"
}

# stage DEV NAME FIELD: of `path show`.
stage() {
	weir_r -j path show dev "$1" |
		jq ".devices[0].stages[] | select(.stage == \"$2\") | .$3"
}

@test "top -b prints so many snapshots as text, and ends" {
	run -0 --separate-stderr weir_r top -b -n 2 -d 0.3
	equal stderr "$stderr" ""
	equal heads "$(grep -c '^weir top  r0  r1 ' <<<"$output")" 2
	for stage in $STAGES; do
		equal "$stage" "$(grep -c "^$stage " <<<"$output")" 2
	done
	[[ $output = *"ledger 0"* ]]
	[[ $output != *$'\033'* ]]
}

@test "top -b as JSON: one document a line, every stage in order, the ledger in it" {
	run -0 --separate-stderr weir_r -j top -b -n 3 -d 0.1
	equal stderr "$stderr" ""
	equal lines "${#lines[@]}" 3
	for line in "${lines[@]}"; do
		jq -e '.version == 1 and .balanced and .residual == 0 and
			(.devices | map(.device) == ["r0", "r1"])' <<<"$line"
		equal stages "$(jq -r '[.stages[].stage] | join(" ")' <<<"$line")" "$STAGES"
	done
}

@test "top shows each packet once, as it comes and goes" {
	background_top
	generate 5000 dst 198.19.0.1
	two_more
	[ "$(shown '.devices[] | select(.device == "r0") | .in_pps')" -ge "$SENT" ] # and ARP
	equal "out from r0" "$(shown '.devices[] | select(.device == "r0") | .out_pps')" "$SENT"
	equal "at the xmit stage" "$(shown '.stages[] | select(.stage == "xmit") | .pps')" \
		$(($(since r0 xmit_OUT_NONE) + $(since r1 xmit_OUT_NONE)))
	equal "dropped" "$(shown .drops_pps)" 0
}

@test "top names who drops, why, and what to type" {
	background_top
	generate 3000 dst 203.0.113.9
	two_more
	equal "dropped" "$(shown .drops_pps)" "$SENT"
	equal "dropped at route_in" \
		"$(shown '.stages[] | select(.stage == "route_in") | .drops_pps')" "$SENT"
	jq -se 'any(.trouble.text | tostring | contains("BLACKHOLE"))' "$TOP"
	jq -se 'any(.trouble.try == "weir drop explain BLACKHOLE")' "$TOP"
	end_background
	background in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" \
		dst 203.0.113.9 rate 1000 seconds 60 >/dev/null
	wait_until drops_more
	run -0 weir_r top -b -n 1 -d 0.5
	[[ $output = *"route_in drops "*BLACKHOLE*"try: weir drop explain BLACKHOLE"* ]]
}

@test "what the live screen shows is in the JSON of top -b: bits, queues, CPUs, drops since when, spread" {
	weir_r watch on latency 1/1
	background_top
	generate 3000 dst 203.0.113.9
	two_more
	equal "bits at route_in" "$(shown '.stages[] | select(.stage == "route_in") | .bps')" \
		$((8 * $(since r0 in bytes) + 8 * $(since r1 in bytes) - 8 * $(before_route_in)))
	equal "by queue" "$(shown '[.devices[].queues[].in_pps] | add')" "$(shown .in_pps)"
	equal "by CPU" "$(shown '[.devices[].cpus[].in_pps] | add')" "$(shown .in_pps)"
	tail -n 1 "$TOP" | jq -e --argjson n "$SENT" '.drops | map(select(.cause == "BLACKHOLE")) |
		length == 1 and .[0].device == "r0" and .[0].packets >= $n and
		.[0].first_s <= .[0].last_s and (.[0].remedy | length) > 0'
	equal "samples" "$(head -n "$(wc -l <"$TOP")" "$TOP" | jq -s '[.[].stages[] |
		select(.stage == "route_in") | .histogram[].samples] | add')" \
		"$(head -n "$(wc -l <"$TOP")" "$TOP" | jq -s '[.[].stages[] |
		select(.stage == "route_in") | .samples] | add')"
}

# Bytes that left before they reached that stage: ARP, and what is not IPv4.
before_route_in() {
	local dev name bytes=0

	for dev in r0 r1; do
		for name in $(grown "$dev" | awk '$1 ~ /^(xdp|ip_rcv)_(PASS|DROP|PUNT)/ { print $1 }'); do
			bytes=$((bytes + $(since "$dev" "$name" bytes)))
		done
	done
	echo "$bytes"
}

drops_more() {
	local before=${DROPS:-0}

	DROPS=$(since r0 route_in_DROP_BLACKHOLE)
	[ "$before" -gt 0 ] && [ "$DROPS" -gt "$before" ]
}

# Sums over all snapshots, of the kernel plane: what a rate stands for.
kernel_shown() {
	head -n "$(wc -l <"$TOP")" "$TOP" |
		jq -s "map(.kernel | ($1 // 0) * .interval_s) | add | round"
}

# closed COUNT: datagrams for a port of the router's that nobody has open.
closed() {
	local i

	for ((i = 0; i < $1; i++)); do
		echo x >"/dev/udp/$R0_ADDR/9"
	done 2>/dev/null
}
export -f closed

@test "the kernel plane is in it: each drop once, where, why, who, since when, what to do" {
	weir_r watch on full
	background_top
	R0_ADDR=$R0_ADDR in_ns c bash -c 'closed 50'
	wait_until eval '[ "$(kernel_shown .drops_pps)" -ge 50 ]'
	equal "dropped" "$(kernel_shown .drops_pps)" 50
	equal "at udp_rcv" \
		"$(kernel_shown '(.stages[] | select(.stage == "udp_rcv") | .drops_pps)')" 50
	equal "by cause" "$(kernel_shown '([.stages[].causes[] | select(.cause == "NO_SOCKET") |
		.pps] | add)')" 50
	equal "on r0" "$(kernel_shown '(.devices[] | select(.device == "r0") | .drops_pps)')" 50
	equal "observed there" "$(kernel_shown '(.stages[] | select(.stage == "udp_rcv") | .pps)')" 50
	tail -n 1 "$TOP" | jq -e --arg to "$R0_ADDR:9" '.kernel | .level == "full" and .observing and
		(.stages | map(.stage) | index("udp_rcv") < index("sock_send")) and
		(.drops[] | select(.cause == "NO_SOCKET") | .packets == 50 and .device == "r0" and
			.stage == "udp_rcv" and .first_s <= .last_s and (.began_unseen | not) and
			(.example | endswith($to)) and (.who | contains("__udp4_lib_rcv")) and
			(.remedy | contains("ss -lunp")) and (.when | contains("50 in all")))'
	jq -se 'any(.[]; .kernel.trouble.try == "weir drop explain NO_SOCKET")' "$TOP"
	jq -se 'any(.[]; .kernel.stages[] | select(.stage == "ip_rcv") | .samples > 0 and
		(.histogram | length) > 0 and .source == "observers")' "$TOP"
}

@test "the kernel plane as text: the worst drop is a diagnosis; not watched, it says what to type" {
	run -0 weir_r top -b -n 1 -d 0.1
	[[ $output = *"the kernel plane is not watched"*"try: weir -n $LAB-r watch on drops"* ]]
	equal "tables" "$(grep -c '^stage ' <<<"$output")" 1
	run -0 weir_r -j top -b -n 1 -d 0.1
	jq -e '.kernel | .level == "off" and .stages == [] and .trouble.kind == "off"' <<<"$output"
	weir_r watch on drops
	R0_ADDR=$R0_ADDR background in_ns c bash -c 'while :; do closed 5; sleep 0.02; done'
	wait_until eval 'weir_r -j drop show plane kernel | grep -q NO_SOCKET'
	run -0 weir_r top -b -n 1 -d 0.5
	[[ $output = *"is lost at udp_rcv (UDP finds its socket) on r0 for NO_SOCKET"* ]]
	[[ $output = *"such: udp $C_ADDR:"*" > $R0_ADDR:9"*"do: "*"ss -lunp"* ]]
	[[ $output = *"udp_rcv drops "*"for NO_SOCKET on r0"*"try: weir drop explain NO_SOCKET"* ]]
}

@test "top goes on when devices come and go" {
	background_top
	weir_r dev detach r1
	wait_until devices_are '["r0"]'
	weir_r dev attach r1
	wait_until devices_are '["r0","r1"]'
	generate 1000 dst 198.19.0.1
	two_more
	# the difference to what r1 had counted before is nothing that happened now
	jq -se 'all(.in_pps >= 0 and .in_pps < 1e9 and .out_pps >= 0)' "$TOP"
	jq -se 'all(.balanced)' "$TOP"
	weir_r dev detach all
	wait_until devices_are '[]'
}

devices_are() {
	[ "$(tail -n 1 "$TOP" | jq -c '[.devices[].device]')" = "$1" ]
}

@test "path show: each stage has what later stages have, and what left there" {
	generate 4000 dst 198.19.0.1
	expect r0 xmit_OUT_NONE "$SENT"
	generate 1000 dst 203.0.113.9
	expect r0 route_in_DROP_BLACKHOLE "$SENT"
	run -0 weir_r -j path show dev r0
	equal stages "$(jq -r '[.devices[0].stages[].stage] | join(" ")' <<<"$output")" "$STAGES"
	# packets of a stage = packets of the next + dropped + passed + punted here
	jq -e '.devices[0].stages | . as $s | [range(1; length - 1)] | all(. as $i |
		$s[$i].packets == $s[$i + 1].packets + $s[$i].drops + $s[$i].passed + $s[$i].punted)' \
		<<<"$output"
	jq -e '.devices[0].stages | .[0].packets == .[1].packets' <<<"$output"
	jq -e --argjson n "$SENT" '.devices[0].stages[] | select(.stage == "route_in") | .drops == $n
		and (.causes | map({cause, packets}) == [{cause: "BLACKHOLE", packets: $n}])' <<<"$output"
}

@test "latency 1/1 times every packet at every stage that it crosses" {
	weir_r watch on latency 1/1
	run -0 weir_r watch show
	[[ $output = *"1 packet in 1 "* ]]
	local before
	before=$(stage r0 xdp samples)
	mark
	run -0 in_ns c ping -q -c 20 -i 0.02 "$S_ADDR"
	expect r0 xmit_OUT_NONE 20
	for name in ip_rcv nf_prerouting route_in ip_forward nf_forward nf_postrouting neigh xmit; do
		equal "samples at $name" "$(stage r0 "$name" samples)" 20
		for field in p50_ns p90_ns p99_ns max_ns; do
			jq -e '. > 0' <<<"$(stage r0 "$name" "$field")"
		done
	done
	equal "samples at xdp" $(($(stage r0 xdp samples) - before)) "$(since r0 in)"
	jq -e '.p50_ns <= .p90_ns and .p90_ns <= .p99_ns and .p99_ns <= .max_ns' <<<"$(
		weir_r -j path show dev r0 | jq '.devices[0].stages[] | select(.stage == "route_in")')"
	# what goes to the kernel is timed where it left
	in_ns c ping -q -c 3 -i 0.02 "$R0_ADDR"
	equal "samples at route_in" "$(stage r0 route_in samples)" 23
	equal "samples at ip_forward" "$(stage r0 ip_forward samples)" 20
}

@test "latency off times none, and a share of packets times a share" {
	run -0 in_ns c ping -q -c 20 -i 0.02 "$S_ADDR"
	for name in $STAGES; do
		equal "samples at $name" "$(stage r0 "$name" samples)" 0
		equal "p50 at $name" "$(stage r0 "$name" p50_ns)" null
	done
	weir_r watch on latency 1/8
	mark
	generate 8000 dst 198.19.0.1
	expect r0 xmit_OUT_NONE "$SENT"
	local got
	got=$(stage r0 route_in samples)
	# each CPU and queue counts to eight by itself
	[ "$got" -le $((SENT / 8 + 1)) ]
	[ "$got" -ge $((SENT / 8 - 2 * $(nproc))) ]
	weir_r watch off
	run -0 in_ns c ping -q -c 20 -i 0.02 "$S_ADDR"
	equal "samples, off again" "$(stage r0 route_in samples)" "$got"
	run -0 weir_r watch show
	[[ $output = *"no latency"* ]]
}
