#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# explain: what it says is what a real packet then meets, and it leaves no trace. `fate` asks, sends the
# same packet and looks at the counters.

load helper
load frame
load objects

EXPLANATIONS=${EXPLANATIONS:-50} # each loads a program

setup_file() {
	local x

	start_lab && read_cookie || return
	confirm_once
	ip -n "$LAB-r" neigh replace "$S_ADDR" lladdr "$(lab_mac s0)" dev r1 nud permanent
	ip -n "$LAB-r" neigh replace "$C_ADDR" lladdr "$(lab_mac c0)" dev r0 nud permanent
	# nobody asks for anybody: traffic that no test sends
	ip -n "$LAB-c" neigh replace "$R0_ADDR" lladdr "$(lab_mac r0)" dev c0 nud permanent
	ip -n "$LAB-s" neigh replace "$R1_ADDR" lladdr "$(lab_mac r1)" dev s0 nud permanent
	# nor tells half a minute later that the rest of a datagram did not come
	for x in c r s; do
		in_ns "$x" sysctl -qw net.ipv4.ipfrag_time=3600
	done
	route_to_hosts
}

teardown_file() {
	stop_lab
}

setup() {
	need jq bpftool socat tcpdump
	weir_r dev attach r0 r1
	wait_until forwarded
}

teardown() {
	end_background
	weir_r dev detach all # first: with the last rule programs would be loaded anew
	weir_r filter flush >/dev/null
	weir_r filter policy in dev r0 accept
	weir_r filter policy out dev r1 accept
	weir_r nat flush >/dev/null
	ip -n "$LAB-r" link set r1 up mtu 1500
	ip -n "$LAB-r" route flush root 203.0.113.0/24
}

# So that no packet is wanted to confirm its next hop any more.
forwarded() {
	mark && in_ns c ping -q -c 1 -W 1 "$S_ADDR" &&
		[ "$(since r0 xmit_OUT_NONE)/$(since r1 xmit_OUT_NONE)" = 1/1 ]
}

# What ipv4() of frame.bash makes, in explain's words.
PACKET="udp $C_ADDR:1234 > $S_ADDR:9999 in dev r0"

# asked WORDS: what explain says.
asked() {
	# shellcheck disable=SC2086
	EXPLAINED=$(weir_r -j explain $1) || return
}

asked_text() {
	# shellcheck disable=SC2086
	weir_r explain $1
}

told() { # told FILTER: of what was asked
	jq -r "$1" <<<"$EXPLAINED"
}

# fate EXIT WORDS HEX: explain says that the packet has this end, as in exits.h, and so it has.
fate() {
	asked "$2" || return
	equal 'what explain says' \
		"$(told '.end | "\(.stage)_\(.kind | ascii_upcase)_\(.cause)"')" "$1" || return
	mark r0
	inject 1 "$3"
	expect r0 "$1" 1
}

@test "what is forwarded: the way, and by it a packet goes" {
	fate xmit_OUT_NONE "$PACKET" "$(frag=0000 ipv4)"
	equal end "$(told '.end | "\(.what) \(.device)"')" 'forwarded r1'
	equal hop "$(told '.next_hop | "\(.device) \(.address) \(.mac) \(.mtu)"')" \
		"r1 $S_ADDR $(lab_mac s0) 1500"
	equal stages "$(told '[.stages[] | select(.passed) | .stage] | join(" ")')" \
		'xdp ip_rcv nf_prerouting route_in ip_forward nf_forward nf_postrouting neigh xmit'
	equal version "$(told .version)" 1
	equal none "$(told '[.filter, .session, .source, .destination] | tostring')" \
		'[null,null,null,null]'
	run -0 weir_r explain udp "$C_ADDR:1234>$S_ADDR:9999" in dev r0
	equal end "${lines[-1]}" 'end          forwarded out of r1'
	equal to "$(weir_r explain udp "$C_ADDR:1234" to "$S_ADDR:9999" in dev r0)" "$output"
	equal glued "$(weir_r explain udp "$C_ADDR:1234" ">$S_ADDR:9999" in dev r0)" "$output"
}

