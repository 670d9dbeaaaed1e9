#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What netfilter, XDP and traffic control drop on Linux's own path, told by hook, device, namespace and
# number. See kernel.bash.

load helper
load kernel

setup_file() {
	start_kernel_lab drops
	export PROGRAMS=/sys/fs/bpf/$LAB-victim
	bpftool prog loadall "$BUILD/bpf/victim.bpf.o" "$PROGRAMS"
}

teardown_file() {
	stop_kernel_lab
	rm -rf "${PROGRAMS:?}"
}

setup() {
	need python3 jq nft iptables-nft bpftool tc
}

teardown() {
	in_ns r nft flush ruleset
	in_ns s nft flush ruleset
	forget_failure
}

# send_by HOOK COUNT: what passes that hook of the router.
send_by() {
	case $1 in
	input) sock c send "$R0_ADDR" 6000 "$2" 10 ;;
	output) sock r send "$S_ADDR" 6000 "$2" 10 ;;
	*) sock c send "$S_ADDR" 6000 "$2" 10 ;;
	esac
}

# Where a packet of each hook is told.
place_of() {
	case $1 in
	prerouting) echo "r r0 nf_prerouting" ;;
	input) echo "r r0 nf_local_in" ;;
	forward) echo "r r0 nf_forward" ;;
	output) echo "r r1 nf_local_out" ;;
	postrouting) echo "r r1 nf_postrouting" ;;
	esac
}

# chain HOOK PRIORITY [TYPE]
chain() {
	nft_r "table ip t {
		chain x {
			type ${3:-filter} hook $1 priority $2
			udp dport 6000 drop
		}
	}"
}

lose_at_nft_hooks() {
	local hook priority lines=()

	for hook in prerouting input forward output postrouting; do
		for priority in raw mangle filter; do
			chain $hook $priority
			send_by $hook 2
		done
		lines+=("$(place_of $hook) NETFILTER_DROP/$hook 6")
	done
	in_ns r nft flush ruleset
	dropped "${lines[@]}"
}
@test "nft: drop at each hook, at priorities raw, mangle and filter" { lose_at_nft_hooks; }

lose_at_nft_nat() {
	nft_r 'table ip t {
		chain tracked {
			type filter hook forward priority 0
			ct state established accept
		}
		chain x {
			type nat hook prerouting priority dstnat
			udp dport 6000 drop
		}
	}'
	send_by prerouting 1 # the first of a connection passes here, and no other
	in_ns r nft flush ruleset
	dropped "r r0 nf_prerouting NETFILTER_DROP/prerouting 1"
}
@test "nft: drop in a chain of type nat" {
	if ! in_ns r nft -c 'add table ip t; add chain ip t x { type nat hook prerouting priority 0; }'; then
		skip "this kernel has no NAT chains"
	fi
	lose_at_nft_nat
}

# Five connections for two ports.
lose_at_snat_ports() {
	local port=$((RANDOM % 20000 + 20000)) try

	nft_r "table ip t {
		chain x {
			type nat hook postrouting priority srcnat
			udp dport 6000 snat to $R1_ADDR:$port-$((port + 1))
		}
	}"
	for try in {1..5}; do
		sock c send "$S_ADDR" 6000 1 10
	done
	in_ns r nft flush ruleset
	dropped "r r1 nf_postrouting NETFILTER_DROP/postrouting 3" "s s0 udp_rcv NO_SOCKET 2"
}
@test "nft: SNAT without a port left: told once" {
	if ! in_ns r nft -c 'add table ip t; add chain ip t x { type nat hook postrouting priority 0; }'; then
		skip "this kernel has no NAT chains"
	fi
	lose_at_snat_ports
}

# Resets without a socket, and such that a listening one has sent.
lose_resets_sent() {
	nft_r 'table ip t {
		chain x {
			type filter hook output priority 0
			tcp flags & rst == rst drop
		}
	}'
	hold r listen 8001 5
	inject_quietly 3 "$(dst=$R0_ADDR proto=6 payload=$(tcp_segment "$R0_ADDR" 02) ipv4)"
	inject_quietly 2 "$(dst=$R0_ADDR proto=6 payload=$(tcp_segment "$R0_ADDR" 10 8001) ipv4)"
	in_ns r nft flush ruleset
	dropped "r r0 tcp_rcv NO_SOCKET 3" "r r0 tcp_rcv TCP_FLAGS 2" \
		"r r0 nf_local_out NETFILTER_DROP/output 5"
	end_background
}
@test "nft: resets that are not to leave: told once" { lose_resets_sent; }

