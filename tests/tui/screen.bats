#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What `weir top` shows on a terminal, with traffic through the router.

load terminal

STAGES="nic_rx xdp ip_rcv nf_prerouting route_in ip_forward nf_forward nf_postrouting neigh xmit"

setup_file() {
	start_lab || return
	ip -n "$LAB-r" route add blackhole 203.0.113.0/24
}

teardown_file() {
	stop_lab
}

setup() {
	need tmux strace
	weir_r dev attach r0 r1
}

teardown() {
	close_terminal
	end_background
	weir_r watch off
	weir_r dev detach all
	ip -n "$LAB-r" link del odd 2>/dev/null || :
}

# flow: what is forwarded, and what is dropped, until the test ends.
flow() {
	background in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" dst "$S_ADDR" \
		rate 5000 seconds 600 >/dev/null
	background in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" \
		dst 203.0.113.9 rate 500 seconds 600 >/dev/null
}

@test "the whole map, and what is wrong, at 80x24" {
	flow
	open_terminal 80 24
	start_top -d 0.2
	wait_until shows "route_in drops"
	screen >"$BATS_TEST_TMPDIR/screen"
	for stage in $STAGES; do
		grep -E "[▼│├] $stage +[0-9.]+( k)? " "$BATS_TEST_TMPDIR/screen"
	done
	grep -E '▼ out +[0-9.]+( k)?$' "$BATS_TEST_TMPDIR/screen"
	shows "for BLACKHOLE on r0: a blackhole route swallows it."
	shows "weir drop explain BLACKHOLE"
	screen | grep -E 'DROPPED +[0-9.]+ ?k?/s'
	wait_until shows "ledger 0"
	[ "$(screen | grep -c .)" -ge 22 ]
}

@test "pages by their keys, and back" {
	flow
	weir_r watch on latency 1/1 plane fast
	open_terminal 100 32
	start_top -d 0.2
	wait_until shows "route_in drops"
	type_keys d
	wait_until shows "remedy: 'ip route get ADDR'"
	screen | grep -E 'route_in +BLACKHOLE +r0'
	type_keys c
	wait_until shows "queue 0"
	type_keys c
	wait_until shows "CPU 0"
	type_keys Escape
	wait_until shows "▼ out"
	type_keys Down Down Down Down Enter
	wait_until shows "1 packet in 1 is timed"
	wait_until shows p50
	screen | grep -E '^ route_in .*p99 +[0-9.]+ '
	type_keys '?'
	wait_until shows "this page; again, or Esc, to leave it"
	type_keys Escape Escape Tab
	wait_until shows "the stack plane is not observed"
	type_keys Tab
	wait_until shows "the kernel plane is not watched"
	type_keys Tab
	wait_until shows "▼ out"
}

@test "find, filter, sort, and one device alone" {
	flow
	open_terminal 100 24
	start_top -d 0.2
	wait_until shows "route_in drops"
	type_keys /
	type_keys -l post
	wait_until marked nf_postrouting
	type_keys Enter d
	wait_until shows "remedy:"
	type_keys '\'
	type_keys -l nothing
	wait_until shows "no drop has 'nothing' in it"
	type_keys Escape
	wait_until shows "remedy:"
	type_keys s
	wait_until shows "▼total"
	type_keys I
	wait_until shows "▲total"
	type_keys Escape '>'
	wait_until shows "[r0]"
	wait_until shows "DROPPED"
	type_keys '>'
	wait_until shows "[r1]"
	wait_until shows "dropped "
}

# marked STAGE: the chosen row is that one's.
marked() {
	screen | grep -qE "^› *[│├▼] $1 "
}

