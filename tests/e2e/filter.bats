#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Rules, as a user writes them, and what becomes of packets: on the wire, in the counters of rules
# and exits, in the ledger. At XDP, and once more at TC where that is another road.

load helper
load frame

setup_file() {
	start_lab || return
	confirm_once
}

teardown_file() {
	stop_lab
}

setup() {
	need tcpdump socat
	RULES=$BATS_TEST_TMPDIR/rules.txt
	weir_r dev attach r0 r1
	wait_until confirmed
	mark
}

# The next hop has been confirmed: from now on nothing but rules keeps a packet from being forwarded.
confirmed() {
	mark && in_ns c ping -q -c 1 -W 1 "$S_ADDR" >/dev/null && [ "$(since r0 xmit_OUT_NONE)" = 1 ]
}

teardown() {
	end_background
	ip netns del "$LAB-x" 2>/dev/null || :
	: >"$RULES.empty"
	weir_r filter load "$RULES.empty" >/dev/null
	for set in $(weir_r -j set show | jq -r '.sets[].name'); do
		weir_r set del "$set" >/dev/null
	done
	weir_r dev detach all
}

# rule WORDS...: adds a rule, and its id is $id.
rule() {
	id=$(weir_r -j filter add "$@" | jq .id)
}

# matched ID: packets.
matched() {
	weir_r -j filter show | jq --argjson id "$1" '.rules[] | select(.id == $id).packets'
}

udp() { # udp DPORT [COUNT]
	payload=04d2$(printf %04x "$1")001a0000$(printf 'a5%.0s' {1..18}) inject "${2:-1}" \
		"$(payload=04d2$(printf %04x "$1")001a0000$(printf 'a5%.0s' {1..18}) ipv4)"
}

balances() {
	weir_r ledger show >/dev/null
}

@test "a drop rule drops what it names, and nothing else; counters agree" {
	rule in dev r0 proto udp dport 53 drop
	mark
	udp 53 3
	udp 54 2
	expect r0 nf_forward_DROP_FILTER 3
	expect r0 xmit_OUT_NONE 2
	equal matched "$(matched "$id")" 3
	balances
}

@test "the first match decides; count goes on; the order can be chosen" {
	rule proto udp dport 1000-2000 accept
	a=$id
	rule proto udp drop
	b=$id
	rule at 1 proto udp dport 1500 count
	c=$id
	mark
	udp 1500 3
	udp 2001 2
	expect r0 xmit_OUT_NONE 3
	expect r0 nf_forward_DROP_FILTER 2
	equal matched "$(matched "$a")/$(matched "$b")/$(matched "$c")" 3/2/3
	equal order "$(weir_r -j filter show | jq -c '[.rules[].id]')" "[$c,$a,$b]"
}

# passed N: so many packets were kept from going on by no rule: by weir or, where it must, by the kernel.
passed() {
	[ $(($(since r0 xmit_OUT_NONE) + $(since r0 xmit_PUNT_CSUM_UNKNOWN))) = "$1" ] && return
	grown r0
	return 1
}

# stops WORDS... HEX: the flow of a frame passes, stops with the first packet after a rule, and goes on
# with the first after that is gone.
stops() {
	local hex=${*: -1}

	mark
	inject 5 "$hex"
	wait_until passed 5
	rule "${@:1:$#-1}" drop
	mark
	inject 5 "$hex"
	expect r0 nf_forward_DROP_FILTER 5
	passed 0
	weir_r filter del "$id"
	mark
	inject 5 "$hex"
	wait_until passed 5
}

all_flows_stop() {
	local tcp=0456005000000001000000015018040000000000 number

	stops proto udp dport 700 "$(payload=04d202bc001a0000$(printf 'a5%.0s' {1..18}) ipv4)"
	stops proto tcp dport 80 "$(proto=6 payload=$tcp ipv4)"
	stops proto tcp tcp-flags ack/syn,ack "$(proto=6 payload=$tcp ipv4)"
	stops icmp echo-reply "$(proto=1 payload=0000fffe00000001 ipv4)"
	for number in 2 4 47 50 132 253; do
		stops proto "$number" "$(proto=$number payload=$tcp ipv4)"
	done
	stops src "$C_ADDR" frag later "$(frag=0001 proto=17 payload=$tcp ipv4)"
	stops in dev r0 dst 198.51.100.0/24 "$(proto=17 payload=$tcp ipv4)"
}

@test "a flow in progress stops with the first packet after the rule: every protocol, at XDP" {
	all_flows_stop
}

@test "a flow in progress stops with the first packet after the rule: every protocol, at TC" {
	weir_r dev detach all
	weir_r dev attach r0 r1 xdp off
	wait_until confirmed
	all_flows_stop
}