@test "the rule that decides is named, with its text; a policy, too" {
	weir_r filter add in dev r0 proto udp dport 53 accept
	weir_r filter add out dev r1 proto udp dport 9999 drop comment 'not there'
	fate nf_forward_DROP_FILTER "$PACKET" "$(ipv4)"
	equal rule "$(told '.filter | "\(.by) \(.rule) \(.text)"')" \
		'rule 2 out dev r1 proto udp dport 9999 drop comment "not there"'
	equal judged "$(told '[.stages[] | select(.passed) | .stage] | last')" ip_forward
	fate ip_forward_PUNT_IP_TTL "${PACKET/9999/53} ttl 1" \
		"$(ttl=1 payload=04d20035001a0000$(printf 'a5%.0s' {1..18}) ipv4)"
	equal rule "$(told '.filter | "\(.verdict) \(.rule)"')" 'accept 1'
	# before it is given to the kernel it is judged as well
	fate nf_prerouting_DROP_FILTER "$PACKET options" "$(options=01010100 frag=0000 ipv4)"
	weir_r filter flush
	weir_r filter policy out dev r1 drop
	fate nf_forward_DROP_FILTER "$PACKET" "$(ipv4)"
	equal policy "$(told '.filter | "\(.by) \(.text)"')" 'policy policy out dev r1 drop'
	[[ $(asked_text "$PACKET") = *'remedy       weir filter show'* ]]
}

@test "who is refused is told, and explain says so" {
	weir_r filter add proto udp reject
	fate nf_forward_DROP_FILTER_REJECT "$PACKET" "$(ipv4)"
	equal answered "$(told .end.answered)" true
	equal told "$(since r0 answers)" 1
}

@test "what the kernel is given: its own, TTL, MTU, options, no neighbour" {
	local long

	fate route_in_PASS_NOT_FORWARDED "${PACKET/$S_ADDR/$R0_ADDR}" "$(dst=$R0_ADDR ipv4)"
	equal end "$(told .end.what)" kernel
	fate ip_forward_PUNT_IP_TTL "$PACKET ttl 1" "$(ttl=1 ipv4)"
	fate ip_rcv_PUNT_IP_OPTIONS "$PACKET options" "$(options=01010100 ipv4)"
	fate neigh_PASS_NEIGH_UNRESOLVED "${PACKET/$S_ADDR/198.51.100.77}" "$(dst=198.51.100.77 ipv4)"
	equal next_hop "$(told '.next_hop | "\(.device) \(.mac) \(.mtu)"')" 'r1 null null'
	ip -n "$LAB-r" link set r1 mtu 1000
	long=04d2270f03fc0000$(printf 'a5%.0s' {1..1012})
	fate ip_forward_PUNT_PKT_TOO_BIG "$PACKET len 1040 df" "$(payload=$long ipv4)"
	equal mtu "$(told '.next_hop | "\(.device) \(.mtu)"')" 'r1 1000'
	fate ip_forward_PUNT_IP_FRAGMENT "$PACKET len 1040" "$(frag=0000 payload=$long ipv4)"
	fate xmit_OUT_NONE "$PACKET len 1000" \
		"$(frag=0000 payload=04d2270f03d40000$(printf 'a5%.0s' {1..972}) ipv4)"
}

@test "what is dropped: a blackhole, a martian; and 'punt drop'" {
	ip -n "$LAB-r" route add blackhole 203.0.113.0/24
	fate route_in_DROP_BLACKHOLE "${PACKET/$S_ADDR/203.0.113.9}" "$(dst=203.0.113.9 ipv4)"
	equal what "$(told .end.what)" dropped
	[[ $(told .end.remedy) = *'ip route del blackhole'* ]]
	fate ip_rcv_DROP_IP_INVALID_SOURCE "${PACKET/$C_ADDR/0.1.2.3}" "$(src=0.1.2.3 ipv4)"
	weir_r dev attach r0 punt drop force
	asked "$PACKET ttl 1"
	equal what "$(told '.end | "\(.what) \(.punt_drop)"')" 'dropped true'
	mark
	inject 1 "$(ttl=1 ipv4)"
	expect r0 punt_drop_ip_forward_PUNT_IP_TTL 1
}

