# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The kernel plane: which stages this kernel shows, drops to the packet, the ledger where there can be one.

. tests/kernels/guest/lab.bash

# plane_stage DEV STAGE [FIELD]: packets there, or another of its figures.
plane_stage() {
	weir_r -j path show plane kernel | jq "[.devices[] | select(.device == \"$1\") | .stages[] |
		select(.stage == \"$2\") | .${3:-packets}] | add // 0"
}

plane_dropped() {
	weir_r -j drop show plane kernel | jq "[.devices[].drops[] | select(.cause == \"$1\") | .packets] |
		add // 0"
}

# plane_udp ADDR PORT COUNT
plane_udp() {
	in_ns c bash -c "for ((i = 0; i < $3; i++)); do echo x >/dev/udp/$1/$2; done" 2>/dev/null
}

plane_shows_stages() {
	local doc

	doc=$(build/weir -j path coverage)
	echo "# $(jq '[.stages[] | select(.seen)] | length' <<<"$doc") of $(jq '.stages | length' <<<"$doc")" \
		"stages are seen; not: $(jq -r '[.stages[] | select(.seen | not) | .stage] | join(" ")' <<<"$doc")"
	[ "$(jq .tried <<<"$doc")" = true ]
}

plane_counts_drops() {
	weir_r watch on drops || fail "refused: $(bpftool prog loadall build/bpf/kernel_drops.bpf.o /sys/fs/bpf/x 2>&1 | tail -5)"
	plane_udp $R0_ADDR 9 7
	wait_until test "$(plane_dropped NO_SOCKET)" = 7
	ip -n "$LAB-r" route add blackhole 198.51.100.128/25
	plane_udp 198.51.100.200 9 5
	ip -n "$LAB-r" route del blackhole 198.51.100.128/25
	equal "into the blackhole" "$(plane_dropped BLACKHOLE)" 5
	equal "on a closed port" "$(plane_dropped NO_SOCKET)" 7
}

plane_counts_stages() {
	weir_r watch on full || fail "refused"
	in_ns c ping -q -c 20 -i 0.01 -W 2 $S_ADDR | grep '20 received' || fail "pings were lost"
	wait_until test "$(plane_stage r1 xmit)" -ge 20
	[ "$(plane_stage r0 core)" -ge 20 ] || fail "at core: $(plane_stage r0 core)"
	if kernel_at_least 6.4; then
		equal forwarded "$(plane_stage r0 nf_forward)" 20
		weir_r ledger show plane kernel || fail "it does not balance"
	else
		! weir_r ledger show plane kernel || fail "a ledger without netfilter's links"
	fi
	weir_r watch off
}

plane_times_stages() {
	weir_r watch on latency 1/2 plane kernel || fail "refused"
	in_ns c ping -q -c 100 -i 0.02 -W 2 $S_ADDR
	[ "$(weir_r -j path show plane kernel | jq '[.devices[] | select(.device == "r1") | .stages[] |
		select(.stage == "xmit") | .samples] | add // 0')" -gt 10 ] || fail "nothing was timed"
	weir_r watch off
}

plane_listens() {
	in_ns r ss -Hlun "sport = :$1" | grep -q .
}

# --- limits of the machine as a whole, which no test but one in a guest may lower ---

# plane_told CAUSE_PREFIX: packets of causes that begin so.
plane_told() {
	weir_r -j drop show plane kernel | jq "[.devices[].drops[] | select(.cause | startswith(\"$1\")) |
		.packets] | add // 0"
}

# More than a megabyte: so much the kernel takes for each CPU before it looks at the limit.
plane_tells_udp_mem() {
	local reader refused

	kernel_at_least 6.11 ||
		skip "before 6.11 the socket that refuses a datagram is told after the drop: one late"
	sysctl -qw net.core.rmem_max=33554432
	in_ns r sysctl -qw net.ipv4.udp_rmem_min=1
	weir_r watch on drops || fail "refused"
	nsenter --net="/run/netns/$LAB-r" socat -u UDP4-RECV:9012,rcvbuf=16000000 /dev/null &
	reader=$!
	wait_until plane_listens 9012
	kill -STOP $reader
	sysctl -qw net.ipv4.udp_mem="1 1 1"
	head -c 4200000 /dev/zero | in_ns c socat -u -b 1400 - UDP4-SENDTO:$R0_ADDR:9012
	sysctl -qw net.ipv4.udp_mem="18000 24000 36000"
	refused=$(in_ns r awk '$1 == "Udp:" && !n { n = split($0, name); next }
		$1 == "Udp:" { for (i = 2; i <= n; i++) if (name[i] == "MemErrors") print $i }' /proc/net/snmp)
	kill -CONT $reader
	kill $reader
	echo "# UdpMemErrors $refused"
	[ "$refused" -gt 10 ] || fail "UdpMemErrors: $refused"
	equal "beyond udp_mem" "$(plane_told PROTO_MEM)" "$refused"
	equal "of all" "$(plane_told '')" "$refused"
	weir_r watch off
}

# How many packets connection tracking has dropped in the router, as it counts.
plane_conntrack() {
	in_ns r awk 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "drop") at = i; next } { print $at }' \
		/proc/net/stat/nf_conntrack | while read -r n; do echo $((16#$n)); done |
		awk '{ n += $1 } END { print n + 0 }'
}

