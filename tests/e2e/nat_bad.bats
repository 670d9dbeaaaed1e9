#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# NAT rules that are wrong, whichever way: what is said, where it points, and that nothing in the kernel has
# changed: not a byte of the rules, the pools, the ports, the sessions, the programs. nat.bats has the commands.

load helper
load objects
load bad

OBJECT=nat GOOD_RULE='masquerade out dev r1'

setup() {
	need jq bpftool
	RULES=$BATS_TEST_TMPDIR/rules.txt
	printf '%s\n' 'id 7 masquerade out dev r1 src 192.0.2.0/24' \
		'id 9 dnat in dev r1 proto tcp dport 80 to 192.0.2.1:8080' \
		'id 11 snat out dev r1 src 10.0.0.0/8 to 203.0.113.1-203.0.113.4' >"$RULES"
	weir_r nat load "$RULES" 2>/dev/null
	weir_r nat timeout icmp 3600 # longer than the tests take, however slow the machine
	in_ns c ping -q -c 1 -W 5 "$S_ADDR" >/dev/null # a session, and its port
	before=$(kernel_has)
}

# All that NAT is: the rules page for page, pools, taken ports, settings, sessions, programs.
kernel_has() {
	local rulesets map id

	rulesets=$(bpftool map dump pinned "$PINS/rulesets")
	echo "$rulesets"
	for id in $(sed -n 's/.*inner_map_id: *\([0-9]*\).*/\1/p' <<<"$rulesets"); do
		bpftool -j map dump id "$id" | cksum
	done
	for map in pools pool_ports sets sessions mappings names session_index; do
		bpftool -j map show pinned "$PINS/$map" | jq -c '[.id, .max_entries]'
	done
	bpftool -j map dump pinned "$PINS/pools" | jq -cS '[.[].formatted] | sort' | cksum
	bpftool -j map dump pinned "$PINS/pool_ports" | jq -cS 'sort' | cksum
	bpftool -j map dump pinned "$PINS/nat" |
		jq -c '[.. | objects | select(has("timeout_s")) | .timeout_s, .sessions_max, .created, .ended]'
	weir_r -j nat show | jq -c '[.rules, .pools]'
	weir_r -j nat session show | jq -c '[.sessions[] | [.number, .sport, .xsport]]'
	bpftool map dump pinned "$PINS/ctl" | grep -E 'generation|filter|track'
	echo "$(prog_on r0) $(prog_on r1)"
}

@test "ranges reversed, numbers too large, prefixes with more bits" {
	wrong_rule 20 'runs backwards' 'snat out dev r1 to 192.0.2.9-192.0.2.1'
	wrong_rule 29 'runs backwards' 'masquerade out dev r1 ports 2000-1000'
	wrong_rule 32 'runs backwards' 'dnat in dev r1 proto udp dport 5-3 to 10.0.0.1'
	wrong_rule 30 'runs backwards' 'snat out dev r1 proto udp to 203.0.113.1:9-5'
	wrong_rule 20 'no port' 'snat out dev r1 to 192.0.2.1:99999'
	wrong_rule 20 'no address' 'snat out dev r1 to 192.0.2.256'
	wrong_rule 21 'no length of a prefix' 'snat out dev r1 src 10.0.0.0/33 to 192.0.2.1'
	wrong_rule 20 'behind its prefix' 'snat out dev r1 to 192.0.2.0/7'
	wrong_rule 65 'no number of ports' \
		'snat out dev r1 src 10.0.0.0/8 to 192.0.2.1 deterministic block 0'
	wrong_rule 20 'too long for a device' 'masquerade out dev abcdefghijklmnopq'
}

@test "ports on protocols that have none" {
	wrong_rule 27 'no ports' 'dnat in dev r1 proto icmp dport 5 to 10.0.0.1'
	wrong_rule 26 'no ports' 'dnat in dev r1 proto gre dport 5 to 10.0.0.1'
	wrong_rule 16 'without a protocol' 'dnat in dev r1 dport 5 to 192.0.2.1'
}

