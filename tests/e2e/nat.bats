#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# NAT as a user has it: rules, pools, settings, what is refused and leaves the kernel as it was, the
# egress hook that comes and goes, sessions on the wire, and who is behind what.

load helper
load frame
load objects

setup_file() {
	start_lab || return
	confirm_once
	read_cookie
}

teardown_file() {
	stop_lab
}

setup() {
	need jq bpftool socat
	RULES=$BATS_TEST_TMPDIR/rules.txt
	weir_r dev attach r0 r1
}

teardown() {
	end_background
	weir_r dev detach all # first: with the last rule programs would be loaded anew
	weir_r filter flush >/dev/null
	weir_r nat flush >/dev/null
}

# dumped NAME: what a pinned map holds, in an order of its own.
dumped() {
	bpftool -j map dump pinned "$PINS/$1" | jq -cS '[.[] | .formatted // .] | sort'
}

# All that a command which is refused must leave as it is.
state() {
	local map

	for map in pools pool_ports rulesets; do
		echo "$map $(dumped $map)"
	done
	bpftool -j map dump pinned "$PINS/nat" |
		jq -c '[.. | objects | select(has("timeout_s")) | .timeout_s, .sessions_max]'
	for map in sessions mappings names session_index free_sessions frags; do
		bpftool -j map show pinned "$PINS/$map" | jq -c '[.id, .max_entries]'
	done
	weir_r -j nat show
	weir_r -j dev show | jq -c '[.devices[] | [.device, .hook, .prog_id]]'
}

# refused STATUS PATTERN CMD...: the last line of what it says has the caret.
refused() {
	local want=$1 pattern=$2

	shift 2
	run "-$want" --separate-stderr weir_r "$@"
	# shellcheck disable=SC2053
	[[ $stderr == $pattern ]] || { echo "it says: $stderr"; return 1; }
}

# hooks: DEV/HOOK of all that is attached.
hooks() {
	weir_r -j dev show | jq -r '[.devices[] | "\(.device)/\(.hook)"] | join(" ")'
}

entries() {
	bpftool -j map show pinned "$PINS/$1" | jq .max_entries
}

@test "rules are added, shown, deleted, and their pools with them" {
	run weir_r nat add snat out dev r1 src 10.0.0.0/8 to 198.51.100.254-198.51.100.255
	run weir_r nat add masquerade out dev r0
	equal rules "$(weir_r -j nat show | jq -c '[.rules[] | .nat]')" '["snat","masquerade"]'
	equal pools "$(weir_r -j nat show | jq -c '[.pools[] | [.address, .device]]')" \
		'[[null,"r0"],["198.51.100.254","r1"],["198.51.100.255","r1"]]'
	# three with ports, the numbers of these, and r1, which is an outside without ports of its own
	equal entries "$(dumped pools | jq length)" 7
	equal maps "$(dumped pool_ports | jq length)" 3
	weir_r nat del 1
	equal pools "$(weir_r -j nat show | jq -c '[.pools[] | .device]')" '["r0"]'
	equal entries "$(dumped pools | jq length)" 2
	equal maps "$(dumped pool_ports | jq length)" 1
	weir_r nat flush
	equal pools "$(weir_r -j nat show | jq '.pools | length')" 0
	run -3 weir_r nat del 1
	run -3 weir_r nat show 1
}