@test "a device that is not attached takes nothing, and is said to" {
	weir_r dev detach r1
	fate xmit_PUNT_EGRESS_NOT_ATTACHED "$PACKET" "$(ipv4)"
	fails 3 weir_r explain udp 198.51.100.1:1 to 192.0.2.1:2 in dev r1
	says "*'r1' is not attached" && advises "*weir -n $LAB-r dev attach r1"
	fails 3 weir_r explain udp 198.51.100.1:1 to 192.0.2.1:2 out dev r1
	says "*'r1' is not attached at its egress hook" && advises '*dev attach r1 tc on'
	fails 3 weir_r explain udp 198.51.100.1:1 to 192.0.2.1:2 in dev nosuch0
	says '*device nosuch0*'
	weir_r dev detach all
	fails 3 weir_r explain udp 192.0.2.1:1 to 198.51.100.1:2 in dev r0
	advises '*dev attach r0'
}

@test "by generic XDP and by TC it is the same" {
	local mode

	weir_r filter add proto udp dport 53 drop
	for mode in 'xdp generic' 'xdp off tc on'; do
		weir_r dev detach all
		# shellcheck disable=SC2086
		weir_r dev attach r0 r1 $mode
		in_ns c ping -q -c 2 -i 0.2 -W 1 "$S_ADDR"
		fate xmit_OUT_NONE "$PACKET" "$(ipv4)"
		fate nf_forward_DROP_FILTER "${PACKET/9999/53}" \
			"$(payload=04d20035001a0000$(printf 'a5%.0s' {1..18}) ipv4)"
		fate ip_forward_PUNT_IP_TTL "$PACKET ttl 1" "$(ttl=1 ipv4)"
		fate route_in_PASS_NOT_FORWARDED "${PACKET/$S_ADDR/$R0_ADDR}" "$(dst=$R0_ADDR ipv4)"
	done
	equal hook "$(told .hook)" tc_ingress
	fails 2 weir_r explain udp "$C_ADDR:1" to "$S_ADDR:2" in dev r0 len 9000
}

# session FIELD: of the one session there is.
session() {
	weir_r -j nat session show | jq -r "select(.all == 1).sessions[0].$1"
}

change() { # change source|destination
	told ".$1 | if . then \"\(.from) \(.to) \(.rule)\" else \"none\" end"
}

@test "masquerading: a new session, then that session, then its answer" {
	weir_r nat add masquerade out dev r1
	fate xmit_OUT_NONE "$PACKET" "$(ipv4)"
	equal source "$(change source)" "$C_ADDR:1234 $R1_ADDR:1234 1"
	equal text "$(told .source.text)" 'masquerade out dev r1'
	equal session "$(told .session.new)" true
	equal port "$(session xsport)" 1234
	# the same flow
	fate xmit_OUT_NONE "$PACKET" "$(ipv4)"
	equal source "$(change source)" "$C_ADDR:1234 $R1_ADDR:1234 1"
	equal session "$(told '.session | "\(.new) \(.state) \(.packets_there) \(.direction)"')" \
		'false new 1 there'
	equal text "$(asked_text "$PACKET" | grep ^session)" \
		"session      $(told .session.number): new, 2 packets there, 0 back; this one goes there"
	# its answer
	asked "udp $S_ADDR:9999 to $R1_ADDR:1234 in dev r1"
	equal end "$(told '.end | "\(.what) \(.device)"')" 'forwarded r0'
	equal destination "$(change destination)" "$R1_ADDR:1234 $C_ADDR:1234 1"
	equal direction "$(told .session.direction)" back
	# whom nobody waits for is this host's own
	asked "udp $S_ADDR:9999 to $R1_ADDR:1235 in dev r1"
	equal stranger "$(told '.end.cause') $(change destination)" 'NOT_FORWARDED none'
	equal one "$(weir_r -j nat session show | jq .all)" 1
}

