# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Real VLAN devices (8021q), which the machines that build this often lack. A veth carries a tag beside
# the frame, as NICs do that take tags off, unless it is told to put it in (txvlan off).
#
#	c0.10 203.0.113.1/24 ---- r0.10 203.0.113.254/24
#	                          r1.20 198.18.20.254/24 ---- s0.20 198.18.20.1/24
#
# beside the lab's untagged addresses on the same wires.

. tests/kernels/guest/lab.bash

vlan_devices() {
	local x

	modprobe 8021q || fail "no 8021q"
	ip -n "$LAB-c" link add link c0 name c0.10 type vlan id 10 &&
		ip -n "$LAB-r" link add link r0 name r0.10 type vlan id 10 &&
		ip -n "$LAB-r" link add link r1 name r1.20 type vlan id 20 &&
		ip -n "$LAB-s" link add link s0 name s0.20 type vlan id 20 &&
		ip -n "$LAB-c" addr add 203.0.113.1/24 dev c0.10 &&
		ip -n "$LAB-r" addr add 203.0.113.254/24 dev r0.10 &&
		ip -n "$LAB-r" addr add 198.18.20.254/24 dev r1.20 &&
		ip -n "$LAB-s" addr add 198.18.20.1/24 dev s0.20 || fail "no VLAN devices"
	for x in c/c0.10 r/r0.10 r/r1.20 s/s0.20; do
		ip -n "$LAB-${x%/*}" link set "${x#*/}" up
	done
	ip -n "$LAB-c" route add 198.18.20.0/24 via 192.0.2.254
	ip -n "$LAB-s" route add 203.0.113.0/24 via 198.51.100.254
	wait_until in_ns c ping -q -c 1 -W 2 -I 203.0.113.1 198.18.20.254
}

# Packets of the lab's untagged addresses and of the VLANs that XDP has forwarded.
forwarded() {
	weir_r -j ledger show | jq .total.out
}
