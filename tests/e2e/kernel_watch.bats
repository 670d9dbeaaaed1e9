#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The kernel plane: turning it on and off, what stays, what ends by itself, and what it counts.

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
	[ -z "${extra:-}" ] || [ ! -e "/run/netns/$extra" ] || ip netns del "$extra"
	[ -z "${stale:-}" ] || [ ! -e "/run/netns/$stale" ] || ip netns del "$stale"
}

# observers: how many programs observe for r.
observers() {
	weir_r -j watch show | jq .kernel.cost.observers
}

@test "nothing is observed unless it is asked for, and off leaves nothing behind" {
	run -0 weir_r watch show
	[[ $output == *"kernel plane: not observed"* ]]
	run -0 weir_r watch on full
	run -0 weir_r watch show
	[[ $output == *"kernel plane: full"* ]]
	[ "$(observers)" -gt 10 ]
	run -0 weir_r watch off
	run -0 weir_r watch show
	[[ $output == *"kernel plane: not observed"* ]]
	equal "programs that observe" "$(weir_r -j watch show | jq .kernel.cost.observers)" 0
	run ! pgrep -f "weir -n $LAB-r watch"
}

@test "drops are observed with no process alive" {
	weir_r watch on drops
	run ! pgrep -f "weir -n $LAB-r watch"
	udp c "$R0_ADDR" 9 7
	drops=$(weir_r -j drop show plane kernel)
	equal "packets to a closed port" \
		"$(jq '[.devices[].drops[] | select(.cause == "NO_SOCKET") | .packets] | add' <<<"$drops")" 7
}

@test "fragments of a datagram that is dropped are no drops, and no loss of ours" {
	weir_r watch on drops
	udp c "$R0_ADDR" 9 20 4000
	doc=$(weir_r -j drop show plane kernel)
	equal "datagrams dropped" "$(jq '[.devices[].drops[].packets] | add' <<<"$doc")" 20
	equal "of unknown namespaces" "$(jq .lost.netns_unknown <<<"$doc")" 0
}

@test "the process that observes stages ends with the namespace that it would hold" {
	extra=weir-held-$$
	ip netns add "$extra"
	"$WEIR" -n "$extra" watch on full
	run -0 pgrep -f "weir -n $extra watch"
	ip netns del "$extra"
	gone() { ! pgrep -f "weir -n $extra watch" >/dev/null; }
	wait_until gone
}

@test "observers of other namespaces, whose own is deleted, end when another begins" {
	extra=weir-home-$$
	ip netns add "$extra"
	"$WEIR" -n "$extra" watch on full netns "$LAB-r,$LAB-c"
	ip netns del "$extra"
	weir_r watch on drops
	gone() { ! pgrep -f "weir -n $extra watch" >/dev/null; }
	wait_until gone
}

@test "one namespace of several that is deleted is let go, and its devices with it" {
	extra=weir-held-$$
	ip netns add "$extra"
	ip -n "$extra" link set lo up
	ip -n "$LAB-r" link add peer0 type veth peer name peer1 netns "$extra"
	weir_r watch on full netns "$LAB-r,$extra"
	nsenter --net="/run/netns/$extra" bash -c 'echo >/dev/udp/127.0.0.1/9' || true
	ip netns del "$extra"
	gone() { ! ip -n "$LAB-r" link show peer0 2>/dev/null; }
	wait_until gone
	weir_r watch show | grep -q "full, stages 100 %"
	ip netns add "$extra" # another one
	run -0 weir_r drop show plane kernel
	ip netns del "$extra"
	[[ $output == *"$extra (deleted)"*NO_SOCKET* ]]
}

@test "a namespace that is named twice, or is among all, is observed once" {
	for names in "$LAB-r,$LAB-r" all; do
		weir_r watch on full netns "$names"
		udp c "$R0_ADDR" 9 10
		equal "packets with netns $names" "$(stage r0 nf_prerouting)" 10
	done
}

@test "a file that lies where a namespace was mounted is none" {
	stale=weir-stale-$$
	ip netns add "$stale" && umount -l "/run/netns/$stale" # others may be looking at it
	run weir_r watch on drops netns all
	all=$status
	run weir_r watch on drops netns "$stale"
	rm "/run/netns/$stale"
	equal "all" "$all" 0
	equal "by name" "$status" 3
	[[ $output == *"$stale is no network namespace"*"ip netns list"* ]]
}

