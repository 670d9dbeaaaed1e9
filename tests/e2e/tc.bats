#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The TC hooks: what they forward, alone and beside XDP; superframes; that nothing is judged twice;
# what a queueing discipline or a driver refuses behind them; and how they are attached.

load tc

# --- TC alone ---

@test "TC alone: pings are forwarded both ways and counted once at each hook" {
	local before dev

	tc_only
	before=$(kernel_forwarded)
	run -0 in_ns c ping -q -c 5 -i 0.05 "$S_ADDR"
	run -0 in_ns s ping -q -c 4 -i 0.05 "$C_ADDR"
	for dev in r0 r1; do
		expect "$dev/tc_ingress" in 9
		expect "$dev/tc_ingress" xmit_OUT_NONE 9
		expect "$dev/tc_ingress" sent 9
		expect "$dev/tc_egress" tc_egress_OUT_TC_JUDGED 9
		expect "$dev/tc_egress" xmit_OUT_NONE 0
		equal "$dev bytes" "$(since "$dev/tc_ingress" xmit_OUT_NONE bytes)" $((9 * 98))
	done
	equal "forwarded by the kernel" "$(kernel_forwarded)" "$before"
	balanced
}

@test "TC alone: one hop less, the router's address, a header sum that is right" {
	tc_only
	background_capture s s0 icmp -e -v -c 1
	in_ns c ping -q -c 1 -t 17 "$S_ADDR"
	wait_until captured "$(lab_mac r1) > $(lab_mac s0)"
	captured "ttl 16,"
	run ! captured "bad cksum"
}

@test "TC alone: UDP of every size arrives, unchanged" {
	local size sent=$BATS_TEST_TMPDIR/sent got

	tc_only
	for size in 1 17 511 1472; do
		head -c $((size * 50)) /dev/urandom >"$sent"
		got=$BATS_TEST_TMPDIR/got-$size
		: >"$got"
		background in_ns s socat -u -b 65536 "UDP4-RECV:$((10000 + size)),rcvbuf=212992" \
			"OPEN:$got,append"
		wait_until listens s udp $((10000 + size))
		in_ns c socat -u -b "$size" "OPEN:$sent" "UDP4-SENDTO:$S_ADDR:$((10000 + size))"
		wait_until cmp "$sent" "$got"
	done
	expect r0/tc_ingress xmit_OUT_NONE 200
	expect r1/tc_egress tc_egress_OUT_TC_JUDGED 200
	balanced
}

@test "TC alone: superframes of TCP are forwarded whole, and the data arrives intact" {
	local before frames segs

	tc_only
	before=$(kernel_forwarded)
	bulk c s 20000000
	frames=$(since r0/tc_ingress gso_frames) segs=$(since r0/tc_ingress gso_segs)
	[ "$frames" -gt 0 ]
	[ "$segs" -gt $((2 * frames)) ]
	# as they came in, they go out: none is cut in between
	expect r1/tc_egress gso_frames "$frames"
	expect r1/tc_egress gso_segs "$segs"
	expect r1/tc_egress in "$(since r0/tc_ingress sent)"
	equal "forwarded by the kernel" "$(kernel_forwarded)" "$before"
	bulk s c 5000000
	[ "$(since r1/tc_ingress gso_frames)" -gt 0 ]
	balanced
}

@test "TC alone: superframes for a smaller MTU are punted, the sender is told, the data arrives" {
	tc_only
	in_ns r ip link set r1 mtu 1000 # the server says that it takes more
	bulk c s 2000000
	[ "$(since r0/tc_ingress ip_forward_PUNT_PKT_TOO_BIG)" -gt 0 ]
	[ "$(since r0/tc_ingress gso_frames)" -gt 0 ]
	[ "$(since r0/tc_ingress xmit_OUT_NONE)" -gt 0 ]
	expect r0/tc_ingress ip_forward_PUNT_IP_FRAGMENT 0
	in_ns s ip link set s0 mtu 1000
	in_ns c ip route flush cache
	mark $HOOKS
	run -1 in_ns c ping -q -c 2 -i 0.05 -W 1 -s 1400 -M 'do' "$S_ADDR"
	in_ns c ip route flush cache
	run -0 in_ns c ping -q -c 3 -i 0.05 -s 1400 -M dont "$S_ADDR" # the kernel cuts them
	expect r0/tc_ingress ip_forward_PUNT_IP_FRAGMENT 3
	balanced
}

