#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# VLAN tags on the wire. Kernels without 8021q are common where this is built, so veths stand in for
# VLAN devices: `vin`, whose frames come to r0 with a tag, and `vout`, whose frames leave r1 with one.
# What 'dev attach VLAN' writes into the maps is written by bpftool. Real VLAN devices:
# tests/kernels/guest/vlan.bash.

load helper
load objects
load frame

V_ADDR=198.18.20.1 # behind vout

setup_file() {
	start_lab && read_cookie || return
	local dev

	for dev in vin vout; do
		ip -n "$LAB-r" link add "$dev" type veth peer name "${dev}p" || return
		ip -n "$LAB-r" link set "$dev" up && ip -n "$LAB-r" link set "${dev}p" up || return
	done
	confirm_once r0 r1 vout
	ip -n "$LAB-r" link set vin address "$(lab_mac r0)"
	ip -n "$LAB-r" link set vout address "$(lab_mac r1)"
	ip -n "$LAB-r" addr add 198.18.20.254/24 dev vout
	ip -n "$LAB-r" neigh add "$V_ADDR" lladdr "$(lab_mac s0)" dev vout
}

teardown_file() {
	stop_lab
}

setup() {
	need jq bpftool tcpdump socat
	unattached
	weir_r dev attach r0 r1
	wait_until forwarded_by_xdp
	confirm
	mark
}

teardown() {
	end_background
	ip -n "$LAB-r" route flush root 203.0.113.0/24
	weir_r dev detach all
}

forwarded_by_xdp() {
	mark && in_ns c ping -q -c 1 -W 1 "$S_ADDR" &&
		[ "$(since r0 xmit_OUT_NONE)/$(since r1 xmit_OUT_NONE)" = 1/1 ]
}

# bytes N WIDTH: a number as it lies in memory.
bytes() {
	local n=$1 i

	for ((i = 0; i < $2; i++)); do
		printf '%02x ' $((n >> 8 * i & 255))
	done
}

# in_wire_order HEX: 12345678 as 12 34 56 78.
in_wire_order() {
	sed 's/../& /g' <<<"$1"
}

