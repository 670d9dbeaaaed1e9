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