@test "TC alone: a device without TSO: the kernel cuts superframes, and none is lost" {
	tc_only
	in_ns r ethtool -K r1 tso off gso off
	bulk c s 3000000
	[ "$(since r0/tc_ingress gso_frames)" -gt 0 ]
	balanced
}

# dropped STAGE CAUSE COUNT HEX...: injects each COUNT times; all are dropped for this reason only.
dropped() {
	local exit=$1_DROP_$2 count=$3 hex packets=0 bytes=0

	shift 3
	for hex; do
		inject "$count" "$hex"
		packets=$((packets + count))
		bytes=$((bytes + count * ${#hex} / 2))
	done
	expect r0/tc_ingress "$exit" "$packets"
	equal bytes "$(since r0/tc_ingress "$exit" bytes)" "$bytes"
	expect r0/tc_ingress xmit_OUT_NONE 0
	mark r0/tc_ingress
}

@test "TC alone: what is malformed is dropped as XDP drops it" {
	tc_only
	dropped ip_rcv IP_CSUM 7 "$(check=0000 ipv4)" "$(check=ffff ipv4)"
	dropped ip_rcv IP_INHDR 5 "$(first=65 ipv4)" "$(first=44 ipv4)" "$(first=55 ipv4)" \
		"$(tot_len=19 ipv4)" "$(ether)45" "$(ether)" "$(ipv4 | cut -c -66)"
	dropped ip_rcv PKT_TOO_SMALL 6 "$(tot_len=47 ipv4)" "$(tot_len=65535 ipv4)" \
		"$(ipv4 | cut -c -118)"
	dropped ip_rcv IP_INVALID_SOURCE 4 "$(src=0.1.2.3 ipv4)" "$(src=224.0.0.1 ipv4)" \
		"$(src=255.255.255.255 ipv4)"
	ip -n "$LAB-r" route add blackhole 203.0.113.0/24
	dropped route_in BLACKHOLE 5 "$(dst=203.0.113.5 ipv4)"
	balanced
}

# given STAGE KIND CAUSE COUNT HEX...: all go to the kernel, for this reason only.
given() {
	local exit=$1_$2_$3 count=$4 hex packets=0

	shift 4
	for hex; do
		inject "$count" "$hex"
		packets=$((packets + count))
	done
	expect r0/tc_ingress "$exit" "$packets"
	expect r0/tc_ingress xmit_OUT_NONE 0
	mark r0/tc_ingress
}

@test "TC alone: what is the kernel's is given to it" {
	tc_only
	given tc_ingress PASS OTHERHOST 6 "$(to=02:00:00:00:00:99 ipv4)"
	given tc_ingress PASS VLAN 3 "$(type=8100 ether)00050800$(ipv4 | cut -c 29-)"
	given tc_ingress PASS VLAN 3 "$(type=88a8 ether)000581000006$(type=0800 ether | cut -c 25-)$(ipv4 |
		cut -c 29-)"
	given tc_ingress PASS UNHANDLED_PROTO 4 "$(type=88b5 ether)$(printf 00%.0s {1..46})"
	given ip_rcv PASS IP_LOCALNET 3 "$(src=127.0.0.1 ipv4)" "$(dst=127.0.0.1 ipv4)"
	given ip_rcv PASS IP_MULTICAST 3 "$(dst=239.1.2.3 ipv4)"
	given ip_rcv PASS IP_BROADCAST 3 "$(dst=255.255.255.255 ipv4)"
	given neigh PASS NEIGH_UNRESOLVED 2 "$(dst=198.51.100.77 ipv4)"
	given route_in PASS NOT_FORWARDED 2 "$(dst=203.0.113.5 ipv4)"
	balanced
}

@test "TC alone: TTL, options, no route and unreachable ones are answered by the kernel" {
	tc_only
	run -1 in_ns c ping -c 1 -t 1 -W 5 "$S_ADDR"
	[[ $output = *"From $R0_ADDR"*"Time to live exceeded"* ]]
	expect r0/tc_ingress ip_forward_PUNT_IP_TTL 1
	run -0 in_ns c ping -R -c 1 -W 5 "$S_ADDR"
	[[ $output = *RR:*"$R1_ADDR"*"$S_ADDR"*"$R0_ADDR"* ]]
	expect r0/tc_ingress ip_rcv_PUNT_IP_OPTIONS 1
	run -1 in_ns c ping -c 1 -W 5 203.0.113.5
	[[ $output = *"From $R0_ADDR"*"Destination Net Unreachable"* ]]
	expect r0/tc_ingress route_in_PASS_NOT_FORWARDED 1
	ip -n "$LAB-r" route add unreachable 203.0.113.0/25
	run -1 in_ns c ping -c 1 -W 5 203.0.113.5
	[[ $output = *"From $R0_ADDR"*"Destination Host Unreachable"* ]]
	expect r0/tc_ingress route_in_PUNT_UNREACHABLE 1
	run -0 in_ns c ping -q -c 3 -i 0.05 "$R1_ADDR"
	expect r0/tc_ingress route_in_PASS_NOT_FORWARDED 4
	balanced
}

@test "TC alone: fragments are forwarded one by one" {
	tc_only
	run -0 in_ns c ping -q -c 3 -i 0.05 -s 4000 "$S_ADDR"
	expect r0/tc_ingress xmit_OUT_NONE 9
	expect r1/tc_ingress xmit_OUT_NONE 9
}

@test "TC alone: a next hop is resolved by the kernel, then used" {
	ip -n "$LAB-r" neigh flush dev r1
	weir_r dev attach r0 r1 xdp off tc on
	mark r0/tc_ingress
	run -0 in_ns c ping -q -c 3 -i 0.05 -W 5 "$S_ADDR"
	[ "$(since r0/tc_ingress neigh_PASS_NEIGH_UNRESOLVED)" -ge 1 ]
	wait_until forwarded_by r0/tc_ingress r1/tc_ingress
}

@test "TC alone: punt drop drops what would be punted; forwarding and local traffic go on" {
	weir_r dev attach r0 r1 xdp off tc on punt drop
	wait_until forwarded_by r0/tc_ingress r1/tc_ingress
	mark $HOOKS
	run ! in_ns c ping -q -c 3 -i 0.02 -W 1 -t 1 "$S_ADDR"
	expect r0/tc_ingress punt_drop_ip_forward_PUNT_IP_TTL 3
	expect r0/tc_ingress ip_forward_PUNT_IP_TTL 0
	run -0 in_ns c ping -q -c 3 -i 0.02 "$R0_ADDR"
	run -0 in_ns c ping -q -c 3 -i 0.02 "$S_ADDR"
	equal 'drop show' "$(weir_r -j drop show dev r0 |
		jq -r '[.devices[].drops[] | "\(.stage) \(.cause) \(.packets)"] | join(" ")')" \
		'ip_forward IP_TTL 3'
	balanced
}

@test "TC alone: what leaves by a device without weir is punted, and arrives" {
	tc_only
	weir_r dev detach r1
	mark r0/tc_ingress
	run -0 in_ns c ping -q -c 4 -i 0.05 -W 5 "$S_ADDR"
	expect r0/tc_ingress xmit_PUNT_EGRESS_NOT_ATTACHED 4
}

@test "TC alone: what the router itself sends is seen as it leaves" {
	tc_only
	run -0 in_ns r ping -q -c 6 -i 0.02 "$S_ADDR"
	expect r1/tc_egress xmit_OUT_NONE 6
	expect r1/tc_egress tc_egress_OUT_TC_JUDGED 0
	expect r1/tc_ingress route_in_PASS_NOT_FORWARDED 6
	bulk r s 3000000
	[ "$(since r1/tc_egress gso_frames)" -gt 0 ]
	balanced
}

# --- TC beside XDP ---

# passed_by_xdp DEV: what XDP gave to the kernel since mark.
passed_by_xdp() {
	grown "$1/xdp" | awk '$1 ~ /_(PASS|PUNT)_/ && $1 !~ /^punt_drop/ { n += $2 }
		END { print n + 0 }'
}

# marked DEV: frames that came to TC as XDP's, those that GRO had merged taken apart.
marked() {
	grown "$1/tc_ingress" | awk '$1 == "tc_ingress_PASS_XDP_JUDGED" || $1 == "gso_segs" { n += $2 }
		$1 == "gso_frames" { n -= $2 } END { print n + 0 }'
}

marked_all() {
	equal "$1, XDP's at TC" "$(marked "$1")" "$(passed_by_xdp "$1")"
}

nothing_judged_twice() {
	local dev

	for dev in r0 r1; do
		wait_until marked_all "$dev" || marked_all "$dev"
		expect "$dev/tc_ingress" in "$(since "$dev/tc_ingress" tc_ingress_PASS_XDP_JUDGED)"
	done
}

@test "beside XDP: what XDP forwards TC never sees, what it passes is passed on" {
	both
	run -0 in_ns c ping -q -c 5 -i 0.02 "$S_ADDR"
	expect r0/xdp xmit_OUT_NONE 5
	expect r0/tc_ingress in 0
	run -0 in_ns c ping -q -c 5 -i 0.02 "$R0_ADDR"
	run -1 in_ns c ping -q -c 2 -i 0.02 -W 2 -t 1 "$S_ADDR"
	ip -n "$LAB-r" route add blackhole 203.0.113.0/24
	inject 4 "$(dst=203.0.113.5 ipv4)"
	expect r0/xdp route_in_DROP_BLACKHOLE 4
	expect r0/xdp route_in_PASS_NOT_FORWARDED 5
	expect r0/xdp ip_forward_PUNT_IP_TTL 2
	expect r0/tc_ingress route_in_DROP_BLACKHOLE 0
	nothing_judged_twice
	equal 'drop show' "$(weir_r -j drop show dev r0 |
		jq -r '[.devices[].drops[] | "\(.stage) \(.cause) \(.packets)"] | join(" ")')" \
		'route_in BLACKHOLE 4'
	balanced
}

