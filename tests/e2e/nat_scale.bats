#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# As many sessions as a gateway has: made by packets, shown, ended, expired with no process alive; and one more
# than there is room for.
#
#	sudo SESSIONS=100000 tests/run tests/e2e/nat_scale.bats

load helper
load objects
load frame
load nat

SESSIONS=${SESSIONS:-1000000}

setup_file() {
	start_lab && read_cookie || return
	confirm_once
	route_to_hosts
}

teardown_file() {
	stop_lab
}

setup() {
	need jq bpftool
	weir_r dev attach r0 r1
	warm
}

teardown() {
	end_background
	weir_r nat flush >/dev/null
	weir_r nat limit 262144 >/dev/null
	weir_r dev detach all
}

# state FIELD: of the map `nat`, as bpftool reads it.
state() {
	bpftool -j map dump pinned "$PINS/nat" | jq "[.. | objects | select(has(\"created\"))][0].$1"
}

# megabytes: of all maps that the namespace has in the kernel, pinned and not.
megabytes() {
	objects | awk '$1 == "map" { print $2 }' | while read -r id; do
		bpftool -j map show id "$id" | jq .bytes_memlock
	done | awk '{ n += $1 } END { print int(n / 1048576 + 0.999) }'
}

# flows N WORD...: a packet of each of N flows by chance; again, should a queue on the way have been full.
flows() {
	local n=$1 begun out=$BATS_TEST_TMPDIR/gen round

	shift
	begun=$(state created)
	for round in 1 2 3 4 5; do
		in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src 198.18.0.0/16 dst 198.19.0.0/16 \
			dport 1-65535 flows "$n" random count "$n" size 60 json "$@" >"$out"
		[ "$(jq '.dropped + .refused' "$out")" -gt 0 ] || break
	done
	SENT=$(jq .sent "$out")
	echo "# $(($(state created) - begun)) sessions at $(jq '.pps | floor' "$out") packets a second" >&3
}

# The pool has 32 addresses: more ports than flows that chance may give the same source.
many() {
	weir_r nat limit "$SESSIONS"
	weir_r nat add snat out dev r1 src 198.18.0.0/16 to 203.0.113.0-203.0.113.31
}

none_refused() {
	equal limits "$(weir_r -j nat show | jq -c '[.limits[]] | unique')" '[0]'
}

# By pages of a quarter: each session once.
pages() {
	local from=() more all=$BATS_TEST_TMPDIR/all

	: >"$all"
	while :; do
		weir_r nat session show limit $((SESSIONS / 4)) "${from[@]}" >"$all.page"
		grep '^udp' "$all.page" >>"$all"
		more=$(sed -n 's/^more: .* from //p' "$all.page")
		[ -n "$more" ] || break
		equal 'a page' "$(grep -c '^udp' "$all.page")" $((SESSIONS / 4))
		from=(from "$more")
	done
	equal 'sessions on pages' "$(cut -d' ' -f2-4 "$all" | sort -u | wc -l)" "$SESSIONS"
	equal lines "$(wc -l <"$all")" "$SESSIONS"
}

@test "$SESSIONS sessions by packets: none refused, in 256 MB, on pages, and ended by their addresses" {
	local mb net

	many
	flows "$SESSIONS"
	equal sessions "$(sessions)" "$SESSIONS"
	equal 'created, by bpftool' "$(state created)/$(state ended)" "$SESSIONS/0"
	none_refused
	equal 'translated' "$(weir_r -j nat show | jq '.rules[0].packets')" "$SESSIONS"
	ports=$(ports_used)
	[ "$ports" -le "$SESSIONS" ] && [ "$ports" -ge $((SESSIONS * 99 / 100)) ]
	mb=$(megabytes)
	echo "# all maps of the namespace: $mb MB" >&3
	[ "$mb" -le 256 ] || { echo "$mb MB"; return 1; }
	pages
	net=$(grep -cE '^udp 198\.18\.7\.' "$BATS_TEST_TMPDIR/all")
	equal 'by addr' "$(weir_r -j nat session show addr 198.18.7.0/24 limit 1 | jq -c '[.shown, .matched]')" \
		"[1,$net]"
	equal ended "$(weir_r -j nat session flush addr 198.18.7.0/24 | jq .ended)" "$net"
	equal sessions "$(sessions)" $((SESSIONS - net))
	equal 'none left' "$(weir_r -j nat session show addr 198.18.7.0/24 | jq .matched)" 0
	equal ended "$(weir_r -j nat session flush | jq .ended)" $((SESSIONS - net))
	equal ports "$(ports_used)" 0
	equal 'ended, by bpftool' "$(state ended)" "$SESSIONS"
	accounted
}

# timeout_of_udp SECONDS: less than any user may have, so by the map.
timeout_of_udp() {
	local bytes

	read -ra bytes < <(bpftool -j map lookup pinned "$PINS/nat" key 0 0 0 0 | jq -r '[.value[]] | join(" ")')
	bytes[0]=$1 bytes[1]=0 bytes[2]=0 bytes[3]=0
	bpftool map update pinned "$PINS/nat" key 0 0 0 0 value "${bytes[@]}"
}

nobody_left() {
	[ "$(state created)" = "$(state ended)" ]
}

@test "$SESSIONS sessions expire with no process alive, and every port is free again" {
	local try

	many
	timeout_of_udp 10
	mark
	flows "$SESSIONS"
	equal created "$(state created)" "$SESSIONS" || { grown r0; weir_r -j nat show | jq .limits; return 1; }
	for ((try = 0; try < 10; try++)); do
		! wait_until nobody_left || break
	done
	equal 'ended, expired' "$(state ended) $(state expired)" "$SESSIONS $SESSIONS"
	equal sessions "$(sessions)" 0
	equal ports "$(ports_used)" 0
	none_refused
	equal expired "$(weir_r -j nat show | jq .sessions.expired)" "$SESSIONS"
	# and there is room for all of them again
	flows $((SESSIONS / 10))
	equal created "$(state created)" $((SESSIONS + SESSIONS / 10))
	none_refused
	accounted
}

full_drops() {
	weir_r -j drop show dev r0 | jq '[.devices[0].drops[] | select(.cause == "NAT_FULL").packets] | add // 0'
}

@test "sessions full: who is refused is counted with its cause, and those that are there go on" {
	weir_r nat limit 1000
	weir_r nat add snat out dev r1 src 198.18.0.0/16 to 203.0.113.0-203.0.113.31
	flows 1000
	equal sessions "$(sessions)" 1000
	mark
	flows 1500
	expect r0 nf_postrouting_DROP_NAT_FULL 500
	expect r0 xmit_OUT_NONE 1000
	# of mappings there are as many as of sessions
	equal full "$(($(state sessions_full) + $(state mappings_full)))" 500
	equal 'full, shown' "$(weir_r -j nat show | jq '.limits | .sessions_full + .mappings_full')" 500
	[[ $(weir_r nat show) = *'500 packets that began no session'* ]]
	equal 'in drop show' "$(full_drops)" 500
	mark
	flows 1000
	expect r0 xmit_OUT_NONE 1000
	equal 'refused now' "$(since r0 nf_postrouting_DROP_NAT_FULL)" 0
	weir_r nat session flush
	flows 1000 src 198.18.9.0/24
	equal sessions "$(sessions)" 1000
	accounted
}
