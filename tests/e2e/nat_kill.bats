#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# NAT under way while weir is killed, upgraded, restarted: sessions go on, and of a stream of numbered
# datagrams each arrives, once.
#
# Sender, router and receiver's softirq take turns on one core, as in reloads.bats.

load helper
load objects
load frame
load nat

KILLS=${KILLS:-14}
RATE=100000

setup_file() {
	start_nat_lab
}

teardown_file() {
	stop_nat_lab
}

setup() {
	need jq bpftool socat
	RULES=$BATS_TEST_TMPDIR/rules
	attach_as native
}

teardown() {
	end_background || :
	weir_r dev detach all # first: with the last rule programs would be loaded anew
	weir_r nat flush >/dev/null
}

# stream [RATE]: numbered datagrams from inside to the server, through NAT, until end_stream.
stream() {
	background in_ns s "$BUILD/tests/e2e/sequence" 9000 >"$BATS_TEST_TMPDIR/received"
	RECEIVER=$!
	wait_until listens s udp 9000
	background in_ns c nice -n -10 "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" sport 5000 \
		dst "$S_ADDR" dport 9000 size 60 rate "${1:-$RATE}" seconds 600 cpu 0 json \
		>"$BATS_TEST_TMPDIR/sent"
	SENDER=$!
	wait_until flows
}

flows() {
	[ "$(of_stream packets_there)" -gt 1000 ]
}

# of_stream FIELD: of the stream's session; nothing where it has none.
of_stream() {
	weir_r -j nat session show port 5000 | jq ".sessions[0].$1 // empty"
}

# end_stream: each datagram that was sent has arrived, once, in order.
end_stream() {
	local sent got

	kill -INT "$SENDER"
	wait "$SENDER" || :
	sent=$(jq .sent "$BATS_TEST_TMPDIR/sent")
	equal 'dropped by the sender' "$(jq '.dropped + .refused' "$BATS_TEST_TMPDIR/sent")" 0
	sleep 0.3 # for the receiver to empty its socket, which is none of a test's time
	kill -TERM "$RECEIVER"
	wait "$RECEIVER"
	got=$(cat "$BATS_TEST_TMPDIR/received")
	echo "# $sent datagrams at $(jq '.pps | floor' "$BATS_TEST_TMPDIR/sent") a second: $got" >&3
	equal 'received, missing, again, late, refused' \
		"$(jq -c '[.received, .missing, .again, .late, .refused]' <<<"$got")" "[$sent,0,0,0,0]"
}

same_session() {
	equal session "$(weir_r -j nat session show port 5000 | jq -c '[.all, .sessions[0].number]')" "$1"
}

the_session() {
	weir_r -j nat session show port 5000 | jq -c '[.all, .sessions[0].number]'
}

# --- killed half way ---

# Whatever became of the command, the rule of the stream is there, and readers find all in order.
in_order() {
	weir_r -j nat show | jq -e '[.rules[] | select(.id == 1 and .nat == "masquerade")] | length == 1' \
		>/dev/null || { echo "after kill $1:"; weir_r nat show; return 1; }
	accounted
	same_session "$SESSION"
}

@test "kill -9 of nat add, del and load at any moment: the session goes on, no datagram is lost" {
	local i

	weir_r nat add masquerade out dev r1
	stream 20000
	SESSION=$(the_session)
	printf '%s\n' 'id 1 masquerade out dev r1' 'id 8 map 192.0.2.99 to 203.0.113.9 dev r1' \
		'id 9 dnat in dev r1 proto tcp dport 80 to 192.0.2.1' >"$RULES.more"
	printf '%s\n' 'id 9 snat out dev r1 src 10.0.0.0/8 to 203.0.113.10-203.0.113.40' \
		'id 1 masquerade out dev r1' >"$RULES.other"
	for ((i = 1; i <= KILLS; i++)); do
		kill_within 30 weir_r nat add dnat in dev r1 proto udp dport 7 to "$C_ADDR"
		in_order "$i, of add"
		kill_within 30 weir_r nat load "$RULES.more"
		in_order "$i, of load"
		kill_within 30 weir_r nat load "$RULES.other"
		in_order "$i, of another load"
		kill_within 30 weir_r nat del 9
		in_order "$i, of del"
	done
	end_stream
	# and all can still be changed
	printf 'id 1 masquerade out dev r1\n' >"$RULES"
	weir_r nat load "$RULES"
	equal pools "$(weir_r -j nat show | jq -c '[.pools[] | .device]')" '["r1"]'
	same_session "$SESSION"
}