plane_tells_full_conntrack() {
	local refused max

	in_ns r nft "table ip t {
		chain x { type filter hook forward priority 0; ct state established accept; }
	}" || skip "nft finds no connection tracking here"
	weir_r watch on drops || fail "refused"
	max=$(sysctl -n net.netfilter.nf_conntrack_max)
	sysctl -qw net.netfilter.nf_conntrack_max=4
	plane_udp $S_ADDR 9 30
	sysctl -qw net.netfilter.nf_conntrack_max="$max"
	in_ns r nft flush ruleset
	refused=$(plane_conntrack)
	echo "# dropped by connection tracking: $refused"
	[ "$refused" -gt 0 ] || fail "connection tracking has dropped nothing"
	equal "by connection tracking" "$(plane_told NETFILTER_DROP/prerouting)" "$refused"
	equal "of those, told by counters once more" "$(plane_told CONNTRACK_FULL)" 0
	weir_r watch off
}

plane_fentry_shows() {
	local reader where least timed="autobind:40 udp_send:20 route_out:20 sock_queue:30"

	[ "$(jq '[.findings[] | select(.check == "fentry" and .state == "ok")] | length' \
		<<<"$("$WEIR" -j doctor)")" = 1 ] || skip "this kernel refuses fentry"
	weir_r watch on full || fail "refused"
	nsenter --net="/run/netns/$LAB-r" socat -u UDP4-RECV:9010 /dev/null >/dev/null 2>&1 &
	reader=$!
	wait_until plane_listens 9010
	# of sockets that are connected, and have their route from that; and of some that are not
	in_ns r bash -c "for ((i = 0; i < 20; i++)); do echo x >/dev/udp/$S_ADDR/9; done
		for ((i = 0; i < 20; i++)); do echo x | socat -u - UDP4-SENDTO:$S_ADDR:9; done" 2>/dev/null
	plane_udp $R0_ADDR 9010 30
	wait_until test "$(plane_stage - sock_recv)" -ge 30
	kill $reader
	equal "ports chosen" "$(plane_stage - autobind)" 40
	equal "datagrams queued" "$(plane_stage - sock_queue)" 30
	# ip_make_skb has ten arguments, and trampolines took six
	if kernel_at_least 6.6; then timed+=" udp_send:40 make_skb:40"; fi
	for where in $timed; do
		least=${where#*:} where=${where%:*}
		echo "# $where: $(plane_stage - $where packets) packets, $(plane_stage - $where samples) timed," \
			"p50 $(plane_stage - $where p50_ns) ns, in all $(plane_stage - $where total_ns)"
		[ "$(plane_stage - $where samples)" -ge "$least" ] || fail "not timed: $where"
	done
	in_ns s socat -u TCP4-LISTEN:9011 /dev/null >/dev/null 2>&1 &
	in_ns r socat -u /etc/passwd TCP4:$S_ADDR:9011,retry=20,interval=0.2
	[ "$(plane_stage - tcp_send samples)" -ge 1 ] || fail "not timed: tcp_send"
	weir_r watch off
}

check "path coverage tells how stages are seen" plane_shows_stages
check "a lab" lab_is_up
check "drops are counted" plane_counts_drops
check "UDP's memory is used up: each datagram, and once" plane_tells_udp_mem
check "connection tracking is full: each packet, and once" plane_tells_full_conntrack
check "stages are counted, and the ledger balances where it can" plane_counts_stages
check "stages are timed in a share of time" plane_times_stages
check "fentry shows what tracepoints cannot" plane_fentry_shows
check "the lab goes" lab_is_down
