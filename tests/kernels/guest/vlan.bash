# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Forwarding between VLAN devices, and between them and what is untagged.

. tests/kernels/guest/vlan_lab.bash

DATAGRAMS=100

attach_vlans() {
	local x

	weir_r dev attach r0 r1 r0.10 r1.20 || fail "refused"
	weir_r dev show
	# tags beside the frame would be lost on XDP
	for x in c/c0 s/s0; do
		in_ns "${x%/*}" ethtool -k "${x#*/}" | grep -q 'tx-vlan-offload: off' ||
			fail "${x#*/} still keeps tags beside frames"
	done
}

# crosses FROM TO TAG: datagrams from one of the client's addresses to one of the server's. All arrive,
# each with the tag wanted ("" is none), XDP has forwarded all but those that confirm the next hop, and
# the ledger balances.
crosses() {
	local before tagged plain out

	ip -n "$LAB-c" route replace "${2%.*}.0/24" via "$([ "$1" = 203.0.113.1 ] &&
		echo 203.0.113.254 || echo 192.0.2.254)"
	ip -n "$LAB-s" route replace "${1%.*}.0/24" via "$([ "$2" = 198.18.20.1 ] &&
		echo 198.18.20.254 || echo 198.51.100.254)"
	wait_until in_ns c ping -q -c 1 -W 2 -I "$1" "$2"
	: >/tmp/capture
	# not in_ns: $! would be a shell, whose end does not end the program
	nsenter --net="/run/netns/$LAB-s" tcpdump -lnei s0 -Q in udp >/tmp/capture 2>/tmp/tcpdump &
	until_listening
	before=$(udp_of InDatagrams NoPorts) out=$(forwarded)
	in_ns c socat -u -b 100 "OPEN:/dev/zero,readbytes=$((DATAGRAMS * 100))" \
		"UDP4-SENDTO:$2:9000,bind=$1"
	wait_until arrived $((before + DATAGRAMS))
	wait_until captured $DATAGRAMS
	kill $! && wait $!
	tagged=$(grep -cE "vlan ${3:-[0-9]+}\b.*> $2.9000" /tmp/capture)
	plain=$(grep -v vlan /tmp/capture | grep -c "> $2.9000")
	equal "frames with tag '$3' and without" "$tagged $plain" \
		"$([ -n "$3" ] && echo $DATAGRAMS 0 || echo 0 $DATAGRAMS)"
	equal 'wrong checksums' "$(udp_of InCsumErrors)" 0
	out=$(($(forwarded) - out))
	echo "# of $DATAGRAMS datagrams XDP forwarded $out"
	[ $out -ge $((DATAGRAMS - 10)) ] || { weir_r path show; fail "XDP forwarded $out"; }
	ledger_balances
}

until_listening() {
	(wait_until grep -q 'listening on' /tmp/tcpdump) || {
		cat /tmp/tcpdump
		fail "tcpdump does not listen"
	}
}

captured() {
	[ "$(wc -l </tmp/capture)" -ge "$1" ]
}

# A frame of a VLAN that the router has no device for is nobody's: not for the untagged network.
stranger_is_kept_out() {
	local before

	ip -n "$LAB-c" link add link c0 name c0.30 type vlan id 30
	ip -n "$LAB-c" addr add 203.0.113.129/25 dev c0.30
	ip -n "$LAB-c" link set c0.30 up
	ip -n "$LAB-c" neigh replace 203.0.113.254 lladdr "$(lab_mac r0)" dev c0.30
	ip -n "$LAB-c" route replace 198.51.100.0/24 via 203.0.113.254 dev c0.30 onlink
	before=$(udp_of InDatagrams NoPorts)
	in_ns c socat -u -b 100 "OPEN:/dev/zero,readbytes=$((DATAGRAMS * 100))" \
		"UDP4-SENDTO:$S_ADDR:9000,bind=192.0.2.1"
	ip -n "$LAB-c" link del c0.30
	# what was sent after it and has arrived says that it is over
	wait_until in_ns c ping -q -c 1 -W 2 $S_ADDR
	equal 'datagrams of VLAN 30 that reached the server' \
		$(($(udp_of InDatagrams NoPorts) - before)) 0
	ledger_balances
}

all_detached() {
	weir_r dev detach all || fail "refused"
	[ ! -e /sys/fs/bpf/weir ] || fail "pins are left: $(find /sys/fs/bpf/weir)"
}

both_ends_attached() {
	weir_r dev attach r0 r1 || fail "refused"
	wait_until warm
}

check "vlan: the lab is up" lab_is_up
check "vlan: r0 and r1 attach" both_ends_attached
check "vlan: a VLAN that is nobody's is kept out, with 8021q loaded after the attach" \
	stranger_is_kept_out
check "vlan: all detach" all_detached
check "vlan: VLAN devices" vlan_devices
check "vlan: VLAN devices attach, and tags go into the frames" attach_vlans
check "vlan: 10 to untagged" crosses 203.0.113.1 $S_ADDR ""
check "vlan: untagged to 20" crosses 192.0.2.1 198.18.20.1 20
check "vlan: 10 to 20" crosses 203.0.113.1 198.18.20.1 20
check "vlan: a VLAN that is nobody's is kept out" stranger_is_kept_out
check "vlan: all detach" all_detached
check "vlan: the kernel said nothing bad" lab_is_down