# sniffs DEV: somebody has a packet socket there.
sniffs() {
	in_ns r ss -Hnl0 | grep -q ":$1 "
}

# A sniffer without a ring holds clones of the packets that it has not read yet.
@test "beside XDP: a sniffer that holds packets changes nothing of that" {
	both
	background in_ns r socat -u INTERFACE:r0 /dev/null
	wait_until sniffs r0
	kill -STOP $!
	run -0 in_ns c ping -q -c 10 -i 0.02 "$R0_ADDR"
	run -0 in_ns c ping -q -c 10 -i 0.02 "$S_ADDR"
	kill -CONT $!
	nothing_judged_twice
	balanced
}

@test "beside XDP: a bulk transfer to the router itself comes through GRO, unchanged" {
	both
	bulk c r 5000000 "$R0_ADDR"
	nothing_judged_twice
	[ "$(since r0/tc_ingress tc_ingress_PASS_XDP_JUDGED)" -gt 0 ]
	balanced
}

@test "XDP marks what it passes only while TC is attached anywhere" {
	tc_mark() {
		bpftool -j map dump pinned "$PINS/ctl" | jq '[.. | .tc? // empty][0]'
	}

	weir_r dev attach r0
	equal tc "$(tc_mark)" 0
	weir_r dev attach r1 xdp off tc on
	equal tc "$(tc_mark)" 1
	bulk c r 2000000 "$R0_ADDR" # marked, and no TC there to see it
	weir_r dev detach r1
	equal tc "$(tc_mark)" 0
	weir_r dev detach r0
	nothing_left
}

