#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The kernel plane's ledger, with every packet observed: what comes in, is made, sent on, copied, handed over.

load helper
load watching

setup_file() {
	start_lab
}

teardown_file() {
	stop_lab
}

setup() {
	need python3 jq bpftool socat
}

teardown() {
	end_background
	weir_r watch off
	clear_away
}

# What scenarios make, also where they fail.
clear_away() {
	for dev in r0 r1; do
		tc -n "$LAB-r" qdisc del dev $dev clsact 2>/dev/null || :
	done
	ip -n "$LAB-r" link del ifb0 2>/dev/null || :
	for name in "$LAB-x" "$LAB-y"; do
		[ ! -e "/run/netns/$name" ] || ip netns del "$name"
	done
}

# mirred DEV HOOK WHAT: what c sends to port 9.
mirred() {
	tc -n "$LAB-r" qdisc replace dev "$1" clsact
	# shellcheck disable=SC2086
	tc -n "$LAB-r" filter add dev "$1" "$2" protocol ip u32 match ip dport 9 0xffff action mirred $3
}

@test "with full each packet is counted at each stage, and the ledger balances" {
	weir_r watch on full
	sink r 5000
	udp c "$R0_ADDR" 5000 50
	udp c "$S_ADDR" 9 30
	wait_until test "$(stage r0 udp_rcv)" = 50
	for where in ip_rcv nf_prerouting route_in; do # at core ARP, too
		equal "$where" "$(stage r0 $where)" 80
	done
	equal "packets for a socket" "$(stage r0 udp_rcv)" 50
	equal "packets forwarded" "$(stage r0 nf_forward)" 30
	equal "packets sent on" "$(stage r1 nf_postrouting)" 30
	equal "packets read" "$(stage - sock_recv)" 50
	ledger
}

@test "the ledger balances for fragments, superframes, loopback and refused packets" {
	weir_r watch on full
	sink r 5001
	udp c "$R0_ADDR" 5001 20 4000
	ledger
	equal "fragments joined at r0" "$(jq '.devices[] | select(.device == "r0") | .joined' <<<"$output")" 40
	udp c "$S_ADDR" 9 20 4000
	ledger
	udp r "$R0_ADDR" 5001 20 4000
	ledger
	udp r "$S_ADDR" 9 20 4000
	each_balances
	equal "fragments made for r1" "$(jq '.devices[] | select(.device == "r1") | .made' <<<"$output")" 40
	in_ns r nft 'table ip w { chain f { type filter hook forward priority 0; udp dport 7 drop; }; }'
	udp c "$S_ADDR" 7 9
	in_ns r nft flush ruleset
	ledger
	equal "dropped by the rule" "$(weir_r -j drop show plane kernel | jq '[.devices[].drops[] |
		select(.stage == "nf_forward") | .packets] | add')" 9
	in_ns c ping -q -c 5 -i 0.05 "$S_ADDR"
	ledger
	in_ns r ping -b -q -c 3 -i 0.05 -W 0.1 192.0.2.255 || true # a copy is for r itself
	in_ns r socat -u - UDP4-DATAGRAM:239.1.2.3:99,ip-multicast-if="$R0_ADDR" <<<x
	ledger
	equal "residual of r0" "$(jq '.devices[] | select(.device == "r0") | .residual' <<<"$output")" 0
}

@test "the ledger balances for what goes by a bridge, by a macvlan, and past IP" {
	weir_r dev attach r0 r1 xdp off tc on
	weir_r watch on full
	udp c "$S_ADDR" 9 50
	each_balances
	equal "redirected at r0" "$(jq '.devices[] | select(.device == "r0") | .redirected > 40' <<<"$output")" true
	weir_r dev detach all
	weir_r dev attach r0 r1 xdp generic tc off
	weir_r watch on full
	udp c "$S_ADDR" 9 50
	each_balances
	equal "redirected at r0 by generic XDP" \
		"$(jq '.devices[] | select(.device == "r0") | .redirected > 40' <<<"$output")" true
	weir_r dev detach all
	for how in dup fwd; do
		in_ns r nft "table netdev w { chain i {
			type filter hook ingress device r0 priority 0; udp dport 9 $how to r1; }; }"
		weir_r watch on full
		udp c "$S_ADDR" 9 50
		in_ns r nft flush ruleset
		each_balances
		equal "redirected at r0" "$(jq '.devices[] | select(.device == "r0") | .redirected' <<<"$output")" \
			"$([ $how = dup ] && echo 0 || echo 50)"
		equal "copies for r1" "$(jq '.namespaces[0].made' <<<"$output")" \
			"$([ $how = dup ] && echo 50 || echo 0)"
	done
	in_ns r nft "table netdev w { chain i {
		type filter hook ingress device r0 priority 0; udp dport 9 reject; }; }"
	weir_r watch on full
	udp c "$S_ADDR" 9 50
	in_ns r nft flush ruleset
	each_balances
	equal "answers made" "$(jq '.namespaces[0].made' <<<"$output")" 50
	for kind in bridge macvlan; do
		if [ $kind = bridge ]; then
			ip -n "$LAB-r" link add x0 type bridge
			ip -n "$LAB-r" link set r0 master x0
		else
			ip -n "$LAB-r" link add x0 link r0 type macvlan mode bridge
		fi
		ip -n "$LAB-r" addr flush dev r0
		ip -n "$LAB-r" addr add "$R0_ADDR/24" dev x0
		ip -n "$LAB-r" link set x0 up
		in_ns c ip neigh flush all
		weir_r watch on full
		in_ns c ping -q -c 3 -i 0.05 -W 5 "$R0_ADDR"
		udp c "$S_ADDR" 9 50
		udp r "$C_ADDR" 9 20
		ledger
		ip -n "$LAB-r" link del x0
		ip -n "$LAB-r" addr add "$R0_ADDR/24" dev r0
		in_ns c ip neigh flush all
	done
}

