# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The kernel plane: which stages this kernel shows, drops to the packet, the ledger where there can be one.

. tests/kernels/guest/lab.bash

# stage DEV STAGE: packets there.
stage() {
	weir_r -j path show plane kernel | jq "[.devices[] | select(.device == \"$1\") | .stages[] |
		select(.stage == \"$2\") | .packets] | add // 0"
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

check "path coverage tells how stages are seen" shows_stages
check "a lab" lab_is_up
check "drops are counted" counts_drops
check "stages are counted, and the ledger balances where it can" counts_stages
check "stages are timed in a share of time" times_stages
check "the lab goes" lab_is_down
