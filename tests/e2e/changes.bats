#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What others change while the fast path is attached: devices made anew, links that flap, MTUs, hooks
# that are taken. What is shown is so, nothing is lost without a cause, and the documented command
# makes it good. faults.bats has devices that are only deleted or renamed.

load helper
load objects

setup_file() {
	start_lab && read_cookie
}

teardown_file() {
	stop_lab
}

setup() {
	need jq bpftool
	unattached
	weir_r dev attach r0 r1
	fast_path_carries
	remember
}

teardown() {
	end_background
	in_ns r ip link set dev r1 mtu 1500
	in_ns s ip link set dev s0 mtu 1500
	in_ns r ip link set dev r0 mtu 1500
	in_ns c ip link set dev c0 mtu 1500
	in_ns c ip route flush cache
	if ! in_ns r ip link show r1 >/dev/null 2>&1; then
		wire_server
	fi
}

# The wire between router and server, as tools/lab has made it. wire_server [WORD...]: for `ip link add`.
wire_server() {
	in_ns r ip link add r1 address "$(lab_mac r1)" "$@" type veth \
		peer name s0 address "$(lab_mac s0)" netns "$LAB-s" &&
		in_ns r ip addr add "$R1_ADDR/24" dev r1 && in_ns s ip addr add "$S_ADDR/24" dev s0 &&
		in_ns r ip link set r1 up && in_ns s ip link set s0 up &&
		in_ns s ip route add default via "$R1_ADDR" && in_ns s ethtool -K s0 gro on
}

# Nothing may end without a cause: each residual of each device is 0.
all_accounted() {
	run -0 weir_r -j ledger show
	equal residuals "$(jq -c '[.devices[], .total | .residual, .verdict_residual,
		.queue_residual, .lost] | unique' <<<"$output")" '[0]'
}

# told DEV CAUSE N: drop show names it, so often, with what to do.
told() {
	weir_r -j drop show dev "$1" | jq -e --arg cause "$2" --argjson n "$3" \
		'[.devices[0].drops[] | select(.cause == $cause)] | .[0] |
		.packets == $n and (.remedy | length) > 0' >/dev/null && return
	echo "wanted $3 of $2, and drop show says:"
	weir_r drop show dev "$1"
	return 1
}

# --- devices made anew ---

@test "a device made anew under the same name: not taken for the old one, and attachable" {
	local old

	old=$(ifindex_of r1)
	in_ns r ip link del r1
	equal states "$(states)" 'r0=attached r1=device gone'
	wire_server
	[ "$(ifindex_of r1)" != "$old" ]
	no_xdp r1
	pings 5
	mark r0
	pings 5
	expect r0 xmit_PUNT_EGRESS_NOT_ATTACHED 5 # by the kernel, and said so
	all_accounted
	equal "states by ifindex" \
		"$(weir_r -j dev show | jq -c '[.devices[] | select(.device == "r1") | .ifindex, .state]')" \
		"[$old,\"device gone\"]"
	run -0 weir_r -j top -b -n 1 -d 0.1
	equal trouble "$(jq -r '.trouble | .kind, .try' <<<"$output" | xargs)" \
		"gone weir -n $LAB-r dev detach r1"

	weir_r dev attach r1
	fast_path_carries
	weir_r dev detach all
	nothing_left
}

@test "a device made anew with the same ifindex: the old pins are not its, and it is attachable" {
	local old

	old=$(ifindex_of r1)
	in_ns r ip link del r1
	wire_server index "$old"
	equal ifindex "$(ifindex_of r1)" "$old"
	no_xdp r1
	equal states "$(states)" 'r0=attached r1=replaced'
	pings 5
	mark r0
	pings 5
	# what was opened for redirects was the old device
	expect r0 xmit_PUNT_EGRESS_NOT_ATTACHED 5
	equal redirected "$(since r0 xmit_OUT_NONE)" 0
	all_accounted

	weir_r dev attach r1 # no force: nobody else's program is there
	equal states "$(states)" 'r0=attached r1=attached'
	equal 'counted anew' "$(weir_r -j ledger show dev r1 | jq '.devices[0].in < 5')" true
	fast_path_carries
	all_accounted
	weir_r dev detach all
	nothing_left
}

