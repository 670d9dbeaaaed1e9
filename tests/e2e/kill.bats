#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# weir killed at any moment, and many weirs at once. Moments are random; what must hold is not.

load helper
load objects

# How often each is tried: enough here to fail when a window opens, more when looking for one.
KILLS=${KILLS:-14}

setup_file() {
	start_lab && read_cookie
}

teardown_file() {
	stop_lab
}

setup() {
	need jq bpftool
	unattached
}

teardown() {
	end_background || true
}

# --- killed half way ---

# Attaches what is not attached yet: without force, since nothing may be in the way.
attach_the_rest() {
	local dev rest=()

	for dev in r0 r1; do
		[[ " $(states) " == *" $dev=attached "* ]] || rest+=("$dev")
	done
	[ "${#rest[@]}" -eq 0 ] || weir_r dev attach "${rest[@]}"
}

@test "kill -9 of attach at any moment: attached or attachable, and nothing is left behind" {
	local i ms

	ms=$(duration_ms weir_r dev attach r0 r1)
	weir_r dev detach all
	for ((i = 1; i <= KILLS; i++)); do
		kill_within "$ms" weir_r dev attach r0 r1
		weir_r dev show >/dev/null || { echo "show fails after kill $i"; return 1; }
		pings 1 || { echo "no traffic after kill $i"; return 1; }
		attach_the_rest || { echo "not attachable after kill $i"; find "$PINS"; return 1; }
		equal states "$(states)" 'r0=attached r1=attached'
		ledger_balances
		fast_path_carries 4 || { echo "after kill $i"; return 1; }
		remember
		weir_r dev detach r0 r1
		[ ! -e "$PINS" ] || { echo "left after kill $i:"; find "$PINS"; return 1; }
	done
	nothing_left
}

@test "kill -9 of attach, and then nobody attaches that device again: nothing is left behind" {
	local i ms

	ms=$(duration_ms weir_r dev attach r0)
	weir_r dev detach all
	for ((i = 1; i <= KILLS / 2; i++)); do
		kill_within "$ms" weir_r dev attach r0
		if [ "$(states)" = r0=attached ]; then
			weir_r dev detach r0
		else
			weir_r dev attach r1 || { echo "not attachable after kill $i"; return 1; }
			remember
			weir_r dev detach r1
		fi
		[ ! -e "$PINS" ] || { echo "left after kill $i:"; find "$PINS"; return 1; }
	done
	nothing_left
}

@test "kill -9 of attach with force: the device stays attached and forwards" {
	local i ms

	weir_r dev attach r0 r1
	pings 5
	ms=$(duration_ms weir_r dev attach r0 r1 force)
	for ((i = 1; i <= KILLS / 2; i++)); do
		kill_within "$ms" weir_r dev attach r0 r1 force
		equal states "$(states)" 'r0=attached r1=attached'
		ledger_balances || { weir_r ledger show; return 1; }
		fast_path_carries 4 || { echo "after kill $i"; return 1; }
	done
	weir_r dev detach all
	nothing_left
}

@test "kill -9 of detach: what is left can be detached, or attached again" {
	local i ms

	weir_r dev attach r0 r1
	ms=$(duration_ms weir_r dev detach r0 r1)
	for ((i = 1; i <= KILLS / 2; i++)); do
		attach_the_rest || { echo "not attachable after kill $i"; find "$PINS"; return 1; }
		equal states "$(states)" 'r0=attached r1=attached'
		fast_path_carries 4 || { echo "after kill $i"; return 1; }
		remember
		kill_within "$ms" weir_r dev detach r0 r1
		pings 1 || { echo "no traffic after kill $i"; return 1; }
	done
	weir_r dev detach all
	nothing_left
}

# in_of: packets counted in, on both devices.
in_of() {
	weir_r -j ledger show | jq .total.in
}

@test "kill -9 of readers at any moment: forwarding goes on, counters only grow, the ledger balances" {
	local i before=0 now

	weir_r dev attach r0 r1
	background in_ns c ping -q -i 0.002 "$S_ADDR" >/dev/null
	for ((i = 1; i <= KILLS; i++)); do
		kill_within 120 weir_r top -b -d 0.1
		kill_within 40 weir_r ledger show
		now=$(in_of) || { echo "no balance after kill $i"; weir_r ledger show; return 1; }
		[ "$now" -ge "$before" ] || { echo "counted $before, then $now"; return 1; }
		before=$now
	done
	[ "$before" -gt 0 ]
	end_background || true
	fast_path_carries
	weir_r dev detach all
	nothing_left
}

# --- two at once ---

# loop NAME STATUSES WORD...: KILLS times; what ends with another status is put down in $BAD.
loop() {
	local i name=$1 good=$2 status err=$BATS_TEST_TMPDIR/err-$BASHPID

	shift 2
	for ((i = 1; i <= KILLS; i++)); do
		status=0
		timeout -k 5 120 "$WEIR" -n "$LAB-$name" "$@" >/dev/null \
			2>"$err" || status=$?
		[[ " $good " == *" $status "* ]] || {
			echo "weir -n $name $*: round $i: status $status"
			cat "$err"
		} >>"$BAD"
	done
}

loops_are_good() {
	wait "${LOOPS[@]}"
	[ ! -e "$BAD" ] || { cat "$BAD"; return 1; }
}

@test "attach, detach, show and ledger at once, many times: no crash, no deadlock, a consistent end" {
	BAD=$BATS_TEST_TMPDIR/bad LOOPS=()
	background in_ns c ping -q -i 0.005 "$S_ADDR" >/dev/null
	loop r '0 2' dev attach r0 r1 3>&- & LOOPS+=($!)
	loop r 0 dev attach r1 r0 force 3>&- & LOOPS+=($!)
	loop r '0 3' dev detach r0 3>&- & LOOPS+=($!)
	loop r 0 dev detach all 3>&- & LOOPS+=($!)
	loop r 0 dev show 3>&- & LOOPS+=($!)
	loop r 0 ledger show 3>&- & LOOPS+=($!)
	loops_are_good
	weir_r dev attach r0 r1 force
	equal states "$(states)" 'r0=attached r1=attached'
	fast_path_carries
	weir_r dev detach r0 r1
	nothing_left
}

@test "attach and detach in two namespaces at once, many times: neither sees the other" {
	BAD=$BATS_TEST_TMPDIR/bad LOOPS=()
	loop r 0 dev attach r0 r1 force 3>&- & LOOPS+=($!)
	loop s 0 dev attach s0 force 3>&- & LOOPS+=($!)
	loop c 0 dev attach c0 force 3>&- & LOOPS+=($!)
	loop r '0 3' dev detach r0 3>&- & LOOPS+=($!)
	loop s '0 3' dev detach s0 3>&- & LOOPS+=($!)
	loop c 0 dev detach all 3>&- & LOOPS+=($!)
	loops_are_good
	"$WEIR" -n "$LAB-s" dev detach all
	"$WEIR" -n "$LAB-c" dev detach all
	weir_r dev attach r0 r1 force
	fast_path_carries
	weir_r dev detach all
	nothing_left
}
