#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# weir trace: what it shows of packets, what it writes, how it is bounded, and what it says of its losses.

load helper
load objects

setup_file() {
	start_lab && read_cookie || return
	confirm_once
}

teardown_file() {
	stop_lab
}

setup() {
	need jq tcpdump
	unattached
	weir_r dev attach r0 r1
	pings 3
}

teardown() {
	end_background
	weir_r dev detach all
}

# tracing WORD...: `weir trace` in the background, once it says that it captures. Its output goes to
# $out, what it says to $said.
tracing() {
	out=$BATS_TEST_TMPDIR/out said=$BATS_TEST_TMPDIR/said
	"$WEIR" -n "$LAB-r" "${global[@]}" trace "$@" >"$out" 2>"$said" 3>&- &
	tracer=$!
	wait_until grep -q capturing "$said"
}

global=()

# ended: it has ended, and well.
ended() {
	status=0
	wait "$tracer" || status=$?
	equal 'exit status' "$status" 0
}

@test "each packet is shown with its hook, its verdict and where it goes; count ends it" {
	tracing dev r0 count 6
	pings 3
	run ! in_ns c ping -q -c 3 -i 0.02 -W 1 -t 1 "$S_ADDR"
	ended
	equal lines "$(wc -l <"$out")" 6
	equal forwarded "$(grep -c "r0 xdp  icmp $C_ADDR > $S_ADDR ttl 64, 98 bytes  forwarded to r1" "$out")" 3
	equal punted "$(grep -c 'punted to the kernel at ip_forward: IP_TTL' "$out")" 3
	grep -q '6 packets; not captured: 0 for want of room, 0 to the limit of the rate' "$said"
}

@test "JSON: a line for each packet, with the same facts" {
	global=(-j)
	tracing dev r1 count 2
	pings 2
	ended
	jq -se --arg from "$S_ADDR" --arg to "$C_ADDR" 'length == 2 and all(.version == 1 and
		.device == "r1" and .hook == "xdp" and .src == $from and .dst == $to and .kind == "out"
		and .out == "r0" and .length == 98 and .ttl == 64)' "$out"
}

@test "a file that tcpdump reads, with the verdict as a comment" {
	local file=$BATS_TEST_TMPDIR/x.pcapng

	tracing dev r0 count 4 write "$file"
	pings 4
	ended
	equal packets "$(tcpdump -nr "$file" icmp 2>/dev/null | grep -c "$C_ADDR > $S_ADDR")" 4
	grep -aq 'forwarded to r1' "$file" # how many lines a binary file has is chance
	equal comments "$(grep -ao 'forwarded to r1' "$file" | wc -l)" 4
	grep -aq 'r0 xdp' "$file"
}

@test "interrupted, the file is whole and the exit status 0" {
	local file=$BATS_TEST_TMPDIR/x.pcapng

	tracing dev r0 write "$file"
	pings 5
	kill -INT "$tracer"
	ended
	equal packets "$(tcpdump -nr "$file" 2>/dev/null | wc -l)" 5
}

@test "one in N: so many are shown, and no more" {
	tracing sample 1/10 seconds 4
	in_ns c ping -q -i 0.002 -c 100 "$S_ADDR" >/dev/null
	ended
	# of 200, requests and replies, counted on each CPU by itself
	[ "$(wc -l <"$out")" -ge 15 ] && [ "$(wc -l <"$out")" -le 21 ] || { cat "$out"; return 1; }
}

@test "a reader that stands still: what it did not get is counted" {
	local lost limited

	tracing
	kill -STOP "$tracer"
	in_ns c "$BUILD/weir-gen" dev c0 to 02:00:00:00:00:fe src "$C_ADDR" dst "$S_ADDR" \
		count 200000 >/dev/null
	kill -CONT "$tracer"
	sleep 1
	kill -INT "$tracer"
	ended
	read -r lost limited < <(sed -n \
		's/.*not captured: \([0-9]*\) for want of room, \([0-9]*\) to.*/\1 \2/p' "$said")
	[ $((lost + limited)) -gt 0 ] && [ "$(wc -l <"$out")" -gt 0 ]
}

@test "killed, it leaves no capture running; another is refused while one reads" {
	tracing
	fails 2 weir_r trace count 1
	says "*another 'weir trace'*" && advises '*pgrep*'
	kill -KILL "$tracer"
	wait "$tracer" || true
	tracer=
	wait_until weir_r trace seconds 0.1
}

@test "where it cannot write, it says so" {
	fails 2 weir_r trace write "$BATS_TEST_TMPDIR"
	says '*opening*directory*'
	weir_r dev detach all
	fails 3 weir_r trace count 1
	says '*no device is attached*' && advises '*dev attach*'
	fails 3 weir_r trace dev r9
}