@test "a port that is taken becomes another of the pool, and none is claimed" {
	weir_r nat add snat out dev r1 to 198.51.100.200:1234-1237
	fate xmit_OUT_NONE "$PACKET" "$(ipv4)"
	asked "udp 192.0.2.7:1234 to $S_ADDR:9999 in dev r0"
	equal source "$(change source)" '192.0.2.7:1234 198.51.100.200:any 1'
	[[ $(weir_r explain udp 192.0.2.7:1234 to "$S_ADDR:9999" in dev r0) = \
		*'becomes 198.51.100.200, another port of the pool by NAT rule 1: snat'* ]]
	equal ports "$(weir_r -j nat show | jq .pools[0].udp)" 1
	for src in 192.0.2.8 192.0.2.9 192.0.2.10; do inject 1 "$(src=$src ipv4)"; done
	wait_until [ "$(weir_r -j nat show | jq .pools[0].udp)" = 4 ]
	fate nf_postrouting_DROP_NAT_EXHAUSTED "udp 192.0.2.11:1234 to $S_ADDR:9999 in dev r0" \
		"$(src=192.0.2.11 ipv4)"
	equal full "$(weir_r -j nat show | jq .limits.ports_full)" 1
}

@test "where a packet goes to is translated; a hairpin, both ends" {
	weir_r nat add masquerade out dev r1
	weir_r nat add dnat in dev r1 dst "$R1_ADDR" proto udp dport 9999 to "$C_ADDR:80"
	asked "udp $S_ADDR:5 to $R1_ADDR:9999 in dev r1"
	equal destination "$(change destination)" "$R1_ADDR:9999 $C_ADDR:80 2"
	equal end "$(told '.end | "\(.what) \(.device)"') $(change source)" 'forwarded r0 none'
	background_capture c c0 udp
	fate xmit_OUT_NONE "udp 192.0.2.9:1234 to $R1_ADDR:9999 in dev r0" \
		"$(src=192.0.2.9 dst=$R1_ADDR ipv4)"
	equal both "$(change source), $(change destination)" \
		"192.0.2.9:1234 $R1_ADDR:1234 1, $R1_ADDR:9999 $C_ADDR:80 2"
	wait_until captured "IP $R1_ADDR.1234 > $C_ADDR.80: UDP"
}

@test "ICMP's ids, other protocols, fragments" {
	weir_r nat add masquerade out dev r1
	asked "icmp echo-request id 7 $C_ADDR to $S_ADDR in dev r0"
	equal icmp "$(change source), $(told .icmp_id)" "$C_ADDR $R1_ADDR 1, null"
	equal end "$(told .end.what)" forwarded
	asked "47 $C_ADDR to $S_ADDR in dev r0"
	equal gre "$(change source)" "$C_ADDR $R1_ADDR 1"
	# whose first fragment nobody has seen: both wait for it in the kernel
	fate nf_forward_PUNT_IP_REASSEMBLE "udp $C_ADDR > $S_ADDR frag later ipid 48879 in dev r0" \
		"$(frag=00b9 ipv4)"
	inject 1 "$(ipid=bef0 frag=2000 ipv4)"
	fate xmit_OUT_NONE "udp $C_ADDR > $S_ADDR frag later ipid 48880 in dev r0" \
		"$(ipid=bef0 frag=00b9 ipv4)"
	equal later "$(change source)" "$C_ADDR $R1_ADDR 1"
}

@test "TCP's flags, states and rules that ask for them" {
	weir_r filter add proto tcp state new dport 22 drop
	weir_r filter add tcp-flags syn,ack/syn,ack reject
	asked "tcp $C_ADDR:1234 to $S_ADDR:22 in dev r0"
	equal new "$(told '.filter | "\(.rule) \(.state)"')" '1 new'
	asked "tcp $C_ADDR:1234 to $S_ADDR:22 flags rst in dev r0"
	equal stray "$(told '.filter | "\(.rule) \(.state)"')" '0 invalid'
	asked "tcp $C_ADDR:1234 to $S_ADDR:22 flags syn,ack in dev r0"
	equal flags "$(told .filter.rule)" 2
}

