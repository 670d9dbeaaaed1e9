#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What Linux drops on its own path, told by cause, stage, device, namespace and number: headers and
# routes. See kernel.bash.

load helper
load kernel

setup_file() {
	start_kernel_lab drops
	in_ns r ip route add blackhole 203.0.113.0/26
	in_ns r ip route add prohibit 203.0.113.64/26
	in_ns r ip route add unreachable 203.0.113.128/26
}

teardown_file() {
	stop_kernel_lab
}

setup() {
	need python3 jq
}

teardown() {
	forget_failure
}

# --- headers ---

lose_by_version() {
	inject_quietly 3 "$(first=65 ipv4)"
	dropped "r r0 ip_rcv IP_INHDR 3"
}
@test "an IP version that is none" { lose_by_version; }

lose_by_header_length() {
	inject_quietly 4 "$(first=44 ipv4)"
	dropped "r r0 ip_rcv IP_INHDR 4"
}
@test "an IP header length that is none" { lose_by_header_length; }

lose_by_header_checksum() {
	inject_quietly 5 "$(check=1234 ipv4)"
	dropped "r r0 ip_rcv IP_CSUM 5"
}
@test "a wrong IP checksum" { lose_by_header_checksum; }

lose_by_total_length() {
	inject_quietly 3 "$(tot_len=100 ipv4)"
	inject_quietly 2 "$(tot_len=10 ipv4)"
	dropped "r r0 ip_rcv PKT_TOO_SMALL 3" "r r0 ip_rcv IP_INHDR 2"
}
@test "total lengths beyond the frame, and below the header" { lose_by_total_length; }

lose_by_options() {
	inject_quietly 3 "$(dst=$R0_ADDR options=44ff0000 ipv4)"
	dropped "r r0 ip_rcv IP_INHDR 3"
}
@test "bad IP options" { lose_by_options; }

lose_by_ttl() {
	inject_quietly 3 "$(ttl=1 ipv4)"
	dropped "r r0 ip_forward IP_TTL 3"
}
@test "a TTL that ends here" { lose_by_ttl; }

lose_for_other_host() {
	inject_quietly 3 "$(to=02:00:00:00:99:99 ipv4)"
	dropped "r r0 ip_rcv OTHERHOST 3"
}
@test "another host's MAC address" { lose_for_other_host; }

lose_by_ethertype() {
	inject_quietly 3 "$(type=88b5 ether)$(printf 'a5%.0s' {1..50})"
	dropped "r r0 core UNHANDLED_PROTO 3"
}
@test "an EtherType that nobody takes" { lose_by_ethertype; }

lose_arp() {
	inject_quietly 3 "$(type=0806 ether)$(printf 'a5%.0s' {1..50})"
	dropped "r r0 neigh ARP_INVALID 3"
}
@test "an ARP frame that is none" { lose_arp; }

# --- routes ---

lose_by_no_route() {
	sock c send 198.18.0.1 9 3 10
	dropped "r r0 route_in IP_INNOROUTES 3"
}
@test "no route" { lose_by_no_route; }

lose_by_blackhole() {
	sock c send 203.0.113.1 9 3 10
	dropped "r r0 route_in BLACKHOLE 3"
}
@test "a blackhole route" { lose_by_blackhole; }

lose_by_prohibit() {
	sock c send 203.0.113.65 9 4 10
	dropped "r r0 route_in PROHIBIT 4"
}
@test "a prohibit route" { lose_by_prohibit; }

lose_by_unreachable() {
	sock c send 203.0.113.129 9 5 10
	dropped "r r0 route_in UNREACHABLE 5"
}
@test "an unreachable route" { lose_by_unreachable; }

lose_by_rp_filter() {
	in_ns r sysctl -qw net.ipv4.conf.r0.rp_filter=1
	inject_quietly 3 "$(src=198.51.100.77 ipv4)"
	in_ns r sysctl -qw net.ipv4.conf.r0.rp_filter=0
	dropped "r r0 route_in IP_RPFILTER 3"
}
@test "rp_filter" { lose_by_rp_filter; }

lose_martians() {
	inject_quietly 1 "$(src=127.0.0.1 ipv4)" "$(dst=127.0.0.1 ipv4)" # IP_LOCALNET both
	inject_quietly 3 "$(src=224.0.0.1 ipv4)"
	inject_quietly 4 "$(dst=0.0.0.0 ipv4)"
	inject_quietly 5 "$(src=198.51.100.254 ipv4)"
	dropped "r r0 route_in IP_LOCALNET 2" "r r0 route_in IP_INVALID_SOURCE 3" \
		"r r0 route_in IP_INVALID_DEST 4" "r r0 route_in IP_LOCAL_SOURCE 5"
}
@test "martians: addresses that no packet may have" { lose_martians; }

lose_multicast() {
	inject_quietly 3 "$(dst=239.1.1.1 to=01:00:5e:01:01:01 ipv4)"
	dropped "r r0 route_in MULTICAST_NOT_JOINED 3"
}
@test "multicast that nobody has joined" { lose_multicast; }

# --- protocols of this host ---

lose_by_protocol() {
	inject_quietly 3 "$(dst=$R0_ADDR proto=253 ipv4)"
	dropped "r r0 ip_local_deliver IP_NOPROTO 3"
}
@test "an IP protocol that nobody takes" { lose_by_protocol; }

lose_icmp() {
	local rest
	rest=00000000$(printf '00%.0s' {1..8})

	inject_quietly 3 "$(dst=$R0_ADDR proto=1 payload=63001234$rest ipv4)"
	inject_quietly 4 "$(dst=$R0_ADDR proto=1 payload=6300$(checksum "63000000$rest")$rest ipv4)"
	dropped "r r0 ip_local_deliver ICMP_CSUM 3" "r r0 ip_local_deliver ICMP_INVALID 4"
}
@test "ICMP: a wrong checksum, a type that is none" { lose_icmp; }

lose_igmp() {
	inject_quietly 3 "$(dst=$R0_ADDR proto=2 payload=9900$(checksum 9900000000000000)00000000 ipv4)"
	dropped "r r0 ip_local_deliver IGMP_INVALID 3"
}
@test "IGMP of a type that is none" { lose_igmp; }

@test "all of these, each packet observed: the same, and the ledger balances" { all_at full; }