@test "a device made anew with the same ifindex, and detached: the new one is not harmed" {
	local id

	in_ns r ip link del r1
	wire_server index "$(weir_r -j dev show r1 | jq .devices[0].ifindex)"
	weir_r --pin "$BPFFS/$LAB-other" dev attach r1
	id=$(prog_on r1)
	weir_r dev detach r1
	equal 'program of r1' "$(prog_on r1)" "$id"
	equal states "$(states)" r0=attached
	weir_r --pin "$BPFFS/$LAB-other" dev detach all
	pings 3
	weir_r dev detach r0
	nothing_left
}

@test "a name given to another device: the new bearer is not shown as attached" {
	local r1

	r1=$(ifindex_of r1)
	in_ns r ip link add odd type veth peer name far
	in_ns r ip link set r1 name was
	in_ns r ip link set odd name r1
	equal devices "$(weir_r -j dev show | jq -r '[.devices[] | .device, .ifindex] | join(" ")')" \
		"r0 $(ifindex_of r0) was $r1"
	fails 3 weir_r dev detach r1
	weir_r dev show was >/dev/null
	pings 5
	all_accounted
	weir_r dev detach was
	in_ns r ip link del r1
	in_ns r ip link set was name r1
	weir_r dev detach all
	nothing_left
}

@test "a namespace deleted with the other end in it: the device is gone, the other one carries on" {
	local i

	ip netns add "$LAB-x"
	in_ns r ip link add odd type veth peer name far netns "$LAB-x"
	ip -n "$LAB-x" link set far up
	in_ns r ip link set odd up
	weir_r dev attach odd
	[[ $(states) == *odd=attached* ]]
	ip netns del "$LAB-x"
	for ((i = 0; i < 200; i++)); do # the kernel does it behind our back
		[[ $(states) == 'odd=device gone '* ]] && break
		sleep 0.1
	done
	equal states "$(states)" 'odd=device gone r0=attached r1=attached'
	fast_path_carries
	all_accounted
	weir_r dev detach odd
	equal states "$(states)" 'r0=attached r1=attached'
}

@test "a device deleted under a reader: it goes on, and says that the device is gone" {
	local log=$BATS_TEST_TMPDIR/log

	background "$WEIR" -n "$LAB-r" -j top -b -d 0.1 >"$log"
	wait_until test -s "$log"
	in_ns r ip link del r1
	wait_until grep -q '"kind":"gone"' "$log"
	equal remedy "$(tail -n 1 "$log" | jq -r .trouble.try)" "weir -n $LAB-r dev detach r1"
	wire_server
	weir_r dev detach r1
	weir_r dev attach r1
	wait_until last_is_well "$log"
	kill -INT $!
	wait $! || { echo "top ended with $?"; return 1; }
	fast_path_carries
	equal balanced "$(jq .balanced "$log" | sort -u)" true
}

last_is_well() {
	tail -n 1 "$1" | jq -e '.trouble.kind != "gone" and (.devices | length) == 2'
}

# --- links ---

@test "20 flaps of each device under pings: every packet has its end, with a cause" {
	local dev round # not i, which bats' run uses

	background in_ns c ping -q -i 0.005 "$S_ADDR" >/dev/null
	mark
	for ((round = 0; round < 20; round++)); do
		for dev in r1 r0; do
			in_ns r ip link set "$dev" down
			in_ns r ip link set "$dev" up
		done
		all_accounted
	done
	end_background
	wait_until pings 1
	all_accounted
	for dev in r0 r1; do
		equal "what $dev redirected" "$(since "$dev" xmit_OUT_NONE)" \
			$(($(since "$dev" sent) + $(late "$dev")))
	done
	equal states "$(states)" 'r0=attached r1=attached'
	fast_path_carries
}

# What was dropped on the way out, since mark.
late() {
	grown "$1" | awk '$1 ~ /_LATE_/ { n += $2 } END { print n + 0 }'
}

@test "the wire pulled out at the far end: what is refused is counted with a cause" {
	pings 5
	mark
	in_ns s ip link set s0 down
	run ! in_ns c ping -q -c 20 -i 0.02 -W 1 "$S_ADDR"
	all_accounted
	equal 'what r0 redirected' "$(since r0 xmit_OUT_NONE)" $(($(since r0 sent) + $(late r0)))
	equal 'what arrived' "$(since r0 sent)" 0
	# no carrier, no route: from then on the kernel answers for it
	[ $(($(late r0) + $(since r0 route_in_PASS_NOT_FORWARDED) + $(since r0 route_in_PUNT_UNREACHABLE) \
		+ $(since r0 neigh_PASS_NEIGH_UNRESOLVED) + $(since r0 neigh_PASS_NEIGH_CONFIRM))) -ge 20 ]
	in_ns s ip link set s0 up
	in_ns s ip route replace default via "$R1_ADDR"
	wait_until pings 1
	fast_path_carries
}