# told: the rule that drops the flow has met some of its packets since mark.
told() {
	[ "$(since r0 nf_forward_DROP_FILTER)" -gt 1000 ]
}

@test "not one packet of a flow passes once the command that drops it has returned" {
	local mode

	in_ns r ethtool -K r0 gro on # or it takes no frames of the generator's without XDP
	for mode in native off; do
		weir_r dev detach all
		weir_r dev attach r0 r1 xdp "$mode"
		wait_until confirmed
		mark
		background in_ns c "$BUILD/weir-gen" dev c0 to "$(lab_mac r0)" src "$C_ADDR" sport 5000 \
			dst "$S_ADDR" dport 700 size 60 rate 50000 seconds 60
		running() { [ "$(since r0 xmit_OUT_NONE)" -gt 1000 ]; }
		wait_until running
		rule proto udp dport 700 drop
		mark
		wait_until told
		equal "passed at $mode" "$(since r0 xmit_OUT_NONE)" 0
		weir_r filter del "$id"
		mark
		wait_until running
		equal "dropped at $mode" "$(since r0 nf_forward_DROP_FILTER)" 0
		end_background
	done
	in_ns r ethtool -K r0 gro off
}

@test "reject tells the sender: ICMP 3/13, a TCP RST" {
	rule proto udp dport 53 reject
	rule proto tcp dport 80 reject
	background_capture c c0 "icmp or tcp" -c 2
	udp 53
	run -1 in_ns c timeout 5 bash -c "exec 3<>/dev/tcp/$S_ADDR/80"
	[[ $output = *refused* ]]
	wait_until captured 'admin prohibited'
	expect r0 nf_forward_DROP_FILTER_REJECT 2
	equal answers "$(weir_r -j path show dev r0 | jq '.devices[0].answers')" 2
	balances
}

@test "punt gives the packet to the kernel, which forwards it" {
	rule proto udp dport 53 punt
	mark
	udp 53 4
	expect r0 nf_forward_PUNT_FILTER_PUNT 4
	expect r0 xmit_OUT_NONE 0
}

@test "what is for this host is filtered, too, and so are options" {
	rule in dev r0 proto udp dport 9999 drop
	mark
	dst=192.0.2.254 udp 9999 2
	options=01010101 udp 9999 3
	expect r0 nf_prerouting_DROP_FILTER 5
	dst=192.0.2.254 udp 9998 2
	expect r0 route_in_PASS_NOT_FORWARDED 2
	equal matched "$(matched "$id")" 5
}

@test "out dev: where a packet would go" {
	rule out dev r0 proto udp drop
	rule out dev r1 proto udp dport 53 drop
	mark
	udp 53 2
	udp 54 2
	options=01010101 udp 53 1
	expect r0 nf_forward_DROP_FILTER 2
	expect r0 nf_prerouting_DROP_FILTER 1
	expect r0 xmit_OUT_NONE 2
}

@test "a policy is for what no rule decides: IPv4, IPv6, and others, but never ARP" {
	rule proto udp dport 53 accept
	weir_r filter policy in dev r0 drop
	mark
	udp 53 2
	udp 54 3
	type=86dd inject 2 "$(type=86dd ether)$(printf '60%.0s' {1..40})"
	type=88cc inject 2 "$(type=88cc ether)$(printf '00%.0s' {1..46})"
	expect r0 xmit_OUT_NONE 2
	expect r0 nf_forward_DROP_FILTER 3
	expect r0 nf_prerouting_DROP_FILTER 4
	in_ns c ip neigh flush dev c0
	run -0 in_ns c socat -u OPEN:/dev/null "UDP4-SENDTO:$S_ADDR:53"
	in_ns c bash -c "echo x >/dev/udp/$S_ADDR/53"
	wait_until [ "$(in_ns c ip neigh show 192.0.2.254 | grep -c lladdr)" = 1 ]
	lab_in "$LAB-c" ip neigh replace 192.0.2.254 lladdr "$(lab_mac r0)" dev c0 nud permanent
	weir_r filter policy in dev r0 accept
	mark
	udp 54 1
	expect r0 xmit_OUT_NONE 1
}

@test "later fragments match no ports" {
	rule proto udp dport 53 drop
	frags=$id
	mark
	frag=2000 udp 53 1
	frag=0001 udp 53 2
	expect r0 nf_forward_DROP_FILTER 1
	equal matched "$(matched "$frags")" 1
	rule frag later drop
	mark
	frag=0001 udp 53 2
	expect r0 nf_forward_DROP_FILTER 2
	equal matched "$(matched "$id")" 2
}

