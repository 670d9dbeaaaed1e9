#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# IPsec beside the fast path: what an xfrm policy speaks of is the kernel's, which here lets it pass or
# blocks it; all else stays fast. Policies come and go while packets flow, and no process tells the
# programs. (That the kernel encrypts and decrypts is tested where it can: tests/kernels/guest/ipsec.bash.)

load helper
load frame

setup_file() {
	start_lab || return
	confirm_once
	# for frames to the MAC address of a host that is not there
	ip -n "$LAB-s" link set s0 promisc on
}

teardown_file() {
	stop_lab
}

setup() {
	need tcpdump socat jq
	ip -n "$LAB-r" xfrm policy list 2>/dev/null || skip "this kernel has no IPsec policies"
	ip -n "$LAB-r" route add 198.19.0.0/16 via "$S_ADDR"
	begin xdp
}

teardown() {
	end_background
	ip -n "$LAB-r" xfrm policy flush
	ip -n "$LAB-r" xfrm policy setdefault fwd accept out accept
	ip -n "$LAB-r" route del 198.19.0.0/16
	weir_r dev detach all
}

# begin xdp|tc_ingress: both devices by that hook alone, next hops confirmed.
begin() {
	HOOK=$1
	weir_r dev detach all
	if [ "$HOOK" = xdp ]; then
		weir_r dev attach r0 r1
	else
		weir_r dev attach r0 r1 xdp off tc on
	fi
	wait_until forwarded_fast
	mark "r0/$HOOK" "r1/$HOOK"
}

forwarded_fast() {
	mark "r0/$HOOK" "r1/$HOOK" && in_ns c ping -q -c 1 -W 1 "$S_ADDR" &&
		[ "$(since "r0/$HOOK" xmit_OUT_NONE)/$(since "r1/$HOOK" xmit_OUT_NONE)" = 1/1 ]
}

policy() {
	ip -n "$LAB-r" xfrm policy "$@"
}

# stream PORT: a slow one to 198.19.0.1, for as long as the test takes.
stream() {
	background in_ns c bash -c "while :; do echo x; sleep 0.01; done |
		exec socat -u - UDP4-SENDTO:198.19.0.1:$1"
}

more_than() {
	[ "$(since "r0/$HOOK" "$2")" -gt "$1" ]
}

# grows EXIT: while the stream flows.
grows() {
	mark "r0/$HOOK" && wait_until more_than 20 "$1"
}

# rests EXIT: the stream flows, and yet not this way.
rests() {
	mark "r0/$HOOK" && wait_until more_than 20 in && [ "$(since "r0/$HOOK" "$1")" = 0 ]
}

# stat NAME: of what the router's IPsec counts.
stat() {
	in_ns r awk -v name="$1" '$1 == name { print $2 }' /proc/net/xfrm_stat
}

# --- each packet of a governed flow, and none of another ---

passes_what_is_allowed() {
	begin "$1"
	policy add src 192.0.2.1/32 dst 198.19.0.1/32 proto udp dport 7777 dir "$2" action allow
	wait_until governed_is_punted
	mark "r0/$HOOK"
	background_capture s s0 udp
	inject 5 "$(dst=198.19.0.1 payload=04d21e6100080000 ipv4)"
	inject 7 "$(dst=198.19.0.1 payload=04d21e6200080000 ipv4)"
	inject 3 "$(src=192.0.2.2 dst=198.19.0.1 payload=04d21e6100080000 ipv4)"
	wait_until captured_times 5 '192.0.2.1.1234 > 198.19.0.1.7777'
	wait_until captured_times 7 '192.0.2.1.1234 > 198.19.0.1.7778'
	wait_until captured_times 3 '192.0.2.2.1234 > 198.19.0.1.7777'
	expect "r0/$HOOK" ip_forward_PUNT_XFRM_POLICY 5
	expect "r0/$HOOK" xmit_OUT_NONE 10
	run -0 weir_r ledger show
}

