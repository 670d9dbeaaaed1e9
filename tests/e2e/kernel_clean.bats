#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#	limit: 3600 s
# Where nothing is lost nothing is told, and what observers themselves lose is, to the last.
#
# CLEAN_SECONDS=600: how long traffic is without a loss; 3 by itself. See kernel.bash.

load helper
load kernel

setup_file() {
	start_kernel_lab drops
}

teardown_file() {
	stop_kernel_lab
}

setup() {
	need python3 jq iperf3
}

teardown() {
	forget_failure
}

# UDP there and back, TCP, ping and ARP at once, forwarded and with the router itself.
clean_traffic() {
	local seconds=${CLEAN_SECONDS:-3} ns pids=() pid

	for ns in c s; do # a probe for a lost tail is a duplicate where none was lost, and dropped as that
		in_ns $ns sysctl -qw net.ipv4.tcp_early_retrans=0
	done
	hold s answer 5000
	hold r answer 5000
	background in_ns s iperf3 -s -p 5301 >/dev/null
	wait_until listens s tcp 5301
	sock c echo 5000 "$S_ADDR" "$seconds" & pids+=($!)
	sock c echo 5000 "$R0_ADDR" "$seconds" & pids+=($!)
	in_ns c ping -q -i 0.05 -w "$seconds" "$S_ADDR" & pids+=($!)
	in_ns c iperf3 -c "$S_ADDR" -p 5301 -b 20M -t "$seconds" >/dev/null & pids+=($!)
	(
		for ((i = 0; i < seconds * 2; i++)); do # asked for anew, while what is known is used
			in_ns c ip neigh change "$R0_ADDR" lladdr "$(lab_mac r0)" dev c0 nud probe
			sleep 0.5
		done
	) & pids+=($!)
	for pid in "${pids[@]}"; do
		wait "$pid" || return
	done
	end_background
}

@test "clean traffic: no drop is told" {
	clean_traffic
	dropped
}

@test "clean traffic, each packet observed: no drop is told, and the ledger balances" {
	watch_lab full
	clean_traffic
	dropped
}

# Kinds of drops differ by EtherType, too, and there is room for 4,096.
@test "more kinds of drops than there is room for: those that are not told apart are counted" {
	local told lost

	watch_lab drops
	# shellcheck disable=SC2046,SC2059
	sock c frames c0 1 $(printf "$(type=%04x ether)$(printf 'a5%.0s' {1..50})\n" {4096..9095})
	all_lost() { # by the device's own counter
		[ "$(in_ns r ip -j -s link show r0 | jq '.[].stats64.rx.dropped')" -ge 5000 ]
	}
	wait_until all_lost
	told=$(told | awk '/^r r0 core UNHANDLED_PROTO/ { print $5 }')
	lost=$(weir_k -j drop show plane kernel | jq .lost.drops_full)
	[ "$lost" -ge 904 ]
	equal "told, and not told apart" "$((told + lost))" 5000
	# which the device has counted, and is told by that
	told | grep -qx "r r0 core RX_DROPPED $lost counter"
	weir_k drop show plane kernel | grep -q "own loss: $lost drops not told apart"
	watch_lab drops
}
