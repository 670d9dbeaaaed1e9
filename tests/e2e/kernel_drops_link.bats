#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What bridges, VLANs, macvlans and VXLANs drop, told by cause, stage, device, namespace and number. See
# kernel.bash. Devices stay to the end of the file, since one that is gone has no name.

load helper
load kernel

B0_MAC=02:00:00:00:00:b0 MV_MAC=02:00:00:00:00:77 NOBODY=02:00:00:00:99:99

setup_file() {
	start_kernel_lab drops || return
	# another wire into the router, both ends of it there: what e0 sends comes by b1, a bridge's port
	in_ns r ip link add b1 type veth peer name e0
	in_ns r ip link add br0 address $B0_MAC type bridge mcast_snooping 0
	in_ns r ip link set b1 master br0
	in_ns r ip link add link r0 name mv0 address $MV_MAC type macvlan mode bridge
	in_ns r ip link add vx0 type vxlan id 7 dstport 4789 local "$R0_ADDR" nolearning
	in_ns r ip addr add 198.18.7.1/24 dev vx0
	for dev in e0 b1 br0 mv0 vx0; do
		in_ns r ip link set "$dev" up
	done
	in_ns r ip neigh add 198.18.7.9 lladdr 02:00:00:00:07:09 dev vx0 nud permanent
	port_forwards() { in_ns r bridge link show dev b1 | grep -q "state forwarding"; }
	wait_until port_forwards
}

teardown_file() {
	stop_kernel_lab
}

setup() {
	need python3 jq bridge nft
	in_ns r ip link show vx0 >/dev/null 2>&1 || skip "this kernel has no bridges, macvlans or VXLANs"
}

teardown() {
	in_ns r nft flush ruleset
	forget_failure
}

# by_bridge COUNT HEX...: frames that come in by the bridge's port.
by_bridge() {
	sock r frames e0 "$@"
}

# other TYPE: a frame of that EtherType; to, from as ether takes them.
other() {
	echo "$(type=$1 from=${from:-02:00:00:00:00:e0} ether)$(bytes 46)"
}

# --- bridges ---

lose_without_port() {
	by_bridge 3 "$(to=$NOBODY other 88b5)"
	dropped "r b1 core BRIDGE_NO_PORT 3"
}
@test "a bridge without another port for it" { lose_without_port; }

lose_back_to_its_port() {
	in_ns r bridge fdb add 02:00:00:00:99:98 dev b1 master static
	by_bridge 4 "$(to=02:00:00:00:99:98 other 88b5)"
	in_ns r bridge fdb del 02:00:00:00:99:98 dev b1 master
	dropped "r b1 core BRIDGE_DROP 4"
}
@test "a bridge that would send it back to where it came from" { lose_back_to_its_port; }

lose_at_disabled_port() {
	in_ns r bridge link set dev b1 state 0
	by_bridge 3 "$(to=$NOBODY other 88b5)"
	in_ns r bridge link set dev b1 state 3
	dropped "r b1 core BRIDGE_INGRESS_STP_STATE 3"
}
@test "a port of a bridge that is disabled" { lose_at_disabled_port; }

lose_at_bridge_by_address() {
	by_bridge 3 "$(from=01:00:5e:00:00:01 to=$NOBODY other 88b5)"
	by_bridge 4 "$(to=01:80:c2:00:00:01 other 8808)"
	dropped "r b1 core MAC_INVALID_SOURCE 3" "r b1 core MAC_IEEE_MAC_CONTROL 4"
}
@test "a bridge: a source that no device has, and pause frames" { lose_at_bridge_by_address; }

lose_behind_bridge() {
	by_bridge 3 "$(to=$B0_MAC other 88b5)"
	dropped "r br0 core UNHANDLED_PROTO 3"
}
@test "what a bridge gives to its host, and nobody takes" { lose_behind_bridge; }

lose_at_bridge_nft() {
	nft_r 'table bridge t {
		chain x { type filter hook input priority 0; ether type 0x88b5 drop; }
		chain y { type filter hook prerouting priority 0; ether type 0x88b6 drop; }
	}'
	by_bridge 3 "$(to=$B0_MAC other 88b5)"
	by_bridge 4 "$(to=$B0_MAC other 88b6)"
	in_ns r nft flush ruleset
	dropped "r br0 core NETFILTER_DROP/bridge_input 3" "r b1 core NETFILTER_DROP/bridge_prerouting 4"
}
@test "nft: chains of a bridge" {
	in_ns r nft -c 'table bridge t { chain x { type filter hook input priority 0; }; }' ||
		skip "this kernel has no nft for bridges"
	lose_at_bridge_nft
}

# --- macvlans ---

lose_behind_macvlan() {
	inject_quietly 3 "$(to=$MV_MAC other 88b5)"
	dropped "r mv0 core UNHANDLED_PROTO 3"
}
@test "what a macvlan takes, and nobody behind it" { lose_behind_macvlan; }

# --- VXLANs ---

# vxlan FLAGS VNI [INNER]: to the router, in hex.
vxlan() {
	local payload=${1}000000${2}00${3:-}

	payload=d43112b5$(printf '%04x' $((8 + ${#payload} / 2)))0000$payload dst=$R0_ADDR ipv4
}

lose_vxlan_in() {
	local inner

	inner=$(other 88b5)
	inject_quietly 3 "$(vxlan 08 000008 "$inner")"
	inject_quietly 4 "$(vxlan 00 000007 "$inner")"
	inject_quietly 5 "$(vxlan 08 000007)"
	inject_quietly 6 "$(vxlan 08 000007 "$(to=$NOBODY ipv4)")"
	dropped "r r0 udp_rcv VXLAN_VNI_NOT_FOUND 3" "r r0 udp_rcv VXLAN_INVALID_HDR 4" \
		"r r0 udp_rcv HDR_TRUNC 5" "r vx0 ip_rcv OTHERHOST 6"
}
@test "VXLAN: another's id, a bad header, no frame, a frame for another" { lose_vxlan_in; }

# The device tells that it took what it then drops.
lose_vxlan_out() {
	sock r send 198.18.7.9 9 3 10
	in_ns r bridge fdb add 02:00:00:00:07:09 dev vx0 dst 198.19.9.9
	sock r send 198.18.7.9 9 4 10
	in_ns r bridge fdb del 02:00:00:00:07:09 dev vx0 dst 198.19.9.9
	dropped "r vx0 xmit NO_TX_TARGET 3" "r vx0 route_out IP_OUTNOROUTES 4"
}
@test "VXLAN: no end for it, and no route to its end" { lose_vxlan_out; }

lose_by_vlan() {
	inject_quietly 3 "$(type=8100 ether)00640800$(ipv4 | cut -c29-)"
	inject_quietly 4 "$(to=$NOBODY ipv4)"
	dropped "r r0 core VLAN_UNKNOWN 3" "r r0 ip_rcv OTHERHOST 4"
}
@test "a VLAN that no device is for" { lose_by_vlan; }

# STP's, and another protocol's.
lose_at_llc() {
	inject_quietly 3 "$(to=01:80:c2:00:00:00 type=0026 ether)424203$(bytes 35)"
	inject_quietly 2 "$(to=01:00:0c:cc:cc:cc type=0026 ether)aaaa0300000c2000$(bytes 30)"
	dropped "r r0 core LLC_UNHANDLED 5"
}
@test "802.2 frames that nobody takes" { lose_at_llc; }

@test "all of these, each packet observed: the same, and the ledger balances" { all_at full; }