@test "a limit is asked and no token taken" {
	weir_r filter add proto udp limit 1/h burst 2 accept
	weir_r filter add proto udp drop
	for _ in 1 2 3 4; do
		asked "$PACKET"
		equal rule "$(told '.filter | "\(.rule) \(.limited)"')" '1 true'
	done
	for _ in 1 2; do fate xmit_OUT_NONE "$PACKET" "$(ipv4)"; done
	fate nf_forward_DROP_FILTER "$PACKET" "$(ipv4)"
	equal rule "$(told .filter.rule)" 2
}

@test "what this host sends" {
	weir_r nat add masquerade out dev r1 src 198.18.0.9
	weir_r filter add out dev r1 proto udp dport 53 drop
	asked "udp $R1_ADDR:5 to $S_ADDR:9999 out dev r1"
	equal end "$(told '.end | "\(.what) \(.device)"') $(told .hook)" 'sent r1 tc_egress'
	asked "udp 198.18.0.9:5 to $S_ADDR:9999 out dev r1"
	equal source "$(change source)" "198.18.0.9:5 $R1_ADDR:5 1"
	asked "udp $R1_ADDR:5 to $S_ADDR:53 out dev r1"
	equal exit "$(told '.end | "\(.what) \(.stage) \(.cause)"') $(told .filter.rule)" \
		'dropped tc_egress FILTER 1'
	mark r1/tc_egress
	in_ns r socat - "UDP-SENDTO:$S_ADDR:53" <<<x
	expect r1/tc_egress tc_egress_DROP_FILTER 1
}

# dumps: what all that is pinned holds; of the three largest, which bpftool is slow to print, as bytes. A ring
# buffer says that it cannot be dumped. `sweep` is where a timer of the kernel's has come among the sessions.
dumps() {
	local pin id

	find "$PINS" -type f | sort | while read -r pin; do
		echo "$pin"
		case ${pin##*/} in
		flows | hops | counts) "$BUILD/tests/e2e/cells" "$pin" ;;
		*) bpftool map dump pinned "$pin" ;;
		esac 2>&1 || :
	done | sed 's/"sweep": [0-9]*/"sweep"/'
	# maps in maps, which have no pins of their own
	for pin in pool_ports rulesets; do
		for id in $(bpftool -j map dump pinned "$PINS/$pin" | jq '.[].inner_map_id'); do
			echo "/$pin/$id"
			bpftool map dump id "$id"
		done
	done
}

explain_many() {
	local i

	for ((i = 0; i < EXPLANATIONS; i++)); do
		case $((i % 5)) in
		0) asked_text "${PACKET/$S_ADDR/198.19.0.1}" ;;
		1) weir_r explain udp 192.0.2.7:$((i + 1000)) to "$S_ADDR:53" in dev r0 ;;
		2) weir_r explain tcp "$C_ADDR:$i" to "$R1_ADDR:80" in dev r0 flags syn ;;
		3) weir_r explain udp "$S_ADDR:9999" to "$R1_ADDR:1234" in dev r1 ttl 1 ;;
		4) weir_r explain icmp 198.18.0.9 to "$S_ADDR" id "$i" out dev r1 ;;
		esac || return
	done >/dev/null
}

# Rules of every kind that writes anything; sessions few, since all of their maps are printed.
all_rules() {
	weir_r nat limit 1000
	weir_r filter add proto udp dport 53 limit 1/h burst 2 log count
	weir_r filter add proto udp limit 1/h per src accept
	weir_r filter add state new accept log
	weir_r nat add masquerade out dev r1 filtering address
	weir_r nat add dnat in dev r1 proto tcp dport 80 to "$C_ADDR:8080"
}