# --- MTUs ---

@test "the MTU raised while attached: jumbo frames go by the fast path from then on" {
	run ! in_ns c ping -c 1 -W 1 -M 'do' -s 8000 "$S_ADDR"
	in_ns r ip link set r0 mtu 9000
	in_ns r ip link set r1 mtu 9000
	in_ns c ip link set c0 mtu 9000
	in_ns s ip link set s0 mtu 9000
	wait_until in_ns c ping -q -c 1 -W 1 -M 'do' -s 8000 "$S_ADDR"
	mark
	in_ns c ping -q -c 10 -i 0.02 -W 2 -M 'do' -s 8000 "$S_ADDR"
	[ "$(since r0 xmit_OUT_NONE)" -ge 9 ]
	equal 'what left' "$(since r0 xmit_OUT_NONE)" "$(since r0 sent)"
	all_accounted
	equal states "$(states)" 'r0=attached r1=attached'
}

@test "the MTU lowered while attached: too large ones go to the kernel, which says so; none is lost" {
	in_ns r ip link set r1 mtu 1000
	in_ns s ip link set s0 mtu 1000
	wait_until honours_mtu # within two epochs
	mark
	run ! in_ns c ping -c 5 -i 0.02 -W 1 -M 'do' -s 1400 "$S_ADDR"
	[[ $output == *'mtu = 1000'* ]]
	in_ns c ip route flush cache
	equal 'redirected' "$(since r0 xmit_OUT_NONE)" 0
	all_accounted
	in_ns c ping -q -c 5 -i 0.02 -W 2 -M dont -s 1400 "$S_ADDR"
	all_accounted
}

honours_mtu() {
	mark r0
	in_ns c ping -q -c 1 -W 1 -M 'do' -s 1400 "$S_ADDR"
	in_ns c ip route flush cache
	counts r0 ip_forward_PUNT_PKT_TOO_BIG 1
}

@test "a far end with a smaller MTU than the router's: what its driver refuses is counted, with a cause" {
	in_ns s ip link set s0 mtu 1000
	mark
	run ! in_ns c ping -q -c 5 -i 0.02 -W 1 -M 'do' -s 1400 "$S_ADDR"
	equal 'what r0 redirected' "$(since r0 xmit_OUT_NONE)" $(($(since r0 sent) + $(late r0)))
	[ "$(late r0)" -ge 4 ]
	weir_r -j drop show dev r0 | jq -e '.devices[0].drops[] | select(.stage == "xmit") |
		(.remedy | length) > 0' >/dev/null
	all_accounted
}

# --- the hook ---

@test "others' tools take the program off: refused by the kernel, the device stays attached" {
	local dev

	for dev in r0 r1; do
		run ! in_ns r ip link set dev "$dev" xdp off
		in_ns r ip link set dev "$dev" xdpgeneric off # where there is none
		run ! in_ns r bpftool net detach xdp dev "$dev"
	done
	equal states "$(states)" 'r0=attached r1=attached'
	fast_path_carries
}

@test "the link detached by bpftool: shown as replaced, the kernel carries, attach makes it good" {
	in_ns r bpftool link detach id "$(weir_r -j dev show r1 | jq .devices[0].link_id)"
	no_xdp r1
	equal states "$(states)" 'r0=attached r1=replaced'
	run -0 weir_r -j top -b -n 1 -d 0.1
	equal trouble "$(jq -r '.trouble | .kind, .try' <<<"$output" | xargs)" \
		"replaced weir -n $LAB-r dev attach r1 force"
	pings 5
	all_accounted
	weir_r dev attach r1
	equal states "$(states)" 'r0=attached r1=attached'
	fast_path_carries
	all_accounted
	weir_r dev detach all
	nothing_left
}

@test "the link detached by bpftool: detach removes what is left" {
	in_ns r bpftool link detach id "$(weir_r -j dev show r1 | jq .devices[0].link_id)"
	weir_r dev detach r1
	equal states "$(states)" r0=attached
	pings 3
	weir_r dev detach r0
	nothing_left
	kernel_carries
}
