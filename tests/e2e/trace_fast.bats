#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# weir trace plane kernel where the fast plane is attached: its verdicts are events of the packets that the
# kernel tells of, before XDP and behind it; and namespaces and IPv6 packets as far as all of them go.

load helper
load objects
load tracing

setup_file() {
	start_lab && read_cookie || return
	confirm_once
}

teardown_file() {
	stop_lab
}

setup() {
	need jq tcpdump socat python3
	unattached
}

teardown() {
	end_background
	weir_r dev detach all
}

# attach WORD...: r0 and r1, their next hops confirmed.
attach() {
	weir_r dev attach r0 r1 "$@"
	pings 3
}

# following WORD...: as tracing, of the kernel plane of all namespaces, or of $names.
following() {
	tracing "$@" plane kernel netns "${names:-$(ALL)}"
}

# udp PORT [ADDR]: one datagram from c to s.
udp() {
	echo weir | in_ns c socat -u - "UDP4-SENDTO:${2:-$S_ADDR}:$1,sourceport=4000"
}

# asks FILTER: that is true of all that was traced, a list. road: "namespace/device stage what" of its events.
asks() {
	jq -se --arg c "$LAB-c" --arg r "$LAB-r" --arg s "$LAB-s" --arg c_addr "$C_ADDR" --arg r1_addr "$R1_ADDR" \
		'def road: [.events[] | "\(.netns | sub(".*-"; ""))/\(.device) \(.stage) \(.what)"];
		def fast: [.events[] | select(.plane == "fast")];
		def in_order($want): road as $e | [$e[] | select(. as $x | $want | index($x))] == $want;
		'"$1" "$out" >/dev/null && return
	echo "not so: $1; traced was:"
	cat "$out" "$said"
	return 1
}

# --- native XDP ---

@test "XDP: what it forwards is one packet, from its sender to its end" {
	attach
	following udp and port 9 count 1
	udp 9
	ended
	grep -q "with the fast plane's verdicts in 1 namespace" "$said"
	asks 'length == 1 and (.[0] | .end == "dropped" and .stage == "udp_rcv" and .netns == $c)'
	asks '.[0] | in_order(["c/c0 xmit enter", "r/r0 xdp forward", "s/s0 gro enter", "s/s0 core enter",
		"s/s0 udp_rcv drop"])'
	asks '.[0] | fast | length == 1 and (.[0] | .netns == $r and .out == "r1" and .kind == "out"
		and .verdict == "forwarded to r1" and .after_ns > 0)'
	asks '[.[0].events[].after_ns] | . == sort'
	grep -q 'verdicts of the fast plane lost: 0 for want of room, 0 to their own rate, 0 to that of packets' "$said"
}

@test "XDP: what it leaves to the kernel was judged before the kernel's first event" {
	attach
	following icmp count 1
	run ! in_ns c ping -q -c 1 -W 1 -t 1 "$S_ADDR"
	ended
	asks 'length == 1 and (.[0] | .netns == $c and .events[-1].netns == $r)'
	asks '.[0] | in_order(["c/c0 xmit enter", "r/r0 xdp punt", "r/r0 gro enter", "r/r0 core enter"])'
	asks '.[0] | fast == [fast[0]] and (fast[0] | .at == "ip_forward" and .cause == "IP_TTL"
		and .verdict == "punted to the kernel at ip_forward: IP_TTL")'
}

@test "XDP: what is for this host is passed, and one packet" {
	attach
	following udp and port 9 count 1
	udp 9 "$R0_ADDR"
	ended
	asks 'length == 1 and (.[0] | .end == "dropped" and .stage == "udp_rcv" and .events[-1].netns == $r
		and in_order(["c/c0 xmit enter", "r/r0 xdp pass", "r/r0 gro enter", "r/r0 udp_rcv drop"]))'
}

@test "XDP: a drop ends the packet, by the fast plane's own stage and cause" {
	attach
	weir_r filter add in dev r0 proto udp dport 7 drop
	following udp and port 7 count 1
	udp 7
	ended
	weir_r filter flush
	asks 'length == 1 and (.[0] | .netns == $c and .end == "dropped" and .stage == "nf_forward"
		and .cause == "FILTER" and .verdict == "dropped at nf_forward: FILTER")'
	asks '.[0] | fast[0].what == "drop" and (in_order(["c/c0 xmit enter", "r/r0 xdp drop", "r/r0 xdp drop"]))'
}

