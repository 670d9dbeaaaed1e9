#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Datagrams of three fragments through masquerading, by native and generic XDP and by TC, in every order: those
# that come before their first wait in the kernel for it. Fragments are made by hand, and sent from c's end of the
# wire; what answers is a real server, and a socket at c has the answer.

load helper
load objects
load frame
load nat

ORDERS='012 021 102 120 201 210'
WAITS=nf_forward_PUNT_IP_REASSEMBLE

setup_file() {
	start_nat_lab
}

teardown_file() {
	stop_nat_lab
}

setup() {
	need jq bpftool socat tcpdump nft
	SENT=$BATS_TEST_TMPDIR/sent GOT=$BATS_TEST_TMPDIR/got BACK=$BATS_TEST_TMPDIR/back
	NR=$((BATS_TEST_NUMBER * 256)) # no id comes twice while the kernel may wait for others of it
}

teardown() {
	end_background || :
	weir_r filter flush >/dev/null
	weir_r nat flush >/dev/null
	weir_r dev detach all
	in_ns r nft flush ruleset
	width 1500
}

# width MTU: of the outside.
width() {
	ip -n "$LAB-r" link set r1 mtu "$1"
	ip -n "$LAB-s" link set s0 mtu "$1"
}

# serve [PORT]: what came and from whom, beside each other; the answer is the same again.
serve() {
	export GOT
	background in_ns s socat -b 8192 "UDP-RECVFROM:${1:-53},fork" \
		SYSTEM:'echo "$SOCAT_PEERADDR:$SOCAT_PEERPORT" >>"$GOT.from"; tee "$GOT"'
	wait_until listens s udp "${1:-53}"
	background in_ns c socat -b 8192 -u UDP-RECV:4000 "CREATE:$BACK"
	wait_until listens c udp 4000
	: >"$GOT.from"
}

# datagram PORT: PARTS, the three fragments of a datagram of 4,000 bytes from c's port 4000; its bytes are in $SENT.
datagram() {
	local data sum udp ipid

	NR=$((NR + 1))
	ipid=$(printf '%04x' $NR)
	data=$(printf '%08x' "$NR")$(head -c 3996 /dev/urandom | xxd -p | tr -d '\n')
	xxd -r -p <<<"$data" >"$SENT"
	udp=0fa0$(printf '%04x' "$1")0fa8
	sum=$(checksum "$(hex_addr "$C_ADDR")$(hex_addr "$S_ADDR")00110fa8${udp}0000$data")
	data=$udp$sum$data
	PARTS=("$(frag=2000 payload=${data:0:2960} ipv4)"
		"$(frag=20b9 payload=${data:2960:2960} ipv4)"
		"$(frag=0172 payload=${data:5920} ipv4)")
}