@test "words that are none, and words of the filter" {
	wrong_rule 1 "did you mean 'masquerade'" 'masqerade out dev r1'
	wrong_rule 33 "did you mean 'endpoint'" 'masquerade out dev r1 filtering endpont'
	wrong_rule 31 'no behaviour' 'masquerade out dev r1 mapping none'
	wrong_rule 23 'no word of masquerade' 'masquerade out dev r1 to 10.0.0.1'
	wrong_rule 23 'stands twice' 'masquerade out dev r1 out dev r0'
	for word in 'limit 5/s' drop log 'state new' 'frag any' 'tcp-flags syn/syn'; do
		wrong_rule 23 'no word of a NAT rule' "masquerade out dev r1 $word"
	done
}

@test "what a rule must say" {
	wrong_rule 17 "needs 'to'" 'snat out dev r1'
	wrong_rule 12 "needs 'out dev'" 'masquerade'
	wrong_rule 29 "needs 'out dev'" 'snat in dev r1 to 192.0.2.1'
	wrong_rule 26 "needs 'dev'" 'map 10.0.0.1 to 10.0.0.2'
	wrong_rule 28 'would take all that comes in' 'dnat in dev r1 to 10.0.0.1'
	wrong_rule 30 "needs 'src'" 'snat out dev r1 to 192.0.2.1 deterministic block 64'
	wrong_rule 35 'takes one port' 'dnat in dev r1 proto tcp dport 81 to 10.0.0.1:80-90'
	wrong_rule 17 'cannot stand for' 'map 10.0.0.0/24 to 10.1.0.0/25 dev r1'
	wrong_rule 14 'overlaps' 'map 10.0.0.1 to 10.0.0.1 dev r1'
	wrong_rule 35 'no other host has' 'dnat in dev r1 proto tcp dport 81 to 224.0.0.1'
	wrong_rule 17 'no other host has' 'snat out dev r1 to 127.0.0.1'
}

@test "pools that overlap one another, or an address in use, point at their line" {
	printf '%s\n' 'snat out dev r1 src 10.0.0.0/8 to 203.0.113.1-203.0.113.9' '' \
		'  map 10.0.0.2 to 203.0.113.9 dev r1' >"$RULES"
	wrong 1 3:19 '203.0.113.9'
	printf '%s\n' 'masquerade out dev r1' "snat out dev r1 src 10.0.0.0/8 to $R1_ADDR" >"$RULES"
	wrong 1 2:35 'masquerading'
	printf '%s\n' 'masquerade out dev r1' 'masquerade out dev nosuch0' >"$RULES"
	wrong 3 2:1 'no device'
	printf '%s\n' 'masquerade out dev r1' 'masquerade out dev r1 src @nosuch' >"$RULES"
	wrong 3 2:1 'no set'
	printf 'id 3 masquerade out dev r1\n\nid 3 masquerade out dev r0\n' >"$RULES"
	wrong 1 3:1 'id 3 is that of line 1 already'
}

@test "a million lines: by the first that is too many, in little room" {
	yes 'masquerade out dev r1' | head -n 1000000 >"$RULES" || :
	(ulimit -v 1000000 && wrong 1 4097:1 'more than 4096 rules')
	{ yes '# nothing' | head -n 1000000; echo 'masquerade it'; } >"$RULES" || :
	(ulimit -v 1000000 && wrong 1 1000001:12 "'it'")
}

@test "binary rubbish, and lines too long: the first word that is none" {
	local round

	for round in 1 2 3 4 5; do
		{ echo 'masquerade out dev r1'; echo -n '~'; head -c 100000 /dev/urandom; } >"$RULES"
		status=0
		weir_r nat load "$RULES" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
		equal status "$status" 1
		grep -qaE "^$RULES:2:[0-9]+: " "$BATS_TEST_TMPDIR/err"
		grep -qaE '^ +\^~*$' "$BATS_TEST_TMPDIR/err"
		run ! grep -qaP '[\x00-\x08\x0e-\x1f\x7f]' "$BATS_TEST_TMPDIR/err"
	done
	{ echo 'masquerade out dev r1'; head -c 5000000 /dev/zero | tr '\0' x; } >"$RULES"
	wrong 1 2:1 'a line of 5000000 bytes'
	unchanged
}