@test "what is wrong is pointed at, in a file by its line, and changes nothing" {
	weir_r nat add masquerade out dev r1
	weir_r nat timeout udp 200
	weir_r nat limit 5000
	before=$(state)
	refused 1 '*whose ports masquerading gives*^~~~~*' nat add snat out dev r1 to 198.51.100.254
	refused 1 "*'dport' with proto icmp*^~~~~*" nat add dnat in dev r1 proto icmp dport 5 to 10.0.0.1
	refused 1 '*runs backwards*^~~~~*' nat add snat out dev r1 to 192.0.2.9-192.0.2.1
	refused 1 "*did you mean 'masquerade'*^~~~*" nat add masqerade out dev r1
	refused 1 '*8193 addresses*' nat add snat out dev r0 to 198.18.0.0/19
	refused 3 '*no device*' nat add masquerade out dev nosuch0
	refused 3 '*no set*' nat add snat out dev r0 src @nosuch to 192.0.2.254
	refused 1 '*RFC 4787*^~~*' nat timeout udp 119
	refused 1 '*64 to*' nat limit 63
	printf '%s\n' 'snat out dev r0 to 203.0.113.1' '' 'map 10.0.0.2 to 203.0.113.1 dev r1' >"$RULES"
	refused 1 "*$RULES:3:17: 203.0.113.1 is*^~~~~*" nat load "$RULES"
	refused 1 "*$RULES:3:17: *" nat check "$RULES"
	refused 1 "*<stdin>:3:17: 203.0.113.1 is*^~~~~*" nat load - <"$RULES"
	refused 1 "*<stdin>:3:17: *" nat check - <"$RULES"
	head -c 100000 /dev/urandom >"$RULES"
	run -1 weir_r nat load "$RULES"
	printf 'snat out dev r0 to 203.0.113.1\n%.0s' {1..4097} >"$RULES"
	refused 1 "*$RULES:4097:*more than 4096 rules*" nat load "$RULES"
	equal state "$(state)" "$before"
	equal timeout "$(weir_r -j nat timeout | jq '.timeouts[0].seconds')" 200
}

@test "rules that there are no ports for change nothing; what goes makes room" {
	echo 'snat out dev r1 src 10.0.0.0/8 to 198.18.0.1-198.18.15.160' >"$RULES"
	echo 'snat out dev r1 src 10.0.0.0/8 to 198.18.16.0/25' >"$RULES.other"
	weir_r nat load "$RULES"
	before=$(state)
	fails 2 weir_r nat load "$RULES.other" && says '*room for 4096 addresses*'
	equal state "$(state)" "$before"
	weir_r nat flush
	weir_r nat load "$RULES.other"
	equal pools "$(weir_r -j nat show | jq '.pools | length')" 128
}

@test "a file replaces all rules, or none of them; lines may begin with 'nat add'" {
	weir_r nat add masquerade out dev r1
	printf '%s\n' '# two' 'nat add id 7 snat out dev r1 src 10.0.0.0/8 to 198.51.100.254' \
		'dnat in dev r1 proto tcp dport 80 to 192.0.2.1:8080 comment "a b"' >"$RULES"
	weir_r nat check "$RULES"
	equal rules "$(weir_r -j nat show | jq -c '[.rules[].id]')" '[1]'
	weir_r nat load "$RULES"
	equal rules "$(weir_r -j nat show | jq -c '[.rules[] | [.id, .nat]]')" '[[7,"snat"],[8,"dnat"]]'
	head -2 "$RULES" | weir_r nat load -
	equal rules "$(weir_r -j nat show | jq -c '[.rules[] | [.id, .nat]]')" '[[7,"snat"]]'
}

@test "what a flow has counted is not the next session's in the same place" {
	local number

	weir_r nat add masquerade out dev r1
	wait_until in_ns c ping -q -c 1 -W 1 "$S_ADDR" # none is the kernel's
	weir_r nat session flush
	inject 5 "$(ipv4)"
	number=$(weir_r -j nat session show | jq '.sessions[0].number')
	weir_r nat session flush
	inject 3 "$(payload=04d3270f001a0000$(printf 'a5%.0s' {1..18}) ipv4)"
	wait_until [ "$(weir_r -j nat session show | jq '.sessions[0].packets_there')" -ge 3 ]
	equal 'number, port, packets' "$(weir_r -j nat session show |
		jq -c '.sessions[0] | [.number, .sport, .packets_there]')" "[$number,1235,3]"
}