# send ORDER
send() {
	local i

	for ((i = 0; i < ${#1}; i++)); do
		inject 1 "${PARTS[${1:i:1}]}"
	done
}

# whole: it has come to the server as it was sent, and the answer, too.
whole() {
	wait_until cmp "$SENT" "$GOT"
	wait_until answered
}

# The socket at c keeps all answers, one behind the other.
answered() {
	tail -c 4000 "$BACK" | cmp "$SENT"
}

# entered: by which hook of r0.
entered() {
	[ "$MODE" = tc ] && echo r0/tc_ingress || echo r0
}

in_every_order() {
	local order

	weir_r nat add masquerade out dev r1 ports 40000-40999
	serve
	mark "$(entered)"
	for order in $ORDERS; do
		datagram 53
		send "$order"
		whole
	done
	equal 'who asked' "$(sort "$GOT.from" | uniq -c | sed 's/:40[0-9]*$/:40/' | xargs)" \
		"6 $R1_ADDR:40"
	expect "$(entered)" $WAITS 12
	weir_r -j path show dev r0 | jq -e '.. | objects | select(.cause? == "IP_REASSEMBLE")'
	equal drops "$(weir_r -j drop show | jq '[.devices[].drops[] | select(.cause | startswith("NAT_"))] | length')" 0
	# those that waited for their first had no session yet
	equal session "$(weir_r -j nat session show | jq -c '[.sessions[] | .packets_there]')" '[12]'
}

@test "a datagram arrives whole in whichever order its fragments come, and so does the answer" {
	in_each_mode in_every_order
}

judged() {
	weir_r nat add masquerade out dev r1
	weir_r filter add state invalid drop
	weir_r filter add proto udp dport 53 drop
	weir_r filter add state new,established accept
	serve
	mark "$(entered)"
	datagram 53
	send 120
	expect "$(entered)" $WAITS 2
	expect "$(entered)" nf_forward_DROP_FILTER 1
	in_ns c ping -q -c 1 -W 3 "$S_ADDR" >/dev/null
	equal 'who asked' "$(cat "$GOT.from")" ''
	end_background || :
	serve 54
	datagram 54
	send 120
	whole
	weir_r filter flush >/dev/null
}

@test "a rule about ports stops a datagram whose first fragment comes last; one about states does not" {
	in_each_mode judged
}

# Only what is longer than the link goes to the kernel by itself; what follows it would be waited for in vain.
narrow() {
	local order

	width 1400
	weir_r nat add masquerade out dev r1
	serve
	for order in 012 021; do
		datagram 53
		send "$order"
		whole
	done
	width 1500
}

@test "fragments that the kernel has to cut, and those that it has not, arrive together" {
	in_each_mode narrow
}

# Somebody has taken the table away, and the kernel forwards each fragment as it comes.
unguarded() {
	weir_r nat add masquerade out dev r1
	serve
	in_ns r nft flush ruleset
	background_capture s s0 'udp or (ip[6:2] & 0x1fff != 0)'
	mark "$(entered)" r1/tc_egress
	datagram 53
	send 120
	expect "$(entered)" $WAITS 3
	expect r1/tc_egress tc_egress_DROP_NAT_FRAGMENT 2
	wait_until captured "$R1_ADDR"
	run ! captured "$C_ADDR"
	[[ $(weir_r drop explain NAT_FRAGMENT) = *'weir doctor'* ]]
	weir_r -j doctor | jq -e '.findings[] | select(.check == "reassembly") | .state == "warning"'
	weir_r nat add masquerade out dev r0 # whatever asks for sessions brings it back
	weir_r -j doctor | jq -e '.findings[] | select(.check == "reassembly") | .state == "ok"'
	datagram 53
	send 120
	whole
}

@test "where nobody reassembles any more TC egress stops what has no session, and doctor says so" {
	in_each_mode unguarded
}

# own_table: somebody else has the table for himself, as `flags owner` makes it; so weir's cannot be made.
own_table() {
	background in_ns r sh -c '{
		echo "add table ip weir_defrag { flags owner; }"
		sleep 600
	} | nft -i'
	wait_until in_ns r nft list table ip weir_defrag
}

impossible() {
	own_table
	weir_r nat add masquerade out dev r1
	serve
	mark "$(entered)"
	datagram 53
	send 120
	expect "$(entered)" nf_postrouting_DROP_NAT_FRAGMENT 2
	expect "$(entered)" $WAITS 0
	weir_r -j drop show | jq -e '[.devices[].drops[].cause] | index("NAT_FRAGMENT")'
	weir_r -j doctor | jq -e '.findings[] | select(.check == "reassembly") | .why | test("does not reassemble")'
	equal 'who asked' "$(cat "$GOT.from")" ''
}

@test "where the kernel cannot reassemble what comes before its first is dropped, and doctor says why" {
	in_each_mode impossible
}

@test "with punt drop no fragment waits" {
	weir_r dev attach r0 r1 punt drop
	weir_r nat add masquerade out dev r1
	mark r0
	datagram 53
	send 12
	expect r0 punt_drop_$WAITS 2
	accounted
}

@test "explain says that it waits, and remembers nothing" {
	weir_r dev attach r0 r1
	warm
	weir_r nat add masquerade out dev r1
	weir_r explain udp "$C_ADDR" to "$S_ADDR" in dev r0 frag later ipid 1 | grep IP_REASSEMBLE
	serve
	mark r0
	datagram 53
	send 012
	whole
	expect r0 $WAITS 0
}

@test "the table comes with sessions and goes with them, and with the namespace" {
	weir_r dev attach r0 r1
	run ! in_ns r nft list table ip weir_defrag
	weir_r nat add masquerade out dev r1
	in_ns r nft list ruleset >"$BATS_TEST_TMPDIR/rules"
	grep weir_defrag "$BATS_TEST_TMPDIR/rules"
	in_ns r nft flush ruleset
	in_ns r nft -f "$BATS_TEST_TMPDIR/rules"
	weir_r -j doctor | jq -e '.findings[] | select(.check == "reassembly") | .state == "ok"'
	weir_r nat flush
	run ! in_ns r nft list table ip weir_defrag
	weir_r nat add masquerade out dev r1
	weir_r nat flush
	weir_r dev detach all
	equal ruleset "$(in_ns r nft list ruleset)" ''
}