@test "XDP: one that NAT has changed is one packet before and after" {
	attach
	weir_r nat add masquerade out dev r1
	pings 1
	following udp and port 9 count 1
	udp 9
	ended
	weir_r nat flush
	asks 'length == 1 and (.[0] | .src == $c_addr and .end == "dropped" and .stage == "udp_rcv"
		and in_order(["c/c0 xmit enter", "r/r0 xdp forward", "s/s0 gro enter", "s/s0 udp_rcv drop"]))'
	asks '[.[0].events[] | select(.packet) | .packet.src] == [$r1_addr]'
}

@test "XDP, with nothing else watched: a packet that no event of the kernel's tells of" {
	attach
	names=$LAB-r following udp and port 9 count 1
	udp 9
	ended
	asks 'length == 1 and (.[0] | .netns == $r and .device == "r0" and .end == "forwarded"
		and .verdict == "forwarded to r1" and .dport == 9 and (.events | length) == 1)'
}

@test "generic XDP: in the midst of the kernel's own events" {
	attach xdp generic
	following udp and port 9 count 1
	udp 9
	ended
	asks 'length == 1 and (.[0] | .stage == "udp_rcv" and .netns == $c and (fast | length) == 1
		and in_order(["c/c0 xmit enter", "r/r0 core enter", "r/r0 xdp forward", "s/s0 udp_rcv drop"]))'
}

# --- TC ---

@test "TC: forwarded, with NAT; punted; dropped" {
	attach xdp off tc on
	weir_r nat add masquerade out dev r1
	weir_r filter add in dev r0 proto udp dport 7 drop
	pings 1
	following udp and '(' port 9 or port 7 or port 11 ')' count 3
	udp 9
	udp 7
	udp 11 "$R0_ADDR"
	ended
	weir_r nat flush
	weir_r filter flush
	asks 'length == 3 and all(.netns == $c and .end == "dropped")'
	asks '.[] | select(.dport == 9) | .stage == "udp_rcv" and in_order(["c/c0 xmit enter", "r/r0 core enter",
		"r/r0 tc_ingress forward", "r/r1 xmit enter", "s/s0 core enter", "s/s0 udp_rcv drop"])'
	asks '.[] | select(.dport == 9) | [.events[] | select(.packet) | .packet.src] == [$r1_addr]'
	asks '.[] | select(.dport == 7) | .stage == "nf_forward" and .cause == "FILTER" and in_order(["c/c0 xmit enter",
		"r/r0 core enter", "r/r0 tc_ingress drop", "r/r0 tc_ingress drop"])' # and what the kernel does then
	asks '.[] | select(.dport == 11) | .stage == "udp_rcv" and in_order(["r/r0 core enter",
		"r/r0 tc_ingress pass", "r/r0 nf_local_in enter", "r/r0 udp_rcv drop"])'
}

# --- what must not be joined, and what is counted ---

@test "packets that look the same: none has another's verdict or end" {
	attach
	following udp and port 9
	in_ns c python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4000))
for i in range(20): s.sendto(b"weir", ("'"$S_ADDR"'", 9))'
	sleep 0.3
	stopped
	# so many verdicts and drops there were; a packet has one of each at most, in their order
	asks '[.[] | fast | length] | add == 20 and max == 1'
	asks '[.[] | .events | map(select(.what == "drop")) | length] | add == 20 and max == 1'
	asks 'all(.[] | [.events[].after_ns] == ([.events[].after_ns] | sort); .)'
	asks 'all(select(fast == [] or .netns != $c or .end != "dropped") | has("linked"))'
}

@test "the rate is one for packets that begin with verdicts, too" {
	attach
	names=$LAB-r following icmp rate 2
	in_ns c ping -q -i 0.002 -c 200 "$S_ADDR" >/dev/null
	sleep 0.3
	stopped
	[ "$(wc -l <"$out")" -ge 2 ] && [ "$(wc -l <"$out")" -le 100 ] || { cat "$said"; return 1; }
	equal 'requests and replies' $(($(wc -l <"$out") + $(sed -n \
		's/.* \([0-9]*\) to that of packets.*/\1/p' "$said"))) 400
}