@test "the screen follows its size, and says the least one" {
	flow
	open_terminal 80 24
	start_top -d 0.2
	for size in "200 60" "60 15" "40 10"; do
		# shellcheck disable=SC2086
		tm resize-window -t t -x ${size% *} -y ${size#* }
		wait_until fills ${size#* }
	done
	tm resize-window -t t -x 20 -y 5
	wait_until shows "needs 40x10"
	shows "this is 20x5"
	tm resize-window -t t -x 80 -y 24
	wait_until shows "▼ out"
}

# fills H: the map is there, and the last line is that of the keys.
fills() {
	shows "nic_rx" && [ "$(screen | sed -n "$1p" | grep -c 'q quit')" = 1 ]
}

@test "a pause stands still, and reads nothing" {
	flow
	open_terminal 80 24
	start_top -d 0.2
	wait_until shows "route_in drops"
	type_keys Space
	wait_until shows PAUSED
	local before
	before=$(screen)
	strace -o "$BATS_TEST_TMPDIR/strace" -p "$TOP" 3>&- &
	local tracer=$!
	wait_until grep -q ppoll "$BATS_TEST_TMPDIR/strace"
	type_keys F5 # no key of ours
	wait_until grep -q read "$BATS_TEST_TMPDIR/strace"
	kill "$tracer"
	equal "the screen" "$(screen)" "$before"
	equal "readings" "$(grep -cE 'bpf\(|membarrier|stat' "$BATS_TEST_TMPDIR/strace")" 0
	type_keys Space
	wait_until shows_not PAUSED
	wait_until screen_is_not "$before"
}

screen_is_not() {
	[ "$(screen)" != "$1" ]
}

# Lines `REDRAW CALLS`: for each wait that ended by time, the calls until the next wait.
redraws() {
	awk -F'(' '/^ppoll\(/ { if (due && wrote) print n, calls; due = /Timeout/; n++; calls = ""
			wrote = 0; next }
		/^write\(1/ { wrote = 1; next }
		due && !/^(poll|read|newfstatat|stat|clock_gettime|mmap|munmap|brk)\(/ {
			calls = calls " " $1 }' "$1"
}

@test "counters are read without a system call" {
	flow
	open_terminal 100 32
	start_top -d 0.1
	wait_until shows "route_in drops"
	strace -o "$BATS_TEST_TMPDIR/strace" -p "$TOP" 3>&- &
	local tracer=$!
	wait_until many_redraws 60
	kill "$tracer"
	redraws "$BATS_TEST_TMPDIR/strace" >"$BATS_TEST_TMPDIR/redraws"
	local all quiet
	all=$(wc -l <"$BATS_TEST_TMPDIR/redraws")
	quiet=$(awk 'NF == 1' "$BATS_TEST_TMPDIR/redraws" | wc -l)
	# the others ask what became of the devices, or take the cut for the ledger
	[ "$quiet" -ge $((all / 2)) ] || { cat "$BATS_TEST_TMPDIR/redraws"; return 1; }
	run ! grep -E '^(bpf|membarrier)\(' <(awk 'NF == 1' "$BATS_TEST_TMPDIR/redraws")
}

many_redraws() {
	[ "$(grep -c Timeout "$BATS_TEST_TMPDIR/strace")" -ge "$1" ]
}

@test "devices that come, go and are replaced are told in words, and are no spike" {
	flow
	open_terminal 140 32
	start_top -d 0.5
	wait_until shows "route_in drops"
	type_keys c
	wait_until shows "queue 0"
	weir_r dev detach r0
	wait_until shows_not "r0"
	weir_r dev attach r0
	wait_until shows "[all] r0 r1"
	wait_until is_native r0
	run ! grep -E ' [0-9.]+ [GTPEZY]/s' <(screen)
	ip -n "$LAB-r" link add odd type veth peer name even
	weir_r dev attach odd force # its other end is down
	wait_until is_native odd
	ip -n "$LAB-r" link del odd
	wait_until shows "odd!"
	screen | grep -E '^.odd +gone +·'
	shows "odd is gone: its counters stand still"
	shows "weir -n $LAB-r dev detach odd"
	weir_r dev detach all
	wait_until shows "no device is attached"
	shows "weir -n $LAB-r dev attach DEV"
}

is_native() {
	screen | grep -qE "^.$1 +native"
}

@test "no colour where none is wanted, and one accent where it is" {
	flow
	open_terminal 80 24 NO_COLOR=1
	start_top -d 0.2
	wait_until shows "route_in drops"
	run ! grep -E $'\033\\[([0-9;]*;)?3[0-7]' <(tm capture-pane -p -e -t t)
	type_keys q
	wait_until shows "status 0"
	type_keys "clear; $WEIR --color always -n $LAB-r top -d 0.2" Enter
	wait_until shows "route_in drops"
	tm capture-pane -p -e -t t | grep -qE $'\033\\[([0-9;]*;)?31'
}

@test "ASCII where the locale has no more, on an old terminal" {
	flow
	weir_r watch on latency 1/1 plane fast
	open_terminal 80 24 LC_ALL=C TERM=vt100
	start_top -d 0.2
	wait_until shows "route_in drops"
	shows "v nic_rx"
	shows "+-> to kernel"
	for key in d c l '?' Tab; do
		type_keys "$key"
		run ! grep -P '[^\x00-\x7f]' <(screen)
	done
}

@test "so many readings, and it ends" {
	open_terminal 80 24
	type_keys "clear; $WEIR -n $LAB-r top -n 2 -d 0.1; echo sta''tus \$?" Enter
	wait_until shows "status 0"
}
