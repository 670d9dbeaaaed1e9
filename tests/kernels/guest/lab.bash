# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the sets of checks share that send packets: the lab of tools/lab, with r, c and s for its
# namespaces, and what they counted.

LAB=weir-kernel-$$
S_ADDR=198.51.100.1 R0_ADDR=192.0.2.254

in_ns() {
	lab_in "$LAB-$1" "${@:2}"
}

weir_r() {
	"$WEIR" -n "$LAB-r" "$@"
}

# udp_of FIELD...: the server's UDP counters of these names, summed.
udp_of() {
	in_ns s awk -v fields=" $* " '
	$1 == "Udp:" && !n { n = split($0, name); next }
	$1 == "Udp:" { for (i = 2; i <= n; i++) if (index(fields, " " name[i] " ")) sum += $i }
	END { print sum + 0 }' /proc/net/snmp
}

arrived() {
	[ "$(udp_of InDatagrams NoPorts)" -ge "$1" ]
}

# ledger DEV FIELD: out, dropped or in_flight, of what came in by the device.
ledger() {
	weir_r -j ledger show | jq --arg d "$1" --arg f "$2" \
		'[.devices[] | select(.device == $d and .hook != "tc_egress") | .[$f]] | add'
}

nothing_under_way() {
	[ "$(ledger r0 in_flight)" = 0 ]
}

# counted DEV STAGE CAUSE: packets that took this exit.
counted() {
	weir_r -j path show dev "$1" | jq --arg s "$2" --arg c "$3" '[.devices[].stages[]
		| select(.stage == $s) | .causes[] | select(.cause == $c) | .packets] | add // 0'
}

ledger_balances() {
	weir_r -j ledger show >/tmp/ledger || { cat /tmp/ledger; fail "the ledger does not balance"; }
	equal residual "$(jq .total.residual /tmp/ledger)" 0
}

# Until a ping goes by the fast path both ways: the first packets to a next hop are the kernel's.
warm() {
	local before after

	before=$(ledger r0 out)/$(ledger r1 out)
	in_ns c ping -q -c 1 -W 2 $S_ADDR >/dev/null || return 1
	after=$(ledger r0 out)/$(ledger r1 out)
	[ $((${before%/*} + 1))/$((${before#*/} + 1)) = "$after" ]
}

lab_is_up() {
	modprobe veth || fail "no veth"
	lab_up "$LAB" || fail "no lab"
	# weir-gen wants a veth whose other end polls, by GRO where XDP is generic
	in_ns r ethtool -K r0 gro on
	wait_until in_ns c ping -q -c 1 -W 2 $S_ADDR
}

lab_is_down() {
	lab_down "$LAB"
	dmesg -l emerg,alert,crit,err,warn | grep -E 'BUG|WARNING|Oops|Call Trace' &&
		fail "the kernel complained: $(dmesg | tail -60)"
	true
}

