#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Two weirs at once, again and again: each does what it was told or says why not, no reader ever sees
# a state that there was not, and at the end all agree. kill.bats has six at once, and killed ones.
#
#	sudo ROUNDS=200 tests/run tests/e2e/races.bats

load helper
load objects

ROUNDS=${ROUNDS:-10}

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

# both 'WORDS' 'WORDS': at once; $first and $second are their exit statuses, what they said is in err-1
# and err-2.
both() {
	local pid

	# shellcheck disable=SC2086
	weir_r $1 >/dev/null 2>"$BATS_TEST_TMPDIR/err-1" 3>&- &
	pid=$!
	second=0
	# shellcheck disable=SC2086
	weir_r $2 >/dev/null 2>"$BATS_TEST_TMPDIR/err-2" || second=$?
	first=0
	wait "$pid" || first=$?
}

# they_end 'STATUS STATUS'...: one of these pairs.
they_end() {
	local pair

	for pair; do
		[ "$first $second" != "$pair" ] || return 0
	done
	echo "they ended with $first and $second, not with one of: $*"
	cat "$BATS_TEST_TMPDIR"/err-[12]
	return 1
}

# Readers as long as the test lasts; what is wrong goes to $BATS_TEST_TMPDIR/wrong.
readers() {
	cat >"$BATS_TEST_TMPDIR/reader" <<-'END'
		# reader WEIR NETNS WRONG JQ WORD...: the command's JSON, on and on; JQ is what must hold
		weir=$1 ns=$2 wrong=$3 holds=$4
		shift 4
		while :; do
			said=$("$weir" -n "$ns" -j "$@" 2>&1) &&
				jq -es "$holds" <<<"$said" >/dev/null 2>&1 && continue
			echo "weir -j $*: $said" >>"$wrong"
		done
	END
	reader 'length == 1 and all(.[].devices[]; .state == "attached" and .prog_id > 0)' dev show
	reader 'length == 1 and all(.[]; .balanced)' ledger show
	reader 'length == 1 and .[0].version == 1' path show
	reader 'length == 2 and all(.[]; .balanced)' top -b -n 2 -d 0.1
}

reader() {
	local holds=$1

	shift
	background bash "$BATS_TEST_TMPDIR/reader" "$WEIR" "$LAB-r" "$BATS_TEST_TMPDIR/wrong" \
		"$holds" "$@"
}

readers_saw_no_wrong() {
	end_background || true
	[ ! -e "$BATS_TEST_TMPDIR/wrong" ] || { head -c 4000 "$BATS_TEST_TMPDIR/wrong"; return 1; }
}

@test "two attach different devices, two detach them: each succeeds, each time" {
	local round

	readers
	for ((round = 1; round <= ROUNDS; round++)); do
		both 'dev attach r0' 'dev attach r1'
		they_end '0 0'
		equal states "$(states)" 'r0=attached r1=attached'
		pings 2
		both 'dev detach r0' 'dev detach r1'
		they_end '0 0'
		equal states "$(states)" ''
	done
	readers_saw_no_wrong
	nothing_left
	kernel_carries
}

@test "two attach the same device: one does, the other says that it is there" {
	local round

	readers
	for ((round = 1; round <= ROUNDS; round++)); do
		both 'dev attach r0' 'dev attach r0'
		they_end '0 2' '2 0'
		grep -hq 'weir: r0 is attached already' "$BATS_TEST_TMPDIR"/err-[12]
		grep -hq 'try: .*dev attach r0 force' "$BATS_TEST_TMPDIR"/err-[12]
		equal states "$(states)" r0=attached
		both 'dev detach r0' 'dev detach r0'
		they_end '0 3' '3 0'
		grep -hq 'weir: r0 is not attached' "$BATS_TEST_TMPDIR"/err-[12]
	done
	readers_saw_no_wrong
	nothing_left
}

@test "two attach both devices in turned order: one does, the other attaches none" {
	local round

	for ((round = 1; round <= ROUNDS; round++)); do
		both 'dev attach r0 r1' 'dev attach r1 r0'
		they_end '0 2' '2 0'
		equal states "$(states)" 'r0=attached r1=attached'
		[ $((round % 3)) -ne 0 ] || fast_path_carries 5
		weir_r dev detach all
	done
	nothing_left
}

@test "attach against detach of the same device: as if one had come after the other" {
	local round

	readers
	for ((round = 1; round <= ROUNDS; round++)); do
		both 'dev attach r0' 'dev detach r0'
		they_end '0 0' '0 3'
		if [ "$second" -eq 0 ]; then
			equal states "$(states)" '' # it came after
		else
			equal states "$(states)" r0=attached
			weir_r dev detach r0
		fi
	done
	readers_saw_no_wrong
	nothing_left
}

@test "attach with force against detach, under traffic: no packet is lost, and all end well" {
	local round ping log=$BATS_TEST_TMPDIR/ping

	weir_r dev attach r0 r1
	pings 3
	readers
	background in_ns c ping -i 0.01 -W 2 "$S_ADDR" >"$log"
	ping=$!
	for ((round = 1; round <= ROUNDS; round++)); do
		both 'dev attach r1 r0 force' 'dev detach r1'
		they_end '0 0'
		both 'dev attach r1 force' 'dev attach r0 r1 force'
		they_end '0 0'
	done
	kill -INT "$ping" # it tells
	wait_until grep -q 'packets transmitted' "$log"
	readers_saw_no_wrong
	equal states "$(states)" 'r0=attached r1=attached'
	fast_path_carries
	# what is under way at a swap may go either road, and arrives
	[ "$(sed -En 's/.*received, ([0-9.]+)% packet loss.*/\1/p' "$log")" = 0 ] || { tail -n 3 "$log"
		return 1; }
	weir_r dev detach all
	nothing_left
}

@test "two with pins in different places want the same device: one has it, the other is told whose it is" {
	local round other=$BPFFS/$LAB-other

	for ((round = 1; round <= ROUNDS; round++)); do
		both 'dev attach r0' "--pin $other dev attach r0"
		they_end '0 2' '2 0'
		grep -hqE 'another XDP program: id [0-9]+|attaching XDP to r0' "$BATS_TEST_TMPDIR"/err-[12]
		[ -n "$(prog_on r0)" ]
		pings 1
		weir_r dev detach all
		weir_r --pin "$other" dev detach all
		no_xdp r0
	done
	nothing_left
}