@test "a limit lets its burst pass, and no more" {
	rule proto udp dport 53 limit 1/h burst 7 accept
	rule proto udp dport 53 drop
	mark
	udp 53 20
	expect r0 xmit_OUT_NONE 7
	expect r0 nf_forward_DROP_FILTER 13
}

@test "named sets: an element more or less counts from the next packet on" {
	weir_r set add bad 192.0.2.77,203.0.113.0/24
	rule src @bad drop
	mark
	udp 53 1
	src=192.0.2.77 udp 53 1
	expect r0 nf_forward_DROP_FILTER 1
	weir_r set add bad 192.0.2.1
	udp 53 2
	expect r0 nf_forward_DROP_FILTER 3
	weir_r set del bad 192.0.2.0-192.0.2.76
	weir_r set del bad 192.0.2.1
	udp 53 2
	expect r0 nf_forward_DROP_FILTER 3
	run -2 --separate-stderr weir_r set del bad
	[[ $stderr = *"rule $id asks for the set bad"* ]]
	equal elements "$(weir_r -j set show bad | jq -c '.sets[0].elements')" '["192.0.2.77","203.0.113.0/24"]'
}

@test "a local sender is filtered at TC egress" {
	weir_r dev attach r0 r1 tc on force
	rule out dev r1 proto udp dport 53 drop
	mark r1/tc_egress
	in_ns r bash -c "echo x >/dev/udp/$S_ADDR/53; echo x >/dev/udp/$S_ADDR/54" || :
	expect r1/tc_egress tc_egress_DROP_FILTER 1
	equal matched "$(matched "$id")" 1
	balances
}

@test "at TC, too" {
	weir_r dev detach all
	weir_r dev attach r0 r1 xdp off
	wait_until confirmed
	rule in dev r0 proto udp dport 53 drop
	mark
	udp 53 3
	udp 54 2
	expect r0 nf_forward_DROP_FILTER 3
	expect r0 xmit_OUT_NONE 2
	balances
}

@test "log: the packet's head, to whoever watches" {
	rule proto udp dport 53 drop log
	local out=$BATS_TEST_TMPDIR/monitor

	(weir_r -j monitor >"$out" & echo $! >"$out.pid"; wait) &
	BACKGROUND+=($!)
	sleep 1
	udp 53 2
	wait_until grep -q '"logged"' "$out"
	run -0 jq -es --argjson id "$id" 'map(select(.event == "logged"))[0] |
		.rule == $id and .verdict == "drop" and .dport == 53 and .device == "r0"' "$out"
}

@test "a file: whole or not at all, with the line, the column and a caret" {
	rule proto udp dport 7 drop
	before=$(weir_r -j filter show)
	printf '%s\n' '# a comment' 'proto udp dport 53 accept' 'proto udp dport 9-8 drop' >"$RULES"
	run -1 --separate-stderr weir_r filter load "$RULES"
	[[ ${stderr_lines[0]} = *"rules.txt:3:17: "* ]]
	[[ $stderr = *"^~~"* ]]
	equal rules "$(weir_r -j filter show)" "$before"
	run -1 --separate-stderr weir_r -j filter load "$RULES"
	run -0 jq -e '.error | .line == 3 and .column == 17' <<<"$stderr"
	head -c 100000 /dev/urandom >"$RULES"
	run -1 weir_r filter load "$RULES"
	seq -f 'proto udp dport %.0f drop' 1 65000 >"$RULES"
	for _ in 1 2; do seq -f 'proto tcp dport %.0f drop' 1 65000; done >>"$RULES"
	run -1 --separate-stderr weir_r filter load <(yes 'proto udp drop' | head -n 1000000)
	[[ $stderr = *"131072"* ]] || [[ $stderr = *"131,072"* ]]
	equal rules "$(weir_r -j filter show)" "$before"
}