lose_invalid() {
	local flags frames=()

	nft_r 'table ip t {
		chain x {
			type filter hook forward priority 0
			ct state invalid counter drop
		}
	}'
	for flags in 03 05 00; do # SYN and FIN, FIN and RST alone, none
		frames+=("$(dst=$S_ADDR proto=6 payload=$(tcp_segment "$S_ADDR" $flags) ipv4)")
	done
	inject_quietly 2 "${frames[@]}"
	equal "by nft's counter" "$(in_ns r nft list ruleset | sed -nE 's/.*packets ([0-9]+) .*/\1/p')" 6
	in_ns r nft flush ruleset
	dropped "r r0 nf_forward NETFILTER_DROP/forward 6"
}
@test "nft: what connection tracking makes nothing of" { lose_invalid; }

@test "connection tracking whose table is full" {
	skip "net.netfilter.nf_conntrack_max is the machine's; tests/kernels tests it in a guest"
}

lose_at_iptables() {
	local table chain hook lines=() count

	for chain in PREROUTING INPUT FORWARD OUTPUT POSTROUTING; do
		hook=${chain,,} count=0
		for table in raw mangle filter; do
			in_ns r iptables-nft -t $table -A $chain -p udp --dport 6000 -j DROP 2>/dev/null ||
				continue # not every table has each chain
			send_by "$hook" 2
			in_ns r iptables-nft -t $table -F $chain
			count=$((count + 2))
		done
		lines+=("$(place_of "$hook") NETFILTER_DROP/$hook $count")
	done
	in_ns r nft flush ruleset
	dropped "${lines[@]}"
}
@test "iptables-nft: DROP in each chain of raw, mangle and filter" { lose_at_iptables; }

lose_at_netdev() {
	local family

	for family in netdev inet; do
		nft_r "table $family t {
			chain x {
				type filter hook ingress device r0 priority 0
				udp dport 6000 drop
			}
		}"
		send_by ingress 3
	done
	nft_r 'table netdev t {
		chain x {
			type filter hook egress device r1 priority 0
			udp dport 6000 drop
		}
	}'
	send_by egress 2
	send_by output 2
	in_ns r nft flush ruleset
	dropped "r r0 tc_ingress NETFILTER_DROP/ingress 6" "r r1 tc_egress NETFILTER_DROP/egress 4"
}
@test "nft: a device's own chains, in and out" { lose_at_netdev; }

lose_hairpin() {
	in_ns r ip route replace 203.0.113.0/24 via "$C_ADDR"
	chain forward filter
	sock c send 203.0.113.9 6000 3 10
	chain postrouting filter
	sock c send 203.0.113.9 6000 2 10
	in_ns r nft flush ruleset
	dropped "r r0 nf_forward NETFILTER_DROP/forward 3" "r r0 nf_postrouting NETFILTER_DROP/postrouting 2"
}
@test "nft: what leaves by the device that it came in by" { lose_hairpin; }

lose_on_loopback() {
	local hook lines=()

	for hook in output postrouting prerouting input; do
		chain $hook filter
		sock r send 127.0.0.1 6000 2 10
		lines+=("r lo $(place_of $hook | cut -d' ' -f3) NETFILTER_DROP/$hook 2")
	done
	in_ns r nft flush ruleset
	dropped "${lines[@]}"
}
@test "nft: what never leaves this host" { lose_on_loopback; }

lose_at_generic_xdp() {
	in_ns r bpftool net attach xdpgeneric pinned "$PROGRAMS/victim_xdp" dev r0
	send_by forward 3
	in_ns r bpftool net detach xdpgeneric dev r0
	dropped "r r0 xdp XDP_DROP 3"
}
@test "a generic XDP program that is not ours" { lose_at_generic_xdp; }

lose_at_native_xdp() {
	in_ns r bpftool net attach xdpdrv pinned "$PROGRAMS/victim_xdp" dev r0
	send_by forward 4
	in_ns r bpftool net detach xdpdrv dev r0
	dropped "r r0 xdp XDP_DROP 4"
}
@test "a native XDP program that is not ours" { lose_at_native_xdp; }

lose_at_tcx() {
	in_ns r bpftool net attach tcx_ingress pinned "$PROGRAMS/victim_tcx" dev r0
	send_by forward 3
	in_ns r bpftool net detach tcx_ingress dev r0
	in_ns r bpftool net attach tcx_egress pinned "$PROGRAMS/victim_tcx" dev r1
	send_by forward 2
	send_by output 2
	in_ns r bpftool net detach tcx_egress dev r1
	dropped "r r0 tc_ingress TC_INGRESS 3" "r r1 tc_egress TC_EGRESS 4"
}
@test "tcx programs that are not ours, in and out" { lose_at_tcx; }

lose_at_clsact() {
	in_ns r tc qdisc add dev r0 clsact
	in_ns r tc filter add dev r0 ingress bpf da pinned "$PROGRAMS/victim_tcx"
	in_ns r tc qdisc add dev r1 clsact
	send_by forward 3
	in_ns r tc filter del dev r0 ingress
	in_ns r tc filter add dev r1 egress bpf da pinned "$PROGRAMS/victim_tcx"
	send_by forward 2
	in_ns r tc qdisc del dev r0 clsact
	in_ns r tc qdisc del dev r1 clsact
	dropped "r r0 tc_ingress TC_INGRESS 3" "r r1 tc_egress TC_EGRESS 2"
}
@test "classifiers of clsact, in and out" { lose_at_clsact; }