governed_is_punted() {
	mark "r0/$HOOK" && inject 1 "$(dst=198.19.0.1 payload=04d21e6100080000 ipv4)" &&
		[ "$(since "r0/$HOOK" ip_forward_PUNT_XFRM_POLICY)" = 1 ]
}

@test "XDP: packets that a policy lets out go by the kernel, others of the same hosts do not" {
	passes_what_is_allowed xdp out
}

@test "XDP: packets that a policy lets be forwarded" {
	passes_what_is_allowed xdp fwd
}

@test "TC: packets that a policy lets out" {
	passes_what_is_allowed tc_ingress out
}

@test "TC: packets that a policy lets be forwarded" {
	passes_what_is_allowed tc_ingress fwd
}

# --- policies that come and go while packets flow ---

obeys_what_blocks() {
	local blocked

	begin "$1"
	stream 9300
	grows xmit_OUT_NONE
	blocked=$(stat XfrmInPolBlock)
	policy add dst 198.19.0.0/16 dir fwd action block
	wait_until rests xmit_OUT_NONE
	grows ip_forward_PUNT_XFRM_POLICY
	[ "$(stat XfrmInPolBlock)" -gt "$blocked" ]
	background_capture s s0 'udp and dst host 198.19.0.1'
	mark "r0/$HOOK" && wait_until more_than 20 in
	equal "frames at the server" "$(wc -l <"$CAPTURE")" 0
	# another flow, meanwhile, by the fast path
	wait_until forwarded_fast
	policy delete dst 198.19.0.0/16 dir fwd
	wait_until rests ip_forward_PUNT_XFRM_POLICY
	grows xmit_OUT_NONE
	wait_until captured 198.19.0.1.9300
	run -0 weir_r ledger show
}

@test "XDP: a policy that blocks a flow under way, and goes again" {
	obeys_what_blocks xdp
}

@test "TC: a policy that blocks a flow under way, and goes again" {
	obeys_what_blocks tc_ingress
}

@test "where nothing passes without a policy, nothing passes by the fast path" {
	stream 9300
	grows xmit_OUT_NONE
	policy setdefault fwd block || skip "this kernel or this ip has no default policies"
	wait_until rests xmit_OUT_NONE
	grows ip_forward_PUNT_XFRM_POLICY
	run ! in_ns c ping -q -c 3 -i 0.1 -W 1 "$S_ADDR"
	policy setdefault fwd accept
	wait_until rests ip_forward_PUNT_XFRM_POLICY
	grows xmit_OUT_NONE
}

@test "a policy of a tunnel whose other end is not there: nothing leaves in clear" {
	stream 9300
	grows xmit_OUT_NONE
	policy add src 192.0.2.0/24 dst 198.19.0.0/16 dir out \
		tmpl src "$R1_ADDR" dst "$S_ADDR" proto esp mode tunnel
	wait_until rests xmit_OUT_NONE
	background_capture s s0 'udp and dst host 198.19.0.1'
	grows ip_forward_PUNT_XFRM_POLICY
	equal "frames at the server" "$(wc -l <"$CAPTURE")" 0
}

@test "the cause is told, and with 'punt drop' it is a drop" {
	policy add dst 198.19.0.0/16 dir fwd action allow
	weir_r dev attach r0 punt drop force
	wait_until dropped_by_punt
	run -0 weir_r -j drop show dev r0
	jq -e '[.. | objects | select(.cause? == "XFRM_POLICY")] | length > 0' <<<"$output"
	run -0 weir_r drop explain XFRM_POLICY
	[[ $output = *IPsec*'ip xfrm policy'* ]]
}

dropped_by_punt() {
	mark r0 && inject 1 "$(dst=198.19.0.1 payload=04d21e6100080000 ipv4)" &&
		[ "$(since r0 punt_drop_ip_forward_PUNT_XFRM_POLICY)" = 1 ]
}
