#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What `weir doctor` says is so: each thing it warns of is made, seen by it with its number, and no
# longer seen once it is undone; what it says of the kernel is what others find by trying.

load helper
load objects
load frame

setup_file() {
	start_lab || return
	load_foreign
}

teardown_file() {
	unload_foreign
	stop_lab
}

setup() {
	need jq bpftool
	weir_r dev detach all
	quiet_lab
}

teardown() {
	end_background
	in_ns r nft flush ruleset 2>/dev/null || :
	ip -n "$LAB-r" rule flush 2>/dev/null || :
	ip -n "$LAB-r" rule add priority 32766 table main
	ip -n "$LAB-r" rule add priority 32767 table default
	ip -n "$LAB-r" route flush root 198.19.0.0/16
	ip -n "$LAB-r" route flush root 203.0.113.0/24
	in_ns r sysctl -qw net.ipv4.ip_forward_use_pmtu=0
	ip -n "$LAB-r" xfrm policy flush
	ip -n "$LAB-r" xfrm policy setdefault fwd accept 2>/dev/null || :
	local dev
	for dev in r0 r1; do
		in_ns r tc qdisc del dev "$dev" root 2>/dev/null || :
		in_ns r tc qdisc del dev "$dev" clsact 2>/dev/null || :
		ip -n "$LAB-r" link set "$dev" xdpdrv off
		ip -n "$LAB-r" link set "$dev" nomaster mtu 1500 up
	done
	ip -n "$LAB-r" link del weirbr0 2>/dev/null || :
	in_ns r sysctl -qw net.ipv4.ip_forward=1
	in_ns r sysctl -qw net.ipv4.conf.{r0,r1}.forwarding=1 net.ipv4.conf.{r0,r1}.rp_filter=0
}

# A router of which there is nothing to warn: tags within frames, GRO everywhere.
quiet_lab() {
	in_ns c ethtool -K c0 txvlan off gro on
	in_ns s ethtool -K s0 txvlan off gro on
	in_ns r ethtool -K r0 gro on
	in_ns r ethtool -K r1 gro on
}

# doctor [DEV]: its answer, in $output.
doctor() {
	run -0 --separate-stderr weir_r -j doctor "$@"
	equal stderr "$stderr" ""
}

# finding AREA CHECK [SUBJECT]: what the answer says of it, one JSON object a line.
finding() {
	jq -c --arg area "$1" --arg check "$2" --arg subject "${3:-}" '.findings[] |
		select(.area == $area and .check == $check and ($subject == "" or
		.subject == $subject))' <<<"$output"
}

# found AREA CHECK SUBJECT FILTER: there is one such finding, and it is so.
found() {
	local f

	f=$(finding "$1" "$2" "$3")
	jq -se "length == 1 and (.[0] | $4)" <<<"$f" >/dev/null ||
		{ echo "$1 $2 $3: not $4 but '$f'"; return 1; }
}

not_found() {
	equal "$*" "$(finding "$@")" ""
}

# --- the answer as such ---

@test "a quiet router: no warning, and nothing that is gone round" {
	doctor
	jq -e '.version == 1 and .states.warning == 0 and .kernel != "" and
		([.findings[] | select(.area == "bypass")] | length) == 0 and
		([.findings[] | select(.area == "device").subject] | unique) == ["r0", "r1"]' \
		<<<"$output" || { jq -c '.findings[] | select(.state == "warning")' <<<"$output"
		return 1; }
	run -0 weir_r doctor
	[[ $output = *$'\nwhat the fast path goes round: nothing found\n'* ]]
}