@test "$EXPLANATIONS explanations leave all maps as they were: rules, buckets, sessions, fragments" {
	all_rules
	# where it is swallowed in silence: an answer would be traffic
	inject 1 "$(dst=198.19.0.1 ipv4)"
	inject 1 "$(frag=2000 src=192.0.2.7 dst=198.19.0.1 ipv4)"
	wait_until [ "$(weir_r -j nat session show | jq .all)" = 2 ]
	dumps >"$BATS_TEST_TMPDIR/before"
	explain_many
	dumps >"$BATS_TEST_TMPDIR/after"
	[ "$(grep -c ^/ "$BATS_TEST_TMPDIR/before")" -gt 40 ]
	grep -q '"sweep"' "$BATS_TEST_TMPDIR/before"
	equal 'the largest' "$(grep -c '^of [0-9]*$' "$BATS_TEST_TMPDIR/before")" 3
	equal 'pools and rules' "$(grep -c '^/[pr][a-z_]*/[0-9]' "$BATS_TEST_TMPDIR/before")" 3
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "records that were freed stay so: what queues hold is seen by the next session alone" {
	local number

	weir_r nat add masquerade out dev r1
	inject 1 "$(dst=198.19.0.1 ipv4)"
	wait_until [ "$(weir_r -j nat session show | jq .all)" = 1 ]
	number=$(session number)
	weir_r nat session flush
	asked "${PACKET/$S_ADDR/198.19.0.1}"
	equal new "$(told .session.new)" true
	inject 1 "$(dst=198.19.0.1 ipv4)"
	wait_until [ "$(weir_r -j nat session show | jq .all)" = 1 ]
	equal number "$(session number)" "$number"
}

@test "where there is no room for a session the mapping that is there stays as it is" {
	local before i

	weir_r nat limit 64
	weir_r nat add masquerade out dev r1
	for i in {1..64}; do inject 1 "$(dst=198.19.0.$i ipv4)"; done
	wait_until [ "$(weir_r -j nat session show | jq .all)" = 64 ]
	before=$(bpftool map dump pinned "$PINS/mappings")
	fate nf_postrouting_DROP_NAT_FULL "$PACKET" "$(ipv4)"
	asked "$PACKET"
	equal mappings "$(bpftool map dump pinned "$PINS/mappings")" "$before"
}

@test "wrong words are pointed at, with the nearest" {
	local words

	while IFS='|' read -r words pattern; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr weir_r explain $words
		# shellcheck disable=SC2053,SC2154
		[[ $stderr == $pattern ]] || { echo "$words: $stderr"; return 1; }
	done <<-'END'
		|*'explain' needs udp, tcp*
		udq 1.1.1.1:1 to 2.2.2.2:2 in dev r0|*'udq' is no protocol*^~~*
		udp 1.1.1.1:1|*where the packet goes: '> ADDRESS*since a shell takes*
		udp 1.1.1.1:1 to 2.2.2.2:2|*needs 'in dev DEVICE'*
		udp 1.1.1.1:1 to 2.2.2.2:2 in dev r0 tll 3|*'tll': did you mean 'ttl'?*^~~*
		udp 1.1.1.1 to 2.2.2.2:2 in dev r0|*udp needs a port*^~*
		udp 1.1.1.1:1 to 2.2.2.2:65536 in dev r0|*65536*^~*
		udp 1.1.1.1:1 to 2.2.2.300:2 in dev r0|*2.2.2.300*^~*
		udp ::1 to 2.2.2.2:2 in dev r0|*no IPv4 address*
		icmp 1.1.1.1:1 to 2.2.2.2 in dev r0|*icmp has no ports*
		icmp echo-reqest 1.1.1.1 to 2.2.2.2 in dev r0|*'echo-reqest'*
		udp 1.1.1.1:1 to 2.2.2.2:2 in dev r0 flags syn|*'flags' are tcp's*^~~*
		tcp 1.1.1.1:1 to 2.2.2.2:2 in dev r0 flags sin|*'sin' is no TCP flag: did you mean 'fin'?*^~~*
		udp 1.1.1.1:1 to 2.2.2.2:2 in dev r0 out dev r1|*'in' and 'out'*
		udp 1.1.1.1:1 to 2.2.2.2:2 in dev r0 frag later|*carries no ports*
		udp 1.1.1.1:1 to 2.2.2.2:2 in dev r0 len 27|*28 bytes at least*
		udp 1.1.1.1:1 2.2.2.2:2 in dev r0|*'>' or 'to' should stand*
		udp 1.1.1.1:1 to 2.2.2.2:2 in dev r0 ttl 3 ttl 4|*second 'ttl'*
	END
}
