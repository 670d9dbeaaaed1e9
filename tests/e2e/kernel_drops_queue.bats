#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What is lost where packets wait, or a device takes none, told by cause, stage, device, namespace and
# number: the CPU's backlog, devices without carrier, queues that say so, SYN queues. And what is told
# aside, since no packet is lost: copies for taps, sends that are to be tried again. See kernel.bash.
#
# A fourth namespace, which is not watched and has no name, sends and takes what would be told of the
# client and the server:
#
#	g0 203.0.113.1 ---- r2 203.0.113.254/24 of the router

load helper
load kernel

FAR=203.0.113.1 R2_ADDR=203.0.113.254 R2_MAC=02:00:00:00:02:fe G0_MAC=02:00:00:00:02:01

# in_far CMD...
in_far() {
	nsenter --net="/proc/$FAR_PID/ns/net" -- "$@"
}

far_is_apart() {
	[ "$(readlink "/proc/$FAR_PID/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

setup_file() {
	start_kernel_lab drops || return
	export PROGRAMS=/sys/fs/bpf/$LAB-flood
	bpftool prog loadall "$BUILD/bpf/flood.bpf.o" "$PROGRAMS"
	# it ends by itself where nobody ends it, and its namespace with it
	unshare --net sleep 600 3>&- &
	export FAR_PID=$!
	disown
	wait_until far_is_apart
	in_far sysctl -qw net.ipv6.conf.{all,default}.disable_ipv6=1
	in_ns r ip link add r2 address $R2_MAC type veth peer name g0 address $G0_MAC netns "$FAR_PID"
	in_ns r ip addr add $R2_ADDR/24 dev r2
	in_ns r ip link set r2 up
	in_far ip link set g0 up
	in_ns r ip neigh replace $FAR lladdr $G0_MAC dev r2 nud permanent
	in_ns r ip route add blackhole 198.18.0.0/16
}

teardown_file() {
	stop_kernel_lab
	kill "$FAR_PID"
	rm -rf "${PROGRAMS:?}"
}

setup() {
	need python3 jq tc bpftool unshare
}

teardown() {
	forget_failure
}

# from_far FIELDS...: a frame as g0 sends it; fields as ipv4 takes them.
from_far() {
	local "$@"

	to=$R2_MAC from=$G0_MAC src=$FAR ipv4
}

# is_aside CAUSE: all that is told of it is no loss.
is_aside() {
	weir_k -j drop show plane kernel | jq -e --arg cause "$1" '
		[.devices[].drops[] | select(.cause == $cause) | .lost] | length > 0 and all(not)'
}

# --- the CPU's backlog ---

# How many IPv4 packets the router has taken.
taken() {
	in_ns r nstat -asz IpInReceives | awk '$1 == "IpInReceives" { print $2 }'
}

lose_at_backlog() {
	local limit all before arrived at=$BATS_TEST_TMPDIR

	limit=$(</proc/sys/net/core/netdev_max_backlog)
	[ "$limit" -le 20000 ] || skip "a backlog of $limit packets takes too long to fill"
	all=$((limit + 200))
	# struct __sk_buff: mark and priority
	python3 -c "import struct, sys
sys.stdout.buffer.write(struct.pack('<8xI20xI', $(in_far ip -j link show g0 | jq '.[].ifindex'), $all))" >"$at/ctx"
	xxd -r -p <<<"$(from_far dst=198.18.0.1)" >"$at/frame"
	before=$(taken)
	in_far bpftool prog run pinned "$PROGRAMS/flood" data_in "$at/frame" ctx_in "$at/ctx" >/dev/null
	blackholed() { told | grep -q "r2 route_in BLACKHOLE"; }
	wait_until blackholed
	arrived=$(($(taken) - before))
	# one more than the limit is taken, and fewer where others' packets were there before
	[ $((all - arrived)) -ge 199 ] && [ "$arrived" -gt 0 ] || return
	dropped "r r2 rps_backlog CPU_BACKLOG $((all - arrived))" "r r2 route_in BLACKHOLE $arrived"
}
@test "more packets at once than a CPU's backlog holds" { lose_at_backlog; }

# --- copies for taps: 'in' first, since a tap's own counter is gone with it ---

# tap_for NAME DEV: takes a tap that reads nothing, has 20 datagrams pass, sets `copies` to how many it
# has lost; the datagrams have all left.
tap_for() {
	local said

	said=$(mktemp -p "$BATS_TEST_TMPDIR")
	background in_ns r python3 "$BATS_TEST_DIRNAME/kernel_sock.py" slow_tap "$1" 2000 >"$said"
	wait_until grep -q ready "$said"
	passed=$(in_ns r ip -j -s link show r2 | jq '.[].stats64.tx.packets')
	sock c send $FAR 9 20 400
	passed=$(($(in_ns r ip -j -s link show r2 | jq '.[].stats64.tx.packets') - passed))
	kill -USR1 $!
	wait_until grep -q lost "$said"
	copies=$(sed -n 's/lost //p' "$said")
	equal "datagrams that left" "$passed" 20 && [ "$copies" -gt 10 ] && [ "$copies" -lt 20 ]
}

lose_copies_in() {
	local copies passed

	tap_for r0
	dropped "r - tap_rx PACKET_SOCK_ERROR $copies counter"
	is_aside PACKET_SOCK_ERROR
	end_background
}
@test "copies of what comes, for a tap that is too slow: told, and no loss" { lose_copies_in; }

lose_copies_out() {
	local copies passed

	tap_for r2
	dropped "r r2 tap_tx PACKET_SOCK_ERROR $copies"
	is_aside PACKET_SOCK_ERROR
	end_background
}
@test "copies of what leaves, for a tap that is too slow: told, and no loss" { lose_copies_out; }

# --- devices that take nothing ---

# has_no_carrier c|r DEV: and its queueing discipline knows
has_no_carrier() {
	in_ns "$1" ip link show "$2" | grep -q "state DOWN"
}

has_carrier() {
	in_ns "$1" ip link show "$2" | grep -q "state UP"
}

lose_without_carrier() {
	in_ns r ip link set r0 down
	wait_until has_no_carrier c c0
	sock c send "$S_ADDR" 9 3 10
	in_ns r ip link set r0 up
	wait_until has_carrier c c0
	dropped "c c0 xmit XMIT_STOPPED 3"
}
@test "a sender whose veth's other end is down" { lose_without_carrier; }

lose_forwarded_without_carrier() {
	in_far ip link set g0 down
	wait_until has_no_carrier r r2
	sock c send $FAR 9 4 10
	in_far ip link set g0 up
	wait_until has_carrier r r2
	dropped "r r2 xmit XMIT_STOPPED 4"
}
@test "a router whose veth's other end is down" { lose_forwarded_without_carrier; }

# The other end counts it, too, as a drop of its own.
lose_at_smaller_mtu() {
	in_ns c ip link set c0 mtu 2000
	sock c send "$S_ADDR" 9 3 1900
	in_ns c ip link set c0 mtu 1500
	dropped "c c0 xmit XMIT_REFUSED 3" "r r0 core RX_DROPPED 3 counter"
}
@test "a frame beyond the MTU of the veth's other end" { lose_at_smaller_mtu; }

# --- queues that tell their sender ---

narrow() {
	in_ns r tc qdisc replace dev r2 root tbf rate 800kbit burst 2000 limit 3000
}

widen() {
	sent() { in_ns r tc -s qdisc show dev r2 | grep -q "backlog 0b 0p"; }
	wait_until sent
	refused=$(in_ns r tc -s qdisc show dev r2 | sed -nE 's/.*dropped ([0-9]+),.*/\1/p')
	in_ns r tc qdisc del dev r2 root
}

lose_with_an_error() {
	local ends refused

	narrow
	ends=$(sock r send $FAR 9 20 1000 recverr)
	widen
	equal "ends of calls" "$ends" "$refused ENOBUFS $((20 - refused)) ok" && [ "$refused" -gt 10 ] &&
		dropped "r r2 qdisc QDISC_DROP $refused" # and not the call once more
}
@test "a full queueing discipline whose sender is told ENOBUFS" { lose_with_an_error; }

lose_without_an_error() {
	local refused

	narrow
	sock r send $FAR 9 20 1000
	widen
	[ "$refused" -gt 10 ] && dropped "r r2 qdisc QDISC_DROP $refused"
}
@test "a full queueing discipline whose sender is told nothing" { lose_without_an_error; }

lose_nothing_at_full_socket() {
	local ends refused tried

	narrow
	ends=$(sock r send $FAR 9 20 1000 dontwait)
	widen
	tried=${ends%% *}
	equal "ends of calls" "$ends" "$tried EAGAIN $((20 - tried)) ok" && [ "$tried" -gt 10 ] &&
		equal "refused by the discipline" "$refused" 0 &&
		dropped "r - make_skb SEND_EAGAIN $tried send" && is_aside SEND_EAGAIN
}
@test "a full send buffer whose program is to try again: told, and no loss" {
	lose_nothing_at_full_socket
}

# --- the SYN queue ---

# syn_from_far PORT
syn_from_far() {
	local head

	head=$(printf '%04x' "$1")1f43000000010000000050021000
	from_far dst=$R2_ADDR proto=6 "payload=${head}$(checksum \
		"$(hex_addr $FAR)$(hex_addr $R2_ADDR)00060014${head}00000000")0000"
}

lose_at_syn_queue() {
	local port frames=()

	in_ns r sysctl -qw net.ipv4.tcp_syncookies=0
	hold r listen 8003 4
	for port in {1001..1012}; do
		frames+=("$(syn_from_far "$port")")
	done
	in_far python3 "$BATS_TEST_DIRNAME/kernel_sock.py" frames g0 1 "${frames[@]}"
	# one more than the backlog is taken
	dropped "r - tcp_rcv TCP_SYN_QUEUE_FULL 7 counter"
	end_background
}
@test "a listening socket whose SYN queue is full" { lose_at_syn_queue; }

@test "all of these, each packet observed: the same, and the ledger balances" { all_at full; }