@test "the text has every finding, and its remedy, in 80 columns" {
	local n remedy

	ip -n "$LAB-r" rule add to 203.0.113.0/24 table 100
	doctor
	n=$(jq '.findings | length' <<<"$output")
	jq -r '.findings[] | select(.state != "ok" and .remedy != "").remedy' <<<"$output" \
		>"$BATS_TEST_TMPDIR/remedies"
	run -0 weir_r doctor
	equal findings "$(grep -cE '^  (ok|--|!!|\?\?)  ' <<<"$output")" "$n"
	! grep -E '^.{81}' <<<"$output"
	[ -s "$BATS_TEST_TMPDIR/remedies" ]
	# a remedy may be broken into lines
	tr -s '\n ' ' ' <<<"$output" >"$BATS_TEST_TMPDIR/flat"
	while read -r remedy; do
		grep -qF "try: $(tr -s ' ' <<<"$remedy")" "$BATS_TEST_TMPDIR/flat" ||
			{ echo "no: $remedy"; return 1; }
	done <"$BATS_TEST_TMPDIR/remedies"
}

@test "it changes nothing: no program, no pin, no namespace, no device" {
	local before

	state_of_all() {
		in_ns r ip -j -d link show | jq -c 'map({ifname, xdp, flags})'
		ip netns list | grep -c "$LAB"
		find "$BPFFS" -path "*$COOKIE*"
	}
	read_cookie
	before=$(state_of_all)
	doctor
	equal state "$(state_of_all)" "$before"
	has_no_objects
	! bpftool -j prog show | jq -e '.[] | select(.name // "" | startswith("try_"))' ||
		wait_until eval '! bpftool -j prog show | jq -e ".[] |
			select(.name // \"\" | startswith(\"try_\"))"'
}

@test "one device may be named; one that is not there: exit 3" {
	doctor r1
	jq -e '([.findings[] | select(.area == "device").subject] | unique) == ["r1"]' <<<"$output"
	fails 3 weir_r doctor nosuch
	says '*nosuch*'
	fails 1 weir_r doctor r0 r1
	ip -n "$LAB-r" link set r1 down
	doctor
	not_found device link r1
	doctor r1
	found device link r1 '.state == "off" and .remedy == "ip link set r1 up"'
	ip -n "$LAB-r" link set r1 up
	ip -n "$LAB-r" addr replace 198.51.100.254/24 dev r1
}

@test "without the right to look: exit 2 and the remedy" {
	need setpriv capsh
	fails 2 in_ns r setpriv --bounding-set=-all --inh-caps=-all -- "$WEIR" doctor
	advises '*root*CAP_BPF*'
	fails 2 in_ns r capsh --drop=cap_bpf,cap_sys_admin -- -c "'$WEIR' doctor"
	run -0 in_ns r capsh --drop=cap_sys_admin -- -c "'$WEIR' -j doctor"
	found kernel rights '' '.state == "missing" and (.why | test("CAP_SYS_ADMIN"))'
	found kernel xdp_native '' '.state == "unknown"'
}

# --- the kernel ---

# state_is CHECK CMD...: it is ok where the command succeeds, and missing where it does not.
state_is() {
	local check=$1 want=missing

	shift
	! "$@" >"$BATS_TEST_TMPDIR/try" 2>&1 || want=ok
	found kernel "$check" '' ".state == \"$want\"" || { cat "$BATS_TEST_TMPDIR/try"; return 1; }
}

probes() {
	grep -qx "eBPF $1 is available" "$BATS_TEST_TMPDIR/features"
}

@test "the kernel's features are those that bpftool finds" {
	bpftool feature probe >"$BATS_TEST_TMPDIR/features"
	doctor
	state_is bpf probes 'program_type xdp'
	state_is devmap probes 'map_type devmap_hash'
	state_is netfilter_link probes 'program_type netfilter'
	state_is sk_lookup probes 'program_type sk_lookup'
	state_is cgroup probes 'program_type cgroup_skb'
	state_is jit grep -qx 'JIT compiler is enabled' "$BATS_TEST_TMPDIR/features"
	state_is btf test -r /sys/kernel/btf/vmlinux
	state_is timer grep -q -- '- bpf_timer_init' "$BATS_TEST_TMPDIR/features"
	state_is kern_ctx eval 'bpftool btf dump file /sys/kernel/btf/vmlinux |
		grep -q "FUNC .bpf_cast_to_kern_ctx."'
	state_is fentry probes 'program_type tracing'
	state_is kprobe test -e /sys/bus/event_source/devices/kprobe
}

@test "what can be attached is what ip, tc and weir can attach" {
	doctor
	state_is xdp_native in_ns r ip link set r0 xdpdrv pinned "$FOREIGN/xdp_fib"
	ip -n "$LAB-r" link set r0 xdp off
	state_is xdp_generic in_ns r ip link set r0 xdpgeneric pinned "$FOREIGN/xdp_fib"
	ip -n "$LAB-r" link set r0 xdpgeneric off
	state_is clsact in_ns r tc qdisc add dev r0 clsact
	state_is tp_btf weir_r dev attach r0
	weir_r dev detach all
	state_is af_xdp grep -q '^XDP ' /proc/net/protocols
	found kernel bpffs '' '.state == "ok"'
	found kernel memlock '' '.state == "ok"'
	found kernel netns '' '.state == "ok"'
}

@test "forwarding that is off, for all or for one device" {
	in_ns r sysctl -qw net.ipv4.ip_forward=0
	doctor
	found kernel ip_forward '' '.state == "off" and .remedy == "sysctl -w net.ipv4.ip_forward=1"'
	found device forwarding r0 '.state == "off"'
	in_ns r sysctl -qw net.ipv4.ip_forward=1
	doctor
	found kernel ip_forward '' '.state == "ok"'
	found device forwarding r0 '.state == "ok"'
	in_ns r sysctl -qw net.ipv4.conf.r0.forwarding=0
	doctor
	found device forwarding r0 '.state == "off"'
	found device forwarding r1 '.state == "ok"'
	in_ns r "$(jq -r '.findings[] | select(.check == "forwarding" and .subject == "r0").remedy |
		split(" ") | .[0]' <<<"$output")" -w net/ipv4/conf/r0/forwarding=1
	doctor
	found device forwarding r0 '.state == "ok"'
}

# --- devices ---

@test "an XDP program on a device: none, weir's, another's" {
	local id

	doctor r0
	found device xdp_program r0 '.state == "off" and .why == "none"'
	weir_r dev attach r0
	doctor r0
	found device xdp_program r0 ".state == \"ok\" and (.why | test(\"$(prog_on r0)\"))"
	weir_r dev detach r0
	in_ns r ip link set r0 xdpdrv pinned "$FOREIGN/xdp_fib"
	id=$(prog_on r0)
	doctor r0
	found device xdp_program r0 ".state == \"warning\" and (.why | test(\"id $id, xdp_fib\")) and
		(.remedy | test(\"prog show id $id; .* dev attach r0 force\"))"
	# and where weir's pins say that it is attached
	in_ns r ip link set r0 xdpdrv off
	weir_r dev attach r0
	bpftool link detach id "$(weir_r -j dev show r0 | jq '.devices[0].link_id')"
	in_ns r ip link set r0 xdpdrv pinned "$FOREIGN/xdp_fib"
	doctor r0
	found device xdp_program r0 '.state == "warning" and (.why | test("xdp_fib"))'
}

@test "a veth whose other end takes no redirected frames; and what is said of it helps" {
	local remedy

	doctor r1
	found device xdp_target r1 '.state == "ok"'
	in_ns s ethtool -K s0 gro off
	doctor r1
	found device xdp_target r1 '.state == "missing"'
	remedy=$(finding device xdp_target r1 | jq -r .remedy)
	[[ $remedy == "ethtool -K s0 gro on  (s0 in namespace $LAB-s)" ]]
	# shellcheck disable=SC2086
	in_ns s ${remedy%%  (*}
	doctor r1
	found device xdp_target r1 '.state == "ok"'
}

@test "VLAN tags that would lie beside the frame; and what is said of it helps" {
	local remedy

	doctor r0
	found device vlan r0 '.state == "ok"'
	in_ns c ethtool -K c0 txvlan on
	doctor r0
	found device vlan r0 '.state == "warning"'
	remedy=$(finding device vlan r0 | jq -r .remedy)
	[[ $remedy == "ethtool -K c0 txvlan off  (c0 in namespace $LAB-c)" ]]
	# shellcheck disable=SC2086
	in_ns c ${remedy%%  (*}
	doctor r0
	found device vlan r0 '.state == "ok"'
}

@test "driver, queues, GRO, offloads, MTU, rp_filter" {
	local features

	doctor r0
	found device driver r0 '.state == "ok" and .why == "veth"'
	found device queues r0 ".state == \"ok\" and (.why | startswith(\"$(in_ns r ip -j -d link \
		show r0 | jq -r '.[0] | "\(.num_rx_queues) in, \(.num_tx_queues) out"')\"))"
	found device gro r0 '.state == "ok"'
	found device mtu r0 '.state == "ok" and .why == "1500"'
	found device rp_filter r0 '.why == "off"'
	features=$(in_ns r ethtool -k r0 | awk '/^(tcp-segm|generic-segm|rx-checksumming)/ { print $2 }
		/tx-udp-segmentation/ { print $2 }' | paste -sd, -)
	equal features "$features" on,on,on,on
	found device offloads r0 '.why | test("TSO on, UDP GSO on, GSO on, checksums in on")'
	in_ns r ethtool -K r0 gro off tso off
	in_ns r sysctl -qw net.ipv4.conf.r0.rp_filter=1
	ip -n "$LAB-r" link set r0 mtu 9000
	doctor r0
	found device gro r0 '.state == "off" and .remedy == "ethtool -K r0 gro on"'
	found device offloads r0 '.why | test("TSO off")'
	found device rp_filter r0 '.why == "strict"'
	found device mtu r0 '.why == "9000"'
	in_ns r ethtool -K r0 tso on
}

@test "rp_filter that was changed since: what it was holds, until the device is attached anew" {
	weir_r dev attach r0
	doctor r0
	found device rp_filter r0 '.state == "ok" and .why == "off"'
	in_ns r sysctl -qw net.ipv4.conf.r0.rp_filter=1
	doctor r0
	found device rp_filter r0 '.state == "warning" and (.why | test("^strict, but off when")) and
		(.remedy | test("dev attach r0 force$"))'
	weir_r dev attach r0 force
	doctor r0
	found device rp_filter r0 '.state == "ok" and .why == "strict"'
}

@test "a port of a bridge" {
	ip -n "$LAB-r" link add weirbr0 type bridge || skip "this kernel has no bridges"
	doctor r0
	not_found device master r0
	ip -n "$LAB-r" link set r0 master weirbr0
	doctor r0
	found device master r0 '.state == "warning" and (.why | test("bridge weirbr0")) and
		(.remedy | test("dev attach weirbr0 xdp generic"))'
}

@test "tcx programs of others" {
	bpftool net help 2>&1 | grep -q tcx ||
		skip "nothing here attaches a tcx program: bpftool 7.6 or later does"
	doctor r0
	not_found device tc_programs r0
	bpftool prog load "$BUILD/bpf/foreign.bpf.o" "$BPFFS/$LAB-tcx"
	in_ns r bpftool net attach tcx_ingress pinned "$BPFFS/$LAB-tcx" dev r0
	doctor r0
	rm "$BPFFS/$LAB-tcx"
	found device tc_programs r0 '.state == "warning" and .count == 1 and
		(.why | test("foreign_tcx"))'
	in_ns r bpftool net detach tcx_ingress dev r0
}

# --- what the fast path goes round ---

nft() {
	in_ns r nft "$@"
}

@test "nftables: each table where forwarded packets come by, and how many rules" {
	need nft
	nft add table inet weirone || skip "this kernel has no nftables"
	nft 'add chain inet weirone through { type filter hook forward priority 0; policy accept; }'
	doctor
	not_found bypass nftables # a chain that does nothing
	nft add rule inet weirone through udp dport 53 counter drop
	nft add rule inet weirone through tcp dport 53 counter drop
	nft add chain inet weirone other
	nft add rule inet weirone other counter
	doctor
	found bypass nftables 'inet weirone' '.state == "warning" and .count == 3 and
		(.why | test("3 rules on forward")) and
		(.remedy | startswith("nft list table inet weirone"))'
	# what never meets a forwarded packet is none of its business
	nft add table ip weirtwo
	nft 'add chain ip weirtwo in { type filter hook input priority 0; policy drop; }'
	nft add rule ip weirtwo in udp dport 1 drop
	nft add table ip6 weirsix
	nft 'add chain ip6 weirsix through { type filter hook forward priority 0; policy drop; }'
	doctor
	equal tables "$(finding bypass nftables | jq -sc 'map(.subject)')" '["inet weirone"]'
	nft 'add chain ip weirtwo post { type nat hook postrouting priority 100; policy accept; }'
	nft add rule ip weirtwo post oifname r1 masquerade ||
		nft add rule ip weirtwo post oifname r1 counter
	nft add table netdev weirdev
	nft 'add chain netdev weirdev in { type filter hook ingress device r0 priority 0; policy drop; }'
	doctor
	found bypass nftables 'ip weirtwo' '.count == 1 and (.why | test("1 rule on postrouting"))'
	found bypass nftables 'netdev weirdev' '.count == 0 and (.why | test("policy"))'
	nft flush ruleset
	doctor
	not_found bypass nftables
}

@test "nftables: translation, marks and what else would be missed is named" {
	need nft
	nft add table ip weirnat || skip "this kernel has no nftables"
	nft 'add chain ip weirnat post { type nat hook postrouting priority 100; }' &&
		nft add rule ip weirnat post oifname r1 masquerade || skip "this kernel has no NAT"
	doctor
	found bypass nftables 'ip weirnat' '.count == 1 and .state == "warning" and
		(.why | test("1 rule on postrouting, with masquerade$"))'
	nft 'add chain ip weirnat pre { type nat hook prerouting priority -100; }'
	nft add rule ip weirnat pre iifname r0 udp dport 53 dnat to 198.51.100.1
	nft add rule ip weirnat post oifname r1 ip saddr 192.0.2.7 snat to 198.51.100.7
	doctor
	found bypass nftables 'ip weirnat' '.count == 3 and
		(.why | test("3 rules on .*, with masquerade, snat, dnat$"))'
	# what is only looked at is none of it
	nft add table inet weirmarks
	nft 'add chain inet weirmarks through { type filter hook forward priority 0; }'
	nft add rule inet weirmarks through meta mark 7 accept
	doctor
	found bypass nftables 'inet weirmarks' '.why | test("1 rule on forward$")'
	nft add rule inet weirmarks through udp dport 53 meta mark set 7
	doctor
	found bypass nftables 'inet weirmarks' '.why | test("2 rules on forward, with marks$")'
	# chains of a device, in both directions
	nft add table netdev weirout
	nft 'add chain netdev weirout out { type filter hook egress device r1 priority 0; }' ||
		skip "this kernel has no egress hook"
	nft add rule netdev weirout out udp dport 53 drop
	doctor
	found bypass nftables 'netdev weirout' '.why | test("1 rule on egress")'
}

@test "nftables: zones and helpers of connections" {
	need nft
	nft add table inet weirct || skip "this kernel has no nftables"
	nft 'add chain inet weirct pre { type filter hook prerouting priority -300; }'
	nft add rule inet weirct pre ct state new counter || skip "this kernel has no conntrack rules"
	doctor
	found bypass nftables 'inet weirct' '.why | test("on prerouting$")'
	nft add rule inet weirct pre iifname r0 ct zone set 5 || skip "this kernel has no zones"
	doctor
	found bypass nftables 'inet weirct' '.why | test("with ct helper or zone$")'
}

@test "a queueing discipline that shapes, on its device only" {
	in_ns r tc qdisc add dev r1 root tbf rate 1gbit burst 100k latency 10ms ||
		skip "this kernel has no tbf"
	doctor
	found bypass qdisc r1 '.state == "warning" and (.why | test("tbf on r1")) and
		(.remedy | startswith("tc -s qdisc show dev r1"))'
	not_found bypass qdisc r0
	doctor r0
	not_found bypass qdisc
	in_ns r tc qdisc del dev r1 root
	in_ns r tc qdisc add dev r1 root pfifo limit 100
	doctor
	not_found bypass qdisc
}

@test "queueing disciplines: htb, and one that hands on in order" {
	in_ns r tc qdisc add dev r0 root pfifo_fast 2>/dev/null || skip "this kernel has no pfifo_fast"
	doctor
	not_found bypass qdisc
	in_ns r tc qdisc replace dev r0 root htb || skip "this kernel has no htb"
	doctor
	found bypass qdisc r0 '.why | test("^htb on r0")'
}

@test "fq_codel: what the kernel gives each device is not told, what someone has set is" {
	in_ns r tc qdisc replace dev r0 root fq_codel || skip "this kernel has no fq_codel"
	doctor
	found bypass qdisc r0 '.why | test("^fq_codel on r0")'
}

@test "tc filters, in both directions" {
	in_ns r tc qdisc add dev r0 clsact
	doctor
	not_found bypass tc_filters
	in_ns r tc filter add dev r0 ingress u32 match u32 0 0 flowid 1:1 ||
		skip "this kernel has no u32 filters"
	in_ns r tc filter add dev r0 egress u32 match u32 0 0 flowid 1:1
	doctor
	found bypass tc_filters r0 '.count == 2 and (.why | test("2 filters on r0"))'
	not_found bypass tc_filters r1
}

@test "ip rules: honoured but for those by mark" {
	doctor
	not_found bypass ip_rules
	ip -n "$LAB-r" rule add from 203.0.113.0/24 table 100
	doctor
	found bypass ip_rules '' '.count == 1 and (.why | test("^1 rule: honoured"))'
	ip -n "$LAB-r" rule add fwmark 7 table 100
	doctor
	found bypass ip_rules '' '.count == 2 and (.why | test("1 by firewall mark"))'
	ip -n "$LAB-r" rule add not fwmark 7 table 100
	ip -n "$LAB-r" rule add fwmark 0/0xff table 100
	ip -n "$LAB-r" rule add tun_id 5 table 100
	ip -n "$LAB-r" rule add uidrange 0-5 ipproto udp dport 53 iif r0 tos 0x10 table 100
	doctor
	found bypass ip_rules '' '.state == "warning" and .count == 6 and
		(.why | test("4 by firewall mark or tunnel id"))'
	ip -n "$LAB-r" rule del tun_id 5 table 100
	ip -n "$LAB-r" rule del uidrange 0-5 table 100
	ip -n "$LAB-r" rule del fwmark 0/0xff table 100
	ip -n "$LAB-r" rule del not fwmark 7 table 100
	ip -n "$LAB-r" rule del fwmark 7 table 100
	ip -n "$LAB-r" rule del from 203.0.113.0/24 table 100
	doctor
	not_found bypass ip_rules
	# at a default one's place, and with its table for some packets only
	ip -n "$LAB-r" rule add priority 32766 table 100
	ip -n "$LAB-r" rule add priority 32767 from 203.0.113.0/24 table default
	doctor
	found bypass ip_rules '' '.count == 2'
}

@test "MTUs of routes: those that are locked, or asked for, are kept; of others it is told" {
	local long

	long=04d2270f03fc0000$(printf 'a5%.0s' {1..1012})
	weir_r dev attach r0 r1
	doctor
	not_found bypass route_mtus
	ip -n "$LAB-r" route add 198.19.0.0/16 via "$S_ADDR" mtu 1000
	ip -n "$LAB-r" route add 203.0.113.0/24 via "$S_ADDR" mtu lock 1000
	doctor
	found bypass route_mtus '' '.state == "warning" and .count == 1 and (.why | test("^1 route whose MTU"))'
	# both remedies: by sysctl, and by a lock
	in_ns r sysctl -qw net.ipv4.ip_forward_use_pmtu=1
	doctor
	not_found bypass route_mtus
	mark
	inject 1 "$(dst=198.19.0.1 payload=$long ipv4)"
	expect r0 ip_forward_PUNT_PKT_TOO_BIG 1
	in_ns r sysctl -qw net.ipv4.ip_forward_use_pmtu=0
	ip -n "$LAB-r" route change 198.19.0.0/16 via "$S_ADDR" mtu lock 1000
	doctor
	not_found bypass route_mtus
	mark
	inject 1 "$(dst=198.19.0.1 payload=$long ipv4)"
	expect r0 ip_forward_PUNT_PKT_TOO_BIG 1
}

@test "IPsec policies: what they speak of is not gone round, and what that costs" {
	local i

	doctor
	not_found bypass xfrm
	ip -n "$LAB-r" xfrm policy add src 192.0.2.0/24 dst 203.0.113.0/24 dir out \
		tmpl proto esp mode tunnel || skip "this kernel has no xfrm"
	ip -n "$LAB-r" xfrm policy add src 203.0.113.0/24 dst 192.0.2.0/24 dir fwd \
		tmpl proto esp mode tunnel
	ip -n "$LAB-r" xfrm policy add src 203.0.113.0/24 dst 192.0.2.0/24 dir in \
		tmpl proto esp mode tunnel
	ip -n "$LAB-r" xfrm policy add dir out if_id 5 tmpl proto esp mode tunnel
	doctor
	found bypass xfrm '' '.state == "ok" and .count == 2 and
		(.why | test("1 out, 1 forward: what they speak of goes to the kernel"))'
	for ((i = 0; i < 1020; i++)); do
		echo "xfrm policy add dst 10.0.$((i / 256)).$((i % 256))/32 dir in"
	done | ip -n "$LAB-r" -batch -
	doctor
	found bypass xfrm '' '.state == "warning" and
		(.why | test("1024 in all: more than 1023, so all goes to the kernel"))'
	ip -n "$LAB-r" xfrm policy flush
	ip -n "$LAB-r" xfrm policy setdefault fwd block || skip "no default policies here"
	doctor
	found bypass xfrm '' '.state == "warning" and (.why | test("all goes to the kernel"))'
	ip -n "$LAB-r" xfrm policy setdefault fwd accept
	doctor
	not_found bypass xfrm
}

@test "packet sockets" {
	need tcpdump
	doctor
	not_found bypass taps
	background_capture r r0 'udp port 9'
	doctor
	found bypass taps '' '.count == 1'
	end_background
	doctor
	not_found bypass taps
}

@test "tracked connections" {
	need nft
	doctor
	not_found bypass conntrack
	nft add table ip weirct || skip "this kernel has no nftables"
	nft 'add chain ip weirct pre { type filter hook prerouting priority 0; }'
	nft add rule ip weirct pre ct state new counter || skip "this kernel has no conntrack rules"
	pings 1
	doctor
	found bypass conntrack '' '.count >= 1'
	equal count "$(finding bypass conntrack | jq .count)" \
		"$(in_ns r cat /proc/sys/net/netfilter/nf_conntrack_count)"
}