@test "a named set that a NAT rule asks for cannot be deleted" {
	weir_r set add inside 10.0.0.0/8
	weir_r nat add masquerade out dev r1 src @inside
	fails 2 weir_r set del inside && says '*rule 1 asks for the set inside' && advises '*nat del 1*'
	weir_r nat flush
	weir_r set del inside
}

@test "the egress hook comes with the first rule and goes with the last, but where TC was asked for" {
	weir_r dev attach r1 tc on force
	equal hooks "$(hooks)" 'r0/xdp r1/xdp r1/tc_ingress r1/tc_egress'
	weir_r nat add masquerade out dev r1
	equal hooks "$(hooks)" 'r0/xdp r0/tc_egress r1/xdp r1/tc_ingress r1/tc_egress'
	equal told "$(weir_r -j dev show | jq -c '[.devices[] | select(.for_nat) | .device]')" '["r0"]'
	[[ $(weir_r dev show) = *'tc_egress of r0: since sessions are followed'* ]]
	weir_r filter add in dev r0 state established accept
	weir_r nat flush
	equal hooks "$(hooks)" 'r0/xdp r0/tc_egress r1/xdp r1/tc_ingress r1/tc_egress'
	weir_r dev detach r0
	weir_r dev attach r0
	equal hooks "$(hooks)" 'r0/xdp r0/tc_egress r1/xdp r1/tc_ingress r1/tc_egress'
	weir_r filter flush
	equal hooks "$(hooks)" 'r0/xdp r1/xdp r1/tc_ingress r1/tc_egress'
	pings 3
}

@test "maps are large while sessions are followed, and the limit makes them anew" {
	equal sessions "$(entries sessions)" 64
	weir_r nat limit 3000
	equal sessions "$(entries sessions)" 64
	weir_r nat add masquerade out dev r1
	equal sessions "$(entries sessions)" 3000
	equal mappings "$(entries mappings)" 3000
	equal index "$(entries session_index)" 2048
	equal names "$(entries names)" 512
	weir_r nat limit 10000
	equal sessions "$(entries sessions)" 10000
	equal limit "$(weir_r -j nat show | jq .sessions.limit)" 10000
	equal pools "$(weir_r -j nat show | jq '.pools | length')" 1
	weir_r nat flush
	equal sessions "$(entries sessions)" 64
	equal limit "$(weir_r -j nat limit | jq .sessions)" 10000
}

@test "rules stay without devices, and follow sessions on those that come" {
	weir_r nat add masquerade out dev r1
	weir_r dev detach all
	equal rules "$(weir_r -j nat show | jq '.rules | length')" 1
	weir_r dev attach r0 r1
	equal hooks "$(hooks)" 'r0/xdp r0/tc_egress r1/xdp r1/tc_egress'
}

@test "who is behind an address: by rules alone, both ways" {
	weir_r nat add snat out dev r1 src 10.0.0.0/24 to 203.0.113.1-203.0.113.4 deterministic block 256
	weir_r nat add map 10.0.1.2 to 203.0.113.9 dev r1
	weir_r nat add dnat in dev r1 proto tcp dport 80 to 192.0.2.1:8080
	run -0 weir_r nat explain 203.0.113.1:1300
	equal text "$output" '10.0.0.1 inside is 203.0.113.1:1280-1535 outside: deterministic, rule 1'
	run -0 weir_r nat explain 10.0.0.255
	equal text "$output" '10.0.0.255 inside is 203.0.113.2:1792-2047 outside: deterministic, rule 1'
	equal map "$(weir_r -j nat explain 203.0.113.9 | jq -r .answers[0].inside)" 10.0.1.2
	equal dnat "$(weir_r -j nat explain 198.51.100.254:80 | jq -r .answers[0].inside_ports)" 8080
	run -3 weir_r nat explain 198.51.100.254:81
	refused 1 '*no port*^~~*' nat explain 198.51.100.254:99999
}

