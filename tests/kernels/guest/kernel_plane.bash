# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The kernel plane: which stages this kernel shows, drops to the packet, the ledger where there can be one.

. tests/kernels/guest/lab.bash

# stage DEV STAGE [FIELD]: packets there, or another of its figures.
stage() {
	weir_r -j path show plane kernel | jq "[.devices[] | select(.device == \"$1\") | .stages[] |
		select(.stage == \"$2\") | .${3:-packets}] | add // 0"
}

dropped() {
	weir_r -j drop show plane kernel | jq "[.devices[].drops[] | select(.cause == \"$1\") | .packets] |
		add // 0"
}

# udp ADDR PORT COUNT
udp() {
	in_ns c bash -c "for ((i = 0; i < $3; i++)); do echo x >/dev/udp/$1/$2; done" 2>/dev/null
}

shows_stages() {
	local doc

	doc=$(build/weir -j path coverage)
	echo "# $(jq '[.stages[] | select(.seen)] | length' <<<"$doc") of $(jq '.stages | length' <<<"$doc")" \
		"stages are seen; not: $(jq -r '[.stages[] | select(.seen | not) | .stage] | join(" ")' <<<"$doc")"
	[ "$(jq .tried <<<"$doc")" = true ]
}

counts_drops() {
	weir_r watch on drops || fail "refused: $(bpftool prog loadall build/bpf/kernel_drops.bpf.o /sys/fs/bpf/x 2>&1 | tail -5)"
	udp $R0_ADDR 9 7
	wait_until test "$(dropped NO_SOCKET)" = 7
	ip -n "$LAB-r" route add blackhole 198.51.100.128/25
	udp 198.51.100.200 9 5
	ip -n "$LAB-r" route del blackhole 198.51.100.128/25
	equal "into the blackhole" "$(dropped BLACKHOLE)" 5
	equal "on a closed port" "$(dropped NO_SOCKET)" 7
}

counts_stages() {
	weir_r watch on full || fail "refused"
	in_ns c ping -q -c 20 -i 0.01 -W 2 $S_ADDR | grep '20 received' || fail "pings were lost"
	wait_until test "$(stage r1 xmit)" -ge 20
	[ "$(stage r0 core)" -ge 20 ] || fail "at core: $(stage r0 core)"
	if kernel_at_least 6.4; then
		equal forwarded "$(stage r0 nf_forward)" 20
		weir_r ledger show plane kernel || fail "it does not balance"
	else
		! weir_r ledger show plane kernel || fail "a ledger without netfilter's links"
	fi
	weir_r watch off
}

times_stages() {
	weir_r watch on latency 1/2 plane kernel || fail "refused"
	in_ns c ping -q -c 100 -i 0.02 -W 2 $S_ADDR
	[ "$(weir_r -j path show plane kernel | jq '[.devices[] | select(.device == "r1") | .stages[] |
		select(.stage == "xmit") | .samples] | add // 0')" -gt 10 ] || fail "nothing was timed"
	weir_r watch off
}

listens() {
	in_ns r ss -Hlun "sport = :$1" | grep -q .
}

fentry_shows() {
	local reader where least timed="autobind:40 udp_send:20 route_out:20 sock_queue:30"

	[ "$(jq '[.findings[] | select(.check == "fentry" and .state == "ok")] | length' \
		<<<"$("$WEIR" -j doctor)")" = 1 ] || skip "this kernel refuses fentry"
	weir_r watch on full || fail "refused"
	nsenter --net="/run/netns/$LAB-r" socat -u UDP4-RECV:9010 /dev/null >/dev/null 2>&1 &
	reader=$!
	wait_until listens 9010
	# of sockets that are connected, and have their route from that; and of some that are not
	in_ns r bash -c "for ((i = 0; i < 20; i++)); do echo x >/dev/udp/$S_ADDR/9; done
		for ((i = 0; i < 20; i++)); do echo x | socat -u - UDP4-SENDTO:$S_ADDR:9; done" 2>/dev/null
	udp $R0_ADDR 9010 30
	wait_until test "$(stage - sock_recv)" -ge 30
	kill $reader
	equal "ports chosen" "$(stage - autobind)" 40
	equal "datagrams queued" "$(stage - sock_queue)" 30
	# ip_make_skb has ten arguments, and trampolines took six
	if kernel_at_least 6.6; then timed+=" udp_send:40 make_skb:40"; fi
	for where in $timed; do
		least=${where#*:} where=${where%:*}
		echo "# $where: $(stage - $where packets) packets, $(stage - $where samples) timed," \
			"p50 $(stage - $where p50_ns) ns, in all $(stage - $where total_ns)"
		[ "$(stage - $where samples)" -ge "$least" ] || fail "not timed: $where"
	done
	in_ns s socat -u TCP4-LISTEN:9011 /dev/null >/dev/null 2>&1 &
	in_ns r socat -u /etc/passwd TCP4:$S_ADDR:9011,retry=20,interval=0.2
	[ "$(stage - tcp_send samples)" -ge 1 ] || fail "not timed: tcp_send"
	weir_r watch off
}

check "path coverage tells how stages are seen" shows_stages
check "a lab" lab_is_up
check "drops are counted" counts_drops
check "stages are counted, and the ledger balances where it can" counts_stages
check "stages are timed in a share of time" times_stages
check "fentry shows what tracepoints cannot" fentry_shows
check "the lab goes" lab_is_down