@test "'-' is standard input: read as a file is, once, and not where it is the batch" {
	printf '%s\n' 'proto udp dport 53 drop' 'policy in dev r0 accept' >"$RULES"
	run -0 weir_r filter check - <"$RULES"
	equal rules "$(weir_r -j filter show | jq '.rules | length')" 0
	weir_r filter load - <"$RULES"
	udp 53 3
	equal matched "$(matched 1)" 3
	before=$(weir_r -j filter show)
	printf '%s\n' '' 'proto udp dport 9-8 drop' >"$RULES"
	for command in load check; do
		run -1 --separate-stderr weir_r filter $command - <"$RULES"
		[[ ${stderr_lines[0]} = "<stdin>:2:17: "* ]]
		[[ $stderr = *"^~~"* ]]
	done
	run -1 --separate-stderr weir_r -j filter load - <"$RULES"
	run -0 jq -e '.error | .line == 2 and .column == 17' <<<"$stderr"
	# nothing of a batch is taken for rules, and an end that was met before for no rules
	run -1 --separate-stderr weir_r -b - <<<$'filter load -\nproto udp accept'
	[[ $stderr = "<stdin>:1: "*"'-b -'"* ]]
	printf 'filter check -\nfilter load -\n' >"$RULES"
	run -1 --separate-stderr weir_r -b "$RULES" <<<'proto udp drop'
	[[ $stderr = "$RULES:2: "*"read to its end"* ]]
	run -1 weir_r filter load <"$RULES"
	run -1 weir_r filter load - "$RULES" <"$RULES"
	equal rules "$(weir_r -j filter show)" "$before"
	weir_r filter load - </dev/null
	equal rules "$(weir_r -j filter show | jq '.rules | length')" 0
}

@test "counters follow a rule's id over reloads" {
	printf '%s\n' 'id 7 proto udp dport 53 drop' 'proto udp accept' >"$RULES"
	weir_r filter load "$RULES"
	udp 53 3
	equal matched "$(matched 7)" 3
	printf '%s\n' 'proto tcp drop' 'id 7 proto udp dport 53-54 drop' >"$RULES"
	weir_r filter load "$RULES"
	udp 54 2
	equal matched "$(matched 7)" 5
	weir_r filter del 7
	rule proto udp dport 53 count
	equal fresh "$(matched "$id")" 0
}

@test "rules need no device, and outlive the last one" {
	weir_r dev detach all
	rule proto udp dport 53 drop
	weir_r dev attach r0 r1
	mark
	udp 53 2
	expect r0 nf_forward_DROP_FILTER 2
	weir_r dev detach all
	equal rules "$(weir_r -j filter show | jq '.rules | length')" 1
	weir_r dev attach r0 r1
	mark
	udp 53 2
	expect r0 nf_forward_DROP_FILTER 2
	equal matched "$(matched "$id")" 4
}

@test "a device that is gone leaves its rules, which are in no one's way" {
	ip -n "$LAB-r" link add gone0 type veth peer name gone1
	rule in dev gone0 proto udp drop
	weir_r filter policy in dev gone1 drop
	ip -n "$LAB-r" link del gone0
	rule in dev r0 proto udp dport 53 drop
	mark
	udp 53 2
	expect r0 nf_forward_DROP_FILTER 2
	run -3 weir_r filter add in dev gone9 drop
	equal rules "$(weir_r -j filter show | jq -c '[.rules[].id, (.policies | length)]')" '[1,2,1]'
}

# pins: whose folders there are.
pins() {
	ls /sys/fs/bpf/weir
}

@test "rules without devices stay as long as their namespace, and go with it" {
	before=$(pins)
	ip netns add "$LAB-x"
	"$WEIR" -n "$LAB-x" filter add proto udp drop
	theirs=$(comm -13 <(sort <<<"$before") <(pins | sort))
	[ -n "$theirs" ]
	weir_r dev attach r0 r1 force
	equal rules "$("$WEIR" -n "$LAB-x" -j filter show | jq '.rules | length')" 1
	ip netns del "$LAB-x"
	gone() { weir_r dev attach r0 r1 force && ! pins | grep -qx "$theirs"; }
	wait_until gone
}

@test "what is not there is not found; what is wrong changes nothing" {
	before=$(weir_r -j filter show)
	run -3 weir_r filter del 99
	run -3 weir_r filter show 99
	run -3 weir_r filter add in dev nosuch0 drop
	run -3 weir_r filter add src @nosuch drop
	run -3 weir_r set show nosuch
	run -3 weir_r set del nosuch
	run -1 weir_r filter add proto udp dport 300000 drop
	run -1 weir_r filter del x
	run -1 weir_r filter add
	run -3 weir_r filter load /nonexistent
	equal rules "$(weir_r -j filter show)" "$before"
}

@test "a rule may ask for a connection's state: answers come in, and nothing else does" {
	rule in dev r1 state established accept
	rule in dev r1 proto icmp drop
	in_ns c ping -q -c 3 -i 0.05 -W 2 "$S_ADDR" >/dev/null
	run -1 in_ns s ping -q -c 2 -i 0.05 -W 1 "$C_ADDR"
	equal dropped "$(matched "$id")" 2
	equal sessions "$(weir_r -j nat session show | jq -c '[.sessions[].src]')" "[\"$C_ADDR\"]"
	weir_r filter flush
	run -0 in_ns s ping -q -c 1 -W 2 "$C_ADDR"
}