# session FIELD: of the one session there is.
session() {
	weir_r -j nat session show | jq -r "select(.all == 1).sessions[0].$1"
}

serve() {
	background in_ns s socat UDP-RECVFROM:53,fork EXEC:cat
	wait_until listens s udp 53
}

ask() { # ask SPORT
	echo hello | in_ns c socat -t 2 - "UDP-SENDTO:$S_ADDR:53,bind=$C_ADDR:$1,reuseaddr,readbytes=6"
}

@test "sessions are shown as they are, and flushed by what they are" {
	serve
	weir_r nat add masquerade out dev r1
	ask 4000 >/dev/null
	equal tuple "$(session src):$(session sport)>$(session dst):$(session dport)" \
		"$C_ADDR:4000>$S_ADDR:53"
	equal outside "$(session proto)/$(session xsrc):$(session xsport)" "udp/$R1_ADDR:4000"
	equal rule "$(session rule_src)" 1
	equal translation "$(session translation)" source
	equal devices "$(session in)/$(session out)" r0/r1
	[ "$(session expires_ms)" -gt 250000 ]
	equal none "$(weir_r -j nat session show port 4001 | jq -c '[.shown, .matched, .all]')" '[0,0,1]'
	equal ports "$(weir_r -j nat show | jq .pools[0].udp)" 1
	run -0 weir_r nat explain "$R1_ADDR:4000"
	[[ $output = "udp $C_ADDR:4000 inside is $R1_ADDR:4000 outside: mapping, rule 1" ]]
	equal other "$(weir_r -j nat session flush proto tcp | jq .ended)" 0
	equal ended "$(weir_r -j nat session flush addr 192.0.2.0/24 port 4000 | jq .ended)" 1
	equal all "$(weir_r -j nat session show | jq .all)" 0
	equal ports "$(weir_r -j nat show | jq .pools[0].udp)" 0
}

@test "a page of sessions says how to go on" {
	serve
	weir_r nat add masquerade out dev r1
	for port in 4000 4001 4002; do ask $port >/dev/null; done
	run -0 weir_r nat session show limit 2
	equal lines "${#lines[@]}" 4
	equal cut "${lines[2]}" '2 of 3 sessions shown'
	[[ ${lines[3]} = "more: weir -n $LAB-r nat session show limit 2 from "* ]]
	run -0 weir_r nat session show limit 2 from "${lines[3]##* }"
	equal lines "${#lines[@]}" 2
	equal rest "${lines[1]}" '1 of 3 sessions shown'
}

@test "a rule's sessions end with it, and when it says something else; others' go on" {
	serve
	weir_r nat add masquerade out dev r1 src "$C_ADDR" proto udp
	weir_r nat add masquerade out dev r1 proto icmp
	ask 4000 >/dev/null
	pings 1
	equal all "$(weir_r -j nat session show | jq .all)" 2
	weir_r nat del 1
	equal left "$(weir_r -j nat session show | jq -c '[.sessions[].proto]')" '["icmp"]'
	printf '%s\n' 'id 2 masquerade out dev r1 proto icmp mapping address' >"$RULES"
	weir_r nat load "$RULES"
	equal all "$(weir_r -j nat session show | jq .all)" 0
	equal ports "$(weir_r -j nat show | jq -c '[.pools[0].udp, .pools[0].icmp]')" '[0,0]'
}

@test "the limit is not changed over sessions' heads, which go on" {
	serve
	weir_r nat add masquerade out dev r1
	ask 4000 >/dev/null
	fails 2 weir_r nat limit 3000 && says '*there are 1 sessions*' && advises '*nat session flush'
	equal all "$(weir_r -j nat session show | jq .all)" 1
	weir_r nat session flush
	weir_r nat limit 3000
	ask 4000 >/dev/null
	equal all "$(weir_r -j nat session show | jq .all)" 1
}