@test "all of these, each packet observed: the same, and the ledger balances" { all_at full; }

# Those that follow read while rules are there, and these name all that was dropped since counting began.
anew() { watch_lab "$(<"$BATS_FILE_TMPDIR/level")"; }

# candidates WANTED: of the router's drops of netfilter, as a list in JSON.
candidates() {
	equal candidates "$1" "$(weir_k -j drop show plane kernel | jq -c '
		[.devices[] | select(.netns == "") | .drops[] | select(.reason == "NETFILTER_DROP")
		| .candidates] | unique[]')"
}

@test "nft: the only chain at a hook that can drop has the drop told by its name" {
	local hook

	for hook in prerouting input forward output postrouting; do
		chain $hook filter
		anew
		send_by $hook 2
		dropped "$(place_of $hook) NETFILTER_DROP/$hook/nft:t/x 2"
		candidates '[]'
	done
	anew # and without it there is no name, whatever was dropped before
	send_by postrouting 1
	in_ns r nft flush ruleset
	dropped "$(place_of postrouting) NETFILTER_DROP/postrouting 1"
}

@test "nft: only chains that can drop, there and IPv4, come into question" {
	nft_r 'table inet edge {
		map doors { type inet_service : verdict; elements = { 6000 : goto shut } }
		chain shut { reject; }
		chain inner { udp dport vmap @doors; }
		chain forw { type filter hook forward priority 0; jump inner; }
		chain pre { type filter hook prerouting priority 0; policy drop; accept; }
	}
	table ip t { chain x { type filter hook forward priority 5; udp dport 6000 counter accept; }; }
	table ip6 t { chain x { type filter hook forward priority 5; policy drop; }; }
	table arp t { chain x { type filter hook output priority 0; policy drop; }; }'
	anew
	send_by forward 2
	dropped "$(place_of forward) NETFILTER_DROP/forward/nft:edge/forw 2"
	candidates '[]'
}

@test "nft: several chains that can drop at a hook are candidates" {
	nft_r 'table ip a { chain x { type filter hook forward priority 0; udp dport 7 drop; }; }
	table inet b { chain y { type filter hook forward priority 5; policy drop; }; }'
	anew
	send_by forward 2
	dropped "$(place_of forward) NETFILTER_DROP/forward 2"
	candidates '["ip a/x","inet b/y"]'
	weir_k drop show plane kernel | grep -F "NETFILTER_DROP/forward is of one of these: ip a/x, inet b/y"
}

@test "nft: a device's own chain is told by its name, another device's is not" {
	nft_r 'table netdev t {
		chain x { type filter hook ingress device r0 priority 0; udp dport 6000 drop; }
		chain other { type filter hook ingress device r1 priority 0; udp dport 6000 drop; }
		chain out { type filter hook egress devices = { r0, r1 } priority 0; udp dport 6000 drop; }
	}'
	anew
	send_by ingress 3
	send_by output 2
	dropped "r r0 tc_ingress NETFILTER_DROP/ingress/nft:t/x 3" \
		"r r1 tc_egress NETFILTER_DROP/egress/nft:t/out 2"
}

@test "nft: rules of a namespace that weir is not in" {
	in_ns s nft 'table ip t { chain theirs { type filter hook input priority 0; udp dport 6000 drop; }; }'
	anew
	sock c send "$S_ADDR" 6000 2 10
	dropped "s s0 nf_local_in NETFILTER_DROP/input/nft:t/theirs 2"
}

@test "iptables-nft: tables are told by their names" {
	in_ns r iptables-nft -t raw -A PREROUTING -p udp --dport 6000 -j DROP
	anew
	send_by prerouting 2
	dropped "$(place_of prerouting) NETFILTER_DROP/prerouting/nft:raw/PREROUTING 2"
	in_ns r iptables-nft -t mangle -A PREROUTING -p udp --dport 6001 -j DROP
	candidates '["ip raw/PREROUTING","ip mangle/PREROUTING"]'
}

# The last: a table that is once there stays, empty.
@test "iptables-legacy: its tables are candidates" {
	need iptables-legacy
	in_ns r iptables-legacy -t filter -A FORWARD -p udp --dport 6000 -j DROP ||
		skip "this kernel has no iptables of its own"
	anew
	send_by forward 2
	dropped "$(place_of forward) NETFILTER_DROP/forward 2"
	candidates '["iptables:filter"]'
	in_ns r iptables-legacy -t filter -F
	chain forward filter
	candidates '["ip t/x","iptables:filter"]'
}