# following: which tracepoints programs stand at for good.
following() {
	find "$PINS" -name 'link_*' -printf '%f ' | tr ' ' '\n' | sort | xargs
}

@test "what becomes of a packet is followed only where somebody sends: rules alone cost nothing" {
	local xdp='link_devmap_xmit link_exception link_redirect_err'

	weir_r filter add in dev r0 proto udp dport 9 drop
	equal before "$(following)" "$xdp"
	weir_r dev attach r0 xdp off tc on
	weir_r dev attach r1 xdp generic
	equal attached "$(following)" "link_devmap_xmit link_exception link_kfree_skb \
link_net_dev_xmit link_qdisc_enqueue link_redirect link_redirect_err"
	weir_r dev detach r0
	equal 'without TC' "$(following)" 'link_devmap_xmit link_exception link_redirect link_redirect_err'
	weir_r dev attach r0 xdp off tc on
	weir_r dev detach all
	equal 'rules alone' "$(following)" "$xdp"
	weir_r dev attach r0 r1 xdp off tc on
	wait_until forwarded_by r0/tc_ingress r1/tc_ingress
	weir_r dev detach r0 r1
	equal 'rules alone' "$(following)" "$xdp"
	weir_r filter flush
	nothing_left
}

@test "XDP on one device, TC on the other: both ways are forwarded, whichever has which" {
	local xdp tc

	for xdp in r0 r1; do
		[ "$xdp" = r0 ] && tc=r1 || tc=r0
		weir_r dev attach "$xdp"
		weir_r dev attach "$tc" xdp off tc on
		if [ "$xdp" = r0 ]; then
			wait_until forwarded_by r0/xdp r1/tc_ingress
		else
			wait_until forwarded_by r0/tc_ingress r1/xdp
		fi
		mark "$xdp/xdp" "$tc/tc_ingress" "$tc/tc_egress"
		run -0 in_ns c ping -q -c 20 -i 0.02 "$S_ADDR"
		expect "$xdp/xdp" xmit_OUT_NONE 20
		expect "$xdp/xdp" sent 20
		expect "$tc/tc_ingress" xmit_OUT_NONE 20
		expect "$tc/tc_ingress" sent 20
		bulk c s 2000000
		balanced
		weir_r dev detach all
	done
	nothing_left
}

