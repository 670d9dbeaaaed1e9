#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Rule sets that take each other's place 1,000 times under a load of as many packets as one core
# forwards: none is lost, none is judged by a mixture of two sets.
#
#	sudo RELOADS=100 tests/run tests/e2e/reloads.bats
#
# Sender, router and sink take turns on one core, so no queue on the way can overflow by itself: each
# batch has arrived before the next is sent. Not by a real-time priority: what it then keeps from running
# may hold a lock that the whole machine waits for.

load helper
load objects

RELOADS=${RELOADS:-1000}

setup_file() {
	start_lab || return
	confirm_once
}

teardown_file() {
	stop_lab
}

setup() {
	need jq bpftool ethtool
	A=$BATS_TEST_TMPDIR/a B=$BATS_TEST_TMPDIR/b
	load_foreign
	in_ns s bpftool net attach xdpdrv pinned "$FOREIGN/xdp_sink" dev s0
	weir_r dev attach r0 r1
	in_ns c ping -q -c 1 -W 5 "$S_ADDR"
}

teardown() {
	end_background
	in_ns s bpftool net detach xdpdrv dev s0
	unload_foreign
	: >"$A"
	weir_r filter load "$A" >/dev/null
	weir_r dev detach all
}

# arrived: frames that the sink has had.
arrived() {
	in_ns s ethtool -S s0 | awk '/_xdp_drops:/ { n += $2 } END { print n + 0 }'
}

# matched ID: packets.
matched() {
	weir_r -j filter show | jq --argjson id "$1" '.rules[] | select(.id == $id).packets'
}

# Something else now and then on the sender's core. A change of rules waits until no packet is judged by
# the rules before, which the kernel knows at once where a core turns to another task, and after
# 100 ms where it never does.
breathe() {
	local never

	exec {never}<> <(:)
	while :; do read -rt 0.005 -u "$never" || :; done
}

# reload_under_load: A and B in turn, RELOADS times, by one weir; $sent is how many packets met them.
reload_under_load() {
	local out=$BATS_TEST_TMPDIR/gen i

	weir_r filter load "$A"
	mark
	had=$(arrived)
	background in_ns c nice -n -10 "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" sport 5000 \
		dst "$S_ADDR" dport 1000-1899 flows 900 size 60 seconds 600 cpu 0 json >"$out"
	export -f breathe
	background nice -n -20 taskset -c 0 bash -c breathe
	wait_until passing
	for ((i = 0; i < RELOADS / 2; i++)); do
		printf 'filter load %s\nfilter load %s\n' "$B" "$A"
	done >"$BATS_TEST_TMPDIR/batch"
	weir_r -b "$BATS_TEST_TMPDIR/batch" >/dev/null
	kill -INT "${BACKGROUND[0]}"
	wait "${BACKGROUND[0]}" || :
	sent=$(jq .sent "$out")
	# where another keeps the router's core to itself the link fills up, before it
	echo "# $(jq '.dropped + .refused' "$out") packets found no room on the link" >&3
	echo "# $RELOADS reloads under $(jq .pps "$out") packets a second, $(jq .seconds "$out") s" >&3
}

passing() {
	[ "$(since r0 xmit_OUT_NONE)" -gt 1000 ]
}

# What became of them: each arrived, none was dropped anywhere.
nothing_lost() {
	all_arrived() { [ $(($(arrived) - had)) = "$sent" ]; }
	wait_until all_arrived || { grown r0; grown r1; return 1; }
	equal lost "$(grown r0 | grep -E '_(DROP|UNDO)_|^lost' || :)" ""
	weir_r ledger show
}

# Each set has its rules at other places, so that a packet which found its rule in one and read what
# it says in the other would be dropped, wherever it was. Ids are the same, so counters go on.
@test "reloads under load: no packet is lost, none is judged by a mixture; flows keep verdicts" {
	printf '%s\n' 'id 1 proto udp dport 1000-1449 accept' 'id 2 proto udp dport 1 drop' \
		'id 3 proto udp dport 1450-1899 accept' 'id 4 proto udp drop' >"$A"
	printf '%s\n' 'id 4 proto udp dport 2 drop' 'id 3 proto udp dport 1000-1449 accept' \
		'id 2 proto udp dport 3-4 drop' 'id 1 proto udp dport 1450-1899 accept' >"$B"
	reload_under_load
	nothing_lost
	equal matched "$(matched 1)+$(matched 3)" "$(matched 1)+$((sent - $(matched 1)))"
	equal dropped "$(matched 2)+$(matched 4)" 0+0
}

# Half of the packets are counted on their way: by 10 in one set and by 20 in the other. Who met both
# sets would be counted twice, or not at all.
@test "reloads under load: a packet is counted by the rules of one set" {
	printf '%s\n' 'id 10 proto udp dport 1000-1449 count' 'id 20 proto udp dport 1 count' \
		'id 30 proto udp dport 1000-1899 accept' 'id 40 proto udp drop' \
		'id 50 proto udp dport 4 drop' 'id 60 proto udp dport 5 drop' >"$A"
	printf '%s\n' 'id 40 proto udp dport 1 drop' 'id 50 proto udp dport 4 drop' \
		'id 60 proto udp dport 5 drop' 'id 20 proto udp dport 1000-1449 count' \
		'id 30 proto udp dport 1000-1899 accept' 'id 10 proto udp dport 2 count' >"$B"
	reload_under_load
	nothing_lost
	equal accepted "$(matched 30)" "$sent"
	a=$(matched 10) b=$(matched 20) rest=$((sent % 900))
	[ "$a" -gt 0 ] && [ "$b" -gt 0 ]
	equal counted $((a + b)) $((sent / 900 * 450 + (rest < 450 ? rest : 450)))
}

# All that passes is in the set of one file, which lets it pass, and not in the other's, which drops what is: who met
# the rules of one and the elements of both would be dropped.
@test "reloads under load: a packet meets rules and named sets of one file" {
	printf '%s\n' 'set add ports 1-10' 'proto udp dport @ports drop' 'proto udp dport 1000-1899 accept' >"$A"
	printf '%s\n' 'set add ports 1000-1899' 'proto udp dport @ports accept' 'proto udp drop' >"$B"
	reload_under_load
	nothing_lost
}

@test "who is killed while a file is loaded leaves rules and named sets of one file" {
	local i x first

	{ seq -f 'set add many 10.%.0f.0.0/17' 0 199; echo 'src @many drop comment a'; } >"$A"
	{ seq -f 'set add many 10.%.0f.0.0/17' 56 255; echo 'src @many drop comment b'; } >"$B"
	weir_r filter load "$A"
	for ((i = 0; i < ${KILLS:-40}; i++)); do
		[ $((i % 2)) = 0 ] && x=$B || x=$A
		"$WEIR" -n "$LAB-r" filter load "$x" >/dev/null 2>&1 &
		sleep "0.0$((RANDOM % 5))$((RANDOM % 10))"
		kill -KILL $! 2>/dev/null || :
		wait $! 2>/dev/null || :
		x=$(weir_r filter show | sed -n 's/.*comment "*\([ab]\).*/\1/p')
		[ "$x" = a ] && first=10.0.0.0/17 || first=10.56.0.0/17
		equal "elements beside the rule of $x" \
			"$(weir_r -j set show many | jq -r '.sets[0] | "\(.count) from \(.elements[0])"')" "200 from $first"
	done
}