@test "kill -9 of the first rule, of flush and limit at any moment: the next command makes it good" {
	local i ms

	ms=$(duration_ms weir_r nat add masquerade out dev r1)
	weir_r nat flush
	for ((i = 1; i <= KILLS / 2; i++)); do
		kill_within "$ms" weir_r nat limit $((2000 + i))
		kill_within "$ms" weir_r nat add masquerade out dev r1
		weir_r nat show >/dev/null
		accounted
		weir_r nat flush
		weir_r nat add masquerade out dev r1
		in_ns c ping -q -c 3 -i 0.01 -W 2 "$S_ADDR" >/dev/null || { echo "not after kill $i"; return 1; }
		equal sessions "$(sessions)" 1
		kill_within "$ms" weir_r nat flush
		weir_r nat show >/dev/null
		accounted
		weir_r nat flush
		equal sessions "$(sessions)" 0
		equal rules "$(weir_r -j nat show | jq '.rules | length')" 0
	done
	weir_r dev detach all
	nothing_left
}

@test "kill -9 of session show and flush: what is left can be flushed, ports are free" {
	local i

	weir_r nat add masquerade out dev r1
	for ((i = 1; i <= KILLS / 2; i++)); do
		in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src 198.18.0.0/16 dst "$S_ADDR" flows 20000 \
			random count 20000 cpu 0 >/dev/null
		kill_within 20 weir_r nat session show
		kill_within 20 weir_r nat session flush
		weir_r nat session flush >/dev/null
		equal sessions "$(sessions)" 0
		equal ports "$(ports_used)" 0
	done
	accounted
}

# --- upgraded ---

# another_build: from the same sources, under another version, so of the same ABI.
another_build() {
	local dir=$BATS_FILE_TMPDIR/another

	[ ! -x "$dir/build/weir" ] || return 0
	mkdir -p "$dir" && tar -C "$ROOT" -c Makefile bpf include user tools/gen | tar -C "$dir" -x &&
		sed -i 's/\(WEIR_VERSION "\)[^"]*/\19.9.9/' "$dir/user/base/version.h" &&
		make -s -j2 -C "$dir" B=build build/weir
}

@test "upgrades in mid-flow, by the same build and by another one: no datagram is lost, none comes twice" {
	local i id other=$BATS_FILE_TMPDIR/another/build/weir

	another_build
	[[ $("$other" version) = *9.9.9* ]]
	weir_r nat add masquerade out dev r1
	stream
	SESSION=$(the_session)
	for ((i = 1; i <= 5; i++)); do
		id=$(prog_on r0)
		weir_r dev attach r0 r1 force
		[ "$(prog_on r0)" != "$id" ]
		id=$(prog_on r0)
		"$other" -n "$LAB-r" dev attach r1 r0 force
		[ "$(prog_on r0)" != "$id" ]
		"$other" -n "$LAB-r" nat add dnat in dev r1 proto tcp dport 80 to "$C_ADDR"
		weir_r nat del "$(weir_r -j nat show | jq '.rules[1].id')"
	done
	same_session "$SESSION"
	accounted
	end_stream
}

@test "kill -9 of an upgrade in mid-flow: no datagram is lost, none comes twice" {
	local i

	weir_r nat add masquerade out dev r1
	stream
	SESSION=$(the_session)
	for ((i = 1; i <= KILLS; i++)); do
		kill_within 400 weir_r dev attach r0 r1 force
	done
	weir_r dev attach r0 r1 force
	same_session "$SESSION"
	accounted
	end_stream
}

# --- restarted ---

# answered PORT: from inside by that port, through the session there is.
answered() {
	equal answer "$(echo hello | in_ns c socat -t 2 - "UDP4:$S_ADDR:6000,bind=$C_ADDR:$1,reuseaddr,readbytes=6")" hello
}

@test "no process is alive, devices are detached and attached: sessions and their ports are the same" {
	local before

	background in_ns s socat UDP4-RECVFROM:6000,fork EXEC:cat
	wait_until listens s udp 6000
	weir_r nat add masquerade out dev r1
	answered 5000
	answered 5001
	equal 'processes in the namespace' "$(ip netns pids "$LAB-r" | xargs)" ''
	before=$(weir_r -j nat session show | jq -c '[.sessions[] | [.number, .sport, .xsport, .rule_src]]')
	for dev in r0 r1 'r0 r1'; do
		# shellcheck disable=SC2086
		weir_r dev detach $dev
		# shellcheck disable=SC2086
		weir_r dev attach $dev
		answered 5000
		answered 5001
		equal "sessions after $dev" "$(weir_r -j nat session show |
			jq -c '[.sessions[] | [.number, .sport, .xsport, .rule_src]]')" "$before"
	done
	equal packets "$(of_stream packets_there)" 4
	accounted
}