# --- attaching ---

@test "TC is attached by links that outlive weir, and detach leaves nothing" {
	tc_only
	equal states "$(states)" 'r0=attached r0=attached r1=attached r1=attached'
	equal hooks "$(weir_r -j dev show | jq -r '[.devices[] | .hook, .mode] | unique | join(" ")')" \
		'tc_egress tc_ingress tcx'
	no_xdp
	run -0 in_ns r bpftool -j net show
	equal 'attached programs' "$(jq -r '[.[0].tc[] | .devname + " " + .kind] | sort
		| join(" ")' <<<"$output")" \
		'r0 tcx/egress r0 tcx/ingress r1 tcx/egress r1 tcx/ingress'
	remember
	weir_r dev detach r0 r1
	nothing_left
	kernel_carries
}

@test "another program on the same TC hooks goes on, before ours and behind it" {
	local other=$BPFFS/$LAB-other

	weir_r --pin "$other" dev attach r0 r1 xdp off tc on # before us
	tc_only || true
	weir_r dev detach all
	run -0 in_ns c ping -q -c 3 -i 0.02 "$S_ADDR"
	weir_r dev attach r0 r1 xdp off tc on # behind it
	equal states "$(states)" 'r0=attached r0=attached r1=attached r1=attached'
	mark $HOOKS
	run -0 in_ns c ping -q -c 5 -i 0.02 "$S_ADDR"
	expect r0/tc_ingress in 0 # what the first has sent on, the second is not shown
	run -0 in_ns c ping -q -c 3 -i 0.02 "$R0_ADDR"
	expect r0/tc_ingress route_in_PASS_NOT_FORWARDED 3 # and what it passes, it is
	weir_r --pin "$other" dev detach all
	run -0 in_ns c ping -q -c 5 -i 0.02 "$S_ADDR"
	[ "$(since r0/tc_ingress xmit_OUT_NONE)" -ge 4 ]
	balanced
	weir_r dev detach all
	nothing_left
}

# rows DEV/HOOK: the id of its counters' map.
rows() {
	weir_r -j dev show "${1%/*}" | jq --arg hook "${1#*/}" \
		'.devices[] | select(.hook == $hook).rows_map_id'
}

