# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What forward.bash and modes.bash share: checks of the fast path in one mode. What is attached
# forwards, counts to the packet, and leaves nothing behind. The checks go in the order of checks_of;
# each leaves the lab as the next wants it.

. tests/kernels/guest/lab.bash

FRAMES=5000

# attach MODE WORD...: `weir dev attach r0 r1 WORD...` attaches in this mode.
attach() {
	local mode=$1

	shift
	weir_r dev attach r0 r1 "$@" || fail "refused"
	equal modes "$(weir_r -j dev show | jq -r '[.devices[].mode] | unique | join(" ")')" "$mode"
	wait_until warm
}

# What the sender's driver took arrives, but for what the router dropped and counted: each frame once,
# each sum right.
forwards_frames() {
	local arrived out dropped sent

	arrived=$(udp_of InDatagrams NoPorts) out=$(ledger r0 out) dropped=$(ledger r0 dropped)
	sent=$(in_ns c build/weir-gen dev c0 to 02:00:00:00:00:fe dst $S_ADDR flows 100 \
		rate 5000 count $FRAMES json | jq .sent)
	[ "$sent" -gt $((FRAMES / 2)) ] || fail "the sender's driver took $sent"
	wait_until nothing_under_way
	out=$(($(ledger r0 out) - out)) dropped=$(($(ledger r0 dropped) - dropped))
	wait_until arrived $((arrived + sent - dropped))
	arrived=$(($(udp_of InDatagrams NoPorts) - arrived))
	equal 'datagrams that arrived' $arrived $((sent - dropped))
	equal 'wrong checksums' "$(udp_of InCsumErrors)" 0
	# one in a reachable time goes the kernel's road, to confirm the next hop
	[ "$out" -gt $((sent - dropped - 10)) ] || fail "of $sent the fast path sent $out"
	echo "# of $sent frames the fast path sent $out, $arrived arrived"
	ledger_balances
}

# A socket on veth leaves its checksum open.
forwards_sockets() {
	local before csum i

	before=$(udp_of InDatagrams NoPorts) csum=$(udp_of InCsumErrors)
	in_ns c bash -c 'for ((i = 0; i < 200; i++)); do
		printf "%*s" $((i * 7 + 1)) x >/dev/udp/'$S_ADDR'/$((9000 + i)); done'
	wait_until arrived $((before + 200))
	equal 'wrong checksums' "$(udp_of InCsumErrors)" "$csum"
	ledger_balances
}

forwards_fragments() {
	in_ns c ping -q -c 5 -i 0.05 -s 4000 $S_ADDR | grep '5 received' || fail "pings were lost"
	ledger_balances
}

answers_ttl() {
	local before

	before=$(counted r0 ip_forward IP_TTL)
	in_ns c ping -c 1 -W 5 -t 1 $S_ADDR >/tmp/ping
	grep "From $R0_ADDR.*Time to live exceeded" /tmp/ping || { cat /tmp/ping; fail "no ICMP"; }
	equal counted $(($(counted r0 ip_forward IP_TTL) - before)) 1
}

counts_drops() {
	local before

	ip -n "$LAB-r" route add blackhole 203.0.113.0/24
	before=$(counted r0 route_in BLACKHOLE)
	in_ns c ping -q -c 10 -i 0.05 -W 1 203.0.113.9 >/dev/null
	ip -n "$LAB-r" route del blackhole 203.0.113.0/24
	equal counted $(($(counted r0 route_in BLACKHOLE) - before)) 10
	ledger_balances
}

times_stages() {
	weir_r watch on latency 1/1 plane fast || fail "refused"
	in_ns c ping -q -c 20 -i 0.02 $S_ADDR >/dev/null
	weir_r -j path show dev r0 >/tmp/path
	weir_r watch off
	jq -e '[.devices[].stages[] | select(.stage == "xmit") | .samples] | add > 0' /tmp/path ||
		fail "no sample of xmit"
}

# loads_anew WORD...
loads_anew() {
	local before

	before=$(ledger r0 out)
	weir_r dev attach r0 r1 "$@" force || fail "refused"
	[ "$(ledger r0 out)" -ge "$before" ] || fail "counters were lost"
	wait_until warm
	ledger_balances
}

# seen_by_bpftool KIND...: on each device a program of each kind, and none else.
seen_by_bpftool() {
	in_ns r bpftool -j net show >/tmp/net
	equal programs "$(jq -r '.[0] | [.xdp[] | .devname + ":" + .mode], [.tc[] | .devname + ":"
		+ .kind] | sort | join(" ")' /tmp/net | xargs)" \
		"$(printf 'r0:%s ' "$@")$(printf 'r1:%s ' "$@" | sed 's/ $//')"
}

detach() {
	weir_r dev detach all || fail "refused"
	[ ! -e /sys/fs/bpf/weir ] || fail "pins are left: $(find /sys/fs/bpf/weir)"
	# the kernel frees them a little later
	wait_until nothing link
	wait_until nothing prog
	wait_until nothing map
	in_ns c ping -q -c 3 -i 0.05 $S_ADDR | grep '3 received' || fail "the kernel does not forward"
}

nothing() {
	[ -z "$(bpftool "$1" show)" ]
}

# checks_of MODE KINDS WORD...: KINDS as bpftool calls what is attached, WORDs after `dev attach r0 r1`.
checks_of() {
	local mode=$1 kinds=$2

	shift 2
	check "$mode: attaches" attach "$mode" "$@"
	check "$mode: frames arrive, each once" forwards_frames
	check "$mode: datagrams of sockets arrive, checksums right" forwards_sockets
	check "$mode: fragments arrive" forwards_fragments
	check "$mode: a packet with TTL 1 is answered by ICMP" answers_ttl
	check "$mode: drops have a cause" counts_drops
	check "$mode: stages are timed" times_stages
	# shellcheck disable=SC2086
	check "$mode: bpftool sees the programs" seen_by_bpftool $kinds
	check "$mode: is loaded anew under its counters" loads_anew "$@"
	check "$mode: detaches, and nothing is left" detach
}
