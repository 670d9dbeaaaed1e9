# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A tunnel by ESP from c to the router, beside the fast path: what goes through it is encrypted and
# decrypted by the kernel, and what does not stays fast.

. tests/kernels/guest/lab.bash

PLAIN=198.51.100.2 # of s too, and no policy speaks of it
PINGS=20
KEY=00112233445566778899aabbccddeeff

# state SRC DST SPI: on both ends, so that either may send.
state() {
	local x

	for x in c r; do
		ip -n "$LAB-$x" xfrm state add src "$1" dst "$2" proto esp spi "$3" mode tunnel \
			enc 'cbc(aes)' "0x$KEY" auth 'hmac(sha256)' "0x$KEY$KEY" ||
			fail "the kernel refuses ESP"
	done
}

# policy NS DIR SRC DST FROM TO
policy() {
	ip -n "$LAB-$1" xfrm policy add src "$3" dst "$4" dir "$2" \
		tmpl src "$5" dst "$6" proto esp mode tunnel || fail "policy $*"
}

tunnel_is_up() {
	local c=192.0.2.1 r=192.0.2.254

	# ansi_cprng: the guest is too short of noise for a better one
	modprobe -a xfrm_user esp4 ansi_cprng || touch /tmp/no_esp
	need_esp
	state $c $r 0x100
	state $r $c 0x101
	policy c out $c $S_ADDR $c $r
	policy c in $S_ADDR $c $r $c
	policy r in $c $S_ADDR $c $r
	policy r fwd $c $S_ADDR $c $r
	policy r out $S_ADDR $c $r $c
	ip -n "$LAB-s" addr add $PLAIN/24 dev s0
}

need_esp() {
	[ ! -e /tmp/no_esp ] || skip "this kernel has no ESP"
}

# tunnelled DEV...: pings arrive and come back through the tunnel, and on these devices of the router
# each was left to the kernel; c takes no answer in clear. Others are fast.
tunnelled() {
	local dev
	local -A before=()

	for dev; do
		before[$dev]=$(counted "$dev" ip_forward XFRM_POLICY)
	done
	in_ns c ping -q -c $PINGS -i 0.05 -W 2 $S_ADDR | grep "$PINGS received" || fail "pings were lost"
	for dev; do
		equal "$dev" $(($(counted "$dev" ip_forward XFRM_POLICY) - ${before[$dev]})) $PINGS
	done
	wait_until plain_is_fast
	ledger_balances
}

plain_is_fast() {
	local before=$(($(ledger r0 out) + $(ledger r1 out)))

	in_ns c ping -q -c 5 -i 0.05 -W 2 $PLAIN | grep '5 received' &&
		[ $(($(ledger r0 out) + $(ledger r1 out))) = $((before + 10)) ]
}

by_xdp() {
	need_esp
	weir_r dev attach r0 r1 || fail "refused"
	tunnelled r1
}

# TC meets what comes out of the tunnel, on r0, as well as what goes in.
by_tc() {
	need_esp
	weir_r dev detach all && weir_r dev attach r0 r1 xdp off tc on || fail "refused"
	tunnelled r0 r1
}

echoes() {
	in_ns s awk '$1 == "Icmp:" && !n { n = split($0, name); next }
		$1 == "Icmp:" { for (i = 2; i <= n; i++) if (name[i] == "InEchos") print $i }' /proc/net/snmp
}

# The kernel drops what was decrypted and no policy allows: TC does not forward it in its place.
refuses_what_no_policy_allows() {
	local before arrived

	need_esp
	ip -n "$LAB-r" xfrm policy flush
	wait_until plain_is_fast
	before=$(counted r0 ip_forward XFRM_POLICY) arrived=$(echoes)
	in_ns c ping -q -c 5 -i 0.05 -W 1 $S_ADDR >/dev/null
	equal punted $(($(counted r0 ip_forward XFRM_POLICY) - before)) 5
	equal arrived "$(echoes)" "$arrived"
	ledger_balances
}

check "ipsec: the lab is up" lab_is_up
check "ipsec: a tunnel" tunnel_is_up
check "ipsec: XDP leaves what is for the tunnel to the kernel" by_xdp
check "ipsec: TC does, and what comes out of it" by_tc
check "ipsec: TC forwards nothing decrypted that no policy allows" refuses_what_no_policy_allows
check "ipsec: the kernel said nothing bad" lab_is_down