# The name of a device in 16 bytes.
name_bytes() {
	printf %s "$1" | od -An -tx1
	printf '00 %.0s' $(seq $((16 - ${#1})))
}

# put MAP KEY VALUE
put() {
	# shellcheck disable=SC2086
	bpftool map update pinned "$PINS/$1" key hex $2 value hex $3
}

# owns TAG [TAG]: frames to r0 with these tags, outer first, in hex, are vin's.
owns() {
	put vlans "$(bytes "$(ifindex_of r0)" 4) $(in_wire_order "$1") $(in_wire_order "${2:-00000000}")" \
		"$(bytes "$(ifindex_of vin)" 4) $(in_wire_order "$(lab_mac r0 | tr -d :)") 00 00 $(name_bytes vin)"
}

# leaves [TAG [TAG]]: vout's frames leave by r1 with these tags.
leaves() {
	put ports "$(bytes "$(ifindex_of vout)" 4)" "$(bytes 3600000 4) $(bytes "$(ifindex_of r1)" 4) \
		$(in_wire_order "${1:-00000000}") $(in_wire_order "${2:-00000000}") $(name_bytes vout)"
}

# The next hop behind vout counts as confirmed.
confirm() {
	put neigh "$(bytes "$(ifindex_of vout)" 4) $(in_wire_order "$(hex_addr "$V_ADDR")")" \
		"ff ff ff ff ff ff ff 7f"
}

# tagged HEX [TAG...]: the frame with tags, in hex, outer first.
tagged() {
	local hex=$1 IFS=

	shift
	echo "${hex:0:24}$*${hex:24}"
}

# What tcpdump -xx has written to $CAPTURE, a line of hex for each frame.
frames() {
	awk '/^\t0x/ { sub(/^\t0x[0-9a-f]*: */, ""); gsub(/ /, ""); hex = hex $0; next }
		hex != "" { print hex; hex = "" }
		END { if (hex != "") print hex }' "$CAPTURE"
}

# frames_are N HEX: N frames were captured, all alike. (What is on the wire may be padded.)
frames_are() {
	[ "$(frames | wc -l)" -ge "$1" ] || return
	equal frames "$(frames | cut -c "-${#2}" | sort | uniq -c | sed 's/^ *//')" "$1 $2"
}

# crosses DST OUT IN: a frame that comes in as IN is; it goes to DST, and leaves as OUT is. Both are
# tags as for tagged, in one word.
crosses() {
	local dst=$1 out=$2 in=$3 want

	# shellcheck disable=SC2086
	want=$(tagged "$(dst=$dst ttl=63 to=$(lab_mac s0) from=$(lab_mac r1) ipv4)" $out)
	mark
	background_capture s s0 'not arp' -xx -Q in
	# shellcheck disable=SC2086
	inject 3 "$(tagged "$(dst=$dst ipv4)" $in)"
	wait_until frames_are 3 "$want" || { echo "in '$in', out '$out':"; frames; echo "wanted $want"
		grown r0; return 1; }
	expect r0 xmit_OUT_NONE 3
	expect r0 sent 3
	expect r1 tx_packets 3
	end_background
}

@test "tags come off: 802.1Q, 802.1ad, two of them; priorities are not looked at" {
	owns 81000005
	owns 88a80007 81000005
	crosses "$S_ADDR" '' 81000005
	crosses "$S_ADDR" '' '88a80007 81000005'
	crosses "$S_ADDR" '' 8100e005
	crosses "$S_ADDR" '' '88a8f007 81003005'
	crosses "$S_ADDR" '' 8100a000 # a priority and no VLAN
	ledger_balances
}

@test "tags are put on: one, and two" {
	leaves 81000006
	crosses "$V_ADDR" 81000006 ''
	leaves 88a80009 81000008
	weir_r dev attach r0 r1 force # what is kept of routes is forgotten
	crosses "$V_ADDR" '88a80009 81000008' ''
	ledger_balances
}

@test "tags are changed for others" {
	owns 81000005
	owns 88a80007 81000005
	leaves 81000006
	crosses "$V_ADDR" 81000006 8100e005
	crosses "$V_ADDR" 81000006 '88a80007 81000005'
	ledger_balances
}

@test "a VLAN of nobody's goes to the kernel, whole" {
	local hex

	owns 81000005
	for hex in "$(tagged "$(ipv4)" 81000006)" "$(tagged "$(ipv4)" 88a80005)" \
		"$(tagged "$(ipv4)" 88a80007 81000005)" "$(tagged "$(ipv4)" 8100e006)"; do
		mark
		background_capture r r0 'not arp' -xx -Q in
		inject 3 "$hex"
		expect r0 xdp_PASS_VLAN 3
		expect r0 xmit_OUT_NONE 0
		wait_until frames_are 3 "$hex" || { frames; return 1; }
		end_background
	done
	ledger_balances
}

@test "a VLAN of nobody's, with TC behind XDP: the kernel's at both" {
	weir_r dev attach r0 r1 xdp native tc on force
	mark r0/xdp r0/tc_ingress
	inject 3 "$(tagged "$(ipv4)" 81000006)"
	expect r0/xdp xdp_PASS_VLAN 3
	expect r0/tc_ingress tc_ingress_PASS_VLAN 3
	ledger_balances
}

@test "what is dropped in a VLAN is counted at the device that it came in by" {
	owns 81000005
	ip -n "$LAB-r" route add blackhole 203.0.113.0/24
	inject 4 "$(tagged "$(dst=203.0.113.5 ipv4)" 81000005)"
	expect r0 route_in_DROP_BLACKHOLE 4
	equal bytes "$(since r0 route_in_DROP_BLACKHOLE bytes)" $((4 * 64))
	ledger_balances
}

@test "dev show tells of VLAN devices; they have no counters of their own" {
	owns 88a80007 81000005
	equal vlans "$(weir_r -j dev show | jq -c '.vlans[] | [.device, .state, .on, .tags[]]')" \
		'["vin","attached","r0","802.1ad 7","802.1Q 5"]'
	weir_r dev show | grep -q vin
	weir_r dev show vin >/dev/null
	fails 3 weir_r ledger show dev vin
	says "*'vin' has no counters of its own*r0*"
	advises '*name r0 instead*'
	weir_r dev detach vin
	equal vlans "$(weir_r -j dev show | jq -c .vlans)" '[]'
	equal states "$(states)" 'r0=attached r1=attached'
	weir_r dev detach r0 r1
	nothing_left
}

@test "detach of a device that VLAN devices lie on: theirs go on, its own are the kernel's" {
	owns 81000005
	run -0 weir_r dev detach r0
	[[ $output == *r0*'goes on for the VLAN devices'* ]]
	equal states "$(states)" 'r0=attached r1=attached'
	crosses "$S_ADDR" '' 81000005
	mark
	pings 3
	expect r0 xdp_PASS_UNTAGGED 3
	expect r1 xmit_PUNT_EGRESS_NOT_ATTACHED 3 # nothing untagged is redirected to it
	weir_r dev attach r0 # it is not in the way of that
	fast_path_carries
	weir_r dev detach r0
	weir_r dev detach vin
	equal states "$(states)" 'r1=attached'
	no_xdp r0
	weir_r dev detach r1
	nothing_left
}

@test "TC alone for a device that VLAN devices lie on: XDP stays for these" {
	owns 81000005
	run -0 weir_r dev attach r0 xdp off tc on force
	[[ $output == *r0*'goes on for the VLAN devices'* ]]
	wait_until untagged_by_tc
	crosses "$S_ADDR" '' 81000005
	weir_r dev detach r0
	equal hooks "$(weir_r -j dev show r0 | jq -r '[.devices[].hook] | join(" ")')" xdp
	crosses "$S_ADDR" '' 81000005
	weir_r dev attach r0 xdp off tc on # beside what serves the VLANs
	wait_until untagged_by_tc
	crosses "$S_ADDR" '' 81000005
	weir_r dev detach vin
	weir_r dev detach r0 r1
	nothing_left
}

untagged_by_tc() {
	mark r0/xdp r0/tc_ingress && in_ns c ping -q -c 1 -W 1 "$S_ADDR" &&
		[ "$(since r0/xdp xdp_PASS_UNTAGGED)/$(since r0/tc_ingress xmit_OUT_NONE)" = 1/1 ]
}

@test "a VLAN device that is gone is shown as gone, and can be detached" {
	ip -n "$LAB-r" link add v2 type veth peer name v2p
	put vlans "$(bytes "$(ifindex_of r0)" 4) 81 00 00 09 00 00 00 00" \
		"$(bytes "$(ifindex_of v2)" 4) 02 00 00 00 00 fe 00 00 $(name_bytes v2)"
	ip -n "$LAB-r" link del v2
	equal vlans "$(weir_r -j dev show | jq -c '.vlans[] | [.device, .state, .on]')" \
		'["v2","device gone","r0"]'
	weir_r dev detach v2
	equal vlans "$(weir_r -j dev show | jq -c .vlans)" '[]'
	weir_r dev detach all
	nothing_left
}

@test "detach all takes the VLAN devices with it" {
	owns 81000005
	owns 88a80007 81000005
	leaves 81000006
	remember
	weir_r dev detach all
	nothing_left
}

@test "without 8021q there are no VLAN devices to attach: not found, and nothing changes" {
	in_ns r ip link add link r0 name r0.5 type vlan id 5 2>/dev/null &&
		{ ip -n "$LAB-r" link del r0.5; skip "this kernel has VLAN devices"; }
	fails 3 weir_r dev attach r0.5
	says '*r0.5*'
	advises '*ip -br link*'
	fails 3 weir_r dev detach r0.5
	says '*r0.5 is not attached'
	equal states "$(states)" 'r0=attached r1=attached'
}