# Sends by a discipline that cuts and drops; sets `doc`, what r1's ledger is, and `lost`, our own losses.
send_by_tbf() {
	tc -n "$LAB-r" qdisc replace dev r1 root tbf rate 20mbit burst 3000 limit 9000
	weir_r watch on full
	for from in c r; do
		head -c 300000 /dev/zero | in_ns $from socat -u - "TCP4:$S_ADDR:8080"
	done
	wait_until ledger || :
	doc=$(weir_r -j ledger show plane kernel 2>/dev/null) || :
	told=$(weir_r -j drop show plane kernel | jq '[.devices[].drops[] |
		select(.cause == "QDISC_DROP") | .packets] | add')
	drops=$(tc -n "$LAB-r" -s -j qdisc show dev r1 | jq '.[0].drops')
	tc -n "$LAB-r" qdisc del dev r1 root
	lost=$(jq '.lost | .unseen + .netns_unknown + .times_lost' <<<"$doc")
}

@test "the ledger balances where a queueing discipline cuts superframes, and drops pieces of them" {
	background in_ns s socat -u TCP4-LISTEN:8080,fork OPEN:/dev/null
	wait_until listens s tcp 8080
	for try in {1..10}; do # what tracepoints miss may be any packet, or a drop
		send_by_tbf
		[ "$lost" != 0 ] || break
		echo "try $try: $lost events missed"
	done
	equal "missed" "$lost" 0
	equal "balanced" "$(jq .balanced <<<"$doc")" true
	doc=$(jq '.devices[] | select(.device == "r1")' <<<"$doc")
	equal "pieces made" "$(jq '.made > 100' <<<"$doc")" true
	equal "pieces dropped" "$(jq '.dropped_out > 10' <<<"$doc")" true
	equal "drops told" "$told" "$drops"
}

# A classifier of clsact comes behind our last program of tcx.
@test "the ledger balances for what a mirred mirrors or redirects, at either hook, also through an ifb" {
	mirred r0 ingress "egress mirror dev r1" || skip "this kernel has no mirred, or no u32"
	clear_away
	while IFS='|' read -r dev hook what out; do
		echo "# $dev $hook $what"
		[[ $what != *ifb0* ]] || { ip -n "$LAB-r" link add ifb0 type ifb && ip -n "$LAB-r" link set ifb0 up; }
		mirred "$dev" "$hook" "$what"
		weir_r watch on full
		udp c "$S_ADDR" 9 50
		each_balances
		equal "copies" "$(jq '.namespaces[0].made' <<<"$output")" "$out"
		clear_away
	done <<-'END'
		r0|ingress|egress mirror dev r1|50
		r0|ingress|egress redirect dev r1|0
		r0|ingress|ingress redirect dev r1|0
		r0|ingress|egress redirect dev ifb0|0
		r1|egress|egress mirror dev r0|50
		r1|egress|egress redirect dev r0|0
	END
}

@test "the ledger balances for macvlans in namespaces of their own" {
	for x in x y; do
		ip netns add "$LAB-$x"
		in_ns $x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	done
	for x in x:1:2 y:2:1; do
		IFS=: read -r name own other <<<"$x"
		ip -n "$LAB-r" link add mv0 link r1 address "02:00:00:00:07:0$own" type macvlan mode bridge
		ip -n "$LAB-r" link set mv0 netns "$LAB-$name"
		ip -n "$LAB-$name" addr add "198.18.0.$own/24" dev mv0
		ip -n "$LAB-$name" link set mv0 up
		ip -n "$LAB-$name" neigh replace "198.18.0.$other" lladdr "02:00:00:00:07:0$other" dev mv0
	done
	weir_r watch on full netns "$LAB-r,$LAB-x,$LAB-y"
	udp x 198.18.0.2 9 50
	in_ns y ping -qc 5 -i 0.05 198.18.0.1
	each_balances
	equal "in at y" "$(jq --arg y "$LAB-y" '.namespaces[] | select(.netns == $y) | .in' <<<"$output")" 55
}