@test "what the expression does not match is not shown" {
	attach
	names=$LAB-r following udp and port 9
	udp 10
	udp 9
	in_ns c ping -q -c 3 -i 0.02 "$S_ADDR" >/dev/null
	sleep 0.3
	stopped
	asks 'length == 1 and .[0].dport == 9'
}

@test "text, files and what is read of them tell the same" {
	local file=$BATS_TEST_TMPDIR/x.pcapng

	attach
	following udp and port 9 count 1 write "$file"
	udp 9
	ended
	grep -aq 'r/r0  *xdp  *forwarded to r1' "$file"
	equal packets "$(tcpdump -nr "$file" 2>/dev/null | grep -c "$C_ADDR.4000 > $S_ADDR.9: UDP")" 1
	"$WEIR" -j trace read "$file" >"$out" 2>"$said"
	asks 'length == 1 and (.[0] | fast | length == 1 and .[0].verdict == "forwarded to r1")'
	"$WEIR" trace read "$file" 2>/dev/null | grep -q "$LAB-r/r0  *xdp  *forwarded to r1"
}

@test "where another reads the captures, it says so and goes on without" {
	attach
	"$WEIR" -n "$LAB-r" trace >/dev/null 2>"$BATS_TEST_TMPDIR/said2" 3>&- &
	local other=$!
	wait_until grep -q capturing "$BATS_TEST_TMPDIR/said2"
	following udp and port 9
	udp 9
	sleep 0.3
	stopped
	kill -INT "$other"
	wait "$other"
	grep -q "note: $LAB-r: no verdicts of the fast plane: another 'weir trace'" "$said"
	asks 'all(fast == [])'
	# and it leaves the other's alone
	run -0 weir_r trace seconds 0.1
}

# --- all namespaces, and IPv6 ---

@test "netns all: how many are watched in full is said" {
	local n

	# names that nobody else sees, and that end with the shell
	for n in 63 66; do
		in_ns r unshare -m bash -c 'mount -t tmpfs names /run/netns || exit
			for ((i = 0; i < $2; i++)); do ip netns add "many-$i" || exit; done
			"$1" trace udp plane kernel netns all seconds 0.1' - "$WEIR" "$n" 2>"$BATS_TEST_TMPDIR/said-$n"
	done
	run ! grep 'watched in full' "$BATS_TEST_TMPDIR/said-63"
	grep -q 'note: of 67 namespaces 64 are watched in full' "$BATS_TEST_TMPDIR/said-66"
}

@test "IPv6: by XDP to the kernel and through both devices, with addresses and ports" {
	local x

	attach
	for x in c/c0 r/r0 r/r1 s/s0; do
		in_ns "${x%/*}" sysctl -qw "net.ipv6.conf.${x#*/}.disable_ipv6=0" net.ipv6.conf.all.forwarding=1
	done
	ip -n "$LAB-c" addr add 2001:db8:1::1/64 dev c0 nodad
	ip -n "$LAB-r" addr add 2001:db8:1::2/64 dev r0 nodad
	ip -n "$LAB-r" addr add 2001:db8:2::2/64 dev r1 nodad
	ip -n "$LAB-s" addr add 2001:db8:2::1/64 dev s0 nodad
	ip -n "$LAB-c" route add default via 2001:db8:1::2
	ip -n "$LAB-s" route add default via 2001:db8:2::2
	wait_until in_ns c ping -q -c 1 -W 1 2001:db8:2::1
	following ip6 and udp and port 9 count 1
	echo weir | in_ns c socat -u - 'UDP6-SENDTO:[2001:db8:2::1]:9,sourceport=4000'
	ended
	asks 'length == 1 and (.[0] | .src == "2001:db8:1::1" and .dst == "2001:db8:2::1" and .sport == 4000
		and .dport == 9 and .netns == $c and .end == "dropped" and .cause == "NO_SOCKET")'
	asks '.[0] | in_order(["c/c0 xmit enter", "r/r0 xdp pass", "r/r0 gro enter", "r/r0 core enter",
		"r/r1 xmit enter", "s/s0 core enter", "s/s0 udp_rcv drop"]) and (fast[0].cause == "IPV6")'
	for x in c/c0 r/r0 r/r1 s/s0; do
		in_ns "${x%/*}" sysctl -qw "net.ipv6.conf.${x#*/}.disable_ipv6=1"
	done
}