@test "a namespace that comes later is observed, too, where all are" {
	extra=weir-later-$$
	weir_r watch on full netns all
	ip netns add "$extra"
	ip -n "$extra" link set lo up
	seen() {
		nsenter --net="/run/netns/$extra" ping -qc 1 127.0.0.1 >/dev/null
		weir_r -j path show plane kernel | jq -e "[.devices[] | select(.netns == \"$extra\") |
			.stages[] | select(.stage == \"nf_local_in\" and .source == \"event\")] | length > 0"
	}
	run wait_until seen
	ip netns del "$extra"
	[ "$status" = 0 ]
}

@test "a device that comes later is observed, too" {
	weir_r watch on full
	ip -n "$LAB-r" link add late0 type veth peer name late1
	ip -n "$LAB-r" addr add 203.0.113.1/24 dev late0
	ip -n "$LAB-r" link set late1 up
	ip -n "$LAB-r" link set late0 up
	programs() {
		in_ns r bpftool -j net show dev late0 | jq "[.[].tc[].name | select(startswith(\"weir_k_\"))] | length"
	}
	all_four() { [ "$(programs)" = 4 ]; }
	wait_until all_four
	in_ns r ping -q -c 1 -W 1 203.0.113.2 || true
	[ "$(stage late0 tc_egress)" -gt 0 ]
	ip -n "$LAB-r" link del late0
	wait_until ledger
}

@test "many devices that come and go later have rows of their own" {
	weir_r watch on full
	for n in $(seq 20); do
		ip -n "$LAB-r" link add "late$n" type veth peer name "far$n"
		ip -n "$LAB-r" addr add "203.0.113.$n/32" peer 203.0.113.100 dev "late$n"
		ip -n "$LAB-r" link set "far$n" up
		ip -n "$LAB-r" link set "late$n" up
		in_ns r ping -q -c 1 -W 0.1 203.0.113.100 || true
		ip -n "$LAB-r" link del "late$n"
	done
	equal "without a row" "$(weir_r -j watch show | jq .kernel.lost.devs_full)" 0
}

@test "another device with the number of one that is gone is observed, too" {
	weir_r watch on full
	for _ in 1 2; do
		ip -n "$LAB-r" link add late0 index 7777 type veth peer name late1
		ip -n "$LAB-r" addr add 203.0.113.1/24 dev late0
		ip -n "$LAB-r" link set late1 up
		ip -n "$LAB-r" link set late0 up
		programs() {
			in_ns r bpftool -j net show dev late0 |
				jq "[.[].tc[].name | select(startswith(\"weir_k_\"))] | length"
		}
		all_four() { [ "$(programs)" = 4 ]; }
		wait_until all_four
		ip -n "$LAB-r" link del late0
	done
}

@test "several that turn it on at once come one after the other" {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$WEIR" -n "$LAB-r" watch on drops &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do
		wait "$job"
	done
	run -0 weir_r watch show
	[[ $output == *"kernel plane: drops"* ]]
}

@test "who ends all that runs in a namespace does not end that process" {
	weir_r watch on full netns "$LAB-c,$LAB-r,$LAB-s"
	for _ in {1..40}; do # it looks for devices all the time
		for x in c r s; do
			equal "processes in $x" "$(ip netns pids "$LAB-$x")" ""
		done
		sleep 0.05
	done
	weir_r watch show | grep -q "full, stages 100 %"
}

@test "kill -9 of that process leaves drops observed, and it is said" {
	weir_r watch on full
	kill -9 "$(pgrep -f "weir -n $LAB-r watch")"
	says_so() { weir_r watch show | grep -q "is gone: weir watch on full"; }
	wait_until says_so
	udp c "$R0_ADDR" 9 3
	equal "dropped since" "$(weir_r -j drop show plane kernel | jq '[.devices[].drops[] |
		select(.cause == "NO_SOCKET") | .packets] | add')" 3
	run -5 weir_r ledger show plane kernel
	[[ $output == *"weir watch on full"* ]]
}

@test "a share of time is observed: times, and the kernel's own counts" {
	weir_r watch on latency 1/2
	in_ns c ping -q -c 60 -i 0.05 "$S_ADDR"
	doc=$(weir_r -j path show plane kernel)
	equal "packets by the kernel's counter" "$(jq '[.devices[] | select(.device == "-" and .netns == "") |
		.stages[] | select(.stage == "ip_forward") | .packets] | add' <<<"$doc")" 120
	samples=$(jq '[.devices[] | select(.device == "r0") | .stages[] | select(.stage == "nf_forward") |
		.samples] | add' <<<"$doc")
	[ "$samples" -gt 5 ] && [ "$samples" -lt 60 ]
}

@test "other namespaces are watched by name, and told apart" {
	weir_r watch on drops netns "$LAB-c,$LAB-s"
	udp c "$S_ADDR" 9 4
	udp s "$C_ADDR" 9 6
	udp c "$R0_ADDR" 9 5
	doc=$(weir_r -j drop show plane kernel)
	in_of() {
		jq "[.devices[] | select(.netns == \"$1\") | .drops[] | select(.cause == \"NO_SOCKET\") |
			.packets] | add // 0" <<<"$doc"
	}
	equal "at the server" "$(in_of "$LAB-s")" 4
	equal "at the client" "$(in_of "$LAB-c")" 6
	equal "at the router, which is not watched" "$(in_of "")" 0
}

@test "a device that there is not is not found, one that nothing came by is" {
	weir_r watch on full
	for what in path drop ledger; do
		run -3 weir_r $what show dev none0 plane kernel
		[[ $output == *"no device 'none0'"* ]]
		run -3 weir_r $what show dev none0
		run -0 weir_r $what show dev r0 plane kernel
	done
}

@test "bad words change nothing" {
	weir_r watch on drops
	for words in "watch on" "watch on full duty 0%" "watch on drops duty 5%" "watch on latency 1/0" \
		"watch on full netns ," "watch on nothing"; do
		run -1 weir_r $words
	done
	run -3 weir_r watch on full netns "weir-none-$$"
	[[ $output == *"ip netns list"* ]]
	run -0 weir_r watch show
	[[ $output == *"kernel plane: drops"* ]]
}
