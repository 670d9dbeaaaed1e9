#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Behind the TC hooks: what a queueing discipline or a driver refuses of what TC has forwarded.

load tc

# --- behind TC ---

# ARP comes when it likes.
in_but_arp() {
	[ "$(grown r0/tc_ingress | awk '$1 == "in" { n += $2 }
		$1 == "tc_ingress_PASS_ARP" { n -= $2 } END { print n + 0 }')" = "$(sent)" ]
}

# The sum of what qdiscs on r1 have dropped.
qdisc_drops() {
	in_ns r tc -s -j qdisc show dev r1 | jq '[.[] | select(.root).drops] | add'
}

@test "a queueing discipline that refuses: QDISC_DROP, as it counts them itself" {
	local sent drops

	in_ns r tc qdisc add dev r1 root tbf rate 8kbit burst 2000 limit 3000 ||
		skip "this kernel has no tbf"
	tc_only
	drops=$(qdisc_drops)
	generate count 500 rate 20000
	wait $!
	sent=$(sent)
	expect r0/tc_ingress xmit_OUT_NONE "$sent"
	drops=$(($(qdisc_drops) - drops))
	[ "$drops" -gt 0 ]
	expect r0/tc_ingress xmit_LATE_QDISC_DROP "$drops"
	expect r0/tc_ingress sent $((sent - drops))
	equal 'drop show' "$(weir_r -j drop show dev r0 |
		jq '.devices[].drops[] | select(.cause == "QDISC_DROP").packets')" "$drops"
	balanced
}

@test "a device that goes down under load: every frame has its end" {
	local sent i

	tc_only
	generate rate 20000 seconds 300
	for i in {1..8}; do
		ip -n "$LAB-r" link set r1 down
		balanced
		ip -n "$LAB-r" link set r1 up
		ip -n "$LAB-r" route replace 198.19.0.0/16 via "$S_ADDR"
		balanced
	done
	end_background
	sent=$(sent)
	wait_until in_but_arp
	balanced
}

# Its other end has no NAPI then, so frames go through the backlog of a CPU.
@test "the other end down: what it does not take is told" {
	local sent

	tc_only
	ip -n "$LAB-s" link set s0 down
	generate count 1000
	wait $!
	sent=$(sent)
	wait_until in_but_arp
	equal "taken by the driver" "$(since r0/tc_ingress sent)" 0
	balanced
}

# flood_slow COUNT: to a server that is polled twice a second; then it is polled as ever.
flood_slow() {
	# the router is not to ask for it by ARP in between, which the discipline could refuse too
	ip -n "$LAB-r" neigh replace "$S_ADDR" lladdr "$(lab_mac s0)" nud permanent dev r1
	in_ns r ethtool -K r1 tso off # else a veth passes its ring by
	polls_after 500000000 || skip "this kernel's devices are always polled"
	TOOK=0
	TOOK=$(s0_took)
	generate count "$1" rate 20000 # not so fast that one poll never ends
	wait $!
	polls_after 0
	expect r0/tc_ingress xmit_OUT_NONE "$(sent)"
}

# Packets that s0 has taken since $TOOK, ARP not among them.
s0_took() {
	echo $(($(in_ns s awk '/^Ip: [0-9]/ { print $4 }' /proc/net/snmp) - ${TOOK:-0}))
}

took_what_was_sent() {
	equal "taken by s0" "$(s0_took)" "$(since r0/tc_ingress sent)"
}

@test "a receiver too slow for its ring: what it refused is counted as XMIT_FULL" {
	local full

	tc_only
	flood_slow 2000
	full=$(since r0/tc_ingress xmit_LATE_XMIT_FULL)
	[ "$full" -gt 0 ]
	expect r0/tc_ingress sent $(($(sent) - full))
	wait_until took_what_was_sent || took_what_was_sent
	equal 'drop show' "$(weir_r -j drop show dev r0 |
		jq '.devices[].drops[] | select(.cause == "XMIT_FULL").packets')" "$full"
	balanced
}

# A driver that is busy gives the frame back to the discipline, which sends it later.
@test "a receiver too slow for its ring, behind a queueing discipline: what that refused is counted" {
	local refused

	in_ns r tc qdisc add dev r1 root pfifo limit 10 || skip "this kernel has no pfifo"
	tc_only
	flood_slow 2000
	refused=$(qdisc_drops)
	[ "$refused" -gt 0 ]
	expect r0/tc_ingress xmit_LATE_QDISC_DROP "$refused"
	expect r0/tc_ingress xmit_LATE_XMIT_FULL 0
	expect r0/tc_ingress sent $(($(sent) - refused))
	wait_until took_what_was_sent || took_what_was_sent
	balanced
}

@test "80 readings under load by TC: each balances, none goes back" {
	local i log=$BATS_TEST_TMPDIR/log sent

	tc_only
	generate flows 16 seconds 300
	for ((i = 0; i < 80; i++)); do
		weir_r -j ledger show || return 1
	done >"$log"
	end_background
	equal "residuals" "$(jq -c '[.devices[], .total | .residual, .verdict_residual,
		.queue_residual, .in_flight, .lost] | unique' "$log" | sort -u)" "[0]"
	jq -se '[.[].total.in] | . == sort' "$log"
	sent=$(sent)
	expect r0/tc_ingress xmit_OUT_NONE "$sent"
	expect r1/tc_egress tc_egress_OUT_TC_JUDGED "$sent"
	balanced
}