@test "force from XDP to both, to TC and back: the counters of the hooks that stay are kept" {
	local xdp tc

	weir_r dev attach r0 r1
	wait_until forwarded_by r0/xdp r1/xdp
	xdp=$(rows r0/xdp)
	mark r0/xdp
	run -0 in_ns c ping -q -c 5 -i 0.02 "$S_ADDR"
	weir_r dev attach r0 r1 xdp native tc on force
	equal 'rows of XDP' "$(rows r0/xdp)" "$xdp"
	expect r0/xdp xmit_OUT_NONE 5
	tc=$(rows r0/tc_ingress)
	mark r0/tc_ingress
	run -0 in_ns c ping -q -c 5 -i 0.02 "$R0_ADDR"
	expect r0/tc_ingress tc_ingress_PASS_XDP_JUDGED 5
	weir_r dev attach r0 r1 xdp off tc on force
	no_xdp
	equal 'rows of XDP' "$(rows r0/xdp)" ''
	equal 'rows of TC' "$(rows r0/tc_ingress)" "$tc"
	expect r0/tc_ingress tc_ingress_PASS_XDP_JUDGED 5
	wait_until forwarded_by r0/tc_ingress r1/tc_ingress
	weir_r dev attach r0 r1 force
	equal 'rows of TC' "$(rows r0/tc_ingress)" ''
	equal hooks "$(weir_r -j dev show | jq -r '[.devices[].hook] | unique | join(" ")')" xdp
	[ "$(rows r0/xdp)" != "$xdp" ]
	fast_path_carries
	weir_r dev detach all
	nothing_left
}

@test "attached already at one hook: the others are refused without force, and nothing changes" {
	local before words

	weir_r dev attach r0 punt drop
	before=$(weir_r -j dev show | jq -S .devices)
	for words in 'xdp off tc on' 'xdp native tc on' 'tc on'; do
		# shellcheck disable=SC2086
		fails 2 weir_r dev attach r0 $words
		says '*r0 is attached already*'
		advises "*weir -n $LAB-r dev attach r0 *force*"
		equal "after $words" "$(weir_r -j dev show | jq -S .devices)" "$before"
	done
	weir_r dev detach r0
	weir_r dev attach r0 xdp off tc on
	before=$(weir_r -j dev show | jq -S .devices)
	for words in '' 'xdp generic' 'xdp native tc on' 'xdp off'; do
		# shellcheck disable=SC2086
		fails 2 weir_r dev attach r0 $words
		says '*r0 is attached already*'
		equal "after $words" "$(weir_r -j dev show | jq -S .devices)" "$before"
	done
	weir_r dev detach r0
	nothing_left
}

@test "a device without native XDP takes TC, where XDP's refusal points" {
	in_ns r ip link add br0 up type bridge
	fails 2 weir_r dev attach br0
	advises '*xdp off tc on*'
	weir_r dev attach br0 xdp off tc on
	equal states "$(states)" 'br0=attached br0=attached'
	in_ns r ip link del br0
	equal states "$(states)" 'br0=device gone br0=device gone'
	weir_r dev detach br0
	nothing_left
}

@test "kill -9 of attach at any moment: each hook is attached or not, and force mends the rest" {
	local i ms

	ms=${EPOCHREALTIME/./}
	weir_r dev attach r0 r1 xdp native tc on
	ms=$(((${EPOCHREALTIME/./} - ms) / 1000 + 1))
	weir_r dev detach all
	for ((i = 1; i <= KILLS / 2; i++)); do
		kill_within "$ms" weir_r dev attach r0 r1 xdp native tc on
		weir_r dev show >/dev/null || { echo "show fails after kill $i"; return 1; }
		weir_r ledger show >/dev/null || { echo "no balance after kill $i"; return 1; }
		pings 1 || { echo "no traffic after kill $i"; return 1; }
		weir_r dev attach r0 r1 xdp native tc on force || {
			echo "not attachable after kill $i"
			find "$PINS"
			return 1
		}
		equal states "$(states)" \
			'r0=attached r0=attached r0=attached r1=attached r1=attached r1=attached'
		fast_path_carries 4 || { echo "after kill $i"; return 1; }
		remember
		weir_r dev detach r0 r1
		[ ! -e "$PINS" ] || { echo "left after kill $i:"; find "$PINS"; return 1; }
	done
	nothing_left
}
